# A snapshot that is exported by the making of a replication slot lists transactions as
# running that have aborted. So it may look like one that the session had before (the
# same bounds, as many that run) and see other rows.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IomOrg;
use IPC::Run;
use Oracle;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = iomorg_node('slot', allows_streaming => 'logical', conf => "autovacuum = off\n");
$node->safe_psql('postgres', 'CREATE EXTENSION iomorg');
create_check_org($node, 'postgres');

my %session = map { $_ => $node->background_psql('postgres') } qw(reader first second running editor aborted later);

sub ask { my ($name, $query) = @_; return $session{$name}->query_safe($query) }

# A transaction with an ID.
sub begin { my $name = shift; ask($name, 'BEGIN'); return ask($name, 'SELECT pg_current_xact_id()') }

sub is_waited_for
{
	my $xid = shift;

	$node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND transactionid = '$xid'::xid")
		or die "nobody waits for $xid";
}

# What a snapshot looks like when no more than that is compared.
my $look = q{SELECT pg_snapshot_xmin(s), pg_snapshot_xmax(s), (SELECT count(*) FROM pg_snapshot_xip(s))
	FROM pg_current_snapshot() s};
my $supervisor = q{SELECT iom_supervisor('OSS')};

# The slot waits for one transaction after the other; while its process is halted, those
# begin and end that its snapshot will be about.
my $first = begin('first');
my ($in, $out) = ('', '');
my $slot = IPC::Run::start([ 'psql', '-X', '-A', '-t', '-d', $node->connstr('postgres') . ' replication=database' ],
	'<', \$in, '>', \$out, '2>&1', IPC::Run::timeout(180));
$in .= "CREATE_REPLICATION_SLOT slot LOGICAL pgoutput (SNAPSHOT 'export');\n";
$slot->pump_nb;
is_waited_for($first);
my $second = begin('second');
ask('first', 'COMMIT');
is_waited_for($second);
my $walsender = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'walsender'});
kill 'STOP', $walsender;
ask('second', 'COMMIT');
begin($_) for qw(running editor aborted later);
ask('editor', q{UPDATE iom_line SET supervisor = 'COS' WHERE node = 'OSS' AND line = 'solid'});
ask('aborted', 'ROLLBACK');
ask('later', 'COMMIT');
is(ask('reader', $supervisor), 'DDGMR', 'before');
my $before = ask('reader', $look);
ask('editor', 'COMMIT');
kill 'CONT', $walsender;
for (1 .. 1800)
{
	$slot->pump_nb;
	last if $out =~ /^slot\|/m;
	usleep(100_000);
}
my ($snapshot) = $out =~ /^slot\|[^|]*\|([^|]+)\|/m or die "no snapshot: $out";

ask('reader', 'BEGIN ISOLATION LEVEL REPEATABLE READ');
ask('reader', "SET TRANSACTION SNAPSHOT '$snapshot'");
is(ask('reader', $look), $before, 'the snapshot looks like the one before');
is(ask('reader', $supervisor), 'COS', 'and sees what it sees');
is(ask('reader', 'SELECT check_org()'), 'ok', 'all of it');
ask('reader', 'COMMIT');
ask('running', 'COMMIT');

$_->quit for values %session;
$in .= "\\q\n";
$slot->finish;

done_testing();
