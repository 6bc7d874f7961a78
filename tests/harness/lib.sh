# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared with who sources this
# Sourced by the scripts beside it: where things are, and who runs PostgreSQL.
#
# Everything made at run time lives in .ayb:
#   root/   a relocated copy of PostgreSQL that has our extension; the system's own is never written to
#   run/    the private server: data, socket, log, password; belongs to the server's user, nobody else may look
#   check/  what the last `make check` left
#   build/  the unit tests' builds

set -euo pipefail
shopt -s inherit_errexit
umask 022
# These scripts are run by make, but their own makes are none of its jobs.
unset MAKEFLAGS MFLAGS MAKELEVEL CDPATH

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
harness=$checkout/tests/harness

say() { printf '%s\n' "$*" >&2; }
die() {
    say "error: $*"
    exit 1
}

# progress WHAT [FILES]: says how far a build is, from what it prints: cmake's percentages, by tens, or each tenth call of the
# compiler, of FILES that there are at most. What our scripts say that they install or build is passed on.
progress() {
    local line files=0 said=0
    while IFS= read -r line; do
        if [[ $line =~ ^\[\ *([0-9]+)%\]\ Building ]]; then
            ((files++)) || say "building $1"
            ((BASH_REMATCH[1] / 10 > said)) || continue
            said=$((BASH_REMATCH[1] / 10))
            say "  $1: ${BASH_REMATCH[1]} %"
        elif [[ $line == *' -c -o '* ]]; then
            ((files++)) || say "building $1"
            ((files % 10)) || say "  $1: $files of $2 files"
        elif [[ $line =~ ^(installing|building)\  ]]; then
            say "$line"
        fi
    done
}

# find_postgres: sets PG_CONFIG (kept, if the caller gave one) and the directories that it names.
find_postgres() {
    PG_CONFIG=$("$harness/pg_config")
    bin_dir=$("$PG_CONFIG" --bindir)
    lib_dir=$("$PG_CONFIG" --pkglibdir)
    share_dir=$("$PG_CONFIG" --sharedir)
    test_dir=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
    export PG_CONFIG
    readonly bin_dir lib_dir share_dir test_dir
}

# as_server [NAME=VALUE ...] COMMAND ...: runs COMMAND as the user who runs PostgreSQL, which refuses to be run
# by root, in a clean environment: a caller's PGHOST or PGOPTIONS must not reach a test or a server.
as_server() {
    local clean=(env -i HOME="${state:-/}/run" PATH="${tree_bin:-/usr/bin}:/usr/local/bin:/usr/bin:/bin"
        USER="$server_user" LOGNAME="$server_user" LANG=C.UTF-8 TERM="${TERM:-dumb}")
    (
        cd "${state:-/}"
        if ((EUID == 0)); then
            exec setpriv --reuid="$server_user" --regid="$(id -g "$server_user")" --init-groups \
                "${clean[@]}" "$@"
        fi
        exec "${clean[@]}" "$@"
    )
}

# for_server DIRECTORY: makes it, belonging to the server's user.
for_server() {
    if ((EUID == 0)); then
        install -d -m 700 -o "$server_user" -g "$(id -g "$server_user")" "$1"
    else
        install -d -m 700 "$1"
    fi
}

# make_state: sets state (.ayb, made if need be) and server_user. A checkout that the server's user can't reach
# (below a home directory of mode 0700, say) gets a directory under /var/tmp that .ayb points to.
make_state() {
    server_user=$(id -un)
    ((EUID != 0)) || server_user=postgres
    if [[ ! -e $checkout/.ayb ]]; then
        rm -f "$checkout/.ayb" # a link whose target was cleaned away
        if as_server test -r "$checkout/Makefile"; then
            mkdir "$checkout/.ayb"
        else
            local elsewhere
            elsewhere=$(mktemp -d /var/tmp/ayb_jobs.XXXXXX)
            chmod 755 "$elsewhere"
            ln -s "$elsewhere" "$checkout/.ayb"
            say "user $server_user can't read $checkout: what is made at run time goes to $elsewhere (.ayb links to it)"
        fi
    fi
    state=$(cd "$checkout/.ayb" && pwd -P)
    [[ -w $state ]] || die "$state belongs to $(stat -c %U "$state"): run this as that user, or remove it"
    # Root after somebody else's `make up`: stay with whose server it is.
    if ((EUID == 0)) && [[ -d $state/run && $(stat -c %u "$state/run") != 0 ]]; then
        server_user=$(stat -c %U "$state/run")
    fi
    as_server test -x "$state" || die "user $server_user can't reach $state: remove $checkout/.ayb and try again"
    for_server "$state/run"
    readonly state server_user
}

# locked COMMAND ...: one at a time in this checkout. The lock is not handed on: a server that COMMAND starts
# would hold it for ever. Not to be called where errexit is off (if, ||): COMMAND relies on it.
locked() {
    exec 9>"$state/lock"
    flock 9
    "$@" 9>&-
    exec 9>&-
}

# export_sources DIRECTORY: a copy of this checkout's files. What is not ours to ship (builds, other people's files) is
# not known to git.
export_sources() {
    (cd "$checkout" && git ls-files -z --cached --others --exclude-standard | xargs -0 tar -c --ignore-failed-read) | tar -xC "$1"
}
