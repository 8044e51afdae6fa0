# The library loaded before anybody asks: with the server, or with each connection.
# It has then been initialized without a database, and the questions, the settings and
# the freshness of answers are what they are otherwise.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IomOrg;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = iomorg_node('preload', start => 0, conf => "autovacuum_naptime = 1s\n");
# Where the server is told of another place for extensions before 18, only what is in
# $libdir is looked for there; from then on, only what is by its name alone.
my $library = ($ENV{IOMORG_CONF} // '') =~ /^extension_destdir/ ? '$libdir/iomorg' : 'iomorg';
my $parallel = $node->pg_version < 16 ? 'force_parallel_mode' : 'debug_parallel_query';

# What one new session sees of it all.
my $session = qq{
	SELECT iom_supervisor('OIG') = supervisor FROM iom_line WHERE node = 'OIG' AND line = 'solid';
	SHOW iomorg.as_of;
	SELECT iom_as_of();
	BEGIN;
	SELECT node FROM iom_add('PRE', 'Preloaded', 'OIG', effective => '2001-01-01') node;
	SELECT 'PRE' <@ iom_node 'OIG';
	ROLLBACK;
	SELECT 'PRE' <@ iom_node 'OIG';
	SET $parallel = on;
	SELECT count(*) = (SELECT count(*) FROM iom_subtree('DG')) FROM iom_unit WHERE node <@ 'DG';
	SELECT set_config('iomorg.as_of', 'tomorrow', false);};
my $expected = "t\n2024-02-29\n2024-02-29\nPRE\nt\nf\nt";

# Is it there before the first question is asked?
my $loaded = q{SELECT count(*) > 0 FROM pg_settings WHERE name = 'iomorg.chart_memory'};

sub like_any_session
{
	my $how = shift;
	my ($ret, $out, $err) = $node->psql('postgres', $session);

	is($out, $expected, "$how: the answers of any session");
	like($err, qr/invalid value for parameter "iomorg.as_of": "tomorrow"/, "$how: the settings are checked");
}

$node->append_conf('postgresql.conf', "shared_preload_libraries = '$library'\niomorg.as_of = '2024-02-29'\n");
$node->start;
is($node->safe_psql('postgres', $loaded), 't', 'it came with the server');
$node->safe_psql('postgres', 'CREATE EXTENSION iomorg');
like_any_session('with the server');

$node->safe_psql('postgres', 'CREATE DATABASE without; DROP EXTENSION iomorg; CREATE EXTENSION iomorg');
is($node->safe_psql('without', 'CREATE TABLE t AS SELECT 1; SELECT count(*) FROM t'), 1,
	'a database that has no such extension');
like_any_session('made anew');

$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->restart;
is($node->safe_psql('postgres', $loaded), 'f', 'it stays away unless it is asked for');
$node->append_conf('postgresql.conf', "session_preload_libraries = '$library'\n");
$node->reload;
is($node->safe_psql('postgres', $loaded), 't', 'it came with the connection');
like_any_session('with the connection');

unlike(slurp_file($node->logfile), qr/WARNING|PANIC|terminated by signal/, 'nothing in the log');

done_testing();
