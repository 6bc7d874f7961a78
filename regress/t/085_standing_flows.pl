# Whatever happens in the middle of a flow, nothing waits for ever without a row of health() that says for what: without a history,
# under an old snapshot, in a restored copy, where a role is gone, or a type, or a parent is purged.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('standing', "ayb_jobs.failed_retention = '30 d'");
sql($node, q{
CREATE ROLE stays LOGIN;
CREATE PROCEDURE do_command() LANGUAGE plpgsql AS $$ BEGIN COMMIT; PERFORM note_effect(); END $$;
CREATE FUNCTION after() RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_agg(concat_ws(' ', p.name, p.type, p.state, p.result) ORDER BY p.type, p.job_id) FROM ayb_jobs.parents() AS p $$;
CREATE TABLE told (what text, said jsonb);
CREATE FUNCTION tell(payload jsonb) RETURNS void LANGUAGE sql AS $$ INSERT INTO told SELECT payload ->> 'what', after() $$;
SELECT ayb_jobs.register_handler('tell', 'tell(jsonb)');
SELECT ayb_jobs.register_handler('leased', 'work(jsonb)', grouped => false);
SELECT ayb_jobs.register_handler('command', 'CALL public.do_command()', kind => 'command');
SELECT ayb_jobs.register_handler('outside', kind => 'external');
SELECT ayb_jobs.register_handler('outside each', kind => 'external');
SELECT ayb_jobs.register_handler('unkept', 'work(jsonb)', keep => false);
SELECT ayb_jobs.register_handler('unkept outside', kind => 'external', keep => false);
SELECT ayb_jobs.register_handler('once', 'break(jsonb)', max_attempts => 1)});

