# Workers outside that wait for a job (wait_for_jobs()). Each of them waits for an hour, and nobody's tick comes by in a test:
# whoever returns was woken. Where the scheduler is stopped no wake-up is its.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use AybSession;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = start_server('waiting', q{
max_connections = 300
ayb_jobs.scheduler_tick = 1h
});
sql($node, q{
CREATE ROLE alice LOGIN;
CREATE ROLE mallory LOGIN;
CREATE ROLE helper LOGIN;
CREATE TABLE returned (who text);
GRANT ALL ON returned TO PUBLIC;
SELECT ayb_jobs.register_handler('out', kind => 'external', max_attempts => 100, backoff => '{0s}')});

# A session of its own that waits, and then says so. Sessions are known by their names.
my %waiters;
sub wait_for {
    my ($name, %how) = @_;
    my ($types, $timeout) = ($how{types} // '{out}', $how{timeout} // '1 h');
    my $waiter = $waiters{$name} = { error => '' };
    my $connection = $node->connstr($how{database} // 'postgres') . " application_name=$name user=" . ($how{role} // getpwuid $<);
    $waiter->{handle} = IPC::Run::start([ $node->installed_command('psql'), '-XAtq', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose',
        '-d', $connection, '-c', $how{before} // 'SELECT', '-c', "CALL ayb_jobs.wait_for_jobs('$types', '$timeout')",
        '-c', "INSERT INTO returned VALUES ('$name')" ], '<', \undef, '>', \my $out, '2>', \$waiter->{error});
    return;
}
sub asleep { my ($names) = @_; return "(SELECT count(*) FROM pg_stat_activity WHERE application_name ~ '^($names)\$' AND query LIKE 'CALL%' AND wait_event_type = 'Extension')" }
sub falls_asleep {
    my ($name, %how) = @_;
    wait_for($name, %how);
    eventually($node, 'SELECT ' . asleep($name) . ' = 1', undef, $how{database}) or die "$name does not wait\n";
    return;
}
sub backend { return sql($node, "SELECT pid FROM pg_stat_activity WHERE application_name = '$_[0]'") }
sub returns {
    my ($who, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return at_once($node, 'postgres', "EXISTS (SELECT FROM returned WHERE who = '$who')", $name);
}
sub ends_with {
    my ($who, $pattern, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $waiters{$who}{handle}->finish;
    return like($waiters{$who}{error}, $pattern, $name);
}
sub all_done {
    $_->{handle}->finish for values %waiters;
    %waiters = ();
    sql($node, 'TRUNCATE returned');
    sql($node, q{SELECT count(ayb_jobs.complete(id, 'end', attempt)) FROM ayb_jobs.claim('end', '{out, other}', 1000)});
    return;
}
sub enqueue { my ($type, $more) = @_; return sql($node, "SELECT ayb_jobs.enqueue('$type'" . ($more // '') . ')') }

my $scheduler = sql($node, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'ayb_jobs scheduler'});
sub stop_scheduler {
    eventually($node, "SELECT wait_event_type = 'Extension' FROM pg_stat_activity WHERE pid = $scheduler") or die;
    kill 'STOP', $scheduler or die $!;
    return;
}
sub go_on_scheduler { kill 'CONT', $scheduler or die $!; return }

# By a commit. While they wait they hold back nobody.
falls_asleep("w$_") for 1 .. 5;
is(sql($node, q{SELECT count(backend_xmin), count(backend_xid), count(xact_start) FROM pg_stat_activity WHERE application_name ~ '^w'}), '0|0|0',
    'who waits has no snapshot and no transaction that anybody need mind');
is(sql($node, q{SELECT count(*) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) WHERE application_name ~ '^w' AND locktype <> 'virtualxid'}),
    '0', 'nor a lock');
sql($node, 'CREATE TABLE big AS SELECT 1 AS a');
finishes($node, 'postgres', 'CREATE INDEX CONCURRENTLY ON big (a)', 'CREATE INDEX CONCURRENTLY beside them');
stop_scheduler();
my $queue = "(SELECT string_agg(who, ' ' ORDER BY who) FROM returned)";
enqueue('out');
returns('w1', 'a commit wakes who has waited longest');
enqueue('out');
returns('w2', 'the next one the next');
sql($node, q{SELECT count(*) FROM ayb_jobs.enqueue_many('out', '{1, 2}')});
returns($_, 'two jobs wake two') for qw(w3 w4);
is(sql($node, 'SELECT count(*), ' . asleep('w5') . ' FROM returned'), '4|1', 'and each job one, though nobody has claimed any');
sql($node, q{BEGIN; SELECT ayb_jobs.enqueue('out'); ROLLBACK});
enqueue('other');
is(sql($node, 'SELECT ' . asleep('w5')), '1', 'no job of another type wakes, nor one that is rolled back');
enqueue('out');
returns('w5', 'the last one is woken too');
all_done();

# A wake is passed on by whoever ends otherwise than by returning.
for my $end (qw(pg_cancel_backend pg_terminate_backend)) {
    falls_asleep($_) for qw(first second);
    my $first = backend('first');
    kill 'STOP', $first or die $!;
    my $job = enqueue('out');
    sql($node, "SELECT $end($first)");
    is(sql($node, 'SELECT ' . asleep('second')), '1', "$end: the woken one has the wake, though it doesn't move");
    kill 'CONT', $first or die $!;
    returns('second', "$end: the next one gets it");
    ends_with('first', $end eq 'pg_cancel_backend' ? qr/ERROR:  57014/ : qr/FATAL:  57P01/, "$end: the first one ends");
    all_done();
}

# Who looks again, as something was registered, keeps its place, also before one that is slow to do so.
falls_asleep($_) for qw(early late);
my ($early, $late) = map { backend($_) } qw(early late);
kill 'STOP', $late or die $!;
sub sleeps { return slurp_file("/proc/$early/status") =~ /^voluntary_ctxt_switches:\s+(\d+)/m ? $1 : die }
my $slept = sleeps();
sql($node, q{SELECT ayb_jobs.register_handler('third', kind => 'external')});
for (my $tries = 0; sleeps() == $slept; $tries++) { $tries < 18_000 ? usleep(10_000) : die "it does not look again\n" }
eventually($node, 'SELECT ' . asleep('early') . ' = 1') or die "it does not sleep again\n";
enqueue('out');
returns('early', 'who has waited longest is woken first, whenever it has looked again');
kill 'CONT', $late or die $!;
enqueue('out');
returns('late', 'then the other one');
all_done();

# Who is stopped, or never claims, is found out by the scheduler.
go_on_scheduler();
falls_asleep($_) for qw(stopped fresh silent);
my $stopped = backend('stopped');
kill 'STOP', $stopped or die $!;
enqueue('out');
returns('fresh', 'who is stopped when it is woken loses no wake-up');
returns('silent', 'nor does who returns and never claims');
kill 'CONT', $stopped or die $!;
all_done();

# What comes due without a commit.
sub woken_by {
    my ($name, $prepare, $act, @types) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $id = $prepare ? $prepare->() : undef;
    sql($node, q{CALL ayb_jobs.wait_for_jobs('{out}', '0')});
    falls_asleep('w');
    $act->($id);
    returns('w', "$name wakes");
    all_done();
    return;
}
my $take = sub { return sql($node, q{SELECT quote_literal(id) || ', ''v'', ' || attempt FROM ayb_jobs.claim('v', '{out}', lease => '1 h')}) };
my $claim = sub { enqueue('out'); return $take->() };
woken_by('a job that comes due', undef, sub { enqueue('out', q{, delay => '1.5 s'}) });
woken_by('one that was enqueued before', sub { enqueue('out', q{, delay => '2 s'}) }, sub { });
woken_by('a retry', $claim, sub { sql($node, "SELECT ayb_jobs.fail($_[0], 'no', retry_in => '1 s')") });
woken_by('a retry at once', $claim, sub { sql($node, "SELECT ayb_jobs.fail($_[0], 'no')") });
woken_by('a lease that ends', $claim, sub { sql($node, "SELECT ayb_jobs.extend($_[0], '1 s')") });
woken_by('a job that is let go of', sub {
    enqueue('out');
    my $holder = $node->background_psql('postgres');
    $holder->query_safe("BEGIN; SELECT FROM ayb_jobs.job_queue WHERE type = 'out' FOR UPDATE");
    return $holder;
}, sub { $_[0]->quit });
sql($node, q{SELECT ayb_jobs.pause('out')});
woken_by('the end of a pause', sub { enqueue('out') }, sub { sql($node, q{SELECT ayb_jobs.resume('out')}) });
sql($node, q{SELECT ayb_jobs.set_limit('out', running => 1)});
holds($node, 'postgres', q{EXISTS (SELECT FROM ayb_jobs.limits WHERE type = 'out' AND opens_at IS NULL)}, 'a limit is in force');
woken_by('a place that is left', sub { my $held = $claim->(); enqueue('out'); return $held }, sub { sql($node, "SELECT ayb_jobs.complete($_[0])") });
# The same of a key: nobody is woken for one that may not start, whoever comes by then.
for my $rule ('running_per_key => 1', 'ordered => true') {
    sql($node, "SELECT ayb_jobs.set_limit('out', $rule)");
    holds($node, 'postgres', q{EXISTS (SELECT FROM ayb_jobs.limits WHERE type = 'out' AND opens_at IS NULL)}, "a limit of each key is in force: $rule");
    woken_by("a place of its key that is left, $rule", sub {
        enqueue('out', q{, partition_key => 'a'}) for 1 .. 2;
        return $take->();
    }, sub { sql($node, "SELECT ayb_jobs.complete($_[0])") });
}
woken_by('the next attempt of the first of a key', sub {
    enqueue('out', q{, partition_key => 'b'}) for 1 .. 2;
    sql($node, 'SELECT ayb_jobs.fail(' . $take->() . q{, 'no', retry_in => '1 h')});
    return;
}, sub { sql($node, q{SELECT ayb_jobs.run_now(id) FROM ayb_jobs.jobs WHERE phase = 'retrying'}) });
sql($node, q{SELECT ayb_jobs.clear_limit('out')});
all_done(); # what waited for its key
woken_by('a type that is registered', undef, sub {
    sql($node, q{SELECT ayb_jobs.unregister_handler('out')});
    enqueue('out');
    sql($node, q{SELECT ayb_jobs.register_handler('out', kind => 'external', max_attempts => 100, backoff => '{0s}')});
});
sql($node, q{SELECT count(*) FROM ayb_jobs.enqueue_many('out', '{1, 2, 3}', delay => '2 s')});
falls_asleep("w$_") for 1 .. 3;
returns("w$_", "three jobs that come due together wake three: $_") for 1 .. 3;
all_done();

# Whose jobs: a worker with a grant waits for them, who may not claim them sleeps on.
sql($node, q{SELECT ayb_jobs.grant_worker('out', 'helper')});
falls_asleep('mallory', role => 'mallory', timeout => '30 s');
falls_asleep('helper', role => 'helper');
stop_scheduler();
enqueue('out', q{, run_as => 'alice'});
returns('helper', 'who has a grant is woken for a job of another role');
is(sql($node, 'SELECT ' . asleep('mallory')), '1', 'who may not claim it sleeps on');
my $helper = AybSession->new($node, 'postgres', 1);
$helper->ask('SET ROLE helper');
is(($helper->ask(q{SELECT attempt FROM ayb_jobs.claim('h', '{out}', lease => '0.1 s')}))[0], '1', 'who has a grant claims it');
holds($node, 'postgres', q{(SELECT lease_until < clock_timestamp() FROM ayb_jobs.jobs WHERE state = 'running')}, 'its lease ends, and the scheduler sees nothing of it');
is(($helper->ask(q{SELECT (ayb_jobs.complete(id, 'h', attempt)).runs FROM ayb_jobs.claim('h', '{out}', lease => '1 h')}))[0], '2', 'who has a grant takes back what is lost, and claims it again');
undef $helper;
go_on_scheduler();
sql($node, q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'mallory'});
all_done();

# For the end of one job: all that wait for it hear of it, with what came of it.
sub ending {
    my ($name, $id) = @_;
    my $of = $waiters{$name} = { error => '', out => '' };
    $of->{handle} = IPC::Run::start([ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres') . " application_name=$name",
        '-c', "CALL ayb_jobs.wait_for_job('$id', '1 h')" ], '<', \undef, '>', \$of->{out}, '2>', \$of->{error});
    eventually($node, 'SELECT ' . asleep($name) . ' = 1') or die "$name does not wait\n";
    return;
}
sub ended { my ($name) = @_; $waiters{$name}{handle}->finish; return $waiters{$name}{out} . $waiters{$name}{error} }
my @wanted = map { enqueue('out') } 1 .. 4;
ending("a$_", $wanted[0]) for 1, 2;
ending('b', $wanted[1]);
ending('c', $wanted[2]);
ending('d', $wanted[3]);
is(sql($node, q{SELECT count(backend_xmin), count(backend_xid) FROM pg_stat_activity WHERE application_name ~ '^[a-d][12]?$'}), '0|0', 'who waits for a job holds back nobody either');
sql($node, q{SELECT count(*) FROM ayb_jobs.claim('v', '{out}', 9)});
sql($node, qq{SELECT ayb_jobs.complete('$wanted[0]', 'v', 1, '{"width": 640}'), ayb_jobs.fail('$wanted[1]', 'v', 1, 'no such image', final => true)});
is(ended("a$_"), qq(completed|{"width": 640}|\n), "all that wait for a job hear of it, with its result: $_") for 1, 2;
is(ended('b'), "failed||no such image\n", 'of one that failed with its error');
is(sql($node, 'SELECT ' . asleep('c|d')), '2', 'others sleep on');
sql($node, "SELECT FROM ayb_jobs.fail('$wanted[2]', 'v', 1, 'not yet', retry_in => '1 h')");
sql($node, "SELECT FROM ayb_jobs.cancel('$wanted[2]')");
is(ended('c'), "canceled||not yet\n", 'of one that was canceled too');
sql($node, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'd'");
like(ended('d'), qr/FATAL:  57P01/, 'who is ended leaves');
is(sql($node, "CALL ayb_jobs.wait_for_job('$wanted[1]', '1 h')"), 'failed||no such image', 'one that has ended is told at once');
is(sql($node, "CALL ayb_jobs.wait_for_job('$wanted[3]', '0.1 s')"), 'running||', 'after the timeout one that has not as it is');
my @deleted = map { enqueue('out') } 1 .. 2;
ending("e$_", $deleted[$_]) for 0, 1;
sql($node, "SELECT ayb_jobs.delete_job('$deleted[0]')");
like(ended('e0'), qr/ERROR:  P0002: /, 'of one that is deleted: there is none any more');
is(sql($node, 'SELECT ' . asleep('e1')), '1', 'others sleep on then, too');
sql($node, q{SELECT ayb_jobs.delete_matching('out', phase => 'external')});
like(ended('e1'), qr/ERROR:  P0002: /, 'also by delete_matching()');
my (undef, undef, $unknown) = $node->psql('postgres', "CALL ayb_jobs.wait_for_job('$wanted[1]')", extra_params => [ '-U', 'mallory', '-v', 'VERBOSITY=verbose' ]);
like($unknown, qr/ERROR:  P0002: /, 'who may not see it is told of none');
sql($node, "SELECT ayb_jobs.complete('$wanted[3]', 'v', 1)");
all_done();

# When it can't wait.
my $call = 'CALL ayb_jobs.wait_for_jobs(array[]::text[])';
for my $where ("BEGIN; $call", "SELECT 1; $call", "DO \$\$BEGIN $call; EXCEPTION WHEN division_by_zero THEN END\$\$") {
    IPC::Run::run([ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres'), '-c', $where ], '>', \my $out, '2>', \my $error);
    like($error, qr/ERROR:  25001: .*can't wait inside a transaction block\s.*HINT: /s, "it raises, with a hint: $where");
}
is(promptly($node, 'postgres', q{DO 'BEGIN CALL ayb_jobs.wait_for_jobs(array[]::text[], ''0''); END'}), '', 'a DO block that may commit may wait');
is(promptly($node, 'postgres', qq{SET default_transaction_isolation = 'serializable';\nCALL ayb_jobs.wait_for_jobs('{out}', '0.1 s')}), '', 'at any isolation');
is(promptly($node, 'postgres', q{CALL ayb_jobs.wait_for_jobs('{out}', '0.1 s')}), '', 'after the timeout it returns');
wait_for('limited', before => q{SET statement_timeout = '2 s'});
returns('limited', 'it returns before statement_timeout would end it');

# Only so many of a role.
my $script = "$PostgreSQL::Test::Utils::tmp_check/wait.sql";
PostgreSQL::Test::Utils::append_to_file($script, q{CALL ayb_jobs.wait_for_jobs('{out}', '1 h');});
my $crowd = IPC::Run::start([ 'pgbench', '-n', '-f', $script, '-c', '256', '-t', '1', '-U', 'alice', '-d', $node->connstr('postgres') . ' application_name=crowd' ],
    '<', \undef, '>', \my $report, '2>', \my $complaints);
holds($node, 'postgres', asleep('crowd') . ' = 256', '256 of a role may wait');
my (undef, undef, $error) = $node->psql('postgres', q{CALL ayb_jobs.wait_for_jobs('{out}')}, extra_params => [ '-U', 'alice', '-v', 'VERBOSITY=verbose' ]);
like($error, qr/ERROR:  53400: 256 sessions of role "alice" wait for jobs already\s.*HINT: /s, 'one more is told so');
falls_asleep('bob');
enqueue('out');
returns('bob', 'of another role one may');
sql($node, q{SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE usename = 'alice'});
$crowd->finish;
wait_for('after', role => 'alice', timeout => '0');
returns('after', 'and once they have ended one of alice may again');
all_done();

# The database is wanted for itself.
serve($node, 'template1');
$node->safe_psql('postgres', 'CREATE DATABASE short');
falls_asleep('dropped', database => 'short');
finishes($node, 'postgres', 'DROP DATABASE short', 'DROP DATABASE');
ends_with('dropped', qr/FATAL:  57P01: .*wants the database.*HINT: /s, 'who waited there is told why its connection ends');
delete $waiters{dropped};

falls_asleep('last');
stops($node, 'a fast shutdown');
ends_with('last', qr/FATAL:  57P01/, 'who waited ends with it');

done_testing();
