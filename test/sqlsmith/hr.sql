-- What sqlsmith plays with: the organisation of the seed, dated, with HR tables of
-- every kind around it. Run by a superuser in an empty database.
\set ON_ERROR_STOP 1

CREATE ROLE smith_owner LOGIN;	-- of the extension and the tables
CREATE ROLE smith_clerk LOGIN;	-- reads and writes HR tables, by policies

SELECT current_database() AS database \gset
ALTER DATABASE :"database" OWNER TO smith_owner;
ALTER SCHEMA public OWNER TO smith_owner;
CREATE SCHEMA smith AUTHORIZATION smith_owner;
GRANT USAGE ON SCHEMA smith TO PUBLIC;

SET SESSION AUTHORIZATION smith_owner;
CREATE EXTENSION iomorg;
SELECT iom_move('DOE', 'DDGMR', '2024-07-01'), iom_move('GDI', 'DLA', current_date + 1), iom_close('OSS-MAC', current_date),
  iom_add('NEW', 'A new unit', 'DLA', effective => '2025-01-01'), iom_relate('NEW', 'DOE', 'assists', '2025-02-01');

CREATE TABLE staff (
  id int PRIMARY KEY,
  name text NOT NULL,
  unit iom_node REFERENCES iom_unit,
  salary numeric,
  bonus double precision,
  grade smallint,
  tenure int,
  since date,
  manager int REFERENCES staff
);
INSERT INTO staff
SELECT i, 'Employee ' || i, u.node, CASE WHEN i % 7 > 0 THEN 30000 + i * 1.5 END, i / 3.0, i % 12, i % 40, date '2000-01-01' + i, nullif(i / 10, 0)
FROM generate_series(1, 150) i
JOIN (SELECT node, row_number() OVER (ORDER BY node) AS place, count(*) OVER () AS all_of_them FROM iom_unit) u ON u.place = 1 + i % u.all_of_them;
CREATE INDEX ON staff (unit);
CREATE INDEX ON staff (unit, since) INCLUDE (grade);
CREATE INDEX ON staff (iom_node(unit::text)) WHERE grade > 3;

CREATE TABLE leave (id bigint, unit iom_node NOT NULL, days int, at timestamptz) PARTITION BY RANGE (unit);
CREATE TABLE leave_a PARTITION OF leave FOR VALUES FROM (MINVALUE) TO ('DLA');
CREATE TABLE leave_b PARTITION OF leave FOR VALUES FROM ('DLA') TO ('OIG');
CREATE TABLE leave_c PARTITION OF leave FOR VALUES FROM ('OIG') TO (MAXVALUE);
INSERT INTO leave SELECT s.id, s.unit, s.id % 30, now() - s.id * interval '1 day' FROM staff s;
CREATE INDEX ON leave (unit);

CREATE TABLE payroll (unit iom_node, month date, amount bigint) PARTITION BY HASH (unit);
CREATE TABLE payroll_0 PARTITION OF payroll FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE payroll_1 PARTITION OF payroll FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO payroll SELECT s.unit, date '2024-01-01' + s.id, s.id * 10 FROM staff s;
INSERT INTO payroll VALUES (NULL, '2024-01-01', 1), ('UNKNOWN', NULL, 2);
CREATE INDEX ON payroll USING hash (unit);

CREATE TABLE post (code iom_node PRIMARY KEY, region text, holder int REFERENCES staff ON DELETE SET NULL) PARTITION BY LIST (code);
CREATE TABLE post_some PARTITION OF post FOR VALUES IN ('DG', 'DDGO', 'DDGMR');
CREATE TABLE post_rest PARTITION OF post DEFAULT;
INSERT INTO post SELECT node, kind, row_number() OVER (ORDER BY node) FROM iom_unit;

CREATE TABLE event (id int, units iom_node[], pair iom_node, flag boolean, note jsonb);
CREATE INDEX ON event USING brin (pair);
CREATE INDEX ON event USING gin (units);
INSERT INTO event SELECT s.id, ARRAY[s.unit, 'DLA', NULL], s.unit, s.id % 2 = 0, to_jsonb(s) FROM staff s WHERE s.id < 60;

