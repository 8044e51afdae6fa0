--
-- The seeded organisation
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- As anybody
CREATE ROLE regress_reader;
SET ROLE regress_reader;

-- 44 nodes, of which 38 are DG's
SELECT count(*), count(*) FILTER (WHERE node <@ 'DG') AS of_dg,
  string_agg(node::text, ' ' ORDER BY position) FILTER (WHERE NOT node <@ 'DG') AS others
FROM iom_unit;
SELECT line, basis, count(*) FROM iom_line GROUP BY line, basis ORDER BY line, basis;

-- Every row of the three tables.  Nothing in them is dated.
\pset format unaligned
\pset null '(null)'
SELECT node, name, kind, head_title, position, valid FROM iom_unit ORDER BY position;
SELECT node, mandate FROM iom_unit ORDER BY position;
SELECT l.node, l.supervisor, l.relation, l.line, l.basis, l.valid
FROM iom_line l JOIN iom_unit n ON n.node = l.node JOIN iom_unit s ON s.node = l.supervisor
ORDER BY l.line DESC, n.position, s.position, l.relation;
SELECT a.post, a.authority, a.method, a.term_years, a.term FROM iom_appointment a JOIN iom_unit u ON u.node = a.post ORDER BY u.position;
\pset format aligned
\pset null ''

-- Keys and checks
SELECT conrelid::regclass AS table, contype, pg_get_constraintdef(oid) AS definition
FROM pg_constraint
WHERE conrelid IN ('iom_unit'::regclass, 'iom_line'::regclass, 'iom_appointment'::regclass, 'iom_revision'::regclass)
  AND contype IN ('p', 'f', 'c')	-- from 18 on, NOT NULL is one too
ORDER BY conrelid::regclass::text, contype, conname;
-- what may be left out, and null
SELECT attrelid::regclass AS table, attname, format_type(atttypid, atttypmod) AS type, attnotnull,
  pg_get_expr(adbin, adrelid) AS default
FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid IN ('iom_unit'::regclass, 'iom_line'::regclass, 'iom_appointment'::regclass)
  AND attnum > 0
ORDER BY attrelid::regclass::text, attnum;
-- everybody may read, only the owner may change
SELECT c.relname,
  has_table_privilege('regress_reader', c.oid, 'SELECT') AS read,
  has_table_privilege('regress_reader', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') AS change,
  pg_has_role(current_user, c.relowner, 'USAGE') AS own
FROM pg_class c
WHERE c.oid IN ('iom_unit'::regclass, 'iom_line'::regclass, 'iom_appointment'::regclass, 'iom_revision'::regclass, 'iom_org'::regclass)
ORDER BY c.relname;

-- The required columns are enough; the checks refuse what is nothing
RESET ROLE;
BEGIN;
INSERT INTO iom_unit (node, name) VALUES ('NEW', 'New unit') RETURNING *;
INSERT INTO iom_line (node, supervisor) VALUES ('NEW', 'DG') RETURNING *;
SELECT regress_error(command) FROM (VALUES
  ($$INSERT INTO iom_unit (node) VALUES ('NEWER')$$),
  ($$INSERT INTO iom_unit (name) VALUES ('Newer unit')$$),
  ($$INSERT INTO iom_unit (node, name) VALUES ('DG', 'Another')$$),
  ($$INSERT INTO iom_unit (node, name) VALUES ('NEWER', '')$$),
  ($$INSERT INTO iom_unit (node, name, kind) VALUES ('NEWER', 'Newer unit', '')$$),
  ($$INSERT INTO iom_unit (node, name, valid) VALUES ('NEWER', 'Newer unit', 'empty')$$),
  ($$INSERT INTO iom_unit (node, name, valid) VALUES ('NEWER', 'Newer unit', NULL)$$),
  ($$INSERT INTO iom_unit (node, name, position) VALUES ('NEWER', 'Newer unit', NULL)$$),
  ($$INSERT INTO iom_line (node) VALUES ('DG')$$),
  ($$INSERT INTO iom_line (supervisor) VALUES ('DG')$$),
  ($$INSERT INTO iom_line (node, supervisor, line) VALUES ('DG', 'IDM', 'broken')$$),
  ($$INSERT INTO iom_line (node, supervisor, relation) VALUES ('DG', 'IDM', '')$$),
  ($$INSERT INTO iom_line (node, supervisor, valid) VALUES ('DG', 'IDM', 'empty')$$),
  ($$INSERT INTO iom_line (node, supervisor, basis) VALUES ('DG', 'IDM', 'rumoured')$$),
  ($$INSERT INTO iom_line (node, supervisor, line, relation) VALUES ('DDGO', 'DG', 'dotted', 'appoints')$$),
  ($$INSERT INTO iom_appointment VALUES ('DG', 'COUNCIL', 'elected')$$),
  ($$INSERT INTO iom_appointment VALUES ('OIG', 'NOBODY', 'appointed')$$),
  ($$INSERT INTO iom_appointment VALUES ('OIG', 'DG', '')$$),
  ($$INSERT INTO iom_appointment VALUES ('OIG', 'DG', 'appointed', 0)$$),
  ($$INSERT INTO iom_revision VALUES (false, '3')$$),
  ($$INSERT INTO iom_revision VALUES (true, '3')$$)
) v (command);
ROLLBACK;

DROP ROLE regress_reader;
