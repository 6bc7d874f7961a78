#!/bin/bash
# idle: the processor time that the engine's processes take in a minute in which nothing is due, beside that of pg_cron's
# launcher on the same server in the same minute, with no job of its own either. First one database has the extension,
# then ten have. By /proc/PID/schedstat, which counts nanoseconds on a processor.
# settings: shared_preload_libraries = 'ayb_jobs, pg_cron'
# settings: cron.database_name = 'scratch'
source "$(dirname "$0")/lib.sh"
source "$bench/peers.sh"

window=60
[[ $BENCH_SCALE != small ]] || window=20
query "CREATE EXTENSION pg_cron"

# milliseconds PATTERN: what the processes whose backend_type is like it have taken so far, together.
milliseconds() {
    local pids
    pids=$(query "SELECT pid FROM pg_stat_activity WHERE backend_type LIKE '$1'")
    [[ $pids ]] || die "there is no $1"
    # shellcheck disable=SC2046,SC2086  # one file a process
    awk '{ taken += $1 } END { printf "%.3f\n", taken / 1e6 }' $(printf '/proc/%s/schedstat ' $pids)
}

# Until every scheduler sleeps to its tick: what follows a start by a minute is done now, as the engine's clock is turned
# on; its next upkeep is an hour away.
settle() { # settle DATABASES MINUTES
    wait_for 60 "SELECT count(*) = $1 FROM pg_stat_activity WHERE backend_type = 'ayb_jobs scheduler'"
    configure ayb_jobs.test_clock_offset "$(($2 * 60))"
    sleep 5 # nothing tells that the last one is asleep again
    [[ $(query 'SELECT count(*) FROM ayb_jobs.workers()') == 0 ]] || die "there is a worker"
}

measure() { # measure: prints the milliseconds of ours and of pg_cron's in the window
    local ours peer
    ours=$(milliseconds 'ayb_jobs%')
    peer=$(milliseconds 'pg_cron%')
    sleep "$window" # a while in which nothing is due
    awk -v o="$ours" -v p="$peer" -v oo="$(milliseconds 'ayb_jobs%')" -v pp="$(milliseconds 'pg_cron%')" \
        'BEGIN { print oo - o, pp - p }'
}

settle 1 2
read -r ours peer < <(measure)
compare "idle, one database, processor time in $window s" ms 'pg_cron' "$peer" "$ours" '<=1'
for ((i = 2; i <= 10; i++)); do
    query "CREATE DATABASE idle_$i"
    sql -d "idle_$i" -c 'CREATE EXTENSION ayb_jobs'
done
settle 10 4
read -r ours peer < <(measure)
report "idle, ten databases, processor time in $window s" ms "$(awk -v window="$window" 'BEGIN { print 50 * window / 60 }')" \
    "$ours"
