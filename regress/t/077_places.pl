# A role never has all of the workers at leased jobs while others have jobs, or had some in the last ten minutes: by order, with
# gates. Its own quick jobs run beside them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my $node = start_server('places', q{
ayb_jobs.worker_concurrency = 4
ayb_jobs.worker_idle_timeout = 1h
ayb_jobs.scheduler_tick = 1h
ayb_jobs.poll_interval = 1h
});
sql($node, q{CREATE ROLE a LOGIN; CREATE ROLE b LOGIN; CREATE ROLE c LOGIN; GRANT pg_read_all_settings TO a});
# Quick until it is told to be so no more; then it waits at the gate, and nothing ends that but the worker's end.
sql($node, q{
CREATE FUNCTION turns(jsonb) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        WHILE $1 ? 'long' LOOP
            BEGIN
                PERFORM pg_advisory_xact_lock_shared(20261129);
                RETURN;
            EXCEPTION WHEN query_canceled THEN NULL;
            END;
        END LOOP;
    END $$;
SELECT ayb_jobs.register_handler('turns', 'turns(jsonb)', timeout => '100 days')});
sub enqueue_as {
    my ($role, $type, $payload, $count) = @_;
    return sql($node, "SET SESSION AUTHORIZATION $role; SELECT ayb_jobs.enqueue('$type', '$payload') FROM generate_series(1, " . ($count // 1) . ')');
}
sub runs_at_once {
    my ($role, $type, $name) = @_;
    my $job = enqueue_as($role, $type, '{}');
    return at_once($node, 'postgres', "(SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$job')", $name);
}

# All have been there, and role a's types are known as quick.
runs_at_once($_, 'work', "role $_ has had a job") for qw(b c);
enqueue_as('a', 'turns', '{}', 200);
holds($node, 'postgres', q{NOT EXISTS (SELECT FROM ayb_jobs.job_queue)}, 'a type of role a is quick');
holds($node, 'postgres', q{EXISTS (SELECT FROM ayb_jobs.lanes() WHERE role = 'a'::regrole AND 'turns' = ANY (grouped_types))}, 'and goes grouped');

my $gate = shut_gate($node);
enqueue_as('a', 'turns', '{"long": true}', 6);
holds($node, 'postgres', at_gate() . ' = 3', 'three of its jobs take long now');
for my $round (1 .. 2) {
    runs_at_once($_, 'work', "round $round: role $_ is served") for qw(b c);
    is(sql($node, 'SELECT ' . at_gate()), '3', 'and no fourth one of role a was started');
}

# What is quick of role a has the fourth worker in its turn.
sql($node, q{CREATE FUNCTION quick() RETURNS void LANGUAGE sql AS ''; SELECT ayb_jobs.register_handler('quick', 'quick()')});
open_gate($gate);
holds($node, 'postgres', q{NOT EXISTS (SELECT FROM ayb_jobs.job_queue)}, 'all of them end');
enqueue_as('a', 'quick', '{}', 200);
holds($node, 'postgres', q{EXISTS (SELECT FROM ayb_jobs.lanes() WHERE role = 'a'::regrole AND 'quick' = ANY (grouped_types))}, 'another type goes grouped');
$gate = shut_gate($node);
enqueue_as('a', 'turns', '{"long": true}', 6);
holds($node, 'postgres', at_gate() . ' = 3', 'again there are three long ones');
runs_at_once('a', 'quick', 'its own quick job is not behind them');
runs_at_once('b', 'work', 'nor is another role\'s');
is(sql($node, 'SELECT ' . at_gate()), '3', 'three it is still');

# A place that is left goes to the next.
my $pid = sql($node, q{SELECT pid FROM ayb_jobs.workers() WHERE type = 'turns' LIMIT 1});
is(sql($node, q{SELECT count(*) FROM ayb_jobs.job_queue WHERE type = 'turns' AND state = 'queued'}), '3', 'three wait');
sql($node, "SELECT pg_terminate_backend($pid)");
at_once($node, 'postgres', at_gate() . " = 3 AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)", 'where one ends another begins');

# Ten minutes after the others' last job all workers are its own.
sql($node, q{ALTER SYSTEM SET ayb_jobs.test_clock_offset = 700});
sql($node, 'SELECT pg_reload_conf()');
enqueue_as('a', 'turns', '{"long": true}');
holds($node, 'postgres', at_gate() . ' = 4', 'when nobody else has had a job for ten minutes it has all');
open_gate($gate);
holds($node, 'postgres', q{NOT EXISTS (SELECT FROM ayb_jobs.job_queue)}, 'all of them end');
$node->stop;
done_testing();
