# Claims begin at the lane's floor. Here a job becomes claimable behind it, in every way there is: each has to run, while
# nothing else would ever look there again. And the floor rises past what is gone, whoever holds an old snapshot.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

# No tick comes by to look for what was missed.
my $node = start_server('floor', q{
shared_preload_libraries = 'ayb_jobs, ayb_jobs_test'
ayb_jobs.scheduler_tick = 1h
ayb_jobs.worker_concurrency = 1
max_prepared_transactions = 5
});
sql($node, q{
CREATE EXTENSION ayb_jobs_test;
CREATE ROLE other LOGIN;
CREATE FUNCTION gate(payload jsonb) RETURNS void LANGUAGE sql AS
    $$SELECT note_effect(payload->>'what'); SELECT pg_advisory_xact_lock((payload->>'key')::bigint)$$;
CREATE FUNCTION fail_once() RETURNS void LANGUAGE plpgsql AS
    $$BEGIN IF (SELECT attempts FROM ayb_jobs.current_job()) = 1 THEN RAISE 'not yet'; END IF; PERFORM note_effect('twice'); END$$;
SELECT ayb_jobs.register_handler('gate', 'gate(jsonb)');
SELECT ayb_jobs.register_handler('fail_once', 'fail_once()', backoff => '{0s}')});

# The first job that is left is due tomorrow, and that is where the floor rises to once a worker has looked.
sql($node, q{SELECT ayb_jobs.enqueue('work', '{"what": "tomorrow"}', clock_timestamp() + interval '1 day');
    SELECT ayb_jobs.enqueue('work')});
my $high = q{(SELECT bool_and(run_at > ayb_jobs_internal.now() + interval '23 h') FROM ayb_jobs_internal.floors() WHERE run_as = 'postgres'::regrole)};
sub behind_the_floor {
    my ($name, $statement) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok(eventually($node, "SELECT $high"), "$name: the floor is high before");
    sql($node, $statement);
    ran($name, $name);
}

