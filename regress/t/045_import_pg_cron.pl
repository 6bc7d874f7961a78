# import_pg_cron() takes over what pg_cron has for this database: owner, command, zone, activity. Twice is harmless, and
# what can't be taken over says why and holds up nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

my ($share) = run_command(['pg_config', '--sharedir']);
plan skip_all => 'pg_cron is not installed' if !-e "$share/extension/pg_cron.control";

my $node = new_server('import', qq{
shared_preload_libraries = 'ayb_jobs, pg_cron'
cron.use_background_workers = on
});
sql($node, 'CREATE EXTENSION ayb_jobs; CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; CREATE DATABASE other');

# import_in(DATABASE, options of psql): psql's exit code, what was created, and what was said.
sub import_in {
    my ($database, @psql) = @_;
    my ($code, $out, $said) = $node->psql($database, q{SELECT name, cron_expr, timezone, enabled, run_as, payload, job_type
        FROM ayb_jobs.import_pg_cron()}, extra_params => ['-v', 'VERBOSITY=verbose', @psql]);
    return ($code, $out, [map { /^.*?(ERROR|WARNING|NOTICE|HINT):  (.*)/ ? "$1: $2" : () } split /\n/, $said]);
}

# Without pg_cron, or with what only looks like it.
my ($code, $out, $said) = import_in('postgres');
isnt($code, 0, 'without pg_cron it fails');
is_deeply($said, ['ERROR: 42P01: pg_cron is not installed in this database',
    'HINT: It keeps its entries in one database (postgres, by its setting cron.database_name): ask there.'], 'and says where to ask');
sql($node, q{CREATE SCHEMA cron; CREATE TABLE cron.job (jobid bigint, schedule text, command text, database text, username text,
    active boolean, jobname text);
    INSERT INTO cron.job VALUES (1, '* * * * *', 'ALTER ROLE bob SUPERUSER', 'postgres', 'postgres', true, 'mine')});
($code, $out, $said) = import_in('postgres');
is($said->[0], 'ERROR: 42P01: pg_cron is not installed in this database', 'a table that looks like its own is not believed');
sql($node, 'DROP SCHEMA cron CASCADE');

# Entries of three users, of another database, and some that can't be taken over.
sql($node, q{CREATE EXTENSION pg_cron; GRANT USAGE ON SCHEMA cron TO alice;
ALTER TABLE cron.job ALTER nodeport SET DEFAULT 5432; -- of itself it is the session's, which has none
INSERT INTO cron.job (schedule, command, database, username, active, jobname) VALUES
    ('0 3 * * *', 'VACUUM', 'postgres', 'postgres', true, 'vacuum'),
    ('30 4 1 1 0', E'DELETE FROM "Logs" WHERE at < now() - \'1 d\'::interval', 'postgres', 'alice', true, 'clean up'),
    ('0 0 1 1 *', 'SELECT 1', 'postgres', 'alice', false, NULL),
    ('0 3 * * *', 'ANALYZE', 'postgres', 'bob', true, 'vacuum'),
    ('5 seconds', 'SELECT 5', 'postgres', 'bob', false, 'often'),
    ('@reboot', 'SELECT 6', 'postgres', 'postgres', false, 'at start'),
    ('@daily', 'SELECT 7', 'postgres', 'nobody here', false, 'of whom'),
    ('@daily', 'SELECT 8', 'other', 'postgres', true, 'elsewhere'),
    ('@daily', 'BEGIN; SELECT 9; COMMIT', 'postgres', 'alice', true, 'many'),
    ('0 0 $ * *', 'SELECT 10', 'postgres', 'bob', true, '')});
sql($node, q{SELECT ayb_jobs.create_schedule('often', 'command', '@daily')});
($code, $out, $said) = import_in('postgres');
is($code, 0, 'what can be taken over is');
is($out, join("\n",
    'vacuum|0 3 * * *|GMT|t|postgres|{"command": "VACUUM"}|command',
    'clean up|30 4 1 1 0|GMT|t|alice|{"command": "DELETE FROM \"Logs\" WHERE at < now() - \'1 d\'::interval"}|command',
    'pg_cron 3|0 0 1 1 *|GMT|f|alice|{"command": "SELECT 1"}|command',
    'vacuum (bob)|0 3 * * *|GMT|t|bob|{"command": "ANALYZE"}|command',
    'often (bob)|5 seconds|GMT|f|bob|{"command": "SELECT 5"}|command',
    'pg_cron 10|0 0 $ * *|GMT|t|bob|{"command": "SELECT 10"}|command'), 'with owner, zone, activity and expression');
