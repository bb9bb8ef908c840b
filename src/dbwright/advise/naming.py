"""Names for new indexes."""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Catalog, Table
from dbwright.model.change import CreateIndex
from dbwright.model.indexing import index_names


class Names:
    """None that the schema has or that was given before."""

    def __init__(self, catalog: Catalog) -> None:
        self.taken = {schema: set(names) for schema, names in catalog.relation_names.items()}
        for constraint in catalog.constraints:
            table = catalog.table_by_oid.get(constraint.table_oid)
            if table is not None:
                self.taken.setdefault(table.schema, set()).add(constraint.name)
        self.next: dict[tuple[int, tuple[str, ...], str], Iterator[str]] = {}

    def of(self, table: Table, index: CreateIndex) -> str:
        """A name for the index, which nothing else gets."""
        taken = self.taken.setdefault(table.schema, set())
        columns = tuple(key.column or "expr" for key in index.keys)
        suffix = {"btree": "idx"}.get(index.method, f"{index.method}_idx")
        suffix = ("covering_" if index.include else "") + ("partial_" if index.predicate else "") + suffix
        names = self.next.setdefault((table.oid, columns, suffix), index_names(table, columns, suffix, len("9999")))
        name = next(name for name in names if name not in taken)
        taken.add(name)
        return name
