# The charts that a session keeps: sound after a cancel, bounded in memory, right
# across prepared transactions, parallel workers and another current date.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IomOrg;
use Oracle;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(usleep);
use Test::More;

my $node = iomorg_node('cache', allows_streaming => 1,
	conf => "max_prepared_transactions = 5\nsynchronous_commit = local\n");
# Here all is about whole charts, and they are counted: a vacuum of the tables
# drops them.
$node->append_conf('postgresql.conf', "iomorg.probe_limit = 0\nautovacuum = off");
$node->reload;
$node->safe_psql('postgres', 'CREATE EXTENSION iomorg');
create_check_org($node, 'postgres');

my $move = q{UPDATE iom_line SET supervisor = '%s' WHERE node = 'OSS' AND line = 'solid'};
my $read = q{SELECT iom_path('OSS-PAC') || ' ' || check_org()};
my $contexts = q{SELECT count(*) FROM pg_backend_memory_contexts WHERE name LIKE 'iomorg chart%'};

# Makes every chart outdated, and changes nothing.
my $outdate = 'UPDATE iom_unit SET position = position WHERE false';
# Looks for a chart, which frees those that went out of the list before.
my $settle = q{SELECT iom_level('DG', current_date)};

sub move_to { return sprintf $move, shift }

# Everything that one psql session prints, errors and all, by lines.
sub session
{
	my ($database, $script) = @_;
	my ($ret, $out, $err) =
	  $node->psql($database, $script, on_error_stop => 0, timeout => 180);

	return ($err, split /\n/, $out);
}

