# A limit that is set while jobs run in groups: it is in force when each of these groups has ended, and until then nothing of the
# type starts. The limits' tables full: whatever has no room waits, is told of by health(), and starts when there is some.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my $node = start_server('amid_groups', q{
shared_preload_libraries = 'ayb_jobs, ayb_jobs_test'
ayb_jobs.worker_concurrency = 6
ayb_jobs.worker_idle_timeout = 1h
ayb_jobs.poll_interval = 1h
ayb_jobs.group_size = 2
ayb_jobs.group_budget = 1s
ayb_jobs.test_group_at_once = on
ayb_jobs.max_keys = 128
});
sql($node, q{
CREATE EXTENSION ayb_jobs_test;
CREATE TABLE ran (what text, worker integer, began timestamptz, ended timestamptz);
CREATE FUNCTION quick(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    began constant timestamptz := clock_timestamp();
BEGIN
    PERFORM ayb_jobs_test_pause(payload ->> 'what');
    INSERT INTO ran VALUES (payload ->> 'what', pg_backend_pid(), began, clock_timestamp());
END $$;
SELECT ayb_jobs.register_handler(type, 'quick(jsonb)') FROM unnest('{first,second,third}'::text[]) AS type;
SELECT type FROM ayb_jobs.register_handler('parked', kind => 'external');
SELECT type FROM ayb_jobs.register_handler('out', kind => 'external')});

sub enqueue {
    my ($type, $key, @what) = @_;
    my $list = join ',', @what;
    return sql($node, qq{SELECT count(*) FROM ayb_jobs.enqueue_many('$type', (SELECT array_agg(jsonb_build_object('what', what)) FROM unnest('{$list}'::text[]) AS what),
        partition_keys => CASE WHEN '$key' <> '' THEN array_fill('$key'::text, ARRAY[@{[scalar @what]}]) END)});
}
# The scheduler, which counts what runs, has come round: it alone lets in a job with a key whose time has come.
sub comes_round {
    for (1 .. 2) {
        sql($node, q{SELECT ayb_jobs.enqueue('parked', partition_key => 'k', delay => '1 ms')});
        eventually($node, q{SELECT NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE type = 'parked' AND waits_for IS NOT NULL)}) or die "the scheduler does not come round\n";
    }
    return;
}
sub in_force { return sql($node, "SELECT in_force FROM ayb_jobs.limits WHERE type = '$_[0]'") }
sub known {
    my ($type, $rule, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return holds($node, 'postgres', "(SELECT $rule FROM ayb_jobs.limits WHERE type = '$type' AND in_force IS NOT NULL)", $name);
}
sub is_shut {
    my ($type, $why, $not) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    comes_round();
    is(in_force($type), 'f', "$why: it is not in force");
    return ok(!-e AybJobs::test_file($node, "at_$not"), "$why: nothing starts");
}

# Two groups are at their first job. What they don't come to for that goes back to its lane.
pause_at($node, $_) for qw(a b c);
enqueue('first', '', qw(a a2));
ok(is_at($node, 'a'), 'a group runs');
enqueue('first', '', qw(b b2));
ok(is_at($node, 'b'), 'and another one');
sql($node, q{SELECT FROM ayb_jobs.set_limit('first', running => 1)});
known('first', 'running = 1', 'a limit is set');
enqueue('first', '', qw(c c2));
is_shut('first', 'while both run', 'c');
go_on($node, 'a');
is_shut('first', 'while one runs', 'c');
go_on($node, 'b');
ok(is_at($node, 'c'), 'when both have ended the next ones start');
is(in_force('first'), 't', 'the limit is in force');
enqueue('first', '', map { "d$_" } 1 .. 6);
comes_round();
is(sql($node, q{SELECT count(*) FROM ran WHERE what LIKE 'd%'}), 0, 'and no other ones');
is(sql($node, q{SELECT running_now FROM ayb_jobs.limits WHERE type = 'first'}), 1, 'their group has the place');
go_on($node, 'c');
holds($node, 'postgres', q{(SELECT count(*) = 12 FROM ran)}, 'then all run');
is(sql($node, q{SELECT count(*) FROM ran AS r, ran AS o WHERE r.what ~ '^[cd]' AND o.what ~ '^[cd]' AND r.worker <> o.worker AND r.began < o.ended AND o.began < r.ended}),
   0, 'no two of them at once');

# A rule of keys instead, while a group runs that has only a place of the type.
sql($node, q{SELECT FROM ayb_jobs.set_limit('second', running => 4)});
holds($node, 'postgres', q{(SELECT in_force FROM ayb_jobs.limits WHERE type = 'second')}, 'another limit is in force');
pause_at($node, $_) for qw(e f);
enqueue('second', 'k', 'e');
ok(is_at($node, 'e'), 'a group runs under it');
sql($node, q{SELECT FROM ayb_jobs.set_limit('second', running => 4, running_per_key => 1)});
known('second', 'running_per_key = 1', 'one of each key is set');
enqueue('second', 'k', 'f');
is_shut('second', 'while it runs', 'f');
go_on($node, 'e');
ok(is_at($node, 'f'), 'when it has ended the next one of the key starts');
is(in_force('second'), 't', 'the rule is in force');
enqueue('second', 'k', 'g');
enqueue('second', 'l', 'h');
holds($node, 'postgres', q{(SELECT count(*) = 1 FROM ran WHERE what = 'h')}, 'one of another key runs beside it');
is(sql($node, q{SELECT count(*) FROM ran WHERE what = 'g'}), 0, 'one of the same waits');
go_on($node, 'f');
holds($node, 'postgres', q{(SELECT count(*) = 1 FROM ran WHERE what = 'g')}, 'until that has ended');

# A rate: what starts from then on counts.
pause_at($node, 'i');
enqueue('third', '', 'i');
ok(is_at($node, 'i'), 'a group runs');
sql($node, q{SELECT FROM ayb_jobs.set_limit('third', starts => 3, per => '1 h')});
known('third', 'starts = 3', 'a rate is set');
enqueue('third', '', map { "j$_" } 1 .. 5);
comes_round();
is(in_force('third'), 'f', 'while it runs: it is not in force');
is(sql($node, q{SELECT count(*) FROM ran WHERE what LIKE 'j%'}), 0, 'and nothing starts');
go_on($node, 'i');
holds($node, 'postgres', q{(SELECT count(*) = 3 FROM ran WHERE what LIKE 'j%')}, 'when it has ended three start');
comes_round();
is(sql($node, q{SELECT count(*) FROM ran WHERE what LIKE 'j%'}), 3, 'and no more');

# More keys that run than there is room for.
sql($node, q{SELECT ayb_jobs.clear_limit('second'); TRUNCATE ayb_jobs.job_queue; SELECT FROM ayb_jobs.set_limit('out', running_per_key => 1)});
holds($node, 'postgres', q{(SELECT in_force FROM ayb_jobs.limits WHERE type = 'out')}, 'one of each key');
sql($node, q{SELECT count(*) FROM ayb_jobs.enqueue_many('out', array_fill('{}'::jsonb, '{300}'), partition_keys => (SELECT array_agg('k' || n) FROM generate_series(1, 300) AS n))});
my $claim = q{SELECT count(*) FROM ayb_jobs.claim('w', '{out}', 300, '1 d')};
my $running = 0;
for (1 .. 10) { my $more = sql($node, $claim) or last; $running += $more }
cmp_ok($running, '>=', 128, "as many keys run as there is room for ($running)");
cmp_ok($running, '<', 300, 'and not all');
like(sql($node, q{SELECT status || ': ' || detail FROM ayb_jobs.health() WHERE name = 'limits'}), qr/^error: no further key of a limited type starts a job while \d+ have some that run or count/, 'health() says so');
like(sql($node, q{SELECT hint FROM ayb_jobs.health() WHERE name = 'limits'}), qr/^ALTER SYSTEM SET ayb_jobs.max_keys = 512;/, 'and what to do');
sql($node, q{SELECT count(ayb_jobs.complete(id, 'w', runs)) FROM ayb_jobs.jobs WHERE type = 'out' AND state = 'running'});
holds($node, 'postgres', "($claim) > 0", 'further ones start when there is room');
done_testing();
