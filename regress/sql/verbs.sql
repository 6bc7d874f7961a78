-- Each verb on a job in each state: what becomes of it, or who refuses it and why. A verb that is added belongs into the
-- table verbs, a state into states.
SELECT type FROM ayb_jobs.register_handler('verbs', kind => 'external', max_attempts => 1);
CREATE FUNCTION hold_on() RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_xact_lock_shared(7)';
SELECT type FROM ayb_jobs.register_handler('verbs inside', 'hold_on()');

CREATE TABLE states (n serial, name text, id uuid DEFAULT ayb_jobs.uuid7());
INSERT INTO states (name) VALUES ('scheduled'), ('due'), ('retrying'), ('snoozed'), ('running'), ('leased'), ('completed'), ('failed'),
    ('canceled'), ('expired'), ('gone');
CREATE FUNCTION id_of(state text) RETURNS uuid LANGUAGE sql AS $$ SELECT id FROM states WHERE name = state $$;
SELECT pg_advisory_lock(7);
UPDATE states SET id = ayb_jobs.enqueue('verbs inside') WHERE name = 'running';
UPDATE states SET id = ayb_jobs.enqueue('verbs', max_attempts => CASE name WHEN 'retrying' THEN 3 END) WHERE name NOT IN ('scheduled', 'due', 'running', 'expired', 'gone');
SELECT count(*) FROM ayb_jobs.claim('w', '{verbs}', 100);
SELECT FROM ayb_jobs.fail(id_of('retrying'), 'w', 1, 'broken', '1 h');
SELECT FROM ayb_jobs.snooze(id_of('snoozed'), 'w', 1, '1 h');
SELECT FROM ayb_jobs.complete(id_of('completed'), 'w', 1);
SELECT FROM ayb_jobs.fail(id_of('failed'), 'w', 1, 'broken');
SELECT FROM ayb_jobs.cancel(id_of('canceled'), force => true);
UPDATE states SET id = ayb_jobs.enqueue('verbs', options => '{"expires_at": "2020-01-01"}') WHERE name = 'expired';
SELECT count(*) FROM ayb_jobs.claim('w', '{verbs}');
UPDATE states SET id = ayb_jobs.enqueue('verbs', run_at => '2100-01-01') WHERE name = 'scheduled';
UPDATE states SET id = ayb_jobs.enqueue('verbs') WHERE name = 'due';
SELECT wait_for(id_of('running'), 'running');
SELECT s.name, coalesce(j.phase, 'unknown') AS phase FROM states AS s LEFT JOIN ayb_jobs.jobs AS j USING (id) ORDER BY s.n;

CREATE TABLE verbs (n serial, name text, call text);
INSERT INTO verbs (name, call) VALUES
    ('cancel', 'cancel(%L)'), ('retry_now', 'retry_now(%L)'), ('run_now', 'run_now(%L)'), ('reschedule', 'reschedule(%L, ''2100-01-01'')'),
    ('set_priority', 'set_priority(%L, 1)'), ('delete_job', 'delete_job(%L)'), ('snooze', 'snooze(%L, ''w'', 1)'), ('add_log', 'add_log(%L, ''w'', 1, ''x'')'),
    ('complete', 'complete(%L, ''w'', 1)'), ('fail', 'fail(%L, ''w'', 1, ''broken'')'), ('extend', 'extend(%L, ''w'', 1)');

