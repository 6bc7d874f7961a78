# tap.pl DIRECTORY RESULT FILE ...: runs the TAP files as prove does, and leaves in RESULT how many subtests
# passed and failed, and the files that failed. prove prints these numbers only in part, and only at times.
use strict;
use warnings;
use TAP::Harness;

my ($directory, $result, @files) = @ARGV;
chdir $directory or die "$directory: $!\n";

# PostgreSQL's modules bail out when a server does not start or stop. That ends the file; the others still run.
{
    package Harness;
    our @ISA = ('TAP::Harness');
    sub _bailout { print "bailed out: ", $_[1]->explanation, "\n" }
}

my $harness = Harness->new({
    jobs => $ENV{PROVE_JOBS} || 1,
    timer => 1,
    failures => 1,
    merge => 0,
});
my $run = $harness->runtests(@files);

my ($failed, @bad) = (scalar $run->failed);
for my $file ($run->descriptions) {
    my ($parser) = $run->parsers($file);
    next if !$parser->has_problems;
    push @bad, $file;
    # It died, or ran fewer subtests than it planned: a failure even if no subtest says so.
    $failed++ if !$parser->failed;
}

open my $out, '>', $result or die "$result: $!\n";
printf $out "%d %d\n%s\n", scalar $run->passed, $failed, join ' ', @bad;
close $out or die "$result: $!\n";
exit($failed ? 1 : 0);
