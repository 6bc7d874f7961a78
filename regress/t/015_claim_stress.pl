# 50 sessions of pgbench claim 5,000 jobs, each claim, completion and roll-back a transaction of its own: so it is the
# written claim that keeps the others out, and not a row lock. (In 014 a job is claimed and completed in one.)
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

my ($jobs, $sessions) = (5000, 50);
my $node = start_server('claim_stress', qq{
max_connections = @{[$sessions + 20]}
});
sql($node, q{
SELECT ayb_jobs.register_handler('outside', kind => 'external');
CREATE TABLE given (job uuid, attempt integer, session integer);
CREATE TABLE done (job uuid, session integer);
-- Claims a few jobs, commits, completes each of them in a transaction of its own, until there is nothing left. Every
-- fifth claim is rolled back first: what it had is for anybody again. Behind its first share it waits until all have had
-- theirs.
CREATE PROCEDURE work_off(session integer) LANGUAGE plpgsql AS $$
DECLARE
    me text := 'session ' || session;
    got ayb_jobs.claimed_job[];
    job ayb_jobs.claimed_job;
BEGIN
    FOR round IN 1 .. 100000 LOOP
        IF round % 5 = session % 5 THEN
            PERFORM ayb_jobs.claim(me, '{outside}', 10);
            ROLLBACK;
        END IF;
        got := ARRAY(SELECT c FROM ayb_jobs.claim(me, '{outside}', 1 + round % 7) AS c);
        INSERT INTO given SELECT g.id, g.attempt, session FROM unnest(got) AS g;
        COMMIT;
        IF round = 1 THEN
            PERFORM pg_advisory_xact_lock_shared(20261129);
            COMMIT;
        END IF;
        -- Others may have rolled back just now what this one was not given: then there still is something.
        EXIT WHEN cardinality(got) = 0 AND NOT EXISTS (SELECT FROM ayb_jobs.jobs WHERE state = 'queued');
        FOREACH job IN ARRAY got LOOP
            PERFORM ayb_jobs.complete(job.id, me, job.attempt, to_jsonb(session));
            INSERT INTO done VALUES (job.id, session);
            COMMIT;
        END LOOP;
    END LOOP;
END $$});
is(sql($node, qq{SELECT count(*) FROM ayb_jobs.enqueue_many('outside',
    (SELECT array_agg(to_jsonb(i)) FROM generate_series(1, $jobs) AS i))}), $jobs, "$jobs jobs are enqueued");

# pgbench connects all of them before the first begins.
my $script = "$PostgreSQL::Test::Utils::tmp_check/work_off.sql";
PostgreSQL::Test::Utils::append_to_file($script, "CALL work_off(:client_id);\n");
my $gate = shut_gate($node);
my $bench = IPC::Run::start([ $node->installed_command('pgbench'), '-n', '-c', $sessions, '-j', 2, '-t', 1, '-f', $script,
    '-d', $node->connstr('postgres') ], '<', \undef, '>&', \my $said);
holds($node, 'postgres', at_gate() . " = $sessions", 'each session has had a share');
open_gate($gate);
ok($bench->finish, "$sessions sessions work them off") or diag($said);

is(sql($node, 'SELECT count(*), count(DISTINCT job), max(attempt) FROM given'), "$jobs|$jobs|1",
    'each job is given out once');
is(sql($node, 'SELECT count(*), count(DISTINCT job) FROM done'), "$jobs|$jobs", 'and done once');
is(sql($node, 'SELECT count(*) FROM given AS g JOIN done AS d USING (job) WHERE g.session <> d.session'), '0',
    'by the session that was given it');
is(jobs_of($node, 'outside'), "completed=$jobs", 'and all are completed');
is(sql($node, q{SELECT count(*) FROM ayb_jobs.jobs AS j JOIN done AS d ON d.job = j.id
    WHERE j.result = to_jsonb(d.session) AND j.worker_id = 'session ' || d.session AND j.attempts = 1}), $jobs,
    'with the result and the name of that session');
is(sql($node, 'SELECT count(*) FROM ayb_jobs.job_attempts'), '0', 'no attempt was lost or failed');
is(sql($node, 'SELECT count(DISTINCT session) FROM given'), $sessions, 'by all of the sessions');
ok(eventually($node, qq{SELECT (queued, running, completed) = (0, 0, $jobs) FROM ayb_jobs.stats()}, 60),
    'stats() has counted each commit');

$node->stop;
done_testing();
