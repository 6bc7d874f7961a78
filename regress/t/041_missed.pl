# What ticks when it could not on time: a server that was down, a clock that was set, a database that was drained, paused
# or switched off. And which time it is: that of the schedule's zone, whatever the database says.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my @policies = qw(once all skip);
my $node = start_server('missed');
sql($node, q{SELECT ayb_jobs.register_handler('outside', kind => 'external')});

# Three schedules on the hour, one a policy, that have no tick yet.
sub schedules {
    my ($cron, %more) = @_;
    sql($node, 'SELECT ayb_jobs.delete_schedule(id) FROM ayb_jobs.schedules; TRUNCATE ayb_jobs.job_queue');
    return map { $_ => create_schedule($node, $_, $cron, 'UTC', missed => $_, overlap => 'queue', %more) } @policies;
}

# Tests which of their ticks became jobs, each as often as said.
sub have_ticked {
    my ($name, %expected) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(ticks_of($node, $_), $expected{$_}, "$name: $_") for grep { defined $expected{$_} } @policies;
}

# Sets the clock, to a minute before and then there, and proves that schedules are looked at: one comes due.
my $witnesses = 0;
sub witness {
    my ($instant) = @_;
    my ($cron, $before) = split /\|/, sql($node, qq{SELECT to_char(timestamptz '$instant', 'FMMI FMHH24 FMDD FMMM *'), timestamptz '$instant' - interval '1 min'});
    turn_to($node, $before);
    my $id = create_schedule($node, 'witness ' . ++$witnesses, $cron, 'UTC');
    turn_to($node, $instant);
    is(sql($node, "SELECT count(*) FROM ayb_jobs.jobs WHERE schedule_id = '$id'"), '1', "at $instant schedules are looked at");
    sql($node, "SELECT ayb_jobs.delete_schedule('$id')");
}

# Down over three ticks.
turn_to($node, '2026-05-01 09:30+00');
schedules('0 * * * *');
restart_at('2026-05-01 12:30+00');
have_ticked('down over three ticks', once => '05-01 12:00', all => '05-01 10:00 05-01 11:00 05-01 12:00', skip => '');
is(sql($node, q{SELECT last_skip FROM ayb_jobs.schedules WHERE name = 'skip'}),
    '{"at": "2026-05-01T12:00:00+00:00", "reason": "it was more than a minute late"}', 'skip leaves instant and reason');
is(sql($node, 'SELECT DISTINCT next_run_at FROM ayb_jobs.schedules'), '2026-05-01 13:00:00+00', 'and all go on with the next');
restart_at('2026-05-01 15:00:20+00');
have_ticked('the last one less than a minute late', once => '05-01 12:00 05-01 15:00',
    all => join(' ', map { "05-01 $_:00" } 10 .. 15), skip => '05-01 15:00');

# The server is stopped, the clock turned in its configuration, the server started.
sub restart_at {
    my ($instant) = @_;
    my $epoch = sql($node, "SELECT extract(epoch FROM timestamptz '$instant')");
    $node->stop('fast');
    $node->append_conf('postgresql.auto.conf', 'ayb_jobs.test_clock_offset = ' . ($epoch - time));
    $node->start;
    ticked($node) or die "the schedules are not looked at\n";
}

# The clock is set back by less than an hour, and goes over the same minutes again.
turn_to($node, '2026-05-02 09:30+00');
my %id = schedules('0 * * * *');
turn_to($node, '2026-05-02 10:00+00');
turn_to($node, '2026-05-02 11:00+00');
my $both = '05-02 10:00 05-02 11:00';
have_ticked('before', map { $_ => $both } @policies);
witness('2026-05-02 10:10+00');
# Whoever changes a schedule now has its next tick computed anew, and that is not to be one that there was.
sql($node, "SELECT ayb_jobs.update_schedule('$id{once}', cron_expr => '0,30 * * * *')");
sql($node, "SELECT ayb_jobs.update_schedule('$id{all}', timezone => 'Europe/Berlin')");
sql($node, "SELECT ayb_jobs.disable_schedule('$id{skip}'); SELECT ayb_jobs.enable_schedule('$id{skip}')");
is(sql($node, q{SELECT min(next_run_at) FROM ayb_jobs.schedules}), '2026-05-02 11:30:00+00',
    'a change does not bring back what was');
witness('2026-05-02 11:00+00');
have_ticked('set back by an hour: no tick is repeated', map { $_ => $both } @policies);
turn_to($node, '2026-05-02 12:00+00');
have_ticked('and it goes on', once => "$both 05-02 12:00", all => "$both 05-02 12:00", skip => "$both 05-02 12:00");

# Set forward: ticks that were jumped over are missed ones.
schedules('0 * * * *');
turn_to($node, '2026-05-02 15:10+00');
have_ticked('set forward', once => '05-02 15:00', all => '05-02 13:00 05-02 14:00 05-02 15:00', skip => '');

# A tick that was dropped since its job was still at work was a tick as well.
schedules('0 * * * *', overlap => 'skip');
turn_to($node, "2026-05-02 $_:00+00") for 16, 17;
is(sql($node, q{SELECT string_agg(last_skip ->> 'reason', '; ') FROM ayb_jobs.schedules WHERE name = 'once'}),
    'a job of this schedule was still queued or running', 'the second tick is dropped');
