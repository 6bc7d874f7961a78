# What listeners are told, held against what they could have seen: one writer makes random commits (rows, memberships,
# policies), and after each the rows are noted that a SELECT by each listener shows. Every record that is told must be
# among those that its listener could see at some moment from the change's commit to the telling, and the list that a
# client keeps by what it is told must be what a SELECT shows. Two wrong ways to tell are held against the same, and are
# found: one that asks whether the row with this key can be seen now, and one that judges the written row by policies as
# they are now; both then send what was written.
# AYB_ORACLE_COMMITS says how many commits (400), AYB_ORACLE_SEED what chance begins with.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my $commits = $ENV{AYB_ORACLE_COMMITS} // 400;
my $seed = $ENV{AYB_ORACLE_SEED} // 0.23;
my $node = start_server('realtime_oracle', q{
fsync = off
autovacuum = off
});

sql($node, q{
CREATE ROLE reader;
CREATE SCHEMA live;
GRANT USAGE ON SCHEMA live TO reader;
CREATE FUNCTION live.me() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_setting('live.me', true) $$;
CREATE TABLE live.drafts (id integer PRIMARY KEY, owner text, body text, public boolean);
CREATE TABLE live.helped (id integer PRIMARY KEY, owner text, body text, public boolean);
CREATE TABLE live.projects (id integer PRIMARY KEY, open boolean);
CREATE TABLE live.members (project integer, person text, PRIMARY KEY (project, person));
CREATE TABLE live.documents (id integer PRIMARY KEY, project integer, body text);
GRANT SELECT ON ALL TABLES IN SCHEMA live TO reader;
CREATE FUNCTION live.is_public(wanted integer) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
AS 'SELECT public FROM live.helped WHERE id = wanted';
ALTER TABLE live.drafts ENABLE ROW LEVEL SECURITY;
ALTER TABLE live.helped ENABLE ROW LEVEL SECURITY;
ALTER TABLE live.members ENABLE ROW LEVEL SECURITY;
ALTER TABLE live.documents ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON live.drafts FOR SELECT USING (public OR owner = live.me());
CREATE POLICY p ON live.helped FOR SELECT USING (live.is_public(id));
CREATE POLICY p ON live.members FOR SELECT USING (person = live.me());
CREATE POLICY p ON live.documents FOR SELECT USING (EXISTS (
    SELECT FROM live.members AS m JOIN live.projects AS j ON j.id = m.project WHERE m.project = documents.project AND j.open));
CREATE POLICY r ON live.documents AS RESTRICTIVE FOR SELECT USING (body NOT LIKE '%secret%');
SELECT count(*) FROM unnest('{live.drafts,live.helped,live.documents}'::regclass[]) AS t, LATERAL ayb_jobs.enable_realtime(t);
INSERT INTO live.projects SELECT i, i % 2 = 0 FROM generate_series(1, 4) AS i;

CREATE TABLE listeners (who text PRIMARY KEY, since text, step integer);
CREATE TABLE steps (step integer PRIMARY KEY, done_at timestamptz);
CREATE TABLE shown (who text, tbl text, step integer, record jsonb);
CREATE TABLE written (tbl text, step integer, record jsonb);
CREATE TABLE sent (how text, who text, tbl text, record jsonb, written integer, told integer);
CREATE TABLE clients (who text, tbl text, id integer, record jsonb, PRIMARY KEY (who, tbl, id));
CREATE TABLE differing (step integer, who text, tbl text, client jsonb, shown jsonb);
CREATE TABLE told_of (action text, reason text, times integer DEFAULT 1, PRIMARY KEY (action, reason));
INSERT INTO listeners VALUES ('ann'), ('bob'), ('eve');
CREATE FUNCTION chance(n integer) RETURNS integer LANGUAGE sql AS 'SELECT floor(random() * n)::integer';
CREATE FUNCTION person() RETURNS text LANGUAGE sql AS $$ SELECT (ARRAY['ann', 'bob', 'eve'])[1 + chance(3)] $$;
CREATE FUNCTION note_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO written SELECT TG_TABLE_NAME, coalesce(max(step), 0) + 1, to_jsonb(NEW) FROM steps;
    RETURN NULL;
END $$;
CREATE TRIGGER w AFTER INSERT OR UPDATE ON live.drafts FOR EACH ROW EXECUTE FUNCTION note_written();
CREATE TRIGGER w AFTER INSERT OR UPDATE ON live.helped FOR EACH ROW EXECUTE FUNCTION note_written();
CREATE TRIGGER w AFTER INSERT OR UPDATE ON live.documents FOR EACH ROW EXECUTE FUNCTION note_written();

-- What a SELECT by the listener shows, of all tables.
CREATE PROCEDURE see(listener text, INOUT rows jsonb) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('live.me', listener, true), set_config('role', 'reader', true);
    SELECT jsonb_build_object(
        'drafts', (SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY id), '[]') FROM live.drafts AS t),
        'helped', (SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY id), '[]') FROM live.helped AS t),
        'documents', (SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY id), '[]') FROM live.documents AS t)) INTO rows;
    PERFORM set_config('role', 'none', true), set_config('live.me', '', true);
