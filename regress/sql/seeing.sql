-- What can be seen of jobs: by how many, when, who is at them, what became of them, and what is wrong.
TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_history, ayb_jobs.job_keys, ayb_jobs.job_attempts;
CREATE FUNCTION counts() RETURNS text LANGUAGE sql AS
    $$SELECT concat_ws(' ', queued, running, completed, failed, canceled) FROM ayb_jobs.stats()$$;
SELECT wait_until($$counts() = '0 0 0 0 0'$$);
SELECT coalesce(max(seq), 0) AS last FROM ayb_jobs.events(0, 4096) \gset

-- A job that holds still while it is looked at, and one that says what it sees of itself.
CREATE FUNCTION held(payload jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    me ayb_jobs.jobs := ayb_jobs.current_job();
BEGIN
    PERFORM ayb_jobs.set_progress(10, 'begun');
    PERFORM ayb_jobs.set_progress(40, repeat('ü', 100));
    PERFORM pg_advisory_xact_lock_shared(1);
    RETURN jsonb_build_object('id', me.id, 'type', me.type, 'payload', me.payload, 'state', me.state,
                              'is_running', me.is_running, 'attempts', me.attempts);
END
$$;
CREATE FUNCTION raising() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'no' USING ERRCODE = 'ZZ123'; END $$;
GRANT EXECUTE ON FUNCTION held, raising TO PUBLIC;
SELECT (ayb_jobs.register_handler('seen_held', 'held(jsonb)')).type,
       (ayb_jobs.register_handler('seen_raising', 'raising()', max_attempts => 2, backoff => '{0}')).type,
       (ayb_jobs.register_handler('seen_outside', kind => 'external', max_attempts => 2)).type;

-- Since TRUNCATE the jobs may still be counted by a snapshot, which shows one's own.
CREATE FUNCTION counted() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    nothing boolean;
BEGIN
    PERFORM ayb_jobs.enqueue('seen_outside');
    nothing := counts() = '0 0 0 0 0';
    RAISE EXCEPTION 'rolled back';
EXCEPTION WHEN raise_exception THEN
    RETURN nothing;
END
$$;
SELECT wait_until('counted()');
-- stats(): exact as soon as a transaction has committed, and not before
SELECT ayb_jobs.pause('seen_held');
SELECT counts(), oldest_due_seconds FROM ayb_jobs.stats();
BEGIN;
SELECT ayb_jobs.enqueue('seen_held', '{"n": 1}') AS id \gset
SELECT counts() AS not_committed;
SAVEPOINT here;
SELECT count(*) FROM ayb_jobs.enqueue_many('seen_held', ARRAY['1', '2', '3']::jsonb[]);
ROLLBACK TO here;
COMMIT;
SELECT counts() AS committed;
BEGIN;
SELECT count(*) FROM ayb_jobs.enqueue_many('seen_held', ARRAY['1', '2', '3']::jsonb[]);
ROLLBACK;
SELECT counts() AS rolled_back;
-- for how long the oldest due job has waited: one that isn't due doesn't count, one for workers outside does
SELECT ayb_jobs.enqueue('seen_outside', run_at => '2100-01-01') AS future, ayb_jobs.enqueue('seen_held') AS other,
       ayb_jobs.enqueue('seen_outside', run_at => clock_timestamp() - interval '1 hour') AS overdue \gset
SELECT counts(), oldest_due_seconds BETWEEN 3600 AND 4200 AS an_hour FROM ayb_jobs.stats();
SELECT status, regexp_replace(detail, '[0-9.]+', '<n>') AS detail, hint FROM ayb_jobs.health() WHERE name = 'oldest_due';
SELECT state FROM ayb_jobs.cancel(:'overdue');
SELECT state FROM ayb_jobs.cancel(:'other');
SELECT counts(), oldest_due_seconds < 600 AS since_now FROM ayb_jobs.stats();

-- pauses can be read, and show in health()
SELECT type, paused_by, paused_at <= clock_timestamp() AS dated FROM ayb_jobs.pauses;
SELECT status, detail, hint FROM ayb_jobs.health() WHERE name = 'paused';
SELECT ayb_jobs.pause();
SELECT status, detail FROM ayb_jobs.health() WHERE name = 'paused';
SELECT ayb_jobs.resume('seen_held');
SELECT status, detail FROM ayb_jobs.health() WHERE name = 'paused';
-- what is paused doesn't run; lanes() has it by role
SELECT role, queued, running, retry_at, error FROM ayb_jobs.lanes() WHERE queued > 0;
SELECT state, attempts FROM ayb_jobs.jobs WHERE id = :'id';
SELECT pg_advisory_lock(1);
SELECT ayb_jobs.resume();
SELECT status, detail, hint FROM ayb_jobs.health() WHERE name = 'paused';

-- while it runs: jobs, workers(), lanes(), attempts(), pg_stat_activity, stats()
SELECT wait_until(format('(SELECT state = ''running'' AND progress ->> ''percent'' = ''40'' FROM ayb_jobs.jobs WHERE id = %L)', :'id'));
SELECT state, is_running, attempts, progress ->> 'percent' AS percent, length(progress ->> 'note') AS characters,
       progress ->> 'note' ~ '^ü+$' AS whole, lease_until > last_run_at AS leased
FROM ayb_jobs.jobs WHERE id = :'id';
SELECT w.role, w.state, w.type, w.attempt, w.percent, octet_length(w.note) AS bytes, w.worker_id = j.worker_id AS same_worker,
       w.job_since >= j.last_run_at AS job_since, w.since <= w.job_since AS since
FROM ayb_jobs.workers() AS w JOIN ayb_jobs.jobs AS j ON j.id = w.job_id WHERE j.id = :'id';
SELECT a.backend_type, a.usename, a.datname = current_database() AS here, a.application_name, a.state,
       replace(a.query, :'id', '<id>') AS query
FROM ayb_jobs.workers() AS w JOIN pg_stat_activity AS a USING (pid) WHERE w.job_id = :'id';
SELECT role, workers >= 1 AS served, queued, running, error FROM ayb_jobs.lanes() WHERE running > 0;
SELECT attempt, status, worker_id IS NOT NULL AS by, started_at IS NOT NULL AS started, finished_at, duration_ms, error
FROM ayb_jobs.attempts(:'id');
SELECT wait_until($$counts() = '1 1 0 0 2'$$);
-- others see nothing of it, admins all
SET ROLE regress_alice;
SELECT (SELECT count(*) FROM ayb_jobs.jobs) AS jobs, (SELECT count(*) FROM ayb_jobs.workers() WHERE type = 'seen_held') AS workers,
       (SELECT count(*) FROM ayb_jobs.lanes() WHERE running > 0) AS lanes, (SELECT counts()) AS stats,
       (SELECT count(*) FROM ayb_jobs.attempts(:'id')) AS attempts, (SELECT count(*) FROM ayb_jobs.series(type => 'seen_held')) AS series,
       (SELECT count(*) FROM ayb_jobs.events(:last)) AS events;
SELECT ayb_jobs_internal.progress() AS progress, ayb_jobs_internal.running() AS running;
SET ROLE regress_admin;
SELECT (SELECT count(*) FROM ayb_jobs.jobs WHERE is_running) AS jobs, (SELECT count(*) FROM ayb_jobs.workers() WHERE type = 'seen_held') AS workers,
       (SELECT count(*) FROM ayb_jobs.lanes() WHERE running > 0) AS lanes, (SELECT counts()) AS stats,
       (SELECT count(*) FROM ayb_jobs.attempts(:'id')) AS attempts;
RESET ROLE;

-- after it: what it saw of itself by current_job(), and nothing of a worker any more
SELECT pg_advisory_unlock(1);
SELECT wait_for(:'id', 'completed');
SELECT result ->> 'id' = :'id' AS same, result - 'id' AS saw FROM ayb_jobs.jobs WHERE id = :'id';
SELECT is_running, progress, worker_id IS NOT NULL AS by, lease_until, completed_at >= last_run_at AS later FROM ayb_jobs.jobs WHERE id = :'id';
SELECT wait_until($$NOT EXISTS (SELECT FROM ayb_jobs.workers() WHERE job_id IS NOT NULL)$$);
SELECT state, type, attempt, job_since, percent, note FROM ayb_jobs.workers() WHERE role::text = current_user AND state = 'idle' LIMIT 1;
SELECT wait_until($$counts() = '1 0 1 0 2'$$);
SELECT attempt, status, finished_at - started_at >= '0' AS finished, duration_ms >= 0 AS timed FROM ayb_jobs.attempts(:'id');

-- due_at: until when a lane sleeps
SELECT ayb_jobs.enqueue('seen_held', run_at => '2100-01-01') AS later \gset
SELECT wait_until($$EXISTS (SELECT FROM ayb_jobs.lanes() WHERE role::text = current_user AND due_at = '2100-01-01')$$);
SELECT state FROM ayb_jobs.cancel(:'later');
SELECT counts();

-- outside of a handler
SELECT ayb_jobs.current_job() IS NULL AS none;
SELECT refused('SELECT ayb_jobs.set_progress(50)');
SELECT refused('SELECT ayb_jobs.set_progress(101)');
SELECT refused('SELECT ayb_jobs.set_progress(-1)');
SELECT refused('SELECT ayb_jobs.set_progress(NULL)');

-- attempts(): every one, oldest first, of jobs inside and outside
SELECT ayb_jobs.enqueue('seen_raising') AS raising, ayb_jobs.enqueue('seen_outside') AS outside \gset
SELECT wait_for(:'raising', 'failed');
SELECT attempt, status, worker_id IS NOT NULL AS by, duration_ms >= 0 AS timed, error, sqlstate FROM ayb_jobs.attempts(:'raising');
SELECT attempt FROM ayb_jobs.claim('w', '{seen_outside}');
SELECT state FROM ayb_jobs.fail(:'outside', 'w', 1, 'not now', '0');
SELECT attempt FROM ayb_jobs.claim('w', '{seen_outside}');
SELECT attempt, status, worker_id, error, sqlstate, finished_at IS NULL AS open FROM ayb_jobs.attempts(:'outside');
SELECT state FROM ayb_jobs.complete(:'outside', 'w', 2);
SELECT attempt, status, worker_id, error, sqlstate, finished_at IS NULL AS open FROM ayb_jobs.attempts(:'outside');
SELECT count(*) AS unknown FROM ayb_jobs.attempts(gen_random_uuid());

-- events(): each change of a state that has committed, in order, from where one has read on
SELECT wait_until(format('(SELECT count(*) = 3 FROM ayb_jobs.events(%s) WHERE job_id = %L)', :last, :'id'))
       AS told_of_one, wait_until($$counts() = '1 0 2 1 3'$$) AS told_of_all;
SELECT CASE job_id WHEN :'id' THEN 'held' WHEN :'raising' THEN 'raising' WHEN :'outside' THEN 'outside' WHEN :'overdue' THEN 'overdue'
                   WHEN :'other' THEN 'other' WHEN :'future' THEN 'future' WHEN :'later' THEN 'later' ELSE 'unknown' END AS job,
       string_agg(coalesce(old_state, 'new') || ' → ' || new_state, ', ' ORDER BY seq) AS changes,
       min(type) AS type, min(run_as::text) AS run_as
FROM ayb_jobs.events(:last) GROUP BY job_id ORDER BY 1;
SELECT count(*) = count(DISTINCT seq) AND min(seq) > :last AND bool_and(at <= clock_timestamp()) AS numbered FROM ayb_jobs.events(:last);
SELECT seq AS first FROM ayb_jobs.events(:last, 1) \gset
SELECT array_agg(e.seq) = (SELECT array_agg(f.seq) FROM ayb_jobs.events(:last, 3) AS f WHERE f.seq > :first) AS next_page
FROM ayb_jobs.events(:first, 2) AS e;
SELECT count(*) AS none FROM ayb_jobs.events(9223372036854775807);
-- the numbers: this life's first, the oldest that is kept and the newest, which events() has
SELECT first <= oldest AND oldest > newest - 4096 AND oldest <= newest AS in_order,
       newest = (SELECT max(e.seq) FROM ayb_jobs.events(:last, 4096) AS e) AS newest FROM ayb_jobs.event_span();
-- of more changes in one transaction than are kept the newest numbers count all
SELECT newest AS before FROM ayb_jobs.event_span() \gset
BEGIN;
SELECT count(*) FROM ayb_jobs.enqueue_many('burst', array_fill('{}'::jsonb, '{5000}')) AS id;
COMMIT;
SELECT newest - :before AS counted, newest - oldest + 1 AS kept, (SELECT count(*) FROM ayb_jobs.events(:before, 4096)) AS told
FROM ayb_jobs.event_span();
DELETE FROM ayb_jobs.job_queue WHERE type = 'burst';
-- each role its own
SET ROLE regress_alice;
SELECT ayb_jobs.enqueue('seen_outside', '"alice"') AS alice \gset
SELECT state FROM ayb_jobs.cancel(:'alice');
SELECT job_id = :'alice' AS own, run_as, old_state, new_state FROM ayb_jobs.events(:last);
SELECT counts();
RESET ROLE;
SELECT counts() AS all_roles;

-- series(): attempts by type, with times of those that ran inside; what was written of it is there too
SELECT wait_until($$(SELECT sum(completed + failed + retried) = 5 FROM ayb_jobs.series() WHERE job_type IN ('seen_held', 'seen_raising', 'seen_outside'))$$);
SELECT job_type, sum(completed) AS completed, sum(failed) AS failed, sum(retried) AS retried, sum(lost) AS lost, sum(canceled) AS canceled,
       bool_and(wait_p50 >= 0 AND wait_p50 <= wait_p95 AND wait_p95 <= wait_p99) AS waits,
       bool_and(run_p50 >= 0 AND run_p50 <= run_p95 AND run_p95 <= run_p99) AS runs
FROM ayb_jobs.series(step => '1 day') WHERE job_type IN ('seen_held', 'seen_raising', 'seen_outside') GROUP BY job_type ORDER BY job_type COLLATE "C";
SELECT DISTINCT job_type FROM ayb_jobs.series(type => 'seen_held');
SELECT job_type, sum(completed) AS completed, sum(failed) AS failed, sum(retried) AS retried FROM ayb_jobs.series(step => '1 day', type => 'seen_raising', by_type => false) GROUP BY job_type;
SELECT count(*) AS future FROM ayb_jobs.series(since => '2100-01-01');
SELECT bool_and(bucket = date_bin('5 minutes', bucket, '2000-01-01 00:00:00+00')) AS binned FROM ayb_jobs.series(step => '5 minutes');
SELECT refused($$SELECT * FROM ayb_jobs.series(step => '0')$$);
SELECT refused($$SELECT * FROM ayb_jobs.series(step => '1 month')$$);
INSERT INTO ayb_jobs.job_minutes
SELECT date_trunc('minute', clock_timestamp()) - ago, current_user::regrole, 'written', completed, 4, 3, 2, 1, fast || slow, slow || fast
FROM (VALUES (interval '10 minutes', 100), ('11 minutes', 100), ('2 hours', 1000)) AS v (ago, completed),
     (SELECT array_fill(10::bigint, '{32}') AS fast, array_fill(0::bigint, '{32}') AS slow) AS h;
SELECT completed, failed, retried, lost, canceled, wait_p50 < 1 AS quick_to_start, run_p50 > 100 AS slow_to_run
FROM ayb_jobs.series(type => 'written') ORDER BY bucket;
SELECT sum(completed) AS completed FROM ayb_jobs.series(since => clock_timestamp() - interval '3 hours', type => 'written');
DELETE FROM ayb_jobs.job_minutes WHERE type = 'written';

-- depths(): of several looks in a step the highest of each, of several roles the sum; each role its own
INSERT INTO ayb_jobs.job_depths (minute, run_as, queued, running, oldest_due_seconds)
SELECT d.minute, d.run_as::regrole, d.queued, d.running, d.oldest
FROM (VALUES (timestamptz '2001-01-01 10:00Z', 'regress_alice', 5, 1, 7.5), ('2001-01-01 10:00Z', 'regress_bob', 3, 2, 60),
             ('2001-01-01 10:01Z', 'regress_bob', 6, 0, NULL), ('2001-01-01 10:05Z', 'regress_alice', 1, 0, NULL)) AS d (minute, run_as, queued, running, oldest);
SELECT bucket AT TIME ZONE 'UTC' AS bucket, queued, running, oldest_due_seconds FROM ayb_jobs.depths('2001-01-01') WHERE bucket < '2002-01-01';
SELECT bucket AT TIME ZONE 'UTC' AS bucket, queued, running, oldest_due_seconds FROM ayb_jobs.depths('2001-01-01', '5 minutes') WHERE bucket < '2002-01-01';
SET ROLE regress_alice;
SELECT bucket AT TIME ZONE 'UTC' AS bucket, queued, running, oldest_due_seconds FROM ayb_jobs.depths('2001-01-01', '1 hour') WHERE bucket < '2002-01-01';
RESET ROLE;
SELECT count(*) AS in_the_last_hour FROM ayb_jobs.depths() WHERE bucket < '2002-01-01';
SELECT refused($$SELECT * FROM ayb_jobs.depths(step => '0')$$);
SELECT refused($$SELECT * FROM ayb_jobs.depths(step => '1 month')$$);
DELETE FROM ayb_jobs.job_depths;

-- Dead rows are an alarm only where vacuum has had time to take them away
ALTER TABLE ayb_jobs.job_queue SET (autovacuum_enabled = off);
SELECT count(*) / 1000 AS thousands
FROM generate_series(1, 30) AS n CROSS JOIN LATERAL ayb_jobs.enqueue_many('seen_outside', array_fill(to_jsonb(n), ARRAY[4000]));
DELETE FROM ayb_jobs.job_queue WHERE type = 'seen_outside';
SELECT pg_stat_force_next_flush();
CREATE FUNCTION of_dead_rows() RETURNS text LANGUAGE sql AS
    $$SELECT status FROM ayb_jobs.health() WHERE name = 'dead_tuples'$$;
SELECT of_dead_rows();
INSERT INTO ayb_jobs.job_minutes
SELECT date_trunc('minute', clock_timestamp()), current_user::regrole, 'written', 60000, 0, 0, 0, 0, h.none, h.none
FROM (SELECT array_fill(0::bigint, '{64}') AS none) AS h;
SELECT of_dead_rows();
UPDATE ayb_jobs.job_minutes SET minute = minute - interval '20 minutes' WHERE type = 'written';
SELECT of_dead_rows();
DELETE FROM ayb_jobs.job_minutes WHERE type = 'written';
VACUUM ayb_jobs.job_queue;
ALTER TABLE ayb_jobs.job_queue RESET (autovacuum_enabled);
SELECT pg_stat_force_next_flush();
SELECT of_dead_rows();

-- health(): every check; what is not ok says what mends it
SELECT name, hint FROM ayb_jobs.health() WHERE name <> 'leases_lost' ORDER BY name COLLATE "C";
SELECT bool_and((status = 'ok') = (hint IS NULL)) AS hints, bool_and(detail <> '') AS details FROM ayb_jobs.health();
SELECT status, detail FROM ayb_jobs.health() WHERE name IN ('preloaded', 'enabled', 'scheduler', 'stamp', 'worker_slots', 'handlers', 'lanes')
ORDER BY detail COLLATE "C";
-- a lease that was lost counts from then on
SELECT substring(detail FROM '\d+')::bigint AS lost FROM ayb_jobs.health() WHERE name = 'leases_lost' \gset
SELECT ayb_jobs.enqueue('seen_outside') AS id \gset
SELECT id = :'id' AS claimed FROM ayb_jobs.claim('w', '{seen_outside}', 1, '1 ms');
SELECT wait_for(:'id', 'queued');
SELECT status, detail LIKE :lost + 1 || ' attempts lost since the scheduler started, the last one at %' AS one_more, hint
FROM ayb_jobs.health() WHERE name = 'leases_lost';
SELECT sum(lost) AS lost FROM ayb_jobs.series(type => 'seen_outside');
-- who holds back vacuum is named
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT detail ~ '^(nothing holds back vacuum|.+ holds back vacuum by \d+ transactions(, for \d+ s)?)$' AS named
FROM ayb_jobs.health() WHERE name = 'xmin_horizon';
COMMIT;
-- for admins and pg_monitor
SET ROLE regress_admin;
SELECT count(*) > 0 AS allowed FROM ayb_jobs.health();
SET ROLE pg_monitor;
SELECT count(*) > 0 AS allowed FROM ayb_jobs.health();
SET ROLE regress_alice;
SELECT refused('SELECT * FROM ayb_jobs.health()');
SELECT refused('SELECT * FROM ayb_jobs_internal.server_state()');
RESET ROLE;

-- retention: what it is can be seen
SELECT name, setting, unit, min_val, context FROM pg_settings WHERE name IN ('ayb_jobs.retention', 'ayb_jobs.failed_retention') ORDER BY name;
SHOW ayb_jobs.retention;

-- The view reads no table from end to end, whoever looks. Which tables and indexes a plan scans, of partitions without the day.
CREATE FUNCTION scans(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    seen text[];
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        seen := seen || substring(line FROM '^(?: *->)? *((?:Seq|Index|Index Only|Bitmap Heap) Scan.* on \w+|Incremental Sort$|Sort$|Merge Append$)');
    END LOOP;
    RETURN QUERY SELECT DISTINCT regexp_replace(s, '_\d{8}', '_day', 'g') FROM unnest(seen) AS s WHERE s IS NOT NULL ORDER BY 1;
END
$$;
CREATE TABLE looks (n serial, look text);
INSERT INTO looks (look) VALUES
    ('id = ''00000000-0000-7000-8000-000000000000'''),
    ('true ORDER BY id DESC LIMIT 50'),
    ('type = ''seen_held'' ORDER BY id DESC LIMIT 50'),
    ('state = ''queued'' ORDER BY id DESC LIMIT 50'),
    ('state = ''completed'' ORDER BY id DESC LIMIT 50'),
    ('state = ''failed'' ORDER BY id DESC LIMIT 50'),
    ('state = ''canceled'' ORDER BY id DESC LIMIT 50'),
    ('state = ''failed'' ORDER BY updated_at DESC LIMIT 50'),
    ('state = ''running'' ORDER BY lease_until LIMIT 50'),
    ('completed_at >= ''2100-01-01'''),
    ('completed_at < ''2020-01-01''');
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_sort = off;
SET jit = off; -- the costs of what is off would have it compiled
SELECT look, scan FROM looks LEFT JOIN LATERAL scans('SELECT * FROM ayb_jobs.jobs WHERE ' || look) AS scan ON true
ORDER BY n, scan COLLATE "C";
GRANT SELECT ON looks TO PUBLIC;
SET ROLE regress_alice;
SELECT look, scan FROM looks CROSS JOIN LATERAL scans('SELECT * FROM ayb_jobs.jobs WHERE ' || look) AS scan
WHERE scan ~ '^(Seq Scan|Sort|Incremental Sort)';
SET ROLE regress_admin;
SELECT look, scan FROM looks CROSS JOIN LATERAL scans('SELECT * FROM ayb_jobs.jobs WHERE ' || look) AS scan
WHERE scan ~ '^(Seq Scan|Sort|Incremental Sort)';
RESET ROLE;
-- that a plan which does read a table from end to end would be seen
SELECT * FROM scans('SELECT * FROM ayb_jobs.jobs WHERE payload = ''1''');
RESET enable_seqscan;
RESET enable_bitmapscan;
RESET enable_sort;
RESET jit;

SELECT ayb_jobs.unregister_handler(type) FROM (SELECT type FROM ayb_jobs.handlers WHERE type LIKE 'seen\_%' ORDER BY type) AS t;
DROP TABLE looks;
DROP FUNCTION held, raising, scans;
TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_history, ayb_jobs.job_keys, ayb_jobs.job_attempts;

-- due_at where nobody has looked yet: now
SELECT ayb_jobs.pause();
SELECT type FROM ayb_jobs.register_handler('seen_never', kind => 'command', handler => 'SELECT 1');
SELECT ayb_jobs.enqueue('seen_never') AS unseen \gset
SELECT due_at <= now() AS due FROM ayb_jobs.lanes() WHERE role::text = current_user;
DELETE FROM ayb_jobs.job_queue WHERE id = :'unseen';
SELECT ayb_jobs.resume(), ayb_jobs.unregister_handler('seen_never');

-- find_jobs() and count_jobs(): what each argument means, and that they mean the same to both
SELECT wait_until($$counts() = '0 0 0 0 0'$$);
CREATE TABLE sought (n serial, id uuid);
SET client_min_messages = warning;
INSERT INTO sought (id) SELECT ayb_jobs.enqueue('sought_' || n % 2, jsonb_build_object('to', 'Number ' || n), idempotency_key => 'key ' || n,
    run_at => CASE WHEN n > 4 THEN now() + interval '1 day' END) FROM generate_series(1, 6) AS n;
RESET client_min_messages;
SELECT ayb_jobs.cancel_many(ARRAY(SELECT id FROM sought WHERE n IN (1, 2)));
SELECT wait_until($$counts() = '4 0 0 0 2'$$);
UPDATE ayb_jobs.job_queue SET last_error = E'no \'luck\' for 12\nand more' WHERE id = (SELECT id FROM sought WHERE n = 5);
SELECT id AS third FROM sought WHERE n = 3 \gset
CREATE FUNCTION found(arguments text) RETURNS TABLE (jobs text, counted text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT string_agg(s.n::text, '' '' ORDER BY f.ordinality) FROM ayb_jobs.find_jobs(%s) WITH ORDINALITY AS f
                    JOIN sought AS s USING (id)', arguments) INTO jobs;
    IF arguments !~ 'state|before|skip|max_jobs' THEN
        EXECUTE format('SELECT string_agg(concat_ws('' '', state, jobs), '', '') FROM ayb_jobs.count_jobs(%s) WHERE jobs > 0 AND NOT more', arguments) INTO counted;
    END IF;
    RETURN NEXT;
END
$$;
SELECT CASE WHEN a.arguments ~ '\w{8}-' THEN regexp_replace(a.arguments, '\w{8}-[-\w]*', 'id', 'g') ELSE a.arguments END AS arguments, f.*
FROM unnest(ARRAY['', 'type => ''sought_1''', 'state => ''canceled''', 'phase => ''scheduled''', 'phase => ''waiting''',
    'phase => ''canceled''', 'phase => ''scheduled'', state => ''canceled''', 'search => ''NUMBER 4''', 'search => ''key 2''', 'search => ''it''''s %''', 'search => ''payload.to: Number 4''', 'search => ''payload.to:"Number 4"''', 'search => ''payload.to: Number''',
    'search => ''payload.n.to: 4''', 'search => ''payload.to''', 'search => ''error: no ''''luck'''' for #''',
    format('search => %L', :'third'), format('search => %L, type => ''other''', upper(:'third')), format('search => %L', ayb_jobs.uuid7()),
    'since => now() - interval ''1 h''', 'since => now() + interval ''1 h''', 'until => now() - interval ''1 h''', 'until => ''infinity''',
    'since => ''-infinity'', until => now() + interval ''1 h''', format('before => %L', :'third'), 'max_jobs => 2', 'max_jobs => 2, skip => 3',
    'max_jobs => NULL', 'max_jobs => 0']) WITH ORDINALITY AS a (arguments, n) CROSS JOIN LATERAL found(a.arguments) AS f ORDER BY a.n;
SELECT * FROM ayb_jobs.count_jobs(type => 'sought_0', most => 1);
SELECT ayb_jobs_internal.error_kind(e) FROM unnest(ARRAY[E'no luck for 10 of 5f0c2a51-0000-4000-8000-0123456789ab\nmore', 'port 5432 (SQLSTATE P0001)', '23 (SQLSTATE 23505)']) AS e;
SELECT refused($$SELECT ayb_jobs.find_jobs(phase => 'queued')$$), refused($$SELECT ayb_jobs.count_jobs(phase => '')$$),
       refused($$SELECT ayb_jobs.find_jobs(max_jobs => -1)$$);
SET ROLE regress_alice;
SELECT count(*) AS not_hers FROM ayb_jobs.find_jobs(search => 'number');
RESET ROLE;
TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_history, ayb_jobs.job_keys, ayb_jobs.job_attempts;
DROP TABLE sought;
DROP FUNCTION found, counts, counted;

-- what this release has; health() isn't everybody's
SELECT jsonb_pretty(ayb_jobs.capabilities());
SET ROLE regress_alice;
SELECT key AS not_hers FROM jsonb_each(ayb_jobs.capabilities()) WHERE value <> 'true';
RESET ROLE;

-- No view costs so much, by the planner's guess, that it is compiled with all optimizations first, which takes a second or two.
DO $$
DECLARE
    seen regclass;
    plan jsonb;
BEGIN
    FOR seen IN SELECT c.oid FROM pg_class AS c WHERE c.relnamespace = 'ayb_jobs'::regnamespace AND c.relkind = 'v' LOOP
        EXECUTE format('EXPLAIN (FORMAT JSON) SELECT * FROM %s', seen) INTO plan;
        IF (plan -> 0 -> 'Plan' ->> 'Total Cost')::float8 > current_setting('jit_optimize_above_cost')::float8 THEN
            RAISE WARNING '% is compiled', seen;
        END IF;
    END LOOP;
END
$$;
