-- The extension is made once for all tests that follow.
CREATE EXTENSION ayb_jobs;
SELECT extversion FROM pg_extension WHERE extname = 'ayb_jobs';
-- A wait with a bound: until the query gives true, or 10 s are over.
CREATE FUNCTION wait_for(condition text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    met boolean;
BEGIN
    FOR i IN 1..1000 LOOP
        EXECUTE 'SELECT ' || condition INTO met;
        IF met THEN
            RETURN true;
        END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RETURN false;
END
$$;
SELECT wait_for($$(SELECT status = 'ok' FROM ayb_jobs.health() WHERE "check" = 'scheduler')$$);
