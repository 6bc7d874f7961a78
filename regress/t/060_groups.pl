# Groups of quick jobs: what they share, what they don't, and that each of them is still exactly once, whatever another one
# of its group does.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

# One worker, and a budget that a loaded machine keeps. Jobs that are enqueued in one transaction are one group then.
my $node = start_server('groups', q{
ayb_jobs.worker_concurrency = 1
ayb_jobs.worker_idle_timeout = 10min
ayb_jobs.group_budget = 1s
ayb_jobs.test_group_at_once = on
});
sql($node, q{
CREATE SEQUENCE calls;
CREATE TABLE ran (n integer, xact text, what text, job uuid, at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION note(what text) RETURNS void LANGUAGE sql AS
    'INSERT INTO ran (xact, what, job) SELECT pg_current_xact_id()::text, $1, id FROM ayb_jobs.current_job()';
CREATE FUNCTION quick(payload jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    PERFORM note(payload->>'what');
    RETURN jsonb_build_object('xact', pg_current_xact_id()::text, 'now', now(), 'clock', clock_timestamp());
END $$;
CREATE FUNCTION idle(payload jsonb) RETURNS void LANGUAGE plpgsql AS 'BEGIN END';
-- A sequence counts what is rolled back too.
CREATE FUNCTION run(payload jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    result jsonb;
BEGIN
    PERFORM nextval('calls');
    PERFORM note(payload->>'what');
    EXECUTE payload->>'run' INTO result;
    RETURN result;
END $$;
CREATE FUNCTION execute(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM note(payload->>'what');
    EXECUTE payload->>'run';
END $$;
CREATE FUNCTION bare() RETURNS void LANGUAGE plpgsql AS 'BEGIN END';
SELECT ayb_jobs.register_handler('quick', 'quick(jsonb)', max_attempts => 2, backoff => '{0s}');
SELECT ayb_jobs.register_handler('idle', 'idle(jsonb)');
SELECT ayb_jobs.register_handler('alone', 'quick(jsonb)', grouped => false);
SELECT ayb_jobs.register_handler('timed', 'quick(jsonb)', timeout => '500 ms');
SELECT ayb_jobs.register_handler('bare', 'bare()', kind => 'function');
SELECT ayb_jobs.register_handler('run', 'run(jsonb)', max_attempts => 2, backoff => '{0s}')});
# Types of their own for what loses the grouped way.
sub register {
    my ($function, @types) = @_;
    sql($node, "SELECT ayb_jobs.register_handler('$_', '$function(jsonb)', max_attempts => 2, backoff => '{0s}')") for @types;
}

# enqueue([TYPE, PAYLOAD, more arguments], ...): all at one instant, in this order; gives back the ids.
sub enqueue {
    my $list = join ', ', map { my ($type, $payload, $more) = @$_; $payload =~ s/'/''/g;
        "ayb_jobs.enqueue('$type', '$payload'" . ($more ? ", $more" : '') . ')' } @_;
    return split /\|/, sql($node, "SELECT $list");
}
sub all_ended {
    my ($name) = @_;
    ok(eventually($node, q{SELECT NOT EXISTS (SELECT FROM ayb_jobs.job_queue WHERE state IN ('queued', 'running')
        AND run_at <= ayb_jobs_internal.now())}), "$name: all have ended");
}
sub run_jobs {
    my ($name, @jobs) = @_;
    my @ids = enqueue(@jobs);
    all_ended($name);
    return @ids;
}
sub result_of { sql($node, "SELECT result->>'$_[1]' FROM ayb_jobs.jobs WHERE id = '$_[0]'") }
sub xacts { join ',', map { sql($node, "SELECT coalesce(string_agg(xact, '+'), '-') FROM ran WHERE job = '$_'") } @_ }
sub distinct_xacts { my %seen; $seen{$_}++ for split /,/, xacts(@_); return scalar keys %seen }
sub way { sql($node, "SELECT mode || ': ' || why FROM ayb_jobs.execution_modes WHERE type = '$_[0]'") }
sub grouped { sql($node, "SELECT coalesce(sum(grouped_jobs), 0) FROM ayb_jobs.execution_modes WHERE type = '$_[0]'") }
sub strikes { sql($node, "SELECT coalesce(sum(strikes), 0) FROM ayb_jobs.execution_modes WHERE type = '$_[0]'") }
sub calls { sql($node, q{SELECT count FROM (SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS count FROM calls) AS c}) }

# --- what a group is
# A group ends after its budget, which twenty quick jobs keep, unless the machine has no time for them: then once more.
my ($last, @ids);
my $enqueued = 0;
do {
    $last = sql($node, 'SELECT coalesce(max(seq), 0) FROM ayb_jobs.events()');
    @ids = run_jobs('a group', map { ['quick', qq({"what": "$_"})] } 1 .. 20);
    $enqueued += @ids;
} while (distinct_xacts(@ids) > 1 && $enqueued < 400);
my $these = "'{" . join(',', @ids) . "}'";
is(distinct_xacts(@ids), 1, 'twenty jobs share one transaction');
is(sql($node, qq{SELECT count(DISTINCT result->>'now'), count(DISTINCT result->>'clock') FROM ayb_jobs.job_history WHERE id = ANY ($these)}), '1|20',
    'and its now()');
is(sql($node, qq{SELECT string_agg(what, ' ' ORDER BY at) FROM ran WHERE job = ANY ($these)}), join(' ', 1 .. 20), 'they run in order');
is(sql($node, qq{SELECT count(*) FROM ayb_jobs.job_history AS h JOIN ran ON job = id WHERE attempts = 1 AND max_attempts = 2
    AND worker_id IS NOT NULL AND run_at <= last_run_at AND last_run_at <= at AND at <= completed_at
    AND completed_at <= ayb_jobs_internal.now() AND type = 'quick' AND payload->>'what' = what
    AND run_as = 'postgres'::regrole AND enqueued_by = run_as AND runs = 1 AND created_at IS NOT NULL AND id = ANY ($these)}), '20', 'the history has each as by lease');
is(sql($node, qq{SELECT count(DISTINCT last_run_at) FROM ayb_jobs.job_history WHERE id = ANY ($these)}) > 1, 1, 'each with its own times');
is(sql($node, qq{SELECT old_state, new_state, count(*), count(DISTINCT job_id) FROM ayb_jobs.events($last)
    WHERE old_state IS NOT NULL GROUP BY 1, 2}), 'queued|completed|20|20', 'each has its event');
is(sql($node, q{SELECT sum(completed) FROM ayb_jobs.series(type => 'quick')}), $enqueued, 'and is counted');
is(grouped('quick'), $enqueued, 'the view counts them');
is(way('quick'), 'grouped: its runs are quick', 'and says which way they go');
is(sql($node, 'SELECT grouped_types FROM ayb_jobs.lanes()'), '{quick}', 'so does lanes()');

# --- what isn't grouped
run_jobs('no groups', ['alone', '{}'], ['alone', '{}'], ['timed', '{}'], ['timed', '{}']);
is(way('alone'), 'leased: it was registered with grouped => false', 'one that must not be');
is(way('timed'), 'leased: its timeout is not above ayb_jobs.group_budget', 'one whose timeout a group could not keep');
is(sql($node, q{SELECT sum(grouped_jobs) FROM ayb_jobs.execution_modes WHERE type IN ('alone', 'timed')}), '0', 'neither is');

# --- a cancel reaches a handler, and doesn't cost the worker, whatever errors that worker has seen: none yet, as here, ...
register('run', 'first');
sub worker { my @worker = run_jobs("the worker: $_[0]", ['run', '{"run": "SELECT to_jsonb(pg_backend_pid())"}']);
    return sql($node, "SELECT result FROM ayb_jobs.jobs WHERE id = '$worker[0]'") }
sub late { # one by lease that is late; what its attempts end with
    my @late = run_jobs("late: $_[0]", ['late', '{"run": "SELECT to_jsonb(1) FROM pg_sleep(3600)"}']);
    return sql($node, "SELECT string_agg(status || ' ' || sqlstate, ',') FROM ayb_jobs.attempts('$late[0]')");
}
sql($node, q{SELECT ayb_jobs.register_handler('late', 'run(jsonb)', timeout => '300 ms', max_attempts => 1, backoff => '{0s}')});
my $worker = worker('before');
@ids = enqueue(['first', q({"run": "SELECT to_jsonb(1) FROM pg_sleep(3600)"})]);
holds($node, 'postgres', "SELECT state = 'running' AND attempts = 1 FROM ayb_jobs.jobs WHERE id = '$ids[0]'",
    'the first error is that of a job that overstays');
sql($node, "SELECT ayb_jobs.cancel('$ids[0]', force => true)");
all_ended('the first to overstay');
is(worker('overstayed'), $worker, 'it has cost no worker');
# ... one in a group, ...
@ids = run_jobs('an error in a group', ['first', q({"run": "SELECT to_jsonb(1 / 0)"})], ['quick', '{}']);
is(late('after an error'), 'failed 57014', 'after an error in a group a job by lease keeps its timeout');
# ... one that somebody's trigger traps.
sql($node, q{CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN RETURN NULL; END';
CREATE TRIGGER trap AFTER INSERT ON ayb_jobs.job_history FOR EACH ROW EXECUTE FUNCTION trap()});
run_jobs('an error trapped amid the books', ['quick', '{}']);
is(late('after one in the books of a group'), 'failed 57014', 'after one in the books of a group, too');
run_jobs('an error trapped amid the books of one', ['alone', '{}']);
is(late('after one in the books of a job'), 'failed 57014', 'and of a job');
sql($node, 'DROP TRIGGER trap ON ayb_jobs.job_history');
is(worker('after'), $worker, 'all this was one worker');

# --- a job that fails
register('run', 'failing');
my $before = calls();
@ids = run_jobs('one that fails', ['quick', '{}'], ['failing', q({"run": "SELECT to_jsonb(1 / 0)"})], ['quick', '{}']);
is(distinct_xacts(@ids[0, 2]), 1, 'the others of the group commit together');
is(state_of($node, $ids[1]), 'failed/2', 'the failing one is charged as by lease');
is(calls() - $before, 3, 'its run in the group was not charged');
is(sql($node, "SELECT string_agg(status || ' ' || sqlstate, ',') FROM ayb_jobs.attempts('$ids[1]')"),
    'failed 22012,failed 22012', 'nor noted');
is(xacts($ids[1]), '-', 'and has left nothing');
@ids = run_jobs('many that fail', map { ['failing', q({"run": "SELECT to_jsonb(1 / 0)"})] } 1 .. 10);
is(strikes('failing'), '1', 'a type that fails often leaves the groups');

# --- a job that overstays
register('run', 'slow');
@ids = enqueue(['quick', '{}'], ['slow', q({"run": "SELECT to_jsonb(1) FROM pg_sleep(3600)"})], ['quick', '{}']);
holds($node, 'postgres', qq{SELECT count(*) = 1 FROM ran WHERE job = '$ids[0]'}, 'what came before it commits');
holds($node, 'postgres', "SELECT state = 'running' AND attempts = 1 FROM ayb_jobs.jobs WHERE id = '$ids[1]'",
    'it goes on by lease, charged once');
is(strikes('slow'), '1', 'and its type has left the groups');
sql($node, "SELECT ayb_jobs.cancel('$ids[1]', force => true)");
all_ended('one that overstays');
is(scalar(grep { /[-+]/ } split /,/, xacts(@ids[0, 2])), 0, 'the others have run once');

# --- a job that leaves something behind
my %trace = (
    temp => 'CREATE TEMP TABLE t (a integer)',
    dropped => 'CREATE TEMP TABLE t (a integer) ON COMMIT DROP',
    lock => 'SELECT pg_advisory_lock(1)',
    xact_lock => 'SELECT pg_advisory_xact_lock(1)',
    prepared => 'PREPARE p AS SELECT 1',
    cursor => 'DECLARE c CURSOR WITH HOLD FOR SELECT 1',
    constraints => 'SET CONSTRAINTS ALL DEFERRED',
);
register('execute', keys %trace);
sql($node, q{CREATE FUNCTION found() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', (SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()),
                     (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
                     (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_cursors WHERE name = 'c')) $$});
for my $type (sort keys %trace) {
    @ids = run_jobs("left: $type", [$type, qq({"run": "$trace{$type}"})], ['run', '{"run": "SELECT to_jsonb(found())"}']);
    is(distinct_xacts(@ids), 2, "left: $type: the group ends with it");
    is(sql($node, "SELECT result #>> '{}' FROM ayb_jobs.jobs WHERE id = '$ids[1]'"), '0 0 0 0', 'the next job finds nothing');
    is(way($type), 'leased: a job of it left something in the session', 'and the type leaves the groups');
}

# --- a job that changes settings
register('execute', 'setting');
sql($node, q{CREATE ROLE somebody});
@ids = run_jobs('settings',
    ['setting', q({"run": "SELECT set_config('search_path', 'nowhere', false), set_config('app.tenant', '7', true), set_config('role', 'somebody', false)"})],
    ['run', q({"run": "SELECT jsonb_build_array(current_setting('search_path'), current_setting('app.tenant', true), current_user)"})]);
is(distinct_xacts(@ids), 1, 'a job that changes settings stays in the group');
is(sql($node, "SELECT result FROM ayb_jobs.jobs WHERE id = '$ids[1]'"), q(["\"$user\", public", "", "postgres"]),
    'the next job has those of the session');

# --- a commit that fails
sql($node, 'CREATE TABLE once (a integer UNIQUE DEFERRABLE INITIALLY DEFERRED)');
register('execute', 'deferred');
my $offset = -s $node->logfile;
@ids = run_jobs('a commit that fails', ['quick', '{}'], (map { ['deferred', qq({"run": "INSERT INTO once VALUES ($_)"})] } 1, 2, 2),
    ['quick', '{}']);
is(join(' ', map { state_of($node, $_) } @ids), 'completed/1 completed/1 completed/1 failed/2 completed/1',
    'only the guilty one is charged');
is(scalar(grep { /\+/ } split /,/, xacts(@ids)), 0, 'and nobody runs twice');
is(sql($node, 'SELECT string_agg(a::text, $$ $$ ORDER BY a) FROM once'), '1 2', 'the constraint holds');
is(count_in_log($node, qr/a group of \d+ jobs could not commit: duplicate key/, $offset), 1, 'the log tells of the group');
is(strikes('deferred'), '1', 'and the view of the type');
turn_clock($node, 10);    # strikes of a second are over

# --- a job that acts on another one of its group
my ($doomed) = enqueue(['quick', '{}', "run_at => clock_timestamp() + interval '1h'"]);
sql($node, 'SELECT ayb_jobs.pause()');
@ids = enqueue(['run', qq({"run": "SELECT to_jsonb(c.state) FROM ayb_jobs.cancel('$doomed') AS c"})]);
sql($node, "UPDATE ayb_jobs.job_queue SET run_at = ayb_jobs_internal.now() WHERE id = '$doomed'");
sql($node, 'SELECT ayb_jobs.resume()');
all_ended('one that cancels another');
is(state_of($node, $doomed) . ' ' . state_of($node, $ids[0]), 'canceled/0 completed/1', 'a job cancels another one of its group');
is(xacts($doomed), '-', 'which has not run');
unlike(xacts($ids[0]), qr/[-+]/, 'and itself has run once');
@ids = run_jobs('one that enqueues', ['run', q({"run": "SELECT to_jsonb(ayb_jobs.enqueue('quick', '{\"what\": \"nested\"}'))"})]);
is(sql($node, q{SELECT count(*) FROM ran WHERE what = 'nested'}), '1', 'a job enqueues another one');
turn_clock($node, 600);    # that it was changed inside its group was a strike of the canceled one's type

# --- a job that is looked at, and canceled, while it is in a group
sql($node, 'ALTER SYSTEM SET ayb_jobs.group_budget = 1000; SELECT pg_reload_conf()');
my $shown = q(SELECT jsonb_build_object('state', j.state, 'attempts', j.attempts, 'worker', j.worker_id IS NOT NULL, 'since', j.last_run_at <= ayb_jobs_internal.now()) FROM ayb_jobs.current_job() AS j);
@ids = run_jobs('current_job()', ['run', qq({"run": "$shown"})]);
is(sql($node, "SELECT result FROM ayb_jobs.jobs WHERE id = '$ids[0]'"),
    '{"since": true, "state": "running", "worker": true, "attempts": 1}', 'current_job() shows it running');
# It waits in its handler for as long as this session holds a lock.
sub background { my $session = $node->background_psql('postgres'); $session->query_safe($_) for @_; return $session }
sub held { # held(TYPE, JOBS BEHIND IT): a job that waits in a group, and those
    my ($type, @more) = @_;
    register('execute', $type);
    my $holder = background('BEGIN; LOCK TABLE once IN ACCESS EXCLUSIVE MODE');
    my @held = enqueue([$type, q({"run": "SELECT FROM once"})], @more);
    return ($holder, @held);
}
sub end { my ($session) = @_; $session->query_safe('ROLLBACK'); $session->quit }

# A group is over after its budget, and a loaded machine may look too late: so several are looked at.
sql($node, q{CREATE FUNCTION shown(type text, job uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    seen text;
BEGIN
    FOR i IN 1 .. 100 LOOP
        PERFORM pg_stat_clear_snapshot(), pg_sleep(0.01);
        seen := (SELECT state || is_running FROM ayb_jobs.jobs WHERE id = job) || ' '
            || (SELECT state || attempt FROM ayb_jobs.workers() WHERE job_id = job) || ' '
            || (SELECT attempt || status FROM ayb_jobs.attempts(job)) || ' '
            || (SELECT count(*) FROM pg_stat_activity WHERE query = format('ayb_jobs: %s %s', shown.type, job));
        EXIT WHEN seen = 'queuedtrue running1 1running 1';
    END LOOP;
    RETURN seen;
END $$});
my ($holder, $seen);
for my $type (map { "looked_at_$_" } 1 .. 20) {
    register('execute', $type);
    $holder = background('BEGIN; LOCK TABLE once IN ACCESS EXCLUSIVE MODE');
    $seen = sql($node, qq{SELECT ayb_jobs.enqueue('$type', '{"run": "SELECT FROM once"}') AS job, ayb_jobs.enqueue('quick') \\gset
        SELECT shown('$type', :'job')});
    last if $seen eq 'queuedtrue running1 1running 1';
    end($holder);
    all_ended('one that was looked at too late');
}
is($seen, 'queuedtrue running1 1running 1', 'jobs, workers(), attempts() and pg_stat_activity show it');
end($holder);
all_ended('one that is looked at');

($holder, @ids) = held('canceled', ['quick', '{}']);
holds($node, 'postgres', "SELECT is_running FROM ayb_jobs.jobs WHERE id = '$ids[0]'", 'a job is in a group');
is(sql($node, "SELECT state FROM ayb_jobs.cancel('$ids[0]', force => true)"), 'canceled', 'cancel(force) interrupts it');
end($holder);
all_ended('one that is canceled');
is(state_of($node, $ids[0]) . ' ' . state_of($node, $ids[1]), 'canceled/1 completed/1', 'the others go on');
is(sql($node, "SELECT attempt, status, sqlstate FROM ayb_jobs.attempts('$ids[0]')"), '1|canceled|57014', 'attempts() says so');

($holder, @ids) = held('waited_for', ['quick', '{}']);
holds($node, 'postgres', "SELECT is_running FROM ayb_jobs.jobs WHERE id = '$ids[0]'", 'a job is in a group');
my $canceled = promptly($node, 'postgres', "SELECT ayb_jobs.cancel('$ids[1]')");
isnt($canceled, 'hangs', 'cancel() of another job of it waits no longer than the group may take');
end($holder);
all_ended('one that is waited for');
like(state_of($node, $ids[1]), $canceled =~ /^error: / ? qr/^completed/ : qr/^canceled/, 'and says what became of it');

($holder, @ids) = held('paused_behind', map { ['quick', '{}'] } 1 .. 5);
holds($node, 'postgres', "SELECT is_running FROM ayb_jobs.jobs WHERE id = '$ids[0]'", 'a job is in a group');
sql($node, q{SELECT ayb_jobs.pause('quick')});
end($holder);
holds($node, 'postgres', qq{SELECT state = 'completed' FROM ayb_jobs.jobs WHERE id = '$ids[0]'}, 'it ends');
is(xacts(@ids[1 .. 5]), '-,-,-,-,-', 'those whose type was paused meanwhile do not start');
sql($node, q{SELECT ayb_jobs.resume('quick')});
all_ended('those that were paused');

# --- a job that ends its worker
register('run', 'ending');
$before = calls();
@ids = run_jobs('one that ends its worker', ['quick', '{}'],
    ['ending', q({"run": "SELECT to_jsonb(pg_terminate_backend(pg_backend_pid()))"})], ['quick', '{}']);
is(join(' ', map { state_of($node, $_) } @ids), 'completed/1 failed/2 completed/1', 'it fails, the others complete');
is(calls() - $before, 3, 'its run in the group was not charged');
is(sql($node, "SELECT string_agg(status, ',') FROM ayb_jobs.attempts('$ids[1]')"), 'lost,lost', 'the others were');
is(scalar(grep { /[-+]/ } split /,/, xacts(@ids[0, 2])), 0, 'who shared the group has run once');
is(way('ending'), 'leased: a job of it ended its worker inside a group', 'and the type leaves the groups');
register('execute', 'ending_late');
sql($node, q{CREATE FUNCTION end_it() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
CREATE TABLE fatal (a integer);
CREATE CONSTRAINT TRIGGER fatal AFTER INSERT ON fatal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION end_it()});
@ids = run_jobs('one that ends its worker in the commit', ['ending_late', q({"run": "INSERT INTO fatal VALUES (1)"})]);
is(state_of($node, $ids[0]), 'failed/2', 'it is charged too, by lease');
is(way('ending_late'), 'leased: a job of it ended its worker inside a group', 'its type leaves the groups');
is(way('quick'), 'grouped: its runs are quick', 'and no other one of the lane does');
turn_clock($node, 7200);    # all strikes are over

# --- one incident that hits the groups of several workers is one strike
set_configuration($node, 'ayb_jobs.worker_concurrency' => 4, 'ayb_jobs.group_size' => 2);
($holder, @ids) = held('stalled', map { ['stalled', q({"run": "SELECT FROM once"})] } 1 .. 7);
holds($node, 'postgres', q{SELECT count(*) = 4 FROM ayb_jobs.jobs WHERE type = 'stalled' AND state = 'running' AND attempts = 1},
    'four workers are held up, and none of them in a group any more');
is(strikes('stalled'), '1', 'it counts once');
end($holder);
all_ended('what was held up');
set_configuration($node, 'ayb_jobs.worker_concurrency' => 1, 'ayb_jobs.group_size' => 256);
turn_clock($node, 14400);

# --- what writes shows itself to others by 64 subtransactions at most
@ids = run_jobs('many that write', map { ['quick', '{}'] } 1 .. 150);
is(sql($node, q{SELECT max(n) <= 64 FROM (SELECT count(*) AS n FROM ran GROUP BY xact) AS x}), 't', 'a group has 64 of them at most');
cmp_ok(distinct_xacts(@ids), '<', 20, 'and not many fewer');
my $groups = sql($node, q{SELECT count(DISTINCT xmin::text) FROM ayb_jobs.job_history WHERE type = 'idle'});
@ids = run_jobs('many that write nothing', map { ['idle', '{}'] } 1 .. 150);
is(sql($node, q{SELECT count(DISTINCT xmin::text) <= 3 FROM ayb_jobs.job_history WHERE type = 'idle'}), 't', 'others may be more');

# --- keys, and no history
@ids = run_jobs('a key', ['idle', '{}', "idempotency_key => 'k'"]);
is(sql($node, q{SELECT ayb_jobs.enqueue('idle', idempotency_key => 'k')}), $ids[0], 'a key stays taken');
set_configuration($node, 'ayb_jobs.retention' => 0);
my $kept = sql($node, 'SELECT count(*) FROM ayb_jobs.jobs');
@ids = run_jobs('no history', ['idle', '{}', "idempotency_key => 'gone'"], ['idle', '{}']);
is(sql($node, 'SELECT count(*) FROM ayb_jobs.jobs'), $kept, 'without a history nothing stays');
is(sql($node, q{SELECT count(*) FROM ayb_jobs.job_keys WHERE idempotency_key = 'gone'}), '0', 'nor does the key');
set_configuration($node, 'ayb_jobs.retention' => '7d');

# --- triggers of others are fired
sql($node, q{CREATE TABLE seen (id uuid, what text);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO public.seen VALUES (coalesce(NEW.id, OLD.id), TG_OP); RETURN NULL; END';
CREATE TRIGGER see AFTER INSERT ON ayb_jobs.job_history FOR EACH ROW EXECUTE FUNCTION see()});
@ids = run_jobs("somebody's trigger on the history", map { ['idle', '{}'] } 1 .. 10);
is(sql($node, q{SELECT what, count(*), count(DISTINCT id) FROM seen GROUP BY 1}), 'INSERT|10|10', 'it is fired for each job');
sql($node, q{DROP TRIGGER see ON ayb_jobs.job_history; TRUNCATE seen;
CREATE TRIGGER see AFTER INSERT ON ayb_jobs.job_history FOR EACH STATEMENT EXECUTE FUNCTION see()});
@ids = run_jobs("somebody's trigger for statements on the history", map { ['idle', '{}'] } 1 .. 10);
cmp_ok(sql($node, 'SELECT count(*) FROM seen'), '>', 0, 'the partitions do not hide it');
sql($node, q{DROP TRIGGER see ON ayb_jobs.job_history; TRUNCATE seen;
CREATE TRIGGER see AFTER DELETE ON ayb_jobs.job_queue FOR EACH ROW EXECUTE FUNCTION see()});
@ids = run_jobs("somebody's trigger on the queue", map { ['idle', '{}'] } 1 .. 10);
is(sql($node, q{SELECT what, count(*), count(DISTINCT id) FROM seen GROUP BY 1}), 'DELETE|10|10', 'and so is that one');
sql($node, 'DROP TRIGGER see ON ayb_jobs.job_queue');

# --- what others put on the history otherwise: a row is as a statement would have written it
sql($node, q{ALTER TABLE ayb_jobs.job_history ADD COLUMN origin text DEFAULT 'here',
    ADD COLUMN length integer GENERATED ALWAYS AS (length(type)) STORED});
@ids = run_jobs("somebody's columns in the history", ['idle', '{}']);
is(sql($node, "SELECT origin, length FROM ayb_jobs.job_history WHERE id = '$ids[0]'"), 'here|4', 'they are filled');
sql($node, 'ALTER TABLE ayb_jobs.job_history DROP COLUMN origin, DROP COLUMN length');
sql($node, q{CREATE INDEX mine ON ayb_jobs.job_history USING gin (payload) WHERE type = 'idle'});
@ids = run_jobs("somebody's index on the history", ['idle', '{"mine": 1}']);
is(sql($node, q{SET enable_seqscan = off; SELECT id FROM ayb_jobs.job_history WHERE type = 'idle' AND payload @> '{"mine": 1}'}),
    $ids[0], 'it has its entries');
sql($node, 'DROP INDEX ayb_jobs.mine');

# --- long values
@ids = run_jobs('long values', ['run', q({"run": "SELECT to_jsonb((SELECT string_agg(md5(n::text), '') FROM generate_series(1, 5000) AS n))", "x": ") . ('long ' x 4000) . q("})]);
is(sql($node, "SELECT md5(result #>> '{}') = md5((SELECT string_agg(md5(n::text), '') FROM generate_series(1, 5000) AS n)),
    length(payload->>'x') FROM ayb_jobs.jobs WHERE id = '$ids[0]'"), 't|20000', 'a payload and a result of many pages');

# --- a type earns it
set_configuration($node, 'ayb_jobs.test_group_at_once' => 'off');
register('idle', 'earning');
is(way('earning'), 'leased: only 0 of 10 runs are measured', 'a new type is leased');
run_jobs('one that earns it', map { ['earning', '{}'] } 1 .. 60);
is(way('earning'), 'grouped: its runs are quick', 'quick runs make it grouped');
cmp_ok(grouped('earning'), '>', 20, 'and most of its jobs were');
cmp_ok(grouped('earning'), '<=', 50, 'but not the first ten');
set_configuration($node, 'ayb_jobs.group_size' => 1);
is(way('earning'), 'leased: ayb_jobs.group_size is 1', 'group_size 1 turns it off');
$before = grouped('earning');
run_jobs('no groups at all', map { ['earning', '{}'] } 1 .. 5);
is(grouped('earning'), $before, 'for all');

$node->stop;
done_testing();
