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

CREATE FUNCTION ayb_jobs._refresh_by_name(view_name text, schema_name text)
    RETURNS ayb_jobs.refresh_outcome LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_refresh_by_name';
COMMENT ON FUNCTION ayb_jobs._refresh_by_name(text, text) IS
    'refreshes a view, which is registered as standard first where it is not yet';

-- Order. What a relation's SELECT rule reads is in pg_depend; plain views are passed through. UNION ends the
-- walk even where CREATE OR REPLACE VIEW has made a circle.
CREATE VIEW ayb_jobs._reads AS
SELECT DISTINCT r.ev_class AS reader, d.refobjid AS relation
FROM pg_catalog.pg_rewrite AS r
JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
                              AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> r.ev_class
WHERE r.ev_type = '1';
COMMENT ON VIEW ayb_jobs._reads IS 'which relations a view or materialized view reads by itself';

CREATE FUNCTION ayb_jobs.matview_dependencies(OUT schema_name text, OUT view_name text, OUT reads_schema text,
                                              OUT reads_view text)
    RETURNS SETOF record LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE walk AS (
        SELECT m.oid AS view, e.relation FROM pg_class AS m JOIN ayb_jobs._reads AS e ON e.reader = m.oid
        WHERE m.relkind = 'm'
        UNION
        SELECT w.view, e.relation FROM walk AS w JOIN pg_class AS v ON v.oid = w.relation AND v.relkind = 'v'
        JOIN ayb_jobs._reads AS e ON e.reader = v.oid
    )
    SELECT v.relnamespace::regnamespace::text, v.relname::text, m.relnamespace::regnamespace::text, m.relname::text
    FROM walk AS w JOIN pg_class AS v ON v.oid = w.view JOIN pg_class AS m ON m.oid = w.relation
    WHERE m.relkind = 'm' ORDER BY 1, 2, 3, 4;
END;
COMMENT ON FUNCTION ayb_jobs.matview_dependencies() IS
    'which materialized views read which others, themselves or through plain views';

-- All that a view reads, however indirectly.
CREATE FUNCTION ayb_jobs._reads_all() RETURNS TABLE (view oid, relation oid)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE edge AS MATERIALIZED (
        SELECT e.reader, e.relation FROM ayb_jobs._reads AS e
    ), walk AS (
        SELECT m.oid AS view, e.relation FROM pg_class AS m JOIN edge AS e ON e.reader = m.oid WHERE m.relkind = 'm'
        UNION
        SELECT w.view, e.relation FROM walk AS w JOIN edge AS e ON e.reader = w.relation
    )
    SELECT w.view, w.relation FROM walk AS w WHERE w.relation <> w.view;
END;
COMMENT ON FUNCTION ayb_jobs._reads_all() IS 'every relation that a materialized view depends on';

-- In the order of how much each reads: whatever a view reads, reads less itself; in a circle all read the same,
-- and the name decides.
CREATE FUNCTION ayb_jobs._refresh_order(role oid, everything boolean, OUT id uuid, OUT schema_name text,
                                        OUT view_name text, OUT reads uuid[], OUT place bigint)
    RETURNS SETOF record LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH registered AS MATERIALIZED (
        SELECT m.id, m.schema_name, m.view_name, m.run_as, c.oid AS view, c.relowner
        FROM ayb_jobs.matview_refreshes AS m
        LEFT JOIN (pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace)
               ON n.nspname = m.schema_name AND c.relname = m.view_name AND c.relkind = 'm'
    ), ordered AS (
        SELECT r.*, row_number() OVER (ORDER BY count(c.relation), r.schema_name COLLATE "C", r.view_name COLLATE "C") AS place,
               array_agg(c.relation) AS relations
        FROM registered AS r LEFT JOIN ayb_jobs._reads_all() AS c ON c.view = r.view
        GROUP BY r.id, r.schema_name, r.view_name, r.run_as, r.view, r.relowner
    )
    SELECT o.id, o.schema_name, o.view_name,
           ARRAY(SELECT p.id FROM ordered AS p WHERE p.view = ANY (o.relations) AND p.place < o.place ORDER BY p.place), o.place
    FROM ordered AS o
    WHERE everything OR pg_has_role(role, coalesce(o.relowner, o.run_as), 'USAGE') ORDER BY o.place;
END;
COMMENT ON FUNCTION ayb_jobs._refresh_order(oid, boolean) IS
    'the registrations that a role may refresh, each after all that it reads, with those of them that it reads';

CREATE FUNCTION ayb_jobs.refresh_all(schema_name text DEFAULT 'public') RETURNS SETOF ayb_jobs.refresh_outcome
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_refresh_all';
COMMENT ON FUNCTION ayb_jobs.refresh_all(text) IS
    'refreshes the registered views of a schema that the caller may refresh, each after those that it reads, in one transaction; a failed one skips its dependents';

CREATE TABLE ayb_jobs.matview_waits (
    run        uuid        NOT NULL,
    matview_id uuid        NOT NULL,
    waits_for  uuid[]      NOT NULL,
    run_as     regrole     NOT NULL,
    created_at timestamptz NOT NULL DEFAULT ayb_jobs._now(),
    CONSTRAINT matview_waits_pkey PRIMARY KEY (run, matview_id),
    CONSTRAINT matview_waits_matview_id_fkey FOREIGN KEY (matview_id) REFERENCES ayb_jobs.matview_refreshes (id)
        ON DELETE CASCADE
);
COMMENT ON TABLE ayb_jobs.matview_waits IS
    'views that jobs are still to refresh with those that they read, and which of these are not done yet; not dumped';
