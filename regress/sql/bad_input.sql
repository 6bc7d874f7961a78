-- Every refusal: SQLSTATE, message, detail and hint; and nothing is changed by any of them.
SELECT type FROM ayb_jobs.register_handler('outside', kind => 'external');
CREATE FUNCTION good(payload jsonb) RETURNS void LANGUAGE sql AS '';
SELECT type FROM ayb_jobs.register_handler('inside', 'good(jsonb)');
-- One job in each state that waits for nobody.
SELECT ayb_jobs.enqueue('outside', '{"n": 1}') AS queued \gset
SELECT ayb_jobs.enqueue('outside', '{"n": 2}') AS canceled \gset
SELECT state FROM ayb_jobs.cancel(:'canceled');
SELECT ayb_jobs.enqueue('outside', '{"n": 3}', '2000-01-01', max_attempts => 1) AS failed \gset
SELECT id = :'failed' AS claimed FROM ayb_jobs.claim('w', '{outside}');
SELECT state FROM ayb_jobs.fail(:'failed', 'w', 1, 'on purpose');
SELECT ayb_jobs.enqueue('outside', '{"n": 4}', '2000-01-01') AS completed \gset
SELECT id = :'completed' AS claimed FROM ayb_jobs.claim('w', '{outside}');
SELECT state FROM ayb_jobs.complete(:'completed', 'w', 1);
SELECT ayb_jobs.enqueue('outside', '{"n": 5}', '2000-01-01') AS running \gset
SELECT id = :'running' AS claimed FROM ayb_jobs.claim('w', '{outside}', 1, '1 day');
SELECT gen_random_uuid() AS unknown \gset
SELECT books() AS before \gset
\pset format unaligned
\pset tuples_only on

-- enqueue
SELECT refused($$SELECT ayb_jobs.enqueue(NULL)$$);
SELECT refused($$SELECT ayb_jobs.enqueue('')$$);
SELECT refused($$SELECT ayb_jobs.enqueue(repeat('x', 101))$$);
SELECT refused($$SELECT ayb_jobs.enqueue(repeat('x', 1000000))$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', NULL)$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', '{')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', to_jsonb(repeat('x', 200 * 1024 * 1024)))$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', to_jsonb(repeat('x', 16 * 1024 * 1024)))$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', run_at => 'infinity')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', run_at => '-infinity')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', run_at => '1999-12-31 23:59:59.999999+00')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', run_at => '4713-01-01 00:00:00+00 BC')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', run_at => '10000-01-01 00:00:00+00')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', run_at => '294276-12-31 00:00:00+00')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', delay => '-1 ms')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', delay => '9000 years')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', delay => '178000000 years')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', run_at => now(), delay => '1 s')$$);
SELECT refused($$SELECT ayb_jobs.enqueue_many('outside', '{1}', delay => '-1 s')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', max_attempts => 0)$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', priority => -5)$$);
SELECT refused($$SELECT ayb_jobs.set_priority(ayb_jobs.enqueue('outside'), 5)$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', max_attempts => -2147483648)$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', idempotency_key => '')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', idempotency_key => repeat('k', 256))$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', idempotency_key => repeat('ü', 128))$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', idempotency_key => repeat('k', 1024 * 1024))$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', partition_key => '')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', partition_key => repeat('ü', 128))$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', partition_key => repeat('k', 1024 * 1024))$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', idempotency_key => 'k', partition_key => '')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('outside', run_as => 'regress_no_such_role')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('inside', run_as => 'regress_nologin')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('no handler', run_as => 'regress_nologin')$$);

