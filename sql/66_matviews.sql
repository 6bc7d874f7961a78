CREATE TYPE ayb_jobs.refresh_outcome AS (
    id          uuid,
    schema_name text,
    view_name   text,
    status      text,
    duration_ms bigint,
    row_count   bigint,
    error       text,
    sqlstate    text,
    hint        text,
    reason      text
);
COMMENT ON TYPE ayb_jobs.refresh_outcome IS
    'what became of a refresh: success, error (then also sqlstate and hint) or skipped; reason is the word for why, error the words';

-- What REFRESH MATERIALIZED VIEW CONCURRENTLY itself asks for.
CREATE FUNCTION ayb_jobs_internal.has_unique_index(view oid) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (
        SELECT FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS a ON a.oid = c.relam
        WHERE i.indrelid = view AND a.amname = 'btree' AND i.indisunique AND i.indimmediate AND i.indisvalid
          AND i.indpred IS NULL AND NOT 0 = ANY (i.indkey::int2[]));
END;
COMMENT ON FUNCTION ayb_jobs_internal.has_unique_index(oid) IS
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

CREATE FUNCTION ayb_jobs_internal.refresh_by_name(view_name text, schema_name text)
    RETURNS ayb_jobs.refresh_outcome LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_refresh_by_name';
COMMENT ON FUNCTION ayb_jobs_internal.refresh_by_name(text, text) IS
    'refreshes a view, which is registered as standard first where it is not yet';

-- Order. What a relation's SELECT rule reads is in pg_depend; plain views are passed through. UNION ends the
-- walk even where CREATE OR REPLACE VIEW has made a circle.
CREATE VIEW ayb_jobs_internal.reads AS
SELECT DISTINCT r.ev_class AS reader, d.refobjid AS relation
FROM pg_catalog.pg_rewrite AS r
JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
                              AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> r.ev_class
WHERE r.ev_type = '1';
COMMENT ON VIEW ayb_jobs_internal.reads IS 'which relations a view or materialized view reads by itself';

CREATE FUNCTION ayb_jobs.matview_dependencies(OUT schema_name text, OUT view_name text, OUT reads_schema text,
                                              OUT reads_view text)
    RETURNS SETOF record LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE walk AS (
        SELECT m.oid AS view, e.relation FROM pg_class AS m JOIN ayb_jobs_internal.reads AS e ON e.reader = m.oid
        WHERE m.relkind = 'm'
        UNION
        SELECT w.view, e.relation FROM walk AS w JOIN pg_class AS v ON v.oid = w.relation AND v.relkind = 'v'
        JOIN ayb_jobs_internal.reads AS e ON e.reader = v.oid
    )
    SELECT v.relnamespace::regnamespace::text, v.relname::text, m.relnamespace::regnamespace::text, m.relname::text
    FROM walk AS w JOIN pg_class AS v ON v.oid = w.view JOIN pg_class AS m ON m.oid = w.relation
    WHERE m.relkind = 'm' ORDER BY 1, 2, 3, 4;
END;
COMMENT ON FUNCTION ayb_jobs.matview_dependencies() IS
    'which materialized views read which others, themselves or through plain views';

-- All that a view reads, however indirectly.
CREATE FUNCTION ayb_jobs_internal.reads_all() RETURNS TABLE (view oid, relation oid)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE edge AS MATERIALIZED (
        SELECT e.reader, e.relation FROM ayb_jobs_internal.reads AS e
    ), walk AS (
        SELECT m.oid AS view, e.relation FROM pg_class AS m JOIN edge AS e ON e.reader = m.oid WHERE m.relkind = 'm'
        UNION
        SELECT w.view, e.relation FROM walk AS w JOIN edge AS e ON e.reader = w.relation
    )
    SELECT w.view, w.relation FROM walk AS w WHERE w.relation <> w.view;
END;
COMMENT ON FUNCTION ayb_jobs_internal.reads_all() IS 'every relation that a materialized view depends on';

