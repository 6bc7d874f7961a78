# A role that is gone never comes back: what it had is taken out of service when it is dropped, in whatever database that is
# done, when a scheduler starts, and at its next tick where it got there only since.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

# No tick comes within the test, unless it asks for one.
my $node = start_server('gone', "ayb_jobs.scheduler_tick = '1h'\nmax_prepared_transactions = 2");
sql($node, q{
CREATE ROLE stays LOGIN;
CREATE FUNCTION public.lent() RETURNS void LANGUAGE sql AS 'SELECT note_effect()';
SELECT ayb_jobs.register_handler('lent', 'public.lent()', definer => true);
SELECT ayb_jobs.pause()});
sql($node, 'CREATE DATABASE elsewhere');

my $of = q{SELECT concat_ws(' ', state, run_as, enqueued_by, coalesce(regexp_replace(last_error, '\d+', 'N'), '-'), coalesce(idempotency_key, '-'))
FROM ayb_jobs.jobs WHERE id};

# What a role may have; its ids by what they are.
sub has_everything {
    my ($role) = @_;
    sql($node, "CREATE ROLE $role LOGIN; GRANT stays TO $role; SELECT ayb_jobs.allow_types('$role', '$role %')");
    my @had = split /\n/, $node->safe_psql('postgres', qq{
SELECT ayb_jobs.enqueue('work', idempotency_key => 'key');
SELECT ayb_jobs.enqueue('work', run_at => 'tomorrow');
SELECT ayb_jobs.cancel(ayb_jobs.enqueue('work', idempotency_key => 'canceled')) IS NULL;
SELECT ayb_jobs.enqueue('lent', idempotency_key => 'of $role');
SELECT ayb_jobs.enqueue('work', run_as => 'stays', idempotency_key => 'of $role');
SELECT ayb_jobs.register_handler('$role type', kind => 'external') IS NULL;
SELECT ayb_jobs.set_limit('$role type', running => 1) IS NULL;
SELECT ayb_jobs.create_schedule('$role nightly', 'work', '\@daily') IS NULL;
SELECT ayb_jobs.grant_worker('$role type', 'stays') IS NULL;
}, extra_params => ['-U', $role]);
    sql($node, qq{SELECT ayb_jobs.grant_worker('command', '$role'); SELECT ayb_jobs.grant_worker('work', 'stays', '$role')});
    return @had[0, 1, 3, 4];
}

# What is left of it, in words.
my $left = q{SELECT concat_ws(' ', (SELECT count(*) FROM ayb_jobs.handlers WHERE type LIKE '% type'),
(SELECT count(*) FROM ayb_jobs.type_limits), (SELECT count(*) FROM ayb_jobs.worker_grants), (SELECT count(*) FROM ayb_jobs.allowed_types),
(SELECT count(*) FROM ayb_jobs.schedules WHERE enabled), (SELECT count(*) FROM ayb_jobs.job_keys))};

# Completed jobs, by hand: more than are looked at together, some of each that is to leave, the last one's the very last.
sub has_history {
    sql($node, q{SELECT ayb_jobs_internal.prepare_history(now());
INSERT INTO ayb_jobs.job_history (id, type, payload, run_as, enqueued_by, run_at, attempts, max_attempts, created_at, completed_at, runs)
SELECT ayb_jobs.uuid7(), 'work', '{}', CASE WHEN n % 10000 = 1 THEN 'leaver' ELSE 'stays' END::regrole,
    CASE WHEN n % 10000 < 3 THEN 'leaver' ELSE 'stays' END::regrole, now(), 1, 1, now(), now(), 1 FROM generate_series(1, 40002) AS n});
    return;
}
my $history = q{SELECT string_agg(concat_ws(' ', run_as, enqueued_by, n), ', ')
FROM (SELECT run_as, enqueued_by, count(*) AS n FROM ayb_jobs.job_history GROUP BY 1, 2 ORDER BY 3) AS h};

my @first = has_everything('leaver');
has_history();
my @second = has_everything('goner');
is(sql($node, $history), 'leaver leaver 5, stays leaver 9, stays stays 39988', 'and one of them has a history');
is(sql($node, $left), '2 2 6 2 2 8', 'two roles have something of everything');
$node->safe_psql('elsewhere', 'BEGIN; DROP ROLE leaver; ROLLBACK');
$node->safe_psql('elsewhere', 'DROP ROLE leaver');
at_once($node, 'postgres', "($left) = '1 1 3 1 1 5'", 'one is dropped, in a database that has no extension, and what it had goes');
at_once($node, 'postgres', "($history) = '- - 5, stays - 9, stays stays 39988'", 'the completed jobs that were its own, or that it had enqueued, are nobody\'s, or not its');
is(sql($node, "$of = '$first[0]'"), 'canceled - - its role (N) does not exist any more -', 'its job is canceled, and nobody\'s');
is(sql($node, "$of = '$first[1]'"), 'canceled - - its role (N) does not exist any more -', 'the one for tomorrow too');
is(sql($node, "$of = '$first[2]'"), "canceled ${\ sql($node, 'SELECT current_user')} - the role that enqueued it (N) does not exist any more of leaver",
    'a definer\'s job that it enqueued is canceled: everybody may execute the function, but it is nobody now');
