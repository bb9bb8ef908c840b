"""dbwright check --plans: what production would do with the queries of the code; near misses pass."""

import json
from pathlib import Path
from typing import Any

from shop_project import INDEX, Production, write_project

from cli import Outcome, assert_one_clear_error, dbwright
from dbwright.gate.queries import of_capture
from dbwright.workload.captured import CapturedCalls

RULE = "plans/large-table"


def check(folder: Path, production: Production, *arguments: str) -> Outcome:
    words = (
        "check",
        ".",
        "--plans",
        "--snapshot",
        str(production.file),
        "--only",
        RULE,
        "--format",
        "json",
        *arguments,
    )
    return dbwright(*words, folder=folder)


def found(outcome: Outcome) -> list[dict[str, Any]]:
    return list(json.loads(outcome.out)["findings"])


SLOW = {
    "list(Order.objects.filter(email=request.GET['email']))": ("Seq Scan on shop_order", "(email)"),
    "Order.objects.filter(number=request.GET['n']).exists()": ("Seq Scan on shop_order", "(number)"),
    "list(Order.objects.order_by('-number', 'email')[:20])": (
        "Sort (number DESC, email)",
        "view_1 needs the same index",
    ),
    "list(Order.objects.order_by('kind__name', '-placed')[:20])": ("Sort", "No index gives this order"),
    "list(Order.objects.all())": ("Seq Scan on shop_order", "no index helps"),
    "Order.objects.count()": ("Seq Scan on shop_order", "show an estimate"),
    "list(Order.objects.filter(placed__date__gte=request.GET['day']))": (
        "Seq Scan on shop_order",
        "Compare the column as it is stored",
    ),
}
QUICK = (
    "Order.objects.get(pk=request.GET['pk'])",
    "list(Order.objects.filter(kind=request.GET['kind'])[:20])",
    # A LIMIT without an order stops after the first rows.
    "list(Order.objects.all()[:20])",
    "list(Order.objects.order_by('-placed')[:20])",
    # The index on the moment serves a narrow range; which range it is, nobody knows.
    "list(Order.objects.filter(placed__gte=request.GET['since']))",
    # A small table.
    "list(Kind.objects.order_by('name'))",
    "list(Kind.objects.filter(name=request.GET['name']))",
    "Order.objects.create(number='1', email='', placed=request.GET['at'], kind_id=1)",
)


def test_queries_that_read_or_sort_a_large_table_fail(tmp_path: Path, production: Production) -> None:
    write_project(tmp_path, *SLOW)
    outcome = check(tmp_path, production, "--strict")
    assert outcome.code == 1, outcome
    by_view = {finding["objects"][0]["name"]: finding for finding in found(outcome)}
    assert sorted(by_view) == [f"view_{number}" for number in range(len(SLOW))]
    for number, (node, fix) in enumerate(SLOW.values()):
        finding = by_view[f"view_{number}"]
        assert [(p["file"], p["line"]) for p in finding["locations"]] == [("shop/views.py", 7 + 5 * number)]
        assert finding["evidence"]["node"].startswith(node)
        assert fix in ((finding["change"] or {}).get("sql") or finding["next_step"])
        if finding["change"]:
            assert finding["evidence"]["cost with the index"] < finding["evidence"]["cost"] / 2


def test_what_production_answers_quickly_passes(tmp_path: Path, production: Production) -> None:
    write_project(tmp_path, *QUICK)
    outcome = check(tmp_path, production, "--strict")
    assert outcome.code == 0, outcome
    assert found(outcome) == []


def test_the_index_that_comes_with_the_change_counts(tmp_path: Path, production: Production) -> None:
    write_project(tmp_path, "list(Order.objects.filter(email=request.GET['email']))", meta=INDEX.format("email"))
    assert check(tmp_path, production).code == 0
    write_project(tmp_path, "list(Order.objects.filter(email=request.GET['email']))", meta=INDEX.format("number"))
    assert check(tmp_path, production).code == 1


