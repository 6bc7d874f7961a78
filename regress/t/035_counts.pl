# A commit is visible before it is told. Whoever counts the tables in between has seen its jobs, and they are counted once.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('counts', q{
shared_preload_libraries = 'ayb_jobs, ayb_jobs_test'
ayb_jobs.scheduler_tick = 1h
max_prepared_transactions = 5
});
sql($node, q{SELECT ayb_jobs.pause('work')});
my $counts = 'SELECT coalesce(sum(queued), -1) FROM ayb_jobs_internal.counts()';
ok(eventually($node, "SELECT ($counts) = 0"), 'nothing is counted');

# What COMMIT PREPARED commits nobody tells: the tables are counted again.
sql($node, q{BEGIN; SELECT ayb_jobs.enqueue('work'); PREPARE TRANSACTION 'one'});
my $enqueuer = $node->background_psql('postgres');
$enqueuer->query_safe(q{SET application_name = 'paused'});
pause_at($node, 'commit');
$enqueuer->query_until(qr/begun/, qq{\\echo begun
SELECT count(*) FROM ayb_jobs.enqueue_many('work', array_fill('{}'::jsonb, ARRAY[100]));\n});
ok(is_at($node, 'commit'), 'a commit is held up');
is(sql($node, 'SELECT count(*) FROM ayb_jobs.job_queue'), '100', 'and visible');
sql($node, q{COMMIT PREPARED 'one'});
ok(eventually($node, "SELECT ($counts) = 101"), 'all are counted while it is held up');
go_on($node, 'commit');
like($enqueuer->query_safe('SELECT 1'), qr{1$}, 'it goes on');
is(sql($node, $counts), '101', 'and its jobs are counted once');
sql($node, q{SELECT ayb_jobs.enqueue('work')});
is(sql($node, $counts), '102', 'what is committed later counts');
$enqueuer->quit;

# Databases are counted beside each other, and each one's commits meanwhile are its own.
sql($node, 'CREATE DATABASE second');
serve($node, 'second');
$node->safe_psql('second', q{SELECT ayb_jobs.pause('work')});
ok(eventually($node, "SELECT ($counts) = 0", undef, 'second'), 'another database is counted');
my $point = 'count_' . sql($node, q{SELECT oid FROM pg_database WHERE datname = 'postgres'});
pause_at($node, $point);
sql($node, q{BEGIN; SELECT ayb_jobs.enqueue('work'); PREPARE TRANSACTION 'two'});
sql($node, q{COMMIT PREPARED 'two'});
ok(is_at($node, $point), 'a count of the first is held up');
$node->safe_psql('second', q{BEGIN; SELECT ayb_jobs.enqueue('work'); PREPARE TRANSACTION 'three'});
$node->safe_psql('second', q{COMMIT PREPARED 'three'});
at_once($node, 'second', "($counts) = 1", 'the second is counted meanwhile');
sql($node, q{SELECT ayb_jobs.enqueue('work')});
$node->safe_psql('second', q{SELECT count(*) FROM ayb_jobs.enqueue_many('work', array_fill('{}'::jsonb, ARRAY[10]))});
is($node->safe_psql('second', $counts), '11', 'its jobs are counted as they come');
go_on($node, $point);
ok(eventually($node, "SELECT ($counts) = 104"), 'those of the first once its count has ended');
is($node->safe_psql('second', $counts), '11', 'and not in the second');

# What makes the counts wrong is told to the scheduler. Until it has counted again nobody takes them for right.
my $scheduler = sql($node, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'ayb_jobs scheduler' AND datname = 'postgres'");
kill 'STOP', $scheduler or die $!;
sql($node, 'TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_keys, ayb_jobs.job_attempts');
is(sql($node, 'SELECT queued FROM ayb_jobs.stats()'), '0', 'what was truncated is not counted, though the scheduler stands still');
kill 'CONT', $scheduler or die $!;
ok(eventually($node, "SELECT ($counts) = 0"), 'and then it counts');
done_testing();
