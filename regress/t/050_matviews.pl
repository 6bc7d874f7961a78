# Refreshes that die, and what a skip_unchanged registration knows after crashes, restarts, prepared transactions,
# copies and changes that no statement made.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use IPC::Run ();
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('matviews');
$node->init(allows_streaming => 'logical');
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'ayb_jobs'
max_worker_processes = 16
max_prepared_transactions = 5
max_locks_per_transaction = 256
restart_after_crash = on
ayb_jobs.shutdown_timeout = '1s'
});
$node->start;
my $setup = q{
CREATE EXTENSION ayb_jobs;
CREATE TABLE base (n int);
CREATE MATERIALIZED VIEW total AS SELECT count(*) AS n FROM base;
SELECT ayb_jobs.register_matview('total', skip_unchanged => true);
};
$node->safe_psql('postgres', $setup);
$node->safe_psql('postgres', q{
CREATE FUNCTION slow() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM public.base WHERE n < 0) THEN PERFORM pg_catalog.pg_sleep(3600); END IF;
    RETURN 1;
END $$;
CREATE MATERIALIZED VIEW slow_view AS SELECT slow() AS n;
SELECT ayb_jobs.register_matview('slow_view');
});

my $slow = q{SELECT status FROM ayb_jobs.refresh_now((ayb_jobs.matview_by_name('slow_view')).id)};
my $held = q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted};

# Refreshes, and refreshes again: what the two gave.
sub twice {
    my ($server, $database) = @_;
    return join ' ', map {
        $server->safe_psql($database // 'postgres',
            q{SELECT status FROM ayb_jobs.refresh_now((ayb_jobs.matview_by_name('total')).id)})
    } 1 .. 2;
}

sub sql_of_total { return $node->safe_psql('postgres', 'SELECT n FROM total') }

is(twice($node), 'success skipped', 'a refresh, and one that is left out');

# A session that is killed in a refresh.
$node->safe_psql('postgres', 'INSERT INTO base VALUES (-1)');
my $session = IPC::Run::start([ 'psql', '-XAt', '-c', $slow, $node->connstr('postgres') ], '>', \my $out, '2>', \my $err);
my $asleep = q{FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE '%slow_view%'};
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 $asleep"), 'a session refreshes');
my $pid = $node->safe_psql('postgres', "SELECT pid $asleep");
is($node->safe_psql('postgres', $slow), 'error', 'the other one is refused while it runs');
kill 9, $pid;
$session->finish;
up_again();
is($node->safe_psql('postgres', $held), '0', 'kill -9 in a refresh leaves no lock');
$node->safe_psql('postgres', 'DELETE FROM base');
is($node->safe_psql('postgres', $slow), 'success', 'and the next one works');
is($node->safe_psql('postgres', q{SELECT last_refresh_status, cardinality(last_durations_ms) FROM ayb_jobs.matviews
    WHERE view_name = 'slow_view'}), 'success|1', 'which alone is recorded');
is(twice($node), 'success skipped', 'after a crash nothing is known, but by the refresh that follows');

# A worker that is killed in a refresh: the job is tried again.
$node->safe_psql('postgres', 'INSERT INTO base VALUES (-1)');
my $job = $node->safe_psql('postgres',
    q{SELECT ayb_jobs.enqueue('materialized_view_refresh', '{"view_name": "slow_view"}')});
ok($node->poll_query_until('postgres', $held, '1'), 'a job refreshes');
$pid = $node->safe_psql('postgres', q{SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted});
$node->safe_psql('postgres', 'DELETE FROM base');
kill 9, $pid;
up_again();
ok($node->poll_query_until('postgres', "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$job'"),
    'one whose worker was killed runs again');
is($node->safe_psql('postgres', "SELECT result ->> 'status' FROM ayb_jobs.jobs WHERE id = '$job'"),
    'success', 'and refreshes');

# Changes around a restart.
twice($node);
$node->safe_psql('postgres', 'INSERT INTO base VALUES (1)');
$node->restart;
is(twice($node), 'success skipped', 'a change before a restart is refreshed after it');
is(sql_of_total(), '1', 'with what it changed');

