# Dumps carry everything but the stamp: handlers, schedules and their jobs, jobs in every state, keys, attempts, minutes,
# pauses, and a history of several days. In the copy that they make, as in one made by TEMPLATE, nothing runs until adopt().
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

my $day = 86400;
my $node = start_server('dump', qq{
ayb_jobs.scheduler_tick = 100ms
ayb_jobs.test_clock_offset = -@{[2 * $day]}
});
my $files = $PostgreSQL::Test::Utils::tmp_check;
$node->safe_psql('postgres', 'CREATE ROLE alice LOGIN; CREATE DATABASE origin');
serve($node, 'origin');
$node->safe_psql('origin', q{
SELECT ayb_jobs.register_handler('vacuum', 'VACUUM effects', kind => 'command', timeout => '1 min');
SELECT ayb_jobs.register_handler('outside', kind => 'external', max_attempts => 7);
SELECT ayb_jobs.register_handler('slowly', 'break(jsonb)', max_attempts => 5, backoff => '{1h, 2h}', grouped => false);
SELECT ayb_jobs.register_handler('paused', 'work(jsonb)', definer => true);
SELECT ayb_jobs.pause('paused');
});

# Three days of history, of two roles; one day has a job that failed before it completed.
for my $days (-2, -1, 0) {
    turn_clock($node, $days * $day);
    $node->safe_psql('origin', qq{
SELECT ayb_jobs.enqueue('work', '{"what": "day $days"}', idempotency_key => 'key $days');
SELECT ayb_jobs.enqueue('work', run_as => 'alice')});
    holds($node, 'origin', 2 * ($days + 3) . q{ = (SELECT count(*) FROM ayb_jobs.job_history)}, "jobs of day $days complete");
}
$node->safe_psql('origin', q{SELECT ayb_jobs.enqueue('vacuum')});

# Every state, and every way to wait.
my %job = map { my ($name, $sql) = @$_; $name => $node->safe_psql('origin', "SELECT ayb_jobs.enqueue($sql)") } (
    ['failed', q{'break', idempotency_key => 'failed'}],
    ['retried', q{'slowly'}],
    ['canceled', q{'work', run_at => 'tomorrow'}],
    ['delayed', q{'work', '{"what": "é \\\\ \\t \""}', run_at => '2100-01-01', max_attempts => 9}],
    ['paused', q{'paused'}],
    ['unhandled', q{'nobody handles this'}],
    ['claimed', q{'outside'}],
    ['running', q{'nap', '{"seconds": 3600}'}]);
$node->safe_psql('origin', "SELECT ayb_jobs.cancel('$job{canceled}'); SELECT ayb_jobs.claim('far away', '{outside}', 1, '1 d')");
$job{outside} = $node->safe_psql('origin', q{SELECT ayb_jobs.enqueue('outside')});
# Schedules: of a job that waits, of a completed one, one that is disabled, and one that can't be computed.
my %schedule = map { $_->[0] => $node->safe_psql('origin', "SELECT id FROM ayb_jobs.create_schedule('$_->[0]', $_->[1])") } (
    ['waiting', q{'nobody handles this', '0 0 1 1 *', 'Europe/Berlin', '[null]', overlap => 'queue', missed => 'all'}],
    ['completed', q{'work', '0 0 1 1 *', run_as => 'alice'}], ['disabled', q{'work', '@every 90h', enabled => false}], ['broken', q{'work', '@daily'}]);
$job{of_schedule} = $node->safe_psql('origin', "SELECT (ayb_jobs.run_schedule_now('$schedule{waiting}')).id");
$node->safe_psql('origin', "SELECT ayb_jobs.run_schedule_now('$schedule{completed}')");
$node->safe_psql('origin', qq{UPDATE ayb_jobs.schedules SET timezone = 'Nowhere', next_run_at = now() WHERE name = 'broken'});
holds($node, 'origin', q{SELECT next_run_at IS NULL AND last_error LIKE '%Nowhere%' FROM ayb_jobs.schedules WHERE name = 'broken'}, 'a schedule stops');
my $states = q{SELECT string_agg(state || '=' || n, ' ' ORDER BY state) FROM
    (SELECT state, count(*) AS n FROM ayb_jobs.jobs GROUP BY state) AS s};
