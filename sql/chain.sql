--
-- A chain of 100,000 nodes: no depth is too deep
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

BEGIN;
DELETE FROM iom_appointment;
DELETE FROM iom_line;
DELETE FROM iom_unit;
INSERT INTO iom_unit (node, name) SELECT ('C' || i)::text, 'Link ' || i FROM generate_series(1, 100000) i;

-- Lines come in an order that helps nobody: neither from above nor from below.
INSERT INTO iom_line (node, supervisor)
SELECT ('C' || i)::text, ('C' || i - 1)::text FROM generate_series(2, 100000) i ORDER BY i * 7919::bigint % 99991;

SELECT iom_level('C100000'), iom_height('C1'), iom_size('C1'), iom_span('C1'), iom_rank('C100000');
SELECT iom_root('C100000'), iom_ancestor('C100000', 2), iom_ancestor('C100000', 50000), iom_ancestor('C100000', 99999);
SELECT iom_common_supervisor('C100000', 'C777'), iom_distance('C100000', 'C777');
SELECT count(*), count(*) FILTER (WHERE iom_level(node) = right(node::text, -1)::int) AS agree,
  count(*) FILTER (WHERE iom_ancestor(node, 1) = 'C1' AND iom_root(node) = 'C1'
    AND iom_ancestor(node, (iom_level(node) + 1) / 2) = ('C' || (iom_level(node) + 1) / 2)::iom_node) AS ancestors_agree,
  count(*) FILTER (WHERE node <@ 'C50000') AS lower_half
FROM iom_unit;
SELECT count(*), min(place) FILTER (WHERE node = 'C60001') FROM iom_subtree('C1') WITH ORDINALITY s (node, place);
SELECT count(*) FROM iom_subtree('C1', 99);
SELECT count(*), max(node::text) FILTER (WHERE place = 99999) AS last FROM iom_supervisors('C100000') WITH ORDINALITY s (node, place);
SELECT length(iom_path('C100000')), left(iom_path('C100000'), 12), right(iom_path('C100000'), 14);

-- The drawing grows with the chain, not with its square.
SELECT count(*), sum(length(tree)) < 100000 * 200 AS bounded FROM iom_tree();
SELECT * FROM iom_tree('C99998');

-- The way up from the last link is long, and the check walks it.
SAVEPOINT s;
UPDATE iom_line SET supervisor = 'C1' WHERE node = 'C100000';
SELECT iom_level('C100000');
INSERT INTO iom_line (node, supervisor) VALUES ('C1', 'C100000');
ROLLBACK TO s;

-- Closing it to a ring, in a statement that changes one line and in one that
-- changes all of them (where the ring is found first depends on the pages)
\set VERBOSITY terse
INSERT INTO iom_line (node, supervisor) VALUES ('C1', 'C100000');
ROLLBACK TO s;
DELETE FROM iom_line;
\set VERBOSITY sqlstate
INSERT INTO iom_line (node, supervisor)
SELECT ('C' || i)::text, ('C' || coalesce(nullif(i - 1, 0), 100000))::text FROM generate_series(1, 100000) i ORDER BY i * 7919::bigint % 99991;
ROLLBACK;

SELECT * FROM regress_check();
