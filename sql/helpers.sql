--
-- What the tests share; included by them, no test by itself, so that any one
-- of them can be run alone.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS iomorg;

-- How much of what is random is done where a test asks for it: all, if nobody says
-- otherwise.  Under valgrind everything takes a hundred times as long.
\getenv share IOM_SHARE
\if :{?share}
\else
\set share 1
\endif

-- The planner takes recursive queries for very expensive ones.
SET jit = off;

-- Other tests rolled back thousands of rows, which slow queries would read
-- over and over.  From now on nothing happens to the tables in the background:
-- some tests look at which charts are kept.
VACUUM ANALYZE iom_unit, iom_line, iom_appointment, iom_revision, iom_history;
ALTER TABLE iom_unit SET (autovacuum_enabled = off);
ALTER TABLE iom_line SET (autovacuum_enabled = off);
ALTER TABLE iom_revision SET (autovacuum_enabled = off);

-- The slow twin of a chart: who is above whom, and how far, by a recursive
-- query over what the caller's snapshot sees (hence STABLE).  Everything else
-- follows.
CREATE OR REPLACE FUNCTION regress_closure(day date DEFAULT iom_as_of(),
	OUT node iom_node, OUT ancestor iom_node, OUT distance int)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL SAFE AS $$
	WITH RECURSIVE up AS (
		SELECT u.node, u.node AS ancestor, 0 AS distance
		FROM iom_unit u WHERE u.valid @> day
		UNION ALL
		SELECT up.node, l.supervisor, up.distance + 1
		FROM up JOIN iom_line l
		  ON l.node = up.ancestor AND l.line = 'solid' AND l.valid @> day
	)
	SELECT * FROM up
$$;

CREATE OR REPLACE FUNCTION regress_path(below iom_node, day date DEFAULT iom_as_of())
RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT string_agg(ancestor::text, '/' ORDER BY distance DESC)
	FROM regress_closure(day) WHERE node = below
$$;

-- Compare the functions that matter most with the twin, on all nodes, and
-- say how many agree and which do not.
CREATE OR REPLACE FUNCTION regress_check(as_of date DEFAULT NULL)
RETURNS SETOF text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	RETURN QUERY
	WITH closure AS MATERIALIZED (
		SELECT * FROM regress_closure(iom_as_of(as_of))
	), expected AS (
		SELECT c.node,
			min(c.ancestor) FILTER (WHERE c.distance = 1) AS supervisor,
			count(*)::int AS level,
			string_agg(c.ancestor::text, '/' ORDER BY c.distance DESC) AS path,
			(SELECT count(*)::int FROM closure b WHERE b.ancestor = c.node) AS size
		FROM closure c GROUP BY c.node
	), got AS (
		SELECT u.node,
			iom_supervisor(u.node, as_of) AS supervisor,
			iom_level(u.node, as_of) AS level,
			iom_path(u.node, as_of => as_of) AS path,
			(SELECT count(*)::int FROM iom_subtree(u.node, as_of => as_of)) AS size
		FROM iom_unit u
		WHERE iom_level(u.node, as_of) IS NOT NULL
	), differences AS (
		SELECT format('got %s, expected %s', g, e) AS difference
		FROM expected e FULL JOIN got g USING (node)
		WHERE e IS NULL OR g IS NULL OR e::text <> g::text
		ORDER BY node
	)
	(SELECT difference FROM differences LIMIT 10)
	UNION ALL
	SELECT format('%s nodes, %s differences',
		(SELECT count(*) FROM expected), (SELECT count(*) FROM differences));
END $$;

-- Compare every function with the twin, for every node and for all pairs of
-- nodes, or some thousand where there are more, unknown nodes included; those
-- that need a whole chart only if wanted.
CREATE OR REPLACE FUNCTION regress_compare(as_of date DEFAULT NULL, whole boolean DEFAULT true,
	OUT function text, OUT compared bigint, OUT different bigint)
RETURNS SETOF record LANGUAGE plpgsql VOLATILE
SET client_min_messages = warning
SET datestyle = ISO
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	nodes bigint;
	day date := iom_as_of(as_of);
	setting text := current_setting('iomorg.as_of');
