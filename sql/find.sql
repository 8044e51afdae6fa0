--
-- Search
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

CREATE ROLE regress_editor;
GRANT INSERT, UPDATE, DELETE ON iom_unit, iom_line TO regress_editor;
SET ROLE regress_editor;

-- The nodes found, the best first
CREATE FUNCTION pg_temp.found(query text, as_of date DEFAULT NULL) RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(f.node::text, ' ' ORDER BY f.place)
   FROM iom_find(query, as_of) WITH ORDINALITY f (node, name, score, place) $$;

-- The very code is first, in whatever case, and has score 1
SELECT node, name, score = 1 AS exact, score >= 0.5 AS good FROM iom_find('OSS');
SELECT q, pg_temp.found(q) FROM unnest(ARRAY['doe', ' Doe ', 'OSS-MAC', 'oss-pac', 'idf', 'DG']) q;
-- for every node
SELECT count(*) AS compared, count(*) FILTER (WHERE f.node IS DISTINCT FROM u.node OR f.score <> 1) AS different
FROM iom_unit u LEFT JOIN LATERAL (SELECT * FROM iom_find(lower(u.node::text)) LIMIT 1) f ON true;

-- Every word counts: as a beginning, in another English form, in whatever
-- order, in name or mandate
SELECT q, pg_temp.found(q) FROM unnest(ARRAY['legal', 'affairs legal', 'Legal affair', 'panam adm', 'emergency',
  'ombudsman', 'steering building', 'whistle', 'retaliation gifts', 'cash-based', 'cash based', 'Council elects']) q;
-- the name weighs more than the mandate
SELECT node, score > lag(score, 1, 0) OVER () AS better, score FROM iom_find('data') ORDER BY score;
-- for every node: its name finds it, and nothing is better
SELECT count(*) AS compared, count(*) FILTER (WHERE f.node IS NULL OR f.score < best) AS different
FROM iom_unit u LEFT JOIN LATERAL (SELECT *, max(score) OVER () AS best FROM iom_find(u.name)) f ON f.node = u.node;
-- scores fall, nodes come once, all of them are there
SELECT count(*) AS compared,
  count(*) FILTER (WHERE score NOT BETWEEN 0 AND 1 OR score > before OR n <> 1 OR f.name <> u.name) AS different
FROM (SELECT q, f.*, lag(score) OVER (PARTITION BY q ORDER BY place) AS before, count(*) OVER (PARTITION BY q, node) AS n
      FROM unnest(ARRAY['of', 'department', 'dg', 'unit', 'the staff', 'office security']) q,
        iom_find(q) WITH ORDINALITY f (node, name, score, place)) f
JOIN iom_unit u USING (node);

-- Stop words count only if there is nothing else
SELECT pg_temp.found('the of legal') AS legal, strpos(pg_temp.found('of'), 'OMB') > 0 AS found;

-- Where nothing has all of it: parts of codes and names, some of the words
SELECT q, pg_temp.found(q) FROM unnest(ARRAY['gastat', 'mbudspers', 'geo', 'legal xyzzy']) q;
SELECT max(score) < 0.5 AS less FROM iom_find('legal xyzzy');

