-- Who may call what. PostgreSQL's default is that everybody may; default privileges may say otherwise, so nothing is left
-- to them.
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA ayb_jobs TO PUBLIC;
GRANT USAGE ON TYPE ayb_jobs.refresh_outcome TO PUBLIC;
REVOKE ALL ON FUNCTION ayb_jobs._install_builtins(text), ayb_jobs._prepare_history(timestamptz), ayb_jobs._server_state(),
                       ayb_jobs._processes(), ayb_jobs._troubles(), ayb_jobs.health(), ayb_jobs._wire_key() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ayb_jobs.health() TO ayb_jobs_admin, pg_monitor;
GRANT EXECUTE ON FUNCTION ayb_jobs._wire_key() TO ayb_jobs_sidecar;
-- Triggers that exist fire whoever writes; nobody else is to make one of them, on a table of a shape of their own.
REVOKE ALL ON FUNCTION ayb_jobs._note_job(), ayb_jobs._note_schedule(), ayb_jobs._note_configuration(),
                       ayb_jobs._note_truncate(), ayb_jobs._replace_builtin(), ayb_jobs._expect_schedule(),
                       ayb_jobs._fill_placeholder() FROM PUBLIC;
