-- Who may move a job from which state to which, and what is written then.
SELECT type FROM ayb_jobs.register_handler('outside', kind => 'external');

-- queued → canceled
SELECT ayb_jobs.enqueue('outside') AS id \gset
SELECT state, is_running, canceled_at = updated_at AS canceled_now, canceled_at >= created_at AS later, attempts, last_error
FROM ayb_jobs.cancel(:'id');
SELECT state FROM ayb_jobs.jobs WHERE id = :'id';
-- canceled is an end: nobody is given the job, and a forced cancel of it is no error
SELECT count(*) FROM ayb_jobs.claim('w', '{outside}');
SELECT state FROM ayb_jobs.cancel(:'id', force => true);
-- one that is due later, and one that waits for a handler
SELECT ayb_jobs.enqueue('outside', run_at => '2100-01-01') AS id \gset
SELECT state FROM ayb_jobs.cancel(:'id');
SELECT ayb_jobs.enqueue('unknown') AS id \gset
SELECT state FROM ayb_jobs.cancel(:'id', force => true);
-- canceled → queued by run_now: due now, with the attempts it had left; and what waits for its time is due now too
SELECT ayb_jobs.enqueue('outside', run_at => '2100-01-01', max_attempts => 2) AS id \gset
SELECT state, run_at = updated_at AS now, run_at AS due FROM ayb_jobs.run_now(:'id') \gset
SELECT :'state' AS state, :'now' AS now, run_at = :'due' AS keeps_its_place FROM ayb_jobs.run_now(:'id');
SELECT attempt FROM ayb_jobs.claim('w', '{outside}');
SELECT refused(format('SELECT ayb_jobs.run_now(%L)', :'id'));
SELECT refused(format('SELECT ayb_jobs.reschedule(%L, delay => ''1 h'')', :'id'));
SELECT refused(format('SELECT ayb_jobs.set_priority(%L, 1)', :'id'));
SELECT state, run_at > now() AS later FROM ayb_jobs.fail(:'id', 'w', 1, 'the mail server is down', retry_in => '1 h');
SELECT state, attempts, last_error, run_at = updated_at AS now FROM ayb_jobs.run_now(:'id');
SELECT attempt FROM ayb_jobs.claim('w', '{outside}');
SELECT state, attempts FROM ayb_jobs.cancel(:'id', force => true);
SELECT state, attempts, canceled_at FROM ayb_jobs.run_now(:'id');
-- reschedule: only what waits, to an instant or by a time
SELECT state, run_at FROM ayb_jobs.reschedule(:'id', '2100-01-01');
SELECT run_at = updated_at + interval '1 h' AS in_an_hour FROM ayb_jobs.reschedule(:'id', delay => '1 h');
SELECT refused(format('SELECT ayb_jobs.reschedule(%L)', :'id'));
SELECT refused(format('SELECT ayb_jobs.reschedule(%L, ''2100-01-01'', ''1 h'')', :'id'));
SELECT refused(format('SELECT ayb_jobs.reschedule(%L, ''infinity'')', :'id'));
SELECT refused(format('SELECT ayb_jobs.reschedule(%L, delay => ''-1 h'')', :'id'));
SELECT state FROM ayb_jobs.cancel(:'id');
SELECT refused(format('SELECT ayb_jobs.reschedule(%L, ''2100-01-01'')', :'id'));
-- of many
SELECT array_agg(ayb_jobs.enqueue('outside', run_at => '2100-01-01')) AS ids FROM generate_series(1, 3) \gset
SELECT ayb_jobs.run_now_many(:'ids'), ayb_jobs.run_now_many(:'ids');
SELECT ayb_jobs.cancel_many(:'ids'), ayb_jobs.run_now_matching('outside') >= 3 AS all_of_them;
SELECT ayb_jobs.cancel_matching('outside') >= 3 AS canceled;
-- failed for good before its attempts are used up, from outside and by the handler
SELECT ayb_jobs.enqueue('outside') AS id \gset
SELECT count(*) FROM ayb_jobs.claim('w', '{outside}');
SELECT refused(format('SELECT ayb_jobs.fail(%L, ''w'', 1, ''x'', ''1 h'', true)', :'id'));
SELECT refused(format('SELECT ayb_jobs.fail(%L, ''w'', 1, ''x'', final => NULL)', :'id'));
SELECT state, attempts, last_error FROM ayb_jobs.fail(:'id', 'w', 1, 'declined', final => true);
SELECT refused(format('SELECT ayb_jobs.run_now(%L)', :'id'));
CREATE FUNCTION declined(payload jsonb) RETURNS void LANGUAGE sql AS $$ SELECT ayb_jobs.give_up('card declined') $$;
SELECT type FROM ayb_jobs.register_handler('declined', 'declined(jsonb)');
SELECT ayb_jobs.enqueue('declined') AS id \gset
SELECT wait_for(:'id', 'failed');
SELECT attempts, max_attempts > 1 AS more, last_error FROM ayb_jobs.jobs WHERE id = :'id';
SELECT attempt, status, error, sqlstate FROM ayb_jobs.attempts(:'id');
SELECT refused($$SELECT ayb_jobs.give_up('nobody runs here')$$);

