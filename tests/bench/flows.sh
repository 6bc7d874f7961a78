#!/bin/bash
# flows: what it costs that jobs wait for others. How soon a job starts after the commit of the one that it waits for, beside how soon
# one starts after its own. 10,000 jobs that do nothing and one behind all of them, with four workers, beside the same jobs alone;
# both once more under an old snapshot. A job with a result of a megabyte and 10,000 that wait for it. A batch of a million members, and
# how soon its callback starts after the last one's commit.
# settings: ayb_jobs.worker_concurrency = 4
source "$(dirname "$0")/lib.sh"
source "$bench/old_snapshot.sh"

jobs=10000 members=1000000
[[ $BENCH_SCALE != small ]] || members=100000

make_first_statement
query "CREATE FUNCTION trivial(payload jsonb) RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN END \$\$"
query "CREATE FUNCTION large() RETURNS jsonb LANGUAGE sql AS \$\$ SELECT to_jsonb(string_agg(md5(n::text), '')) FROM generate_series(1, 32768) AS n \$\$"
query "SELECT ayb_jobs.register_handler('trivial', 'trivial(jsonb)')" >/dev/null
query "SELECT ayb_jobs.register_handler('first', 'first_statement()')" >/dev/null
query "SELECT ayb_jobs.register_handler('large', 'large()')" >/dev/null
query "$wait_until_empty"

# p50 SINCE PARENT: of 300 jobs of type first, in milliseconds from the commit of what let them go, which is noted in the ring of events.
p50() {
    query "SELECT CASE WHEN count(*) = 300 THEN percentile_disc(0.5) WITHIN GROUP (ORDER BY (h.result::numeric - extract(epoch FROM e.at)) * 1000) END
           FROM ayb_jobs.events($1, 4096) AS e JOIN ayb_jobs.job_history AS h ON $2
           WHERE h.type = 'first' AND h.completed_at >= e.at - interval '1 s'"
}
printf '%s\n' "SELECT ayb_jobs.enqueue('first');" '\sleep 20 ms' >"$dir/plain.sql"
printf '%s\n' "SELECT ayb_jobs.enqueue_flow('[{\"name\": \"a\", \"type\": \"trivial\"}, {\"name\": \"b\", \"type\": \"first\", \"depends_on\": [\"a\"]}]');" \
    '\sleep 20 ms' >"$dir/child.sql"
delay() { # delay SCRIPT CONDITION
    local since line
    since=$(newest_event)
    pgbench -n -f "$dir/$1.sql" -t 300 >"$dir/log" 2>&1 || die "pgbench: $(<"$dir/log")"
    run_until_empty 10
    line=$(p50 "$since" "$2")
    [[ $line ]] || die "not every job's commit was seen"
    printf '%s\n' "$line"
}
query "SELECT ayb_jobs.enqueue('first')" >/dev/null
run_until_empty 10
for ((round = 0; round < BENCH_REPEATS; round++)); do
    delay plain 'h.id = e.job_id AND e.old_state IS NULL' >>"$dir/plain"
    delay child "h.parents #>> '{0,id}' = e.job_id::text AND e.new_state = 'completed'" >>"$dir/child"
done
compare 'start after the commit of a parent, p50' ms 'after its own' "$(rounds "$dir/plain")" "$(rounds "$dir/child")" '<=2'

drain() { # drain [BEHIND]: jobs/s of so many that do nothing, and one behind all of them by BEHIND, which is SQL with their ids as `of`
    local seconds
    query "SELECT ayb_jobs.pause()" >/dev/null
    query "SET client_min_messages = warning; DROP TABLE IF EXISTS jobs; CREATE TABLE jobs AS
        SELECT id FROM ayb_jobs.enqueue_many('trivial', array_fill('{}'::jsonb, ARRAY[$jobs])) AS id"
    [[ ! ${1:-} ]] || query "SELECT ayb_jobs.enqueue('first', depends_on => (SELECT array_agg(id) FROM jobs))" >/dev/null
    query CHECKPOINT
    seconds=$(sql <<<"SELECT clock_timestamp() AS began \gset
        SELECT ayb_jobs.resume() \g /dev/null
        CALL wait_until_empty();
        SELECT extract(epoch FROM clock_timestamp() - timestamptz :'began');")
    run_until_empty 60
    query "SELECT $jobs / $seconds"
}
for snapshot in '' ', under an old snapshot'; do
    [[ ! $snapshot ]] || hold_snapshot
    rm -f "$dir/alone" "$dir/fan-in"
    for ((round = 0; round < BENCH_REPEATS; round++)); do
        drain >>"$dir/alone"
        drain behind >>"$dir/fan-in"
    done
    compare "drain of $jobs jobs and one behind them$snapshot" jobs/s 'the jobs alone' "$(rounds "$dir/alone")" "$(rounds "$dir/fan-in")" '>=0.5'
done
kill "$holder"
holder=
wait_for 60 "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE state = 'idle in transaction')"

# A result of a megabyte is there once, however many wait for it.
query "SELECT ayb_jobs.enqueue_flow('[{\"name\": \"large\", \"type\": \"large\"}]' || (
           SELECT jsonb_agg(jsonb_build_object('name', n::text, 'type', 'trivial', 'depends_on', '[\"large\"]'::jsonb, 'delay', '1 h'))
           FROM generate_series(1, $jobs) AS n))" >/dev/null
