# A load without end on a server that is felled twenty times in the middle of it: workers killed by -9, or all of it
# stopped at once. Each job's effect is there exactly once in the end.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my ($width, $stride, $rounds) = (1000, 350, 20);
my $seed = $ENV{AYB_SEED} || time ^ ($$ << 8);
srand $seed;
diag("seed $seed: AYB_SEED=$seed strikes in the same way again");

# The log is what tells when an effect has been made and not committed yet: it outlives what is rolled back.
# One job in ten dallies then, so that most of the time some worker is there. Each enqueues the next one, until the strikes
# are over.
my $node = start_server('exactly_once');
sql($node, q{
CREATE FUNCTION told(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    job ayb_jobs.jobs := ayb_jobs.current_job();
BEGIN
    PERFORM note_effect();
    RAISE LOG 'made % % %', job.id, job.attempts, payload->>'pause';
    PERFORM pg_sleep((payload->>'pause')::float8);
    INSERT INTO enqueued SELECT ayb_jobs.enqueue('told', payload) WHERE EXISTS (SELECT FROM endless);
END $$;
SELECT ayb_jobs.register_handler('told', 'told(jsonb)', max_attempts => 100, backoff => '{0s}');
CREATE TABLE enqueued (job uuid);
INSERT INTO endless DEFAULT VALUES});

# Effects that the log tells of: [job, attempt, pause, pid of its worker], in order.
my ($log, @made);
sub read_log {
    while (my $line = <$log>) {
        if ($line !~ /\n\z/) {    # not all of it is written yet
            seek $log, -length $line, 1;
            last;
        }
        my ($pid, @effect) = $line =~ /\[(\d+)\] ayb_jobs worker: LOG:  made (\S+) (\d+) (\S+)/ or next;
        push @made, [@effect, $pid];
    }
    seek $log, 0, 1;              # clears the end of file
}
sub wait_for_made {
    my ($wanted) = @_;
    my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
    while (read_log(), !$wanted->()) {
        die "the jobs do not go on\n" if time > $deadline;
        usleep 500;
    }
}
# The number may be somebody else's by now.
sub is_worker {
    my ($pid) = @_;
    return -r "/proc/$pid/cmdline" && slurp_file("/proc/$pid/cmdline") =~ /^postgres: exactly_once: ayb_jobs worker/;
}
open $log, '<', $node->logfile or die $!;

my $pauses = join ',', map { rand() < 0.1 ? 0.02 : 0 } 1 .. $width;
sql($node, qq{INSERT INTO enqueued SELECT ayb_jobs.enqueue_many('told',
    (SELECT array_agg(jsonb_build_object('pause', p)) FROM unnest('{$pauses}'::float8[]) AS p))});

# Effects of attempts that were lost.
sub undone {
    read_log();
    my %lost = map { $_ => 1 } split /\n/, sql($node, q{SELECT job_id || ' ' || attempt FROM ayb_jobs.job_attempts WHERE status = 'lost'});
    return scalar grep { $lost{"$_->[0] $_->[1]"} } @made;
}

# A job that is seen to dally may be done before it is hit: then there is another round.
my %struck;
for (my $round = 1; $round <= $rounds || undone() < $rounds; $round++) {
    die "nothing is hit\n" if $round > 10 * $rounds;
    # Some way on, up to a job that dallies after its effect: its worker is the first victim.
    read_log();
    my $enough = @made + 1 + int rand($stride);
    wait_for_made(sub { @made >= $enough && $made[-1][2] > 0 && is_worker($made[-1][3]) });
    my %seen;
    my $first = @made > 10 ? @made - 10 : 0;
    my @workers = grep { !$seen{$_}++ && is_worker($_) } map { $_->[3] } reverse @made[$first .. $#made];
    my $victims = 1 + int rand 2;
    if (rand() < 0.5) {
        my $offset = -s $node->logfile;
        $struck{kill} += kill 'KILL', @workers[0 .. ($victims > @workers ? @workers : $victims) - 1];
        $node->wait_for_log(qr/all server processes terminated; reinitializing.*ready to accept connections/s, $offset);
    } else {
        $struck{stop}++;
        $node->stop('immediate');
        $node->start;
    }
}

end_endless($node);
ok(eventually($node, q{SELECT NOT EXISTS (SELECT FROM ayb_jobs.jobs WHERE state <> 'completed')}), 'all jobs complete');
my $jobs = sql($node, 'SELECT count(*) FROM enqueued');
is(jobs_of($node, 'told'), "completed=$jobs", 'none is lost, failed or left running');
is(sql($node, 'SELECT count(*), count(DISTINCT job) FROM effects'), "$jobs|$jobs", 'each effect is there once');
is(sql($node, 'SELECT count(*) FROM effects JOIN enqueued USING (job)'), $jobs, 'and is of a job that was enqueued');
is(sql($node, q{SELECT count(*) FROM ayb_jobs.jobs AS j WHERE attempts <>
    1 + (SELECT count(*) FROM ayb_jobs.job_attempts AS a WHERE a.job_id = j.id AND a.status = 'lost')}), '0',
    'each attempt that was lost was charged');

# Who shares a commit has been in one group. After a crash types are leased, but in the suite "grouped".
my $grouped = sql($node, q{SELECT coalesce(sum(n), 0) FROM
    (SELECT count(*) AS n FROM ayb_jobs.job_history GROUP BY xmin::text HAVING count(*) > 1) AS g});
note("$grouped of them in groups");
cmp_ok($grouped, '>=', $ENV{AYB_GROUPED} ? $jobs / 2 : 0, 'that many went grouped');

# That all this was put to the test: attempts lost after they had made their effect.
my $inside = undone();
my %first;
my $uncharged = grep { $_->[1] == 1 && $first{$_->[0]}++ } @made;
note("$uncharged effects undone with the group of which they were");
cmp_ok($uncharged, '>', 0, 'groups were hit') if $ENV{AYB_GROUPED};
note("$struck{kill} workers killed, $struck{stop} stops, $inside effects undone");
cmp_ok($struck{kill} // 0, '>', 0, 'workers were killed');
cmp_ok($struck{stop} // 0, '>', 0, 'the server was stopped at once');
cmp_ok($inside, '>=', $rounds, 'and hit in the middle of an effect');

$node->stop;
done_testing();
