# What packagers rely on: META.json is what PGXN takes, one version is named
# everywhere, and the extension leaves nothing behind when it is dropped.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IomOrg;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::RealBin/../..";

# The part of https://pgxn.org/meta/spec.txt, 1.0.0, that we use: a key that is
# not here may be right, but nobody has checked it.
my $semver = qr/^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}(?:-?[A-Za-z][-0-9A-Za-z]*)?$/;
my $term = qr{^[^\s/\\\x00-\x1f\x7f]{2,}$};	# names of distributions and extensions
my $text = qr/\S/;
my $file = sub { !ref $_[0] && -f "$top/$_[0]" };
my $prereq = { '*' => qr/^(?:0|\d+\.\d+\.\d+)$/ };
my $phase = { map { $_ . '?' => $prereq } qw(requires recommends suggests conflicts) };
my $schema = {
	name => $term,
	version => $semver,
	abstract => $text,
	maintainer => $text,
	license => qr/^(?:postgresql|apache_2_0|bsd|mit)$/,
	provides => { '*' => { file => $file, version => $semver, 'abstract?' => $text, 'docfile?' => $file } },
	'meta-spec' => { version => qr/^1\.0\.0$/, 'url?' => qr{^https?://} },
	'description?' => $text,
	'generated_by?' => $text,
	'release_status?' => qr/^(?:stable|testing|unstable)$/,
	'tags?' => [ qr{^[^/\\\x00-\x1f\x7f]{1,255}$} ],
	'prereqs?' => { map { $_ . '?' => $phase } qw(configure build test runtime develop) },
};

# What of $value is not as $schema says; nothing if all is.
sub faults
{
	my ($value, $schema, $at) = @_;

	if (ref $schema eq 'HASH')
	{
		return "$at: no object" unless ref $value eq 'HASH';
		my $any = $schema->{'*'};
		my @missing = grep { !/\?$|^\*$/ && !exists $value->{$_} } sort keys %$schema;
		return ((map { "$at: no $_" } @missing),
			map { my $of = $schema->{$_} // $schema->{"$_?"} // $any;
				$of ? faults($value->{$_}, $of, "$at.$_") : "$at: unknown $_" } sort keys %$value);
	}
	if (ref $schema eq 'ARRAY')
	{
		return "$at: no list" unless ref $value eq 'ARRAY' && @$value;
		return map { faults($value->[$_], $schema->[0], "$at\[$_]") } 0 .. $#$value;
	}
	return () if ref $schema eq 'CODE' ? $schema->($value) : defined $value && !ref $value && $value =~ $schema;
	return "$at: not like that";
}

my $meta = decode_json(slurp_file("$top/META.json"));
is(join("\n", faults($meta, $schema, 'META')), '', 'META.json is what PGXN takes');

# ... and the check sees what is wrong
for my $fault ([ 'no license', sub { delete shift->{license} } ],
	[ 'no version', sub { shift->{version} = '1.1' } ],
	[ 'no such file', sub { shift->{provides}{iomorg}{file} = 'iomorg.sql' } ],
	[ 'unknown key', sub { shift->{licence} = 'postgresql' } ],
	[ 'a tag too many', sub { push @{ shift->{tags} }, 'a/b' } ])
{
	my ($name, $break) = @$fault;
	my $broken = decode_json(encode_json($meta));

	$break->($broken);
	isnt(join("\n", faults($broken, $schema, 'META')), '', "a fault is seen: $name");
}

# The control file has two numbers, those of the SQL objects; releases have three.
my ($version) = slurp_file("$top/iomorg.control") =~ /^default_version = '([\d.]+)'$/m;
my $release = qr/^\Q$version\E\.\d+$/;
like($meta->{version}, $release, 'META.json has the version of the control file');
is($meta->{provides}{iomorg}{version}, $meta->{version}, 'so has what it provides');
my ($debian) = slurp_file("$top/debian/changelog") =~ /\Aiomorg \(([\d.]+)\)/;
is($debian, $meta->{version}, 'so has debian/changelog');
my ($changes) = slurp_file("$top/CHANGELOG.md") =~ /^## ([\d.]+)/m;
like($meta->{version}, qr/^\Q$changes\E(?:\.0)?$/, 'so has CHANGELOG.md');

# Every row of every catalog; statistics come and go by themselves.
my $node = iomorg_node('main', conf => "autovacuum = off\n");
my $catalogs = $node->safe_psql('postgres', q{
	SELECT string_agg(format('SELECT %L, count(*) FROM %s', c.oid::regclass, c.oid::regclass),
		' UNION ALL ' ORDER BY c.relname) || ' ORDER BY 1'
	FROM pg_class c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r'});
like($catalogs, qr/pg_depend.*pg_init_privs.*pg_proc.*pg_type/s, 'catalogs are counted');
my $files = q{SELECT count(*) FROM pg_ls_dir('base/' || (SELECT oid FROM pg_database WHERE datname = current_database())) f (f)
	WHERE f ~ '^\d+$' AND pg_filenode_relation(0, f::oid) IS NULL AND f::oid >= 16384
	AND (pg_stat_file('base/' || (SELECT oid FROM pg_database WHERE datname = current_database()) || '/' || f)).size > 0};

for my $schema ('public', 'org')
{
	$node->safe_psql('postgres', 'DELETE FROM pg_statistic');
	$node->safe_psql('postgres', "CREATE SCHEMA IF NOT EXISTS $schema");
	my $before = $node->safe_psql('postgres', $catalogs);

	$node->safe_psql('postgres', "CREATE EXTENSION iomorg SCHEMA $schema");
	isnt($node->safe_psql('postgres', $catalogs), $before, "$schema: created");
	$node->safe_psql('postgres', qq{
		SET search_path = $schema;
		CREATE TABLE staff (id integer, unit iom_node REFERENCES iom_unit);
		INSERT INTO staff SELECT iom_rank(node), node FROM iom_unit;
		SELECT iom_move('DLA', 'DG'), iom_relate('DLA', 'COS', 'informs');
		ANALYZE staff, iom_unit, iom_line;
		SELECT count(*) FROM staff WHERE unit <@ 'DG'});
	isnt($node->psql('postgres', 'DROP EXTENSION iomorg'), 0, "$schema: not while a table has the type");
	$node->safe_psql('postgres', "DROP TABLE $schema.staff; DROP EXTENSION iomorg");
	is($node->safe_psql('postgres', $catalogs), $before, "$schema: dropped, and nothing is left in any catalog");
	is($node->safe_psql('postgres', 'CHECKPOINT; ' . $files), 0, "$schema: nor on disk");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_settings WHERE name LIKE 'iomorg.%'}), 0, "$schema: nor a setting");
}
done_testing();
