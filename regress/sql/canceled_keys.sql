-- The idempotency key of a canceled job is free; one that is run again takes it again, or runs without.
SELECT type FROM ayb_jobs.register_handler('keyed', kind => 'external');
CREATE FUNCTION keyed() RETURNS TABLE (n integer, state text, key text, holds boolean) LANGUAGE sql AS $$
    SELECT (j.payload #>> '{}')::integer, j.state, j.idempotency_key, EXISTS (SELECT FROM ayb_jobs.job_keys AS k WHERE k.job_id = j.id)
    FROM ayb_jobs.jobs AS j WHERE j.type = 'keyed' ORDER BY j.created_at, j.id $$;
SELECT ayb_jobs.enqueue('keyed', '1', idempotency_key => 'a') AS one \gset
SELECT state FROM ayb_jobs.cancel(:'one');
SELECT is_new, id AS two FROM ayb_jobs.enqueue_or_find('keyed', '2', idempotency_key => 'a') \gset
SELECT :'is_new' AS is_new;
SELECT ayb_jobs.enqueue('keyed', '3', idempotency_key => 'a') = :'two' AS found;
SELECT * FROM keyed();
-- another one has it by now
SELECT state, idempotency_key FROM ayb_jobs.run_now(:'one');
SELECT * FROM keyed();
-- nobody has: it takes it again
SELECT state FROM ayb_jobs.cancel(:'two');
SELECT state, idempotency_key FROM ayb_jobs.run_now(:'two');
SELECT ayb_jobs.enqueue('keyed', '4', idempotency_key => 'a') = :'two' AS found;
-- of several that were canceled the youngest takes it; nor is a key taken that a row holds by itself
SELECT state FROM ayb_jobs.cancel(:'two');
SELECT ayb_jobs.enqueue('keyed', '5', idempotency_key => 'a') AS five \gset
SELECT state FROM ayb_jobs.cancel(:'five');
SELECT ayb_jobs.enqueue('keyed', '6', idempotency_key => 'b') AS six \gset
SELECT state FROM ayb_jobs.cancel(:'six');
INSERT INTO ayb_jobs.job_queue (type, payload, idempotency_key) VALUES ('keyed', '7', 'b');
SELECT ayb_jobs.run_now_matching('keyed', phase => 'canceled');
SELECT * FROM keyed();
SELECT ayb_jobs.enqueue('keyed', '8', idempotency_key => 'a') = :'five' AS found;
-- the one whose holder is gone
SELECT ayb_jobs.cancel_matching('keyed');
SELECT ayb_jobs.enqueue('keyed', '9', idempotency_key => 'a') AS nine \gset
SELECT ayb_jobs.delete_job(:'nine');
SELECT ayb_jobs.run_now_many(ARRAY[:'five']::uuid[]);
SELECT * FROM keyed() WHERE n = 5;
-- completed it holds it as ever, and so does what failed
SELECT c.attempt FROM ayb_jobs.claim('w', '{keyed}') AS c;
SELECT state FROM ayb_jobs.complete(:'five', 'w', 1);
SELECT is_new FROM ayb_jobs.enqueue_or_find('keyed', '10', idempotency_key => 'a');
SELECT ayb_jobs.enqueue('keyed', '11', idempotency_key => 'c') AS eleven \gset
SELECT c.attempt FROM ayb_jobs.claim('w', '{keyed}') AS c;
SELECT state FROM ayb_jobs.fail(:'eleven', 'w', 1, 'no', final => true);
SELECT is_new FROM ayb_jobs.enqueue_or_find('keyed', '12', idempotency_key => 'c');
-- beyond its deadline it is canceled, and holds none
SELECT ayb_jobs.enqueue('keyed', '13', idempotency_key => 'd', options => '{"expires_at": "2020-01-01"}') AS id \gset
SELECT count(*) FROM ayb_jobs.claim('w', '{keyed}');
SELECT is_new FROM ayb_jobs.enqueue_or_find('keyed', '14', idempotency_key => 'd');
-- a definer's job has its key as who enqueued it
CREATE FUNCTION keyed_late() RETURNS void LANGUAGE sql AS '';
SELECT type FROM ayb_jobs.register_handler('keyed definer', 'keyed_late()', definer => true);
SET SESSION AUTHORIZATION regress_alice;
SELECT ayb_jobs.enqueue('keyed definer', delay => '1 h', idempotency_key => 'e') AS one \gset
SELECT state FROM ayb_jobs.cancel(:'one');
SELECT is_new FROM ayb_jobs.enqueue_or_find('keyed definer', delay => '1 h', idempotency_key => 'e');
RESET SESSION AUTHORIZATION;
SELECT state, idempotency_key FROM ayb_jobs.run_now(:'one');

SET client_min_messages = warning;
SELECT count(ayb_jobs.unregister_handler(type)) FROM unnest('{keyed,keyed definer}'::text[]) AS type;
DELETE FROM ayb_jobs.job_keys WHERE job_id IN (SELECT id FROM ayb_jobs.jobs WHERE type IN ('keyed', 'keyed definer'));
DELETE FROM ayb_jobs.job_queue WHERE type IN ('keyed', 'keyed definer');
DROP FUNCTION keyed(), keyed_late();
