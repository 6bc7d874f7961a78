CREATE FUNCTION ayb_jobs_internal.check_command(command text) RETURNS void
    LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'ayb_jobs_check_command';
COMMENT ON FUNCTION ayb_jobs_internal.check_command(text) IS 'raises unless the text is one statement that may be a job''s command';

CREATE FUNCTION ayb_jobs_internal.pg_cron_setting(name text) RETURNS text
    LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ayb_jobs_pg_cron_setting';
COMMENT ON FUNCTION ayb_jobs_internal.pg_cron_setting(text) IS 'pg_cron''s time zone, or the database that it keeps its entries in';

-- In plpgsql, as a statement may name cron.job only where that is there; and each entry fails alone.
CREATE FUNCTION ayb_jobs.import_pg_cron() RETURNS SETOF ayb_jobs.schedules
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    zone text := coalesce(nullif(ayb_jobs_internal.pg_cron_setting('cron.timezone'), ''), 'GMT');
    entry record;
    named text;
    detail text;
    created ayb_jobs.schedules;
BEGIN
    -- Only pg_cron's own table: in one that somebody made, anybody's name may stand beside a command.
    IF NOT EXISTS (SELECT FROM pg_extension AS e JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass
                   AND d.refobjid = e.oid AND d.deptype = 'e' AND d.classid = 'pg_class'::regclass
                   JOIN pg_class AS c ON c.oid = d.objid AND c.relname = 'job' AND c.relnamespace = to_regnamespace('cron')
                   WHERE e.extname = 'pg_cron') THEN
        RAISE undefined_table USING MESSAGE = 'pg_cron is not installed in this database',
            HINT = format('It keeps its entries in one database (%s, by its setting cron.database_name): ask there.',
                          coalesce(ayb_jobs_internal.pg_cron_setting('cron.database_name'), 'postgres'));
    END IF;
    FOR entry IN SELECT j.jobid, j.schedule, j.command, j.username, j.active,
                        coalesce(nullif(j.jobname, ''), 'pg_cron ' || j.jobid) AS name
                 FROM cron.job AS j WHERE j.database = current_database() ORDER BY j.jobid LOOP
        -- Where another user has the name, a second one is tried.
        FOREACH named IN ARRAY ARRAY[entry.name, format('%s (%s)', entry.name, entry.username)] LOOP
            IF EXISTS (SELECT FROM ayb_jobs.schedules AS s
                       WHERE s.name = named AND s.run_as = to_regrole(quote_ident(entry.username))) THEN
                RAISE NOTICE 'job % of pg_cron: % has a schedule "%" already, skipping', entry.jobid, entry.username, named;
                EXIT;
            END IF;
            BEGIN
                PERFORM ayb_jobs_internal.check_command(entry.command);
                created := ayb_jobs.create_schedule(named, 'command', entry.schedule, zone,
                                                    jsonb_build_object('command', entry.command), entry.active,
                                                    run_as => entry.username::name);
                RETURN NEXT created;
                EXIT;
            EXCEPTION WHEN OTHERS THEN
                CONTINUE WHEN SQLSTATE = '23505' AND named = entry.name;
                GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
                RAISE WARNING 'job % of pg_cron ("%") is not taken over: %', entry.jobid, entry.name,
                    concat_ws(': ', SQLERRM, nullif(detail, ''));
                EXIT;
            END;
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION ayb_jobs.import_pg_cron() IS
    'takes over the entries of pg_cron that belong to this database as schedules of type command, and gives back those that were not there yet';