-- In the order of how much each reads: whatever a view reads, reads less itself; in a circle all read the same,
-- and the name decides.
CREATE FUNCTION ayb_jobs_internal.refresh_order(role oid, everything boolean, OUT id uuid, OUT schema_name text,
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
        FROM registered AS r LEFT JOIN ayb_jobs_internal.reads_all() AS c ON c.view = r.view
        GROUP BY r.id, r.schema_name, r.view_name, r.run_as, r.view, r.relowner
    )
    SELECT o.id, o.schema_name, o.view_name,
           ARRAY(SELECT p.id FROM ordered AS p WHERE p.view = ANY (o.relations) AND p.place < o.place ORDER BY p.place), o.place
    FROM ordered AS o
    WHERE everything OR pg_has_role(role, coalesce(o.relowner, o.run_as), 'USAGE') ORDER BY o.place;
END;
COMMENT ON FUNCTION ayb_jobs_internal.refresh_order(oid, boolean) IS
    'the registrations that a role may refresh, each after all that it reads, with those of them that it reads';

CREATE FUNCTION ayb_jobs.refresh_all(schema_name text DEFAULT 'public') RETURNS SETOF ayb_jobs.refresh_outcome
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_refresh_all';
COMMENT ON FUNCTION ayb_jobs.refresh_all(text) IS
    'refreshes the registered views of a schema that the caller may refresh, each after those that it reads, in one transaction; a failed one skips its dependents';

CREATE FUNCTION ayb_jobs_internal.refresh_dependents(id uuid, failed boolean, later boolean) RETURNS jsonb
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_refresh_dependents';
COMMENT ON FUNCTION ayb_jobs_internal.refresh_dependents(uuid, boolean, boolean) IS
    'enqueues a flow of the dependents of a view, and says which; after a failure says which are skipped, and cancels them in a later job of the run';

CREATE FUNCTION ayb_jobs_internal.refresh_job(payload jsonb) RETURNS jsonb
    LANGUAGE sql VOLATILE
BEGIN ATOMIC
    SELECT jsonb_strip_nulls(to_jsonb(o))
           || CASE WHEN (payload ->> 'with_dependents')::boolean
                   THEN ayb_jobs_internal.refresh_dependents(o.id, o.status = 'error', (payload ->> 'run')::boolean) ELSE '{}' END
    FROM ayb_jobs_internal.refresh_by_name(payload ->> 'view_name', coalesce(payload ->> 'schema_name', payload ->> 'schema', 'public')) AS o;
END;
COMMENT ON FUNCTION ayb_jobs_internal.refresh_job(jsonb) IS
    'the type materialized_view_refresh: refreshes schema_name.view_name; the job completes with the outcome as its result';

-- Advice.
CREATE FUNCTION ayb_jobs_internal.unique_index_advice(view oid) RETURNS text
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ayb_jobs_unique_index_advice';
COMMENT ON FUNCTION ayb_jobs_internal.unique_index_advice(oid) IS
    'the CREATE UNIQUE INDEX that a concurrent refresh of the view needs; NULL where a column can''t be in one';

CREATE FUNCTION ayb_jobs_internal.size_unless_locked(relation oid) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_size_unless_locked';
COMMENT ON FUNCTION ayb_jobs_internal.size_unless_locked(oid) IS
    'bytes of a relation with its indexes; NULL while somebody has it locked, as a refresh has';

CREATE FUNCTION ayb_jobs_internal.base_changes(view oid) RETURNS bigint
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE walk AS (
        SELECT e.relation FROM ayb_jobs_internal.reads AS e WHERE e.reader = view
        UNION
        SELECT n.relation FROM walk AS w CROSS JOIN LATERAL (
            SELECT e.relation FROM ayb_jobs_internal.reads AS e WHERE e.reader = w.relation
            UNION ALL
            SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = w.relation) AS n
    )
    SELECT coalesce(sum(pg_stat_get_tuples_inserted(w.relation) + pg_stat_get_tuples_updated(w.relation)
                        + pg_stat_get_tuples_deleted(w.relation)), 0)::bigint
    FROM walk AS w JOIN pg_class AS c ON c.oid = w.relation WHERE c.relkind = 'r';
END;
COMMENT ON FUNCTION ayb_jobs_internal.base_changes(oid) IS
    'rows that PostgreSQL''s statistics say were inserted, updated or deleted in all base tables of a view';

-- skip_unchanged. A trigger on each base table notes, for the commit, that a statement changed it.
CREATE FUNCTION ayb_jobs_internal.note_change() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ayb_jobs_note_change';
COMMENT ON FUNCTION ayb_jobs_internal.note_change() IS
    'tells the refreshes of materialized views, at the commit, that their base table has changed';

