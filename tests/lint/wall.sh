#!/bin/bash
# The wall between C++ and PostgreSQL, as far as text can tell: no threads and no iostream in the backend; outside
# core no throw, catch only in pg/wall.*; no way out of PG_TRY but its end; no object of a class with a destructor
# from std:: outside core and the wall.
source "$(dirname "$0")/lib.sh"

forbid() { # forbid FILE PATTERN WHY
    local line
    while IFS= read -r line; do
        wrong "$1:${line%%$'\t'*}" "$3"
    done < <(code "$1" | grep -E "$2" || true)
}

# Leaves a PG_TRY block: prints the lines of a return, goto, throw or co_return between PG_TRY and PG_END_TRY, and of
# a break or continue there that no loop or switch inside the block encloses.
leaves_try() {
    code "$1" | perl -ne '
        my ($n, $text) = /^(\d+)\t(.*)$/s or next;
        while ($text =~ /\b(PG_TRY|PG_END_TRY|return|goto|throw|co_return|break|continue|for|while|do|switch)\b|([{}])/g) {
            my ($word, $brace) = ($1 // "", $2 // "");
            if ($word eq "PG_TRY") { push @try, scalar @braces }
            elsif ($word eq "PG_END_TRY") { pop @try }
            elsif ($word =~ /^(for|while|do|switch)$/) { $loop = 1 }
            elsif ($brace eq "{") { push @braces, $loop; $loop = 0 }
            elsif ($brace eq "}") { pop @braces }
            elsif (@try && $word =~ /^(break|continue)$/) {
                print "$n $word\n" unless $loop || grep { $_ } @braces[$try[-1] .. $#braces];
            }
            elsif (@try && $word) { print "$n $word\n" }
            $loop = 0 if $loop && $text =~ /\G[^{]*;\s*$/;
        }'
}

for file in extension/**/*.{cpp,hpp,h}; do
    forbid "$file" '#[ \t]*include[ \t]*<(iostream|thread|mutex|shared_mutex|future|condition_variable|regex)>' \
        "this header brings threads, locale or constructors at load time into the backend"
    forbid "$file" 'std::(thread|jthread|async|mutex|recursive_mutex|condition_variable|call_once|cout|cerr|clog|cin)\b|\bthread_local\b' \
        "no threads and no iostream in the backend"
    forbid "$file" '(^|[^_[:alnum:]])(exit|abort|quick_exit|terminate)[ \t]*\(' \
        "a backend ends by proc_exit or by an error, not by exit or abort"
    case $file in
        extension/core/*) continue ;;
        extension/pg/wall.*) ;;
        *)
            forbid "$file" '\b(catch|try)\b[ \t]*(\(|\{|$)' "exceptions stop at the one wall, pg/wall.*"
            forbid "$file" '(^|[^_:[:alnum:]])std::(string|vector|map|set|unordered_map|unordered_set|deque|list|function|unique_ptr|shared_ptr|ostringstream|stringstream|istringstream|optional<std::string)\b' \
                "an owning std:: object outside core: ereport would jump over its destructor"
            ;;
    esac
    forbid "$file" '\bthrow\b' "throw outside core"
    while read -r line word; do
        wrong "$file:$line" "$word leaves PG_TRY without restoring the error stack"
    done < <(leaves_try "$file")
done
finish
