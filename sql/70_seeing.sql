CREATE FUNCTION ayb_jobs.workers(OUT pid integer, OUT worker_id text, OUT role regrole, OUT state text,
                                 OUT since timestamptz, OUT job_id uuid, OUT type text, OUT attempt integer,
                                 OUT job_since timestamptz, OUT percent integer, OUT note text,
                                 OUT is_outside boolean, OUT types text[], OUT jobs integer, OUT lease_until timestamptz,
                                 OUT last_seen_at timestamptz)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_workers';
COMMENT ON FUNCTION ayb_jobs.workers() IS
    'the workers of this database, and those outside that hold jobs of it or wait for some, and what each is at';

-- For what asks of our own, and needn't look for leases.
CREATE FUNCTION ayb_jobs_internal.inside_workers(OUT pid integer, OUT worker_id text, OUT role regrole, OUT state text,
                                                 OUT since timestamptz, OUT job_id uuid, OUT type text, OUT attempt integer,
                                                 OUT job_since timestamptz, OUT percent integer, OUT note text)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_inside_workers';
COMMENT ON FUNCTION ayb_jobs_internal.inside_workers() IS 'those of workers() that are processes of the server';

-- Since when isn't told of the sessions of every role, but a worker says it itself.
CREATE VIEW ayb_jobs_internal.refresh_locks WITH (security_invoker = true) AS
SELECT l.classid::bigint << 32 | l.objid::bigint AS key, min(coalesce(w.job_since, a.query_start)) AS since
FROM pg_catalog.pg_locks AS l
LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
LEFT JOIN ayb_jobs_internal.inside_workers() AS w ON w.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
GROUP BY 1;
COMMENT ON VIEW ayb_jobs_internal.refresh_locks IS 'advisory locks of this database, by key: those of refreshes are among them';

CREATE VIEW ayb_jobs.matviews WITH (security_invoker = true) AS
SELECT m.id, m.schema_name, m.view_name, m.refresh_mode, m.skip_unchanged, m.lock_timeout, m.statement_timeout, m.run_as,
       m.last_refresh_at, m.last_refresh_duration_ms, m.last_refresh_status, m.last_refresh_error, m.last_refresh_rows,
       m.last_skipped_at, m.last_durations_ms, m.created_at, m.updated_at,
       c.oid IS NOT NULL AS view_exists, c.relispopulated AS is_populated,
       ayb_jobs_internal.size_unless_locked(c.oid) AS size_bytes,
       c.relispopulated AND ayb_jobs_internal.has_unique_index(c.oid) AS concurrent_possible,
       CASE WHEN NOT c.relispopulated THEN pg_catalog.format('REFRESH MATERIALIZED VIEW %I.%I;', m.schema_name, m.view_name)
            WHEN NOT ayb_jobs_internal.has_unique_index(c.oid) THEN ayb_jobs_internal.unique_index_advice(c.oid) END AS concurrent_advice,
       CASE WHEN c.oid IS NOT NULL AND m.changes_seen IS NOT NULL
            THEN greatest(ayb_jobs_internal.base_changes(c.oid) - m.changes_seen, 0) END AS estimated_changes,
       CASE WHEN m.skip_unchanged THEN ayb_jobs_internal.why_never_skipped(c.oid) END AS never_skipped_because,
       r.held ? pg_catalog.hashtext(m.schema_name || '.' || m.view_name)::text AS refreshing,
       (r.held ->> pg_catalog.hashtext(m.schema_name || '.' || m.view_name)::text)::timestamptz AS refreshing_since
FROM ayb_jobs.matview_refreshes AS m
CROSS JOIN (SELECT coalesce(jsonb_object_agg(l.key, l.since), '{}') AS held FROM ayb_jobs_internal.refresh_locks AS l) AS r
LEFT JOIN (pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace)
       ON n.nspname = m.schema_name AND c.relname = m.view_name AND c.relkind = 'm';
COMMENT ON VIEW ayb_jobs.matviews IS 'registered materialized views: how the last refresh went, how stale each is, what it needs';
COMMENT ON COLUMN ayb_jobs.matviews.concurrent_advice IS 'the statement that makes a concurrent refresh possible, where it isn''t';
COMMENT ON COLUMN ayb_jobs.matviews.estimated_changes IS
    'rows changed in its base tables since the last good refresh: an estimate from PostgreSQL''s statistics';
COMMENT ON COLUMN ayb_jobs.matviews.never_skipped_because IS
    'why skip_unchanged has no effect: update_matview(id, skip_unchanged => true) mends a missing trigger';
