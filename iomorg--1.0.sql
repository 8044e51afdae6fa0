/* iomorg--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION iomorg" to load this file. \quit

-- The extension is relocatable, so nothing here may name its schema: functions
-- in SQL have parsed bodies (BEGIN ATOMIC), which refer to objects and not to
-- names; functions in C find the tables by way of the extension.

----------------------------------------------------------------------------
-- node_io: the type
----------------------------------------------------------------------------

CREATE TYPE iom_node;

CREATE FUNCTION iom_node_in(cstring) RETURNS iom_node
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_node_in(cstring) IS 'input: 1 to 12 characters of A-Z 0-9 - . _; lower case is folded, anything else is an error';

CREATE FUNCTION iom_node_out(iom_node) RETURNS cstring
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_node_out(iom_node) IS 'output: the code';

CREATE FUNCTION iom_node_recv(internal) RETURNS iom_node
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_node_recv(internal) IS 'binary input: the code as text, checked as text input is';

CREATE FUNCTION iom_node_send(iom_node) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_node_send(iom_node) IS 'binary output: the code as text';

CREATE TYPE iom_node (
  INPUT = iom_node_in,
  OUTPUT = iom_node_out,
  RECEIVE = iom_node_recv,
  SEND = iom_node_send,
  LIKE = pg_catalog.int8
);
COMMENT ON TYPE iom_node IS 'code of an org node: 1 to 12 characters of A-Z 0-9 - . _, kept in 8 bytes, in the order of the C collation';

CREATE FUNCTION iom_node(text) RETURNS iom_node
AS 'MODULE_PATHNAME', 'iom_node_from_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_node(text) IS 'the node with this code; errors as on input';

CREATE FUNCTION text(iom_node) RETURNS text
AS 'MODULE_PATHNAME', 'iom_node_to_text' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION text(iom_node) IS 'the code as text';

CREATE FUNCTION iom_node(bigint) RETURNS iom_node
AS 'MODULE_PATHNAME', 'iom_node_from_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_node(bigint) IS 'the node of a number made by the cast to bigint; an error for any other number';

CREATE FUNCTION int8(iom_node) RETURNS bigint
AS 'MODULE_PATHNAME', 'iom_node_to_bigint' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION int8(iom_node) IS 'the code as a number, in the same order';

CREATE CAST (text AS iom_node) WITH FUNCTION iom_node(text) AS ASSIGNMENT;
COMMENT ON CAST (text AS iom_node) IS 'the node with this code; errors as on input';
CREATE CAST (iom_node AS text) WITH FUNCTION text(iom_node) AS ASSIGNMENT;
COMMENT ON CAST (iom_node AS text) IS 'the code as text';
CREATE CAST (bigint AS iom_node) WITH FUNCTION iom_node(bigint);
COMMENT ON CAST (bigint AS iom_node) IS 'the node of a number made by the cast to bigint; an error for any other number';
CREATE CAST (iom_node AS bigint) WITH FUNCTION int8(iom_node);
COMMENT ON CAST (iom_node AS bigint) IS 'the code as a number, in the same order';

----------------------------------------------------------------------------
-- node_op: comparison, indexes, min and max
----------------------------------------------------------------------------

CREATE FUNCTION iom_node_eq(iom_node, iom_node) RETURNS boolean
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION iom_node_eq(iom_node, iom_node) IS 'implementation of = operator';

CREATE FUNCTION iom_node_ne(iom_node, iom_node) RETURNS boolean
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION iom_node_ne(iom_node, iom_node) IS 'implementation of <> operator';

CREATE FUNCTION iom_node_lt(iom_node, iom_node) RETURNS boolean
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION iom_node_lt(iom_node, iom_node) IS 'implementation of < operator';

CREATE FUNCTION iom_node_le(iom_node, iom_node) RETURNS boolean
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION iom_node_le(iom_node, iom_node) IS 'implementation of <= operator';

CREATE FUNCTION iom_node_gt(iom_node, iom_node) RETURNS boolean
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION iom_node_gt(iom_node, iom_node) IS 'implementation of > operator';

CREATE FUNCTION iom_node_ge(iom_node, iom_node) RETURNS boolean
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION iom_node_ge(iom_node, iom_node) IS 'implementation of >= operator';

CREATE OPERATOR = (
  LEFTARG = iom_node, RIGHTARG = iom_node, FUNCTION = iom_node_eq,
  COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR = (iom_node, iom_node) IS 'equal';

CREATE OPERATOR <> (
  LEFTARG = iom_node, RIGHTARG = iom_node, FUNCTION = iom_node_ne,
  COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (iom_node, iom_node) IS 'not equal';

CREATE OPERATOR < (
  LEFTARG = iom_node, RIGHTARG = iom_node, FUNCTION = iom_node_lt,
  COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR < (iom_node, iom_node) IS 'less than';

CREATE OPERATOR <= (
  LEFTARG = iom_node, RIGHTARG = iom_node, FUNCTION = iom_node_le,
  COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR <= (iom_node, iom_node) IS 'less than or equal';

CREATE OPERATOR > (
  LEFTARG = iom_node, RIGHTARG = iom_node, FUNCTION = iom_node_gt,
  COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR > (iom_node, iom_node) IS 'greater than';

CREATE OPERATOR >= (
  LEFTARG = iom_node, RIGHTARG = iom_node, FUNCTION = iom_node_ge,
  COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR >= (iom_node, iom_node) IS 'greater than or equal';

CREATE FUNCTION iom_node_cmp(iom_node, iom_node) RETURNS integer
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION iom_node_cmp(iom_node, iom_node) IS 'btree comparison: -1, 0 or 1';

CREATE FUNCTION iom_node_sortsupport(internal) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_node_sortsupport(internal) IS 'btree sort support';

CREATE OPERATOR CLASS iom_node_ops
DEFAULT FOR TYPE iom_node USING btree AS
  OPERATOR 1 <,
  OPERATOR 2 <=,
  OPERATOR 3 =,
  OPERATOR 4 >=,
  OPERATOR 5 >,
  FUNCTION 1 iom_node_cmp(iom_node, iom_node),
  FUNCTION 2 iom_node_sortsupport(internal),
  FUNCTION 4 pg_catalog.btequalimage(oid);
COMMENT ON OPERATOR CLASS iom_node_ops USING btree IS 'order of the codes in the C collation';
COMMENT ON OPERATOR FAMILY iom_node_ops USING btree IS 'order of the codes in the C collation';

-- The right side of the index conditions that the planner derives from <@ and
-- @>: a domain and its comparisons with nodes, twins of those above.  They are
-- there because the estimator of an operator is what knows such a set's size
-- (see src/node_planner.c).

CREATE FUNCTION iom_member_sel(internal, oid, internal, integer) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_member_sel(internal, oid, internal, integer) IS 'restriction selectivity of = ANY in an index condition derived from <@ or @>';

CREATE DOMAIN iom_member AS iom_node;
COMMENT ON DOMAIN iom_member IS 'a node in the set that an index condition derived from <@ or @> compares with; for the planner alone';

DO $$
DECLARE
  pair text;
  op record;
BEGIN
  FOREACH pair IN ARRAY ARRAY['iom_node, iom_member', 'iom_member, iom_node', 'iom_member, iom_member'] LOOP
    EXECUTE pg_catalog.format('CREATE FUNCTION iom_member_cmp(%s) RETURNS integer
      AS ''$libdir/iomorg'', ''iom_node_cmp'' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE', pair);
    EXECUTE pg_catalog.format('COMMENT ON FUNCTION iom_member_cmp(%s) IS ''btree comparison: -1, 0 or 1''', pair);
    EXECUTE pg_catalog.format('ALTER OPERATOR FAMILY iom_node_ops USING btree
      ADD FUNCTION 1 (%s) iom_member_cmp(%s)', pair, pair);
    FOR op IN
      SELECT * FROM (VALUES
        ('1', '<', 'lt', 'scalarltsel'), ('2', '<=', 'le', 'scalarlesel'), ('3', '=', 'eq', 'iom_member_sel'),
        ('4', '>=', 'ge', 'scalargesel'), ('5', '>', 'gt', 'scalargtsel')
      ) AS v (strategy, sign, name, estimator)
    LOOP
      EXECUTE pg_catalog.format('CREATE FUNCTION iom_member_%s(%s) RETURNS boolean
        AS ''$libdir/iomorg'', ''iom_node_%s'' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE',
        op.name, pair, op.name);
      EXECUTE pg_catalog.format('COMMENT ON FUNCTION iom_member_%s(%s) IS ''implementation of %s operator''',
        op.name, pair, op.sign);
      EXECUTE pg_catalog.format('CREATE OPERATOR %s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = iom_member_%s, RESTRICT = %s)',
        op.sign, pg_catalog.split_part(pair, ', ', 1), pg_catalog.split_part(pair, ', ', 2), op.name, op.estimator);
      EXECUTE pg_catalog.format('COMMENT ON OPERATOR %s (%s) IS ''for index conditions derived from <@ or @>''',
        op.sign, pair);
      EXECUTE pg_catalog.format('ALTER OPERATOR FAMILY iom_node_ops USING btree ADD OPERATOR %s %s (%s)',
        op.strategy, op.sign, pair);
    END LOOP;
  END LOOP;
END
$$;

CREATE FUNCTION iom_node_hash(iom_node) RETURNS integer
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION iom_node_hash(iom_node) IS 'hash';

CREATE FUNCTION iom_node_hash_extended(iom_node, bigint) RETURNS bigint
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION iom_node_hash_extended(iom_node, bigint) IS 'hash of 64 bits with a seed';

CREATE OPERATOR CLASS iom_node_ops
DEFAULT FOR TYPE iom_node USING hash AS
  OPERATOR 1 =,
  FUNCTION 1 iom_node_hash(iom_node),
  FUNCTION 2 iom_node_hash_extended(iom_node, bigint);
COMMENT ON OPERATOR CLASS iom_node_ops USING hash IS 'equality of codes';
COMMENT ON OPERATOR FAMILY iom_node_ops USING hash IS 'equality of codes';

-- Ranges of codes.  They are what makes pg_upgrade work, too: it creates types
-- before functions, and so what this type needs, the operator class, before the
-- functions in SQL that group and sort nodes.  Of those it is not known that they
-- need an operator class (pg_depend has the operators only).
CREATE TYPE iom_node_range AS RANGE (
  SUBTYPE = iom_node, SUBTYPE_OPCLASS = iom_node_ops, MULTIRANGE_TYPE_NAME = iom_node_multirange
);
COMMENT ON TYPE iom_node_range IS 'range of codes, in the order of the C collation';
COMMENT ON TYPE iom_node_multirange IS 'ranges of codes';
COMMENT ON CAST (iom_node_range AS iom_node_multirange) IS 'one range of codes';
COMMENT ON FUNCTION iom_node_range(iom_node, iom_node) IS 'the codes from the first up to, but without, the second';
COMMENT ON FUNCTION iom_node_range(iom_node, iom_node, text) IS 'the codes between two, with bounds as given: [] () [) (]';
COMMENT ON FUNCTION iom_node_multirange() IS 'no codes';
COMMENT ON FUNCTION iom_node_multirange(iom_node_range) IS 'one range of codes';
COMMENT ON FUNCTION iom_node_multirange(VARIADIC iom_node_range[]) IS 'ranges of codes';

CREATE OPERATOR CLASS iom_node_minmax_ops
DEFAULT FOR TYPE iom_node USING brin AS
  OPERATOR 1 <,
  OPERATOR 2 <=,
  OPERATOR 3 =,
  OPERATOR 4 >=,
  OPERATOR 5 >,
  FUNCTION 1 pg_catalog.brin_minmax_opcinfo(internal),
  FUNCTION 2 pg_catalog.brin_minmax_add_value(internal, internal, internal, internal),
  FUNCTION 3 pg_catalog.brin_minmax_consistent(internal, internal, internal),
  FUNCTION 4 pg_catalog.brin_minmax_union(internal, internal, internal);
COMMENT ON OPERATOR CLASS iom_node_minmax_ops USING brin IS 'order of the codes in the C collation';
COMMENT ON OPERATOR FAMILY iom_node_minmax_ops USING brin IS 'order of the codes in the C collation';

CREATE FUNCTION iom_node_smaller(iom_node, iom_node) RETURNS iom_node
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_node_smaller(iom_node, iom_node) IS 'the smaller of two codes';

CREATE FUNCTION iom_node_larger(iom_node, iom_node) RETURNS iom_node
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_node_larger(iom_node, iom_node) IS 'the larger of two codes';

CREATE AGGREGATE min(iom_node) (
  SFUNC = iom_node_smaller, STYPE = iom_node, SORTOP = <,
  COMBINEFUNC = iom_node_smaller, PARALLEL = SAFE
);
COMMENT ON AGGREGATE min(iom_node) IS 'the smallest code';

CREATE AGGREGATE max(iom_node) (
  SFUNC = iom_node_larger, STYPE = iom_node, SORTOP = >,
  COMBINEFUNC = iom_node_larger, PARALLEL = SAFE
);
COMMENT ON AGGREGATE max(iom_node) IS 'the largest code';

----------------------------------------------------------------------------
-- Nothing of others': a schema in which somebody prepared functions or operators
----------------------------------------------------------------------------

-- This script runs as a superuser, and in a schema in which others may have
-- made, say, a function isempty(daterange): it would fit better than the
-- server's isempty(anyrange), and be called by whoever changes a row.  So it is
-- found out what the parser chose: before the first row is inserted, and at the
-- end.  (Names are searched for in pg_catalog alone here.)
CREATE FUNCTION iom_refuse_foreign() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  used text;
BEGIN
  WITH RECURSIVE own (classid, objid) AS (
    SELECT d.classid, d.objid
    FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'iomorg'
    UNION
    -- constraints, defaults, rules, triggers, indexes, row types
    SELECT d.classid, d.objid
    FROM own o JOIN pg_depend d ON d.refclassid = o.classid AND d.refobjid = o.objid
    WHERE d.deptype IN ('a', 'i')
  )
  SELECT pg_describe_object(d.refclassid, d.refobjid, 0) INTO used
  FROM own o JOIN pg_depend d ON d.classid = o.classid AND d.objid = o.objid
  WHERE d.refobjid >= 16384 -- others came with the server
    AND d.refclassid NOT IN ('pg_extension'::regclass, 'pg_namespace'::regclass, 'pg_language'::regclass)
    AND (d.refclassid, d.refobjid) NOT IN (SELECT p.classid, p.objid FROM own p)
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'extension "iomorg" would use %, which is not its own', used
    USING ERRCODE = 'object_not_in_prerequisite_state',
      HINT = 'Create the extension in a schema of its own: CREATE SCHEMA iom; CREATE EXTENSION iomorg SCHEMA iom.';
  END IF;
END
$$;

----------------------------------------------------------------------------
-- The organisation's tables
----------------------------------------------------------------------------

CREATE TABLE iom_unit (
  node iom_node PRIMARY KEY,
  name text NOT NULL CHECK (name <> ''),
  kind text NOT NULL DEFAULT 'unit' CHECK (kind <> ''),
  head_title text,
  mandate text,
  position integer NOT NULL DEFAULT 1000,
  valid daterange NOT NULL DEFAULT '(,)' CHECK (NOT isempty(valid)),
  origin text NOT NULL DEFAULT 'seed' CHECK (origin IN ('seed', 'own', 'awaited', 'new'))
);
COMMENT ON TABLE iom_unit IS 'the nodes of the organisation: posts, offices, departments, units, centres; HR tables refer to it by foreign key';
COMMENT ON COLUMN iom_unit.node IS 'the code; it never changes';
COMMENT ON COLUMN iom_unit.name IS 'the name in full';
COMMENT ON COLUMN iom_unit.kind IS 'what it is: post, office, department, unit, ...';
COMMENT ON COLUMN iom_unit.head_title IS 'title of who heads it; null if not known';
COMMENT ON COLUMN iom_unit.mandate IS 'what it is there for; null if not known';
COMMENT ON COLUMN iom_unit.position IS 'place among the direct reports of one supervisor, the least first, equal ones by code; the seed counts from 1, and the default of 1000 comes after that';
COMMENT ON COLUMN iom_unit.valid IS 'the days on which it exists; no bounds by default';
COMMENT ON COLUMN iom_unit.origin IS 'seed: as the extension brought it; own: inserted or updated since; awaited: stands in for a unit that a dump being restored has not brought yet; new: inserted while triggers were disabled. Kept by a trigger: leave it out of INSERT (where check_function_bodies is off, as in what pg_dump writes, and nothing was edited since CREATE EXTENSION, a row that comes with it is taken for one of a dump, and the first one replaces the seed)';
CREATE INDEX iom_unit_code_idx ON iom_unit ((node::text));
COMMENT ON INDEX iom_unit_code_idx IS 'for tools that know codes as text: iom_org and iom_levels by code, iom_find';
COMMENT ON CONSTRAINT iom_unit_pkey ON iom_unit IS 'a code names one unit';
COMMENT ON INDEX iom_unit_pkey IS 'a unit by its code: for foreign keys and for questions about few nodes';
COMMENT ON CONSTRAINT iom_unit_name_check ON iom_unit IS 'a name is not empty';
COMMENT ON CONSTRAINT iom_unit_kind_check ON iom_unit IS 'a kind is not empty';
COMMENT ON CONSTRAINT iom_unit_valid_check ON iom_unit IS 'a unit exists on one day at least';
COMMENT ON CONSTRAINT iom_unit_origin_check ON iom_unit IS 'the origins that there are';

CREATE TABLE iom_line (
  node iom_node NOT NULL REFERENCES iom_unit DEFERRABLE,
  supervisor iom_node NOT NULL REFERENCES iom_unit DEFERRABLE,
  relation text NOT NULL DEFAULT 'supervises' CHECK (relation <> ''),
  line text NOT NULL DEFAULT 'solid' CHECK (line IN ('solid', 'dotted')),
  valid daterange NOT NULL DEFAULT '(,)' CHECK (NOT isempty(valid)),
  basis text NOT NULL DEFAULT 'stated' CHECK (basis IN ('stated', 'placed', 'inferred')),
  origin text NOT NULL DEFAULT 'seed' CHECK (origin IN ('seed', 'own', 'new')),
  PRIMARY KEY (node, supervisor, relation, valid),
  CONSTRAINT iom_line_not_own_supervisor CHECK (node <> supervisor)
);
CREATE INDEX iom_line_supervisor_idx ON iom_line (supervisor);
COMMENT ON INDEX iom_line_supervisor_idx IS 'the lines to a supervisor';
COMMENT ON CONSTRAINT iom_line_pkey ON iom_line IS 'a line is there once';
COMMENT ON INDEX iom_line_pkey IS 'the lines of a node';
COMMENT ON CONSTRAINT iom_line_node_fkey ON iom_line IS 'the lower end is a unit';
COMMENT ON CONSTRAINT iom_line_supervisor_fkey ON iom_line IS 'the upper end is a unit';
COMMENT ON CONSTRAINT iom_line_not_own_supervisor ON iom_line IS 'no line leads from a node to itself';
COMMENT ON CONSTRAINT iom_line_relation_check ON iom_line IS 'a relation is not empty';
COMMENT ON CONSTRAINT iom_line_line_check ON iom_line IS 'the lines that there are';
COMMENT ON CONSTRAINT iom_line_valid_check ON iom_line IS 'a line holds on one day at least';
COMMENT ON CONSTRAINT iom_line_basis_check ON iom_line IS 'the bases that there are';
COMMENT ON CONSTRAINT iom_line_origin_check ON iom_line IS 'the origins that there are';
COMMENT ON TABLE iom_line IS 'the lines between nodes: at most one solid line a node and day (these make the hierarchy, without cycles on any day), and any number of dotted ones';
COMMENT ON COLUMN iom_line.node IS 'the lower end: who reports';
COMMENT ON COLUMN iom_line.supervisor IS 'the upper end: to whom';
COMMENT ON COLUMN iom_line.relation IS 'what the upper end does with the lower one (supervises, oversees, ...); on a dotted line also the other way round (assists, serves, ...)';
COMMENT ON COLUMN iom_line.line IS 'solid: the one line of authority; dotted: every other relation';
COMMENT ON COLUMN iom_line.valid IS 'the days on which the line holds, within those of both ends; no bounds by default';
COMMENT ON COLUMN iom_line.basis IS 'how the source supports the line: stated in a sentence, placed so in the chart, or inferred as the mildest assumption';
COMMENT ON COLUMN iom_line.origin IS 'seed: as the extension brought it; own: inserted or updated since. Kept by a trigger, as in iom_unit';

CREATE TABLE iom_appointment (
  post iom_node PRIMARY KEY REFERENCES iom_unit DEFERRABLE,
  authority iom_node NOT NULL REFERENCES iom_unit DEFERRABLE,
  method text NOT NULL CHECK (method <> ''),
  term_years integer CHECK (term_years > 0),
  term text,
  origin text NOT NULL DEFAULT 'seed' CHECK (origin IN ('seed', 'own', 'new'))
);
COMMENT ON TABLE iom_appointment IS 'who fills a post, how and for how long';
COMMENT ON COLUMN iom_appointment.post IS 'the post';
COMMENT ON COLUMN iom_appointment.authority IS 'who fills it';
COMMENT ON COLUMN iom_appointment.method IS 'how: elected, appointed, ...';
COMMENT ON COLUMN iom_appointment.term_years IS 'for how many years; null if not a number of years';
COMMENT ON COLUMN iom_appointment.term IS 'for how long, in words; null if not known';
COMMENT ON COLUMN iom_appointment.origin IS 'seed: as the extension brought it; own: inserted or updated since. Kept by a trigger, as in iom_unit';
COMMENT ON CONSTRAINT iom_appointment_pkey ON iom_appointment IS 'a post is filled in one way';
COMMENT ON INDEX iom_appointment_pkey IS 'how a post is filled';
COMMENT ON CONSTRAINT iom_appointment_post_fkey ON iom_appointment IS 'the post is a unit';
COMMENT ON CONSTRAINT iom_appointment_authority_fkey ON iom_appointment IS 'who fills it is a unit';
COMMENT ON CONSTRAINT iom_appointment_method_check ON iom_appointment IS 'a method is not empty';
COMMENT ON CONSTRAINT iom_appointment_term_years_check ON iom_appointment IS 'a term is a year at least';
COMMENT ON CONSTRAINT iom_appointment_origin_check ON iom_appointment IS 'the origins that there are';

CREATE TABLE iom_history (
  id bigint GENERATED BY DEFAULT AS IDENTITY,
  changed_at timestamptz NOT NULL,
  changed_by name NOT NULL,
  acting_as name NOT NULL,
  transaction xid8 NOT NULL,
  relation text NOT NULL,
  change text NOT NULL CHECK (change IN ('insert', 'update', 'delete', 'truncate')),
  node iom_node,
  before jsonb,
  after jsonb
);
-- (with an expression, no key that a foreign key can refer to: that would call casts of
-- anybody's as the superuser whose table this is)
CREATE UNIQUE INDEX iom_history_id_idx ON iom_history (id, (0));
ALTER TABLE iom_history REPLICA IDENTITY FULL;
CREATE INDEX iom_history_node_idx ON iom_history (node);
COMMENT ON TABLE iom_history IS 'every change of iom_unit, iom_line and iom_appointment since CREATE EXTENSION: who changed what, and when; append-only but for a superuser (and pg_restore: see column origin of iom_unit)';
COMMENT ON COLUMN iom_history.id IS 'the order of the changes (those that a row trigger made of the same table come before those of the statement that fired it)';
COMMENT ON COLUMN iom_history.changed_at IS 'when, by the server''s clock';
COMMENT ON COLUMN iom_history.changed_by IS 'the user who had logged in (session_user)';
COMMENT ON COLUMN iom_history.acting_as IS 'the role whose privileges were used (current_user)';
COMMENT ON COLUMN iom_history.transaction IS 'the transaction, as pg_current_xact_id() gives it; on the server that wrote the row';
COMMENT ON COLUMN iom_history.relation IS 'the table: iom_unit, iom_line, iom_appointment; or iom_history, where a superuser changed that';
COMMENT ON COLUMN iom_history.change IS 'insert, update or delete (TRUNCATE is recorded as deletion of each row); of iom_history itself also truncate';
COMMENT ON COLUMN iom_history.node IS 'the node whose row it was: the unit, the lower end of the line, the post; null for iom_history';
COMMENT ON COLUMN iom_history.before IS 'the row before; null if there was none';
COMMENT ON COLUMN iom_history.after IS 'the row after; null if there is none';
COMMENT ON INDEX iom_history_node_idx IS 'the changes of a node';
COMMENT ON INDEX iom_history_id_idx IS 'the changes in their order; a number names one';
COMMENT ON CONSTRAINT iom_history_change_check ON iom_history IS 'the changes that there are';
COMMENT ON SEQUENCE iom_history_id_seq IS 'numbers the rows of iom_history';

CREATE TABLE iom_revision (
  singleton boolean NOT NULL DEFAULT true CHECK (singleton),
  revision xid8 NOT NULL,
  content text NOT NULL DEFAULT 'seed' CHECK (content IN ('seed', 'restored', 'own')),
  EXCLUDE (singleton WITH =)  -- nor can one refer to this
);
ALTER TABLE iom_revision REPLICA IDENTITY FULL;
COMMENT ON TABLE iom_revision IS 'one row: the state of the hierarchy that a snapshot sees; kept by triggers, not to be edited';
COMMENT ON COLUMN iom_revision.singleton IS 'true, so that there is one row';
COMMENT ON COLUMN iom_revision.revision IS 'the transaction that last changed iom_unit or iom_line, or had the turn to and changed no row';
COMMENT ON COLUMN iom_revision.content IS 'what the tables hold: the seed, the rows of a dump, or own ones: something was edited since';
COMMENT ON CONSTRAINT iom_revision_singleton_excl ON iom_revision IS 'with the check, the reason why there is one row';
COMMENT ON INDEX iom_revision_singleton_excl IS 'finds the row';
COMMENT ON CONSTRAINT iom_revision_singleton_check ON iom_revision IS 'there is one row';
COMMENT ON CONSTRAINT iom_revision_content_check ON iom_revision IS 'the contents that there are';
SELECT iom_refuse_foreign();
INSERT INTO iom_revision (revision) VALUES (pg_current_xact_id());

-- Everybody may read; who owns the extension may change, and let others.  Of a
-- trusted extension, these are not a superuser's: foreign keys look rows up as the
-- owner, and call implicit casts, which src/cast_guard.c keeps from others but for
-- a race.
ALTER TABLE iom_unit OWNER TO @extowner@;
ALTER TABLE iom_line OWNER TO @extowner@;
ALTER TABLE iom_appointment OWNER TO @extowner@;
GRANT SELECT ON iom_unit, iom_line, iom_appointment, iom_history, iom_revision TO PUBLIC;
-- For who saves the tables with pg_dump and restores them; triggers refuse
-- everything else.
GRANT INSERT ON iom_history TO @extowner@;
GRANT SELECT, UPDATE ON SEQUENCE iom_history_id_seq TO @extowner@;

-- pg_dump saves all rows; src/origin.c makes them take the place of the seed.
SELECT pg_catalog.pg_extension_config_dump('iom_unit', '');
SELECT pg_catalog.pg_extension_config_dump('iom_line', '');
SELECT pg_catalog.pg_extension_config_dump('iom_appointment', '');
SELECT pg_catalog.pg_extension_config_dump('iom_history', '');
SELECT pg_catalog.pg_extension_config_dump('iom_history_id_seq', '');

----------------------------------------------------------------------------
-- The seed: IOM's headquarters organisation
----------------------------------------------------------------------------

INSERT INTO iom_unit (node, name, kind, head_title, mandate, position) VALUES
  ('COUNCIL', 'Council', 'governing_body', NULL,
   'Highest governing body; elects the Director General.', 1),
  ('SCPF', 'Standing Committee on Programmes and Finance', 'governing_body', NULL,
   'Committee of the Council for programmes and finance; works through its own Working Group and informal consultations.', 2),
  ('IDM', 'International Dialogue on Migration', 'forum', NULL,
   'Global forum for dialogue on migration policy, convened by the Organization.', 3),
  ('DG', 'Director General', 'post', 'Director General',
   'Constitutional authority to manage the Organization: sets coherent policies and keeps programme development in line with strategic priorities.', 4),
  ('OIG', 'Office of the Inspector General', 'office', 'Inspector General',
   'Oversight and internal control through internal audit and investigation: checks compliance, detects fraud, waste, abuse and mismanagement, proposes remedies, helps to manage risk.', 5),
  ('OMB', 'Office of the Ombudsperson', 'office', 'Ombudsperson',
   'Impartial help to staff members in resolving employment-related disputes, under the standards of practice and code of ethics of the ombudsman profession''s international association.', 6),
  ('UNNMS', 'United Nations Network on Migration Secretariat', 'secretariat', NULL,
   'Backs UN system-wide support to States on migration, above all in implementing the Global Compact for Safe, Orderly and Regular Migration; coordinated by IOM.', 7),
  ('FMU', 'Fund Management Unit', 'unit', NULL,
   'Supports the management of the start-up fund of the Network, promotes cooperation among its partners and coherence across the UN system.', 8),
  ('UNNM', 'United Nations Network on Migration', 'network', NULL,
   'The network of UN entities on migration that the Secretariat serves.', 9),
  ('DDGO', 'Deputy Director General for Operations', 'post', 'Deputy Director General for Operations',
   'Directs operations: supervises the fund and cash units and the operational, policy and data departments.', 10),
  ('IDF', 'IOM Development Fund Unit', 'unit', NULL,
   'Helps developing Member States, and those with economies in transition, to develop and run joint capacity-building projects on migration management.', 11),
  ('CBI', 'Cash-based Initiatives Unit', 'unit', NULL,
   'Expands, coordinates and standardizes the use of cash-based initiatives: tools, process review, technical support and capacity-building for country and regional offices.', 12),
  ('DOE', 'Department of Operations and Emergencies', 'department', NULL,
   NULL, 13),
  ('DPDC', 'Department of Peace and Development Coordination', 'department', NULL,
   NULL, 14),
  ('DPSMM', 'Department of Programme Support and Migration Management', 'department', NULL,
   NULL, 15),
  ('GDI', 'Global Data Institute', 'institute', NULL,
   NULL, 16),
  ('DPR', 'Department of Policy and Research', 'department', NULL,
   NULL, 17),
  ('DDGMR', 'Deputy Director General for Management and Reform', 'post', 'Deputy Director General for Management and Reform',
   'Directs management and reform: supervises the workplace, safety, ethics and building units and oversees the administrative departments and centres.', 18),
  ('GDU', 'Gender and Diversity Unit', 'unit', NULL,
   'An inclusive institution that respects every employee''s dignity and worth: prevents structural discrimination and brings diversity into decisions and programming.', 19),
  ('PSEAH', 'Prevention of and Response to Sexual Exploitation and Abuse and Sexual Harassment Unit', 'unit', NULL,
   'Strengthens and coordinates the prevention of, and response to, sexual exploitation, abuse and harassment at Headquarters, in regional and country offices, in field operations and with partners.', 20),
  ('OSS', 'Office of Staff Security', 'office', NULL,
   'Safety and security management across the Organization: responsibilities, advice to the leadership, operations centres and a field network of focal points.', 21),
  ('OSS-MAC', 'Staff Security Operations Centre Manila', 'centre', NULL,
   'Operations centre of staff security, hosted by the Manila Administrative Centre.', 22),
  ('OSS-PAC', 'Staff Security Operations Centre Panama', 'centre', NULL,
   'Operations centre of staff security, hosted by the Panama Administrative Centre.', 23),
  ('FSSFP', 'Field-based staff security focal points', 'network', NULL,
   'Network of focal points for staff security in the field.', 24),
  ('OEC', 'Office of Ethics and Conduct', 'office', NULL,
   'Ethics and standards of conduct: counsel to administration and staff, training and outreach, review of retaliation allegations with protection measures, advice on conflicts of interest (gifts, close relatives, outside activities).', 25),
  ('ESU', 'Environmental Sustainability Unit', 'unit', NULL,
   'Runs the Environmental Sustainability Programme: energy, water and waste management, on good practice and stronger internal governance.', 26),
  ('HBU', 'Headquarters Building Unit', 'unit', NULL,
   'Executes the Headquarters building project from concept to completion: resources, risk, quality, cost and deadlines.', 27),
  ('HBSC', 'Headquarters Building Steering Committee', 'committee', NULL,
   'Steers the Headquarters building project together with the host State''s authorities.', 28),
  ('OHU', 'Occupational Health Unit', 'unit', NULL,
   'Occupational safety and health of the workforce: prevention, medical services and clearances, well-being and stress policy, response to epidemics and disasters, complex medical, sick-leave, disability and occupational-injury cases.', 29),
  ('DFAM', 'Department of Financial and Administrative Management', 'department', NULL,
   NULL, 30),
  ('DHRM', 'Department of Human Resources Management', 'department', NULL,
   NULL, 31),
  ('DICT', 'Department of Information and Communications Technology', 'department', NULL,
   NULL, 32),
  ('DLA', 'Department of Legal Affairs', 'department', NULL,
   NULL, 33),
  ('MAC', 'Manila Administrative Centre', 'centre', NULL,
   NULL, 34),
  ('PAC', 'Panama Administrative Centre', 'centre', NULL,
   NULL, 35),
  ('COS', 'Chief of Staff', 'post', 'Chief of Staff',
   'Leads the Director General''s Executive Office.', 36),
  ('DGEO', 'Director General''s Executive Office', 'office', 'Chief of Staff',
   'Policy formulation and oversight of activities for coherence with strategy; assists the Director General and the two deputies; planning, coordination, follow-up of policies, and coordination between Headquarters and the field; focal point for what needs direct intervention, such as staffing, finance and reporting.', 37),
  ('MCU', 'Media and Communications Unit', 'unit', NULL,
   'All public communication: media work, public understanding of migration, and the Organization''s place in the wider debate.', 38),
  ('GBS', 'Governing Bodies Secretariat', 'secretariat', NULL,
   'Focal point for Member and observer States on governing-body matters: prepares sessions of the Council and of the Standing Committee, edits and translates official documents in the three official languages, organizes the International Dialogue on Migration.', 39),
  ('SEDG', 'Special Envoys of the Director General', 'envoys', NULL,
   'Temporary senior representatives for a region or a topic of critical importance.', 40),
  ('SRA', 'Senior Regional Advisors', 'advisors', NULL,
   'Advisors for the regions within the Executive Office.', 41),
  ('RO', 'Regional Offices', 'field', NULL,
   NULL, 42),
  ('SLO', 'Special Liaison Offices', 'field', NULL,
   NULL, 43),
  ('CO', 'Country Offices', 'field', NULL,
   NULL, 44);

INSERT INTO iom_line (node, supervisor, relation, line, basis) VALUES
  ('OIG', 'DG', 'supervises', 'solid', 'placed'),
  ('OMB', 'DG', 'supervises', 'solid', 'placed'),
  ('UNNMS', 'DG', 'coordinates', 'solid', 'stated'),
  ('FMU', 'UNNMS', 'comprises', 'solid', 'stated'),
  ('DDGO', 'DG', 'supervises', 'solid', 'placed'),
  ('DDGMR', 'DG', 'supervises', 'solid', 'placed'),
  ('COS', 'DG', 'supervises', 'solid', 'placed'),
  ('DGEO', 'COS', 'manages', 'solid', 'stated'),
  ('IDF', 'DDGO', 'supervises', 'solid', 'stated'),
  ('CBI', 'DDGO', 'supervises', 'solid', 'stated'),
  ('DOE', 'DDGO', 'supervises', 'solid', 'stated'),
  ('DPDC', 'DDGO', 'supervises', 'solid', 'stated'),
  ('DPSMM', 'DDGO', 'supervises', 'solid', 'stated'),
  ('GDI', 'DDGO', 'supervises', 'solid', 'stated'),
  ('DPR', 'DDGO', 'supervises', 'solid', 'stated'),
  ('GDU', 'DDGMR', 'supervises', 'solid', 'stated'),
  ('PSEAH', 'DDGMR', 'supervises', 'solid', 'stated'),
  ('OSS', 'DDGMR', 'supervises', 'solid', 'stated'),
  ('OEC', 'DDGMR', 'supervises', 'solid', 'stated'),
  ('ESU', 'DDGMR', 'supervises', 'solid', 'stated'),
  ('HBU', 'DDGMR', 'supervises', 'solid', 'stated'),
  ('OHU', 'DDGMR', 'supervises', 'solid', 'stated'),
  ('DFAM', 'DDGMR', 'oversees', 'solid', 'stated'),
  ('DHRM', 'DDGMR', 'oversees', 'solid', 'stated'),
  ('DICT', 'DDGMR', 'oversees', 'solid', 'stated'),
  ('DLA', 'DDGMR', 'oversees', 'solid', 'stated'),
  ('MAC', 'DDGMR', 'oversees', 'solid', 'stated'),
  ('PAC', 'DDGMR', 'oversees', 'solid', 'stated'),
  ('OSS-MAC', 'OSS', 'oversees', 'solid', 'stated'),
  ('OSS-PAC', 'OSS', 'oversees', 'solid', 'stated'),
  ('MCU', 'DGEO', 'comprises', 'solid', 'placed'),
  ('GBS', 'DGEO', 'comprises', 'solid', 'placed'),
  ('SEDG', 'DGEO', 'comprises', 'solid', 'placed'),
  ('SRA', 'DGEO', 'comprises', 'solid', 'stated'),
  ('RO', 'DG', 'supervises', 'solid', 'inferred'),
  ('SLO', 'DG', 'supervises', 'solid', 'inferred'),
  ('CO', 'RO', 'supervises', 'solid', 'inferred'),
  ('DG', 'COUNCIL', 'elects', 'dotted', 'stated'),
  ('DDGO', 'DG', 'appoints', 'dotted', 'stated'),
  ('DDGMR', 'DG', 'appoints', 'dotted', 'stated'),
  ('COS', 'DG', 'appoints', 'dotted', 'stated'),
  ('SEDG', 'DG', 'appoints', 'dotted', 'stated'),
  ('DGEO', 'DG', 'assists', 'dotted', 'stated'),
  ('DGEO', 'DDGO', 'assists', 'dotted', 'stated'),
  ('DGEO', 'DDGMR', 'assists', 'dotted', 'stated'),
  ('RO', 'DGEO', 'coordinates', 'dotted', 'stated'),
  ('UNNMS', 'UNNM', 'serves', 'dotted', 'stated'),
  ('IDF', 'RO', 'coordinates', 'dotted', 'stated'),
  ('CBI', 'RO', 'assists', 'dotted', 'stated'),
  ('CBI', 'CO', 'assists', 'dotted', 'stated'),
  ('IDF', 'CO', 'assists', 'dotted', 'stated'),
  ('OSS-MAC', 'MAC', 'hosted_by', 'dotted', 'stated'),
  ('OSS-PAC', 'PAC', 'hosted_by', 'dotted', 'stated'),
  ('OSS', 'FSSFP', 'works_with', 'dotted', 'stated'),
  ('HBU', 'HBSC', 'consults', 'dotted', 'stated'),
  ('GBS', 'COUNCIL', 'serves', 'dotted', 'stated'),
  ('GBS', 'SCPF', 'serves', 'dotted', 'stated'),
  ('GBS', 'IDM', 'organizes', 'dotted', 'stated');

INSERT INTO iom_appointment (post, authority, method, term_years, term) VALUES
  ('DG', 'COUNCIL', 'elected', 5, 'five-year term'),
  ('DDGO', 'DG', 'appointed', NULL, 'for the duration of the term'),
  ('DDGMR', 'DG', 'appointed', NULL, 'for the duration of the term'),
  ('COS', 'DG', 'appointed', NULL, 'for the duration of the term'),
  ('SEDG', 'DG', 'appointed', NULL, 'temporary');

----------------------------------------------------------------------------
-- guard: every change is noticed, no unsound one gets through
----------------------------------------------------------------------------

CREATE FUNCTION iom_guard_begin() RETURNS trigger
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION iom_guard_begin() IS 'trigger before a statement that changes the hierarchy: makes the present charts outdated, and waits for other transactions that change it';

CREATE FUNCTION iom_guard_end() RETURNS trigger
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION iom_guard_end() IS 'trigger after a statement that changes the hierarchy: from now on charts can be kept again';

CREATE FUNCTION iom_guard_replica() RETURNS trigger
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION iom_guard_replica() IS 'trigger after a row changed in replica role, without a statement: makes the present charts outdated';

CREATE FUNCTION iom_guard_line() RETURNS trigger
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION iom_guard_line() IS 'constraint trigger: refuses a cycle, a second solid line and a line outside the life of its ends, on any day';

CREATE FUNCTION iom_guard_unit() RETURNS trigger
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION iom_guard_unit() IS 'constraint trigger: refuses a unit whose days leave a line outside of them';

-- Triggers fire in the order of their names: _iom_begin before any user's.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['iom_unit', 'iom_line'] LOOP
    EXECUTE pg_catalog.format('CREATE TRIGGER _iom_begin BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s
      FOR EACH STATEMENT EXECUTE FUNCTION iom_guard_begin()', name);
    EXECUTE pg_catalog.format('COMMENT ON TRIGGER _iom_begin ON %s IS ''makes the present charts outdated''', name);
    EXECUTE pg_catalog.format('CREATE TRIGGER _iom_end AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s
      FOR EACH STATEMENT EXECUTE FUNCTION iom_guard_end()', name);
    EXECUTE pg_catalog.format('COMMENT ON TRIGGER _iom_end ON %s IS ''lets charts be kept again''', name);
    EXECUTE pg_catalog.format('CREATE TRIGGER _iom_replica_row AFTER INSERT OR UPDATE OR DELETE ON %s
      FOR EACH ROW EXECUTE FUNCTION iom_guard_replica()', name);
    EXECUTE pg_catalog.format('COMMENT ON TRIGGER _iom_replica_row ON %s IS
      ''in replica role, without a statement: makes the present charts outdated''', name);
    EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ALWAYS TRIGGER _iom_begin, ENABLE ALWAYS TRIGGER _iom_end,
      ENABLE REPLICA TRIGGER _iom_replica_row', name);
  END LOOP;
END
$$;

CREATE CONSTRAINT TRIGGER iom_line_sound
AFTER INSERT OR UPDATE ON iom_line
DEFERRABLE FOR EACH ROW EXECUTE FUNCTION iom_guard_line();
COMMENT ON TRIGGER iom_line_sound ON iom_line IS 'refuses what would not be a hierarchy on some day';
COMMENT ON CONSTRAINT iom_line_sound ON iom_line IS 'refuses what would not be a hierarchy on some day';

CREATE CONSTRAINT TRIGGER iom_unit_sound
AFTER UPDATE ON iom_unit
DEFERRABLE FOR EACH ROW WHEN (OLD.valid <> NEW.valid OR OLD.node <> NEW.node)
EXECUTE FUNCTION iom_guard_unit();
COMMENT ON TRIGGER iom_unit_sound ON iom_unit IS 'refuses to leave lines outside the life of a unit';
COMMENT ON CONSTRAINT iom_unit_sound ON iom_unit IS 'refuses to leave lines outside the life of a unit';

-- Where foreign keys are deferred, lines may be there before it.
CREATE CONSTRAINT TRIGGER iom_unit_sound_new
AFTER INSERT ON iom_unit
DEFERRABLE FOR EACH ROW WHEN (NEW.valid <> '(,)')
EXECUTE FUNCTION iom_guard_unit();
COMMENT ON TRIGGER iom_unit_sound_new ON iom_unit IS 'refuses lines outside the life of a unit that comes after them';
COMMENT ON CONSTRAINT iom_unit_sound_new ON iom_unit IS 'refuses lines outside the life of a unit that comes after them';

----------------------------------------------------------------------------
-- origin and history: what pg_dump saves comes back as it was; every change is
-- recorded
----------------------------------------------------------------------------

-- What is inserted from here on is no seed.
ALTER TABLE iom_unit ALTER COLUMN origin SET DEFAULT 'new';
ALTER TABLE iom_line ALTER COLUMN origin SET DEFAULT 'new';
ALTER TABLE iom_appointment ALTER COLUMN origin SET DEFAULT 'new';

CREATE FUNCTION iom_origin_mark() RETURNS trigger
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION iom_origin_mark() IS 'trigger before a row is inserted or updated: says where it comes from, and lets the rows of a dump take the place of the seed';

CREATE FUNCTION iom_history_record() RETURNS trigger
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION iom_history_record() IS 'trigger after a statement (before TRUNCATE): records what it changed in iom_history; and before one: sees to it that it will';

CREATE FUNCTION iom_history_guard() RETURNS trigger
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION iom_history_guard() IS 'trigger on iom_history: refuses all but a superuser and the rows of a dump, and records that a superuser took away from it';

DO $$
DECLARE
  name text;
  made text;
BEGIN
  FOREACH name IN ARRAY ARRAY['iom_unit', 'iom_line', 'iom_appointment'] LOOP
    FOREACH made IN ARRAY ARRAY[
      'iom_origin BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION iom_origin_mark()',
      'iom_history_begin BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH STATEMENT EXECUTE FUNCTION iom_history_record()',
      'iom_history_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION iom_history_record()',
      'iom_history_update AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION iom_history_record()',
      'iom_history_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION iom_history_record()',
      'iom_history_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION iom_history_record()'
    ] LOOP
      EXECUTE pg_catalog.format('CREATE TRIGGER ' OPERATOR(pg_catalog.||) made, name);
      EXECUTE pg_catalog.format('COMMENT ON TRIGGER %s ON %s IS %L', pg_catalog.split_part(made, ' ', 1), name,
        CASE WHEN made OPERATOR(pg_catalog.~~) 'iom_origin%' THEN 'says where a row comes from'
        WHEN made OPERATOR(pg_catalog.~~) 'iom_history_begin%' THEN 'sees to it that the change will be recorded'
        ELSE 'records the change in iom_history' END);
    END LOOP;
  END LOOP;
END
$$;

-- Rows that a replication worker applies say where they come from, or are own.
ALTER TABLE iom_unit ENABLE ALWAYS TRIGGER iom_origin;
ALTER TABLE iom_line ENABLE ALWAYS TRIGGER iom_origin;
ALTER TABLE iom_appointment ENABLE ALWAYS TRIGGER iom_origin;

-- What is no row of these tables but hangs on them, while a dump is restored
CREATE FUNCTION iom_await_units() RETURNS event_trigger
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION iom_await_units() IS 'event trigger at the start of ALTER TABLE: while a dump is restored, lets a foreign key to iom_unit be made before the units are there';

CREATE EVENT TRIGGER iom_await_units ON ddl_command_start
WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION iom_await_units();
COMMENT ON EVENT TRIGGER iom_await_units IS 'lets pg_restore make a foreign key to iom_unit before the units are there';

CREATE FUNCTION iom_refuse_cast() RETURNS event_trigger
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION iom_refuse_cast() IS 'event trigger at the end of CREATE CAST: refuses an implicit cast to iom_node but to a superuser, since foreign keys to iom_unit would call it as the owner of that table';

CREATE EVENT TRIGGER iom_refuse_cast ON ddl_command_end
WHEN TAG IN ('CREATE CAST') EXECUTE FUNCTION iom_refuse_cast();
ALTER EVENT TRIGGER iom_refuse_cast ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER iom_refuse_cast IS 'refuses implicit casts to iom_node, which foreign keys to iom_unit would call as the owner of that table';

CREATE TRIGGER iom_history_append
BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON iom_history
FOR EACH STATEMENT EXECUTE FUNCTION iom_history_guard();
COMMENT ON TRIGGER iom_history_append ON iom_history IS 'keeps it append-only';

CREATE TRIGGER iom_history_trace
AFTER UPDATE OR DELETE OR TRUNCATE ON iom_history
FOR EACH STATEMENT EXECUTE FUNCTION iom_history_guard();
COMMENT ON TRIGGER iom_history_trace ON iom_history IS 'records that rows may have been taken away';

----------------------------------------------------------------------------
-- as_of: the day
----------------------------------------------------------------------------

CREATE FUNCTION iom_as_of(as_of date DEFAULT NULL) RETURNS date
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_as_of(date) IS 'the day that a function called with this as_of answers for: the argument or, if it is null, the setting iomorg.as_of or, if that is empty, CURRENT_DATE';

----------------------------------------------------------------------------
-- hierarchy: operators and functions on one node or two
----------------------------------------------------------------------------

CREATE FUNCTION iom_within_support(internal) RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_within_support(internal) IS 'planner support of <@: index conditions';

CREATE FUNCTION iom_contains_support(internal) RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_contains_support(internal) IS 'planner support of @>: index conditions';

CREATE FUNCTION iom_withinsel(internal, oid, internal, integer) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_withinsel(internal, oid, internal, integer) IS 'restriction selectivity of <@';

CREATE FUNCTION iom_containssel(internal, oid, internal, integer) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_containssel(internal, oid, internal, integer) IS 'restriction selectivity of @>';

CREATE FUNCTION iom_withinjoinsel(internal, oid, internal, smallint, internal) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_withinjoinsel(internal, oid, internal, smallint, internal) IS 'join selectivity of <@';

CREATE FUNCTION iom_containsjoinsel(internal, oid, internal, smallint, internal) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_containsjoinsel(internal, oid, internal, smallint, internal) IS 'join selectivity of @>';

CREATE FUNCTION iom_node_within(iom_node, iom_node) RETURNS boolean
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT LEAKPROOF PARALLEL SAFE COST 2
SUPPORT iom_within_support;
COMMENT ON FUNCTION iom_node_within(iom_node, iom_node) IS 'implementation of <@ operator';

CREATE FUNCTION iom_node_contains(iom_node, iom_node) RETURNS boolean
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT LEAKPROOF PARALLEL SAFE COST 2
SUPPORT iom_contains_support;
COMMENT ON FUNCTION iom_node_contains(iom_node, iom_node) IS 'implementation of @> operator';

CREATE OPERATOR <@ (
  LEFTARG = iom_node, RIGHTARG = iom_node, FUNCTION = iom_node_within,
  COMMUTATOR = @>, RESTRICT = iom_withinsel, JOIN = iom_withinjoinsel
);
COMMENT ON OPERATOR <@ (iom_node, iom_node) IS 'is the left node the right one or below it? false if one is unknown';

CREATE OPERATOR @> (
  LEFTARG = iom_node, RIGHTARG = iom_node, FUNCTION = iom_node_contains,
  COMMUTATOR = <@, RESTRICT = iom_containssel, JOIN = iom_containsjoinsel
);
COMMENT ON OPERATOR @> (iom_node, iom_node) IS 'is the left node the right one or above it? false if one is unknown';

-- The sets of index conditions: volatile, so that the planner does not compute
-- them in order to estimate.

CREATE FUNCTION iom_subtree_codes_support(internal) RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_subtree_codes_support(internal) IS 'planner support of iom_subtree_codes: costs';

CREATE FUNCTION iom_chain_codes_support(internal) RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_chain_codes_support(internal) IS 'planner support of iom_chain_codes: costs';

CREATE FUNCTION iom_subtree_codes(iom_node) RETURNS iom_member[]
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL SAFE
SUPPORT iom_subtree_codes_support;
COMMENT ON FUNCTION iom_subtree_codes(iom_node) IS 'the node and all below it, in the order of their codes: the right side of an index condition that the planner makes of <@; empty for an unknown node';

CREATE FUNCTION iom_chain_codes(iom_node) RETURNS iom_member[]
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL SAFE
SUPPORT iom_chain_codes_support;
COMMENT ON FUNCTION iom_chain_codes(iom_node) IS 'the node and its chain of command, in the order of their codes: the right side of an index condition that the planner makes of @>; empty for an unknown node';

CREATE FUNCTION iom_supervisor(node iom_node, as_of date DEFAULT NULL) RETURNS iom_node
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_supervisor(iom_node, date) IS 'its supervisor; null for a root and an unknown node';

CREATE FUNCTION iom_root(node iom_node, as_of date DEFAULT NULL) RETURNS iom_node
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_root(iom_node, date) IS 'the root above it, or itself; null for an unknown node';

CREATE FUNCTION iom_level(node iom_node, as_of date DEFAULT NULL) RETURNS integer
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_level(iom_node, date) IS 'its level, 1 for a root; null for an unknown node';

CREATE FUNCTION iom_height(node iom_node, as_of date DEFAULT NULL) RETURNS integer
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_height(iom_node, date) IS 'layers below it, 0 for a leaf; null for an unknown node';

CREATE FUNCTION iom_size(node iom_node, as_of date DEFAULT NULL) RETURNS integer
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_size(iom_node, date) IS 'nodes in its subtree, itself included; null for an unknown node';

CREATE FUNCTION iom_span(node iom_node, as_of date DEFAULT NULL) RETURNS integer
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_span(iom_node, date) IS 'span of control, the number of its direct reports; null for an unknown node';

CREATE FUNCTION iom_rank(node iom_node, as_of date DEFAULT NULL) RETURNS integer
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_rank(iom_node, date) IS 'its place in chart order (pre-order, siblings by position then code), from 1; null for an unknown node';

CREATE FUNCTION iom_is_leaf(node iom_node, as_of date DEFAULT NULL) RETURNS boolean
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_is_leaf(iom_node, date) IS 'has it no direct reports? null for an unknown node';

CREATE FUNCTION iom_ancestor(node iom_node, level integer, as_of date DEFAULT NULL) RETURNS iom_node
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_ancestor(iom_node, integer, date) IS 'its ancestor, or itself, at that level; null for an unknown node and a level that is not one from 1 to its own';

CREATE FUNCTION iom_path(node iom_node, separator text DEFAULT '/', as_of date DEFAULT NULL) RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_path(iom_node, text, date) IS 'the codes from the root down to it; null for an unknown node; an error if the separator is a day';

CREATE FUNCTION iom_common_supervisor(a iom_node, b iom_node, as_of date DEFAULT NULL) RETURNS iom_node
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_common_supervisor(iom_node, iom_node, date) IS 'the lowest node whose subtree holds both, which may be one of them; null for an unknown node or different roots';

CREATE FUNCTION iom_distance(a iom_node, b iom_node, as_of date DEFAULT NULL) RETURNS integer
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_distance(iom_node, iom_node, date) IS 'the number of solid lines between them; null for an unknown node or different roots';

CREATE FUNCTION iom_common_supervisor_accum(bigint, iom_node) RETURNS bigint
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_common_supervisor_accum(bigint, iom_node) IS 'transition function of the aggregate iom_common_supervisor';

CREATE FUNCTION iom_common_supervisor_combine(bigint, bigint) RETURNS bigint
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_common_supervisor_combine(bigint, bigint) IS 'combine function of the aggregate iom_common_supervisor';

CREATE FUNCTION iom_common_supervisor_final(bigint) RETURNS iom_node
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_common_supervisor_final(bigint) IS 'final function of the aggregate iom_common_supervisor';

CREATE AGGREGATE iom_common_supervisor(node iom_node) (
  SFUNC = iom_common_supervisor_accum, STYPE = bigint,
  COMBINEFUNC = iom_common_supervisor_combine,
  FINALFUNC = iom_common_supervisor_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE iom_common_supervisor(iom_node) IS 'the lowest node whose subtree holds all, on the day of iomorg.as_of; nulls are passed over; null if there is none, if a node is unknown or if there was no node';

----------------------------------------------------------------------------
-- hierarchy_set: sets of nodes
----------------------------------------------------------------------------

-- A function in FROM fills a tuple store before the first row is read, unless
-- it is an SQL function that the planner can inline.  So what users call is
-- in SQL, and selects from a function in C that streams its rows.

CREATE FUNCTION iom_subtree_support(internal) RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_subtree_support(internal) IS 'planner support of iom_subtree: rows';

CREATE FUNCTION iom_reports_support(internal) RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_reports_support(internal) IS 'planner support of iom_reports: rows';

CREATE FUNCTION iom_supervisors_support(internal) RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_supervisors_support(internal) IS 'planner support of iom_supervisors: rows';

CREATE FUNCTION iom_peers_support(internal) RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_peers_support(internal) IS 'planner support of iom_peers: rows';

CREATE FUNCTION iom_roots_support(internal) RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_roots_support(internal) IS 'planner support of iom_roots: rows';

CREATE FUNCTION iom_chart_subtree(node iom_node, max_depth integer, as_of date) RETURNS SETOF iom_node
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE ROWS 100
SUPPORT iom_subtree_support;
COMMENT ON FUNCTION iom_chart_subtree(iom_node, integer, date) IS 'what iom_subtree selects from';

CREATE FUNCTION iom_chart_reports(node iom_node, as_of date) RETURNS SETOF iom_node
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE ROWS 10
SUPPORT iom_reports_support;
COMMENT ON FUNCTION iom_chart_reports(iom_node, date) IS 'what iom_reports selects from';

CREATE FUNCTION iom_chart_supervisors(node iom_node, as_of date) RETURNS SETOF iom_node
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE ROWS 5
SUPPORT iom_supervisors_support;
COMMENT ON FUNCTION iom_chart_supervisors(iom_node, date) IS 'what iom_supervisors selects from';

CREATE FUNCTION iom_chart_peers(node iom_node, as_of date) RETURNS SETOF iom_node
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE ROWS 10
SUPPORT iom_peers_support;
COMMENT ON FUNCTION iom_chart_peers(iom_node, date) IS 'what iom_peers selects from';

CREATE FUNCTION iom_chart_roots(as_of date) RETURNS SETOF iom_node
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE ROWS 10
SUPPORT iom_roots_support;
COMMENT ON FUNCTION iom_chart_roots(date) IS 'what iom_roots selects from';

CREATE FUNCTION iom_subtree(INOUT node iom_node, max_depth integer DEFAULT NULL, as_of date DEFAULT NULL) RETURNS SETOF iom_node
LANGUAGE SQL STABLE PARALLEL SAFE ROWS 100
SUPPORT iom_subtree_support
BEGIN ATOMIC
  SELECT iom_chart_subtree($1, $2, $3);
END;
COMMENT ON FUNCTION iom_subtree(iom_node, integer, date) IS 'the node and all below it, in chart order, down to max_depth levels below it (null: all); empty for an unknown node';

CREATE FUNCTION iom_supervisors(INOUT node iom_node, as_of date DEFAULT NULL) RETURNS SETOF iom_node
LANGUAGE SQL STABLE PARALLEL SAFE ROWS 5
SUPPORT iom_supervisors_support
BEGIN ATOMIC
  SELECT iom_chart_supervisors($1, $2);
END;
COMMENT ON FUNCTION iom_supervisors(iom_node, date) IS 'its chain of command: supervisor first, root last; empty for a root and an unknown node';

-- iom_rank wants a chart of everything.  A few lines of a large organisation are
-- sorted by what decides of their nodes' ranks, which indexes tell: position and code
-- of each node on the way down.  Which of the two it is must not change in between.

CREATE FUNCTION iom_chart_pays(node iom_node, lines bigint, as_of date) RETURNS boolean
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_chart_pays(iom_node, bigint, date) IS 'whether iom_rank() is the cheaper way to sort so many lines of a node, or iom_chart_order()';

CREATE FUNCTION iom_chart_order(node iom_node, as_of date) RETURNS bigint[]
LANGUAGE SQL STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT array_agg(k.key ORDER BY w.above DESC, k.place)
  FROM (
    SELECT $1 AS node, 0::bigint AS above
    UNION ALL
    SELECT s.node, s.above FROM iom_supervisors($1, $2) WITH ORDINALITY AS s (node, above)
  ) w
  JOIN iom_unit u ON u.node = w.node AND u.valid @> iom_as_of($2)
  CROSS JOIN LATERAL (VALUES (1, u.position::bigint), (2, u.node::bigint)) k (place, key);
END;
COMMENT ON FUNCTION iom_chart_order(iom_node, date) IS 'what sorts like iom_rank() and asks for no chart of everything: position and code of each node from the root down; null for an unknown node';

CREATE FUNCTION iom_chart_reports(node iom_node, relation text, as_of date) RETURNS SETOF iom_node
LANGUAGE SQL STABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
  WITH found AS MATERIALIZED (
    SELECT DISTINCT l.node	-- more than one may say the same
    FROM iom_line l
    WHERE l.supervisor = $1 AND l.relation = $2 AND l.valid @> iom_as_of($3)
  ), way AS MATERIALIZED (
    SELECT iom_chart_pays($1, (SELECT count(*) FROM found), $3) AS by_rank
  )
  SELECT f.node
  FROM found f CROSS JOIN way w
  ORDER BY CASE WHEN w.by_rank THEN iom_rank(f.node, $3) END,
    CASE WHEN NOT w.by_rank THEN iom_chart_order(f.node, $3) END;
END;
COMMENT ON FUNCTION iom_chart_reports(iom_node, text, date) IS 'what iom_reports with a relation selects from';

CREATE FUNCTION iom_is_relation(text) RETURNS boolean
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_is_relation(text) IS 'true; an error if the text is a day, which was meant for as_of';

CREATE FUNCTION iom_reports(INOUT node iom_node, as_of date DEFAULT NULL) RETURNS SETOF iom_node
LANGUAGE SQL STABLE PARALLEL SAFE ROWS 10
SUPPORT iom_reports_support
BEGIN ATOMIC
  SELECT iom_chart_reports($1, $2);
END;
COMMENT ON FUNCTION iom_reports(iom_node, date) IS 'its direct reports, in chart order; empty for an unknown node';

-- (an untyped literal after the node is a relation)
CREATE FUNCTION iom_reports(INOUT node iom_node, relation text, as_of date DEFAULT NULL) RETURNS SETOF iom_node
LANGUAGE SQL STABLE PARALLEL SAFE ROWS 10
SUPPORT iom_reports_support
BEGIN ATOMIC
  -- (in FROM, the one that is not wanted goes from the plan)
  SELECT r.node FROM (SELECT iom_chart_reports($1, $3)) r (node) WHERE $2 IS NULL
  UNION ALL
  SELECT r.node FROM (SELECT iom_chart_reports($1, $2, $3)) r (node) WHERE $2 IS NOT NULL AND iom_is_relation($2);
END;
COMMENT ON FUNCTION iom_reports(iom_node, text, date) IS 'those that any line of the relation, solid or dotted, leads up from to it (null: its direct reports), in chart order; empty for an unknown node; an error if the relation is a day';

CREATE FUNCTION iom_peers(INOUT node iom_node, as_of date DEFAULT NULL) RETURNS SETOF iom_node
LANGUAGE SQL STABLE PARALLEL SAFE ROWS 10
SUPPORT iom_peers_support
BEGIN ATOMIC
  SELECT iom_chart_peers($1, $2);
END;
COMMENT ON FUNCTION iom_peers(iom_node, date) IS 'the other direct reports of its supervisor, in chart order; empty for a root and an unknown node';

CREATE FUNCTION iom_roots(as_of date DEFAULT NULL, OUT node iom_node) RETURNS SETOF iom_node
LANGUAGE SQL STABLE PARALLEL SAFE ROWS 10
SUPPORT iom_roots_support
BEGIN ATOMIC
  SELECT iom_chart_roots($1);
END;
COMMENT ON FUNCTION iom_roots(date) IS 'every node without a supervisor, in chart order';

CREATE FUNCTION iom_charts(
  OUT revision xid8, OUT committed boolean, OUT valid_from date, OUT valid_to date,
  OUT nodes integer, OUT bytes bigint, OUT compile_ms double precision, OUT hits bigint
) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 3;
COMMENT ON FUNCTION iom_charts() IS 'the charts that this session keeps, last used first: the transaction that made the state they show, whether it is a committed state, the days they are right for (from, up to but not including; null: no bound), nodes, memory in bytes, milliseconds it took to compile them, times they were found again; answers that were found by index without a chart are not listed';

----------------------------------------------------------------------------
-- relations: solid and dotted lines
----------------------------------------------------------------------------

CREATE FUNCTION iom_relations(
  INOUT node iom_node DEFAULT NULL, OUT supervisor iom_node,
  INOUT relation text DEFAULT NULL, OUT line text, OUT valid daterange, OUT basis text,
  as_of date DEFAULT NULL
) RETURNS SETOF record
LANGUAGE SQL STABLE PARALLEL SAFE ROWS 20
BEGIN ATOMIC
  -- all of them, by rank
  (SELECT l.node, l.supervisor, l.relation, l.line, l.valid, l.basis
   FROM iom_line l
   WHERE $1 IS NULL AND iom_is_relation($2) AND ($2 IS NULL OR l.relation = $2) AND l.valid @> iom_as_of($3)
   ORDER BY iom_rank(l.node, $3), l.line DESC, l.relation, iom_rank(l.supervisor, $3))
  UNION ALL
  -- those of a node, by index and the cheaper way
  (WITH way AS MATERIALIZED (
     SELECT iom_chart_pays($1, (
       SELECT count(*) FROM (SELECT FROM iom_line t WHERE t.node = $1 OR t.supervisor = $1 LIMIT 1000) f), $3) AS by_rank
   )
   SELECT l.node, l.supervisor, l.relation, l.line, l.valid, l.basis
   FROM iom_line l CROSS JOIN way w
   WHERE $1 IS NOT NULL AND iom_is_relation($2) AND (l.node = $1 OR l.supervisor = $1)
     AND ($2 IS NULL OR l.relation = $2) AND l.valid @> iom_as_of($3)
   ORDER BY CASE WHEN w.by_rank THEN iom_rank(l.node, $3) END,
     CASE WHEN NOT w.by_rank THEN iom_chart_order(l.node, $3) END,
     l.line DESC, l.relation,
     CASE WHEN w.by_rank THEN iom_rank(l.supervisor, $3) END,
     CASE WHEN NOT w.by_rank THEN iom_chart_order(l.supervisor, $3) END);
END;
COMMENT ON FUNCTION iom_relations(iom_node, text, date) IS 'every line of the day, solid and dotted, that touches the node (null: all lines) and is of the relation (null: of any; an error if it is a day)';

-- Solid lines are walked with the chart: a dotted line leads from whatever it
-- ends in to a further top, and everything below the tops is the answer.  What a
-- dotted line can be reached from are its upper end and all above that.
CREATE FUNCTION iom_matrix(
  INOUT node iom_node, relations text[] DEFAULT NULL, max_depth integer DEFAULT NULL, as_of date DEFAULT NULL
) RETURNS SETOF iom_node
LANGUAGE SQL STABLE PARALLEL SAFE ROWS 100
BEGIN ATOMIC
  WITH RECURSIVE reach AS MATERIALIZED (
    -- nothing is further away than there are nodes
    SELECT CASE WHEN $3 < (SELECT count(*) FROM iom_unit) THEN $3 END AS most
  ), dotted AS MATERIALIZED (
    SELECT l.node, a.top, a.steps::integer
    FROM iom_line l
    CROSS JOIN LATERAL (
      SELECT l.supervisor, 1
      UNION ALL
      SELECT c.node, c.step + 1 FROM iom_supervisors(l.supervisor, $4) WITH ORDINALITY AS c (node, step)
    ) AS a (top, steps)
    WHERE l.line = 'dotted' AND ($2 IS NULL OR l.relation = ANY ($2)) AND l.valid @> iom_as_of($4)
  ), top AS (
    SELECT $1 AS node, 0 AS depth
    WHERE iom_level($1, $4) IS NOT NULL AND COALESCE($3, 0) >= 0
    UNION
    -- without a limit depths do not matter, and would never end in a cycle
    SELECT d.node, CASE WHEN r.most IS NULL THEN 0 ELSE t.depth + d.steps END
    FROM top t JOIN dotted d ON d.top = t.node CROSS JOIN reach r
    WHERE r.most IS NULL OR t.depth + d.steps <= r.most
  ), nearest AS MATERIALIZED (
    SELECT t.node, min(t.depth) AS depth FROM top t GROUP BY t.node
  )
  SELECT s.node
  FROM (
    SELECT DISTINCT b.node
    FROM nearest t
    CROSS JOIN reach r
    CROSS JOIN LATERAL iom_subtree(t.node, r.most - t.depth, $4) b
    -- a top below another one has nothing more, unless depths matter
    WHERE r.most IS NOT NULL OR t.node NOT IN (
      SELECT u.node
      FROM nearest u
      CROSS JOIN LATERAL iom_supervisors(u.node, $4) c
      JOIN nearest o ON o.node = c.node)
  ) s
  ORDER BY iom_rank(s.node, $4);
END;
COMMENT ON FUNCTION iom_matrix(iom_node, text[], integer, date) IS 'the node and all below it along solid lines and dotted ones of the relations (null: any), each node once, in chart order, down to max_depth lines below it (null: all); empty for an unknown node';

----------------------------------------------------------------------------
-- The chart as a table
----------------------------------------------------------------------------

-- As the functions do, a view answers whoever may read the tables.
CREATE VIEW iom_org WITH (security_invoker = true) AS
SELECT
  u.node,
  u.node::text AS code,
  u.name,
  u.kind,
  u.head_title,
  l.supervisor,
  l.supervisor::text AS supervisor_code,
  l.relation,
  iom_level(u.node) AS level,
  iom_rank(u.node) AS rank,
  iom_size(u.node) AS size,
  iom_span(u.node) AS span,
  iom_height(u.node) AS height,
  iom_is_leaf(u.node) AS is_leaf,
  iom_path(u.node) AS path
FROM iom_unit u
LEFT JOIN iom_line l
  -- (most lines are such: in COALESCE, half of them to the planner, which takes the
  -- two conditions for one row as long as the table is not analyzed)
  ON l.node = u.node AND COALESCE(l.line = 'solid' AND l.valid @> iom_as_of(), false)
WHERE u.valid @> iom_as_of();
COMMENT ON VIEW iom_org IS 'the chart as a table: one row a node that exists on the day that is set (iomorg.as_of), or today';
COMMENT ON COLUMN iom_org.node IS 'the node';
COMMENT ON COLUMN iom_org.code IS 'the node as text';
COMMENT ON COLUMN iom_org.name IS 'the name in full';
COMMENT ON COLUMN iom_org.kind IS 'what it is: post, office, department, unit, ...';
COMMENT ON COLUMN iom_org.head_title IS 'title of who heads it; null if not known';
COMMENT ON COLUMN iom_org.supervisor IS 'the supervisor; null for a root';
COMMENT ON COLUMN iom_org.supervisor_code IS 'the supervisor as text; null for a root';
COMMENT ON COLUMN iom_org.relation IS 'what the supervisor does with it: supervises, oversees, ...; null for a root';
COMMENT ON COLUMN iom_org.level IS '1 for a root';
COMMENT ON COLUMN iom_org.rank IS 'place in chart order, from 1';
COMMENT ON COLUMN iom_org.size IS 'nodes in its subtree, itself included';
COMMENT ON COLUMN iom_org.span IS 'span of control: its direct reports';
COMMENT ON COLUMN iom_org.height IS 'layers below it; 0 for a leaf';
COMMENT ON COLUMN iom_org.is_leaf IS 'has no direct reports';
COMMENT ON COLUMN iom_org.path IS 'the codes from the root down to it, with slashes between';
GRANT SELECT ON iom_org TO PUBLIC;

CREATE VIEW iom_levels WITH (security_invoker = true) AS
SELECT
  u.node,
  u.node::text AS code,
  u.name,
  iom_ancestor(u.node, 1)::text AS level_1,
  iom_ancestor(u.node, 2)::text AS level_2,
  iom_ancestor(u.node, 3)::text AS level_3,
  iom_ancestor(u.node, 4)::text AS level_4,
  iom_ancestor(u.node, 5)::text AS level_5,
  iom_ancestor(u.node, 6)::text AS level_6,
  iom_ancestor(u.node, 7)::text AS level_7,
  iom_ancestor(u.node, 8)::text AS level_8,
  iom_ancestor(u.node, 9)::text AS level_9,
  iom_ancestor(u.node, 10)::text AS level_10,
  iom_ancestor(u.node, 11)::text AS level_11,
  iom_ancestor(u.node, 12)::text AS level_12,
  iom_level(u.node) AS depth
FROM iom_unit u
WHERE u.valid @> iom_as_of();
COMMENT ON VIEW iom_levels IS 'the chart in flat columns: one row a node that exists on the day that is set (iomorg.as_of), or today, with its ancestors by level';
COMMENT ON COLUMN iom_levels.node IS 'the node';
COMMENT ON COLUMN iom_levels.code IS 'the node as text';
COMMENT ON COLUMN iom_levels.name IS 'the name in full';
COMMENT ON COLUMN iom_levels.level_1 IS 'the code of its root';
COMMENT ON COLUMN iom_levels.level_2 IS 'the code of its ancestor, or its own, at level 2; null if it stands above that';
COMMENT ON COLUMN iom_levels.level_3 IS 'the code of its ancestor, or its own, at level 3; null if it stands above that';
COMMENT ON COLUMN iom_levels.level_4 IS 'the code of its ancestor, or its own, at level 4; null if it stands above that';
COMMENT ON COLUMN iom_levels.level_5 IS 'the code of its ancestor, or its own, at level 5; null if it stands above that';
COMMENT ON COLUMN iom_levels.level_6 IS 'the code of its ancestor, or its own, at level 6; null if it stands above that';
COMMENT ON COLUMN iom_levels.level_7 IS 'the code of its ancestor, or its own, at level 7; null if it stands above that';
COMMENT ON COLUMN iom_levels.level_8 IS 'the code of its ancestor, or its own, at level 8; null if it stands above that';
COMMENT ON COLUMN iom_levels.level_9 IS 'the code of its ancestor, or its own, at level 9; null if it stands above that';
COMMENT ON COLUMN iom_levels.level_10 IS 'the code of its ancestor, or its own, at level 10; null if it stands above that';
COMMENT ON COLUMN iom_levels.level_11 IS 'the code of its ancestor, or its own, at level 11; null if it stands above that';
COMMENT ON COLUMN iom_levels.level_12 IS 'the code of its ancestor, or its own, at level 12; null if it stands above that';
COMMENT ON COLUMN iom_levels.depth IS 'its level, 1 for a root; beyond 12 there are ancestors that no column shows';
GRANT SELECT ON iom_levels TO PUBLIC;

----------------------------------------------------------------------------
-- changes: an organisation from a day on, what changed, what is wrong
----------------------------------------------------------------------------

-- Without a day, each is about the day that the session asks about (iom_as_of):
-- what it then asks shows the change.

CREATE FUNCTION iom_add(
  node iom_node, name text, supervisor iom_node,
  kind text DEFAULT 'unit', effective date DEFAULT NULL
) RETURNS iom_node
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION iom_add(iom_node, text, iom_node, text, date) IS 'opens a unit below a supervisor (null: a root), from the effective day on (null: the day of iom_as_of()); returns the node';

CREATE FUNCTION iom_move(
  node iom_node, supervisor iom_node,
  effective date DEFAULT NULL, relation text DEFAULT NULL
) RETURNS iom_node
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION iom_move(iom_node, iom_node, date, text) IS 'gives a unit another supervisor (null: none) from the effective day on (null: the day of iom_as_of()), with all below it: its solid line ends on the day before, and a new one runs until that would have ended, with the same relation if none is given (for a root, that of the line to that supervisor that ended on the day before, or else supervises); a move planned for later stays; a line that begins on the very day is changed, or deleted if there is no supervisor; the same line, if it ended on the day before, goes on instead of a new one; returns the node';

CREATE FUNCTION iom_close(node iom_node, effective date DEFAULT NULL) RETURNS iom_node
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION iom_close(iom_node, date) IS 'closes a unit from the effective day on (null: the day of iom_as_of()): it and its lines end on the day before, lines that would begin later are deleted, and so is a unit that begins on that very day; refused while it has reports on or after that day, if it begins later, or rows of your own tables refer to it by a foreign key (an appointment has no days and stays); returns the node';

CREATE FUNCTION iom_relate(
  node iom_node, other iom_node, relation text, effective date DEFAULT NULL
) RETURNS iom_node
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION iom_relate(iom_node, iom_node, text, date) IS 'draws a dotted line from a unit to another from the effective day on (null: the day of iom_as_of()), up to the end of the two or to where the same line is planned; one that ended on the day before goes on; returns the node';

CREATE FUNCTION iom_unrelate(
  node iom_node, other iom_node, relation text, effective date DEFAULT NULL
) RETURNS iom_node
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION iom_unrelate(iom_node, iom_node, text, date) IS 'ends the dotted line from a unit to another before the effective day (null: the day of iom_as_of()), or deletes it if it begins on that day; returns the node';

-- Names carry no days: what they were is in iom_history.  The index has what
-- may have changed one.
CREATE INDEX iom_history_renamed_idx ON iom_history (node)
WHERE relation = 'iom_unit'
  AND (change = 'delete' OR (change = 'update' AND before ->> 'name' <> after ->> 'name'));
COMMENT ON INDEX iom_history_renamed_idx IS 'units that were renamed or deleted, for iom_diff';

CREATE FUNCTION iom_recorded_name(node iom_node, as_of date) RETURNS text
LANGUAGE SQL STABLE PARALLEL SAFE
BEGIN ATOMIC
  -- The order of changes is that of id: what came before a change of that day or an
  -- earlier one was over by then, even if a clock that ran ahead says otherwise.
  SELECT COALESCE(
    (SELECT r.name
     FROM (
       SELECT h.id, COALESCE(h.before, h.after) ->> 'name' AS name,
         max(h.id) FILTER (WHERE h.changed_at::date <= iom_as_of($2)) OVER () AS over
       FROM iom_history h
       WHERE h.node = $1 AND h.relation = 'iom_unit'
     ) r
     WHERE r.over IS NULL OR r.id > r.over
     ORDER BY r.id LIMIT 1),
    (SELECT u.name FROM iom_unit u WHERE u.node = $1));
END;
COMMENT ON FUNCTION iom_recorded_name(iom_node, date) IS 'the name that a unit had at the end of a day (null: the day of iom_as_of()), by iom_history: the present one if it was not changed since';

CREATE FUNCTION iom_chart_diff(
  from_date date, to_date date, renamed iom_node[],
  OUT node iom_node, OUT change text, OUT before iom_node, OUT after iom_node
) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 100;
COMMENT ON FUNCTION iom_chart_diff(date, date, iom_node[]) IS 'what iom_diff selects from: the nodes whose place differs between two days, with their supervisors, and those of the array that are there on both, in the order of iom_diff';

CREATE FUNCTION iom_diff(
  from_date date DEFAULT NULL, to_date date DEFAULT NULL,
  OUT node iom_node, OUT change text, OUT old text, OUT new text
) RETURNS SETOF record
LANGUAGE SQL STABLE PARALLEL SAFE ROWS 100
BEGIN ATOMIC
  -- paths, which may be long, are made only where somebody looks at them
  SELECT d.node, d.change,
    CASE d.change WHEN 'carried' THEN iom_path(d.node, as_of => iom_as_of($1))
      WHEN 'renamed' THEN iom_recorded_name(d.node, iom_as_of($1)) ELSE d.before::text END AS old,
    CASE d.change WHEN 'carried' THEN iom_path(d.node, as_of => iom_as_of($2))
      WHEN 'renamed' THEN iom_recorded_name(d.node, iom_as_of($2)) ELSE d.after::text END AS new
  FROM iom_chart_diff($1, $2, ARRAY(
    SELECT n.node
    FROM (
      SELECT DISTINCT h.node
      FROM iom_history h
      WHERE h.relation = 'iom_unit'
        AND (h.change = 'delete' OR (h.change = 'update' AND h.before ->> 'name' <> h.after ->> 'name'))
        -- (no bound above: the clock may have run ahead)
        AND h.changed_at::date > LEAST(iom_as_of($1), iom_as_of($2))
    ) n
    WHERE iom_recorded_name(n.node, iom_as_of($1)) <> iom_recorded_name(n.node, iom_as_of($2))
  )) d;
END;
COMMENT ON FUNCTION iom_diff(date, date) IS 'what differs between two days (null: the day of iom_as_of()): opened (new: the supervisor), closed (old: the supervisor), moved (old and new supervisor), carried (under the same supervisor, but an ancestor moved: old and new path), renamed (old and new name, as iom_history recorded them at the end of the days); in chart order of the second day, closed ones last';

CREATE FUNCTION iom_check_hierarchy(OUT node iom_node, OUT problem text, OUT detail text) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10;
COMMENT ON FUNCTION iom_check_hierarchy() IS 'what iom_check selects from: faults of lines, those inserted while triggers were disabled, units that come twice, and triggers of ours that are missing, off or altered';

CREATE FUNCTION iom_constraint_text(oid) RETURNS text
LANGUAGE SQL STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off
BEGIN ATOMIC
  SELECT replace(replace(pg_get_constraintdef($1), format('REFERENCES %I.iom_unit(', s.nspname), 'REFERENCES iom_unit('),
    format('OPERATOR(%I.<>)', s.nspname), '<>')
  FROM pg_class u JOIN pg_namespace s ON s.oid = u.relnamespace
  WHERE u.oid = 'iom_unit'::regclass;
END;
COMMENT ON FUNCTION iom_constraint_text(oid) IS 'what iom_check compares: the definition of a constraint, without the schema that iom_unit and the operators of iom_node are in; null if there is none';

CREATE FUNCTION iom_check(OUT node iom_node, OUT problem text, OUT detail text) RETURNS SETOF record
LANGUAGE SQL STABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
  -- constraints of ours that are not there, or are others; rows are looked at only for
  -- what these would keep out
  WITH gap (relation, problem, name) AS MATERIALIZED (
    SELECT e.relation,
      CASE WHEN c.oid IS NULL THEN 'constraint missing' WHEN c.convalidated THEN 'constraint altered' ELSE 'constraint not valid' END,
      e.name
    FROM (VALUES
        ('iom_unit'::regclass, 'iom_unit_pkey', 'PRIMARY KEY (node)'),
        ('iom_unit'::regclass, 'iom_unit_name_check', $$CHECK ((name <> ''::text))$$),
        ('iom_unit'::regclass, 'iom_unit_kind_check', $$CHECK ((kind <> ''::text))$$),
        ('iom_unit'::regclass, 'iom_unit_valid_check', 'CHECK ((NOT isempty(valid)))'),
        ('iom_unit'::regclass, 'iom_unit_origin_check', $$CHECK ((origin = ANY (ARRAY['seed'::text, 'own'::text, 'awaited'::text, 'new'::text])))$$),
        ('iom_line'::regclass, 'iom_line_pkey', 'PRIMARY KEY (node, supervisor, relation, valid)'),
        ('iom_line'::regclass, 'iom_line_node_fkey', 'FOREIGN KEY (node) REFERENCES iom_unit(node)'),
        ('iom_line'::regclass, 'iom_line_supervisor_fkey', 'FOREIGN KEY (supervisor) REFERENCES iom_unit(node)'),
        ('iom_line'::regclass, 'iom_line_relation_check', $$CHECK ((relation <> ''::text))$$),
        ('iom_line'::regclass, 'iom_line_line_check', $$CHECK ((line = ANY (ARRAY['solid'::text, 'dotted'::text])))$$),
        ('iom_line'::regclass, 'iom_line_valid_check', 'CHECK ((NOT isempty(valid)))'),
        ('iom_line'::regclass, 'iom_line_basis_check', $$CHECK ((basis = ANY (ARRAY['stated'::text, 'placed'::text, 'inferred'::text])))$$),
        ('iom_line'::regclass, 'iom_line_origin_check', $$CHECK ((origin = ANY (ARRAY['seed'::text, 'own'::text, 'new'::text])))$$),
        ('iom_line'::regclass, 'iom_line_not_own_supervisor', 'CHECK ((node <> supervisor))'),
        ('iom_appointment'::regclass, 'iom_appointment_pkey', 'PRIMARY KEY (post)'),
        ('iom_appointment'::regclass, 'iom_appointment_post_fkey', 'FOREIGN KEY (post) REFERENCES iom_unit(node)'),
        ('iom_appointment'::regclass, 'iom_appointment_authority_fkey', 'FOREIGN KEY (authority) REFERENCES iom_unit(node)'),
        ('iom_appointment'::regclass, 'iom_appointment_method_check', $$CHECK ((method <> ''::text))$$),
        ('iom_appointment'::regclass, 'iom_appointment_term_years_check', 'CHECK ((term_years > 0))'),
        ('iom_appointment'::regclass, 'iom_appointment_origin_check', $$CHECK ((origin = ANY (ARRAY['seed'::text, 'own'::text, 'new'::text])))$$),
        ('iom_history'::regclass, 'iom_history_change_check', $$CHECK ((change = ANY (ARRAY['insert'::text, 'update'::text, 'delete'::text, 'truncate'::text])))$$),
        ('iom_revision'::regclass, 'iom_revision_singleton_excl', 'EXCLUDE USING btree (singleton WITH =)'),
        ('iom_revision'::regclass, 'iom_revision_singleton_check', 'CHECK (singleton)'),
        ('iom_revision'::regclass, 'iom_revision_content_check', $$CHECK ((content = ANY (ARRAY['seed'::text, 'restored'::text, 'own'::text])))$$)
      ) e (relation, name, definition)
    LEFT JOIN pg_constraint c ON c.conrelid = e.relation AND c.conname = e.name
    -- (options may follow; of an exclusion constraint none, where WHERE could)
    WHERE (c.convalidated AND CASE c.contype WHEN 'x' THEN iom_constraint_text(c.oid) = e.definition
        ELSE starts_with(iom_constraint_text(c.oid), e.definition) END) IS NOT TRUE
    UNION ALL
    SELECT e.relation, CASE WHEN a.attnotnull THEN 'constraint not valid' ELSE 'constraint missing' END,
      'NOT NULL of ' || a.attname
    FROM (VALUES
        ('iom_unit'::regclass, ARRAY['node', 'name', 'kind', 'position', 'valid', 'origin']),
        ('iom_line'::regclass, ARRAY['node', 'supervisor', 'relation', 'line', 'valid', 'basis', 'origin']),
        ('iom_appointment'::regclass, ARRAY['post', 'authority', 'method', 'origin']),
        ('iom_history'::regclass, ARRAY['id', 'changed_at', 'changed_by', 'acting_as', 'transaction', 'relation', 'change']),
        ('iom_revision'::regclass, ARRAY['singleton', 'revision', 'content'])
      ) e (relation, names)
    JOIN pg_attribute a ON a.attrelid = e.relation AND a.attname = ANY (e.names)
    WHERE NOT a.attnotnull
      -- (a constraint of its own since PostgreSQL 18)
      OR EXISTS (SELECT FROM pg_constraint k
                 WHERE k.conrelid = e.relation AND k.contype = 'n' AND NOT k.convalidated AND a.attnum = ANY (k.conkey))
  )
  SELECT f.node, f.problem, f.detail
  FROM (
    SELECT h.node, h.problem, h.detail FROM iom_check_hierarchy() h
    UNION ALL
    -- what a row by itself says: only of bad ones, each column is looked at
    SELECT u.node, CASE WHEN c.shown IS NULL THEN 'null' ELSE 'bad value' END,
      format('iom_unit.%s is %s', c.name, COALESCE(c.shown, 'null'))
    FROM iom_unit u, LATERAL (VALUES
      ('node', u.node::text, true),
      ('name', quote_literal(u.name), u.name <> ''),
      ('kind', quote_literal(u.kind), u.kind <> ''),
      ('position', u.position::text, true),
      ('valid', u.valid::text, NOT isempty(u.valid)),
      ('origin', quote_literal(u.origin), u.origin IN ('seed', 'own'))
    ) c (name, shown, good)
    WHERE CASE
        WHEN NOT EXISTS (SELECT FROM gap g WHERE g.relation = 'iom_unit'::regclass)
        THEN u.origin NOT IN ('seed', 'own')
        ELSE (u.node IS NOT NULL AND u.name <> '' AND u.kind <> '' AND u.position IS NOT NULL
          AND NOT isempty(u.valid) AND u.origin IN ('seed', 'own')) IS NOT TRUE
        END
      AND (c.shown IS NULL OR NOT c.good)
    UNION ALL
    SELECT l.node, CASE WHEN c.shown IS NULL THEN 'null' ELSE 'bad value' END,
      format('iom_line.%s is %s (line to %s)', c.name, COALESCE(c.shown, 'null'), COALESCE(l.supervisor::text, 'null'))
    FROM iom_line l, LATERAL (VALUES
      ('node', l.node::text, true),
      ('supervisor', l.supervisor::text, true),
      ('relation', quote_literal(l.relation), l.relation <> ''),
      ('line', quote_literal(l.line), l.line IN ('solid', 'dotted')),
      ('valid', l.valid::text, NOT isempty(l.valid)),
      ('basis', quote_literal(l.basis), l.basis IN ('stated', 'placed', 'inferred')),
      ('origin', quote_literal(l.origin), l.origin IN ('seed', 'own', 'new'))
    ) c (name, shown, good)
    WHERE (l.node IS NOT NULL AND l.supervisor IS NOT NULL AND l.relation <> '' AND l.line IN ('solid', 'dotted')
        AND NOT isempty(l.valid) AND l.basis IN ('stated', 'placed', 'inferred') AND l.origin IN ('seed', 'own', 'new')) IS NOT TRUE
      AND (c.shown IS NULL OR NOT c.good)
      AND EXISTS (SELECT FROM gap g WHERE g.relation = 'iom_line'::regclass)
    UNION ALL
    SELECT a.post, CASE WHEN c.shown IS NULL THEN 'null' ELSE 'bad value' END,
      format('iom_appointment.%s is %s', c.name, COALESCE(c.shown, 'null'))
    FROM iom_appointment a, LATERAL (VALUES
      ('post', a.post::text, true),
      ('authority', a.authority::text, true),
      ('method', quote_literal(a.method), a.method <> ''),
      ('term_years', COALESCE(a.term_years, 1)::text, COALESCE(a.term_years, 1) > 0),
      ('origin', quote_literal(a.origin), a.origin IN ('seed', 'own'))
    ) c (name, shown, good)
    WHERE c.shown IS NULL OR NOT c.good
    UNION ALL
    SELECT a.post, 'unknown unit', format('iom_appointment.%s: there is no unit %s', e.name, e.node::text)
    FROM iom_appointment a, LATERAL (VALUES ('post', a.post), ('authority', a.authority)) e (name, node)
    WHERE e.node IS NOT NULL AND NOT EXISTS (SELECT FROM iom_unit u WHERE u.node = e.node)
    UNION ALL
    -- what the primary key says, if it is there
    SELECT l.node, 'duplicate line', format('line %s to %s is in iom_line %s times', l.relation, l.supervisor::text, count(*))
    FROM iom_line l
    WHERE EXISTS (SELECT FROM gap g WHERE g.relation = 'iom_line'::regclass)
    GROUP BY l.node, l.supervisor, l.relation, l.valid
    HAVING count(*) > 1
    UNION ALL
    SELECT a.post, 'duplicate appointment', format('%s is in iom_appointment %s times', a.post::text, count(*))
    FROM iom_appointment a
    GROUP BY a.post
    HAVING count(*) > 1
    UNION ALL
    SELECT NULL, 'revision', format('iom_revision has %s rows instead of one', count(*))
    FROM iom_revision
    HAVING count(*) <> 1
    UNION ALL
    -- what keeps the next fault out
    SELECT NULL, CASE WHEN t.oid IS NULL THEN 'trigger missing' ELSE 'trigger disabled' END, 'event trigger ' || n.name
    FROM (VALUES ('iom_await_units'), ('iom_refuse_cast')) n (name)
    LEFT JOIN pg_event_trigger t ON t.evtname = n.name
    WHERE t.oid IS NULL OR t.evtenabled NOT IN ('A', CASE n.name WHEN 'iom_await_units' THEN 'O'::"char" ELSE 'A' END)
    UNION ALL
    SELECT NULL, 'index missing', 'iom_history_id_idx on iom_history'
    WHERE NOT EXISTS (
      SELECT FROM pg_index i
      JOIN pg_class c ON c.oid = i.indexrelid
      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attname = 'id'
      WHERE i.indrelid = 'iom_history'::regclass AND c.relname = 'iom_history_id_idx' AND i.indisunique AND i.indisvalid
        AND i.indpred IS NULL AND i.indnkeyatts = 2 AND i.indkey[0] = a.attnum AND pg_get_expr(i.indexprs, i.indrelid) = '0')
    UNION ALL
    SELECT NULL, g.problem, format('%s on %s', g.name, r.relname)
    FROM gap g JOIN pg_class r ON r.oid = g.relation
    UNION ALL
    SELECT DISTINCT NULL::iom_node, 'trigger disabled', format('of constraint %s on %s', c.conname, r.relname)
    FROM pg_trigger t
    JOIN pg_class r ON r.oid = t.tgrelid
    JOIN pg_constraint c ON c.oid = t.tgconstraint
    WHERE t.tgisinternal AND t.tgenabled NOT IN ('O', 'A')
      AND t.tgrelid IN ('iom_unit'::regclass, 'iom_line'::regclass, 'iom_appointment'::regclass)
    UNION ALL
    -- what changes rows by another table fires no trigger of ours
    SELECT NULL, 'inheritance', format('%s inherits from %s', child.relname, parent.relname)
    FROM pg_inherits i
    JOIN pg_class child ON child.oid = i.inhrelid
    JOIN pg_class parent ON parent.oid = i.inhparent
    WHERE i.inhrelid IN ('iom_unit'::regclass, 'iom_line'::regclass, 'iom_appointment'::regclass, 'iom_history'::regclass)
      OR i.inhparent IN ('iom_unit'::regclass, 'iom_line'::regclass, 'iom_appointment'::regclass)
  ) f
  ORDER BY f.node, f.problem, f.detail COLLATE "C";
END;
COMMENT ON FUNCTION iom_check() IS 'every fault in the data, as it can come about with triggers disabled, in replica role or without constraints; and, with a null node, triggers, event triggers, constraints and an index of ours that are missing, off or altered, iom_revision with other than one row, and inheritance; empty when all is sound';

----------------------------------------------------------------------------
-- rollup: totals of every node with all below it
----------------------------------------------------------------------------

-- Two types of totals, because the columns of iom_unnest need types: exact
-- sums are numeric, those of double precision are double precision.

CREATE TYPE iom_totals;

CREATE FUNCTION iom_totals_in(cstring) RETURNS iom_totals
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_totals_in(cstring) IS 'input: the binary form as bytea; an error if that is malformed';

CREATE FUNCTION iom_totals_out(iom_totals) RETURNS cstring
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_totals_out(iom_totals) IS 'output: the binary form as bytea';

CREATE FUNCTION iom_totals_recv(internal) RETURNS iom_totals
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_totals_recv(internal) IS 'binary input, checked';

CREATE FUNCTION iom_totals_send(iom_totals) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_totals_send(iom_totals) IS 'binary output, the same on every machine';

CREATE TYPE iom_totals (
  INPUT = iom_totals_in,
  OUTPUT = iom_totals_out,
  RECEIVE = iom_totals_recv,
  SEND = iom_totals_send,
  ALIGNMENT = double,
  STORAGE = extended
);
COMMENT ON TYPE iom_totals IS 'exact totals of nodes, as iom_rollup makes them of integers and numerics, or counts only, as iom_headcount does; for iom_unnest';

CREATE TYPE iom_float_totals;

CREATE FUNCTION iom_float_totals_in(cstring) RETURNS iom_float_totals
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_float_totals_in(cstring) IS 'input: the binary form as bytea; an error if that is malformed';

CREATE FUNCTION iom_float_totals_out(iom_float_totals) RETURNS cstring
AS 'MODULE_PATHNAME', 'iom_totals_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_float_totals_out(iom_float_totals) IS 'output: the binary form as bytea';

CREATE FUNCTION iom_float_totals_recv(internal) RETURNS iom_float_totals
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_float_totals_recv(internal) IS 'binary input, checked';

CREATE FUNCTION iom_float_totals_send(iom_float_totals) RETURNS bytea
AS 'MODULE_PATHNAME', 'iom_totals_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_float_totals_send(iom_float_totals) IS 'binary output, the same on every machine';

CREATE TYPE iom_float_totals (
  INPUT = iom_float_totals_in,
  OUTPUT = iom_float_totals_out,
  RECEIVE = iom_float_totals_recv,
  SEND = iom_float_totals_send,
  ALIGNMENT = double,
  STORAGE = extended
);
COMMENT ON TYPE iom_float_totals IS 'totals of nodes in double precision, as iom_rollup makes them; for iom_unnest';

CREATE FUNCTION iom_rollup_int2(internal, iom_node, smallint) RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_rollup_int2(internal, iom_node, smallint) IS 'transition of iom_rollup: adds a smallint';

CREATE FUNCTION iom_rollup_int4(internal, iom_node, integer) RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_rollup_int4(internal, iom_node, integer) IS 'transition of iom_rollup: adds an integer';

CREATE FUNCTION iom_rollup_int8(internal, iom_node, bigint) RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_rollup_int8(internal, iom_node, bigint) IS 'transition of iom_rollup: adds a bigint';

CREATE FUNCTION iom_rollup_numeric(internal, iom_node, numeric) RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_rollup_numeric(internal, iom_node, numeric) IS 'transition of iom_rollup: adds a numeric';

CREATE FUNCTION iom_rollup_float8(internal, iom_node, double precision) RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_rollup_float8(internal, iom_node, double precision) IS 'transition of iom_rollup: adds a double precision';

CREATE FUNCTION iom_rollup_count(internal, iom_node) RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_rollup_count(internal, iom_node) IS 'transition of iom_headcount';

CREATE FUNCTION iom_rollup_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_rollup_combine(internal, internal) IS 'adds the facts of one state of iom_rollup or iom_headcount to another';

CREATE FUNCTION iom_rollup_serialize(internal) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_rollup_serialize(internal) IS 'state of iom_rollup or iom_headcount, for another process';

CREATE FUNCTION iom_rollup_deserialize(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_rollup_deserialize(bytea, internal) IS 'state of iom_rollup or iom_headcount, from another process';

CREATE FUNCTION iom_rollup_final(internal) RETURNS iom_totals
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_rollup_final(internal) IS 'result of iom_rollup and iom_headcount; null if there were no rows';

CREATE FUNCTION iom_rollup_float_final(internal) RETURNS iom_float_totals
AS 'MODULE_PATHNAME', 'iom_rollup_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_rollup_float_final(internal) IS 'result of iom_rollup in double precision; null if there were no rows';

-- One for each type of integers, as sum() has: with bigint alone, the planner's
-- preferred type would make double precision of the others.

CREATE AGGREGATE iom_rollup(node iom_node, value smallint) (
  SFUNC = iom_rollup_int2, STYPE = internal, SSPACE = 256,
  FINALFUNC = iom_rollup_final, COMBINEFUNC = iom_rollup_combine,
  SERIALFUNC = iom_rollup_serialize, DESERIALFUNC = iom_rollup_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE iom_rollup(iom_node, smallint) IS 'count, sum, minimum and maximum a node of smallint values, exact; iom_unnest makes rows of it';

CREATE AGGREGATE iom_rollup(node iom_node, value integer) (
  SFUNC = iom_rollup_int4, STYPE = internal, SSPACE = 256,
  FINALFUNC = iom_rollup_final, COMBINEFUNC = iom_rollup_combine,
  SERIALFUNC = iom_rollup_serialize, DESERIALFUNC = iom_rollup_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE iom_rollup(iom_node, integer) IS 'count, sum, minimum and maximum a node of integer values, exact; iom_unnest makes rows of it';

CREATE AGGREGATE iom_rollup(node iom_node, value bigint) (
  SFUNC = iom_rollup_int8, STYPE = internal, SSPACE = 256,
  FINALFUNC = iom_rollup_final, COMBINEFUNC = iom_rollup_combine,
  SERIALFUNC = iom_rollup_serialize, DESERIALFUNC = iom_rollup_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE iom_rollup(iom_node, bigint) IS 'count, sum, minimum and maximum a node of bigint values, exact; iom_unnest makes rows of it';

CREATE AGGREGATE iom_rollup(node iom_node, value numeric) (
  SFUNC = iom_rollup_numeric, STYPE = internal, SSPACE = 256,
  FINALFUNC = iom_rollup_final, COMBINEFUNC = iom_rollup_combine,
  SERIALFUNC = iom_rollup_serialize, DESERIALFUNC = iom_rollup_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE iom_rollup(iom_node, numeric) IS 'count, sum, minimum and maximum a node of numeric values, exact; iom_unnest makes rows of it';

CREATE AGGREGATE iom_rollup(node iom_node, value double precision) (
  SFUNC = iom_rollup_float8, STYPE = internal, SSPACE = 256,
  FINALFUNC = iom_rollup_float_final, COMBINEFUNC = iom_rollup_combine,
  SERIALFUNC = iom_rollup_serialize, DESERIALFUNC = iom_rollup_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE iom_rollup(iom_node, double precision) IS 'count, sum, minimum and maximum a node of double precision values; iom_unnest makes rows of it';

CREATE AGGREGATE iom_headcount(node iom_node) (
  SFUNC = iom_rollup_count, STYPE = internal, SSPACE = 256,
  FINALFUNC = iom_rollup_final, COMBINEFUNC = iom_rollup_combine,
  SERIALFUNC = iom_rollup_serialize, DESERIALFUNC = iom_rollup_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE iom_headcount(iom_node) IS 'count of rows a node; iom_unnest makes rows of it';

CREATE FUNCTION iom_unnest(
  totals iom_totals, as_of date DEFAULT NULL,
  OUT node iom_node, OUT own_count bigint, OUT own_sum numeric,
  OUT count bigint, OUT sum numeric, OUT min numeric, OUT max numeric
) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 100 ROWS 100;
COMMENT ON FUNCTION iom_unnest(iom_totals, date) IS 'the nodes that have or contain facts, in chart order, each with its own totals and those of its subtree; last, under a null node, the facts whose node is null or not in the hierarchy';

CREATE FUNCTION iom_unnest(
  totals iom_float_totals, as_of date DEFAULT NULL,
  OUT node iom_node, OUT own_count bigint, OUT own_sum double precision,
  OUT count bigint, OUT sum double precision, OUT min double precision, OUT max double precision
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'iom_unnest_float' LANGUAGE C STABLE PARALLEL SAFE COST 100 ROWS 100;
COMMENT ON FUNCTION iom_unnest(iom_float_totals, date) IS 'the nodes that have or contain facts, in chart order, each with its own totals and those of its subtree; last, under a null node, the facts whose node is null or not in the hierarchy';

----------------------------------------------------------------------------
-- render: pictures
----------------------------------------------------------------------------

CREATE FUNCTION iom_chart_tree(
  root iom_node, max_depth integer, as_of date,
  OUT node iom_node, OUT prefix text, OUT supervisor iom_node, OUT level integer,
  OUT reports integer, OUT size integer
) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1000;
COMMENT ON FUNCTION iom_chart_tree(iom_node, integer, date) IS 'what pictures are drawn from: the nodes in chart order, the strokes before each, its supervisor if that is drawn, its level, and how many direct reports and nodes of its subtree are drawn';

CREATE FUNCTION iom_tree(
  root iom_node DEFAULT NULL, max_depth integer DEFAULT NULL,
  dotted boolean DEFAULT false, as_of date DEFAULT NULL, OUT tree text
) RETURNS SETOF text
LANGUAGE SQL STABLE PARALLEL RESTRICTED ROWS 100
BEGIN ATOMIC
  SELECT t.prefix || t.node::text || '  ' || regexp_replace(u.name || COALESCE(d.lines, ''), E'[[:cntrl:]\\u2028\\u2029]', ' ', 'g')
  FROM iom_chart_tree($1, $2, $4) WITH ORDINALITY AS t (node, prefix, supervisor, level, reports, size, place)
  JOIN iom_unit u ON u.node = t.node
  LEFT JOIN LATERAL (
    SELECT '  (' || string_agg(l.relation || ' ' || l.supervisor::text, ', ' ORDER BY l.relation, l.supervisor) || ')' AS lines
    FROM (
      SELECT DISTINCT l.relation, l.supervisor	-- more than one may say the same
      FROM iom_line l
      WHERE $3 AND l.node = t.node AND l.line = 'dotted' AND l.valid @> iom_as_of($4)
    ) l
  ) d ON true
  ORDER BY t.place;
END;
COMMENT ON FUNCTION iom_tree(iom_node, integer, boolean, date) IS 'the chart drawn in text, one line a node: the subtree of root (null: all roots), down to max_depth levels below it (null: all), with dotted lines in parentheses on request';

-- A picture's text: blanks and what no parser would take become single blanks,
-- lines break after about 20 characters, and what means something to the parser
-- is escaped as in HTML, with the mark that escapes begin with: & in Graphviz, #
-- in Mermaid.

CREATE FUNCTION iom_picture_text(value text, mark text) RETURNS text
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT replace(replace(replace(replace(
      CASE $2
        -- its directives, formulas, markdown and escapes too; it looks for formulas
        -- ($$) and icons (fa:fa-) where escapes are undone: a mark of no width
        -- (a word joiner) keeps it from finding them
        WHEN '#' THEN regexp_replace(replace(replace(replace(replace(replace(replace(
          w.lines, '#', '#35;'), '&', '#amp;'), '%', '#37;'), '$', '#36;#8288;'), '`', '#96;'), E'\\', '#92;'),
          -- (also for words like statements of its own)
          ':(?=fa-)|direction|styl(?=e)|classDe(?=f)', E'\\&#8288;', 'g')
        -- it replaces some letters after a backslash (\N: the code)
        ELSE replace(replace(w.lines, '&', '&amp;'), E'\\', E'\\&#8288;')
      END,
      '<', $2 || 'lt;'), '>', $2 || 'gt;'), '"', $2 || 'quot;'), E'\n', '<br/>')
  FROM rtrim(replace(regexp_replace(regexp_replace(
      -- Chinese and its like is twice as wide: while lines are made, each letter
      -- is followed by a character that the text cannot have any more
      regexp_replace(btrim(regexp_replace($1, E'[[:cntrl:][:space:]\\uFFFE\\uFFFF]+', ' ', 'g')),
        E'[\\u1100-\\u115f\\u2e80-\\ua4cf\\uac00-\\ud7a3\\uf900-\\ufaff\\ufe30-\\ufe6f\\uff00-\\uff60]', E'\\&\x01', 'g'),
      -- long words are broken
      '([^ ]{20})(?=[^ ])', E'\\1 ', 'g'),
      '(.{1,20})( |$)', E'\\1\n', 'g'), E'\x01', ''), E'\n') AS w (lines);
END;
COMMENT ON FUNCTION iom_picture_text(text, text) IS 'what iom_dot and iom_mermaid write for a name: in lines of about 20 characters, escaped';

CREATE FUNCTION iom_picture_look(
  kind text, OUT look text, OUT sharp boolean, OUT fill text, OUT border text, OUT ink text
)
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT v.look, v.sharp, v.fill, v.border, v.ink
  FROM (VALUES
    ('post', true, '#1f4e79', '#163a5b', '#ffffff', '{post}'::text[]),
    ('office', false, '#fdf0c8', '#c9a227', '#222222', '{office,secretariat,bureau}'),
    ('department', false, '#d6e6f5', '#4f86b8', '#222222', '{department,institute,division,directorate}'),
    ('unit', false, '#dcedd9', '#6aa564', '#222222', '{unit,section,team}'),
    ('place', true, '#e6dbee', '#8e6bab', '#222222', '{centre,center,field,branch}'),
    ('people', false, '#fbe0cf', '#d08a54', '#222222', '{network,envoys,advisors}'),
    ('body', true, '#ececec', '#8c8c8c', '#222222', '{governing_body,committee,forum,council,board}'),
    ('other', false, '#ffffff', '#777777', '#222222', NULL)
  ) AS v (look, sharp, fill, border, ink, kinds)
  WHERE lower($1 COLLATE "C") = ANY (v.kinds) OR v.kinds IS NULL
  ORDER BY v.kinds
  LIMIT 1;
END;
COMMENT ON FUNCTION iom_picture_look(text) IS 'how iom_dot and iom_mermaid draw a kind: the name of the look, with sharp or round corners, and its colours';

-- Where the boxes are.  Reports without reports of their own hang below their
-- supervisor in stacks, about as high as makes a page of it.  Where that would
-- still make a page much wider than high, small subtrees do so as a whole, as
-- indented lists.  Others stand side by side, each above all of its own.  So every
-- stack is a column, and a node's columns are those of the nodes of its subtree,
-- which come one after another in chart order: running totals tell where they
-- begin and end.  Trees stand on shelves, one below the other, as wide as makes a
-- page of them all; roots without reports, in rows above it all.  Points,
-- downwards and to the right.

CREATE FUNCTION iom_picture_boxes(
  root iom_node, max_depth integer, as_of date,
  OUT place integer, OUT node iom_node, OUT supervisor iom_node, OUT kind text, OUT label text,
  OUT x integer, OUT top integer, OUT height integer, OUT hangs boolean, OUT below integer
) RETURNS SETOF record
LANGUAGE SQL STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
  WITH drawn AS MATERIALIZED (
    SELECT t.place::integer, t.node, t.supervisor, t.level, t.reports = 0 AS leaf, t.size, u.kind, p.label,
      24 + 12 * (1 + (length(p.label) - length(replace(p.label, '<br/>', ''))) / 5) AS height,
      ceil(sqrt(count(*) OVER ()))::integer AS stack,
      count(*) FILTER (WHERE t.supervisor IS NULL) OVER (ORDER BY t.place) AS tree,
      LEAST(iom_height(t.node, $3), $2 - (t.level - min(t.level) OVER ())) AS layers
    FROM iom_chart_tree($1, $2, $3) WITH ORDINALITY AS t (node, prefix, supervisor, level, reports, size, place)
    JOIN iom_unit u ON u.node = t.node
    CROSS JOIN LATERAL iom_picture_text(u.name, '&') AS p (label)
  ), page AS MATERIALIZED (
    SELECT COALESCE(sum((s.leaves + s.stack - 1) / s.stack) > 2 * max(s.stack), false) AS wide
    FROM (
      SELECT count(*) AS leaves, max(d.stack) AS stack
      FROM drawn d
      WHERE d.leaf AND d.supervisor IS NOT NULL
      GROUP BY d.supervisor
    ) s
  ), sized AS MATERIALIZED (
    -- with a subtree that hangs, those in it do
    SELECT d.*, d.supervisor IS NOT NULL AND (d.leaf OR (p.wide AND d.size <= d.stack AND d.layers <= 4)) AS small
    FROM drawn d CROSS JOIN page p
  ), hung AS MATERIALIZED (
    SELECT c.*, c.depth > 0 OR count(*) OVER stack > 1 AS hangs,
      (sum(c.height + 8) OVER (stack ORDER BY c.place))::integer - c.height - 8 AS down
    FROM (
      SELECT i.*, (i.above + i.boxes / 2) / ((i.siblings + i.columns - 1) / i.columns) AS "column"
      FROM (
        SELECT n.*, n.level - first_value(n.level) OVER item AS depth,
          first_value(n.number) OVER item - 1 AS above, first_value(n.size) OVER item AS boxes,
          (n.siblings + n.stack - 1) / n.stack AS columns
        FROM (
          SELECT m.*, (row_number() OVER (siblings ORDER BY m.place))::integer AS number,
            (count(*) OVER siblings)::integer AS siblings
          FROM (
            SELECT f.*, first_value(f.supervisor) OVER (PARTITION BY f.item ORDER BY f.place) AS anchor
            FROM (
              SELECT s.*, count(*) FILTER (WHERE NOT a.small) OVER (ORDER BY s.place) AS item
              FROM sized s JOIN sized a ON a.node = s.supervisor
              WHERE s.small
            ) f
          ) m
          WINDOW siblings AS (PARTITION BY m.anchor)
        ) n
        WINDOW item AS (PARTITION BY n.item ORDER BY n.place)
      ) i
    ) c
    WINDOW stack AS (PARTITION BY c.anchor, c."column")
  ), walked AS MATERIALIZED (
    SELECT s.*, COALESCE(c.columns, 0) AS columns,
      (sum(COALESCE(c.columns, 0)) OVER (ORDER BY s.place))::integer AS ended
    FROM sized s
    LEFT JOIN (SELECT h.anchor, max(h."column") + 1 AS columns FROM hung h GROUP BY h.anchor) c
      ON c.anchor = s.node
  ), tree AS MATERIALIZED (
    -- a tree's place in the row of all tells its shelf: by its middle
    SELECT p.*, min(p.begins) OVER shelf AS first, max(p.ends) OVER shelf - min(p.begins) OVER shelf AS columns
    FROM (
      SELECT t.*, (t.begins + t.ends - 1) / (2 * greatest(max(t.ends - t.begins) OVER (),
          ceil(sqrt(1.5 * sum((t.ends - t.begins) * t.about_high) OVER () / 138))::integer)) AS shelf
      FROM (
        SELECT w.tree, min(w.ended - w.columns) AS begins, max(w.ended) AS ends,
          92 * count(DISTINCT w.level) FILTER (WHERE NOT w.leaf AND NOT w.small) + max(h.down + h.height) AS about_high
        FROM walked w LEFT JOIN hung h ON h.anchor = w.node
        GROUP BY w.tree
        HAVING max(w.size) > 1
      ) t
    ) p
    WINDOW shelf AS (PARTITION BY p.shelf)
  ), single AS MATERIALIZED (
    SELECT r.*, (r.number - 1) / r.row_length AS line, (r.number - 1) % r.row_length AS "column"
    FROM (
      SELECT d.*, (row_number() OVER (ORDER BY d.place))::integer AS number,
        (count(*) OVER ())::integer AS singles, max(d.height) OVER () + 16 AS line_height,
        greatest((SELECT max(t.columns) FROM tree t),
          ceil(sqrt(1.5 * count(*) OVER () * (max(d.height) OVER () + 16) / 138))::integer) AS row_length
      FROM drawn d
      WHERE d.leaf AND d.supervisor IS NULL
    ) r
  ), measure AS MATERIALIZED (
    SELECT 138 + 12 * COALESCE((SELECT max(h.depth) FROM hung h), 0) AS width,
      COALESCE((SELECT max((s.line + 1) * s.line_height) + 16 FROM single s), 0) AS top
  ), stood AS MATERIALIZED (
    SELECT w.*, t.shelf, (max(t.columns) OVER () - t.columns) * m.width / 2 - t.first * m.width AS shift
    FROM walked w JOIN tree t ON t.tree = w.tree CROSS JOIN measure m
  ), step AS MATERIALIZED (
    SELECT w.shelf, w.level, (sum(max(w.height) + 44) OVER (PARTITION BY w.shelf ORDER BY w.level))::integer AS below
    FROM stood w
    WHERE NOT w.small AND NOT w.leaf
    GROUP BY w.shelf, w.level
  ), shelf AS MATERIALIZED (
    SELECT f.shelf, (m.top + sum(f.high + 40) OVER (ORDER BY f.shelf))::integer - f.high - 40 AS top
    FROM (
      SELECT w.shelf, max(a.below + h.down + h.height) AS high
      FROM hung h
      JOIN stood w ON w.node = h.anchor
      JOIN step a ON a.shelf = w.shelf AND a.level = w.level
      GROUP BY w.shelf
    ) f CROSS JOIN measure m
  ), layer AS MATERIALIZED (
    SELECT a.shelf, a.level, f.top + a.below AS below, f.top + COALESCE(lag(a.below) OVER (PARTITION BY a.shelf ORDER BY a.level), 0) AS top
    FROM step a JOIN shelf f ON f.shelf = a.shelf
  )
  SELECT w.place, w.node, w.supervisor, w.kind, w.label,
    (w.ended - w.columns + e.ended) * m.width / 2 + w.shift, l.top, w.height, false, l.below
  FROM stood w
  JOIN walked e ON e.place = w.place + w.size - 1
  JOIN layer l ON l.shelf = w.shelf AND l.level = w.level
  CROSS JOIN measure m
  WHERE NOT w.small AND NOT w.leaf
  UNION ALL
  SELECT h.place, h.node, h.supervisor, h.kind, h.label,
    (w.ended - w.columns + h."column") * m.width + w.shift + 69 + 12 * h.depth, l.below + h.down, h.height, h.hangs, NULL
  FROM hung h
  JOIN stood w ON w.node = h.anchor
  JOIN layer l ON l.shelf = w.shelf AND l.level = w.level
  CROSS JOIN measure m
  UNION ALL
  SELECT s.place, s.node, NULL, s.kind, s.label,
    s."column" * 138 + (s.row_length - least(s.row_length, s.singles - s.line * s.row_length)) * 69 + 69,
    s.line * s.line_height, s.height, false, NULL
  FROM single s
  ORDER BY 1;
END;
COMMENT ON FUNCTION iom_picture_boxes(iom_node, integer, date) IS 'what iom_dot selects from: where each node is drawn, in points: the middle of its box, its top and height, whether it hangs in a stack, and where its reports begin (null: they hang)';

CREATE FUNCTION iom_dot(
  root iom_node DEFAULT NULL, max_depth integer DEFAULT NULL,
  dotted boolean DEFAULT false, as_of date DEFAULT NULL
) RETURNS text
LANGUAGE SQL STABLE PARALLEL SAFE
BEGIN ATOMIC
  WITH box AS MATERIALIZED (
    SELECT b.*, -(b.top + b.height / 2) AS y FROM iom_picture_boxes($1, $2, $4) b
  ), dots AS MATERIALIZED (
    -- by a CASE, which the planner takes for half of the lines: of the conditions
    -- by themselves it expects a line or two, and goes through all boxes for each
    SELECT s.node AS supervisor, n.node, iom_picture_text(replace(l.relation, '_', ' '), '&') AS relation,
      n.top - s.top - s.height > 200 AS far, row_number() OVER (ORDER BY n.place, s.place, l.relation) AS number
    FROM (
      SELECT DISTINCT l.node, l.supervisor, l.relation
      FROM iom_line l
      WHERE CASE WHEN $3 THEN l.line = 'dotted' AND l.valid @> iom_as_of($4) END
    ) l
    JOIN box n ON n.node = l.node
    JOIN box s ON s.node = l.supervisor
  ), single AS MATERIALIZED (
    SELECT e.node FROM (SELECT d.supervisor AS node FROM dots d UNION ALL SELECT d.node FROM dots d) e
    GROUP BY e.node HAVING count(*) = 1
  )
  SELECT concat_ws(E'\n',
    'digraph iomorg {',
    -- nop2: boxes and solid lines are where they are said to be, and only the
    -- dotted lines have to find their way, which takes time with the third power
    -- of the boxes: among many they are straight, and behind the boxes
    format('  graph [layout=nop2, %s, charset="%s", pad=0.2, bgcolor=white]',
      CASE WHEN (SELECT count(*) FROM box b) <= 100 THEN 'splines=true, esep="+2", outputorder=nodesfirst'
        ELSE 'splines=line, outputorder=edgesfirst' END,
      CASE pg_client_encoding() WHEN 'LATIN1' THEN 'latin1' ELSE 'UTF-8' END),
    '  node [shape=box, width=1.64, margin="0.03,0.03", fontname="Helvetica,Arial,sans-serif", fontsize=10]',
    '  edge [dir=none, color="#6b7280", fontname="Helvetica,Arial,sans-serif", fontsize=9]',
    (SELECT string_agg(format(
        '  "%s" [label=<<b><font point-size="11">%s</font></b>%s>, pos="%s,%s", height=%s, style="filled%s", fillcolor="%s", color="%s", fontcolor="%s"]',
        b.node, b.node, '<br/>' || nullif(b.label, ''), b.x, b.y, round(b.height / 72.0, 2),
        CASE WHEN NOT k.sharp THEN ',rounded' END, k.fill, k.border, k.ink), E'\n' ORDER BY b.place)
      FROM box b CROSS JOIN LATERAL iom_picture_look(b.kind) k),
    -- a straight piece of a curve is one whose inner points lie at its ends
    (SELECT string_agg(format('  "%s" -> "%s" [pos="%s"]', b.supervisor, b.node,
        format(CASE WHEN s.below IS NULL
            THEN '%4$s,%2$s %4$s,%2$s %4$s,%5$s %4$s,%5$s %4$s,%5$s %6$s,%5$s %6$s,%5$s'
          WHEN b.hangs
            THEN '%1$s,%2$s %1$s,%2$s %1$s,%3$s %1$s,%3$s %1$s,%3$s %4$s,%3$s %4$s,%3$s %4$s,%3$s %4$s,%5$s %4$s,%5$s %4$s,%5$s %6$s,%5$s %6$s,%5$s'
            ELSE '%1$s,%2$s %1$s,%2$s %1$s,%3$s %1$s,%3$s %1$s,%3$s %7$s,%3$s %7$s,%3$s %7$s,%3$s %7$s,%8$s %7$s,%8$s' END,
          s.x, -s.top - s.height, 15 - s.below, b.x - 65, b.y, b.x - 59, b.x, -b.top)), E'\n' ORDER BY b.place)
      FROM box b JOIN box s ON s.node = b.supervisor),
    -- the middle of the picture has the middles of many lines: a long one from a
    -- box that has no other is labelled where it begins
    (SELECT string_agg(format(
        '  "%s" -> "%s" [%s=<<table border="0" cellborder="0" cellpadding="1" bgcolor="#ffffffc0"><tr><td>%s</td></tr></table>>, style=dashed, constraint=false, color="#c2410c", fontcolor="#c2410c", penwidth=0.8]',
        d.supervisor, d.node, CASE WHEN d.far AND o.node IS NOT NULL THEN 'labeldistance=2.8, labelangle=0, taillabel' ELSE 'label' END,
        d.relation), E'\n' ORDER BY d.number)
      FROM dots d LEFT JOIN single o ON o.node = d.supervisor),
    '}');
END;
COMMENT ON FUNCTION iom_dot(iom_node, integer, boolean, date) IS 'the chart for Graphviz (dot -Tsvg): the subtree of root (null: all roots), down to max_depth levels below it (null: all), with the dotted lines between nodes of it on request';

CREATE FUNCTION iom_mermaid_box(id text, node iom_node, name text, sharp boolean, look text) RETURNS text
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT format(CASE WHEN $4 THEN '  %s["<b>%s</b>%s"]:::%s' ELSE '  %s("<b>%s</b>%s"):::%s' END,
    $1, $2, '<br/>' || nullif(iom_picture_text($3, '#'), ''), $5);
END;
COMMENT ON FUNCTION iom_mermaid_box(text, iom_node, text, boolean, text) IS 'what iom_mermaid writes for a node';

-- Mermaid orders what stands in one column so that few lines cross, and would
-- take subtrees apart for that, with solid lines behind the boxes of others: so
-- each subtree is a subgraph, which is kept together, and is not seen.  An only
-- report needs none, being all there is of its supervisor's; nor do those ten
-- levels down, where each would make the picture wider.  Roots without reports
-- are in rows of up to five, unless dotted lines tell where they should be.
CREATE FUNCTION iom_mermaid(
  root iom_node DEFAULT NULL, max_depth integer DEFAULT NULL,
  dotted boolean DEFAULT false, as_of date DEFAULT NULL
) RETURNS text
LANGUAGE SQL STABLE PARALLEL SAFE
BEGIN ATOMIC
  WITH drawn AS MATERIALIZED (
    -- codes have no small letters: these stand for what an ID cannot have
    SELECT t.place, t.node, t.supervisor, t.level, t.size, translate(t.node::text, '-.', 'hd') AS id, u.name, k.*,
      t.reports > 0 AND t.level - min(t.level) OVER () < 10 AND count(*) OVER siblings > 1 AS apart,
      $3 IS NOT TRUE AND t.supervisor IS NULL AND t.reports = 0 AS lone
    FROM iom_chart_tree($1, $2, $4) WITH ORDINALITY AS t (node, prefix, supervisor, level, reports, size, place)
    JOIN iom_unit u ON u.node = t.node
    CROSS JOIN LATERAL iom_picture_look(u.kind) k
    WINDOW siblings AS (PARTITION BY t.supervisor)
  ), box AS MATERIALIZED (
    SELECT d.*, COALESCE(e.ends, 0)::integer AS ends,
      (row_number() OVER (PARTITION BY d.lone ORDER BY d.place) - 1) / ((l.roots + l.rows - 1) / l.rows) AS in_row
    FROM drawn d
    CROSS JOIN (
      SELECT greatest(count(*), 1) AS roots, greatest((count(*) + 4) / 5, 1) AS rows FROM drawn o WHERE o.lone
    ) l
    LEFT JOIN (
      SELECT a.place + a.size - 1 AS place, count(*) AS ends FROM drawn a WHERE a.apart GROUP BY 1
    ) e ON e.place = d.place
  ), dots AS MATERIALIZED (
    -- Mermaid puts the second end of any line a rank below the first: from the
    -- upper level to the lower one, a dotted line moves nothing.  By a CASE, as in
    -- iom_dot
    SELECT format('  %s -.-%s %s', CASE WHEN s.level > n.level THEN n.id ELSE s.id END, '|"' || nullif(iom_picture_text(replace(l.relation, '_', ' '), '#'), '') || '"|',
        CASE WHEN s.level > n.level THEN s.id ELSE n.id END) AS line,
      row_number() OVER (ORDER BY n.place, s.place, l.relation) AS number
    FROM (
      SELECT DISTINCT l.node, l.supervisor, l.relation
      FROM iom_line l
      WHERE CASE WHEN $3 THEN l.line = 'dotted' AND l.valid @> iom_as_of($4) END
    ) l
    JOIN box n ON n.node = l.node
    JOIN box s ON s.node = l.supervisor
  )
  SELECT concat_ws(E'\n',
    '%%{init: {"flowchart": {"nodeSpacing": 12, "rankSpacing": 80}}}%%',
    'flowchart LR',
    -- within a row it is the other way: what has no lines is side by side; and the
    -- last row is drawn first
    (SELECT string_agg(r.lines, E'\n' ORDER BY r.in_row DESC)
      FROM (
        SELECT b.in_row, format(E'  subgraph r%s[" "]\n  direction TB\n%s\n  end', b.in_row, string_agg(n.line, E'\n' ORDER BY b.place)) AS lines
        FROM box b CROSS JOIN LATERAL iom_mermaid_box(b.id, b.node, b.name, b.sharp, b.look) AS n (line)
        WHERE b.lone
        GROUP BY b.in_row
      ) r),
    (SELECT string_agg(CASE WHEN b.apart THEN format(E'  subgraph s%s[" "]\n  direction LR\n', b.id) ELSE '' END
        || iom_mermaid_box(b.id, b.node, b.name, b.sharp, b.look) || repeat(E'\n  end', b.ends), E'\n' ORDER BY b.place)
      FROM box b
      WHERE NOT b.lone),
    (SELECT string_agg(format('  %s --- %s', s.id, b.id), E'\n' ORDER BY b.place)
      FROM box b JOIN box s ON s.node = b.supervisor),
    (SELECT string_agg(d.line, E'\n' ORDER BY d.number) FROM dots d),
    (SELECT string_agg(DISTINCT format('  classDef %s fill:%s,stroke:%s,color:%s', b.look, b.fill, b.border, b.ink), E'\n')
      FROM box b),
    (SELECT E'  classDef unseen fill:none,stroke:none\n  class ' || string_agg(g.id, ',' ORDER BY g.id COLLATE "C") || ' unseen'
      FROM (
        SELECT 's' || b.id AS id FROM box b WHERE b.apart
        UNION
        SELECT 'r' || b.in_row FROM box b WHERE b.lone
      ) g),
    -- lines are known by their number, the solid ones being first
    (SELECT '  linkStyle ' || string_agg((d.number - 1 + (SELECT count(*) FROM box b JOIN box s ON s.node = b.supervisor))::text, ',' ORDER BY d.number)
        || ' stroke:#c2410c'
      FROM dots d));
END;
COMMENT ON FUNCTION iom_mermaid(iom_node, integer, boolean, date) IS 'the chart for Mermaid, which GitHub and many wikis draw: the subtree of root (null: all roots), down to max_depth levels below it (null: all), with the dotted lines between nodes of it on request';

-- Chart order is the order in which the objects begin; what ends between a node
-- and the next is as many as it lies deeper, so no recursion is needed.
CREATE FUNCTION iom_json(
  root iom_node DEFAULT NULL, max_depth integer DEFAULT NULL,
  dotted boolean DEFAULT false, as_of date DEFAULT NULL
) RETURNS jsonb
LANGUAGE SQL STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT (CASE WHEN $1 IS NULL THEN '[' || COALESCE(string_agg(o.piece, '' ORDER BY o.place), '') || ']'
    ELSE string_agg(o.piece, '' ORDER BY o.place) END)::jsonb
  FROM (
    SELECT t.place,
      rtrim(json_build_object(
        'code', t.node::text, 'name', u.name, 'kind', u.kind, 'head_title', u.head_title, 'level', t.level,
        'relation', (SELECT l.relation FROM iom_line l WHERE l.node = t.node AND l.line = 'solid' AND l.valid @> iom_as_of($4)))::text, '}')
      || CASE WHEN $3 THEN ', "dotted": ' || COALESCE((
          SELECT json_agg(json_build_object('supervisor', l.supervisor::text, 'relation', l.relation) ORDER BY l.relation, l.supervisor)
          FROM (
            SELECT DISTINCT l.supervisor, l.relation
            FROM iom_line l WHERE l.node = t.node AND l.line = 'dotted' AND l.valid @> iom_as_of($4)
          ) l)::text, '[]') ELSE '' END
      || ', "children": ['
      || repeat(']}', t.level + 1 - COALESCE(lead(t.level) OVER chart, min(t.level) OVER ()))
      || CASE WHEN lead(t.level) OVER chart <= t.level THEN ',' ELSE '' END AS piece
    FROM iom_chart_tree($1, $2, $4) WITH ORDINALITY AS t (node, prefix, supervisor, level, reports, size, place)
    JOIN iom_unit u ON u.node = t.node
    WINDOW chart AS (ORDER BY t.place)
  ) o;
END;
COMMENT ON FUNCTION iom_json(iom_node, integer, boolean, date) IS 'the chart as nested objects with code, name, kind, head_title, level, relation (to the supervisor) and children, on request also dotted: one object for a root, null if it is unknown; an array of all roots for a null root; down to max_depth levels below it (null: all)';

----------------------------------------------------------------------------
-- import: an organisation out of any query
----------------------------------------------------------------------------

CREATE FUNCTION iom_import(
  query text, replace boolean DEFAULT true, effective date DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION iom_import(text, boolean, date) IS 'makes the organisation out of a query that returns code, name, supervisor (null or empty: a root) and, if wanted, kind, position, head_title, mandate, valid (a daterange): in the place of all units, lines and appointments on all days; with an effective day, as it is from that day on: units that no row has are closed, others opened, moved and changed, and dotted lines, appointments, plans for later and all that was before stay; with replace => false, beside what is there; writes only what differs; all or nothing: iom_import_problems lists what is wrong; returns the number of units in the query';

CREATE FUNCTION iom_import_problems(
  query text, replace boolean DEFAULT true, effective date DEFAULT NULL,
  OUT code text, OUT problem text, OUT detail text
) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10;
COMMENT ON FUNCTION iom_import_problems(text, boolean, date) IS 'what keeps iom_import, with the same arguments, from taking this query, in the order of its rows; no rows if nothing does (but for rows of other tables that refer to units that go, cycles with what is planned for later days, and lines that differ in being solid or dotted only)';

----------------------------------------------------------------------------
-- find: search
----------------------------------------------------------------------------

CREATE FUNCTION iom_word_similarity(query text, value text) RETURNS real
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION iom_word_similarity(text, text) IS 'word_similarity of extension pg_trgm, wherever that is; null if it is not installed';

-- Words as they are, for codes, names, other languages and beginnings; and
-- English ones by their stem.  Immutable, so that it can be indexed.  English
-- letters are folded first: a Turkish locale would make another letter of I.  A
-- tsvector has room for a megabyte of words.
CREATE FUNCTION iom_find_document(node iom_node, name text, mandate text) RETURNS tsvector
LANGUAGE SQL IMMUTABLE PARALLEL SAFE COST 100
BEGIN ATOMIC
  SELECT setweight(to_tsvector('pg_catalog.simple', lower(($1::text || ' ' || translate($1::text, '-._', '   ')) COLLATE "C")), 'A')
    || setweight(to_tsvector('pg_catalog.simple', lower(left($2, 20000) COLLATE "C")), 'B')
    || setweight(to_tsvector('pg_catalog.english', lower(left($2, 20000) COLLATE "C")), 'B')
    || to_tsvector('pg_catalog.english', lower(left(COALESCE($3, ''), 60000) COLLATE "C"));
END;
COMMENT ON FUNCTION iom_find_document(iom_node, text, text) IS 'what iom_find searches of a unit, of its mandate the first 60,000 characters; a GIN index on it makes that fast where units are many';

-- What is asked for: every word as a beginning or as an English stem, but for
-- the stop words, unless there is nothing else.
CREATE FUNCTION iom_find_query(query text, operator text) RETURNS tsquery
LANGUAGE SQL IMMUTABLE PARALLEL SAFE COST 100
BEGIN ATOMIC
  SELECT string_agg(format(CASE WHEN t.stem IS NULL THEN '%s:*' ELSE '(%s:*|%s)' END, w.quoted, t.stem), $2)::tsquery
  FROM (
    SELECT l.lexeme, '''' || replace(replace(l.lexeme, E'\\', E'\\\\'), '''', '''''') || '''' AS quoted,
      ts_lexize('pg_catalog.english_stem', l.lexeme) AS stems,
      bool_and(ts_lexize('pg_catalog.english_stem', l.lexeme) = '{}') OVER () AS only_stop_words
    FROM unnest(to_tsvector('pg_catalog.simple', lower($1 COLLATE "C"))) AS l
  ) w
  CROSS JOIN LATERAL (
    SELECT '''' || replace(replace(w.stems[1], E'\\', E'\\\\'), '''', '''''') || ''''
  ) AS t (stem)
  WHERE w.stems IS DISTINCT FROM '{}' OR w.only_stop_words;
END;
COMMENT ON FUNCTION iom_find_query(text, text) IS 'what iom_find asks for: the words of the query, each as a beginning or as an English stem, joined by & or |';

CREATE FUNCTION iom_find(
  query text, as_of date DEFAULT NULL,
  OUT node iom_node, OUT name text, OUT score real
) RETURNS SETOF record
LANGUAGE SQL STABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
  WITH asked AS MATERIALIZED (
    SELECT btrim($1) AS words, iom_find_query($1, '&') AS every_word, iom_find_query($1, '|') AS some_word
  ), exact AS MATERIALIZED (
    SELECT u.node, u.name, 1::real AS score
    FROM asked a JOIN iom_unit u ON u.node::text = upper(a.words COLLATE "C") COLLATE "default"
    WHERE u.valid @> iom_as_of($2)
  ), found AS MATERIALIZED (
    SELECT e.* FROM exact e
    UNION ALL
    SELECT u.node, u.name, CASE WHEN lower(lower(u.name COLLATE "C") COLLATE "default") = lower(lower(a.words COLLATE "C") COLLATE "default") THEN 0.99
      ELSE (0.5 + 0.5 * ts_rank(iom_find_document(u.node, u.name, u.mandate), a.every_word, 32))::real END
    FROM asked a JOIN iom_unit u ON iom_find_document(u.node, u.name, u.mandate) @@ a.every_word
    WHERE u.valid @> iom_as_of($2) AND NOT EXISTS (SELECT FROM exact e WHERE e.node = u.node)
  ), near AS (
    -- only if that is nothing: parts of names, some of the words, similar ones
    SELECT u.node, u.name, (0.5 * greatest(
      CASE WHEN strpos(lower(lower((u.node::text || ' ' || u.name) COLLATE "C") COLLATE "default"),
        lower(lower(a.words COLLATE "C") COLLATE "default")) > 0 THEN 0.9 END,
      CASE WHEN iom_find_document(u.node, u.name, u.mandate) @@ a.some_word
        THEN greatest(ts_rank(iom_find_document(u.node, u.name, u.mandate), a.some_word, 32), 0.02) END,
      CASE WHEN s.similarity >= 0.4 THEN s.similarity END))::real AS score
    FROM asked a
    JOIN iom_unit u ON u.valid @> iom_as_of($2)
    CROSS JOIN LATERAL (
      SELECT greatest(iom_word_similarity(a.words, u.name), iom_word_similarity(a.words, u.node::text),
        0.8 * iom_word_similarity(a.words, u.mandate)) AS similarity
    ) s
    WHERE a.words <> '' AND NOT EXISTS (SELECT FROM found)
  )
  SELECT f.* FROM found f
  UNION ALL
  SELECT n.* FROM near n WHERE n.score IS NOT NULL
  ORDER BY 3 DESC, 1;
END;
COMMENT ON FUNCTION iom_find(text, date) IS 'nodes by code, name and mandate, the best first: score 1 for the very code, 0.99 for the very name, from 0.5 where every word is found (as a beginning, or in another English form), less where only some of it is, or similar words if pg_trgm is installed';

----------------------------------------------------------------------------
-- Nothing of others', to the end
----------------------------------------------------------------------------

SELECT iom_refuse_foreign();
DROP FUNCTION iom_refuse_foreign();
