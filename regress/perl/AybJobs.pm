# What the TAP tests share: servers that have the extension, handlers that leave a trace, and ways to wait for them.
package AybJobs;
use strict;
use warnings;
use AybCluster;
use AybSession;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More ();
use Time::HiRes qw(time usleep);

our @EXPORT = qw(new_server start_server serve serving sql eventually holds at_once promptly finishes stops log_holds count_in_log
    set_configuration turn_clock turn_to ticked create_schedule ticks_of health backends_of start_sleeper state_of at_it jobs_of own_log adopted
    pause_at is_at go_on shut_gate open_gate at_gate start_endless end_endless order_of);

# No test asks how long something took. What nothing may hold up gets this long, in seconds: far above what a loaded
# machine needs, and less than what it would otherwise wait for, which is a job of an hour, the engine's own next look
# (the launcher's comes after a minute; a scheduler's as the test sets it) or the end of a lease.
our $patience = 45;

# Effects can be counted: work() leaves a row for each attempt that committed, with {"what": text} if it is given one,
# and break() raises. nap() sleeps until it is interrupted; stubborn() traps every cancel and begins again, and only the
# end of its process stops it. Both take {"seconds": n}, and both leave a row if they come to their end. gated() waits
# until the gate is open. again() is a load that doesn't end: each of its jobs enqueues the next one, due as early.
my $handlers = q{
CREATE TABLE effects (job uuid, type text, attempt integer, at timestamptz DEFAULT clock_timestamp(), what text);
GRANT ALL ON effects TO PUBLIC;
CREATE FUNCTION note_effect(what text DEFAULT NULL) RETURNS void LANGUAGE sql AS
    'INSERT INTO effects (job, type, attempt, what) SELECT id, type, attempts, $1 FROM ayb_jobs.current_job()';
CREATE FUNCTION work(payload jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT note_effect(payload->>'what');
    SELECT jsonb_build_object('did', payload->>'what') $$;
CREATE FUNCTION break(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$BEGIN RAISE 'broken'; END$$;
CREATE FUNCTION nap(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep((payload->>'seconds')::float8);
    PERFORM note_effect();
END $$;
CREATE FUNCTION stubborn(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    until timestamptz := clock_timestamp() + make_interval(secs => (payload->>'seconds')::float8);
BEGIN
    WHILE clock_timestamp() < until LOOP
        BEGIN
            PERFORM pg_sleep_until(until);
        EXCEPTION WHEN query_canceled THEN
            NULL;
        END;
    END LOOP;
    PERFORM note_effect();
END $$;
CREATE FUNCTION gated(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(20261129);
    PERFORM note_effect(payload->>'what');
END $$;
CREATE TABLE endless ();
GRANT SELECT ON endless TO PUBLIC;
CREATE FUNCTION again(payload jsonb) RETURNS void LANGUAGE sql AS $$
    SELECT note_effect();
    SELECT ayb_jobs.enqueue(type, j.payload, run_at) FROM ayb_jobs.current_job() AS j WHERE EXISTS (SELECT FROM endless) $$;
SELECT ayb_jobs.register_handler('work', 'work(jsonb)');
SELECT ayb_jobs.register_handler('gated', 'gated(jsonb)');
SELECT ayb_jobs.register_handler('again', 'again(jsonb)');
SELECT ayb_jobs.register_handler('break', 'break(jsonb)', max_attempts => 2, backoff => '{0s}');
SELECT ayb_jobs.register_handler('nap', 'nap(jsonb)');
SELECT ayb_jobs.register_handler('stubborn', 'stubborn(jsonb)');
};

# new_server(NAME, CONFIGURATION, options of init): the library is preloaded, and crashes don't stop the server. Its
# jobs get a second to stop, so that the tests don't take long.
sub new_server {
    my ($name, $configuration, %init) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name);
    $node->init(%init);
    $node->append_conf('postgresql.conf', qq{
shared_preload_libraries = 'ayb_jobs'
max_worker_processes = 32
ayb_jobs.shutdown_timeout = 1s
restart_after_crash = on
log_statement = none
log_line_prefix = '%m [%p] %b: '
log_min_messages = log
autovacuum = off
timezone = 'UTC'
} . ($configuration // ''));
    $node->start;
    return $node;
}

# start_server(NAME, CONFIGURATION): with the extension and the handlers in database postgres.
sub start_server {
    my ($name, $configuration) = @_;
    my $node = new_server($name, $configuration);
    serve($node, 'postgres');
    return $node;
}

# The extension and the handlers in a database.
sub serve {
    my ($node, $database) = @_;
    $node->safe_psql($database, serving());
}

# The SQL that makes them.
sub serving { return "CREATE EXTENSION ayb_jobs; $handlers" }

# One statement or more in database postgres; the result, or the test ends. They share a session, which nothing of them
# outlasts; what needs one of its own, or changes what a session begins with, gets it, and what follows gets a new one.
sub sql {
    my ($node, $query) = @_;
    return AybSession::answer($node, $query) if $query !~ /\\|\b(?:BEGIN|EXTENSION|DATABASE)\b|\bALTER\s+(?:ROLE|USER)\b/i;
    AybSession::forget($node);
    return $node->safe_psql('postgres', $query);
}

# eventually(NODE, QUERY, SECONDS, DATABASE): whether the query gives true before that. Where the server can't be
# reached it asks again: it may be on its way up after a crash. One session asks for as long as it lasts: on a small
# machine a psql for each question takes the time that what is waited for needs.
sub eventually {
    my ($node, $query, $seconds, $database) = @_;
    my $deadline = time + ($seconds // $PostgreSQL::Test::Utils::timeout_default);
    my ($session, $answer, $error);
    do {
        $session //= AybSession->new($node, $database // 'postgres', 0);
        ($answer, $error) = $session->ask($query);
        return 1 if defined $answer && $answer eq 't';
        undef $session if !defined $answer;
        usleep 20_000;
    } while (time < $deadline);
    Test::More::diag("never true: $query\nlast answer: " . ($answer // '') . " $error");
    return 0;
}

# A statement that brings rows, which nothing runs before that is allowed.
sub adopted { return "BEGIN; $_[0]; SELECT ayb_jobs.adopt(); COMMIT" }

# The condition that a worker is at the job, and by lease: a group has one that dallies for a moment only, and what it
# gives back waits until it is begun again.
sub at_it { return "(SELECT is_running AND state = 'running' FROM ayb_jobs.jobs WHERE id = '$_[0]')" }

# Tests that the condition becomes true in a database.
sub holds {
    my ($node, $database, $condition, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::ok(eventually($node, "SELECT coalesce(($condition), false)", undef, $database), $name);
}

# Tests that it becomes true without waiting for what would bring it about in the end.
sub at_once {
    my ($node, $database, $condition, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::ok(eventually($node, "SELECT coalesce(($condition), false)", $patience, $database), $name);
}

# What a statement gives that nothing may hold up; "hangs" where something does. Further options are psql's.
sub promptly {
    my ($node, $database, $statement, @psql) = @_;
    my ($code, $out, $error) = $node->psql($database, $statement, timeout => $patience, timed_out => \my $hangs, @psql);
    return 'hangs' if $hangs;
    return $code == 0 ? $out : "error: $error";
}

# Tests that the statement succeeds, and that no job holds it up.
sub finishes {
    my ($node, $database, $statement, $name, @psql) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::unlike(promptly($node, $database, $statement, @psql), qr/^(hangs$|error: )/, "$name: succeeds, without hanging");
}

# Tests that a fast shutdown isn't held up either.
sub stops {
    my ($node, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    local $ENV{PGCTLTIMEOUT} = $patience;
    return Test::More::ok($node->stop('fast', fail_ok => 1), $name);
}

# Tests that the log gets such a line from an offset on.
sub log_holds {
    my ($node, $pattern, $offset, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::ok($node->wait_for_log($pattern, $offset), $name);
}

sub count_in_log {
    my ($node, $pattern, $offset) = @_;
    return scalar(() = PostgreSQL::Test::Utils::slurp_file($node->logfile, $offset) =~ /$pattern/g);
}

# Sets parameters as an administrator does, and returns when new sessions have them.
sub set_configuration {
    my ($node, %settings) = @_;
    my $loaded = sql($node, 'SELECT pg_conf_load_time()');
    my @set = map { "ALTER SYSTEM SET $_ = '$settings{$_}'" } sort keys %settings;
    sql($node, "$_;") for @set, 'SELECT pg_reload_conf()';
    eventually($node, "SELECT pg_conf_load_time() > '$loaded'")
        or die "the server did not take over its configuration\n";
}

# Moves the engine's clock, by seconds from the real time.
sub turn_clock {
    my ($node, $seconds) = @_;
    set_configuration($node, 'ayb_jobs.test_clock_offset' => $seconds);
}

# turn_to(NODE, INSTANT): moves the engine's clock there, or up to a second behind it, and waits until what is due by
# then has ticked.
sub turn_to {
    my ($node, $instant) = @_;
    my $offset = sql($node, "SELECT ceil(extract(epoch FROM timestamptz '$instant' - clock_timestamp()))");
    sql($node, "ALTER SYSTEM SET ayb_jobs.test_clock_offset = $offset; SELECT pg_reload_conf()");
    ticked($node, "ayb_jobs_internal.now() BETWEEN '$instant' AND timestamptz '$instant' + interval '1 min'")
        or die "the clock doesn't come to $instant\n";
}

# Waits until no tick is due any more, and the condition holds.
sub ticked {
    my ($node, $condition) = @_;
    return eventually($node, 'SELECT NOT EXISTS (SELECT FROM ayb_jobs.schedules WHERE enabled AND next_run_at <= ayb_jobs_internal.now())'
        . (defined $condition ? " AND $condition" : ''));
}

# create_schedule(NODE, NAME, EXPRESSION, ZONE, further arguments of the SQL function): of the type "outside", which
# nobody claims, so that its jobs stay to be looked at. Gives back its id.
sub create_schedule {
    my ($node, $name, $cron, $zone, %more) = @_;
    my $more = join '', map { ", $_ => '$more{$_}'" } sort keys %more;
    return sql($node, "SELECT id FROM ayb_jobs.create_schedule('$name', 'outside', '$cron', '$zone'$more)");
}

# The ticks that became jobs of a schedule, in order: "01-31 12:30 02-01 12:30" (UTC).
sub ticks_of {
    my ($node, $name) = @_;
    return sql($node, qq{SELECT string_agg(to_char(j.scheduled_at AT TIME ZONE 'UTC', 'MM-DD HH24:MI'), ' ' ORDER BY j.scheduled_at)
        FROM ayb_jobs.jobs AS j JOIN ayb_jobs.schedules AS s ON s.id = j.schedule_id WHERE s.name = '$name'});
}

# "status|detail|hint" of a check.
sub health {
    my ($node, $database, $check) = @_;
    return $node->safe_psql($database,
        qq{SELECT status, detail, hint FROM ayb_jobs.health() WHERE name = '$check'});
}

# How many of the engine's processes are connected to a database, as an expression.
sub backends_of {
    my ($database) = @_;
    return "(SELECT count(*) FROM pg_stat_activity WHERE datname = '$database' AND backend_type LIKE 'ayb_jobs%')";
}

# Starts a job of an hour, and puts one behind it that is due in an hour; gives back the first one's id.
sub start_sleeper {
    my ($node, $database) = @_;
    my $id = $node->safe_psql($database, q{SELECT ayb_jobs.enqueue('nap', '{"seconds": 3600}')});
    eventually($node, "SELECT is_running AND state = 'running' FROM ayb_jobs.jobs WHERE id = '$id'", undef, $database)
        or die "the job does not start\n";
    $node->safe_psql($database, q{SELECT ayb_jobs.enqueue('work', '{"what": "later"}', clock_timestamp() + '1h')});
    return $id;
}

# From shut_gate() on gated jobs wait in their handlers, and whatever else takes a share of the gate's lock, until
# open_gate(), which takes what that gave back. at_gate() is how many of them do, as an expression.
sub shut_gate {
    my ($node, $database) = @_;
    my $gate = $node->background_psql($database // 'postgres');
    $gate->query_safe('SELECT pg_advisory_lock(20261129)');
    return $gate;
}
sub open_gate { $_[0]->quit }
sub at_gate { return q{(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 20261129 AND NOT granted)} }

# A load of so many jobs at any time, of that role, until end_endless(): none of it is ever done, however fast it goes.
sub start_endless {
    my ($node, $width, $role) = @_;
    my $as = defined $role ? "SET ROLE $role;" : '';
    sql($node, qq{INSERT INTO endless DEFAULT VALUES; $as
        SELECT count(*) FROM ayb_jobs.enqueue_many('again', array_fill('{}'::jsonb, '{$width}'))});
}
sub end_endless { sql($_[0], 'TRUNCATE endless') }

# pause_at($node, POINT): processes that load ayb_jobs_test wait there from now on, until go_on(); is_at() waits for one.
sub test_file { return $_[0]->data_dir . "/ayb_jobs_test.$_[1]" }
sub pause_at { PostgreSQL::Test::Utils::append_to_file(test_file($_[0], "pause_$_[1]"), '') }
sub go_on { unlink test_file($_[0], "pause_$_[1]") or die $! }

sub is_at {
    my ($node, $point) = @_;
    for (1 .. 100 * $PostgreSQL::Test::Utils::timeout_default) {
        return 1 if -e test_file($node, "at_$point");
        usleep(10_000);
    }
    return 0;
}

# "state/attempts" of a job.
sub state_of {
    my ($node, $id) = @_;
    return sql($node, "SELECT state || '/' || attempts FROM ayb_jobs.jobs WHERE id = '$id'");
}

# In which order jobs run that a query enqueues while all is paused, by what work() leaves of them; a test that all do.
sub order_of {
    my ($node, $enqueue) = @_;
    my $jobs = sql($node, "TRUNCATE effects; SELECT ayb_jobs.pause(); SELECT count(*) FROM ($enqueue) AS e");
    sql($node, 'SELECT ayb_jobs.resume()');
    Test::More::ok(eventually($node, "SELECT count(*) = $jobs FROM effects"), 'all run');
    return sql($node, q{SELECT string_agg(what, ' ' ORDER BY at, ctid) FROM effects});
}

# How many jobs of a type there are in each state: "completed=2 failed=1".
sub jobs_of {
    my ($node, $type) = @_;
    return sql($node, qq{SELECT string_agg(state || '=' || n, ' ' ORDER BY state) FROM
        (SELECT state, count(*) AS n FROM ayb_jobs.jobs WHERE type = '$type' GROUP BY state) AS s});
}

# What our own processes have logged from an offset of the log on.
sub own_log {
    my ($node, $offset) = @_;
    my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile, $offset);
    return join '', grep { /\[\d+\] ayb_jobs / } split /^(?=\d{4}-\d\d-\d\d )/m, $log;
}

1;
