# Each check of health() is brought about, its hint is followed as it stands there, and then the check is ok again. What
# takes a minute or an hour is brought about by the engine's clock, a process that stands still by SIGSTOP.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;

my $node = new_server('health', q{
ayb_jobs.scheduler_tick = 100ms
ayb_jobs.poll_interval = 100ms
ayb_jobs.worker_concurrency = 2
max_prepared_transactions = 2
max_worker_processes = 6
max_logical_replication_workers = 0
max_parallel_workers = 0
ayb_jobs.max_places = 128
ayb_jobs.max_keys = 128
});
serve($node, 'postgres');
sql($node, 'CREATE ROLE deploy LOGIN');
my %tried;

# A column of a check, as an expression.
sub of { return qq{(SELECT $_[1] FROM ayb_jobs.health() WHERE name = '$_[0]')} }

# The check becomes bad, with this detail; gives back its hint.
sub bad {
    my ($check, $status, $detail) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $tried{$check} = 1;
    holds($node, 'postgres', of($check, "status = '$status' AND detail ~ '$detail'"), "$check: $status, $detail");
    return sql($node, 'SELECT ' . of($check, 'hint'));
}

sub good {
    my ($check, $how) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return holds($node, 'postgres', of($check, q{status = 'ok'}), "$check: ok after $how");
}

# The statements with which the hint begins.
sub follow {
    my ($check, $hint) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($statements) = $hint =~ /^([A-Z].*;)/;
    return fail("$check: no statement in '$hint'") unless defined $statements;
    sql($node, $_) for split /(?<=;) /, $statements;
    return good($check, $statements);
}

my $ahead = 0;
sub later { $ahead += $_[0]; turn_clock($node, $ahead) }

# A job of a type that is due since two minutes.
sub overdue { return sql($node, "SELECT ayb_jobs.enqueue('$_[0]', run_at => ayb_jobs_internal.now() - interval '2 min')") }

sub running { return holds($node, 'postgres', qq{(SELECT count(*) = $_[0] FROM ayb_jobs.workers() WHERE state = 'running')}, "$_[0] jobs run") }

is(sql($node, q{SELECT string_agg(name || ': ' || detail, ' ') FROM ayb_jobs.health() WHERE status <> 'ok'}), '', 'all is well at first');

# Stopped processes first: they are what takes longest.
sql($node, q{SELECT ayb_jobs.register_handler('frozen', 'nap(jsonb)', timeout => '5s'); SELECT ayb_jobs.enqueue('frozen', '{"seconds": 3600}')});
running(1);
my %pids = map { split /\|/ } split /\n/, sql($node, q{SELECT process, pid FROM ayb_jobs_internal.processes() AS p
    WHERE process <> 'worker' OR pid IN (SELECT w.pid FROM ayb_jobs.workers() AS w WHERE w.type = 'frozen')});
is(join(' ', sort keys %pids), 'launcher scheduler worker', 'each process has its line');
kill STOP => values %pids;
my $hint = bad('processes', 'error', "launcher $pids{launcher} has not moved since .*scheduler $pids{scheduler} has not.*worker $pids{worker} has not");
is(bad('timeouts', 'error', '\(frozen\) is beyond its timeout of 00:00:05'), 'See the check processes.', 'and it says where to look');
like($hint, qr/^kill -CONT( \d+){3} /, 'the hint of processes');
system split / /, $hint =~ s/^(kill -CONT[ \d]+\d).*/$1/r;
good($_, 'that') for 'processes', 'timeouts';

# No timeout of its own, but the limit of all.
sql($node, q{SELECT ayb_jobs.cancel(job_id, true) FROM ayb_jobs.workers() WHERE job_id IS NOT NULL; SELECT ayb_jobs.register_handler('frozen', 'nap(jsonb)', max_attempts => 1)});
set_configuration($node, 'ayb_jobs.max_job_timeout' => '3s');
sql($node, q{SELECT ayb_jobs.enqueue('frozen', '{"seconds": 3600}')});
running(1);
my $stopped = sql($node, q{SELECT pid FROM ayb_jobs.workers() WHERE type = 'frozen'});
kill STOP => $stopped;
later(15);
bad('timeouts', 'error', '\(frozen\) is beyond its timeout of 00:00:03');
kill CONT => $stopped;
good('timeouts', 'that');
set_configuration($node, 'ayb_jobs.max_job_timeout' => '1d');

