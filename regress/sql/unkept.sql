-- register_handler(keep => false): of a completed job of the type nothing stays, but for the minutes' counts.
CREATE TABLE pings (n integer);
CREATE FUNCTION ping(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF payload ? 'snooze' THEN
        PERFORM ayb_jobs.snooze(payload => payload - 'snooze');
        RETURN;
    END IF;
    INSERT INTO pings VALUES ((payload ->> 'n')::integer);
    IF payload ? 'fail' AND (ayb_jobs.current_job()).runs = 1 THEN RAISE EXCEPTION 'once'; END IF;
END $$;
SELECT type, keep FROM ayb_jobs.register_handler('pinged', 'ping', backoff => '{0}', keep => false);
SELECT type, keep FROM ayb_jobs.register_handler('kept ping', 'ping', backoff => '{0}');
SELECT completed FROM ayb_jobs_internal.counts() \gset
-- of one transaction, so that they may be one group
SELECT count(ayb_jobs.enqueue(type, jsonb_build_object('n', n))) FROM generate_series(1, 30) AS n CROSS JOIN unnest('{pinged,kept ping}'::text[]) AS type;
SELECT ayb_jobs.enqueue('pinged', '{"n": 31, "fail": true}', idempotency_key => 'once') AS failed,
       ayb_jobs.enqueue('pinged', '{"n": 32, "snooze": true}') AS snoozed \gset
SELECT wait_until('(SELECT count(*) FROM pings) = 62 AND NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE type IN (''pinged'', ''kept ping''))');
SELECT type, count(*) FROM ayb_jobs.jobs WHERE type IN ('pinged', 'kept ping') GROUP BY 1;
SELECT wait_until(format('(SELECT completed - %s FROM ayb_jobs_internal.counts()) = 30', :completed)) AS counted;
SELECT count(*) FROM ayb_jobs.attempts(:'failed');
SELECT count(*) FROM ayb_jobs.attempts(:'snoozed');
SELECT count(*) FROM ayb_jobs.job_keys WHERE job_id = :'failed';
\set VERBOSITY sqlstate
CALL ayb_jobs.wait_for_job(:'failed');
\set VERBOSITY default
SELECT is_new FROM ayb_jobs.enqueue_or_find('pinged', '{"n": 33}', idempotency_key => 'once');
SELECT wait_until('(SELECT count(*) FROM pings) = 63');
-- they were counted as they ran
SELECT wait_until('(SELECT sum(s.completed) FROM ayb_jobs.series(type => ''pinged'') AS s) = 33');
-- what fails for good is there: it may be tried again
SELECT type FROM ayb_jobs.register_handler('unkept failure', 'ping', max_attempts => 1, keep => false);
SELECT ayb_jobs.enqueue('unkept failure', '{"n": 40, "fail": true}') AS id \gset
SELECT wait_for(:'id', 'failed');
SELECT status, error FROM ayb_jobs.attempts(:'id');
SELECT state FROM ayb_jobs.retry_now(:'id');
SELECT wait_until(format('NOT EXISTS (SELECT FROM ayb_jobs.jobs WHERE id = %L)', :'id'));
-- outside, one by one and many at once, beside what is kept
SELECT type FROM ayb_jobs.register_handler('outside pinged', kind => 'external', keep => false);
SELECT type FROM ayb_jobs.register_handler('outside kept', kind => 'external');
SELECT ayb_jobs.enqueue('outside pinged') AS id \gset
SELECT attempt FROM ayb_jobs.claim('w', '{outside pinged}');
SELECT completed FROM ayb_jobs_internal.counts() \gset
SELECT state FROM ayb_jobs.complete(:'id', 'w', 1, '"gone"');
SELECT completed - :completed AS counted FROM ayb_jobs_internal.counts();
SELECT count(ayb_jobs.enqueue(type, idempotency_key => type)) FROM unnest('{outside pinged,outside kept}'::text[]) AS type;
SELECT f.* FROM (SELECT jsonb_agg(jsonb_build_object('id', c.id, 'attempt', 1, 'result', c.type)) AS jobs
                 FROM ayb_jobs.claim('w', '{outside pinged,outside kept}', 2) AS c) AS c CROSS JOIN LATERAL ayb_jobs.complete_many('w', c.jobs) AS f;
SELECT type, state, result FROM ayb_jobs.jobs WHERE type LIKE 'outside %';
SELECT idempotency_key FROM ayb_jobs.job_keys WHERE idempotency_key LIKE 'outside %';
SELECT completed - :completed AS counted FROM ayb_jobs_internal.counts();
-- a schedule's last job is known to have completed, and has no row of its own
SELECT name FROM ayb_jobs.create_schedule('pings', 'pinged', '0 3 1 1 *', payload => '{"n": 50}');
SELECT r.type, r.state FROM ayb_jobs.run_schedule_now('pings') AS r;
SELECT wait_until('EXISTS (SELECT FROM pings WHERE n = 50) AND NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE type = ''pinged'')');
SELECT last_outcome, failures FROM ayb_jobs.schedule_outcomes WHERE name = 'pings';
SELECT count(*) FROM ayb_jobs.schedule_runs('pings');
SELECT ayb_jobs.delete_schedule('pings');
-- and here, in the caller's transaction
BEGIN;
SELECT ayb_jobs.pause('pinged');
SELECT ayb_jobs.enqueue('pinged', '{"n": 60}') AS id \gset
SELECT state FROM ayb_jobs.run_here('pinged');
SELECT count(*) FROM ayb_jobs.jobs WHERE id = :'id';
ROLLBACK;
SELECT refused($$SELECT ayb_jobs.register_handler('pinged', 'ping', keep => NULL)$$);
SELECT type, keep FROM ayb_jobs.register_handler('pinged', 'ping');
SELECT ayb_jobs.enqueue('pinged', '{"n": 70}') AS id \gset
SELECT wait_for(:'id', 'completed');

SET client_min_messages = warning;
SELECT count(ayb_jobs.unregister_handler(type)) FROM unnest('{pinged,kept ping,unkept failure,outside pinged,outside kept}'::text[]) AS type;
DROP TABLE pings;
DROP FUNCTION ping(jsonb);
