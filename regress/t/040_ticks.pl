# A year of ticks: exactly those that shared/cron.md names, each once. Around each change of an offset the clock goes from
# tick to tick; over the long stretches between, missed => 'all' brings up each of them.
#
# What is expected comes from PostgreSQL's own time zones: a rule with a wildcard ticks whenever the local clock shows one
# of its times; a fixed one when its time comes first on a day, or at the first instant after the gap that holds it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my $node = start_server('ticks');
sql($node, q{
SELECT ayb_jobs.register_handler('outside', kind => 'external');
CREATE TABLE rules (name text PRIMARY KEY, zone text, fixed interval, hour integer, minutes integer[]);
-- Every quarter of an hour of a span on the local clock: all rules here, and all changes of offsets, lie on one.
CREATE FUNCTION quarters(zone text, since timestamptz, until timestamptz) RETURNS TABLE (at timestamptz, local timestamp)
LANGUAGE sql AS $$
    SELECT q, q AT TIME ZONE zone FROM generate_series(since, until, '15 min') AS q
$$;
CREATE FUNCTION expected(rule rules, since timestamptz, until timestamptz) RETURNS SETOF timestamptz LANGUAGE sql AS $$
    -- from a day before, since a local day begins up to 14 hours before that of UTC
    SELECT t.at FROM (
        SELECT min(q.at) AS at FROM quarters(rule.zone, since - interval '1 day', until) AS q
        WHERE rule.fixed IS NOT NULL AND q.local - date_trunc('day', q.local) >= rule.fixed GROUP BY date_trunc('day', q.local)
        UNION ALL
        SELECT q.at FROM quarters(rule.zone, since - interval '1 day', until) AS q
        WHERE extract(minute FROM q.local) = ANY (rule.minutes) AND extract(hour FROM q.local) = coalesce(rule.hour, extract(hour FROM q.local))
    ) AS t WHERE t.at > since AND t.at <= until
$$;
CREATE VIEW ticked AS SELECT s.name, j.scheduled_at, j.run_at FROM ayb_jobs.jobs AS j JOIN ayb_jobs.schedules AS s ON s.id = j.schedule_id;
});

# rule(NAME, EXPRESSION, ZONE, fixed time of day, hour, minutes): a schedule, and how its ticks are known otherwise.
sub rule {
    my ($name, $cron, $zone, @known) = @_;
    create_schedule($node, $name, $cron, $zone, missed => 'all', overlap => 'queue');
    my $known = join ', ', map { defined $_ ? "'$_'" : 'NULL' } @known[0 .. 2];
    sql($node, "INSERT INTO rules VALUES ('$name', '$zone', $known)");
}

sub compare {
    my ($since, $until) = @_;
    my $expected = "SELECT r.name, e FROM rules AS r, expected(r, '$since', '$until') AS e";
    my $found = 'SELECT name, scheduled_at FROM ticked';
    is(sql($node, "$expected EXCEPT $found ORDER BY 1, 2"), '', 'no tick is lost');
    is(sql($node, "$found EXCEPT ($expected) ORDER BY 1, 2"), '', 'none comes that is no tick');
    is(sql($node, "$found GROUP BY 1, 2 HAVING count(*) > 1"), '', 'none comes twice');
}

# From a while before a change until after what follows it, a quarter of an hour at a time: no tick waits for the next.
sub step_over {
    my ($change, $before, $behind) = @_;
    my @steps = split /\n/, sql($node, "SELECT generate_series(timestamptz '$change' - interval '$before', timestamptz '$change' + interval '$behind', '15 min')");
    turn_to($node, $_) for @steps;
    is(sql($node, "SELECT count(*) FROM ticked WHERE scheduled_at BETWEEN '$steps[1]' AND '$steps[-1]' AND run_at - scheduled_at > interval '1 min'"),
        '0', "$change: each tick came on time");
    cmp_ok(sql($node, "SELECT count(*) FROM ticked WHERE scheduled_at BETWEEN '$steps[1]' AND '$steps[-1]'"), '>', 3, 'and there were some');
}

# The ticks of one schedule on the local clock, within a span.
sub shows {
    my ($name, $since, $until) = @_;
    return sql($node, qq{SELECT string_agg(to_char(scheduled_at AT TIME ZONE zone, 'DD HH24:MI'), ', ' ORDER BY scheduled_at)
        FROM ticked JOIN rules USING (name) WHERE name = '$name' AND scheduled_at BETWEEN '$since' AND '$until'});
}

