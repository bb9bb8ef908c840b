"""A jsonb column holds the same few keys in every row: it is columns in disguise.

## Why it matters

Each row repeats the names of its keys, and a key inside JSON has no type, no NOT NULL, no CHECK, no foreign key, and no statistics by
which the planner could estimate a condition on it.

## When to ignore

When the document belongs to another system and its form may change without notice, or is only read as a whole.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from dbwright.model.columns import Measured, measured_columns
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("catalog.columns", "statistics.tables", "statistics.columns")
LIMITS = {
    "rows": 10_000,
    "values": 20,
    # Share of the sampled documents that have exactly the usual keys.
    "alike": 0.98,
    "most_keys": 12,
}
COVERS = ("CH-06",)

_TABLE = "CREATE TABLE report (id bigint PRIMARY KEY, figures jsonb);"
_ROWS = "INSERT INTO report SELECT n, jsonb_build_object('members', n, 'guests', n % 9) FROM generate_series(1, 1000) n; ANALYZE report;"
_LARGE = {"report": {"rows": 2e6}}

BAD = (Sample(_TABLE + _ROWS, statistics=_LARGE),)
GOOD = (
    Sample(_TABLE + _ROWS),
    # Keys that differ from row to row.
    Sample(_TABLE + _ROWS.replace("'guests'", "'g' || n % 50"), statistics=_LARGE),
    # A tree.
    Sample(_TABLE + _ROWS.replace("n % 9", "jsonb_build_array(n)"), statistics=_LARGE),
    # Another system's form.
    Sample((_TABLE + _ROWS).replace("figures", "webhook_payload"), statistics=_LARGE),
)

_FOREIGN = re.compile(
    r"payload|response|request|webhook|raw|meta|extra|headers|event|context|props|properties|"
    r"settings|config|geo|options"
)
_JSONB = frozenset({"jsonb"})


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for entry in measured_columns(snapshot, limits["rows"], _JSONB):
        if len(entry.values) < limits["values"] or entry.column.generated or _FOREIGN.search(entry.name.lower()):
            continue
        keys = _usual_keys(entry.values, limits)
        if keys:
            yield _finding(entry, keys, limits)


def _usual_keys(values: tuple[str, ...], limits: Limits) -> dict[str, str]:
    """The keys that nearly all documents have, with the SQL type that fits; empty when they differ "
    "or hold more than scalars."""
    documents: list[dict[str, Any]] = []
    for value in values:
        try:
            document = json.loads(value)
        except (ValueError, RecursionError):
            return {}
        if not isinstance(document, dict) or any(isinstance(part, dict | list) for part in document.values()):
            return {}
        documents.append(document)
    shapes = Counter(tuple(sorted(document)) for document in documents)
    shape, count = shapes.most_common(1)[0]
    if count < limits["alike"] * len(documents) or not 2 <= len(shape) <= limits["most_keys"]:
        return {}
    alike = [document for document in documents if tuple(sorted(document)) == shape]
    return {key: _type({type(document[key]) for document in alike}) for key in shape}


def _type(found: set[type]) -> str:
    found = found - {type(None)}
    if found == {bool}:
        return "boolean"
    if found == {int}:
        return "bigint"
    return "numeric" if found and found <= {int, float} else "text"


def _finding(entry: Measured, keys: dict[str, str], limits: Limits) -> Finding:
    names = listed(keys)
    return Finding(
        title=f"{entry.label} holds the same {len(keys)} keys in every row",
        message=f"{len(entry.values)} sampled documents have just {names}, all of them plain values: in about "
        f"{entry.rows:,} rows each repeats the "
        "names and goes without type, rule and statistics.",
        objects=(entry.ref,),
        impact=Impact(entry.rows, "rows", limits["rows"], 1e9, estimated=True),
        evidence={"rows": entry.rows, "keys": keys, "sampled_values": len(entry.values)},
        confidence="medium",
        next_step="Where keys are filtered, sorted or summed, make columns of them: add "
        + listed((f"{key} {kind}" for key, kind in keys.items()), 6)
        + f" as nullable columns, fill them from {entry.name} in batches, then add NOT NULL and CHECKs.",
    )
