#!/bin/bash
# The two lanes of `make check`, with suites that do nothing: whatever happens in one lane, all is counted, the other one
# goes on, and what a suite printed is shown in one piece.
# shellcheck disable=SC2034,SC2317,SC2329  # what lanes.sh reads and calls
set -euo pipefail
shopt -s inherit_errexit

lab=$(mktemp -d /tmp/ayb_test.XXXXXX)
trap 'rm -rf "$lab"' EXIT
trap 'exit 130' INT TERM
fail() {
    printf 'failed: %s\n' "$*" >&2
    cat "$lab/printed" "$lab/results" >&2
    exit 1
}
source "$(dirname "$0")/lanes.sh"
checkout=$lab out=$lab results=$lab/results
mkdir "$lab/.ci"
printf '%s\n' 'unit 60' 'tap 60' >"$lab/.ci/budget"

# What all cases begin with: suites that pass.
good() {
    printf '%s begins\n' "$1"
    printf '%s ends\n' "$1"
    count 2 0 "$1"
}
suite_build() { : >"$out/built"; }
suite_unit() { good unit; }
suite_oracle() { good oracle; }
suite_tap() { good tap; }
suite_api() { good api; }

# run SUITE ...: in lanes of its own; what it counted is in $results, sorted.
run() {
    : >"$results"
    rm -f "$lab"/{seconds,built}
    (
        run_lanes "$@"
        print_seconds
    ) >"$lab/printed" 2>&1
    sort -o "$results" "$results"
}
# counted LINE ...: these, and nothing else.
counted() { [[ $(<"$results") == "$(printf '%s\n' "$@" | sort)" ]] || fail "counted should be: $*"; }

run unit oracle tap api
counted '2 0 unit' '2 0 oracle' '2 0 tap' '2 0 api'
for suite in unit oracle tap api; do
    [[ $(<"$lab/printed") == *$'\n'"== $suite"$'\n'"$suite begins"$'\n'"$suite ends"$'\n'"-- $suite: "* ]] || fail "$suite isn't in one piece"
done
grep -qE '^together +[0-9]+$' "$lab/printed" || fail 'no sum of the seconds'

run unit
counted '2 0 unit'

# One that ends in the middle, and one that counts a failure.
(
    suite_oracle() {
        false
        good oracle
    }
    suite_tap() { count 5 1 tap; }
    run oracle unit tap api
    counted '0 1 oracle (status 1)' '2 0 unit' '5 1 tap' '2 0 api'
)

# Without a server the others still run.
(
    suite_build() { return 3; }
    run unit tap api oracle
    counted '2 0 unit' '0 1 build (status 3)' '2 0 oracle'
)

# A lane that is killed takes its suites along, and nothing of the other.
(
    suite_unit() {
        local me=$BASHPID
        echo "$me" >"$lab/pid"
        kill -KILL "$(cut -d ' ' -f 4 "/proc/$me/stat")"
        exec tail -f /dev/null
    }
    run unit oracle tap api
    counted '0 1 lane processor (status 137)' '2 0 tap' '2 0 api'
    for ((i = 0; i < 100; i++)); do
        [[ $(readlink "/proc/$(<"$lab/pid")/exe") == */tail ]] || exit 0
        sleep 0.1
    done
    fail 'what the lane ran goes on'
)

# Over the budget by half: a warning. Of a part of a suite nothing is known.
[[ $(took tap 90) != *warning* && $(took tap 91) == *'warning: tap took 91 s; its budget is 60'* ]] || fail 'no warning'
[[ $(TESTS=x took tap 91) != *warning* ]] || fail 'a warning for a part'
[[ $(took api 91) != *warning* ]] || fail 'a warning without a budget'
