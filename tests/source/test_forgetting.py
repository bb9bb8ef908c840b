"""What a walk may keep and how far a key may look: a large project is read in bounded memory, and values that hold each other in
bounded time."""

from pathlib import Path

from dbwright.source.interpreter import Interpreter
from dbwright.source.modules import Codebase
from dbwright.source.values import Arguments, Items, Known, Mapping, Union
from dbwright.source.walk import Walker

HELPERS = """\
def asked_by_all(names):
    return list(names)


def asked_once(names):
    return asked_by_all(names)
"""
CALLERS = "from helpers import asked_by_all, asked_once\n" + "".join(
    f"""

def caller_{number}():
    asked_by_all(["a"])
    asked_once(["{number}"])
"""
    for number in range(30)
)


def walked(tmp_path: Path) -> Interpreter:
    (tmp_path / "helpers.py").write_text(HELPERS)
    (tmp_path / "callers.py").write_text(CALLERS)
    interpreter = Interpreter(Codebase(tmp_path, None), lambda _: ())
    walker = Walker(interpreter, strict=True)
    list(walker.happenings(interpreter.codebase.modules))
    return interpreter


def test_walks_that_nobody_asked_for_again_are_given_up(tmp_path: Path) -> None:
    kept = [summary for summary in walked(tmp_path)._summaries.values() if summary.name == "asked_once"]
    assert all(summary.asked_again for summary in kept)


def test_a_walk_that_was_asked_for_again_stays(tmp_path: Path) -> None:
    assert any(summary.name == "asked_by_all" for summary in walked(tmp_path)._summaries.values())


def test_lists_that_hold_the_same_lists_have_a_key_of_bounded_size() -> None:
    value: Items | Mapping = Items([Known(1)], "list")
    for level in range(12):
        one = Items([value] * 6, "list", Union((value, Known(level))))
        value = Mapping({"a": one, "b": one, "c": one}, one)
    arguments = Arguments([value])
    assert size(arguments.key()) < 2_000
    assert size(arguments.shape()) < 2_000


def size(key: object) -> int:
    return sum(map(size, key)) if isinstance(key, tuple | frozenset) else 1


def test_lists_that_differ_have_keys_that_differ() -> None:
    def nested(innermost: int) -> Items:
        return Items([Known(0), Items([Items([Known(innermost)], "list")], "tuple")], "list")

    assert nested(1).key() == nested(1).key()
    assert nested(1).key() != nested(2).key()
