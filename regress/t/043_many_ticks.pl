# Ten thousand schedules due in the same second: each has its job, once, and what stands in the way of some holds up none
# of the others. Between portions of them the scheduler has time for other jobs.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my $node = start_server('many', 'max_prepared_transactions = 2');
sql($node, q{SELECT ayb_jobs.register_handler('outside', kind => 'external'); CREATE ROLE leaving LOGIN});
turn_to($node, '2026-07-01 11:59+00');
sql($node, q{SELECT count(s) FROM generate_series(1, 10000) AS n
    CROSS JOIN LATERAL ayb_jobs.create_schedule('daily ' || n, 'outside', '0 12 * * *', overlap => 'queue') AS s});
# Three that can't: each stops or fails alone.
sql($node, q{SELECT ayb_jobs.create_schedule('role gone', 'outside', '0 12 * * *', run_as => 'leaving');
SELECT ayb_jobs.create_schedule('zone gone', 'outside', '0 12 * * *');
SELECT ayb_jobs.create_schedule('no login', 'work', '0 12 * * *', run_as => 'leaving')});
sql($node, q{UPDATE ayb_jobs.schedules SET timezone = 'Atlantis' WHERE name = 'zone gone'});
sql($node, q{UPDATE ayb_jobs.schedules SET cron_expr = 'never' WHERE name = 'daily 5000'});
sql($node, q{DROP ROLE leaving});

# The scheduler is held still in its first portion of the ticks, and again in its second: between the two it has to see to
# a job that has become due meanwhile, of a role without a worker.
sql($node, q{CREATE ROLE other LOGIN;
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    portion bigint := (SELECT ceil(count(*) / 1000.0) FROM ayb_jobs.job_queue WHERE schedule_id IS NOT NULL);
BEGIN
    WHILE NOT pg_try_advisory_xact_lock_shared(portion) LOOP -- not subject to its lock_timeout
        PERFORM pg_sleep(0.01);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER hold AFTER UPDATE ON ayb_jobs.schedules FOR EACH STATEMENT EXECUTE FUNCTION hold()});
my @portions = map { $node->background_psql('postgres') } 1, 2;
$portions[$_ - 1]->query_safe("SELECT pg_advisory_lock($_)") for 1, 2;
my $offset = sql($node, q{SELECT ceil(extract(epoch FROM timestamptz '2026-07-01 12:00+00' - clock_timestamp()))});
sql($node, "ALTER SYSTEM SET ayb_jobs.test_clock_offset = $offset; SELECT pg_reload_conf()");
holds($node, 'postgres', q{EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'ayb_jobs scheduler' AND wait_event = 'PgSleep')},
    'the scheduler is at its first portion');
my $meanwhile = sql($node, q{SET ROLE other; SELECT ayb_jobs.enqueue('work')});
$portions[0]->quit;
holds($node, 'postgres', "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$meanwhile'", 'another job runs before the second');
cmp_ok(sql($node, 'SELECT count(*) FROM ayb_jobs.jobs WHERE schedule_id IS NOT NULL'), '<=', 1000, 'which is held up');
$portions[1]->quit;
ok(ticked($node, 'count(*) >= 9999 FROM ayb_jobs.job_queue'), 'all tick');
sql($node, 'DROP TRIGGER hold ON ayb_jobs.schedules');
is(sql($node, q{SELECT count(*), count(DISTINCT schedule_id), min(scheduled_at), max(scheduled_at) FROM ayb_jobs.job_queue}),
    '9999|9999|2026-07-01 12:00:00+00|2026-07-01 12:00:00+00', 'each once, at noon');
is(sql($node, q{SELECT count(*) FROM ayb_jobs.schedules WHERE next_run_at = '2026-07-02 12:00+00'}), '9999', 'and each goes on tomorrow');
is(sql($node, q{SELECT string_agg(name || ': ' || regexp_replace(last_error, '\d+', 'N', 'g'), '; ' ORDER BY name) FROM ayb_jobs.schedules
    WHERE next_run_at IS NULL}), join('; ', 'daily 5000: ' . reason('daily 5000') =~ s/\d+/N/gr, 'no login: its role (N) does not exist any more',
    'role gone: its role (N) does not exist any more', 'zone gone: invalid timezone "Atlantis"'), 'but those that can\'t be computed');
like(health($node, 'postgres', 'schedules'), qr/^error\|.*zone gone: invalid timezone "Atlantis"/, 'health() says so');

sub reason { return sql($node, "SELECT last_error FROM ayb_jobs.schedules WHERE name = '$_[0]'") }

# So many that are late come in portions: no transaction enqueues more than some ten thousand, so that the scheduler stays
# answerable; and each portion has something of every schedule that is due.
sql($node, q{TRUNCATE ayb_jobs.job_queue; DELETE FROM ayb_jobs.schedules WHERE name !~ '^daily \d{1,2}$'});
sql($node, q{SELECT count(ayb_jobs.update_schedule(id, cron_expr => '* * * * *', missed => 'all')) FROM ayb_jobs.schedules});
my $prompt = create_schedule($node, 'prompt', '0 4 * * *', 'UTC');
my $due = sql($node, q{SELECT min(next_run_at) FROM ayb_jobs.schedules});
turn_to($node, '2026-07-02 04:00+00');
is(sql($node, qq{SELECT count(*), count(DISTINCT (schedule_id, scheduled_at)) FROM ayb_jobs.job_queue WHERE schedule_id <> '$prompt'}),
    join('|', (sql($node, qq{SELECT 99 * (1 + extract(epoch FROM '2026-07-02 04:00+00' - timestamptz '$due')::integer / 60)})) x 2),
    'all ticks of a night, of many schedules');
cmp_ok(sql($node, q{SELECT max(n) FROM (SELECT count(*) AS n FROM ayb_jobs.job_queue GROUP BY xmin) AS t}), '<=', 11_000,
    'in transactions of a bounded size');
is(sql($node, qq{SELECT count(*) FROM ayb_jobs.job_queue WHERE schedule_id = '$prompt'
    AND xmin::text::bigint = (SELECT min(xmin::text::bigint) FROM ayb_jobs.job_queue)}), '1', 'one that is on time need not wait for them');

# A schedule that comes by COMMIT PREPARED, whose rows no commit callback knows, and one of a subtransaction that was rolled
# back and done again.
sql($node, q{DELETE FROM ayb_jobs.schedules});
sql($node, q{BEGIN; SELECT ayb_jobs.create_schedule('prepared', 'outside', '0 5 * * *'); PREPARE TRANSACTION 'schedule'});
sql($node, q{BEGIN; SAVEPOINT s; SELECT ayb_jobs.create_schedule('again', 'outside', '0 3 * * *'); ROLLBACK TO s;
    SELECT ayb_jobs.create_schedule('again', 'outside', '30 4 * * *'); COMMIT});
turn_to($node, '2026-07-02 04:30+00');
is(ticks_of($node, 'again'), '07-02 04:30', 'a schedule made behind a rollback to a savepoint ticks');
is(sql($node, q{SELECT count(*) FROM ayb_jobs.schedules}), '1', 'a prepared one is not there yet');
sql($node, q{COMMIT PREPARED 'schedule'});
turn_to($node, '2026-07-02 05:00+00');
is(ticks_of($node, 'prepared'), '07-02 05:00', 'once it is committed it ticks');

$node->stop('fast');
done_testing();
