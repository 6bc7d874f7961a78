# shellcheck shell=bash
# A history of many days, for the benchmarks that have one: each day a partition, as the scheduler makes them.

# keep_days FIRST LAST ROWS: so many days ago, each with so many completed jobs.
keep_days() {
    sql -v first="$1" -v last="$2" -v rows="$3" <<'EOF'
SET TimeZone = 'UTC';
SELECT set_config('bench.first', :'first', false), set_config('bench.last', :'last', false), set_config('bench.rows', :'rows', false) \g /dev/null
DO $$
DECLARE
    day date;
    name text;
BEGIN
    FOR ago IN current_setting('bench.first')::int .. current_setting('bench.last')::int LOOP
        day := current_date - ago;
        name := 'job_history_' || to_char(day, 'YYYYMMDD');
        EXECUTE format('CREATE TABLE ayb_jobs.%I PARTITION OF ayb_jobs.job_history FOR VALUES FROM (%L) TO (%L)', name, day, day + 1);
        EXECUTE format('CREATE INDEX ON ayb_jobs.%I (id)', name);
        EXECUTE format('CREATE INDEX ON ayb_jobs.%I (type, id)', name);
        EXECUTE format('CREATE INDEX ON ayb_jobs.%I (run_as, id)', name);
        EXECUTE format('INSERT INTO ayb_jobs.%I (id, type, payload, run_as, run_at, attempts, max_attempts, created_at, completed_at, enqueued_by, runs)
            SELECT gen_random_uuid(), ''bench'', ''{}'', current_user::regrole, %L, 1, 3, %L, %L, current_user::regrole, 1
            FROM generate_series(1, %s)', name, day, day, day, current_setting('bench.rows'));
    END LOOP;
END $$;
EOF
}
