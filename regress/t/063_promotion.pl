# The primary dies under load, twice, with a synchronous standby that is promoted: nothing is lost that was
# acknowledged, and everything goes on by itself, the sidecar too. The old primary comes back by pg_rewind, and takes
# over in its turn.
use strict;
use warnings;
use File::Copy;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use AybLoad;
use HTTP::Tiny;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

# Both servers have the same configuration, and so either's successor is found by the name of the other.
my $db1 = new_server('db1', q{
ayb_jobs.scheduler_tick = 1h
ayb_jobs.synchronous_commit = on
wal_keep_size = 256MB
max_connections = 40
}, allows_streaming => 1);
serve($db1, 'postgres');
sql($db1, load_types());
$db1->backup('base');
my $db2 = PostgreSQL::Test::Cluster->new('db2');
$db2->init_from_backup($db1, 'base', has_streaming => 1);
$db2->start;
synchronous($db1);

my $hosts = join ' ', 'host=' . join(',', map { $_->host } $db1, $db2), 'port=' . join(',', map { $_->port } $db1, $db2);
my $dsn = "$hosts dbname=postgres target_session_attrs=read-write connect_timeout=2";
my $sidecar = start_sidecar("$hosts dbname=postgres user=sidecar");
my $load = AybLoad->start(dsn => "$dsn user=postgres", directory => "$PostgreSQL::Test::Utils::tmp_check/load", %$sidecar{'url', 'token'});

$load->wait_for_more(400);
$db1->stop('immediate');
promoted($db2, 'the standby');
$load->wait_for_more(400);

# Until its first checkpoint pg_rewind takes the promoted server to be on the old timeline.
sql($db2, 'CHECKPOINT');

# The old primary may have commits that its standby didn't get: without pg_rewind it could not follow. Its port is in a
# file that pg_rewind takes from the other one.
my $configuration = $db1->data_dir . '/postgresql.conf';
my $kept = "$PostgreSQL::Test::Utils::tmp_check/postgresql.conf";
copy($configuration, $kept) or die "$configuration: $!\n";
$db1->command_ok([ 'pg_rewind', '--no-sync', '--write-recovery-conf', '--target-pgdata', $db1->data_dir,
    '--source-server', $db2->connstr('postgres') ], 'the old primary is rewound');
unlike(slurp_file($db1->logfile), qr/FATAL.*ayb_jobs|PANIC/, 'which our library does not get in the way of');
copy($kept, $configuration) or die "$configuration: $!\n";
$db1->start;
is(sql($db1, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'ayb_jobs%'}), '0', 'and runs nothing any more');
synchronous($db2);
$load->wait_for_more(400);
$db2->kill9;
promoted($db1, 'the old primary');
$load->wait_for_more(400);

$load->stop;
my $checked = $load->verify(sub { return sql($db1, $_[0]) });
cmp_ok($checked, '>=', 1600, 'it was a load');
note("jobs checked: $checked");
unlike(slurp_file($load->file('errors')), qr/ERROR:|load ended/, 'clients lost their sessions, and were refused nothing');
my %statuses = map { $_->[1] => 1 } $load->answers;
is(join(' ', sort keys %statuses), '201 503', 'the sidecar did what it was asked, or said that it could not');

stop_sidecar();
$db1->stop('fast');
done_testing();

# A standby that has caught up is waited for from now on.
sub synchronous {
    my ($primary) = @_;
    set_configuration($primary, synchronous_standby_names => '*');
    eventually($primary, q{SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'})
        or die "the standby does not follow\n";
}

# Nobody replicates from it, so it may not wait for one either.
sub promoted {
    my ($node, $name) = @_;
    $node->append_conf('postgresql.auto.conf', q{synchronous_standby_names = ''});
    $node->reload;
    my $promoted = time;
    $node->promote;
    holds($node, 'postgres', "EXISTS (SELECT FROM ayb_jobs.jobs WHERE created_at > to_timestamp($promoted) AND schedule_id IS NOT NULL)",
        "$name is promoted, and ticks");
    my %first = $load->firsts($promoted);
    at_once($node, 'postgres', "($first{$_}) IS NOT NULL", "$name: $_ goes on") for sort keys %first;
    my %resumed = $load->resumed(sub { return sql($node, $_[0]) }, $promoted);
    note("$name, s from promotion to $_: $resumed{$_}") for sort keys %resumed;
    my $lost = sql($node, q{SELECT count(*) FROM ayb_jobs.job_attempts WHERE status = 'lost'});
    note("attempts lost so far: $lost");
}

sub start_sidecar {
    my ($servers) = @_;
    my ($port, $directory) = (PostgreSQL::Test::Cluster::get_free_port(), $PostgreSQL::Test::Utils::tmp_check);
    append_to_file("$directory/token", "a token of this test\n");
    my $run = IPC::Run::start([ $ENV{AYB_SIDECAR}, 'serve', '--listen', "127.0.0.1:$port", '--dsn', $servers, '--token-file',
        "$directory/token" ], '<', \undef, '>', '/dev/null', '2>', "$directory/sidecar.log");
    for (1 .. 1000) {
        last if HTTP::Tiny->new->get("http://127.0.0.1:$port/live")->{success};
        usleep 20_000;
    }
    return { run => $run, url => "http://127.0.0.1:$port", token => 'a token of this test' };
}

sub stop_sidecar {
    $sidecar->{run}->signal('TERM');
    ok($sidecar->{run}->finish, 'the sidecar ends as it should');
    undef $sidecar;
}

# It doesn't outlive the test, whatever the test ends by.
END { $sidecar->{run}->kill_kill if $sidecar }
