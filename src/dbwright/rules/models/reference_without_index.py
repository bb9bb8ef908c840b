"""References in the code have no index.

## Why it matters

PostgreSQL indexes the referenced side of a foreign key, never the referencing side, and SQLAlchemy adds none by itself.
Each DELETE of a referenced row then reads the whole referring table to find the rows that point at it, and so does every load of a parent's
children.

## When to ignore

When the referring table stays small, or the referenced rows are never deleted and nobody asks for their children.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dbwright.model.asked import column_place, locations, sought_columns
from dbwright.model.change import Change, CreateIndex, IndexKey
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.quoting import shortened
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn, SourceTable
from dbwright.model.wording import counted, listed
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("source",)
LIMITS: dict[str, float] = {
    # From so many on it is a habit of the project, and told whether rows are seen to be deleted or not.
    "habit": 4,
}
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


_MANY = "".join(
    f"""

class Line{n}(Base):
    __tablename__ = "line{n}"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
"""
    for n in range(4)
)


def _with_query(where: str) -> dict[str, str]:
    return _project() | {
        "shop/views.py": "from sqlalchemy import select\nfrom sqlalchemy.orm import Session\n\nfrom shop.models import Order\n\n\n"
        f"def orders(session: Session, number):\n    return session.scalars(select(Order).where({where})).all()\n"
    }


BAD = (
    Sample(source=_project()),
    # Four references of one habit, though nothing is seen to be deleted.
    Sample(
        source={
            "shop/__init__.py": "",
            "shop/models.py": _MODELS.format(first="primary_key=True", second="", on_delete="") + _MANY,
        }
    ),
    # Found by its key, whatever else is asked.
    Sample(source=_with_query("Order.id == number, Order.customer_id == number")),
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
    # Told with the query that looks rows up by it.
    Sample(source=_with_query("Order.customer_id == number")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if snapshot.statistics.tables:
        return  # foreign-keys/without-index knows the sizes
    deleted = {q.table for q in snapshot.source.queries if q.query is not None and q.query.verb == "delete"}
    sought = sought_columns(snapshot)
    bare = [
        _Bare(table, column, _goes(column, deleted))
        for table in snapshot.source.tables
        if table.owned and table.managed
        for column in table.columns
        if _is_bare(table, column) and column.name not in sought.get(table.name, ())
    ]
    told = [one for one in bare if one.goes or (len(bare) >= limits["habit"] and not _is_mark(one.column))]
    if told:
        yield _finding(sorted(told, key=lambda one: not one.goes))


@dataclass(frozen=True, slots=True)
class _Bare:
    """A reference without an index; ``goes``: rows that it refers to are deleted."""

    table: SourceTable
    column: SourceColumn
    goes: bool

    @property
    def label(self) -> str:
        return f"{self.table.name}.{self.column.name}"


def _is_mark(column: SourceColumn) -> bool:
    """Who wrote a row is looked at, seldom searched for."""
    return bool(re.search(r"(^|_)by(_\w*id)?$", column.name))


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


def _finding(bare: list[_Bare]) -> Finding:
    gone = [one for one in bare if one.goes]
    targets = dict.fromkeys(one.column.references.table for one in gone if one.column.references is not None)
    deletes = (
        f"Each DELETE on {listed(targets, 3)} reads all of the tables that refer to it by {listed([o.label for o in gone], 3)}."
        if gone
        else "Nothing in the code was seen to delete what they refer to, but loading the rows that belong to one reads the whole table."
    )
    labels = [one.label for one in bare]
    return Finding(
        title=f"{counted(len(bare), 'reference')} without an index: {listed(labels, 2)}"[:78],
        message=f"{listed(labels)} have no index that begins with the column. {deletes} Sizes are not known.",
        objects=tuple(
            ObjectRef("table", one.table.name, one.table.schema, one.table.name, (one.column.name,)) for one in bare
        ),
        impact=Impact(len(bare), "references", 1, 20, estimated=True),
        evidence={
            "references": {
                one.label: {
                    "to": one.column.references.table if one.column.references else "",
                    "deleted": one.goes,
                    "place": str(column_place(one.table, one.column.name)),
                }
                for one in bare
            }
        },
        confidence="medium" if gone else "low",
        change=Change(tuple(_index(one.table, one.column.name) for one in bare)),
        identity="references",
        locations=locations((column_place(one.table, one.column.name) for one in bare), most=len(bare)),
    )


def _index(table: SourceTable, column: str) -> CreateIndex:
    name = shortened(f"{table.name}_{column}", "_idx") + "_idx"
    return CreateIndex(table.schema or "public", table.name, name, (IndexKey(column),))
