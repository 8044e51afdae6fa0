--
-- Pictures
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

CREATE ROLE regress_editor;
GRANT INSERT, UPDATE, DELETE ON iom_unit, iom_line TO regress_editor;
SET ROLE regress_editor;

\pset format unaligned
\pset tuples_only on
-- All of it
SELECT * FROM iom_tree();

-- One branch, with dotted lines
SELECT tree FROM iom_tree('COS', dotted => true);
-- down to a depth, and beyond any
SELECT tree FROM iom_tree('DG', 1);
SELECT tree FROM iom_tree(max_depth => 0);
SELECT tree FROM iom_tree('OSS', 2147483647);
SELECT count(*) FROM iom_tree('DG', -1);
SELECT count(*) FROM iom_tree(NULL, NULL, NULL, NULL);
-- a leaf, one that is unknown
SELECT tree FROM iom_tree('DOE');
SELECT count(*) FROM iom_tree('NOBODY');

-- A name of several lines stays on one; the empty text and wide letters
BEGIN;
INSERT INTO iom_unit (node, name) VALUES
  ('LAST', E'Of\ntwo lines,\r\na\ttab'), ('LAST-A', 'Büro für 移民'), ('LAST-B', ' '), ('LAST-A1', 'Below');
INSERT INTO iom_line (node, supervisor) VALUES ('LAST', 'DG'), ('LAST-A', 'LAST'), ('LAST-B', 'LAST'), ('LAST-A1', 'LAST-A');
INSERT INTO iom_line (node, supervisor, relation, line) VALUES
  ('LAST-A', 'DLA', 'consults', 'dotted'), ('LAST-A', 'DG', 'consults', 'dotted'), ('LAST-A', 'DG', 'assists', 'dotted'),
  ('LAST-B', 'LAST', 'assists', 'dotted');
SELECT tree FROM iom_tree('LAST', dotted => true);
-- as a branch, strokes pass it by
SELECT tree FROM (SELECT tree, row_number() OVER () AS place FROM iom_tree('DG')) t WHERE place > 35;
-- siblings by position, then code
UPDATE iom_unit SET position = -5 WHERE node = 'LAST-B';
SELECT tree FROM iom_tree('LAST');
UPDATE iom_unit SET position = 1000 WHERE node = 'LAST-B';
SELECT tree FROM iom_tree('LAST');
-- on a day
UPDATE iom_line SET valid = '[2030-01-01,)' WHERE node = 'LAST-A' AND line = 'solid';
UPDATE iom_line SET valid = '[2030-01-01,)' WHERE node = 'LAST-B' AND line = 'dotted';
SELECT tree FROM iom_tree('LAST', dotted => true, as_of => '2029-12-31');
SELECT tree FROM iom_tree('LAST', dotted => true, as_of => '2030-01-01');
ROLLBACK;

-- Deep charts are indented no further than 50 levels, and say where they are
BEGIN;
INSERT INTO iom_unit (node, name) SELECT 'C' || i, 'Number ' || i FROM generate_series(1, 60) i;
INSERT INTO iom_line (node, supervisor) SELECT 'C' || i, 'C' || i - 1 FROM generate_series(2, 60) i;
INSERT INTO iom_unit (node, name) VALUES ('SIDE', 'Beside 58');
INSERT INTO iom_line (node, supervisor) VALUES ('SIDE', 'C57');
SELECT length(tree), trim(tree) FROM (SELECT tree, row_number() OVER () AS place FROM iom_tree('C1')) t WHERE place > 48;
SELECT length(tree), trim(tree) FROM (SELECT tree, row_number() OVER () AS place FROM iom_tree('C9')) t WHERE place > 48;
SELECT count(*), max(length(tree)) FROM iom_tree('C1', 55);
ROLLBACK;

-- The drawing is the chart: every line's depth is the level, its order the rank
\pset format aligned
\pset tuples_only off
SELECT count(*) AS compared, count(*) FILTER (WHERE
    t.place <> o.rank
    OR (strpos(t.tree, o.code) - 1) / 3 <> o.level - 1
    OR substr(t.tree, 1 + 3 * (o.level - 1)) <> o.code || '  ' || o.name
    OR left(t.tree, 3 * (o.level - 1)) !~ '^((│  |   )*(├─ |└─ ))?$') AS different
