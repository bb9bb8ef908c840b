"""What views are made of."""

from __future__ import annotations

from dbwright.model.catalog import Catalog, Table


def base_tables(catalog: Catalog, view: Table) -> tuple[Table, ...]:
    """The tables whose rows a view shows, through any views between, by name. Materialized views on the way count as tables."""
    found: dict[int, Table] = {}
    seen = {view.oid}
    waiting = list(view.reads)
    while waiting:
        oid = waiting.pop()
        table = catalog.table_by_oid.get(oid)
        if oid in seen or table is None:
            continue
        seen.add(oid)
        if table.kind == "view":
            waiting.extend(table.reads)
        else:
            found[oid] = table
    return tuple(sorted(found.values(), key=lambda table: (table.schema, table.name)))
