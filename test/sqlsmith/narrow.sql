-- Keeps sqlsmith to the point: of the server's types it is not told of those that it
-- cannot handle (NULL::anymultirange) or that lead away (shapes, addresses), and in
-- each run of another eighth of the server's functions. It reads pg_type, pg_proc and
-- pg_attribute without saying whose: ours come first in its search_path. But it does
-- say pg_catalog.pg_operator, so there operators go. Run by a superuser in a database
-- that is thrown away.
\set ON_ERROR_STOP 1

CREATE TABLE smith.pg_type AS
  SELECT * FROM pg_catalog.pg_type t
  WHERE t.typnamespace <> 'pg_catalog'::regnamespace
    OR (t.typtype <> 'm' AND t.typcategory NOT IN ('G', 'I', 'V')
      AND t.typname NOT IN ('anymultirange', 'anycompatiblemultirange', 'anyenum', 'money'));
ALTER TABLE smith.pg_type ADD PRIMARY KEY (oid);
-- (all of it but a column that no table can have)
CREATE TABLE smith.pg_attribute AS
  SELECT attrelid, attname, atttypid, attisdropped, attnum FROM pg_catalog.pg_attribute a
  WHERE a.atttypid IN (SELECT oid FROM smith.pg_type);
CREATE INDEX ON smith.pg_attribute (attrelid);
CREATE TABLE smith.proc AS
  SELECT * FROM pg_catalog.pg_proc p
  WHERE p.prorettype IN (SELECT oid FROM smith.pg_type)
    AND NOT EXISTS (SELECT FROM unnest(p.proargtypes) a (type) WHERE a.type NOT IN (SELECT oid FROM smith.pg_type));
ALTER TABLE smith.proc ADD PRIMARY KEY (oid);
CREATE VIEW smith.pg_proc AS
  SELECT * FROM smith.proc p
  WHERE p.pronamespace <> 'pg_catalog'::regnamespace
    OR abs(hashint4(p.oid::int + coalesce(current_setting('smith.seed', true), '0')::int)) % 8 = 0;
GRANT SELECT ON smith.pg_type, smith.pg_attribute, smith.proc, smith.pg_proc TO PUBLIC;
ANALYZE;

SET allow_system_table_mods = on;
DELETE FROM pg_catalog.pg_operator o
WHERE EXISTS (SELECT FROM unnest(ARRAY[o.oprleft, o.oprright, o.oprresult]) t (type)
  WHERE t.type <> 0 AND t.type NOT IN (SELECT oid FROM smith.pg_type));