FROM (SELECT tree, row_number() OVER () AS place FROM iom_tree()) t
FULL JOIN iom_org o ON o.code = regexp_replace(t.tree, '^[│├└─ ]*([^ ]+) .*', '\1');

RESET ROLE;
REVOKE ALL ON iom_unit, iom_line FROM regress_editor;
DROP ROLE regress_editor;

-- Graphviz, Mermaid and JSON, of a small part
\pset format unaligned
\pset tuples_only on
SELECT iom_dot('OSS');
-- (Graphviz is told how the client gets it)
SET client_encoding = latin1;
SELECT iom_dot('OSS') LIKE '%charset="latin1"%';
RESET client_encoding;
SELECT iom_mermaid('DGEO', 1);
SELECT iom_json('COS', 1, true);
-- dotted lines between what is drawn
SELECT regexp_replace(line, ' \[.*', '') FROM regexp_split_to_table(iom_dot('DG', dotted => true), '\n') line WHERE line LIKE '%dashed%';
-- long ones from a box that has no other are labelled where they begin
SELECT regexp_replace(line, ' \[.*', '') FROM regexp_split_to_table(iom_dot(dotted => true), '\n') line WHERE line LIKE '%dashed%' AND line LIKE '% taillabel=%';
SELECT line FROM regexp_split_to_table(iom_mermaid(NULL, NULL, true), '\n') line WHERE line LIKE '% -.-%';
-- every subgraph holds one subtree, whole, and each has one where others are beside it
WITH line AS MATERIALIZED (
  SELECT place, line, sum(CASE WHEN line LIKE '  subgraph %' THEN 1 WHEN line = '  end' THEN -1 ELSE 0 END) OVER (ORDER BY place) AS depth
  FROM regexp_split_to_table(iom_mermaid(NULL, NULL, true), '\n') WITH ORDINALITY t (line, place)
), subgraph AS (
  SELECT translate(substring(o.line, 'subgraph s([^[]+)'), 'hd', '-.')::iom_node AS node, ARRAY(
    SELECT substring(n.line, '<b>([^<]+)</b>') FROM line n
    WHERE n.line LIKE '%<b>%' AND n.place > o.place
    AND n.place < (SELECT min(c.place) FROM line c WHERE c.place > o.place AND c.depth < o.depth)
    ORDER BY n.place) AS nodes
  FROM line o WHERE o.line LIKE '  subgraph %'
)
SELECT count(s.node) AS subgraphs, count(*) FILTER (WHERE s.nodes IS DISTINCT FROM ARRAY(SELECT t.node::text FROM iom_subtree(o.node) t)) AS different,
  (SELECT depth FROM line ORDER BY place DESC LIMIT 1) AS open
FROM subgraph s
FULL JOIN (SELECT node FROM iom_org o WHERE NOT is_leaf AND (level = 1 OR EXISTS (SELECT FROM iom_peers(o.node)))) o USING (node);
-- roots without reports in rows, if there are no dotted lines
SELECT line FROM regexp_split_to_table(iom_mermaid(max_depth => 0), '\n') line WHERE line ~ '<b>|subgraph|direction|end$|class ';
-- a name with what is a statement in Mermaid
BEGIN;
INSERT INTO iom_unit (node, name) VALUES ('SUB', 'Sous-direction TB');
SELECT line FROM regexp_split_to_table(iom_mermaid('SUB'), '\n') line WHERE line ~ 'Sous';
UPDATE iom_unit SET name = 'Lifestyle:R&D classDef:x<y' WHERE node = 'SUB';
SELECT line FROM regexp_split_to_table(iom_mermaid('SUB'), '\n') line WHERE line ~ 'Life';
-- and one with what a terminal would take for more than a letter
UPDATE iom_unit SET name = E'one\x1b[31m\u2028line\u2029' WHERE node = 'SUB';
SELECT iom_tree('SUB');
ROLLBACK;
-- nothing and unknown
SELECT iom_dot('NOBODY') ~ '->|pos', iom_mermaid('NOBODY'), iom_json('NOBODY') IS NULL, iom_json('DG', -1) IS NULL, iom_json(NULL, -1);
SELECT count(*) FROM iom_picture_boxes('NOBODY', NULL, NULL);
SELECT iom_json('DOE', dotted => true), iom_json('DG', 0);
\pset format aligned
\pset tuples_only off

