package Arguments;
# Who is told that an argument is wrong is told which: in PG_DIAG_COLUMN_NAME, where programs read it, in no wording. So
# does each error of these codes.
use strict;
use warnings;
use Lint;

my $about_an_argument = qr/ERRCODE_(?:INVALID_PARAMETER_VALUE|NULL_VALUE_NOT_ALLOWED|DATETIME_VALUE_OUT_OF_RANGE|PROGRAM_LIMIT_EXCEEDED)\b/;

sub look {
    for my $file (sources('extension', qw(cpp hpp))) {
        my $text = code($file);
        while ($text =~ /\bereport\s*\(\s*ERROR\b(.*?);/gs) {
            my ($report, $before) = ($1, substr $text, 0, $-[0]);
            next if $report !~ $about_an_argument || $report =~ /PG_DIAG_COLUMN_NAME/;
            wrong("$file:" . (1 + $before =~ tr/\n//), 'the error names no argument: err_generic_string(PG_DIAG_COLUMN_NAME, ...)');
        }
    }
    return;
}

1;
