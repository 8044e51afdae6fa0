--
-- The type: input, output, casts, comparison
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- As anybody
CREATE ROLE regress_reader;
SET ROLE regress_reader;

-- A code is valid on its own, whether there is such a node or not
SELECT iom_node 'DG', 'OSS-MAC'::iom_node, 'NO-SUCH_UNIT'::iom_node;
-- the shortest and the longest; every character there is
SELECT iom_node 'A', iom_node '-', iom_node '------------', iom_node '____________',
  iom_node 'ABCDEFGHIJKL', iom_node 'MNOPQRSTUVWX', iom_node 'YZ0123456789', iom_node '-._';
-- lower case is folded
SELECT iom_node 'oss-mac', iom_node 'Oss-Mac' = 'OSS-MAC' AS equal,
  iom_node 'abcdefghijkl', iom_node 'mnopqrstuvwx', iom_node 'yz';

-- Bad values, the reason, and what a code may be
SELECT iom_node '';
SELECT iom_node 'ABCDEFGHIJKLM';
SELECT iom_node ' DG';
SELECT iom_node 'DG ';
SELECT iom_node 'D G';
SELECT iom_node E'DG\n';
SELECT iom_node E'DG\t';
SELECT iom_node 'D/G';
SELECT iom_node 'DG"';
SELECT iom_node 'DG,DDGO';
SELECT iom_node '{DG}';
SELECT iom_node 'D''G';
SELECT iom_node '*';
-- a character of several bytes is quoted whole, and counts as one
SELECT iom_node 'DÉG';
SELECT iom_node '統括';
SELECT iom_node 'ABCDEFGHIJKLÉÉ';	-- too long, before anything else is looked at
-- those that fold to ASCII letters in some locales are not these letters
SELECT iom_node 'ı';
SELECT iom_node U&'\212A';	-- the sign of the kelvin
-- the bad value is cut short where long, between characters, and a bad
-- character among the first twelve says more than the length
SELECT iom_node(repeat('A', 40)), 1;
SELECT iom_node(repeat('A', 41));
SELECT iom_node(repeat('A', 1048576));
SELECT iom_node(repeat('É', 1048576));
SELECT iom_node('A' || repeat('É', 40));
SELECT iom_node(repeat('prose ', 200000));
SELECT iom_node(repeat('ABCDEFGHIJKL', 3) || ' x');
-- the classes of the errors
SELECT regress_error(format('SELECT %L::iom_node', v))
FROM unnest(ARRAY['', 'A B', 'ABCDEFGHIJKLM']) v
UNION ALL
SELECT regress_error('SELECT (-9223372036854775808)::iom_node');

-- All other bytes of ASCII are refused, wherever they stand
SELECT count(*) AS tried, count(*) FILTER (WHERE regress_error(format('SELECT %L::iom_node', v)) NOT LIKE '22P02 %') AS accepted
FROM generate_series(1, 127) c,
  LATERAL (VALUES (chr(c)), (chr(c) || 'A'), ('A' || chr(c)), ('ABCDEFGHIJK' || chr(c))) s (v)
WHERE chr(c) !~ '[A-Za-z0-9._-]';
SELECT count(*) AS tried, count(*) FILTER (WHERE upper(v COLLATE "C") <> v::iom_node::text) AS wrong
FROM generate_series(1, 127) c,
  LATERAL (VALUES (chr(c)), (chr(c) || 'A'), ('A' || chr(c)), ('ABCDEFGHIJK' || chr(c))) s (v)
WHERE chr(c) ~ '[A-Za-z0-9._-]';

-- Casts
SELECT 'DG'::text::iom_node, 'DG'::varchar::iom_node, iom_node('dg'), iom_node 'DG'::text, iom_node 'DG'::varchar,
  text(iom_node 'DG') || '!' AS concatenated, pg_typeof(iom_node 'DG'::text);
