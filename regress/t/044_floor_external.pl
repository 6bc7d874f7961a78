# Workers outside begin at the floor of the type. Here a job becomes claimable behind it, in every way there is: each has to
# be handed out, while nothing else would ever look there again. And the floor rises past what is gone, whoever holds an old
# snapshot.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

# No tick comes by to look for what was missed.
my $node = start_server('outside', q{
shared_preload_libraries = 'ayb_jobs, ayb_jobs_test'
ayb_jobs.scheduler_tick = 1h
max_prepared_transactions = 5
});
sql($node, q{
CREATE EXTENSION ayb_jobs_test;
CREATE ROLE other LOGIN;
SELECT ayb_jobs.register_handler('out', kind => 'external', max_attempts => 1000, backoff => '{0s}');
SELECT ayb_jobs.enqueue('out', '{"what": "tomorrow"}', clock_timestamp() + interval '1 day')});

# What a worker is given, one after the other, each completed at once; at last nothing, and the floor is at tomorrow's.
my $take = q{SELECT (ayb_jobs.complete(j.id, 'w', j.attempt)).payload->>'what' FROM ayb_jobs.claim('w', '{out}') AS j};
sub all_taken {
    my @taken;
    while ((my $what = sql($node, $take)) ne '') { push @taken, $what }
    return join ' ', @taken;
}
sub behind_the_floor {
    my ($name, $statement) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(all_taken(), '', "$name: the floor is high before");
    sql($node, $statement);
    is(all_taken(), $name, "$name: it is handed out");
}
is(all_taken(), '', 'nothing is due');

# One at the right edge, one long due, some of one instant.
behind_the_floor('enqueued', q{SELECT ayb_jobs.enqueue('out', '{"what": "enqueued"}')});
behind_the_floor('long-due', q{SELECT ayb_jobs.enqueue('out', '{"what": "long-due"}', clock_timestamp() - interval '1 day')});
behind_the_floor('1 2 3', q{SELECT count(*) FROM ayb_jobs.enqueue_many('out', ARRAY['{"what": 1}', '{"what": 2}', '{"what": 3}']::jsonb[])});
behind_the_floor('kept', q{BEGIN; SAVEPOINT a; SAVEPOINT b; SELECT ayb_jobs.enqueue('out', '{"what": "kept"}');
    RELEASE b; RELEASE a; SAVEPOINT c; SELECT ayb_jobs.enqueue('out', '{"what": "never"}'); ROLLBACK TO c; COMMIT});
behind_the_floor('of-another', q{SELECT ayb_jobs.enqueue('out', '{"what": "of-another"}', clock_timestamp() - interval '1 h', run_as => 'other')});

# By hand.
my $row = q{INSERT INTO ayb_jobs.job_queue (type, payload, run_at) VALUES ('out', '{"what": "%s"}', clock_timestamp() - interval '1 h')};
my $idle = q{INSERT INTO ayb_jobs.job_queue (id, type, payload, run_at, state, canceled_at, waits_for)
    VALUES ('%s', '%s', '{"what": "%s"}', clock_timestamp() - interval '1 h', '%s', NULL, %s)};
my $id = '01900000-0000-7000-8000-00000000000';
behind_the_floor('by-INSERT', sprintf $row, 'by-INSERT');
behind_the_floor('by-COPY', adopted(qq{COPY ayb_jobs.job_queue (type, payload) FROM PROGRAM 'printf ''out\\t{"what": "by-COPY"}\\n'''}));
behind_the_floor('as-a-replica', adopted('SET LOCAL session_replication_role = replica; ' . sprintf $row, 'as-a-replica'));
sql($node, sprintf $idle, "${id}2", 'out', 'uncanceled', 'canceled', 'NULL');
behind_the_floor('uncanceled', "UPDATE ayb_jobs.job_queue SET state = 'queued' WHERE id = '${id}2'");
sql($node, sprintf $idle, "${id}3", 'out', 'after-others', 'queued', q{'jobs'});
behind_the_floor('after-others', "UPDATE ayb_jobs.job_queue SET waits_for = NULL WHERE id = '${id}3'");
sql($node, sprintf $idle, "${id}4", 'other', 'of-other-type', 'queued', 'NULL');
behind_the_floor('of-other-type', "UPDATE ayb_jobs.job_queue SET type = 'out' WHERE id = '${id}4'");
sql($node, q{SELECT ayb_jobs.enqueue('out', '{"what": "sooner"}', clock_timestamp() + interval '1 day 1 h')});
behind_the_floor('sooner', q{UPDATE ayb_jobs.job_queue SET run_at = clock_timestamp() - interval '1 h' WHERE payload->>'what' = 'sooner'});

