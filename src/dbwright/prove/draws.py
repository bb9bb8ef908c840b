"""Values for the parameters of a statement: those it was called with, else drawn from statistics of the columns they are compared with."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Any

import psycopg

from dbwright.model.query import Predicate
from dbwright.model.quoting import quote_identifier
from dbwright.model.snapshot import Snapshot
from dbwright.model.statistics import ColumnStatistics
from dbwright.model.workload import WorkloadStatement
from dbwright.plaintext import one_line
from dbwright.prove.literals import array_text
from dbwright.source.placeholders import filled
from dbwright.source.sql import CannotTakeApart, take_apart

CALLED = "as it was called"
DRAWN = "drawn from the statistics"
SAMPLED = "drawn from rows of the copy"
NONE = "has no parameters"
PAGE = "20"
"""Rows of a page whose size is a parameter."""
_LIST = 5
"""Values of a list whose length nobody knows."""
_LOOKED_AT = 20_000
_SAMPLE = 200
_PARAMETER = re.compile(r"\$(\d+)")
_AMOUNT = re.compile(r"\b(LIMIT|OFFSET)\s+\$(\d+)", re.I)
_EQUAL = frozenset(("=", "in", "is", "<>", "any"))
_BY_TYPE = {
    "boolean": "true",
    "date": "2025-01-01",
    "timestamp with time zone": "2025-01-01 00:00:00+00",
    "timestamp without time zone": "2025-01-01 00:00:00",
    "interval": "1 day",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "jsonb": "{}",
    "json": "{}",
    "inet": "192.0.2.1",
}
_NUMBERS = frozenset(("smallint", "integer", "bigint", "numeric", "real", "double precision"))


@dataclass(frozen=True)
class Draws:
    """A statement with its values written out, once for each draw, and where these are from; ``values`` are each draw's, by number."""

    texts: tuple[str, ...]
    origin: str
    values: tuple[Mapping[int, Any], ...] = ({},)

    @classmethod
    def of(cls, text: str, values: Iterable[Mapping[int, Any]], origin: str) -> Draws:
        """Each different text once."""
        found: dict[str, Mapping[int, Any]] = {}
        for given in values:
            found.setdefault(filled(text, given), given)
        return cls(tuple(found), origin, tuple(found.values()))

    def otherwise(self, text: str) -> Draws:
        """Another statement with the same values, draw by draw."""
        return Draws(tuple(filled(text, given) for given in self.values), self.origin, self.values)


class CannotDraw(Exception):
    """There are no values for a parameter; the text says why."""


Called = Mapping[str, Sequence[tuple[Sequence[str | None], int]]]
"""The parameters that statements were called with, and how often, by their text."""


def draws_of(
    statement: WorkloadStatement,
    called: Called,
    snapshot: Snapshot,
    connection: psycopg.Connection[Any],
    count: int,
    seed: int,
) -> Draws:
    """At most ``count`` draws, the same for the same seed. Raises CannotDraw."""
    numbers = sorted({int(number) for number in _PARAMETER.findall(statement.sql)})
    if not numbers:
        return Draws((statement.sql,), NONE)
    rng = Random(f"{seed}:{statement.sql}")  # noqa: S311 -- draws that can be repeated, no secret
    known = [dict(enumerate(values, 1)) for values in _most_called(called.get(statement.sql, ()), count, rng)]
    if known and all(set(numbers) <= values.keys() for values in known):
        return Draws.of(statement.sql, known, CALLED)
    typical = {number: value for number, value in statement.parameters.items() if number in numbers}
    if len(typical) == len(numbers):
        return Draws.of(statement.sql, [typical], CALLED)
    source = _Drawn(statement.sql, snapshot, _types(connection, statement.sql, numbers), connection)
    values = [{number: source.value(number, rng) for number in numbers} | typical for _ in range(count)]
    return Draws.of(statement.sql, values, SAMPLED if source.sampled else DRAWN)


