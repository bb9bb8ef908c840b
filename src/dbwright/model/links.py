"""Link tables: rows that say that two things belong together, and whether anything keeps a link from being stored twice."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.catalog import Catalog, Constraint, Table
from dbwright.model.columns import is_history, own_tables
from dbwright.model.indexing import is_usable
from dbwright.model.snapshot import Snapshot

OTHER_COLUMNS = 2
"""Columns beside the key, the two references and when the row was made: more, and it is a thing of its own."""
_LINK = re.compile(
    r"(^|_)(member|membership|follow|follower|favou?rite|like|bookmark|enrol+ment|vote|upvote|wishlist_?item|block|"
    r"tagging|watcher|assignee|collaborator|participant|attendee|starred|star)s?$"
)
_MOMENT = re.compile(
    r"^(created|updated|modified|added|joined|inserted)(_?(at|on|date|by|by_id))?$|^(date_joined|timestamp)$"
)
_PERIOD = re.compile(
    r"(^|_)(start|started|end|ended|from|until|till|valid|period|month|year|date|day|left|removed|deleted)(_|$)"
)


def repeatable_links(
    snapshot: Snapshot, least_rows: float, other_columns: float = OTHER_COLUMNS
) -> Iterator[tuple[Table, int, tuple[str, str]]]:
    """Link tables with a key of their own in which nothing keeps the same two references from being stored twice; with the rows, and the
    references in the order of the unique index that is proposed for them."""
    catalog = snapshot.catalog
    for table, rows in own_tables(snapshot, least_rows):
        pair = _pair(catalog, table, other_columns)
        if pair and catalog.primary_key(table) and not is_history(table) and not _is_kept(catalog, table, pair):
            yield table, rows, pair


def bare_link(catalog: Catalog, table: Table) -> tuple[str, str] | None:
    """The two references of a table that holds nothing else: its primary key, if it has none."""
    pair = [key.columns[0] for key in catalog.constraints_of(table, "foreign key") if len(key.columns) == 1]
    if len(pair) == 2 == len(set(pair)) and len(catalog.columns_of(table)) == 2:
        return pair[0], pair[1]
    return None


def _pair(catalog: Catalog, table: Table, other_columns: float) -> tuple[str, str] | None:
    """The two references of a link table, else None."""
    keys = [key for key in catalog.constraints_of(table, "foreign key") if len(key.columns) == 1]
    required = [key for key in keys if _is_required(catalog, table, key)]
    required = [key for key in required if not _MOMENT.search(key.columns[0].lower())]
    if len(required) != 2 or required[0].columns == required[1].columns or not _is_link(catalog, table, required):
        return None
    primary = catalog.primary_key(table)
    known = {name for key in required for name in key.columns} | set(primary.columns if primary else ())
    others = [
        c.name.lower() for c in catalog.columns_of(table) if c.name not in known and not _MOMENT.search(c.name.lower())
    ]
    if len(others) > other_columns or any(_PERIOD.search(name) for name in others):
        return None
    return required[0].columns[0], required[1].columns[0]


def _is_required(catalog: Catalog, table: Table, key: Constraint) -> bool:
    column = catalog.column(table, key.columns[0])
    return column is not None and column.not_null


def _is_link(catalog: Catalog, table: Table, keys: list[Constraint]) -> bool:
    """Its name says so: a word for a link, or the names of both tables."""
    name = table.name.lower()
    if _LINK.search(name):
        return True
    targets = [catalog.table_by_oid.get(key.foreign_table_oid or 0) for key in keys]
    stems = [target.name.lower().rsplit("_", 1)[-1].rstrip("s") for target in targets if target]
    return (
        len(stems) == 2
        and stems[0] != stems[1]
        and name.replace("_", "").endswith(
            tuple(a + suffix + b for a, b in (stems, stems[::-1]) for suffix in ("", "s"))
            + tuple(a + suffix + b + "s" for a, b in (stems, stems[::-1]) for suffix in ("", "s"))
        )
    )


def _is_kept(catalog: Catalog, table: Table, pair: tuple[str, str]) -> bool:
    """Some unique or exclusion index covers the pair, or one side of it is unique by itself."""
    primary = catalog.primary_key(table)
    return bool(primary and set(primary.columns) <= set(pair)) or any(
        (index.is_unique or index.is_exclusion)
        and is_usable(index)
        and (set(pair) <= set(index.keys) or set(index.keys) <= set(pair))
        for index in catalog.indexes_of(table)
    )