BEGIN
	DROP TABLE IF EXISTS pg_temp.regress_up, pg_temp.regress_node, pg_temp.regress_pair;
	CREATE TEMPORARY TABLE regress_up AS SELECT * FROM regress_closure(day);
	CREATE INDEX ON regress_up (node, ancestor);
	CREATE INDEX ON regress_up (ancestor);
	ANALYZE regress_up;

	-- Chart order is the order of the ways down, each step of which compares
	-- by position, then by code.
	CREATE TEMPORARY TABLE regress_node AS
	WITH level AS (
		SELECT c.node,
			min(c.ancestor) FILTER (WHERE c.distance = 1) AS supervisor,
			count(*)::int AS level,
			array_agg(c.ancestor ORDER BY c.distance DESC) AS path,
			array_agg(to_char(2147483648 + u.position, 'FM0000000000') || c.ancestor::text COLLATE "C"
				ORDER BY c.distance DESC) AS way
		FROM regress_up c JOIN iom_unit u ON u.node = c.ancestor
		GROUP BY c.node
	), subtree AS (
		SELECT c.ancestor AS node, max(c.distance) AS height, count(*)::int AS size,
			(count(*) FILTER (WHERE c.distance = 1))::int AS span
		FROM regress_up c GROUP BY c.ancestor
	)
	SELECT l.node, l.supervisor, l.level, l.path, s.height, s.size, s.span,
		row_number() OVER (ORDER BY l.way COLLATE "C")::int AS rank
	FROM level l JOIN subtree s USING (node);
	CREATE UNIQUE INDEX ON regress_node (node);
	CREATE INDEX ON regress_node (supervisor);

	-- two that are unknown: one of any other day, one of none
	INSERT INTO regress_node (node)
	SELECT u.node FROM iom_unit u WHERE NOT u.valid @> day ORDER BY u.node LIMIT 1;
	INSERT INTO regress_node (node) VALUES ('NO-SUCH-NODE');
	ANALYZE regress_node;

	SELECT count(*) INTO nodes FROM regress_node;
	IF nodes <= 100 THEN
		CREATE TEMPORARY TABLE regress_pair AS
		SELECT a.node AS a, b.node AS b FROM regress_node a, regress_node b;
	ELSE
		PERFORM setseed(0.5);
		CREATE TEMPORARY TABLE regress_pair AS
		SELECT n[1 + floor(random() * nodes)] AS a, n[1 + floor(random() * nodes)] AS b
		FROM (SELECT array_agg(node) AS n FROM regress_node) s, generate_series(1, 5000);
		-- by chance, hardly any of these are above one another
		INSERT INTO regress_pair
		SELECT node, ancestor FROM regress_up ORDER BY random() LIMIT 5000;
	END IF;
	ALTER TABLE regress_pair ADD common iom_node, ADD distance int, ADD within boolean;
	UPDATE regress_pair p SET
		within = EXISTS (SELECT FROM regress_up u WHERE u.node = p.a AND u.ancestor = p.b),
		(common, distance) = (
			SELECT u.ancestor, u.distance + v.distance
			FROM regress_up u JOIN regress_up v ON v.node = p.b AND v.ancestor = u.ancestor
			WHERE u.node = p.a ORDER BY u.distance LIMIT 1);

	RETURN QUERY
	SELECT f.function, count(*), count(*) FILTER (WHERE f.got IS DISTINCT FROM f.expected)
	FROM regress_node n, LATERAL (VALUES
		('iom_supervisor', iom_supervisor(node, as_of)::text, supervisor::text),
		('iom_root', iom_root(node, as_of)::text, path[1]::text),
		('iom_level', iom_level(node, as_of)::text, level::text),
		('iom_height', iom_height(node, as_of)::text, height::text),
		('iom_size', iom_size(node, as_of)::text, size::text),
		('iom_span', iom_span(node, as_of)::text, span::text),
		('iom_rank', CASE WHEN whole THEN iom_rank(node, as_of) ELSE rank END::text, rank::text),
		('iom_is_leaf', iom_is_leaf(node, as_of)::text, (size = 1)::text),
		('iom_path', iom_path(node, as_of => as_of), array_to_string(path, '/')),
		('iom_subtree',
			(SELECT string_agg(s.node::text, ' ' ORDER BY place)
			 FROM iom_subtree(n.node, as_of => as_of) WITH ORDINALITY s (node, place)),
			(SELECT string_agg(u.node::text, ' ' ORDER BY m.rank)
			 FROM regress_up u JOIN regress_node m USING (node) WHERE u.ancestor = n.node)),
		('iom_subtree to depth 2',
			(SELECT string_agg(s.node::text, ' ' ORDER BY place)
			 FROM iom_subtree(n.node, 2, as_of) WITH ORDINALITY s (node, place)),
			(SELECT string_agg(u.node::text, ' ' ORDER BY m.rank)
			 FROM regress_up u JOIN regress_node m USING (node)
			 WHERE u.ancestor = n.node AND u.distance <= 2)),
		('iom_reports',
			(SELECT string_agg(s.node::text, ' ' ORDER BY place)
			 FROM iom_reports(n.node, as_of => as_of) WITH ORDINALITY s (node, place)),
			(SELECT string_agg(m.node::text, ' ' ORDER BY m.rank)
			 FROM regress_node m WHERE m.supervisor = n.node)),
		('iom_peers',
			(SELECT string_agg(s.node::text, ' ' ORDER BY place)
			 FROM iom_peers(n.node, as_of) WITH ORDINALITY s (node, place)),
			(SELECT string_agg(m.node::text, ' ' ORDER BY m.rank)
			 FROM regress_node m WHERE m.supervisor = n.supervisor AND m.node <> n.node)),
		('iom_supervisors',
			(SELECT string_agg(s.node::text, ' ' ORDER BY place)
			 FROM iom_supervisors(n.node, as_of) WITH ORDINALITY s (node, place)),
			(SELECT string_agg(u.ancestor::text, ' ' ORDER BY u.distance)
			 FROM regress_up u WHERE u.node = n.node AND u.distance > 0))
	) f (function, got, expected)
	GROUP BY f.function ORDER BY f.function;

	RETURN QUERY
	SELECT 'iom_ancestor', count(*),
		count(*) FILTER (WHERE iom_ancestor(n.node, l, as_of) IS DISTINCT FROM n.path[l])
	FROM regress_node n, generate_series(-1, coalesce(n.level, 1) + 1) l;

	RETURN QUERY
	SELECT 'iom_roots', count(*), (count(*) FILTER (WHERE s.node IS DISTINCT FROM m.node))
	FROM unnest(CASE WHEN whole THEN ARRAY(SELECT iom_roots(as_of))
					ELSE ARRAY(SELECT node FROM regress_node WHERE level = 1 ORDER BY rank) END)
		WITH ORDINALITY s (node, place)
	FULL JOIN (SELECT node, row_number() OVER (ORDER BY rank) AS place
			   FROM regress_node WHERE level = 1) m USING (place);

	RETURN QUERY
	SELECT 'iom_common_supervisor', count(*),
		count(*) FILTER (WHERE iom_common_supervisor(a, b, as_of) IS DISTINCT FROM common)
	FROM regress_pair;
	RETURN QUERY
	SELECT 'iom_distance', count(*),
		count(*) FILTER (WHERE iom_distance(a, b, as_of) IS DISTINCT FROM distance)
	FROM regress_pair;

	-- operators, the aggregate and the view know the day from the setting only
	IF as_of IS NOT NULL THEN
		PERFORM set_config('iomorg.as_of', as_of::text, false);
	END IF;
	RETURN QUERY
	SELECT 'operators', count(*),
		count(*) FILTER (WHERE (a <@ b) IS DISTINCT FROM within OR (b @> a) IS DISTINCT FROM within)
	FROM regress_pair;
	RETURN QUERY
	SELECT 'iom_common_supervisor (aggregate)', count(*),
		count(*) FILTER (WHERE (SELECT iom_common_supervisor(x) FROM unnest(ARRAY[a, NULL, b, a]) x)
			IS DISTINCT FROM common)
	FROM regress_pair;
	RETURN QUERY
	SELECT 'iom_org', count(*),
		count(*) FILTER (WHERE (o.supervisor, o.level, o.rank, o.size, o.span, o.height, o.is_leaf, o.path)
			IS DISTINCT FROM (n.supervisor, n.level, n.rank, n.size, n.span, n.height, n.size = 1, array_to_string(n.path, '/')))
	FROM iom_org o FULL JOIN (SELECT * FROM regress_node WHERE level IS NOT NULL) n USING (node)
	WHERE whole;
	PERFORM set_config('iomorg.as_of', setting, false);

	DROP TABLE regress_up, regress_node, regress_pair;
