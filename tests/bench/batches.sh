#!/bin/bash
# batches: workers outside in Node, as in the guide, which claim, do nothing and complete: one job at a time by 16 of them, ten by
# 16, a hundred by four; each job's state is kept, beside a week of history. graphile-worker beside it, with 16 jobs at once
# each by itself, and at its best. What the workers' sessions take of the server's processor for a job; and all of that with
# 94 days kept. Without waiting for the disk. In turns.
source "$(dirname "$0")/lib.sh"
source "$bench/peers.sh"
source "$bench/history.sh"

few=10000 many=60000
[[ $BENCH_SCALE != small ]] || few=2000 many=20000
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
configure ayb_jobs.retention 100d synchronous_commit off # of everybody: the peers' sessions, too

query "SELECT ayb_jobs.register_handler('bench', kind => 'external')" >/dev/null

# ours NAME BATCH WORKERS JOBS: jobs a second into $dir/NAME, microseconds a job into $dir/NAME.cost
ours() {
    local rate cost
    read -r rate cost < <(peer outside "$2" "$3" "$4")
    printf '%s\n' "$rate" >>"$dir/$1"
    printf '%s\n' "$cost" >>"$dir/$1.cost"
}

keep_days 2 8 20000
for ((round = 0; round < BENCH_REPEATS; round++)); do
    ours single 1 16 "$few"
    beside peer graphile singly "$few" >>"$dir/graphile.single"
    ours ten 10 16 "$many"
    ours hundred 100 4 "$many"
    beside peer graphile drain "$many" 2 >>"$dir/graphile.best"
done
keep_days 9 94 1000
for ((round = 0; round < BENCH_REPEATS; round++)); do
    ours single.94 1 16 "$few"
    ours hundred.94 100 4 "$many"
done

compare 'outside, one at a time, 16 workers' jobs/s 'graphile-worker, singly' "$(rounds "$dir/graphile.single")" \
    "$(rounds "$dir/single")" '>=1.2'
compare 'outside, ten at a time, 16 workers' jobs/s 'graphile-worker at its best' "$(rounds "$dir/graphile.best")" "$(rounds "$dir/ten")"
compare 'outside, a hundred at a time, 4 workers' jobs/s 'graphile-worker at its best' "$(rounds "$dir/graphile.best")" \
    "$(rounds "$dir/hundred")" '>=1'
compare 'outside, one at a time, 94 days kept' jobs/s 'a week' "$(rounds "$dir/single")" "$(rounds "$dir/single.94")" '>=0.91'
compare 'outside, a hundred at a time, 94 days kept' jobs/s 'a week' "$(rounds "$dir/hundred")" "$(rounds "$dir/hundred.94")" '>=0.91'
for kind in single hundred; do
    mapfile -t costs <"$dir/$kind.cost"
    report "outside, the server's time for a job: $kind" us "$([[ $kind == hundred ]] && echo 15 || echo -)" "${costs[@]}"
done
