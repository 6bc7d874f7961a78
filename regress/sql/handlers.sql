-- register_handler() and unregister_handler(): what is kept, who may, and what becomes of jobs that wait.
CREATE FUNCTION given(payload jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT payload';
CREATE FUNCTION given_nothing() RETURNS text LANGUAGE sql AS $$SELECT 'nothing'$$;
CREATE SCHEMA "Odd schema";
CREATE FUNCTION "Odd schema"."Odd name"(jsonb) RETURNS text LANGUAGE sql AS $$SELECT 'odd'$$;
CREATE FUNCTION overloaded() RETURNS text LANGUAGE sql AS $$SELECT 'nothing'$$;
CREATE FUNCTION overloaded(payload jsonb) RETURNS text LANGUAGE sql AS $$SELECT 'payload'$$;
CREATE FUNCTION overloaded(payload text) RETURNS text LANGUAGE sql AS $$SELECT 'text'$$;

-- by signature, by name, with and without a schema: stored by names, which a dump and an upgrade keep
SELECT type FROM ayb_jobs.register_handler('signature', 'given(jsonb)');
SELECT type FROM ayb_jobs.register_handler('schema', 'public.given(jsonb)', timeout => '5 s', max_attempts => 7, backoff => '{1 s, 2 s}', grouped => false);
SELECT type FROM ayb_jobs.register_handler('name', 'given');
SELECT type FROM ayb_jobs.register_handler('nothing', 'given_nothing()');
SELECT type FROM ayb_jobs.register_handler('odd', '"Odd schema"."Odd name"(jsonb)');
SELECT type FROM ayb_jobs.register_handler('odd name', '"Odd schema"."Odd name"');
SELECT type FROM ayb_jobs.register_handler('overloaded', 'overloaded');
SELECT type FROM ayb_jobs.register_handler('overloaded nothing', 'overloaded()');
SELECT type FROM ayb_jobs.register_handler('command', 'VACUUM pg_class', 'command');
SELECT type FROM ayb_jobs.register_handler('external', kind => 'external');
SELECT type, kind, function_schema, function_name, takes_payload, command, timeout, max_attempts, backoff, definer, grouped
FROM ayb_jobs.handlers WHERE NOT builtin ORDER BY type COLLATE "C";
CREATE TABLE made AS SELECT type, ayb_jobs.enqueue(type, '"payload"') AS id FROM ayb_jobs.handlers WHERE NOT builtin AND kind = 'function';
SELECT count(wait_for(id, 'completed')) AS waited FROM made;
SELECT m.type, j.state, j.result FROM made AS m JOIN ayb_jobs.jobs AS j USING (id) ORDER BY m.type COLLATE "C";

-- what is registered again is replaced: every setting, and when it was made stays
SELECT created_at AS made, updated_at AS changed FROM ayb_jobs.handlers WHERE type = 'schema' \gset
SELECT type FROM ayb_jobs.register_handler('schema', 'given_nothing()');
SELECT kind, function_name, takes_payload, timeout, max_attempts, backoff, grouped, created_at = :'made' AS made, updated_at > :'changed' AS changed
FROM ayb_jobs.handlers WHERE type = 'schema';
-- the next job runs the new one, in a worker that has run the old one
SELECT ayb_jobs.enqueue('schema') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT result FROM ayb_jobs.jobs WHERE id = :'id';
-- a rollback takes a registration back
BEGIN;
SELECT type FROM ayb_jobs.register_handler('schema', 'given(jsonb)');
SELECT type FROM ayb_jobs.register_handler('fleeting', 'given(jsonb)');
ROLLBACK;
SELECT type, function_name FROM ayb_jobs.handlers WHERE type IN ('schema', 'fleeting');
SELECT ayb_jobs.enqueue('schema', '"payload"') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT result FROM ayb_jobs.jobs WHERE id = :'id';
-- registered and enqueued in one transaction
BEGIN;
SELECT type FROM ayb_jobs.register_handler('together', 'given(jsonb)');
SELECT ayb_jobs.enqueue('together', '"payload"') AS id \gset
COMMIT;
SELECT wait_for(:'id', 'completed');

-- jobs that wait: registered inside they run, outside they can be claimed, unregistered they wait again
SELECT ayb_jobs.enqueue('waiting', '1') AS x, ayb_jobs.enqueue('waiting', '2', max_attempts => 1) AS y \gset
SELECT ayb_jobs.pause('waiting');
SELECT type FROM ayb_jobs.register_handler('waiting', 'given(jsonb)');
SELECT state, waits_for FROM ayb_jobs.jobs WHERE type = 'waiting' ORDER BY id;
SELECT ayb_jobs.unregister_handler('waiting');
SELECT state, waits_for FROM ayb_jobs.jobs WHERE type = 'waiting' ORDER BY id;
SELECT ayb_jobs.resume('waiting');
SELECT type FROM ayb_jobs.register_handler('waiting', kind => 'external');
SELECT state, waits_for FROM ayb_jobs.jobs WHERE type = 'waiting' ORDER BY id;
SELECT payload, attempt FROM ayb_jobs.claim('w', '{waiting}');
SELECT type FROM ayb_jobs.register_handler('waiting', 'given(jsonb)');
SELECT wait_for(:'y', 'completed');
-- the one that was claimed outside before is its worker's to end
SELECT state, waits_for FROM ayb_jobs.jobs WHERE id = :'x';
SELECT state FROM ayb_jobs.complete(:'x', 'w', 1);
SELECT attempts, last_error FROM ayb_jobs.jobs WHERE type = 'waiting' ORDER BY id;
-- unregistered while a worker is at it: the job ends as it began
CREATE FUNCTION held() RETURNS text LANGUAGE sql AS $$SELECT pg_advisory_xact_lock_shared(1); SELECT 'held'$$;
SELECT type FROM ayb_jobs.register_handler('held', 'held()');
SELECT pg_advisory_lock(1);
SELECT ayb_jobs.enqueue('held') AS id \gset
SELECT wait_until(format('(SELECT state = ''running'' AND is_running FROM ayb_jobs.jobs WHERE id = %L)', :'id'));
SELECT ayb_jobs.unregister_handler('held');
SELECT pg_advisory_unlock(1);
SELECT wait_for(:'id', 'completed');
SELECT attempts, result FROM ayb_jobs.jobs WHERE id = :'id';
-- written into the table by hand, for a type that nobody has registered: it waits, uncharged
INSERT INTO ayb_jobs.job_queue (type, max_attempts) VALUES ('by hand', 1) RETURNING id \gset
SELECT wait_until(format('(SELECT waits_for = ''handler'' FROM ayb_jobs.jobs WHERE id = %L)', :'id'));
SELECT state, waits_for, attempts, last_error FROM ayb_jobs.jobs WHERE id = :'id';
SELECT count(*) FROM ayb_jobs.attempts(:'id');
SELECT type FROM ayb_jobs.register_handler('by hand', 'given(jsonb)');
SELECT wait_for(:'id', 'completed');

-- a timeout: the handler is interrupted and the attempt charged
CREATE FUNCTION slow() RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(60)';
SELECT type FROM ayb_jobs.register_handler('slow', 'slow()', timeout => '50 ms', max_attempts => 1);
SELECT ayb_jobs.enqueue('slow') AS id \gset
SELECT wait_for(:'id', 'failed');
SELECT attempts, last_error FROM ayb_jobs.jobs WHERE id = :'id';
SELECT status, sqlstate, duration_ms >= 49 AND duration_ms < 30000 AS in_time FROM ayb_jobs.attempts(:'id');

-- Whose type it is: only who registered it, or an admin, replaces or unregisters it.
GRANT USAGE ON SCHEMA alice, bob TO PUBLIC;
SET ROLE regress_alice;
CREATE FUNCTION alice.who() RETURNS text LANGUAGE sql AS 'SELECT current_user || '' '' || session_user';
SELECT type FROM ayb_jobs.register_handler('alice', 'alice.who()');
SET ROLE regress_bob;
CREATE FUNCTION bob.who() RETURNS text LANGUAGE sql AS 'SELECT current_user || '' '' || session_user';
SELECT refused($$SELECT ayb_jobs.register_handler('alice', 'bob.who()')$$);
SELECT refused($$SELECT ayb_jobs.unregister_handler('alice')$$);
SELECT refused($$SELECT ayb_jobs.pause('alice')$$);
-- A's code doesn't run as B, whoever asks for it
SELECT refused($$SELECT ayb_jobs.enqueue('alice')$$);
RESET ROLE;
SELECT refused($$SELECT ayb_jobs.enqueue('alice')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('alice', run_as => 'regress_bob')$$);
SELECT ayb_jobs.enqueue('alice', run_as => 'regress_alice') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT run_as, result FROM ayb_jobs.jobs WHERE id = :'id';
-- checked at each run: a function that changes hands, or a right that is taken away, stops the job that waits
CREATE FUNCTION public.shared() RETURNS text LANGUAGE sql AS 'SELECT current_user::text';
SELECT type FROM ayb_jobs.register_handler('shared', 'public.shared()', max_attempts => 1);
SET ROLE regress_bob;
SELECT ayb_jobs.enqueue('shared') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT run_as, result FROM ayb_jobs.jobs WHERE id = :'id';
RESET ROLE;
SELECT ayb_jobs.pause('shared');
SET ROLE regress_bob;
SELECT ayb_jobs.enqueue('shared') AS id \gset
RESET ROLE;
ALTER FUNCTION public.shared() OWNER TO regress_alice;
SELECT ayb_jobs.resume('shared');
SELECT wait_until($$(SELECT status = 'error' FROM ayb_jobs.health() WHERE name = 'trust')$$);
SELECT detail, hint FROM ayb_jobs.health() WHERE name = 'trust';
ALTER FUNCTION public.shared() OWNER TO CURRENT_USER;
REVOKE EXECUTE ON FUNCTION public.shared() FROM PUBLIC;
SELECT detail, hint FROM ayb_jobs.health() WHERE name = 'trust';
SET ROLE regress_bob;
SELECT refused($$SELECT ayb_jobs.enqueue('shared')$$);
RESET ROLE;
-- it has waited, uncharged, until the right is back: seen at the next tick, or with the next job
GRANT EXECUTE ON FUNCTION public.shared() TO PUBLIC;
SELECT ayb_jobs.enqueue('shared', run_as => 'regress_bob') IS NOT NULL AS enqueued;
SELECT wait_for(:'id', 'completed');
SELECT attempts, last_error FROM ayb_jobs.jobs WHERE id = :'id';
SELECT status, detail FROM ayb_jobs.health() WHERE name = 'trust';
REVOKE EXECUTE ON FUNCTION public.shared() FROM PUBLIC;
-- a type is whose it is, whatever its code: what everybody may run doesn't make alice's type bob's, nor a superuser's
SET ROLE regress_alice;
SELECT (ayb_jobs.register_handler('free name', 'pg_catalog.jsonb_pretty(jsonb)')).owner;
SELECT (ayb_jobs.register_handler('free external', kind => 'external')).owner;
SET ROLE regress_bob;
SELECT refused($$SELECT ayb_jobs.enqueue('free name')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('free external')$$);
RESET ROLE;
SELECT refused($$SELECT ayb_jobs.enqueue('free name')$$);
GRANT regress_bob TO regress_alice;
SET ROLE regress_bob;
SELECT ayb_jobs.enqueue('free name') AS id \gset
SELECT wait_for(:'id', 'completed');
RESET ROLE;
REVOKE regress_bob FROM regress_alice;
-- a schema that the role may not use
REVOKE USAGE ON SCHEMA alice FROM PUBLIC;
SET ROLE regress_alice;
SELECT type FROM ayb_jobs.register_handler('alice definer', 'alice.who()', definer => true);
RESET ROLE;
SELECT refused($$SELECT ayb_jobs.register_handler('x', 'alice.who()'), ayb_jobs.enqueue('x', run_as => 'regress_bob')$$);
-- definer: in its registrar's lane, as the registrar, for whoever may call the function
SET ROLE regress_bob;
SELECT refused($$SELECT ayb_jobs.enqueue('alice definer')$$);
RESET ROLE;
GRANT USAGE ON SCHEMA alice TO regress_bob;
SET ROLE regress_bob;
SELECT ayb_jobs.enqueue('alice definer') AS id \gset
SELECT count(*) AS bob_sees FROM ayb_jobs.jobs WHERE id = :'id';
SET ROLE regress_alice;
SELECT wait_for(:'id', 'completed');
SELECT run_as, enqueued_by, result FROM ayb_jobs.jobs WHERE id = :'id';
-- who enqueued it sees it, and may cancel it; whose keys it has, and nothing else of its owner's
SELECT ayb_jobs.enqueue('alice definer', run_at => 'tomorrow', idempotency_key => 'k') AS own \gset
SET ROLE regress_bob;
SELECT state, result FROM ayb_jobs.jobs WHERE id = :'id';
SELECT id, is_new FROM ayb_jobs.enqueue_or_find('alice definer', run_at => 'tomorrow', idempotency_key => 'k') \gset
SELECT :'is_new' AS is_new, (SELECT f.id = :'id' AND NOT f.is_new FROM ayb_jobs.enqueue_or_find('alice definer', idempotency_key => 'k') AS f) AS found_again,
       (SELECT f.id = :'id' AND NOT f.is_new FROM ayb_jobs.enqueue_or_find('another', idempotency_key => 'k') AS f) AS of_another_type;
SELECT run_as, count(*) FROM ayb_jobs.job_keys WHERE idempotency_key = 'k' GROUP BY 1;
SELECT refused(format($$SELECT ayb_jobs.%s(%L)$$, f, :'id')) FROM unnest('{run_now,retry_now}'::text[]) AS f;
SELECT refused(format($$SELECT ayb_jobs.set_priority(%L, 1)$$, :'id'));
SELECT refused(format($$SELECT ayb_jobs.cancel(%L)$$, :'own'));
SELECT ayb_jobs.cancel_many(ARRAY[:'own', :'id']::uuid[]);
SELECT state, run_as, enqueued_by FROM ayb_jobs.jobs WHERE id = :'id';
SELECT ayb_jobs.enqueue('alice definer', run_at => 'tomorrow') AS id \gset
SELECT ayb_jobs.run_now_matching('alice definer'), ayb_jobs.cancel_matching('alice definer');
SET ROLE regress_alice;
SELECT state FROM ayb_jobs.cancel(:'own');
REVOKE EXECUTE ON FUNCTION alice.who() FROM PUBLIC;
SET ROLE regress_bob;
SELECT refused($$SELECT ayb_jobs.enqueue('alice definer')$$);
RESET ROLE;
SELECT refused($$SELECT ayb_jobs.register_handler('x', 'SELECT 1', 'command', definer => true)$$);
SELECT refused($$SELECT ayb_jobs.register_handler('x', kind => 'external', definer => true)$$);
-- what is queued waits, uncharged, while who enqueued it may not execute the function: seen at the run
CREATE VIEW distrusted WITH (security_invoker) AS
SELECT type, phase, waits_for, attempts, runs, enqueued_by, count(*) FROM ayb_jobs.jobs
WHERE type = 'alice definer' AND state = 'queued' GROUP BY 1, 2, 3, 4, 5, 6;
GRANT SELECT ON distrusted TO PUBLIC;
SET ROLE regress_alice;
GRANT EXECUTE ON FUNCTION alice.who() TO regress_bob;
SELECT ayb_jobs.pause('alice definer');
SET ROLE regress_bob;
SELECT count(*) FROM ayb_jobs.enqueue_many('alice definer', array_fill('{}'::jsonb, '{1500}'));
SELECT ayb_jobs.enqueue('alice definer') AS id \gset
SET ROLE regress_alice;
SELECT ayb_jobs.enqueue('alice definer') AS own \gset
REVOKE EXECUTE ON FUNCTION alice.who() FROM regress_bob;
SELECT ayb_jobs.resume('alice definer');
SELECT wait_for(:'own', 'completed');
SELECT wait_until('(SELECT every(waits_for IS NOT NULL) FROM distrusted)');
RESET ROLE;
TABLE distrusted;
SELECT status, detail, hint FROM ayb_jobs.health() WHERE name = 'trust';
DELETE FROM ayb_jobs.job_queue WHERE type = 'alice definer' AND id <> :'id';
-- to run it by hand changes nothing of that
SELECT phase FROM ayb_jobs.run_now(:'id');
-- and they go on when the right is back: by a membership, too
GRANT EXECUTE ON FUNCTION alice.who() TO regress_admin;
GRANT regress_admin TO regress_bob;
SELECT wait_until('NOT EXISTS (TABLE distrusted)');
SELECT wait_for(:'id', 'completed');
SELECT attempts, runs, enqueued_by, result FROM ayb_jobs.jobs WHERE id = :'id';
SELECT status FROM ayb_jobs.health() WHERE name = 'trust';
-- a job is bound to the function, and to whose the type is
SELECT ayb_jobs.pause('alice definer');
SET ROLE regress_bob;
SELECT ayb_jobs.enqueue('alice definer') AS id \gset
SET ROLE regress_alice;
CREATE FUNCTION alice.other() RETURNS text LANGUAGE sql AS 'SELECT ''other''';
REVOKE EXECUTE ON FUNCTION alice.other() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION alice.other() TO regress_bob;
SELECT type FROM ayb_jobs.register_handler('alice definer', 'alice.other()', definer => true);
SELECT ayb_jobs.resume('alice definer');
SELECT wait_until('(SELECT every(waits_for IS NOT NULL) FROM distrusted)');
RESET ROLE;
TABLE distrusted;
SELECT detail, regexp_replace(hint, '[0-9a-f]{8}-[-0-9a-f]*', '<uuid>') AS hint FROM ayb_jobs.health() WHERE name = 'trust';
SELECT ayb_jobs.unregister_handler('alice definer');
SELECT phase FROM ayb_jobs.jobs WHERE id = :'id';
SELECT type FROM ayb_jobs.register_handler('alice definer', 'alice.who()');
SELECT owner FROM ayb_jobs.register_handler('of bob', 'alice.who()', owner => 'regress_bob');
SELECT owner FROM ayb_jobs.register_handler('of bob', 'alice.who()', owner => 'regress_alice');
SELECT ayb_jobs.unregister_handler('of bob');
GRANT USAGE ON SCHEMA alice TO regress_admin;
SET ROLE regress_admin;
SELECT owner FROM ayb_jobs.register_handler('alice definer', 'alice.who()', definer => true);
SELECT ayb_jobs.enqueue('alice definer') AS own \gset
SELECT wait_for(:'own', 'completed');
SELECT result FROM ayb_jobs.jobs WHERE id = :'own';
TABLE distrusted;
SELECT ayb_jobs.unregister_handler('alice definer');
-- the same registration again carries it
SET ROLE regress_alice;
SELECT type FROM ayb_jobs.register_handler('alice definer', 'alice.who()', definer => true, timeout => '1 minute');
SELECT wait_for(:'id', 'completed');
RESET ROLE;
SELECT attempts, runs, result FROM ayb_jobs.jobs WHERE id = :'id';
REVOKE regress_admin FROM regress_bob;
REVOKE USAGE ON SCHEMA alice FROM regress_admin;
DROP VIEW distrusted;
-- a command runs for who registered it, and not as another
SET ROLE regress_alice;
SELECT type FROM ayb_jobs.register_handler('alice command', 'SELECT 1', 'command');
SET ROLE regress_bob;
SELECT refused($$SELECT ayb_jobs.enqueue('alice command')$$);
RESET ROLE;
SELECT refused($$SELECT ayb_jobs.enqueue('alice command')$$);
-- an admin may replace and unregister; the type is the admin's then
SET ROLE regress_admin;
SELECT type FROM ayb_jobs.register_handler('alice', kind => 'external');
SELECT owner, kind FROM ayb_jobs.handlers WHERE type = 'alice';
SELECT ayb_jobs.unregister_handler('alice definer');
SET ROLE regress_alice;
SELECT refused($$SELECT ayb_jobs.unregister_handler('alice')$$);
-- a member of the owner is as the owner
RESET ROLE;
GRANT regress_alice TO regress_bob;
SET ROLE regress_bob;
SELECT ayb_jobs.unregister_handler('alice command');
RESET ROLE;
REVOKE regress_alice FROM regress_bob;

SELECT count(ayb_jobs.unregister_handler(type)) > 0 AS all_gone FROM (SELECT type FROM ayb_jobs.handlers WHERE NOT builtin) AS t;
SELECT count(*) FROM ayb_jobs.handlers WHERE NOT builtin;
DROP FUNCTION given, given_nothing, "Odd schema"."Odd name", overloaded(), overloaded(jsonb), overloaded(text), held, slow, shared,
              alice.who, bob.who;
DROP SCHEMA "Odd schema";
DROP TABLE made;
REVOKE USAGE ON SCHEMA alice, bob FROM PUBLIC;
TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_keys, ayb_jobs.job_attempts;

-- A session keeps the handlers that it has asked for, and no others: of ten thousand types it reads one row. What it keeps
-- of types that nobody has registered has a bound.
CREATE VIEW read AS SELECT coalesce(sum(idx_tup_fetch), 0) AS fetched, coalesce(sum(seq_tup_read), 0) AS scanned
FROM pg_stat_xact_all_tables WHERE relid = 'ayb_jobs.handlers'::regclass;
INSERT INTO ayb_jobs.handlers (type, kind, owner) SELECT 'many' || n, 'external', 'postgres'::regrole FROM generate_series(1, 10000) AS n;
\c -
BEGIN;
SELECT fetched, scanned FROM read \gset
SELECT count(ayb_jobs.enqueue('many' || n)) FROM generate_series(1, 3) AS n;
SELECT fetched - :fetched AS fetched, scanned - :scanned AS scanned FROM read;
SELECT sum(used_bytes) < 65536 AS little FROM pg_backend_memory_contexts WHERE name = 'ayb_jobs configuration';
ROLLBACK;
-- one changes: what is used is read again, a row each, and no more
UPDATE ayb_jobs.handlers SET max_attempts = 3 WHERE type = 'many10000';
BEGIN;
SELECT fetched, scanned FROM read \gset
SELECT count(ayb_jobs.enqueue('many' || n % 3 + 1)) FROM generate_series(1, 200) AS n;
SELECT fetched - :fetched AS fetched, scanned - :scanned AS scanned FROM read;
ROLLBACK;
SET client_min_messages = warning;
BEGIN;
SELECT count(ayb_jobs.enqueue('unknown' || n)) FROM generate_series(1, 3000) AS n;
SELECT sum(used_bytes) < 3000000 AS bounded FROM pg_backend_memory_contexts WHERE name = 'ayb_jobs configuration';
ROLLBACK;
RESET client_min_messages;
DELETE FROM ayb_jobs.handlers WHERE type LIKE 'many%';
DROP VIEW read;
