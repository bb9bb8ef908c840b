"""A true/false column may be NULL although it has a default.

## Why it matters

NULL is neither true nor false: ``WHERE NOT active`` and ``WHERE active = false`` leave such rows out without a word.
A column with a default was meant to have two states.

## When to ignore

When NULL means "not known yet" and the code handles it.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, SetNotNull
from dbwright.model.columns import MOST_OBJECTS, Measured, checked_columns, measured_in, own_tables
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("catalog.columns", "statistics.tables", "statistics.columns")
LIMITS = {
    "rows": 1_000,
    "unknown": 0.2,
    # Rows from which a sample without NULL says something; ANALYZE looks at up to 30,000.
    "full_rows": 10_000,
    # More tables than this: one message.
    "tables": 1,
}
COVERS = ("nullable-boolean",)

_TABLE = "CREATE TABLE member (id bigint PRIMARY KEY, active boolean DEFAULT true);"
_ROWS = "INSERT INTO member SELECT n, n % 9 > 0 FROM generate_series(1, 2000) n; ANALYZE member;"

BAD = (
    Sample(_TABLE + _ROWS.replace("2000", "20000")),
    # The habit of a whole model is one message.
    Sample(
        "".join((_TABLE + _ROWS.replace("2000", "20000")).replace("member", f"member_{n}") for n in range(4)),
    ),
    # A default, and NULL all the same: in old rows, or by an explicit NULL.
    Sample(_TABLE + _ROWS.replace("n % 9 > 0", "CASE WHEN n % 90 > 0 THEN true END")),
)
GOOD = (
    Sample(_TABLE + _ROWS.replace("2000", "200")),
    # Never NULL in a small sample.
    Sample(_TABLE + _ROWS),
    # Label Studio: task.allow_skip has no default; that it never was NULL does not mean that it may not be.
    Sample(_TABLE.replace(" DEFAULT true", "") + _ROWS.replace("2000", "20000")),
    Sample(_TABLE.replace("DEFAULT true", "DEFAULT true NOT NULL") + _ROWS),
    # Three states on purpose.
    Sample(_TABLE.replace(" DEFAULT true", "") + _ROWS.replace("n % 9 > 0", "CASE WHEN n % 9 > 0 THEN true END")),
    Sample(_TABLE + _ROWS.replace("n % 9 > 0", "CASE WHEN n % 2 > 0 THEN true END")),
)

_BOOLEAN = frozenset({"bool"})


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    unknown: list[list[Measured]] = []
    full: list[list[Measured]] = []
    for table, rows in own_tables(snapshot, limits["rows"]):
        loose = [e for e in measured_in(snapshot, table, rows, _BOOLEAN) if _is_loose(e, limits)]
        checked = checked_columns(snapshot, table) if loose else frozenset()
        loose = [entry for entry in loose if entry.name not in checked]
        if some := [entry for entry in loose if entry.statistics.null_fraction > 0]:
            unknown.append(some)
        if some := [entry for entry in loose if entry.statistics.null_fraction == 0]:
            full.append(some)
    for groups, one in ((unknown, _unknown), (full, _full)):
        if len(groups) > limits["tables"]:
            groups.sort(key=lambda group: (-group[0].rows, group[0].table.schema, group[0].table.name))
            yield one([entry for group in groups for entry in group], limits)
        else:
            for group in groups:
                yield one(group, limits)


def _is_loose(entry: Measured, limits: Limits) -> bool:
    """Two states are meant where a default gives one; that no NULL was met proves nothing by itself, least of all in a small sample."""
    column, nulls = entry.column, entry.statistics.null_fraction
    if column.not_null or column.generated or column.type_kind != "base" or column.default not in ("true", "false"):
        return False
    return entry.rows >= limits["full_rows"] if nulls == 0 else nulls <= limits["unknown"]


def _names(entries: list[Measured], most: int) -> str:
    """``active of member``, or with each its table where there are several."""
    if _is_one_table(entries):
        return f"{listed((entry.name for entry in entries), most)} of {entries[0].table.name}"
    return listed((entry.label for entry in entries), most)


def _is_one_table(entries: list[Measured]) -> bool:
    return len({entry.table.oid for entry in entries}) == 1


def _full(full: list[Measured], limits: Limits) -> Finding:
    rows = full[0].rows
    single = _is_one_table(full)
    title = f"{_names(full, 3)} may be NULL but never {'is' if len(full) == 1 else 'are'}"
    return Finding(
        title=(title if single else f"{len(full)} true/false columns with a default may be NULL but never are")[:79],
        message=f"{_names(full, 3)} {'has' if len(full) == 1 else 'have'} a default and no NULL in the planner's sample of "
        f"{'' if single else 'up to '}about {rows:,} rows; NOT NULL would keep it so, and queries could rely on it.",
        objects=tuple(entry.ref for entry in full)[:MOST_OBJECTS],
        impact=Impact(rows, "rows", limits["rows"], 1e9, estimated=True),
        evidence={"rows": rows, "columns": [entry.name if single else entry.label for entry in full]},
        confidence="medium" if single else "low",
        change=Change(
            tuple(SetNotNull(entry.table.schema, entry.table.name, entry.name) for entry in full),
            note="Make sure that no code writes NULL on purpose. It fails if a row outside the sample is NULL.",
        ),
        identity="" if single else "full",
    )


def _unknown(unknown: list[Measured], limits: Limits) -> Finding:
    single = _is_one_table(unknown)
    rows = unknown[0].rows
    hidden = max(entry.rows * entry.statistics.null_fraction for entry in unknown)
    shares = [
        f"{e.name if single else e.label} ({e.statistics.null_fraction:.1%}, default {e.column.default})"
        for e in unknown
    ]
    return Finding(
        title=(
            f"{_names(unknown, 2)}: NULL beside true and false"
            if single
            else f"{len(unknown)} true/false columns with a default hold NULL too"
        )[:79],
        message=f"Of {'' if single else 'up to '}about {rows:,} rows some hold NULL in {listed(shares, 3)}: conditions such as NOT "
        f"{unknown[0].name} leave them out.",
        objects=tuple(entry.ref for entry in unknown)[:MOST_OBJECTS],
        impact=Impact(hidden, "rows", 1, 1e6, estimated=True),
        evidence={
            "rows": rows,
            "null_share": {e.name if single else e.label: round(e.statistics.null_fraction, 4) for e in unknown},
        },
        confidence="medium",
        next_step=f"In batches set the default where {unknown[0].name} of {unknown[0].table.name} is NULL, then SET NOT NULL"
        f"{'' if single else '; the same for the others'}.",
        identity="" if single else "unknown",
    )
