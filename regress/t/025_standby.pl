# A hot standby runs nothing, shows everything, and refuses what writes. Promoted, it goes on by itself.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my $primary = new_server('primary', q{ayb_jobs.scheduler_tick = 1h}, allows_streaming => 1);
serve($primary, 'postgres');
sql($primary, q{SELECT ayb_jobs.register_handler('outside', kind => 'external')});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# What there is on the primary: a job of each kind, one that runs, one that is due later.
my $completed = sql($primary, q{SELECT ayb_jobs.enqueue('work', '{"what": "before"}', idempotency_key => 'taken')});
my $failed = sql($primary, q{SELECT ayb_jobs.enqueue('break')});
my $claimed = sql($primary, q{SELECT ayb_jobs.enqueue('outside')});
my $outside = sql($primary, q{SELECT ayb_jobs.enqueue('outside')});
sql($primary, q{SELECT ayb_jobs.claim('worker', '{outside}', 1, '1h')});
holds($primary, 'postgres', q{(SELECT string_agg(state, ' ' ORDER BY state) FROM ayb_jobs.jobs) = 'completed failed queued running'},
    'jobs end on the primary');
my $running = start_sleeper($primary, 'postgres');
my $paused = sql($primary, q{SELECT ayb_jobs.pause('work'); SELECT ayb_jobs.enqueue('work', '{"what": "due"}')}) =~ s/^\s+//r;
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));

# Nothing runs on the standby.
is(sql($standby, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'ayb_jobs%'}), '0', 'the standby has no process of ours');
like(health($standby, 'postgres', 'scheduler'), qr/^ok\|nothing runs on a standby until it is promoted\|/, 'health() says why');
like(health($standby, 'postgres', 'paused'), qr/^warning\|type work/, 'and what the tables say');

# What reads works, and gives what the primary has.
my $jobs = q{SELECT string_agg(concat_ws(' ', id, type, state, attempts, result), ', ' ORDER BY id) FROM ayb_jobs.jobs};
is(sql($standby, $jobs), sql($primary, $jobs), 'jobs are the same');
is(sql($standby, 'SELECT count(*) FROM ayb_jobs.jobs WHERE is_running'), '0', 'none of them runs here');
for my $query ("SELECT count(*), string_agg(status, ' ') FROM ayb_jobs.attempts('$failed')",
    'SELECT count(*) FROM ayb_jobs.handlers', 'SELECT queued, running, completed, failed, canceled FROM ayb_jobs.stats()')
{
    is(sql($standby, $query), sql($primary, $query), "the same on both: $query");
}
is(sql($standby, "SELECT count(*) FROM ayb_jobs.$_"), '0', "$_ is empty") for 'workers() WHERE NOT is_outside', 'lanes()', 'events()';
is(sql($standby, q{SELECT count(*) FROM ayb_jobs.series('-infinity')}), sql($primary, 'SELECT count(*) FROM ayb_jobs.job_minutes'),
    'series() has the minutes that are written');

# What writes is refused, each time as PostgreSQL refuses it.
for my $call (q{enqueue('work')}, q{enqueue('work', idempotency_key => 'new')}, q{enqueue_many('work', '{"{}"}')}, "cancel('$paused')",
    "cancel('$running', force => true)", "retry_now('$failed')", q{cancel_matching('work')}, q{retry_matching('break')},
    q{pause()}, q{pause('break')}, q{resume()}, q{adopt()}, q{resume('work')}, q{drain('1s')}, q{register_handler('new', 'work(jsonb)')},
    q{unregister_handler('work')}, q{claim('worker', '{outside}')}, "extend('$claimed', 'worker', 1)",
    "complete('$claimed', 'worker', 1)", "fail('$claimed', 'worker', 1, 'why')")
{
    my (undef, undef, $error) = $standby->psql('postgres', "SELECT ayb_jobs.$call", extra_params => ['-v', 'VERBOSITY=verbose']);
    like($error, qr/ERROR:  25006: cannot .* (in a read-only transaction|during recovery)/, "$call is refused");
}
is(sql($standby, $jobs), sql($primary, $jobs), 'and nothing has changed');

# The primary dies in the midst of a job, and the standby takes over: nobody tells the engine to start, and no job waits
# for a tick.
$primary->stop('immediate');
$standby->promote;
at_once($standby, 'postgres', "(SELECT is_running FROM ayb_jobs.jobs WHERE id = '$running')",
    'the job that ran on the primary runs again at once');
is(state_of($standby, $running), 'running/2', 'as its second attempt');
is(sql($standby, "SELECT status FROM ayb_jobs.attempts('$running') WHERE attempt = 1"), 'lost', 'the first one is lost');
is(health($standby, 'postgres', 'stamp'), 'ok|the database is the one that its stamp names|', 'the stamp fits: no adopt() is needed');
is(state_of($standby, $paused), 'queued/0', 'a paused type is paused here too');
sql($standby, q{SELECT ayb_jobs.resume('work')});
holds($standby, 'postgres', q{(SELECT count(*) = 1 FROM effects WHERE what = 'due')}, 'and resumed here, what was due runs');
sql($standby, q{SELECT ayb_jobs.enqueue('work', '{"what": "new"}')});
holds($standby, 'postgres', q{(SELECT count(*) = 1 FROM effects WHERE what = 'new')}, 'so does what is enqueued now');
is(sql($standby, q{SELECT ayb_jobs.enqueue('work', idempotency_key => 'taken')}), $completed, 'a key is still taken');
is(sql($standby, "SELECT (ayb_jobs.complete('$claimed', 'worker', 1)).state"), 'completed', 'the worker outside completes its job here');
is(sql($standby, q{SELECT (ayb_jobs.claim('another', '{outside}')).id}), $outside, 'and another gets the next');
is(sql($standby, q{SELECT count(*) FROM effects WHERE what = 'before'}), '1', 'nothing is done twice');

$standby->stop('fast');
done_testing();
