"""What writing costs on both copies: rows like those that are there, put in and changed in transactions that are rolled back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import psycopg

from dbwright.model.catalog import Column, Table
from dbwright.model.proved import WriteCost
from dbwright.model.quoting import quote_identifier
from dbwright.model.snapshot import Snapshot
from dbwright.model.workload import WorkloadStatement
from dbwright.prove import intervals
from dbwright.prove.measuring import verdict
from dbwright.prove.running import Copy, RunFailed
from dbwright.source.sql import CannotTakeApart, take_apart

MOST_ROWS = 1_000
"""Rows of one write."""
_NUMBERS = frozenset(("int2", "int4", "int8", "numeric", "float4", "float8"))
_TIMES = frozenset(("timestamp", "timestamptz", "date"))
_TEXTS = frozenset(("text", "varchar", "bpchar", "citext"))


def costs(
    tables: Iterable[tuple[str, str]],
    snapshot: Snapshot,
    statements: Sequence[WorkloadStatement],
    pair: tuple[Copy, Copy],
    repeats: int,
    noise: float,
) -> Iterator[WriteCost | tuple[str, str]]:
    """For each table what an INSERT costs, and an UPDATE of what the workload's own ones set; where one cannot be tried, a pair of what and
    why."""
    for schema, name in tables:
        table = snapshot.catalog.table_by_name.get((schema, name))
        if table is None or table.kind not in ("table", "partitioned table"):
            continue
        label = quote_identifier(schema, name)
        insert = _insert(table, snapshot)
        updates = _updated_columns(table, snapshot, statements)
        wanted = [(f"INSERT of rows like those that are there into {label}", insert)]
        if updates:
            wanted.append((f"UPDATE of {', '.join(updates)}", _update(table, snapshot, updates)))
        for what, text in wanted:
            if text is None:
                yield what, "no new values can be made for what must be unique"
                continue
            try:
                yield _measured(label, what, text, pair, repeats, noise)
            except RunFailed as error:
                yield what, str(error)


def _measured(label: str, what: str, text: str, pair: tuple[Copy, Copy], repeats: int, noise: float) -> WriteCost:
    explained = [copy.explain(text) for copy in pair]
    wrote = [copy.run(text).rows for copy in pair]
    rows = min(wrote)
    if not rows:
        raise RunFailed("no row could be written")
    runs: tuple[list[float], list[float]] = ([], [])
    for number in range(max(repeats, intervals.LEAST_RUNS)):
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            answer = pair[side].run(text)
            runs[side].append(answer.milliseconds * 1000 / max(answer.rows, 1))
    before, after = intervals.of_runs(runs[0]), intervals.of_runs(runs[1])
    if before is None or after is None:
        raise RunFailed("too few runs")
    hot = [_hot_share(copy, text) if what.startswith("UPDATE") else None for copy in pair]
    return WriteCost(
        label, what, rows, before, after,
        explained[0].wal / rows, explained[1].wal / rows, verdict(before, after, noise), hot[0], hot[1],
    )  # fmt: skip


def _hot_share(copy: Copy, text: str) -> float | None:
    """The share of updated rows that went without touching an index."""
    copy.connection.execute("BEGIN")
    try:
        counts = "SELECT coalesce(sum(n_tup_upd), 0), coalesce(sum(n_tup_hot_upd), 0) FROM pg_stat_xact_user_tables"
        copy.connection.execute(text.encode())
        row = copy.connection.execute(counts).fetchone()
    except psycopg.Error as error:
        raise RunFailed(str(error)) from None
    finally:
        copy.connection.execute("ROLLBACK")
    return float(row[1]) / float(row[0]) if row and row[0] else None


def _insert(table: Table, snapshot: Snapshot) -> str | None:
    """Rows of the table put in again with new keys; what still collides is passed over. None when a unique column takes no new value."""
    unique = _unique_columns(table, snapshot)
    names, values = [], []
    for column in snapshot.catalog.columns_of(table):
        if column.generated or column.identity == "always":
            continue
        single = column.name in unique
        if single and column.default and "nextval" in column.default:
            continue
        if single and column.identity:
            continue
        value = _new_value(column) if single else _own(column)
        if value is None:
            return None
        names.append(quote_identifier(column.name))
        values.append(value)
    name = quote_identifier(table.schema, table.name)
    # Every k-th row, so that they lie all over the table and its indexes.
    rows = max(snapshot.rows(table), 1)
    step = max(rows // MOST_ROWS, 1)
    return (
        f"INSERT INTO {name} ({', '.join(names)}) SELECT {', '.join(values)} FROM"  # noqa: S608 -- names are quoted
        f" (SELECT *, row_number() OVER () AS dbwright_row FROM (SELECT * FROM {name} TABLESAMPLE SYSTEM"
        f" ({min(100.0, 200.0 / step):.6f}) REPEATABLE (1)) AS s) AS t LIMIT {MOST_ROWS} ON CONFLICT DO NOTHING"
    )


def _own(column: Column) -> str:
    return f"t.{quote_identifier(column.name)}"


def _unique_columns(table: Table, snapshot: Snapshot) -> set[str]:
    """Of each unique key one column that takes new values, the last one first: a key of several is new when one part is."""
    keys = [
        [key for key in index.columns if key is not None]
        for index in snapshot.catalog.indexes_of(table)
        if index.is_unique and all(index.columns)
    ]
    foreign = {name for c in snapshot.catalog.constraints_of(table, "foreign key") for name in c.columns}
    columns = {column.name: column for column in snapshot.catalog.columns_of(table)}
    chosen: set[str] = set()
    for key in sorted(keys, key=len):
        if chosen & set(key):
            continue
        free = [name for name in reversed(key) if name not in foreign and _new_value(columns[name])]
        chosen.add(free[0] if free else key[-1])
    return chosen


def _new_value(column: Column) -> str | None:
    """A value that no row has, or is not likely to have; None where the type has no way to one."""
    own = _own(column)
    if column.base_type in ("int4", "int8", "numeric", "float8"):
        # Above all that is there; the table is empty or the column's largest value is far from the type's end.
        return f"(t.dbwright_row + 1000000000){'::int8' if column.base_type != 'int4' else '::int4'}"
    if column.base_type == "uuid":
        return "gen_random_uuid()"
    if column.base_type in ("timestamp", "timestamptz"):
        return f"{own} + interval '1 microsecond' * t.dbwright_row"
    if column.base_type == "date":
        return f"{own} + 36500"
    if column.base_type in _TEXTS:
        suffix = "'~' || t.dbwright_row"
        room = (column.max_length or 10_000) - 8
        return f"left({own}::text, {room}) || {suffix}" if room > 0 else None
    return None


def _updated_columns(table: Table, snapshot: Snapshot, statements: Iterable[WorkloadStatement]) -> tuple[str, ...]:
    """The columns that the workload's UPDATEs of the table set, those of the one with most calls."""
    columns = {column.name: column for column in snapshot.catalog.columns_of(table)}
    found: dict[tuple[str, ...], float] = {}
    for statement in statements:
        if "update" not in statement.sql[:2000].lower():
            continue
        try:
            query = take_apart(statement.sql)
        except CannotTakeApart:
            continue
        if query.verb == "update" and query.target and query.target.name == table.name:
            names = tuple(name for name in query.set_columns if name in columns)
            found[names] = found.get(names, 0.0) + statement.calls
    return max(found, key=lambda names: found[names], default=())


