# Every function of the extension, called with arguments that nobody should pass, by an ordinary role, by a member of
# ayb_jobs_admin and by a superuser: it answers or refuses, and the server lives.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('bad_use', 'ayb_jobs.shutdown_timeout = 200ms');
sql($node, 'CREATE ROLE mallory LOGIN; CREATE ROLE boss LOGIN IN ROLE ayb_jobs_admin');

# Values for each type: none, empty, the ends of the range, far too much, and things of another shape.
my %values = (
    text => [q{''}, q{repeat('x', 1000000)}, q{E'\\u0001\\n%s%n'}, q{'pg_terminate_backend(int)'}, q{'work'}, q{'function'}, q{'external'}],
    uuid => [q{'00000000-0000-0000-0000-000000000000'}, q{ayb_jobs.uuid7()}, q{(SELECT id FROM ayb_jobs.jobs LIMIT 1)}],
    'uuid[]' => [q{'{}'}, q{'{NULL}'}, q{array_fill(ayb_jobs.uuid7(), ARRAY[10000])}, q{(SELECT array_agg(ARRAY[id, id]) FROM ayb_jobs.jobs)},
        q{(SELECT array_agg(id) FROM (SELECT id FROM ayb_jobs.jobs LIMIT 2) AS j)}],
    integer => [0, -1, 2147483647, -2147483648],
    smallint => [0, -1, 32767, q{(-32768)}],
    regrole => [0, q{'4294967295'}, q{'postgres'}],
    bigint => [0, -1, '9223372036854775807', q{(-9223372036854775808)}],
    boolean => ['true', 'false'],
    name => [q{''}, q{'postgres'}, q{repeat('x', 100)}],
    jsonb => [q{'{}'}, q{'null'}, q{to_jsonb(repeat('x', 1000000))}, q{(repeat('[', 1000) || repeat(']', 1000))::jsonb}],
    'jsonb[]' => [q{'{}'}, q{'{NULL}'}, q{'{{1,2},{3,4}}'}, q{'[5:6]={1,2}'}, q{array_fill('{}'::jsonb, ARRAY[1000])}],
    'text[]' => [q{'{}'}, q{'{NULL}'}, q{'{{a,b},{c,d}}'}, q{array_fill('work'::text, ARRAY[10000])}, q{'[-5:-4]={work,nap}'}],
    'interval[]' => [q{'{}'}, q{'{NULL}'}, q{'{{1 s},{2 s}}'}, q{array_fill('1 s'::interval, ARRAY[1000])}, q{'{-1 s}'}],
    'bigint[]' => [q{'{}'}, q{'{NULL}'}, q{'{{1,2},{3,4}}'}, q{'[-3:-2]={1,2}'}, q{array_fill(9223372036854775807, ARRAY[64])},
        q{array_fill(-1::bigint, ARRAY[100000])}],
    'timestamp with time zone' => [q{'infinity'}, q{'-infinity'}, q{'4713-01-01 BC'}, q{'294276-12-31'}, 'now()'],
    interval => [q{'0'}, q{'-1 s'}, q{'178000000 years'}, q{'-178000000 years'}, q{'1 s'}],
    'oid[]' => [q{'{}'}, q{'{NULL}'}, q{'{0}'}, q{array_fill(4294967295::oid, ARRAY[1000])}],
    'regclass[]' => [q{'{}'}, q{'{NULL}'}, q{'{effects}'}, q{array_fill('effects'::regclass, ARRAY[1000])}, q{ARRAY[4294967295::oid::regclass]}],
    regclass => [0, q{'4294967295'}, q{'pg_class'}, q{'pg_toast.pg_toast_1255'}, q{'ayb_jobs.job_history'}, q{'pg_class_oid_index'}, q{'effects'}],
    oid => [0, q{'4294967295'}, q{'1259'}, '-1'],
    'double precision' => [q{'NaN'}, q{'Infinity'}, q{'-Infinity'}, '0', '-1', '2'],
    numeric => [q{'NaN'}, q{'Infinity'}, q{'-Infinity'}, '0', '-1', '1e30'],
    anyelement => ['NULL::uuid', 'NULL::ayb_jobs.jobs'],
    'ayb_jobs.schedules' => [q{(SELECT jsonb_populate_record(NULL::ayb_jobs.schedules, '{"last_jobs": [null, "00000000-0000-0000-0000-000000000000"], "payload": []}'))},
        q{(SELECT s FROM ayb_jobs.schedules AS s LIMIT 1)}],
);

# All of the extension's functions that SQL can call, with their arguments' types, and the aggregate.
my @functions = split /\n/, sql($node, q{
SELECT p.pronamespace::regnamespace || '.' || p.proname || '|' || p.prokind::text || '|' || coalesce(string_agg(format_type(a.type, NULL), ';' ORDER BY a.n), '')
FROM pg_depend AS d JOIN pg_proc AS p ON p.oid = d.objid
LEFT JOIN LATERAL unnest(p.proargtypes) WITH ORDINALITY AS a (type, n) ON true
WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
    AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ayb_jobs')
GROUP BY p.oid ORDER BY p.proname});
cmp_ok(scalar @functions, '>', 30, 'there are functions');
my @calls = map { calls_of($_) } @functions;
note scalar(@functions) . ' functions, ' . scalar(@calls) . ' calls';

