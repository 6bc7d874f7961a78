# Two ordinary roles: each has its own jobs and nothing else, and whatever a job does it stays who it is.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('roles', q{
max_connections = 16
ayb_jobs.poll_interval = 100ms
ayb_jobs.scheduler_tick = 1s
ayb_jobs.worker_idle_timeout = 5s
log_min_messages = warning
});

# run() executes what its payload says, as psql would; note() leaves who it was called by. Both vaults show who got in.
sql($node, q{
CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE carol LOGIN; CREATE ROLE dave LOGIN; CREATE ROLE erin LOGIN;
CREATE ROLE boss LOGIN IN ROLE ayb_jobs_admin;
CREATE SCHEMA alice AUTHORIZATION alice; CREATE SCHEMA bob AUTHORIZATION bob; CREATE SCHEMA shared;
GRANT USAGE, CREATE ON SCHEMA shared TO alice, bob;
GRANT CREATE ON DATABASE postgres TO alice, bob;
SELECT ayb_jobs.allow_types('carol', 'orphan');
CREATE TABLE vault (who text);
CREATE FUNCTION who() RETURNS text LANGUAGE sql AS $$SELECT current_user || '/' || session_user$$;
SELECT ayb_jobs.register_handler('who', 'who()');
});
for my $role ('alice', 'bob') {
    as($role, qq{
CREATE TABLE $role.vault (who text);
CREATE TABLE $role.seen (what text, who text);
GRANT USAGE ON SCHEMA $role TO PUBLIC;
GRANT INSERT ON $role.seen TO PUBLIC;
CREATE FUNCTION $role.note(what text) RETURNS boolean LANGUAGE sql AS
    \$\$INSERT INTO $role.seen VALUES (what, current_user || '/' || session_user) RETURNING true\$\$;
CREATE FUNCTION $role.run(payload jsonb) RETURNS text LANGUAGE plpgsql AS \$\$
BEGIN
    EXECUTE payload->>'sql';
    RETURN current_user || '/' || session_user;
END \$\$;
SELECT ayb_jobs.register_handler('$role', '$role.run(jsonb)', max_attempts => 1);
});
}

