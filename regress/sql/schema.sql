-- What is hard to change later, read from the catalog.

-- tables and their columns
SELECT c.relname AS "table", a.attname AS "column", format_type(a.atttypid, a.atttypmod) AS type,
       a.attnotnull AS "not null", pg_get_expr(d.adbin, d.adrelid) AS "default"
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'ayb_jobs'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY c.relname COLLATE "C", a.attnum;

-- the columns of the view that a person reads
SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) AS jobs
FROM pg_attribute AS a WHERE a.attrelid = 'ayb_jobs.jobs'::regclass AND a.attnum > 0;
SELECT reloptions FROM pg_class WHERE oid = 'ayb_jobs.jobs'::regclass;

-- constraints, without those that say NOT NULL, which 18 made some
SELECT conrelid::regclass AS "table", conname, contype, pg_get_constraintdef(oid) AS definition
FROM pg_constraint WHERE connamespace = 'ayb_jobs'::regnamespace AND contype <> 'n'
ORDER BY conrelid::regclass::text COLLATE "C", conname COLLATE "C";

-- indexes: keys, uniqueness, predicates. None on the partitioned parent, which could not be restored.
SELECT i.indrelid::regclass AS "table", c.relname AS index, i.indisunique AS "unique",
       (SELECT string_agg(pg_get_indexdef(i.indexrelid, n, true), ', ' ORDER BY n)
        FROM generate_series(1, i.indnkeyatts) AS n) AS keys,
       pg_get_expr(i.indpred, i.indrelid) AS predicate
FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_class AS t ON t.oid = i.indrelid
WHERE t.relnamespace = 'ayb_jobs'::regnamespace AND NOT t.relispartition
ORDER BY t.relname COLLATE "C", c.relname COLLATE "C";

-- Text keys that skip scans and unique indexes rely on don't change with a collation's version.
SELECT DISTINCT t.relname AS "table", a.attname AS "column", c.collname
FROM pg_index AS i JOIN pg_class AS t ON t.oid = i.indrelid JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = ANY (i.indkey)
     JOIN pg_collation AS c ON c.oid = a.attcollation
WHERE t.relnamespace = 'ayb_jobs'::regnamespace AND NOT t.relispartition AND a.atttypid = 'text'::regtype
UNION SELECT 'job_history', a.attname, c.collname FROM pg_attribute AS a JOIN pg_collation AS c ON c.oid = a.attcollation
WHERE a.attrelid = 'ayb_jobs.job_history'::regclass AND a.attname ~ '^type$|_key$'
ORDER BY 1, 2;

-- history by day: today and the next three exist from the start, each with the same indexes
SELECT wait_until($$(SELECT count(*) = 4 FROM pg_inherits WHERE inhparent = 'ayb_jobs.job_history'::regclass)$$);
WITH days AS (
    SELECT c.oid, c.relname, row_number() OVER (ORDER BY c.relname) - 1 AS ahead
    FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'ayb_jobs.job_history'::regclass
), first AS (
    SELECT to_date(min(relname), '"job_history_"YYYYMMDD') AS day FROM days
)
SELECT d.ahead, d.relname = 'job_history_' || to_char(f.day + d.ahead::int, 'YYYYMMDD') AS name_fits,
       -- a run that begins before midnight may end after it
       f.day BETWEEN (now() AT TIME ZONE 'UTC')::date - 1 AND (now() AT TIME ZONE 'UTC')::date AS from_today,
       (SELECT string_agg(replace(pg_get_indexdef(indexrelid), d.relname, '<day>'), E'\n' ORDER BY indexrelid)
        FROM pg_index WHERE indrelid = d.oid) AS indexes
FROM days AS d CROSS JOIN first AS f ORDER BY d.ahead;
SELECT count(*) AS default_partitions FROM pg_partitioned_table
WHERE partrelid = 'ayb_jobs.job_history'::regclass AND partdefid <> 0;

-- row-level security
SELECT c.relname, c.relrowsecurity AS enabled, p.polname, p.polcmd, p.polpermissive,
       CASE WHEN p.polroles = '{0}' THEN 'public' ELSE (SELECT string_agg(r::regrole::text, ', ') FROM unnest(p.polroles) AS r) END AS roles,
       pg_get_expr(p.polqual, p.polrelid) AS using
FROM pg_class AS c LEFT JOIN pg_policy AS p ON p.polrelid = c.oid
WHERE c.relnamespace = 'ayb_jobs'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY c.relname COLLATE "C", p.polname COLLATE "C";

-- triggers: (A)LWAYS, so that replication and restores are seen too
SELECT tgrelid::regclass AS "table", tgname, tgenabled, tgtype & 1 = 1 AS "each row", tgtype & 2 = 2 AS before,
       tgfoid::regproc AS function
FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'ayb_jobs'::regnamespace AND NOT tgisinternal
ORDER BY tgrelid::regclass::text COLLATE "C", tgname COLLATE "C";

