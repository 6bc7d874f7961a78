# A handler that fells the server is charged each time and ends failed; the others go on.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('crash');
$node->init;
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'ayb_jobs'
max_worker_processes = 16
restart_after_crash = on
log_min_messages = warning
});
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION ayb_jobs;
CREATE EXTENSION ayb_jobs_test;
CREATE TABLE effects (job uuid);
CREATE FUNCTION work() RETURNS void LANGUAGE sql AS
    'INSERT INTO effects SELECT id FROM ayb_jobs.current_job()';
CREATE FUNCTION quit() RETURNS boolean LANGUAGE sql AS 'SELECT pg_terminate_backend(pg_backend_pid())';
SELECT ayb_jobs.register_handler('work', 'work()');
SELECT ayb_jobs.register_handler('quit', 'quit()', max_attempts => 2, backoff => '{0.05s}');
SELECT ayb_jobs.register_handler('crash', 'ayb_jobs_test_crash(jsonb)', max_attempts => 2, backoff => '{0.05s}');
});

my $quit = $node->safe_psql('postgres', q{SELECT ayb_jobs.enqueue('quit')});
ok($node->poll_query_until('postgres', "SELECT state = 'failed' FROM ayb_jobs.jobs WHERE id = '$quit'"),
    'a job that ends its own session fails');
is($node->safe_psql('postgres', "SELECT string_agg(status, ',') FROM ayb_jobs.attempts('$quit')"),
    'lost,lost', 'and was charged each time');

# The session that lets it run may be ended by it.
$node->safe_psql('postgres', q{SELECT ayb_jobs.pause('crash')});
my $crash = $node->safe_psql('postgres', q{SELECT ayb_jobs.enqueue('crash')});
$node->psql('postgres', q{SELECT ayb_jobs.resume('crash')});
ok(poll_through_crash("SELECT state = 'failed' FROM ayb_jobs.jobs WHERE id = '$crash'"),
    'a job that crashes the server fails');
is($node->safe_psql('postgres', "SELECT attempts FROM ayb_jobs.jobs WHERE id = '$crash'"),
    '2', 'and was charged each time');

$node->safe_psql('postgres', q{SELECT count(*) FROM ayb_jobs.enqueue_many('work',
    (SELECT array_agg('{}'::jsonb) FROM generate_series(1, 500)))});
$node->stop('immediate');
$node->start;
ok($node->poll_query_until('postgres', q{SELECT count(*) = 500 FROM ayb_jobs.jobs
    WHERE type = 'work' AND state = 'completed'}), 'the others go on after an immediate stop');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT job) FROM effects'),
    '500|500', 'each of them exactly once');
my $notes = $node->data_dir . '/ayb_jobs.running';
ok(-e $notes, 'the running jobs are noted in a file');
$node->stop;
ok(!-e $notes, 'which is gone when the server was stopped with none running');
done_testing();

# Connections fail while the server is on its way up again.
sub poll_through_crash {
    my ($query) = @_;
    for (1 .. 600) {
        my ($code, $out) = $node->psql('postgres', $query);
        return 1 if defined $code && $code == 0 && $out eq 't';
        usleep 50_000;
    }
    return 0;
}
