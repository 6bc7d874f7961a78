#!/bin/bash
# throughput: trivial function jobs a second with four workers, one lane. Beside it what PostgreSQL itself gives for the
# least that a queue in plain SQL does: pgbench with four sessions, each transaction a DELETE of the next row by
# FOR UPDATE SKIP LOCKED and an INSERT into a table of what is done. Both without waiting for the disk (as workers do by
# default), in turns.
source "$(dirname "$0")/lib.sh"

jobs=20000
[[ $BENCH_SCALE != small ]] || jobs=4000
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

query "CREATE FUNCTION trivial() RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN END \$\$"
query "SELECT ayb_jobs.register_handler('throughput', 'trivial()')" >/dev/null
query "CREATE TABLE plain_queue (id bigserial PRIMARY KEY, run_at timestamptz NOT NULL DEFAULT now(),
                                 payload jsonb NOT NULL DEFAULT '{}')"
query "CREATE INDEX ON plain_queue (run_at, id)"
query "CREATE TABLE plain_done (id bigint PRIMARY KEY, payload jsonb, done_at timestamptz NOT NULL)"
cat >"$dir/script" <<'EOF'
WITH next AS (
    SELECT id FROM plain_queue WHERE run_at <= now() ORDER BY run_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
), taken AS (
    DELETE FROM plain_queue AS q USING next WHERE q.id = next.id RETURNING q.id, q.payload
) INSERT INTO plain_done SELECT id, payload, clock_timestamp() FROM taken;
EOF

ours() {
    query "TRUNCATE ayb_jobs.job_history"
    query "SELECT ayb_jobs.pause()" >/dev/null
    query "SELECT count(*) FROM ayb_jobs.enqueue_many('throughput', array_fill('{}'::jsonb, ARRAY[$jobs]))" >/dev/null
    query "VACUUM ANALYZE ayb_jobs.job_queue"
    query "CHECKPOINT"
    query "SELECT ayb_jobs.resume()" >/dev/null
    run_until_empty 300
    query "SELECT count(*) / extract(epoch FROM max(completed_at) - min(last_run_at)) FROM ayb_jobs.job_history"
}

plain() {
    query "TRUNCATE plain_done"
    query "INSERT INTO plain_queue (run_at) SELECT now() FROM generate_series(1, $jobs)"
    query "VACUUM ANALYZE plain_queue"
    query "CHECKPOINT"
    PGOPTIONS='-c synchronous_commit=off' pgbench -n -c 4 -j 2 -M prepared -t $((jobs / 4)) -f "$dir/script" \
        >"$dir/log" 2>&1 || die "pgbench: $(<"$dir/log")"
    [[ $(query "SELECT count(*) FROM plain_done") == "$jobs" ]] || die "pgbench left jobs"
    sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$dir/log"
}

for ((round = 0; round < BENCH_REPEATS; round++)); do
    ours >>"$dir/ours"
    plain >>"$dir/plain"
done
compare 'throughput, leased' jobs/s 'plain SQL' "$(median <"$dir/plain")" "$(median <"$dir/ours")"
