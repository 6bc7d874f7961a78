package Lint;
# What the rules share that read C++: each is a module here with a function look(), which is called in the tree's root
# and says wrong() of what it finds. rule.pl runs one; selfcheck.pl tries them on small trees.
use strict;
use warnings;
use Exporter 'import';
use File::Find;
our @EXPORT = qw(wrong note code lines sources includes);

our @said;
our $violations = 0;

sub wrong { my ($where, $what) = @_; push @said, "$where: $what\n"; $violations++; return }
sub note  { my ($where, $what) = @_; push @said, "$where: note: $what\n"; return }

my %code;

# Runs a rule on the tree below a directory; returns how many violations there are, and what is to be printed.
sub check {
    my ($rule, $root) = @_;
    @said = ();
    $violations = 0;
    %code = ();
    chdir $root or die "$root: $!\n";
    $rule->can('look')->();
    return ($violations, join '', @said);
}

# The files below a directory with one of these endings, in order.
sub sources {
    my ($directory, @endings) = @_;
    my ($ending, @files) = (join '|', @endings);
    return unless -d $directory;
    find({ no_chdir => 1, wanted => sub {
        $File::Find::prune = 1 if m{/node_modules$};
        push @files, $_ if /\.(?:$ending)$/ && -f;
    } }, $directory);
    @files = sort @files;
    return @files;
}

sub lines {
    my ($file) = @_;
    open my $in, '<', $file or die "$file: $!\n";
    local $/;
    return <$in> // '';
}

sub blank { return "\n" x ($_[0] =~ tr/\n//) }

# A file's text without comments and without what stands in strings; every line keeps its number, and the names of
# included files stay.
sub code {
    my ($file) = @_;
    return $code{$file} if defined $code{$file};
    my $text = lines($file);
    $text =~ s{
        (^[ \t]*\#[ \t]*include[^\n]*)          # 1: kept
      | (//[^\n]*|/\*.*?\*/)                    # 2: a comment
      | (R"([^()\\\s]*)\(.*?\)\4")              # 3: a raw string
      | ("(?:\\.|[^"\\\n])*")                   # 5: a string
      | ('(?:\\.|[^'\\\n])')                    # 6: a character; a lone ' separates digits
    }{ defined $1 ? $1 : defined $2 ? ' ' . blank($2) : defined $3 ? '""' . blank($3) : defined $5 ? '""' : "' '" }gmsxe;
    return $code{$file} = $text;
}

# What a file includes: [line, < or ", name].
sub includes {
    my ($file) = @_;
    my ($n, @found) = (0);
    for (split /\n/, code($file)) {
        $n++;
        push @found, [$n, $1, $2] if /^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)/;
    }
    return @found;
}

1;
