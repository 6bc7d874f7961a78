# pg_upgrade carries the queue with its files. While it works, and in the new cluster until adopt(), nothing runs.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

# From this major version to itself: other ones are not here. pg_upgrade makes no difference.
my $old = start_server('old');
my $running = start_sleeper($old, 'postgres');
sql($old, q{SELECT ayb_jobs.enqueue('work', '{"what": "before"}'); SELECT ayb_jobs.enqueue('break', idempotency_key => 'taken')});
holds($old, 'postgres', q{(SELECT count(*) = 2 FROM ayb_jobs.jobs WHERE state IN ('completed', 'failed'))}, 'jobs end');
$old->stop('fast');
# Due at once, so that whatever runs in between would take it: enqueued while nothing runs.
$old->append_conf('postgresql.conf', 'ayb_jobs.enabled = off');
$old->start;
my $due = sql($old, q{SELECT ayb_jobs.enqueue('work', '{"what": "due"}')});
my $tables = q{SELECT concat_ws(' / ',
    (SELECT string_agg(j::text, ',' ORDER BY id) FROM ayb_jobs.jobs AS j),
    (SELECT string_agg(a::text, ',' ORDER BY a::text) FROM ayb_jobs.job_attempts AS a),
    (SELECT string_agg(k::text, ',' ORDER BY k::text) FROM ayb_jobs.job_keys AS k),
    (SELECT string_agg(m::text, ',' ORDER BY m::text) FROM ayb_jobs.job_minutes AS m),
    (SELECT string_agg(h::text, ',' ORDER BY type) FROM ayb_jobs.handlers AS h))};
my $before = sql($old, $tables);
$old->stop('fast');
$old->append_conf('postgresql.conf', 'ayb_jobs.enabled = on');

my $new = new_server('new');
$new->stop('fast');
my @upgrade = ('pg_upgrade', '--no-sync', '--link', '--old-datadir', $old->data_dir, '--new-datadir', $new->data_dir,
    '--old-bindir', $old->config_data('--bindir'), '--new-bindir', $new->config_data('--bindir'),
    '--old-port', $old->port, '--new-port', $new->port, '--socketdir', $new->host);
chdir $PostgreSQL::Test::Utils::tmp_check or die $!;
command_ok(\@upgrade, 'pg_upgrade');
my $offset = -s $new->logfile;
$new->start;

log_holds($new, qr/nothing runs in this database: it is a copy or was restored/, $offset, 'the log says that nothing runs');
like(health($new, 'postgres', 'stamp'), qr/^error\|.*adopt\(\)/, 'so does health()');
is(sql($new, $tables), $before, 'everything is as it was: nothing ran on the way');
is(sql($new, 'SELECT count(*) FROM ayb_jobs.workers()'), '0', 'and nothing runs');
sql($new, 'SELECT ayb_jobs.adopt()');
holds($new, 'postgres', "(SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$due')", 'after adopt() what is due runs');
holds($new, 'postgres', "(SELECT is_running FROM ayb_jobs.jobs WHERE id = '$running')", 'and so does the job that ran before');
is(state_of($new, $running), 'running/1', 'in its first attempt');
is(sql($new, q{SELECT string_agg(what, ' ' ORDER BY at) FROM effects}), 'before due', 'nothing ran twice');

$new->stop('fast');
done_testing();
