# Clocks that jump: midnight between two statements, in the middle of one, and
# inside a transaction; a clock that is set forward or back, by a year, under open
# sessions; other time zones in the session. The day of a question is the current
# date of its transaction, whatever was asked before; a state of the hierarchy has
# nothing to do with the clock. libfaketime moves the server's.
#
#   IOM_CLOCK_SEED=...     the same random walk again
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IomOrg;
use Oracle;
use POSIX qw(mktime);
use PostgreSQL::Test::Utils;
use Test::More;

my ($library) = glob('/usr/lib/*/faketime/libfaketime.so.1 /usr/lib*/faketime/libfaketime.so.1 /usr/local/lib/faketime/libfaketime.so.1');
plan skip_all => 'no libfaketime' if !defined $library || !-e $library;

my $seed = $ENV{IOM_CLOCK_SEED} // time() % 1_000_000;
my $clock = PostgreSQL::Test::Utils::tempdir() . '/clock';

# The clock goes on from that moment, in UTC.
sub seconds_to
{
	my ($year, $month, $day, $hour, $minute) = shift =~ /^(\d+)-(\d+)-(\d+)(?: (\d+):(\d+))?$/;

	local $ENV{TZ} = 'UTC';
	return sprintf '%+d', mktime(0, $minute // 0, $hour // 12, $day, $month - 1, $year - 1900) - time();
}

sub set_clock
{
	unlink "$clock.new";
	append_to_file("$clock.new", seconds_to(shift) . "\n");
	rename "$clock.new", $clock or die;	# never half of it
}

set_clock('2030-03-09 22:00');
my $node = iomorg_node('clock', start => 0, conf => "timezone = 'UTC'\njit = off\nautovacuum_naptime = 1s\n");
{
	local %ENV = (%ENV, LD_PRELOAD => $library, FAKETIME_TIMESTAMP_FILE => $clock, FAKETIME_NO_CACHE => 1,
		FAKETIME_DONT_FAKE_MONOTONIC => 1, DONT_FAKE_MONOTONIC => 1, NO_FAKE_STAT => 1);
	$node->start;
}
my $parallel = $node->pg_version < 16 ? 'force_parallel_mode' : 'debug_parallel_query';
plan skip_all => "$library does not work here"
  if $node->safe_psql('postgres', 'SELECT clock_timestamp()::date') ne '2030-03-09';

# CLK is in the archives until 2029, with the lawyers until 9 March 2030, then in
# another place.
$node->safe_psql('postgres', q{
	CREATE EXTENSION iomorg;
	INSERT INTO iom_unit (node, name) VALUES ('CLK', 'Clock'), ('CLK-HAND', 'Hand');
	INSERT INTO iom_line (node, supervisor, valid) VALUES ('CLK-HAND', 'CLK', '(,)'),
	  ('CLK', 'OIG', '(,2029-06-01)'), ('CLK', 'DLA', '[2029-06-01,2030-03-10)'), ('CLK', 'DOE', '[2030-03-10,)');
	CREATE TABLE staff (id int, unit iom_node REFERENCES iom_unit);
	INSERT INTO staff SELECT i, 'CLK-HAND' FROM generate_series(1, 2000) i;
	INSERT INTO staff SELECT i, 'DG' FROM generate_series(1, 2000) i;
	CREATE INDEX ON staff (unit);
	ANALYZE staff;
	CREATE FUNCTION of_clerks() RETURNS bigint STABLE LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM staff WHERE unit <@ ''DLA''); END';
	CREATE FUNCTION jump(seconds text) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN	-- all at once: who reads half of it, ends
	  FOR try IN 1 .. 10 LOOP
	    BEGIN
	      EXECUTE format('COPY (SELECT %L) TO PROGRAM %L', seconds, format('cat >%1$s.new && mv %1$s.new %1$s', current_setting('clock.file')));
	      RETURN;
	    EXCEPTION WHEN external_routine_exception THEN	-- a program may start when libfaketime's semaphore goes
	      IF try = 10 THEN RAISE; END IF;
	    END;
	  END LOOP;
	END $$});
$node->safe_psql('postgres', "ALTER DATABASE postgres SET clock.file = '$clock'");
create_check_org($node, 'postgres');
create_check_sound($node, 'postgres');

