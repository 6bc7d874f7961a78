# When a job starts: with its transaction's commit and never without one, at its run_at, and by no polling.
# Whatever polled would do so by these settings: they are far longer than anything that is waited for below. How soon a job
# starts is what `make bench` measures.
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
ayb_jobs.poll_interval = 1h
ayb_jobs.scheduler_tick = 1h
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

# From the commit to the start.
sql($node, q{SELECT ayb_jobs.enqueue('work', '{"quick": true}')}) for 1 .. 11;
at_once($node, 'postgres', q{(SELECT count(*) = 11 FROM ayb_jobs.jobs WHERE payload ? 'quick' AND state = 'completed')},
    'jobs enqueued one by one run at once');
note_delay('quick', 'created_at');

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
sql($node, q{SELECT ayb_jobs.enqueue_many('nap', array_fill('{"seconds": 3600}'::jsonb, '{4}'))});
at_once($node, 'postgres', q{(SELECT count(*) = 4 FROM ayb_jobs.jobs WHERE type = 'nap' AND is_running)},
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
ok(rests(0), 'the engine comes to rest: in 20 poll intervals no transaction begins, and no statement is executed');
# The proof that both would have seen one.
my ($began, $counted) = (-s $node->logfile, transactions());
sql($node, q{SELECT ayb_jobs.enqueue('work')});
ok(rests(0), 'after a job it comes to rest again');
cmp_ok(transactions(), '>', $counted, 'a job is seen in the count of transactions');
like(own_log($node, $began), qr/plan:.*job_queue/s, 'and in the log of statements');

# So it is while a worker waits for the next job.
set_configuration($node, 'ayb_jobs.worker_idle_timeout' => 600_000);
sql($node, q{SELECT ayb_jobs.enqueue('work')});
ok(rests(1), 'a worker stays, and comes to rest');

$node->stop;
done_testing();

sub note_delay {
    my ($mark, $from) = @_;
    my $delay = sql($node, qq{SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM e.at - j.$from))
        FROM effects AS e JOIN ayb_jobs.jobs AS j ON j.id = e.job WHERE j.payload ? '$mark'}) * 1000;
    note("$mark: $delay ms after $from");
}

# Five jobs due from 1.0 to 1.8 s from now, after one due tomorrow.
sub delayed {
    my ($mark, $idle_timeout) = @_;
    set_configuration($node, 'ayb_jobs.worker_idle_timeout' => $idle_timeout eq '0' ? 0 : 60000);
    sql($node, qq{
SELECT ayb_jobs.enqueue('work', run_at => now() + interval '1 day');
SELECT ayb_jobs.enqueue('work', '{"$mark": true}', clock_timestamp() + make_interval(secs => 0.8 + 0.2 * i))
FROM generate_series(1, 5) AS i});
    at_once($node, 'postgres', qq{(SELECT count(*) = 5 FROM ayb_jobs.jobs WHERE payload ? '$mark' AND state = 'completed')},
        "delayed jobs run at their time ($mark)");
    is(sql($node, qq{SELECT count(*) FROM effects AS e JOIN ayb_jobs.jobs AS j ON j.id = e.job
        WHERE j.payload ? '$mark' AND e.at < j.run_at}), '0', 'none too early');
    note_delay($mark, 'run_at');
}

# Asked from another database, so as not to count the question.
sub transactions {
    return $node->safe_psql('watcher',
        q{SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'postgres'});
}

# Whether there comes a time of 20 poll intervals in which nothing is done, with that many workers left (by default they
# leave at once when idle; on a loaded machine a second one may have been started before the first had taken the job).
# Counted in two ways: the database's transactions (nobody else is connected to it, and autovacuum is off), and the plans
# that the executor ran, those of SPI included.
sub rests {
    my ($expected) = @_;
    for (1 .. 30) {
        my ($offset, $before) = (-s $node->logfile, transactions());
        usleep 2_000_000;
        my $workers = $node->safe_psql('watcher',
            q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ayb_jobs worker'});
        return 1 if transactions() == $before && own_log($node, $offset) !~ /plan:/
            && ($expected ? $workers >= $expected : $workers == 0);
    }
    return 0;
}
