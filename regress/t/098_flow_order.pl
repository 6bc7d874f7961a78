# What waits for others starts as soon as it may, by order: it is the next of its lane once that has committed which it waits for, without a
# poll. One worker takes one job after the other; no look comes by itself within the test.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my $node = start_server('flow_order', "ayb_jobs.worker_concurrency = 1\nayb_jobs.scheduler_tick = '1h'");
sql($node, q{
CREATE TABLE order_of (n serial, what text);
CREATE TABLE mended ();
CREATE FUNCTION say(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF payload ? 'fails' AND NOT EXISTS (SELECT FROM pg_class WHERE relname = 'is_mended') THEN RAISE 'it fails'; END IF;
    INSERT INTO order_of (what) VALUES (payload ->> 'say');
END $$;
SELECT ayb_jobs.register_handler('say', 'say(jsonb)', grouped => false, max_attempts => 1);
SELECT ayb_jobs.register_handler('grouped', 'say(jsonb)', max_attempts => 1);
CREATE FUNCTION say(word text, fails boolean DEFAULT false) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('say', word) || CASE WHEN fails THEN '{"fails": true}'::jsonb ELSE '{}' END $$});

# Enqueues in one transaction while all is paused, and gives back in which order it ran.
sub order_after {
    my ($enqueue, $until) = @_;
    sql($node, 'TRUNCATE order_of; SELECT ayb_jobs.pause()');
    $node->safe_psql('postgres', "BEGIN; $enqueue; COMMIT; SELECT ayb_jobs.resume()");
    my $end = $until // q{NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE state IN ('queued', 'running'))};
    ok(eventually($node, "SELECT $end"), 'all run');
    return sql($node, q{SELECT string_agg(what, ' ' ORDER BY n) FROM order_of});
}
my $plain = q{SELECT count(*) FROM ayb_jobs.enqueue_many('say', ARRAY(SELECT say('j' || n) FROM generate_series(1, 5) AS n))};

is(order_after(qq{SELECT ayb_jobs.enqueue('say', say('parent')) AS p \\gset
    SELECT ayb_jobs.enqueue('say', say('child'), depends_on => ARRAY[:'p']::uuid[]); $plain}),
    'parent child j1 j2 j3 j4 j5', 'a child is the next of its lane after its parent');
is(order_after(qq{SELECT ayb_jobs.enqueue_flow('[{"name": "c", "type": "say", "payload": {"say": "c"}, "depends_on": ["b"]},
    {"name": "b", "type": "say", "payload": {"say": "b"}, "depends_on": ["a"]}, {"name": "a", "type": "say", "payload": {"say": "a"}}]'); $plain}),
    'a b c j1 j2 j3 j4 j5', 'so is each of a chain');
is(order_after(qq{SELECT ayb_jobs.enqueue_flow('[{"name": "in", "type": "say", "payload": {"say": "in"}, "depends_on": ["a", "b", "c"]},
    {"name": "a", "type": "say", "payload": {"say": "a"}}, {"name": "b", "type": "say", "payload": {"say": "b"}}, {"name": "c", "type": "say", "payload": {"say": "c"}}]'); $plain}),
    'a b c in j1 j2 j3 j4 j5', 'and what is behind several, after the last of them');

# In a group: jobs of one commit. No other commit of the worker comes between the parent's and the child's.
sql($node, 'TRUNCATE order_of; SELECT ayb_jobs.pause()');
$node->safe_psql('postgres', q{BEGIN; SELECT ayb_jobs.enqueue('grouped', say('parent')) AS p \gset
SELECT ayb_jobs.enqueue('grouped', say('child'), depends_on => ARRAY[:'p']::uuid[]);
SELECT count(*) FROM ayb_jobs.enqueue_many('grouped', array_fill(say('other'), '{20000}')); COMMIT; SELECT ayb_jobs.resume()});
ok(eventually($node, q{SELECT NOT EXISTS (SELECT FROM ayb_jobs.job_queue)}), 'all of a lane of groups run');
is(sql($node, q{SELECT c.commit - p.commit FROM (SELECT what, dense_rank() OVER (ORDER BY first) AS commit FROM (
        SELECT what, min(n) OVER (PARTITION BY xmin::text) AS first FROM order_of) AS o) AS p, LATERAL (
    SELECT d.commit FROM (SELECT what, dense_rank() OVER (ORDER BY first) AS commit FROM (
        SELECT what, min(n) OVER (PARTITION BY xmin::text) AS first FROM order_of) AS o) AS d WHERE d.what = 'child') AS c WHERE p.what = 'parent'}),
    '1', 'a child is in the next group after its parent\'s');
cmp_ok(sql($node, 'SELECT count(DISTINCT xmin::text) FROM order_of'), '>', 2, 'of more than two');

# The callback of a batch: after its last member, and before what is behind that in its lane.
sub batch { my ($more, $fails) = @_;
    return qq{SELECT ayb_jobs.enqueue_flow('[{"name": "end", "type": "say", "payload": {"say": "end"}, "depends_on": ["*"]$more}]') AS f \\gset
    SELECT count(*) FROM ayb_jobs.enqueue_many('say', ARRAY[say('m1'), say('m2', $fails), say('m3')], options => jsonb_build_object('flow', :'f')); $plain} }
is(order_after(batch('', 'false')), 'm1 m2 m3 end j1 j2 j3 j4 j5', 'the callback of a batch starts by the next claim of its lane after the last member');
is(order_after(batch(', "on_parent_failure": "run"', 'true')), 'm1 m3 end j1 j2 j3 j4 j5', 'also where one has failed, and it says run');
is(order_after(batch('', 'true'), q{(SELECT count(*) FROM order_of) = 7}), 'm1 m3 j1 j2 j3 j4 j5', 'else not before that is retried');
my $failed = sql($node, q{SELECT max(id::text) FROM ayb_jobs.job_queue WHERE state = 'failed'});
like(health($node, 'postgres', 'flows'), qr/^warning\|1 jobs wait for 1 that have failed: say\|SELECT ayb_jobs\.retry_now\('$failed'\)/, 'health() names it');
is(sql($node, q{SELECT phase FROM ayb_jobs.jobs WHERE state = 'queued'}), 'waiting', 'and the callback waits');
is(order_after(qq{CREATE TABLE is_mended (); SELECT FROM ayb_jobs.retry_now('$failed'); $plain}),
    'm2 end j1 j2 j3 j4 j5', 'then by the next claim');
$node->stop;
done_testing();
