# pg_dump and pg_restore: a dump taken at any moment, in any format, restored
# into an empty database in any order, gives the same rows, history included.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IomOrg;
use Oracle;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = iomorg_node('main');
my $dir = PostgreSQL::Test::Utils::tempdir();
my @connection = ('--host', $node->host, '--port', $node->port);

# All rows of the tables, where the history goes on, and the foreign keys, as one
# text.
my $content = join ' UNION ALL ',
	(map { "SELECT '$_ ' || t::text FROM $_ t" }
		qw(iom_unit iom_line iom_appointment iom_history hr.staff hr.payment hr.access)),
	q{SELECT 'next ' || last_value || is_called FROM iom_history_id_seq},
	q{SELECT conrelid::regclass || ' ' || conname || convalidated FROM pg_constraint
		WHERE confrelid = 'iom_unit'::regclass};
$content = qq{SELECT string_agg(r, E'\\n' ORDER BY r COLLATE "C") FROM ($content) x (r)};

sub psql_in { return $node->safe_psql(@_) }

sub run_tool
{
	my ($tool, @arguments) = @_;

	PostgreSQL::Test::Utils::run_log([ $tool, @connection, @arguments ])
		or BAIL_OUT("$tool @arguments failed");
}

# The states of the organisation that are dumped: what was done since CREATE
# EXTENSION.
my %edits = (
	pristine => q{INSERT INTO hr.access SELECT i, 'DG', 'COS' FROM generate_series(1, 5000) i},
	edited => q{
		INSERT INTO iom_unit (node, name, valid) VALUES
			('NEW', E'tab\there, "quotes" \\\\ and ''more''', '[2020-01-01,)'), ('NEW2', 'Second', '[2020-01-01,2030-01-01)');
		INSERT INTO iom_line (node, supervisor, valid) VALUES ('NEW', 'DLA', '[2020-01-01,)'), ('NEW2', 'NEW', '[2021-01-01,2022-01-01)');
		UPDATE iom_unit SET name = 'Legal' WHERE node = 'DLA';
		UPDATE iom_line SET supervisor = 'COS' WHERE node = 'DOE' AND line = 'solid';
		UPDATE iom_line SET valid = '(,2025-06-01)' WHERE node = 'GDI' AND line = 'solid';
		INSERT INTO iom_line (node, supervisor, valid) VALUES ('GDI', 'COS', '[2025-06-01,)');
		DELETE FROM iom_line WHERE node = 'MAC' OR supervisor = 'MAC';
		DELETE FROM iom_unit WHERE node = 'MAC';
		UPDATE iom_unit SET valid = '(,2040-01-01)' WHERE node = 'PAC' AND false;
		UPDATE iom_appointment SET term_years = 4 WHERE post = 'DG';
		DELETE FROM iom_appointment WHERE post = 'COS';
		INSERT INTO hr.staff SELECT i, (ARRAY['DLA', 'NEW', 'DOE'])[1 + i % 3]::iom_node FROM generate_series(1, 100) i;
		INSERT INTO hr.payment SELECT i, (ARRAY['DLA', 'NEW', 'DOE'])[1 + i % 3]::iom_node FROM generate_series(1, 5000) i;
		INSERT INTO hr.access SELECT i, 'DG', 'COS' FROM generate_series(1, 5000) i},
	replaced => q{
		TRUNCATE iom_unit, iom_line, iom_appointment, hr.staff, hr.payment, hr.access;
		INSERT INTO iom_unit (node, name) VALUES ('DG', 'Dachgeschoss'), ('EG', 'Erdgeschoss'), ('DLA', 'Diele');
		INSERT INTO iom_line (node, supervisor) VALUES ('EG', 'DG'), ('DLA', 'EG');
		INSERT INTO hr.staff VALUES (1, 'DLA')},
	emptied => q{DELETE FROM iom_line; DELETE FROM iom_appointment; DELETE FROM iom_unit},
	forgotten => 'DELETE FROM iom_line; DELETE FROM iom_appointment; DELETE FROM iom_unit; TRUNCATE iom_history');

