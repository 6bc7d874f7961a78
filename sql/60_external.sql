CREATE TYPE ayb_jobs.claimed_job AS (
    id            uuid,
    type          text,
    payload       jsonb,
    attempt       integer,
    max_attempts  integer,
    run_at        timestamptz,
    lease_until   timestamptz,
    partition_key text COLLATE "C",
    meta          jsonb
);
COMMENT ON TYPE ayb_jobs.claimed_job IS 'what a worker outside is given of a job: its attempt is what it passes to complete(), fail(), snooze() and extend()';

CREATE FUNCTION ayb_jobs.claim(worker_id text, types text[], max_jobs integer DEFAULT 1,
                               lease interval DEFAULT NULL) RETURNS SETOF ayb_jobs.claimed_job
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_claim';
COMMENT ON FUNCTION ayb_jobs.claim(text, text[], integer, interval) IS
    'hands due jobs of external types to a worker outside, which has them until the lease ends (ayb_jobs.lease_duration by default)';

CREATE PROCEDURE ayb_jobs.wait_for_jobs(types text[], timeout interval DEFAULT '30 s', worker_id text DEFAULT NULL)
    LANGUAGE c AS 'MODULE_PATHNAME', 'ayb_jobs_wait_for_jobs';
COMMENT ON PROCEDURE ayb_jobs.wait_for_jobs(text[], interval, text) IS
    'returns when claim() would find a job of one of the types, or after the timeout; outside of transaction blocks; workers() shows who waits by this worker_id';

CREATE PROCEDURE ayb_jobs.wait_for_job(id uuid, timeout interval DEFAULT '30 s', INOUT state text DEFAULT NULL,
                                       INOUT result jsonb DEFAULT NULL, INOUT error text DEFAULT NULL)
    LANGUAGE c AS 'MODULE_PATHNAME', 'ayb_jobs_wait_for_job';
COMMENT ON PROCEDURE ayb_jobs.wait_for_job(uuid, interval, text, jsonb, text) IS
    'returns when the job has ended, or after the timeout, with its state, its result and its last error; outside of transaction blocks';

CREATE PROCEDURE ayb_jobs_internal.wait_for_ends(ids uuid[], timeout interval)
    LANGUAGE c AS 'MODULE_PATHNAME', 'ayb_jobs_wait_for_ends';
COMMENT ON PROCEDURE ayb_jobs_internal.wait_for_ends(uuid[], interval) IS
    'returns when one of the jobs has ended, or there is none of that id, or after the timeout: for a session that waits for many others';

CREATE FUNCTION ayb_jobs.extend(id uuid, worker_id text, attempt integer, lease interval DEFAULT NULL)
    RETURNS ayb_jobs.jobs LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_extend';
COMMENT ON FUNCTION ayb_jobs.extend(uuid, text, integer, interval) IS
    'lets the worker that holds this attempt keep the job for the time of lease from now on';

CREATE FUNCTION ayb_jobs.complete(id uuid, worker_id text, attempt integer, result jsonb DEFAULT NULL)
    RETURNS ayb_jobs.jobs LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_complete';
COMMENT ON FUNCTION ayb_jobs.complete(uuid, text, integer, jsonb) IS
    'completes a job for the worker that holds this attempt';

CREATE FUNCTION ayb_jobs.fail(id uuid, worker_id text, attempt integer, error text,
                              retry_in interval DEFAULT NULL, final boolean DEFAULT false) RETURNS ayb_jobs.jobs
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_fail';
COMMENT ON FUNCTION ayb_jobs.fail(uuid, text, integer, text, interval, boolean) IS
    'records that the attempt failed: the job is tried again after retry_in (the back-off by default), or failed when its attempts are used up or final says so';

CREATE FUNCTION ayb_jobs.snooze(id uuid, worker_id text, attempt integer, delay interval DEFAULT '0', payload jsonb DEFAULT NULL)
    RETURNS ayb_jobs.jobs LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_snooze_held';
COMMENT ON FUNCTION ayb_jobs.snooze(uuid, text, integer, interval, jsonb) IS
    'ends the attempt as one step: the job waits again, for delay, with this payload or the one it has, uncharged';

CREATE FUNCTION ayb_jobs.add_log(id uuid, worker_id text, attempt integer, message text, level text DEFAULT 'info')
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_add_log_held';
COMMENT ON FUNCTION ayb_jobs.add_log(uuid, text, integer, text, text) IS
    'adds a line to the log of the attempt that the worker holds';

CREATE FUNCTION ayb_jobs.set_progress(id uuid, worker_id text, attempt integer, percent integer, note text DEFAULT '')
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_set_progress_held';
COMMENT ON FUNCTION ayb_jobs.set_progress(uuid, text, integer, integer, text) IS
    'says how far the worker is with the attempt that it holds, seen in ayb_jobs.jobs once that is committed';

-- Of many jobs by one statement. A heartbeat is extend_many().
CREATE FUNCTION ayb_jobs.complete_many(worker_id text, jobs jsonb, OUT id uuid, OUT reason text) RETURNS SETOF record
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_complete_many';
COMMENT ON FUNCTION ayb_jobs.complete_many(text, jsonb) IS
    'completes the jobs of an array of {"id", "attempt", "result"}; returns those that the worker doesn''t hold, and what became of them';

CREATE FUNCTION ayb_jobs.fail_many(worker_id text, jobs jsonb, OUT id uuid, OUT reason text) RETURNS SETOF record
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_fail_many';
COMMENT ON FUNCTION ayb_jobs.fail_many(text, jsonb) IS
    'records failed attempts, by an array of {"id", "attempt", "error", "retry_in", "final"}; returns those that the worker doesn''t hold, and what became of them';

CREATE FUNCTION ayb_jobs.extend_many(worker_id text, jobs jsonb, lease interval DEFAULT NULL, OUT id uuid, OUT reason text)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_extend_many';
COMMENT ON FUNCTION ayb_jobs.extend_many(text, jsonb, interval) IS
    'a worker''s heartbeat: lets it keep the jobs of an array of {"id", "attempt"}; returns those that it doesn''t hold any more, and what became of them';

CREATE FUNCTION ayb_jobs.grant_worker(type text, role name, for_role name DEFAULT NULL) RETURNS ayb_jobs.worker_grants
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_grant_worker';
COMMENT ON FUNCTION ayb_jobs.grant_worker(text, name, name) IS
    'lets workers outside of a role take other roles'' jobs of a type: of all who trust its owner, by that owner, or of for_role, by a role that may SET ROLE there';

CREATE FUNCTION ayb_jobs.revoke_worker(type text, role name, for_role name DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_revoke_worker';
COMMENT ON FUNCTION ayb_jobs.revoke_worker(text, name, name) IS
    'takes a grant of grant_worker() back, and says whether there was one; what was claimed by it is still the claimer''s to end';
