-- Views that read views: the order of refreshes, by refresh_all() and by jobs; and what the view matviews advises.
\pset null '-'
CREATE SCHEMA chain;
CREATE TABLE chain.base (id int PRIMARY KEY, n int NOT NULL);
INSERT INTO chain.base VALUES (1, 1), (2, 2);
-- a chain of three, through a plain view, named against the order
CREATE MATERIALIZED VIEW chain.z_first AS SELECT sum(n) AS n FROM chain.base;
CREATE VIEW chain.between AS SELECT n + 1 AS n FROM chain.z_first;
CREATE MATERIALIZED VIEW chain.m_second AS SELECT n / (n - 8) AS quotient, n FROM chain.between;
CREATE MATERIALIZED VIEW chain.a_third AS SELECT n + 1 AS n FROM chain.m_second;
-- a diamond on the same base
CREATE MATERIALIZED VIEW chain.left_side AS SELECT n * 2 AS n FROM chain.z_first;
CREATE MATERIALIZED VIEW chain.bottom AS SELECT l.n + s.n AS n FROM chain.left_side AS l CROSS JOIN chain.m_second AS s;
CREATE MATERIALIZED VIEW chain.alone AS SELECT 1 AS n;
SELECT * FROM ayb_jobs.matview_dependencies() WHERE schema_name = 'chain';
SELECT count(ayb_jobs.register_matview(relname, 'chain')) FROM pg_class WHERE relnamespace = 'chain'::regnamespace AND relkind = 'm';
SELECT view_name, status, reason, row_count, error FROM ayb_jobs.refresh_all('chain');
UPDATE chain.base SET n = 3 WHERE id = 2;
SELECT view_name, status FROM ayb_jobs.refresh_all('chain');
SELECT (SELECT n FROM chain.z_first) AS first, (SELECT n FROM chain.m_second) AS second, (SELECT n FROM chain.a_third) AS third,
       (SELECT n FROM chain.bottom) AS bottom;
-- one in the middle fails: what reads it is skipped and says why, the rest is refreshed, the record of the skipped stays
UPDATE chain.base SET n = 6 WHERE id = 2;
SELECT view_name, status, reason, error, sqlstate FROM ayb_jobs.refresh_all('chain');
SELECT view_name, last_refresh_status, last_refresh_error FROM ayb_jobs.matviews WHERE schema_name = 'chain' ORDER BY 1;
SELECT refused('SELECT ayb_jobs.refresh_all(NULL)');
SELECT count(*) FROM ayb_jobs.refresh_all('no_such_schema');
-- each role refreshes its own
SET ROLE regress_bob;
SELECT count(*) FROM ayb_jobs.refresh_all('chain');
SELECT count(*) FROM ayb_jobs.matviews;
RESET ROLE;

-- by jobs: each once, what reads several after all of them
CREATE FUNCTION jobs_ended() RETURNS boolean LANGUAGE sql AS $$
    SELECT wait_until('NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE type = ''materialized_view_refresh'' AND state IN (''queued'', ''running''))')
$$;
UPDATE chain.base SET n = 3 WHERE id = 2;
SELECT ayb_jobs.enqueue('materialized_view_refresh', '{"schema": "chain", "view_name": "z_first", "with_dependents": true}') AS first \gset
SELECT jobs_ended();
-- side by side ones end in any order
CREATE FUNCTION ended_since(first uuid) RETURNS TABLE (view_name text, jobs bigint, status text) LANGUAGE sql AS $$
    SELECT result ->> 'view_name', count(*), min(result ->> 'status')
    FROM ayb_jobs.jobs WHERE type = 'materialized_view_refresh' AND id >= first GROUP BY 1 ORDER BY 1
$$;
SELECT view_name, jobs, status FROM ended_since(:'first');
SELECT result -> 'dependents' AS first_dependents FROM ayb_jobs.jobs WHERE id = :'first';
SELECT (SELECT n FROM chain.z_first) AS first, (SELECT n FROM chain.m_second) AS second, (SELECT n FROM chain.a_third) AS third,
       (SELECT n FROM chain.bottom) AS bottom;
WITH ends AS (SELECT result ->> 'view_name' AS name, last_run_at AS began, completed_at AS ended FROM ayb_jobs.jobs
              WHERE type = 'materialized_view_refresh' AND id >= :'first')
