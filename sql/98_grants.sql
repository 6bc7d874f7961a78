-- Who may call what. PostgreSQL's default is that everybody may; default privileges may say otherwise, so nothing is left
-- to them.
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA ayb_jobs, ayb_jobs_internal TO PUBLIC;
GRANT USAGE ON TYPE ayb_jobs.refresh_outcome TO PUBLIC;
REVOKE ALL ON FUNCTION ayb_jobs_internal.install_builtins(text), ayb_jobs_internal.prepare_history(timestamptz), ayb_jobs_internal.server_state(),
                       ayb_jobs_internal.processes(), ayb_jobs_internal.troubles(), ayb_jobs.health(), ayb_jobs_internal.wire_key() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ayb_jobs.health() TO ayb_jobs_admin, pg_monitor;
GRANT EXECUTE ON FUNCTION ayb_jobs_internal.wire_key() TO ayb_jobs_sidecar;
-- Triggers that exist fire whoever writes; nobody else is to make one of them, on a table of a shape of their own.
REVOKE ALL ON FUNCTION ayb_jobs_internal.note_job(), ayb_jobs_internal.note_schedule(), ayb_jobs_internal.note_configuration(),
                       ayb_jobs_internal.note_truncate(), ayb_jobs_internal.replace_builtin(), ayb_jobs_internal.expect_schedule(),
                       ayb_jobs_internal.fill_placeholder() FROM PUBLIC;
