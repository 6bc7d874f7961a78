-- enqueue(options => …): a deadline, and meta.
SELECT type FROM ayb_jobs.register_handler('optional', kind => 'external');
CREATE FUNCTION show_meta() RETURNS jsonb LANGUAGE sql AS $$ SELECT (ayb_jobs.current_job()).meta $$;
SELECT type FROM ayb_jobs.register_handler('show meta', 'show_meta()');
-- unknown keys are refused by name
SELECT refused($$SELECT ayb_jobs.enqueue('optional', options => '{"expires": "2100-01-01"}')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('optional', options => '[]')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('optional', options => '{"expires_at": 1}')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('optional', options => '{"expires_at": "soon"}')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('optional', options => '{"expires_at": "infinity"}')$$);
SELECT refused($$SELECT ayb_jobs.enqueue('optional', options => '{"meta": [1]}')$$);
SELECT refused(format($$SELECT ayb_jobs.enqueue('optional', options => '{"meta": {"x": "%s"}}')$$, repeat('x', 9000)));
SELECT refused($$SELECT FROM ayb_jobs.enqueue_many('[{"type": "optional"}, {"type": "optional", "options": {"expires": 1}}]')$$);
SELECT count(*) FROM ayb_jobs.jobs WHERE type = 'optional';

-- meta: to handlers, to workers outside, into the history; the setting is merged in
SELECT ayb_jobs.enqueue('show meta', options => '{"meta": {"trace": "a"}}') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT meta, result FROM ayb_jobs.jobs WHERE id = :'id';
SET ayb_jobs.meta = '{"trace": "session", "tenant": 7}';
SELECT ayb_jobs.enqueue('optional', options => '{"meta": {"trace": "job"}}') IS NOT NULL AS own, ayb_jobs.enqueue('optional') IS NOT NULL AS plain;
SELECT count(*) FROM ayb_jobs.enqueue_many('optional', '{"1","2"}', options => '{"meta": {"many": true}}');
SELECT is_new FROM ayb_jobs.enqueue_or_find('optional', idempotency_key => 'optional', options => '{"expires_at": "2100-01-01"}');
SELECT count(*) FROM ayb_jobs.enqueue_many('[{"type": "optional", "options": {"meta": {"object": true}, "expires_at": null}}, {"type": "optional", "options": {"meta": null}}]');
SELECT meta FROM ayb_jobs.claim('w', '{optional}', 10);
SELECT expires_at IS NOT NULL AS expires, meta FROM ayb_jobs.job_queue WHERE idempotency_key = 'optional';
SET ayb_jobs.meta = '7';
SELECT refused($$SELECT ayb_jobs.enqueue('optional')$$);
SET ayb_jobs.meta = 'none';
SELECT refused($$SELECT ayb_jobs.enqueue('optional')$$);
RESET ayb_jobs.meta;
-- also where only a statement may write
CREATE TABLE written (id uuid);
CREATE FUNCTION note_written() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER note_written AFTER INSERT ON ayb_jobs.job_queue FOR EACH ROW EXECUTE FUNCTION note_written();
SELECT ayb_jobs.enqueue('optional', delay => '1 h', options => '{"expires_at": "2100-01-01 00:00+00", "meta": {"by": "statement"}}') AS id \gset
SELECT expires_at = '2100-01-01 00:00+00' AS expires, meta FROM ayb_jobs.job_queue WHERE id = :'id';
DROP TRIGGER note_written ON ayb_jobs.job_queue;
DROP TABLE written;
SELECT ayb_jobs.cancel_matching('optional');

-- A deadline that is over: whoever would take the job cancels it, outside, by lease and in a group, and takes the next.
SELECT ayb_jobs.enqueue('optional', '1', options => jsonb_build_object('expires_at', now())) AS late, ayb_jobs.enqueue('optional', '2', options => '{"expires_at": "2100-01-01"}') AS id \gset
SELECT payload FROM ayb_jobs.claim('w', '{optional}', 1);
SELECT state, runs, attempts, last_error LIKE 'it had not been started by 20__-__-__T%' AS why, canceled_at IS NOT NULL AS canceled FROM ayb_jobs.jobs WHERE id = :'late';
-- one that was started is not stopped by it
UPDATE ayb_jobs.job_queue SET expires_at = created_at WHERE id = :'id';
SELECT state FROM ayb_jobs.fail(:'id', 'w', 1, 'broken', '0');
SELECT payload FROM ayb_jobs.claim('w', '{optional}', 1);
SELECT state FROM ayb_jobs.complete(:'id', 'w', 2);
-- by hand it runs after all
SELECT state FROM ayb_jobs.run_now(:'late');
SELECT payload FROM ayb_jobs.claim('w', '{optional}', 1);
SELECT state FROM ayb_jobs.complete(:'late', 'w', 1);
SELECT ayb_jobs.pause('show meta');
SELECT count(*) FROM ayb_jobs.enqueue_many('show meta', array_fill('{"late": true}'::jsonb, '{1200}'), options => jsonb_build_object('expires_at', now()));
SELECT ayb_jobs.enqueue('show meta', '{"late": false}') AS id \gset
SELECT ayb_jobs.resume('show meta');
SELECT wait_for(:'id', 'completed');
SELECT wait_until($$NOT EXISTS (SELECT FROM ayb_jobs.jobs WHERE type = 'show meta' AND state = 'queued')$$);
SELECT payload, state, count(*) FROM ayb_jobs.jobs WHERE type = 'show meta' AND payload ? 'late' GROUP BY payload, state ORDER BY payload;
SELECT ayb_jobs.unregister_handler(type) FROM ayb_jobs.handlers WHERE type IN ('optional', 'show meta');
