"""A plan as EXPLAIN tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Node = Mapping[str, Any]
_SHAPE = (
    "Node Type",
    "Relation Name",
    "Alias",
    "Index Name",
    "Join Type",
    "Strategy",
    "Partial Mode",
    "Scan Direction",
    "Parent Relationship",
)


@dataclass(frozen=True)
class Plan:
    """The tree of ``EXPLAIN (FORMAT JSON)``. Costs are in the planner's units."""

    root: Node

    @property
    def cost(self) -> float:
        """Total cost."""
        return float(self.root["Total Cost"])

    @property
    def rows(self) -> float:
        return float(self.root["Plan Rows"])

    def nodes(self) -> Iterator[Node]:
        """All nodes, each before those below it."""
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.get("Plans", ())))

    @cached_property
    def indexes(self) -> frozenset[str]:
        """Names of the indexes that it uses."""
        return frozenset(node["Index Name"] for node in self.nodes() if "Index Name" in node)

    @cached_property
    def shape(self) -> tuple[Any, ...]:
        """What it does, without any number: two plans of one shape differ in estimates only."""
        return _shape(self.root)


def _shape(node: Node) -> tuple[Any, ...]:
    return (*(node.get(key) for key in _SHAPE), *(_shape(child) for child in node.get("Plans", ())))


@dataclass(frozen=True)
class Step:
    """A node with its place in the tree. ``own`` is what the node itself adds to the plan's cost, its children left out and every
    repetition counted: an estimate made of the planner's own, because EXPLAIN tells totals only. ``times``: how often it runs;
    ``fraction`` (0 to 1): how much of it runs, less than all below a LIMIT that stops it; ``processes`` share its rows, of which EXPLAIN
    tells those of one."""

    node: Node
    depth: int
    own: float
    times: float
    fraction: float
    processes: float

    @property
    def rows(self) -> float:
        """Rows that it passes on in all."""
        return float(self.node["Plan Rows"]) * self.processes * self.times * self.fraction

    @property
    def title(self) -> str:
        """``Index Scan using orders_pkey on orders o``, ``Hash Right Join``, ``Sort (total DESC)``."""
        node = self.node
        name = str(node["Node Type"])
        if node.get("Join Type") not in (None, "Inner"):
            name = (
                name.replace("Join", f"{node['Join Type']} Join")
                if "Join" in name
                else f"{name} {node['Join Type']} Join"
            )
        if node.get("Strategy") in ("Hashed", "Sorted") and name == "Aggregate":
            name = {"Hashed": "Hash Aggregate", "Sorted": "Group Aggregate"}[node["Strategy"]]
        if node.get("Operation"):
            name = str(node["Operation"])
        if index := node.get("Index Name"):
            backward = " backward" if node.get("Scan Direction") == "Backward" else ""
            name += f"{backward} using {index}"
        if relation := node.get("Relation Name"):
            alias = node.get("Alias")
            name += f" on {relation}" + (f" {alias}" if alias and alias != relation else "")
        elif node.get("CTE Name"):
            name += f" on {node['CTE Name']}"
        for key in ("Sort Key", "Group Key"):
            if node.get(key):
                name += f" ({', '.join(map(str, node[key]))})"
        return name

    @property
    def condition(self) -> str:
        """What rows it looks for or leaves out."""
        keys = ("Index Cond", "Hash Cond", "Merge Cond", "Recheck Cond", "Join Filter", "Filter")
        return "; ".join(f"{key}: {self.node[key]}" for key in keys if self.node.get(key))


_KEPT = frozenset(("Materialize", "Memoize", "Sort", "Hash"))
"""Nodes below a nested loop that do not do their work anew for each row."""


def steps(plan: Plan) -> list[Step]:
    """The nodes in the order of EXPLAIN."""
    found: list[Step] = []
    _collect(plan.root, _Walk(), found)
    return found


@dataclass(frozen=True, slots=True)
class _Walk:
    """The way down to a node."""

    depth: int = 0
    times: float = 1.0
    fraction: float = 1.0
    processes: float = 1.0


def _collect(node: Node, at: _Walk, found: list[Step]) -> None:
    paid = _paid(node, at.fraction)
    processes = at.processes
    if workers := node.get("Workers Planned"):
        processes = workers + max(0.0, 1 - 0.3 * workers)  # the leader's share: get_parallel_divisor()
    children: list[tuple[Node, float, float]] = []
    below = 0.0
    outer_rows = 1.0
    for child in node.get("Plans", ()):
        relation = child.get("Parent Relationship")
        if relation == "Outer":
            outer_rows = max(1.0, float(child["Plan Rows"]) * at.fraction)
        repeated = node["Node Type"] == "Nested Loop" and relation == "Inner" and child["Node Type"] not in _KEPT
        runs = outer_rows if repeated else 1.0
        fraction = 1.0 if repeated else _fraction(node, child, at.fraction, paid)
        below += _paid(child, fraction) * runs
        children.append((child, runs, fraction))
    # A join that may stop early costs less than what stands below it; then what is below is cut to fit.
    fit = min(1.0, paid / below) if below else 1.0
    found.append(Step(node, at.depth, max(0.0, paid - below) * at.times, at.times, at.fraction, at.processes))
    for child, runs, fraction in children:
        _collect(child, _Walk(at.depth + 1, at.times * runs * fit, fraction, processes), found)


def _paid(node: Node, fraction: float) -> float:
    """What is paid of a node when so much of it runs: what comes before its first row in any case."""
    startup = float(node["Startup Cost"])
    return startup + fraction * (float(node["Total Cost"]) - startup)


def _fraction(node: Node, child: Node, fraction: float, paid: float) -> float:
    """How much of a child runs for such a part of its parent."""
    startup, total = float(child["Startup Cost"]), float(child["Total Cost"])
    if node["Node Type"] == "Limit":
        return min(1.0, max(0.0, paid - startup) / (total - startup)) if total > startup else 1.0
    # A sort, a hash or an aggregate reads everything before it gives anything.
    return 1.0 if total <= float(node["Startup Cost"]) else fraction
