# Workers outside whose transactions keep their snapshot: loops at REPEATABLE READ and SERIALIZABLE that try again at 40001 (pgbench
# does) finish every job once, and meet no other error. And how many may wait at once.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('isolation', q{
max_connections = 1100
ayb_jobs.scheduler_tick = 1h
});
sql($node, q{
SELECT ayb_jobs.register_handler('out', kind => 'external', max_attempts => 1000, backoff => '{0}');
CREATE TABLE held (client integer, id uuid, attempt integer);
CREATE TABLE done (id uuid)});
my $files = $PostgreSQL::Test::Utils::tmp_check;

# What a worker has is in a table, so that its next transaction finds it: of the jobs in there it makes an array.
my $array = q{(SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'attempt', attempt, 'error', 'no')), '[]') FROM held WHERE client = :client_id)};
my $completed = qq{(SELECT jsonb_agg(e - 'error') FROM jsonb_array_elements($array) AS e)};
my $beaten = $completed;
my %loops = (
    single => [ 1,
        q{SELECT ayb_jobs.extend(id, 'w' || :client_id, attempt, '2 hours') FROM held WHERE client = :client_id;},
        q{SELECT ayb_jobs.fail(id, 'w' || :client_id, attempt, 'no', '0') FROM held WHERE client = :client_id;},
        q{INSERT INTO done SELECT (ayb_jobs.complete(id, 'w' || :client_id, attempt)).id FROM held WHERE client = :client_id;} ],
    many => [ 5,
        qq{SELECT count(*) FROM ayb_jobs.extend_many('w' || :client_id, coalesce($beaten, '[]'), '3 hours');},
        qq{SELECT count(*) FROM ayb_jobs.fail_many('w' || :client_id, $array);},
        qq{INSERT INTO done SELECT id FROM held WHERE client = :client_id;
           SELECT count(*) FROM ayb_jobs.complete_many('w' || :client_id, coalesce($completed, '[]'));} ],
);

sub script_of {
    my ($loop) = @_;
    my ($jobs, $extend, $fail, $complete) = @{ $loops{$loop} };
    PostgreSQL::Test::Utils::append_to_file("$files/$loop.sql", qq{
BEGIN;
INSERT INTO held SELECT :client_id, id, attempt FROM ayb_jobs.claim('w' || :client_id, '{out}', $jobs, '1 hour');
COMMIT;
BEGIN;
$extend
COMMIT;
\\set fate random(1, 4)
BEGIN;
\\if :fate = 1
$fail
\\else
$complete
\\endif
DELETE FROM held WHERE client = :client_id;
COMMIT;
});
    return "$files/$loop.sql";
}

# Works until nothing is left; every error that there was.
sub work {
    my ($level, $script, $rounds) = @_;
    local $ENV{PGOPTIONS} = "-c default_transaction_isolation=$level";
    my $errors = '';
    for (1 .. 100) {
        my ($report, $said) = ('', '');
        IPC::Run::run([ $node->installed_command('pgbench'), '-n', '--max-tries=0', '--latency-limit=3600000', '--verbose-errors', '-f', $script,
            '-c', '6', '-t', $rounds, '-d', $node->connstr('postgres') ], '<', \undef, '>', \$report, '2>', \$said) or $errors .= "pgbench: $said\n";
        $errors .= join '', map { "$_\n" } grep { !/could not serialize access/ } $said =~ /(ERROR: .*)/g;
        last if $errors || sql($node, q{SELECT count(*) FROM ayb_jobs.job_queue}) == 0;
    }
    return $errors;
}

