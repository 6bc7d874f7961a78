# code.pl FILE: C++ without comments and without what stands in strings, each line after its number and a tab.
# The names of included files stay.
use strict;
use warnings;

local $/;
open my $in, '<', $ARGV[0] or die "$ARGV[0]: $!\n";
my $text = <$in>;
sub blank { my $lines = ($_[0] =~ tr/\n//); return "\n" x $lines }
$text =~ s{
    (^[ \t]*\#[ \t]*include[^\n]*)          # 1: kept
  | (//[^\n]*|/\*.*?\*/)                    # 2: a comment
  | (R"([^()\\\s]*)\(.*?\)\4")              # 3: a raw string
  | ("(?:\\.|[^"\\\n])*")                   # 5: a string
  | ('(?:\\.|[^'\\\n])')                    # 6: a character; a lone ' separates digits
}{ defined $1 ? $1 : defined $2 ? ' ' . blank($2) : defined $3 ? '""' . blank($3) : defined $5 ? '""' : "' '" }gmsxe;
my $n = 0;
print ++$n, "\t$_\n" for split /\n/, $text;
