"""What is told of times: with copies whose times are given."""

from collections.abc import Iterator

from dbwright.model.workload import WorkloadStatement
from dbwright.prove.draws import Draws
from dbwright.prove.measuring import Case, Effort, confirm, measure, result
from dbwright.prove.running import Answer, Explained

EFFORT = Effort(repeats=6, draws=1, seconds=1)


class Timed:
    """A copy that takes the given times, one after the other, and the last of them for ever."""

    def __init__(self, *times: float, plan: str = "one") -> None:
        self.times = self._all(times)
        self.plan = plan
        self.limit_seconds = 30.0

    @staticmethod
    def _all(times: tuple[float, ...]) -> Iterator[float]:
        yield from times
        while True:
            yield times[-1]

    def run(self, _text: str, *, hashed: bool = False) -> Answer:
        return Answer(1.0, 1, "a", "a") if hashed else Answer(next(self.times), 1)

    def explain(self, _text: str) -> Explained:
        return Explained((self.plan,), (), 10, 0, 1.0)


def verdict_of(before: Timed, after: Timed) -> str:
    case = Case(WorkloadStatement("SELECT 1"), Draws(("SELECT 1",), ""))
    pair = (before, after)
    measure(case, pair, EFFORT)  # type: ignore[arg-type]
    confirm(case, pair, EFFORT, 0.01)  # type: ignore[arg-type]
    return result(case, 0.01).verdict


def test_a_difference_without_another_plan_must_be_seen_twice() -> None:
    assert verdict_of(Timed(1.0), Timed(2.0)) == "slower"
    assert verdict_of(Timed(1.0), Timed(2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.0)) == "inside noise"
    assert verdict_of(Timed(2.0), Timed(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 4.0)) == "inside noise"


def test_with_another_plan_once_is_enough() -> None:
    assert verdict_of(Timed(1.0), Timed(2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.0, plan="other")) == "slower"


def test_small_differences_without_another_plan_are_none() -> None:
    assert verdict_of(Timed(1.0), Timed(1.08)) == "inside noise"
    assert verdict_of(Timed(1.0), Timed(1.08, plan="other")) == "slower"


def test_draws_are_given_up_before_repeats() -> None:
    case = Case(WorkloadStatement("SELECT 1"), Draws(("SELECT 1", "SELECT 2", "SELECT 3"), ""), typical=60.0)
    pair = (Timed(1.0), Timed(1.0))
    measure(case, pair, EFFORT)  # type: ignore[arg-type]
    assert [(interval.runs) for interval in case.warm[0]] == [6]