# Apia left out the 30th of December 2011, a Friday: a jump that long is no gap, and nothing is caught up.
turn_to($node, '2011-12-27 00:00+00');
rule('fixed', '30 2 * * *', 'Pacific/Apia', '2:30');
rule('hourly', '0 * * * *', 'Pacific/Apia', undef, undef, '{0}');
rule('quarter', '*/15 2 * * *', 'Pacific/Apia', undef, 2, '{0,15,30,45}');
rule('midnight', '0 0 * * *', 'Pacific/Apia', '0:00');
my $friday = create_schedule($node, 'friday', '30 2 * * 5', 'Pacific/Apia', missed => 'all', overlap => 'queue');
step_over('2011-12-30 10:00+00', '30 min', '3 h');
turn_to($node, '2012-01-05 00:00+00');
compare('2011-12-27 00:00+00', '2012-01-05 00:00+00');
is(shows('fixed', '2011-12-28', '2012-01-01 12:00+00'), '28 02:30, 29 02:30, 31 02:30, 01 02:30', 'Apia: a day that does not exist has no tick');
is(shows('midnight', '2011-12-29 12:00+00', '2012-01-01'), '31 00:00, 01 00:00', 'nor one at its end');
is(sql($node, "SELECT next_run_at FROM ayb_jobs.schedules WHERE id = '$friday'"), '2012-01-05 12:30:00+00',
    'a rule for Fridays waits for the next one');
is(sql($node, "SELECT count(*) FROM ayb_jobs.jobs WHERE schedule_id = '$friday'"), '0', 'and had none');
sql($node, 'SELECT ayb_jobs.delete_schedule(id) FROM ayb_jobs.schedules; TRUNCATE rules, ayb_jobs.job_queue');

# A year: gaps and overlaps of an hour, and of half an hour on Lord Howe.
my ($since, $until) = ('2026-01-01 00:00+00', '2027-01-01 00:00+00');
turn_to($node, $since);
for (['york', 'America/New_York'], ['berlin', 'Europe/Berlin'], ['howe', 'Australia/Lord_Howe']) {
    my ($name, $zone) = @$_;
    rule("$name fixed", '30 2 * * *', $zone, '2:30');
    rule("$name quarter", '*/15 2 * * *', $zone, undef, 2, '{0,15,30,45}');
}
rule('york hourly', '0 * * * *', 'America/New_York', undef, undef, '{0}');
rule('howe hourly', '0 * * * *', 'Australia/Lord_Howe', undef, undef, '{0}');
rule('howe gap', '15 2 * * *', 'Australia/Lord_Howe', '2:15');
rule('howe overlap', '45 1 * * *', 'Australia/Lord_Howe', '1:45');
rule('howe twice', '*/15 1 * * *', 'Australia/Lord_Howe', undef, 1, '{0,15,30,45}');
my @changes = ('2026-03-08 07:00+00', '2026-03-29 01:00+00', '2026-04-04 15:00+00', '2026-10-03 15:30+00', '2026-10-25 01:00+00',
    '2026-11-01 06:00+00');
step_over($_, '75 min', '90 min') for @changes;
turn_to($node, $until);
compare($since, $until);
is(sql($node, q{SELECT string_agg(count::text, ' ') FROM (SELECT count(*) FROM ticked WHERE name LIKE '% fixed' GROUP BY name) AS c}),
    '365 365 365', 'a fixed rule ticks once on each day of the year');
is(sql($node, q{SELECT count(*) FROM ticked WHERE name = 'york hourly'}), '8760', 'an hourly one in each hour');

# The nights of the changes, written out.
is(shows('york fixed', '2026-03-08', '2026-03-09'), '08 03:00', 'New York, gap: once, at its end');
is(shows('york quarter', '2026-03-08', '2026-03-09'), '', 'a rule with a wildcard does not catch up');
is(shows('york fixed', '2026-11-01', '2026-11-02'), '01 02:30', 'New York, overlap: 02:30 comes once');
is(shows('york hourly', '2026-11-01 04:30+00', '2026-11-01 07:30+00'), '01 01:00, 01 01:00, 01 02:00', 'an hour that comes twice ticks twice');
is(shows('berlin fixed', '2026-03-28 12:00+00', '2026-03-29 12:00+00'), '29 03:00', 'Berlin, gap');
is(shows('berlin fixed', '2026-10-24 12:00+00', '2026-10-25 12:00+00'), '25 02:30', 'Berlin, overlap: a fixed rule ticks once');
is(sql($node, q{SELECT scheduled_at FROM ticked WHERE name = 'berlin fixed' AND scheduled_at BETWEEN '2026-10-25' AND '2026-10-26'}),
    '2026-10-25 00:30:00+00', 'the first time');
is(shows('berlin quarter', '2026-10-24 12:00+00', '2026-10-25 12:00+00'), join(', ', map { "25 02:$_" } ('00', 15, 30, 45) x 2),
    'one with a wildcard in both passes');
is(shows('howe gap', '2026-10-03 12:00+00', '2026-10-03 20:00+00'), '04 02:30', 'Lord Howe, gap of half an hour');
is(shows('howe overlap', '2026-04-04 12:00+00', '2026-04-04 20:00+00'), '05 01:45', 'Lord Howe, overlap of half an hour: once');
is(shows('howe twice', '2026-04-04 12:00+00', '2026-04-04 20:00+00'), '05 01:00, 05 01:15, 05 01:30, 05 01:45, 05 01:30, 05 01:45',
    'and twice for a wildcard');
is(shows('howe quarter', '2026-10-03 12:00+00', '2026-10-03 20:00+00'), '04 02:30, 04 02:45', 'what is left of an hour');

$node->stop('fast');
done_testing();
