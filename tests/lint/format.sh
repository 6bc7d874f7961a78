#!/bin/bash
# The C++ is formatted as .clang-format says. `make format` puts it right.
source "$(dirname "$0")/lib.sh"

files=({extension,sidecar,tests}/**/*.{cpp,hpp})
((${#files[@]} == 0)) || clang-format --dry-run --Werror "${files[@]}"
