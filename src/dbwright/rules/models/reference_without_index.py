"""References in the code have no index, and rows that they refer to are deleted.

## Why it matters

PostgreSQL indexes the referenced side of a foreign key, never the referencing side, and SQLAlchemy adds none by itself.
Each DELETE of a referenced row then reads the whole referring table to find the rows that point at it, and so does every load of a parent's
children.

## When to ignore

When the referring table stays small, or the referenced rows are never deleted and nobody asks for their children.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from dbwright.model.change import Change, CreateIndex, IndexKey
from dbwright.model.finding import Finding, Impact, Location, ObjectRef, Risk
from dbwright.model.quoting import shortened
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn, SourceTable
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("source",)
LIMITS: dict[str, float] = {}
COVERS = ()
# What queries ask for is told with the queries.
YIELDS_TO = ("queries/missing-index",)

_MODELS = """\
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"

    id: Mapped[int] = mapped_column(primary_key=True)


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column({first})
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"{on_delete}){second})
"""


def _project(
    first: str = "primary_key=True", second: str = "", on_delete: str = ', ondelete="CASCADE"'
) -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(first=first, second=second, on_delete=on_delete)}


BAD = (
    Sample(source=_project()),
    Sample(source=_project(on_delete=', ondelete="SET NULL"')),
    # The key begins with another column.
    Sample(source=_project(second=", primary_key=True")),
)
GOOD = (
    Sample(source=_project(second=", index=True")),
    Sample(source=_project(second=", unique=True")),
    # The key begins with it.
    Sample(source=_project(first="", second=", primary_key=True")),
    # Nobody deletes.
    Sample(source=_project(on_delete="")),
    Sample(source=_project(on_delete=', ondelete="RESTRICT"')),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if snapshot.statistics.tables:
        return  # foreign-keys/without-index knows the sizes
    deleted = {q.table for q in snapshot.source.queries if q.query is not None and q.query.verb == "delete"}
    for table in snapshot.source.tables:
        if not (table.owned and table.managed):
            continue
        bare = [column for column in table.columns if _is_bare(table, column) and _goes(column, deleted)]
        if bare:
            yield _finding(table, bare)


def _is_bare(table: SourceTable, column: SourceColumn) -> bool:
    if column.references is None or column.unique:
        return False
    keys = [(i.columns, i.condition) for i in table.indexes if i.method in ("btree", "hash")]
    keys += [(c.columns, c.condition) for c in table.constraints if c.kind in ("primary key", "unique")]
    primary = tuple(c.name for c in table.columns if c.primary_key)
    return not any(
        columns[:1] == (column.name,) and (condition is None or "IS NOT NULL" in condition.upper())
        for columns, condition in (*keys, (primary, None))
    )


def _goes(column: SourceColumn, deleted: set[str | None]) -> bool:
    """Referenced rows are deleted: some query does, or the key says what then happens."""
    reference = column.references
    if reference is None:
        return False
    return reference.table in deleted or (reference.database_on_delete or "").lower().replace("_", " ") in (
        "cascade",
        "set null",
    )


def _finding(table: SourceTable, bare: list[SourceColumn]) -> Finding:
    names = [column.name for column in bare]
    targets: defaultdict[str, list[str]] = defaultdict(list)
    for column in bare:
        if column.references is not None:
            targets[column.references.table].append(column.name)
    return Finding(
        title=f"{table.name} has references without an index: {listed(names, 2)}"[:78],
        message=f"Each DELETE on {listed(targets, 3)} reads all of {table.name} to look for rows that refer to it by {listed(names, 3)}. "
        f"The size of {table.name} is not known.",
        objects=tuple(ObjectRef("table", table.name, table.schema, table.name, (name,)) for name in names),
        impact=Impact(len(bare), "references", 1, 20, estimated=True),
        evidence={"columns": names, "referenced": list(targets), "model": f"{table.symbol} ({table.place})"},
        confidence="low",
        change=Change(tuple(_index(table, name) for name in names)),
        identity="references",
        locations=tuple(Location(c.file or table.place.file, c.line or table.place.line) for c in bare),
    )


def _index(table: SourceTable, column: str) -> CreateIndex:
    name = shortened(f"{table.name}_{column}", "_idx") + "_idx"
    return CreateIndex(table.schema or "public", table.name, name, (IndexKey(column),))
