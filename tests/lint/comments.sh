#!/bin/bash
# Every object that CREATE EXTENSION makes has a COMMENT. Asked of a real server's catalog; without one at hand, a
# throw-away server is started. Indexes, constraints, column defaults and the types of rows need none.
source "$(dirname "$0")/lib.sh"
[[ ${AYB_SCRATCH:-} ]] || exec "$lint/../harness/scratch" "$0" "$@"

query="
SELECT pg_describe_object(d.classid, d.objid, 0)
FROM pg_depend d
WHERE d.refclassid = 'pg_extension'::regclass
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ayb_jobs')
  AND d.deptype = 'e'
  AND NOT EXISTS (SELECT FROM pg_description c
                  WHERE c.classoid = d.classid AND c.objoid = d.objid AND c.objsubid = 0)
  AND NOT (d.classid = 'pg_type'::regclass
           AND EXISTS (SELECT FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
                       WHERE t.oid = d.objid AND (t.typelem <> 0 AND t.typcategory = 'A' OR c.relkind <> 'c')))
  AND NOT (d.classid = 'pg_class'::regclass
           AND EXISTS (SELECT FROM pg_class c WHERE c.oid = d.objid AND c.relkind IN ('i', 'I', 't')))
UNION ALL
SELECT pg_describe_object('pg_trigger'::regclass, t.oid, 0)
FROM pg_trigger t
JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = t.tgrelid AND d.deptype = 'e'
JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'ayb_jobs'
WHERE NOT t.tgisinternal AND obj_description(t.oid, 'pg_trigger') IS NULL
ORDER BY 1"

while IFS= read -r object; do
    wrong "sql" "no COMMENT ON $object"
done < <(psql -XqAt -v ON_ERROR_STOP=1 -c "$query")

# The question itself is tried: a function added without a comment must be found.
probe=$(psql -XqAt -v ON_ERROR_STOP=1 <<END
BEGIN;
CREATE FUNCTION ayb_jobs.lint_probe() RETURNS int LANGUAGE sql AS 'SELECT 1';
ALTER EXTENSION ayb_jobs ADD FUNCTION ayb_jobs.lint_probe();
$query;
ROLLBACK;
END
)
[[ $probe == *lint_probe* ]] || wrong "tests/lint/comments.sh" "does not see a function without a comment"
finish
