CREATE FUNCTION ayb_jobs_internal.stamp_new_database() RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_stamp_new_database';
COMMENT ON FUNCTION ayb_jobs_internal.stamp_new_database() IS
    'the last step of the installation: allows jobs to run here, unless a dump is being restored';
REVOKE ALL ON FUNCTION ayb_jobs_internal.stamp_new_database() FROM PUBLIC;
DO $$ BEGIN PERFORM ayb_jobs_internal.revoke_grants('ROUTINE ayb_jobs_internal.stamp_new_database()'); END $$;

-- As a DO block, so that psql shows no result.
DO $$ BEGIN PERFORM ayb_jobs_internal.stamp_new_database(); END $$;
