# Commands that need a database to themselves don't fail or hang on jobs that run or wait there, and only who has the
# right to such a command can make the workers leave.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;

my $node = new_server('databases', q{
ayb_jobs.scheduler_tick = 1s
log_min_messages = debug1
allow_in_place_tablespaces = on
});
$node->safe_psql('postgres', q{
CREATE ROLE keeper LOGIN CREATEDB;
CREATE ROLE stranger LOGIN;
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE elsewhere LOCATION '';
});

# Several databases are served at once, without a restart.
my @several = map { "several$_" } 1 .. 4;
$node->safe_psql('postgres', "CREATE DATABASE $_") for @several;
for my $database (@several) {
    serve($node, $database);
    $node->safe_psql($database, q{SELECT ayb_jobs.enqueue('work', '{"what": "served"}')});
    at_once($node, $database, 'SELECT count(*) = 1 FROM effects', "$database is served from its CREATE EXTENSION on");
}
is($node->safe_psql('postgres', q{SELECT count(DISTINCT datname) FROM pg_stat_activity
    WHERE backend_type = 'ayb_jobs scheduler'}), '4', 'all of them at the same time');

# Whoever ends the launcher, or a scheduler after it, has them back in a moment.
comes_back("backend_type = 'ayb_jobs launcher'", 'the launcher that was ended');
comes_back("backend_type = 'ayb_jobs scheduler' AND datname = 'several1'", 'a scheduler that the launcher before it had started');

# DROP DATABASE in its forms; each has a job that runs and one that waits.
for my $form (['plain', 'DROP DATABASE victim'], ['FORCE', 'DROP DATABASE victim WITH (FORCE)']) {
    for my $who ('postgres', 'keeper') {
        $node->safe_psql('postgres', "CREATE DATABASE victim OWNER $who");
        serve($node, 'victim');
        start_sleeper($node, 'victim');
        finishes($node, 'postgres', $form->[1], "DROP DATABASE, $form->[0], by $who",
            connstr => $node->connstr('postgres') . " user=$who");
    }
}
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_database WHERE datname = 'victim'"), '0', 'it is gone');

# The others had nothing of it.
is($node->safe_psql('postgres', q{SELECT count(DISTINCT datname) FROM pg_stat_activity
    WHERE backend_type = 'ayb_jobs scheduler'}), '4', 'the other databases are still served');

# Rename: the interrupted job is tried again under the new name, uncharged.
my $id = start_sleeper($node, 'several1');
finishes($node, 'postgres', 'ALTER DATABASE several1 RENAME TO renamed', 'RENAME');
holds($node, 'renamed', "SELECT is_running FROM ayb_jobs.jobs WHERE id = '$id'",
    'the interrupted job runs again under the new name');
is($node->safe_psql('renamed', "SELECT attempts FROM ayb_jobs.jobs WHERE id = '$id'"), '1', 'uncharged');

finishes($node, 'postgres', 'ALTER DATABASE renamed SET TABLESPACE elsewhere', 'SET TABLESPACE');
holds($node, 'renamed', "SELECT is_running FROM ayb_jobs.jobs WHERE id = '$id'", 'and again in the new tablespace');

# As a template: the original goes on, the copy keeps still until adopt(), which resume() doesn't do.
my $offset = -s $node->logfile;
finishes($node, 'postgres', 'CREATE DATABASE copy TEMPLATE renamed', 'TEMPLATE');
holds($node, 'renamed', "SELECT is_running FROM ayb_jobs.jobs WHERE id = '$id'", 'the original goes on');
log_holds($node, qr/nothing runs in this database: it is a copy or was restored/, $offset, 'the log says it of the copy');
holds($node, 'copy', q{SELECT status = 'error' AND hint LIKE '%adopt()%' FROM ayb_jobs.health() WHERE name = 'stamp'},
    'and so does health()');
$node->safe_psql('copy', q{SELECT ayb_jobs.enqueue('work', '{"what": "in the copy"}')});
is($node->safe_psql('copy', q{SELECT count(*) FROM ayb_jobs.workers()}), '0', 'no worker is there');
is($node->safe_psql('copy', q{SELECT string_agg(DISTINCT state, ',') FROM ayb_jobs.jobs}), 'completed,queued',
    'nothing runs in the copy');
finishes($node, 'postgres', 'ALTER DATABASE copy RENAME TO copied', 'RENAME of a copy that keeps still');
my (undef, undef, $resumed) = $node->psql('copied', 'SELECT ayb_jobs.resume()', extra_params => ['-v', 'VERBOSITY=verbose']);
like($resumed, qr/55000: nothing runs in this database: it is a copy.*SELECT ayb_jobs\.adopt\(\);/s, 'resume() says what would, and does nothing');
$node->safe_psql('copied', 'SELECT ayb_jobs.adopt()');
holds($node, 'copied', q{SELECT count(*) = 1 FROM effects WHERE what = 'in the copy'}, 'after adopt() it runs');

# Who may not have the database can't make its workers leave by trying.
my $pid = $node->safe_psql('renamed', "SELECT pid FROM ayb_jobs.workers() WHERE job_id = '$id'");
$offset = -s $node->logfile;
for my $sql ('DROP DATABASE renamed', 'DROP DATABASE renamed WITH (FORCE)', 'ALTER DATABASE renamed RENAME TO mine',
    'CREATE DATABASE mine TEMPLATE renamed', 'ALTER DATABASE renamed SET TABLESPACE elsewhere')
{
    my ($code) =
        $node->psql('postgres', $sql, connstr => $node->connstr('postgres') . ' user=stranger', on_error_die => 0);
    isnt($code, 0, "a stranger's $sql is refused");
}
my ($refused) = $node->psql('renamed', 'DROP EXTENSION ayb_jobs',
    connstr => $node->connstr('renamed') . ' user=stranger');
