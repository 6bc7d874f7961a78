#!/bin/bash
# The shell scripts pass shellcheck.
source "$(dirname "$0")/lib.sh"

scripts '(ba)?sh' sh
((${#files[@]} == 0)) || shellcheck -x -P SCRIPTDIR -e SC1091 "${files[@]}"
