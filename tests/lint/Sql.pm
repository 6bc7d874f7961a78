package Sql;
# SQL is run by Sql<…> of pg/sql.hpp, whose types the compiler counts, and transactions and books are opened by the
# scopes of pg/: outside it nobody calls SPI to run text, lists types by hand, or opens a transaction or the books.
use strict;
use warnings;
use Lint;

my @forbidden = (
    [qr/\bSPI_(?:connect|prepare|execute|exec|cursor|keepplan|saveplan|finish)\w*\s*\(/,
     'SQL is run by Sql<...> of pg/sql.hpp, inside the books or as_caller()'],
    [qr/\bStatement\s+\w+\s*\{/, 'a list of types by hand: Sql<...> of pg/sql.hpp counts them'],
    [qr/\b(?:open|close)_books\s*\(/, 'books are opened by in_books()'],
    [qr/\bStartTransactionCommand\s*\(/, 'a transaction is opened by in_transaction()'],
);
# A top-level command's snapshots are its own; a group commits, or goes back to a savepoint, where its jobs say.
my $own_transactions = qr{^extension/(?:handlers/command|group/group)\.cpp$};
# A procedure that commits is connected as one that may.
my $procedures = 'extension/outside/waiting.cpp';

sub look {
    for my $file (sources('extension', qw(cpp hpp))) {
        next if $file =~ m{^extension/pg/};
        my $n = 0;
        for my $text (split /\n/, code($file)) {
            $n++;
            for (@forbidden) {
                next if $file eq $procedures && $text =~ /\bSPI_(?:connect_ext|finish)\b/;
                next if $text !~ $_->[0] || ($text =~ /StartTransaction/ && $file =~ $own_transactions);
                wrong("$file:$n", $_->[1]);
            }
        }
    }
    return;
}

1;
