# A backfill in steps, by snooze(): its cursor is in the payload, so that whatever kills it, each row is done once, and no
# attempt is used up in the end. BACKFILL_ROWS, _STEP and _EACH have it done longer: a million rows in steps of 1,000 of which
# each 20th try ends its worker, 52 times, are 1000000, 1000 and 20.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my $rows = $ENV{BACKFILL_ROWS} // 20_000;
my $step = $ENV{BACKFILL_STEP} // int($rows / 42) + 1;
my $steps = int(($rows + $step - 1) / $step);
my $each = $ENV{BACKFILL_EACH} // 5;
my ($tries, $done) = (0, 0);
while ($done < $steps) { $done++ if ++$tries % $each }
my $kills = $tries - $steps;

my $node = start_server('steps', q{ayb_jobs.lease_duration = 1h});
sql($node, qq{
CREATE TABLE items (id integer PRIMARY KEY, done integer NOT NULL DEFAULT 0);
INSERT INTO items SELECT generate_series(1, $rows);
CREATE SEQUENCE tries;
CREATE FUNCTION fill(payload jsonb) RETURNS integer LANGUAGE plpgsql AS \$\$
DECLARE
    first constant integer := (payload ->> 'first')::integer;
BEGIN
    UPDATE items SET done = done + 1 WHERE id >= first AND id < first + $step;
    IF nextval('tries') % $each = 0 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
    IF first + $step <= $rows THEN PERFORM ayb_jobs.snooze(payload => jsonb_build_object('first', first + $step)); END IF;
    RETURN first;
END \$\$;
SELECT ayb_jobs.register_handler('fill', 'fill(jsonb)', max_attempts => 3, backoff => '{0.01s}')});

# A sequence isn't undone, so every fifth try, or each of so many, ends its worker: behind its work, and before what commits it.
my $job = sql($node, q{SELECT ayb_jobs.enqueue('fill', '{"first": 1}')});
ok(eventually($node, "SELECT state IN ('completed', 'failed') FROM ayb_jobs.jobs WHERE id = '$job'"), 'it comes to an end');
done_once("killed $kills times");
is(state_of($node, $job), 'completed/1', 'and no attempt is used up');
is(sql($node, 'SELECT last_value FROM tries'), $tries, "it took $steps tries, and $kills more that ended their worker");
# In a group one that ends its worker isn't charged, and no attempt.
is(sql($node, "SELECT string_agg(status || ' ' || n, ', ' ORDER BY status) FROM"
    . " (SELECT status, count(*) AS n FROM ayb_jobs.attempts('$job') WHERE status <> 'lost' GROUP BY status) AS a"),
    'completed 1, snoozed ' . ($steps - 1), 'its attempts tell of each step')
    if $steps <= 100; # no more are kept

# The same through crashes of the server, each in the midst of a step, which it charges, or between two.
sql($node, q{UPDATE items SET done = 0; ALTER SEQUENCE tries INCREMENT 5 RESTART 1});
$job = sql($node, q{SELECT ayb_jobs.enqueue('fill', '{"first": 1}', max_attempts => 9)});
for my $kill (1 .. 3) {
    ok(eventually($node, "SELECT runs > $kill * 5 FROM ayb_jobs.jobs WHERE id = '$job'"), "crash $kill: it is under way");
    $node->stop('immediate');
    $node->start;
}
ok(eventually($node, "SELECT state IN ('completed', 'failed') FROM ayb_jobs.jobs WHERE id = '$job'"), 'it comes to an end');
done_once('through three crashes');
is(sql($node, "SELECT state FROM ayb_jobs.jobs WHERE id = '$job'"), 'completed', 'and it has not failed');

$node->stop;
done_testing();

sub done_once {
    my ($how) = @_;
    is(sql($node, 'SELECT count(*), min(done), max(done) FROM items'), "$rows|1|1", "each row is done once, $how");
    return;
}
