"""Recorded statements as a workload, and what came to them between two snapshots."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dbwright.model.activity import Statement, Workload
from dbwright.model.attribution import Attribution, StatementOrigin
from dbwright.model.snapshot import SCHEMA_VERSION, Snapshot, Target
from dbwright.model.source import Place
from dbwright.workload.recorded import read_difference, read_recorded

TARGET = Target("postgresql", "app@db/shop", "f00d", "shop", 150000, "15.0", "app", False, True)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def row(query_id: int, sql: str, calls: int, total: float, user: str = "app") -> Statement:
    values: dict[str, Any] = {field.name: 0 for field in fields(Statement)}
    values |= {"query_id": query_id, "query": sql, "user": user, "calls": calls, "total_milliseconds": total}
    return Statement(**values | {"mean_milliseconds": total / calls if calls else 0.0})


def snapshot(*rows: Statement, at: datetime = NOON, since: datetime | None = None) -> Snapshot:
    return Snapshot(SCHEMA_VERSION, "0", at, TARGET, workload=Workload(True, rows, None, since))


def calls(read: Any) -> dict[str, tuple[float, float | None]]:
    return {statement.sql: (statement.calls, statement.mean_milliseconds) for statement in read.statements}


def test_statements_of_all_users_are_added_up_and_the_systems_left_out() -> None:
    read = read_recorded(
        snapshot(
            row(1, "SELECT a FROM t", 10, 20.0),
            row(1, "SELECT a FROM t", 30, 20.0, "other"),
            row(2, "SELECT b FROM t", 1, 500.0),
            row(3, "BEGIN", 900, 1.0),
            row(4, "SELECT * FROM pg_stat_activity", 9, 9.0),
            row(5, "SELECT c FROM t", 0, 0.0),
        )
    )
    assert calls(read) == {"SELECT b FROM t": (1.0, 500.0), "SELECT a FROM t": (40.0, 1.0)}
    assert list(calls(read)) == ["SELECT b FROM t", "SELECT a FROM t"]
    assert not read.problems


def test_the_origin_is_the_line_where_it_is_known() -> None:
    place = Place("shop/views.py", 31, "index")
    found = StatementOrigin(1, "fingerprint", issued=(place,))
    read = read_recorded(
        replace(
            snapshot(row(1, "SELECT a FROM t", 1, 2.0), row(2, "SELECT b FROM t", 1, 1.0)),
            attribution=Attribution((found,)),
        )
    )
    assert [statement.origin for statement in read.statements] == [str(place), "query 2"]


def test_without_records_that_is_said() -> None:
    read = read_recorded(replace(snapshot(), workload=Workload()))
    assert not read.statements
    assert len(read.problems) == 1


def test_the_difference_of_two_snapshots() -> None:
    began = NOON - timedelta(days=9)
    earlier = snapshot(
        row(1, "SELECT a FROM t", 10, 20.0),
        row(2, "SELECT b FROM t", 5, 5.0),
        row(3, "SELECT c FROM t", 50, 5.0),
        since=began,
    )
    later = snapshot(
        row(1, "SELECT a FROM t", 30, 120.0),
        row(2, "SELECT b FROM t", 5, 5.0),
        row(3, "SELECT c FROM t", 2, 4.0),
        row(4, "SELECT d FROM t", 1, 1.0),
        at=NOON + timedelta(hours=1),
        since=began,
    )
    expected = {"SELECT a FROM t": (20.0, 5.0), "SELECT c FROM t": (2.0, 2.0), "SELECT d FROM t": (1.0, 1.0)}
    assert calls(read_difference(earlier, later)) == expected
    assert calls(read_difference(later, earlier)) == expected
    assert not calls(read_difference(later, later))


def test_counting_that_began_anew_in_between_is_said() -> None:
    earlier = snapshot(row(1, "SELECT a FROM t", 10, 20.0), since=NOON - timedelta(days=9))
    later = snapshot(row(1, "SELECT a FROM t", 30, 30.0), at=NOON + timedelta(hours=2), since=NOON + timedelta(hours=1))
    read = read_difference(earlier, later)
    assert calls(read) == {"SELECT a FROM t": (30.0, 1.0)}
    assert len(read.problems) == 1


def test_two_databases_have_no_difference() -> None:
    other = replace(snapshot(row(1, "SELECT a FROM t", 10, 20.0)), target=replace(TARGET, identity="beef"))
    read = read_difference(snapshot(), other)
    assert not read.statements
    assert "two databases" in read.problems[0].reason
