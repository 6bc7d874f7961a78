# The names of the surface: docs/reference says what the catalog has, and nothing that it hasn't. Functions with each
# argument, its type and default, and each result; views, tables and types with their columns; settings; checks.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('reference');
$node->init;
$node->append_conf('postgresql.conf', slurp_file('postgresql.conf'));
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION ayb_jobs');

sub reference { return slurp_file("../docs/reference/$_[0].md") }    # tap.pl runs us in regress/
sub rows { return split /\n/, $node->safe_psql('postgres', $_[0]) }

# "a, b bigint, c text" gives each column its type.
sub typed
{
	my (@columns, @waiting);
	for (split /,\s*/, $_[0])
	{
		my ($name, $type) = /^(\w+)(?: (.+))?$/ or die "no column: $_\n";
		push @waiting, $name;
		push @columns, map { "$_ $type" } splice @waiting if defined $type;
	}
	die "no type: @waiting\n" if @waiting;
	return @columns;
}

# A heading of the reference as the statement that makes such a function, so that the server reads it.
sub statement_of
{
	my ($heading) = @_;
	return "CREATE PROCEDURE reference.$1 LANGUAGE plpgsql AS ''" if $heading =~ /^CALL (\w+\(.*\))$/;
	my ($name, $arguments, $result) = $heading =~ /^(\w+)\((.*)\) → (.+)$/ or die "no function: $heading\n";
	my @arguments = $arguments eq '' ? () : $arguments;
	push @arguments, map { "OUT $_" } typed($1) if $result =~ s/\((.*)\)$/record/;
	return "CREATE FUNCTION reference.$name(" . join(', ', @arguments) . ") RETURNS $result LANGUAGE plpgsql AS ''";
}

my @headings = reference('functions') =~ /^### `(.*)`$/mg;
cmp_ok(scalar @headings, '>=', 50, 'the reference has functions');
$node->safe_psql('postgres',
	join ";\n", 'CREATE SCHEMA reference', 'SET check_function_bodies = off', 'SET search_path = ayb_jobs',
	map { statement_of($_) } @headings);

sub functions_of
{
	my ($schema) = @_;
	return rows(qq{
		SET search_path = ayb_jobs;
		SELECT p.proname || '(' || pg_get_function_arguments(p.oid) || ')' || coalesce(' → ' || pg_get_function_result(p.oid), ', by CALL')
		FROM pg_proc AS p WHERE p.pronamespace = '$schema'::regnamespace AND p.prorettype <> 'trigger'::regtype
		ORDER BY 1});
}
is_deeply([ functions_of('reference') ], [ functions_of('ayb_jobs') ], 'the reference has each function as it is');

# A section names columns in its rows: the first cell their names, the second one type each, one for all, or none.
sub documented
{
	my %columns;
	for my $row (split /\n/, $_[0])
	{
		my ($names, $types) = $row =~ /^\| (`.*?`) \| ?(.*?) ?\|/ or next;
		my @names = $names =~ /`(\w+)`/g;
		my @types = split /, /, $types;
		@columns{@names} = @types == @names ? @types : @types == 1 ? (@types) x @names : (undef) x @names;
	}
	return %columns;
}

my %sections = reference('tables') =~ /^## `(\w+)`\n(.*?)(?=^## |\z)/msg;
my %relations;
for (rows(q{
	SELECT c.relname, a.attname, replace(format_type(a.atttypid, a.atttypmod), 'timestamp with time zone', 'timestamptz')
	FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	WHERE c.relnamespace = 'ayb_jobs'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'c') AND NOT c.relispartition}))
{
	my ($relation, $column, $type) = split /\|/;
	$relations{$relation}{$column} = $type;
}
is_deeply([ sort keys %sections ], [ sort keys %relations ], 'the reference has each table, view and type');
for my $relation (sort keys %relations)
{
	my %named = documented($sections{$relation} // '');
	$named{$_} //= $relations{$relation}{$_} for grep { exists $relations{$relation}{$_} } keys %named;
	is_deeply(\%named, $relations{$relation}, "the reference has the columns of $relation as they are");
}

my %settings = reference('settings') =~ /^\| `(ayb_jobs\.\w+)` \| (.*?) ?\|/mg;
my %defaults = map { split /\|/, $_, 2 } rows(q{
	SELECT name, coalesce(boot_val || coalesce(unit, ''), '') FROM pg_settings
	WHERE name LIKE 'ayb\_jobs.%' AND name NOT LIKE 'ayb\_jobs.test\_%'});
is_deeply([ sort keys %settings ], [ sort keys %defaults ], 'the reference has each setting');
is(join(' ', rows(join ' UNION ALL ', map { other_default($_) } sort keys %defaults)), '', 'the reference has their defaults');

sub other_default
{
	my ($setting) = @_;
	my ($shown) = ($settings{$setting} // '') =~ /`(.*)`/;
	return "SELECT '$setting' WHERE NOT (" . same_value($shown // '', $defaults{$setting}) . ')';
}

# 5 min is 300s: both as intervals where they are lengths of time, and as sizes where they are sizes.
sub same_value
{
	my ($shown, $default) = @_;
	return "interval '$shown' = interval '$default'" if $default =~ /^\d+(ms|s)$/ && $shown =~ /^[1-9]\d* ?(ms|s|min|d)$/;
	return "pg_size_bytes('$shown') = pg_size_bytes('$default')" if $default =~ /^\d+kB$/;
	$default =~ s/^0(ms|s)$/0/;
	return "'$shown' = '$default'";
}

my ($definers) = slurp_file("../SECURITY.md") =~ /No SQL function is SECURITY DEFINER but (.*?)\. Neither/s;
is_deeply([ sort $definers =~ /`(?:\w+\.)?(\w+)\(\)`/g ],
	[ rows(q{SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace::regnamespace::text LIKE 'ayb\_jobs%' ORDER BY 1}) ],
	'SECURITY.md names each function that is SECURITY DEFINER');

my @checks = sort(reference('health') =~ /^\| `(\w+)` \|/mg);
is_deeply(\@checks, [ sort(rows('SELECT name FROM ayb_jobs.health()')) ], 'the reference has each check of health()');

$node->stop;
done_testing();
