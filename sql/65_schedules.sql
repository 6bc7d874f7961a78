CREATE FUNCTION ayb_jobs.cron_next(expr text, timezone text DEFAULT 'UTC', after timestamptz DEFAULT NULL)
    RETURNS timestamptz LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ayb_jobs_cron_next';
COMMENT ON FUNCTION ayb_jobs.cron_next(text, text, timestamptz) IS
    'the first instant strictly after another (now by default) at which a cron expression runs in a time zone; NULL if it never does';

CREATE FUNCTION ayb_jobs.cron_preview(expr text, timezone text DEFAULT 'UTC', count integer DEFAULT 5,
                                      after timestamptz DEFAULT NULL)
    RETURNS SETOF timestamptz LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ayb_jobs_cron_preview';
COMMENT ON FUNCTION ayb_jobs.cron_preview(text, text, integer, timestamptz) IS
    'the next instants at which a cron expression runs in a time zone';

CREATE FUNCTION ayb_jobs.cron_describe(expr text, timezone text DEFAULT NULL) RETURNS text
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ayb_jobs_cron_describe';
COMMENT ON FUNCTION ayb_jobs.cron_describe(text, text) IS 'what a cron expression does, in plain English';

CREATE FUNCTION ayb_jobs_internal.describe_rule(expr text, timezone text) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN ayb_jobs.cron_describe(expr, timezone);
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ayb_jobs_internal.describe_rule(text, text) IS
    'the same for a list of schedules, whose rules or zones may be invalid by now: NULL then';

CREATE FUNCTION ayb_jobs.create_schedule(name text, job_type text, cron_expr text, timezone text DEFAULT 'UTC',
                                         payload jsonb DEFAULT '{}', enabled boolean DEFAULT true,
                                         max_attempts integer DEFAULT NULL, overlap text DEFAULT 'skip',
                                         missed text DEFAULT 'once', run_as name DEFAULT NULL,
                                         replace boolean DEFAULT false)
    RETURNS ayb_jobs.schedules LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_create_schedule';
COMMENT ON FUNCTION ayb_jobs.create_schedule(text, text, text, text, jsonb, boolean, integer, text, text, name, boolean) IS
    'adds a schedule: each tick of its cron expression enqueues a job that runs as the current role; or with replace makes the one of this name such a schedule';

CREATE FUNCTION ayb_jobs.update_schedule(id uuid, cron_expr text DEFAULT NULL, timezone text DEFAULT NULL,
                                         payload jsonb DEFAULT NULL, enabled boolean DEFAULT NULL,
                                         max_attempts integer DEFAULT NULL, overlap text DEFAULT NULL,
                                         missed text DEFAULT NULL, keep_next_run_at boolean DEFAULT false,
                                         run_as name DEFAULT NULL)
    RETURNS ayb_jobs.schedules LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_update_schedule';
COMMENT ON FUNCTION ayb_jobs.update_schedule(uuid, text, text, jsonb, boolean, integer, text, text, boolean, name) IS
    'changes what is given of a schedule, and leaves what is NULL; disabling clears next_run_at unless it is to be kept';

CREATE FUNCTION ayb_jobs.enable_schedule(id uuid) RETURNS ayb_jobs.schedules
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_enable_schedule';
COMMENT ON FUNCTION ayb_jobs.enable_schedule(uuid) IS 'lets a schedule tick, from now on';

CREATE FUNCTION ayb_jobs.disable_schedule(id uuid) RETURNS ayb_jobs.schedules
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_disable_schedule';
COMMENT ON FUNCTION ayb_jobs.disable_schedule(uuid) IS 'stops a schedule; its jobs go on';

CREATE FUNCTION ayb_jobs.delete_schedule(id uuid) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_delete_schedule';
COMMENT ON FUNCTION ayb_jobs.delete_schedule(uuid) IS 'removes a schedule; its jobs stay';

CREATE FUNCTION ayb_jobs.run_schedule_now(id uuid) RETURNS ayb_jobs.jobs
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_run_schedule_now';
COMMENT ON FUNCTION ayb_jobs.run_schedule_now(uuid) IS
    'enqueues a job of a schedule now, whether or not that is enabled or has one already';

