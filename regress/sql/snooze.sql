-- snooze(): what a run did is kept, and its job goes on later.
CREATE TABLE steps (at integer, run integer);
CREATE FUNCTION step_on(payload jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO steps VALUES ((payload ->> 'at')::integer, (ayb_jobs.current_job()).runs);
    IF (payload ->> 'at')::integer < (payload ->> 'end')::integer THEN
        PERFORM ayb_jobs.snooze(payload => jsonb_set(payload, '{at}', to_jsonb((payload ->> 'at')::integer + 1)));
    END IF;
    RETURN 'at ' || (payload ->> 'at');
END
$$;
SELECT type FROM ayb_jobs.register_handler('step on', 'step_on(jsonb)', max_attempts => 1);
SELECT ayb_jobs.enqueue('step on', '{"at": 1, "end": 4}') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT state, attempts, max_attempts, runs, result, payload, last_error FROM ayb_jobs.jobs WHERE id = :'id';
SELECT attempt, status, worker_id IS NOT NULL AS by, started_at <= finished_at AS timed, error FROM ayb_jobs.attempts(:'id');
SELECT * FROM steps ORDER BY at;

-- each step is counted
SELECT wait_until('(SELECT sum(s.snoozed) = 3 AND sum(s.completed) = 1 FROM ayb_jobs.series(type => ''step on'') AS s)') AS counted;

-- It waits meanwhile, with the payload that it had, and can be moved and canceled as what waits.
CREATE FUNCTION poll_later() RETURNS text LANGUAGE sql AS $$ SELECT ayb_jobs.snooze('1 hour'); SELECT 'not seen' $$;
SELECT type FROM ayb_jobs.register_handler('poll', 'poll_later()');
SELECT ayb_jobs.enqueue('poll', '{"same": true}') AS id \gset
SELECT wait_until(format('EXISTS (SELECT FROM ayb_jobs.jobs WHERE id = %L AND runs = 1 AND state = ''queued'')', :'id'));
SELECT state, phase, attempts, runs, payload, worker_id, lease_until, last_error, last_run_at IS NOT NULL AS ran,
       run_at BETWEEN updated_at + interval '59 min' AND updated_at + interval '1 h' AS in_an_hour
FROM ayb_jobs.jobs WHERE id = :'id';
SELECT state FROM ayb_jobs.run_now(:'id');
SELECT wait_until(format('EXISTS (SELECT FROM ayb_jobs.jobs WHERE id = %L AND runs = 2 AND state = ''queued'')', :'id'));
SELECT state FROM ayb_jobs.cancel(:'id');
SELECT attempt, status FROM ayb_jobs.attempts(:'id');

-- It belongs to its subtransaction: what is rolled back takes it along, and the last one that stays counts.
CREATE FUNCTION change_mind(payload jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    IF payload ? 'kept' THEN
        PERFORM ayb_jobs.snooze('1 hour', '{"first": true}');
        PERFORM ayb_jobs.snooze('2 hours', '{"outer": true}');
    END IF;
    BEGIN
        PERFORM ayb_jobs.snooze('3 hours', '{"inner": true}');
        IF payload ? 'inner' THEN RETURN 'inner'; END IF;
        PERFORM 1 / 0;
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
    RETURN 'done';
END
$$;
SELECT type FROM ayb_jobs.register_handler('change mind', 'change_mind(jsonb)');
SELECT ayb_jobs.enqueue('change mind', '{"kept": true}') AS kept, ayb_jobs.enqueue('change mind') AS undone,
       ayb_jobs.enqueue('change mind', '{"kept": true, "inner": true}') AS inside \gset
SELECT wait_until(format('(SELECT count(*) = 3 FROM ayb_jobs.jobs WHERE id IN (%L, %L, %L) AND runs = 1 AND state <> ''running'')', :'kept', :'undone', :'inside'));
SELECT state, payload, result, round(extract(epoch FROM run_at - last_run_at) / 3600) AS hours FROM ayb_jobs.jobs
WHERE id IN (:'kept', :'undone', :'inside') ORDER BY id;
SELECT ayb_jobs.cancel_matching('change mind');

-- A handler that fails after all fails: nothing of it stays. And a step that went well gives the next all attempts.
CREATE FUNCTION stumble(payload jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    IF (ayb_jobs.current_job()).runs < 4 THEN
        INSERT INTO steps VALUES ((payload ->> 'at')::integer, -1);
        PERFORM ayb_jobs.snooze(payload => '{"at": 200}');
        IF (ayb_jobs.current_job()).runs IN (1, 3) THEN RAISE 'stumbled'; END IF;
    END IF;
    RETURN (ayb_jobs.current_job()).attempts;
END
$$;
SELECT type FROM ayb_jobs.register_handler('stumble', 'stumble(jsonb)', max_attempts => 2, backoff => '{0}');
SELECT ayb_jobs.enqueue('stumble', '{"at": 100}') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT attempts, runs, payload, result FROM ayb_jobs.jobs WHERE id = :'id';
SELECT attempt, status, error FROM ayb_jobs.attempts(:'id');
SELECT at FROM steps WHERE run = -1;

-- A procedure: what it committed stays; a snooze that it rolls back with its work isn't one.
CREATE PROCEDURE commit_steps() LANGUAGE plpgsql AS $$
DECLARE
    at integer := ((ayb_jobs.current_job()).payload ->> 'at')::integer;
BEGIN
    INSERT INTO steps VALUES (at, -2);
    PERFORM ayb_jobs.snooze('0', jsonb_build_object('at', at + 1));
    IF at < 302 THEN COMMIT; ELSE ROLLBACK; END IF;
    INSERT INTO steps VALUES (at, -3);
END
$$;
SELECT type FROM ayb_jobs.register_handler('commit steps', 'CALL commit_steps()', kind => 'command');
SELECT ayb_jobs.enqueue('commit steps', '{"at": 300}') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT attempts, runs, payload, result FROM ayb_jobs.jobs WHERE id = :'id';
SELECT * FROM steps WHERE run IN (-2, -3) ORDER BY at, run DESC;

-- From outside.
SELECT type FROM ayb_jobs.register_handler('step outside', kind => 'external');
SELECT ayb_jobs.enqueue('step outside', '{"at": 1}') AS id \gset
SELECT attempt, payload FROM ayb_jobs.claim('w', '{step outside}');
SELECT state, phase, attempts, runs, payload, worker_id, lease_until FROM ayb_jobs.snooze(:'id', 'w', 1, payload => '{"at": 2}');
SELECT attempt, payload FROM ayb_jobs.claim('w', '{step outside}');
-- the late duplicate of a step is refused
SELECT refused(format('SELECT ayb_jobs.snooze(%L, ''w'', 1)', :'id'));
SELECT state, phase, attempts, runs, payload FROM ayb_jobs.snooze(:'id', 'w', 2, '1 h');
SELECT refused(format('SELECT ayb_jobs.snooze(%L, ''w'', 2)', :'id'));
SELECT state FROM ayb_jobs.cancel(:'id');
SELECT refused(format('SELECT ayb_jobs.snooze(%L, ''w'', 2)', :'id'));
SELECT attempt, status, worker_id, error, sqlstate FROM ayb_jobs.attempts(:'id');

-- What it takes.
SELECT refused('SELECT ayb_jobs.snooze()');
SELECT refused(format('SELECT ayb_jobs.snooze(%L, ''w'', 2, ''-1 s'')', :'id'));
SELECT refused(format('SELECT ayb_jobs.snooze(%L, ''w'', 2, ''10000 years'')', :'id'));
SELECT refused(format('SELECT ayb_jobs.snooze(%L, ''w'', 2, NULL)', :'id'));
SELECT refused(format('SELECT ayb_jobs.snooze(NULL, ''w'', 2)'));

-- attempts() shows the last hundred, and no more than some two hundred are kept.
SELECT ayb_jobs.enqueue('step on', '{"at": 1001, "end": 1250}') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT runs FROM ayb_jobs.jobs WHERE id = :'id';
SELECT count(*), min(attempt), max(attempt), count(DISTINCT status) FROM ayb_jobs.attempts(:'id');
SELECT count(*) < 200 AS few FROM ayb_jobs.job_attempts WHERE job_id = :'id';
SELECT count(*), count(DISTINCT at) FROM steps WHERE at > 1000;

-- health() names what goes on for ever.
SELECT status, detail FROM ayb_jobs.health() WHERE name = 'endless';
SELECT ayb_jobs.enqueue('step outside', '{}') AS id \gset
UPDATE ayb_jobs.job_queue SET runs = 100000 WHERE id = :'id';
SELECT attempt FROM ayb_jobs.claim('w', '{step outside}');
SELECT runs FROM ayb_jobs.snooze(:'id', 'w', 100001);
SELECT status, replace(detail, :'id', '<id>') AS detail, replace(hint, :'id', '<id>') AS hint FROM ayb_jobs.health() WHERE name = 'endless';
SELECT state FROM ayb_jobs.cancel(:'id');
SELECT status FROM ayb_jobs.health() WHERE name = 'endless';
DROP TABLE steps;
SELECT ayb_jobs.unregister_handler(type) FROM ayb_jobs.handlers WHERE type IN ('step on', 'poll', 'change mind', 'stumble', 'commit steps', 'step outside');