def _update(table: Table, snapshot: Snapshot, names: Sequence[str]) -> str | None:
    columns = {column.name: column for column in snapshot.catalog.columns_of(table)}
    foreign = {name for c in snapshot.catalog.constraints_of(table, "foreign key") for name in c.columns}
    unique = {name for i in snapshot.catalog.indexes_of(table) if i.is_unique for name in i.columns if name is not None}
    sets = [
        f"{quote_identifier(name)} = {_other_value(columns[name], keep=name in foreign or name in unique)}"
        for name in names
    ]
    step = max(snapshot.rows(table) // MOST_ROWS, 1)
    name = quote_identifier(table.schema, table.name)
    return (
        f"UPDATE {name} AS t SET {', '.join(sets)} WHERE t.ctid = ANY(ARRAY(SELECT s.ctid FROM {name} AS s"  # noqa: S608
        f" TABLESAMPLE SYSTEM ({min(100.0, 200.0 / step):.6f}) REPEATABLE (1) LIMIT {MOST_ROWS}))"
    )


def _other_value(column: Column, *, keep: bool) -> str:
    """Another value of the same kind, so that an index on it must be written; what refers to others or is unique stays."""
    own = _own(column)
    if keep:
        return own
    if column.base_type == "bool":
        return f"NOT {own}"
    if column.base_type in _NUMBERS:
        return f"{own} + CASE WHEN {own} > 0 THEN -1 ELSE 1 END"
    if column.base_type in _TIMES:
        return f"{own} + interval '1 day'"
    return own
