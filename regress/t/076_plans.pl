# Plans that are made while all is empty, vacuumed and analyzed, as a nightly vacuumdb leaves tomorrow's day, are kept; and
# none of them reads more of what comes later than it looks for. Every statement that the engine or a session runs is told
# by auto_explain, with what it read.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;

my $node = start_server('plans', q{
shared_preload_libraries = 'ayb_jobs, auto_explain'
ayb_jobs.poll_interval = 100ms
ayb_jobs.scheduler_tick = 1h
ayb_jobs.worker_concurrency = 1
ayb_jobs.worker_idle_timeout = 1h
log_temp_files = 0
});
sql($node, q{
CREATE FUNCTION looks(jsonb) RETURNS void LANGUAGE sql AS 'SELECT FROM ayb_jobs.current_job(); SELECT ayb_jobs.set_progress(50)';
SELECT ayb_jobs.register_handler('alone', 'looks(jsonb)', grouped => false), ayb_jobs.register_handler('outside', kind => 'external'),
    ayb_jobs.register_handler('fails', 'break(jsonb)', max_attempts => 2, backoff => '{0s}');
CREATE TABLE ids (n serial, id uuid)});
sql($node, 'TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_history, ayb_jobs.job_keys, ayb_jobs.job_attempts, ayb_jobs.job_actions');
$node->safe_psql('postgres', 'VACUUM ANALYZE');

# One worker and one session plan each of their statements in the first round, and run it in the second.
my $session = $node->background_psql('postgres');
$session->query_safe(q{SET client_min_messages = warning;
PREPARE one AS SELECT j.state FROM ayb_jobs.jobs AS j WHERE j.id = $1;
PREPARE kept AS SELECT q.state FROM ayb_jobs.job_queue AS q WHERE EXISTS (SELECT FROM ayb_jobs.job_queue AS p WHERE p.id = q.id) AND q.id = $1;
PREPARE posted AS SELECT q.state FROM ayb_jobs.job_queue AS q WHERE q.id = nullif(current_setting('my.id', true), '')::uuid;
PREPARE done AS SELECT h.id FROM ayb_jobs.job_history AS h WHERE h.id = $1;
SET plan_cache_mode = force_generic_plan});