my $place = q{iom_supervisor('CLK')};
my $today = q{current_date || ' ' || (iom_as_of() = current_date)};
my $ways = qq{SELECT $today;
	SELECT $place, iom_path('CLK-HAND'), iom_level('CLK-HAND'), 'CLK-HAND' <@ 'DOE'::iom_node, of_clerks();
	EXECUTE generic; EXECUTE custom; EXECUTE tree;
	SELECT supervisor, path FROM iom_org WHERE node = 'CLK';
	SELECT count(*) FROM staff WHERE unit <@ 'DLA';
	SELECT string_agg(s.node::text, ',') FROM iom_supervisors('CLK-HAND') s;
	SELECT check_org();};
my %expected = (
	OIG => "OIG|DG/OIG/CLK/CLK-HAND|4|f|0\n0\n0\nf\nOIG|DG/OIG/CLK\n0\nCLK,OIG,DG\nok",
	DLA => "DLA|DG/DDGMR/DLA/CLK/CLK-HAND|5|f|2000\n2000\n2000\nf\nDLA|DG/DDGMR/DLA/CLK\n2000\nCLK,DLA,DDGMR,DG\nok",
	DOE => "DOE|DG/DDGO/DOE/CLK/CLK-HAND|5|t|0\n0\n0\nt\nDOE|DG/DDGO/DOE/CLK\n0\nCLK,DOE,DDGO,DG\nok");

# A session that has asked before.
sub new_session
{
	my ($settings) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);

	$session->query("$settings;
		PREPARE generic AS SELECT count(*) FROM staff WHERE unit <@ 'DLA';
		PREPARE custom AS SELECT count(*) FROM staff s JOIN iom_unit u ON s.unit <@ u.node WHERE u.node = 'DLA';
		PREPARE tree AS SELECT count(*) > 0 FROM iom_tree('DOE') t WHERE t LIKE '%CLK-HAND%';
		$ways");
	return $session;
}

sub is_day
{
	my ($session, $day, $supervisor, $what) = @_;

	is($session->query($ways), "$day true\n$expected{$supervisor}", $what);
}

