#!/bin/bash
# realtime: how long it takes from a commit to a browser and to a program at five changes a second; what a thousand streams of
# ten identities cost at a hundred changes a second of one table, each for one identity, and each for all; what memory a
# thousand that don't read take; and how many rows are written a second while somebody listens, and while nobody does.
source "$(dirname "$0")/lib.sh"

"$bench/../harness/build-sidecar" >/dev/null
"$bench/../harness/dependencies" browser
node_path=$("$bench/../harness/find-node")
PATH=$node_path:$PATH
seconds=20
[[ $BENCH_SCALE != small ]] || seconds=5
dir=$(mktemp -d)
sidecar='' address='' client='' page=18473
# shellcheck disable=SC2317,SC2329  # called by the trap
finish() {
    stop_client
    [[ ! $sidecar ]] || kill "$sidecar" 2>/dev/null || true
    wait
    rm -rf "$dir"
}
trap finish EXIT

# start_client MODE WORD ...: returns when it has been let in; what it says is in $dir/said, what it is asked goes to descriptor 8.
start_client() {
    local i
    rm -f "$dir/asked"
    mkfifo "$dir/asked"
    node "$bench/realtime_client.mjs" "$1" "$address" "$dir/secret" "${@:2}" <"$dir/asked" >"$dir/said" 2>"$dir/complaints" &
    client=$!
    exec 8>"$dir/asked"
    for ((i = 0; i < 1200; i++)); do
        [[ $(head -n 1 "$dir/said") != ready ]] || return 0
        sleep 0.1
    done
    die "nobody is let in: $(<"$dir/complaints") $(tail -n 3 "$dir/log")"
}
stop_client() {
    [[ $client ]] || return 0
    exec 8>&-
    kill "$client" 2>/dev/null || true
    wait "$client" || true
    client=''
    # Those that are gone count for their address until it is found out.
    while curl -s "http://$address/metrics" | grep -q '^ayb_jobs_realtime_listeners [1-9]'; do sleep 0.1; done
}

# serve [FLAG ...]
serve() {
    start_sidecar "$dir/log" --no-auth --realtime-dsn "host=$PGHOST port=$PGPORT user=listener dbname=$PGDATABASE" \
        --realtime-secret-file "$dir/secret" --cors-origins "http://127.0.0.1:$page" "$@"
}

