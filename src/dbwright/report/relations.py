"""Relationships between tables: what the foreign keys say."""

from __future__ import annotations

from dataclasses import dataclass

from dbwright.model.catalog import Catalog, Constraint, Table
from dbwright.model.indexing import is_usable, serves_equality
from dbwright.model.report import Report
from dbwright.report.inventory import table_name


@dataclass(frozen=True, slots=True)
class Relation:
    """A foreign key: many (or one) ``child`` rows point at one ``parent``. ``on_delete`` is what the database does when
    the parent goes; ``indexed``: the server finds the children without reading the whole table."""

    parent: Table
    child: Table
    columns: tuple[str, ...]
    kind: str
    on_delete: str
    required: bool
    indexed: bool
    validated: bool

    @property
    def parent_name(self) -> str:
        return table_name(self.parent)

    @property
    def child_name(self) -> str:
        return table_name(self.child)


@dataclass(frozen=True, slots=True)
class ManyToMany:
    """Two tables tied by a third that holds nothing else."""

    left: str
    right: str
    through: str


def relations(report: Report) -> tuple[Relation, ...]:
    """All foreign keys between shown tables, by parent and child. Those of partitions are told with their parent table."""
    catalog = report.snapshot.catalog
    found = []
    for table in catalog.user_tables:
        for key in catalog.constraints_of(table, "foreign key"):
            target = catalog.table_by_oid.get(key.foreign_table_oid or 0)
            if target is not None and not target.is_partition:
                found.append(_relation(catalog, table, target, key))
    return tuple(sorted(found, key=lambda r: (r.parent_name, r.child_name, r.columns)))


def _relation(catalog: Catalog, child: Table, parent: Table, key: Constraint) -> Relation:
    found = [catalog.column(child, name) for name in key.columns]
    return Relation(
        parent=parent,
        child=child,
        columns=key.columns,
        kind="one to one" if _is_unique(catalog, child, key.columns) else "one to many",
        on_delete=key.on_delete or "no action",
        required=all(column.not_null for column in found if column),
        indexed=any(serves_equality(index, key.columns) for index in catalog.indexes_of(child)),
        validated=key.is_validated,
    )


def _is_unique(catalog: Catalog, table: Table, columns: tuple[str, ...]) -> bool:
    return any(
        index.is_unique and index.predicate is None and is_usable(index) and set(index.columns) <= set(columns)
        for index in catalog.indexes_of(table)
    )


def many_to_many(report: Report, found: tuple[Relation, ...]) -> tuple[ManyToMany, ...]:
    """Link tables: two foreign keys, and no column besides them but one key."""
    catalog = report.snapshot.catalog
    by_child: dict[int, list[Relation]] = {}
    for relation in found:
        by_child.setdefault(relation.child.oid, []).append(relation)
    ties = []
    for pair in by_child.values():
        columns = {name for relation in pair for name in relation.columns}
        child = pair[0].child
        key = catalog.primary_key(child)
        others = {c.name for c in catalog.columns_of(child)} - columns - set(key.columns if key else ())
        if len(pair) == 2 and not others:
            ties.append(ManyToMany(pair[0].parent_name, pair[1].parent_name, table_name(child)))
    return tuple(sorted(ties, key=lambda tie: tie.through))