SELECT iom_node 'A'::bigint, iom_node 'DG'::bigint, iom_node '-'::bigint, iom_node '____________'::bigint;
SELECT (iom_node 'DG'::bigint)::iom_node, int8(iom_node 'DG') = iom_node 'DG'::bigint AS same;
-- by assignment from and to text, explicitly only from and to bigint
CREATE TEMPORARY TABLE regress_cast (node iom_node, code text, number bigint);
INSERT INTO regress_cast (node) SELECT 'dg'::text;
INSERT INTO regress_cast (code) SELECT iom_node 'dg';
INSERT INTO regress_cast (number) SELECT iom_node 'dg';
INSERT INTO regress_cast (node) SELECT -4866846400000000000::bigint;
INSERT INTO regress_cast (node) SELECT v FROM (VALUES ('oss-mac'::varchar), (NULL)) x (v);
INSERT INTO regress_cast (node) SELECT 'oss-pac'::character(12);
SELECT * FROM regress_cast;
-- what is not at the end of a character(n) counts, and a length does not
SELECT iom_node('dg'::character(20)) AS dg, 'dg  '::character(4)::iom_node = 'DG' AS equal,
  iom_node('dg'::varchar) AS short, iom_node('dg') AS literal;
SELECT regress_error(format('SELECT %L::%s::iom_node', v, t))
FROM (VALUES ('', 'character(3)'), ('d g', 'character(5)'), (' dg', 'character(5)'), ('dg ', 'varchar'), ('ABCDEFGHIJKLM', 'character(13)')) x (v, t);
ALTER TABLE regress_cast ADD old character(8) DEFAULT 'dla';
ALTER TABLE regress_cast ALTER old DROP DEFAULT, ALTER old TYPE iom_node;
SELECT DISTINCT old FROM regress_cast;
-- numbers that are no code: the extremes, what follows or precedes some
SELECT 9223372036854775807::iom_node;
SELECT (-9223372036854775808)::iom_node;
SELECT count(*) AS tried, count(*) FILTER (WHERE regress_error(format('SELECT (%s)::bigint::iom_node', n)) NOT LIKE '22003 %') AS accepted
FROM (VALUES
  (iom_node 'A'::bigint + 1),			-- a digit after a missing one
  (iom_node 'AB'::bigint + 1),
  (iom_node '____________'::bigint + 1),	-- a digit of 40 or more
  (iom_node '-'::bigint - 1),			-- none at all
  (iom_node 'ABCDEFGHIJ'::bigint + 1),	-- one in between
  (-9223372036854775808 + 1), (9223372036854775806)) v (n);
-- the next number to a code of twelve characters, or before a shorter one, is
-- the next code
SELECT (iom_node 'ABCDEFGHIJKL'::bigint + 1)::iom_node, (iom_node 'ABCDEFGHIJK-'::bigint + 1)::iom_node,
  (iom_node 'A'::bigint - 1)::iom_node;
-- of random numbers, all that are accepted come back as they were
SELECT setseed(0.25);
WITH number AS MATERIALIZED (
  SELECT ((random() - 0.5) * 18446744073709549568)::numeric::bigint AS n FROM generate_series(1, 2000)
), tried AS MATERIALIZED (
  SELECT n, regress_error(format('SELECT (%s)::bigint::iom_node', n)) = 'no error' AS accepted FROM number
)
SELECT count(*) FILTER (WHERE accepted) BETWEEN 100 AND 1900 AS some,
  count(*) FILTER (WHERE CASE WHEN accepted THEN n::iom_node::bigint <> n OR n::iom_node::text::iom_node::bigint <> n END) AS wrong
FROM tried;

-- Thousands of random codes: many lengths, common prefixes, all characters
SELECT setseed(0.125);
CREATE TEMPORARY TABLE regress_code AS
SELECT row_number() OVER () AS id, code FROM (
  SELECT DISTINCT string_agg(substr(alphabet, 1 + floor(random() * length(alphabet))::int, 1), '') AS code
  FROM (SELECT i, 1 + floor(random() * 12)::int AS len,
          CASE WHEN i % 2 = 0 THEN '-.0129AYZ_' ELSE '-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_' END AS alphabet
        FROM generate_series(1, 8000) i) r,
    generate_series(1, len)
  GROUP BY i) s;
