# Accidents: other encodings and locales, odd settings, little memory and stack,
# a disk that is full in the middle of a bulk edit, the extension dropped under
# HR tables. Answers are the same, or there is an ordinary error and nothing is
# lost.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IomOrg;
use Oracle;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# A Turkish locale (of i and I, the small and capital letters are others), made
# here if the system's parts are at hand: the server finds it by LOCPATH.
my $locales = PostgreSQL::Test::Utils::tempdir();
my $turkish = !system("localedef -i tr_TR -f UTF-8 $locales/tr_TR.utf8 >'$locales/log' 2>&1");
$ENV{LOCPATH} = $locales if $turkish;
my $german = $turkish && !system("localedef -i de_DE -f UTF-8 $locales/de_DE.utf8 >'$locales/log' 2>&1");

# Small segments of WAL, so that files can be limited to less than a table needs.
my $node = iomorg_node('main', extra => ['--wal-segsize=1'], conf => "max_wal_size = 64MB\njit = off\n");

# Everything that folds, sorts, searches or measures text.
my $questions = q{SELECT string_agg(a, E'\n') FROM (
	SELECT 'find ' || q || ' ' || string_agg(f.node || ' ' || f.score, ',' ORDER BY f.score DESC, f.node) FROM
		unnest('{oig,Idf,oss-mac,inspector,INSPECTOR GENERAL,migration,ethics,insp,headquarters building,Internal}'::text[]) q, iom_find(q) f GROUP BY q
	UNION ALL SELECT 'node ' || iom_node('idf') || iom_path('oss-mac') || iom_path('dict', ' > ')
	UNION ALL SELECT 'look ' || k || iom_picture_look(k)::text FROM unnest('{DIVISION,Division,unit,UNIT,Field}'::text[]) k
	UNION ALL SELECT 'org ' || o::text FROM iom_org o
	UNION ALL SELECT 'levels ' || string_agg(l::text, ',' ORDER BY l.node) FROM iom_levels l
	UNION ALL SELECT 'order ' || string_agg(node::text, ',' ORDER BY node) FROM iom_unit
	UNION ALL SELECT 'tree ' || regexp_replace(t, '^[^A-Z]*', '') FROM iom_tree(NULL, NULL, true) t -- (lines as the encoding has them)
	UNION ALL SELECT 'picture ' || md5(replace(iom_dot(NULL, NULL, true), 'charset="latin1"', 'charset="UTF-8"')) || md5(iom_mermaid(NULL, NULL, true)) || md5(iom_json(NULL, NULL, true)::text)
	UNION ALL SELECT 'relations ' || r::text FROM iom_relations() r
	UNION ALL SELECT 'matrix ' || m::text FROM iom_matrix('COUNCIL') m
	UNION ALL SELECT 'totals ' || r::text FROM (SELECT iom_rollup(node, position) AS t FROM iom_unit) s, iom_unnest(s.t) r
	UNION ALL SELECT 'check ' || c::text FROM iom_check() c
	UNION ALL SELECT 'diff ' || d::text FROM iom_diff('2020-01-01', '2030-01-01') d) x (a)};

my $answers;

# Are the answers those, line by line?
sub same_answers
{
	my ($got, $what) = @_;
	my %line = map { $_ => 1 } split /\n/, $answers;

	is(join("\n", grep { !delete $line{$_} } split /\n/, $got), '', "$what: the same answers");
	is(join("\n", sort keys %line), '', "$what: all of them");
}

#
# Encodings and locales
#
my %database = (
	sql_ascii => [ q{ENCODING 'SQL_ASCII' LOCALE 'C'}, undef ],
	latin1 => [ q{ENCODING 'LATIN1' LOCALE 'C'}, "\x{e9}cole \x{c9}T\x{c9}" ],
	euc_jp => [ q{ENCODING 'EUC_JP' LOCALE 'C'}, "\x{4eba}\x{4e8b}\x{90e8}" ],
	turkish_libc => [ q{ENCODING 'UTF8' LOCALE 'tr_TR.utf8'}, "\x{131}rmak \x{130}L" ],
	turkish_icu => [ q{ENCODING 'UTF8' LOCALE 'C' LOCALE_PROVIDER icu ICU_LOCALE 'tr'}, "\x{131}rmak \x{130}L" ]);

