# Roles that have jobs of one limited type: what becomes free goes round them, whatever each has waiting; by lease and in groups,
# with keys and without, places and starts, inside and outside. Nobody waits for a role that has nothing to start.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

# Nothing here hangs on a turn that lapses, nor on workers that have to be started: there is room for more than come.
my $node = start_server('roles_in_turn', q{
fsync = off
ayb_jobs.worker_concurrency = 16
ayb_jobs.worker_idle_timeout = 1h
ayb_jobs.poll_interval = 1h
ayb_jobs.group_size = 5
ayb_jobs.test_group_at_once = on
});
sql($node, q{CREATE ROLE anna LOGIN; CREATE ROLE bert LOGIN;
SELECT type FROM ayb_jobs.register_handler('leased', 'work(jsonb)', grouped => false);
SELECT type FROM ayb_jobs.register_handler('out', kind => 'external');
CREATE PROCEDURE enqueue(type text, role text, jobs integer, keys integer) LANGUAGE sql AS $$
    SELECT count(ayb_jobs.enqueue(type, jsonb_build_object('what', role, 'seconds', 0), run_as => role, partition_key => 'k' || n % keys))
    FROM generate_series(1, jobs) AS n $$});

sub set_limit {
    sql($node, "SELECT FROM ayb_jobs.set_limit($_[0])");
    return eventually($node, q{SELECT bool_and(in_force) FROM ayb_jobs.limits}) || BAIL_OUT('not in force');
}
# A worker of each is there.
sub fresh {
    sql($node, "TRUNCATE effects; CALL enqueue('nap', 'anna', 1, NULL); CALL enqueue('nap', 'bert', 1, NULL)");
    ok(eventually($node, q{SELECT count(*) = 2 FROM effects}), 'both have workers');
    return sql($node, 'SELECT ayb_jobs.pause(); TRUNCATE effects');
}
my @backlogs = (['anna', 300], ['bert', 60]);
sub enqueue { my ($type, $keys) = @_; sql($node, "CALL enqueue('$type', '$_->[0]', $_->[1], $keys)") for @backlogs; return }
sub all_run {
    my ($name) = @_;
    sql($node, q{SELECT ayb_jobs.resume()});
    return ok(eventually($node, q{SELECT count(*) = 360 FROM effects}), "$name: all run");
}

for my $type (qw(leased work)) {
    for my $keys ('NULL', 5) {
        for my $running (1, 3) {
            my $name = ($type eq 'work' ? 'in groups' : 'by lease') . ($keys eq 'NULL' ? '' : ', with keys') . ", $running at once";
            fresh();
            set_limit("'$type', running => $running");
            enqueue($type, $keys);
            all_run($name);

            # Beside forty of the one that has less: some of both are on their way then, and a group is as many.
            my $beside = sql($node, q{SELECT count(*) FROM effects WHERE what = 'anna' AND at <= (SELECT at FROM effects WHERE what = 'bert' ORDER BY at OFFSET 39 LIMIT 1)});
            my $group = $type eq 'work' ? 5 : 1;
            my $most = ($running + 1) * $group + 2;
            cmp_ok(abs($beside - 40), '<=', $most, "$name: both are served as often ($beside of one, 40 of the other)");
        }
    }
    sql($node, "SELECT ayb_jobs.clear_limit('$type')");
}

# Of starts in a time each has its half at once, in whatever order they look.
for my $type (qw(leased work)) {
    fresh();
    set_limit("'$type', starts => 40, per => '1 h'");
    enqueue($type, 'NULL');
    sql($node, 'SELECT ayb_jobs.resume()');
    ok(eventually($node, q{SELECT count(*) = 40 FROM effects}), "$type: as many start as may");
    is(sql($node, q{SELECT string_agg(what || ' ' || count, ' ' ORDER BY what) FROM (SELECT what, count(*) FROM effects GROUP BY 1) AS e}), 'anna 20 bert 20', 'half of them of each');
    sql($node, "SELECT ayb_jobs.clear_limit('$type')");
    ok(eventually($node, q{SELECT count(*) = 360 FROM effects}), 'without a limit the rest');
}

# Outside: by one claim of many, and one by one.
sub claimed { return sql($node, qq{SELECT string_agg(payload ->> 'what', ' ') FROM ayb_jobs.claim('w', '{out}', $_[0]) AS c}) }
my $end = q{SELECT count(ayb_jobs.complete(id, worker_id, runs)) FROM ayb_jobs.jobs WHERE type = 'out' AND state = 'running'};
set_limit(q{'out', running => 6});
enqueue('out', 'NULL');
is(join(' ', sort split / /, claimed(10)), 'anna anna anna bert bert bert', 'outside: one claim takes as many of each');
sql($node, $end);
set_limit(q{'out', running => 1});
my @turns = map { my $turn = claimed(2); sql($node, $end); $turn } 1 .. 10;
like("@turns", qr/^(anna bert ){4}anna bert$|^(bert anna ){4}bert anna$/, "outside: one after the other (@turns)");

# A role whose jobs are all done isn't waited for, nor one whose keys may not start, nor one that nobody serves.
sql($node, q{SELECT count(ayb_jobs.cancel(id)) FROM ayb_jobs.jobs WHERE type = 'out' AND state = 'queued' AND run_as::text = 'bert'});
is(join(' ', map { my $turn = claimed(1); sql($node, $end); $turn } 1 .. 3), 'anna anna anna', 'outside: who has none left is passed over');
fresh();
set_limit(q{'leased', running => 2, running_per_key => 1});
sql($node, q{SELECT ayb_jobs.resume(); SELECT type FROM ayb_jobs.register_handler('leased', 'gated(jsonb)', grouped => false)});
my $gate = shut_gate($node);
sql($node, q{CALL enqueue('leased', 'bert', 5, 1)});
ok(eventually($node, q{SELECT running_now = 1 FROM ayb_jobs.limits WHERE type = 'leased'}), 'one of a key runs');
sql($node, q{CALL enqueue('leased', 'anna', 1, 5)});
ok(eventually($node, q{SELECT running_now = 2 FROM ayb_jobs.limits WHERE type = 'leased'}), 'beside it another role\'s');
open_gate($gate);
ok(eventually($node, q{SELECT count(*) = 6 FROM effects}), 'all run');
done_testing();
