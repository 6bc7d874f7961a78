-- What an ordinary role may try against the queue, a line each: the expected outcome beside what came of it. Only lines
-- where they differ are shown. SECURITY.md has the model. What takes several steps or sessions is in roles and t/030_roles.pl.
CREATE ROLE regress_mallory LOGIN;
CREATE SCHEMA mallory AUTHORIZATION regress_mallory;
SELECT type FROM ayb_jobs.register_handler('attacked', kind => 'external');
SELECT ayb_jobs.pause('attacked');
SET ROLE regress_alice;
CREATE FUNCTION alice.own(jsonb) RETURNS void LANGUAGE sql AS '';
REVOKE ALL ON FUNCTION alice.own FROM PUBLIC;
SELECT type FROM ayb_jobs.register_handler('alices', 'alice.own(jsonb)', definer => true);
SELECT ayb_jobs.enqueue('attacked', '{"secret": "of alice"}') AS victim \gset
SELECT id AS schedule FROM ayb_jobs.create_schedule('alices nightly', 'attacked', '@yearly') \gset
CREATE MATERIALIZED VIEW alice.attacked AS SELECT 1 AS one;
SELECT id AS matview FROM ayb_jobs.register_matview('attacked', 'alice') \gset
CREATE TABLE alice.watched (id bigint PRIMARY KEY);
RESET ROLE;
INSERT INTO ayb_jobs.job_depths VALUES ('2001-01-01', 'regress_alice'::regrole, 1, 0, 1);
SELECT relation::oid AS watched FROM ayb_jobs.enable_realtime('alice.watched') \gset
SELECT books() AS before \gset
SELECT md5(string_agg(s::text, ' ')) AS schedules FROM (TABLE ayb_jobs.schedules ORDER BY id) AS s \gset

-- As mallory: the SQLSTATE; or the first column of the first row; or, where that is NULL or there is none, done.
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    got text;
BEGIN
    BEGIN
        IF statement LIKE 'SELECT %' THEN
            EXECUTE statement INTO got;
        ELSE
            EXECUTE statement;
        END IF;
    EXCEPTION WHEN OTHERS THEN
        RETURN SQLSTATE;
    END;
    RETURN coalesce(got, 'done');
