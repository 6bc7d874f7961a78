#!/bin/bash
# run_at: how late a job starts that was enqueued 1.5 s ahead of its time, while nothing else would look for it:
# poll_interval and scheduler_tick are a minute. Once with a worker that is asleep, once with none there.
source "$(dirname "$0")/lib.sh"

make_first_statement
query "SELECT ayb_jobs.register_handler('run_at', 'first_statement()')" >/dev/null
configure ayb_jobs.poll_interval 1min ayb_jobs.scheduler_tick 1min

# Prints by how many milliseconds each of the jobs was late. A job that was early would be a negative number.
late() {
    local id
    for ((i = 0; i < BENCH_REPEATS; i++)); do
        id=$(query "SELECT ayb_jobs.enqueue('run_at', run_at => clock_timestamp() + interval '1.5 s')")
        run_until_empty 70
        query "SELECT (result::numeric - extract(epoch FROM run_at)) * 1000 FROM ayb_jobs.job_history
               WHERE id = '$id'"
    done
}

query "SELECT ayb_jobs.enqueue('run_at')" >/dev/null
run_until_empty 10
measured=$(late | median)
report 'run_at in 1.5 s, worker asleep, late by' ms 20 "$measured"
configure ayb_jobs.worker_idle_timeout 0
wait_for 70 'SELECT count(*) = 0 FROM ayb_jobs.workers()'
measured=$(late | median)
report 'run_at in 1.5 s, no worker, late by' ms 20 "$measured"
