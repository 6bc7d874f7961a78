# The lines for PgBouncer in docs/guide/external-workers.md: eight workers wait through a pool of their own, while the calls of
# everybody share two connections.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = start_server('pooled', q{
ayb_jobs.scheduler_tick = 1h
listen_addresses = '127.0.0.1'
});
sql($node, q{SELECT ayb_jobs.register_handler('out', kind => 'external')});

# As they stand there, but for the server and the size of what is shared.
my ($lines) = slurp_file("$FindBin::RealBin/../../docs/guide/external-workers.md") =~ /^```ini\n(.*?)^```$/ms or die "the page has no lines\n";
my ($port, $pooler_port) = ($node->port, PostgreSQL::Test::Cluster::get_free_port());
$lines =~ s/port=5432 dbname=app/port=$port dbname=postgres/ for 1, 2;
$lines =~ s/default_pool_size = \K\d+/2/ or die;
my $directory = $PostgreSQL::Test::Utils::tmp_check;
my $user = getpwuid $<;
append_to_file("$directory/users", qq("$user" ""\n));
append_to_file("$directory/pgbouncer.ini", $lines . <<"END");
listen_addr = 127.0.0.1
listen_port = $pooler_port
unix_socket_dir =
auth_type = trust
auth_file = $directory/users
logfile = $directory/pgbouncer.log
END
my $pooler = IPC::Run::start([ -x '/usr/sbin/pgbouncer' ? '/usr/sbin/pgbouncer' : 'pgbouncer', "$directory/pgbouncer.ini" ],
    '<', \undef, '>', \my $said, '2>', \my $complaints);

sub through {
    my ($pool) = @_;
    return [ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', "host=127.0.0.1 port=$pooler_port user=$user dbname=$pool" ];
}
sub ask {
    my ($pool, $statement) = @_;
    my $good = IPC::Run::run([ @{ through($pool) }, '-c', $statement ], '<', \undef, '>', \my $out, '2>', \my $error);
    return $good ? $out =~ s/\n\z//r : "error: $error";
}
my $answers = 0;
for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default) {
    last if $answers = ask('app', 'SELECT 1') eq '1';
    usleep(100_000);
}
ok($answers, 'the pooler answers');

# Each waits, and claims and completes through what is shared.
my @workers = map {
    my $of = { error => '' };
    $of->{handle} = IPC::Run::start([ @{ through('app_wait') }, '-c', q{CALL ayb_jobs.wait_for_jobs('{out}', '1 h')} ],
        '<', \undef, '>', \my $out, '2>', \$of->{error});
    $of;
} 1 .. 8;
my $asleep = q{(SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CALL%' AND wait_event_type = 'Extension')};
holds($node, 'postgres', "$asleep = 8", 'eight wait through a pool of their own');
my @enqueuers = map {
    IPC::Run::start([ @{ through('app') }, map { ('-c', q{SELECT ayb_jobs.enqueue('out', run_at => clock_timestamp() + interval '1 h')}) } 1 .. 10 ],
        '<', \undef, '>', \my $out)
} 1 .. 6;
ok($_->finish, 'an enqueuer gets through beside them') for @enqueuers;
is(sql($node, "SELECT $asleep"), '8', 'all of them wait on');
is(ask('app', q{SELECT count(ayb_jobs.enqueue('out')) FROM generate_series(1, 8)}), '8', 'eight jobs');
$_->{handle}->finish for @workers;
is(join('', map { $_->{error} } @workers), '', 'wake all eight');
my @claimed = map { ask('app', "SELECT count(ayb_jobs.complete(id, 'w$_', attempt)) FROM ayb_jobs.claim('w$_', '{out}')") } 1 .. 8;
is("@claimed", '1 1 1 1 1 1 1 1', 'who was woken claims and completes through what is shared');

$pooler->signal('TERM');
$pooler->finish;
done_testing();
