-- What the tables' defaults and policies need.

CREATE FUNCTION ayb_jobs.uuid7() RETURNS uuid
    LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'ayb_jobs_uuid7';
COMMENT ON FUNCTION ayb_jobs.uuid7() IS 'a new UUID of version 7: it sorts by the microsecond in which it was made';

CREATE FUNCTION ayb_jobs_internal.now() RETURNS timestamptz
    LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ayb_jobs_now';
COMMENT ON FUNCTION ayb_jobs_internal.now() IS 'what the engine takes for now';

CREATE FUNCTION ayb_jobs_internal.lane(run_as regrole, type text, priority smallint, partition_key text) RETURNS bigint
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ayb_jobs_lane';
COMMENT ON FUNCTION ayb_jobs_internal.lane(regrole, text, smallint, text) IS 'where the jobs of a lane stand in the claim indexes';

CREATE FUNCTION ayb_jobs_internal.visible_roles() RETURNS oid[]
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ayb_jobs_visible_roles';
COMMENT ON FUNCTION ayb_jobs_internal.visible_roles() IS 'the roles whose privileges the current role has';

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
    created_at   timestamptz NOT NULL DEFAULT ayb_jobs_internal.now(),
    updated_at   timestamptz NOT NULL DEFAULT ayb_jobs_internal.now(),
    last_jobs    uuid[]      NOT NULL DEFAULT '{}',
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
COMMENT ON COLUMN ayb_jobs.schedules.last_jobs IS 'its last eight jobs, the newest first, from which its outcome is told';

CREATE INDEX schedules_next_run_idx ON ayb_jobs.schedules (next_run_at) WHERE enabled;

