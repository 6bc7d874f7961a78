package Conditions;
# The grouped way had 182 decision points in 1,505 lines; its promises need two thirds of them. A decision point is an if,
# for, foreach, while or case, a ?:, && or ||. `make lint RULES=conditions` prints their number.
use strict;
use warnings;
use Lint;

my $most = 121;

sub look {
    my $count = 0;
    for my $file (sources('extension', qw(cpp hpp))) {
        next unless $file =~ m{^extension/(group/|pg/(group_timer|traces)\.)};
        my $text = code($file);
        $count++ while $text =~ /\b(?:if|for|foreach|while|case)\b|\?|&&|\|\|/g;
    }
    if ($count > $most) { wrong('extension/group:1', "the grouped way has $count conditions, of $most at most") }
    else                { note('extension/group:1', "the grouped way has $count conditions, of $most at most") if $count }
    return;
}

1;
