-- Who may do what. Default privileges of whoever installs this, or makes a day of the history, may have given anybody
-- anything: nothing is left to them.
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
GRANT USAGE ON TYPE ayb_jobs.refresh_outcome, ayb_jobs.claimed_job, ayb_jobs.parent_job TO PUBLIC;
REVOKE ALL ON FUNCTION ayb_jobs_internal.install_builtins(text), ayb_jobs_internal.prepare_history(timestamptz), ayb_jobs_internal.server_state(),
                       ayb_jobs_internal.retire_jobs(integer), ayb_jobs_internal.retire_history(uuid, integer), ayb_jobs_internal.retire_rights(),
                       ayb_jobs_internal.processes(), ayb_jobs_internal.troubles(), ayb_jobs.health(), ayb_jobs_internal.wire_key(),
                       ayb_jobs_internal.totals(), ayb_jobs_internal.turn_tables(), ayb_jobs_internal.mark_edge(uuid, uuid, boolean, uuid),
                       ayb_jobs_internal.put_off_since() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ayb_jobs.health() TO ayb_jobs_read, pg_monitor;
GRANT EXECUTE ON FUNCTION ayb_jobs_internal.wire_key() TO ayb_jobs_sidecar;
GRANT EXECUTE ON FUNCTION ayb_jobs_internal.totals() TO ayb_jobs_read;
-- It says of any id whether there is such a job.
REVOKE ALL ON PROCEDURE ayb_jobs_internal.wait_for_ends(uuid[], interval) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE ayb_jobs_internal.wait_for_ends(uuid[], interval) TO ayb_jobs_read;
-- Triggers that exist fire whoever writes; nobody else is to make one of them, on a table of a shape of their own.
REVOKE ALL ON FUNCTION ayb_jobs_internal.note_job(), ayb_jobs_internal.note_schedule(), ayb_jobs_internal.note_configuration(),
                       ayb_jobs_internal.note_truncate(), ayb_jobs_internal.note_limit(), ayb_jobs_internal.replace_builtin(), ayb_jobs_internal.expect_schedule(),
                       ayb_jobs_internal.fill_placeholder(), ayb_jobs_internal.note_row(), ayb_jobs_internal.note_truncated() FROM PUBLIC;
-- Whoever looks at changes does so as another role, so only a session that is for nothing else may.
REVOKE ALL ON FUNCTION ayb_jobs.realtime_changes(text, name, jsonb, regclass[], integer) FROM PUBLIC;
REVOKE ALL ON PROCEDURE ayb_jobs_internal.wait_for_realtime(regclass[], interval, bigint, oid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ayb_jobs.realtime_changes(text, name, jsonb, regclass[], integer) TO ayb_jobs_realtime;
GRANT EXECUTE ON PROCEDURE ayb_jobs_internal.wait_for_realtime(regclass[], interval, bigint, oid[]) TO ayb_jobs_realtime;
