"""Names for new indexes."""

from __future__ import annotations

from collections import Counter

from dbwright.model.catalog import Catalog, Table
from dbwright.model.change import CreateIndex
from dbwright.model.quoting import shortened


class Names:
    """PostgreSQL's own pattern, at most 63 bytes, none that the schema has or that was given before."""

    def __init__(self, catalog: Catalog) -> None:
        self.taken = {schema: set(names) for schema, names in catalog.relation_names.items()}
        for constraint in catalog.constraints:
            table = catalog.table_by_oid.get(constraint.table_oid)
            if table is not None:
                self.taken.setdefault(table.schema, set()).add(constraint.name)
        self.numbers: Counter[tuple[str, str, str]] = Counter()

    def of(self, table: Table, index: CreateIndex) -> str:
        taken = self.taken.setdefault(table.schema, set())
        columns = (key.column or "expr" for key in index.keys)
        suffix = {"btree": "idx"}.get(index.method, f"{index.method}_idx")
        suffix = ("covering_" if index.include else "") + ("partial_" if index.predicate else "") + suffix
        stem = shortened("_".join((table.name, *columns)), f"_{suffix}", len("9999"))
        while True:
            number = self.numbers[table.schema, stem, suffix]
            self.numbers[table.schema, stem, suffix] += 1
            ending = f"_{suffix}{number or ''}"
            name = stem.encode()[: 63 - len(ending)].decode(errors="ignore") + ending
            if name not in taken:
                taken.add(name)
                return name