-- Nothing, and whatever means something to a parser
SELECT left(q, 20) AS q, pg_temp.found(q) IS NULL AS nothing
FROM unnest(ARRAY['xyzzy', '', ' ', E'\n\t', NULL, '&', '|', '!', ':*', '''', '''''', E'\\', E'a\\''b', '(', '<->', '%', '_', '*', '"',
  'x & !y | (z', 'foo:*A', E'\x01', 'http://x.y/z?q=a''b', 'a@b.c', repeat('long ', 1000)]) q;

-- The setting of text search plays no part, nor do settings of strings
SET default_text_search_config = 'pg_catalog.german';
SELECT pg_temp.found('departments legal');
RESET default_text_search_config;
-- (19 knows no other strings)
SELECT current_setting('server_version_num')::int < 190000 AS other_strings \gset
\if :other_strings
SET standard_conforming_strings = off;
\endif
SELECT pg_temp.found('departments legal');
RESET standard_conforming_strings;

-- Other languages and letters; characters that codes may have
BEGIN;
INSERT INTO iom_unit (node, name, mandate) VALUES
  ('HR.PAY', 'Büro für Gehälter', 'Zahlt aus'), ('HR.PAY_2', 'Отдел кадров', NULL),
  ('IT', '移民組織總部 資訊科', NULL), ('A-1', E'O''Neill \\ Sons', 'x');
SELECT q, pg_temp.found(q) FROM unnest(ARRAY['büro', 'gehält', 'Отдел', '移民組織總部', '組織', 'it', 'pay', 'hr.pay', 'hr pay',
  'a-1', 'a 1', 'o''neill', E'\\ sons', 'zahlt']) q;
-- on a day: only what exists
UPDATE iom_unit SET valid = '[2030-01-01,2031-01-01)' WHERE node = 'HR.PAY';
SELECT day, pg_temp.found('gehälter', day) AS name, pg_temp.found('hr.pay', day) AS code, pg_temp.found('ehält', day) AS part
FROM unnest('{2029-12-31,2030-01-01,2031-01-01}'::date[]) day;
SET LOCAL iomorg.as_of = '2030-06-01';
SELECT pg_temp.found('hr.pay'), pg_temp.found('hr.pay', '2020-01-01');
ROLLBACK;

-- What a GIN index on the document serves, with the same answers
RESET ROLE;
BEGIN;
CREATE TEMPORARY TABLE regress_found AS
SELECT q, pg_temp.found(q) FROM unnest(ARRAY['legal', 'staff security', 'of', 'oss', 'xyzzy']) q;
CREATE INDEX regress_document ON iom_unit USING gin (iom_find_document(node, name, mandate));
SET LOCAL enable_seqscan = off;
SELECT regress_plan('SELECT * FROM iom_find(''legal'')') LIKE '%regress_document%' AS used;
SELECT count(*), count(*) FILTER (WHERE found IS DISTINCT FROM pg_temp.found(q)) AS different FROM regress_found;
-- codes are looked up by the index that all have
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SELECT regress_plan('SELECT * FROM iom_find(''oss'')') LIKE '%iom_unit_code_idx%' AS by_code;
ROLLBACK;

-- More text than a document has room for: its beginning is found, and everything else
BEGIN;
INSERT INTO iom_unit (node, name, mandate)
SELECT 'LONG', 'Zymurgy ' || string_agg(md5(i::text), ' '), 'Ullage ' || string_agg(md5((-i)::text) || ' ' || repeat(chr(20000 + i % 9000), 20), ' ')
FROM generate_series(1, 60000) i;
SELECT pg_temp.found('zymurgy'), pg_temp.found('ullage'), pg_temp.found('legal affairs');
ROLLBACK;

-- Privileges: what may not be seen is not found, whatever is asked
CREATE ROLE regress_reader;
BEGIN;
ALTER TABLE iom_unit ENABLE ROW LEVEL SECURITY;
CREATE POLICY regress_policy ON iom_unit USING (node <> 'DLA');
SET LOCAL ROLE regress_reader;
SELECT q, (SELECT string_agg(node::text, ' ') FROM iom_find(q)) AS found
FROM unnest(ARRAY['dla', 'legal', 'egal affair', 'Legal xyzzy', 'oss-mac']) q;
ROLLBACK;
REVOKE SELECT ON iom_unit FROM PUBLIC;
SET ROLE regress_reader;
SELECT regress_error('SELECT * FROM iom_find(''legal'')');
RESET ROLE;
GRANT SELECT ON iom_unit TO PUBLIC;
-- and nothing of that name elsewhere is called
BEGIN;
CREATE SCHEMA regress_evil;
CREATE FUNCTION regress_evil.word_similarity(text, text) RETURNS real LANGUAGE plpgsql AS $$BEGIN RAISE 'evil'; END$$;
SET LOCAL search_path = regress_evil, public;
SELECT count(*) FROM public.iom_find('securty');
SELECT public.iom_word_similarity('a', 'a') IS NULL AS without;
ROLLBACK;

-- Misspelt words, with pg_trgm, which may be anywhere; it may go again
SELECT count(*) = 0 AS without FROM pg_available_extensions WHERE name = 'pg_trgm' \gset
\if :without
\set misspelt 'SELECT ''t'' AS "IDM", ''t'' AS "OIG", ''t'' AS "DLA", ''t'' AS "OSS", ''t'' AS mandate'
\else
\set misspelt 'SELECT strpos(pg_temp.found(''migartion''), ''IDM'') > 0 AS "IDM", pg_temp.found(''Inspecter'') = ''OIG'' AS "OIG", pg_temp.found(''Leagl Afairs'') = ''DLA'' AS "DLA", strpos(pg_temp.found(''ofice securty''), ''OSS'') > 0 AS "OSS", strpos(pg_temp.found(''epidmics''), ''COUNCIL'') > 0 AS mandate'
\endif
BEGIN;
CREATE SCHEMA "Regress, far away";
DO $$
BEGIN
  CREATE EXTENSION pg_trgm SCHEMA "Regress, far away";
EXCEPTION WHEN undefined_file OR feature_not_supported THEN
  NULL;
END $$;
SET LOCAL search_path = public;
UPDATE iom_unit SET mandate = 'Advises on epidemics and the like.' WHERE node = 'COUNCIL';
:misspelt;
-- what is spelt right is found as before
SELECT pg_temp.found('legal'), pg_temp.found('oss-mac');
-- (it is there, if it can be had)
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm' AND extnamespace = '"Regress, far away"'::regnamespace) <> :'without'::boolean AS there;
SET LOCAL client_min_messages = warning;
DROP SCHEMA "Regress, far away" CASCADE;
SELECT pg_temp.found('Leagl Afairs') IS NULL AS gone;
ROLLBACK;

-- Parts of words, whatever the locale makes of an I
BEGIN;
UPDATE iom_unit SET name = 'XDIGITALX' WHERE node = 'DICT';
SELECT pg_temp.found('digital'), pg_temp.found('DIGITAL');
ROLLBACK;

DROP FUNCTION pg_temp.found;
DROP ROLE regress_reader;
REVOKE ALL ON iom_unit, iom_line FROM regress_editor;
DROP ROLE regress_editor;
