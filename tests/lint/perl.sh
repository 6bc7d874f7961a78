#!/bin/bash
# The Perl passes perlcritic, by perlcriticrc, which says what counts.
source "$(dirname "$0")/lib.sh"

scripts perl pl pm
((${#files[@]} == 0)) || printf '%s\0' "${files[@]}" | xargs -0 -P "$(nproc)" -n 40 perlcritic --profile "$lint/perlcriticrc" -q
