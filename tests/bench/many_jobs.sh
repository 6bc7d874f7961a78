# shellcheck shell=bash
# Sourced by benchmarks that want very many jobs: make_many_jobs COUNT.
# Of ten jobs eight are completed, spread over the last seven days; of the rest most are queued for later, and some
# failed or were canceled. 90 % of the jobs are of three types, the others of 100 rarer ones; one type has only the
# oldest 100 jobs. Half of them are of the role bench_one, half of bench_two.

# Rows are written as they would have come to be, but by one INSERT each: the row trigger, the checks and the indexes
# are passed as always, only without a function's call for each.
make_many_jobs() { # make_many_jobs COUNT
    local source_rows
    configure fsync off full_page_writes off max_wal_size 8GB synchronous_commit off autovacuum off
    query "CREATE FUNCTION trivial() RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN END \$\$"
    query "SELECT ayb_jobs.register_handler('mail', 'trivial()')" >/dev/null
    query "DO \$\$ BEGIN CREATE ROLE bench_one LOGIN; CREATE ROLE bench_two LOGIN;
           EXCEPTION WHEN duplicate_object THEN NULL; END \$\$"
    query "CREATE FUNCTION job_type(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
           \$\$ SELECT CASE WHEN n <= 100 THEN 'ancient' WHEN n / 50 % 10 = 9 THEN 'rare_' || n / 500 % 100
                            ELSE (ARRAY['mail', 'report', 'index'])[1 + n / 50 % 10 / 3] END \$\$"
    # Ids of version 7 that grow with n, from seven days ago until now.
    query "CREATE FUNCTION job_id(at timestamptz, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
           \$\$ SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7000'
                       || lpad(to_hex(n), 16, '8000000000000000'))::uuid \$\$"

    # A week of days, as the scheduler would have made them one by one.
    query "SELECT ayb_jobs_internal.prepare_history(now() - n * interval '1 day') FROM generate_series(1, 7) AS n" >/dev/null

    source_rows="SELECT n, now() - interval '7 days' * (1 - n / $1::float8) AS at, job_type(n) AS type,
        (ARRAY['bench_one', 'bench_two'])[1 + n / 7 % 2]::regrole AS role FROM generate_series(1, $1::bigint) AS n"
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
    [[ $(query 'SELECT count(*) FROM ayb_jobs.jobs') -ge $1 ]] || die "rows are missing"
}
