-- Who did what by hand: one row for each job, whoever did it, and by which way.
\set VERBOSITY terse
CREATE ROLE regress_sidecar LOGIN IN ROLE ayb_jobs_admin, ayb_jobs_sidecar;
CREATE TEMP TABLE ids (name text, id uuid);
GRANT ALL ON ids TO PUBLIC;
-- A statement each: a name per job, in the order in which they were done.
CREATE FUNCTION told() RETURNS TABLE (job text, action text, done_by regrole, actor text) LANGUAGE sql AS $$
    SELECT i.name, a.action, a.done_by, a.actor FROM ids AS i, ayb_jobs.actions(i.id) AS a ORDER BY i.name, a.at
$$;

SET SESSION AUTHORIZATION regress_alice;
INSERT INTO ids SELECT n, ayb_jobs.enqueue('regress_acted', run_at => '2100-01-01') FROM unnest('{a,b,c,d}'::text[]) AS n;
-- an actor that an ordinary role names isn't believed
SET ayb_jobs.actor = 'somebody else';
SELECT state FROM ids, ayb_jobs.cancel(ids.id) WHERE name = 'a';
RESET ayb_jobs.actor;
SET SESSION AUTHORIZATION regress_sidecar;
SET ayb_jobs.actor = 'ops';
SELECT ayb_jobs.cancel_many(ARRAY(SELECT id FROM ids WHERE name IN ('a', 'b')));
RESET ayb_jobs.actor;
SELECT ayb_jobs.cancel_matching('regress_acted');
SELECT * FROM told();
-- what is refused leaves no trace, and what is rolled back neither
SELECT refused(format('SELECT ayb_jobs.retry_now(%L)', id)) FROM ids WHERE name = 'a';
SET SESSION AUTHORIZATION regress_alice;
INSERT INTO ids SELECT 'e', ayb_jobs.enqueue('regress_acted', run_at => '2100-01-01');
BEGIN;
SELECT state FROM ids, ayb_jobs.cancel(ids.id) WHERE name = 'e';
ROLLBACK;
RESET SESSION AUTHORIZATION;
UPDATE ayb_jobs.job_queue SET state = 'failed' WHERE type = 'regress_acted' AND state = 'canceled';
SET SESSION AUTHORIZATION regress_alice;
SELECT state FROM ids, ayb_jobs.retry_now(ids.id) WHERE name = 'a';
SELECT ayb_jobs.retry_many(ARRAY(SELECT id FROM ids WHERE name = 'b'));
SELECT ayb_jobs.retry_matching('regress_acted');
SELECT * FROM told();
SELECT state FROM ids, ayb_jobs.cancel(ids.id) WHERE name = 'e';
SELECT state FROM ids, ayb_jobs.run_now(ids.id) WHERE name = 'e';
SELECT state FROM ids, ayb_jobs.reschedule(ids.id, '2100-01-01') WHERE name = 'e';
SELECT priority FROM ids, ayb_jobs.set_priority(ids.id, 2) WHERE name = 'e';
SELECT ayb_jobs.run_now_many(ARRAY(SELECT id FROM ids WHERE name = 'e'));
SELECT * FROM told() WHERE job = 'e';
-- others see none of it, and nobody writes there
SET SESSION AUTHORIZATION regress_bob;
SELECT count(*) FROM told();
SELECT refused('INSERT INTO ayb_jobs.job_actions (job_id, run_as, at, action, done_by) VALUES (gen_random_uuid(), ''regress_bob'', now(), ''retry'', ''regress_alice'')');

-- the key of a role is that role's, the same each time, and seen by nobody
SELECT refused('SELECT ayb_jobs_internal.wire_key()');
SET SESSION AUTHORIZATION regress_sidecar;
SELECT ayb_jobs_internal.wire_key() = ayb_jobs_internal.wire_key() AS same, length(ayb_jobs_internal.wire_key()) AS length;
SELECT count(*) FROM ayb_jobs.wire_keys;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM ayb_jobs.wire_keys WHERE role = 'regress_sidecar'::regrole;

DELETE FROM ayb_jobs.wire_keys;
DELETE FROM ayb_jobs.job_queue WHERE type = 'regress_acted';
DELETE FROM ayb_jobs.job_actions;
DROP FUNCTION told();
DROP ROLE regress_sidecar;
