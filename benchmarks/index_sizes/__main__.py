"""Index sizes told from statistics against indexes really built.

    python benchmarks/index_sizes [--database CONNINFO ...] [--each] [--seed 1]

Indexes of all kinds on tables of the benchmark's own, on a private server; and, in each database named, indexes drawn at random over all
its larger tables (say `dbname=tpch1 host=...` and TPC-DS: `benchmarks/advisor/README.md` tells how to make them). Each is built in a
transaction that is rolled back. Prints error by kind: estimate / really - 1, of pages; and how many B-trees have their levels right.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from dbwright.collect.postgres import collect
from dbwright.embedded import EmbeddedServer
from dbwright.fixes.sql import forward
from dbwright.model.catalog import Table
from dbwright.model.change import Change, CreateIndex, IndexKey
from dbwright.model.quoting import quote_identifier, quote_literal
from dbwright.model.snapshot import Snapshot
from dbwright.phantom.sizes import IndexSize, index_size
from dbwright.postgres import connect, parse_address

NAME = "dbwright_size_probe"
LARGE = 100
"""Pages from which on a table counts."""
COMMON = 0.01
"""Share of the rows from which on a value gets a partial index."""

ALONE = {
    "event": "account_id kind level status happened_at day duration score client note parent_id payload tags spent small",
    "account": "email name country joined_at referrer_id token balance is_active",
    "article": "title author_id published_at deleted_at valid",
    "membership": "account_id group_id role since",
    "request": "term item_id address reference session asked_at",
}
"""Keys of B-trees of one column."""
SEVERAL = {
    "event": "account_id happened_at, kind happened_at, status account_id, account_id kind, level kind status, parent_id id, day kind, "
    "day happened_at, small day, client account_id, account_id score, note kind, kind note",
    "account": "country joined_at, name country, is_active country, country name email, referrer_id country",
    "article": "author_id published_at, deleted_at published_at",
    "membership": "account_id group_id, account_id role, role since",
    "request": "item_id asked_at, term item_id, session term, reference asked_at",
}
"""Keys of B-trees of several columns."""


@dataclass(frozen=True, slots=True)
class Probe:
    kind: str
    index: CreateIndex


@dataclass(frozen=True, slots=True)
class Result:
    database: str
    probe: Probe
    estimate: IndexSize
    pages: int
    levels: int | None
    seconds: float

    @property
    def error(self) -> float:
        return self.estimate.pages / self.pages - 1


def make(
    table: str,
    *keys: str,
    kind: str = "",
    method: str = "btree",
    include: str = "",
    where: str | None = None,
    unique: bool = False,
    schema: str = "public",
    options: tuple[str, ...] = (),
) -> Probe:
    """A probe in short: a key is a column, an expression in brackets or before a bracket, or ``column opclass``."""
    parts = tuple(_key(text) for text in keys)
    index = CreateIndex(schema, table, NAME, parts, unique, method, tuple(include.split()), where, options=options)
    return Probe(kind or _kind(index), index)


def _key(text: str) -> IndexKey:
    if "(" in text or ":" in text or ">" in text:
        return IndexKey(expression=text)
    column, _, opclass = text.partition(" ")
    return IndexKey(column, opclass=opclass or None)


def _kind(index: CreateIndex) -> str:
    if index.method != "btree":
        return index.method
    if any(key.column is None for key in index.keys):
        return "expression"
    if index.predicate:
        return "partial"
    if index.include:
        return "covering"
    return "unique" if index.unique else "one column" if len(index.keys) == 1 else "several columns"


def own_probes() -> Iterator[Probe]:
    for table, columns in ALONE.items():
        yield from (make(table, column) for column in columns.split())
    for table, combinations in SEVERAL.items():
        for keys in combinations.split(", "):
            yield make(table, *keys.split())
    yield make("account", "email", unique=True)
    yield make("account", "token", unique=True)
    yield make("membership", "account_id", "group_id", unique=True)
    yield make("event", "account_id", include="happened_at kind")
    yield make("event", "day", include="score")
    yield make("account", "email", include="name")
    yield make("account", "country", include="email is_active")
    yield make("membership", "account_id", include="role")
    yield make("article", "author_id", include="title")
    yield make("event", "account_id", where="status = 'waiting'")
    yield make("event", "happened_at", where="status <> 'done'")
    yield make("event", "status", where="status = 'failed'")
    yield make("event", "parent_id", where="parent_id IS NOT NULL")
    yield make("event", "account_id", "happened_at", where="kind = 'payment'")
    yield make("event", "note", where="note IS NOT NULL")
    yield make("event", "id", where="duration IS NULL")
    yield make("account", "joined_at", where="is_active")
    yield make("account", "email", where="NOT is_active")
    yield make("account", "referrer_id", where="referrer_id IS NOT NULL")
    yield make("article", "published_at", where="deleted_at IS NULL")
    yield make("article", "deleted_at", where="deleted_at IS NOT NULL")
    yield make("account", "lower(email)")
    yield make("account", "upper(name)")
    yield make("article", "lower(title)")
    yield make("event", "(payload ->> 'path')")
    yield make("event", "((payload -> 'user') ->> 'plan')")
    yield make("event", "((payload ->> 'ms')::int)")
    yield make("event", "date(happened_at at time zone 'UTC')")
    yield make("event", "date_trunc('day', happened_at at time zone 'UTC')")
    yield make("event", "account_id", "lower(kind)")
    yield make("event", "happened_at", options=("fillfactor=70",), kind="options")
    yield make("event", "account_id", options=("deduplicate_items=off",), kind="options")
    for column in ("tags", "numbers", "payload", "payload jsonb_path_ops", "note gin_trgm_ops"):
        yield make("event", column, method="gin")
    for column in ("words", "title gin_trgm_ops", "body gin_trgm_ops", "slug gin_trgm_ops"):
        yield make("article", column, method="gin")
    yield make("account", "email gin_trgm_ops", method="gin")
    yield make("account", "name gin_trgm_ops", method="gin")
    yield make("event", "tags", method="gin", where="status = 'waiting'")
    yield make("event", "tags", "numbers", method="gin")
    yield make("event", "happened_at", method="brin")
    yield make("event", "happened_at", "account_id", method="brin", options=("pages_per_range=1",))
    yield make("event", "id", method="brin", options=("pages_per_range=16",))
    yield make("account", "joined_at", method="brin")
    for column in ("account_id", "id", "kind", "parent_id"):
        yield make("event", column, method="hash")
    yield make("account", "email", method="hash")
    yield make("account", "country", method="hash")
    yield make("article", "author_id", method="hash")
    for column in ("place", "valid", "title gist_trgm_ops", "words"):
        yield make("article", column, method="gist")
    yield make("event", "client inet_ops", method="gist")


def drawn_probes(snapshot: Snapshot, draw: random.Random) -> Iterator[Probe]:
    """Over all large tables: each column alone, and others drawn."""
    catalog = snapshot.catalog
    tables = [t for t in catalog.storage_tables if _pages(snapshot, t) >= LARGE]
    for table in tables:
        names = [c.name for c in catalog.columns_of(table)]
        if len(names) < 2:
            continue
        for name in names:
            yield make(table.name, name, schema=table.schema)
        for _ in range(3):
            yield make(table.name, *draw.sample(names, 2), schema=table.schema)
        yield make(table.name, draw.choice(names), method="hash", schema=table.schema)
        yield make(table.name, *draw.sample(names, 2), method="brin", schema=table.schema)
        texts = [c.name for c in catalog.columns_of(table) if c.base_type in ("text", "varchar")]
        if texts:
            yield make(table.name, draw.choice(texts) + " gin_trgm_ops", method="gin", schema=table.schema)
        if len(names) < 4:
            continue
        for size in (3, 4):
            yield make(table.name, *draw.sample(names, min(size, len(names))), schema=table.schema)
        for keys, payload in ((1, 1), (1, 2), (2, 2)):
            chosen = draw.sample(names, keys + payload)
            yield make(table.name, *chosen[:keys], include=" ".join(chosen[keys:]), schema=table.schema)
        for key, condition in zip(draw.sample(names, 3), draw.sample(names, 3), strict=True):
            where = _condition(snapshot, table, condition)
            if where:
                yield make(table.name, key, where=where, schema=table.schema)


def _condition(snapshot: Snapshot, table: Table, column: str) -> str | None:
    """Equal to the commonest value where it is common enough to be asked for, else above the middle of the histogram."""
    facts = snapshot.statistics.column(table, column)
    if facts and facts.common_values and facts.common_frequencies[0] >= COMMON:
        return f"{quote_identifier(column)} = {quote_literal(facts.common_values[0])}"
    if facts and facts.histogram:
        return f"{quote_identifier(column)} > {quote_literal(facts.histogram[len(facts.histogram) // 2])}"
    return None


def _pages(snapshot: Snapshot, table: Table) -> int:
    row = snapshot.statistics.table(table)
    return row.pages if row else 0


def measure(conninfo: str, probes: list[Probe] | None, seed: int) -> Iterator[Result]:
    parameters = parse_address(conninfo)
    with connect(parameters) as connection:
        snapshot = collect(connection, parameters)
    if probes is None:
        probes = list(drawn_probes(snapshot, random.Random(seed)))
    with psycopg.connect(conninfo) as connection:
        connection.execute("SET LOCAL client_min_messages = warning")
        for extension in ("pageinspect", "pg_trgm"):
            connection.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
        connection.commit()
        for probe in probes:
            rows = _rows(connection, probe.index)
            began = time.process_time()
            estimate = index_size(probe.index, snapshot.catalog, snapshot.statistics, rows)
            seconds = time.process_time() - began
            yield Result(snapshot.target.database, probe, estimate, *_build(connection, probe.index), seconds)


def _rows(connection: psycopg.Connection[tuple[object, ...]], index: CreateIndex) -> float | None:
    """Rows of a partial index, as the planner estimates them."""
    if index.predicate is None:
        return None
    query = f"EXPLAIN (FORMAT JSON) SELECT FROM {quote_identifier(index.schema, index.table)} WHERE {index.predicate}"
    plan = connection.execute(query).fetchone()[0][0]["Plan"]
    connection.rollback()
    return float(plan["Plan Rows"])


def _build(connection: psycopg.Connection[tuple[object, ...]], index: CreateIndex) -> tuple[int, int | None]:
    (statement,) = forward(Change((index,)), online=False)
    name = quote_identifier(index.schema, index.name)
    try:
        connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
        connection.execute(statement)
        pages = connection.execute("SELECT pg_relation_size(%s) / 8192", (name,)).fetchone()[0]
        levels = None
        if index.method == "btree":
            levels = connection.execute("SELECT level::int FROM bt_metap(%s)", (name,)).fetchone()[0]
    finally:
        connection.rollback()
    return pages, levels


def report(results: list[Result], each: bool) -> None:
    if each:
        for r in sorted(results, key=lambda r: -abs(r.error)):
            (statement,) = forward(Change((r.probe.index,)), online=False)
            what = f"{r.database}: {statement.partition(' ON ')[2]}"
            print(f"{r.error:+8.1%} {r.pages:7} {r.estimate.pages:7} {r.levels} {r.estimate.levels}  {what}")
    groups: defaultdict[str, list[Result]] = defaultdict(list)
    for r in results:
        groups[r.probe.kind].append(r)
    groups["all B-trees"] = [r for r in results if r.levels is not None]
    groups["all"] = results
    print(f"\n{'kind':18} {'number':>6} {'median':>8} {'95 %':>8} {'worst':>8} {'sum':>8} {'levels right':>13}")
    for kind, group in groups.items():
        print_row(kind, group)
    times = [r.seconds for r in results]
    print(f"CPU time of one estimate: median {statistics.median(times) * 1000:.2f} ms, all {sum(times):.2f} s")


def print_row(kind: str, group: list[Result]) -> None:
    if not group:
        return
    errors = sorted(abs(r.error) for r in group)
    most = errors[max(math.ceil(0.95 * len(errors)) - 1, 0)]
    total = sum(r.estimate.pages for r in group) / sum(r.pages for r in group) - 1
    trees = [r for r in group if r.levels is not None]
    right = f"{sum(r.levels == r.estimate.levels for r in trees)}/{len(trees)}" if trees else ""
    middle = statistics.median(errors)
    print(f"{kind:18} {len(group):6} {middle:8.1%} {most:8.1%} {errors[-1]:8.1%} {total:+8.1%} {right:>13}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", action="append", default=[], metavar="CONNINFO")
    parser.add_argument("--each", action="store_true", help="print every index")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    results: list[Result] = []
    with EmbeddedServer.start() as server:
        conninfo = server.create_database("sizes")
        with psycopg.connect(conninfo, autocommit=True) as connection:
            for statement in Path(__file__).with_name("tables.sql").read_text().split(";\n"):
                connection.execute(statement)
        results += measure(conninfo, list(own_probes()), options.seed)
    for database in options.database:
        results += measure(database, None, options.seed)
    report(results, options.each)


if __name__ == "__main__":
    main()
