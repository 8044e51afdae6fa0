--
-- The matrix: subtrees along solid lines and chosen dotted ones
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

CREATE FUNCTION pg_temp.list(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  list text;
BEGIN
  EXECUTE 'SELECT string_agg(m.node::text, '' '' ORDER BY place) FROM ' || query || ' WITH ORDINALITY m (node, place)' INTO list;
  RETURN list;
END $$;

-- Solid lines only, those that assist, any
SELECT q, pg_temp.list(q) FROM unnest(ARRAY['iom_matrix(''DGEO'', ''{}'')', 'iom_matrix(''DGEO'', ''{coordinates}'')',
  'iom_matrix(''DGEO'')', 'iom_matrix(''DDGO'', ''{assists}'')', 'iom_matrix(''RO'', ''{coordinates,assists}'')',
  'iom_matrix(''MAC'')', 'iom_matrix(''COUNCIL'', relations => ''{elects}'', max_depth => 2)']) q;
-- down to a number of lines, of whatever kind
SELECT d, pg_temp.list(format('iom_matrix(''COUNCIL'', NULL, %L)', d)) FROM unnest('{-1,0,1,2}'::int[]) d;
-- nothing
SELECT q, pg_temp.list(q) IS NULL AS nothing FROM unnest(ARRAY['iom_matrix(''NOBODY'')', 'iom_matrix(NULL)', 'iom_matrix(''DG'', max_depth => -1)']) q;

-- Against a search of lines, one by one
CREATE FUNCTION regress_matrix(top iom_node, relations text[], max_depth int, as_of date, OUT node iom_node)
RETURNS SETOF iom_node LANGUAGE plpgsql STABLE AS $$
DECLARE
  day date := iom_as_of(as_of);
  seen iom_node[] := ARRAY(SELECT u.node FROM iom_unit u WHERE u.node = top AND u.valid @> day AND coalesce(max_depth, 0) >= 0);
  front iom_node[] := seen;
  depth int := 0;
BEGIN
  WHILE front <> '{}' AND depth IS DISTINCT FROM max_depth LOOP
    front := ARRAY(SELECT DISTINCT l.node FROM iom_line l
      WHERE l.supervisor = ANY (front) AND l.valid @> day AND l.node <> ALL (seen)
        AND (l.line = 'solid' OR relations IS NULL OR l.relation = ANY (relations)));
    seen := seen || front;
    depth := depth + 1;
  END LOOP;
  RETURN QUERY SELECT s FROM unnest(seen) s ORDER BY iom_rank(s, day);
END $$;

CREATE FUNCTION regress_matrix_check(relations text[], as_of date, OUT compared bigint, OUT different bigint, OUT larger bool)
LANGUAGE sql AS $$
  SELECT count(*), count(*) FILTER (WHERE got IS DISTINCT FROM expected),
    bool_or(cardinality(got) > (SELECT count(*) FROM iom_subtree(m.node, m.d, as_of)))
  FROM (SELECT u.node, d,
      ARRAY(SELECT m.node FROM iom_matrix(u.node, relations, d, as_of) WITH ORDINALITY m (node, place) ORDER BY place) AS got,
      ARRAY(SELECT regress_matrix(u.node, relations, d, as_of)) AS expected
    FROM (SELECT node FROM iom_unit ORDER BY hashint8(node::bigint) LIMIT 12) u, unnest('{NULL,0,1,2,3,7}'::int[]) d) m
$$;
SELECT r, c.* FROM (VALUES ('{}'::text[]), (NULL), ('{assists}'), ('{assists,coordinates,appoints}'), ('{rumours}'), ('{NULL}')) v (r),
  regress_matrix_check(r, NULL) c;

-- Random forests with random dotted lines, cycles among them, two between the
-- same nodes, lines up the own chain; with dates
BEGIN;
CREATE FUNCTION regress_dotted(shape text, n int, dotted int, seed float8) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM regress_plant(n, shape, seed);
  INSERT INTO iom_line (node, supervisor, relation, line, valid)
  SELECT a, b, r, 'dotted', CASE WHEN random() < 0.3 THEN '[2020-01-01,2030-01-01)'::daterange ELSE '(,)' END
  FROM (SELECT k[1 + floor(random() * n)] AS a, k[1 + floor(random() * n)] AS b, (ARRAY['red', 'blue'])[1 + floor(random() * 2)] AS r
        FROM (SELECT array_agg(node) AS k FROM iom_unit) u, generate_series(1, dotted)) s
  WHERE a <> b
  ON CONFLICT DO NOTHING;
  UPDATE iom_line SET valid = '[2010-01-01,)' WHERE line = 'solid' AND random() < 0.1;
END $$;
DO $$
DECLARE
  shape text;
  c record;
  total int := 0;
  wrong int := 0;
BEGIN
  FOREACH shape IN ARRAY ARRAY['chain', 'uniform', 'many roots', 'deep'] LOOP
    PERFORM regress_dotted(shape, 60, 25, length(shape) / 20.0);
    FOR c IN SELECT m.* FROM (VALUES (NULL), ('{red}'::text[])) v (r), unnest('{NULL,2025-01-01,2005-01-01}'::date[]) day, regress_matrix_check(r, day) m LOOP
      total := total + c.compared;
      wrong := wrong + c.different;
    END LOOP;
  END LOOP;
  RAISE NOTICE '% compared, % different', total, wrong;
END $$;
ROLLBACK;

-- A depth that nothing is further away than is none: ways round in a circle are not
-- followed that far
BEGIN;
INSERT INTO iom_line (node, supervisor, relation, line)
SELECT a.node, b.node, 'round', 'dotted' FROM iom_unit a, iom_unit b WHERE a.node <> b.node AND a.node::text < 'I' AND b.node::text < 'I';
SET LOCAL statement_timeout = '60s';
SELECT (SELECT array_agg(node) FROM iom_matrix('DG')) = (SELECT array_agg(node) FROM iom_matrix('DG', max_depth => 2147483647)) AS same,
  (SELECT count(*) FROM iom_matrix('DG', max_depth => (SELECT count(*)::int - 1 FROM iom_unit))) = (SELECT count(*) FROM iom_matrix('DG')) AS just_less;
ROLLBACK;

-- Headcount over a matrix: nobody is counted twice
BEGIN;
CREATE TEMPORARY TABLE regress_staff (id int, unit iom_node);
INSERT INTO regress_staff SELECT row_number() OVER (), node FROM iom_unit, generate_series(1, 3);
INSERT INTO iom_line (node, supervisor, relation, line) VALUES ('DDGO', 'DGEO', 'assists', 'dotted'), ('GBS', 'DDGO', 'assists', 'dotted');
SELECT (SELECT count(*) FROM regress_staff WHERE unit <@ 'DDGO') AS solid,
  (SELECT count(*) FROM regress_staff WHERE unit IN (SELECT iom_matrix('DDGO', '{assists}'))) AS matrix,
  (SELECT count(DISTINCT id) FROM regress_staff, regress_matrix('DDGO', '{assists}', NULL, NULL) m WHERE unit = m.node) AS expected;
ROLLBACK;

DROP FUNCTION regress_matrix_check, regress_matrix;