# The library's symbols are no way in.
my (undef, undef, $refusal) = $node->psql('postgres', q{SET ROLE mallory; CREATE FUNCTION pg_temp.f(internal) RETURNS void LANGUAGE c AS '$libdir/ayb_jobs', 'ayb_jobs_note_job'});
like($refusal, qr/permission denied for language c/, 'no function of C for an ordinary role');
for my $use ('CREATE TRIGGER t BEFORE INSERT ON mine FOR EACH ROW EXECUTE FUNCTION ayb_jobs_internal.note_job()',
    'CREATE TRIGGER t AFTER INSERT ON mine EXECUTE FUNCTION ayb_jobs_internal.note_configuration()',
    'CREATE TRIGGER t AFTER TRUNCATE ON mine EXECUTE FUNCTION ayb_jobs_internal.note_truncate()')
{
    (undef, undef, $refusal) = $node->psql('postgres', "SET ROLE mallory; CREATE TEMPORARY TABLE mine (x int); $use");
    like($refusal, qr/permission denied for function/, "refused: $use");
}
(undef, undef, $refusal) = $node->psql('postgres', q{CREATE TEMPORARY TABLE job_queue (x int);
    CREATE TRIGGER t BEFORE INSERT ON job_queue FOR EACH ROW EXECUTE FUNCTION ayb_jobs_internal.note_job(); INSERT INTO job_queue VALUES (1)});
like($refusal, qr/called by its trigger only/, 'a superuser\'s table of another shape is refused too');

my $internal = sql($node, q{SELECT count(*) FROM pg_proc WHERE pronamespace = 'ayb_jobs_internal'::regnamespace});
cmp_ok(scalar(grep { /^ayb_jobs_internal\./ } @functions), '==', $internal, 'the internal ones among them');
my $started = sql($node, 'SELECT pg_postmaster_start_time()');
my $pids = engine_pids();
my $seen = sql($node, q{SELECT count(*) FROM ayb_jobs.handlers});
for my $role ('mallory', 'boss', 'postgres') {
    abuse($role);
    if ($role eq 'mallory') {
        is(sql($node, q{SELECT count(*) FROM ayb_jobs.handlers WHERE owner <> 'mallory'::regrole}), $seen, 'an ordinary role changes no type of others');
        is(sql($node, 'SELECT count(*) FROM ayb_jobs.pauses WHERE type NOT IN (SELECT type FROM ayb_jobs.handlers WHERE owner = \'mallory\'::regrole)'),
            '0', 'and pauses none of theirs');
    }
    sql($node, q{SELECT ayb_jobs.resume(); SELECT ayb_jobs.resume(type) FROM ayb_jobs.pauses;
        SELECT ayb_jobs.cancel_matching()});
}

# A crash would have ended every process; the postmaster logs each.
is(sql($node, 'SELECT pg_postmaster_start_time()'), $started, 'the server was never restarted');
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/terminated by signal|PANIC|server process .* exited with exit code [2-9]|invalid memory alloc|cache lookup failed|XX000/,
    'nothing crashed, and nothing failed inside');
is(engine_pids(), $pids, 'launcher and scheduler are the ones that were there');
sql($node, q{SELECT ayb_jobs.unregister_handler(type) FROM ayb_jobs.handlers WHERE type = 'work'; SELECT ayb_jobs.register_handler('work', 'work(jsonb)');
    TRUNCATE effects; SELECT ayb_jobs.enqueue('work')});
ok(eventually($node, 'SELECT count(*) = 1 FROM effects', 60), 'and jobs run');

$node->stop;
done_testing();

sub engine_pids {
    return sql($node, q{SELECT string_agg(pid::text, ' ' ORDER BY pid) FROM pg_stat_activity WHERE backend_type IN ('ayb_jobs launcher', 'ayb_jobs scheduler')});
}

# Each argument in turn gets every value while the others have a harmless one, then all are NULL.
sub calls_of {
    my ($name, $kind, $types) = split /\|/, shift, 3;
    my @types = split /;/, $types;
    my @usual = map { "($values{$_}[-1])::$_" } map { exists $values{$_} ? $_ : die "no values for type $_\n" } @types;
    my @all = (call($name, $kind, @usual), call($name, $kind, map { "NULL::$_" } @types));
    for my $i (0 .. $#types) {
        for my $value ('NULL', @{ $values{ $types[$i] } }) {
            my @arguments = @usual;
            $arguments[$i] = "($value)::$types[$i]";
            push @all, call($name, $kind, @arguments);
        }
    }
    return @all;
}

# As a table, and as an expression, which sets are not asked for in the same way.
sub call {
    my ($name, $kind, @arguments) = @_;
    my $call = "$name(" . join(', ', @arguments) . ')';
    return "SELECT $call" if $kind eq 'a';
    return "CALL $call" if $kind eq 'p';
    return ("SELECT count(*) FROM $call AS f", "SELECT $call LIMIT 1");
}

# One session for all calls of a role: what one leaves behind, the next one meets. It must last to the end.
sub abuse {
    my ($role) = @_;
    my $script = "SET statement_timeout = '1min';\n" . join '', map { "$_;\n" } @calls;
    my (undef, $out, $error) = $node->psql('postgres', $script . "SELECT 'reached ' || 'the end';",
        on_error_stop => 0, connstr => $node->connstr('postgres') . " user=$role");
    like($out, qr/^reached the end$/m, "$role: one session survives all calls");
    my %states = map { $_ => 1 } $error =~ /ERROR:  (.*)/g;
    cmp_ok(scalar keys %states, '>', 10, "$role: refusals were seen");
    unlike($error, qr/server closed|statement timeout|cache lookup|invalid memory|unrecognized|unexpected/, "$role: and none is a surprise");
    note "$role: $_" for sort map { substr $_, 0, 100 } keys %states;
}
