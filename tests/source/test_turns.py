"""What ends a loop, what it walks over, and who listens to a model's writes, as the text tells it."""

from pathlib import Path

import pytest

from dbwright.model.source import SourceFact
from dbwright.source.facts import read
from dbwright.source.modules import Codebase


def facts(tmp_path: Path, kind: str, text: str) -> list[SourceFact]:
    (tmp_path / "code.py").write_text(text)
    return [fact for fact in read(Codebase(tmp_path, None)) if fact.kind == kind]


def left(tmp_path: Path, body: str) -> set[int]:
    """The lines of ``for x in xs:`` (line 2) after which it is left."""
    text = "def f(xs):\n    for x in xs:\n" + "".join(f"        {line}\n" for line in body.splitlines())
    return {
        line
        for fact in facts(tmp_path, "left after", text)
        if fact.owner == "2"
        for line in range(fact.place.line, fact.end_line + 1)
    }


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("save(x)\nreturn", {3, 4}),
        ("save(x)\nbreak", {3, 4}),
        ("save(x)\nraise ValueError", {3, 4}),
        ("save(x)", set()),
        ("if x:\n    save(x)\n    break\nmore(x)", {4, 5}),
        # Here the loop goes on.
        ("if x:\n    save(x)\n    continue\nbreak", {6}),
        ("if x:\n    save(x)\nelse:\n    break", {6}),
        # Both ways lead out.
        ("save(x)\nif x:\n    return 1\nelse:\n    return 2", {3, 4, 5, 7}),
        ("with x:\n    save(x)\n    return", {3, 4, 5}),
        # The second try comes only after the first has failed.
        ("try:\n    save(x)\n    return\nexcept ValueError:\n    continue", {4, 5}),
        # A break of a loop inside leaves that one only.
        ("for y in x:\n    save(y)\n    break", set()),
        ("for y in x:\n    save(y)\n    return", {4, 5}),
        ("for y in x:\n    save(y)\nreturn", {3, 4, 5}),
        ("def g():\n    save(x)\n    return", set()),
    ],
)
def test_lines_after_which_a_loop_is_left(tmp_path: Path, body: str, lines: set[int]) -> None:
    assert left(tmp_path, body) == lines


def test_a_break_is_the_inner_loops_own(tmp_path: Path) -> None:
    text = "def f(xs):\n    for x in xs:\n        for y in x:\n            save(y)\n            break\n"
    assert {fact.owner for fact in facts(tmp_path, "left after", text)} == {"3"}


@pytest.mark.parametrize(
    ("body", "walked"),
    [
        ("for row in rows: pass", "rows"),
        ("for n, row in enumerate(sorted(rows)): pass", "rows"),
        ("[save(row) for row in rows]", "rows"),
        ("for row in csv.reader(rows): pass", "parsed"),
        ("data = json.loads(rows)\n    for row in data: pass", "parsed"),
        ("for line in rows.splitlines(): pass", "parsed"),
        ("by_key = {row.id: row for row in rows}\n    for key, row in by_key.items(): pass", "rows"),
        # Made here, of something else, or small by its name.
        ("rows = [1, 2]\n    for row in rows: pass", None),
        ("for row in self.rows: pass", None),
        ("for row in rows.all(): pass", None),
        ("for key, row in rows.items(): pass", None),
        ("for form in formset: pass", None),
        ("for n in range(3): pass", None),
    ],
)
def test_lists_handed_in(tmp_path: Path, body: str, walked: str | None) -> None:
    found = facts(tmp_path, "list handed in", f"def f(self, rows, formset):\n    {body}\n")
    assert [fact.name for fact in found][-1:] == ([walked] if walked else [])


@pytest.mark.parametrize(
    "text",
    [
        "@receiver(post_save, sender=Order)\ndef f(**kw):\n    pass\n",
        "@receiver([post_save, post_delete], sender=models.Order)\ndef f(**kw):\n    pass\n",
        "signals.post_save.connect(f, sender=Order)\n",
    ],
)
def test_listeners(tmp_path: Path, text: str) -> None:
    assert [(fact.name, fact.owner) for fact in facts(tmp_path, "listens to writes", text)] == [("post_save", "Order")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@receiver(post_save)\ndef f(**kw):\n    pass\n", ("post_save", "")),
        ("class Order(Model):\n    def save(self):\n        pass\n", ("save", "Order")),
    ],
)
def test_listeners_to_all_and_own_save(tmp_path: Path, text: str, found: tuple[str, str]) -> None:
    assert [(fact.name, fact.owner) for fact in facts(tmp_path, "listens to writes", text)] == [found]


@pytest.mark.parametrize(
    "text",
    [
        "@receiver(user_logged_in, sender=Order)\ndef f(**kw):\n    pass\n",
        "broker.connect(f, sender=Order)\n",
    ],
)
def test_no_listeners(tmp_path: Path, text: str) -> None:
    assert facts(tmp_path, "listens to writes", text) == []
