# Types whose keys go in order: one job of each at once, by id, whatever happens to it; inside and outside, by lease and in
# groups. Other keys never wait.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('ordered', q{
fsync = off
ayb_jobs.worker_concurrency = 3
ayb_jobs.worker_idle_timeout = 0
ayb_jobs.poll_interval = 200ms
});
# Fails in as many of its first attempts as the payload says, wherever they run.
sql($node, q{
CREATE FUNCTION stumble(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT attempts FROM ayb_jobs.current_job()) <= (payload ->> 'failures')::integer THEN RAISE 'stumbled'; END IF;
    PERFORM note_effect(payload ->> 'what');
END $$;
CREATE FUNCTION step(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM note_effect(payload ->> 'what');
    IF payload ? 'again' THEN PERFORM ayb_jobs.snooze('1 h', jsonb_build_object('what', payload ->> 'again')); END IF;
END $$;
SELECT type FROM ayb_jobs.register_handler('leased', 'stumble(jsonb)', grouped => false, max_attempts => 2, backoff => '{1 h}');
SELECT type FROM ayb_jobs.register_handler('quick', 'stumble(jsonb)', backoff => '{0s}');
SELECT type FROM ayb_jobs.register_handler('steady', 'stumble(jsonb)', backoff => '{0s}');
SELECT type FROM ayb_jobs.register_handler('step', 'step(jsonb)');
SELECT type FROM ayb_jobs.register_handler('waits', 'gated(jsonb)', grouped => false);
SELECT type FROM ayb_jobs.register_handler('out', kind => 'external', max_attempts => 2);
SELECT count(ayb_jobs.set_limit(type, ordered => true)) FROM unnest('{leased, quick, steady, step, waits, out, work}'::text[]) AS type});
ok(eventually($node, q{SELECT bool_and(in_force AND ordered) FROM ayb_jobs.limits}), 'in force');

# The ids of jobs of VALUES (type, what, key, more), by what they are to leave, in that order.
sub enqueue {
    my ($jobs) = @_;
    my $ids = sql($node, qq{SELECT v.what, ayb_jobs.enqueue(type, jsonb_build_object('what', what) || payload, partition_key => key, priority => priority)
        FROM (VALUES $jobs) AS v (type, what, key, payload, priority)});
    return map { split /\|/ } split /\n/, $ids;
}
sub jobs { return "SELECT ayb_jobs.enqueue(type, jsonb_build_object('what', what), partition_key => key, priority => priority) FROM (VALUES $_[0]) AS v (type, what, key, priority)" }
my $effects = q{(SELECT coalesce(string_agg(what, ' ' ORDER BY at, ctid), '') FROM effects)};
sub effects { return sql($node, "SELECT $effects") }
# What has run of a key, in order; once so much has.
sub runs {
    my ($expected, $key, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $of_key = qq{(SELECT string_agg(what, ' ' ORDER BY at, ctid) FROM effects WHERE what LIKE '$key%')};
    eventually($node, "SELECT $of_key = '$expected'");
    return is(sql($node, "SELECT $of_key"), $expected, $name);
}
sub fresh { return sql($node, 'TRUNCATE effects') }

# By id, whatever the priority; and one after another.
for my $type (qw(leased work)) {
    fresh();
    sql($node, 'SELECT ayb_jobs.pause(); ' . jobs("('$type', 'a1', 'a', 4), ('$type', 'a2', 'a', -4), ('$type', 'a3', 'a', 0), ('$type', 'b1', 'b', 0), ('$type', 'a4', 'a', -4)") . '; SELECT ayb_jobs.resume()');
    runs('a1 a2 a3 a4', 'a', "$type: by id, priority or none");
    runs('b1', 'b', 'beside another key');
}

# While the first one is in back-off those behind it wait, and nobody else.
fresh();
my %job = enqueue(q{('leased', 'a1', 'a', '{"failures": 1}'::jsonb, 0), ('leased', 'a2', 'a', '{"failures": 0}', -4), ('leased', 'b1', 'b', '{"failures": 0}', 0)});
runs('b1', 'b', 'another key goes on');
ok(eventually($node, "SELECT phase = 'retrying' AND waits_for IS NULL FROM ayb_jobs.jobs WHERE id = '$job{a1}'"), 'the first one waits for its next attempt, in its place');
enqueue(q{('leased', 'a3', 'a', '{"failures": 0}'::jsonb, 0), ('leased', 'c1', 'c', '{"failures": 0}', 0)});
runs('c1', 'c', 'one that comes later, of another key, runs');
is(sql($node, q{SELECT count(*) FROM effects WHERE what LIKE 'a%'}), 0, 'those behind it wait');
ok(eventually($node, "SELECT phase = 'waiting' FROM ayb_jobs.jobs WHERE id = '$job{a2}'"), 'and say so');
turn_clock($node, 4000);
runs('a1 a2 a3', 'a', 'when it has succeeded they follow');

# What is put off after it was started blocks, by hand too; run_now() lets it go on, cancel() lets the others.
fresh();
%job = enqueue(q{('leased', 'a1', 'a', '{"failures": 1}'::jsonb, 0), ('leased', 'a2', 'a', '{"failures": 0}', 0)});
ok(eventually($node, "SELECT phase = 'retrying' FROM ayb_jobs.jobs WHERE id = '$job{a1}'"), 'it has failed');
is(sql($node, "SELECT waits_for FROM ayb_jobs.reschedule('$job{a1}', delay => '2 days')"), '', 'put off by hand it keeps its place');
%job = (%job, enqueue(q{('leased', 'b1', 'b', '{"failures": 0}'::jsonb, 0)}));
runs('b1', 'b', 'others go on');
is(effects(), 'b1', 'its own key waits');
sql($node, "SELECT ayb_jobs.run_now('$job{a1}')");
runs('a1 a2', 'a', 'run_now() runs it, and the next one follows');
fresh();
%job = enqueue(q{('leased', 'a1', 'a', '{"failures": 1}'::jsonb, 0), ('leased', 'a2', 'a', '{"failures": 0}', 0)});
ok(eventually($node, "SELECT phase = 'retrying' FROM ayb_jobs.jobs WHERE id = '$job{a1}'"), 'one more has failed');
sql($node, "SELECT ayb_jobs.cancel('$job{a1}')");
runs('a2', 'a', 'canceled it lets the next one go');

# One that failed for good lets the next one go, and comes back to its place by retry_now().
fresh();
%job = enqueue(q{('leased', 'a1', 'a', '{"failures": 2}'::jsonb, 0), ('leased', 'a2', 'a', '{"failures": 0}', 0)});
ok(eventually($node, "SELECT phase = 'retrying' FROM ayb_jobs.jobs WHERE id = '$job{a1}'"), 'it has failed once');
sql($node, "SELECT ayb_jobs.run_now('$job{a1}')");
runs('a2', 'a', 'when it has failed for good the next one runs');
fresh();
sql($node, 'SELECT ayb_jobs.pause()');
enqueue(q{('leased', 'a3', 'a', '{"failures": 0}'::jsonb, -4)});
sql($node, qq{UPDATE ayb_jobs.job_queue SET payload = payload || '{"failures": 0}' WHERE id = '$job{a1}'; SELECT ayb_jobs.retry_now('$job{a1}'); SELECT ayb_jobs.resume()});
runs('a1 a3', 'a', 'retried by hand it has its old place');

# What isn't due for the first time isn't in the line; run_now() puts it there, behind nobody.
fresh();
%job = (sql($node, q{SELECT ayb_jobs.enqueue('leased', '{"what": "a1", "failures": 0}', delay => '1 h', partition_key => 'a')}) => 1);
my ($later) = keys %job;
enqueue(q{('leased', 'a2', 'a', '{"failures": 0}'::jsonb, 0)});
runs('a2', 'a', 'one that is to run later lets those before its time go');
sql($node, qq{SELECT ayb_jobs.pause()});
enqueue(q{('leased', 'a3', 'a', '{"failures": 0}'::jsonb, 0)});
sql($node, "SELECT ayb_jobs.run_now('$later'); SELECT ayb_jobs.resume()");
runs('a2 a1 a3', 'a', 'from then on it stands by its id');

# snooze(): the next step is a part of the job.
fresh();
enqueue(q{('step', 'a1', 'a', '{"again": "a1b"}'::jsonb, 0), ('step', 'a2', 'a', '{}', 0), ('step', 'b1', 'b', '{}', 0)});
runs('b1', 'b', 'another key goes on');
runs('a1', 'a', 'those behind a snoozed one wait');
turn_clock($node, 8000);
runs('a1 a1b a2', 'a', 'until its last step');

# In groups, with failures that are put right by lease; of many keys. None is overtaken.
fresh();
sql($node, q{SELECT count(ayb_jobs.enqueue(type, '{"what": "warm", "failures": 0}', partition_key => 'w' || n % 20)) FROM unnest('{quick, steady}'::text[]) AS type, generate_series(1, 200) AS n});
ok(eventually($node, q{SELECT count(*) = 400 FROM effects}), 'types that are known to be quick');
fresh();
sql($node, q{SELECT ayb_jobs.pause();
SELECT count(ayb_jobs.enqueue('quick', jsonb_build_object('what', k || ' ' || n, 'failures', CASE WHEN n % 7 = k % 7 THEN 1 ELSE 0 END), partition_key => 'k' || k))
FROM generate_series(1, 30) AS n, generate_series(1, 10) AS k; SELECT ayb_jobs.resume()});
ok(eventually($node, q{SELECT count(*) = 300 FROM effects}), 'all run');
is(sql($node, q{SELECT count(*) FROM (SELECT split_part(what, ' ', 2)::integer AS n, lag(split_part(what, ' ', 2)::integer) OVER (PARTITION BY split_part(what, ' ', 1) ORDER BY at, ctid) AS before FROM effects) AS e WHERE n < before}),
   0, 'each key in order');
ok(sql($node, q{SELECT count(*) FROM ayb_jobs.job_history WHERE type = 'quick' AND attempts = 2}) > 0, 'past failures');

# Many of one key share a group, which goes no further in the key than to the first that doesn't succeed.
fresh();
sql($node, q{SELECT ayb_jobs.pause();
SELECT count(ayb_jobs.enqueue('steady', jsonb_build_object('what', 'z' || n, 'failures', CASE WHEN n = 5 THEN 1 ELSE 0 END), partition_key => 'z')) FROM generate_series(1, 12) AS n;
SELECT ayb_jobs.resume()});
runs(join(' ', map { "z$_" } 1 .. 12), 'z', 'in a group too');
ok(sql($node, q{SELECT max(jobs) > 1 FROM (SELECT count(*) AS jobs FROM effects WHERE what LIKE 'z%' GROUP BY xmin::text) AS g}), 'as groups they were');

# Its worker is lost while it runs: it is the next one again.
fresh();
my $gate = shut_gate($node);
%job = enqueue(q{('waits', 'a1', 'a', '{}'::jsonb, 0), ('waits', 'a2', 'a', '{}', 0), ('waits', 'b1', 'b', '{}', 0), ('waits', 'b2', 'b', '{}', 0)});
my $running = q{(SELECT string_agg(payload ->> 'what', ' ' ORDER BY id) FROM ayb_jobs.jobs WHERE type = 'waits' AND state = 'running')};
ok(eventually($node, "SELECT $running = 'a1 b1'"), 'one of each key runs');
is(sql($node, "SELECT phase FROM ayb_jobs.jobs WHERE id = '$job{a2}'"), 'waiting', 'the other one waits for it');
my $worker = sql($node, qq{SELECT pid FROM ayb_jobs.workers() WHERE job_id = '$job{a1}'});
sql($node, "SELECT pg_terminate_backend($worker)");
ok(eventually($node, "SELECT $running = 'a1 b1' FROM ayb_jobs.jobs WHERE id = '$job{a1}' AND runs = 2"), 'it runs again');
open_gate($gate);
runs('a1 a2', 'a', 'and those behind it after it');
runs('b1 b2', 'b', 'no other key has waited');

# Locked by a stranger: nobody goes past it.
fresh();
sql($node, 'SELECT ayb_jobs.pause()');
%job = enqueue(q{('leased', 'a1', 'a', '{"failures": 0}'::jsonb, 0), ('leased', 'a2', 'a', '{"failures": 0}', 0), ('leased', 'b1', 'b', '{"failures": 0}', 0)});
my $other = $node->background_psql('postgres');
$other->query_safe("BEGIN; SELECT FROM ayb_jobs.job_queue WHERE id = '$job{a1}' FOR UPDATE");
sql($node, 'SELECT ayb_jobs.resume()');
runs('b1', 'b', 'past a locked one another key goes');
enqueue(q{('leased', 'a3', 'a', '{"failures": 0}'::jsonb, 0), ('leased', 'c1', 'c', '{"failures": 0}', 0)});
runs('c1', 'c', 'and another');
is(sql($node, q{SELECT count(*) FROM effects WHERE what LIKE 'a%'}), 0, 'its own waits');
$other->query_safe('ROLLBACK');
runs('a1 a2 a3', 'a', 'until it is let go');

# Outside.
my $claim = q{SELECT string_agg(payload ->> 'what', ' ' ORDER BY n) FROM ayb_jobs.claim('w', '{out}', 5) WITH ORDINALITY AS c (id, type, payload, attempt, max_attempts, run_at, lease_until, partition_key, meta, n)};
sub held { return sql($node, qq{SELECT id || ''', ''w'', ' || runs FROM ayb_jobs.jobs WHERE type = 'out' AND state = 'running' AND payload ->> 'what' = '$_[0]'}) }
enqueue(q{('out', 'a1', 'a', '{}'::jsonb, 4), ('out', 'a2', 'a', '{}', 0), ('out', 'b1', 'b', '{}', 0), ('out', 'a3', 'a', '{}', -4)});
is(sql($node, $claim), 'a1 b1', 'outside: the first one of each key');
is(sql($node, $claim), '', 'and no more');
sql($node, q{SELECT ayb_jobs.fail('} . held('a1') . q{, 'no', retry_in => '1 h')});
is(sql($node, $claim), '', 'nor behind one in back-off');
sql($node, q{SELECT ayb_jobs.complete('} . held('b1') . ')');
is(sql($node, $claim), '', 'whatever others do');
turn_clock($node, 12000);
is(sql($node, $claim), 'a1', 'it comes again');
sql($node, q{SELECT ayb_jobs.fail('} . held('a1') . q{, 'no', final => true)});
is(sql($node, $claim), 'a2', 'failed for good it lets the next one go');
sql($node, q{SELECT ayb_jobs.complete('} . held('a2') . ')');
is(sql($node, $claim), 'a3', 'and that the last one');
is(sql($node, 'BEGIN; SELECT ayb_jobs.complete(\'' . held('a3') . q{); } . jobs(q{('out', 'a4', 'a', 0)}) . "; $claim; COMMIT") =~ s/.*\n//sr, '', 'a place is free when the end is committed');
is(sql($node, $claim), 'a4', 'as it is now');

# The first ones are beyond their deadlines when somebody claims, who gets the next one at once.
sql($node, q{SELECT ayb_jobs.complete('} . held('a4') . ')');
sql($node, q{SELECT count(ayb_jobs.enqueue('out', jsonb_build_object('what', 'd' || n), partition_key => 'd',
    options => CASE WHEN n < 3 THEN jsonb_build_object('expires_at', clock_timestamp() + '4 h') END)) FROM generate_series(1, 3) AS n});
turn_clock($node, 30000);
is(sql($node, $claim), 'd3', 'behind those that are beyond their deadline, which are canceled, the next one is claimed at once');
is(sql($node, q{SELECT count(*) FROM ayb_jobs.jobs WHERE type = 'out' AND state = 'canceled'}), 2, 'and these are canceled');

# A key that has none left isn't due.
sql($node, q{SELECT ayb_jobs.complete('} . held('d3') . ')');
ok(eventually($node, q{SELECT bool_and(due_at IS NULL OR due_at > clock_timestamp()) FROM ayb_jobs.lanes()}), 'lanes() says nothing is due');

# Nothing of the rule stays when it is taken away.
sql($node, q{SELECT FROM ayb_jobs.clear_limit('leased')});
fresh();
%job = enqueue(q{('leased', 'a1', 'a', '{"failures": 1}'::jsonb, 0), ('leased', 'a2', 'a', '{"failures": 0}', 0)});
runs('a2', 'a', 'without it nobody waits for one in back-off');
is(sql($node, "SELECT waits_for FROM ayb_jobs.jobs WHERE id = '$job{a1}'"), 'time', 'which stands apart');
done_testing();
