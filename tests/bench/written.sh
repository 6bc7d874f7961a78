#!/bin/bash
# written: how many instructions a row takes that is written into a table, by callgrind: where the table isn't enabled for
# realtime, where it is and nobody listens, and where somebody does. Each row by a prepared statement in a transaction of
# its own; and a hundred rows by one statement.
# settings: autovacuum = off
# under: valgrind --tool=callgrind --quiet --callgrind-out-file=calls.%p --zero-before=setseed --dump-before=timeofday
source "$(dirname "$0")/lib.sh"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

sql <<EOF
CREATE ROLE reader;
CREATE TABLE plain (id bigserial PRIMARY KEY, room text, body text);
CREATE TABLE quiet (LIKE plain INCLUDING ALL);
CREATE TABLE heard (LIKE plain INCLUDING ALL);
GRANT SELECT ON heard TO reader;
SELECT count(*) FROM unnest('{quiet,heard}'::regclass[]) AS t, LATERAL ayb_jobs.enable_realtime(t) \g /dev/null
EOF

# take ROWS: prints the instructions of one of the rows that have been counted since the last time.
take() {
    local counts=("$AYB_SCRATCH"/calls.*.*)
    ((${#counts[@]} == 1)) || die "counted were: ${counts[*]}"
    awk -v rows="$1" '$1 == "totals:" { printf "%.1f\n", $2 / rows }' "${counts[0]}"
    rm -f "${counts[0]}"
}

# insert TABLE TIMES ROWS: so many statements of so many rows. A listener's lease lasts a minute, so it is taken up again.
insert() {
    cat >"$dir/insert" <<EOF
\set number :number + 1
\if :number = 101
SELECT setseed(0);
\endif
\if :number = $(($2 + 101))
SELECT timeofday();
\endif
INSERT INTO $1 (room, body) SELECT 'garden', 'hello' FROM generate_series(1, $3);
EOF
    sql <<<"SELECT ayb_jobs.realtime_changes(NULL, 'reader', NULL, '{heard}') \g /dev/null"
    pgbench -n -M prepared -D number=0 -t $(($2 + 101)) -f "$dir/insert" >"$dir/log" 2>&1 || die "pgbench: $(<"$dir/log")"
    take $(($2 * $3))
}

for rows in 1 100; do
    times=$((rows == 1 ? 1000 : 50))
    what=$([[ $rows = 1 ]] && echo 'a row by itself' || echo 'a row of a hundred')
    for table in plain quiet heard; do
        counted=$(insert "$table" "$times" "$rows")
        report "$what, $table" 'instructions/row' - "$counted"
    done
done
