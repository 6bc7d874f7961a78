-- Workers outside: in which order they are given jobs, for how long, and who may end them.
SELECT type FROM ayb_jobs.register_handler('a', kind => 'external');
SELECT type FROM ayb_jobs.register_handler('b', kind => 'external', max_attempts => 2);

-- by run_at, then by id; nothing that isn't due
SELECT ayb_jobs.enqueue('a', '"second"', '2001-01-02'), ayb_jobs.enqueue('a', '"third"', '2001-01-03'),
       ayb_jobs.enqueue('a', '"first"', '2001-01-01'), ayb_jobs.enqueue('a', '"not due"', '2100-01-01') \gset ids_
SELECT count(*) FROM ayb_jobs.enqueue_many('a', ARRAY['"4th"', '"5th"', '"6th"']::jsonb[], '2001-01-04');
SELECT payload FROM ayb_jobs.claim('w', '{a}');
SELECT payload FROM ayb_jobs.claim('w', '{a}', 2);
SELECT payload FROM ayb_jobs.claim('w', '{a}', 100);
SELECT count(*) FROM ayb_jobs.claim('w', '{a}', 100);
SELECT payload FROM ayb_jobs.jobs WHERE state = 'queued';
SELECT count(*) AS completed FROM ayb_jobs.jobs AS j CROSS JOIN LATERAL ayb_jobs.complete(j.id, 'w', 1) AS c
WHERE j.state = 'running';
SELECT ayb_jobs.cancel_matching();
-- of several types: the one whose first job has waited longest comes first
SELECT ayb_jobs.enqueue('b', '"b 1"', '2001-01-01'), ayb_jobs.enqueue('a', '"a 2"', '2001-01-02'),
       ayb_jobs.enqueue('b', '"b 3"', '2001-01-03') \gset ids_
SELECT payload FROM ayb_jobs.claim('w', '{a, b, a, unknown}', 1);
SELECT payload FROM ayb_jobs.claim('w', '{a, b}', 1);
SELECT payload FROM ayb_jobs.claim('w', '{a}', 1);
SELECT payload FROM ayb_jobs.claim('w', '{a, b}', 1);
SELECT count(*) AS completed FROM ayb_jobs.jobs AS j CROSS JOIN LATERAL ayb_jobs.complete(j.id, 'w', 1) AS c
WHERE j.state = 'running';

-- what a claim writes
SELECT ayb_jobs.enqueue('a') AS id \gset
SELECT id, type, payload, attempt, max_attempts, run_at, lease_until, partition_key, meta FROM ayb_jobs.claim('w1', '{a}') \gset claimed_
SELECT id = :'claimed_id' AS mine, type = :'claimed_type' AS type, payload = :'claimed_payload' AS payload, runs = :claimed_attempt AS attempt,
       max_attempts = :claimed_max_attempts AS max_attempts, run_at = :'claimed_run_at' AS run_at, lease_until = :'claimed_lease_until' AS lease_until,
       state, worker_id, attempts, last_run_at = updated_at AS now, lease_until - last_run_at AS lease, waits_for, is_running
FROM ayb_jobs.jobs WHERE id = :'id';
SELECT lease_until - updated_at AS lease FROM ayb_jobs.extend(:'id', 'w1', 1, '90 min');
SELECT lease_until - updated_at AS default_lease FROM ayb_jobs.extend(:'id', 'w1', 1);
-- who doesn't hold the attempt is told who does, and changes nothing
SELECT books() AS before \gset
SELECT refused(format('SELECT ayb_jobs.complete(%L, %L, 1)', :'id', 'w2'));
SELECT refused(format('SELECT ayb_jobs.complete(%L, %L, 2)', :'id', 'w1'));
SELECT refused(format('SELECT ayb_jobs.fail(%L, %L, 1, %L)', :'id', 'w2', 'x'));
SELECT refused(format('SELECT ayb_jobs.fail(%L, %L, 0, %L)', :'id', 'w1', 'x'));
SELECT refused(format('SELECT ayb_jobs.extend(%L, %L, 1)', :'id', 'w2'));
SELECT books() = :'before' AS nothing_changed;
-- completed: the row as it stays, with its result
SELECT state, worker_id, lease_until, attempts, result, completed_at = updated_at AS now, waits_for
FROM ayb_jobs.complete(:'id', 'w1', 1, '{"sent": 3}');
SELECT state, result FROM ayb_jobs.jobs WHERE id = :'id';
SELECT refused(format('SELECT ayb_jobs.complete(%L, %L, 1)', :'id', 'w1'));
-- no result, and the JSON null, are two things
SELECT ayb_jobs.enqueue('a') AS x, ayb_jobs.enqueue('a') AS y \gset
SELECT count(*) FROM ayb_jobs.claim('w', '{a}', 2);
SELECT result IS NULL AS sql_null FROM ayb_jobs.complete(:'x', 'w', 1);
SELECT result = 'null' AS json_null FROM ayb_jobs.complete(:'y', 'w', 1, 'null');