-- enqueue_many
SELECT refused($$SELECT ayb_jobs.enqueue_many(NULL, '{}')$$);
SELECT refused($$SELECT ayb_jobs.enqueue_many('', '{}')$$);
SELECT refused($$SELECT ayb_jobs.enqueue_many('outside', NULL)$$);
SELECT refused($$SELECT ayb_jobs.enqueue_many('outside', ARRAY['1', NULL]::jsonb[])$$);
SELECT refused($$SELECT ayb_jobs.enqueue_many('outside', ARRAY[NULL]::jsonb[])$$);
SELECT refused($$SELECT ayb_jobs.enqueue_many('outside', ARRAY[['1'], ['2']]::jsonb[])$$);
SELECT refused($$SELECT ayb_jobs.enqueue_many('outside', ARRAY['1', to_jsonb(repeat('x', 16 * 1024 * 1024))])$$);
SELECT refused($$SELECT ayb_jobs.enqueue_many('outside', ARRAY['1']::jsonb[], 'infinity')$$);
SELECT refused($$SELECT ayb_jobs.enqueue_many('outside', '{1}', partition_keys => '{}')$$);
SELECT refused($$SELECT ayb_jobs.enqueue_many('outside', '{1}', partition_keys => '{a,b}')$$);
SELECT refused($$SELECT ayb_jobs.enqueue_many('outside', '{1,2}', partition_keys => '{{a,b}}')$$);
SELECT refused($$SELECT ayb_jobs.enqueue_many('outside', '{1,2}', partition_keys => ARRAY[NULL, ''])$$);
SELECT refused($$SELECT ayb_jobs.enqueue_many('[{"type": "outside"}, {"type": "outside", "partition_key": ""}]')$$);

-- cancel, retry_now: ids that are unknown or in another state
SELECT refused(format('SELECT ayb_jobs.cancel(%L)', :'unknown'));
SELECT refused(format('SELECT ayb_jobs.cancel(%L, true)', :'unknown'));
SELECT refused(format('SELECT ayb_jobs.cancel(%L)', 'not a uuid'));
SELECT refused(format('SELECT ayb_jobs.cancel(%L)', :'running'));
SELECT refused(format('SELECT ayb_jobs.cancel(%L)', :'canceled'));
SELECT refused(format('SELECT ayb_jobs.cancel(%L)', :'failed'));
SELECT refused(format('SELECT ayb_jobs.cancel(%L, true)', :'failed'));
SELECT refused(format('SELECT ayb_jobs.cancel(%L)', :'completed'));
SELECT refused(format('SELECT ayb_jobs.cancel(%L, true)', :'completed'));
SELECT refused(format('SELECT ayb_jobs.retry_now(%L)', :'unknown'));
SELECT refused(format('SELECT ayb_jobs.retry_now(%L)', :'queued'));
SELECT refused(format('SELECT ayb_jobs.retry_now(%L)', :'running'));
SELECT refused(format('SELECT ayb_jobs.retry_now(%L)', :'canceled'));
SELECT refused(format('SELECT ayb_jobs.retry_now(%L)', :'completed'));
SELECT refused($$SELECT ayb_jobs.cancel_matching('')$$);
SELECT refused($$SELECT ayb_jobs.retry_matching(repeat('x', 101))$$);
SELECT refused($$SELECT ayb_jobs.cancel_many(NULL)$$);
SELECT refused($$SELECT ayb_jobs.retry_many(NULL)$$);
SELECT refused($$SELECT ayb_jobs.cancel(NULL)$$);
SELECT refused(format('SELECT ayb_jobs.cancel(%L, NULL)', :'queued'));
SELECT refused($$SELECT ayb_jobs.retry_now(NULL)$$);
SELECT count(*) FROM ayb_jobs.attempts(NULL);
SELECT count(*) FROM ayb_jobs.attempts(:'unknown');

-- claim
SELECT refused($$SELECT ayb_jobs.claim(NULL, '{outside}')$$);
SELECT refused($$SELECT ayb_jobs.claim('', '{outside}')$$);
SELECT refused($$SELECT ayb_jobs.claim(repeat('w', 256), '{outside}')$$);
SELECT refused($$SELECT ayb_jobs.claim('w', NULL)$$);
SELECT refused($$SELECT ayb_jobs.claim('w', ARRAY['outside', NULL])$$);
SELECT refused($$SELECT ayb_jobs.claim('w', '{outside}', NULL)$$);
SELECT refused($$SELECT ayb_jobs.claim('w', '{outside}', 0)$$);
SELECT refused($$SELECT ayb_jobs.claim('w', '{outside}', -1)$$);
SELECT refused($$SELECT ayb_jobs.claim('w', '{outside}', 10001)$$);
SELECT refused($$SELECT ayb_jobs.claim('w', '{outside}', 1, '0')$$);
SELECT refused($$SELECT ayb_jobs.claim('w', '{outside}', 1, '-1 s')$$);
SELECT refused($$SELECT ayb_jobs.claim('w', '{outside}', 1, '367 days')$$);
SELECT refused($$SELECT ayb_jobs.claim('w', '{outside}', 1, '178000000 years')$$);
-- no such type, one that runs inside, none at all: no error, and no job
SELECT count(*) FROM ayb_jobs.claim('w', ARRAY['no handler', 'inside', '', repeat('x', 101)]);
SELECT count(*) FROM ayb_jobs.claim('w', '{}');

