"""The code's queries as a workload: weights come from recorded statements, and only to the queries that sent them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from dbwright.model.attribution import Attribution, StatementOrigin
from dbwright.model.snapshot import SCHEMA_VERSION, Snapshot, Target
from dbwright.model.source import Parameter, Place, Source, SourceQuery
from dbwright.source.sql import take_apart
from dbwright.workload.code import read_code

TARGET = Target("postgresql", "app@db/shop", "f00d", "shop", 150000, "15.0", "app", False, True)
ROWS = "SELECT id FROM orders WHERE customer_id = $1 ORDER BY created LIMIT 20"
COUNT = "SELECT count(*) FROM orders WHERE customer_id = $1"
OTHER = "SELECT id FROM customer WHERE email = $1"


def sent(line: int, sql: str | None, **more: Any) -> SourceQuery:
    place = Place("shop/views.py", line, "index")
    return SourceQuery("django", "rows", place, place, sql=sql, query=take_apart(sql) if sql else None, **more)


def recorded(number: int, sql: str, calls: int, milliseconds: float, *lines: int) -> StatementOrigin:
    places = tuple(Place("shop/views.py", line, "index") for line in lines)
    return StatementOrigin(number, "structure", places, query=take_apart(sql), calls=calls, milliseconds=milliseconds)


def read(queries: list[SourceQuery], *origins: StatementOrigin) -> dict[str, tuple[float, float | None]]:
    snapshot = Snapshot(SCHEMA_VERSION, "0", datetime(2026, 11, 21, tzinfo=UTC), TARGET)
    found = read_code(replace(snapshot, source=Source(queries=tuple(queries)), attribution=Attribution(origins)))
    return {statement.sql: (statement.calls, statement.mean_milliseconds) for statement in found.statements}


def test_of_two_queries_of_one_line_the_fingerprint_tells_which() -> None:
    weights = read([sent(3, ROWS), sent(3, COUNT)], recorded(1, COUNT.replace("$1", "$7"), 90, 180.0, 3))
    assert weights == {COUNT: (90.0, 2.0), ROWS: (1.0, None)}


def test_a_statement_that_differs_a_little_goes_to_the_query_of_its_line_on_its_tables() -> None:
    longer = "SELECT id, total FROM orders WHERE customer_id = $1 ORDER BY created LIMIT $2"
    assert read([sent(3, ROWS), sent(3, OTHER)], recorded(1, longer, 10, 10.0, 3)) == {
        ROWS: (10.0, 1.0),
        OTHER: (1.0, None),
    }


def test_the_same_text_on_two_lines_is_one_statement() -> None:
    assert read([sent(3, ROWS), sent(9, ROWS)], recorded(1, ROWS, 10, 10.0, 3, 9)) == {ROWS: (10.0, 1.0)}


def test_calls_of_statements_without_a_line_go_nowhere() -> None:
    assert read([sent(3, ROWS)], recorded(1, OTHER, 10, 10.0)) == {ROWS: (1.0, None)}


def test_parameters_that_the_source_writes_down_are_known() -> None:
    queries = [
        sent(3, ROWS, parameters=(Parameter("constant", 7),)),
        sent(4, COUNT, parameters=(Parameter("request", "x"),)),
        sent(5, OTHER, parameters=(Parameter("constant", "a@b.example"),)),
        sent(6, OTHER, parameters=(Parameter("constant", "c@b.example"),)),
    ]
    snapshot = Snapshot(
        SCHEMA_VERSION, "0", datetime(2026, 11, 21, tzinfo=UTC), TARGET, source=Source(queries=tuple(queries))
    )
    assert {s.sql: dict(s.parameters) for s in read_code(snapshot).statements} == {ROWS: {1: 7}, COUNT: {}, OTHER: {}}


def test_what_the_reader_could_not_write_is_told_once() -> None:
    queries = [sent(3, None, unknown="a table that is not known"), sent(3, None, unknown="a table that is not known")]
    snapshot = Snapshot(
        SCHEMA_VERSION, "0", datetime(2026, 11, 21, tzinfo=UTC), TARGET, source=Source(queries=tuple(queries))
    )
    found = read_code(snapshot)
    assert not found.statements
    assert [problem.reason for problem in found.problems] == ["a table that is not known"]
