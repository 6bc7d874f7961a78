CREATE FUNCTION ayb_jobs.register_handler(type text, handler text DEFAULT NULL, kind text DEFAULT 'function',
                                          timeout interval DEFAULT NULL, max_attempts integer DEFAULT NULL,
                                          backoff interval[] DEFAULT NULL, definer boolean DEFAULT false,
                                          grouped boolean DEFAULT true, owner name DEFAULT NULL,
                                          priority integer DEFAULT NULL, dead_letter text DEFAULT NULL,
                                          keep boolean DEFAULT true, options jsonb DEFAULT NULL)
    RETURNS ayb_jobs.handlers LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_register_handler';
COMMENT ON FUNCTION ayb_jobs.register_handler(text, text, text, interval, integer, interval[], boolean, boolean, name, integer, text, boolean, jsonb) IS
    'says what jobs of a type run: a function (by its signature), a command (one statement), or external; a new type takes CREATE on the database or allow_types()';

CREATE FUNCTION ayb_jobs.unregister_handler(type text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_unregister_handler';
COMMENT ON FUNCTION ayb_jobs.unregister_handler(text) IS
    'forgets what jobs of a type run; queued ones wait, uncharged, until it is registered again';

CREATE FUNCTION ayb_jobs.give_handler(type text, owner name) RETURNS ayb_jobs.handlers
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_give_handler';
COMMENT ON FUNCTION ayb_jobs.give_handler(text, name) IS
    'gives a type to another owner, to which the caller must be able to SET ROLE';

CREATE FUNCTION ayb_jobs.allow_types(role name, pattern text DEFAULT '%') RETURNS ayb_jobs.allowed_types
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_allow_types';
COMMENT ON FUNCTION ayb_jobs.allow_types(name, text) IS
    'lets a role register new types whose names are LIKE the pattern, without CREATE on the database';

CREATE FUNCTION ayb_jobs.disallow_types(role name, pattern text) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_disallow_types';
COMMENT ON FUNCTION ayb_jobs.disallow_types(name, text) IS
    'takes back what allow_types() has allowed by this pattern; whether it had';

CREATE FUNCTION ayb_jobs.current_job() RETURNS ayb_jobs.jobs
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_current_job';
COMMENT ON FUNCTION ayb_jobs.current_job() IS 'the job whose handler calls it; NULL outside of one';

CREATE FUNCTION ayb_jobs.give_up(reason text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_give_up';
COMMENT ON FUNCTION ayb_jobs.give_up(text) IS
    'ends the attempt of the job whose handler calls it by an error (JOB01) after which it is not tried again';

CREATE FUNCTION ayb_jobs.add_log(message text, level text DEFAULT 'info') RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_add_log';
COMMENT ON FUNCTION ayb_jobs.add_log(text, text) IS
    'adds a line to the log of the attempt of the job whose handler calls it; kept also where that fails';

CREATE FUNCTION ayb_jobs.snooze(delay interval DEFAULT '0', payload jsonb DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_snooze';
COMMENT ON FUNCTION ayb_jobs.snooze(interval, jsonb) IS
    'what the handler that calls it does commits as one step: its job waits again, for delay, with this payload or the one it has, uncharged';

CREATE FUNCTION ayb_jobs.set_progress(percent integer, note text DEFAULT '') RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_set_progress';
COMMENT ON FUNCTION ayb_jobs.set_progress(integer, text) IS
    'says how far the job is whose handler calls it, seen by others at once in ayb_jobs.jobs and workers()';
