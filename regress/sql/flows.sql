-- Jobs that wait for others.
CREATE TABLE said (n serial, word text, at bigint);
CREATE FUNCTION flow_word(payload jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    IF payload ? 'fails' AND EXISTS (SELECT FROM pg_class WHERE relname = 'said_fails') THEN
        RAISE EXCEPTION 'it fails';
    END IF;
    INSERT INTO said (word) VALUES (payload ->> 'say');
    RETURN jsonb_build_object('said', payload -> 'say', 'after',
                              (SELECT jsonb_agg(p.result -> 'said' ORDER BY p.result ->> 'said') FROM ayb_jobs.parents() AS p));
END
$$;
SELECT type FROM ayb_jobs.register_handler('flow word', 'flow_word(jsonb)', max_attempts => 1);
SELECT type FROM ayb_jobs.register_handler('flow outside', kind => 'external');
CREATE FUNCTION say_it(word text) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('say', word) $$;

-- A diamond, in any order.
SELECT ayb_jobs.enqueue_flow('[{"name": "load", "type": "flow word", "payload": {"say": "load"}, "depends_on": ["left", "right"]},
    {"name": "left", "type": "flow word", "payload": {"say": "left"}, "depends_on": ["get"]},
    {"name": "right", "type": "flow word", "payload": {"say": "right"}, "depends_on": ["get", "get"]},
    {"name": "get", "type": "flow word", "payload": {"say": "get"}}]', 'nightly') AS flow \gset
SELECT wait_until(format('(SELECT count(*) = 4 FROM ayb_jobs.jobs WHERE flow = %L AND state = ''completed'')', :'flow'));
SELECT name, type, state, phase, depends_on, completed_at IS NOT NULL AS done FROM ayb_jobs.flow(:'flow');
SELECT name, state, jobs, waiting, queued, running, completed, failed, canceled, ended_at IS NOT NULL AS ended FROM ayb_jobs.flows WHERE id = :'flow';
SELECT j.result FROM ayb_jobs.jobs AS j WHERE j.flow = :'flow' AND j.payload ->> 'say' IN ('get', 'load') ORDER BY j.id;
SELECT array_agg(word ORDER BY n) IN ('{get,left,right,load}', '{get,right,left,load}') AS in_order FROM said;
-- The names stay, the results only where the history has them.
SELECT p.name, p.type, p.state, p.result FROM ayb_jobs.flow(:'flow') AS f CROSS JOIN ayb_jobs.parents(f.job_id) AS p WHERE f.name = 'load' ORDER BY p.name;
SELECT count(*) FROM ayb_jobs.job_edges;
-- Where two children end at once neither knows that nobody waits for the result any more.
SELECT count(*) <= 1 AS forgotten FROM ayb_jobs.job_outcomes WHERE state = 'completed';

-- By ids, of whatever kind; a parent that has completed hands its result on.
SELECT ayb_jobs.enqueue('flow outside') AS outside \gset
SELECT f.job_id AS old FROM ayb_jobs.flow(:'flow') AS f WHERE f.name = 'get' \gset
SELECT ayb_jobs.enqueue('flow word', say_it('child'), depends_on => ARRAY[:'outside', :'old', :'outside']::uuid[]) AS child \gset
SELECT state, phase, waits_for FROM ayb_jobs.jobs WHERE id = :'child';
SELECT p.name, p.job_id = :'old' AS old, p.type, p.state, p.result FROM ayb_jobs.parents(:'child') AS p ORDER BY old;
SELECT id = :'outside' AS it FROM claim_one('w', 'flow outside');
SELECT state FROM ayb_jobs.complete(:'outside', 'w', 1, '{"said": "outside"}');
SELECT wait_for(:'child', 'completed');
SELECT result FROM ayb_jobs.jobs WHERE id = :'child';
SELECT ayb_jobs.enqueue('flow word', say_it('late'), depends_on => ARRAY[:'child']::uuid[]) AS late \gset
SELECT wait_for(:'late', 'completed');
SELECT result FROM ayb_jobs.jobs WHERE id = :'late';

-- A parent that fails: what waits stands, and goes on after retry_now(); what runs goes on; what is to end ends.
CREATE TABLE said_fails ();
SELECT ayb_jobs.enqueue('flow word', say_it('bad') || '{"fails": 1}', delay => '1 hour') AS bad \gset
SELECT ayb_jobs.enqueue('flow word', say_it('waits'), depends_on => ARRAY[:'bad']::uuid[]) AS waits \gset
SELECT ayb_jobs.enqueue('flow word', say_it('runs'), depends_on => ARRAY[:'bad']::uuid[], options => '{"on_parent_failure": "run"}') AS runs \gset
SELECT ayb_jobs.enqueue('flow word', say_it('ends'), depends_on => ARRAY[:'bad', :'waits']::uuid[], options => '{"on_parent_failure": "cancel"}') AS ends \gset
SELECT ayb_jobs.enqueue('flow word', say_it('grandchild'), depends_on => ARRAY[:'ends']::uuid[]) AS grandchild \gset
SELECT state FROM ayb_jobs.run_now(:'bad');
SELECT wait_for(:'bad', 'failed'), wait_for(:'runs', 'completed'), wait_for(:'ends', 'canceled'), wait_for(:'grandchild', 'canceled');
SELECT state, phase FROM ayb_jobs.jobs WHERE id = :'waits';
SELECT state, result FROM ayb_jobs.parents(:'runs');
SELECT replace(last_error, :'bad', '<bad>') FROM ayb_jobs.jobs WHERE id = :'ends';
SELECT replace(last_error, :'ends', '<ends>') FROM ayb_jobs.jobs WHERE id = :'grandchild';
SELECT status, detail, replace(hint, :'bad', '<bad>') AS hint FROM ayb_jobs.health() WHERE name = 'flows';
DROP TABLE said_fails;
SELECT state FROM ayb_jobs.retry_now(:'bad');
SELECT wait_for(:'waits', 'completed');
SELECT result FROM ayb_jobs.jobs WHERE id = :'waits';
SELECT status, detail FROM ayb_jobs.health() WHERE name = 'flows';
-- What was canceled with its parent goes back to waiting where one is still to come.
SELECT ayb_jobs.enqueue('flow word', say_it('first'), delay => '1 hour') AS first \gset
SELECT ayb_jobs.enqueue('flow word', say_it('second'), depends_on => ARRAY[:'first']::uuid[]) AS second \gset
SELECT state, phase FROM ayb_jobs.cancel(:'second');
SELECT state, phase FROM ayb_jobs.run_now(:'second');
SELECT state, phase FROM ayb_jobs.reschedule(:'second', delay => '0');
SELECT state, phase FROM ayb_jobs.cancel(:'first');
SELECT wait_for(:'second', 'canceled');
SELECT state, phase IN ('due', 'running') AS goes FROM ayb_jobs.run_now(:'second');
SELECT wait_for(:'second', 'completed');
-- Deleted ones: as canceled. What is deleted leaves nothing.
SELECT ayb_jobs.enqueue('flow word', say_it('first'), delay => '1 hour') AS first \gset
SELECT ayb_jobs.enqueue('flow word', say_it('second'), depends_on => ARRAY[:'first']::uuid[]) AS second \gset
SELECT ayb_jobs.delete_job(:'first');
SELECT wait_for(:'second', 'canceled');
SELECT replace(last_error, :'first', '<first>') FROM ayb_jobs.jobs WHERE id = :'second';
SELECT ayb_jobs.delete_job(:'second');
SELECT ayb_jobs.enqueue('flow word', say_it('secret')) AS first \gset
SELECT wait_for(:'first', 'completed');
SELECT ayb_jobs.enqueue('flow word', say_it('second'), delay => '1 hour', depends_on => ARRAY[:'first']::uuid[]) AS second \gset
SELECT state, phase FROM ayb_jobs.jobs WHERE id = :'second';
SELECT state, result FROM ayb_jobs.parents(:'second');
SELECT ayb_jobs.delete_job(:'first');
SELECT state, result FROM ayb_jobs.parents(:'second');
SELECT ayb_jobs.delete_job(:'second');
SELECT count(*) FROM ayb_jobs.job_edges;

-- A batch: the callback waits for all others, also for those that come later, in the transaction or by a member.
CREATE FUNCTION member(payload jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    IF payload ? 'more' THEN
        PERFORM ayb_jobs.enqueue_many('member', array_fill('{}'::jsonb, ARRAY[3]),
                                      options => jsonb_build_object('flow', (ayb_jobs.current_job()).flow));
    END IF;
    RETURN 'done';
END
$$;
CREATE FUNCTION callback() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM ayb_jobs.parents() AS p WHERE p.state = 'completed' $$;
SELECT type FROM ayb_jobs.register_handler('member', 'member(jsonb)');
SELECT type FROM ayb_jobs.register_handler('callback', 'callback()');
BEGIN;
SELECT ayb_jobs.enqueue_flow('[{"name": "end", "type": "callback", "depends_on": ["*"]}]', 'batch') AS flow \gset
SELECT count(*) FROM ayb_jobs.enqueue_many('member', array_fill('{}'::jsonb, ARRAY[500]) || '{"more": 1}'::jsonb, options => jsonb_build_object('flow', :'flow'));
COMMIT;
SELECT wait_until(format('(SELECT state = ''completed'' FROM ayb_jobs.flows WHERE id = %L)', :'flow'));
SELECT name, state, jobs, completed FROM ayb_jobs.flows WHERE id = :'flow';
SELECT j.result FROM ayb_jobs.jobs AS j WHERE j.flow = :'flow' AND j.type = 'callback';
SELECT count(*), count(f.name) FROM ayb_jobs.flow(:'flow', 100) AS f;
SELECT refused(format('SELECT ayb_jobs.enqueue(''member'', options => ''{"flow": "%s"}'')', :'flow'));

-- A running job enqueues one that those have to wait for that wait for it.
CREATE FUNCTION puts_before(payload jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ayb_jobs.enqueue('flow word', say_it('between'), delay => '200 ms', options => jsonb_build_object('required_by', payload -> 'before'));
    RETURN 'put';
END
$$;
SELECT type FROM ayb_jobs.register_handler('puts before', 'puts_before(jsonb)');
BEGIN;
SELECT ayb_jobs.enqueue('puts before', delay => '1 hour') AS puts \gset
SELECT ayb_jobs.enqueue('flow word', say_it('after both'), depends_on => ARRAY[:'puts']::uuid[]) AS last \gset
UPDATE ayb_jobs.job_queue SET payload = jsonb_build_object('before', jsonb_build_array(:'last')) WHERE id = :'puts';
COMMIT;
SELECT state FROM ayb_jobs.run_now(:'puts');
SELECT wait_for(:'last', 'completed');
SELECT result -> 'after' FROM ayb_jobs.jobs WHERE id = :'last';
SELECT refused(format('SELECT ayb_jobs.enqueue(''flow word'', options => ''{"required_by": ["%s"]}'')', :'last'));

-- cancel_flow(), retry_flow().
SELECT ayb_jobs.enqueue_flow('[{"name": "a", "type": "flow word", "delay": "1 h"}, {"name": "b", "type": "flow word", "depends_on": ["a"], "on_parent_failure": "run"}]') AS flow \gset
SELECT ayb_jobs.cancel_flow(:'flow');
SELECT name, state FROM ayb_jobs.flow(:'flow');
SELECT state, canceled FROM ayb_jobs.flows WHERE id = :'flow';
SELECT ayb_jobs.retry_flow(:'flow');
-- What has been let go isn't held again: it is retried beside its parent.
CREATE TABLE said_fails ();
SELECT ayb_jobs.enqueue_flow('[{"name": "a", "type": "flow word", "payload": {"fails": 1}},
    {"name": "b", "type": "flow word", "payload": {"fails": 1}, "depends_on": ["a"], "on_parent_failure": "run"}]') AS flow \gset
SELECT wait_until(format('(SELECT failed = 2 FROM ayb_jobs.flows WHERE id = %L)', :'flow'));
BEGIN;
SELECT ayb_jobs.retry_flow(:'flow');
SELECT name, state, phase FROM ayb_jobs.flow(:'flow');
ROLLBACK;
DROP TABLE said_fails;
SELECT ayb_jobs.retry_flow(:'flow');
SELECT wait_until(format('(SELECT completed = 2 FROM ayb_jobs.flows WHERE id = %L)', :'flow'));

-- Bad input.
SELECT refused('SELECT ayb_jobs.enqueue_flow(' || quote_literal(j) || ')') FROM unnest(ARRAY['{}', '[]', '[1]', '[{"type": "flow word"}]', '[{"name": "*", "type": "flow word"}]', '[{"name": "a"}]',
    '[{"name": "a", "type": "flow word"}, {"name": "a", "type": "flow word"}]', '[{"name": "a", "type": "flow word", "depends_on": ["b"]}]',
    '[{"name": "a", "type": "flow word", "depends_on": ["00000000-0000-7000-8000-000000000000"]}]', '[{"name": "a", "type": "flow word", "depends_on": "b"}]',
    '[{"name": "a", "type": "flow word", "depends_on": [1]}]', '[{"name": "a", "type": "flow word", "depends_on": ["*", "b"]}]',
    '[{"name": "a", "type": "flow word", "depends_on": ["a"]}]', '[{"name": "x", "type": "flow word"}, {"name": "a", "type": "flow word", "depends_on": ["c"]}, {"name": "b", "type": "flow word", "depends_on": ["a", "x"]}, {"name": "c", "type": "flow word", "depends_on": ["b"]}]',
    '[{"name": "a", "type": "flow word", "depends_on": ["*"]}, {"name": "b", "type": "flow word", "depends_on": ["*"]}]',
    '[{"name": "a", "type": "flow word", "on_parent_failure": "run"}]', '[{"name": "b", "type": "flow word"}, {"name": "a", "type": "flow word", "depends_on": ["b"], "on_parent_failure": "go"}]',
    '[{"name": "b", "type": "flow word"}, {"name": "a", "type": "flow word", "depends_on": ["b"], "unique_key": "k"}]', '[{"name": "a", "type": "flow word", "wrong": 1}]']) AS j;
SELECT refused('SELECT ayb_jobs.enqueue(''flow word'', ' || a || ')') FROM unnest(ARRAY['depends_on => ''{00000000-0000-7000-8000-000000000000}''', 'depends_on => ''{NULL}''',
    'depends_on => ''{{00000000-0000-7000-8000-000000000000}}''', 'options => ''{"on_parent_failure": "run"}''', 'options => ''{"flow": "x"}''',
    'options => ''{"flow": "00000000-0000-7000-8000-000000000000"}''', 'options => ''{"required_by": "x"}''', 'options => ''{"required_by": ["x"]}''']) AS a;
SELECT refused('SELECT ' || f) FROM unnest(ARRAY['ayb_jobs.parents()', 'ayb_jobs.parents(''00000000-0000-7000-8000-000000000000'')',
    'ayb_jobs.flow(''00000000-0000-7000-8000-000000000000'')', 'ayb_jobs.cancel_flow(''00000000-0000-7000-8000-000000000000'')',
    'ayb_jobs.retry_flow(NULL)', 'ayb_jobs.enqueue_flow(NULL)', 'ayb_jobs.enqueue_flow(''[{"name": "a", "type": "flow word"}]'', '''')']) AS f;

-- What a stranger can't see is as what isn't there.
SET ROLE regress_bob;
SELECT refused(format('SELECT ayb_jobs.enqueue(''flow outside'', depends_on => ''{%s}'')', :'late'));
SELECT refused(format('SELECT ayb_jobs.parents(%L)', :'late'));
SELECT refused(format('SELECT ayb_jobs.flow(%L)', :'flow'));
SELECT refused(format('SELECT ayb_jobs.cancel_flow(%L)', :'flow'));
SELECT refused(format('SELECT ayb_jobs.enqueue(''flow outside'', options => ''{"flow": "%s"}'')', :'flow'));
SELECT count(*) FROM ayb_jobs.flows;
RESET ROLE;
SELECT ayb_jobs.unregister_handler(t) FROM unnest(ARRAY['flow word', 'flow outside', 'member', 'callback', 'puts before']) AS t;
DROP FUNCTION flow_word(jsonb), say_it(text), member(jsonb), callback(), puts_before(jsonb);
DROP TABLE said;
