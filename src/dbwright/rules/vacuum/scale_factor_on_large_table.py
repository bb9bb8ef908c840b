"""A large table waits for millions of changes before autovacuum or auto-analyze comes.

## Why it matters

Autovacuum starts when a *share* of a table changed: a fifth dead or inserted, a tenth modified.
On a table of many millions of rows that share is reached rarely; until then dead rows pile up, statistics age, index-only scans
visit the table, and the vacuum that comes at last is long.

## When to ignore

When the table is hardly written to, or a job vacuums it at a quiet hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from dbwright.model.catalog import Table
from dbwright.model.change import Change, SetStorageParameter
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.statistics import TableStatistics
from dbwright.model.vacuuming import (
    autovacuum_off,
    insert_threshold,
    parameter,
    stored_tables,
    vacuum_threshold,
)
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.tables", "statistics.tables", "settings")
LIMITS = {
    "rows": 5_000_000,
    # Shares up to this one are taken as chosen.
    "scale_factor": 0.05,
    "least_scale_factor": 0.005,
    # Slower tables are as good as static.
    "wait_days": 90,
    # Autovacuum aims at vacuuming a table after this many hours of changes, or one percent of it, whichever is more.
    "target_hours": 6,
    "target_share": 0.01,
}
COVERS = ("autovacuum-scale-factor-large-table", "autovacuum-default-settings", "high-churn-table", "AB-11")
YIELDS_TO = ("vacuum/autovacuum-off-on-table",)

_TABLE = "CREATE TABLE orders (id int);"
_UPDATED = {"orders": {"rows": 4e7, "updated": 9_000_000, "inserted": 100_000}}
_INSERTED = {"orders": {"rows": 4e7, "inserted": 30_000_000}}


def _over_days(days: float) -> Callable[[Snapshot], Snapshot]:
    def edit(snapshot: Snapshot) -> Snapshot:
        began = snapshot.taken_at - timedelta(days=days)
        return replace(snapshot, statistics=replace(snapshot.statistics, reset_at=began))

    return edit


BAD = (
    Sample(_TABLE, statistics=_UPDATED),
    Sample(_TABLE, statistics=_INSERTED),
    Sample("CREATE TABLE orders (id int) WITH (autovacuum_vacuum_scale_factor = 0.3);", statistics=_UPDATED),
    Sample(_TABLE, statistics=_UPDATED, edit=_over_days(30)),
)
GOOD = (
    Sample(_TABLE, statistics={"orders": {"rows": 900_000, "updated": 9_000_000}}),
    Sample(_TABLE, statistics={"orders": {"rows": 4e7, "updated": 900}}, edit=_over_days(30)),
    Sample(
        "CREATE TABLE orders (id int) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);",
        statistics=_UPDATED,
    ),
    Sample(
        settings={"autovacuum_vacuum_scale_factor": "0.01", "autovacuum_analyze_scale_factor": "0.01"},
        ddl=_TABLE,
        statistics=_UPDATED,
    ),
    Sample("CREATE TABLE orders (id int) WITH (autovacuum_enabled = off);", statistics=_UPDATED),
)


@dataclass(frozen=True, slots=True)
class _Trigger:
    """One of the three thresholds: what changes a day, and the changes that autovacuum waits for."""

    name: str
    what: str
    a_day: float
    waits_for: float
    scale: float

    @property
    def days(self) -> float:
        return self.waits_for / self.a_day


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    days = snapshot.counting_days
    if days is None or snapshot.settings.on("autovacuum") is False:
        return
    for table, row in stored_tables(snapshot):
        if row.estimated_rows < limits["rows"] or autovacuum_off(table) or table.kind != "table":
            continue
        triggers = [t for t in _triggers(snapshot, table, row, days) if _late(t, limits, row)]
        if triggers:
            yield _finding(table, row, triggers, limits)


def _late(trigger: _Trigger, limits: Limits, row: TableStatistics) -> bool:
    """Whether the threshold is a large share, reached in a time that makes tuning worth its while."""
    share = trigger.waits_for / max(row.estimated_rows, 1)
    return trigger.scale > limits["scale_factor"] < share and trigger.days <= limits["wait_days"]


def _triggers(snapshot: Snapshot, table: Table, row: TableStatistics, days: float) -> Iterator[_Trigger]:
    rows = row.estimated_rows
    died, inserted = (row.updated + row.deleted) / days, row.inserted / days
    if died > 0:
        name = "autovacuum_vacuum_scale_factor"
        waits = vacuum_threshold(snapshot, table, rows)
        yield _Trigger(name, "rows to die", died, waits, parameter(snapshot, table, name))
    waits_insert = insert_threshold(snapshot, table, rows)
    if inserted > died and waits_insert is not None:
        name = "autovacuum_vacuum_insert_scale_factor"
        yield _Trigger(name, "rows to be inserted", inserted, waits_insert, parameter(snapshot, table, name))


def _finding(table: Table, row: TableStatistics, triggers: list[_Trigger], limits: Limits) -> Finding:
    worst = max(triggers, key=lambda t: t.waits_for)
    chosen = {t.name: _scale(t, row, limits) for t in triggers}
    # Statistics age with the same changes; analyze at half of what VACUUM waits for, as PostgreSQL's defaults do.
    chosen["autovacuum_analyze_scale_factor"] = min(chosen.values()) / 2
    return Finding(
        title=f"Autovacuum waits for {worst.waits_for:,.0f} {worst.what} in {table.name}",
        message=f"At {worst.a_day:,.0f} a day it comes about every {_days(worst.days)}; a scale factor of {chosen[worst.name]:g} "
        f"for this table brings it after {chosen[worst.name] * row.estimated_rows:,.0f} (estimates from the counters).",
        objects=(table_ref(table),),
        impact=Impact(worst.waits_for, "rows", limits["rows"] * limits["scale_factor"], 500_000_000, estimated=True),
        evidence={
            "rows": row.estimated_rows,
            "dead_rows": row.dead_rows,
            "thresholds": {
                t.name: {
                    "now": t.scale,
                    "waits_for": round(t.waits_for),
                    "changes_a_day": round(t.a_day),
                    "new": chosen[t.name],
                }
                for t in triggers
            },
            "computation": "scale factor = max(target_hours of changes, target_share of the rows) / rows, "
            f"between {limits['least_scale_factor']:g} and {limits['scale_factor']:g}",
        },
        confidence="medium",
        change=Change(
            tuple(
                SetStorageParameter(table.schema, table.name, name, table.option(name), f"{value:g}")
                for name, value in chosen.items()
            )
        ),
    )


def _scale(trigger: _Trigger, row: TableStatistics, limits: Limits) -> float:
    target = max(trigger.a_day / 24 * limits["target_hours"] / row.estimated_rows, limits["target_share"])
    return round(min(max(target, limits["least_scale_factor"]), limits["scale_factor"]), 3)


def _days(days: float) -> str:
    return (
        f"{days:,.0f} days"
        if days >= 2
        else f"{days * 24:,.0f} hours"
        if days >= 2 / 24
        else f"{days * 1440:,.0f} minutes"
    )
