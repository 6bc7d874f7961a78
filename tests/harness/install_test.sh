#!/bin/bash
# What `make install` puts beside the sidecar: the manual page, the systemd unit, the completions; and that uninstalling
# takes all of it away.
set -euo pipefail
shopt -s inherit_errexit

here=$(cd "$(dirname "$0")/../.." && pwd -P)
lab=$(mktemp -d /tmp/ayb_test.XXXXXX)
trap 'rm -rf "$lab"' EXIT
trap 'exit 130' INT TERM
fail() {
    echo "failed: $*" >&2
    exit 1
}
# In the build that the API tests have, too.
export AYB_SANITIZE=address,undefined PREFIX=$lab
"$here/tests/harness/install-sidecar" >"$lab.log" 2>&1 || fail "$(tail -n 20 "$lab.log")"
rm -f "$lab.log"

# The page: no warning, and it has every command and every setting.
page=$lab/share/man/man1/ayb-jobs.1
mandoc -T lint -W warning "$page" || fail "mandoc has something to say about the page"
shown=$(MANPATH=$lab/share/man MANWIDTH=120 man ayb-jobs | col -b)
words=$("$lab/bin/ayb-jobs" help | sed -nE 's/^  ayb-jobs ((jobs|schedules|matviews) )?([a-z]+).*/\3/p; s/^  ([a-z-]+) \[.*/\1/p')
[[ $words == *refresh*threads* ]] || fail "help names neither commands nor settings: $words"
for word in $words; do
    grep -qwF -e "$word" <<<"$shown" || fail "the page has no $word"
done

# The unit: it can be run, and what it may do is little. 12 is what it has now, of 100.
unit=$lab/lib/systemd/system/ayb-jobs.service
MANPATH=$lab/share/man systemd-analyze verify --recursive-errors=no "$unit" || fail "systemd finds the unit wrong"
systemd-analyze security --offline=true --threshold=12 "$unit" >"$lab/security" || fail "$(<"$lab/security")"
workers=$lab/lib/systemd/system/ayb-jobs-work@.service
MANPATH=$lab/share/man systemd-analyze verify --recursive-errors=no "${workers/@/@resize}" || fail "systemd finds the workers' unit wrong"
systemd-analyze security --offline=true --threshold=20 "$workers" >"$lab/security" || fail "$(<"$lab/security")"
sed '/^Protect/d' "$unit" >"$lab/open.service"
systemd-analyze security --offline=true --threshold=12 "$lab/open.service" >/dev/null 2>&1 && fail "the threshold lets all pass"

bash -n "$lab/share/bash-completion/completions/ayb-jobs"
fish -n "$lab/share/fish/vendor_completions.d/ayb-jobs.fish"

"$here/tests/harness/install-sidecar" remove
left=$(find "$lab" -type f ! -name security ! -name open.service)
[[ ! $left ]] || fail "uninstalling left $left"
