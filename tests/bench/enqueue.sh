#!/bin/bash
# enqueue: what enqueue() costs beside a plain INSERT into a table of the same columns, checks and indexes; and
# enqueue_many() of 1,000 beside one INSERT of 1,000 rows. One session, without waiting for the disk, while the database
# is paused, in turns.
source "$(dirname "$0")/lib.sh"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
query "CREATE FUNCTION trivial() RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN END \$\$"
query "SELECT ayb_jobs.register_handler('enqueue', 'trivial()')" >/dev/null
query "SELECT ayb_jobs.pause()" >/dev/null
query "CREATE TABLE plain (LIKE ayb_jobs.job_queue INCLUDING ALL)"

cat >"$dir/enqueue" <<'EOF'
SELECT ayb_jobs.enqueue('enqueue', '{"to": "someone"}');
EOF
cat >"$dir/insert" <<'EOF'
INSERT INTO plain (type, payload) VALUES ('enqueue', '{"to": "someone"}');
EOF
cat >"$dir/enqueue_many" <<'EOF'
SELECT count(*) FROM ayb_jobs.enqueue_many('enqueue', array_fill('{"to": "someone"}'::jsonb, ARRAY[1000]));
EOF
cat >"$dir/insert_many" <<'EOF'
INSERT INTO plain (type, payload) SELECT 'enqueue', '{"to": "someone"}' FROM generate_series(1, 1000);
EOF

# measure SCRIPT TIMES: appends its mean time in milliseconds to $dir/SCRIPT.ms, with both tables empty before.
measure() {
    query "TRUNCATE ayb_jobs.job_queue, plain"
    query CHECKPOINT
    PGOPTIONS='-c synchronous_commit=off' pgbench -n -M prepared -t "$2" -f "$dir/$1" >"$dir/log" 2>&1 ||
        die "pgbench: $(<"$dir/log")"
    sed -n 's/^latency average = \([0-9.]*\) ms/\1/p' "$dir/log" >>"$dir/$1.ms"
}

for ((round = 0; round < BENCH_REPEATS; round++)); do
    measure enqueue 10000
    measure insert 10000
    measure enqueue_many 50
    measure insert_many 50
done
compare 'enqueue()' ms 'plain INSERT' "$(median <"$dir/insert.ms")" "$(median <"$dir/enqueue.ms")"
compare 'enqueue_many() of 1000' ms 'plain INSERT of 1000' "$(median <"$dir/insert_many.ms")" \
    "$(median <"$dir/enqueue_many.ms")"
