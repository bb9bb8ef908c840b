"""Plans below a LIMIT that count on ending early. Pure.

The planner takes the rows that a condition leaves to lie evenly in the order that an index gives, so that a hundred of them are found soon.
Often they do not: what still waits is what came last. Then nearly the whole index is read, and the table with it.
"""

from __future__ import annotations

from collections.abc import Callable

from dbwright.model.query_plan import Node, Plan, steps

_PASSING = frozenset(
    (
        "Nested Loop",
        "Hash Join",
        "Merge Join",
        "Result",
        "Subquery Scan",
        "Unique",
        "Group",
        "Memoize",
        "Gather",
        "Gather Merge",
        "Incremental Sort",
        "LockRows",
        "ModifyTable",
        "ProjectSet",
        "WindowAgg",
    )
)
"""Nodes that pass on rows of their first child as they come."""


def exposure(plan: Plan, rows_of: Callable[[str], float | None]) -> float:
    """What the plan would cost more, in the planner's units, if all rows that it leaves out came before those it looks for; 0 where it
    leaves out none. ``rows_of`` tells how many rows a table has."""
    total = 0.0
    for step in steps(plan):
        if step.node["Node Type"] == "Limit":
            below = step.node["Plans"][0]
            rest = float(below["Total Cost"]) - float(step.node["Total Cost"])
            total += step.times * max(rest, 0.0) * _left_out(below, rows_of)
    return total


def _left_out(node: Node, rows_of: Callable[[str], float | None]) -> float:
    """The share of the rows of the first table on the way down that do not come to the top."""
    passed = float(node["Plan Rows"])
    leaves_out = False
    while True:
        leaves_out = leaves_out or "Filter" in node or "Join Filter" in node
        below = node.get("Plans", ())
        if not below or node["Node Type"] not in _PASSING:
            break
        leaves_out = leaves_out or float(node["Plan Rows"]) < float(below[0]["Plan Rows"])
        node = below[0]
    if not leaves_out:
        return 0.0
    read = rows_of(str(node.get("Relation Name"))) if "Index Cond" not in node else None
    return 1.0 if not read else min(max(1 - passed / read, 0.0), 1.0)