ANALYZE regress_code;
SELECT count(*) > 5000 AS thousands, count(DISTINCT length(code)) AS lengths,
  count(*) FILTER (WHERE code::iom_node::text <> code) AS text_differs,
  count(*) FILTER (WHERE lower(code)::iom_node <> code::iom_node) AS folded_differs,
  count(*) FILTER (WHERE code::iom_node::bigint::iom_node <> code::iom_node) AS number_differs,
  count(*) FILTER (WHERE iom_node_send(code::iom_node) <> convert_to(code, 'UTF8')) AS binary_differs
FROM regress_code;
-- ORDER BY is that of the text in the C collation, both ways, and so is the
-- order of the numbers
SELECT array_agg(code ORDER BY code::iom_node) = array_agg(code ORDER BY code COLLATE "C") AS ascending,
  array_agg(code ORDER BY code::iom_node DESC) = array_agg(code ORDER BY code COLLATE "C" DESC) AS descending,
  array_agg(code ORDER BY code::iom_node::bigint) = array_agg(code ORDER BY code COLLATE "C") AS numbers,
  min(code::iom_node)::text = min(code COLLATE "C") AS min,
  max(code::iom_node)::text = max(code COLLATE "C") AS max
FROM regress_code;
-- All operators, for neighbours, equals and others
WITH pair AS MATERIALIZED (
  SELECT a.code AS ta, b.code AS tb, a.code::iom_node AS a, b.code::iom_node AS b
  FROM regress_code a, unnest(ARRAY[a.id, a.id * 7919 % 5000, a.id * 104729 % 5000]) other JOIN regress_code b ON b.id = other
  UNION ALL
  SELECT code, lead(code) OVER w, code::iom_node, lead(code) OVER w::iom_node FROM regress_code WINDOW w AS (ORDER BY code COLLATE "C")
  UNION ALL
  SELECT lead(code) OVER w, code, lead(code) OVER w::iom_node, code::iom_node FROM regress_code WINDOW w AS (ORDER BY code COLLATE "C")
)
SELECT count(*) > 20000 AS many,
  count(*) FILTER (WHERE (a = b) IS DISTINCT FROM (ta = tb)) AS eq,
  count(*) FILTER (WHERE (a <> b) IS DISTINCT FROM (ta <> tb)) AS ne,
  count(*) FILTER (WHERE (a < b) IS DISTINCT FROM (ta < tb COLLATE "C")) AS lt,
  count(*) FILTER (WHERE (a <= b) IS DISTINCT FROM (ta <= tb COLLATE "C")) AS le,
  count(*) FILTER (WHERE (a > b) IS DISTINCT FROM (ta > tb COLLATE "C")) AS gt,
  count(*) FILTER (WHERE (a >= b) IS DISTINCT FROM (ta >= tb COLLATE "C")) AS ge,
  count(*) FILTER (WHERE iom_node_cmp(a, b) IS DISTINCT FROM
    CASE WHEN ta < tb COLLATE "C" THEN -1 WHEN ta > tb COLLATE "C" THEN 1 WHEN ta = tb THEN 0 END) AS cmp,
  count(*) FILTER (WHERE iom_node_smaller(a, b) IS DISTINCT FROM least(a, b)
    OR iom_node_larger(a, b) IS DISTINCT FROM greatest(a, b)) AS smaller_larger
FROM pair WHERE ta IS NOT NULL AND tb IS NOT NULL;

-- min and max pass over nulls, and of nothing are null
SELECT min(n), max(n) FROM unnest(ARRAY['DG', NULL, 'A', '_', '-']::iom_node[]) n;
SELECT min(n) IS NULL AS min, max(n) IS NULL AS max FROM unnest('{}'::iom_node[]) n;
SELECT NULL::iom_node = 'DG' AS eq, NULL::iom_node < 'DG' AS lt, NULL::text::iom_node AS cast;

-- Soft errors, where the server has them (else this asks by way of an error)
SELECT v, regress_input_is_valid(v, 'iom_node') FROM unnest(ARRAY['DG', 'oss-mac', '', 'D G', 'ABCDEFGHIJKLM']) v;