-- Tries the call, says what has become of the job, and takes it back.
CREATE FUNCTION try_verb(job uuid, call text, OUT outcome text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT ayb_jobs.' || call, job);
    SELECT format('%s (%s)', state, phase) INTO outcome FROM ayb_jobs.jobs WHERE id = job;
    outcome := 'now ' || coalesce(outcome, 'gone');
    RAISE 'taken back' USING ERRCODE = 'TAKEN';
EXCEPTION
    WHEN SQLSTATE 'TAKEN' THEN NULL;
    WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
        outcome := SQLSTATE || ': ' || replace(SQLERRM, job::text, '<id>');
END
$$;
CREATE TABLE tried AS
    SELECT v.n AS v, s.n AS s, v.name AS verb, s.name AS state, s.id, t.outcome, t.hint
    FROM verbs AS v CROSS JOIN states AS s CROSS JOIN LATERAL try_verb(s.id, v.call) AS t;
\pset format unaligned
\pset tuples_only on
SELECT verb, state, outcome, hint FROM tried ORDER BY v, s;
\pset format aligned
\pset tuples_only off
-- each refusal has a hint, and names the state that was found; what is gone is not found
SELECT verb, state, outcome FROM tried WHERE outcome NOT LIKE 'now %' AND coalesce(hint, '') = '';
SELECT t.verb, t.state, t.outcome FROM tried AS t LEFT JOIN ayb_jobs.jobs AS j USING (id)
WHERE t.outcome NOT LIKE 'now %' AND t.outcome NOT LIKE CASE WHEN j.id IS NULL THEN 'P0002: job <id> not found' ELSE '55000: job <id> is ' || j.state || '%' END;

-- Of many: what isn't in the state is left out, without an error.
CREATE TABLE verbs_of_many (n serial, name text, call text);
INSERT INTO verbs_of_many (name, call) VALUES
    ('cancel_many', 'SELECT ayb_jobs.cancel_many(%L)'), ('retry_many', 'SELECT ayb_jobs.retry_many(%L)'),
    ('run_now_many', 'SELECT ayb_jobs.run_now_many(%L)'), ('delete_jobs', 'SELECT deleted FROM ayb_jobs.delete_jobs(%L)');
CREATE FUNCTION try_many(job uuid, call text, OUT changed bigint, OUT outcome text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(call, ARRAY[job]) INTO changed;
    SELECT phase INTO outcome FROM ayb_jobs.jobs WHERE id = job;
    RAISE 'taken back' USING ERRCODE = 'TAKEN';
EXCEPTION WHEN SQLSTATE 'TAKEN' THEN NULL;
END
$$;
SELECT v.name AS verb, string_agg(s.name || ': ' || coalesce(t.outcome, 'gone'), ', ' ORDER BY s.n) FILTER (WHERE t.changed = 1) AS changes,
       string_agg(s.name, ', ' ORDER BY s.n) FILTER (WHERE t.changed = 0) AS leaves
FROM verbs_of_many AS v CROSS JOIN states AS s CROSS JOIN LATERAL try_many(s.id, v.call) AS t GROUP BY v.n, v.name ORDER BY v.n;
SELECT v.verb, string_agg(s.name || coalesce(': ' || r.reason, ''), ', ' ORDER BY s.n) AS answers
FROM (VALUES (1, 'complete_many', 'result', 'null'), (2, 'fail_many', 'error', '"broken"'), (3, 'extend_many', NULL, NULL)) AS v (n, verb, key, value)
CROSS JOIN states AS s
CROSS JOIN LATERAL (SELECT jsonb_build_array(jsonb_build_object('id', s.id, 'attempt', 1)
                                             || CASE WHEN v.key IS NULL THEN '{}' ELSE jsonb_build_object(v.key, v.value::jsonb) END) AS jobs) AS j
LEFT JOIN LATERAL (SELECT c.reason FROM ayb_jobs.complete_many('nobody', j.jobs) AS c WHERE v.n = 1
                   UNION ALL SELECT f.reason FROM ayb_jobs.fail_many('nobody', j.jobs) AS f WHERE v.n = 2
                   UNION ALL SELECT e.reason FROM ayb_jobs.extend_many('nobody', j.jobs) AS e WHERE v.n = 3) AS r ON true
GROUP BY v.n, v.verb ORDER BY v.n;

-- What is for a handler is refused elsewhere, whatever there is.
SELECT v.call, refused('SELECT ayb_jobs.' || v.call)
FROM (VALUES ('give_up(''x'')'), ('snooze()'), ('add_log(''x'')'), ('set_progress(1)')) AS v (call);
SELECT ayb_jobs.current_job() IS NULL AS no_job;

SELECT pg_advisory_unlock(7);
SELECT wait_for(id_of('running'), 'completed');
SELECT state FROM ayb_jobs.cancel(id_of('leased'), force => true);
SELECT ayb_jobs.unregister_handler(type) FROM ayb_jobs.handlers WHERE type LIKE 'verbs%';
DROP TABLE states, verbs, verbs_of_many, tried;
