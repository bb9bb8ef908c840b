"""Several findings of one habit become one message that loses nothing."""

from dbwright.model.change import Change, DropIndex
from dbwright.model.finding import Finding, Impact, ObjectRef
from dbwright.model.grouping import told_once


def _finding(name: str, rows: float, **more) -> Finding:
    return Finding(
        title=f"{name} is wrong",
        message=f"{name} has {rows:,.0f} rows.",
        objects=(ObjectRef("table", name, "public"),),
        impact=Impact(rows, "rows", 10, 1e6),
        evidence={"rows": rows},
        **more,
    )


def _drop(name: str) -> Change:
    return Change((DropIndex("public", name, f"CREATE INDEX {name} ON t (a)"),), note="Look first.")


def test_one_stays_as_it_is() -> None:
    only = _finding("a", 100)
    assert list(told_once([only], "{} are wrong")) == [only]
    assert list(told_once([], "{} are wrong")) == []


def test_so_many_as_may_stand_alone_stay_worst_first() -> None:
    small, large = _finding("a", 100), _finding("b", 9_000)
    assert list(told_once([small, large], "{} are wrong", singly=2)) == [large, small]


def test_several_become_one_that_names_all_and_costs_what_the_worst_costs() -> None:
    members = [_finding("a", 100, change=_drop("a")), _finding("b", 9_000, change=_drop("b"), confidence="low")]
    (one,) = told_once(members, "{} are wrong")
    assert one.title == "2 are wrong"
    assert one.message == "b is wrong. b has 9,000 rows. The same goes for a."
    assert [ref.name for ref in one.objects] == ["b", "a"]
    assert (one.impact.value, one.confidence) == (9_000, "low")
    assert one.evidence["each"] == [{"title": "b is wrong", "rows": 9_000}, {"title": "a is wrong", "rows": 100}]
    assert one.change is not None
    assert [step.name for step in one.change.operations] == ["b", "a"]
    assert one.change.note == "Look first."
    assert one.next_step is None


def test_an_operation_that_two_ask_for_is_done_once() -> None:
    (one,) = told_once([_finding("a", 100, change=_drop("i")), _finding("b", 50, change=_drop("i"))], "{} are wrong")
    assert one.change is not None
    assert len(one.change.operations) == 1


def test_what_has_no_change_is_left_to_the_next_step() -> None:
    by_hand = _finding("b", 50, next_step="Ask for b.")
    (one,) = told_once([_finding("a", 100, change=_drop("a")), by_hand], "{} are wrong")
    assert one.change is not None
    assert one.next_step == "b is wrong: Ask for b."
    assert one.evidence["each"][1]["next_step"] == "Ask for b."
    assert "next_step" not in one.evidence["each"][0]
    (one,) = told_once([by_hand, _finding("c", 20, next_step="Ask for c.")], "{} are wrong")
    assert one.change is None
    assert one.next_step == "Ask for b. Then the same for the others."


def test_the_identity_does_not_depend_on_the_members() -> None:
    (two,) = told_once([_finding("a", 100), _finding("b", 50)], "{} are wrong")
    (three,) = told_once([_finding("a", 100), _finding("b", 50), _finding("c", 10)], "{} are wrong")
    assert two.identity == three.identity != ""
