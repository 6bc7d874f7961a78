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
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'ayb\_jobs%'}), '0',
    'nothing of it is left');

# Again, and again in one transaction: it works at once, that is long before the launcher's round of a minute.
for my $how ('CREATE EXTENSION ayb_jobs', 'BEGIN; DROP EXTENSION ayb_jobs CASCADE; CREATE EXTENSION ayb_jobs; COMMIT') {
    finishes($node, 'postgres', $how, $how);
    $node->safe_psql('postgres', q{
TRUNCATE effects;
SELECT ayb_jobs.register_handler('work', 'work(jsonb)');
SELECT ayb_jobs.enqueue('work', '{"what": "again"}');
});
    at_once($node, 'postgres', 'SELECT count(*) = 1 FROM effects', "after $how a job runs at once");
}

$session->quit;

# What drops it without naming it: the schema that it was created in, and what a role owns. Both with jobs that run.
my ($refused, undef, $why) = $node->psql('postgres', 'DROP SCHEMA ayb_jobs CASCADE');
isnt($refused, 0, 'its own schema is not dropped without it');
like($why, qr/cannot drop schema ayb_jobs because extension ayb_jobs requires it/, 'says PostgreSQL');
sql($node, q{
DROP EXTENSION ayb_jobs CASCADE;
CREATE ROLE boss LOGIN SUPERUSER;
CREATE SCHEMA elsewhere;
CREATE SCHEMA home});
my %drops = ('DROP SCHEMA home CASCADE' => 'CREATE SCHEMA IF NOT EXISTS home; SET search_path = home, public;',
    'DROP OWNED BY boss CASCADE' => 'SET ROLE boss;');
for my $drop (sort keys %drops) {
    sql($node, "$drops{$drop} CREATE EXTENSION ayb_jobs");
    sql($node, q{
CREATE OR REPLACE FUNCTION work() RETURNS void LANGUAGE sql AS '';
SELECT ayb_jobs.register_handler('work', 'work()');
SELECT ayb_jobs.register_handler('nap', 'nap(jsonb)')});
    start_sleeper($node, 'postgres');
    finishes($node, 'postgres', $drop, $drop);
    # One that was started to look whether the extension is there may still be on its way out.
    holds($node, 'postgres', backends_of('postgres') . ' = 0', 'no process is left, not even the one with the long job');
    is(sql($node, q{SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'ayb\_jobs%'}), '0', 'nothing of it is left');
}

# A CREATE EXTENSION that is rolled back leaves nothing.
sql($node, 'BEGIN; CREATE EXTENSION ayb_jobs; ROLLBACK');
sql($node, 'DO $$ BEGIN CREATE EXTENSION ayb_jobs; RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN END $$');
is(sql($node, q{SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'ayb\_jobs%'}), '0', 'rolled back, it is not there');
sql($node, q{
CREATE EXTENSION ayb_jobs;
SELECT ayb_jobs.register_handler('work', 'work()');
SELECT ayb_jobs.enqueue('work')});
at_once($node, 'postgres', q{SELECT state = 'completed' FROM ayb_jobs.jobs}, 'created again it works at once');

# Its functions know their schema.
($refused, undef, $why) = $node->psql('postgres', 'ALTER EXTENSION ayb_jobs SET SCHEMA elsewhere');
isnt($refused, 0, 'SET SCHEMA is refused');
like($why, qr/extension "ayb_jobs" does not support SET SCHEMA/, 'says PostgreSQL');

# Without the library in shared_preload_libraries the functions work, and say once a session that nothing will run.
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
my (undef, $ids, $notices) = $node->psql('postgres', q{
SELECT ayb_jobs.enqueue('work');
SELECT ayb_jobs.enqueue('work')});
is(scalar(() = $ids =~ /-/g), 8, 'without the library preloaded jobs can be enqueued');
is(scalar(() = $notices =~ /NOTICE:  jobs will wait: ayb_jobs is not preloaded/g), 1, 'a NOTICE says once that they wait');
like($notices, qr/HINT:  Add ayb_jobs to shared_preload_libraries and restart the server\./, 'and what to do');
like(health($node, 'postgres', 'preloaded'), qr/^error\|.*shared_preload_libraries/, 'so does health()');
is(sql($node, q{SELECT queued || ' ' || completed FROM ayb_jobs.stats()}), '2 1', 'stats() counts the tables then');
is(sql($node, 'SELECT count(*) FROM ayb_jobs.workers()'), '0', 'there are no workers');
is(sql($node, q{SELECT count(*) FROM ayb_jobs.cancel_matching('work')}), '1', 'what changes jobs works');
sql($node, q{SELECT ayb_jobs.enqueue('work')});
my (undef, undef, $created) = $node->psql('postgres', 'DROP EXTENSION ayb_jobs; CREATE EXTENSION ayb_jobs');
is($created, '', 'and so do DROP and CREATE EXTENSION');
sql($node, q{SELECT ayb_jobs.register_handler('work', 'work()'); SELECT ayb_jobs.enqueue('work')});
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'ayb_jobs'");
$node->restart;
holds($node, 'postgres', q{SELECT state = 'completed' FROM ayb_jobs.jobs}, 'preloaded, the server runs what waited');

$node->stop('fast');
done_testing();
