-- The same load of lines into iom_line and into a table with the same keys
-- but no guards.
CREATE TABLE plain_line (LIKE iom_line INCLUDING ALL);
ALTER TABLE plain_line
  ADD FOREIGN KEY (node) REFERENCES iom_unit,
  ADD FOREIGN KEY (supervisor) REFERENCES iom_unit;
BEGIN;
TRUNCATE iom_line;
\echo @guarded
\timing on
INSERT INTO iom_line (node, supervisor) SELECT node, supervisor FROM lines;
\timing off
ROLLBACK;
BEGIN;
\echo @plain
\timing on
INSERT INTO plain_line (node, supervisor) SELECT node, supervisor FROM lines;
\timing off
ROLLBACK;
DROP TABLE plain_line;
