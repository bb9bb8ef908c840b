"""A text column holds lists, their parts separated by commas.

## Why it matters

The parts cannot be indexed, counted, joined or referred to.
Finding the rows with one of them takes LIKE '%part%' over the whole table (and finds "art" in "party" too); renaming or removing one means
rewriting strings.

## When to ignore

When the list is only ever stored and shown as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.columns import TEXTS, Measured, measured_columns
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.columns", "statistics.tables", "statistics.columns")
LIMITS = {"rows": 1_000, "values": 10, "lists": 0.4, "part_length": 40}
COVERS = ("multi-valued-attribute",)

_TABLE = "CREATE TABLE post (id bigint PRIMARY KEY, tags varchar(200));"
_ROWS = "INSERT INTO post SELECT n, concat_ws(',', 'red' || n % 40, 'blue' || n % 30) FROM generate_series(1, 3000) n; ANALYZE post;"

BAD = (
    Sample(_TABLE + _ROWS),
    Sample((_TABLE + _ROWS).replace("tags", "member_ids").replace("'red' ||", "").replace("'blue' ||", "")),
)
GOOD = (
    Sample(_TABLE + _ROWS.replace("3000", "300")),
    Sample(
        _TABLE.replace("varchar(200)", "text[]") + _ROWS.replace("concat_ws(',', ", "ARRAY[").replace("% 30)", "% 30]")
    ),
    # Sentences have commas too.
    Sample((_TABLE + _ROWS).replace("tags", "summary")),
    # One word each.
    Sample(_TABLE + _ROWS.replace("concat_ws(',', 'red' || n % 40, 'blue' || n % 30)", "'red' || n")),
)

_PLURAL = re.compile(
    r"(^|_)(tags|labels|ids|emails|roles|permissions|categories|topics|members|recipients|groups|"
    r"skills|languages|countries|features|"
    r"options|days|weekdays|colors|colours|sizes|channels|interests|hobbies|genres|ingredients|"
    r"allergies|amenities|authors|tag_list|id_list)$"
)
_SEPARATORS = (",", ";", "|")


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(_found(snapshot, limits), "{} columns keep lists in one text")


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for entry in measured_columns(snapshot, limits["rows"], TEXTS):
        name = entry.name.lower()
        if not (_PLURAL.search(name) or name.endswith("_ids")) or entry.column.generated:
            continue
        values = [value for value in entry.values if value.strip()]
        for separator in _SEPARATORS if len(values) >= limits["values"] else ():
            lists = sum(_is_list(value, separator, limits) for value in values)
            if lists >= limits["lists"] * len(values):
                yield _finding(entry, separator, lists / len(values), limits)
                break


def _is_list(value: str, separator: str, limits: Limits) -> bool:
    if value[0] in "[{(":
        return False
    parts = [part.strip() for part in value.split(separator)]
    return len(parts) > 1 and all(len(part) <= limits["part_length"] and part.count(" ") <= 2 for part in parts)


def _finding(entry: Measured, separator: str, share: float, limits: Limits) -> Finding:
    return Finding(
        title=f"{entry.label} holds lists in one text",
        message=f'About {share:.0%} of the sampled values are lists separated by "{separator}": in about '
        f"{entry.rows:,} rows no part can be "
        "indexed, counted or referred to.",
        objects=(entry.ref,),
        impact=Impact(entry.rows, "rows", limits["rows"], 1e9, estimated=True),
        evidence={"rows": entry.rows, "separator": separator, "share_of_sampled_values": round(share, 3)},
        confidence="medium",
        next_step="Where the parts are rows of another table make a link table with foreign keys (a "
        "ManyToManyField); for plain words a "
        f"text[] column with a GIN index, filled by string_to_array({entry.name}, '{separator}').",
    )
