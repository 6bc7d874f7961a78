# Three hosts under Patroni and etcd, configured by docs/operations/high-availability.md to the letter. Under load the
# primary is switched over, killed, and cut off from the network; each time another takes over, everything goes on by
# itself, and in the end nothing is lost that was acknowledged, or done twice.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybHosts;
use AybJobs;
use AybLoad;
use HTTP::Tiny;
use IPC::Run;
use JSON::PP;
use List::Util qw(max min);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

# In seconds: what is promised from the promotion on, and up to twice that if others are at work on the machine, who
# are counted before anything is started here.
my ($others) = slurp_file('/proc/loadavg') =~ /^(\S+)/;
my $processors = () = slurp_file('/proc/cpuinfo') =~ /^processor\b/mg;
my $limit = 2 * min(2, max(1, $others / $processors));
note("load $others of $processors processors: limit $limit s");
my $patience = 90;

my $here = $PostgreSQL::Test::Utils::tmp_check;
my %address = map { ("db$_" => "192.0.2.1$_") } 1 .. 3;
my $page = slurp_file("$FindBin::RealBin/../../docs/operations/high-availability.md");
my $hosts = AybHosts->new('192.0.2.1', \%address, "$here/hosts", [ '/var/lib/postgresql', '/var/lib/etcd', '/var/run/postgresql' ]);

# A file of the manual's page, which is db1's, as it is on a host: the two change places, but not in a list of all.
sub file_of {
    my ($file, $host) = @_;
    my ($text) = $page =~ /^<!-- file: $file -->\n```\w+\n(.*?)^```$/ms or die "the page has no $file\n";
    my %swap = (db1 => $host, $host => 'db1', $address{db1} => $address{$host}, $address{$host} => $address{db1});
    my $swapped = join '|', map { quotemeta } keys %swap;
    return join '', map { /db1.*db2.*db3/ ? $_ : s/\b($swapped)\b/$swap{$1}/gr } $text =~ /(.*\n)/g;
}
my $conninfo = file_of('conninfo', 'db1') =~ s/\n//r;
my ($password) = $page =~ /superuser: \{username: postgres, password: (.*?)\}/ or die "the page has no superuser\n";
my $superuser = "user=postgres password='$password'";

