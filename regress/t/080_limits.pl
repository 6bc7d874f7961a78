# Limits of types: how many run at once, how many start in a time; inside and outside together.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('limits', q{
ayb_jobs.worker_concurrency = 4
ayb_jobs.scheduler_tick = 1h
ayb_jobs.poll_interval = 1h
ayb_jobs.worker_idle_timeout = 0
max_prepared_transactions = 2
});
sql($node, q{SELECT type FROM ayb_jobs.register_handler('out', kind => 'external');
SELECT type FROM ayb_jobs.register_handler('leased', 'gated(jsonb)', grouped => false);
SELECT type FROM ayb_jobs.register_handler('paced', 'work(jsonb)', grouped => false)}); # a group that is rolled back has started all the same
my $in_force = q{SELECT bool_and(in_force) FROM ayb_jobs.limits};

# What runs at once, of jobs that wait at a gate.
sub running { return sql($node, q{SELECT count(*) FROM ayb_jobs.jobs WHERE type = 'leased' AND state = 'running'}) }
my $gate = shut_gate($node);
is(sql($node, q{SELECT running, starts, per FROM ayb_jobs.set_limit('leased', running => 2)}), '2||', 'a limit is set');
ok(eventually($node, $in_force), 'and comes into force');
sql($node, q{SELECT ayb_jobs.enqueue('leased') FROM generate_series(1, 6)});
ok(eventually($node, q{SELECT running_now = 2 FROM ayb_jobs.limits}), 'two run');
is(sql($node, q{SELECT opens_at FROM ayb_jobs.limits}), 'infinity', 'and it opens when one has ended');
sql($node, q{SELECT ayb_jobs.enqueue('work', '{"what": "beside"}')});
ok(eventually($node, q{SELECT count(*) = 1 FROM effects WHERE what = 'beside'}), 'others of the role run beside it');
is(running(), 2, 'of the limited type no more than two');

# A limit is raised while jobs run, and lowered below what runs.
sql($node, q{SELECT FROM ayb_jobs.set_limit('leased', running => 3)});
ok(eventually($node, q{SELECT running_now = 3 FROM ayb_jobs.limits}), 'raised: one more runs');
sql($node, q{SELECT FROM ayb_jobs.set_limit('leased', running => 1)});
ok(eventually($node, $in_force), 'lowered');
is(running(), 3, 'nothing that runs is stopped');
open_gate($gate);
ok(eventually($node, q{SELECT count(*) = 6 FROM effects WHERE type = 'leased'}), 'all run in the end');
ok(eventually($node, q{SELECT running_now = 0 FROM ayb_jobs.limits}), 'and have left their places');
is(sql($node, q{SELECT ayb_jobs.clear_limit('leased'), ayb_jobs.clear_limit('leased')}), 't|f', 'it is taken away');

# A limit on a type some of whose jobs run already counts them.
$gate = shut_gate($node);
sql($node, q{SELECT ayb_jobs.enqueue('leased') FROM generate_series(1, 2)});
ok(eventually($node, q{SELECT count(*) = 2 FROM ayb_jobs.jobs WHERE type = 'leased' AND state = 'running'}), 'two run without a limit');
sql($node, q{SELECT FROM ayb_jobs.set_limit('leased', running => 2); SELECT ayb_jobs.enqueue('leased')});
ok(eventually($node, $in_force), 'a limit comes');
is(sql($node, q{SELECT running_now FROM ayb_jobs.limits}), 2, 'and knows of them');
open_gate($gate);
ok(eventually($node, q{SELECT count(*) = 9 FROM effects WHERE type = 'leased'}), 'the third runs after them');

