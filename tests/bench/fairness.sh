#!/bin/bash
# fairness: 100 roles, of which one has 200,000 due jobs and all workers. How soon does a job of each other role start?
# Once as they come, one after the other; once all 99 in the same commit, with four workers for them, of which each
# serves one role and is a new process for the next.
source "$(dirname "$0")/lib.sh"

jobs=200000
[[ $BENCH_SCALE != small ]] || jobs=20000

make_first_statement
query "SELECT ayb_jobs.register_handler('fairness', 'first_statement()')" >/dev/null
query "DO \$\$ BEGIN
           FOR i IN 1..100 LOOP
               EXECUTE format('CREATE ROLE fair_%s LOGIN', i);
           END LOOP;
       END \$\$"
sql -U fair_1 -c "SELECT count(*) FROM ayb_jobs.enqueue_many('fairness', array_fill('{}'::jsonb, ARRAY[$jobs]))" \
    >/dev/null
wait_for 20 "SELECT EXISTS (SELECT FROM ayb_jobs.job_history)"

# Prints the p50 and the maximum of what the others' jobs with this payload waited for, in milliseconds.
waited() { # waited PAYLOAD
    wait_for 60 "SELECT NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE run_as <> 'fair_1'::regrole)"
    [[ $(query "SELECT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE run_as = 'fair_1'::regrole)") == t ]] ||
        die "the busy role's jobs ran out"
    query "SELECT concat_ws(' ', percentile_disc(0.5) WITHIN GROUP (ORDER BY waited), max(waited))
           FROM (SELECT (result::numeric - extract(epoch FROM created_at)) * 1000 AS waited
                 FROM ayb_jobs.job_history WHERE payload = '$1' AND run_as <> 'fair_1'::regrole) AS job"
}

one_after_the_other() {
    local i
    for ((i = 2; i <= 100; i++)); do
        query "SELECT ayb_jobs.enqueue('fairness', '\"single\"', run_as => 'fair_$i')"
        sleep 0.05
    done
}

at_once() {
    query "SELECT ayb_jobs.enqueue('fairness', '\"at once\"', run_as => format('fair_%s', i)::name)
           FROM generate_series(2, 100) AS i"
}

one_after_the_other >/dev/null
read -r p50 max < <(waited '"single"')
report 'fairness, 99 roles one after the other, p50' ms 200 "$p50"
report 'fairness, 99 roles one after the other, max' ms 200 "$max"
at_once >/dev/null
read -r p50 max < <(waited '"at once"')
report 'fairness, 99 roles in one commit, p50' ms 200 "$p50"
report 'fairness, 99 roles in one commit, max' ms 200 "$max"
