"""dbwright plan and dbwright advise, as a user calls them, on the snapshot of a shop with rows."""

import json
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cli import Outcome, assert_one_clear_error, dbwright
from dbwright.snapshots import encode

STATEMENTS = {
    "open.sql": "select * from orders where status = 'sent' order by created desc limit 20;",
    "product.sql": "select o.id, i.price from item i join orders o on o.id = i.order_id where i.product = 17",
    "spent.sql": "select customer_id, sum(total) from orders where created > '2024-03-01' group by customer_id",
    "weird.sql": 'select * from "We""ird"."Or der" where "user" = $1',
    "known.sql": "select * from orders where id = 5",
}


@pytest.fixture(scope="module")
def here(shop: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the shop's snapshot, a project of nothing, and statements."""
    folder = tmp_path_factory.mktemp("advise")
    (folder / "shop.json").write_bytes(encode(shop.snapshot))
    (folder / "project").mkdir()
    (folder / "sql").mkdir()
    for name, text in STATEMENTS.items():
        (folder / "sql" / name).write_text(text)
    return folder


def plan(here: Path, *arguments: str) -> Outcome:
    return dbwright("plan", *arguments, "--project", "project", "--snapshot", "shop.json", folder=here)


def advise(here: Path, *arguments: str, seed: str = "random") -> Outcome:
    environment = {"PYTHONHASHSEED": seed}
    return dbwright("advise", "project", "--snapshot", "shop.json", *arguments, folder=here, environment=environment)


def test_a_folder_of_statements_is_planned_as_the_database_does(here: Path, shop: Any) -> None:
    outcome = plan(here, "--sql-dir", "sql", "--format", "json")
    assert outcome.code == 0, outcome.err
    answered = {row["name"]: row for row in json.loads(outcome.out)["statements"]}
    assert set(answered) == set(STATEMENTS)
    with psycopg.connect(shop.conninfo) as connection:
        for name, text in STATEMENTS.items():
            if "$1" not in text:
                row = connection.execute(f"EXPLAIN (FORMAT JSON) {text}".encode()).fetchone()
                assert row is not None
                assert answered[name]["total_cost"] == pytest.approx(row[0][0]["Plan"]["Total Cost"], rel=0.005), name


def test_a_plan_with_an_index_that_does_not_exist(here: Path) -> None:
    index = "create index on item (product) include (price, order_id)"
    outcome = plan(here, "select price from item where product = 17", "--index", index)
    assert outcome.code == 0, outcome.err
    before, after = outcome.out.split("with the index")
    assert "Seq Scan on item" in before
    assert "Index" in after
    assert "Seq Scan on item" not in after


def test_the_picture_holds_no_markup_of_the_statement(here: Path) -> None:
    outcome = plan(here, "select '<script>alert(1)</script>' from tiny where name = '<b>'", "--format", "html")
    assert outcome.code == 0
    assert "<svg" in outcome.out
    assert "<script>" not in outcome.out
    assert "<b>" not in outcome.out


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nowhere.py:12",),
        ("123456789012",),
        ("select 1", "--index", "drop table orders"),
        ("select 1", "--index", "create index on nowhere (x)"),
        ("select 1", "--index", "create index on orders (nothing)"),
        ("select 1", "--index", "create index on orders using gin (id)"),
        ("--sql-dir", "project"),
    ],
)
def test_what_cannot_be_planned_is_one_clear_error(here: Path, arguments: tuple[str, ...]) -> None:
    outcome = plan(here, *arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    assert "dbwright: " in outcome.err.splitlines()[-2]


def test_a_statement_that_is_none_says_what_the_server_says(here: Path) -> None:
    outcome = plan(here, "selec 1")
    assert outcome.code == 2
    assert "syntax error" in outcome.err
    assert "Traceback" not in outcome.err


def test_advice_is_the_indexes_that_the_statements_lack(here: Path, shop: Any) -> None:
    outcome = advise(here, "--sql-dir", "sql", "--format", "json")
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    assert told["relative_cost"] < 0.6
    assert 0 <= told["certified_gap"] < 0.03
    keys = [re.search(r" ON (.*?)\)", index["sql"])[1] for index in told["indexes"]]  # type: ignore[index]
    assert any(key.startswith("public.item (product") for key in keys)
    assert any('"We""ird"."Or der" ("user"' in key for key in keys)
    assert not any("orders (id" in key for key in keys), "the primary key serves that"
    with psycopg.connect(shop.conninfo) as connection:
        for index in told["indexes"]:
            connection.execute(index["sql"].replace(" CONCURRENTLY", "").encode())
            size = connection.execute(
                "select pg_relation_size(oid) from pg_class where relkind = 'i' order by oid desc limit 1"
            ).fetchone()
            assert size is not None
            assert index["bytes"] == pytest.approx(size[0], rel=0.1, abs=16384)
        connection.rollback()


def test_advice_is_the_same_each_time(here: Path) -> None:
    first, second = (advise(here, "--sql-dir", "sql", "--format", "sql", seed=seed) for seed in ("1", "2"))
    assert first.out == second.out
    assert first.out.count("CREATE INDEX CONCURRENTLY") >= 2


def test_a_budget_is_kept_and_a_budget_of_nothing_gives_nothing(here: Path) -> None:
    told = json.loads(advise(here, "--sql-dir", "sql", "--budget", "700kB", "--format", "json").out)
    assert 0 < told["bytes"] <= 700 * 1024
    assert json.loads(advise(here, "--sql-dir", "sql", "--count", "1", "--format", "json").out)["indexes"][1:] == []
    nothing = advise(here, "--sql-dir", "sql", "--budget", "0")
    assert nothing.code == 0
    assert nothing.out.startswith("No index within 0 bytes")


def test_what_cannot_be_read_is_told_and_the_rest_is_advised(here: Path, tmp_path: Path) -> None:
    folder = tmp_path / "some"
    folder.mkdir()
    (folder / "bad.sql").write_text("selec 1")
    (folder / "gone.sql").write_text("select * from gone where id = 1")
    (folder / "good.sql").write_text(STATEMENTS["product.sql"])
    told = json.loads(advise(here, "--sql-dir", str(folder), "--format", "json").out)
    assert {row["origin"] for row in told["problems"]} == {"bad.sql", "gone.sql"}
    assert len(told["indexes"]) >= 1


@pytest.mark.parametrize("format_", ["text", "markdown", "html"])
def test_hostile_names_do_no_harm_where_they_are_shown(here: Path, tmp_path: Path, format_: str) -> None:
    folder = tmp_path / "some"
    folder.mkdir()
    (folder / "\x1b[31m<script>.sql").write_text(STATEMENTS["product.sql"])
    outcome = advise(here, "--sql-dir", str(folder), "--format", format_)
    assert outcome.code == 0, outcome.err
    assert "product" in outcome.out
    assert "\x1b" not in outcome.out
    assert format_ != "html" or "<script>" not in outcome.out


@pytest.mark.parametrize("arguments", [("--budget", "much"), ("--sql-dir", "project"), ()])
def test_nothing_to_advise_on_is_one_clear_error(here: Path, arguments: tuple[str, ...]) -> None:
    assert_one_clear_error(advise(here, *arguments))


BEYOND = {
    "counted.sql": "select c.id from customer c where (select count(*) from orders o where o.customer_id = c.id) > 0",
    "each.sql": "select c.id, (select sum(i.price) from item i where i.product = c.id) as spent from customer c",
    "day.sql": "select id from orders where created::date = '2024-03-31'",
}


@pytest.mark.parametrize("format_", ["text", "markdown", "html", "json"])
def test_what_no_index_does_stands_beside_them(here: Path, tmp_path: Path, format_: str) -> None:
    for name, text in BEYOND.items():
        (tmp_path / name).write_text(text)
    outcome = advise(here, "--sql-dir", str(tmp_path), "--format", format_)
    assert outcome.code == 0, outcome.err
    if format_ == "json":
        told = {row["kind"]: row for row in json.loads(outcome.out)["beyond_indexes"]}
        each = told["correlated_scalar"]
        assert each["verdict"] == "advised"
        assert each["statements"] == ["each.sql"]
        assert each["cost_after"] < each["cost_before"] / 2
        assert "GROUP BY i.product" in each["change"]
        assert told["extended_statistics"]["verdict"] == "not judged"
    else:
        assert "Beyond indexes: one grouped join instead of a sub-select on item for each row" in outcome.out
        assert "Beyond indexes, asked and not advised" in outcome.out
        assert "GROUP BY i.product" in outcome.out
        assert ("<script" in outcome.out) is False


def test_what_stands_beside_indexes_is_the_same_each_time(here: Path, tmp_path: Path) -> None:
    for name, text in (STATEMENTS | BEYOND).items():
        (tmp_path / name).write_text(text)
    answers = [
        json.loads(advise(here, "--sql-dir", str(tmp_path), "--format", "json", seed=seed).out)["beyond_indexes"]
        for seed in ("1", "77")
    ]
    assert answers[0] == answers[1]