END $$;
-- Tables that mallory listens to, in each form of policy; a project for each story, and what is done in it, as one commit after another.
CREATE SCHEMA shown;
GRANT USAGE ON SCHEMA shown TO regress_mallory;
CREATE TABLE shown.members (project int, person text);
CREATE TABLE shown.hidden_members (LIKE shown.members);
CREATE TABLE shown.projects AS SELECT p AS project, false AS open FROM generate_series(1, 7) AS p;
GRANT SELECT ON shown.members, shown.projects TO regress_mallory;
ALTER TABLE shown.members ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON shown.members USING (person = current_user);
CREATE FUNCTION shown.is_member(wanted int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
AS $$ SELECT EXISTS (SELECT FROM shown.hidden_members WHERE project = wanted AND person = 'regress_mallory') $$;
CREATE FUNCTION shown.is_public(shape text, wanted int) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER
AS $$ DECLARE yes boolean; BEGIN EXECUTE format('SELECT public FROM %s WHERE id = $1', shape) INTO yes USING wanted; RETURN yes; END $$;
CREATE TABLE shown.shapes (number int GENERATED ALWAYS AS IDENTITY, name text, policies text[], show text, hide text, since text);
INSERT INTO shown.shapes (name, policies, show, hide)
SELECT s.name, s.policies, w.show, w.hide FROM (VALUES
    ('by membership', 'INSERT INTO shown.members VALUES (%2$s, ''regress_mallory'')', 'DELETE FROM shown.members WHERE project = %2$s'),
    ('by hidden membership', 'INSERT INTO shown.hidden_members VALUES (%2$s, ''regress_mallory'')', 'DELETE FROM shown.hidden_members WHERE project = %2$s'),
    ('by project', 'UPDATE shown.projects SET open = true WHERE project = %2$s', 'UPDATE shown.projects SET open = false WHERE project = %2$s'),
    ('by flag', 'UPDATE %1$s SET public = true WHERE id = %2$s', 'UPDATE %1$s SET public = false WHERE id = %2$s')) AS w (way, show, hide)
JOIN (VALUES ('own flag', 'by flag', '{USING (public)}'::text[]), ('restrictive flag', 'by flag', '{USING (true),AS RESTRICTIVE USING (public)}'),
    ('helper by the key', 'by flag', ARRAY['USING (shown.is_public(''shown.%1$s'', id))']),
    ('EXISTS', 'by membership', '{USING (EXISTS (SELECT FROM shown.members AS m WHERE m.project = %1$s.project))}'),
    ('two levels', 'by membership', '{USING (EXISTS (SELECT FROM shown.projects AS p WHERE p.project = %1$s.project AND EXISTS (SELECT FROM shown.members AS m WHERE m.project = p.project)))}'),
    ('IN', 'by membership', '{USING (project IN (SELECT m.project FROM shown.members AS m))}'),
    ('restrictive EXISTS', 'by membership', '{USING (true),AS RESTRICTIVE USING (EXISTS (SELECT FROM shown.members AS m WHERE m.project = %1$s.project))}'),
    ('JOIN', 'by project', '{USING (EXISTS (SELECT FROM shown.projects AS p JOIN pg_roles AS r ON r.rolname = current_user WHERE p.project = %1$s.project AND p.open))}'),
    ('definer', 'by hidden membership', '{USING (shown.is_member(project))}'),
    ('restrictive definer', 'by hidden membership', '{USING (project > 0),AS RESTRICTIVE USING (shown.is_member(project))}')) AS s (name, way, policies) USING (way);
-- W writes a text, S shows, H hides, D deletes; the texts that she is told after all of it.
CREATE TABLE shown.stories (number int GENERATED ALWAYS AS IDENTITY, steps text[], told text);
INSERT INTO shown.stories (steps, told) VALUES ('{W secret,W secret2}', NULL), ('{W draft,W final,S}', 'final'), ('{S,W open,W secret,H}', NULL),
    ('{W secret,S,H,W secret2}', NULL), ('{W secret,S,D}', NULL), ('{W text,S}', 'text'), ('{S,W text}', 'text');
-- Looked at as by the sidecar, for whom she is the role that listens.
CREATE FUNCTION shown.changes(since text, shape int) RETURNS TABLE (action text, id text, story int, body text) LANGUAGE sql SECURITY DEFINER AS $$
SELECT c.action, c.id, (c.record ->> 'id')::int, c.record ->> 'body'
FROM ayb_jobs.realtime_changes(since, 'regress_mallory', NULL, ARRAY[format('shown.d%s', shape)::regclass]) AS c $$;
CREATE FUNCTION shown.told(of_shape int, of_story int) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
SELECT string_agg(DISTINCT c.body, ', ') FROM shown.shapes AS s, shown.changes(s.since, s.number) AS c
WHERE s.number = of_shape AND c.story = of_story AND c.action <> 'delete' $$;
CREATE PROCEDURE shown.make() LANGUAGE plpgsql AS $$
DECLARE
    shape shown.shapes;
    story shown.stories;
    step text;
    policy text;
BEGIN
    FOR shape IN SELECT * FROM shown.shapes ORDER BY number LOOP
        EXECUTE format('CREATE TABLE shown.d%s (id int PRIMARY KEY, project int, public boolean, body text)', shape.number);
        EXECUTE format('GRANT SELECT ON shown.d%1$s TO regress_mallory; ALTER TABLE shown.d%1$s ENABLE ROW LEVEL SECURITY', shape.number);
        FOREACH policy IN ARRAY shape.policies LOOP
            EXECUTE format('CREATE POLICY p%s ON shown.d%s ', md5(policy), shape.number) || format(policy, 'd' || shape.number);
        END LOOP;
        PERFORM ayb_jobs.enable_realtime(format('shown.d%s', shape.number)::regclass);
        COMMIT;
        UPDATE shown.shapes SET since = (SELECT c.id FROM shown.changes(NULL, shape.number) AS c) WHERE number = shape.number;
        COMMIT;
        FOR story IN SELECT * FROM shown.stories ORDER BY number LOOP
            FOREACH step IN ARRAY story.steps LOOP
                EXECUTE format(CASE left(step, 1) WHEN 'S' THEN shape.show WHEN 'H' THEN shape.hide WHEN 'D' THEN 'DELETE FROM %1$s WHERE id = %2$s'
                        ELSE 'INSERT INTO %1$s VALUES (%2$s, %2$s, %3$L, %4$L) ON CONFLICT (id) DO UPDATE SET body = excluded.body' END,
                    format('shown.d%s', shape.number), story.number, story.steps[1] = 'S', substr(step, 3));
                COMMIT;
            END LOOP;
        END LOOP;
    END LOOP;
END $$;
CALL shown.make();
CREATE TABLE attacks (number int GENERATED ALWAYS AS IDENTITY, subject text, attack text, expected text);
GRANT SELECT ON attacks TO PUBLIC;

-- every relation, by every kind of statement
INSERT INTO attacks (subject, attack, expected)
SELECT c.oid::regclass, format(s.statement, c.oid::regclass, a.attname), '42501'
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = 1
CROSS JOIN unnest(ARRAY['INSERT INTO %s DEFAULT VALUES', 'UPDATE %s SET %I = NULL', 'DELETE FROM %s', 'TRUNCATE %s',
                        'LOCK TABLE %s IN ROW EXCLUSIVE MODE', 'COPY %s FROM PROGRAM ''true''', 'CREATE TABLE mallory.of_%2$s () INHERITS (%1$s)',
                        'CREATE TABLE mallory.to_%2$s (LIKE %1$s, FOREIGN KEY (%2$I) REFERENCES %1$s)', 'CREATE INDEX ON %s ((mallory.leak(%I::text)))',
                        'CREATE POLICY mallory ON %s USING (true)', 'ALTER TABLE %s DISABLE ROW LEVEL SECURITY', 'DROP TABLE %s CASCADE',
                        'CREATE TRIGGER mallory BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
                        'CREATE RULE mallory AS ON DELETE TO %s DO INSTEAD NOTHING', 'COMMENT ON TABLE %s IS ''mallory''', 'ANALYZE %s',
                        'SECURITY LABEL ON TABLE %s IS ''mallory''', 'ALTER TABLE %s OWNER TO regress_mallory', 'GRANT ALL ON %s TO regress_mallory'])
    WITH ORDINALITY AS s (statement, position)
WHERE c.relnamespace = 'ayb_jobs'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition;
-- PostgreSQL's own answers: these only warn, or look for a label provider first. grants() below shows that nothing was given.
UPDATE attacks SET expected = 'done' WHERE attack LIKE 'ANALYZE %';
UPDATE attacks SET expected = '22023' WHERE attack LIKE 'SECURITY LABEL %';
UPDATE attacks SET expected = 'done' WHERE attack LIKE 'GRANT ALL %' AND has_table_privilege('regress_mallory', subject, 'SELECT');
-- and these are refused before anybody's rights are looked at: a partitioned table, one without a primary key
UPDATE attacks SET expected = '42809' WHERE attack LIKE '%INHERITS (ayb_jobs.job_history)';
UPDATE attacks SET expected = '42704' WHERE attack LIKE '%FOREIGN KEY%'
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE contype = 'p' AND conrelid = subject::regclass);
-- every sequence
INSERT INTO attacks (subject, attack, expected)
SELECT c.oid::regclass, format(s.statement, c.oid::regclass), '42501' FROM pg_class AS c
CROSS JOIN unnest(ARRAY['SELECT nextval(%L)', 'SELECT setval(%L, 1)', 'SELECT last_value FROM %s', 'ALTER SEQUENCE %s RESTART']) AS s (statement)
WHERE c.relnamespace = 'ayb_jobs'::regnamespace AND c.relkind = 'S';
-- every function: nobody else's to change, and none runs as its owner
INSERT INTO attacks (subject, attack, expected)
SELECT p.oid::regprocedure, format(s.statement, p.oid::regprocedure), '42501' FROM pg_proc AS p
CROSS JOIN unnest(ARRAY['ALTER ROUTINE %s OWNER TO regress_mallory', 'ALTER ROUTINE %s SECURITY DEFINER', 'DROP ROUTINE %s CASCADE',
                        'ALTER ROUTINE %s SET search_path = mallory', 'GRANT EXECUTE ON ROUTINE %s TO PUBLIC']) AS s (statement)
