# Everything that stops jobs: pause, drain, switching off, a fast shutdown, timeouts, cancel. Each with a handler that
# sleeps and one that traps every cancel. What was interrupted goes back uncharged, and nothing waits for what it should
# interrupt.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

# The jobs run for an hour if they are left alone.
my $long = '{"seconds": 3600}';

my $node = start_server('stopping', q{
ayb_jobs.shutdown_timeout = 500ms
ayb_jobs.scheduler_tick = 1h
ayb_jobs.poll_interval = 1h
ayb_jobs.worker_concurrency = 4
});
sql($node, q{SELECT ayb_jobs.register_handler('limited', 'nap(jsonb)', timeout => '0.2s', max_attempts => 2, backoff => '{0s}');
SELECT ayb_jobs.register_handler('limited and stubborn', 'stubborn(jsonb)', timeout => '0.2s', max_attempts => 1)});

# pause() and resume(), of a type and of all.
my $nap = running('nap');
sql($node, q{SELECT ayb_jobs.pause('work')});
my $held = enqueue('work');
ok(completes(enqueue('nap', '{"seconds": 0}')), 'with one type paused the others run');
is(state_of($node, $held), 'queued/0', 'its own jobs wait, uncharged');
sql($node, 'SELECT ayb_jobs.pause()');
my $held_too = enqueue('nap', '{"seconds": 0}');
is(sql($node, "SELECT is_running FROM ayb_jobs.jobs WHERE id = '$nap'"), 't', 'a job that runs goes on in a pause of all');
sql($node, 'BEGIN; SELECT ayb_jobs.resume(); ROLLBACK');
is(state_of($node, $held_too), 'queued/0', 'a resume that rolls back resumes nothing');
sql($node, 'SELECT ayb_jobs.resume()');
ok(completes($held_too), 'resume() lets the database go on at once');
is(state_of($node, $held), 'queued/0', 'but not a type with a pause of its own');
sql($node, q{SELECT ayb_jobs.resume('work')});
ok(completes($held), 'which goes on at once when that is resumed');
sql($node, 'SELECT ayb_jobs.pause()');
my $restarted = enqueue('work');
$node->restart;
is(state_of($node, $restarted), 'queued/0', 'a pause outlives a restart');
is(state_of($node, $nap), 'queued/0', 'and the job that was at work then is uncharged');
sql($node, "SELECT ayb_jobs.cancel('$nap'), ayb_jobs.resume()");
ok(completes($restarted), 'resume() ends it');

