#!/bin/bash
# memory: ten million jobs through one worker, which must not grow, in groups; and then a tenth of them one by one. One in
# a thousand fails. Its memory is what PostgreSQL counts in its memory contexts, and what the kernel counts as its own; in
# the end the contexts are printed. BENCH_JOBS=N says how many; BENCH_SCALE=small is a hundred thousand.
source "$(dirname "$0")/lib.sh"

jobs=${BENCH_JOBS:-10000000}
[[ $BENCH_SCALE != small ]] || jobs=${BENCH_JOBS:-100000}
rounds=10

query "CREATE FUNCTION some_work(payload jsonb) RETURNS jsonb LANGUAGE plpgsql AS \$\$
    BEGIN
        IF (payload->>'n')::int % 1000 = 999 THEN RAISE EXCEPTION 'this one fails'; END IF;
        RETURN payload || '{\"done\": true}';
    END \$\$"
query "SELECT ayb_jobs.register_handler('memory', 'some_work(jsonb)', max_attempts => 1)" >/dev/null
configure ayb_jobs.worker_concurrency 1 ayb_jobs.worker_idle_timeout 1h ayb_jobs.retention 0

worker() { query "SELECT pid FROM pg_stat_activity WHERE backend_type = 'ayb_jobs worker'"; }

# contexts PID: what the worker says of its memory contexts, a line each, from the server's log.
contexts() {
    local from
    from=$(($(wc -l <"$AYB_SCRATCH/log") + 1))
    query "SELECT pg_log_backend_memory_contexts($1)" >/dev/null
    for ((i = 0; i < 500; i++)); do
        # It is told when it next looks, which may take a job.
        if tail -n "+$from" "$AYB_SCRATCH/log" | grep -q 'Grand total:'; then
            tail -n "+$from" "$AYB_SCRATCH/log" | grep -E 'level: |Grand total:'
            return
        fi
        sleep 0.02
    done
    die "process $1 does not tell its memory"
}
total() { contexts "$1" | sed -n 's/.*Grand total: \([0-9]*\) bytes.*/\1/p'; }
private() { awk '$1 == "RssAnon:" { print $2 }' "/proc/$1/status"; }

run_batch() {
    query "SELECT count(*) FROM ayb_jobs.enqueue_many('memory',
        (SELECT array_agg(jsonb_build_object('n', n)) FROM generate_series(1, $1) AS n))" >/dev/null
    run_until_empty 3600
    query "DELETE FROM ayb_jobs.job_queue WHERE state = 'failed'; DELETE FROM ayb_jobs.job_attempts"
}

# way NAME JOBS: that many in rounds; what the worker has after them, beside what it had after the first few.
way() {
    local name=$1 jobs=$2 first first_private round
    run_batch 5000 # its caches fill
    first=$(total "$pid")
    first_private=$(private "$pid")
    for ((round = 1; round <= rounds; round++)); do
        run_batch $((jobs / rounds))
        printf '%s: after %s jobs %s bytes in contexts, %s kB of its own\n' "$name" $((round * jobs / rounds)) "$(total "$pid")" \
            "$(private "$pid")"
    done
    [[ $(worker) == "$pid" ]] || die 'the worker is another one'
    compare "memory contexts after $jobs jobs $name" bytes 'after 5000' "$first" "$(total "$pid")" '<=1.05'
    compare "its own pages after $jobs jobs $name" kB 'after 5000' "$first_private" "$(private "$pid")" '<=1.1'
}

run_batch 5000
pid=$(worker)
[[ $pid =~ ^[0-9]+$ ]] || die "no worker: '$pid'"
way 'in groups' "$jobs"
configure ayb_jobs.group_size 1
way 'one by one' $((jobs / 10))
contexts "$pid" | sed 's/.*level: \([0-9]*\); /\1 /'
