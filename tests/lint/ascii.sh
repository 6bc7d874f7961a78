#!/bin/bash
# What the server reads or says itself is ASCII: in a database of another encoding than UTF-8 CREATE EXTENSION refuses any
# other character in a script, and a message of the library would be bytes of no character. Comments in C++ are free.
source "$(dirname "$0")/lib.sh"
export LC_ALL=C # bytes

find_in() { # find_in PATTERN FILE...
    local line
    while IFS= read -r line; do
        wrong "$(cut -d: -f1,2 <<<"$line")" "a character that isn't ASCII"
    done < <(grep -nHP "$@" || true)
}

files=(sql/**/*.sql extension/*.control)
((${#files[@]} == 0)) || find_in '[^\x00-\x7F]' "${files[@]}"
files=(extension/**/*.{cpp,hpp})
((${#files[@]} == 0)) || find_in '^(?:(?!//).)*[^\x00-\x7F]' "${files[@]}"
finish