-- The same by name. Whoever has an id as a text, as a program has, comes here too.
CREATE FUNCTION ayb_jobs_internal.schedule_id(schedule text) RETURNS uuid
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_schedule_id';
COMMENT ON FUNCTION ayb_jobs_internal.schedule_id(text) IS
    'the id of the schedule that has this id or, where none has, this name';

CREATE FUNCTION ayb_jobs.update_schedule(schedule text, cron_expr text DEFAULT NULL, timezone text DEFAULT NULL,
                                         payload jsonb DEFAULT NULL, enabled boolean DEFAULT NULL,
                                         max_attempts integer DEFAULT NULL, overlap text DEFAULT NULL,
                                         missed text DEFAULT NULL, keep_next_run_at boolean DEFAULT false,
                                         run_as name DEFAULT NULL)
    RETURNS ayb_jobs.schedules LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
    RETURN ayb_jobs.update_schedule(ayb_jobs_internal.schedule_id(schedule), cron_expr, timezone, payload, enabled,
                                    max_attempts, overlap, missed, keep_next_run_at, run_as);
COMMENT ON FUNCTION ayb_jobs.update_schedule(text, text, text, jsonb, boolean, integer, text, text, boolean, name) IS
    'changes what is given of a schedule, which is named by its name or its id, and leaves what is NULL';

CREATE FUNCTION ayb_jobs.enable_schedule(schedule text) RETURNS ayb_jobs.schedules
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
    RETURN ayb_jobs.enable_schedule(ayb_jobs_internal.schedule_id(schedule));
COMMENT ON FUNCTION ayb_jobs.enable_schedule(text) IS 'lets the schedule of this name or id tick, from now on';

CREATE FUNCTION ayb_jobs.disable_schedule(schedule text) RETURNS ayb_jobs.schedules
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
    RETURN ayb_jobs.disable_schedule(ayb_jobs_internal.schedule_id(schedule));
COMMENT ON FUNCTION ayb_jobs.disable_schedule(text) IS 'stops the schedule of this name or id; its jobs go on';

CREATE FUNCTION ayb_jobs.delete_schedule(schedule text) RETURNS void
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
    RETURN ayb_jobs.delete_schedule(ayb_jobs_internal.schedule_id(schedule));
COMMENT ON FUNCTION ayb_jobs.delete_schedule(text) IS 'removes the schedule of this name or id; its jobs stay';

CREATE FUNCTION ayb_jobs.run_schedule_now(schedule text) RETURNS ayb_jobs.jobs
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
    RETURN ayb_jobs.run_schedule_now(ayb_jobs_internal.schedule_id(schedule));
COMMENT ON FUNCTION ayb_jobs.run_schedule_now(text) IS
    'enqueues a job of the schedule of this name or id now, whether or not that is enabled or has one already';

