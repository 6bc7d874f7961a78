-- The refresh registry: registering, refreshing, what each case of failure leaves behind.
\pset null '-'
CREATE TABLE sales (id int PRIMARY KEY, shop text NOT NULL, amount numeric NOT NULL);
INSERT INTO sales SELECT n, 'shop ' || n % 3, n FROM generate_series(1, 30) AS n;
CREATE MATERIALIZED VIEW totals AS SELECT shop, sum(amount) AS total FROM sales GROUP BY shop;
-- what is recorded, without what differs from run to run; refused() replaces ids
CREATE FUNCTION recorded(name text) RETURNS TABLE (mode text, status text, error text, "rows" bigint, timed boolean, durations int)
    LANGUAGE sql AS $$
    SELECT refresh_mode, last_refresh_status, last_refresh_error, last_refresh_rows,
           last_refresh_at IS NOT NULL AND last_refresh_duration_ms >= 0, cardinality(last_durations_ms)
    FROM ayb_jobs.matview_refreshes WHERE view_name = name
$$;
CREATE FUNCTION refresh(name text, schema text DEFAULT 'public')
    RETURNS TABLE (status text, reason text, "rows" bigint, timed boolean, error text, sqlstate text, hint text) LANGUAGE sql AS $$
    SELECT r.status, r.reason, r.row_count, r.duration_ms >= 0, r.error, r.sqlstate, r.hint
    FROM ayb_jobs.matview_by_name(name, schema) AS m CROSS JOIN LATERAL ayb_jobs.refresh_now(m.id) AS r
$$;

-- registering
SELECT schema_name, view_name, refresh_mode, skip_unchanged, lock_timeout, statement_timeout, run_as, last_refresh_at,
       last_refresh_status, last_durations_ms, created_at = updated_at AS new
FROM ayb_jobs.register_matview('totals');
\pset format unaligned
\pset tuples_only on
SELECT refused($$SELECT ayb_jobs.register_matview('totals')$$);
SELECT refused($$SELECT ayb_jobs.register_matview(NULL)$$);
SELECT refused($$SELECT ayb_jobs.register_matview('')$$);
SELECT refused($$SELECT ayb_jobs.register_matview('totals', NULL)$$);
SELECT refused($$SELECT ayb_jobs.register_matview('totals', refresh_mode => NULL)$$);
SELECT refused($$SELECT ayb_jobs.register_matview('no such view', 'no schema', 'Concurrent')$$);
SELECT refused($$SELECT ayb_jobs.register_matview('no such view', 'no schema')$$);
SELECT refused($$SELECT ayb_jobs.register_matview('no such view')$$);
SELECT refused($$SELECT ayb_jobs.register_matview('1st')$$);
SELECT refused($$SELECT ayb_jobs.register_matview('größe')$$);
SELECT refused($$SELECT ayb_jobs.register_matview('x"; DROP TABLE sales; --')$$);
SELECT refused($$SELECT ayb_jobs.register_matview('no_such_view')$$);
SELECT refused($$SELECT ayb_jobs.register_matview('totals', 'no_such_schema')$$);
SELECT refused($$SELECT ayb_jobs.register_matview('sales')$$);
SELECT refused($$SELECT ayb_jobs.register_matview('jobs', 'ayb_jobs')$$);
SELECT refused($$SELECT ayb_jobs.register_matview('totals', lock_timeout => '-1 ms')$$);
SELECT refused($$SELECT ayb_jobs.register_matview('totals', statement_timeout => '1000 years')$$);
SELECT refused(format('SELECT ayb_jobs.%s', call)) FROM unnest(ARRAY[
    'update_matview(NULL)', 'unregister_matview(NULL)', 'refresh_now(NULL)', 'matview_by_name(NULL)',
    'update_matview(gen_random_uuid(), ''fast'')', 'update_matview(gen_random_uuid())',
    'unregister_matview(gen_random_uuid())', 'refresh_now(gen_random_uuid())']) AS call;
-- the table itself refuses as well
SELECT split_part(refused(format('INSERT INTO ayb_jobs.matview_refreshes (%s) VALUES (%s)', columns, vals)), E'\n', 1) FROM (VALUES
    ('view_name', '''a b'''), ('schema_name, view_name', '''1'', ''a'''), ('view_name, refresh_mode', '''a'', ''fast'''),
    ('view_name, last_refresh_status', '''a'', ''skipped'''), ('view_name', '''totals'''),
    ('view_name, lock_timeout', '''a'', ''0''')) AS v (columns, vals);
\pset tuples_only off
\pset format aligned
SELECT ayb_jobs.matview_by_name('nothing') IS NULL AS none;

