# Each setting counts after ALTER SYSTEM and a reload, for what is running too: no restart, no new session.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my $node = start_server('settings', q{ayb_jobs.scheduler_tick = 60s});
sql($node, q{
CREATE FUNCTION look() RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('pid', pg_backend_pid(), 'commit', current_setting('synchronous_commit')) $$;
SELECT ayb_jobs.register_handler('look', 'look()');
SELECT ayb_jobs.register_handler('outside', kind => 'external');
CREATE ROLE closed LOGIN});

# One job's result, by a worker that was there before the reload: it stays idle for an hour.
sub look {
    my ($key) = @_;
    my $id = sql($node, q{SELECT ayb_jobs.enqueue('look')});
    eventually($node, "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$id'") or die "it does not run\n";
    return sql($node, "SELECT result ->> '$key' FROM ayb_jobs.jobs WHERE id = '$id'");
}
sub nap { return sql($node, qq{SELECT ayb_jobs.enqueue('nap', '{"seconds": $_[0]}')}) }
sub running { return q{(SELECT count(*) FROM ayb_jobs.jobs WHERE is_running)} }
sub cancel_all {
    sql($node, q{SELECT ayb_jobs.cancel(id, force => true) FROM ayb_jobs.jobs WHERE state IN ('queued', 'running') AND waits_for IS NULL});
    holds($node, 'postgres', running() . ' = 0', 'the jobs are interrupted');
}

# synchronous_commit, worker_idle_timeout
set_configuration($node, 'ayb_jobs.worker_idle_timeout' => '1h');
my $pid = look('pid');
is(look('commit'), 'off', 'synchronous_commit is off');
for my $level ('on', 'local', 'remote_apply') {
    set_configuration($node, 'ayb_jobs.synchronous_commit' => $level);
    # The worker that was asleep takes the reload over as it wakes; at the latest for the job after.
    look('pid');
    is(look('commit'), $level, "synchronous_commit = $level reaches the worker");
}
is(look('pid'), $pid, 'all by the same worker');
set_configuration($node, 'ayb_jobs.worker_idle_timeout' => '0');
holds($node, 'postgres', '(SELECT count(*) FROM ayb_jobs.workers()) = 0', 'worker_idle_timeout = 0: the idle worker leaves at once');

# worker_concurrency
set_configuration($node, 'ayb_jobs.worker_concurrency' => 1);
nap(3600) for 1 .. 3;
holds($node, 'postgres', running() . ' = 1', 'worker_concurrency = 1: one job runs');
set_configuration($node, 'ayb_jobs.worker_concurrency' => 3);
holds($node, 'postgres', running() . ' = 3', 'worker_concurrency = 3: three do');
cancel_all();
# All enqueued by one commit: nothing but the engine itself tells of the second and the third.
sql($node, q{SELECT ayb_jobs.enqueue_many('nap', array_fill('{"seconds": 3600}'::jsonb, '{4}'))});
holds($node, 'postgres', running() . ' = 3', 'so do three that one commit enqueued');

# shutdown_timeout, enabled
set_configuration($node, 'ayb_jobs.shutdown_timeout' => '0');
set_configuration($node, 'ayb_jobs.enabled' => 'off');
holds($node, 'postgres', backends_of('postgres') . ' = 0', 'enabled = off: every process leaves');
is(sql($node, q{SELECT state, max(attempts), count(*) FROM ayb_jobs.jobs WHERE type = 'nap' AND state <> 'canceled' GROUP BY state}), 'queued|0|4',
    'the jobs are back in the queue, uncharged');
like(health($node, 'postgres', 'enabled'), qr/^warning\|.*\|ALTER SYSTEM SET ayb_jobs.enabled = on/, 'health() says it');
my (undef, undef, $notice) = $node->psql('postgres', q{SELECT ayb_jobs.enqueue('look')});
like($notice, qr/NOTICE:  jobs will wait: ayb_jobs.enabled is off\nHINT:/, 'and so does a NOTICE');
set_configuration($node, 'ayb_jobs.enabled' => 'on');
holds($node, 'postgres', running() . ' = 3', 'enabled = on: they run again');
cancel_all();
# An hour is longer than the test waits; the job ends before.
set_configuration($node, 'ayb_jobs.shutdown_timeout' => '1h');
my $gate = shut_gate($node);
my $short = sql($node, q{SELECT ayb_jobs.enqueue('gated')});
holds($node, 'postgres', at_gate() . ' = 1', 'a job runs');
set_configuration($node, 'ayb_jobs.enabled' => 'off');
open_gate($gate);
holds($node, 'postgres', backends_of('postgres') . ' = 0', 'shutdown_timeout = 1h: the processes leave');
is(state_of($node, $short), 'completed/1', 'after the job has come to its end');
set_configuration($node, 'ayb_jobs.enabled' => 'on', 'ayb_jobs.shutdown_timeout' => '1s', 'ayb_jobs.worker_idle_timeout' => '1h');

