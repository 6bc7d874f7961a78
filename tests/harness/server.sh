# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared with who sources this
# Sourced: starting and stopping servers of the private tree. DIR is always a data directory.

# server_pid DIR: prints the pid of the postmaster at DIR; fails if none runs there. A postmaster.pid that a
# crash left may name a process that is something else by now; a postmaster's working directory is its data.
server_pid() {
    local pid
    [[ -f $1/postmaster.pid ]] || return 1
    pid=$(head -n 1 "$1/postmaster.pid")
    [[ $(readlink "/proc/${pid#-}/cwd" 2>/dev/null) == "$1" ]] || return 1
    echo "${pid#-}"
}

# in_use DIR: whether any process works there, such as a backend that has yet to notice its postmaster's death.
in_use() {
    local cwd
    for cwd in /proc/[0-9]*/cwd; do
        [[ $(readlink "$cwd" 2>/dev/null) != "$1" ]] || return 0
    done
    return 1
}

# server_stop DIR [MODE]: stops the server at DIR, if there is one, and waits.
server_stop() {
    server_pid "$1" >/dev/null || return 0
    as_server "$tree_bin/pg_ctl" -D "$1" -m "${2:-fast}" -t 60 -w stop >/dev/null && return 0
    say "it does not stop; stopping it at once"
    as_server "$tree_bin/pg_ctl" -D "$1" -m immediate -t 60 -w stop >/dev/null
}

# server_start DIR LOG [PROGRAM]: starts it, by PROGRAM instead of postgres, and waits until it takes connections.
server_start() {
    local tries=0
    # Orphans of a killed postmaster hold its shared memory for a moment, and a new one would refuse.
    while ! server_pid "$1" >/dev/null && in_use "$1" && ((tries++ < 100)); do sleep 0.1; done
    # Nobody works there, yet the file names a living process: it is a stranger's, and PostgreSQL would refuse too.
    if [[ -f $1/postmaster.pid ]] && ! server_pid "$1" >/dev/null && ! in_use "$1"; then
        rm -f "$1/postmaster.pid"
    fi
    as_server "$tree_bin/pg_ctl" -D "$1" -l "$2" -p "${3:-$tree_bin/postgres}" -t 60 -w -s start </dev/null >/dev/null
}

# free_port [PORT]: prints a loopback port nobody listens on, below the range that outgoing connections are given: PORT, if
# it is free.
free_port() {
    perl -MIO::Socket::INET -e '
        for my $port (grep({ $_ } @ARGV), map { 20000 + int rand 12000 } 1 .. 200) {
            my @reuse = (ReuseAddr => 1); # what its last owner left half closed is in nobody\x27s way
            IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $port, Listen => 1, @reuse) or next;
            print "$port\n";
            exit;
        }
        die "no free port found\n";' "${1:-}"
}

# conf_string TEXT: TEXT as a string of postgresql.conf.
conf_string() { printf "'%s'" "${1//\'/\'\'}"; }
# conf_directory PATH: PATH as the one element of a list such as unix_socket_directories.
conf_directory() { conf_string "\"${1//\"/\"\"}\""; }
