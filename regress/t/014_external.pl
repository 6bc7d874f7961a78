# Workers outside the database: many at once, and ones that are never heard of again.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

my ($jobs, $sessions) = (5000, 50);
my $node = start_server('external', qq{
max_connections = @{[$sessions + 20]}
ayb_jobs.scheduler_tick = 1h
});
sql($node, q{
SELECT ayb_jobs.register_handler('outside', kind => 'external');
CREATE TABLE claimed (job uuid, session integer);
CREATE TABLE start_signal ()});
sql($node, qq{SELECT count(*) FROM ayb_jobs.enqueue_many('outside',
    (SELECT array_agg(to_jsonb(i)) FROM generate_series(1, $jobs) AS i))});

# All begin at the same moment, when the lock on start_signal is released, and claim until there is nothing left. A claim
# that finds nothing isn't the end: a job that was failed a moment ago may be locked by who saw it as it was before.
# Each notes what it was given; every tenth job is failed once by who has it. Behind its first share it waits until all have
# had theirs.
my $script = "$PostgreSQL::Test::Utils::tmp_check/claim.sql";
PostgreSQL::Test::Utils::append_to_file($script, q{
BEGIN;
LOCK TABLE start_signal IN ACCESS SHARE MODE;
COMMIT;
DO $$
DECLARE
    me text := 'session ' || pg_backend_pid();
    job ayb_jobs.claimed_job;
    got integer;
    first boolean := true;
BEGIN
    LOOP
        got := 0;
        FOR job IN SELECT * FROM ayb_jobs.claim(me, '{outside}', 7) LOOP
            got := got + 1;
            INSERT INTO claimed VALUES (job.id, pg_backend_pid());
            IF job.attempt = 1 AND (job.payload)::integer % 10 = 0 THEN
                PERFORM ayb_jobs.fail(job.id, me, 1, 'not now', '0');
            ELSE
                PERFORM ayb_jobs.complete(job.id, me, job.attempt, to_jsonb(me));
            END IF;
        END LOOP;
        COMMIT;
        IF first THEN
            PERFORM pg_advisory_xact_lock_shared(20261129);
            COMMIT;
            first := false;
        END IF;
        EXIT WHEN got = 0 AND NOT EXISTS (SELECT FROM ayb_jobs.jobs WHERE type = 'outside' AND state = 'queued');
    END LOOP;
END $$;
});
my $gate = shut_gate($node);
my $start = $node->background_psql('postgres');
$start->query_safe('BEGIN; LOCK TABLE start_signal IN ACCESS EXCLUSIVE MODE');
my @runs = map {
    my $run = { error => '' };
    $run->{handle} = IPC::Run::start(
        [ $node->installed_command('psql'), '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'),
            '-f', $script ], '<', \undef, '>', \my $out, '2>', \$run->{error});
    $run;
} 1 .. $sessions;
ok(eventually($node, qq{SELECT count(*) = $sessions FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND wait_event = 'relation'}), "$sessions sessions are ready");
$start->query_safe('COMMIT');
$start->quit;
holds($node, 'postgres', at_gate() . " = $sessions", 'each has had a share');
open_gate($gate);
$_->{handle}->finish for @runs;
is(join('', map { $_->{error} } @runs), '', 'no session has an error');
my $again = $jobs / 10;
is(sql($node, 'SELECT count(*), count(DISTINCT job) FROM claimed'), ($jobs + $again) . "|$jobs",
    'each job is given to one session, and once more if that failed it');
is(sql($node, q{SELECT max(n) FROM (SELECT count(*) AS n FROM claimed GROUP BY job) AS c}), '2', 'and no more than that');
is(jobs_of($node, 'outside'), "completed=$jobs", 'and all are completed');
is(sql($node, 'SELECT count(DISTINCT session) FROM claimed'), $sessions, 'by all of the sessions');

