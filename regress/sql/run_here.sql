-- run_here(): a test enqueues, runs, looks, rolls back.
\set QUIET on
SET client_min_messages = warning;
CREATE TABLE spent (who text, cents integer);
CREATE FUNCTION spend(payload jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ayb_jobs.set_progress(50, 'half'), ayb_jobs.add_log('spends');
    INSERT INTO spent VALUES (payload ->> 'who', (payload ->> 'cents')::integer);
    SET LOCAL application_name = 'spender';
    IF payload ? 'again' THEN
        PERFORM ayb_jobs.enqueue('spend', payload - 'again');
    END IF;
    IF payload ? 'step' AND (payload ->> 'step')::integer < 3 THEN
        PERFORM ayb_jobs.snooze(payload => jsonb_set(payload, '{step}', to_jsonb((payload ->> 'step')::integer + 1)));
    END IF;
    IF payload ? 'gives' THEN
        PERFORM ayb_jobs.give_up('no use');
    END IF;
    RETURN (SELECT jsonb_build_object('state', j.state, 'attempts', j.attempts, 'runs', j.runs, 'mine', j.worker_id IS NOT NULL, 'user', current_user)
            FROM ayb_jobs.current_job() AS j);
END $$;
-- What the whole of it leaves.
CREATE FUNCTION traces() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', (SELECT count(*) FROM ayb_jobs.jobs WHERE type = 'spend'), (SELECT count(*) FROM ayb_jobs.events() WHERE type = 'spend'),
                     (SELECT count(*) FROM ayb_jobs.job_attempts), (SELECT sum(s.queued + s.running + s.completed + s.failed) FROM ayb_jobs.stats() AS s),
                     (SELECT count(*) FROM (SELECT type FROM ayb_jobs.job_minutes UNION ALL SELECT type FROM ayb_jobs_internal.current_minutes()) AS m WHERE type = 'spend'),
                     (SELECT count(*) FROM spent))
$$;
RESET client_min_messages;
\set QUIET off

SELECT type FROM ayb_jobs.register_handler('spend', 'spend', max_attempts => 2, backoff => '{0}');
SELECT traces() AS before \gset

-- The handler sees what it sees in a worker; a job that it enqueues runs as well; settings are undone
BEGIN;
SELECT ayb_jobs.enqueue('spend', '{"who": "ada", "cents": 5, "again": true}') IS NOT NULL AS enqueued;
SELECT type, state, result, error FROM ayb_jobs.run_here('spend');
SELECT * FROM spent;
SELECT state, attempts, runs, result IS NOT NULL AS has_result FROM ayb_jobs.jobs WHERE type = 'spend' ORDER BY id;
SELECT current_setting('application_name') = 'spender' AS kept, ayb_jobs.current_job() IS NULL AS no_job;
ROLLBACK;
SELECT traces() = :'before' AS nothing_left;

-- An error is rolled back and recorded, tried again, and fails for good; give_up() at once
BEGIN;
SELECT ayb_jobs.enqueue('spend', '{"who": "bob", "cents": "none"}') AS id \gset
SELECT state, result, error FROM ayb_jobs.run_here('spend', max => 1);
SELECT state, attempts, last_error FROM ayb_jobs.jobs WHERE id = :'id';
SELECT id = :'id' AS it, state, error FROM ayb_jobs.run_here('spend');
SELECT attempt, status, error, sqlstate, log -> 0 ->> 'message' AS said, worker_id IS NOT NULL AS named FROM ayb_jobs.attempts(:'id');
SELECT ayb_jobs.enqueue('spend', '{"who": "bob", "cents": 1, "gives": true}') IS NOT NULL AS enqueued;
SELECT state, error FROM ayb_jobs.run_here('spend');
SELECT count(*) FROM spent;
ROLLBACK;
SELECT traces() = :'before' AS nothing_left;

