CREATE FUNCTION ayb_jobs_internal.prepare_history(at timestamptz) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_prepare_history';
COMMENT ON FUNCTION ayb_jobs_internal.prepare_history(timestamptz) IS 'makes the history''s partition for a day';

CREATE FUNCTION ayb_jobs_internal.history_begins() RETURNS timestamptz
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT ayb_jobs_internal.now() - current_setting('ayb_jobs.retention')::interval;
END;
COMMENT ON FUNCTION ayb_jobs_internal.history_begins() IS 'what completed before is not kept';

-- Whoever owns these tables must not have code run by whoever reads them: no view, no type with a cast of its own. The lock
-- keeps them as they are.
CREATE FUNCTION ayb_jobs_internal.ayb_table(schema text, name text) RETURNS text
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    source text := format('%I.%I', schema, name);
BEGIN
    IF to_regclass(source) IS NULL THEN
        RAISE undefined_table USING MESSAGE = format('table %s does not exist', source),
            HINT = 'Pass the schema in which AYB keeps its tables.';
    END IF;
    EXECUTE format('LOCK TABLE ONLY %s IN ACCESS SHARE MODE', source);
    IF NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = to_regclass(source) AND c.relkind = 'r')
       OR EXISTS (SELECT FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
                  WHERE a.attrelid = to_regclass(source) AND a.attnum > 0 AND t.typnamespace <> 'pg_catalog'::regnamespace) THEN
        RAISE wrong_object_type USING MESSAGE = format('%s is not a table as AYB makes it', source),
            DETAIL = 'It has to be a plain table whose columns are all of PostgreSQL''s own types.',
            HINT = 'Pass the schema in which AYB keeps its tables.';
    END IF;
    RETURN source;
END
$$;
COMMENT ON FUNCTION ayb_jobs_internal.ayb_table(text, text) IS
    'the quoted name of a table of AYB''s, which must be there and run no code when it is read';

CREATE FUNCTION ayb_jobs_internal.owner_of(source text) RETURNS regrole
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT c.relowner::regrole FROM pg_class AS c WHERE c.oid = to_regclass(source);
END;
COMMENT ON FUNCTION ayb_jobs_internal.owner_of(text) IS 'to whom belongs what is taken over from a table';

CREATE FUNCTION ayb_jobs_internal.import_ayb_schedules(source text) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    imported bigint;
BEGIN
    EXECUTE format($sql$
        WITH fresh AS (
            INSERT INTO ayb_jobs.schedules AS s (id, name, job_type, payload, cron_expr, timezone, enabled, max_attempts,
                                                 run_as, next_run_at, last_run_at, created_at, updated_at)
            SELECT a.id, a.name, a.job_type, coalesce(a.payload, '{}'), a.cron_expr, a.timezone, a.enabled, a.max_attempts,
                   ayb_jobs_internal.owner_of(%1$L), a.next_run_at, a.last_run_at, a.created_at, a.updated_at
            FROM ONLY %1$s AS a WHERE NOT EXISTS (SELECT FROM ayb_jobs.imports AS i WHERE i.id = a.id)
              AND a.job_type NOT IN ('command', 'delete_expired')
            ON CONFLICT DO NOTHING RETURNING s.id
        )
        INSERT INTO ayb_jobs.imports (id) SELECT f.id FROM fresh AS f$sql$, source);
    GET DIAGNOSTICS imported = ROW_COUNT;
    RETURN imported;
END
$$;
COMMENT ON FUNCTION ayb_jobs_internal.import_ayb_schedules(text) IS 'a part of import_ayb()';

CREATE FUNCTION ayb_jobs_internal.import_ayb_history(source text) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    kept_since timestamptz := ayb_jobs_internal.history_begins();
    completed timestamptz;
    imported bigint;
