-- Two ordinary roles, an admin, and one that may not log in: who sees and changes what.
SELECT type FROM ayb_jobs.register_handler('outside', kind => 'external', max_attempts => 1);
CREATE TABLE made (whose text, n int, id uuid);
GRANT ALL ON made TO PUBLIC;
SET ROLE regress_alice;
INSERT INTO made SELECT 'alice', i, ayb_jobs.enqueue('outside', to_jsonb(i), '2001-01-01', 'alice ' || i) FROM generate_series(1, 4) AS i;
SET ROLE regress_bob;
INSERT INTO made SELECT 'bob', i, ayb_jobs.enqueue('outside', to_jsonb(i), '2000-01-01', 'bob ' || i) FROM generate_series(1, 4) AS i;
-- one in each state: 1 queued, 2 canceled, 3 failed, 4 completed
SELECT state FROM made AS m CROSS JOIN LATERAL ayb_jobs.cancel(m.id) WHERE whose = 'bob' AND n = 2;
SELECT state FROM made AS m CROSS JOIN LATERAL ayb_jobs.cancel(m.id) WHERE whose = 'bob' AND n = 1;
SELECT payload FROM ayb_jobs.claim('bob', '{outside}', 100);
SELECT state FROM made AS m CROSS JOIN LATERAL ayb_jobs.fail(m.id, 'bob', 1, 'secret of bob') WHERE whose = 'bob' AND n = 3;
SELECT state FROM made AS m CROSS JOIN LATERAL ayb_jobs.complete(m.id, 'bob', 1) WHERE whose = 'bob' AND n = 4;
UPDATE made SET id = ayb_jobs.enqueue('outside', '5', '2000-01-01', 'bob 5'), n = 5 WHERE whose = 'bob' AND n = 1;
SELECT run_as, state, payload FROM ayb_jobs.jobs WHERE type = 'outside' ORDER BY id;

-- Alice sees hers, in the view, in the tables, and by every function
SET ROLE regress_alice;
SELECT run_as, state, payload FROM ayb_jobs.jobs WHERE type = 'outside' ORDER BY id;
SELECT 'job_queue' AS "table", array_agg(DISTINCT run_as) FROM ayb_jobs.job_queue
UNION ALL SELECT 'job_history', array_agg(DISTINCT run_as) FROM ayb_jobs.job_history WHERE id IN (SELECT id FROM made)
UNION ALL SELECT 'job_attempts', array_agg(DISTINCT run_as) FROM ayb_jobs.job_attempts
UNION ALL SELECT 'job_minutes', array_agg(DISTINCT run_as) FROM ayb_jobs.job_minutes WHERE run_as = 'regress_bob'::regrole
ORDER BY 1;
SELECT count(*) AS attempts FROM made AS m CROSS JOIN LATERAL ayb_jobs.attempts(m.id) WHERE whose = 'bob';
SELECT count(*) FILTER (WHERE e.run_as = 'regress_alice'::regrole) > 0 AS own, count(*) FILTER (WHERE e.run_as <> 'regress_alice'::regrole) AS others
FROM ayb_jobs.events(max_events => 4096) AS e;
SELECT array_agg(DISTINCT role) AS lanes FROM ayb_jobs.lanes();
SELECT count(*) FILTER (WHERE role <> 'regress_alice'::regrole) AS others FROM ayb_jobs.workers();
SELECT s.queued = 4 AS queued, s.canceled = 0 AND s.failed = 0 AND s.running = 0 AS no_others FROM ayb_jobs.stats() AS s;
SELECT refused($$SELECT * FROM ayb_jobs.health()$$);
SELECT count(*) AS keys_of_others FROM ayb_jobs.job_keys WHERE run_as <> 'regress_alice'::regrole;
SELECT refused($$SELECT * FROM ayb_jobs_internal.server_state()$$);
-- a day of the history by itself shows no more than the history does
SELECT max(refused(format('SELECT 1 / (count(*) = 0)::int FROM %s WHERE run_as <> %L::regrole', inhrelid::regclass, 'regress_alice'))) AS others_of_a_day
FROM pg_inherits WHERE inhparent = 'ayb_jobs.job_history'::regclass;
-- Bob's are unknown to her: the same answer as for an id that nobody has
RESET ROLE;
SELECT books() AS before \gset
SET ROLE regress_alice;
SELECT n, refused(format(call, id)) FROM made
CROSS JOIN LATERAL unnest(ARRAY['SELECT ayb_jobs.cancel(%L)', 'SELECT ayb_jobs.cancel(%L, true)', 'SELECT ayb_jobs.retry_now(%L)',
                                'SELECT ayb_jobs.complete(%L, ''bob'', 1)', 'SELECT ayb_jobs.fail(%L, ''bob'', 1, ''x'')',
                                'SELECT ayb_jobs.extend(%L, ''bob'', 1)']) WITH ORDINALITY AS c (call, o)
