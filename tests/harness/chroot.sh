# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared with who sources this
# Sourced, by root's scripts: a Debian of its own in a directory, without a container.

# inside COMMAND ...: in $root, in a clean environment.
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }

# debian_mirror: prints the one that this machine takes its packages from.
debian_mirror() {
    local mirror
    mirror=$(find /etc/apt/sources.list /etc/apt/sources.list.d -type f -exec \
        sed -nE 's/^(deb|URIs:) *(\[.*\] )?(http[^ ]*deb\.debian\.org\/debian)( .*)?$/\3/p' {} + 2>/dev/null | sed -n 1p || true)
    printf '%s\n' "${mirror:-http://deb.debian.org/debian}"
}

# make_root SUITE LOG: a fresh minimal Debian in $root, that reaches this machine's mirror, and starts no services.
make_root() {
    local script=/usr/share/debootstrap/scripts/$1 file
    # A release that is younger than this debootstrap is made as sid is, like all since years.
    [[ -e $script ]] || script=/usr/share/debootstrap/scripts/sid
    debootstrap --variant=minbase "$1" "$root" "$(debian_mirror)" "$script" >"$2" 2>&1 || die "debootstrap failed: $(tail -n 5 "$2")"
    # What apt needs to reach the packages here: this machine's way out.
    for file in /etc/resolv.conf /etc/apt/apt.conf.d/*proxy* /etc/apt/apt.conf; do
        [[ ! -e $file ]] || install -D -m 644 "$file" "$root$file"
    done
    printf '#!/bin/sh\nexit 101\n' | install -m 755 /dev/stdin "$root/usr/sbin/policy-rc.d"
}
