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
