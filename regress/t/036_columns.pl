# What extension/base/columns.def says of the columns is what the catalog says.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use AybJobs;
use PostgreSQL::Test::Utils;
use Test::More;

my %tables = (TAKEN => [qw(job_queue job_history)], GIVEN => [qw(job_queue job_history)], QUEUE => ['job_queue'], HISTORY => ['job_history']);
my %said;
for (split /\n/, slurp_file("$FindBin::RealBin/../../extension/base/columns.def")) {
    next unless /^\s+(TAKEN|GIVEN|QUEUE|HISTORY)\((\w+), \w+, (\w+)OID, (at_enqueue|later|generated)\)/;
    my ($kind, $name, $type) = ($1, $2, lc $3);
    push @{ $said{$_} }, "$name $type" for @{ $tables{$kind} };
}

my $node = start_server('columns');
for my $table (qw(job_queue job_history)) {
    my $columns = sql($node, qq{SELECT string_agg(attname || ' ' || t.typname, ', ' ORDER BY attnum)
        FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
        WHERE attrelid = 'ayb_jobs.$table'::regclass AND attnum > 0 AND NOT attisdropped});
    is(join(', ', @{ $said{$table} }), $columns, "the columns of $table");
}
done_testing();
