# Real clients: each program in test/clients does the same with its driver, in a
# database of its own, and must print the same (test/clients/expected.out):
# reads and writes nodes and arrays of nodes, calls set functions, keeps
# statements prepared across reorganisations by others and by itself, sees
# errors.  And COPY, in all its formats.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IomOrg;
use PostgreSQL::Test::Utils;
use IPC::Run ();
use Test::More;

my $programs = "$FindBin::RealBin/../clients";
my $readme = "$FindBin::RealBin/../../README.md";
# Debian's own, which sees Debian's modules, whatever else is in the PATH.
my $python = -x '/usr/bin/python3' ? '/usr/bin/python3' : 'python3';
my $jdbc = '/usr/share/java/postgresql.jar';

# JDBC knows no unix sockets.  A plan that is not made anew must follow, too.
my $node = iomorg_node('clients',
	conf => "listen_addresses = '127.0.0.1'\nplan_cache_mode = force_generic_plan\n");

sub run_in
{
	my ($directory, @command) = @_;
	my ($out, $err) = ('', '');
	my $ran = eval {
		IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err,
			init => sub { chdir $directory or die "$directory: $!" },
			IPC::Run::timeout(180));
	};
	return ($ran, $out, $err . ($@ // ''));
}

# A program, in a database of that name.
sub client_ok
{
	my ($name, @command) = @_;
	my $expected = slurp_file("$programs/expected.out");

	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, <<'SQL');
CREATE EXTENSION iomorg;
CREATE TABLE staff (
  id integer PRIMARY KEY, unit iom_node NOT NULL REFERENCES iom_unit, knows iom_node[]
);
SQL
	subtest $name => sub {
		local $ENV{PGHOST} = $node->host;
		local $ENV{PGPORT} = $node->port;
		local $ENV{PGDATABASE} = $name;
		local $ENV{PGUSER} = $node->safe_psql('postgres', 'SELECT current_user');
		my ($ran, $out, $err) = run_in($programs, @command);

		ok($ran, 'runs') or diag($err);
		# line by line, so that what fails is told by its name
		my @got = split /\n/, $out;
		is(shift @got, $_, s/:.*//r) for split /\n/, $expected;
		is("@got", '', 'and no more');
	};
}

# Debian has the ODBC driver write a log, which would stay in /tmp.
my $odbc = PostgreSQL::Test::Utils::tempdir();
append_to_file("$odbc/odbcinst.ini", slurp_file('/etc/odbcinst.ini') =~ s/^(CommLog)=1/$1=0/mgr);
$ENV{ODBCSYSINI} = $odbc;

client_ok('psql', 'psql', '-X', '-f', 'psql.sql');
client_ok('isql', 'bash', 'isql.sh');
client_ok('odbc', $python, 'odbc.py');
client_ok('psycopg3_text', $python, 'psycopg3.py', 'text');
client_ok('psycopg3_binary', $python, 'psycopg3.py', 'binary');
client_ok('psycopg2_sqlalchemy', $python, 'psycopg2_sqlalchemy.py');
client_ok('jdbc', 'java', '-XX:TieredStopAtLevel=1', '-cp', $jdbc, 'Jdbc.java');

# The package of node-postgres is not Debian's: it comes from npm, at the
# versions and with the check sums of the lock file.
my $npm = PostgreSQL::Test::Utils::tempdir();
for my $file (qw(package.json package-lock.json client.js))
{
	append_to_file("$npm/$file", slurp_file("$programs/node_pg/$file"));
}
my ($installed, undef, $npm_errors) =
  run_in($npm, qw(npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier), "--cache=$npm/cache");
ok($installed, 'npm has node-postgres') or diag($npm_errors);
client_ok('node_postgres', 'node', "$npm/client.js");

# COPY out and in again gives the same; a bad code is told with its place.
subtest 'COPY' => sub {
	my $files = PostgreSQL::Test::Utils::tempdir();
	my $copy = 'psql';
	my $same = 'SELECT count(*) > 40, (SELECT count(*) FROM (TABLE staff EXCEPT TABLE copied) d) FROM copied';

	$node->safe_psql($copy, q{
TRUNCATE staff;
INSERT INTO staff
SELECT row_number() OVER (ORDER BY node), node,
       CASE rank % 3 WHEN 0 THEN ARRAY(SELECT iom_subtree(o.node)) WHEN 1 THEN '{NULL,-.0A_Z}' END
FROM iom_org o;
CREATE TABLE copied (LIKE staff)});
	for my $format (qw(text csv binary))
	{
		my $file = "$files/staff.$format";
		my $psql = "\\copy staff TO '$file' (FORMAT $format)\n"
		  . "TRUNCATE copied;\n\\copy copied FROM '$file' (FORMAT $format)\n$same";
		is($node->safe_psql($copy, $psql), 't|0', $format);
	}
	like(slurp_file("$files/staff.csv"), qr/^\d+,OSS-MAC,/m, 'a code is itself in a file');

	append_to_file("$files/bad.csv", "1,DLA,\n2,TOO-LONG-BY-FAR,\n");
	my ($status, $out, $err) = $node->psql($copy, "\\copy copied FROM '$files/bad.csv' (FORMAT csv)");
	like($err, qr/invalid input syntax for type iom_node: "TOO-LONG-BY-FAR"/, 'bad code in a file');
	like($err, qr/CONTEXT:  COPY copied, line 2, column unit: "TOO-LONG-BY-FAR"/, '... is told with its place');

	# the same in binary: a good file with one letter of a code spoilt
	my $binary = slurp_file("$files/staff.binary");
	$binary =~ s/OSS-MAC/OSS MAC/ or die 'no OSS-MAC in it';
	open my $bad, '>:raw', "$files/bad.binary" or die $!;
	print $bad $binary;
	close $bad;
	($status, $out, $err) = $node->psql($copy, "\\copy copied FROM '$files/bad.binary' (FORMAT binary)");
	like($err, qr/invalid input syntax for type iom_node: "OSS MAC"/, 'bad code in a binary file');
};

# What the README gives as set-up is what the programs do.
subtest 'README' => sub {
	my $section = slurp_file($readme) =~ /^## Clients\n(.*?)^## /ms ? $1 : '';
	my $blocks = 0;

	while ($section =~ m{\(test/clients/([\w./]+)\)(?:(?!^```).)*^```\w+\n(.*?)^```}msg)
	{
		my ($file, $block) = ($1, $2);
		my $program = slurp_file("$programs/$file") =~ s/\s+/ /gr;
		my @parts = split /\n\s*\n/, $block;

		$blocks++;
		ok(index($program, s/\s+/ /gr =~ s/^ | $//gr) >= 0, "$file does as the README says") or diag($_)
		  for @parts;
	}
	is($blocks, 4, 'clients that need set-up');
};

done_testing();
