package Links;
# A link of a page leads to a file that is there, and to a heading in it; docs/README.md leads to each page of docs;
# and a page that a comment or a script names is there.
use strict;
use warnings;
use File::Basename qw(dirname);
use Lint;

# What a reader sees of a page but code; lines keep their numbers.
sub prose {
    my ($page) = @_;
    my $text = lines($page);
    utf8::decode($text);
    $text =~ s/^([ \t]*```.*?^[ \t]*```[ \t]*$)/"\n" x ($1 =~ tr{\n}{})/gmse;
    return $text;
}

# Its headings' names in links, as GitHub makes them: a second one of the same name ends in -1.
sub anchors {
    my ($page) = @_;
    my (%count, @anchors);
    for my $heading (prose($page) =~ /^#{1,6} +(.*)$/gm) {
        my $name = lc $heading =~ s/\[([^\]]*)\]\([^)]*\)/$1/gr =~ s/[^\w\- ]//gr =~ tr/ /-/r;
        my $before = $count{$name}++;
        push @anchors, $before ? "$name-$before" : $name;
    }
    return @anchors;
}

# [line, target] of each link to a place in this tree.
sub links {
    my ($page) = @_;
    my ($number, @found) = (0);
    for my $line (split /\n/, prose($page)) {
        $number++;
        my @targets = grep { defined } $line =~ s/`[^`]*`//gr =~ /\]\(([^)\s]+)\)|\b(?:src|href|srcset)="([^"]+)"/g;
        push @found, map { [$number, $_] } grep { !/^[a-z]+:/ } @targets;
    }
    return @found;
}

# The file below the root that a target means, seen from a page.
sub resolved {
    my ($page, $target) = @_;
    return $page if $target eq '';
    my @path;
    for (split m{/}, dirname($page) . "/$target") {
        if ($_ eq '..') { pop @path }
        elsif ($_ ne '.') { push @path, $_ }
    }
    return join '/', @path;
}

# The files that a page's links lead to.
sub follow {
    my ($page) = @_;
    my @reached;
    for (links($page)) {
        my ($line, $target) = @$_;
        my ($path, $anchor) = split /#/, $target, 2;
        my $file = resolved($page, $path);
        if (!-e $file) { wrong("$page:$line", "$target isn't there") }
        elsif (defined $anchor && !grep { $_ eq $anchor } anchors($file)) { wrong("$page:$line", "$target: there is no such heading") }
        push @reached, $file;
    }
    return @reached;
}

# Pages that code and scripts name. What these rules are tried on isn't there.
sub named {
    my @sources = map { sources($_, qw(cpp hpp ts tsx sql pl pm py sh js)) } qw(extension sidecar sql regress tests);
    for my $file (grep { !m{^tests/lint/selfcheck} } @sources) {
        my $number = 0;
        for my $line (split /\n/, lines($file)) {
            $number++;
            for ($line =~ m{(?<![\w/.-])(docs/[\w/-]+\.md)\b}g) { wrong("$file:$number", "$_ isn't there") if !-e }
        }
    }
    return;
}

sub look {
    my @docs = sources('docs', 'md');
    my %reached = map { $_ => [follow($_)] } (grep { -e } glob '*.md */README.md'), @docs;
    my %listed = map { $_ => 1 } @{ $reached{'docs/README.md'} // [] };
    for (grep { $_ ne 'docs/README.md' } @docs) { wrong("$_:1", 'docs/README.md has no link to it') if !$listed{$_} }
    return named();
}

1;
