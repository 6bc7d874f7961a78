CREATE FUNCTION ayb_jobs.set_limit(type text, running integer DEFAULT NULL, running_per_key integer DEFAULT NULL,
                                   starts integer DEFAULT NULL, starts_per_key integer DEFAULT NULL, per interval DEFAULT NULL)
    RETURNS ayb_jobs.type_limits LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_set_limit';
COMMENT ON FUNCTION ayb_jobs.set_limit(text, integer, integer, integer, integer, interval) IS
    'says how many jobs of a type, and of each of its keys, run at once, and how many start in any time of a length: the whole rule, for all roles and workers outside together';

CREATE FUNCTION ayb_jobs.clear_limit(type text) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_clear_limit';
COMMENT ON FUNCTION ayb_jobs.clear_limit(text) IS 'takes the limit of a type away; whether it had one';

CREATE FUNCTION ayb_jobs_internal.limit_state(type text, OUT in_force boolean, OUT running integer, OUT started integer, OUT opens_at timestamptz)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_limit_state';
COMMENT ON FUNCTION ayb_jobs_internal.limit_state(text) IS 'what a limit has come to';

CREATE VIEW ayb_jobs.limits WITH (security_invoker = true) AS
SELECT l.type, l.running, l.running_per_key, l.starts, l.starts_per_key, l.per, s.in_force, s.running AS running_now, s.started AS started_now, s.opens_at, l.set_by, l.set_at
FROM ayb_jobs.type_limits AS l CROSS JOIN LATERAL ayb_jobs_internal.limit_state(l.type) AS s;
COMMENT ON VIEW ayb_jobs.limits IS 'the limits of types, and what they have come to';
COMMENT ON COLUMN ayb_jobs.limits.in_force IS
    'false for the moment in which it is set: nothing of the type starts then, nor while no scheduler runs';
COMMENT ON COLUMN ayb_jobs.limits.running_now IS 'jobs that run, or are being claimed; a group counts as one';
COMMENT ON COLUMN ayb_jobs.limits.started_now IS 'starts that count now';
COMMENT ON COLUMN ayb_jobs.limits.opens_at IS 'when the next one may start; infinity when one of those that run ends, NULL for now';
