-- Jobs that wait for others. The tables are the truth; shared memory knows only which jobs have any edges
-- (extension/memory/kin.hpp).

CREATE TABLE ayb_jobs.job_flows (
    id          uuid        NOT NULL,
    name        text,
    enqueued_by regrole     NOT NULL,
    created_at  timestamptz NOT NULL,
    steps       jsonb       NOT NULL,
    CONSTRAINT job_flows_pkey PRIMARY KEY (id),
    CONSTRAINT job_flows_name_check CHECK (name <> '' AND length(name) <= 100)
);
COMMENT ON TABLE ayb_jobs.job_flows IS 'one row for each enqueue_flow(), kept as long as a job of it';
COMMENT ON COLUMN ayb_jobs.job_flows.steps IS
    'the jobs that it was made of, each behind all that it waits for: [{"name", "id", "after": names}]';

CREATE TABLE ayb_jobs.job_edges (
    child             uuid    NOT NULL,
    parent            uuid,
    name              text    COLLATE "C",
    type              text    COLLATE "C",
    on_parent_failure text    NOT NULL DEFAULT 'wait',
    watched           boolean NOT NULL DEFAULT false,
    flow              uuid,
    CONSTRAINT job_edges_on_parent_failure_check CHECK (on_parent_failure IN ('wait', 'run', 'cancel')),
    CONSTRAINT job_edges_parent_check CHECK (parent IS NOT NULL OR flow IS NOT NULL)
) WITH (fillfactor = 80);
COMMENT ON TABLE ayb_jobs.job_edges IS 'what jobs wait for, or have waited for; kept until the child completes or is deleted';
COMMENT ON COLUMN ayb_jobs.job_edges.name IS 'what the parent is called in its flow';
COMMENT ON COLUMN ayb_jobs.job_edges.type IS 'the parent''s';
COMMENT ON COLUMN ayb_jobs.job_edges.watched IS
    'one edge of each child that waits: when that parent ends, the next one is looked for';
COMMENT ON COLUMN ayb_jobs.job_edges.flow IS
    'of a child that waits for all others of this flow; parent is then the one of them that it watches';
-- Edges added, a watch that moves, and an end find each other by these. A watch that moves changes no index but a `*` job's.
CREATE UNIQUE INDEX job_edges_child_idx ON ayb_jobs.job_edges (child, parent);
CREATE INDEX job_edges_parent_idx ON ayb_jobs.job_edges (parent);
CREATE INDEX job_edges_flow_idx ON ayb_jobs.job_edges (flow) WHERE flow IS NOT NULL;
-- A part of its key may be NULL, so that is no primary key; without an identity a publication of all tables refuses its changes.
ALTER TABLE ayb_jobs.job_edges REPLICA IDENTITY FULL;
-- Members that are still there; those that complete leave it.
CREATE INDEX job_queue_flow_idx ON ayb_jobs.job_queue (flow, id) WHERE flow IS NOT NULL;

CREATE TABLE ayb_jobs.job_outcomes (
    job_id uuid        NOT NULL,
    state  text        NOT NULL,
    flow   uuid,
    result jsonb,
    at     timestamptz NOT NULL,
    CONSTRAINT job_outcomes_pkey PRIMARY KEY (job_id),
    CONSTRAINT job_outcomes_state_check CHECK (state IN ('completed', 'deleted'))
);
COMMENT ON TABLE ayb_jobs.job_outcomes IS
    'what is known of parents that are gone from the queue: the result of one whose children may want it, once for all of them; that one was deleted, for a day';

ALTER TABLE ayb_jobs.job_flows    ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.job_edges    ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.job_outcomes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON ayb_jobs.job_flows FOR SELECT
    USING (enqueued_by = ANY ((SELECT ayb_jobs_internal.visible_roles())::oid[]));
CREATE POLICY own ON ayb_jobs.job_edges FOR SELECT
    USING (EXISTS (SELECT FROM ayb_jobs.job_queue AS q WHERE q.id = child));