-- refreshing
SELECT * FROM recorded('totals');
INSERT INTO sales VALUES (31, 'shop 3', 5);
SELECT * FROM refresh('totals');
SELECT * FROM recorded('totals');
SELECT * FROM totals ORDER BY shop;
SELECT refreshing, refreshing_since FROM ayb_jobs.matviews WHERE view_name = 'totals';
BEGIN;
SELECT FROM refresh('totals');
SELECT refreshing, refreshing_since BETWEEN now() AND clock_timestamp() AS since FROM ayb_jobs.matviews WHERE view_name = 'totals';
ROLLBACK;
SELECT refreshing FROM ayb_jobs.matviews WHERE view_name = 'totals';
-- ten durations are kept, the newest first
UPDATE ayb_jobs.matview_refreshes SET last_durations_ms = array_fill(1000000, ARRAY[10]) || (-7)::bigint WHERE view_name = 'totals';
SELECT status FROM refresh('totals');
SELECT cardinality(last_durations_ms), last_durations_ms[1] = last_refresh_duration_ms AS newest, -7 = ANY (last_durations_ms) AS oldest
FROM ayb_jobs.matview_refreshes WHERE view_name = 'totals';

-- changing: what is NULL stays, 0 removes a timeout, updated_at moves only when something changed
SELECT id AS totals FROM ayb_jobs.matview_by_name('totals') \gset
SELECT refresh_mode, skip_unchanged, lock_timeout, statement_timeout, updated_at > created_at AS moved
FROM ayb_jobs.update_matview(:'totals');
SELECT refresh_mode, skip_unchanged, lock_timeout, statement_timeout, updated_at > created_at AS moved
FROM ayb_jobs.update_matview(:'totals', 'concurrent', lock_timeout => '50 ms', statement_timeout => '1 min');
SELECT refresh_mode, lock_timeout, statement_timeout FROM ayb_jobs.update_matview(:'totals', lock_timeout => '0', statement_timeout => '0');

-- concurrent: populated is looked at first, then the index
REFRESH MATERIALIZED VIEW totals WITH NO DATA;
SELECT * FROM refresh('totals');
SELECT * FROM recorded('totals');
REFRESH MATERIALIZED VIEW totals;
SELECT * FROM refresh('totals');
SELECT * FROM recorded('totals');
-- none of these is one: partial, of an expression, not unique, deferred to another table
CREATE UNIQUE INDEX partial ON totals (shop) WHERE shop > '';
CREATE UNIQUE INDEX expression ON totals (lower(shop));
CREATE INDEX plain ON totals (shop);
SELECT error FROM refresh('totals');
CREATE UNIQUE INDEX totals_shop ON totals (shop) INCLUDE (total);
SELECT status, "rows", error FROM refresh('totals');
SELECT * FROM recorded('totals');
DROP INDEX totals_shop;
SELECT status, error FROM refresh('totals');
SELECT * FROM recorded('totals');
CREATE UNIQUE INDEX totals_shop ON totals (shop);
SELECT status FROM refresh('totals');

-- names that need quotes
CREATE SCHEMA "Select";
CREATE MATERIALIZED VIEW "Select"."Table" AS SELECT 1 AS "Column";
CREATE UNIQUE INDEX ON "Select"."Table" ("Column");
SELECT schema_name, view_name FROM ayb_jobs.register_matview('Table', 'Select', 'concurrent');
SELECT refused($$SELECT ayb_jobs.register_matview('table', 'Select')$$);
SELECT status, "rows" FROM refresh('Table', 'Select');

-- an error in the view's query is recorded, and what the view had stays
CREATE MATERIALIZED VIEW fraction AS SELECT 1 / (1 - count(*) FILTER (WHERE amount < 0)) AS n FROM sales;
SELECT view_name FROM ayb_jobs.register_matview('fraction');
SELECT status FROM refresh('fraction');
INSERT INTO sales VALUES (32, 'shop 3', -1);
SELECT * FROM refresh('fraction');
SELECT * FROM recorded('fraction');
SELECT * FROM fraction;
DELETE FROM sales WHERE amount < 0;
SELECT status FROM refresh('fraction');
SELECT * FROM recorded('fraction');
-- with a detail and a hint of its own
CREATE FUNCTION moody() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM public.sales WHERE amount < 0) THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'no', DETAIL = 'never', HINT = 'ask again';
    END IF;
    RETURN 1;
END
$$;
CREATE MATERIALIZED VIEW mood AS SELECT moody() AS m;
SELECT view_name FROM ayb_jobs.register_matview('mood');
INSERT INTO sales VALUES (32, 'shop 3', -1);
SELECT * FROM refresh('mood');
SELECT * FROM recorded('mood');
DELETE FROM sales WHERE amount < 0;

