# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared with who sources this, and with lib.sh
# Sourced after lib.sh by the benchmarks that run peers too: where tests/bench/peers/install has put them.

peers=$bench/../../.ayb/peers

# peer NAME MODE ...: runs the program of this name in tests/bench/peers by the peers' own Node. It is copied beside the
# packages, as Node looks for them from there.
peer() {
    local name=$1
    cp "$bench/peers/"*.mjs "$peers/npm/"
    "$peers/npm/node_modules/.bin/node" "$peers/npm/$name.mjs" "${@:2}"
}
