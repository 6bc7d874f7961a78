#!/bin/bash
# seeing: the newest fifty of ten million jobs, filtered by state, by type and by both, as an admin and as an ordinary
# role (which row-level security shows its own half of them); stats(), health() and a look-up by id.
source "$(dirname "$0")/lib.sh"
source "$bench/many_jobs.sh"

million=1000000
[[ $BENCH_SCALE != small ]] || million=100000
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

make_many_jobs $((10 * million))
query "CREATE ROLE bench_admin LOGIN IN ROLE ayb_jobs_admin"

# timed ROLE SQL: the middle time of eleven runs in one session, in milliseconds, the first included.
timed() {
    local i
    {
        printf '%s\n' '\timing on' '\o /dev/null'
        for ((i = 0; i < 11; i++)); do printf '%s;\n' "$2"; done
    } | sql -U "$1" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' >"$dir/times"
    [[ $(wc -l <"$dir/times") == 11 ]] || die "no times for: $2"
    median <"$dir/times"
}

newest() { # newest ROLE NAME CONDITION
    local measured
    measured=$(timed "$1" "SELECT * FROM ayb_jobs.jobs WHERE $3 ORDER BY id DESC LIMIT 50")
    report "newest 50 of $((10 * million)) jobs, $1, $2" ms 20 "$measured"
}

for role in bench_admin bench_one; do
    newest "$role" 'all' true
    for state in queued running completed failed canceled; do newest "$role" "$state" "state = '$state'"; done
    newest "$role" 'a common type' "type = 'mail'"
    newest "$role" 'a rare type' "type = 'rare_42'"
    newest "$role" 'a type with old jobs only' "type = 'ancient'"
    newest "$role" 'a type without jobs' "type = 'none'"
    newest "$role" 'queued, a common type' "state = 'queued' AND type = 'mail'"
    newest "$role" 'queued, a rare type' "state = 'queued' AND type = 'rare_42'"
    newest "$role" 'failed, a common type' "state = 'failed' AND type = 'mail'"
    newest "$role" 'failed, a rare type' "state = 'failed' AND type = 'rare_42'"
    newest "$role" 'failed, a type without jobs' "state = 'failed' AND type = 'none'"
    newest "$role" 'canceled, a rare type' "state = 'canceled' AND type = 'rare_42'"
    newest "$role" 'completed, a type with old jobs only' "state = 'completed' AND type = 'ancient'"
done
one=$(query "SELECT id FROM ayb_jobs.job_history LIMIT 1")
measured=$(timed bench_admin "SELECT * FROM ayb_jobs.jobs WHERE id = '$one'")
report 'one job by its id' ms - "$measured"
measured=$(timed bench_admin 'SELECT * FROM ayb_jobs.stats()')
report 'stats()' ms - "$measured"
measured=$(timed bench_admin 'SELECT * FROM ayb_jobs.health()')
report 'health()' ms - "$measured"