$node->safe_psql('postgres', 'CREATE EXTENSION iomorg');
$answers = $node->safe_psql('postgres', $questions);
cmp_ok(length $answers, '>', 10000, 'there are answers');
for my $name (sort keys %database)
{
	my ($options, $word) = @{ $database{$name} };
	my ($status, $out, $err) = $node->psql('postgres', "CREATE DATABASE $name TEMPLATE template0 $options");

  SKIP:
	{
		skip "$name: $err", 1 if $status;
		$node->safe_psql($name, 'CREATE EXTENSION iomorg');
		same_answers($node->safe_psql($name, $questions), $name);
		next if !defined $word;
		utf8::encode($word);
		# as this script says it, and as the database has it
		my $ask = qq{SET client_encoding = 'UTF8';
			SELECT iom_add('new-1', '$word', 'oig');
			SELECT node FROM iom_find('$word');
			SELECT t FROM iom_tree('OIG') t;
			SELECT iom_json('NEW-1') ->> 'name';
			SELECT position('$word' IN iom_mermaid('NEW-1')) > 0;
			SELECT after ->> 'name' FROM iom_history WHERE node = 'NEW-1' AND relation = 'iom_unit'};
		like($node->safe_psql($name, $ask), qr/^NEW-1\nNEW-1\nOIG.*\n.*NEW-1  \Q$word\E\n\Q$word\E\nt\n\Q$word\E$/, "$name: its own letters");
	}
}

#
# Settings of the session; of them, another language of the messages
#
for my $setting (
	($turkish ? q{lc_messages = 'tr_TR.utf8'} : ()), ($german ? q{lc_messages = 'de_DE.utf8'} : ()),
	q{DateStyle = 'SQL, DMY'}, q{IntervalStyle = 'sql_standard'}, 'standard_conforming_strings = off', 'quote_all_identifiers = on',
	q{TimeZone = 'Pacific/Kiritimati'}, q{TimeZone = 'Etc/GMT+12'}, q{lc_messages = 'C'}, 'transform_null_equals = on', 'extra_float_digits = -15',
	'array_nulls = off', q{default_text_search_config = 'pg_catalog.turkish'}, q{search_path = public}, q{xmloption = document},
	'row_security = off', 'check_function_bodies = off', 'work_mem = 64', 'max_stack_depth = 100', 'temp_buffers = 100', 'hash_mem_multiplier = 1',
	'from_collapse_limit = 1', 'geqo_threshold = 2', 'force_parallel_mode = on', 'debug_parallel_query = on', 'default_transaction_isolation = serializable',
	'default_transaction_read_only = on', 'enable_hashjoin = off', 'enable_nestloop = off', 'enable_sort = off', 'plan_cache_mode = force_generic_plan', 'jit_above_cost = 0')
{
	my ($status, $out, $err) = $node->psql('postgres', "SET $setting; $questions");

	if ($status && $err =~ /unrecognized configuration parameter|non-standard string literals are not supported/)
	{
		note("SET $setting: not with this server: $err");
		next;
	}
	# (pages of floats in scores are what extra_float_digits is about)
	if ($setting =~ /extra_float/) { is($status, 0, "SET $setting") }
	# (ranges are shown as that says)
	elsif ($setting =~ /DateStyle/) { is($status, 0, "SET $setting") }
	else { same_answers($out, "SET $setting") }

	# changes too: all of them, and what is recorded of them, are undone
	next if $setting =~ /read_only/;
	my $change = q{BEGIN;
		SELECT iom_add('NEW', 'New', 'DLA', effective => '2024-02-01'), iom_move('NEW', 'OSS', '2024-03-01'), iom_relate('NEW', 'DLA', 'helps', '2024-03-02'),
			iom_unrelate('NEW', 'DLA', 'helps', '2024-03-03'), iom_close('NEW', '2024-04-05');
		SELECT string_agg(concat_ws(' ', relation, change, node, before, after), ';' ORDER BY id) FROM iom_history WHERE node = 'NEW'};
	is($node->safe_psql('postgres', "SET $setting; $change"), $node->safe_psql('postgres', $change), "SET $setting: the same changes");
}

