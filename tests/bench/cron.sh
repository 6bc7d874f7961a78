#!/bin/bash
# cron: what parsing a rule and finding its next instant cost in the core library, outside of any server.
source "$(dirname "$0")/lib.sh"

checkout=$(cd "$(dirname "$0")/../.." && pwd)
build=$checkout/.ayb/build/bench
cmake -S "$checkout" -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo >"$AYB_SCRATCH/cmake.log" 2>&1 &&
    cmake --build "$build" --target cron_bench -j "$(nproc)" >>"$AYB_SCRATCH/cmake.log" 2>&1 ||
    die "$(tail -n 20 "$AYB_SCRATCH/cmake.log")"
"$build/cron_bench"
