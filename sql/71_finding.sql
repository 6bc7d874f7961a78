-- Which jobs a list, a count or a change of many is about. Type and state are found by indexes; time, phase and text have to
-- be looked for in rows: in no more than 20,000 of them at a time, the newest first. What asks is told where that stopped.
-- Each statement is a text that names just what is asked for, and so is planned with it. All of them are walks along indexes,
-- which the planner is told: it would guess otherwise from what it knows of a table that was empty when it was looked at.

CREATE FUNCTION ayb_jobs_internal.id_at(seconds numeric) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT overlay(lpad(to_hex((least(greatest(seconds, 0), 281474976710) * 1000)::bigint), 12, '0')
                   || '-0000-0000-000000000000' PLACING '-' FROM 9 FOR 0)::uuid;
END;
COMMENT ON FUNCTION ayb_jobs_internal.id_at(numeric) IS 'the lowest id of an instant, which is given in seconds since 1970';

-- Ids of ours sort by when they were made and lie between two (2024, 2039). Imported ones may be of any kind, and nearly all
-- lie outside. So with a time there are three walks along the index instead of one, none of which comes by what is outside;
-- the minute is for jobs that say another time than their id.
-- Each walk is in order, so that a few of the newest are read and no more; those that run have an index that is no use for
-- that, and are few.
CREATE FUNCTION ayb_jobs_internal.job_candidates(type text, since timestamptz, until timestamptz, state text, before uuid,
                                                 job uuid DEFAULT NULL)
    RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH ours (first, beyond) AS (
        VALUES ('01900000-0000-7000-8000-000000000000'::uuid, '01ffffff-ffff-7fff-bfff-ffffffffffff'::uuid)
    ), walks (first, beyond) AS (
        SELECT NULL::uuid, NULL::uuid WHERE since IS NULL AND until IS NULL
        UNION ALL
        SELECT w.first, w.beyond FROM ours AS o CROSS JOIN LATERAL (VALUES
            (o.beyond, NULL),
            (greatest(ayb_jobs_internal.id_at(extract(epoch FROM since) - 60), o.first),
             least(ayb_jobs_internal.id_at(extract(epoch FROM until) + 60), o.beyond)),
            (NULL, o.first)) AS w (first, beyond)
        WHERE since IS NOT NULL OR until IS NOT NULL
    )
    SELECT string_agg('(SELECT j.* FROM ayb_jobs.jobs AS j WHERE ' || concat_ws(' AND ', 'true', 'j.type = ' || quote_literal(type),
                      'j.state = ' || quote_literal(state), 'j.id < ' || quote_literal(before),
                      'j.id >= ' || quote_literal(w.first), 'j.id < ' || quote_literal(w.beyond),
                      'j.id = ' || quote_literal(job))
                      || CASE state WHEN 'running' THEN ' OFFSET 0)' ELSE ' ORDER BY j.id DESC)' END, ' UNION ALL ')
    FROM walks AS w;
END;
COMMENT ON FUNCTION ayb_jobs_internal.job_candidates(text, timestamptz, timestamptz, text, uuid, uuid) IS
    'the text of a SELECT of the jobs that indexes find, or of the only one of that id: some may lie outside of the time';