# Prepared transactions.
$node->safe_psql('postgres', q{BEGIN; INSERT INTO base VALUES (2); PREPARE TRANSACTION 'one'});
is(twice($node), 'success success', 'nothing is known while a transaction is prepared');
$node->safe_psql('postgres', q{COMMIT PREPARED 'one'});
is(twice($node), 'success skipped', 'nor right after it is committed');
is(sql_of_total(), '2', 'which is in the view');
$node->safe_psql('postgres', q{BEGIN; INSERT INTO base VALUES (3); PREPARE TRANSACTION 'two'});
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'two'});
is(twice($node), 'success skipped', 'one that is rolled back may cost a refresh, no more');
$node->safe_psql('postgres', q{BEGIN; INSERT INTO base VALUES (3); PREPARE TRANSACTION 'three'});
$node->stop('immediate');
$node->start;
is(twice($node), 'success success', 'one that outlives a crash is prepared still');
$node->safe_psql('postgres', q{COMMIT PREPARED 'three'});
is(twice($node), 'success skipped', 'and seen when it is committed');
is(sql_of_total(), '3', 'with what it changed');

# A copy has the same tables and views by number, but is another database.
$node->safe_psql('postgres', 'INSERT INTO base VALUES (4)');
$node->safe_psql('template1', 'CREATE DATABASE copied TEMPLATE postgres');
is(twice($node, 'copied'), 'success skipped', 'what was seen in the original is not known in a copy');

# What a subscription applies fires no statement triggers.
my $publisher = PostgreSQL::Test::Cluster->new('publisher');
$publisher->init(allows_streaming => 'logical');
$publisher->start;
$publisher->safe_psql('postgres', 'CREATE TABLE base (n int); CREATE PUBLICATION news FOR TABLE base');
my $from = $publisher->connstr . ' dbname=postgres';
$node->safe_psql('postgres', 'TRUNCATE base');
$node->safe_psql('postgres', "CREATE SUBSCRIPTION reader CONNECTION '$from' PUBLICATION news");
$node->wait_for_subscription_sync($publisher, 'reader');
# Which is content with 's', as the worker that applies isn't: that it has the table is one more thing that it writes.
$node->poll_query_until('postgres', q{SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel}) or die "the table is not ready\n";
twice($node);
is(twice($node), 'skipped skipped', 'a quiet subscription is no change');
$publisher->safe_psql('postgres', 'INSERT INTO base VALUES (1), (2)');
$publisher->wait_for_catchup('reader');
is(twice($node), 'success skipped', 'what it applies is');
is(sql_of_total(), '2', 'and comes into the view');
$node->safe_psql('postgres', 'DROP SUBSCRIPTION reader');
$publisher->stop;

# More tables than shared memory has room for: what doesn't fit is forgotten, and so unknown.
$node->safe_psql('postgres', "DO \$\$ BEGIN FOR i IN $_ * 900 .. $_ * 900 + 899 LOOP
    EXECUTE format('CREATE TABLE crowd_%s (n int)', i);
    EXECUTE format('CREATE TRIGGER note BEFORE INSERT ON crowd_%s EXECUTE FUNCTION ayb_jobs_internal.note_change()', i);
END LOOP; END \$\$") for 0 .. 4;
my $crowd = q{DO $$ BEGIN FOR i IN %d .. %d LOOP EXECUTE format('INSERT INTO crowd_%%s VALUES (1)', i); END LOOP; END $$};
twice($node);
is(twice($node), 'skipped skipped', 'the tables alone are no change');
$node->safe_psql('postgres', sprintf $crowd, $_ * 900, $_ * 900 + 899) for 0 .. 4;
is(twice($node), 'success skipped', 'counts that made room for others are unknown');
$node->safe_psql('postgres', sprintf $crowd, 0, 4499);
like(twice($node), qr/^success/, 'as they are when one transaction changes too many');
is(twice($node), 'skipped skipped', 'until there is room again');
$node->safe_psql('postgres', 'INSERT INTO base VALUES (5)');
is(twice($node), 'success skipped', 'and changes count again');
$node->safe_psql('postgres', "DO \$\$ BEGIN FOR i IN $_ * 900 .. $_ * 900 + 899 LOOP
    EXECUTE format('DROP TABLE crowd_%s', i); END LOOP; END \$\$") for 0 .. 4;

# The triggers are not in the way of the extension's end, nor does it leave any behind.
my ($code, undef, $errors) = $node->psql('postgres', 'DROP EXTENSION ayb_jobs');
is($code, 0, "the extension can be dropped: $errors");
$node->safe_psql('postgres', 'INSERT INTO base VALUES (5); REFRESH MATERIALIZED VIEW total');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'ayb%'}), '0', 'its triggers go along');
$node->stop;
done_testing();

# The server is on its way up again after a crash.
sub up_again {
    for (1 .. 600) {
        my ($status) = $node->psql('postgres', 'SELECT 1');
        return if defined $status && $status == 0;
        usleep 50_000;
    }
    die 'the server did not come up again';
}