-- rights on tables: PUBLIC reads, nobody else than the owner writes
SELECT c.relname, string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type) AS public
FROM pg_class AS c LEFT JOIN LATERAL aclexplode(c.relacl) AS a ON a.grantee <> c.relowner
WHERE c.relnamespace IN ('ayb_jobs'::regnamespace, 'ayb_jobs_internal'::regnamespace) AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
GROUP BY c.relname ORDER BY c.relname COLLATE "C";
-- A day's table by itself shows what its parent does, to whoever dumps it.
SELECT count(*) AS days_unlike_their_parent FROM pg_class AS c
WHERE c.relnamespace = 'ayb_jobs'::regnamespace AND c.relispartition AND c.relkind = 'r'
  AND (NOT c.relrowsecurity OR c.relacl IS DISTINCT FROM (SELECT p.relacl FROM pg_class AS p WHERE p.oid = 'ayb_jobs.job_history'::regclass)
       OR (SELECT array_agg((o.polname, o.polcmd, o.polroles, pg_get_expr(o.polqual, o.polrelid))::text ORDER BY o.polname) FROM pg_policy AS o WHERE o.polrelid = c.oid)
          IS DISTINCT FROM (SELECT array_agg((o.polname, o.polcmd, o.polroles, pg_get_expr(o.polqual, o.polrelid))::text ORDER BY o.polname) FROM pg_policy AS o WHERE o.polrelid = 'ayb_jobs.job_history'::regclass));
-- Every table can be read: pg_dump locks all of them
SELECT c.oid::regclass AS unreadable FROM pg_class AS c WHERE c.relnamespace = 'ayb_jobs'::regnamespace AND c.relkind IN ('r', 'p') AND NOT has_table_privilege('regress_alice', c.oid, 'SELECT');

-- functions: what each takes and gives, and whether PUBLIC may call it; unaligned, so that a new one is one line
\pset format unaligned
\pset footer off
SELECT p.oid::regprocedure AS function, pg_get_function_result(p.oid) AS result, p.prosecdef AS definer,
       has_function_privilege('regress_alice', p.oid, 'EXECUTE') AS public, p.proconfig
FROM pg_proc AS p WHERE p.pronamespace IN ('ayb_jobs'::regnamespace, 'ayb_jobs_internal'::regnamespace)
ORDER BY p.oid::regprocedure::text COLLATE "C";
\pset format aligned
\pset footer on

-- no argument and no column is a word that has to be quoted
SELECT named.what, k.word FROM pg_get_keywords() AS k JOIN (
    SELECT p.oid::regproc::text AS what, unnest(p.proargnames) AS name FROM pg_proc AS p WHERE p.pronamespace = 'ayb_jobs'::regnamespace
    UNION ALL
    SELECT c.oid::regclass::text, a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.relnamespace = 'ayb_jobs'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'c')) AS named ON named.name = k.word
WHERE k.catcode IN ('R', 'T');
-- each function can be called by the names of its arguments, and each column be selected, without quotes
DO $$
DECLARE
    called text;
BEGIN
    FOR called IN
        SELECT format('ayb_jobs.%s(%s)', p.proname, (
            SELECT string_agg(format('%s => NULL::%s', a.name, format_type(a.type, NULL)), ', ' ORDER BY a.n)
            FROM unnest(p.proargnames, coalesce(p.proallargtypes, p.proargtypes::oid[]), p.proargmodes)
                 WITH ORDINALITY AS a (name, type, mode, n)
            WHERE coalesce(a.mode, 'i') IN ('i', 'b')))
        FROM pg_proc AS p WHERE p.pronamespace = 'ayb_jobs'::regnamespace AND p.prokind = 'f'
        UNION ALL
        SELECT format('%s FROM %s', string_agg(a.attname::text, ', ' ORDER BY a.attnum), c.oid::regclass)
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'ayb_jobs'::regnamespace AND c.relkind IN ('r', 'p', 'v') GROUP BY c.oid
    LOOP
        EXECUTE 'PREPARE called AS SELECT ' || called;
        DEALLOCATE called;
    END LOOP;
END
$$;

-- what a dump carries: all but the stamp, since a copy must not run by itself
SELECT t::regclass FROM pg_extension CROSS JOIN unnest(extconfig) AS t WHERE extname = 'ayb_jobs'
ORDER BY t::regclass::text COLLATE "C";

-- every object of the extension says what it is for
SELECT pg_describe_object(d.classid, d.objid, 0) AS uncommented
FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
WHERE e.extname = 'ayb_jobs' AND d.deptype = 'e' AND d.classid <> 'pg_type'::regclass
  AND obj_description(d.objid, d.classid::regclass::name) IS NULL;

