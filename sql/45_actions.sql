-- Who did what by hand.

CREATE TABLE ayb_jobs.job_actions (
    id      uuid        NOT NULL DEFAULT ayb_jobs.uuid7(),
    job_id  uuid        NOT NULL,
    run_as  regrole     NOT NULL,
    at      timestamptz NOT NULL,
    action  text        NOT NULL,
    done_by regrole     NOT NULL,
    actor   text,
    CONSTRAINT job_actions_pkey PRIMARY KEY (id),
    CONSTRAINT job_actions_action_check CHECK (action IN ('cancel', 'retry', 'run', 'reschedule', 'priority', 'delete'))
);
COMMENT ON TABLE ayb_jobs.job_actions IS
    'one row for each change of a job by hand; kept as long as the job, and at least as long as completed jobs are';
COMMENT ON COLUMN ayb_jobs.job_actions.run_as IS 'the job''s role, which decides who sees the row';
COMMENT ON COLUMN ayb_jobs.job_actions.done_by IS 'the role that did it';
COMMENT ON COLUMN ayb_jobs.job_actions.actor IS
    'whom that role did it for, as ayb_jobs.actor said: counts only from members of ayb_jobs_sidecar';
CREATE INDEX job_actions_job_idx ON ayb_jobs.job_actions (job_id);

ALTER TABLE ayb_jobs.job_actions ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON ayb_jobs.job_actions FOR SELECT
    USING (run_as = ANY ((SELECT ayb_jobs_internal.visible_roles())::oid[]));
CREATE POLICY every ON ayb_jobs.job_actions FOR SELECT TO ayb_jobs_read USING (true);
COMMENT ON POLICY own ON ayb_jobs.job_actions IS 'a role sees what was done to its own jobs';
COMMENT ON POLICY every ON ayb_jobs.job_actions IS 'members of ayb_jobs_read see all actions';

CREATE FUNCTION ayb_jobs.actions(job_id uuid, OUT at timestamptz, OUT action text, OUT done_by regrole,
                                 OUT actor text)
    RETURNS SETOF record LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT a.at, a.action, a.done_by, a.actor FROM ayb_jobs.job_actions AS a WHERE a.job_id = actions.job_id
    ORDER BY a.id;
END;
COMMENT ON FUNCTION ayb_jobs.actions(uuid) IS 'what was done to a job by hand, when, by which role and for whom';

-- What a sidecar's own tokens are sealed with: each role has a key, and knows no other's. A dump doesn't
-- have it, so a copy takes none of the tokens of where it comes from.
CREATE TABLE ayb_jobs.wire_keys (
    role regrole NOT NULL,
    key  text    NOT NULL,
    CONSTRAINT wire_keys_pkey PRIMARY KEY (role)
);
COMMENT ON TABLE ayb_jobs.wire_keys IS 'what sidecars seal tokens with; seen by nobody, not dumped';
ALTER TABLE ayb_jobs.wire_keys ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION ayb_jobs_internal.wire_key() RETURNS text
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO ayb_jobs.wire_keys (role, key)
        VALUES (quote_ident(session_user)::regrole, gen_random_uuid()::text || gen_random_uuid()::text)
        ON CONFLICT (role) DO NOTHING;
    SELECT k.key FROM ayb_jobs.wire_keys AS k WHERE k.role = quote_ident(session_user)::regrole;
END;
COMMENT ON FUNCTION ayb_jobs_internal.wire_key() IS 'the key of the role that logged in, made at its first use; for ayb_jobs_sidecar';
