# What the TAP tests share: a server that has the extension, handlers, and ways to wait for it.
package AybJobs;
use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(time usleep);

our @EXPORT = qw(start_server sql eventually set_configuration state_of jobs_of own_log);

# Effects can be counted: work() leaves a row for each attempt that committed. nap() sleeps until it is
# interrupted; stubborn() traps every cancel and begins again, and only the end of its process stops it. Both take
# {"seconds": n}, and both leave a row if they come to their end.
my $handlers = q{
CREATE TABLE effects (job uuid, type text, attempt integer, at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION note_effect() RETURNS void LANGUAGE sql AS
    'INSERT INTO effects SELECT id, type, attempts FROM ayb_jobs.current_job()';
CREATE FUNCTION work(payload jsonb) RETURNS void LANGUAGE sql AS 'SELECT note_effect()';
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
SELECT ayb_jobs.register_handler('work', 'work(jsonb)');
SELECT ayb_jobs.register_handler('nap', 'nap(jsonb)');
SELECT ayb_jobs.register_handler('stubborn', 'stubborn(jsonb)');
};

# start_server(NAME, CONFIGURATION): with the extension and the handlers in database postgres. Crashes don't stop it.
sub start_server {
    my ($name, $configuration) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name);
    $node->init;
    $node->append_conf('postgresql.conf', qq{
shared_preload_libraries = 'ayb_jobs'
max_worker_processes = 16
restart_after_crash = on
log_statement = none
log_line_prefix = '%m [%p] %b: '
log_min_messages = log
autovacuum = off
} . ($configuration // ''));
    $node->start;
    $node->safe_psql('postgres', "CREATE EXTENSION ayb_jobs; $handlers");
    return $node;
}

# One statement in database postgres; its result, or the test ends.
sub sql {
    my ($node, $query) = @_;
    return $node->safe_psql('postgres', $query);
}

# eventually(NODE, QUERY, SECONDS): whether the query gives true before that. Where the server can't be reached it
# asks again: it may be on its way up after a crash.
sub eventually {
    my ($node, $query, $seconds) = @_;
    my $deadline = time + ($seconds // $PostgreSQL::Test::Utils::timeout_default);
    my ($code, $out, $error);
    do {
        ($code, $out, $error) = $node->psql('postgres', $query);
        return 1 if defined $code && $code == 0 && $out eq 't';
        usleep 20_000;
    } while (time < $deadline);
    Test::More::diag("never true: $query\nlast answer: $out $error");
    return 0;
}

# Sets parameters as an administrator does, and returns when a new session sees them.
sub set_configuration {
    my ($node, %settings) = @_;
    my $seen = join ' AND ', map { "setting = '$settings{$_}' OR name <> '$_'" } keys %settings;
    my $names = join ', ', map { "'$_'" } keys %settings;
    my @set = map { "ALTER SYSTEM SET $_ = '$settings{$_}'" } keys %settings;
    $node->safe_psql('postgres', "$_;") for @set, 'SELECT pg_reload_conf()';
    eventually($node, "SELECT bool_and($seen) FROM pg_settings WHERE name IN ($names)")
        or die "the server did not take over its configuration\n";
}

# "state/attempts" of a job.
sub state_of {
    my ($node, $id) = @_;
    return sql($node, "SELECT state || '/' || attempts FROM ayb_jobs.jobs WHERE id = '$id'");
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