#
# Cancel, in an organisation of 300,000 nodes: N12345 reports to N1234.
#
sub test_cancel
{
	my $nodes = 300_000;
	my $wrong = qq{
		SELECT count(*) FROM generate_series(1, $nodes) i, iom_node('N' || i) node
		WHERE iom_level(node) IS DISTINCT FROM length(i::text)
		   OR iom_supervisor(node) IS DISTINCT FROM iom_node('N' || nullif(i / 10, 0))
		   OR iom_size(node) IS DISTINCT FROM (SELECT sum(greatest(least((i + 1) * p - 1, $nodes) - i * p + 1, 0))
		                             FROM (VALUES (1::bigint), (10), (100), (1000), (10000), (100000)) v (p))};

	$node->safe_psql('postgres', 'CREATE DATABASE large');
	$node->safe_psql('large', qq{
		CREATE EXTENSION iomorg;
		SET session_replication_role = replica;	-- these rows need no check
		DELETE FROM iom_appointment;
		DELETE FROM iom_line;
		DELETE FROM iom_unit;
		INSERT INTO iom_unit (node, name) SELECT 'N' || i, 'n' FROM generate_series(1, $nodes) i;
		INSERT INTO iom_line (node, supervisor)
		  SELECT 'N' || i, 'N' || (i / 10) FROM generate_series(10, $nodes) i});
	$node->safe_psql('large', 'VACUUM ANALYZE iom_unit, iom_line');
	is($node->safe_psql('large', $wrong), '0', 'a chart of 300,000 nodes is right');

	# statement_timeout: anywhere in compiling, more often early (that is cheap)
	my $compile_ms = $node->safe_psql('large',
		q{SELECT iom_level('N1') \gset
		  SELECT ceil(compile_ms) FROM iom_charts()});
	my ($err, @lines) = session('large', join ";\n",
		'SET iomorg.chart_memory = 0',
		"SELECT iom_level('N1')",
		$contexts,
		(map { ('SET statement_timeout = 0', $outdate,
			'SET statement_timeout = ' . (1 + int($compile_ms * ($_ / 200)**5)),
			"SELECT iom_level('N300000') = 6") } 1 .. 200),
		'SET statement_timeout = 0',
		$wrong,
		$settle,
		$contexts);
	my ($before, $after) = @lines[1, -1];
	my $cancelled = () = $err =~ /canceling statement due to statement timeout/g;

	note("compiling takes $compile_ms ms; $cancelled of 200 cancelled");
	cmp_ok($cancelled, '>=', 100, 'statement_timeout cancels compiling');
	is(scalar(grep { $_ eq 'f' } @lines), 0, 'no wrong answer between');
	is($lines[-3], '0', 'and the chart is right after it');
	is($after, $before, 'nothing is left of cancelled compiles');

	# pg_cancel_backend()
	my $busy = $node->background_psql('large', on_error_stop => 0);
	my $other = $node->background_psql('large');
	my $pid = $busy->query('SELECT pg_backend_pid()');

	$busy->query('SET iomorg.chart_memory = 0');
	$busy->query_until(qr/begun/, "\\echo begun\n"
		  . ("$outdate;\nSELECT iom_level('N300000');\n" x 20));
	for (1 .. 30)
	{
		usleep(rand($compile_ms) * 1000);
		$other->query_safe("SELECT pg_cancel_backend($pid)");
	}
	$busy->query('SELECT 1');	# waits for the rest; may be cancelled itself
	is($busy->query($wrong), '0', 'right after pg_cancel_backend()');
	$busy->query($settle);
	is($busy->query($contexts), $before, 'and nothing is left of it');
	$busy->quit;

	# iomorg.chart_memory, with charts of several days
	$other->query_safe(q{INSERT INTO iom_unit (node, name, valid)
		SELECT 'LATER' || y, 'n', daterange(make_date(y, 1, 1), NULL) FROM generate_series(2101, 2106) y});
	$other->query_safe(q{SELECT iom_level('N1')});
	my $bytes = $other->query_safe(q{SELECT sum(total_bytes) FROM pg_backend_memory_contexts WHERE name = 'iomorg chart'});
	my $kept = q{SELECT count(*) || ' ' || (sum(total_bytes) <= %d)
		FROM pg_backend_memory_contexts WHERE name = 'iomorg chart'};
	my @days = map { sprintf q{SELECT iom_size('N1', '%d-06-01'), iom_level('LATER%d', '%d-06-01')}, $_, $_, $_ } 2101 .. 2106;

	$bytes = 3 * $bytes + 1024 * 1024;
	$other->query_safe(sprintf 'SET iomorg.chart_memory = %d', $bytes / 1024);
	is($other->query_safe($_), '111111|1', 'a day to come') for @days, $days[5];
	is($other->query_safe(sprintf $kept, $bytes), '3 true', 'iomorg.chart_memory bounds the charts');
	is($other->query_safe('SELECT count(*) FROM iom_charts()'), '3', 'as iom_charts() says');
	$other->query_safe('SET iomorg.chart_memory = 0');
	$other->query_safe($_) for @days[1, 2, 2];
	is($other->query_safe(sprintf $kept, $bytes / 2), '1 true', 'the last chart always stays');
	$other->quit;
	$node->safe_psql('postgres', 'DROP DATABASE large');
}

