#!/bin/bash
# silence: how soon the first job starts when nothing was enqueued for so long that the workers have left
# (ayb_jobs.worker_idle_timeout, a second here), so that a new one is started for it.
source "$(dirname "$0")/lib.sh"

configure ayb_jobs.worker_idle_timeout 1s

make_first_statement
query "SELECT ayb_jobs.register_handler('silence', 'first_statement()')" >/dev/null
query "SELECT ayb_jobs.enqueue('silence')" >/dev/null
run_until_empty 10

after_silence() {
    local id since
    for ((i = 0; i < BENCH_REPEATS; i++)); do
        wait_for 30 'SELECT NOT EXISTS (SELECT FROM ayb_jobs.workers())'
        sleep 2 # so that they are gone, and the scheduler has gone back to sleep
        since=$(newest_event)
        id=$(query "SELECT ayb_jobs.enqueue('silence')")
        run_until_empty 10
        query "SELECT (h.result::numeric - extract(epoch FROM e.at)) * 1000
               FROM ayb_jobs.events($since) AS e JOIN ayb_jobs.job_history AS h ON h.id = e.job_id
               WHERE h.id = '$id' AND e.old_state IS NULL"
    done
}
measured=$(after_silence | median)
report 'first job after the workers have left, from commit' ms 50 "$measured"