# A step that doesn't end, one that fails, and what schedules make of that.
sql($node, q{
CREATE TABLE mended ();
CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
    IF NOT EXISTS (SELECT FROM public.mended) AND new.schedule_id IS NOT NULL THEN PERFORM pg_sleep(3600); END IF; RETURN new; END$$;
CREATE TRIGGER hang BEFORE INSERT ON ayb_jobs.job_queue FOR EACH ROW EXECUTE FUNCTION hang();
SELECT ayb_jobs.create_schedule('each second', 'work', '* * * * * *');
});
$hint = bad('processes', 'warning', 'scheduler \d+ has been at one look since');
sql($node, 'INSERT INTO mended DEFAULT VALUES');
sql($node, $hint =~ s/.*(SELECT pg_cancel_backend\(\d+\);).*/$1/r);
good($_, 'that') for 'processes', 'duties', 'ticks';
sql($node, q{CREATE OR REPLACE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
    IF new.schedule_id IS NOT NULL THEN RAISE 'could not extend anything'; END IF; RETURN new; END$$});
like(bad('duties', 'error', 'enqueue what schedules are due: could not extend anything'), qr/^Mend what the error names/, 'duties: the hint');
later(15);
like(bad('ticks', 'error', '1 schedules are late'), qr/duties/, 'ticks: the hint');
sql($node, 'DROP TRIGGER hang ON ayb_jobs.job_queue');
good($_, 'mending it') for 'ticks', 'duties';
sql($node, q{SELECT ayb_jobs.drain('1s')});
later(15);
$hint = bad('ticks', 'error', 'late');
follow(paused => bad('paused', 'warning', 'all of the database'));
good('ticks', 'that');
sql($node, q{SELECT ayb_jobs.drain('1s')});
later(15);
follow(ticks => bad('ticks', 'error', 'late'));

# The role of a schedule.
sql($node, q{SELECT ayb_jobs.delete_schedule(id) FROM ayb_jobs.schedules; SELECT ayb_jobs.register_handler('outside', kind => 'external');
    SET ROLE deploy; SELECT ayb_jobs.create_schedule('of deploy', 'work', '* * * * * *', overlap => 'queue'); RESET ROLE; ALTER ROLE deploy NOLOGIN});
like(bad('schedules', 'error', 'of deploy: .*may not log in'), qr/enable_schedule\('[0-9a-f-]{36}'\)/, 'schedules: the hint');
sql($node, 'ALTER ROLE deploy LOGIN; SELECT ayb_jobs.enable_schedule(id) FROM ayb_jobs.schedules');
good('schedules', 'mending it');
sql($node, 'ALTER ROLE deploy NOLOGIN');
bad('schedules', 'error', 'of deploy');
sql($node, 'SELECT ayb_jobs.delete_schedule(id) FROM ayb_jobs.schedules; ALTER ROLE deploy LOGIN; TRUNCATE ayb_jobs.job_queue');
good('schedules', 'deleting it');