SELECT d.view_name, bool_and(r.began >= s.ended) AS after_what_it_reads FROM ayb_jobs.matview_dependencies() AS d
JOIN ends AS r ON r.name = d.view_name JOIN ends AS s ON s.name = d.reads_view
WHERE d.schema_name = 'chain' GROUP BY 1 ORDER BY 1;
SELECT name, state, jobs FROM ayb_jobs.flows ORDER BY created_at DESC LIMIT 1;
SELECT name, depends_on FROM ayb_jobs.flow((SELECT id FROM ayb_jobs.flows ORDER BY created_at DESC LIMIT 1));
-- one fails
UPDATE chain.base SET n = 6 WHERE id = 2;
SELECT ayb_jobs.enqueue('materialized_view_refresh', '{"schema": "chain", "view_name": "z_first", "with_dependents": true}') AS first \gset
SELECT jobs_ended();
SELECT result ->> 'view_name' AS view_name, result ->> 'status' AS status, result ->> 'error' AS error, result -> 'skipped_dependents' AS skipped
FROM ayb_jobs.jobs WHERE type = 'materialized_view_refresh' AND id >= :'first' ORDER BY 1;
WITH f AS (SELECT * FROM ayb_jobs.flow((SELECT id FROM ayb_jobs.flows ORDER BY created_at DESC LIMIT 1)))
SELECT name, state, replace(last_error, (SELECT job_id::text FROM f WHERE name = 'chain.m_second'), '<m_second>') AS last_error FROM f;
UPDATE chain.base SET n = 3 WHERE id = 2;
-- nothing reads it
SELECT ayb_jobs.enqueue('materialized_view_refresh', '{"schema": "chain", "view_name": "alone", "with_dependents": true}') AS first \gset
SELECT jobs_ended();
SELECT result - 'id' - 'duration_ms' AS result FROM ayb_jobs.jobs WHERE id >= :'first' AND type = 'materialized_view_refresh';
-- a circle through a plain view
CREATE VIEW chain.round AS SELECT 1 AS n;
CREATE MATERIALIZED VIEW chain.circle_a AS SELECT n FROM chain.round;
CREATE MATERIALIZED VIEW chain.circle_b AS SELECT n + 1 AS n FROM chain.circle_a;
CREATE OR REPLACE VIEW chain.round AS SELECT n FROM chain.circle_b;
SELECT count(ayb_jobs.register_matview(name, 'chain')) FROM unnest('{circle_b,circle_a}'::text[]) AS name;
SELECT * FROM ayb_jobs.matview_dependencies() WHERE schema_name = 'chain' AND view_name LIKE 'circle%';
SELECT view_name, status FROM ayb_jobs.refresh_all('chain') WHERE view_name LIKE 'circle%';
SELECT ayb_jobs.enqueue('materialized_view_refresh', '{"schema": "chain", "view_name": "circle_a", "with_dependents": true}') AS first \gset
SELECT jobs_ended();
SELECT view_name, jobs, status FROM ended_since(:'first');

-- advice: what tells the rows apart
CREATE MATERIALIZED VIEW chain.grouped AS SELECT n AS "The N", count(*) AS c, id % 2 AS odd FROM chain.base GROUP BY n, id % 2;
CREATE MATERIALIZED VIEW chain.keyed AS SELECT n, id AS key FROM chain.base WHERE n > 0;
CREATE MATERIALIZED VIEW chain.distinct_rows AS SELECT DISTINCT n % 2 AS n, id FROM chain.base;
CREATE MATERIALIZED VIEW chain.distinct_on AS SELECT DISTINCT ON (n) id, n FROM chain.base ORDER BY n, id;
CREATE MATERIALIZED VIEW chain.hidden_key AS SELECT count(*) AS c, 1 AS one FROM chain.base GROUP BY id;
CREATE MATERIALIZED VIEW chain.joined AS SELECT b.id, c.n FROM chain.base AS b JOIN chain.base AS c USING (n);
CREATE MATERIALIZED VIEW chain.analyzed AS SELECT 7 AS seven, n FROM generate_series(1, 100) AS n;
ANALYZE chain.analyzed;
CREATE MATERIALIZED VIEW chain.documents AS SELECT '{}'::json AS document FROM chain.base;
CREATE MATERIALIZED VIEW chain.empty AS SELECT id FROM chain.base WITH NO DATA;
SELECT count(ayb_jobs.register_matview(name, 'chain', 'concurrent')) FROM unnest(
    '{grouped,keyed,distinct_rows,distinct_on,hidden_key,joined,analyzed,documents,empty}'::text[]) AS name;
SELECT view_name, is_populated, concurrent_possible, concurrent_advice, size_bytes IS NOT NULL AS sized FROM ayb_jobs.matviews
WHERE schema_name = 'chain' AND refresh_mode = 'concurrent' ORDER BY 1;
-- the hint of a refresh is the same, and it works
SELECT r.reason, r.error, r.hint FROM ayb_jobs.matview_by_name('keyed', 'chain') AS m CROSS JOIN LATERAL ayb_jobs.refresh_now(m.id) AS r \gset
SELECT :'reason' AS reason, :'hint' AS hint;
SELECT concurrent_advice FROM ayb_jobs.matviews WHERE concurrent_advice LIKE 'CREATE%' AND schema_name = 'chain' AND refresh_mode = 'concurrent' ORDER BY view_name \gexec
SELECT view_name, concurrent_possible, concurrent_advice FROM ayb_jobs.matviews
WHERE schema_name = 'chain' AND refresh_mode = 'concurrent' AND NOT concurrent_possible ORDER BY 1;
SELECT status FROM ayb_jobs.matview_by_name('keyed', 'chain') AS m CROSS JOIN LATERAL ayb_jobs.refresh_now(m.id) AS r;
-- how stale: what the statistics say of the base tables, through views
SELECT pg_stat_force_next_flush();
SELECT status FROM ayb_jobs.refresh_all('chain') WHERE view_name = 'a_third';
SELECT estimated_changes FROM ayb_jobs.matviews WHERE view_name = 'a_third';
INSERT INTO chain.base SELECT n, n FROM generate_series(100, 149) AS n;
DELETE FROM chain.base WHERE id >= 100;
SELECT pg_stat_force_next_flush();
SELECT estimated_changes FROM ayb_jobs.matviews WHERE view_name = 'a_third';
-- one that is gone
DROP MATERIALIZED VIEW chain.joined;
SELECT view_exists, is_populated, size_bytes, concurrent_possible, estimated_changes FROM ayb_jobs.matviews WHERE view_name = 'joined';
SELECT count(ayb_jobs.unregister_matview(id)) FROM ayb_jobs.matviews WHERE schema_name = 'chain';
DROP FUNCTION jobs_ended(), ended_since(uuid);
SET client_min_messages = warning;
DROP SCHEMA chain CASCADE;
