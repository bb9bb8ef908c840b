"""A paged list is read with OFFSET, and its deep pages read all rows before them.

## Why it matters

OFFSET does not jump: the server produces every skipped row and throws it away, so page 1,000 costs a thousand times page 1.
Crawlers and exports walk to the end. Paging by the last key seen costs the same on every page.

## When to ignore

When nobody can reach deep pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from dbwright.model.activity import Statement
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.statements import (
    evidence,
    headline,
    recorded,
    reference,
    sample_statement,
    seconds_an_hour,
    statements,
    tables_in,
)
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("workload.statements",)
LIMITS = {
    "milliseconds": 20,
    "calls": 100,
    "seconds_an_hour": 10,
    "blocks_a_call": 500,
    "rows_a_call": 1000,
    "table_rows": 50_000,
    # The longest call against the shortest: what depends on depth differs a lot.
    "spread": 5,
    "shown": 10,
}
COVERS = ("DL-06",)

_OFFSET = re.compile(r"\boffset\s+(\(?\$\d+|%s|\d+)", re.I)
_LIST = 'SELECT "orders"."id" FROM "orders" ORDER BY "orders"."created_at" DESC LIMIT $1'
_TABLE = "CREATE TABLE orders (id int, created_at timestamptz);"
_LARGE = {"orders": {"rows": 3e6}}


def _paged(milliseconds: float, **more: Any) -> Statement:
    figures: dict[str, Any] = {
        "min_milliseconds": 0.4,
        "max_milliseconds": 2_000.0,
        "shared_blocks_hit": 9_000 * 8_000,
        "rows": 9_000 * 20,
    }
    return sample_statement(_LIST + " OFFSET $2", 9_000, milliseconds, **figures | more)


BAD = (
    Sample(_TABLE, statistics=_LARGE, edit=recorded(_paged(80.0))),
    Sample(_TABLE, statistics=_LARGE, edit=recorded(_paged(80.0), sample_statement(_LIST, 90_000, 0.5, query_id=2))),
)
GOOD = (
    Sample(_TABLE, statistics=_LARGE, edit=recorded(_paged(2.0))),
    # The first page is as slow: it is not the offset.
    Sample(_TABLE, statistics=_LARGE, edit=recorded(_paged(80.0), sample_statement(_LIST, 90_000, 70.0, query_id=2))),
    Sample(_TABLE, statistics=_LARGE, edit=recorded(_paged(80.0, min_milliseconds=70.0, max_milliseconds=95.0))),
    Sample(_TABLE, statistics={"orders": {"rows": 900}}, edit=recorded(_paged(80.0))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    rows = statements(snapshot.workload)
    paged = [row for row in rows if _heavy(snapshot, row, limits) and _OFFSET.search(row.query)]
    firsts = {_normal(row.query): row for row in rows} if paged else {}
    for row in paged[: int(limits["shown"])]:
        tables = {table.oid: table for table in tables_in(row.query, snapshot.catalog).values()}.values()
        largest = max((snapshot.rows(table) for table in tables), default=0)
        first = firsts.get(_normal(_OFFSET.sub("", row.query)))
        if largest < limits["table_rows"] or (first and first.mean_milliseconds * 2 > row.mean_milliseconds):
            continue
        if first is None and row.max_milliseconds < limits["spread"] * row.min_milliseconds:
            continue
        blocks = (row.shared_blocks_hit + row.shared_blocks_read) / row.calls
        beside = f"; the first page takes {first.mean_milliseconds:,.1f} ms" if first else ""
        yield Finding(
            title=f"{headline(row, snapshot)} pages with OFFSET through {largest:,} rows",
            message=f"It reads {blocks:,.0f} blocks for {row.rows / row.calls:,.0f} rows a call in {row.mean_milliseconds:,.0f} ms on "
            f"average, up to {row.max_milliseconds:,.0f} ms{beside}.",
            objects=(reference(row),),
            impact=Impact(seconds_an_hour(snapshot, row), "seconds an hour", limits["seconds_an_hour"], 3600),
            evidence=evidence(snapshot, row) | {"max_milliseconds": row.max_milliseconds, "table_rows": largest},
            confidence="medium" if first else "low",
            next_step="Page by key: WHERE (created_at, id) < (the last shown) ORDER BY created_at DESC, id DESC LIMIT n, with an index "
            "on these columns (Django REST framework: CursorPagination).",
        )


def _normal(query: str) -> str:
    return re.sub(r"\$\d+", "$", " ".join(query.split()))


def _heavy(snapshot: Snapshot, row: Statement, limits: Limits) -> bool:
    blocks = row.shared_blocks_hit + row.shared_blocks_read
    return (
        row.calls >= limits["calls"]
        and row.mean_milliseconds >= limits["milliseconds"]
        and blocks >= limits["blocks_a_call"] * row.calls
        and row.rows <= limits["rows_a_call"] * row.calls
        and seconds_an_hour(snapshot, row) >= limits["seconds_an_hour"]
    )
