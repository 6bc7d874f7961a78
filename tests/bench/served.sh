#!/bin/bash
# served: how soon a job starts on an idle server while jobs that nobody may start are due before it: of a type that is
# paused, of one for workers outside, of one without a handler, a million each, and the same under an old snapshot. 300
# jobs 20 ms apart, by one session, each from its commit to the handler's first statement.
source "$(dirname "$0")/lib.sh"
source "$bench/old_snapshot.sh"

million=1000000
[[ $BENCH_SCALE != small ]] || million=100000
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

make_first_statement
query "SELECT ayb_jobs.register_handler('served', 'first_statement()')" >/dev/null
query "SELECT ayb_jobs.register_handler('still', 'first_statement()')" >/dev/null
query "SELECT ayb_jobs.register_handler('outside', kind => 'external')" >/dev/null
printf '%s\n' "SELECT ayb_jobs.enqueue('served');" '\sleep 20 ms' >"$dir/script"

# Prints the median of a round, in milliseconds.
start() {
    local since
    since=$(newest_event)
    pgbench -n -f "$dir/script" -t 300 >"$dir/log" 2>&1 || die "pgbench: $(<"$dir/log")"
    wait_for 60 "SELECT count(*) = 300 FROM ayb_jobs.events($since, 4096) WHERE new_state = 'completed'"
    query "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY (h.result::numeric - extract(epoch FROM e.at)) * 1000)
           FROM ayb_jobs.events($since, 4096) AS e JOIN ayb_jobs.job_history AS h ON h.id = e.job_id
           WHERE e.old_state IS NULL"
}

ahead() {
    query "SET client_min_messages = warning;
           SELECT count(*) FROM ayb_jobs.enqueue_many('$1', array_fill('{}'::jsonb, ARRAY[$million]),
                                                      now() - interval '1 hour')" >/dev/null
}

start >/dev/null # a worker that has to be started is another benchmark, silence
empty=$(for ((i = 0; i < BENCH_REPEATS; i++)); do start; done | paste -sd ' ')
query "SELECT ayb_jobs.pause('still')" >/dev/null
ahead still
ahead outside
ahead 'nobody knows'
amid=$(for ((i = 0; i < BENCH_REPEATS; i++)); do start; done | paste -sd ' ')
compare "start behind 3 times $million that nobody may start, p50" ms 'empty queue' "$empty" "$amid" '<=1.5'
hold_snapshot
amid=$(for ((i = 0; i < BENCH_REPEATS; i++)); do start; done | paste -sd ' ')
compare 'the same under an old snapshot' ms 'empty queue' "$empty" "$amid" '<=1.5'