#
# Memory, over many small changes
#
sub test_many_changes
{
	my $first = q{SELECT iom_path('OSS-PAC')};

	my ($err, @lines) = session('postgres', join ";\n",
		(map { ('BEGIN', move_to('DDGO'), $first, 'ROLLBACK', $first) } 1 .. 10), $contexts,
		(map { ('BEGIN', move_to('DDGO'), $first, 'ROLLBACK', $first) } 1 .. 190), $contexts,
		$read);
	is($lines[-2], $lines[20], '200 changes rolled back leave nothing');
	is($lines[-1], 'DG/DDGMR/OSS/OSS-PAC ok', 'right after them');
	is($err, '', 'and no errors');

	# a cycle that is only checked later, so that compiling fails
	($err, @lines) = session('postgres', join ";\n",
		$first, $contexts,
		(map { ('BEGIN', 'SET CONSTRAINTS ALL DEFERRED', move_to('OSS-PAC'), $first, 'ROLLBACK') } 1 .. 200),
		$first, $contexts, $read);
	my $failed = () = $err =~ /ERROR:  the rows of iom_unit and iom_line make no hierarchy/g;
	is($failed, 200, 'rows that make no hierarchy make no chart');
	is($lines[-2], $lines[1], '200 errors in compiling leave nothing');
	is($lines[-1], 'DG/DDGMR/OSS/OSS-PAC ok', 'right after them');

	my @moves = map { (move_to($_ % 2 ? 'DDGO' : 'DDGMR'), $first) } 1 .. 500;
	($err, @lines) = session('postgres', join ";\n",
		@moves[0 .. 199], $contexts, @moves[200 .. 999], $contexts, $read);
	is($lines[-2], $lines[100], '500 moves keep no more charts than 100');
	is($lines[-1], 'DG/DDGMR/OSS/OSS-PAC ok', 'right after them');

	# the same within one transaction
	($err, @lines) = session('postgres', join ";\n",
		'BEGIN', @moves[0 .. 199], $contexts, @moves[200 .. 999], $contexts, 'COMMIT', $read, $contexts);
	is($lines[-3], $lines[100], '500 moves of one transaction keep no more charts than 100');
	is($lines[-2], 'DG/DDGMR/OSS/OSS-PAC ok', 'right after its commit');
	cmp_ok($lines[-1], '<=', $lines[100], 'nor any more then');
}

#
# Two-phase commit
#
sub test_two_phase
{
	my $one = $node->background_psql('postgres', on_error_stop => 0);
	my $two = $node->background_psql('postgres', on_error_stop => 0);
	my $old = 'DG/DDGMR/OSS/OSS-PAC ok';
	my $new = 'DG/DDGO/OSS/OSS-PAC ok';

	is($_->query($read), $old, 'before two-phase commit') for $one, $two;
	$one->query('BEGIN');
	$one->query(move_to('DGEO'));
	$one->query('SAVEPOINT s');
	$one->query(move_to('DDGO'));
	is($one->query($read), $new, 'its own change');
	$one->query(q{PREPARE TRANSACTION 'iomorg'});
	is($one->query($read), $old, 'prepared, it is gone from its session');
	is($two->query($read), $old, 'and not there for another');

	$two->query(q{SET lock_timeout = '50ms'});
	$two->query(move_to('COS'));
	like($two->{stderr}, qr/canceling statement due to lock timeout/, 'nobody else can change the hierarchy');
	is($two->query($read), $old, 'nor has');
	$two->query('RESET lock_timeout');

	$two->query(q{COMMIT PREPARED 'iomorg'});
	is($two->query($read), $new, 'committed by another session');
	is($one->query($read), $new, 'and seen by its own');

	$one->query('BEGIN');
	$one->query(move_to('DDGMR'));
	is($one->query($read), $old, 'another change');
	$one->query(q{PREPARE TRANSACTION 'iomorg'});
	is($_->query($read), $new, 'prepared') for $one, $two;
	$two->query(q{ROLLBACK PREPARED 'iomorg'});
	is($_->query($read), $new, 'rolled back by another session') for $one, $two;

	# across a restart
	$one->query("BEGIN");
	$one->query(move_to('DDGMR'));
	$one->query(q{PREPARE TRANSACTION 'iomorg'});
	$_->quit for $one, $two;
	$node->restart;
	$one = $node->background_psql('postgres');
	is($one->query($read), $new, 'prepared, after a restart');
	$node->safe_psql('postgres', q{COMMIT PREPARED 'iomorg'});
	is($one->query($read), $old, 'and committed');
	$one->quit;
}

