#!/bin/bash
# page: the dashboard in Chromium, amid a million jobs and, in another database, amid ten: from the click that leads to a
# screen to the paint of what it has to say, the middle one of seven, each in a page that was loaded anew; and the first
# paint of all with the processor slowed four times. BENCH_SCALE=small has 100,000 jobs, and no ten times as many.
source "$(dirname "$0")/lib.sh"
source "$bench/many_jobs.sh"
checkout=$bench/../..
# shellcheck disable=SC2034  # browser.sh asks for it
harness=$checkout/tests/harness state=$checkout/.ayb
source "$harness/browser.sh"

many=1000000
[[ $BENCH_SCALE != small ]] || many=100000
"$harness/dependencies" browser >/dev/null
modules='' node_path=''
browser_modules >/dev/null
"$harness/build-sidecar" >/dev/null
dir=$(mktemp -d)
sidecar=''
# shellcheck disable=SC2317,SC2329  # called by the trap
finish() {
    [[ ! $sidecar ]] || kill "$sidecar" 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT

# What else the screens show, as a week of these jobs would have left it: their minutes, looks at the queue, schedules,
# flows, views, limits of a thousand keys, and errors of a hundred kinds.
fill_screens() {
    query "INSERT INTO ayb_jobs.job_minutes (minute, run_as, type, completed, failed, retried, lost, canceled, wait_time, run_time)
           SELECT date_trunc('minute', completed_at), run_as, type, count(*), 0, 0, 0, 0, h.one, h.one
           FROM ayb_jobs.job_history CROSS JOIN (SELECT array_fill(1::bigint, ARRAY[64]) AS one) AS h
           GROUP BY 1, 2, 3, h.one"
    query "INSERT INTO ayb_jobs.job_depths SELECT date_trunc('minute', now()) - n * interval '1 minute', r::regrole, n, 1, n
           FROM generate_series(1, 10080) AS n, unnest('{bench_one,bench_two}'::text[]) AS r
           ON CONFLICT DO NOTHING"
    query "UPDATE ayb_jobs.job_queue SET last_error = 'no luck with ' || repeat(chr(97 + (('x' || right(id::text, 2))::bit(8)::integer % 26)),
               1 + ('x' || right(id::text, 1))::bit(4)::integer % 4) || ' at 17' WHERE state = 'failed'"
    query "SELECT count(ayb_jobs.create_schedule('schedule ' || n, 'mail', '0 3 * * *')) FROM generate_series(1, 200) AS n" >/dev/null
    query "SELECT count(ayb_jobs.enqueue_flow((SELECT jsonb_agg(jsonb_build_object('name', 'step ' || s, 'type', 'nobody',
                   'depends_on', CASE WHEN s > 4 THEN jsonb_build_array('step ' || s / 2, 'step ' || s - 3) ELSE '[]' END) ORDER BY s)
               FROM generate_series(1, 40) AS s), 'flow ' || n)) FROM generate_series(1, 60) AS n" >/dev/null
    query "DO \$\$ BEGIN FOR n IN 1 .. 30 LOOP
               EXECUTE format('CREATE MATERIALIZED VIEW view_%s AS SELECT * FROM %s', n, CASE WHEN n > 3 THEN 'view_' || n / 3 ELSE '(SELECT 1 AS a) AS t' END);
               PERFORM ayb_jobs.register_matview('view_' || n, 'public');
           END LOOP; END \$\$"
    query "SELECT ayb_jobs.register_handler('keyed', kind => 'external');
           SELECT count(ayb_jobs.enqueue('keyed', partition_key => 'key ' || n % 1000)) FROM generate_series(1, 20000) AS n;
           SELECT ayb_jobs.set_limit('keyed', running => 50, running_per_key => 1)" >/dev/null
    query 'VACUUM ANALYZE'
    query CHECKPOINT
}

# measure COUNT: in the database that PGDATABASE names.
measure() {
    local line
    make_many_jobs "$1"
    fill_screens
    start_sidecar "$dir/log" --no-auth=admin
    NODE_PATH=$modules AYB_MODULES=$modules PATH=$node_path:$PATH node "$bench/page.js" "http://$address/" >"$dir/times" ||
        die "the page could not be measured"
    while IFS=$'\t' read -r -a line; do
        report "${line[0]}, amid $1 jobs" ms "${line[1]}" "${line[@]:2}"
    done <"$dir/times"
    kill "$sidecar"
    wait "$sidecar" || true
    sidecar=''
}

query 'CREATE ROLE bench LOGIN IN ROLE ayb_jobs_admin'
measure "$many"
if [[ $BENCH_SCALE != small ]]; then
    query 'CREATE DATABASE ten'
    export PGDATABASE=ten
    query 'CREATE EXTENSION ayb_jobs'
    measure $((10 * many))
fi
