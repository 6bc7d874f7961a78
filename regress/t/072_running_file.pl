# $PGDATA/ayb_jobs.running may shrink, vanish or be replaced at any time, by whoever can write there: that costs its
# knowledge, and no process.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;

my $node = start_server('running_file', 'log_min_messages = warning');
my $file = $node->data_dir . '/ayb_jobs.running';
my $started = sql($node, 'SELECT pg_postmaster_start_time()');
my $offset = -s $node->logfile;

# Under a job by lease, and under jobs in groups.
my %harm = (
    truncated => sub { truncate $file, 0 or die $! },
    removed => sub { unlink $file or die $! },
    replaced => sub { unlink $file; append_to_file($file, 'something else') },
    'a directory' => sub { unlink $file; mkdir $file or die $! });
for my $how ('truncated', 'removed', 'replaced', 'a directory') {
    my $long = start_sleeper($node, 'postgres');
    $harm{$how}->();
    my $count = sql($node, q{SELECT count(*) FROM ayb_jobs.enqueue_many('work', (SELECT array_agg('{}'::jsonb) FROM generate_series(1, 200)))});
    sql($node, "SELECT ayb_jobs.cancel('$long', force => true)");
    holds($node, 'postgres', "SELECT state = 'canceled' FROM ayb_jobs.jobs WHERE id = '$long'", "$how: a job by lease ends in order");
    holds($node, 'postgres', q{NOT EXISTS (SELECT FROM ayb_jobs.jobs WHERE type = 'work' AND state <> 'completed' AND run_at <= ayb_jobs_internal.now())}, "$how: jobs in groups complete");
    sql($node, 'DELETE FROM ayb_jobs.job_queue');
}
is(sql($node, 'SELECT pg_postmaster_start_time()'), $started, 'it is the same server');
is(count_in_log($node, qr/was terminated by signal|server process/, $offset), 0, 'in which no process has crashed');

# A symbolic link is not followed, at the start nor at the end.
$node->stop;
rmdir $file;
my $target = "$PostgreSQL::Test::Utils::tmp_check/target";
append_to_file($target, 'precious');
symlink $target, $file or die $!;
$offset = -s $node->logfile;
$node->start;
log_holds($node, qr/could not open file "ayb_jobs.running"/, $offset, 'the log says that the file is not used');
my $id = sql($node, q{SELECT ayb_jobs.enqueue('work')});
holds($node, 'postgres', "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$id'", 'jobs run without it');
$node->stop;
is(slurp_file($target), 'precious', 'what the link points to is untouched');

# What the postmaster's own death leaves is charged: a job by lease by its name, of a group that there was one.
unlink $file;
$node->start;
$id = start_sleeper($node, 'postgres');
$node->stop('immediate');
$node->start;
holds($node, 'postgres', "SELECT attempts = 2 FROM ayb_jobs.jobs WHERE id = '$id'", 'a job that was running is charged');
$node->stop;
done_testing();