-- A cancel that is rolled back hasn't happened.
SELECT ayb_jobs.enqueue('outside') AS id \gset
BEGIN;
SELECT state FROM ayb_jobs.cancel(:'id');
ROLLBACK;
SELECT state, canceled_at FROM ayb_jobs.jobs WHERE id = :'id';
SELECT state FROM ayb_jobs.cancel(:'id');

-- running outside → canceled by force: its worker can't complete it any more
SELECT ayb_jobs.enqueue('outside') AS id \gset
SELECT attempt FROM ayb_jobs.claim('w', '{outside}');
SELECT state, worker_id, lease_until, canceled_at IS NOT NULL AS canceled FROM ayb_jobs.cancel(:'id', force => true);
SELECT refused(format('SELECT ayb_jobs.complete(%L, %L, 1)', :'id', 'w'));
SELECT attempt, status, worker_id, error, sqlstate FROM ayb_jobs.attempts(:'id');

-- running inside → canceled by force: the handler is interrupted, its effects are gone
CREATE TABLE effects (job uuid, note text);
CREATE FUNCTION held(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO effects VALUES ((ayb_jobs.current_job()).id, 'held');
    PERFORM ayb_jobs.set_progress(40, 'waiting');
    PERFORM pg_advisory_xact_lock_shared(1);
END
$$;
SELECT type FROM ayb_jobs.register_handler('held', 'held(jsonb)');
SELECT pg_advisory_lock(1);
SELECT ayb_jobs.enqueue('held') AS id \gset
SELECT wait_until(format('EXISTS (SELECT FROM ayb_jobs.jobs WHERE id = %L AND state = ''running'' AND progress IS NOT NULL)', :'id'));
SELECT state, is_running, progress, attempts, worker_id IS NOT NULL AS has_worker, lease_until > now() AS leased
FROM ayb_jobs.jobs WHERE id = :'id';
-- not without force, and neither retried nor ended from outside
SELECT refused(format('SELECT ayb_jobs.cancel(%L)', :'id'));
SELECT refused(format('SELECT ayb_jobs.retry_now(%L)', :'id'));
SELECT refused(format('SELECT ayb_jobs.complete(%L, %L, 1)', :'id', worker_id)) FROM ayb_jobs.jobs WHERE id = :'id';
SELECT refused(format('SELECT ayb_jobs.fail(%L, %L, 1, %L)', :'id', worker_id, 'x')) FROM ayb_jobs.jobs WHERE id = :'id';
SELECT refused(format('SELECT ayb_jobs.extend(%L, %L, 1)', :'id', worker_id)) FROM ayb_jobs.jobs WHERE id = :'id';
SELECT state, is_running, progress, attempts, worker_id, lease_until FROM ayb_jobs.cancel(:'id', force => true);
SELECT attempt, status, error, sqlstate FROM ayb_jobs.attempts(:'id');
SELECT count(*) AS effects FROM effects;
SELECT pg_advisory_unlock(1);

-- running → completed
SELECT ayb_jobs.enqueue('held') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT attempts, last_error, result, completed_at >= last_run_at AS after_start, is_running FROM ayb_jobs.jobs WHERE id = :'id';
SELECT attempt, status, worker_id IS NOT NULL AS by, duration_ms >= 0 AS timed, error FROM ayb_jobs.attempts(:'id');
SELECT count(*) AS effects FROM effects WHERE job = :'id';

-- running → queued → running → failed: a handler that raises leaves no effect
CREATE FUNCTION raising(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO effects VALUES ((ayb_jobs.current_job()).id, 'raising');
    RAISE EXCEPTION 'attempt %', (ayb_jobs.current_job()).attempts USING ERRCODE = 'ZZ123', DETAIL = 'why';
END
$$;
SELECT type FROM ayb_jobs.register_handler('raising', 'raising(jsonb)', max_attempts => 2, backoff => '{1 hour}');
SELECT ayb_jobs.enqueue('raising') AS id \gset
SELECT wait_until(format('EXISTS (SELECT FROM ayb_jobs.jobs WHERE id = %L AND last_error IS NOT NULL)', :'id'));
SELECT state, attempts, last_error, run_at - updated_at AS backoff, worker_id, lease_until FROM ayb_jobs.jobs WHERE id = :'id';
-- what is queued again can't be retried, but canceled
SELECT refused(format('SELECT ayb_jobs.retry_now(%L)', :'id'));
UPDATE ayb_jobs.job_queue SET run_at = created_at WHERE id = :'id';
SELECT wait_for(:'id', 'failed');
SELECT state, attempts, last_error, worker_id, lease_until FROM ayb_jobs.jobs WHERE id = :'id';
SELECT attempt, status, error, sqlstate, worker_id IS NOT NULL AS by, finished_at >= started_at AS timed FROM ayb_jobs.attempts(:'id');
SELECT count(*) AS effects FROM effects WHERE job = :'id';

-- failed → queued by retry_now: attempts 0, error cleared, due now; the failed attempts can still be seen
SELECT ayb_jobs.pause('raising');
SELECT state, attempts, last_error, run_at = updated_at AS now FROM ayb_jobs.retry_now(:'id');
SELECT count(*) AS attempts_kept FROM ayb_jobs.attempts(:'id');
CREATE OR REPLACE FUNCTION raising(payload jsonb) RETURNS void LANGUAGE sql AS '';
SELECT ayb_jobs.resume('raising');
SELECT wait_for(:'id', 'completed');
SELECT attempt, status FROM ayb_jobs.attempts(:'id');

-- A failed job that is retried goes where its type is done by now, and so does one that runs just then.
SELECT type FROM ayb_jobs.register_handler('moving', kind => 'external', max_attempts => 1);
SELECT ayb_jobs.enqueue('moving') AS failed \gset
SELECT attempt FROM ayb_jobs.claim('w', '{moving}');
SELECT state FROM ayb_jobs.fail(:'failed', 'w', 1, 'outside');
SELECT ayb_jobs.enqueue('moving', max_attempts => 2) AS running \gset
SELECT attempt FROM ayb_jobs.claim('w', '{moving}');
SELECT type FROM ayb_jobs.register_handler('moving', 'raising(jsonb)');
SELECT waits_for FROM ayb_jobs.retry_now(:'failed');
SELECT waits_for FROM ayb_jobs.fail(:'running', 'w', 1, 'outside', '0');
SELECT wait_for(:'failed', 'completed'), wait_for(:'running', 'completed');
-- the other way round: what a worker of ours was interrupted in, uncharged, goes outside
CREATE FUNCTION napping() RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(600)';
SELECT type FROM ayb_jobs.register_handler('turning', 'napping()');
SELECT ayb_jobs.enqueue('turning') AS id \gset
SELECT wait_for(:'id', 'running');
SELECT ayb_jobs.drain('1 ms');
SELECT type FROM ayb_jobs.register_handler('turning', kind => 'external');
SELECT ayb_jobs.resume();
SELECT state, waits_for, attempts, last_error FROM ayb_jobs.jobs WHERE id = :'id';
-- that run had a number, which is nobody else's
SELECT attempt FROM ayb_jobs.claim('w', '{turning}');
SELECT state, attempts, runs FROM ayb_jobs.jobs WHERE id = :'id';
SELECT refused(format(f.form, :'id', 'w', 1, 'x'))
FROM unnest(ARRAY['SELECT ayb_jobs.complete(%L, %L, %s)', 'SELECT ayb_jobs.fail(%L, %L, %s, %L)',
                  'SELECT ayb_jobs.extend(%L, %L, %s)']) AS f (form);
SELECT state FROM ayb_jobs.complete(:'id', 'w', 2);

-- phases: what a queued job waits for; of any other the state
SELECT (ayb_jobs.register_handler('phased', 'pg_catalog.now()')).type, (ayb_jobs.register_handler('phased outside', kind => 'external', backoff => '{1 hour}')).type;
BEGIN;
SELECT count(*) FROM ayb_jobs.enqueue_many('[{"type": "phased", "payload": "due"}, {"type": "phased outside", "payload": "external"}, {"type": "unheard of", "payload": "waiting"},
    {"type": "phased", "payload": "scheduled", "delay": "1 hour"}, {"type": "phased outside", "payload": "scheduled", "delay": "1 hour"}, {"type": "unheard of", "payload": "scheduled", "delay": "1 hour"}]');
INSERT INTO ayb_jobs.job_queue (type, payload, waits_for, run_at) VALUES ('phased', '"waiting"', 'jobs', now() + interval '1 hour'), ('phased', '"scheduled"', 'time', now() + interval '1 hour');
INSERT INTO ayb_jobs.job_queue (type, payload, waits_for, registration) VALUES ('phased', '"waiting"', 'trust', ayb_jobs.uuid7());
SELECT payload #>> '{}' AS wanted, array_agg(DISTINCT phase) AS phase, count(*) FROM ayb_jobs.jobs WHERE type IN ('phased', 'phased outside', 'unheard of') GROUP BY 1 ORDER BY 1;
SELECT ayb_jobs.pause('phased');
SELECT payload #>> '{}' AS before, phase FROM ayb_jobs.jobs WHERE payload IN ('"due"', '"external"') ORDER BY 1;
SELECT ayb_jobs.resume('phased'), ayb_jobs.pause();
SELECT payload #>> '{}' AS before, phase FROM ayb_jobs.jobs WHERE payload IN ('"due"', '"external"') ORDER BY 1;
ROLLBACK;
SELECT ayb_jobs.enqueue('phased outside', max_attempts => 2) AS id \gset
SELECT attempt FROM ayb_jobs.claim('w', '{phased outside}');
SELECT phase FROM ayb_jobs.jobs WHERE id = :'id';
SELECT phase FROM ayb_jobs.fail(:'id', 'w', 1, 'x');
SELECT phase FROM ayb_jobs.cancel(:'id');
SELECT ayb_jobs.enqueue('phased outside', max_attempts => 1) AS id \gset
SELECT attempt FROM ayb_jobs.claim('w', '{phased outside}');
SELECT phase FROM ayb_jobs.fail(:'id', 'w', 1, 'x');
SELECT phase FROM ayb_jobs.retry_now(:'id');
SELECT attempt FROM ayb_jobs.claim('w', '{phased outside}');
SELECT phase FROM ayb_jobs.complete(:'id', 'w', 2);
SELECT ayb_jobs.unregister_handler('phased'), ayb_jobs.unregister_handler('phased outside');

-- many at once: by type, by when they were enqueued, and not what is in another state
SELECT count(*) FROM ayb_jobs.enqueue_many('outside', array_fill('{}'::jsonb, '{5}'));
SELECT type FROM ayb_jobs.register_handler('other', kind => 'external');
SELECT count(*) FROM ayb_jobs.enqueue_many('other', array_fill('{}'::jsonb, '{3}'));
SELECT max(created_at) AS middle FROM ayb_jobs.jobs WHERE type = 'other' \gset
SELECT count(*) FROM ayb_jobs.enqueue_many('other', array_fill('{}'::jsonb, '{2}'));
SELECT count(*) FROM ayb_jobs.claim('w', '{outside}', 2);
SELECT ayb_jobs.cancel_matching('unknown') AS unknown, ayb_jobs.cancel_matching('other', since => '2100-01-01') AS future,
       ayb_jobs.cancel_matching('other', until => '2000-01-01') AS past;
-- since is within, until is without
SELECT ayb_jobs.cancel_matching('other', until => :'middle') AS before_middle,
       ayb_jobs.cancel_matching('other', since => :'middle', until => :'middle') AS empty_span;
-- by what they wait for
SELECT refused($$SELECT ayb_jobs.cancel_matching(phase => 'queued')$$), refused($$SELECT id FROM ayb_jobs.find_jobs(max_jobs => -1)$$);
SELECT ayb_jobs.enqueue('other', delay => '1 hour') AS later \gset
SELECT scheduled, external >= 2 AS two, waiting IS NOT NULL AS others FROM ayb_jobs.stats(by_phase => true);
SELECT due, scheduled FROM ayb_jobs.stats();
SELECT ayb_jobs.cancel_matching('other', phase => 'scheduled') AS scheduled, ayb_jobs.run_now_matching('other', phase => 'canceled') AS again,
       ayb_jobs.retry_matching('other', phase => 'external') AS not_failed;
SELECT phase FROM ayb_jobs.jobs WHERE id = :'later';
SELECT ayb_jobs.cancel_matching('other', since => :'middle', until => :'middle') AS empty_span;
SELECT ayb_jobs.cancel_matching('other', since => :'middle') AS from_middle;
SELECT ayb_jobs.cancel_matching('outside') AS queued_ones;
SELECT type, state, count(*) FROM ayb_jobs.jobs WHERE type IN ('outside', 'other') AND state <> 'completed'
  AND created_at >= :'middle' OR type = 'outside' AND state = 'running' GROUP BY type, state ORDER BY 1, 2;
SELECT count(*) AS failed FROM ayb_jobs.jobs AS j CROSS JOIN LATERAL ayb_jobs.fail(j.id, 'w', 1, 'x', '0') AS f
WHERE j.type = 'outside' AND j.state = 'running';
SELECT count(*) FROM ayb_jobs.claim('w', '{outside}', 2);
SELECT count(*) AS failed FROM ayb_jobs.jobs AS j CROSS JOIN LATERAL ayb_jobs.fail(j.id, 'w', 2, 'x', '0') AS f
WHERE j.type = 'outside' AND j.state = 'running';
SELECT count(*) FROM ayb_jobs.claim('w', '{outside}', 2);
SELECT string_agg(f.state, ' ') FROM ayb_jobs.jobs AS j CROSS JOIN LATERAL ayb_jobs.fail(j.id, 'w', 3, 'x', '0') AS f
WHERE j.type = 'outside' AND j.state = 'running';
SELECT ayb_jobs.retry_matching('other') AS other, ayb_jobs.retry_matching('outside', until => :'middle') AS before,
       ayb_jobs.retry_matching('outside', since => '2100-01-01') AS future;
SELECT ayb_jobs.retry_matching() AS all_failed;
SELECT count(*), min(attempts), max(last_error) FROM ayb_jobs.jobs WHERE type = 'outside' AND state = 'queued';

-- many at once by their ids: what is in another state, or not there, is left as it is
SELECT array_agg(id) AS many FROM ayb_jobs.jobs WHERE type = 'outside' AND state = 'queued' \gset
SELECT ayb_jobs.cancel_many('{}') AS none, ayb_jobs.cancel_many(ARRAY[:'failed', gen_random_uuid()::text, NULL]::uuid[]) AS others,
       ayb_jobs.cancel_many(:'many') = cardinality(:'many'::uuid[]) AS all_of_them, ayb_jobs.cancel_many(:'many') AS again;
SELECT ayb_jobs.retry_many(:'many') AS canceled_ones;
SELECT ayb_jobs.enqueue('outside', max_attempts => 1) AS once \gset
SELECT count(*) FROM ayb_jobs.claim('w', '{outside}');
SELECT state FROM ayb_jobs.fail(:'once', 'w', 1, 'x');
SELECT ayb_jobs.retry_many(array_append(:'many', :'once'::uuid)) AS failed_ones;
SELECT state, attempts, last_error FROM ayb_jobs.jobs WHERE id = :'once';

SELECT ayb_jobs.unregister_handler(type) FROM (SELECT type FROM ayb_jobs.handlers WHERE NOT builtin ORDER BY type) AS t;
DROP TABLE effects;
DROP FUNCTION held, raising;
TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_keys, ayb_jobs.job_attempts;
