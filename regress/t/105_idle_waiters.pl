# Two hundred workers outside that wait use nothing: no statement, no snapshot, no processor. Whether one has run is told by how
# often the kernel switched to it, not by how long that took.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use IPC::Run;
use List::Util qw(sum0);
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('idle_waiters', q{
max_connections = 300
ayb_jobs.scheduler_tick = 1h
});
sql($node, q{SELECT ayb_jobs.register_handler(t, kind => 'external') FROM unnest('{out,other}'::text[]) AS t});

my $waiters = 200;
my $script = "$PostgreSQL::Test::Utils::tmp_check/wait.sql";
append_to_file($script, q{CALL ayb_jobs.wait_for_jobs('{out}', '1 h');});
my $crowd = IPC::Run::start([ 'pgbench', '-n', '-f', $script, '-c', $waiters, '-t', '1', '-d', $node->connstr('postgres') . ' application_name=crowd' ],
    '<', \undef, '>', \my $report, '2>', \my $complaints);
my $asleep = q{(SELECT count(*) FROM pg_stat_activity WHERE application_name = 'crowd' AND query LIKE 'CALL%' AND wait_event_type = 'Extension')};
holds($node, 'postgres', "$asleep = $waiters", 'two hundred wait');
is(sql($node, q{SELECT count(backend_xmin), count(backend_xid), count(xact_start) FROM pg_stat_activity WHERE application_name = 'crowd'}), '0|0|0',
    'none has a snapshot or a transaction that anybody need mind');

my @pids = split /\n/, sql($node, q{SELECT pid FROM pg_stat_activity WHERE application_name = 'crowd'});
sub switches { return sum0(map { slurp_file("/proc/$_/status") =~ /^voluntary_ctxt_switches:\s+(\d+)/m } @_) }
# Others' work goes on beside them, and the scheduler's: commits of another type, one that comes due, and what is rolled back.
my $before = switches(@pids);
sql($node, q{SELECT ayb_jobs.enqueue('other')}) for 1 .. 50;
sql($node, q{SELECT ayb_jobs.enqueue('other', delay => '0.5 s')});
sql($node, q{BEGIN; SELECT ayb_jobs.enqueue('out'); ROLLBACK});
holds($node, 'postgres', q{(SELECT count(*) = 51 FROM ayb_jobs.jobs WHERE phase = 'external')}, 'jobs of another type come and come due');
my $ran = switches(@pids) - $before;
cmp_ok($ran, '<', $waiters / 10, "none of them runs meanwhile ($ran times)");

# One job, one of them. Nobody claims it, for which the scheduler would wake the next one after a while: it is stopped.
my $scheduler = sql($node, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'ayb_jobs scheduler'});
eventually($node, "SELECT wait_event_type = 'Extension' FROM pg_stat_activity WHERE pid = $scheduler") or die "it does not sleep\n";
kill 'STOP', $scheduler or die $!;
$before = { map { $_ => switches($_) } @pids };
sql($node, q{SELECT count(*) FROM ayb_jobs.enqueue('out')});
holds($node, 'postgres', "$asleep = $waiters - 1", 'a job wakes one');
my @woken = grep { !-e "/proc/$_" || switches($_) > $before->{$_} } @pids;
cmp_ok(scalar @woken, '<', $waiters / 10, 'and not the herd');
kill 'CONT', $scheduler or die $!;

sql($node, q{SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE application_name = 'crowd'});
$crowd->finish;
done_testing();