CREATE FUNCTION ayb_jobs_internal.reads_besides_tables(view oid) RETURNS text
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ayb_jobs_reads_besides_tables';
COMMENT ON FUNCTION ayb_jobs_internal.reads_besides_tables(oid) IS
    'why the query of a view may give something else on unchanged tables: now(), random(), a sample, the catalogs; NULL if it can''t';

-- The trigger as it was made: on every statement, ALWAYS, without a condition.
CREATE VIEW ayb_jobs_internal.change_triggers AS
SELECT t.oid, t.tgrelid AS relation, t.xmin, t.ctid
FROM pg_catalog.pg_trigger AS t
WHERE t.tgfoid = 'ayb_jobs_internal.note_change()'::pg_catalog.regprocedure AND t.tgenabled = 'A' AND t.tgtype = 62
  AND t.tgqual IS NULL AND pg_catalog.cardinality(t.tgattr::pg_catalog.int2[]) = 0;
COMMENT ON VIEW ayb_jobs_internal.change_triggers IS 'the tables whose changes are noted for materialized views';

-- What a view reads by itself and through plain views, with all partitions and children of that, and with their
-- parents, through which they can be written to. A materialized view that it reads is a source like a table.
CREATE FUNCTION ayb_jobs_internal.sources(view oid) RETURNS TABLE (relation oid)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE below AS (
        SELECT e.relation FROM ayb_jobs_internal.reads AS e WHERE e.reader = view
        UNION
        SELECT n.relation FROM below AS b CROSS JOIN LATERAL (
            SELECT e.relation FROM pg_class AS v JOIN ayb_jobs_internal.reads AS e ON e.reader = v.oid
            WHERE v.oid = b.relation AND v.relkind = 'v'
            UNION ALL
            SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = b.relation) AS n
    ), family AS (
        SELECT b.relation FROM below AS b
        UNION
        SELECT i.inhparent FROM family AS f JOIN pg_inherits AS i ON i.inhrelid = f.relation
    )
    SELECT f.relation FROM family AS f JOIN pg_class AS c ON c.oid = f.relation WHERE c.relkind <> 'v' ORDER BY 1;
END;
COMMENT ON FUNCTION ayb_jobs_internal.sources(oid) IS 'every table and materialized view whose change may change a view';

CREATE FUNCTION ayb_jobs_internal.rules(view oid) RETURNS TABLE (rule oid, reader oid, version text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE readers AS (
        SELECT view AS relation
        UNION
        SELECT e.relation FROM readers AS r JOIN ayb_jobs_internal.reads AS e ON e.reader = r.relation
        JOIN pg_class AS c ON c.oid = e.relation AND c.relkind = 'v'
    )
    SELECT w.oid, w.ev_class, concat_ws(' ', w.oid, w.xmin, w.ctid) FROM readers AS r
    JOIN pg_rewrite AS w ON w.ev_class = r.relation AND w.ev_type = '1' ORDER BY 1;
END;
COMMENT ON FUNCTION ayb_jobs_internal.rules(oid) IS 'the queries of a view and of the plain views that it reads';

-- Why the tables alone don't tell whether a view is new; no trigger would mend it. Of functions only built-in
-- ones are trusted: another one may be replaced, or say that it is immutable and not be.
CREATE FUNCTION ayb_jobs_internal.why_unknowable(view oid) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT min(u.reason) FROM (
        SELECT 'it uses ' || pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid) AS reason
        FROM ayb_jobs_internal.rules(view) AS r JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.rule
        WHERE d.refclassid <> 'pg_class'::regclass
        UNION ALL
        SELECT ayb_jobs_internal.reads_besides_tables(r.reader) FROM ayb_jobs_internal.rules(view) AS r
        UNION ALL
        SELECT 'it reads ' || pg_describe_object('pg_class'::regclass, c.oid, 0)
               || CASE WHEN c.relrowsecurity THEN ', which has row-level security' ELSE '' END
        FROM ayb_jobs_internal.sources(view) AS s JOIN pg_class AS c ON c.oid = s.relation
        WHERE c.relkind NOT IN ('r', 'p', 'm') OR c.relrowsecurity) AS u;
