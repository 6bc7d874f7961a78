# A load that follows the primary: programs that enqueue, one that works outside the database, one that asks the
# sidecar. All have a connection string of several hosts, note what was acknowledged to them, and try again when they
# lose their session. What they noted is held against the database in the end.
package AybLoad;
use strict;
use warnings;
use Exporter 'import';
use HTTP::Tiny;
use POSIX ();
use PostgreSQL::Test::Utils qw(slurp_file append_to_file);
use Test::More ();
use Time::HiRes qw(time usleep);

our @EXPORT = qw(load_types);

# What an enqueuer does again and again. Ids of what is committed are printed, and so acknowledged; the sleeper is there
# so that some job is running at any time.
my $enqueue = q{SELECT ayb_jobs.enqueue('work', '{"what": "load"}');
SELECT ayb_jobs.enqueue('outside');
BEGIN;
SELECT ayb_jobs.enqueue('work', '{"what": "never"}') \g /dev/null
ROLLBACK;
BEGIN;
SELECT ayb_jobs.enqueue('work', '{"what": "load"}') AS id \gset
SELECT ayb_jobs.enqueue('nap', '{"seconds": 0.02}') AS nap \gset
COMMIT;
\echo :id
\echo :nap
};

# The effect and complete() are one statement, and so one transaction.
my $work_outside = q{SELECT format('INSERT INTO effects (job, type, attempt, what) SELECT id, type, attempts, ''outside''
    FROM ayb_jobs.complete(%L, %L, %s)', id, :'worker', attempt)
FROM ayb_jobs.claim(:'worker', '{outside}', 5, '5s')
\gexec
};

# The SQL that the load needs besides the handlers of AybJobs: a type for the worker outside, a tick a second.
sub load_types {
    return q{SELECT ayb_jobs.register_handler('outside', kind => 'external');
SELECT ayb_jobs.create_schedule('load', 'work', '@every 1s', payload => '{"what": "tick"}', overlap => 'queue');
GRANT USAGE ON SCHEMA public TO PUBLIC;
CREATE ROLE sidecar LOGIN;
GRANT ayb_jobs_admin TO sidecar};
}

# start(dsn, directory, enqueuers, url, token): url is the sidecar's, which answers to that token.
sub start {
    my ($class, %what) = @_;
    my $self = bless { %what, children => [], parent => $$ }, $class;
    mkdir $what{directory} or die "$what{directory}: $!\n";
    append_to_file($self->file('enqueue.sql'), $enqueue);
    append_to_file($self->file('outside.sql'), $work_outside);
    append_to_file($self->file($_), '') for 'acknowledged', 'errors', 'answers';
    $self->child(sub { $self->psql('enqueue.sql'); usleep 20_000 }) for 1 .. $what{enqueuers} // 2;
    $self->child(sub { $self->psql('outside.sql', '-v', "worker=outside.$$"); usleep 20_000 });
    $self->child(sub { $self->ask_sidecar }) if $what{url};
    return $self;
}

sub file { return "$_[0]{directory}/$_[1]" }

# A process that does it again and again until the load is stopped, or the test is gone.
sub child {
    my ($self, $what) = @_;
    my $pid = fork // die "fork: $!\n";
    if ($pid) {
        push @{ $self->{children} }, $pid;
        return;
    }
    eval {
        open STDOUT, '>>', $self->file('acknowledged') or die $!;
        open STDERR, '>>', $self->file('errors') or die $!;
        STDOUT->autoflush(1);
        $what->() while !-e $self->file('stop') && getppid == $self->{parent};
        1;
    } or print STDERR "the load ended: $@";
    POSIX::_exit(0);    # the test's own END blocks are not ours
}

sub psql {
    my ($self, $script, @options) = @_;
    system 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', @options, '-d', $self->{dsn}, '-f', $self->file($script);
}

# One job by the sidecar. It is acknowledged by 201.
sub ask_sidecar {
    my ($self) = @_;
    $self->{http} //= HTTP::Tiny->new(timeout => 30, keep_alive => 1);
    my $answer = $self->{http}->post("$self->{url}/api/admin/jobs", {
        headers => { Authorization => "Bearer $self->{token}" },
        content => '{"type": "work", "payload": {"what": "sidecar"}}' });
    append_to_file($self->file('answers'), sprintf "%.3f %s\n", time, $answer->{status});
    print "$1\n" if $answer->{status} == 201 && $answer->{content} =~ /"id":"([-0-9a-f]{36})"/;
    usleep 20_000;
}

# The ids that were acknowledged so far.
sub acknowledged {
    my ($self) = @_;
    my @ids = slurp_file($self->file('acknowledged')) =~ /^([-0-9a-f]{36})$/mg;
    return @ids;
}

# [when, status] of the sidecar's answers since then.
sub answers {
    my ($self, $since) = @_;
    return grep { $_->[0] > ($since // 0) } map { [split / /] } split /\n/, slurp_file($self->file('answers'));
}

# Waits until so many more ids are acknowledged, and by the sidecar too.
sub wait_for_more {
    my ($self, $more) = @_;
    my $enough = $self->acknowledged + $more;
    my $since = time;
    my $end = $since + $PostgreSQL::Test::Utils::timeout_default;
    while ($self->acknowledged < $enough || $self->{url} && !grep { $_->[1] == 201 } $self->answers($since)) {
        die 'the load does not go on: ' . slurp_file($self->file('errors')) if time > $end;
        usleep 20_000;
    }
}

sub stop {
    my ($self) = @_;
    append_to_file($self->file('stop'), '');
    waitpid $_, 0 for splice @{ $self->{children} };
}

# When each part was first at work again after that instant, as SQL for the server that was promoted then: for each the
# first of its effects, and for the sidecar the first of its jobs.
sub firsts {
    my ($self, $promoted) = @_;
    my $since = "to_timestamp($promoted)";
    return (
        'a job in the database' => "SELECT min(at) FROM effects WHERE at > $since AND type = 'work'",
        'a job that was enqueued then' => "SELECT min(j.completed_at) FROM ayb_jobs.jobs AS j
            WHERE j.completed_at > $since AND j.created_at > $since AND j.type = 'work' AND j.schedule_id IS NULL",
        'a worker outside' => "SELECT min(at) FROM effects WHERE at > $since AND type = 'outside'",
        'a schedule' => "SELECT min(created_at) FROM ayb_jobs.jobs WHERE created_at > $since AND schedule_id IS NOT NULL",
        $self->{url} ? ('the sidecar' => "SELECT min(created_at) FROM ayb_jobs.jobs
            WHERE created_at > $since AND run_as::text = 'sidecar'") : (),
    );
}

# How long after it that was, in seconds.
sub resumed {
    my ($self, $sql, $promoted) = @_;
    my %first = $self->firsts($promoted);
    return map { $_ => $sql->("SELECT round(extract(epoch FROM ($first{$_}) - to_timestamp($promoted)), 2)") } keys %first;
}

# Holds what was acknowledged against the database, as tests; gives back how many jobs that were.
sub verify {
    my ($self, $sql) = @_;
    my @ids = $self->acknowledged;
    my %seen;
    my @twice = grep { $seen{$_}++ } @ids;
    Test::More::is("@twice", '', 'no id was given twice');
    $sql->("CREATE TABLE acknowledged AS SELECT unnest('{" . join(',', @ids) . "}'::uuid[]) AS job");
    $sql->('CREATE INDEX ON effects (job)');
    $sql->(q{SELECT ayb_jobs.delete_schedule(id) FROM ayb_jobs.schedules});
    my $left = q{SELECT count(*) FROM ayb_jobs.jobs WHERE state IN ('queued', 'running')};
    for (1 .. 1200) {
        $self->psql('outside.sql', '-v', 'worker=last');    # nobody else works outside any more
        last if $sql->($left) eq '0';
        usleep 50_000;
    }
    my $none = sub { Test::More::is($sql->("SELECT count(*) FROM $_[0]"), '0', $_[1]) };
    $none->('acknowledged AS a WHERE NOT EXISTS (SELECT FROM ayb_jobs.jobs AS j WHERE j.id = a.job)',
        'no job is lost whose enqueuing was acknowledged');
    Test::More::is($sql->(q{SELECT coalesce(string_agg(DISTINCT state, ' '), '') FROM ayb_jobs.jobs}), 'completed', 'all jobs complete');
    $none->('ayb_jobs.jobs AS j WHERE (SELECT count(*) FROM effects AS e WHERE e.job = j.id) <> 1',
        'each has had its effect, exactly once');
    $none->('effects AS e WHERE NOT EXISTS (SELECT FROM ayb_jobs.jobs AS j WHERE j.id = e.job)',
        'there is no effect without its job');
    $none->(q{effects WHERE what = 'never'}, 'nothing runs that was rolled back');
    $none->(q{(SELECT FROM effects AS e JOIN ayb_jobs.jobs AS j ON j.id = e.job WHERE e.what = 'tick'
        GROUP BY j.scheduled_at HAVING count(*) > 1) AS d}, 'no tick comes twice');
    return scalar @ids;
}

1;
