# A worker that sleeps makes room for another role's jobs whose worker is held up: by order, with gates.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my $node = start_server('room', q{
ayb_jobs.worker_concurrency = 2
ayb_jobs.worker_idle_timeout = 1h
ayb_jobs.scheduler_tick = 1h
ayb_jobs.poll_interval = 1h
});
sql($node, q{CREATE ROLE a LOGIN; CREATE ROLE b LOGIN});
sub enqueue_as { my ($role, $type) = @_; return sql($node, "SET SESSION AUTHORIZATION $role; SELECT ayb_jobs.enqueue('$type')") }
my $workers = q{(SELECT string_agg(role || ' ' || state, ', ' ORDER BY role::text, state) FROM ayb_jobs.workers())};

enqueue_as('a', 'work');
holds($node, 'postgres', q{EXISTS (SELECT FROM ayb_jobs.workers() WHERE role = 'a'::regrole AND state = 'idle')}, 'a worker of one role sleeps');
my $gate = shut_gate($node);
my $long = enqueue_as('b', 'gated');
at_once($node, 'postgres', at_gate() . ' = 1', 'one of another is at a long job');
my $quick = enqueue_as('b', 'work');
at_once($node, 'postgres', "(SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$quick')", 'whose quick job is not behind it');
is(sql($node, "SELECT state FROM ayb_jobs.jobs WHERE id = '$long'"), 'running', 'which still runs');

# Now both places are that role's, and one sleeps: it makes room for the other role.
holds($node, 'postgres', "$workers = 'b idle, b running'", 'the second worker of it sleeps');
my $other = enqueue_as('a', 'work');
at_once($node, 'postgres', "(SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$other')", 'and makes room in its turn');
# Nobody sleeps while both run; who falls asleep later makes room then.
my $second = enqueue_as('a', 'gated');
at_once($node, 'postgres', at_gate() . ' = 2', 'each role has a long job');
my $later = enqueue_as('a', 'work');
sql($node, "SELECT ayb_jobs.cancel('$long', force => true)");
at_once($node, 'postgres', "(SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$later')", 'who falls asleep makes room then');
is(sql($node, "SELECT state FROM ayb_jobs.jobs WHERE id = '$second'"), 'running', 'before the long job has ended');
open_gate($gate);
$node->stop;
done_testing();
