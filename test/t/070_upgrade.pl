# Every way from an older version to the present one ends with the objects of a
# fresh installation, and keeps the rows.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IomOrg;
use Oracle;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = iomorg_node('main');

# Everything that belongs to the extension, and what it is like: definitions,
# comments, privileges, triggers, constraints, columns, what pg_dump saves.
my $objects = q{
	WITH object AS (
		SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'iomorg'
		WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	), fact (fact) AS (
		SELECT 'object ' || (pg_identify_object(classid, objid, 0)).type || ' ' || (pg_identify_object(classid, objid, 0)).identity || ': ' || coalesce(obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)), '') FROM object
		UNION ALL
		SELECT 'function ' || pg_get_functiondef(p.oid) || coalesce(p.proacl::text, '') FROM object o JOIN pg_proc p ON o.classid = 'pg_proc'::regclass AND p.oid = o.objid WHERE p.prokind = 'f'
		UNION ALL
		SELECT 'aggregate ' || p.oid::regprocedure || a.aggtransfn || a.aggfinalfn || a.aggcombinefn || a.aggserialfn FROM object o JOIN pg_proc p ON o.classid = 'pg_proc'::regclass AND p.oid = o.objid JOIN pg_aggregate a ON a.aggfnoid = p.oid
		UNION ALL
		SELECT 'relation ' || c.relname || c.relkind::text || coalesce(c.relacl::text, '') || CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) ELSE '' END FROM object o JOIN pg_class c ON o.classid = 'pg_class'::regclass AND c.oid = o.objid
		UNION ALL
		SELECT 'column ' || c.relname || '.' || a.attname || ' ' || a.attnum || ' ' || format_type(a.atttypid, a.atttypmod) || a.attnotnull || coalesce(pg_get_expr(d.adbin, d.adrelid), '') || coalesce(col_description(c.oid, a.attnum), '')
		FROM object o JOIN pg_class c ON o.classid = 'pg_class'::regclass AND c.oid = o.objid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
		UNION ALL
		SELECT 'constraint ' || n.conname || coalesce(n.conrelid::regclass::text, '') || pg_get_constraintdef(n.oid) FROM object o JOIN pg_constraint n ON o.objid = n.conrelid
		UNION ALL
		SELECT 'trigger ' || pg_get_triggerdef(t.oid) || t.tgenabled::text || coalesce(obj_description(t.oid, 'pg_trigger'), '') FROM object o JOIN pg_trigger t ON t.tgrelid = o.objid AND NOT t.tgisinternal
		UNION ALL
		SELECT 'index ' || pg_get_indexdef(i.indexrelid) FROM object o JOIN pg_index i ON i.indrelid = o.objid
		UNION ALL
		SELECT 'operator ' || op.oid::regoperator || op.oprcode || op.oprrest || op.oprjoin FROM object o JOIN pg_operator op ON o.classid = 'pg_operator'::regclass AND op.oid = o.objid
		UNION ALL
		SELECT 'saved ' || c.oid::regclass || ' ' || c.condition FROM pg_extension e, unnest(e.extconfig, e.extcondition) c (oid, condition) WHERE e.extname = 'iomorg'
		UNION ALL
		SELECT 'version ' || extversion || extrelocatable FROM pg_extension WHERE extname = 'iomorg'
	)
	SELECT string_agg(fact, E'\n' ORDER BY fact COLLATE "C") FROM fact};
my $rows = q{SELECT string_agg(r, E'\n' ORDER BY r COLLATE "C") FROM (
	SELECT u::text FROM iom_unit u UNION ALL SELECT l::text FROM iom_line l UNION ALL
	SELECT a::text FROM iom_appointment a UNION ALL SELECT h::text FROM iom_history h) x (r)};

$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('fresh', 'CREATE EXTENSION iomorg');
my $fresh = $node->safe_psql('fresh', $objects);

like($fresh, qr/^version/m, 'a fresh installation');

