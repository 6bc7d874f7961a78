# Random graphs of jobs that wait for each other, of every kind, with failures, retries, cancels, deletes, killed workers and
# immediate stops. A checker that knows nothing of the engine but what it shows: no job began before each parent's commit,
# each ran once, every on_parent_failure was obeyed, none was left behind. FLOW_GRAPHS=1000 is what `make chaos` does, FLOW_SEED
# makes the same graphs again.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use Test::More;

my $graphs = $ENV{FLOW_GRAPHS} // 24;
my $seed = $ENV{FLOW_SEED} // time % 100_000;
my $clients = 3;
note("FLOW_SEED=$seed");
my $node = start_server('flows', "ayb_jobs.worker_concurrency = 4\nayb_jobs.lease_duration = '2 s'\nsynchronous_commit = on");

# A job writes down which of its parents it has begun before, as it can't see their feats, and its effect, by its own hand. With
# `run` it needn't wait for a parent that has failed and is retried by somebody.
sql($node, q{
CREATE TABLE jobs_made (graph integer, n integer, id uuid PRIMARY KEY, kind text, fails integer);
CREATE TABLE edges_made (child uuid, parent uuid, policy text);
CREATE INDEX ON edges_made (child);
CREATE TABLE feats (id uuid);
CREATE INDEX ON feats (id);
CREATE TABLE early (id uuid, parent uuid, state text);
CREATE TABLE by_hand (id uuid, what text);
CREATE FUNCTION note_begin(job uuid) RETURNS void LANGUAGE sql AS $$
    INSERT INTO early SELECT e.child, e.parent, j.state FROM edges_made AS e LEFT JOIN ayb_jobs.jobs AS j ON j.id = e.parent
    WHERE e.child = job AND NOT EXISTS (SELECT FROM feats AS f WHERE f.id = e.parent)
      AND (e.policy <> 'run' OR j.state IN ('queued', 'running') AND NOT EXISTS (SELECT FROM by_hand AS b WHERE b.id = e.parent AND b.what = 'retried'))
$$;
CREATE FUNCTION do_step(payload jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    me ayb_jobs.jobs := ayb_jobs.current_job();
BEGIN
    PERFORM note_begin(me.id);
    IF me.runs <= (payload ->> 'fails')::integer AND NOT EXISTS (SELECT FROM mended_once) THEN
        RAISE EXCEPTION 'as it was told';
    END IF;
    INSERT INTO feats VALUES (me.id);
    RETURN payload;
END $$;
CREATE TABLE mended_once (yes boolean);
CREATE PROCEDURE do_command() LANGUAGE plpgsql AS $$
DECLARE
    me ayb_jobs.jobs := ayb_jobs.current_job();
BEGIN
    PERFORM note_begin(me.id);
    COMMIT;
    IF me.runs <= (me.payload ->> 'fails')::integer AND NOT EXISTS (SELECT FROM mended_once) THEN
        RAISE EXCEPTION 'as it was told';
    END IF;
    INSERT INTO feats VALUES (me.id);
END $$;
SELECT ayb_jobs.register_handler('quick', 'do_step(jsonb)', max_attempts => 2, backoff => '{0}');
SELECT ayb_jobs.register_handler('leased', 'do_step(jsonb)', max_attempts => 2, backoff => '{0}', grouped => false);
SELECT ayb_jobs.register_handler('command', 'CALL public.do_command()', kind => 'command', max_attempts => 2, backoff => '{0}');
SELECT ayb_jobs.register_handler('outside', kind => 'external', max_attempts => 2, backoff => '{0}');
-- Outside: the effect and the completion in one transaction.
CREATE PROCEDURE outside_worker() LANGUAGE plpgsql AS $$
DECLARE
    job ayb_jobs.claimed_job;
BEGIN
    WHILE NOT EXISTS (SELECT FROM stopped_once) LOOP
        FOR job IN SELECT * FROM ayb_jobs.claim('outside', '{outside}', 5) LOOP
            PERFORM note_begin(job.id);
            IF job.attempt <= (job.payload ->> 'fails')::integer AND NOT EXISTS (SELECT FROM mended_once) THEN
                PERFORM ayb_jobs.fail(job.id, 'outside', job.attempt, 'as it was told', '0');
            ELSE
                INSERT INTO feats VALUES (job.id);
                PERFORM ayb_jobs.complete(job.id, 'outside', job.attempt, job.payload);
            END IF;
        END LOOP;
        COMMIT;
        PERFORM pg_sleep(0.002);
    END LOOP;
END $$;
CREATE TABLE stopped_once (yes boolean);
-- One graph: at once by enqueue_flow(), or job by job, each in a transaction of its own, while those before it run.
CREATE PROCEDURE make_graph(graph integer) LANGUAGE plpgsql AS $$
DECLARE
    jobs integer := 2 + floor(random() * random() * 99);
    at_once boolean := random() < 0.5;
    ids uuid[] := '{}';
    steps jsonb := '[]';
    made uuid;
    parents integer[];
    policy text;
    kind text;
    fails integer;
    kinds text[] := '{}';
    all_fails integer[] := '{}';
    all_edges jsonb := '[]';
BEGIN
    FOR n IN 1 .. jobs LOOP
        parents := ARRAY(SELECT DISTINCT 1 + floor(random() * (n - 1))::integer FROM generate_series(1, floor(random() * 4)::integer) WHERE n > 1);
        policy := (ARRAY['wait', 'wait', 'run', 'cancel'])[1 + floor(random() * 4)];
        kind := (ARRAY['quick', 'quick', 'leased', 'command', 'outside'])[1 + floor(random() * 5)];
        fails := CASE WHEN random() < 0.05 THEN 2 WHEN random() < 0.1 THEN 1 ELSE 0 END;
        kinds := kinds || kind;
        all_fails := all_fails || fails;
        IF at_once THEN
            steps := steps || (jsonb_build_object('name', n::text, 'type', kind, 'payload', jsonb_build_object('fails', fails))
                || CASE WHEN cardinality(parents) > 0 THEN jsonb_build_object('on_parent_failure', policy,
                        'depends_on', (SELECT jsonb_agg(p::text) FROM unnest(parents) AS p)) ELSE '{}' END);
            all_edges := all_edges || (SELECT coalesce(jsonb_agg(jsonb_build_array(n, p, policy)), '[]') FROM unnest(parents) AS p);
        ELSE
            made := ayb_jobs.uuid7();
            made := ayb_jobs.enqueue(kind, jsonb_build_object('fails', fails),
                depends_on => CASE WHEN cardinality(parents) > 0 THEN ARRAY(SELECT ids[p] FROM unnest(parents) AS p) END,
                options => CASE WHEN cardinality(parents) > 0 THEN jsonb_build_object('on_parent_failure', policy) END);
            ids := ids || made;
            INSERT INTO jobs_made VALUES (graph, n, made, kind, fails);
            INSERT INTO edges_made SELECT made, ids[p], policy FROM unnest(parents) AS p;
            COMMIT;
        END IF;
    END LOOP;
    IF at_once THEN
        SELECT ayb_jobs.enqueue_flow(steps) INTO made;
        INSERT INTO jobs_made SELECT graph, f.name::integer, f.job_id, kinds[f.name::integer], all_fails[f.name::integer] FROM (
            SELECT s ->> 'name' AS name, (s ->> 'id')::uuid AS job_id FROM ayb_jobs.job_flows AS w, jsonb_array_elements(w.steps) AS s WHERE w.id = made) AS f;
        INSERT INTO edges_made SELECT c.id, p.id, e ->> 2 FROM jsonb_array_elements(all_edges) AS e
            JOIN jobs_made AS c ON c.graph = make_graph.graph AND c.n = (e ->> 0)::integer
            JOIN jobs_made AS p ON p.graph = make_graph.graph AND p.n = (e ->> 1)::integer;
        COMMIT;
    END IF;
    -- A few are canceled or deleted, if they are still there; some that have failed are retried.
    FOR made IN SELECT m.id FROM jobs_made AS m WHERE m.graph = make_graph.graph AND random() < 0.03 LOOP
        BEGIN
            IF random() < 0.5 THEN
                PERFORM ayb_jobs.cancel(made);
                INSERT INTO by_hand VALUES (made, 'canceled');
            ELSIF (SELECT state IN ('queued', 'failed') FROM ayb_jobs.job_queue WHERE id = made FOR UPDATE) THEN
                PERFORM ayb_jobs.delete_job(made);
                INSERT INTO by_hand VALUES (made, 'deleted');
            END IF;
        EXCEPTION WHEN no_data_found OR object_not_in_prerequisite_state THEN NULL;
        END;
        COMMIT;
    END LOOP;
    FOR made IN SELECT q.id FROM ayb_jobs.job_queue AS q WHERE q.state = 'failed' AND random() < 0.2 LOOP
        BEGIN
            PERFORM ayb_jobs.retry_now(made);
            INSERT INTO by_hand VALUES (made, 'retried');
        EXCEPTION WHEN no_data_found OR object_not_in_prerequisite_state THEN NULL;
        END;
        COMMIT;
    END LOOP;
END $$;
CREATE PROCEDURE make_graphs(first integer, last integer, seed double precision) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM setseed(seed);
    FOR graph IN first .. last LOOP
        CALL make_graph(graph);
    END LOOP;
END $$;
-- What the engine shows at last, and what is wrong with it.
CREATE MATERIALIZED VIEW ends AS
SELECT m.*, coalesce(j.state, CASE WHEN EXISTS (SELECT FROM by_hand AS b WHERE b.id = m.id AND b.what = 'deleted') THEN 'deleted' ELSE 'gone' END) AS state,
       j.waits_for, (SELECT count(*) FROM feats AS f WHERE f.id = m.id) AS feats
FROM jobs_made AS m LEFT JOIN ayb_jobs.jobs AS j ON j.id = m.id;
CREATE INDEX ON ends (id);
CREATE VIEW parents AS SELECT e.child, e.policy, p.state FROM edges_made AS e JOIN ends AS p ON p.id = e.parent;
CREATE VIEW wrong AS
SELECT 'gone' AS what, e.id FROM ends AS e WHERE e.state = 'gone'
UNION ALL SELECT 'begun early', y.id FROM early AS y
UNION ALL SELECT 'not once', e.id FROM ends AS e WHERE e.feats <> (e.state = 'completed')::integer AND (e.kind <> 'command' OR e.state = 'completed' AND e.feats = 0)
UNION ALL SELECT 'completed in spite of a parent', e.id FROM ends AS e WHERE e.state = 'completed' AND EXISTS (
    SELECT FROM parents AS p WHERE p.child = e.id AND p.state <> 'completed' AND (p.policy <> 'run' OR p.state IN ('queued', 'running')))
UNION ALL SELECT 'canceled by nobody', e.id FROM ends AS e WHERE e.state = 'canceled' AND NOT EXISTS (SELECT FROM by_hand AS b WHERE b.id = e.id AND b.what = 'canceled')
    AND NOT EXISTS (SELECT FROM parents AS p WHERE p.child = e.id AND p.policy <> 'run'
                    AND (p.state IN ('canceled', 'deleted') OR p.policy = 'cancel'))
UNION ALL SELECT 'failed unasked', e.id FROM ends AS e WHERE e.state = 'failed' AND e.fails < 2
    AND NOT EXISTS (SELECT FROM ayb_jobs.job_attempts AS a WHERE a.job_id = e.id AND a.status = 'lost')
UNION ALL SELECT 'left behind', e.id FROM ends AS e WHERE e.state = 'queued' AND NOT EXISTS (
    SELECT FROM parents AS p WHERE p.child = e.id AND (p.state = 'queued' OR p.state = 'failed' AND p.policy = 'wait'))
UNION ALL SELECT 'not canceled', e.id FROM ends AS e WHERE e.state = 'queued' AND EXISTS (
    SELECT FROM parents AS p WHERE p.child = e.id AND p.policy <> 'run'
       AND (p.state IN ('canceled', 'deleted') OR p.state = 'failed' AND p.policy = 'cancel'));
-- Looks anew. Nothing to do is what stays so.
CREATE FUNCTION is_settled() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    REFRESH MATERIALIZED VIEW ends;
    RETURN NOT EXISTS (SELECT FROM wrong WHERE what IN ('left behind', 'not canceled'));
END $$;
});

my $quiet = q{SELECT NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE state = 'running' OR state = 'queued' AND waits_for IS DISTINCT FROM 'jobs')};
sub wrongs { sql($node, 'SELECT is_settled()'); return sql($node, 'SELECT what, count(*), min(id::text) FROM wrong GROUP BY what ORDER BY what') }