# Without the trigger, as pg_restore --disable-triggers does it.
sql($node, 'ALTER TABLE ayb_jobs.job_queue DISABLE TRIGGER ALL; ' . sprintf $row, 'without-triggers');
behind_the_floor('without-triggers', q{ALTER TABLE ayb_jobs.job_queue ENABLE TRIGGER ALL; ALTER TABLE ayb_jobs.job_queue ENABLE ALWAYS TRIGGER note_job});

# Attempts that come to nothing.
sub claimed {
    my ($worker, $lease) = @_;
    return sql($node, "SELECT id || ', ''$worker'', ' || attempt FROM ayb_jobs.claim('$worker', '{out}', lease => '$lease')");
}
sql($node, q{SELECT ayb_jobs.enqueue('out', '{"what": "failed-once"}', clock_timestamp() - interval '1 h')});
my $job = claimed('v', '1 h');
$job =~ s/^([^,]+)/'$1'/;
behind_the_floor('failed-once', "SELECT ayb_jobs.fail($job, 'no', retry_in => '0s')");
sql($node, q{SELECT ayb_jobs.enqueue('out', '{"what": "lost"}', clock_timestamp() - interval '1 h')});
claimed('v', '1 s');
is(all_taken(), '', 'while it is leased, nobody else has it');
turn_clock($node, 2);
is(all_taken(), 'lost', 'after its lease it is handed out');
my $failed = sql($node, q{SELECT ayb_jobs.enqueue('out', '{"what": "retried"}', clock_timestamp() - interval '1 h', NULL, 1)});
$job = claimed('v', '1 h');
$job =~ s/^([^,]+)/'$1'/;
sql($node, "SELECT ayb_jobs.fail($job, 'no')");
behind_the_floor('retried', "SELECT ayb_jobs.retry_now('$failed')");

# Prepared: nobody hears of it before it is committed.
sql($node, q{BEGIN; SELECT ayb_jobs.enqueue('out', '{"what": "prepared"}'); PREPARE TRANSACTION 'one'});
behind_the_floor('prepared', q{COMMIT PREPARED 'one'});
sql($node, q{BEGIN; SELECT ayb_jobs.enqueue('out', '{"what": "unheard"}'); PREPARE TRANSACTION 'two'});
is(all_taken(), '', 'the floor is high before it is committed unheard');
sql($node, q{SELECT ayb_jobs_test_commit_prepared('two')});
set_configuration($node, 'ayb_jobs.scheduler_tick' => '1s');
ok(eventually($node, "SELECT EXISTS ($take)"), 'at the next tick it is handed out');
set_configuration($node, 'ayb_jobs.scheduler_tick' => '1h');

# A type that is paused, or forgotten and registered anew.
sql($node, q{SELECT ayb_jobs.pause('out'); SELECT ayb_jobs.enqueue('out', '{"what": "paused"}')});
is(all_taken(), '', 'of a paused type nothing is handed out');
sql($node, q{SELECT ayb_jobs.resume('out')});
is(all_taken(), 'paused', 'it is when the type is resumed');
sql($node, q{SELECT ayb_jobs.unregister_handler('out'); SELECT ayb_jobs.enqueue('out', '{"what": "forgotten"}')});
is(all_taken(), '', 'nor of a type without a handler');
sql($node, q{SELECT ayb_jobs.register_handler('out', kind => 'external', max_attempts => 1000, backoff => '{0s}')});
ok(eventually($node, "SELECT EXISTS ($take)"), 'it is when the type is there again');

# More types than a transaction notes one by one.
sql($node, q{SELECT ayb_jobs.register_handler('type ' || n, kind => 'external') FROM generate_series(1, 80) AS n});
my $many_types = q{(SELECT array_agg('type ' || n) FROM generate_series(1, 80) AS n)};
is(sql($node, "SELECT count(*) FROM ayb_jobs.claim('w', $many_types, 100)"), '0', 'of many types nothing is due');
sql($node, q{SELECT ayb_jobs.enqueue('type ' || n, '{}', clock_timestamp() - interval '1 h') FROM generate_series(1, 80) AS n});
is(sql($node, "SELECT count(*) FROM ayb_jobs.claim('w', $many_types, 100)"), '80', 'and then one of each');

