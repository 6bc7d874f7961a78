# Keys: whose turn it is within a type, inside and outside, by lease and in groups.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('keys', q{
fsync = off
ayb_jobs.worker_concurrency = 1
ayb_jobs.scheduler_tick = 1h
ayb_jobs.poll_interval = 1h
ayb_jobs.max_keys = 128
});
sql($node, q{SELECT type FROM ayb_jobs.register_handler('leased', 'work(jsonb)', grouped => false);
SELECT type FROM ayb_jobs.register_handler('out', kind => 'external')});

sub jobs { return "SELECT ayb_jobs.enqueue(type, jsonb_build_object('what', what), partition_key => key, priority => priority) FROM (VALUES $_[0]) AS v (type, what, key, priority)" }
for my $type (qw(leased work)) {
    is(order_of($node, jobs("('$type', 'a1', 'a', 0), ('$type', 'a2', 'a', 0), ('$type', 'a3', 'a', 0), ('$type', 'b1', 'b', 0), ('$type', 'b2', 'b', 0), ('$type', 'c1', 'c', 0)")),
       'a1 b1 c1 a2 b2 a3', "$type: one of each key in turn");
    is(order_of($node, jobs("('$type', 'a1', 'a', 0), ('$type', 'a2', 'a', 1), ('$type', 'a3', 'a', -1), ('$type', 'b1', 'b', 4)")),
       'a3 b1 a1 a2', 'within a key by priority, across keys not');
}

# Keys with much and keys with little: while all have work, as many of each.
for my $type (qw(leased work)) {
    sql($node, q{TRUNCATE effects; SELECT ayb_jobs.pause()});
    sql($node, qq{SELECT FROM ayb_jobs.enqueue_many('$type', array_fill('{"what": "many"}'::jsonb, ARRAY[500]), partition_keys => array_fill('many'::text, ARRAY[500]))});
    sql($node, qq{SELECT count(ayb_jobs.enqueue('$type', jsonb_build_object('what', 'few ' || k), partition_key => 'few ' || k)) FROM generate_series(1, 40) AS k, generate_series(1, 3)});
    sql($node, q{SELECT ayb_jobs.resume()});
    ok(eventually($node, q{SELECT count(*) = 620 FROM effects}), "$type: all of it runs");
    is(sql($node, q{SELECT count(*) <= 9 FROM effects AS e WHERE what = 'many' AND at < (SELECT max(at) FROM effects WHERE what LIKE 'few%')}), 't',
       'a key with a backlog keeps nobody waiting for more than its turns');
}

# More keys than there is room for: each is served all the same.
sql($node, q{TRUNCATE effects; SELECT ayb_jobs.pause()});
sql($node, q{SELECT count(ayb_jobs.enqueue('work', '{"what": "crowd"}', partition_key => 'crowd ' || k)) FROM generate_series(1, 300) AS k, generate_series(1, 2)});
sql($node, q{SELECT ayb_jobs.resume()});
ok(eventually($node, q{SELECT count(*) = 600 FROM effects}), 'with more keys than max_keys nobody waits');

# What is enqueued later finds its key in turn; and after a restart, which forgets all keys.
sql($node, q{TRUNCATE effects; SELECT ayb_jobs.pause()});
sql($node, q{SELECT count(ayb_jobs.enqueue('leased', jsonb_build_object('what', 'key ' || k), partition_key => 'key ' || k)) FROM generate_series(1, 70) AS k, generate_series(1, 2)});
$node->restart;
sql($node, q{SELECT ayb_jobs.resume()});
ok(eventually($node, q{SELECT count(*) = 140 FROM effects}), 'after a restart each key is found');

# Rolled back, in subtransactions too: nobody has a turn for nothing, and nobody is missed.
sql($node, q{TRUNCATE effects; BEGIN; SELECT ayb_jobs.enqueue('leased', '{"what": "gone"}', partition_key => 'x'); SAVEPOINT s;
SELECT ayb_jobs.enqueue('leased', '{"what": "gone"}', partition_key => 'y'); ROLLBACK TO s;
SELECT ayb_jobs.enqueue('leased', '{"what": "kept"}', partition_key => 'y'); COMMIT});
ok(eventually($node, q{SELECT count(*) = 2 FROM effects}), 'what is committed runs');

# One that isn't due stands apart, and comes by its own instant; a retry too.
sql($node, q{TRUNCATE effects});
my $later = sql($node, q{SELECT ayb_jobs.enqueue('leased', '{"what": "later"}', delay => '1 h', partition_key => 'k')});
sql($node, q{SELECT ayb_jobs.enqueue('leased', '{"what": "now"}', partition_key => 'k')});
ok(eventually($node, q{SELECT count(*) = 1 FROM effects}), 'what is due runs past it');
is(sql($node, "SELECT waits_for, phase FROM ayb_jobs.jobs WHERE id = '$later'"), 'time|scheduled', 'it waits for its time');
turn_clock($node, 3700);
ok(eventually($node, q{SELECT count(*) = 2 FROM effects}), 'which comes');

# Outside: the same turns; what the transaction has enqueued itself is there as well.
my $claim = q{SELECT string_agg(payload #>> '{what}', ' ' ORDER BY n) FROM ayb_jobs.claim('%s', '{out}', %d) WITH ORDINALITY AS c (id, type, payload, attempt, max_attempts, run_at, lease_until, partition_key, meta, n)};
sql($node, jobs(q{('out', 'a1', 'a', 0), ('out', 'a2', 'a', 0), ('out', 'a3', 'a', 0), ('out', 'b1', 'b', 0), ('out', 'c1', 'c', 0)}));
is(sql($node, sprintf($claim, 'w', 1)), 'a1', 'outside the first one');
is(sql($node, sprintf($claim, 'w', 2)), 'b1 c1', 'then of the others');
is(sql($node, sprintf($claim, 'w', 9)), 'a2 a3', 'then the rest');
is(sql($node, 'BEGIN; ' . jobs(q{('out', 'own', 'd', 0)}) . '; ' . sprintf($claim, 'w', 9) . '; COMMIT') =~ s/.*\n//sr, 'own', 'its own');

# Locked by a stranger: the others have their turn, and it comes when it is let go.
sql($node, q{TRUNCATE effects; SELECT ayb_jobs.pause()});
sql($node, jobs(q{('leased', 'a1', 'a', 0), ('leased', 'b1', 'b', 0)}));
my $other = $node->background_psql('postgres');
$other->query_safe(q{BEGIN; SELECT FROM ayb_jobs.job_queue WHERE type = 'leased' AND partition_key = 'a' FOR UPDATE});
sql($node, q{SELECT ayb_jobs.resume()});
ok(eventually($node, q{SELECT count(*) = 1 FROM effects WHERE what = 'b1'}), 'past a locked one');
$other->query_safe('COMMIT');
sql($node, q{SELECT ayb_jobs.enqueue('leased', '{"what": "a2"}', partition_key => 'a')});
ok(eventually($node, q{SELECT count(*) = 3 FROM effects}), 'which the next commit of its key finds');
$other->quit;
done_testing();
