# A database whose tables replication fills from another one runs none of their jobs: the stamp that comes along says whose
# they are. resume() adopts it.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;

my $node = new_server('subscriber', q{
wal_level = logical
max_wal_senders = 10
max_replication_slots = 10
max_logical_replication_workers = 12
max_sync_workers_per_subscription = 8
wal_retrieve_retry_interval = 50ms
});
$node->safe_psql('postgres', "CREATE DATABASE origin; CREATE DATABASE copy");
serve($node, 'origin');
serve($node, 'copy');
$node->safe_psql('origin', 'CREATE PUBLICATION everything FOR ALL TABLES');
my $early = $node->safe_psql('origin', q{SELECT ayb_jobs.enqueue('work', '{"what": "early"}', clock_timestamp() + '1 hour')});
$node->safe_psql('origin', q{SELECT pg_create_logical_replication_slot('everything', 'pgoutput')});
my $origin = $node->connstr . ' dbname=origin';
$node->safe_psql('copy', "TRUNCATE ayb_jobs.handlers");
$node->safe_psql('copy', qq{CREATE SUBSCRIPTION everything CONNECTION '$origin' PUBLICATION everything
    WITH (create_slot = false, slot_name = 'everything')});
holds($node, 'copy', q{SELECT count(*) = 2 FROM ayb_jobs.database_stamp}, 'the stamp of the origin comes along');
holds($node, 'copy', 'NOT EXISTS ' . q{(SELECT FROM pg_subscription_rel WHERE srsubstate <> 'r')}, 'so do all the tables');

# From here on the copy runs nothing, whatever comes.
my $id = $node->safe_psql('origin', q{SELECT ayb_jobs.enqueue('work', '{"what": "late"}')});
holds($node, 'origin', "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$id'", 'the origin runs its job');
my $resume = 'SELECT count(*) FROM ayb_jobs.resume()';
is(($node->psql('origin', $resume))[0], 0, 'resume() works under a publication of all tables');
like(health($node, 'copy', 'stamp'), qr/^error\|nothing runs/, 'health() of the copy says that nothing runs there');
my $alone = $node->safe_psql('copy', q{INSERT INTO ayb_jobs.job_queue (type, payload) VALUES ('work', '{"what": "copied"}') RETURNING id});
$node->safe_psql('origin', q{UPDATE ayb_jobs.job_queue SET run_at = now()});
holds($node, 'origin', "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$early'", 'a job that was copied runs in the origin');
is($node->safe_psql('copy', q{SELECT count(*) FROM effects WHERE what = 'copied'}), '0', 'and nothing of its own in the copy');

$node->safe_psql('copy', 'ALTER SUBSCRIPTION everything DISABLE');
$node->safe_psql('copy', $resume);
holds($node, 'copy', "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$alone'", 'resume() adopts the copy');
$node->safe_psql('copy', 'ALTER SUBSCRIPTION everything SET (slot_name = NONE); DROP SUBSCRIPTION everything');
$node->stop;
done_testing();
