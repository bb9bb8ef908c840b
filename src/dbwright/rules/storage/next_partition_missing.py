"""The partitions of a table partitioned by time end soon or have ended.

## Why it matters

A row for which there is no partition is refused: from the first moment after the newest partition every insert fails.
Where there is a default partition the rows go there instead, and the missing partition cannot be made until they are moved.

## When to ignore

When the table takes no new rows, or a job makes each partition shortly before it is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from dbwright.model.catalog import Table
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.quoting import quote_identifier, quote_literal, shortened
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.rules import Limits

RISK: Risk = "outage"
NEEDS = ("catalog.tables", "statistics.tables")
LIMITS = {
    "days": 7,
    # A job that makes partitions of a day runs daily: half of a partition's width is then warning enough.
    "widths": 0.5,
    # Ended so long ago, in days, the table is an archive.
    "forgotten_days": 60,
}
COVERS = ("premade-partitions-missing", "BP-23")

_EVENTS = """
CREATE TABLE events (id bigint, at timestamptz) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2024-01-01 00:00+00') TO ('2024-02-01 00:00+00');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2024-02-01 00:00+00') TO ('2024-03-01 00:00+00');
"""
_WRITTEN = {"events_2": {"inserted": 400_000, "rows": 4e5}}


def _on(day: datetime) -> Sample:
    def edit(snapshot: Snapshot) -> Snapshot:
        return replace(snapshot, taken_at=day)

    return Sample(_EVENTS, statistics=_WRITTEN, edit=edit)


BAD = (
    _on(datetime(2024, 3, 3, tzinfo=UTC)),
    _on(datetime(2024, 2, 27, tzinfo=UTC)),
    replace(_on(datetime(2024, 3, 3, tzinfo=UTC)), ddl=_EVENTS + "CREATE TABLE rest PARTITION OF events DEFAULT;"),
    # Nothing tells how wide the next one should be.
    replace(
        _on(datetime(2024, 2, 27, tzinfo=UTC)),
        ddl="CREATE TABLE events (id bigint, at timestamptz) PARTITION BY RANGE (at);"
        "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (MINVALUE) TO ('2024-03-01 00:00+00');",
    ),
    replace(
        _on(datetime(2024, 2, 27, tzinfo=UTC)),
        ddl="CREATE TABLE events (id bigint, at timestamptz) PARTITION BY RANGE (at, id);"
        "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2024-02-01 00:00+00', 1) TO ('2024-03-01 00:00+00', 1);",
    ),
    replace(
        _on(datetime(2024, 2, 28, tzinfo=UTC)), ddl=_EVENTS.replace("timestamptz", "date").replace(" 00:00+00", "")
    ),
)
GOOD = (
    _on(datetime(2024, 2, 10, tzinfo=UTC)),
    _on(datetime(2024, 8, 10, tzinfo=UTC)),
    replace(_on(datetime(2024, 2, 27, tzinfo=UTC)), statistics={}),
    replace(
        _on(datetime(2024, 2, 27, tzinfo=UTC)),
        ddl=_EVENTS + "CREATE TABLE later PARTITION OF events FOR VALUES FROM ('2024-03-01 00:00+00') TO (MAXVALUE);",
    ),
    Sample(
        "CREATE TABLE numbered (id bigint) PARTITION BY RANGE (id);"
        "CREATE TABLE numbered_1 PARTITION OF numbered FOR VALUES FROM (1) TO (1000);",
        statistics={"numbered_1": {"inserted": 900}},
    ),
)

_BOUND = re.compile(r"FOR VALUES FROM \((?P<lower>.+)\) TO \((?P<upper>.+)\)\Z", re.S)
_TIME = re.compile(r"'(?P<text>\d{4}-\d\d-\d\d[^']*)'")


@dataclass(frozen=True)
class _End:
    """Where the newest partition of a table ends. ``upper`` is as the server prints it; no ``width`` is known from MINVALUE on."""

    at: datetime
    upper: str
    width: timedelta | None
    newest: Table


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, end in _ends(snapshot):
        left = (end.at - snapshot.taken_at) / timedelta(days=1)
        wanted = limits["days"]
        if end.width is not None:
            wanted = min(wanted, limits["widths"] * (end.width / timedelta(days=1)))
        written = snapshot.writes(table)
        if -limits["forgotten_days"] <= left < wanted and written:
            yield _finding(snapshot, table, end, left, wanted)


def _ends(snapshot: Snapshot) -> Iterator[tuple[Table, _End]]:
    """Tables partitioned by ranges of a time, each with the end of its newest partition; those without an end left out."""
    for table in snapshot.catalog.user_relations:
        if table.partition_strategy != "range":
            continue
        bounds = []
        for partition in snapshot.catalog.children_of(table):
            match = _BOUND.match(partition.partition_bound or "")
            if match:
                bounds.append((_moment(match["lower"]), _moment(match["upper"]), match["upper"], partition))
        if any(upper is None for _, upper, _, _ in bounds):
            continue  # MAXVALUE, or no time
        known = [(upper, text, lower, part) for lower, upper, text, part in bounds if upper is not None]
        if known:
            upper, text, lower, partition = max(known, key=lambda entry: entry[0])
            yield table, _End(upper, text, upper - lower if lower else None, partition)


def _moment(bound: str) -> datetime | None:
    """The first value of a bound as a time; zones are UTC as the collector reads them. None for anything else."""
    match = _TIME.match(bound)
    try:
        found = datetime.fromisoformat(match["text"].strip()) if match else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


def _finding(snapshot: Snapshot, table: Table, end: _End, left: float, wanted: float) -> Finding:
    default = any(p.partition_bound == "DEFAULT" for p in snapshot.catalog.children_of(table))
    outcome = "rows go into the default partition" if default else "inserts are refused"
    when = f"ended {-left:,.1f} days ago" if left < 0 else f"ends in {left:,.1f} days"
    state = f"{when}; from then on {outcome}"
    pressing = wanted / max(left, 0.1)
    impact = Impact(pressing if not default else 1, "times sooner than wanted", 1, 8)
    return Finding(
        title=f"{table.name} has no partition after {end.at:%Y-%m-%d}",
        message=f"The newest partition, {end.newest.name}, {state}.",
        objects=(table_ref(table),),
        impact=impact,
        evidence={
            "newest_partition": end.newest.name,
            "ends": end.at.isoformat(),
            "days_left": round(left, 2),
            "default_partition": default,
        },
        next_step=f"{_statement(table, end) or 'Make the next partition'} "
        "and have a job (pg_partman, a scheduled command) make partitions ahead.",
    )


def _statement(table: Table, end: _End) -> str | None:
    """The statement for the next partition, as wide as the newest one; none without a width or for a key of several columns."""
    if end.width is None or not _TIME.fullmatch(end.upper):
        return None
    months = round(end.width / timedelta(days=30.4))
    if end.at.day == 1 and months >= 1 and abs(end.width - months * timedelta(days=30.4)) < timedelta(days=5):
        total = end.at.month - 1 + months
        until = end.at.replace(year=end.at.year + total // 12, month=total % 12 + 1)
        ending = f"_{end.at:%Y_%m}"
    else:
        until = end.at + end.width
        ending = f"_{end.at:%Y_%m_%d}"
    name = shortened(table.name, ending) + ending
    shape = "%Y-%m-%d" if not (end.at.hour or until.hour) and "+" not in end.upper else "%Y-%m-%d %H:%M:%S+00"
    return (
        f"CREATE TABLE {quote_identifier(table.schema, name)} PARTITION OF {quote_identifier(table.schema, table.name)} "
        f"FOR VALUES FROM ({quote_literal(end.at.strftime(shape))}) TO ({quote_literal(until.strftime(shape))});"
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    ahead = {
        table.name: round((end.at - snapshot.taken_at) / timedelta(days=1))
        for table, end in _ends(snapshot)
        if (end.at - snapshot.taken_at) / timedelta(days=1) >= limits["days"]
    }
    if ahead:
        least = min(ahead, key=lambda name: ahead[name])
        yield Strength(
            "Partitions are made ahead",
            f"{len(ahead)} tables partitioned by time have partitions ahead; the nearest end is that of {least}, in {ahead[least]} days.",
            {"days_ahead": ahead},
        )
