# The clean-ups at size, while sessions write to the tables: what has expired goes, nothing else does, and a
# cancel stops them between two batches.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use IPC::Run;
use Test::More;

my ($rows, $middle) = (200_000, 40_001);
my $node = start_server('clean_ups');
sql($node, qq{
CREATE TABLE _ayb_sessions (id bigint PRIMARY KEY, expires_at timestamptz NOT NULL, touched int NOT NULL DEFAULT 0);
INSERT INTO _ayb_sessions SELECT n, now() + CASE WHEN n % 4 = 0 THEN interval '1 day' ELSE interval '-1 day' END
FROM generate_series(1, $rows) AS n;
CREATE TABLE renewed (id bigint);
ANALYZE _ayb_sessions});

# Writers that renew expired sessions as long as these are there (but one), touch live ones, and add new ones.
my $script = $node->basedir . '/write.sql';
PostgreSQL::Test::Utils::append_to_file($script, qq{
\\set n random(1, $rows)
\\set live 4 * random(1, $rows / 4)
BEGIN;
WITH renewal AS (UPDATE _ayb_sessions SET expires_at = now() + interval '1 day' WHERE id = :n AND id % 4 <> 0 AND id <> $middle RETURNING id)
INSERT INTO renewed SELECT id FROM renewal;
UPDATE _ayb_sessions SET touched = touched + 1 WHERE id = :live;
INSERT INTO _ayb_sessions SELECT $rows + nextval('ids'), now() + interval '1 day';
COMMIT;
});
sql($node, 'CREATE SEQUENCE ids');
my $output = '';
my $writers = IPC::Run::start(
    ['pgbench', '-n', '-c', '2', '-T', '600', '-R', '400', '--max-tries=1', '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres'],
    '>&', \$output);

# A row that somebody has locked is neither waited for nor deleted.
my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; SELECT id FROM _ayb_sessions WHERE id = 1 FOR UPDATE');

# Some batches on it comes to a row at which it waits.
sql($node, qq{CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_advisory_xact_lock_shared(20261129); RETURN OLD; END';
CREATE TRIGGER wait_at_gate BEFORE DELETE ON _ayb_sessions FOR EACH ROW WHEN (OLD.id = $middle) EXECUTE FUNCTION wait_at_gate()});
my $gate = shut_gate($node);
my $id = sql($node, q{SELECT ayb_jobs.enqueue('stale_session_cleanup')});
holds($node, 'postgres', at_gate() . ' = 1', 'it is in the midst of it');
holds($node, 'postgres', 'EXISTS (SELECT FROM renewed)', 'sessions are renewed');
cmp_ok(sql($node, "SELECT count(*) FROM _ayb_sessions WHERE id <= $rows"), '<', $rows * 0.9, 'batches are committed as they go');
is(promptly($node, 'postgres', "SELECT state FROM ayb_jobs.cancel('$id', force => true)"), 'canceled', 'it can be canceled');
open_gate($gate);
my $left = sql($node, "SELECT count(*) FROM _ayb_sessions WHERE id <= $rows");
cmp_ok($left, '<', $rows, 'what went before the cancel is gone');
cmp_ok($left, '>', $rows / 4 + 1, 'and the rest is there');

$id = sql($node, q{SELECT ayb_jobs.enqueue('stale_session_cleanup')});
ok(eventually($node, "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$id'"), 'the next one ends');
$writers->signal('INT');
$writers->finish;
cmp_ok(sql($node, "SELECT (result ->> 'deleted')::int FROM ayb_jobs.jobs WHERE id = '$id'"), '>', 0, 'it says how many went');

is(sql($node, q{SELECT array_agg(id) FROM _ayb_sessions WHERE expires_at < now()}), '{1}',
    'all that had expired is gone, but for the row that was locked');
is(sql($node, "SELECT count(*) FROM _ayb_sessions WHERE id <= $rows AND id % 4 = 0"), $rows / 4, 'no live session went');
is(sql($node, q{SELECT count(*) FROM renewed WHERE id NOT IN (SELECT id FROM _ayb_sessions)}), '0',
    'nor one that was renewed in time');
cmp_ok(sql($node, 'SELECT count(*) FROM renewed'), '>', 0, 'some were');
$holder->query_safe('ROLLBACK');
$holder->quit;
$id = sql($node, q{SELECT ayb_jobs.enqueue('stale_session_cleanup')});
ok(eventually($node, "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$id'"), 'once more');
is(sql($node, 'SELECT count(*) FROM _ayb_sessions WHERE expires_at < now()'), '0', 'the row that was locked goes with the next run');
$node->stop;
done_testing();
