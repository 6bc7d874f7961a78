# What surrounds a database: default privileges, encodings, and who dumps it.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;

my $node = start_server('surroundings');
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN; CREATE ROLE auditor LOGIN; GRANT pg_read_all_data TO auditor; CREATE ROLE stranger LOGIN');

# Default privileges that leave PUBLIC nothing: what it may call and read is the same.
$node->safe_psql('postgres', 'CREATE DATABASE strict');
$node->safe_psql('strict', "ALTER DEFAULT PRIVILEGES REVOKE ALL ON $_ FROM PUBLIC") for qw(FUNCTIONS TABLES TYPES SCHEMAS SEQUENCES);
serve($node, 'strict');
my $rights = q{SELECT string_agg(format('%s %s', what, may), E'\n' ORDER BY what) FROM (
    SELECT p.oid::regprocedure::text AS what, concat(has_function_privilege('app', p.oid, 'EXECUTE'), ' ',
        has_function_privilege('ayb_jobs_admin', p.oid, 'EXECUTE')) AS may
    FROM pg_proc AS p WHERE p.pronamespace IN ('ayb_jobs'::regnamespace, 'ayb_jobs_internal'::regnamespace)
    UNION ALL
    SELECT c.oid::regclass::text, has_table_privilege('app', c.oid, 'SELECT')::text FROM pg_class AS c
    WHERE c.relnamespace IN ('ayb_jobs'::regnamespace, 'ayb_jobs_internal'::regnamespace) AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
    UNION ALL
    SELECT 'type ' || t.oid::regtype, has_type_privilege('app', t.oid, 'USAGE')::text FROM pg_type AS t
    WHERE t.typnamespace IN ('ayb_jobs'::regnamespace, 'ayb_jobs_internal'::regnamespace) AND t.typcategory <> 'A' AND t.typname !~ '^job_history_') AS r};
is($node->safe_psql('strict', $rights), $node->safe_psql('postgres', $rights), 'default privileges take nothing from PUBLIC');
$node->safe_psql('strict', 'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO app');
my $id = $node->safe_psql('strict', q{SET ROLE app; SELECT ayb_jobs.enqueue('work')});
holds($node, 'strict', "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$id'", 'a job of an ordinary role runs there');

# Encodings whose characters the script's author didn't think of.
for my $encoding (qw(EUC_JP EUC_KR EUC_CN EUC_TW LATIN1 SQL_ASCII)) {
    my $database = lc $encoding;
    $node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
    my ($code, undef, $error) = $node->psql($database, 'CREATE EXTENSION ayb_jobs');
    is($code, 0, "$encoding: CREATE EXTENSION") or diag($error);
    (undef, undef, $error) = $node->psql($database,
        q{SET client_encoding = 'UTF8'; CREATE ROLE no_login; SELECT ayb_jobs.enqueue('command', run_as => 'no_login'); SELECT FROM ayb_jobs.health()});
    like($error, qr/jobs can't run as role no_login.*ALTER ROLE/s, "$encoding: an error arrives with its hint");
    $node->safe_psql($database, 'DROP ROLE no_login');
}
# What is clipped there, character by character of every length, is still what it looks like.
$node->safe_psql('sql_ascii', q{SELECT ayb_jobs.register_handler('outside', kind => 'external')});
for my $character ('é', '€', '😀') {
    for my $before (0 .. 3) {
        $node->safe_psql('sql_ascii', qq{
SELECT ayb_jobs.enqueue('outside', max_attempts => 1);
SELECT ayb_jobs.fail(id, 'w', attempt, repeat('x', $before) || repeat('$character', 3000)) FROM ayb_jobs.claim('w', '{outside}')});
    }
}
is($node->safe_psql('sql_ascii', q{SELECT count(*) FROM ayb_jobs.jobs
    WHERE state = 'failed' AND octet_length(last_error) > 500 AND convert_from(last_error::bytea, 'UTF8') IS NOT NULL}), '12',
    'SQL_ASCII: no character is cut');

# Whoever may dump the database may with the extension in it; whose rows, the policies say.
$node->safe_psql('postgres', 'CREATE DATABASE shop OWNER app');
serve($node, 'shop');
$node->safe_psql('shop', q{SELECT ayb_jobs.enqueue('work', '{"what": "for app"}', idempotency_key => 'key of app', run_as => 'app');
    SELECT ayb_jobs.enqueue('work', '{"what": "for stranger"}', idempotency_key => 'key of stranger', run_as => 'stranger');
    ALTER TABLE effects OWNER TO app});
holds($node, 'shop', q{SELECT count(*) = 2 FROM ayb_jobs.job_history}, 'the jobs complete');
sub dump_as {
    my ($role, @options) = @_;
    my ($out, $error) = ('', '');
    my $done = IPC::Run::run(['pg_dump', '-U', $role, @options, '-d', $node->connstr('shop')], '>', \$out, '2>', \$error);
    return ($done, $out, $error);
}
for my $role (qw(app auditor)) {
    my ($done, $out, $error) = dump_as($role, '--schema-only');
    ok($done, "$role: pg_dump --schema-only") or diag($error);
    ($done, $out, $error) = dump_as($role, '--enable-row-security');
    ok($done, "$role: pg_dump --enable-row-security") or diag($error);
    my $sees = $role eq 'app' ? '2 2 0 0' : '0 0 0 0';
    is(join(' ', map { scalar(() = $out =~ /\Q$_\E/g) } '"for app"', 'key of app	', '"for stranger"', 'key of stranger	'), $sees,
        "$role: carries the rows that the role sees, and no others");
    ($done, $out, $error) = dump_as($role, q{--exclude-table-data=ayb_jobs.*});
    ok($done, "$role: pg_dump without the engine's rows") or diag($error);
}
$node->stop;
done_testing();
