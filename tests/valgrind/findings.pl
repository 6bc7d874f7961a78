# findings.pl FILE ...: memcheck's errors in whose stack our library is, each once, with its stack. What a process never
# frees before it exits is no error.
use strict;
use warnings;

my %seen;
for my $file (@ARGV) {
    open my $in, '<', $file or die "$file: $!\n";
    my $xml = do { local $/; <$in> };
    for my $error ($xml =~ m{<error>(.*?)</error>}sg) {
        my ($kind) = $error =~ m{<kind>(.*?)</kind>};
        my ($stack) = $error =~ m{<stack>(.*?)</stack>}s;    # a second one says where the memory is from
        next if $kind =~ /^Leak/ || $stack !~ m{<obj>[^<]*/ayb_jobs\w*\.so</obj>};
        my @frames = map {
            my %of = m{<(fn|file|line|obj)>(.*?)</\1>}sg;
            $of{file} ? "$of{fn} ($of{file}:$of{line})" : ($of{fn} // '?') . " ($of{obj})";
        } $stack =~ m{<frame>(.*?)</frame>}sg;
        my $text = join "\n", $kind, map { "    $_" } @frames;
        print "$text\n\n" if !$seen{$text}++;
    }
}
