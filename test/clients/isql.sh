#!/usr/bin/env bash
# isql, unixODBC's own client: one statement a line, everything as text, and
# prepared statements by way of SQL.
set -euo pipefail

source="DRIVER=PostgreSQL Unicode;SERVERNAME=$PGHOST;PORT=$PGPORT;DATABASE=$PGDATABASE;UID=$PGUSER;UseServerSidePrepare=0"
iom_isql() { isql -v -b -d' ' -k "$source" 2>&1; }

# What it prints, up to and with a line that begins so.
print_to() {
	local line

	while IFS= read -r line; do
		[ -z "$line" ] || printf '%s\n' "$line"
		[[ $line != "$1"* ]] || return 0
	done
	return 1
}

coproc session { iom_isql; }
exec 3<&"${session[0]}" 4>&"${session[1]}"	# what a pipeline sees, too
cat >&4 <<'SQL'
SELECT 'supervisor of oss-mac:', iom_supervisor('oss-mac')
SELECT 'supervisor of DG:', coalesce(iom_supervisor('DG')::text, 'null')
INSERT INTO staff VALUES (1, 'doe', '{DLA,oss-mac}'), (2, 'OSS-MAC', '{}'), (3, 'GDI', NULL)
SELECT 'staff', id || ':', unit || ', knows ' || coalesce(nullif(array_to_string(knows, ' '), ''), CASE WHEN knows IS NULL THEN 'null' ELSE 'nobody' END) FROM staff ORDER BY id
PREPARE among (iom_node[]) AS SELECT 'staff in DOE or GDI:', count(*) FROM staff WHERE unit = ANY ($1)
EXECUTE among ('{DOE,GDI}')
SELECT 'below OSS: ' || string_agg(node::text, ' ') FROM iom_subtree('OSS')
SELECT 'chain of OSS-MAC: ' || string_agg(node::text, ' ') FROM iom_supervisors('OSS-MAC')
SELECT 'chart:', node, 'level', level, 'leaf', is_leaf::text, path FROM iom_org WHERE node = 'DLA'
PREPARE within (iom_node, text) AS SELECT 'within DDGMR' || $2 || ':', count(*) FROM staff WHERE unit <@ $1
PREPARE path (iom_node) AS SELECT 'path of OSS-MAC:', iom_path($1)
EXECUTE within ('DDGMR', '')
SQL
print_to 'within DDGMR:' <&3
iom_isql <<<"UPDATE iom_line SET supervisor = 'COS' WHERE node = 'OSS' AND line = 'solid'"
cat >&4 <<'SQL'
EXECUTE within ('DDGMR', ' after a move by another session')
EXECUTE path ('OSS-MAC')
BEGIN
UPDATE iom_line SET supervisor = 'DDGMR' WHERE node = 'OSS' AND line = 'solid'
EXECUTE within ('DDGMR', ' after a move by this session')
ROLLBACK
EXECUTE within ('DDGMR', ' after its rollback')
SELECT iom_supervisor('NO GOOD')
UPDATE iom_line SET supervisor = 'OSS-MAC' WHERE node = 'COS' AND line = 'solid'
INSERT INTO staff VALUES (4, 'NOSUCH')
SELECT 'still connected:', iom_root('DLA')
SQL
# Errors have the SQLSTATE in brackets, and the detail on a line of its own.
print_to 'still connected:' <&3 |
	sed -n -e 's/^\[22P02\]ERROR: /bad code: 22P02 /p' \
		-e 's/^\[23514\]ERROR: /cycle: 23514 /p' \
		-e 's/^\[23503\]ERROR: /no such unit: 23503 /p' \
		-e '/^within\|^path\|^still/p' |
	sed 's/;$//'
