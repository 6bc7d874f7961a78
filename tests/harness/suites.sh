# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared with who sources this
# Sourced by check: the suites. Each calls `count PASSED FAILED NAME` and never fails itself, if it can.
source "$harness/browser.sh"

# make_sources: sets sources, where the server's user can read the tests: the checkout, or else a copy.
make_sources() {
    sources=$checkout
    as_server test -r "$checkout/regress" && return 0
    sources=$state/sources
    rm -rf "$sources"
    mkdir -p "$sources"
    cp -R "$checkout/regress" "$checkout/extension" "$checkout/tests" "$checkout/sidecar" "$checkout/docs" "$checkout/README.md" "$sources/"
    chmod -R a+rX "$sources"
}

# stop_leftovers: stops the servers of tests that were killed. Only what runs in our own check directory.
stop_leftovers() {
    local pid_file
    [[ -d ${out:-} && ${tree_bin:-} ]] || return 0
    while IFS= read -r pid_file; do
        server_stop "${pid_file%/postmaster.pid}" immediate
    done < <(find "$out" -name postmaster.pid)
}

# build_test_sidecar LOG [SANITIZERS]: the sidecar that tests run, with sanitizers; sets test_sidecar.
test_sidecar=
build_test_sidecar() {
    local sanitizers=${2:-address,undefined}
    test_sidecar="$state/build/sidecar-$sanitizers/sidecar/ayb-jobs"
    "$harness/build-sidecar" "$sanitizers" >"$1" 2>&1 || {
        tail -n 200 "$1"
        return 1
    }
}

# in_time COMMAND ...: as the server's user, for half an hour at most.
in_time() { as_server timeout --foreground -k 30 "${SUITE_TIMEOUT:-1800}" env "$@"; }

# The rules of tests/lint.
suite_lint() {
    if "$checkout/tests/lint/run"; then
        count 1 0 lint
    else
        count 0 1 lint
    fi
}

# run_unit PROGRAM LOG: all its cases in two processes, not one each: under a sanitizer a process takes longer to start than
# most cases to run. Prints how many ran; the failed ones go to unit.failed, a process that died among them.
run_unit() {
    local program=$1 log=$2 shard shards=() total=0 ran
    for shard in 0 1; do
        GTEST_TOTAL_SHARDS=2 GTEST_SHARD_INDEX=$shard timeout 600 "$program" </dev/null >"$log.$shard" 2>&1 &
        shards+=($!)
    done
    for shard in 0 1; do
        wait "${shards[shard]}" || tail -n 200 "$log.$shard" >&2
        ran=$(sed -nE 's/^\[=+\] ([0-9]+) tests? .* ran\. .*/\1/p' "$log.$shard")
        sed -nE 's/^\[ +FAILED +\] ([^ ,]+).* \([0-9]+ ms\)$/\1/p' "$log.$shard" >>"$out/unit.failed"
        [[ $ran ]] || echo "shard $shard of $program" >>"$out/unit.failed"
        total=$((total + ${ran:-1}))
    done
    echo "$total"
}

# Unit tests of core/, plain and under the sanitizers. A case counts once, and passes if it does in both.
suite_unit() {
    local kind build log=$out/unit.log total=0 bad
    : >"$out/unit.failed"
    for kind in plain sanitized; do
        build=$state/build/$kind
        if ! { cmake -S "$checkout" -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo \
            -DAYB_SANITIZE="$([[ $kind == plain ]] || echo address,undefined)" &&
            cmake --build "$build" -j "$(nproc)"; } >"$log" 2>&1; then
            tail -n 200 "$log"
            count 0 1 "unit ($kind build)"
            continue
        fi
        total=$(run_unit "$build/ayb_unit" "$out/unit.$kind")
        printf '%s: %s cases\n' "$kind" "$total"
    done
    bad=$(sort -u "$out/unit.failed" | wc -l)
    count $((${total:-0} - bad)) "$bad" unit
}

