#!/usr/bin/perl
# other_words.pl FILE ...: rewrites these files of SQL or C++ so that errors are said in other words: each letter becomes
# another one. Placeholders stay, and what is no English: names in double quotes, words with an underscore or in capitals.
# In SQL that is what RAISE says; in C++ whatever is of three words or more, which is for files whose texts are kept as the
# errors of jobs and refreshes. What ereport says becomes other words by other_words.hpp.
use strict;
use warnings;

my $placeholder = qr/%[0-9.*+ #hlqjzt-]*[a-zA-Z%]/;

sub changed {
    my ($text) = @_;
    my $piece = sub {
        my ($word) = @_;
        return $word if $word =~ /_/ || length $word > 1 && $word !~ /[a-z]/;
        return $word =~ tr/A-Za-z/F-ZA-Ef-za-e/r;
    };
    return $text =~ s/((?:$placeholder|\\"[^"]*\\"|"[^"]*"|\\.)+)|([A-Za-z0-9_.]+)/$1 \/\/ $piece->($2)/gers;
}

sub changed_sql {
    my ($sql) = @_;
    my $said = qr/(?:MESSAGE|DETAIL|HINT)\ =\ (?:format\()?|RAISE\ (?:NOTICE|WARNING|EXCEPTION)\ /x;
    return $sql =~ s/\b($said)'((?:[^']|'')*)'/"$1'" . changed($2) . q(')/ger;
}

sub changed_cpp {
    my ($source) = @_;
    my $other = sub {
        my ($text) = @_;
        my $words = () = $text =~ /[A-Za-z']{2,}/g;
        return '"' . ($words < 3 || $text =~ /\b(?:SELECT|WHERE|AND)\b/ ? $text : changed($text)) . '"';
    };
    return $source =~ s{(R"(\w*)\(.*?\)\2"|//[^\n]*|\#include[^\n]*)|"((?:[^"\\\n]|\\.)*)"}{$1 // $other->($3)}gers;
}

for my $file (@ARGV) {
    open my $in, '<', $file or die "$file: $!\n";
    my $text = do { local $/ = undef; <$in> };
    close $in;
    my $other = $file =~ /\.sql$/ ? changed_sql($text) : changed_cpp($text);
    die "$file: nothing in it is said\n" if $other eq $text && $file !~ /\.sql$/;
    open my $out, '>', $file or die "$file: $!\n";
    print {$out} $other;
    close $out or die "$file: $!\n";
}
