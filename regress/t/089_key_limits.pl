# Limits of each key: how many run at once, how many start in a time; inside and outside, by lease and in groups.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('key_limits', q{
fsync = off
ayb_jobs.worker_concurrency = 6
ayb_jobs.scheduler_tick = 1h
ayb_jobs.poll_interval = 1h
ayb_jobs.worker_idle_timeout = 0
});
sql($node, q{SELECT type FROM ayb_jobs.register_handler('out', kind => 'external');
SELECT type FROM ayb_jobs.register_handler('leased', 'gated(jsonb)', grouped => false);
SELECT type FROM ayb_jobs.register_handler('paced', 'work(jsonb)', grouped => false)});
my $in_force = q{SELECT bool_and(in_force) FROM ayb_jobs.limits};
sub set_limit {
    my ($rule) = @_;
    sql($node, "SELECT FROM ayb_jobs.set_limit($rule)");
    ok(eventually($node, $in_force), "in force: $rule");
}
sub enqueue { sql($node, "SELECT count(ayb_jobs.enqueue('$_[0]', jsonb_build_object('what', key), partition_key => key)) FROM (SELECT $_[1] AS key FROM generate_series(1, $_[2]) AS n) AS k") }
# Which keys run: what is reserved is seen when it is committed.
sub running { my ($keys, $name) = @_; ok(eventually($node, qq{SELECT string_agg(partition_key, ' ' ORDER BY partition_key) = '$keys' FROM ayb_jobs.jobs WHERE type = 'leased' AND state = 'running'}), $name) }

# One of each key at once, of jobs that wait at a gate.
my $gate = shut_gate($node);
set_limit(q{'leased', running_per_key => 1});
enqueue('leased', "'a'", 4);
enqueue('leased', "'b'", 2);
ok(eventually($node, q{SELECT running_now = 2 FROM ayb_jobs.limits}), 'two keys run');
enqueue('leased', "'c'", 1);
ok(eventually($node, q{SELECT running_now = 3 FROM ayb_jobs.limits}), 'the third one too');
running('a b c', 'one of each');
sql($node, q{SELECT ayb_jobs.enqueue('work', '{"what": "beside"}')});
ok(eventually($node, q{SELECT count(*) = 1 FROM effects WHERE what = 'beside'}), 'others of the role run beside');
running('a b c', 'of each key no more than one');

# Raised and lowered while they run; with one of the type besides.
set_limit(q{'leased', running_per_key => 2});
ok(eventually($node, q{SELECT running_now = 5 FROM ayb_jobs.limits}), 'raised: two of each');
running('a a b b c', 'where there are');
set_limit(q{'leased', running => 2, running_per_key => 1});
running('a a b b c', 'lowered: nothing is stopped');
open_gate($gate);
ok(eventually($node, q{SELECT count(*) = 7 FROM effects WHERE type = 'leased'}), 'all run in the end');
ok(eventually($node, q{SELECT running_now = 0 FROM ayb_jobs.limits}), 'and have left their places');

# A crash while they run, which takes the gate with it: they are known again.
$gate = shut_gate($node);
enqueue('leased', "'k'", 2);
ok(eventually($node, q{SELECT running_now = 1 FROM ayb_jobs.limits}), 'one runs');
$node->stop('immediate');
$node->start;
ok(eventually($node, $in_force), 'in force again');
enqueue('leased', "'l'", 2);
ok(eventually($node, q{SELECT count(*) >= 1 FROM effects WHERE type = 'leased' AND what = 'l'}), 'what comes later runs');
ok(eventually($node, q{SELECT NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE type = 'leased')}), 'and so does the rest');

