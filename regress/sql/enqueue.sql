-- enqueue() and enqueue_many(): what is written, and what comes back.
SELECT type FROM ayb_jobs.register_handler('outside', kind => 'external');
SELECT type FROM ayb_jobs.register_handler('twice', kind => 'external', max_attempts => 2);

-- defaults
SELECT ayb_jobs.enqueue('outside') AS id \gset
SELECT type, payload, state, waits_for, run_as, enqueued_by, attempts, max_attempts, runs, priority, lease_until, worker_id, last_error,
       last_run_at, idempotency_key, partition_key, unique_key, flow, meta, completed_at, canceled_at, result, is_running, progress,
       run_at = created_at AND created_at = updated_at AS same_time,
       run_at BETWEEN clock_timestamp() - interval '1 minute' AND clock_timestamp() AS now
FROM ayb_jobs.jobs WHERE id = :'id';
-- The time is the statement's and not the transaction's, else a long transaction's jobs would lie far back.
BEGIN;
SELECT ayb_jobs.enqueue('outside', '{"in": "transaction"}') AS id \gset
SELECT run_at > now() AS later_than_begin FROM ayb_jobs.jobs WHERE id = :'id';
ROLLBACK;
-- The row is there for who has enqueued it, and a rollback takes it back, a savepoint's too.
BEGIN;
SELECT ayb_jobs.enqueue('outside', '{"n": 1}') AS first \gset
SAVEPOINT here;
SELECT ayb_jobs.enqueue('outside', '{"n": 2}') AS second \gset
SELECT count(*) FROM ayb_jobs.jobs WHERE id IN (:'first', :'second');
ROLLBACK TO here;
COMMIT;
SELECT payload FROM ayb_jobs.jobs WHERE id IN (:'first', :'second');

-- every argument
SELECT ayb_jobs.enqueue('outside', '[1, null, "ü"]', '2100-01-01 00:00:00+00', 'every', 7, 'regress_alice') AS id \gset
SELECT payload, run_at = '2100-01-01 00:00:00+00' AS run_at, idempotency_key, max_attempts, run_as
FROM ayb_jobs.jobs WHERE id = :'id';
SELECT ayb_jobs.enqueue('outside', 'null', max_attempts => 1) AS id \gset
SELECT payload = 'null'::jsonb AS json_null, max_attempts FROM ayb_jobs.jobs WHERE id = :'id';

-- Keys: where a job stands hangs on its key, and one that isn't due waits apart.
SELECT count(*) FROM ayb_jobs.enqueue_many('outside', '{1,2,3}', partition_keys => ARRAY['a', NULL, repeat('k', 255)]);
SELECT j.payload, left(q.partition_key, 3) AS key, q.waits_for, q.lane = ayb_jobs_internal.lane(q.run_as, q.type, q.priority, q.partition_key) AS good
FROM ayb_jobs.jobs AS j JOIN ayb_jobs.job_queue AS q USING (id) WHERE j.type = 'outside' AND j.payload IN ('1', '2', '3') ORDER BY q.id;
DELETE FROM ayb_jobs.job_queue WHERE type = 'outside' AND payload IN ('1', '2', '3');
SELECT ayb_jobs.enqueue('outside', '"keyed"', delay => '1 h', partition_key => 'a') AS keyed \gset
SELECT q.waits_for, j.phase FROM ayb_jobs.job_queue AS q JOIN ayb_jobs.jobs AS j USING (id) WHERE q.id = :'keyed';
SELECT partition_key, waits_for, phase FROM ayb_jobs.run_now(:'keyed');
SELECT partition_key, waits_for, phase FROM ayb_jobs.reschedule(:'keyed', delay => '1 h');
UPDATE ayb_jobs.job_queue SET run_at = '2000-01-01' WHERE id = :'keyed' RETURNING waits_for;
UPDATE ayb_jobs.job_queue SET run_at = '2100-01-01' WHERE id = :'keyed' RETURNING waits_for;
UPDATE ayb_jobs.job_queue SET partition_key = NULL WHERE id = :'keyed' RETURNING waits_for;
DELETE FROM ayb_jobs.job_queue WHERE id = :'keyed';

