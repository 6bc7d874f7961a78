# Keys of unequal backlogs are served in turn: while all of them have jobs none has had more than one beyond any other; by lease and
# in groups, whether their commits were heard one by one or have to be searched for, and where a group ends amid a round.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

# One worker: in which order it has begun jobs is seen by what they leave.
my $node = start_server('keys_in_turn', q{
fsync = off
max_prepared_transactions = 2
ayb_jobs.worker_concurrency = 1
ayb_jobs.worker_idle_timeout = 1h
ayb_jobs.poll_interval = 1h
ayb_jobs.test_group_at_once = on
});
sql($node, q{
CREATE TABLE served (n bigint GENERATED ALWAYS AS IDENTITY, what text);
CREATE FUNCTION serve(payload jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO served (what) SELECT payload ->> 'what';
    SELECT ayb_jobs.enqueue_many('leased', array_fill(payload -> 'then', '{4}'), partition_keys => array_fill('late'::text, '{4}')) WHERE payload ? 'then' $$;
SELECT type FROM ayb_jobs.register_handler('quick', 'serve(jsonb)');
SELECT type FROM ayb_jobs.register_handler('leased', 'serve(jsonb)', grouped => false);
-- Key n has so many at least, and up to three more: in one commit, in an order of chance.
CREATE PROCEDURE enqueue(type text, keys integer, fewest integer) LANGUAGE sql AS $$
    SELECT count(*) FROM (
        SELECT ayb_jobs.enqueue_many(type, array_agg(jsonb_build_object('what', 'k' || k) ORDER BY o), partition_keys => array_agg('k' || k ORDER BY o))
        FROM (SELECT k, hashtext(k || ' ' || n) AS o FROM generate_series(1, keys) AS k, generate_series(1, fewest + k % 4) AS n) AS jobs) AS e $$;
-- Until the first key has none left: how many of each, at least and at most.
CREATE VIEW spread AS
    WITH numbered AS (SELECT n, what, count(*) OVER (PARTITION BY what ORDER BY n) AS nth, count(*) OVER (PARTITION BY what) AS of_all FROM served),
    until AS (SELECT min(n) AS n FROM numbered WHERE nth = of_all)
    SELECT min(had), max(had) FROM (SELECT count(*) FILTER (WHERE s.n <= until.n) AS had FROM served AS s, until GROUP BY s.what) AS k});

sub in_turn {
    my ($name, $type, $keys, $least, $prepared) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    sql($node, 'SELECT ayb_jobs.pause(); TRUNCATE served');
    my $enqueue = "CALL enqueue('$type', $keys, $least)";
    sql($node, $prepared ? "BEGIN; $enqueue; PREPARE TRANSACTION 'unheard'; COMMIT PREPARED 'unheard'" : $enqueue);
    sql($node, 'SELECT ayb_jobs.resume()');
    ok(eventually($node, q{SELECT queued + running = 0 AND completed > 0 FROM ayb_jobs.stats()}), "$name: all run");
    my ($fewest, $most) = split /\|/, sql($node, 'SELECT * FROM spread');
    return cmp_ok($most - $fewest, '<=', 1, "$name: none has had more than one beyond another ($fewest to $most)");
}
in_turn('by lease', 'leased', 60, 8);
in_turn('in groups', 'quick', 1000, 9);
in_turn('in groups that have room for all keys', 'quick', 70, 20);
in_turn('more keys than a commit tells of', 'quick', 5000, 2);
in_turn('a commit that nobody has heard of', 'quick', 1000, 4, 'prepared');

# What somebody else has locked costs its key no turn, while more keys wait than a group looks at.
sql($node, q{SELECT ayb_jobs.pause(); TRUNCATE served; CALL enqueue('quick', 1000, 3)});
my $other = $node->background_psql('postgres');
$other->query_safe(q{BEGIN; SELECT FROM ayb_jobs.job_queue WHERE partition_key = 'k1' ORDER BY id LIMIT 1 FOR UPDATE});
sql($node, 'SELECT ayb_jobs.resume()');
ok(eventually($node, q{SELECT queued = 1 AND running = 0 FROM ayb_jobs.stats()}), 'one is locked: all others run');
my ($fewest, $most) = split /\|/, sql($node, 'SELECT * FROM spread');
cmp_ok($most - $fewest, '<=', 1, "one is locked: none has had more than one beyond another ($fewest to $most)");
$other->quit; # which nobody hears of
sql($node, q{SELECT ayb_jobs.enqueue('quick', partition_key => 'k1')});
ok(eventually($node, q{SELECT queued + running = 0 FROM ayb_jobs.stats()}), 'let go, it runs with the next one');

# One that comes late is served once in each round from then on, no oftener and no more seldom.
sql($node, q{SELECT ayb_jobs.pause(); TRUNCATE served;
CALL enqueue('leased', 5, 20);
SELECT ayb_jobs.enqueue('leased', '{"what": "k1", "then": {"what": "late"}}', partition_key => 'k1', priority => -4);
SELECT ayb_jobs.resume()});
ok(eventually($node, q{SELECT queued + running = 0 FROM ayb_jobs.stats()}), 'one comes late: all run');
is(sql($node, q{SELECT string_agg((n - before)::text, ' ' ORDER BY n) FROM (SELECT n, what, lag(n) OVER (PARTITION BY what ORDER BY n) AS before FROM served) AS s WHERE what = 'late' AND before IS NOT NULL}),
    '6 6 6', 'then it has each sixth turn');
done_testing();
