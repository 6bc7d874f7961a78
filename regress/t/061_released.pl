# A group locks more jobs than it may come to run. What it leaves is run by others at once, although they have passed over it
# while it was locked, and would not look again for an hour.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my $node = start_server('released', q{
ayb_jobs.worker_concurrency = 2
ayb_jobs.worker_idle_timeout = 10min
ayb_jobs.poll_interval = 1h
ayb_jobs.scheduler_tick = 1h
ayb_jobs.group_budget = 100ms
ayb_jobs.test_group_at_once = on
});

sub enqueue_two {
    sql($node, q{SELECT ayb_jobs.enqueue_many('gated', ARRAY['{}', '{}']::jsonb[])});
}
my $waiting = 'SELECT ' . at_gate();

# Two workers, asleep.
my $gate = shut_gate($node);
enqueue_two();
eventually($node, "$waiting = 2") or die "there are no two workers\n";
open_gate($gate);
eventually($node, q{SELECT count(*) = 2 FROM ayb_jobs.workers() WHERE job_id IS NULL}) or die "they do not end\n";

# One of them takes both jobs; when its time is over it runs the first by lease, and the second is the other one's.
$gate = shut_gate($node);
enqueue_two();
at_once($node, 'postgres', at_gate() . ' = 2', 'the job that a group has left runs beside the one that took too long');
open_gate($gate);
ok(eventually($node, q{SELECT count(*) = 4 FROM ayb_jobs.jobs WHERE state = 'completed'}), 'all of them complete');

$node->stop;
done_testing();