-- failing: the back-off doubles, with up to a second of jitter; retry_in overrides it
SELECT ayb_jobs.enqueue('a', max_attempts => 9) AS id \gset
SELECT attempt FROM ayb_jobs.claim('w', '{a}');
SELECT state, worker_id, lease_until, attempts, last_error, run_at - updated_at BETWEEN '5 s' AND '6 s' AS after_5_s
FROM ayb_jobs.fail(:'id', 'w', 1, 'first');
-- not due yet
SELECT count(*) FROM ayb_jobs.claim('w', '{a}');
CREATE FUNCTION fail_again(id uuid, attempt int, retry_in interval DEFAULT NULL) RETURNS interval LANGUAGE plpgsql AS $$
BEGIN
    UPDATE ayb_jobs.job_queue AS q SET run_at = q.created_at WHERE q.id = fail_again.id;
    PERFORM ayb_jobs.claim('w', '{a}');
    RETURN (SELECT f.run_at - f.updated_at FROM ayb_jobs.fail(id, 'w', attempt, 'again', retry_in) AS f);
END
$$;
SELECT attempt, coalesce(retry_in::text, 'back-off') AS retry_in, least,
       CASE WHEN retry_in IS NULL THEN wait >= least AND wait <= least + interval '1 s' ELSE wait = least END AS fits
FROM (VALUES (2, NULL::interval, interval '10 s'), (3, NULL, '20 s'), (4, '0', '0'), (5, '2 days', '2 days'),
             (6, NULL, '160 s'), (7, NULL, '300 s'), (8, NULL, '300 s')) AS v (attempt, retry_in, least)
CROSS JOIN LATERAL fail_again(:'id', attempt, retry_in) AS wait;
-- the last attempt: failed, whatever retry_in says
SELECT fail_again(:'id', 9, '1 s') IS NOT NULL AS last;
SELECT state, attempts, last_error FROM ayb_jobs.jobs WHERE id = :'id';
SELECT attempt, status, worker_id, error, sqlstate FROM ayb_jobs.attempts(:'id');
-- a handler's own steps, without jitter: the last one is used from then on
SELECT type FROM ayb_jobs.register_handler('a', kind => 'external', backoff => '{1 min, 1 hour}');
SELECT state FROM ayb_jobs.retry_now(:'id');
SELECT fail_again(:'id', 10) AS first;
SELECT fail_again(:'id', 11) AS second;
SELECT fail_again(:'id', 12) AS third;
SELECT state FROM ayb_jobs.cancel(:'id');
-- a long text is cut, between characters
SELECT ayb_jobs.enqueue('a') AS id \gset
SELECT attempt FROM ayb_jobs.claim('w', '{a}');
SELECT length(last_error) BETWEEN 100 AND 100000 AS cut, last_error ~ '^ü+$' AS whole_characters
FROM ayb_jobs.fail(:'id', 'w', 1, repeat('ü', 1000000));
SELECT state FROM ayb_jobs.cancel(:'id');

