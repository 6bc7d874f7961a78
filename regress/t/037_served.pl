# What may start is known before an index is read: a claim reads as much, whatever waits beside it that nobody may start,
# and however many types and roles there are. And what decides that moves no job.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

my $many = 5_000; # make bench does it with a million
my $node = start_server('served', q{
fsync = off
ayb_jobs.scheduler_tick = 1h
ayb_jobs.worker_concurrency = 1
ayb_jobs.worker_idle_timeout = 0
max_wal_size = 4GB
});
sql($node, q{
SELECT ayb_jobs.register_handler('out', kind => 'external');
SELECT ayb_jobs.register_handler('parked', kind => 'external');
SELECT ayb_jobs.register_handler('leased', 'work(jsonb)', grouped => false);
SELECT ayb_jobs.register_handler('still', 'work(jsonb)');
SELECT ayb_jobs.register_handler('forgotten', 'work(jsonb)')});

# Buffers that a worker outside reads for one job, of some claims in a session the least: others clean up now and then.
sub outside {
    my $claim = q{SELECT ayb_jobs.enqueue('out');
EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT FROM ayb_jobs.claim('w', '{out}');
SELECT ayb_jobs.complete(id, 'w', runs) FROM ayb_jobs.jobs WHERE type = 'out' AND state = 'running';
};
    my $said = sql($node, $claim x 6);
    my @buffers;
    while ($said =~ /"Function Scan".*?"Shared Hit Blocks": (\d+),\s+"Shared Read Blocks": (\d+)/sg) { push @buffers, $1 + $2 }
    is(scalar @buffers, 6, 'each claim says what it read');
    return (sort { $a <=> $b } @buffers)[0];
}

# Buffers of the claim index that a job of ours reads, from its enqueuing to its end, of a hundred.
sub read_so_far {
    sql($node, 'SELECT pg_stat_force_next_flush()');
    return sql($node, q{SELECT idx_blks_hit + idx_blks_read FROM pg_statio_all_indexes WHERE indexrelname = 'job_queue_claim_idx'});
}
my $gone = q{SELECT NOT EXISTS (SELECT FROM ayb_jobs.workers() WHERE NOT is_outside)}; # a worker that has left has told what it read
sub inside {
    my $jobs = 100;
    ok(eventually($node, $gone), 'nobody is at work');
    my $done = sql($node, q{SELECT count(*) FROM effects WHERE type = 'leased'});
    my $before = read_so_far();
    sql($node, qq{SELECT count(*) FROM ayb_jobs.enqueue_many('leased', array_fill('{}'::jsonb, ARRAY[$jobs]))});
    ok(eventually($node, qq{SELECT count(*) = $done + $jobs FROM effects WHERE type = 'leased'}), 'its jobs run');
    ok(eventually($node, $gone), 'and their worker leaves');
    return (read_so_far() - $before) / $jobs;
}
my ($out, $in) = (outside(), inside());

# Ahead of them, all due for an hour: jobs of types that are paused, that are for workers outside, that have no handler.
sql($node, q{SELECT ayb_jobs.pause('still'); SELECT ayb_jobs.unregister_handler('forgotten')});
my $reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ayb_jobs.job_queue');
for my $type (qw(parked still forgotten)) {
    sql($node, "SET client_min_messages = warning; SELECT count(*) FROM ayb_jobs.enqueue_many('$type', array_fill('{}'::jsonb, ARRAY[$many]),
        clock_timestamp() - interval '1 h')");
}
my ($out_behind, $in_behind) = (outside(), inside());
note "buffers: outside $out and $out_behind, inside $in and $in_behind";
# The indexes have grown by a level or two.
cmp_ok($out_behind, '<=', $out + 10, 'a worker outside reads as much behind them');
cmp_ok($in_behind, '<=', $in + 10, 'and so does one of ours');
$reader->query_safe('COMMIT');
$reader->quit;

# What decides that: no row of the queue is read or written, whoever has it locked.
my $stranger = $node->background_psql('postgres');
$stranger->query_safe(q{BEGIN; SELECT count(*) FROM (SELECT FROM ayb_jobs.job_queue FOR UPDATE) AS locked});
is(sql($node, q{
BEGIN;
DO $$ BEGIN
    PERFORM ayb_jobs.resume('still'), ayb_jobs.pause('still'), ayb_jobs.register_handler('forgotten', 'work(jsonb)');
    PERFORM ayb_jobs.register_handler('forgotten', kind => 'external'), ayb_jobs.unregister_handler('forgotten');
END $$;
SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0) + n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables
WHERE relid = 'ayb_jobs.job_queue'::regclass;
COMMIT}), '0', 'pausing, resuming, registering and forgetting touch no job');
$stranger->query_safe('ROLLBACK');
$stranger->quit;

# And all of it is found when it may run.
sql($node, q{SELECT ayb_jobs.register_handler('forgotten', 'work(jsonb)'); SELECT ayb_jobs.resume('still')});
ok(eventually($node, q{SELECT NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE type IN ('still', 'forgotten'))}), 'what was held back runs');

# The claim index has no type in its entries.
sql($node, q{CREATE INDEX as_it_was ON ayb_jobs.job_queue (run_as, run_at, id) WHERE state = 'queued' AND waits_for IS NULL;
    REINDEX INDEX ayb_jobs.job_queue_claim_idx});
cmp_ok(sql($node, q{SELECT pg_relation_size('ayb_jobs.job_queue_claim_idx') / pg_relation_size('ayb_jobs.as_it_was')::float8}), '<=', 1.01,
    'it is as large as one by role and time');
