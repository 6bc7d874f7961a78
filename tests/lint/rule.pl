# rule.pl NAME [ROOT]: runs one of the rules that read C++ on the tree below ROOT (this checkout by default).
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Lint;

my ($name, $root) = @ARGV;
my $rule = ucfirst $name;
require "$rule.pm"; ## no critic (RequireBarewordIncludes): which one, the caller says
my ($violations, $said) = Lint::check($rule, $root // "$FindBin::RealBin/../..");
print $said;
exit($violations ? 1 : 0);
