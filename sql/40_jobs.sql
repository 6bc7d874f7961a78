CREATE FUNCTION ayb_jobs_internal.running() RETURNS uuid[]
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ayb_jobs_running';
COMMENT ON FUNCTION ayb_jobs_internal.running() IS 'the jobs that are in a handler of a worker of this database now';

CREATE FUNCTION ayb_jobs_internal.progress() RETURNS jsonb
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ayb_jobs_progress';
COMMENT ON FUNCTION ayb_jobs_internal.progress() IS 'what running jobs said by set_progress(), by job id';

CREATE FUNCTION ayb_jobs_internal.time_limit(type text) RETURNS interval
    LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ayb_jobs_time_limit';
COMMENT ON FUNCTION ayb_jobs_internal.time_limit(text) IS 'how long a job of the type may run; NULL for ever';

CREATE FUNCTION ayb_jobs_internal.taken_by(type text) RETURNS text
    LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ayb_jobs_taken_by';
COMMENT ON FUNCTION ayb_jobs_internal.taken_by(text) IS
    'external for a type that workers outside take, handler for one that is not registered, else NULL';

CREATE FUNCTION ayb_jobs_internal.phase(id uuid, state text, waits_for text, run_at timestamptz, runs integer, type text, run_as regrole, partition_key text) RETURNS text
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ayb_jobs_phase';
COMMENT ON FUNCTION ayb_jobs_internal.phase(uuid, text, text, timestamptz, integer, text, regrole, text) IS
    'the phase of a job whose row in job_queue has these; NULL where any but waits_for and partition_key is';

-- What shared memory knows is a scalar over one array, never a join: so the newest fifty of millions stay
-- an ordered walk along the indexes of both tables.
CREATE VIEW ayb_jobs.jobs WITH (security_invoker = true) AS
SELECT q.id, q.type, q.payload, q.state, q.run_at, q.lease_until, q.worker_id, q.attempts, q.max_attempts,
       q.last_error, q.last_run_at, q.idempotency_key, q.schedule_id, q.created_at, q.updated_at,
       NULL::timestamptz AS completed_at, q.canceled_at, q.run_as, NULL::jsonb AS result, q.scheduled_at,
       CASE WHEN q.state = 'queued' AND q.waits_for IS NULL THEN ayb_jobs_internal.taken_by(q.type) ELSE q.waits_for END AS waits_for,
       q.id = ANY ((SELECT ayb_jobs_internal.running())::uuid[]) AS is_running,
       coalesce(CASE WHEN q.state = 'running' THEN q.progress END, (SELECT ayb_jobs_internal.progress()) -> q.id::text) AS progress,
       q.priority, q.partition_key, q.unique_key, q.flow, q.enqueued_by, q.runs, q.meta,
       ayb_jobs_internal.phase(q.id, q.state, q.waits_for, q.run_at, q.runs, q.type, q.run_as, q.partition_key) AS phase, q.expires_at
FROM ayb_jobs.job_queue AS q
UNION ALL
SELECT h.id, h.type, h.payload, 'completed'::text, h.run_at, NULL::timestamptz, h.worker_id, h.attempts,
       h.max_attempts, h.last_error, h.last_run_at, h.idempotency_key,
       (SELECT s.id FROM ayb_jobs.schedules AS s WHERE s.id = h.schedule_id), h.created_at, h.completed_at,
       h.completed_at, NULL::timestamptz, h.run_as, h.result, h.scheduled_at, NULL::text, false, NULL::jsonb,
       NULL::smallint, h.partition_key, NULL::text, h.flow, h.enqueued_by, h.runs, h.meta,
       'completed'::text, NULL::timestamptz
FROM ayb_jobs.job_history AS h;
COMMENT ON VIEW ayb_jobs.jobs IS 'every job: waiting, running, ended';
COMMENT ON COLUMN ayb_jobs.jobs.phase IS
    'its state, but for a queued one: due, external (due, for a worker outside), waiting (due, but nobody may take it), scheduled (not due, never run), retrying (not due, has run)';
COMMENT ON COLUMN ayb_jobs.jobs.is_running IS 'whether a worker is at it at this moment';
COMMENT ON COLUMN ayb_jobs.jobs.attempts IS 'attempts that are charged: a retry by hand begins again with none';
COMMENT ON COLUMN ayb_jobs.jobs.runs IS
    'how often it was claimed, charged or not: what a worker outside passes as its attempt';