-- wait_for_jobs, which can't be called in a function
SELECT refused($$CALL ayb_jobs.wait_for_jobs('{outside}')$$);
CALL ayb_jobs.wait_for_jobs(NULL);
CALL ayb_jobs.wait_for_jobs(ARRAY['outside', NULL]);
CALL ayb_jobs.wait_for_jobs('{outside}', NULL);
CALL ayb_jobs.wait_for_jobs('{outside}', '-1 s');
CALL ayb_jobs.wait_for_jobs(ARRAY['no handler', 'inside', '', repeat('x', 101)], '0');
CALL ayb_jobs.wait_for_jobs('{}', '0');
SELECT refused(format('CALL ayb_jobs.wait_for_job(%L)', :'failed'));
CALL ayb_jobs.wait_for_job(NULL);
CALL ayb_jobs.wait_for_job(:'failed', NULL);
CALL ayb_jobs.wait_for_job(:'failed', '-1 s');
CALL ayb_jobs.wait_for_job(:'failed', '0');

-- complete, fail, extend: NULLs, unknown ids, wrong states, and who doesn't hold the attempt
SELECT refused($$SELECT ayb_jobs.complete(NULL, 'w', 1)$$);
SELECT refused(format('SELECT ayb_jobs.complete(%L, NULL, 1)', :'running'));
SELECT refused(format('SELECT ayb_jobs.complete(%L, %L, 1)', :'running', ''));
SELECT refused(format('SELECT ayb_jobs.complete(%L, %L, NULL)', :'running', 'w'));
SELECT refused(format('SELECT ayb_jobs.complete(%L, %L, 1, to_jsonb(repeat(%L, 16 * 1024 * 1024)))', :'running', 'w', 'x'));
SELECT refused(format('SELECT ayb_jobs.%s', call))
FROM unnest(ARRAY['complete(%1$L, %2$L, %3$s)', 'fail(%1$L, %2$L, %3$s, %4$L)', 'extend(%1$L, %2$L, %3$s)']) WITH ORDINALITY AS f (form, n)
CROSS JOIN LATERAL (VALUES (1, :'unknown', 'w', 1), (2, :'queued', 'w', 1), (3, :'canceled', 'w', 1),
                           (4, :'failed', 'w', 1), (5, :'completed', 'w', 1), (6, :'running', 'another', 1),
                           (7, :'running', 'W', 1), (8, :'running', 'w', 0), (9, :'running', 'w', 2)) AS a (m, id, worker, attempt)
CROSS JOIN LATERAL format(form, id, worker, attempt, 'error') AS call
ORDER BY f.n, a.m;
SELECT refused(format('SELECT ayb_jobs.fail(%L, %L, 1, NULL)', :'running', 'w'));
SELECT refused(format('SELECT ayb_jobs.fail(%L, %L, 1, %L, %L)', :'running', 'w', 'error', '-1 s'));
SELECT refused($$SELECT ayb_jobs.fail(NULL, 'w', 1, 'error')$$);
SELECT refused($$SELECT ayb_jobs.extend(NULL, 'w', 1)$$);
SELECT refused(format('SELECT ayb_jobs.extend(%L, %L, 1, %L)', :'running', 'w', '0'));
SELECT refused(format('SELECT ayb_jobs.extend(%L, %L, 1, %L)', :'running', 'w', '-1 day'));
SELECT refused(format('SELECT ayb_jobs.fail(%L, %L, 1, %L, %L)', :'running', 'w', 'error', '285000 years'));
SELECT refused($$SELECT ayb_jobs.register_handler('patient', kind => 'external', backoff => '{1 s, 285000 years}')$$);
SELECT refused(format('SELECT ayb_jobs.extend(%L, %L, 1, %L)', :'running', 'w', '10 years'));

