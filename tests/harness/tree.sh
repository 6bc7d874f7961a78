# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared with who sources this
# Sourced: the private tree. PostgreSQL looks for its libraries and its share directory relative to its own
# executable, so copies of the programs, with links to all else beside them, are a server of its own to which
# extensions can be added without writing into the system's directories.

# What the tree was made from; changes with every upgrade of the server.
tree_signature() {
    {
        cat "${BASH_SOURCE[0]}"
        "$PG_CONFIG" --configure --version
        find "$bin_dir" "$lib_dir" "$share_dir" "$share_dir/extension" -maxdepth 1 -printf '%p %i %s %T@\n' | sort
    } | cksum
}

# link_into DIRECTORY SOURCE: links to everything in SOURCE, but an installed copy of ourselves.
link_into() {
    mkdir -p "$1"
    find "$2" -mindepth 1 -maxdepth 1 ! -name 'ayb_jobs*' -exec ln -s -t "$1" -- {} +
}

make_tree() { # make_tree DIRECTORY
    mkdir -p "$1$bin_dir"
    cp -L -p "$bin_dir"/* "$1$bin_dir/"
    link_into "$1$lib_dir" "$lib_dir"
    link_into "$1$share_dir" "$share_dir"
    rm "$1$share_dir/extension"
    link_into "$1$share_dir/extension" "$share_dir/extension"
}

# refresh_tree: sets tree and tree_bin; makes the tree anew if the system's PostgreSQL changed. A running
# server keeps what it has mapped.
refresh_tree() {
    tree=$state/root
    tree_bin=$tree$bin_dir
    local signature
    signature=$(tree_signature)
    [[ -f $tree/signature && $(<"$tree/signature") == "$signature" ]] && return 0
    rm -rf "$tree.new" "$tree.old"
    make_tree "$tree.new"
    printf '%s\n' "$signature" >"$tree.new/signature"
    [[ ! -e $tree ]] || mv "$tree" "$tree.old"
    mv "$tree.new" "$tree"
    rm -rf "$tree.old"
}

# install_into_tree DIRECTORY [TREE]: builds the PGXS module there and installs it into the tree.
install_into_tree() {
    local make=(make --no-print-directory -C "$1" PG_CONFIG="$PG_CONFIG")
    "${make[@]}" -j"$(nproc)" all | progress "the $(basename "$1")" "$(find "$1" -name '*.cpp' -o -name '*.c' | wc -l)"
    # A relative path, as PGXS puts it between quotes of its own: the checkout may have any name.
    "${make[@]}" -s install DESTDIR="$(realpath -s --relative-to="$1" "${2:-$checkout/.ayb/root}")" >&2
}

# What a server started from the tree runs: when it differs, a running server is an old one.
tree_fingerprint() { cat "$tree/signature" "$tree$lib_dir/ayb_jobs.so" | cksum; }
