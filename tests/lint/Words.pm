package Words;
# Errors have an identity, which is not their English: the sidecar and the page compare nothing with words, and no test of
# theirs has words that only the engine has. `make mutation` shows the same by running them.
use strict;
use warnings;
use Lint;

my $literal = qr/"(?:\\.|[^"\\\n])*"/;

# What stays of a text between its placeholders and names, where that is three words or more.
sub fragments {
    my ($text) = @_;
    $text =~ s/"\s*"//g;
    $text =~ s/^"|"$//g;
    return grep { 3 <= (() = /\w+/g) } map { s/^\W+|\W+$//gr } split /%[0-9.*+#hlqjzt-]*[a-zA-Z]|\\"/, $text;
}

# fragment => where the engine says it.
sub of_the_engine {
    my %said;
    for my $file (sources('extension', qw(cpp hpp))) {
        my $text = lines($file);
        while ($text =~ /\berr(?:msg|detail|hint)\(\s*($literal(?:\s*$literal)*)/g) {
            $said{$_} //= $file for fragments($1);
        }
    }
    return %said;
}

sub line_of { my ($text, $at) = @_; return 1 + (substr($text, 0, $at) =~ tr/\n//) }

# A test's text without comments.
sub tested {
    my ($file) = @_;
    my $mark = $file =~ /py$/ ? '#' : '//';
    return lines($file) =~ s/^\s*\Q$mark\E.*$//gmr;
}

sub look_at_tests {
    my (@own) = @_;
    my %said = of_the_engine();
    my $own = join "\n", map { lines($_) } @own;
    my @alien = grep { index($own, $_) < 0 } sort keys %said;
    for my $file (sources('tests/api', 'py'), sources('tests/dashboard', 'js')) {
        my $text = tested($file);
        for my $words (@alien) {
            my $at = index $text, $words;
            wrong($file . ':' . line_of($text, $at), "\"$words\" are words of $said{$words}: ask for the SQLSTATE, the field or the reason")
                if $at >= 0;
        }
    }
    return;
}

sub look_at_comparisons {
    my $words = qr/["'`][A-Za-z]+ [a-z]+ ?[^"'`\n]*["'`]/;
    for my $file (@_) {
        my $text = lines($file);
        while ($text =~ /(?:[=!]=|\b(?:find|compare|includes|startsWith|endsWith|match|strstr)\()\s*$words/g) {
            wrong($file . ':' . line_of($text, $-[0]), 'compared with words, which may change');
        }
    }
    return;
}

sub look {
    my @own = (sources('sidecar', 'cpp', 'hpp'), grep { !m{/openapi\.d\.ts$} } sources('sidecar/dashboard/src', 'ts', 'tsx'));
    look_at_comparisons(@own);
    look_at_tests(@own);
    return;
}

1;
