#!/bin/bash
# The dashboard's TypeScript: its types, and what biome finds: a circle of imports too. Without Node there is nothing to
# look with.
source "$(dirname "$0")/lib.sh"

# An error is told by its status, field, reason or SQLSTATE, never by what it says.
while IFS=: read -r file line _; do
    wrong "$file:$line" "reads an error's English"
done < <(grep -rnE 'message\.(startsWith|includes|match|indexOf)|\.test\([a-z.]*message' sidecar/dashboard/src || true)

status=0
"$lint/../harness/build-dashboard" check || status=$?
((status != 3)) || { printf 'note: no Node: the dashboard is not looked at\n' && exit 0; }
((status == 0)) || exit "$status"

# Each of two modules imports the other by PATH: biome has to see it, by the rules of the page.
page=$root/.ayb/build/dashboard
biome=$page/node_modules/@biomejs/cli-linux-x64/biome
[[ -x $biome ]] || exit 0
lab=$(mktemp -d)
trap 'rm -rf "$lab"' EXIT
cp "$page/biome.json" "$lab/"
mkdir "$lab/inner"
try_circle() { # try_circle good|bad PATH
    local verdict=good
    printf 'import { b } from "./inner/b";\n\nexport const a = (): number => b();\n' >"$lab/index.ts"
    printf 'import type { a } from "%s";\n\nexport const b = (): ReturnType<typeof a> => 1;\n' "$2" >"$lab/inner/b.ts"
    (cd "$lab" && "$biome" check --error-on-warnings .) >/dev/null 2>&1 || verdict=bad
    [[ $verdict == "$1" ]] || wrong tests/lint/dashboard.sh "finds this $verdict, not $1: an import of $2 in a circle"
}
printf 'export const a = (): number => 1;\n' >"$lab/other.ts"
try_circle good ../other
try_circle bad ../index
try_circle bad ..
finish
