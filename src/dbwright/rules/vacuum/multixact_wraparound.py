"""A database's oldest multixact ids come near the limit at which rows can no longer be locked together.

## Why it matters

When several transactions lock one row (each insert of a child row share-locks its parent), the row carries a multixact id.
These ids are 32-bit as well: if they are not frozen in time, the server refuses every statement that needs a new one.

## When to ignore

When a vacuum is running that already brings the age down.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dbwright.model.catalog import Table
from dbwright.model.change import Change, Maintain
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.vacuuming import WRAPAROUND, database_step
from dbwright.rules import Limits

RISK: Risk = "outage"
NEEDS = ("catalog.databases", "catalog.tables")
LIMITS = {
    # Share of the way from autovacuum_multixact_freeze_max_age to 2^31.
    "share": 0.25,
    # vacuum_multixact_failsafe_age (PostgreSQL 14 and later).
    "failsafe": 1_600_000_000,
    "tables": 10,
}
COVERS = ("multixact-wraparound",)


def _aged(age: int, table_age: int | None = None) -> Sample:
    def edit(snapshot: Snapshot) -> Snapshot:
        catalog = snapshot.catalog
        databases = tuple(replace(d, multixact_age=age) if d.is_current else d for d in catalog.databases)
        tables = tuple(replace(t, multixact_age=table_age or t.multixact_age) for t in catalog.tables)
        return replace(snapshot, catalog=replace(catalog, databases=databases, tables=tables))

    return Sample("CREATE TABLE orders (id int);", edit=edit)


BAD = (_aged(1_300_000_000, 1_300_000_000), _aged(1_000_000_000))
GOOD = (_aged(390_000_000), _aged(700_000_000, 700_000_000))


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    forced = snapshot.settings.number("autovacuum_multixact_freeze_max_age") or 400_000_000
    begins = forced + limits["share"] * (WRAPAROUND - forced)
    for database in snapshot.catalog.databases:
        age = database.multixact_age
        if age < begins:
            continue
        tables = _oldest(snapshot, limits, begins) if database.is_current else []
        yield Finding(
            title=f"Database {database.name} has used {age / WRAPAROUND:.0%} of its multixact ids",
            message=f"Its oldest multixact is {age:,} ids old; at {WRAPAROUND:,} rows could no longer be locked by several transactions. "
            f"Autovacuum should have begun at {forced:,.0f}.",
            objects=(ObjectRef("database", database.name),),
            impact=Impact(age, "multixacts", begins, max(limits["failsafe"], begins + 1)),
            evidence={
                "age": age,
                "left": WRAPAROUND - age,
                "autovacuum_multixact_freeze_max_age": forced,
                "oldest_tables": {f"{t.schema}.{t.name}": t.multixact_age for t in tables},
            },
            change=Change(tuple(Maintain(t.schema, t.name, vacuum=True) for t in tables)) if tables else None,
            next_step=database_step(database.name),
        )


def _oldest(snapshot: Snapshot, limits: Limits, begins: float) -> list[Table]:
    old = [t for t in snapshot.catalog.tables if (t.multixact_age or 0) >= begins and t.persistence != "temporary"]
    return sorted(old, key=lambda t: -(t.multixact_age or 0))[: int(limits["tables"])]