ALTER TABLE ayb_jobs.matview_waits ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION ayb_jobs._refresh_dependents(id uuid, failed boolean, run uuid) RETURNS jsonb
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_refresh_dependents';
COMMENT ON FUNCTION ayb_jobs._refresh_dependents(uuid, boolean, uuid) IS
    'enqueues the dependents of a view that wait for nothing else, and says which; after a failure says which are skipped';

CREATE FUNCTION ayb_jobs._refresh_job(payload jsonb) RETURNS jsonb
    LANGUAGE sql VOLATILE
BEGIN ATOMIC
    SELECT jsonb_strip_nulls(to_jsonb(o))
           || CASE WHEN (payload ->> 'with_dependents')::boolean
                   THEN ayb_jobs._refresh_dependents(o.id, o.status = 'error', (payload ->> 'run')::uuid) ELSE '{}' END
    FROM ayb_jobs._refresh_by_name(payload ->> 'view_name', coalesce(payload ->> 'schema', 'public')) AS o;
END;
COMMENT ON FUNCTION ayb_jobs._refresh_job(jsonb) IS
    'the type materialized_view_refresh: refreshes schema.view_name; the job completes with the outcome as its result';

-- Advice.
CREATE FUNCTION ayb_jobs._unique_index_advice(view oid) RETURNS text
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ayb_jobs_unique_index_advice';
COMMENT ON FUNCTION ayb_jobs._unique_index_advice(oid) IS
    'the CREATE UNIQUE INDEX that a concurrent refresh of the view needs; NULL where a column can''t be in one';

CREATE FUNCTION ayb_jobs._size_unless_locked(relation oid) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_size_unless_locked';
COMMENT ON FUNCTION ayb_jobs._size_unless_locked(oid) IS
    'bytes of a relation with its indexes; NULL while somebody has it locked, as a refresh has';

CREATE FUNCTION ayb_jobs._base_changes(view oid) RETURNS bigint
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE walk AS (
        SELECT e.relation FROM ayb_jobs._reads AS e WHERE e.reader = view
        UNION
        SELECT n.relation FROM walk AS w CROSS JOIN LATERAL (
            SELECT e.relation FROM ayb_jobs._reads AS e WHERE e.reader = w.relation
            UNION ALL
            SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = w.relation) AS n
    )
    SELECT coalesce(sum(pg_stat_get_tuples_inserted(w.relation) + pg_stat_get_tuples_updated(w.relation)
                        + pg_stat_get_tuples_deleted(w.relation)), 0)::bigint
    FROM walk AS w JOIN pg_class AS c ON c.oid = w.relation WHERE c.relkind = 'r';
END;
COMMENT ON FUNCTION ayb_jobs._base_changes(oid) IS
    'rows that PostgreSQL''s statistics say were inserted, updated or deleted in all base tables of a view';

CREATE VIEW ayb_jobs.matviews WITH (security_invoker = true) AS
SELECT m.id, m.schema_name, m.view_name, m.refresh_mode, m.skip_unchanged, m.lock_timeout, m.statement_timeout, m.run_as,
       m.last_refresh_at, m.last_refresh_duration_ms, m.last_refresh_status, m.last_refresh_error, m.last_refresh_rows,
       m.last_skipped_at, m.last_durations_ms, m.created_at, m.updated_at,
       c.oid IS NOT NULL AS view_exists, c.relispopulated AS is_populated,
       ayb_jobs._size_unless_locked(c.oid) AS size_bytes,
       c.relispopulated AND ayb_jobs._has_unique_index(c.oid) AS concurrent_possible,
       CASE WHEN NOT c.relispopulated THEN pg_catalog.format('REFRESH MATERIALIZED VIEW %I.%I;', m.schema_name, m.view_name)
            WHEN NOT ayb_jobs._has_unique_index(c.oid) THEN ayb_jobs._unique_index_advice(c.oid) END AS concurrent_advice,
       CASE WHEN c.oid IS NOT NULL AND m.changes_seen IS NOT NULL
            THEN greatest(ayb_jobs._base_changes(c.oid) - m.changes_seen, 0) END AS estimated_changes
FROM ayb_jobs.matview_refreshes AS m
LEFT JOIN (pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace)
       ON n.nspname = m.schema_name AND c.relname = m.view_name AND c.relkind = 'm';
COMMENT ON VIEW ayb_jobs.matviews IS 'registered materialized views: how the last refresh went, how stale each is, what it needs';
COMMENT ON COLUMN ayb_jobs.matviews.concurrent_advice IS 'the statement that makes a concurrent refresh possible, where it isn''t';
COMMENT ON COLUMN ayb_jobs.matviews.estimated_changes IS
    'rows changed in its base tables since the last good refresh: an estimate from PostgreSQL''s statistics';
GRANT SELECT ON ayb_jobs._reads, ayb_jobs.matviews TO PUBLIC;
