# kill -9 and immediate shutdown at random moments of bulk edits: after the
# restart every acknowledged transaction is there, none by half, the organisation
# is sound, and the functions say what the tables do.
#
#   IOM_CRASH_ROUNDS=1000 make test ONLY=crash    for longer
use strict;
use warnings;
use Cwd qw(realpath);
use FindBin;
use lib $FindBin::RealBin;
use IomOrg;
use Oracle;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $rounds = $ENV{IOM_CRASH_ROUNDS} // 50;
my @clients = qw(A B);
my ($team, $extra, $tops) = (25, 30, 5);

# synchronous_commit is on: what was acknowledged has been written, and a process
# that is killed takes nothing with it that the kernel has.
my $node = iomorg_node('crash', conf => "restart_after_crash = on\nsynchronous_commit = on\njit = off\n");
my $log = $PostgreSQL::Test::Utils::log_path;

$node->safe_psql('postgres', 'CREATE EXTENSION iomorg');
create_check_org($node, 'postgres');
create_check_sound($node, 'postgres');
$node->safe_psql('postgres', qq{
	DELETE FROM iom_appointment;
	DELETE FROM iom_line;
	DELETE FROM iom_unit;
	INSERT INTO iom_unit (node, name) SELECT 'T' || i, 'Top' FROM generate_series(0, $tops - 1) i;
	INSERT INTO iom_unit (node, name) SELECT c || i, 'Member' FROM unnest('{A,B}'::text[]) c, generate_series(1, $team) i;
	INSERT INTO iom_line (node, supervisor) SELECT c || i, 'T0' FROM unnest('{A,B}'::text[]) c, generate_series(1, $team) i;
	CREATE TABLE done (client text, number int, PRIMARY KEY (client, number))});

# Transaction $number of a client: its team moves to one top unit, part by part;
# with odd numbers some units more are opened there, with even ones they are
# closed. So its number tells all of the state.
sub transaction
{
	my ($client, $number) = @_;
	my $top = 'T' . $number % $tops;
	my $half = int($team / 2);
	my $extras = $number % 2
	  ? "INSERT INTO iom_unit (node, name) SELECT '$client.' || i, 'Extra' FROM generate_series(1, $extra) i;
		INSERT INTO iom_line (node, supervisor) SELECT '$client.' || i, CASE i WHEN 1 THEN iom_node '$top' ELSE iom_node('$client.' || i / 2) END
		FROM generate_series(1, $extra) i;"
	  : "DELETE FROM iom_line WHERE node::text LIKE '$client.%';
		DELETE FROM iom_unit WHERE node::text LIKE '$client.%';";

	return "BEGIN;
		INSERT INTO done VALUES ('$client', $number);
		UPDATE iom_line SET supervisor = '$top' WHERE node IN (SELECT iom_node('$client' || i) FROM generate_series(1, $half) i);
		$extras
		SAVEPOINT s;
		UPDATE iom_line SET supervisor = 'T' || (random() * ($tops - 1))::int WHERE node::text ~ '^$client\\d';
		ROLLBACK TO s;
		UPDATE iom_line SET supervisor = '$top' WHERE node IN (SELECT iom_node('$client' || i) FROM generate_series(@{[$half + 1]}, $team) i);
		COMMIT;\n\\echo done $number\n";
}

# What is wrong with a client's state, by the number of its last transaction.
sub half_done
{
	my ($client, $number) = @_;
	my ($top, $extras) = ('T' . $number % $tops, $number % 2 * $extra);

	return "(SELECT count(*) = $team AND bool_and(supervisor = '$top') FROM iom_line WHERE node::text ~ '^$client\\d')
	  AND (SELECT count(*) = $extras FROM iom_unit WHERE node::text LIKE '$client.%')
	  AND (SELECT count(*) = $extras FROM iom_line WHERE node::text LIKE '$client.%')
	  AND coalesce(iom_size('$client.1', current_date), 0) = $extras
	  AND iom_supervisor('${client}1') = '$top'";
}

