# A streaming standby: a session there, with charts of its own, follows what is
# replayed, and goes on when the standby is promoted.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IomOrg;
use Oracle;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = iomorg_node('primary', allows_streaming => 1,
	conf => "max_prepared_transactions = 5\n");
$primary->safe_psql('postgres', 'CREATE EXTENSION iomorg');
create_check_org($primary, 'postgres');
$primary->backup('base');

my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

my $read = q{SELECT iom_path('OSS-PAC') || ' ' || check_org()};
my $session = $standby->background_psql('postgres', on_error_stop => 0);
my $stable = $standby->background_psql('postgres', on_error_stop => 0);
my $editor = $primary->background_psql('postgres');

sub move_to
{
	return sprintf q{UPDATE iom_line SET supervisor = '%s' WHERE node = 'OSS' AND line = 'solid'}, shift;
}

# Runs statements on the primary; returns when the standby has replayed them,
# committed or not: another transaction's commit sends all before it.
sub replayed
{
	$editor->query_safe($_) for @_;
	$primary->safe_psql('postgres', q{SELECT pg_logical_emit_message(true, 'flush', '')});
	$primary->wait_for_catchup('standby', 'replay', $primary->lsn('flush'));
}

my $old = 'DG/DDGMR/OSS/OSS-PAC ok';
my $new = 'DG/DDGO/OSS/OSS-PAC ok';

replayed();
is($session->query($read), $old, 'the standby answers');
is($session->query('SELECT count(*) FROM iom_tree()'), '44', 'and draws');

# commits, rollbacks, savepoints
replayed(move_to('DDGO'));
is($session->query($read), $new, 'it follows a commit');
is($session->query(q{SELECT count(*), sum(iom_size(node)) FROM iom_subtree('OSS')}), '3|5', 'subtrees too');
replayed('BEGIN', move_to('COS'));
is($session->query($read), $new, 'but not what is not committed');
is($editor->query_safe($read), 'DG/COS/OSS/OSS-PAC ok', 'which its own session sees');
replayed('ROLLBACK');
is($session->query($read), $new, 'nor what is rolled back');
replayed('BEGIN', move_to('COS'), 'SAVEPOINT s', move_to('DGEO'), 'ROLLBACK TO s');
is($session->query($read), $new, 'nor a part');
replayed('COMMIT');
is($session->query($read), 'DG/COS/OSS/OSS-PAC ok', 'it follows what was not rolled back');
replayed(q{INSERT INTO iom_unit (node, name) VALUES ('OSS-NEW', 'New')},
	q{INSERT INTO iom_line (node, supervisor) VALUES ('OSS-NEW', 'OSS')});
is($session->query(q{SELECT string_agg(node::text, ' ') FROM iom_reports('OSS')}), 'OSS-MAC OSS-PAC OSS-NEW', 'a new unit');
replayed(q{DELETE FROM iom_line WHERE node = 'OSS-NEW'}, q{DELETE FROM iom_unit WHERE node = 'OSS-NEW'}, move_to('DDGMR'));
is($session->query($read), $old, 'and its end');

# many subtransactions: more than a snapshot lists
replayed('BEGIN', 'CREATE TABLE filler (i int)',
	'DO $$ BEGIN FOR i IN 1..100 LOOP BEGIN INSERT INTO filler VALUES (i); EXCEPTION WHEN division_by_zero THEN END; END LOOP; END $$',
	move_to('DDGO'));
is($session->query($read), $old, 'a transaction of many subtransactions, before');
replayed('COMMIT');
is($session->query($read), $new, 'and after');

# two-phase commit
replayed('BEGIN', move_to('DDGMR'), q{PREPARE TRANSACTION 'iomorg'});
is($session->query($read), $new, 'a prepared move is not there');
replayed(q{COMMIT PREPARED 'iomorg'});
is($session->query($read), $old, 'until it is committed');

# a transaction keeps its view
$stable->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
is($stable->query($read), $old, 'REPEATABLE READ on the standby');
replayed(move_to('DDGO'));
is($stable->query($read), $old, 'keeps its view');
is($session->query($read), $new, 'while another session follows');
$stable->query('COMMIT');
is($stable->query($read), $new, 'and is done with it');

# no change there
$session->query(move_to('DG'));
like($session->{stderr}, qr/read-only transaction/, 'a standby takes no change');
is($session->query($read), $new, 'nor loses its answers by the try');

# promotion, with a move that was never committed
replayed('BEGIN', move_to('COS'));
is($session->query($read), $new, 'before the promotion');
$standby->promote;
is($session->query($read), $new, 'after the promotion');
$session->query(move_to('DGEO'));
is($session->query($read), 'DG/COS/DGEO/OSS/OSS-PAC ok', 'its own change after the promotion');
is($stable->query($read), 'DG/COS/DGEO/OSS/OSS-PAC ok', 'is seen by another session');
$stable->query($_) for 'BEGIN', 'SAVEPOINT s',
  q{UPDATE iom_line SET supervisor = 'OSS-PAC' WHERE node = 'DGEO' AND line = 'solid'}, 'ROLLBACK TO s';
like($stable->{stderr}, qr/would close a cycle/, 'the guards are there');
$stable->query(move_to('DDGMR'));
is($stable->query($read), $old, 'after a refusal, a move');
is($session->query($read), 'DG/COS/DGEO/OSS/OSS-PAC ok', 'not committed yet');
$stable->query('COMMIT');
is($session->query($read), $old, 'committed');

$_->quit for $session, $stable, $editor;
done_testing();
