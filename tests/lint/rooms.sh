#!/bin/bash
# The arrows between the rooms, drawn in extension/README.md; core knows no PostgreSQL, and one header its majors; the
# sidecar knows nothing of the extension.
source "$(dirname "$0")/lib.sh"

# What a file of a room may include of ours: its own room, and those that stand below it. The engine's rooms lie on each
# other in this order; schedule and matview stand beside the ways in which jobs are run.
declare -A may
below=
lay() { # lay ROOM ...: rooms side by side on what was laid so far
    local room
    for room; do may[$room]="$below $room "; done
    below+=" $* "
}
lay core
lay pg
lay memory
lay hooks
lay base
lay handlers
lay jobs
jobs=$below
lay lease
lay group outside
lay look
for room in schedule matview; do may[$room]="$jobs $room "; done
below+=" schedule matview "
lay workers
lay .

# The one header that knows PostgreSQL's majors apart.
majors=extension/pg/postgres.hpp
pg_config=$("$lint/../harness/pg_config")
server=$("$pg_config" --includedir-server)

includes() { code "$1" | sed -nE 's/^([0-9]+)\t[ \t]*#[ \t]*include[ \t]*([<"][^">]+).*/\1 \2/p'; }

check_extension_file() { # FILE ROOM
    local line header quote target
    while read -r line header; do
        quote=${header:0:1} header=${header:1}
        target=${header%%/*}
        if [[ $header == *..* ]]; then
            wrong "$1:$line" "\"$header\": include relative to extension/, as \"room/file.hpp\""
        elif [[ $target != "$header" && -n ${may[$target]:-} && -f extension/$header ]]; then
            [[ ${may[$2]} == *" $target "* ]] || wrong "$1:$line" "room $2 may not include $header"
        elif [[ $header == sidecar/* ]]; then
            wrong "$1:$line" "the extension may not include the sidecar's $header"
        elif [[ $header == *.hpp ]]; then
            wrong "$1:$line" "there is no extension/$header: ours are included as \"room/file.hpp\""
        elif [[ $2 == core && ( $quote == '"' || -e $server/$header || $header == *pq*.h ) ]]; then
            wrong "$1:$line" "core may not include PostgreSQL's $header"
        fi
    done < <(includes "$1")
}

for file in extension/**/*.{cpp,hpp,h}; do
    room=$(dirname "${file#extension/}")
    if [[ -z ${may[$room]:-} ]]; then
        wrong "$file:1" "extension/$room is no room that tests/lint/rooms.sh knows"
        continue
    fi
    [[ $room != . || $file == extension/ayb_jobs.cpp ]] || wrong "$file:1" "only ayb_jobs.cpp stands outside the rooms"
    check_extension_file "$file" "$room"
    [[ $file != "$majors" ]] || continue
    while IFS=$'\t' read -r line _; do
        wrong "$file:$line" "what differs by PostgreSQL's major belongs into $majors"
    done < <(code "$file" | grep -E 'PG_VERSION_NUM|PG_MAJORVERSION' || true)
done

# The sidecar's own arrows: db and json know nobody, http json alone, api these, cli these, app all.
declare -A sidecar_may=(
    [db]=" db "
    [json]=" json "
    [http]=" json http "
    [api]=" db json http api "
    [cli]=" db json http api cli "
    [app]=" db json http api cli app "
)
for file in sidecar/**/*.{cpp,hpp,h}; do
    room=$(dirname "${file#sidecar/}")
    [[ ${sidecar_may[$room]:-} ]] || wrong "$file:1" "sidecar/$room is no room that tests/lint/rooms.sh knows"
    while read -r line header; do
        header=${header:1}
        if [[ $header == *extension/* || -f extension/$header || -f $server/$header && $header != *libpq* ]]; then
            wrong "$file:$line" "the sidecar may not include $header: SQL is the contract"
        elif [[ ${sidecar_may[${header%%/*}]:-} && ${sidecar_may[$room]:-} != *" ${header%%/*} "* ]]; then
            wrong "$file:$line" "room $room of the sidecar may not include $header"
        fi
    done < <(includes "$file")
done
finish