-- so much later than now
BEGIN;
SELECT ayb_jobs.enqueue('outside', delay => '1 hour') AS one, ayb_jobs.enqueue('outside', delay => '0') AS none \gset
SELECT array_agg(id) AS many FROM ayb_jobs.enqueue_many('outside', '{1,2}', delay => '2 min') AS id \gset
SELECT (SELECT run_at - created_at FROM ayb_jobs.jobs WHERE id = :'one') AS one, (SELECT run_at - created_at FROM ayb_jobs.jobs WHERE id = :'none') AS none,
       (SELECT array_agg(run_at - created_at) FROM ayb_jobs.jobs WHERE id = ANY (:'many')) AS many;
ROLLBACK;

-- The earliest and the latest instant, and a type at its longest.
SELECT ayb_jobs.enqueue('outside', run_at => '2000-01-01 00:00:00+00') AS early,
       ayb_jobs.enqueue('outside', run_at => '9999-12-31 23:59:59.999999+00') AS late \gset
SELECT run_at AT TIME ZONE 'UTC' AS run_at FROM ayb_jobs.jobs WHERE id IN (:'early', :'late') ORDER BY 1;
SELECT type FROM ayb_jobs.register_handler(repeat('ü', 100), kind => 'external');
SELECT ayb_jobs.enqueue(repeat('ü', 100)) AS id \gset
SELECT length(type), waits_for FROM ayb_jobs.jobs WHERE id = :'id';
SELECT ayb_jobs.unregister_handler(repeat('ü', 100));
SELECT state FROM ayb_jobs.cancel(:'id');

-- max_attempts: the argument, else the handler's, else the setting's
SELECT ayb_jobs.enqueue('twice') AS handler, ayb_jobs.enqueue('twice', max_attempts => 9) AS argument \gset
SET ayb_jobs.max_attempts = 5;
SELECT ayb_jobs.enqueue('outside') AS setting, ayb_jobs.enqueue('twice') AS both \gset
RESET ayb_jobs.max_attempts;
SELECT (SELECT max_attempts FROM ayb_jobs.jobs WHERE id = :'handler') AS handler,
       (SELECT max_attempts FROM ayb_jobs.jobs WHERE id = :'argument') AS argument,
       (SELECT max_attempts FROM ayb_jobs.jobs WHERE id = :'setting') AS setting,
       (SELECT max_attempts FROM ayb_jobs.jobs WHERE id = :'both') AS handler_before_setting;

-- ids are of version 7 and sort by the time they were made, in one statement and over several
CREATE TABLE made (n serial, id uuid);
INSERT INTO made (id) SELECT ayb_jobs.enqueue('outside', to_jsonb(i)) FROM generate_series(1, 2000) AS i;
INSERT INTO made (id) SELECT ayb_jobs.enqueue_many('outside', array_agg(to_jsonb(i) ORDER BY i))
FROM generate_series(2001, 4000) AS i;
SELECT count(*), count(DISTINCT id), bool_and(substr(id::text, 15, 1) = '7') AS version_7,
       bool_and(substr(id::text, 20, 1) IN ('8', '9', 'a', 'b')) AS rfc_variant,
       bool_and(id > before OR before IS NULL) AS ascending
FROM (SELECT id, lag(id) OVER (ORDER BY n) AS before FROM made) AS m;
-- The first 48 bits are the milliseconds since 1970, give or take what a loaded machine needs between the two.
SELECT bool_and(abs(('x' || substr(replace(m.id::text, '-', ''), 1, 12))::bit(48)::bigint
                    - floor(extract(epoch FROM j.created_at) * 1000)) < 60000) AS shows_time
FROM made AS m JOIN ayb_jobs.jobs AS j USING (id);

-- enqueue_many() keeps the order, and is one instant
SELECT bool_and(j.payload = to_jsonb(m.n)) AS in_order FROM made AS m JOIN ayb_jobs.jobs AS j USING (id);
SELECT count(DISTINCT j.created_at) AS instants FROM made AS m JOIN ayb_jobs.jobs AS j USING (id) WHERE m.n > 2000;
SELECT count(*) FROM ayb_jobs.enqueue_many('outside', '{}');
SELECT count(*) AS later FROM ayb_jobs.enqueue_many('outside', ARRAY['1', '2']::jsonb[], '2100-01-01');
SELECT count(*) FROM ayb_jobs.jobs WHERE type = 'outside' AND run_at = '2100-01-01' AND payload IN ('1', '2');
DROP TABLE made;