-- the statement's time limit is the registration's, and nothing of it is left behind
CREATE FUNCTION slow() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM public.sales WHERE amount < 0) THEN
        PERFORM pg_catalog.pg_sleep(60);
    END IF;
    RETURN 1;
END
$$;
CREATE MATERIALIZED VIEW sleepy AS SELECT slow() AS s;
SELECT statement_timeout, lock_timeout FROM ayb_jobs.register_matview('sleepy', statement_timeout => '1 hour', lock_timeout => '1 s');
SELECT status FROM refresh('sleepy');
SELECT statement_timeout FROM ayb_jobs.update_matview((ayb_jobs.matview_by_name('sleepy')).id, statement_timeout => '50 ms');
INSERT INTO sales VALUES (32, 'shop 3', -1);
SELECT * FROM refresh('sleepy');
SELECT * FROM recorded('sleepy');
SHOW lock_timeout;
SELECT pg_sleep(0.1);
-- somebody else's cancel is no outcome: it is raised, and nothing is recorded
SELECT lock_timeout FROM ayb_jobs.update_matview((ayb_jobs.matview_by_name('sleepy')).id, statement_timeout => '30 s');
SET statement_timeout = '50ms';
SELECT * FROM refresh('sleepy');
RESET statement_timeout;
SELECT error FROM recorded('sleepy');
DELETE FROM sales WHERE amount < 0;

-- gone: dropped, renamed, replaced by a table
DROP MATERIALIZED VIEW mood;
SELECT * FROM refresh('mood');
SELECT * FROM recorded('mood');
ALTER MATERIALIZED VIEW fraction RENAME TO quotient;
SELECT status, error, sqlstate FROM refresh('fraction');
SELECT error FROM recorded('fraction');
CREATE TABLE fraction ();
SELECT status, error FROM refresh('fraction');
DROP TABLE fraction;
ALTER MATERIALIZED VIEW quotient RENAME TO fraction;
SELECT status FROM refresh('fraction');
SELECT ayb_jobs.unregister_matview((ayb_jobs.matview_by_name('mood')).id);
SELECT ayb_jobs.matview_by_name('mood') IS NULL AS none;

-- in one transaction with other things: the failure is recorded with them
BEGIN;
INSERT INTO sales VALUES (32, 'shop 3', -1);
SELECT status, error FROM refresh('fraction');
COMMIT;
SELECT error FROM recorded('fraction');
SELECT count(*) FROM sales WHERE amount < 0;
-- and undone with them
BEGIN;
DELETE FROM sales WHERE amount < 0;
SELECT status FROM refresh('fraction');
ROLLBACK;
SELECT error FROM recorded('fraction');
DELETE FROM sales WHERE amount < 0;

-- whose: the owner, who is in its role, admins; for all others it does not exist
CREATE FUNCTION alice.whoami() RETURNS text LANGUAGE sql AS $$ SELECT current_user || ' by ' || current_setting('search_path') $$;
GRANT USAGE ON SCHEMA alice TO regress_bob, regress_admin;
SET ROLE regress_alice;
CREATE MATERIALIZED VIEW alice.hers AS SELECT alice.whoami() AS who;
RESET ROLE;
SET SESSION AUTHORIZATION regress_bob;
SELECT refused($$SELECT ayb_jobs.register_matview('hers', 'alice')$$);
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_alice;
SELECT view_name, run_as FROM ayb_jobs.register_matview('hers', 'alice');
SET search_path = alice, public;
SELECT status FROM refresh('hers', 'alice');
-- by her own search path, which from 17 on PostgreSQL takes away from every refresh
SELECT who = 'regress_alice by ' || CASE WHEN current_setting('server_version_num')::int < 170000 THEN 'alice, public' ELSE 'pg_catalog, pg_temp' END AS hers
FROM alice.hers;
RESET search_path;
SELECT count(*) FROM ayb_jobs.matview_refreshes;
RESET SESSION AUTHORIZATION;
SELECT id AS hers FROM ayb_jobs.matview_by_name('hers', 'alice') \gset
SET SESSION AUTHORIZATION regress_bob;
SELECT count(*) FROM ayb_jobs.matview_refreshes;
SELECT ayb_jobs.matview_by_name('hers', 'alice') IS NULL AS none;
SELECT refused(format('SELECT ayb_jobs.%s(%L)', call, :'hers')) FROM unnest(ARRAY['refresh_now', 'update_matview', 'unregister_matview']) AS call;
SELECT refused('DELETE FROM ayb_jobs.matview_refreshes');
SELECT refused('UPDATE ayb_jobs.matview_refreshes SET run_as = ''regress_bob''');
RESET SESSION AUTHORIZATION;
-- an admin refreshes as the view's owner, with nobody's search path
SET SESSION AUTHORIZATION regress_admin;
SET search_path = alice, public;
SELECT status, error FROM public.refresh('hers', 'alice');
SELECT current_user, current_setting('search_path');
RESET SESSION AUTHORIZATION;
RESET search_path;
SELECT who FROM alice.hers;
-- the view is somebody else's by now: the former owner sees the registration, and may refresh no more
ALTER MATERIALIZED VIEW alice.hers OWNER TO regress_bob;
GRANT ALL ON SCHEMA alice TO regress_bob;
SET SESSION AUTHORIZATION regress_alice;
SELECT refused(format('SELECT ayb_jobs.refresh_now(%L)', :'hers'));
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_bob;
SELECT status FROM ayb_jobs.refresh_now(:'hers');
RESET SESSION AUTHORIZATION;

