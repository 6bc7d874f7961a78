-- register_handler(dead_letter => …): the transaction in which a job fails for good enqueues a job that tells of it.
CREATE FUNCTION fall(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF payload ? 'final' THEN PERFORM ayb_jobs.give_up('no use'); END IF;
    RAISE EXCEPTION 'fell';
END $$;
CREATE TABLE letters (letter jsonb, meta jsonb, who name);
CREATE FUNCTION take_letter(letter jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO letters SELECT letter, (ayb_jobs.current_job()).meta, current_user $$;
SELECT type, dead_letter FROM ayb_jobs.register_handler('fall', 'fall', max_attempts => 2, backoff => '{0}', dead_letter => 'alarm');
SELECT type FROM ayb_jobs.register_handler('alarm', 'take_letter', max_attempts => 7, priority => -2);
-- after its last attempt, not before
SELECT ayb_jobs.enqueue('fall', '{"n": 1}', options => '{"meta": {"traceparent": "00-1"}}') AS id \gset
SELECT wait_until('(SELECT count(*) FROM letters) = 1');
SELECT letter = jsonb_build_object('job', :'id', 'type', 'fall', 'payload', '{"n": 1}'::jsonb, 'error', 'ERROR: fell (SQLSTATE P0001)', 'attempts', 2) AS told,
       meta = jsonb_build_object('traceparent', '00-1', 'dead_letter_of', :'id') AS traced FROM letters;
SELECT wait_until('EXISTS (SELECT FROM ayb_jobs.jobs WHERE type = ''alarm'' AND state = ''completed'')');
SELECT max_attempts, attempts, run_as = enqueued_by AS own FROM ayb_jobs.jobs WHERE type = 'alarm';
SELECT a.attempt, a.letter = j.id AS is_it FROM ayb_jobs.job_attempts AS a CROSS JOIN ayb_jobs.jobs AS j WHERE a.job_id = :'id' AND j.type = 'alarm' ORDER BY 1;
-- each time that it fails for good; give_up() is such a time
TRUNCATE letters;
SELECT state FROM ayb_jobs.retry_now(:'id');
SELECT ayb_jobs.enqueue('fall', '{"final": true}') AS id \gset
SELECT wait_until('(SELECT count(*) FROM letters) = 2');
SELECT letter ->> 'error' AS error, letter ->> 'attempts' AS attempts FROM letters ORDER BY 1;
-- no cancel, and no deadline, is a failure
TRUNCATE letters;
SELECT type FROM ayb_jobs.register_handler('fall outside', kind => 'external', max_attempts => 1, dead_letter => 'alarm');
SELECT state FROM ayb_jobs.cancel(ayb_jobs.enqueue('fall outside'));
SELECT ayb_jobs.enqueue('fall outside', options => '{"expires_at": "2020-01-01"}') IS NOT NULL;
SELECT id FROM ayb_jobs.claim('w', '{fall outside}');
-- by fail(final), by a lease that ends, by one statement for many
SELECT ayb_jobs.enqueue('fall outside', '"one"', max_attempts => 3) AS one, ayb_jobs.enqueue('fall outside', '"lost"') AS lost \gset
SELECT count(*) FROM ayb_jobs.claim('w', '{fall outside}', 2);
SELECT state FROM ayb_jobs.fail(:'one', 'w', 1, 'no use', final => true);
UPDATE ayb_jobs.job_queue SET lease_until = ayb_jobs_internal.now() - interval '1 s' WHERE id = :'lost';
SELECT wait_for(:'lost', 'failed');
SELECT count(ayb_jobs.enqueue('fall outside', to_jsonb(n))) FROM generate_series(1, 3) AS n;
SELECT f.* FROM (SELECT jsonb_agg(jsonb_build_object('id', c.id, 'attempt', 1, 'error', 'all of them') ORDER BY c.id) AS jobs
                 FROM ayb_jobs.claim('w', '{fall outside}', 3) AS c) AS c CROSS JOIN LATERAL ayb_jobs.fail_many('w', c.jobs) AS f;
SELECT wait_until('(SELECT count(*) FROM letters) = 5');
SELECT letter -> 'payload' AS payload, letter ->> 'error' AS error FROM letters ORDER BY (letter -> 'payload')::text;
-- rolled back it hasn't failed; run_here() does as a worker does
BEGIN;
SELECT type FROM ayb_jobs.register_handler('fall here', 'fall', max_attempts => 1, dead_letter => 'alarm here');
SELECT type FROM ayb_jobs.register_handler('alarm here', 'take_letter');
SELECT ayb_jobs.enqueue('fall here') IS NOT NULL;
SELECT state FROM ayb_jobs.run_here('fall here');
SELECT state FROM ayb_jobs.run_here('alarm here');
SELECT count(*) FROM letters;
ROLLBACK;
SELECT count(*) FROM letters;

-- A letter leaves no letter, so that none is answered by another for ever.
SELECT type, dead_letter FROM ayb_jobs.register_handler('ping', 'fall', max_attempts => 1, dead_letter => 'pong');
SELECT type, dead_letter FROM ayb_jobs.register_handler('pong', 'fall', max_attempts => 1, dead_letter => 'ping');
SELECT ayb_jobs.enqueue('ping') AS id \gset
SELECT wait_until('EXISTS (SELECT FROM ayb_jobs.jobs WHERE type = ''pong'' AND state = ''failed'')');
SELECT type, state FROM ayb_jobs.jobs WHERE type IN ('ping', 'pong') ORDER BY 1;

-- As the failed job's role, where that trusts the letter's type: another one's waits, and health() says so.
SET SESSION AUTHORIZATION regress_bob;
SELECT type FROM ayb_jobs.register_handler('bob hears', kind => 'external');
SET SESSION AUTHORIZATION regress_alice;
CREATE FUNCTION alice.falls() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'alice fell'; END $$;
SELECT type FROM ayb_jobs.register_handler('alice falls', 'alice.falls()', max_attempts => 1, dead_letter => 'bob hears');
SELECT ayb_jobs.enqueue('alice falls', '"secret"') AS id \gset
SELECT wait_for(:'id', 'failed');
SELECT type, state, phase, run_as::text, enqueued_by::text FROM ayb_jobs.jobs WHERE type = 'bob hears';
SET SESSION AUTHORIZATION regress_bob;
SELECT count(*) FROM ayb_jobs.claim('w', '{bob hears}');
RESET SESSION AUTHORIZATION;
-- never as a definer's job, whoever the type's owner is
SELECT type FROM ayb_jobs.register_handler('alarm of the owner', 'take_letter', definer => true);
REVOKE EXECUTE ON FUNCTION take_letter(jsonb) FROM PUBLIC;
SET SESSION AUTHORIZATION regress_alice;
SELECT type FROM ayb_jobs.register_handler('alice falls', 'alice.falls()', max_attempts => 1, dead_letter => 'alarm of the owner');
SELECT state FROM ayb_jobs.retry_now(:'id');
SELECT wait_for(:'id', 'failed');
RESET SESSION AUTHORIZATION;
SELECT j.type, j.phase, j.run_as::text, q.registration IS NULL AS unbound
FROM ayb_jobs.jobs AS j JOIN ayb_jobs.job_queue AS q USING (id) WHERE j.type = 'alarm of the owner';
SELECT count(*) FROM letters WHERE who <> current_user;
GRANT EXECUTE ON FUNCTION take_letter(jsonb) TO PUBLIC;

-- Who deletes a job deletes its letters; one that runs is named.
SELECT type FROM ayb_jobs.register_handler('mourned', kind => 'external', max_attempts => 1, dead_letter => 'mourned alarm');
SELECT type FROM ayb_jobs.register_handler('mourned alarm', kind => 'external');
SELECT count(ayb_jobs.enqueue('mourned', format('"%s"', who)::jsonb)) FROM unnest('{Ada Byron,Ada King}'::text[]) AS who;
SELECT count(f.state) FROM ayb_jobs.claim('w', '{mourned}', 2) AS c CROSS JOIN LATERAL ayb_jobs.fail(c.id, 'w', 1, c.payload #>> '{}') AS f;
SELECT holding('Ada King');
SELECT id AS byron FROM ayb_jobs.jobs WHERE type = 'mourned' AND payload = '"Ada Byron"' \gset
SELECT id AS letter FROM ayb_jobs.jobs WHERE type = 'mourned alarm' AND payload ->> 'payload' = 'Ada Byron' \gset
SELECT count(*) FROM ayb_jobs.claim('w', '{mourned alarm}') AS c WHERE c.id = :'letter';
SELECT ayb_jobs.delete_job(:'byron') = ARRAY['job ' || :'letter'] AS named;
SELECT holding('Ada Byron');
SELECT * FROM ayb_jobs.delete_matching('mourned');
SELECT holding('Ada King');
SELECT state FROM ayb_jobs.complete(:'letter', 'w', 1);
SELECT ayb_jobs.delete_job(:'letter');
SELECT holding('Ada Byron');

-- what can't be one
SELECT refused($$SELECT ayb_jobs.register_handler('fall', 'fall', dead_letter => 'fall')$$);
SELECT refused($$SELECT ayb_jobs.register_handler('fall', 'fall', dead_letter => 'command')$$);
SELECT refused($$SELECT ayb_jobs.register_handler('fall', 'fall', dead_letter => '')$$);
SELECT refused($$SELECT ayb_jobs.register_handler('fall', 'fall', dead_letter => repeat('x', 101))$$);
SELECT type, dead_letter FROM ayb_jobs.register_handler('fall', 'fall', dead_letter => 'not yet there');
-- who registers it anew without one has none any more
SELECT type, dead_letter FROM ayb_jobs.register_handler('fall', 'fall', max_attempts => 1);
SELECT ayb_jobs.enqueue('fall') AS id \gset
SELECT wait_for(:'id', 'failed');
SELECT count(*) FROM ayb_jobs.jobs WHERE type = 'not yet there' OR meta ->> 'dead_letter_of' = :'id';

SET client_min_messages = warning;
SELECT count(ayb_jobs.unregister_handler(type)) FROM unnest('{fall,alarm,fall outside,ping,pong,bob hears,alice falls,alarm of the owner,mourned,mourned alarm}'::text[]) AS type;
DELETE FROM ayb_jobs.job_attempts WHERE job_id IN (SELECT id FROM ayb_jobs.job_queue WHERE type IN ('fall', 'alarm', 'fall outside', 'ping', 'pong', 'bob hears', 'alice falls', 'alarm of the owner', 'mourned', 'mourned alarm'));
DELETE FROM ayb_jobs.job_queue WHERE type IN ('fall', 'alarm', 'fall outside', 'ping', 'pong', 'bob hears', 'alice falls', 'alarm of the owner', 'mourned', 'mourned alarm');
DROP TABLE letters;
DROP FUNCTION fall(jsonb), take_letter(jsonb), alice.falls();
