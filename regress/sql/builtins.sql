-- The types that come with the extension.
SELECT type, kind, command, owner = (SELECT extowner FROM pg_extension WHERE extname = 'ayb_jobs') AS extension_owner
FROM ayb_jobs.handlers WHERE builtin ORDER BY type;
-- an ordinary role can't replace one; an admin may, and what was there comes back
SET ROLE regress_alice;
SELECT refused($$SELECT ayb_jobs.register_handler('command', 'now()')$$);
RESET ROLE;
SELECT type FROM ayb_jobs.register_handler('command', 'VACUUM pg_class', kind => 'command');
SELECT kind, command, builtin FROM ayb_jobs.handlers WHERE type = 'command';
SELECT ayb_jobs.unregister_handler('command');
SELECT kind, command, builtin FROM ayb_jobs.handlers WHERE type = 'command';
SELECT refused($$SELECT ayb_jobs.unregister_handler('delete_expired')$$);

-- command: as the role that ordered it, at top level
CREATE TABLE filled AS SELECT generate_series(1, 10) AS n;
SELECT ayb_jobs.enqueue('command', '{"command": "VACUUM (ANALYZE) filled"}') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT result FROM ayb_jobs.jobs WHERE id = :'id';
SELECT ayb_jobs.enqueue('command', '{"command": "DELETE FROM filled WHERE n > 7"}') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT result FROM ayb_jobs.jobs WHERE id = :'id';
SET ROLE regress_alice;
SELECT ayb_jobs.enqueue('command', '{"command": "DELETE FROM public.filled"}', max_attempts => 1) AS id \gset
RESET ROLE;
SELECT wait_for(:'id', 'failed');
SELECT last_error FROM ayb_jobs.jobs WHERE id = :'id';
SELECT ayb_jobs.enqueue('command', payload, max_attempts => 1) AS id INTO TEMPORARY bad
FROM unnest(ARRAY['{}', 'null', '{"command": 1}', '{"command": ""}', '{"command": "BEGIN"}', '{"command": "SELECT 1; SELECT 2"}']::jsonb[]) AS payload;
SELECT wait_for(id, 'failed') FROM bad;
SELECT j.payload, j.last_error FROM bad JOIN ayb_jobs.jobs AS j USING (id) ORDER BY j.id;
DROP TABLE bad, filled;

-- delete_expired: in batches, what is older; partitions and children too
CREATE TABLE visits (id int, seen_at timestamptz) PARTITION BY RANGE (id);
CREATE TABLE visits_a PARTITION OF visits FOR VALUES FROM (0) TO (500);
CREATE TABLE visits_b PARTITION OF visits FOR VALUES FROM (500) TO (2000);
INSERT INTO visits SELECT i, now() - i * interval '1 hour' FROM generate_series(0, 999) AS i;
INSERT INTO visits VALUES (1000, NULL), (1001, 'infinity');
SELECT ayb_jobs.enqueue('delete_expired', '{"table": "public.visits", "column": "seen_at", "older_than": "10 days", "batch_size": 100, "pause": "1 ms"}') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT result FROM ayb_jobs.jobs WHERE id = :'id';
SELECT count(*), min(seen_at) > now() - interval '10 days 1 hour' AS kept, count(*) FILTER (WHERE seen_at IS NULL) AS nulls FROM visits;
-- refusals
SELECT ayb_jobs.enqueue('delete_expired', payload, max_attempts => 1, run_as => 'regress_alice') AS id INTO TEMPORARY bad
FROM unnest(ARRAY['{}', '{"table": "public.nothing", "column": "seen_at", "older_than": "1 day"}',
                  '{"table": "public.visits", "column": "id", "older_than": "1 day"}', '{"table": "public.visits", "column": "seen_at", "older_than": "-1 day"}',
                  '{"table": "public.visits", "column": "seen_at", "older_than": "1 day"}', '{"table": "x y; DROP TABLE visits", "column": "seen_at", "older_than": "1 day"}']::jsonb[]) AS payload;
