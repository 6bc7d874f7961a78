-- Runs as the owner, since PostgreSQL shows other roles' sessions to few: it takes no argument, and who may
-- call it is granted below.
CREATE FUNCTION ayb_jobs.health(OUT "check" text, OUT status text, OUT detail text, OUT hint text)
    RETURNS SETOF record LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE state AS MATERIALIZED (
        SELECT * FROM ayb_jobs._server_state()
    ), horizon AS (
        SELECT 'session ' || a.pid || coalesce(' of ' || a.usename, '') AS holder, age(a.backend_xmin) AS age,
               a.xact_start AS since
        FROM pg_stat_activity AS a WHERE a.backend_xmin IS NOT NULL AND a.pid <> pg_backend_pid()
        UNION ALL
        SELECT 'replication slot ' || s.slot_name, age(s.xmin), NULL FROM pg_replication_slots AS s
        WHERE s.xmin IS NOT NULL
        UNION ALL
        SELECT 'prepared transaction ' || quote_literal(p.gid), age(p.transaction), p.prepared
        FROM pg_prepared_xacts AS p
    ), oldest AS (
        SELECT h.*, extract(epoch FROM clock_timestamp() - h.since) AS seconds
        FROM horizon AS h ORDER BY h.age DESC LIMIT 1
    ), tuples AS (
        SELECT s.n_live_tup, s.n_dead_tup FROM pg_stat_all_tables AS s
        WHERE s.relid = 'ayb_jobs.job_queue'::regclass
    ), recent AS (
        -- An attempt leaves two dead rows. Autovacuum has ten minutes to come to them before anything is amiss.
        SELECT 2 * coalesce(sum(m.completed + m.failed + m.retried + m.lost + m.canceled), 0) AS dead
        FROM (SELECT * FROM ayb_jobs.job_minutes UNION ALL SELECT * FROM ayb_jobs._current_minutes()) AS m
        WHERE m.minute > ayb_jobs._now() - interval '10 minutes'
    ), left_over AS (
        SELECT t.n_dead_tup, t.n_live_tup,
               coalesce(t.n_dead_tup - r.dead > greatest(100000, t.n_live_tup), false) AS bad
        FROM tuples AS t CROSS JOIN recent AS r
    ), days AS (
        SELECT max(to_date(c.relname, '"job_history_"YYYYMMDD')) AS last
        FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'ayb_jobs.job_history'::regclass AND c.relname ~ '^job_history_\d{8}$'
    ), due AS (
        SELECT extract(epoch FROM ayb_jobs._now() - ayb_jobs._oldest_due()) AS seconds
    ), types AS (
        -- One index probe each: only those that nobody has registered are counted.
        (SELECT q.type FROM ayb_jobs.job_queue AS q ORDER BY q.type LIMIT 1)
        UNION ALL
        SELECT n.type FROM types AS t CROSS JOIN LATERAL (
            SELECT q.type FROM ayb_jobs.job_queue AS q WHERE q.type > t.type ORDER BY q.type LIMIT 1) AS n
    ), waiting AS (
        SELECT q.type, count(*) AS jobs
        FROM types AS t JOIN ayb_jobs.job_queue AS q
            ON q.type = t.type AND q.state = 'queued' AND q.waits_for IS NULL
        WHERE NOT EXISTS (SELECT FROM ayb_jobs.handlers AS h WHERE h.type = t.type)
        GROUP BY q.type
    )
    SELECT 'preloaded', CASE WHEN s.preloaded THEN 'ok' ELSE 'error' END,
           CASE WHEN s.preloaded THEN 'the library is preloaded' ELSE 'nothing runs: the library is not preloaded' END,
           CASE WHEN NOT s.preloaded THEN 'Add ayb_jobs to shared_preload_libraries and restart the server.' END
    FROM state AS s
    UNION ALL
    SELECT 'enabled', CASE WHEN s.enabled THEN 'ok' ELSE 'warning' END,
           'ayb_jobs.enabled is ' || CASE WHEN s.enabled THEN 'on' ELSE 'off: nothing runs' END,
           CASE WHEN NOT s.enabled THEN 'ALTER SYSTEM SET ayb_jobs.enabled = on; SELECT pg_reload_conf();' END
    FROM state AS s
    UNION ALL
    SELECT 'scheduler',
           CASE WHEN s.scheduled OR pg_is_in_recovery() OR NOT (s.preloaded AND s.enabled) THEN 'ok' ELSE 'error' END,
           CASE WHEN s.scheduled THEN 'the scheduler of this database runs'
                WHEN pg_is_in_recovery() THEN 'nothing runs on a standby until it is promoted'
                ELSE 'no scheduler runs for this database' END,
           CASE WHEN NOT (s.scheduled OR pg_is_in_recovery()) AND s.preloaded AND s.enabled
                THEN 'See the server log; is the database named in ayb_jobs.databases?' END
    FROM state AS s
    UNION ALL
    SELECT 'stamp', CASE WHEN s.dormant THEN 'error' ELSE 'ok' END,
           CASE WHEN s.dormant THEN 'nothing runs: this database is a copy or was restored'
                ELSE 'the database is the one that its stamp names' END,
           CASE WHEN s.dormant THEN 'SELECT ayb_jobs.resume(); lets its jobs run.' END
    FROM state AS s
    UNION ALL
    -- The scheduler makes three days ahead, each hour those that are missing.
    SELECT 'history', CASE WHEN h.ahead < 0 THEN 'error' WHEN h.ahead < 2 THEN 'warning' ELSE 'ok' END,
           CASE WHEN h.ahead IS NULL THEN 'no table of the history is needed now'
                ELSE 'history has tables until ' || h.last || CASE WHEN h.ahead < 0 THEN ': no job can complete' ELSE '' END END,
           CASE WHEN h.ahead < 2 THEN 'SELECT ayb_jobs._prepare_history(now() + interval ''3 days''); by the extension''s owner says'
                                      ' what keeps the next one from being made.' END
    FROM (SELECT d.last, CASE WHEN s.scheduled AND NOT s.dormant AND current_setting('ayb_jobs.retention')::interval > '0'
                              THEN d.last - (ayb_jobs._now() AT TIME ZONE 'UTC')::date END AS ahead
          FROM state AS s CROSS JOIN days AS d) AS h
    UNION ALL
    SELECT 'paused', CASE WHEN count(p.type) = 0 THEN 'ok' ELSE 'warning' END,
           coalesce(string_agg(CASE p.type WHEN '' THEN 'all of the database' ELSE 'type ' || p.type END, ', '
                               ORDER BY p.type), 'nothing is paused'),
           CASE WHEN count(p.type) > 0 THEN 'SELECT ayb_jobs.resume(type); or resume() for the database.' END
    FROM ayb_jobs.pauses AS p
    UNION ALL
    SELECT 'worker_slots', CASE WHEN s.no_slot_since IS NULL THEN 'ok' ELSE 'error' END,
           CASE WHEN s.no_slot_since IS NULL THEN 'background worker slots are free'
                ELSE 'no background worker slot has been free since ' || s.no_slot_since END,
           CASE WHEN s.no_slot_since IS NOT NULL
                THEN 'Raise max_worker_processes (it is ' || current_setting('max_worker_processes') || ') and restart the server.' END
    FROM state AS s
    UNION ALL
    SELECT 'oldest_due', CASE WHEN d.seconds > 60 THEN 'warning' ELSE 'ok' END,
           coalesce('the oldest due job has waited ' || round(d.seconds, 1) || ' s', 'no job is due'),
           CASE WHEN d.seconds > 60 THEN 'See ayb_jobs.lanes() and ayb_jobs.workers(); raise ayb_jobs.worker_concurrency if workers are busy.' END
    FROM due AS d
    UNION ALL
    SELECT 'handlers', CASE WHEN count(w.type) = 0 THEN 'ok' ELSE 'warning' END,
           coalesce(string_agg(w.jobs || ' of type ' || w.type, ', ' ORDER BY w.type) || ' wait for a handler',
                    'no job waits for a handler'),
           CASE WHEN count(w.type) > 0 THEN 'Register one with ayb_jobs.register_handler().' END
    FROM waiting AS w
    UNION ALL
    SELECT 'schedules', CASE WHEN count(s.id) = 0 THEN 'ok' ELSE 'error' END,
           coalesce(string_agg(s.name || ': ' || coalesce(s.last_error, 'has no next run'), '; ' ORDER BY s.name),
                    'every schedule that is enabled can be computed'),
           CASE WHEN count(s.id) > 0 THEN 'Mend it, then ayb_jobs.enable_schedule(id); or ayb_jobs.delete_schedule(id).' END
    FROM ayb_jobs.schedules AS s WHERE s.enabled AND (s.last_error IS NOT NULL OR s.next_run_at IS NULL)
    UNION ALL
    SELECT 'matviews', CASE WHEN count(m.id) = 0 THEN 'ok' ELSE 'warning' END,
           coalesce(string_agg(m.schema_name || '.' || m.view_name || ': ' || m.last_refresh_error, '; '
                               ORDER BY m.schema_name, m.view_name), 'no refresh of a registered view has failed'),
           CASE WHEN count(m.id) > 0 THEN 'See ayb_jobs.matviews; mend the view, then ayb_jobs.refresh_now(id), or ayb_jobs.unregister_matview(id).' END
    FROM ayb_jobs.matview_refreshes AS m WHERE m.last_refresh_status = 'error'
    UNION ALL
    SELECT 'lanes', CASE WHEN count(l.error) = 0 THEN 'ok' ELSE 'error' END,
           coalesce(string_agg('role ' || l.role || ': ' || l.error, '; ' ORDER BY l.role::text),
                    'every lane can be served'),
           CASE WHEN count(l.error) > 0 THEN 'ALTER ROLE ... LOGIN, GRANT CONNECT ON DATABASE, or cancel the jobs.' END
    FROM ayb_jobs.lanes() AS l
    UNION ALL
    SELECT 'leases_lost', CASE WHEN s.leases_lost > 0 THEN 'warning' ELSE 'ok' END,
           coalesce(s.leases_lost, 0) || ' attempts lost since the scheduler started',
           CASE WHEN s.leases_lost > 0 THEN 'See ayb_jobs.attempts(job_id), and the server log.' END
    FROM state AS s
    UNION ALL
    SELECT 'xmin_horizon', CASE WHEN o.seconds > 3600 OR o.age > 10000000 THEN 'warning' ELSE 'ok' END,
           coalesce(o.holder || ' holds back vacuum by ' || o.age || ' transactions'
                    || coalesce(', for ' || round(o.seconds) || ' s', ''), 'nothing holds back vacuum'),
           CASE WHEN o.seconds > 3600 OR o.age > 10000000 THEN 'End it: dead rows can''t be removed before.' END
    FROM (SELECT 1) AS one LEFT JOIN oldest AS o ON true
    UNION ALL
    SELECT 'dead_tuples', CASE WHEN t.bad THEN 'warning' ELSE 'ok' END,
           coalesce(t.n_dead_tup, 0) || ' dead rows in job_queue, ' || coalesce(t.n_live_tup, 0) || ' live',
           CASE WHEN t.bad THEN 'Is autovacuum on, and nothing holding back vacuum?' END
    FROM left_over AS t;
END;
COMMENT ON FUNCTION ayb_jobs.health() IS
    'one row a check: what is well, what isn''t, and what mends it; for ayb_jobs_admin and pg_monitor';
