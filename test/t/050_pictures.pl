# What iom_dot and iom_mermaid write is taken by Graphviz and by Mermaid, whatever
# names and codes are in it, and says there what the tables say. Graphviz's boxes
# leave each other alone, and the headquarters make a landscape page. Skipped where
# there is no Graphviz; for Mermaid, where npm does not get it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IomOrg;
use PostgreSQL::Test::Utils;
use IPC::Run ();
use Test::More;

my $node = iomorg_node('pictures');
my $dir = PostgreSQL::Test::Utils::tempdir();

# A picture of each organisation: the seed, one of names and codes that mean
# something to a parser, a random forest, nothing.
my %organisation = (
	seed => '',
	names => <<'SQL',
DELETE FROM iom_appointment; DELETE FROM iom_line; DELETE FROM iom_unit;
INSERT INTO iom_unit (node, name, kind)
SELECT 'N' || row_number() OVER (), name, (ARRAY['post', 'unit', 'committee', 'x "y" <z>'])[1 + row_number() OVER () % 4]
FROM unnest(ARRAY['end', 'subgraph x', 'A "quoted" <b>name</b> & co', E'back\\slash \\n \\N \\"', E'\\G\\T\\E\\H\\L', U&'no \FFFE\FFFF character', '#quot; #35; &lt; &amp; 100%',
	'%%{init: {"theme": "dark"}}%%', '%% comment', '$$x^2$$', '`code` **bold** _i_', '1. list', '- list', 'a;b;c|d]e}f)g"]:::h',
	'x --> y', '-.->|z|', '@{ shape: rect }', 'fa:fa-car', 'click N1 href "x"', '<script>alert(1)</script>', '<table>', '&#x41;', ' ',
	E'two\r\nlines\tand\x01\x0b\x1f\x7f others', 'مكتب المدير العام', 'משרד המנכ"ל', '國際移民組織總部國際移民組織總部', '구조조정위원회 사무국',
	'direction TB', U&'direction\00a0TB', U&'direction\2028LR', 'Lifestyle:R&D', 'Lifestyle:"Q"', 'classDef:x<y',
	'Отдел кадров', 'ไทย', 'हिन्दी', '😀 smile', U&'\FFFD\200F\202E right', 'Donaudampfschifffahrtsgesellschaftskapitän',
	repeat('long ', 60), repeat('x', 400)]) AS name;
INSERT INTO iom_unit (node, name)
SELECT code::iom_node, code FROM unnest(ARRAY['END', 'GRAPH', 'SUBGRAPH', 'STYLE', 'CLASS', 'CLASSDEF', 'CLICK', 'DEFAULT', 'LINKSTYLE',
	'FLOWCHART', 'DIRECTION', 'HREF', 'X', 'O', 'V', 'TB', '1', '12.5', '-', '.', '_', '--', '-.-', '===', '---', 'A--B', 'A-.-B', 'A..B',
	'O--O', 'X--X', 'A-', '-A', 'A_B', 'A-B', 'A.B', 'AHB', 'ADB', 'NODE', 'EDGE', 'DIGRAPH', 'STRICT']) AS code WHERE code <> '===';
INSERT INTO iom_line (node, supervisor) SELECT node, 'N' || 1 + abs(hashint8(node::bigint) % 5) FROM iom_unit WHERE node > 'N5' OR node < 'N1';
INSERT INTO iom_line (node, supervisor, relation, line)
SELECT node, 'N1', name, 'dotted' FROM iom_unit WHERE node <> 'N1' AND btrim(name) <> '';
SQL
	forest => <<'SQL',
DELETE FROM iom_appointment; DELETE FROM iom_line; DELETE FROM iom_unit;
INSERT INTO iom_unit (node, name) SELECT 'U' || i, repeat('Unit ', 1 + i % 7) || i FROM generate_series(1, 250) i;
INSERT INTO iom_line (node, supervisor) SELECT 'U' || i, 'U' || 1 + abs(hashint4(i)) % (i - 1) FROM generate_series(2, 250) i WHERE i % 40 <> 0;
INSERT INTO iom_line (node, supervisor, relation, line) SELECT 'U' || i, 'U' || i + 7, 'asks', 'dotted' FROM generate_series(1, 240, 13) i;
SQL
	# many small inner nodes, which hang
	wide => <<'SQL',
DELETE FROM iom_appointment; DELETE FROM iom_line; DELETE FROM iom_unit;
INSERT INTO iom_unit (node, name) SELECT 'U' || i, repeat('Unit ', 1 + i % 7) || i FROM generate_series(1, 600) i;
INSERT INTO iom_line (node, supervisor) SELECT 'U' || i, 'U' || CASE WHEN i <= 9 THEN 1 WHEN i <= 60 THEN 2 + i % 8 ELSE 2 + abs(hashint4(i)) % least(i - 3, 250) END
FROM generate_series(2, 600) i;
SQL
	# many trees, and none
	trees => <<'SQL',
DELETE FROM iom_appointment; DELETE FROM iom_line; DELETE FROM iom_unit;
INSERT INTO iom_unit (node, name) SELECT 'R' || r, 'Root of number ' || r FROM generate_series(1, 60) r;
INSERT INTO iom_unit (node, name) SELECT 'R' || r || '-' || k, 'Unit ' || k FROM generate_series(1, 60) r, generate_series(1, r * 7 % 6) k;
INSERT INTO iom_line (node, supervisor)
SELECT 'R' || r || '-' || k, 'R' || r || CASE WHEN k > 2 AND r % 3 = 0 THEN '-1' ELSE '' END FROM generate_series(1, 60) r, generate_series(1, r * 7 % 6) k;
SQL
	roots => <<'SQL',
DELETE FROM iom_appointment; DELETE FROM iom_line; DELETE FROM iom_unit;
INSERT INTO iom_unit (node, name) SELECT 'R' || r, 'Root of number ' || r FROM generate_series(1, 300) r;
SQL
	nothing => 'DELETE FROM iom_appointment; DELETE FROM iom_line; DELETE FROM iom_unit;');

