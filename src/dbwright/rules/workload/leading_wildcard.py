"""Searches with LIKE or ILIKE in a large table have no index that can serve them.

## Why it matters

A B-tree serves `LIKE 'abc%'` at best; a pattern that begins with a wildcard, or ignores case, reads every row.
A trigram index (pg_trgm) finds the rows that contain the parts of the pattern, wherever these stand.

## When to ignore

When the patterns are shorter than three characters, or other conditions leave few rows to look at.
A trigram index is large and makes writes to the column dearer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from dbwright.model.activity import Statement
from dbwright.model.catalog import Index
from dbwright.model.change import Change, CreateExtension, CreateIndex, IndexKey, Operation
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.indexing import free_name
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.model.statements import (
    Filter,
    evidence,
    load,
    pattern_filters,
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
COVERS = ("leading-wildcard-like", "BP-20", "DL-03")
YIELDS_TO = ("queries/leading-wildcard-search",)

_PRODUCTS = """
CREATE EXTENSION pg_stat_statements;
CREATE TABLE product (id bigint PRIMARY KEY, name varchar(200), slug text);
INSERT INTO product SELECT n, 'product ' || n, 'p-' || n FROM generate_series(1, 2000) n;
ANALYZE product;
"""
_ANY = {"rows": 1000, "milliseconds": 0, "blocks_a_call": 1, "seconds_an_hour": 0}
_TABLE = "CREATE TABLE product (id bigint PRIMARY KEY, name varchar(200));"
_LARGE = {"product": {"rows": 2e6}}
_SEARCH = 'SELECT * FROM "product" WHERE UPPER("product"."name"::text) LIKE UPPER($1)'

BAD = (
    Sample(
        _PRODUCTS + 'SELECT id FROM "product" WHERE UPPER("product"."name"::text) LIKE UPPER(\'%7 %\');', limits=_ANY
    ),
    Sample(_PRODUCTS + "SELECT id FROM product p WHERE p.slug ILIKE '%77%' OR p.slug LIKE '%x%';", limits=_ANY),
    Sample(
        _TABLE,
        statistics=_LARGE,
        edit=recorded(sample_statement(_SEARCH, 9_000, 400.0, shared_blocks_hit=9_000 * 30_000)),
    ),
)
GOOD = (
    Sample(
        _TABLE, statistics=_LARGE, edit=recorded(sample_statement(_SEARCH, 9_000, 4.0, shared_blocks_hit=9_000 * 30))
    ),
    Sample(_TABLE, edit=recorded(sample_statement(_SEARCH, 9_000, 400.0, shared_blocks_hit=9_000 * 30_000))),
    Sample(
        "CREATE EXTENSION pg_trgm;" + _TABLE + "CREATE INDEX ON product USING gin (upper(name::text) gin_trgm_ops);",
        statistics=_LARGE,
        edit=recorded(sample_statement(_SEARCH, 9_000, 400.0, shared_blocks_hit=9_000 * 30_000)),
    ),
    Sample(
        _TABLE,
        statistics=_LARGE,
        edit=recorded(
            sample_statement(
                "SELECT * FROM product WHERE name NOT LIKE $1", 9_000, 400.0, shared_blocks_hit=9_000 * 30_000
            ),
        ),
    ),
)

_TEXT = frozenset({"text", "varchar", "bpchar"})


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[Filter, list[Statement]] = defaultdict(list)
    for row in scanning(snapshot, limits):
        for found in pattern_filters(row.query, snapshot.catalog):
            groups[found].append(row)
    for found, rows in groups.items():
        if snapshot.rows(found.table) < limits["rows"] or found.column.base_type not in _TEXT:
            continue
        if not any(_trigrams(index, found.column.name) for index in snapshot.catalog.indexes_of(found.table)):
            yield _finding(snapshot, limits, found, rows)


def _trigrams(index: Index, column: str) -> bool:
    """Whether an index holds the trigrams of a column, as it is or within an expression."""
    named = any(opclass in ("gin_trgm_ops", "gist_trgm_ops", "gin_bigm_ops") for opclass in index.opclasses)
    return named and (column in index.columns or column in index.referenced_columns)


def _finding(snapshot: Snapshot, limits: Limits, found: Filter, rows: list[Statement]) -> Finding:
    table, column = found.table, found.column.name
    hourly = sum(seconds_an_hour(snapshot, row) for row in rows)
    worst = rows[0]
    many = f"{len(rows)} statements" if len(rows) > 1 else "A statement"
    return Finding(
        title=f"Searches in {table.name[:30]}.{column[:30]} read the table",
        message=f"{many} with LIKE on it, the worst {worst.mean_milliseconds:,.0f} ms a call, take {load(snapshot, hourly)} "
        f"over {snapshot.rows(table):,} rows (estimated); no index holds its trigrams.",
        objects=(object_ref("column", table, column, (column,)), *map(reference, rows[:20])),
        impact=Impact(hourly, "seconds an hour", limits["seconds_an_hour"], 3600),
        evidence={"statements": [evidence(snapshot, row) for row in rows[:5]], "function": found.function},
        confidence="medium",
        change=_change(snapshot, found),
    )


def _change(snapshot: Snapshot, found: Filter) -> Change:
    table, name = found.table, found.column.name
    quoted = quote_identifier(name)
    expression = f"{found.function}({quoted}::text)" if found.function else None
    key = IndexKey(None if expression else name, expression, opclass="gin_trgm_ops")
    steps: list[Operation] = []
    if not any(extension.name == "pg_trgm" for extension in snapshot.catalog.extensions):
        steps.append(CreateExtension("pg_trgm"))
    index_name = free_name(snapshot.catalog, table, (name,), "trgm")
    partitioned = table.kind == "partitioned table"
    steps.append(CreateIndex(table.schema, table.name, index_name, (key,), method="gin", on_partitioned=partitioned))
    return Change(tuple(steps), note="Patterns of fewer than three characters still read the whole table.")