COMMENT ON COLUMN ayb_jobs.matviews.refreshing IS 'whether somebody holds the lock that each refresh takes';
COMMENT ON COLUMN ayb_jobs.matviews.refreshing_since IS 'since when, where that may be known: of a worker''s job, and of sessions of one''s own roles';

CREATE FUNCTION ayb_jobs.lanes(OUT role regrole, OUT due_at timestamptz, OUT workers integer,
                               OUT queued bigint, OUT running bigint, OUT retry_at timestamptz,
                               OUT error text, OUT grouped_types text[])
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_lanes';
COMMENT ON FUNCTION ayb_jobs.lanes() IS
    'the lanes of this database: one a role with jobs, before which instant nothing of it is due, why it can''t be served, if so, and the types that go grouped';

CREATE FUNCTION ayb_jobs_internal.execution_modes(OUT type text, OUT role regrole, OUT mode text, OUT why text,
                                                  OUT grouped_jobs bigint, OUT run_ms double precision, OUT strikes integer,
                                                  OUT leased_until timestamptz)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_execution_modes';
COMMENT ON FUNCTION ayb_jobs_internal.execution_modes() IS 'what the view of this name shows';

CREATE VIEW ayb_jobs.execution_modes WITH (security_invoker = true) AS SELECT * FROM ayb_jobs_internal.execution_modes();
COMMENT ON VIEW ayb_jobs.execution_modes IS
    'whether jobs of a type share transactions (grouped) or have each its own (leased), and why: a line for each role that has run it';

CREATE FUNCTION ayb_jobs.events(since bigint DEFAULT 0, max_events integer DEFAULT 1000, OUT seq bigint,
                                OUT at timestamptz, OUT job_id uuid, OUT type text, OUT run_as regrole,
                                OUT old_state text, OUT new_state text)
    RETURNS SETOF record LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ayb_jobs_events';
COMMENT ON FUNCTION ayb_jobs.events(bigint, integer) IS
    'state changes of jobs after the event with number since, oldest first; the last 4096 of the server are kept';

CREATE FUNCTION ayb_jobs.event_span(OUT first bigint, OUT oldest bigint, OUT newest bigint)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_event_span';
COMMENT ON FUNCTION ayb_jobs.event_span() IS
    'numbers of events of the server: the first since it started, the oldest that is kept, the newest';

CREATE FUNCTION ayb_jobs_internal.counts(OUT queued bigint, OUT running bigint, OUT completed bigint,
                                 OUT failed bigint, OUT canceled bigint)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_counts';
COMMENT ON FUNCTION ayb_jobs_internal.counts() IS
    'jobs by state as shared memory knows them; no row while the scheduler hasn''t counted';

CREATE FUNCTION ayb_jobs_internal.floors(OUT run_as oid, OUT type text, OUT run_at timestamptz, OUT id uuid)
    RETURNS SETOF record LANGUAGE c VOLATILE ROWS 10 AS 'MODULE_PATHNAME', 'ayb_jobs_floors';
-- By an entry of the index for each, however many jobs are bound alike.
CREATE FUNCTION ayb_jobs_internal.distrusted(OUT type text, OUT run_as oid, OUT registration uuid, OUT enqueued_by oid)
    RETURNS SETOF record LANGUAGE sql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET jit = off
BEGIN ATOMIC
    WITH RECURSIVE walk AS (
        (SELECT q.type, q.run_as, q.registration, q.enqueued_by
         FROM ayb_jobs.job_queue AS q WHERE q.waits_for = 'trust' AND q.state = 'queued' AND q.registration IS NOT NULL
         ORDER BY q.waits_for, q.state, q.type, q.registration, q.enqueued_by, q.run_as LIMIT 1)
        UNION ALL
        SELECT n.type, n.run_as, n.registration, n.enqueued_by
        FROM walk AS w CROSS JOIN LATERAL (
            SELECT q.type, q.run_as, q.registration, q.enqueued_by
            FROM ayb_jobs.job_queue AS q
            WHERE q.waits_for = 'trust' AND q.state = 'queued' AND q.registration IS NOT NULL
              AND (q.type, q.registration, q.enqueued_by, q.run_as) > (w.type, w.registration, w.enqueued_by, w.run_as)
            ORDER BY q.waits_for, q.state, q.type, q.registration, q.enqueued_by, q.run_as LIMIT 1) AS n
    )
    SELECT w.type, w.run_as, w.registration, w.enqueued_by FROM walk AS w;
