"""Some names must be written in double quotes, while most need none.

## Why it matters

PostgreSQL folds unquoted names to lower case: ``SELECT userId`` looks for ``userid`` and fails.
Whoever writes SQL by hand, a report or a trigger must know which of the names are of that kind.

## When to ignore

When a tool made the names and nobody writes SQL by hand.
A schema that is written in camel case throughout is a decision, and this rule is silent about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.catalog import FRAMEWORK_TABLES
from dbwright.model.columns import MOST_OBJECTS, is_scratch
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref, table_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("catalog.tables", "catalog.columns")
LIMITS = {
    "names": 1,
    # From this share of tables on it is taken for the convention of the schema.
    "convention": 0.4,
}
COVERS = ("uppercase-or-quoted-name", "unwanted-characters")

_PLAIN_TABLES = (
    "CREATE TABLE store (id bigint, name text); CREATE TABLE coupon (id bigint); CREATE TABLE visit (id bigint);"
)

BAD = (
    Sample(_PLAIN_TABLES + 'CREATE TABLE "userNote" (id bigint);'),
    Sample(_PLAIN_TABLES + 'ALTER TABLE store ADD COLUMN "opening hours" text, ADD COLUMN "createdAt" date;'),
)
GOOD = (
    Sample(_PLAIN_TABLES),
    # The convention of the whole schema.
    Sample(
        'CREATE TABLE "Store" (id bigint, "createdAt" date); CREATE TABLE "userNote" (id bigint); '
        "CREATE TABLE visit (id bigint);"
    ),
    # Letters of other alphabets need no quotes.
    Sample("CREATE TABLE größe (id bigint, straße text); CREATE TABLE store (id bigint);"),
    Sample(_PLAIN_TABLES + 'CREATE VIEW "Report" AS SELECT * FROM store;'),
)

_NEEDS_NONE = re.compile(r"[^\W\dA-Z][\w$]*")


def _quoted(name: str) -> bool:
    return name != name.lower() or not _NEEDS_NONE.fullmatch(name)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if not snapshot.was_read:
        return  # what frameworks write they quote; by hand somebody writes SQL to a database that is there
    catalog = snapshot.catalog
    tables = [t for t in catalog.user_tables if t.name not in FRAMEWORK_TABLES and not is_scratch(t)]
    found: list[ObjectRef] = []
    concerned = 0
    for table in tables:
        columns = [c.name for c in catalog.columns_of(table) if _quoted(c.name)]
        refs = [table_ref(table)] if _quoted(table.name) else []
        refs += [object_ref("column", table, name) for name in columns]
        concerned += bool(refs)
        found += refs
    if len(found) < limits["names"] or concerned > limits["convention"] * len(tables):
        return
    yield Finding(
        title=f"{len(found)} name{'s need' if len(found) > 1 else ' needs'} double quotes",
        message=f"{listed(ref.label for ref in found)} must be quoted in SQL, while the names of "
        f"{len(tables) - concerned} of {len(tables)} "
        "tables need none.",
        objects=tuple(found[:MOST_OBJECTS]),
        impact=Impact(len(found), "names", limits["names"], 1e7),
        evidence={"names": [ref.label for ref in found[:100]], "count": len(found), "tables": len(tables)},
        next_step="Give them lower-case names with underscores when the tables are changed anyway: ALTER TABLE … "
        "RENAME, together with "
        "db_table or db_column of the model (both are quick, but old code must not run beside new).",
    )
