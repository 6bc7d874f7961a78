# A psql that answers one statement after the other. To start one, and a session of the server for it, takes a small
# machine fifty times as long as most statements do.
package AybSession;
use strict;
use warnings;
use IO::Handle;
use IPC::Open3;

# new(NODE, DATABASE, STOP): with STOP it ends with the first error.
sub new {
    my ($class, $node, $database, $stop) = @_;
    my $self = bless { server => $node->{_pid} // 0, owner => $$ }, $class;
    local %ENV = $node->_get_env();
    open $self->{errors}, '+>', undef or die $!;
    my @psql = ('psql', '-XAtq', '-v', "ON_ERROR_STOP=$stop", '-d', $node->connstr($database), '-f', '-');
    # The child gets the file by its number.
    $self->{pid} = open3($self->{to}, $self->{from}, '>&' . fileno $self->{errors}, @psql);
    return $self;
}

# The answer and what it warned of; no answer if the session has ended.
sub ask {
    my ($self, $query) = @_;
    local $SIG{PIPE} = 'IGNORE';
    print { $self->{to} } "$query\n;\n\\echo <end>\n";
    $self->{to}->flush;
    my $answer = '';
    while (defined(my $line = readline $self->{from})) {
        return ($answer =~ s/\n\z//r, $self->errors) if $line eq "<end>\n";
        $answer .= $line;
    }
    return (undef, $self->errors);
}

# What psql has written there since the last time.
sub errors {
    my ($self) = @_;
    seek $self->{errors}, $self->{read} // 0, 0;
    my $errors = join '', readline $self->{errors};
    $self->{read} = tell $self->{errors};
    return $errors;
}

# A destructor runs while a test ends, too: its status is not to change.
sub DESTROY {
    my ($self) = @_;
    local ($?, $!, $@);
    return if $$ != $self->{owner};
    local $SIG{PIPE} = 'IGNORE';
    print { $self->{to} } "\\q\n";
    close $self->{to};
    close $self->{from};
    waitpid $self->{pid}, 0;
}

my %shared; # by the server's name, in database postgres

# forget(NODE): what it has in common with others begins anew.
sub forget { delete $shared{ $_[0]->name } }

# answer(NODE, QUERY): what it gives in the session that a server's tests share, or the test ends, as by safe_psql. A
# session that the server ended before that is opened again.
sub answer {
    my ($node, $query) = @_;
    my $name = $node->name;
    forget($node) if $shared{$name} && $shared{$name}{server} != ($node->{_pid} // 0);
    my $again = exists $shared{$name};
    my $session = $shared{$name} //= AybSession->new($node, 'postgres', 1);
    my ($answer, $errors) = $session->ask($query);
    if (!defined $answer) {
        forget($node);
        return answer($node, $query) if $again && $errors =~ /terminating connection|server closed the connection/;
        die "error running SQL: '$errors'\nwhile running '$query'\n";
    }
    print $errors;
    $session->ask("RESET ROLE;\nDISCARD ALL;\nSELECT pg_stat_force_next_flush() \\g /dev/null");
    return $answer;
}

1;
