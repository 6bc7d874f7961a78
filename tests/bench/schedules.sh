#!/bin/bash
# schedules: how soon a tick's job is enqueued and starts after its second; how long ten thousand schedules that are due in one second
# take, and what other jobs notice of it; what 100,000 schedules cost a scheduler that has nothing to do, and how many of
# their rows a tick reads.
source "$(dirname "$0")/lib.sh"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

make_first_statement
query "SELECT ayb_jobs.register_handler('tick', 'first_statement()'), ayb_jobs.register_handler('outside', kind => 'external')" >/dev/null

# Prints by how many milliseconds the jobs of a schedule that ticks each second were enqueued, and started, late: medians
# of 20; and how many rows of schedules were read meanwhile.
start_latency() {
    local id before found
    before=$(rows_read)
    id=$(query "SELECT id FROM ayb_jobs.create_schedule('each second', 'tick', '* * * * * *', overlap => 'queue')")
    # The first one has its worker to start, which is another benchmark.
    wait_for 60 "SELECT count(*) > 20 FROM ayb_jobs.job_history WHERE schedule_id = '$id'"
    query "SELECT ayb_jobs.disable_schedule('$id')" >/dev/null
    run_until_empty 10
    found=$(query "SELECT concat_ws(' ', percentile_disc(0.5) WITHIN GROUP (ORDER BY enqueued),
                            percentile_disc(0.5) WITHIN GROUP (ORDER BY started), $(rows_read) - $before)
           FROM (SELECT (extract(epoch FROM created_at - scheduled_at)) * 1000 AS enqueued,
                        (result::numeric - extract(epoch FROM scheduled_at)) * 1000 AS started
                 FROM ayb_jobs.job_history WHERE schedule_id = '$id' ORDER BY scheduled_at OFFSET 1) AS t")
    query "SELECT ayb_jobs.delete_schedule('$id')" >/dev/null
    printf '%s\n' "$found"
}

# fill COUNT: so many schedules, of which none is due.
fill() {
    query "INSERT INTO ayb_jobs.schedules (name, job_type, cron_expr, next_run_at)
           SELECT 'idle ' || n, 'outside', '0 0 1 1 *', ayb_jobs.cron_next('0 0 1 1 *', after => now() + interval '1 year')
           FROM generate_series(1, $1) AS n" >/dev/null
    query 'VACUUM ANALYZE ayb_jobs.schedules'
}

# Prints when the last of the fill's 10,000 jobs was committed, in milliseconds from the second at which all were due, and
# by how many another job, enqueued each 20 ms meanwhile, started late at most.
in_one_second() {
    local since due
    query 'TRUNCATE ayb_jobs.job_queue'
    since=$(newest_event)
    due=$(query "SELECT date_trunc('second', clock_timestamp()) + interval '4 s'")
    query "UPDATE ayb_jobs.schedules SET next_run_at = '$due'"
    query 'VACUUM ayb_jobs.schedules'
    wait_for 10 "SELECT clock_timestamp() > timestamptz '$due' - interval '0.5 s'"
    pgbench -n -f "$dir/script" -t 75 >"$dir/log" 2>&1 || die "pgbench: $(<"$dir/log")"
    wait_for 30 "SELECT count(*) = 10000 FROM ayb_jobs.job_queue WHERE type = 'outside'"
    query "SELECT extract(epoch FROM max(at) - '$due') * 1000 FROM ayb_jobs.events($since, 4096) WHERE type = 'outside'"
    run_until_none_of tick
    query "SELECT max(result::numeric - extract(epoch FROM created_at)) * 1000 FROM ayb_jobs.job_history
           WHERE type = 'tick' AND created_at >= '$due'"
}
printf '%s\n' "SELECT ayb_jobs.enqueue('tick');" '\sleep 20 ms' >"$dir/script"

run_until_none_of() {
    wait_for 10 "SELECT NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE type = '$1')"
}

# Prints what the scheduler does in 30 s: CPU time in milliseconds, how often it woke, and how many rows of schedules it
# read.
idle_cost() {
    local pid before after
    pid=$(query "SELECT pid FROM pg_stat_activity WHERE backend_type = 'ayb_jobs scheduler'")
    before=$(idle_counters "$pid")
    sleep 30 # what is measured, not a wait for something
    after=$(idle_counters "$pid")
    paste -d ' ' <(printf '%s\n' "$before") <(printf '%s\n' "$after") | awk '{ print $4 - $1, $5 - $2, $6 - $3 }'
}

idle_counters() {
    printf '%s %s %s\n' "$(awk '{ print $1 / 1e6 }' "/proc/$1/schedstat")" \
        "$(awk '/^voluntary_ctxt_switches/ { print $2 }' "/proc/$1/status")" "$(rows_read)"
}

rows_read() {
    query "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_all_tables WHERE relid = 'ayb_jobs.schedules'::regclass"
}

read -r enqueued started rows < <(start_latency)
report 'tick to enqueue, no other schedule' ms - "$enqueued"
report 'tick to start, no other schedule' ms 5 "$started"
sleep 35 # the worker leaves (worker_idle_timeout): the scheduler is alone
read -r cpu_none wakes_none _ < <(idle_cost)

fill 100000
query 'SELECT pg_stat_force_next_flush()' >/dev/null
read -r cpu wakes idle_rows < <(idle_cost)
compare 'idle scheduler with 100,000 schedules, CPU in 30 s' ms 'with none' "$cpu_none" "$cpu"
compare 'idle scheduler with 100,000 schedules, wake-ups in 30 s' times 'with none' "$wakes_none" "$wakes"
report 'idle scheduler with 100,000 schedules, rows of them read in 30 s' rows - "$idle_rows"
read -r enqueued started rows_amid < <(start_latency)
report 'tick to enqueue, amid 100,000 schedules' ms - "$enqueued"
report 'tick to start, amid 100,000 schedules' ms 5 "$started"
compare 'rows of schedules read by 20 ticks, amid 100,000' rows 'with none' "$rows" "$rows_amid"

query 'TRUNCATE ayb_jobs.schedules, ayb_jobs.job_queue'
fill 10000
for ((round = 0; round < BENCH_REPEATS; round++)); do
    in_one_second | paste -s -d ' ' >>"$dir/rounds"
done
column() { cut -d ' ' -f "$1" "$dir/rounds" | median; }
report '10,000 schedules due in one second, all enqueued after' ms 500 "$(column 1)"
report 'another job meanwhile, from enqueue() to start, max' ms - "$(column 2)"