# The processes of the server whose title says so: they work in its directory.
sub processes
{
	my ($title) = @_;
	my @found;
	my $home = realpath($node->data_dir);

	for my $dir (glob '/proc/[0-9]*')
	{
		local $/;
		next unless (readlink("$dir/cwd") // '') eq $home;
		open(my $file, '<', "$dir/cmdline") or next;
		push @found, $dir =~ s/\D//gr if (<$file> // '') =~ $title;
	}
	return @found;
}

# Orphans go on to the end of their statement, and have the shared memory. The
# postmaster itself exists until somebody has taken note of its death; where
# nobody does, the next one would take it for alive.
sub start_again
{
	my $file = $node->data_dir . '/postmaster.pid';

	for my $round (1 .. 1200)
	{
		my $pid = -e $file ? (split /\n/, slurp_file($file))[0] : 0;

		usleep(20_000), next if processes(qr/./) || $pid && $round < 100 && kill(0, $pid);
		unlink $file;
		return $node->start;
	}
	die 'the server does not end';
}

sub wait_until_up
{
	for (1 .. 600)
	{
		return if $node->psql('postgres', 'SELECT 1') == 0;
		usleep(50_000);
	}
	die 'the server does not come back';
}

# What a strike returns is whether it hit.
my @ways = (
	[ 'immediate shutdown', sub { $node->stop('immediate'); 1 }, \&start_again ],
	[ 'a backend', sub { kill 9, (processes(qr/\[local\]/))[0] // () }, \&wait_until_up ],
	[ 'the postmaster', sub { $node->kill9; 1 }, \&start_again ],
	[ 'everything', sub { my @all = processes(qr/./); $node->kill9; kill 9, @all }, \&start_again ],
	[ 'an auxiliary process', sub { kill 9, processes(one_of(qr/checkpointer/, qr/walwriter/, qr/background writer/)) }, \&wait_until_up ]);
sub one_of { return $_[ rand @_ ] }

my %last = map { $_ => 0 } @clients;
my (%killed, @wrong);
my ($in_the_middle, $unacknowledged, $answers) = (0, 0, 0);
for my $round (0 .. $rounds - 1)
{
	my ($name, $strike, $recover) = @{ $ways[ $round % @ways ] };
	my %run;

	for my $client (@clients, 'reader')
	{
		my $file = "$log/crash_$client.sql";

		unlink $file;
		append_to_file($file, $client eq 'reader' ? "SELECT 'Q', check_org();\n" x 200
			: join '', map { transaction($client, $_) } $last{$client} + 1 .. $last{$client} + 300);
		$run{$client} = { out => '' };
		$run{$client}{handle} = IPC::Run::start(
			[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', $file ],
			'>', \$run{$client}{out}, '2>&1', IPC::Run::timeout(180));
	}
	usleep(30_000 + rand 200_000);
	$killed{$name} += $strike->() ? 1 : 0;
	$_->{handle}->finish for values %run;
	$recover->();

	# nobody but the server's end stopped anybody
	for my $client (keys %run)
	{
		push @wrong, "round $round, $name: $client: $_"
		  for grep { /ERROR|Q\|(?!ok)/ } split /\n/, $run{$client}{out};
	}
	$answers += () = $run{reader}{out} =~ /Q\|ok/g;
	for my $client (@clients)
	{
		my $acknowledged = ($run{$client}{out} =~ /.*^done (\d+)$/ms)[0] // $last{$client};
		my ($count, $number) = split /\|/, $node->safe_psql('postgres',
			"SELECT count(*), coalesce(max(number), 0) FROM done WHERE client = '$client'");

		push @wrong, "round $round, $name: $client: $acknowledged acknowledged, $number there, $count in all"
		  unless $count == $number && $number >= $acknowledged && $number <= $acknowledged + 1;
		$in_the_middle++ if $acknowledged > $last{$client} && $acknowledged < $last{$client} + 300;
		$unacknowledged++ if $number > $acknowledged;
		$last{$client} = $number;
	}
	my $state = $node->safe_psql('postgres', 'SELECT check_sound(), check_org(), (SELECT count(*) FROM iom_check()), ' . join ', ', map { half_done($_, $last{$_}) } @clients);
	push @wrong, "round $round, $name: $state" unless $state eq 'ok|ok|0|t|t';
	last if @wrong;
}

note(sprintf '%d and %d transactions; %d times in the middle of them, %d times after a commit that nobody was told of; %d answers between',
	@last{@clients}, $in_the_middle, $unacknowledged, $answers);
note("$_: $killed{$_}") for sort keys %killed;
is(join("\n", @wrong), '', "$rounds crashes left what had been committed, and nothing else");
my $struck = 0;
$struck += $_ for values %killed;
cmp_ok($struck, '>=', $rounds * 0.9, 'all but a few struck somebody');
cmp_ok($in_the_middle, '>=', $rounds, 'they came in the middle of edits');
cmp_ok($answers, '>=', $rounds / 2, 'and of questions');
is($node->safe_psql('postgres', q{UPDATE iom_line SET supervisor = 'A2' WHERE node = 'A1'; SELECT iom_path('A1') || ' ' || check_org()}),
	sprintf('T%d/A2/A1 ok', $last{A} % $tops), 'the organisation goes on');
done_testing();
