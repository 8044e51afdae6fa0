--
-- Rows that make no hierarchy, behind the guards' back: no answer, but an error
-- that names them
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all
BEGIN;
SET LOCAL session_replication_role = replica;
SAVEPOINT s;
INSERT INTO iom_line (node, supervisor) VALUES ('NO-SUCH', 'DG');
SELECT regress_error('SELECT iom_level(''DG'')');
ROLLBACK TO s;
UPDATE iom_line SET supervisor = 'NO-SUCH' WHERE node = 'DDGO' AND line = 'solid';
SELECT regress_error('SELECT iom_level(''DG'')');
ROLLBACK TO s;
INSERT INTO iom_line (node, supervisor) VALUES ('OSS', 'DDGO');
SELECT regress_error('SELECT iom_level(''DG'')');
ROLLBACK TO s;
INSERT INTO iom_line (node, supervisor) VALUES ('DG', 'OSS');
SELECT regress_error('SELECT iom_level(''DG'')');
ROLLBACK TO s;
-- a long way round: its beginning
INSERT INTO iom_unit (node, name) SELECT 'R' || i, i FROM generate_series(1, 20) i;
INSERT INTO iom_line (node, supervisor) SELECT 'R' || i, 'R' || i % 20 + 1 FROM generate_series(1, 20) i;
SELECT regress_error('SELECT iom_level(''DG'')');
SELECT problem, detail FROM iom_check();
ROLLBACK TO s;
-- days without end, in words
INSERT INTO iom_unit (node, name, valid) VALUES ('R', 'Romeo', '[-infinity,infinity)'), ('S', 'Sierra', '(-infinity,infinity)');
INSERT INTO iom_line (node, supervisor, valid) VALUES ('R', 'DG', '[-infinity,infinity]'), ('S', 'DG', '[-infinity,2020-01-01)'), ('S', 'DLA', '[infinity,infinity]');
SELECT problem, detail FROM iom_check();
ROLLBACK TO s;
SET LOCAL client_min_messages = warning;
ALTER TABLE iom_unit DROP CONSTRAINT iom_unit_pkey CASCADE;
INSERT INTO iom_unit (node, name) VALUES ('DG', 'again');
SELECT regress_error('SELECT iom_level(''DG'')');
ROLLBACK TO s;
SELECT iom_level('DG');
ROLLBACK;
