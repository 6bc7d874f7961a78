# Names as nobody would choose them, made at random of what SQL, formats and shells give a meaning to: of schemas, views,
# functions, roles, types, schedules and keys. Each comes back as it went in, and works; what is no name is refused by an
# error that was meant, and takes nothing down.
use strict;
use warnings;
use utf8;
use Encode;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

my ($names, $roles, $garbage) = (60, 12, 2000);
my $seed = $ENV{AYB_SEED} || time ^ ($$ << 8);
srand $seed;
diag("seed $seed: AYB_SEED=$seed makes the same names");

my @pieces = (qw(" "" ' '' \\\\ . .. % %s %I %1$L $ $$ $1 : :: :a ; -- /* */ ( () ) [ ] { } < > = + * / | & ^ ~ ! ? @ ` A z _ 0 9), '#', ',',
    "\t", "\n", "\r", ' ', '  ', "\x{7f}", "\x{a0}", 'é', 'ß', 'İ', "e\x{301}", '漢', "\x{200f}", "\x{1f600}", 'select', 'NULL',
    'public', 'pg_catalog', 'ayb_jobs', 'jsonb', 'PUBLIC', 'none', 'default', 'user', 'E\'', 'U&"');

# Of that many bytes at most.
sub random_text {
    my ($most) = @_;
    my $text = '';
    for (1 .. 1 + int rand 14) {
        my $longer = $text . $pieces[rand @pieces];
        last if length(encode('UTF-8', $longer)) > $most;
        $text = $longer;
    }
    return $text;
}
sub quoted { return "'" . ($_[0] =~ s/'/''/gr) . "'" }
sub identifier { return '"' . ($_[0] =~ s/"/""/gr) . '"' }
my $node = start_server('identifiers');
sub run { return sql($node, encode('UTF-8', $_[0])) }
run('CREATE FUNCTION echo(payload jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT payload $$; CREATE TABLE made (name text, id uuid)');

# An empty name, and one that PostgreSQL keeps for itself, are none.
my %made;
while (keys %made < $names) {
    my $name = random_text(63);
    $made{$name} = 1 if $name ne '' && $name !~ /^pg_/ && $name !~ /^(public|none|ayb_jobs)$/;
}
my $script = '';
for my $name (sort keys %made) {
    my ($id, $text) = (identifier($name), quoted($name));
    $script .= qq{
CREATE SCHEMA $id;
CREATE MATERIALIZED VIEW $id.$id AS SELECT 1 AS $id;
CREATE UNIQUE INDEX ON $id.$id ($id);
CREATE FUNCTION $id.$id(jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT \$1';
SELECT ayb_jobs.register_handler($text, format('%I.%I(jsonb)', $text, $text));
SELECT ayb_jobs.create_schedule($text, $text, '\@daily', payload => to_jsonb(${text}::text));
SELECT ayb_jobs.pause($text), ayb_jobs.resume($text);
INSERT INTO made SELECT $text, ayb_jobs.enqueue($text, to_jsonb(${text}::text), idempotency_key => $text);
};
}
run($script);
is(run('SELECT count(*) FROM made JOIN ayb_jobs.schedules AS s ON s.name = made.name AND s.job_type = made.name'), $names,
    'schedules have the names that they were given');
holds($node, 'postgres', "(SELECT count(*) FROM made JOIN ayb_jobs.jobs AS j USING (id)
    WHERE j.state = 'completed' AND j.type = name AND j.result = to_jsonb(name)) = $names", 'functions are found, and run');
is(run('SELECT count(*) FROM made WHERE ayb_jobs.enqueue(name, idempotency_key => name) = id'), $names, 'keys are found again');

# Views are taken by plain names only, as AYB takes them.
run('CREATE FUNCTION told(statement text) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN EXECUTE statement; RETURN \'ok\'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$');
my $plain = qr/^[A-Za-z_][A-Za-z0-9_]*\z/;
is(run(q{SELECT count(*) FROM made WHERE told(format('SELECT ayb_jobs.register_matview(%L, %L)', name, name)) = 'ok'}),
    scalar(grep { /$plain/ } keys %made), 'a view of another name is not registered');
is(run(q{SELECT coalesce(string_agg(DISTINCT t, ' '), '22023') FROM (SELECT told(format('SELECT ayb_jobs.register_matview(%L, %L)', name, name)) AS t
    FROM made WHERE name !~ '^[A-Za-z_][A-Za-z0-9_]*$') AS x}), '22023', 'but refused');

# Roles: each job has a session of its role's.
my @roles = (grep { !/^(?:public|none|user)$/i } sort keys %made)[0 .. $roles - 1];
run(join ';', map { my $id = identifier($_); "CREATE ROLE $id LOGIN; GRANT USAGE ON SCHEMA public TO $id" } @roles);
run(q{CREATE FUNCTION whoami() RETURNS text LANGUAGE sql AS 'SELECT session_user'; SELECT ayb_jobs.register_handler('whoami', 'whoami()')});
run(join ';', map { "SELECT ayb_jobs.enqueue('whoami', run_as => " . quoted($_) . ')' } @roles);
holds($node, 'postgres', "(SELECT count(*) FROM ayb_jobs.jobs WHERE type = 'whoami' AND state = 'completed') = $roles", 'roles run their jobs');
is(run(q{SELECT count(DISTINCT result) FROM ayb_jobs.jobs WHERE type = 'whoami' AND result #>> '{}' IN
    (SELECT rolname FROM pg_roles WHERE NOT rolsuper)}), $roles, 'as themselves');

# What is no name at all. Internal errors begin with XX.
my @calls = ("register_handler('x', %s)", "register_handler(%s, 'echo(jsonb)')", 'register_matview(%s, %s)', 'matview_by_name(%s, %s)',
    "create_schedule(%s, 'x', %s)", 'enqueue(%s)', "enqueue('x', idempotency_key => %s)", 'claim(%s, ARRAY[%s])', 'pause(%s)', 'cron_next(%s)',
    "cron_next('\@daily', %s)", 'stats() WHERE %s IS NULL', 'unregister_handler(%s)', 'import_ayb(%s)', 'refresh_all(%s)');
my @statements = map { my $call = $calls[rand @calls]; $call =~ s/%s/quoted(random_text(300))/ge; "SELECT FROM ayb_jobs.$call" } 1 .. $garbage;
my $told = run('SET client_min_messages = warning; SELECT told(s) || \' \' || count(*) FROM (VALUES ' . join(',', map { '(' . quoted($_) . ')' } @statements) . ') AS v (s) GROUP BY told(s) ORDER BY 1');
note($told);
unlike($told, qr/^(?!ok|22|23|42|3F|55|P0002|02|0A|54)/m, 'all else is refused as PostgreSQL refuses arguments');
is(run('SELECT count(*) FROM made JOIN ayb_jobs.jobs AS j USING (id)'), $names, 'and what was there is still there');
unlike(slurp_file($node->logfile), qr/PANIC|was terminated by signal|TRAP:/, 'nothing fell');

$node->stop;
done_testing();