END;
COMMENT ON FUNCTION ayb_jobs_internal.distrusted() IS 'jobs that wait for trust, one row for those that are bound alike';

CREATE FUNCTION ayb_jobs_internal.doubts(OUT type text, OUT run_as oid, OUT enqueued_by oid, OUT reason text, OUT hint text)
    RETURNS SETOF record LANGUAGE c VOLATILE ROWS 10 AS 'MODULE_PATHNAME', 'ayb_jobs_doubts';
COMMENT ON FUNCTION ayb_jobs_internal.doubts() IS
    'of which lanes the role doesn''t trust its type''s handler, or may not run it, and what ends that; and of which definers'' jobs, with who enqueued them, nothing carries them';
COMMENT ON FUNCTION ayb_jobs_internal.floors() IS 'before which row no job of a lane is queued: of each lane that is known';

CREATE FUNCTION ayb_jobs_internal.oldest_due() RETURNS timestamptz
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_oldest_due';
COMMENT ON FUNCTION ayb_jobs_internal.oldest_due() IS 'when the oldest job that is due, of a type that has a handler, became due';

CREATE FUNCTION ayb_jobs.stats(by_phase boolean DEFAULT false, OUT queued bigint, OUT running bigint, OUT completed bigint,
                               OUT failed bigint, OUT canceled bigint, OUT oldest_due_seconds double precision,
                               OUT due bigint, OUT external bigint, OUT waiting bigint, OUT scheduled bigint, OUT retrying bigint)
    RETURNS record LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH kept AS MATERIALIZED (
        SELECT * FROM ayb_jobs_internal.counts()
    ), mine AS NOT MATERIALIZED (
        SELECT j.state, j.phase FROM ayb_jobs.jobs AS j
        WHERE (SELECT pg_has_role('ayb_jobs_read', 'USAGE')) OR j.run_as = ANY ((SELECT ayb_jobs_internal.visible_roles())::oid[])
    ), counted AS (
        SELECT count(*) FILTER (WHERE j.state = 'queued') AS queued,
               count(*) FILTER (WHERE j.state = 'running') AS running,
               count(*) FILTER (WHERE j.state = 'completed') AS completed,
               count(*) FILTER (WHERE j.state = 'failed') AS failed,
               count(*) FILTER (WHERE j.state = 'canceled') AS canceled
        FROM mine AS j WHERE NOT EXISTS (SELECT FROM kept)
    ), phases AS (
        SELECT count(*) FILTER (WHERE j.phase = 'due') AS due,
               count(*) FILTER (WHERE j.phase = 'external') AS external,
               count(*) FILTER (WHERE j.phase = 'waiting') AS waiting,
               count(*) FILTER (WHERE j.phase = 'scheduled') AS scheduled,
               count(*) FILTER (WHERE j.phase = 'retrying') AS retrying
        FROM (SELECT m.phase FROM mine AS m WHERE m.state = 'queued' OFFSET 0) AS j
        WHERE by_phase HAVING by_phase
    )
    SELECT c.queued, c.running, c.completed, c.failed, c.canceled,
           extract(epoch FROM ayb_jobs_internal.now() - ayb_jobs_internal.oldest_due())::double precision,
           p.due, p.external, p.waiting, p.scheduled, p.retrying
    FROM (SELECT * FROM kept UNION ALL SELECT * FROM counted LIMIT 1) AS c LEFT JOIN phases AS p ON true;
END;
COMMENT ON FUNCTION ayb_jobs.stats(boolean) IS
    'how many jobs are in each state, and how long the oldest due one has waited (NULL if none is due); reads no table once the scheduler has counted, unless the queued jobs are to be counted by_phase';

-- Along the index, which the planner wouldn't walk by itself: it would read all of a type that has fewer jobs than `most`, and
-- sort them, with as many types as there are.
CREATE FUNCTION ayb_jobs_internal.lying(type text, most integer, OUT queued bigint, OUT running bigint, OUT due bigint,
                                        OUT oldest_due timestamptz, OUT more boolean)
    RETURNS record LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET jit = off
BEGIN ATOMIC
    SELECT count(*) FILTER (WHERE s.state = 'queued'), count(*) FILTER (WHERE s.state = 'running'),
           count(*) FILTER (WHERE s.state = 'queued' AND s.run_at <= now()),
           min(s.run_at) FILTER (WHERE s.state = 'queued' AND s.run_at <= now()), count(*) = most
    FROM (SELECT j.state, j.run_at FROM ayb_jobs.job_queue AS j WHERE j.type = lying.type ORDER BY j.id LIMIT most) AS s;
