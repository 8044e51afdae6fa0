--
-- Installing, moving and removing the extension
--

-- In a schema of its own, with nothing in search_path
CREATE SCHEMA regress_org;
SET search_path = '';
CREATE EXTENSION iomorg SCHEMA regress_org;
SELECT extname, extnamespace::regnamespace, extrelocatable,
  obj_description(oid, 'pg_extension') <> '' AS has_comment
FROM pg_extension WHERE extname = 'iomorg';

SELECT regress_org.iom_path('OSS-MAC'), regress_org.iom_level('OSS-MAC'),
  'OSS-MAC'::regress_org.iom_node OPERATOR(regress_org.<@) 'DG' AS within,
  (SELECT count(*) FROM regress_org.iom_subtree('DG')) AS size,
  (SELECT count(*) FROM regress_org.iom_org) AS org,
  (SELECT count(*) FROM regress_org.iom_relations()) AS lines,
  (SELECT string_agg(node::text, ' ') FROM regress_org.iom_reports('DDGMR', relation => 'oversees')) AS oversees;
INSERT INTO regress_org.iom_unit (node, name) VALUES ('NEW', 'New unit');
INSERT INTO regress_org.iom_line (node, supervisor) VALUES ('NEW', 'OSS-MAC');
SELECT regress_org.iom_path('NEW');
INSERT INTO regress_org.iom_line (node, supervisor) VALUES ('DG', 'NEW');

-- No operator class of it is invalid
SELECT a.amname, c.opcname, amvalidate(c.oid)
FROM pg_opclass c
JOIN pg_am a ON a.oid = c.opcmethod
JOIN pg_depend d ON d.classid = 'pg_opclass'::regclass AND d.objid = c.oid
  AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'iomorg'
ORDER BY a.amname;

-- Every object has a comment; so do columns, triggers, indexes and constraints, which
-- are not objects of the extension by themselves.  (From 17 on, types that come with
-- others are.)
WITH object AS (
  SELECT d.classid, d.objid, 0 AS objsubid
  FROM pg_depend d
  JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'iomorg'
  WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
), whole AS (
  SELECT classid, objid, objsubid FROM object
  UNION ALL
  SELECT 'pg_class'::regclass, a.attrelid, a.attnum
  FROM object o JOIN pg_attribute a ON a.attrelid = o.objid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_class c ON c.oid = o.objid AND c.relkind <> 'S'
  WHERE o.classid = 'pg_class'::regclass
  UNION ALL
  SELECT 'pg_trigger'::regclass, t.oid, 0
  FROM object o JOIN pg_trigger t ON t.tgrelid = o.objid AND NOT t.tgisinternal
  WHERE o.classid = 'pg_class'::regclass
  UNION ALL
  SELECT 'pg_class'::regclass, i.indexrelid, 0
  FROM object o JOIN pg_index i ON i.indrelid = o.objid
  WHERE o.classid = 'pg_class'::regclass
  UNION ALL
  -- NOT NULL (from 18 on) belongs to a column
  SELECT 'pg_constraint'::regclass, k.oid, 0
  FROM object o JOIN pg_constraint k ON k.conrelid = o.objid AND k.contype <> 'n'
  WHERE o.classid = 'pg_class'::regclass
)
SELECT count(*) > 100 AS many, count(*) FILTER (WHERE c.description IS NULL) AS without,
  string_agg(pg_describe_object(w.classid, w.objid, w.objsubid), ', ') FILTER (WHERE c.description IS NULL) AS which
FROM whole w
LEFT JOIN pg_description c ON c.classoid = w.classid AND c.objoid = w.objid AND c.objsubid = w.objsubid
WHERE NOT EXISTS (SELECT FROM pg_type t
                  WHERE w.classid = 'pg_type'::regclass AND t.oid = w.objid
                    AND (t.typrelid <> 0 OR t.typcategory = 'A'));