my (%dot, %mermaid, %nodes, %lines);
for my $name (sort keys %organisation)
{
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, "CREATE EXTENSION iomorg; $organisation{$name}");
	$dot{$name} = write_file("$name.dot", $node->safe_psql($name, 'SELECT iom_dot(dotted => true)'));
	$mermaid{$name} = write_file("$name.mmd", $node->safe_psql($name, 'SELECT iom_mermaid(dotted => true)'));
	$nodes{$name} = [ split /\n/, $node->safe_psql($name, 'SELECT node FROM iom_unit ORDER BY 1') ];
	$lines{$name} = [ split /\n/, $node->safe_psql($name, q{SELECT format('%s->%s', supervisor, node) FROM iom_line ORDER BY 1}) ];
}

sub write_file
{
	my ($name, $content) = @_;
	open my $out, '>', "$dir/$name" or die "$dir/$name: $!";
	print $out "$content\n";
	close $out;
	return "$dir/$name";
}

# The titles of nodes or edges in Graphviz's SVG, in order.
sub titles
{
	my ($svg, $class) = @_;
	my @titles = $svg =~ /<g id="[^"]*" class="$class">\s*<title>([^<]*)<\/title>/g;
	s/&#45;/-/g, s/&gt;/>/g for @titles;
	return [ sort @titles ];
}

# Lines without their direction.
sub ends
{
	return join(' ', sort map { join('--', sort split /->/) } split / /, shift);
}

# The README's picture is the seed.
my $picture = slurp_file("$FindBin::RealBin/../../doc/headquarters.svg");
is_deeply(titles($picture, 'node'), [ sort @{ $nodes{seed} } ], 'doc/headquarters.svg has the nodes of the seed');
is_deeply(titles($picture, 'edge'), [ sort @{ $lines{seed} } ], 'doc/headquarters.svg has the lines of the seed');

