# Cancels, timeouts and want of memory at random moments: an ordinary error each
# time, after which the session answers as the tables say and holds no more memory
# than before.
#
#   IOM_CANCEL_ROUNDS=5000 make test ONLY=cancel    for longer
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IomOrg;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $rounds = $ENV{IOM_CANCEL_ROUNDS} // 100;
my $units = 8_000;

# What malloc() gets, it gives back, so that it has to ask for it again.
$ENV{MALLOC_MMAP_THRESHOLD_} = 16384;
$ENV{MALLOC_TRIM_THRESHOLD_} = 0;
$ENV{MALLOC_TOP_PAD_} = 0;

my $node = iomorg_node('cancel', conf => "jit = off\nautovacuum = off\nlog_statement = none\n");
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $other = $node->background_psql('postgres');

# N12345 reports to N1234; the organisation on which all this is tried.
$node->safe_psql('postgres', qq{
	CREATE EXTENSION iomorg;
	SET session_replication_role = replica;	-- these rows need no check
	DELETE FROM iom_appointment;
	DELETE FROM iom_line;
	DELETE FROM iom_unit;
	INSERT INTO iom_unit (node, name) SELECT 'N' || i, 'n' FROM generate_series(1, $units) i;
	INSERT INTO iom_line (node, supervisor) SELECT 'N' || i, 'N' || (i / 10) FROM generate_series(10, $units) i;
	CREATE TABLE fact AS SELECT iom_node('N' || (1 + i % $units)) AS unit, i AS value FROM generate_series(1, 30000) i;
	CREATE INDEX ON fact (unit)});
$node->safe_psql('postgres', 'VACUUM ANALYZE');

# How many nodes the functions say other than a recursive query of, by the same
# snapshot.
$node->safe_psql('postgres', q{
	CREATE FUNCTION wrong() RETURNS bigint STABLE LANGUAGE sql AS $$
	  WITH RECURSIVE truth AS (
	    SELECT u.node, NULL::iom_node AS supervisor, 1 AS level, u.node::text AS path
	    FROM iom_unit u WHERE NOT EXISTS (SELECT FROM iom_line l WHERE l.node = u.node AND l.line = 'solid')
	    UNION ALL
	    SELECT l.node, l.supervisor, t.level + 1, t.path || '/' || l.node
	    FROM truth t JOIN iom_line l ON l.supervisor = t.node AND l.line = 'solid'
	  )
	  SELECT count(*) FROM truth t FULL JOIN (SELECT s.node FROM iom_roots() r, iom_subtree(r.node) s) c USING (node)
	  WHERE (t.node, t.supervisor, t.level, t.path) IS DISTINCT FROM
	    (c.node, iom_supervisor(c.node), iom_level(c.node), iom_path(c.node))
	$$});

# What may be struck; some of the edits are refused, where they get that far.
my @questions = (
	q{SELECT iom_level('N8000')},
	q{SELECT count(*), sum(iom_size(node)) FROM iom_subtree('N1')},
	q{SELECT count(*) FROM fact WHERE unit <@ 'N1'},
	q{SELECT count(*) FROM fact f JOIN iom_unit u ON f.unit <@ u.node WHERE u.node IN ('N12', 'N2', 'N345')},
	q{SELECT count(*), sum(t.count) FROM (SELECT iom_rollup(unit, value) AS t FROM fact) f, iom_unnest(f.t) t},
	q{SELECT count(*) FROM iom_tree()},
	q{SELECT count(*) FROM iom_org},
	q{SELECT iom_common_supervisor(unit) FROM fact},
	q{EXPLAIN SELECT * FROM fact WHERE unit <@ 'N1' AND unit @> 'N2000'});
my @edits = (
	q{UPDATE iom_line SET supervisor = 'N1' WHERE node = 'N2345'},
	q{UPDATE iom_line SET supervisor = 'N7' WHERE supervisor <@ 'N3' AND supervisor <> 'N3'},
	q{UPDATE iom_line SET supervisor = supervisor},
	q{UPDATE iom_unit SET valid = '(,2200-01-01)' WHERE node = 'N8000'},
	q{DELETE FROM iom_line WHERE node <@ 'N5'},
	q{WITH gone AS (DELETE FROM iom_line WHERE supervisor = 'N77' RETURNING *)
	  INSERT INTO iom_line (node, supervisor) SELECT node, 'N88' FROM gone},
	q{INSERT INTO iom_line (node, supervisor) SELECT 'N' || i, 'N9' FROM generate_series(2, 8) i},
	q{INSERT INTO iom_unit (node, name) SELECT 'M' || (random() * 1e10)::bigint, 'm' FROM generate_series(1, 3000)});
# Makes every chart outdated, and changes nothing.
my $outdate = 'UPDATE iom_unit SET position = position WHERE false';
my @settings = map { "SET iomorg.probe_limit = $_" } -1, 0, 30, 2_000_000_000;

