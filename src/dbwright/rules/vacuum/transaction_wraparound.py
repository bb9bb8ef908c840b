"""A database's oldest transaction ids come near the limit at which the server refuses to write.

## Why it matters

Row versions carry 32-bit transaction ids, so VACUUM must freeze old ones before two thousand million newer transactions pile up.
Three million before that point PostgreSQL assigns no new ids: every write in the whole cluster fails until a vacuum has finished.

## When to ignore

Never for long; a database that is far along but whose vacuum is running now and advancing needs only watching.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dbwright.model.catalog import Database, Table
from dbwright.model.change import Change, Maintain
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.vacuuming import WRAPAROUND, database_step, horizon_holders
from dbwright.rules import Limits

RISK: Risk = "outage"
NEEDS = ("catalog.databases", "catalog.tables")
LIMITS = {
    # Share of the way from autovacuum_freeze_max_age, where a forced vacuum begins, to 2^31.
    "share": 0.25,
    # vacuum_failsafe_age (PostgreSQL 14 and later): VACUUM then drops all else to advance the age.
    "failsafe": 1_600_000_000,
    "tables": 10,
}
COVERS = ("xid-wraparound-database", "xid-wraparound-table", "autovacuum-freeze-near", "AB-12")


def _aged(age: int, table_age: int | None = None, name: str | None = None) -> Sample:
    def edit(snapshot: Snapshot) -> Snapshot:
        catalog = snapshot.catalog
        databases = tuple(
            replace(d, frozen_xid_age=age) if (d.name == name if name else d.is_current) else d
            for d in catalog.databases
        )
        tables = tuple(replace(t, frozen_xid_age=table_age or t.frozen_xid_age) for t in catalog.tables)
        return replace(snapshot, catalog=replace(catalog, databases=databases, tables=tables))

    return Sample("CREATE TABLE orders (id int);", edit=edit)


BAD = (_aged(1_200_000_000, 1_200_000_000), _aged(900_000_000), _aged(1_900_000_000, name="template1"))
GOOD = (_aged(190_000_000, 190_000_000), _aged(420_000_000, 420_000_000), Sample("CREATE TABLE orders (id int);"))


def _begins(snapshot: Snapshot, limits: Limits) -> float:
    forced = snapshot.settings.number("autovacuum_freeze_max_age") or 200_000_000
    return forced + limits["share"] * (WRAPAROUND - forced)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    begins = _begins(snapshot, limits)
    for database in snapshot.catalog.databases:
        if database.frozen_xid_age >= begins:
            yield _finding(snapshot, limits, database, begins)


def _finding(snapshot: Snapshot, limits: Limits, database: Database, begins: float) -> Finding:
    age = database.frozen_xid_age
    holder = next(iter(horizon_holders(snapshot)), None)
    held = holder is not None and holder.age >= 0.9 * begins
    tables = _oldest(snapshot, limits, begins) if database.is_current else []
    named = f" The oldest table is {tables[0].name} ({tables[0].frozen_xid_age:,})." if tables else ""
    blocked = f" No vacuum can help while {holder.what} is there." if holder and held else ""
    return Finding(
        title=f"Database {database.name} has used {age / WRAPAROUND:.0%} of its transaction ids",
        message=f"Its oldest unfrozen transaction is {age:,} transactions old; at {WRAPAROUND:,} the server would stop writing."
        f"{named}{blocked}",
        objects=(ObjectRef("database", database.name),),
        impact=Impact(age, "transactions", begins, max(limits["failsafe"], begins + 1)),
        evidence={
            "age": age,
            "left": WRAPAROUND - age,
            "autovacuum_freeze_max_age": snapshot.settings.number("autovacuum_freeze_max_age"),
            "oldest_tables": {f"{t.schema}.{t.name}": t.frozen_xid_age for t in tables},
        },
        change=_vacuum(tables) if tables and not held else None,
        next_step=_step(database, holder.step if holder and held else None),
    )


def _oldest(snapshot: Snapshot, limits: Limits, begins: float) -> list[Table]:
    old = [t for t in snapshot.catalog.tables if (t.frozen_xid_age or 0) >= begins and t.persistence != "temporary"]
    return sorted(old, key=lambda t: -(t.frozen_xid_age or 0))[: int(limits["tables"])]


def _vacuum(tables: list[Table]) -> Change:
    return Change(
        tuple(Maintain(t.schema, t.name, vacuum=True) for t in tables),
        note="At this age VACUUM reads whole tables; run it when the disks have room to spare, and again until the age has fallen.",
    )


def _step(database: Database, blocker: str | None) -> str:
    if blocker:
        return blocker
    if not database.allows_connections:
        return f"See in the server's log why autovacuum fails on {database.name}; it works there even though nobody may connect."
    return database_step(database.name)


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    oldest = max(snapshot.catalog.databases, key=lambda d: d.frozen_xid_age, default=None)
    if oldest:
        yield Strength(
            "Transaction ids are far from running out",
            f"The oldest database, {oldest.name}, has used {oldest.frozen_xid_age / WRAPAROUND:.1%} of them.",
            {"database": oldest.name, "age": oldest.frozen_xid_age},
        )