def test_columns_and_tables_that_production_has_not_yet_are_no_failure(tmp_path: Path, production: Production) -> None:
    meta = "    note = models.TextField(default='')\n\n\nclass Extra(models.Model):\n    order = models.ForeignKey(Order, models.CASCADE)"
    write_project(tmp_path, "list(Order.objects.filter(kind=1, note='x')[:5])", meta=meta)
    outcome = check(tmp_path, production, "--strict")
    assert outcome.code == 0, outcome


def test_a_page_whose_size_is_bound_is_a_page() -> None:
    """A generic plan would take a tenth of all rows for it."""
    calls = CapturedCalls(
        "SELECT id FROM shop_order WHERE a = $1 LIMIT $2::INTEGER OFFSET $3", 1, places=[("a.py", 1, "f", 1)]
    )
    (sent,) = of_capture([calls])
    assert sent.sql == "SELECT id FROM shop_order WHERE a = $1 LIMIT 100 OFFSET 0"


def test_a_batch_may_read_everything(tmp_path: Path, production: Production) -> None:
    (tmp_path / "shop/management/commands").mkdir(parents=True)
    write_project(tmp_path, "list(Order.objects.all())", name="handle", file="shop/management/commands/export.py")
    assert check(tmp_path, production).code == 0


def test_the_baseline_holds_what_was_there_and_nothing_new(tmp_path: Path, production: Production) -> None:
    write_project(tmp_path, "list(Order.objects.filter(email=request.GET['email']))")
    accepted = dbwright("baseline", ".", "--plans", "--snapshot", str(production.file), folder=tmp_path)
    assert accepted.code == 0, accepted
    assert check(tmp_path, production).code == 0
    write_project(tmp_path, "list(Order.objects.filter(number=request.GET['n']))", name="other")
    assert check(tmp_path, production).code == 1


def test_an_ordinary_check_says_nothing_of_plans(tmp_path: Path, production: Production) -> None:
    write_project(tmp_path, "list(Order.objects.filter(email=request.GET['email']))")
    outcome = dbwright("check", ".", "--snapshot", str(production.file), "--format", "json", folder=tmp_path)
    report = json.loads(outcome.out)
    assert RULE not in {f["rule"] for f in report["findings"]}
    assert RULE not in {entry["rule"] for entry in report["not_checked"]}


def test_a_query_that_cannot_be_planned_is_told(tmp_path: Path, production: Production) -> None:
    write_project(tmp_path, "list(Order.objects.raw('SELECT id, nowhere FROM shop_order'))")
    outcome = check(tmp_path, production, "--strict")
    assert outcome.code == 3, outcome
    (entry,) = [n for n in json.loads(outcome.out)["not_checked"] if n["rule"] == RULE]
    assert "shop/views.py:7" in entry["reason"]
    assert "nowhere" in entry["reason"]


def test_without_production_there_is_nothing_to_plan_on(tmp_path: Path) -> None:
    write_project(tmp_path, "list(Order.objects.all())")
    assert_one_clear_error(dbwright("check", ".", "--plans", "--no-db", folder=tmp_path))
    assert_one_clear_error(dbwright("advise", ".", "--no-db", folder=tmp_path))


def test_a_line_is_found_by_any_path_that_ends_in_its_file(tmp_path: Path, production: Production) -> None:
    write_project(tmp_path / "project", "list(Order.objects.filter(email=request.GET['email']))")
    words = ("--project", "project", "--snapshot", str(production.file))
    for place in ("shop/views.py:7", "project/shop/views.py:7", "./project/shop/views.py:7", "views.py:7"):
        outcome = dbwright("plan", place, *words, folder=tmp_path)
        assert "Seq Scan on shop_order" in outcome.out, outcome
    assert_one_clear_error(dbwright("plan", "other/views.py:7", *words, folder=tmp_path))