my $all = 'canceled=1 completed=8 failed=1 queued=6 running=2';
holds($node, 'origin', "($states) = '$all' AND (SELECT attempts = 1 FROM ayb_jobs.jobs WHERE id = '$job{retried}')",
    'there is a job in each state');
# Past the minute, whose counts are then in their table, nothing changes any more.
turn_clock($node, 120);
holds($node, 'origin', 'NOT EXISTS (SELECT FROM ayb_jobs_internal.current_minutes())', 'the minutes are written');

# What there is to carry; the comparisons below would also hold for nothing.
my $carried = q{SELECT format('%s %s %s %s %s %s %s %s', (SELECT count(*) FROM ayb_jobs.handlers WHERE NOT builtin),
    (SELECT count(*) FROM ayb_jobs.pauses), (SELECT count(*) FROM ayb_jobs.job_keys),
    (SELECT count(*) FROM ayb_jobs.job_attempts), (SELECT count(DISTINCT minute::date) FROM ayb_jobs.job_minutes),
    (SELECT count(DISTINCT tableoid) FROM ayb_jobs.job_history), (SELECT count(*) FROM ayb_jobs.schedules),
    (SELECT count(schedule_id) FROM ayb_jobs.jobs))};
is($node->safe_psql('origin', $carried), '10 1 4 3 3 3 4 2', 'handlers, pauses, keys, attempts, days of minutes and history, schedules and their jobs');
my %dump = lines_of_dump('origin');
my $archive = "$files/origin.dump";
$node->command_ok(['pg_dump', '-Fc', '-f', $archive, 'origin'], 'pg_dump -Fc');