WHERE p.pronamespace IN ('ayb_jobs'::regnamespace, 'ayb_jobs_internal'::regnamespace) AND p.prokind <> 'a';
UPDATE attacks SET expected = 'done' WHERE attack LIKE 'GRANT EXECUTE %' AND has_function_privilege('regress_mallory', subject, 'EXECUTE');
-- functions that are not for everybody
INSERT INTO attacks (subject, attack, expected) SELECT 'for admins', 'SELECT ayb_jobs' || call, '42501' FROM unnest(ARRAY[
    '.pause()', '.pause(''attacked'')', '.resume()', '.resume(''attacked'')', '.adopt()', '.drain()', '.health()', '_internal.server_state()',
    '_internal.stamp_new_database()']) AS c (call);
-- somebody else's job, schedule and view: the same as one that isn't there
INSERT INTO attacks (subject, attack, expected) SELECT 'of alice', 'SELECT ayb_jobs.' || call, 'P0002' FROM unnest(ARRAY[
    format('cancel(%L)', :'victim'), format('cancel(%L, true)', :'victim'), format('retry_now(%L)', :'victim'), format('delete_job(%L)', :'victim'),
    format('complete(%L, ''x'', 1)', :'victim'), format('fail(%L, ''x'', 1, ''x'')', :'victim'), format('extend(%L, ''x'', 1)', :'victim'),
    format('update_schedule(%L, ''@daily'')', :'schedule'), format('enable_schedule(%L)', :'schedule'), format('disable_schedule(%L)', :'schedule'),
    format('delete_schedule(%L)', :'schedule'), format('run_schedule_now(%L)', :'schedule'), format('update_matview(%L)', :'matview'),
    format('unregister_matview(%L)', :'matview'), format('refresh_now(%L)', :'matview')]) AS c (call);
INSERT INTO attacks (subject, attack, expected) VALUES
    ('of alice', format('SELECT count(*) FROM ayb_jobs.attempts(%L)', :'victim'), '0'),
    ('of alice', 'SELECT ayb_jobs.cancel_matching()', '0'), ('of alice', 'SELECT ayb_jobs.retry_matching()', '0'),
    ('of alice', format('SELECT deleted FROM ayb_jobs.delete_jobs(%L)', ARRAY[:'victim']), '0'),
    ('of alice', $$SELECT deleted FROM ayb_jobs.delete_matching('attacked')$$, '0'),
    ('of alice', $$SELECT count(*) FROM ayb_jobs.claim('mallory', '{attacked}', 100)$$, '0'),
    ('of alice', format('SELECT reason FROM ayb_jobs.complete_many(''x'', %L)', jsonb_build_array(jsonb_build_object('id', :'victim', 'attempt', 0))), 'unknown'),
    ('of alice', format('SELECT reason FROM ayb_jobs.fail_many(''x'', %L)', jsonb_build_array(jsonb_build_object('id', :'victim', 'attempt', 0, 'error', 'x'))), 'unknown'),
    ('of alice', format('SELECT reason FROM ayb_jobs.extend_many(''x'', %L)', jsonb_build_array(jsonb_build_object('id', :'victim', 'attempt', 0))), 'unknown'),
    ('of alice', $$SELECT ayb_jobs.grant_worker('attacked', 'regress_mallory')$$, '42501'),
    ('of alice', $$SELECT ayb_jobs.grant_worker('alices', 'regress_mallory')$$, '42501'),
    ('of alice', $$SELECT ayb_jobs.grant_worker('attacked', 'regress_mallory', 'regress_alice')$$, '42501'),
    ('of alice', $$SELECT ayb_jobs.revoke_worker('attacked', 'regress_worker')$$, '42704'),
    ('of alice', $$SELECT ayb_jobs.revoke_worker('attacked', 'regress_bob')$$, '42501'),
    ('of alice', $$SELECT ayb_jobs.revoke_worker('attacked', 'regress_bob', 'regress_alice')$$, '42501'),
    ('of alice', $$SELECT count(*) FROM ayb_jobs.refresh_all('alice')$$, '0'),
    ('of alice', $$SELECT ayb_jobs.register_matview('attacked', 'alice')$$, '42501'),
    ('of alice', $$SELECT (ayb_jobs.matview_by_name('attacked', 'alice')).id$$, 'done'),
    ('of alice', $$SELECT ayb_jobs.register_handler('alices', 'mallory.work(jsonb)')$$, '42501'),
    ('of alice', $$SELECT ayb_jobs.unregister_handler('alices')$$, '42501'),
    ('of alice', $$SELECT ayb_jobs.enqueue('alices')$$, '42501'),
    ('of alice', $$SELECT ayb_jobs.create_schedule('mine', 'alices', '@daily')$$, '42501'),
    ('of alice', $$SELECT ayb_jobs.create_schedule('alices nightly', 'attacked', '@daily')$$, '23505'),
