-- The extension, and what organisations that are made up have in common.
CREATE EXTENSION iomorg;

-- From 0 to 1, as if at random.
CREATE FUNCTION chance(i bigint, what integer) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(i, what) & 1073741823) / 1073741824.0::double precision;

-- The code of the i-th unit, of 1,000,000 at most: in no order of theirs.
CREATE FUNCTION code_of(i bigint) RETURNS iom_node
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ('U' || i * 611953 % 1000003)::iom_node;
