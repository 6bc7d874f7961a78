-- Who may do what. Default privileges of whoever installs this, or makes a day of the history, may have given anybody
-- anything: nothing is left to them.
CREATE FUNCTION ayb_jobs_internal.grants(OUT object text, OUT grantee text, OUT privilege text) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT o.object, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, a.privilege_type
    FROM (SELECT 'SCHEMA ' || n.oid::regnamespace AS object, n.nspowner AS owner, n.oid AS schema, n.nspacl AS acl
          FROM pg_namespace AS n
          UNION ALL
          SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass, c.relowner, c.relnamespace, c.relacl
          FROM pg_class AS c
          UNION ALL
          SELECT 'TABLE ' || c.oid::regclass, c.relowner, c.relnamespace, t.attacl
          FROM pg_class AS c JOIN pg_attribute AS t ON t.attrelid = c.oid
          UNION ALL
          SELECT 'ROUTINE ' || p.oid::regprocedure, p.proowner, p.pronamespace, p.proacl FROM pg_proc AS p
          UNION ALL
          SELECT 'TYPE ' || t.oid::regtype, t.typowner, t.typnamespace, t.typacl FROM pg_type AS t) AS o
    CROSS JOIN aclexplode(o.acl) AS a
    WHERE o.schema IN ('ayb_jobs'::regnamespace, 'ayb_jobs_internal'::regnamespace) AND a.grantee <> o.owner;
END;
COMMENT ON FUNCTION ayb_jobs_internal.grants() IS 'who but the owner has been given what of the extension''s objects';

CREATE FUNCTION ayb_jobs_internal.revoke_grants(only_object text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    statement text;
BEGIN
    FOR statement IN SELECT DISTINCT format('REVOKE ALL ON %s FROM %s CASCADE', g.object, g.grantee)
                     FROM ayb_jobs_internal.grants() AS g WHERE g.object = coalesce(only_object, g.object) LOOP
        EXECUTE statement;
    END LOOP;
END
$$;
COMMENT ON FUNCTION ayb_jobs_internal.revoke_grants(text) IS 'takes back what anybody but the owner was given of an object, or of all';

-- As a DO block, so that psql shows no result.
DO $$ BEGIN PERFORM ayb_jobs_internal.revoke_grants(); END $$;
GRANT USAGE ON SCHEMA ayb_jobs, ayb_jobs_internal TO PUBLIC;
-- Of every table: pg_dump locks each, for which it takes SELECT, and the policies say which rows that shows.
GRANT SELECT ON ALL TABLES IN SCHEMA ayb_jobs, ayb_jobs_internal TO PUBLIC;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA ayb_jobs, ayb_jobs_internal TO PUBLIC;
GRANT USAGE ON TYPE ayb_jobs.refresh_outcome, ayb_jobs.claimed_job TO PUBLIC;
REVOKE ALL ON FUNCTION ayb_jobs_internal.install_builtins(text), ayb_jobs_internal.prepare_history(timestamptz), ayb_jobs_internal.server_state(),
                       ayb_jobs_internal.processes(), ayb_jobs_internal.troubles(), ayb_jobs.health(), ayb_jobs_internal.wire_key() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ayb_jobs.health() TO ayb_jobs_admin, pg_monitor;
GRANT EXECUTE ON FUNCTION ayb_jobs_internal.wire_key() TO ayb_jobs_sidecar;
-- Triggers that exist fire whoever writes; nobody else is to make one of them, on a table of a shape of their own.
REVOKE ALL ON FUNCTION ayb_jobs_internal.note_job(), ayb_jobs_internal.note_schedule(), ayb_jobs_internal.note_configuration(),
                       ayb_jobs_internal.note_truncate(), ayb_jobs_internal.replace_builtin(), ayb_jobs_internal.expect_schedule(),
                       ayb_jobs_internal.fill_placeholder() FROM PUBLIC;
