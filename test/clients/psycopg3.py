"""psycopg 3: parameters in text (%s, %t) and in binary (%b), results in both.

The first lines are what the README gives: nodes and arrays of them are strings
and lists of strings then, whichever format they travel in."""

import sys

import psycopg
from psycopg.types import TypeInfo
from psycopg.types.string import StrBinaryDumper, StrDumper, TextBinaryLoader, TextLoader


class Node(str):
    pass


def register_nodes(connection):
    info = TypeInfo.fetch(connection, "iom_node")
    info.register(connection)
    adapters = connection.adapters
    for loader in TextLoader, TextBinaryLoader:
        adapters.register_loader("iom_node", loader)
    for dumper in StrDumper, StrBinaryDumper:
        adapters.register_dumper(Node, type("", (dumper,), {"oid": info.oid}))


binary = sys.argv[1] == "binary"
marker = "%b" if binary else "%t"
connection = psycopg.connect(autocommit=True, prepare_threshold=2)
register_nodes(connection)
cursor = connection.cursor(binary=binary)


def rows(query, *arguments):
    return cursor.execute(query.replace("?", marker), arguments).fetchall()


def value(query, *arguments):
    return rows(query, *arguments)[0][0]


def column(query, *arguments):
    return " ".join(row[0] for row in rows(query, *arguments))


def null(text):
    return "null" if text is None else text


def names(nodes):
    return "null" if nodes is None else " ".join(nodes) or "nobody"


def error(name, query, *arguments):
    try:
        cursor.execute(query.replace("?", marker), arguments)
    except psycopg.Error as e:
        assert e.diag.message_detail, "no detail"
        print(f"{name}: {e.sqlstate} {e.diag.message_primary}")


print("supervisor of oss-mac:", value("SELECT iom_supervisor(?)", Node("oss-mac")))
print("supervisor of DG:", null(value("SELECT iom_supervisor(?)", Node("DG"))))

cursor.executemany(
    "INSERT INTO staff VALUES (?, ?, ?)".replace("?", marker),
    [
        (1, Node("doe"), [Node("DLA"), Node("oss-mac")]),
        (2, Node("OSS-MAC"), []),
    ],
)
with cursor.copy("COPY staff FROM STDIN" + " BINARY" * binary) as copy:
    copy.set_types(["int4", "iom_node", "iom_node[]"])
    copy.write_row((3, Node("GDI"), None))
for id, unit, knows in rows("SELECT * FROM staff ORDER BY id"):
    print(f"staff {id}: {unit}, knows {names(knows)}")
print(
    "staff in DOE or GDI:",
    value("SELECT count(*) FROM staff WHERE unit = ANY (?)", [Node("DOE"), Node("GDI")]),
)
print("below OSS:", column("SELECT node FROM iom_subtree(?)", Node("OSS")))
print("chain of OSS-MAC:", column("SELECT node FROM iom_supervisors(?)", Node("OSS-MAC")))
for code, level, leaf, path in rows(
    "SELECT code, level, is_leaf, path FROM iom_org WHERE node = ?", Node("DLA")
):
    print(f"chart: {code} level {level + 0} leaf {str(leaf is True).lower()} {path}")

within = "SELECT count(*) FROM staff WHERE unit <@ ?", Node("DDGMR")
for _ in range(5):  # prepared from the third on
    before = value(*within)
print("within DDGMR:", before)
with psycopg.connect() as other:
    other.execute("UPDATE iom_line SET supervisor = 'COS' WHERE node = 'OSS' AND line = 'solid'")
print("within DDGMR after a move by another session:", value(*within))
assert value("SELECT bool_or(generic_plans > 0) FROM pg_prepared_statements")
print("path of OSS-MAC:", value("SELECT iom_path(?)", Node("OSS-MAC")))
with connection.transaction(force_rollback=True):
    cursor.execute(
        "UPDATE iom_line SET supervisor = 'DDGMR' WHERE node = 'OSS' AND line = 'solid'"
    )
    print("within DDGMR after a move by this session:", value(*within))
print("within DDGMR after its rollback:", value(*within))

error("bad code", "SELECT iom_supervisor(?)", Node("NO GOOD"))
error(
    "cycle",
    "UPDATE iom_line SET supervisor = ? WHERE node = 'COS' AND line = 'solid'",
    Node("OSS-MAC"),
)
error("no such unit", "INSERT INTO staff VALUES (4, ?)", Node("NOSUCH"))
print("still connected:", value("SELECT iom_root(?)", Node("DLA")))
