#!/bin/bash
# surroundings: what a job costs (claim, handler, completion; one worker) when the queue is otherwise empty, and amid
# what should not matter: a million jobs for later, a million completed ones, dead rows that an old snapshot holds, and
# all of it.
source "$(dirname "$0")/lib.sh"
source "$bench/old_snapshot.sh"

million=1000000
[[ $BENCH_SCALE != small ]] || million=100000
jobs=2000

configure autovacuum off ayb_jobs.worker_concurrency 1
query "CREATE FUNCTION trivial() RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN END \$\$"
query "SELECT ayb_jobs.register_handler('surroundings', 'trivial()')" >/dev/null

# Prints what one of 2,000 jobs takes, in milliseconds: the middle of BENCH_REPEATS runs.
cost() {
    local since
    for ((i = 0; i < BENCH_REPEATS; i++)); do
        query 'VACUUM ayb_jobs.job_queue' # of what the round before left
        since=$(query 'SELECT clock_timestamp()')
        query "SELECT count(*) FROM ayb_jobs.enqueue_many('surroundings', array_fill('{}'::jsonb, ARRAY[$jobs]))" \
            >/dev/null
        # Asked of shared memory: a look at the table would read the dead rows as well.
        wait_for 600 "SELECT bool_and(coalesce(due_at, 'infinity') > now()) AND NOT EXISTS (
                          SELECT FROM ayb_jobs.workers() WHERE state = 'running') FROM ayb_jobs.lanes()"
        query "SELECT extract(epoch FROM max(completed_at) - min(last_run_at)) * 1000 / $jobs
               FROM ayb_jobs.job_history WHERE last_run_at >= '$since'"
    done | median
}

later() {
    query "SELECT count(*) FROM ayb_jobs.enqueue_many('surroundings', array_fill('{}'::jsonb, ARRAY[$1]),
                                                      now() + interval '1 day')" >/dev/null
    query "VACUUM ANALYZE ayb_jobs.job_queue"
}

completed() {
    query "INSERT INTO ayb_jobs.job_history (id, type, payload, run_as, enqueued_by, run_at, worker_id, attempts, max_attempts,
               runs, last_run_at, created_at, completed_at)
           SELECT ayb_jobs.uuid7(), 'surroundings', '{}', 'postgres'::regrole, 'postgres'::regrole, now(), 'bench', 1, 3, 1,
                  now() - interval '1 hour', now(), now() FROM generate_series(1, $1)"
    query "VACUUM ANALYZE ayb_jobs.job_history"
}

# A snapshot that stays, and then rows that were due, and are dead to everyone but it.
hold() {
    hold_snapshot
    query "SELECT ayb_jobs.pause()" >/dev/null
    query "SELECT count(*) FROM ayb_jobs.enqueue_many('surroundings', array_fill('{}'::jsonb, ARRAY[$1]))" >/dev/null
    query "DELETE FROM ayb_jobs.job_queue WHERE run_at <= now()"
    query "SELECT ayb_jobs.resume()" >/dev/null
}

cost >/dev/null # the first of a session plans its statements
empty=$(cost)
later "$million"
amid=$(cost)
compare "a job amid $million for later" ms/job 'empty queue' "$empty" "$amid"
completed "$million"
amid=$(cost)
compare "a job amid $million completed, too" ms/job 'empty queue' "$empty" "$amid"
hold 100000
amid=$(cost)
compare 'a job amid 100000 dead rows under an old snapshot, too' ms/job 'empty queue' "$empty" "$amid"
