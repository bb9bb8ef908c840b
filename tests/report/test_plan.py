"""The plan puts work into periods by points and effort."""

import dataclasses

import pytest
import shop

from dbwright.model.change import AlterColumnType, Change, CreateIndex, IndexKey, Maintain, SetServerParameter
from dbwright.model.finding import ObjectRef
from dbwright.model.report import Report
from dbwright.report import plan

TABLE = ObjectRef("table", "t", "public")


def report_of(*findings: object) -> Report:
    return dataclasses.replace(shop.empty(), findings=findings)  # type: ignore[arg-type]


def test_the_critical_comes_this_week_then_quick_wins() -> None:
    week = plan.plan(shop.shop())[0]
    assert week.name == "This week"
    assert week.items[0].rule == "settings/crash-safety-off"
    assert week.items[0].is_quick


def test_every_finding_is_in_one_period() -> None:
    for report in (shop.shop(), shop.large(100), shop.hostile()):
        planned = [f.id for period in plan.plan(report) for item in period.items for f in item.findings]
        assert sorted(planned) == sorted(f.id for f in report.findings)


def test_low_findings_are_never_work_of_this_week() -> None:
    quick = shop.finding("a/b", "t", TABLE, "low", Change((Maintain("public", "t", analyze=True),)))
    periods = plan.plan(report_of(quick))
    assert [(p.name, len(p.items)) for p in periods] == [("This month", 1)]


def test_work_that_does_not_fit_is_cut_and_moves_on_the_worst_first() -> None:
    change = shop.index_on(shop.table(1, "t"), "i", "c")
    found = [
        shop.finding("indexes/missing", f"t{n}", TABLE, "high", change, points=74 - n / 100, id=f"{n:016x}")
        for n in range(900)
    ]
    periods = plan.plan(report_of(*found))
    assert [p.name for p in periods] == ["This week", "This month"]
    assert plan.ROOM[0] * 0.9 < periods[0].hours <= plan.ROOM[0]
    assert periods[0].items[0].findings[0].points > periods[1].items[0].findings[0].points


def test_a_critical_piece_longer_than_any_room_is_still_planned() -> None:
    design = shop.finding("a/b", "rewrite", TABLE, "critical")
    many = [dataclasses.replace(design, id=f"{n:016x}") for n in range(900)]
    assert sum(len(i.findings) for p in plan.plan(report_of(*many)) for i in p.items) == 900


@pytest.mark.parametrize(
    ("operations", "kind"),
    [
        ((CreateIndex("s", "t", "i", (IndexKey("c"),)),), "index"),
        ((SetServerParameter("work_mem", None, "8MB"),), "server setting, reloaded"),
        ((SetServerParameter("shared_buffers", None, "1GB", restart=True),), "server setting, with a restart"),
        ((AlterColumnType("s", "t", "c", "int", "bigint"), CreateIndex("s", "t", "i", (IndexKey("c"),))), "change of a column's type"),
        ((Maintain("s", "t"),), "maintenance"),
    ],
)  # fmt: skip
def test_the_heaviest_operation_names_the_work(operations: tuple[object, ...], kind: str) -> None:
    assert plan.kind_of_work(shop.finding("a/b", "t", TABLE, change=Change(operations))) == kind  # type: ignore[arg-type]


def test_without_a_change_settings_are_decided_and_tables_designed() -> None:
    assert plan.kind_of_work(shop.finding("a/b", "t", ObjectRef("setting", "work_mem"))) == "setting to decide"
    assert plan.kind_of_work(shop.finding("a/b", "t", TABLE)) == "work to design"


def test_the_score_rises_to_100_when_all_is_done() -> None:
    scores = [period.score for period in plan.plan(shop.shop())]
    assert None not in scores
    assert scores == sorted(scores)  # type: ignore[type-var]
    assert scores[-1] == 100


def test_no_score_is_foretold_for_rules_that_are_not_known() -> None:
    unknown = report_of(shop.finding("made/up", "t", TABLE))
    assert plan.plan(unknown)[0].score is None


@pytest.mark.parametrize(
    ("hours", "text"), [(0.25, "15 min"), (0.01, "5 min"), (2, "2 h"), (15.9, "16 h"), (40, "5 days")]
)
def test_hours_are_told_coarsely(hours: float, text: str) -> None:
    assert plan.hours_text(hours) == text


def test_a_period_that_brings_nothing_names_no_score() -> None:
    report = shop.shop()
    told = [period.score for period in plan.plan(report)]
    known = [report.overall.value if report.overall else None, *(score for score in told if score is not None)]
    assert len(set(known)) == len(known)
