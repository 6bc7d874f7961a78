# What ended is kept for as long as the settings say, and goes with all that belongs to it: completed jobs a day at a
# time, as a partition. The days are there before they are needed, also when the clock jumps.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my ($hour, $day) = (3600, 86400);
# The engine's first day is at noon, so that none ends while the test runs.
my $noon = $day / 2 - time % $day;
my $node = new_server('retention', qq{
ayb_jobs.scheduler_tick = 100ms
ayb_jobs.retention = 2d
ayb_jobs.failed_retention = 4d
ayb_jobs.test_clock_offset = $noon
});
serve($node, 'postgres');
sql($node, q{
CREATE FUNCTION at_last(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF (ayb_jobs.current_job()).runs = 1 THEN RAISE 'not yet'; END IF;
END $$;
SELECT ayb_jobs.register_handler('at last', 'at_last(jsonb)', backoff => '{0s}')});

# Of so many days after the first.
sub partition { return sprintf q{ayb_jobs.job_history_%s}, name_of_day(@_) }
sub name_of_day {
    my ($ahead) = @_;
    my (undef, undef, undef, $d, $m, $y) = gmtime(time + $noon + $ahead * $day);
    return sprintf '%04d%02d%02d', $y + 1900, $m + 1, $d;
}
sub there { return "to_regclass('" . partition(@_) . "') IS NOT NULL" }
sub gone { return "to_regclass('" . partition(@_) . "') IS NULL" }
sub turn_past_noon { turn_clock($node, $noon + $_[0]) }

# A job that failed and completes when it is retried by hand, again in its first attempt, one that fails, one that is
# canceled, each with a key.
sub leave_jobs {
    my ($mark) = @_;
    my @ids = split /\n/, sql($node, qq{
SELECT ayb_jobs.enqueue('at last', idempotency_key => 'completed $mark', max_attempts => 1);
SELECT ayb_jobs.enqueue('break', idempotency_key => 'failed $mark', max_attempts => 1);
SELECT ayb_jobs.enqueue('work', run_at => '2100-01-01', idempotency_key => 'canceled $mark')});
    sql($node, "SELECT ayb_jobs.cancel('$ids[2]')");
    holds($node, 'postgres', "SELECT state = 'failed' FROM ayb_jobs.jobs WHERE id = '$ids[0]'", "$mark: one fails, to be retried");
    sql($node, "SELECT ayb_jobs.retry_now('$ids[0]')");
    my $list = join ',', map { "'$_'" } @ids;
    holds($node, 'postgres', qq{(SELECT array_agg(state ORDER BY state) = '{canceled,completed,failed}' FROM ayb_jobs.jobs
        WHERE id IN ($list))}, "$mark: jobs end");
    return @ids;
}
# How many of them are there, their keys and their attempts.
sub kept {
    my $list = join ',', map { "'$_'" } @_;
    return sql($node, qq{SELECT (SELECT count(*) FROM ayb_jobs.jobs WHERE id IN ($list)),
        (SELECT count(*) FROM ayb_jobs.job_keys WHERE job_id IN ($list)),
        (SELECT count(*) FROM ayb_jobs.job_attempts WHERE job_id IN ($list))});
}

# The days ahead.
holds($node, 'postgres', join(' AND ', map { there($_) } 0 .. 3), 'today and three days ahead are there');
is(sql($node, q{SELECT count(*) FROM pg_inherits WHERE inhparent = 'ayb_jobs.job_history'::regclass}), '4', 'and no others');

my $waiting = sql($node, q{SELECT ayb_jobs.enqueue('nobody handles this', idempotency_key => 'waiting')});
# How deep the queue is is looked at once a minute.
sql($node, q{SELECT ayb_jobs.register_handler('parked', kind => 'external');
SELECT ayb_jobs.enqueue('parked', run_at => ayb_jobs_internal.now() - interval '90 s')});
turn_past_noon($hour);
holds($node, 'postgres', q{(SELECT queued = 2 AND running = 0 AND oldest_due_seconds BETWEEN 3600 AND 7200
    FROM ayb_jobs.job_depths WHERE run_as = 'postgres'::regrole ORDER BY minute DESC LIMIT 1)},
    'a job of a type without a handler is queued, and since when one waits for a worker outside');
is(sql($node, q{SELECT queued, running, oldest_due_seconds > 3600 FROM ayb_jobs.depths(step => '1 day')}), '2|0|t', 'as depths() says');
sql($node, q{SELECT ayb_jobs.cancel(id) FROM ayb_jobs.jobs WHERE type = 'parked'});
turn_past_noon(2 * $hour);
holds($node, 'postgres', q{(SELECT queued = 1 AND oldest_due_seconds IS NULL FROM ayb_jobs.job_depths ORDER BY minute DESC LIMIT 1)},
    'then none is due, whatever waits for a handler');
my @first = leave_jobs('first day');
is(kept(@first), '3|3|2', 'with their keys and attempts');
turn_past_noon($day);
my @second = leave_jobs('second day');
turn_past_noon(2 * $day + $hour);
holds($node, 'postgres', there(5), 'days go on being made');
ok(eventually($node, 'SELECT ' . there(0)), 'two days on the first is there');
is(kept(@first), '3|3|2', 'with its jobs');
my $acted = "SELECT count(*) FROM ayb_jobs.actions('$first[2]')";
is(sql($node, $acted), '1', 'and what was done to one by hand');

# The retention is over: the first day goes as a whole; the second stays. Failed and canceled ones have their own.
turn_past_noon(3 * $day + $hour);
holds($node, 'postgres', gone(0), 'three days on the first is dropped');
is(kept($first[0]), '0|0|0', 'the key and the attempts of its job went with it');
is(kept(@first[1, 2]), '2|2|1', 'what failed or was canceled stays');
is(kept(@second), '3|3|2', 'and so does the second day');
isnt(sql($node, q{SELECT ayb_jobs.enqueue('work', idempotency_key => 'completed first day')}), $first[0],
    'the key can be taken again');
is(sql($node, q{SELECT ayb_jobs.enqueue('work', idempotency_key => 'completed second day')}), $second[0],
    'one of the second day can not');

# A reader of the history holds up the drop, but neither jobs nor what else is to be removed.
my $reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN; SELECT count(*) FROM ayb_jobs.jobs;');
my $offset = -s $node->logfile;
turn_past_noon(4 * $day + 2 * $hour);
log_holds($node, qr/ayb_jobs scheduler: .*lock timeout/, $offset, 'a reader of the history holds up the drop');
holds($node, 'postgres', "NOT EXISTS (SELECT FROM ayb_jobs.jobs WHERE id IN ('$first[1]', '$first[2]'))",
    'four days on what failed or was canceled on the first is removed all the same');
is(kept(@first[1, 2]), '0|0|0', 'with keys and attempts');
holds($node, 'postgres', "NOT EXISTS ($acted HAVING count(*) > 0)", 'and what was done to them');
my $beside = sql($node, q{SELECT ayb_jobs.enqueue('work')});
holds($node, 'postgres', "(SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$beside')", 'jobs complete beside it');
is(sql($node, 'SELECT ' . there(1)), 't', 'the second day is still there');
$reader->query_safe('COMMIT;');
$reader->quit;
turn_past_noon(4 * $day + 4 * $hour);
holds($node, 'postgres', gone(1), 'an hour later it is dropped');
is(kept($second[0]), '0|0|0', 'with what belongs to its job');

# Nothing is kept with 0.
set_configuration($node, 'ayb_jobs.retention' => 0);
sql($node, q{SELECT ayb_jobs.enqueue('at last', '{"what": "no trace"}', idempotency_key => 'no trace')});
holds($node, 'postgres', q{NOT EXISTS (SELECT FROM ayb_jobs.jobs WHERE payload ->> 'what' = 'no trace')}, 'retention 0 keeps no job');
is(sql($node, q{SELECT (SELECT count(*) FROM ayb_jobs.job_keys WHERE idempotency_key = 'no trace'),
    (SELECT count(*) FROM ayb_jobs.job_attempts WHERE error = 'not yet' AND job_id NOT IN (SELECT id FROM ayb_jobs.jobs))}),
    '0|0', 'no key and no attempt of it');
is(sql($node, q{SELECT completed FROM ayb_jobs_internal.current_minutes() WHERE type = 'at last'}), '1', 'but it is counted');
turn_past_noon(4 * $day + 6 * $hour);
holds($node, 'postgres', join(' AND ', map { gone($_) } 0 .. 3), 'of the days before none is kept');
set_configuration($node, 'ayb_jobs.retention' => '2d', 'ayb_jobs.failed_retention' => 0);

# A week goes by at once, on a server that runs, and on one that is down.
my @third = leave_jobs('before the jump');
holds($node, 'postgres', 'NOT EXISTS (SELECT FROM ayb_jobs_internal.current_minutes() WHERE minute < ayb_jobs_internal.now() - interval \'2 min\')',
    'minutes are written');
is(sql($node, q{SELECT count(DISTINCT (minute AT TIME ZONE 'UTC')::date) >= 3 FROM ayb_jobs.job_minutes}), 't', 'of several days');
turn_past_noon(11 * $day);
my $jumped = sql($node, q{SELECT ayb_jobs.enqueue('work', idempotency_key => 'jumped')});
holds($node, 'postgres', "(SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$jumped')", 'a week later jobs complete');
holds($node, 'postgres', join(' AND ', gone(4), gone(7), map { there($_) } 11 .. 14), 'days are made and dropped');
is(kept($third[0]), '0|0|0', 'with what was of them');
is(kept(@third[1, 2]), '2|2|1', 'failed_retention 0 keeps what failed or was canceled');
holds($node, 'postgres', q{(SELECT min(minute) FROM ayb_jobs.job_minutes) >= ayb_jobs_internal.now() - interval '7 days 1 hour'},
    'minutes are kept for a week');
is(sql($node, qq{SELECT count(*) > 0 FROM ayb_jobs.job_minutes WHERE minute < ayb_jobs_internal.now() - interval '6 days'}), 't',
    'and not for less');
is(sql($node, q{SELECT min(minute) BETWEEN ayb_jobs_internal.now() - interval '7 days 1 hour' AND ayb_jobs_internal.now() - interval '6 days'
    FROM ayb_jobs.job_depths}), 't', 'and so are looks at how deep the queue was');
turn_past_noon(18 * $day);
$node->restart;
my $slept = sql($node, q{SELECT ayb_jobs.enqueue('work')});
holds($node, 'postgres', "(SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$slept')", 'and after another one');
holds($node, 'postgres', join(' AND ', map { there($_) } 18 .. 21), 'its days are there');
turn_past_noon(18 * $day + 2 * $hour);
holds($node, 'postgres', join(' AND ', map { gone($_) } 11 .. 14), 'the old ones go');

# A clock that was wrong and is set right: the past has its days too, and what waits for the future stays.
turn_past_noon(10 * $day);
my $back = sql($node, q{SELECT ayb_jobs.enqueue('work')});
holds($node, 'postgres', "(SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$back')", 'a clock set back stops nothing');
is(sql($node, "SELECT state FROM ayb_jobs.jobs WHERE id = '$slept'"), 'completed', 'nor loses what was completed since');
is(sql($node, "SELECT state, attempts FROM ayb_jobs.jobs WHERE id = '$waiting'"), 'queued|0', 'a job that waits is never removed');

$node->stop('fast');
done_testing();
