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