# Older versions are those that an update script leads away from.
my $top = "$FindBin::RealBin/../..";
my %older = map { /iomorg--([^-]+)--/ ? ($1 => 1) : () } glob("$top/iomorg--*--*.sql");
my @older = sort keys %older;
my ($default) = slurp_file("$top/iomorg.control") =~ /^default_version = '(.*)'$/m;
is($node->safe_psql('fresh', 'SELECT iom_version()'), $default, 'has the default version');
cmp_ok(scalar @older, '>=', 1, 'there are older versions');

for my $version (@older)
{
	(my $database = "from_$version") =~ s/\W/_/g;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, qq{
		CREATE EXTENSION iomorg VERSION '$version';
		CREATE TABLE staff (id int, unit iom_node REFERENCES iom_unit);
		INSERT INTO staff VALUES (1, 'DLA'), (2, 'DOE');
		UPDATE iom_line SET supervisor = 'COS' WHERE node = 'DLA' AND line = 'solid';
		DELETE FROM iom_appointment WHERE post = 'DG'});
	isnt($node->safe_psql($database, $objects), $fresh, "$version is another version");

	# a session that goes on during the update
	my $session = $node->background_psql($database, on_error_stop => 0);
	is($session->query(q{SELECT iom_path('DLA')}), 'DG/COS/DLA', "$version answers");
	my $before = $node->safe_psql($database, $rows);
	$node->safe_psql($database, 'ALTER EXTENSION iomorg UPDATE');
	is($node->safe_psql($database, $objects), $fresh, "$version: updated, its objects are those of a fresh installation");
	is($node->safe_psql($database, $rows), $before, "$version: its rows are what they were");
	is($session->query(q{SELECT iom_path('DLA')}), 'DG/COS/DLA', "$version: a session goes on");
	$session->quit;
	create_check_org($node, $database);
	is($node->safe_psql($database, 'SELECT check_org()'), 'ok', "$version: and answers as it should");

	# in a schema where somebody has put what fits closer than the server's own
	(my $prepared = "prepared_$version") =~ s/\W/_/g;
	$node->safe_psql('postgres', "CREATE DATABASE $prepared");
	$node->safe_psql($prepared, qq{
		CREATE SCHEMA org;
		CREATE EXTENSION iomorg SCHEMA org VERSION '$version';
		SET search_path = org;
		CREATE FUNCTION evil(daterange, date) RETURNS boolean LANGUAGE plpgsql AS \$\$BEGIN RAISE 'evil'; END\$\$;
		CREATE OPERATOR \@> (LEFTARG = daterange, RIGHTARG = date, FUNCTION = evil);
		CREATE AGGREGATE array_agg(bigint) (SFUNC = array_append, STYPE = bigint[]);
		CREATE FUNCTION count(iom_node) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
		-- and what users may add to the tables
		CREATE TYPE mood AS ENUM ('good');
		ALTER TABLE iom_unit ADD mood mood;
		CREATE FUNCTION norm(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(\$1)';
		CREATE INDEX ON iom_unit (norm(name));
		CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS \$\$BEGIN RETURN NEW; END\$\$;
		CREATE TRIGGER pass BEFORE INSERT ON iom_unit FOR EACH ROW EXECUTE FUNCTION pass();
		ALTER EXTENSION iomorg UPDATE});
	is($node->safe_psql($prepared, q{
		WITH own AS (
			SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'iomorg'
			WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
		)
		SELECT pg_describe_object(d.classid, d.objid, 0), pg_describe_object(d.refclassid, d.refobjid, 0)
		FROM own JOIN pg_depend d USING (classid, objid)
		WHERE own.classid = 'pg_proc'::regclass AND (d.refclassid = 'pg_operator'::regclass OR d.refclassid = 'pg_proc'::regclass) AND d.refobjid >= 16384
			AND (d.refclassid, d.refobjid) NOT IN (SELECT classid, objid FROM own)}), '', "$version: updated, nothing uses what is not its own");
}

done_testing();
