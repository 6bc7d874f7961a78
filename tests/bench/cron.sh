#!/bin/bash
# cron: what parsing a rule and finding its next instant cost in the core library, without a server. Ordinary rules may
# take 5 microseconds, the rarest (a 29 February, a fifth Sunday of one month) 2 milliseconds.
source "$(dirname "$0")/lib.sh"

checkout=$(cd "$(dirname "$0")/../.." && pwd)
build=$checkout/.ayb/build/bench
log=$AYB_SCRATCH/cmake.log
if ! { cmake -S "$checkout" -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo &&
    cmake --build "$build" --target cron_bench -j "$(nproc)"; } >"$log" 2>&1; then
    die "$(tail -n 20 "$log")"
fi
# "RULE                   ZONE                 median N us ...", and "parse RULE      mean N us".
"$build/cron_bench" | while IFS= read -r line; do
    read -r rule < <(printf '%s\n' "${line:0:22}")
    read -r zone < <(printf '%s\n' "${line:23:20}")
    if [[ $line =~ ^parse\ (.*[^ ])\ +mean\ +([0-9.]+)\ us ]]; then
        report "cron, parsing ${BASH_REMATCH[1]}" us - "${BASH_REMATCH[2]}"
    elif [[ $line =~ median\ +([0-9.]+)\ us ]]; then
        limit=5
        [[ $rule != *29* && $rule != *#* ]] || limit=2000
        report "cron, next of $rule in $zone" us "$limit" "${BASH_REMATCH[1]}"
    else
        die "cron_bench prints what is not understood: $line"
    fi
done