WHERE whose = 'bob' AND (n = 5 OR o = 3) ORDER BY n, o;
SELECT ayb_jobs.retry_matching() AS retried;
RESET ROLE;
SELECT books() = :'before' AS nothing_changed;
SET ROLE regress_alice;
SELECT array_agg(id) AS claimed FROM ayb_jobs.claim('alice', '{outside}', 2) \gset
RESET ROLE;
SELECT count(*), array_agg(DISTINCT run_as) AS claimed FROM ayb_jobs.jobs WHERE id = ANY (:'claimed');
SET ROLE regress_alice;
SELECT array_agg(id) AS all_made FROM made \gset
SELECT ayb_jobs.retry_many(:'all_made') AS retried;
SELECT ayb_jobs.cancel_matching() AS canceled;
SELECT ayb_jobs.cancel_many(:'all_made') AS left_over;
RESET ROLE;
SELECT run_as, state, count(*) FROM ayb_jobs.jobs WHERE id IN (SELECT id FROM made) GROUP BY 1, 2 ORDER BY run_as::text, state;

-- Nobody but the owner writes or changes tables by hand, and nobody goes round the policies
SET ROLE regress_bob;
SELECT statement, refused(statement) FROM unnest(ARRAY[
    $$INSERT INTO ayb_jobs.job_queue (type) VALUES ('x')$$,
    $$UPDATE ayb_jobs.job_queue SET state = 'queued'$$,
    $$DELETE FROM ayb_jobs.job_queue$$,
    $$TRUNCATE ayb_jobs.job_queue$$,
    $$SELECT * FROM ayb_jobs.job_queue FOR UPDATE$$,
    $$INSERT INTO ayb_jobs.jobs (type) VALUES ('x')$$,
    $$UPDATE ayb_jobs.jobs SET state = 'queued'$$,
    $$DELETE FROM ayb_jobs.job_history$$,
    $$DELETE FROM ayb_jobs.job_attempts$$,
    $$DELETE FROM ayb_jobs.job_minutes$$,
    $$INSERT INTO ayb_jobs.job_keys VALUES ('regress_bob', 'x', gen_random_uuid())$$,
    $$UPDATE ayb_jobs.handlers SET owner = 'regress_bob'$$,
    $$DELETE FROM ayb_jobs.pauses$$,
    $$DELETE FROM ayb_jobs.database_stamp$$,
    $$ALTER TABLE ayb_jobs.job_queue DISABLE ROW LEVEL SECURITY$$,
    $$ALTER TABLE ayb_jobs.job_queue DISABLE TRIGGER ALL$$,
    $$CREATE POLICY mine ON ayb_jobs.job_queue USING (true)$$,
    $$CREATE INDEX ON ayb_jobs.job_queue (type)$$,
    $$CREATE TABLE ayb_jobs.mine ()$$,
    $$CREATE FUNCTION ayb_jobs.enqueue(text) RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid'$$,
    $$CREATE TRIGGER mine BEFORE INSERT ON ayb_jobs.job_queue FOR EACH ROW EXECUTE FUNCTION ayb_jobs_internal.note_job()$$,
    $$ALTER FUNCTION ayb_jobs.pause(text) OWNER TO regress_bob$$,
    $$GRANT ALL ON ayb_jobs.job_queue TO regress_bob$$,
    $$DROP TABLE ayb_jobs.job_queue CASCADE$$,
    $$DROP EXTENSION ayb_jobs$$,
    $$SELECT ayb_jobs_internal.stamp_new_database()$$,
    $$SELECT ayb_jobs_internal.note_job()$$]) AS statement;
