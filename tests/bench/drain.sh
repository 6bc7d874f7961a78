#!/bin/bash
# drain: 100,000 due jobs that do nothing, of a payload of 100 bytes: how many a second, until the last one's completion is
# committed. Ours with a PL/pgSQL handler and four workers, once with history, once without, once with
# synchronous_commit; beside it the peers, each at its best. In turns; each round of each begins with a vacuumed table,
# a checkpoint, and code that has run before.
source "$(dirname "$0")/lib.sh"
source "$bench/peers.sh"

jobs=100000
[[ $BENCH_SCALE != small ]] || jobs=20000
payload="{\"text\": \"$(printf 'x%.0s' {1..88})\"}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

query "CREATE FUNCTION trivial(payload jsonb) RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN END \$\$"
query "SELECT ayb_jobs.register_handler('drain', 'trivial(jsonb)')" >/dev/null
beside query "CREATE EXTENSION pgq"
# The plain queue: the next row by SKIP LOCKED, the handler, and it is gone: one job a transaction.
query "CREATE TABLE plain_queue (id bigserial PRIMARY KEY, run_at timestamptz NOT NULL DEFAULT now(),
                                 payload jsonb NOT NULL)"
query "CREATE INDEX ON plain_queue (run_at, id)"
cat >"$dir/plain" <<'END'
WITH next AS (
    SELECT id FROM plain_queue WHERE run_at <= now() ORDER BY run_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
), taken AS (
    DELETE FROM plain_queue AS q USING next WHERE q.id = next.id RETURNING q.payload
) SELECT trivial(payload) FROM taken;
END

enqueue() { # enqueue JOBS
    query "SELECT count(*) FROM ayb_jobs.enqueue_many('drain', array_fill('$payload'::jsonb, ARRAY[$1]))" >/dev/null
}

query "$wait_until_empty"

ours() { # ours SYNCHRONOUS_COMMIT RETENTION: prints jobs/s
    configure ayb_jobs.synchronous_commit "$1" ayb_jobs.retention "$2"
    query "TRUNCATE ayb_jobs.job_history"
    enqueue 1000 # the type is known to be quick, and workers are there
    run_until_empty 60
    query "SELECT ayb_jobs.pause()" >/dev/null
    enqueue "$jobs"
    resumed_rate "$jobs"
    [[ $2 == 0 || $(query "SELECT count(DISTINCT id) = $jobs + 1000 AND count(*) = $jobs + 1000
                           FROM ayb_jobs.job_history") == t ]] || die "not every job ran exactly once"
}

pgq() { sql -v jobs="$jobs" -v payload="$payload" -f "$bench/peers/pgq.sql"; }

plain() {
    query "INSERT INTO plain_queue (payload) SELECT '$payload' FROM generate_series(1, $jobs / 5)"
    query "VACUUM ANALYZE plain_queue"
    query CHECKPOINT
    PGOPTIONS='-c synchronous_commit=off' pgbench -n -c 4 -j 2 -M prepared -t $((jobs / 20)) -f "$dir/plain" \
        >"$dir/log" 2>&1 || die "pgbench: $(<"$dir/log")"
    [[ $(query "SELECT count(*) FROM plain_queue") == 0 ]] || die "pgbench left jobs"
    sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$dir/log"
}

for ((round = 0; round < BENCH_REPEATS; round++)); do
    ours off 7d >>"$dir/history"
    beside peer graphile drain "$jobs" 2 >>"$dir/graphile"
    ours off 0 >>"$dir/forgotten"
    beside pgq >>"$dir/pgq"
    ours on 7d >>"$dir/synchronous"
    beside peer pg-boss drain "$jobs" 4 >>"$dir/pg-boss"
    beside plain >>"$dir/plain.rate"
done

compare 'drain, history kept' jobs/s 'graphile-worker' "$(rounds "$dir/graphile")" "$(rounds "$dir/history")" '>=2.5'
compare 'drain, history kept, synchronous_commit = on' jobs/s 'graphile-worker' "$(rounds "$dir/graphile")" \
    "$(rounds "$dir/synchronous")" '>=1.5'
compare 'drain, no history' jobs/s 'graphile-worker' "$(rounds "$dir/graphile")" "$(rounds "$dir/forgotten")" '>=4'
compare 'drain, no history' jobs/s 'PgQ' "$(rounds "$dir/pgq")" "$(rounds "$dir/forgotten")" '>=1'
compare 'drain, history kept' jobs/s 'pg-boss' "$(rounds "$dir/pg-boss")" "$(rounds "$dir/history")"
compare 'drain, history kept' jobs/s 'plain SKIP LOCKED' "$(rounds "$dir/plain.rate")" "$(rounds "$dir/history")"
