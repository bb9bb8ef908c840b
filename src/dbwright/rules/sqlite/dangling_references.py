"""Rows point at rows that do not exist.

## Why it matters

SQLite checks foreign keys only on connections that ask for it (`PRAGMA foreign_keys = ON`), and the default is off.
A script, a shell or an ORM that forgot to ask has left references behind that joins silently drop and that PostgreSQL will refuse
when the data is moved there.

## When to ignore

When the table is a log that is meant to outlive what it mentions; then the foreign key itself is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("integrity.foreign_keys",)
LIMITS = {"rows": 1}
ENGINES = ("sqlite",)
COVERS = ("BP-38",)

_TABLES = """
CREATE TABLE store (id INTEGER PRIMARY KEY);
CREATE TABLE promo (id INTEGER PRIMARY KEY, store_id INTEGER REFERENCES store (id));
INSERT INTO store VALUES (1);
"""

BAD = (Sample(_TABLES + "INSERT INTO promo VALUES (1, 1), (2, 7), (3, 8);", engine="sqlite"),)
GOOD = (
    Sample(_TABLES + "INSERT INTO promo VALUES (1, 1), (2, NULL);", engine="sqlite"),
    Sample(
        "CREATE TABLE promo (id INTEGER PRIMARY KEY, store_id INTEGER); INSERT INTO promo VALUES (1, 9);",
        engine="sqlite",
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for problem in snapshot.integrity:
        if problem.check == "foreign_key_check" and problem.rows >= limits["rows"]:
            table = problem.table or ""
            yield Finding(
                title=f"{problem.rows:,} rows of {table} reference nothing",
                message=f"PRAGMA foreign_key_check: {problem.rows:,} {problem.message}.",
                objects=(ObjectRef("table", table, "main", table),),
                impact=Impact(problem.rows, "rows", 1, 1000),
                evidence={"rows": problem.rows, "check": "PRAGMA foreign_key_check"},
                next_step=f"List them with PRAGMA foreign_key_check({table}), mend or delete them, and set PRAGMA foreign_keys = ON "
                "on every connection.",
                identity=problem.message,
            )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    keys = [c for c in snapshot.catalog.constraints if c.kind == "foreign key"]
    if keys:
        yield Strength(
            "Every reference leads to a row",
            f"PRAGMA foreign_key_check found no violation of {len(keys)} foreign keys.",
            {"foreign_keys": len(keys)},
        )
