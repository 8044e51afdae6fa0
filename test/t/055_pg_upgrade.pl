# pg_upgrade: an organisation that was edited, and the HR tables that refer to
# it, are the same in the new cluster; questions, changes and dumps go on there.
#
# From the oldest major that is here (`make test-matrix` has 15 beside each). Where
# there is no other, from the installed server to itself, which takes the same way: the new
# cluster's extension is not created by its script, but from what
# pg_dump --binary-upgrade says of each object.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IomOrg;
use Oracle;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my @databases = ('edited', 'pristine', 'restored', 'owned');

# All rows, where the history goes on, what the tables hold, which triggers fire
# when, and who may do what.
my $state = q{SELECT string_agg(r, E'\n' ORDER BY r COLLATE "C") FROM (
	SELECT 'unit ' || t::text FROM iom_unit t
	UNION ALL SELECT 'line ' || t::text FROM iom_line t
	UNION ALL SELECT 'appointment ' || t::text FROM iom_appointment t
	UNION ALL SELECT 'history ' || t::text FROM iom_history t
	UNION ALL SELECT 'content ' || content || ' ' || revision FROM iom_revision
	UNION ALL SELECT 'next ' || last_value || is_called FROM iom_history_id_seq
	UNION ALL SELECT 'trigger ' || tgrelid::regclass || ' ' || tgname || ' ' || tgenabled::text FROM pg_trigger WHERE tgname ~ '^_?iom'
	UNION ALL SELECT concat_ws(' ', 'privilege', relname, relowner::regrole, grantor::regrole, grantee::regrole, privilege_type, is_grantable)
		FROM pg_class, aclexplode(coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)))
		WHERE relname ~ '^iom_' AND relkind IN ('r', 'v', 'S') AND privilege_type <> 'MAINTAIN'	-- 17 gave it to owners
	UNION ALL SELECT 'member ' || pg_describe_object(d.classid, d.objid, 0)
		FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.deptype = 'e' WHERE e.extname = 'iomorg'
			AND pg_describe_object(d.classid, d.objid, 0) !~ '^(function|cast).*range|^type.*multirange'	-- these go with the range type
			AND NOT EXISTS (SELECT FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid	-- and others since 17 with theirs
				WHERE (d.classid, d.objid) = ('pg_type'::regclass, t.oid) AND (t.typcategory = 'A' OR c.relkind <> 'c'))
	UNION ALL SELECT 'dumped ' || c::regclass FROM pg_extension, unnest(extconfig) c WHERE extname = 'iomorg'
	UNION ALL SELECT 'comment ' || obj_description(c.oid, 'pg_class') FROM pg_class c WHERE relname ~ '^iom_') x (r)};
my $rows = q{SELECT string_agg(r, E'\n' ORDER BY r COLLATE "C") FROM (
	SELECT u::text FROM iom_unit u UNION ALL SELECT l::text FROM iom_line l UNION ALL
	SELECT a::text FROM iom_appointment a UNION ALL SELECT h::text FROM iom_history h UNION ALL
	SELECT s::text FROM hr.staff s) x (r)};
my $staff = q{SELECT string_agg(s::text, ';' ORDER BY id) FROM hr.staff s};
my $questions = q{SELECT string_agg(o::text, ';' ORDER BY rank) FROM iom_org o};

sub run_tool
{
	PostgreSQL::Test::Utils::run_log([@_]) or BAIL_OUT("@_ failed");
}

sub restore
{
	my ($node, $file, $database) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0");
	run_tool('pg_restore', '--exit-on-error', '-h', $node->host, '-p', $node->port, '-d', $database, $file);
}

my $old = iomorg_node('old', older => $ENV{IOMORG_OLDER}, extra => ['--data-checksums']);
my $new = iomorg_node('new', start => 0, extra => ['--data-checksums']);	# 18 has them anyway
my $from = $old->pg_version->major . ' to ' . $new->pg_version->major;