-- What came of a job, as people ask: the job of a refresh completes however that went, and has it in its result.
CREATE FUNCTION ayb_jobs_internal.job_outcome(phase text, type text, result jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    RETURN CASE WHEN type <> 'materialized_view_refresh' OR phase <> 'completed' OR result ->> 'status' IS NULL THEN phase
                WHEN result ->> 'status' = 'error' THEN 'failed' WHEN result ->> 'status' = 'skipped' THEN 'skipped' ELSE phase END;
COMMENT ON FUNCTION ayb_jobs_internal.job_outcome(text, text, jsonb) IS
    'a job''s phase, but failed or skipped where it was a refresh that was';

-- Completed jobs have no index by schedule: they are looked for among the newest of its type.
CREATE FUNCTION ayb_jobs.schedule_runs(schedule text, max integer DEFAULT 10, OUT job_id uuid, OUT scheduled_at timestamptz,
                                       OUT outcome text, OUT started_at timestamptz, OUT duration_ms double precision,
                                       OUT runs integer, OUT error text)
    RETURNS SETOF record LANGUAGE sql VOLATILE ROWS 10 SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
    WITH named AS MATERIALIZED (
        SELECT s.id, s.job_type FROM ayb_jobs.schedules AS s
        WHERE s.id = (SELECT ayb_jobs_internal.schedule_id(schedule))
    ), recent AS (
        (SELECT q.id FROM ayb_jobs.job_queue AS q WHERE q.schedule_id = (SELECT n.id FROM named AS n)
         ORDER BY q.id DESC LIMIT max)
        UNION ALL
        SELECT h.id FROM (
            SELECT h.id, h.schedule_id FROM ayb_jobs.job_history AS h WHERE h.type = (SELECT n.job_type FROM named AS n)
            ORDER BY h.id DESC LIMIT 10000) AS h
        WHERE h.schedule_id = (SELECT n.id FROM named AS n)
    )
    SELECT j.id, j.scheduled_at, ayb_jobs_internal.job_outcome(j.phase, j.type, j.result), coalesce(a.started_at, j.last_run_at),
           (extract(epoch FROM coalesce(a.finished_at, j.completed_at, CASE WHEN j.state = 'running' THEN ayb_jobs_internal.now() END)
                               - coalesce(a.started_at, j.last_run_at)) * 1000)::double precision,
           j.runs, CASE WHEN j.state <> 'completed' THEN j.last_error
                        WHEN j.type = 'materialized_view_refresh' THEN j.result ->> 'error' END
    FROM ayb_jobs.jobs AS j
    -- Of one that hasn't completed it is its last attempt that took time.
    LEFT JOIN LATERAL (SELECT t.started_at, t.finished_at FROM ayb_jobs.job_attempts AS t
                       WHERE t.job_id = j.id AND j.state IN ('queued', 'failed', 'canceled')
                       ORDER BY t.finished_at DESC LIMIT 1) AS a ON true
    WHERE j.id = ANY (ARRAY(SELECT r.id FROM recent AS r ORDER BY r.id DESC LIMIT max)) ORDER BY j.id DESC;
END;
COMMENT ON FUNCTION ayb_jobs.schedule_runs(text, integer) IS
    'what came of the newest jobs of the schedule of this name or id; completed ones as far as they are among the newest 10,000 of its type';

CREATE FUNCTION ayb_jobs.schedule_runs(id uuid, max integer DEFAULT 10, OUT job_id uuid, OUT scheduled_at timestamptz,
                                       OUT outcome text, OUT started_at timestamptz, OUT duration_ms double precision,
                                       OUT runs integer, OUT error text)
    RETURNS SETOF record LANGUAGE sql VOLATILE ROWS 10 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT r.* FROM ayb_jobs.schedule_runs(id::text, max) AS r;
END;
COMMENT ON FUNCTION ayb_jobs.schedule_runs(uuid, integer) IS 'what came of the newest jobs of a schedule';

-- A job that isn't in the queue has completed: as long as no failed one is old enough to have been removed, that needs no look at
-- the history, which may keep nothing. Ids begin with the milliseconds of their creation.
CREATE FUNCTION ayb_jobs_internal.last_jobs(ids uuid[], OUT place bigint, OUT id uuid, OUT enqueued_at timestamptz,
                                            OUT outcome text, OUT error text)
    RETURNS SETOF record LANGUAGE sql STABLE ROWS 8 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT i.place, i.id, i.at,
           CASE WHEN q.state IS NOT NULL THEN q.state
                WHEN i.at > ayb_jobs_internal.now() - current_setting('ayb_jobs.failed_retention')::interval
                     OR current_setting('ayb_jobs.failed_retention')::interval = '0' THEN 'completed'
                ELSE (SELECT 'completed' FROM ayb_jobs.job_history AS h WHERE h.id = i.id LIMIT 1) END, q.last_error
    FROM (SELECT u.place, u.id,
                 to_timestamp(('x' || translate(left(u.id::text, 13), '-', ''))::bit(48)::bigint / 1000.0) AS at
          FROM unnest(ids) WITH ORDINALITY AS u (id, place)) AS i
    LEFT JOIN LATERAL (SELECT k.state, k.last_error FROM ayb_jobs.job_queue AS k WHERE k.id = i.id LIMIT 1) AS q ON true;
END;
COMMENT ON FUNCTION ayb_jobs_internal.last_jobs(uuid[]) IS 'what became of these jobs, by their place; NULL where that isn''t known any more';

CREATE FUNCTION ayb_jobs_internal.schedule_outcome(schedule ayb_jobs.schedules, OUT last_job uuid, OUT last_outcome text,
                                                   OUT last_job_error text, OUT failures integer, OUT last_success_at timestamptz)
    RETURNS record LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH ended AS MATERIALIZED (
        SELECT j.* FROM ayb_jobs_internal.last_jobs((schedule).last_jobs) AS j WHERE j.outcome IS DISTINCT FROM 'queued' AND j.outcome IS DISTINCT FROM 'running'
    ), newest AS (
        SELECT e.* FROM ended AS e ORDER BY e.place LIMIT 1
    ), good AS (
        SELECT e.place, e.enqueued_at FROM ended AS e WHERE e.outcome = 'completed' ORDER BY e.place LIMIT 1
    ), refresh AS (
        SELECT m.last_refresh_error AS error FROM ayb_jobs.matview_refreshes AS m
        WHERE (schedule).job_type = 'materialized_view_refresh' AND m.last_refresh_status = 'error'
          AND m.view_name = (schedule).payload ->> 'view_name'
          AND m.schema_name = coalesce((schedule).payload ->> 'schema_name', (schedule).payload ->> 'schema', 'public')
    )
    SELECT n.id, CASE WHEN r.error IS NOT NULL AND n.outcome = 'completed' THEN 'failed' ELSE n.outcome END, coalesce(n.error, r.error),
           (SELECT count(*) FROM ended AS e
            WHERE e.outcome = 'failed' AND e.place < coalesce((SELECT g.place FROM good AS g), 9))::integer
               + (r.error IS NOT NULL AND n.outcome = 'completed')::integer,
           CASE WHEN r.error IS NULL THEN (SELECT g.enqueued_at FROM good AS g) END
    FROM (SELECT 1) AS one LEFT JOIN newest AS n ON true LEFT JOIN refresh AS r ON true;
END;
COMMENT ON FUNCTION ayb_jobs_internal.schedule_outcome(ayb_jobs.schedules) IS 'what came of the last jobs of a schedule';

CREATE VIEW ayb_jobs.schedule_outcomes WITH (security_invoker = true) AS
SELECT s.id, s.name, s.job_type, s.enabled, s.next_run_at, o.last_job, o.last_outcome, o.last_job_error, o.failures, o.last_success_at
FROM ayb_jobs.schedules AS s CROSS JOIN LATERAL ayb_jobs_internal.schedule_outcome(s) AS o;
COMMENT ON VIEW ayb_jobs.schedule_outcomes IS 'the schedules, and what came of the last jobs of each';
COMMENT ON COLUMN ayb_jobs.schedule_outcomes.last_job IS 'the newest of its last eight jobs that has ended';
COMMENT ON COLUMN ayb_jobs.schedule_outcomes.last_outcome IS
    'what came of it: completed, failed or canceled; NULL where that isn''t known any more, or none has ended yet';
COMMENT ON COLUMN ayb_jobs.schedule_outcomes.failures IS 'how many of its last eight jobs have failed since the last good one';
COMMENT ON COLUMN ayb_jobs.schedule_outcomes.last_success_at IS 'when the last of its last eight jobs that completed was enqueued';

CREATE FUNCTION ayb_jobs.create_default_schedules() RETURNS SETOF ayb_jobs.schedules
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH missing AS MATERIALIZED (
        SELECT d.* FROM (VALUES ('session_cleanup_hourly', 'stale_session_cleanup', '0 * * * *'),
                                ('webhook_delivery_prune_daily', 'webhook_delivery_prune', '0 3 * * *'),
                                ('expired_oauth_cleanup_daily', 'expired_oauth_cleanup', '0 4 * * *'),
                                ('expired_auth_cleanup_daily', 'expired_auth_cleanup', '0 5 * * *'))
            AS d (name, job_type, cron_expr)
        WHERE NOT EXISTS (SELECT FROM ayb_jobs.schedules AS s WHERE s.name = d.name)
    )
    SELECT s.* FROM missing AS m
    CROSS JOIN LATERAL ayb_jobs.create_schedule(m.name, m.job_type, m.cron_expr, max_attempts => 3) AS s;
END;
COMMENT ON FUNCTION ayb_jobs.create_default_schedules() IS
    'adds the schedules that AYB comes with, and gives back those that were not there yet';
