"""A plan that ``auto_explain`` logged, as text or as JSON."""

from __future__ import annotations

import json
import re
from typing import Any

from dbwright.model.query_plan import Plan

_NODE = re.compile(
    r"\A(?P<indent> *)(?:->  )?(?P<title>\S.*?)  \(cost=[\d.]+\.\.(?P<cost>[\d.]+) rows=(?P<rows>\d+) width=\d+\)"
    r"(?: \((?:actual (?:time=[\d.]+ ?\.\.[\d.]+ )?rows=(?P<actual>[\d.]+) loops=(?P<loops>\d+)|never executed)\))?\s*\Z"
)
_SCAN = re.compile(
    r"\A(?:Parallel )?(?P<type>.*?Scan)(?: Backward)?(?: using (?P<index>\"(?:[^\"]|\"\")+\"|\S+))?"
    r" on (?P<relation>\"(?:[^\"]|\"\")+\"|\S+)(?: (?P<alias>\"(?:[^\"]|\"\")+\"|\S+))?\Z"
)
_PROPERTY = re.compile(
    r"\A\s*(?P<name>Filter|Index Cond|Recheck Cond|Group Key|Join Filter|Hash Cond|Merge Cond): (?P<value>.*)\Z"
)
_FIGURES = ("Plan Rows", "Total Cost", "Actual Rows", "Actual Loops")
_WORDS = (
    "Node Type",
    "Relation Name",
    "Alias",
    "Index Name",
    "Filter",
    "Index Cond",
    "Recheck Cond",
    "Join Type",
    "Partial Mode",
    "Parent Relationship",
)
_WORKER = re.compile(r"\A\s*Worker \d+:")


def plan_of(text: str) -> Plan | None:
    """The plan; None when the text holds none that is understood."""
    if text.lstrip().startswith("{"):
        try:
            root = _checked(json.loads(text).get("Plan"))
        except (ValueError, RecursionError):
            return None
        return Plan(root) if root is not None else None
    return _from_text(text)


def _checked(node: Any) -> dict[str, Any] | None:
    """A node with those below it as far as they are what EXPLAIN writes; None where it is not."""
    if not isinstance(node, dict) or not isinstance(node.get("Node Type"), str):
        return None
    figures = {name: node[name] for name in _FIGURES if isinstance(node.get(name), int | float)}
    if not {"Plan Rows", "Total Cost"} <= figures.keys():
        return None
    kept = {name: node[name] for name in _WORDS if isinstance(node.get(name), str)} | figures
    if not {"Actual Rows", "Actual Loops"} <= figures.keys():
        kept.pop("Actual Rows", None)
        kept.pop("Actual Loops", None)
    if isinstance(keys := node.get("Group Key"), list) and all(isinstance(key, str) for key in keys):
        kept["Group Key"] = keys
    kept["Parallel Aware"] = node.get("Parallel Aware") is True
    below = node.get("Plans")
    kept["Plans"] = [one for child in (below if isinstance(below, list) else ()) if (one := _checked(child))]
    return kept


def rows_of(plan: Plan) -> float | None:
    """Rows that the call gave, None when it was not executed or its rows were not counted."""
    rows = plan.root.get("Actual Rows")
    return None if rows is None else float(rows) * float(plan.root.get("Actual Loops", 1))


def _from_text(text: str) -> Plan | None:
    """Of the text form what tells of estimates: nodes, their relations and conditions, rows."""
    open_nodes: list[tuple[int, dict[str, Any]]] = []
    root: dict[str, Any] | None = None
    for line in text.splitlines():
        if found := _NODE.match(line):
            node = _node(found)
            depth = len(found["indent"])
            while open_nodes and open_nodes[-1][0] >= depth:
                open_nodes.pop()
            if open_nodes:
                open_nodes[-1][1].setdefault("Plans", []).append(node)
            elif root is None:
                root = node
            else:
                break
            open_nodes.append((depth, node))
        elif open_nodes and (told := _PROPERTY.match(line)) and not _WORKER.match(line):
            value: Any = told["value"]
            open_nodes[-1][1].setdefault(told["name"], value.split(", ") if told["name"] == "Group Key" else value)
    return Plan(root) if root is not None else None


def _node(found: re.Match[str]) -> dict[str, Any]:
    node: dict[str, Any] = {
        "Node Type": found["title"],
        "Total Cost": float(found["cost"]),
        "Plan Rows": float(found["rows"]),
    }
    if found["actual"] is not None:
        node |= {"Actual Rows": float(found["actual"]), "Actual Loops": float(found["loops"])}
    if found["title"].startswith("Parallel "):
        node["Parallel Aware"] = True
    if "never executed" in found[0]:
        node |= {"Actual Rows": 0.0, "Actual Loops": 0.0}
    if scan := _SCAN.match(found["title"]):
        relation = _plain(scan["relation"]).rpartition(".")[2]
        node |= {"Node Type": scan["type"], "Relation Name": relation, "Alias": _plain(scan["alias"] or relation)}
        if scan["index"]:
            node["Index Name"] = _plain(scan["index"])
    return node


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
