# Jobs of a lane share a session, and nothing else: whatever one job leaves in it, the next does not find. What fails
# at the commit is the job's own failure.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

# One worker, so that the session is the same, which each job shows by its pid.
my $node = start_server('session', q{
ayb_jobs.worker_concurrency = 1
ayb_jobs.worker_idle_timeout = 10min
});
sql($node, q{
CREATE ROLE other;
CREATE SCHEMA elsewhere;
CREATE SEQUENCE numbers;
CREATE TABLE here (a integer);
CREATE TABLE looked (n serial, what jsonb);
CREATE FUNCTION mess(payload jsonb) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    statement text;
BEGIN
    FOR statement IN SELECT jsonb_array_elements_text(payload->'run') LOOP
        EXECUTE statement;
    END LOOP;
    IF payload ? 'raise' THEN
        RAISE 'left in a mess';
    END IF;
    RETURN pg_backend_pid();
END $$;
SELECT ayb_jobs.register_handler('mess', 'mess(jsonb)', max_attempts => 1);
-- All that a session can carry on, as the job sees it.
CREATE FUNCTION look() RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    last bigint;
BEGIN
    BEGIN
        last := lastval();
    EXCEPTION WHEN object_not_in_prerequisite_state THEN NULL;
    END;
    RETURN jsonb_build_object(
        'pid', pg_backend_pid(),
        'who', current_user || ' ' || session_user,
        'search_path', current_setting('search_path'),
        'settings', (SELECT jsonb_object_agg(name, setting) FROM pg_settings),
        'own', coalesce(nullif(current_setting('app.tenant', true), ''), 'none'),
        'locks', (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
        'tables', (SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()),
        'functions', (SELECT count(*) FROM pg_proc WHERE pronamespace = pg_my_temp_schema()),
        'prepared', (SELECT count(*) FROM pg_prepared_statements),
        'cursors', (SELECT count(*) FROM pg_cursors WHERE is_holdable),
        'channels', (SELECT count(*) FROM pg_listening_channels()),
        'here', 'here'::regclass::oid,
        'last', last);
END $$;
SELECT ayb_jobs.register_handler('look', 'look()', max_attempts => 1);
});
my $clean = look();
my $pid = sql($node, "SELECT '$clean'::jsonb->>'pid'");

# Each in a job that completes, and in one that fails after it; a failure undoes only a part of these by itself.
my %left = (
    'a setting' => q{SET work_mem = '64kB'},
    'a setting of its own' => q{SELECT set_config('app.tenant', 'A', false)},
    'search_path' => 'SET search_path = elsewhere, pg_temp',
    'SET ROLE' => 'SET ROLE other',
    'SET SESSION AUTHORIZATION' => 'SET SESSION AUTHORIZATION other',
    'a time limit' => q{SET statement_timeout = '1ms'},
    'transaction defaults' => 'SET default_transaction_read_only = on; SET default_transaction_isolation = serializable',
    'synchronous_commit' => 'SET synchronous_commit = remote_apply',
    'row_security' => 'SET row_security = off; SET lock_timeout = 1',
    'session_replication_role' => 'SET session_replication_role = replica',
    'an advisory lock' => 'SELECT pg_advisory_lock(42), pg_advisory_lock_shared(43), pg_advisory_lock(42)',
    'a temporary table' => 'CREATE TEMPORARY TABLE here (b text)',
    'a temporary function' => q{CREATE FUNCTION pg_temp.now() RETURNS integer LANGUAGE sql AS 'SELECT 1'},
    'a prepared statement' => 'PREPARE again AS SELECT 1',
    'a cursor that holds' => 'DECLARE held CURSOR WITH HOLD FOR SELECT 1',
    'a sequence' => q{SELECT nextval('numbers')},
);
for my $what (sort keys %left) {
    for my $how ('completes', 'raises') {
        my $run = $left{$what} =~ s/'/''/gr;
        my $raise = $how eq 'raises' ? q{, 'raise', true} : '';
        my $id = sql($node, qq{SELECT ayb_jobs.enqueue('mess',
            jsonb_build_object('run', jsonb_build_array('$run')$raise))});
        my $state = $how eq 'raises' ? 'failed' : 'completed';
        ok(eventually($node, "SELECT state = '$state' FROM ayb_jobs.jobs WHERE id = '$id'"), "$what: the job $how")
            or diag(sql($node, "SELECT last_error FROM ayb_jobs.jobs WHERE id = '$id'"));
        is(look(), $clean, "$what: the next job does not find it");
    }
}

# LISTEN is refused by PostgreSQL, and nothing of it stays.
my $listen = mess('LISTEN channel');
like(ended($listen), qr/^failed .*0A000/, 'LISTEN fails its job');
is(look(), $clean, 'and the next one hears of nothing');

# A command leaves as little.
sql($node, q{SELECT ayb_jobs.register_handler('command', 'SET work_mem = ''64kB''', kind => 'command'),
    ayb_jobs.register_handler('cursor', 'DECLARE held CURSOR WITH HOLD FOR SELECT 1', kind => 'command')});
for my $type ('command', 'cursor') {
    like(ended(sql($node, "SELECT ayb_jobs.enqueue('$type')")), qr/^completed/, "$type: the command completes");
    is(look(), $clean, "$type: the next job does not find what it left");
}
is(sql($node, q{SELECT count(DISTINCT result->'pid') FROM ayb_jobs.jobs WHERE type = 'look'}), '1',
    'all this was one session');

# What a transaction puts off to its commit fails the job there, and is charged.
sql($node, q{
CREATE TABLE parents (id integer PRIMARY KEY);
CREATE TABLE children (parent integer REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'not at the commit, % says', current_user; END$$;
CREATE TABLE judged (a integer);
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON judged DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE ROLE runner LOGIN;
GRANT USAGE ON SCHEMA public TO runner;
GRANT INSERT ON judged TO runner});
my $orphan = mess('INSERT INTO here VALUES (1); INSERT INTO children VALUES (1)');
like(ended($orphan), qr/^failed .*violates foreign key constraint.*SQLSTATE 23503/s, 'a deferred constraint fails the job');
is(state_of($node, $orphan), 'failed/1', 'and is charged');
is(sql($node, "SELECT string_agg(status || ' ' || sqlstate, ', ') FROM ayb_jobs.attempts('$orphan')"), 'failed 23503',
    'once');
is(sql($node, 'SELECT count(*) FROM here'), '0', 'nothing of it stays');
my $judged = mess('INSERT INTO judged VALUES (1)');
like(ended($judged), qr/not at the commit, postgres says \(SQLSTATE P0001\)/, 'so does a deferred trigger');
my $as_runner = mess('INSERT INTO judged VALUES (1)', 'runner');
like(ended($as_runner), qr/not at the commit, runner says/, "which runs as the job's role");
my $family = mess('INSERT INTO children VALUES (1); INSERT INTO parents VALUES (1)');
like(ended($family), qr/^completed/, 'one that is satisfied by the commit completes');

# How the workers commit: by the engine's setting, not the server's or the role's; from the next job on when it changes.
sql($node, 'ALTER ROLE postgres SET synchronous_commit = remote_write');
is(commit_level(), 'off', 'by default they commit asynchronously');
set_configuration($node, 'ayb_jobs.synchronous_commit' => 'local');
is(commit_level(), 'local', 'a reload changes that for the next job');
set_configuration($node, 'ayb_jobs.synchronous_commit' => 'off');
is(commit_level(), 'off', 'and back');

$node->stop;
done_testing();

# What a job finds in its session.
sub look {
    my $id = sql($node, q{SELECT ayb_jobs.enqueue('look')});
    ended($id);
    return sql($node, "SELECT coalesce(result::text, last_error) FROM ayb_jobs.jobs WHERE id = '$id'");
}

sub mess {
    my ($run, $role) = @_;
    my $as = $role ? "'$role'" : 'NULL';
    return sql($node, qq{SELECT ayb_jobs.enqueue('mess', jsonb_build_object('run', jsonb_build_array('$run')), run_as => $as)});
}

# The state in which it ended, and its error.
sub ended {
    my ($id) = @_;
    eventually($node, "SELECT state IN ('completed', 'failed') FROM ayb_jobs.jobs WHERE id = '$id'");
    return sql($node, "SELECT state || ' ' || coalesce(last_error, '') FROM ayb_jobs.jobs WHERE id = '$id'");
}

sub commit_level {
    my $id = sql($node, q{SELECT ayb_jobs.enqueue('look')});
    ended($id);
    return sql($node, "SELECT result->'settings'->>'synchronous_commit' FROM ayb_jobs.jobs WHERE id = '$id'");
}
