# Workers outside in workers(): who holds jobs, by the leased rows, and who waits, by shared memory. Nobody writes anything down
# for it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use AybSession;
use Test::More;

my $node = start_server('workers_outside', q{
ayb_jobs.scheduler_tick = 1h
});
sql($node, q{
CREATE ROLE alice LOGIN;
CREATE ROLE mallory LOGIN;
CREATE ROLE helper LOGIN;
CREATE ROLE watcher LOGIN;
GRANT ayb_jobs_read TO watcher;
SELECT ayb_jobs.register_handler(t, kind => 'external', max_attempts => 100) FROM unnest('{out,other,third}'::text[]) AS t;
SELECT ayb_jobs.grant_worker('out', 'helper')});

my $outside = q{SELECT worker_id, role, state, types, jobs, attempt, percent, note, pid IS NOT NULL, lease_until IS NOT NULL
    FROM ayb_jobs.workers() WHERE is_outside ORDER BY worker_id, role::text, state};
sub as {
    my ($role, $query) = @_;
    my $session = AybSession->new($node, 'postgres', 1);
    $session->ask("SET ROLE $role");
    return ($session->ask($query))[0];
}
is(sql($node, $outside), '', 'nobody is outside');

# Who holds jobs, of which the one is shown that it has had longest.
sql($node, q{SELECT ayb_jobs.enqueue('out', to_jsonb(n), run_as => 'alice', run_at => now() - interval '1 h' + n * interval '1 s') FROM generate_series(1, 3) AS n});
sql($node, q{SELECT ayb_jobs.enqueue('other', run_as => 'mallory')});
my $first = as('helper', q{SELECT id FROM ayb_jobs.claim('h', '{out}', lease => '1 h')});
as('helper', q{SELECT count(*) FROM ayb_jobs.claim('h', '{out}', 9, lease => '30 min')});
sql($node, q{SELECT count(*) FROM ayb_jobs.claim('a', '{other}')});
my $me = sql($node, 'SELECT current_user');
is(sql($node, $outside), "a|$me|running|{other}|1|1|||f|t\nh|helper|running|{out}|3|1|||f|t", 'who holds jobs, and how many');
is(sql($node, qq{SELECT w.job_id = '$first' AND w.type = q.type AND w.job_since = q.last_run_at AND w.since = q.last_run_at AND w.lease_until < q.lease_until
        AND w.last_seen_at > q.last_run_at
    FROM ayb_jobs.workers() AS w, ayb_jobs.job_queue AS q WHERE w.worker_id = 'h' AND q.id = '$first'}), 't',
    'the job that it has had longest, the lease that ends first, when it was last heard of');
sql($node, q{SELECT ayb_jobs.set_progress(job_id, 'a', 1, 40, 'half way') FROM ayb_jobs.workers() WHERE worker_id = 'a'});
is(sql($node, q{SELECT percent, note FROM ayb_jobs.workers() WHERE worker_id = 'a'}), '40|half way', 'what it says of it');

# Whose: of one's own jobs, and one's own workers.
is(as('alice', $outside), 'h|helper|running|{out}|3|1|||f|t', 'a role sees who holds its jobs');
is(as('helper', $outside), 'h|helper|running|{out}|3|1|||f|t', 'and its own workers, whosever the jobs are');
is(as('mallory', $outside), "a|$me|running|{other}|1|1|40|half way|f|t", 'and nobody else');
is(as('watcher', 'SELECT count(*) FROM ayb_jobs.workers() WHERE is_outside'), '2', 'members of ayb_jobs_read see all');
sql($node, q{SELECT ayb_jobs.enqueue('out', run_as => 'mallory')});
as('helper', q{SELECT count(*) FROM ayb_jobs.claim('h', '{out}', lease => '1 min')});
is(as('mallory', q{SELECT jobs FROM ayb_jobs.workers() WHERE worker_id = 'h'}) . as('alice', q{SELECT jobs FROM ayb_jobs.workers() WHERE worker_id = 'h'})
    . as('helper', q{SELECT jobs FROM ayb_jobs.workers() WHERE worker_id = 'h'}), '134', 'of the jobs those that one may see are counted');