-- by a job, which completes with the outcome as its result
SELECT ayb_jobs.enqueue('materialized_view_refresh', '{"view_name": "totals"}') AS job \gset
SELECT wait_for(:'job', 'completed');
SELECT result - 'id' - 'duration_ms' AS result, result ? 'duration_ms' AS timed FROM ayb_jobs.jobs WHERE id = :'job';
INSERT INTO sales VALUES (32, 'shop 3', -1);
SELECT ayb_jobs.enqueue('materialized_view_refresh', '{"schema": "public", "view_name": "fraction"}') AS job \gset
SELECT wait_for(:'job', 'completed');
SELECT result - 'id' - 'duration_ms' AS result FROM ayb_jobs.jobs WHERE id = :'job';
SELECT * FROM recorded('fraction');
DELETE FROM sales WHERE amount < 0;
-- an unknown view is registered first; two at once are one registration
CREATE MATERIALIZED VIEW newcomer AS SELECT count(*) FROM sales;
SELECT array_agg(ayb_jobs.enqueue('materialized_view_refresh', '{"view_name": "newcomer"}')) AS jobs FROM generate_series(1, 4) \gset
SELECT wait_for(job, 'completed') FROM unnest(:'jobs'::uuid[]) AS job;
SELECT DISTINCT result ->> 'status' IN ('success', 'error') AS known, coalesce(result ->> 'error', 'refresh already in progress') AS error
FROM ayb_jobs.jobs WHERE id = ANY (:'jobs');
SELECT mode, status, "rows", durations BETWEEN 1 AND 4 AS refreshed FROM recorded('newcomer');
-- what can't be registered fails the job
SELECT count(j.id) FROM unnest(ARRAY['{}', '{"view_name": "no_such_view"}', '{"view_name": "a b"}']::jsonb[]) AS p
CROSS JOIN LATERAL ayb_jobs.enqueue('materialized_view_refresh', p, max_attempts => 1) AS j (id);
INSERT INTO ayb_jobs.job_queue (type, payload, run_at, max_attempts) VALUES ('materialized_view_refresh', '[]', now(), 1), ('materialized_view_refresh', '"x"', now(), 1);
SELECT wait_until($$(SELECT count(*) = 5 FROM ayb_jobs.jobs WHERE type = 'materialized_view_refresh' AND state = 'failed')$$);
SELECT payload, last_error FROM ayb_jobs.jobs WHERE type = 'materialized_view_refresh' AND state = 'failed' ORDER BY payload::text;
-- a job's own limit is not the registration's: it fails the job
INSERT INTO sales VALUES (32, 'shop 3', -1);
SELECT type FROM ayb_jobs.register_handler('short_refresh', 'ayb_jobs_internal.refresh_job(jsonb)', timeout => '100 ms', max_attempts => 1);
SELECT ayb_jobs.enqueue('short_refresh', '{"view_name": "sleepy"}') AS job \gset
SELECT wait_for(:'job', 'failed');
SELECT last_error FROM ayb_jobs.jobs WHERE id = :'job';
DELETE FROM sales WHERE amount < 0;

SELECT ayb_jobs.unregister_handler('short_refresh');
DELETE FROM ayb_jobs.job_queue WHERE type IN ('materialized_view_refresh', 'short_refresh');

DROP MATERIALIZED VIEW newcomer, fraction, sleepy, totals, alice.hers, "Select"."Table";
SELECT count(ayb_jobs.unregister_matview(id)) FROM ayb_jobs.matview_refreshes;
DROP FUNCTION moody(), slow(), recorded(text), refresh(text, text);
DROP SCHEMA "Select";
DROP TABLE sales;
