-- psql: everything is text, and nothing needs to be set up. The other session
-- is another psql, found by the same environment.
\set QUIET on
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on

\set node oss-mac
SELECT 'supervisor of oss-mac: ' || iom_supervisor(:'node');
SELECT format('supervisor of DG: %s', coalesce(iom_supervisor('DG')::text, 'null'));
INSERT INTO staff VALUES (1, 'doe', '{DLA,oss-mac}'), (2, 'OSS-MAC', '{}'), (3, 'GDI', NULL);
SELECT format('staff %s: %s, knows %s', id, unit,
	coalesce(nullif(array_to_string(knows, ' '), ''), CASE WHEN knows IS NULL THEN 'null' ELSE 'nobody' END))
FROM staff ORDER BY id;
PREPARE among (iom_node[]) AS SELECT 'staff in DOE or GDI: ' || count(*) FROM staff WHERE unit = ANY ($1);
EXECUTE among ('{DOE,GDI}');
SELECT 'below OSS: ' || string_agg(node::text, ' ') FROM iom_subtree('OSS');
SELECT 'chain of OSS-MAC: ' || string_agg(node::text, ' ') FROM iom_supervisors('OSS-MAC');
SELECT format('chart: %s level %s leaf %s %s', code, level, is_leaf::text, path) FROM iom_org WHERE node = 'DLA';

PREPARE within (iom_node) AS SELECT count(*) FROM staff WHERE unit <@ $1;
PREPARE path (iom_node) AS SELECT 'path of OSS-MAC: ' || iom_path($1);
EXECUTE within ('DDGMR') \gset
\echo within DDGMR: :count
\! psql -X -q -c "UPDATE iom_line SET supervisor = 'COS' WHERE node = 'OSS' AND line = 'solid'"
EXECUTE within ('DDGMR') \gset
\echo within DDGMR after a move by another session: :count
EXECUTE path ('OSS-MAC');
BEGIN;
UPDATE iom_line SET supervisor = 'DDGMR' WHERE node = 'OSS' AND line = 'solid';
EXECUTE within ('DDGMR') \gset
\echo within DDGMR after a move by this session: :count
ROLLBACK;
EXECUTE within ('DDGMR') \gset
\echo within DDGMR after its rollback: :count

SELECT iom_supervisor('NO GOOD');
\echo bad code: :LAST_ERROR_SQLSTATE :LAST_ERROR_MESSAGE
UPDATE iom_line SET supervisor = 'OSS-MAC' WHERE node = 'COS' AND line = 'solid';
\echo cycle: :LAST_ERROR_SQLSTATE :LAST_ERROR_MESSAGE
INSERT INTO staff VALUES (4, 'NOSUCH');
\echo no such unit: :LAST_ERROR_SQLSTATE :LAST_ERROR_MESSAGE
SELECT 'still connected: ' || iom_root('DLA');