END $$;

CREATE PROCEDURE act() LANGUAGE plpgsql AS $$
DECLARE
    new_body text := 'text ' || chance(1000000) || CASE chance(6) WHEN 0 THEN ' secret' ELSE '' END;
BEGIN
    FOR i IN 0 .. chance(3) LOOP
        CASE chance(18)
            WHEN 0, 1 THEN INSERT INTO live.drafts VALUES (chance(12), person(), new_body, chance(2) = 0)
                ON CONFLICT (id) DO UPDATE SET body = excluded.body, public = excluded.public;
            WHEN 2 THEN UPDATE live.drafts SET public = NOT public, body = new_body WHERE id = chance(12);
            WHEN 3 THEN UPDATE live.drafts AS d SET id = n.id FROM (SELECT chance(12) AS id, chance(12) AS old OFFSET 0) AS n
                WHERE d.id = n.old AND NOT EXISTS (SELECT FROM live.drafts AS o WHERE o.id = n.id);
            WHEN 4 THEN DELETE FROM live.drafts WHERE id = chance(12);
            WHEN 5, 6 THEN INSERT INTO live.helped VALUES (chance(12), person(), new_body, chance(2) = 0)
                ON CONFLICT (id) DO UPDATE SET body = excluded.body, public = excluded.public;
            WHEN 7 THEN DELETE FROM live.helped WHERE id = chance(12);
            WHEN 8, 9, 16, 17 THEN INSERT INTO live.documents VALUES (chance(5), 1 + chance(4), new_body)
                ON CONFLICT (id) DO UPDATE SET body = excluded.body;
            WHEN 10 THEN DELETE FROM live.documents WHERE id = chance(5);
            WHEN 11, 14, 15 THEN UPDATE live.projects SET open = NOT open WHERE id = 1 + chance(4);
            WHEN 12 THEN INSERT INTO live.members VALUES (1 + chance(4), person()) ON CONFLICT DO NOTHING;
            WHEN 13 THEN DELETE FROM live.members WHERE project = 1 + chance(4) AND members.person = person();
        END CASE;
    END LOOP;
    IF chance(40) = 0 THEN
        DROP POLICY p ON live.drafts;
        IF chance(2) = 0 THEN
            CREATE POLICY p ON live.drafts FOR SELECT USING (public OR owner = live.me());
        ELSE
            CREATE POLICY p ON live.drafts FOR SELECT USING (public AND owner <> live.me());
        END IF;
    END IF;
END $$;

-- A client keeps a list of each table by what it is told; where others decide what it sees (members, projects), it reads
-- again when they change, and so it does where a row is told by a helper that nobody can ask for what is gone.
CREATE PROCEDURE tell(listener text, now_at integer) LANGUAGE plpgsql AS $$
DECLARE
    last text := (SELECT l.since FROM listeners AS l WHERE l.who = listener);
    before integer := (SELECT l.step FROM listeners AS l WHERE l.who = listener);
    seen jsonb;
    telling record;
    name text;
