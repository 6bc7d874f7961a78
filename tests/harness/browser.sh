# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared with who sources this
# Sourced by suites.sh: the suites of the page, and the browser, which makes its pictures too.

# browser_modules: sets modules, where playwright-core and axe-core are, and node_path, where Node is.
browser_modules() {
    local directory=$state/build/browser
    node_path=$("$harness/find-node") || return 1
    modules=$directory/node_modules
    mkdir -p "$directory"
    cp "$checkout"/tests/dashboard/package*.json "$directory/"
    (cd "$directory" && PATH=$node_path:$PATH npm ci --ignore-scripts --no-audit --no-fund)
}

# run_browser DIRECTORY [NAME ...]: run.py, beside the sidecar as it is shipped, with DIRECTORY to write in.
run_browser() {
    local directory=$1
    shift
    for_server "$directory"
    in_time AYB_BIN="$tree_bin" AYB_SIDECAR="$state/build/sidecar/sidecar/ayb-jobs" AYB_OUT="$directory" \
        AYB_SOURCES="$sources" AYB_LANGUAGE="${language:-}" SCREENS="${SCREENS:-}" PATH="$node_path:$tree_bin:/usr/bin:/bin" \
        /usr/bin/python3 -B "$sources/tests/dashboard/run.py" "$modules" "$@" </dev/null 2>&1
}

# What the dashboard is made of, by Node alone.
suite_page() {
    local log=$out/page.log good bad
    "$harness/build-dashboard" test >"$log" 2>&1 || true
    good=$(sed -n 's/^# pass //p' "$log")
    bad=$(awk '/^# (fail|cancelled) / { bad += $3 } END { print bad + 0 }' "$log")
    [[ $good ]] || bad=1 # it could not even be built
    count "${good:-0}" "${bad:-1}" page
    ((${bad:-1} == 0)) || tail -n 100 "$log"
}

suite_dashboard() { run_dashboard dashboard; }

# run_dashboard NAME: the dashboard in Debian's Chromium, against the sidecar and a real server.
run_dashboard() {
    local log=$out/$1.log good bad names tests=() modules node_path
    if ! { "$harness/dependencies" browser && browser_modules && "$harness/build-dashboard" && "$harness/build-sidecar"; } >"$log" 2>&1; then
        tail -n 100 "$log"
        count 0 1 "$1 (build)"
        return 0
    fi
    [[ -z ${TESTS:-} ]] || read -ra tests <<<"$TESTS"
    run_browser "$out/$1" "${tests[@]}" | tee "$log" | grep -vE '^ *(---|\.\.\.|duration_ms|type:)' || true
    if [[ ! -f $out/$1/result ]]; then
        count 0 1 "$1"
        return 0
    fi
    { read -r good bad && read -r names; } <"$out/$1/result" || true
    count "$good" "$bad" "$1 ${names:-}"
}
