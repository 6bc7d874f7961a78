#!/bin/bash
# The engines that are broken on purpose, tests/chaos/broken_engines and tests/turns/broken_engines, are patches: each has to fit the engine as it is.
source "$(dirname "$0")/lib.sh"

for patch in tests/*/broken_engines/*.patch; do
    patch -p 1 --dry-run --fuzz=0 <"$patch" >/dev/null || wrong "$patch:1" "doesn't apply to the engine any more"
done
finish
