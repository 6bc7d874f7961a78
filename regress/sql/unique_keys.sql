-- unique_key: of the jobs of a type that wait for their first start, at most one has it.
SELECT type FROM ayb_jobs.register_handler('sums', kind => 'external');
SELECT ayb_jobs.enqueue('sums', '1', unique_key => 'a') AS first \gset
SELECT ayb_jobs.enqueue('sums', '2', unique_key => 'a') = :'first' AS kept, ayb_jobs.enqueue('sums', '3', unique_key => 'b') <> :'first' AS other_key;
SELECT id = :'first' AS it, is_new FROM ayb_jobs.enqueue_or_find('sums', unique_key => 'a');
SELECT payload, unique_key, priority FROM ayb_jobs.jobs WHERE type = 'sums' ORDER BY unique_key;

-- replace: its payload, priority and run_at; debounce: no later than max_delay after its creation
SELECT ayb_jobs.enqueue('sums', '4', unique_key => 'a', priority => 2, delay => '1 h', options => '{"on_conflict": "replace"}') = :'first' AS replaced;
SELECT payload, priority, phase, run_at - updated_at AS ahead FROM ayb_jobs.jobs WHERE id = :'first';
SELECT ayb_jobs.enqueue('sums', '5', unique_key => 'a', delay => '2 h', options => '{"on_conflict": "debounce", "max_delay": "90 min"}') = :'first' AS debounced;
SELECT payload, priority, run_at - created_at AS ahead FROM ayb_jobs.jobs WHERE id = :'first';
SELECT ayb_jobs.enqueue('sums', '6', unique_key => 'a', delay => '3 h', options => '{"on_conflict": "debounce"}') = :'first' AS debounced;
SELECT run_at - created_at > '2 h' AS ahead FROM ayb_jobs.jobs WHERE id = :'first';

-- What is made due stays one; what was canceled has no key any more; what has begun isn't in the way
SELECT state, unique_key FROM ayb_jobs.run_now(:'first');
SELECT ayb_jobs.enqueue('sums', '7', unique_key => 'a') = :'first' AS kept;
SELECT state, unique_key FROM ayb_jobs.cancel(:'first');
SELECT ayb_jobs.enqueue('sums', '8', unique_key => 'a') AS second \gset
SELECT state, unique_key FROM ayb_jobs.run_now(:'first');
SELECT count(*) FROM ayb_jobs.claim('w', '{sums}', 10);
SELECT ayb_jobs.enqueue('sums', '9', unique_key => 'a') NOT IN (:'first', :'second') AS new;
SELECT count(j.state) FROM ayb_jobs.jobs AS r CROSS JOIN LATERAL ayb_jobs.fail(r.id, 'w', r.runs, 'no', final => true) AS j WHERE r.type = 'sums' AND r.state = 'running';
SELECT count(*) FROM ayb_jobs.retry_matching('sums');
SELECT payload, state, runs, unique_key FROM ayb_jobs.jobs WHERE type = 'sums' ORDER BY payload;

-- Whose key it is: its enqueuer's, of a type; and the one who enqueues for another role finds it
SELECT ayb_jobs.cancel_matching('sums') > 0 AS canceled;
SET ROLE regress_alice;
SELECT ayb_jobs.enqueue('sums', '"alice"', unique_key => 'c') AS hers \gset
SET ROLE regress_bob;
SELECT ayb_jobs.enqueue('sums', '"bob"', unique_key => 'c') <> :'hers' AS his_own;
RESET ROLE;
SELECT ayb_jobs.enqueue('sums', '"for alice"', unique_key => 'c', run_as => 'regress_alice') <> :'hers' AS mine;

-- Many: the ids in the order of the array, whatever order they were taken in
SELECT array_agg(r.id ORDER BY r.n) AS ids FROM ayb_jobs.enqueue_many('[{"type": "sums", "payload": 1, "unique_key": "z"}, {"type": "sums", "payload": 2},
    {"type": "sums", "payload": 3, "unique_key": "y"},
    {"type": "sums", "payload": 4, "unique_key": "z", "options": {"on_conflict": "replace"}}]') WITH ORDINALITY AS r (id, n) \gset
