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
SET LOCAL client_min_messages = warning;
ALTER TABLE iom_unit DROP CONSTRAINT iom_unit_pkey CASCADE;
INSERT INTO iom_unit (node, name) VALUES ('DG', 'again');
SELECT regress_error('SELECT iom_level(''DG'')');
ROLLBACK TO s;
SELECT iom_level('DG');
ROLLBACK;
