# Changes of tables where it takes more than one session, database or run of the server: transactions that are open when a
# listener comes, prepared ones, replication, restarts, dumps, floods, tables that are altered all the while, and a policy
# that won't be cancelled.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('realtime', q{
fsync = off
wal_level = logical
max_wal_senders = 4
max_replication_slots = 4
max_prepared_transactions = 5
ayb_jobs.realtime_buffer = 1MB
});

# As a listener's session is: the position is kept, and what is told since is one line.
my $told = q{
CREATE TABLE positions (name text PRIMARY KEY, id text);
CREATE FUNCTION told(listener text, tables text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    last text := (SELECT p.id FROM positions AS p WHERE p.name = listener);
    row record;
    line text;
BEGIN
    FOR row IN SELECT * FROM ayb_jobs.realtime_changes(last, 'reader', NULL, tables::regclass[]) LOOP
        IF row.action = 'position' THEN
            INSERT INTO positions VALUES (listener, row.id) ON CONFLICT (name) DO UPDATE SET id = excluded.id;
        ELSE
            line := concat_ws(', ', line, concat_ws(' ', row.action, row.relation, row.record ->> 'id', row.reason));
        END IF;
    END LOOP;
    RETURN coalesce(line, 'nothing');
END $$;
CREATE TABLE notes (id bigint PRIMARY KEY, body text);
CREATE TABLE others (id bigint PRIMARY KEY, body text);
GRANT SELECT ON notes, others TO reader;
SELECT count(*) FROM unnest('{notes,others}'::regclass[]) AS t, LATERAL ayb_jobs.enable_realtime(t)};
sql($node, 'CREATE ROLE reader');
sql($node, $told);
sub of { my ($database, $query) = @_; return $node->safe_psql($database, $query) }
sub told { return sql($node, "SELECT told('a', '{notes}')") }

# Who wrote before there was a listener, and commits after it has begun: the table is to be read again.
my $writer = $node->background_psql('postgres');
$writer->query_safe(q{BEGIN; INSERT INTO notes VALUES (1, 'before')});
is(told(), 'nothing', 'a listener begins');
$writer->query_safe('COMMIT');
is(told(), 'resync notes lost', 'what was written before it, and committed after, makes it read again');
$writer->query_safe(q{BEGIN; INSERT INTO notes VALUES (2, 'x')});
is(told(), 'nothing', 'what is not committed is not told');
$writer->query_safe('ROLLBACK');
is(told(), 'nothing', 'nor what is rolled back');

# Prepared transactions.
sql($node, q{BEGIN; INSERT INTO notes VALUES (3, 'x'); PREPARE TRANSACTION 'p'});
sql($node, q{BEGIN; INSERT INTO notes VALUES (4, 'x'); PREPARE TRANSACTION 'q'});
is(told(), 'nothing', 'what is prepared is not told');
sql($node, q{ROLLBACK PREPARED 'q'});
is(told(), 'nothing', 'nor when it is rolled back');
sql($node, q{COMMIT PREPARED 'p'});
is(told(), 'resync notes prepared', 'when it is committed the table is to be read again');

# Waking: who waits sleeps until there is something, of its own tables and in its own database.
my $waiter = $node->background_psql('postgres');
my $seen = sql($node, q{CALL ayb_jobs_internal.wait_for_realtime('{notes}', '0')}) =~ s/\|.*//sr;
my $asleep = q{EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'CALL ayb_jobs_internal.wait_for_realtime%' AND wait_event_type = 'Extension')};
sub waits_for {
    my ($what, $statement) = @_;
    $waiter->query_until(qr//, "\\o /dev/null\nCALL ayb_jobs_internal.wait_for_realtime('{notes}', '1 h', $seen) \\gset\n\\o\n\\echo woken \n");
    eventually($node, "SELECT $asleep") or die 'nobody waits';
    sql($node, $statement);
    like($waiter->query_until(qr/woken/, "\n"), qr/woken/, $what);
    $seen = sql($node, q{CALL ayb_jobs_internal.wait_for_realtime('{notes}', '0')}) =~ s/\|.*//sr;
}
waits_for('a commit wakes who waits', q{INSERT INTO others VALUES (7, 'x'); INSERT INTO notes VALUES (7, 'x')});
waits_for('so does a change of the table', 'ALTER TABLE notes ADD COLUMN more text');
waits_for('and of who may see it', 'CREATE ROLE somebody; GRANT reader TO somebody');
is(told(), 'resync notes definition', 'which is told');

# A flood on one table leaves another's listeners alone.
is(sql($node, q{SELECT told('b', '{others}')}), 'nothing', 'another listener');
sql($node, q{INSERT INTO others VALUES (8, 'x')});
for my $round (1 .. 6) {
    sql($node, "UPDATE notes SET body = repeat('x', 20000) || $round; INSERT INTO notes SELECT 1000 * $round + i, 'x' FROM generate_series(1, 900) AS i");
}
sql($node, q{INSERT INTO others VALUES (9, 'x')});
like(told(), qr/^resync notes overflow/, 'a table with too many changes is to be read again');
is(sql($node, q{SELECT told('b', '{others}')}), 'create others 8, create others 9', 'another one is told as ever');

# Another database's rows, by the same names.
sql($node, 'CREATE DATABASE elsewhere');
of('elsewhere', "CREATE EXTENSION ayb_jobs; $told");
is(of('elsewhere', q{SELECT told('a', '{notes}')}), 'nothing', 'a listener elsewhere');
sql($node, q{INSERT INTO notes VALUES (20001, 'x')});
of('elsewhere', q{INSERT INTO notes VALUES (1, 'x')});
is(told(), 'create notes 20001', 'each is told of its own database');
is(of('elsewhere', q{SELECT told('a', '{notes}')}), 'create notes 1', '… only');

# Logical replication. Transactions there end when they end here: each is told before the next begins.
of('elsewhere', 'CREATE PUBLICATION p FOR TABLE notes');
my $connection = $node->connstr . ' dbname=elsewhere';
sub subscribe {
    my ($two_phase) = @_;
    of('elsewhere', "SELECT FROM pg_create_logical_replication_slot('s', 'pgoutput', twophase => $two_phase)");
    sql($node, qq{TRUNCATE notes; CREATE SUBSCRIPTION s CONNECTION '$connection' PUBLICATION p WITH (create_slot = false, slot_name = s, copy_data = false, two_phase = $two_phase)});
    told();
}
sub unsubscribe {
    sql($node, 'ALTER SUBSCRIPTION s DISABLE; ALTER SUBSCRIPTION s SET (slot_name = NONE); DROP SUBSCRIPTION s');
    eventually($node, q{SELECT NOT active FROM pg_replication_slots WHERE slot_name = 's'});
    of('elsewhere', q{SELECT pg_drop_replication_slot('s')});
}
sub replicates {
    my ($what, $statement, $there, $expected) = @_;
    of('elsewhere', $statement);
    ok(eventually($node, "SELECT $there"), "$what comes by replication");
    like(told(), qr/^(?:$expected)$/, '… and is told');
}
subscribe('false');
replicates('an INSERT', q{INSERT INTO notes VALUES (2, 'replicated')}, q{count(*) = 1 FROM notes}, 'create notes 2');
replicates('an UPDATE', q{UPDATE notes SET body = 'again' WHERE id = 2}, q{count(*) = 1 FROM notes WHERE body = 'again'}, 'update notes 2');
replicates('another key', q{UPDATE notes SET id = 3 WHERE id = 2}, q{count(*) = 1 FROM notes WHERE id = 3}, 'delete notes 2, create notes 3');
replicates('a DELETE', q{DELETE FROM notes WHERE id = 3}, q{NOT EXISTS (SELECT FROM notes WHERE id = 3)}, 'delete notes 3');
replicates('a transaction', q{BEGIN; INSERT INTO notes VALUES (4, 'x'); SAVEPOINT s; INSERT INTO notes VALUES (5, 'x'); ROLLBACK TO s; INSERT INTO notes VALUES (6, 'x'); COMMIT},
    q{count(*) = 2 FROM notes WHERE id IN (4, 6)}, 'create notes 4, create notes 6');
replicates('a TRUNCATE', q{TRUNCATE notes}, q{count(*) = 0 FROM notes}, 'resync notes truncated');
unsubscribe();
subscribe('true');
replicates('what is prepared', q{BEGIN; INSERT INTO notes VALUES (7, 'x'); PREPARE TRANSACTION 'r'}, q{count(*) = 1 FROM pg_prepared_xacts WHERE database = 'postgres'}, 'nothing');
replicates('its commit', q{COMMIT PREPARED 'r'}, q{count(*) = 1 FROM notes WHERE id = 7}, 'resync notes prepared');
of('elsewhere', q{BEGIN; INSERT INTO notes VALUES (8, 'x'); PREPARE TRANSACTION 'r'; ROLLBACK PREPARED 'r'});
replicates('the next one', q{INSERT INTO notes VALUES (9, 'x')}, q{count(*) = 1 FROM notes WHERE id = 9}, '(?:resync notes prepared, )?create notes 9');
unsubscribe();

# A table that is altered all the while, beside writers and listeners. Nothing falls, and at rest every listener goes on.
sql($node, q{
CREATE TABLE busy (id bigint NOT NULL, body text, kind integer DEFAULT 0, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
CREATE TABLE busy_0 PARTITION OF busy FOR VALUES IN (0);
GRANT SELECT ON busy TO reader;
ALTER TABLE busy ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON busy FOR SELECT USING (true);
SELECT columns FROM ayb_jobs.enable_realtime('busy');
CREATE FUNCTION hear(listener text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN told(listener, '{busy}');
EXCEPTION WHEN lock_not_available OR query_canceled THEN
    RETURN 'busy';
END $$});
my $dir = PostgreSQL::Test::Utils::tempdir;
sub script { my ($name, $text) = @_; append_to_file("$dir/$name", $text); return "$dir/$name" }
my %run = (
    write => [ 2, 150, q{INSERT INTO busy (id, body) VALUES (:client_id * 1000000 + (random() * 1e6)::bigint, 'x') ON CONFLICT DO NOTHING; UPDATE busy SET body = body || 'y' WHERE id = (SELECT min(id) FROM busy); DELETE FROM busy WHERE id = (SELECT max(id) FROM busy);} ],
    hear => [ 5, 300, q{SELECT hear('l' || :client_id);} ],
    analyze => [ 1, 500, 'ANALYZE busy;' ], # each of which says that the table changed, beside who looks at it
    change => [ 1, 12, q{ALTER TABLE busy ADD COLUMN extra text DEFAULT 'there';
        ALTER POLICY p ON busy USING (extra IS NOT NULL);
        ALTER TABLE busy ALTER body TYPE varchar;
        CREATE TABLE busy_1 (body varchar, kind integer NOT NULL, extra text, id bigint NOT NULL);
        ALTER TABLE busy ATTACH PARTITION busy_1 FOR VALUES IN (1);
        INSERT INTO busy (id, kind) VALUES (1, 1);
        ALTER TABLE busy DETACH PARTITION busy_1;
        DROP TABLE busy_1;
        ALTER TABLE busy ALTER body TYPE text;
        ALTER POLICY p ON busy USING (true);
        ALTER TABLE busy DROP COLUMN extra;} ]);
my %child;
for my $name (sort keys %run) {
    my ($clients, $times, $text) = @{ $run{$name} };
    my @command = ('pgbench', '-n', '--max-tries=100', '-c', $clients, '-t', $times, '-f', script($name, $text), $node->connstr('postgres'));
    $child{$name} = IPC::Run::start(\@command, '>', "$dir/$name.out", '2>&1');
}
for my $name (sort keys %child) {
    ok($child{$name}->finish, "$name goes to its end") or diag(slurp_file("$dir/$name.out"));
}
sql($node, q{SELECT hear('l' || i) FROM generate_series(0, 4) AS i});
sql($node, q{INSERT INTO busy (id, body) VALUES (-1, 'last')});
is(sql($node, q{SELECT DISTINCT hear('l' || i) FROM generate_series(0, 4) AS i}), 'create busy -1', 'every listener goes on');

# A policy that traps the cancel: the session ends.
sql($node, q{
CREATE TABLE stubborn (id bigint PRIMARY KEY);
GRANT SELECT ON stubborn TO reader;
CREATE FUNCTION never() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    LOOP
        BEGIN
            PERFORM pg_sleep(60);
        EXCEPTION WHEN query_canceled THEN
            NULL;
        END;
    END LOOP;
END $$;
ALTER TABLE stubborn ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON stubborn FOR SELECT USING (never());
SELECT columns FROM ayb_jobs.enable_realtime('stubborn');
SELECT told('s', '{stubborn}');
INSERT INTO stubborn VALUES (1)});
my ($code, $out, $error) = $node->psql('postgres', q{SELECT told('s', '{stubborn}')});
like($error, qr/terminating connection/, 'a policy that traps the cancel ends the session');

# A restart: what was before is lost, and it is said.
sql($node, q{INSERT INTO others VALUES (30, 'x')});
$waiter->quit;
$writer->quit;
$node->restart;
is(sql($node, q{SELECT told('b', '{others}')}), 'resync others lost', 'after a restart the table is to be read again');
sql($node, q{INSERT INTO others VALUES (31, 'x')});
is(sql($node, q{SELECT told('b', '{others}')}), 'create others 31', 'and it goes on');

# A dump carries what is enabled; a copy tells nobody anything before it is adopted.
of('elsewhere', q{CREATE TABLE parted (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
    CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (10) TO (20);
    SELECT columns FROM ayb_jobs.enable_realtime('parted');
    ALTER TABLE parted_2 DISABLE TRIGGER ayb_jobs_note_row});
my $dump = "$dir/dump";
command_ok([ 'pg_dump', '-f', $dump, $node->connstr('elsewhere') ], 'a dump');
sql($node, 'CREATE DATABASE copied');
command_ok([ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', $dump, $node->connstr('copied') ], 'is restored');
is(of('copied', q{SELECT string_agg(table_name, ' ' ORDER BY table_name) FROM ayb_jobs.realtime_tables WHERE problem IS NULL}), 'notes others', 'the tables are enabled');
of('copied', 'ALTER TABLE parted_2 ENABLE ALWAYS TRIGGER ayb_jobs_note_row');
is(of('copied', q{SELECT count(*) FROM ayb_jobs.realtime_tables WHERE table_name = 'parted' AND problem IS NULL}), 1, '… and so are partitions that had it on');
(undef, undef, $error) = $node->psql('copied', q{SELECT told('c', '{notes}')});
like($error, qr/adopt/, 'a copy has to be adopted first');
of('copied', 'SELECT ayb_jobs.adopt()');
is(of('copied', q{SELECT told('c', '{notes}')}), 'nothing', 'then a listener begins');
of('copied', q{INSERT INTO notes VALUES (100, 'x')});
is(of('copied', q{SELECT told('c', '{notes}')}), 'create notes 100', 'and is told');

# The extension goes without asking, partitioned tables or not.
sql($node, 'DROP EXTENSION ayb_jobs');
is(sql($node, q{SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'ayb_jobs%'}), 0, 'the extension takes its triggers along');

$node->stop;
done_testing();