# Who waits, by its name where it says so.
my @waiters;
sub waits {
    my ($role, $types, $name) = @_;
    my $session = $node->background_psql('postgres', on_error_stop => 0);
    $session->query_safe("SET ROLE $role");
    my $pid = $session->query_safe('SELECT pg_backend_pid()');
    $session->{stdin} .= "CALL ayb_jobs.wait_for_jobs('$types', '1 h'" . ($name ? ", '$name'" : '') . ");\n";
    $session->{run}->pump_nb;
    eventually($node, "SELECT EXISTS (SELECT FROM ayb_jobs.workers() WHERE pid = $pid)") or die "it does not wait\n";
    push @waiters, [ $session, $pid ];
    return $pid;
}
my $named = waits($me, '{third,nothing}', 'named');
my $nameless = waits($me, '{other,third}');
is(sql($node, "SELECT pid = $named, worker_id, role, state, types, jobs, job_id, lease_until, last_seen_at >= since FROM ayb_jobs.workers() WHERE pid = $named"),
    "t|named|$me|waiting|{third}|0|||t", 'who waits, by its name, with the types that there are');
is(sql($node, "SELECT worker_id, state, types FROM ayb_jobs.workers() WHERE pid = $nameless"), '|waiting|{other,third}', 'or without one');
is(sql($node, 'SELECT count(*) = count(DISTINCT pid) FROM ayb_jobs.workers() WHERE pid IS NOT NULL'), 't', 'each once');
my $many = sql($node, q{SELECT array_agg('t' || n) FROM generate_series(1, 40) AS n, LATERAL ayb_jobs.register_handler('t' || n, kind => 'external')});
my $broad = waits($me, $many, 'broad');
is(sql($node, q{SELECT types IS NULL FROM ayb_jobs.workers() WHERE worker_id = 'broad'}), 't', 'of very many types none is named');
my $also = waits('helper', '{out}', 'h');
is(sql($node, "SELECT pid = $also, state, jobs, last_seen_at > since FROM ayb_jobs.workers() WHERE worker_id = 'h'"), 't|running|4|t', 'who holds jobs and waits for more is one worker');
my $namesake = waits('mallory', '{out}', 'h');
is(sql($node, q{SELECT role, state FROM ayb_jobs.workers() WHERE worker_id = 'h' ORDER BY 1::text}), "helper|running\nmallory|waiting", 'one of another role with that name is another');
is(as('mallory', q{SELECT string_agg(worker_id || ' ' || state, ', ' ORDER BY worker_id, state) FROM ayb_jobs.workers() WHERE is_outside}), 'a running, h running, h waiting',
    'who waits is seen by its own role');
$node->safe_psql('postgres', 'CREATE DATABASE elsewhere');
$node->safe_psql('elsewhere', 'CREATE EXTENSION ayb_jobs');
is($node->safe_psql('elsewhere', 'SELECT count(*) FROM ayb_jobs.workers() WHERE is_outside'), '0', 'another database has none of them');

# They are gone as soon as they hold and wait for nothing; a killed one once its lease is over.
sql($node, "SELECT pg_terminate_backend($_->[1])") for @waiters;
holds($node, 'postgres', q{NOT EXISTS (SELECT FROM ayb_jobs.workers() WHERE state = 'waiting')}, 'who has ended waits no more');
as('helper', q{SELECT count(ayb_jobs.complete(job_id, 'h', attempt)) FROM ayb_jobs.workers() WHERE worker_id = 'h'}) for 1 .. 4;
is(sql($node, $outside), "a|$me|running|{other}|1|1|40|half way|f|t", 'nor is one there that has completed its last job');

# What asks of our own workers shows nobody else.
sql($node, q{SELECT ayb_jobs.extend(job_id, 'a', 1, '1 s') FROM ayb_jobs.workers() WHERE worker_id = 'a'});
is(sql($node, q{SELECT count(*) FROM ayb_jobs_internal.inside_workers() WHERE worker_id = 'a'}), '0', 'the checks of health() count those inside');

$_->[0]->{run}->kill_kill for @waiters;
done_testing();
