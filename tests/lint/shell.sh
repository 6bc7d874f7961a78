#!/bin/bash
# The shell scripts pass shellcheck.
source "$(dirname "$0")/lib.sh"

files=()
for file in .ci/run tests/**/*; do
    [[ -f $file ]] || continue
    case $file in
        *.sh) files+=("$file") ;;
        *) if head -n 1 "$file" | grep -qaE '^#!.*\b(ba)?sh$'; then files+=("$file"); fi ;;
    esac
done
((${#files[@]} == 0)) || shellcheck -x -P SCRIPTDIR -e SC1091 "${files[@]}"