# Outside: in its own transactions, and with what others hold.
sql($node, q{SELECT FROM ayb_jobs.set_limit('out', running => 2); SELECT ayb_jobs.enqueue('out') FROM generate_series(1, 5)});
ok(eventually($node, $in_force), 'a limit for workers outside');
my $claim = q{SELECT count(*) FROM ayb_jobs.claim('%s', '{out}', 5)};
my $end = q{SELECT ayb_jobs.complete(id, worker_id, runs) FROM ayb_jobs.jobs WHERE type = 'out' AND state = 'running'};
my $other = $node->background_psql('postgres');
is($other->query_safe(sprintf('BEGIN; ' . $claim, 'a')), 2, 'it claims two');
is(sql($node, sprintf($claim, 'b')), 0, 'an open transaction holds its places');
$other->query_safe('ROLLBACK');
is(sql($node, sprintf($claim, 'b')), 2, 'a rolled-back one lets go of them');
is(sql($node, sprintf($claim, 'b')), 0, 'both are taken');
is($other->query_safe(q{BEGIN; SAVEPOINT s; } . $end =~ s/SELECT/SELECT count(*) FROM (SELECT/r . ') AS e; ROLLBACK TO s; ' . sprintf($claim, 'a') . '; COMMIT'), "2\n0", 'a completion that is rolled back frees nothing');
is(sql($node, "BEGIN; SELECT count(*) FROM ($end) AS e; " . sprintf($claim, 'b') . '; COMMIT'), "2\n0", 'nor does one that is not committed');
is(sql($node, sprintf($claim, 'b')), 2, 'then there are places again');
my (undef, undef, $error) = $node->psql('postgres', "BEGIN; $end; PREPARE TRANSACTION 'p'");
like($error, qr/cannot PREPARE a transaction that has claimed or ended jobs of a type with a limit/, 'that is not prepared');
sql($node, $end);

# Starts: in any time of that length, retries included.
sql($node, q{TRUNCATE effects; SELECT FROM ayb_jobs.set_limit('paced', starts => 5, per => '1 h')});
ok(eventually($node, $in_force), 'a rate');
sql($node, q{SELECT FROM ayb_jobs.enqueue_many('paced', array_fill('{}'::jsonb, ARRAY[12]))});
ok(eventually($node, q{SELECT count(*) = 5 FROM effects}), 'five start');
is(sql($node, q{SELECT started_now, opens_at > now() FROM ayb_jobs.limits WHERE type = 'paced'}), '5|t', 'and no more for now');
sub turn_clock_alone { # nobody with the old one may look at what the new one has counted
    ok(eventually($node, q{SELECT NOT EXISTS (SELECT FROM ayb_jobs.workers())}), 'all workers have left');
    return turn_clock($node, $_[0]);
}
turn_clock_alone(4200);
ok(eventually($node, q{SELECT count(*) = 10 FROM effects}), 'an hour later five more');
turn_clock_alone(8400);
ok(eventually($node, q{SELECT count(*) = 12 FROM effects}), 'then the rest');

# A crash: every rate counts as used up, and what ran is counted.
$gate = shut_gate($node);
sql($node, q{SELECT ayb_jobs.enqueue('leased')});
ok(eventually($node, q{SELECT running_now = 1 FROM ayb_jobs.limits WHERE type = 'leased'}), 'one runs');
sql($node, q{TRUNCATE effects});
$node->stop('immediate');
$node->start;
ok(eventually($node, $in_force), 'limits come into force again');
sql($node, q{SELECT ayb_jobs.enqueue('paced', '{"what": "after"}'); SELECT ayb_jobs.enqueue('leased', '{"what": "after"}')});
ok(eventually($node, q{SELECT count(*) >= 1 FROM effects WHERE type = 'leased' AND what = 'after'}), 'the other one runs');
is(sql($node, q{SELECT count(*) FROM effects WHERE type = 'paced'}), 0, 'nothing starts by the rate');
turn_clock_alone(12600);
ok(eventually($node, q{SELECT count(*) = 1 FROM effects WHERE type = 'paced'}), 'until its time is over');

# Without a scheduler nobody keeps a limit.
set_configuration($node, 'ayb_jobs.enabled' => 'off');
ok(eventually($node, q{SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type LIKE 'ayb_jobs scheduler%')}), 'no scheduler');
(undef, undef, $error) = $node->psql('postgres', sprintf($claim, 'c'));
like($error, qr/type "out" has a limit, and no scheduler keeps it/, 'so nothing is claimed');
done_testing();
