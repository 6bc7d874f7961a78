# A thousand roles have jobs: who looks at all their lanes needs little memory for it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('many_roles', q{
fsync = off
ayb_jobs.scheduler_tick = 1h
});
# By how much a new session's address space grows when it looks, in kB.
my $peak = q{substring(pg_read_file('/proc/self/status') FROM 'VmPeak:\s+(\d+) kB')::bigint};
sub growth {
    my ($look) = @_;
    my ($before, $answer, $after) = split /\n/, sql($node, "SELECT $peak; $look; SELECT $peak");
    return ($after - $before, $answer);
}
my $lanes = 'SELECT count(*) FROM ayb_jobs.lanes()';
my $health = q{SELECT status FROM ayb_jobs.health() WHERE name = 'lanes'};
my ($lanes_before) = growth($lanes);
my ($health_before) = growth($health);

# None of them can log in any more, so that every lane stays.
sql($node, q{DO $$ BEGIN FOR i IN 1..1000 LOOP
    EXECUTE format('CREATE ROLE many%1$s LOGIN; SET LOCAL ROLE many%1$s', i);
    PERFORM ayb_jobs.enqueue('work');
    RESET ROLE;
    EXECUTE format('ALTER ROLE many%s NOLOGIN', i);
END LOOP; END $$});
ok(eventually($node, q{SELECT count(error) = 1000 FROM ayb_jobs.lanes()}), 'each lane says why it waits');

my ($lanes_now, $count) = growth($lanes);
my ($health_now, $status) = growth($health);
is($count, 1000, 'lanes() has a line for each');
is($status, 'error', 'health() sees them');
note("kB with no lane and with 1,000: lanes() $lanes_before and $lanes_now, health() $health_before and $health_now");
cmp_ok($lanes_now, '<', 5 * 1024, 'lanes() grows a backend by less than 5 MB');
cmp_ok($health_now - $health_before, '<', 5 * 1024, 'and so much a thousand lanes cost health()');
$node->stop('immediate');
done_testing();