-- each table, each day too, takes changes under a publication of all tables, as change capture makes one
SET client_min_messages = error;
CREATE PUBLICATION everything FOR ALL TABLES;
RESET client_min_messages;
SELECT c.oid::regclass AS refuses FROM pg_class AS c CROSS JOIN LATERAL (
    SELECT format('UPDATE %s SET %I = %2$I WHERE false', c.oid::regclass, a.attname) AS change, format('DELETE FROM %s WHERE false', c.oid::regclass) AS removal
    FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum = 1) AS s
WHERE c.relnamespace = 'ayb_jobs'::regnamespace AND c.relkind IN ('r', 'p') AND (refused(s.change) <> 'ACCEPTED' OR refused(s.removal) <> 'ACCEPTED');
SELECT ayb_jobs.adopt();
DROP PUBLICATION everything;

-- the constraints hold for who writes by hand, too
\set VERBOSITY terse
INSERT INTO ayb_jobs.job_queue (type) VALUES ('');
INSERT INTO ayb_jobs.job_queue (type) VALUES (repeat('x', 101));
INSERT INTO ayb_jobs.job_queue (type, state) VALUES ('x', 'completed');
INSERT INTO ayb_jobs.job_queue (type, state) VALUES ('x', 'running');
INSERT INTO ayb_jobs.job_queue (type, lease_until) VALUES ('x', now());
INSERT INTO ayb_jobs.job_queue (type, state, lease_until) VALUES ('x', 'running', now());
INSERT INTO ayb_jobs.job_queue (type, worker_id) VALUES ('x', repeat('w', 256));
INSERT INTO ayb_jobs.job_queue (type, waits_for) VALUES ('x', 'godot');
INSERT INTO ayb_jobs.job_queue (type, waits_for) VALUES ('x', 'external');
INSERT INTO ayb_jobs.job_queue (type, attempts) VALUES ('x', -1);
INSERT INTO ayb_jobs.job_queue (type, max_attempts) VALUES ('x', 0);
INSERT INTO ayb_jobs.job_queue (type, idempotency_key) VALUES ('x', repeat('k', 256));
-- those that the row trigger looks at: for UPDATE as well, and at their edges
INSERT INTO ayb_jobs.job_queue (type, priority) VALUES ('x', -5);
INSERT INTO ayb_jobs.job_queue (type, priority) VALUES ('x', 5);
INSERT INTO ayb_jobs.job_queue (type, runs) VALUES ('x', -1);
INSERT INTO ayb_jobs.job_queue (type, partition_key) VALUES ('x', '');
INSERT INTO ayb_jobs.job_queue (type, partition_key) VALUES ('x', repeat('ü', 128));
INSERT INTO ayb_jobs.job_queue (type, unique_key) VALUES ('x', '');
INSERT INTO ayb_jobs.job_queue (type, unique_key) VALUES ('x', repeat('k', 256));
INSERT INTO ayb_jobs.job_queue (type, meta) VALUES ('x', '[]');
INSERT INTO ayb_jobs.job_queue (type, meta) VALUES ('x', jsonb_build_object('x', repeat('x', 8192)));
INSERT INTO ayb_jobs.job_queue (type, enqueued_by) VALUES ('x', NULL);
BEGIN;
INSERT INTO ayb_jobs.job_queue (type, waits_for, registration, priority, partition_key, unique_key, meta)
SELECT 'x', w, ayb_jobs.uuid7(), p, repeat('k', 255), rpad(w, 255, 'k'), jsonb_build_object('x', repeat('x', 8000))
FROM unnest('{jobs,time,trust}'::text[], '{-4,0,4}'::smallint[]) AS v (w, p);
UPDATE ayb_jobs.job_queue SET priority = 5;
ROLLBACK;
INSERT INTO ayb_jobs.handlers (type, kind, owner) VALUES ('x', 'function', 10);
INSERT INTO ayb_jobs.handlers (type, kind, owner, command) VALUES ('x', 'external', 10, 'VACUUM');
INSERT INTO ayb_jobs.handlers (type, kind, owner, timeout) VALUES ('x', 'external', 10, '0');
INSERT INTO ayb_jobs.handlers (type, kind, owner, max_attempts) VALUES ('x', 'external', 10, 0);
INSERT INTO ayb_jobs.job_attempts (job_id, attempt, run_as, status, finished_at)
VALUES (gen_random_uuid(), 1, 10, 'completed', now());

-- one role can't have a key twice; two roles can
BEGIN;
INSERT INTO ayb_jobs.job_queue (type, run_as, idempotency_key)
VALUES ('x', 'regress_alice', 'k'), ('x', 'regress_bob', 'k');
SAVEPOINT once;
INSERT INTO ayb_jobs.job_queue (type, run_as, idempotency_key) VALUES ('x', 'regress_bob', 'k');
ROLLBACK TO once;
INSERT INTO ayb_jobs.job_keys VALUES ('regress_bob', 'k', gen_random_uuid()), ('regress_bob', 'k', gen_random_uuid());
ROLLBACK;
SELECT count(*) FROM ayb_jobs.job_queue;
