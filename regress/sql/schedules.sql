-- Schedules: making, changing and removing them, and what each tick does.
SELECT type FROM ayb_jobs.register_handler('outside', kind => 'external');
-- defaults, and what is kept
SELECT name, job_type, payload, cron_expr, timezone, enabled, max_attempts, overlap, missed, run_as, last_run_at, last_skip,
       last_error, created_at = updated_at AS new, next_run_at = ayb_jobs.cron_next('0 3 * * *', after => created_at) AS next
FROM ayb_jobs.create_schedule('nightly', 'outside', '0 3 * * *');
SELECT enabled, max_attempts, overlap, missed, payload, run_as, next_run_at IS NOT NULL AS has_next
FROM ayb_jobs.create_schedule('all', 'outside', '@every 90s', 'Europe/Berlin', '[1, null]', false, 7, 'queue', 'all', 'regress_alice');
-- a payload of every JSON kind
SELECT payload, ayb_jobs.delete_schedule(id) FROM unnest(ARRAY['null', 'true', '1.5', '"x"', '[]', '{"a": {}}']::jsonb[]) AS p
CROSS JOIN LATERAL ayb_jobs.create_schedule('payload', 'outside', '@daily', payload => p);
-- refusals
\pset format unaligned
\pset tuples_only on
SELECT refused($$SELECT ayb_jobs.create_schedule(NULL, 'outside', '@daily')$$);
SELECT refused($$SELECT ayb_jobs.create_schedule('', 'outside', '@daily')$$);
SELECT refused($$SELECT ayb_jobs.create_schedule(repeat('ü', 101), 'outside', '@daily')$$);
SELECT refused($$SELECT ayb_jobs.create_schedule('new', NULL, '@daily')$$);
SELECT refused($$SELECT ayb_jobs.create_schedule('new', '', '@daily')$$);
SELECT refused($$SELECT ayb_jobs.create_schedule('new', repeat('x', 101), '@daily')$$);
SELECT refused($$SELECT ayb_jobs.create_schedule('new', 'outside', NULL)$$);
SELECT refused($$SELECT ayb_jobs.create_schedule('new', 'outside', '@hurly')$$);
SELECT refused($$SELECT ayb_jobs.create_schedule('new', 'outside', '@daily', NULL)$$);
SELECT refused($$SELECT ayb_jobs.create_schedule('new', 'outside', '@daily', 'Local')$$);
SELECT refused($$SELECT ayb_jobs.create_schedule('new', 'outside', '@daily', 'CET-1')$$);
SELECT refused($$SELECT ayb_jobs.create_schedule('new', 'outside', '@daily', payload => NULL)$$);
SELECT refused($$SELECT ayb_jobs.create_schedule('new', 'outside', '@daily', payload => to_jsonb(repeat('x', 16 * 1024 * 1024)))$$);
SELECT refused($$SELECT ayb_jobs.create_schedule('new', 'outside', '@daily', enabled => NULL)$$);
SELECT refused($$SELECT ayb_jobs.create_schedule('new', 'outside', '@daily', max_attempts => 0)$$);
SELECT refused($$SELECT ayb_jobs.create_schedule('new', 'outside', '@daily', overlap => 'never')$$);
SELECT refused($$SELECT ayb_jobs.create_schedule('new', 'outside', '@daily', missed => 'Once')$$);
SELECT refused($$SELECT ayb_jobs.create_schedule('new', 'outside', '@daily', run_as => 'regress_no_such_role')$$);
SELECT refused($$SELECT ayb_jobs.create_schedule('nightly', 'outside', '@daily')$$);
SELECT refused(format('SELECT ayb_jobs.%s', call)) FROM unnest(ARRAY[
    'update_schedule(NULL::uuid)', 'enable_schedule(NULL::uuid)', 'disable_schedule(NULL::uuid)', 'delete_schedule(NULL::uuid)',
    'run_schedule_now(NULL::uuid)', 'enable_schedule(NULL)', 'enable_schedule('''')', 'enable_schedule(repeat(''x'', 101))',
    'update_schedule(''none'')', 'enable_schedule(''none'')', 'disable_schedule(''none'')', 'delete_schedule(''none'')',
    'run_schedule_now(''none'')', 'schedule_runs(''none'')', 'schedule_runs(gen_random_uuid())',
    'update_schedule(gen_random_uuid())', 'enable_schedule(gen_random_uuid())', 'disable_schedule(gen_random_uuid())',
    'delete_schedule(gen_random_uuid())', 'run_schedule_now(gen_random_uuid())']) AS call;
SELECT id AS nightly FROM ayb_jobs.schedules WHERE name = 'nightly' \gset
SELECT refused(format('SELECT ayb_jobs.update_schedule(%L, cron_expr => %L)', :'nightly', ''));
SELECT refused(format('SELECT ayb_jobs.update_schedule(%L, timezone => %L)', :'nightly', 'Mars/Base'));
BEGIN;
SELECT (ayb_jobs.update_schedule(:'nightly', timezone => 'asia/TOKYO')).timezone;
SELECT (ayb_jobs.create_schedule('any case', 'x', '@daily', timezone => 'utc')).timezone;
ROLLBACK;
SELECT refused(format('SELECT ayb_jobs.update_schedule(%L, max_attempts => 0)', :'nightly'));
SELECT refused(format('SELECT ayb_jobs.update_schedule(%L, overlap => %L)', :'nightly', ''));
SELECT refused(format('SELECT ayb_jobs.update_schedule(%L, missed => %L)', :'nightly', 'never'));
SELECT refused(format('SELECT ayb_jobs.update_schedule(%L, keep_next_run_at => NULL)', :'nightly'));
\pset tuples_only off
\pset format aligned
-- a type without a handler is no error: its jobs wait
SELECT name, max_attempts FROM ayb_jobs.create_schedule('early', 'unknown type', '@daily');
SELECT name FROM ayb_jobs.schedules ORDER BY name;

-- Changing: next_run_at follows, updated_at moves only when something changed
CREATE FUNCTION after_change(change text) RETURNS TABLE (next text, touched boolean) LANGUAGE plpgsql AS $$
DECLARE
    before ayb_jobs.schedules;
    behind ayb_jobs.schedules;
BEGIN
    SELECT * INTO before FROM ayb_jobs.schedules WHERE name = 'nightly';
    EXECUTE format('SELECT * FROM ayb_jobs.' || change, before.id) INTO behind;
    IF behind IS DISTINCT FROM (SELECT s FROM ayb_jobs.schedules AS s WHERE s.id = before.id) THEN
        RAISE EXCEPTION 'another row was given back';
    END IF;
    touched := behind.updated_at > before.updated_at;
    next := CASE WHEN behind.next_run_at IS NULL THEN 'none'
                 WHEN behind.next_run_at = before.next_run_at THEN 'same'
                 WHEN behind.next_run_at = ayb_jobs.cron_next(behind.cron_expr, behind.timezone) THEN 'computed'
                 ELSE 'wrong' END;
    RETURN NEXT;
END
$$;
SELECT change, a.* FROM unnest(ARRAY[
    'update_schedule(%L)', 'update_schedule(%L, cron_expr => ''0 3 * * *'', timezone => ''UTC'')', 'enable_schedule(%L)',
    'update_schedule(%L, payload => ''null'')', 'update_schedule(%L, payload => ''null'')',
    'update_schedule(%L, cron_expr => ''0 4 * * *'')', 'update_schedule(%L, timezone => ''Asia/Tokyo'')',
    'update_schedule(%L, max_attempts => 5, overlap => ''queue'', missed => ''skip'')', 'disable_schedule(%L)',
    'disable_schedule(%L)', 'update_schedule(%L, max_attempts => 6)', 'update_schedule(%L, enabled => true)',
    'update_schedule(%L, enabled => true)', 'update_schedule(%L, enabled => false, keep_next_run_at => true)',
    'enable_schedule(%L)', 'update_schedule(%L, enabled => false)', 'update_schedule(%L, cron_expr => ''0 5 * * *'')',
    'enable_schedule(%L)']) WITH ORDINALITY AS c (change, n) CROSS JOIN LATERAL after_change(change) AS a ORDER BY n;
SELECT cron_expr, timezone, payload, enabled, max_attempts, overlap, missed FROM ayb_jobs.schedules WHERE name = 'nightly';

-- By name, or by an id that is a text; what looks like an id is one before it is a name
SELECT enabled FROM ayb_jobs.disable_schedule('nightly');
SELECT enabled FROM ayb_jobs.enable_schedule(upper(:'nightly'));
SELECT payload FROM ayb_jobs.update_schedule('nightly', payload => '{"by": "name"}');
SELECT payload, schedule_id = :'nightly' AS its FROM ayb_jobs.run_schedule_now('nightly');
SELECT count(*), bool_and(j.schedule_id = :'nightly') AS its FROM ayb_jobs.schedule_runs('nightly') AS r JOIN ayb_jobs.jobs AS j ON j.id = r.job_id;
SELECT count(*) FROM ayb_jobs.schedule_runs(:'nightly'::uuid, max => 0);
SELECT cancel_matching FROM ayb_jobs.cancel_matching('outside');
SELECT name = :'nightly' AS created FROM ayb_jobs.create_schedule(:'nightly', 'outside', '@daily');
SELECT name FROM ayb_jobs.disable_schedule(:'nightly');
SELECT id AS other FROM ayb_jobs.schedules WHERE name = :'nightly' \gset
SELECT ayb_jobs.delete_schedule(:'other');
SELECT name FROM ayb_jobs.create_schedule('01234567-89ab-cdef-0123-456789abcdef', 'outside', '@daily');
SELECT enabled FROM ayb_jobs.disable_schedule('01234567-89ab-cdef-0123-456789abcdef');
SELECT ayb_jobs.delete_schedule('01234567-89ab-cdef-0123-456789abcdef');
SELECT count(*) FROM ayb_jobs.schedules WHERE name = '01234567-89ab-cdef-0123-456789abcdef';

-- replace: a script may say again and again what a schedule is
SELECT name, cron_expr FROM ayb_jobs.create_schedule('said', 'outside', '0 3 * * *', replace => true);
CREATE FUNCTION said(arguments text) RETURNS TABLE (same_id boolean, next text, touched boolean, differs text) LANGUAGE plpgsql AS $$
DECLARE
    before ayb_jobs.schedules;
    behind ayb_jobs.schedules;
BEGIN
    SELECT * INTO before FROM ayb_jobs.schedules WHERE name = 'said';
    EXECUTE format('SELECT * FROM ayb_jobs.create_schedule(''said'', %s, replace => true)', arguments) INTO behind;
    same_id := behind.id = before.id AND behind IS NOT DISTINCT FROM (SELECT s FROM ayb_jobs.schedules AS s WHERE s.name = 'said');
    next := CASE WHEN behind.next_run_at = before.next_run_at THEN 'same'
                 WHEN behind.next_run_at = ayb_jobs.cron_next(behind.cron_expr, behind.timezone) THEN 'computed' ELSE 'wrong' END;
    touched := behind.updated_at > before.updated_at;
    differs := (SELECT string_agg(b.key, ' ' ORDER BY b.key) FROM jsonb_each(to_jsonb(behind)) AS b
                WHERE b.value <> to_jsonb(before) -> b.key AND b.key NOT IN ('next_run_at', 'updated_at'));
    RETURN NEXT;
END
$$;
-- One that is enabled again goes on from now on: a tick that was is not run.
UPDATE ayb_jobs.schedules SET enabled = false, next_run_at = '2026-01-01' WHERE name = 'said';
SELECT next, differs FROM said('''outside'', ''0 3 * * *'', enabled => false');
SELECT next, differs FROM said('''outside'', ''0 3 * * *''');
SELECT arguments, s.* FROM unnest(ARRAY[
    '''outside'', ''0 3 * * *''', '''outside'', ''0 3 * * *'', ''utc''', '''outside'', ''0 3 * * *'', ''Asia/Tokyo''', '''outside'', ''0 4 * * *'', ''Asia/Tokyo''',
    '''other'', ''0 4 * * *'', ''Asia/Tokyo'', ''[1]'', max_attempts => 9, overlap => ''queue'', missed => ''all''', '''outside'', ''0 3 * * *''',
    '''outside'', ''0 3 * * *'', run_as => ''regress_alice''', '''outside'', ''0 3 * * *'', enabled => false', '''outside'', ''0 3 * * *'', enabled => false']) WITH ORDINALITY AS c (arguments, n)
CROSS JOIN LATERAL said(arguments) AS s ORDER BY n;
SELECT refused($$SELECT ayb_jobs.create_schedule('said', 'outside', '@never', replace => true)$$);
SELECT refused($$SELECT ayb_jobs.create_schedule('said', 'outside', '@daily', replace => NULL)$$);
DROP FUNCTION said;

-- Ticks: due now is what next_run_at says
CREATE FUNCTION come_due(name text, late interval DEFAULT '0') RETURNS void LANGUAGE sql AS $$
    UPDATE ayb_jobs.schedules AS s SET next_run_at = date_trunc('second', clock_timestamp()) - late WHERE s.name = come_due.name
$$;
CREATE FUNCTION ticked(name text) RETURNS boolean LANGUAGE sql AS $$
    SELECT wait_until(format('(SELECT next_run_at IS NULL OR next_run_at > clock_timestamp() FROM ayb_jobs.schedules WHERE name = %L)', name))
$$;
SELECT ayb_jobs.delete_schedule(id) FROM ayb_jobs.schedules;
SELECT id FROM ayb_jobs.create_schedule('tick', 'outside', '0 0 1 1 *', payload => '{"n": 1}', max_attempts => 4) \gset
SELECT come_due('tick');
SELECT ticked('tick');
SELECT type, payload, state, waits_for, max_attempts, run_as, schedule_id = :'id' AS schedule,
       scheduled_at = date_trunc('second', scheduled_at) AS on_the_second, run_at - scheduled_at < '1 minute' AS soon
FROM ayb_jobs.jobs WHERE schedule_id = :'id';
SELECT s.last_run_at = j.created_at AS ran, s.last_skip, s.last_error, s.next_run_at = ayb_jobs.cron_next(s.cron_expr) AS next
FROM ayb_jobs.schedules AS s CROSS JOIN ayb_jobs.jobs AS j WHERE j.schedule_id = :'id';
-- overlap: the job is still queued, so the tick is dropped, and says why
SELECT come_due('tick');
SELECT ticked('tick');
SELECT count(*) FROM ayb_jobs.jobs WHERE schedule_id = :'id';
SELECT last_skip ->> 'reason' AS reason, (last_skip ->> 'at')::timestamptz > now() - interval '1 minute' AS at FROM ayb_jobs.schedules;
-- a running one as well
SELECT count(*) FROM ayb_jobs.claim('w', '{outside}');
UPDATE ayb_jobs.schedules SET last_skip = NULL;
SELECT come_due('tick');
SELECT ticked('tick');
SELECT count(*) FROM ayb_jobs.jobs WHERE schedule_id = :'id';
SELECT last_skip ->> 'reason' AS reason FROM ayb_jobs.schedules;
-- queue: each tick has its own
SELECT overlap FROM ayb_jobs.update_schedule(:'id', overlap => 'queue');
SELECT come_due('tick');
SELECT ticked('tick');
SELECT count(*) FROM ayb_jobs.jobs WHERE schedule_id = :'id';
-- a completed, failed or canceled one isn't in the way
SELECT overlap FROM ayb_jobs.update_schedule(:'id', overlap => 'skip');
SELECT c.state FROM ayb_jobs.jobs AS j CROSS JOIN LATERAL ayb_jobs.cancel(j.id, true) AS c WHERE j.schedule_id = :'id';
SELECT come_due('tick');
SELECT ticked('tick');
SELECT state, count(*) FROM ayb_jobs.jobs WHERE schedule_id = :'id' GROUP BY state ORDER BY state;
-- run now: whatever the overlap policy says, and no tick
SELECT type, schedule_id = :'id' AS schedule, scheduled_at, max_attempts, payload FROM ayb_jobs.run_schedule_now(:'id');
SELECT cancel_matching FROM ayb_jobs.cancel_matching('outside');
-- missed: the last one, each, or none
TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_attempts;
SELECT missed FROM ayb_jobs.update_schedule(:'id', cron_expr => '@every 5m', missed => 'once');
SELECT come_due('tick', '12 min');
SELECT ticked('tick');
SELECT s.next_run_at - j.scheduled_at AS before_the_next FROM ayb_jobs.schedules AS s JOIN ayb_jobs.jobs AS j ON j.schedule_id = s.id;
SELECT last_skip ->> 'reason' AS reason FROM ayb_jobs.schedules;
TRUNCATE ayb_jobs.job_queue;
SELECT missed FROM ayb_jobs.update_schedule(:'id', missed => 'all');
SELECT come_due('tick', '12 min');
SELECT ticked('tick');
SELECT s.next_run_at - j.scheduled_at AS before_the_next FROM ayb_jobs.schedules AS s JOIN ayb_jobs.jobs AS j ON j.schedule_id = s.id ORDER BY j.id;
TRUNCATE ayb_jobs.job_queue;
SELECT missed FROM ayb_jobs.update_schedule(:'id', missed => 'skip');
SELECT come_due('tick', '12 min');
SELECT ticked('tick');
SELECT count(*) FROM ayb_jobs.jobs WHERE schedule_id = :'id';
SELECT last_skip ->> 'reason' AS reason FROM ayb_jobs.schedules;
SELECT come_due('tick', '10 s');
SELECT ticked('tick');
SELECT count(*) AS on_time FROM ayb_jobs.jobs WHERE schedule_id = :'id';
-- the clock of the schedule itself goes on from its own ticks
SELECT extract(epoch FROM s.next_run_at - j.scheduled_at) AS seconds FROM ayb_jobs.schedules AS s JOIN ayb_jobs.jobs AS j ON j.schedule_id = s.id;
TRUNCATE ayb_jobs.job_queue;

-- A clock that was far ahead leaves nothing that update_schedule() can't mend
UPDATE ayb_jobs.schedules SET next_run_at = '2099-01-01', last_run_at = '2098-12-31' WHERE id = :'id';
SELECT enabled FROM ayb_jobs.disable_schedule(:'id');
SELECT next_run_at < now() + interval '1 year' AS soon FROM ayb_jobs.enable_schedule(:'id');

-- The foreign key: unknown ids are refused; a job outlives its schedule, queued, running or completed
SELECT refused($$INSERT INTO ayb_jobs.job_queue (type, schedule_id) VALUES ('outside', gen_random_uuid())$$);
SELECT j.id AS completed FROM ayb_jobs.run_schedule_now(:'id') AS j \gset
SELECT attempt FROM ayb_jobs.claim('w', '{outside}');
SELECT schedule_id = :'id' AS kept FROM ayb_jobs.complete(:'completed', 'w', 1);
SELECT j.id AS running FROM ayb_jobs.run_schedule_now(:'id') AS j \gset
SELECT attempt FROM ayb_jobs.claim('w', '{outside}');
SELECT j.id AS queued FROM ayb_jobs.run_schedule_now(:'id') AS j \gset
SELECT ayb_jobs.delete_schedule(:'id');
SELECT state, schedule_id FROM ayb_jobs.jobs WHERE id IN (:'completed', :'running', :'queued') ORDER BY id;
SELECT state FROM ayb_jobs.complete(:'running', 'w', 1);

-- What can't be computed stops or fails alone, and shows in health()
CREATE ROLE regress_leaving LOGIN;
CREATE ROLE regress_loses LOGIN;
SELECT type FROM ayb_jobs.register_handler('inside', 'pg_catalog.now()');
SELECT count(*) FROM (VALUES ('owner gone', 'regress_leaving'::name), ('no login', 'regress_loses'), ('zone gone', NULL), ('fine', NULL)) AS v (name, role)
CROSS JOIN LATERAL ayb_jobs.create_schedule(v.name, 'inside', '@daily', run_as => v.role) AS s;
DROP ROLE regress_leaving;
ALTER ROLE regress_loses NOLOGIN;
UPDATE ayb_jobs.schedules SET timezone = 'Nowhere/Gone' WHERE name = 'zone gone';
SELECT wait_until($$(SELECT NOT enabled FROM ayb_jobs.schedules WHERE name = 'owner gone')$$);
SELECT come_due(name) FROM ayb_jobs.schedules WHERE enabled;
SELECT ticked(name) FROM ayb_jobs.schedules WHERE enabled;
SELECT name, enabled, next_run_at IS NULL AS stopped, regexp_replace(last_error, '\d+', 'N') AS error, last_skip ->> 'reason' AS skip, last_run_at IS NOT NULL AS ran
FROM ayb_jobs.schedules ORDER BY name;
SELECT status, regexp_replace(detail, '\d+', 'N') AS detail, regexp_replace(hint, '''[-0-9a-f]{36}''', '<id>', 'g') AS hint FROM ayb_jobs.health() WHERE name = 'schedules';
-- mended: it goes on
SELECT (ayb_jobs.update_schedule(id, timezone => 'UTC')).last_error FROM ayb_jobs.schedules WHERE name = 'zone gone';
ALTER ROLE regress_loses LOGIN;
SELECT come_due('no login');
SELECT ticked('no login');
SELECT name, next_run_at IS NULL AS stopped, last_error FROM ayb_jobs.schedules WHERE name <> 'owner gone' ORDER BY name;
-- one whose role is gone is an admin's to stop, to move, or to give to a role of their own
SELECT id AS gone FROM ayb_jobs.schedules WHERE name = 'owner gone' \gset
SET ROLE regress_admin;
SELECT regexp_replace(refused(format('SELECT ayb_jobs.%s', format(call, :'gone'))), '"\d+"', '"N"') AS refused FROM unnest(ARRAY['disable_schedule(%L)', 'enable_schedule(%L)',
    'update_schedule(%L, ''@hourly'')', 'update_schedule(%L, payload => ''1'')', 'update_schedule(%L, run_as => ''postgres'')',
    'update_schedule(%L, run_as => ''regress_loses'')']) AS c (call);
SELECT run_as, next_run_at IS NULL AS stopped, last_error FROM ayb_jobs.update_schedule(:'gone', payload => '1', run_as => 'regress_admin');
SELECT status FROM ayb_jobs.health() WHERE name = 'schedules';
RESET ROLE;
SELECT (ayb_jobs.update_schedule(:'gone', run_as => current_user)).run_as = current_user::regrole AS mine;
SELECT ayb_jobs.delete_schedule(id) FROM ayb_jobs.schedules;
SELECT status FROM ayb_jobs.health() WHERE name = 'schedules';
SELECT wait_until($$NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE type = 'inside')$$);
DROP ROLE regress_loses;

-- Roles: a schedule is its owner's
SET ROLE regress_alice;
SELECT run_as FROM ayb_jobs.create_schedule('hers', 'outside', '@daily');
SELECT id AS hers FROM ayb_jobs.schedules WHERE name = 'hers' \gset
SELECT refused($$SELECT ayb_jobs.create_schedule('new', 'outside', '@daily', run_as => 'regress_bob')$$);
SELECT refused($$UPDATE ayb_jobs.schedules SET cron_expr = '* * * * *'$$);
SET ROLE regress_bob;
SELECT count(*) FROM ayb_jobs.schedules;
SELECT refused(format('SELECT ayb_jobs.%s(%s)', f, named)) FROM unnest(ARRAY[format('%L::uuid', :'hers'), quote_literal(:'hers'), '''hers''']) AS named
CROSS JOIN unnest(ARRAY['update_schedule', 'enable_schedule', 'disable_schedule', 'delete_schedule', 'run_schedule_now', 'schedule_runs']) AS f;
SELECT refused($$SELECT ayb_jobs.create_schedule('hers', 'outside', '@daily', replace => true)$$);
SET ROLE regress_admin;
SELECT name, run_as, enabled FROM ayb_jobs.disable_schedule(:'hers');
SELECT run_as, enqueued_by FROM ayb_jobs.run_schedule_now(:'hers');
SET ROLE regress_alice;
SELECT ayb_jobs.delete_schedule(:'hers');
RESET ROLE;

-- AYB's own; what is there stays as its user made it
SET client_min_messages = warning;
SELECT name, job_type, cron_expr, timezone, max_attempts, enabled FROM ayb_jobs.create_default_schedules() ORDER BY name;
SELECT (ayb_jobs.update_schedule(id, cron_expr => '5 * * * *')).cron_expr FROM ayb_jobs.schedules WHERE name = 'session_cleanup_hourly';
SELECT ayb_jobs.delete_schedule(id) FROM ayb_jobs.schedules WHERE name = 'expired_auth_cleanup_daily';
SELECT name FROM ayb_jobs.create_default_schedules();
SELECT name, cron_expr FROM ayb_jobs.schedules ORDER BY name;
RESET client_min_messages;
SELECT ayb_jobs.delete_schedule(id) FROM ayb_jobs.schedules;
SELECT ayb_jobs.unregister_handler('outside'), ayb_jobs.unregister_handler('inside');
TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_attempts;
DROP FUNCTION after_change, come_due, ticked;
