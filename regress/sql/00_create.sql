-- The extension, and what the other tests use. Must come first.
CREATE EXTENSION ayb_jobs;
SELECT extname, extrelocatable, extnamespace::regnamespace FROM pg_extension WHERE extname = 'ayb_jobs';

-- Waits, for three minutes at most, until the condition holds; says whether it did.
CREATE FUNCTION wait_until(condition text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    give_up constant timestamptz := clock_timestamp() + interval '3 minutes';
    holds boolean;
BEGIN
    LOOP
        EXECUTE 'SELECT ' || condition INTO holds;
        EXIT WHEN holds OR clock_timestamp() > give_up;
        PERFORM pg_sleep(0.005);
    END LOOP;
    RETURN coalesce(holds, false);
END
$$;

-- Waits until a job is in the state; gives back the one in which it is then.
CREATE FUNCTION wait_for(job uuid, wanted text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM wait_until(format('EXISTS (SELECT FROM ayb_jobs.jobs WHERE id = %L AND state = %L)', job, wanted));
    RETURN coalesce((SELECT state FROM ayb_jobs.jobs WHERE id = job), 'gone');
END
$$;

-- Runs a statement that should be refused, and gives back all of the error. An id differs from run to run.
CREATE FUNCTION refused(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    detail text;
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'ACCEPTED';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN regexp_replace(concat_ws(E'\n', SQLSTATE || ': ' || message, '  DETAIL: ' || nullif(detail, ''),
                                    '  HINT: ' || nullif(hint, '')),
                          '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', '<id>', 'g');
END
$$;

-- A digest of everything that is written down: the same before and after what must change nothing.
CREATE FUNCTION books() RETURNS text LANGUAGE sql AS $$
    SELECT md5(concat((SELECT string_agg(q::text, ' ' ORDER BY q.id) FROM ayb_jobs.job_queue AS q),
                      (SELECT string_agg(h::text, ' ' ORDER BY h.id) FROM ayb_jobs.job_history AS h),
                      (SELECT string_agg(a::text, ' ' ORDER BY a.job_id, a.finished_at) FROM ayb_jobs.job_attempts AS a),
                      (SELECT string_agg(k::text, ' ' ORDER BY k.job_id) FROM ayb_jobs.job_keys AS k),
                      (SELECT string_agg(h::text, ' ' ORDER BY h.type) FROM ayb_jobs.handlers AS h),
                      (SELECT string_agg(p::text, ' ' ORDER BY p.type) FROM ayb_jobs.pauses AS p)))
$$;

-- Every table and view of ours in which the word stands, in whatever column; and the events.
CREATE FUNCTION holding(word text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    relation regclass;
    found boolean;
BEGIN
    FOR relation IN SELECT c.oid FROM pg_class AS c WHERE c.relnamespace IN ('ayb_jobs'::regnamespace, 'ayb_jobs_internal'::regnamespace)
                    AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition ORDER BY c.relname LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s AS r WHERE position($1 IN r::text) > 0)', relation) INTO found USING word;
        IF found THEN
            RETURN NEXT relation;
        END IF;
    END LOOP;
    RETURN QUERY SELECT 'an event' FROM ayb_jobs.events(max_events => 4096) AS e WHERE position(word IN e::text) > 0;
END $$;
-- A worker outside that asks until it is given a job: the scheduler may be at it with the same lease.
CREATE FUNCTION claim_one(worker text, type text, lease interval DEFAULT '1 hour') RETURNS SETOF ayb_jobs.claimed_job
    LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 5000 LOOP
        RETURN QUERY SELECT * FROM ayb_jobs.claim(worker, ARRAY[type], 1, lease);
        EXIT WHEN FOUND;
        PERFORM pg_sleep(0.005);
    END LOOP;
END
$$;

-- Ordinary roles, an admin, and one that may not log in.
CREATE ROLE regress_alice LOGIN;
CREATE ROLE regress_bob LOGIN;
CREATE ROLE regress_admin LOGIN IN ROLE ayb_jobs_admin;
CREATE ROLE regress_nologin;
-- The two may register what they like.
SELECT role, pattern, allowed_by = current_user::regrole AS by_me
FROM unnest('{regress_alice, regress_bob}'::name[]) AS r (name) CROSS JOIN LATERAL ayb_jobs.allow_types(r.name);
CREATE SCHEMA alice AUTHORIZATION regress_alice;
CREATE SCHEMA bob AUTHORIZATION regress_bob;

-- The server serves a new database by itself.
SELECT wait_until($$(SELECT status = 'ok' FROM ayb_jobs.health() WHERE name = 'scheduler')$$);