isnt($refused, 0, "a stranger's DROP EXTENSION is refused");
is($node->safe_psql('renamed', "SELECT pid FROM ayb_jobs.workers() WHERE job_id = '$id'"), $pid,
    'and the worker is still at its job');
# What needs no such thing from its owner doesn't either.
$node->safe_psql('postgres', 'ALTER DATABASE renamed CONNECTION LIMIT 50');
is($node->safe_psql('renamed', "SELECT pid FROM ayb_jobs.workers() WHERE job_id = '$id'"), $pid,
    'nor does a change of the connection limit send it away');

# A command that fails gives the database back.
my ($failed) = $node->psql('postgres', 'ALTER DATABASE renamed RENAME TO several2');
isnt($failed, 0, 'a RENAME to a name that is taken fails');
holds($node, 'renamed', "SELECT is_running FROM ayb_jobs.jobs WHERE id = '$id'", 'and the job runs again');

# A database without the extension is asked once. What makes the launcher look around again here is what other
# databases do; it would also do so each minute.
$node->safe_psql('postgres', 'CREATE DATABASE plain');
my $oid = $node->safe_psql('postgres', "SELECT oid FROM pg_database WHERE datname = 'plain'");
my $probe = qr/DEBUG:  registering background worker "ayb_jobs scheduler for database $oid"/;
for my $round (1 .. 3) {
    $node->safe_psql('several2', 'DROP EXTENSION ayb_jobs CASCADE; CREATE EXTENSION ayb_jobs');
    holds($node, 'postgres', backends_of('several2') . ' > 0', "round $round: it is served again");
    log_holds($node, $probe, 0, 'the plain database was asked') if $round == 1;
    # One that came back means that the launcher has made its round since.
}
is(count_in_log($node, $probe, 0), 1, 'once');
serve($node, 'plain');
$node->safe_psql('plain', q{SELECT ayb_jobs.enqueue('work', '{"what": "at last"}')});
holds($node, 'plain', q{SELECT count(*) = 1 FROM effects}, 'with the extension it is served');

# A database that takes no connections isn't tried; the moment it does, it is served again.
set_configuration($node, 'ayb_jobs.enabled' => 'off');
holds($node, 'postgres', backends_of('plain') . ' = 0', 'the plain database is left');
$node->safe_psql('plain', q{SELECT ayb_jobs.enqueue('work', '{"what": "closed"}')});
$node->safe_psql('postgres', 'ALTER DATABASE plain ALLOW_CONNECTIONS false');
$offset = -s $node->logfile;
set_configuration($node, 'ayb_jobs.enabled' => 'on');
holds($node, 'renamed', "SELECT is_running FROM ayb_jobs.jobs WHERE id = '$id'", 'the open databases are served');
is(count_in_log($node, $probe, $offset), 0, 'the closed one is not tried');
$node->safe_psql('postgres', 'ALTER DATABASE plain ALLOW_CONNECTIONS true');
$node->reload;    # wakes the launcher, which would come to it within a minute by itself
holds($node, 'plain', q{SELECT count(*) = 1 FROM effects WHERE what = 'closed'}, 'open again, it is served');

# Only the databases of the list, names with capitals in quotes; the others are left at once and come back later.
$node->safe_psql('postgres', 'CREATE DATABASE "Capital"');
serve($node, 'Capital');
holds($node, 'Capital', backends_of('Capital') . ' > 0', 'a database with a capital in its name is served');
set_configuration($node, 'ayb_jobs.databases' => 'plain, "Capital"');
holds($node, 'postgres', q{SELECT array_agg(DISTINCT datname ORDER BY datname) = '{Capital,plain}' FROM pg_stat_activity
    WHERE backend_type LIKE 'ayb_jobs%' AND datname IS NOT NULL}, 'those of the list are served, and no others');
like(health($node, 'renamed', 'scheduler'), qr/^error\|.*ayb_jobs\.databases/, 'health() points to the list');
$node->safe_psql($_, q{SELECT ayb_jobs.enqueue('work', '{"what": "listed"}')}) for 'Capital', 'renamed';
holds($node, 'Capital', q{SELECT count(*) = 1 FROM effects WHERE what = 'listed'}, 'a job runs where it is listed');
is($node->safe_psql('renamed', q{SELECT state FROM ayb_jobs.jobs WHERE payload ->> 'what' = 'listed'}), 'queued',
    'and waits where it is not');
set_configuration($node, 'ayb_jobs.databases' => '*');
holds($node, 'renamed', q{SELECT count(*) = 1 FROM effects WHERE what = 'listed'}, 'until it is');
holds($node, 'renamed', "SELECT is_running FROM ayb_jobs.jobs WHERE id = '$id'", 'and the long job runs again');

# A server that is told to stop fast doesn't wait for a job of an hour.
stops($node, 'a fast shutdown interrupts the job');
$node->start;
holds($node, 'renamed', "SELECT is_running FROM ayb_jobs.jobs WHERE id = '$id'", 'which runs again');
is($node->safe_psql('renamed', "SELECT attempts FROM ayb_jobs.jobs WHERE id = '$id'"), '1', 'uncharged');
$node->stop('fast');
done_testing();

sub comes_back {
    my ($which, $name) = @_;
    my $ended = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE $which");
    $node->safe_psql('postgres', "SELECT pg_terminate_backend($ended)");
    holds($node, 'postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE $which AND pid <> $ended", "$name comes back");
}
