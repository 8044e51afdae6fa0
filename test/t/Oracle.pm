# A slow, obviously right twin of the hierarchy's functions:
#
#   create_check_org($node, 'postgres');
#   $node->safe_psql('postgres', 'SELECT check_org()');
#
# says 'ok', or the nodes of which the functions say other than the tables, both
# seen by the snapshot of the query. (The isolation specs define the same.) It
# may be given a day; else it is that of iomorg.as_of, or today.
#
#   create_check_sound($node, 'postgres');
#   $node->safe_psql('postgres', 'SELECT check_sound()');
#
# says 'ok', or what should never have got past the guards, on any day.
package Oracle;

use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(create_check_org create_check_sound);

sub create_check_org
{
	my ($node, $database) = @_;

	$node->safe_psql($database, <<'SQL');
CREATE FUNCTION check_org(as_of date DEFAULT NULL) RETURNS text STABLE PARALLEL SAFE LANGUAGE SQL AS $$
  WITH RECURSIVE today AS (
    SELECT coalesce(as_of, nullif(current_setting('iomorg.as_of', true), '')::date, current_date) AS day
  ), solid AS (
    SELECT node, supervisor FROM iom_line, today
    WHERE line = 'solid' AND valid @> day
  ), truth AS (
    SELECT u.node, NULL::iom_node AS supervisor, ARRAY[u.node] AS path,
           ARRAY[to_char(u.position, 'FM0000000000') || u.node::text] AS place
    FROM iom_unit u, today
    WHERE u.valid @> day
      AND NOT EXISTS (SELECT FROM solid s WHERE s.node = u.node)
    UNION ALL
    SELECT s.node, s.supervisor, t.path || s.node,
           t.place || (to_char(u.position, 'FM0000000000') || u.node::text)
    FROM truth t JOIN solid s ON s.supervisor = t.node
    JOIN iom_unit u ON u.node = s.node
    WHERE s.node <> ALL (t.path)	-- checks may be deferred
  ), ranked AS (
    SELECT *, row_number() OVER (ORDER BY place COLLATE "C") AS rank
    FROM truth
  ), chart AS (
    SELECT s.node FROM iom_roots(as_of) r, iom_subtree(r.node, NULL, as_of) s
  )
  SELECT coalesce(string_agg(coalesce(t.node, c.node)::text, ' '), 'ok')
  FROM ranked t FULL JOIN chart c ON c.node = t.node
  WHERE (t.node, t.supervisor, cardinality(t.path),
         array_to_string(t.path, '/'), t.rank,
         (SELECT count(*) FROM truth b WHERE t.node = ANY (b.path)))
    IS DISTINCT FROM
        (c.node, iom_supervisor(c.node, as_of), iom_level(c.node, as_of),
         iom_path(c.node, '/', as_of), iom_rank(c.node, as_of),
         CASE WHEN as_of IS NULL	-- operators know the day from the setting
              THEN (SELECT count(*) FROM truth b WHERE b.node <@ c.node)
              ELSE iom_size(c.node, as_of) END)
    OR iom_size(c.node, as_of) <> (SELECT count(*) FROM iom_subtree(c.node, NULL, as_of));
$$;
SQL
}

sub create_check_sound
{
	my ($node, $database) = @_;

	$node->safe_psql($database, <<'SQL');
CREATE FUNCTION check_sound() RETURNS text STABLE LANGUAGE SQL AS $$
  WITH RECURSIVE solid AS (
    SELECT node, supervisor, valid FROM iom_line WHERE line = 'solid'
  ), day AS (	-- what is true on these is true on all days
    SELECT lower(valid) AS day FROM solid WHERE NOT lower_inf(valid)
    UNION SELECT upper(valid) FROM solid WHERE NOT upper_inf(valid)
    UNION SELECT unnest('{-infinity,4714-11-24 BC,5874897-12-31,infinity}'::date[])
  ), up AS (
    SELECT d.day, s.node, s.supervisor AS ancestor
    FROM day d JOIN solid s ON s.valid @> d.day
    UNION	-- ends in a cycle too
    SELECT up.day, up.node, s.supervisor
    FROM up JOIN solid s ON s.node = up.ancestor AND s.valid @> up.day
  ), fault AS (
    SELECT format('cycle of %s on %s', node, day) AS fault FROM up WHERE node = ancestor
    UNION ALL
    SELECT format('two lines of %s, to %s and %s', a.node, a.supervisor, b.supervisor)
    FROM iom_line a JOIN iom_line b ON a.node = b.node AND a.valid && b.valid AND a.ctid < b.ctid
    WHERE a.line = 'solid' AND b.line = 'solid'
    UNION ALL
    SELECT format('line from %s to %s on %s, outside of %s', l.node, l.supervisor, l.valid, e.node)
    FROM iom_line l CROSS JOIN LATERAL (VALUES (l.node), (l.supervisor)) e (node)
    LEFT JOIN iom_unit u ON u.node = e.node
    WHERE (u.valid @> l.valid) IS NOT TRUE
    UNION ALL
    SELECT format('%s rows in iom_revision', count(*)) FROM iom_revision HAVING count(*) <> 1
  )
  SELECT coalesce(string_agg(fault, E'\n'), 'ok') FROM fault;
$$;
SQL
}

1;
