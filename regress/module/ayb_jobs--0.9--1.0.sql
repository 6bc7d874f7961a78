-- A worked upgrade, of a release that never was: what 1.0 adds to "0.9". It calls no function of the library, which refuses objects of another version than its own.
\echo Use "ALTER EXTENSION ayb_jobs UPDATE" to load this file. \quit

CREATE FUNCTION ayb_jobs_internal.library_version() RETURNS text
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ayb_jobs_library_version';
COMMENT ON FUNCTION ayb_jobs_internal.library_version() IS 'the version of the loaded library';

CREATE FUNCTION ayb_jobs.versions(OUT library text, OUT objects text) RETURNS record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT ayb_jobs_internal.library_version(), e.extversion FROM pg_catalog.pg_extension AS e WHERE e.extname = 'ayb_jobs';
END;
COMMENT ON FUNCTION ayb_jobs.versions() IS
    'the versions of the loaded library and of the objects in this database; where they differ nothing runs';
GRANT EXECUTE ON FUNCTION ayb_jobs_internal.library_version(), ayb_jobs.versions() TO PUBLIC;