# While PREPARE TRANSACTION waits for a standby, its transaction is in snapshots
# twice. One that commits meanwhile leaves as many as there were.
sub test_prepared_twice
{
	my ($preparing, $moving, $reading) = map { $node->background_psql('postgres', on_error_stop => 0) } 1 .. 3;
	my $pid = $preparing->query('SELECT pg_backend_pid()');

	$node->safe_psql('postgres', 'CREATE TABLE other (i int)');
	$node->append_conf('postgresql.conf', q{synchronous_standby_names = 'nobody'});
	$node->reload;
	$node->poll_query_until('postgres', q{SELECT current_setting('synchronous_standby_names') = 'nobody'})
	  or die 'not so in time';

	# the first transaction ID, the second, and one that ends after both
	$preparing->query($_) for 'SET synchronous_commit = on', 'BEGIN', 'INSERT INTO other VALUES (1)';
	$moving->query($_) for 'BEGIN', move_to('DDGO');
	$node->safe_psql('postgres', 'INSERT INTO other VALUES (2)');

	is($reading->query($read), 'DG/DDGMR/OSS/OSS-PAC ok', 'before a move commits');
	$preparing->query_until(qr/begun/, "\\echo begun\nPREPARE TRANSACTION 'waiting';\n");
	$node->poll_query_until('postgres', qq{SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = $pid})
	  or die 'not so in time';
	$moving->query('COMMIT');
	is($reading->query($read), 'DG/DDGO/OSS/OSS-PAC ok', 'it is seen beside a waiting PREPARE TRANSACTION');

	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	$preparing->query('SELECT 1');
	$node->safe_psql('postgres', $_) for q{ROLLBACK PREPARED 'waiting'}, 'DROP TABLE other', move_to('DDGMR');
	$node->append_conf('postgresql.conf', q{synchronous_standby_names = ''});
	$node->reload;
	$_->quit for $preparing, $moving, $reading;
}

# A snapshot of another transaction, which sees less than this session has seen,
# and less than that transaction, which has changes of its own.
sub test_exported
{
	my ($exporter, $importer) = map { $node->background_psql('postgres', on_error_stop => 0) } 1 .. 2;

	$exporter->query($_) for 'BEGIN ISOLATION LEVEL REPEATABLE READ', move_to('DDGO');
	my $snapshot = $exporter->query('SELECT pg_export_snapshot()');

	is($exporter->query($read), 'DG/DDGO/OSS/OSS-PAC ok', 'who exports a snapshot');
	is($importer->query($read), 'DG/DDGMR/OSS/OSS-PAC ok', 'does not show its own change');
	$importer->query($_) for 'BEGIN ISOLATION LEVEL REPEATABLE READ', "SET TRANSACTION SNAPSHOT '$snapshot'";
	is($importer->query($read), 'DG/DDGMR/OSS/OSS-PAC ok', 'nor to who imports it');
	$importer->query('COMMIT');
	$exporter->query('ROLLBACK');

	$exporter->query($_) for 'BEGIN ISOLATION LEVEL REPEATABLE READ', 'SELECT 1';
	$snapshot = $exporter->query('SELECT pg_export_snapshot()');
	$node->safe_psql('postgres', move_to('COS'));
	is($importer->query($read), 'DG/COS/OSS/OSS-PAC ok', 'after a move');
	$importer->query($_) for 'BEGIN ISOLATION LEVEL REPEATABLE READ', "SET TRANSACTION SNAPSHOT '$snapshot'";
	is($importer->query($read), 'DG/DDGMR/OSS/OSS-PAC ok', 'imported from before it');
	$importer->query('COMMIT');
	is($importer->query($read), 'DG/COS/OSS/OSS-PAC ok', 'and back');
	$node->safe_psql('postgres', move_to('DDGMR'));
	$_->quit for $exporter, $importer;
}