END;
COMMENT ON FUNCTION ayb_jobs_internal.lying(text, integer) IS
    'what lies in the queue of a type, among its `most` oldest jobs there; `more` says that there may be others';

CREATE FUNCTION ayb_jobs_internal.current_minutes() RETURNS SETOF ayb_jobs.job_minutes
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_current_minutes';
COMMENT ON FUNCTION ayb_jobs_internal.current_minutes() IS 'counts of minutes that are not in job_minutes yet';

CREATE FUNCTION ayb_jobs_internal.totals(OUT place integer, OUT type text, OUT completed bigint, OUT failed bigint, OUT retried bigint,
                                         OUT lost bigint, OUT canceled bigint, OUT wait_time bigint[], OUT run_time bigint[],
                                         OUT snoozed bigint, OUT wait_sum bigint, OUT run_sum bigint)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_totals';
COMMENT ON FUNCTION ayb_jobs_internal.totals() IS
    'attempts by type since the server started, the types by place as they were first seen: counts that only grow; those beyond 1,024 types come together as type "", place 0; sums in microseconds';

CREATE FUNCTION ayb_jobs_internal.add_histograms(bigint[], bigint[]) RETURNS bigint[]
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ayb_jobs_add_histograms';
COMMENT ON FUNCTION ayb_jobs_internal.add_histograms(bigint[], bigint[]) IS 'the sum of two histograms';

CREATE AGGREGATE ayb_jobs_internal.sum_histograms(bigint[]) (
    SFUNC = ayb_jobs_internal.add_histograms, STYPE = bigint[], COMBINEFUNC = ayb_jobs_internal.add_histograms,
    PARALLEL = SAFE);
COMMENT ON AGGREGATE ayb_jobs_internal.sum_histograms(bigint[]) IS 'the sum of histograms';

CREATE FUNCTION ayb_jobs_internal.quantile(counts bigint[], quantile double precision) RETURNS double precision
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ayb_jobs_quantile';
COMMENT ON FUNCTION ayb_jobs_internal.quantile(bigint[], double precision) IS
    'milliseconds below which that share of a histogram lies, at most 19 % off';

CREATE FUNCTION ayb_jobs.series(since timestamptz DEFAULT NULL, step interval DEFAULT '1 minute',
                                type text DEFAULT NULL, by_type boolean DEFAULT true,
                                OUT bucket timestamptz, OUT job_type text, OUT completed bigint,
                                OUT failed bigint, OUT retried bigint, OUT lost bigint, OUT canceled bigint,
                                OUT wait_p50 double precision, OUT wait_p95 double precision,
                                OUT wait_p99 double precision, OUT run_p50 double precision,
                                OUT run_p95 double precision, OUT run_p99 double precision, OUT snoozed bigint)
    RETURNS SETOF record LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH summed AS (
        SELECT date_bin(step, m.minute, '2000-01-01 00:00:00+00'::timestamptz) AS bucket,
               CASE WHEN by_type THEN m.type END AS type,
               sum(m.completed)::bigint AS completed, sum(m.failed)::bigint AS failed,
               sum(m.retried)::bigint AS retried, sum(m.lost)::bigint AS lost,
               sum(m.canceled)::bigint AS canceled, sum(m.snoozed)::bigint AS snoozed, ayb_jobs_internal.sum_histograms(m.wait_time) AS waits,
               ayb_jobs_internal.sum_histograms(m.run_time) AS runs
        FROM (SELECT * FROM ayb_jobs.job_minutes UNION ALL SELECT * FROM ayb_jobs_internal.current_minutes()) AS m
        -- As a value of its own, by which an index can be asked.
        WHERE m.minute >= (SELECT coalesce(series.since, ayb_jobs_internal.now() - interval '1 hour'))
          AND (series.type IS NULL OR m.type = series.type)
        GROUP BY 1, 2
    )
    SELECT s.bucket, s.type, s.completed, s.failed, s.retried, s.lost, s.canceled,
           ayb_jobs_internal.quantile(s.waits, 0.5), ayb_jobs_internal.quantile(s.waits, 0.95),
           ayb_jobs_internal.quantile(s.waits, 0.99), ayb_jobs_internal.quantile(s.runs, 0.5),
           ayb_jobs_internal.quantile(s.runs, 0.95), ayb_jobs_internal.quantile(s.runs, 0.99), s.snoozed
    FROM summed AS s
    -- A step that is none is refused also where nothing has run.
    WHERE date_bin(step, '2000-01-01 00:00:00+00'::timestamptz, '2000-01-01 00:00:00+00'::timestamptz) IS NOT NULL
    ORDER BY s.bucket, s.type;
