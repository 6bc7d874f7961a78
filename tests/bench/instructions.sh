#!/bin/bash
# instructions: how many instructions a job takes, by callgrind, which counts those of one process, whoever else uses the
# machine. A backend that enqueues 2,000 by a prepared statement, each in a transaction of its own, while the database is
# paused; a worker that runs 2,000 in groups; a worker that runs 300 by lease.
# Counting begins where setseed() is called and ends where timeofday() is, by the same process: the script of the
# backend calls them, and so does the handler, in the first and the last of the worker's jobs. What went before has filled
# the caches.
# A job takes milliseconds here, so groups are small and have a long time: how many jobs one has must not depend on it.
# settings: autovacuum = off
# settings: ayb_jobs.worker_concurrency = 1
# settings: ayb_jobs.worker_idle_timeout = 1h
# settings: ayb_jobs.poll_interval = 1min
# settings: ayb_jobs.scheduler_tick = 1min
# settings: ayb_jobs.group_budget = 1s
# settings: ayb_jobs.group_size = 16
# under: valgrind --tool=callgrind --quiet --callgrind-out-file=calls.%p --zero-before=setseed --dump-before=timeofday
source "$(dirname "$0")/lib.sh"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# A session takes a second to start under callgrind, so there are few.
sql <<EOF
CREATE FUNCTION counted(payload jsonb) RETURNS void LANGUAGE plpgsql AS \$\$
    BEGIN
        IF payload ? 'begin' THEN PERFORM setseed(0); END IF;
        IF payload ? 'end' THEN PERFORM timeofday(); END IF;
    END \$\$;
$wait_until_empty
SELECT ayb_jobs.register_handler('grouped', 'counted(jsonb)') \g /dev/null
SELECT ayb_jobs.register_handler('leased', 'counted(jsonb)', grouped => false) \g /dev/null
SELECT ayb_jobs.pause() \g /dev/null
EOF

# take JOBS: prints the instructions of one of the jobs that have been counted since the last time.
take() {
    local counts=("$AYB_SCRATCH"/calls.*.*)
    ((${#counts[@]} == 1)) || die "counted were: ${counts[*]}"
    # Counting begins inside of that call, which the file therefore names.
    grep -qE 'fn=\([0-9]+\) setseed$' "${counts[0]}" || die 'counting began in another process than it ended'
    awk -v jobs="$1" '$1 == "totals:" { printf "%.1f\n", $2 / jobs }' "${counts[0]}"
    rm -f "${counts[0]}"
}

cat >"$dir/enqueue" <<'EOF'
\set job :job + 1
\if :job = 201
SELECT setseed(0);
\endif
\if :job = 2201
SELECT timeofday();
\endif
SELECT ayb_jobs.enqueue('grouped', '{"to": "someone"}');
EOF
enqueue() {
    pgbench -n -M prepared -D job=0 -t 2201 -f "$dir/enqueue" >"$dir/log" 2>&1 || die "pgbench: $(<"$dir/log")"
    take 2000
}

# drain TYPE SIZE JOBS: so many, and a hundred before, in groups of SIZE. What a group has done enters the history in one
# transaction. The first jobs of a type run by themselves, until they have shown to be quick.
drain() {
    local full
    full=$(sql <<EOF
TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_history;
SELECT count(*) FROM ayb_jobs.enqueue_many('$1', (
    SELECT array_agg(CASE n WHEN 0 THEN '{"begin": 1}' WHEN $3 THEN '{"end": 1}' ELSE '{"to": "someone"}' END::jsonb ORDER BY n)
    FROM generate_series(-100, $3) AS n)) \g /dev/null
ANALYZE ayb_jobs.job_queue;
SELECT ayb_jobs.resume() \g /dev/null
CALL wait_until_empty();
SELECT ayb_jobs.pause() \g /dev/null
SELECT max(jobs) = $2 AND count(*) FILTER (WHERE jobs < $2) <= 20
FROM (SELECT count(*) AS jobs FROM ayb_jobs.job_history GROUP BY xmin) AS job_group;
EOF
    )
    [[ $full == t ]] || die "not all groups had $2 jobs: $(sql <<<'SELECT count(*) AS groups, jobs
        FROM (SELECT count(*) AS jobs FROM ayb_jobs.job_history GROUP BY xmin) AS g GROUP BY jobs' | tr '\n' ' ')"
    take "$3"
}

counted=$(enqueue)
report 'enqueue()' 'instructions/job' - "$counted"
counted=$(drain grouped 16 2000)
report 'a job in a group of 16' 'instructions/job' - "$counted"
counted=$(drain leased 1 300)
report 'a job by lease' 'instructions/job' - "$counted"