-- sqlsmith calls no function that returns a set: views and arrays of them
CREATE VIEW chart AS SELECT s.*, iom_path(s.node) AS path FROM iom_subtree('DG') s;
CREATE VIEW total AS SELECT r.* FROM (SELECT iom_rollup(unit, salary) AS t FROM staff) x, iom_unnest(x.t) r;
CREATE VIEW bonus AS SELECT r.* FROM (SELECT iom_rollup(unit, bonus) AS t FROM staff) x, iom_unnest(x.t) r;
CREATE VIEW kept_total AS SELECT grade, iom_rollup(unit, tenure) AS totals, iom_rollup(unit, bonus) AS floats FROM staff GROUP BY grade;
CREATE VIEW manager AS SELECT s.id, m.unit FROM staff s JOIN staff m ON s.unit <@ m.unit AND s.id <> m.id;
CREATE VIEW wide WITH (security_barrier) AS SELECT s.id, x.node FROM staff s, LATERAL iom_supervisors(s.unit) x;
CREATE VIEW relation AS SELECT r.*, d.change FROM iom_relations() r LEFT JOIN iom_diff('2020-01-01', '2030-01-01') d ON d.node = r.node;
CREATE VIEW legal AS SELECT id, unit, salary FROM staff WHERE unit <@ 'DDGMR';
CREATE FUNCTION smith.subtree(iom_node, int, date) RETURNS iom_node[] STABLE PARALLEL SAFE LANGUAGE SQL AS 'SELECT ARRAY(SELECT public.iom_subtree($1, $2, $3))';
CREATE FUNCTION smith.reports(iom_node, text, date) RETURNS iom_node[] STABLE PARALLEL SAFE LANGUAGE SQL AS 'SELECT ARRAY(SELECT public.iom_reports($1, $2, $3))';
CREATE FUNCTION smith.supervisors(iom_node, date) RETURNS iom_node[] STABLE PARALLEL SAFE LANGUAGE SQL AS 'SELECT ARRAY(SELECT public.iom_supervisors($1, $2))';
CREATE FUNCTION smith.peers(iom_node, date) RETURNS iom_node[] STABLE PARALLEL SAFE LANGUAGE SQL AS 'SELECT ARRAY(SELECT public.iom_peers($1, $2))';
CREATE FUNCTION smith.matrix(iom_node, text[], int, date) RETURNS bigint STABLE LANGUAGE SQL AS 'SELECT count(*) FROM public.iom_matrix($1, $2, $3, $4)';
CREATE FUNCTION smith.diff(date, date) RETURNS bigint STABLE LANGUAGE SQL AS 'SELECT count(*) FROM public.iom_diff($1, $2)';
CREATE FUNCTION smith.tree(iom_node, int, boolean, date) RETURNS text STABLE LANGUAGE SQL AS $$SELECT string_agg(t, E'\n') FROM public.iom_tree($1, $2, $3, $4) t$$;
CREATE FUNCTION smith.find(text, date) RETURNS iom_node STABLE LANGUAGE SQL AS 'SELECT node FROM public.iom_find($1, $2) LIMIT 1';
CREATE FUNCTION smith.faults() RETURNS bigint STABLE LANGUAGE SQL AS 'SELECT count(*) FROM public.iom_check()';
CREATE FUNCTION smith.charts() RETURNS bigint VOLATILE LANGUAGE SQL AS 'SELECT sum(bytes) FROM public.iom_charts()';
CREATE FUNCTION smith.unnest(iom_totals, date) RETURNS numeric STABLE LANGUAGE SQL AS 'SELECT sum(u.sum) FROM public.iom_unnest($1, $2) u';
CREATE FUNCTION smith.unnest(iom_float_totals, date) RETURNS float8 STABLE LANGUAGE SQL AS 'SELECT sum(u.sum) FROM public.iom_unnest($1, $2) u';
CREATE FUNCTION smith.unit(int) RETURNS iom_node STABLE LANGUAGE SQL AS
  'SELECT node FROM public.iom_unit ORDER BY node OFFSET $1 % 45 LIMIT 1';
CREATE FUNCTION smith.day(int) RETURNS date STABLE LANGUAGE SQL AS
  $$SELECT CASE $1 WHEN 1 THEN date '-infinity' WHEN 2 THEN 'infinity' WHEN 3 THEN '4714-11-24 BC' WHEN 4 THEN '5874897-12-31' WHEN 5 THEN '2024-07-01' ELSE current_date + $1 - 50 END$$;

-- a user's trigger that asks and changes in the middle of statements
CREATE FUNCTION smith.follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.unit <@ 'DLA' AND NEW.id % 3 = 0 THEN
    UPDATE public.iom_unit SET position = position + 1 WHERE node = NEW.unit;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER follow AFTER INSERT OR UPDATE ON staff FOR EACH ROW EXECUTE FUNCTION smith.follow();

ALTER TABLE staff ENABLE ROW LEVEL SECURITY;
ALTER TABLE leave ENABLE ROW LEVEL SECURITY;
CREATE POLICY subtree ON staff TO smith_clerk USING (unit <@ 'DDGMR' OR unit @> 'OIG');
CREATE POLICY new_rows ON staff FOR INSERT TO smith_clerk WITH CHECK (iom_level(unit) > 1);
CREATE POLICY subtree ON leave TO smith_clerk USING (unit <@ (SELECT p.code FROM post p WHERE p.holder = 3));
GRANT SELECT, INSERT, UPDATE, DELETE ON staff, leave, payroll, post, event, leave_b, payroll_1 TO smith_clerk;
GRANT SELECT ON chart, total, bonus, kept_total, manager, wide, relation, legal TO smith_clerk;

RESET SESSION AUTHORIZATION;
ANALYZE;
