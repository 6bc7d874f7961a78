-- What belongs to roles that were dropped. Their numbers stand in our rows, and nothing that PostgreSQL knows of hangs on them: a
-- number may be another role's one day, or in another cluster. Such rows are taken out of service, under no role at all: 0.

CREATE FUNCTION ayb_jobs_internal.retire_jobs(most integer) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    jobs bigint;
    keys bigint;
    at timestamptz := ayb_jobs_internal.now();
BEGIN
    -- The keys of jobs go too: those of two roles may be alike. Who only enqueued a job for another role leaves it to that one,
    -- unless it would run by their right, as a definer's does.
    WITH gone AS MATERIALIZED (
        SELECT q.id, r.oid IS NULL AND q.run_as <> 0::oid AS whose, e.oid IS NULL AND q.enqueued_by <> 0::oid AS by_whom,
               q.state = 'queued' AND (r.oid IS NULL OR q.registration IS NOT NULL) AS ends
        FROM ayb_jobs.job_queue AS q LEFT JOIN pg_authid AS r ON r.oid = q.run_as LEFT JOIN pg_authid AS e ON e.oid = q.enqueued_by
        WHERE q.state <> 'running' AND (r.oid IS NULL AND q.run_as <> 0::oid OR e.oid IS NULL AND q.enqueued_by <> 0::oid)
        LIMIT most FOR UPDATE OF q SKIP LOCKED
    )
    UPDATE ayb_jobs.job_queue AS q
    SET state = CASE WHEN g.ends THEN 'canceled' ELSE q.state END,
        canceled_at = CASE WHEN g.ends THEN at ELSE q.canceled_at END,
        updated_at = CASE WHEN g.ends THEN at ELSE q.updated_at END,
        last_error = CASE WHEN g.ends AND g.whose THEN format('its role (%s) does not exist any more', q.run_as::oid)
                          WHEN g.ends THEN format('the role that enqueued it (%s) does not exist any more', q.enqueued_by::oid)
                          ELSE q.last_error END,
        idempotency_key = CASE WHEN g.whose THEN NULL ELSE q.idempotency_key END,
        unique_key = CASE WHEN g.whose OR g.by_whom THEN NULL ELSE q.unique_key END,
        run_as = CASE WHEN g.whose THEN 0::oid ELSE q.run_as END,
        enqueued_by = CASE WHEN g.by_whom THEN 0::oid ELSE q.enqueued_by END
    FROM gone AS g WHERE q.id = g.id;
    GET DIAGNOSTICS jobs = ROW_COUNT;
    DELETE FROM ayb_jobs.job_keys AS k
    WHERE (k.run_as, k.idempotency_key) IN (SELECT o.run_as, o.idempotency_key FROM ayb_jobs.job_keys AS o
                                            WHERE NOT EXISTS (SELECT FROM pg_authid AS r WHERE r.oid = o.run_as) LIMIT most);
    GET DIAGNOSTICS keys = ROW_COUNT;
    RETURN greatest(jobs, keys);
END
$$;
COMMENT ON FUNCTION ayb_jobs_internal.retire_jobs(integer) IS
    'cancels queued jobs of roles that are gone, and definers'' jobs that such roles enqueued, and deletes their keys; at most so many: how many it were';

-- By portions, in the order of the ids: the history may be large, and nothing tells where such rows are.
CREATE FUNCTION ayb_jobs_internal.retire_history(after uuid, portion integer) RETURNS uuid
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ids uuid[];
BEGIN
    ids := ARRAY(SELECT h.id FROM ayb_jobs.job_history AS h WHERE h.id > after ORDER BY h.id LIMIT portion);
    UPDATE ayb_jobs.job_history AS h
    SET run_as = CASE WHEN g.whose THEN 0::oid ELSE h.run_as END, enqueued_by = CASE WHEN g.by_whom THEN 0::oid ELSE h.enqueued_by END
    FROM (SELECT o.id, r.oid IS NULL AS whose, e.oid IS NULL AS by_whom
          FROM ayb_jobs.job_history AS o LEFT JOIN pg_authid AS r ON r.oid = o.run_as LEFT JOIN pg_authid AS e ON e.oid = o.enqueued_by
          WHERE o.id > after AND o.id <= ids[cardinality(ids)]
            AND (r.oid IS NULL AND o.run_as <> 0::oid OR e.oid IS NULL AND o.enqueued_by <> 0::oid)) AS g
    WHERE h.id = g.id;
    RETURN CASE WHEN cardinality(ids) = portion THEN ids[portion] END;
