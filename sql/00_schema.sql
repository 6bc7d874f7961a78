-- The schema is made here and not named in the control file: so it goes with the extension.
CREATE SCHEMA ayb_jobs;
COMMENT ON SCHEMA ayb_jobs IS 'background jobs that run inside the database';
GRANT USAGE ON SCHEMA ayb_jobs TO PUBLIC;

-- Roles belong to the cluster: another database may have made it already.
DO $$
DECLARE
    ours text;
BEGIN
    FOREACH ours IN ARRAY ARRAY['ayb_jobs_admin', 'ayb_jobs_sidecar'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ours) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', ours);
        END IF;
    END LOOP;
END
$$;
