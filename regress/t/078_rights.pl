# Rights that were given before the extension was there, or in spite of it: what default privileges, a foreign key that a
# superuser made, and everybody's jobs beside it come to. regress/sql/attacks.sql has what a statement can try.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my $node = start_server('rights');
my $superusers = q{SELECT string_agg(rolname, ' ' ORDER BY oid) FROM pg_roles WHERE rolsuper};
my $before = sql($node, $superusers);
sql($node, q{CREATE ROLE mallory LOGIN; SELECT ayb_jobs.allow_types('mallory')});

default_privileges();
foreign_key();
clean_ups();
imports();
sizes();
table_owner();
gone_roles();
names_and_owners();

is(sql($node, $superusers), $before, 'nobody has become a superuser');
$node->stop;
done_testing();

# On 4c054b3 sql/00_schema.sql granted USAGE and took nothing back.
sub default_privileges {
    sql($node, 'CREATE DATABASE given');
    $node->safe_psql('given', q{
ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO mallory;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO mallory;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO mallory;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TYPES TO mallory;
CREATE EXTENSION ayb_jobs});
    is($node->safe_psql('given', q{SELECT string_agg(DISTINCT concat_ws(' ', object, privilege), ', ') FROM ayb_jobs_internal.grants() WHERE grantee = 'mallory'}),
        '', 'default privileges give nobody anything of the extension');
    my (undef, undef, $error) = $node->psql('given', q{CREATE FUNCTION ayb_jobs.enqueue(text, text) RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid'},
        extra_params => ['-U', 'mallory']);
    like($error, qr/permission denied for schema ayb_jobs/, 'so nobody takes enqueue(text, text) over');
    sql($node, 'DROP DATABASE given WITH (FORCE)');
}

# A superuser made the key for her, so the hook has let it pass. On 4c054b3 extension/pg/books.cpp opened the books
# without SECURITY_RESTRICTED_OPERATION: her trigger waited for the commit, and ran as the role of the job.
sub foreign_key {
    sql($node, q{
CREATE SCHEMA mallory AUTHORIZATION mallory;
SET ROLE mallory;
CREATE TABLE mallory.refers (id uuid);
CREATE FUNCTION mallory.rise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    ALTER ROLE mallory SUPERUSER;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER rise AFTER DELETE ON mallory.refers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION mallory.rise();
RESET ROLE;
ALTER TABLE mallory.refers ADD FOREIGN KEY (id) REFERENCES ayb_jobs.job_queue ON DELETE CASCADE;
SELECT ayb_jobs.pause('work')});
    my $id = sql($node, q{SELECT ayb_jobs.enqueue('work')});
    sql($node, "INSERT INTO mallory.refers VALUES ('$id'); SELECT ayb_jobs.resume('work')");
    ok(eventually($node, "SELECT attempts > 0 OR runs > 0 FROM ayb_jobs.jobs WHERE id = '$id'"), 'the job has been tried');
    is(sql($node, "SELECT count(*) FROM pg_roles WHERE rolname = 'mallory' AND rolsuper"), '0', 'her deferred trigger ran as nobody');
    sql($node, 'DROP TABLE mallory.refers');
}

# A table of hers with a trigger that makes her a superuser, if it is fired by one. On 4c054b3 sql/68_builtins.sql deleted
# as the role of the job, whosoever the table was.
sub clean_ups {
    my $climb = q{CREATE FUNCTION mallory.climb() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        ALTER ROLE mallory SUPERUSER;
    EXCEPTION WHEN insufficient_privilege THEN
    END;
    RETURN OLD;
END $$;};
    sql($node, qq{SET ROLE mallory; $climb
CREATE TABLE mallory._ayb_sessions (expires_at timestamptz);
CREATE TABLE mallory.visits (at timestamptz);
CREATE TRIGGER climb BEFORE DELETE ON mallory._ayb_sessions FOR EACH ROW EXECUTE FUNCTION mallory.climb();
CREATE TRIGGER climb BEFORE DELETE ON mallory.visits FOR EACH ROW EXECUTE FUNCTION mallory.climb();
INSERT INTO mallory._ayb_sessions VALUES ('2020-01-01'); INSERT INTO mallory.visits VALUES ('2020-01-01')});
    for my $order (['stale_session_cleanup', '{"schema": "mallory"}', '_ayb_sessions', '["mallory"]'],
        ['delete_expired', '{"table": "mallory.visits", "column": "at", "older_than": "1 day"}', 'visits', 'mallory'])
    {
        my ($type, $payload, $table, $heir) = @$order;
        my $id = sql($node, "SELECT ayb_jobs.enqueue('$type', '$payload')");
        holds($node, 'postgres', "NOT EXISTS (SELECT FROM mallory.$table)", "$type, ordered by a superuser, deletes");
        is(sql($node, "SELECT result ->> 'handed_to' FROM ayb_jobs.jobs WHERE id = '$id'"), $heir, 'as the owner of the table');
        is(sql($node, q{SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'}), 'f', 'whose trigger has no more rights than she');
    }
    # Forced row-level security shows her nothing. On 4c054b3 sql/68_builtins.sql never asked: it deleted nothing, and said {"deleted": 0}.
    sql($node, q{ALTER TABLE mallory.visits ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; INSERT INTO mallory.visits VALUES ('2020-01-01')});
    my $rule = q{'delete_expired', '{"table": "mallory.visits", "column": "at", "older_than": "1 day"}', max_attempts => 1};
    my $ordered = sql($node, "SELECT ayb_jobs.enqueue($rule, run_as => 'mallory')");
    holds($node, 'postgres', "(SELECT last_error ~ 'row-level security of table mallory.visits would leave rows' FROM ayb_jobs.jobs WHERE id = '$ordered')",
        'what a superuser orders isn\'t left undone in silence');
    my $hers = $node->safe_psql('postgres', "SELECT ayb_jobs.enqueue($rule)", extra_params => ['-U', 'mallory']);
    holds($node, 'postgres', qq{(SELECT result = '{"deleted": 0, "row_security": true}' FROM ayb_jobs.jobs WHERE id = '$hers')}, 'and what she orders says it');
    sql($node, q{CREATE TABLE parted (at timestamptz) PARTITION BY RANGE (at);
CREATE TABLE mallory.old PARTITION OF parted FOR VALUES FROM ('2020-01-01') TO ('2020-02-01'); ALTER TABLE mallory.old OWNER TO mallory});
    my $id = sql($node, q{SELECT ayb_jobs.enqueue('delete_expired', '{"table": "public.parted", "column": "at", "older_than": "1 day"}', max_attempts => 1)});
    holds($node, 'postgres', "(SELECT last_error ~ 'belongs to role mallory' FROM ayb_jobs.jobs WHERE id = '$id')", 'a part of hers is not touched');
}

# On 4c054b3 sql/69_import_ayb.sql read whatever had the name, and made its jobs the importing superuser's.
sub imports {
    my $columns = q{id uuid, type %s, payload jsonb, state text, run_at timestamptz, lease_until timestamptz, worker_id text, attempts int,
max_attempts int, last_error text, last_run_at timestamptz, idempotency_key text, schedule_id uuid, created_at timestamptz,
updated_at timestamptz, completed_at timestamptz, canceled_at timestamptz};
    sql($node, 'SET ROLE mallory;' . q{
CREATE TABLE mallory._ayb_job_schedules (id uuid, name text, job_type text, payload jsonb, cron_expr text, timezone text, enabled boolean,
max_attempts int, next_run_at timestamptz, last_run_at timestamptz, created_at timestamptz, updated_at timestamptz);
CREATE TABLE mallory._ayb_matview_refreshes (id uuid, schema_name text, view_name text, refresh_mode text, last_refresh_at timestamptz,
last_refresh_duration_ms bigint, last_refresh_status text, last_refresh_error text, created_at timestamptz, updated_at timestamptz);
CREATE FUNCTION mallory.rise_by_reading() RETURNS text LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE mallory SUPERUSER; RETURN 'work'; END $$;} . sprintf(qq{
CREATE TABLE mallory.source ($columns);
CREATE VIEW mallory._ayb_jobs AS SELECT id, mallory.rise_by_reading() AS type, payload, state, run_at, lease_until, worker_id, attempts, max_attempts,
    last_error, last_run_at, idempotency_key, schedule_id, created_at, updated_at, completed_at, canceled_at FROM mallory.source;
INSERT INTO mallory.source (id, type, payload, state, run_at, attempts, max_attempts, created_at, updated_at)
SELECT gen_random_uuid(), type, '{"command": "ALTER ROLE mallory SUPERUSER"}', 'queued', '2000-01-01', 0, 1, now(), now() FROM unnest(ARRAY['command', 'work']) AS type}, 'text'));
    my (undef, undef, $error) = $node->psql('postgres', q{SELECT ayb_jobs.import_ayb('mallory')});
    like($error, qr/mallory\._ayb_jobs is not a table as AYB makes it/, 'a view is not imported');
    sql($node, sprintf("SET ROLE mallory; DROP VIEW mallory._ayb_jobs; CREATE DOMAIN mallory.word AS text; CREATE TABLE mallory._ayb_jobs ($columns)", 'mallory.word'));
    (undef, undef, $error) = $node->psql('postgres', q{SELECT ayb_jobs.import_ayb('mallory')});
    like($error, qr/not a table as AYB makes it/, 'nor a column of a type of hers');
    sql($node, 'SET ROLE mallory; DROP TABLE mallory._ayb_jobs; ALTER TABLE mallory.source RENAME TO _ayb_jobs');
    (undef, undef, $error) = $node->psql('postgres', q{SELECT ayb_jobs.import_ayb('mallory')});
    like($error, qr/1 jobs and schedules of the types command and delete_expired are left out/, 'what she would have a superuser run is left out');
    is(sql($node, q{SELECT string_agg(type || ' ' || run_as || ' ' || enqueued_by, ', ') FROM ayb_jobs.jobs WHERE created_at < '2100-01-01' AND payload ? 'command'}),
        'work mallory mallory', 'and the rest is hers');
}

# On 4c054b3 extension/handlers/register.cpp took any text, which every session then kept: five of them were 191 MB in each.
sub sizes {
    my (undef, undef, $error) = $node->psql('postgres', q{SELECT ayb_jobs.register_handler('big', 'SELECT 1 --' || repeat('x', 40000000), 'command')});
    like($error, qr/a command must be at most 65536 bytes long/, 'a command of 40 MB is refused');
    (undef, undef, $error) = $node->psql('postgres', q{SET ROLE mallory;
SELECT count(ayb_jobs.register_handler('type ' || n, kind => 'external')) FROM generate_series(1, 1001) AS n});
    like($error, qr/role "mallory" has 1000 types, the most that a role may have/, 'and a role has 1,000 types at most');
}

# Who has the table writes any row by hand. On 4c054b3 extension/queue/resolve.cpp:12 believed what a row said of its role.
sub table_owner {
    sql($node, 'CREATE ROLE has_it LOGIN; GRANT SELECT, INSERT ON effects TO has_it; ALTER TABLE ayb_jobs.job_queue OWNER TO has_it');
    my ($evil, $own) = split /\n/, $node->safe_psql('postgres', q{
INSERT INTO ayb_jobs.job_queue (type, payload, run_as) SELECT 'command', '{"command": "ALTER ROLE has_it SUPERUSER"}', oid FROM pg_roles
WHERE rolsuper ORDER BY oid LIMIT 1 RETURNING id;
INSERT INTO ayb_jobs.job_queue (type) VALUES ('work') RETURNING id}, extra_params => ['-U', 'has_it']);
    holds($node, 'postgres', "(SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$own')", 'who has the queue has its own jobs run');
    holds($node, 'postgres', "(SELECT phase = 'waiting' AND attempts = 0 FROM ayb_jobs.jobs WHERE id = '$evil')", 'and no superuser\'s that it wrote by hand');
    my (undef, undef, $refused) = $node->psql('postgres', q{SELECT ayb_jobs.enqueue('work')});
    like($refused, qr/may not run as role .*See the check tables/s, 'nor anybody\'s');
    like(health($node, 'postgres', 'trust'), qr/of type command of role \S+ wait: a table of the extension is another role's/, 'health() says why');
    like(health($node, 'postgres', 'tables'), qr/ayb_jobs.job_queue belongs to role has_it\|ALTER TABLE ayb_jobs.job_queue OWNER TO/, 'and what ends it');
    sql($node, "DELETE FROM ayb_jobs.job_queue WHERE id = '$evil'; ALTER TABLE ayb_jobs.job_queue OWNER TO CURRENT_USER");
    my $id = sql($node, q{SELECT ayb_jobs.enqueue('work')});
    holds($node, 'postgres', "(SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$id')", 'then all goes on');
}

# On 4c054b3 sql/10_tables.sql had every row dumped: the number of a role that is gone may be anybody's where it is restored.
sub gone_roles {
    sql($node, q{SELECT ayb_jobs.pause()});
    sql($node, q{CREATE ROLE leaver LOGIN});
    my ($gone, $kept) = map { sql($node, "SELECT ayb_jobs.enqueue('work', run_as => '$_')") } 'leaver', 'mallory';
    sql($node, q{CREATE FUNCTION public.lent() RETURNS void LANGUAGE sql AS ''; REVOKE EXECUTE ON FUNCTION public.lent() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.lent() TO leaver, mallory; SELECT ayb_jobs.register_handler('lent', 'public.lent()', definer => true)});
    my ($by_gone, $by_kept) = map { $node->safe_psql('postgres', "SET ROLE $_; SELECT ayb_jobs.enqueue('lent')") } 'leaver', 'mallory';
    sql($node, q{SELECT ayb_jobs.allow_types('leaver', 'of a leaver');
REVOKE EXECUTE ON FUNCTION public.lent() FROM leaver; DROP ROLE leaver});
    my ($dump) = PostgreSQL::Test::Utils::run_command(['pg_dump', '--data-only', '-h', $node->host, '-p', $node->port, 'postgres']);
    like($dump, qr/^$kept\t/m, 'a job is dumped');
    unlike($dump, qr/^$gone\t/m, 'but not that of a role that is gone');
    like($dump, qr/^$by_kept\t/m, 'a definer\'s job is');
    unlike($dump, qr/^$by_gone\t/m, 'but not what a role enqueued that is gone');
    like($dump, qr/^mallory\t%\t/m, 'what types a role may make is dumped');
    unlike($dump, qr/\tof a leaver\t/, 'and not for a role that is gone');
}

# What belongs to a role is kept by its number: another name changes nothing, and what a role owns in the sense of
# PostgreSQL is another matter.
sub names_and_owners {
    sql($node, q{SET ROLE mallory; SELECT ayb_jobs.register_handler('hers', kind => 'external')});
    my $id = sql($node, q{ALTER ROLE mallory RENAME TO malory; SELECT ayb_jobs.enqueue('work', run_as => 'malory')});
    # A function of hers, and one that she may execute by a grant.
    sql($node, q{SET ROLE malory; CREATE FUNCTION mallory.own() RETURNS void LANGUAGE sql AS ''; SELECT ayb_jobs.register_handler('own', 'mallory.own()');
RESET ROLE; CREATE FUNCTION public.granted() RETURNS void LANGUAGE sql AS ''; REVOKE EXECUTE ON FUNCTION public.granted() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.granted() TO malory; SELECT ayb_jobs.register_handler('granted', 'public.granted()')});
    my ($own, $granted) = map { sql($node, "SELECT ayb_jobs.enqueue('$_', run_as => 'malory')") } 'own', 'granted';
    sql($node, 'CREATE ROLE heir; GRANT CREATE ON SCHEMA mallory TO heir; REASSIGN OWNED BY malory TO heir; GRANT USAGE ON SCHEMA mallory TO malory');
    is(sql($node, "SELECT run_as || ' ' || state FROM ayb_jobs.jobs WHERE id = '$id'"), 'malory queued', 'a job stays its role\'s');
    is(sql($node, q{SELECT DISTINCT owner FROM ayb_jobs.handlers WHERE type = 'hers'}), 'malory', 'and a type');
    sql($node, 'SELECT ayb_jobs.resume()');
    holds($node, 'postgres', "(SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$id')", 'the job runs by the new name');
    my $waits = sub { return "(SELECT phase = 'waiting' AND attempts = 0 FROM ayb_jobs.jobs WHERE id = '$_[0]')" };
    holds($node, 'postgres', $waits->($own), 'after REASSIGN OWNED to another role the code is that one\'s, and isn\'t trusted');
    sql($node, 'REASSIGN OWNED BY heir TO postgres; GRANT USAGE ON SCHEMA mallory TO malory');
    holds($node, 'postgres', "(SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$own')", 'to a superuser it is');
    holds($node, 'postgres', "(SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$granted')", 'what a grant lets it execute runs');
    sql($node, q{SELECT ayb_jobs.pause('granted')});
    my $after = sql($node, q{SELECT ayb_jobs.enqueue('granted', run_as => 'malory')});
    sql($node, q{DROP OWNED BY malory; SELECT ayb_jobs.resume('granted')});
    holds($node, 'postgres', $waits->($after), 'after DROP OWNED the right has gone');
    like(health($node, 'postgres', 'trust'), qr/of type granted of role malory wait: .*GRANT EXECUTE ON FUNCTION public.granted\(\) TO malory;/, 'health() names it');
    sql($node, q{GRANT EXECUTE ON FUNCTION public.granted() TO malory; SELECT ayb_jobs.enqueue('granted', run_as => 'malory')});
    holds($node, 'postgres', "(SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$after')", 'and granted again it goes on');
}
