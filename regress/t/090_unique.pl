# Unique keys beside workers that run in groups: who replaces or debounces what waits, or finds that it has begun, loses nothing.
# What ran last for each key had that key's last payload, and no client ever had an error. UNIQUE_ROUNDS, UNIQUE_KEYS and
# UNIQUE_CLIENTS have it done longer, and by more: a million changes of 1,000 keys by 8 clients are 125000, 1000 and 8.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my $rounds = $ENV{UNIQUE_ROUNDS} // 400;
my $keys = $ENV{UNIQUE_KEYS} // 10;
my $clients = $ENV{UNIQUE_CLIENTS} // 3;
my $node = start_server('unique', 'ayb_jobs.worker_concurrency = 2');

# Who takes a key's row first also enqueues first: the last number of a key is that of its last commit.
sql($node, qq{
CREATE TABLE wanted (key text PRIMARY KEY, number integer NOT NULL DEFAULT 0);
INSERT INTO wanted SELECT 'key ' || k FROM generate_series(1, $keys) AS k;
CREATE TABLE ran (at bigserial, key text, number integer);
CREATE FUNCTION count_it(payload jsonb) RETURNS void LANGUAGE sql AS \$\$
    INSERT INTO ran (key, number) VALUES (payload ->> 'key', (payload ->> 'number')::integer)
\$\$;
SELECT ayb_jobs.register_handler('count_it', 'count_it(jsonb)');
CREATE PROCEDURE change(rounds integer, mode text) LANGUAGE plpgsql AS \$\$
DECLARE
    now_wanted wanted;
BEGIN
    FOR i IN 1 .. rounds LOOP
        UPDATE wanted SET number = number + 1 WHERE key = 'key ' || i % $keys + 1 RETURNING * INTO now_wanted;
        PERFORM ayb_jobs.enqueue('count_it', to_jsonb(now_wanted), unique_key => now_wanted.key,
                                 options => jsonb_build_object('on_conflict', mode));
        COMMIT;
    END LOOP;
END \$\$});

my @sessions = map { $node->background_psql('postgres', on_error_stop => 1, timeout => 7200) } 1 .. $clients;
my @modes = qw(replace debounce replace);
$sessions[$_]->query_until(qr/begins/, "\\echo begins\nCALL change($rounds, '$modes[$_ % 3]'); SELECT 'ended';\n") for 0 .. $clients - 1;
$_->quit for @sessions;
ok(eventually($node, 'SELECT count(*) = 0 FROM ayb_jobs.job_queue'), 'all has run');
is(sql($node, 'SELECT sum(number) FROM wanted'), $clients * $rounds, 'no client had an error');
is(sql($node, q{SELECT count(*), count(*) FILTER (WHERE l.number = w.number) FROM wanted AS w
    CROSS JOIN LATERAL (SELECT r.number FROM ran AS r WHERE r.key = w.key ORDER BY r.number DESC LIMIT 1) AS l}), "$keys|$keys",
    'what ran last had the last payload');
cmp_ok(sql($node, 'SELECT count(*) FROM ran'), '<=', $clients * $rounds, 'and none ran twice for one change');

# What waits is kept: while nothing runs, all changes of a key have one job.
my $changes = 4 * sql($node, 'SELECT count(*) FROM wanted');
sql($node, "SELECT ayb_jobs.pause('count_it'); TRUNCATE ran; CALL change($changes, 'replace')");
is(sql($node, 'SELECT count(*) FROM ayb_jobs.job_queue'), $keys, 'a job for each key');
sql($node, q{SELECT ayb_jobs.resume('count_it')});
ok(eventually($node, 'SELECT count(*) = 0 FROM ayb_jobs.job_queue'), 'they have run');
is(sql($node, 'SELECT count(*), count(DISTINCT key) FROM ran'), "$keys|$keys", 'each once');

$node->stop;
done_testing();
