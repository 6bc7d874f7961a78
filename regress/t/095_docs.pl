# The manual is true: every ```sql block of README.md and docs/ is run, page by page, in a fresh database. What the
# reference names is held against the catalog by 096_reference.pl.
#
# What stands right before a block says how it is run:
#   <!-- not run: why -->        it is not
#   <!-- error: 42501 -->        its last statement raises this SQLSTATE
#   <!-- as: alice -->           by this role
# A ```text block right after it is its output, and has to be the same. Before each block the jobs that are due have run.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = '..';    # tap.pl runs us in regress/
my @pages = ("$root/README.md", sort glob("$root/docs/*.md $root/docs/*/*.md"));
cmp_ok(scalar @pages, '>=', 20, 'the pages are there');

my $node = PostgreSQL::Test::Cluster->new('docs');
$node->init;
$node->append_conf('postgresql.conf', slurp_file('postgresql.conf') . "\nayb_jobs.worker_idle_timeout = 2s\n");
$node->start;

# blocks(PAGE): {line, sql, error, as, skip, output} for each ```sql block.
sub blocks
{
	my ($page) = @_;
	my (@found, %marks, $fence, $current, $after_sql);
	my $number = 0;
	for my $line (split /\n/, slurp_file($page), -1)
	{
		$number++;
		if (defined $fence)
		{
			if ($line eq '```')
			{
				$after_sql = $fence eq 'sql' ? $current : undef;
				undef $fence;
			}
			elsif ($fence eq 'sql') { $current->{sql} .= "$line\n" }
			elsif ($fence eq 'output') { $current->{output} .= "$line\n" }
		}
		elsif ($line =~ /^(\s*)```\s*(\w*)/)
		{
			(my $indent, $fence) = ($1, $2);
			die "$page:$number: a fence begins its line\n" if $indent ne '' && $fence eq 'sql';
			if ($fence eq 'sql')
			{
				$current = { line => $number, sql => '', %marks };
				push @found, $current;
			}
			elsif ($fence eq 'text' && $after_sql)
			{
				($fence, $current) = ('output', $after_sql);
				$current->{output} = '';
			}
			%marks = ();
		}
		elsif ($line =~ /^<!-- (not run|error|as): (\S.*?) -->$/) { $marks{ $1 eq 'not run' ? 'skip' : $1 } = $2 }
		elsif ($line ne '')
		{
			die "$page:$number: a mark stands before no block\n" if %marks;
			undef $after_sql;
		}
	}
	die "$page: a fence is left open\n" if defined $fence;
	return @found;
}

# Jobs that are due have run, as they would have by the time a reader goes on.
sub settle
{
	my ($database) = @_;
	return 1 if $node->safe_psql($database, "SELECT to_regclass('ayb_jobs.job_queue') IS NULL") eq 't';
	return $node->poll_query_until(
		$database, q{
		SELECT NOT EXISTS (
			SELECT FROM ayb_jobs.job_queue AS q
			WHERE ayb_jobs_internal.taken_by(q.type) IS NULL AND q.run_at <= now()
			  AND (q.state = 'running' OR q.state = 'queued' AND NOT EXISTS (
				SELECT FROM ayb_jobs.pauses AS p WHERE p.type IN (q.type, ''))))});
}

sub trimmed { return join "\n", grep { $_ ne '' } map { s/\s+$//r } split /\n/, $_[0] }

sub run_block
{
	my ($name, $database, $block) = @_;
	my @options = ('-P', 'tuples_only=off', '-P', 'format=aligned', '-P', 'footer=off', '-v', 'VERBOSITY=verbose');
	push @options, '-U', $block->{as} if $block->{as};
	my ($out, $errors) = ('', '');
	my $status = $node->psql($database, $block->{sql}, stdout => \$out, stderr => \$errors, extra_params => \@options);
	if ($block->{error})
	{
		my ($state) = $errors =~ /ERROR:  (\w{5}): (?!.*ERROR:)/s;
		is($state // '', $block->{error}, "$name raises what it says") or diag $errors;
	}
	else
	{
		is($status, 0, "$name runs") or diag $errors;
	}
	is(trimmed($out), trimmed($block->{output}), "$name shows what it says") if defined $block->{output};
}

sub roles { return $node->safe_psql('postgres', "SELECT rolname FROM pg_roles WHERE rolname !~ '^ayb_jobs_'") }

# A page's roles, settings and databases are gone before the next one.
sub clean
{
	my ($database, %known) = @_;
	$node->safe_psql('postgres', "ALTER SYSTEM RESET ALL");
	$node->safe_psql('postgres', "SELECT pg_reload_conf()");
	for my $name (split /\n/, $node->safe_psql('postgres', "SELECT datname FROM pg_database"))
	{
		$node->safe_psql('postgres', qq{DROP DATABASE "$name"}) if $name !~ /^(?:postgres|template[01])$/;
	}
	$known{$_} or $node->safe_psql('postgres', qq{DROP ROLE "$_"}) for split /\n/, roles();
}

my $ran = 0;
for my $page (@pages)
{
	my @blocks = grep { !$_->{skip} } blocks($page);
	next if !@blocks;
	my $name = $page =~ s/^\Q$root\E\///r;
	my %known = map { $_ => 1 } split /\n/, roles();
	$node->safe_psql('postgres', 'CREATE DATABASE manual');
	my $creates = grep { $_->{sql} =~ /^CREATE EXTENSION/m } @blocks;
	$node->safe_psql('manual', 'CREATE EXTENSION ayb_jobs') if !$creates;
	for my $block (@blocks)
	{
		my $at = "$name:$block->{line}";
		$ran++;
		if (!settle('manual'))
		{
			fail("before $at the jobs have run");
			last;
		}
		run_block($at, 'manual', $block);
	}
	clean('manual', %known);
}
cmp_ok($ran, '>=', 60, 'blocks were run');

$node->stop;
done_testing();
