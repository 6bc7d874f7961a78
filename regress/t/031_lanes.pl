# Thirty roles of which one has due jobs without end: the others' don't wait behind them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $roles = 29;
my $due = 1000;
my $node = start_server('lanes', q{
fsync = off
ayb_jobs.scheduler_tick = 60s
ayb_jobs.poll_interval = 60s
max_wal_size = 4GB
});
sql($node, q{
CREATE ROLE big LOGIN;
DO $$ BEGIN FOR i IN 1..} . $roles . q{ LOOP EXECUTE format('CREATE ROLE small%s LOGIN', i); END LOOP; END $$;
});
# One transaction for each lane: none is due before the whole of the big one is, and what comes after that is due as early.
start_endless($node, $due, 'big');
ok(eventually($node, q{SELECT count(*) > 0 FROM ayb_jobs.workers() WHERE role = 'big'::regrole AND state <> 'starting'}), 'the big lane is at work');
sql($node, join '', map { "SET SESSION AUTHORIZATION small$_; SELECT ayb_jobs.enqueue('work'); " } 1 .. $roles);
my $done = q{SELECT count(*) FROM ayb_jobs.job_history WHERE run_as <> 'big'::regrole};
ok(eventually($node, "SELECT ($done) = $roles"), 'every other role\'s job has run');
is(sql($node, q{SELECT count(*) FROM ayb_jobs.job_queue WHERE run_as = 'big'::regrole}), $due, 'while as many as ever of the big lane wait');

# Nor does the big lane stand still for them.
my $first = sql($node, q{SELECT count(*) FROM ayb_jobs.job_history WHERE run_as = 'big'::regrole});
cmp_ok($first, '>', 0, 'and some of it has run');
ok(eventually($node, "SELECT count(*) > $first FROM ayb_jobs.job_history WHERE run_as = 'big'::regrole"), 'which goes on');

# Another small job now is one of two lanes.
sql($node, q{SET ROLE small1; SELECT ayb_jobs.enqueue('work')});
ok(eventually($node, "SELECT ($done) = $roles + 1"), 'a small lane that comes later is served too');
is(sql($node, q{SELECT count(*) FROM ayb_jobs.jobs WHERE attempts > 1 OR state NOT IN ('queued', 'running', 'completed')}), '0',
    'a worker that makes room leaves no job behind');
$node->stop('immediate');
done_testing();