sql($node, 'DROP INDEX ayb_jobs.as_it_was; SELECT ayb_jobs.cancel_matching()');

# Two types with the same hash stand at the same place. Only one of them can be registered, and nobody takes the other's jobs for its own.
my @twins = ('reports.send', 'hlwR]=+KhkO8');
is(sql($node, qq{SELECT ayb_jobs_internal.lane(10, '$twins[0]', 0::smallint, NULL) = ayb_jobs_internal.lane(10, '$twins[1]', 0::smallint, NULL)}), 't', 'two types with the same hash');
sql($node, qq{SELECT ayb_jobs.register_handler('$twins[0]', 'work(jsonb)')});
my (undef, undef, $refusal) = $node->psql('postgres', qq{SELECT ayb_jobs.register_handler('$twins[1]', 'work(jsonb)')});
like($refusal, qr/type "\Q$twins[1]\E" has the same hash as type "reports.send"/, 'the second one is refused');
sql($node, qq{SET client_min_messages = warning; SELECT ayb_jobs.enqueue('$twins[1]') FROM generate_series(1, 3);
    SELECT ayb_jobs.enqueue('$twins[0]', '{"what": "twin"}')});
ok(eventually($node, q{SELECT EXISTS (SELECT FROM effects WHERE what = 'twin')}), 'a job of the one runs behind jobs of the other');
is(sql($node, qq{SELECT count(*) FROM ayb_jobs.job_queue WHERE type = '$twins[1]' AND state = 'queued'}), '3', 'which wait for a handler');
sql($node, qq{SELECT ayb_jobs.register_handler('$twins[0]', kind => 'external')});
is(sql($node, qq{SELECT ayb_jobs.enqueue('$twins[0]') IS NULL; SELECT string_agg(type, ' ') FROM ayb_jobs.claim('w', '{$twins[0]}', 10)}), "f\n$twins[0]",
    'a worker outside gets its own');

# Nor does whoever looks for lanes pass over the one behind the other, of whatever priority.
sql($node, qq{SELECT ayb_jobs.unregister_handler('$twins[0]'); SET client_min_messages = warning;
    INSERT INTO ayb_jobs.job_queue (type, payload, priority) VALUES ('$twins[0]', '{"what": "found"}', 0), ('$twins[0]', '{"what": "found"}', 1);
    SELECT ayb_jobs.enqueue('$twins[1]', run_at => clock_timestamp() - interval '1 h');
    SELECT ayb_jobs.register_handler('$twins[0]', 'work(jsonb)')});
ok(eventually($node, q{SELECT count(*) = 2 FROM effects WHERE what = 'found'}), 'what waited for its handler behind jobs of the other runs');

# Many types of one role, then many roles.
($out, $in) = (outside(), inside());
sub enqueue_each {
    my ($roles, $types) = @_;
    sql($node, qq{SELECT count(ayb_jobs.enqueue('type ' || n, run_at => clock_timestamp() - interval '1 h', run_as => role::name))
        FROM $roles AS r (role), generate_series(1, $types) AS n});
}
sql($node, q{DO $$ BEGIN FOR n IN 1 .. 1000 LOOP PERFORM ayb_jobs.register_handler('type ' || n, kind => 'external'); END LOOP; END $$});
enqueue_each(q{unnest('{postgres}'::text[])}, 1000);
my ($out_types, $in_types) = (outside(), inside());
sql($node, q{DO $$ BEGIN FOR n IN 1 .. 100 LOOP EXECUTE format('CREATE ROLE role%s LOGIN', n); END LOOP; END $$});
enqueue_each(q{(SELECT 'role' || r FROM generate_series(1, 100) AS r)}, 50);
my ($out_roles, $in_roles) = (outside(), inside());
note "buffers: outside $out, $out_types, $out_roles, inside $in, $in_types, $in_roles";
cmp_ok($out_types, '<=', $out + 10, 'among 1,000 types a worker outside reads no more');
cmp_ok($in_types, '<=', $in + 10, 'nor does one of ours');
cmp_ok($out_roles, '<=', $out + 10, 'among 100 roles neither');
cmp_ok($in_roles, '<=', $in + 10, 'nor there one of ours');

# More types than one role has lanes for, and each of them is served.
sql($node, q{DO $$ BEGIN FOR n IN 1 .. 1100 LOOP PERFORM ayb_jobs.register_handler('mine ' || n, 'work(jsonb)'); END LOOP; END $$});
sql($node, q{SELECT ayb_jobs.enqueue('mine ' || n) FROM generate_series(1, 1100) AS n});
ok(eventually($node, q{SELECT NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE type LIKE 'mine %')}), 'with more types than there are lanes nobody waits');

# Rows that were written by hand, of any priority and with keys.
sql($node, q{INSERT INTO ayb_jobs.job_queue (type, payload, priority) SELECT 'work', jsonb_build_object('what', 'priority ' || n), n FROM generate_series(-4, 4) AS n;
    INSERT INTO ayb_jobs.job_queue (type, payload, partition_key) SELECT 'work', jsonb_build_object('what', 'key ' || n), n FROM generate_series(1, 9) AS n;
    INSERT INTO ayb_jobs.job_queue (type, payload, partition_key, run_at) VALUES ('work', '{"what": "key later"}', 'k', clock_timestamp() + interval '1 s')});
ok(eventually($node, q{SELECT count(*) = 19 FROM effects WHERE what ~ '^(priority|key) '}), 'each priority is served, and each key');
$node->stop;
done_testing();