END $$;

-- A random forest: n rows of (number, node, supervisor, position).  Codes have
-- many lengths, positions many ties, and neither says anything of the shape.
CREATE OR REPLACE FUNCTION regress_forest(n int, shape text, seed double precision,
	OUT number int, OUT node iom_node, OUT supervisor iom_node, OUT "position" int)
RETURNS SETOF record LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	codes iom_node[];
	parent int;
BEGIN
	PERFORM setseed(seed);
	SELECT array_agg((substr(md5(seed || ':' || i), 1, floor(random() * 8)::int) || '.' || i)::iom_node ORDER BY i)
	INTO codes FROM generate_series(1, n) i;
	FOR i IN 1 .. n LOOP
		number := i;
		parent := CASE shape
			WHEN 'chain' THEN number - 1
			WHEN 'star' THEN least(number - 1, 1)
			WHEN 'binary' THEN number / 2
			WHEN 'comb' THEN number - 1 - (number % 2)	-- a leaf at each step
			WHEN 'uniform' THEN 1 + floor(random() * (number - 1))::int
			WHEN 'deep' THEN greatest(number - 1 - floor(random() * 4)::int, 0)
			WHEN 'many roots' THEN CASE WHEN random() < 0.4 THEN 0 ELSE 1 + floor(random() * (number - 1))::int END
			WHEN 'no lines' THEN 0
			END;
		node := codes[number];
		supervisor := CASE WHEN parent > 0 AND parent < number THEN codes[parent] END;
		"position" := CASE floor(random() * 8)::int
			WHEN 0 THEN 2147483647 WHEN 1 THEN -2147483648 WHEN 2 THEN 0 WHEN 3 THEN -1
			ELSE 1000 END;
		RETURN NEXT;
	END LOOP;