# count_regress NAME STATUS LOG: what pg_regress and its sibling printed, "test x ... ok" or "... FAILED"; from 16 on
# "ok 1 - x" or "not ok 1 - x".
count_regress() {
    local good bad
    good=$(grep -cE '\.\.\. ok( |$)|^ok [0-9]' "$3" || true)
    bad=$(grep -cE '\.\.\. (FAILED|failed)|^not ok [0-9]' "$3" || true)
    # It could not run, or its server went away: not to be taken for success.
    (($2 == 0 || bad > 0)) || bad=1
    count "$good" "$bad" "$1"
    ((bad == 0)) || show_diffs "$out/$1"
}

show_diffs() { # show_diffs OUTPUT_DIRECTORY
    if [[ -s $1/regression.diffs ]]; then
        tail -n 200 "$1/regression.diffs"
    else
        tail -n 50 "$1"/log/*.log 2>/dev/null || true
    fi
}

# run_regress NAME PROGRAM INPUT [OPTION ...]: PROGRAM makes a server of its own, on a socket in /tmp.
run_regress() {
    local name=$1 program=$2 input=$3 status=0 tests
    shift 3
    tests=(--schedule="$input/schedule")
    [[ -z ${TESTS:-} ]] || read -ra tests <<<"$TESTS"
    if [[ ! -f $input/schedule ]]; then
        # Nothing there yet is no failure; tests that nobody runs are.
        [[ -z $(find "$input"/s*/ -maxdepth 1 -type f 2>/dev/null || true) ]] || count 0 1 "$name (no schedule)"
        return 0
    fi
    for_server "$out/$name"
    in_time "$program" --inputdir="$input" --outputdir="$out/$name" --bindir="$tree_bin" \
        --temp-instance="$out/$name/instance" --temp-config="$sources/regress/postgresql.conf" \
        --no-locale --encoding=UTF8 "$@" "${tests[@]}" </dev/null 2>&1 | tee "$out/$name.log" || status=$?
    count_regress "$name" "$status" "$out/$name.log"
}

suite_regress() {
    run_regress regress "$test_dir/regress/pg_regress" "$sources/regress" --dbname=regression
}

suite_isolation() {
    run_regress isolation "$test_dir/isolation/pg_isolation_regress" "$sources/regress/isolation" \
        --temp-config="$sources/regress/isolation/postgresql.conf" --dbname=isolation --load-extension=ayb_jobs
}