# The ways to save and restore: how pg_dump is called, and how what it wrote is
# read.  "fresh" databases have the extension and the HR table already.
my @ways = (
	[ 'plain', [], sub { $node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', @connection, '-d', $_[0], '-f', $_[1] ], "$_[2]: psql") } ],
	[ 'inserts, one transaction', ['--inserts'], sub { $node->command_ok([ 'psql', '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', @connection, '-d', $_[0], '-f', $_[1] ], "$_[2]: psql") } ],
	[ 'custom', ['-Fc'], sub { run_tool('pg_restore', '--exit-on-error', '-d', @_[ 0, 1 ]) } ],
	[ 'custom, lines first', ['-Fc'], \&restore_backwards ],
	[ 'custom, foreign keys first', ['-Fc'], \&restore_keys_first ],
	[ 'directory, 4 jobs', [ '-Fd', '-j4' ], sub { run_tool('pg_restore', '--exit-on-error', '-j4', '-d', @_[ 0, 1 ]) } ],
	[ 'directory, 4 jobs by sections', [ '-Fd', '-j4' ], \&restore_by_sections ],
	[ 'directory, 2 jobs', ['-Fd'], sub { run_tool('pg_restore', '--exit-on-error', '-j2', '-d', @_[ 0, 1 ]) } ],
	[ 'over another one', ['-Fc'], sub { run_tool('pg_restore', '--exit-on-error', '--clean', '--if-exists', '-d', @_[ 0, 1 ]) }, 'fresh' ],
	[ 'data only', [ '-Fc', '-a' ], sub { run_tool('pg_restore', '--exit-on-error', '-d', @_[ 0, 1 ]) }, 'fresh' ]);

my $prepare = q{
	CREATE EXTENSION iomorg;
	CREATE SCHEMA hr;
	CREATE TABLE hr.staff (id int PRIMARY KEY, unit iom_node REFERENCES iom_unit);
	CREATE INDEX ON hr.staff (unit);
	-- larger than the organisation, so that several jobs take them first
	CREATE TABLE hr.payment (id int, unit iom_node REFERENCES iom_unit) PARTITION BY RANGE (id);
	CREATE TABLE hr.payment_all PARTITION OF hr.payment DEFAULT;
	CREATE TABLE hr.access (id int PRIMARY KEY, unit iom_node REFERENCES iom_unit ON DELETE CASCADE,
		granted_by iom_node REFERENCES iom_unit ON DELETE SET NULL);
	CREATE VIEW hr.legal AS SELECT id, iom_path(unit) AS path FROM hr.staff WHERE unit <@ 'DLA';
	CREATE MATERIALIZED VIEW hr.totals AS SELECT node::text, iom_size(node) AS size FROM iom_unit};

# Restores the entries of a dump in another order.
sub restore_in_order
{
	my ($database, $file, $order) = @_;
	my ($list) = PostgreSQL::Test::Utils::run_command([ 'pg_restore', '-l', $file ]);

	PostgreSQL::Test::Utils::append_to_file("$file.list", join "\n", $order->(split /\n/, $list));
	run_tool('pg_restore', '--exit-on-error', '-L', "$file.list", '-d', $database, $file);
}

# In the order that no foreign key would like: history, appointments and lines
# before units.
sub restore_backwards
{
	my ($database, $file) = @_;

	restore_in_order($database, $file, sub {
		my @data = grep { / TABLE DATA \S+ iom_/ } @_;
		my %place = (iom_line => 1, iom_appointment => 2, iom_history => 3, iom_unit => 4);

		is(scalar @data, 4, "$database: four tables are in the dump");
		@data = sort { $place{ ($a =~ /(iom_\w+)/)[0] } <=> $place{ ($b =~ /(iom_\w+)/)[0] } } @data;
		return map { / TABLE DATA \S+ iom_/ ? shift @data : $_ } @_;
	});
}

# As several jobs do with large tables: they and their foreign keys before the
# rows of the extension, since pg_restore knows of no order between these.
sub restore_keys_first
{
	my ($database, $file) = @_;

	restore_in_order($database, $file, sub {
		my @keys = grep { / FK CONSTRAINT hr / } @_;
		my @data = grep { / TABLE DATA \S+ iom_/ } @_;
		my @others = grep { !/ FK CONSTRAINT hr / && !/ TABLE DATA \S+ iom_/ } @_;
		my ($last) = grep { $others[$_] =~ / TABLE DATA / } reverse 0 .. $#others;

		is(scalar @keys, 4, "$database: four foreign keys are in the dump");
		splice @others, $last + 1, 0, @keys, @data;
		return @others;
	});
}

# As the README has it for those who want an order.
sub restore_by_sections
{
	my ($database, $file) = @_;

	run_tool('pg_restore', '--exit-on-error', '-j4', '-d', $database, $_, $file)
		for '--section=pre-data', '--section=data', '--section=post-data';
}

for my $state (sort keys %edits)
{
	psql_in('postgres', "CREATE DATABASE $state");
	psql_in($state, $_) for $prepare, $edits{$state}, 'REFRESH MATERIALIZED VIEW hr.totals';
	my $before = psql_in($state, $content);

	for my $way (@ways)
	{
		my ($name, $arguments, $restore, $fresh) = @$way;
		my $target = "${state}_" . $name =~ s/\W+/_/gr;
		my $file = "$dir/$target";

		run_tool('pg_dump', @$arguments, '-f', $file, $state);
		psql_in('postgres', "CREATE DATABASE $target TEMPLATE template0");
		psql_in($target, $prepare) if $fresh;
		$restore->($target, $file, "$state, $name");
		is(psql_in($target, $content), $before, "$state, $name: the same rows");
		create_check_org($node, $target);
		is(psql_in($target, 'SELECT check_org()'), 'ok', "$state, $name: the same answers");

		# life goes on
		psql_in($target, q{INSERT INTO iom_unit (node, name) VALUES ('LATER', 'Later')});
		is(psql_in($target, q{SELECT u.origin || ' ' || (h.id > (SELECT coalesce(max(id), 0) FROM iom_history WHERE id <> h.id))
			FROM iom_unit u JOIN iom_history h USING (node) WHERE node = 'LATER'}),
			'own true', "$state, $name: an edit is recorded");
	}
}

# A dump of a restored database, which nobody edited since, is as good.
run_tool('pg_dump', '-f', "$dir/again", 'edited_custom_lines_first');
psql_in('postgres', 'CREATE DATABASE again TEMPLATE template0');
run_tool('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'again', '-f', "$dir/again");
is(psql_in('again', $content), psql_in('edited_custom_lines_first', $content), 'a dump of what was restored');

# The schema alone brings the seed.
run_tool('pg_dump', '-s', '-f', "$dir/schema", 'replaced');
psql_in('postgres', 'CREATE DATABASE schema_only TEMPLATE template0');
run_tool('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'schema_only', '-f', "$dir/schema");
is(psql_in('schema_only', q{SELECT count(*) || ' ' || iom_path('DLA') FROM iom_unit}), '44 DG/DDGMR/DLA', 'schema only: the seed');

# Restored over a database that was edited, nothing is lost: keys conflict.
my $kept = psql_in('edited', $content);
$node->command_fails_like([ 'pg_restore', '--exit-on-error', '-a', @connection, '-d', 'edited', "$dir/edited_data_only" ],
	qr/duplicate key value/, 'data over edited data: refused');
is(psql_in('edited', $content), $kept, 'and nothing has changed');

# A database made from another one
psql_in('postgres', 'CREATE DATABASE copied TEMPLATE edited');
is(psql_in('copied', $content), $kept, 'CREATE DATABASE ... TEMPLATE: the same rows');

# Who may read the tables may save them.
psql_in('postgres', 'CREATE ROLE reader LOGIN; CREATE DATABASE read OWNER reader');
psql_in('read', 'CREATE EXTENSION iomorg');
run_tool('pg_dump', '-U', 'reader', '-f', "$dir/read", 'read');
like(PostgreSQL::Test::Utils::slurp_file("$dir/read"), qr/^COPY public\.iom_unit .*^SELECT pg_catalog\.setval/ms, 'a dump by a reader');

# The extension can be in any schema, and belong to a role that is no
# superuser, who can dump and restore.
psql_in('postgres', q{CREATE ROLE dumper LOGIN; CREATE DATABASE owned OWNER dumper; CREATE DATABASE owned_again OWNER dumper TEMPLATE template0});
psql_in('owned', q{CREATE SCHEMA "the Org" AUTHORIZATION dumper; SET ROLE dumper;
	CREATE EXTENSION iomorg SCHEMA "the Org"; SET search_path = "the Org";
	UPDATE iom_unit SET name = 'Mine' WHERE node = 'DLA'; DELETE FROM iom_line WHERE node = 'GDI'; DELETE FROM iom_unit WHERE node = 'CO' AND false});
run_tool('pg_dump', '-Fc', '-U', 'dumper', '-f', "$dir/owned", 'owned');
run_tool('pg_restore', '--exit-on-error', '--no-owner', '-U', 'dumper', '-d', 'owned_again', "$dir/owned");
(my $owned = $content) =~ s/ UNION ALL SELECT 'hr\.\w+ .*? t(?= UNION)//g;
is(psql_in('owned_again', qq{SET search_path = "the Org"; $owned}), psql_in('owned', qq{SET search_path = "the Org"; $owned}), 'an owner who is no superuser');
cmp_ok(psql_in('owned_again', q{SELECT count(*) FROM "the Org".iom_history}), '>', 0, 'with its history');
is(($node->psql('owned_again', $_, extra_params => [ '-U', 'dumper' ]))[0], 3, "refused: $_")
	for q{DELETE FROM "the Org".iom_history}, q{UPDATE "the Org".iom_history SET node = NULL}, q{TRUNCATE "the Org".iom_history};
psql_in('owned_again', q{SET search_path = "the Org"; UPDATE iom_unit SET name = 'x' WHERE node = 'DG'});
is(($node->psql('owned_again', q{INSERT INTO "the Org".iom_history SELECT 1000, changed_at, changed_by, acting_as, transaction, relation, change, node FROM "the Org".iom_history LIMIT 1},
	extra_params => [ '-U', 'dumper' ]))[0], 3, 'refused: rows of history made up after an edit');

# Privileges on the tables come back where the owner made the extension and a superuser
# restores the rest; an owner who restores alone is not the one who may revoke.
psql_in('postgres', 'CREATE ROLE editor LOGIN; CREATE DATABASE granted OWNER dumper; CREATE DATABASE granted_again OWNER dumper TEMPLATE template0');
psql_in('granted', q{SET ROLE dumper; CREATE EXTENSION iomorg; GRANT SELECT, UPDATE ON iom_unit TO editor; RESET ROLE;
	REVOKE SELECT ON iom_history FROM PUBLIC; GRANT SELECT ON iom_history TO dumper});
run_tool('pg_dump', '-Fc', '-f', "$dir/granted", 'granted');
psql_in('granted_again', 'SET ROLE dumper; CREATE EXTENSION iomorg');
run_tool('pg_restore', '--exit-on-error', '-d', 'granted_again', "$dir/granted");
my $privileges = q{SELECT string_agg(relname || ' ' || a, E'\n' ORDER BY relname, a::text COLLATE "C")
	FROM pg_class, unnest(relacl) a WHERE relname ~ '^iom_'};
is(psql_in('granted_again', $privileges), psql_in('granted', $privileges), 'privileges that were changed');
is(($node->psql('granted_again', 'SELECT FROM iom_history', extra_params => [ '-U', 'editor' ]))[0], 3, 'what was revoked stays so');

done_testing();
