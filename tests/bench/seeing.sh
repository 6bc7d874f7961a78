#!/bin/bash
# seeing: the newest fifty of ten million jobs, filtered by state, by type and by both, as an admin and as an ordinary
# role (which row-level security shows its own half of them); stats(), health() and a look-up by id.
# Of ten jobs eight are completed, spread over the last seven days; of the rest most are queued for later, and some
# failed or were canceled. 90 % of the jobs are of three types, the others of 100 rarer ones; one type has only the
# oldest 100 jobs.
source "$(dirname "$0")/lib.sh"

million=1000000
[[ $BENCH_SCALE != small ]] || million=100000
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Rows are written as they would have come to be, but by one INSERT each: the row trigger, the checks and the indexes
# are passed as always, only without a function's call for each.
configure fsync off full_page_writes off max_wal_size 8GB synchronous_commit off autovacuum off
query "CREATE FUNCTION trivial() RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN END \$\$"
query "SELECT ayb_jobs.register_handler('mail', 'trivial()')" >/dev/null
query "CREATE ROLE bench_one LOGIN"
query "CREATE ROLE bench_two LOGIN"
query "CREATE ROLE bench_admin LOGIN IN ROLE ayb_jobs_admin"
query "CREATE FUNCTION job_type(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
       \$\$ SELECT CASE WHEN n <= 100 THEN 'ancient' WHEN n / 50 % 10 = 9 THEN 'rare_' || n / 500 % 100
                        ELSE (ARRAY['mail', 'report', 'index'])[1 + n / 50 % 10 / 3] END \$\$"
# Ids of version 7 that grow with n, from seven days ago until now.
query "CREATE FUNCTION job_id(at timestamptz, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
       \$\$ SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7000'
                   || lpad(to_hex(n), 16, '8000000000000000'))::uuid \$\$"

# A week of days, as the scheduler would have made them one by one.
for ((day = 1; day <= 7; day++)); do
    query "DO \$\$
        DECLARE day timestamptz := date_trunc('day', now(), 'UTC') - interval '$day day';
                name text := 'job_history_' || to_char(day AT TIME ZONE 'UTC', 'YYYYMMDD');
        BEGIN
            EXECUTE format('CREATE TABLE ayb_jobs.%I (LIKE ayb_jobs.job_history INCLUDING DEFAULTS)', name);
            EXECUTE format('CREATE INDEX ON ayb_jobs.%I (id)', name);
            EXECUTE format('CREATE INDEX ON ayb_jobs.%I (type, id)', name);
            EXECUTE format('CREATE INDEX ON ayb_jobs.%I (run_as, id)', name);
            EXECUTE format('ALTER TABLE ayb_jobs.%I ENABLE ROW LEVEL SECURITY', name);
            EXECUTE format('ALTER TABLE ayb_jobs.job_history ATTACH PARTITION ayb_jobs.%I
                            FOR VALUES FROM (%L) TO (%L)', name, day, day + interval '1 day');
        END \$\$"
done

source_rows="SELECT n, now() - interval '7 days' * (1 - n / $((10 * million))::float8) AS at, job_type(n) AS type,
    (ARRAY['bench_one', 'bench_two'])[1 + n / 7 % 2]::regrole AS role FROM generate_series(1, $((10 * million))::bigint) AS n"
query "INSERT INTO ayb_jobs.job_history (id, type, payload, run_as, enqueued_by, run_at, worker_id, attempts, max_attempts,
           runs, last_run_at, created_at, completed_at)
       SELECT job_id(at, n), type, '{\"to\": \"someone\"}', role, role, at, 'bench', 1, 3, 1, at, at, at
       FROM ($source_rows) AS s WHERE n % 5 <> 4"
query "INSERT INTO ayb_jobs.job_queue (id, type, payload, state, run_as, run_at, attempts, last_error, last_run_at,
           created_at, updated_at, canceled_at)
       SELECT job_id(at, n), type, '{\"to\": \"someone\"}', state, role, at + interval '30 days',
              (state = 'failed')::integer, CASE state WHEN 'failed' THEN 'it failed' END, at, at, at,
              CASE state WHEN 'canceled' THEN at END
       FROM (SELECT *, CASE n / 5 % 10 WHEN 3 THEN 'failed' WHEN 7 THEN 'canceled' ELSE 'queued' END AS state
             FROM ($source_rows) AS s WHERE n % 5 = 4) AS s"
query "VACUUM ANALYZE ayb_jobs.job_queue, ayb_jobs.job_history"
query CHECKPOINT
wait_for 60 "SELECT EXISTS (SELECT FROM ayb_jobs_internal.counts())"
[[ $(query 'SELECT count(*) FROM ayb_jobs.jobs') -ge $((10 * million)) ]] || die "rows are missing"

# timed ROLE SQL: the middle time of eleven runs in one session, in milliseconds, the first included.
timed() {
    local i
    {
        printf '%s\n' '\timing on' '\o /dev/null'
        for ((i = 0; i < 11; i++)); do printf '%s;\n' "$2"; done
    } | sql -U "$1" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' >"$dir/times"
    [[ $(wc -l <"$dir/times") == 11 ]] || die "no times for: $2"
    median <"$dir/times"
}

newest() { # newest ROLE NAME CONDITION
    local measured
    measured=$(timed "$1" "SELECT * FROM ayb_jobs.jobs WHERE $3 ORDER BY id DESC LIMIT 50")
    report "newest 50 of $((10 * million)) jobs, $1, $2" ms 20 "$measured"
}

for role in bench_admin bench_one; do
    newest "$role" 'all' true
    for state in queued running completed failed canceled; do newest "$role" "$state" "state = '$state'"; done
    newest "$role" 'a common type' "type = 'mail'"
    newest "$role" 'a rare type' "type = 'rare_42'"
    newest "$role" 'a type with old jobs only' "type = 'ancient'"
    newest "$role" 'a type without jobs' "type = 'none'"
    newest "$role" 'queued, a common type' "state = 'queued' AND type = 'mail'"
    newest "$role" 'queued, a rare type' "state = 'queued' AND type = 'rare_42'"
    newest "$role" 'failed, a common type' "state = 'failed' AND type = 'mail'"
    newest "$role" 'failed, a rare type' "state = 'failed' AND type = 'rare_42'"
    newest "$role" 'failed, a type without jobs' "state = 'failed' AND type = 'none'"
    newest "$role" 'canceled, a rare type' "state = 'canceled' AND type = 'rare_42'"
    newest "$role" 'completed, a type with old jobs only' "state = 'completed' AND type = 'ancient'"
done
one=$(query "SELECT id FROM ayb_jobs.job_history LIMIT 1")
measured=$(timed bench_admin "SELECT * FROM ayb_jobs.jobs WHERE id = '$one'")
report 'one job by its id' ms - "$measured"
measured=$(timed bench_admin 'SELECT * FROM ayb_jobs.stats()')
report 'stats()' ms - "$measured"
measured=$(timed bench_admin 'SELECT * FROM ayb_jobs.health()')
report 'health()' ms - "$measured"
