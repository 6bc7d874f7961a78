# When a job starts: with its transaction's commit and never without one, at its run_at, and by no polling.
# Whatever polled would do so by these settings: they are far longer than anything that is waited for below.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;
use Time::HiRes qw(usleep);

my $node = start_server('start', q{
shared_preload_libraries = 'ayb_jobs, auto_explain'
auto_explain.log_nested_statements = on
ayb_jobs.poll_interval = 60s
ayb_jobs.scheduler_tick = 60s
});

# Commit and rollback.
sql($node, q{SELECT ayb_jobs.enqueue('work')});
ok(eventually($node, 'SELECT count(*) = 1 FROM effects'), 'a committed job runs');
my $gone = sql($node, q{BEGIN; SELECT ayb_jobs.enqueue('work'); ROLLBACK;});
my $partly = sql($node, q{
BEGIN;
SAVEPOINT s;
SELECT 'gone ' || ayb_jobs.enqueue('work');
ROLLBACK TO s;
SELECT 'kept ' || ayb_jobs.enqueue('work');
COMMIT;});
my ($gone_too, $kept) = $partly =~ /gone (\S+)\nkept (\S+)/;
my $failed = sql($node, q{
DO $$ BEGIN
    PERFORM ayb_jobs.enqueue('work', '{"in": "a block that fails"}');
    RAISE division_by_zero;
EXCEPTION WHEN division_by_zero THEN NULL; END $$;
SELECT count(*) FROM ayb_jobs.jobs WHERE payload ? 'in'});
is($failed, '0', 'a block that failed leaves no job');

my $session = $node->background_psql('postgres');
my $open = $session->query_safe(q{BEGIN; SELECT ayb_jobs.enqueue('work')});
my $later = sql($node, q{SELECT ayb_jobs.enqueue('work')});
ok(eventually($node, "SELECT count(*) = 2 FROM effects WHERE job IN ('$kept', '$later')"),
    'what was enqueued after a rollback to a savepoint, and beside an open transaction, runs');
is(sql($node, "SELECT count(*) FROM effects WHERE job IN ('$gone', '$gone_too', '$open')"), '0',
    'what was rolled back, or is not committed yet, does not');
$session->query_safe('COMMIT');
$session->quit;
ok(eventually($node, "SELECT count(*) = 1 FROM effects WHERE job = '$open'"), 'it does when that commits');
is(sql($node, "SELECT count(*) FROM ayb_jobs.jobs WHERE id IN ('$gone', '$gone_too')"), '0',
    'a job that was rolled back has left no trace');

# From the commit to the start. The true numbers belong to `make bench`: here it is told from polling.
sql($node, q{SELECT ayb_jobs.enqueue('work', '{"quick": true}')}) for 1 .. 11;
ok(eventually($node, q{SELECT count(*) = 11 FROM ayb_jobs.jobs WHERE payload ? 'quick' AND state = 'completed'}),
    'jobs enqueued one by one run');
cmp_ok(median_delay('quick', 'created_at'), '<', 200, 'within milliseconds of their commits');

# At run_at. A worker that is there sleeps until then.
delayed('awake', '60s');
# None is there: the scheduler has one start in time.
delayed('asleep', '0');
# So it is while somebody has another one locked that is due.
my $stranger = $node->background_psql('postgres');
sql($node, q{SELECT ayb_jobs.pause('nap'); SELECT ayb_jobs.enqueue('nap', '{"seconds": 0}')});
$stranger->query_safe(q{BEGIN; SELECT FROM ayb_jobs.job_queue WHERE type = 'nap' FOR UPDATE});
sql($node, q{SELECT ayb_jobs.resume('nap')});
delayed('beside a locked one, awake', '60s');
delayed('beside a locked one', '0');
$stranger->query_safe('DELETE FROM ayb_jobs.job_queue WHERE type = \'nap\'; COMMIT');
$stranger->quit;

# Nobody tells the scheduler that a worker is held up: four jobs that come at once, for which it starts one worker, then
# three more.
sql($node, q{SELECT ayb_jobs.enqueue_many('nap', array_fill('{"seconds": 600}'::jsonb, '{4}'))});
ok(eventually($node, q{SELECT count(*) = 4 FROM ayb_jobs.jobs WHERE type = 'nap' AND is_running}, 30),
    'jobs that run long do not hold up those that came with them');
