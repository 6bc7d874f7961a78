# Whose turn it is: by priority, a level of which is worth some waiting.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('turns', q{
fsync = off
ayb_jobs.worker_concurrency = 1
ayb_jobs.priority_step = 1h
});
sql($node, q{SELECT type FROM ayb_jobs.register_handler('leased', 'work(jsonb)', grouped => false);
SELECT type FROM ayb_jobs.register_handler('urgent', 'work(jsonb)', priority => -2);
SELECT type FROM ayb_jobs.register_handler('out', kind => 'external')});

# The value of one column of VALUES each, in the order in which they were enqueued.
sub jobs { return "SELECT ayb_jobs.enqueue(type, jsonb_build_object('what', what), run_at, priority => priority) FROM (VALUES $_[0]) AS v (type, what, run_at, priority)" }
my $now = 'clock_timestamp()';
for my $type (qw(leased work)) {
    is(order_of($node, jobs("('$type', 'a', $now, 0), ('$type', 'b', $now, 4), ('$type', 'c', $now, -4), ('$type', 'd', $now, -1), ('$type', 'e', $now, NULL)")),
       'c d a e b', "$type: by priority, then in order");
    is(order_of($node, jobs("('$type', 'a', $now, -1), ('$type', 'b', $now - interval '59 min', 0), ('$type', 'c', $now - interval '61 min', 0)")),
       'c a b', 'a level is worth a step of waiting');
}
is(order_of($node, jobs("('work', 'a', $now, NULL), ('urgent', 'b', $now, NULL), ('urgent', 'c', $now, 0), ('leased', 'd', $now, -1)")),
   'b d a c', 'across types too, and by the type where the job names none');

# With the highest level saturated: new urgent jobs go before one of the lowest until eight steps have gone by, and no longer.
sql($node, q{TRUNCATE effects; SELECT ayb_jobs.pause(); SELECT ayb_jobs.enqueue('work', '{"what": "lowest"}', priority => 4)});
for my $minutes (479, 482) {
    turn_clock($node, 60 * $minutes);
    sql($node, qq{SELECT FROM ayb_jobs.enqueue_many('work', array_fill('{"what": "after $minutes"}'::jsonb, '{50}'), priority => -4)});
}
sql($node, 'SELECT ayb_jobs.resume()');
ok(eventually($node, 'SELECT count(*) = 101 FROM effects'), 'all run');
is(sql($node, q{SELECT string_agg(what, ' ' ORDER BY first) FROM (SELECT what, min(at) AS first FROM effects GROUP BY what) AS e}),
   'after 479 lowest after 482', 'one of the lowest level is ahead of what comes eight steps later');
turn_clock($node, 0);

# What waits longest comes at last, however much goes first: after eight steps it is ahead of all that comes later.
is(order_of($node, jobs("('work', 'last', $now - interval '479 min', 4), ('work', 'first', $now, -4)")), 'first last', 'not before eight steps');
is(order_of($node, jobs("('work', 'last', $now - interval '481 min', 4), ('work', 'first', $now, -4)")), 'last first', 'then it comes');

# Amid many.
is(order_of($node, q{SELECT FROM ayb_jobs.enqueue_many('work', array_fill('{"what": "many"}'::jsonb, ARRAY[20000]), priority => 4)
    UNION ALL SELECT FROM ayb_jobs.enqueue('work', '{"what": "one"}', priority => -4)}) =~ s/ .*//sr, 'one', 'it is the next one');

# A queued job changes its place.
sql($node, 'TRUNCATE effects; SELECT ayb_jobs.pause()');
my ($first, $second) = map { sql($node, qq{SELECT ayb_jobs.enqueue('work', '{"what": "$_"}')}) } qw(first second);
is(sql($node, "SELECT priority FROM ayb_jobs.set_priority('$second', -1)"), -1, 'set_priority()');
sql($node, 'SELECT ayb_jobs.resume()');
ok(eventually($node, 'SELECT count(*) = 2 FROM effects'), 'both run');
is(sql($node, q{SELECT string_agg(what, ' ' ORDER BY at, ctid) FROM effects}), 'second first', 'it went first');

# Workers outside take them in the same order.
my $claimed = q{SELECT string_agg(payload ->> 'what', ' ' ORDER BY n) FROM ayb_jobs.claim('w', '{out}', 3) WITH ORDINALITY AS c (id, type, payload, attempt, max_attempts, run_at, lease_until, partition_key, meta, n)};
sql($node, jobs("('out', 'a', $now, 0), ('out', 'b', $now, 1), ('out', 'c', $now, -1)"));
is(sql($node, $claimed), 'c a b', 'outside too');
done_testing();