-- Steps, each a run of its own; what isn't due yet stays; a later job that an earlier one cancels doesn't run
BEGIN;
SELECT ayb_jobs.enqueue('spend', '{"who": "cy", "cents": 1, "step": 1}') IS NOT NULL AS steps, ayb_jobs.enqueue('spend', delay => '1 h') IS NOT NULL AS later;
SELECT state, error, result ->> 'runs' AS runs FROM ayb_jobs.run_here('spend');
SELECT count(*) FROM spent;
SELECT state, phase FROM ayb_jobs.jobs WHERE type = 'spend' AND state <> 'completed';
ROLLBACK;
CREATE FUNCTION cancels() RETURNS bigint LANGUAGE sql AS 'SELECT ayb_jobs.cancel_matching(''cancels'')';
SELECT type FROM ayb_jobs.register_handler('cancels', 'cancels');
BEGIN;
SELECT count(ayb_jobs.enqueue('cancels')) FROM generate_series(1, 2);
SELECT state, result FROM ayb_jobs.run_here('cancels');
ROLLBACK;
SELECT traces() = :'before' AS nothing_left;

-- By priority, and no more than asked for
BEGIN;
SELECT count(ayb_jobs.enqueue('spend', jsonb_build_object('who', p, 'cents', p), priority => p)) FROM generate_series(3, 1, -1) AS p;
SELECT state FROM ayb_jobs.run_here('spend', 2);
SELECT who FROM spent;
ROLLBACK;

-- A timeout of the caller's is the caller's
CREATE FUNCTION dawdles() RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(3600)';
SELECT type FROM ayb_jobs.register_handler('dawdles', 'dawdles');
BEGIN;
SELECT ayb_jobs.enqueue('dawdles') IS NOT NULL AS enqueued;
SET LOCAL statement_timeout = '50ms';
SELECT ayb_jobs.run_here('dawdles');
ROLLBACK;

-- Committed, it has run
BEGIN;
SELECT ayb_jobs.enqueue('spend', '{"who": "dee", "cents": 1}') AS id \gset
SELECT state FROM ayb_jobs.run_here('spend');
COMMIT;
SELECT state, attempts FROM ayb_jobs.jobs WHERE id = :'id';
SELECT who FROM spent;

-- Of a type whose keys go in order: by id, and none past one that is to be tried again
BEGIN;
CREATE FUNCTION orderly(payload jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT attempts FROM ayb_jobs.current_job()) <= coalesce((payload ->> 'failures')::integer, 0) THEN RAISE 'not yet'; END IF;
    RETURN payload -> 'n';
END $$;
SELECT type FROM ayb_jobs.register_handler('orderly', 'orderly(jsonb)', backoff => '{1 h}');
SELECT running_per_key, ordered FROM ayb_jobs.set_limit('orderly', ordered => true);
SELECT count(ayb_jobs.enqueue('orderly', payload, partition_key => key, priority => priority))
FROM (VALUES ('{"n": "a1"}'::jsonb, 'a', 4), ('{"n": "a2", "failures": 1}', 'a', -4), ('{"n": "b1"}', 'b', 0), ('{"n": "a3"}', 'a', 0), ('{"n": "b2"}', 'b', -4)) AS v (payload, key, priority);
SELECT state, result FROM ayb_jobs.run_here('orderly');
SELECT count(*) FROM ayb_jobs.run_here('orderly');
SELECT state FROM ayb_jobs.run_now((SELECT id FROM ayb_jobs.jobs WHERE type = 'orderly' AND payload ->> 'n' = 'a2'));
SELECT state, result FROM ayb_jobs.run_here('orderly');
ROLLBACK;