-- What a picture has, against the tables and the chart: its nodes, its solid and
-- its dotted lines
CREATE FUNCTION regress_pictures(root iom_node, max_depth int, as_of date, OUT compared bigint, OUT different bigint)
LANGUAGE sql AS $$
  WITH drawn AS MATERIALIZED (
    SELECT s.node FROM iom_subtree(root, max_depth, as_of) s
    UNION ALL
    SELECT s.node FROM iom_roots(as_of) r, iom_subtree(r.node, max_depth, as_of) s WHERE root IS NULL
  ), line AS MATERIALIZED (
    SELECT l.* FROM iom_line l JOIN drawn n USING (node) JOIN drawn s ON s.node = l.supervisor
    WHERE l.valid @> iom_as_of(as_of)
  ), dot AS MATERIALIZED (
    SELECT line FROM regexp_split_to_table(iom_dot(root, max_depth, true, as_of), '\n') line
  ), mermaid AS MATERIALIZED (
    SELECT line FROM regexp_split_to_table(iom_mermaid(root, max_depth, true, as_of), '\n') line
  ), picture (what, got, expected) AS (
    SELECT 'dot nodes',
      (SELECT array_agg(substr(line, 4, strpos(line, '" [') - 4) COLLATE "C" ORDER BY 1) FROM (SELECT line FROM dot WHERE line LIKE '  "%" [label=<<b>%' ORDER BY line COLLATE "C") d),
      (SELECT array_agg(node::text COLLATE "C" ORDER BY node) FROM drawn)
    UNION ALL
    SELECT 'dot ' || v.line,
      (SELECT array_agg(l ORDER BY l COLLATE "C") FROM (
        SELECT substring(line, '^  ("[^"]+" -> "[^"]+") ') AS l FROM dot
        WHERE dot.line LIKE '  "%" -> "%' AND (dot.line LIKE '%style=dashed%') = (v.line = 'dotted')) d),
      (SELECT array_agg(l ORDER BY l COLLATE "C") FROM (
        SELECT format('"%s" -> "%s"', supervisor, node) AS l FROM line WHERE line.line = v.line) e)
    FROM (VALUES ('solid'), ('dotted')) v (line)
    UNION ALL
    SELECT 'mermaid nodes',
      (SELECT array_agg(l ORDER BY l COLLATE "C") FROM (SELECT substring(line, '^  [A-Z0-9_hd]+[[(]"<b>([^<]+)</b>') AS l FROM mermaid WHERE line LIKE '%<b>%') d),
      (SELECT array_agg(node::text COLLATE "C" ORDER BY node) FROM drawn)
    UNION ALL
    SELECT 'mermaid solid',
      (SELECT array_agg(l ORDER BY l COLLATE "C") FROM (SELECT translate(trim(line), 'hd', '-.') AS l FROM mermaid WHERE line LIKE '  % --- %') d),
      (SELECT array_agg(l ORDER BY l COLLATE "C") FROM (SELECT format('%s --- %s', supervisor, node) AS l FROM line WHERE line.line = 'solid') e)
    UNION ALL
    SELECT 'mermaid dotted',
      (SELECT ARRAY[count(*)::text] FROM mermaid WHERE line LIKE '  % -.-|"%"| %'),
      (SELECT ARRAY[count(*)::text] FROM line WHERE line.line = 'dotted')
  )
  SELECT sum(coalesce(cardinality(expected), 0)), count(*) FILTER (WHERE got IS DISTINCT FROM expected) FROM picture
$$;

