# A database whose tables replication fills from another one runs none of their jobs: the stamp that comes along says whose
# they are, until adopt().
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
$node->safe_psql('postgres', "CREATE DATABASE origin; CREATE DATABASE copy; CREATE DATABASE late");
serve($node, $_) for qw(origin copy late);
$node->safe_psql('origin', 'CREATE PUBLICATION everything FOR ALL TABLES');
$node->safe_psql('origin', q{SELECT pg_create_logical_replication_slot('everything', 'pgoutput')});
my $origin = $node->connstr . ' dbname=origin';
sub subscribe {
    my ($database, $slot) = @_;
    $node->safe_psql($database, "TRUNCATE ayb_jobs.handlers");
    $node->safe_psql($database, qq{CREATE SUBSCRIPTION $slot CONNECTION '$origin' PUBLICATION everything
        WITH (create_slot = false, slot_name = '$slot')});
}
sub unsubscribe {
    my ($database, $slot) = @_;
    $node->safe_psql($database, "ALTER SUBSCRIPTION $slot DISABLE");
    $node->safe_psql($database, "ALTER SUBSCRIPTION $slot SET (slot_name = NONE); DROP SUBSCRIPTION $slot");
}
subscribe('copy', 'everything');
holds($node, 'copy', q{SELECT count(*) = 2 FROM ayb_jobs.database_stamp}, 'the stamp of the origin comes along');
my $all_there = 'NOT EXISTS ' . q{(SELECT FROM pg_subscription_rel WHERE srsubstate <> 'r')};
holds($node, 'copy', $all_there, 'so do all the tables');
# Not before: what is brought takes the stamps away, in whatever order the tables come.
my $early = $node->safe_psql('origin', q{SELECT ayb_jobs.enqueue('work', '{"what": "early"}', clock_timestamp() + '1 hour')});
holds($node, 'copy', "EXISTS (SELECT FROM ayb_jobs.job_queue WHERE id = '$early')", 'and so does a job');
# Into another one it comes with the tables themselves.
$node->safe_psql('origin', q{SELECT pg_create_logical_replication_slot('late', 'pgoutput')});
subscribe('late', 'late');
holds($node, 'late', $all_there, 'into another database it comes with its table');
holds($node, 'late', q{(SELECT status = 'error' FROM ayb_jobs.health() WHERE name = 'stamp')}, 'nothing runs there either');
unsubscribe('late', 'late');

# From here on the copy runs nothing, whatever comes.
my $id = $node->safe_psql('origin', q{SELECT ayb_jobs.enqueue('work', '{"what": "late"}')});
holds($node, 'origin', "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$id'", 'the origin runs its job');
is(($node->psql('origin', "SELECT ayb_jobs.$_()"))[0], 0, "$_() works under a publication of all tables") for 'adopt', 'pause', 'resume';
like(health($node, 'copy', 'stamp'), qr/^error\|nothing runs/, 'health() of the copy says that nothing runs there');
my $alone = $node->safe_psql('copy', q{INSERT INTO ayb_jobs.job_queue (type, payload) VALUES ('work', '{"what": "copied"}') RETURNING id});
$node->safe_psql('origin', q{UPDATE ayb_jobs.job_queue SET run_at = now()});
holds($node, 'origin', "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$early'", 'a job that was copied runs in the origin');
is($node->safe_psql('copy', q{SELECT count(*) FROM effects WHERE what = 'copied'}), '0', 'and nothing of its own in the copy');

unsubscribe('copy', 'everything');
$node->safe_psql('copy', 'SELECT ayb_jobs.adopt()');
holds($node, 'copy', "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$alone'", 'adopt() lets it run');
$node->stop;
done_testing();