sub begin_outside
{
	my $worker = $node->background_psql('postgres', on_error_stop => 0);
	$worker->query_until(qr/begins/, "\\echo begins\nCALL outside_worker(); SELECT 'ended';\n");
	return $worker;
}

# After a kill the server may still be on its way down when it has answered once more.
sub start_outside
{
	my $worker;
	until ($worker = eval { begin_outside() })
	{
		$node->poll_query_until('postgres', 'SELECT true') or die 'no server';
	}
	return $worker;
}

my $outside = start_outside();
my $next = 1;
sub made { return sql($node, 'SELECT count(DISTINCT graph) FROM jobs_made') }

sub make
{
	my ($count) = @_;
	my @sessions;
	for my $client (1 .. $clients)
	{
		my $last = $next + int($count / $clients);
		my $session = $node->background_psql('postgres', on_error_stop => 0);
		$session->query_until(qr/begins/, sprintf "\\echo begins\nCALL make_graphs(%d, %d, %f); SELECT 'ended';\n", $next, $last, ($seed + $next) / 1_000_000);
		$next = $last + 1;
		push @sessions, $session;
	}
	return @sessions;
}

sub settled
{
	my ($what) = @_;
	my $settled = eventually($node, "$quiet AND is_settled()");
	my $wrongs = wrongs();
	ok($settled && $wrongs eq '', "$what: nothing is left to do, and nothing is wrong") or diag($wrongs);
	note(sql($node, q{SELECT count(DISTINCT graph) || ' graphs, ' || count(*) || ' jobs' FROM jobs_made}));
	return;
}

