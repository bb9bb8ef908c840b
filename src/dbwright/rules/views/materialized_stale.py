"""A materialized view is not refreshed although the tables behind it change.

## Why it matters

A materialized view shows the data of its last refresh; PostgreSQL never refreshes it by itself.
Without a schedule that does, what it shows falls behind a little more every day and nobody is told.

## When to ignore

When the view is meant to hold the figures of a past day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from dbwright.model.catalog import Table
from dbwright.model.change import Change, Verbatim
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.indexing import is_usable
from dbwright.model.lineage import base_tables
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.tables", "statistics.tables")
LIMITS = {
    "days": 7,
    # A refresh leaves writes on the view unless nothing changed; so many changed rows below it, and that cannot be.
    "writes": 10_000,
    "share": 0.01,
}
COVERS = ("AB-10",)


def _counted_for(days: int) -> Sample:
    def edit(snapshot: Snapshot) -> Snapshot:
        began = snapshot.taken_at - timedelta(days=days)
        return replace(snapshot, statistics=replace(snapshot.statistics, reset_at=began))

    return Sample(edit=edit)


_VIEW = """
CREATE TABLE post (id bigint PRIMARY KEY);
CREATE MATERIALIZED VIEW daily AS SELECT count(*) FROM post;
"""
_NOT_SINCE: dict[str, dict[str, float]] = {"post": {"rows": 3e6, "inserted": 900_000}, "daily": {"inserted": 0}}

BAD = (replace(_counted_for(30), ddl=_VIEW, statistics=_NOT_SINCE),)
GOOD = (
    replace(_counted_for(2), ddl=_VIEW, statistics=_NOT_SINCE),
    replace(_counted_for(30), ddl=_VIEW, statistics={"post": {"rows": 3e6, "inserted": 900_000}}),
    replace(_counted_for(30), ddl=_VIEW, statistics=_NOT_SINCE | {"post": {"rows": 3e6, "inserted": 200}}),
    replace(_counted_for(30), ddl=_VIEW.replace("MATERIALIZED ", ""), statistics={"post": {"inserted": 900_000}}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    days = snapshot.counting_days
    if days is None or days < limits["days"]:
        return
    for view in snapshot.catalog.user_relations:
        statistics = snapshot.statistics_of(view) if view.kind == "materialized view" and view.is_populated else None
        if statistics is None or statistics.writes or _was_refreshed(snapshot, view):
            continue
        sources = base_tables(snapshot.catalog, view)
        changed = {table.name: snapshot.writes(table) for table in sources}
        rows = sum(snapshot.rows(table) for table in sources)
        total = sum(changed.values())
        if total >= max(limits["writes"], limits["share"] * rows):
            yield _finding(snapshot, view, days, total, rows, changed, limits)


def _was_refreshed(snapshot: Snapshot, view: Table) -> bool:
    """Whether a refresh was recorded, which may have found nothing to change."""
    pattern = re.compile(rf"^\s*refresh\s+materialized\s+view\b.*\b{re.escape(view.name)}\b", re.I | re.S)
    return any(pattern.match(s.query) for s in snapshot.workload.statements)


def _finding(
    snapshot: Snapshot, view: Table, days: float, total: int, rows: int, changed: dict[str, int], limits: Limits
) -> Finding:
    unique = any(
        i.is_unique and is_usable(i) and i.predicate is None and not any(i.is_expression)
        for i in snapshot.catalog.indexes_of(view)
    )
    how = "CONCURRENTLY " if unique else ""
    return Finding(
        title=f"Materialized view {view.name} has not been refreshed for {days:,.0f} days or more",
        message=f"Nothing was written to {view.name} since the counters began {days:,.0f} days ago, while the tables it reads took "
        f"{total:,} row changes (they hold about {rows:,} rows).",
        objects=(table_ref(view),),
        impact=Impact(
            total / max(rows, 1), "share of the rows behind it changed", limits["share"], 1.0, estimated=True
        ),
        evidence={"days": round(days, 1), "changes_behind": changed},
        confidence="medium",
        change=Change(
            (Verbatim(f"REFRESH MATERIALIZED VIEW {how}{quote_identifier(view.schema, view.name)}", None, False),),
            "Refreshes it once; put the same statement on a schedule (pg_cron, Celery beat, cron), or drop the view if nobody reads it."
            + ("" if unique else " Without a unique index readers wait meanwhile."),
        ),
    )