END
$$;
COMMENT ON FUNCTION ayb_jobs_internal.retire_history(uuid, integer) IS
    'leaves a portion of the completed jobs of roles that are gone, or that such roles enqueued, to no role; gives back where the next one begins';

CREATE FUNCTION ayb_jobs_internal.retire_rights() RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    orphan text;
BEGIN
    FOR orphan IN DELETE FROM ayb_jobs.handlers AS h WHERE NOT EXISTS (SELECT FROM pg_authid AS r WHERE r.oid = h.owner) RETURNING h.type LOOP
        PERFORM ayb_jobs_internal.install_builtins(orphan);
    END LOOP;
    DELETE FROM ayb_jobs.allowed_types AS a WHERE NOT EXISTS (SELECT FROM pg_authid AS r WHERE r.oid = a.role);
    DELETE FROM ayb_jobs.worker_grants AS g
    WHERE NOT EXISTS (SELECT FROM pg_authid AS r WHERE r.oid = g.role) OR NOT EXISTS (SELECT FROM pg_authid AS r WHERE r.oid = g.granted_by)
       OR g.for_role IS NOT NULL AND NOT EXISTS (SELECT FROM pg_authid AS r WHERE r.oid = g.for_role);
    DELETE FROM ayb_jobs.health_watches AS w WHERE NOT EXISTS (SELECT FROM pg_authid AS r WHERE r.oid = w.run_as);
    DELETE FROM ayb_jobs.wire_keys AS w WHERE NOT EXISTS (SELECT FROM pg_authid AS r WHERE r.oid = w.role);
    -- A limit is its type's, whoever has set it; so is a pause.
    DELETE FROM ayb_jobs.type_limits AS l
    WHERE NOT EXISTS (SELECT FROM pg_authid AS r WHERE r.oid = l.set_by) AND NOT EXISTS (SELECT FROM ayb_jobs.handlers AS h WHERE h.type = l.type);
    UPDATE ayb_jobs.type_limits AS l SET set_by = 0::oid
    WHERE l.set_by <> 0::oid AND NOT EXISTS (SELECT FROM pg_authid AS r WHERE r.oid = l.set_by);
    UPDATE ayb_jobs.pauses AS p SET paused_by = 0::oid
    WHERE p.paused_by <> 0::oid AND NOT EXISTS (SELECT FROM pg_authid AS r WHERE r.oid = p.paused_by);
    UPDATE ayb_jobs.allowed_types AS a SET allowed_by = 0::oid
    WHERE a.allowed_by <> 0::oid AND NOT EXISTS (SELECT FROM pg_authid AS r WHERE r.oid = a.allowed_by);
    UPDATE ayb_jobs.job_flows AS f SET enqueued_by = 0::oid
    WHERE f.enqueued_by <> 0::oid AND NOT EXISTS (SELECT FROM pg_authid AS r WHERE r.oid = f.enqueued_by);
    UPDATE ayb_jobs.schedules AS s
    SET enabled = false, next_run_at = NULL, updated_at = ayb_jobs_internal.now(), run_as = 0::oid,
        last_error = format('its role (%s) does not exist any more', s.run_as::oid)
    WHERE s.run_as <> 0::oid AND NOT EXISTS (SELECT FROM pg_authid AS r WHERE r.oid = s.run_as);
    -- A refresh runs as the view's owner, whoever registered it.
    UPDATE ayb_jobs.matview_refreshes AS m
    SET run_as = coalesce((SELECT c.relowner FROM pg_class AS c
                           WHERE c.oid = to_regclass(format('%I.%I', m.schema_name, m.view_name))), 0::oid)
    WHERE m.run_as <> 0::oid AND NOT EXISTS (SELECT FROM pg_authid AS r WHERE r.oid = m.run_as);
END
$$;
COMMENT ON FUNCTION ayb_jobs_internal.retire_rights() IS
    'deletes types, grants and allowances of roles that are gone, and disables their schedules';
