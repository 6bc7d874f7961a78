-- skip_unchanged: a refresh is left out only where nothing can have changed.
\pset null '-'
CREATE SCHEMA quiet;
CREATE TABLE quiet.base (id int PRIMARY KEY, n int);
INSERT INTO quiet.base SELECT n, n FROM generate_series(1, 3) AS n;
CREATE MATERIALIZED VIEW quiet.total AS SELECT sum(n) AS total FROM quiet.base;
-- refreshes, and says what that was; then whether the next one is skipped
CREATE FUNCTION quiet.refresh(name text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(': ', r.status, r.error) FROM ayb_jobs.matview_by_name(name, 'quiet') AS m CROSS JOIN LATERAL ayb_jobs.refresh_now(m.id) AS r
$$;
CREATE FUNCTION quiet.triggers() RETURNS TABLE ("table" text, trigger text, enabled "char", extension bool) LANGUAGE sql AS $$
    SELECT tgrelid::regclass::text, tgname, tgenabled,
           EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_trigger'::regclass AND objid = t.oid AND deptype = 'x')
    FROM pg_trigger AS t WHERE tgfoid = 'ayb_jobs_internal.note_change()'::regprocedure ORDER BY 1
$$;
-- off by default: never skipped, no triggers
SELECT skip_unchanged FROM ayb_jobs.register_matview('total', 'quiet');
SELECT quiet.refresh('total') FROM generate_series(1, 2);
SELECT count(*) FROM quiet.triggers();
SELECT skip_unchanged FROM ayb_jobs.update_matview((ayb_jobs.matview_by_name('total', 'quiet')).id, skip_unchanged => true);
SELECT * FROM quiet.triggers();
SELECT quiet.refresh('total');
SELECT quiet.refresh('total');
SELECT last_skipped_at > last_refresh_at AS skipped, last_refresh_status, cardinality(last_durations_ms) AS refreshed, never_skipped_because
FROM ayb_jobs.matviews WHERE view_name = 'total';

-- the table of cases: after each change one refresh, and the next is skipped again
\set check 'SELECT quiet.refresh(\'total\'); SELECT quiet.refresh(\'total\');'
\set check_child 'SELECT quiet.refresh(\'child\'); SELECT quiet.refresh(\'child\');'
\pset tuples_only on
\pset format unaligned
INSERT INTO quiet.base VALUES (4, 4);
:check
UPDATE quiet.base SET n = 5 WHERE id = 4;
:check
-- no row at all: counts as a change, as it isn't looked at
UPDATE quiet.base SET n = 5 WHERE false;
:check
DELETE FROM quiet.base WHERE id = 4;
:check
COPY quiet.base FROM stdin;
4	4
\.
:check
MERGE INTO quiet.base AS b USING (VALUES (5)) AS v (id) ON b.id = v.id WHEN NOT MATCHED THEN INSERT VALUES (v.id, 5);
:check
WITH gone AS (DELETE FROM quiet.base WHERE id = 5 RETURNING 1) SELECT count(*) FROM gone;
:check
TRUNCATE quiet.base;
:check
-- reading, locking and analyzing are no changes; nor is what was rolled back, all of it or to a savepoint
SELECT count(*) FROM (SELECT FROM quiet.base FOR UPDATE) AS b;
VACUUM ANALYZE quiet.base;
BEGIN; INSERT INTO quiet.base VALUES (9, 9); ROLLBACK;
BEGIN; SAVEPOINT s; INSERT INTO quiet.base VALUES (9, 9); ROLLBACK TO s; COMMIT;
DO $$ BEGIN INSERT INTO quiet.base VALUES (9, 9); RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN END $$;
SELECT quiet.refresh('total');
-- in a subtransaction that ends well
BEGIN; SAVEPOINT s; INSERT INTO quiet.base VALUES (9, 9); RELEASE s; COMMIT;
:check
-- a change of this transaction, before, between and after refreshes, and in subtransactions
BEGIN; INSERT INTO quiet.base VALUES (10, 10); SELECT quiet.refresh('total'); SELECT quiet.refresh('total'); COMMIT;
SELECT total FROM quiet.total;
:check
BEGIN; INSERT INTO quiet.base VALUES (110, 10); SELECT quiet.refresh('total'); INSERT INTO quiet.base VALUES (111, 10);
SELECT quiet.refresh('total'); SELECT quiet.refresh('total'); INSERT INTO quiet.base VALUES (112, 10); COMMIT;
:check
BEGIN; SELECT quiet.refresh('total'); SAVEPOINT s; INSERT INTO quiet.base VALUES (113, 10); SELECT quiet.refresh('total');
ROLLBACK TO s; SELECT quiet.refresh('total'); SAVEPOINT t; INSERT INTO quiet.base VALUES (114, 10); RELEASE t; SELECT quiet.refresh('total'); COMMIT;
:check
SELECT total = (SELECT sum(n) FROM quiet.base) AS fresh FROM quiet.total;
DELETE FROM quiet.base WHERE id > 100;
:check
BEGIN; SELECT quiet.refresh('total'); INSERT INTO quiet.base VALUES (11, 10); COMMIT;
:check
-- a refresh that is rolled back has seen nothing
INSERT INTO quiet.base VALUES (12, 10);
BEGIN; SELECT quiet.refresh('total'); ROLLBACK;
:check
-- replication's role, where ordinary triggers don't fire
SET session_replication_role = replica; INSERT INTO quiet.base VALUES (14, 14); RESET session_replication_role;
:check
-- by a foreign key's cascade
CREATE TABLE quiet.parent (id int PRIMARY KEY);
INSERT INTO quiet.parent VALUES (1), (2);
ALTER TABLE quiet.base ADD COLUMN parent int REFERENCES quiet.parent ON DELETE CASCADE;
INSERT INTO quiet.base VALUES (20, 20, 1);
:check
DELETE FROM quiet.parent WHERE id = 1;
:check
-- refreshed by hand: fresh, but possibly from an old snapshot; unpopulated: certainly not fresh
REFRESH MATERIALIZED VIEW quiet.total;
:check
REFRESH MATERIALIZED VIEW quiet.total WITH NO DATA;
:check
SELECT total FROM quiet.total;
-- a trigger that was off for a while, or dropped and made again
ALTER TABLE quiet.base DISABLE TRIGGER ayb_jobs_note_change;
:check
SELECT never_skipped_because FROM ayb_jobs.matviews WHERE view_name = 'total';
INSERT INTO quiet.base VALUES (21, 1);
ALTER TABLE quiet.base ENABLE ALWAYS TRIGGER ayb_jobs_note_change;
:check
ALTER TABLE quiet.base DISABLE TRIGGER ayb_jobs_note_change; INSERT INTO quiet.base VALUES (22, 1); ALTER TABLE quiet.base ENABLE ALWAYS TRIGGER ayb_jobs_note_change;
:check
-- as an ordinary trigger it isn't fired by replication: not trusted
ALTER TABLE quiet.base ENABLE TRIGGER ayb_jobs_note_change;
:check
DROP TRIGGER ayb_jobs_note_change ON quiet.base;
:check
SELECT skip_unchanged FROM ayb_jobs.update_matview((ayb_jobs.matview_by_name('total', 'quiet')).id, skip_unchanged => true);
SELECT * FROM quiet.triggers();
:check
-- a table that is rewritten; a view that is made anew under the same name
ALTER TABLE quiet.base ALTER COLUMN parent TYPE bigint;
:check
DROP MATERIALIZED VIEW quiet.total;
CREATE MATERIALIZED VIEW quiet.total AS SELECT sum(n) + 1 AS total FROM quiet.base;
:check
-- a transaction that keeps one snapshot is neither skipped nor remembered
BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT quiet.refresh('total'); COMMIT;
:check

-- views over views
\pset tuples_only off
\pset format aligned
CREATE VIEW quiet.plain AS SELECT total FROM quiet.total;
CREATE MATERIALIZED VIEW quiet.upper AS SELECT total * 2 AS total FROM quiet.plain;
SELECT skip_unchanged FROM ayb_jobs.register_matview('upper', 'quiet', skip_unchanged => true);
SELECT view_name, status, reason FROM ayb_jobs.refresh_all('quiet');
SELECT view_name, status, reason FROM ayb_jobs.refresh_all('quiet');
INSERT INTO quiet.base VALUES (30, 1);
SELECT quiet.refresh('upper');
SELECT view_name, status, reason FROM ayb_jobs.refresh_all('quiet');
SELECT view_name, status, reason FROM ayb_jobs.refresh_all('quiet');
REFRESH MATERIALIZED VIEW quiet.total;
SELECT quiet.refresh('upper');
SELECT quiet.refresh('upper');
CREATE OR REPLACE VIEW quiet.plain AS SELECT total + 100 AS total FROM quiet.total;
SELECT quiet.refresh('upper');
SELECT quiet.refresh('upper');

-- partitions: written to by the parent, directly, moved; attached later
CREATE TABLE quiet.parts (k int, v int) PARTITION BY LIST (k);
CREATE TABLE quiet.part_1 PARTITION OF quiet.parts FOR VALUES IN (1);
CREATE TABLE quiet.part_2 PARTITION OF quiet.parts FOR VALUES IN (2) PARTITION BY LIST (v);
CREATE TABLE quiet.part_2_1 PARTITION OF quiet.part_2 DEFAULT;
CREATE MATERIALIZED VIEW quiet.whole AS SELECT count(*) FROM quiet.parts;
CREATE MATERIALIZED VIEW quiet.one_part AS SELECT count(*) FROM quiet.part_1;
SELECT count(ayb_jobs.register_matview(name, 'quiet', skip_unchanged => true)) FROM unnest('{whole,one_part}'::text[]) AS name;
SELECT "table" FROM quiet.triggers();
\set check 'SELECT quiet.refresh(\'whole\') AS whole, quiet.refresh(\'one_part\') AS one_part; SELECT quiet.refresh(\'whole\') AS whole, quiet.refresh(\'one_part\') AS one_part;'
\pset tuples_only on
\pset format unaligned
:check
INSERT INTO quiet.parts VALUES (1, 1);
:check
INSERT INTO quiet.part_1 VALUES (1, 1);
:check
INSERT INTO quiet.part_2_1 VALUES (2, 1);
:check
INSERT INTO quiet.part_2 VALUES (2, 1);
:check
TRUNCATE quiet.part_2_1;
:check
TRUNCATE quiet.parts;
:check
-- attached later: unknown, until the option is set anew
CREATE TABLE quiet.part_3 (k int, v int);
INSERT INTO quiet.part_3 VALUES (3, 3);
ALTER TABLE quiet.parts ATTACH PARTITION quiet.part_3 FOR VALUES IN (3);
:check
SELECT view_name, never_skipped_because FROM ayb_jobs.matviews WHERE schema_name = 'quiet' AND skip_unchanged ORDER BY 1;
SELECT view_name FROM ayb_jobs.update_matview((ayb_jobs.matview_by_name('whole', 'quiet')).id, skip_unchanged => true);
:check
INSERT INTO quiet.part_3 VALUES (3, 4);
:check
ALTER TABLE quiet.parts DETACH PARTITION quiet.part_3;
:check
-- plain inheritance: another parent for a while, through which rows are changed
CREATE TABLE quiet.stepmother (k int, v int);
ALTER TABLE quiet.part_3 INHERIT quiet.stepmother;
CREATE MATERIALIZED VIEW quiet.child AS SELECT sum(v) FROM quiet.part_3;
SELECT view_name FROM ayb_jobs.register_matview('child', 'quiet', skip_unchanged => true);
:check_child
UPDATE quiet.stepmother SET v = 7;
:check_child
ALTER TABLE quiet.part_3 NO INHERIT quiet.stepmother;
:check_child
CREATE TABLE quiet.aunt (k int, v int);
ALTER TABLE quiet.part_3 INHERIT quiet.aunt; UPDATE quiet.aunt SET v = 8; ALTER TABLE quiet.part_3 NO INHERIT quiet.aunt;
:check_child

-- sources of which nothing can be known
\pset tuples_only off
\pset format aligned
CREATE EXTENSION file_fdw;
CREATE SERVER quiet_files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE quiet.far (line text) SERVER quiet_files OPTIONS (program 'echo x');
CREATE TABLE quiet.guarded (n int);
ALTER TABLE quiet.guarded ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION quiet.immutable_it_says() RETURNS int IMMUTABLE LANGUAGE sql AS $$ SELECT 1 $$;
CREATE SEQUENCE quiet.counter;
CREATE VIEW quiet.clock AS SELECT id FROM quiet.base WHERE id < extract(hour FROM now());
CREATE MATERIALIZED VIEW quiet.u_foreign AS SELECT * FROM quiet.far;
CREATE MATERIALIZED VIEW quiet.u_random AS SELECT random() AS r FROM quiet.base;
CREATE MATERIALIZED VIEW quiet.u_now AS SELECT * FROM quiet.clock;
CREATE MATERIALIZED VIEW quiet.u_today AS SELECT id FROM quiet.base WHERE current_date > '2000-01-01';
CREATE MATERIALIZED VIEW quiet.u_function AS SELECT quiet.immutable_it_says() AS n FROM quiet.base;
CREATE MATERIALIZED VIEW quiet.u_sample AS SELECT * FROM (SELECT id FROM quiet.base TABLESAMPLE system (50)) AS s;
CREATE MATERIALIZED VIEW quiet.u_catalog AS SELECT count(*) FROM pg_class;
CREATE MATERIALIZED VIEW quiet.u_schema AS SELECT count(*) FROM information_schema.tables;
CREATE MATERIALIZED VIEW quiet.u_guarded AS SELECT * FROM quiet.guarded;
CREATE MATERIALIZED VIEW quiet.u_sequence AS SELECT last_value FROM quiet.counter;
CREATE MATERIALIZED VIEW quiet.u_nested AS SELECT id FROM quiet.base WHERE n IN (SELECT (random() * n)::int FROM quiet.base);
SET client_min_messages = warning;
SELECT count(ayb_jobs.register_matview(relname, 'quiet', skip_unchanged => true)) FROM pg_class WHERE relname ~ '^u_' AND relnamespace = 'quiet'::regnamespace;
RESET client_min_messages;
SELECT view_name, never_skipped_because, quiet.refresh(view_name) AS first, quiet.refresh(view_name) AS second FROM ayb_jobs.matviews
WHERE view_name ~ '^u_' ORDER BY 1;
SELECT "table" FROM quiet.triggers() WHERE "table" ~ 'far|guarded|counter';
SELECT skip_unchanged FROM ayb_jobs.update_matview((ayb_jobs.matview_by_name('u_random', 'quiet')).id, skip_unchanged => true);
-- built-in immutable functions are no hindrance
CREATE MATERIALIZED VIEW quiet.plain_math AS SELECT upper(n::text), abs(n) FROM quiet.base GROUP BY 1, 2;
SELECT view_name FROM ayb_jobs.register_matview('plain_math', 'quiet', skip_unchanged => true);
SELECT quiet.refresh('plain_math');
SELECT quiet.refresh('plain_math');

-- who may: TRIGGER on the tables, or an admin
GRANT USAGE, CREATE ON SCHEMA quiet TO regress_alice;
GRANT SELECT ON quiet.guarded, quiet.parent TO regress_alice;
GRANT USAGE ON SCHEMA quiet TO regress_admin;
SET ROLE regress_alice;
CREATE MATERIALIZED VIEW quiet.alices AS SELECT count(*) FROM quiet.parent;
\pset tuples_only on
\pset format unaligned
SELECT refused($$SELECT ayb_jobs.register_matview('alices', 'quiet', skip_unchanged => true)$$);
RESET ROLE;
GRANT TRIGGER ON quiet.parent TO regress_alice;
SET ROLE regress_alice;
SELECT view_name FROM ayb_jobs.register_matview('alices', 'quiet', skip_unchanged => true);
RESET ROLE;

-- removing the option or the registration removes the triggers that nobody needs
SELECT skip_unchanged FROM ayb_jobs.update_matview((ayb_jobs.matview_by_name('alices', 'quiet')).id, skip_unchanged => false);
SELECT string_agg("table", ' ') FROM quiet.triggers();
SELECT count(ayb_jobs.unregister_matview(id)) FROM ayb_jobs.matviews WHERE view_name IN ('whole', 'child');
SELECT string_agg("table", ' ') FROM quiet.triggers();
SELECT count(ayb_jobs.unregister_matview(id)) FROM ayb_jobs.matviews WHERE schema_name = 'quiet';
SELECT string_agg("table", ' ') FROM quiet.triggers();
\pset tuples_only off
\pset format aligned
-- a trigger of ours by somebody's hand is harmless; the function isn't for calling
SELECT refused('SELECT ayb_jobs_internal.note_change()');
SET client_min_messages = warning;
DROP EXTENSION file_fdw CASCADE;
DROP SCHEMA quiet CASCADE;
