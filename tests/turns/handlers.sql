-- What the limited types run: each job says to the counter that it begins and ends. Most are quick enough for a group, some
-- aren't, and some fail and run again.
CREATE EXTENSION ayb_jobs_test;

-- `low` is an instant before which the attempt can't have started: the engine's stamp of its claim.
CREATE FUNCTION turn(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    job ayb_jobs.jobs := ayb_jobs.current_job();
BEGIN
    PERFORM ayb_jobs_test_report_begin(payload->>'counter', json_build_object(
        'type', job.type, 'key', job.partition_key, 'pid', pg_backend_pid(),
        'low', extract(epoch FROM coalesce(job.last_run_at, '2000-01-01')))::text);
    IF random() < 0.1 THEN PERFORM pg_sleep(0.03 * random()); END IF;
    IF random() < 0.05 THEN RAISE 'as asked'; END IF;
    PERFORM ayb_jobs_test_report_end();
END $$;