END;
COMMENT ON FUNCTION ayb_jobs_internal.why_unknowable(oid) IS
    'why it can''t be known whether a view would be another one after a refresh; NULL where it can';

CREATE FUNCTION ayb_jobs_internal.tables_without_trigger(view oid) RETURNS TABLE (relation oid)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.relation FROM ayb_jobs_internal.sources(view) AS s JOIN pg_class AS c ON c.oid = s.relation
    WHERE c.relkind IN ('r', 'p')
      AND NOT EXISTS (SELECT FROM ayb_jobs_internal.change_triggers AS t WHERE t.relation = s.relation) ORDER BY 1;
END;
COMMENT ON FUNCTION ayb_jobs_internal.tables_without_trigger(oid) IS 'the base tables of a view whose changes are not noted';

CREATE FUNCTION ayb_jobs_internal.why_never_skipped(view oid) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT coalesce(ayb_jobs_internal.why_unknowable(view),
                    (SELECT pg_describe_object('pg_class'::regclass, min(t.relation), 0) || ' has no trigger that notes its changes'
                     FROM ayb_jobs_internal.tables_without_trigger(view) AS t HAVING count(*) > 0));
END;
COMMENT ON FUNCTION ayb_jobs_internal.why_never_skipped(oid) IS
    'why a view with skip_unchanged is refreshed all the same; NULL where nothing is in the way';

-- Whatever is done to the rules, tables and triggers leaves another version of some row: a view that was replaced,
-- a trigger that was off for a while, a child that had another parent for a while, a table that was rewritten.
CREATE FUNCTION ayb_jobs_internal.sources_version(view oid) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT encode(sha256(string_agg(v.version, ',' ORDER BY v.version COLLATE "C")::bytea), 'hex') FROM (
        SELECT 'rule ' || r.version AS version FROM ayb_jobs_internal.rules(view) AS r
        UNION ALL
        SELECT concat_ws(' ', 'table', c.oid, c.relfilenode) FROM ayb_jobs_internal.sources(view) AS s
        JOIN pg_class AS c ON c.oid = s.relation
        UNION ALL
        SELECT concat_ws(' ', 'column', a.attrelid, a.attnum, a.xmin, a.ctid) FROM ayb_jobs_internal.sources(view) AS s
        JOIN pg_attribute AS a ON a.attrelid = s.relation WHERE a.attnum > 0
        UNION ALL
        SELECT concat_ws(' ', 'child', i.inhrelid, i.inhparent, i.xmin, i.ctid) FROM ayb_jobs_internal.sources(view) AS s
        JOIN pg_inherits AS i ON i.inhrelid = s.relation
        UNION ALL
        SELECT concat_ws(' ', 'trigger', t.oid, t.xmin, t.ctid) FROM ayb_jobs_internal.sources(view) AS s
        JOIN ayb_jobs_internal.change_triggers AS t ON t.relation = s.relation) AS v;
END;
COMMENT ON FUNCTION ayb_jobs_internal.sources_version(oid) IS 'another text whenever something but the rows of a view''s sources changes';

CREATE FUNCTION ayb_jobs_internal.needless_triggers() RETURNS TABLE (relation oid, name text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT t.tgrelid, t.tgname::text FROM pg_trigger AS t
    WHERE t.tgfoid = 'ayb_jobs_internal.note_change()'::regprocedure AND t.tgrelid NOT IN (
        SELECT s.relation FROM ayb_jobs.matview_refreshes AS m JOIN pg_namespace AS n ON n.nspname = m.schema_name
        JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = m.view_name AND c.relkind = 'm'
        CROSS JOIN LATERAL ayb_jobs_internal.sources(c.oid) AS s WHERE m.skip_unchanged) ORDER BY 1;
END;
COMMENT ON FUNCTION ayb_jobs_internal.needless_triggers() IS 'triggers that note changes for no view any more';

CREATE FUNCTION ayb_jobs_internal.has_prepared_transactions() RETURNS boolean
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM pg_prepared_xact() AS p JOIN pg_database AS d ON d.oid = p.dbid
                   WHERE d.datname = current_database());
END;
COMMENT ON FUNCTION ayb_jobs_internal.has_prepared_transactions() IS 'whether a prepared transaction of this database waits';