#
# Days that begin and clocks that are set, with open sessions
#
for my $settings (
	'SET plan_cache_mode = force_generic_plan', 'SET iomorg.probe_limit = 0', 'SET iomorg.probe_limit = 2000000000; SET enable_seqscan = off',
	"SET iomorg.chart_memory = 0; SET $parallel = on")
{
	set_clock('2030-03-09 22:00');
	my $session = new_session($settings);

	is_day($session, '2030-03-09', 'DLA', "$settings: before midnight");
	set_clock('2030-03-10 00:01');
	is_day($session, '2030-03-10', 'DOE', "$settings: after midnight");
	set_clock('2029-03-10 00:01');
	is_day($session, '2029-03-10', 'OIG', "$settings: a year back");
	set_clock('2029-12-31 23:50');
	is_day($session, '2029-12-31', 'DLA', "$settings: forward by months");

	# the zone decides as well
	set_clock('2030-03-09 22:00');
	$session->query(q{SET TimeZone = 'Pacific/Kiritimati'});
	is_day($session, '2030-03-10', 'DOE', "$settings: already tomorrow elsewhere");
	set_clock('2030-03-10 11:00');
	$session->query(q{SET TimeZone = 'Etc/GMT+12'});
	is_day($session, '2030-03-09', 'DLA', "$settings: still yesterday elsewhere");
	$session->query('BEGIN; SAVEPOINT s; SET LOCAL TimeZone = UTC');
	is_day($session, '2030-03-10', 'DOE', "$settings: another zone in a transaction");
	$session->query('ROLLBACK TO s');
	is_day($session, '2030-03-09', 'DLA', "$settings: rolled back to the zone before");
	$session->query('COMMIT; SET TimeZone = UTC');

	# a transaction has one day, from its beginning
	for my $isolation ('READ COMMITTED', 'REPEATABLE READ')
	{
		set_clock('2030-03-09 23:59');
		$session->query("BEGIN ISOLATION LEVEL $isolation");
		is_day($session, '2030-03-09', 'DLA', "$settings, $isolation: begun before midnight");
		$session->query("DECLARE c CURSOR WITH HOLD FOR SELECT $place FROM generate_series(1, 3);");
		set_clock('2030-03-10 00:05');
		is_day($session, '2030-03-09', 'DLA', "$settings, $isolation: midnight passes");
		set_clock('2028-03-10 00:05');
		is_day($session, '2030-03-09', 'DLA', "$settings, $isolation: the clock is set back");
		set_clock('2030-03-10 00:05');
		is($session->query('FETCH c; SAVEPOINT s; FETCH c'), "DLA\nDLA", "$settings, $isolation: a cursor");
		$session->query('COMMIT');
		is($session->query('FETCH c; CLOSE c'), 'DLA', "$settings, $isolation: what a cursor holds");
		is_day($session, '2030-03-10', 'DOE', "$settings, $isolation: after it, the new day");
	}

	# in the middle of a statement, and of a block that commits
	set_clock('2030-03-09 23:59');
	my $jump = sprintf "jump('%s')", seconds_to('2030-03-10 00:05');
	is($session->query("SELECT $place, $jump, $place, of_clerks() FROM generate_series(1, 2); SELECT $place"), "DLA||DLA|2000\nDLA||DLA|2000\nDOE",
		"$settings: midnight in the middle of a statement");
	set_clock('2030-03-09 23:59');
	is($session->query("CREATE TEMP TABLE seen (n int, place iom_node);
		DO 'BEGIN
		  INSERT INTO seen SELECT 1, $place; PERFORM $jump; INSERT INTO seen SELECT 2, $place; COMMIT; INSERT INTO seen SELECT 3, $place;
		END';
		SELECT string_agg(place::text, ' ' ORDER BY n) FROM seen; DROP TABLE seen" =~ s/'(?=CLK|[+-]\d)|(?<=CLK)'|(?<=\d)'(?=\))/''/gr),
		'DLA DLA DOE', "$settings: a block that commits");
	$session->quit;
}

#
# The README's policy: rights are those of the statement's day, however long a
# transaction is open
#
$node->safe_psql('postgres', q{
	CREATE ROLE mia;
	CREATE TABLE manager (login name PRIMARY KEY, node iom_node NOT NULL REFERENCES iom_unit);
	INSERT INTO manager VALUES ('mia', 'DLA');
	GRANT SELECT ON staff, manager TO mia;
	CREATE POLICY own_subtree ON staff USING (
	  unit <@ (SELECT node FROM manager WHERE login = current_user)
	  AND EXISTS (SELECT FROM manager
	              WHERE login = current_user
	              AND iom_common_supervisor(unit, node, (statement_timestamp() AT TIME ZONE 'UTC')::date) = node));
	ALTER TABLE staff ENABLE ROW LEVEL SECURITY});
set_clock('2030-03-09 22:00');
my $mia = $node->background_psql('postgres', on_error_stop => 0);
is($mia->query('SET ROLE mia; BEGIN; SELECT count(*) FROM staff'), '2000', 'what a manager sees');
set_clock('2030-03-12');
is($mia->query('SELECT count(*) FROM staff'), '0', 'and does not, when the unit has gone, in the same transaction');
$mia->quit;
$node->safe_psql('postgres', 'DROP POLICY own_subtree ON staff; ALTER TABLE staff DISABLE ROW LEVEL SECURITY');

#
# Changes: their days are those of the transaction, their order that of commits
#
my $first = new_session('SET iomorg.probe_limit = 0');
my $second = new_session('SET iomorg.probe_limit = -1');
my $last_id = $node->safe_psql('postgres', 'SELECT coalesce(max(id), 0) FROM iom_history');
set_clock('2030-05-01');
is($first->query(q{BEGIN; SELECT iom_move('CLK', 'OMB')}), 'CLK', 'a move from today on');
set_clock('2030-05-02');
is($first->query("SELECT $place; SELECT iom_move('CLK-HAND', 'OMB')"), "OMB\nCLK-HAND", 'and another one, after midnight');
$first->query('COMMIT');
is($second->query(q{SELECT string_agg(node || ' ' || lower(valid), ',' ORDER BY node) FROM iom_line WHERE supervisor = 'OMB' AND node IN ('CLK', 'CLK-HAND')}),
	'CLK 2030-05-01,CLK-HAND 2030-05-01', 'both from the day of the transaction');
is($second->query("SELECT $place, check_org()"), 'OMB|ok', 'seen by others');
set_clock('2029-05-01');
is($second->query("SELECT $place, check_org()"), 'OIG|ok', 'a year back, it is the day that counts');
is($second->query(q{SELECT iom_move('CLK', 'OMB', '2029-01-01'); SELECT check_org()}), "CLK\nok", 'a change with the clock set back');
is($first->query("SELECT $place, check_org(), check_sound()"), 'OMB|ok|ok', 'is seen at once');
is($first->query("SELECT (array_agg(changed_at::date ORDER BY id DESC))[1] = min(changed_at)::date, max(changed_at)::date FROM iom_history WHERE id > $last_id"), 't|2030-05-02',
	'history keeps the order of changes, whatever the clock said');

# Names: what was recorded with a clock that ran ahead
my $rename = q{UPDATE iom_unit SET name = '%s' WHERE node = 'CLK'};
my $names = q{SELECT d || ' ' || iom_recorded_name('CLK', d::date) FROM unnest('{2030-03-31,2030-04-30,2030-05-15,2030-06-30,2031-12-31}'::text[]) d};
my $diff = q{SELECT old || ' -> ' || new FROM iom_diff('%s', '%s') WHERE node = 'CLK' AND change = 'renamed'};
set_clock('2030-04-15');
$second->query(sprintf $rename, 'Watch');
set_clock('2031-05-01');
$second->query(sprintf $rename, 'Wrong watch');
set_clock('2030-05-01');
$second->query(sprintf $rename, 'Timer');
set_clock('2030-06-15');
$second->query(sprintf $rename, 'Hourglass');
is($second->query($names), "2030-03-31 Clock\n2030-04-30 Watch\n2030-05-15 Timer\n2030-06-30 Hourglass\n2031-12-31 Hourglass", 'names, in the order of changes');
is($second->query(sprintf $diff, '2030-03-31', '2030-05-15'), 'Clock -> Timer', 'iom_diff over them');
is($second->query(sprintf $diff, '2030-04-30', '2030-05-15'), 'Watch -> Timer', 'and from the day between');
is($second->query(sprintf $diff, '2030-06-30', '2031-12-31'), '', 'nothing where there was nothing');
$_->quit for $first, $second;

#
# A random walk: three sessions in different zones, some in transactions, while the
# clock jumps and the organisation changes from whatever day it is on
#
note("seed $seed");
srand($seed);
sub one_of { return $_[ rand @_ ] }
my @units = qw(CLK CLK-HAND DLA DOE OIG OMB OSS GDI);
my @session = map { new_session("SET iomorg.probe_limit = $_") } -1, 0, 2000000000;
my @open = (0) x @session;
my @wrong;
my ($asked, $changed) = (0, 0);
$node->safe_psql('postgres', q{DELETE FROM iom_line WHERE node IN ('CLK', 'CLK-HAND')});
for my $step (1 .. 150)
{
	my $at = int rand @session;
	my $what = one_of(qw(jump jump zone change change begin end ask ask ask));

	if ($what eq 'jump')
	{
		set_clock(sprintf '20%02d-%02d-%02d %02d:%02d', 28 + rand 4, one_of(2, 3, 3, 12), 1 + rand 28, one_of(0, 11, 12, 23), rand 60);
	}
	elsif ($what eq 'zone') { $session[$at]->query('SET TimeZone = ' . one_of(qw('UTC' 'Pacific/Kiritimati' 'Etc/GMT+12' 'Europe/Berlin'))) }
	elsif ($what eq 'change')
	{
		my ($n, $m) = (one_of(@units), one_of(@units));
		my ($status) = $node->psql('postgres', one_of("SELECT iom_move('$n', '$m')", "SELECT iom_move('CLK', '$m')", "SELECT iom_move('CLK-HAND', '$m')",
			"SELECT iom_add('T$step', 'New', '$m')", "UPDATE iom_unit SET position = $step WHERE node = '$n'"));

		$changed++ if $status == 0;
	}
	elsif ($what eq 'begin' && !$open[$at])
	{
		$session[$at]->query('BEGIN ISOLATION LEVEL ' . one_of('READ COMMITTED', 'REPEATABLE READ'));
		$open[$at] = 1;
	}
	elsif ($what eq 'end' && $open[$at])
	{
		$session[$at]->query(one_of('COMMIT', 'ROLLBACK'));
		$open[$at] = 0;
	}
	my $answer = $session[$at]->query("SELECT check_org() || ' ' || (iom_as_of() = current_date)");
	$asked++;
	push @wrong, "step $step, $what: $answer" if $answer ne 'ok true';
}
is(join("\n", @wrong), '', "$asked answers as the tables have it on the day");
cmp_ok($changed, '>', 5, 'while the organisation changed');
$_->quit for @session;
is($node->safe_psql('postgres', 'SELECT check_sound(), count(*) FROM iom_check()'), 'ok|0', 'and it is sound');

done_testing();
