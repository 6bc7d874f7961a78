-- Workers outside: claims, leases, fencing.
SELECT ayb_jobs.register_handler('mail', kind => 'external', max_attempts => 2);
SELECT count(*) FROM ayb_jobs.enqueue_many('mail', '{"{\"n\": 1}", "{\"n\": 2}", "{\"n\": 3}"}');
SELECT payload, state, attempts, worker_id FROM ayb_jobs.claim('w1', '{mail}', 2) ORDER BY id;
SELECT id FROM ayb_jobs.jobs WHERE type = 'mail' AND payload = '{"n": 1}' \gset
-- The wrong worker or attempt changes nothing.
\set VERBOSITY sqlstate
SELECT ayb_jobs.complete(:'id', 'w2', 1);
SELECT ayb_jobs.complete(:'id', 'w1', 2);
SELECT ayb_jobs.fail(:'id', 'w2', 1, 'no');
SELECT ayb_jobs.extend_lease(:'id', 'w2', 1);
SELECT ayb_jobs.complete('00000000-0000-7000-8000-000000000000', 'w1', 1);
\set VERBOSITY default
SELECT state, attempts, worker_id FROM ayb_jobs.jobs WHERE id = :'id';
SELECT state, result FROM ayb_jobs.complete(:'id', 'w1', 1, '{"sent": true}');
SELECT id FROM ayb_jobs.jobs WHERE type = 'mail' AND payload = '{"n": 2}' \gset
SELECT state, last_error, run_at <= ayb_jobs._now() AS now FROM ayb_jobs.fail(:'id', 'w1', 1, 'try later', retry_in => '0');
SELECT count(*) FROM ayb_jobs.claim('w2', '{mail}', 10);
SELECT state, last_error FROM ayb_jobs.fail(:'id', 'w2', 2, 'gave up');
-- A lease that ended is somebody else's to take.
SELECT id FROM ayb_jobs.jobs WHERE type = 'mail' AND payload = '{"n": 3}' \gset
SELECT lease_until > ayb_jobs._now() + '1 h' FROM ayb_jobs.extend_lease(:'id', 'w2', 1, '2 h');
SELECT lease_until < ayb_jobs._now() + '1 h' FROM ayb_jobs.extend_lease(:'id', 'w2', 1, '1 ms');
SELECT wait_for(format($$(SELECT state = 'queued' FROM ayb_jobs.jobs WHERE id = %L)$$, :'id'));
SELECT worker_id, attempts FROM ayb_jobs.claim('w3', '{mail}');
\set VERBOSITY sqlstate
SELECT ayb_jobs.complete(:'id', 'w2', 1);
\set VERBOSITY default
SELECT state FROM ayb_jobs.complete(:'id', 'w3', 2);
SELECT attempt, status FROM ayb_jobs.attempts(:'id');