BEGIN
    FOR completed IN EXECUTE format($sql$
        SELECT min(coalesce(a.completed_at, a.updated_at)) FROM ONLY %1$s AS a
        WHERE a.state = 'completed' AND coalesce(a.completed_at, a.updated_at) >= $1
        GROUP BY date_trunc('day', coalesce(a.completed_at, a.updated_at), 'UTC')$sql$, source) USING kept_since
    LOOP
        PERFORM ayb_jobs_internal.prepare_history(completed);
    END LOOP;
    EXECUTE format($sql$
        WITH fresh AS (
            INSERT INTO ayb_jobs.imports AS i (id) SELECT a.id FROM ONLY %1$s AS a
            WHERE a.state = 'completed' AND coalesce(a.completed_at, a.updated_at) >= $1
            ON CONFLICT DO NOTHING RETURNING i.id
        )
        INSERT INTO ayb_jobs.job_history (id, type, payload, run_as, enqueued_by, run_at, worker_id, attempts, max_attempts,
                                          runs, last_error, last_run_at, idempotency_key, schedule_id, created_at, completed_at)
        SELECT a.id, a.type, coalesce(a.payload, '{}'), ayb_jobs_internal.owner_of(%1$L), ayb_jobs_internal.owner_of(%1$L), a.run_at, a.worker_id,
               a.attempts, a.max_attempts, a.attempts, a.last_error, a.last_run_at,
               (SELECT k.idempotency_key FROM ayb_jobs.job_keys AS k WHERE k.job_id = a.id), a.schedule_id, a.created_at,
               coalesce(a.completed_at, a.updated_at)
        FROM ONLY %1$s AS a JOIN fresh AS f ON f.id = a.id$sql$, source) USING kept_since;
    GET DIAGNOSTICS imported = ROW_COUNT;
    RETURN imported;
END
$$;
COMMENT ON FUNCTION ayb_jobs_internal.import_ayb_history(text) IS 'a part of import_ayb(): completed jobs, as far as retention keeps them';

CREATE FUNCTION ayb_jobs_internal.import_ayb_queue(source text) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    imported bigint;
BEGIN
    EXECUTE format($sql$
        WITH fresh AS (
            INSERT INTO ayb_jobs.imports AS i (id) SELECT a.id FROM ONLY %1$s AS a WHERE a.state <> 'completed' AND a.type NOT IN ('command', 'delete_expired')
            ON CONFLICT DO NOTHING RETURNING i.id
        )
        INSERT INTO ayb_jobs.job_queue (id, type, payload, state, run_as, enqueued_by, run_at, attempts, max_attempts, runs,
                                        last_error, last_run_at, idempotency_key, schedule_id, created_at, updated_at, canceled_at)
        SELECT a.id, a.type, coalesce(a.payload, '{}'), CASE a.state WHEN 'running' THEN 'queued' ELSE a.state END,
               ayb_jobs_internal.owner_of(%1$L), ayb_jobs_internal.owner_of(%1$L), a.run_at, a.attempts, a.max_attempts, a.attempts, a.last_error, a.last_run_at,
               (SELECT k.idempotency_key FROM ayb_jobs.job_keys AS k WHERE k.job_id = a.id),
               (SELECT s.id FROM ayb_jobs.schedules AS s WHERE s.id = a.schedule_id), a.created_at, a.updated_at, a.canceled_at
        FROM ONLY %1$s AS a JOIN fresh AS f ON f.id = a.id$sql$, source);
    GET DIAGNOSTICS imported = ROW_COUNT;
    RETURN imported;
END
$$;
COMMENT ON FUNCTION ayb_jobs_internal.import_ayb_queue(text) IS 'a part of import_ayb(): jobs that are not completed; running ones are queued';

CREATE FUNCTION ayb_jobs_internal.import_ayb_jobs(source text) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- A key that one of our jobs has, or that is longer than ours may be, is left out.
    EXECUTE format($sql$
        INSERT INTO ayb_jobs.job_keys (run_as, idempotency_key, job_id)
        SELECT ayb_jobs_internal.owner_of(%1$L), a.idempotency_key, a.id FROM ONLY %1$s AS a
        WHERE octet_length(a.idempotency_key) BETWEEN 1 AND 255 AND a.type NOT IN ('command', 'delete_expired')
          AND (a.state <> 'completed' OR coalesce(a.completed_at, a.updated_at) >= $1)
          AND NOT EXISTS (SELECT FROM ayb_jobs.imports AS i WHERE i.id = a.id)
          AND NOT EXISTS (SELECT FROM ayb_jobs.job_queue AS q WHERE q.registration IS NULL AND q.run_as = ayb_jobs_internal.owner_of(%1$L)
                                                                AND q.idempotency_key = a.idempotency_key)
        ON CONFLICT DO NOTHING$sql$, source) USING ayb_jobs_internal.history_begins();
    RETURN ayb_jobs_internal.import_ayb_history(source) + ayb_jobs_internal.import_ayb_queue(source);
