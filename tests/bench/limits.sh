#!/bin/bash
# limits: what limits and keys cost. Jobs that do nothing are drained under a limit that is never reached, beside the same
# without it: without keys, and with 1,000 keys. What a claim reads, in buffers and in looks into an index, while others may
# not start or are there no more: a million jobs of a full key and of a full type, and 100,000 keys that have had jobs, beside
# ten. How many jobs of each of 1,000 keys of unequal backlogs have started when the first one has none left.
source "$(dirname "$0")/lib.sh"
source "$bench/old_snapshot.sh"

jobs=100000 million=1000000 many=100000
[[ $BENCH_SCALE != small ]] || { jobs=20000 && million=100000 && many=10000; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

query "CREATE FUNCTION trivial(payload jsonb) RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN END \$\$"
for type in plain limited; do query "SELECT ayb_jobs.register_handler('$type', 'trivial(jsonb)')" >/dev/null; done
query "SELECT ayb_jobs.register_handler(type, kind => 'external') FROM unnest('{out,full}'::text[]) AS type" >/dev/null
# Counted in shared memory; what lanes() has of a type with keys is no sign of their end.
query "CREATE PROCEDURE wait_until_empty() LANGUAGE plpgsql AS \$\$
BEGIN
    WHILE (SELECT queued + running > 0 FROM ayb_jobs.stats()) LOOP
        COMMIT;
        PERFORM pg_sleep(0.005);
    END LOOP;
END \$\$"

limit() { # limit TYPE RULE
    query "SELECT ayb_jobs.set_limit('$1', $2)" >/dev/null
    wait_for 60 "SELECT bool_and(in_force) FROM ayb_jobs.limits"
}

enqueue() { # enqueue TYPE JOBS [KEY, of n]
    query "SELECT count(*) FROM ayb_jobs.enqueue_many('$1', array_fill('{}'::jsonb, ARRAY[$2]),
               partition_keys => (SELECT array_agg((${3:-NULL})::text ORDER BY n) FROM generate_series(1, $2) AS n))" >/dev/null
}

drain() { # drain TYPE [KEY]: prints jobs/s
    query "TRUNCATE ayb_jobs.job_history"
    enqueue "$1" 1000 "${2:-}" # the type is known to be quick, and workers are there
    run_until_empty 60
    query "SELECT ayb_jobs.pause()" >/dev/null
    enqueue "$1" "$jobs" "${2:-}"
    resumed_rate "$jobs"
    wait_for 60 "SELECT count(DISTINCT id) = $jobs + 1000 FROM ayb_jobs.job_history"
}

limit limited 'running => 64, running_per_key => 64'
key="'k' || n % 1000"
for ((round = 0; round < BENCH_REPEATS; round++)); do
    drain plain >>"$dir/plain"
    drain limited >>"$dir/limited"
    drain plain "$key" >>"$dir/keyed"
    drain limited "$key" >>"$dir/keyed-limited"
done
compare 'drain under a limit' jobs/s 'unlimited' "$(rounds "$dir/plain")" "$(rounds "$dir/limited")" '>=0.9'
compare 'drain of 1,000 keys under limits' jobs/s 'unlimited' "$(rounds "$dir/keyed")" "$(rounds "$dir/keyed-limited")" '>=0.9'
compare 'drain of 1,000 keys' jobs/s 'without keys' "$(rounds "$dir/plain")" "$(rounds "$dir/keyed")"

sql -q -f "$bench/../../regress/claim_reads.sql"

claims() { # claims N: puts the median into buffers and looks
    query "CALL claims($1)"
    buffers=$(query 'SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY r.buffers) FROM reads AS r')
    looks=$(query 'SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY r.looks) FROM reads AS r')
}

# beside_none WHAT: what a claim reads now, beside what it read with nothing there.
beside_none() {
    claims 15
    compare "buffers of a claim $1" buffers 'with none' "$none_buffers" "$buffers" '<=1.2' # an index has a level more
    compare "looks of a claim $1" looks 'with none' "$none_looks" "$looks" '<=1'
}

limit out 'running_per_key => 1'
limit full 'running => 1'
enqueue out 10 "'few ' || n"
query "SELECT count(*) FROM ayb_jobs.claim('other', '{out}', 10)" >/dev/null
claims 15
none_buffers=$buffers none_looks=$looks

# One job of the key, and one of the type, runs; the others are ahead.
query "SET client_min_messages = warning; SELECT ayb_jobs.enqueue('full'); SELECT count(*) FROM ayb_jobs.claim('other', '{full}', 1)" >/dev/null
enqueue full "$million"
beside_none "beside a full type of $million jobs"
query "SELECT ayb_jobs.enqueue('out', partition_key => 'a full one')" >/dev/null
query "SELECT count(*) FROM ayb_jobs.claim('other', '{out}', 1)" >/dev/null
enqueue out "$million" "'a full one'"
beside_none "behind $million jobs of a full key"
query "DELETE FROM ayb_jobs.job_queue"
query "VACUUM ANALYZE ayb_jobs.job_queue"

# Keys that have had jobs, all of which are done; once more while an old snapshot sees them. What is known of each is looked at
# once.
gone() {
    query "SELECT ayb_jobs.register_handler('out', 'trivial(jsonb)')" >/dev/null
    enqueue out "$many" "'gone ' || n"
    run_until_empty 300
    query "SELECT ayb_jobs.register_handler('out', kind => 'external')" >/dev/null
    claims 1000
}
gone
beside_none "after $many other keys"
hold_snapshot
gone
beside_none "after $many other keys, under an old snapshot"

# turns NAME: key n has 40 to 400 jobs. Until the first one has none left each should have started as many.
turns() {
    query "SELECT ayb_jobs.resume()" >/dev/null
    run_until_empty 300
    read -r fewest most < <(sql -F ' ' <<<"
        WITH h AS (SELECT partition_key AS key, last_run_at AS at FROM ayb_jobs.job_history WHERE partition_key LIKE 'turn %'),
        until AS (SELECT min(last) AS at FROM (SELECT max(at) AS last FROM h GROUP BY key) AS k)
        SELECT min(jobs), max(jobs) FROM (SELECT count(*) AS jobs FROM h, until WHERE h.at <= until.at GROUP BY h.key) AS k")
    compare "most jobs of a key, of 1,000 $1, while all have some" jobs 'fewest' "$fewest" "$most" '<=1.1'
    query "TRUNCATE ayb_jobs.job_history"
}
query "SELECT ayb_jobs.pause()" >/dev/null
query "CREATE PROCEDURE enqueue_keys() LANGUAGE plpgsql AS \$\$
BEGIN
    FOR k IN 1 .. 1000 LOOP
        PERFORM count(*) FROM ayb_jobs.enqueue_many('plain', array_fill('{}'::jsonb, ARRAY[40 * (1 + k % 10)]),
            partition_keys => array_fill('turn ' || k, ARRAY[40 * (1 + k % 10)]));
        COMMIT;
    END LOOP;
END \$\$"
query "CALL enqueue_keys()"
turns 'of a commit each'
query "SELECT ayb_jobs.pause()" >/dev/null
query "SELECT count(*) FROM ayb_jobs.enqueue_many('plain', array_fill('{}'::jsonb, ARRAY[220000]), partition_keys => (
           SELECT array_agg('turn ' || k ORDER BY random())
           FROM generate_series(1, 1000) AS k CROSS JOIN LATERAL generate_series(1, 40 * (1 + k % 10)) AS n))" >/dev/null
turns 'of one commit'