# What a transaction has changed itself may be rolled back: it raises nothing.
sql($node, q{SELECT ayb_jobs.enqueue('out', '{"what": "first"}'); SELECT ayb_jobs.enqueue('out', '{"what": "second"}')});
sql($node, "BEGIN; $take; $take; $take; ROLLBACK");
is(all_taken(), 'first second', 'what was claimed and rolled back is handed out again');

# Nor has anybody else heard of it, but it may claim it.
is(sql($node, qq{BEGIN; SELECT FROM ayb_jobs.enqueue('out', '{"what": "own"}', clock_timestamp() - interval '1 h'); $take; ROLLBACK}), 'own',
    'a transaction is given what it has enqueued itself');
is(sql($node, qq{BEGIN; $take; SELECT FROM ayb_jobs.enqueue('out', '{"what": "own"}', clock_timestamp() - interval '1 h'); $take; COMMIT}), 'own',
    'also after it has looked');

# Nor does who sees the past.
my $past = $node->background_psql('postgres');
$past->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
sql($node, q{SELECT ayb_jobs.enqueue('out', '{"what": "unseen"}', clock_timestamp() - interval '1 h')});
is($past->query_safe($take), '', 'an old snapshot shows nothing that is due');
$past->query_safe('COMMIT');
is(all_taken(), 'unseen', 'and keeps it from nobody');

# A commit is visible, and nobody has heard of it yet: another worker takes the job, and the next is handed out as well.
$past->query_safe(q{SET application_name = 'paused'});
pause_at($node, 'commit');
$past->query_until(qr/begun/, qq{\\echo begun
SELECT ayb_jobs.enqueue('out', '{"what": "not-heard-of"}', clock_timestamp() - interval '2 h');\n});
ok(is_at($node, 'commit'), 'a commit is held up');
is(sql($node, q{SELECT count(*) FROM ayb_jobs.job_queue WHERE payload->>'what' = 'not-heard-of'}), '1', 'and visible');
is(all_taken(), '', 'but behind the floor') ;
go_on($node, 'commit');
ok(eventually($node, "SELECT EXISTS ($take)"), 'once its callback has run it is handed out');
$past->quit;

# An old snapshot: dead rows stay, in the table and its indexes. Each claim reads a few entries, however many there are.
sub read_of {
    my ($index) = @_;
    sql($node, 'SELECT pg_stat_force_next_flush()');
    return sql($node, "SELECT idx_tup_read FROM pg_stat_all_indexes WHERE indexrelname = 'job_queue_${index}_idx'");
}
my $reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ayb_jobs.job_queue');
set_configuration($node, 'ayb_jobs.scheduler_tick' => '1s'); # it raises the floor of the leases, which claims look at as well
my $many = 1000;
sql($node, qq{SELECT count(*) FROM ayb_jobs.enqueue_many('out', array_fill('{"what": "many"}'::jsonb, ARRAY[$many]))});
sql($node, 'ANALYZE ayb_jobs.job_queue'); # it tells the planner that none is leased
my ($before, $leases) = (read_of('claim'), read_of('lease'));
sql($node, qq{DO \$\$ BEGIN FOR i IN 1 .. $many LOOP
    PERFORM ayb_jobs.complete(j.id, 'w', j.attempt) FROM ayb_jobs.claim('w', '{out}') AS j; COMMIT; END LOOP; END \$\$});
my $after = read_of('claim');
note "entries read: $before before, $after after";
is(sql($node, q{SELECT count(*) FROM ayb_jobs.job_history WHERE payload->>'what' = 'many'}), $many, 'many jobs are taken');
cmp_ok($after - $before, '<', 20 * $many, 'amid dead rows each claim reads a few'); # on average $many otherwise
cmp_ok(read_of('lease') - $leases, '<', 20 * $many, 'and so does each completion');
# Ticks look for lanes along the same index: what is counted here is what claims read.
set_configuration($node, 'ayb_jobs.scheduler_tick' => '1h');
$before = read_of('claim');
is(sql($node, $take), '', 'nothing is due') for 1 .. 10;
cmp_ok(read_of('claim') - $before, '<', 4 * $many, 'which is seen without reading the dead rows each time'); # a tick may still be at it
$reader->query_safe('COMMIT');
$reader->quit;

# Another life of the extension: nothing of the floors of the first one is left.
sql($node, q{DROP EXTENSION ayb_jobs CASCADE; CREATE EXTENSION ayb_jobs; SELECT ayb_jobs.register_handler('out', kind => 'external')});
sql($node, q{SELECT ayb_jobs.enqueue('out', '{"what": "reborn"}')});
is(all_taken(), 'reborn', 'a new extension hands out its jobs');
$node->stop;
done_testing();
