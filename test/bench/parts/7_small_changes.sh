# shellcheck shell=bash disable=SC2034,SC2154  # shared with lib.sh and run.sh
# A transaction that alternates single changes and questions: what one change
# and one question cost, by the size of the organisation.

echo
echo '| change and question, each in turn in one transaction | units | iomorg, ms | recursive, ms | ratio |'
echo '|---|---|---|---|---|'
for units in $small_change_sizes; do
	database=org_$units
	[[ " $sizes " == *" $units "* ]] || build "$database" "$units"
	say "$units units: small changes"
	fact["node"]=$(bench_psql -c "SELECT supervisor FROM adjacency GROUP BY 1 HAVING count(*) > 1 AND supervisor IS NOT NULL
		ORDER BY hashint8(supervisor::bigint) LIMIT 1")
	setup="CREATE FUNCTION pg_temp.alternate(statement text) RETURNS void LANGUAGE plpgsql AS \$\$
		DECLARE leaf iom_node; changes CONSTANT integer := 20;
		BEGIN
		  FOR leaf IN SELECT a.node FROM adjacency a WHERE a.supervisor IS NOT NULL
		    AND NOT EXISTS (SELECT FROM adjacency b WHERE b.supervisor = a.node) ORDER BY a.node LIMIT changes
		  LOOP
		    IF statement = 'iomorg' THEN
		      UPDATE iom_line SET supervisor = {node} WHERE node = leaf;
		      PERFORM iom_level(leaf);
		    ELSE
		      UPDATE adjacency SET supervisor = {node} WHERE node = leaf;
		      PERFORM count(*) FROM (WITH RECURSIVE up AS (SELECT supervisor FROM adjacency WHERE node = leaf
		        UNION ALL SELECT a.supervisor FROM up JOIN adjacency a ON a.node = up.supervisor) SELECT FROM up) u;
		    END IF;
		  END LOOP;
		END \$\$;"
	setup=$(fill "$setup")
	before='BEGIN;' after='ROLLBACK;'
	take_statements iomorg="SELECT pg_temp.alternate('iomorg')" recursive="SELECT pg_temp.alternate('recursive')"
	measure_in_turn iomorg recursive
	setup='' before='' after=''
	awk -v u="$units" -v a="${median_of[iomorg]}" -v b="${median_of[recursive]}" \
		'BEGIN { printf "| | %d | %.3f | %.3f | %.1f |\n", u, a / 20, b / 20, a / b }'
done
