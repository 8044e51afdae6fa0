--
-- Lines, solid and dotted
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all
SET datestyle = ISO;

-- Whoever may edit the tables
CREATE ROLE regress_editor;
GRANT INSERT, UPDATE, DELETE ON iom_unit, iom_line TO regress_editor;
SET ROLE regress_editor;

-- Whatever touches a node, whichever end; all of a relation; all
SELECT * FROM iom_relations('DGEO');
SELECT * FROM iom_relations('DDGMR', 'oversees');
SELECT * FROM iom_relations(relation => 'appoints');
SELECT line, count(*) FROM iom_relations() GROUP BY line ORDER BY line DESC;
SELECT count(*) FROM iom_relations(NULL, NULL, NULL);
SELECT count(*) FROM iom_relations('NOBODY');
SELECT count(*) FROM iom_relations('DG', 'rumours');

-- For every node and every relation, against the table
SELECT count(*) AS compared, count(*) FILTER (WHERE different) AS different
FROM (
  SELECT ARRAY(SELECT f::text FROM iom_relations(u.node, r.relation) f ORDER BY 1) IS DISTINCT FROM
    ARRAY(SELECT (l.node, l.supervisor, l.relation, l.line, l.valid, l.basis)::text FROM iom_line l
          WHERE (u.node IS NULL OR u.node IN (l.node, l.supervisor))
            AND (r.relation IS NULL OR r.relation = l.relation) ORDER BY 1) AS different
  FROM (SELECT node FROM iom_unit UNION ALL SELECT NULL UNION ALL SELECT 'NOBODY') u,
    (SELECT DISTINCT relation FROM iom_line UNION ALL SELECT NULL UNION ALL SELECT '') r) s;
-- in chart order, solid lines first
SELECT count(*) FILTER (WHERE (iom_rank(node), line = 'dotted') < lag) AS out_of_order
FROM (SELECT *, lag((iom_rank(node), line = 'dotted')) OVER (ORDER BY place) AS lag
      FROM (SELECT *, row_number() OVER () AS place FROM iom_relations()) r) s;

-- What a query wants of them is looked up before they are sorted
BEGIN;
SET LOCAL enable_seqscan = off;
SELECT condition, regress_plan('SELECT * FROM iom_relations() WHERE ' || condition) ~ ('Index Cond: \(' || condition) AS by_index
FROM (VALUES ('supervisor = ''DG'''), ('node = ''DLA''')) c (condition);
ROLLBACK;

-- Two lines between the same two nodes; a dotted line up, across, down, to
-- another root and back: none of it makes or breaks the hierarchy
BEGIN;
INSERT INTO iom_line (node, supervisor, relation, line) VALUES
  ('DLA', 'DDGMR', 'advises', 'dotted'),
  ('DG', 'DLA', 'consults', 'dotted'),
  ('DLA', 'DG', 'advises', 'dotted'),
  ('COUNCIL', 'DLA', 'asks', 'dotted'),
  ('HBSC', 'COUNCIL', 'reports to', 'dotted');
SELECT * FROM iom_relations('DLA');
SELECT node FROM iom_reports('DLA', 'consults');
-- one that says the same twice is in the list once
INSERT INTO iom_line (node, supervisor, relation, line, valid) VALUES ('DG', 'DLA', 'consults', 'dotted', '[2001-01-01,)');
SELECT node FROM iom_reports('DLA', 'consults');
SELECT regress_check();
SELECT iom_path('DLA'), iom_level('COUNCIL'), iom_distance('DLA', 'COUNCIL') AS no_way;
-- one that becomes solid does
UPDATE iom_line SET line = 'solid' WHERE node = 'HBSC';
SELECT iom_path('HBSC'), (SELECT relation FROM iom_org WHERE node = 'HBSC');
SELECT regress_check();
ROLLBACK;

-- On a day
BEGIN;
UPDATE iom_line SET valid = '[2020-01-01,2022-01-01)' WHERE node = 'OSS-MAC';
INSERT INTO iom_line (node, supervisor, relation, line, valid) VALUES
  ('OSS-MAC', 'DDGMR', 'supervises', 'solid', '[2022-01-01,2023-01-01)'),
  ('OSS-MAC', 'PAC', 'hosted_by', 'dotted', '[2021-07-01,2023-07-01)');
SELECT day, f.* FROM unnest('{2019-12-31,2020-01-01,2021-12-31,2022-01-01,2023-01-01,2023-07-01}'::date[]) day
LEFT JOIN LATERAL iom_relations('OSS-MAC', as_of => day) f ON true;
SELECT day, (SELECT count(*) FROM iom_relations(as_of => day)) AS lines,
  (SELECT array_agg(node) FROM iom_reports('PAC', 'hosted_by', day)) AS hosted_by_pac,
  (SELECT array_agg(node) FROM iom_reports('DDGMR', 'supervises', day)) AS supervised_by_ddgmr
FROM unnest('{2019-12-31,2021-06-30,2021-07-01,2022-01-01,infinity,-infinity}'::date[]) day;
SET LOCAL iomorg.as_of = '2022-06-01';
SELECT * FROM iom_relations('OSS-MAC');
ROLLBACK;

RESET ROLE;
REVOKE ALL ON iom_unit, iom_line FROM regress_editor;
DROP ROLE regress_editor;
