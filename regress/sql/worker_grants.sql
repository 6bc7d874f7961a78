-- grant_worker(): a role's workers outside take other roles' jobs by a grant of the type's owner or of those roles, and what
-- they have claimed is theirs alone.
CREATE ROLE regress_worker LOGIN;
SELECT type FROM ayb_jobs.register_handler('shared', kind => 'external');
CREATE FUNCTION of_each(type text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL ROLE regress_alice;
    PERFORM ayb_jobs.enqueue(of_each.type, '"of alice"');
    SET LOCAL ROLE regress_bob;
    PERFORM ayb_jobs.enqueue(of_each.type, '"of bob"');
    SET LOCAL ROLE NONE;
END $$;
SELECT of_each('shared');

-- who may grant what
SET ROLE regress_worker;
SELECT count(*) FROM ayb_jobs.claim('w', '{shared}', 9);
SELECT refused($$SELECT ayb_jobs.grant_worker('shared', 'regress_worker')$$);
SELECT refused($$SELECT ayb_jobs.grant_worker('shared', 'regress_worker', 'regress_alice')$$);
SET ROLE regress_bob;
SELECT refused($$SELECT ayb_jobs.grant_worker('shared', 'regress_worker')$$);
SELECT refused($$SELECT ayb_jobs.grant_worker('shared', 'regress_worker', 'regress_alice')$$);
SELECT refused($$SELECT ayb_jobs.grant_worker('shared', 'nobody', 'regress_bob')$$);
SELECT refused($$SELECT ayb_jobs.grant_worker('shared', 'regress_worker', 'nobody')$$);
SELECT refused($$SELECT ayb_jobs.grant_worker('unknown', 'regress_worker')$$);
SELECT refused($$SELECT ayb_jobs.grant_worker(NULL, 'regress_worker')$$);
SELECT refused($$SELECT ayb_jobs.grant_worker('shared', NULL)$$);
-- an admin for ordinary roles, but not a superuser's
SET ROLE regress_admin;
SELECT refused($$SELECT ayb_jobs.grant_worker('shared', 'regress_worker')$$);
SELECT for_role, granted_by FROM ayb_jobs.grant_worker('shared', 'regress_worker', 'regress_bob');
SELECT ayb_jobs.revoke_worker('shared', 'regress_worker', 'regress_bob');

-- for one's own jobs
SET ROLE regress_alice;
SELECT type, role, for_role, granted_by FROM ayb_jobs.grant_worker('shared', 'regress_worker', 'regress_alice');
SET ROLE regress_worker;
SELECT id, attempt, payload FROM ayb_jobs.claim('w', '{shared}', 9) \gset
SELECT :'payload' AS payload, (SELECT count(*) FROM ayb_jobs.jobs) AS seen;
-- a claim is the role's that made it, whoever knows the worker and the attempt
SET ROLE regress_alice;
SELECT refused(format('SELECT ayb_jobs.complete(%L, %L, 1)', :'id', 'w'));
SELECT refused(format('SELECT ayb_jobs.fail(%L, %L, 1, %L)', :'id', 'w', 'x'));
SELECT refused(format('SELECT ayb_jobs.extend(%L, %L, 1)', :'id', 'w'));
SELECT reason FROM ayb_jobs.complete_many('w', jsonb_build_array(jsonb_build_object('id', :'id', 'attempt', 1)));
SELECT reason FROM ayb_jobs.fail_many('w', jsonb_build_array(jsonb_build_object('id', :'id', 'attempt', 1, 'error', 'x')));
SELECT reason FROM ayb_jobs.extend_many('w', jsonb_build_array(jsonb_build_object('id', :'id', 'attempt', 1)));
RESET ROLE;
SELECT refused(format('SELECT ayb_jobs.complete(%L, %L, 1)', :'id', 'w'));
SELECT state, claimed_by FROM ayb_jobs.job_queue WHERE id = :'id';
-- and stays so when the grant is taken back
SET ROLE regress_alice;
SELECT ayb_jobs.revoke_worker('shared', 'regress_worker', 'regress_alice'), ayb_jobs.revoke_worker('shared', 'regress_worker', 'regress_alice') AS again;
SELECT ayb_jobs.enqueue('shared', '"later"') IS NOT NULL AS later;
SET ROLE regress_worker;
SELECT count(*) FROM ayb_jobs.claim('w', '{shared}', 9);
SELECT state, result FROM ayb_jobs.complete(:'id', 'w', 1, '"done"');
SELECT refused(format('SELECT ayb_jobs.complete(%L, %L, 1)', :'id', 'w'));

-- the owner's is for all who trust it; the members of a granted role have it too
RESET ROLE;
SELECT type, role, for_role FROM ayb_jobs.grant_worker('shared', 'regress_worker');
CREATE ROLE regress_crew LOGIN IN ROLE regress_worker;
CREATE ROLE regress_stranger LOGIN;
SET ROLE regress_stranger;
SELECT count(*) FROM ayb_jobs.claim('w', '{shared}', 9);
SET ROLE regress_crew;
SELECT payload FROM ayb_jobs.claim('w', '{shared}', 9) ORDER BY payload::text;
-- what became of a job is told by the heartbeat to who may work at it
RESET ROLE;
SELECT jsonb_agg(jsonb_build_object('id', id, 'attempt', runs) ORDER BY id) AS held FROM ayb_jobs.jobs WHERE state = 'running' \gset
SELECT state FROM ayb_jobs.jobs AS j CROSS JOIN LATERAL (SELECT FROM ayb_jobs.cancel(j.id, true)) AS c WHERE j.payload = '"of bob"';
SET ROLE regress_crew;
SELECT reason FROM ayb_jobs.extend_many('w', :'held');
SELECT refused(format('SELECT ayb_jobs.extend(%L, %L, %s)', j->>'id', 'v', j->>'attempt')) LIKE '55000: job %' AS by_an_error
FROM jsonb_array_elements(:'held') AS j;
SELECT reason FROM ayb_jobs.complete_many('w', :'held') ORDER BY reason;
RESET ROLE;
SELECT ayb_jobs.revoke_worker('shared', 'regress_worker');
SET ROLE regress_crew;
SELECT DISTINCT reason FROM ayb_jobs.extend_many('w', :'held');

-- a grant of the owner's ends with the owner, and gives nothing of those who don't trust it
SET ROLE regress_alice;
SELECT type FROM ayb_jobs.register_handler('hers', kind => 'external');
SELECT role, granted_by FROM ayb_jobs.grant_worker('hers', 'regress_worker');
RESET ROLE;
DO $$
BEGIN
    SET LOCAL ROLE regress_bob;
    PERFORM ayb_jobs.enqueue('hers', '"bob, who doesn''t trust alice"');
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'refused at enqueue';
END $$;
SET ROLE regress_alice;
SELECT ayb_jobs.enqueue('hers', '"1"') IS NOT NULL AS enqueued;
SET ROLE regress_worker;
SELECT payload FROM ayb_jobs.claim('w', '{hers}', 9);
SET ROLE regress_alice;
SELECT ayb_jobs.enqueue('hers', '"2"') IS NOT NULL AS enqueued;
SELECT ayb_jobs.unregister_handler('hers');
RESET ROLE;
SELECT type FROM ayb_jobs.register_handler('hers', kind => 'external');
SET ROLE regress_worker;
SELECT count(*) FROM ayb_jobs.claim('w', '{hers}', 9);
RESET ROLE;
SELECT type, role FROM ayb_jobs.grant_worker('hers', 'regress_worker');
SET ROLE regress_worker;
SELECT payload FROM ayb_jobs.claim('w', '{hers}', 9);
RESET ROLE;

SELECT ayb_jobs.unregister_handler('hers'), ayb_jobs.unregister_handler('shared');
DROP FUNCTION of_each;
TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_keys, ayb_jobs.job_attempts, ayb_jobs.worker_grants;
DROP ROLE regress_crew, regress_worker, regress_stranger;
