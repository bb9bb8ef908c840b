"""The queries of a project as production would plan them, and what of a plan a large table makes dear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

from dbwright.model.change import CreateIndex
from dbwright.model.query_plan import Plan, steps
from dbwright.model.source_table import Place

BurdenKind = Literal["scan", "sort"]
_SORTS = ("Sort", "Incremental Sort")
_INDEXED = ("Index Scan", "Index Only Scan")


@dataclass(frozen=True, slots=True)
class Burden:
    """A node that reads or sorts many rows. ``table`` is what it reads, or for a sort the largest table below it; ``rows`` how many it
    reads or sorts at one call, as the planner estimates; ``kept`` how many it passes on; ``share`` what of the plan's cost is its own
    (0 to 1); ``node`` and ``condition`` are EXPLAIN's words."""

    kind: BurdenKind
    table: str
    rows: float
    kept: float
    share: float
    node: str
    condition: str


@dataclass(frozen=True)
class PlannedQuery:
    """A query with its plan. ``places`` are the lines that send it, ``tests`` the tests that did where tests were watched.
    ``guessed``: it compares by range with a value that is not known, of which the planner takes a third (or less for two bounds) to match;
    ``ready``: then an index stands ready that a narrow range would use. ``remedy`` is an index with which the planner drops the
    burdens, at ``cost_after`` (None: only where the value of the range keeps few rows)."""

    sql: str
    places: tuple[Place, ...]
    plan: Plan
    burdens: tuple[Burden, ...] = ()
    guessed: bool = False
    ready: bool = False
    remedy: CreateIndex | None = None
    cost_after: float | None = None
    tests: tuple[str, ...] = ()

    @property
    def heaviest(self) -> Burden | None:
        """The burden that most of the plan's cost goes to; where all of a table is read to be sorted, the sort."""
        most = max(self.burdens, key=lambda burden: (burden.share, burden.rows), default=None)
        if most is None or most.condition:
            return most
        return next((one for one in self.burdens if one.kind == "sort" and one.table == most.table), most)


@dataclass(frozen=True)
class Planned:
    """What was planned, on which version of PostgreSQL. ``queries`` are those with burdens only; ``count`` counts all."""

    queries: tuple[PlannedQuery, ...]
    count: int
    planner: str


def burdens(plan: Plan, rows: Mapping[str, float], least: float) -> tuple[Burden, ...]:
    """The nodes that read a table without a condition on an index, or sort, at least so many rows; ``rows`` has those of tables by name.
    Of a node that a LIMIT stops early only the rows before it stops count."""
    return tuple(one for one in _burdens(plan, rows) if one.rows >= least)


def _burdens(plan: Plan, rows: Mapping[str, float]) -> Iterator[Burden]:
    walk = steps(plan)
    for number, step in enumerate(walk):
        node, name = step.node, str(step.node["Node Type"])
        share = min(1.0, step.own / plan.cost) if plan.cost else 0.0
        if name == "Seq Scan" or (name in _INDEXED and not node.get("Index Cond")):
            table = str(node["Relation Name"])
            read = rows.get(table, 0.0) * step.times * step.fraction
            yield Burden("scan", table, read, step.rows, share, step.title, step.condition)
        elif name in _SORTS and node.get("Plans"):
            below = takewhile(lambda s, depth=step.depth: s.depth > depth, walk[number + 1 :])  # type: ignore[misc]
            names = {str(s.node["Relation Name"]) for s in below if s.node.get("Relation Name")}
            tables = sorted(names, key=lambda t: (-rows.get(t, 0.0), t))
            if tables and not node.get("Presorted Key"):
                yield Burden("sort", tables[0], walk[number + 1].rows, step.rows, share, step.title, step.condition)