# A worker is never heard of again. Nobody claims, nothing wakes the scheduler, its tick is an hour: it has to
# have slept to the end of the lease.
my $soon = claim('soon', '0.7s');
my $later = claim('later', '1h');
at_once($node, 'postgres', "(SELECT state = 'queued' FROM ayb_jobs.jobs WHERE id = '$soon')", 'its job is put back');
is(state_of($node, $soon), 'queued/1', 'charged');
is(sql($node, qq{SELECT a.finished_at >= a.started_at + interval '0.7s' FROM ayb_jobs.attempts('$soon') AS a WHERE a.status = 'lost'}),
    't', 'not before the end of its lease');
is(state_of($node, $later), 'running/1', 'another one, whose lease lasts, keeps its job');

# The one that comes back too late can't do anything any more, neither before somebody else has the job nor after.
refused("complete('$soon', 'soon', 1)", qr/job $soon is queued, not running/);
is(sql($node, q{SELECT id FROM ayb_jobs.claim('second', '{outside-soon}')}), $soon, 'somebody else gets the job');
my $row = "SELECT md5(q::text) FROM ayb_jobs.job_queue AS q WHERE id = '$soon'";
my $before = sql($node, $row);
for my $call ("complete('$soon', 'soon', 1)", "fail('$soon', 'soon', 1, 'late')", "extend('$soon', 'soon', 1)",
    "complete('$soon', 'second', 1)", "complete('$soon', 'soon', 2)") {
    refused($call, qr/job $soon is held by another worker or attempt/);
}
is(sql($node, $row), $before, 'and changes nothing');
sql($node, "SELECT ayb_jobs.complete('$soon', 'second', 2)");
is(state_of($node, $soon), 'completed/2', 'who holds it completes it');

# A lease that is extended does not end at its old time; one that has been shortened ends at its new one.
sql($node, "SELECT ayb_jobs.extend('$later', 'later', 1, '0.2s')");
at_once($node, 'postgres', "(SELECT state = 'queued' FROM ayb_jobs.jobs WHERE id = '$later')",
    'a lease that was made shorter ends at its new time');
my $kept = claim('kept', '10 min');
sql($node, "SELECT ayb_jobs.extend('$kept', 'kept', 1, '1h')");
my $other = claim('other', '11 min');
turn_clock($node, 720);
at_once($node, 'postgres', "(SELECT state = 'queued' FROM ayb_jobs.jobs WHERE id = '$other')", 'a lease ends after that');
is(state_of($node, $kept), 'running/1', 'one that was extended before does not end with it');

# The clock is turned past the lease.
turn_clock($node, 7200);
at_once($node, 'postgres', "(SELECT state = 'queued' FROM ayb_jobs.jobs WHERE id = '$kept')", 'it does at its own end');

# The last attempt that is lost fails the job.
turn_clock($node, 0);
my $last = claim('last', '0.2s', 1);
at_once($node, 'postgres', "(SELECT state = 'failed' FROM ayb_jobs.jobs WHERE id = '$last')", 'the last lease fails its job');
like(sql($node, "SELECT last_error FROM ayb_jobs.jobs WHERE id = '$last'"), qr/the lease ended before/, 'with the reason');

$node->stop;
done_testing();

# A new job, claimed by that worker: of a type of its own, so that it gets no job that another one lost.
sub claim {
    my ($worker, $lease, $max_attempts) = @_;
    $max_attempts //= 3;
    sql($node, "SELECT ayb_jobs.register_handler('outside-$worker', kind => 'external')");
    my $id = sql($node, "SELECT ayb_jobs.enqueue('outside-$worker', max_attempts => $max_attempts)");
    my $got = sql($node, "SELECT id FROM ayb_jobs.claim('$worker', '{outside-$worker}', 1, '$lease')");
    is($got, $id, "$worker claims a job");
    return $id;
}

sub refused {
    my ($call, $message) = @_;
    my ($code, $out, $error) = $node->psql('postgres', "SELECT ayb_jobs.$call", extra_params => ['-v', 'VERBOSITY=verbose']);
    like($error, qr/ERROR:  55000: $message/, "$call is refused");
}