SELECT wait_for(id, 'failed') FROM bad;
-- (the last one: up to 15 PostgreSQL refuses to look for such a name)
SELECT replace(j.last_error, 'invalid name syntax (SQLSTATE 42602)', 'table x y; DROP TABLE visits does not exist (SQLSTATE 42P01)') AS last_error
FROM bad JOIN ayb_jobs.jobs AS j USING (id) ORDER BY j.id;
GRANT SELECT, DELETE ON visits, visits_a, visits_b TO regress_alice;
SELECT ayb_jobs.enqueue('delete_expired', payload, max_attempts => 1, run_as => 'regress_alice') AS id INTO TEMPORARY bad2
FROM unnest(ARRAY['{"table": "public.visits", "column": "seen_at", "older_than": "-1 day"}', '{"table": "public.visits", "column": "seen_at", "older_than": "1 day", "batch_size": 0}',
                  '{"table": "public.visits", "column": "seen_at; --", "older_than": "1 day"}']::jsonb[]) AS payload;
SELECT wait_for(id, 'failed') FROM bad2;
SELECT j.last_error FROM bad2 JOIN ayb_jobs.jobs AS j USING (id) ORDER BY j.id;
SELECT count(*) FROM visits;
DROP TABLE bad, bad2, visits;

-- a key that a type doesn't know is refused, whoever makes the job: what was meant would be passed over
SELECT refused(format('SELECT ayb_jobs.enqueue(%L, %L)', type, payload)) FROM (VALUES
    ('command', '{"comand": "SELECT 1"}'), ('command', '[]'), ('materialized_view_refresh', '{"shema": "x", "view_name": "v"}'),
    ('delete_expired', '{"table": "t", "column": "c", "older_than": "1 day", "batchsize": 5}'), ('stale_session_cleanup', '{"schema name": "x"}'),
    ('webhook_delivery_prune', '{"retention_days": 1}'), ('expired_oauth_cleanup', '"x"'), ('expired_auth_cleanup', '{"": 1}'),
    ('stale_session_cleanup', '{"schema": "a", "schema_name": "b"}')) AS v (type, payload);
SELECT refused($$SELECT ayb_jobs.enqueue_many('stale_session_cleanup', ARRAY['{}', '{"schemaName": "x"}']::jsonb[])$$);
SELECT refused($$SELECT ayb_jobs.create_schedule('typo', 'stale_session_cleanup', '@daily', payload => '{"schemas": "x"}')$$);
SELECT (ayb_jobs.create_schedule('right', 'stale_session_cleanup', '@daily', payload => '{"schema_name": "x"}')).id AS schedule \gset
SELECT refused(format($$SELECT ayb_jobs.update_schedule(%L, payload => '{"schemas": "x"}')$$, :'schedule'));
SELECT ayb_jobs.delete_schedule(:'schedule');
SELECT type FROM ayb_jobs.register_handler('stale_session_cleanup', kind => 'external');
-- (not due: once the type is the built-in one again, our workers would take it)
SELECT ayb_jobs.enqueue('stale_session_cleanup', '{"own": "keys"}', now() + interval '1 day') IS NOT NULL AS replaced_takes_what_it_likes;
SELECT ayb_jobs.unregister_handler('stale_session_cleanup');
TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_attempts;
-- every built-in type has its check
SELECT type, refused(format('SELECT ayb_jobs.enqueue(%L, %L)', type, '{"no such key": 1}')) ~ '^22023' AS checked FROM ayb_jobs.handlers WHERE builtin ORDER BY type;
-- what is named is what is cleaned, by the documented name and by AYB's; rows that come another way than by enqueue() still run
CREATE SCHEMA tenant;
CREATE TABLE tenant._ayb_sessions AS SELECT i AS id, now() - interval '1 hour' AS expires_at FROM generate_series(1, 3) AS i;
CREATE TABLE _ayb_sessions AS TABLE tenant._ayb_sessions;
SELECT ayb_jobs.enqueue('stale_session_cleanup', '{"schema_name": "tenant"}') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT (SELECT count(*) FROM tenant._ayb_sessions) AS tenant, (SELECT count(*) FROM _ayb_sessions) AS public;
INSERT INTO ayb_jobs.job_queue (type, payload, run_at, max_attempts) VALUES ('stale_session_cleanup', '{"schema": "public", "from": "elsewhere"}', now(), 1) RETURNING id \gset
SELECT wait_for(:'id', 'completed');
SELECT count(*) FROM _ayb_sessions;
CREATE MATERIALIZED VIEW tenant.mv AS SELECT now() AS at WITH NO DATA;
CREATE MATERIALIZED VIEW mv AS SELECT now() AS at WITH NO DATA;
SELECT ayb_jobs.enqueue('materialized_view_refresh', '{"schema_name": "tenant", "view_name": "mv"}') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT oid::regclass AS view, relispopulated FROM pg_class WHERE relname = 'mv' ORDER BY relnamespace::regnamespace::text;
DELETE FROM ayb_jobs.matview_refreshes WHERE schema_name = 'tenant';
DROP MATERIALIZED VIEW mv;
DROP TABLE _ayb_sessions;
DROP SCHEMA tenant CASCADE;