# What is refused is refused for the same reason in every language, also where one
# of our functions meets an error of the server's and goes on.
my $refused = q{DO $$
	DECLARE
	  codes text := '';
	  try text;
	BEGIN
	  FOREACH try IN ARRAY ARRAY['iom_add(''DLA'', ''Twice'', ''DG'')', 'iom_add(''NEW'', ''New'', ''NOBODY'')', 'iom_add(''NEW'', '''', ''DG'')', 'iom_move(''DG'', ''DLA'')',
	    'iom_move(''NOBODY'', ''DG'')', 'iom_close(''DDGO'')', 'iom_relate(''DLA'', ''DLA'', ''helps'')', 'iom_unrelate(''DLA'', ''DOE'', ''helps'')', 'iom_node(''a b'')',
	    'iom_import(''SELECT nothing'')', 'iom_import(''SELECT ''''a b'''' AS code, 1/0 AS name, NULL AS supervisor'')', 'set_config(''iomorg.as_of'', ''never'', true)',
	    'count(*) FROM iom_import_problems(''SELECT ''''a b'''' AS code, ''''n'''' AS name, ''''x'''' AS supervisor'')', 'count(*) FROM iom_import_problems(''SELECT nothing'')'] LOOP
	    BEGIN
	      EXECUTE 'SELECT ' || try;
	      codes := codes || ' ok';
	    EXCEPTION WHEN OTHERS THEN
	      codes := codes || ' ' || SQLSTATE;
	    END;
	  END LOOP;
	  PERFORM set_config('test.codes', codes, false);
	END $$; SELECT current_setting('test.codes')};
for my $locale ($turkish ? 'tr_TR.utf8' : (), $german ? 'de_DE.utf8' : ())
{
	is($node->safe_psql('postgres', "SET client_min_messages = error; SET lc_messages = '$locale'; $refused"),
		$node->safe_psql('postgres', "SET client_min_messages = error; $refused"), "messages of $locale: the same is refused");
}
note($node->safe_psql('postgres', $refused));

#
# Little memory and stack, a deep and a large organisation
#
$node->safe_psql('postgres', q{CREATE DATABASE big});
$node->safe_psql('big', q{CREATE EXTENSION iomorg;
	INSERT INTO iom_unit (node, name) SELECT 'D' || i, 'Deep' FROM generate_series(1, 3000) i;
	INSERT INTO iom_line (node, supervisor) SELECT 'D' || i, 'D' || i - 1 FROM generate_series(2, 3000) i});
my $deep = q{SET max_stack_depth = 100; SET work_mem = 64; SET maintenance_work_mem = 1024;
	SELECT iom_level('D3000'), length(iom_path('D3000')), iom_common_supervisor('D3000', 'D2'), 'D3000' <@ 'D1'::iom_node, iom_distance('D1', 'D3000');
	SELECT count(*) FROM iom_tree();
	SELECT count(*), max(length(path)) FROM iom_org;
	SELECT count(*) FROM iom_matrix('D1');
	SELECT count(*), max(r.count) FROM (SELECT iom_headcount(node) AS t FROM iom_unit) s, iom_unnest(s.t) r;
	SELECT count(*) FROM iom_check();
	SELECT count(*) FROM iom_diff('2020-01-01', '2021-01-01')};
my $limited = $node->safe_psql('big', $deep);
is($limited, $node->safe_psql('big', $deep =~ s/^SET .*//mr), 'a deep chain with the least stack and memory');
my ($status, $out, $err) = $node->psql('big', q{SET max_stack_depth = 100; SET work_mem = 64; SELECT length(iom_json('D1')::text) > 0});
ok($status == 0 || $err =~ /stack depth limit exceeded/, 'nested deeper than the stack: an answer or an ordinary error');
is($node->safe_psql('big', q{SET max_stack_depth = 100; SELECT iom_level('D3000')}), 3000, 'and the next session answers');

#
# The disk is full: as far as the backends can tell, of files above 4 MB.  (Only
# those that are started from now on; the others write the WAL and recover.)
#
SKIP:
{
	my $pid = $node->safe_psql('postgres', q{SELECT (regexp_match(pg_read_file('postmaster.pid'), '^\d+'))[1]});

	skip 'no prlimit', 1 if system('prlimit', '--pid', $pid, '--fsize=4194304:');
	$node->safe_psql('postgres', 'CREATE DATABASE full_disk');
	$node->safe_psql('full_disk', 'CREATE EXTENSION iomorg');
	create_check_org($node, 'full_disk');
	create_check_sound($node, 'full_disk');
	my $content = q{SELECT md5(string_agg(r, ',' ORDER BY r)) FROM (SELECT u::text FROM iom_unit u UNION ALL SELECT l::text FROM iom_line l UNION ALL SELECT h::text FROM iom_history h) x (r)};
	my $before = $node->safe_psql('full_disk', $content);
	my @edits = (
		'one statement' => q{INSERT INTO iom_unit (node, name, mandate) SELECT 'X' || i, 'Extra', repeat('word ', 100) FROM generate_series(1, 20000) i},
		'several statements' => q{BEGIN; UPDATE iom_line SET supervisor = 'DLA' WHERE node = 'DOE'; DELETE FROM iom_line WHERE node = 'GDI';
			INSERT INTO iom_unit (node, name, mandate) SELECT 'X' || i, 'Extra', repeat('word ', 100) FROM generate_series(1, 20000) i; COMMIT});
	while (my ($what, $edit) = splice @edits, 0, 2)
	{
		my ($status, $out, $err) = $node->psql('full_disk', $edit, on_error_stop => 1);

		like($err, qr/could not (extend|write)/, "disk full, $what: an error");
		is($node->safe_psql('full_disk', $content), $before, "disk full, $what: nothing of it is left");
		is($node->safe_psql('full_disk', q{SELECT check_org() || ' ' || check_sound()}), 'ok ok', "disk full, $what: answers as its rows have it");
	}
	system('prlimit', '--pid', $pid, '--fsize=unlimited:');
	is($node->safe_psql('full_disk', q{SELECT iom_add('ROOM', 'Room again', 'DLA'); SELECT iom_path('ROOM')}), "ROOM\nDG/DDGMR/DLA/ROOM", 'with room again, changes go on');
	is($node->safe_psql('full_disk', q{SELECT count(*) FROM iom_check()}), 0, 'and all is sound');
}

#
# Columns renamed, dropped or of another type, triggers and constraints dropped, by
# whoever may: then what is asked and changed goes on, or is an ordinary error.
#
$node->safe_psql('postgres', q{CREATE FUNCTION altered() RETURNS SETOF text LANGUAGE plpgsql AS $$
	DECLARE
	  change text;
	  try text;
	  said text;
	BEGIN
	  FOR change IN
	    SELECT format(how, a.attrelid::regclass, a.attname) FROM pg_attribute a,
	      unnest('{ALTER TABLE %s RENAME %I TO other,ALTER TABLE %s DROP %I CASCADE,ALTER TABLE %s ALTER %I TYPE text USING NULL,ALTER TABLE %s ALTER %I DROP NOT NULL}'::text[]) how
	    WHERE a.attrelid IN ('iom_unit'::regclass, 'iom_line'::regclass, 'iom_appointment'::regclass, 'iom_history'::regclass, 'iom_revision'::regclass)
	      AND a.attnum > 0 AND NOT a.attisdropped
	    UNION ALL SELECT format('ALTER EXTENSION iomorg DROP TABLE %s', c) FROM unnest('{iom_unit,iom_line,iom_appointment,iom_history,iom_revision}'::text[]) c
	    UNION ALL SELECT format('ALTER TABLE %s RENAME TO other', c) FROM unnest('{iom_unit,iom_line,iom_appointment,iom_history,iom_revision}'::text[]) c
	    UNION ALL SELECT format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', conrelid::regclass, conname) FROM pg_constraint WHERE conrelid::regclass::text LIKE 'iom%'
	    UNION ALL SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass) FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'iom%' AND NOT tgisinternal
	  LOOP
	    BEGIN
	      EXECUTE change;
	      said := '';
	      FOREACH try IN ARRAY ARRAY['SELECT iom_path(''DLA'')', 'SELECT count(*) FROM iom_subtree(''DG'')', 'SELECT count(*) FROM iom_unit WHERE node <@ ''DDGMR''',
	        'SELECT iom_move(''DLA'', ''DOE'')', 'SELECT iom_add(''NEW'', ''New'', ''DLA'')', 'SELECT iom_close(''GDI'')', 'SELECT count(*) FROM iom_check()',
	        'SELECT count(*) FROM iom_diff(''2020-01-01'', ''2030-01-01'')', 'SELECT count(*) FROM iom_tree(NULL, NULL, true)', 'SELECT count(*) FROM iom_find(''legal'')',
	        'UPDATE iom_appointment SET term = NULL', 'DELETE FROM iom_line', 'SELECT iom_import(''SELECT ''''A'''' AS code, ''''A'''' AS name, NULL AS supervisor'')'] LOOP
	        BEGIN
	          EXECUTE try;
	        EXCEPTION WHEN OTHERS THEN
	          said := said || ' ' || SQLSTATE || CASE WHEN SQLSTATE ~ '^XX' THEN ' (' || try || ': ' || SQLERRM || ')' ELSE '' END;
	        END;
	      END LOOP;
	      RAISE EXCEPTION USING MESSAGE = said, ERRCODE = 'ALTER';
	    EXCEPTION WHEN SQLSTATE 'ALTER' THEN
	      RETURN NEXT change || ':' || SQLERRM;
	    WHEN OTHERS THEN
	      RETURN NEXT change || ': refused' || CASE WHEN SQLSTATE ~ '^XX' THEN ' ' || SQLSTATE || SQLERRM ELSE '' END;
	    END;
	  END LOOP;
	END $$});