# Restored in three ways, and copied.
my $offset = -s $node->logfile;
my %ways = (
    plain => sub { ['psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $_[0], '-f', "$files/origin.sql"] },
    archive => sub { ['pg_restore', '--exit-on-error', '-d', $_[0], $archive] },
    parallel => sub { ['pg_restore', '--exit-on-error', '--jobs=2', '-d', $_[0], $archive] });
for my $way (sort keys %ways) {
    $node->safe_psql('postgres', "CREATE DATABASE copy_$way TEMPLATE template0");
    $node->command_ok($ways{$way}->("copy_$way"), "$way: restored without an error");
}
# pg_restore --jobs loads tables in whatever order, as of foreign keys in an extension it isn't told: here the worst.
$node->safe_psql('postgres', 'CREATE DATABASE copy_disorder TEMPLATE template0');
my %steps;
run_log(['pg_restore', '-l', '-f', "$files/origin.list", $archive]);
for (split /\n/, slurp_file("$files/origin.list")) {
    my $step = / EXTENSION | SCHEMA / ? 0 : / TABLE DATA \S+ schedules / ? 2 : 1;
    push @{$steps{$step}}, $_;
}
append_to_file("$files/disorder.list", join("\n", map { @{$steps{$_}} } sort keys %steps) . "\n");
$ways{disorder} = sub { ['pg_restore', '--exit-on-error', '-L', "$files/disorder.list", '-d', $_[0], $archive] };
$node->command_ok($ways{disorder}->('copy_disorder'), 'disorder: jobs are restored before their schedules');
$node->safe_psql('postgres', 'CREATE DATABASE copy_template TEMPLATE origin');
for my $copy (map { "copy_$_" } sort keys %ways) {
    same_dump($copy);
    is($node->safe_psql($copy, $carried), '10 1 4 3 3 3 4 2', "$copy: all is there");
    is($node->safe_psql($copy, $states), $all, "$copy: jobs in each state");
    keeps_still($node, $copy, $offset);
}
is($node->safe_psql('copy_template', $carried), '10 1 4 3 3 3 4 2', 'copy_template: all is there');
keeps_still($node, 'copy_template', $offset);

# It goes on after adopt(): what waited runs, what ran is lost once and runs again, what is to stay stays.
my $copy = 'copy_archive';
$node->safe_psql($copy, 'SELECT ayb_jobs.adopt()');
holds($node, $copy, q{SELECT count(*) = 1 FROM effects WHERE what = 'due'}, 'after adopt() what is due runs');
like(health($node, $copy, 'stamp'), qr/^ok\|/, 'health() is well');
holds($node, $copy, "SELECT is_running AND attempts = 2 FROM ayb_jobs.jobs WHERE id = '$job{running}'",
    'the job that ran in the original runs again');
is($node->safe_psql($copy, "SELECT status || ': ' || error FROM ayb_jobs.attempts('$job{running}') WHERE attempt = 1"),
    'lost: the server crashed or was stopped while the job ran', 'its attempt is lost');
is($node->safe_psql($copy, "SELECT (ayb_jobs.complete('$job{claimed}', 'far away', 1)).state"), 'completed',
    'a worker outside that held a job completes it');
is($node->safe_psql($copy, "SELECT (ayb_jobs.claim('nearby', '{outside}')).id"), $job{outside}, 'another claims the next');
is($node->safe_psql($copy, q{SELECT ayb_jobs.enqueue('work', idempotency_key => 'key -1') =
    (SELECT id FROM ayb_jobs.jobs WHERE idempotency_key = 'key -1')}), 't', 'a key of a completed job is still taken');
is($node->safe_psql($copy, q{SELECT ayb_jobs.enqueue('break', idempotency_key => 'failed')}), $job{failed},
    'and that of a failed one');
is($node->safe_psql($copy, "SELECT state FROM ayb_jobs.jobs WHERE id = '$job{paused}'"), 'queued', 'a paused type is paused');
$node->safe_psql($copy, q{SELECT ayb_jobs.resume('paused')});
holds($node, $copy, "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$job{paused}'", 'until it is resumed');
$node->safe_psql($copy, q{SELECT ayb_jobs.register_handler('nobody handles this', 'work(jsonb)')});
holds($node, $copy, "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$job{unhandled}'",
    'a job that waited for its handler runs');
$node->safe_psql($copy, "SELECT ayb_jobs.retry_now('$job{failed}')");
holds($node, $copy, "SELECT count(*) = 4 FROM ayb_jobs.attempts('$job{failed}')", 'a failed one can be retried');
is($node->safe_psql($copy, q{SELECT sum(completed) > 5 FROM ayb_jobs.series('-infinity', '1 day')}), 't', 'series() goes on');
# Schedules as well: what was due while the copy kept still is a missed tick, and the rest is as it was.
is($node->safe_psql($copy, "SELECT schedule_id = '$schedule{waiting}' FROM ayb_jobs.jobs WHERE id = '$job{of_schedule}'"), 't',
    'a job knows its schedule');
holds($node, $copy, "SELECT count(*) = 2 FROM ayb_jobs.jobs WHERE schedule_id = '$schedule{completed}' AND state = 'completed'",
    'a tick that was due runs once');
holds($node, $copy, q{SELECT string_agg(name || ' ' || coalesce(next_run_at > now(), false), ', ' ORDER BY name)
    = 'broken false, completed true, disabled true, waiting true' FROM ayb_jobs.schedules}, 'and the next are known');
like(health($node, $copy, 'schedules'), qr/^error\|broken: invalid timezone "Nowhere"\|/, 'what is broken is known to health()');
$node->safe_psql($copy, "SELECT ayb_jobs.delete_schedule('$schedule{waiting}')");
is($node->safe_psql($copy, "SELECT schedule_id IS NULL FROM ayb_jobs.jobs WHERE id = '$job{of_schedule}'"), 't', 'the foreign key is there');
is($node->safe_psql($copy, 'SELECT count(*) FROM ayb_jobs.jobs', extra_params => ['-U', 'alice']), '5', 'alice sees her own');
# The days go on: they are kept and dropped like the server's own.
turn_clock($node, 7 * $day);
holds($node, $copy, q{(SELECT array_agg(relname::text ORDER BY relname) @> ARRAY[}
    . join(',', map { "to_char(now() AT TIME ZONE 'UTC' + interval '$_ day', '\"job_history_\"YYYYMMDD')" } 7, 8, 10)
    . q{] FROM pg_class WHERE relname LIKE 'job\_history\_________')}, 'new days are made');
holds($node, $copy, q{SELECT count(*) = 0 FROM ayb_jobs.jobs WHERE payload ->> 'what' = 'day -2'}, 'old ones dropped');
turn_clock($node, 120);

# The original's place, taken by what was saved of it.
finishes($node, 'postgres', 'DROP DATABASE origin', 'DROP DATABASE');
$node->safe_psql('postgres', 'CREATE DATABASE origin TEMPLATE template0');
$offset = -s $node->logfile;
$node->command_ok($ways{archive}->('origin'), 'restored under the same name');
same_dump('origin');
keeps_still($node, 'origin', $offset);
$node->safe_psql('origin', 'SELECT ayb_jobs.adopt()');
holds($node, 'origin', "SELECT is_running FROM ayb_jobs.jobs WHERE id = '$job{running}'", 'after adopt() it works');

# Restored over what is there: the dump drops and creates everything.
$offset = -s $node->logfile;
$node->command_ok(['pg_restore', '--clean', '--if-exists', '--exit-on-error', '-d', 'origin', $archive], 'pg_restore --clean');
same_dump('origin');
keeps_still($node, 'origin', $offset);

# The whole cluster, into another. Its copies would run all they had twice.
$node->safe_psql('postgres', "DROP DATABASE $_") for map { "copy_$_" } sort(keys %ways), 'template';
my $other = new_server('dump_other', 'ayb_jobs.scheduler_tick = 100ms');
$node->command_ok(['pg_dumpall', '-f', "$files/all.sql"], 'pg_dumpall');
my ($code, undef, $errors) = $other->psql('postgres', slurp_file("$files/all.sql"), on_error_stop => 0, timeout => 120);
is_deeply([grep { /ERROR/ && !/role "\w+" already exists/ } split /\n/, $errors], [], 'is restored without an error');
$other->safe_psql('postgres', 'SELECT ayb_jobs.adopt()');
keeps_still($other, 'origin', 0);
is($other->safe_psql('origin', $carried), '10 1 4 3 3 3 4 2', 'all is there');
$other->safe_psql('origin', 'SELECT ayb_jobs.adopt()');
holds($other, 'origin', "SELECT is_running FROM ayb_jobs.jobs WHERE id = '$job{running}'", 'after adopt() it works');
$_->stop('fast') for $node, $other;
done_testing();

# A plain dump as a set of lines: rows come in whatever order they lie. pg_dump puts a random word around each dump.
sub lines_of_dump {
    my ($database) = @_;
    my $file = "$files/$database.sql";
    run_log(['pg_dump', '-f', $file, '-d', $node->connstr($database)]) or die "pg_dump failed\n";
    return map { $_ => 1 } grep { !/^\\(?:un)?restrict / } split /\n/, slurp_file($file);
}

sub same_dump {
    my ($database) = @_;
    my %lines = lines_of_dump($database);
    is(join("\n", (grep { !$lines{$_} } sort keys %dump), grep { !$dump{$_} } sort keys %lines), '',
        "$database: a dump of it is the same");
}

# In a copy the scheduler is there, says why nothing runs, and a job that is due waits, while another database's run.
sub keeps_still {
    my ($server, $database, $from) = @_;
    holds($server, $database, q{SELECT status = 'error' AND hint LIKE '%adopt()%' FROM ayb_jobs.health() WHERE name = 'stamp'},
        "$database: health() says that nothing runs");
    cmp_ok(count_in_log($server, qr/nothing runs in this database: it is a copy or was restored/, $from), '>=', 1,
        "$database: so does the log");
    # The same for every way to come here: this schedule is due.
    $server->safe_psql($database, "UPDATE ayb_jobs.schedules SET next_run_at = now() - interval '1 h' WHERE name = 'completed'");
    my (undef, $due, $notice) = $server->psql($database, q{SELECT ayb_jobs.enqueue('work', '{"what": "due"}')});
    like($notice, qr/NOTICE:  jobs will wait: this database is a copy or was restored\n/, "$database: and a NOTICE");
    for (1 .. 2) {
        my $beat = sql($server, q{SELECT ayb_jobs.enqueue('work')});
        eventually($server, "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$beat'") or die "nothing runs at all\n";
    }
    is($server->safe_psql($database, "SELECT state FROM ayb_jobs.jobs WHERE id = '$due'"), 'queued', "$database: a job that is due waits");
    is($server->safe_psql($database, "SELECT count(*) FROM ayb_jobs.jobs WHERE schedule_id = '$schedule{completed}'"), '1',
        "$database: so does a tick");
    is($server->safe_psql($database, 'SELECT count(*) FROM ayb_jobs.workers() WHERE NOT is_outside'), '0', "$database: there is no worker");
}