SET row_security = off;
SELECT count(*) FROM ayb_jobs.jobs;
RESET row_security;
-- a function of one's own isn't called with the rows of others: the policy comes first
CREATE FUNCTION bob.leak(uuid, jsonb) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$BEGIN RAISE NOTICE 'leaked %', $2; RETURN true; END$$;
SELECT count(*) FROM ayb_jobs.jobs WHERE payload IN ('1', '2', '3', '4') AND bob.leak(id, payload) AND run_as <> 'regress_bob'::regrole AND enqueued_by <> 'regress_bob'::regrole;
RESET ROLE;

-- Members of ayb_jobs_admin see and change all
SET ROLE regress_admin;
SELECT run_as, count(*) FROM ayb_jobs.jobs WHERE run_as::text ~ 'regress' AND type = 'outside' GROUP BY run_as ORDER BY run_as::text;
SELECT count(DISTINCT run_as) >= 2 AS events FROM ayb_jobs.events(max_events => 4096);
SELECT count(*) > 5 AS health FROM ayb_jobs.health();
SELECT state FROM made AS m CROSS JOIN LATERAL ayb_jobs.retry_now(m.id) WHERE whose = 'bob' AND n = 3;
SELECT state, worker_id FROM made AS m CROSS JOIN LATERAL ayb_jobs.cancel(m.id) WHERE whose = 'bob' AND n = 3;
SELECT count(*) AS forced FROM ayb_jobs.jobs AS j CROSS JOIN LATERAL ayb_jobs.cancel(j.id, true) WHERE j.state = 'running';
SELECT refused($$UPDATE ayb_jobs.job_queue SET state = 'queued'$$);
RESET ROLE;
-- and so does a role that has a member's rights
CREATE ROLE regress_boss LOGIN;
GRANT regress_alice TO regress_boss;
SET ROLE regress_boss;
SELECT array_agg(DISTINCT run_as) FROM ayb_jobs.jobs;
-- but not one that would have to SET ROLE first
RESET ROLE;
REVOKE regress_alice FROM regress_boss;
ALTER ROLE regress_boss NOINHERIT;
GRANT regress_alice TO regress_boss;
SET ROLE regress_boss;
SELECT count(*) FROM ayb_jobs.jobs;
RESET ROLE;
REVOKE regress_alice FROM regress_boss;
ALTER ROLE regress_boss INHERIT;
GRANT regress_alice TO regress_boss;

-- run_as: oneself, a role that one could SET ROLE to, and never a superuser
SET ROLE regress_boss;
SELECT ayb_jobs.enqueue('outside', run_as => 'regress_alice') AS alice, ayb_jobs.enqueue('outside', run_as => 'regress_boss') AS boss,
       ayb_jobs.enqueue('outside') AS self \gset
