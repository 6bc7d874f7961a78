# Workers that their jobs end, and servers that crash below them: charged, failed in the end, and nobody else hurt.
# What one crash does is in 010_crash.pl.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my $node = start_server('lost_workers', q{ayb_jobs.lease_duration = 1h});
sql($node, q{
CREATE EXTENSION ayb_jobs_test;
CREATE FUNCTION quit(payload jsonb) RETURNS boolean LANGUAGE sql AS $$
    SELECT note_effect();
    SELECT pg_terminate_backend(pg_backend_pid()) $$;
SELECT ayb_jobs.register_handler('quit', 'quit(jsonb)', max_attempts => 3, backoff => '{0.01s}');
SELECT ayb_jobs.register_handler('leave slowly', 'ayb_jobs_test_leave_slowly(jsonb)', max_attempts => 2, backoff => '{0.01s}');
SELECT ayb_jobs.register_handler('crash', 'ayb_jobs_test_crash(jsonb)', max_attempts => 2, backoff => '{0.01s}');
SELECT ayb_jobs.register_handler('exit', 'ayb_jobs_test_exit(jsonb)', max_attempts => 2, backoff => '{0.01s}')});

# A job that ends its own session is no crash: the others do not notice.
my $gate = shut_gate($node);
my $beside = sql($node, q{SELECT ayb_jobs.enqueue('gated')});
holds($node, 'postgres', at_gate() . ' = 1', 'a job is running');
my $quit = sql($node, q{SELECT ayb_jobs.enqueue('quit')});
sql($node, q{SELECT count(*) FROM ayb_jobs.enqueue_many('work',
    (SELECT array_agg('{}'::jsonb) FROM generate_series(1, 200)))});
fails($quit, 3, 'a job that ends its session');
ok(eventually($node, q{SELECT count(*) = 200 FROM ayb_jobs.jobs WHERE type = 'work' AND state = 'completed'}),
    'the jobs behind it run');
open_gate($gate);
ok(eventually($node, "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$beside'"), 'and so does the one beside it');
is(state_of($node, $beside), 'completed/1', 'in its first attempt');
is(sql($node, q{SELECT count(*) FROM effects WHERE type = 'quit'}), '0', 'nothing is left of what it did');
my $offset = -s $node->logfile;
fails(sql($node, q{CREATE ROLE other LOGIN; SELECT ayb_jobs.enqueue('leave slowly', run_as => 'other')}), 2,
    'a job that ends its session, which takes its time');
is(count_in_log($node, qr/was terminated by signal/, $offset), 0, 'that is no crash either');

# These end the whole server's life, each in a way of its own.
fails(fatal('crash'), 2, 'a job that crashes by SIGSEGV');
fails(fatal('crash', '{"signal": "abort"}'), 2, 'a job that crashes by SIGABRT');
fails(fatal('exit'), 2, 'a job that leaves its process without a word');

# They do not outlive their last attempt: the server is left in peace, and works.
my $calm = sql($node, q{SELECT ayb_jobs.enqueue('work')});
ok(eventually($node, "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$calm'"), 'jobs run after all that');
like(sql($node, q{SELECT detail FROM ayb_jobs.health() WHERE name = 'leases_lost'}), qr/attempts lost/,
    'health() has a row on lost attempts');

# A crash takes running jobs along. They are back at once, not when their leases end in an hour.
my $long = sql($node, q{SELECT ayb_jobs.enqueue('nap', '{"seconds": 3600}', max_attempts => 2)});
holds($node, 'postgres', at_it($long), 'a long job runs');
my $pid = sql($node, "SELECT pid FROM ayb_jobs.workers() WHERE job_id = '$long'");
is(kill('KILL', $pid), 1, 'its worker is killed');
at_once($node, 'postgres', "(SELECT attempts = 2 FROM ayb_jobs.jobs WHERE id = '$long') AND " . at_it($long), 'it runs again at once');
$node->stop('immediate');
$node->start;
at_once($node, 'postgres', "(SELECT state = 'failed' FROM ayb_jobs.jobs WHERE id = '$long')",
    'and has failed when that attempt is lost too, long before the end of its lease');
is(sql($node, "SELECT string_agg(attempt || ' ' || status, ', ' ORDER BY attempt) FROM ayb_jobs.attempts('$long')"),
    '1 lost, 2 lost', 'both are in its history');
like(sql($node, "SELECT last_error FROM ayb_jobs.jobs WHERE id = '$long'"), qr/server crashed or was stopped/,
    'with the reason');

$node->stop;
done_testing();

# Enqueues what will fell the server. The session that lets it run may be ended by it.
sub fatal {
    my ($type, $payload) = @_;
    $payload //= '{}';
    sql($node, "SELECT ayb_jobs.pause('$type')");
    my $id = sql($node, "SELECT ayb_jobs.enqueue('$type', '$payload')");
    $node->psql('postgres', "SELECT ayb_jobs.resume('$type')");
    return $id;
}

# The job ends failed after all its attempts, each of them lost.
sub fails {
    my ($id, $attempts, $what) = @_;
    ok(eventually($node, "SELECT state = 'failed' FROM ayb_jobs.jobs WHERE id = '$id'"), "$what fails");
    is(state_of($node, $id), "failed/$attempts", '- after all its attempts');
    is(sql($node, "SELECT count(*) FROM ayb_jobs.attempts('$id') WHERE status = 'lost'"), $attempts,
        '- each of them charged');
}