-- Names: everything that is not named by its meaning has the prefix
SELECT pg_describe_object(d.classid, d.objid, 0)
FROM pg_depend d
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'iomorg'
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
  AND d.classid IN ('pg_proc'::regclass, 'pg_class'::regclass)
  AND (pg_identify_object(d.classid, d.objid, 0)).identity !~ '^regress_org\.iom_'
ORDER BY 1;

-- What a function depends on: the type's are immutable, those that read the
-- hierarchy stable.  Leakproof are those that can sit in a security barrier.
CREATE TEMPORARY VIEW regress_function AS
SELECT p.*, p.oid::regprocedure::text AS signature
FROM pg_proc p
JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
  AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'iomorg'
WHERE p.proname <> 'iom_node_skipsupport';	-- from 18 on
SELECT (SELECT count(*) FROM pg_amproc WHERE amproc::text ~ 'iom_node_skipsupport$') = (current_setting('server_version_num')::int >= 180000)::int AS skips;
SET search_path = regress_org;
SELECT CASE provolatile WHEN 'i' THEN 'immutable' ELSE 'volatile' END AS volatility,
  signature, proisstrict AS strict, proleakproof AS leakproof
FROM pg_temp.regress_function
WHERE provolatile <> 's' AND prokind = 'f'
ORDER BY provolatile, signature COLLATE "C";
SELECT string_agg(signature, ', ' ORDER BY signature COLLATE "C") AS stable_and_leakproof
FROM pg_temp.regress_function WHERE provolatile = 's' AND proleakproof;
-- (to CREATE AGGREGATE they are all immutable)
SELECT signature FROM pg_temp.regress_function WHERE provolatile <> 'i' AND prokind = 'a';

-- Any of them can run in a parallel worker but for triggers, what changes
-- something, and what tells of this very process
SELECT signature, proparallel
FROM pg_temp.regress_function
WHERE proparallel <> 's' AND prorettype <> 'trigger'::regtype
ORDER BY signature COLLATE "C";
SELECT DISTINCT prorettype = 'trigger'::regtype AS trigger, proparallel
FROM pg_temp.regress_function
WHERE prorettype = 'trigger'::regtype;

-- The last argument of what reads the hierarchy is the day, and can be named
SELECT signature
FROM pg_temp.regress_function
WHERE provolatile = 's' AND prokind = 'f'
  -- names of arguments count those that are only returned
  AND (SELECT (array_agg(a.name ORDER BY a.place))[pronargs]
       FROM unnest(proargnames, proargmodes) WITH ORDINALITY a (name, mode, place)
       WHERE coalesce(a.mode, 'i') IN ('i', 'b')) IS DISTINCT FROM 'as_of'
ORDER BY signature COLLATE "C";

-- The settings
SELECT name, setting, unit, context, vartype, short_desc, extra_desc
FROM pg_settings WHERE name LIKE 'iomorg.%' ORDER BY name;

-- Moved to another schema, everything goes on working: what others made of
-- it, statements prepared before (if they find the names), and the triggers
CREATE TABLE public.regress_staff (id int, unit regress_org.iom_node REFERENCES regress_org.iom_unit);
INSERT INTO public.regress_staff VALUES (1, 'OSS-MAC'), (2, 'DOE'), (3, 'NEW');
CREATE INDEX ON public.regress_staff (unit);
CREATE VIEW public.regress_security AS
SELECT id, iom_path(unit) AS path FROM public.regress_staff WHERE unit <@ 'OSS';
PREPARE regress_level(text) AS
SELECT iom_level($1::iom_node), $1::iom_node <@ 'DG' AS within,
  (SELECT count(*) FROM iom_subtree($1::iom_node)) AS size;
