# The disk of the write-ahead log is full in the middle of an edit: the server
# panics, as it must, and starts again where there is room. Then all of what was
# committed is there, with its history, and nothing of anything else.
#
# No file may have 16 MB, so that no segment of WAL can be made, nor the last page of
# one be written. To the server that is a write that failed, like any other.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IomOrg;
use Oracle;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

plan skip_all => 'no prlimit' if system("prlimit --pid $$ >/dev/null 2>&1");

my $node = iomorg_node('full_wal', extra => ['--wal-segsize=16'],
	conf => "restart_after_crash = on\nautovacuum = off\nwal_recycle = off\nmin_wal_size = 32MB\njit = off\n");
$node->safe_psql('postgres', 'CREATE EXTENSION iomorg');
create_check_org($node, 'postgres');
create_check_sound($node, 'postgres');
my $content = q{SELECT md5(string_agg(r, ',' ORDER BY r)) FROM
	(SELECT u::text FROM iom_unit u UNION ALL SELECT l::text FROM iom_line l UNION ALL SELECT h::text FROM iom_history h) x (r)};
my $sound = q{SELECT check_org() || ' ' || check_sound() || ' ' || count(*) FROM iom_check()};

sub up { return $node->psql('postgres', 'SELECT 1') == 0 }

# From now on there is room for little more than 500 kB of WAL.
sub fill_up
{
	my $later = q{SELECT count(*) FROM pg_ls_waldir() WHERE name > pg_walfile_name(pg_current_wal_insert_lsn()) AND name ~ '^[0-9A-F]{24}$'};
	my $rest = q{(16 * 1024 * 1024 - (pg_current_wal_insert_lsn() - '0/0') % (16 * 1024 * 1024))::int - 500000};

	$node->safe_psql('postgres', 'CHECKPOINT; SELECT pg_switch_wal()');
	# use up what segments were made in advance
	$node->safe_psql('postgres', q{SELECT pg_logical_emit_message(false, '', 'x'); SELECT pg_switch_wal()})
	  while $node->safe_psql('postgres', $later) > 0;
	$node->safe_psql('postgres', qq{SELECT count(pg_logical_emit_message(false, '', repeat('x', $rest))) FROM (SELECT 1) x WHERE $rest > 0});
	my $pid = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
	system('prlimit', '--pid', $pid, '--fsize=16777215:') == 0 or die;
	# who writes WAL for others has to know
	for my $child (split /\n/, $node->safe_psql('postgres', 'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()'))
	{
		system('prlimit', '--pid', $child, '--fsize=16777215:');
	}
}

# There is room again. Whether the server could start before that depends on how
# much was left of the last segment.
sub make_room
{
	my $file = $node->data_dir . '/postmaster.pid';
	my $is_up = 0;

	# (one that is up may be about to find that there is no room for what comes next)
	for (1 .. 1800)
	{
		last if !-e $file;
		$is_up = up() ? $is_up + 1 : 0;
		last if $is_up == 5;
		usleep(100_000);
	}
	if ($is_up == 5)
	{
		my @pids = ((split /\n/, slurp_file($file))[0], split /\n/, $node->safe_psql('postgres', 'SELECT pid FROM pg_stat_activity'));

		system('prlimit', '--pid', $_, '--fsize=unlimited:') for @pids;
		$node->restart;
	}
	else
	{
		$node->_update_pid(0);
		$node->start;
	}
}

my $before = $node->safe_psql('postgres', $content);
my @edits = (
	'one statement' => q{INSERT INTO iom_unit (node, name) SELECT 'X' || i, 'Extra' FROM generate_series(1, 20000) i},
	'several statements' => q{BEGIN; SELECT iom_move('DOE', 'DLA'); DELETE FROM iom_line WHERE node = 'GDI'; SAVEPOINT s;
		INSERT INTO iom_unit (node, name) SELECT 'X' || i, 'Extra' FROM generate_series(1, 20000) i; COMMIT},
	'an import' => q{SELECT iom_import('SELECT ''X'' || i AS code, ''Extra'' AS name, ''X'' || nullif(i / 10, 0) AS supervisor FROM generate_series(1, 20000) i')});
while (my ($what, $edit) = splice @edits, 0, 2)
{
	my $log = -s $node->logfile;
	my ($status, $out, $err);

	fill_up();
	($status, $out, $err) = $node->psql('postgres', $edit, on_error_stop => 1);
	isnt($status, 0, "$what: failed");
	make_room();
	like(substr(slurp_file($node->logfile), $log), qr/PANIC:  could not write to (log )?file/, "$what: for want of room for WAL");
	is($node->safe_psql('postgres', $content), $before, "$what: nothing of it is left");
	is($node->safe_psql('postgres', $sound), 'ok ok 0', "$what: answers as its rows have it");
}

#
# Small edits, each a transaction
#
fill_up();
my ($status, $out, $err) = $node->psql('postgres', "SELECT format('SELECT iom_add(%L, %L, %L)', 'W' || i, repeat('Word ', 20), 'DLA') FROM generate_series(1, 5000) i \\gexec",
	on_error_stop => 1);
my $told = () = $out =~ /^W\d+$/mg;
isnt($status, 0, 'small edits: one failed');
make_room();
cmp_ok($told, '>', 0, "small edits: $told had succeeded");
my ($there, $lines, $units_told, $lines_told) = split /\|/, $node->safe_psql('postgres', q{
	SELECT (SELECT count(*) FROM iom_unit WHERE node::text ~ '^W[0-9]'), (SELECT count(*) FROM iom_line WHERE node::text ~ '^W[0-9]'),
	  count(*) FILTER (WHERE relation = 'iom_unit'), count(*) FILTER (WHERE relation = 'iom_line') FROM iom_history WHERE node::text ~ '^W[0-9]'});
# (the commit of one more may have been written, and not been told any more)
ok($there == $told || $there == $told + 1, "small edits: these are there ($there)");
is("$lines $units_told $lines_told", "$there $there $there", 'small edits: whole, with their history');
is($node->safe_psql('postgres', $sound), 'ok ok 0', 'small edits: answers as the rows have it');
is($node->safe_psql('postgres', q{SELECT iom_add('ROOM', 'Room again', 'DLA'); SELECT iom_path('ROOM')}), "ROOM\nDG/DDGMR/DLA/ROOM", 'and changes go on');

done_testing();