my $each = 6;
$_->quit for make($graphs < 100 ? $graphs / 2 : $graphs / 10);
is(made(), $next - 1, 'all graphs were made');
settled('undisturbed');

# Workers are killed, which restarts the server, and it is stopped at once, while graphs are made: until there are enough.
for (my $turn = 1; $turn <= 2 || made() < $graphs; $turn++)
{
	my $before = sql($node, 'SELECT count(*) FROM jobs_made');
	my @sessions = make($each);
	ok(eventually($node, "SELECT count(*) > $before FROM jobs_made"), 'graphs are being made');
	if ($turn % 2 == 1)
	{
		my $pid = sql($node, 'SELECT pid FROM ayb_jobs.workers() LIMIT 1');
		kill 9, $pid if $pid;
		$node->poll_query_until('postgres', 'SELECT true') or die;
	}
	else
	{
		$node->stop('immediate');
		$node->start;
	}
	for my $session (@sessions, $outside)
	{
		eval { $session->quit; 1 } or note('its session is gone');
	}
	$outside = start_outside();
	settled($turn % 2 == 1 ? 'a worker killed' : 'an immediate stop');
}

# What stands goes on when it is mended and retried.
sql($node, q{INSERT INTO by_hand SELECT id, 'retried' FROM ayb_jobs.job_queue WHERE state = 'failed';
	INSERT INTO mended_once VALUES (true); UPDATE jobs_made SET fails = 0; SELECT ayb_jobs.retry_matching()});
