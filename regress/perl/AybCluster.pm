# A new cluster's files are the same each time, and initdb takes a second of a processor for them: the first server of a
# test gets a copy of what initdb made for the first of all. Any further one is made by initdb, because its identifier has
# to be its own: by that the engine tells a copied database from its origin.
package AybCluster;
use strict;
use warnings;
use Fcntl ':flock';
use PostgreSQL::Test::Utils;

my $system = \&PostgreSQL::Test::Utils::system_or_bail;
my $servers = 0;

# The directory to copy, made by whoever comes first; nothing without a directory that this run's tests share.
sub original {
    my $directory = $ENV{TESTDIR} or return;
    open my $lock, '>', "$directory/cluster.lock" or return;
    flock $lock, LOCK_EX or return;
    if (!-d "$directory/cluster") {
        $system->('initdb', '-D', "$directory/cluster.new", '-A', 'trust', '-N');
        rename "$directory/cluster.new", "$directory/cluster" or return;
    }
    return "$directory/cluster";
}

no warnings 'redefine';
*PostgreSQL::Test::Utils::system_or_bail = sub {
    my ($program, $option, $directory, @rest) = @_;
    my $plain = $program eq 'initdb' && "@rest" eq '-A trust -N';
    my $original = $plain && !$servers++ ? original() : undef;
    return $original ? $system->('cp', '-a', $original, $directory) : $system->(@_);
};

1;
