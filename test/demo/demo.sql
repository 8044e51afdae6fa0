-- What `make demo` shows. ECHO is off where the formatting is nobody's concern;
-- bold and plain come from run.sh.
\pset footer off
\pset format unaligned
\pset tuples_only on
\echo
\echo :bold'The extension brings an organisation along: the headquarters of IOM.':plain
\echo
\set ECHO queries
CREATE EXTENSION iomorg;
SELECT * FROM iom_tree('DG');

\set ECHO none
\pset format aligned
\pset tuples_only off
\echo
\echo :bold'Other bodies stand outside the administration; only dotted lines reach them.':plain
\echo
\set ECHO queries
SELECT node, name FROM iom_roots() JOIN iom_unit USING (node)
WHERE node <> 'DG' ORDER BY iom_rank(node);

\set ECHO none
\echo :bold'An HR table refers to it by code. These people are made up.':plain
\echo
\set ECHO queries
CREATE TABLE staff (
    id     int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name   text NOT NULL,
    unit   iom_node NOT NULL REFERENCES iom_unit,
    grade  text NOT NULL,
    salary numeric NOT NULL
);
CREATE INDEX ON staff (unit);

INSERT INTO staff (name, unit, grade, salary)
SELECT format('%s-%s', code, n), node, 'P' || n % 5 + 1, 40000 + n % 5 * 15000
FROM iom_org, generate_series(1, rank % 7 + CASE kind
    WHEN 'post' THEN 3   WHEN 'unit' THEN 20   WHEN 'office' THEN 40
    WHEN 'centre' THEN 180   WHEN 'department' THEN 150   WHEN 'field' THEN 500
    ELSE 15 END) AS n
WHERE node <@ 'DG'
ORDER BY rank, n;
ANALYZE staff;
SELECT count(*) AS people, count(DISTINCT unit) AS units FROM staff;

\set ECHO none
\echo :bold'1. Who supervises Legal Affairs?':plain
\echo
\set ECHO queries
SELECT node, name FROM iom_unit WHERE node = iom_supervisor('DLA');

\set ECHO none
\echo :bold'2. What is the chain of command of the Manila operations centre of staff security?':plain
\echo
\set ECHO queries
SELECT node, name FROM iom_supervisors('OSS-MAC') JOIN iom_unit USING (node)
ORDER BY iom_level(node) DESC;

\set ECHO none
\echo :bold'3. How many people work under the Deputy for Operations, and what do they cost?':plain
\echo
\set ECHO queries
SELECT count(*) AS headcount, sum(salary) AS payroll FROM staff WHERE unit <@ 'DDGO';

\set ECHO none
\echo :bold'4. Which units does the Deputy for Management oversee, and which supervise?':plain
\echo
\set ECHO queries
SELECT node, name AS oversees
FROM iom_reports('DDGMR', relation => 'oversees') JOIN iom_unit USING (node)
ORDER BY iom_rank(node);
SELECT node, name AS supervises
FROM iom_reports('DDGMR', relation => 'supervises') JOIN iom_unit USING (node)
ORDER BY iom_rank(node);

\set ECHO none
\echo :bold'5. How many people are in each branch, that is, under each direct report of the Director General?':plain
\echo
\set ECHO queries
SELECT branch, name, headcount
FROM (SELECT iom_ancestor(unit, 2) AS branch, count(*) AS headcount
      FROM staff GROUP BY 1) AS b
JOIN iom_unit ON node = branch
ORDER BY iom_rank(branch);
