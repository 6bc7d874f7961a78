#!/bin/bash
# First contact: make demo, in a copy of this checkout, says what it does before it does it, and leaves what it promises;
# make up brings all of it back at the same ports; a page that can't be built is said, with why.
set -euo pipefail

source "$(dirname "$0")/lab.sh"
# The sidecar in the build that the API tests have, too.
"$here/tests/harness/build-sidecar" address,undefined >/dev/null
export AYB_SIDECAR=$here/.ayb/build/sidecar-address,undefined/sidecar/ayb-jobs
# Some small files are to be compiled; PGXS makes no object anew that only the library wants.
rm extension/core/cron_*.o extension/ayb_jobs.so

# line WHAT: the number of the first line of the log that has it.
line() { grep -nF -m 1 -e "$1" "$lab/demo.log" | cut -d: -f1 | grep . || fail "make demo doesn't say: $1"; }

# Not by make -s, which silences the compiler too, by whose lines progress goes.
make --no-print-directory demo >demo.log 2>&1 || fail "$(cat demo.log)"
[[ $(line 'This installs') == 1 ]] || fail "something comes before what it does: $(head -n 3 demo.log)"
(($(line 'building the extension') < $(line 'the extension: 10 of '))) || fail "no progress is shown"
(($(line 'the extension: 10 of ') < $(line 'PostgreSQL runs in .ayb'))) || fail "it doesn't say that it builds while it does"
line 'It works' >/dev/null
exports=$(make -s up 2>up.log)
[[ $(ask "$exports" "SELECT string_agg(name, ' ' ORDER BY name) FROM ayb_jobs.schedules WHERE enabled AND next_run_at > now()") == \
    'expired_auth_cleanup_daily expired_oauth_cleanup_daily session_cleanup_hourly webhook_delivery_prune_daily' ]] ||
    fail "AYB's schedules are not there"

# The ten commands of README.md, of which the first installs git and make, and what has to be true then.
commands=$(awk '/^## / { in_it = $0 == "## Ten commands" } in_it && /^```/ { block = !block; next } in_it && block' README.md)
[[ $(wc -l <<<"$commands") == 10 && $commands == *'git make'* ]] || fail "README.md has no ten commands, the first for git and make"
{ printf 'set -e\n%s\n' "$(tail -n +2 <<<"$commands")" && cat <<'END'; } >typed
for ((i = 0; i < 600; i++)); do
    [[ $(ayb-jobs jobs list --type resize --state completed --output csv | wc -l) != 2 ]] || break
    sleep 0.1
done
kill %1
wait || true
make -s psql <<<"SELECT 'result: ' || result::text FROM ayb_jobs.jobs WHERE type = 'resize'"
END
PATH=$(dirname "$AYB_SIDECAR"):$PATH bash typed >typed.log 2>&1 || fail "README.md's ten commands: $(cat typed.log)"
for said in 'result: {"resized": {"image": 7}}' 'Type "resize" limited' "serves at http://$(<.ayb/run/sidecar.address)"; do
    grep -qF "$said" typed.log || fail "the ten commands don't say $said: $(cat typed.log)"
done

# The same ports after a stop, and the page comes along.
url=http://$(<.ayb/run/sidecar.address)
live() { python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1] + "/live").status)' "$url" 2>&1; }
[[ $(live) == 200 ]] || fail "nobody serves at $url"
grep -qF "$url" demo.log || fail "make demo doesn't say where it serves"
make -s down
[[ $(live) != 200 ]] || fail "down left the sidecar"
[[ $(make -s up 2>up.log) == "$exports" ]] || fail "the server has another port now: $(cat up.log)"
grep -qF "serves at $url" up.log || fail "make up doesn't say where it serves: $(cat up.log)"
[[ $(live) == 200 ]] || fail "make up doesn't bring the page back"

# A port that somebody else took meanwhile is not waited for.
make -s down
python3 -c 'import socket, sys, time
taken = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("taken", flush=True)
time.sleep(600)' "${url##*:}" >taken &
until grep -q taken taken; do sleep 0.05; done
make -s up >/dev/null 2>up.log
grep -q "port ${url##*:} is somebody else's now" up.log || fail "a taken port isn't said: $(cat up.log)"
url=http://$(<.ayb/run/sidecar.address)
[[ $(live) == 200 ]] || fail "no page beside a taken port"
make -s demo >demo.log 2>&1 || fail "the second make demo: $(cat demo.log)"

# No registry: no page, and why.
status=0
npm_config_registry=http://127.0.0.1:9/ npm_config_fetch_retries=0 tests/harness/build-dashboard >/dev/null 2>no-page.log || status=$?
((status == 3)) || fail "without a registry build-dashboard ends with $status: $(cat no-page.log)"
said=$( (unset AYB_SIDECAR && source tests/harness/lib.sh && source tests/harness/sidecar.sh && make_state && say_page) 2>&1)
[[ $said == *"is not in this ayb-jobs: "*127.0.0.1:9*"make demo"* || $said == *"no Node"*"make demo"* ]] ||
    fail "it isn't said why there is no page: $said"
