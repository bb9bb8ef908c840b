"""The relations of a snapshot as statements name them."""

from __future__ import annotations

from dbwright.model.catalog import Table
from dbwright.model.snapshot import Snapshot


class Relations:
    """Look-ups by name, along the search path where a statement gives no schema. ``schema`` has the columns by table, ``views`` the
    definitions of views."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.catalog = snapshot.catalog
        path = _search_path(snapshot)
        rank = {schema: position for position, schema in enumerate(path)}
        self.by_name: dict[str, Table] = {}
        for table in sorted(self.catalog.tables, key=lambda t: (rank.get(t.schema, len(rank)), t.schema, t.oid)):
            self.by_name.setdefault(table.name, table)
        self.schema = {
            name: frozenset(column.name for column in self.catalog.columns_of(table))
            for name, table in self.by_name.items()
        }
        self.views = {
            name: table.definition for name, table in self.by_name.items() if table.kind == "view" and table.definition
        }

    def find(self, schema: str | None, name: str) -> Table | None:
        if schema is not None:
            return self.catalog.table_by_name.get((schema, name))
        return self.by_name.get(name)


def _search_path(snapshot: Snapshot) -> list[str]:
    text = snapshot.settings.text("search_path") or '"$user", public'
    names = [part.strip().strip('"') for part in text.split(",")]
    return [snapshot.target.user if name == "$user" else name for name in names if name]