CREATE FUNCTION ayb_jobs.enqueue(type text, payload jsonb DEFAULT '{}', run_at timestamptz DEFAULT NULL,
                                 idempotency_key text DEFAULT NULL, max_attempts integer DEFAULT NULL,
                                 run_as name DEFAULT NULL, delay interval DEFAULT NULL, priority integer DEFAULT NULL,
                                 partition_key text DEFAULT NULL, unique_key text DEFAULT NULL, depends_on uuid[] DEFAULT NULL,
                                 options jsonb DEFAULT NULL) RETURNS uuid
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_enqueue';
COMMENT ON FUNCTION ayb_jobs.enqueue(text, jsonb, timestamptz, text, integer, name, interval, integer, text, text, uuid[], jsonb) IS
    'adds a job that runs if and when this transaction commits, and gives back its id; with an idempotency_key that this role''s jobs have already, or a unique_key that one has which waits for its first start, the id of that job';

CREATE FUNCTION ayb_jobs.enqueue_or_find(type text, payload jsonb DEFAULT '{}', run_at timestamptz DEFAULT NULL,
                                         idempotency_key text DEFAULT NULL, max_attempts integer DEFAULT NULL,
                                         run_as name DEFAULT NULL, delay interval DEFAULT NULL,
                                         priority integer DEFAULT NULL, partition_key text DEFAULT NULL,
                                         unique_key text DEFAULT NULL, depends_on uuid[] DEFAULT NULL,
                                         options jsonb DEFAULT NULL, OUT id uuid, OUT is_new boolean) RETURNS record
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_enqueue_or_find';
COMMENT ON FUNCTION ayb_jobs.enqueue_or_find(text, jsonb, timestamptz, text, integer, name, interval, integer, text, text, uuid[], jsonb) IS
    'as enqueue(), and says whether the job is new or was found by its key';

CREATE FUNCTION ayb_jobs.enqueue_many(type text, payloads jsonb[], run_at timestamptz DEFAULT NULL,
                                      delay interval DEFAULT NULL, priority integer DEFAULT NULL, partition_keys text[] DEFAULT NULL, options jsonb DEFAULT NULL) RETURNS SETOF uuid
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_enqueue_many';
COMMENT ON FUNCTION ayb_jobs.enqueue_many(text, jsonb[], timestamptz, interval, integer, text[], jsonb) IS
    'adds one job for each payload, in one statement, and gives back their ids in the same order';

CREATE FUNCTION ayb_jobs.enqueue_many(jobs jsonb) RETURNS SETOF uuid
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_enqueue_jobs';
COMMENT ON FUNCTION ayb_jobs.enqueue_many(jsonb) IS
    'adds one job for each object of an array, whose keys are named like the arguments of enqueue(), and gives back their ids in the same order';

CREATE FUNCTION ayb_jobs.cancel(id uuid, force boolean DEFAULT false) RETURNS ayb_jobs.jobs
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_cancel';
COMMENT ON FUNCTION ayb_jobs.cancel(uuid, boolean) IS
    'takes a queued job out of the queue; with force also interrupts a running one';

CREATE FUNCTION ayb_jobs.retry_now(id uuid) RETURNS ayb_jobs.jobs
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_retry_now';
COMMENT ON FUNCTION ayb_jobs.retry_now(uuid) IS 'puts a failed job back into the queue, with all its attempts, to run now';

