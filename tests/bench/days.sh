#!/bin/bash
# days: what a job costs the server that a worker outside claims and completes, a hundred at a time, in instructions, by
# callgrind, which counts those of one process, whoever else uses the machine: beside a week of history, and beside 94 days.
# Counting begins where setseed() is called and ends where timeofday() is.
# settings: autovacuum = off
# settings: ayb_jobs.poll_interval = 1min
# settings: ayb_jobs.scheduler_tick = 1h
# settings: ayb_jobs.retention = 100d
# under: valgrind --tool=callgrind --quiet --callgrind-out-file=calls.%p --zero-before=setseed --dump-before=timeofday
source "$(dirname "$0")/lib.sh"
source "$bench/history.sh"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
warm=10 batches=40

query "SELECT ayb_jobs.register_handler('bench', kind => 'external')" >/dev/null
cat >"$dir/work" <<EOF
\set batch :batch + 1
\if :batch = $((warm + 1))
SELECT setseed(0);
\endif
\if :batch = $((warm + batches + 1))
SELECT timeofday();
\endif
SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'attempt', attempt, 'result', true)), '[]') AS jobs
FROM ayb_jobs.claim('w', '{bench}', 100, '10 min') \gset
SELECT count(*) FROM ayb_jobs.complete_many('w', :jobs::jsonb);
EOF

# work: prints the instructions of a job.
work() {
    local jobs=$(((warm + batches + 1) * 100)) counts
    query "SELECT count(*) FROM ayb_jobs.enqueue_many('bench', array_fill('{\"to\": \"someone\"}'::jsonb, ARRAY[$jobs]))" >/dev/null
    query 'VACUUM ANALYZE ayb_jobs.job_queue'
    pgbench -n -M prepared -D batch=0 -t $((warm + batches + 1)) -f "$dir/work" >"$dir/log" 2>&1 || die "pgbench: $(<"$dir/log")"
    [[ $(query 'SELECT count(*) FROM ayb_jobs.job_queue') == 0 ]] || die 'not all went through'
    counts=("$AYB_SCRATCH"/calls.*.*)
    ((${#counts[@]} == 1)) || die "counted were: ${counts[*]}"
    awk -v jobs=$((batches * 100)) '$1 == "totals:" { printf "%.1f\n", $2 / jobs }' "${counts[0]}"
    [[ ! ${BENCH_KEEP:-} ]] || mv "${counts[0]}" "$BENCH_KEEP.$1"
    rm -f "${counts[0]}"
}

keep_days 2 8 2000
week=$(work week)
keep_days 9 94 200
compare 'outside, a hundred at a time, 94 days kept' instructions/job 'a week' "$week" "$(work days)" '<=1.1'
