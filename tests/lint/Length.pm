package Length;
# A source file over 300 lines deserves a second look; over 400 it fails. So does a folder over 3,000 lines of C++.
use strict;
use warnings;
use Lint;

sub look {
    my %folder;
    for my $file (map { sources($_, qw(cpp hpp h c ts tsx)) } qw(extension sidecar)) {
        my $lines = lines($file) =~ tr/\n//;
        if ($lines > 400) { wrong("$file:400", "has $lines lines; split it, one file a verb") }
        elsif ($lines > 300) { note("$file:300", "$lines lines") }
        $folder{$1} += $lines if $file =~ m{^(.*)/[^/]*\.(?:cpp|hpp|h|c)$};
    }
    for (sort keys %folder) {
        wrong("$_:1", "has $folder{$_} lines of C++; make two rooms of it") if $folder{$_} > 3000;
    }
    return;
}

1;
