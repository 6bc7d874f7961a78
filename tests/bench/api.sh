#!/bin/bash
# api: the sidecar under wrk with eight connections, beside pgbench with eight sessions that run the very statement that
# the sidecar prepares, in turns; likewise enqueueing; its memory over 200,000 requests; the newest fifty jobs and the
# counts amid ten thousand jobs and, in another database, amid ten million, in turns.
source "$(dirname "$0")/lib.sh"

"$bench/../harness/build-sidecar" >/dev/null
dir=$(mktemp -d)
sidecar='' sidecars=() address=''
# shellcheck disable=SC2317,SC2329  # called by the trap
finish() {
    [[ ! $sidecar ]] || kill "${sidecars[@]}" "$sidecar" 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT

seconds=10
many=10000000
[[ $BENCH_SCALE != small ]] || { seconds=5 && many=1000000; }

# fill COUNT: jobs of which eight in ten are completed, spread over an hour; as rows, through triggers and indexes.
fill() {
    query "WITH made AS (SELECT n, now() - interval '1 hour' * (1 - n / $1::float8) AS at
                         FROM generate_series(1, $1::bigint) AS n)
           , done AS (
               INSERT INTO ayb_jobs.job_history (id, type, payload, run_as, enqueued_by, run_at, worker_id, attempts, max_attempts,
                   runs, last_run_at, created_at, completed_at)
               SELECT job_id(at, n), 'mail', '{\"to\": \"someone\"}', 'bench'::regrole, 'bench'::regrole, at, 'bench', 1, 3, 1, at, at, at
               FROM made WHERE n % 5 <> 4)
           INSERT INTO ayb_jobs.job_queue (id, type, payload, state, run_as, run_at, created_at, updated_at)
           SELECT job_id(at, n), 'mail', '{\"to\": \"someone\"}', 'queued', 'bench'::regrole, at + interval '30 days', at, at
           FROM made WHERE n % 5 = 4"
    query 'VACUUM ANALYZE ayb_jobs.job_queue, ayb_jobs.job_history'
    query CHECKPOINT
}

# serve DATABASE: starts a sidecar in front of it; sets address and sidecar.
serve() {
    PGDATABASE=$1 start_sidecar "$dir/log.$1" --no-auth=admin
    sidecars+=("$sidecar")
}

# load ADDRESS SECONDS CONNECTIONS PATH [FLAG ...]: wrk's report.
load() {
    wrk "${@:5}" -d "$2" -t "$(($3 > 1 ? 2 : 1))" -c "$3" --latency "http://$1/api/admin$4" >"$dir/wrk"
    ! grep -E 'Non-2xx|Socket errors' "$dir/wrk" || die "not every answer was right"
    cat "$dir/wrk"
}
rate() { sed -n 's/^Requests\/sec: *//p'; }
# The middle one's time, in milliseconds.
middle() {
    awk '$1 == "50%" { value = $2 + 0; unit = $2; gsub(/[0-9.]/, "", unit)
                       print value * (unit == "us" ? 0.001 : unit == "s" ? 1000 : 1) }'
}
memory() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$sidecar/status"; }

configure fsync off full_page_writes off max_wal_size 8GB synchronous_commit off autovacuum off
query 'CREATE ROLE bench LOGIN IN ROLE ayb_jobs_admin'
query 'CREATE DATABASE few'
PGDATABASE=few query 'CREATE EXTENSION ayb_jobs'
for database in few "$PGDATABASE"; do
    PGDATABASE=$database query "CREATE FUNCTION job_id(at timestamptz, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
        \$\$ SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7000'
                    || lpad(to_hex(n), 16, '8000000000000000'))::uuid \$\$"
done
PGDATABASE=few fill 10000
fill "$many"
for database in few "$PGDATABASE"; do
    PGDATABASE=$database wait_for 60 'SELECT EXISTS (SELECT FROM ayb_jobs_internal.counts())'
done
serve few
few=$address
serve "$PGDATABASE"

# The statement is in the server's log, as the sidecar prepared it.
job=$(query 'SELECT id FROM ayb_jobs.job_history LIMIT 1')
configure log_statement all
load "$address" 1 8 "/jobs/$job" >/dev/null
configure log_statement none
sed -n 's/.*execute s[0-9]*: \(SELECT.*FROM ayb_jobs\.jobs AS j WHERE j\.id = .*\)/\1/p' "$AYB_SCRATCH/log" | sort -u >"$dir/statements"
[[ $(wc -l <"$dir/statements") == 1 ]] || die "the log has not one statement: $(head -c 1000 "$dir/statements")"
printf '%s;\n' "$(sed "s/\\\$1/:job/g" "$dir/statements")" >"$dir/script"

for ((round = 0; round < BENCH_REPEATS; round++)); do
    load "$address" "$seconds" 8 "/jobs/$job" | rate >>"$dir/api"
    pgbench -n -U bench -M prepared -c 8 -j 2 -T "$seconds" -D "job=$job" -f "$dir/script" | sed -n 's/^tps = \([0-9.]*\).*/\1/p' >>"$dir/pgbench"
done
compare 'GET a job by its id, 8 connections' requests/s 'the same statement by pgbench' "$(rounds "$dir/pgbench")" \
    "$(rounds "$dir/api")" '>=0.4'

# Of a type that nobody handles: what is measured is enqueueing alone.
cat >"$dir/post.lua" <<'LUA'
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"type":"posted","payload":{"to":"someone"}}'
LUA
echo "SELECT ayb_jobs.enqueue('posted', '{\"to\": \"someone\"}');" >"$dir/enqueue"
for ((round = 0; round < BENCH_REPEATS; round++)); do
    load "$few" "$seconds" 8 /jobs -s "$dir/post.lua" | rate >>"$dir/posted"
    PGDATABASE=few pgbench -n -U bench -M prepared -c 8 -j 2 -T "$seconds" -f "$dir/enqueue" 2>/dev/null |
        sed -n 's/^tps = \([0-9.]*\).*/\1/p' >>"$dir/enqueued"
done
compare 'POST a job, 8 connections' requests/s 'enqueue() by pgbench' "$(rounds "$dir/enqueued")" "$(rounds "$dir/posted")" '>=0.4'

requests=0
before=$(memory)
while ((requests < 200000)); do
    requests=$((requests + $(load "$address" "$seconds" 8 "/jobs/$job" | sed -n 's/^ *\([0-9]*\) requests in.*/\1/p')))
done
after=$(memory)
report "memory gained over $requests requests (of $before kB)" kB 4096 $((after > before ? after - before : 0))

for ((round = 0; round < BENCH_REPEATS; round++)); do
    for path in /jobs /jobs/stats; do
        load "$few" "$seconds" 1 "$path" | middle >>"$dir/few${path##*/}"
        load "$address" "$seconds" 1 "$path" | middle >>"$dir/many${path##*/}"
    done
done
compare "GET the newest 50 of $many jobs" ms 'of 10000' "$(rounds "$dir/fewjobs")" "$(rounds "$dir/manyjobs")" '<=2'
compare "GET the counts amid $many jobs" ms 'amid 10000' "$(rounds "$dir/fewstats")" "$(rounds "$dir/manystats")" '<=2'
