# A slow, obviously right twin of the hierarchy's functions:
#
#   create_check_org($node, 'postgres');
#   $node->safe_psql('postgres', 'SELECT check_org()');
#
# says 'ok', or the nodes of which the functions say other than the tables, both
# seen by the snapshot of the query. (The isolation specs define the same.)
package Oracle;

use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(create_check_org);

sub create_check_org
{
	my ($node, $database) = @_;

	$node->safe_psql($database, <<'SQL');
CREATE FUNCTION check_org() RETURNS text STABLE LANGUAGE SQL AS $$
  WITH RECURSIVE solid AS (
    SELECT node, supervisor FROM iom_line
    WHERE line = 'solid' AND valid @> current_date
  ), truth AS (
    SELECT u.node, NULL::iom_node AS supervisor, ARRAY[u.node] AS path,
           ARRAY[to_char(u.position, 'FM0000000000') || u.node::text] AS place
    FROM iom_unit u
    WHERE u.valid @> current_date
      AND NOT EXISTS (SELECT FROM solid s WHERE s.node = u.node)
    UNION ALL
    SELECT s.node, s.supervisor, t.path || s.node,
           t.place || (to_char(u.position, 'FM0000000000') || u.node::text)
    FROM truth t JOIN solid s ON s.supervisor = t.node
    JOIN iom_unit u ON u.node = s.node
  ), ranked AS (
    SELECT *, row_number() OVER (ORDER BY place COLLATE "C") AS rank
    FROM truth
  ), chart AS (
    SELECT s.node FROM iom_roots() r, iom_subtree(r.node) s
  )
  SELECT coalesce(string_agg(coalesce(t.node, c.node)::text, ' '), 'ok')
  FROM ranked t FULL JOIN chart c ON c.node = t.node
  WHERE (t.node, t.supervisor, cardinality(t.path),
         array_to_string(t.path, '/'), t.rank,
         (SELECT count(*) FROM truth b WHERE t.node = ANY (b.path)))
    IS DISTINCT FROM
        (c.node, iom_supervisor(c.node), iom_level(c.node),
         iom_path(c.node), iom_rank(c.node),
         (SELECT count(*) FROM truth b WHERE b.node <@ c.node))
    OR iom_size(c.node) <> (SELECT count(*) FROM iom_subtree(c.node));
$$;
SQL
}

1;
