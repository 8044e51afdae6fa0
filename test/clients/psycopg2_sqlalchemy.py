"""psycopg2, and SQLAlchemy over it.

The first lines are what the README gives: psycopg2 has nodes as strings without
any, arrays of them as lists of strings with these; SQLAlchemy's tables and
reflection want to know the type."""

import warnings

import psycopg2.extensions
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, base


def register_nodes(connection):
    cursor = connection.cursor()
    cursor.execute("SELECT 'iom_node[]'::regtype::oid")
    array = psycopg2.extensions.new_array_type(cursor.fetchone(), "iom_node[]", psycopg2.STRING)
    psycopg2.extensions.register_type(array, connection)


class Node(sa.types.UserDefinedType):
    cache_ok = True

    def get_col_spec(self):
        return "iom_node"

    def bind_expression(self, value):
        return sa.cast(value, self)


base.ischema_names["iom_node"] = Node

warnings.filterwarnings("error", "Did not recognize type")
engine = sa.create_engine("postgresql+psycopg2://", future=True)
sa.event.listen(engine, "connect", lambda connection, record: register_nodes(connection))
connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
schema = sa.MetaData()
staff = sa.Table("staff", schema, autoload_with=engine)
line = sa.Table("iom_line", schema, autoload_with=engine)
org = sa.Table("iom_org", schema, autoload_with=engine)
assert isinstance(staff.c.unit.type, Node) and isinstance(staff.c.knows.type.item_type, Node)


def value(query, **arguments):
    return connection.execute(query, arguments).scalar()


def column(function, node):
    return " ".join(connection.execute(sa.select(function(node).column_valued())).scalars())


def names(nodes):
    return "null" if nodes is None else " ".join(nodes) or "nobody"


def move(node, supervisor):
    solid = (line.c.node == node) & (line.c.line == "solid")
    return line.update().where(solid).values(supervisor=supervisor)


def error(name, statement):
    try:
        connection.execute(statement)
    except sa.exc.DBAPIError as e:
        assert e.orig.diag.message_detail, "no detail"
        print(f"{name}: {e.orig.pgcode} {e.orig.diag.message_primary}")


print("supervisor of oss-mac:", value(sa.select(sa.func.iom_supervisor("oss-mac"))))
print("supervisor of DG:", value(sa.select(sa.func.iom_supervisor("DG"))) or "null")
connection.execute(
    staff.insert(),
    [
        {"id": 1, "unit": "doe", "knows": ["DLA", "oss-mac"]},
        {"id": 2, "unit": "OSS-MAC", "knows": []},
        {"id": 3, "unit": "GDI", "knows": None},
    ],
)
for row in connection.execute(staff.select().order_by(staff.c.id)):
    print(f"staff {row.id}: {row.unit}, knows {names(row.knows)}")
among = sa.select(sa.func.count()).where(staff.c.unit == sa.any_(sa.cast(["DOE", "GDI"], ARRAY(Node))))
print("staff in DOE or GDI:", value(among))
print("below OSS:", column(sa.func.iom_subtree, "OSS"))
print("chain of OSS-MAC:", column(sa.func.iom_supervisors, "OSS-MAC"))
row = connection.execute(org.select().where(org.c.node == "DLA")).one()
print(f"chart: {row.code} level {row.level + 0} leaf {str(row.is_leaf is True).lower()} {row.path}")

# psycopg2 has no prepared statements but those of SQL.
connection.exec_driver_sql("PREPARE within (iom_node) AS SELECT count(*) FROM staff WHERE unit <@ $1")
within = sa.text("EXECUTE within (:node)").bindparams(node="DDGMR")
print("within DDGMR:", value(within))
with engine.begin() as other:
    other.execute(move("OSS", "COS"))
print("within DDGMR after a move by another session:", value(within))
print("path of OSS-MAC:", value(sa.select(sa.func.iom_path("OSS-MAC"))))
connection.exec_driver_sql("BEGIN")
connection.execute(move("OSS", "DDGMR"))
print("within DDGMR after a move by this session:", value(within))
connection.exec_driver_sql("ROLLBACK")
print("within DDGMR after its rollback:", value(within))

error("bad code", sa.select(sa.func.iom_supervisor("NO GOOD")))
error("cycle", move("COS", "OSS-MAC"))
error("no such unit", staff.insert().values(id=4, unit="NOSUCH"))
print("still connected:", value(sa.select(sa.func.iom_root("DLA"))))
