\echo Use "CREATE EXTENSION ayb_jobs" to load this file. \quit

-- The schema is made here and not named in the control file: so it goes with the extension.
CREATE SCHEMA ayb_jobs;
COMMENT ON SCHEMA ayb_jobs IS 'background jobs that run inside the database';
GRANT USAGE ON SCHEMA ayb_jobs TO PUBLIC;

-- Roles belong to the cluster: another database may have made it already.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'ayb_jobs_admin') THEN
        CREATE ROLE ayb_jobs_admin NOLOGIN;
    END IF;
END
$$;

-- What the tables' defaults and policies need.

CREATE FUNCTION ayb_jobs.uuid7() RETURNS uuid
    LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'ayb_jobs_uuid7';
COMMENT ON FUNCTION ayb_jobs.uuid7() IS 'a new UUID of version 7: it sorts by the microsecond in which it was made';

CREATE FUNCTION ayb_jobs._now() RETURNS timestamptz
    LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ayb_jobs_now';
COMMENT ON FUNCTION ayb_jobs._now() IS 'what the engine takes for now';

CREATE FUNCTION ayb_jobs._visible_roles() RETURNS oid[]
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ayb_jobs_visible_roles';
COMMENT ON FUNCTION ayb_jobs._visible_roles() IS 'the roles whose privileges the current role has';

CREATE FUNCTION ayb_jobs._sees_all() RETURNS boolean
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ayb_jobs_sees_all';
COMMENT ON FUNCTION ayb_jobs._sees_all() IS 'whether the current role is a superuser or a member of ayb_jobs_admin';