my %patroni;
sub start_patroni {
    my ($host) = @_;
    $patroni{$host} = $hosts->start($host, "$here/log/patroni_$host.log", {}, 'patroni', "$here/$host.yml");
}
for my $host ($hosts->names) {
    my %etcd = map { split /=/, $_, 2 } split /\n/, file_of('etcd', $host);
    $hosts->start($host, "$here/log/etcd_$host.log", \%etcd, 'etcd');
    # The server with the extension is a private copy.
    append_to_file("$here/$host.yml", file_of('patroni', $host) =~ s{bin_dir: \K.*}{$ENV{AYB_BIN}}r);
}
# Patroni 3.0.2 ends if it is there before its etcd have agreed on their version; an init would start it again.
for my $host ($hosts->names) {
    wait_for("the etcd of $host", sub { HTTP::Tiny->new->get("http://$address{$host}:2379/version")->{content} =~ /"etcdcluster":"3/ });
}
start_patroni('db1');
wait_for('a primary', sub { (primary() // '') eq 'db1' });
start_patroni($_) for 'db2', 'db3';
wait_for('a synchronous standby and another', \&complete);

psql('postgres', 'CREATE DATABASE app');
psql('app', serving() . load_types() . "; ALTER ROLE sidecar PASSWORD 'its own'");
my $sidecar = start_sidecar("$conninfo user=sidecar password='its own'");
my $load = AybLoad->start(dsn => "$conninfo $superuser", directory => "$here/load", %$sidecar{'url', 'token'});
$load->wait_for_more(200);

# In an orderly way.
my $old = primary();
my ($next) = grep { role_of($_) eq 'sync_standby' } $hosts->names;
fails_over('switchover', sub {
    IPC::Run::run([ 'patronictl', '-c', "$here/$old.yml", 'switchover', '--leader', $old, '--candidate', $next, '--force', 'app' ],
        '<', \undef, '>&', "$here/log/switchover.log") or die slurp_file("$here/log/switchover.log");
});
is(primary(), $next, 'switchover: to the one that was named');
wait_for('the old primary as a standby', sub { complete($old) });

# A worker is killed: the server recovers in place, and nobody else takes over.
my $timeline = timeline();
kill 'KILL', psql('app', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'ayb_jobs worker' LIMIT 1}) or die "no worker: $!\n";
$load->wait_for_more(100);
is(timeline(), $timeline, 'a worker killed: costs no failover');
wait_for('the standbys again', \&complete);

# The postmaster dies, and Patroni is there to see it.
fails_over('kill -9', sub { kill 'KILL', postmaster($old = primary()) or die "no postmaster: $!\n" });
wait_for('the killed one as a standby', sub { complete($old) });

# The network is cut: nobody hears of the primary, and it of nobody.
fails_over('cut', sub { $hosts->cut($old = primary()) });
wait_for('the cut-off primary gives up', sub { alone($old, 'SELECT pg_is_in_recovery()') eq 't' });
is(alone($old, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'ayb_jobs%'}), '0', 'cut: it runs nothing any more');
like(alone($old, q{SELECT count(*) FROM ayb_jobs.jobs}, 'app'), qr/^[1-9]/, 'cut: though its jobs can be read');
$hosts->heal($old);
wait_for('the cut-off one as a standby', sub { complete($old) });
like(slurp_file("$here/log/patroni_$old.log"), qr/running pg_rewind/, 'cut: it was rewound');
is(role_of($old) =~ /^(sync_standby|replica)$/ ? 'standby' : role_of($old), 'standby', 'cut: and follows');

$load->wait_for_more(200);
$load->stop;
my $checked = $load->verify(sub { return psql('app', $_[0]) });
cmp_ok($checked, '>=', 1000, 'it was a load');
note("jobs checked: $checked");
unlike(slurp_file($load->file('errors')), qr/ERROR:(?!.*read-only)|load ended/, 'clients lost their sessions, and were refused nothing');
my %statuses = map { $_->[1] => 1 } $load->answers;
is(join(' ', sort keys %statuses), '201 503', 'the sidecar did what it was asked, or said that it could not');

$sidecar->{run}->signal('TERM');
ok($sidecar->{run}->finish, 'the sidecar ends as it should');
undef $sidecar;
kill 'TERM', values %patroni;
for my $host ($hosts->names) {
    waitpid $patroni{$host}, 0;
    ok(!defined postmaster($host), "$host stops");
}
done_testing();

sub wait_for {
    my ($what, $condition) = @_;
    my $end = time + $patience;
    until ($condition->()) {
        die "waited in vain: $what\n" . encode_json([members()]) . "\n" if time > $end;
        usleep 100_000;
    }
}

# What a Patroni that can be asked says of the cluster.
sub members {
    for my $host ($hosts->names) {
        my $answer = HTTP::Tiny->new(timeout => 1)->get("http://$address{$host}:8008/cluster");
        return @{ decode_json($answer->{content})->{members} } if $answer->{success};
    }
    return;
}
sub primary { return (map { $_->{name} } grep { $_->{role} eq 'leader' && $_->{state} eq 'running' } members())[0] }
sub role_of { my ($host) = @_; return (map { $_->{role} } grep { $_->{name} eq $host } members())[0] // 'none' }

# Three members on one timeline, one of them a synchronous standby, and the old primary no primary: a host that was cut off
# may answer with what it knew before.
sub complete {
    my ($demoted) = @_;
    my @members = members();
    return 0 if defined $demoted && grep { $_->{name} eq $demoted && $_->{role} eq 'leader' } @members;
    my %timelines = map { ($_->{timeline} // '') => 1 } @members;
    my %roles;
    $roles{$_->{role}}++ for grep { $_->{state} =~ /^(running|streaming)$/ } @members;
    return @members == 3 && keys %timelines == 1 && join(' ', map { "$_=$roles{$_}" } sort keys %roles) eq 'leader=1 replica=1 sync_standby=1';
}

# On the primary, whichever it is.
sub psql {
    my ($database, $sql) = @_;
    my $dsn = $conninfo =~ s/dbname=app/dbname=$database/r;
    my ($out, $error);
    IPC::Run::run([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', "$dsn $superuser", '-f', '-' ], '<', \$sql, '>', \$out, '2>', \$error)
        or die "$sql\n$error";
    return $out =~ s/\n\z//r;
}

# On a host itself.
sub alone {
    my ($host, $sql, $database) = @_;
    my ($out, $error);
    IPC::Run::run([ $hosts->at($host, 'psql', '-XqAt', '-d', "host=$address{$host} dbname=" . ($database // 'postgres') . " $superuser", '-c', $sql) ],
        '<', \undef, '>', \$out, '2>', \$error) or return "no answer: $error";
    return $out =~ s/\n\z//r;
}

sub postmaster {
    my ($host) = @_;
    my $file = $hosts->directory($host) . '/postgresql/15/app/postmaster.pid';
    return -e $file ? (split /\n/, slurp_file($file))[0] : undef;
}

# Something happens to the primary, and another one takes over.
sub fails_over {
    my ($name, $event) = @_;
    my ($before, $start) = (timeline(), time);
    $event->();
    wait_for("$name: a promotion", sub { (eval { timeline() } // $before) ne $before });
    $load->wait_for_more(100);
    my $promoted = psql('app', q{SELECT extract(epoch FROM modification) FROM pg_stat_file('pg_wal/' || '} . timeline() . q{.history')});
    note(sprintf '%s: %.1f s to the promotion', $name, $promoted - $start);
    my %resumed = $load->resumed(sub { psql('app', $_[0]) }, $promoted);
    for my $what (sort keys %resumed) {
        cmp_ok($resumed{$what} || 1000, '<', $limit, "$name: $what goes on");
        note("$name, s from the promotion to $what: $resumed{$what}");
    }
    # However busy the machine is with the promotion itself.
    cmp_ok($resumed{'the sidecar'} - $resumed{'a schedule'}, '<', 2, "$name: the sidecar finds it within 2 s of its first tick");
}
sub timeline { return psql('app', 'SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)') }

sub start_sidecar {
    my ($dsn) = @_;
    append_to_file("$here/token", "a token of this test\n");
    my $run = IPC::Run::start([ $ENV{AYB_SIDECAR}, 'serve', '--listen', '127.0.0.1:8090', '--dsn', $dsn, '--token-file', "$here/token" ],
        '<', \undef, '>', '/dev/null', '2>', "$here/log/sidecar.log");
    wait_for('the sidecar', sub { HTTP::Tiny->new->get('http://127.0.0.1:8090/live')->{success} });
    return { run => $run, url => 'http://127.0.0.1:8090', token => 'a token of this test' };
}
END { $sidecar->{run}->kill_kill if $sidecar }