-- Arrays of it, and records
SELECT '{DG,NULL,oss-mac}'::iom_node[], ARRAY[iom_node 'DG', 'A'] < ARRAY[iom_node 'DG', 'B'] AS less,
  ARRAY(SELECT unnest('{C,A,B}'::iom_node[]) AS n ORDER BY n), iom_node 'B' = ANY ('{A,B}') AS any,
  '{A,B}'::iom_node[] @> '{B}' AS contains;
SELECT (iom_node 'DG', 1) < (iom_node 'DG', 2) AS less, row(iom_node 'DG')::text;
SELECT '{DG," DG"}'::iom_node[];

-- COPY, text and binary: every code comes back
\copy regress_code (code) TO 'results/regress_node.text'
\copy (SELECT id, code::iom_node FROM regress_code) TO 'results/regress_node.binary' (FORMAT binary)
CREATE TEMPORARY TABLE regress_copy (id bigint, node iom_node);
\copy regress_copy (node) FROM 'results/regress_node.text'
SELECT count(*) FILTER (WHERE c.id IS NULL OR r.node IS NULL) AS differ
FROM regress_code c FULL JOIN regress_copy r ON r.node::text = c.code;
TRUNCATE regress_copy;
\copy regress_copy FROM 'results/regress_node.binary' (FORMAT binary)
SELECT count(*) FILTER (WHERE r.node::text IS DISTINCT FROM c.code) AS differ
FROM regress_code c FULL JOIN regress_copy r USING (id);

-- What comes in binary is checked as hard: each of these is a field of raw
-- bytes where a code is expected
TRUNCATE regress_copy;
\copy (SELECT 'oss-mac'::bytea) TO 'results/regress_node.binary' (FORMAT binary)
\copy regress_copy (node) FROM 'results/regress_node.binary' (FORMAT binary)
SELECT node FROM regress_copy;
\copy (SELECT ''::bytea) TO 'results/regress_node.binary' (FORMAT binary)
\copy regress_copy (node) FROM 'results/regress_node.binary' (FORMAT binary)
\copy (SELECT 'ABCDEFGHIJKLM'::bytea) TO 'results/regress_node.binary' (FORMAT binary)
\copy regress_copy (node) FROM 'results/regress_node.binary' (FORMAT binary)
\copy (SELECT 'D G'::bytea) TO 'results/regress_node.binary' (FORMAT binary)
\copy regress_copy (node) FROM 'results/regress_node.binary' (FORMAT binary)
\copy (SELECT convert_to(repeat('A', 1048576), 'UTF8')) TO 'results/regress_node.binary' (FORMAT binary)
\copy regress_copy (node) FROM 'results/regress_node.binary' (FORMAT binary)
-- the eight bytes of the packed form, a NUL, invalid UTF-8
\set VERBOSITY sqlstate
\copy (SELECT int8send(iom_node 'DG'::bigint)) TO 'results/regress_node.binary' (FORMAT binary)
\copy regress_copy (node) FROM 'results/regress_node.binary' (FORMAT binary)
\copy (SELECT '\x4400'::bytea) TO 'results/regress_node.binary' (FORMAT binary)
\copy regress_copy (node) FROM 'results/regress_node.binary' (FORMAT binary)
\copy (SELECT '\x44c328'::bytea) TO 'results/regress_node.binary' (FORMAT binary)
\copy regress_copy (node) FROM 'results/regress_node.binary' (FORMAT binary)
\copy (SELECT '\x41c3'::bytea) TO 'results/regress_node.binary' (FORMAT binary)
\copy regress_copy (node) FROM 'results/regress_node.binary' (FORMAT binary)
\set VERBOSITY default
SELECT count(*) FROM regress_copy;

-- What is for the server alone cannot be called (how it is refused differs)
SELECT regress_error('SELECT iom_node_recv(''DG'')') <> 'no error' AS recv,
  regress_error('SELECT iom_node_sortsupport(NULL)') <> 'no error' AS sortsupport;

DROP TABLE regress_code, regress_copy, regress_cast;
RESET ROLE;
DROP ROLE regress_reader;
