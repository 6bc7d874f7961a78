# shellcheck shell=bash disable=SC2034  # dir is for who sources this
# Sourced, after lib.sh, by the benchmarks in which another session holds an old snapshot. `dir` is theirs to write in.

dir=$(mktemp -d)
holder=
trap '[[ ! $holder ]] || kill "$holder" 2>/dev/null || true; rm -rf "$dir"' EXIT

# hold_snapshot: from now on until the end nothing that is removed can be cleaned up.
hold_snapshot() {
    coproc HOLDER { exec psql -XqAt; }
    holder=$HOLDER_PID
    printf '%s\n' 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1;' >&"${HOLDER[1]}"
    read -r _ <&"${HOLDER[0]}"
}

# run_slices N: calls slice so often, with "first" for the first three, "last" for the last three, "between" for others.
run_slices() {
    local i
    for ((i = 0; i < $1; i++)); do
        if ((i < 3)); then
            slice first
        elif ((i >= $1 - 3)); then
            slice last
        else
            slice between
        fi
    done
}