# cpu PID ...: seconds of processor that these have used, with children that are gone.
cpu() {
    local pid
    for pid; do cut -d ' ' -f 14-17 "/proc/$pid/stat" 2>/dev/null || true; done | awk -v each="$(getconf CLK_TCK)" '{ used += $1 + $2 + $3 + $4 } END { print used / each }'
}
postmaster=$(query "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
postmaster=$(awk '{ print $4 }' "/proc/$postmaster/stat")
server_cpu() {
    local pids
    mapfile -t pids < <(pgrep -P "$postmaster")
    cpu "$postmaster" "${pids[@]}"
}
memory() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$sidecar/status"; }
# asked: what the readers say: changes, resyncs, seconds of processor.
asked() {
    local lines
    lines=$(wc -l <"$dir/said")
    echo >&8
    until (($(wc -l <"$dir/said") > lines)); do sleep 0.02; done
    tail -n 1 "$dir/said"
}

query 'CREATE ROLE bench LOGIN IN ROLE ayb_jobs_admin; CREATE ROLE ayb_authenticated; CREATE ROLE listener LOGIN NOINHERIT;
       GRANT ayb_jobs_realtime, ayb_authenticated TO listener'
query "CREATE TABLE changes (id bigserial PRIMARY KEY, owner text, body text, written double precision DEFAULT extract(epoch FROM clock_timestamp()) * 1000);
       CREATE TABLE plain (LIKE changes INCLUDING ALL);
       ALTER TABLE changes ENABLE ROW LEVEL SECURITY;
       CREATE POLICY own ON changes FOR SELECT USING (owner IN ('all', current_setting('ayb.user_id', true)));
       GRANT SELECT ON changes TO ayb_authenticated; GRANT INSERT ON changes, plain TO PUBLIC;
       SELECT FROM ayb_jobs.enable_realtime('changes')" >/dev/null
echo 'a secret of the application, 32 bytes or more' >"$dir/secret"
chmod 600 "$dir/secret"
serve

# latency MODE [WORD ...]: prints the milliseconds of a hundred changes.
latency() {
    local i
    start_client "$1" 100 "${@:2}"
    for ((i = 0; i < 100; i++)); do printf "INSERT INTO changes (owner) VALUES ('u0');\nSELECT pg_sleep(0.2);\n"; done | sql >/dev/null
    for ((i = 0; i < 100; i++)); do
        (($(wc -l <"$dir/said") < 101)) || break
        sleep 0.1
    done
    sed 1d "$dir/said"
    stop_client
}
quantile() { sort -g | awk -v q="$1" '{ n[NR] = $1 } END { if (NR < 90) exit 1; print n[int(q * NR + 0.999)] }'; }
for mode in browser program; do
    latency "$mode" "$page" >"$dir/$mode"
    middle=$(quantile 0.5 <"$dir/$mode")
    late=$(quantile 0.95 <"$dir/$mode")
    report "from the INSERT to a $mode, 5 changes a second, p50" ms 20 "$middle"
    report "from the INSERT to a $mode, 5 changes a second, p95" ms - "$late"
done

# under_load WHAT OWNER EACH: a hundred changes a second for so many seconds, which EACH of the streams are told of.
under_load() {
    local begin end server side
    start_client readers 1000 10
    begin=$(asked) server=$(server_cpu) side=$(cpu "$sidecar")
    printf '%s\n' '\set n random(0, 9)' "INSERT INTO changes (owner, body) VALUES ($2, repeat('x', 100));" >"$dir/write"
    pgbench -n -c 1 -R 100 -T "$seconds" -f "$dir/write" 2>/dev/null >"$dir/pgbench"
    local changes
    changes=$(sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' "$dir/pgbench")
    sleep 2
    end=$(asked)
    read -r -a begin <<<"$begin"
    read -r -a end <<<"$end"
    report "1000 streams, $1: changes told" 1/s - "$(((end[0] - begin[0]) / seconds))"
    report "1000 streams, $1: of those to be told" '%' - "$((100 * (end[0] - begin[0]) / (changes * $3)))"
    report "1000 streams, $1: told to fetch again" times - "$((end[1] - begin[1]))"
    report "1000 streams, $1: server" '% of a processor' - "$(awk -v s="$seconds" "BEGIN { print 100 * ($(server_cpu) - $server) / s }")"
    report "1000 streams, $1: sidecar" '% of a processor' - "$(awk -v s="$seconds" "BEGIN { print 100 * ($(cpu "$sidecar") - $side) / s }")"
    report "1000 streams, $1: readers" '% of a processor' - "$(awk -v s="$seconds" "BEGIN { print 100 * (${end[2]} - ${begin[2]}) / s }")"
    report "1000 streams, $1: memory of the sidecar" kB - "$(memory)"
    stop_client
}
before=$(memory)
report 'memory of the sidecar, no stream' kB - "$before"
# Here the budget is no matter: it is time by the clock, of which a busy machine takes more.
kill "$sidecar"
wait "$sidecar" || true
serve --realtime-identity-streams 1000 --realtime-budget 1000
under_load 'a change for a hundred' "'u' || :n" 100
under_load 'a change for all' "'all'" 1000

before=$(memory)
start_client deaf 1000 10
pgbench -n -c 1 -R 100 -T "$seconds" -f <(echo "INSERT INTO changes (owner, body) VALUES ('all', repeat('x', 1000));") >/dev/null 2>&1
report '1000 streams that do not read: memory gained (64 MB may wait)' kB - "$(($(memory) - before))"
stop_client

# In turns, in one run; somebody listens all the time, and reads.
start_client readers 50 5
for ((round = 0; round < BENCH_REPEATS; round++)); do
    for table in plain changes; do
        pgbench -n -M prepared -c 4 -T "$seconds" -f <(echo "INSERT INTO $table (owner, body) VALUES ('u0', 'hello');") 2>/dev/null |
            sed -n 's/^tps = \([0-9.]*\).*/\1/p' >>"$dir/rate.$table"
    done
done
compare 'rows written by four sessions, listened to' 1/s 'not enabled' "$(rounds "$dir/rate.plain")" "$(rounds "$dir/rate.changes")" '>=0.8'
