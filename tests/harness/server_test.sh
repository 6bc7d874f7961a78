#!/bin/bash
# The private server, and the sidecar in front of it: up and down any number of times, after a kill -9 too, in a copy of
# this checkout.
set -euo pipefail

source "$(dirname "$0")/lab.sh"

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

# The sidecar, in the build that the API tests have, too.
"$here/tests/harness/build-sidecar" address,undefined >/dev/null
export AYB_SIDECAR=$here/.ayb/build/sidecar-address,undefined/sidecar/ayb-jobs
sidecar() { (eval "$1" && tests/harness/sidecar); }
# log_in URL PASSWORD: prints the answer.
log_in() {
    python3 - "$1" "$2" <<'END'
import json, sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1] + "/api/admin/auth", json.dumps({"password": sys.argv[2]}).encode()).read())
except urllib.error.HTTPError as refusal:
    print(refusal.read())
END
}
exports=$(make -s up)
url=$(sidecar "$exports")
[[ $url == http://127.0.0.1:* ]] || fail "the sidecar's address is $url"
sidecar_pid=$(<.ayb/run/sidecar.pid)
[[ $(sidecar "$exports") == "$url" && $(<.ayb/run/sidecar.pid) == "$sidecar_pid" ]] || fail "the second start did something"
password_file=.ayb/run/admin-password
[[ $(stat -c '%a %U' $password_file) == "600 $owner" ]] || fail "others can read the password: $(stat -c '%a %U' $password_file)"
[[ $(log_in "$url" "$(<$password_file)") == *token* ]] || fail "the password is not taken"
[[ $(log_in "$url" wrong) == *'invalid password'* ]] || fail "any password is taken"
password=$(<$password_file)
make -s down
# Of a process that ended but that nobody has waited for yet the program is gone, too.
readlink "/proc/$sidecar_pid/exe" >/dev/null && fail "down left the sidecar"
url=$(sidecar "$(make -s up)")
[[ $(<$password_file) == "$password" ]] || fail "the password changed"
# A pid file that names somebody else.
kill -9 "$(<.ayb/run/sidecar.pid)"
sleep 60 &
stranger=$!
echo "$stranger" >.ayb/run/sidecar.pid
make -s down
kill -0 "$stranger" || fail "down stopped a stranger instead of the sidecar"
kill "$stranger"
