"""A table or column is called by a reserved word of SQL.

## Why it matters

Such a name must be quoted wherever it is written; forgotten quotes give a syntax error, and with ``user`` no error at all:
``SELECT user FROM "user"`` returns the name of the database role for every row.

## When to ignore

When all SQL is written by an ORM, which quotes it.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import FRAMEWORK_TABLES
from dbwright.model.columns import MOST_OBJECTS, is_scratch
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref, table_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("catalog.tables", "catalog.columns")
LIMITS = {"names": 1}
COVERS = ("reserved-keyword-name",)

BAD = (
    Sample('CREATE TABLE "user" (id bigint, name text);'),
    Sample('CREATE TABLE "order" (id bigint, "user" text, "end" date);'),
    # A column that silently reads as the name of the role.
    Sample('CREATE TABLE note (id bigint, "user" text);'),
)
GOOD = (
    Sample("CREATE TABLE users (id bigint, name text, value text, type text, date date, status text);"),
    # Columns that ORMs name so fail loudly when the quotes are forgotten.
    Sample('CREATE TABLE page (id bigint, "order" int, "end" date);'),
    Sample('CREATE TABLE page (id bigint); CREATE VIEW "user" AS SELECT * FROM page;'),
)

# Reserved in PostgreSQL (appendix "SQL Key Words"), as far as somebody might name a table so.
_RESERVED = frozenset(
    "all analyse analyze and any array as asc both case cast check collate column constraint create "
    "default desc distinct do else end "
    "except false fetch for foreign from grant group having in initially intersect into leading "
    "limit not null offset on only or order "
    "placing primary references returning select some symmetric table then to trailing true union "
    "unique user using variadic when "
    "where window with authorization binary collation concurrently cross freeze full ilike inner is "
    "isnull join left like natural "
    "notnull outer overlaps right similar tablesample verbose".split()
)
# These read as a value when they are not quoted.
_SILENT = frozenset(
    {"user", "current_user", "session_user", "current_date", "current_time", "current_timestamp", "localtime"}
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if not snapshot.was_read:
        return  # what frameworks write they quote; by hand somebody writes SQL to a database that is there
    catalog = snapshot.catalog
    found: list[ObjectRef] = []
    silent: list[str] = []
    for table in catalog.user_tables:
        if table.name in FRAMEWORK_TABLES or is_scratch(table):
            continue
        if table.name in _RESERVED:
            found.append(table_ref(table))
        columns = [column.name for column in catalog.columns_of(table) if column.name in _SILENT]
        found += [object_ref("column", table, name) for name in columns]
        silent += columns + ([table.name] if table.name in _SILENT else [])
    if len(found) < limits["names"]:
        return
    trap = f" Without quotes {silent[0]} is no error but the server's own value of that name." if silent else ""
    yield Finding(
        title=f"{listed((ref.label for ref in found), 2)}: named by a reserved word"[:79],
        message=f"{listed(ref.label for ref in found)} must be quoted wherever SQL is written.{trap}",
        objects=tuple(found[:MOST_OBJECTS]),
        impact=Impact(len(found), "names", limits["names"], 1e7),
        evidence={"names": [ref.label for ref in found[:100]], "count": len(found)},
        next_step=f"Quote them in hand-written SQL, or rename them (such as {_other_name(found[0])}) when they are changed anyway; the "
        "model can keep its own name (Django: db_table or db_column; SQLAlchemy: __tablename__ or the column's first argument).",
    )


def _other_name(ref: ObjectRef) -> str:
    return f"{ref.name}_name or {ref.name}_id" if ref.kind == "column" else f"{ref.name}s or app_{ref.name}"
