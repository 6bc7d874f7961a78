\echo Use "CREATE EXTENSION ayb_jobs_test" to load this file. \quit

CREATE FUNCTION ayb_jobs_test_crash(payload jsonb) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION ayb_jobs_test_crash(jsonb) IS 'ends the backend by SIGSEGV, or by SIGABRT if payload is {"signal": "abort"}';

CREATE FUNCTION ayb_jobs_test_exit(payload jsonb) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION ayb_jobs_test_exit(jsonb) IS 'ends the backend by _exit(1), with none of its clean-up';

CREATE FUNCTION ayb_jobs_test_leave_slowly(payload jsonb) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION ayb_jobs_test_leave_slowly(jsonb) IS 'ends the session by FATAL, and dallies in the clean-up';

CREATE FUNCTION ayb_jobs_test_start_scheduler() RETURNS integer
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION ayb_jobs_test_start_scheduler() IS 'starts a scheduler of this database besides the one that it has, and gives back its pid';

CREATE FUNCTION ayb_jobs_test_commit_prepared(gid text) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION ayb_jobs_test_commit_prepared(text) IS 'commits a prepared transaction without a statement, as replication does';

CREATE FUNCTION ayb_jobs_test_pause(point text) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION ayb_jobs_test_pause(text) IS 'waits while that point is paused, without using any of the time that its job has';

CREATE FUNCTION ayb_jobs_test_share_lanes() RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION ayb_jobs_test_share_lanes() IS 'holds the lanes'' lock shared while the point lanes is paused';

CREATE FUNCTION ayb_jobs_test_prune(role oid) RETURNS boolean
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION ayb_jobs_test_prune(oid) IS 'removes the role''s lane if it holds no job; true if there was one';

CREATE FUNCTION ayb_jobs_test_report_begin(socket text, line text) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION ayb_jobs_test_report_begin(text, text) IS 'tells a process outside that a job begins; an abort is its end';

CREATE FUNCTION ayb_jobs_test_report_end() RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION ayb_jobs_test_report_end() IS 'tells the same that the job has ended';
