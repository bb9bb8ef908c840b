"""The choice of indexes as an integer programme, solved by HiGHS.

Minimise the value of all statements plus what the chosen indexes cost: each statement takes one of its known configurations, a
configuration needs its indexes, the indexes' bytes stay within the budget (and their number within a count). Where a configuration costs
the planner less and has a larger value, none of a smaller value can be taken once all of its indexes are there. Known as index selection
by BIP (CoPhy: Dash, Polyzotis, Ailamaki, VLDB 2011), here over costs that the planner really gave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import inf
from typing import Any

from dbwright.advise.costs import Costs, Useful

Row = tuple[float, float, list[int], list[float]]
"""A linear condition: the least and the most that the columns may come to, weighted."""


@dataclass(frozen=True)
class Solution:
    """The indexes chosen, what the programme takes the workload to cost with them, and the least that any choice over the same
    costs can."""

    chosen: frozenset[int]
    value: float
    bound: float


def solve(
    costs: Costs,
    sizes: Mapping[int, int],
    charges: Mapping[int, float],
    budget: int | None,
    count: int | None,
    *,
    gap: float = 0.001,
    seconds: float = 20.0,
    stop: Callable[[], bool] = lambda: False,
    start: frozenset[int] = frozenset(),
) -> Solution:
    """``sizes`` are bytes, ``charges`` what having an index costs in the unit of the values. ``gap`` is the relative distance from
    the optimum at which the search may stop, ``seconds`` its limit: where that ends it, what was found last is the choice, or none.
    ``start`` is a choice within the limits that is known already."""
    import highspy
    import numpy as np
    from highspy._core import _Highs

    choices: list[tuple[int, Useful]] = []
    for number in sorted(costs.known):
        choices += [(number, one) for one in costs.useful(number)]
    candidates = sorted({n for _, one in choices for n in one.used if budget is None or sizes[n] <= budget})
    column = {n: len(choices) + position for position, n in enumerate(candidates)}
    kept = [all(n in column for n in one.used) for _, one in choices]

    model = highspy.HighsLp()
    model.num_col_ = len(choices) + len(candidates)
    base = sum(map(costs.base, costs.known)) or 1.0
    # In thousandths of the whole, so that tolerances mean the same for every workload.
    scale = 1000.0 / base
    model.col_cost_ = np.array(
        [one.value * scale for _, one in choices] + [charges.get(n, 0.0) * scale for n in candidates]
    )
    model.col_lower_ = np.zeros(model.num_col_)
    model.col_upper_ = np.array([1.0 if ok else 0.0 for ok in kept] + [1.0] * len(candidates))
    rows: list[Row] = []
    by_statement: dict[int, dict[int, Useful]] = {}
    for position, (number, one) in enumerate(choices):
        by_statement.setdefault(number, {})[position] = one
    for of_statement in by_statement.values():
        rows += _rows_of(of_statement, column)
    if budget is not None and candidates:
        unit = 1024.0**2
        rows.append((-inf, budget / unit, [column[n] for n in candidates], [sizes[n] / unit for n in candidates]))
    if count is not None and candidates:
        rows.append((-inf, float(count), [column[n] for n in candidates], [1.0] * len(candidates)))
    model.num_row_ = len(rows)
    model.row_lower_ = np.array([row[0] for row in rows])
    model.row_upper_ = np.array([row[1] for row in rows])
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = np.cumsum([0, *(len(row[2]) for row in rows)])
    model.a_matrix_.index_ = np.array([i for row in rows for i in row[2]])
    model.a_matrix_.value_ = np.array([v for row in rows for v in row[3]])
    # A configuration may be taken in part only where an index is: with whole indexes the rest comes out whole.
    model.integrality_ = [highspy.HighsVarType.kContinuous] * len(choices) + [highspy.HighsVarType.kInteger] * len(
        candidates
    )
    # The class below highspy.Highs: that one prints a banner to standard output as soon as it is made.
    solver: Any = _Highs()
    solver.setOptionValue("output_flag", False)
    # On TPC-DS it takes seven times as long as solving without it (HiGHS 1.16: 14.7 of 20.4 s, against 2.0 s in all).
    solver.setOptionValue("presolve", "off")
    solver.setOptionValue("mip_rel_gap", gap)
    solver.setOptionValue("time_limit", seconds)
    solver.setOptionValue("random_seed", 1)
    solver.passModel(model)
    if start:
        known = highspy.HighsSolution()
        known.col_value = [*_taken(by_statement, start), *(float(n in start) for n in candidates)]
        solver.setSolution(known)
    _run(solver, stop)
    info = solver.getInfo()
    values = solver.getSolution().col_value
    if not len(values):
        return Solution(frozenset(), base, 0.0)
    chosen = frozenset(n for n in candidates if values[column[n]] > 0.5)
    bound = info.mip_dual_bound if candidates else info.objective_function_value
    return Solution(chosen, info.objective_function_value / scale, bound / scale)


def _rows_of(configurations: Mapping[int, Useful], column: Mapping[int, int]) -> Iterator[Row]:
    """One of a statement's configurations, by the column of each, is taken; its indexes are there; and the planner takes what costs it
    least."""
    yield 1.0, 1.0, list(configurations), [1.0] * len(configurations)
    # Per statement and index, not per configuration: fewer rows and a tighter relaxation.
    needing: dict[int, list[int]] = {}
    for position, one in configurations.items():
        # A set's own order is another in each process, and decides among equals.
        for n in sorted(one.used):
            if n in column:
                needing.setdefault(n, []).append(position)
    for n, those in needing.items():
        yield -inf, 0.0, [*those, column[n]], [*[1.0] * len(those), -1.0]
    for one in configurations.values():
        better = [p for p, other in configurations.items() if other.cost > one.cost and other.value < one.value]
        if better and one.used and one.used <= column.keys():
            those = [*better, *(column[n] for n in sorted(one.used))]
            yield -inf, float(len(one.used)), those, [1.0] * len(those)


def _taken(by_statement: Mapping[int, Mapping[int, Useful]], chosen: frozenset[int]) -> Iterator[float]:
    """For each configuration, in the order of the columns, whether its statement takes it: of those whose indexes are there the first
    costs least."""
    for configurations in by_statement.values():
        first = next(position for position, one in configurations.items() if one.used <= chosen)
        yield from (float(position == first) for position in configurations)


def _run(solver: Any, stop: Callable[[], bool]) -> None:
    """Solve beside this thread, which is the one that hears of an interruption; what was found until then stands."""
    from highspy._core import cb

    def ask(_kind: Any, _message: str, _out: Any, into: Any, _data: Any) -> None:
        if stop():
            into.user_interrupt = True

    solver.setCallback(ask, None)
    solver.startCallback(cb.kCallbackMipInterrupt)
    solver.startCallback(cb.kCallbackSimplexInterrupt)
    with ThreadPoolExecutor(1) as beside:
        beside.submit(solver.run).result()