sub job { return sql($node, "SELECT ayb_jobs.enqueue($_[0])") }
sub after { my ($parent, $more) = @_; return job("'tell', '{\"what\": \"$parent\"}', depends_on => '{$parent}'" . ($more // '')) }
sub flows { return health($node, 'postgres', 'flows') }
my $at_rest = q{NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE state IN ('queued', 'running'))};
my $quiet = 'ok|no job waits for one that has failed, or is locked|';

# A flow of each kind of parent, one child of all of them, and one of all others.
sub runs_to_its_end {
    my ($how, $said, $star) = @_;
    sql($node, 'TRUNCATE told');
    my $flow = sql($node, q{SELECT ayb_jobs.enqueue_flow('[{"name": "end", "type": "tell", "payload": {"what": "named"}, "depends_on": ["a", "b", "c", "d", "e", "f", "g"]},
        {"name": "star", "type": "tell", "payload": {"what": "star"}, "depends_on": ["*"]},
        {"name": "a", "type": "work", "payload": {"what": "a"}}, {"name": "b", "type": "leased", "payload": {"what": "b"}}, {"name": "c", "type": "command"},
        {"name": "d", "type": "outside"}, {"name": "e", "type": "outside each"}, {"name": "f", "type": "unkept", "payload": {"what": "f"}}, {"name": "g", "type": "unkept outside"}]')});
    sql($node, q{SELECT ayb_jobs.complete(c.id, 'w', c.attempt, '{"did": "out"}') FROM ayb_jobs.claim('w', '{outside, "unkept outside"}', 2) AS c});
    sql($node, q{SELECT ayb_jobs.complete_many('w', jsonb_agg(jsonb_build_object('id', c.id, 'attempt', c.attempt, 'result', '{"did": "each"}'::jsonb)))
        FROM ayb_jobs.claim('w', '{outside each}', 1) AS c});
    at_once($node, 'postgres', $at_rest, "$how: it comes to its end");
    is(sql($node, q{SELECT said FROM told WHERE what = 'named'}), $said, "$how: the child is handed on names, states and results");
    is(sql($node, q{SELECT coalesce(jsonb_array_length(said), 0) FROM told WHERE what = 'star'}), $star, "$how: what waits for all others sees those that are kept");
    is(sql($node, q{SELECT count(*) FROM ayb_jobs.job_edges AS e WHERE NOT EXISTS (SELECT FROM ayb_jobs.job_queue AS q WHERE q.id = e.child)}), '0', "$how: and nothing of it is left");
    is(flows(), $quiet, "$how: nothing stands");
}
my $kept = join ', ', map { "\"$_\"" } 'c command completed \"CALL\"', 'b leased completed {\"did\": \"b\"}', 'd outside completed {\"did\": \"out\"}',
    'e outside each completed {\"did\": \"each\"}', 'f unkept completed {\"did\": \"f\"}', 'g unkept outside completed {\"did\": \"out\"}', 'a work completed {\"did\": \"a\"}';
runs_to_its_end('with a history', "[$kept]", 6);
set_configuration($node, 'ayb_jobs.retention' => '0');
runs_to_its_end('without one', "[$kept]", 0);

# A parent that is gone before its child is looked at has completed; one that is gone before its child is enqueued isn't known.
sub refused { return ($node->psql('postgres', $_[0]))[2] }
my $gate = shut_gate($node);
my $parent = job("'gated'");
my $late = $node->background_psql('postgres');
$late->query_safe("BEGIN; SELECT ayb_jobs.enqueue('tell', '{\"what\": \"$parent\"}', depends_on => '{$parent}')");
ok(eventually($node, 'SELECT ' . at_gate() . ' = 1'), 'a parent runs');
open_gate($gate);
at_once($node, 'postgres', "NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE id = '$parent')", 'it completes before the child is committed');
$late->query_safe('COMMIT');
$late->quit;
at_once($node, 'postgres', "EXISTS (SELECT FROM told WHERE what = '$parent' AND said::text LIKE '%completed%')", 'the child runs all the same');
like(refused("SELECT ayb_jobs.enqueue('tell', depends_on => '{$parent}')"), qr/job $parent not found.*ayb_jobs\.retention/s, 'and another one can\'t wait for it any more');
set_configuration($node, 'ayb_jobs.retention' => '7 d');

# A parent that failed, is purged, or deleted, for each of what a child may say to that.
sub children_of { my ($of) = @_; return map { after($of, ", options => '{\"on_parent_failure\": \"$_\"}'") } 'wait', 'run', 'cancel' }
sub come_to { my ($states, $how, @ids) = @_;
    my $list = join ',', @ids;
    at_once($node, 'postgres', "(SELECT string_agg(j.state, ' ' ORDER BY u.n) = '$states' FROM unnest('{$list}'::uuid[]) WITH ORDINALITY AS u (id, n) JOIN ayb_jobs.jobs AS j USING (id))", $how) }
$parent = job("'once', delay => '1 h'");
my @children = children_of($parent);
sql($node, "SELECT ayb_jobs.run_now('$parent')");
come_to('failed queued completed canceled', 'a parent fails', $parent, @children);
is(flows(), "warning|1 jobs wait for 1 that have failed: once|SELECT ayb_jobs.retry_now('$parent'); once it is mended, or ayb_jobs.cancel() of what waits.",
    'health() says what stands');
turn_clock($node, 31 * 86400);
sql($node, "SELECT ayb_jobs.pause('nap')"); # wakes the scheduler
at_once($node, 'postgres', "NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE id = '$parent')", 'it is purged');
come_to('canceled', 'which counts as deleted', $children[0]);
like(sql($node, "SELECT last_error FROM ayb_jobs.jobs WHERE id = '$children[0]'"), qr/^job $parent, for which it waited, was deleted$/, 'and the child says so');
is(flows(), $quiet, 'nothing stands any more');

# A role that is gone: of what is to come, of what has failed, and of a flow.
sql($node, q{CREATE ROLE leaver LOGIN; GRANT stays TO leaver; GRANT leaver TO CURRENT_USER; GRANT ALL ON told TO PUBLIC});
my @of_leaver = split /\n/, $node->safe_psql('postgres', q{SELECT ayb_jobs.enqueue('work', delay => '1 h'); SELECT ayb_jobs.enqueue('once');
    SELECT ayb_jobs.enqueue_flow('[{"name": "one", "type": "work", "delay": "1 h", "run_as": "stays"}, {"name": "two", "type": "work", "run_as": "stays", "depends_on": ["one"]}]')},
    extra_params => ['-U', 'leaver']);
come_to('failed', 'one of its jobs fails', $of_leaver[1]);
my @of_queued = children_of($of_leaver[0]);
my @of_failed = children_of($of_leaver[1]);
$node->safe_psql('template1', 'DROP ROLE leaver');
come_to('canceled completed canceled', 'children of a job whose role is gone', @of_queued);
come_to('queued completed canceled', 'of one that had failed before', @of_failed);
at_once($node, 'postgres', "(SELECT run_as = 0::oid FROM ayb_jobs.job_queue WHERE id = '$of_leaver[1]')", 'which is nobody\'s');
is(flows(), "warning|1 jobs wait for 1 that have failed: once|SELECT ayb_jobs.delete_job('$of_leaver[1]'); its role is gone: what waits is canceled by that.", 'health() says what helps');
sql($node, "SELECT ayb_jobs.delete_job('$of_leaver[1]')");
come_to('canceled', 'and it does', $of_failed[0]);
is(sql($node, "SELECT enqueued_by, state, jobs FROM ayb_jobs.flows WHERE id = '$of_leaver[2]'"), '-|running|2', 'a flow of another\'s jobs is nobody\'s now');
is(sql($node, "SELECT r.state FROM ayb_jobs.flow('$of_leaver[2]') AS f CROSS JOIN LATERAL ayb_jobs.run_now(f.job_id) AS r WHERE f.name = 'one'"), 'queued', 'its jobs are there');
at_once($node, 'postgres', "(SELECT state = 'completed' FROM ayb_jobs.flows WHERE id = '$of_leaver[2]')", 'and run');

# A type that nobody has registered any more, of a parent and of a child.
sql($node, q{SELECT ayb_jobs.register_handler('passing', 'work(jsonb)')});
my $passing = job("'passing', delay => '1 h'");
my @of_passing = (after($passing), job("'passing', depends_on => '{$passing}'"));
sql($node, qq{SELECT ayb_jobs.unregister_handler('passing'); SELECT ayb_jobs.run_now('$passing')});
is(health($node, 'postgres', 'handlers'), 'warning|1 of type passing wait for a handler|Register one with ayb_jobs.register_handler().', 'health() names the type of a parent');
sql($node, q{SELECT ayb_jobs.register_handler('passing', 'work(jsonb)')});
come_to('completed completed completed', 'and all goes on', $passing, @of_passing);

# What somebody has locked: not let go, but said.
my $locked = job("'work', delay => '1 h'");
my ($held) = after($locked);
my $holder = $node->background_psql('postgres');
$holder->query_safe("BEGIN; SELECT FROM ayb_jobs.job_queue WHERE id = '$held' FOR UPDATE");
sql($node, "SELECT ayb_jobs.run_now('$locked')");
come_to('completed queued', 'a child is locked while its parent completes', $locked, $held);
ok(eventually($node, 'SELECT ayb_jobs_internal.put_off_since() IS NOT NULL'), 'its look is put off');
turn_clock($node, 32 * 86400);
like(flows(), qr/^warning\|since .* jobs that could go on are locked by other sessions\|See in pg_locks and pg_stat_activity/, 'health() says so');
$holder->query_safe('COMMIT');
come_to('completed', 'and lets it go', $held);
ok(eventually($node, "SELECT '$quiet' = concat_ws('|', status, detail, '') FROM ayb_jobs.health() WHERE name = 'flows'"), 'then nothing stands');

# An old snapshot: of a stranger, held through all of this; and of one who enqueues behind a job that it alone still sees, deleted
# longer ago than is remembered else.
$holder->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ayb_jobs.job_queue');
runs_to_its_end('under an old snapshot', "[$kept]", 6);
my $seen = job("'work', delay => '1 h'");
my $sees = $node->background_psql('postgres');
$sees->query_safe("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ayb_jobs.jobs WHERE id = '$seen'");
sql($node, "SELECT ayb_jobs.delete_job('$seen')");
turn_clock($node, 35 * 86400);
sql($node, "SELECT ayb_jobs.resume('nap')"); # wakes the scheduler
my $dead = q{(SELECT count(*) FROM ayb_jobs.job_outcomes WHERE state = 'deleted' AND job_id};
at_once($node, 'postgres', "$dead = '$parent') = 0", 'of deletions that nobody can have missed the memory goes');
my $behind = $sees->query_safe("SELECT ayb_jobs.enqueue('work', depends_on => '{$seen}')");
$sees->query_safe('COMMIT');
come_to('canceled', 'a job behind one that was deleted long ago never runs', $behind);
$_->quit for $sees, $holder;

# Restored from a dump that was made in the middle: half of the parents done, one failed, one claimed outside, a batch half way.
sql($node, q{SELECT ayb_jobs.pause('work'); TRUNCATE told; UPDATE ayb_jobs.handlers SET max_attempts = 1 WHERE type = 'once'});
my $done = job("'leased', '{\"what\": \"done\"}'");
come_to('completed', 'one is done', $done);
my $mid = sql($node, qq{SELECT ayb_jobs.enqueue_flow('[{"name": "end", "type": "tell", "payload": {"what": "end"}, "depends_on": ["a", "b", "c", "$done"]},
    {"name": "a", "type": "work", "payload": {"what": "a"}}, {"name": "b", "type": "leased", "payload": {"what": "b"}}, {"name": "c", "type": "unkept", "payload": {"what": "c"}}]')});
my ($bad, $out) = (job("'once'"), job("'outside'"));
my ($on_bad, $on_out) = (after($bad), after($out));
sql($node, q{SELECT FROM ayb_jobs.claim('w', '{outside}', 1)});
my $batch = sql($node, q{BEGIN; SELECT ayb_jobs.enqueue_flow('[{"name": "end", "type": "tell", "payload": {"what": "batch"}, "depends_on": ["*"]}]') AS id \gset
SELECT count(*) FROM ayb_jobs.enqueue_many('leased', array_fill('{}'::jsonb, '{5}'), options => jsonb_build_object('flow', :'id')) \g /dev/null
SELECT count(*) FROM ayb_jobs.enqueue_many('work', array_fill('{}'::jsonb, '{5}'), options => jsonb_build_object('flow', :'id')) \g /dev/null
COMMIT; SELECT :'id'});
come_to('failed', 'another has failed', $bad);
at_once($node, 'postgres', "(SELECT completed FROM ayb_jobs.flows WHERE id = '$_->[0]') = $_->[1]", 'half is done') for [$mid, 1], [$batch, 5];
at_once($node, 'postgres', q{NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE type = 'unkept')}, 'and one is gone');
my $dump = "$PostgreSQL::Test::Utils::tmp_check/middle.dump";
$node->command_ok(['pg_dump', '-Fc', '-f', $dump, 'postgres'], 'it is dumped');
$node->safe_psql('template1', 'CREATE DATABASE copy TEMPLATE template0');
$node->command_ok(['pg_restore', '--exit-on-error', '--jobs=2', '-d', 'copy', $dump], 'and restored');
$node->safe_psql('copy', q{SELECT ayb_jobs.adopt(); SELECT ayb_jobs.resume('work')});
at_once($node, 'copy', q{(SELECT count(*) = 2 FROM told WHERE what IN ('end', 'batch'))}, 'in the copy what was half done goes on');
is($node->safe_psql('copy', q{SELECT said FROM told WHERE what = 'end'}),
    '["leased completed {\"did\": \"done\"}", "b leased completed {\"did\": \"b\"}", "c unkept completed {\"did\": \"c\"}", "a work completed {\"did\": \"a\"}"]',
    'with the results from before');
is($node->safe_psql('copy', q{SELECT jsonb_array_length(said) FROM told WHERE what = 'batch'}), '10', 'the callback of the batch sees all');
like(health($node, 'copy', 'flows'), qr/^warning\|1 jobs wait for 1 that have failed: once\|/, 'what stood stands, and health() says so');
$node->safe_psql('copy', "SELECT ayb_jobs.register_handler('once', 'work(jsonb)'); SELECT ayb_jobs.retry_now('$bad')");
at_once($node, 'copy', "(SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$on_bad')", 'and goes on');
turn_clock($node, 36 * 86400); # the lease is over
at_once($node, 'copy', "(SELECT state = 'queued' FROM ayb_jobs.jobs WHERE id = '$out')", 'who worked outside lost its claim');
$node->safe_psql('copy', q{SELECT ayb_jobs.complete(c.id, 'v', c.attempt) FROM ayb_jobs.claim('v', '{outside}', 1) AS c});
at_once($node, 'copy', "(SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$on_out')", 'and its child goes on when the next one has done it');
is(sql($node, 'SELECT count(*) FROM told'), '0', 'the original is as it was');
$node->stop;
done_testing();
