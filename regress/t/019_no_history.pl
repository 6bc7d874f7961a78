# With ayb_jobs.retention = 0 nothing of a completed job stays, inside or outside: no row, no key, no count.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my $node = start_server('no_history', 'ayb_jobs.retention = 0');
sql($node, q{SELECT ayb_jobs.register_handler('outside', kind => 'external')});
# The counts are kept by commits from here on.
ok(eventually($node, 'SELECT EXISTS (SELECT FROM ayb_jobs_internal.counts())', 60), 'the scheduler has counted');

my $id = sql($node, q{SELECT ayb_jobs.enqueue('outside', idempotency_key => 'key')});
is(sql($node, q{SELECT id FROM ayb_jobs.claim('w', '{outside}')}), $id, 'a job is claimed outside');
is(sql($node, "SELECT ayb_jobs.complete('$id', 'w', 1) IS NULL"), 't', 'complete() has no row to give back');
my $many = sql($node, q{SELECT ayb_jobs.enqueue('outside', idempotency_key => 'many')});
is(sql($node, q{SELECT id FROM ayb_jobs.claim('w', '{outside}')}), $many, 'another is claimed');
is(sql($node, qq{SELECT reason FROM ayb_jobs.complete_many('w', '[{"id": "$many", "attempt": 1}, {"id": "$id", "attempt": 1}]')}), 'unknown',
    'complete_many() completes it, and knows nothing of the first');
my $inside = sql($node, q{SELECT ayb_jobs.enqueue('work', idempotency_key => 'inside')});
ok(eventually($node, "SELECT EXISTS (SELECT FROM effects WHERE job = '$inside')", 60), 'a job has run inside');
is(sql($node, 'SELECT count(*) FROM ayb_jobs.jobs'), '0', 'none stays');
is(sql($node, 'SELECT count(*) FROM ayb_jobs.job_keys'), '0', 'nor do their keys');
ok(eventually($node, q{SELECT count(*) = 3 FROM ayb_jobs.events() WHERE new_state = 'completed'}, 60),
    'events() tells that they completed');
is(sql($node, 'SELECT queued, running, completed, failed, canceled FROM ayb_jobs.stats()'), '0|0|0|0|0',
    'and stats() counts nothing that is not there');
isnt(sql($node, q{SELECT ayb_jobs.enqueue('outside', idempotency_key => 'key')}), $id, 'the key is free');

$node->stop;
done_testing();
