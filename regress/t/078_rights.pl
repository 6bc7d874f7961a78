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
sql($node, 'CREATE ROLE mallory LOGIN');

default_privileges();
foreign_key();

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