-- handlers
CREATE FUNCTION takes_text(payload text) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION takes_two(payload jsonb, more jsonb) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION takes_json(payload json) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION gives_set(payload jsonb) RETURNS SETOF text LANGUAGE sql AS 'SELECT ''''';
CREATE FUNCTION gives_table(payload jsonb) RETURNS TABLE (a int) LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION gives_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE PROCEDURE is_procedure(payload jsonb) LANGUAGE sql AS '';
CREATE AGGREGATE is_aggregate(jsonb) (SFUNC = jsonb_concat, STYPE = jsonb);
CREATE TABLE is_table ();
SELECT handler, refused(format('SELECT ayb_jobs.register_handler(%L, %L)', 'new', handler))
FROM unnest(ARRAY['no_such', 'no_such(jsonb)', 'no_such.good(jsonb)', 'no_such.good', 'a.b.c.d', '', ' ', 'not a name',
                  'is_table', 'takes_text(text)', 'takes_text', 'takes_two(jsonb, jsonb)', 'takes_json(json)', 'gives_set(jsonb)',
                  'gives_table(jsonb)', 'gives_trigger()', 'is_procedure(jsonb)', 'is_aggregate(jsonb)', 'row_number()',
                  'SELECT 1', '1234567']) AS handler;
-- not even a signature: up to 15 in PostgreSQL's words
SELECT handler, refused(format('SELECT ayb_jobs.register_handler(%L, %L)', 'new', handler)) ~ '^(42602|22P02|42704|42883): ' AS refused
FROM unnest(ARRAY['(', 'good(', 'good(no_such)']) AS handler;
SELECT options, refused(format('SELECT ayb_jobs.register_handler(%L, %L, definer => %L, options => %L)', 'new', 'good(jsonb)', options <> '{"enqueuer_sees": false}', options))
FROM unnest(ARRAY['[]', '1', '{"enqueuer_sees": 0}', '{"enqueuer_sees": "no"}', '{"enqueuer_sees": false, "enquerer_sees": true}', '{"": {}}', '{"enqueuer_sees": false}']) AS options;
SELECT refused($$SELECT ayb_jobs.register_handler(NULL, 'good(jsonb)')$$);
SELECT refused($$SELECT ayb_jobs.register_handler('', 'good(jsonb)')$$);
SELECT refused($$SELECT ayb_jobs.register_handler(repeat('x', 101), 'good(jsonb)')$$);
SELECT refused($$SELECT ayb_jobs.register_handler('new')$$);
SELECT refused($$SELECT ayb_jobs.register_handler('new', NULL, 'command')$$);
SELECT refused($$SELECT ayb_jobs.register_handler('new', 'good(jsonb)', NULL)$$);
SELECT refused($$SELECT ayb_jobs.register_handler('new', 'good(jsonb)', 'Function')$$);
SELECT refused($$SELECT ayb_jobs.register_handler('new', 'good(jsonb)', 'external')$$);
SELECT refused($$SELECT ayb_jobs.register_handler('new', 'good(jsonb)', timeout => '0')$$);
SELECT refused($$SELECT ayb_jobs.register_handler('new', 'good(jsonb)', timeout => '-1 s')$$);
SELECT refused($$SELECT ayb_jobs.register_handler('new', 'good(jsonb)', timeout => '1 us')$$);
SELECT refused($$SELECT ayb_jobs.register_handler('new', 'good(jsonb)', max_attempts => 0)$$);
SELECT refused($$SELECT ayb_jobs.register_handler('new', 'good(jsonb)', priority => 5)$$);
SELECT refused($$SELECT ayb_jobs.set_limit('outside')$$);
SELECT refused($$SELECT ayb_jobs.set_limit('outside', running => 0)$$);
SELECT refused($$SELECT ayb_jobs.set_limit('outside', starts => -1, per => '1 s')$$);
SELECT refused($$SELECT ayb_jobs.set_limit('outside', starts => 1)$$);
SELECT refused($$SELECT ayb_jobs.set_limit('outside', running => 1, per => '1 s')$$);
SELECT refused($$SELECT ayb_jobs.set_limit('outside', running_per_key => 0)$$);
SELECT refused($$SELECT ayb_jobs.set_limit('outside', starts_per_key => -1, per => '1 s')$$);
SELECT refused($$SELECT ayb_jobs.set_limit('outside', starts_per_key => 1)$$);
SELECT refused($$SELECT ayb_jobs.set_limit('outside', running_per_key => 1, per => '1 s')$$);
SELECT refused($$SELECT ayb_jobs.set_limit('outside', starts => 1, per => '0')$$);
SELECT refused($$SELECT ayb_jobs.set_limit('outside', starts => 1, per => '61 min')$$);
SELECT refused($$SELECT ayb_jobs.set_limit('outside', running_per_key => 2, ordered => true)$$);
SELECT refused($$SELECT ayb_jobs.set_limit('outside', ordered => NULL)$$);
SELECT refused($$SELECT ayb_jobs.set_limit(NULL, running => 1)$$);
SELECT refused($$SELECT ayb_jobs.set_limit('misspelt', running => 1)$$);
SELECT refused($$SELECT ayb_jobs.set_limit('misspelt', running => 0)$$);
SET SESSION AUTHORIZATION regress_alice;
SELECT refused($$SELECT ayb_jobs.set_limit('misspelt', running => 1)$$);
RESET SESSION AUTHORIZATION;
-- One that has jobs, a pause, or a limit may get its handler later.
BEGIN;
SELECT ayb_jobs.pause('later');
SELECT running FROM ayb_jobs.set_limit('later', running => 1);
SELECT ayb_jobs.resume('later');
SELECT running FROM ayb_jobs.set_limit('later', running => 2);
SELECT ayb_jobs.clear_limit('later');
SELECT ayb_jobs.enqueue('later') IS NOT NULL;
SELECT running FROM ayb_jobs.set_limit('later', running => 3);
ROLLBACK;
SELECT refused($$SELECT ayb_jobs.register_handler('new', 'good(jsonb)', backoff => '{}')$$);
SELECT refused($$SELECT ayb_jobs.register_handler('new', 'good(jsonb)', backoff => '{1 s, NULL}')$$);
SELECT refused($$SELECT ayb_jobs.register_handler('new', 'good(jsonb)', backoff => '{1 s, -1 s}')$$);
SELECT refused($$SELECT ayb_jobs.register_handler('new', 'good(jsonb)', backoff => '{{1 s}, {2 s}}')$$);
SELECT refused($$SELECT ayb_jobs.register_handler('new', 'good(jsonb)', backoff => array_fill(interval '1 s', '{10000}'))$$);
SELECT refused($$SELECT ayb_jobs.register_handler('new', 'good(jsonb)', definer => NULL)$$);
SELECT refused($$SELECT ayb_jobs.register_handler('new', 'good(jsonb)', grouped => NULL)$$);
SELECT handler, refused(format('SELECT ayb_jobs.register_handler(%L, %L, %L)', 'new', handler, 'command'))
FROM unnest(ARRAY['', '--', ';', 'SELEKT 1', 'SELECT 1; SELECT 2', 'BEGIN', 'COMMIT', 'ROLLBACK', 'SAVEPOINT s', 'PREPARE TRANSACTION ''x''',
                  'COPY pg_class FROM STDIN', 'COPY pg_class TO STDOUT']) AS handler;
