#!/bin/bash
# Every function and view of schema ayb_jobs, and every setting ayb_jobs.*
# is named in docs/reference/*.md. Asked of a real server, as comments.sh does.
source "$(dirname "$0")/lib.sh"
[[ ${AYB_SCRATCH:-} ]] || exec "$lint/../harness/scratch" "$0" "$@"

pages=(docs/reference/*.md)
((${#pages[@]})) || wrong docs/reference "no page there"

# named NAME: stands there as a word of its own, so that `enqueue` is not taken for named by `enqueue_many`.
named() { ((${#pages[@]})) && grep -qE "(^|[^_[:alnum:]])$1([^_[:alnum:]]|\$)" "${pages[@]}"; }

names=$(psql -XqAt -v ON_ERROR_STOP=1 <<'END'
SELECT DISTINCT 'function ' || proname FROM pg_proc
WHERE pronamespace = 'ayb_jobs'::regnamespace AND prorettype <> 'trigger'::regtype;
SELECT 'view ' || relname FROM pg_class
WHERE relnamespace = 'ayb_jobs'::regnamespace AND relkind = 'v';
SELECT 'setting ' || name FROM pg_settings WHERE name LIKE 'ayb\_jobs.%' AND name NOT LIKE 'ayb\_jobs.test\_%';
END
)
while read -r kind name; do
    named "${name//./\\.}" || wrong docs/reference "$kind $name is named on no page"
done <<<"$names"

if named lint_probe_of_no_page; then
    wrong tests/lint/reference.sh "finds what is not there"
fi
[[ $names == *"function "* && $names == *"setting "* ]] || wrong tests/lint/reference.sh "sees no function or no setting"
finish