CREATE POLICY every ON ayb_jobs.job_flows    FOR SELECT TO ayb_jobs_read USING (true);
CREATE POLICY every ON ayb_jobs.job_edges    FOR SELECT TO ayb_jobs_read USING (true);
CREATE POLICY every ON ayb_jobs.job_outcomes FOR SELECT TO ayb_jobs_read USING (true);
COMMENT ON POLICY own ON ayb_jobs.job_flows IS 'a role sees the flows that it enqueued';
COMMENT ON POLICY own ON ayb_jobs.job_edges IS 'who sees a job sees what it waits for';
COMMENT ON POLICY every ON ayb_jobs.job_flows IS 'members of ayb_jobs_read see all flows';
COMMENT ON POLICY every ON ayb_jobs.job_edges IS 'members of ayb_jobs_read see all edges';
COMMENT ON POLICY every ON ayb_jobs.job_outcomes IS 'members of ayb_jobs_read see all outcomes';

CREATE FUNCTION ayb_jobs_internal.mark_edge(child uuid, parent uuid, watched boolean, flow uuid) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_mark_edge';
COMMENT ON FUNCTION ayb_jobs_internal.mark_edge(uuid, uuid, boolean, uuid) IS 'tells shared memory of an edge; for the scheduler';

CREATE FUNCTION ayb_jobs_internal.put_off_since() RETURNS timestamptz
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_put_off_since';
COMMENT ON FUNCTION ayb_jobs_internal.put_off_since() IS 'since when jobs that could go on have been locked by others; NULL if none are';

CREATE FUNCTION ayb_jobs_internal.has_open_parents(child uuid) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM ayb_jobs.job_edges AS e CROSS JOIN LATERAL (
                       SELECT q.id FROM ayb_jobs.job_queue AS q
                       WHERE q.id = e.parent
                         AND q.state = ANY (CASE e.on_parent_failure WHEN 'wait' THEN '{queued,running,failed}'::text[] ELSE '{queued,running}' END)
                       UNION ALL
                       SELECT q.id FROM ayb_jobs.job_queue AS q
                       WHERE q.flow = e.flow AND q.id <> e.child
                         AND q.state = ANY (CASE e.on_parent_failure WHEN 'wait' THEN '{queued,running,failed}'::text[] ELSE '{queued,running}' END)
                       LIMIT 1) AS p
                   WHERE e.child = has_open_parents.child);
END;
COMMENT ON FUNCTION ayb_jobs_internal.has_open_parents(uuid) IS 'whether a job has to wait for others';

CREATE FUNCTION ayb_jobs.enqueue_flow(jobs jsonb, name text DEFAULT NULL) RETURNS uuid
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_enqueue_flow';
COMMENT ON FUNCTION ayb_jobs.enqueue_flow(jsonb, text) IS
    'adds jobs that wait for each other, by their names, and gives back the id of their flow: each object has a name, may have depends_on and on_parent_failure, and else the arguments of enqueue()';

CREATE TYPE ayb_jobs.parent_job AS (name text, job_id uuid, type text, state text, result jsonb);
COMMENT ON TYPE ayb_jobs.parent_job IS 'what a job is handed on of one that it has waited for';

CREATE FUNCTION ayb_jobs.parents(job_id uuid DEFAULT NULL) RETURNS SETOF ayb_jobs.parent_job
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ayb_jobs_parents';
COMMENT ON FUNCTION ayb_jobs.parents(uuid) IS
    'the jobs that a job has waited for, or waits for, with their results; without an argument those of the job that a handler runs for';

CREATE FUNCTION ayb_jobs.cancel_flow(id uuid) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_cancel_flow';
COMMENT ON FUNCTION ayb_jobs.cancel_flow(uuid) IS 'cancels the queued jobs of a flow, and says how many; running ones go on';

CREATE FUNCTION ayb_jobs.retry_flow(id uuid) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_retry_flow';
COMMENT ON FUNCTION ayb_jobs.retry_flow(uuid) IS 'retries the failed jobs of a flow, and says how many';

CREATE FUNCTION ayb_jobs.flow(id uuid, max integer DEFAULT 1000, OUT name text, OUT job_id uuid, OUT type text, OUT state text,
                              OUT phase text, OUT depends_on text[], OUT run_at timestamptz, OUT completed_at timestamptz,
                              OUT last_error text) RETURNS SETOF record
    LANGUAGE plpgsql STABLE ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    steps jsonb := (SELECT f.steps FROM ayb_jobs.job_flows AS f WHERE f.id = flow.id);
