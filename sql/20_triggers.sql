CREATE FUNCTION ayb_jobs_internal.note_job() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ayb_jobs_note_job';
COMMENT ON FUNCTION ayb_jobs_internal.note_job() IS
    'tells workers at the commit what a transaction did to the queue';

-- ALWAYS, and before each row: so also what replication and a restore write is seen.
CREATE TRIGGER note_job BEFORE INSERT OR UPDATE OR DELETE ON ayb_jobs.job_queue
    FOR EACH ROW EXECUTE FUNCTION ayb_jobs_internal.note_job();
ALTER TABLE ayb_jobs.job_queue ENABLE ALWAYS TRIGGER note_job;
COMMENT ON TRIGGER note_job ON ayb_jobs.job_queue IS 'wakes workers at the commit';

CREATE FUNCTION ayb_jobs_internal.note_schedule() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ayb_jobs_note_schedule';
COMMENT ON FUNCTION ayb_jobs_internal.note_schedule() IS
    'tells the scheduler at the commit when a schedule is due';

CREATE TRIGGER note_schedule BEFORE INSERT OR UPDATE ON ayb_jobs.schedules
    FOR EACH ROW EXECUTE FUNCTION ayb_jobs_internal.note_schedule();
ALTER TABLE ayb_jobs.schedules ENABLE ALWAYS TRIGGER note_schedule;
COMMENT ON TRIGGER note_schedule ON ayb_jobs.schedules IS 'wakes the scheduler at the commit';

CREATE FUNCTION ayb_jobs_internal.note_configuration() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ayb_jobs_note_configuration';
COMMENT ON FUNCTION ayb_jobs_internal.note_configuration() IS
    'makes every session read handlers and pauses anew, and the scheduler look at waiting jobs';

CREATE TRIGGER note_configuration AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ayb_jobs.handlers
    FOR EACH STATEMENT EXECUTE FUNCTION ayb_jobs_internal.note_configuration();
ALTER TABLE ayb_jobs.handlers ENABLE ALWAYS TRIGGER note_configuration;
COMMENT ON TRIGGER note_configuration ON ayb_jobs.handlers IS 'makes every session read handlers anew';

CREATE TRIGGER note_configuration AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ayb_jobs.pauses
    FOR EACH STATEMENT EXECUTE FUNCTION ayb_jobs_internal.note_configuration();
ALTER TABLE ayb_jobs.pauses ENABLE ALWAYS TRIGGER note_configuration;
COMMENT ON TRIGGER note_configuration ON ayb_jobs.pauses IS 'makes every session read pauses anew';

CREATE TRIGGER note_configuration AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ayb_jobs.worker_grants
    FOR EACH STATEMENT EXECUTE FUNCTION ayb_jobs_internal.note_configuration();
ALTER TABLE ayb_jobs.worker_grants ENABLE ALWAYS TRIGGER note_configuration;
COMMENT ON TRIGGER note_configuration ON ayb_jobs.worker_grants IS 'makes every session read grants anew';

CREATE TRIGGER note_configuration AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ayb_jobs.type_limits
    FOR EACH STATEMENT EXECUTE FUNCTION ayb_jobs_internal.note_configuration();
ALTER TABLE ayb_jobs.type_limits ENABLE ALWAYS TRIGGER note_configuration;
COMMENT ON TRIGGER note_configuration ON ayb_jobs.type_limits IS 'makes every session read limits anew';

CREATE FUNCTION ayb_jobs_internal.note_limit() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ayb_jobs_note_limit';
COMMENT ON FUNCTION ayb_jobs_internal.note_limit() IS 'lets a type start nothing from the commit on until its limit is in force';
CREATE TRIGGER note_limit AFTER INSERT OR UPDATE ON ayb_jobs.type_limits
    FOR EACH ROW EXECUTE FUNCTION ayb_jobs_internal.note_limit();
ALTER TABLE ayb_jobs.type_limits ENABLE ALWAYS TRIGGER note_limit;
COMMENT ON TRIGGER note_limit ON ayb_jobs.type_limits IS 'holds the type back until its limit is in force';

CREATE TRIGGER note_configuration AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ayb_jobs.database_stamp
    FOR EACH STATEMENT EXECUTE FUNCTION ayb_jobs_internal.note_configuration();
COMMENT ON TRIGGER note_configuration ON ayb_jobs.database_stamp IS 'wakes the scheduler';

-- Replication applies rows without statements, and a stamp that it brings is another database's.
CREATE TRIGGER note_stamp AFTER INSERT ON ayb_jobs.database_stamp
    FOR EACH ROW EXECUTE FUNCTION ayb_jobs_internal.note_configuration();
ALTER TABLE ayb_jobs.database_stamp ENABLE ALWAYS TRIGGER note_stamp;
COMMENT ON TRIGGER note_stamp ON ayb_jobs.database_stamp IS 'stops the engine where replication brings another one''s stamp';

CREATE FUNCTION ayb_jobs_internal.note_truncate() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ayb_jobs_note_truncate';
COMMENT ON FUNCTION ayb_jobs_internal.note_truncate() IS 'has the jobs counted anew after a TRUNCATE';

CREATE TRIGGER note_truncate AFTER TRUNCATE ON ayb_jobs.job_queue
    FOR EACH STATEMENT EXECUTE FUNCTION ayb_jobs_internal.note_truncate();
ALTER TABLE ayb_jobs.job_queue ENABLE ALWAYS TRIGGER note_truncate;
COMMENT ON TRIGGER note_truncate ON ayb_jobs.job_queue IS 'has the jobs counted anew';