-- AYB's four: without their tables they say so
SELECT type, ayb_jobs.enqueue(type) AS id INTO TEMPORARY made
FROM unnest(ARRAY['stale_session_cleanup', 'webhook_delivery_prune', 'expired_oauth_cleanup', 'expired_auth_cleanup']) AS type;
SELECT wait_for(id, 'completed') FROM made;
SELECT type, result FROM made JOIN ayb_jobs.jobs AS j USING (id, type) ORDER BY type;
DROP TABLE made;
-- and with them, exactly what has ended
CREATE TABLE _ayb_sessions AS SELECT i AS id, now() + i * interval '1 minute' AS expires_at FROM generate_series(-5, 5) AS i WHERE i <> 0;
CREATE TABLE _ayb_webhook_deliveries AS SELECT i AS id, now() - i * interval '1 day' AS delivered_at FROM generate_series(1, 10) AS i;
CREATE TABLE _ayb_oauth_tokens AS SELECT * FROM (VALUES
    (1, now() + interval '1 hour', NULL::timestamptz), (2, now() - interval '1 hour', NULL), (3, now() - interval '25 hours', NULL),
    (4, now() + interval '1 hour', now() - interval '1 hour'), (5, now() + interval '1 hour', now() - interval '25 hours')) AS t (id, expires_at, revoked_at);
CREATE TABLE _ayb_oauth_authorization_codes AS SELECT id, expires_at, revoked_at AS used_at FROM _ayb_oauth_tokens;
CREATE TABLE _ayb_magic_links AS SELECT i AS id, now() + i * interval '1 minute' AS expires_at FROM generate_series(-3, 3) AS i WHERE i <> 0;
CREATE TABLE _ayb_password_resets AS SELECT i AS id, now() + i * interval '1 minute' AS expires_at FROM generate_series(-2, 2) AS i WHERE i <> 0;
SELECT type, ayb_jobs.enqueue(type, payload) AS id INTO TEMPORARY made FROM (VALUES
    ('stale_session_cleanup', '{}'::jsonb), ('webhook_delivery_prune', '{}'), ('expired_oauth_cleanup', '{}'), ('expired_auth_cleanup', '{}')) AS v (type, payload);
SELECT wait_for(id, 'completed') FROM made;
SELECT type, result FROM made JOIN ayb_jobs.jobs AS j USING (id, type) ORDER BY type;
SELECT array_agg(id ORDER BY id) FROM _ayb_sessions;
SELECT array_agg(id ORDER BY id) FROM _ayb_webhook_deliveries;
SELECT array_agg(id ORDER BY id) FROM _ayb_oauth_tokens;
SELECT array_agg(id ORDER BY id) FROM _ayb_oauth_authorization_codes;
SELECT array_agg(id ORDER BY id) FROM _ayb_magic_links;
SELECT array_agg(id ORDER BY id) FROM _ayb_password_resets;
SELECT ayb_jobs.enqueue('webhook_delivery_prune', '{"retention_hours": 48}') AS id \gset
SELECT wait_for(:'id', 'completed');
SELECT array_agg(id ORDER BY id) FROM _ayb_webhook_deliveries;
SELECT ayb_jobs.enqueue('webhook_delivery_prune', '{"retention_hours": -1}', max_attempts => 1) AS id \gset
SELECT wait_for(:'id', 'failed');
SELECT last_error FROM ayb_jobs.jobs WHERE id = :'id';
DROP TABLE made, _ayb_sessions, _ayb_webhook_deliveries, _ayb_oauth_tokens, _ayb_oauth_authorization_codes, _ayb_magic_links, _ayb_password_resets;
TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_attempts;
