"""Every column of a table but its key is optional.

## Why it matters

NOT NULL is the cheapest rule there is: without it a row may consist of nothing but its key, every reader must handle NULL, and the
planner cannot use NOT IN as an anti-join or treat outer joins as inner ones.

## When to ignore

Tables of optional details, and tables that mirror a foreign source whose fields may all be missing.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Table
from dbwright.model.columns import MOST_OBJECTS, measured_in, own_tables
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "hygiene"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("catalog.columns", "catalog.constraints", "statistics.tables")
LIMITS = {"rows": 10_000, "columns": 4}
COVERS = ("all-nullable-but-pk", "nullable-overuse")

_TABLE = "CREATE TABLE visit (id bigint PRIMARY KEY, page text, at timestamptz, agent text, ip inet);"
_ROWS = "INSERT INTO visit SELECT n, 'p', now(), NULL, NULL FROM generate_series(1, 500) n; ANALYZE visit;"
_LARGE = {"visit": {"rows": 2e6}}

BAD = (
    Sample(_TABLE, statistics=_LARGE),
    Sample(
        _TABLE + _ROWS,
        statistics=_LARGE,
    ),
    Sample(_TABLE, statistics=_LARGE, engine="sqlite"),
)
GOOD = (
    Sample(_TABLE, statistics={"visit": {"rows": 500}}),
    Sample(_TABLE.replace("page text", "page text NOT NULL"), statistics=_LARGE),
    Sample(_TABLE.replace("page text", "page text CHECK (page IS NOT NULL)"), statistics=_LARGE),
    Sample("CREATE TABLE visit (id bigint PRIMARY KEY, page text, at timestamptz);", statistics=_LARGE),
    Sample(_TABLE.replace("visit", "visit_import"), statistics={"visit_import": {"rows": 2e6}}),
    Sample(_TABLE.replace("page text", "page text NOT NULL"), statistics=_LARGE, engine="sqlite"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = []
    for table, rows in own_tables(snapshot, limits["rows"]):
        optional = _optional(snapshot, table, limits)
        if optional:
            full = [
                e.name
                for e in measured_in(snapshot, table, rows)
                if e.name in optional and e.statistics.null_fraction == 0
            ]
            found.append((rows, table, optional, full))
    if not found:
        return
    found.sort(key=lambda entry: (-entry[0], entry[1].name))
    rows, table, optional, full = found[0]
    filled = f" {len(full)} of them had a value in every sampled row: {listed(full)}." if full else ""
    yield Finding(
        title=f"Every column of {table.name} but its key is optional"[:79]
        if len(found) == 1
        else f"Every column but the key is optional in {len(found)} tables",
        message=f"All {len(optional)} columns of {table.name} beside its key may be NULL in about {rows:,} "
        f"rows.{filled}"
        + (f" The same goes for {listed(t.name for _, t, _, _ in found[1:])}." if len(found) > 1 else ""),
        objects=tuple(table_ref(t) for _, t, _, _ in found[:MOST_OBJECTS]),
        impact=Impact(rows, "rows", limits["rows"], 1e9, estimated=True),
        evidence={
            "tables": {
                t.name: {"rows": r, "optional_columns": len(o), "never_null_in_sample": f} for r, t, o, f in found[:50]
            }
        },
        confidence="medium",
        next_step="Make the columns required that the code always fills "
        f"({listed(full) if full else 'ask the models'}): "
        + (
            "ADD CHECK (column IS NOT NULL) NOT VALID, VALIDATE, then SET NOT NULL, so that no long lock is held."
            if snapshot.target.engine == "postgresql"
            else "change the model, and the migration rebuilds the table."
        ),
    )


def _optional(snapshot: Snapshot, table: Table, limits: Limits) -> list[str]:
    """The columns beside the key, when all of them may be NULL and they are enough to matter."""
    catalog = snapshot.catalog
    key = catalog.primary_key(table)
    columns = [c for c in catalog.columns_of(table) if not (key and c.name in key.columns) and not c.generated]
    if len(columns) < limits["columns"] or any(column.not_null or column.type_kind == "domain" for column in columns):
        return []
    if any("IS NOT NULL" in c.definition for c in catalog.constraints_of(table, "check")):
        return []
    return [column.name for column in columns]