sub round {
    my ($number) = @_;
    my $later = q{run_at => clock_timestamp() + interval '1 h'};
    my $ask = sub { return $session->query_safe($_[0]) =~ s/\s+$//r };
    my $enqueue = sub { return $ask->("SELECT ayb_jobs.enqueue($_[0])") };
    my $ended = sub {
        my ($id, $state) = @_;
        holds($node, 'postgres', "SELECT state = '$state' FROM ayb_jobs.jobs WHERE id = '$id'", "round $number: $state");
    };
    my $key = $enqueue->("'alone', idempotency_key => 'a$number'");
    is($enqueue->("'alone', idempotency_key => 'a$number'"), $key, "round $number: a key");
    $ended->($key, 'completed');
    is($enqueue->("'alone', idempotency_key => 'a$number'"), $key, "round $number: of a completed job");
    $ended->($enqueue->("'work'"), 'completed');
    my $failed = $enqueue->("'fails'");
    $ended->($failed, 'failed');
    my ($once, $again) = map { $enqueue->("'work', $later, idempotency_key => 'c$number$_'") } 1 .. 2;
    $ask->("SELECT state FROM ayb_jobs.cancel('$once')");
    $ask->("SELECT ayb_jobs.cancel_many('{$again}')");
    $ask->("SELECT state FROM ayb_jobs.retry_now('$failed')");
    $ended->($failed, 'failed');
    $ask->("SELECT ayb_jobs.retry_many('{$failed}')");
    $ended->($failed, 'failed');
    $ask->("SELECT count(*) FROM ayb_jobs.attempts('$failed'); SELECT count(*) FROM ayb_jobs.actions('$failed')");
    $enqueue->("'outside', run_at => '2001-01-01'") for 1 .. 2;
    $ask->(q{SELECT count((ayb_jobs.extend(c.id, 'w', c.attempt, '1 h')).id) FROM ayb_jobs.claim('w', '{outside}', 2) AS c});
    my ($complete, $fail) = split /\n/, $ask->(q{SELECT id FROM ayb_jobs.job_queue WHERE lease_until > '2001-01-01' AND state = 'running'});
    $ask->("SELECT state FROM ayb_jobs.complete('$complete', 'w', 1)");
    $ask->("SELECT state FROM ayb_jobs.fail('$fail', 'w', 1, 'no', '1 h')");
    $ask->("SELECT ayb_jobs.delete_job('$_')") for $complete, $once;
    $ask->("SELECT deleted FROM ayb_jobs.delete_jobs('{$again}')");
    my $schedule = $ask->("SELECT id FROM ayb_jobs.create_schedule('s$number', 'outside', '\@yearly')");
    $ask->("SELECT state FROM ayb_jobs.run_schedule_now('$schedule')");
    $ask->("SELECT ayb_jobs.delete_schedule('$schedule')");
    $ask->("EXECUTE $_->[0]('$_->[1]')") for ['one', $key], ['one', $fail], ['kept', $fail], ['done', $key];
    $ask->("SET my.id = '$fail'; EXECUTE posted");
    $ask->("SELECT count(*) FROM ayb_jobs.find_jobs($_)") for '', "'work'", "'nobody'", "'outside', state => 'failed'", "'nobody', state => 'failed'",
        map({ "state => '$_'" } qw(queued running completed failed canceled)), "since => '2100-01-01'", "until => '2020-01-01'",
        "'work', since => '2020-01-01', until => '2100-01-01'", "phase => 'completed'", "phase => 'retrying', state => 'failed'",
        "search => '$key'", "before => '$key'", "before => '$key', skip => 10";
    $ask->("SELECT count(*) FROM ayb_jobs.count_jobs($_)") for '', "'nobody'", "until => '2020-01-01'", "search => '$key'";
    return;
}
round(1);

# What is there now, of all that grows.
sql($node, q{
INSERT INTO ayb_jobs.job_queue (type, run_at, idempotency_key, state) SELECT 'outside', '2030-01-01', 'q' || n, CASE n % 3 WHEN 0 THEN 'failed' ELSE 'queued' END
FROM generate_series(1, 30000) AS n});
sql($node, q{INSERT INTO ayb_jobs.job_history (id, type, payload, run_as, run_at, attempts, max_attempts, created_at, completed_at, enqueued_by, runs)
    SELECT ayb_jobs.uuid7(), 'work', '{}', 'postgres'::regrole, now(), 1, 1, now(), now(), 'postgres'::regrole, 1 FROM generate_series(1, 1000000)});
sql($node, q{INSERT INTO ayb_jobs.job_keys SELECT 'postgres'::regrole, 'q' || n, ayb_jobs.uuid7() FROM generate_series(1, 30000) AS n});
sql($node, q{INSERT INTO ayb_jobs.job_attempts (job_id, attempt, run_as, status, finished_at)
    SELECT ayb_jobs.uuid7(), 1, 'postgres'::regrole, 'failed', now() FROM generate_series(1, 30000)});
sql($node, q{INSERT INTO ayb_jobs.job_actions (job_id, run_as, at, action, done_by)
    SELECT ayb_jobs.uuid7(), 'postgres'::regrole, now(), 'cancel', 'postgres'::regrole FROM generate_series(1, 30000)});

sql($node, "ALTER SYSTEM SET auto_explain.$_") for q{log_min_duration = 0}, 'log_analyze = on', 'log_buffers = on', 'log_timing = off', 'log_nested_statements = on';
my $loaded = sql($node, 'SELECT pg_conf_load_time()');
sql($node, 'SELECT pg_reload_conf()');
holds($node, 'postgres', "pg_conf_load_time() > '$loaded'", 'from here on the log tells what each statement reads');
my $offset = -s $node->logfile;
round(2);
$session->quit;
$node->stop;

# "rows that it looked at in vain" and "pages" of each, at most. Each look-up reads a path of an index and a row or two: some
# ten pages; all of the smallest of these indexes has more than a hundred.
my ($most, $read, $what) = (100, 0, 0);
my @too_much;
for my $entry (split /^(?=\d{4}-\d\d-\d\d )/m, slurp_file($node->logfile, $offset)) {
    my ($text) = $entry =~ /plan:\n\tQuery Text: (.*?)\n\t(?=\S.*cost=)/s or next;
    next if $text !~ /ayb_jobs\.(?:job|claim|enqueue|cancel|retry|complete|fail|delete)/ || $text =~ /AS filled|GROUP BY 1, 2/;
    $what++;
    my ($pages) = sort { $b <=> $a } map { my ($line) = $_; my $sum = 0; $sum += $_ for $line =~ /(?:hit|read)=(\d+)/g; $sum } $entry =~ /Buffers: shared (.*)/g, '0';
    my ($vain) = sort { $b <=> $a } $entry =~ /Rows Removed by \w+: (\d+)/g, 0;
    push @too_much, "$pages pages, $vain rows in vain: $entry" if $pages > $most || $vain > $most;
}
cmp_ok($what, '>', 50, 'the log has what the engine runs');
is(join("\n", @too_much), '', 'and none of it reads all of a table or an index');
done_testing();