sql($node, q{SELECT ayb_jobs.cancel(id, force => true) FROM ayb_jobs.jobs WHERE type = 'nap'});

# An idle database: one job far ahead, one failed, one that waits for a handler; nothing due.
sql($node, q{
SELECT ayb_jobs.enqueue('work', run_at => now() + interval '1 day');
SELECT ayb_jobs.enqueue('nothing handles this');
SELECT ayb_jobs.enqueue('nap', '{"seconds": "no number"}', max_attempts => 1);
CREATE DATABASE watcher});
ok(eventually($node, q{SELECT count(*) = 1 FROM ayb_jobs.jobs WHERE state = 'failed'}), 'a job fails');
set_configuration($node, 'ayb_jobs.poll_interval' => 100, 'auto_explain.log_min_duration' => 0);
ok(settled(), 'the engine comes to rest');

# Counted in two ways: the database's transactions (nobody else is connected to it, and autovacuum is off), and the
# plans that the executor ran, those of SPI included.
my $offset = -s $node->logfile;
my $before = transactions();
usleep 2_000_000;
is(transactions(), $before, 'at rest no transaction begins in 20 poll intervals');
unlike(own_log($node, $offset), qr/plan:/, 'and no statement is executed');
# The proof that both would have seen one.
sql($node, q{SELECT ayb_jobs.enqueue('work')});
ok(settled(), 'after a job it comes to rest again');
cmp_ok(transactions(), '>', $before, 'a job is seen in the count of transactions');
like(own_log($node, $offset), qr/plan:.*job_queue/s, 'and in the log of statements');

# So it is while a worker waits for the next job.
set_configuration($node, 'ayb_jobs.worker_idle_timeout' => 600_000);
sql($node, q{SELECT ayb_jobs.enqueue('work')});
ok(settled(1), 'a worker stays, and comes to rest');
($offset, $before) = (-s $node->logfile, transactions());
usleep 1_000_000;
is(transactions(), $before, 'it begins no transaction in 10 poll intervals');
unlike(own_log($node, $offset), qr/plan:/, 'and executes no statement');

$node->stop;
done_testing();

sub median_delay {
    my ($mark, $from) = @_;
    my $delay = sql($node, qq{SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM e.at - j.$from))
        FROM effects AS e JOIN ayb_jobs.jobs AS j ON j.id = e.job WHERE j.payload ? '$mark'}) * 1000;
    note("$mark: $delay ms after $from");
    return $delay;
}

# Five jobs due from 1.0 to 1.8 s from now, after one due tomorrow.
sub delayed {
    my ($mark, $idle_timeout) = @_;
    set_configuration($node, 'ayb_jobs.worker_idle_timeout' => $idle_timeout eq '0' ? 0 : 60000);
    sql($node, qq{
SELECT ayb_jobs.enqueue('work', run_at => now() + interval '1 day');
SELECT ayb_jobs.enqueue('work', '{"$mark": true}', clock_timestamp() + make_interval(secs => 0.8 + 0.2 * i))
FROM generate_series(1, 5) AS i});
    ok(eventually($node, qq{SELECT count(*) = 5 FROM ayb_jobs.jobs WHERE payload ? '$mark' AND state = 'completed'}),
        "delayed jobs run ($mark)");
    is(sql($node, qq{SELECT count(*) FROM effects AS e JOIN ayb_jobs.jobs AS j ON j.id = e.job
        WHERE j.payload ? '$mark' AND e.at < j.run_at}), '0', 'none too early');
    cmp_ok(median_delay($mark, 'run_at'), '<', 200, 'and soon after their time');
}

# Asked from another database, so as not to count the question.
sub transactions {
    return $node->safe_psql('watcher',
        q{SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'postgres'});
}

# So many workers are left (by default none: they leave at once when idle), and for half a second nothing was counted.
sub settled {
    my $expected = shift // 0;
    my ($last, $same) = (-1, 0);
    for (1 .. 300) {
        my $now = transactions();
        my $workers = $node->safe_psql('watcher',
            q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ayb_jobs worker'});
        # On a loaded machine a second one may have been started before the first had taken the job.
        my $as_expected = $expected ? $workers >= $expected : $workers == 0;
        $same = $now == $last && $as_expected ? $same + 1 : 0;
        return 1 if $same == 5;
        $last = $now;
        usleep 100_000;
    }
    return 0;
}
