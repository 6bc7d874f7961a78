# watch_health(): one job for each turn of a check, whichever scheduler sees it: each is ended at once after it has looked, or
# in the midst of it, and the server crashes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my $node = start_server('watches', q{
ayb_jobs.scheduler_tick = 100ms
});
sql($node, q{SELECT ayb_jobs.register_handler('watched', kind => 'external'), ayb_jobs.register_handler('told', kind => 'external')});

# Nobody watches: it isn't looked at.
is(sql($node, q{SELECT count(*) FROM ayb_jobs.health_watches}), 0, 'nobody watches');
sql($node, q{SELECT ayb_jobs.watch_health('told', '{paused}')});

my $scheduler = q{(SELECT pid FROM pg_stat_activity WHERE backend_type = 'ayb_jobs scheduler')};
my $turns = 0;
for my $round (1 .. 4) {
    for my $verb (qw(pause resume)) {
        sql($node, "SELECT ayb_jobs.$verb('watched')");
        sql($node, "SELECT pg_terminate_backend($scheduler)"); # before it has looked, or while it does
        my $bad = $verb eq 'pause' ? '{paused}' : '{}';
        eventually($node, "SELECT bad = '$bad' FROM ayb_jobs.health_watches") or die "it isn't told\n";
        sql($node, "SELECT pg_terminate_backend($scheduler)"); # and after it
        $turns++;
    }
}
is(sql($node, q{SELECT count(*) FROM ayb_jobs.jobs WHERE type = 'told'}), $turns, 'one job for each turn');

# Bad through a crash: it has been told. The last turn is that of the crash's end, seen by who looks then.
sql($node, q{SELECT ayb_jobs.pause('watched')});
eventually($node, q{SELECT bad = '{paused}' FROM ayb_jobs.health_watches}) or die "it isn't told\n";
$node->stop('immediate');
$node->start;
sql($node, q{SELECT ayb_jobs.resume('watched')});
ok(eventually($node, q{SELECT bad = '{}' FROM ayb_jobs.health_watches}), 'it is told after a crash');
is(sql($node, q{SELECT count(*), count(*) FILTER (WHERE payload ->> 'status' = 'ok') FROM ayb_jobs.jobs WHERE type = 'told'}),
    join('|', $turns + 2, $turns / 2 + 1), 'and what was told before is not told again');

# A role that is dropped takes its watch along.
sql($node, q{CREATE ROLE watcher LOGIN IN ROLE pg_monitor; SELECT ayb_jobs.allow_types('watcher');
    SET ROLE watcher; SELECT ayb_jobs.watch_health('told to nobody'); RESET ROLE;
    DELETE FROM ayb_jobs.allowed_types; DROP ROLE watcher});
ok(eventually($node, q{SELECT count(*) = 1 FROM ayb_jobs.health_watches}), 'with its role a watch is gone');
is(sql($node, q{SELECT error FROM ayb_jobs_internal.troubles()}), '', 'and the scheduler fails at nothing');

$node->stop;
done_testing();
