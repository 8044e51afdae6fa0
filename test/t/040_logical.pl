# Logical replication of the organisation: a worker applies rows one by one,
# without statements, and sessions of the subscriber see them at once.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IomOrg;
use Oracle;
use PostgreSQL::Test::Utils;
use Test::More;

my $publisher = iomorg_node('publisher', allows_streaming => 'logical');
my $subscriber = iomorg_node('subscriber');

for my $node ($publisher, $subscriber)
{
	$node->safe_psql('postgres', 'CREATE EXTENSION iomorg');
	create_check_org($node, 'postgres');
}

my $read = q{SELECT iom_path('OSS-PAC') || ' ' || check_org()};
my $session = $subscriber->background_psql('postgres', on_error_stop => 0);
my $stable = $subscriber->background_psql('postgres', on_error_stop => 0);

sub move_to
{
	return sprintf q{UPDATE iom_line SET supervisor = '%s' WHERE node = 'OSS' AND line = 'solid'}, shift;
}

# Runs statements on the publisher; returns when the subscriber has applied them.
sub applied
{
	$publisher->safe_psql('postgres', join ";\n", @_);
	$publisher->wait_for_catchup('organisation');
}

# Is the subscriber's organisation right, and the publisher's?
sub same
{
	my ($name) = @_;
	my $rows = q{SELECT md5(string_agg(r::text, E'\n' ORDER BY r::text COLLATE "C"))
		FROM (SELECT to_jsonb(u) FROM iom_unit u UNION ALL SELECT to_jsonb(l) FROM iom_line l) x (r)};
	my $tree = q{SELECT md5(string_agg(tree, E'\n')) FROM iom_tree(dotted => true)};

	is($session->query($_), $publisher->safe_psql('postgres', $_), "$name: the same") for $rows, $tree;
	is($session->query('SELECT check_org()'), 'ok', "$name: right");
}

# The publisher's organisation is not the seed any more; the subscriber's is
# emptied.
$publisher->safe_psql('postgres', move_to('DDGO'));
is($session->query($read), 'DG/DDGMR/OSS/OSS-PAC ok', 'the seed of the subscriber');
$subscriber->safe_psql('postgres', 'TRUNCATE iom_unit, iom_line, iom_appointment');
is($session->query(q{SELECT count(*) || ' ' || check_org() FROM iom_tree()}), '0 ok', 'emptied');

$publisher->safe_psql('postgres', 'CREATE PUBLICATION organisation FOR TABLE iom_unit, iom_line, iom_appointment');
$subscriber->safe_psql('postgres', sprintf
	q{CREATE SUBSCRIPTION organisation CONNECTION $$%s$$ PUBLICATION organisation WITH (binary = true)},
	$publisher->connstr('postgres'));
$subscriber->wait_for_subscription_sync($publisher, 'organisation');
is($session->query($read), 'DG/DDGO/OSS/OSS-PAC ok', 'the rows were copied');
same('copied');

applied(move_to('DDGMR'));
is($session->query($read), 'DG/DDGMR/OSS/OSS-PAC ok', 'a line was updated');
applied(q{UPDATE iom_unit SET position = 0 WHERE node = 'OSS-PAC'});
is($session->query(q{SELECT string_agg(node::text, ' ') FROM iom_reports('OSS')}), 'OSS-PAC OSS-MAC', 'a unit was updated');
applied(q{INSERT INTO iom_unit (node, name) VALUES ('OSS-NEW', 'New')}, q{INSERT INTO iom_line (node, supervisor) VALUES ('OSS-NEW', 'OSS')});
is($session->query(q{SELECT iom_path('OSS-NEW') || ' ' || check_org()}), 'DG/DDGMR/OSS/OSS-NEW ok', 'rows were inserted');
applied(q{DELETE FROM iom_line WHERE node = 'OSS-NEW'});
is($session->query(q{SELECT iom_path('OSS-NEW') || ' ' || check_org()}), 'OSS-NEW ok', 'a line was deleted');
applied(q{DELETE FROM iom_unit WHERE node = 'OSS-NEW'});
is($session->query(q{SELECT (iom_path('OSS-NEW') IS NULL) || ' ' || check_org()}), 'true ok', 'a unit was deleted');
same('changed');

# several changes in one transaction, some rolled back
applied('BEGIN', move_to('COS'), 'SAVEPOINT s', move_to('DG'), 'ROLLBACK TO s',
	q{UPDATE iom_line SET supervisor = 'OSS' WHERE node = 'GDI'}, 'COMMIT');
is($session->query(q{SELECT iom_path('GDI') || ' ' || check_org()}), 'DG/COS/OSS/GDI ok', 'a transaction');
applied('BEGIN', move_to('DG'), 'ROLLBACK', q{CREATE TABLE IF NOT EXISTS nothing ()});
is($session->query(q{SELECT iom_path('GDI') || ' ' || check_org()}), 'DG/COS/OSS/GDI ok', 'a rollback');

