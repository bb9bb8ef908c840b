"""A materialized view has no unique index, so that it cannot be refreshed while it is read.

## Why it matters

REFRESH MATERIALIZED VIEW without CONCURRENTLY holds an exclusive lock from start to end: every reader waits until the query behind
the view has been worked out anew.
CONCURRENTLY needs a unique index on plain columns, without a condition.

## When to ignore

When the view is refreshed at times at which nobody reads it, or the refresh takes no time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.catalog import Catalog, Table
from dbwright.model.change import Change, CreateIndex, IndexKey
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.indexing import free_name, is_usable
from dbwright.model.lineage import base_tables
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("catalog.tables", "catalog.indexes", "catalog.columns", "statistics.tables")
LIMITS = {
    # Rows that a refresh has to read or write; with fewer it is over before anybody waits.
    "rows": 100_000,
    # Distinct values among fewer rows may be chance.
    "key_rows": 1_000,
}
COVERS = ("AB-10", "matview-refresh-blocking")

_VIEW = """
CREATE TABLE post (id bigint PRIMARY KEY, channel bigint, views bigint);
INSERT INTO post SELECT g, g % 3000, g FROM generate_series(1, 6000) g;
CREATE MATERIALIZED VIEW daily AS SELECT channel, sum(views) AS views FROM post GROUP BY channel;
ANALYZE post; ANALYZE daily;
"""
_KEYED = _VIEW.replace("SELECT channel,", "SELECT channel AS channel_id,")
_LARGE = {"post": {"rows": 4e6}}

BAD = (
    Sample(_VIEW, statistics=_LARGE),
    Sample(_KEYED, statistics=_LARGE),
    Sample(_VIEW + "CREATE UNIQUE INDEX ON daily (channel) WHERE views > 0;", statistics=_LARGE),
    Sample(_VIEW + "CREATE UNIQUE INDEX ON daily (abs(channel));", statistics=_LARGE),
    Sample(
        _VIEW.replace("FROM post", "FROM shown").replace(
            "CREATE MAT", "CREATE VIEW shown AS SELECT * FROM post; CREATE MAT"
        ),
        statistics=_LARGE,
    ),
)
GOOD = (
    Sample(_VIEW, statistics={"post": {"rows": 5_000}}),
    Sample(_VIEW + "CREATE UNIQUE INDEX ON daily (channel);", statistics=_LARGE),
    Sample(_VIEW.replace("MATERIALIZED ", "").replace("ANALYZE daily;", ""), statistics=_LARGE),
)

_KEY_NAME = re.compile(r"(^|_)(id|uuid|key|code|slug)$", re.I)
_KEY_TYPES = frozenset({"int2", "int4", "int8", "uuid", "text", "varchar"})


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for view in _materialized(snapshot.catalog):
        if _can_refresh_concurrently(snapshot.catalog, view) or not view.is_populated:
            continue
        sources = base_tables(snapshot.catalog, view)
        read, held = sum(snapshot.rows(table) for table in sources), snapshot.rows(view)
        if max(read, held) < limits["rows"]:
            continue
        key = _natural_key(snapshot, view, limits)
        statement = _blocking_refresh(snapshot, view)
        yield Finding(
            title=f"Materialized view {view.name} cannot be refreshed concurrently",
            message=f"It has no unique index, so each refresh (it reads {len(sources)} tables of about {read:,} rows) blocks every reader "
            "until it is done." + (f" Refreshes so far took {statement:,.0f} ms on average." if statement else ""),
            objects=(table_ref(view),),
            impact=Impact(max(read, held), "rows", limits["rows"], 100_000_000, estimated=True),
            evidence={
                "rows": held,
                "reads": {table.name: snapshot.rows(table) for table in sources[:20]},
                "refresh_milliseconds": statement,
                "unique_column": key,
            },
            confidence="high" if statement else "medium",
            change=_change(snapshot.catalog, view, key) if key else None,
            next_step=None
            if key
            else f"Build a unique index CONCURRENTLY on the columns that tell the rows of {view.name} apart (those "
            "of its GROUP BY or DISTINCT), then refresh it with REFRESH MATERIALIZED VIEW CONCURRENTLY.",
        )


def _materialized(catalog: Catalog) -> tuple[Table, ...]:
    return tuple(t for t in catalog.user_relations if t.kind == "materialized view")


def _can_refresh_concurrently(catalog: Catalog, view: Table) -> bool:
    return any(
        index.is_unique and is_usable(index) and index.predicate is None and not any(index.is_expression)
        for index in catalog.indexes_of(view)
    )


def _natural_key(snapshot: Snapshot, view: Table, limits: Limits) -> str | None:
    """The one column that is a key by its name and by its values. A column that is unique by chance would make a later refresh
    fail, so nothing is guessed from few rows or from measures."""
    if snapshot.rows(view) < limits["key_rows"]:
        return None
    for column in snapshot.catalog.columns_of(view):
        row = snapshot.statistics.column(view, column.name)
        named = _KEY_NAME.search(column.name) and column.base_type in _KEY_TYPES
        if named and row and row.distinct == -1 and row.null_fraction == 0:
            return column.name
    return None


def _change(catalog: Catalog, view: Table, key: str) -> Change:
    name = free_name(catalog, view, (key,), "uniq")
    return Change(
        (CreateIndex(view.schema, view.name, name, (IndexKey(key),), unique=True),),
        f"By the planner's statistics {key} has no two equal values. Refresh with REFRESH MATERIALIZED VIEW CONCURRENTLY from then on.",
    )


def _blocking_refresh(snapshot: Snapshot, view: Table) -> float | None:
    """Milliseconds of a recorded refresh of this view without CONCURRENTLY."""
    pattern = re.compile(rf"^\s*refresh\s+materialized\s+view\s+(?!concurrently)\S*\b{re.escape(view.name)}\b", re.I)
    times = [s.mean_milliseconds for s in snapshot.workload.statements if pattern.match(s.query)]
    return max(times, default=None)


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    views = [v for v in _materialized(snapshot.catalog) if _can_refresh_concurrently(snapshot.catalog, v)]
    if views:
        yield Strength(
            "Materialized views can be refreshed while they are read",
            f"{len(views)} materialized views have a unique index that REFRESH ... CONCURRENTLY can use.",
            {"views": sorted(view.name for view in views)[:20]},
        )
