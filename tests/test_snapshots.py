"""Snapshots written and read back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from dbwright import snapshots
from dbwright.model.snapshot import SCHEMA_VERSION, Snapshot, Target
from dbwright.model.source import (
    Parameter,
    Place,
    Source,
    SourceColumn,
    SourceIndex,
    SourceProblem,
    SourceQuery,
    SourceTable,
)
from dbwright.source.sql import take_apart

TARGET = Target("postgresql", "app@db/shop", "abc", "shop", 180000, "18.0", "app", False, True)
EMPTY = Snapshot(SCHEMA_VERSION, "1", datetime(2026, 1, 1, tzinfo=UTC), TARGET)
SQL = (
    "SELECT c.id, count(*) FROM orders o LEFT JOIN customers c ON c.id = o.customer_id WHERE lower(c.name) LIKE '%x' OR o.total IN (1, 2) "
    "GROUP BY c.id ORDER BY 2 DESC, c.id NULLS FIRST LIMIT $1"
)
SOURCE = Source(
    tables=(
        SourceTable(
            "orders",
            None,
            "shop.models.Order",
            Place("shop/models.py", 3),
            "django",
            columns=(SourceColumn("id", "id", "bigint", True, primary_key=True, options=(("blank", False),)),),
            indexes=(SourceIndex(None, ("total",), line=9),),
        ),
    ),
    queries=(
        SourceQuery(
            "django",
            "rows",
            Place("a.py", 1),
            Place("b.py", 2, "view"),
            sql=SQL,
            query=take_apart(SQL),
            parameters=(Parameter("constant", 20),),
        ),
    ),
    problems=(SourceProblem("c.py", 4, "syntax error"),),
    files=3,
    lines=100,
)


def test_what_was_read_of_the_source_comes_back_as_it_was() -> None:
    snapshot = replace(EMPTY, source=SOURCE)
    assert snapshots.decode(snapshots.encode(snapshot)) == snapshot


def test_a_snapshot_of_before_the_source_was_read_has_none() -> None:
    old = json.loads(snapshots.encode(EMPTY))
    del old["source"]
    assert snapshots.decode(json.dumps(old).encode()) == EMPTY


def test_a_value_without_json_form_becomes_text() -> None:
    query = replace(SOURCE.queries[0], parameters=(Parameter("constant", 1j),))
    saved = snapshots.decode(snapshots.encode(replace(EMPTY, source=replace(SOURCE, queries=(query,)))))
    assert saved.source.queries[0].parameters[0].value == "1j"
