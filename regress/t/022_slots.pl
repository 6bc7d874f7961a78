# With all background worker slots taken: one log line with a hint, a row in health(), nobody blocked, and recovery by
# itself when a slot is free.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;

# One for the launcher, two for schedulers, one for a worker: the second database has none for its jobs.
my $node = new_server('slots', q{
max_worker_processes = 4
max_logical_replication_workers = 0
max_parallel_workers = 0
ayb_jobs.worker_idle_timeout = '100ms'
ayb_jobs.poll_interval = '100ms'
});
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('postgres', 'CREATE DATABASE third');
serve($node, $_) for 'postgres', 'other';
my $log_line = qr/LOG:  could not start an ayb_jobs worker: all background worker slots are taken/;

my $id = start_sleeper($node, 'postgres');
my $offset = -s $node->logfile;
$node->safe_psql('other', q{SELECT ayb_jobs.enqueue('work', '{"what": "waited"}')});
log_holds($node, $log_line, $offset, 'the log says that no slot is free');
like(slurp_file($node->logfile, $offset), qr/HINT:  Raise max_worker_processes \(it is 4\)/, 'and what to raise');
my ($status, undef, $hint) = split /\|/, health($node, 'other', 'worker_slots');
is($status, 'error', 'health() says it');
like($hint, qr/Raise max_worker_processes/, 'and what to raise');
like(health($node, 'postgres', 'worker_slots'), qr/^ok/, 'of that database alone: the other has all that it needs');

# Tried again each 100 ms, but said once. The try is what moves the lane's instant of the next one.
for (1 .. 5) {
    my $due = $node->safe_psql('other', 'SELECT clock_timestamp()');
    $node->poll_query_until('other', "SELECT clock_timestamp() > '$due'::timestamptz + interval '0.15s'");
}
is(count_in_log($node, $log_line, $offset), 1, 'the log says it once, however often it is tried');
is($node->safe_psql('other', 'SELECT state, attempts FROM ayb_jobs.jobs'), 'queued|0', 'the job waits, uncharged');

# A third database: its scheduler finds no slot, and the launcher says so once too.
$node->safe_psql('third', 'CREATE EXTENSION ayb_jobs');
log_holds($node, qr/could not start an ayb_jobs scheduler: all background worker slots are taken/, $offset,
    'the log says it of a database whose scheduler found no slot');
like(health($node, 'third', 'worker_slots'), qr/^error\|.*Raise max_worker_processes/, 'health() there too');

# A slot comes free: first the third database's scheduler goes, then the worker.
finishes($node, 'postgres', 'DROP DATABASE third', 'DROP DATABASE');
$node->safe_psql('postgres', "SELECT ayb_jobs.cancel('$id', force => true)");
holds($node, 'other', 'SELECT count(*) = 1 FROM effects', 'the job runs once a slot is free');
holds($node, 'other', q{SELECT status = 'ok' FROM ayb_jobs.health() WHERE name = 'worker_slots'}, 'health() is well again');

# It can happen again, and is said again.
holds($node, 'postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'ayb_jobs worker'}, 'the workers left');
$offset = -s $node->logfile;
$id = start_sleeper($node, 'postgres');
my $given_up = $node->safe_psql('other', q{SELECT ayb_jobs.enqueue('work', '{"what": "canceled"}')});
log_holds($node, $log_line, $offset, 'a second time is said again');

# The job that found no slot is gone: there is nothing to complain about, whether or not a slot came free.
$node->safe_psql('other', "SELECT ayb_jobs.cancel('$given_up')");
holds($node, 'other', q{SELECT status = 'ok' FROM ayb_jobs.health() WHERE name = 'worker_slots'},
    'health() is well when nobody waits for a slot any more');
$node->stop('fast');
done_testing();
