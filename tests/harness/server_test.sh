#!/bin/bash
# The private server: up and down any number of times, after a kill -9 too, in a copy of this checkout.
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd -P)
lab=$(mktemp -d /tmp/ayb_test.XXXXXX)
# shellcheck disable=SC2317,SC2329  # called by the trap
finish() {
    [[ ! -e $lab/Makefile ]] || make -s -C "$lab" distclean
    rm -rf "$lab"
}
trap finish EXIT
trap 'exit 130' INT TERM
fail() {
    echo "failed: $*" >&2
    exit 1
}
chmod 755 "$lab"
# Built files and all, so that nothing is compiled again.
tar -C "$here" --exclude=./.ayb --exclude=./.git -cf - . | tar -C "$lab" -xf -
cd "$lab"

# ask EXPORTS QUERY
ask() { (eval "$1" && PATH=$(echo "$lab"/.ayb/root/usr/lib/postgresql/*/bin):$PATH psql -XqAt -c "$2"); }

make -s down
first=$(make -s up)
second=$(make -s up)
[[ $first == "$second" ]] || fail "the second up prints something else: $second"
grep -qvE '^export PG[A-Z]+=' <<<"$first" && fail "up prints more than exports: $first"
[[ $(ask "$first" "SELECT current_database() FROM pg_extension WHERE extname = 'ayb_jobs'") == demo ]] ||
    fail "no extension in database demo"
owner=$(stat -c %U .ayb/run)
[[ $owner != root ]] || fail "the server runs as root"
[[ $(stat -c %a .ayb/run/socket) == 700 ]] || fail "others can reach the socket"
(eval "$first" && PGHOST=127.0.0.1 PGPASSFILE=/dev/null ask : "SELECT 1" 2>/dev/null) && fail "loopback asks for no password"
[[ $(eval "$first" && PGHOST=127.0.0.1 ask : "SELECT 1") == 1 ]] || fail "loopback does not take the password"

ask "$first" 'CREATE TABLE kept AS SELECT 1'
read -r postmaster <.ayb/run/data/postmaster.pid
kill -9 "$postmaster"
make -s down
third=$(make -s up)
[[ $(ask "$third" 'SELECT count(*) FROM kept') == 1 ]] || fail "the data did not outlive kill -9"
read -r postmaster <.ayb/run/data/postmaster.pid
make -s down
make -s down
# It takes its pid file away a moment before it is gone itself.
for ((i = 0; i < 50; i++)); do
    [[ $(readlink "/proc/$postmaster/cwd") == "$lab/.ayb/run/data" ]] || break
    sleep 0.1
done
((i < 50)) || fail "down left the postmaster"

# A stale pid file that names somebody else: no reason not to start, and nobody to stop.
sleep 60 &
stranger=$!
printf '%s\n%s\n0\n0\n\n\n' "$stranger" "$lab/.ayb/run/data" >.ayb/run/data/postmaster.pid
[[ $EUID != 0 ]] || chown "$owner" .ayb/run/data/postmaster.pid
make -s down
kill -0 "$stranger" || fail "down stopped a stranger"
make -s up >/dev/null
kill -0 "$stranger" || fail "up stopped a stranger"
kill "$stranger"
make -s down
