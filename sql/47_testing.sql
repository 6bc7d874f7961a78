CREATE FUNCTION ayb_jobs.run_here(type text, max integer DEFAULT 1000, OUT id uuid, OUT type text, OUT state text,
                                  OUT result jsonb, OUT error text)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_run_here';
COMMENT ON FUNCTION ayb_jobs.run_here(text, integer) IS
    'runs the caller''s due jobs of a type, whose handler is a function, in the caller''s transaction, as a worker would: for tests that roll back';