-- an idempotency key: the same role gets the job that has it, in whatever state, and nothing is changed
SELECT ayb_jobs.enqueue('outside', '{"n": 1}', idempotency_key => 'key') AS first \gset
SELECT ayb_jobs.enqueue('outside', '{"n": 2}', idempotency_key => 'key') = :'first' AS same;
SELECT ayb_jobs.enqueue('twice', '{"n": 3}', '2100-01-01', 'key', 9) = :'first' AS same_for_other_type;
SELECT count(*), min(type) AS type, min(payload::text) AS payload FROM ayb_jobs.jobs WHERE idempotency_key = 'key';
SELECT ayb_jobs.enqueue('outside', idempotency_key => 'key', run_as => 'regress_alice') AS alice \gset
SELECT ayb_jobs.enqueue('outside', idempotency_key => 'key', run_as => 'regress_bob') AS bob \gset
SELECT :'alice' <> :'first' AND :'bob' <> :'alice' AS own_key_per_role;
SELECT run_as, enqueued_by = current_user::regrole AS by_me FROM ayb_jobs.jobs WHERE id IN (:'alice', :'bob') ORDER BY 1;
SET ROLE regress_alice;
SELECT ayb_jobs.enqueue('outside', idempotency_key => 'key') = :'alice' AS same;
RESET ROLE;
SELECT ayb_jobs.enqueue('outside', idempotency_key => 'Key') <> :'first' AS case_counts;
SELECT ayb_jobs.enqueue('outside', idempotency_key => repeat('k', 255)) IS NOT NULL AS longest;
-- within one transaction, and after its rollback
BEGIN;
SELECT ayb_jobs.enqueue('outside', idempotency_key => 'once') AS id \gset
SELECT ayb_jobs.enqueue('outside', idempotency_key => 'once') = :'id' AS same;
ROLLBACK;
SELECT ayb_jobs.enqueue('outside', idempotency_key => 'once') <> :'id' AS own;
-- a canceled job's key is free; a completed one can be looked up, so it keeps its key
SELECT state FROM ayb_jobs.cancel(:'first');
SELECT ayb_jobs.enqueue('outside', idempotency_key => 'key') <> :'first' AS free_when_canceled;
SELECT ayb_jobs.enqueue('twice', idempotency_key => 'done', run_at => '2000-01-01') AS id \gset
SELECT id = :'id' AS mine, attempt FROM ayb_jobs.claim('w', '{twice}') \gx
SELECT state FROM ayb_jobs.complete(:'id', 'w', 1);
SELECT ayb_jobs.enqueue('twice', idempotency_key => 'done') = :'id' AS same_when_completed;
SELECT count(*) AS still_one FROM ayb_jobs.jobs WHERE idempotency_key = 'done';
-- A job that was written by hand has its key as well.
INSERT INTO ayb_jobs.job_queue (type, idempotency_key) VALUES ('outside', 'by hand') RETURNING id \gset
SELECT ayb_jobs.enqueue('outside', idempotency_key => 'by hand') = :'id' AS same;

-- an unknown type: a NOTICE with a hint, and the job waits, uncharged
SELECT ayb_jobs.enqueue('nobody knows') AS id \gset
SELECT count(*) FROM ayb_jobs.enqueue_many('nobody knows', ARRAY['1', '2']::jsonb[]);
SELECT state, waits_for, attempts, last_error FROM ayb_jobs.jobs WHERE id = :'id';
SELECT status, detail, hint FROM ayb_jobs.health() WHERE name = 'handlers';
-- It runs as soon as there is one.
CREATE FUNCTION known_now(payload jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT payload';
SELECT type FROM ayb_jobs.register_handler('nobody knows', 'known_now(jsonb)');
SELECT wait_for(:'id', 'completed');
SELECT wait_until($$NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE type = 'nobody knows')$$);
SELECT waits_for, attempts, result FROM ayb_jobs.jobs WHERE type = 'nobody knows' ORDER BY id;
SELECT status, detail, hint FROM ayb_jobs.health() WHERE name = 'handlers';
SELECT ayb_jobs.unregister_handler('nobody knows');
DROP FUNCTION known_now(jsonb);

