-- What a dump has. Not the stamp: a restored copy must not run its jobs by itself. Nor what belongs to a role that is gone:
-- its number may be somebody else's where the dump is restored, who would have the rights of who enqueued a definer's job.
DO $$
DECLARE
    kept record;
BEGIN
    FOR kept IN SELECT t.name, t.owner, t.besides
                FROM (VALUES ('job_queue', 'run_as', ' AND (registration IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.oid = enqueued_by))'), ('job_history', 'run_as', ''), ('job_attempts', 'run_as', ''),
                             ('job_keys', 'run_as', ''), ('job_actions', 'run_as', ''), ('job_minutes', 'run_as', ''),
                             ('schedules', 'run_as', ''), ('matview_refreshes', 'run_as', ''),
                             ('worker_grants', 'role', ' AND EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.oid = granted_by)'
                              ' AND (for_role IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.oid = for_role))'),
                             ('handlers', 'owner', ' AND NOT builtin'), ('allowed_types', 'role', ''), ('job_flows', 'enqueued_by', ' OR enqueued_by = 0::pg_catalog.oid')) AS t (name, owner, besides) LOOP
        PERFORM pg_catalog.pg_extension_config_dump(
            ('ayb_jobs.' || kept.name)::pg_catalog.regclass,
            pg_catalog.format('WHERE EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.oid = %I)%s', kept.owner, kept.besides));
    END LOOP;
END
$$;
SELECT pg_catalog.pg_extension_config_dump('ayb_jobs.imports', '');
SELECT pg_catalog.pg_extension_config_dump('ayb_jobs.pauses', '');
SELECT pg_catalog.pg_extension_config_dump('ayb_jobs.job_edges', '');
SELECT pg_catalog.pg_extension_config_dump('ayb_jobs.job_outcomes', '');
SELECT pg_catalog.pg_extension_config_dump('ayb_jobs.type_limits', '');

-- pg_restore --jobs may load job_queue before schedules: pg_dump tells it of no foreign key between tables of an
-- extension. So while a dump is restored (pg_dump turns row_security off, and no stamp is there yet), a job whose
-- schedule is still to come brings a placeholder with it, whose place the schedule takes when it comes.
CREATE FUNCTION ayb_jobs_internal.expect_schedule() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ayb_jobs.database_stamp) THEN
        -- The schedules are loaded before this transaction or after it: in between each could wait for the other.
        LOCK TABLE ayb_jobs.schedules IN SHARE ROW EXCLUSIVE MODE;
        INSERT INTO ayb_jobs.schedules (id, name, job_type, cron_expr, enabled, last_error)
        VALUES (NEW.schedule_id, 'restored without its row: ' || NEW.schedule_id, NEW.type, '@yearly', false,
                'the dump that was restored holds a job of this schedule, and not the schedule')
        ON CONFLICT (id) DO NOTHING;
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION ayb_jobs_internal.expect_schedule() IS 'makes a placeholder for a schedule that a restore brings later';

CREATE TRIGGER expect_schedule BEFORE INSERT ON ayb_jobs.job_queue FOR EACH ROW
    WHEN (NEW.schedule_id IS NOT NULL AND NOT current_setting('row_security')::boolean)
    EXECUTE FUNCTION ayb_jobs_internal.expect_schedule();
COMMENT ON TRIGGER expect_schedule ON ayb_jobs.job_queue IS 'lets pg_restore --jobs load jobs before their schedules';

CREATE FUNCTION ayb_jobs_internal.fill_placeholder() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE ayb_jobs.schedules AS s
    SET (name, job_type, payload, cron_expr, timezone, enabled, max_attempts, overlap, missed, run_as, next_run_at,
         last_run_at, last_skip, last_error, created_at, updated_at, last_jobs)
      = (NEW.name, NEW.job_type, NEW.payload, NEW.cron_expr, NEW.timezone, NEW.enabled, NEW.max_attempts, NEW.overlap,
         NEW.missed, NEW.run_as, NEW.next_run_at, NEW.last_run_at, NEW.last_skip, NEW.last_error, NEW.created_at,
         NEW.updated_at, NEW.last_jobs)
    WHERE s.id = NEW.id AND s.name = 'restored without its row: ' || s.id;
    RETURN CASE WHEN FOUND THEN NULL ELSE NEW END;
END $$;
COMMENT ON FUNCTION ayb_jobs_internal.fill_placeholder() IS 'puts a restored schedule in the place of its placeholder';

CREATE TRIGGER fill_placeholder BEFORE INSERT ON ayb_jobs.schedules FOR EACH ROW
    WHEN (NOT current_setting('row_security')::boolean)
    EXECUTE FUNCTION ayb_jobs_internal.fill_placeholder();
COMMENT ON TRIGGER fill_placeholder ON ayb_jobs.schedules IS 'lets pg_restore --jobs load schedules after their jobs';