$old->safe_psql('postgres', 'CREATE ROLE keeper LOGIN');
$old->safe_psql('postgres', "CREATE DATABASE $_" . ($_ eq 'owned' ? ' OWNER keeper' : '')) for @databases;
$old->safe_psql($_, 'CREATE EXTENSION iomorg') for 'edited', 'pristine', 'restored';
$old->safe_psql('edited', q{
	CREATE SCHEMA hr;
	CREATE TABLE hr.staff (id int PRIMARY KEY, unit iom_node NOT NULL REFERENCES iom_unit, units iom_node[]) ;
	CREATE INDEX ON hr.staff (unit);
	CREATE INDEX ON hr.staff USING hash (unit);
	CREATE TABLE hr.by_unit (unit iom_node, n int) PARTITION BY RANGE (unit);
	CREATE TABLE hr.by_unit_1 PARTITION OF hr.by_unit FOR VALUES FROM ('A') TO ('DPR');
	CREATE TABLE hr.by_unit_2 PARTITION OF hr.by_unit DEFAULT;
	CREATE VIEW hr.legal AS SELECT id, iom_path(unit) AS path FROM hr.staff WHERE unit <@ 'DDGMR';
	INSERT INTO iom_unit (node, name, valid) VALUES ('NEW', 'Nouvelle unité', '[2020-01-01,)');
	INSERT INTO iom_line (node, supervisor, valid) VALUES ('NEW', 'DLA', '[2020-01-01,)');
	SELECT iom_move('DOE', 'COS', '2024-01-01');
	UPDATE iom_unit SET name = 'Legal' WHERE node = 'DLA';
	DELETE FROM iom_appointment WHERE post = 'COS';
	INSERT INTO hr.staff SELECT i, (ARRAY['DLA', 'NEW', 'DOE'])[1 + i % 3]::iom_node, '{DLA,NEW}' FROM generate_series(1, 1000) i;
	INSERT INTO hr.by_unit SELECT unit, id FROM hr.staff;
	ALTER TABLE iom_line DISABLE TRIGGER iom_history_delete;
	GRANT UPDATE ON iom_unit TO keeper});
# (what a dump being restored leaves behind, before the first edit)
$old->safe_psql('restored', q{SET check_function_bodies = off; INSERT INTO iom_unit (node, name, origin) VALUES ('ONLY', 'Only one', 'own')});
is($old->safe_psql('restored', 'SELECT content FROM iom_revision'), 'restored', "$from: a restored database that nobody edited");
$old->safe_psql('owned', q{CREATE SCHEMA "the Org" AUTHORIZATION keeper; SET ROLE keeper;
	CREATE EXTENSION iomorg SCHEMA "the Org"; SELECT "the Org".iom_add('MINE', 'Mine', 'DLA')});

my %before;
for my $database (@databases)
{
	my $path = $database eq 'owned' ? 'SET search_path = "the Org";' : '';

	$before{$database} = $old->safe_psql($database, $path . $state);
	$before{"$database questions"} = $old->safe_psql($database, $path . $questions);
}
$before{rows} = $old->safe_psql('edited', $rows);
$before{staff} = $old->safe_psql('edited', $staff);
my $dump = $new->basedir . '/dump';
run_tool('pg_dump', '-Fc', '-h', $old->host, '-p', $old->port, '-f', "$dump.old", 'edited');
$old->stop;

chdir $PostgreSQL::Test::Utils::tmp_check;
my @upgrade = ('pg_upgrade', '--no-sync', '--old-datadir', $old->data_dir, '--new-datadir', $new->data_dir,
	'--old-bindir', $old->config_data('--bindir'), '--new-bindir', $ENV{IOMORG_BINDIR} // $new->config_data('--bindir'), '--socketdir', $new->host,
	'--old-port', $old->port, '--new-port', $new->port);
