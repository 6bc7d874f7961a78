#!/bin/bash
# latency: how soon a job starts on an idle server. 300 jobs 20 ms apart, by one session; then the instant of the commit
# (the engine's events, noted in the commit itself) is held against the clock that the handler's first statement saw.
# Beside it, as an upper bound that relies on nothing but rows: from enqueue()'s entry, thus with the insert and the
# commit's wait for the disk.
source "$(dirname "$0")/lib.sh"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

query "CREATE FUNCTION first_statement() RETURNS jsonb LANGUAGE plpgsql AS
       \$\$ BEGIN RETURN to_jsonb(extract(epoch FROM clock_timestamp())); END \$\$"
query "SELECT ayb_jobs.register_handler('latency', 'first_statement()')" >/dev/null
printf '%s\n' "SELECT ayb_jobs.enqueue('latency');" '\sleep 20 ms' >"$dir/script"

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

# One job to begin with: a worker that has to be started is another benchmark, silence.
query "SELECT ayb_jobs.enqueue('latency')" >/dev/null
run_until_empty 10
for ((round = 0; round < BENCH_REPEATS; round++)); do
    since=$(query 'SELECT coalesce(max(seq), 0) FROM ayb_jobs.events(max_events => 4096)')
    pgbench -n -f "$dir/script" -t 300 >"$dir/log" 2>&1 || die "pgbench: $(<"$dir/log")"
    run_until_empty 10
    line=$(quantiles "$since")
    [[ $line ]] || die "not every job's commit was seen"
    printf '%s\n' "$line" >>"$dir/rounds"
done

column() { cut -d ' ' -f "$1" "$dir/rounds" | median; }
report 'latency from commit, p50' ms 2 "$(column 1)"
report 'latency from commit, p99' ms 10 "$(column 2)"
report 'latency from commit, max' ms - "$(column 3)"
report 'latency from enqueue(), p50' ms - "$(column 4)"
report 'latency from enqueue(), p99' ms - "$(column 5)"
report 'latency from enqueue(), max' ms - "$(column 6)"