sub test_discard
{
	my $session = $node->background_psql('postgres');

	is($session->query($read), 'DG/DDGMR/OSS/OSS-PAC ok', 'before DISCARD ALL');
	$session->query(q{SET iomorg.as_of = '2000-01-01'});
	$session->query('DISCARD ALL');
	is($session->query(q{SELECT current_setting('iomorg.as_of') = '' AND iom_as_of() = current_date}), 't', 'DISCARD ALL resets the day');
	is($session->query($read), 'DG/DDGMR/OSS/OSS-PAC ok', 'and the hierarchy is there');
	$node->safe_psql('postgres', move_to('DDGO'));
	is($session->query($read), 'DG/DDGO/OSS/OSS-PAC ok', 'and fresh');
	$session->query('DISCARD PLANS');
	$node->safe_psql('postgres', move_to('DDGMR'));
	is($session->query($read), 'DG/DDGMR/OSS/OSS-PAC ok', 'and still');
	$session->quit;
}

#
# Parallel workers
#
sub test_parallel
{
	my @queries = (
		q{SELECT count(*) FROM fact WHERE unit <@ 'DDGO'},
		q{SELECT count(*) FROM fact WHERE 'OSS' @> unit},
		q{SELECT sum(iom_level(unit)), sum(iom_rank(unit)), sum(iom_size(unit)), count(iom_supervisor(unit)) FROM fact},
		q{SELECT string_agg(a || ' ' || n, ',' ORDER BY a) FROM
		  (SELECT iom_path(unit) AS a, count(*) AS n FROM fact GROUP BY 1) s},
		q{SELECT iom_common_supervisor(unit), min(unit), max(unit) FROM fact WHERE unit <@ 'DDGMR'},
		q{SELECT sum(iom_level(unit, '2100-06-01')), count(*) FILTER (WHERE iom_root(unit, '2000-06-01') = 'DG') FROM fact},
		q{SELECT sum(i) FROM fact WHERE unit = ANY (ARRAY(SELECT iom_subtree('DDGMR')))});
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->set_query_timer_restart(1);	# there are many
	my $gathers = 0;
	my $compare = sub {
		my ($name) = @_;
		my $check = $session->query('SELECT check_org()');

		for (0 .. $#queries)
		{
			$session->query('SET max_parallel_workers_per_gather = 0');
			my $serial = $session->query($queries[$_]);
			$session->query('SET max_parallel_workers_per_gather = 3');
			$gathers++ if $session->query("EXPLAIN (COSTS OFF) $queries[$_]") =~ /Gather/;
			is($session->query($queries[$_]), $serial, "$name: query $_ in parallel");
		}
		is($check, 'ok', "$name: right");
	};

	$node->safe_psql('postgres', q{
		CREATE TABLE fact (i int, unit iom_node) WITH (parallel_workers = 3);
		INSERT INTO fact SELECT i, units[i % cardinality(units) + 1]
		FROM generate_series(1, 200000) i, (SELECT array_agg(node ORDER BY node) AS units FROM iom_unit) u;
		ANALYZE fact});
	$session->query("SET $_") for 'parallel_setup_cost = 0', 'parallel_tuple_cost = 0',
	  'min_parallel_table_scan_size = 0', 'parallel_leader_participation = off';

	$compare->('committed');
	$session->query('BEGIN');
	$session->query(move_to('DDGO'));
	$compare->('own change');
	$session->query('SAVEPOINT s');
	$session->query($_) for move_to('DGEO'),
	  q{INSERT INTO iom_unit (node, name) VALUES ('OSS-NEW', 'n')},
	  q{INSERT INTO iom_line (node, supervisor) VALUES ('OSS-NEW', 'OSS-PAC')};
	$compare->('subtransaction');
	$session->query('ROLLBACK TO s');
	$compare->('rolled back to a savepoint');
	$session->query('ROLLBACK');
	$compare->('rolled back');
	for my $level ('REPEATABLE READ', 'SERIALIZABLE')
	{
		$session->query("BEGIN ISOLATION LEVEL $level");
		$session->query('SELECT 1');
		$node->safe_psql('postgres', move_to('COS'));
		$compare->($level);
		$session->query('COMMIT');
		$node->safe_psql('postgres', move_to('DDGMR'));
	}
	cmp_ok($gathers, '>=', 7 * @queries - 7, 'the plans were parallel');
	$session->query(q{SET iomorg.as_of = '2000-06-01'});
	is($session->query(q{SELECT count(*) FILTER (WHERE iom_as_of() = '2000-06-01') = count(*) FROM fact}), 't',
		'workers have the day that is set');
	$session->quit;
	$node->safe_psql('postgres', 'DROP TABLE fact');
}

#
# Another current date: two zones that never share one
#
sub test_date
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my ($early, $late) = map { ("SET TimeZone = '$_'") } '<-12>+12', '<+14>-14';
	my ($old, $new) = ('DG/DDGMR/OSS/OSS-PAC ok', 'DG/DDGO/OSS/OSS-PAC ok');

	$session->query($_) for $late, 'BEGIN',
	  q{UPDATE iom_line SET valid = daterange(NULL, current_date) WHERE node = 'OSS' AND line = 'solid'},
	  q{INSERT INTO iom_line (node, supervisor, valid) VALUES ('OSS', 'DDGO', daterange(current_date, NULL))};
	is($session->query($read), $new, 'a line that begins today');
	$session->query('COMMIT');
	$session->query("PREPARE path AS $read");
	for my $round (1, 2)
	{
		$session->query($late);
		is($session->query('EXECUTE path'), $new, "its day has begun, round $round");
		$session->query($early);
		is($session->query('EXECUTE path'), $old, "its day has not, round $round");
	}
	$session->query('BEGIN');
	is($session->query($read), $old, 'not yet');
	$session->query($late);
	is($session->query($read), $new, 'begun within a transaction');
	$session->query('ROLLBACK');
	is($session->query($read), $old, 'and not begun after it');
	is($session->query(q{SELECT iom_path('OSS-PAC', as_of => current_date + 2)}), 'DG/DDGO/OSS/OSS-PAC', 'by argument');
	is($session->query(q{SELECT count(*) FROM iom_charts()}), '2', 'two charts did it all');
	$session->quit;
}

