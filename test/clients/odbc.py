"""ODBC with bound parameters, as reporting tools use it; through pyodbc.

Nothing needs to be set up: a node is a string, and so is an array of nodes, in
PostgreSQL's own notation."""

import os

import pyodbc

source = "DRIVER=PostgreSQL Unicode;SERVERNAME={PGHOST};PORT={PGPORT};DATABASE={PGDATABASE};UID={PGUSER};UseServerSidePrepare=1"
source = source.format_map(os.environ)
connection = pyodbc.connect(source, autocommit=True)
cursor = connection.cursor()
MOVE = "UPDATE iom_line SET supervisor = ? WHERE node = ? AND line = 'solid'"


def rows(query, *arguments):
    return cursor.execute(query, arguments).fetchall()


def value(query, *arguments):
    return rows(query, *arguments)[0][0]


def column(query, *arguments):
    return " ".join(row[0] for row in rows(query, *arguments))


def names(nodes):
    return "null" if nodes is None else nodes.strip("{}").replace(",", " ") or "nobody"


def error(name, query, *arguments):
    try:
        cursor.execute(query, arguments)
    except pyodbc.Error as e:
        state, text = e.args
        message, detail = text.split("ERROR: ")[1].split(";")[0].split("\nDETAIL: ")
        print(f"{name}: {state} {message}")


print("supervisor of oss-mac:", value("SELECT iom_supervisor(?)", "oss-mac"))
print("supervisor of DG:", value("SELECT iom_supervisor(?)", "DG") or "null")
cursor.executemany(
    "INSERT INTO staff VALUES (?, ?, ?)",
    [(1, "doe", "{DLA,oss-mac}"), (2, "OSS-MAC", "{}"), (3, "GDI", None)],
)
for id, unit, knows in rows("SELECT * FROM staff ORDER BY id"):
    print(f"staff {id}: {unit}, knows {names(knows)}")
print("staff in DOE or GDI:", value("SELECT count(*) FROM staff WHERE unit = ANY (?)", "{DOE,GDI}"))
print("below OSS:", column("SELECT node FROM iom_subtree(?)", "OSS"))
print("chain of OSS-MAC:", column("SELECT node FROM iom_supervisors(?)", "OSS-MAC"))
for code, level, leaf, path in rows(
    "SELECT code, level, is_leaf, path FROM iom_org WHERE node = ?", "DLA"
):
    print(f"chart: {code} level {level + 0} leaf {'true' if leaf == '1' else 'false'} {path}")

# A cursor keeps its last statement prepared.
asking = connection.cursor()


def within():
    return asking.execute("SELECT count(*) FROM staff WHERE unit <@ ?", "DDGMR").fetchval()


within()
print("within DDGMR:", within())
other = pyodbc.connect(source, autocommit=True)
other.execute(MOVE, "COS", "OSS")
print("within DDGMR after a move by another session:", within())
print("path of OSS-MAC:", value("SELECT iom_path(?)", "OSS-MAC"))
connection.autocommit = False
cursor.execute(MOVE, "DDGMR", "OSS")
print("within DDGMR after a move by this session:", within())
connection.rollback()
connection.autocommit = True
print("within DDGMR after its rollback:", within())
assert value("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%unit <@ $1'") == 1

error("bad code", "SELECT iom_supervisor(?)", "NO GOOD")
error("cycle", MOVE, "OSS-MAC", "COS")
error("no such unit", "INSERT INTO staff VALUES (4, ?)", "NOSUCH")
print("still connected:", value("SELECT iom_root(?)", "DLA"))