# views that are kept
$stable->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
is($stable->query($read), 'DG/COS/OSS/OSS-PAC ok', 'REPEATABLE READ on the subscriber');
$session->query("BEGIN; DECLARE c CURSOR FOR SELECT iom_path('OSS-PAC') FROM generate_series(1, 2)");
is($session->query('FETCH c'), 'DG/COS/OSS/OSS-PAC', 'a cursor on the subscriber');
applied(move_to('DDGMR'));
is($session->query('FETCH c'), 'DG/COS/OSS/OSS-PAC', 'keeps its view');
is($session->query($read), 'DG/DDGMR/OSS/OSS-PAC ok', 'beside a statement with its own');
is($stable->query($read), 'DG/COS/OSS/OSS-PAC ok', 'REPEATABLE READ keeps its view');
$_->query('COMMIT') for $session, $stable;
is($stable->query($read), 'DG/DDGMR/OSS/OSS-PAC ok', 'and is done with it');

# thousands of rows at once
applied(q{INSERT INTO iom_unit (node, name) SELECT 'N' || i, 'n' FROM generate_series(1, 5000) i},
	q{INSERT INTO iom_line (node, supervisor)
	  SELECT 'N' || i, CASE i WHEN 1 THEN iom_node('OSS') ELSE iom_node('N' || (i / 2)) END FROM generate_series(1, 5000) i});
is($session->query(q{SELECT iom_size('OSS'), iom_level('N5000'), (SELECT count(*) FROM iom_subtree('N1'))}), '5004|16|5000', 'many rows');
applied(q{CREATE TEMP TABLE gone AS SELECT * FROM iom_subtree('N1')},
	'DELETE FROM iom_line WHERE node IN (SELECT node FROM gone)',
	'DELETE FROM iom_unit WHERE node IN (SELECT node FROM gone)');
same('many rows deleted');

# the subscriber's own edits, between those that arrive
$session->query(q{INSERT INTO iom_unit (node, name) VALUES ('LOCAL', 'l')});
$session->query(q{INSERT INTO iom_line (node, supervisor) VALUES ('LOCAL', 'OSS')});
is($stable->query(q{SELECT iom_path('LOCAL') || ' ' || check_org()}), 'DG/DDGMR/OSS/LOCAL ok', 'an edit on the subscriber');
applied(move_to('DDGO'));
is($_->query(q{SELECT iom_path('LOCAL') || ' ' || check_org()}), 'DG/DDGO/OSS/LOCAL ok', 'and one that arrives') for $session, $stable;
$session->query('BEGIN');
$session->query(q{DELETE FROM iom_line WHERE node = 'LOCAL'});
$session->query(q{DELETE FROM iom_unit WHERE node = 'LOCAL'});
$publisher->safe_psql('postgres', move_to('DDGMR'));
$subscriber->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)})
  or die 'the worker does not wait';
is($stable->query(q{SELECT iom_path('LOCAL') || ' ' || check_org()}), 'DG/DDGO/OSS/LOCAL ok', 'the worker waits for an editor');
$session->query('COMMIT');
applied('SELECT 1');
is($_->query($read), 'DG/DDGMR/OSS/OSS-PAC ok', 'and goes on') for $session, $stable;
same('after edits on the subscriber');

# a trigger that asks while a row is applied
$subscriber->safe_psql('postgres', q{
	CREATE TABLE seen (seen text);
	CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO public.seen VALUES (TG_WHEN || ' ' || public.iom_path('OSS'));
		RETURN NEW;
	END $$;
	CREATE TRIGGER look_before BEFORE UPDATE ON iom_line FOR EACH ROW EXECUTE FUNCTION look();
	CREATE TRIGGER look_after AFTER UPDATE ON iom_line FOR EACH ROW EXECUTE FUNCTION look();
	ALTER TABLE iom_line ENABLE REPLICA TRIGGER look_before, ENABLE REPLICA TRIGGER look_after});
applied(join ";\n", 'BEGIN', move_to('DG'), move_to('COS'), 'COMMIT');
is($subscriber->safe_psql('postgres', q{SELECT string_agg(seen, ', ') FROM seen}),
	'BEFORE DG/DDGMR/OSS, AFTER DG/OSS, BEFORE DG/OSS, AFTER DG/COS/OSS', 'seen while rows are applied');
$subscriber->safe_psql('postgres', q{DROP FUNCTION look CASCADE});
applied(move_to('DDGMR'));

# TRUNCATE, and an organisation again
applied('TRUNCATE iom_unit, iom_line, iom_appointment');
is($session->query(q{SELECT count(*) || ' ' || check_org() FROM iom_tree()}), '0 ok', 'TRUNCATE');
applied(q{INSERT INTO iom_unit (node, name) VALUES ('TOP', 't'), ('LOW', 'l')}, q{INSERT INTO iom_line (node, supervisor) VALUES ('LOW', 'TOP')});
is($session->query(q{SELECT iom_path('LOW') || ' ' || check_org()}), 'TOP/LOW ok', 'another organisation');
applied('TRUNCATE iom_line');
is($session->query(q{SELECT iom_path('LOW') || ' ' || check_org()}), 'LOW ok', 'TRUNCATE of the lines');
same('truncated');

$_->quit for $session, $stable;
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION organisation');
done_testing();