-- JSON: every object and where it is, by a recursive query over the document
CREATE FUNCTION regress_json(root iom_node, max_depth int, as_of date, OUT compared bigint, OUT different bigint)
LANGUAGE sql AS $$
  WITH RECURSIVE object AS (
    SELECT o.value AS o, NULL::text AS supervisor, ARRAY[o.place] AS way
    FROM jsonb_array_elements(CASE WHEN root IS NULL THEN iom_json(NULL, max_depth, true, as_of)
      WHEN iom_json(root, max_depth, true, as_of) IS NULL THEN '[]'
      ELSE jsonb_build_array(iom_json(root, max_depth, true, as_of)) END) WITH ORDINALITY o (value, place)
    UNION ALL
    SELECT c.value, object.o->>'code', object.way || c.place
    FROM object, jsonb_array_elements(object.o->'children') WITH ORDINALITY c (value, place)
  ), expected AS (
    SELECT s.node, row_number() OVER (ORDER BY iom_rank(s.node, as_of)) AS place
    FROM (SELECT node FROM iom_subtree(root, max_depth, as_of)
      UNION ALL
      SELECT s.node FROM iom_roots(as_of) r, iom_subtree(r.node, max_depth, as_of) s WHERE root IS NULL) s
  )
  SELECT count(*), count(*) FILTER (WHERE g.o - 'children' IS DISTINCT FROM jsonb_build_object(
      'code', u.node::text, 'name', u.name, 'kind', u.kind, 'head_title', u.head_title, 'level', iom_level(u.node, as_of),
      'relation', (SELECT l.relation FROM iom_line l WHERE l.node = u.node AND l.line = 'solid' AND l.valid @> iom_as_of(as_of)),
      'dotted', (SELECT coalesce(jsonb_agg(jsonb_build_object('supervisor', l.supervisor::text, 'relation', l.relation)
          ORDER BY l.relation, l.supervisor), '[]') FROM iom_line l
        WHERE l.node = u.node AND l.line = 'dotted' AND l.valid @> iom_as_of(as_of)))
    OR g.supervisor IS DISTINCT FROM CASE WHEN e.node = root THEN NULL ELSE iom_supervisor(e.node, as_of)::text END)
  FROM (SELECT o, supervisor, row_number() OVER (ORDER BY way) AS place FROM object) g
  FULL JOIN expected e USING (place)
  LEFT JOIN iom_unit u ON u.node = e.node
$$;

-- Boxes leave room between them and stand below their supervisor's, or hang from
-- it with an indent; how many break these rules
CREATE FUNCTION regress_boxes(root iom_node, max_depth int, OUT boxes bigint, OUT touching bigint, OUT misplaced bigint)
LANGUAGE sql AS $$
  WITH box AS MATERIALIZED (SELECT * FROM iom_picture_boxes(root, max_depth, NULL))
  SELECT (SELECT count(*) FROM box),
    (SELECT count(*) FROM box a, box b
     WHERE a.place < b.place AND abs(a.x - b.x) < 130 AND a.top < b.top + b.height + 8 AND b.top < a.top + a.height + 8),
    (SELECT count(*) FROM box b LEFT JOIN box s ON s.node = b.supervisor
     WHERE b.top < 0 OR b.x < 66 OR b.top < s.below OR s.below < s.top + s.height + 30
        OR (s.node IS NOT NULL AND s.below IS NULL AND (b.x <> s.x + 12 OR b.top < s.top + s.height + 8 OR NOT b.hangs OR b.below IS NOT NULL))
        OR (b.below IS NOT NULL AND NOT EXISTS (SELECT FROM box c WHERE c.supervisor = b.node))
        OR b.supervisor IS DISTINCT FROM CASE WHEN b.node = root THEN NULL ELSE iom_supervisor(b.node) END)
$$;

SELECT r, d, p.compared AS in_pictures, j.compared AS in_json, p.different + j.different AS different, b.boxes, b.touching, b.misplaced
FROM unnest('{NULL,DG,DDGMR,COS,DOE,NOBODY}'::iom_node[]) r, unnest('{NULL,0,1,2}'::int[]) d,
  regress_pictures(r, d, NULL) p, regress_json(r, d, NULL) j, regress_boxes(r, d) b;

-- ... and of random forests; on a day
BEGIN;
CREATE FUNCTION regress_picture_forest(n int, shape text, seed float8, OUT complete boolean, OUT different bigint,
  OUT touching bigint, OUT misplaced bigint)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM regress_plant(n, shape, seed);
  SELECT p.compared >= n AND j.compared = n AND b.boxes = n, p.different + j.different + p2.different + j2.different,
    b.touching + b2.touching, b.misplaced + b2.misplaced
  INTO complete, different, touching, misplaced
  FROM regress_pictures(NULL, NULL, NULL) p, regress_json(NULL, NULL, NULL) j, regress_boxes(NULL, NULL) b,
    regress_pictures(NULL, 2, NULL) p2, regress_json(NULL, 2, NULL) j2, regress_boxes(NULL, 2) b2;
END $$;
SELECT shape, n, c.*
FROM (VALUES ('chain', 1, 0.1), ('chain', 60, 0.1), ('star', 150, 0.2), ('binary', 100, 0.3), ('comb', 60, 0.4), ('uniform', 300, 0.5),
    ('deep', 120, 0.6), ('many roots', 200, 0.7), ('no lines', 60, 0.8)) f (shape, n, seed),
  LATERAL regress_picture_forest(n, shape, seed) c;