sql($node, 'TRUNCATE ayb_jobs.job_queue');
witness('2026-05-02 16:30+00');
sql($node, q{SELECT ayb_jobs.disable_schedule(id), ayb_jobs.enable_schedule(id) FROM ayb_jobs.schedules});
witness('2026-05-02 17:00+00');
is(sql($node, 'SELECT count(*) FROM ayb_jobs.jobs WHERE schedule_id IS NOT NULL'), '0', 'set back, it is not made up for');

# More ticks than one look takes: the rest comes with the next looks.
schedules('* * * * *');
turn_to($node, '2026-05-04 20:00+00');
is(sql($node, q{SELECT count(*), count(DISTINCT scheduled_at), min(scheduled_at), max(scheduled_at) FROM ayb_jobs.jobs
    WHERE schedule_id = (SELECT id FROM ayb_jobs.schedules WHERE name = 'all')}),
    '3060|3060|2026-05-02 17:01:00+00|2026-05-04 20:00:00+00', 'all: 51 hours of minutes, each once');
is(ticks_of($node, 'once'), '05-04 20:00', 'once: the latest');
is(ticks_of($node, 'skip'), '05-04 20:00', 'skip: that is on time');

# Nothing ticks while the database is drained, paused, or the engine is off; then it is as if the server had been down.
for my $how (
    ['drained', 11, 'SELECT ayb_jobs.drain()', 'SELECT ayb_jobs.resume()'],
    ['paused', 18, 'SELECT ayb_jobs.pause()', 'SELECT ayb_jobs.resume()'],
    ['off', 25, 'ALTER SYSTEM SET ayb_jobs.enabled = off; SELECT pg_reload_conf()',
        'ALTER SYSTEM SET ayb_jobs.enabled = on; SELECT pg_reload_conf()'])
{
    my ($name, $day, $stop, $go) = @$how;
    turn_to($node, "2026-05-@{[$day - 3]} 12:00+00");
    schedules('0 0 * * *');
    sql($node, $stop);
    holds($node, 'postgres', q{NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'ayb_jobs scheduler')}, 'the scheduler leaves')
        if $name eq 'off';
    my $offset = sql($node, "SELECT ceil(extract(epoch FROM timestamptz '2026-05-$day 00:30+00' - clock_timestamp()))");
    sql($node, "ALTER SYSTEM SET ayb_jobs.test_clock_offset = $offset; SELECT pg_reload_conf()");
    # A scheduler that makes a new day has looked for ticks before.
    holds($node, 'postgres', "to_regclass('ayb_jobs.job_history_202605@{[$day + 3]}') IS NOT NULL", "$name: the scheduler is awake")
        if $name ne 'off';
    is(sql($node, 'SELECT count(*) FROM ayb_jobs.jobs'), '0', "$name: nothing ticks");
    sql($node, $go);
    ticked($node, "ayb_jobs_internal.now() >= '2026-05-$day 00:30+00'") or die "nothing ticks\n";
    have_ticked("$name for three ticks", once => "05-$day 00:00", all => join(' ', map { sprintf '05-%02d 00:00', $_ } $day - 2 .. $day), skip => '');
}

# What the database and its roles take for the time of day is not asked.
sql($node, $_) for q{ALTER DATABASE postgres SET timezone = 'Asia/Kathmandu'}, q{ALTER ROLE ALL SET timezone = 'America/Caracas'},
    q{ALTER DATABASE postgres SET datestyle = 'German'}, q{ALTER SYSTEM SET timezone = 'Pacific/Auckland'};
turn_to($node, '2026-06-01 00:00+00');
schedules('30 2 * * *');
create_schedule($node, 'Berlin', '30 2 * * *', 'Europe/Berlin');
restart_at('2026-06-02 12:00+00');
have_ticked("a database of another time zone", all => '06-01 02:30 06-02 02:30');
is(ticks_of($node, 'Berlin'), '06-02 00:30', 'the zone is the schedule\'s');
like(sql($node, q{SELECT last_skip FROM ayb_jobs.schedules WHERE name = 'skip'}), qr/"2026-06-02T02:30:00\+00:00"/, 'so is what is written');

# A schedule may be deleted while its job is in a handler, without waiting for that; the job goes on and ends like any other.
my $nap = sql($node, q{SELECT id FROM ayb_jobs.create_schedule('nap', 'nap', '@yearly', payload => '{"seconds": 3600}')});
my $job = sql($node, "SELECT (ayb_jobs.run_schedule_now('$nap')).id");
holds($node, 'postgres', at_it($job), 'a job of a schedule is in its handler');
finishes($node, 'postgres', "SELECT ayb_jobs.delete_schedule('$nap')", 'delete_schedule() meanwhile');
is(sql($node, "SELECT is_running, schedule_id IS NULL FROM ayb_jobs.jobs WHERE id = '$job'"), 't|t', 'the job goes on without it');
is(sql($node, "SELECT (ayb_jobs.cancel('$job', force => true)).state"), 'canceled', 'and can be canceled');

$node->stop('fast');
done_testing();
