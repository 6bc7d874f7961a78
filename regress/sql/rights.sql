-- Everybody's jobs: who reads sees them, who operates acts on what is there, who is an admin makes and removes as well.
CREATE ROLE regress_reader LOGIN IN ROLE ayb_jobs_read;
CREATE ROLE regress_operator LOGIN IN ROLE ayb_jobs_operate;
SELECT m.roleid::regrole, m.member::regrole FROM pg_auth_members AS m WHERE m.roleid::regrole::text ~ '^ayb_jobs_' AND m.member::regrole::text ~ '^ayb_jobs_'
ORDER BY 1, 2;
CREATE TEMP TABLE ids (name text PRIMARY KEY, id uuid);
GRANT ALL ON ids TO PUBLIC;
SET SESSION AUTHORIZATION regress_alice;
CREATE MATERIALIZED VIEW alice.sum AS SELECT 1 AS one;
INSERT INTO ids VALUES ('view', (ayb_jobs.register_matview('sum', 'alice')).id),
                       ('schedule', (ayb_jobs.create_schedule('of alice', 'rights', '0 0 1 1 *')).id);
SELECT type FROM ayb_jobs.register_handler('rights', kind => 'external');
INSERT INTO ids SELECT n, ayb_jobs.enqueue('rights', to_jsonb(n), '2100-01-01', 'key of ' || n)
FROM unnest('{cancel,retry,run,reschedule,priority,many}'::text[]) AS n;
RESET SESSION AUTHORIZATION;
UPDATE ayb_jobs.job_queue SET state = 'failed' WHERE id = (SELECT id FROM ids WHERE name = 'retry');

-- All that there is to see, by whoever looks, who has nothing of their own: a reader sees of all what an admin sees something of
CREATE FUNCTION seen() RETURNS TABLE (what text, something boolean) LANGUAGE plpgsql AS $$
BEGIN
    FOR what IN SELECT format('%I', relname) FROM pg_class WHERE relnamespace = 'ayb_jobs'::regnamespace AND relkind IN ('r', 'p', 'v')
                UNION ALL SELECT unnest('{lanes(),health(),find_jobs(),matview_dependencies(),"actions((SELECT id FROM ids WHERE name = ''cancel''))",
                                          "count_jobs()",events(),"schedule_runs((SELECT id FROM ids WHERE name = ''schedule''))",
                                          "series(''2000-01-01'', ''1 day'')","matview_by_name(''sum'', ''alice'')",
                                          "attempts((SELECT id FROM ids WHERE name = ''cancel''))"}'::text[]) LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM ayb_jobs.%s AS t WHERE NOT t IS NULL)', what) INTO something;
        RETURN NEXT;
    END LOOP;
    SELECT 'stats()', s.queued > 0 INTO what, something FROM ayb_jobs.stats() AS s;
    RETURN NEXT;
END
$$;
SET SESSION AUTHORIZATION regress_admin;
CREATE TEMP TABLE admin_sees AS SELECT * FROM seen();
GRANT SELECT ON admin_sees TO PUBLIC;
SELECT string_agg(what, ' ' ORDER BY what) AS something FROM admin_sees
WHERE something AND what IN ('jobs', 'job_queue', 'job_keys', 'schedules', 'matviews', 'find_jobs()', 'count_jobs()', 'health()', 'lanes()', 'stats()',
                             'events()', 'matview_by_name(''sum'', ''alice'')');
SET SESSION AUTHORIZATION regress_reader;
SELECT a.what, a.something AS admin, s.something AS reader FROM admin_sees AS a FULL JOIN seen() AS s USING (what) WHERE a.something IS DISTINCT FROM s.something;
SET SESSION AUTHORIZATION regress_operator;
SELECT a.what, a.something AS admin, s.something AS operator FROM admin_sees AS a FULL JOIN seen() AS s USING (what) WHERE a.something IS DISTINCT FROM s.something;
RESET SESSION AUTHORIZATION;

-- Each verb, as each role, undone at once: 42501 names the right for what is seen, and an unknown id stays unknown
CREATE TABLE verbs (place int GENERATED ALWAYS AS IDENTITY, takes text, verb text, PRIMARY KEY (place));
INSERT INTO verbs (takes, verb) VALUES
    ('operate', 'cancel(%cancel%)'), ('operate', 'cancel(%cancel%, true)'), ('operate', 'retry_now(%retry%)'),
    ('operate', 'run_now(%run%)'), ('operate', 'reschedule(%reschedule%, ''2101-01-01'')'), ('operate', 'set_priority(%priority%, 1)'),
    ('operate', 'run_schedule_now(%schedule%)'), ('operate', 'refresh_now(%view%)'), ('operate', 'pause(''rights'')'),
    ('operate', 'resume(''rights'')'), ('operate', 'pause()'), ('operate', 'resume()'), ('operate', 'drain(''1 ms'')'),
    ('admin', 'adopt()'), ('admin', 'set_limit(''rights'', running => 1)'), ('admin', 'clear_limit(''rights'')'),
    ('admin', 'update_schedule(%schedule%, cron_expr => ''1 1 1 1 1'')'), ('admin', 'enable_schedule(%schedule%)'),
    ('admin', 'disable_schedule(%schedule%)'), ('admin', 'delete_schedule(%schedule%)'),
    ('admin', 'register_handler(''rights'', kind => ''external'')'), ('admin', 'unregister_handler(''rights'')'),
    ('admin', 'update_matview(%view%, refresh_mode => ''standard'')'), ('admin', 'unregister_matview(%view%)');