is(sql($node, "$of = '$first[3]'"), 'queued stays - - of leaver', 'what it enqueued for another role is that one\'s');
is(sql($node, q{SELECT concat_ws(' ', enabled, run_as, next_run_at, regexp_replace(last_error, '\d+', 'N')) FROM ayb_jobs.schedules WHERE name = 'leaver nightly'}),
    'f - its role (N) does not exist any more', 'its schedule is disabled');
like(sql($node, "$of = '$second[0]'"), qr/^queued goner goner - key$/, 'the other role has what it had');

# By a name that another one had too, all at once; and prepared, which no session commits that knows of it.
$node->safe_psql('elsewhere', q{BEGIN; DROP ROLE goner; PREPARE TRANSACTION 'goner'});
$node->safe_psql('elsewhere', q{COMMIT PREPARED 'goner'});
at_once($node, 'postgres', "($left) = '0 0 0 0 0 2'", 'the other one is dropped, by a prepared transaction');
is(sql($node, "$of = '$second[0]'"), 'canceled - - its role (N) does not exist any more -', 'two keys that are alike are in nobody\'s way');

# What can be done with what is left.
sub refused { return ($node->psql('postgres', $_[0]))[2] }
like(refused("SELECT ayb_jobs.run_now('$first[0]')"), qr/the role of job .* does not exist any more/, 'it is not run again by hand');
is(sql($node, q{SELECT ayb_jobs.run_now_matching('work', phase => 'canceled')}), '0', 'nor with others');
like(refused("UPDATE ayb_jobs.job_queue SET state = 'queued' WHERE id = '$first[0]'"), qr/a job of no role can't run/, 'nor by a superuser');
my ($dump) = PostgreSQL::Test::Utils::run_command(['pg_dump', '--data-only', '-h', $node->host, '-p', $node->port, 'postgres']);
unlike($dump, qr/^(?:$first[0]|$first[2]|$second[1])\t/m, 'a dump leaves it out');
like($dump, qr/^$first[3]\t.*\tstays\t/m, 'and has what is another role\'s');

# A definer's job that came since, by hand: whatever everybody may, nobody else does.
sql($node, 'SELECT ayb_jobs.resume()');
my $late = sql($node, q{INSERT INTO ayb_jobs.job_queue (type, run_as, enqueued_by, registration)
    SELECT type, owner, 99999::oid, registration FROM ayb_jobs.handlers WHERE type = 'lent' RETURNING id});
at_once($node, 'postgres', "(SELECT phase = 'waiting' AND waits_for = 'trust' FROM ayb_jobs.jobs WHERE id = '$late')", 'it is claimed, and not run');
like(health($node, 'postgres', 'trust'), qr/^error\|jobs of type lent that role 99999 enqueued wait: that role does not exist any more\|.*cancel\(id\)/,
    'health() says why');

# What nobody told: a row of a role that is gone is found by a tick, and at a start.
my $raw = q{INSERT INTO ayb_jobs.job_queue (type, run_as, run_at) VALUES ('work', 99999::oid, 'tomorrow') RETURNING id};
my $by_tick = sql($node, $raw);
set_configuration($node, 'ayb_jobs.scheduler_tick' => '100ms');
sql($node, q{SELECT ayb_jobs.pause('nap')}); # wakes it
at_once($node, 'postgres', "(SELECT state = 'canceled' FROM ayb_jobs.jobs WHERE id = '$by_tick')", 'a tick finds a job of a role that is gone');
at_once($node, 'postgres', "(SELECT state = 'canceled' FROM ayb_jobs.jobs WHERE id = '$late')", 'and with it what waited for trust');
set_configuration($node, 'ayb_jobs.enabled' => 'off');
at_once($node, 'postgres', q{NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type LIKE 'ayb_jobs scheduler%')}, 'the scheduler ends');
sql($node, 'CREATE ROLE unseen LOGIN');
$node->safe_psql('postgres', q{SELECT ayb_jobs.create_schedule('unseen', 'work', '@daily')}, extra_params => ['-U', 'unseen']);
sql($node, 'DROP ROLE unseen');
set_configuration($node, 'ayb_jobs.enabled' => 'on');
at_once($node, 'postgres', q{(SELECT NOT enabled FROM ayb_jobs.schedules WHERE name = 'unseen')}, 'a start finds a schedule of one');
is(sql($node, q{SELECT count(*) FROM effects WHERE type = 'lent'}), '0', 'nothing of it has run');

$node->stop;
done_testing();