($status, $out, $err) = $node->psql('postgres', q{SET client_min_messages = error; SELECT * FROM altered()});
is($status, 0, 'altered tables: no crash');
note($out);
cmp_ok(scalar(() = $out =~ /\n/g), '>', 100, 'altered tables: in every way');
is(join("\n", grep { /XX\w{3}/ } split /\n/, $out), '', 'altered tables: no internal error');
same_answers($node->safe_psql('postgres', $questions), 'altered tables, rolled back');

#
# DROP EXTENSION
#
$node->safe_psql('postgres', q{CREATE TABLE staff (id int PRIMARY KEY, unit iom_node REFERENCES iom_unit); INSERT INTO staff VALUES (1, 'DLA');
	CREATE VIEW legal AS SELECT id FROM staff WHERE unit <@ 'DDGMR'});
for my $drop ('DROP EXTENSION iomorg', 'DROP TYPE iom_node CASCADE', 'DROP TABLE iom_unit CASCADE', 'DROP FUNCTION iom_path', 'DROP OPERATOR <@ (iom_node, iom_node)',
	'DROP VIEW iom_org', 'DROP TRIGGER _iom_begin ON iom_unit; SELECT 1/count(*) FROM iom_check()')
{
	my ($status, $out, $err) = $node->psql('postgres', "BEGIN; $drop; ROLLBACK", on_error_stop => 1);

	if ($drop =~ /TRIGGER/) { is($status, 0, "$drop: done, and iom_check() tells") }
	else { like($err, qr/because (extension iomorg requires it|other objects depend on it)/, "$drop: refused") }
}
is($node->safe_psql('postgres', q{SELECT s.id, iom_path(unit) FROM staff s JOIN legal USING (id)}), '1|DG/DDGMR/DLA', 'nothing is lost');
$node->safe_psql('postgres', q{DROP VIEW legal; ALTER TABLE staff DROP CONSTRAINT staff_unit_fkey, ALTER unit TYPE text; DROP EXTENSION iomorg});
is($node->safe_psql('postgres', q{SELECT * FROM staff}), '1|DLA', 'as text, HR columns outlive the extension');
is($node->safe_psql('postgres', q{SELECT count(*) FROM (SELECT proname FROM pg_proc UNION ALL SELECT relname FROM pg_class UNION ALL SELECT typname FROM pg_type) x (n) WHERE n ~ '^_?_?iom_'}),
	0, 'and nothing of it is left');

done_testing();