-- another role's name
    ('run_as', $$SELECT ayb_jobs.enqueue('attacked', run_as => 'regress_alice')$$, '42501'),
    ('run_as', $$SELECT ayb_jobs.register_handler('mine', 'SELECT 1', 'command', definer => true)$$, '22023'),
    ('run_as', $$SELECT ayb_jobs.register_handler('mine', kind => 'external', definer => true)$$, '22023'),
    ('run_as', format('SELECT ayb_jobs.enqueue(%L, run_as => %L)', 'attacked', (SELECT rolname FROM pg_roles WHERE rolsuper ORDER BY oid LIMIT 1)), '42501'),
    ('run_as', $$SELECT ayb_jobs.create_schedule('mine', 'attacked', '@daily', run_as => 'regress_alice')$$, '42501'),
    ('run_as', 'SET ROLE ayb_jobs_admin', '42501'), ('run_as', 'GRANT ayb_jobs_admin TO regress_mallory', '42501'),
    ('run_as', 'SET ROLE ayb_jobs_operate', '42501'), ('run_as', 'GRANT ayb_jobs_read TO regress_mallory', '42501'),
    ('run_as', 'SET SESSION AUTHORIZATION regress_alice', '42501'),
-- handlers that aren't hers to name
    ('handlers', $$SELECT ayb_jobs.register_handler('materialized_view_refresh', 'mallory.work(jsonb)')$$, '42501'),
    ('handlers', $$SELECT ayb_jobs.register_handler('mine', 'alice.own(jsonb)')$$, '42501'),
    ('handlers', $$SELECT (ayb_jobs.current_job()).id$$, 'done'), ('handlers', $$SELECT ayb_jobs.set_progress(1)$$, '55000'),
    ('handlers', $$CREATE FUNCTION mallory.c() RETURNS void LANGUAGE c AS '$libdir/ayb_jobs', 'ayb_jobs_note_job'$$, '42501'),
    ('handlers', $$CREATE TRIGGER t BEFORE INSERT ON mallory.own FOR EACH ROW EXECUTE FUNCTION ayb_jobs_internal.note_job()$$, '42501'),
-- tables that others listen to
    ('realtime', format('SELECT ayb_jobs.enable_realtime(%s)', :'watched'), '42501'), ('realtime', format('SELECT ayb_jobs.disable_realtime(%s)', :'watched'), '42501'),
    ('realtime', format($$SELECT ayb_jobs.realtime_changes(NULL, 'regress_alice', NULL, '{%s}')$$, :'watched'), '42501'),
    ('realtime', format($$SELECT ayb_jobs.realtime_changes(NULL, 'regress_mallory', NULL, '{%s}')$$, :'watched'), '42501'),
    ('realtime', format($$CALL ayb_jobs_internal.wait_for_realtime('{%s}', '0')$$, :'watched'), '42501'),
    ('realtime', $$CREATE TRIGGER t AFTER INSERT ON mallory.own FOR EACH ROW EXECUTE FUNCTION ayb_jobs_internal.note_row()$$, '42501'),
    ('realtime', $$CREATE TRIGGER t AFTER TRUNCATE ON mallory.own EXECUTE FUNCTION ayb_jobs_internal.note_truncated()$$, '42501'),
    ('realtime', $$CREATE FUNCTION mallory.n() RETURNS trigger LANGUAGE c AS '$libdir/ayb_jobs', 'ayb_jobs_note_row'$$, '42501'),
    ('realtime', $$GRANT ayb_jobs_realtime TO regress_mallory$$, '42501'), ('realtime', $$SET ROLE ayb_jobs_realtime$$, '42501'),