# drain(): true when the jobs end by themselves, false when they had to be interrupted.
# (One that overstays its group while a drain waits would go back to the queue.)
my $gate = shut_gate($node);
my $short = running('gated');
my $drain = $node->background_psql('postgres');
$drain->query_until(qr/begun/, qq{\\echo begun\nSELECT 'drained: ' || ayb_jobs.drain('1 h');\n});
holds($node, 'postgres', q{(SELECT count(*) = 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%drained: %' AND pid <> pg_backend_pid())},
    'drain() waits for what is at work');
is(state_of($node, $short), 'running/1', 'which is not interrupted');
open_gate($gate);
like($drain->query_until(qr/drained: \w+/, ''), qr/drained: true/, 'it returns when nothing is');
$drain->quit;
is(state_of($node, $short), 'completed/1', 'and all has completed');
$held = enqueue('work');
is(sql($node, 'SELECT ayb_jobs.drain()'), 't', 'a drained database is drained');
is(state_of($node, $held), 'queued/0', 'nothing starts in it');
sql($node, 'SELECT ayb_jobs.resume()');
ok(completes($held), 'until resume()');

my @jobs = (running('nap'), running('stubborn'));
sql($node, q{DO $$ BEGIN PERFORM ayb_jobs.drain(); RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN NULL; END $$});
came_back('a drain that rolls back', @jobs);
ok(completes(enqueue('work')), 'and leaves the database running');
ends(@jobs);

@jobs = (running('nap'), running('stubborn'));
is(promptly($node, 'postgres', q{SELECT ayb_jobs.drain('0.3s')}), 'f', 'drain() says what it had to interrupt');
interrupted('drain()', @jobs);
sql($node, 'SELECT ayb_jobs.resume()');
came_back('drain()', @jobs);
ends(@jobs);

# Switched off and on again by a reload.
@jobs = (running('nap'), running('stubborn'));
set_configuration($node, 'ayb_jobs.enabled' => 'off');
at_once($node, 'postgres', backends_of('postgres') . ' = 0', 'all leave when it is switched off');
interrupted('enabled = off', @jobs);
$held = enqueue('work');
is(state_of($node, $held), 'queued/0', 'jobs can be enqueued meanwhile');
set_configuration($node, 'ayb_jobs.enabled' => 'on');
ok(completes($held), 'and run when it is on again');
came_back('enabled = off', @jobs);

# A fast shutdown, with these at work and quick ones without end behind them; then one with no time at all for them.
my $load = 500;
for my $timeout ('500ms', '0') {
    set_configuration($node, 'ayb_jobs.shutdown_timeout' => $timeout);
    my $name = "fast shutdown, shutdown_timeout $timeout";
    start_endless($node, $load);
    ok(eventually($node, q{SELECT count(*) > 20 FROM ayb_jobs.jobs WHERE type = 'again' AND state = 'completed'}), 'load');
    stops($node, $name);
    # Nothing runs at first, so that one can see what the shutdown left.
    $node->append_conf('postgresql.auto.conf', "ayb_jobs.enabled = 'off'");
    $node->start;
    is(sql($node, q{SELECT count(*) FROM ayb_jobs.jobs WHERE type = 'again' AND state = 'queued'}), $load,
        "$name: in the midst of the load");
    interrupted($name, @jobs);
    is(sql($node, q{SELECT count(*) FROM ayb_jobs.job_queue WHERE state = 'running' OR state = 'queued' AND attempts > 0}), '0',
        "$name: no job is left running or charged");
    end_endless($node);
    set_configuration($node, 'ayb_jobs.enabled' => 'on');
    ok(eventually($node, q{SELECT count(*) = 0 FROM ayb_jobs.job_queue WHERE type = 'again'}), "$name: the load goes on");
    came_back($name, @jobs);
}
is(sql($node, q{SELECT count(*) FROM ayb_jobs.jobs WHERE type = 'again'}),
    sql($node, q{SELECT count(DISTINCT job) FROM effects WHERE type = 'again'}), 'each job has run');
is(sql($node, q{SELECT count(*) - count(DISTINCT job) FROM effects}), '0', 'once');

# shutdown_timeout 0 interrupts at once in the other ways too.
is(promptly($node, 'postgres', q{SELECT ayb_jobs.drain()}), 'f', 'with shutdown_timeout 0 drain() interrupts at once');
interrupted('drain(), shutdown_timeout 0', @jobs);
sql($node, 'SELECT ayb_jobs.resume()');
came_back('drain(), shutdown_timeout 0', @jobs);
set_configuration($node, 'ayb_jobs.shutdown_timeout' => '500ms');

# cancel(force): only this interrupts for good.
for my $id (@jobs) {
    my ($code, undef, $error) = $node->psql('postgres', "SELECT ayb_jobs.cancel('$id')");
    like($error, qr/is running, not queued/, 'cancel() without force is refused');
    is(promptly($node, 'postgres', "SELECT state FROM ayb_jobs.cancel('$id', force => true)"), 'canceled', 'cancel(force) cancels');
    ok(eventually($node, "SELECT state = 'canceled' AND NOT is_running FROM ayb_jobs.jobs WHERE id = '$id'"), 'it stays so');
    is(sql($node, "SELECT string_agg(status || ' ' || sqlstate, ', ') FROM ayb_jobs.attempts('$id')"), 'canceled 57014',
        'and its history says so');
}
ok(completes(enqueue('work')), 'the next job is not hit');

# Timeouts: the handler's own, and the one for all that have none.
my $limited = enqueue('limited', $long);
ok(fails($limited), 'a job that exceeds its timeout fails');
is(sql($node, "SELECT string_agg(status || ' ' || sqlstate || ' ' || error, ', ') FROM ayb_jobs.attempts('$limited')"),
    join(', ', ('failed 57014 the job ran longer than its timeout of 200 ms') x 2), 'each attempt was charged, with the reason');
my $trapped = enqueue('limited and stubborn', $long);
ok(fails($trapped), 'one that traps the cancel loses its process');
is(sql($node, "SELECT string_agg(status, ',') FROM ayb_jobs.attempts('$trapped')"), 'lost', 'and is charged');
ok(completes(enqueue('limited', '{"seconds": 0}')), 'one that does not exceed it completes');
set_configuration($node, 'ayb_jobs.job_timeout' => '300ms');
my $general = enqueue('nap', $long, 1);
ok(fails($general), 'job_timeout holds for a handler without a timeout');
like(sql($node, "SELECT last_error FROM ayb_jobs.jobs WHERE id = '$general'"), qr/timeout of 300 ms \(SQLSTATE 57014\)/,
    'with the reason');
set_configuration($node, 'ayb_jobs.job_timeout' => '10min');
$limited = enqueue('limited', $long);
ok(fails($limited), 'and is not asked where the handler has its own');
# The administrator's limit holds for every handler: no role keeps a worker by naming a longer one, or none.
set_configuration($node, 'ayb_jobs.job_timeout' => '0', 'ayb_jobs.max_job_timeout' => '250ms');
sql($node, q{SELECT ayb_jobs.register_handler('patient', 'nap(jsonb)', timeout => '100 days', max_attempts => 1)});
for my $endless (enqueue('nap', $long, 1), enqueue('patient', $long)) {
    ok(fails($endless), 'max_job_timeout holds for every handler');
    like(sql($node, "SELECT last_error FROM ayb_jobs.jobs WHERE id = '$endless'"), qr/timeout of 250 ms \(SQLSTATE 57014\)/,
        'with the reason');
}
$limited = enqueue('limited', $long);
ok(fails($limited), 'a shorter one of a handler is in force');
like(sql($node, "SELECT last_error FROM ayb_jobs.jobs WHERE id = '$limited'"), qr/timeout of 200 ms/, 'as it is');
set_configuration($node, 'ayb_jobs.max_job_timeout' => '0');
is(sql($node, q{SELECT count(*) FROM effects AS e JOIN ayb_jobs.jobs AS j ON j.id = e.job WHERE j.state <> 'completed'}), '0',
    'nothing that was interrupted has left an effect');

$node->stop;
done_testing();

sub enqueue {
    my ($type, $payload, $max_attempts) = @_;
    $payload //= '{}';
    $max_attempts //= 'NULL';
    return sql($node, "SELECT ayb_jobs.enqueue('$type', '$payload', max_attempts => $max_attempts)");
}

# A job that a worker is at.
sub running {
    my ($type, $payload) = @_;
    my $id = enqueue($type, $payload // $long);
    eventually($node, 'SELECT ' . at_it($id)) or die "$type does not start\n";
    return $id;
}

sub completes { return eventually($node, "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$_[0]'") }
sub fails { return eventually($node, "SELECT state = 'failed' FROM ayb_jobs.jobs WHERE id = '$_[0]'") }
sub ends { sql($node, "SELECT ayb_jobs.cancel('$_', force => true)") for @_ }

# They are back in the queue, uncharged, and nobody is at them.
sub interrupted {
    my ($name, @ids) = @_;
    for my $id (@ids) {
        ok(eventually($node, "SELECT state = 'queued' AND NOT is_running FROM ayb_jobs.jobs WHERE id = '$id'"),
            "$name: the job is put back");
        is(state_of($node, $id), 'queued/0', "$name: uncharged");
        is(sql($node, "SELECT count(*) FROM ayb_jobs.attempts('$id')"), '0', "$name: no attempt is noted");
    }
}

# They run again, in their first attempt.
sub came_back {
    my ($name, @ids) = @_;
    for my $id (@ids) {
        holds($node, 'postgres', at_it($id), "$name: the job runs again");
        is(state_of($node, $id), 'running/1', "$name: as if for the first time");
    }
}
