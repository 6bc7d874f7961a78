#!/bin/bash
# immune: another session holds an old snapshot while 300,000 jobs that do nothing flow, 10,000 at a time, so that no row
# and no index entry of them can be removed: the rate of the last ones beside that of the first ones, and what a claim
# reads. The first and the last three times 10,000 are rounds.
source "$(dirname "$0")/lib.sh"
source "$bench/old_snapshot.sh"

slices=30
[[ $BENCH_SCALE != small ]] || slices=6
jobs=10000

query "CREATE FUNCTION trivial() RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN END \$\$"
query "SELECT ayb_jobs.register_handler('immune', 'trivial()')" >/dev/null
configure ayb_jobs.worker_idle_timeout 0 # a worker that has left has told all of its reads

# What was read so far of the index that claims go by: buffers, and entries.
read_so_far() {
    wait_for 30 'SELECT NOT EXISTS (SELECT FROM ayb_jobs.workers())'
    query "SELECT i.idx_blks_hit + i.idx_blks_read || ' ' || s.idx_tup_read
           FROM pg_statio_all_indexes AS i JOIN pg_stat_all_indexes AS s USING (indexrelid)
           WHERE i.indexrelname = 'job_queue_claim_idx'"
}

# slice FILE: its rate, and what each of its jobs read.
slice() {
    local buffers entries buffers_after entries_after
    read -r buffers entries < <(read_so_far)
    drain_rate immune "$jobs" >>"$dir/$1.rate"
    read -r buffers_after entries_after < <(read_so_far)
    awk "BEGIN { print ($buffers_after - $buffers) / $jobs }" >>"$dir/$1.buffers"
    awk "BEGIN { print ($entries_after - $entries) / $jobs }" >>"$dir/$1.entries"
}

slice warm
hold_snapshot
run_slices "$slices"

total=$((slices * jobs))
compare "$jobs jobs behind $((total - jobs)) under an old snapshot" jobs/s "the first $jobs" "$(rounds "$dir/first.rate")" \
    "$(rounds "$dir/last.rate")" '>=0.9'
compare 'the same: buffers of the claim index' a/job "the first $jobs" "$(rounds "$dir/first.buffers")" \
    "$(rounds "$dir/last.buffers")" '<=1.1'
compare 'the same: entries of it' a/job "the first $jobs" "$(rounds "$dir/first.entries")" "$(rounds "$dir/last.entries")"
