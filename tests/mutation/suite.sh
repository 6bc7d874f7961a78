# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared with who sources this
# Sourced by check: the tests of the sidecar and of the page beside an engine that says everything in other words, on a
# PostgreSQL that speaks German where its translations are installed. They know an error by its SQLSTATE, its column and
# its reason, so none may fail.

# build_mutated: the extension, in other words, in a tree of its own; sets language, and tree_bin to that tree's.
build_mutated() {
    local root=$state/mutation/root copy=$state/mutation/source words=$checkout/tests/mutation locales
    language=de
    tree_bin=$root$bin_dir
    [[ ! -e $out/mutated ]] || return 0
    locales=$("$PG_CONFIG" --localedir)
    rm -rf "$state/mutation"
    mkdir -p "$copy"
    make_tree "$root"
    ln -s "$locales" "$root$locales"
    # What reports nothing is as the build left it.
    cp -a "$checkout/extension" "$checkout/sql" "$copy/"
    cp "$words/other_words.hpp" "$copy/extension/pg/"
    grep -rlE 'err(msg|detail|hint)\(' --include='*.cpp' "$copy/extension" | xargs sed -i '1i #include "pg/other_words.hpp"'
    "$words/other_words.pl" "$copy"/sql/[0-9]*.sql \
        "$copy"/extension/{lease/{recover,run},matview/{refresh,statement},schedule/tick}.cpp
    install_into_tree "$copy/extension" "$root"
    : >"$out/mutated"
}

suite_mutated_api() {
    local language tree_bin
    build_mutated
    run_api mutated_api
}

suite_mutated_dashboard() {
    local language tree_bin
    build_mutated
    run_dashboard mutated_dashboard
}
