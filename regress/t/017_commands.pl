# Commands: statements at top level, each in transactions of its own; at least once, and charged for every attempt.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

# What was committed is to outlive a kill -9, so that it can be counted: by default that may take back the last instants.
my $node = start_server('commands', q{
ayb_jobs.lease_duration = 1h
ayb_jobs.synchronous_commit = local
});
sql($node, q{
CREATE TABLE readings (value integer);
INSERT INTO readings SELECT generate_series(1, 1000);
DELETE FROM readings WHERE value <= 500;
CREATE TABLE steps (job uuid, attempt integer, step text);
CREATE PROCEDURE walk(last text) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO steps SELECT id, attempts, 'first' FROM ayb_jobs.current_job();
    COMMIT;
    INSERT INTO steps SELECT id, attempts, 'second' FROM ayb_jobs.current_job();
    CASE last
        WHEN 'raise' THEN RAISE 'stumbled';
        WHEN 'sleep' THEN PERFORM pg_sleep(600);
        WHEN 'undo' THEN ROLLBACK;
        ELSE NULL;
    END CASE;
END $$});
my @commands = (
    ['vacuum', 'VACUUM (ANALYZE) readings'], ['index', 'CREATE INDEX CONCURRENTLY readings_value ON readings (value)'],
    ['database', 'CREATE DATABASE made_by_a_job'], ['delete', 'DELETE FROM readings WHERE value <= 600'],
    ['read only', 'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, ISOLATION LEVEL SERIALIZABLE'],
    ['walk', q{CALL walk('on')}], ['undo', q{CALL walk('undo')}], ['raise', q{CALL walk('raise')}], ['sleep', q{CALL walk('sleep')}],
    ['broken', 'SELECT 1 / 0'], ['gone', 'TABLE no_such_table'], ['no vacuum', 'VACUUM no_such_table'],
);
register(@$_) for @commands;

# What a transaction block would refuse, and what it would not.
my $before = sql($node, q{SELECT coalesce(vacuum_count, 0) FROM pg_stat_user_tables WHERE relname = 'readings'});
is(result('vacuum'), '"VACUUM"', 'VACUUM runs');
ok(eventually($node, "SELECT vacuum_count = $before + 1 FROM pg_stat_user_tables WHERE relname = 'readings'"), 'in earnest');
is(result('index'), '"CREATE INDEX"', 'CREATE INDEX CONCURRENTLY runs');
is(sql($node, q{SELECT indisvalid FROM pg_index WHERE indexrelid = 'readings_value'::regclass}), 't', 'in earnest');
is(result('database'), '"CREATE DATABASE"', 'CREATE DATABASE runs');
is(result('delete'), '"DELETE 100"', 'the result is the command tag, with its count');
is(sql($node, 'SELECT count(*) FROM readings'), '400', 'a plain statement is committed');
is(result('read only'), '"SET"', 'a session made read-only can complete its job');
is(result('delete'), '"DELETE 0"', 'and runs the next one');

# Procedures.
is(result('walk'), '"CALL"', 'a procedure that commits runs');
is(steps('walk'), '1 first, 1 second', 'all of it is committed');
is(result('undo'), '"CALL"', 'so does one that rolls back');
is(steps('undo'), '1 first', 'with what it committed before');

# Failing: charged each time, the error kept, what was committed before stays.
fails('broken', 'failed/2', 'ERROR: division by zero (SQLSTATE 22012)');
fails('gone', 'failed/2', 'ERROR: relation "no_such_table" does not exist (SQLSTATE 42P01)');
fails('no vacuum', 'failed/2', 'ERROR: relation "no_such_table" does not exist (SQLSTATE 42P01)');
fails('raise', 'failed/2', 'ERROR: stumbled (SQLSTATE P0001)');
is(steps('raise'), '1 first, 2 first', 'a procedure that raises is run again, and undoes only its last transaction');

