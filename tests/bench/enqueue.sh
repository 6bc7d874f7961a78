#!/bin/bash
# enqueue: how many jobs a second enqueue() takes one by one, beside a plain INSERT into a table of the same columns and
# indexes, which has none of the checks: by one client and by four, with and without waiting for the disk; and enqueue_many() of 1,000 beside
# one INSERT … SELECT of the same 1,000 rows. While the database is paused, in turns, into tables that were empty.
source "$(dirname "$0")/lib.sh"

seconds=2
[[ $BENCH_SCALE != small ]] || seconds=1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
query "CREATE FUNCTION trivial() RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN END \$\$"
query "SELECT ayb_jobs.register_handler('enqueue', 'trivial()')" >/dev/null
query "SELECT ayb_jobs.pause()" >/dev/null
query "CREATE TABLE plain (LIKE ayb_jobs.job_queue INCLUDING ALL EXCLUDING CONSTRAINTS EXCLUDING GENERATED)"
[[ ${BENCH_AGAINST:-} ]] || query 'ALTER TABLE plain ALTER lane SET DEFAULT 1' # a revision may have none

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
INSERT INTO plain (type, payload)
SELECT 'enqueue', u.payload FROM unnest(array_fill('{"to": "someone"}'::jsonb, ARRAY[1000])) AS u (payload);
EOF

# measure SCRIPT SYNCHRONOUS_COMMIT CLIENTS: notes how many transactions a second went through.
measure() {
    query "TRUNCATE ayb_jobs.job_queue, plain"
    query CHECKPOINT
    PGOPTIONS="-c synchronous_commit=$2" pgbench -n -M prepared -T "$seconds" -c "$3" -j "$3" -f "$dir/$1" \
        >"$dir/log" 2>&1 || die "pgbench: $(<"$dir/log")"
    sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$dir/log" >>"$dir/$1.$2.$3"
}

for ((round = 0; round < BENCH_REPEATS; round++)); do
    for synchronous in off on; do
        for clients in 1 4; do
            beside measure insert "$synchronous" "$clients"
            measure enqueue "$synchronous" "$clients"
        done
        beside measure insert_many "$synchronous" 1
        measure enqueue_many "$synchronous" 1
    done
done

for synchronous in off on; do
    for clients in 1 4; do
        compare "enqueue(), $clients client(s), synchronous_commit = $synchronous" jobs/s 'plain INSERT' \
            "$(rounds "$dir/insert.$synchronous.$clients")" "$(rounds "$dir/enqueue.$synchronous.$clients")" '>=0.8'
    done
    compare "enqueue_many() of 1,000, synchronous_commit = $synchronous" calls/s 'INSERT … SELECT' \
        "$(rounds "$dir/insert_many.$synchronous.1")" "$(rounds "$dir/enqueue_many.$synchronous.1")" '>=0.8'
done
