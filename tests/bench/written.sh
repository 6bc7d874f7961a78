#!/bin/bash
# written: how many instructions a row takes that is written into a table, by callgrind: where the table isn't enabled for
# realtime, where it is and nobody listens, and where somebody does. Each row by a prepared statement in a transaction of
# its own; a hundred rows by one statement, and by COPY; into a table, and into a partitioned one.
# settings: autovacuum = off
# under: valgrind --tool=callgrind --quiet --callgrind-out-file=calls.%p --zero-before=setseed --dump-before=timeofday
source "$(dirname "$0")/lib.sh"

dir=$(mktemp -d)
chmod 755 "$dir" # the server reads the rows for COPY
trap 'rm -rf "$dir"' EXIT

sql <<EOF
CREATE ROLE reader;
CREATE TABLE plain (id bigserial PRIMARY KEY, room text, body text);
CREATE TABLE quiet (LIKE plain INCLUDING ALL);
CREATE TABLE heard (LIKE plain INCLUDING ALL);
SELECT format('CREATE TABLE %s_parts (LIKE plain INCLUDING ALL) PARTITION BY HASH (id)', name),
       format('CREATE TABLE %1\$s_0 PARTITION OF %1\$s_parts FOR VALUES WITH (MODULUS 2, REMAINDER 0)', name),
       format('CREATE TABLE %1\$s_1 PARTITION OF %1\$s_parts FOR VALUES WITH (MODULUS 2, REMAINDER 1)', name)
FROM unnest('{plain,quiet,heard}'::text[]) AS name \gexec
GRANT SELECT ON heard, heard_parts TO reader;
SELECT count(*) FROM unnest('{quiet,heard,quiet_parts,heard_parts}'::regclass[]) AS t, LATERAL ayb_jobs.enable_realtime(t) \g /dev/null
EOF
for ((i = 0; i < 100; i++)); do printf 'garden\thello\n'; done >"$dir/rows"

# take ROWS: prints the instructions of one of the rows that have been counted since the last time.
take() {
    local counts=("$AYB_SCRATCH"/calls.*.*)
    ((${#counts[@]} == 1)) || die "counted were: ${counts[*]}"
    awk -v rows="$1" '$1 == "totals:" { printf "%.1f\n", $2 / rows }' "${counts[0]}"
    [[ ! ${KEEP_CALLS:-} ]] || cp "${counts[0]}" "$KEEP_CALLS"
    rm -f "${counts[0]}"
}

# write_rows STATEMENT TIMES ROWS: so many statements of so many rows. A lease lasts a minute, so it is taken up again.
write_rows() {
    cat >"$dir/write" <<EOF
\set number :number + 1
\if :number = 101
SELECT setseed(0);
\endif
\if :number = $(($2 + 101))
SELECT timeofday();
\endif
$1;
EOF
    sql <<<"SELECT ayb_jobs.realtime_changes(NULL, 'reader', NULL, '{heard,heard_parts}') \g /dev/null"
    pgbench -n -M prepared -D number=0 -t $(($2 + 101)) -f "$dir/write" >"$dir/log" 2>&1 || die "pgbench: $(<"$dir/log")"
    take $(($2 * $3))
}

# three WHAT TIMES ROWS STATEMENT: what TABLE in it stands for is plain, quiet or heard, with SUFFIX behind it.
three() {
    local plain quiet heard
    plain=$(write_rows "${4//TABLE/plain$suffix}" "$2" "$3")
    quiet=$(write_rows "${4//TABLE/quiet$suffix}" "$2" "$3")
    heard=$(write_rows "${4//TABLE/heard$suffix}" "$2" "$3")
    compare "$1${suffix:+, partitioned}, nobody listens" 'instructions/row' 'not enabled' "$plain" "$quiet" '<=1.05'
    compare "$1${suffix:+, partitioned}, listened to" 'instructions/row' 'not enabled' "$plain" "$heard"
}

for suffix in '' _parts; do
    three 'a row by itself' 1000 1 "INSERT INTO TABLE (room, body) VALUES ('garden', 'hello')"
    three 'a row of a hundred' 50 100 "INSERT INTO TABLE (room, body) SELECT 'garden', 'hello' FROM generate_series(1, 100)"
    three 'a row of a hundred by COPY' 50 100 "COPY TABLE (room, body) FROM '$dir/rows'"
done