SELECT refused($$SELECT ayb_jobs.unregister_handler(NULL)$$);
SELECT refused($$SELECT ayb_jobs.unregister_handler('')$$);
SELECT refused($$SELECT ayb_jobs.unregister_handler('no handler')$$);

-- stopping, and what is for handlers only
SELECT refused($$SELECT ayb_jobs.pause('')$$);
SELECT refused($$SELECT ayb_jobs.resume(repeat('x', 101))$$);
SELECT refused($$SELECT ayb_jobs.drain('0')$$);
SELECT refused($$SELECT ayb_jobs.drain('-1 s')$$);
SELECT ayb_jobs.current_job() IS NULL;
SELECT refused($$SELECT ayb_jobs.set_progress(50)$$);
SELECT refused($$SELECT ayb_jobs.set_progress(NULL)$$);
SELECT refused($$SELECT ayb_jobs.set_progress(-1)$$);
SELECT refused($$SELECT ayb_jobs.set_progress(101)$$);

-- looking
SELECT count(*) FROM ayb_jobs.events(NULL);
SELECT count(*) FROM ayb_jobs.events(-1, -1);
SELECT count(*) FROM ayb_jobs.events(9223372036854775807);
SELECT refused($$SELECT * FROM ayb_jobs.series(step => '0')$$);
SELECT refused($$SELECT * FROM ayb_jobs.series(step => '1 month')$$);
SELECT refused($$SELECT * FROM ayb_jobs.series(since => '2090-01-01', step => '1 month')$$);
SELECT refused($$SET ayb_jobs.no_such_setting = 1$$);
SELECT refused($$SET ayb_jobs.max_attempts = 0$$);
SELECT refused($$SET ayb_jobs.enabled = off$$);

