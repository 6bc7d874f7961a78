-- Everybody may look, and sees what runs as a role whose privileges they have, or was enqueued by such a one. Nobody but the owner
-- writes: the functions do that.
ALTER TABLE ayb_jobs.job_queue    ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.job_history  ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.job_attempts ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.job_minutes  ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.job_keys     ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.schedules    ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.matview_refreshes ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION ayb_jobs_internal.hidden_types() RETURNS text[]
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT ARRAY(SELECT h.type FROM ayb_jobs.handlers AS h WHERE NOT h.enqueuer_sees);
END;
COMMENT ON FUNCTION ayb_jobs_internal.hidden_types() IS 'types whose jobs are not shown to who enqueued them';

-- The role's list is asked for once a statement, and so are the types.
CREATE POLICY own ON ayb_jobs.job_queue FOR SELECT
    USING (run_as = ANY ((SELECT ayb_jobs_internal.visible_roles())::oid[])
           OR enqueued_by = ANY ((SELECT ayb_jobs_internal.visible_roles())::oid[])
              AND type <> ALL ((SELECT ayb_jobs_internal.hidden_types())::text[]));
CREATE POLICY own ON ayb_jobs.job_history FOR SELECT
    USING (run_as = ANY ((SELECT ayb_jobs_internal.visible_roles())::oid[])
           OR enqueued_by = ANY ((SELECT ayb_jobs_internal.visible_roles())::oid[])
              AND type <> ALL ((SELECT ayb_jobs_internal.hidden_types())::text[]));
CREATE POLICY own ON ayb_jobs.job_attempts FOR SELECT
    USING (run_as = ANY ((SELECT ayb_jobs_internal.visible_roles())::oid[]));
CREATE POLICY own ON ayb_jobs.job_minutes FOR SELECT
    USING (run_as = ANY ((SELECT ayb_jobs_internal.visible_roles())::oid[]));
-- A key tells of its job.
CREATE POLICY own ON ayb_jobs.job_keys FOR SELECT
    USING (run_as = ANY ((SELECT ayb_jobs_internal.visible_roles())::oid[])
           AND (cardinality((SELECT ayb_jobs_internal.hidden_types())) = 0
                OR EXISTS (SELECT FROM ayb_jobs.job_queue AS q WHERE q.id = job_id)
                OR EXISTS (SELECT FROM ayb_jobs.job_history AS h WHERE h.id = job_id)));
CREATE POLICY own ON ayb_jobs.schedules FOR SELECT
    USING (run_as = ANY ((SELECT ayb_jobs_internal.visible_roles())::oid[]));
CREATE POLICY own ON ayb_jobs.matview_refreshes FOR SELECT
    USING (run_as = ANY ((SELECT ayb_jobs_internal.visible_roles())::oid[]));

-- PostgreSQL looks up who may use a policy when it plans: for those who see all the other one is folded away.
CREATE POLICY every ON ayb_jobs.job_queue    FOR SELECT TO ayb_jobs_read USING (true);
CREATE POLICY every ON ayb_jobs.job_history  FOR SELECT TO ayb_jobs_read USING (true);
CREATE POLICY every ON ayb_jobs.job_attempts FOR SELECT TO ayb_jobs_read USING (true);
CREATE POLICY every ON ayb_jobs.job_minutes  FOR SELECT TO ayb_jobs_read USING (true);
CREATE POLICY every ON ayb_jobs.job_keys     FOR SELECT TO ayb_jobs_read USING (true);
CREATE POLICY every ON ayb_jobs.schedules    FOR SELECT TO ayb_jobs_read USING (true);
CREATE POLICY every ON ayb_jobs.matview_refreshes FOR SELECT TO ayb_jobs_read USING (true);

COMMENT ON POLICY own ON ayb_jobs.job_queue IS 'a role sees its own jobs, and those that it enqueued';
COMMENT ON POLICY own ON ayb_jobs.job_history IS 'a role sees its own jobs, and those that it enqueued';
COMMENT ON POLICY own ON ayb_jobs.job_attempts IS 'a role sees its own jobs'' attempts';
COMMENT ON POLICY own ON ayb_jobs.job_minutes IS 'a role sees its own jobs'' counts';
COMMENT ON POLICY own ON ayb_jobs.job_keys IS 'a role sees its own keys';
COMMENT ON POLICY every ON ayb_jobs.job_keys IS 'members of ayb_jobs_read see all keys';
COMMENT ON POLICY own ON ayb_jobs.schedules IS 'a role sees its own schedules';
COMMENT ON POLICY every ON ayb_jobs.schedules IS 'members of ayb_jobs_read see all schedules';
COMMENT ON POLICY own ON ayb_jobs.matview_refreshes IS 'a role sees the registrations of its own views';
COMMENT ON POLICY every ON ayb_jobs.matview_refreshes IS 'members of ayb_jobs_read see all registrations';
COMMENT ON POLICY every ON ayb_jobs.job_queue IS 'members of ayb_jobs_read see all jobs';
COMMENT ON POLICY every ON ayb_jobs.job_history IS 'members of ayb_jobs_read see all jobs';
COMMENT ON POLICY every ON ayb_jobs.job_attempts IS 'members of ayb_jobs_read see all attempts';
COMMENT ON POLICY every ON ayb_jobs.job_minutes IS 'members of ayb_jobs_read see all counts';

-- No grant of ours lets others write. ALTER DEFAULT PRIVILEGES may have: then these still refuse.
ALTER TABLE ayb_jobs.imports        ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.handlers       ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.pauses         ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.database_stamp ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.type_limits    ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.allowed_types  ENABLE ROW LEVEL SECURITY;
CREATE POLICY every ON ayb_jobs.handlers       FOR SELECT USING (true);
CREATE POLICY every ON ayb_jobs.pauses         FOR SELECT USING (true);
CREATE POLICY every ON ayb_jobs.database_stamp FOR SELECT USING (true);
CREATE POLICY every ON ayb_jobs.type_limits    FOR SELECT USING (true);
CREATE POLICY every ON ayb_jobs.allowed_types  FOR SELECT USING (true);
COMMENT ON POLICY every ON ayb_jobs.allowed_types IS 'everybody sees who may register what';
ALTER TABLE ayb_jobs.worker_grants  ENABLE ROW LEVEL SECURITY;
CREATE POLICY every ON ayb_jobs.worker_grants  FOR SELECT USING (true);
COMMENT ON POLICY every ON ayb_jobs.worker_grants IS 'everybody sees whose workers take what';
COMMENT ON POLICY every ON ayb_jobs.type_limits IS 'everybody sees what types are limited to';
CREATE POLICY every ON ayb_jobs.imports        FOR SELECT TO ayb_jobs_read USING (true);
COMMENT ON POLICY every ON ayb_jobs.imports IS 'members of ayb_jobs_read see what import_ayb() took over';
COMMENT ON POLICY every ON ayb_jobs.handlers IS 'everybody sees what types run';
COMMENT ON POLICY every ON ayb_jobs.pauses IS 'everybody sees what is paused';
COMMENT ON POLICY every ON ayb_jobs.database_stamp IS 'everybody sees for which database jobs may run';
