#!/bin/bash
# events: what it costs jobs that somebody could listen to their events, and that somebody does. 500,000 jobs that do
# nothing are worked off without a sidecar; with one that nobody listens to; with one, and with ten who listen to its
# stream; in turns. What a sidecar without listeners asks of the server is counted, too.
source "$(dirname "$0")/lib.sh"

"$bench/../harness/build-sidecar" >/dev/null
jobs=500000
[[ $BENCH_SCALE != small ]] || jobs=50000
dir=$(mktemp -d)
sidecar='' address='' listeners=()
# shellcheck disable=SC2317,SC2329  # called by the trap
finish() {
    stop
    rm -rf "$dir"
}
trap finish EXIT

serve() { start_sidecar "$dir/log" --no-auth; }

# stop: the sidecar, and with it those who listen.
stop() {
    [[ ! $sidecar ]] || kill "$sidecar" 2>/dev/null || true
    wait
    sidecar='' listeners=()
}

# listen COUNT: returns when each has been let in.
listen() {
    local i
    for ((i = 0; i < $1; i++)); do
        curl -sN "http://$address/api/admin/events" >"$dir/heard.$i" &
        listeners+=($!)
    done
    for ((i = 0; i < $1; i++)); do
        until [[ -s $dir/heard.$i ]]; do sleep 0.02; done
    done
}

# drained NAME: keeps the rate, and the WAL of a job.
drained() {
    local before rate
    query 'VACUUM ayb_jobs.job_queue' # of what the one before left
    before=$(query 'SELECT pg_current_wal_insert_lsn()')
    rate=$(drain_rate nothing "$jobs")
    printf '%s\n' "$rate" >>"$dir/$1"
    query "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '$before') / $jobs" >>"$dir/$1.wal"
}

query 'CREATE ROLE bench LOGIN IN ROLE ayb_jobs_admin'
query "CREATE FUNCTION trivial() RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN END \$\$"
query "SELECT ayb_jobs.register_handler('nothing', 'trivial()')" >/dev/null
drain_rate nothing 1000 >/dev/null # the code has run

# Nobody asked it anything, so it has never come.
serve
configure log_connections on
drain_rate nothing 1000 >/dev/null
report 'sessions opened by a sidecar that nobody listens to' sessions - "$(grep -c 'authorized: user=bench' "$AYB_SCRATCH/log" || true)"
configure log_connections off
stop

turns=(none nobody one ten)
for ((round = 0; round < BENCH_REPEATS; round++)); do
    for ((turn = 0; turn < 4; turn++)); do
        case ${turns[(round + turn) % 4]} in
            none) drained none ;;
            nobody) serve && drained nobody ;;
            one) serve && listen 1 && drained one ;;
            ten) serve && listen 10 && drained ten ;;
        esac
        stop
    done
done
compare 'drain, a sidecar that nobody listens to' jobs/s 'no sidecar' "$(rounds "$dir/none")" "$(rounds "$dir/nobody")" '>=0.95'
compare 'drain, one listens' jobs/s 'nobody' "$(rounds "$dir/nobody")" "$(rounds "$dir/one")"
compare 'drain, ten listen' jobs/s 'nobody' "$(rounds "$dir/nobody")" "$(rounds "$dir/ten")"
compare 'WAL of a job, ten listen' bytes 'nobody' "$(rounds "$dir/nobody.wal")" "$(rounds "$dir/ten.wal")"
