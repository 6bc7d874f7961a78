# Many jobs get as many workers as there may be, however they came: in one commit, to a lane whose only worker sleeps;
# for the same instant; or so quick that none of them holds its worker up. The scheduler's own look would come only
# after an hour.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use AybJobs;

my $node = start_server('crew', q{
ayb_jobs.worker_concurrency = 4
ayb_jobs.worker_idle_timeout = '1h'
ayb_jobs.scheduler_tick = '1h'
});

my $running = q{(SELECT count(*) = 4 FROM ayb_jobs.workers() WHERE type = 'nap')};
my $none = q{SELECT NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE state IN ('queued', 'running'))
    AND NOT EXISTS (SELECT FROM ayb_jobs.workers() WHERE state <> 'idle')};
my $naps = q{array_fill('{"seconds": 3600}'::jsonb, ARRAY[4])};

# Sends the workers away, then has one come, which sleeps. (On a loaded machine a second one may be on its way.)
sub leave_one {
    set_configuration($node, 'ayb_jobs.worker_idle_timeout' => 0, 'ayb_jobs.worker_concurrency' => 1);
    sql($node, q{SELECT ayb_jobs.cancel(id, force => true) FROM ayb_jobs.job_queue WHERE state IN ('queued', 'running')});
    sql($node, q{SELECT ayb_jobs.enqueue('work')}); # wakes one that sleeps: it reads the setting
    eventually($node, 'SELECT count(*) = 0 FROM ayb_jobs.workers()') or die "workers stay\n";
    set_configuration($node, 'ayb_jobs.worker_idle_timeout' => 3600000);
    sql($node, q{SELECT ayb_jobs.enqueue('work')});
    eventually($node, "SELECT ($none) AND (SELECT count(*) BETWEEN 1 AND 3 FROM ayb_jobs.workers())")
        or die "no worker sleeps\n";
    set_configuration($node, 'ayb_jobs.worker_concurrency' => 4);
}

leave_one();
sql($node, "SELECT count(*) FROM ayb_jobs.enqueue_many('nap', $naps)");
at_once($node, 'postgres', $running, 'four jobs of one commit run at the same time, though one worker slept');

leave_one();
sql($node, "SELECT count(*) FROM ayb_jobs.enqueue_many('nap', $naps, clock_timestamp() + interval '0.5s')");
at_once($node, 'postgres', $running, 'and so do four for the same instant');

leave_one();
sql($node, 'TRUNCATE ayb_jobs.job_history');
start_endless($node, 1000);
at_once($node, 'postgres', '(SELECT count(DISTINCT worker_id) = 4 FROM ayb_jobs.job_history)', 'quick ones without end are run by four workers');
end_endless($node);
ok(eventually($node, $none), 'until they are done');
$node->stop('fast');
done_testing();