wait_for 60 "SELECT count(*) = $jobs FROM ayb_jobs.job_queue WHERE type = 'trivial' AND state = 'queued' AND waits_for IS NULL"
stored=$(query 'SELECT count(*) FROM ayb_jobs.job_outcomes')
report "results stored of one with $jobs children" results 1 "$stored"
stored=$(query "SELECT round(pg_total_relation_size('ayb_jobs.job_outcomes') / 1048576.0, 1)")
report "their table, of a result of 1 MB" MB - "$stored"
query "SELECT ayb_jobs.cancel_matching('trivial'); DELETE FROM ayb_jobs.job_queue; TRUNCATE ayb_jobs.job_edges, ayb_jobs.job_outcomes, ayb_jobs.job_history" >/dev/null

# A batch, beside the same jobs that are of no flow.
fill() { # fill [FLOW]: enqueues the members, in hundreds of thousands, and prints the seconds that it takes; puts their flow into `flow`
    local step=100000
    sql <<<"SELECT ayb_jobs.pause() \g /dev/null
        BEGIN;
        SELECT '{}' AS options \gset
        ${1:+SELECT jsonb_build_object('flow', ayb_jobs.enqueue_flow('[{\"name\": \"end\", \"type\": \"first\", \"depends_on\": [\"*\"]}]')) AS options \gset}
        SELECT clock_timestamp() AS began \gset
        SELECT count(*) FROM generate_series(1, $members / $step) AS n CROSS JOIN LATERAL ayb_jobs.enqueue_many(
            'trivial', array_fill(jsonb_build_object('part', n), ARRAY[$step]), options => :'options'::jsonb) \g /dev/null
        SELECT extract(epoch FROM clock_timestamp() - timestamptz :'began');
        COMMIT;"
}
run() { # prints jobs/s
    sql <<<"SELECT clock_timestamp() AS began \gset
        SELECT ayb_jobs.resume() \g /dev/null
        CALL wait_until_empty();
        SELECT $members / extract(epoch FROM clock_timestamp() - timestamptz :'began');"
    run_until_empty 600
}
for ((round = 0; round < BENCH_REPEATS; round++)); do
    for way in '' batch; do
        seconds=$(fill $way)
        query "SELECT $members / $seconds" >>"$dir/filled$way"
        query "VACUUM ANALYZE ayb_jobs.job_queue" >/dev/null
        if [[ $way ]]; then
            query "SELECT count(*) FROM ayb_jobs.job_edges" >>"$dir/edges"
            query "SELECT round(reltuples / $members) FROM pg_class WHERE oid = 'ayb_jobs.job_queue_flow_idx'::regclass" >>"$dir/entries"
        fi
        run >>"$dir/ran$way"
        [[ ! $way ]] || query "SELECT (b.result::numeric - extract(epoch FROM max(h.completed_at))) * 1000
            FROM ayb_jobs.job_history AS h JOIN ayb_jobs.job_history AS b ON b.flow = h.flow AND b.type = 'first'
            WHERE h.type = 'trivial' GROUP BY b.result" >>"$dir/callback"
        query "TRUNCATE ayb_jobs.job_history"
        query "VACUUM ayb_jobs.job_queue"
    done
done
read -ra values < <(rounds "$dir/edges")
report "edges of a batch of $members" edges 1 "${values[@]}"
read -ra values < <(rounds "$dir/entries")
report "entries of a member in the index of flows" entries 1 "${values[@]}"
compare "enqueue of $members members" jobs/s 'of no flow' "$(rounds "$dir/filled")" "$(rounds "$dir/filledbatch")"
compare "drain of $members members and the callback" jobs/s 'of no flow' "$(rounds "$dir/ran")" "$(rounds "$dir/ranbatch")" '>=0.5'
read -ra values < <(rounds "$dir/callback")
report 'start of the callback after the last member completed' ms - "${values[@]}"