# The indexes that claims read.
sql($node, 'DROP INDEX ayb_jobs.job_queue_claim_idx');
my $unclaimed = sql($node, q{SELECT ayb_jobs.enqueue('work')});
$hint = bad('claim_indexes', 'error', 'job_queue_claim_idx is missing: no job is claimed');
follow('claim_indexes', $hint);
holds($node, 'postgres', "(SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$unclaimed')", 'claim_indexes: the job runs');
good('lanes', 'that');
sql($node, q{UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ayb_jobs.job_queue_key_idx'::regclass});
follow(claim_indexes => bad('claim_indexes', 'error', 'job_queue_key_idx is invalid'));

# Why the oldest due job waits.
overdue('outside');
like(bad('oldest_due', 'warning', 'of type outside, has waited 1[2-9]'), qr/^Only workers outside take type outside: .*ayb_jobs\.claim\(\)/, 'oldest_due: for workers outside');
sql($node, q{SELECT ayb_jobs.complete(id, 'w', attempt) FROM ayb_jobs.claim('w', '{outside}')});
good('oldest_due', 'claiming it');
sql($node, q{SELECT ayb_jobs.pause('work')});
overdue('work');
follow(oldest_due => bad('oldest_due', 'warning', 'of type work'));
sql($node, q{SELECT ayb_jobs.pause('work'); SELECT ayb_jobs.pause()});
overdue('work');
follow(paused => bad('paused', 'warning', 'all of the database, type work'));
good('oldest_due', 'that');
start_sleeper($node, 'postgres') for 1 .. 2;
overdue('work');
like($hint = bad('oldest_due', 'warning', 'of type work'), qr/raise ayb_jobs\.worker_concurrency \(it is 2\)/, 'oldest_due: all workers are busy');
set_configuration($node, 'ayb_jobs.worker_concurrency' => 3);
good('oldest_due', 'raising it');
my $holder = $node->background_psql('postgres');
my $held = sql($node, q{SELECT ayb_jobs.enqueue('work', run_at => 'tomorrow'::timestamptz + interval '1 year')});
$holder->query_safe(qq{BEGIN; SELECT FROM ayb_jobs.job_queue WHERE id = '$held' FOR KEY SHARE});
sql($node, qq{UPDATE ayb_jobs.job_queue SET run_at = ayb_jobs_internal.now() - interval '2 min' WHERE id = '$held'});
like(bad('oldest_due', 'warning', 'of type work'), qr/pg_stat_activity: a session may hold its row/, 'oldest_due: somebody has it');
$holder->query_safe('ROLLBACK');
$holder->quit;
good('oldest_due', 'ending that');

# worker_slots: four are left for workers.
set_configuration($node, 'ayb_jobs.worker_concurrency' => 10);
start_sleeper($node, 'postgres') for 1 .. 2;
overdue('nap');
like(bad('worker_slots', 'error', 'no background worker slot'), qr/^Raise max_worker_processes \(it is 6\) and restart/, 'worker_slots: the hint');
is(bad('oldest_due', 'warning', 'of type nap'), 'See the check worker_slots.', 'oldest_due: no slot');
$node->append_conf('postgresql.conf', "max_worker_processes = 20\nmax_locks_per_transaction = 10\nmax_connections = 20");
$node->restart;
good($_, 'that') for 'worker_slots', 'oldest_due';
sql($node, 'SELECT ayb_jobs.cancel(id, true) FROM ayb_jobs.jobs WHERE state IN (\'queued\', \'running\')');

sql($node, bad('locks', 'warning', 'a look-up by id takes \d+ locks') =~ s/;.*/;/r);
$node->restart;
good('locks', 'that');

# Lanes: what is wrong with the role is said by the statement that mends it.
my $as = 'SET ROLE deploy';
sql($node, q{SELECT ayb_jobs.pause(); SET ROLE deploy; SELECT ayb_jobs.enqueue('work'); RESET ROLE; ALTER ROLE deploy NOLOGIN; SELECT ayb_jobs.resume()});
is($hint = bad('lanes', 'error', 'may not log in'), 'ALTER ROLE deploy LOGIN;', 'lanes: the hint');
later(70);
is(bad('oldest_due', 'warning', 'of type work'), 'See the check lanes.', 'oldest_due: its lane');
follow(lanes => $hint);
good('oldest_due', 'that');
sql($node, q{SELECT ayb_jobs.pause(); SET ROLE deploy; SELECT ayb_jobs.enqueue('work'); RESET ROLE; REVOKE CONNECT ON DATABASE postgres FROM PUBLIC; SELECT ayb_jobs.resume()});
follow(lanes => bad('lanes', 'error', 'may not connect'));
sql($node, q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'not now'; END$$;
    CREATE TRIGGER refuse BEFORE UPDATE OR DELETE ON ayb_jobs.job_queue FOR EACH ROW EXECUTE FUNCTION refuse();
    SET ROLE deploy; SELECT ayb_jobs.enqueue('work')});
like(bad('lanes', 'error', 'its worker'), qr/^See the server log/, 'lanes: the log');
sql($node, 'DROP TRIGGER refuse ON ayb_jobs.job_queue');
good('lanes', 'mending what the log says');
sql($node, q{CREATE FUNCTION theirs() RETURNS void LANGUAGE sql AS ''; REVOKE EXECUTE ON FUNCTION theirs() FROM PUBLIC; GRANT EXECUTE ON FUNCTION theirs() TO deploy;
    CREATE ROLE maker; SELECT ayb_jobs.allow_types('maker'); SELECT ayb_jobs.register_handler('theirs', 'theirs()'); SELECT ayb_jobs.pause(); SET ROLE deploy; SELECT ayb_jobs.enqueue('theirs'); RESET ROLE;
    SELECT ayb_jobs.unregister_handler('theirs'); SET ROLE maker; SELECT ayb_jobs.register_handler('theirs', 'theirs()'); RESET ROLE;
    SELECT ayb_jobs.resume()});
follow(trust => bad('trust', 'error', q{doesn''t trust the type''s owner}));
sql($node, q{SELECT ayb_jobs.pause(); SET ROLE deploy; SELECT ayb_jobs.enqueue('theirs'); RESET ROLE; REVOKE EXECUTE ON FUNCTION theirs() FROM deploy; SELECT ayb_jobs.resume()});
follow(trust => bad('trust', 'error', 'may not execute'));
sql($node, q{SELECT ayb_jobs.unregister_handler('theirs'); DROP FUNCTION theirs(); DROP ROLE maker});
sql($node, q{SELECT ayb_jobs.pause(); SET ROLE deploy; SELECT ayb_jobs.enqueue('work'); RESET ROLE; REVOKE ALL ON DATABASE postgres FROM deploy;
    SELECT pg_terminate_backend(pid, 10000) FROM ayb_jobs.workers() WHERE role = 'deploy'::regrole; DROP ROLE deploy; SELECT ayb_jobs.resume()});
good('lanes', 'what the role had was taken out of service');
sql($node, 'GRANT CONNECT ON DATABASE postgres TO PUBLIC');

# What is hooked to our tables.
sql($node, q{CREATE ROLE grantee; CREATE TABLE refers (id uuid REFERENCES ayb_jobs.job_queue);
    CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER spy AFTER INSERT ON ayb_jobs.job_attempts FOR EACH ROW EXECUTE FUNCTION spy();
    CREATE RULE nothing AS ON DELETE TO ayb_jobs.pauses DO ALSO NOTHING;
    CREATE FUNCTION ayb_jobs.enqueue(text, text) RETURNS void LANGUAGE sql AS '';
    GRANT INSERT ON ayb_jobs.job_queue TO grantee; GRANT CREATE ON SCHEMA ayb_jobs TO grantee; ALTER TABLE ayb_jobs.imports OWNER TO grantee});
follow(tables => bad('tables', 'error', join '.*', 'ayb_jobs.imports belongs to role grantee', 'refers to ayb_jobs.job_queue', 'function ayb_jobs.enqueue',
    'grantee has CREATE', 'grantee has INSERT', 'rule nothing', 'trigger spy'));
sql($node, 'DROP OWNED BY grantee; DROP ROLE grantee; DROP TABLE refers; DROP FUNCTION spy');

# Handlers, views, leases.
sql($node, q{SELECT ayb_jobs.enqueue('nobody')});
like(bad('handlers', 'warning', '1 of type nobody'), qr/ayb_jobs\.register_handler\(\)/, 'handlers: the hint');
sql($node, q{SELECT ayb_jobs.register_handler('nobody', 'work(jsonb)')});
good('handlers', 'that');
sql($node, q{CREATE TABLE divisors AS SELECT 1 AS d; CREATE MATERIALIZED VIEW quotients AS SELECT 1 / d AS q FROM divisors;
    SELECT ayb_jobs.register_matview('quotients'); UPDATE divisors SET d = 0;
    SELECT ayb_jobs.enqueue('materialized_view_refresh', '{"schema_name": "public", "view_name": "quotients"}', max_attempts => 1)});
$hint = bad('matviews', 'warning', 'quotients: .*division by zero');
sql($node, 'UPDATE divisors SET d = 1');
follow(matviews => $hint);

# A schedule whose last job failed: the hint runs it again.
sql($node, q{UPDATE divisors SET d = 0; CREATE FUNCTION divides() RETURNS integer LANGUAGE sql AS 'SELECT 1 / d FROM divisors';
    SELECT ayb_jobs.register_handler('divides', 'divides()', max_attempts => 1);
    SELECT ayb_jobs.create_schedule('divisions', 'divides', '@yearly'); SELECT ayb_jobs.run_schedule_now('divisions')});
$hint = bad('schedule_jobs', 'warning', 'the last job of divisions \(divides\) failed');
sql($node, 'UPDATE divisors SET d = 1');
follow(schedule_jobs => $hint);
sql($node, q{SELECT ayb_jobs.delete_schedule('divisions')});

# refresh_all() holds each view to its end: beside a reader of two, one of both has a deadlock.
sql($node, "CREATE MATERIALIZED VIEW $_ AS SELECT pg_advisory_xact_lock_shared(20261129) IS NULL AS passed") for 'a', 'b';
sql($node, q{SELECT ayb_jobs.unregister_matview(id) FROM ayb_jobs.matview_refreshes; SELECT ayb_jobs.register_matview('a'), ayb_jobs.register_matview('b')});
my ($first, $last) = split /\n/, sql($node, q{SELECT view_name FROM ayb_jobs.refresh_all()});
my ($reader, $refresher) = map { $node->background_psql('postgres') } 1 .. 2;
my $gate = shut_gate($node);
$reader->query_safe("SET deadlock_timeout = '1h'; BEGIN; SELECT FROM $last");
$refresher->query_until(qr/begins/, "\\echo begins\nSET deadlock_timeout = '10ms'; SELECT ayb_jobs.refresh_all();\n");
holds($node, 'postgres', at_gate() . ' = 1', "refresh_all() has locked $first");
$reader->query_until(qr/reads/, "\\echo reads\nSELECT FROM $first; COMMIT;\n");
holds($node, 'postgres', "EXISTS (SELECT FROM pg_locks WHERE relation = '$first'::regclass AND NOT granted)", 'for which a reader waits');
open_gate($gate);
$hint = bad('matviews', 'warning', "$last: .*deadlock detected");
$_->quit for $refresher, $reader;
follow(matviews => $hint);

my $lost = sql($node, q{SELECT ayb_jobs.enqueue('outside'); SELECT id FROM ayb_jobs.claim('w', '{outside}', 1, '1 ms')}) =~ s/.*\n//r;
like(bad('leases_lost', 'warning', '1 attempts lost since the scheduler started, the last one at'), qr/ayb_jobs\.attempts\(job_id\)/, 'leases_lost: the hint');
is(sql($node, "SELECT status FROM ayb_jobs.attempts('$lost')"), 'lost', 'it shows it');
later(3700);
good('leases_lost', 'an hour');

sql($node, q{SELECT ayb_jobs.enqueue('outside'); UPDATE ayb_jobs.job_queue SET runs = 100000 WHERE type = 'outside' AND state = 'queued';
    SELECT ayb_jobs.snooze(id, 'w', attempt) FROM ayb_jobs.claim('w', '{outside}')});
follow(endless => bad('endless', 'warning', 'has run 100001 times'));

# A job waits for one that has failed.
sql($node, q{SELECT ayb_jobs.register_handler('step', kind => 'external');
    SELECT ayb_jobs.enqueue_flow('[{"name": "a", "type": "step"}, {"name": "b", "type": "step", "depends_on": ["a"]}]');
    SELECT ayb_jobs.fail(id, 'w', attempt, 'broken', final => true) FROM ayb_jobs.claim('w', '{step}')});
follow(flows => bad('flows', 'warning', '1 jobs wait for 1 that have failed: step'));
sql($node, q{SELECT ayb_jobs.cancel_matching('step')});

# What holds back vacuum, for two hours.
$holder = $node->background_psql('postgres', on_error_stop => 0);
$holder->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class');
later(7200);
follow(xmin_horizon => bad('xmin_horizon', 'warning', 'session \d+ of .* holds back vacuum'));
eval { $holder->quit; 1 } or note "its session is gone: $@";
sql($node, q{BEGIN; INSERT INTO mended DEFAULT VALUES; PREPARE TRANSACTION 'it''s'});
later(7200);
follow(xmin_horizon => bad('xmin_horizon', 'warning', q{prepared transaction}));
sql($node, q{SELECT FROM ayb_jobs.enqueue_many('outside', array_fill('{}'::jsonb, '{120000}'))});
sql($node, q{DELETE FROM ayb_jobs.job_queue; SELECT pg_stat_force_next_flush()});
follow(dead_tuples => bad('dead_tuples', 'warning', 'dead rows in job_queue'));

# Tables of limits and keys: the ring of keys, what their limits count, and places. One look finds some keys, so claims go on.
sub claims_all {
    my ($jobs, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return holds($node, 'postgres', qq{(SELECT count(c) >= 0 FROM ayb_jobs.claim('me', '{crowd}', 50) AS c)
        AND (SELECT count(*) = $jobs FROM ayb_jobs.job_queue WHERE type = 'crowd' AND state = 'running')}, $name);
}
my $crowd = q{SELECT count(ayb_jobs.enqueue('crowd', partition_key => n::text)) FROM generate_series(1, 200) AS n};
sql($node, q{SELECT ayb_jobs.register_handler('crowd', kind => 'external'); SELECT ayb_jobs.enqueue('crowd', partition_key => 'first')});
claims_all(1, 'the ring is made');
sql($node, $crowd);
like(bad('limits', 'warning', '^keys beyond 128 that have jobs'), qr/^ALTER SYSTEM SET ayb_jobs.max_keys = 512;/, 'limits: the hint for keys');
claims_all(201, 'they have their turn all the same');
sql($node, q{DELETE FROM ayb_jobs.job_queue WHERE type = 'crowd'; SELECT ayb_jobs.set_limit('crowd', running_per_key => 1)});
holds($node, 'postgres', q{(SELECT in_force FROM ayb_jobs.limits)}, 'in force');
sql($node, $crowd);
claims_all(128, 'of so many keys there are limits');
bad('limits', 'error', 'no further key of a limited type starts a job while 128 have some.*no job of a limited type starts while 128 run');
claims_all(128, 'no others start');
is(sql($node, q{SELECT count(*) FROM ayb_jobs.limit_keys('crowd', 500) WHERE running_now = 1 AND opens_at = 'infinity'}), 128, 'and what each has come to');
for my $table (qw(max_places max_keys)) { # each hint, until all are ok
    ($hint) = sql($node, 'SELECT ' . of('limits', 'hint')) =~ /^(ALTER SYSTEM SET ayb_jobs.$table = 512);/ or fail("limits: the hint for $table");
    sql($node, $hint);
    $node->restart;
}
good('limits', 'that');
holds($node, 'postgres', q{(SELECT in_force FROM ayb_jobs.limits)}, 'in force again');
claims_all(200, 'the rest starts');
sql($node, q{DELETE FROM ayb_jobs.job_queue WHERE type = 'crowd'; SELECT ayb_jobs.clear_limit('crowd')});

# The history's days: one that can't be made, and one that somebody reads.
sql($node, q{DO $$ BEGIN FOR d IN 1 .. 20 LOOP
    EXECUTE format('CREATE DOMAIN ayb_jobs.job_history_%s AS text', to_char((ayb_jobs_internal.now() + (d + 3) * interval '1 day') AT TIME ZONE 'UTC', 'YYYYMMDD'));
END LOOP; END $$});
later(2 * 86400 + 3600);
like($hint = bad('history', 'warning', '^history has tables until'), qr/^SELECT ayb_jobs_internal\.prepare_history/, 'history: the hint');
like(bad('duties', 'error', 'make days of the history ahead'), qr/^Mend/, 'duties: the same');
my (undef, undef, $error) = $node->psql('postgres', $hint =~ s/;.*/;/r);
like($error, qr/job_history_\d{8}.*exists/, 'the statement of the hint shows why');
sql($node, q{DO $$ DECLARE t regtype; BEGIN FOR t IN SELECT oid FROM pg_type WHERE typtype = 'd' AND typname ~ '^job_history_' LOOP
    EXECUTE format('DROP DOMAIN %s', t); END LOOP; END $$});
later(60);
good($_, 'that') for 'history', 'duties';
$holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; SELECT count(*) FROM ayb_jobs.job_history');
later(60 * 86400);
like(bad('history', 'warning', 'days beyond retention'), qr/duties/, 'history: old days');
bad('duties', 'error', 'drop days of the history beyond retention: canceling statement due to lock timeout');
$holder->query_safe('COMMIT');
$holder->quit;
later(120);
good($_, 'that') for 'history', 'duties';

# Whether anything runs here at all.
sql($node, 'DELETE FROM ayb_jobs.database_stamp');
follow(stamp => bad('stamp', 'error', 'nothing runs'));
set_configuration($node, 'ayb_jobs.enabled' => 'off');
follow(enabled => bad('enabled', 'warning', 'off'));
good('scheduler', 'that');
set_configuration($node, 'ayb_jobs.databases' => 'another');
like(bad('scheduler', 'error', 'no scheduler'), qr/^Name it in ayb_jobs\.databases/, 'scheduler: the hint');
set_configuration($node, 'ayb_jobs.databases' => '*');
good('scheduler', 'that');
sql($node, 'ALTER DATABASE postgres IS_TEMPLATE true');
$node->restart;
follow(scheduler => bad('scheduler', 'error', 'no scheduler'));
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$node->restart;
like(bad('preloaded', 'error', 'not preloaded'), qr/^Add ayb_jobs to shared_preload_libraries and restart/, 'preloaded: the hint');
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'ayb_jobs'");
$node->restart;
good('preloaded', 'that');

$tried{clock} = 1; # in t/075_life.pl
is(sql($node, 'SELECT string_agg(name, \' \') FROM ayb_jobs.health() WHERE name <> ALL (\'{' . join(',', keys %tried) . '}\')'), '', 'each check was tried');
$node->stop;
done_testing();
