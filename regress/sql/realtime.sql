-- Changes of tables: what is captured, and who is told of what.
SET client_min_messages = warning;
CREATE ROLE listener LOGIN NOINHERIT;
CREATE ROLE editors;
CREATE ROLE reader;
CREATE ROLE lurker;
GRANT ayb_jobs_realtime, reader, lurker TO listener;
CREATE SCHEMA live;
GRANT USAGE ON SCHEMA live TO PUBLIC;
SET search_path = live, public;

-- As a listener's session is: the position is kept, and what is told since is shown.
CREATE TABLE positions (name text PRIMARY KEY, id text);
GRANT ALL ON positions TO ayb_jobs_realtime;
CREATE FUNCTION told(listener text, tables text[], claims jsonb DEFAULT NULL, as_role name DEFAULT 'reader', max_rows integer DEFAULT 1000)
RETURNS TABLE (action text, relation text, record jsonb, reason text) LANGUAGE plpgsql AS $$
DECLARE
    last text := (SELECT p.id FROM positions AS p WHERE p.name = listener);
    row record;
BEGIN
    FOR row IN SELECT * FROM ayb_jobs.realtime_changes(last, as_role, claims, tables::regclass[], max_rows) LOOP
        IF row.action = 'position' THEN
            INSERT INTO positions VALUES (listener, row.id) ON CONFLICT (name) DO UPDATE SET id = excluded.id;
        END IF;
        IF row.action <> 'position' OR row.reason IS NOT NULL THEN
            action := row.action; relation := row.relation; record := row.record; reason := row.reason;
            RETURN NEXT;
        END IF;
    END LOOP;
