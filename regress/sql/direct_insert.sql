-- enqueue() puts its rows into job_queue without a statement, and keeps all that stands on the table. Where somebody
-- put something there that needs a statement, it runs one: the errors of that way have a CONTEXT, the others none.
SELECT ayb_jobs.pause();
CREATE FUNCTION public.direct_noop() RETURNS void LANGUAGE plpgsql AS $$ BEGIN END $$;
SELECT type FROM ayb_jobs.register_handler('direct', 'public.direct_noop()');
CREATE EXTENSION amcheck SCHEMA public;

-- Each job has its entries, of every index whose condition it meets, and is seen by the next command.
BEGIN;
SELECT count(ayb_jobs.enqueue('direct', to_jsonb(n))) FROM generate_series(1, 50) AS n;
SELECT min(id::text) AS first FROM ayb_jobs.job_queue \gset
SELECT count(*) FROM ayb_jobs.enqueue_many('direct', ARRAY['1', '2', '3']::jsonb[]);
SELECT count(*), count(DISTINCT id), min(state), max(attempts) FROM ayb_jobs.job_queue;
SELECT count(*) FROM ayb_jobs.enqueue_many('direct', '{}');
COMMIT;
SELECT bool_and(public.bt_index_check(indexrelid, heapallindexed => true) IS NOT NULL)
FROM pg_index WHERE indrelid = 'ayb_jobs.job_queue'::regclass;
SELECT queued FROM ayb_jobs.stats();

-- A rolled-back subtransaction takes its rows along.
BEGIN;
SAVEPOINT s;
SELECT 1 FROM ayb_jobs.enqueue('direct');
ROLLBACK TO s;
COMMIT;
SELECT queued FROM ayb_jobs.stats();

-- A payload that is stored out of line, and one that is compressed, arrive as they were.
CREATE TABLE public.large (payload jsonb);
ALTER TABLE public.large ALTER payload SET STORAGE EXTERNAL;
INSERT INTO public.large SELECT to_jsonb(string_agg(md5(n::text), '')) FROM generate_series(1, 1000) AS n;
INSERT INTO public.large SELECT to_jsonb(repeat('x', 100000));
SELECT count(*) FROM public.large AS l CROSS JOIN LATERAL ayb_jobs.enqueue('direct', l.payload) AS id;
SELECT count(*) FROM ayb_jobs.job_queue AS q JOIN public.large AS l USING (payload);
DROP TABLE public.large;

-- What others put on the table, and a statement isn't needed for: noticed at once, also in the same session.
ALTER TABLE ayb_jobs.job_queue ADD CONSTRAINT mine CHECK (payload <> '"refused"');
SELECT ayb_jobs.enqueue('direct', '"refused"');
ALTER TABLE ayb_jobs.job_queue DROP CONSTRAINT mine;
SELECT 1 FROM ayb_jobs.enqueue('direct', '"refused"');
CREATE UNIQUE INDEX mine ON ayb_jobs.job_queue ((payload ->> 'once')) WHERE type = 'direct';
SELECT 1 FROM ayb_jobs.enqueue('direct', '{"once": "a"}');
SELECT ayb_jobs.enqueue('direct', '{"once": "a"}');
SELECT * FROM ayb_jobs.enqueue_many('direct', ARRAY['{"once": "b"}', '{"once": "a"}']::jsonb[]);
SELECT public.bt_index_check('ayb_jobs.mine', heapallindexed => true);
DROP INDEX ayb_jobs.mine;
SELECT 1 FROM ayb_jobs.enqueue('direct', '{"once": "a"}');

-- What a statement is needed for.
CREATE FUNCTION public.is_good(payload jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT payload <> '"bad"' $$;
ALTER TABLE ayb_jobs.job_queue ADD CONSTRAINT mine CHECK (public.is_good(payload));
\set VERBOSITY terse
SELECT ayb_jobs.enqueue('direct', '"bad"');
\set VERBOSITY default
ALTER TABLE ayb_jobs.job_queue DROP CONSTRAINT mine;
DROP FUNCTION public.is_good(jsonb);

CREATE TABLE public.types (type text PRIMARY KEY);
ALTER TABLE ayb_jobs.job_queue ADD CONSTRAINT mine FOREIGN KEY (type) REFERENCES public.types NOT VALID;
SELECT ayb_jobs.enqueue('direct');
ALTER TABLE ayb_jobs.job_queue DROP CONSTRAINT mine;
DROP TABLE public.types;

CREATE FUNCTION public.shout() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.payload := upper(NEW.payload::text); RETURN NEW; END $$;
CREATE TRIGGER shout BEFORE INSERT ON ayb_jobs.job_queue FOR EACH ROW EXECUTE FUNCTION public.shout();
SELECT ayb_jobs.enqueue('direct', '"shout"') AS id \gset
SELECT payload FROM ayb_jobs.job_queue WHERE id = :'id';
SELECT count(*) AS as_without_a_statement FROM (
    SELECT q.id, to_jsonb(q) - '{id,payload,run_at,created_at,updated_at}'::text[] AS rest FROM ayb_jobs.job_queue AS q) AS s
    JOIN (SELECT q.id, to_jsonb(q) - '{id,payload,run_at,created_at,updated_at}'::text[] AS rest FROM ayb_jobs.job_queue AS q) AS d USING (rest)
WHERE s.id = :'id' AND d.id = :'first';
SELECT count(*) FROM ayb_jobs.enqueue_many('direct', ARRAY['"loud"', '"louder"']::jsonb[]);
SELECT count(*) FROM ayb_jobs.job_queue WHERE payload IN ('"LOUD"', '"LOUDER"');
DROP TRIGGER shout ON ayb_jobs.job_queue;
DROP FUNCTION public.shout();

CREATE TABLE public.copied (id uuid);
CREATE RULE copy AS ON INSERT TO ayb_jobs.job_queue DO ALSO INSERT INTO public.copied VALUES (NEW.id);
SELECT count(*) FROM ayb_jobs.enqueue('direct');
SELECT count(*) FROM public.copied;
DROP RULE copy ON ayb_jobs.job_queue;
DROP TABLE public.copied;

ALTER TABLE ayb_jobs.job_queue ADD COLUMN origin text DEFAULT 'here';
SELECT ayb_jobs.enqueue('direct') AS id \gset
SELECT origin FROM ayb_jobs.job_queue WHERE id = :'id';
ALTER TABLE ayb_jobs.job_queue DROP COLUMN origin; -- the way stays closed from here on: the dropped column is still one

BEGIN READ ONLY;
SELECT ayb_jobs.enqueue('direct');
ROLLBACK;

SELECT queued = (SELECT count(*) FROM ayb_jobs.job_queue) FROM ayb_jobs.stats();
TRUNCATE ayb_jobs.job_queue;
SELECT ayb_jobs.unregister_handler('direct');
DROP EXTENSION amcheck;
DROP FUNCTION public.direct_noop();
SELECT ayb_jobs.resume();
