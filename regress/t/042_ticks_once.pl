# A tick enqueues its job once: with another session at the same schedules, killed before, inside and behind its
# transaction, stopped in its midst, on a standby that takes over. And it is never lost.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('once', undef, allows_streaming => 1);
serve($node, 'postgres');
sql($node, q{SELECT ayb_jobs.register_handler('outside', kind => 'external'); CREATE EXTENSION ayb_jobs_test});
my $scheduler = q{(SELECT pid FROM pg_stat_activity WHERE backend_type = 'ayb_jobs scheduler')};
# What the scheduler asks for when schedules are due; and what it does then, but for a payload that gives it away.
my $look = q{SELECT count(*) FROM (SELECT FROM ayb_jobs.schedules AS s WHERE s.enabled AND s.next_run_at <= ayb_jobs_internal.now()
    ORDER BY s.next_run_at FOR UPDATE OF s SKIP LOCKED) AS due};
my $tick = q{INSERT INTO ayb_jobs.job_queue (type, payload, schedule_id, scheduled_at)
    SELECT job_type, '"other"', id, next_run_at FROM ayb_jobs.schedules WHERE enabled AND next_run_at <= ayb_jobs_internal.now();
    UPDATE ayb_jobs.schedules SET next_run_at = ayb_jobs.cron_next(cron_expr, timezone, ayb_jobs_internal.now())
    WHERE enabled AND next_run_at <= ayb_jobs_internal.now()};

# Each round has a day of its own, on which the schedules have had no tick.
my $day = 0;
sub new_day {
    my ($server) = @_;
    $server //= $node;
    sql($server, 'SELECT ayb_jobs.delete_schedule(id) FROM ayb_jobs.schedules; TRUNCATE ayb_jobs.job_queue');
    my $today = sprintf '2026-06-%02d', ++$day;
    turn_to($server, "$today 11:59+00");
    create_schedule($server, $_, '0 12 * * *', 'UTC', overlap => 'queue') for 'one', 'two';
    return $today;
}

# The clock comes to noon, and nobody waits for what becomes of it.
sub noon {
    my ($server, $today) = @_;
    my $offset = sql($server, "SELECT ceil(extract(epoch FROM timestamptz '$today 12:00+00' - clock_timestamp()))");
    sql($server, "ALTER SYSTEM SET ayb_jobs.test_clock_offset = $offset; SELECT pg_reload_conf()");
    eventually($server, "SELECT ayb_jobs_internal.now() BETWEEN '$today 12:00+00' AND '$today 12:30+00'") or die "it doesn't become noon\n";
}