GRANT SELECT ON verbs TO PUBLIC;
-- What came of it: the SQLSTATE, or "done"; nothing of it stays.
CREATE FUNCTION tried(verb text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'SELECT ayb_jobs.' || regexp_replace(verb, '%(\w+)%', '(SELECT id FROM ids WHERE name = ''\1'')');
    RAISE EXCEPTION SQLSTATE 'ZZZZZ';
EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN RETURN 'done'; WHEN OTHERS THEN RETURN SQLSTATE;
END
$$;
CREATE TEMP TABLE came_of (place int, who name DEFAULT current_user, what text);
GRANT ALL ON came_of TO PUBLIC;
SELECT books() AS before \gset
SET SESSION AUTHORIZATION regress_bob;
INSERT INTO came_of (place, what) SELECT place, tried(verb) FROM verbs;
SET SESSION AUTHORIZATION regress_reader;
INSERT INTO came_of (place, what) SELECT place, tried(verb) FROM verbs;
SET SESSION AUTHORIZATION regress_operator;
INSERT INTO came_of (place, what) SELECT place, tried(verb) FROM verbs;
SET SESSION AUTHORIZATION regress_admin;
INSERT INTO came_of (place, what) SELECT place, tried(verb) FROM verbs;
RESET SESSION AUTHORIZATION;
SELECT books() = :'before' AS nothing_changed;
SELECT v.verb, v.takes, max(what) FILTER (WHERE who = 'regress_bob') AS bob, max(what) FILTER (WHERE who = 'regress_reader') AS reader,
       max(what) FILTER (WHERE who = 'regress_operator') AS operator, max(what) FILTER (WHERE who = 'regress_admin') AS admin
FROM verbs AS v JOIN came_of USING (place) GROUP BY v.place ORDER BY v.place;

-- In words, for what is looked up in each way
SET SESSION AUTHORIZATION regress_reader;
SELECT refused(format('SELECT ayb_jobs.cancel(%L)', id)) FROM ids WHERE name = 'cancel';
SELECT refused(format('SELECT ayb_jobs.run_schedule_now(%L)', id)) FROM ids WHERE name = 'schedule';
SELECT refused(format('SELECT ayb_jobs.delete_schedule(%L)', id)) FROM ids WHERE name = 'schedule';
SELECT refused(format('SELECT ayb_jobs.refresh_now(%L)', id)) FROM ids WHERE name = 'view';
SELECT refused('SELECT ayb_jobs.drain()');
SELECT refused('SELECT ayb_jobs.cancel(gen_random_uuid())');
SELECT refused('SELECT ayb_jobs.run_schedule_now(gen_random_uuid())');
SELECT refused('SELECT ayb_jobs.refresh_now(gen_random_uuid())');
-- to hand jobs out and to end them is an admin's, and nobody's who only acts on what is there
SET SESSION AUTHORIZATION regress_operator;
SELECT state FROM ids, ayb_jobs.run_now(ids.id) WHERE name = 'run';
SELECT count(*) AS claimed FROM ayb_jobs.claim('operator', '{rights}');
SET SESSION AUTHORIZATION regress_admin;
SELECT count(*) AS claimed FROM ayb_jobs.claim('admin', '{rights}');
SET SESSION AUTHORIZATION regress_operator;
SELECT refused(format('SELECT ayb_jobs.complete(%L, ''admin'', 1)', id)) FROM ids WHERE name = 'run';
SELECT m.reason FROM ids, ayb_jobs.extend_many('admin', jsonb_build_array(jsonb_build_object('id', ids.id, 'attempt', 1))) AS m WHERE name = 'run';
SET SESSION AUTHORIZATION regress_admin;
SELECT m.reason FROM ids, ayb_jobs.extend_many('admin', jsonb_build_array(jsonb_build_object('id', ids.id, 'attempt', 1))) AS m WHERE name = 'run';

-- Of many, each changes those that they may
\set many 'SELECT ayb_jobs.cancel_many(ARRAY(SELECT id FROM ids WHERE name = ''many'')) AS canceled, ayb_jobs.retry_matching(''rights'') AS retried, ayb_jobs.run_now_many(ARRAY(SELECT id FROM ids WHERE name = ''many'')) AS run, (SELECT count(*) FROM ayb_jobs.refresh_all(''alice'')) AS refreshed'
SET SESSION AUTHORIZATION regress_reader;
:many;
SET SESSION AUTHORIZATION regress_operator;
:many;
RESET SESSION AUTHORIZATION;
SELECT action, done_by, count(*) FROM ids, ayb_jobs.actions(ids.id) GROUP BY 1, 2 ORDER BY 1, 2;

-- Nobody writes a table, becomes somebody else or reads a sealed key by them
SET SESSION AUTHORIZATION regress_operator;
SELECT statement, left(refused(statement), 5) FROM unnest(ARRAY['DELETE FROM ayb_jobs.job_queue', 'SELECT ayb_jobs_internal.wire_key()',
    'SELECT ayb_jobs.enqueue(''rights'', run_as => ''regress_alice'')', 'SET ROLE ayb_jobs_admin']) AS statement;
SELECT count(*) FROM ayb_jobs.wire_keys;
RESET SESSION AUTHORIZATION;

SELECT ayb_jobs.unregister_handler('rights'), ayb_jobs.delete_schedule((SELECT id FROM ids WHERE name = 'schedule')),
       ayb_jobs.unregister_matview((SELECT id FROM ids WHERE name = 'view'));
TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_keys, ayb_jobs.job_attempts, ayb_jobs.job_actions;
DROP MATERIALIZED VIEW alice.sum;
DROP FUNCTION seen, tried;
DROP TABLE verbs, came_of, ids, admin_sees;
DROP ROLE regress_reader, regress_operator;