END $$;

-- Replace the organisation by such a forest, with rows in random order.
CREATE OR REPLACE FUNCTION regress_plant(n int, shape text, seed double precision)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	DELETE FROM iom_appointment;
	DELETE FROM iom_line;
	DELETE FROM iom_unit;
	CREATE TEMPORARY TABLE regress_planted AS SELECT * FROM regress_forest(n, shape, seed);
	INSERT INTO iom_unit (node, name, position)
	SELECT f.node, f.node::text, f.position FROM regress_planted f ORDER BY random();
	INSERT INTO iom_line (node, supervisor)
	SELECT f.node, f.supervisor FROM regress_planted f WHERE f.supervisor IS NOT NULL ORDER BY random();
	DROP TABLE regress_planted;
	ANALYZE iom_unit, iom_line;
END $$;

-- What the command raises, and nothing that differs between servers.
CREATE OR REPLACE FUNCTION regress_error(command text) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	message text;
	detail text;
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN SQLSTATE || ' ' || message || coalesce(' | ' || nullif(detail, ''), '');
END $$;

-- The plan of a query as text, for those who look for a part of it.
CREATE OR REPLACE FUNCTION regress_plan(query text) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		plan := plan || line || E'\n';
	END LOOP;
	RETURN plan;
END $$;

-- How many blocks of tables and indexes a query looks at.
CREATE OR REPLACE FUNCTION regress_blocks(query text) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ' || query INTO plan;
	RETURN (plan #>> '{0,Plan,Shared Hit Blocks}')::bigint + (plan #>> '{0,Plan,Shared Read Blocks}')::bigint;
END $$;

-- How many rows the planner expects of a query.
CREATE OR REPLACE FUNCTION regress_estimate(query text) RETURNS float8
LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  RETURN (plan -> 0 -> 'Plan' ->> 'Plan Rows')::float8;
END $$;

-- pg_input_is_valid(), which came with 16.
CREATE OR REPLACE FUNCTION regress_input_is_valid(value text, type text) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	valid boolean;
BEGIN
	IF current_setting('server_version_num')::int < 160000 THEN
		RETURN regress_error(format('SELECT %L::%s', value, type)) = 'no error';
	END IF;
	EXECUTE 'SELECT pg_input_is_valid($1, $2)' INTO valid USING value, type;
	RETURN valid;
END $$;

RESET client_min_messages;
