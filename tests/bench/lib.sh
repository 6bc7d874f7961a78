# shellcheck shell=bash
# Sourced by each benchmark. A benchmark is a script that measures with a server of its own (PGHOST and so on point at
# it), prints its results by `report` and `compare`, and fails only if it could not measure.
# The server is set up as an installation has it, other than for tests, which don't wait for the disk:
# settings: fsync = on
# settings: full_page_writes = on
# settings: autovacuum_naptime = 1min

set -euo pipefail
shopt -s inherit_errexit
bench=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

sql() { psql -XqAt -v ON_ERROR_STOP=1 "$@"; }

# query SQL: prints its result.
query() { sql -c "$1"; }

# wait_for SECONDS SQL: until the query gives true.
wait_for() {
    local end=$((SECONDS + $1))
    until [[ $(query "$2") == t ]]; do
        ((SECONDS < end)) || die "waited $1 s in vain for: $2"
        sleep 0.02
    done
}

# configure NAME VALUE ...: sets them for the whole server, and returns when new sessions have them.
configure() {
    local before
    before=$(query 'SELECT pg_conf_load_time()')
    while (($#)); do
        query "ALTER SYSTEM SET $1 = '$2'"
        shift 2
    done
    query 'SELECT pg_reload_conf()' >/dev/null
    wait_for 10 "SELECT pg_conf_load_time() > '$before'"
}

# start_sidecar LOG [FLAG ...]: one in front of this database, as the role bench; sets sidecar, its pid, and address. The caller
# stops it.
# shellcheck disable=SC2034
start_sidecar() {
    local i
    "$bench/../../.ayb/build/sidecar/sidecar/ayb-jobs" serve --listen 127.0.0.1:0 \
        --dsn "host=$PGHOST port=$PGPORT user=bench dbname=$PGDATABASE" "${@:2}" 2>"$1" &
    sidecar=$! address=''
    for ((i = 0; i < 200; i++)); do
        address=$(sed -n 's/.*"message":"listening","address":"\([^"]*\)".*/\1/p' "$1")
        [[ ! $address ]] || return 0
        sleep 0.05
    done
    die "the sidecar does not start: $(<"$1")"
}

# The middle of the numbers on stdin, one a line; of an even count the upper one of the two in the middle.
median() { sort -g | awk '{ n[NR] = $1 } END { if (!NR) exit 1; print n[int(NR / 2) + 1] }'; }

# A handler, first_statement(): what its first statement saw of the clock is its result, in seconds since 1970.
make_first_statement() {
    query "CREATE FUNCTION first_statement() RETURNS jsonb LANGUAGE plpgsql AS
           \$\$ BEGIN RETURN to_jsonb(extract(epoch FROM clock_timestamp())); END \$\$"
}

# The number of the newest event: what happens from now on comes after it.
newest_event() { query 'SELECT coalesce(max(seq), 0) FROM ayb_jobs.events(max_events => 4096)'; }

# run_until_empty SECONDS: until no job is queued or running any more.
run_until_empty() {
    wait_for "$1" "SELECT NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE state IN ('queued', 'running'))"
}

# SQL that makes a procedure that waits in one session, and asks shared memory: a look at the table would read the rows
# that are gone.
# shellcheck disable=SC2034  # used by those who source this
wait_until_empty="CREATE PROCEDURE wait_until_empty() LANGUAGE plpgsql AS \$\$
    BEGIN
        WHILE (SELECT bool_or(due_at <= now()) FROM ayb_jobs.lanes())
                OR EXISTS (SELECT FROM ayb_jobs.workers() WHERE state = 'running') LOOP
            COMMIT;
            PERFORM pg_sleep(0.005);
        END LOOP;
    END \$\$;"

# drain_rate TYPE JOBS [DATABASE]: enqueues that many while all is paused, lets them go, and prints how many a second ran.
drain_rate() {
    local database=${3:-$PGDATABASE} first end=$((SECONDS + 900))
    sql -d "$database" -c 'SELECT ayb_jobs.pause()' >/dev/null
    # min() knows no uuid.
    first=$(sql -d "$database" -c "SELECT id FROM ayb_jobs.enqueue_many('$1', array_fill('{}'::jsonb, ARRAY[$2])) AS id
                                   ORDER BY id LIMIT 1")
    sql -d "$database" -c CHECKPOINT -c 'SELECT ayb_jobs.resume()' >/dev/null
    # Asked of shared memory: a look at the table would read dead rows as well.
    until [[ $(sql -d "$database" -c "SELECT bool_and(coalesce(due_at, 'infinity') > now()) AND NOT EXISTS (
                   SELECT FROM ayb_jobs.workers() WHERE state = 'running') FROM ayb_jobs.lanes()") == t ]]; do
        ((SECONDS < end)) || die "$2 jobs don't end"
        sleep 0.1
    done
    sql -d "$database" -c "SELECT CASE WHEN count(*) = $2
                               THEN count(*) / extract(epoch FROM max(completed_at) - min(last_run_at)) END
                           FROM ayb_jobs.job_history WHERE id >= '$first'"
}

# resumed_rate JOBS: that many wait while all is paused; lets them go, and prints how many a second ran until
# wait_until_empty() has seen their end.
resumed_rate() {
    query "VACUUM ANALYZE ayb_jobs.job_queue"
    query CHECKPOINT
    sql <<<"SELECT clock_timestamp() AS began \gset
        SELECT ayb_jobs.resume() \g /dev/null
        CALL wait_until_empty();
        SELECT $1 / extract(epoch FROM clock_timestamp() - timestamptz :'began');"
}

# Results are put into variables before they are printed: a command that fails inside "$(…)" ends the script only there.

# report NAME UNIT LIMIT MEASURED ...: a figure that has a limit, or none (-); of several rounds the median counts.
report() { "$bench/figure" report "$@"; }

# compare NAME UNIT BESIDE OTHERS MEASURED [GOAL]: a figure that is held against another one (BESIDE says which), of one
# round or of several (numbers with blanks between); GOAL is what the ratio should be, such as '>=0.8'.
compare() {
    local numbers
    if [[ ! ${BENCH_AGAINST:-} ]]; then
        "$bench/figure" compare "$@"
    else
        read -ra numbers <<<"$5"
        report "$1" "$2" - "${numbers[@]}"
    fi
}

# beside COMMAND ...: measures what ours is held against, where that isn't another revision of ours.
beside() { [[ ${BENCH_AGAINST:-} ]] || "$@"; }

# rounds FILE: the numbers in it, one a line, as one argument of compare; none if nothing was measured.
rounds() { [[ ! -e $1 ]] || paste -sd ' ' "$1"; }

