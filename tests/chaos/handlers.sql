-- What the load runs, and where it leaves its traces. Nothing here is unique or checked: what happens twice has to be
-- seen twice.

CREATE TABLE effects (
    token    text,
    job      uuid,
    attempt  integer,
    role     oid,
    counter  integer,
    schedule uuid,
    tick     timestamptz,
    early    boolean     NOT NULL DEFAULT false,
    xact     xid8        NOT NULL DEFAULT pg_current_xact_id(),
    at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON effects (token);
CREATE TABLE counters (id integer PRIMARY KEY, n bigint NOT NULL DEFAULT 0);
INSERT INTO counters SELECT generate_series(1, 20);
CREATE TABLE facts (token text PRIMARY KEY);
CREATE MATERIALIZED VIEW seen AS SELECT token FROM facts;
CREATE MATERIALIZED VIEW seen_too AS SELECT token FROM facts;
CREATE UNIQUE INDEX ON seen_too (token);
ALTER MATERIALIZED VIEW seen OWNER TO alice;
ALTER MATERIALIZED VIEW seen_too OWNER TO alice;
CREATE TABLE late (attempt integer);
CREATE TABLE wide (n integer) WITH (parallel_workers = 30);
INSERT INTO wide SELECT generate_series(1, 20000);
GRANT ALL ON effects, counters, facts, late TO PUBLIC;

-- The role of an effect is 0 where the session is one role and acts as another.
-- None of these functions may depend on the extension, as it is dropped and comes back.
-- Whether one that it has to come after has left no effect that can be seen.
CREATE FUNCTION is_early(payload jsonb) RETURNS boolean LANGUAGE sql AS $$
    SELECT EXISTS (SELECT FROM jsonb_array_elements_text(payload->'after') AS a (token)
                   WHERE NOT EXISTS (SELECT FROM effects AS e WHERE e.token = a.token))
$$;
CREATE FUNCTION leave_effect(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    job ayb_jobs.jobs := ayb_jobs.current_job();
BEGIN
    INSERT INTO effects (token, job, attempt, role, counter, schedule, tick, early)
    VALUES (payload->>'token', job.id, job.attempts,
            CASE WHEN session_user = current_user THEN quote_ident(current_user)::regrole ELSE 0 END,
            (payload->>'counter')::integer, job.schedule_id, job.scheduled_at, is_early(payload));
END $$;

-- What a handler may do to those beside and behind it.
CREATE FUNCTION work(payload jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    job ayb_jobs.jobs := ayb_jobs.current_job();
    mood text := coalesce(payload->>'mood', '');
BEGIN
    PERFORM leave_effect(payload);
    IF current_setting('chaos.dirty', true) <> '' THEN
        RAISE 'this session has the setting of job %', current_setting('chaos.dirty');
    END IF;
    UPDATE counters SET n = n + 1 WHERE id = (payload->>'counter')::integer;
    CASE mood
        WHEN 'slow' THEN PERFORM pg_sleep((payload->>'seconds')::float8);
        WHEN 'dirty' THEN PERFORM set_config('chaos.dirty', job.id::text, false);
        WHEN 'temporary' THEN CREATE TEMPORARY TABLE left_behind AS SELECT job.id;
        WHEN 'parent' THEN
            PERFORM ayb_jobs.enqueue('work', jsonb_build_object('token', payload->>'token' || '.child'), max_attempts => 1000);
        WHEN 'notify' THEN PERFORM pg_notify('chaos', job.id::text);
        WHEN 'raises' THEN
            IF job.attempts < 2 THEN RAISE 'as asked'; END IF;
        WHEN 'late' THEN INSERT INTO late VALUES (job.attempts);
        WHEN 'leaves' THEN
            IF job.attempts < 2 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
        ELSE NULL;
    END CASE;
    RETURN jsonb_build_object('attempt', job.attempts);
END $$;

-- The commit of a first attempt fails.
CREATE FUNCTION too_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.attempt < 2 THEN RAISE 'the commit fails, as asked'; END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER too_late AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION too_late();

-- Of these two may run at once, and one of each key (set_limit, below). Each locks a row of two, and that of its key, until its
-- transaction ends, and tells where others have them: of one group all have the same. Row locks leave no trace in a session.
CREATE TABLE rooms (kind text, name text);
INSERT INTO rooms VALUES ('type', 'one'), ('type', 'two');
INSERT INTO rooms SELECT 'key', 'k' || n FROM generate_series(0, 4) AS n;
CREATE TABLE crowded (token text, what text);
GRANT ALL ON rooms, crowded TO PUBLIC;
CREATE FUNCTION metered(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM leave_effect(payload);
    PERFORM FROM rooms WHERE kind = 'type' LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN INSERT INTO crowded VALUES (payload ->> 'token', 'type'); END IF;
    PERFORM FROM rooms WHERE kind = 'key' AND name = payload ->> 'key' FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN INSERT INTO crowded VALUES (payload ->> 'token', 'key'); END IF;
    IF payload ? 'seconds' THEN PERFORM pg_sleep((payload ->> 'seconds')::float8); END IF;
END $$;

CREATE FUNCTION doomed(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM leave_effect(payload);
    RAISE 'never goes well';
END $$;
CREATE PROCEDURE errand() LANGUAGE plpgsql AS $$
BEGIN
    PERFORM leave_effect((ayb_jobs.current_job()).payload);
    COMMIT;
    PERFORM pg_sleep(0.01);
END $$;
CREATE FUNCTION tick(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM leave_effect('{}');
END $$;

SELECT type FROM ayb_jobs.register_handler('work', 'work(jsonb)', backoff => '{0}');
SELECT type FROM ayb_jobs.register_handler('flip', 'work(jsonb)', backoff => '{0}');
SELECT type FROM ayb_jobs.register_handler('doomed', 'doomed(jsonb)', max_attempts => 2, backoff => '{0}');
SELECT type FROM ayb_jobs.register_handler('errand', 'CALL errand()', kind => 'command', backoff => '{0}');
SELECT type FROM ayb_jobs.register_handler('parcel', kind => 'external', backoff => '{0}');
SELECT type FROM ayb_jobs.register_handler('metered', 'metered(jsonb)', backoff => '{0}');
SELECT type FROM ayb_jobs.set_limit('metered', running => 2, running_per_key => 1);
SELECT type FROM ayb_jobs.register_handler('tick', 'tick(jsonb)', max_attempts => 1000, backoff => '{0}');
SELECT ayb_jobs.register_matview('seen');
SELECT ayb_jobs.register_matview('seen_too', refresh_mode => 'concurrent', skip_unchanged => true);