# job_timeout
look('pid');
set_configuration($node, 'ayb_jobs.job_timeout' => '100ms');
look('pid');
my $late = nap(3600);
holds($node, 'postgres', "(SELECT last_error LIKE '%timeout of 100 ms%' FROM ayb_jobs.jobs WHERE id = '$late')", 'job_timeout = 100ms ends a job');
set_configuration($node, 'ayb_jobs.job_timeout' => 0);
cancel_all();

# max_attempts: by the server, and by a session
set_configuration($node, 'ayb_jobs.max_attempts' => 5);
is(sql($node, q{SELECT (ayb_jobs.cancel(ayb_jobs.enqueue('nap', run_at => 'tomorrow'))).max_attempts}), '5', 'max_attempts = 5');
is(sql($node, q{SET ayb_jobs.max_attempts = 2; SELECT (ayb_jobs.cancel(ayb_jobs.enqueue('nap', run_at => 'tomorrow'))).max_attempts}),
    '2', 'and a session has its own');

# lease_duration
for my $lease (60, 600) {
    set_configuration($node, 'ayb_jobs.lease_duration' => "${lease}s");
    my $id = sql($node, q{SELECT ayb_jobs.enqueue('outside')});
    sql($node, q{SELECT FROM ayb_jobs.claim('worker', '{outside}')});
    is(sql($node, "SELECT extract(epoch FROM lease_until - last_run_at)::int FROM ayb_jobs.jobs WHERE id = '$id'"), $lease,
        "lease_duration = ${lease}s");
}

# poll_interval: how soon a lane is tried again that could not be served. It can't log in, and can a moment later.
set_configuration($node, 'ayb_jobs.poll_interval' => '20ms');
my $blocked = sql($node, q{BEGIN; SELECT ayb_jobs.enqueue('look', run_as => 'closed'); ALTER ROLE closed NOLOGIN; COMMIT});
holds($node, 'postgres', q{(SELECT error IS NOT NULL FROM ayb_jobs.lanes() WHERE role = 'closed'::regrole)}, 'a lane is stopped');
sql($node, 'ALTER ROLE closed LOGIN');
holds($node, 'postgres', "(SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$blocked')", 'poll_interval = 20ms: it is tried again');

# scheduler_tick: the net below all wake-ups. What is written past every trigger is found by it.
my $hidden = sql($node, q{
ALTER TABLE ayb_jobs.job_queue DISABLE TRIGGER note_job;
INSERT INTO ayb_jobs.job_queue (type) VALUES ('look') RETURNING id;
ALTER TABLE ayb_jobs.job_queue ENABLE ALWAYS TRIGGER note_job});
set_configuration($node, 'ayb_jobs.scheduler_tick' => '100ms');
holds($node, 'postgres', "(SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$hidden')",
    'scheduler_tick = 100ms: a job that nobody told of is found');

# Bad values are refused, and the last good ones stay.
for my $bad (['worker_concurrency', 0], ['lease_duration', '0'], ['poll_interval', '1ms'], ['retention', -1],
    ['synchronous_commit', 'sometimes'], ['databases', 'a b'], ['no_such_setting', 1])
{
    my ($code, undef, $error) = $node->psql('postgres', "ALTER SYSTEM SET ayb_jobs.$bad->[0] = '$bad->[1]'");
    isnt($code, 0, "$bad->[0] = $bad->[1] is refused");
    like($error, qr/ERROR:.*ayb_jobs\.$bad->[0]/, 'and named');
}

# A fast shutdown in the midst of many jobs, one of which would take an hour, takes shutdown_timeout at most.
my $long = nap(3600);
holds($node, 'postgres', "(SELECT is_running FROM ayb_jobs.jobs WHERE id = '$long')", 'a job of an hour runs');
start_endless($node, 500);
holds($node, 'postgres', q{EXISTS (SELECT FROM effects WHERE type = 'again')}, 'and many others');
stops($node, 'a fast shutdown does not wait for them');
$node->start;
end_endless($node);
my $load = q{SELECT count(*) FROM ayb_jobs.jobs WHERE type = 'again'};
holds($node, 'postgres', "($load AND state = 'completed') = ($load)", 'they go on after it');
is(sql($node, q{SELECT count(*), count(DISTINCT job), max(attempt) FROM effects WHERE type = 'again'}), join('|', (sql($node, $load)) x 2, 1),
    'each once, and in its first attempt');
holds($node, 'postgres', "(SELECT is_running AND attempts = 1 FROM ayb_jobs.jobs WHERE id = '$long')",
    'and the long one runs again, uncharged');
$node->stop('fast');
done_testing();