END $$;
CREATE FUNCTION me(name text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$ SELECT jsonb_build_object('live.me', name) $$;

-- Without row-level security: whoever may SELECT. What is told is the row as it is when it is told.
CREATE TABLE notes (id bigint PRIMARY KEY, owner text, body text);
GRANT SELECT ON notes TO reader;
SELECT relation, columns, primary_key, listened, problem FROM ayb_jobs.enable_realtime('notes');
SET SESSION AUTHORIZATION listener;
SET ROLE ayb_jobs_realtime;
SELECT * FROM told('a', '{notes}');
RESET SESSION AUTHORIZATION;
SELECT relation, listened FROM ayb_jobs.realtime_tables;
INSERT INTO notes VALUES (1, 'ann', 'hello'), (2, 'bob', 'hi');
UPDATE notes SET body = 'bye' WHERE id = 1;
UPDATE notes SET body = 'bye' WHERE id = 1;
UPDATE notes SET id = 3 WHERE id = 1;
DELETE FROM notes WHERE id = 2;
SET SESSION AUTHORIZATION listener;
SET ROLE ayb_jobs_realtime;
SELECT * FROM told('a', '{notes}');
SELECT * FROM told('a', '{notes}');
RESET SESSION AUTHORIZATION;

-- Every way to write: upserts, COPY, what is rolled back, more than a transaction may have, TRUNCATE.
INSERT INTO notes VALUES (3, 'ann', 'upserted'), (4, 'bob', 'new')
ON CONFLICT (id) DO UPDATE SET body = excluded.body;
COPY notes FROM stdin;
5	ann	copied
\.
BEGIN;
INSERT INTO notes VALUES (6, 'ann', 'kept');
SAVEPOINT s;
INSERT INTO notes VALUES (7, 'ann', 'rolled back');
ROLLBACK TO s;
INSERT INTO notes VALUES (8, 'ann', 'kept');
COMMIT;
BEGIN;
INSERT INTO notes VALUES (9, 'ann', 'rolled back');
ROLLBACK;
SELECT * FROM told('a', '{notes}');
INSERT INTO notes SELECT i, 'ann', 'many' FROM generate_series(1001, 5097) AS i;
SELECT * FROM told('a', '{notes}');
INSERT INTO notes SELECT i, 'ann', 'many' FROM generate_series(6001, 10096) AS i;
SELECT action, record, reason FROM told('a', '{notes}', max_rows => 1);
TRUNCATE notes;
SELECT * FROM told('a', '{notes}');

-- Row by row: what is cut short goes on.
INSERT INTO notes VALUES (1, 'ann', 'one'), (2, 'ann', 'two'), (3, 'ann', 'three');
SELECT * FROM told('a', '{notes}', max_rows => 2);
SELECT * FROM told('a', '{notes}', max_rows => 2);

-- Whose position it is, of which tables, and that it is one.
INSERT INTO notes VALUES (4, 'ann', 'four');
SELECT * FROM told('a', '{notes}', me('ann'));
SELECT * FROM told('a', '{notes}');
UPDATE positions SET id = overlay(id PLACING CASE WHEN id LIKE 'A%' THEN 'B' ELSE 'A' END FROM 1) WHERE name = 'a';
SELECT * FROM told('a', '{notes}');
UPDATE positions SET id = 'rubbish' WHERE name = 'a';
SELECT * FROM told('a', '{notes}');
GRANT SELECT ON notes TO lurker;
SELECT * FROM told('a', '{notes}', as_role => 'lurker');

-- Columns: those that are enabled, and of them those that are granted. A change of others tells nothing.
CREATE TABLE people (id bigint PRIMARY KEY, name text, salary bigint, secret text);
GRANT SELECT ON people TO reader;
GRANT SELECT (id, name) ON people TO lurker;
SELECT columns FROM ayb_jobs.enable_realtime('people', '{name,id,salary}');
SELECT * FROM told('all', '{people}');
SELECT * FROM told('some', '{people}', as_role => 'lurker');
INSERT INTO people VALUES (1, 'ann', 100, 'x');
UPDATE people SET salary = 200 WHERE id = 1;
UPDATE people SET secret = 'y' WHERE id = 1;
DELETE FROM people WHERE id = 1;
SELECT * FROM told('all', '{people}');
SELECT * FROM told('some', '{people}', as_role => 'lurker');

-- The draft that is published before it is told of. Its own flag decides …
CREATE TABLE drafts (id bigint PRIMARY KEY, owner text, body text, public boolean);
GRANT SELECT ON drafts TO reader;
ALTER TABLE drafts ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON drafts FOR SELECT USING (public OR owner = current_setting('live.me', true));
-- … or a function that looks the row up by its key …
CREATE TABLE helped (id bigint PRIMARY KEY, owner text, body text, public boolean);
GRANT SELECT ON helped TO reader;
CREATE FUNCTION is_public(wanted bigint) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
AS $$ SELECT public FROM live.helped WHERE id = wanted $$;
ALTER TABLE helped ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON helped FOR SELECT USING (is_public(id));
-- … or a joined table, two levels deep, by EXISTS and by JOIN.
CREATE TABLE projects (id bigint PRIMARY KEY, open boolean);
CREATE TABLE members (project bigint REFERENCES projects, person text, PRIMARY KEY (project, person));
CREATE TABLE documents (id bigint PRIMARY KEY, project bigint, body text);
GRANT SELECT ON projects, members, documents TO reader;
ALTER TABLE documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE members ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON members FOR SELECT USING (person = current_setting('live.me', true));
CREATE POLICY p ON documents FOR SELECT USING (EXISTS (
    SELECT FROM members AS m JOIN projects AS j ON j.id = m.project WHERE m.project = documents.project AND j.open));
CREATE POLICY never ON documents AS RESTRICTIVE FOR SELECT USING (body <> 'restricted');
SELECT count(*) FROM unnest('{drafts,helped,documents}'::regclass[]) AS t, LATERAL ayb_jobs.enable_realtime(t);
INSERT INTO projects VALUES (1, false), (2, true);
INSERT INTO members VALUES (1, 'ann'), (2, 'ann'), (2, 'bob');
SELECT * FROM told('ann', '{drafts,helped,documents}', me('ann'));
SELECT * FROM told('bob', '{drafts,helped,documents}', me('bob'));
INSERT INTO drafts VALUES (1, 'ann', 'draft', false);
INSERT INTO helped VALUES (1, 'ann', 'draft', false);
INSERT INTO documents VALUES (1, 1, 'draft'), (2, 2, 'text'), (3, 2, 'restricted');
UPDATE drafts SET body = 'final', public = true;
UPDATE helped SET body = 'final', public = true;
UPDATE documents SET body = 'final' WHERE id = 1;
UPDATE projects SET open = true;
INSERT INTO members VALUES (1, 'bob');
SELECT * FROM told('ann', '{drafts,helped,documents}', me('ann'));
SELECT * FROM told('bob', '{drafts,helped,documents}', me('bob'));
-- A row that comes into sight is new, one that goes out of it is gone.
UPDATE drafts SET public = false, body = 'withdrawn';
SELECT * FROM told('ann', '{drafts,helped,documents}', me('ann'));
SELECT * FROM told('bob', '{drafts,helped,documents}', me('bob'));
UPDATE drafts SET public = true, body = 'published';
SELECT * FROM told('ann', '{drafts,helped,documents}', me('ann'));
SELECT * FROM told('bob', '{drafts,helped,documents}', me('bob'));
-- Private, public, private: the text in between was never told, nor any other.
UPDATE drafts SET public = false, body = 'a';
SELECT action, record FROM told('bob', '{drafts,helped,documents}', me('bob'));
UPDATE drafts SET public = true, body = 'b';
UPDATE drafts SET public = false, body = 'c';
SELECT action, record FROM told('bob', '{drafts,helped,documents}', me('bob'));
-- Membership that is revoked before the telling hides, one that is granted shows; a delete is told by the key to who saw it.
SELECT count(*) FROM told('ann', '{drafts,helped,documents}', me('ann'));
UPDATE documents SET body = 'new' WHERE id IN (1, 2);
DELETE FROM members WHERE (project, person) = (2, 'bob');
SELECT * FROM told('bob', '{drafts,helped,documents}', me('bob'));
DELETE FROM documents WHERE id IN (1, 2, 3);
DELETE FROM drafts;
SELECT * FROM told('bob', '{drafts,helped,documents}', me('bob'));
SELECT * FROM told('ann', '{drafts,helped,documents}', me('ann'));

-- What changes the table, or who may see it, is said.
ALTER TABLE drafts ADD COLUMN extra text DEFAULT 'there';
INSERT INTO drafts VALUES (2, 'ann', 'x', true);
SELECT * FROM told('bob', '{drafts,helped,documents}', me('bob'));
INSERT INTO drafts VALUES (3, 'ann', 'x', true);
CREATE POLICY q ON drafts FOR SELECT TO editors USING (true);
SELECT * FROM told('bob', '{drafts,helped,documents}', me('bob'));
INSERT INTO drafts VALUES (4, 'ann', 'x', false);
GRANT editors TO reader;
SELECT * FROM told('bob', '{drafts,helped,documents}', me('bob'));
INSERT INTO drafts VALUES (5, 'ann', 'x', false);
SELECT * FROM told('bob', '{drafts,helped,documents}', me('bob'));
ALTER TABLE drafts RENAME TO papers;
INSERT INTO papers VALUES (6, 'ann', 'x', true);
SELECT * FROM told('bob', '{papers,helped,documents}', me('bob'));
INSERT INTO papers VALUES (7, 'ann', 'x', true);
SELECT * FROM told('bob', '{papers,helped,documents}', me('bob'));
REVOKE SELECT ON papers FROM reader;
SELECT refused($$ SELECT * FROM told('bob', '{papers,helped,documents}', me('bob')) $$);
GRANT SELECT ON papers TO reader;
SELECT * FROM told('bob', '{papers,helped,documents}', me('bob'));
SELECT ayb_jobs.disable_realtime('papers'), ayb_jobs.disable_realtime('papers');
SELECT refused($$ SELECT * FROM told('bob', '{papers,helped,documents}', me('bob')) $$);
DROP TABLE papers;

-- Partitions, of other shapes, attached later, and detached.
CREATE TABLE parts (id bigint, kind text, body text, PRIMARY KEY (kind, id)) PARTITION BY LIST (kind);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');
GRANT SELECT ON parts TO reader;
SELECT columns, primary_key FROM ayb_jobs.enable_realtime('parts');
CREATE TABLE parts_b (body text, gone text, kind text NOT NULL, id bigint NOT NULL);
ALTER TABLE parts_b DROP COLUMN gone;
ALTER TABLE parts ATTACH PARTITION parts_b FOR VALUES IN ('b');
SELECT * FROM told('p', '{parts}');
INSERT INTO parts VALUES (1, 'a', 'x'), (2, 'b', 'x');
INSERT INTO parts_b (id, kind, body) VALUES (3, 'b', 'direct');
UPDATE parts SET kind = 'b' WHERE id = 1;
SELECT * FROM told('p', '{parts}');
TRUNCATE parts_a;
SELECT * FROM told('p', '{parts}');
ALTER TABLE parts DETACH PARTITION parts_b;
SELECT * FROM told('p', '{parts}');
INSERT INTO parts_b (id, kind, body) VALUES (4, 'b', 'nobody''s');
SELECT * FROM told('p', '{parts}');

-- A row that is too large is read like any other; nobody can say who saw it when it is gone.
CREATE TABLE large (id bigint PRIMARY KEY, body text);
GRANT SELECT ON large TO reader;
ALTER TABLE large ALTER body SET STORAGE EXTERNAL;
SELECT columns FROM ayb_jobs.enable_realtime('large');
SELECT * FROM told('l', '{large}');
INSERT INTO large SELECT i, repeat('x', 65536 - 24 - 8 - 4 + i) FROM generate_series(0, 1) AS i;
SELECT action, record ->> 'id' AS id, length(record ->> 'body') AS length FROM told('l', '{large}');
DELETE FROM large;
SELECT action, record FROM told('l', '{large}');

-- A policy that raises for one row of a hundred.
CREATE TABLE risky (id bigint PRIMARY KEY);
GRANT SELECT ON risky TO reader;
ALTER TABLE risky ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON risky FOR SELECT USING (1 / (id - 50) IS NOT NULL);
SELECT columns FROM ayb_jobs.enable_realtime('risky');
SELECT * FROM told('r', '{risky}');
INSERT INTO risky SELECT generate_series(1, 100);
SELECT count(*), sum((record ->> 'id')::bigint) FROM told('r', '{risky}');

-- What a policy tries to leave behind for the next subscriber.
CREATE TABLE evil (id bigint PRIMARY KEY, what text);
GRANT SELECT ON evil TO reader;
GRANT CREATE ON SCHEMA live TO reader;
CREATE FUNCTION try_all(what text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE what;
    RETURN true;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING '%: %', what, SQLERRM;
    RETURN true;
END $$;
ALTER TABLE evil ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON evil FOR SELECT USING (try_all(what));
SELECT columns FROM ayb_jobs.enable_realtime('evil');
SELECT * FROM told('e', '{evil}', me('ann'));
INSERT INTO evil SELECT i, w FROM unnest(ARRAY['SET ROLE listener', 'RESET ROLE', 'SET SESSION AUTHORIZATION DEFAULT',
    'SET live.me = ''mallory''', 'SET search_path = mallory', 'NOTIFY mallory', 'SELECT pg_advisory_lock(23)',
    'CREATE TABLE live.loot AS SELECT 1', 'CREATE TEMP TABLE loot AS SELECT 1', 'SET transaction_read_only = off',
    'INSERT INTO live.positions VALUES (''mallory'', NULL)', 'DECLARE loot CURSOR WITH HOLD FOR SELECT 1',
    'SELECT * FROM ayb_jobs.realtime_changes(NULL, ''reader'', NULL, ''{live.evil}'')']) WITH ORDINALITY AS w (w, i);
LISTEN mallory;
SELECT action, record ->> 'what' AS what FROM told('e', '{evil}', me('ann'));
SELECT current_user = session_user AS same, current_setting('live.me', true) AS me, current_setting('search_path') AS path,
       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS locks, to_regclass('live.loot') AS loot,
       current_setting('transaction_read_only') AS read_only, (SELECT count(*) FROM positions WHERE name = 'mallory') AS rows;
UNLISTEN mallory;
-- Nor for the next row of another table.
CREATE TABLE mine (id bigint PRIMARY KEY, owner text);
GRANT SELECT ON mine TO reader;
ALTER TABLE mine ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON mine FOR SELECT USING (owner = current_setting('live.me', true));
SELECT columns FROM ayb_jobs.enable_realtime('mine');
SELECT * FROM told('m', '{evil,mine}', me('ann'));
INSERT INTO evil VALUES (100, 'SET live.me = ''mallory'''), (101, 'SET row_security = off');
INSERT INTO mine VALUES (1, 'mallory'), (2, 'ann');
SELECT relation, record FROM told('m', '{evil,mine}', me('ann'));

-- One that loops, and traps the cancel.
CREATE TABLE slow (id bigint PRIMARY KEY);
GRANT SELECT ON slow TO reader;
ALTER TABLE slow ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON slow FOR SELECT USING (pg_sleep(100) IS NULL);
SELECT columns FROM ayb_jobs.enable_realtime('slow');
SELECT * FROM told('s', '{slow}');
INSERT INTO slow VALUES (1);
SELECT * FROM told('s', '{slow}');

-- Who may, and what is refused.
SELECT refused($$ SELECT ayb_jobs.realtime_changes(NULL, 'nobody', NULL, '{live.notes}') $$);
SELECT refused($$ SELECT ayb_jobs.realtime_changes(NULL, current_user, NULL, '{live.notes}') $$);
SELECT refused($$ SELECT ayb_jobs.realtime_changes(NULL, 'reader', '{"role": "x"}', '{live.notes}') $$);
SELECT refused($$ SELECT ayb_jobs.realtime_changes(NULL, 'reader', '{"ayb_jobs.actor": "x"}', '{live.notes}') $$);
SELECT refused($$ SELECT ayb_jobs.realtime_changes(NULL, 'reader', '{"live.me": 7}', '{live.notes}') $$);
SELECT refused($$ SELECT ayb_jobs.realtime_changes(NULL, 'reader', '[]', '{live.notes}') $$);
SELECT refused($$ SELECT ayb_jobs.realtime_changes(NULL, 'reader', NULL, '{}') $$);
SELECT refused($$ SELECT ayb_jobs.realtime_changes(NULL, 'reader', NULL, NULL) $$);
SELECT refused($$ SELECT ayb_jobs.realtime_changes(NULL, 'reader', NULL, '{live.notes}', 0) $$);
SELECT refused($$ SELECT ayb_jobs.realtime_changes(NULL, 'reader', NULL, (SELECT array_agg(oid::regclass) FROM (SELECT oid FROM pg_class LIMIT 101) AS c)) $$);
SELECT refused($$ SELECT ayb_jobs.realtime_changes(NULL, 'reader', NULL, '{live.projects}') $$);
SELECT refused($$ SELECT ayb_jobs.realtime_changes(NULL, 'reader', NULL, '{pg_class}') $$);
SELECT refused($$ SELECT ayb_jobs.realtime_changes(NULL, 'lurker', NULL, '{live.helped}') $$);
SELECT refused($$ SELECT ayb_jobs.realtime_changes(NULL, 'reader', NULL, '{999999}') $$);
CREATE ROLE keeper;
ALTER TABLE helped OWNER TO keeper;
SELECT refused($$ SELECT ayb_jobs.realtime_changes(NULL, 'keeper', NULL, '{live.helped}') $$);
SET SESSION AUTHORIZATION listener;
SELECT refused($$ SELECT ayb_jobs.enable_realtime('live.notes') $$);
SET ROLE ayb_jobs_realtime;
SELECT refused($$ SELECT ayb_jobs.realtime_changes(NULL, 'keeper', NULL, '{live.helped}') $$);
SET ROLE reader;
SELECT refused($$ SELECT ayb_jobs.realtime_changes(NULL, 'reader', NULL, '{live.notes}') $$);
SELECT refused($$ CREATE TRIGGER t AFTER INSERT ON live.notes FOR EACH ROW EXECUTE FUNCTION ayb_jobs_internal.note_row() $$);
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION keeper;
SELECT refused($$ SELECT ayb_jobs.enable_realtime('live.helped') $$);
RESET SESSION AUTHORIZATION;
CREATE VIEW looked AS SELECT * FROM notes;
CREATE TEMP TABLE passing (id bigint PRIMARY KEY);
CREATE TABLE keyless (id bigint);
CREATE TABLE parent (id bigint PRIMARY KEY);
CREATE TABLE child () INHERITS (parent);
CREATE TABLE sessions (id bigint PRIMARY KEY, name text);
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON sessions USING (name = session_user);
SELECT t, refused(format('SELECT ayb_jobs.enable_realtime(%L)', t))
FROM unnest('{looked,passing,keyless,parent,sessions,pg_class,ayb_jobs.handlers}'::text[]) AS t;
SELECT refused($$ SELECT ayb_jobs.enable_realtime('notes', '{id,nothing}') $$);
SELECT refused($$ SELECT ayb_jobs.enable_realtime('notes', '{body}') $$);
SELECT refused($$ SELECT ayb_jobs.enable_realtime('notes', '{}') $$);
SELECT refused($$ SELECT ayb_jobs.enable_realtime(NULL) $$);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT refused($$ SELECT ayb_jobs.realtime_changes(NULL, 'reader', NULL, '{live.notes}') $$);
COMMIT;
SELECT refused($$ CALL ayb_jobs_internal.wait_for_realtime('{live.notes}', '0') $$);

-- Waiting: at once with the number where it stands, then when there is something. No number stays the same.
CALL ayb_jobs_internal.wait_for_realtime('{live.notes,live.large}', '1 s') \gset
\echo :{?changed}
INSERT INTO notes VALUES (100, 'ann', 'x');
CALL ayb_jobs_internal.wait_for_realtime('{live.notes,live.large}', '60 s', :seen) \gset
SELECT :'changed'::oid[]::regclass[];
CALL ayb_jobs_internal.wait_for_realtime('{live.notes,live.large}', '0', :seen) \gset
\echo :{?changed}

DROP SCHEMA live CASCADE;
SELECT count(*) FROM ayb_jobs.realtime_tables;
DROP TABLE passing;
RESET search_path;
RESET client_min_messages;
DROP ROLE listener, editors, reader, lurker, keeper;
