# Random work from several sessions at once: changes, dates, savepoints,
# rollbacks, two-phase commit, cursors, cancels, and questions between. Each
# question compares the functions with a recursive query by the same snapshot.
#
#   IOM_RANDOM_SECONDS=3600 make test ONLY=random     for longer
#   IOM_RANDOM_SEED=...                               the same scripts again
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IomOrg;
use Oracle;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $seconds = $ENV{IOM_RANDOM_SECONDS} // 20;
my $seed = $ENV{IOM_RANDOM_SEED} // time() * 1000 % 1_000_000_000;
my $sessions = 4;
my $units = 40;

# What a statement may fail with: it was refused or cancelled, lost a race, or
# came after one that did so. No deadlock, and nothing unforeseen.
my %allowed = map { $_ => 1 } qw(23503 23505 23514 23P01	40001 55P03 57014
  0A000 21000 25P02 25P01 3B001 42704 34000 42P03 42710 55000);
# asked in the middle of a transaction whose checks are deferred
my $no_hierarchy = qr/the rows of iom_unit and iom_line make no hierarchy/;

note("seed $seed, $seconds s");
srand($seed);

my $node = iomorg_node('random', conf => "max_prepared_transactions = 10\nautovacuum_naptime = 1s\njit = off\n");
my $parallel = $node->pg_version < 16 ? 'force_parallel_mode' : 'debug_parallel_query';
$node->safe_psql('postgres', 'CREATE EXTENSION iomorg');
create_check_org($node, 'postgres');
create_check_sound($node, 'postgres');
$node->safe_psql('postgres', qq{
	DELETE FROM iom_appointment;
	DELETE FROM iom_line;
	DELETE FROM iom_unit;

	-- what was closed and cut off is opened and hung up again
	CREATE PROCEDURE replant() LANGUAGE plpgsql AS \$\$
	DECLARE
	  days daterange;
	BEGIN
	  FOR i IN 1 .. $units LOOP
	    days := CASE WHEN i % 4 > 0 THEN '(,)' ELSE daterange(current_date - i, current_date + i) END;
	    INSERT INTO iom_unit (node, name, valid) VALUES ('U' || i, 'n', days) ON CONFLICT DO NOTHING;
	    BEGIN
	      INSERT INTO iom_line (node, supervisor, valid) SELECT a.node, b.node, a.valid * b.valid FROM iom_unit a, iom_unit b
	      WHERE a.node = ('U' || i)::iom_node AND b.node = ('U' || i / 2)::iom_node AND a.valid && b.valid
	        AND NOT EXISTS (SELECT FROM iom_line WHERE node = a.node);
	    EXCEPTION WHEN check_violation THEN	-- it is above the other by now
	    END;
	  END LOOP;
	END \$\$;
	CALL replant();

	-- a user's triggers ask in the middle of statements
	CREATE FUNCTION ask() RETURNS trigger LANGUAGE plpgsql AS \$\$
	BEGIN
	  IF random() < 0.05 AND check_sound() = 'ok' THEN
	    RAISE NOTICE 'Q|%', check_org();
	  END IF;
	  RETURN coalesce(NEW, OLD);
	END \$\$;
	CREATE TRIGGER ask_before BEFORE INSERT OR UPDATE OR DELETE ON iom_line FOR EACH ROW EXECUTE FUNCTION ask();
	CREATE TRIGGER ask_after AFTER INSERT OR UPDATE OR DELETE ON iom_line FOR EACH ROW EXECUTE FUNCTION ask();
	CREATE TRIGGER ask_unit AFTER INSERT OR UPDATE OR DELETE ON iom_unit FOR EACH ROW EXECUTE FUNCTION ask()});

sub one_of { return $_[ rand @_ ] }
sub unit { return sprintf "'U%d'", 1 + rand $units }
sub day { return sprintf "current_date + (%d)", rand(60) - 30 }

sub days
{
	return one_of("'(,)'", "'(,)'", "'(,)'", 'daterange(NULL, ' . day() . ')', 'daterange(' . day() . ', NULL)',
		sprintf("daterange(current_date + (%d), current_date + %d, '[]')", -rand(30), rand 30),
		sprintf("daterange(%s, 'infinity', '[]')", day()));
}

sub set_day
{
	my $local = shift;

	return sprintf q{SELECT set_config('iomorg.as_of', %s, %s)},
	  one_of(q{''}, sprintf q{to_char(%s, 'YYYY-MM-DD')}, day()), $local;
}

