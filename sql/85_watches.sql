-- Who wants to hear of checks of health() that turn.

CREATE TABLE ayb_jobs.health_watches (
    type       text        COLLATE "C" NOT NULL,
    run_as     regrole     NOT NULL,
    names      text[],
    bad        text[]      NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT ayb_jobs_internal.now(),
    CONSTRAINT health_watches_pkey PRIMARY KEY (type, run_as),
    CONSTRAINT health_watches_type_check CHECK (type <> '' AND length(type) <= 100)
);
COMMENT ON TABLE ayb_jobs.health_watches IS 'types of which a job is enqueued whenever a check of health() turns bad or well again';
COMMENT ON COLUMN ayb_jobs.health_watches.run_as IS 'whose watch it is, and as whom its jobs run';
COMMENT ON COLUMN ayb_jobs.health_watches.names IS 'the checks; NULL for all of them';
COMMENT ON COLUMN ayb_jobs.health_watches.bad IS 'those that weren''t well when it was told last';

-- The scheduler keeps whether there is any. It changes rows itself, each time that a check has turned.
CREATE TRIGGER note_configuration AFTER INSERT OR DELETE OR TRUNCATE ON ayb_jobs.health_watches
    FOR EACH STATEMENT EXECUTE FUNCTION ayb_jobs_internal.note_configuration();
ALTER TABLE ayb_jobs.health_watches ENABLE ALWAYS TRIGGER note_configuration;
COMMENT ON TRIGGER note_configuration ON ayb_jobs.health_watches IS 'makes the scheduler read watches anew';

ALTER TABLE ayb_jobs.health_watches ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON ayb_jobs.health_watches FOR SELECT
    USING (run_as = ANY ((SELECT ayb_jobs_internal.visible_roles())::oid[]));
CREATE POLICY every ON ayb_jobs.health_watches FOR SELECT TO ayb_jobs_read USING (true);
COMMENT ON POLICY own ON ayb_jobs.health_watches IS 'a role sees its own watches';
COMMENT ON POLICY every ON ayb_jobs.health_watches IS 'members of ayb_jobs_read see all watches';

SELECT pg_catalog.pg_extension_config_dump('ayb_jobs.health_watches',
    'WHERE EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.oid = run_as)');

CREATE FUNCTION ayb_jobs.watch_health(type text, names text[] DEFAULT NULL) RETURNS ayb_jobs.health_watches
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_watch_health';
COMMENT ON FUNCTION ayb_jobs.watch_health(text, text[]) IS
    'has a job of a type enqueued, as the caller, whenever one of these checks of health(), or any, turns bad or well again';

CREATE FUNCTION ayb_jobs.unwatch_health(type text) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_unwatch_health';
COMMENT ON FUNCTION ayb_jobs.unwatch_health(text) IS
    'ends the caller''s watch of that type, an admin''s call everybody''s; whether there was one';
