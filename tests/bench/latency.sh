#!/bin/bash
# latency: how soon a job starts on an idle server. 300 jobs 20 ms apart, by one session; then the instant of the commit
# (the engine's events, noted in the commit itself) is held against the clock that the handler's first statement saw.
# Beside it, as an upper bound that relies on nothing but rows: from enqueue()'s entry, thus with the insert and the
# commit's wait for the disk.
# The peers have no such events. There the instant is PostgreSQL's own of the commit, and the enqueuer does not wait for
# the disk, which would come after it; ours is measured in that way, too. In turns.
# settings: track_commit_timestamp = on
source "$(dirname "$0")/lib.sh"
source "$bench/peers.sh"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

make_first_statement
query "SELECT ayb_jobs.register_handler('latency', 'first_statement()')" >/dev/null
query "CREATE TABLE noted (id uuid)"
printf '%s\n' "SELECT ayb_jobs.enqueue('latency');" '\sleep 20 ms' >"$dir/script"
printf '%s\n' "INSERT INTO noted SELECT ayb_jobs.enqueue('latency');" '\sleep 20 ms' >"$dir/noted"

# Prints p50, p99 and the maximum of both intervals, in milliseconds, a line for the round since event $1.
quantiles() {
    query "WITH job AS (
               SELECT (h.result::numeric - extract(epoch FROM e.at)) * 1000 AS from_commit,
                      (h.result::numeric - extract(epoch FROM h.created_at)) * 1000 AS from_enqueue
               FROM ayb_jobs.events($1, 4096) AS e JOIN ayb_jobs.job_history AS h ON h.id = e.job_id
               WHERE e.old_state IS NULL)
           SELECT CASE WHEN count(*) = 300 THEN concat_ws(' ',
                      percentile_disc(0.5) WITHIN GROUP (ORDER BY from_commit),
                      percentile_disc(0.99) WITHIN GROUP (ORDER BY from_commit), max(from_commit),
                      percentile_disc(0.5) WITHIN GROUP (ORDER BY from_enqueue),
                      percentile_disc(0.99) WITHIN GROUP (ORDER BY from_enqueue), max(from_enqueue)) END
           FROM job"
}

by_events() {
    local since line
    since=$(newest_event)
    pgbench -n -f "$dir/script" -t 300 >"$dir/log" 2>&1 || die "pgbench: $(<"$dir/log")"
    run_until_empty 10
    line=$(quantiles "$since")
    [[ $line ]] || die "not every job's commit was seen"
    printf '%s\n' "$line"
}

by_commit_timestamp() {
    query "TRUNCATE noted"
    PGOPTIONS='-c synchronous_commit=off' pgbench -n -f "$dir/noted" -t 300 >"$dir/log" 2>&1 ||
        die "pgbench: $(<"$dir/log")"
    run_until_empty 10
    query "SELECT concat_ws(' ', percentile_disc(0.5) WITHIN GROUP (ORDER BY waited),
                            percentile_disc(0.99) WITHIN GROUP (ORDER BY waited))
           FROM (SELECT (h.result::numeric - extract(epoch FROM pg_xact_commit_timestamp(n.xmin))) * 1000 AS waited
                 FROM noted AS n JOIN ayb_jobs.job_history AS h USING (id)) AS job"
}

# One job to begin with: a worker that has to be started is another benchmark, silence.
query "SELECT ayb_jobs.enqueue('latency')" >/dev/null
run_until_empty 10
for ((round = 0; round < BENCH_REPEATS; round++)); do
    by_events >>"$dir/events"
    beside by_commit_timestamp >>"$dir/ours"
    beside peer graphile latency 300 >>"$dir/graphile"
    beside peer pg-boss latency 300 >>"$dir/pg-boss"
done

column() { cut -d ' ' -f "$2" "$dir/$1" | paste -sd ' '; }
read -ra values < <(column events 1)
report 'latency from commit, p50' ms 0.5 "${values[@]}"
read -ra values < <(column events 2)
report 'latency from commit, p99' ms 3 "${values[@]}"
read -ra values < <(column events 3)
report 'latency from commit, max' ms - "${values[@]}"
read -ra values < <(column events 4)
report 'latency from enqueue(), p50' ms - "${values[@]}"
read -ra values < <(column events 5)
report 'latency from enqueue(), p99' ms - "${values[@]}"
beside compare 'latency from the commit timestamp, p50' ms 'graphile-worker' "$(column graphile 1)" "$(column ours 1)" '<=0.2'
beside compare 'latency from the commit timestamp, p99' ms 'graphile-worker' "$(column graphile 2)" "$(column ours 2)"
beside compare 'latency from the commit timestamp, p50' ms 'pg-boss, with NOTIFY' "$(column pg-boss 1)" "$(column ours 1)"
beside compare 'latency from the commit timestamp, p99' ms 'pg-boss, with NOTIFY' "$(column pg-boss 2)" "$(column ours 2)"
