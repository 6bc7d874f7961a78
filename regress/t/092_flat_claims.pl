# What a claim reads is the same with nothing else there, beside a type and behind a key that are full, and after keys that have had
# jobs, under an old snapshot too: counted in buffers and in looks into an index, never in time.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $node = start_server('flat_claims', q{
fsync = off
autovacuum = off
ayb_jobs.scheduler_tick = 1h
ayb_jobs.poll_interval = 1h
});
sql($node, q{
SELECT ayb_jobs.register_handler(type, kind => 'external') FROM unnest('{out,full}'::text[]) AS type;
SELECT ayb_jobs.set_limit('out', running_per_key => 1), ayb_jobs.set_limit('full', running => 1)});
sql($node, slurp_file("$FindBin::RealBin/../claim_reads.sql"));
ok(eventually($node, q{SELECT bool_and(in_force) FROM ayb_jobs.limits}), 'limits are in force');

# The medians; what is known of others is looked at once before.
sub reads {
    sql($node, 'CALL claims(40)');
    sql($node, 'CALL claims(15)');
    return split /\|/, sql($node, q{SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY r.buffers), percentile_disc(0.5) WITHIN GROUP (ORDER BY r.looks) FROM reads AS r});
}
my ($buffers, $looks) = reads();
note("with nothing else there: $buffers buffers, $looks looks");

sub same {
    my ($name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($its_buffers, $its_looks) = reads();
    is($its_looks, $looks, "$name: as many looks");
    cmp_ok($its_buffers, '<=', $buffers + 3 * $looks, "$name: and a level or two more of an index at most ($its_buffers)"); # by a full scan hundreds
    return;
}
sub keyed { return sql($node, "SELECT count(*) FROM ayb_jobs.enqueue_many('$_[0]', array_fill('{}'::jsonb, ARRAY[$_[1]]), partition_keys => (SELECT array_agg(($_[2])::text) FROM generate_series(1, $_[1]) AS n))") }

keyed('full', 1, 'NULL');
is(sql($node, q{SELECT count(*) FROM ayb_jobs.claim('other', '{full}', 1)}), 1, 'one of the type runs');
keyed('full', 20000, 'NULL');
same('beside a full type');
keyed('out', 1, q{'a full one'});
is(sql($node, q{SELECT count(*) FROM ayb_jobs.claim('other', '{out}', 1)}), 1, 'one of the key runs');
keyed('out', 20000, q{'a full one'});
same('behind a full key');

my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class');
keyed('out', 50, q{'gone ' || n});
ok(eventually($node, q{SELECT count(c) >= 0 AND NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE state = 'queued' AND partition_key LIKE 'gone %') FROM ayb_jobs.claim('gone', '{out}', 50) AS c}), 'other keys have their turn');
sql($node, q{SELECT count(ayb_jobs.complete(id, worker_id, runs)) FROM ayb_jobs.job_queue WHERE worker_id = 'gone'});
same('after other keys, which an old snapshot sees');
$holder->quit;
done_testing();
