#!/bin/bash
# outside: a worker outside claims and completes 40,000 jobs one by one, while another session holds an old snapshot, so
# that no row and no index entry of them can be removed: the rate of the last ones beside that of the first ones. Without
# waiting for the disk, as it is the reading that is measured. The first and the last three times 1,000 are rounds.
source "$(dirname "$0")/lib.sh"
source "$bench/old_snapshot.sh"

slices=40
[[ $BENCH_SCALE != small ]] || slices=10
jobs=1000

query "SELECT ayb_jobs.register_handler('outside', kind => 'external')" >/dev/null
query "CREATE PROCEDURE work_outside(jobs integer) LANGUAGE plpgsql AS \$\$
    BEGIN
        FOR i IN 1 .. jobs LOOP
            PERFORM ayb_jobs.complete(j.id, 'worker', 1) FROM ayb_jobs.claim('worker', '{outside}') AS j;
            COMMIT;
        END LOOP;
    END \$\$"

# slice FILE: how many a second.
slice() {
    local started=$EPOCHREALTIME
    sql -c 'SET synchronous_commit = off' -c "CALL work_outside($jobs)"
    awk "BEGIN { print $jobs / ($EPOCHREALTIME - $started) }" >>"$dir/$1"
}

query "SELECT count(*) FROM ayb_jobs.enqueue_many('outside', array_fill('{}'::jsonb, ARRAY[$(((slices + 1) * jobs))]))" >/dev/null
slice warm
hold_snapshot
run_slices "$slices"

[[ $(query "SELECT count(*) FROM ayb_jobs.job_history WHERE type = 'outside'") == $(((slices + 1) * jobs)) ]] ||
    die 'not all of them were completed'
compare "$jobs jobs claimed from outside, behind $(((slices - 1) * jobs)) under an old snapshot" jobs/s "the first $jobs" \
    "$(rounds "$dir/first")" "$(rounds "$dir/last")" '>=0.9'
