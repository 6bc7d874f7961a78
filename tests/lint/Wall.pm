package Wall;
# The wall between C++ and PostgreSQL, as far as text can tell: no threads and no iostream in the backend; outside
# core no throw, catch only in pg/wall.*; no way out of PG_TRY but its end; no object of a class with a destructor
# from std:: outside core and the wall. Tables and indexes past SQL are pg's alone.
use strict;
use warnings;
use Lint;

my @everywhere = (
    [qr/#[ \t]*include[ \t]*<(iostream|thread|mutex|shared_mutex|future|condition_variable|regex)>/,
     'this header brings threads, locale or constructors at load time into the backend'],
    [qr/std::(thread|jthread|async|mutex|recursive_mutex|condition_variable|call_once|cout|cerr|clog|cin)\b|\bthread_local\b/,
     'no threads and no iostream in the backend'],
    [qr/(^|[^_[:alnum:]])(exit|abort|quick_exit|terminate)[ \t]*\(/,
     'a backend ends by proc_exit or by an error, not by exit or abort'],
);
my @outside_the_wall = (
    [qr/\b(catch|try)\b[ \t]*(\(|\{|$)/, 'exceptions stop at the one wall, pg/wall.*'],
    [qr/(^|[^_:[:alnum:]])std::(string|vector|map|set|unordered_map|unordered_set|deque|list|function|unique_ptr|shared_ptr|ostringstream|stringstream|istringstream|optional<std::string)\b/,
     'an owning std:: object outside core: ereport would jump over its destructor'],
);
my @outside_pg = (
    [qr/\b((heap|table|index|systable)_[a-z_]+|Exec[A-Z][A-Za-z]*)[ \t]*\(/,
     'access past SQL: pg/raw_table, pg/raw_range and pg/tuples have it'],
    [qr/=[ \t]*\w+->trigdesc\b|->rd_pkindex\b/,
     "the cache's own, which any look into a catalog may make anew: pg/relation has a copy"],
);
my @outside_core = ([qr/\bthrow\b/, 'throw outside core']);

sub forbid {
    my ($file, @forbidden) = @_;
    my $n = 0;
    for my $text (split /\n/, code($file)) {
        $n++;
        for (@forbidden) { wrong("$file:$n", $_->[1]) if $text =~ $_->[0] }
    }
    return;
}

# A return, goto, throw or co_return between PG_TRY and PG_END_TRY, and a break or continue there that no loop or
# switch inside the block encloses.
sub look_at_tries {
    my ($file) = @_;
    my ($n, $loop, @try, @braces) = (0, 0);
    for my $text (split /\n/, code($file)) {
        $n++;
        while ($text =~ /\b(PG_TRY|PG_END_TRY|return|goto|throw|co_return|break|continue|for|while|do|switch)\b|([{}])/g) {
            my ($word, $brace) = ($1 // '', $2 // '');
            if ($word eq 'PG_TRY') { push @try, scalar @braces }
            elsif ($word eq 'PG_END_TRY') { pop @try }
            elsif ($word =~ /^(for|while|do|switch)$/) { $loop = 1 }
            elsif ($brace eq '{') { push @braces, $loop; $loop = 0 }
            elsif ($brace eq '}') { pop @braces }
            elsif (@try && $word =~ /^(break|continue)$/) {
                leaves($file, $n, $word) unless $loop || grep { $_ } @braces[$try[-1] .. $#braces];
            }
            elsif (@try && $word) { leaves($file, $n, $word) }
            $loop = 0 if $loop && $text =~ /\G[^{]*;\s*$/;
        }
    }
    return;
}

sub leaves { my ($file, $n, $word) = @_; wrong("$file:$n", "$word leaves PG_TRY without restoring the error stack"); return }

sub look {
    for my $file (sources('extension', qw(cpp hpp h))) {
        forbid($file, @everywhere);
        next if $file =~ m{^extension/core/};
        forbid($file, @outside_the_wall) unless $file =~ m{^extension/pg/wall\.};
        forbid($file, @outside_core);
        forbid($file, @outside_pg) unless $file =~ m{^extension/pg/};
        look_at_tries($file);
    }
    return;
}

1;