CREATE FUNCTION ayb_jobs_internal.state_of_phase(phase text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    CASE WHEN phase IN ('due', 'external', 'waiting', 'scheduled', 'retrying') THEN RETURN 'queued';
         WHEN phase IN ('running', 'completed', 'failed', 'canceled') THEN RETURN phase;
         ELSE RAISE invalid_parameter_value USING MESSAGE = format('there is no phase "%s"', phase), COLUMN = 'phase',
             HINT = 'One of: due, external, waiting, scheduled, retrying, running, completed, failed, canceled.';
    END CASE;
END
$$;
COMMENT ON FUNCTION ayb_jobs_internal.state_of_phase(text) IS 'the state of the jobs of a phase; 22023 for none';

CREATE FUNCTION ayb_jobs_internal.is_job(given text) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN given ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                THEN EXISTS (SELECT FROM ayb_jobs.jobs AS j WHERE j.id = given::uuid) ELSE false END;
END;
COMMENT ON FUNCTION ayb_jobs_internal.is_job(text) IS 'whether this is the id of a job that the caller sees';

-- Errors that differ in ids and numbers alone are of one kind.
CREATE FUNCTION ayb_jobs_internal.error_kind(error text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT regexp_replace(regexp_replace(split_part(left(error, 300), E'\n', 1),
                                         '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}', '#', 'g'), '(?<!SQLSTATE [0-9A-Z]{0,4})[0-9]+', '#', 'g');
END;
COMMENT ON FUNCTION ayb_jobs_internal.error_kind(text) IS
    'the first line of an error, with # for ids and numbers; its SQLSTATE stays';

-- "payload.PATH: VALUE" and "error: KIND" are looked for as such, everything else as a piece of text.
CREATE FUNCTION ayb_jobs_internal.search_condition(search text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE
        WHEN search IS NULL THEN 'true'
        WHEN p.parts IS NOT NULL THEN format('CASE WHEN pg_column_size(j.payload) <= 65536 THEN j.payload #>> %L::text[] = %L END',
                                             string_to_array(p.parts[1], '.'), btrim(p.parts[2], '"'))
        WHEN search LIKE 'error: %' THEN format('ayb_jobs_internal.error_kind(j.last_error) = %L', substr(search, 8))
        ELSE format('(strpos(lower(j.last_error), %1$L) > 0 OR strpos(lower(j.idempotency_key), %1$L) > 0
                     OR CASE WHEN pg_column_size(j.payload) <= 65536 THEN strpos(lower(j.payload::text), %1$L) > 0 END)', lower(search))
    END
    FROM (SELECT regexp_match(search, '^payload\.([^:\s]+):\s*(.*\S)\s*$')) AS p (parts);
END;
COMMENT ON FUNCTION ayb_jobs_internal.search_condition(text) IS
    'what is to hold for the job j that a search is for; text is not looked for in payloads that are stored in more than 64 kB';

CREATE FUNCTION ayb_jobs_internal.search_jobs(kind anyelement, type text DEFAULT NULL, since timestamptz DEFAULT NULL,
                                              until timestamptz DEFAULT NULL, phase text DEFAULT NULL, state text DEFAULT NULL,
                                              search text DEFAULT NULL, before uuid DEFAULT NULL,
                                              max_jobs bigint DEFAULT NULL, skip bigint DEFAULT 0)
    RETURNS SETOF anyelement LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET jit = off AS $$
DECLARE
    of_phase text := ayb_jobs_internal.state_of_phase(phase);
    found text := ayb_jobs_internal.job_candidates(type, since, until, coalesce(state, of_phase), before);
BEGIN
    IF max_jobs < 0 OR skip < 0 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'there are no fewer than 0 jobs',
            COLUMN = CASE WHEN max_jobs < 0 THEN 'max_jobs' ELSE 'skip' END, HINT = 'NULL for max_jobs gives all.';
    ELSIF state <> of_phase THEN
        RETURN;
    ELSIF ayb_jobs_internal.is_job(search) THEN
        found := ayb_jobs_internal.job_candidates(type, NULL, NULL, coalesce(state, of_phase), before, search::uuid);
    ELSIF num_nonnulls(since, until, phase, search) > 0 THEN
        found := format($text$SELECT j.* FROM (SELECT c.* FROM (%s) AS c ORDER BY c.id DESC LIMIT 20000) AS j
            WHERE ($1 IS NULL OR j.created_at >= $1) AND ($2 IS NULL OR j.created_at < $2) AND ($3 IS NULL OR j.phase = $3)
              AND %s$text$, found, ayb_jobs_internal.search_condition(search));
    END IF;
    RETURN QUERY EXECUTE format('SELECT %s FROM (%s) AS f ORDER BY f.id DESC LIMIT %L OFFSET %L',
                                CASE pg_typeof(kind) WHEN 'uuid'::regtype THEN 'f.id' ELSE 'f.*' END, found, max_jobs, skip)
        USING since, until, phase;
END
$$;
COMMENT ON FUNCTION ayb_jobs_internal.search_jobs(anyelement, text, timestamptz, timestamptz, text, text, text, uuid, bigint, bigint) IS
    'what find_jobs() finds, the newest first: as whole jobs where kind is a job, as ids where it is an id';

CREATE FUNCTION ayb_jobs_internal.search_stop(type text DEFAULT NULL, since timestamptz DEFAULT NULL,
                                              until timestamptz DEFAULT NULL, phase text DEFAULT NULL, state text DEFAULT NULL,
                                              search text DEFAULT NULL, before uuid DEFAULT NULL) RETURNS uuid
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET jit = off AS $$
DECLARE
    of_phase text := ayb_jobs_internal.state_of_phase(phase);
    last uuid;
BEGIN
    IF num_nonnulls(since, until, phase, search) > 0 AND (state = of_phase) IS NOT false
       AND NOT ayb_jobs_internal.is_job(search) THEN
        EXECUTE format('SELECT c.id FROM (%s) AS c ORDER BY c.id DESC OFFSET 19999 LIMIT 1',
                       ayb_jobs_internal.job_candidates(type, since, until, coalesce(state, of_phase), before)) INTO last;
    END IF;
    RETURN last;
END
$$;
COMMENT ON FUNCTION ayb_jobs_internal.search_stop(text, timestamptz, timestamptz, text, text, text, uuid) IS
    'the id of the last job that such a search looks at, where more may follow before it; else NULL';

CREATE FUNCTION ayb_jobs.find_jobs(type text DEFAULT NULL, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
                                   phase text DEFAULT NULL, state text DEFAULT NULL, search text DEFAULT NULL,
                                   before uuid DEFAULT NULL, max_jobs integer DEFAULT 50, skip integer DEFAULT 0)
    RETURNS SETOF ayb_jobs.jobs LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT f.* FROM ayb_jobs_internal.search_jobs(NULL::ayb_jobs.jobs, find_jobs.type, find_jobs.since, find_jobs.until,
        find_jobs.phase, find_jobs.state, find_jobs.search, find_jobs.before, find_jobs.max_jobs, find_jobs.skip) AS f;
END;
COMMENT ON FUNCTION ayb_jobs.find_jobs(text, timestamptz, timestamptz, text, text, text, uuid, integer, integer) IS
    'the newest jobs of a type, created from since until before until, in a phase or state, with a text in error, key or payload, of that id, with "payload.PATH: VALUE" or "error: KIND"; before: older ones than that job';

CREATE FUNCTION ayb_jobs.count_jobs(type text DEFAULT NULL, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
                                    phase text DEFAULT NULL, search text DEFAULT NULL, most integer DEFAULT 1000,
                                    OUT state text, OUT jobs bigint, OUT more boolean)
    RETURNS SETOF record LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT c.state, c.jobs, false
    FROM ayb_jobs.stats() AS n
    CROSS JOIN LATERAL (VALUES ('queued', n.queued), ('running', n.running), ('completed', n.completed), ('failed', n.failed),
                               ('canceled', n.canceled)) AS c (state, jobs)
    WHERE num_nonnulls(type, since, until, phase, search) = 0
    UNION ALL
    SELECT s.state, least(n.jobs, most),
           n.jobs > coalesce(most, n.jobs)
           OR ayb_jobs_internal.search_stop(type, since, until, phase, s.state, search) IS NOT NULL
    FROM (VALUES ('queued'), ('running'), ('completed'), ('failed'), ('canceled')) AS s (state)
    CROSS JOIN LATERAL (
        SELECT count(*) AS jobs
        FROM ayb_jobs_internal.search_jobs(NULL::uuid, type, since, until, phase, s.state, search, max_jobs => most::bigint + 1)
    ) AS n
    WHERE num_nonnulls(type, since, until, phase, search) > 0;
END;
COMMENT ON FUNCTION ayb_jobs.count_jobs(text, timestamptz, timestamptz, text, text, integer) IS
    'how many such jobs each state has; of those that are searched for no more than most are counted, and more says where there may be others';