# Tests that a job ran that left this word.
sub ran {
    my ($what, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok(eventually($node, "SELECT EXISTS (SELECT FROM effects WHERE what = '$what')"), "$name: it runs");
}

# One at the right edge, one long due, some of one instant.
behind_the_floor('enqueued', q{SELECT ayb_jobs.enqueue('work', '{"what": "enqueued"}')});
behind_the_floor('long due', q{SELECT ayb_jobs.enqueue('work', '{"what": "long due"}', clock_timestamp() - interval '1 day')});
behind_the_floor('of one instant', q{SELECT count(*) FROM ayb_jobs.enqueue_many('work',
    (SELECT array_agg(jsonb_build_object('what', CASE WHEN i = 1 THEN 'of one instant' END)) FROM generate_series(1, 100) AS i))});
behind_the_floor('in savepoints', q{BEGIN; SAVEPOINT a; SAVEPOINT b; SELECT ayb_jobs.enqueue('work', '{"what": "in savepoints"}');
    RELEASE b; RELEASE a; SAVEPOINT c; SELECT ayb_jobs.enqueue('work', '{"what": "never"}'); ROLLBACK TO c; COMMIT});

# Of what was failed, canceled, running.
my $broken = sql($node, q{SELECT ayb_jobs.enqueue('break', '{"what": "retried"}', clock_timestamp() - interval '1 h')});
ok(eventually($node, "SELECT state = 'failed' FROM ayb_jobs.jobs WHERE id = '$broken'"), 'a job fails');
sql($node, q{SELECT ayb_jobs.register_handler('break', 'work(jsonb)')});
behind_the_floor('retried', "SELECT ayb_jobs.retry_now('$broken')");
sql($node, q{SELECT ayb_jobs.register_handler('break', 'break(jsonb)', max_attempts => 1)});
$broken = sql($node, q{SELECT ayb_jobs.enqueue('break', '{"what": "retried with others"}')});
ok(eventually($node, "SELECT state = 'failed' FROM ayb_jobs.jobs WHERE id = '$broken'"), 'another job fails');
sql($node, q{SELECT ayb_jobs.register_handler('break', 'work(jsonb)')});
behind_the_floor('retried with others', "SELECT ayb_jobs.retry_matching('break')");
behind_the_floor('twice', q{SELECT ayb_jobs.enqueue('fail_once', '{}', clock_timestamp() - interval '1 h')});
behind_the_floor('of a lost worker', q{INSERT INTO ayb_jobs.job_queue (type, payload, run_at, state, worker_id, lease_until, attempts)
    VALUES ('work', '{"what": "of a lost worker"}', clock_timestamp() - interval '1 h', 'running', 'nobody', clock_timestamp() + interval '1 s', 1)});

# By hand.
my $row = q{INSERT INTO ayb_jobs.job_queue (type, payload, run_at) VALUES ('work', '{"what": "%s"}', clock_timestamp() - interval '1 h')};
my $idle = q{INSERT INTO ayb_jobs.job_queue (id, type, payload, run_at, state, canceled_at, waits_for, run_as)
    VALUES ('%s', 'work', '{"what": "%s"}', clock_timestamp() - interval '1 h', '%s', NULL, %s, '%s'::regrole)};
my $later = '01900000-0000-7000-8000-00000000000';
behind_the_floor('by INSERT', sprintf $row, 'by INSERT');
behind_the_floor('by COPY', adopted(qq{COPY ayb_jobs.job_queue (type, payload) FROM PROGRAM 'printf ''work\\t{"what": "by COPY"}\\n'''}));
behind_the_floor('as a replica', adopted('SET LOCAL session_replication_role = replica; ' . sprintf $row, 'as a replica'));
sql($node, sprintf $idle, "${later}2", 'uncanceled', 'canceled', 'NULL', 'postgres');
behind_the_floor('uncanceled', "UPDATE ayb_jobs.job_queue SET state = 'queued' WHERE id = '${later}2'");
sql($node, sprintf $idle, "${later}3", 'after others', 'queued', q{'jobs'}, 'postgres');
sql($node, "UPDATE ayb_jobs.job_queue SET type = 'unheard of' WHERE id = '${later}3'");
behind_the_floor('after others', "UPDATE ayb_jobs.job_queue SET waits_for = NULL, type = 'work' WHERE id = '${later}3'");
sql($node, 'ALTER ROLE other NOLOGIN; ' . sprintf $idle, "${later}4", 'given away', 'queued', 'NULL', 'other');
behind_the_floor('given away', "UPDATE ayb_jobs.job_queue SET run_as = 'postgres'::regrole WHERE id = '${later}4'");
sql($node, q{SELECT ayb_jobs.enqueue('work', '{"what": "sooner"}', clock_timestamp() + interval '1 day 1 h')});
behind_the_floor('sooner', q{UPDATE ayb_jobs.job_queue SET run_at = clock_timestamp() - interval '1 h' WHERE payload->>'what' = 'sooner'});

# Without the trigger, as pg_restore --disable-triggers does it.
sql($node, 'ALTER TABLE ayb_jobs.job_queue DISABLE TRIGGER ALL; ' . sprintf $row, 'without triggers');
behind_the_floor('without triggers', q{ALTER TABLE ayb_jobs.job_queue ENABLE TRIGGER ALL; ALTER TABLE ayb_jobs.job_queue ENABLE ALWAYS TRIGGER note_job});

# Prepared: nobody hears of it before it is committed.
sql($node, q{BEGIN; SELECT ayb_jobs.enqueue('work', '{"what": "prepared"}'); PREPARE TRANSACTION 'one'});
behind_the_floor('prepared', q{COMMIT PREPARED 'one'});
sql($node, q{BEGIN; SELECT ayb_jobs.enqueue('work', '{"what": "prepared by a subscriber"}'); PREPARE TRANSACTION 'two'});
sql($node, q{SELECT ayb_jobs.enqueue('work', '{"what": "between"}')});
ran('between', 'one meanwhile');
ok(eventually($node, "SELECT $high"), 'the floor is high before it is committed unheard');
sql($node, q{SELECT ayb_jobs_test_commit_prepared('two')});
set_configuration($node, 'ayb_jobs.scheduler_tick' => '1s');
ran('prepared by a subscriber', 'at the next tick');
set_configuration($node, 'ayb_jobs.scheduler_tick' => '1h');

# While a type is paused, or has no handler, others' jobs go past.
sub pass_by {
    my ($what) = @_;
    sql($node, qq{SELECT ayb_jobs.enqueue('gate', '{"key": 0, "what": "$what $_"}')}) for 1 .. 10;
    ran("$what 10", 'others meanwhile');
}
sql($node, q{SELECT ayb_jobs.pause('work'); SELECT ayb_jobs.enqueue('work', '{"what": "paused"}')});
pass_by('past a pause');
sql($node, q{SELECT ayb_jobs.resume('work')});
ran('paused', 'resumed');
sql($node, q{SELECT ayb_jobs.enqueue('unheard of', '{"what": "unheard of"}')});
pass_by('past one without a handler');
behind_the_floor('unheard of', q{SELECT ayb_jobs.register_handler('unheard of', 'work(jsonb)')});

# By ticks, and by hand.
my $schedule = sql($node, q{SELECT id FROM ayb_jobs.create_schedule('rarely', 'work', '0 0 1 1 *', payload => '{"what": "run now"}')});
behind_the_floor('run now', "SELECT ayb_jobs.run_schedule_now('$schedule')");
behind_the_floor('ticked', q{SELECT ayb_jobs.create_schedule('often', 'work', '* * * * * *', payload => '{"what": "ticked"}')});
sql($node, q{SELECT ayb_jobs.delete_schedule(id) FROM ayb_jobs.schedules});

# Rollbacks are heard of by nobody: so the floor doesn't rise above what is locked.
sql($node, q{SELECT ayb_jobs.pause()});
sql($node, q{SELECT ayb_jobs.enqueue('work', '{"what": "locked"}')});
my $stranger = $node->background_psql('postgres');
$stranger->query_safe(q{BEGIN; SELECT FROM ayb_jobs.job_queue WHERE payload->>'what' = 'locked' FOR UPDATE});
sql($node, q{SELECT ayb_jobs.resume()});
pass_by('past a lock');
$stranger->query_safe('ROLLBACK');
$stranger->quit;
ran('locked', 'unlocked');

# The clock goes back: what was enqueued in its future is claimed by then, and what comes now is before it.
turn_clock($node, 7200);
sql($node, q{SELECT ayb_jobs.enqueue('work', '{"what": "in two hours"}')});
ran('in two hours', 'with the clock ahead');
turn_clock($node, 0);
behind_the_floor('back in time', q{SELECT ayb_jobs.enqueue('work', '{"what": "back in time"}')});
is(sql($node, q{SELECT string_agg(payload->>'what', ', ' ORDER BY id) FROM ayb_jobs.jobs
    WHERE payload->>'what' IN ('in two hours', 'back in time')}), 'in two hours, back in time', 'but its id is after');

# A new scheduler begins with lanes of its own: what was enqueued while there was none is found.
my ($launcher, $scheduler) = map { sql($node, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'ayb_jobs $_'") } qw(launcher scheduler);
ok(eventually($node, "SELECT $high"), 'the floor is high');
kill 'STOP', $launcher;
sql($node, "SELECT pg_terminate_backend($scheduler)");
ok(eventually($node, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $scheduler)"), 'there is no scheduler');
sql($node, q{SELECT ayb_jobs.enqueue('work', '{"what": "while nobody served"}', clock_timestamp() - interval '1 h')});
kill 'CONT', $launcher;
ran('while nobody served', 'with a new scheduler');

# The race that the mark is for: a worker has read that the first job is tomorrow's. Before it says so, one is committed
# that its snapshot doesn't show.
ok(eventually($node, "SELECT $high"), 'the floor is high');
pause_at($node, 'look');
sql($node, q{SELECT ayb_jobs.enqueue('work', '{"what": "wakes"}')});
ok(is_at($node, 'look'), 'a worker has looked');
sql($node, q{SELECT ayb_jobs.enqueue('work', '{"what": "after the look"}', clock_timestamp() - interval '1 h')});
go_on($node, 'look');
ran('wakes', 'the one that woke it');
ran('after the look', 'one that it has not seen');

# A worker that is asked to make room just then says so all the same: its lane isn't served again for nothing.
sql($node, 'CREATE ROLE brief LOGIN');
my $gate = shut_gate($node);
sql($node, q{SET ROLE brief; SELECT ayb_jobs.enqueue('gated')});
holds($node, 'postgres', at_gate() . ' = 1', 'a worker is at the only job of a lane');
pause_at($node, 'look');
open_gate($gate);
ok(is_at($node, 'look'), 'it has seen that there are no others');
$gate = shut_gate($node);
sql($node, q{SELECT ayb_jobs.enqueue('gated', '{"what": "of another lane"}')});
my $looked = q{SELECT state_change FROM pg_stat_activity WHERE backend_type = 'ayb_jobs scheduler'};
for (1, 2) { # the first look may have begun before that
    my $before = sql($node, $looked);
    holds($node, 'postgres', "($looked) > '$before'", 'the scheduler looks for room');
}
go_on($node, 'look');
holds($node, 'postgres', at_gate() . ' = 1', 'its place goes to another lane');
is(sql($node, q{SELECT count(*) FROM ayb_jobs.lanes() WHERE role = 'brief'::regrole AND due_at <= ayb_jobs_internal.now()}), '0',
    'and the one that it has left is not due');
open_gate($gate);
ran('of another lane', 'the other lane');

# And the one that the callback is for: a commit is visible, and nobody has heard of it yet. Others' jobs take the floor
# past its job.
my $paused = $node->background_psql('postgres');
$paused->query_safe(q{SET application_name = 'paused'});
ok(eventually($node, "SELECT $high"), 'the floor is high again');
pause_at($node, 'commit');
$paused->query_until(qr/begun/, qq{\\echo begun
SELECT ayb_jobs.enqueue('work', '{"what": "not heard of"}', clock_timestamp() - interval '2 h');\n});
ok(is_at($node, 'commit'), 'a commit is held up');
is(sql($node, q{SELECT count(*) FROM ayb_jobs.job_queue WHERE payload->>'what' = 'not heard of' AND state = 'queued'}), '1', 'and visible');
pass_by('past a callback');
ok(eventually($node, "SELECT $high"), 'the floor has risen past it');
go_on($node, 'commit');
ran('not heard of', 'once its callback has run');
$paused->quit;

# An old snapshot: dead rows stay, in the table and its indexes. Of what is claimed from there on each job reads as few
# entries as the first did, whether they come one by one or of one instant.
sub read_of {
    my ($index) = @_;
    sql($node, 'SELECT pg_stat_force_next_flush()');
    return sql($node, "SELECT idx_tup_read FROM pg_stat_all_indexes WHERE indexrelname = '$index'");
}
my $reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ayb_jobs.job_queue');
set_configuration($node, 'ayb_jobs.worker_idle_timeout' => '0');
my $many = 3000;
my @read = map { read_of("job_queue_${_}_idx") } qw(claim lease);
sql($node, q{SELECT ayb_jobs.register_handler('leased', 'work(jsonb)', grouped => false)}); # a group leaves no leases behind
sql($node, 'SELECT ayb_jobs.pause()');
sql($node, qq{SELECT count(*) FROM ayb_jobs.enqueue_many('leased', array_fill('{"what": "many"}'::jsonb, ARRAY[$many]))});
sql($node, 'ANALYZE ayb_jobs.job_queue'); # it tells the planner that none is leased
sql($node, 'SELECT ayb_jobs.resume()');
ok(eventually($node, qq{SELECT count(*) = $many FROM effects WHERE what = 'many'}), 'many jobs run');
ok(eventually($node, 'SELECT count(*) = 0 FROM ayb_jobs.workers()'), 'and their worker has left'); # its counts are there
my @after = map { read_of("job_queue_${_}_idx") } qw(claim lease);
cmp_ok($after[0] - $read[0], '<', 200 * $many, 'amid dead rows each claim reads a few'); # on average half of $many otherwise
cmp_ok($after[1] - $read[1], '<', 200 * $many, 'and so does each completion');
note "entries read: $read[0] and $read[1] before, $after[0] and $after[1] after";
my $oldest = q{SELECT oldest_due_seconds FROM ayb_jobs.stats()};
my $before = read_of('job_queue_claim_idx');
is(sql($node, $oldest), '', 'nothing is due');
cmp_ok(read_of('job_queue_claim_idx') - $before, '<', 100, 'which is seen without reading the dead rows');
# Nor does the scheduler read them, which looks for lanes at each of its ticks.
sub looks { return sql($node, q{SELECT idx_scan FROM pg_stat_all_indexes WHERE indexrelname = 'job_queue_claim_idx'}) }
($before, my $looks) = (read_of('job_queue_claim_idx'), looks());
set_configuration($node, 'ayb_jobs.scheduler_tick' => '1s');
ok(eventually($node, "SELECT idx_scan > $looks + 5 FROM pg_stat_all_indexes WHERE indexrelname = 'job_queue_claim_idx'"), 'the scheduler looks');
cmp_ok(read_of('job_queue_claim_idx') - $before, '<', 2 * $many, 'without reading them each time'); # once an hour it may
# Leases that would be over by now, were they not gone: they are read once.
($before, $looks) = (read_of('job_queue_lease_idx'), sql($node, q{SELECT idx_scan FROM pg_stat_all_indexes WHERE indexrelname = 'job_queue_lease_idx'}));
turn_clock($node, 600);
ok(eventually($node, "SELECT idx_scan > $looks + 20 FROM pg_stat_all_indexes WHERE indexrelname = 'job_queue_lease_idx'"), 'the scheduler looks for leases');
cmp_ok(read_of('job_queue_lease_idx') - $before, '<', 6 * $many, 'without reading the dead ones each time'); # it would be 10 times
turn_clock($node, 0);
$reader->query_safe('COMMIT');
$reader->quit;

is(sql($node, q{SELECT string_agg(what, ', ') FROM effects WHERE what = 'never'}), '', 'what was rolled back never ran');
is(sql($node, q{SELECT count(*) FROM (SELECT FROM effects GROUP BY job HAVING count(*) > 1) AS twice}), '0', 'and nothing ran twice');
$node->stop;
done_testing();
