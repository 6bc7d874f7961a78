# A lane that holds no job may be removed at any time, also by one that waits for the lock while a commit makes the lane:
# the job runs all the same. No tick comes by to look for what was missed.
#
# The commit is to be overtaken just after it has let go of the lock: it runs only when nobody else wants its processor,
# and the one that removes the lane is woken on the same.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('pruned_lanes', q{
shared_preload_libraries = 'ayb_jobs, ayb_jobs_test'
ayb_jobs.scheduler_tick = 1h
});
sql($node, 'CREATE EXTENSION ayb_jobs_test; CREATE ROLE other LOGIN');

# A session that is at this statement, by itself on the first processor; its pid.
sub session_at {
    my ($session, $statement) = @_;
    my $pid = $session->query_safe('SELECT pg_backend_pid()');
    system_or_bail('taskset', '-pc', '0', $pid);
    $session->query_until(qr/sent/, "\\echo sent\n$statement;\n");
    return $pid;
}
# How many of these wait for it. The scheduler may, too, as it begins.
sub waiting {
    my $pids = join ', ', @_;
    return "(SELECT count(*) FROM pg_stat_activity WHERE pid IN ($pids) AND wait_event_type = 'LWLock' AND wait_event = 'ayb_jobs')";
}

my ($holder, $commit, $pruner) = map { $node->background_psql('postgres') } 1 .. 3;
pause_at($node, 'lanes');
$holder->query_until(qr/sent/, "\\echo sent\nSELECT ayb_jobs_test_share_lanes();\n");
ok(is_at($node, 'lanes'), 'nobody can make a lane');
my $slow = session_at($commit, q{SET ROLE other; SELECT ayb_jobs.enqueue('work', '{"what": "pruned"}')});
ok(eventually($node, 'SELECT 1 = ' . waiting($slow)), 'a commit waits for that');
my $second = session_at($pruner, q{SELECT ayb_jobs_test_prune('other'::regrole)});
ok(eventually($node, 'SELECT 2 = ' . waiting($slow, $second)), 'one that removes lanes waits behind it');
system_or_bail('chrt', '--idle', '-p', '0', $slow);
go_on($node, 'lanes');
ok(eventually($node, 'SELECT 0 = ' . waiting($slow, $second)), 'both go on');
ok(eventually($node, q{SELECT EXISTS (SELECT FROM effects WHERE what = 'pruned')}), 'the job runs');
$_->quit for $holder, $commit, $pruner;
$node->stop('immediate');
done_testing();