# (servers before 16 have no such option)
my ($help) = PostgreSQL::Test::Utils::run_command([ 'pg_upgrade', '--help' ]);
@upgrade = grep { $_ ne '--no-sync' } @upgrade if $help !~ /--no-sync/;
if (!ok(PostgreSQL::Test::Utils::run_log([@upgrade]), "pg_upgrade from $from"))
{
	diag($_) for map { PostgreSQL::Test::Utils::slurp_file($_) =~ /(error: .*(?:\n.*){0,3})/ }
		glob $new->data_dir . '/pg_upgrade_output.d/*/log/*dump*.log';
	BAIL_OUT('nothing can be asked of what was not upgraded');
}
$new->start;
restore($new, "$dump.old", 'from_old');
is($new->safe_psql('from_old', $rows), $before{rows}, "$from: a dump of the old server, restored in the new one");

for my $database (@databases)
{
	my $path = $database eq 'owned' ? 'SET search_path = "the Org";' : '';

	my %line = map { $_ => 1 } split /\n/, $before{$database};
	is(join("\n", grep { !delete $line{$_} } split /\n/, $new->safe_psql($database, $path . $state)), '',
		"$from, $database: no other rows, triggers, privileges, members");
	is(join("\n", sort keys %line), '', "$from, $database: and all of them");
	is($new->safe_psql($database, $path . $questions), $before{"$database questions"}, "$from, $database: the same answers");
	create_check_org($new, $database) if $path eq '';
	is($new->safe_psql($database, 'SELECT check_org()'), 'ok', "$from, $database: answers as its rows have it") if $path eq '';
}
is($new->safe_psql('edited', $staff), $before{staff}, "$from: HR rows");
is($new->safe_psql('edited', q{SET enable_seqscan = off; SELECT count(*) FROM hr.staff WHERE unit <@ 'DLA'}), 667, "$from: HR rows by index");
is($new->safe_psql('edited', q{SELECT count(*) FROM hr.legal}), 667, "$from: a view of them");
is($new->safe_psql('edited', q{SELECT tableoid::regclass, count(*) FROM hr.by_unit GROUP BY 1 ORDER BY 1}),
	"hr.by_unit_1|666\nhr.by_unit_2|334", "$from: partitions by node");
is($new->safe_psql('edited', q{ALTER TABLE iom_line ENABLE TRIGGER iom_history_delete; SELECT count(*) FROM iom_check()}), 0, "$from: sound");

# Life goes on: edits are seen, guarded, and recorded.
for my $database (@databases)
{
	my $path = $database eq 'owned' ? 'SET search_path = "the Org"; SET ROLE keeper;' : '';

	is($new->safe_psql($database, $path . q{
		SELECT iom_add('LATER', 'Later', NULL);
		SELECT h.change, u.origin, h.id > (SELECT coalesce(max(id), 0) FROM iom_history WHERE id <> h.id), r.content, iom_level('LATER')
		FROM iom_unit u JOIN iom_history h USING (node), iom_revision r WHERE node = 'LATER'}),
		"LATER\ninsert|own|t|own|1", "$from, $database: an edit is recorded");
	my ($status, $out, $err) = $new->psql($database, $path . q{INSERT INTO iom_line (node, supervisor) VALUES ('LATER', 'NOBODY')});
	like($err, qr/foreign key/, "$from, $database: and guarded");
	is($new->safe_psql($database, $path . q{SELECT count(*) FROM iom_unit WHERE origin = 'seed'}) > 0,
		$database ne 'restored', "$from, $database: the seed is not brought back");
}
($_) = ($new->psql('edited', q{DELETE FROM iom_unit WHERE node = 'DLA'}))[2];
like($_, qr/foreign key/, "$from: foreign keys of HR tables hold");

run_tool('pg_dump', '-Fc', '-h', $new->host, '-p', $new->port, '-f', "$dump.new", 'edited');
restore($new, "$dump.new", 'from_new');
is($new->safe_psql('from_new', $rows), $new->safe_psql('edited', $rows), "$from: a dump of what was upgraded");

done_testing();
