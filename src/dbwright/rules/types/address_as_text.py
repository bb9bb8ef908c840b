"""A text column holds IP addresses.

## Why it matters

As text an address can be misspelt, IPv6 has many spellings of one address, and "who came from this network" cannot be asked.
``inet`` checks and compares addresses, knows networks (``<<=``), and a GiST or B-tree index serves both.

## When to ignore

When addresses are only written down and shown.
Never put a hash of an address into ``inet``: it is none, and belongs into text or bytea.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address

from dbwright.model.columns import MOST_OBJECTS, TEXTS, measured_columns
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("catalog.columns", "statistics.tables", "statistics.columns")
LIMITS = {"rows": 10_000, "values": 10}
COVERS = ("text-holds-other-type",)

_TABLE = "CREATE TABLE visit (id bigint PRIMARY KEY, client varchar(45));"
_ROWS = (
    "INSERT INTO visit SELECT n, '10.1.' || n % 200 || '.' || n % 90 FROM generate_series(1, 1000) n; ANALYZE visit;"
)
_LARGE = {"visit": {"rows": 2e6}}

BAD = (
    Sample(_TABLE + _ROWS, statistics=_LARGE),
    Sample(_TABLE + _ROWS.replace("'10.1.'", "'2001:db8::7:1.2.'"), statistics=_LARGE),
)
GOOD = (
    Sample(_TABLE + _ROWS),
    Sample(
        _TABLE.replace("varchar(45)", "inet") + _ROWS.replace("n % 90", "n % 90)::inet").replace("'10", "('10"),
        statistics=_LARGE,
    ),
    # A hash of an address is no address.
    Sample(_TABLE + _ROWS.replace("'10.1.' || n % 200 || '.' || n % 90", "md5(n::text)"), statistics=_LARGE),
    # Version numbers.
    Sample(_TABLE + _ROWS.replace("|| '.' || n % 90", ""), statistics=_LARGE),
)

_SHAPE = re.compile(r"\d{1,3}(\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]+")


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [
        entry
        for entry in measured_columns(snapshot, limits["rows"], TEXTS)
        if len(entry.values) >= limits["values"] and all(_is_address(value) for value in entry.values)
    ]
    if not found:
        return
    found.sort(key=lambda entry: (-entry.rows, entry.label))
    first = found[0]
    yield Finding(
        title=f"{first.label} holds IP addresses as text"
        if len(found) == 1
        else f"{len(found)} columns hold IP addresses as text",
        message=f"All sampled values of {listed(entry.label for entry in found)} are IP addresses; as inet they "
        "would be checked, compared "
        f"as addresses and searchable by network (about {first.rows:,} rows in the largest table).",
        objects=tuple(entry.ref for entry in found[:MOST_OBJECTS]),
        impact=Impact(first.rows, "rows", limits["rows"], 1e9, estimated=True),
        evidence={"columns": {entry.label: entry.rows for entry in found[:50]}},
        confidence="medium",
        # No change: inet prints as 10.0.0.1/32 when it is turned back into text.
        next_step=f"ALTER TABLE {first.table.name} ALTER COLUMN {first.name} TYPE inet USING {first.name}::inet "
        "(rewrites the table); "
        "in Django GenericIPAddressField, in SQLAlchemy postgresql.INET.",
    )


def _is_address(value: str) -> bool:
    if not _SHAPE.fullmatch(value):
        return False
    try:
        ip_address(value)
    except ValueError:
        return False
    return True
