"""The measure of the reader: tables that equal the framework's count as equal, and each kind of deviation is seen."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dbwright.model.source import Place, SourceColumn, SourceConstraint, SourceIndex, SourceReference, SourceTable

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.reader.models import compare_tables, expression, type_name


def column(name: str, **given: Any) -> dict[str, Any]:
    row = {"name": name, "field": name, "type": "bigint", "not_null": True, "primary_key": False, "unique": False}
    return row | {"has_default": False, "references": None} | given


ORDER = {
    "name": "shop_order",
    "schema": None,
    "symbol": "shop.models.Order",
    "file": "shop/models.py",
    "line": 3,
    "managed": True,
    "auto_created": False,
    "columns": [
        column("id", primary_key=True),
        column("code", type="varchar(20)"),
        column(
            "customer_id",
            field="customer",
            references={
                "schema": None,
                "table": "shop_customer",
                "column": "id",
                "on_delete": "no action",
                "framework_on_delete": "CASCADE",
                "constraint": True,
            },
        ),
    ],
    "indexes": [
        {
            "name": "shop_open",
            "columns": ["code", 'UPPER("code")'],
            "is_expression": [False, True],
            "descending": [True, False],
            "unique": False,
            "method": "btree",
            "opclasses": [],
            "include": [],
            "condition": "\"state\" = 'open'",
            "implicit": False,
        }
    ],
    "constraints": [
        {"name": None, "kind": "primary key", "columns": ["id"], "condition": None, "deferrable": None},
        {"name": "positive", "kind": "check", "columns": [], "condition": '"total" >= 0', "deferrable": None},
    ],
}
READ = SourceTable(
    "shop_order",
    None,
    "shop.models.Order",
    Place("shop/models.py", 3),
    "django",
    columns=(
        SourceColumn("id", "id", "bigint", True, primary_key=True),
        SourceColumn("code", "code", "character varying(20)", True),
        SourceColumn(
            "customer_id", "customer", "bigint", True, references=SourceReference("shop_customer", "id", "CASCADE")
        ),
    ),
    indexes=(
        SourceIndex(
            "shop_open",
            ("code", "upper(code)"),
            descending=(True,),
            is_expression=(False, True),
            condition="(state = 'open')",
        ),
    ),
    constraints=(
        SourceConstraint(None, "primary key", ("id",)),
        SourceConstraint("positive", "check", ("total",), "total >= 0"),
    ),
)


def figures(read: SourceTable) -> dict[str, tuple[int, int, int, int]]:
    counts = compare_tables([ORDER], [read])
    return {name: (c.equal, c.different, c.missing, c.extra) for name, c in counts.items()}


def test_spellings_of_the_same_table_are_equal() -> None:
    counts = compare_tables([ORDER], [READ])
    assert {name: c.percent for name, c in counts.items()} == dict.fromkeys(counts, 100.0)
    assert figures(READ) == {
        "tables": (1, 0, 0, 0),
        "columns": (3, 0, 0, 0),
        "indexes": (1, 0, 0, 0),
        "constraints": (2, 0, 0, 0),
    }


def changed(part: str, position: int, **given: Any) -> SourceTable:
    rows = list(getattr(READ, part))
    rows[position] = replace(rows[position], **given)
    return replace(READ, **{part: tuple(rows)})


@pytest.mark.parametrize(
    ("part", "position", "given"),
    [
        ("columns", 1, {"type": "varchar(21)"}),
        ("columns", 1, {"not_null": False}),
        ("columns", 1, {"field": "number"}),
        ("columns", 2, {"references": SourceReference("shop_customer", "id", "PROTECT")}),
        ("columns", 2, {"references": SourceReference("shop_client", "id", "CASCADE")}),
        ("columns", 2, {"references": SourceReference("shop_customer", "id", "CASCADE", "cascade")}),
        ("columns", 2, {"references": None}),
        ("indexes", 0, {"condition": "state = 'closed'"}),
        ("indexes", 0, {"condition": None}),
        ("indexes", 0, {"descending": (False, False)}),
        ("indexes", 0, {"name": "shop_closed"}),
        ("indexes", 0, {"method": "gin"}),
        ("constraints", 1, {"condition": "total >= 1"}),
        ("constraints", 1, {"condition": "total > 0"}),
    ],
)
def test_a_deviation_is_one_difference_of_its_part_only(part: str, position: int, given: dict[str, Any]) -> None:
    wanted = figures(READ)
    equal = wanted[part][0]
    assert figures(changed(part, position, **given)) == wanted | {part: (equal - 1, 1, 0, 0)}


def test_a_name_that_the_server_chooses_is_no_difference() -> None:
    assert figures(changed("constraints", 0, name="shop_order_pkey")) == figures(READ)


def test_what_is_missing_and_what_is_extra_are_told_apart() -> None:
    assert figures(replace(READ, indexes=()))["indexes"] == (0, 0, 1, 0)
    assert figures(replace(READ, indexes=READ.indexes * 2))["indexes"] == (1, 0, 0, 1)
    assert figures(replace(READ, columns=READ.columns[1:]))["columns"] == (2, 0, 1, 0)
    assert figures(replace(READ, name="shop_orders")) == {
        "tables": (0, 0, 1, 1),
        "columns": (0, 0, 3, 3),
        "indexes": (0, 0, 1, 1),
        "constraints": (0, 0, 2, 2),
    }


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("character varying(20)", "VARCHAR(20)"),
        ("timestamptz", "timestamp with time zone"),
        ("numeric(10,2)", "numeric(10, 2)"),
        ("int[]", "integer[]"),
        ("DOUBLE PRECISION", "float"),
    ],
)
def test_types_have_one_spelling(first: str, second: str) -> None:
    assert type_name(first) == type_name(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [("varchar(20)", "varchar(21)"), ("integer", "integer[]"), ("timestamptz", "timestamp"), ("text", "citext")],
)
def test_other_types_stay_apart(first: str, second: str) -> None:
    assert type_name(first) != type_name(second)


def test_constants_count_in_a_condition() -> None:
    assert expression("a IN ('x', 'y')") == expression("\"a\" IN ('x', 'y')")
    assert expression("a IN ('x', 'y')") != expression("a IN ('x', 'z')")
    assert expression("a > 1 AND b") == expression("b AND 1 < a")
