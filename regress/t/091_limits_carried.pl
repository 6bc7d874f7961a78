# Limits, keys and what runs under them are carried by a dump, a copy by TEMPLATE and a standby: after adopt(), or promoted, what
# ran still has its places, and a rate counts as used up, but where it was restored: there nothing has started.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('carried', q{ayb_jobs.scheduler_tick = 100ms}, allows_streaming => 1);
sql($node, 'CREATE DATABASE origin');
serve($node, 'origin');
my $in_force = q{(SELECT count(*) = 3 AND bool_and(in_force) FROM ayb_jobs.limits)};
my $running = q{(SELECT string_agg(partition_key, ' ' ORDER BY partition_key) FROM ayb_jobs.jobs WHERE type = 'out' AND state = 'running')};
$node->safe_psql('origin', q{
SELECT ayb_jobs.register_handler(type, kind => 'external') FROM unnest('{out,rated,orderly}'::text[]) AS type;
SELECT ayb_jobs.set_limit('out', running => 3, running_per_key => 1), ayb_jobs.set_limit('rated', starts => 5, starts_per_key => 2, per => '1 h'),
    ayb_jobs.set_limit('orderly', ordered => true);
SELECT ayb_jobs.enqueue('out', partition_key => key) FROM unnest('{a,a,b,b,c,c,d,d}'::text[]) AS key;
SELECT ayb_jobs.enqueue('rated', partition_key => key) FROM unnest('{a,a,a,a,a,a,b}'::text[]) AS key;
SELECT ayb_jobs.enqueue('orderly', to_jsonb(n), priority => -n, partition_key => 'k') FROM generate_series(1, 3) AS n});
holds($node, 'origin', $in_force, 'limits are in force');
is($node->safe_psql('origin', q{SELECT string_agg(partition_key, ' ') FROM ayb_jobs.claim('w', '{out}', 2, '1 d')}), 'a b', 'two keys run');
$node->backup('base');

my $limits = q{SELECT string_agg(l::text, ' ' ORDER BY type) FROM ayb_jobs.type_limits AS l};
my $wanted = $node->safe_psql('origin', $limits);

# What is there before anything is claimed, and what then may start.
sub goes_on {
    my ($at, $database, $how) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    holds($at, $database, $in_force, "$how: limits are in force");
    is($at->safe_psql($database, $limits), $wanted, 'as they were set');
    holds($at, $database, q{(SELECT running_now = 2 FROM ayb_jobs.limits WHERE type = 'out')}, 'what ran has its places');
    is($at->safe_psql($database, q{SELECT string_agg(partition_key || ' ' || queued || running_now, ', ' ORDER BY partition_key) FROM ayb_jobs.limit_keys('out')}),
       'a 11, b 11, c 20, d 20', 'of its keys too');
    is($at->safe_psql($database, q{SELECT string_agg(partition_key, ' ') FROM ayb_jobs.claim('x', '{out}', 9, '1 d')}), 'c', 'there is one left, for another key');
    is($at->safe_psql($database, q{SELECT count(*) FROM ayb_jobs.claim('x', '{out}', 9)}), 0, 'and no more');
    is($at->safe_psql($database, q{SELECT string_agg(payload::text, ' ') FROM ayb_jobs.claim('x', '{orderly}', 9, '1 d')}), 1, 'a key keeps its order');
    return;
}

sub used_up {
    my ($at, $database) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is($at->safe_psql($database, q{SELECT count(*) FROM ayb_jobs.claim('x', '{rated}', 9)}), 0, "$database: a rate is used up");
}

sub has_rate {
    my ($at, $database, $how) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($at->safe_psql($database, q{SELECT string_agg(partition_key, ' ' ORDER BY partition_key) FROM ayb_jobs.claim('x', '{rated}', 9)}), 'a a b', "$how: so many may start, of each key too");
    return used_up($at, $database);
}

my $dump = "$PostgreSQL::Test::Utils::tmp_check/limits.dump";
$node->command_ok(['pg_dump', '-Fc', '-f', $dump, 'origin'], 'pg_dump');
sql($node, "CREATE DATABASE $_") for 'restored TEMPLATE template0', 'copy TEMPLATE origin';
$node->command_ok(['pg_restore', '--exit-on-error', '-d', 'restored', $dump], 'pg_restore');
for my $database (qw(restored copy)) {
    $node->safe_psql($database, 'SELECT ayb_jobs.adopt()');
    goes_on($node, $database, $database);
}
has_rate($node, 'restored', 'restored');
used_up($node, 'copy');
turn_clock($node, 3700);
has_rate($node, 'copy', 'a copy, an hour later');

my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
$node->stop('immediate');
is($standby->safe_psql('origin', 'SELECT bool_or(in_force) FROM ayb_jobs.limits'), 'f', 'on a standby none is in force');
$standby->promote;
goes_on($standby, 'origin', 'promoted');
used_up($standby, 'origin');
turn_clock($standby, 3700);
has_rate($standby, 'origin', 'promoted, an hour later');
$standby->stop;
done_testing();
