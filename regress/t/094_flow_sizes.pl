# Large flows: as many parents, steps of one call, members of a batch, children of one result as FLOW_SIZE says. 100,000 are what they are made
# for; by default there are as many as a test has time for.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my $size = $ENV{FLOW_SIZE} // 2_000;
my $node = start_server('sizes', 'ayb_jobs.worker_concurrency = 4');
sql($node, q{
CREATE TABLE seen (type text, parents bigint, results bigint);
CREATE FUNCTION nothing(payload jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RETURN '1'; END $$;
CREATE FUNCTION look() RETURNS void LANGUAGE sql AS $$
    INSERT INTO seen SELECT (ayb_jobs.current_job()).type, count(*), count(p.result) FROM ayb_jobs.parents() AS p WHERE p.state = 'completed' $$;
CREATE FUNCTION large() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(md5(n::text), '') FROM generate_series(1, 32768) AS n $$;
SELECT ayb_jobs.register_handler('nothing', 'nothing(jsonb)');
SELECT ayb_jobs.register_handler('look', 'look()');
SELECT ayb_jobs.register_handler('large', 'large()');
CREATE FUNCTION measure() RETURNS void LANGUAGE sql AS $$ INSERT INTO seen SELECT 'measure', 1, sum(length(p.result #>> '{}')) FROM ayb_jobs.parents() AS p $$;
SELECT ayb_jobs.register_handler('measure', 'measure()')});

# The log of the test says when each of these was done.
sub lap { note("done: $_[0]"); return }
sub runs { my ($how) = @_;
    ok(eventually($node, q{SELECT NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE state IN ('queued', 'running'))}, 1_000), "$how: all have run");
    is(sql($node, 'SELECT count(*) FROM ayb_jobs.job_edges'), '0', "$how: and no edge is left");
    # Where the last two children end at once neither knows that nobody waits for the result any more.
    sql($node, 'TRUNCATE ayb_jobs.job_outcomes');
    lap("$how, run") }
sub refused { my ($statement, $expected, $name) = @_;
    my $error = ($node->psql('postgres', "\\set VERBOSITY verbose\n$statement"))[2];
    like($error, $expected, $name);
    lap($name) }
my $names = "FROM generate_series(1, $size) AS n";

# Parents by their ids.
sql($node, "SELECT ayb_jobs.pause(); CREATE TABLE ids AS SELECT id FROM ayb_jobs.enqueue_many('nothing', array_fill('{}'::jsonb, '{$size}')) AS id");
lap("$size jobs");
my $child = sql($node, q{SELECT ayb_jobs.enqueue('look', depends_on => (SELECT array_agg(id) || array_agg(id) FROM ids))});
lap("one behind $size");
is(sql($node, 'SELECT count(*), count(*) FILTER (WHERE watched) FROM ayb_jobs.job_edges'), "$size|1", 'each parent is one edge, of which one is watched, however often it is named');
refused(q{SELECT ayb_jobs.enqueue('look', depends_on => (SELECT array_agg(id) || '00000000-0000-7000-8000-000000000000'::uuid FROM ids))},
    qr/P0002: job 00000000-0000-7000-8000-000000000000 not found.*HINT/s, 'one that is unknown is named among many');
sql($node, 'CREATE ROLE stranger LOGIN; GRANT SELECT ON ids TO stranger');
refused(q{SET ROLE stranger; SELECT ayb_jobs.enqueue('look', depends_on => (SELECT array_agg(id) FROM ids))}, qr/P0002: job [-0-9a-f]{36} not found.*HINT/s,
    'to a stranger all are unknown');
sql($node, 'SELECT ayb_jobs.resume()');
runs('by ids');
is(sql($node, q{SELECT parents, results FROM seen WHERE type = 'look'}), "$size|$size", 'the child is handed on all results');
is(sql($node, "SELECT jsonb_array_length(h.parents) FROM ayb_jobs.job_history AS h WHERE h.id = '$child'"), $size, 'and its history names all parents');

# A flow of one call: each step behind the one of fifty before, and one behind all of them.
my $flow = sql($node, qq{TRUNCATE seen; SELECT ayb_jobs.enqueue_flow((SELECT jsonb_agg(jsonb_build_object('name', n::text, 'type', 'nothing')
    || CASE WHEN n <= $size - 50 THEN jsonb_build_object('depends_on', jsonb_build_array((n + 50)::text)) ELSE '{}' END ORDER BY n)
    || jsonb_build_array(jsonb_build_object('name', 'end', 'type', 'look', 'depends_on', jsonb_agg(n::text))) $names))});
lap("a flow of $size steps");
runs('by names');
is(sql($node, q{SELECT parents, results FROM seen WHERE type = 'look'}), "$size|$size", 'the last one is handed on all results');
is(sql($node, qq{WITH f AS MATERIALIZED (SELECT row_number() OVER () AS place, f.* FROM ayb_jobs.flow('$flow', $size + 1) AS f)
    SELECT count(*), (SELECT count(*) FROM f AS c JOIN f AS p ON p.name = c.depends_on[1] WHERE p.place > c.place OR p.completed_at > c.completed_at) FROM f}),
    "@{[$size + 1]}|0", 'flow() has them in the order in which they ran');
lap('flow()');
refused("SELECT ayb_jobs.enqueue_flow((SELECT jsonb_agg(jsonb_build_object('name', n::text, 'type', 'nothing', 'depends_on', jsonb_build_array((n % $size + 1)::text))) $names))",
    qr/22023: steps wait for each other: "1" after "2" after .* after "10" after @{[$size - 10]} others after "1".*HINT/s, 'a long cycle is named by its beginning');
refused("SELECT ayb_jobs.enqueue_flow((SELECT jsonb_agg(jsonb_build_object('name', n::text, 'type', 'nothing', 'depends_on', '[\"*\"]'::jsonb)) $names))",
    qr/22023: steps wait for each other: both "1" and "2" wait for all others.*HINT/s, 'many that wait for all others are refused at the second one');
refused("SELECT ayb_jobs.enqueue_flow((SELECT jsonb_agg(jsonb_build_object('name', n % ($size - 1), 'type', 'nothing')) || '[]' $names))",
    qr/22023: .*HINT/s, 'a name that is a number is none');
refused("SELECT ayb_jobs.enqueue_flow((SELECT jsonb_agg(jsonb_build_object('name', (n % ($size - 1))::text, 'type', 'nothing') ORDER BY n) $names))",
    qr/22023: jobs\[\d+\]: the name "1" stands there twice.*HINT/s, 'a name that stands there twice is found among many');
is(sql($node, 'SELECT count(*) FROM ayb_jobs.job_queue'), '0', 'nothing of what was refused is there');

# A result of a megabyte stands once, however many wait for it.
my $wide = int($size / 10);
sql($node, qq{TRUNCATE seen; SELECT ayb_jobs.pause('measure'); SELECT ayb_jobs.enqueue_flow('[{"name": "large", "type": "large"}]'
    || (SELECT jsonb_agg(jsonb_build_object('name', n::text, 'type', 'measure', 'depends_on', '["large"]'::jsonb)) FROM generate_series(1, $wide) AS n))});
ok(eventually($node, qq{SELECT count(*) = $wide FROM ayb_jobs.job_queue WHERE waits_for IS NULL}), "$wide go on at once");
is(sql($node, q{SELECT (SELECT count(*) FROM ayb_jobs.job_outcomes), (SELECT sum(length(result #>> '{}')) FROM ayb_jobs.job_outcomes),
    pg_total_relation_size('ayb_jobs.job_outcomes') < 4 * 1024 * 1024}), '1|1048576|t', 'of a result of a megabyte there is one');
sql($node, q{SELECT ayb_jobs.resume('measure')});
runs('one result');
is(sql($node, 'SELECT count(*), min(results), max(results) FROM seen'), "$wide|1048576|1048576", 'which each is handed on');

# A batch: of a member there is one entry in an index that others have not, and no edge.
my $batch = sql($node, qq{TRUNCATE seen; SELECT ayb_jobs.pause(); SELECT ayb_jobs.enqueue_flow('[{"name": "end", "type": "look", "depends_on": ["*"]}]') AS id \\gset
BEGIN; SELECT ayb_jobs.enqueue_flow('[{"name": "end", "type": "look", "depends_on": ["*"]}]') AS id \\gset
SELECT count(*) FROM ayb_jobs.enqueue_many('nothing', array_fill('{}'::jsonb, '{$size}'), options => jsonb_build_object('flow', :'id')) \\g /dev/null
COMMIT; SELECT :'id'});
($batch) = $batch =~ /(\S+)\s*\z/;
lap("a batch of $size");
is(sql($node, 'SELECT count(*) FROM ayb_jobs.job_edges WHERE flow IS NOT NULL'), '2', 'a batch has one edge, of its callback; so has the empty one');
is(sql($node, q{SELECT string_agg(c.relname, ' ') FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
    WHERE i.indrelid = 'ayb_jobs.job_queue'::regclass AND pg_get_indexdef(i.indexrelid) ~ '\mflow\M'}), 'job_queue_flow_idx', 'a member is in one index more than others');
sql($node, 'SELECT ayb_jobs.resume()');
runs('batch');
is(sql($node, q{SELECT string_agg(parents::text, ' ' ORDER BY parents) FROM seen}), "0 $size", 'the callback comes behind all of them; one of an empty batch at once');
$node->stop;
done_testing();
