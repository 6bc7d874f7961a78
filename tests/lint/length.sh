#!/bin/bash
# A source file over 300 lines deserves a second look; over 400 it fails.
source "$(dirname "$0")/lib.sh"

for file in {extension,sidecar}/**/*.{cpp,hpp,h,c,ts,tsx}; do
    [[ $file != */node_modules/* ]] || continue
    lines=$(wc -l <"$file")
    if ((lines > 400)); then
        wrong "$file:400" "has $lines lines; split it, one file a verb"
    elif ((lines > 300)); then
        printf '%s:300: note: %s lines\n' "$file" "$lines"
    fi
done
finish