CREATE FUNCTION ayb_jobs.cancel_matching(type text DEFAULT NULL, since timestamptz DEFAULT NULL,
                                         until timestamptz DEFAULT NULL, phase text DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_cancel_matching';
COMMENT ON FUNCTION ayb_jobs.cancel_matching(text, timestamptz, timestamptz, text) IS
    'cancels the queued jobs of a type that were created from since until before until, or are in a phase, and says how many';

CREATE FUNCTION ayb_jobs.retry_matching(type text DEFAULT NULL, since timestamptz DEFAULT NULL,
                                        until timestamptz DEFAULT NULL, phase text DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_retry_matching';
COMMENT ON FUNCTION ayb_jobs.retry_matching(text, timestamptz, timestamptz, text) IS
    'retries the failed jobs of a type that were created from since until before until, and says how many';

CREATE FUNCTION ayb_jobs.cancel_many(ids uuid[]) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_cancel_many';
COMMENT ON FUNCTION ayb_jobs.cancel_many(uuid[]) IS 'cancels those of these jobs that are queued, and says how many';

CREATE FUNCTION ayb_jobs.retry_many(ids uuid[]) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_retry_many';
COMMENT ON FUNCTION ayb_jobs.retry_many(uuid[]) IS 'retries those of these jobs that failed, and says how many';

CREATE FUNCTION ayb_jobs.run_now(id uuid) RETURNS ayb_jobs.jobs
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_run_now';
COMMENT ON FUNCTION ayb_jobs.run_now(uuid) IS
    'makes a job due that waits for its time, after a failure or since it was enqueued, or that was canceled';

CREATE FUNCTION ayb_jobs.run_now_matching(type text DEFAULT NULL, since timestamptz DEFAULT NULL,
                                          until timestamptz DEFAULT NULL, phase text DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_run_now_matching';
COMMENT ON FUNCTION ayb_jobs.run_now_matching(text, timestamptz, timestamptz, text) IS
    'does so with the jobs of a type that were created from since until before until, or are in a phase, and says how many';

CREATE FUNCTION ayb_jobs.run_now_many(ids uuid[]) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_run_now_many';
COMMENT ON FUNCTION ayb_jobs.run_now_many(uuid[]) IS
    'makes those of these jobs due that wait for their time or were canceled, and says how many';

CREATE FUNCTION ayb_jobs.set_priority(id uuid, priority integer) RETURNS ayb_jobs.jobs
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_set_priority';
COMMENT ON FUNCTION ayb_jobs.set_priority(uuid, integer) IS
    'changes the priority of a queued job: from -4, which goes first, to 4';

CREATE FUNCTION ayb_jobs.reschedule(id uuid, run_at timestamptz DEFAULT NULL, delay interval DEFAULT NULL)
    RETURNS ayb_jobs.jobs LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_reschedule';
COMMENT ON FUNCTION ayb_jobs.reschedule(uuid, timestamptz, interval) IS
    'sets when a queued job is due: at run_at, or in delay from now on';

CREATE FUNCTION ayb_jobs.delete_job(id uuid) RETURNS text[]
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_delete_job';
COMMENT ON FUNCTION ayb_jobs.delete_job(uuid) IS
    'deletes a job that doesn''t run, its attempts and its key, and names what still holds its payload';

CREATE FUNCTION ayb_jobs.delete_jobs(ids uuid[], OUT deleted bigint, OUT holders text[]) RETURNS record
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_delete_jobs';
COMMENT ON FUNCTION ayb_jobs.delete_jobs(uuid[]) IS
    'deletes those of these jobs that don''t run, and says how many, and what still holds a payload of theirs';

CREATE FUNCTION ayb_jobs.delete_matching(type text DEFAULT NULL, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
                                         phase text DEFAULT NULL, OUT deleted bigint, OUT holders text[]) RETURNS record
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_delete_matching';
COMMENT ON FUNCTION ayb_jobs.delete_matching(text, timestamptz, timestamptz, text) IS
    'does so with the jobs of a type, that were created from since until before until, or are in a phase';

CREATE FUNCTION ayb_jobs.pause(type text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_pause';
COMMENT ON FUNCTION ayb_jobs.pause(text) IS
    'starts no more jobs of the type, or none in this database at all; running ones go on';

CREATE FUNCTION ayb_jobs.adopt() RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_adopt';
COMMENT ON FUNCTION ayb_jobs.adopt() IS
    'lets jobs run in a database that is a copy, was restored, or got jobs by COPY or replication';

CREATE FUNCTION ayb_jobs.resume(type text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_resume';
COMMENT ON FUNCTION ayb_jobs.resume(text) IS
    'ends a pause; without a type also a drain; raises in a restored or copied database, which adopt() lets run';

CREATE FUNCTION ayb_jobs.drain(timeout interval DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_drain';
COMMENT ON FUNCTION ayb_jobs.drain(interval) IS
    'pauses the database and waits for running jobs; false if some had to be interrupted after the timeout (ayb_jobs.shutdown_timeout by default), uncharged';