-- Many, each with what it says itself: the keys of an object are the arguments of enqueue(), each of them
SELECT string_agg(key, ' ' ORDER BY n) AS refused FROM pg_proc CROSS JOIN LATERAL unnest(proargnames) WITH ORDINALITY AS a (key, n)
WHERE oid = 'ayb_jobs.enqueue'::regproc AND refused(format('SELECT ayb_jobs.enqueue_many(%L::jsonb)', jsonb_build_array(
    jsonb_build_object('type', 'outside') || jsonb_build_object(key, CASE WHEN key = 'type' THEN '"outside"'::jsonb ELSE 'null' END)))) <> 'ACCEPTED';
CREATE TABLE many (n bigint, id uuid);
INSERT INTO many SELECT n, id FROM ayb_jobs.enqueue_many('[{"type": "outside"},
    {"type": "outside", "payload": null, "run_at": "2100-01-01 00:00+00", "idempotency_key": "among many", "max_attempts": 7, "run_as": "regress_alice"},
    {"delay": "1 hour", "type": "twice", "payload": [1, {"a": "b"}]}, {"payload": "text", "idempotency_key": null, "type": "twice"},
    {"type": "outside", "run_as": "regress_alice", "idempotency_key": "among many"}]') WITH ORDINALITY AS e (id, n);
SELECT m.n, j.type, j.payload, CASE WHEN j.run_at <> '2100-01-01 00:00+00' THEN j.run_at - j.created_at END AS delay, j.idempotency_key, j.max_attempts, j.run_as = current_user::regrole AS mine
FROM many AS m JOIN ayb_jobs.jobs AS j USING (id) ORDER BY m.n;
SELECT count(*) FROM ayb_jobs.enqueue_many('[]'::jsonb);
-- once for each type that nobody handles
SELECT count(*) FROM ayb_jobs.enqueue_many('[{"type": "nobody"}, {"type": "nobody"}, {"type": "no one"}]');
-- all or none, and which one it was
CREATE FUNCTION element(jobs jsonb) RETURNS TABLE (code text, message text, argument text, hint text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ayb_jobs.enqueue_many(jobs);
    message := 'ACCEPTED';
    RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, argument = COLUMN_NAME, hint = PG_EXCEPTION_HINT;
    RETURN NEXT;
END
$$;
SELECT books() AS before \gset
SELECT e.* FROM unnest(ARRAY[NULL, '{}', '1', '[1]', '[[]]', '[null]', '[{}]', '[{"type": null}]', '[{"type": 1}]', '[{"type": "outside"}, {"typ": "outside"}]',
    '[{"type": "outside"}, {"type": "outside", "max_attempts": 0}]', '[{"type": "outside", "max_attempts": "3"}]', '[{"type": "outside", "max_attempts": 1.5}]',
    '[{"type": "outside", "max_attempts": 3000000000}]', '[{"type": "outside", "run_at": "tomorrow at tea"}]', '[{"type": "outside", "run_at": "infinity"}]',
    '[{"type": "outside", "delay": "-1 s"}]', '[{"type": "outside", "delay": 5}]', '[{"type": "outside", "delay": "1 s", "run_at": "2100-01-01"}]',
    '[{"type": "outside", "run_as": "regress_no_such_role"}]', '[{"type": "outside", "idempotency_key": ""}]',
    '[{"type": "outside", "options": {"expires_at": "soon"}}]', '[{"type": "outside", "options": {"odd": 1}}]',
    '[{"type": "outside", "idempotency_key": "kept?"}, {"type": "outside"}, {"type": ""}]']::jsonb[]) WITH ORDINALITY AS c (jobs, n)
CROSS JOIN LATERAL element(jobs) AS e ORDER BY n;
SELECT books() = :'before' AS nothing_is_left;
DROP FUNCTION element;
DROP TABLE many;

-- raw DML is a way in, too
INSERT INTO ayb_jobs.job_queue (type) VALUES ('twice') RETURNING id \gset
SELECT state, waits_for, run_as, max_attempts, payload, substr(id::text, 15, 1) AS version
FROM ayb_jobs.jobs WHERE id = :'id';

SELECT ayb_jobs.cancel_matching() > 4000 AS canceled;
SELECT ayb_jobs.unregister_handler('outside'), ayb_jobs.unregister_handler('twice');
TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_keys;
