-- delete_job() and its forms for many: afterwards nothing that SQL shows has the payload, but for what they name.
SELECT type FROM ayb_jobs.register_handler('letter', kind => 'external', max_attempts => 3);

-- a job that failed, was tried again, and completed
SELECT ayb_jobs.enqueue('letter', '{"to": "Ada Lovelace"}', idempotency_key => 'to Ada Lovelace') AS id \gset
SELECT attempt FROM ayb_jobs.claim('w', '{letter}');
SELECT ayb_jobs.add_log(:'id', 'w', 1, 'rang at Ada Lovelace''s');
SELECT state FROM ayb_jobs.fail(:'id', 'w', 1, 'Ada Lovelace has moved', '0');
SELECT attempt FROM ayb_jobs.claim('w', '{letter}');
SELECT ayb_jobs.add_log(:'id', 'w', 2, 'wrote to Ada Lovelace');
-- while it runs it is refused
SELECT refused(format('SELECT ayb_jobs.delete_job(%L)', :'id'));
SELECT deleted, holders FROM ayb_jobs.delete_jobs(ARRAY[:'id']::uuid[]);
SELECT state, result FROM ayb_jobs.complete(:'id', 'w', 2, '"sent to Ada Lovelace"');
SELECT holding('Ada Lovelace');
-- not by somebody else, to whom it is unknown
SET SESSION AUTHORIZATION regress_bob;
SELECT refused(format('SELECT ayb_jobs.delete_job(%L)', :'id'));
SELECT * FROM ayb_jobs.delete_jobs(ARRAY[:'id']::uuid[]);
SELECT * FROM ayb_jobs.delete_matching('letter');
RESET SESSION AUTHORIZATION;
SELECT completed FROM ayb_jobs_internal.counts() \gset
SELECT ayb_jobs.delete_job(:'id');
SELECT holding('Ada Lovelace');
SELECT :completed - completed AS counted FROM ayb_jobs_internal.counts();
SELECT refused(format('SELECT ayb_jobs.delete_job(%L)', :'id'));
SELECT action, done_by = current_user::regrole AS by_me FROM ayb_jobs.actions(:'id');
-- its key is free again
SELECT is_new FROM ayb_jobs.enqueue_or_find('letter', idempotency_key => 'to Ada Lovelace');
-- rolled back it hasn't happened
BEGIN;
SELECT deleted FROM ayb_jobs.delete_matching('letter');
ROLLBACK;
SELECT count(*), (SELECT count(*) FROM ayb_jobs.job_keys AS k JOIN ayb_jobs.jobs AS j ON j.id = k.job_id WHERE j.type = 'letter') AS keys
FROM ayb_jobs.jobs WHERE type = 'letter';

-- in every state but running; an admin may, whosever it is
SELECT type FROM ayb_jobs.register_handler('letter of alice', kind => 'external', max_attempts => 1);
SET SESSION AUTHORIZATION regress_alice;
SELECT count(ayb_jobs.enqueue('letter of alice', payload)) FROM unnest('{"\"failed\"","\"completed\""}'::jsonb[]) AS payload;
RESET SESSION AUTHORIZATION;
SELECT count(f.state) FROM ayb_jobs.claim('w', '{letter of alice}', 2) AS c CROSS JOIN LATERAL ayb_jobs.fail(c.id, 'w', 1, 'no') AS f WHERE c.payload = '"failed"';
SELECT count(f.state) FROM ayb_jobs.jobs AS j CROSS JOIN LATERAL ayb_jobs.complete(j.id, 'w', 1) AS f WHERE j.payload = '"completed"';
SET SESSION AUTHORIZATION regress_alice;
SELECT count(*) FROM ayb_jobs.enqueue_many('[{"type": "letter of alice"}, {"type": "letter of alice", "delay": "1 h"}, {"type": "letter of alice", "payload": "canceled"}]');
RESET SESSION AUTHORIZATION;
SELECT f.state FROM ayb_jobs.jobs AS j CROSS JOIN LATERAL ayb_jobs.cancel(j.id) AS f WHERE j.payload = '"canceled"';
SET SESSION AUTHORIZATION regress_admin;
SELECT j.phase, ayb_jobs.delete_job(j.id) FROM ayb_jobs.jobs AS j WHERE j.type = 'letter of alice' ORDER BY j.phase;
SELECT count(*) FROM ayb_jobs.jobs WHERE type = 'letter of alice';
RESET SESSION AUTHORIZATION;

