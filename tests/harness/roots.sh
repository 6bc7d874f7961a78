# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared with who sources this
# Sourced, by root's scripts: the releases of Debian that have the majors of PostgreSQL, and the roots of make majors.
source "$harness/chroot.sh"

declare -A suites=([15]=bookworm [17]=trixie [18]=forky)

# need_suite MAJOR
need_suite() { [[ ${suites[$1]:-} ]] || die "no release of Debian that has PostgreSQL $1 is known here"; }

# alone SCRIPT ARGUMENT ...: runs it anew, with processes and mounts of its own: however it ends, no server and no /proc stays
# behind in a root.
alone() {
    ((EUID == 0)) || die "another root can be made by root only: sudo make ..."
    [[ ${AYB_ALONE:-} ]] || AYB_ALONE=yes exec unshare --mount --pid --fork --kill-child --mount-proc "$@"
}

# apt_sources MAJOR: minor versions of PostgreSQL come by the security archive, which Debian's next release has none of.
apt_sources() {
    [[ ${suites[$1]} == forky ]] ||
        printf 'deb %s-security %s-security main\n' "$(debian_mirror)" "${suites[$1]}" >"$root/etc/apt/sources.list.d/security.list"
    # A mirror that lags behind, as good as any for this, may hold lists that ought to have been renewed.
    echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/90late"
}

# enter MAJOR: sets root, makes it if need be. One at a time: until the end, or until the caller enters another.
enter() {
    local log=$state/majors/$1.log
    root=$state/majors/${suites[$1]}
    mkdir -p "$state/majors"
    exec 8>"$root.lock"
    flock -n 8 || die "somebody works in the root of ${suites[$1]} already"
    if [[ ! -e $root/complete ]]; then
        say "making a root of ${suites[$1]}"
        rm -rf --one-file-system "$root"
        make_root "${suites[$1]}" "$log"
    fi
    mount -t proc proc "$root/proc"
    [[ ! -e $root/complete ]] || return 0
    apt_sources "$1"
    inside sh -c "apt-get -qq update && apt-get -qq install -y --no-install-recommends g++ make postgresql-$1 postgresql-server-dev-$1 \
        postgresql-$1-cron" >>"$log" 2>&1 || die "PostgreSQL $1 could not be installed: $(tail -n 5 "$log")"
    touch "$root/complete"
}