# A statement, or a few, that change the hierarchy or are refused.
sub edit
{
	my ($n, $m, $o, $days) = (unit(), unit(), unit(), days());

	return one_of(
		"UPDATE iom_line SET supervisor = $m WHERE node = $n AND line = 'solid'",
		"UPDATE iom_line SET supervisor = $m WHERE node = $n AND line = 'solid'",
		"INSERT INTO iom_line (node, supervisor, valid) VALUES ($n, $m, $days)",
		"INSERT INTO iom_line (node, supervisor, valid) SELECT a.node, b.node, a.valid * b.valid FROM iom_unit a, iom_unit b
		   WHERE a.node = $n AND b.node = $m AND a.valid && b.valid ON CONFLICT DO NOTHING",
		"INSERT INTO iom_line (node, supervisor, valid, line) VALUES ($n, $m, $days, 'dotted')",
		"DELETE FROM iom_line WHERE node = $n AND valid <> '(,)'",
		"UPDATE iom_line SET valid = $days WHERE node = $n AND line = 'solid'",
		"UPDATE iom_line SET line = CASE line WHEN 'solid' THEN 'dotted' ELSE 'solid' END WHERE node = $n",
		"WITH gone AS (DELETE FROM iom_line WHERE node = $n AND line = 'solid' RETURNING node)
		   INSERT INTO iom_line (node, supervisor, valid) SELECT DISTINCT node, iom_node $m, ${days}::daterange FROM gone",
		"UPDATE iom_unit SET valid = $days WHERE node = $n",
		"UPDATE iom_unit SET position = " . int(rand 4) . " WHERE node IN ($n, $m)",
		"INSERT INTO iom_unit (node, name, valid) VALUES ($n, 'n', $days) ON CONFLICT (node) DO UPDATE SET position = " . int(rand 4),
		"DELETE FROM iom_unit WHERE node = $n",
		"DELETE FROM iom_line WHERE $n IN (node, supervisor);\nDELETE FROM iom_unit WHERE node = $n",
		# a unit that takes the place of another: with other days, by its code, or both
		"WITH gone AS (DELETE FROM iom_unit WHERE node = $n RETURNING *)
		   INSERT INTO iom_unit (node, name, valid) SELECT node, name, ${days}::daterange FROM gone",
		"DO \$\$ BEGIN
		   SET CONSTRAINTS ALL DEFERRED;
		   UPDATE iom_unit SET node = 'OTHER' WHERE node = $n;
		   UPDATE iom_unit SET node = $n WHERE node = $m;
		   UPDATE iom_unit SET node = $m WHERE node = 'OTHER';
		   IF random() < 0.5 THEN SET CONSTRAINTS ALL IMMEDIATE; END IF;
		 END \$\$",
		"WITH gone AS (DELETE FROM iom_unit WHERE node IN ($n, $m) RETURNING *)
		   INSERT INTO iom_unit (node, name, valid) SELECT CASE node WHEN $n THEN iom_node $m ELSE $n END, name, valid FROM gone",
		"UPDATE iom_unit SET node = $m WHERE node = $n",
		"UPDATE iom_line SET supervisor = CASE node WHEN $n THEN iom_node $m ELSE $n END WHERE node IN ($n, $m) AND line = 'solid'",
		"UPDATE iom_line SET supervisor = $m WHERE supervisor = $n AND line = 'solid'",
		"UPDATE iom_line SET supervisor = iom_supervisor(supervisor) WHERE node = $n AND line = 'solid' AND iom_supervisor(supervisor) IS NOT NULL",
		"UPDATE iom_line SET supervisor = $m WHERE node <@ $n AND node <> $m AND node <> $n AND line = 'solid' AND valid = '(,)'",
		"DELETE FROM iom_line WHERE node IN (SELECT iom_reports($n)) AND line = 'solid'",
		"MERGE INTO iom_line l USING (VALUES (iom_node $n, iom_node $m), (iom_node $o, $m)) v (node, supervisor)
		   ON l.node = v.node AND l.line = 'solid' WHEN MATCHED THEN UPDATE SET supervisor = v.supervisor
		   WHEN NOT MATCHED THEN INSERT (node, supervisor) VALUES (v.node, v.supervisor)",
		"DO \$\$ BEGIN
		   UPDATE iom_line SET supervisor = $m WHERE node = $n;
		   BEGIN
		     UPDATE iom_line SET supervisor = $o WHERE node = $m;
		     RAISE NOTICE 'Q|%', check_org();
		     IF random() < 0.5 THEN RAISE check_violation; END IF;
		   EXCEPTION WHEN integrity_constraint_violation OR serialization_failure THEN
		     RAISE NOTICE 'Q|%', check_org();
		   END;
		 END \$\$");
}

my $cursors = 0;

sub question
{
	my ($in_transaction) = @_;
	my $cursor = 'c' . ++$cursors;
	my $hold = $in_transaction ? one_of('', 'WITH HOLD') : 'WITH HOLD';

	return one_of(
		"SELECT 'Q', check_org()",
		"SELECT 'Q', check_org()",
		"SELECT 'Q', check_org(" . day() . ')',
		'EXECUTE ask',
		'EXECUTE ask_day (' . day() . ')',
		"SELECT 'Q', CASE WHEN iom_level(u.node) IS NOT DISTINCT FROM (SELECT count(*) + 1 FROM iom_supervisors(u.node))
		   OR iom_level(u.node) IS NULL THEN 'ok' ELSE u.node::text END FROM iom_unit u WHERE u.node = " . unit(),
		"DECLARE $cursor CURSOR $hold FOR SELECT 'Q', check_org() FROM generate_series(1, 3);\nFETCH $cursor;\n"
		  . ($in_transaction ? edit() . ";\n" : '') . "FETCH $cursor");
}

# What one session does, as psql's input.
sub script
{
	my ($session, $steps) = @_;
	my @line = ("\\set VERBOSITY verbose", "\\set ON_ERROR_ROLLBACK " . one_of('on', 'on', 'off'),
		'SET lock_timeout = 20000;', "PREPARE ask AS SELECT 'Q', check_org();", "PREPARE ask_day (date) AS SELECT 'Q', check_org(\$1);");

	push @line, map { $_ . ';' } (
		'SET iomorg.probe_limit = ' . one_of(-1, 0, 3, 2000000000),
		'SET iomorg.chart_memory = ' . one_of(0, 64, 262144),
		'SET plan_cache_mode = ' . one_of('auto', 'force_generic_plan'),
		"SET $parallel = " . one_of('off', 'off', 'on'),
		'SET enable_seqscan = ' . one_of('on', 'off'));
	for (1 .. $steps)
	{
		if (rand() < 0.3)
		{
			push @line, ($_ . ';') for one_of(edit(), question(0), question(0), set_day('false'), 'VACUUM iom_revision', 'ANALYZE iom_line');
			next;
		}
		push @line, 'BEGIN ISOLATION LEVEL ' . one_of('READ COMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE') . ';';
		push @line, 'SET CONSTRAINTS ALL DEFERRED;' if rand() < 0.1;
		push @line, 'SET LOCAL statement_timeout = ' . int(1 + rand 30) . ';' if rand() < 0.1;
		my $savepoints = 0;
		for (0 .. rand 12)
		{
			my $what = one_of(edit(), edit(), edit(), edit(), question(1), question(1), question(1), set_day('true'), 'SAVEPOINT s',
				$savepoints ? ('ROLLBACK TO s', 'RELEASE s') : 'SAVEPOINT s');

			$savepoints += { SAVEPOINT => 1, RELEASE => -1 }->{ $what =~ s/ .*//sr } // 0;
			push @line, "$what;";
		}
		if (rand() < 0.1)
		{
			push @line, "PREPARE TRANSACTION 'p$session';", question(0) . ';', one_of('COMMIT', 'ROLLBACK') . " PREPARED 'p$session';";
			push @line, 'ROLLBACK;';	# there is one still if that failed
		}
		else
		{
			push @line, one_of('COMMIT', 'COMMIT', 'ROLLBACK') . ';';
		}
	}
	return join("\n", @line, 'RESET ALL;', q{SELECT 'Q', check_org();}) . "\n";
}

my $begun = time();
my ($rounds, $asked, $wrong) = (0, 0, 0);
my %errors;
my @unforeseen;
while (time() - $begun < $seconds)
{
	my @run;

	$rounds++;
	$node->safe_psql('postgres', 'CALL replant()');
	for my $session (1 .. $sessions)
	{
		my $file = "$PostgreSQL::Test::Utils::log_path/random_$session.sql";
		my $run = { file => $file };

		unlink $file;
		append_to_file($file, script($session, 25));
		$run->{handle} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', $file ],
			'>', "$file.out", '2>&1', IPC::Run::timeout(300));	# a pipe would fill up
		push @run, $run;
	}
	for my $run (@run)
	{
		my $failed = 0;

		$run->{handle}->finish;
		for (split /\n/, slurp_file("$run->{file}.out"))
		{
			if (/(?:^|NOTICE:  00000: )Q\|(.*)/)
			{
				$asked++;
				$failed++, $wrong++ unless $1 eq 'ok';
			}
			elsif (/(?:ERROR|FATAL|PANIC):  (\w{5}): (.*)/)
			{
				$errors{$1}++;
				next if $allowed{$1} || $2 =~ $no_hierarchy;
				push @unforeseen, "$1: $2";
				$failed++;
			}
			elsif (/server closed|connection to server|could not/)
			{
				push @unforeseen, $_;
				$failed++;
			}
		}
		next unless $failed;
		diag("round $rounds: see $run->{file} and .out");
	}
	my $state = $node->safe_psql('postgres', q{SELECT check_sound(), check_org()});
	push @unforeseen, "after round $rounds: $state" if $state ne 'ok|ok';
	last if @unforeseen || $wrong;
}

note(sprintf '%d rounds, %d questions; errors: %s', $rounds, $asked, join ', ', map { "$_ $errors{$_}" } sort keys %errors);
cmp_ok($asked, '>=', 100, 'questions were asked');
is($wrong, 0, 'and answered as the tables say');
is(join("\n", @unforeseen), '', 'nothing unforeseen happened');
cmp_ok($errors{23514} // 0, '>', 0, 'something was refused');
is($node->safe_psql('postgres', 'SELECT check_sound()'), 'ok', 'the organisation is sound');
is($node->safe_psql('postgres', q{SELECT count(*) > 5 FROM iom_line WHERE line = 'solid'}), 't', 'and still there');
done_testing();
