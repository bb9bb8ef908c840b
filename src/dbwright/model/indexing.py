"""What an index can serve: comparisons that several rules and the adviser share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count

from dbwright.model.catalog import Catalog, Index, Table
from dbwright.model.quoting import shortened

_ORDERED = ("btree",)


def is_usable(index: Index) -> bool:
    """Valid, ready and live: the planner may use it."""
    return index.is_valid and index.is_ready and index.is_live


def not_null_predicate(index: Index) -> str | None:
    """The column of a predicate that only says ``column IS NOT NULL``, else None."""
    match = re.fullmatch(r'\(*"?(?P<column>[^"()]+?)"? IS NOT NULL\)*', index.predicate or "")
    return match["column"] if match else None


def serves_equality(index: Index, columns: tuple[str, ...]) -> bool:
    """Whether ``a = $1 AND b = $2 …`` on exactly these columns can descend the index: a usable B-tree that leads with
    them in any order (or a hash index on the one column). A predicate is accepted only when equality implies it."""
    if not is_usable(index) or len(index.keys) < len(columns):
        return False
    if index.predicate is not None and not_null_predicate(index) not in columns:
        return False
    if index.access_method == "hash":
        return index.columns == columns
    return index.access_method in _ORDERED and set(index.columns[: len(columns)]) == set(columns)


def free_name(catalog: Catalog, table: Table, columns: tuple[str, ...], suffix: str = "idx") -> str:
    """A name for a new index or constraint in the table's schema: PostgreSQL's own pattern, at most 63 bytes, not taken."""
    relations = catalog.relation_names.get(table.schema, frozenset())
    constraints = {c.name for c in catalog.constraints_of(table)}
    return next(n for n in index_names(table, columns, suffix) if n not in relations and n not in constraints)


def index_names(table: Table, columns: tuple[str, ...], suffix: str, digits: int = 2) -> Iterator[str]:
    """Names by PostgreSQL's own pattern, at most 63 bytes: the plain one, then numbered ones. A name that is cut keeps room for so many
    digits."""
    stem = shortened("_".join((table.name, *columns)), f"_{suffix}", digits)
    for number in count():
        ending = f"_{suffix}{number or ''}"
        yield stem.encode()[: 63 - len(ending)].decode(errors="ignore") + ending
