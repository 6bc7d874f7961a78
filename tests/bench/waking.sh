#!/bin/bash
# waking: how soon a worker outside that waits has returned from wait_for_jobs(). 300 jobs 20 ms apart, by another session;
# from the instant of the commit (the engine's events, noted in the commit itself) to the clock that the waiting session
# sees then. Beside it a bare wake-up of a backend's latch by another backend: an advisory lock that is let go of, from
# before that to the clock of who has waited for it. In turns.
# settings: ayb_jobs.scheduler_tick = 1h
source "$(dirname "$0")/lib.sh"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

jobs=300
sql <<'EOF'
SELECT ayb_jobs.register_handler('woken', kind => 'external') \g /dev/null
CREATE TABLE woken (id uuid, at timestamptz);
CREATE PROCEDURE work_when_woken(jobs integer) LANGUAGE plpgsql AS $$
    DECLARE
        returned timestamptz;
        done integer := 0;
        claimed integer;
    BEGIN
        WHILE done < jobs LOOP
            CALL ayb_jobs.wait_for_jobs('{woken}', '1 min');
            returned := clock_timestamp();
            WITH job AS (SELECT j.id, j.attempt FROM ayb_jobs.claim('w', '{woken}') AS j)
            INSERT INTO woken SELECT (ayb_jobs.complete(job.id, 'w', job.attempt)).id, returned FROM job;
            GET DIAGNOSTICS claimed = ROW_COUNT;
            done := done + claimed;
            COMMIT;
        END LOOP;
    END $$;
CREATE TABLE let_go (number integer, at timestamptz);
CREATE TABLE got (number integer, at timestamptz);
CREATE PROCEDURE let_go(locks integer) LANGUAGE plpgsql AS $$
    DECLARE
        before timestamptz;
    BEGIN
        FOR i IN 1 .. locks LOOP
            PERFORM pg_sleep(0.02);
            before := clock_timestamp();
            PERFORM pg_advisory_unlock(i);
            INSERT INTO let_go VALUES (i, before);
            COMMIT;
        END LOOP;
    END $$;
CREATE PROCEDURE get(locks integer) LANGUAGE plpgsql AS $$
    BEGIN
        FOR i IN 1 .. locks LOOP
            PERFORM pg_advisory_lock(i);
            INSERT INTO got VALUES (i, clock_timestamp());
            COMMIT;
        END LOOP;
    END $$;
EOF
printf '%s\n' "SELECT ayb_jobs.enqueue('woken');" '\sleep 20 ms' >"$dir/script"

# In milliseconds.
by_jobs() {
    local since line
    query 'TRUNCATE woken'
    since=$(newest_event)
    sql -c 'SET synchronous_commit = off' -c "CALL work_when_woken($jobs)" &
    pgbench -n -f "$dir/script" -t "$jobs" >"$dir/log" 2>&1 || die "pgbench: $(<"$dir/log")"
    wait "$!"
    line=$(query "SELECT CASE WHEN count(*) = $jobs THEN percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM w.at - e.at) * 1000) END
                  FROM ayb_jobs.events($since, 4096) AS e JOIN woken AS w ON w.id = e.job_id WHERE e.old_state IS NULL")
    [[ $line ]] || die "not every job's commit was seen"
    printf '%s\n' "$line"
}

by_locks() {
    query 'TRUNCATE let_go, got'
    # Held by the session that lets go of them one by one.
    sql -c 'SET synchronous_commit = off' -c "SELECT count(pg_advisory_lock(i)) FROM generate_series(1, $jobs) AS i" \
        -c 'SELECT pg_sleep(0.5)' -c "CALL let_go($jobs)" >/dev/null &
    wait_for 10 "SELECT count(*) = $jobs FROM pg_locks WHERE locktype = 'advisory'"
    sql -c 'SET synchronous_commit = off' -c "CALL get($jobs)"
    wait "$!"
    query "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM g.at - l.at) * 1000)
           FROM got AS g JOIN let_go AS l USING (number)"
}

for ((round = 0; round < BENCH_REPEATS; round++)); do
    by_locks >>"$dir/locks"
    by_jobs >>"$dir/jobs"
done
compare 'commit until who waits has returned, p50' ms 'a bare wake-up between two backends' "$(rounds "$dir/locks")" \
    "$(rounds "$dir/jobs")" '<=3'