# All that the backend holds, but for what the server's caches need more and more
# of: these are warm after a while.
my $memory = q{SELECT sum(total_bytes) FROM pg_backend_memory_contexts};
my $pid = $session->query('SELECT pg_backend_pid()');

sub one_of { return $_[ rand @_ ] }

# Runs it and returns the SQLSTATE that it failed with, '' if it did not.
sub attempt
{
	my ($what) = @_;

	$session->query($what);
	my $error = $session->{stderr};
	$session->{stderr} = '';
	return $error =~ /(?:ERROR|FATAL|PANIC):  (\w+):/ ? $1 : $error;
}

sub right
{
	return $session->query('SELECT wrong()') eq '0';
}

# Strikes at a question, alone or in a transaction that goes on from a savepoint,
# or at an edit, in such a transaction.
sub strike
{
	my ($statement, $limit, $lift) = @_;
	my $inside = $statement !~ /^(?:SELECT|EXPLAIN)/ || rand() < 0.5;
	my $failed;

	attempt($outdate) if rand() < 0.5;
	attempt(one_of(@settings));
	if ($inside)
	{
		attempt($_) for 'BEGIN', one_of('SELECT 1', $edits[0]), 'SAVEPOINT s';
	}
	$limit->();
	$failed = attempt($statement);
	$lift->();
	if ($inside)
	{
		attempt('ROLLBACK TO s');
		ok(0, "wrong in the transaction, after $statement") unless right();
		attempt(one_of('ROLLBACK', 'COMMIT'));
	}
	return $failed;
}

$session->query('\set VERBOSITY verbose');
attempt($_) for @questions, map { ('BEGIN', $_, 'ROLLBACK') } @edits;

# With one chart and the caches that the questions leave, whatever struck before.
sub memory_used
{
	attempt($_) for 'SET iomorg.probe_limit = 0', 'SET iomorg.chart_memory = 0', @questions;
	my $used = $session->query($memory);
	attempt('RESET iomorg.chart_memory');
	return $used;
}

#
# Cancels and timeouts
#
sub test_cancel
{
	my (%seen, $before, $wrong);

	for my $round (1 .. $rounds)
	{
		my $failed = strike(one_of(@questions, @edits),
			sub { attempt('SET statement_timeout = ' . int(1 + 30 * rand()**3)) },
			# which may strike this, too
			sub { 1 while attempt('SET statement_timeout = 0') eq '57014' });

		$seen{$failed}++;
		$wrong++ if $round % 10 == 0 && !right();
		$before = memory_used() if $round == int($rounds / 2);
	}
	my $after = memory_used();

	note('statement_timeout: ' . join ', ', map { ($_ || 'none') . " $seen{$_}" } sort keys %seen);
	cmp_ok($seen{57014} // 0, '>=', $rounds / 5, 'statement_timeout strikes');
	is(join(' ', grep { !/^(|57014|23514)$/ } keys %seen), '', 'and nothing else fails');
	is($wrong // 0, 0, 'the answers are right after it');

	# (there are more units than there were then)
	cmp_ok($after, '<=', $before + 3 * 1024 * 1024, 'and nothing is left of it');

	# many at once, whatever is running
	$session->query_until(qr/begun/, "\\echo begun\n" . join '', map { "$_;\n" } (@questions, $outdate, @edits) x 4);
	for (1 .. 60)
	{
		usleep(rand 20_000);
		$other->query_safe("SELECT pg_cancel_backend($pid)");
	}
	attempt('SELECT 1') for 1 .. 3;	# waits for the rest; may be cancelled itself
	ok(right(), 'right after pg_cancel_backend()');
}

#
# Want of memory: the backend may take some MB more than it has
#
sub test_memory
{
	my (%seen, $wrong);
	my $size = sub {
		return slurp_file("/proc/$pid/status") =~ /^VmSize:\s+(\d+) kB/m ? $1 * 1024 : die 'no size';
	};

	for my $round (1 .. $rounds)
	{
		my $failed = strike(one_of(@questions, @edits),
			sub { system('prlimit', "--pid=$pid", '--as=' . ($size->() + int(rand()**4 * 2_000_000)) . ':') },
			sub { system('prlimit', "--pid=$pid", '--as=unlimited:') });

		$seen{$failed}++;
		$wrong++ if $round % 10 == 0 && !right();
	}
	note('want of memory: ' . join ', ', map { ($_ || 'none') . " $seen{$_}" } sort keys %seen);
	cmp_ok($seen{53200} // 0, '>=', $rounds / 20, 'memory is wanting');
	is(join(' ', grep { !/^(|53200|23514|23505)$/ } keys %seen), '', 'and nothing else fails');
	is($wrong // 0, 0, 'the answers are right after it');
	is($session->query('SELECT pg_backend_pid()'), $pid, 'in the same session');
}

test_cancel();
SKIP:
{
	skip 'no prlimit here', 4 if system('prlimit --version >/dev/null 2>&1') != 0;
	test_memory();
}
$_->quit for $session, $other;
done_testing();
