#!/bin/bash
# `ayb-jobs work --user`: the program runs as somebody else, and the worker's files, environment and process are out of its reach.
# Only root may become somebody else.
set -euo pipefail
shopt -s inherit_errexit
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)

if ((EUID != 0)); then
    printf 'skipped: only root may become somebody else\n'
    exit 0
fi
if [[ ! ${AYB_SCRATCH:-} ]]; then
    "$here/build-sidecar" address,undefined >/dev/null
    exec "$here/scratch" "$0"
fi

fail() {
    printf 'failed: %s\n' "$*" >&2
    [[ ! ${worker:-} ]] || kill -KILL "$worker" || true
    exit 1
}
lab=$(mktemp -d /tmp/ayb_test.XXXXXX)
trap 'rm -rf "$lab"' EXIT
trap 'exit 130' INT TERM
chmod 755 "$lab"
install -m 600 /dev/stdin "$lab/secret" <<<'a password'
install -m 755 /dev/stdin "$lab/program" <<'EOF'
#!/bin/sh
# Whom it runs as, and what it can do to whoever started it.
read_it() { cat "$1" >/dev/null 2>&1 && echo read || echo refused; }
kill_it() { kill -0 "$1" 2>/dev/null && echo may || echo refused; }
guard=$PPID
worker=$(cut -d ' ' -f 4 "/proc/$guard/stat")
printf '"%s|%s|%s|%s|%s|%s|%s"' "$(id -u)" "$(id -G)" "$HOME" "$(read_it "$SECRET")" "$(read_it "/proc/$worker/environ")" \
    "$(kill_it "$guard")" "$(kill_it "$worker")"
EOF
query() { psql -XqAt -v ON_ERROR_STOP=1 -c "$1"; }
query "SELECT type FROM ayb_jobs.register_handler('program', kind => 'external', max_attempts => 1)" >/dev/null

# run OPTION ...: what the program says.
run() {
    local job end=$((SECONDS + 60)) status=0
    job=$(query "SELECT ayb_jobs.enqueue('program')")
    SECRET=$lab/secret "$checkout/.ayb/build/sidecar-address,undefined/sidecar/ayb-jobs" work program --env SECRET "$@" -- "$lab/program" \
        2>"$lab/log" &
    worker=$!
    until [[ $(query "SELECT phase FROM ayb_jobs.jobs WHERE id = '$job'") =~ completed|failed ]]; do
        ((SECONDS < end)) || fail "the job does not end: $(<"$lab/log")"
        sleep 0.1
    done
    kill -TERM "$worker"
    wait "$worker" || status=$?
    worker=
    ((status == 0)) || fail "the worker ended with $status: $(<"$lab/log")"
    query "SELECT coalesce(result #>> '{}', last_error) FROM ayb_jobs.jobs WHERE id = '$job'"
}

home=$(getent passwd nobody | cut -d : -f 6)
said=$(run --user nobody)
[[ $said == "$(id -u nobody)|$(id -G nobody)|$home|refused|refused|refused|refused" ]] || fail "as nobody: $said"
# Without it there is no wall, so the program's eyes are good.
said=$(run)
[[ $said == "0|"*"|read|read|may|may" ]] || fail "as root: $said"
