# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared with who sources this
# Sourced by the tests of the packages: a fresh root, and what is asked of it.
source "$harness/roots.sh"

psql() { inside setpriv --reuid=postgres --regid=postgres --init-groups psql -XAtqv ON_ERROR_STOP=1 "$@"; }

passed=0
ok() { # ok WHAT COMMAND ...
    "${@:2}" || die "failed: $1"
    passed=$((passed + 1))
    say "ok: $1"
}
is() { [[ $1 == "$2" ]] || { say "got '$1', not '$2'"; return 1; }; }
by() { # by SECONDS COMMAND ...: until it succeeds
    local deadline=$((SECONDS + $1))
    until "${@:2}"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.1
    done
}
has_job() { is "$(psql -c "SELECT state FROM ayb_jobs.jobs WHERE id = '$1'")" "$2" 2>/dev/null; }

# new_root SUITE: sets root, a minimal Debian of that release. However this script ends, it goes.
new_root() {
    root=$(mktemp -d /var/tmp/ayb_packages.XXXXXX)
    trap remove_root EXIT
    trap 'exit 130' INT TERM
    chmod 755 "$root"
    say "making a fresh root of $1 in $root"
    make_root "$1" "$state/packages/debootstrap.log"
    mount -t proc proc "$root/proc" || say "no /proc inside: going on without"
}

# fresh_root MAJOR: sets root, one of its release, with the packages of the major in /packages.
fresh_root() {
    local packages=("$state/packages/$1"/*_"$(dpkg --print-architecture)".deb)
    [[ -e ${packages[0]} ]] || die "there are no packages: make packages MAJORS=$1"
    new_root "${suites[$1]}"
    apt_sources "$1"
    add_packages "$1"
}

# add_packages MAJOR: into the root's /packages/MAJOR.
add_packages() {
    install -d "$root/packages/$1"
    cp "$state/packages/$1"/*_"$(dpkg --print-architecture)".deb "$root/packages/$1/"
    rm -f "$root/packages/$1"/*dbgsym*
}

# install_packages NAME ...: of Debian, or patterns of files; what apt says goes to a log.
install_packages() {
    inside sh -c "exec apt-get -qq install -y --no-install-recommends $*" >"$state/packages/apt.log" 2>&1 ||
        die "$* can't be installed: $(tail -n 5 "$state/packages/apt.log")"
}

# remove_root: with the servers in it.
remove_root() {
    local major
    trap - EXIT
    for major in "${!suites[@]}"; do
        [[ ! -x $root/usr/bin/pg_ctlcluster ]] || inside pg_ctlcluster "$major" main stop -m immediate >/dev/null 2>&1 || true
    done
    umount "$root/proc" 2>/dev/null || true
    rm -rf --one-file-system "$root"
}
