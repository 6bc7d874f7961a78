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

finish() { ((violations == 0)) || exit 1; }
