-- add_log(): what a handler says is kept with its attempt, also where that fails; and an error's HINT and CONTEXT are.
CREATE FUNCTION say(payload jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    run constant integer := (ayb_jobs.current_job()).runs;
BEGIN
    PERFORM ayb_jobs.add_log('run ' || run);
    BEGIN
        PERFORM ayb_jobs.add_log('"rolled back", yet said', 'debug');
        PERFORM 1 / 0;
    EXCEPTION WHEN division_by_zero THEN PERFORM ayb_jobs.add_log(SQLERRM, 'warning');
    END;
    IF run = 1 THEN
        RAISE 'no luck' USING HINT = 'Try again.', DETAIL = 'none at all';
    ELSIF run = 2 THEN
        PERFORM ayb_jobs.snooze();
    END IF;
    RETURN run;
END
$$;
SELECT type FROM ayb_jobs.register_handler('say', 'say(jsonb)', backoff => '{0}');
SELECT ayb_jobs.enqueue('say') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT a.attempt, a.status, a.error, a.hint, a.context, l.level, l.message, l.at BETWEEN a.started_at AND a.finished_at AS timely
FROM ayb_jobs.attempts(:'id') AS a CROSS JOIN LATERAL jsonb_to_recordset(a.log) AS l (at timestamptz, level text, message text);
-- what says nothing has no log
CREATE FUNCTION say_nothing() RETURNS void LANGUAGE sql AS '';
SELECT type FROM ayb_jobs.register_handler('say nothing', 'say_nothing()');
SELECT ayb_jobs.enqueue('say nothing') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT attempt, status, hint, context, log FROM ayb_jobs.attempts(:'id');

-- The last thousand lines, and 64 kB of them; a line has 8 kB at most.
CREATE FUNCTION say_much(payload jsonb) RETURNS void LANGUAGE sql AS $$
    SELECT ayb_jobs.add_log(repeat(payload ->> 'what', (payload ->> 'times')::integer) || n) FROM generate_series(1, (payload ->> 'lines')::integer) AS n
$$;
SELECT type FROM ayb_jobs.register_handler('say much', 'say_much(jsonb)');
SELECT ayb_jobs.enqueue('say much', '{"what": "x", "times": 1, "lines": 1500}') AS lines, ayb_jobs.enqueue('say much', '{"what": "ä", "times": 5000, "lines": 20}') AS bytes \gset
SELECT wait_for(:'lines', 'completed'), wait_for(:'bytes', 'completed');
SELECT jsonb_array_length(log) AS lines, log -> 0 ->> 'message' AS first, log -> -1 ->> 'message' AS last FROM ayb_jobs.attempts(:'lines');
SELECT jsonb_array_length(log) AS lines, octet_length(log -> 0 ->> 'message') AS bytes, length(log -> 0 ->> 'message') AS characters FROM ayb_jobs.attempts(:'bytes');

-- A command says it too, and one that is canceled.
CREATE PROCEDURE say_and_commit() LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ayb_jobs.add_log('before');
    COMMIT;
    PERFORM ayb_jobs.add_log('behind');
    ROLLBACK;
END
$$;
SELECT type FROM ayb_jobs.register_handler('say and commit', 'CALL say_and_commit()', kind => 'command');
CREATE FUNCTION say_and_wait() RETURNS void LANGUAGE sql AS $$
    SELECT ayb_jobs.add_log('waiting'); SELECT ayb_jobs.set_progress(1); SELECT pg_sleep(600) $$;
SELECT type FROM ayb_jobs.register_handler('say and wait', 'say_and_wait()');
SELECT ayb_jobs.enqueue('say and commit') AS command, ayb_jobs.enqueue('say and wait') AS waiting \gset
SELECT wait_for(:'command', 'completed');
SELECT wait_until(format('EXISTS (SELECT FROM ayb_jobs.jobs WHERE id = %L AND progress IS NOT NULL)', :'waiting'));
SELECT state FROM ayb_jobs.cancel(:'waiting', force => true);
SELECT wait_for(:'waiting', 'canceled');
SELECT a.status, string_agg(l ->> 'message', ', ' ORDER BY n) FROM unnest(ARRAY[:'command', :'waiting']::uuid[]) AS id CROSS JOIN LATERAL ayb_jobs.attempts(id) AS a
CROSS JOIN LATERAL jsonb_array_elements(a.log) WITH ORDINALITY AS l (l, n) GROUP BY id, a.status ORDER BY id;

-- From outside: seen while it runs, and of this attempt alone.
SELECT type FROM ayb_jobs.register_handler('say outside', kind => 'external', max_attempts => 4);
SELECT ayb_jobs.enqueue('say outside') AS id \gset
SELECT attempt FROM ayb_jobs.claim('w', '{say outside}');
SELECT ayb_jobs.add_log(:'id', 'w', 1, 'one'), ayb_jobs.add_log(:'id', 'w', 1, 'two', 'error');
SELECT attempt, status, log -> 0 ->> 'message' AS one, log -> 1 ->> 'level' AS level, (log -> 1 ->> 'at')::timestamptz <= now() AS timely FROM ayb_jobs.attempts(:'id');
SELECT state FROM ayb_jobs.fail(:'id', 'w', 1, 'broken', '0');
SELECT attempt FROM ayb_jobs.claim('w', '{say outside}');
SELECT ayb_jobs.add_log(:'id', 'w', 2, 'three');
SELECT state FROM ayb_jobs.snooze(:'id', 'w', 2);
SELECT attempt FROM ayb_jobs.claim('w', '{say outside}');
SELECT state FROM ayb_jobs.fail(:'id', 'w', 3, 'nothing was said', '0');
SELECT attempt FROM ayb_jobs.claim('w', '{say outside}');
SELECT ayb_jobs.add_log(:'id', 'w', 4, repeat('x', 1) || n) FROM generate_series(1, 1005) AS n OFFSET 1005;
SELECT * FROM ayb_jobs.complete_many('w', jsonb_build_array(jsonb_build_object('id', :'id', 'attempt', 4)));
SELECT attempt, status, jsonb_array_length(log) AS lines, log -> 0 ->> 'message' AS first, log -> -1 ->> 'message' AS last FROM ayb_jobs.attempts(:'id');
SELECT ayb_jobs.enqueue('say outside') AS id \gset
SELECT attempt FROM ayb_jobs.claim('w', '{say outside}');
SELECT ayb_jobs.add_log(:'id', 'w', 1, repeat('x', 9000)) FROM generate_series(1, 10) OFFSET 10;
SELECT state FROM ayb_jobs.complete(:'id', 'w', 1);
SELECT jsonb_array_length(log) AS lines, octet_length(log -> 0 ->> 'message') AS bytes FROM ayb_jobs.attempts(:'id');

-- Nor how far the worker is, which is gone with the attempt.
SELECT ayb_jobs.enqueue('say outside') AS id \gset
SELECT attempt FROM ayb_jobs.claim('w', '{say outside}');
SELECT progress FROM ayb_jobs.jobs WHERE id = :'id';
SELECT ayb_jobs.set_progress(:'id', 'w', 1, 40);
SELECT progress FROM ayb_jobs.jobs WHERE id = :'id';
SELECT ayb_jobs.set_progress(:'id', 'w', 1, percent => 60, note => repeat('ä', 100));
SELECT progress ->> 'percent' AS percent, octet_length(progress ->> 'note') AS bytes FROM ayb_jobs.jobs WHERE id = :'id';
SELECT progress IS NOT NULL AS kept FROM ayb_jobs.extend(:'id', 'w', 1, '1 hour');
SELECT state, progress FROM ayb_jobs.fail(:'id', 'w', 1, 'broken', '0');
SELECT attempt FROM ayb_jobs.claim('w', '{say outside}');
SELECT progress FROM ayb_jobs.jobs WHERE id = :'id';
SELECT refused(format('SELECT ayb_jobs.set_progress(%L, ''w'', 1, 5)', :'id'));
SELECT refused(format('SELECT ayb_jobs.set_progress(%L, ''w'', 2, 101)', :'id'));
SELECT refused(format('SELECT ayb_jobs.set_progress(%L, ''w'', 2, NULL)', :'id'));
SELECT refused(format('SELECT ayb_jobs.set_progress(%L, ''w'', 2, 5)', ayb_jobs.uuid7()));
SELECT ayb_jobs.set_progress(:'id', 'w', 2, 100);
SELECT state, progress FROM ayb_jobs.complete(:'id', 'w', 2);

-- What it takes.
SELECT refused($$SELECT ayb_jobs.add_log('nobody runs here')$$);
SELECT refused($$SELECT ayb_jobs.add_log(NULL)$$);
SELECT refused($$SELECT ayb_jobs.add_log('x', 'loud')$$);
SELECT refused($$SELECT ayb_jobs.add_log('x', NULL)$$);
SELECT refused(format('SELECT ayb_jobs.add_log(%L, ''w'', 1, ''x'')', :'id'));
SELECT refused(format('SELECT ayb_jobs.add_log(%L, ''w'', 1, ''x'')', ayb_jobs.uuid7()));
SELECT ayb_jobs.unregister_handler(type) FROM ayb_jobs.handlers WHERE type LIKE 'say%';
