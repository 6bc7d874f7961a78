# The worker loops of docs/guide/external-workers.md, as they stand there: jobs complete and fail, leases are prolonged,
# a killed worker's job goes to the other, a server that restarts is found again, SIGTERM finishes the job at hand.
# AYB_CLIENTS is a directory with node_modules. Where AYB_GO is a go program, GOPATH has pgx 4, and the Go loop is run too.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use POSIX ();
use Test::More;

my $page = slurp_file("$FindBin::RealBin/../../docs/guide/external-workers.md");

# The worker's own part: it takes until a file is there, if it is told so, and is broken by an image that isn't there.
my %languages = (
    Python => { file => 'worker.py', every => qr/wait\(20\)/, often => 'wait(0.3)', run => ['/usr/bin/python3', 'worker.py'],
        images => ['images.py', 'import os, time
def resize(payload):
    while "until" in payload and not os.path.exists(payload["until"]):
        time.sleep(0.02)
    return {"width": payload["image"] * 10}
'] },
    Node => { file => 'worker.mjs', every => qr/20_000/, often => '300', run => ['node', 'worker.mjs'],
        images => ['images.mjs', q[import fs from 'node:fs';
export async function resize({ image, until }) {
    while (until && !fs.existsSync(until)) await new Promise((resolve) => setTimeout(resolve, 20));
    if (image === undefined) throw new Error('image');
    return { width: image * 10 };
}
]] },
    Go => { file => 'worker.go', every => qr/20 \* time.Second/, often => '300 * time.Millisecond', run => ['./worker'],
        images => ['images.go', 'package main
import ("encoding/json"; "errors"; "os"; "time")
func resize(payload []byte) (any, error) {
	var of struct { Image *int; Until string }
	if err := json.Unmarshal(payload, &of); err != nil { return nil, err }
	for of.Until != "" {
		if _, err := os.Stat(of.Until); err == nil { break }
		time.Sleep(20 * time.Millisecond)
	}
	if of.Image == nil { return nil, errors.New("image") }
	return map[string]int{"width": *of.Image * 10}, nil
}
'] });
delete $languages{Go} if !$ENV{AYB_GO};

my $node = start_server('clients', q{
ayb_jobs.scheduler_tick = 60s
listen_addresses = '127.0.0.1'
});
sql($node, q{CREATE ROLE app LOGIN; CREATE ROLE resizer LOGIN; GRANT app TO resizer;
    SELECT ayb_jobs.register_handler('resize', kind => 'external', max_attempts => 2, backoff => '{0s}')});
local $ENV{JOBS} = 'postgresql://resizer@127.0.0.1:' . $node->port . '/postgres';

my %workers;    # by pid
for my $language (sort keys %languages) {
    %workers = ();
    write_worker($language);
    my @two = map { start_worker($language) } 1 .. 2;
    works($language, @two);
    ok(ends($_), "$language: a worker ends well") for grep { $workers{$_} } @two;
}
$node->stop;
done_testing();

# A file of the page that prolongs its leases more often, beside what the worker's user writes.
sub write_worker {
    my ($language) = @_;
    my $of = $languages{$language};
    my $directory = $of->{directory} = "$PostgreSQL::Test::Utils::tmp_check/$language";
    my ($text) = $page =~ /^<!-- file: \Q$of->{file}\E -->\n```\w+\n(.*?)^```$/ms or die "the page has no $of->{file}\n";
    $text =~ s/$of->{every}/$of->{often}/ or die "no prolonging\n";
    mkdir $directory or die "$directory: $!\n";
    if ($language eq 'Go') {
        $text =~ s{pgx/v5}{pgx/v4} or die "no pgx 5\n";
        $text =~ s/pgxpool\.New/pgxpool.Connect/ or die "no pgxpool.New\n";
    }
    append_to_file("$directory/$of->{file}", $text);
    append_to_file("$directory/$of->{images}[0]", $of->{images}[1]);
    symlink "$ENV{AYB_CLIENTS}/node_modules", "$directory/node_modules" if $language eq 'Node';
    system("cd '$directory' && GO111MODULE=off '$ENV{AYB_GO}' build -o worker .") == 0 or die "go build\n" if $language eq 'Go';
}

sub start_worker {
    my ($language) = @_;
    my $of = $languages{$language};
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        my $ready = chdir($of->{directory}) && open(STDOUT, '>>', 'log') && open(STDERR, '>&', \*STDOUT);
        exec @{ $of->{run} } if $ready;
        POSIX::_exit(127);
    }
    $workers{$pid} = 1;
    return $pid;
}

# It is told to end, and does so with status 0; what it waits for may come to it then.
sub ends {
    my ($pid, $file) = @_;
    kill 'TERM', $pid;
    append_to_file($file, '') if defined $file;
    waitpid $pid, 0;
    delete $workers{$pid};
    return $? == 0;
}

sub enqueue {
    my ($payload) = @_;
    return $node->safe_psql('postgres', "SELECT ayb_jobs.enqueue('resize', '$payload')", extra_params => [ '-U', 'app' ]);
}
sub becomes {
    my ($job, $state, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    eventually($node, "SELECT state || '/' || attempts = '$state' FROM ayb_jobs.jobs WHERE id = '$job'");
    return is(state_of($node, $job), $state, $name);
}
# The process id is the last part of what a worker calls itself.
sub worker_of {
    my ($job) = @_;
    eventually($node, "SELECT state = 'running' FROM ayb_jobs.jobs WHERE id = '$job'") or die "nobody claims it\n";
    return sql($node, "SELECT worker_id FROM ayb_jobs.jobs WHERE id = '$job'") =~ s/.*\.//r;
}

# A job that lasts until its file is there.
sub enqueue_lasting {
    my ($file) = @_;
    return enqueue(qq({"image": 1, "until": "$file"}));
}

# The clock only goes forward.
my $turned = 0;
sub later_by { turn_clock($node, $turned += $_[0]) }

sub works {
    my ($language, @two) = @_;
    my @jobs = map { enqueue(qq({"image": $_})) } 1 .. 20;
    my $broken = enqueue('{}');
    my $ids = join ',', @jobs;
    my $good = "SELECT count(*) FROM ayb_jobs.jobs WHERE id = ANY ('{$ids}') AND state = 'completed' AND attempts = 1
        AND result->'width' = to_jsonb((payload->'image')::integer * 10)";
    ok(eventually($node, "SELECT ($good) = 20"), "$language: jobs are completed, with their results");
    becomes($broken, 'failed/2', "$language: one that raises fails, after another try");
    like(sql($node, "SELECT last_error FROM ayb_jobs.jobs WHERE id = '$broken'"), qr/image/, "$language: with its error");

    # Over twice its lease; half of that is left each time for the worker to prolong it.
    my %file = map { $_ => "$languages{$language}{directory}/$_" } qw(long lost last);
    my $long = enqueue_lasting($file{long});
    worker_of($long);
    for my $round (1 .. 4) {
        later_by(30);
        holds($node, 'postgres', "(SELECT lease_until > ayb_jobs_internal.now() + interval '45 s' FROM ayb_jobs.jobs WHERE id = '$long')",
            "$language: the lease is prolonged while the work lasts ($round)");
    }
    append_to_file($file{long}, '');
    becomes($long, 'completed/1', "$language: and it completes in its first attempt");

    $node->restart;
    becomes(enqueue('{"image": 1}'), 'completed/1', "$language: a server that restarts is found again");

    my $lost = enqueue_lasting($file{lost});
    my $victim = worker_of($lost);
    ok($workers{$victim}, "$language: a worker says who it is");
    kill 'KILL', $victim;
    waitpid $victim, 0;
    delete $workers{$victim};
    append_to_file($file{lost}, '');
    later_by(90);
    becomes($lost, 'completed/2', "$language: the job of a killed worker goes to another");

    my $last = enqueue_lasting($file{last});
    ok(ends(worker_of($last), $file{last}), "$language: at SIGTERM a worker ends well");
    is(state_of($node, $last), 'completed/1', "$language: with the job at hand done");
}

END { kill 'KILL', keys %workers if %workers }
