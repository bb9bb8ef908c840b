"""A unique index does not hold for rows where one of its columns is NULL.

## Why it matters

To a unique index two NULLs are different values.
`UNIQUE (parent_id, name)` therefore allows any number of equal names where `parent_id` is NULL, and `UNIQUE (email, deleted_at)`
any number of living rows with the same address: just the rows that it was made for.

## When to ignore

When rows without a value may repeat.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dbwright.model.catalog import Index, Table
from dbwright.model.change import Change, CreateIndex
from dbwright.model.columns import statistics_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.index_use import columns_text, index_keys, index_ref, is_plain, own_tables
from dbwright.model.indexing import free_name
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.indexes", "catalog.constraints", "statistics.columns", "statistics.tables")
LIMITS = {
    "rows": 100,
    # More references than this: it is how the project models what has no parent, one question without a ready index.
    "references": 3,
}
COVERS = ("unique-index-nullable-column", "soft-delete-not-indexed", "BP-15")
YIELDS_TO = ("indexes/duplicate", "indexes/unique-implied-by-narrower")

_MARKER = re.compile(r"(soft_)?(deleted|removed|archived|cancelled|canceled)(_at|_on|_time|_date)", re.I)
_TIMES = ("timestamp", "timestamptz", "date")

_TABLE = """
CREATE TABLE folder (id integer PRIMARY KEY, parent_id integer REFERENCES folder, name text NOT NULL, email text, deleted_at timestamptz);
INSERT INTO folder SELECT n, CASE WHEN n % 4 <> 1 THEN n - 1 END, 'n' || n, CASE WHEN n % 2 = 0 THEN 'e' || n END,
CASE WHEN n % 5 = 0 THEN now() END FROM generate_series(1, 1000) n; ANALYZE folder;
"""

BAD = (
    # Nautobot: thirteen of them are one question.
    Sample(
        _TABLE
        + "ALTER TABLE folder ADD a integer, ADD b integer, ADD c integer; UPDATE folder SET a = id, b = id, c = id;"
        "ALTER TABLE folder ADD UNIQUE (parent_id, name), ADD UNIQUE (parent_id, a), ADD UNIQUE (parent_id, b), ADD UNIQUE (parent_id, c);"
        "ANALYZE folder;"
    ),
    Sample(_TABLE + "ALTER TABLE folder ADD UNIQUE (parent_id, name);"),
    Sample(_TABLE + "CREATE UNIQUE INDEX ON folder (name, deleted_at);"),
    Sample(
        _TABLE
        + "ALTER TABLE folder ADD UNIQUE (parent_id, name); CREATE UNIQUE INDEX ON folder (name) WHERE deleted_at IS NULL;"
    ),
)
GOOD = (
    # Nautobot: a port belongs to a device type or to a module type, and each has its own unique index.
    Sample(
        _TABLE
        + "ALTER TABLE folder ADD module_id integer REFERENCES folder; ALTER TABLE folder ADD UNIQUE (parent_id, name);"
        "ALTER TABLE folder ADD UNIQUE (module_id, name); ANALYZE folder;"
    ),
    Sample(_TABLE + "ALTER TABLE folder ADD UNIQUE (name, email);"),
    # Airflow: the runs of a backfill, of which many may not have begun yet.
    Sample(
        _TABLE
        + "ALTER TABLE folder ADD owner_id integer NOT NULL DEFAULT 1 REFERENCES folder, ADD UNIQUE (owner_id, parent_id);"
    ),
    Sample(_TABLE + "ALTER TABLE folder ADD UNIQUE (parent_id);"),
    Sample(
        _TABLE
        + "ALTER TABLE folder ADD UNIQUE (parent_id, name); CREATE UNIQUE INDEX ON folder (name) WHERE parent_id IS NULL;"
    ),
    Sample(_TABLE + "ALTER TABLE folder ADD UNIQUE NULLS NOT DISTINCT (parent_id, name);", minimum_major=15),
    Sample(_TABLE + "CREATE UNIQUE INDEX ON folder (COALESCE(parent_id, 0), name);"),
    Sample(
        _TABLE.replace("n % 4 <> 1", "n > 1") + "ALTER TABLE folder ADD UNIQUE (parent_id, name);",
    ),
    Sample(_TABLE + "ALTER TABLE folder ADD UNIQUE (parent_id, name), ADD UNIQUE (name);"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    holes = list(_holes(snapshot, limits))
    references = [hole for hole in holes if not _MARKER.fullmatch(hole.column)]
    together = len(references) > limits["references"]
    single = [
        _finding(snapshot, h.table, h.index, h.column, h.rows, limits)
        for h in holes
        if not (together and h in references)
    ]
    yield from told_once(single, "{} unique indexes let rows repeat where a column is NULL", identity="few")
    if together:
        yield _together(references, limits)


@dataclass(frozen=True, slots=True)
class _Hole:
    """A unique index that says nothing of the rows where one of its columns is NULL."""

    table: Table
    index: Index
    column: str
    rows: int


def _holes(snapshot: Snapshot, limits: Limits) -> Iterator[_Hole]:
    for table, indexes in own_tables(snapshot):
        unique = [i for i in indexes if i.is_unique]
        for index in unique:
            if (
                len(index.keys) < 2
                or index.nulls_not_distinct
                or index.predicate is not None
                or any(index.is_expression)
            ):
                continue
            holes = [
                (rows, name) for name in index.keys if (rows := _null_rows(snapshot, table, name)) >= limits["rows"]
            ]
            if len(holes) != 1 or any(_closes(other, index, holes[0][1]) for other in unique):
                continue
            if _leaves_one_parent(snapshot, table, index, holes[0][1]):
                continue
            if any(_is_alternative(snapshot, table, other, index, holes[0][1]) for other in unique):
                continue
            yield _Hole(table, index, holes[0][1], holes[0][0])


def _together(holes: list[_Hole], limits: Limits) -> Finding:
    """Many at once are how the project models what has no parent: one question, and no index to build before it is answered."""
    holes = sorted(holes, key=lambda hole: (-hole.rows, hole.table.schema, hole.table.name, hole.index.name))
    first = holes[0]
    names = listed(
        (f"{hole.table.name} ({', '.join(hole.index.keys)}) where {hole.column} is NULL" for hole in holes), 3
    )
    return Finding(
        title=f"{len(holes)} unique indexes let rows repeat where a reference is NULL",
        message=f"NULL equals nothing, so they keep no order among rows without the reference: {names}. {first.table.name} has about "
        f"{first.rows:,} such rows.",
        objects=tuple(index_ref(hole.table, hole.index) for hole in holes),
        impact=Impact(first.rows, "rows", limits["rows"], 10_000_000, estimated=True),
        evidence={
            "indexes": [
                {"table": h.table.name, "index": h.index.name, "column": h.column, "rows_with_null": h.rows}
                for h in holes
            ]
        },
        confidence="low",
        next_step="Ask of each whether such rows may repeat. Where they may not, add a unique index on the other columns (and on the "
        "parent that they have instead) WHERE the reference IS NULL, or declare NULLS NOT DISTINCT (PostgreSQL 15).",
        identity="together",
    )


def _null_rows(snapshot: Snapshot, table: Table, name: str) -> int:
    """Estimated rows with NULL in a column where NULL is a statement of its own: no parent, no variant, not deleted."""
    column = snapshot.catalog.column(table, name)
    if column is None or column.not_null:
        return 0
    refers = any(key.columns == (name,) for key in snapshot.catalog.constraints_of(table, "foreign key"))
    if not refers and not (_MARKER.fullmatch(name) and column.base_type in _TIMES):
        return 0
    statistics = statistics_of(snapshot, table, name)
    return int(statistics.null_fraction * snapshot.rows(table)) if statistics else 0


def _closes(other: Index, index: Index, hole: str) -> bool:
    """Whether another unique index makes the other columns unique, everywhere or where this one is NULL."""
    within = set(other.columns) <= {c for c in index.columns if c != hole}
    text = (other.predicate or "").strip("()").replace('"', "")
    return within and (other.predicate is None or text == f"{hole} IS NULL")


def _leaves_one_parent(snapshot: Snapshot, table: Table, index: Index, hole: str) -> bool:
    """Without the optional reference only the parent is left: a parent may have many rows that refer to nothing yet."""
    rest = tuple(name for name in index.keys if name != hole)
    refers = any(key.columns == rest for key in snapshot.catalog.constraints_of(table, "foreign key"))
    return len(rest) == 1 and refers and not _MARKER.fullmatch(hole)


def _is_alternative(snapshot: Snapshot, table: Table, other: Index, index: Index, hole: str) -> bool:
    """The same rule within another parent: a row belongs to one or to the other, and where this one is NULL that index keeps it."""
    rest = {c for c in index.columns if c != hole}
    parent = set(other.columns) - rest
    if not rest <= set(other.columns) or len(parent) != 1 or parent == {hole} or other.predicate is not None:
        return False
    column = snapshot.catalog.column(table, next(iter(parent)) or "")
    return column is not None and not column.not_null


def _finding(snapshot: Snapshot, table: Table, index: Index, hole: str, rows: int, limits: Limits) -> Finding:
    rest = tuple(c for c in index.keys if c != hole)
    others = ", ".join(rest)
    is_marker = bool(_MARKER.fullmatch(hole))
    create = CreateIndex(
        table.schema,
        table.name,
        free_name(snapshot.catalog, table, rest, "uniq"),
        tuple(key for key in index_keys(index) if key.column != hole),
        unique=True,
        predicate=f"{quote_identifier(hole)} IS NULL",
        on_partitioned=table.kind == "partitioned table",
    )
    possible = table.kind != "partitioned table" and is_plain(snapshot, table, index)
    quoted = ", ".join(map(quote_identifier, rest))
    look = (
        f"SELECT {quoted}, count(*) FROM {quote_identifier(table.schema, table.name)} WHERE {quote_identifier(hole)} IS NULL "
        f"GROUP BY {quoted} HAVING count(*) > 1"
    )
    return Finding(
        title=f"{table.name}: rows may repeat where {hole} is NULL",
        message=f"By {index.name} ({columns_text(index)}) is unique only where {hole} has a value; for about {rows:,} rows without one "
        f"nothing keeps ({others}) from repeating.",
        objects=(index_ref(table, index),),
        impact=Impact(rows, "rows", limits["rows"], 10_000_000, estimated=True),
        evidence={"rows_with_null": rows, "column": hole, "definition": index.definition, "look_for_repeats": look},
        confidence="medium" if is_marker else "low",
        change=Change((create,), note=f"It fails if rows repeat already. Look first: {look};") if possible else None,
        next_step=None if possible else f"Look for repeated rows: {look};",
    )
