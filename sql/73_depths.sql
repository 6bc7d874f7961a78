-- How deep the queue is over time. Shared memory knows it at every moment; the scheduler writes it down once a minute, where
-- anything is queued or runs.
CREATE TABLE ayb_jobs.job_depths (
    minute             timestamptz      NOT NULL,
    run_as             regrole          NOT NULL,
    queued             bigint           NOT NULL,
    running            bigint           NOT NULL,
    oldest_due_seconds double precision,
    CONSTRAINT job_depths_pkey PRIMARY KEY (minute, run_as)
);
COMMENT ON TABLE ayb_jobs.job_depths IS
    'how many jobs of a role were queued and ran, looked at once a minute; no row where there were none; kept a week';
COMMENT ON COLUMN ayb_jobs.job_depths.oldest_due_seconds IS
    'how long the oldest due job of a type that has a handler had waited; NULL where none was due';

ALTER TABLE ayb_jobs.job_depths ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON ayb_jobs.job_depths FOR SELECT
    USING (run_as = ANY ((SELECT ayb_jobs_internal.visible_roles())::oid[]));
COMMENT ON POLICY own ON ayb_jobs.job_depths IS 'a role sees how many jobs of its own there were';
CREATE POLICY every ON ayb_jobs.job_depths FOR SELECT TO ayb_jobs_read USING (true);
COMMENT ON POLICY every ON ayb_jobs.job_depths IS 'members of ayb_jobs_read see how many jobs there were';
DO $$ BEGIN
    PERFORM pg_catalog.pg_extension_config_dump('ayb_jobs.job_depths',
        'WHERE EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.oid = run_as)');
END $$;

CREATE FUNCTION ayb_jobs.depths(since timestamptz DEFAULT NULL, step interval DEFAULT '1 minute', OUT bucket timestamptz,
                                OUT queued bigint, OUT running bigint, OUT oldest_due_seconds double precision)
    RETURNS SETOF record LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH minutes AS (
        SELECT d.minute, sum(d.queued)::bigint AS queued, sum(d.running)::bigint AS running, max(d.oldest_due_seconds) AS oldest
        FROM ayb_jobs.job_depths AS d
        WHERE d.minute >= coalesce(depths.since, ayb_jobs_internal.now() - interval '1 hour')
        GROUP BY d.minute
    )
    SELECT date_bin(step, m.minute, '2000-01-01 00:00:00+00'::timestamptz) AS bucket, max(m.queued), max(m.running), max(m.oldest)
    FROM minutes AS m
    -- As in series().
    WHERE date_bin(step, '2000-01-01 00:00:00+00'::timestamptz, '2000-01-01 00:00:00+00'::timestamptz) IS NOT NULL
    GROUP BY 1 ORDER BY 1;
END;
COMMENT ON FUNCTION ayb_jobs.depths(timestamptz, interval) IS
    'how many jobs were queued and ran, and how long the oldest due one had waited, by step since an instant (an hour ago by default): the most in each step; no row where there was none';
