"""Rows that get entries in indexes: those of the workload's own statements; near misses are not counted."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dbwright.advise.writing import Writes
from dbwright.model.snapshot import Snapshot
from dbwright.model.workload import WorkloadStatement

INSERT = "insert into orders (id, customer_id) values ($1, $2)"


def counted(snapshot: Snapshot, **counters: Any) -> Snapshot:
    """The snapshot with other counters of its orders, which ran for ten days."""
    oid = next(t.oid for t in snapshot.catalog.tables if t.name == "orders")
    tables = tuple(replace(row, **counters) if row.oid == oid else row for row in snapshot.statistics.tables)
    began = snapshot.taken_at - timedelta(days=10)
    statistics = replace(snapshot.statistics, tables=tables, reset_at=began)
    workload = replace(snapshot.workload, collected_from=snapshot.taken_at - timedelta(days=1))
    return replace(snapshot, statistics=statistics, workload=workload)


def entries(snapshot: Snapshot, *statements: WorkloadStatement) -> float:
    table = next(t for t in snapshot.catalog.tables if t.name == "orders")
    return Writes(snapshot, statements).entries(table)


def test_rows_of_inserts_count_and_loads_of_before_do_not(shop: Any) -> None:
    loaded = counted(shop.snapshot, inserted=5_000_000, updated=0, hot_updated=0)
    assert entries(loaded, WorkloadStatement(INSERT, 30, mean_rows=1.0)) == 30
    assert entries(loaded, WorkloadStatement("insert into orders select * from item", 2, mean_rows=500.0)) == 1000
    assert entries(loaded, WorkloadStatement(INSERT, 30)) == 30  # nobody measured the rows: one each


def test_updates_count_as_far_as_they_are_not_heap_only(shop: Any) -> None:
    updated = counted(shop.snapshot, inserted=0, updated=1000, hot_updated=750)
    assert entries(updated, WorkloadStatement("update orders set status = $1", 10, mean_rows=40.0)) == 100


@pytest.mark.parametrize(
    "sql",
    [
        "delete from orders where id = $1",
        "select * from orders",
        "insert into tiny (id) values ($1)",
        "copy orders from stdin",
    ],
)
def test_where_no_statement_wrote_the_counters_tell_for_the_workloads_time(shop: Any, sql: str) -> None:
    loaded = counted(shop.snapshot, inserted=5000, updated=0, hot_updated=0)
    assert entries(loaded, WorkloadStatement(sql, 9, mean_rows=9.0)) == pytest.approx(500)