def _most_called(
    values: Sequence[tuple[Sequence[str | None], int]], count: int, rng: Random
) -> Iterable[Sequence[str | None]]:
    """The parameters with most calls first, then by lot, which gives the rare ones their chance."""
    ordered = sorted(values, key=lambda item: -item[1])
    first, others = ordered[: (count + 1) // 2], ordered[(count + 1) // 2 :]
    return [given for given, _ in (*first, *rng.sample(others, min(count - len(first), len(others))))]


def _types(connection: psycopg.Connection[Any], text: str, numbers: Sequence[int]) -> dict[int, str]:
    """The type of each parameter, as the server infers it. Raises CannotDraw with what it says of the statement."""
    place = {number: position for position, number in enumerate(numbers, 1)}
    dense = _PARAMETER.sub(lambda found: f"${place[int(found[1])]}", text)
    try:
        connection.execute(f"PREPARE dbwright_draw AS {dense}".encode())
        found = connection.execute(
            "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'dbwright_draw'"
        ).fetchone()
    except psycopg.Error as error:
        raise CannotDraw(one_line((error.diag.message_primary or str(error)).strip())) from None
    finally:
        connection.execute("DEALLOCATE ALL")
    return dict(zip(numbers, found[0] if found else (), strict=True))


class _Drawn:
    """Values for the parameters of one statement."""

    def __init__(
        self, text: str, snapshot: Snapshot, types: Mapping[int, str], connection: psycopg.Connection[Any]
    ) -> None:
        self.types, self.connection = types, connection
        self.sampled: dict[tuple[str, str], list[str]] = {}
        self.schemas = {table.name: table.schema for table in snapshot.catalog.tables}
        self.amounts = {int(number): kind.upper() for kind, number in _AMOUNT.findall(text)}
        schema = {
            table.name: [column.name for column in snapshot.catalog.columns_of(table)]
            for table in snapshot.catalog.tables
        }
        try:
            query = take_apart(text, schema)
        except CannotTakeApart as error:
            raise CannotDraw(str(error)) from None
        if query.verb == "insert":
            raise CannotDraw("the values that it stores are not known; what inserts cost is measured apart")
        self.predicates = {p.parameter: p for p in query.predicates if p.parameter}
        self.statistics = {number: _statistics(snapshot, predicate) for number, predicate in self.predicates.items()}

    def value(self, number: int, rng: Random) -> str:
        """Raises CannotDraw."""
        if number in self.amounts:
            return PAGE if self.amounts[number] == "LIMIT" else "0"
        predicate, known = self.predicates.get(number), self.statistics.get(number)
        kind = self.types.get(number, "text")
        if predicate is not None and known is not None:
            value = self._compared(predicate, known, kind, rng)
            if value is not None:
                return value
        if predicate is not None and not kind.endswith("[]") and (rows := self._rows(predicate)):
            return rng.choice(rows)
        if kind.endswith("[]"):
            raise CannotDraw(f"nothing is known of the list ${number}")
        if kind in _NUMBERS:
            return "1"
        if kind in _BY_TYPE:
            return _BY_TYPE[kind]
        if predicate is not None and predicate.operator in ("like", "ilike"):
            return "%a%"
        raise CannotDraw(f"nothing is known of what ${number} ({kind}) is compared with")

    def _rows(self, predicate: Predicate) -> list[str]:
        """Values of the column in some rows of the copy: of columns whose names tell of a secret there are no statistics."""
        table, column = predicate.column.table, predicate.column.column
        if predicate.operator not in _EQUAL or predicate.wrapped or table not in self.schemas:
            return []
        if (table, column) not in self.sampled:
            of = quote_identifier(self.schemas[table], table)
            text = (
                f"SELECT v::text FROM (SELECT {quote_identifier(column)} AS v, hashtext(ctid::text) AS lot FROM {of}"  # noqa: S608
                f" TABLESAMPLE SYSTEM (100) REPEATABLE (1) LIMIT {_LOOKED_AT}) AS s WHERE v IS NOT NULL ORDER BY lot LIMIT {_SAMPLE}"
            )
            try:
                self.sampled[table, column] = [str(row[0]) for row in self.connection.execute(text.encode()).fetchall()]
            except psycopg.Error:
                return []  # a view, or what the text calls a column and is none
        return self.sampled[table, column]

    def _compared(self, predicate: Predicate, known: ColumnStatistics, kind: str, rng: Random) -> str | None:
        if predicate.operator in _EQUAL and kind.endswith("[]"):
            several = [value for _ in range(_LIST) if (value := one_of(known, rng)) is not None]
            return array_text(several) if several else None
        if predicate.operator in ("like", "ilike"):
            value = one_of(known, rng)
            words = re.findall(r"\w{3,}", value or "")
            return f"%{rng.choice(words)}%" if words else None
        if predicate.wrapper in ("upper", "lower", ""):
            value = one_of(known, rng) if predicate.operator in _EQUAL else within(known, rng)
            return getattr(value, predicate.wrapper)() if value is not None and predicate.wrapper else value
        if predicate.wrapper in ("::date", "date"):
            value = within(known, rng)
            return value[:10] if value is not None else None
        return None


def _statistics(snapshot: Snapshot, predicate: Predicate) -> ColumnStatistics | None:
    tables = [t for t in snapshot.catalog.tables if t.name == predicate.column.table]
    return snapshot.statistics.column(tables[0], predicate.column.column) if tables else None


def one_of(known: ColumnStatistics, rng: Random) -> str | None:
    """A value as rows have it: a frequent one as often as it stands there, else one of the histogram's. None when none is known."""
    if known.common_values and rng.random() < max(sum(known.common_frequencies), 0 if known.histogram else 1):
        ends = list(accumulate(known.common_frequencies))
        return known.common_values[min(bisect(ends, rng.random() * ends[-1]), len(ends) - 1)]
    return rng.choice(known.histogram) if known.histogram else None


def within(known: ColumnStatistics, rng: Random) -> str | None:
    """A bound for a range: a value by its place among all rows."""
    if known.histogram:
        return rng.choice(known.histogram)
    return rng.choice(known.common_values) if known.common_values else None
