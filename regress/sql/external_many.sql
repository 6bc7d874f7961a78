-- complete_many(), fail_many(), extend_many(): many jobs of a worker outside by one call, and what became of those that it
-- doesn't hold.
SELECT type FROM ayb_jobs.register_handler('a', kind => 'external', max_attempts => 3, backoff => '{1 hour}');
SELECT type FROM ayb_jobs.register_handler('b', kind => 'external', max_attempts => 1);
CREATE TABLE held (name text PRIMARY KEY, id uuid, attempt int);
-- Jobs of these names, in their order, that a worker has claimed.
CREATE FUNCTION claim_named(worker text, type text, names text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    ids uuid[];
BEGIN
    SELECT array_agg(e) INTO ids FROM ayb_jobs.enqueue_many(type, (SELECT array_agg(to_jsonb(n)) FROM unnest(names) AS n)) AS e;
    INSERT INTO held SELECT c.payload #>> '{}', c.id, c.attempt FROM ayb_jobs.claim(worker, ARRAY[type], 10000) AS c;
    ASSERT ids <@ (SELECT array_agg(id) FROM held), 'claimed';
END $$;
-- An element about a job, with what is added.
CREATE FUNCTION about(name text, more jsonb DEFAULT '{}', other int DEFAULT 0) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('id', h.id, 'attempt', h.attempt + other) || more FROM held AS h WHERE h.name = about.name
$$;
CREATE FUNCTION named(id uuid) RETURNS text LANGUAGE sql AS $$ SELECT h.name FROM held AS h WHERE h.id = named.id $$;

-- each with its own result; none, and the JSON null, are two things
SELECT claim_named('w', 'a', '{one, two, three}');
SELECT * FROM ayb_jobs.complete_many('w', jsonb_build_array(about('three', '{"result": null}'), about('one', '{"result": {"n": 1}}'), about('two')));
SELECT payload, state, worker_id, attempts, runs, result, result IS NULL AS none, completed_at = updated_at AS now FROM ayb_jobs.jobs WHERE named(id) IS NOT NULL ORDER BY id;
-- what isn't held is told, in the order of the array, and the rest is done
SELECT claim_named('w', 'a', '{held, late, stale, canceled, failed, twice}');
SELECT claim_named('v', 'b', '{others}');
SELECT f.state FROM held AS h CROSS JOIN LATERAL ayb_jobs.fail(h.id, 'w', 1, 'put back', '0') AS f WHERE h.name = 'late';
SELECT f.state FROM held AS h CROSS JOIN LATERAL ayb_jobs.fail(h.id, 'w', 1, 'for good', final => true) AS f WHERE h.name = 'failed';
SELECT c.state FROM held AS h CROSS JOIN LATERAL ayb_jobs.cancel(h.id, force => true) AS c WHERE h.name = 'canceled';
SELECT named(m.id), m.id = lpad('1', 32, '0')::uuid AS nobodys, m.reason
FROM ayb_jobs.complete_many('w', jsonb_build_array(
    about('twice', '{"result": 1}'), about('one'), about('late'), about('stale', other => 1), about('canceled'), about('failed'), about('others'),
    about('held', '{"result": true}'), about('twice', '{"result": 2}'), about('held', other => -1), jsonb_build_object('id', lpad('1', 32, '0'), 'attempt', 1)))
    WITH ORDINALITY AS m (id, reason, number) ORDER BY m.number;
SELECT payload, state, worker_id, result FROM ayb_jobs.jobs WHERE named(id) NOT IN ('one', 'two', 'three') ORDER BY id;
-- one that was told of another run still holds its own
SELECT state FROM held AS h CROSS JOIN LATERAL ayb_jobs.cancel(h.id) WHERE h.name = 'late';
SELECT named(m.id), m.reason FROM ayb_jobs.complete_many('w', jsonb_build_array(about('stale'), about('others'))) AS m;
SELECT named(m.id), m.reason FROM ayb_jobs.complete_many('v', jsonb_build_array(about('others'))) AS m;
-- nothing is nothing
SELECT count(*) FROM ayb_jobs.complete_many('w', '[]');

-- failing: each by its own type and with its own words; back-off, retry_in, final, attempts used up
SELECT claim_named('w', 'a', '{backs off, soon, never, long, again}');
SELECT claim_named('w', 'b', '{only}');
SELECT named(m.id), m.reason FROM ayb_jobs.fail_many('w', jsonb_build_array(
    about('only', '{"error": "no more", "retry_in": "1 s"}'), about('backs off', '{"error": "1", "retry_in": null, "final": null}'), about('soon', '{"error": "2", "retry_in": "5 min", "final": false}'),
    about('never', '{"error": "3", "final": true}'), about('long', jsonb_build_object('error', repeat('ü', 1000000))), about('again', '{"error": "first"}'),
    about('again', '{"error": "second", "final": true}'), about('one', '{"error": "late"}'))) AS m;
SELECT payload, state, worker_id, lease_until, attempts, left(last_error, 10) AS last_error, length(last_error) AS length, CASE WHEN state = 'queued' THEN run_at - updated_at END AS wait
FROM ayb_jobs.jobs WHERE last_error IS NOT NULL AND named(id) NOT IN ('late', 'failed') ORDER BY id;
SELECT h.name, a.attempt, a.status, a.worker_id, left(a.error, 10) AS error, a.sqlstate FROM held AS h CROSS JOIN LATERAL ayb_jobs.attempts(h.id) AS a
WHERE h.name IN ('only', 'backs off', 'again') ORDER BY 1;
SELECT ayb_jobs.cancel_matching();

-- the heartbeat: what has half of its time or more is left alone, a lease is never made shorter
SELECT claim_named('w', 'a', '{short, fresh, gone}');
SELECT state FROM held AS h CROSS JOIN LATERAL ayb_jobs.cancel(h.id, force => true) WHERE h.name = 'gone';
SELECT count(*) FROM held AS h CROSS JOIN LATERAL ayb_jobs.extend(h.id, 'w', h.attempt, CASE h.name WHEN 'short' THEN interval '29 min' ELSE interval '31 min' END)
WHERE h.name IN ('short', 'fresh');
SELECT named(m.id), m.reason FROM ayb_jobs.extend_many('w', jsonb_build_array(about('short'), about('fresh'), about('gone'), about('short'), about('one')), '1 hour') AS m;
SELECT payload, lease_until - updated_at AS lease FROM ayb_jobs.jobs WHERE state = 'running' AND type = 'a' AND named(id) IN ('short', 'fresh') ORDER BY id;
SELECT count(*) FROM ayb_jobs.extend_many('w', jsonb_build_array(about('short'), about('fresh')), '1 ms');
SELECT payload, lease_until - updated_at AS lease FROM ayb_jobs.jobs WHERE state = 'running' AND type = 'a' AND named(id) IN ('short', 'fresh') ORDER BY id;
SELECT count(*) FROM ayb_jobs.extend_many('w', jsonb_build_array(about('short')));

-- what isn't an array of such objects is refused whole, and nothing is done
CREATE FUNCTION refused_of(statement text, OUT state text, OUT message text, OUT argument text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, argument = COLUMN_NAME, hint = PG_EXCEPTION_HINT;
END $$;
SELECT books() AS before \gset
SELECT r.* FROM unnest(ARRAY[
    'complete_many(NULL, ''[]'')', 'complete_many('''', ''[]'')', 'complete_many(''w'', NULL)', 'complete_many(''w'', ''{}'')',
    'complete_many(''w'', ''1'')', 'complete_many(''w'', ''[1]'')', 'complete_many(''w'', ''[{"attempt": 1}]'')',
    format('complete_many(''w'', %L)', jsonb_build_array(about('short'), '{"id": null}'::jsonb)),
    format('complete_many(''w'', %L)', jsonb_build_array(about('short'), about('fresh', '{"error": "x"}'))),
    format('complete_many(''w'', %L)', jsonb_build_array(about('short', '{"attempt": "1"}'))),
    format('complete_many(''w'', %L)', jsonb_build_array(about('short', '{"attempt": 1.5}'))),
    format('complete_many(''w'', %L)', jsonb_build_array(about('short', '{"id": "x"}'))),
    format('fail_many(''w'', %L)', jsonb_build_array(about('short', '{"error": "x"}'), about('fresh'))),
    format('fail_many(''w'', %L)', jsonb_build_array(about('short', '{"error": "x", "result": 1}'))),
    format('fail_many(''w'', %L)', jsonb_build_array(about('short', '{"error": "x", "final": "true"}'))),
    format('fail_many(''w'', %L)', jsonb_build_array(about('short', '{"error": "x", "final": true, "retry_in": "1 s"}'))),
    format('fail_many(''w'', %L)', jsonb_build_array(about('short', '{"error": "x", "retry_in": "-1 s"}'))),
    format('fail_many(''w'', %L)', jsonb_build_array(about('short', '{"error": "x", "retry_in": "soon"}'))),
    format('extend_many(''w'', %L)', jsonb_build_array(about('short', '{"result": 1}'))),
    format('extend_many(''w'', %L, ''-1 s'')', jsonb_build_array(about('short')))]) AS c (call)
CROSS JOIN LATERAL refused_of('SELECT ayb_jobs.' || c.call) AS r;
SELECT ayb_jobs.complete_many('w', jsonb_build_array(about('short', jsonb_build_object('result', repeat('x', 17 * 1024 * 1024)))));
SELECT books() = :'before' AS nothing_changed;

-- a limit's places are given back with them
SELECT running FROM ayb_jobs.set_limit('a', running => 2);
SELECT count(*) FROM ayb_jobs.complete_many('w', jsonb_build_array(about('short'), about('fresh')));
SELECT count(*) FROM ayb_jobs.enqueue_many('a', array_fill('1'::jsonb, ARRAY[5]));
CREATE FUNCTION take_two() RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_agg(jsonb_build_object('id', c.id, 'attempt', c.attempt)) FROM (SELECT * FROM claim_one('w', 'a') UNION ALL SELECT * FROM claim_one('w', 'a')) AS c
$$;
SELECT take_two() AS two \gset
SELECT count(*) FROM ayb_jobs.claim('w', '{a}', 9);
SELECT count(*) FROM ayb_jobs.complete_many('w', :'two');
SELECT take_two() AS two \gset
SELECT count(*) FROM ayb_jobs.claim('w', '{a}', 9);
SELECT count(*) FROM ayb_jobs.fail_many('w', (SELECT jsonb_agg(e || '{"error": "x"}') FROM jsonb_array_elements(:'two') AS e));
SELECT count(*) FROM claim_one('w', 'a');
SELECT ayb_jobs.clear_limit('a');

-- three thousand, in no order, each twice: one call
TRUNCATE held;
SELECT claim_named('w', 'a', (SELECT array_agg(n::text) FROM generate_series(1, 3000) AS n));
SELECT count(*), min(m.reason), max(m.reason) FROM ayb_jobs.complete_many('w', (
    SELECT jsonb_agg(about(h.name, jsonb_build_object('result', h.name)) ORDER BY md5(h.name || n::text))
    FROM held AS h CROSS JOIN generate_series(1, 2) AS n)) AS m;
SELECT count(*) FROM ayb_jobs.jobs AS j JOIN held AS h ON h.id = j.id WHERE j.state = 'completed' AND j.result #>> '{}' = h.name;

SELECT ayb_jobs.unregister_handler('a'), ayb_jobs.unregister_handler('b');
DROP FUNCTION claim_named, about, named, refused_of, take_two;
DROP TABLE held;
TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_history, ayb_jobs.job_keys, ayb_jobs.job_attempts;