-- what runs, is unknown or NULL is left, and the rest goes; by type and time too, where one of these is given
SELECT count(*) FROM ayb_jobs.claim('w', '{letter}', 100);
SELECT count(*) FROM ayb_jobs.enqueue_many('letter', array_fill('{}'::jsonb, '{3}'));
SELECT array_agg(id) AS ids FROM ayb_jobs.jobs WHERE type = 'letter' \gset
SELECT * FROM ayb_jobs.delete_jobs(:'ids'::uuid[] || ARRAY[gen_random_uuid(), NULL]);
SELECT * FROM ayb_jobs.delete_jobs('{}');
SELECT state, count(*) FROM ayb_jobs.jobs WHERE type = 'letter' GROUP BY state;
SELECT count(c.state) FROM ayb_jobs.jobs AS j CROSS JOIN LATERAL ayb_jobs.complete(j.id, j.worker_id, j.runs) AS c WHERE j.type = 'letter';
SELECT count(*) FROM ayb_jobs.enqueue_many('letter', array_fill('{}'::jsonb, '{2}'));
SELECT deleted FROM ayb_jobs.delete_matching('letter', since => '2100-01-01');
SELECT deleted FROM ayb_jobs.delete_matching('letter', until => '2000-01-01');
SELECT deleted FROM ayb_jobs.delete_matching('letter', phase => 'failed');
SELECT deleted FROM ayb_jobs.delete_matching('letter', phase => 'completed');
SELECT deleted FROM ayb_jobs.delete_matching('letter', since => now() - interval '1 h', phase => 'external');
SELECT count(*) FROM ayb_jobs.jobs WHERE type = 'letter';
SELECT refused('SELECT ayb_jobs.delete_matching()');
SELECT refused('SELECT ayb_jobs.delete_matching('''')');
SELECT refused('SELECT ayb_jobs.delete_matching(phase => ''odd'')');
SELECT refused('SELECT ayb_jobs.delete_jobs(NULL)');
SELECT refused('SELECT ayb_jobs.delete_job(NULL)');

-- what else holds the payload is named: the schedule that enqueued it, while it has that payload
SELECT id AS schedule FROM ayb_jobs.create_schedule('letters', 'letter', '@yearly', payload => '{"to": "Ada Lovelace"}') \gset
SELECT id FROM ayb_jobs.run_schedule_now(:'schedule') \gset
SELECT ayb_jobs.delete_job(:'id');
SELECT holding('Ada Lovelace');
SELECT id FROM ayb_jobs.run_schedule_now(:'schedule') \gset
SELECT count(*) FROM ayb_jobs.claim('w', '{letter}', 100);
SELECT state FROM ayb_jobs.complete(:'id', 'w', 1);
SELECT * FROM ayb_jobs.delete_matching('letter');
SELECT id FROM ayb_jobs.run_schedule_now(:'schedule') \gset
SELECT payload FROM ayb_jobs.update_schedule(:'schedule', payload => '{"to": "Charles Babbage"}');
SELECT ayb_jobs.delete_job(:'id');
SELECT ayb_jobs.delete_schedule(:'schedule');

-- of the history only the days are locked on which it may have completed: not one of long ago
SELECT ayb_jobs_internal.prepare_history(ayb_jobs_internal.now() - interval '5 days');
CREATE FUNCTION locked_days() RETURNS TABLE (days bigint, old bigint) LANGUAGE sql AS $$
    SELECT count(*), count(*) FILTER (WHERE c.relname <= to_char((ayb_jobs_internal.now() - interval '3 days') AT TIME ZONE 'UTC', '"job_history_"YYYYMMDD'))
    FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
    WHERE l.pid = pg_backend_pid() AND l.mode = 'RowExclusiveLock' AND c.relname ~ '^job_history_\d+$'
$$;
SELECT ayb_jobs.enqueue('letter') AS id, ayb_jobs.enqueue('letter') AS other \gset
SELECT count(*) FROM ayb_jobs.claim('w', '{letter}', 100);
SELECT count(c.state) FROM unnest(ARRAY[:'id', :'other']::uuid[]) AS j CROSS JOIN LATERAL ayb_jobs.complete(j, 'w', 1) AS c;
BEGIN;
SELECT ayb_jobs.delete_job(:'id');
SELECT days > 0 AS some, old FROM locked_days();
COMMIT;
BEGIN;
SELECT deleted FROM ayb_jobs.delete_jobs(ARRAY[:'other']::uuid[]);
SELECT days > 0 AS some, old FROM locked_days();
COMMIT;
BEGIN;
SELECT deleted FROM ayb_jobs.delete_matching('letter', since => now());
SELECT days > 0 AS some, old FROM locked_days();
COMMIT;

DROP FUNCTION locked_days;
SELECT ayb_jobs.unregister_handler(type) FROM unnest('{letter,letter of alice}'::text[]) AS type;
TRUNCATE ayb_jobs.job_queue, ayb_jobs.job_keys, ayb_jobs.job_attempts;
