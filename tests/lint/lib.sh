# shellcheck shell=bash
# Sourced by the rules. A rule is called as `rule.sh [ROOT]` and looks at the tree below ROOT (this checkout by
# default); it prints "file:line: what is wrong" and fails if there was any.

set -euo pipefail
shopt -s inherit_errexit nullglob globstar

lint=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(cd "${1:-$lint/../..}" && pwd -P)
cd "$root"
violations=0

wrong() { # wrong WHERE WHAT
    printf '%s: %s\n' "$1" "$2"
    violations=$((violations + 1))
}

# scripts INTERPRETER SUFFIX...: sets files, the scripts of this language by their names or by their first lines.
scripts() {
    local file first
    files=()
    for file in .ci/run debian/* regress/**/* tests/**/*; do
        [[ -f $file ]] || continue
        if [[ ${file##*/} == *.* ]]; then
            [[ " ${*:2} " != *" ${file##*.} "* ]] || files+=("$file")
        elif IFS= read -r first <"$file" && [[ $first =~ ^\#!.*[/\ ]$1$ ]]; then
            files+=("$file")
        fi
    done 2>/dev/null # a file with zero bytes, of which bash would speak
}

finish() { ((violations == 0)) || exit 1; }
