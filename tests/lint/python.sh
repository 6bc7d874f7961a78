#!/bin/bash
# The Python passes flake8, by the file of that name.
source "$(dirname "$0")/lib.sh"

scripts 'python3?' py
((${#files[@]} == 0)) || flake8 --config "$lint/flake8" "${files[@]}"
