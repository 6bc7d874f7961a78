-- Jobs that really run, in every way that the leased way knows.
CREATE TABLE effects (id serial, what jsonb);
CREATE FUNCTION work(payload jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO effects (what) VALUES (payload);
    RETURN payload || '{"done": true}';
END
$$;
CREATE FUNCTION break(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO effects (what) VALUES (payload);
    PERFORM 1 / 0;
END
$$;
CREATE PROCEDURE step() LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO effects (what) VALUES ('"first"');
    COMMIT;
    INSERT INTO effects (what) VALUES ('"second"');
END
$$;
SELECT type FROM ayb_jobs.register_handler('work', 'work(jsonb)');
SELECT type FROM ayb_jobs.register_handler('break', 'break', max_attempts => 2, backoff => '{0.05s}');
SELECT type FROM ayb_jobs.register_handler('vacuum', 'VACUUM effects', kind => 'command');
SELECT type FROM ayb_jobs.register_handler('step', 'CALL step()', kind => 'command');

-- One that commits runs, exactly once; one that rolls back never does.
BEGIN;
SELECT ayb_jobs.enqueue('work', '{"n": 1}') IS NOT NULL AS enqueued;
ROLLBACK;
SELECT ayb_jobs.enqueue('work', '{"n": 2}') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT state, attempts, result, last_error FROM ayb_jobs.jobs WHERE id = :'id';
SELECT what FROM effects ORDER BY id;

-- One that raises leaves no effect, the error, and its attempts.
SELECT ayb_jobs.enqueue('break', '{"n": 3}') AS id \gset
SELECT wait_for(:'id', 'failed');
SELECT state, attempts, last_error FROM ayb_jobs.jobs WHERE id = :'id';
SELECT attempt, status, error, sqlstate FROM ayb_jobs.attempts(:'id');
SELECT count(*) FROM effects WHERE what = '{"n": 3}';

-- retry_now() brings it back with all its attempts.
SELECT state, attempts, last_error FROM ayb_jobs.retry_now(:'id');
SELECT wait_until(format($$(SELECT state = 'failed' AND attempts = 2 FROM ayb_jobs.jobs WHERE id = %L)$$, :'id'));

-- Commands: what a transaction block would refuse, and a procedure that commits.
SELECT ayb_jobs.enqueue('vacuum') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT result FROM ayb_jobs.jobs WHERE id = :'id';
SELECT ayb_jobs.enqueue('step') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT what FROM effects WHERE jsonb_typeof(what) = 'string' ORDER BY id;

-- Paused types wait, while one that comes after them runs.
SELECT ayb_jobs.pause('work');
SELECT ayb_jobs.enqueue('work', '{"n": 4}') AS id \gset
SELECT ayb_jobs.enqueue('step') AS behind \gset
SELECT wait_for(:'behind', 'completed');
SELECT state FROM ayb_jobs.jobs WHERE id = :'id';
SELECT ayb_jobs.resume('work');
SELECT wait_for(:'id', 'completed');

-- A type without a handler waits, uncharged, until there is one.
SELECT ayb_jobs.enqueue('later', '{"n": 5}') AS id \gset
SELECT state, waits_for, attempts FROM ayb_jobs.jobs WHERE id = :'id';
SELECT status, detail FROM ayb_jobs.health() WHERE name = 'handlers';
SELECT type FROM ayb_jobs.register_handler('later', 'work');
SELECT wait_for(:'id', 'completed');

-- A running one is interrupted by force alone.
CREATE FUNCTION sleep() RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(60)';
SELECT type FROM ayb_jobs.register_handler('sleep', 'sleep()');
SELECT ayb_jobs.enqueue('sleep') AS id \gset
SELECT wait_until(format($$(SELECT state = 'running' AND is_running FROM ayb_jobs.jobs WHERE id = %L)$$, :'id'));
\set VERBOSITY sqlstate
SELECT ayb_jobs.cancel(:'id');
\set VERBOSITY default
SELECT state, canceled_at IS NOT NULL AS dated FROM ayb_jobs.cancel(:'id', force => true);
SELECT attempt, status, sqlstate FROM ayb_jobs.attempts(:'id');

-- A timeout is a failure like any other.
SELECT type FROM ayb_jobs.register_handler('sleep', 'sleep()', timeout => '50ms', max_attempts => 1);
SELECT ayb_jobs.enqueue('sleep') AS id \gset
SELECT wait_for(:'id', 'failed');
SELECT last_error FROM ayb_jobs.jobs WHERE id = :'id';
SELECT queued, running, failed, canceled FROM ayb_jobs.stats();
