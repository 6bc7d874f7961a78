# While jobs that run long have their share of the workers, the next ones of a type that usually runs long wait for quick
# ones that are due, however long they have waited themselves.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my $node = start_server('slow', q{
ayb_jobs.scheduler_tick = 1h
ayb_jobs.worker_concurrency = 2
});
sql($node, q{SELECT ayb_jobs.register_handler('long', 'gated(jsonb)', grouped => false)});
sql($node, q{SELECT ayb_jobs.register_handler('quick', 'work(jsonb)', grouped => false)});

# By the clock, a job takes ten seconds: its type is slow by then.
my $gate = shut_gate($node);
sql($node, q{SELECT ayb_jobs.enqueue('long', '{"what": "first"}')});
holds($node, 'postgres', at_gate() . ' = 1', 'a job is at the gate');
turn_clock($node, 10);
open_gate($gate);
ok(eventually($node, q{SELECT EXISTS (SELECT FROM effects WHERE what = 'first')}), 'it took long');

# One that has run as long is half of the workers.
$gate = shut_gate($node);
sql($node, q{SELECT ayb_jobs.enqueue('long')});
holds($node, 'postgres', at_gate() . ' = 1', 'another one is at the gate');
turn_clock($node, 20);
# The other worker goes by that clock once it has heard of it.
sub told {
    sql($node, q{SELECT ayb_jobs.enqueue('quick', '{"what": "what time is it"}')});
    eventually($node, q{SELECT NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE type = 'quick')}) or die "it is not told\n";
    return sql($node, q{SELECT max(last_run_at) > clock_timestamp() + interval '15 s' FROM ayb_jobs.jobs WHERE type = 'quick'}) eq 't';
}
1 until told();
sql($node, q{BEGIN;
    SELECT ayb_jobs.enqueue('long', run_at => ayb_jobs._now() - interval '1 h') FROM generate_series(1, 3);
    SELECT ayb_jobs.enqueue('quick', '{"what": "quick"}');
    COMMIT});
ok(eventually($node, q{SELECT EXISTS (SELECT FROM effects WHERE what = 'quick')}), 'the other worker takes the quick one first');
holds($node, 'postgres', at_gate() . ' = 2', 'and then one that takes long');
open_gate($gate);
ok(eventually($node, q{SELECT NOT EXISTS (SELECT FROM ayb_jobs.job_queue)}), 'all of them run');
$node->stop;
done_testing();
