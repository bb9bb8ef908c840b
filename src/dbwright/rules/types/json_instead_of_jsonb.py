"""A column is of type json where jsonb would be searched, compared and indexed.

## Why it matters

``json`` is the text as it came: each access parses it again, it has no equality (DISTINCT, GROUP BY and UNION fail on it) and no GIN
index can serve it.
``jsonb`` stores the parsed form.

## When to ignore

When the exact text matters (white space, order of keys, keys given twice), or the column is only ever written and read as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.catalog import Column, Table
from dbwright.model.columns import own_tables, retype
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.sample_indexes import with_history
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.columns", "statistics.tables")
LIMITS = {"rows": 1_000}
COVERS = ("json-not-jsonb", "DL-01")

_TABLE = "CREATE TABLE entry (id bigint PRIMARY KEY, content json, tags json DEFAULT '[]');"
_LARGE = {"entry": {"rows": 2e6}}

BAD = (
    Sample(_TABLE, statistics=_LARGE),
    Sample(_TABLE + "CREATE VIEW entries AS SELECT content FROM entry;", statistics=_LARGE),
    Sample(_TABLE + "CREATE INDEX ON entry ((content ->> 'title'));", statistics=_LARGE),
)
GOOD = (
    Sample(_TABLE, statistics={"entry": {"rows": 200}}),
    Sample(_TABLE.replace("json", "jsonb"), statistics=_LARGE),
    # Superset: the folders of a table are written and read whole, as recorded statements show.
    Sample(_TABLE, statistics=_LARGE, edit=with_history(60, "SELECT id, content, tags FROM entry WHERE id = $1")),
    # Kept as it came, on purpose.
    Sample("CREATE TABLE delivery (id bigint PRIMARY KEY, raw_payload json);", statistics={"delivery": {"rows": 2e6}}),
)

_AS_IT_CAME = re.compile(r"(^|_)(raw|original|payload|response|request|body|webhook)(_|$)")


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    used = _accessed_names(snapshot)
    for table, rows in own_tables(snapshot, limits["rows"]):
        columns = [c for c in snapshot.catalog.columns_of(table) if c.base_type == "json" and c.type_kind == "base"]
        columns = [c for c in columns if not c.generated and not _AS_IT_CAME.search(c.name.lower())]
        columns = [c for c in columns if not _read_whole(snapshot, table, c, used)]
        if columns:
            yield _finding(snapshot, table, columns, rows, used, limits)


def _accessed_names(snapshot: Snapshot) -> frozenset[str]:
    """Names that recorded statements take a part of by a JSON operator."""
    found: set[str] = set()
    for statement in snapshot.workload.statements:
        if "->" in statement.query or "#>" in statement.query:
            found.update(name.lower() for name in re.findall(r'(\w+)"?\s*(?:->|#>)', statement.query))
    return frozenset(found)


def _read_whole(snapshot: Snapshot, table: Table, column: Column, used: frozenset[str]) -> bool:
    """Recorded statements name the column, and none takes a part of it, nor does an index: it is a text to the database."""
    name = column.name.lower()
    if name in used or any(column.name in index.referenced_columns for index in snapshot.catalog.indexes_of(table)):
        return False
    words = (re.compile(rf"\b{re.escape(name)}\b"), re.compile(rf"\b{re.escape(table.name.lower())}\b"))
    return any(
        all(word.search(statement.query.lower()) for word in words) for statement in snapshot.workload.statements
    )


def _finding(
    snapshot: Snapshot, table: Table, columns: list[Column], rows: int, used: frozenset[str], limits: Limits
) -> Finding:
    accessed = [column.name for column in columns if column.name.lower() in used]
    names = listed((column.name for column in columns), 3)
    parsed = f" Recorded statements take parts of {listed(accessed)}, each parsing the text anew." if accessed else ""
    advice = retype(
        snapshot,
        [(table, column) for column in columns],
        "jsonb",
        "Order and repetition of keys are lost, and text with \\u0000 is refused. In SQLAlchemy use the JSONB type.",
    )
    return Finding(
        title=f"{table.name}: {names} {'is' if len(columns) == 1 else 'are'} json, not jsonb"[:79],
        message=f"In about {rows:,} rows the JSON of {names} is kept as plain text, with no equality and no "
        f"index on its keys.{parsed}",
        objects=tuple(object_ref("column", table, column.name) for column in columns),
        impact=Impact(rows, "rows", limits["rows"], 1e9, estimated=True),
        evidence={"rows": rows, "columns": [column.name for column in columns], "taken_apart_by_statements": accessed},
        confidence="medium" if accessed else "low",
        change=advice.change,
        next_step=advice.next_step,
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    tables = {table.oid for table in snapshot.filled_tables}
    binary = [c for c in snapshot.catalog.columns if c.base_type == "jsonb" and c.table_oid in tables]
    if binary:
        yield Strength(
            "JSON is stored as jsonb",
            f"{len(binary)} columns hold JSON in its parsed form, which can be compared and indexed.",
            {"jsonb_columns": len(binary)},
        )
