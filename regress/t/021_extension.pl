# DROP EXTENSION doesn't wait for jobs longer than they may take to stop; aborted, it brings the workers back; one
# created again works at once.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;

my $node = new_server('extension');
$node->safe_psql('postgres', 'CREATE ROLE runner LOGIN');
serve($node, 'postgres');

# Aborted: the workers leave before the statement, and come back after it. So they do after an error within it.
my $id = start_sleeper($node, 'postgres');
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe('BEGIN; DROP EXTENSION ayb_jobs CASCADE;');
is(sql($node, 'SELECT ' . backends_of('postgres')), '0', 'inside the transaction that drops it no process is left');
$session->query_safe('ROLLBACK;');
holds($node, 'postgres', "SELECT is_running FROM ayb_jobs.jobs WHERE id = '$id'",
    'an aborted DROP EXTENSION brings the workers back');
is($node->safe_psql('postgres', "SELECT attempts FROM ayb_jobs.jobs WHERE id = '$id'"), '1',
    'the interrupted job is not charged');
is($node->safe_psql('postgres', "SELECT count(*) FROM ayb_jobs.attempts('$id') WHERE status <> 'running'"), '0',
    'nor has it an attempt that failed');

# A savepoint keeps the database clear until the transaction ends.
$session->query_safe('BEGIN; SAVEPOINT s; DROP EXTENSION ayb_jobs CASCADE; ROLLBACK TO s;');
$session->query_safe('COMMIT;');
holds($node, 'postgres', "SELECT is_running FROM ayb_jobs.jobs WHERE id = '$id'", 'so does one that rolled back to a savepoint');

# The session that waits can be cancelled, or can die; nothing stays held.
set_configuration($node, 'ayb_jobs.shutdown_timeout' => '1h');
my ($code, undef, $error) = $node->psql('postgres', "SET statement_timeout = '500ms'; DROP EXTENSION ayb_jobs CASCADE");
isnt($code, 0, 'the wait can be cancelled');
like($error, qr/statement timeout/, 'by a timeout');
set_configuration($node, 'ayb_jobs.shutdown_timeout' => '1s');
$node->safe_psql('postgres', "SELECT ayb_jobs.cancel('$id', force => true)");
my $next = start_sleeper($node, 'postgres');
pass('the database is served after it');

# Committed, with a job that runs and others that wait, of two roles.
$node->safe_psql('postgres', q{SELECT ayb_jobs.enqueue('nap', '{"seconds": 3600}', run_as => 'runner')});
holds($node, 'postgres', 'SELECT count(*) >= 2 FROM ayb_jobs.workers() WHERE job_id IS NOT NULL', 'two lanes are busy');
finishes($node, 'postgres', 'DROP EXTENSION ayb_jobs CASCADE', 'DROP EXTENSION');
holds($node, 'postgres', "NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type IN ('ayb_jobs scheduler', 'ayb_jobs worker'))",
    'nobody stays');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_namespace WHERE nspname = 'ayb_jobs'}), '0',
    'nothing of it is left');

# Again, and again in one transaction: it works at once, that is long before the launcher's round of a minute.
for my $how ('CREATE EXTENSION ayb_jobs', 'BEGIN; DROP EXTENSION ayb_jobs CASCADE; CREATE EXTENSION ayb_jobs; COMMIT') {
    my $took = finishes($node, 'postgres', $how, $how);
    $node->safe_psql('postgres', q{
TRUNCATE effects;
SELECT ayb_jobs.register_handler('work', 'work(jsonb)');
SELECT ayb_jobs.enqueue('work', '{"what": "again"}');
});
    holds($node, 'postgres', 'SELECT count(*) = 1 FROM effects', "after $how a job runs");
    my $waited = $node->safe_psql('postgres', 'SELECT extract(epoch FROM completed_at - created_at) FROM ayb_jobs.jobs');
    cmp_ok($waited, '<', 10, 'at once');
    note "$waited s";
}

# Owned by an ordinary role of the database: a member of no other role may not drop it, its owner may.
$session->quit;
$node->stop('fast');
done_testing();