# Outside: in its own transactions, and with what others hold.
set_limit(q{'out', running_per_key => 1});
enqueue('out', "'ab'", 3);
enqueue('out', "'cd'", 2);
my $claim = q{SELECT string_agg(partition_key, ' ' ORDER BY partition_key) FROM ayb_jobs.claim('%s', '{out}', 5)};
my $end = q{SELECT ayb_jobs.complete(id, worker_id, runs) FROM ayb_jobs.jobs WHERE type = 'out' AND state = 'running'};
my $other = $node->background_psql('postgres');
is($other->query_safe(sprintf('BEGIN; ' . $claim, 'a')), 'ab cd', 'it claims one of each key');
is(sql($node, sprintf($claim, 'b')), '', 'an open transaction holds its places');
$other->query_safe('ROLLBACK');
is(sql($node, sprintf($claim, 'b')), 'ab cd', 'a rolled-back one lets go of them');
is(sql($node, sprintf($claim, 'b')), '', 'both are taken');
is(sql($node, "BEGIN; SELECT count(*) FROM ($end) AS e; " . sprintf($claim, 'b') . '; COMMIT') =~ s/\n*\z//r, '2', 'until the end of one is committed');
is(sql($node, sprintf($claim, 'b')), 'ab cd', 'then there are places again');
sql($node, $end);
is(sql($node, sprintf($claim, 'b')), 'ab', 'for what is left');
sql($node, $end);

# Starts of each key in a time, retries included.
set_limit(q{'paced', starts_per_key => 2, per => '1 h'});
sql($node, 'TRUNCATE effects');
enqueue('paced', "'x'", 5);
enqueue('paced', "'y'", 1);
ok(eventually($node, q{SELECT count(*) = 3 FROM effects}), 'two start of one key, one of the other');
is(sql($node, q{SELECT string_agg(what, ' ' ORDER BY what) FROM effects}), 'x x y', 'of each what it may');
sub turn_clock_alone { # nobody with the old one may look at what the new one has counted
    ok(eventually($node, q{SELECT NOT EXISTS (SELECT FROM ayb_jobs.workers())}), 'all workers have left');
    return turn_clock($node, $_[0]);
}
turn_clock_alone(4200);
ok(eventually($node, q{SELECT count(*) = 5 FROM effects}), 'an hour later two more');
sql($node, q{SELECT ayb_jobs.clear_limit('paced')});
ok(eventually($node, q{SELECT count(*) = 6 FROM effects}), 'without a limit the rest');

# In groups: one place of a key for all its jobs, which run one after another, and a start for each that begins, and for no
# other: what fails there is rolled back, and begins again by lease. A sequence counts what is rolled back, too.
sql($node, q{TRUNCATE effects;
CREATE FUNCTION begin_(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('begun_' || (payload ->> 'what')) % 5 = 0 THEN RAISE 'each fifth'; END IF;
    PERFORM note_effect(payload ->> 'what');
END $$;
SELECT type FROM ayb_jobs.register_handler('counted', 'begin_(jsonb)', max_attempts => 100, backoff => '{0s}')});
sql($node, join ';', map { "CREATE SEQUENCE begun_g$_; GRANT ALL ON begun_g$_ TO PUBLIC" } 0 .. 6);
my $begun = '(SELECT string_agg(last_value::text, \' \' ORDER BY sequencename) FROM pg_sequences)';
enqueue('counted', "'g' || n % 7", 210);
ok(eventually($node, q{SELECT count(*) = 210 FROM effects}), 'a type that is known to be quick');
sql($node, join ';', 'TRUNCATE effects; SELECT ayb_jobs.pause()', map { "SELECT setval('begun_g$_', 1, false)" } 0 .. 6);
set_limit(q{'counted', running_per_key => 1, starts_per_key => 30, per => '1 h'});
enqueue('counted', "'g' || n % 7", 700);
sql($node, q{SELECT ayb_jobs.resume()});
ok(eventually($node, "SELECT $begun = '30 30 30 30 30 30 30'"), 'of each key as many begin as may');
is(sql($node, q{SELECT string_agg(count::text, ' ') FROM (SELECT count(*) FROM effects GROUP BY what) AS n}), '24 24 24 24 24 24 24', 'each fifth of them in vain');
ok(eventually($node, q{SELECT running_now = 0 FROM ayb_jobs.limits WHERE type = 'counted'}), 'nobody keeps a place');
is(sql($node, "SELECT $begun"), '30 30 30 30 30 30 30', 'and no more');
sql($node, q{SELECT ayb_jobs.clear_limit('counted')});
ok(eventually($node, q{SELECT count(*) = 700 FROM effects}), 'without the limit all run');
done_testing();
