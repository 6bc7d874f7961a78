CREATE FUNCTION ayb_jobs_internal.is_known_type(type text) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM ayb_jobs.handlers AS h WHERE h.type = is_known_type.type)
        OR EXISTS (SELECT FROM ayb_jobs.job_queue AS j WHERE j.type = is_known_type.type)
        OR EXISTS (SELECT FROM ayb_jobs.type_limits AS l WHERE l.type = is_known_type.type)
        OR EXISTS (SELECT FROM ayb_jobs.pauses AS p WHERE p.type = is_known_type.type AND p.type <> '');
END;
COMMENT ON FUNCTION ayb_jobs_internal.is_known_type(text) IS 'whether it has a handler, jobs in the queue, a limit or a pause, as far as the caller may see';

CREATE FUNCTION ayb_jobs.set_limit(type text, running integer DEFAULT NULL, running_per_key integer DEFAULT NULL,
                                   starts integer DEFAULT NULL, starts_per_key integer DEFAULT NULL, per interval DEFAULT NULL,
                                   ordered boolean DEFAULT false)
    RETURNS ayb_jobs.type_limits LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_set_limit';
COMMENT ON FUNCTION ayb_jobs.set_limit(text, integer, integer, integer, integer, interval, boolean) IS
    'says how many jobs of a type, and of each of its keys, run at once, how many start in any time of a length, and whether those of a key run one after another, in order: the whole rule, for all roles and workers outside together';

CREATE FUNCTION ayb_jobs.clear_limit(type text) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_clear_limit';
COMMENT ON FUNCTION ayb_jobs.clear_limit(text) IS 'takes the limit of a type away; whether it had one';

CREATE FUNCTION ayb_jobs_internal.limit_state(type text, OUT in_force boolean, OUT running integer, OUT started integer, OUT opens_at timestamptz)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_limit_state';
COMMENT ON FUNCTION ayb_jobs_internal.limit_state(text) IS 'what a limit has come to';

CREATE VIEW ayb_jobs.limits WITH (security_invoker = true) AS
SELECT l.type, l.running, l.running_per_key, l.starts, l.starts_per_key, l.per, l.ordered, s.in_force, s.running AS running_now, s.started AS started_now, s.opens_at, l.set_by, l.set_at
FROM ayb_jobs.type_limits AS l CROSS JOIN LATERAL ayb_jobs_internal.limit_state(l.type) AS s;
COMMENT ON VIEW ayb_jobs.limits IS 'the limits of types, and what they have come to';
COMMENT ON COLUMN ayb_jobs.limits.in_force IS
    'false for the moment in which it is set: nothing of the type starts then, nor while no scheduler runs';
COMMENT ON COLUMN ayb_jobs.limits.running_now IS 'jobs that run, or are being claimed; a group counts as one';
COMMENT ON COLUMN ayb_jobs.limits.started_now IS 'starts that count now';
COMMENT ON COLUMN ayb_jobs.limits.opens_at IS 'when the next one may start; infinity when one of those that run ends, NULL for now';

CREATE FUNCTION ayb_jobs_internal.key_state(type text, key text, OUT running integer, OUT started integer, OUT opens_at timestamptz)
    LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ayb_jobs_key_state';
COMMENT ON FUNCTION ayb_jobs_internal.key_state(text, text) IS 'what the limits of a type have come to for one of its keys';

-- At most so many jobs are looked at, so that it is as quick with millions of them.
CREATE FUNCTION ayb_jobs.limit_keys(type text, max integer DEFAULT 100, OUT partition_key text, OUT queued bigint, OUT running_now integer,
                                    OUT started_now integer, OUT opens_at timestamptz)
    RETURNS SETOF record LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT k.partition_key, k.queued, s.running, s.started, s.opens_at
    FROM (SELECT j.partition_key, count(*) FILTER (WHERE j.state = 'queued') AS queued
          FROM (SELECT q.partition_key, q.state FROM ayb_jobs.job_queue AS q
                WHERE q.type = limit_keys.type ORDER BY q.id LIMIT 5000) AS j
          WHERE j.partition_key IS NOT NULL AND j.state IN ('queued', 'running')
          GROUP BY j.partition_key ORDER BY queued DESC, j.partition_key LIMIT greatest(max, 0)) AS k
    CROSS JOIN LATERAL ayb_jobs_internal.key_state(limit_keys.type, k.partition_key) AS s;
END;
COMMENT ON FUNCTION ayb_jobs.limit_keys(text, integer) IS
    'the keys of a type that have most jobs, of its 5000 oldest: what waits, what the limits of each key have come to, and when its next job may start';

CREATE FUNCTION ayb_jobs_internal.turn_tables(OUT what text, OUT used bigint, OUT room bigint) RETURNS SETOF record
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_turn_tables';
COMMENT ON FUNCTION ayb_jobs_internal.turn_tables() IS 'how full the tables of limits and of keys are, of all databases together';
