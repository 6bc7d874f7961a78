-- Ways to decide who sees a row, and what may happen between a commit and the telling: a line for each that came out the same, with the
-- ways in which it did. Mallory listens. What she is told must have been to be seen for her, in each.
SET client_min_messages = warning;
CREATE ROLE mallory;
CREATE SCHEMA live;
GRANT USAGE ON SCHEMA live TO mallory;
SET search_path = live, public;
CREATE TABLE projects (id bigint PRIMARY KEY, open boolean);
CREATE TABLE members (project bigint, person text);
CREATE TABLE hidden_members (LIKE members);
CREATE TABLE teams (project bigint, team text);
CREATE TABLE people (team text, person text);
GRANT SELECT ON projects, members, teams, people TO mallory;
INSERT INTO projects VALUES (1, false);
INSERT INTO teams VALUES (1, 'red');
CREATE FUNCTION me() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_setting('live.me', true) $$;
CREATE FUNCTION is_member(wanted bigint) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
AS $$ SELECT EXISTS (SELECT FROM live.hidden_members WHERE project = wanted AND person = live.me()) $$;
CREATE FUNCTION is_member_deep(wanted bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN live.is_member(wanted); END $$;
ALTER TABLE teams ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON teams USING (EXISTS (SELECT FROM people AS p WHERE p.team = teams.team));
ALTER TABLE people ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON people USING (person = live.me());

-- How rows are shown and hidden: by a column of their own, or by a row elsewhere.
CREATE TABLE shapes (name text, number int GENERATED ALWAYS AS IDENTITY, policies text[], show text, hide text);
INSERT INTO shapes (name, policies, show, hide) VALUES
    ('its own flag', '{FOR SELECT USING (public)}', 'UPDATE %s SET public = true', 'UPDATE %s SET public = false'),
    ('restrictive flag', '{USING (true),AS RESTRICTIVE USING (public)}', 'UPDATE %s SET public = true', 'UPDATE %s SET public = false'),
    ('helper by the key', '{USING (live.is_public(id))}', 'UPDATE %s SET public = true', 'UPDATE %s SET public = false'),
    ('EXISTS', '{USING (EXISTS (SELECT FROM members AS m WHERE m.project = t.project AND m.person = live.me()))}',
     $$INSERT INTO members VALUES (1, 'mallory')$$, 'DELETE FROM members'),
    ('IN', '{USING (project IN (SELECT m.project FROM members AS m WHERE m.person = live.me()))}',
     $$INSERT INTO members VALUES (1, 'mallory')$$, 'DELETE FROM members'),
    ('JOIN', '{USING (EXISTS (SELECT FROM teams AS m JOIN projects AS j ON j.id = m.project WHERE j.id = t.project AND j.open))}',
     $$UPDATE projects SET open = true; INSERT INTO people VALUES ('red', 'mallory')$$, 'UPDATE projects SET open = false; DELETE FROM people'),
    ('two levels deep', '{USING (EXISTS (SELECT FROM teams AS m WHERE m.project = t.project))}',
     $$INSERT INTO people VALUES ('red', 'mallory')$$, 'DELETE FROM people'),
    ('definer', '{USING (live.is_member(project))}', $$INSERT INTO hidden_members VALUES (1, 'mallory')$$, 'DELETE FROM hidden_members'),
    ('function in a function', '{USING (live.is_member_deep(project))}', $$INSERT INTO hidden_members VALUES (1, 'mallory')$$, 'DELETE FROM hidden_members'),
    ('restrictive EXISTS', '{USING (true),AS RESTRICTIVE USING (EXISTS (SELECT FROM members AS m WHERE m.project = t.project AND m.person = live.me()))}',
     $$INSERT INTO members VALUES (1, 'mallory')$$, 'DELETE FROM members'),
    ('a policy of others beside', '{FOR UPDATE USING (true),TO pg_monitor USING (true),USING (live.is_member(project))}',
     $$INSERT INTO hidden_members VALUES (1, 'mallory')$$, 'DELETE FROM hidden_members'),
    ('a grant', '{}', 'GRANT SELECT ON %s TO mallory', 'REVOKE SELECT ON %s FROM mallory');
-- What happens: Write a text, Show, Hide, Delete, another Key, Look (of which nothing is kept).
CREATE TABLE stories (story text, number int GENERATED ALWAYS AS IDENTITY, steps text[]);
INSERT INTO stories (story, steps) VALUES
    ('a secret is written', '{W secret}'), ('… and changed', '{W secret,L,W secret2}'), ('… and deleted', '{W secret,L,D}'),
    ('a draft is published', '{W draft,W final,S}'), ('… after it was looked at', '{W draft,L,W final,S}'),
    ('a text is withdrawn', '{W open,S,L,W secret,H}'), ('… after it was hidden', '{W open,S,L,H,W secret}'),
    ('private, public, private', '{W a,S,H,W b}'), ('… and public again', '{W a,S,W b,H,W c,S,W d}'),
    ('shown after the commit', '{L,W text,S}'), ('hidden after the commit', '{S,L,W text,S,H}'),
    ('deleted before it was told', '{W text,S,D}'), ('deleted after it', '{W text,S,L,D}'), ('hidden, then deleted', '{W text,S,L,H,D}'),
    ('deleted, then hidden', '{W text,S,L,D,H}'), ('another key', '{W text,S,L,K}'), ('another key, hidden', '{W text,L,K}');

CREATE FUNCTION told(since text, tbl text, OUT line text, OUT id text) LANGUAGE plpgsql AS $$
DECLARE
    row record;
BEGIN
    FOR row IN SELECT * FROM ayb_jobs.realtime_changes(since, 'mallory', '{"live.me": "mallory"}', ARRAY[tbl::regclass]) LOOP
        IF row.action = 'position' THEN
            id := row.id;
        ELSE
            line := concat_ws(', ', line, concat_ws(' ', row.action, row.record - 'project' - 'public', row.reason));
        END IF;
    END LOOP;
    line := coalesce(line, 'nothing');
EXCEPTION WHEN undefined_object THEN
    line := 'refused';
    id := since;
END $$;
CREATE PROCEDURE act(step text, tbl text, shape shapes) LANGUAGE plpgsql AS $$
BEGIN
    CASE left(step, 1)
        WHEN 'W' THEN EXECUTE format('INSERT INTO %s VALUES (1, 1, false, %L) ON CONFLICT (id) DO UPDATE SET body = excluded.body', tbl, substr(step, 3));
        WHEN 'S' THEN EXECUTE format(shape.show, tbl);
        WHEN 'H' THEN EXECUTE format(shape.hide, tbl);
        WHEN 'D' THEN EXECUTE format('DELETE FROM %s', tbl);
        WHEN 'K' THEN EXECUTE format('UPDATE %s SET id = id + 1', tbl);
        ELSE NULL;
    END CASE;
END $$;
CREATE TABLE outcomes (story text, number int, told text, shape text, shape_number int);
CREATE PROCEDURE tell_all() LANGUAGE plpgsql AS $$
DECLARE
    shape shapes;
    story stories;
    policy text;
    step text;
    now_told record;
BEGIN
    FOR shape IN SELECT * FROM shapes ORDER BY number LOOP
        CREATE TABLE t (id bigint PRIMARY KEY, project bigint, public boolean, body text);
        IF shape.name = 'helper by the key' THEN
            CREATE OR REPLACE FUNCTION live.is_public(wanted bigint) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
            AS 'SELECT public FROM live.t WHERE id = wanted';
        END IF;
        FOREACH policy IN ARRAY shape.policies LOOP
            ALTER TABLE t ENABLE ROW LEVEL SECURITY;
            EXECUTE format('CREATE POLICY p%s ON t %s', md5(policy), policy);
        END LOOP;
        EXECUTE format('GRANT SELECT ON t TO %s', CASE shape.name WHEN 'a grant' THEN 'pg_monitor' ELSE 'mallory' END);
        PERFORM ayb_jobs.enable_realtime('t');
        COMMIT;
        FOR story IN SELECT * FROM stories ORDER BY number LOOP
            DELETE FROM t;
            COMMIT;
            CALL act('H', 't', shape);
            COMMIT;
            SELECT * FROM told(NULL, 't') INTO now_told;
            FOREACH step IN ARRAY story.steps || 'L'::text LOOP
                CALL act(step, 't', shape);
                COMMIT;
                IF step = 'L' THEN
                    SELECT * FROM told(now_told.id, 't') INTO now_told;
                    COMMIT;
                END IF;
            END LOOP;
            INSERT INTO outcomes VALUES (story.story, story.number, now_told.line, shape.name, shape.number);
        END LOOP;
        DROP TABLE t CASCADE;
        COMMIT;
    END LOOP;
END $$;
CALL tell_all();
SELECT story, told, string_agg(shape, ', ' ORDER BY shape_number) AS by FROM outcomes GROUP BY number, story, told ORDER BY number, min(shape_number);
SELECT count(*) FROM outcomes WHERE told ~ 'secret|draft';

-- A function that a policy calls is another one, or one that it calls: what may be seen is to be read again, and so it is said.
CREATE TABLE t (id bigint PRIMARY KEY, project bigint);
CREATE TABLE u (id bigint PRIMARY KEY, project bigint);
GRANT SELECT ON t, u TO mallory;
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
ALTER TABLE u ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON t USING (is_member_deep(project));
CREATE POLICY p ON u USING (project > 0);
SELECT count(*) FROM unnest('{t,u}'::regclass[]) AS name, LATERAL ayb_jobs.enable_realtime(name);
SELECT id AS position FROM told(NULL, 't') \gset
SELECT id AS other FROM told(NULL, 'u') \gset
INSERT INTO t VALUES (1, 1);
CREATE FUNCTION unrelated() RETURNS void LANGUAGE sql AS '';
SELECT line, id AS position FROM told(:'position', 't') \gset
\echo :line
CREATE OR REPLACE FUNCTION is_member(wanted bigint) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT true';
SELECT line, id AS position FROM told(:'position', 't') \gset
\echo :line
DELETE FROM t;
ALTER FUNCTION is_member SECURITY INVOKER;
SELECT line, id AS position FROM told(:'position', 't') \gset
\echo :line
BEGIN;
DROP FUNCTION is_member;
ROLLBACK;
DELETE FROM t;
SELECT line, id AS position FROM told(:'position', 't') \gset
\echo :line
DROP FUNCTION is_member;
SELECT line, id AS position FROM told(:'position', 't') \gset
\echo :line
SELECT line FROM told(:'other', 'u');

DROP SCHEMA live CASCADE;
RESET search_path;
RESET client_min_messages;
DROP ROLE mallory;
