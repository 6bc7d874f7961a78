# What keeps the engine from making the history's tables: event triggers don't; where it is anything else, health() says so
# days before, and then jobs wait, uncharged, and go on once it is mended.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;

my $day = 86400;
my $node = start_server('days', 'ayb_jobs.scheduler_tick = 100ms');
sql($node, 'CREATE SCHEMA audit; CREATE TABLE audit.ddl (tag text)');
my $ahead = q{(SELECT max(relname) = 'job_history_' || to_char((ayb_jobs_internal.now() + '3 days') AT TIME ZONE 'UTC', 'YYYYMMDD')
    FROM pg_class WHERE relname ~ '^job_history_\d{8}$')};
holds($node, 'postgres', $ahead, 'there are tables for three days ahead');
like(health($node, 'postgres', 'history'), qr/^ok\|history has tables until \d{4}-\d\d-\d\d\|$/, 'health() says until when');

# A log of DDL that finds its table by the search path, and a guard.
sql($node, q{
SET search_path = audit, pg_catalog;
CREATE FUNCTION audit.log_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO ddl VALUES (tg_tag); END$$;
CREATE FUNCTION audit.forbid_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no DDL here'; END$$;
CREATE EVENT TRIGGER log_ddl ON ddl_command_end EXECUTE FUNCTION audit.log_ddl();
CREATE EVENT TRIGGER forbid_ddl ON ddl_command_start EXECUTE FUNCTION audit.forbid_ddl();
});
turn_clock($node, 2 * $day);
holds($node, 'postgres', $ahead, 'event triggers keep no table from being made');
turn_clock($node, 9 * $day);
my $id = sql($node, q{SELECT ayb_jobs.enqueue('work')});
holds($node, 'postgres', "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$id'", 'a job completes on a day that had no table');
sql($node, 'DROP EVENT TRIGGER forbid_ddl; DROP EVENT TRIGGER log_ddl');

# Something else is in the way: days before, health() says so; then jobs wait.
holds($node, 'postgres', $ahead, 'there are tables ahead again');
sql($node, q{DO $$ BEGIN FOR d IN 13 .. 20 LOOP
    EXECUTE format('CREATE DOMAIN ayb_jobs.job_history_%s AS text', to_char((now() + d * interval '1 day') AT TIME ZONE 'UTC', 'YYYYMMDD'));
END LOOP; END $$});
turn_clock($node, 11 * $day);
holds($node, 'postgres', q{(SELECT status = 'warning' FROM ayb_jobs.health() WHERE name = 'history')}, 'health() warns while there is a table for tomorrow');
turn_clock($node, 15 * $day);
like(health($node, 'postgres', 'history'), qr/^error\|.*no job can complete\|.*\.prepare_history/, 'health() says that nothing can complete');
my $offset = -s $node->logfile;
my %waiting = map { $_ => sql($node, "SELECT ayb_jobs.enqueue('$_', max_attempts => 1)") } qw(work break);
my $command = sql($node, q{SELECT ayb_jobs.enqueue('command', '{"command": "INSERT INTO effects (what) VALUES (''command'')"}', max_attempts => 1)});
log_holds($node, qr/job \Q$_\E \(\w+\) waits until a table can be made/, $offset, 'a job waits') for values %waiting, $command;
is(sql($node, q{SELECT count(*) FROM ayb_jobs.job_queue WHERE attempts = 0 AND state = 'queued'}), '3', 'uncharged');
is(sql($node, q{SELECT count(*) FROM effects WHERE what = 'command'}), '0', 'and its command has not run');
my ($code, undef, $error) = $node->psql('postgres', q{SELECT ayb_jobs_internal.prepare_history(ayb_jobs_internal.now())});
like($error, qr/already exists/, 'the hint of health() shows why');
sql($node, q{DO $$ DECLARE t regtype; BEGIN FOR t IN SELECT oid FROM pg_type WHERE typtype = 'd' AND typname ~ '^job_history_' LOOP
    EXECUTE format('DROP DOMAIN %s', t); END LOOP; END $$});
turn_clock($node, 15 * $day + 60);
holds($node, 'postgres', "SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$_'", 'it goes on when that is mended') for $waiting{work}, $command;
holds($node, 'postgres', "SELECT state = 'failed' FROM ayb_jobs.jobs WHERE id = '$waiting{break}'", 'one that fails by itself fails');
is(sql($node, q{SELECT count(*) FROM effects WHERE what = 'command'}), '1', 'the command ran once');
$node->stop;
done_testing();
