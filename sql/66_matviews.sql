CREATE TYPE ayb_jobs.refresh_outcome AS (
    id          uuid,
    schema_name text,
    view_name   text,
    status      text,
    duration_ms bigint,
    row_count   bigint,
    error       text,
    sqlstate    text,
    hint        text
);
COMMENT ON TYPE ayb_jobs.refresh_outcome IS
    'what became of a refresh: success, error (then also sqlstate and hint) or skipped (then error says why, unless nothing had changed)';

-- What REFRESH … CONCURRENTLY itself asks for.
CREATE FUNCTION ayb_jobs._has_unique_index(view oid) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (
        SELECT FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS a ON a.oid = c.relam
        WHERE i.indrelid = view AND a.amname = 'btree' AND i.indisunique AND i.indimmediate AND i.indisvalid
          AND i.indpred IS NULL AND NOT 0 = ANY (i.indkey::int2[]));
END;
COMMENT ON FUNCTION ayb_jobs._has_unique_index(oid) IS
    'whether a materialized view has a unique index on plain columns over all of its rows';

CREATE FUNCTION ayb_jobs.register_matview(view_name text, schema_name text DEFAULT 'public',
                                          refresh_mode text DEFAULT 'standard', skip_unchanged boolean DEFAULT false,
                                          lock_timeout interval DEFAULT NULL, statement_timeout interval DEFAULT NULL)
    RETURNS ayb_jobs.matview_refreshes LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_register_matview';
COMMENT ON FUNCTION ayb_jobs.register_matview(text, text, text, boolean, interval, interval) IS
    'registers a materialized view of the caller, to be refreshed by standard or concurrent refreshes';

CREATE FUNCTION ayb_jobs.update_matview(id uuid, refresh_mode text DEFAULT NULL, skip_unchanged boolean DEFAULT NULL,
                                        lock_timeout interval DEFAULT NULL, statement_timeout interval DEFAULT NULL)
    RETURNS ayb_jobs.matview_refreshes LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_update_matview';
COMMENT ON FUNCTION ayb_jobs.update_matview(uuid, text, boolean, interval, interval) IS
    'changes what is given of a registration, and leaves what is NULL; a timeout of 0 is none';

CREATE FUNCTION ayb_jobs.unregister_matview(id uuid) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_unregister_matview';
COMMENT ON FUNCTION ayb_jobs.unregister_matview(uuid) IS 'removes a registration; the view stays';

CREATE FUNCTION ayb_jobs.matview_by_name(view_name text, schema_name text DEFAULT 'public')
    RETURNS ayb_jobs.matview_refreshes LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_matview_by_name';
COMMENT ON FUNCTION ayb_jobs.matview_by_name(text, text) IS 'the registration of a view; NULL where there is none';

CREATE FUNCTION ayb_jobs.refresh_now(id uuid) RETURNS ayb_jobs.refresh_outcome
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_refresh_now';
COMMENT ON FUNCTION ayb_jobs.refresh_now(uuid) IS
    'refreshes a registered view in this transaction, records and gives back what became of it; a failure is recorded, not raised';

CREATE FUNCTION ayb_jobs._refresh_by_name(view_name text, schema_name text, with_dependents boolean)
    RETURNS ayb_jobs.refresh_outcome LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_refresh_by_name';
COMMENT ON FUNCTION ayb_jobs._refresh_by_name(text, text, boolean) IS
    'refreshes a view, which is registered as standard first where it is not yet';

CREATE FUNCTION ayb_jobs._refresh_job(payload jsonb) RETURNS jsonb
    LANGUAGE sql VOLATILE
BEGIN ATOMIC
    SELECT jsonb_strip_nulls(to_jsonb(o))
    FROM ayb_jobs._refresh_by_name(payload ->> 'view_name', coalesce(payload ->> 'schema', 'public'),
                                   coalesce((payload ->> 'with_dependents')::boolean, false)) AS o;
END;
COMMENT ON FUNCTION ayb_jobs._refresh_job(jsonb) IS
    'the type materialized_view_refresh: refreshes schema.view_name; the job completes with the outcome as its result';

INSERT INTO ayb_jobs.handlers (type, kind, owner, function_schema, function_name, takes_payload, grouped, builtin)
VALUES ('materialized_view_refresh', 'function', current_user::regrole, 'ayb_jobs', '_refresh_job', true, false, true);