EXECUTE regress_level('OSS');
SELECT * FROM public.regress_security ORDER BY id;
CREATE SCHEMA "Regress moved";
SET search_path = "Regress moved";
ALTER EXTENSION iomorg SET SCHEMA "Regress moved";
SELECT * FROM public.regress_security ORDER BY id;
EXECUTE regress_level('OSS');
INSERT INTO iom_unit (node, name) VALUES ('NEWER', 'Newer unit');
INSERT INTO iom_line (node, supervisor) VALUES ('NEWER', 'NEW');
SELECT iom_path('NEWER'), iom_size('DG'), 'NEWER'::iom_node <@ 'OSS' AS within,
  (SELECT count(*) FROM iom_org) AS org,
  (SELECT count(*) FROM iom_relations('NEWER')) AS lines,
  (SELECT count(*) FROM iom_tree('OSS-MAC')) AS tree,
  (SELECT count(*) FROM iom_reports('DDGMR', 'oversees')) AS oversees,
  (SELECT count(*) FROM iom_matrix('DGEO')) AS matrix,
  (SELECT count(*) FROM iom_levels) AS levels,
  (SELECT count(*) FROM iom_find('newer')) AS found,
  length(iom_dot('DOE')) > 100 AS dot, length(iom_mermaid('DOE')) > 100 AS mermaid, iom_json('NEWER')->>'level' AS json;
EXECUTE regress_level('OSS');
INSERT INTO iom_line (node, supervisor) VALUES ('DG', 'NEWER');
DELETE FROM iom_unit WHERE node = 'NEWER';
INSERT INTO public.regress_staff VALUES (4, 'NOWHERE');

-- ... with the schema renamed, too
ALTER SCHEMA "Regress moved" RENAME TO regress_moved;
SET search_path = regress_moved;
UPDATE iom_line SET supervisor = 'DLA' WHERE node = 'NEW';
SELECT * FROM public.regress_security ORDER BY id;
EXECUTE regress_level('OSS');

-- Moved in a transaction, and back by its rollback
BEGIN;
ALTER EXTENSION iomorg SET SCHEMA regress_org;
SET LOCAL search_path = regress_org;
UPDATE iom_line SET supervisor = 'OSS' WHERE node = 'NEW';
SELECT iom_path('NEWER');
ROLLBACK;
SELECT iom_path('NEWER');

-- Dropped and created again in one session: another organisation
DROP VIEW public.regress_security;
DROP TABLE public.regress_staff;
DEALLOCATE regress_level;
DROP EXTENSION iomorg;
SELECT count(*) FROM pg_proc WHERE pronamespace = 'regress_moved'::regnamespace;
CREATE EXTENSION iomorg;
SELECT iom_path('NEWER'), iom_path('OSS-MAC'), iom_size('DG');

-- ... and in one transaction, with changes on both sides
BEGIN;
DELETE FROM iom_line WHERE node = 'DDGO';
SELECT iom_level('DOE'), iom_size('DG');
DROP EXTENSION iomorg;
CREATE EXTENSION iomorg;
SELECT iom_level('DOE'), iom_size('DG');
DELETE FROM iom_line WHERE node = 'DGEO';
SELECT iom_level('GBS'), iom_size('DG');
COMMIT;
SELECT iom_level('DOE'), iom_level('GBS'), iom_size('DG');

-- A rollback brings the old one back
BEGIN;
DROP EXTENSION iomorg;
CREATE EXTENSION iomorg;
SELECT iom_level('GBS');
ROLLBACK;
SELECT iom_level('GBS');
BEGIN;
DROP EXTENSION iomorg;
ROLLBACK;
SELECT iom_level('GBS');

-- Dropped, it leaves nothing behind
DROP EXTENSION iomorg;
DROP SCHEMA regress_org, regress_moved;

-- With a table of the same name in the way it does not install over it
RESET search_path;
CREATE TABLE public.iom_line (node text);
\set SHOW_CONTEXT never
CREATE EXTENSION iomorg;
\set SHOW_CONTEXT errors
DROP TABLE public.iom_line;

-- For the tests that follow
CREATE EXTENSION iomorg;
SELECT iom_path('OSS-MAC');
