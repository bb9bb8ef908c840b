"""A filter wraps a column in a function, so no plain index can serve it.

## Why it matters

`created_at::date = $1` and `upper(email) = upper($1)` compare what the function returns, and an index on the column is in the order of
the column.
The server computes the function for every row of the table.

## When to ignore

When other conditions leave few rows to compare.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from dbwright.model.activity import Statement
from dbwright.model.change import Change, CreateIndex, IndexKey
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.indexing import free_name
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.model.statements import (
    Filter,
    case_filters,
    day_filters,
    evidence,
    load,
    recorded,
    reference,
    sample_statement,
    scanning,
    seconds_an_hour,
)
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("workload.statements", "catalog.indexes", "catalog.columns", "statistics.tables")
LIMITS = {"rows": 50_000, "milliseconds": 20, "blocks_a_call": 500, "seconds_an_hour": 3.6, "statements": 200}
COVERS = ("function-on-column", "BP-21", "DL-05")
YIELDS_TO = ("workload/leading-wildcard", "queries/not-sargable-filter")

_EVENTS = """
CREATE EXTENSION pg_stat_statements;
CREATE TABLE event (id bigint PRIMARY KEY, email varchar(200), created_at timestamptz);
INSERT INTO event SELECT n, 'a' || n, now() FROM generate_series(1, 2000) n;
ANALYZE event;
"""
_ANY = {"rows": 1000, "milliseconds": 0, "blocks_a_call": 1, "seconds_an_hour": 0}
_TABLE = "CREATE TABLE event (id bigint PRIMARY KEY, email text, created_at timestamptz);"
_LARGE = {"event": {"rows": 2e6}}
_DAY = sample_statement(
    'SELECT count(*) FROM "event" WHERE ("event"."created_at" AT TIME ZONE $1)::date = $2',
    9_000,
    400.0,
    shared_blocks_hit=9_000 * 30_000,
)

BAD = (
    Sample(_EVENTS + 'SELECT id FROM "event" WHERE UPPER("event"."email"::text) = UPPER(\'A7\');', limits=_ANY),
    Sample(_TABLE + "CREATE INDEX ON event (created_at);", statistics=_LARGE, edit=recorded(_DAY)),
)
GOOD = (
    Sample(_TABLE, edit=recorded(_DAY)),
    Sample(
        _TABLE + "CREATE INDEX ON event (((created_at AT TIME ZONE 'UTC')::date));",
        statistics=_LARGE,
        edit=recorded(_DAY),
    ),
    Sample(
        _TABLE,
        statistics=_LARGE,
        edit=recorded(
            sample_statement(
                "SELECT created_at::date FROM event WHERE id = $1", 9_000, 400.0, shared_blocks_hit=9_000 * 30_000
            ),
            sample_statement(
                "SELECT * FROM event WHERE created_at >= $1::date", 9_000, 400.0, 2, shared_blocks_hit=9_000 * 30_000
            ),
        ),
    ),
)

_TEXT = frozenset({"text", "varchar", "bpchar"})
_TIMES = frozenset({"timestamptz", "timestamp"})


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[Filter, list[Statement]] = defaultdict(list)
    for row in scanning(snapshot, limits):
        found = [f for f in case_filters(row.query, snapshot.catalog) if f.column.base_type in _TEXT]
        found += [f for f in day_filters(row.query, snapshot.catalog) if f.column.base_type in _TIMES]
        for condition in found:
            groups[condition].append(row)
    for condition, rows in groups.items():
        if snapshot.rows(condition.table) >= limits["rows"] and not _has_expression(snapshot, condition):
            yield _finding(snapshot, limits, condition, rows)


def _has_expression(snapshot: Snapshot, found: Filter) -> bool:
    """Whether an index on an expression of the column is there, which may be the one."""
    indexes = snapshot.catalog.indexes_of(found.table)
    return any(any(i.is_expression) and found.column.name in i.referenced_columns for i in indexes)


def _finding(snapshot: Snapshot, limits: Limits, found: Filter, rows: list[Statement]) -> Finding:
    table, column = found.table, found.column.name
    hourly = sum(seconds_an_hour(snapshot, row) for row in rows)
    plain = [index.name for index in snapshot.catalog.indexes_of(table) if index.columns[:1] == (column,)]
    by_day = found.function == "date"
    useless = f" The index {plain[0]} cannot serve it." if plain else ""
    return Finding(
        title=f"{'Cutting' if by_day else 'Folding the case of'} {table.name[:24]}.{column[:24]} in a filter reads the table",
        message=f"{len(rows)} statement{'s' * (len(rows) > 1)} that compare {found.function}({column}), the worst "
        f"{rows[0].mean_milliseconds:,.0f} ms a call, take {load(snapshot, hourly)}.{useless}",
        objects=(object_ref("column", table, column, (column,)), *map(reference, rows[:20])),
        impact=Impact(hourly, "seconds an hour", limits["seconds_an_hour"], 3600),
        evidence={
            "statements": [evidence(snapshot, row) for row in rows[:5]],
            "indexes_on_the_column": plain,
            "rows": snapshot.rows(table),
        },
        confidence="medium",
        change=None if by_day else _change(snapshot, found),
        next_step=_range_step(column, bool(plain)) if by_day else None,
    )


def _range_step(column: str, indexed: bool) -> str:
    index = "" if indexed else f", and create an index on {column}"
    return (
        f"Compare the bare column: {column} >= the day's start AND {column} < the next day's start "
        f"(Django: {column}__gte and {column}__lt instead of {column}__date){index}."
    )


def _change(snapshot: Snapshot, found: Filter) -> Change:
    table, name = found.table, found.column.name
    quoted = quote_identifier(name)
    key = IndexKey(None, f"{found.function}({quoted}::text)")
    index_name = free_name(snapshot.catalog, table, (name, found.function or ""))
    return Change(
        (CreateIndex(table.schema, table.name, index_name, (key,), on_partitioned=table.kind == "partitioned table"),),
    )
