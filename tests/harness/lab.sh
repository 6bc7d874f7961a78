# shellcheck shell=bash
# Sourced by tests of make's commands: goes to a copy of this checkout, built files and all, so that next to nothing is
# compiled again. Sets here, the checkout, and lab, the copy, which goes at the exit with its server and with whatever runs in
# the background.
here=$(cd "$(dirname "$0")/../.." && pwd -P)
lab=$(mktemp -d /tmp/ayb_test.XXXXXX)
# shellcheck disable=SC2317,SC2329  # called by the trap
leave_lab() {
    jobs -p | xargs -r kill 2>/dev/null || true
    [[ ! -e $lab/Makefile ]] || make -s -C "$lab" distclean
    rm -rf "$lab"
}
trap leave_lab EXIT
trap 'exit 130' INT TERM
fail() {
    echo "failed: $*" >&2
    exit 1
}
chmod 755 "$lab"
tar -C "$here" --exclude=./.ayb --exclude=./.git -cf - . | tar -C "$lab" -xf -
cd "$lab" || exit

# ask EXPORTS QUERY
ask() { (eval "$1" && PATH=$(echo "$lab"/.ayb/root/usr/lib/postgresql/*/bin):$PATH psql -XqAt -c "$2"); }
