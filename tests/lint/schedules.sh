#!/bin/bash
# A test that no schedule names never runs: every sql/*.sql and specs/*.spec stands in its schedule, with its
# expected output. TAP files are numbered, each by itself: people name them so.
source "$(dirname "$0")/lib.sh"

check() { # check DIRECTORY SUBDIRECTORY SUFFIX
    local file name
    for file in "$1/$2"/*."$3"; do
        name=$(basename "$file" ".$3")
        grep -qE "^test:(.*[ \t])?$name([ \t]|\$)" "$1/schedule" 2>/dev/null || wrong "$file:1" "is not in $1/schedule"
        [[ -f $1/expected/$name.out ]] || wrong "$file:1" "has no $1/expected/$name.out"
    done
}
check regress sql sql
check regress/isolation specs spec
while read -r number; do
    wrong "regress/t" "several files are number $number"
done < <(printf '%s\n' regress/t/*.pl | sed 's|.*/||; s/_.*//' | sort | uniq -d)
finish
