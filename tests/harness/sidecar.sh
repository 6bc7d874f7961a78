# shellcheck shell=bash disable=SC2154  # variables are shared with who sources this
# Sourced: the sidecar in front of the private server. What it needs lies in .ayb/run, which belongs to the server's user
# alone: its password, pid and log.

# AYB_SIDECAR names another program, which isn't built.
sidecar_binary() { realpath -m "${AYB_SIDECAR:-$state/build/sidecar/sidecar/ayb-jobs}"; }

# sidecar_pid: prints the pid of the sidecar that we started; fails if it doesn't run. A file that was left may name
# somebody else by now; a build that was replaced meanwhile is "(deleted)".
sidecar_pid() {
    local pid program
    pid=$(as_server cat "$state/run/sidecar.pid" 2>/dev/null) || return 1
    program=$(readlink "/proc/$pid/exe" 2>/dev/null) || return 1
    [[ ${program% (deleted)} == "$(sidecar_binary)" ]] || return 1
    echo "$pid"
}

# say_page: where the page couldn't be built, says so, with why and how it can be.
say_page() {
    local why=$state/build/no-page
    [[ ! -s $why ]] || say "
The dashboard is not in this ayb-jobs: $(<"$why")
It takes Node 20.19 or newer, in PATH or from npm, and npm's registry (or npm config set registry URL); then make demo
again builds it in. The admin API and the command line work without it."
}

# sidecar_stop: stops it, if it runs, and waits. It finishes requests for ten seconds at the longest.
sidecar_stop() {
    local pid i
    pid=$(sidecar_pid) || return 0
    as_server kill "$pid"
    for ((i = 0; i < 300; i++)); do
        [[ $(sidecar_pid) == "$pid" ]] || return 0
        sleep 0.05
    done
    as_server kill -9 "$pid"
}