BEGIN
    IF steps IS NULL THEN
        RAISE no_data_found USING MESSAGE = format('flow %s not found', coalesce(flow.id::text, 'NULL')), COLUMN = 'id',
                                  HINT = 'ayb_jobs.flows shows those that you may see.';
    END IF;
    RETURN QUERY
    SELECT s.step ->> 'name', (s.step ->> 'id')::uuid, j.type, coalesce(j.state, 'gone'), j.phase,
           ARRAY(SELECT a FROM jsonb_array_elements_text(s.step -> 'after') AS a), j.run_at, j.completed_at, j.last_error
    FROM jsonb_array_elements(steps) WITH ORDINALITY AS s (step, place)
    LEFT JOIN LATERAL (SELECT * FROM ayb_jobs.jobs AS o WHERE o.id = (s.step ->> 'id')::uuid LIMIT 1) AS j ON true
    ORDER BY s.place LIMIT max;
    -- Those that were added later have no names.
    RETURN QUERY
    SELECT NULL::text, j.id, j.type, j.state, j.phase, NULL::text[], j.run_at, j.completed_at, j.last_error
    FROM ayb_jobs.jobs AS j
    WHERE j.flow = flow.id AND NOT EXISTS (SELECT FROM jsonb_array_elements(steps) AS s WHERE (s ->> 'id')::uuid = j.id)
    ORDER BY j.id LIMIT greatest(max - jsonb_array_length(steps), 0);
END
$$;
COMMENT ON FUNCTION ayb_jobs.flow(uuid, integer) IS
    'the jobs of a flow: its steps, each behind those that it waits for, then what was added to it, at most so many';

-- By itself, so that a view of many flows counts those alone that are asked for, and nothing is compiled for it.
CREATE FUNCTION ayb_jobs_internal.count_flow(flow uuid, OUT jobs bigint, OUT waiting bigint, OUT queued bigint, OUT running bigint,
                                             OUT completed bigint, OUT failed bigint, OUT canceled bigint, OUT ended_at timestamptz)
    LANGUAGE sql STABLE COST 1000 SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
    SELECT count(*), count(*) FILTER (WHERE j.state = 'queued' AND j.waits_for = 'jobs'),
           count(*) FILTER (WHERE j.state = 'queued' AND j.waits_for IS DISTINCT FROM 'jobs'),
           count(*) FILTER (WHERE j.state = 'running'), count(*) FILTER (WHERE j.state = 'completed'),
           count(*) FILTER (WHERE j.state = 'failed'), count(*) FILTER (WHERE j.state = 'canceled'),
           CASE WHEN bool_and(j.state NOT IN ('queued', 'running')) THEN max(j.updated_at) END
    FROM ayb_jobs.jobs AS j WHERE j.flow = count_flow.flow;
END;
COMMENT ON FUNCTION ayb_jobs_internal.count_flow(uuid) IS 'how many jobs of a flow are in which state, and when the last one ended';

CREATE VIEW ayb_jobs.flows WITH (security_invoker = true) AS
SELECT f.id, f.name, f.enqueued_by, f.created_at,
       CASE WHEN c.queued + c.running > 0 THEN 'running'
            WHEN c.waiting > 0 AND c.failed > 0 THEN 'standing'
            WHEN c.waiting > 0 THEN 'running'
            WHEN c.failed > 0 THEN 'failed'
            WHEN c.canceled > 0 THEN 'canceled'
            ELSE 'completed' END AS state,
       c.jobs, c.waiting, c.queued, c.running, c.completed, c.failed, c.canceled, c.ended_at
FROM ayb_jobs.job_flows AS f CROSS JOIN LATERAL ayb_jobs_internal.count_flow(f.id) AS c;
COMMENT ON VIEW ayb_jobs.flows IS 'flows, and how many of their jobs are in which state';
COMMENT ON COLUMN ayb_jobs.flows.state IS
    'running; standing, where jobs wait for failed ones and nothing else is to be done; failed, canceled or completed';
COMMENT ON COLUMN ayb_jobs.flows.ended_at IS 'when its last job ended; NULL before';
