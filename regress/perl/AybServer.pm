# A server with the extension preloaded, and what tests of whole databases ask of it.
package AybServer;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;

our @EXPORT = qw(new_server serve holds finishes log_holds count_in_log reload turn_clock health
    backends_of start_sleeper);

# Jobs get a second to stop, so that the tests do not take long; PostgreSQL itself gives up on a database in use
# after five.
our $shutdown_timeout = 1;
# Far above what a loaded machine needs, and far below the job of an hour that would be waited for.
our $patience = 15;

sub new_server {
    my ($name, $settings, %init) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name);
    $node->init(%init);
    $node->append_conf('postgresql.conf', qq{
shared_preload_libraries = 'ayb_jobs'
max_worker_processes = 32
ayb_jobs.shutdown_timeout = '${shutdown_timeout}s'
ayb_jobs.scheduler_tick = '1s'
timezone = 'UTC'
} . ($settings // ''));
    $node->start;
    return $node;
}

# Makes the extension in a database, with handlers that leave a trace.
sub serve {
    my ($node, $database) = @_;
    $node->safe_psql($database, q{
CREATE EXTENSION ayb_jobs;
CREATE TABLE effects (what text);
GRANT ALL ON effects TO PUBLIC;
CREATE FUNCTION work(payload jsonb) RETURNS jsonb LANGUAGE sql AS
    $$INSERT INTO effects SELECT payload ->> 'what' RETURNING jsonb_build_object('did', what)$$;
CREATE FUNCTION break(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$BEGIN RAISE 'broken'; END$$;
CREATE FUNCTION sleep() RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(3600)';
SELECT ayb_jobs.register_handler('work', 'work(jsonb)');
SELECT ayb_jobs.register_handler('break', 'break(jsonb)', max_attempts => 2, backoff => '{0s}');
SELECT ayb_jobs.register_handler('sleep', 'sleep()');
});
}

# Whether the query becomes true while a test may wait for it.
sub holds {
    my ($node, $database, $query, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok($node->poll_query_until($database, "SELECT coalesce(($query), false)"), $name);
}

# Runs the statement, which must succeed without waiting for longer than the jobs' time to stop.
sub finishes {
    my ($node, $database, $sql, $name, @psql) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $start = Time::HiRes::time();
    my ($code, $out, $error) = $node->psql($database, $sql, @psql);
    my $took = Time::HiRes::time() - $start;
    is($code, 0, "$name: succeeds") or diag $error;
    cmp_ok($took, '<', $shutdown_timeout + $patience, "$name: without hanging");
    note sprintf '%s: %.2f s', $name, $took;
    return $took;
}

sub log_holds {
    my ($node, $pattern, $offset, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok($node->wait_for_log($pattern, $offset), $name);
}

sub count_in_log {
    my ($node, $pattern, $offset) = @_;
    return scalar(() = slurp_file($node->logfile, $offset) =~ /$pattern/g);
}

sub reload {
    my ($node, %settings) = @_;
    $node->safe_psql('postgres', "ALTER SYSTEM SET $_ = '$settings{$_}'") for sort keys %settings;
    $node->reload;
}

# Moves the engine's clock, by seconds from the real time.
sub turn_clock {
    my ($node, $seconds) = @_;
    reload($node, 'ayb_jobs.test_clock_offset' => $seconds);
}

sub health {
    my ($node, $database, $check) = @_;
    return $node->safe_psql($database,
        qq{SELECT status, detail, hint FROM ayb_jobs.health() WHERE "check" = '$check'});
}

# The engine's processes that are connected to a database, as a condition's left side.
sub backends_of {
    my ($database) = @_;
    return "SELECT count(*) FROM pg_stat_activity WHERE datname = '$database' AND backend_type LIKE 'ayb_jobs%'";
}

# Enqueues jobs: one that would run for an hour, which is waited for to be running, and behind it others of the lane.
sub start_sleeper {
    my ($node, $database) = @_;
    my $id = $node->safe_psql($database, "SELECT ayb_jobs.enqueue('sleep')");
    $node->poll_query_until($database, "SELECT is_running FROM ayb_jobs.jobs WHERE id = '$id'")
        or BAIL_OUT('the job does not start');
    $node->safe_psql($database, "SELECT ayb_jobs.enqueue('work', '{\"what\": \"later\"}', clock_timestamp() + '1h')");
    return $id;
}

1;