own_jobs_only();
ids_tell_nothing();
no_way_out();
objects_of_its_own();
nothing_is_shadowed();
built_in_types();
settings_are_reset();
trust_in_code();
definer();
lanes_that_stop();
connection_limits();
raw_dml();
is(sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ayb_jobs launcher'}), '1', 'nothing crashed');
$node->stop;
done_testing();

# What a role gets for its statements: "error: …" where they fail.
sub try_as {
    my ($role, $sql) = @_;
    my ($code, $out, $error) = $node->psql('postgres', $sql, connstr => $node->connstr('postgres') . " user=$role");
    return $code == 0 ? $out : 'error: ' . ($error =~ s/^psql:<stdin>:\d+: //r);
}

sub as {
    my ($role, $sql) = @_;
    my $got = try_as($role, $sql);
    BAIL_OUT("$role: $sql\n$got") if $got =~ /^error: /;
    return $got;
}

sub session_of {
    my ($role, %options) = @_;
    return $node->background_psql('postgres', extra_params => ['-U', $role], %options);
}

sub literal { return "'" . ($_[0] =~ s/'/''/gr) . "'" }

# "state: result or error" of a job, once it has ended.
sub end_of {
    my ($id) = @_;
    eventually($node, "SELECT state IN ('completed', 'failed', 'canceled') FROM ayb_jobs.jobs WHERE id = '$id'", 30);
    return sql($node, "SELECT state || ': ' || coalesce(result #>> '{}', last_error, '') FROM ayb_jobs.jobs WHERE id = '$id'");
}

# Runs SQL as a job of the role.
sub job_of {
    my ($role, $sql) = @_;
    return end_of(as($role, "SELECT ayb_jobs.enqueue('$role', jsonb_build_object('sql', " . literal($sql) . '))'));
}

sub own_jobs_only {
    sql($node, q{SELECT ayb_jobs.register_handler('outside', kind => 'external', max_attempts => 1)});
    my (%id, %same);
    for my $role ('alice', 'bob') {
        $id{$role} = as($role, q{SELECT ayb_jobs.enqueue('outside', '{"whose": "mine"}', idempotency_key => 'key')});
        as($role, q{SELECT ayb_jobs.enqueue('outside') FROM generate_series(1, 3)});
        $same{$role} = as($role, q{SELECT ayb_jobs.enqueue('outside', idempotency_key => 'key')});
        as($role, qq{SELECT ayb_jobs.claim('$role', '{outside}')});
        as($role, qq{SELECT ayb_jobs.fail('$id{$role}', '$role', 1, 'secret of $role')});
    }
    isnt($same{alice}, $same{bob}, 'a key that another role uses is free');
    is($same{bob}, $id{bob}, 'and finds the own job');

    for my $query (
        ['jobs', 'SELECT DISTINCT run_as FROM ayb_jobs.jobs'],
        ['attempts', 'SELECT DISTINCT run_as FROM ayb_jobs.job_attempts'],
        ['events()', 'SELECT DISTINCT run_as FROM ayb_jobs.events(0, 4096)'],
        ['lanes()', q{SELECT DISTINCT role FROM ayb_jobs.lanes() WHERE role <> 'postgres'::regrole}],
        ['stats()', q{SELECT DISTINCT 'alice' FROM ayb_jobs.stats() WHERE failed = 1 AND queued = 3 AND running = 0}])
    {
        is(as('alice', $query->[1]), 'alice', "$query->[0] shows the own ones");
    }
    for my $query ("SELECT ayb_jobs.attempts('$id{bob}')", "SELECT 1 FROM ayb_jobs.jobs WHERE last_error ~ 'bob'",
        q{SELECT 1 FROM ayb_jobs.workers() WHERE role <> 'alice'::regrole}, "SELECT 1 WHERE '$id{bob}' = ANY (ayb_jobs_internal.running())")
    {
        is(as('alice', $query), '', "nothing of others: $query");
    }
    is(as('alice', q{SELECT ayb_jobs.retry_matching() || '/' || ayb_jobs.cancel_matching()}), '1/4', 'and changes the own ones');
    is(sql($node, q{SELECT string_agg(state || '=' || n, ' ' ORDER BY state)
        FROM (SELECT state, count(*) AS n FROM ayb_jobs.jobs WHERE run_as = 'bob'::regrole GROUP BY 1) AS s}),
        'failed=1 queued=3', 'alone');
    like(try_as('alice', 'SELECT * FROM ayb_jobs.health()'), qr/permission denied/, 'health() is not for everybody');
    as('bob', 'SELECT ayb_jobs.cancel_matching()');
}

# Of an id of another role's, in whatever state and locked or not, a role learns as much as of one that nobody has.
sub ids_tell_nothing {
    my $queued = as('bob', q{SELECT ayb_jobs.enqueue('outside')});
    my $failed = sql($node, q{SELECT id FROM ayb_jobs.jobs WHERE run_as = 'bob'::regrole AND state = 'failed'});
    my $done = as('bob', q{SELECT ayb_jobs.enqueue('who')});
    is(end_of($done), 'completed: bob/bob', 'a job runs as its role');
    my $unknown = '018f0000-0000-7000-8000-000000000000';
    my $session = session_of('bob');
    $session->query_safe("BEGIN; SELECT id FROM ayb_jobs.cancel('$queued'); SELECT id FROM ayb_jobs.retry_now('$failed');");

    for my $call ('cancel(%)', 'cancel(%, true)', 'retry_now(%)', q{complete(%, 'bob', 1)}, q{fail(%, 'bob', 1, 'x')},
        q{extend(%, 'bob', 1)})
    {
        my %answer = map { $_ => answer_to($call, $_) } $queued, $failed, $done, $unknown;
        like($answer{$unknown}, qr/job ID not found/, "$call knows no such job");
        is($answer{$_}, $answer{$unknown}, "$call gives the same for a job of bob's") for $queued, $failed, $done;
    }
    $session->query_safe('ROLLBACK');

    # Nor does it hold a row of his up: alice's transaction stays open after each of her tries.
    my $hers = session_of('alice', on_error_stop => 0);
    $hers->query("BEGIN; SAVEPOINT s; SELECT ayb_jobs.cancel('$queued');");
    $hers->query("ROLLBACK TO s; SELECT count(*) FROM ayb_jobs.claim('alice', '{outside}', 100);");
    is(as('bob', "SET lock_timeout = '1min'; SELECT state FROM ayb_jobs.cancel('$queued')"), 'canceled', 'nothing of his is locked');
    $hers->quit;

    # claim() recovers what is over, of the caller's alone.
    my $over = as('bob', q{SELECT ayb_jobs.enqueue('outside', max_attempts => 1)});
    as('bob', q{SELECT ayb_jobs.claim('bob', '{outside}', 1, '1 ms')});
    $hers = session_of('alice');
    $hers->query_safe(q{BEGIN; SELECT ayb_jobs.claim('alice', '{outside}')});
    like(end_of($over), qr/^failed: the lease ended/, 'an open claim() of one role keeps no lease of another from ending');
    $hers->quit;
    $session->quit;
}

# What alice is told for her call, with ids taken out. A wait for a lock shows as another error.
sub answer_to {
    my ($call, $id) = @_;
    my $sql = 'SELECT ayb_jobs.' . ($call =~ s/%/'$id'/r);
    return try_as('alice', "SET statement_timeout = '1min'; $sql") =~ s/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/ID/gr;
}

sub no_way_out {
    is(job_of('bob', q{INSERT INTO bob.vault VALUES (who())}), 'completed: bob/bob', 'who has the right gets in');
    is(sql($node, 'SELECT who FROM bob.vault'), 'bob/bob', 'and leaves a trace');

    my $scheduler = sql($node, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'ayb_jobs scheduler'});
    my %refused = (
        'SET ROLE bob' => 'permission denied to set role',
        'SET LOCAL ROLE postgres' => 'permission denied to set role',
        'SET SESSION AUTHORIZATION bob' => 'permission denied to set session authorization',
        'SET SESSION AUTHORIZATION postgres' => 'permission denied to set session authorization',
        q{SELECT set_config('role', 'postgres', true)} => 'permission denied to set role',
        q{DO $$ BEGIN SET LOCAL ROLE bob; END $$} => 'permission denied to set role',
        q{SET LOCAL session_replication_role = replica} => 'permission denied to set parameter',
        q{SET ayb_jobs.test_clock_offset = 1} => 'cannot be changed now',
        q{CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION alice.fire()} => 'permission denied to create event trigger',
        q{ALTER ROLE bob SET search_path = alice} => 'permission denied',
        q{ALTER ROLE alice SUPERUSER} => 'superuser',
        q{CREATE FUNCTION alice.now() RETURNS timestamptz LANGUAGE c AS '$libdir/ayb_jobs', 'ayb_jobs_now'} => 'permission denied for language c',
        q{CREATE FUNCTION ayb_jobs.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'} => 'permission denied for schema ayb_jobs',
        q{CREATE TRIGGER t BEFORE INSERT ON ayb_jobs.job_queue EXECUTE FUNCTION alice.fire()} => 'permission denied for table',
        q{CREATE RULE r AS ON INSERT TO ayb_jobs.job_queue DO ALSO NOTHING} => 'must be owner',
        q{ALTER FUNCTION ayb_jobs.uuid7() OWNER TO alice} => 'must be owner',
        q{SELECT ayb_jobs.enqueue('who', run_as => 'bob')} => 'must be able to SET ROLE',
        q{SELECT ayb_jobs.enqueue('who', run_as => 'postgres')} => 'only a superuser may enqueue',
        "SELECT pg_terminate_backend($scheduler)" => 'superuser',
        q{INSERT INTO bob.vault VALUES ('alice')} => 'permission denied for table vault',
        q{DELETE FROM ayb_jobs.job_queue} => 'permission denied for table job_queue',
    );
    as('alice', q{CREATE FUNCTION alice.fire() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM alice.note(TG_NAME); RETURN NULL; END'});
    for my $sql (sort keys %refused) {
        like(job_of('alice', $sql), qr/^failed: ERROR: .*\Q$refused{$sql}\E/i, "refused: $sql");
    }
    for my $sql ('RESET ROLE', 'RESET SESSION AUTHORIZATION', 'RESET ALL', 'SET ROLE NONE', 'SET SESSION AUTHORIZATION DEFAULT') {
        is(job_of('alice', $sql), 'completed: alice/alice', "leads nowhere: $sql");
    }
    # What is left in the session for whoever comes next there finds the same role.
    as('alice', q{CREATE PROCEDURE alice.leave() LANGUAGE plpgsql AS $$
        BEGIN SET default_transaction_read_only = on; SET search_path = alice; COMMIT; PERFORM alice.note('procedure'); END $$;
        SELECT ayb_jobs.register_handler('procedure', 'CALL alice.leave()', 'command', max_attempts => 1)});
    like(end_of(as('alice', q{SELECT ayb_jobs.enqueue('procedure')})), qr/^failed: .*read-only/, 'a procedure that makes itself read-only fails');
    is(job_of('alice', 'SELECT'), 'completed: alice/alice', 'and the job after it is not');
}

# Code in alice's own objects that PostgreSQL itself calls, some of it at the commit, when the books have been open.
sub objects_of_its_own {
    as('alice', q{
CREATE TABLE alice.t (id int, data text);
CREATE FUNCTION alice.quiet(what text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN alice.note(what); END';
CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON alice.t DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION alice.fire();
CREATE INDEX ON alice.t ((alice.quiet('index ' || substr(data, 1, 0))));
CREATE VIEW alice.v AS SELECT * FROM alice.t;
CREATE RULE ruled AS ON DELETE TO alice.v DO INSTEAD SELECT alice.note('rule');
CREATE TABLE alice.guarded (x int);
ALTER TABLE alice.guarded ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON alice.guarded USING (alice.note('policy')) WITH CHECK (alice.note('policy'));
CREATE DOMAIN alice.checked AS text CHECK (alice.quiet('domain'));
CREATE TYPE alice.mood AS ENUM ('fine');
CREATE FUNCTION alice.mood_to_json(alice.mood) RETURNS json LANGUAGE plpgsql AS
    $$BEGIN PERFORM alice.note('cast'); RETURN '"cast"'::json; END$$;
CREATE CAST (alice.mood AS json) WITH FUNCTION alice.mood_to_json(alice.mood);
CREATE FUNCTION alice.secdef() RETURNS void SECURITY DEFINER LANGUAGE sql AS $$SELECT alice.note('definer')$$;
CREATE FUNCTION alice.all_at_once() RETURNS alice.checked LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO alice.t VALUES (1, 'one');
    DELETE FROM alice.v;
    INSERT INTO alice.guarded VALUES (1);
    PERFORM alice.secdef();
    EXECUTE 'DECLARE held CURSOR WITH HOLD FOR SELECT alice.note(''held'') FROM generate_series(1, 3)';
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO alice.t VALUES (2, 'two');
    SET CONSTRAINTS ALL DEFERRED;
    INSERT INTO alice.t VALUES (3, 'three');
    RETURN 'done';
END $$;
CREATE FUNCTION alice.mood() RETURNS alice.mood LANGUAGE sql AS $$SELECT 'fine'::alice.mood$$;
SELECT ayb_jobs.register_handler('all', 'alice.all_at_once()', max_attempts => 1);
SELECT ayb_jobs.register_handler('mood', 'alice.mood()', max_attempts => 1);
TRUNCATE alice.seen;
});
    # Temporary ones fire at the commit too, and are gone for the next job.
    is(job_of('alice', q{CREATE TEMPORARY TABLE job_queue (x int);
        CREATE CONSTRAINT TRIGGER temporary AFTER INSERT ON pg_temp.job_queue DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION alice.fire();
        INSERT INTO pg_temp.job_queue VALUES (1)}), 'completed: alice/alice', 'a temporary table of a name of ours');
    is(job_of('alice', q{INSERT INTO pg_temp.job_queue VALUES (1)}) =~ /^failed: .*does not exist/ ? 1 : 0, 1, 'is gone for the next job');
    is(end_of(as('alice', q{SELECT ayb_jobs.enqueue('all')})), 'completed: done', 'triggers, rules, policies, domains, cursors');
    is(end_of(as('alice', q{SELECT ayb_jobs.enqueue('mood')})), 'completed: cast', 'a cast of its own');
    is(sql($node, q{SELECT string_agg(DISTINCT split_part(what, ' ', 1), ' ' ORDER BY split_part(what, ' ', 1)) FROM alice.seen}),
        'cast deferred definer domain held index policy rule temporary', 'each was called');
    is(sql($node, 'SELECT string_agg(DISTINCT who, \' \') FROM alice.seen'), 'alice/alice', 'by alice and nobody else');
}

# Names of ours and of PostgreSQL's in schemas that come first in the search path: whoever calls our functions, alice,
# a job of hers, the superuser, runs none of hers.
sub nothing_is_shadowed {
    my $shadows = join '', map { my ($schema) = $_; qq{
CREATE FUNCTION $schema.equal(uuid, uuid) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN alice.note(''operator''); END';
CREATE FUNCTION $schema.equal(oid, oid) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN alice.note(''operator''); END';
CREATE FUNCTION $schema.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN alice.note(''operator''); END';
CREATE FUNCTION $schema.equal(timestamptz, timestamptz) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN alice.note(''operator''); END';
CREATE FUNCTION $schema.pg_has_role(oid, oid, text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN alice.note(''function''); END';
CREATE FUNCTION $schema.visible_roles() RETURNS oid[] LANGUAGE plpgsql AS 'BEGIN PERFORM alice.note(''function''); RETURN ''{10}''; END';
CREATE FUNCTION $schema.now() RETURNS timestamptz LANGUAGE plpgsql AS 'BEGIN PERFORM alice.note(''function''); RETURN now(); END';
CREATE FUNCTION $schema.lanes() RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM alice.note(''function''); RETURN 1; END';
CREATE FUNCTION $schema.quote_literal(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN PERFORM alice.note(''function''); RETURN 1; END';
CREATE FUNCTION $schema.round(numeric, int) RETURNS numeric LANGUAGE plpgsql AS 'BEGIN PERFORM alice.note(''function''); RETURN 1; END';
}} 'alice', 'pg_temp';
    my $operators = join '', map { "CREATE OPERATOR alice.= (LEFTARG = $_, RIGHTARG = $_, FUNCTION = alice.equal);
        CREATE OPERATOR alice.<= (LEFTARG = $_, RIGHTARG = $_, FUNCTION = alice.equal);\n" } 'uuid', 'oid', 'text', 'timestamptz';
    my $tables = join '', map { "CREATE TABLE alice.$_ (LIKE ayb_jobs.$_); CREATE TEMPORARY TABLE $_ (LIKE ayb_jobs.$_);\n" }
        'handlers', 'job_history', 'job_attempts', 'pg_stat_all_tables';
    $tables =~ s/ayb_jobs\.pg_stat/pg_catalog.pg_stat/g;
    my $types = q{CREATE DOMAIN alice.uuid AS pg_catalog.uuid CHECK (alice.note('domain'));
        CREATE DOMAIN alice.regrole AS pg_catalog.regrole CHECK (alice.note('domain'));
        CREATE DOMAIN pg_temp.regrole AS pg_catalog.regrole CHECK (alice.note('domain'));};
    my $calls = q{
SELECT set_config('search_path', 'alice, pg_temp, ayb_jobs, pg_catalog', false);
SELECT id AS made FROM ayb_jobs.cancel(ayb_jobs.enqueue('outside', idempotency_key => 'shadow'), true);
SELECT ayb_jobs.enqueue_many('outside', ARRAY['1', '2']::pg_catalog.jsonb[]);
SELECT ayb_jobs.claim('me', ARRAY['outside']::pg_catalog.text[]);
SELECT ayb_jobs.stats(), ayb_jobs.series(), ayb_jobs.retry_matching(), ayb_jobs.cancel_matching('outside');
SELECT ayb_jobs.events(), ayb_jobs.workers();
SELECT pg_catalog.count(*) FROM ayb_jobs.jobs;
SELECT ayb_jobs.attempts(j.id) FROM ayb_jobs.jobs AS j;
SELECT ayb_jobs.register_handler('shadow', kind => 'external'), ayb_jobs.unregister_handler('shadow');};

    as('alice', 'TRUNCATE alice.seen');
    my $control = as('alice', "$shadows $operators $tables $types
        SET search_path = alice, pg_catalog; SELECT '1'::text = '2'::text; SELECT count(*) FROM alice.seen");
    like($control, qr/1$/, 'the shadows are called by who asks for them');
    as('alice', 'TRUNCATE alice.seen');
    as('alice', "$shadows $calls" =~ s/CREATE FUNCTION alice\.[^\n]*\n//gr);
    my $job = as('alice', 'SELECT ayb_jobs.enqueue(\'alice\', jsonb_build_object(\'sql\', '
        . literal("$shadows $calls" =~ s/CREATE FUNCTION alice\.[^\n]*\n//gr) . '))');
    is(end_of($job), 'completed: alice/alice', 'a job with shadows of everything');
    sql($node, "SET search_path = alice, pg_temp, ayb_jobs, pg_catalog; $calls
        SELECT ayb_jobs.health(), ayb_jobs.lanes(), ayb_jobs.pause(), ayb_jobs.resume();");
    is(sql($node, 'SELECT count(*) FROM alice.seen'), '0', 'none of them was called');
    as('alice', q{DROP DOMAIN alice.uuid, alice.regrole;
        DROP TABLE alice.handlers, alice.job_history, alice.job_attempts, alice.pg_stat_all_tables});
}

# The built-in types' procedures commit, so they can't pin their search path. Where others may create in a schema of the
# path (here public, as it was before PostgreSQL 15), an operator that fits exactly comes before a polymorphic one of
# pg_catalog, and before one that needs a cast.
sub built_in_types {
    sql($node, q{GRANT CREATE ON SCHEMA public TO alice;
        CREATE TABLE visits (at timestamptz); INSERT INTO visits SELECT '2020-01-01' FROM generate_series(1, 10);
        CREATE TABLE _ayb_webhook_deliveries (delivered_at timestamptz); CREATE TABLE _ayb_sessions (expires_at timestamptz)});
    my @operators = (['->>', 'jsonb', 'jsonb', 'text'], ['||', 'tid[]', 'tid', 'tid[]'], ['||', 'text[]', 'text', 'text[]'],
        ['*', 'numeric', 'integer', 'numeric'], ['<=', 'numeric', 'integer', 'boolean']);
    my $n = 0;
    as('alice', 'TRUNCATE alice.seen; ' . join '', map { my ($operator, $left, $right, $result) = @$_; $n++; qq{
        CREATE FUNCTION public.shadow$n($left, $right) RETURNS $result LANGUAGE plpgsql AS
            'BEGIN PERFORM alice.note(''$operator''); RETURN NULL; END';
        CREATE OPERATOR public.$operator (LEFTARG = $left, RIGHTARG = $right, FUNCTION = public.shadow$n);} } @operators);
    as('alice', q{SELECT '{}'::jsonb ->> '1', '{}'::text[] || 'x'::text, 1.0 * 1, 1.0 <= 1, '{}'::tid[] || '(0,1)'::tid});
    is(sql($node, 'SELECT count(DISTINCT what) FROM alice.seen'), $n - 1, 'the shadows are called by who asks for them');
    as('alice', 'TRUNCATE alice.seen');
    for my $job ([q{delete_expired}, q{{"table": "public.visits", "column": "at", "older_than": "1 day", "batch_size": 3}}, 10],
        ['stale_session_cleanup', '{"schema": "public"}', 0], ['expired_auth_cleanup', '{}', 0], ['expired_oauth_cleanup', '{}', 0],
        ['webhook_delivery_prune', '{"retention_hours": 1}', 0])
    {
        my ($type, $payload, $deleted) = @$job;
        like(end_of(sql($node, "SELECT ayb_jobs.enqueue('$type', '$payload', max_attempts => 1)")), qr/^completed: .*"deleted": $deleted\b/,
            "$type as a superuser");
    }
    is(sql($node, q{SELECT string_agg(DISTINCT what || ' ' || who, ', ') FROM alice.seen}), '', 'calls no operator of hers');
    as('alice', join ';', map { "DROP OPERATOR public.$_->[0] ($_->[1], $_->[2])" } @operators);
    sql($node, 'REVOKE CREATE ON SCHEMA public FROM alice');
}

sub settings_are_reset {
    is(job_of('alice', q{SET my.secret = 'left'; SET search_path = alice; SET work_mem = '77MB'; SET TimeZone = 'Asia/Tokyo';
        PREPARE left_over AS SELECT 1; SELECT pg_advisory_lock(42); CREATE TEMPORARY SEQUENCE s;
        SET default_transaction_isolation = 'serializable'; SET default_tablespace = ''; SET row_security = off}),
        'completed: alice/alice', 'a job leaves settings behind');
    is(job_of('alice', q{DO $$ BEGIN
        ASSERT coalesce(current_setting('my.secret', true), '') = '', 'a setting';
        ASSERT current_setting('search_path') <> 'alice', 'search_path';
        ASSERT current_setting('work_mem') <> '77MB', 'work_mem';
        ASSERT current_setting('TimeZone') <> 'Asia/Tokyo', 'TimeZone';
        ASSERT current_setting('row_security') = 'on', 'row_security';
        ASSERT current_setting('transaction_isolation') = 'read committed', 'isolation';
        ASSERT NOT EXISTS (SELECT FROM pg_prepared_statements), 'a prepared statement';
        ASSERT NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory'), 'a lock';
        ASSERT to_regclass('pg_temp.s') IS NULL, 'a temporary object'; END $$}),
        'completed: alice/alice', 'and the next finds none of them');
    # ALTER ROLE … SET is its own affair, and harms it alone.
    as('alice', q{ALTER ROLE alice SET default_transaction_read_only = on; ALTER ROLE alice SET search_path = alice, pg_temp, pg_catalog;
        ALTER ROLE alice SET row_security = off; ALTER ROLE alice SET lock_timeout = '1ms'});
    sql($node, 'ALTER ROLE alice SET role = bob');
    end_worker('alice');
    my $id = sql($node, q{SELECT ayb_jobs.enqueue('who', run_as => 'alice')});
    is(end_of($id), 'completed: alice/alice', 'what ALTER ROLE set does not make it somebody else');
    sql($node, 'ALTER ROLE alice RESET ALL');
    end_worker('alice');
}

# The role's worker leaves: the next one starts with the role's settings as they are now.
sub end_worker {
    my ($role) = @_;
    sql($node, "SELECT count(pg_terminate_backend(pid)) FROM ayb_jobs.workers() WHERE role = '$role'::regrole");
    eventually($node, "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'ayb_jobs worker' AND usename = '$role'");
}

# Enqueues a job of the role while its type is paused, does something, and lets it run: what holds at the enqueue must
# hold at the run.
sub end_after {
    my ($role, $type, $change) = @_;
    sql($node, "SELECT ayb_jobs.pause('$type')");
    my $id = as($role, "SELECT ayb_jobs.enqueue('$type', max_attempts => 1)");
    $change->();
    sql($node, "SELECT ayb_jobs.resume('$type')");
    return end_of($id);
}

# The same where it doesn't hold any more: what health() says while the job waits, uncharged, though its role's workers are at work.
sub waits_after {
    my ($role, $type, $change) = @_;
    sql($node, "SELECT ayb_jobs.pause('$type')");
    my $id = as($role, "SELECT ayb_jobs.enqueue('$type', max_attempts => 1)");
    $change->();
    sql($node, "SELECT ayb_jobs.resume('$type')");
    end_of(sql($node, "SELECT ayb_jobs.enqueue('who', run_as => '$role')"));
    my $why = sql($node, q{SELECT detail FROM ayb_jobs.health() WHERE name = 'trust'});
    is(state_of($node, $id), 'queued/0', "a job of type $type waits");
    as($role, "SELECT ayb_jobs.cancel('$id')");
    return $why;
}

sub trust_in_code {
    my $refused = qr/the role doesn't trust the owner of its code/;
    my $not_hers = qr/the role doesn't trust the type's owner/;
    my $body = q{RETURNS text LANGUAGE sql AS 'SELECT public.who()'};
    as('alice', "CREATE FUNCTION alice.f() $body; SELECT ayb_jobs.register_handler('hers', 'alice.f()')");
    like(try_as('bob', q{SELECT ayb_jobs.enqueue('hers')}), qr/may not run as role "bob"/, 'a type of hers is not for bob');
    like(try_as('bob', q{SELECT ayb_jobs.register_handler('hers', 'who()')}), qr/must be owner/, 'and not his to replace');
    like(try_as('bob', q{SELECT ayb_jobs.enqueue('hers', run_as => 'alice')}), qr/must be able to SET ROLE/, 'nor may he have it run as her');
    like(try_as('postgres', q{SELECT ayb_jobs.enqueue('hers')}), qr/may not run as role "postgres"/, 'nor is it for a superuser');

    sql($node, q{SELECT ayb_jobs.register_handler('later', 'who()')});
    is(end_after('bob', 'later', sub { }), 'completed: bob/bob', 'a function of a superuser may run as anybody, by a superuser\'s type');
    for my $function ('who()', 'alice.f()') {
        sql($node, q{SELECT ayb_jobs.register_handler('later', 'who()')});
        like(waits_after('bob', 'later', sub { sql($node, q{SELECT ayb_jobs.unregister_handler('later')});
            as('alice', "SELECT ayb_jobs.register_handler('later', '$function')") }), $not_hers, "not by a type that she made in its place: $function");
        as('alice', q{SELECT ayb_jobs.unregister_handler('later')});
    }
    like(waits_after('bob', 'bob', sub {
        as('boss', q{SELECT ayb_jobs.register_handler('bob', 'alice.f()')}) }), $refused, 'nor what an admin does');
    as('boss', q{SELECT ayb_jobs.unregister_handler('bob')});
    as('bob', q{SELECT ayb_jobs.register_handler('bob', 'bob.run(jsonb)', max_attempts => 1)});

    as('bob', "CREATE FUNCTION shared.g() $body; SELECT ayb_jobs.register_handler('his', 'shared.g()')");
    is(end_after('bob', 'his', sub { }), 'completed: bob/bob', 'his own function runs');
    like(waits_after('bob', 'his', sub { sql($node, 'ALTER FUNCTION shared.g() OWNER TO alice') }), $refused,
        'not when it has become hers');
    sql($node, 'ALTER FUNCTION shared.g() OWNER TO bob');
    is(end_after('bob', 'his', sub { }), 'completed: bob/bob', 'and again when it is his');
    like(waits_after('bob', 'his', sub { as('bob', 'DROP FUNCTION shared.g()'); as('alice', "CREATE FUNCTION shared.g() $body") }),
        $refused, 'not one that she made in its place');
    as('bob', q{SELECT ayb_jobs.register_handler('his', 'shared.g()')});
    is(end_after('bob', 'his', sub { }), 'completed: bob/bob', 'unless he registers hers himself');
    like(waits_after('bob', 'his', sub { as('alice', 'DROP FUNCTION shared.g()') }), qr/its function is gone/, 'one that is gone is waited for');

    as('bob', "CREATE SCHEMA moved; CREATE FUNCTION moved.f() $body; SELECT ayb_jobs.register_handler('moved', 'moved.f()')");
    like(waits_after('bob', 'moved', sub { as('bob', 'ALTER SCHEMA moved RENAME TO elsewhere');
        as('alice', "CREATE SCHEMA moved; GRANT USAGE ON SCHEMA moved TO PUBLIC; CREATE FUNCTION moved.f() $body") }), $refused,
        'not one in a schema that she made under the name of his');

    as('bob', qq{CREATE FUNCTION shared.h() $body; SET search_path = shared; SELECT ayb_jobs.register_handler('overloaded', 'h()')});
    is(end_after('bob', 'overloaded', sub {
        as('alice', join ';', map { "CREATE FUNCTION shared.h($_) RETURNS text LANGUAGE sql AS 'SELECT ''hers'''" }
            'jsonb', 'json', "x int DEFAULT 1, y int DEFAULT 2", 'VARIADIC text[]');
        as('alice', q{CREATE FUNCTION alice.h() RETURNS text LANGUAGE sql AS 'SELECT ''hers'''});
        sql($node, 'ALTER ROLE bob SET search_path = alice, shared'); end_worker('bob') }), 'completed: bob/bob',
        'what fits better, or comes first in his path, is not what he registered');
    sql($node, 'ALTER ROLE bob RESET ALL');
    like(waits_after('bob', 'overloaded', sub { as('bob', 'REVOKE EXECUTE ON FUNCTION shared.h() FROM PUBLIC, bob') }),
        qr/the role may not execute its function/, 'the right to execute it is looked at with each run');
}

# A definer's handler runs in the lane of who registered it, for those who may execute it.
sub definer {
    as('alice', q{CREATE FUNCTION alice.gate() RETURNS text LANGUAGE sql AS 'SELECT who()';
        REVOKE EXECUTE ON FUNCTION alice.gate() FROM PUBLIC;
        SELECT ayb_jobs.register_handler('gate', 'alice.gate()', definer => true, max_attempts => 1)});
    like(try_as('bob', q{SELECT ayb_jobs.enqueue('gate')}), qr/permission denied for function gate/, 'a definer type needs EXECUTE');
    as('alice', 'GRANT EXECUTE ON FUNCTION alice.gate() TO bob');
    my $id = as('bob', q{SELECT ayb_jobs.enqueue('gate')});
    is(end_of($id), 'completed: alice/alice', 'and runs as who registered it');
    is(sql($node, "SELECT run_as FROM ayb_jobs.jobs WHERE id = '$id'"), 'alice', 'in her lane');
    is(as('bob', "SELECT state FROM ayb_jobs.cancel(ayb_jobs.enqueue('gate', run_at => 'tomorrow'))"), 'canceled', 'and who enqueued it may cancel it');
}

# Of a role that can't log in any more only its own lane stops; health() says which, until it can or has no jobs.
sub lanes_that_stop {
    sql($node, 'REVOKE CONNECT ON DATABASE postgres FROM PUBLIC');
    sql($node, "GRANT CONNECT ON DATABASE postgres TO $_") for qw(alice bob boss carol dave erin);
    sql($node, q{SELECT ayb_jobs.pause('who')});
    my %id = map { $_ => as($_, q{SELECT ayb_jobs.enqueue('who')}) } qw(bob carol dave erin);
    as('carol', q{CREATE TEMPORARY TABLE t (x int); SELECT ayb_jobs.register_handler('orphan', kind => 'external')});
    sql($node, q{
CREATE TABLE owned_by_carol (x int); ALTER TABLE owned_by_carol OWNER TO carol;
REASSIGN OWNED BY carol TO bob; DROP OWNED BY carol; DROP ROLE carol;
ALTER ROLE dave NOLOGIN; REVOKE CONNECT ON DATABASE postgres FROM erin;
SELECT ayb_jobs.resume('who')});
    is(end_of($id{bob}), 'completed: bob/bob', 'a lane of another role goes on');
    holds($node, 'postgres', "(SELECT state = 'canceled' AND last_error ~ 'does not exist any more' FROM ayb_jobs.jobs WHERE id = '$id{carol}')",
        'a job of a dropped role is canceled');
    ok(eventually($node, q{SELECT status = 'error' AND detail ~ '"dave" may not log in'
        AND detail ~ '"erin" may not connect' AND hint ~ 'LOGIN' FROM ayb_jobs.health() WHERE name = 'lanes'}),
        'health() says of each why its lane stopped');
    is(sql($node, q{SELECT string_agg(state || attempts, ' ') FROM ayb_jobs.jobs WHERE type = 'who' AND state = 'queued'}),
        'queued0 queued0', 'their jobs wait, uncharged');

    sql($node, 'ALTER ROLE dave LOGIN; GRANT CONNECT ON DATABASE postgres TO erin');
    is(end_of($id{dave}), 'completed: dave/dave', 'with LOGIN again the lane goes on');
    is(end_of($id{erin}), 'completed: erin/erin', 'and with CONNECT');
    ok(eventually($node, q{SELECT status = 'ok' FROM ayb_jobs.health() WHERE name = 'lanes'}, 60), 'and health() is well again');
    like(try_as('bob', q{SELECT ayb_jobs.unregister_handler('orphan')}), qr/no handler is registered/, 'a type of a dropped role is there no more');

    # It may happen to a lane whose worker is there and idle.
    is(end_of(as('dave', q{SELECT ayb_jobs.enqueue('who')})), 'completed: dave/dave', 'a worker is there');
    my $late = as('dave', q{SELECT ayb_jobs.enqueue('who', run_at => clock_timestamp() + interval '1 hour')});
    sql($node, 'ALTER ROLE dave NOLOGIN');
    turn_clock($node, 3700);
    ok(eventually($node, q{SELECT detail ~ '"dave" may not log in' FROM ayb_jobs.health() WHERE name = 'lanes'}),
        'a session that it has is not used on');
    is(state_of($node, $late), 'queued/0', 'the job waits');
    sql($node, "ALTER ROLE dave LOGIN; SELECT ayb_jobs.cancel('$late')");
    turn_clock($node, 0);
}


# Workers are no connections: no limit on those stops a lane, also one that is below what there is already. Who asks for one
# in vain is given no statement: a psql that has left already could not be written to.
sub connection_limits {
    my @sessions = map { session_of('alice') } 1 .. 2;
    for my $limit ('ALTER ROLE alice CONNECTION LIMIT 0', 'ALTER ROLE alice CONNECTION LIMIT 1', 'ALTER DATABASE postgres CONNECTION LIMIT 0') {
        end_worker('alice');
        sql($node, $limit);
        like(try_as('alice', ''), qr/too many connections/, "$limit: no session more");
        is(end_of($sessions[0]->query_safe(q{SELECT ayb_jobs.enqueue('who')})), 'completed: alice/alice', 'but a worker');
        sql($node, $limit =~ s/\d$/-1/r);
    }

    # All that max_connections leaves to ordinary roles, which is 13 of 16.
    end_worker('alice');
    AybSession::forget($node); # it would take one of them
    push @sessions, map { session_of('alice') } 3 .. 13;
    like(try_as('alice', ''), qr/reserved/, 'max_connections are used up: no session more');
    is(end_of($sessions[0]->query_safe(q{SELECT ayb_jobs.enqueue('who')})), 'completed: alice/alice', 'but a worker');
    $_->quit for @sessions;
}

# A GRANT on the tables is not enough: the policies refuse still. What is written by those who may all is checked.
sub raw_dml {
    sql($node, 'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ayb_jobs TO alice');
    my $id = as('bob', q{SELECT ayb_jobs.enqueue('outside')});
    as('alice', q{SELECT ayb_jobs.enqueue('outside')});
    for my $sql (q{INSERT INTO ayb_jobs.job_queue (type, run_as) VALUES ('who', 'bob')}, q{INSERT INTO ayb_jobs.job_queue (type) VALUES ('who')},
        q{INSERT INTO ayb_jobs.handlers (type, kind, owner) VALUES ('x', 'external', 'bob')},
        q{INSERT INTO ayb_jobs.job_keys VALUES ('bob', 'key 2', gen_random_uuid())}, q{INSERT INTO ayb_jobs.pauses VALUES ('', now(), 'bob')})
    {
        like(try_as('alice', $sql), qr/violates row-level security policy/, "refused: $sql");
    }
    for my $sql (q{UPDATE ayb_jobs.job_queue SET run_as = 'bob'}, 'DELETE FROM ayb_jobs.job_queue', q{UPDATE ayb_jobs.handlers SET owner = 'alice'},
        'DELETE FROM ayb_jobs.job_history', 'DELETE FROM ayb_jobs.database_stamp')
    {
        is(try_as('alice', "WITH x AS ($sql RETURNING 1) SELECT count(*) FROM x"), '0', "finds no row: $sql");
    }
    sql($node, 'REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ayb_jobs FROM alice');

    for my $change (q{state = 'running', lease_until = now()}, q{state = 'running', lease_until = now(), worker_id = repeat('x', 256)}) {
        like(try_as('postgres', "UPDATE ayb_jobs.job_queue SET $change WHERE id = '$id'"), qr{a running job has a worker|worker_id must be of},
            "a superuser's mistake is refused: $change");
    }
    sql($node, qq{UPDATE ayb_jobs.job_queue SET state = 'running', lease_until = now() - interval '1 min', worker_id = 'x', attempts = 1,
        max_attempts = 1, waits_for = 'external' WHERE id = '$id'});
    like(end_of($id), qr/^failed: the lease ended/, 'and a row that was written by hand is taken as it is');
    sql($node, q{UPDATE ayb_jobs.handlers SET backoff = '{NULL, 1s}' WHERE type = 'who'});
    is(end_of(as('bob', q{SELECT ayb_jobs.enqueue('who')})), 'completed: bob/bob', 'so is a handler');
}