SKIP:
{
	my $version;
	skip('no Graphviz', 1) unless eval { IPC::Run::run([ 'dot', '-V' ], '2>', \$version) };
	for my $name (sort keys %dot)
	{
		my ($svg, $plain, $err);

		ok(IPC::Run::run([ 'dot', '-Tsvg', $dot{$name} ], '>', \$svg, '2>', \$err), "$name: dot -Tsvg") or diag($err);
		unlike($err, qr/error|not well-formed|unknown|unexpected/i, "$name: without errors");
		is_deeply(titles($svg, 'node'), [ sort @{ $nodes{$name} } ], "$name: nodes");
		is_deeply(titles($svg, 'edge'), [ sort @{ $lines{$name} } ], "$name: lines");
		# (a word joiner keeps it from replacing letters after a backslash)
		like($svg, qr/\\(?:\xe2\x81\xa0|&#8288;)G\\/, "$name: backslashes") if $name eq 'names';
		next if $name eq 'nothing' || $name eq 'names';

		# Some fonts make boxes wider than they should be.
		IPC::Run::run([ 'dot', '-Tplain', $dot{$name} ], '>', \$plain, '2>', \$err);
		my $touching = 0;
		my @boxes = map { /^(?:"[^"]*"|\S+) (\S+) (\S+) (\S+) (\S+) / ? [ $1, $2, $3, $4 ] : () } $plain =~ /^node (.*)$/mg;
		is(scalar @boxes, scalar @{ $nodes{$name} }, "$name: boxes");
		for my $i (0 .. $#boxes)
		{
			for my $j (0 .. $i - 1)
			{
				my ($a, $b) = @boxes[ $i, $j ];
				$touching++
				  if abs($a->[0] - $b->[0]) < ($a->[2] + $b->[2]) / 2
				  && abs($a->[1] - $b->[1]) < ($a->[3] + $b->[3]) / 2;
			}
		}
		is($touching, 0, "$name: no boxes one on the other");
		my ($width, $height) = $plain =~ /^graph \S+ (\S+) (\S+)/;
		if ($name eq 'wide')
		{
			cmp_ok($width / $height, '<', 4, 'many small inner nodes: not too wide');
		}
		if ($name eq 'trees' || $name eq 'roots')
		{
			cmp_ok($width / $height, '>', 0.7, "$name: a page, not too high");
			cmp_ok($width / $height, '<', 2, "$name: a page, not too wide");
		}
		if ($name eq 'seed')
		{
			cmp_ok($width / $height, '>', 1.2, 'a landscape page: wide');
			cmp_ok($width / $height, '<', 1.8, 'a landscape page: not too wide');
		}
	}
}

SKIP:
{
	my $script = write_file('mermaid.cjs', <<'JS');
const fs = require('fs');
globalThis.window = new (require('jsdom').JSDOM)('').window;
globalThis.document = window.document;
require('vm').runInThisContext(fs.readFileSync('package/dist/mermaid.min.js', 'utf8'));
mermaid.initialize({ maxTextSize: 5e7, maxEdges: 1e6 });
(async () => {
  for (const file of process.argv.slice(2)) {
    const { db } = await mermaid.mermaidAPI.getDiagramFromText(fs.readFileSync(file, 'utf8'));
    const code = {};
    for (const v of db.getVertices().values()) code[v.id] = v.text.match(/^<b>([^<]*)<\/b>/)[1];
    console.log(Object.values(code).sort().join(' '));
    console.log(db.getEdges().map((e) => `${code[e.start]}->${code[e.end]}`).sort().join(' '));
  }
})();
JS
	my $out;
	# its parser is in a file of its own, and it wants a document
	skip('no Mermaid', 1)
	  unless eval {
		IPC::Run::run([ 'timeout', '150', 'sh', '-c',
				q{npm pack --fetch-retries=0 --fetch-timeout=20000 mermaid@11 &&
				  tar -xzf mermaid-*.tgz package/dist/mermaid.min.js &&
				  npm install --fetch-retries=0 --no-audit --no-fund --prefix . jsdom@24} ],
			'>&', \$out, init => sub { chdir $dir });
	  };
	for my $name (sort keys %mermaid)
	{
		next if $name eq 'nothing';
		my ($said, $err);
		ok(IPC::Run::run([ 'node', $script, $mermaid{$name} ], '>', \$said, '2>', \$err, init => sub { chdir $dir }),
			"$name: Mermaid")
		  or diag(join "\n", grep { length() < 300 } split /\n/, $err);
		my ($codes, $edges) = split /\n/, $said // '';
		is($codes, join(' ', sort @{ $nodes{$name} }), "$name: nodes for Mermaid");
		# dotted lines may be written upside down
		is(ends($edges), ends(join(' ', @{ $lines{$name} })), "$name: lines for Mermaid");
	}
}

done_testing();
