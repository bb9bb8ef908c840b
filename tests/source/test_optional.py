"""Marks around conditions that may not be there, and where the conditions stand once the marks are taken out."""

from dbwright.source.optional import BEGIN, END, spans, unmarked


def test_the_outer_condition_comes_before_those_inside() -> None:
    marked = f"SELECT 1 WHERE {BEGIN}{BEGIN}a = 1{END} AND {BEGIN}b = 2{END}{END} AND c = 3"
    sql = unmarked(marked)
    assert sql == "SELECT 1 WHERE a = 1 AND b = 2 AND c = 3"
    assert [sql[begin:end] for begin, end in spans(marked)] == ["a = 1 AND b = 2", "a = 1", "b = 2"]


def test_a_text_without_marks_stays_as_it_is() -> None:
    assert unmarked("SELECT /* ? */ 1") == "SELECT /* ? */ 1"
    assert spans("SELECT 1") == ()
