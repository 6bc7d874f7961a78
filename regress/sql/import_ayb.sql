-- Taking over AYB's own tables, made by its column list.
CREATE SCHEMA ayb;
CREATE TABLE ayb._ayb_job_schedules (id uuid PRIMARY KEY, name text NOT NULL UNIQUE, job_type text NOT NULL, payload jsonb, cron_expr text NOT NULL,
    timezone text NOT NULL, enabled boolean NOT NULL, max_attempts int NOT NULL, next_run_at timestamptz, last_run_at timestamptz,
    created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
CREATE TABLE ayb._ayb_jobs (id uuid PRIMARY KEY, type text NOT NULL, payload jsonb, state text NOT NULL, run_at timestamptz NOT NULL, lease_until timestamptz,
    worker_id text, attempts int NOT NULL, max_attempts int NOT NULL, last_error text, last_run_at timestamptz, idempotency_key text,
    schedule_id uuid REFERENCES ayb._ayb_job_schedules ON DELETE SET NULL, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
    completed_at timestamptz, canceled_at timestamptz);
CREATE TABLE ayb._ayb_matview_refreshes (id uuid PRIMARY KEY, schema_name text NOT NULL, view_name text NOT NULL, refresh_mode text NOT NULL,
    last_refresh_at timestamptz, last_refresh_duration_ms bigint, last_refresh_status text, last_refresh_error text,
    created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
INSERT INTO ayb._ayb_job_schedules VALUES
    ('00000000-0000-4000-8000-000000000001', 'ayb hourly', 'ayb_type', '{"a": 1}', '0 * * * *', 'Europe/Berlin', true, 5, '2100-01-01', '2020-01-01', '2019-01-01', '2019-02-01'),
    ('00000000-0000-4000-8000-000000000002', 'ayb off', 'ayb_type', NULL, '@daily', 'UTC', false, 3, NULL, NULL, '2019-01-01', '2019-02-01');
INSERT INTO ayb._ayb_jobs
SELECT format('00000000-0000-4000-9000-%s', lpad(n::text, 12, '0'))::uuid, 'ayb_type', jsonb_build_object('n', n), state, '2100-01-01', lease, worker, attempts, 5,
       error, '2020-01-02', key, schedule, now() - interval '1 day', now() - interval '1 day', completed, canceled
FROM (VALUES
    (1, 'queued', NULL::timestamptz, NULL, 0, NULL, 'k1', '00000000-0000-4000-8000-000000000001'::uuid, NULL::timestamptz, NULL::timestamptz),
    (2, 'running', now(), 'ayb-worker', 1, NULL, 'k2', NULL, NULL, NULL),
    (3, 'failed', NULL, NULL, 5, 'it broke', NULL, NULL, NULL, NULL),
    (4, 'canceled', NULL, NULL, 0, NULL, NULL, NULL, NULL, now() - interval '1 hour'),
    (5, 'completed', NULL, 'ayb-worker', 1, NULL, 'k5', '00000000-0000-4000-8000-000000000001', now() - interval '3 days', NULL),
    (6, 'completed', NULL, 'ayb-worker', 1, NULL, 'k6', NULL, now() - interval '300 days', NULL),
    (7, 'queued', NULL, NULL, 0, NULL, 'taken', NULL, NULL, NULL),
    (8, 'queued', NULL, NULL, 0, NULL, repeat('k', 300), NULL, NULL, NULL))
    AS j (n, state, lease, worker, attempts, error, key, schedule, completed, canceled);
CREATE MATERIALIZED VIEW ayb.mv AS SELECT 1 AS one;
ALTER MATERIALIZED VIEW ayb.mv OWNER TO regress_alice;
INSERT INTO ayb._ayb_matview_refreshes VALUES
    ('00000000-0000-4000-a000-000000000001', 'ayb', 'mv', 'concurrent', '2020-01-01', 12, 'error', 'ERROR: division by zero (SQLSTATE 22012)', '2019-01-01', '2019-02-01'),
    ('00000000-0000-4000-a000-000000000002', 'ayb', 'gone', 'standard', NULL, NULL, NULL, NULL, '2019-01-01', '2019-02-01');
SELECT type FROM ayb_jobs.register_handler('ayb_type', kind => 'external');
SELECT ayb_jobs.enqueue('ayb_type', '"ours"', '2100-01-01', 'taken') IS NOT NULL AS ours;
SELECT refused($$SELECT ayb_jobs.import_ayb('nowhere')$$);
SET ROLE regress_admin;
SELECT refused($$SELECT ayb_jobs.import_ayb('ayb')$$);
RESET ROLE;
SELECT * FROM ayb_jobs.import_ayb('ayb');
SELECT right(id::text, 2) AS id, name, job_type, payload, cron_expr, timezone, enabled, max_attempts, next_run_at = '2100-01-01' AS next, last_run_at = '2020-01-01' AS last,
       run_as, updated_at = '2019-02-01' AS updated FROM ayb_jobs.schedules ORDER BY name;
SELECT right(j.id::text, 2) AS id, j.state, j.waits_for, j.worker_id, j.lease_until, j.attempts, j.max_attempts, j.runs, j.last_error, j.idempotency_key, right(j.schedule_id::text, 2) AS schedule,
       j.payload, j.run_as, j.enqueued_by, (j.run_at, j.last_run_at, j.created_at) = (a.run_at, a.last_run_at, a.created_at) AS times,
       j.completed_at IS NOT DISTINCT FROM a.completed_at AS completed, j.canceled_at IS NOT DISTINCT FROM a.canceled_at AS canceled
FROM ayb_jobs.jobs AS j JOIN ayb._ayb_jobs AS a USING (id) ORDER BY j.id;
SELECT right(id::text, 2) AS id, schema_name, view_name, refresh_mode, run_as, last_refresh_at = '2020-01-01' AS last, last_refresh_duration_ms, last_refresh_status, last_refresh_error,
       updated_at = '2019-02-01' AS updated FROM ayb_jobs.matview_refreshes ORDER BY id;
-- a key stays taken
SELECT right(ayb_jobs.enqueue('ayb_type', idempotency_key => 'k5')::text, 2) AS of_completed, right(ayb_jobs.enqueue('ayb_type', idempotency_key => 'k1')::text, 2) AS of_queued;
-- twice harmless, also when what was taken over is gone
SELECT * FROM ayb_jobs.import_ayb('ayb');
DELETE FROM ayb_jobs.job_queue WHERE id = '00000000-0000-4000-9000-000000000001';
SELECT ayb_jobs.delete_schedule('00000000-0000-4000-8000-000000000002');
INSERT INTO ayb._ayb_jobs SELECT gen_random_uuid(), type, payload, state, run_at, lease_until, worker_id, attempts, max_attempts, last_error, last_run_at, NULL, NULL,
    created_at, updated_at, completed_at, canceled_at FROM ayb._ayb_jobs WHERE state = 'failed';
SELECT * FROM ayb_jobs.import_ayb('ayb');
SELECT count(*) FROM ayb_jobs.jobs WHERE type = 'ayb_type';
-- what was taken over works
SELECT state, attempts FROM ayb_jobs.retry_now('00000000-0000-4000-9000-000000000003');
SELECT count(*) FROM ayb_jobs.claim('w', '{ayb_type}', 100);
-- what it brings runs, also with keys that enqueue() would refuse
INSERT INTO ayb._ayb_jobs VALUES ('00000000-0000-4000-9000-000000000099', 'webhook_delivery_prune', '{"retention_hours": 48, "comment": "AYB passes this over"}',
    'queued', now(), NULL, NULL, 0, 3, NULL, NULL, NULL, NULL, now(), now(), NULL, NULL);
SELECT jobs FROM ayb_jobs.import_ayb('ayb');
SELECT wait_for('00000000-0000-4000-9000-000000000099', 'completed');
SELECT ayb_jobs.delete_schedule(id) FROM ayb_jobs.schedules;
SELECT ayb_jobs.unregister_matview(id) FROM ayb_jobs.matview_refreshes;
SELECT ayb_jobs.unregister_handler('ayb_type');
SET client_min_messages = warning;
DROP SCHEMA ayb CASCADE;
TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_keys, ayb_jobs.job_attempts, ayb_jobs.imports;
