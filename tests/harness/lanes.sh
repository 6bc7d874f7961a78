# shellcheck shell=bash disable=SC2154  # variables are shared with who sources this
# Sourced by check: suites in two lanes at once, each suite a process of its own. What they count comes together in the
# file $results, a line "PASSED FAILED WHAT" each; how long they took in $out/seconds.

# count PASSED FAILED WHAT
count() { printf '%s %s %s\n' "$1" "$2" "$3" >>"$results"; }

# lane_of SUITE: prints the lane that it belongs to.
lane_of() {
    case $1 in
        lint | unit | oracle | fuzz | page | threads | dashboard) echo processor ;;
        *) echo servers ;;
    esac
}

needs_tree() { [[ $1 != @(lint|unit|oracle|fuzz|page) ]]; }

# The extension in the private tree, once for all suites that start servers from it.
suite_build() {
    "$harness/install-tree" test 2>&1
    : >"$out/built"
}

# budget SUITE: prints how many seconds it should take on a quiet machine; nothing if that isn't said, or only a part of it
# is run.
budget() { [[ ${TESTS:-} ]] || awk -v suite="$1" '$1 == suite { print $2 }' "$checkout/.ci/budget"; }

# took SUITE SECONDS: says so, with a warning if that is half as much again as its budget.
took() {
    local budget
    budget=$(budget "$1")
    printf '%s %s %s\n' "$1" "$2" "${budget:--}" >>"$out/seconds"
    printf -- '-- %s: %s s\n' "$1" "$2"
    [[ ! $budget ]] || ((2 * $2 <= 3 * budget)) || printf 'warning: %s took %s s; its budget is %s\n' "$1" "$2" "$budget"
}

# run_suite SUITE: never fails. Alone it prints as it goes; beside another lane, all of it in the end. Not to be called where
# errexit is off: suites rely on it.
run_suite() {
    local started=$SECONDS log=$out/$1.output status=0
    if [[ $live ]]; then
        printf '\n== %s\n' "$1"
        "suite_$1" </dev/null &
    else
        "suite_$1" </dev/null >"$log" 2>&1 &
    fi
    wait $! || status=$?
    ((status == 0)) || count 0 1 "$1 (status $status)"
    {
        flock 8
        [[ $live ]] || { printf '\n== %s\n' "$1" && cat "$log"; }
        took "$1" $((SECONDS - started))
    } 8>"$out/printing"
}

run_lane() { # run_lane SUITE ...
    local suite
    for suite in "$@"; do run_suite "$suite"; done
}

# start_lane LANE SUITE ...: in the background, as a process group, so that all of it can be ended.
declare -A lane_pids=()
start_lane() {
    (($# > 1)) || return 0
    set -m
    run_lane "${@:2}" &
    lane_pids[$1]=$!
    set +m
}

# end_lane LANE: what is left of it. Asked again each second: a signal that reaches bash as it execs is lost.
end_lane() {
    local group=${lane_pids[$1]} i
    unset "lane_pids[$1]"
    for ((i = 0; i < 100; i++)); do
        ((i % 10)) || kill -TERM -- "-$group" 2>/dev/null || return 0
        kill -0 -- "-$group" 2>/dev/null || return 0
        sleep 0.1
    done
}

end_lanes() {
    local lane
    for lane in "${!lane_pids[@]}"; do end_lane "$lane"; done
}

wait_for_lane() { # wait_for_lane LANE
    local status=0
    [[ ${lane_pids[$1]:-} ]] || return 0
    wait "${lane_pids[$1]}" || status=$?
    ((status == 0)) || count 0 1 "lane $1 (status $status)"
    end_lane "$1"
}

# run_lanes SUITE ...: all of them. What can't be built or run counts as one failure, and the others still run.
run_lanes() {
    local suite processor=() servers=()
    live=yes
    for suite in "$@"; do
        if needs_tree "$suite"; then
            [[ -s $out/seconds ]] || start_lane build build
            wait_for_lane build
            [[ -e $out/built ]] || continue
        fi
        case $(lane_of "$suite") in
            processor) processor+=("$suite") ;;
            servers) servers+=("$suite") ;;
        esac
    done
    ((${#processor[@]} == 0 || ${#servers[@]} == 0)) || live=''
    start_lane processor "${processor[@]}"
    start_lane servers "${servers[@]}"
    wait_for_lane processor
    wait_for_lane servers
}

# print_seconds: what each suite took, and all tests together.
print_seconds() {
    [[ -s $out/seconds ]] || return 0
    printf '\n== seconds\n'
    awk '{ printf "%-10s %5d%s\n", $1, $2, $3 == "-" ? "" : sprintf("  of %d%s", $3, 2 * $2 > 3 * $3 ? ": over its budget" : "")
           if ($1 != "lint") all += $2 } END { printf "%-10s %5d\n", "together", all }' "$out/seconds"
}
