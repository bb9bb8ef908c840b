"""A text column holds one of a few fixed words, and nothing in the database keeps others out.

## Why it matters

Django's ``choices`` and a Python enum are checked in forms and models, not in update(), bulk writes, other services or SQL by hand.
A misspelt status is stored without complaint and then missed by every query that compares with the right word.

## When to ignore

When the list grows with data (it then wants a table and a foreign key), or changes with every release.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.catalog import Table
from dbwright.model.columns import TEXTS, Measured, checked_columns, key_columns, measured_in, own_tables
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.columns", "catalog.constraints", "statistics.tables", "statistics.columns")
LIMITS = {
    "rows": 10_000,
    "distinct": 12,
    # The words known must make up this share of the rows that have one.
    "covered": 0.995,
    "word_bytes": 32,
    # More tables than this and it is how the project keeps its lists: one message.
    "tables": 1,
}
COVERS = ("BP-16", "django-choices-without-db-check")

_TABLE = "CREATE TABLE event (id bigint PRIMARY KEY, event_type varchar(20) NOT NULL{});"
_ROWS = "INSERT INTO event SELECT n, (ARRAY['view', 'copy', 'open'])[n % 3 + 1] FROM generate_series(1, 3000) n; ANALYZE event;"
_KINDS = "CREATE TABLE kind (name varchar(20) PRIMARY KEY); INSERT INTO kind VALUES ('view'), ('copy'), ('open');"
_WORDS = "(ARRAY['view', 'copy', 'open'])[n % 3 + 1]"
_LARGE = {"event": {"rows": 2e6}}

BAD = (
    Sample(_TABLE.format("") + _ROWS, statistics=_LARGE),
    Sample(_TABLE.format("") + _ROWS.replace("'copy'", "'View'"), statistics=_LARGE),
    # pretix: nine tables with Django's choices are one message.
    Sample(
        "".join(
            (_TABLE.format("") + _ROWS).replace("event ", f"event_{n} ").replace("event;", f"event_{n};")
            for n in range(5)
        ),
        statistics={f"event_{n}": {"rows": 2e6} for n in range(5)},
    ),
)
GOOD = (
    Sample(_TABLE.format("") + _ROWS, statistics={"event": {"rows": 3000}}),
    Sample(_TABLE.format(" CHECK (event_type IN ('view', 'copy', 'open'))") + _ROWS, statistics=_LARGE),
    # As many words as rows are no fixed list, whatever the column is called.
    Sample(_TABLE.format("") + _ROWS.replace(_WORDS, "n::text"), statistics=_LARGE),
    # A name that promises no list.
    Sample((_TABLE.format("") + _ROWS).replace("event_type", "city"), statistics=_LARGE),
    Sample(
        "CREATE TYPE kind AS ENUM ('view', 'copy', 'open');"
        + _TABLE.format("").replace("varchar(20)", "kind")
        + _ROWS.replace("[n % 3 + 1]", "[n % 3 + 1]::kind"),
        statistics=_LARGE,
    ),
    Sample(_KINDS + _TABLE.format(" REFERENCES kind") + _ROWS, statistics=_LARGE),
)

_CHOSEN = re.compile(
    r"(^|_)(status|state|type|kind|level|role|priority|severity|gender|mode|phase|stage|visibility|frequency|direction|"
    r"sentiment|emotion|outcome|result|plan|tier|period|interval|difficulty)$"
)
_OPEN = re.compile(
    r"(content|mime|media|file|device|browser|os|class|data|field|object|entity|model|state)_?(type|kind)$|^state$"
)
"""Types that others name (MIME types, classes), and ``state``, which may be a part of a country: kept only for lower-case words."""


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = list(_open_lists(snapshot, limits))
    alike = [(table, lists) for table, lists in found if not _variants_of(lists)]
    together = len(alike) > limits["tables"]
    for table, lists in found:
        if not together or _variants_of(lists):
            yield _finding(table, lists, limits)
    if together:
        yield _together(alike, limits)


def _open_lists(snapshot: Snapshot, limits: Limits) -> Iterator[tuple[Table, list[Measured]]]:
    for table, rows in own_tables(snapshot, limits["rows"]):
        spoken_for = checked_columns(snapshot, table) | key_columns(snapshot, table)
        open_lists = [
            entry
            for entry in measured_in(snapshot, table, rows, TEXTS)
            if entry.name not in spoken_for and _is_list(entry, limits)
        ]
        if open_lists:
            yield table, open_lists


def _is_list(entry: Measured, limits: Limits) -> bool:
    name, words = entry.name.lower(), entry.statistics.common_values
    if not _CHOSEN.search(name) or entry.column.type_kind != "base" or entry.statistics.histogram:
        return False
    if (
        not 2 <= len([w for w in words if w]) <= limits["distinct"]
        or not 0 < entry.statistics.distinct <= limits["distinct"]
    ):
        return False
    if any(len(word.encode()) > limits["word_bytes"] or "/" in word or "." in word for word in words):
        return False
    if _OPEN.search(name) and (name != "state" or any(word != word.lower() for word in words)):
        return False
    filled = 1 - entry.statistics.null_fraction
    return filled > 0 and sum(entry.statistics.common_frequencies) / filled >= limits["covered"]


def _variants(words: tuple[str, ...]) -> list[str]:
    """Words that differ from another only by case or spaces."""
    seen: dict[str, list[str]] = {}
    for word in words:
        seen.setdefault(word.strip().casefold(), []).append(word)
    return [word for group in seen.values() if len(group) > 1 for word in group]


def _variants_of(lists: list[Measured]) -> list[str]:
    return [word for entry in lists for word in _variants(tuple(entry.statistics.common_values))]


def _together(found: list[tuple[Table, list[Measured]]], limits: Limits) -> Finding:
    """Django checks ``choices`` in forms only, in every table of a project: that is one decision, not one defect for each table."""
    entries = sorted((e for _, lists in found for e in lists), key=lambda e: (-e.rows, e.label))
    words = {e.label: sorted(e.statistics.common_values) for e in entries}
    first = entries[0]
    return Finding(
        title=f"{len(entries)} columns of {len(found)} tables hold a few fixed words, unchecked",
        message=f"{listed(words, 3)} hold only a few different words by the planner's sample ({first.name}: "
        f"{listed(map(repr, words[first.label]), 4)}), in tables of up to about {first.rows:,} rows. No CHECK, enum or foreign key keeps "
        "others out.",
        objects=tuple(entry.ref for entry in entries[:20]),
        impact=Impact(first.rows, "rows", limits["rows"], 1e9, estimated=True),
        evidence={"rows": first.rows, "sampled_values": words},
        confidence="low",
        next_step=f"Begin with the columns that code compares with, such as {first.label}: take the allowed values from it (the sample "
        "may lack rare ones) and add a CHECK constraint NOT VALID, then validate it; in Django a CheckConstraint with the field's choices.",
        identity="together",
    )


def _finding(table: Table, open_lists: list[Measured], limits: Limits) -> Finding:
    rows = open_lists[0].rows
    words = {entry.name: sorted(entry.statistics.common_values) for entry in open_lists}
    variants = {name: found for name, values in words.items() if (found := _variants(tuple(values)))}
    names = listed(words, 2)
    message = (
        f"Among about {rows:,} rows the planner's sample found only "
        + "; ".join(
            f"{len(values)} values of {name} ({listed(map(repr, values), 6)})"
            for name, values in list(words.items())[:3]
        )
        + ". No CHECK, enum or foreign key keeps others out."
    )
    if variants:
        message += (
            f" Some differ by case or spaces alone: {listed(repr(w) for found in variants.values() for w in found)}."
        )
    return Finding(
        title=f"Nothing holds {names} of {table.name} to {'its' if len(words) == 1 else 'their'} values",
        message=message,
        objects=tuple(entry.ref for entry in open_lists),
        impact=Impact(rows, "rows", limits["rows"], 1e9, estimated=True),
        evidence={"rows": rows, "sampled_values": words, "variants": variants},
        confidence="medium" if variants else "low",
        next_step=f"Take the list of allowed values of {names} from the code (the sample may lack rare ones) and "
        "add it as a CHECK "
        "constraint NOT VALID, then validate it; in Django a CheckConstraint with the field's choices.",
    )
