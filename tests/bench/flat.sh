#!/bin/bash
# flat: how fast 300,000 jobs that do nothing are worked off amid a million that are due tomorrow, amid ten million that
# are completed, amid a million that have failed, and with nothing around. A database for each, on one server; in turns.
source "$(dirname "$0")/lib.sh"

million=1000000
jobs=300000
[[ $BENCH_SCALE != small ]] || { million=100000 && jobs=30000; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# A worker that keeps its place would keep a slot from the other databases.
configure ayb_jobs.worker_idle_timeout 0 max_wal_size 4GB
for database in none later completed failed; do
    query "CREATE DATABASE $database"
    sql -d "$database" -c 'CREATE EXTENSION ayb_jobs' \
        -c "CREATE FUNCTION trivial() RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN END \$\$" \
        -c "SELECT ayb_jobs.register_handler('flat', 'trivial()')" >/dev/null
done
sql -d later -c "SELECT count(*) FROM ayb_jobs.enqueue_many('flat', array_fill('{}'::jsonb, ARRAY[$million]),
                                                            now() + interval '1 day')" >/dev/null
sql -d completed -c "INSERT INTO ayb_jobs.job_history (id, type, payload, run_as, enqueued_by, run_at, worker_id, attempts,
                         max_attempts, runs, last_run_at, created_at, completed_at)
                     SELECT ayb_jobs.uuid7(), 'flat', '{}', 'postgres'::regrole, 'postgres'::regrole, now(), 'bench', 1, 3, 1,
                            now() - interval '1 hour', now(), now() FROM generate_series(1, 10 * $million)"
sql -d failed -c "INSERT INTO ayb_jobs.job_queue (type, state, attempts, last_error, last_run_at)
                  SELECT 'flat', 'failed', 3, 'for the benchmark', now() FROM generate_series(1, $million)"
for database in none later completed failed; do
    sql -d "$database" -c 'VACUUM ANALYZE ayb_jobs.job_queue' -c 'VACUUM ANALYZE ayb_jobs.job_history'
    drain_rate flat 1000 "$database" >/dev/null # their code has run
done

databases=(none later completed failed)
for ((round = 0; round < BENCH_REPEATS; round++)); do
    for ((turn = 0; turn < 4; turn++)); do
        database=${databases[(round + turn) % 4]} # each has each turn
        sql -d "$database" -c 'VACUUM ayb_jobs.job_queue' # of what the round before left
        drain_rate flat "$jobs" "$database" >>"$dir/$database"
    done
done
for amid in "later $million for later" "completed $((10 * million)) completed" "failed $million failed"; do
    compare "drain amid ${amid#* }" jobs/s 'with none' "$(rounds "$dir/none")" "$(rounds "$dir/${amid%% *}")" '>=0.95'
done