END;
COMMENT ON FUNCTION ayb_jobs.series(timestamptz, interval, text, boolean) IS
    'attempts by step and, unless by_type is false, by type since an instant (an hour ago by default), with quantiles of waiting and running in milliseconds';

CREATE FUNCTION ayb_jobs.attempts(job_id uuid, OUT attempt integer, OUT status text, OUT worker_id text,
                                  OUT started_at timestamptz, OUT finished_at timestamptz,
                                  OUT duration_ms double precision, OUT error text, OUT sqlstate text,
                                  OUT hint text, OUT context text, OUT log jsonb)
    RETURNS SETOF record LANGUAGE sql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
    SELECT u.attempt, u.status, u.worker_id, u.started_at, u.finished_at,
           (extract(epoch FROM u.finished_at - u.started_at) * 1000)::double precision, u.error, u.sqlstate,
           u.hint, u.context, u.log
    FROM (
        SELECT row_number() OVER (ORDER BY r.attempt DESC, r.started_at DESC) AS nth, r.* FROM (
        SELECT a.attempt, a.status, a.worker_id, a.started_at, a.finished_at, a.error, a.sqlstate,
               a.hint, a.context, a.log
        FROM ayb_jobs.job_attempts AS a WHERE a.job_id = attempts.job_id
        UNION ALL
        SELECT j.runs, j.state, j.worker_id, j.last_run_at, j.completed_at, NULL, NULL, NULL, NULL,
               coalesce((SELECT q.log FROM ayb_jobs.job_queue AS q WHERE q.id = j.id), (SELECT h.log FROM ayb_jobs.job_history AS h WHERE h.id = j.id))
        FROM ayb_jobs.jobs AS j WHERE j.id = attempts.job_id AND j.state IN ('running', 'completed')
        UNION ALL
        SELECT w.attempt, 'running', w.worker_id, w.job_since, NULL, NULL, NULL, NULL, NULL, NULL
        FROM ayb_jobs.jobs AS j JOIN ayb_jobs_internal.inside_workers() AS w ON w.job_id = j.id
        WHERE j.id = attempts.job_id AND j.state = 'queued' AND j.is_running
        ) AS r) AS u
    WHERE u.nth <= 100
    ORDER BY u.attempt, u.started_at;
END;
COMMENT ON FUNCTION ayb_jobs.attempts(uuid) IS 'the last hundred attempts of a job: failed, lost, canceled, snoozed, running, completed; numbered by the job''s runs';

CREATE FUNCTION ayb_jobs_internal.server_state(OUT preloaded boolean, OUT enabled boolean, OUT launched boolean,
                                       OUT scheduled boolean, OUT dormant boolean,
                                       OUT no_slot_since timestamptz, OUT leases_lost bigint,
                                       OUT draining boolean, OUT named boolean, OUT lost_at timestamptz,
                                       OUT set_back_at timestamptz, OUT set_back_seconds bigint)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_server_state';
COMMENT ON FUNCTION ayb_jobs_internal.server_state() IS 'what health() asks of shared memory';

CREATE FUNCTION ayb_jobs_internal.processes(OUT process text, OUT pid integer, OUT moved_at timestamptz,
                                    OUT looking_since timestamptz, OUT looked_at timestamptz)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_processes';
COMMENT ON FUNCTION ayb_jobs_internal.processes() IS
    'signs of life of the launcher, of this database''s scheduler and of its workers';

CREATE FUNCTION ayb_jobs_internal.troubles(OUT duty text, OUT since timestamptz, OUT error text)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_troubles';
COMMENT ON FUNCTION ayb_jobs_internal.troubles() IS 'the scheduler''s duties that failed the last time, and since when they do';

CREATE FUNCTION ayb_jobs.capabilities() RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT jsonb_object_agg(c.name, has_function_privilege(p.oid, 'EXECUTE'))
    FROM (VALUES ('jobs', 'enqueue'), ('handlers', 'register_handler'), ('external_workers', 'claim'), ('schedules', 'create_schedule'),
                 ('matviews', 'register_matview'), ('events', 'events'), ('workers', 'workers'), ('series', 'series'), ('health', 'health'))
        AS c (name, function)
    JOIN pg_proc AS p ON p.pronamespace = 'ayb_jobs'::regnamespace AND p.proname = c.function;
END;
COMMENT ON FUNCTION ayb_jobs.capabilities() IS 'what this release has, and whether the caller may use it, for programs that work with several releases';
