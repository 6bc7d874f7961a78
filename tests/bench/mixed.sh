#!/bin/bash
# mixed: how soon a quick job starts while jobs of 2 s hold half of the workers: two at any time, as each enqueues its
# successor. 300 quick jobs 20 ms apart, from the commit to the handler's first statement.
source "$(dirname "$0")/lib.sh"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
make_first_statement
query "CREATE FUNCTION slow() RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN PERFORM pg_sleep(2); PERFORM ayb_jobs.enqueue('slow'); END \$\$"
query "SELECT ayb_jobs.register_handler('quick', 'first_statement()')" >/dev/null
query "SELECT ayb_jobs.register_handler('slow', 'slow()')" >/dev/null
printf '%s\n' "SELECT ayb_jobs.enqueue('quick');" '\sleep 20 ms' >"$dir/script"

round() {
    local since
    since=$(newest_event)
    pgbench -n -f "$dir/script" -t 300 >"$dir/log" 2>&1 || die "pgbench: $(<"$dir/log")"
    wait_for 20 "SELECT NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE type = 'quick')"
    wait_for 5 "SELECT count(*) = 2 FROM ayb_jobs.workers() WHERE type = 'slow'"
    query "SELECT CASE WHEN count(*) = 300 THEN concat_ws(' ', percentile_disc(0.5) WITHIN GROUP (ORDER BY waited),
                                                      percentile_disc(0.99) WITHIN GROUP (ORDER BY waited),
                                                      max(waited)) END
           FROM (SELECT (h.result::numeric - extract(epoch FROM e.at)) * 1000 AS waited
                 FROM ayb_jobs.events($since, 4096) AS e JOIN ayb_jobs.job_history AS h ON h.id = e.job_id
                 WHERE e.old_state IS NULL AND h.type = 'quick') AS job"
}

query "SELECT ayb_jobs.enqueue('slow') FROM generate_series(1, 2)" >/dev/null
wait_for 20 "SELECT count(*) >= 2 FROM ayb_jobs.job_history WHERE type = 'slow'" # the type is known to be slow
for ((i = 0; i < BENCH_REPEATS; i++)); do
    line=$(round)
    [[ $line ]] || die "not every job's commit was seen"
    printf '%s\n' "$line" >>"$dir/rounds"
done

column() { cut -d ' ' -f "$1" "$dir/rounds" | paste -sd ' '; }
read -ra values < <(column 1)
report 'quick jobs amid slow ones, start after the commit, p50' ms - "${values[@]}"
read -ra values < <(column 2)
report 'quick jobs amid slow ones, start after the commit, p99' ms 20 "${values[@]}"
read -ra values < <(column 3)
report 'quick jobs amid slow ones, start after the commit, max' ms - "${values[@]}"