#
# The day of a role and of a database, which are set before the library is
# loaded
#
sub test_day_of_role
{
	my $ask = q{SELECT current_setting('iomorg.as_of') || ' ' || iom_level('OMB') || ' ' || iom_as_of()};
	my $as = sub {
		my ($user, $database, $query) = @_;
		return $node->safe_psql($database, $query, extra_params => [ '-U', $user ]);
	};

	$node->safe_psql('postgres', q{
		CREATE ROLE archivist LOGIN;
		ALTER ROLE archivist SET iomorg.as_of = '2001-02-03';
		CREATE ROLE reader LOGIN});
	is($as->('archivist', 'postgres', $ask), '2001-02-03 2 2001-02-03', 'ALTER ROLE SET');
	is($as->('reader', 'postgres', q{SELECT iom_as_of() = current_date}), 't', 'is for that role only');
	is($as->('archivist', 'postgres', "SET iomorg.as_of = ''; SELECT iom_as_of() = current_date; RESET iomorg.as_of; SELECT iom_as_of()"),
		"t\n2001-02-03", 'and what RESET goes back to');
	$node->safe_psql('postgres', q{
		ALTER DATABASE postgres SET iomorg.as_of = '2002-03-04';
		ALTER ROLE reader IN DATABASE postgres SET iomorg.as_of = '2003-04-05'});
	is($as->('archivist', 'postgres', $ask), '2001-02-03 2 2001-02-03', 'a role goes before the database');
	is($as->('reader', 'postgres', $ask), '2003-04-05 2 2003-04-05', 'a role in the database before both');
	is($node->safe_psql('postgres', $ask), '2002-03-04 2 2002-03-04', 'ALTER DATABASE SET');
	$node->safe_psql('postgres', q{
		ALTER DATABASE postgres RESET iomorg.as_of;
		DROP ROLE archivist, reader});
}

test_cancel();
test_many_changes();
test_two_phase();
test_prepared_twice();
test_exported();
test_discard();
test_parallel();
test_date();
test_day_of_role();
done_testing();
