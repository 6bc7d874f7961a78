-- watch_health(): a job is enqueued whenever a check of health() turns bad, or well again.
ALTER SYSTEM SET ayb_jobs.scheduler_tick = '200ms'; -- the scheduler looks once a tick
SELECT pg_reload_conf();
SELECT type FROM ayb_jobs.register_handler('told', kind => 'external', max_attempts => 7);
SELECT type, names, bad FROM ayb_jobs.watch_health('told', '{paused}');
CREATE FUNCTION turns() RETURNS TABLE (name text, status text, hint text) LANGUAGE sql AS $$
    SELECT q.payload ->> 'name', q.payload ->> 'status', q.payload ->> 'hint' FROM ayb_jobs.job_queue AS q WHERE q.type = 'told' ORDER BY q.created_at, q.id $$;
SELECT ayb_jobs.pause('told');
SELECT wait_until('(SELECT count(*) FROM turns()) = 1');
SELECT bad FROM ayb_jobs.health_watches WHERE type = 'told';
SELECT payload - 'at' AS payload, payload ? 'at' AS timed, max_attempts, run_as = current_user::regrole AND enqueued_by = run_as AS own FROM ayb_jobs.job_queue WHERE type = 'told';
SELECT ayb_jobs.resume('told');
SELECT wait_until('(SELECT count(*) FROM turns()) = 2');
SELECT * FROM turns();
SELECT bad FROM ayb_jobs.health_watches WHERE type = 'told';
-- another list of checks takes its place
BEGIN;
SELECT type, names FROM ayb_jobs.watch_health('told', '{enabled,endless}');
SELECT type, names FROM ayb_jobs.watch_health('told');
SELECT count(*) FROM ayb_jobs.health_watches;
SELECT ayb_jobs.unwatch_health('told') AS ended, ayb_jobs.unwatch_health('told') AS again;
COMMIT;
-- who may not look at health() can't have it told; a watch is the role's own
SET SESSION AUTHORIZATION regress_alice;
SELECT refused($$SELECT ayb_jobs.watch_health('told')$$);
RESET SESSION AUTHORIZATION;
GRANT pg_monitor TO regress_alice;
SET SESSION AUTHORIZATION regress_alice;
SELECT type FROM ayb_jobs.register_handler('told to alice', kind => 'external');
SELECT run_as::text, names FROM ayb_jobs.watch_health('told to alice', '{paused}');
SELECT refused($$SELECT ayb_jobs.watch_health('told to alice', '{paused,"no such"}')$$) LIKE '22023: health() has no check "no such"%HINT: There are %paused%' AS refused;
SELECT refused($$SELECT ayb_jobs.watch_health('told to alice', '{}')$$);
SELECT refused($$SELECT ayb_jobs.watch_health('told to alice', '{NULL}')$$);
SELECT refused($$SELECT ayb_jobs.watch_health(NULL)$$);
SELECT refused($$SELECT ayb_jobs.watch_health('command')$$);
SET SESSION AUTHORIZATION regress_bob;
SELECT count(*) FROM ayb_jobs.health_watches;
SELECT ayb_jobs.unwatch_health('told to alice');
SELECT type FROM ayb_jobs.register_handler('told to bob', kind => 'external');
SET SESSION AUTHORIZATION regress_alice;
SELECT refused($$SELECT ayb_jobs.watch_health('told to bob')$$);
RESET SESSION AUTHORIZATION;
SELECT ayb_jobs.pause('told to bob');
SELECT wait_until($$EXISTS (SELECT FROM ayb_jobs.job_queue WHERE type = 'told to alice')$$);
SELECT run_as::text, enqueued_by::text, payload ->> 'name' AS name FROM ayb_jobs.job_queue WHERE type = 'told to alice';
-- nor is it told when it may not any more
REVOKE pg_monitor FROM regress_alice;
SELECT type FROM ayb_jobs.watch_health('told', '{paused}');
SELECT wait_until($$(SELECT bad FROM ayb_jobs.health_watches WHERE type = 'told') = '{paused}'$$);
SELECT ayb_jobs.resume('told to bob');
SELECT wait_until($$(SELECT bad FROM ayb_jobs.health_watches WHERE type = 'told') = '{}'$$);
SELECT * FROM turns();
SELECT count(*) FROM ayb_jobs.job_queue WHERE type = 'told to alice';
-- an admin ends everybody's
SELECT ayb_jobs.unwatch_health('told to alice') AS ended;
SELECT ayb_jobs.unwatch_health('told') AS ended;
SELECT count(*) FROM ayb_jobs.health_watches;

ALTER SYSTEM RESET ayb_jobs.scheduler_tick;
SELECT pg_reload_conf();
SET client_min_messages = warning;
SELECT count(ayb_jobs.unregister_handler(type)) FROM unnest('{told,told to alice,told to bob}'::text[]) AS type;
DELETE FROM ayb_jobs.job_queue WHERE type IN ('told', 'told to alice', 'told to bob');
DROP FUNCTION turns();
