-- Runs as the owner, since PostgreSQL shows other roles' sessions to few: it takes no argument, and who may
-- call it is granted below.
-- Not compiled: with many lanes the plan is taken for a long one, and a compiler costs a session 150 MB of address space.
CREATE FUNCTION ayb_jobs.health(OUT name text, OUT status text, OUT detail text, OUT hint text)
    RETURNS SETOF record LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
    WITH RECURSIVE state AS MATERIALIZED (
        SELECT * FROM ayb_jobs_internal.server_state()
    ), horizon AS (
        SELECT 'session ' || a.pid || coalesce(' of ' || a.usename, '') AS holder, age(a.backend_xmin) AS age,
               a.xact_start AS since, 'SELECT pg_terminate_backend(' || a.pid || ');' AS hint
        FROM pg_stat_activity AS a WHERE a.backend_xmin IS NOT NULL AND a.pid <> pg_backend_pid()
        UNION ALL
        SELECT 'replication slot ' || s.slot_name, age(s.xmin), NULL,
               'SELECT pg_drop_replication_slot(' || quote_literal(s.slot_name) || ');' FROM pg_replication_slots AS s
        WHERE s.xmin IS NOT NULL
        UNION ALL
        SELECT 'prepared transaction ' || quote_literal(p.gid), age(p.transaction), p.prepared,
               'ROLLBACK PREPARED ' || quote_literal(p.gid) || ';'
               || CASE WHEN p.database <> current_database() THEN ' (in database ' || p.database || ')' ELSE '' END
        FROM pg_prepared_xacts AS p
    ), oldest AS (
        SELECT h.*, extract(epoch FROM ayb_jobs_internal.now() - h.since) AS seconds
        FROM horizon AS h ORDER BY h.age DESC LIMIT 1
    ), tuples AS (
        SELECT s.n_live_tup, s.n_dead_tup FROM pg_stat_all_tables AS s
        WHERE s.relid = 'ayb_jobs.job_queue'::regclass
    ), recent AS (
        -- An attempt leaves two dead rows. Autovacuum has ten minutes to come to them before anything is amiss.
        SELECT 2 * coalesce(sum(m.completed + m.failed + m.retried + m.lost + m.canceled + m.snoozed), 0) AS dead
        FROM (SELECT * FROM ayb_jobs.job_minutes UNION ALL SELECT * FROM ayb_jobs_internal.current_minutes()) AS m
        WHERE m.minute > (SELECT ayb_jobs_internal.now() - interval '10 minutes')
    ), left_over AS (
        SELECT t.n_dead_tup, t.n_live_tup,
               coalesce(t.n_dead_tup - r.dead > greatest(100000, t.n_live_tup), false) AS bad
        FROM tuples AS t CROSS JOIN recent AS r
    ), days AS (
        SELECT max(to_date(c.relname, '"job_history_"YYYYMMDD')) AS last,
               min(to_date(c.relname, '"job_history_"YYYYMMDD')) AS first, count(*) AS days
        FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'ayb_jobs.job_history'::regclass AND c.relname ~ '^job_history_\d{8}$'
    ), due AS (
        -- The oldest job that is due, and why it may wait. A lane has nine priorities.
        SELECT extract(epoch FROM ayb_jobs_internal.now() - o.run_at) AS seconds, u.type,
               EXISTS (SELECT FROM ayb_jobs.handlers AS h WHERE h.type = u.type AND h.kind = 'external') AS external,
               (SELECT p.type FROM ayb_jobs.pauses AS p WHERE p.type IN ('', u.type) ORDER BY p.type LIMIT 1) AS paused,
               (SELECT count(*) FROM ayb_jobs_internal.inside_workers() AS w WHERE w.state = 'running')
                   >= current_setting('ayb_jobs.worker_concurrency')::integer AS crowded,
               EXISTS (SELECT FROM ayb_jobs.lanes() AS l WHERE l.role = u.run_as AND l.error IS NOT NULL) AS held
        FROM (SELECT ayb_jobs_internal.oldest_due() AS run_at) AS o LEFT JOIN LATERAL (
            SELECT f.type, f.run_as FROM ayb_jobs_internal.floors() AS f CROSS JOIN generate_series(-4, 4) AS p
            WHERE EXISTS (SELECT FROM ayb_jobs.job_queue AS q
                          WHERE q.lane = ayb_jobs_internal.lane(f.run_as, f.type, p::smallint, NULL) AND q.type = f.type
                            AND q.state = 'queued' AND q.waits_for IS NULL AND q.partition_key IS NULL AND q.run_at = o.run_at)
            LIMIT 1) AS u ON o.run_at < ayb_jobs_internal.now() - interval '1 min'
        WHERE o.run_at IS NOT NULL
    ), processes AS (
        -- Each moves every five seconds, whatever it is at.
        SELECT p.process, p.pid, p.looked_at, p.looking_since,
               p.process || ' ' || p.pid AS name,
               p.moved_at < clock_timestamp() - interval '15 s' AS stopped, p.moved_at,
               coalesce(p.looking_since < clock_timestamp() - interval '15 s', false) AS stuck
        FROM ayb_jobs_internal.processes() AS p
    ), late AS (
        SELECT count(*) AS ticks, min(s.next_run_at) AS since FROM ayb_jobs.schedules AS s
        WHERE s.enabled AND s.next_run_at < ayb_jobs_internal.now() - interval '10 s'
    ), overdue AS (
        SELECT w.pid, w.job_id, w.type, t.timeout, (SELECT p.stopped FROM processes AS p WHERE p.pid = w.pid) AS stopped
        FROM ayb_jobs_internal.inside_workers() AS w CROSS JOIN LATERAL (SELECT ayb_jobs_internal.time_limit(w.type) AS timeout) AS t
        WHERE w.job_since + t.timeout < ayb_jobs_internal.now() - interval '10 s'
    ), ahead AS (
        -- Ids begin with the milliseconds of their creation.
        SELECT count(*) AS jobs, min(q.id::text) AS first, max(q.created_at) AS last
        FROM (SELECT j.id, j.created_at FROM ayb_jobs.job_queue AS j
              WHERE j.id > (SELECT ayb_jobs_internal.id_at(extract(epoch FROM ayb_jobs_internal.now() + interval '1 min')))
              ORDER BY j.id LIMIT 10000) AS q
        WHERE q.created_at > ayb_jobs_internal.now() + interval '1 min'
    ), types AS (
        -- One index probe each: only those that nobody has registered are counted.
        (SELECT q.type FROM ayb_jobs.job_queue AS q ORDER BY q.type LIMIT 1)
        UNION ALL
        SELECT n.type FROM types AS t CROSS JOIN LATERAL (
            SELECT q.type FROM ayb_jobs.job_queue AS q WHERE q.type > t.type ORDER BY q.type LIMIT 1) AS n
    ), waiting AS (
        SELECT t.type, q.jobs
        FROM types AS t CROSS JOIN LATERAL (
            SELECT count(*) AS jobs FROM (SELECT FROM ayb_jobs.job_queue AS j
                                          WHERE j.type = t.type AND j.state = 'queued' AND j.waits_for IS NULL LIMIT 1001) AS j) AS q
        WHERE NOT EXISTS (SELECT FROM ayb_jobs.handlers AS h WHERE h.type = t.type) AND q.jobs > 0
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
           CASE WHEN s.scheduled OR pg_is_in_recovery() OR NOT (s.preloaded AND s.enabled) THEN NULL
                WHEN d.datistemplate THEN 'ALTER DATABASE ' || quote_ident(d.datname) || ' IS_TEMPLATE false; a template isn''t served.'
                WHEN NOT s.named THEN 'Name it in ayb_jobs.databases: ALTER SYSTEM SET ayb_jobs.databases = ...; SELECT pg_reload_conf();'
                WHEN s.no_slot_since IS NOT NULL THEN 'See the check worker_slots.'
                ELSE 'See the server log, and the check processes.' END
    FROM state AS s JOIN pg_database AS d ON d.datname = current_database()
    UNION ALL
    SELECT 'processes',
           CASE WHEN p.stopped IS NOT NULL OR NOT s.launched AND s.preloaded AND NOT pg_is_in_recovery() THEN 'error'
                WHEN p.stuck IS NOT NULL THEN 'warning' ELSE 'ok' END,
           concat_ws('; ', CASE WHEN NOT s.launched THEN 'no launcher runs' END, p.stopped, p.stuck, p.looks, p.workers),
           CASE WHEN p.stopped IS NOT NULL
                THEN 'kill -CONT ' || p.stopped_pids || ' lets go on what was stopped; pg_terminate_backend() ends what hangs, and another comes.'
                WHEN NOT s.launched AND s.preloaded AND NOT pg_is_in_recovery()
                THEN 'See the server log: the launcher is started anew each second.'
                WHEN p.stuck IS NOT NULL
                THEN 'See in pg_stat_activity what it waits for, and mend that; SELECT pg_cancel_backend(' || p.stuck_pid || '); ends the step.' END
    FROM state AS s CROSS JOIN (
        SELECT string_agg(p.name || ' has not moved since ' || date_trunc('second', p.moved_at), '; ' ORDER BY p.name)
                   FILTER (WHERE p.stopped) AS stopped,
               string_agg(p.pid::text, ' ' ORDER BY p.name) FILTER (WHERE p.stopped) AS stopped_pids,
               string_agg(p.name || ' has been at one look since ' || date_trunc('second', p.looking_since), '; ' ORDER BY p.name)
                   FILTER (WHERE p.stuck AND NOT p.stopped) AS stuck,
               min(p.pid) FILTER (WHERE p.stuck AND NOT p.stopped) AS stuck_pid,
               string_agg(p.process || ' looked at ' || date_trunc('second', p.looked_at), '; ' ORDER BY p.process) AS looks,
               count(*) FILTER (WHERE p.process = 'worker') || ' workers' AS workers
        FROM processes AS p) AS p
    UNION ALL
    SELECT 'duties', CASE WHEN count(t.duty) = 0 THEN 'ok' ELSE 'error' END,
           coalesce(string_agg('since ' || date_trunc('second', t.since) || ' it can''t ' || t.duty || ': ' || t.error, '; '
                               ORDER BY t.since, t.duty), 'the scheduler has done all that it had to'),
           CASE WHEN count(t.duty) > 0 THEN 'Mend what the error names; the scheduler tries again by itself.' END
    FROM ayb_jobs_internal.troubles() AS t
    UNION ALL
    SELECT 'ticks', CASE WHEN l.bad THEN 'error' ELSE 'ok' END,
           CASE WHEN l.bad THEN l.ticks || ' schedules are late, the first since ' || l.since ELSE 'no schedule is late' END,
           CASE WHEN l.bad AND l.draining THEN 'SELECT ayb_jobs.resume(); ends the drain.'
                WHEN l.bad THEN 'See the checks scheduler, processes and duties; what is late ticks once that is mended.' END
    FROM (SELECT l.*, s.draining, l.ticks > 0 AND s.preloaded AND s.enabled AND NOT coalesce(s.dormant, false)
                                      AND NOT pg_is_in_recovery() AS bad
          FROM late AS l CROSS JOIN state AS s) AS l
    UNION ALL
    SELECT 'timeouts', CASE WHEN count(o.pid) = 0 THEN 'ok' ELSE 'error' END,
           coalesce(string_agg('job ' || o.job_id || ' (' || o.type || ') is beyond its timeout of ' || o.timeout || ' in worker ' || o.pid,
                               '; ' ORDER BY o.pid), 'no job is beyond its timeout'),
           CASE WHEN bool_or(o.stopped) THEN 'See the check processes.'
                WHEN count(o.pid) > 0 THEN 'SELECT pg_terminate_backend(' || min(o.pid) || '); what doesn''t heed that ends with a restart of the server.' END
    FROM overdue AS o
    UNION ALL
    SELECT 'stamp', CASE WHEN s.dormant THEN 'error' ELSE 'ok' END,
           CASE WHEN s.dormant THEN 'nothing runs: this database is a copy, was restored, or got jobs by COPY or replication'
                ELSE 'the database is the one that its stamp names' END,
           CASE WHEN s.dormant THEN 'SELECT ayb_jobs.adopt(); lets its jobs run.' END
    FROM state AS s
    UNION ALL
    -- The scheduler makes three days ahead and drops those beyond retention, each hour.
    SELECT 'history', CASE WHEN h.ahead < 0 THEN 'error' WHEN h.ahead < 2 OR h.beyond > 0 THEN 'warning' ELSE 'ok' END,
           CASE WHEN h.ahead IS NULL THEN 'no table of the history is needed now'
                ELSE 'history has tables until ' || h.last || CASE WHEN h.ahead < 0 THEN ': no job can complete' ELSE '' END END
           || CASE WHEN h.beyond > 0 THEN ', and since ' || h.first || ', ' || h.beyond || ' days beyond retention' ELSE '' END,
           CASE WHEN h.ahead < 2 THEN 'SELECT ayb_jobs_internal.prepare_history(ayb_jobs_internal.now() + interval ''3 days''); by the extension''s owner says'
                                      ' what keeps the next one from being made.'
                WHEN h.beyond > 0 THEN 'See the check duties for what keeps them from being dropped: often a session that reads the history.' END
    FROM (SELECT d.last, d.first,
                 CASE WHEN current_setting('ayb_jobs.retention')::interval > '0'
                      THEN d.last - (ayb_jobs_internal.now() AT TIME ZONE 'UTC')::date END AS ahead,
                 ((ayb_jobs_internal.now() - current_setting('ayb_jobs.retention')::interval - interval '2 h') AT TIME ZONE 'UTC')::date
                     - d.first AS beyond
          FROM days AS d WHERE (SELECT s.scheduled AND NOT s.dormant FROM state AS s)
          UNION ALL
          SELECT NULL, NULL, NULL, NULL WHERE NOT (SELECT s.scheduled AND NOT coalesce(s.dormant, false) FROM state AS s)) AS h
    UNION ALL
    SELECT 'paused', CASE WHEN count(p.type) = 0 THEN 'ok' ELSE 'warning' END,
           coalesce(string_agg(CASE p.type WHEN '' THEN 'all of the database' ELSE 'type ' || p.type END, ', '
                               ORDER BY p.type), 'nothing is paused'),
           string_agg('SELECT ayb_jobs.resume(' || CASE WHEN p.type <> '' THEN quote_literal(p.type) ELSE '' END || ');', ' '
                      ORDER BY p.type)
    FROM ayb_jobs.pauses AS p
    UNION ALL
    -- Of all databases together. Keys without room in the ring have their turn all the same.
    SELECT 'limits', CASE WHEN bool_or(t.what <> 'keys') THEN 'error' WHEN count(t.what) > 0 THEN 'warning' ELSE 'ok' END,
           coalesce(string_agg(CASE t.what WHEN 'limits' THEN 'no type beyond ' || t.room || ' with a limit starts a job'
                                           WHEN 'places' THEN 'no job of a limited type starts while ' || t.room || ' run'
                                           WHEN 'key uses' THEN 'no further key of a limited type starts a job while ' || t.room || ' have some that run or count'
                                           ELSE 'keys beyond ' || t.room || ' that have jobs are looked for along the index' END,
                               '; ' ORDER BY t.what), 'there is room for places and keys'),
           CASE WHEN bool_or(t.what = 'places') THEN 'ALTER SYSTEM SET ayb_jobs.max_places = ' || 4 * min(t.room) FILTER (WHERE t.what = 'places')
                                                     || '; and a restart of the server.'
                WHEN bool_or(t.what LIKE 'key%') THEN 'ALTER SYSTEM SET ayb_jobs.max_keys = ' || 4 * min(t.room) FILTER (WHERE t.what LIKE 'key%')
                                                      || '; and a restart of the server.'
                WHEN count(t.what) > 0 THEN 'ayb_jobs.clear_limit(type) makes room.' END
    FROM ayb_jobs_internal.turn_tables() AS t WHERE t.used >= t.room
    UNION ALL
    SELECT 'worker_slots', CASE WHEN s.no_slot_since IS NULL THEN 'ok' ELSE 'error' END,
           CASE WHEN s.no_slot_since IS NULL THEN 'background worker slots are free'
                ELSE 'no background worker slot has been free since ' || s.no_slot_since END,
           CASE WHEN s.no_slot_since IS NOT NULL
                THEN 'Raise max_worker_processes (it is ' || current_setting('max_worker_processes') || ') and restart the server.' END
    FROM state AS s
    UNION ALL
    SELECT 'oldest_due', CASE WHEN d.seconds > 60 THEN 'warning' ELSE 'ok' END,
           coalesce('the oldest due job' || coalesce(', of type ' || d.type || ',', '') || ' has waited ' || round(d.seconds, 1) || ' s', 'no job is due'),
           CASE WHEN d.seconds <= 60 THEN NULL
                WHEN d.paused = '' THEN 'SELECT ayb_jobs.resume();'
                WHEN d.paused IS NOT NULL THEN 'SELECT ayb_jobs.resume(' || quote_literal(d.paused) || ');'
                WHEN d.external THEN 'Only workers outside take type ' || d.type || ': see that one runs which claims it by ayb_jobs.claim().'
                WHEN NOT s.scheduled OR s.dormant THEN 'See the checks enabled, scheduler and stamp.'
                WHEN d.held THEN 'See the check lanes.'
                WHEN s.no_slot_since IS NOT NULL THEN 'See the check worker_slots.'
                WHEN d.crowded THEN 'All workers are busy: raise ayb_jobs.worker_concurrency (it is '
                                    || current_setting('ayb_jobs.worker_concurrency') || ').'
                WHEN d.seconds > 60 THEN 'See the check processes, ayb_jobs.lanes(), and pg_stat_activity: a session may hold its row.' END
    FROM state AS s LEFT JOIN due AS d ON true
    UNION ALL
    SELECT 'handlers', CASE WHEN count(w.type) = 0 THEN 'ok' ELSE 'warning' END,
           coalesce(string_agg(CASE WHEN w.jobs > 1000 THEN 'more than 1000' ELSE w.jobs::text END || ' of type ' || w.type, ', ' ORDER BY w.type) || ' wait for a handler',
                    'no job waits for a handler'),
           CASE WHEN count(w.type) > 0 THEN 'Register one with ayb_jobs.register_handler().' END
    FROM waiting AS w
    UNION ALL
    SELECT 'trust', CASE WHEN count(d.type) = 0 THEN 'ok' ELSE 'error' END,
           coalesce(string_agg('jobs of type ' || d.type || coalesce(' that role ' || d.enqueued_by::regrole || ' enqueued', ' of role ' || d.run_as::regrole)
                               || ' wait: ' || d.reason, '; '
                               ORDER BY d.type, d.run_as::regrole::text, d.enqueued_by::regrole::text), 'no job waits for trust'),
           string_agg(DISTINCT d.hint, ' ')
    FROM (SELECT DISTINCT b.* FROM ayb_jobs_internal.doubts() AS b) AS d
    WHERE EXISTS (SELECT FROM ayb_jobs.job_queue AS q WHERE q.type = d.type AND q.run_as = d.run_as AND q.state = 'queued')
    UNION ALL
    SELECT 'tables', CASE WHEN count(s.what) = 0 THEN 'ok' ELSE 'error' END,
           coalesce(string_agg(s.what, '; ' ORDER BY s.what), 'the extension''s objects are as they were made'),
           string_agg(s.remedy, ' ' ORDER BY s.what)
    FROM ayb_jobs_internal.strangers() AS s
    UNION ALL
    SELECT 'schedules', CASE WHEN count(s.id) = 0 THEN 'ok' ELSE 'error' END,
           coalesce(string_agg(s.name || ': ' || coalesce(s.last_error, CASE WHEN s.gone THEN 'its role does not exist any more' ELSE 'has no next run' END), '; ' ORDER BY s.name),
                    'every schedule that is enabled can be computed'),
           coalesce(string_agg('SELECT ayb_jobs.delete_schedule(' || quote_literal(s.id) || ');', ' ' ORDER BY s.name) FILTER (WHERE s.gone)
                    || ' Or ayb_jobs.update_schedule(' || quote_literal(min(s.id::text) FILTER (WHERE s.gone)) || ', run_as => ...) gives it to another role.',
                    'Mend it, then ayb_jobs.enable_schedule(' || quote_literal(min(s.id::text)) || '); or ayb_jobs.delete_schedule('
                    || quote_literal(min(s.id::text)) || ').')
    FROM (SELECT s.*, NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.oid = s.run_as) AS gone FROM ayb_jobs.schedules AS s) AS s
    WHERE s.gone OR s.enabled AND (s.last_error IS NOT NULL OR s.next_run_at IS NULL)
    UNION ALL
    -- What they failed with is nobody's but their role's.
    SELECT 'schedule_jobs', CASE WHEN count(f.id) = 0 THEN 'ok' ELSE 'warning' END,
           coalesce(string_agg('the last job of ' || f.name || ' (' || f.job_type || ') failed', '; ' ORDER BY f.name),
                    'no schedule''s last job has failed'),
           string_agg('SELECT ayb_jobs.retry_now(''' || f.job || ''');', ' ' ORDER BY f.name)
           || ' once that is mended of which ayb_jobs.schedule_runs(' || quote_literal(min(f.name)) || ') tells.'
    FROM (SELECT s.id, s.name, s.job_type, l.id AS job
          FROM ayb_jobs.schedules AS s CROSS JOIN LATERAL (
              SELECT u.id, q.state FROM unnest(s.last_jobs) WITH ORDINALITY AS u (id, place)
              LEFT JOIN LATERAL (SELECT k.state FROM ayb_jobs.job_queue AS k WHERE k.id = u.id LIMIT 1) AS q ON true
              WHERE q.state IS DISTINCT FROM 'queued' AND q.state IS DISTINCT FROM 'running'
              ORDER BY u.place LIMIT 1) AS l
          WHERE s.enabled AND l.state = 'failed') AS f
    UNION ALL
    -- A look that was put off is tried again each tenth of a second.
    SELECT 'flows', CASE WHEN f.parents = 0 AND l.since IS NULL THEN 'ok' ELSE 'warning' END,
           CASE WHEN f.parents = 0 AND l.since IS NULL THEN 'no job waits for one that has failed, or is locked'
                ELSE concat_ws('; ', CASE WHEN f.parents > 0 THEN f.children || ' jobs wait for ' || f.parents || ' that have failed: ' || f.types END,
                                     'since ' || date_trunc('second', l.since) || ' jobs that could go on are locked by other sessions') END,
           nullif(concat_ws(' ', 'SELECT ayb_jobs.retry_now(''' || f.first || '''); once it is mended, or ayb_jobs.cancel() of what waits.',
                                 'SELECT ayb_jobs.delete_job(''' || f.first_of_nobody || '''); its role is gone: what waits is canceled by that.',
                                 CASE WHEN l.since IS NOT NULL THEN 'See in pg_locks and pg_stat_activity who holds rows of ayb_jobs.job_queue; SELECT pg_terminate_backend(pid); ends it.' END), '')
    FROM (SELECT count(*) AS parents, sum(p.children) AS children, string_agg(DISTINCT p.type, ', ' ORDER BY p.type) AS types,
                 min(p.id::text) FILTER (WHERE p.run_as <> 0::oid) AS first, min(p.id::text) FILTER (WHERE p.run_as = 0::oid) AS first_of_nobody
          FROM (SELECT p.id, p.type, p.run_as, count(*) AS children
                FROM ayb_jobs.job_queue AS p JOIN ayb_jobs.job_edges AS e ON e.parent = p.id AND e.watched
                JOIN ayb_jobs.job_queue AS c ON c.id = e.child AND c.state = 'queued' AND c.waits_for = 'jobs'
                WHERE p.state = 'failed' GROUP BY p.id, p.type, p.run_as) AS p) AS f
    LEFT JOIN (SELECT ayb_jobs_internal.put_off_since() AS since) AS l ON l.since < ayb_jobs_internal.now() - interval '15 s'
    UNION ALL
    SELECT 'matviews', CASE WHEN count(m.id) = 0 THEN 'ok' ELSE 'warning' END,
           coalesce(string_agg(m.schema_name || '.' || m.view_name || ': ' || m.last_refresh_error, '; '
                               ORDER BY m.schema_name, m.view_name), 'no refresh of a registered view has failed'),
           CASE WHEN bool_or(m.last_refresh_error ~ 'SQLSTATE 40P01')
                THEN string_agg('SELECT ayb_jobs.enqueue(''materialized_view_refresh'', '
                                || quote_literal(jsonb_build_object('schema_name', m.schema_name, 'view_name', m.view_name)) || ');',
                                ' ' ORDER BY m.schema_name, m.view_name) FILTER (WHERE m.last_refresh_error ~ 'SQLSTATE 40P01')
                     || ' locks one view at a time, where refresh_all() holds each to its end.'
                WHEN count(m.id) > 0 THEN string_agg('SELECT ayb_jobs.refresh_now(''' || m.id || ''');', ' ' ORDER BY m.schema_name, m.view_name)
                     || ' once the view is mended, see ayb_jobs.matviews, or ayb_jobs.unregister_matview(' || quote_literal(min(m.id::text)) || ').' END
    FROM ayb_jobs.matview_refreshes AS m WHERE m.last_refresh_status = 'error'
    UNION ALL
    SELECT 'lanes', CASE WHEN count(l.error) = 0 THEN 'ok' ELSE 'error' END,
           coalesce(string_agg('role ' || l.role || ': ' || l.error, '; ' ORDER BY l.role::text),
                    'every lane can be served'),
           string_agg(CASE WHEN r.oid IS NULL THEN 'What it has is taken out of service by itself; see the check duties.'
                                    WHEN NOT r.rolcanlogin THEN 'ALTER ROLE ' || l.role || ' LOGIN;'
                                    WHEN NOT has_database_privilege(r.oid, current_database(), 'CONNECT')
                                    THEN 'GRANT CONNECT ON DATABASE ' || quote_ident(current_database()) || ' TO ' || l.role || ';'
                                    ELSE 'See the server log for what ended it; it is tried again by itself.' END, ' ' ORDER BY l.role::text)
    FROM (SELECT DISTINCT a.role, a.error FROM ayb_jobs.lanes() AS a WHERE a.error IS NOT NULL) AS l LEFT JOIN pg_roles AS r ON r.oid = l.role
    UNION ALL
    SELECT 'claim_indexes', CASE WHEN count(i.name) = 0 THEN 'ok' ELSE 'error' END,
           coalesce(string_agg(i.name || CASE WHEN i.missing THEN ' is missing' ELSE ' is invalid' END, ', ' ORDER BY i.name)
                    || ': no job is claimed', 'the indexes that claims read are there'),
           string_agg(CASE WHEN i.missing THEN i.definition ELSE 'REINDEX INDEX ayb_jobs.' || i.name END || ';', ' ' ORDER BY i.name)
    FROM (SELECT c.name, c.definition, x.indexrelid IS NULL AS missing
          FROM ayb_jobs_internal.claim_indexes() AS c LEFT JOIN pg_index AS x ON x.indexrelid = to_regclass('ayb_jobs.' || c.name)
          WHERE x.indisvalid IS NOT TRUE) AS i
    UNION ALL
    SELECT 'leases_lost', CASE WHEN l.recent THEN 'warning' ELSE 'ok' END,
           coalesce(s.leases_lost, 0) || ' attempts lost since the scheduler started'
           || coalesce(', the last one at ' || date_trunc('second', s.lost_at), ''),
           CASE WHEN l.recent THEN 'See ayb_jobs.attempts(job_id), and the server log; it is ok again an hour after the last one.' END
    FROM state AS s CROSS JOIN LATERAL (
        SELECT coalesce(s.lost_at > ayb_jobs_internal.now() - interval '1 h', false) AS recent) AS l
    UNION ALL
    SELECT 'endless', CASE WHEN count(q.id) = 0 THEN 'ok' ELSE 'warning' END,
           coalesce(string_agg('job ' || q.id || ' (' || q.type || ') has run ' || q.runs || ' times', '; ' ORDER BY q.id),
                    'no job has run 100000 times'),
           CASE WHEN count(q.id) > 0 THEN 'SELECT ayb_jobs.cancel(''' || min(q.id::text) || ''', force => true); ends it, where its snooze() never does.' END
    FROM ayb_jobs.job_queue AS q
    WHERE q.state IN ('queued', 'running') AND q.id IN (SELECT a.job_id FROM ayb_jobs.job_attempts AS a WHERE a.attempt > 100000)
    UNION ALL
    -- Who looks a job up by its id locks each day and its three indexes.
    SELECT 'locks', CASE WHEN l.bad THEN 'warning' ELSE 'ok' END,
           'a look-up by id takes ' || l.taken || ' locks; ' || l.places || ' are for all sessions',
           CASE WHEN l.bad THEN 'ALTER SYSTEM SET max_locks_per_transaction = ' || 2 * l.taken
                                || '; and a restart of the server; or a shorter ayb_jobs.retention.' END
    FROM (SELECT p.taken, p.places, 20 * p.taken > p.places AS bad
          FROM (SELECT 4 * d.days + 20 AS taken, current_setting('max_locks_per_transaction')::bigint
                       * (SELECT sum(n.setting::bigint) + 1 FROM pg_settings AS n
                          WHERE n.name IN ('max_connections', 'max_prepared_transactions', 'max_worker_processes', 'max_wal_senders',
                                           'autovacuum_max_workers')) AS places
                FROM days AS d) AS p) AS l
    UNION ALL
    SELECT 'clock', CASE WHEN c.recent OR a.jobs > 0 THEN 'warning' ELSE 'ok' END,
           concat_ws('; ', CASE WHEN c.recent THEN 'at ' || date_trunc('second', s.set_back_at) || ' the clock was set back by '
                                                   || s.set_back_seconds || ' s' END,
                           CASE WHEN a.jobs > 0 THEN a.jobs || ' jobs were created in the future, until ' || a.last || ', the first is ' || a.first END,
                           CASE WHEN NOT c.recent AND a.jobs = 0 THEN 'nothing is of the future' END),
           CASE WHEN a.jobs > 0 THEN 'UPDATE ayb_jobs.job_queue SET run_at = least(run_at, ayb_jobs_internal.now()), created_at = ayb_jobs_internal.now() WHERE created_at > ayb_jobs_internal.now() + interval ''1 min'';'
                                     ' by a superuser has them run now.'
                WHEN c.recent THEN 'Schedules, leases and back-offs were computed anew; it is ok again after an hour.' END
    FROM state AS s CROSS JOIN ahead AS a CROSS JOIN LATERAL (
        SELECT coalesce(s.set_back_at > ayb_jobs_internal.now() - interval '1 h', false) AS recent) AS c
    UNION ALL
    SELECT 'xmin_horizon', CASE WHEN o.seconds > 3600 OR o.age > 10000000 THEN 'warning' ELSE 'ok' END,
           coalesce(o.holder || ' holds back vacuum by ' || o.age || ' transactions'
                    || coalesce(', for ' || round(o.seconds) || ' s', ''), 'nothing holds back vacuum'),
           CASE WHEN o.seconds > 3600 OR o.age > 10000000 THEN o.hint || ' Dead rows can''t be removed before.' END
    FROM (SELECT 1) AS one LEFT JOIN oldest AS o ON true
    UNION ALL
    SELECT 'dead_tuples', CASE WHEN t.bad THEN 'warning' ELSE 'ok' END,
           coalesce(t.n_dead_tup, 0) || ' dead rows in job_queue, ' || coalesce(t.n_live_tup, 0) || ' live',
           CASE WHEN t.bad THEN 'VACUUM ayb_jobs.job_queue; and see that autovacuum is on and the check xmin_horizon is ok.' END
    FROM left_over AS t;
END;
COMMENT ON FUNCTION ayb_jobs.health() IS
    'one row a check: what is well, what isn''t, and what mends it; for ayb_jobs_read and pg_monitor';