BEGIN
    CALL see(listener, seen);
    FOR telling IN SELECT t.*, (SELECT relname FROM pg_class WHERE oid = t.relation) FROM ayb_jobs.realtime_changes(last, 'reader', jsonb_build_object('live.me', listener),
        '{live.drafts,live.helped,live.documents}') AS t LOOP
        INSERT INTO told_of VALUES (telling.action, coalesce(telling.reason, '')) ON CONFLICT (action, reason) DO UPDATE SET times = told_of.times + 1;
        IF telling.action = 'position' THEN
            UPDATE listeners SET since = telling.id, step = now_at WHERE who = listener;
        ELSIF telling.action = 'resync' THEN
            DELETE FROM clients WHERE who = listener AND tbl = telling.relname;
            INSERT INTO clients SELECT listener, telling.relname, (r ->> 'id')::integer, r FROM jsonb_array_elements(seen -> telling.relname) AS r;
        ELSIF telling.action = 'delete' THEN
            DELETE FROM clients WHERE who = listener AND tbl = telling.relname AND id = (telling.record ->> 'id')::integer;
        ELSE
            INSERT INTO sent SELECT 'engine', listener, telling.relname, telling.record, min(s.step), now_at FROM steps AS s WHERE s.done_at >= telling.at;
            INSERT INTO clients VALUES (listener, telling.relname, (telling.record ->> 'id')::integer, telling.record)
            ON CONFLICT (who, tbl, id) DO UPDATE SET record = excluded.record;
        END IF;
    END LOOP;
    INSERT INTO clients SELECT listener, t.key, (r ->> 'id')::integer, r
    FROM jsonb_each(seen) AS t, jsonb_array_elements(t.value) AS r WHERE last IS NULL; -- it begins with what is there
    -- The wrong ways, of what was written since the last time.
    INSERT INTO sent SELECT 'by key', listener, w.tbl, w.record, w.step, now_at FROM written AS w
    WHERE w.step > before AND EXISTS (SELECT FROM jsonb_array_elements(seen -> w.tbl) AS r WHERE r -> 'id' = w.record -> 'id');
    INSERT INTO sent SELECT 'by image', listener, w.tbl, w.record, w.step, now_at FROM written AS w
    WHERE w.step > before AND CASE w.tbl
        WHEN 'drafts' THEN (w.record ->> 'public')::boolean OR w.record ->> 'owner' = listener
        WHEN 'helped' THEN live.is_public((w.record ->> 'id')::integer)
        ELSE w.record ->> 'body' NOT LIKE '%secret%' AND EXISTS (SELECT FROM live.members AS m JOIN live.projects AS j ON j.id = m.project
            WHERE m.project = (w.record ->> 'project')::integer AND m.person = listener AND j.open) END;
    FOREACH name IN ARRAY ARRAY['helped', 'documents'] LOOP
        CONTINUE WHEN name = 'documents' AND chance(8) > 0;
        DELETE FROM clients WHERE who = listener AND tbl = name;
        INSERT INTO clients SELECT listener, name, (r ->> 'id')::integer, r FROM jsonb_array_elements(seen -> name) AS r;
    END LOOP;
    INSERT INTO differing SELECT now_at, listener, 'drafts', c.list, seen -> 'drafts'
    FROM (SELECT coalesce(jsonb_agg(record ORDER BY id), '[]') AS list FROM clients WHERE who = listener AND tbl = 'drafts') AS c
    WHERE before IS NOT NULL AND c.list <> seen -> 'drafts';
END $$;

CREATE PROCEDURE go(commits integer, seed double precision) LANGUAGE plpgsql AS $$
DECLARE
    listener text;
    seen jsonb;
BEGIN
    PERFORM setseed(seed);
    FOR i IN 1 .. commits LOOP
        CALL act();
        IF chance(10) = 0 THEN
            ROLLBACK;
        ELSE
            COMMIT;
        END IF;
        INSERT INTO steps VALUES (i, clock_timestamp());
        FOR listener IN SELECT who FROM listeners ORDER BY who LOOP
            CALL see(listener, seen);
            INSERT INTO shown SELECT listener, t.key, i, r FROM jsonb_each(seen) AS t, jsonb_array_elements(t.value) AS r;
        END LOOP;
        COMMIT;
        FOR listener IN SELECT who FROM listeners ORDER BY who LOOP
            IF i = 1 OR i = commits OR chance(3) = 0 THEN
                CALL tell(listener, i);
                COMMIT;
            END IF;
        END LOOP;
    END LOOP;
END $$});

sql($node, "CALL go($commits, $seed)");
sql($node, 'CREATE INDEX ON shown (who, tbl, step); ANALYZE');

# The records of a way that no SELECT by its listener showed at any moment between.
sub leaks {
    my ($how) = @_;
    return sql($node, qq{SELECT coalesce(string_agg(DISTINCT s.tbl, ' ' ORDER BY s.tbl), '') FROM sent AS s
        WHERE s.how = '$how' AND NOT EXISTS (SELECT FROM shown AS v WHERE v.who = s.who AND v.tbl = s.tbl
            AND v.step BETWEEN s.written AND s.told AND v.record = s.record)});
}
note(sql($node, q{SELECT string_agg(format('%s %s: %s', action, reason, times), ', ' ORDER BY action, reason) FROM told_of}));
is(leaks('engine'), '', "seed $seed, $commits commits: every record that was told could be seen");
is(leaks('by key'), 'documents drafts helped', 'by the key alone drafts would be told, in each of the three forms');
like(leaks('by image'), qr/documents .*helped/, '… and by the image, where policies look things up');
is(sql($node, q{SELECT count(*), min(step), (array_agg(client ORDER BY step))[1], (array_agg(shown ORDER BY step))[1] FROM differing}), '0|||',
   'the list that a client keeps is what it would read');
is(sql($node, q{SELECT count(DISTINCT tbl) FROM sent WHERE how = 'engine'}), 3, 'each table was told of');
is(sql($node, q{SELECT string_agg(DISTINCT action, ' ' ORDER BY action) FROM told_of}), 'create delete position resync update', 'in every way');

$node->stop;
done_testing();
