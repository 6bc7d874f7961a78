#!/bin/bash
# matviews: REFRESH of a view of a million rows typed by hand, and by a job (from the enqueue's commit to the completion),
# in turns. A job may take 5 % longer. And what skip_unchanged costs: the trigger on each statement, and a refresh that is
# left out.
source "$(dirname "$0")/lib.sh"

rows=1000000
[[ $BENCH_SCALE != small ]] || rows=100000
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

configure max_wal_size 8GB autovacuum off
query "CREATE TABLE base AS SELECT n, n % 1000 AS k, md5(n::text) AS t FROM generate_series(1, $rows) AS n"
query "CREATE MATERIALIZED VIEW big AS SELECT n, k, t FROM base"
query "VACUUM ANALYZE base"
query "SELECT ayb_jobs.register_matview('big')" >/dev/null

# milliseconds SQL: what a statement takes, as its client sees it.
milliseconds() { sql -c '\timing on' -c "$1" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p'; }

# One session waits, without a process for each look: the machine is the refresh's own.
query "CREATE FUNCTION completed(job uuid) RETURNS float8 LANGUAGE plpgsql AS \$\$
       BEGIN
           FOR i IN 1 .. 30000 LOOP
               IF EXISTS (SELECT FROM ayb_jobs.jobs WHERE id = job AND result ->> 'status' = 'success') THEN
                   RETURN (SELECT extract(epoch FROM completed_at - created_at) * 1000 FROM ayb_jobs.jobs WHERE id = job);
               END IF;
               PERFORM pg_sleep(0.02);
           END LOOP;
           RAISE 'the refresh does not end well';
       END \$\$"
by_job() {
    local id
    id=$(query "SELECT ayb_jobs.enqueue('materialized_view_refresh', '{\"view_name\": \"big\"}')")
    query "SELECT completed('$id')"
}

by_job >/dev/null # a worker is there, and everything is in the cache
for ((i = 0; i < BENCH_REPEATS * 3; i++)); do
    milliseconds 'REFRESH MATERIALIZED VIEW big' >>"$dir/hand.ms"
    by_job >>"$dir/job.ms"
done
hand=$(median <"$dir/hand.ms")
job=$(median <"$dir/job.ms")
compare "refresh of $rows rows by a job" ms 'by hand' "$hand" "$job"
report 'refresh by a job over one by hand' ratio 1.05 "$(awk -v job="$job" -v hand="$hand" 'BEGIN { print job / hand }')"

query "CREATE TABLE noted (n int); CREATE TABLE plain (n int)"
query "CREATE MATERIALIZED VIEW of_noted AS SELECT count(*) FROM noted"
query "SELECT ayb_jobs.register_matview('of_noted', skip_unchanged => true)" >/dev/null
for ((i = 0; i < BENCH_REPEATS; i++)); do
    for table in plain noted; do
        milliseconds "DO \$\$ BEGIN FOR i IN 1 .. 50000 LOOP INSERT INTO $table VALUES (i); END LOOP; END \$\$" >>"$dir/$table.ms"
    done
done
compare '50000 INSERTs with the trigger' ms 'without' "$(median <"$dir/plain.ms")" "$(median <"$dir/noted.ms")"
refresh="SELECT status FROM ayb_jobs.refresh_now((ayb_jobs.matview_by_name('of_noted')).id)"
query "$refresh" >/dev/null
for ((i = 0; i < BENCH_REPEATS; i++)); do
    sql -c '\timing on' -c "$refresh" >"$dir/skip"
    grep -qx skipped "$dir/skip" || die 'a refresh of an unchanged view was not skipped'
    sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' "$dir/skip" >>"$dir/skip.ms"
done
report 'a refresh that is left out, in a new session' ms - "$(median <"$dir/skip.ms")"