# run_tap NAME VARIABLE=VALUE ... -- FILE ...: real servers, by PostgreSQL's own modules. TESTDIR is theirs to write in.
run_tap() {
    local name=$1 files=() variables=() status=0 log
    shift
    while [[ $1 != -- ]]; do
        variables+=("$1")
        shift
    done
    files=("${@:2}")
    ((${#files[@]})) || return 0
    # What has a test last longer than make check has time for.
    mapfile -t -O "${#variables[@]}" variables < <(env | grep -E '^(BACKFILL|UNIQUE|FLOW|AYB_ORACLE)_[A-Z]+=[0-9.]+$')
    for_server "$out/$name"
    in_time PG_REGRESS="$test_dir/regress/pg_regress" TESTDIR="$out/$name" TESTDATADIR="$out/$name/tmp_check" \
        TESTLOGDIR="$out/$name/tmp_check/log" PG_TEST_TIMEOUT_DEFAULT="${PG_TEST_TIMEOUT_DEFAULT:-180}" AYB_SEED="${AYB_SEED:-}" \
        PROVE_JOBS="${PROVE_JOBS:-3}" PERL5LIB="$test_dir/perl:$sources/regress/perl" "${variables[@]}" \
        perl "$sources/tests/harness/tap.pl" "$sources/regress" "$out/$name/result" "${files[@]}" \
        </dev/null 2>&1 || status=$?
    if [[ ! -f $out/$name/result ]]; then
        count 0 1 "$name"
        tail -n 50 "$out/$name"/tmp_check/log/regress_log_* 2>/dev/null || true
    else
        local good bad names
        { read -r good bad && read -r names; } <"$out/$name/result" || true
        count "$good" "$bad" "$name"
        for log in ${names:-}; do
            log=$out/$name/tmp_check/log/regress_log_$(basename "$log" .pl)
            [[ ! -f $log ]] || { printf '\n-- %s\n' "$log" && tail -n 200 "$log"; }
        done
    fi
}

suite_tap() {
    local files=()
    if [[ -n ${TESTS:-} ]]; then
        read -ra files <<<"$TESTS"
    else
        mapfile -t files < <(cd "$sources/regress" && find t -name '*.pl' 2>/dev/null | sort)
    fi
    ((${#files[@]})) || return 0
    # The sidecar is there for those that ask for it.
    if (cd "$sources/regress" && grep -q AYB_SIDECAR "${files[@]}") && ! build_test_sidecar "$out/tap.log"; then
        count 0 1 'tap (build of the sidecar)'
        return 0
    fi
    run_tap tap AYB_SIDECAR="$test_sidecar" -- "${files[@]}"
}

# The engine's tests once more, with every type grouped from its first job on.
suite_grouped() {
    local conf=$sources/regress/grouped.conf files=() wanted=${TESTS-}
    if [[ -n $wanted ]]; then
        read -ra files <<<"$wanted"
    else
        mapfile -t files < <(sed 's/ *#.*//; /^$/d' "$sources/regress/grouped")
    fi
    [[ $wanted == *t/* ]] || run_regress grouped_regress "$test_dir/regress/pg_regress" "$sources/regress" \
        --temp-config="$conf" --dbname=regression
    [[ -n $wanted && $wanted != *t/* ]] || run_tap grouped_tap TEMP_CONFIG="$conf" AYB_GROUPED=1 -- "${files[@]}"
}

# A cluster under Patroni, its hosts in namespaces that only this process tree is in: no root is needed, nothing outside
# is touched, and what is started in it can't outlive it. The first process there buries the orphans.
suite_ha() {
    local good=0 bad=1 log=$out/ha.log
    for_server "$out/ha"
    if "$harness/dependencies" ha && build_test_sidecar "$log"; then
        in_time unshare --user --map-current-user --keep-caps --net --mount --pid --fork --kill-child --mount-proc \
            env PG_REGRESS=none TESTDIR="$out/ha" TESTDATADIR="$out/ha/tmp_check" TESTLOGDIR="$out/ha/tmp_check/log" \
            AYB_BIN="$tree_bin" AYB_SIDECAR="$test_sidecar" PERL5LIB="$test_dir/perl:$sources/regress/perl" \
            bash -c '"$@"; exit $?' ha \
            perl "$sources/tests/harness/tap.pl" "$sources/regress" "$out/ha/result" ha/patroni.pl </dev/null 2>&1 || true
        read -r good bad <"$out/ha/result" || true
    fi
    count "$good" "$bad" ha
    ((bad == 0)) || tail -n 100 "$out/ha/tmp_check/log/regress_log_patroni" || true
}

# The manual's workers outside, in the languages whose clients can be had here. AYB_GO and GOPATH add Go.
suite_clients() {
    local good=0 bad=1 dir=$state/build/clients
    for_server "$out/clients"
    if "$harness/dependencies" clients && mkdir -p "$dir" && cp "$checkout"/tests/clients/*.json "$dir/" &&
        (cd "$dir" && npm ci --no-audit --no-fund >"$out/clients.log" 2>&1); then
        in_time PG_REGRESS="$test_dir/regress/pg_regress" TESTDIR="$out/clients" TESTDATADIR="$out/clients/tmp_check" \
            TESTLOGDIR="$out/clients/tmp_check/log" AYB_CLIENTS="$dir" AYB_GO="${AYB_GO:-}" GOPATH="${GOPATH:-}" \
            PERL5LIB="$test_dir/perl:$sources/regress/perl" \
            perl "$sources/tests/harness/tap.pl" "$sources/regress" "$out/clients/result" clients/workers.pl </dev/null 2>&1 || true
        read -r good bad <"$out/clients/result" || true
    fi
    count "$good" "$bad" clients
    ((bad == 0)) || tail -n 100 "$out/clients.log" "$out"/clients/tmp_check/log/regress_log_workers || true
}

# Our cron engine against two independent ones, npm's, on 5,000 random cases; docs/cron-oracles.md has the differences.
suite_oracle() {
    local dir=$state/build/oracle log=$out/oracle.log
    if ! { "$harness/dependencies" oracle && mkdir -p "$dir" &&
        cp "$checkout"/tests/oracle/*.js{,on} "$dir/" &&
        (cd "$dir" && npm ci --no-audit --no-fund) &&
        cmake -S "$checkout" -B "$state/build/plain" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DAYB_SANITIZE= &&
        cmake --build "$state/build/plain" --target cron_cli -j "$(nproc)"; } >"$log" 2>&1; then
        tail -n 50 "$log"
        count 0 1 'oracle (build)'
    elif CRON_CLI=$state/build/plain/cron_cli timeout 300 node "$dir/oracle.test.js" </dev/null >"$log" 2>&1; then
        grep alike "$log"
        count 1 0 oracle
    else
        tail -n 100 "$log"
        count 0 1 oracle
    fi
}

# Some seconds of what `make fuzz` does for longer, on from where the last time ended.
suite_fuzz() {
    local log=$out/fuzz.log
    if timeout 600 "$harness/fuzz" "${FUZZ_SECONDS:-20}" </dev/null >"$log" 2>&1; then
        grep -E 'number_of_executed_units|new_units_added' "$log"
        count 1 0 fuzz
    else
        tail -n 100 "$log"
        count 0 1 fuzz
    fi
}

# run_python NAME [ARGUMENT ...]: tests/$tests_of/run.py (tests/NAME/run.py), which leaves in its result what passed and
# failed. It gets the sidecar, built with $sanitizers, to start by $launch as a process of its own in front of a real
# server.
tests_of='' sanitizers='' launch=''
run_python() {
    local name=$1 log=$out/$1.log good bad names
    shift
    if ! build_test_sidecar "$log" "$sanitizers"; then
        count 0 1 "$name (build)"
        return 0
    fi
    for_server "$out/$name"
    in_time AYB_BIN="$tree_bin" AYB_SIDECAR="$test_sidecar" \
        AYB_OUT="$out/$name" AYB_SOURCES="$sources" AYB_SEED="${AYB_SEED:-}" AYB_LAUNCH="$launch" \
        AYB_LANGUAGE="${language:-}" \
        AYB_NODE="${api_node:-}" AYB_CLIENT="${api_client:-}" \
        /usr/bin/python3 -B "$sources/tests/${tests_of:-$name}/run.py" "$@" </dev/null 2>&1 | tee "$log" || true
    if [[ ! -f $out/$name/result ]]; then
        count 0 1 "$name"
        return 0
    fi
    { read -r good bad && read -r names; } <"$out/$name/result" || true
    count "$good" "$bad" "$name ${names:-}"
}

suite_api() { run_api api; }

# run_api NAME: the API's tests.
run_api() {
    local tests=() made api_node api_client tests_of=api
    if ! { "$harness/dependencies" dashboard && made=$("$harness/build-api-client"); } >"$out/client.log" 2>&1; then
        tail -n 100 "$out/client.log"
        count 0 1 "$1 (client)"
        return 0
    fi
    read -r api_node api_client <<<"$made"
    [[ -z ${TESTS:-} ]] || read -ra tests <<<"$TESTS"
    run_python "$1" "${tests[@]}"
}

# Those of the API's tests in which threads meet, under ThreadSanitizer, which some kernels' randomized addresses are too
# wide for; where that can't be switched off, it may do without.
suite_threads() {
    local tests_of=api sanitizers=thread launch='' wanted=(auth database events http)
    [[ -z ${TESTS:-} ]] || read -ra wanted <<<"$TESTS"
    ! as_server setarch -R true 2>/dev/null || launch='setarch -R'
    run_python threads "${wanted[@]}"
}

suite_chaos() { run_python chaos "${CHAOS_KILLS:-30}"; }

# Random graphs of flows, more than make check has time for.
suite_flows() { SUITE_TIMEOUT=${SUITE_TIMEOUT:-7200} FLOW_GRAPHS=${FLOW_GRAPHS:-1000} run_tap flows -- t/099_flows.pl; }

# Limits, counted by a process outside PostgreSQL while others are killed.
suite_turns() { run_python turns "${TURNS_SECONDS:-20}"; }

# The checkers of chaos and turns, and the isolation spec of flows, against engines that are broken on purpose: their folders broken_engines have a patch each,
# whose first line is what has to be found.
suite_broken() {
    local patch patches=() name test kind root=$state/broken/root log=$out/broken.log
    for patch in "$checkout"/tests/{chaos,flows,turns}/broken_engines/*.patch; do
        name=$(basename "$patch" .patch)
        [[ " ${TESTS:-$name} " != *" $name "* ]] || patches+=("$patch")
    done
    # The spec of flows needs no sidecar.
    if [[ " ${patches[*]} " == *tests/[ct]* ]] && ! build_test_sidecar "$log"; then
        count 0 1 'broken (build)'
        return 0
    fi
    rm -rf "$state/broken"
    make_tree "$root"
    install_into_tree "$checkout/regress/module" "$root" >"$log" 2>&1
    for patch in "${patches[@]}"; do
        name=$(basename "$patch" .patch) test=$(basename "$(dirname "$(dirname "$patch")")")
        kind=$(head -n 1 "$patch")
        for_server "$out/broken/$name"
        if build_broken "$patch" "$root" >"$log" 2>&1 &&
            in_time AYB_BIN="$root$bin_dir" AYB_SIDECAR="$test_sidecar" AYB_OUT="$out/broken/$name" AYB_SOURCES="$sources" \
                AYB_ISOLATION="$test_dir/isolation/pg_isolation_regress" \
                /usr/bin/python3 -B "$sources/tests/$test/broken_engine.py" "$kind" </dev/null >>"$log" 2>&1; then
            printf '%s: %s\n' "$name" "$(grep ^found: "$log")"
            count 1 0 broken
        else
            tail -n 100 "$log"
            count 0 1 "broken $name"
        fi
    done
}

# build_broken PATCH ROOT: what differs is compiled, the rest is as the build left it.
build_broken() {
    local copy=${1##*/}
    copy=$state/broken/${copy%.patch}
    mkdir -p "$copy"
    cp -a "$checkout/extension" "$checkout/sql" "$copy/" && patch -d "$copy" -p 1 --fuzz=0 <"$1" &&
        install_into_tree "$copy/extension" "$2"
}

# Tests of the harness itself; each file is one test, run as whoever runs this.
suite_harness() {
    local file name
    for file in "$checkout"/tests/harness/*_test.sh; do
        [[ -f $file ]] || continue
        name=$(basename "$file")
        if "$file" </dev/null >"$out/$name.log" 2>&1; then
            printf '%s ok\n' "$name"
            sed -n '/^skipped: /p' "$out/$name.log"
            count 1 0 harness
        else
            printf '%s FAILED\n' "$name"
            tail -n 200 "$out/$name.log"
            count 0 1 "harness $name"
        fi
    done
}