CREATE TABLE ayb_jobs.job_queue (
    id              uuid        NOT NULL DEFAULT ayb_jobs.uuid7(),
    type            text        COLLATE "C" NOT NULL,
    payload         jsonb       NOT NULL DEFAULT '{}',
    state           text        NOT NULL DEFAULT 'queued',
    waits_for       text,
    run_as          regrole     NOT NULL DEFAULT (current_user::regrole),
    run_at          timestamptz NOT NULL DEFAULT ayb_jobs_internal.now(),
    lease_until     timestamptz,
    worker_id       text,
    attempts        integer     NOT NULL DEFAULT 0,
    max_attempts    integer     NOT NULL DEFAULT 3,
    last_error      text,
    last_run_at     timestamptz,
    idempotency_key text        COLLATE "C",
    schedule_id     uuid,
    scheduled_at    timestamptz,
    created_at      timestamptz NOT NULL DEFAULT ayb_jobs_internal.now(),
    updated_at      timestamptz NOT NULL DEFAULT ayb_jobs_internal.now(),
    canceled_at     timestamptz,
    enqueued_by     regrole     NOT NULL DEFAULT (current_user::regrole),
    runs            integer     NOT NULL DEFAULT 0,
    priority        smallint    NOT NULL DEFAULT 0,
    partition_key   text        COLLATE "C",
    unique_key      text        COLLATE "C",
    flow            uuid,
    registration    uuid,
    expires_at      timestamptz,
    meta            jsonb,
    claimed_by      regrole,
    lane            bigint      NOT NULL GENERATED ALWAYS AS (ayb_jobs_internal.lane(run_as, type, priority, partition_key)) STORED,
    log             jsonb,
    progress        jsonb,
    CONSTRAINT job_queue_pkey PRIMARY KEY (id),
    CONSTRAINT job_queue_schedule_id_fkey FOREIGN KEY (schedule_id) REFERENCES ayb_jobs.schedules (id)
        ON DELETE SET NULL,
    -- By this plans for completed jobs leave the queue out. All else that a row may hold is the row trigger's, which is cheaper.
    CONSTRAINT job_queue_state_check CHECK (state IN ('queued', 'running', 'failed', 'canceled'))
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_insert_scale_factor = 0.2, autovacuum_analyze_scale_factor = 0.05,
        autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE ayb_jobs.job_queue IS 'every job that is not completed';
COMMENT ON COLUMN ayb_jobs.job_queue.waits_for IS
    'what a queued job waits for beside its turn: jobs, its time (where it has a key) or trust; of a running one external where a worker outside holds it';
COMMENT ON COLUMN ayb_jobs.job_queue.run_as IS 'the role as which the job runs, and to which it belongs';
COMMENT ON COLUMN ayb_jobs.job_queue.enqueued_by IS 'the role that enqueued it; its schedule''s for a tick';
COMMENT ON COLUMN ayb_jobs.job_queue.claimed_by IS 'the role whose worker outside has claimed it';
COMMENT ON COLUMN ayb_jobs.job_queue.attempts IS 'attempts that are charged: a retry by hand begins again with none';
COMMENT ON COLUMN ayb_jobs.job_queue.runs IS
    'how often it was claimed, charged or not: never set back, so that what a claim has named ends that run alone';
COMMENT ON COLUMN ayb_jobs.job_queue.priority IS 'from -4, which goes first, to 4';
COMMENT ON COLUMN ayb_jobs.job_queue.partition_key IS 'whose turn it is within its type';
COMMENT ON COLUMN ayb_jobs.job_queue.unique_key IS 'at most one job of its type with this key waits to be started';
COMMENT ON COLUMN ayb_jobs.job_queue.flow IS 'the flow of which it is a part';
COMMENT ON COLUMN ayb_jobs.job_queue.registration IS
    'the registration of its handler to which it is bound, if that is a definer; then its idempotency key is enqueued_by''s';
COMMENT ON COLUMN ayb_jobs.job_queue.expires_at IS 'when it is of no use any more, unless it has been started';
COMMENT ON COLUMN ayb_jobs.job_queue.meta IS 'what is handed on to its handler beside the payload';
COMMENT ON COLUMN ayb_jobs.job_queue.lane IS
    'where it stands in the claim indexes: its role, a hash of its type, its priority or that it has a key';
COMMENT ON COLUMN ayb_jobs.job_queue.log IS 'what a worker outside has said by add_log() in its last run';
COMMENT ON COLUMN ayb_jobs.job_queue.progress IS 'the same of set_progress(): {"percent", "note"}';
COMMENT ON COLUMN ayb_jobs.job_queue.scheduled_at IS 'the tick of its schedule that enqueued it';
COMMENT ON COLUMN ayb_jobs.job_queue.lease_until IS 'until when the worker may keep the job';

-- Where a job stands hangs on the job alone, never on what is registered or paused. No two entries are alike: looking for
-- some that are, whenever a page is full, would be in vain. The condition that leaves most rows out comes first.
-- Without these nothing is claimed, so health() knows how to make them again.
CREATE FUNCTION ayb_jobs_internal.claim_indexes(OUT name text, OUT definition text) RETURNS SETOF record
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT i.name, 'CREATE INDEX ' || i.name || ' ON ayb_jobs.job_queue (' || i.columns || ') WITH (deduplicate_items = off)'
                   ' WHERE partition_key IS ' || i.keys || ' AND waits_for IS NULL AND state = ''queued'''
    FROM (VALUES ('job_queue_claim_idx', 'lane, run_at, id', 'NULL'),
                 ('job_queue_key_idx', 'lane, partition_key, priority, id', 'NOT NULL')) AS i (name, columns, keys);
END;
COMMENT ON FUNCTION ayb_jobs_internal.claim_indexes() IS 'the indexes that claims read, and the statements that make them';
DO $$ DECLARE
    statement text;
BEGIN
    FOR statement IN SELECT i.definition FROM ayb_jobs_internal.claim_indexes() AS i LOOP
        EXECUTE statement;
    END LOOP;
END $$;
CREATE INDEX job_queue_lease_idx ON ayb_jobs.job_queue (lease_until) WHERE state = 'running';
-- The keys of a definer's jobs are not its owner's: job_keys alone has them. What was canceled holds none; asked for its state
-- instead, each UPDATE of a job would cost more.
CREATE UNIQUE INDEX job_queue_idempotency_key_idx ON ayb_jobs.job_queue (run_as, idempotency_key)
    WHERE idempotency_key IS NOT NULL AND registration IS NULL AND canceled_at IS NULL;
-- Each UPDATE of a job compiles the conditions of all indexes: those of these three are the cheapest that leave nearly all rows out.
-- What has been started never comes back into this one, and what ended without it has given its key up: so no retry can meet
-- another job here.
CREATE UNIQUE INDEX job_queue_unique_key_idx ON ayb_jobs.job_queue (enqueued_by, type, unique_key)
    WHERE unique_key IS NOT NULL AND last_run_at IS NULL;
CREATE INDEX job_queue_trust_idx ON ayb_jobs.job_queue (waits_for, state, type, registration, enqueued_by, run_as)
    WHERE waits_for IS NOT NULL AND registration IS NOT NULL;
CREATE INDEX job_queue_time_idx ON ayb_jobs.job_queue (waits_for, state, run_at)
    WHERE waits_for IS NOT NULL AND partition_key IS NOT NULL;
CREATE INDEX job_queue_type_idx ON ayb_jobs.job_queue (type, id);
CREATE INDEX job_queue_schedule_idx ON ayb_jobs.job_queue (schedule_id) WHERE schedule_id IS NOT NULL;
-- One for both states: each UPDATE of a job opens all indexes, whether it has an entry there or not.
CREATE INDEX job_queue_ended_id_idx ON ayb_jobs.job_queue (state, id) WHERE state IN ('failed', 'canceled');
CREATE INDEX job_queue_ended_type_idx ON ayb_jobs.job_queue (state, type, id)
    WHERE state IN ('failed', 'canceled');
CREATE INDEX job_queue_ended_idx ON ayb_jobs.job_queue (updated_at) WHERE state IN ('failed', 'canceled');

-- No index on the parent: a dump of it could not be restored. Each partition has its own, and the
-- scheduler makes the partitions: those of an install script would be lost to a dump.
CREATE TABLE ayb_jobs.job_history (
    id              uuid        NOT NULL,
    type            text        COLLATE "C" NOT NULL,
    payload         jsonb       NOT NULL,
    run_as          regrole     NOT NULL,
    run_at          timestamptz NOT NULL,
    worker_id       text,
    attempts        integer     NOT NULL,
    max_attempts    integer     NOT NULL,
    last_error      text,
    last_run_at     timestamptz,
    idempotency_key text        COLLATE "C",
    schedule_id     uuid,
    scheduled_at    timestamptz,
    result          jsonb,
    created_at      timestamptz NOT NULL,
    completed_at    timestamptz NOT NULL,
    enqueued_by     regrole     NOT NULL,
    runs            integer     NOT NULL,
    partition_key   text        COLLATE "C",
    flow            uuid,
    meta            jsonb,
    parents         jsonb,
    log             jsonb
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
    hint        text,
    context     text,
    log         jsonb,
    letter      uuid,
    CONSTRAINT job_attempts_pkey PRIMARY KEY (job_id, finished_at, attempt),
    CONSTRAINT job_attempts_status_check CHECK (status IN ('failed', 'lost', 'canceled', 'snoozed'))
);
COMMENT ON TABLE ayb_jobs.job_attempts IS 'one row for each attempt that didn''t complete its job, kept as long as that; of the last hundred at least';
COMMENT ON COLUMN ayb_jobs.job_attempts.log IS 'what was said by add_log(): [{"at", "level", "message"}]';
COMMENT ON COLUMN ayb_jobs.job_attempts.letter IS 'the dead letter that was enqueued as the job failed for good with it';
-- For health(): only what goes on and on by snooze() comes that far.
CREATE INDEX job_attempts_endless_idx ON ayb_jobs.job_attempts (job_id) WHERE attempt > 100000;
COMMENT ON COLUMN ayb_jobs.job_attempts.attempt IS 'which run of the job it was: its runs by then';

CREATE TABLE ayb_jobs.job_keys (
    run_as          regrole NOT NULL,
    idempotency_key text    COLLATE "C" NOT NULL,
    job_id          uuid    NOT NULL,
    CONSTRAINT job_keys_pkey PRIMARY KEY (run_as, idempotency_key)
);
COMMENT ON TABLE ayb_jobs.job_keys IS
    'idempotency keys that are taken: as long as the job can be looked up, completed or not; a canceled job''s is free';
COMMENT ON COLUMN ayb_jobs.job_keys.run_as IS 'whose key it is: the job''s role, or of a definer''s job who enqueued it';

CREATE TABLE ayb_jobs.imports (
    id          uuid        NOT NULL,
    imported_at timestamptz NOT NULL DEFAULT ayb_jobs_internal.now(),
    CONSTRAINT imports_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE ayb_jobs.imports IS
    'what import_ayb() took over: it is never taken a second time, even when it has run and its history is gone';

CREATE TABLE ayb_jobs.job_minutes (
    minute    timestamptz NOT NULL,
    run_as    regrole     NOT NULL,
    type      text        COLLATE "C" NOT NULL,
    completed bigint      NOT NULL,
    failed    bigint      NOT NULL,
    retried   bigint      NOT NULL,
    lost      bigint      NOT NULL,
    canceled  bigint      NOT NULL,
    wait_time bigint[]    NOT NULL,
    run_time  bigint[]    NOT NULL,
    snoozed   bigint      NOT NULL DEFAULT 0,
    CONSTRAINT job_minutes_pkey PRIMARY KEY (minute, run_as, type)
);
COMMENT ON TABLE ayb_jobs.job_minutes IS
    'attempts by minute and type, with histograms of how long they waited and ran; kept a week';
COMMENT ON COLUMN ayb_jobs.job_minutes.snoozed IS 'steps, after which the job goes on: snooze()';
COMMENT ON COLUMN ayb_jobs.job_minutes.wait_time IS
    'counts in 64 buckets that grow by the square root of two from one microsecond';

CREATE TABLE ayb_jobs.handlers (
    type            text        COLLATE "C" NOT NULL,
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
    registration    uuid,
    grouped         boolean     NOT NULL DEFAULT true,
    builtin         boolean     NOT NULL DEFAULT false,
    priority        integer     NOT NULL DEFAULT 0,
    enqueuer_sees   boolean     NOT NULL DEFAULT true,
    dead_letter     text        COLLATE "C",
    keep            boolean     NOT NULL DEFAULT true,
    created_at      timestamptz NOT NULL DEFAULT ayb_jobs_internal.now(),
    updated_at      timestamptz NOT NULL DEFAULT ayb_jobs_internal.now(),
    CONSTRAINT handlers_pkey PRIMARY KEY (type),
    CONSTRAINT handlers_type_check CHECK (type <> '' AND length(type) <= 100),
    CONSTRAINT handlers_kind_check CHECK (kind IN ('function', 'command', 'external')),
    CONSTRAINT handlers_function_check CHECK ((kind = 'function') = (function_name IS NOT NULL)),
    CONSTRAINT handlers_command_check CHECK ((kind = 'command') = (command IS NOT NULL) OR builtin),
    CONSTRAINT handlers_definer_check CHECK (definer = (registration IS NOT NULL) AND (kind = 'function' OR NOT definer)),
    CONSTRAINT handlers_timeout_check CHECK (timeout > '0'),
    CONSTRAINT handlers_max_attempts_check CHECK (max_attempts >= 1),
    CONSTRAINT handlers_priority_check CHECK (priority BETWEEN -4 AND 4),
    CONSTRAINT handlers_dead_letter_check CHECK (dead_letter <> '' AND length(dead_letter) <= 100 AND dead_letter <> type)
);
-- Types with the same hash would share their lanes.
CREATE UNIQUE INDEX handlers_lane_key ON ayb_jobs.handlers (ayb_jobs_internal.lane(0::regrole, type, 0::smallint, NULL));
COMMENT ON TABLE ayb_jobs.handlers IS 'what a job type runs';
COMMENT ON COLUMN ayb_jobs.handlers.builtin IS 'it comes with the extension: the installation brings it, a dump doesn''t';
COMMENT ON COLUMN ayb_jobs.handlers.priority IS 'of its jobs that name none: from -4, which goes first, to 4';
COMMENT ON COLUMN ayb_jobs.handlers.enqueuer_sees IS 'of a definer: whether who enqueued a job of it sees it, and may cancel it';
COMMENT ON COLUMN ayb_jobs.handlers.dead_letter IS 'the type of the job that tells of one of this type which has failed for good';
COMMENT ON COLUMN ayb_jobs.handlers.keep IS 'whether its completed jobs are kept in the history';
COMMENT ON COLUMN ayb_jobs.handlers.owner IS 'whose type it is; only that role or an admin replaces it';
COMMENT ON COLUMN ayb_jobs.handlers.registration IS
    'of a definer: stands for its function, by schema, name and argument. Jobs are bound to it, and to the owner';
COMMENT ON COLUMN ayb_jobs.handlers.function_owner IS
    'whose function it was when it was registered: another role''s of the same name is not what was asked for';

CREATE TABLE ayb_jobs.allowed_types (
    role       regrole     NOT NULL,
    pattern    text        COLLATE "C" NOT NULL,
    allowed_by regrole     NOT NULL,
    allowed_at timestamptz NOT NULL DEFAULT ayb_jobs_internal.now(),
    CONSTRAINT allowed_types_pkey PRIMARY KEY (role, pattern),
    CONSTRAINT allowed_types_pattern_check CHECK (pattern <> '' AND length(pattern) <= 100)
);
COMMENT ON TABLE ayb_jobs.allowed_types IS 'which new types a role may register that has no CREATE on the database';
COMMENT ON COLUMN ayb_jobs.allowed_types.pattern IS 'of the types'' names, as for LIKE';

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
    last_success_at          timestamptz,
    last_durations_ms        bigint[]    NOT NULL DEFAULT '{}',
    changes_seen             bigint,
    sources_seen             text,
    created_at               timestamptz NOT NULL DEFAULT ayb_jobs_internal.now(),
    updated_at               timestamptz NOT NULL DEFAULT ayb_jobs_internal.now(),
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
COMMENT ON COLUMN ayb_jobs.matview_refreshes.last_success_at IS 'when the last good refresh ended';
COMMENT ON COLUMN ayb_jobs.matview_refreshes.last_skipped_at IS 'when a refresh was left out last, as nothing had changed';
COMMENT ON COLUMN ayb_jobs.matview_refreshes.last_durations_ms IS 'of the last ten good refreshes, the newest first';
COMMENT ON COLUMN ayb_jobs.matview_refreshes.changes_seen IS
    'what the statistics of its base tables had counted at the last good refresh';
COMMENT ON COLUMN ayb_jobs.matview_refreshes.sources_seen IS
    'the state of its sources that the last good refresh has seen; NULL where that isn''t known';

CREATE TABLE ayb_jobs.worker_grants (
    type       text        COLLATE "C" NOT NULL,
    role       regrole     NOT NULL,
    for_role   regrole,
    granted_by regrole     NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT ayb_jobs_internal.now(),
    CONSTRAINT worker_grants_key UNIQUE NULLS NOT DISTINCT (type, role, for_role)
);
-- A part of its key may be NULL, so that is no primary key; without an identity a publication of all tables refuses its changes.
ALTER TABLE ayb_jobs.worker_grants REPLICA IDENTITY FULL;
COMMENT ON TABLE ayb_jobs.worker_grants IS 'whose workers outside may take other roles'' jobs of a type';
COMMENT ON COLUMN ayb_jobs.worker_grants.for_role IS 'whose jobs; NULL for those of all who trust the type''s owner';
COMMENT ON COLUMN ayb_jobs.worker_grants.granted_by IS
    'by whose right: for_role''s, or the type''s owner''s, with whom it ends';

CREATE TABLE ayb_jobs.pauses (
    type      text        COLLATE "C" NOT NULL,
    paused_at timestamptz NOT NULL DEFAULT ayb_jobs_internal.now(),
    paused_by regrole     NOT NULL,
    CONSTRAINT pauses_pkey PRIMARY KEY (type)
);
COMMENT ON TABLE ayb_jobs.pauses IS 'types that are paused; the empty type stands for all of the database';

CREATE TABLE ayb_jobs.type_limits (
    type            text        COLLATE "C" NOT NULL,
    running         integer,
    running_per_key integer,
    starts          integer,
    starts_per_key  integer,
    per             interval,
    ordered         boolean     NOT NULL DEFAULT false,
    set_by          regrole     NOT NULL,
    set_at          timestamptz NOT NULL DEFAULT ayb_jobs_internal.now(),
    CONSTRAINT type_limits_pkey PRIMARY KEY (type),
    CONSTRAINT type_limits_rule_check CHECK (ordered OR num_nonnulls(running, running_per_key, starts, starts_per_key) > 0),
    CONSTRAINT type_limits_running_check CHECK (least(running, running_per_key) >= 1),
    CONSTRAINT type_limits_starts_check CHECK (least(starts, starts_per_key) >= 1),
    CONSTRAINT type_limits_per_check CHECK (per > '0' AND per <= '1 hour'),
    CONSTRAINT type_limits_ordered_check CHECK (NOT ordered OR running_per_key IS NULL OR running_per_key = 1),
    CONSTRAINT type_limits_together_check CHECK ((coalesce(starts, starts_per_key) IS NULL) = (per IS NULL))
);
COMMENT ON TABLE ayb_jobs.type_limits IS
    'how many jobs of a type, and of each of its keys, run at once, how many start in any time of a length, and whether those of a key run in order';

CREATE TABLE ayb_jobs.database_stamp (
    system_identifier bigint      NOT NULL,
    database          oid         NOT NULL,
    stamped_at        timestamptz NOT NULL DEFAULT ayb_jobs_internal.now(),
    CONSTRAINT database_stamp_pkey PRIMARY KEY (system_identifier, database)
);
COMMENT ON TABLE ayb_jobs.database_stamp IS
    'the database for which jobs may run; where it doesn''t fit (a restored dump, a copy) nothing runs until ayb_jobs.adopt()';