SELECT refused($$SELECT ayb_jobs.enqueue('outside', run_as => 'regress_bob')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', run_as => 'postgres')$$);
RESET ROLE;
-- nor a role that one merely administers, as 16 has it
CREATE ROLE regress_keeper LOGIN;
SELECT current_setting('server_version_num')::int >= 160000 AS knows_keepers \gset
\if :knows_keepers
GRANT regress_alice TO regress_keeper WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
\endif
SET ROLE regress_keeper;
SELECT refused($$SELECT ayb_jobs.enqueue('outside', run_as => 'regress_alice')$$);
RESET ROLE;
CREATE ROLE regress_super SUPERUSER LOGIN;
GRANT regress_super TO regress_boss;
SET ROLE regress_boss;
SELECT refused($$SELECT ayb_jobs.enqueue('outside', run_as => 'regress_super')$$);
RESET ROLE;
SELECT run_as FROM ayb_jobs.jobs WHERE id IN (:'alice', :'boss', :'self') ORDER BY id;
-- an admin isn't everybody's member
SET ROLE regress_admin;
SELECT refused($$SELECT ayb_jobs.enqueue('outside', run_as => 'regress_bob')$$);
RESET ROLE;
-- a superuser may name any role
SELECT ayb_jobs.enqueue('outside', run_as => 'regress_super') IS NOT NULL AS enqueued;

-- A role without LOGIN is refused when it enqueues, with a hint; outside jobs need no session
CREATE FUNCTION nothing() RETURNS void LANGUAGE sql AS '';
SELECT type FROM ayb_jobs.register_handler('inside', 'nothing()');
SET ROLE regress_nologin;
SELECT refused($$SELECT ayb_jobs.enqueue('inside')$$);
SELECT refused($$SELECT ayb_jobs.enqueue_many('inside', ARRAY['1']::jsonb[])$$);
SELECT refused($$SELECT ayb_jobs.enqueue('inside', run_at => '2100-01-01')$$);
SELECT ayb_jobs.enqueue('outside') IS NOT NULL AS outside;
RESET ROLE;
-- nor one that may not connect
REVOKE CONNECT ON DATABASE regression FROM PUBLIC;
SET ROLE regress_bob;
SELECT refused($$SELECT ayb_jobs.enqueue('inside')$$);
RESET ROLE;
GRANT CONNECT ON DATABASE regression TO PUBLIC;
SET ROLE regress_bob;
SELECT ayb_jobs.enqueue('inside') AS id \gset
SELECT wait_for(:'id', 'completed');
RESET ROLE;

-- Stopping: all of the database is the admins', a type its registrar's
SET ROLE regress_alice;
SELECT refused($$SELECT ayb_jobs.pause()$$);
SELECT refused($$SELECT ayb_jobs.resume()$$);
SELECT refused($$SELECT ayb_jobs.adopt()$$);
SELECT refused($$SELECT ayb_jobs.drain()$$);
SELECT refused($$SELECT ayb_jobs.pause('outside')$$);
SELECT refused($$SELECT ayb_jobs.pause('nobody knows')$$);
SELECT type FROM ayb_jobs.register_handler('hers', kind => 'external');
SELECT ayb_jobs.pause('hers');
SELECT type, paused_by FROM ayb_jobs.pauses;
SELECT ayb_jobs.resume('hers');
SELECT count(*) FROM ayb_jobs.pauses;
SET ROLE regress_admin;
SELECT ayb_jobs.pause('hers'), ayb_jobs.resume('hers'), ayb_jobs.pause(), ayb_jobs.resume();
RESET ROLE;
-- health is for admins and who monitors
GRANT pg_monitor TO regress_bob;
SET ROLE regress_bob;
SELECT count(*) > 5 AS health FROM ayb_jobs.health();
RESET ROLE;
REVOKE pg_monitor FROM regress_bob;

-- A handler stays who it is: it is its role's session, and nobody else's rights are behind it
GRANT CREATE ON SCHEMA alice TO regress_alice;
SET ROLE regress_alice;
CREATE FUNCTION alice.become(payload jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE payload ->> 'sql';
    RETURN 'became ' || current_user;
END
$$;
SELECT type FROM ayb_jobs.register_handler('become', 'alice.become(jsonb)', max_attempts => 1);
CREATE TEMPORARY TABLE tried (sql text, id uuid);
INSERT INTO tried SELECT sql, ayb_jobs.enqueue('become', jsonb_build_object('sql', sql)) FROM unnest(ARRAY[
    'SET ROLE regress_bob', 'SET ROLE postgres', 'SET SESSION AUTHORIZATION regress_bob', 'SET SESSION AUTHORIZATION postgres',
    'SET LOCAL ROLE regress_admin', 'RESET SESSION AUTHORIZATION', 'RESET ROLE', 'SET ROLE NONE',
    'SELECT set_config(''role'', ''regress_bob'', false)',
    'DELETE FROM ayb_jobs.job_queue', 'ALTER SYSTEM SET ayb_jobs.enabled = off', 'SET ayb_jobs.test_clock_offset = 1',
    'COPY ayb_jobs.job_queue TO PROGRAM ''true''', 'DELETE FROM ayb_jobs.job_keys']) AS sql;
SELECT sql, wait_until(format($$EXISTS (SELECT FROM ayb_jobs.jobs WHERE id = %L AND state IN ('failed', 'completed'))$$, id)) AS ended FROM tried;
-- (why not COPY is said in other words from 16 on)
SELECT t.sql, j.state, coalesce(j.result #>> '{}', regexp_replace(j.last_error, 'ERROR: .*(pg_execute_server_program).* \(', 'ERROR: not in \1 (')) AS came_of_it
FROM tried AS t JOIN ayb_jobs.jobs AS j USING (id) ORDER BY j.id;
RESET ROLE;
DROP TABLE tried;

SELECT count(ayb_jobs.unregister_handler(type)) > 0 AS all_gone FROM (SELECT type FROM ayb_jobs.handlers WHERE NOT builtin) AS t;
TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_keys, ayb_jobs.job_attempts;
DROP FUNCTION nothing, alice.become, bob.leak;
DROP TABLE made;
DROP ROLE regress_boss, regress_keeper, regress_super;
