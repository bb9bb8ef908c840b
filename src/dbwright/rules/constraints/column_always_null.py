"""A column of a large table has no value in any sampled row.

## Why it matters

Either the column is a leftover that every model, form and export still carries, or something that should fill it does not work:
the second is worth knowing soon.

## When to ignore

New columns that are still being filled, and columns for events that are very rare.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.columns import Measured, measured_columns, referencing_columns
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.index_use import window_days
from dbwright.model.sample import Sample
from dbwright.model.sample_indexes import with_history
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("catalog.columns", "statistics.tables", "statistics.columns")
LIMITS = {
    "rows": 1_000_000,
    # An optional column may wait for long: only where it stayed empty through a season of use is it worth a look.
    "days": 90,
    # Rows changed since the last ANALYZE, as a share: above, the sample is of another time.
    "changed_since_analyze": 0.5,
}
COVERS = ("column-always-null",)

_TABLE = "CREATE TABLE visit (id bigint PRIMARY KEY, page text, campaign text);"
_ROWS = "INSERT INTO visit SELECT n, 'p' FROM generate_series(1, 2000) n; ANALYZE visit;"
_LARGE = {"visit": {"rows": 2e6}}

_LONG = with_history(200)

BAD = (Sample(_TABLE + _ROWS, statistics=_LARGE, edit=_LONG),)
GOOD = (
    Sample(_TABLE + _ROWS, edit=_LONG),
    Sample(
        _TABLE + _ROWS.replace("SELECT n, 'p'", "SELECT n, 'p', nullif(n % 50, 1)::text"), statistics=_LARGE, edit=_LONG
    ),
    # What only rare events fill.
    Sample(
        (_TABLE + _ROWS).replace("campaign text", "deleted_at timestamptz, error_message text"),
        statistics=_LARGE,
        edit=_LONG,
    ),
    # The sample is of another time.
    Sample(_TABLE + _ROWS, statistics={"visit": {"rows": 2e6, "modified_since_analyze": 1_900_000}}, edit=_LONG),
    # Never analyzed.
    Sample(_TABLE, statistics=_LARGE, edit=_LONG),
    # Two months prove nothing.
    Sample(_TABLE + _ROWS, statistics=_LARGE, edit=with_history(60)),
    # Prefect: an optional reference that nobody needed so far.
    Sample(
        "CREATE TABLE campaign (id text PRIMARY KEY);"
        + (_TABLE + _ROWS).replace("campaign text", "campaign text REFERENCES campaign"),
        statistics=_LARGE,
        edit=_LONG,
    ),
)

_RARE = re.compile(
    r"(_at|_on|_date|_time|_until|_by|_by_id)$|error|fail|exception|delet|archiv|cancel|refund|"
    r"reject|dispute|revok|expire|ban|block|"
    r"reason|note|comment|override|legacy_|parent|replace|merge|retry"
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if window_days(snapshot) < limits["days"]:
        return
    found = [entry for entry in measured_columns(snapshot, limits["rows"]) if _is_empty(snapshot, entry, limits)]
    if not found:
        return
    found.sort(key=lambda entry: (-entry.rows, entry.label))
    count = len(found)
    yield Finding(
        title=f"{found[0].label} is always NULL" if count == 1 else f"{count} columns are always NULL",
        message=f"{listed(entry.label for entry in found)} had no value in any row that the last ANALYZE "
        "sampled; the largest table "
        f"has about {found[0].rows:,} rows.",
        objects=tuple(entry.ref for entry in found),
        impact=Impact(found[0].rows, "rows", limits["rows"], 1e11, estimated=True),
        evidence={"columns": {entry.label: entry.rows for entry in found[:50]}, "count": count},
        confidence="medium",
        next_step=f"Search the code for what should write {found[0].name}: mend it, or remove the column from the "
        "model and drop it.",
    )


def _is_empty(snapshot: Snapshot, entry: Measured, limits: Limits) -> bool:
    if entry.statistics.null_fraction < 1 or entry.column.generated or _RARE.search(entry.name.lower()):
        return False
    if entry.name in referencing_columns(snapshot, entry.table):
        return False
    leaves = (snapshot.statistics.table_by_oid.get(leaf.oid) for leaf in snapshot.catalog.leaves_of(entry.table))
    changed = sum(row.modified_since_analyze for row in leaves if row)
    return changed <= limits["changed_since_analyze"] * entry.rows