sub ticked_once {
    my ($server, $today, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok(ticked($server, 'count(*) >= 2 FROM ayb_jobs.jobs'), "$name: no tick is lost");
    my $noon = substr($today, 5) . ' 12:00';
    is(join(', ', map { ticks_of($server, $_) } 'one', 'two'), "$noon, $noon", 'none comes twice');
    is(sql($server, 'SELECT DISTINCT next_run_at FROM ayb_jobs.schedules'),
        sql($server, "SELECT timestamptz '$today 12:00+00' + interval '1 day'"), 'and the next is a day later');
}

# A session that holds locks until it is told to end, by committing or otherwise.
sub session {
    my ($sql) = @_;
    my $session = $node->background_psql('postgres');
    $session->query_safe($_) for 'BEGIN', $sql;
    return $session;
}

# The scheduler waits for a lock, in the midst of its tick, and stays there: its lock_timeout can't end it. At the queue
# it has the schedules' rows by then, or else it came there for something else.
sub stop_scheduler_at {
    my ($relation) = @_;
    my $waits = "relation = '$relation'::regclass AND NOT granted";
    $waits .= q{ AND EXISTS (SELECT FROM pg_locks AS own WHERE own.pid = l.pid AND own.granted
        AND own.relation = 'ayb_jobs.schedules'::regclass AND own.mode = 'RowShareLock')} if $relation ne 'ayb_jobs.schedules';
    for (1 .. 2000) {
        my $pid = sql($node, "SELECT pid FROM pg_locks AS l WHERE pid = $scheduler AND $waits");
        next if $pid eq '';
        kill 'STOP', $pid;
        return $pid if sql($node, "SELECT count(*) FROM pg_locks AS l WHERE pid = $pid AND $waits") eq '1';
        kill 'CONT', $pid;
    }
    die "the scheduler doesn't wait for $relation\n";
}

# One scheduler a database: another that is started finds the first and leaves.
my $first = sql($node, "SELECT $scheduler");
my $offset = -s $node->logfile;
my $second = sql($node, 'SELECT ayb_jobs_test_start_scheduler()');
isnt($second, $first, 'a second scheduler is started');
holds($node, 'postgres', "NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $second)", 'it leaves');
is(sql($node, "SELECT $scheduler"), $first, 'the first one stays');

# Another session at the due rows, as a second scheduler would be: it ticks, and commits.
my $today = new_day();
my $other = session('SELECT FROM ayb_jobs.schedules FOR UPDATE');
noon($node, $today);
$other->query_safe($tick);
$other->query_safe('COMMIT');
ticked_once($node, $today, 'another has ticked');
is(sql($node, q{SELECT count(*) FROM ayb_jobs.jobs WHERE payload = '"other"'}), '2', 'and it was the other');
$other->quit;

# It has them locked, does the same, and rolls back.
$today = new_day();
$other = session('SELECT FROM ayb_jobs.schedules FOR UPDATE');
noon($node, $today);
$other->query_safe($tick);
is(sql($node, 'SELECT count(*) FROM ayb_jobs.jobs'), '0', 'nothing ticks while another has the rows');
$other->query_safe('ROLLBACK');
ticked_once($node, $today, 'another let go');
$other->quit;

# One row is locked for long: the other schedule need not wait.
$today = new_day();
$other = session(q{SELECT FROM ayb_jobs.schedules WHERE name = 'one' FOR UPDATE});
noon($node, $today);
holds($node, 'postgres', 'SELECT count(*) = 1 FROM ayb_jobs.jobs', 'a locked schedule holds up no other');
is(ticks_of($node, 'one'), '', 'it waits itself');
$other->query_safe('ROLLBACK');
ticked_once($node, $today, 'and has its tick when it is let go');
$other->quit;

# The other way round: the scheduler is in the midst of its tick, and another looks.
$today = new_day();
$other = session('LOCK TABLE ayb_jobs.job_queue IN SHARE MODE');
noon($node, $today);
my $pid = stop_scheduler_at('ayb_jobs.job_queue');
is(sql($node, $look), '0', 'while the scheduler ticks, another finds nothing due');
is(sql($node, 'SELECT count(*) FROM ayb_jobs.schedules WHERE next_run_at <= ayb_jobs_internal.now()'), '2', 'though it is');
kill 'CONT', $pid;
$other->query_safe('ROLLBACK');
ticked_once($node, $today, 'a tick that was held up');
$other->quit;

# Killed before its tick: it can't even look.
$today = new_day();
$other = session('LOCK TABLE ayb_jobs.schedules IN ACCESS EXCLUSIVE MODE');
# The clock is an ordinary setting; who asks it needs no schedule.
noon($node, $today);
kill 'KILL', stop_scheduler_at('ayb_jobs.schedules');
came_back($other);
ticked_once($node, $today, 'killed before its tick');

# Inside: its rows are locked, its job is about to be written.
$today = new_day();
$other = session('LOCK TABLE ayb_jobs.job_queue IN SHARE MODE');
noon($node, $today);
kill 'KILL', stop_scheduler_at('ayb_jobs.job_queue');
came_back($other);
ticked_once($node, $today, 'killed inside its tick');

# Behind: its commit may be lost, but then both of what it did.
$today = new_day();
noon($node, $today);
holds($node, 'postgres', 'SELECT count(*) = 2 FROM ayb_jobs.jobs', 'it has ticked');
kill 'KILL', sql($node, "SELECT $scheduler");
came_back();
ticked_once($node, $today, 'killed behind its tick');

# The whole server, with its ticks held up, and with them just done.
$today = new_day();
$other = session('LOCK TABLE ayb_jobs.job_queue IN SHARE MODE');
noon($node, $today);
stop_scheduler_at('ayb_jobs.job_queue');
$node->stop('immediate');
eval { $other->quit; 1 } or note "its session is gone: $@";
$node->start;
ticked_once($node, $today, 'stopped inside its tick');
$today = new_day();
noon($node, $today);
holds($node, 'postgres', 'SELECT count(*) = 2 FROM ayb_jobs.jobs', 'it has ticked');
$node->stop('immediate');
$node->start;
ticked_once($node, $today, 'stopped behind its tick');

# A standby takes over with a tick due that the primary never had.
$today = new_day();
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('once_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
$node->stop('immediate');
noon($standby, $today);
is(sql($standby, 'SELECT count(*) FROM ayb_jobs.jobs'), '0', 'nothing ticks on a standby');
$standby->promote;
ticked_once($standby, $today, 'promoted with a tick due');

# A standby that has seen the primary's tick doesn't repeat it, nor does the one behind it.
$today = new_day($standby);
$standby->backup('next');
my $third = PostgreSQL::Test::Cluster->new('once_third');
$third->init_from_backup($standby, 'next', has_streaming => 1);
$third->start;
noon($standby, $today);
ticked_once($standby, $today, 'on the new primary');
$standby->wait_for_catchup($third, 'replay', $standby->lsn('insert'));
$standby->stop('immediate');
noon($third, $today);
$third->promote;
holds($third, 'postgres', "$scheduler IS NOT NULL", 'the next one takes over');
create_schedule($third, 'witness', '* * * * *', 'UTC');
turn_to($third, "$today 12:20+00");
is(sql($third, q{SELECT count(*) > 0 FROM ayb_jobs.jobs WHERE schedule_id = (SELECT id FROM ayb_jobs.schedules WHERE name = 'witness')}),
    't', 'it looks at schedules');
sql($third, q{SELECT ayb_jobs.delete_schedule(id) FROM ayb_jobs.schedules WHERE name = 'witness'});
ticked_once($third, $today, 'promoted behind a tick');
$third->stop('fast');
done_testing();

# After a kill every session is gone, and the server comes back by itself.
sub came_back {
    my ($session) = @_;
    eval { $session->quit; 1 } or note "its session is gone: $@" if defined $session;
    eventually($node, "SELECT $scheduler IS NOT NULL") or die "the scheduler doesn't come back\n";
}
