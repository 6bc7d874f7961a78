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
# Of a role with no other's number in the new cluster, and one that isn't there any more.
sql($old, q{CREATE ROLE first; CREATE ROLE app LOGIN; CREATE ROLE leaver LOGIN; DROP ROLE first; GRANT SELECT, INSERT ON effects TO app;
SELECT ayb_jobs.allow_types('app', 'app.%'); SET ROLE app; SELECT ayb_jobs.register_handler('app.hers', kind => 'external');
SELECT ayb_jobs.create_schedule('of app', 'app.hers', '@yearly')});
$old->stop('fast');
# Due at once, so that whatever runs in between would take it: enqueued while nothing runs.
$old->append_conf('postgresql.conf', 'ayb_jobs.enabled = off');
$old->start;
my $due = sql($old, q{SELECT ayb_jobs.enqueue('work', '{"what": "due"}')});
my $hers = sql($old, q{SELECT ayb_jobs.enqueue('work', '{"what": "hers"}', run_as => 'app')});
my $gone = sql($old, q{SELECT ayb_jobs.enqueue('work', '{"what": "gone"}', run_as => 'leaver')});
sql($old, 'DROP ROLE leaver');
my $tables = q{SELECT concat_ws(' / ',
    (SELECT string_agg(j::text, ',' ORDER BY id) FROM ayb_jobs.jobs AS j),
    (SELECT string_agg(a::text, ',' ORDER BY a::text) FROM ayb_jobs.job_attempts AS a),
    (SELECT string_agg(k::text, ',' ORDER BY k::text) FROM ayb_jobs.job_keys AS k),
    (SELECT string_agg(m::text, ',' ORDER BY m::text) FROM ayb_jobs.job_minutes AS m),
    (SELECT string_agg(h::text, ',' ORDER BY type) FROM ayb_jobs.handlers AS h),
    (SELECT string_agg(s::text, ',' ORDER BY name) FROM ayb_jobs.schedules AS s),
    (SELECT string_agg(t::text, ',' ORDER BY role) FROM ayb_jobs.allowed_types AS t))};
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
holds($new, 'postgres', "(SELECT state = 'completed' AND run_as = 'app'::regrole FROM ayb_jobs.jobs WHERE id = '$hers')", 'a role has its own');
holds($new, 'postgres', "(SELECT state = 'canceled' AND run_as = 0::oid FROM ayb_jobs.jobs WHERE id = '$gone')", 'and nobody what belonged to one that is gone');
is(sql($new, q{SELECT owner FROM ayb_jobs.handlers WHERE type = 'app.hers'}), 'app', 'types are their owners\'');
is(sql($new, q{SELECT string_agg(what, ' ' ORDER BY what) FROM effects}), 'before due hers', 'nothing ran twice');

$new->stop('fast');
done_testing();