is_deeply([grep { /WARNING/ } @$said], [
    'WARNING: 01000: job 6 of pg_cron ("at start") is not taken over: ' . refusal(q{'@reboot'}),
    'WARNING: 01000: job 7 of pg_cron ("of whom") is not taken over: role "nobody here" does not exist',
    'WARNING: 01000: job 9 of pg_cron ("many") is not taken over: a command must be one statement, not 3'], 'what can\'t says why');
is(sql($node, q{SELECT string_agg(name, ', ' ORDER BY name) FROM ayb_jobs.schedules WHERE next_run_at IS NULL}), '', 'each has its next tick');

# What create_schedule() says of an expression.
sub refusal {
    my ($expression) = @_;
    my (undef, undef, $error) = $node->psql('postgres', "SELECT ayb_jobs.cron_next($expression)");
    my ($message, $detail) = $error =~ /ERROR:  (.*)\nDETAIL:  (.*)/;
    return "$message: $detail";
}

# Again: nothing is made twice, and what its user changed stays.
sql($node, q{SELECT ayb_jobs.update_schedule(id, cron_expr => '0 6 * * *', payload => '{"command": "VACUUM FULL"}') FROM ayb_jobs.schedules
    WHERE name = 'vacuum'});
my $all = q{SELECT string_agg(s::text, E'\n' ORDER BY name) FROM ayb_jobs.schedules AS s};
my $before = sql($node, $all);
($code, $out, $said) = import_in('postgres');
is("$code|$out", '0|', 'a second time nothing is created');
is(sql($node, $all), $before, 'nor changed');
is($said->[0], 'NOTICE: 00000: job 1 of pg_cron: postgres has a schedule "vacuum" already, skipping', 'a NOTICE says so');
is(scalar(grep { /^NOTICE/ } @$said), 6, 'for each');
is(scalar(grep { /^WARNING/ } @$said), 3, 'and what can\'t be taken over says it again');

# An entry that came later, of a name that is taken on all sides.
sql($node, q{INSERT INTO cron.job (schedule, command, username, jobname) VALUES ('@daily', 'SELECT 11', 'alice', 'vacuum');
    SELECT ayb_jobs.create_schedule('vacuum (alice)', 'command', '@daily')});
(undef, $out, $said) = import_in('postgres');
is($out, '', 'no third name is made up');
is($said->[-1], 'WARNING: 01000: job 11 of pg_cron ("vacuum") is not taken over: schedule "vacuum (alice)" already exists', 'that is said');

# Another role takes over its own entries, and needs no right of ours. It can't see whose the names are that are taken.
sql($node, q{SELECT ayb_jobs.delete_schedule(id) FROM ayb_jobs.schedules WHERE run_as = 'alice'::regrole OR name LIKE '%(alice)'});
($code, $out) = import_in('postgres', '-U', 'alice');
is($code, 0, 'alice may call it');
is($out =~ s/\|.*//gr, "clean up\npg_cron 3\nvacuum (alice)", 'and has hers taken over');
isnt((import_in('postgres', '-U', 'bob'))[0], 0, 'bob, who may not see pg_cron\'s tables, can\'t');

# Newer ones have a setting for the zone. Where the library isn't loaded it can be set like any other.
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'ayb_jobs'\ncron.timezone = 'America/New_York'");
$node->restart;
sql($node, 'SELECT ayb_jobs.delete_schedule(id) FROM ayb_jobs.schedules');
is((import_in('postgres'))[0], 0, 'with cron.timezone');
is(sql($node, q{SELECT DISTINCT timezone FROM ayb_jobs.schedules}), 'America/New_York', 'that is the zone');

# They run, as commands do.
sql($node, q{SELECT (ayb_jobs.run_schedule_now(id)).type FROM ayb_jobs.schedules WHERE name = 'pg_cron 3'});
holds($node, 'postgres', q{SELECT state = 'completed' AND run_as = 'alice'::regrole FROM ayb_jobs.jobs WHERE payload ->> 'command' = 'SELECT 1'},
    'a command runs as its owner');

$node->stop('fast');
done_testing();