SELECT i.n, j.payload, j.unique_key FROM unnest(:'ids'::uuid[]) WITH ORDINALITY AS i (id, n) LEFT JOIN ayb_jobs.jobs AS j USING (id) ORDER BY i.n;

-- A deadline and meta go along, into a new job and into one that is replaced; to keep one that is beyond its deadline would lose the new one
SELECT ayb_jobs.enqueue('sums', '1', unique_key => 'd', options => '{"expires_at": "2100-01-01 00:00+00", "meta": {"of": 1}}') AS first \gset
SELECT ayb_jobs.enqueue('sums', '2', unique_key => 'd', options => '{"expires_at": "2101-01-01 00:00+00", "meta": {"of": 2}}') = :'first' AS kept;
SELECT payload, expires_at = '2100-01-01 00:00+00' AS expires, meta FROM ayb_jobs.job_queue WHERE id = :'first';
SELECT ayb_jobs.enqueue('sums', '3', unique_key => 'd', options => jsonb_build_object('on_conflict', 'replace', 'expires_at', now(), 'meta', '{"of": 3}'::jsonb)) = :'first' AS replaced;
SELECT payload, expires_at <= now() AS expired, meta FROM ayb_jobs.job_queue WHERE id = :'first';
SELECT e.id <> :'first' AS other, e.is_new, e.id AS second FROM ayb_jobs.enqueue_or_find('sums', '4', unique_key => 'd', options => jsonb_build_object('expires_at', now())) AS e \gset
\echo :other :is_new
SELECT state, unique_key, last_error LIKE 'it had not been started by %' AS why FROM ayb_jobs.jobs WHERE id = :'first';
SELECT ayb_jobs.enqueue('sums', '5', unique_key => 'd', options => '{"on_conflict": "debounce"}') = :'second' AS debounced;
SELECT payload, expires_at, meta FROM ayb_jobs.job_queue WHERE id = :'second';
-- what ends by hand without ever having been started has given its key up as well
UPDATE ayb_jobs.job_queue SET state = 'failed' WHERE id = :'second';
SELECT ayb_jobs.enqueue('sums', '6', unique_key => 'd') <> :'second' AS new;
SELECT state, unique_key FROM ayb_jobs.retry_now(:'second');

-- What is refused
SELECT refused('SELECT ayb_jobs.enqueue(''sums'', ' || a || ')') FROM unnest(ARRAY['unique_key => ''''', 'unique_key => repeat(''x'', 256)',
    'unique_key => ''k'', idempotency_key => ''k''', 'unique_key => ''k'', options => ''{"on_conflict": "drop"}''',
    'unique_key => ''k'', options => ''{"on_conflict": 1}''', 'unique_key => ''k'', options => ''{"max_delay": "1 h"}''',
    'unique_key => ''k'', options => ''{"on_conflict": "debounce", "max_delay": "0"}''', 'options => ''{"on_conflict": "keep"}''',
    'options => ''{"colour": "red"}''', 'options => ''[]''']) AS a;
SELECT refused($$SELECT ayb_jobs.enqueue_many('sums', '{1}', options => '{"on_conflict": "keep"}')$$);
SELECT refused($$SELECT ayb_jobs.enqueue_many('[{"type": "sums"}, {"type": "sums", "unique_key": "k", "options": {"on_conflict": "drop"}}]')$$);
SELECT refused($$INSERT INTO ayb_jobs.job_queue (type, unique_key) VALUES ('sums', 'u'), ('sums', 'u')$$);
SELECT count(*) FROM ayb_jobs.enqueue_many('[{"type": "sums", "options": null}]');

SELECT ayb_jobs.unregister_handler('sums');
SELECT ayb_jobs.cancel_matching('sums') > 0 AS canceled;
SELECT count(ayb_jobs.delete_job(id)) > 0 AS deleted FROM ayb_jobs.jobs WHERE type = 'sums';
