# While jobs that run long have their share of the workers, the next ones of a type that usually runs long wait for quick
# ones that are due, however long they have waited themselves.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;
use Time::HiRes qw(usleep);

my $node = start_server('slow', q{
ayb_jobs.scheduler_tick = 1h
ayb_jobs.worker_concurrency = 2
});
sql($node, q{SELECT ayb_jobs.register_handler('long', 'gated(jsonb)', grouped => false)});
sql($node, q{SELECT ayb_jobs.register_handler('quick', 'work(jsonb)', grouped => false)});

# Slow is what takes longer than a second.
sub let_it_run { usleep 1_500_000 } # clock: the time itself is what this is about; longer is as good

my $gate = shut_gate($node);
sql($node, q{SELECT ayb_jobs.enqueue('long', '{"what": "first"}')});
holds($node, 'postgres', at_gate() . ' = 1', 'a job is at the gate');
let_it_run();
open_gate($gate);
ok(eventually($node, q{SELECT EXISTS (SELECT FROM effects WHERE what = 'first')}), 'it took long');

# One that has run as long is half of the workers.
$gate = shut_gate($node);
sql($node, q{SELECT ayb_jobs.enqueue('long')});
holds($node, 'postgres', at_gate() . ' = 1', 'another one is at the gate');
let_it_run();
sql($node, q{BEGIN;
    SELECT ayb_jobs.enqueue('long', run_at => now() - interval '1 h') FROM generate_series(1, 3);
    SELECT ayb_jobs.enqueue('quick', '{"what": "quick"}');
    COMMIT});
ok(eventually($node, q{SELECT EXISTS (SELECT FROM effects WHERE what = 'quick')}), 'the other worker takes the quick one first');
holds($node, 'postgres', at_gate() . ' = 2', 'and then one that takes long');
open_gate($gate);
ok(eventually($node, q{SELECT NOT EXISTS (SELECT FROM ayb_jobs.job_queue)}), 'all of them run');
$node->stop;
done_testing();
