package Length;
# A source file over 300 lines deserves a second look; over 400 it fails, a script of the tests too. So do a file of test
# cases over 600, which share a server that another file would have to start, and a folder over 3,000 lines of C++.
use strict;
use warnings;
use Lint;

my $cases = qr{^regress/(?:t|sql|isolation/specs)/|^tests/(?:unit|dashboard)/|/test_\w+\.py$};

sub look {
    my %folder;
    for my $file (map { sources($_, qw(cpp hpp h c ts tsx)) } qw(extension sidecar)) {
        my $lines = lines($file) =~ tr/\n//;
        if ($lines <= 400 && $lines > 300) { note("$file:300", "$lines lines") }
        too_long($file, $lines, 400);
        $folder{$1} += $lines if $file =~ m{^(.*)/[^/]*\.(?:cpp|hpp|h|c)$};
    }
    for (sort keys %folder) {
        wrong("$_:1", "has $folder{$_} lines of C++; make two rooms of it") if $folder{$_} > 3000;
    }
    # But for the script of an old version, which is as it was.
    for my $file (grep { !/--/ } map { sources($_, qw(cpp hpp pl pm py sh js sql spec)) } qw(regress tests)) {
        too_long($file, lines($file) =~ tr/\n//, $file =~ $cases ? 600 : 400);
    }
    return;
}

sub too_long {
    my ($file, $lines, $most) = @_;
    wrong("$file:$most", "has $lines lines; split it, one file a verb") if $lines > $most;
    return;
}

1;
