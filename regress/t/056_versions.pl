# An upgrade makes the same objects as an installation, and keeps what was there; a library that doesn't know the
# objects of a database touches nothing in it, and says so.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

my $files = $PostgreSQL::Test::Utils::tmp_check;
my $node = new_server('versions', 'ayb_jobs.scheduler_tick = 100ms');
my $current = sql($node, q{SELECT default_version FROM pg_available_extensions WHERE name = 'ayb_jobs'});
my @releases = grep { $_ ne $current } split /\n/,
    sql($node, q{SELECT version FROM pg_available_extension_versions WHERE name = 'ayb_jobs' ORDER BY version});
cmp_ok(scalar @releases, '>=', 1, 'there are earlier releases');

$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('fresh', 'CREATE EXTENSION ayb_jobs');
my $objects = objects_of('fresh');
like($objects, qr/CREATE TABLE ayb_jobs\.job_queue \(.*CREATE FUNCTION ayb_jobs\.versions\(/s, 'a dump shows the objects');

for my $release (@releases) {
    my $database = "from_$release";
    $node->safe_psql('postgres', qq{CREATE DATABASE "$database"});
    my $offset = -s $node->logfile;
    $node->safe_psql($database, "CREATE EXTENSION ayb_jobs VERSION '$release'");
    isnt(objects_of($database), $objects, "$release has other objects");
    refuses($database, $release);
    log_holds($node, qr/nothing runs in this database: the library is of version \Q$current\E/, $offset, 'the log says why nothing runs');
    # Another session that has been refused finds out by itself.
    my $other = $node->background_psql($database, on_error_stop => 0);
    $other->query(q{SELECT ayb_jobs.enqueue('work')});
    is($node->safe_psql($database, 'SELECT count(*) FROM ayb_jobs.job_queue'), '0', 'what is refused leaves nothing');
    $node->safe_psql($database, 'ALTER EXTENSION ayb_jobs UPDATE');
    is(objects_of($database), $objects, "upgraded from $release: the objects are those of $current");
    $node->safe_psql($database, q{CREATE TABLE effects (what text);
        CREATE FUNCTION work(jsonb) RETURNS void LANGUAGE sql AS $$ INSERT INTO effects VALUES ($1 ->> 'what') $$;
        SELECT ayb_jobs.register_handler('work', 'work(jsonb)')});
    like($other->query(q{SELECT ayb_jobs.enqueue('work', '{"what": "after"}')}), qr/^[0-9a-f-]{36}$/, 'the other session goes on');
    $other->quit;
    holds($node, $database, q{(SELECT count(*) = 1 FROM effects WHERE what = 'after')}, 'and jobs run');
}

# What a later release left behind, while the server still has the library of this one.
$node->safe_psql('fresh', q{UPDATE pg_extension SET extversion = '99' WHERE extname = 'ayb_jobs'});
refuses('fresh', '99');
is($node->safe_psql('fresh', 'SELECT library, objects FROM ayb_jobs.versions()'), "$current|99", 'versions() shows both');
$node->safe_psql('fresh', qq{UPDATE pg_extension SET extversion = '$current' WHERE extname = 'ayb_jobs'});
like($node->safe_psql('fresh', q{SELECT ayb_jobs.enqueue('work')}), qr/^[0-9a-f-]{36}$/, 'nothing of it stays');
$node->stop('fast');
done_testing();

# Every object of the extension as pg_upgrade would carry it, without the numbers that differ from database to database,
# and the days that the scheduler makes.
sub objects_of {
    my ($database) = @_;
    my $file = "$files/objects of $database.sql";
    run_log(['pg_dump', '--binary-upgrade', '--schema-only', '--no-comments', '-T', 'ayb_jobs.job_history_*', '-f', $file,
        '-d', $node->connstr($database)]) or die "pg_dump failed\n";
    my $dump = slurp_file($file);
    $dump =~ s/^SELECT pg_catalog\.binary_upgrade_set\w+\(.*\);\n//mg;
    $dump =~ s/^SELECT pg_catalog\.binary_upgrade_create_empty_extension\(.*\);\n//mg;
    $dump =~ s/^-- For binary upgrade.*\n(?:UPDATE .*\n(?:SET .*\n)?(?:WHERE .*\n|  AND .*\n)*)?//mg;
    $dump =~ s/^\\(un)?restrict .*\n//mg;
    return $dump;
}

sub refuses {
    my ($database, $version) = @_;
    my (undef, undef, $error) = $node->psql($database, q{SELECT ayb_jobs.enqueue('work')});
    like($error, qr/ERROR:  the library ayb_jobs is of version \Q$current\E, its objects in this database of \Q$version\E\n.*ALTER EXTENSION ayb_jobs UPDATE/,
        "enqueue() is refused among objects of $version");
}