CREATE TABLE ayb_jobs.schedules (
    id           uuid        NOT NULL DEFAULT ayb_jobs.uuid7(),
    name         text        NOT NULL,
    job_type     text        NOT NULL,
    payload      jsonb       NOT NULL DEFAULT '{}',
    cron_expr    text        NOT NULL,
    timezone     text        NOT NULL DEFAULT 'UTC',
    enabled      boolean     NOT NULL DEFAULT true,
    max_attempts integer     NOT NULL DEFAULT 3,
    overlap      text        NOT NULL DEFAULT 'skip',
    missed       text        NOT NULL DEFAULT 'once',
    run_as       regrole     NOT NULL DEFAULT (current_user::regrole),
    next_run_at  timestamptz,
    last_run_at  timestamptz,
    last_skip    jsonb,
    last_error   text,
    created_at   timestamptz NOT NULL DEFAULT ayb_jobs._now(),
    updated_at   timestamptz NOT NULL DEFAULT ayb_jobs._now(),
    CONSTRAINT schedules_pkey PRIMARY KEY (id),
    CONSTRAINT schedules_name_key UNIQUE (name),
    CONSTRAINT schedules_name_check CHECK (name <> '' AND length(name) <= 100),
    CONSTRAINT schedules_job_type_check CHECK (job_type <> '' AND length(job_type) <= 100),
    CONSTRAINT schedules_max_attempts_check CHECK (max_attempts >= 1),
    CONSTRAINT schedules_overlap_check CHECK (overlap IN ('skip', 'queue')),
    CONSTRAINT schedules_missed_check CHECK (missed IN ('once', 'all', 'skip'))
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE ayb_jobs.schedules IS 'cron rules, and the job that each of their ticks enqueues';
COMMENT ON COLUMN ayb_jobs.schedules.run_as IS 'the role as which its jobs run, and to which it belongs';
COMMENT ON COLUMN ayb_jobs.schedules.next_run_at IS 'the next tick; NULL when disabled, or where none can be computed any more';
COMMENT ON COLUMN ayb_jobs.schedules.last_run_at IS 'when a job of it was enqueued last';
COMMENT ON COLUMN ayb_jobs.schedules.last_skip IS
    'the last tick that enqueued no job: {"at": its instant, "reason": why}';
COMMENT ON COLUMN ayb_jobs.schedules.last_error IS 'why it can''t be run at present';

CREATE INDEX schedules_next_run_idx ON ayb_jobs.schedules (next_run_at) WHERE enabled;

CREATE TABLE ayb_jobs.job_queue (
    id              uuid        NOT NULL DEFAULT ayb_jobs.uuid7(),
    type            text        NOT NULL,
    payload         jsonb       NOT NULL DEFAULT '{}',
    state           text        NOT NULL DEFAULT 'queued',
    waits_for       text,
    run_as          regrole     NOT NULL DEFAULT (current_user::regrole),
    run_at          timestamptz NOT NULL DEFAULT ayb_jobs._now(),
    lease_until     timestamptz,
    worker_id       text,
    attempts        integer     NOT NULL DEFAULT 0,
    max_attempts    integer     NOT NULL DEFAULT 3,
    last_error      text,
    last_run_at     timestamptz,
    idempotency_key text,
    schedule_id     uuid,
    scheduled_at    timestamptz,
    created_at      timestamptz NOT NULL DEFAULT ayb_jobs._now(),
    updated_at      timestamptz NOT NULL DEFAULT ayb_jobs._now(),
    canceled_at     timestamptz,
    CONSTRAINT job_queue_pkey PRIMARY KEY (id),
    CONSTRAINT job_queue_type_check CHECK (type <> '' AND length(type) <= 100),
    CONSTRAINT job_queue_state_check CHECK (state IN ('queued', 'running', 'failed', 'canceled')),
    CONSTRAINT job_queue_waits_for_check CHECK (waits_for IN ('external', 'handler')),
    CONSTRAINT job_queue_attempts_check CHECK (attempts >= 0),
    CONSTRAINT job_queue_max_attempts_check CHECK (max_attempts >= 1),
    CONSTRAINT job_queue_lease_check CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CONSTRAINT job_queue_schedule_id_fkey FOREIGN KEY (schedule_id) REFERENCES ayb_jobs.schedules (id)
        ON DELETE SET NULL,
    CONSTRAINT job_queue_worker_check CHECK (state <> 'running' OR worker_id IS NOT NULL),
    CONSTRAINT job_queue_worker_id_check CHECK (octet_length(worker_id) <= 255),
    CONSTRAINT job_queue_idempotency_key_check CHECK (octet_length(idempotency_key) <= 255)
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_insert_scale_factor = 0.2, autovacuum_analyze_scale_factor = 0.05,
        autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE ayb_jobs.job_queue IS 'every job that is not completed';
COMMENT ON COLUMN ayb_jobs.job_queue.waits_for IS
    'NULL for what the engine''s workers may take, external for what only a worker outside takes, handler while no handler is registered for the type';
COMMENT ON COLUMN ayb_jobs.job_queue.run_as IS 'the role as which the job runs, and to which it belongs';
COMMENT ON COLUMN ayb_jobs.job_queue.scheduled_at IS 'the tick of its schedule that enqueued it';
COMMENT ON COLUMN ayb_jobs.job_queue.lease_until IS 'until when the worker may keep the job';

CREATE INDEX job_queue_claim_idx ON ayb_jobs.job_queue (run_as, run_at, id)
    WHERE state = 'queued' AND waits_for IS NULL;
CREATE INDEX job_queue_external_idx ON ayb_jobs.job_queue (type, run_at, id)
    WHERE state = 'queued' AND waits_for = 'external';
CREATE INDEX job_queue_handler_idx ON ayb_jobs.job_queue (type)
    WHERE state = 'queued' AND waits_for = 'handler';
CREATE INDEX job_queue_lease_idx ON ayb_jobs.job_queue (lease_until) WHERE state = 'running';
CREATE UNIQUE INDEX job_queue_idempotency_key_idx ON ayb_jobs.job_queue (run_as, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX job_queue_type_idx ON ayb_jobs.job_queue (type, id);
CREATE INDEX job_queue_schedule_idx ON ayb_jobs.job_queue (schedule_id) WHERE schedule_id IS NOT NULL;
CREATE INDEX job_queue_failed_idx ON ayb_jobs.job_queue (id) WHERE state = 'failed';
CREATE INDEX job_queue_canceled_idx ON ayb_jobs.job_queue (id) WHERE state = 'canceled';
CREATE INDEX job_queue_ended_type_idx ON ayb_jobs.job_queue (state, type, id)
    WHERE state IN ('failed', 'canceled');
CREATE INDEX job_queue_ended_idx ON ayb_jobs.job_queue (updated_at) WHERE state IN ('failed', 'canceled');

-- No index on the parent: a dump of it could not be restored. Each partition has its own, and the
-- scheduler makes the partitions: those of an install script would be lost to a dump.
CREATE TABLE ayb_jobs.job_history (
    id              uuid        NOT NULL,
    type            text        NOT NULL,
    payload         jsonb       NOT NULL,
    run_as          regrole     NOT NULL,
    run_at          timestamptz NOT NULL,
    worker_id       text,
    attempts        integer     NOT NULL,
    max_attempts    integer     NOT NULL,
    last_error      text,
    last_run_at     timestamptz,
    idempotency_key text,
    schedule_id     uuid,
    scheduled_at    timestamptz,
    result          jsonb,
    created_at      timestamptz NOT NULL,
    completed_at    timestamptz NOT NULL
) PARTITION BY RANGE (completed_at);
COMMENT ON TABLE ayb_jobs.job_history IS 'completed jobs, partitioned by the day (UTC) on which they completed';
COMMENT ON COLUMN ayb_jobs.job_history.schedule_id IS
    'its schedule, which may be gone: a key of partitions that are restored one by one could not be';

CREATE TABLE ayb_jobs.job_attempts (
    job_id      uuid        NOT NULL,
    attempt     integer     NOT NULL,
    run_as      regrole     NOT NULL,
    status      text        NOT NULL,
    worker_id   text,
    started_at  timestamptz,
    finished_at timestamptz NOT NULL,
    error       text,
    sqlstate    text,
    CONSTRAINT job_attempts_pkey PRIMARY KEY (job_id, finished_at, attempt),
    CONSTRAINT job_attempts_status_check CHECK (status IN ('failed', 'lost', 'canceled'))
);
COMMENT ON TABLE ayb_jobs.job_attempts IS 'one row for each attempt that failed or was lost, kept as long as its job';

CREATE TABLE ayb_jobs.job_keys (
    run_as          regrole NOT NULL,
    idempotency_key text    NOT NULL,
    job_id          uuid    NOT NULL,
    CONSTRAINT job_keys_pkey PRIMARY KEY (run_as, idempotency_key)
);
COMMENT ON TABLE ayb_jobs.job_keys IS
    'idempotency keys that are taken: as long as the job can be looked up, completed or not';

CREATE TABLE ayb_jobs.imports (
    id          uuid        NOT NULL,
    imported_at timestamptz NOT NULL DEFAULT ayb_jobs._now(),
    CONSTRAINT imports_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE ayb_jobs.imports IS
    'what import_ayb() took over: it is never taken a second time, even when it has run and its history is gone';

CREATE TABLE ayb_jobs.job_minutes (
    minute    timestamptz NOT NULL,
    run_as    regrole     NOT NULL,
    type      text        NOT NULL,
    completed bigint      NOT NULL,
    failed    bigint      NOT NULL,
    retried   bigint      NOT NULL,
    lost      bigint      NOT NULL,
    canceled  bigint      NOT NULL,
    wait_time bigint[]    NOT NULL,
    run_time  bigint[]    NOT NULL,
    CONSTRAINT job_minutes_pkey PRIMARY KEY (minute, run_as, type)
);
COMMENT ON TABLE ayb_jobs.job_minutes IS
    'attempts by minute and type, with histograms of how long they waited and ran; kept a week';
COMMENT ON COLUMN ayb_jobs.job_minutes.wait_time IS
    'counts in 64 buckets that grow by the square root of two from one microsecond';

CREATE TABLE ayb_jobs.handlers (
    type            text        NOT NULL,
    kind            text        NOT NULL,
    owner           regrole     NOT NULL,
    function_schema name,
    function_name   name,
    function_owner  regrole,
    takes_payload   boolean,
    command         text,
    timeout         interval,
    max_attempts    integer,
    backoff         interval[],
    definer         boolean     NOT NULL DEFAULT false,
    grouped         boolean     NOT NULL DEFAULT true,
    builtin         boolean     NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT ayb_jobs._now(),
    updated_at      timestamptz NOT NULL DEFAULT ayb_jobs._now(),
    CONSTRAINT handlers_pkey PRIMARY KEY (type),
    CONSTRAINT handlers_type_check CHECK (type <> '' AND length(type) <= 100),
    CONSTRAINT handlers_kind_check CHECK (kind IN ('function', 'command', 'external')),
    CONSTRAINT handlers_function_check CHECK ((kind = 'function') = (function_name IS NOT NULL)),
    CONSTRAINT handlers_command_check CHECK ((kind = 'command') = (command IS NOT NULL) OR builtin),
    CONSTRAINT handlers_timeout_check CHECK (timeout > '0'),
    CONSTRAINT handlers_max_attempts_check CHECK (max_attempts >= 1)
);
COMMENT ON TABLE ayb_jobs.handlers IS 'what a job type runs';
COMMENT ON COLUMN ayb_jobs.handlers.builtin IS 'it comes with the extension: the installation brings it, a dump doesn''t';
COMMENT ON COLUMN ayb_jobs.handlers.owner IS 'who registered it; only that role or an admin replaces it';
COMMENT ON COLUMN ayb_jobs.handlers.function_owner IS
    'whose function it was when it was registered: another role''s of the same name is not what was asked for';

CREATE TABLE ayb_jobs.matview_refreshes (
    id                       uuid        NOT NULL DEFAULT ayb_jobs.uuid7(),
    schema_name              text        NOT NULL DEFAULT 'public',
    view_name                text        NOT NULL,
    refresh_mode             text        NOT NULL DEFAULT 'standard',
    skip_unchanged           boolean     NOT NULL DEFAULT false,
    lock_timeout             interval,
    statement_timeout        interval,
    run_as                   regrole     NOT NULL DEFAULT (current_user::regrole),
    last_refresh_at          timestamptz,
    last_refresh_duration_ms bigint,
    last_refresh_status      text,
    last_refresh_error       text,
    last_refresh_rows        bigint,
    last_skipped_at          timestamptz,
    last_durations_ms        bigint[]    NOT NULL DEFAULT '{}',
    changes_seen             bigint,
    sources_seen             text,
    created_at               timestamptz NOT NULL DEFAULT ayb_jobs._now(),
    updated_at               timestamptz NOT NULL DEFAULT ayb_jobs._now(),
    CONSTRAINT matview_refreshes_pkey PRIMARY KEY (id),
    CONSTRAINT matview_refreshes_view_key UNIQUE (schema_name, view_name),
    CONSTRAINT matview_refreshes_schema_name_check CHECK (schema_name ~ '^[A-Za-z_][A-Za-z0-9_]*$'),
    CONSTRAINT matview_refreshes_view_name_check CHECK (view_name ~ '^[A-Za-z_][A-Za-z0-9_]*$'),
    CONSTRAINT matview_refreshes_refresh_mode_check CHECK (refresh_mode IN ('standard', 'concurrent')),
    CONSTRAINT matview_refreshes_status_check CHECK (last_refresh_status IN ('success', 'error')),
    CONSTRAINT matview_refreshes_lock_timeout_check CHECK (lock_timeout > '0'),
    CONSTRAINT matview_refreshes_statement_timeout_check CHECK (statement_timeout > '0')
) WITH (fillfactor = 80);
COMMENT ON TABLE ayb_jobs.matview_refreshes IS 'materialized views that are refreshed from here, and how that went last';
COMMENT ON COLUMN ayb_jobs.matview_refreshes.skip_unchanged IS
    'whether a refresh is left out when no base table has changed since the last one';
COMMENT ON COLUMN ayb_jobs.matview_refreshes.run_as IS 'the view''s owner when it was registered, to whom the registration belongs';
COMMENT ON COLUMN ayb_jobs.matview_refreshes.last_refresh_at IS 'when the last refresh ended, well or not';
COMMENT ON COLUMN ayb_jobs.matview_refreshes.last_refresh_rows IS 'how many rows the last good refresh read';
COMMENT ON COLUMN ayb_jobs.matview_refreshes.last_skipped_at IS 'when a refresh was left out last, as nothing had changed';
COMMENT ON COLUMN ayb_jobs.matview_refreshes.last_durations_ms IS 'of the last ten good refreshes, the newest first';
COMMENT ON COLUMN ayb_jobs.matview_refreshes.changes_seen IS
    'what the statistics of its base tables had counted at the last good refresh';
COMMENT ON COLUMN ayb_jobs.matview_refreshes.sources_seen IS
    'the state of its sources that the last good refresh has seen; NULL where that isn''t known';

CREATE TABLE ayb_jobs.pauses (
    type      text        NOT NULL,
    paused_at timestamptz NOT NULL DEFAULT ayb_jobs._now(),
    paused_by regrole     NOT NULL,
    CONSTRAINT pauses_pkey PRIMARY KEY (type)
);
COMMENT ON TABLE ayb_jobs.pauses IS 'types that are paused; the empty type stands for all of the database';

CREATE TABLE ayb_jobs.database_stamp (
    system_identifier bigint      NOT NULL,
    database          oid         NOT NULL,
    stamped_at        timestamptz NOT NULL DEFAULT ayb_jobs._now()
);
COMMENT ON TABLE ayb_jobs.database_stamp IS
    'the database for which jobs may run; where it doesn''t fit (a restored dump, a copy) nothing runs until ayb_jobs.resume()';

-- The stamp is not dumped: a restored copy must not run its jobs by itself.
SELECT pg_catalog.pg_extension_config_dump('ayb_jobs.job_queue', '');
SELECT pg_catalog.pg_extension_config_dump('ayb_jobs.job_history', '');
SELECT pg_catalog.pg_extension_config_dump('ayb_jobs.job_attempts', '');
SELECT pg_catalog.pg_extension_config_dump('ayb_jobs.schedules', '');
SELECT pg_catalog.pg_extension_config_dump('ayb_jobs.matview_refreshes', '');
SELECT pg_catalog.pg_extension_config_dump('ayb_jobs.job_keys', '');
SELECT pg_catalog.pg_extension_config_dump('ayb_jobs.imports', '');
SELECT pg_catalog.pg_extension_config_dump('ayb_jobs.job_minutes', '');
SELECT pg_catalog.pg_extension_config_dump('ayb_jobs.handlers', 'WHERE NOT builtin');
SELECT pg_catalog.pg_extension_config_dump('ayb_jobs.pauses', '');

CREATE FUNCTION ayb_jobs._note_job() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ayb_jobs_note_job';
COMMENT ON FUNCTION ayb_jobs._note_job() IS
    'tells workers at the commit what a transaction did to the queue';

-- ALWAYS, and before each row: so also what replication and a restore write is seen.
CREATE TRIGGER note_job BEFORE INSERT OR UPDATE OR DELETE ON ayb_jobs.job_queue
    FOR EACH ROW EXECUTE FUNCTION ayb_jobs._note_job();
ALTER TABLE ayb_jobs.job_queue ENABLE ALWAYS TRIGGER note_job;
COMMENT ON TRIGGER note_job ON ayb_jobs.job_queue IS 'wakes workers at the commit';

CREATE FUNCTION ayb_jobs._note_schedule() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ayb_jobs_note_schedule';
COMMENT ON FUNCTION ayb_jobs._note_schedule() IS
    'tells the scheduler at the commit when a schedule is due';

CREATE TRIGGER note_schedule BEFORE INSERT OR UPDATE ON ayb_jobs.schedules
    FOR EACH ROW EXECUTE FUNCTION ayb_jobs._note_schedule();
ALTER TABLE ayb_jobs.schedules ENABLE ALWAYS TRIGGER note_schedule;
COMMENT ON TRIGGER note_schedule ON ayb_jobs.schedules IS 'wakes the scheduler at the commit';

CREATE FUNCTION ayb_jobs._note_configuration() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ayb_jobs_note_configuration';
COMMENT ON FUNCTION ayb_jobs._note_configuration() IS
    'makes every session read handlers and pauses anew, and the scheduler look at waiting jobs';

CREATE TRIGGER note_configuration AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ayb_jobs.handlers
    FOR EACH STATEMENT EXECUTE FUNCTION ayb_jobs._note_configuration();
ALTER TABLE ayb_jobs.handlers ENABLE ALWAYS TRIGGER note_configuration;
COMMENT ON TRIGGER note_configuration ON ayb_jobs.handlers IS 'makes every session read handlers anew';

CREATE TRIGGER note_configuration AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ayb_jobs.pauses
    FOR EACH STATEMENT EXECUTE FUNCTION ayb_jobs._note_configuration();
ALTER TABLE ayb_jobs.pauses ENABLE ALWAYS TRIGGER note_configuration;
COMMENT ON TRIGGER note_configuration ON ayb_jobs.pauses IS 'makes every session read pauses anew';

CREATE TRIGGER note_configuration AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ayb_jobs.database_stamp
    FOR EACH STATEMENT EXECUTE FUNCTION ayb_jobs._note_configuration();
COMMENT ON TRIGGER note_configuration ON ayb_jobs.database_stamp IS 'wakes the scheduler';

CREATE FUNCTION ayb_jobs._note_truncate() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ayb_jobs_note_truncate';
COMMENT ON FUNCTION ayb_jobs._note_truncate() IS 'has the jobs counted anew after a TRUNCATE';

CREATE TRIGGER note_truncate AFTER TRUNCATE ON ayb_jobs.job_queue
    FOR EACH STATEMENT EXECUTE FUNCTION ayb_jobs._note_truncate();
ALTER TABLE ayb_jobs.job_queue ENABLE ALWAYS TRIGGER note_truncate;
COMMENT ON TRIGGER note_truncate ON ayb_jobs.job_queue IS 'has the jobs counted anew';

-- Triggers that exist fire whoever writes; nobody else is to make one of them, on a table of a shape of their own.
REVOKE ALL ON FUNCTION ayb_jobs._note_job(), ayb_jobs._note_schedule(), ayb_jobs._note_configuration(),
                          ayb_jobs._note_truncate() FROM PUBLIC;

-- Everybody may look, and sees what runs as a role whose privileges they have. Nobody but the owner
-- writes: the functions do that.
ALTER TABLE ayb_jobs.job_queue    ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.job_history  ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.job_attempts ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.job_minutes  ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.schedules    ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.matview_refreshes ENABLE ROW LEVEL SECURITY;

-- The role's list is asked for once a statement, and an index on run_as can serve it.
CREATE POLICY own ON ayb_jobs.job_queue FOR SELECT
    USING (run_as = ANY ((SELECT ayb_jobs._visible_roles())::oid[]));
CREATE POLICY own ON ayb_jobs.job_history FOR SELECT
    USING (run_as = ANY ((SELECT ayb_jobs._visible_roles())::oid[]));
CREATE POLICY own ON ayb_jobs.job_attempts FOR SELECT
    USING (run_as = ANY ((SELECT ayb_jobs._visible_roles())::oid[]));
CREATE POLICY own ON ayb_jobs.job_minutes FOR SELECT
    USING (run_as = ANY ((SELECT ayb_jobs._visible_roles())::oid[]));
CREATE POLICY own ON ayb_jobs.schedules FOR SELECT
    USING (run_as = ANY ((SELECT ayb_jobs._visible_roles())::oid[]));
CREATE POLICY own ON ayb_jobs.matview_refreshes FOR SELECT
    USING (run_as = ANY ((SELECT ayb_jobs._visible_roles())::oid[]));

-- PostgreSQL looks up who may use a policy when it plans: for admins the other one is folded away.
CREATE POLICY every ON ayb_jobs.job_queue    FOR SELECT TO ayb_jobs_admin USING (true);
CREATE POLICY every ON ayb_jobs.job_history  FOR SELECT TO ayb_jobs_admin USING (true);
CREATE POLICY every ON ayb_jobs.job_attempts FOR SELECT TO ayb_jobs_admin USING (true);
CREATE POLICY every ON ayb_jobs.job_minutes  FOR SELECT TO ayb_jobs_admin USING (true);
CREATE POLICY every ON ayb_jobs.schedules    FOR SELECT TO ayb_jobs_admin USING (true);
CREATE POLICY every ON ayb_jobs.matview_refreshes FOR SELECT TO ayb_jobs_admin USING (true);

COMMENT ON POLICY own ON ayb_jobs.job_queue IS 'a role sees its own jobs';
COMMENT ON POLICY own ON ayb_jobs.job_history IS 'a role sees its own jobs';
COMMENT ON POLICY own ON ayb_jobs.job_attempts IS 'a role sees its own jobs'' attempts';
COMMENT ON POLICY own ON ayb_jobs.job_minutes IS 'a role sees its own jobs'' counts';
COMMENT ON POLICY own ON ayb_jobs.schedules IS 'a role sees its own schedules';
COMMENT ON POLICY every ON ayb_jobs.schedules IS 'admins see all schedules';
COMMENT ON POLICY own ON ayb_jobs.matview_refreshes IS 'a role sees the registrations of its own views';
COMMENT ON POLICY every ON ayb_jobs.matview_refreshes IS 'admins see all registrations';
COMMENT ON POLICY every ON ayb_jobs.job_queue IS 'admins see all jobs';
COMMENT ON POLICY every ON ayb_jobs.job_history IS 'admins see all jobs';
COMMENT ON POLICY every ON ayb_jobs.job_attempts IS 'admins see all attempts';
COMMENT ON POLICY every ON ayb_jobs.job_minutes IS 'admins see all counts';

-- No grant of ours lets others write. ALTER DEFAULT PRIVILEGES may have: then these still refuse.
ALTER TABLE ayb_jobs.imports        ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.job_keys       ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.handlers       ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.pauses         ENABLE ROW LEVEL SECURITY;
ALTER TABLE ayb_jobs.database_stamp ENABLE ROW LEVEL SECURITY;
CREATE POLICY every ON ayb_jobs.handlers       FOR SELECT USING (true);
CREATE POLICY every ON ayb_jobs.pauses         FOR SELECT USING (true);
CREATE POLICY every ON ayb_jobs.database_stamp FOR SELECT USING (true);
COMMENT ON POLICY every ON ayb_jobs.handlers IS 'everybody sees what types run';
COMMENT ON POLICY every ON ayb_jobs.pauses IS 'everybody sees what is paused';
COMMENT ON POLICY every ON ayb_jobs.database_stamp IS 'everybody sees for which database jobs may run';

GRANT SELECT ON ayb_jobs.job_queue, ayb_jobs.job_history, ayb_jobs.job_attempts, ayb_jobs.job_minutes,
                ayb_jobs.schedules, ayb_jobs.matview_refreshes, ayb_jobs.handlers, ayb_jobs.pauses,
                ayb_jobs.database_stamp TO PUBLIC;

CREATE FUNCTION ayb_jobs._running() RETURNS uuid[]
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ayb_jobs_running';
COMMENT ON FUNCTION ayb_jobs._running() IS 'the jobs that are in a handler of a worker of this database now';

CREATE FUNCTION ayb_jobs._progress() RETURNS jsonb
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ayb_jobs_progress';
COMMENT ON FUNCTION ayb_jobs._progress() IS 'what running jobs said by set_progress(), by job id';

-- What shared memory knows is a scalar over one array, never a join: so the newest fifty of millions stay
-- an ordered walk along the indexes of both tables.
CREATE VIEW ayb_jobs.jobs WITH (security_invoker = true) AS
SELECT q.id, q.type, q.payload, q.state, q.run_at, q.lease_until, q.worker_id, q.attempts, q.max_attempts,
       q.last_error, q.last_run_at, q.idempotency_key, q.schedule_id, q.created_at, q.updated_at,
       NULL::timestamptz AS completed_at, q.canceled_at, q.run_as, NULL::jsonb AS result, q.scheduled_at,
       q.waits_for,
       q.id = ANY ((SELECT ayb_jobs._running())::uuid[]) AS is_running,
       (SELECT ayb_jobs._progress()) -> q.id::text AS progress
FROM ayb_jobs.job_queue AS q
UNION ALL
SELECT h.id, h.type, h.payload, 'completed'::text, h.run_at, NULL::timestamptz, h.worker_id, h.attempts,
       h.max_attempts, h.last_error, h.last_run_at, h.idempotency_key,
       (SELECT s.id FROM ayb_jobs.schedules AS s WHERE s.id = h.schedule_id), h.created_at, h.completed_at,
       h.completed_at, NULL::timestamptz, h.run_as, h.result, h.scheduled_at, NULL::text, false, NULL::jsonb
FROM ayb_jobs.job_history AS h;
COMMENT ON VIEW ayb_jobs.jobs IS 'every job: waiting, running, ended';
COMMENT ON COLUMN ayb_jobs.jobs.is_running IS 'whether a worker is at it at this moment';
GRANT SELECT ON ayb_jobs.jobs TO PUBLIC;

CREATE FUNCTION ayb_jobs.enqueue(type text, payload jsonb DEFAULT '{}', run_at timestamptz DEFAULT NULL,
                                 idempotency_key text DEFAULT NULL, max_attempts integer DEFAULT NULL,
                                 run_as name DEFAULT NULL) RETURNS uuid
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_enqueue';
COMMENT ON FUNCTION ayb_jobs.enqueue(text, jsonb, timestamptz, text, integer, name) IS
    'adds a job that runs if and when this transaction commits, and gives back its id; with a key that this role''s jobs have already, the id of that job';

CREATE FUNCTION ayb_jobs.enqueue_many(type text, payloads jsonb[], run_at timestamptz DEFAULT NULL)
    RETURNS SETOF uuid LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_enqueue_many';
COMMENT ON FUNCTION ayb_jobs.enqueue_many(text, jsonb[], timestamptz) IS
    'adds one job for each payload, in one statement, and gives back their ids in the same order';

CREATE FUNCTION ayb_jobs.cancel(id uuid, force boolean DEFAULT false) RETURNS ayb_jobs.jobs
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_cancel';
COMMENT ON FUNCTION ayb_jobs.cancel(uuid, boolean) IS
    'takes a queued job out of the queue; with force also interrupts a running one';

CREATE FUNCTION ayb_jobs.retry_now(id uuid) RETURNS ayb_jobs.jobs
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_retry_now';
COMMENT ON FUNCTION ayb_jobs.retry_now(uuid) IS 'puts a failed job back into the queue, with all its attempts, to run now';

CREATE FUNCTION ayb_jobs.cancel_matching(type text DEFAULT NULL, since timestamptz DEFAULT NULL,
                                         until timestamptz DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_cancel_matching';
COMMENT ON FUNCTION ayb_jobs.cancel_matching(text, timestamptz, timestamptz) IS
    'cancels the queued jobs of a type that were created from since until before until, and says how many';

CREATE FUNCTION ayb_jobs.retry_matching(type text DEFAULT NULL, since timestamptz DEFAULT NULL,
                                        until timestamptz DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_retry_matching';
COMMENT ON FUNCTION ayb_jobs.retry_matching(text, timestamptz, timestamptz) IS
    'retries the failed jobs of a type that were created from since until before until, and says how many';

CREATE FUNCTION ayb_jobs.cancel_many(ids uuid[]) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_cancel_many';
COMMENT ON FUNCTION ayb_jobs.cancel_many(uuid[]) IS 'cancels those of these jobs that are queued, and says how many';

CREATE FUNCTION ayb_jobs.retry_many(ids uuid[]) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_retry_many';
COMMENT ON FUNCTION ayb_jobs.retry_many(uuid[]) IS 'retries those of these jobs that failed, and says how many';

CREATE FUNCTION ayb_jobs.pause(type text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_pause';
COMMENT ON FUNCTION ayb_jobs.pause(text) IS
    'starts no more jobs of the type, or none in this database at all; running ones go on';

CREATE FUNCTION ayb_jobs.resume(type text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_resume';
COMMENT ON FUNCTION ayb_jobs.resume(text) IS
    'ends a pause; without a type also a drain, and lets a restored or copied database run its jobs';

CREATE FUNCTION ayb_jobs.drain(timeout interval DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_drain';
COMMENT ON FUNCTION ayb_jobs.drain(interval) IS
    'pauses the database and waits for running jobs; false if some had to be interrupted after the timeout (ayb_jobs.shutdown_timeout by default), uncharged';

CREATE FUNCTION ayb_jobs.register_handler(type text, handler text DEFAULT NULL, kind text DEFAULT 'function',
                                          timeout interval DEFAULT NULL, max_attempts integer DEFAULT NULL,
                                          backoff interval[] DEFAULT NULL, definer boolean DEFAULT false,
                                          grouped boolean DEFAULT true) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_register_handler';
COMMENT ON FUNCTION ayb_jobs.register_handler(text, text, text, interval, integer, interval[], boolean, boolean) IS
    'says what jobs of a type run: a function (by its signature), a command (one statement), or external; replaces what the same role registered before';

CREATE FUNCTION ayb_jobs.unregister_handler(type text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_unregister_handler';
COMMENT ON FUNCTION ayb_jobs.unregister_handler(text) IS
    'forgets what jobs of a type run; queued ones wait, uncharged, until it is registered again';

CREATE FUNCTION ayb_jobs.current_job() RETURNS ayb_jobs.jobs
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_current_job';
COMMENT ON FUNCTION ayb_jobs.current_job() IS 'the job whose handler calls it; NULL outside of one';

CREATE FUNCTION ayb_jobs.set_progress(percent integer, note text DEFAULT '') RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_set_progress';
COMMENT ON FUNCTION ayb_jobs.set_progress(integer, text) IS
    'says how far the job is whose handler calls it, seen by others at once in ayb_jobs.jobs and workers()';

CREATE FUNCTION ayb_jobs.claim(worker_id text, types text[], max_jobs integer DEFAULT 1,
                               lease interval DEFAULT NULL) RETURNS SETOF ayb_jobs.jobs
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_claim';
COMMENT ON FUNCTION ayb_jobs.claim(text, text[], integer, interval) IS
    'hands due jobs of external types to a worker outside, which has them until the lease ends (ayb_jobs.lease_duration by default)';

CREATE FUNCTION ayb_jobs.extend_lease(id uuid, worker_id text, attempt integer, lease interval DEFAULT NULL)
    RETURNS ayb_jobs.jobs LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_extend_lease';
COMMENT ON FUNCTION ayb_jobs.extend_lease(uuid, text, integer, interval) IS
    'lets the worker that holds this attempt keep the job for the time of lease from now on';

CREATE FUNCTION ayb_jobs.complete(id uuid, worker_id text, attempt integer, result jsonb DEFAULT NULL)
    RETURNS ayb_jobs.jobs LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_complete';
COMMENT ON FUNCTION ayb_jobs.complete(uuid, text, integer, jsonb) IS
    'completes a job for the worker that holds this attempt';

CREATE FUNCTION ayb_jobs.fail(id uuid, worker_id text, attempt integer, error text,
                              retry_in interval DEFAULT NULL) RETURNS ayb_jobs.jobs
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_fail';
COMMENT ON FUNCTION ayb_jobs.fail(uuid, text, integer, text, interval) IS
    'records that the attempt failed: the job is tried again after retry_in (the back-off by default), or failed when its attempts are used up';

CREATE FUNCTION ayb_jobs.cron_next(expr text, timezone text DEFAULT 'UTC', after timestamptz DEFAULT NULL)
    RETURNS timestamptz LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ayb_jobs_cron_next';
COMMENT ON FUNCTION ayb_jobs.cron_next(text, text, timestamptz) IS
    'the first instant strictly after another (now by default) at which a cron expression runs in a time zone; NULL if it never does';

CREATE FUNCTION ayb_jobs.cron_preview(expr text, timezone text DEFAULT 'UTC', count integer DEFAULT 5,
                                      after timestamptz DEFAULT NULL)
    RETURNS SETOF timestamptz LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ayb_jobs_cron_preview';
COMMENT ON FUNCTION ayb_jobs.cron_preview(text, text, integer, timestamptz) IS
    'the next instants at which a cron expression runs in a time zone';

CREATE FUNCTION ayb_jobs.cron_describe(expr text, timezone text DEFAULT NULL) RETURNS text
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ayb_jobs_cron_describe';
COMMENT ON FUNCTION ayb_jobs.cron_describe(text, text) IS 'what a cron expression does, in plain English';

CREATE FUNCTION ayb_jobs._describe_rule(expr text, timezone text) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN ayb_jobs.cron_describe(expr, timezone);
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ayb_jobs._describe_rule(text, text) IS
    'the same for a list of schedules, whose rules or zones may be invalid by now: NULL then';

CREATE FUNCTION ayb_jobs.create_schedule(name text, job_type text, cron_expr text, timezone text DEFAULT 'UTC',
                                         payload jsonb DEFAULT '{}', enabled boolean DEFAULT true,
                                         max_attempts integer DEFAULT NULL, overlap text DEFAULT 'skip',
                                         missed text DEFAULT 'once', run_as name DEFAULT NULL)
    RETURNS ayb_jobs.schedules LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_create_schedule';
COMMENT ON FUNCTION ayb_jobs.create_schedule(text, text, text, text, jsonb, boolean, integer, text, text, name) IS
    'adds a schedule: each tick of its cron expression enqueues a job that runs as the current role';

CREATE FUNCTION ayb_jobs.update_schedule(id uuid, cron_expr text DEFAULT NULL, timezone text DEFAULT NULL,
                                         payload jsonb DEFAULT NULL, enabled boolean DEFAULT NULL,
                                         max_attempts integer DEFAULT NULL, overlap text DEFAULT NULL,
                                         missed text DEFAULT NULL, keep_next_run_at boolean DEFAULT false)
    RETURNS ayb_jobs.schedules LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_update_schedule';
COMMENT ON FUNCTION ayb_jobs.update_schedule(uuid, text, text, jsonb, boolean, integer, text, text, boolean) IS
    'changes what is given of a schedule, and leaves what is NULL; disabling clears next_run_at unless it is to be kept';

CREATE FUNCTION ayb_jobs.enable_schedule(id uuid) RETURNS ayb_jobs.schedules
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_enable_schedule';
COMMENT ON FUNCTION ayb_jobs.enable_schedule(uuid) IS 'lets a schedule tick, from now on';

CREATE FUNCTION ayb_jobs.disable_schedule(id uuid) RETURNS ayb_jobs.schedules
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_disable_schedule';
COMMENT ON FUNCTION ayb_jobs.disable_schedule(uuid) IS 'stops a schedule; its jobs go on';

CREATE FUNCTION ayb_jobs.delete_schedule(id uuid) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_delete_schedule';
COMMENT ON FUNCTION ayb_jobs.delete_schedule(uuid) IS 'removes a schedule; its jobs stay';

CREATE FUNCTION ayb_jobs.run_schedule_now(id uuid) RETURNS ayb_jobs.jobs
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_run_schedule_now';
COMMENT ON FUNCTION ayb_jobs.run_schedule_now(uuid) IS
    'enqueues a job of a schedule now, whether or not that is enabled or has one already';

CREATE FUNCTION ayb_jobs.create_default_schedules() RETURNS SETOF ayb_jobs.schedules
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH missing AS MATERIALIZED (
        SELECT d.* FROM (VALUES ('session_cleanup_hourly', 'stale_session_cleanup', '0 * * * *'),
                                ('webhook_delivery_prune_daily', 'webhook_delivery_prune', '0 3 * * *'),
                                ('expired_oauth_cleanup_daily', 'expired_oauth_cleanup', '0 4 * * *'),
                                ('expired_auth_cleanup_daily', 'expired_auth_cleanup', '0 5 * * *'))
            AS d (name, job_type, cron_expr)
        WHERE NOT EXISTS (SELECT FROM ayb_jobs.schedules AS s WHERE s.name = d.name)
    )
    SELECT s.* FROM missing AS m
    CROSS JOIN LATERAL ayb_jobs.create_schedule(m.name, m.job_type, m.cron_expr, max_attempts => 3) AS s;
END;
COMMENT ON FUNCTION ayb_jobs.create_default_schedules() IS
    'adds the schedules that AYB comes with, and gives back those that were not there yet';

CREATE TYPE ayb_jobs.refresh_outcome AS (
    id          uuid,
    schema_name text,
    view_name   text,
    status      text,
    duration_ms bigint,
    row_count   bigint,
    error       text,
    sqlstate    text,
    hint        text
);
COMMENT ON TYPE ayb_jobs.refresh_outcome IS
    'what became of a refresh: success, error (then also sqlstate and hint) or skipped (then error says why, unless nothing had changed)';

-- What REFRESH … CONCURRENTLY itself asks for.
CREATE FUNCTION ayb_jobs._has_unique_index(view oid) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (
        SELECT FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS a ON a.oid = c.relam
        WHERE i.indrelid = view AND a.amname = 'btree' AND i.indisunique AND i.indimmediate AND i.indisvalid
          AND i.indpred IS NULL AND NOT 0 = ANY (i.indkey::int2[]));
END;
COMMENT ON FUNCTION ayb_jobs._has_unique_index(oid) IS
    'whether a materialized view has a unique index on plain columns over all of its rows';

CREATE FUNCTION ayb_jobs.register_matview(view_name text, schema_name text DEFAULT 'public',
                                          refresh_mode text DEFAULT 'standard', skip_unchanged boolean DEFAULT false,
                                          lock_timeout interval DEFAULT NULL, statement_timeout interval DEFAULT NULL)
    RETURNS ayb_jobs.matview_refreshes LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_register_matview';
COMMENT ON FUNCTION ayb_jobs.register_matview(text, text, text, boolean, interval, interval) IS
    'registers a materialized view of the caller, to be refreshed by standard or concurrent refreshes';

CREATE FUNCTION ayb_jobs.update_matview(id uuid, refresh_mode text DEFAULT NULL, skip_unchanged boolean DEFAULT NULL,
                                        lock_timeout interval DEFAULT NULL, statement_timeout interval DEFAULT NULL)
    RETURNS ayb_jobs.matview_refreshes LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_update_matview';
COMMENT ON FUNCTION ayb_jobs.update_matview(uuid, text, boolean, interval, interval) IS
    'changes what is given of a registration, and leaves what is NULL; a timeout of 0 is none';

CREATE FUNCTION ayb_jobs.unregister_matview(id uuid) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_unregister_matview';
COMMENT ON FUNCTION ayb_jobs.unregister_matview(uuid) IS 'removes a registration; the view stays';

CREATE FUNCTION ayb_jobs.matview_by_name(view_name text, schema_name text DEFAULT 'public')
    RETURNS ayb_jobs.matview_refreshes LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_matview_by_name';
COMMENT ON FUNCTION ayb_jobs.matview_by_name(text, text) IS 'the registration of a view; NULL where there is none';

CREATE FUNCTION ayb_jobs.refresh_now(id uuid) RETURNS ayb_jobs.refresh_outcome
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_refresh_now';
COMMENT ON FUNCTION ayb_jobs.refresh_now(uuid) IS
    'refreshes a registered view in this transaction, records and gives back what became of it; a failure is recorded, not raised';

CREATE FUNCTION ayb_jobs._refresh_by_name(view_name text, schema_name text)
    RETURNS ayb_jobs.refresh_outcome LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_refresh_by_name';
COMMENT ON FUNCTION ayb_jobs._refresh_by_name(text, text) IS
    'refreshes a view, which is registered as standard first where it is not yet';

-- Order. What a relation's SELECT rule reads is in pg_depend; plain views are passed through. UNION ends the
-- walk even where CREATE OR REPLACE VIEW has made a circle.
CREATE VIEW ayb_jobs._reads AS
SELECT DISTINCT r.ev_class AS reader, d.refobjid AS relation
FROM pg_catalog.pg_rewrite AS r
JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
                              AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> r.ev_class
WHERE r.ev_type = '1';
COMMENT ON VIEW ayb_jobs._reads IS 'which relations a view or materialized view reads by itself';

CREATE FUNCTION ayb_jobs.matview_dependencies(OUT schema_name text, OUT view_name text, OUT reads_schema text,
                                              OUT reads_view text)
    RETURNS SETOF record LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE walk AS (
        SELECT m.oid AS view, e.relation FROM pg_class AS m JOIN ayb_jobs._reads AS e ON e.reader = m.oid
        WHERE m.relkind = 'm'
        UNION
        SELECT w.view, e.relation FROM walk AS w JOIN pg_class AS v ON v.oid = w.relation AND v.relkind = 'v'
        JOIN ayb_jobs._reads AS e ON e.reader = v.oid
    )
    SELECT v.relnamespace::regnamespace::text, v.relname::text, m.relnamespace::regnamespace::text, m.relname::text
    FROM walk AS w JOIN pg_class AS v ON v.oid = w.view JOIN pg_class AS m ON m.oid = w.relation
    WHERE m.relkind = 'm' ORDER BY 1, 2, 3, 4;
END;
COMMENT ON FUNCTION ayb_jobs.matview_dependencies() IS
    'which materialized views read which others, themselves or through plain views';

-- All that a view reads, however indirectly.
CREATE FUNCTION ayb_jobs._reads_all() RETURNS TABLE (view oid, relation oid)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE edge AS MATERIALIZED (
        SELECT e.reader, e.relation FROM ayb_jobs._reads AS e
    ), walk AS (
        SELECT m.oid AS view, e.relation FROM pg_class AS m JOIN edge AS e ON e.reader = m.oid WHERE m.relkind = 'm'
        UNION
        SELECT w.view, e.relation FROM walk AS w JOIN edge AS e ON e.reader = w.relation
    )
    SELECT w.view, w.relation FROM walk AS w WHERE w.relation <> w.view;
END;
COMMENT ON FUNCTION ayb_jobs._reads_all() IS 'every relation that a materialized view depends on';

-- In the order of how much each reads: whatever a view reads, reads less itself; in a circle all read the same,
-- and the name decides.
CREATE FUNCTION ayb_jobs._refresh_order(role oid, everything boolean, OUT id uuid, OUT schema_name text,
                                        OUT view_name text, OUT reads uuid[], OUT place bigint)
    RETURNS SETOF record LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH registered AS MATERIALIZED (
        SELECT m.id, m.schema_name, m.view_name, m.run_as, c.oid AS view, c.relowner
        FROM ayb_jobs.matview_refreshes AS m
        LEFT JOIN (pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace)
               ON n.nspname = m.schema_name AND c.relname = m.view_name AND c.relkind = 'm'
    ), ordered AS (
        SELECT r.*, row_number() OVER (ORDER BY count(c.relation), r.schema_name COLLATE "C", r.view_name COLLATE "C") AS place,
               array_agg(c.relation) AS relations
        FROM registered AS r LEFT JOIN ayb_jobs._reads_all() AS c ON c.view = r.view
        GROUP BY r.id, r.schema_name, r.view_name, r.run_as, r.view, r.relowner
    )
    SELECT o.id, o.schema_name, o.view_name,
           ARRAY(SELECT p.id FROM ordered AS p WHERE p.view = ANY (o.relations) AND p.place < o.place ORDER BY p.place), o.place
    FROM ordered AS o
    WHERE everything OR pg_has_role(role, coalesce(o.relowner, o.run_as), 'USAGE') ORDER BY o.place;
END;
COMMENT ON FUNCTION ayb_jobs._refresh_order(oid, boolean) IS
    'the registrations that a role may refresh, each after all that it reads, with those of them that it reads';

CREATE FUNCTION ayb_jobs.refresh_all(schema_name text DEFAULT 'public') RETURNS SETOF ayb_jobs.refresh_outcome
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_refresh_all';
COMMENT ON FUNCTION ayb_jobs.refresh_all(text) IS
    'refreshes the registered views of a schema that the caller may refresh, each after those that it reads, in one transaction; a failed one skips its dependents';

CREATE TABLE ayb_jobs.matview_waits (
    run        uuid        NOT NULL,
    matview_id uuid        NOT NULL,
    waits_for  uuid[]      NOT NULL,
    run_as     regrole     NOT NULL,
    created_at timestamptz NOT NULL DEFAULT ayb_jobs._now(),
    CONSTRAINT matview_waits_pkey PRIMARY KEY (run, matview_id),
    CONSTRAINT matview_waits_matview_id_fkey FOREIGN KEY (matview_id) REFERENCES ayb_jobs.matview_refreshes (id)
        ON DELETE CASCADE
);
COMMENT ON TABLE ayb_jobs.matview_waits IS
    'views that jobs are still to refresh with those that they read, and which of these are not done yet; not dumped';
ALTER TABLE ayb_jobs.matview_waits ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION ayb_jobs._refresh_dependents(id uuid, failed boolean, run uuid) RETURNS jsonb
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_refresh_dependents';
COMMENT ON FUNCTION ayb_jobs._refresh_dependents(uuid, boolean, uuid) IS
    'enqueues the dependents of a view that wait for nothing else, and says which; after a failure says which are skipped';

CREATE FUNCTION ayb_jobs._refresh_job(payload jsonb) RETURNS jsonb
    LANGUAGE sql VOLATILE
BEGIN ATOMIC
    SELECT jsonb_strip_nulls(to_jsonb(o))
           || CASE WHEN (payload ->> 'with_dependents')::boolean
                   THEN ayb_jobs._refresh_dependents(o.id, o.status = 'error', (payload ->> 'run')::uuid) ELSE '{}' END
    FROM ayb_jobs._refresh_by_name(payload ->> 'view_name', coalesce(payload ->> 'schema', 'public')) AS o;
END;
COMMENT ON FUNCTION ayb_jobs._refresh_job(jsonb) IS
    'the type materialized_view_refresh: refreshes schema.view_name; the job completes with the outcome as its result';

-- Advice.
CREATE FUNCTION ayb_jobs._unique_index_advice(view oid) RETURNS text
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ayb_jobs_unique_index_advice';
COMMENT ON FUNCTION ayb_jobs._unique_index_advice(oid) IS
    'the CREATE UNIQUE INDEX that a concurrent refresh of the view needs; NULL where a column can''t be in one';

CREATE FUNCTION ayb_jobs._size_unless_locked(relation oid) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_size_unless_locked';
COMMENT ON FUNCTION ayb_jobs._size_unless_locked(oid) IS
    'bytes of a relation with its indexes; NULL while somebody has it locked, as a refresh has';

CREATE FUNCTION ayb_jobs._base_changes(view oid) RETURNS bigint
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE walk AS (
        SELECT e.relation FROM ayb_jobs._reads AS e WHERE e.reader = view
        UNION
        SELECT n.relation FROM walk AS w CROSS JOIN LATERAL (
            SELECT e.relation FROM ayb_jobs._reads AS e WHERE e.reader = w.relation
            UNION ALL
            SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = w.relation) AS n
    )
    SELECT coalesce(sum(pg_stat_get_tuples_inserted(w.relation) + pg_stat_get_tuples_updated(w.relation)
                        + pg_stat_get_tuples_deleted(w.relation)), 0)::bigint
    FROM walk AS w JOIN pg_class AS c ON c.oid = w.relation WHERE c.relkind = 'r';
END;
COMMENT ON FUNCTION ayb_jobs._base_changes(oid) IS
    'rows that PostgreSQL''s statistics say were inserted, updated or deleted in all base tables of a view';

-- skip_unchanged. A trigger on each base table notes, for the commit, that a statement changed it.
CREATE FUNCTION ayb_jobs._note_change() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ayb_jobs_note_change';
COMMENT ON FUNCTION ayb_jobs._note_change() IS
    'tells the refreshes of materialized views, at the commit, that their base table has changed';

CREATE FUNCTION ayb_jobs._reads_besides_tables(view oid) RETURNS text
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ayb_jobs_reads_besides_tables';
COMMENT ON FUNCTION ayb_jobs._reads_besides_tables(oid) IS
    'why the query of a view may give something else on unchanged tables: now(), random(), a sample, the catalogs; NULL if it can''t';

-- The trigger as it was made: on every statement, ALWAYS, without a condition.
CREATE VIEW ayb_jobs._change_triggers AS
SELECT t.oid, t.tgrelid AS relation, t.xmin, t.ctid
FROM pg_catalog.pg_trigger AS t
WHERE t.tgfoid = 'ayb_jobs._note_change()'::pg_catalog.regprocedure AND t.tgenabled = 'A' AND t.tgtype = 62
  AND t.tgqual IS NULL AND pg_catalog.cardinality(t.tgattr::pg_catalog.int2[]) = 0;
COMMENT ON VIEW ayb_jobs._change_triggers IS 'the tables whose changes are noted for materialized views';

-- What a view reads by itself and through plain views, with all partitions and children of that, and with their
-- parents, through which they can be written to. A materialized view that it reads is a source like a table.
CREATE FUNCTION ayb_jobs._sources(view oid) RETURNS TABLE (relation oid)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE below AS (
        SELECT e.relation FROM ayb_jobs._reads AS e WHERE e.reader = view
        UNION
        SELECT n.relation FROM below AS b CROSS JOIN LATERAL (
            SELECT e.relation FROM pg_class AS v JOIN ayb_jobs._reads AS e ON e.reader = v.oid
            WHERE v.oid = b.relation AND v.relkind = 'v'
            UNION ALL
            SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = b.relation) AS n
    ), family AS (
        SELECT b.relation FROM below AS b
        UNION
        SELECT i.inhparent FROM family AS f JOIN pg_inherits AS i ON i.inhrelid = f.relation
    )
    SELECT f.relation FROM family AS f JOIN pg_class AS c ON c.oid = f.relation WHERE c.relkind <> 'v' ORDER BY 1;
END;
COMMENT ON FUNCTION ayb_jobs._sources(oid) IS 'every table and materialized view whose change may change a view';

CREATE FUNCTION ayb_jobs._rules(view oid) RETURNS TABLE (rule oid, reader oid, version text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE readers AS (
        SELECT view AS relation
        UNION
        SELECT e.relation FROM readers AS r JOIN ayb_jobs._reads AS e ON e.reader = r.relation
        JOIN pg_class AS c ON c.oid = e.relation AND c.relkind = 'v'
    )
    SELECT w.oid, w.ev_class, concat_ws(' ', w.oid, w.xmin, w.ctid) FROM readers AS r
    JOIN pg_rewrite AS w ON w.ev_class = r.relation AND w.ev_type = '1' ORDER BY 1;
END;
COMMENT ON FUNCTION ayb_jobs._rules(oid) IS 'the queries of a view and of the plain views that it reads';

-- Why the tables alone don't tell whether a view is new; no trigger would mend it. Of functions only built-in
-- ones are trusted: another one may be replaced, or say that it is immutable and not be.
CREATE FUNCTION ayb_jobs._why_unknowable(view oid) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT min(u.reason) FROM (
        SELECT 'it uses ' || pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid) AS reason
        FROM ayb_jobs._rules(view) AS r JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.rule
        WHERE d.refclassid <> 'pg_class'::regclass
        UNION ALL
        SELECT ayb_jobs._reads_besides_tables(r.reader) FROM ayb_jobs._rules(view) AS r
        UNION ALL
        SELECT 'it reads ' || pg_describe_object('pg_class'::regclass, c.oid, 0)
               || CASE WHEN c.relrowsecurity THEN ', which has row-level security' ELSE '' END
        FROM ayb_jobs._sources(view) AS s JOIN pg_class AS c ON c.oid = s.relation
        WHERE c.relkind NOT IN ('r', 'p', 'm') OR c.relrowsecurity) AS u;
END;
COMMENT ON FUNCTION ayb_jobs._why_unknowable(oid) IS
    'why it can''t be known whether a view would be another one after a refresh; NULL where it can';

CREATE FUNCTION ayb_jobs._tables_without_trigger(view oid) RETURNS TABLE (relation oid)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.relation FROM ayb_jobs._sources(view) AS s JOIN pg_class AS c ON c.oid = s.relation
    WHERE c.relkind IN ('r', 'p')
      AND NOT EXISTS (SELECT FROM ayb_jobs._change_triggers AS t WHERE t.relation = s.relation) ORDER BY 1;
END;
COMMENT ON FUNCTION ayb_jobs._tables_without_trigger(oid) IS 'the base tables of a view whose changes are not noted';

CREATE FUNCTION ayb_jobs._why_never_skipped(view oid) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT coalesce(ayb_jobs._why_unknowable(view),
                    (SELECT pg_describe_object('pg_class'::regclass, min(t.relation), 0) || ' has no trigger that notes its changes'
                     FROM ayb_jobs._tables_without_trigger(view) AS t HAVING count(*) > 0));
END;
COMMENT ON FUNCTION ayb_jobs._why_never_skipped(oid) IS
    'why a view with skip_unchanged is refreshed all the same; NULL where nothing is in the way';

-- Whatever is done to the rules, tables and triggers leaves another version of some row: a view that was replaced,
-- a trigger that was off for a while, a child that had another parent for a while, a table that was rewritten.
CREATE FUNCTION ayb_jobs._sources_version(view oid) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT encode(sha256(string_agg(v.version, ',' ORDER BY v.version COLLATE "C")::bytea), 'hex') FROM (
        SELECT 'rule ' || r.version AS version FROM ayb_jobs._rules(view) AS r
        UNION ALL
        SELECT concat_ws(' ', 'table', c.oid, c.relfilenode) FROM ayb_jobs._sources(view) AS s
        JOIN pg_class AS c ON c.oid = s.relation
        UNION ALL
        SELECT concat_ws(' ', 'column', a.attrelid, a.attnum, a.xmin, a.ctid) FROM ayb_jobs._sources(view) AS s
        JOIN pg_attribute AS a ON a.attrelid = s.relation WHERE a.attnum > 0
        UNION ALL
        SELECT concat_ws(' ', 'child', i.inhrelid, i.inhparent, i.xmin, i.ctid) FROM ayb_jobs._sources(view) AS s
        JOIN pg_inherits AS i ON i.inhrelid = s.relation
        UNION ALL
        SELECT concat_ws(' ', 'trigger', t.oid, t.xmin, t.ctid) FROM ayb_jobs._sources(view) AS s
        JOIN ayb_jobs._change_triggers AS t ON t.relation = s.relation) AS v;
END;
COMMENT ON FUNCTION ayb_jobs._sources_version(oid) IS 'another text whenever something but the rows of a view''s sources changes';

CREATE FUNCTION ayb_jobs._needless_triggers() RETURNS TABLE (relation oid, name text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT t.tgrelid, t.tgname::text FROM pg_trigger AS t
    WHERE t.tgfoid = 'ayb_jobs._note_change()'::regprocedure AND t.tgrelid NOT IN (
        SELECT s.relation FROM ayb_jobs.matview_refreshes AS m JOIN pg_namespace AS n ON n.nspname = m.schema_name
        JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = m.view_name AND c.relkind = 'm'
        CROSS JOIN LATERAL ayb_jobs._sources(c.oid) AS s WHERE m.skip_unchanged) ORDER BY 1;
END;
COMMENT ON FUNCTION ayb_jobs._needless_triggers() IS 'triggers that note changes for no view any more';

CREATE FUNCTION ayb_jobs._has_prepared_transactions() RETURNS boolean
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM pg_prepared_xact() AS p JOIN pg_database AS d ON d.oid = p.dbid
                   WHERE d.datname = current_database());
END;
COMMENT ON FUNCTION ayb_jobs._has_prepared_transactions() IS 'whether a prepared transaction of this database waits';

CREATE VIEW ayb_jobs.matviews WITH (security_invoker = true) AS
SELECT m.id, m.schema_name, m.view_name, m.refresh_mode, m.skip_unchanged, m.lock_timeout, m.statement_timeout, m.run_as,
       m.last_refresh_at, m.last_refresh_duration_ms, m.last_refresh_status, m.last_refresh_error, m.last_refresh_rows,
       m.last_skipped_at, m.last_durations_ms, m.created_at, m.updated_at,
       c.oid IS NOT NULL AS view_exists, c.relispopulated AS is_populated,
       ayb_jobs._size_unless_locked(c.oid) AS size_bytes,
       c.relispopulated AND ayb_jobs._has_unique_index(c.oid) AS concurrent_possible,
       CASE WHEN NOT c.relispopulated THEN pg_catalog.format('REFRESH MATERIALIZED VIEW %I.%I;', m.schema_name, m.view_name)
            WHEN NOT ayb_jobs._has_unique_index(c.oid) THEN ayb_jobs._unique_index_advice(c.oid) END AS concurrent_advice,
       CASE WHEN c.oid IS NOT NULL AND m.changes_seen IS NOT NULL
            THEN greatest(ayb_jobs._base_changes(c.oid) - m.changes_seen, 0) END AS estimated_changes,
       CASE WHEN m.skip_unchanged THEN ayb_jobs._why_never_skipped(c.oid) END AS never_skipped_because
FROM ayb_jobs.matview_refreshes AS m
LEFT JOIN (pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace)
       ON n.nspname = m.schema_name AND c.relname = m.view_name AND c.relkind = 'm';
COMMENT ON VIEW ayb_jobs.matviews IS 'registered materialized views: how the last refresh went, how stale each is, what it needs';
COMMENT ON COLUMN ayb_jobs.matviews.concurrent_advice IS 'the statement that makes a concurrent refresh possible, where it isn''t';
COMMENT ON COLUMN ayb_jobs.matviews.estimated_changes IS
    'rows changed in its base tables since the last good refresh: an estimate from PostgreSQL''s statistics';
COMMENT ON COLUMN ayb_jobs.matviews.never_skipped_because IS
    'why skip_unchanged has no effect: update_matview(id, skip_unchanged => true) mends a missing trigger';
GRANT SELECT ON ayb_jobs._reads, ayb_jobs._change_triggers, ayb_jobs.matviews TO PUBLIC;

CREATE FUNCTION ayb_jobs._check_command(command text) RETURNS void
    LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'ayb_jobs_check_command';
COMMENT ON FUNCTION ayb_jobs._check_command(text) IS 'raises unless the text is one statement that may be a job''s command';

-- In plpgsql, as a statement may name cron.job only where that is there; and each entry fails alone.
CREATE FUNCTION ayb_jobs.import_pg_cron() RETURNS SETOF ayb_jobs.schedules
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    zone text := coalesce(nullif(current_setting('cron.timezone', true), ''), 'GMT');
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
                          coalesce(current_setting('cron.database_name', true), 'postgres'));
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
                PERFORM ayb_jobs._check_command(entry.command);
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

-- The types that come with the extension. Their procedures commit between batches, so they can't have a SET
-- clause: they name everything with its schema, and run as the job's role with that role's rights alone. Operators
-- have no schema written: only those are used that pg_catalog has for exactly these types. For others (a polymorphic
-- one, one that takes an unknown literal or a cast) somebody's own in the role's search path would be preferred.

CREATE FUNCTION ayb_jobs._set_result(result jsonb) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_set_result';
COMMENT ON FUNCTION ayb_jobs._set_result(jsonb) IS 'what the job of a procedure gives back';

CREATE FUNCTION ayb_jobs._plain_tables(parent regclass) RETURNS SETOF regclass
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE family AS (
        SELECT parent::oid AS member
        UNION
        SELECT i.inhrelid FROM family AS f JOIN pg_inherits AS i ON i.inhparent = f.member
    )
    SELECT f.member::regclass FROM family AS f JOIN pg_class AS c ON c.oid = f.member
    WHERE c.relkind = 'r' ORDER BY f.member;
END;
COMMENT ON FUNCTION ayb_jobs._plain_tables(regclass) IS 'a table, or its partitions and children, as far as they have rows of their own';

-- Finds its rows by one scan, whose result is kept beside when the first batch commits: so neither an old
-- snapshot is held nor dead rows are read again and again. What somebody has locked is left for the next run.
CREATE PROCEDURE ayb_jobs._delete_batches(target regclass, condition text, batch_size integer, rest interval,
                                          INOUT deleted bigint)
    LANGUAGE plpgsql AS $$
DECLARE
    part regclass;
    place tid;
    places tid[];
    gone bigint;
    removal text;
BEGIN
    FOR part IN SELECT p FROM ayb_jobs._plain_tables(target) AS p LOOP
        removal := pg_catalog.format(
            'DELETE FROM ONLY %1$s WHERE ctid = ANY (ARRAY(SELECT ctid FROM ONLY %1$s WHERE ctid = ANY ($1)'
            ' AND (%2$s) FOR UPDATE SKIP LOCKED))', part, condition);
        places := '{}';
        FOR place IN EXECUTE pg_catalog.format('SELECT ctid FROM ONLY %s WHERE %s', part, condition) LOOP
            places := pg_catalog.array_append(places, place);
            CONTINUE WHEN pg_catalog.cardinality(places) < batch_size;
            EXECUTE removal USING places;
            GET DIAGNOSTICS gone = ROW_COUNT;
            COMMIT;
            deleted := deleted + gone;
            places := '{}';
            PERFORM pg_catalog.pg_sleep_for(rest);
        END LOOP;
        EXECUTE removal USING places;
        GET DIAGNOSTICS gone = ROW_COUNT;
        COMMIT;
        deleted := deleted + gone;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE ayb_jobs._delete_batches(regclass, text, integer, interval, bigint) IS
    'deletes rows in batches, each a transaction of its own, and adds their number to deleted';

CREATE FUNCTION ayb_jobs._payload() RETURNS jsonb
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE jsonb_typeof(j.payload) WHEN 'object' THEN j.payload ELSE '{}' END
    FROM ayb_jobs.current_job() AS j;
END;
COMMENT ON FUNCTION ayb_jobs._payload() IS 'the payload of the job whose handler asks, if it is an object';

CREATE FUNCTION ayb_jobs._expired_rule(payload jsonb, OUT target regclass, OUT condition text,
                                       OUT batch_size integer, OUT rest interval)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stamp name := coalesce(payload ->> 'column', payload ->> 'timestamp_column');
BEGIN
    IF payload ->> 'table' IS NULL OR stamp IS NULL OR payload ->> 'older_than' IS NULL THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'the payload must have a table, a column and older_than',
            HINT = 'Such as {"table": "public.visits", "column": "seen_at", "older_than": "30 days"}.';
    END IF;
    target := to_regclass(payload ->> 'table');
    IF target IS NULL THEN
        RAISE undefined_table USING MESSAGE = format('table %s does not exist', payload ->> 'table'),
            HINT = 'Name it with its schema.';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = target AND a.attname = stamp AND a.attnum > 0
                     AND NOT a.attisdropped AND a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)) THEN
        RAISE undefined_column USING MESSAGE = format('table %s has no timestamp column %I', target, stamp),
            HINT = 'It takes a column of type timestamptz, timestamp or date.';
    END IF;
    IF NOT has_table_privilege(target, 'SELECT') OR NOT has_table_privilege(target, 'DELETE') THEN
        RAISE insufficient_privilege USING MESSAGE = format('role %I may not delete from table %s', current_user, target),
            HINT = format('GRANT SELECT, DELETE ON %s TO %I;', target, current_user);
    END IF;
    IF (payload ->> 'older_than')::interval < '0' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'older_than must not be negative',
            HINT = 'It is how long ago the column''s time must be, such as "30 days".';
    END IF;
    batch_size := coalesce((payload ->> 'batch_size')::integer, 5000);
    rest := coalesce((payload ->> 'pause')::interval, '20 ms');
    IF batch_size NOT BETWEEN 1 AND 100000 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'batch_size must be between 1 and 100000',
            HINT = 'Leave it out for 5000.';
    END IF;
    condition := format('%I < %L::timestamptz', stamp, ayb_jobs._now() - (payload ->> 'older_than')::interval);
END
$$;
COMMENT ON FUNCTION ayb_jobs._expired_rule(jsonb) IS 'what a payload of delete_expired asks for, checked';

CREATE PROCEDURE ayb_jobs._delete_expired()
    LANGUAGE plpgsql AS $$
DECLARE
    rule record;
    deleted bigint := 0;
BEGIN
    SELECT * INTO rule FROM ayb_jobs._expired_rule(ayb_jobs._payload());
    CALL ayb_jobs._delete_batches(rule.target, rule.condition, rule.batch_size, rule.rest, deleted);
    PERFORM ayb_jobs._set_result(pg_catalog.jsonb_build_object('deleted', deleted));
END
$$;
COMMENT ON PROCEDURE ayb_jobs._delete_expired() IS
    'the type delete_expired: deletes rows of a table whose time is longer ago than older_than';

CREATE PROCEDURE ayb_jobs._clean_up(tables text[], conditions text[])
    LANGUAGE plpgsql AS $$
DECLARE
    home text := coalesce(pg_catalog.jsonb_extract_path_text(ayb_jobs._payload(), 'schema'), 'public');
    target regclass;
    deleted bigint := 0;
    missing text[] := '{}';
BEGIN
    FOR i IN 1 .. pg_catalog.cardinality(tables) LOOP
        target := pg_catalog.to_regclass(pg_catalog.format('%I.%I', home, tables[i]));
        IF target IS NULL THEN
            missing := pg_catalog.array_append(missing, tables[i]);
        ELSE
            CALL ayb_jobs._delete_batches(target, conditions[i], 5000, '20 ms', deleted);
        END IF;
    END LOOP;
    PERFORM ayb_jobs._set_result(pg_catalog.jsonb_build_object('deleted', deleted)
        || CASE WHEN pg_catalog.cardinality(missing) > 0
                THEN pg_catalog.jsonb_build_object('missing', missing) ELSE '{}'::jsonb END);
END
$$;
COMMENT ON PROCEDURE ayb_jobs._clean_up(text[], text[]) IS
    'deletes from each of the tables that are there what its condition names; says which are missing';

CREATE PROCEDURE ayb_jobs._stale_session_cleanup()
    LANGUAGE plpgsql AS $$
BEGIN
    CALL ayb_jobs._clean_up(ARRAY['_ayb_sessions'],
                            ARRAY[pg_catalog.format('expires_at < %L', ayb_jobs._now())]);
END
$$;
COMMENT ON PROCEDURE ayb_jobs._stale_session_cleanup() IS 'the type stale_session_cleanup: sessions that have expired';

CREATE PROCEDURE ayb_jobs._webhook_delivery_prune()
    LANGUAGE plpgsql AS $$
DECLARE
    hours numeric := coalesce(
        pg_catalog.jsonb_extract_path_text(ayb_jobs._payload(), 'retention_hours')::numeric, 168);
BEGIN
    IF hours IS NULL OR hours <= 0::numeric THEN
        RAISE invalid_parameter_value USING MESSAGE = 'retention_hours must be positive',
            HINT = 'Leave it out for 168, a week.';
    END IF;
    CALL ayb_jobs._clean_up(ARRAY['_ayb_webhook_deliveries'], ARRAY[pg_catalog.format(
        'delivered_at < %L', ayb_jobs._now() - pg_catalog.make_interval(secs => (hours * 3600::numeric)::double precision))]);
END
$$;
COMMENT ON PROCEDURE ayb_jobs._webhook_delivery_prune() IS
    'the type webhook_delivery_prune: deliveries older than retention_hours';

CREATE PROCEDURE ayb_jobs._expired_oauth_cleanup()
    LANGUAGE plpgsql AS $$
DECLARE
    yesterday timestamptz := ayb_jobs._now() - interval '1 day';
BEGIN
    CALL ayb_jobs._clean_up(ARRAY['_ayb_oauth_tokens', '_ayb_oauth_authorization_codes'], ARRAY[
        pg_catalog.format('expires_at < %1$L OR revoked_at < %1$L', yesterday),
        pg_catalog.format('expires_at < %1$L OR used_at < %1$L', yesterday)]);
END
$$;
COMMENT ON PROCEDURE ayb_jobs._expired_oauth_cleanup() IS
    'the type expired_oauth_cleanup: tokens and codes that ended more than a day ago';

CREATE PROCEDURE ayb_jobs._expired_auth_cleanup()
    LANGUAGE plpgsql AS $$
DECLARE
    expired text := pg_catalog.format('expires_at < %L', ayb_jobs._now());
BEGIN
    CALL ayb_jobs._clean_up(ARRAY['_ayb_magic_links', '_ayb_password_resets'], ARRAY[expired, expired]);
END
$$;
COMMENT ON PROCEDURE ayb_jobs._expired_auth_cleanup() IS
    'the type expired_auth_cleanup: magic links and password resets that have expired';

CREATE FUNCTION ayb_jobs._install_builtins(only_type text DEFAULT NULL) RETURNS SETOF text
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO ayb_jobs.handlers (type, kind, owner, function_schema, function_name, function_owner, takes_payload, command,
                                   grouped, builtin)
    SELECT b.type, CASE WHEN b.function_name IS NULL THEN 'command' ELSE 'function' END, e.extowner,
           CASE WHEN b.function_name IS NOT NULL THEN 'ayb_jobs' END, b.function_name,
           CASE WHEN b.function_name IS NOT NULL THEN e.extowner END, b.function_name IS NOT NULL, b.command, false, true
    FROM (VALUES ('command', NULL, NULL),
                 ('materialized_view_refresh', '_refresh_job', NULL),
                 ('delete_expired', NULL, 'CALL ayb_jobs._delete_expired()'),
                 ('stale_session_cleanup', NULL, 'CALL ayb_jobs._stale_session_cleanup()'),
                 ('webhook_delivery_prune', NULL, 'CALL ayb_jobs._webhook_delivery_prune()'),
                 ('expired_oauth_cleanup', NULL, 'CALL ayb_jobs._expired_oauth_cleanup()'),
                 ('expired_auth_cleanup', NULL, 'CALL ayb_jobs._expired_auth_cleanup()')) AS b (type, function_name, command)
    CROSS JOIN pg_extension AS e
    WHERE e.extname = 'ayb_jobs' AND (only_type IS NULL OR b.type = only_type)
    RETURNING handlers.kind;
END;
COMMENT ON FUNCTION ayb_jobs._install_builtins(text) IS
    'registers the types that come with the extension, or one whose replacement has gone; gives back their kinds';
REVOKE ALL ON FUNCTION ayb_jobs._install_builtins(text) FROM PUBLIC;

-- As a DO block, so that psql shows no result.
DO $$ BEGIN PERFORM ayb_jobs._install_builtins(); END $$;

CREATE FUNCTION ayb_jobs._replace_builtin() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM ayb_jobs.handlers AS h WHERE h.type = NEW.type AND h.builtin;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ayb_jobs._replace_builtin() IS
    'an admin''s own handler takes the place of a built-in one, when it is registered and when it is restored';
REVOKE ALL ON FUNCTION ayb_jobs._replace_builtin() FROM PUBLIC;

CREATE TRIGGER replace_builtin BEFORE INSERT ON ayb_jobs.handlers
    FOR EACH ROW WHEN (NOT NEW.builtin) EXECUTE FUNCTION ayb_jobs._replace_builtin();
ALTER TABLE ayb_jobs.handlers ENABLE ALWAYS TRIGGER replace_builtin;
COMMENT ON TRIGGER replace_builtin ON ayb_jobs.handlers IS 'a type has one handler';

CREATE FUNCTION ayb_jobs._prepare_history(at timestamptz) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_prepare_history';
COMMENT ON FUNCTION ayb_jobs._prepare_history(timestamptz) IS 'makes the history''s partition for a day';
REVOKE ALL ON FUNCTION ayb_jobs._prepare_history(timestamptz) FROM PUBLIC;

CREATE FUNCTION ayb_jobs._history_begins() RETURNS timestamptz
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT ayb_jobs._now() - current_setting('ayb_jobs.retention')::interval;
END;
COMMENT ON FUNCTION ayb_jobs._history_begins() IS 'what completed before is not kept';

CREATE FUNCTION ayb_jobs._ayb_table(schema text, name text) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF to_regclass(format('%I.%I', schema, name)) IS NULL THEN
        RAISE undefined_table USING MESSAGE = format('table %I.%I does not exist', schema, name),
            HINT = 'Pass the schema in which AYB keeps its tables.';
    END IF;
    RETURN format('%I.%I', schema, name);
END
$$;
COMMENT ON FUNCTION ayb_jobs._ayb_table(text, text) IS 'the quoted name of a table of AYB''s, which must be there';

CREATE FUNCTION ayb_jobs._import_ayb_schedules(source text) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    imported bigint;
BEGIN
    EXECUTE format($sql$
        WITH fresh AS (
            INSERT INTO ayb_jobs.schedules AS s (id, name, job_type, payload, cron_expr, timezone, enabled, max_attempts,
                                                 run_as, next_run_at, last_run_at, created_at, updated_at)
            SELECT a.id, a.name, a.job_type, coalesce(a.payload, '{}'), a.cron_expr, a.timezone, a.enabled, a.max_attempts,
                   current_user::regrole, a.next_run_at, a.last_run_at, a.created_at, a.updated_at
            FROM %s AS a WHERE NOT EXISTS (SELECT FROM ayb_jobs.imports AS i WHERE i.id = a.id)
            ON CONFLICT DO NOTHING RETURNING s.id
        )
        INSERT INTO ayb_jobs.imports (id) SELECT f.id FROM fresh AS f$sql$, source);
    GET DIAGNOSTICS imported = ROW_COUNT;
    RETURN imported;
END
$$;
COMMENT ON FUNCTION ayb_jobs._import_ayb_schedules(text) IS 'a part of import_ayb()';

CREATE FUNCTION ayb_jobs._import_ayb_history(source text) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    kept_since timestamptz := ayb_jobs._history_begins();
    completed timestamptz;
    imported bigint;
BEGIN
    FOR completed IN EXECUTE format($sql$
        SELECT min(coalesce(a.completed_at, a.updated_at)) FROM %s AS a
        WHERE a.state = 'completed' AND coalesce(a.completed_at, a.updated_at) >= $1
        GROUP BY date_trunc('day', coalesce(a.completed_at, a.updated_at), 'UTC')$sql$, source) USING kept_since
    LOOP
        PERFORM ayb_jobs._prepare_history(completed);
    END LOOP;
    EXECUTE format($sql$
        WITH fresh AS (
            INSERT INTO ayb_jobs.imports AS i (id) SELECT a.id FROM %1$s AS a
            WHERE a.state = 'completed' AND coalesce(a.completed_at, a.updated_at) >= $1
            ON CONFLICT DO NOTHING RETURNING i.id
        )
        INSERT INTO ayb_jobs.job_history (id, type, payload, run_as, run_at, worker_id, attempts, max_attempts, last_error,
                                          last_run_at, idempotency_key, schedule_id, created_at, completed_at)
        SELECT a.id, a.type, coalesce(a.payload, '{}'), current_user::regrole, a.run_at, a.worker_id, a.attempts,
               a.max_attempts, a.last_error, a.last_run_at,
               (SELECT k.idempotency_key FROM ayb_jobs.job_keys AS k WHERE k.job_id = a.id), a.schedule_id, a.created_at,
               coalesce(a.completed_at, a.updated_at)
        FROM %1$s AS a JOIN fresh AS f ON f.id = a.id$sql$, source) USING kept_since;
    GET DIAGNOSTICS imported = ROW_COUNT;
    RETURN imported;
END
$$;
COMMENT ON FUNCTION ayb_jobs._import_ayb_history(text) IS 'a part of import_ayb(): completed jobs, as far as retention keeps them';

CREATE FUNCTION ayb_jobs._import_ayb_queue(source text) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    imported bigint;
BEGIN
    EXECUTE format($sql$
        WITH fresh AS (
            INSERT INTO ayb_jobs.imports AS i (id) SELECT a.id FROM %1$s AS a WHERE a.state <> 'completed'
            ON CONFLICT DO NOTHING RETURNING i.id
        )
        INSERT INTO ayb_jobs.job_queue (id, type, payload, state, waits_for, run_as, run_at, attempts, max_attempts, last_error,
                                        last_run_at, idempotency_key, schedule_id, created_at, updated_at, canceled_at)
        SELECT a.id, a.type, coalesce(a.payload, '{}'), CASE a.state WHEN 'running' THEN 'queued' ELSE a.state END,
               (SELECT CASE coalesce(max(h.kind), 'handler') WHEN 'external' THEN 'external' WHEN 'handler' THEN 'handler' END
                FROM ayb_jobs.handlers AS h WHERE h.type = a.type),
               current_user::regrole, a.run_at, a.attempts, a.max_attempts, a.last_error, a.last_run_at,
               (SELECT k.idempotency_key FROM ayb_jobs.job_keys AS k WHERE k.job_id = a.id),
               (SELECT s.id FROM ayb_jobs.schedules AS s WHERE s.id = a.schedule_id), a.created_at, a.updated_at, a.canceled_at
        FROM %1$s AS a JOIN fresh AS f ON f.id = a.id$sql$, source);
    GET DIAGNOSTICS imported = ROW_COUNT;
    RETURN imported;
END
$$;
COMMENT ON FUNCTION ayb_jobs._import_ayb_queue(text) IS 'a part of import_ayb(): jobs that are not completed; running ones are queued';

CREATE FUNCTION ayb_jobs._import_ayb_jobs(source text) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- A key that one of our jobs has, or that is longer than ours may be, is left out.
    EXECUTE format($sql$
        INSERT INTO ayb_jobs.job_keys (run_as, idempotency_key, job_id)
        SELECT current_user::regrole, a.idempotency_key, a.id FROM %s AS a
        WHERE octet_length(a.idempotency_key) BETWEEN 1 AND 255
          AND (a.state <> 'completed' OR coalesce(a.completed_at, a.updated_at) >= $1)
          AND NOT EXISTS (SELECT FROM ayb_jobs.imports AS i WHERE i.id = a.id)
          AND NOT EXISTS (SELECT FROM ayb_jobs.job_queue AS q WHERE q.run_as = current_user::regrole
                                                                AND q.idempotency_key = a.idempotency_key)
        ON CONFLICT DO NOTHING$sql$, source) USING ayb_jobs._history_begins();
    RETURN ayb_jobs._import_ayb_history(source) + ayb_jobs._import_ayb_queue(source);
END
$$;
COMMENT ON FUNCTION ayb_jobs._import_ayb_jobs(text) IS 'a part of import_ayb()';

CREATE FUNCTION ayb_jobs._import_ayb_matviews(source text) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    imported bigint;
BEGIN
    EXECUTE format($sql$
        WITH fresh AS (
            INSERT INTO ayb_jobs.matview_refreshes AS m (id, schema_name, view_name, refresh_mode, run_as, last_refresh_at,
                last_refresh_duration_ms, last_refresh_status, last_refresh_error, created_at, updated_at)
            SELECT a.id, a.schema_name, a.view_name, a.refresh_mode,
                   coalesce((SELECT c.relowner::regrole FROM pg_class AS c
                             WHERE c.oid = to_regclass(format('%%I.%%I', a.schema_name, a.view_name))), current_user::regrole),
                   a.last_refresh_at, a.last_refresh_duration_ms, a.last_refresh_status, a.last_refresh_error, a.created_at,
                   a.updated_at
            FROM %s AS a WHERE NOT EXISTS (SELECT FROM ayb_jobs.imports AS i WHERE i.id = a.id)
            ON CONFLICT DO NOTHING RETURNING m.id
        )
        INSERT INTO ayb_jobs.imports (id) SELECT f.id FROM fresh AS f$sql$, source);
    GET DIAGNOSTICS imported = ROW_COUNT;
    RETURN imported;
END
$$;
COMMENT ON FUNCTION ayb_jobs._import_ayb_matviews(text) IS 'a part of import_ayb()';

CREATE FUNCTION ayb_jobs.import_ayb(schema text DEFAULT 'public', OUT schedules bigint, OUT jobs bigint, OUT matviews bigint)
    RETURNS record LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT pg_has_role((SELECT e.extowner FROM pg_extension AS e WHERE e.extname = 'ayb_jobs'), 'USAGE') THEN
        RAISE insufficient_privilege USING MESSAGE = 'only the extension''s owner may import AYB''s tables',
            HINT = 'Call ayb_jobs.import_ayb() as a superuser.';
    END IF;
    schedules := ayb_jobs._import_ayb_schedules(ayb_jobs._ayb_table(schema, '_ayb_job_schedules'));
    jobs := ayb_jobs._import_ayb_jobs(ayb_jobs._ayb_table(schema, '_ayb_jobs'));
    matviews := ayb_jobs._import_ayb_matviews(ayb_jobs._ayb_table(schema, '_ayb_matview_refreshes'));
END
$$;
COMMENT ON FUNCTION ayb_jobs.import_ayb(text) IS
    'takes over AYB''s jobs, schedules and refreshes, with their ids, states and times, to run as the current role; says how many were new';

CREATE FUNCTION ayb_jobs.workers(OUT pid integer, OUT worker_id text, OUT role regrole, OUT state text,
                                 OUT since timestamptz, OUT job_id uuid, OUT type text, OUT attempt integer,
                                 OUT job_since timestamptz, OUT percent integer, OUT note text)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_workers';
COMMENT ON FUNCTION ayb_jobs.workers() IS 'the workers of this database, and what each is at';

CREATE FUNCTION ayb_jobs.lanes(OUT role regrole, OUT due_at timestamptz, OUT workers integer,
                               OUT queued bigint, OUT running bigint, OUT retry_at timestamptz,
                               OUT error text, OUT grouped_types text[])
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_lanes';
COMMENT ON FUNCTION ayb_jobs.lanes() IS
    'the lanes of this database: one a role with jobs, before which instant nothing of it is due, why it can''t be served, if so, and the types that go grouped';

CREATE FUNCTION ayb_jobs.ways(OUT type text, OUT role regrole, OUT way text, OUT why text, OUT grouped_jobs bigint,
                              OUT run_ms double precision, OUT strikes integer, OUT leased_until timestamptz)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_ways';
COMMENT ON FUNCTION ayb_jobs.ways() IS
    'whether jobs of a type share transactions (grouped) or have each its own (leased), and why: a line for each role that has run it';

CREATE FUNCTION ayb_jobs.events(since bigint DEFAULT 0, max_events integer DEFAULT 1000, OUT seq bigint,
                                OUT at timestamptz, OUT job_id uuid, OUT type text, OUT run_as regrole,
                                OUT old_state text, OUT new_state text)
    RETURNS SETOF record LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ayb_jobs_events';
COMMENT ON FUNCTION ayb_jobs.events(bigint, integer) IS
    'state changes of jobs after the event with number since, oldest first; the last 4096 of the server are kept';

CREATE FUNCTION ayb_jobs.event_span(OUT first bigint, OUT oldest bigint, OUT newest bigint)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_event_span';
COMMENT ON FUNCTION ayb_jobs.event_span() IS
    'numbers of events of the server: the first since it started, the oldest that is kept, the newest';

CREATE FUNCTION ayb_jobs._counts(OUT queued bigint, OUT running bigint, OUT completed bigint,
                                 OUT failed bigint, OUT canceled bigint)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_counts';
COMMENT ON FUNCTION ayb_jobs._counts() IS
    'jobs by state as shared memory knows them; no row while the scheduler hasn''t counted';

CREATE FUNCTION ayb_jobs._floors(from_start boolean, OUT run_as oid, OUT run_at timestamptz, OUT id uuid)
    RETURNS SETOF record LANGUAGE c VOLATILE STRICT ROWS 10 AS 'MODULE_PATHNAME', 'ayb_jobs_floors';
COMMENT ON FUNCTION ayb_jobs._floors(boolean) IS
    'before which row no job of a lane is queued: of each lane that is known, or of each role whose privileges the caller has; none is known from_start';

CREATE FUNCTION ayb_jobs._first_queued(from_start boolean DEFAULT false, OUT run_as oid, OUT run_at timestamptz,
                                       OUT id uuid)
    RETURNS SETOF record LANGUAGE c VOLATILE ROWS 10 SET search_path = pg_catalog, pg_temp SET jit = off
    AS 'MODULE_PATHNAME', 'ayb_jobs_first_queued';
COMMENT ON FUNCTION ayb_jobs._first_queued(boolean) IS 'the first queued job of each lane, due or not, paused or not';

CREATE FUNCTION ayb_jobs._oldest_due() RETURNS timestamptz
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
    WITH external AS (
        SELECT first.run_at FROM ayb_jobs.handlers AS h CROSS JOIN LATERAL (
            SELECT q.run_at FROM ayb_jobs.job_queue AS q
            WHERE q.type = h.type AND q.state = 'queued' AND q.waits_for = 'external'
            ORDER BY q.run_at LIMIT 1) AS first
        WHERE h.kind = 'external'
    )
    SELECT min(u.run_at) FROM (SELECT f.run_at FROM ayb_jobs._first_queued() AS f
                               UNION ALL SELECT e.run_at FROM external AS e) AS u
    WHERE u.run_at <= ayb_jobs._now();
END;
COMMENT ON FUNCTION ayb_jobs._oldest_due() IS 'when the oldest job that is due became due; one index probe a lane';

CREATE FUNCTION ayb_jobs.stats(OUT queued bigint, OUT running bigint, OUT completed bigint, OUT failed bigint,
                               OUT canceled bigint, OUT oldest_due_seconds double precision)
    RETURNS record LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH kept AS MATERIALIZED (
        SELECT * FROM ayb_jobs._counts()
    ), counted AS (
        SELECT count(*) FILTER (WHERE j.state = 'queued') AS queued,
               count(*) FILTER (WHERE j.state = 'running') AS running,
               count(*) FILTER (WHERE j.state = 'completed') AS completed,
               count(*) FILTER (WHERE j.state = 'failed') AS failed,
               count(*) FILTER (WHERE j.state = 'canceled') AS canceled
        FROM ayb_jobs.jobs AS j WHERE NOT EXISTS (SELECT FROM kept)
    )
    SELECT c.queued, c.running, c.completed, c.failed, c.canceled,
           extract(epoch FROM ayb_jobs._now() - ayb_jobs._oldest_due())::double precision
    FROM (SELECT * FROM kept UNION ALL SELECT * FROM counted LIMIT 1) AS c;
END;
COMMENT ON FUNCTION ayb_jobs.stats() IS
    'how many jobs are in each state, and how long the oldest due one has waited (NULL if none is due); reads no table once the scheduler has counted';

CREATE FUNCTION ayb_jobs._current_minutes() RETURNS SETOF ayb_jobs.job_minutes
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_current_minutes';
COMMENT ON FUNCTION ayb_jobs._current_minutes() IS 'counts of minutes that are not in job_minutes yet';

CREATE FUNCTION ayb_jobs._add_histograms(bigint[], bigint[]) RETURNS bigint[]
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ayb_jobs_add_histograms';
COMMENT ON FUNCTION ayb_jobs._add_histograms(bigint[], bigint[]) IS 'the sum of two histograms';

CREATE AGGREGATE ayb_jobs._sum_histograms(bigint[]) (
    SFUNC = ayb_jobs._add_histograms, STYPE = bigint[], COMBINEFUNC = ayb_jobs._add_histograms,
    PARALLEL = SAFE);
COMMENT ON AGGREGATE ayb_jobs._sum_histograms(bigint[]) IS 'the sum of histograms';

CREATE FUNCTION ayb_jobs._quantile(counts bigint[], quantile double precision) RETURNS double precision
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ayb_jobs_quantile';
COMMENT ON FUNCTION ayb_jobs._quantile(bigint[], double precision) IS
    'milliseconds below which that share of a histogram lies, at most 19 % off';

CREATE FUNCTION ayb_jobs.series(since timestamptz DEFAULT NULL, step interval DEFAULT '1 minute',
                                type text DEFAULT NULL, by_type boolean DEFAULT true,
                                OUT bucket timestamptz, OUT job_type text, OUT completed bigint,
                                OUT failed bigint, OUT retried bigint, OUT lost bigint, OUT canceled bigint,
                                OUT wait_p50 double precision, OUT wait_p95 double precision,
                                OUT wait_p99 double precision, OUT run_p50 double precision,
                                OUT run_p95 double precision, OUT run_p99 double precision)
    RETURNS SETOF record LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH summed AS (
        SELECT date_bin(step, m.minute, '2000-01-01 00:00:00+00'::timestamptz) AS bucket,
               CASE WHEN by_type THEN m.type END AS type,
               sum(m.completed)::bigint AS completed, sum(m.failed)::bigint AS failed,
               sum(m.retried)::bigint AS retried, sum(m.lost)::bigint AS lost,
               sum(m.canceled)::bigint AS canceled, ayb_jobs._sum_histograms(m.wait_time) AS waits,
               ayb_jobs._sum_histograms(m.run_time) AS runs
        FROM (SELECT * FROM ayb_jobs.job_minutes UNION ALL SELECT * FROM ayb_jobs._current_minutes()) AS m
        WHERE m.minute >= coalesce(series.since, ayb_jobs._now() - interval '1 hour')
          AND (series.type IS NULL OR m.type = series.type)
        GROUP BY 1, 2
    )
    SELECT s.bucket, s.type, s.completed, s.failed, s.retried, s.lost, s.canceled,
           ayb_jobs._quantile(s.waits, 0.5), ayb_jobs._quantile(s.waits, 0.95),
           ayb_jobs._quantile(s.waits, 0.99), ayb_jobs._quantile(s.runs, 0.5),
           ayb_jobs._quantile(s.runs, 0.95), ayb_jobs._quantile(s.runs, 0.99)
    FROM summed AS s ORDER BY s.bucket, s.type;
END;
COMMENT ON FUNCTION ayb_jobs.series(timestamptz, interval, text, boolean) IS
    'attempts by step and, unless by_type is false, by type since an instant (an hour ago by default), with quantiles of waiting and running in milliseconds';

CREATE FUNCTION ayb_jobs.attempts(job_id uuid, OUT attempt integer, OUT status text, OUT worker_id text,
                                  OUT started_at timestamptz, OUT finished_at timestamptz,
                                  OUT duration_ms double precision, OUT error text, OUT sqlstate text)
    RETURNS SETOF record LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT u.attempt, u.status, u.worker_id, u.started_at, u.finished_at,
           (extract(epoch FROM u.finished_at - u.started_at) * 1000)::double precision, u.error, u.sqlstate
    FROM (
        SELECT a.attempt, a.status, a.worker_id, a.started_at, a.finished_at, a.error, a.sqlstate
        FROM ayb_jobs.job_attempts AS a WHERE a.job_id = attempts.job_id
        UNION ALL
        SELECT j.attempts, j.state, j.worker_id, j.last_run_at, j.completed_at, NULL, NULL
        FROM ayb_jobs.jobs AS j WHERE j.id = attempts.job_id AND j.state IN ('running', 'completed')
        UNION ALL
        SELECT w.attempt, 'running', w.worker_id, w.job_since, NULL, NULL, NULL
        FROM ayb_jobs.jobs AS j JOIN ayb_jobs.workers() AS w ON w.job_id = j.id
        WHERE j.id = attempts.job_id AND j.state = 'queued' AND j.is_running
    ) AS u
    ORDER BY u.started_at, u.attempt;
END;
COMMENT ON FUNCTION ayb_jobs.attempts(uuid) IS 'every attempt of a job: failed, lost, canceled, running, completed';

CREATE FUNCTION ayb_jobs._server_state(OUT preloaded boolean, OUT enabled boolean, OUT launched boolean,
                                       OUT scheduled boolean, OUT dormant boolean,
                                       OUT no_slot_since timestamptz, OUT leases_lost bigint,
                                       OUT draining boolean, OUT error text)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_server_state';
COMMENT ON FUNCTION ayb_jobs._server_state() IS 'what health() asks of shared memory';
REVOKE ALL ON FUNCTION ayb_jobs._server_state() FROM PUBLIC;

-- pg_restore --jobs may load job_queue before schedules: pg_dump tells it of no foreign key between tables of an
-- extension. So while a dump is restored (pg_dump turns row_security off, and no stamp is there yet), a job whose
-- schedule is still to come brings a placeholder with it, whose place the schedule takes when it comes.
CREATE FUNCTION ayb_jobs._expect_schedule() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ayb_jobs.database_stamp) THEN
        -- The schedules are loaded before this transaction or after it: in between each could wait for the other.
        LOCK TABLE ayb_jobs.schedules IN SHARE ROW EXCLUSIVE MODE;
        INSERT INTO ayb_jobs.schedules (id, name, job_type, cron_expr, enabled, last_error)
        VALUES (NEW.schedule_id, 'restored without its row: ' || NEW.schedule_id, NEW.type, '@yearly', false,
                'the dump that was restored holds a job of this schedule, and not the schedule')
        ON CONFLICT (id) DO NOTHING;
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION ayb_jobs._expect_schedule() IS 'makes a placeholder for a schedule that a restore brings later';

CREATE TRIGGER expect_schedule BEFORE INSERT ON ayb_jobs.job_queue FOR EACH ROW
    WHEN (NEW.schedule_id IS NOT NULL AND NOT current_setting('row_security')::boolean)
    EXECUTE FUNCTION ayb_jobs._expect_schedule();
COMMENT ON TRIGGER expect_schedule ON ayb_jobs.job_queue IS 'lets pg_restore --jobs load jobs before their schedules';

CREATE FUNCTION ayb_jobs._fill_placeholder() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE ayb_jobs.schedules AS s
    SET (name, job_type, payload, cron_expr, timezone, enabled, max_attempts, overlap, missed, run_as, next_run_at,
         last_run_at, last_skip, last_error, created_at, updated_at)
      = (NEW.name, NEW.job_type, NEW.payload, NEW.cron_expr, NEW.timezone, NEW.enabled, NEW.max_attempts, NEW.overlap,
         NEW.missed, NEW.run_as, NEW.next_run_at, NEW.last_run_at, NEW.last_skip, NEW.last_error, NEW.created_at,
         NEW.updated_at)
    WHERE s.id = NEW.id AND s.name = 'restored without its row: ' || s.id;
    RETURN CASE WHEN FOUND THEN NULL ELSE NEW END;
END $$;
COMMENT ON FUNCTION ayb_jobs._fill_placeholder() IS 'puts a restored schedule in the place of its placeholder';

CREATE TRIGGER fill_placeholder BEFORE INSERT ON ayb_jobs.schedules FOR EACH ROW
    WHEN (NOT current_setting('row_security')::boolean)
    EXECUTE FUNCTION ayb_jobs._fill_placeholder();
COMMENT ON TRIGGER fill_placeholder ON ayb_jobs.schedules IS 'lets pg_restore --jobs load schedules after their jobs';

REVOKE ALL ON FUNCTION ayb_jobs._expect_schedule(), ayb_jobs._fill_placeholder() FROM PUBLIC;

-- Runs as the owner, since PostgreSQL shows other roles' sessions to few: it takes no argument, and who may
-- call it is granted below.
CREATE FUNCTION ayb_jobs.health(OUT "check" text, OUT status text, OUT detail text, OUT hint text)
    RETURNS SETOF record LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH state AS MATERIALIZED (
        SELECT * FROM ayb_jobs._server_state()
    ), horizon AS (
        SELECT 'session ' || a.pid || coalesce(' of ' || a.usename, '') AS holder, age(a.backend_xmin) AS age,
               a.xact_start AS since
        FROM pg_stat_activity AS a WHERE a.backend_xmin IS NOT NULL AND a.pid <> pg_backend_pid()
        UNION ALL
        SELECT 'replication slot ' || s.slot_name, age(s.xmin), NULL FROM pg_replication_slots AS s
        WHERE s.xmin IS NOT NULL
        UNION ALL
        SELECT 'prepared transaction ' || quote_literal(p.gid), age(p.transaction), p.prepared
        FROM pg_prepared_xacts AS p
    ), oldest AS (
        SELECT h.*, extract(epoch FROM clock_timestamp() - h.since) AS seconds
        FROM horizon AS h ORDER BY h.age DESC LIMIT 1
    ), tuples AS (
        SELECT s.n_live_tup, s.n_dead_tup, s.last_autovacuum FROM pg_stat_all_tables AS s
        WHERE s.relid = 'ayb_jobs.job_queue'::regclass
    ), due AS (
        SELECT extract(epoch FROM ayb_jobs._now() - ayb_jobs._oldest_due()) AS seconds
    ), waiting AS (
        SELECT q.type, count(*) AS jobs FROM ayb_jobs.job_queue AS q
        WHERE q.state = 'queued' AND q.waits_for = 'handler' GROUP BY q.type
    )
    SELECT 'preloaded', CASE WHEN s.preloaded THEN 'ok' ELSE 'error' END,
           CASE WHEN s.preloaded THEN 'the library is preloaded' ELSE 'nothing runs: the library is not preloaded' END,
           CASE WHEN NOT s.preloaded THEN 'Add ayb_jobs to shared_preload_libraries and restart the server.' END
    FROM state AS s
    UNION ALL
    SELECT 'enabled', CASE WHEN s.enabled THEN 'ok' ELSE 'warning' END,
           'ayb_jobs.enabled is ' || CASE WHEN s.enabled THEN 'on' ELSE 'off: nothing runs' END,
           CASE WHEN NOT s.enabled THEN 'ALTER SYSTEM SET ayb_jobs.enabled = on; SELECT pg_reload_conf();' END
    FROM state AS s
    UNION ALL
    SELECT 'scheduler',
           CASE WHEN s.scheduled OR pg_is_in_recovery() OR NOT (s.preloaded AND s.enabled) THEN 'ok' ELSE 'error' END,
           CASE WHEN s.scheduled THEN 'the scheduler of this database runs'
                WHEN pg_is_in_recovery() THEN 'nothing runs on a standby until it is promoted'
                ELSE 'no scheduler runs for this database' || coalesce(': ' || s.error, '') END,
           CASE WHEN NOT (s.scheduled OR pg_is_in_recovery()) AND s.preloaded AND s.enabled
                THEN 'See the server log; is the database named in ayb_jobs.databases?' END
    FROM state AS s
    UNION ALL
    SELECT 'stamp', CASE WHEN s.dormant THEN 'error' ELSE 'ok' END,
           CASE WHEN s.dormant THEN 'nothing runs: this database is a copy or was restored'
                ELSE 'the database is the one that its stamp names' END,
           CASE WHEN s.dormant THEN 'SELECT ayb_jobs.resume(); lets its jobs run.' END
    FROM state AS s
    UNION ALL
    SELECT 'paused', CASE WHEN count(p.type) = 0 THEN 'ok' ELSE 'warning' END,
           coalesce(string_agg(CASE p.type WHEN '' THEN 'all of the database' ELSE 'type ' || p.type END, ', '
                               ORDER BY p.type), 'nothing is paused'),
           CASE WHEN count(p.type) > 0 THEN 'SELECT ayb_jobs.resume(type); or resume() for the database.' END
    FROM ayb_jobs.pauses AS p
    UNION ALL
    SELECT 'worker_slots', CASE WHEN s.no_slot_since IS NULL THEN 'ok' ELSE 'error' END,
           CASE WHEN s.no_slot_since IS NULL THEN 'background worker slots are free'
                ELSE 'no background worker slot has been free since ' || s.no_slot_since END,
           CASE WHEN s.no_slot_since IS NOT NULL
                THEN 'Raise max_worker_processes (it is ' || current_setting('max_worker_processes') || ') and restart the server.' END
    FROM state AS s
    UNION ALL
    SELECT 'oldest_due', CASE WHEN d.seconds > 60 THEN 'warning' ELSE 'ok' END,
           coalesce('the oldest due job has waited ' || round(d.seconds, 1) || ' s', 'no job is due'),
           CASE WHEN d.seconds > 60 THEN 'See ayb_jobs.lanes() and ayb_jobs.workers(); raise ayb_jobs.worker_concurrency if workers are busy.' END
    FROM due AS d
    UNION ALL
    SELECT 'handlers', CASE WHEN count(w.type) = 0 THEN 'ok' ELSE 'warning' END,
           coalesce(string_agg(w.jobs || ' of type ' || w.type, ', ' ORDER BY w.type) || ' wait for a handler',
                    'no job waits for a handler'),
           CASE WHEN count(w.type) > 0 THEN 'Register one with ayb_jobs.register_handler().' END
    FROM waiting AS w
    UNION ALL
    SELECT 'schedules', CASE WHEN count(s.id) = 0 THEN 'ok' ELSE 'error' END,
           coalesce(string_agg(s.name || ': ' || coalesce(s.last_error, 'has no next run'), '; ' ORDER BY s.name),
                    'every schedule that is enabled can be computed'),
           CASE WHEN count(s.id) > 0 THEN 'Mend it, then ayb_jobs.enable_schedule(id); or ayb_jobs.delete_schedule(id).' END
    FROM ayb_jobs.schedules AS s WHERE s.enabled AND (s.last_error IS NOT NULL OR s.next_run_at IS NULL)
    UNION ALL
    SELECT 'matviews', CASE WHEN count(m.id) = 0 THEN 'ok' ELSE 'warning' END,
           coalesce(string_agg(m.schema_name || '.' || m.view_name || ': ' || m.last_refresh_error, '; '
                               ORDER BY m.schema_name, m.view_name), 'no refresh of a registered view has failed'),
           CASE WHEN count(m.id) > 0 THEN 'See ayb_jobs.matviews; mend the view, then ayb_jobs.refresh_now(id), or ayb_jobs.unregister_matview(id).' END
    FROM ayb_jobs.matview_refreshes AS m WHERE m.last_refresh_status = 'error'
    UNION ALL
    SELECT 'lanes', CASE WHEN count(l.error) = 0 THEN 'ok' ELSE 'error' END,
           coalesce(string_agg('role ' || l.role || ': ' || l.error, '; ' ORDER BY l.role::text),
                    'every lane can be served'),
           CASE WHEN count(l.error) > 0 THEN 'ALTER ROLE … LOGIN, GRANT CONNECT ON DATABASE, or cancel the jobs.' END
    FROM ayb_jobs.lanes() AS l
    UNION ALL
    SELECT 'leases_lost', CASE WHEN s.leases_lost > 0 THEN 'warning' ELSE 'ok' END,
           coalesce(s.leases_lost, 0) || ' attempts lost since the scheduler started',
           CASE WHEN s.leases_lost > 0 THEN 'See ayb_jobs.attempts(job_id), and the server log.' END
    FROM state AS s
    UNION ALL
    SELECT 'xmin_horizon', CASE WHEN o.seconds > 3600 OR o.age > 10000000 THEN 'warning' ELSE 'ok' END,
           coalesce(o.holder || ' holds back vacuum by ' || o.age || ' transactions'
                    || coalesce(', for ' || round(o.seconds) || ' s', ''), 'nothing holds back vacuum'),
           CASE WHEN o.seconds > 3600 OR o.age > 10000000 THEN 'End it: dead rows can''t be removed before.' END
    FROM (SELECT 1) AS one LEFT JOIN oldest AS o ON true
    UNION ALL
    SELECT 'dead_tuples', CASE WHEN t.n_dead_tup > 100000 AND t.n_dead_tup > t.n_live_tup THEN 'warning' ELSE 'ok' END,
           coalesce(t.n_dead_tup, 0) || ' dead rows in job_queue, ' || coalesce(t.n_live_tup, 0) || ' live',
           CASE WHEN t.n_dead_tup > 100000 AND t.n_dead_tup > t.n_live_tup THEN 'Is autovacuum on, and nothing holding back vacuum?' END
    FROM tuples AS t;
END;
COMMENT ON FUNCTION ayb_jobs.health() IS
    'one row a check: what is well, what isn''t, and what mends it; for ayb_jobs_admin and pg_monitor';
REVOKE ALL ON FUNCTION ayb_jobs.health() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ayb_jobs.health() TO ayb_jobs_admin, pg_monitor;

CREATE FUNCTION ayb_jobs._stamp_new_database() RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_stamp_new_database';
COMMENT ON FUNCTION ayb_jobs._stamp_new_database() IS
    'the last step of the installation: allows jobs to run here, unless a dump is being restored';
REVOKE ALL ON FUNCTION ayb_jobs._stamp_new_database() FROM PUBLIC;

-- As a DO block, so that psql shows no result.
DO $$ BEGIN PERFORM ayb_jobs._stamp_new_database(); END $$;
