# Hosts: network namespaces behind a bridge, each with directories of its own in place of the system's. Works only inside
# a user namespace that has a network, mounts and processes of its own (see suite_ha in tests/harness/suites.sh): nothing
# of it can be seen from outside, and all of it is gone with its first process.
package AybHosts;
use strict;
use warnings;
use POSIX ();
use Time::HiRes qw(usleep);

sub run {
    my (@command) = @_;
    system(@command) == 0 or die "@command: failed ($?)\n";
}

# new(BRIDGE, {NAME => ADDRESS, ...}, DIRECTORY, [MOUNTED, ...]): addresses of one /24, BRIDGE is ours.
sub new {
    my ($class, $bridge, $addresses, $directory, $mounted) = @_;
    my $self = bless { addresses => $addresses, directory => $directory, mounted => $mounted, anchors => {} }, $class;
    run(qw(ip link set lo up));
    run(qw(ip link add hosts type bridge));
    run(qw(ip address add), "$bridge/24", qw(dev hosts));
    run(qw(ip link set hosts up));
    $self->add($_) for sort keys %$addresses;
    return $self;
}

sub names {
    my @names = sort keys %{ $_[0]{addresses} };
    return @names;
}
sub address { return $_[0]{addresses}{ $_[1] } }
# Where files of a host are, seen from outside of it: what is mounted there is below it by its last name.
sub directory { return "$_[0]{directory}/$_[1]" }

# A process that does nothing holds the namespaces of a host.
sub add {
    my ($self, $name) = @_;
    my $directory = $self->directory($name);
    run('mkdir', '-p', $directory, map { "$directory/" . (split m{/})[-1] } @{ $self->{mounted} });
    my $ready = "$directory/ready";
    my $mounts = join '; ', map { "mount --bind '$directory/" . (split m{/})[-1] . "' '$_'" } @{ $self->{mounted} };
    my $anchor = fork // die "fork: $!\n";
    exec 'unshare', '--net', '--mount', 'sh', '-ec', "$mounts; ip link set lo up; touch '$ready'; exec sleep infinity" if !$anchor;
    $self->{anchors}{$name} = $anchor;
    until (-e $ready) {
        die "no namespaces for $name\n" if waitpid $anchor, POSIX::WNOHANG;
        usleep 10_000;
    }
    run(qw(ip link add), "to-$name", qw(type veth peer name eth0 netns), $anchor);
    run(qw(ip link set), "to-$name", qw(master hosts up));
    run($self->at($name, qw(ip address add), $self->address($name) . '/24', qw(dev eth0)));
    run($self->at($name, qw(ip link set eth0 up)));
}

# The command that runs COMMAND on a host.
sub at {
    my ($self, $name, @command) = @_;
    return ('nsenter', '--target', $self->{anchors}{$name}, '--net', '--mount', '--', @command);
}

# start(HOST, LOG, ENVIRONMENT, COMMAND ...): as a process of its own, which nobody waits for; gives back its id.
sub start {
    my ($self, $name, $log, $environment, @command) = @_;
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    local @ENV{ keys %$environment } = values %$environment;
    my $ready = open(STDIN, '<', '/dev/null') && open(STDOUT, '>>', $log) && open(STDERR, '>&', \*STDOUT);
    exec $self->at($name, @command) if $ready;
    POSIX::_exit(127);
}

# The host's cable is pulled: nobody is told, packets are lost both ways.
sub cut { run(qw(ip link set), "to-$_[1]", 'down') }
sub heal { run(qw(ip link set), "to-$_[1]", 'up') }

1;