# A timeout counts over all transactions of a command.
register('sleep', q{CALL walk('sleep')}, '0.3s');
fails('sleep', 'failed/2', 'ERROR: the job ran longer than its timeout of 300 ms (SQLSTATE 57014)');
is(steps('sleep'), '1 first, 2 first', 'what it committed before its timeout stays');
is(result('walk'), '"CALL"', 'the next command is not hit');

# Its worker is killed in the midst of it: what was committed stays, it is run again, and charged.
sql($node, 'TRUNCATE steps');
register('sleep', q{CALL walk('sleep')});
my $id = sql($node, q{SELECT ayb_jobs.enqueue('sleep')});
for my $attempt (1, 2) {
    ok(eventually($node, "SELECT count(*) = 1 FROM steps WHERE job = '$id' AND attempt = $attempt"),
        "attempt $attempt commits a part");
    my $pid = sql($node, "SELECT pid FROM ayb_jobs.workers() WHERE job_id = '$id'");
    my $offset = -s $node->logfile;
    is(kill('KILL', $pid), 1, 'its worker is killed');
    $node->wait_for_log(qr/all server processes terminated; reinitializing/, $offset);
}
ok(eventually($node, "SELECT state = 'failed' FROM ayb_jobs.jobs WHERE id = '$id'"), 'it fails in the end');
is(state_of($node, $id), 'failed/2', 'with each attempt charged');
is(sql($node, "SELECT string_agg(status, ',') FROM ayb_jobs.attempts('$id')"), 'lost,lost', 'as lost');
is(steps('sleep'), '1 first, 2 first', 'what each had committed is there: at least once');
is(result('walk'), '"CALL"', 'commands go on');

# Killed between the command and its completion, as far as anybody can tell: the command is done, and done again.
sql($node, q{
TRUNCATE steps;
CREATE PROCEDURE last_words() LANGUAGE plpgsql AS $$
DECLARE
    attempt integer := (SELECT attempts FROM ayb_jobs.current_job());
BEGIN
    INSERT INTO steps SELECT id, attempts, 'all' FROM ayb_jobs.current_job();
    COMMIT;
    IF attempt = 1 THEN
        PERFORM pg_terminate_backend(pg_backend_pid());
    END IF;
END $$});
register('last words', 'CALL last_words()');
is(result('last words'), '"CALL"', 'a command that ends its session after its work runs again');
is(steps('last words'), '1 all, 2 all', 'and does its work twice');

$node->stop;
done_testing();

sub register {
    my ($type, $command, $timeout) = @_;
    my $limit = $timeout ? "'$timeout'" : 'NULL';
    sql($node, qq{SELECT ayb_jobs.register_handler('$type', \$\$$command\$\$, kind => 'command', timeout => $limit,
        max_attempts => 2, backoff => '{0}')});
}

# Runs a command; its result, or the state in which it is.
sub result {
    my ($type) = @_;
    my $job = sql($node, "SELECT ayb_jobs.enqueue('$type')");
    eventually($node, "SELECT state IN ('completed', 'failed') FROM ayb_jobs.jobs WHERE id = '$job'");
    return sql($node, "SELECT CASE state WHEN 'completed' THEN result::text ELSE state || ' ' || last_error END
        FROM ayb_jobs.jobs WHERE id = '$job'");
}

sub fails {
    my ($type, $state, $error) = @_;
    is(result($type), "failed $error", "$type fails");
    is(sql($node, "SELECT state || '/' || attempts FROM ayb_jobs.jobs WHERE type = '$type' ORDER BY id DESC LIMIT 1"), $state,
        'after all its attempts');
}

# What jobs of a type left, by attempt.
sub steps {
    my ($type) = @_;
    return sql($node, qq{SELECT string_agg(s.attempt || ' ' || s.step, ', ' ORDER BY s.attempt, s.step)
        FROM steps AS s JOIN ayb_jobs.jobs AS j ON j.id = s.job WHERE j.type = '$type'});
}