-- a read-only transaction writes nothing
BEGIN READ ONLY;
SELECT refused($$SELECT ayb_jobs.enqueue('outside')$$);
SELECT refused(format('SELECT ayb_jobs.cancel(%L)', :'queued'));
SELECT refused($$SELECT ayb_jobs.claim('w', '{outside}')$$);
COMMIT;

\pset tuples_only off
SELECT books() = :'before' AS nothing_changed;
\pset format aligned

-- the job that was claimed is still its worker's
SELECT state FROM ayb_jobs.complete(:'running', 'w', 1);

-- A handler that is changed or dropped after it was registered: refused at enqueue already.
DROP FUNCTION good(jsonb);
SELECT refused($$SELECT ayb_jobs.enqueue('inside')$$);
CREATE FUNCTION good(payload jsonb) RETURNS SETOF int LANGUAGE sql AS 'SELECT 1';
SELECT refused($$SELECT ayb_jobs.enqueue('inside')$$);
DROP FUNCTION good(jsonb);
-- Dropped while a job waits: it waits on, uncharged, and health() names what ends that.
CREATE FUNCTION good(payload jsonb) RETURNS void LANGUAGE sql AS '';
SELECT ayb_jobs.pause('inside');
SELECT ayb_jobs.enqueue('inside', max_attempts => 1) AS id \gset
DROP FUNCTION good(jsonb);
SELECT ayb_jobs.resume('inside');
SELECT wait_until($$(SELECT status = 'error' FROM ayb_jobs.health() WHERE name = 'trust')$$);
SELECT status, detail, hint FROM ayb_jobs.health() WHERE name = 'trust';
CREATE FUNCTION good(payload jsonb) RETURNS void LANGUAGE sql AS '';
SELECT (ayb_jobs.register_handler('inside', 'good(jsonb)')).owner;
SELECT wait_for(:'id', 'completed');
SELECT attempts, last_error FROM ayb_jobs.jobs WHERE id = :'id';
SELECT status FROM ayb_jobs.health() WHERE name = 'trust';
DROP FUNCTION good(jsonb);

SELECT ayb_jobs.unregister_handler('inside'), ayb_jobs.unregister_handler('outside');
DROP FUNCTION takes_text, takes_two, takes_json, gives_set, gives_table, gives_trigger;
DROP PROCEDURE is_procedure;
DROP AGGREGATE is_aggregate(jsonb);
DROP TABLE is_table;
TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_keys, ayb_jobs.job_attempts;

-- which argument it is, for programs
CREATE FUNCTION wrong_argument(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    argument text;
BEGIN
    EXECUTE 'SELECT ayb_jobs.' || call;
    RETURN 'ACCEPTED';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS argument = COLUMN_NAME;
    RETURN argument;
END
$$;
SELECT call, wrong_argument(call) FROM unnest(ARRAY[
    'register_handler(''x'', kind => ''odd'')', 'register_handler(''x'')', 'register_handler(''x'', ''f'', ''external'')',
    'register_handler(''x'', ''pg_catalog.now()'', backoff => ''{}'')', 'register_handler(''x'', ''pg_catalog.now()'', backoff => ''{-1s}'')',
    'set_progress(101)', 'register_matview('''')', 'register_matview(''a b'')', 'register_matview(''a'', ''a b'')',
    'register_matview(''a'', refresh_mode => ''odd'')', 'register_matview(''a'', lock_timeout => ''-1s'')',
    'claim('''', ''{outside}'')', 'claim(''w'', ''{NULL}'')', 'claim(''w'', ''{outside}'', 0)', 'claim(''w'', ''{outside}'', lease => ''367 d'')',
    'cron_preview(''@daily'', count => 0)', 'create_schedule(''x'', ''x'', ''@daily'', overlap => ''odd'')',
    'enqueue(''x'', options => ''{"expires_at": "soon"}'')', 'enqueue(''x'', options => ''{"meta": 1}'')', 'enqueue(''x'', options => ''{"odd": 1}'')']) WITH ORDINALITY AS c (call, n) ORDER BY n;
DROP FUNCTION wrong_argument;