-- A lease that ends: the next worker gets the job, and the first can't end it any more.
SELECT ayb_jobs.enqueue('b') AS id \gset
SELECT attempt FROM ayb_jobs.claim('w1', '{b}', 1, '1 ms');
SELECT id = :'id' AS same, attempt FROM claim_one('w2', 'b');
SELECT books() AS before \gset
SELECT refused(format('SELECT ayb_jobs.complete(%L, %L, 1)', :'id', 'w1'));
SELECT refused(format('SELECT ayb_jobs.fail(%L, %L, 1, %L)', :'id', 'w1', 'x'));
SELECT refused(format('SELECT ayb_jobs.extend(%L, %L, 1)', :'id', 'w1'));
-- the same name in an earlier attempt is another worker
SELECT refused(format('SELECT ayb_jobs.complete(%L, %L, 1)', :'id', 'w2'));
SELECT books() = :'before' AS nothing_changed;
SELECT attempt, status, worker_id, error, sqlstate FROM ayb_jobs.attempts(:'id');
-- the last attempt's lease: failed, with the reason
SELECT lease_until > updated_at AS extended FROM ayb_jobs.extend(:'id', 'w2', 2, '1 ms');
SELECT wait_for(:'id', 'failed');
SELECT state, attempts, last_error FROM ayb_jobs.jobs WHERE id = :'id';
SELECT refused(format('SELECT ayb_jobs.complete(%L, %L, 2)', :'id', 'w2'));
-- A run's number is never another's: what comes late from an earlier one of the same worker is refused, whichever way the
-- job came back without being charged. (states has the way by which a worker of ours puts it back.)
CREATE FUNCTION all_refused(id uuid, run int) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT refused(format(f.form, id, 'w1', run, 'x'))
    FROM unnest(ARRAY['SELECT ayb_jobs.complete(%L, %L, %s)', 'SELECT ayb_jobs.fail(%L, %L, %s, %L)',
                      'SELECT ayb_jobs.extend(%L, %L, %s)']) AS f (form)
$$;
-- failed, and retried by hand
SELECT ayb_jobs.enqueue('b', max_attempts => 1) AS id \gset
SELECT attempt FROM ayb_jobs.claim('w1', '{b}');
SELECT attempts, runs FROM ayb_jobs.jobs WHERE id = :'id';
SELECT state FROM ayb_jobs.fail(:'id', 'w1', 1, 'x');
SELECT state, attempts, runs FROM ayb_jobs.retry_now(:'id');
SELECT attempt FROM ayb_jobs.claim('w1', '{b}');
SELECT attempts, runs FROM ayb_jobs.jobs WHERE id = :'id';
SELECT all_refused(:'id', 1);
-- lost, and retried by hand
SELECT lease_until > updated_at AS extended FROM ayb_jobs.extend(:'id', 'w1', 2, '1 ms');
SELECT wait_for(:'id', 'failed');
SELECT ayb_jobs.retry_many(ARRAY[:'id'::uuid]);
SELECT attempt FROM ayb_jobs.claim('w1', '{b}');
SELECT attempts, runs FROM ayb_jobs.jobs WHERE id = :'id';
SELECT all_refused(:'id', n) FROM generate_series(1, 2) AS n;
SELECT state, attempts, runs FROM ayb_jobs.complete(:'id', 'w1', 3);
SELECT attempt, status FROM ayb_jobs.attempts(:'id');
-- claiming is transactional too
SELECT ayb_jobs.enqueue('b') AS id \gset
BEGIN;
SELECT attempt FROM ayb_jobs.claim('w1', '{b}');
ROLLBACK;
SELECT state, attempts, worker_id FROM ayb_jobs.jobs WHERE id = :'id';

-- pauses hold for workers outside as well
SELECT ayb_jobs.pause('b');
SELECT count(*) FROM ayb_jobs.claim('w', '{a, b}');
SELECT ayb_jobs.resume('b');
SELECT ayb_jobs.pause();
SELECT count(*) FROM ayb_jobs.claim('w', '{a, b}');
SELECT ayb_jobs.resume();
SELECT attempt FROM ayb_jobs.claim('w', '{a, b}');
SELECT state FROM ayb_jobs.complete(:'id', 'w', 1);

SELECT ayb_jobs.unregister_handler('a'), ayb_jobs.unregister_handler('b');
DROP FUNCTION fail_again, all_refused;
TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_keys, ayb_jobs.job_attempts;