-- readers of shared memory
    ('readers', $$SELECT count(*) FROM ayb_jobs.events(max_events => 4096) WHERE run_as <> 'regress_mallory'::regrole$$, '0'),
    ('readers', $$SELECT count(*) FROM ayb_jobs.workers() WHERE role <> 'regress_mallory'::regrole$$, '0'),
    ('readers', $$SELECT count(*) FROM ayb_jobs.lanes() WHERE role <> 'regress_mallory'::regrole$$, '0'),
    ('readers', $$SELECT queued FROM ayb_jobs.stats()$$, '0'),
    ('readers', $$SELECT count(*) FROM ayb_jobs.find_jobs()$$, '0'),
    ('readers', $$SELECT count(*) FROM ayb_jobs.find_jobs(type => 'x'' OR true --', search => ''' OR true --')$$, '0'),
    ('readers', format('SELECT count(*) FROM ayb_jobs.find_jobs(search => %L)', :'victim'), '0'),
    ('readers', $$SELECT sum(jobs) FROM ayb_jobs.count_jobs(type => 'attacked')$$, '0'),
    ('readers', $$SELECT count(*) FROM ayb_jobs.series('-infinity', '1 day')$$, '0'),
    ('readers', $$SELECT count(*) FROM ayb_jobs.depths('-infinity', '1 day')$$, '0'),
    ('readers', $$SELECT sum(completed + failed + canceled) FROM ayb_jobs.series(step => '1 hour', type => 'attacked')$$, 'done'),
-- round the policies
    ('policies', $$SELECT count(*) FROM ayb_jobs.jobs$$, '0'), ('policies', $$SELECT count(*) FROM ayb_jobs.schedules$$, '0'),
    ('policies', $$SELECT count(*) FROM ayb_jobs.matviews$$, '0'), ('policies', $$SELECT count(*) FROM ayb_jobs.job_queue$$, '0'),
    ('policies', $$SELECT count(*) FROM ayb_jobs.jobs WHERE mallory.leak(payload::text)$$, '0'),
    ('policies', $$SELECT count(*) FROM ayb_jobs.job_queue WHERE mallory.leak(payload::text)$$, '0'),
    ('policies', $$SELECT count(*) FROM mallory.jobs_of_all$$, '0'),
    ('policies', $$SELECT most_common_vals::text FROM pg_stats WHERE schemaname = 'ayb_jobs' AND tablename = 'job_queue' LIMIT 1$$, 'done'),
    ('policies', $$SELECT count(*) FROM mallory.without_policies()$$, '42501'),
    ('policies', $$COPY ayb_jobs.job_queue TO PROGRAM 'true'$$, '42501'), ('policies', $$COPY ayb_jobs.job_keys TO PROGRAM 'true'$$, '42501'),
    ('policies', $$SELECT * FROM ayb_jobs.job_queue FOR KEY SHARE$$, '42501'),
-- objects in our schema, and what fires for everybody
    ('schema', $$CREATE TABLE ayb_jobs.mine ()$$, '42501'), ('schema', $$CREATE TABLE ayb_jobs_internal.mine ()$$, '42501'), ('schema', $$CREATE OPERATOR ayb_jobs.= (leftarg = uuid, rightarg = text, function = mallory.same)$$, '42501'),
    ('schema', $$CREATE FUNCTION ayb_jobs.enqueue(text) RETURNS int LANGUAGE sql AS 'SELECT 1'$$, '42501'),
    ('schema', $$ALTER SCHEMA ayb_jobs RENAME TO mallorys$$, '42501'), ('schema', 'DROP SCHEMA ayb_jobs CASCADE', '42501'),
    ('schema', 'DROP EXTENSION ayb_jobs', '42501'), ('schema', 'ALTER EXTENSION ayb_jobs ADD TABLE mallory.own', '42501'),
    ('schema', 'ALTER EXTENSION ayb_jobs UPDATE', '42501'),
    ('schema', 'CREATE EVENT TRIGGER mallory ON ddl_command_start EXECUTE FUNCTION mallory.fires()', '42501'),
    ('schema', 'CREATE PUBLICATION mallory FOR TABLE ayb_jobs.job_queue', '42501');
-- every setting, but those that are the session's own
INSERT INTO attacks (subject, attack, expected)
SELECT 'settings', format(s.statement, name, setting), CASE WHEN context = 'user' AND s.statement LIKE 'SET %' THEN 'done' WHEN s.statement LIKE 'ALTER %' OR context = 'superuser' THEN '42501' ELSE '55P02' END
FROM pg_settings CROSS JOIN unnest(ARRAY['SET %s = %L', 'ALTER ROLE regress_alice SET %s = %L']) AS s (statement) WHERE name LIKE 'ayb\_jobs.%';

-- what a listener is told, in each form of policy: what she could have read, and no more
INSERT INTO attacks (subject, attack, expected)
SELECT 'told by ' || f.name, format('SELECT shown.told(%s, %s)', f.number, t.number), coalesce(t.told, 'done')
FROM shown.shapes AS f CROSS JOIN shown.stories AS t ORDER BY f.number, t.number;

-- names of hers in front of everybody's: what a function of ours calls must not become one of these
GRANT CREATE ON DATABASE :DBNAME TO regress_mallory;
CREATE FUNCTION grants() RETURNS text LANGUAGE sql AS $$
    SELECT md5(concat((SELECT string_agg(relacl::text || relowner, ' ' ORDER BY oid) FROM pg_class WHERE relnamespace IN ('ayb_jobs'::regnamespace, 'ayb_jobs_internal'::regnamespace)),
                      (SELECT string_agg(coalesce(proacl, acldefault('f', proowner))::text || proowner || prosrc || prosecdef, ' ' ORDER BY oid) FROM pg_proc WHERE pronamespace IN ('ayb_jobs'::regnamespace, 'ayb_jobs_internal'::regnamespace))))
$$;
SELECT grants() AS grants, current_user AS me \gset
-- a session of her own: one that only set its role could set another
\c - regress_mallory
CREATE TABLE mallory.own (id int);
CREATE FUNCTION mallory.work(jsonb) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION mallory.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE 'leaked %', $1 USING ERRCODE = 'ZZ001'; END $$;
CREATE FUNCTION mallory.fires() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION mallory.same(uuid, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION mallory.without_policies() RETURNS SETOF ayb_jobs.job_queue LANGUAGE plpgsql SET row_security = off AS
    'BEGIN RETURN QUERY SELECT * FROM ayb_jobs.job_queue; END';
CREATE VIEW mallory.jobs_of_all WITH (security_invoker = false) AS SELECT * FROM ayb_jobs.job_queue;
SELECT count(*) > 400 AS many, count(*) FILTER (WHERE expected = 'done') < 100 AS nearly_all_refused FROM attacks;
SET client_min_messages = error;
WITH tried AS MATERIALIZED (SELECT *, attempt(attack) AS got FROM attacks ORDER BY number)
SELECT subject, attack, expected, got FROM tried WHERE got <> expected ORDER BY number;

-- and once more with every name that a search finds first of her making
CREATE FUNCTION mallory.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE 'hijacked' USING ERRCODE = 'ZZ002'; END $$;
CREATE FUNCTION mallory.equals(uuid, uuid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'hijacked' USING ERRCODE = 'ZZ002'; END $$;
CREATE OPERATOR mallory.= (leftarg = uuid, rightarg = uuid, function = mallory.equals);
CREATE TEMP TABLE job_queue (id uuid);
CREATE TEMP TABLE handlers (type text);
CREATE SCHEMA jobs_of_mallory;
SET search_path = mallory, pg_temp, jobs_of_mallory, pg_catalog, public;
WITH tried AS MATERIALIZED (SELECT *, public.attempt(attack) AS got FROM public.attacks
                            WHERE subject IN ('for admins', 'of alice', 'run_as', 'handlers', 'readers', 'policies') ORDER BY number)
SELECT subject, attack, expected, got FROM tried WHERE got <> expected ORDER BY number;
SELECT public.attempt('SELECT (ayb_jobs.cancel(ayb_jobs.enqueue(''outside''))).state');
SELECT public.attempt('SELECT (ayb_jobs.create_schedule(''mallorys'', ''outside'', ''@daily'')).name');
SELECT public.attempt('SELECT count(ayb_jobs.delete_schedule(id)) FROM ayb_jobs.schedules');
\c - :me

-- nothing of it left a trace but mallory's own canceled job
DELETE FROM ayb_jobs.job_queue WHERE run_as = 'regress_mallory'::regrole;
SELECT books() = :'before' AS books_unchanged,
       (SELECT md5(string_agg(s::text, ' ')) FROM (TABLE ayb_jobs.schedules ORDER BY id) AS s) = :'schedules' AS schedules_unchanged,
       grants() = :'grants' AS grants_unchanged;
SELECT subject, count(*) FROM (SELECT CASE WHEN subject ~ '^ayb_jobs\..*\(' THEN 'functions' WHEN subject ~ '^ayb_jobs' THEN 'relations' ELSE subject END AS subject
                               FROM attacks) AS a GROUP BY subject HAVING subject NOT IN ('functions', 'relations', 'settings') ORDER BY subject;
DROP TABLE attacks;

-- A definer's job outlives its handler, and nobody else's registration carries it. On 4c054b3 it ran what its type's name stood
-- for by then, for whoever its role trusted (queue/run.cpp: find_handler(job.type)), with a payload of anybody's.
SET ROLE regress_alice;
CREATE FUNCTION alice.safe(jsonb) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION alice.danger(jsonb) RETURNS text LANGUAGE sql AS 'SELECT current_user || '': '' || $1';
REVOKE EXECUTE ON FUNCTION alice.safe FROM PUBLIC;
GRANT USAGE ON SCHEMA alice TO regress_mallory;
GRANT EXECUTE ON FUNCTION alice.safe TO regress_mallory;
SELECT type FROM ayb_jobs.register_handler('outlived', 'alice.safe(jsonb)', definer => true);
SELECT ayb_jobs.pause('outlived');
SELECT ayb_jobs.enqueue('outlived', run_at => 'tomorrow', idempotency_key => 'taken') AS keyed \gset
SET ROLE regress_mallory;
SELECT ayb_jobs.enqueue('outlived', '"of mallory"') AS outlived \gset
-- nor are alice's keys mallory's to learn or to use, as they were (queue/enqueue.cpp: job_keys by run_as); her own job she cancels
SELECT id = :'keyed' AS of_alice, is_new FROM ayb_jobs.enqueue_or_find('outlived', run_at => 'tomorrow', idempotency_key => 'taken');
SELECT count(*) AS mallory_sees, ayb_jobs.cancel_matching('outlived', phase => 'scheduled') FROM ayb_jobs.jobs;
SET ROLE regress_alice;
SELECT state FROM ayb_jobs.cancel(:'keyed');
SELECT type FROM ayb_jobs.register_handler('outlived', 'alice.danger(jsonb)');
SELECT ayb_jobs.enqueue('outlived') AS after \gset
SELECT ayb_jobs.resume('outlived');
SELECT wait_for(:'after', 'completed');
SELECT wait_until(format($$(SELECT waits_for = 'trust' FROM ayb_jobs.jobs WHERE id = %L)$$, :'outlived'));
SELECT state, phase, waits_for FROM ayb_jobs.jobs WHERE id = :'outlived';
SELECT ayb_jobs.unregister_handler('outlived');
-- a superuser's type, which alice trusts
RESET ROLE;
SELECT type FROM ayb_jobs.register_handler('outlived', 'alice.danger(jsonb)');
SELECT ayb_jobs.enqueue('outlived', run_as => 'regress_alice') AS after \gset
SELECT wait_for(:'after', 'completed');
SELECT state, phase, waits_for FROM ayb_jobs.jobs WHERE id = :'outlived';
SELECT type FROM ayb_jobs.register_handler('outlived', 'alice.safe(jsonb)', definer => true);
SELECT state, phase, waits_for FROM ayb_jobs.jobs WHERE id = :'outlived';
SELECT ayb_jobs.unregister_handler('outlived');
-- mallory's own; and one for workers outside, to whom payloads are handed out
SET ROLE regress_mallory;
SELECT type FROM ayb_jobs.register_handler('outlived', 'alice.danger(jsonb)');
SELECT state, phase, waits_for FROM ayb_jobs.jobs WHERE id = :'outlived';
SELECT ayb_jobs.unregister_handler('outlived');
SET ROLE regress_alice;
SELECT type FROM ayb_jobs.register_handler('outlived', kind => 'external');
SELECT phase, waits_for FROM ayb_jobs.reschedule(:'outlived', now());
SELECT count(*) FROM ayb_jobs.claim('alice', '{outlived}');
SELECT state, phase, waits_for FROM ayb_jobs.jobs WHERE id = :'outlived';
-- and alice's again
SELECT type FROM ayb_jobs.register_handler('outlived', 'alice.safe(jsonb)', definer => true);
SELECT wait_for(:'outlived', 'completed');
SELECT ayb_jobs.unregister_handler('outlived');
RESET ROLE;
SELECT attempts, runs, last_error FROM ayb_jobs.jobs WHERE id = :'outlived';
DROP FUNCTION alice.safe, alice.danger;

-- Where many people are one role, none sees what another enqueued, nor cancels it, if the type says so.
SET ROLE regress_alice;
CREATE FUNCTION alice.mail(jsonb) RETURNS text LANGUAGE sql AS 'SELECT $1 ->> ''secret''';
REVOKE EXECUTE ON FUNCTION alice.mail FROM PUBLIC;
GRANT EXECUTE ON FUNCTION alice.mail TO regress_mallory;
SELECT enqueuer_sees FROM ayb_jobs.register_handler('shared', 'alice.mail(jsonb)', definer => true, options => '{"enqueuer_sees": false}');
SET ROLE regress_mallory;
SELECT ayb_jobs.enqueue('shared', '{"secret": "of person 7"}', idempotency_key => 'person 7') AS done \gset
SELECT ayb_jobs.enqueue('shared', '{"secret": "of person 7"}', run_at => 'tomorrow', idempotency_key => 'person 7 again') AS waits \gset
RESET ROLE;
SELECT wait_for(:'done', 'completed');
SET ROLE regress_mallory;
SELECT (SELECT count(*) FROM ayb_jobs.jobs WHERE type = 'shared') AS jobs, (SELECT count(*) FROM ayb_jobs.job_queue WHERE type = 'shared') AS queued,
       (SELECT count(*) FROM ayb_jobs.job_history WHERE type = 'shared') AS completed,
       (SELECT count(*) FROM ayb_jobs.job_keys WHERE idempotency_key ~ 'person') AS keys, (SELECT count(*) FROM ayb_jobs.find_jobs(type => 'shared')) AS found,
       ayb_jobs.cancel_matching('shared'), ayb_jobs.cancel_many(ARRAY[:'waits']::uuid[]);
SELECT refused(format('SELECT ayb_jobs.cancel(%L)', :'waits'));
SELECT refused(format('SELECT ayb_jobs.retry_now(%L)', :'waits'));
SELECT is_new FROM ayb_jobs.enqueue_or_find('shared', idempotency_key => 'person 7');
SET ROLE regress_alice;
SELECT enqueuer_sees FROM ayb_jobs.register_handler('shared', 'alice.mail(jsonb)', definer => true);
SET ROLE regress_mallory;
SELECT count(*) AS jobs, (SELECT count(*) FROM ayb_jobs.job_keys WHERE idempotency_key ~ 'person') AS keys, ayb_jobs.cancel_matching('shared')
FROM ayb_jobs.jobs WHERE type = 'shared';
RESET ROLE;
SELECT ayb_jobs.unregister_handler('shared');
DROP FUNCTION alice.mail;

-- A new type takes a right, and belongs to nobody for whom the caller couldn't act. On 4c054b3 whoever came first had a free name,
-- and everybody's jobs of it (queue/register.cpp asked only whose it was already).
REVOKE CREATE ON DATABASE :DBNAME FROM regress_mallory;
SELECT role, pattern FROM ayb_jobs.allow_types('regress_mallory', 'mallory\_%');
CREATE ROLE regress_root SUPERUSER;
GRANT regress_root TO regress_mallory;
CREATE ROLE regress_gone LOGIN;
SELECT owner FROM ayb_jobs.register_handler('orphan', kind => 'external', owner => 'regress_gone');
SELECT pattern FROM ayb_jobs.allow_types('regress_gone', 'orphan');
DROP ROLE regress_gone;
-- (what it had goes with it)
SELECT wait_until($$NOT EXISTS (SELECT FROM ayb_jobs.handlers WHERE type = 'orphan')$$);
\c - regress_mallory
SELECT type FROM ayb_jobs.register_handler('mallory_own', kind => 'external');
SELECT call, refused('SELECT ayb_jobs.' || call) FROM unnest(ARRAY[
    $$register_handler('free', kind => 'external')$$, $$register_handler('mallorys', kind => 'external')$$,
    $$register_handler('free', kind => 'external', owner => 'regress_mallory')$$,
    $$register_handler('mallory_gift', kind => 'external', owner => 'regress_alice')$$,
    $$register_handler('mallory_gift', 'mallory.work(jsonb)', definer => true, owner => 'regress_alice')$$,
    $$register_handler('mallory_gift', 'pg_stat_reset()', owner => 'regress_root')$$,
    $$register_handler('mallory_gift', kind => 'external', owner => 'regress_gone')$$,
    $$give_handler('mallory_own', 'regress_alice')$$, $$give_handler('mallory_own', 'regress_root')$$,
    $$give_handler('alices', 'regress_mallory')$$, $$give_handler('command', 'regress_mallory')$$, $$give_handler('free', 'regress_mallory')$$,
    $$allow_types('regress_mallory')$$, $$disallow_types('regress_alice', '%')$$]) AS call;
SELECT split_part(refused('SELECT ayb_jobs.' || call), E'\n', 1) FROM unnest(ARRAY[
    $$register_handler('orphan', kind => 'external')$$, $$give_handler('orphan', 'regress_mallory')$$]) AS call;
\c - :me
-- Nor does an admin become somebody so: what alice or a superuser owns may run for alice, and nothing else.
GRANT USAGE ON SCHEMA alice, mallory TO regress_admin;
SET SESSION AUTHORIZATION regress_admin;
SELECT call, refused('SELECT ayb_jobs.' || call) FROM unnest(ARRAY[
    $$register_handler('for alice', 'mallory.work(jsonb)', owner => 'regress_alice')$$,
    $$register_handler('for alice', 'alice.own(jsonb)', definer => true, owner => 'regress_alice')$$,
    $$register_handler('for alice', 'SELECT 1', 'command', owner => 'regress_alice')$$,
    $$register_handler('for alice', kind => 'external', owner => 'regress_alice')$$,
    $$register_handler('for root', 'pg_catalog.jsonb_pretty(jsonb)', owner => 'regress_root')$$,
    $$give_handler('alices', 'regress_bob')$$, $$give_handler('alices', 'regress_root')$$,
    $$allow_types('regress_gone')$$, $$allow_types(NULL)$$, $$allow_types('regress_alice', '')$$, $$allow_types('regress_alice', 'x\')$$]) AS call;
-- what replaces it stays alice's as long as that could have been said
SELECT owner FROM ayb_jobs.register_handler('for alice', 'alice.own(jsonb)', owner => 'regress_alice');
SELECT owner FROM ayb_jobs.register_handler('for alice', 'pg_catalog.jsonb_pretty(jsonb)');
SELECT owner FROM ayb_jobs.register_handler('for alice', 'mallory.work(jsonb)');
RESET SESSION AUTHORIZATION;
REVOKE USAGE ON SCHEMA alice, mallory FROM regress_admin;
-- A name that changes its owner: alice's jobs wait while it is mallory's, and nobody keeps a role's that is gone.
SELECT owner FROM ayb_jobs.register_handler('for alice', 'alice.own(jsonb)', owner => 'regress_alice');
SET ROLE regress_alice;
SELECT ayb_jobs.enqueue('for alice', run_at => 'tomorrow') AS hers \gset
RESET ROLE;
SELECT owner FROM ayb_jobs.give_handler('for alice', 'regress_mallory');
SET ROLE regress_alice;
SELECT refused($$SELECT ayb_jobs.enqueue('for alice')$$);
SELECT refused($$SELECT ayb_jobs.give_handler('for alice', 'regress_alice')$$);
SELECT state FROM ayb_jobs.cancel(:'hers');
RESET ROLE;
SELECT owner = current_user::regrole AS mine FROM ayb_jobs.register_handler('orphan', kind => 'external');
SELECT ayb_jobs.disallow_types('regress_mallory', '%'), ayb_jobs.disallow_types('regress_mallory', 'mallory\_%');
SELECT count(ayb_jobs.unregister_handler(type)) FROM unnest('{orphan, mallory_own, for alice}'::text[]) AS type;
REVOKE regress_root FROM regress_mallory;
DROP ROLE regress_root;

-- With all rights on our tables, as GRANT ALL or default privileges give them: nobody's to hook into, nor to empty. On
-- 4c054b3 each was accepted: no object-access hook, and a key's deferred trigger ran her code as the role of the job.
GRANT ALL ON ALL TABLES IN SCHEMA ayb_jobs TO regress_mallory;
\c - regress_mallory
CREATE FUNCTION mallory.hook() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
SELECT refused(statement) FROM unnest(ARRAY[
    'CREATE TRIGGER mallory AFTER DELETE ON ayb_jobs.job_queue FOR EACH ROW EXECUTE FUNCTION mallory.hook()',
    'CREATE CONSTRAINT TRIGGER mallory AFTER INSERT ON ayb_jobs.job_attempts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION mallory.hook()',
    'CREATE TABLE mallory.refers (id uuid REFERENCES ayb_jobs.job_queue ON DELETE CASCADE)',
    'CREATE TABLE mallory.refers (type text REFERENCES ayb_jobs.handlers ON UPDATE CASCADE DEFERRABLE)',
    'TRUNCATE ayb_jobs.job_queue', 'TRUNCATE ayb_jobs.schedules CASCADE', 'TRUNCATE ayb_jobs.job_history', 'TRUNCATE ayb_jobs.handlers']) AS statement;
SELECT DISTINCT regexp_replace(refused(format('TRUNCATE %s', inhrelid::regclass)), '_[0-9]{8}', '_<day>')
FROM pg_inherits WHERE inhparent = 'ayb_jobs.job_history'::regclass;
\c - :me
-- and default privileges give nothing of a day that is made under them
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO regress_mallory;
SELECT ayb_jobs_internal.prepare_history('2001-02-03');
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM regress_mallory;
SELECT grantee, privilege FROM ayb_jobs_internal.grants() WHERE object = 'TABLE ayb_jobs.job_history_20010203';
DROP TABLE ayb_jobs.job_history_20010203;
REVOKE ALL ON ALL TABLES IN SCHEMA ayb_jobs FROM regress_mallory;
SELECT ayb_jobs.resume('attacked');
SELECT ayb_jobs.delete_schedule(:'schedule');
SELECT ayb_jobs.unregister_matview(:'matview');
SELECT state FROM ayb_jobs.cancel(:'victim');
DROP MATERIALIZED VIEW alice.attacked;
SET client_min_messages = warning;
DROP SCHEMA shown CASCADE;
RESET client_min_messages;
SELECT ayb_jobs.unregister_handler('alices'), ayb_jobs.unregister_handler('attacked');
DROP FUNCTION alice.own, attempt, grants;
DROP OWNED BY regress_mallory CASCADE;
DROP ROLE regress_mallory;
