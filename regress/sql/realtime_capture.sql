-- Every way to write a table that is listened to, and to change what it is. A line each: what was done, and what a listener is told.
SET client_min_messages = warning;
CREATE ROLE reader;
CREATE ROLE keeper;
CREATE SCHEMA live;
GRANT USAGE ON SCHEMA live TO PUBLIC;
SET search_path = live, public;
CREATE TABLE positions (tables text[] PRIMARY KEY, id text);
CREATE FUNCTION told(VARIADIC tables text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    last text := (SELECT p.id FROM positions AS p WHERE p.tables = told.tables);
    row record;
    line text;
BEGIN
    FOR row IN SELECT * FROM ayb_jobs.realtime_changes(last, 'reader', NULL, tables::regclass[]) LOOP
        IF row.action = 'position' THEN
            INSERT INTO positions VALUES (tables, row.id) ON CONFLICT ON CONSTRAINT positions_pkey DO UPDATE SET id = excluded.id;
        ELSE
            line := concat_ws(', ', line, concat_ws(' ', row.action, row.relation, row.record, row.reason));
        END IF;
    END LOOP;
    RETURN coalesce(line, 'nothing');
EXCEPTION WHEN undefined_object THEN
    RETURN SQLERRM;
END $$;

CREATE TABLE notes (id bigint PRIMARY KEY, body text);
GRANT SELECT ON notes TO reader;
SELECT primary_key FROM ayb_jobs.enable_realtime('notes');
SELECT told('notes');
INSERT INTO notes VALUES (1, 'a'), (2, 'b'), (3, 'c');
SELECT told('notes') AS "INSERT";
UPDATE notes SET body = 'A' WHERE id < 3;
SELECT told('notes') AS "UPDATE";
DELETE FROM notes WHERE id = 2;
SELECT told('notes') AS "DELETE";
COPY notes FROM stdin WITH (DELIMITER ' ');
4 d
5 e
\.
SELECT told('notes') AS "COPY";
INSERT INTO notes VALUES (5, 'new'), (6, 'new') ON CONFLICT (id) DO UPDATE SET body = 'upserted';
SELECT told('notes') AS "ON CONFLICT DO UPDATE";
INSERT INTO notes VALUES (5, 'x'), (7, 'g') ON CONFLICT DO NOTHING;
SELECT told('notes') AS "ON CONFLICT DO NOTHING";
MERGE INTO notes AS n USING (VALUES (1, 'merged'), (3, NULL), (8, 'merged')) AS v (id, body) ON n.id = v.id
WHEN MATCHED AND v.body IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET body = v.body WHEN NOT MATCHED THEN INSERT VALUES (v.id, v.body);
SELECT told('notes') AS "MERGE";
WITH gone AS (DELETE FROM notes WHERE id = 8 RETURNING id), made AS (INSERT INTO notes VALUES (9, 'i') RETURNING id)
UPDATE notes SET body = 'cte' WHERE id = 7;
SELECT told('notes') AS "in a WITH";
BEGIN;
INSERT INTO notes VALUES (10, 'kept');
SAVEPOINT a;
INSERT INTO notes VALUES (11, 'rolled back');
SAVEPOINT b;
DELETE FROM notes WHERE id = 1;
RELEASE b;
ROLLBACK TO a;
SAVEPOINT c;
INSERT INTO notes VALUES (12, 'kept');
RELEASE c;
SAVEPOINT d;
TRUNCATE notes;
ROLLBACK TO d;
DO $$
BEGIN
    INSERT INTO notes VALUES (13, 'rolled back');
    INSERT INTO notes VALUES (13, 'again');
EXCEPTION WHEN unique_violation THEN
    UPDATE notes SET body = 'after the error' WHERE id = 9;
END $$;
COMMIT;
SELECT told('notes') AS "subtransactions";
BEGIN;
INSERT INTO notes VALUES (14, 'x');
TRUNCATE notes;
INSERT INTO notes VALUES (15, 'after');
COMMIT;
SELECT told('notes') AS "TRUNCATE";
INSERT INTO notes VALUES (16, 'y');
SELECT told('notes') AS "after it";
CREATE TABLE owned (id bigint PRIMARY KEY, note bigint REFERENCES notes ON DELETE CASCADE ON UPDATE CASCADE);
GRANT SELECT ON owned TO reader;
SELECT primary_key FROM ayb_jobs.enable_realtime('owned');
INSERT INTO owned VALUES (1, 15), (2, 16);
SELECT told('owned');
UPDATE notes SET id = 20 WHERE id = 15;
DELETE FROM notes WHERE id = 16;
SELECT told('owned') AS "by a foreign key";
SELECT told('notes') AS "of the key itself";
TRUNCATE notes CASCADE;
SELECT told('owned') AS "TRUNCATE … CASCADE";
SELECT told('notes') AS "of it";

-- What it is: each change is a resync, and what is written after it is told; what can't be listened to any more is refused until it can.
DROP TABLE owned;
CREATE TABLE changes (number int GENERATED ALWAYS AS IDENTITY, statement text, first text, after text);
INSERT INTO changes (statement) SELECT unnest(ARRAY['ALTER TABLE notes ADD COLUMN more text DEFAULT ''there''', 'ALTER TABLE notes ALTER more TYPE varchar(10)',
    'ALTER TABLE notes RENAME more TO less', 'ALTER TABLE notes DROP COLUMN less', 'ALTER TABLE notes ENABLE ROW LEVEL SECURITY',
    'CREATE POLICY p ON notes USING (true)', 'ALTER POLICY p ON notes USING (id < 0)', 'ALTER POLICY p ON notes RENAME TO q',
    'DROP POLICY q ON notes', 'ALTER TABLE notes DISABLE ROW LEVEL SECURITY', 'ALTER TABLE notes OWNER TO keeper',
    'GRANT SELECT ON notes TO keeper', 'REVOKE SELECT ON notes FROM keeper', 'ALTER TABLE notes ALTER id TYPE text',
    'ALTER TABLE notes ALTER id TYPE numeric USING id::numeric', 'ALTER TABLE notes ALTER id TYPE bigint', 'ALTER TABLE notes ALTER body SET DEFAULT ''z''',
    'ALTER TABLE notes ADD CHECK (id <> 0)', 'CREATE INDEX ON notes (body)', 'ALTER TABLE notes SET UNLOGGED', 'VACUUM FULL notes',
    'CREATE SCHEMA away; ALTER TABLE notes SET SCHEMA away; ALTER TABLE away.notes SET SCHEMA live',
    'ALTER TABLE notes RENAME TO letters; ALTER TABLE letters RENAME TO notes',
    'ALTER TABLE notes DISABLE TRIGGER ayb_jobs_note_row', 'ALTER TABLE notes ENABLE TRIGGER ayb_jobs_note_row', 'ALTER TABLE notes ENABLE ALWAYS TRIGGER ayb_jobs_note_row',
    'DROP TRIGGER ayb_jobs_note_row ON notes', 'SELECT ayb_jobs.enable_realtime(''notes'')', 'SELECT ayb_jobs.disable_realtime(''notes'')', 'SELECT ayb_jobs.enable_realtime(''notes'', ''{id}'')',
    'ALTER TABLE notes DROP CONSTRAINT notes_pkey', 'ALTER TABLE notes ADD PRIMARY KEY (id)', 'REVOKE SELECT ON notes FROM reader', 'GRANT SELECT ON notes TO reader']);
CREATE FUNCTION note_told(what int) RETURNS void LANGUAGE sql AS $$ UPDATE changes SET first = coalesce(first, after), after = told('notes') WHERE number = what $$;
\o /dev/null
SELECT unnest(ARRAY[statement, format('SELECT note_told(%s)', number), format('INSERT INTO notes (id) VALUES (-%s)', number), format('SELECT note_told(%s)', number)])
FROM changes ORDER BY number
\gexec
\o
SELECT statement, first, after FROM changes ORDER BY number;
ALTER TABLE notes RENAME TO letters;
INSERT INTO letters VALUES (1, 'x');
SELECT told('letters') AS "by its new name";
INSERT INTO letters VALUES (2, 'x');
SELECT told('letters') AS "goes on";
SELECT 'letters'::regclass::oid AS letters \gset
DROP TABLE letters CASCADE;
SELECT action FROM ayb_jobs.realtime_changes(NULL, 'reader', NULL, ARRAY[:letters]::oid[]::regclass[]);
CREATE TABLE notes (id bigint PRIMARY KEY, body text);
GRANT SELECT ON notes TO reader;
SELECT told('notes') AS "another one by its name";
SELECT primary_key FROM ayb_jobs.enable_realtime('notes');
DELETE FROM positions;
SELECT told('notes');
INSERT INTO notes VALUES (1, 'a'), (2, 'b');
DELETE FROM notes WHERE id = 1;
SELECT told('notes');

-- Partitions. A session that has written through the table above while nobody listened doesn't call their triggers: it does again.
CREATE TABLE top (id bigint, kind text, body text, PRIMARY KEY (kind, id)) PARTITION BY LIST (kind);
CREATE TABLE parts (LIKE top INCLUDING INDEXES) PARTITION BY LIST (kind);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');
CREATE TABLE parts_bc (body text, id bigint NOT NULL, kind text NOT NULL, PRIMARY KEY (kind, id)) PARTITION BY LIST (kind);
CREATE TABLE parts_b PARTITION OF parts_bc FOR VALUES IN ('b');
CREATE TABLE parts_c PARTITION OF parts_bc FOR VALUES IN ('c');
ALTER TABLE parts ATTACH PARTITION parts_bc FOR VALUES IN ('b', 'c');
ALTER TABLE top ATTACH PARTITION parts FOR VALUES IN ('a', 'b', 'c');
GRANT SELECT ON parts TO reader;
SELECT primary_key FROM ayb_jobs.enable_realtime('parts');
CREATE PROCEDURE write(number bigint) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO parts VALUES (number, 'a'), (number, 'b');
    INSERT INTO parts SELECT number + 1, k FROM unnest('{a,b,c}'::text[]) AS k, generate_series(1, 100) AS i WHERE i = 100;
    INSERT INTO parts_bc (id, kind) VALUES (number + 2, 'b');
    INSERT INTO parts_a VALUES (number + 2, 'a');
    INSERT INTO top VALUES (number + 3, 'c');
    EXECUTE format('COPY (SELECT %s, k FROM unnest(''{a,b,c}''::text[]) AS k) TO %L', number + 4, current_setting('data_directory') || '/rows');
    EXECUTE format('COPY parts (id, kind) FROM %L', current_setting('data_directory') || '/rows');
    EXECUTE format('COPY (SELECT %s, ''a'') TO %L', number + 5, current_setting('data_directory') || '/rows');
    EXECUTE format('COPY parts_a (id, kind) FROM %L', current_setting('data_directory') || '/rows');
    UPDATE parts SET kind = 'c' WHERE (id, kind) = (number, 'a');
    UPDATE parts_bc SET kind = 'c', id = number + 6 WHERE (id, kind) = (number, 'b');
    UPDATE parts SET body = 'x' WHERE id = number + 1;
    DELETE FROM parts WHERE id = number + 4;
END $$;
CREATE FUNCTION told_of(tables text) RETURNS text LANGUAGE sql
AS $$ SELECT regexp_replace(regexp_replace(told(tables), '["{}]|(body|id|kind): |parts ', '', 'g'), ', null|null, ', '', 'g') $$;
CALL write(100);
CALL write(200);
SELECT told('parts');
CALL write(300);
SELECT told_of('parts');
CALL write(400);
SELECT told_of('parts');
-- Another table that is enabled, and one above both.
CREATE TABLE parts_d (LIKE parts INCLUDING INDEXES);
GRANT SELECT ON parts_d TO reader;
ALTER TABLE top ATTACH PARTITION parts_d FOR VALUES IN ('d');
SELECT primary_key FROM ayb_jobs.enable_realtime('parts_d');
INSERT INTO top VALUES (1, 'd'), (500, 'a');
SELECT told('parts_d');
INSERT INTO top VALUES (2, 'd'), (501, 'a');
SELECT told_of('parts_d'), told_of('parts');
TRUNCATE parts_c;
SELECT told('parts') AS "TRUNCATE of a partition";
DROP TABLE parts_c;
SELECT told('parts') AS "DROP of a partition";
CREATE TABLE parts_c PARTITION OF parts_bc FOR VALUES IN ('c');
SELECT told('parts') AS "a new partition";
INSERT INTO top VALUES (502, 'c');
SELECT told_of('parts');
-- Switched off on one of them alone, at any level: what it missed is a resync, and nobody can listen as long as it is.
CREATE TABLE switches (number int GENERATED ALWAYS AS IDENTITY, statement text, told text, after text, problem text);
INSERT INTO switches (statement) SELECT unnest(ARRAY['ALTER TABLE parts_b DISABLE TRIGGER ayb_jobs_note_row', 'ALTER TABLE parts_b ENABLE TRIGGER ayb_jobs_note_row',
    'ALTER TABLE parts_b ENABLE REPLICA TRIGGER ayb_jobs_note_row', 'ALTER TABLE parts_b ENABLE ALWAYS TRIGGER ayb_jobs_note_row',
    'ALTER TABLE parts_b DISABLE TRIGGER ALL; INSERT INTO parts VALUES (503, ''b''); ALTER TABLE parts_b ENABLE ALWAYS TRIGGER ayb_jobs_note_row',
    'ALTER TABLE ONLY parts_bc DISABLE TRIGGER USER', 'ALTER TABLE ONLY parts_bc ENABLE ALWAYS TRIGGER ayb_jobs_note_row',
    'ALTER TABLE parts DISABLE TRIGGER USER', 'ALTER TABLE parts ENABLE ALWAYS TRIGGER ayb_jobs_note_row']);
\o /dev/null
SELECT unnest(ARRAY[statement, format('UPDATE switches SET told = told(''parts'') WHERE number = %s', number), format('INSERT INTO parts VALUES (%s, ''b'')', 600 + number),
    format('UPDATE switches SET after = told_of(''parts''), problem = (SELECT t.problem FROM ayb_jobs.realtime_tables AS t WHERE t.relation = ''parts''::regclass) WHERE number = %s', number)])
FROM switches ORDER BY number
\gexec
\o
SELECT statement, told, after, problem FROM switches ORDER BY number;

DROP SCHEMA live, away CASCADE;
RESET search_path;
RESET client_min_messages;
DROP ROLE reader, keeper;
