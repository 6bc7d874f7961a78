#!/bin/bash
# clang-tidy with .clang-tidy's checks over extension/*.cpp, the sidecar and the unit tests, two files at a time. What was clean and has
# not changed since, headers and checks included, is not looked at again (.ayb/lint). The static analyzer follows calls less
# deeply than it could, which takes a quarter of the time: DEEP=yes lets it.
source "$(dirname "$0")/lib.sh"

[[ -d .ayb ]] || "$lint/../harness/install-tree"
pg_config=$("$lint/../harness/pg_config")
flags=(-std=c++17 -Iextension -Isidecar -Itests/unit -isystem "$("$pg_config" --includedir-server)" -isystem "$("$pg_config" --includedir)" -D_GNU_SOURCE -DAYB_JOBS_VERSION='"lint"' -DCRON_CASES='"tests/unit/data"' -Wall -Wextra)
[[ ${DEEP:-} ]] || flags+=(-Xclang -analyzer-config -Xclang mode=shallow)
mkdir -p .ayb/lint

# Everything that the verdict on a file may depend on, but the file itself.
surroundings=$({ cat .clang-tidy {extension,sidecar}/**/*.hpp "$lint/tidy.sh" && "$pg_config" --version && echo "${DEEP:-}"; } | cksum | tr ' ' _)
queue=()
for file in {extension,sidecar}/**/*.cpp tests/unit/*.cpp; do
    stamp=.ayb/lint/$(cksum <"$file" | tr ' ' _)_$surroundings
    [[ -e $stamp ]] || queue+=("$file" "$stamp")
done
((${#queue[@]})) || exit 0

look() { # look FLAGS ... FILE STAMP
    local count=$(($# - 2))
    local flags=("${@:1:count}") file=${*:count+1:1} stamp=${*:count+2:1} output
    if output=$(clang-tidy --quiet "$file" -- "${flags[@]}" 2>&1); then
        : >"$stamp"
    else
        printf '%s\n' "$output"
        return 1
    fi
}
export -f look
printf '%s\0' "${queue[@]}" | xargs -0 -n 2 -P "$(nproc)" bash -c 'look "$@"' bash "${flags[@]}"