for my $level ('repeatable\ read', 'serializable') {
    for my $loop (sort keys %loops) {
        my ($jobs, $name) = (200, $level =~ s/\\//r . ", $loop");
        sql($node, 'TRUNCATE held, done; TRUNCATE ayb_jobs.job_history');
        sql($node, qq{SELECT count(*) FROM ayb_jobs.enqueue_many('out', array_fill('{}'::jsonb, ARRAY[$jobs]))});
        is(work($level, script_of("$loop"), $loop eq 'single' ? 30 : 8), '', "$name: no error but 40001");
        is(sql($node, 'SELECT count(*), count(DISTINCT id) FROM done'), "$jobs|$jobs", "$name: every job was completed, and told so once");
        is(sql($node, 'SELECT count(*), count(DISTINCT id) FROM ayb_jobs.job_history'), "$jobs|$jobs", "$name: the history has every job once");
        unlink "$files/$loop.sql";
    }
}

# The days of the history that no call about a job needs aren't even locked.
my $days = q{
DO $$
BEGIN
    FOR day IN 2 .. 5 LOOP
        EXECUTE format('CREATE TABLE ayb_jobs.job_history_%s PARTITION OF ayb_jobs.job_history FOR VALUES FROM (%L) TO (%L)',
            to_char(current_date - day, 'YYYYMMDD'), current_date - day, current_date - day + 1);
    END LOOP;
END $$};
sql($node, "SET TimeZone = 'UTC'; $days");
my $opened = q{SELECT count(*) FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
    WHERE l.pid = pg_backend_pid() AND c.relname ~ '^job_history_\d{8}$' AND c.relname < 'job_history_' || to_char((now() AT TIME ZONE 'UTC')::date - 1, 'YYYYMMDD')};
sql($node, q{SELECT count(*) FROM ayb_jobs.enqueue_many('out', '{1,2,3,4,5}')});
sql($node, q{SELECT count(*) FROM ayb_jobs.claim('w', '{out}', 5, '1 hour')});
my @jobs = split /\n/, sql($node, 'SELECT id FROM ayb_jobs.job_queue ORDER BY id');
my @calls = ("extend('$jobs[0]', 'w', 1, '2 hours')", "fail('$jobs[1]', 'w', 1, 'no', '1 hour')", "snooze('$jobs[2]', 'w', 1, '1 hour')",
    "complete('$jobs[3]', 'w', 1)", "cancel('$jobs[1]')", "run_now('$jobs[2]')", "delete_job('$jobs[3]')",
    qq{complete_many('w', '[{"id": "$jobs[4]", "attempt": 1}, {"id": "$jobs[3]", "attempt": 1}]')},
    qq{complete_many('w', '[{"id": "$jobs[4]", "attempt": 1}]')});
is((split /\n/, sql($node, "BEGIN; SELECT FROM ayb_jobs.$_; $opened; COMMIT"))[-1], '0', "no older day is opened: $_") for @calls;

# However many roles they are of.
my $script = "$files/wait.sql";
PostgreSQL::Test::Utils::append_to_file($script, q{CALL ayb_jobs.wait_for_jobs('{out}', '1 h');});
my $asleep = q{(SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'AybJobsWaiter' OR (wait_event_type = 'Extension' AND query LIKE 'CALL%'))};
my @crowds;
for my $role (map { "crowd$_" } 1 .. 4) {
    sql($node, "CREATE ROLE $role LOGIN");
    push @crowds, { out => '', error => '' };
    $crowds[-1]{handle} = IPC::Run::start([ $node->installed_command('pgbench'), '-n', '-f', $script, '-c', '256', '-t', '1', '-U', $role, '-d', $node->connstr('postgres') ],
        '<', \undef, '>', \$crowds[-1]{out}, '2>', \$crowds[-1]{error});
}
holds($node, 'postgres', "$asleep = 1024", '1,024 wait');
my (undef, undef, $error) = $node->psql('postgres', q{CALL ayb_jobs.wait_for_jobs('{out}')}, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
like($error, qr/ERROR:  53400: 1024 sessions wait for jobs already\s.*HINT: /s, 'one more of any role is told so');
sql($node, q{SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE usename ~ '^crowd'});
$_->{handle}->finish for @crowds;
is(promptly($node, 'postgres', q{CALL ayb_jobs.wait_for_jobs('{out}', '0.1 s')}), '', 'once they have ended one waits again');

done_testing();