ok(eventually($node, q{SELECT NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE state IN ('queued', 'running', 'failed'))}), 'retried: nothing stands any more');
sql($node, 'SELECT is_settled()');
is(sql($node, q{SELECT what, count(*) FROM wrong WHERE what NOT IN ('canceled by nobody') GROUP BY what}), '', 'and nothing is wrong');
is(sql($node, q{SELECT count(*) FROM ayb_jobs.job_edges AS e WHERE NOT EXISTS (SELECT FROM ayb_jobs.job_queue AS q WHERE q.id = e.child)}), 0, 'no edge is left of what is gone');
is(sql($node, q{SELECT count(*) FROM ayb_jobs.job_edges AS e JOIN ayb_jobs.job_queue AS q ON q.id = e.child WHERE q.state <> 'canceled'}), 0, 'but of canceled ones');
cmp_ok(sql($node, 'SELECT count(*) FROM jobs_made'), '>', $graphs, 'there were jobs');
note(sql($node, q{SELECT count(DISTINCT graph) || ' graphs, the last one ' || max(graph) FROM jobs_made}));
note(sql($node, q{SELECT string_agg(state || ' ' || n, ', ' ORDER BY state) FROM (SELECT state, count(*) AS n FROM ends GROUP BY state) AS s}));

# The checker sees what it is there for, done by hand past the engine: a child that is let go too soon, one that nothing lets
# go, and one that has run twice.
sql($node, q{INSERT INTO jobs_made SELECT 0, n, ayb_jobs.enqueue('quick', '{"fails": 0}', delay => '1 hour'), 'quick', 0 FROM generate_series(1, 2) AS n});
sql($node, q{INSERT INTO jobs_made SELECT 0, 3, ayb_jobs.enqueue('quick', '{"fails": 0}', depends_on => ARRAY[id]), 'quick', 0 FROM jobs_made WHERE graph = 0 AND n = 1});
sql($node, q{INSERT INTO edges_made SELECT c.id, p.id, 'wait' FROM jobs_made AS c, jobs_made AS p WHERE c.graph = 0 AND c.n = 3 AND p.graph = 0 AND p.n = 1});
sql($node, q{UPDATE ayb_jobs.job_queue SET waits_for = NULL WHERE id = (SELECT id FROM jobs_made WHERE graph = 0 AND n = 3)});
ok(eventually($node, q{SELECT EXISTS (SELECT FROM ayb_jobs.jobs AS j JOIN jobs_made AS m USING (id) WHERE m.graph = 0 AND m.n = 3 AND j.state = 'completed')}), 'let go by hand');
sql($node, q{INSERT INTO feats SELECT id FROM jobs_made WHERE graph = 0 AND n = 3});
sql($node, 'SELECT is_settled()');
is(sql($node, q{SELECT w.what, m.n FROM wrong AS w JOIN jobs_made AS m USING (id) WHERE m.graph = 0 ORDER BY w.what, m.n}),
	"begun early|3\ncompleted in spite of a parent|3\nleft behind|1\nleft behind|2\nnot once|3", 'the checker sees that');

sql($node, 'INSERT INTO stopped_once VALUES (true)');
$outside->quit;
$node->stop;
done_testing();
