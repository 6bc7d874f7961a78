# What real use broke, one server for all of it: each subtest names what was tried (docs/reliability.md has the table).
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;

my $node = start_server('life', q{
ayb_jobs.scheduler_tick = 100ms
ayb_jobs.poll_interval = 100ms
ayb_jobs.worker_concurrency = 4
});
sql($node, 'CREATE ROLE app LOGIN; GRANT ALL ON SCHEMA public TO app');

# What a statement gives on another session, with its notices; "hangs" where it doesn't come to an end.
sub said {
    my ($statement) = @_;
    my ($code, $out, $error) = $node->psql('postgres', $statement, timeout => $AybJobs::patience, timed_out => \my $hangs);
    return $hangs ? 'hangs' : join ' ', grep { length } $out, $error =~ /^(?:psql:\S+ )?((?:NOTICE|ERROR): .*)/mg;
}

# Tests that each of these statements gives up waiting, all at the same time.
sub give_up {
    my @waiting = map { { statement => $_, out => '', error => '' } } @_;
    for my $one (@waiting) {
        my @psql = ('psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "SELECT ayb_jobs.$one->{statement}");
        $one->{psql} = IPC::Run::start(\@psql, '>', \$one->{out}, '2>', \$one->{error}, IPC::Run::timeout($AybJobs::patience));
    }
    for my $one (@waiting) {
        my $hangs = !eval { $one->{psql}->finish; 1 };
        $one->{psql}->kill_kill if $hangs;
        like($hangs ? 'hangs' : $one->{error}, qr/^ERROR:  canceling statement due to lock timeout/, $one->{statement});
    }
    return;
}

subtest 'no statement waits without a bound for what an open transaction holds' => sub {
    my $later = q{run_at => clock_timestamp() + interval '1 h'};
    my ($held, $free) = map { sql($node, "SELECT ayb_jobs.enqueue('work', $later)") } 1 .. 2;
    my $queued = sql($node, "SELECT ayb_jobs.enqueue('nobody', $later)");
    sql($node, 'CREATE TABLE base (n int); CREATE MATERIALIZED VIEW view AS SELECT * FROM base;');
    my $view = sql($node, q{SELECT id FROM ayb_jobs.register_matview('view', skip_unchanged => true)});
    my $schedule = sql($node, q{SELECT id FROM ayb_jobs.create_schedule('held', 'work', '@yearly')});
    my $holder = $node->background_psql('postgres');
    $holder->query_safe(q{SET client_min_messages = warning});
    $holder->query_safe(qq{BEGIN; SELECT ayb_jobs.enqueue('nobody', $later, idempotency_key => 'held');
        INSERT INTO ayb_jobs.job_queue (type, run_at, idempotency_key) VALUES ('nobody', clock_timestamp() + interval '1 h', 'by hand');
        INSERT INTO ayb_jobs.schedules (name, job_type, cron_expr) VALUES ('new', 'work', '\@yearly');
        INSERT INTO ayb_jobs.pauses (type, paused_by) VALUES ('', 'postgres'), ('gated', 'postgres');
        SELECT FROM ayb_jobs.matview_refreshes FOR UPDATE; SELECT FROM ayb_jobs.database_stamp FOR UPDATE;
        SELECT FROM ayb_jobs.job_queue WHERE id IN ('$held', '$queued') FOR UPDATE; SELECT FROM base;
        SELECT FROM ayb_jobs.handlers WHERE type = 'gated' FOR UPDATE; SELECT FROM ayb_jobs.schedules FOR UPDATE});
    give_up("cancel('$held')", "cancel('$held', true)", "retry_now('$held')", "unregister_handler('gated')", "disable_schedule('$schedule')",
        "delete_schedule('$schedule')", "update_schedule('$schedule', '\@daily')", "run_schedule_now('$schedule')", q{create_schedule('new', 'work', '@yearly')},
        "enqueue('work', $later, idempotency_key => 'held')", "enqueue('work', $later, idempotency_key => 'by hand')", 'pause()', q{pause('gated')},
        'adopt()', "update_matview('$view', 'concurrent')", "unregister_matview('$view')", "refresh_now('$view')");
    is(said("SELECT ayb_jobs.cancel_many('{$held,$free}')"), '1 NOTICE:  1 jobs are locked by other sessions, and left out', 'cancel_many() leaves it out');
    is(said(q{SELECT ayb_jobs.cancel_matching('work')}), '0 NOTICE:  1 jobs are locked by other sessions, and left out', 'cancel_matching()');
    is(said(q{SELECT FROM ayb_jobs.register_handler('nobody', 'work(jsonb)')}), '', 'register_handler(): a job of the type is locked');
    is(said(q{SELECT ayb_jobs.unregister_handler('work')}), '', 'unregister_handler(): the same');
    is(said(q{SELECT FROM ayb_jobs.register_handler('work', 'work(jsonb)')}), '', 'and back');
    $holder->query_safe('ROLLBACK');
    $holder->query_safe('BEGIN; SELECT FROM base');
    is(said("SELECT ayb_jobs.unregister_matview('$view')"), 'NOTICE:  1 triggers stay, as their tables are in use', 'unregister_matview()');
    $holder->query_safe('ROLLBACK');
    $holder->quit;
    is(said("SELECT state FROM ayb_jobs.cancel('$held')"), 'canceled', 'afterwards it is canceled');
    is(said(q{SELECT ayb_jobs.cancel_matching('nobody')}), '1', 'many');
    sql($node, q{SELECT ayb_jobs.register_matview('view', skip_unchanged => true); SELECT ayb_jobs.unregister_matview(id) FROM ayb_jobs.matview_refreshes});
    is(sql($node, q{SELECT count(*) FROM pg_trigger WHERE tgname = 'ayb_jobs_note_change'}), '0', 'no trigger stays');
    sql($node, 'SELECT ayb_jobs.delete_schedule(id) FROM ayb_jobs.schedules');
};

subtest 'a job that needs the database for itself' => sub {
    my $command = sub {
        my ($text, $attempts) = @_;
        return sql($node, qq{SELECT ayb_jobs.enqueue('command', jsonb_build_object('command', \$\$$text\$\$), max_attempts => $attempts)});
    };
    my $ended = sub { return "SELECT state || ' ' || coalesce(last_error, '') FROM ayb_jobs.jobs WHERE id = '$_[0]'" };
    my %jobs = map { $_ => $command->($_, 1) } 'ALTER EXTENSION ayb_jobs UPDATE', 'DROP EXTENSION ayb_jobs CASCADE', 'ALTER DATABASE postgres RENAME TO other',
        'DROP SCHEMA ayb_jobs CASCADE', 'DROP DATABASE postgres', 'ALTER DATABASE postgres SET TABLESPACE pg_global';
    for my $text (sort keys %jobs) {
        at_once($node, 'postgres', "SELECT state = 'failed' AND attempts = 1 FROM ayb_jobs.jobs WHERE id = '$jobs{$text}'", "$text: fails, charged");
    }
    like(sql($node, $ended->($jobs{$_})), qr/^failed ERROR: a job of ayb_jobs can't change or drop the extension/, "$_: one clear error")
        for 'ALTER EXTENSION ayb_jobs UPDATE', 'DROP EXTENSION ayb_jobs CASCADE';
    sql($node, q{CREATE FUNCTION drop_it(jsonb) RETURNS void LANGUAGE sql AS 'DROP EXTENSION ayb_jobs CASCADE';
        SELECT ayb_jobs.register_handler('drop_it', 'drop_it(jsonb)')});
    my $dropping = sql($node, q{SELECT ayb_jobs.enqueue('drop_it', max_attempts => 1)});
    at_once($node, 'postgres', "SELECT state = 'failed' AND last_error ~ 'can''t change or drop' FROM ayb_jobs.jobs WHERE id = '$dropping'", 'a function that drops it');
    # PostgreSQL waits for five seconds; a session that looks in at each of its looks has it tried again.
    my $copying = $command->('CREATE DATABASE copied TEMPLATE postgres', 5);
    at_once($node, 'postgres', "SELECT state IN ('failed', 'completed') FROM ayb_jobs.jobs WHERE id = '$copying'", 'CREATE DATABASE TEMPLATE ends');
    like(sql($node, $ended->($copying)), qr/^completed /, 'and works');
    at_once($node, 'postgres', "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '" . sql($node, q{SELECT ayb_jobs.enqueue('work')}) . q{'}, 'others go on');
    sql($node, 'DROP DATABASE copied');
};

subtest 'jobs that are brought into a database that runs its own' => sub {
    my $dump = $node->basedir . '/brought.sql';
    my $own = sql($node, q{SELECT ayb_jobs.enqueue('work', run_at => clock_timestamp() + interval '1 h')});
    $node->safe_psql('postgres', "CREATE DATABASE target");
    serve($node, 'target');
    command_ok([ 'pg_dump', '--data-only', '--file', $dump, $node->connstr('postgres') ], 'a dump of the data');
    sql($node, "SELECT ayb_jobs.cancel('$own')");
    my ($code, undef, $error) = $node->psql('target', "\\i $dump", on_error_stop => 0);
    like($error, qr/WARNING:  nothing runs in this database from now on/, 'loading it says what it means');
    $node->safe_psql('target', "UPDATE ayb_jobs.job_queue SET run_at = clock_timestamp() WHERE id = '$own'");
    holds($node, 'target', q{(SELECT status = 'error' FROM ayb_jobs.health() WHERE name = 'stamp')}, 'health() says it');
    $node->safe_psql('target', q{SELECT ayb_jobs.enqueue('work', run_at => clock_timestamp() + interval '1 h')});
    is($node->safe_psql('target', 'SELECT count(*) FROM effects WHERE what IS NULL AND job IN (SELECT id FROM ayb_jobs.job_queue)'), '0', 'nothing has run');
    is($node->safe_psql('target', "SELECT state FROM ayb_jobs.jobs WHERE id = '$own'"), 'queued', 'the job that was brought waits');
    $node->safe_psql('target', 'SELECT ayb_jobs.adopt()');
    at_once($node, 'target', "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$own'", 'adopt() lets it run');

    # In one transaction that fails, and one that rolls back to a savepoint, nothing changes.
    my $copy = q{COPY ayb_jobs.job_queue (type) FROM PROGRAM 'echo work'};
    $node->psql('target', "BEGIN; $copy; ROLLBACK");
    $node->safe_psql('target', "BEGIN; SAVEPOINT a; $copy; ROLLBACK TO a; COMMIT");
    my $after = $node->safe_psql('target', q{SELECT ayb_jobs.enqueue('work')});
    at_once($node, 'target', "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$after'", 'a COPY that was rolled back stops nothing');
    $node->safe_psql('target', "SET session_replication_role = replica; INSERT INTO ayb_jobs.job_queue (type) VALUES ('work')");
    is($node->safe_psql('target', 'SELECT count(*) FROM ayb_jobs.database_stamp'), '0', 'replication is a way, too');
    $node->safe_psql('postgres', 'DROP DATABASE target');

    # All of a dump, over a database in which CREATE EXTENSION came first: its days are there, and nothing else is in the way.
    $node->safe_psql('postgres', 'CREATE DATABASE target');
    $node->safe_psql('target', 'CREATE EXTENSION ayb_jobs');
    holds($node, 'target', q{(SELECT count(*) = 4 FROM pg_inherits WHERE inhparent = 'ayb_jobs.job_history'::regclass)}, 'the days are made');
    my $due = sql($node, q{SELECT ayb_jobs.pause(); SELECT ayb_jobs.enqueue('work')}) =~ s/.*\n//sr;
    command_ok([ 'pg_dump', '-Fc', '--file', $dump, $node->connstr('postgres') ], 'a dump of all');
    run_log([ 'pg_restore', '-d', $node->connstr('target'), $dump ], '2>', \$error);
    is(join("\n", grep { /ERROR/ && !/ for (?:table|relation) "job_history_\d{8}"|relation "job_history_\d{8}\w*" already exists|"job_history_\d{8}" is already a partition/ } split /\n/, $error), '',
        'pg_restore over it finds its days, and nothing else');
    $node->safe_psql('target', q{DELETE FROM ayb_jobs.pauses});
    is($node->safe_psql('target', "SELECT state || (SELECT count(*) FROM ayb_jobs.database_stamp) FROM ayb_jobs.jobs WHERE id = '$due'"), 'queued0', 'what it brings keeps still');
    sql($node, 'SELECT ayb_jobs.resume()');
    $node->safe_psql('postgres', 'DROP DATABASE target');
};

subtest 'workers that one command ends are one incident' => sub {
    set_configuration($node, 'ayb_jobs.poll_interval' => '1h'); # a role that is held waits for a minute then
    my $gate = shut_gate($node);
    sql($node, q{SELECT count(*) FROM ayb_jobs.enqueue_many('gated', array_fill('{}'::jsonb, '{4}'))});
    holds($node, 'postgres', at_gate() . ' = 4', 'four workers of one role');
    open_gate($gate);
    holds($node, 'postgres', q{(SELECT count(*) = 4 FROM ayb_jobs.workers() WHERE state = 'idle')}, 'are idle');
    sql($node, q{SELECT count(pg_terminate_backend(pid, 30000)) FROM ayb_jobs.workers()});
    like(health($node, 'postgres', 'lanes'), qr/^ok/, 'nobody need know of it');
    is(sql($node, 'SELECT count(retry_at) FROM ayb_jobs.lanes()'), '0', 'no lane waits for it');
    my $id = sql($node, q{SELECT ayb_jobs.enqueue('work')});
    at_once($node, 'postgres', "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$id'", 'the next job runs at once');
    set_configuration($node, 'ayb_jobs.poll_interval' => '100ms');
};

subtest 'a clock that was a day ahead' => sub {
    sql($node, q{SELECT ayb_jobs.register_handler('outside', kind => 'external'); SELECT ayb_jobs.register_handler('later', 'break(jsonb)', backoff => '{1h}')});
    my $hourly = create_schedule($node, 'hourly', '0 * * * *', 'UTC', overlap => 'queue');
    my $retried = sql($node, q{SELECT ayb_jobs.enqueue('later')}) ;
    my $offset = -s $node->logfile;
    turn_clock($node, 86400);
    ticked($node);
    sql($node, q{SELECT ayb_jobs.enqueue('outside'); SELECT count(*) FROM ayb_jobs.claim('w', '{outside}', 100, '10 min')});
    my $late = sql($node, q{SELECT ayb_jobs.enqueue('work', run_at => ayb_jobs_internal.now() + interval '1 h')});
    my $failed = sql($node, q{SELECT ayb_jobs.enqueue('later')});
    holds($node, 'postgres', "SELECT attempts = 1 AND state = 'queued' FROM ayb_jobs.jobs WHERE id = '$failed'", 'a job waits for its back-off');
    turn_clock($node, 0);
    log_holds($node, qr/the clock was set back by 8\d{4} s/, $offset, 'the log says it');
    holds($node, 'postgres', q{(SELECT next_run_at <= now() + interval '1 h' FROM ayb_jobs.schedules)}, 'the schedule ticks within the hour');
    holds($node, 'postgres', q{(SELECT bool_and(lease_until < now() + interval '11 min') FROM ayb_jobs.job_queue WHERE state = 'running')}, 'leases end when they should');
    holds($node, 'postgres', "SELECT run_at < now() + interval '61 min' FROM ayb_jobs.jobs WHERE id = '$failed'", 'the back-off is what was asked for');
    my ($status, $detail, $hint) = split /\|/, health($node, 'postgres', 'clock');
    is($status, 'warning', 'health() says it');
    like($detail, qr/the clock was set back by 8\d{4} s; \d jobs were created in the future, until/, 'and which jobs are of the future');
    sql($node, $hint =~ s/;.*/;/r);
    at_once($node, 'postgres', "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$late'", 'its hint has them run');
    is((split /\|/, health($node, 'postgres', 'clock'))[2], 'Schedules, leases and back-offs were computed anew; it is ok again after an hour.', 'and then there are none');
    sql($node, 'SELECT ayb_jobs.delete_schedule(id) FROM ayb_jobs.schedules; TRUNCATE ayb_jobs.job_queue');
};

subtest 'what meets the completion is not charged' => sub {
    sql($node, q{
CREATE FUNCTION asks(jsonb) RETURNS void LANGUAGE plpgsql AS $$BEGIN
    PERFORM ayb_jobs.current_job(); PERFORM pg_advisory_xact_lock(5); PERFORM pg_advisory_xact_lock_shared(20261129); END$$;
SELECT ayb_jobs.register_handler('asks', 'asks(jsonb)', grouped => false)});
    my $gate = shut_gate($node);
    my $id = sql($node, q{SELECT ayb_jobs.enqueue('asks', max_attempts => 1)});
    holds($node, 'postgres', at_gate() . ' = 1', 'a job has looked at itself');
    my $reindex = $node->background_psql('postgres');
    $reindex->query_until(qr/begins/, "\\echo begins\nREINDEX TABLE ayb_jobs.job_queue;\n");
    holds($node, 'postgres', q{EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation IN (SELECT c.oid FROM pg_class AS c WHERE c.relname LIKE 'job_queue%'))}, 'REINDEX waits for it');
    open_gate($gate);
    holds($node, 'postgres', "SELECT state <> 'running' FROM ayb_jobs.jobs WHERE id = '$id'", 'the job ends');
    is(state_of($node, $id), 'completed/1', 'and is completed');
    $reindex->quit;

    $gate = shut_gate($node);
    $id = sql($node, q{SELECT ayb_jobs.enqueue('asks', max_attempts => 1)});
    holds($node, 'postgres', at_gate() . ' = 1', 'another one');
    my $other = $node->background_psql('postgres');
    $other->query_safe("SET deadlock_timeout = '1h'; BEGIN; SELECT FROM ayb_jobs.job_queue WHERE id = '$id' FOR UPDATE");
    $other->query_until(qr/begins/, "\\echo begins\nSELECT pg_advisory_xact_lock(5); COMMIT;\n");
    holds($node, 'postgres', q{EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'advisory' AND objid = 5)}, 'a session that has locked its row waits for it');
    my $offset = -s $node->logfile;
    open_gate($gate);
    log_holds($node, qr/job \Q$id\E \(asks\) could not be completed and runs again, uncharged: deadlock detected/, $offset, 'a deadlock');
    $other->quit;
    holds($node, 'postgres', "SELECT state = 'completed' AND attempts = 1 FROM ayb_jobs.jobs WHERE id = '$id'", 'costs no attempt');
};

$node->stop;
done_testing();