-- What waits for a job that ran goes on in the same transaction, or is canceled with it; nothing of it is left
CREATE FUNCTION step(payload jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    IF payload ? 'fails' THEN
        PERFORM ayb_jobs.give_up('as it was told');
    END IF;
    RETURN (SELECT coalesce(jsonb_agg(p.name || ' ' || p.state ORDER BY p.name), '[]') FROM ayb_jobs.parents() AS p);
END
$$;
SELECT type FROM ayb_jobs.register_handler('step here', 'step(jsonb)');
SELECT type FROM ayb_jobs.register_handler('other step here', 'step(jsonb)');
BEGIN;
SELECT ayb_jobs.enqueue_flow('[{"name": "last", "type": "step here", "depends_on": ["left", "right"]}, {"name": "first", "type": "step here"},
    {"name": "left", "type": "step here", "depends_on": ["first"]}, {"name": "right", "type": "other step here", "depends_on": ["first"]},
    {"name": "callback", "type": "step here", "depends_on": ["*"]}]') AS flow \gset
SELECT state, result FROM ayb_jobs.run_here('step here');
SELECT name, state, phase FROM ayb_jobs.flow(:'flow');
SELECT state, result FROM ayb_jobs.run_here('other step here');
SELECT state, result FROM ayb_jobs.run_here('step here', 1);
SELECT name, state, phase FROM ayb_jobs.flow(:'flow');
SELECT state, jsonb_array_length(result) AS parents FROM ayb_jobs.run_here('step here');
ROLLBACK;
BEGIN;
SELECT ayb_jobs.enqueue_flow('[{"name": "bad", "type": "step here", "payload": {"fails": true}}, {"name": "waits", "type": "step here", "depends_on": ["bad"]},
    {"name": "ends", "type": "step here", "depends_on": ["bad"], "on_parent_failure": "cancel"}, {"name": "ends too", "type": "step here", "depends_on": ["ends"]},
    {"name": "report", "type": "step here", "depends_on": ["bad", "ends too"], "on_parent_failure": "run"}]') AS flow \gset
SELECT state, result FROM ayb_jobs.run_here('step here');
SELECT name, state, phase FROM ayb_jobs.flow(:'flow');
ROLLBACK;
SELECT count(*) FROM ayb_jobs.job_edges;

-- Others' jobs are not the caller's; what is no function is refused; and so is a handler
BEGIN;
SELECT ayb_jobs.enqueue('spend', '{"who": "eve", "cents": 1}', run_as => 'regress_alice') IS NOT NULL AS enqueued;
SELECT count(*) FROM ayb_jobs.run_here('spend');
ROLLBACK;
SELECT refused($$SELECT ayb_jobs.run_here('nobody')$$);
SELECT refused($$SELECT ayb_jobs.run_here('command')$$);
SELECT refused($$SELECT ayb_jobs.run_here(NULL)$$);
SELECT refused($$SELECT ayb_jobs.run_here('spend', 0)$$);
SELECT refused($$SELECT ayb_jobs.run_here('spend', NULL)$$);
CREATE FUNCTION nests() RETURNS void LANGUAGE sql AS 'SELECT ayb_jobs.run_here(''spend'')';
SELECT type FROM ayb_jobs.register_handler('nests', 'nests', max_attempts => 1);
BEGIN;
SELECT ayb_jobs.enqueue('nests') IS NOT NULL AS enqueued;
SELECT state, error FROM ayb_jobs.run_here('nests');
SELECT ayb_jobs.enqueue('spend', '{"who": "fay", "cents": 1}') IS NOT NULL AS enqueued;
SELECT state FROM ayb_jobs.run_here('spend');
ROLLBACK;

SELECT count(ayb_jobs.unregister_handler(t)) FROM unnest(ARRAY['spend', 'cancels', 'dawdles', 'nests', 'step here', 'other step here']) AS t;
SELECT count(ayb_jobs.delete_job(id)) FROM ayb_jobs.jobs WHERE type IN ('spend', 'cancels', 'dawdles', 'nests');
DROP FUNCTION spend, traces, cancels, dawdles, nests, step;
DROP TABLE spent;