SELECT regress_plant(150, 'many roots', -0.3);
INSERT INTO iom_line (node, supervisor, relation, line, valid)
SELECT a.node, b.node, 'sees', 'dotted', '[2020-01-01,2030-01-01)'
FROM iom_unit a, iom_unit b WHERE hashint8(a.node::bigint # b.node::bigint) % 300 = 0 AND a.node <> b.node;
UPDATE iom_line SET valid = '[2020-01-01,2025-01-01)' WHERE line = 'solid' AND hashint8(node::bigint) % 4 = 0;
SELECT day, p.different + j.different AS different, p.compared > j.compared AS lines
FROM unnest('{2019-12-31,2024-12-31,2029-12-31,2030-01-01}'::date[]) day, regress_pictures(NULL, NULL, day) p, regress_json(NULL, NULL, day) j;
ROLLBACK;

-- Thousands of levels
BEGIN;
SELECT regress_plant(3000, 'chain', 0.5);
SELECT jsonb_array_length(iom_json()), length(iom_dot()) > 100000 AS dot, length(iom_mermaid()) > 100000 AS mermaid;
ROLLBACK;

-- Names that mean something to a parser
BEGIN;
DELETE FROM iom_appointment;
DELETE FROM iom_line;
DELETE FROM iom_unit;
INSERT INTO iom_unit (node, name, kind) VALUES
  ('END', 'A "quoted" <b>name</b> & so on; #35; %%{init}%% $$x$$', 'no ''such'' "kind"'),
  ('A-B', E'back\\slash \\n \\" fa:fa-x', 'office'), ('A.B', E'two\r\nlines,\ta tab, \x01\x7f others', 'post'),
  ('A_B', ' ', 'unit'), ('-', 'مكتب المدير العام', 'committee'), ('1', '國際移民組織總部國際移民組織總部', 'field'),
  ('X', 'Donaudampfschifffahrtsgesellschaftskapitän', 'network');
INSERT INTO iom_line (node, supervisor) SELECT node, 'END' FROM iom_unit WHERE node <> 'END';
INSERT INTO iom_line (node, supervisor, relation, line) VALUES ('END', 'X', 'says "<hi>" & | \ ]', 'dotted');
\pset format unaligned
\pset tuples_only on
SELECT iom_dot(dotted => true);
SELECT iom_mermaid(dotted => true);
SELECT iom_json('END', 0, true);
UPDATE iom_line SET relation = E'over\r\nlines' WHERE line = 'dotted';
SELECT iom_tree('END', 0, true);
SELECT * FROM regress_pictures(NULL, NULL, NULL);
SELECT * FROM regress_json(NULL, NULL, NULL);
ROLLBACK;
\pset format aligned
\pset tuples_only off

-- Dotted lines that say the same are drawn once.
BEGIN;
SELECT iom_tree('OSS', 0, true) AS tree, md5(iom_dot('OSS', dotted => true)) AS dot, md5(iom_mermaid(dotted => true)) AS mermaid,
  iom_json('OSS', 0, true) AS json \gset one_
INSERT INTO iom_line (node, supervisor, relation, line, valid) VALUES ('OSS', 'FSSFP', 'works_with', 'dotted', '[2001-01-01,)');
SELECT count(*) FROM iom_relations('OSS', 'works_with');
SELECT iom_tree('OSS', 0, true) = :'one_tree' AS tree, md5(iom_dot('OSS', dotted => true)) = :'one_dot' AS dot,
  md5(iom_mermaid(dotted => true)) = :'one_mermaid' AS mermaid, iom_json('OSS', 0, true) = :'one_json' AS json;
ROLLBACK;
DROP FUNCTION regress_pictures, regress_json, regress_boxes;

-- Strokes that a client has no characters for are drawn with others
BEGIN;
SET LOCAL client_encoding = 'LATIN1';
SELECT iom_tree('OSS');
SELECT set_config(CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'force_parallel_mode' ELSE 'debug_parallel_query' END, 'on', true);
SELECT count(*) FROM iom_tree('OSS');
SET LOCAL client_encoding = 'SQL_ASCII';
SELECT count(*) FROM iom_tree('OSS');
ROLLBACK;
