# On a machine that is busy a worker's process takes longer to get to its first job than a turn lasts. While roles wait for
# each other's places, each worker that is started has a job nevertheless: none makes room before it has looked for one.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('starts', q{
fsync = off
log_min_messages = debug1
ayb_jobs.worker_concurrency = 1
ayb_jobs.group_size = 1
});
my @roles = qw(anna bert cleo);
sql($node, join ';', map { "CREATE ROLE $_ LOGIN" } @roles);

my @busy;
for (1 .. 12) {
    my $pid = fork() // die "fork: $!";
    if ($pid == 0) {
        1 while getppid() != 1;
        require POSIX;
        POSIX::_exit(0);
    }
    push @busy, $pid;
}
END { kill 'KILL', @busy if @busy }

sql($node, join ';', map { "SET ROLE $_; SELECT count(ayb_jobs.enqueue('work')) FROM generate_series(1, 3000); RESET ROLE" } @roles);
holds($node, 'postgres', 'SELECT count(DISTINCT worker_id) > 20 FROM ayb_jobs.job_history', 'the roles have their turns');
kill 'KILL', @busy;
@busy = ();
sql($node, 'SELECT ayb_jobs.pause()');
holds($node, 'postgres', q{NOT EXISTS (SELECT FROM ayb_jobs.workers() WHERE job_id IS NOT NULL OR state = 'starting')}, 'all is quiet');
my $started = () = slurp_file($node->logfile) =~ /starting background worker process "ayb_jobs worker/g;
my $worked = sql($node, 'SELECT count(DISTINCT worker_id) FROM ayb_jobs.job_history');
note("$started workers were started, $worked of them ran jobs");
# One may have been on its way at the pause, and the last ones found it.
cmp_ok($started - $worked, '<=', 3, 'and no worker was started for nothing');
$node->stop('immediate');
done_testing();