END
$$;
COMMENT ON FUNCTION ayb_jobs_internal.import_ayb_jobs(text) IS 'a part of import_ayb()';

CREATE FUNCTION ayb_jobs_internal.import_ayb_matviews(source text) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    imported bigint;
BEGIN
    EXECUTE format($sql$
        WITH fresh AS (
            INSERT INTO ayb_jobs.matview_refreshes AS m (id, schema_name, view_name, refresh_mode, run_as, last_refresh_at,
                last_refresh_duration_ms, last_refresh_status, last_refresh_error, last_success_at, created_at, updated_at)
            SELECT a.id, a.schema_name, a.view_name, a.refresh_mode,
                   coalesce((SELECT c.relowner::regrole FROM pg_class AS c
                             WHERE c.oid = to_regclass(format('%%I.%%I', a.schema_name, a.view_name))), ayb_jobs_internal.owner_of(%1$L)),
                   a.last_refresh_at, a.last_refresh_duration_ms, a.last_refresh_status, a.last_refresh_error,
                   CASE WHEN a.last_refresh_status = 'success' THEN a.last_refresh_at END, a.created_at, a.updated_at
            FROM ONLY %1$s AS a WHERE NOT EXISTS (SELECT FROM ayb_jobs.imports AS i WHERE i.id = a.id)
            ON CONFLICT DO NOTHING RETURNING m.id
        )
        INSERT INTO ayb_jobs.imports (id) SELECT f.id FROM fresh AS f$sql$, source);
    GET DIAGNOSTICS imported = ROW_COUNT;
    RETURN imported;
END
$$;
COMMENT ON FUNCTION ayb_jobs_internal.import_ayb_matviews(text) IS 'a part of import_ayb()';

CREATE FUNCTION ayb_jobs.import_ayb(schema text DEFAULT 'public', OUT schedules bigint, OUT jobs bigint, OUT matviews bigint)
    RETURNS record LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    left_out bigint;
BEGIN
    IF NOT pg_has_role((SELECT e.extowner FROM pg_extension AS e WHERE e.extname = 'ayb_jobs'), 'USAGE') THEN
        RAISE insufficient_privilege USING MESSAGE = 'only the extension''s owner may import AYB''s tables',
            HINT = 'Call ayb_jobs.import_ayb() as a superuser.';
    END IF;
    schedules := ayb_jobs_internal.import_ayb_schedules(ayb_jobs_internal.ayb_table(schema, '_ayb_job_schedules'));
    jobs := ayb_jobs_internal.import_ayb_jobs(ayb_jobs_internal.ayb_table(schema, '_ayb_jobs'));
    matviews := ayb_jobs_internal.import_ayb_matviews(ayb_jobs_internal.ayb_table(schema, '_ayb_matview_refreshes'));
    EXECUTE format($sql$
        SELECT (SELECT count(*) FROM ONLY %1$I._ayb_jobs AS a WHERE a.state <> 'completed' AND a.type IN ('command', 'delete_expired'))
             + (SELECT count(*) FROM ONLY %1$I._ayb_job_schedules AS a WHERE a.job_type IN ('command', 'delete_expired'))$sql$, schema)
        INTO left_out;
    IF left_out > 0 THEN
        RAISE NOTICE USING MESSAGE = format('%s jobs and schedules of the types command and delete_expired are left out', left_out),
            HINT = 'What they would run was not written by whoever imports them: enqueue what you want of it.';
    END IF;
END
$$;
COMMENT ON FUNCTION ayb_jobs.import_ayb(text) IS
    'takes over AYB''s jobs, schedules and refreshes, with their ids, states and times, to run as the owner of AYB''s tables; says how many were new; leaves out commands and delete_expired';
