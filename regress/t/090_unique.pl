# Unique keys beside workers that run in groups: who replaces or debounces what waits, or finds that it has begun, loses nothing.
# What ran last for each key had that key's last payload, and no client ever had an error. UNIQUE_ROUNDS has it done longer.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my $rounds = $ENV{UNIQUE_ROUNDS} // 400;
my $node = start_server('unique', 'ayb_jobs.worker_concurrency = 2');

# Who takes a key's row first also enqueues first: the last number of a key is that of its last commit.
sql($node, q{
CREATE TABLE wanted (key text PRIMARY KEY, number integer NOT NULL DEFAULT 0);
INSERT INTO wanted SELECT 'key ' || k FROM generate_series(1, 10) AS k;
CREATE TABLE ran (at bigserial, key text, number integer);
CREATE FUNCTION count_it(payload jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO ran (key, number) VALUES (payload ->> 'key', (payload ->> 'number')::integer)
$$;
SELECT ayb_jobs.register_handler('count_it', 'count_it(jsonb)');
CREATE PROCEDURE change(rounds integer, mode text) LANGUAGE plpgsql AS $$
DECLARE
    now_wanted wanted;
BEGIN
    FOR i IN 1 .. rounds LOOP
        UPDATE wanted SET number = number + 1 WHERE key = 'key ' || i % 10 + 1 RETURNING * INTO now_wanted;
        PERFORM ayb_jobs.enqueue('count_it', to_jsonb(now_wanted), unique_key => now_wanted.key,
                                 options => jsonb_build_object('on_conflict', mode));
        COMMIT;
    END LOOP;
END $$});

my @clients = map { $node->background_psql('postgres', on_error_stop => 1) } 1 .. 3;
my @modes = qw(replace debounce replace);
$clients[$_]->query_until(qr/begins/, "\\echo begins\nCALL change($rounds, '$modes[$_]'); SELECT 'ended';\n") for 0 .. 2;
$_->quit for @clients;
ok(eventually($node, 'SELECT count(*) = 0 FROM ayb_jobs.job_queue'), 'all has run');
is(sql($node, 'SELECT sum(number) FROM wanted'), 3 * $rounds, 'no client had an error');
is(sql($node, q{SELECT count(*), count(*) FILTER (WHERE l.number = w.number) FROM wanted AS w
    CROSS JOIN LATERAL (SELECT r.number FROM ran AS r WHERE r.key = w.key ORDER BY r.number DESC LIMIT 1) AS l}), '10|10',
    'what ran last had the last payload');
cmp_ok(sql($node, 'SELECT count(*) FROM ran'), '<=', 3 * $rounds, 'and none ran twice for one change');

# What waits is kept: while nothing runs, all changes of a key have one job.
sql($node, q{SELECT ayb_jobs.pause('count_it'); TRUNCATE ran; CALL change(40, 'replace')});
is(sql($node, 'SELECT count(*) FROM ayb_jobs.job_queue'), 10, 'ten keys, ten jobs');
sql($node, q{SELECT ayb_jobs.resume('count_it')});
ok(eventually($node, 'SELECT count(*) = 0 FROM ayb_jobs.job_queue'), 'they have run');
is(sql($node, 'SELECT count(*), count(DISTINCT key) FROM ran'), '10|10', 'each once');

$node->stop;
done_testing();
