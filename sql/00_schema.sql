-- The schemas are made here and not named in the control file: so they go with the extension. What users call and read
-- is in the first; what that is made of, and nobody should call, in the second.
CREATE SCHEMA ayb_jobs;
COMMENT ON SCHEMA ayb_jobs IS 'background jobs that run inside the database';
CREATE SCHEMA ayb_jobs_internal;
COMMENT ON SCHEMA ayb_jobs_internal IS 'what ayb_jobs is made of; may change with any release';

-- Roles belong to the cluster: another database may have made them already. Who operates also reads, and an admin
-- does both.
DO $$
DECLARE
    ours text;
    lesser text;
BEGIN
    FOREACH ours IN ARRAY ARRAY['ayb_jobs_read', 'ayb_jobs_operate', 'ayb_jobs_admin', 'ayb_jobs_sidecar', 'ayb_jobs_realtime'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ours) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', ours);
        END IF;
    END LOOP;
    FOR lesser, ours IN VALUES ('ayb_jobs_read', 'ayb_jobs_operate'), ('ayb_jobs_operate', 'ayb_jobs_admin') LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_auth_members AS m
                       WHERE m.roleid = lesser::pg_catalog.regrole AND m.member = ours::pg_catalog.regrole) THEN
            EXECUTE pg_catalog.format('GRANT %I TO %I', lesser, ours);
        END IF;
    END LOOP;
END
$$;
