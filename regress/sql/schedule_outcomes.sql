-- What came of the last jobs of schedules: schedule_runs(), schedule_outcomes, health().
\set QUIET on
SET client_min_messages = warning;
CREATE TABLE mood (bad boolean);
INSERT INTO mood VALUES (false);
CREATE FUNCTION moody(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT bad FROM mood) THEN
        RAISE EXCEPTION 'in a bad mood';
    END IF;
END $$;
-- A tick of it comes due; when its job has ended, the outcome is said.
CREATE FUNCTION tick(name text) RETURNS void LANGUAGE sql AS $$
    UPDATE ayb_jobs.schedules AS s SET next_run_at = date_trunc('second', clock_timestamp()), last_run_at = '-infinity' WHERE s.name = tick.name
$$;
CREATE FUNCTION outcome(name text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM wait_until(format($w$EXISTS (SELECT FROM ayb_jobs.schedules AS s WHERE s.name = %L AND s.last_run_at > '-infinity'
                                             AND NOT EXISTS (SELECT FROM ayb_jobs.job_queue AS q WHERE q.schedule_id = s.id AND q.state IN ('queued', 'running')))$w$, name));
    RETURN (SELECT concat_ws(' ', coalesce(o.last_outcome, 'nothing yet'), o.last_job_error, o.failures, CASE WHEN o.last_success_at IS NULL THEN 'no success' END)
            FROM ayb_jobs.schedule_outcomes AS o WHERE o.name = outcome.name);
END $$;
RESET client_min_messages;
\set QUIET off

SELECT type FROM ayb_jobs.register_handler('moody', 'moody(jsonb)', max_attempts => 1);
SELECT name, last_jobs FROM ayb_jobs.create_schedule('moods', 'moody', '@yearly');
SELECT last_job, last_outcome, last_job_error, failures, last_success_at FROM ayb_jobs.schedule_outcomes WHERE name = 'moods';
SELECT status, detail, hint FROM ayb_jobs.health() WHERE name = 'schedule_jobs';

-- Good, bad twice: the newest one that has ended says it, and one that waits says nothing
SELECT tick('moods');
SELECT outcome('moods');
UPDATE mood SET bad = true;
SELECT tick('moods');
SELECT outcome('moods');
SELECT tick('moods');
SELECT outcome('moods');
SELECT outcome, error, runs, started_at IS NOT NULL AS started, duration_ms >= 0 AS took, scheduled_at IS NOT NULL AS at
FROM ayb_jobs.schedule_runs('moods');
SELECT status, detail, regexp_replace(hint, '''[-0-9a-f]{36}''', '<id>', 'g') AS hint FROM ayb_jobs.health() WHERE name = 'schedule_jobs';
SELECT ayb_jobs.pause('moody');
SELECT state FROM ayb_jobs.run_schedule_now('moods');
SELECT last_outcome, failures FROM ayb_jobs.schedule_outcomes WHERE name = 'moods';
SELECT outcome, duration_ms FROM ayb_jobs.schedule_runs('moods', 1);
SELECT status FROM ayb_jobs.health() WHERE name = 'schedule_jobs';

-- A job that was canceled is neither; one that goes well ends it, also where no history tells of it
SELECT cancel_matching FROM ayb_jobs.cancel_matching('moody');
SELECT last_outcome, failures FROM ayb_jobs.schedule_outcomes WHERE name = 'moods';
SELECT ayb_jobs.resume('moody');
UPDATE mood SET bad = false;
SELECT tick('moods');
SELECT outcome('moods');
DELETE FROM ayb_jobs.job_history WHERE type = 'moody';
SELECT last_outcome, failures, last_success_at IS NOT NULL AS succeeded FROM ayb_jobs.schedule_outcomes WHERE name = 'moods';
SELECT status FROM ayb_jobs.health() WHERE name = 'schedule_jobs';

-- Eight are remembered. What is old enough to have failed and be gone is believed only where the history has it
SELECT count(ayb_jobs.run_schedule_now('moods')) FROM generate_series(1, 5);
SELECT wait_until($$NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE type = 'moody' AND state IN ('queued', 'running'))$$);
SELECT cardinality(last_jobs) FROM ayb_jobs.schedules WHERE name = 'moods';
UPDATE ayb_jobs.schedules SET last_jobs = '{018bcfe5-6800-7000-8000-000000000000}' WHERE name = 'moods';
SELECT last_outcome, failures, last_success_at FROM ayb_jobs.schedule_outcomes WHERE name = 'moods';
SELECT enqueued_at AT TIME ZONE 'UTC' AS enqueued_at FROM ayb_jobs_internal.last_jobs('{018bcfe5-6800-7000-8000-000000000000}');

-- Another role gets none of the old one's jobs
SELECT last_jobs FROM ayb_jobs.update_schedule('moods', run_as => 'regress_alice');
SELECT ayb_jobs.delete_schedule('moods');
SELECT count(ayb_jobs.delete_job(id)) FROM ayb_jobs.jobs WHERE type = 'moody';

-- A refresh that failed is a failure of its schedule
CREATE MATERIALIZED VIEW shares AS SELECT 1 / CASE WHEN bad THEN 0 ELSE 1 END AS share FROM mood;
SELECT view_name FROM ayb_jobs.register_matview('shares');
SELECT name FROM ayb_jobs.create_schedule('refresh', 'materialized_view_refresh', '@yearly', payload => '{"view_name": "shares"}');
SELECT tick('refresh');
SELECT outcome('refresh');
UPDATE mood SET bad = true;
SELECT tick('refresh');
SELECT outcome('refresh');
SELECT outcome, error FROM ayb_jobs.schedule_runs('refresh');
SELECT status, detail, regexp_replace(hint, '''[-0-9a-f]{36}''', '<id>', 'g') AS hint FROM ayb_jobs.health() WHERE name = 'matviews';
SELECT ayb_jobs.delete_schedule('refresh');
SELECT ayb_jobs.unregister_matview(id) FROM ayb_jobs.matview_refreshes WHERE view_name = 'shares';
DROP MATERIALIZED VIEW shares;
DROP FUNCTION tick, outcome, moody;
DROP TABLE mood;
