"""OR over columns of different tables as a UNION ALL: an index can serve each branch, but none the OR, so that all is joined first."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from dbwright.advise.evidence import Evidence, Observed
from dbwright.advise.rewriting import (
    Node,
    Rewriting,
    Scope,
    common_names,
    conjuncts,
    function_name,
    rewrites,
    scope_of,
    set_where,
    walk,
)
from dbwright.model.advice import Measure
from dbwright.model.wording import listed
from dbwright.source.expressions import string_of

MOST_BRANCHES = 4
_NOT_SIMPLE = ("groupClause", "havingClause", "windowClause", "lockingClause", "larg", "intoClause")
_OUTER = ("sortClause", "limitCount", "limitOffset", "limitOption", "withClause")


def measures(evidence: Evidence) -> Iterator[Measure]:
    yield from rewrites(evidence, rewriting)


def rewriting(evidence: Evidence, observed: Observed, root: Node) -> Rewriting | None:
    if len(observed.tables) < 2 or not any(predicate.alternative for predicate in observed.query.predicates):
        return None
    distinct = root.get("distinctClause")
    if any(key in root for key in _NOT_SIMPLE) or distinct not in (None, [{}]) or _aggregates(root, observed):
        return None
    scope = scope_of(root, evidence.relations, common_names(root))
    parts = conjuncts(root.get("whereClause"))
    for place, part in enumerate(parts):
        branches = _branches(part, scope)
        if branches and (made := _union(root, parts, place, list(branches.values()), distinct is not None)):
            tables = [scope.sources[alias].table.name for alias in branches]
            return Rewriting(
                "or_across_tables",
                f"UNION instead of OR over {listed(tables)}",
                made,
                f"One OR asks for columns of {listed(tables)}: no index serves it, so that all their rows are joined first.",
                "The rows are the same: each branch leaves out what those before it gave.",
            )
    return None


def _aggregates(root: Node, observed: Observed) -> bool:
    return bool(observed.query.aggregates) or any(
        "over" in node.get("FuncCall", {}) for node in walk(root["targetList"])
    )


def _branches(part: Node, scope: Scope) -> dict[str, Node]:
    """By alias what an OR asks of each table, when each branch asks for one table only, and not all for the same."""
    found: dict[str, list[Node]] = {}
    for branch in part["BoolExpr"]["args"] if part.get("BoolExpr", {}).get("boolop") == "OR_EXPR" else ():
        owners = scope.owners(branch)
        if owners is None or len(owners) != 1 or not owners <= scope.sources.keys():
            return {}
        found.setdefault(owners.pop(), []).append(branch)
    if not 2 <= len(found) <= MOST_BRANCHES:
        return {}
    return {
        alias: of[0] if len(of) == 1 else {"BoolExpr": {"boolop": "OR_EXPR", "args": of}} for alias, of in found.items()
    }


def _union(root: Node, parts: list[Node], place: int, branches: list[Node], distinct: bool) -> Node | None:
    """One SELECT for each branch, in which those before it do not hold; order and limit stand around them."""
    order = _order(root)
    if order is None or _is_volatile(root):
        return None
    united: Node | None = None
    for number, branch in enumerate(branches):
        select = deepcopy({key: value for key, value in root.items() if key not in _OUTER})
        select["limitOption"] = "LIMIT_OPTION_DEFAULT"
        select.pop("distinctClause", None)
        before = [] if distinct else [_is_not_true(other) for other in branches[:number]]
        set_where(select, deepcopy([*parts[:place], branch, *before, *parts[place + 1 :]]))
        united = _united(united, select, distinct) if united else select
    if united is None:
        return None
    united |= {key: root[key] for key in _OUTER if key in root and key != "sortClause"}
    if order:
        united["sortClause"] = order
    return united


def _united(left: Node, right: Node, distinct: bool) -> Node:
    union: Node = {"op": "SETOP_UNION", "larg": left, "rarg": right, "limitOption": "LIMIT_OPTION_DEFAULT"}
    return union if distinct else union | {"all": True}


def _is_not_true(condition: Node) -> Node:
    return {"BooleanTest": {"arg": condition, "booltesttype": "IS_NOT_TRUE"}}


def _is_volatile(root: Node) -> bool:
    return any(
        function_name(node) in ("random", "nextval", "clock_timestamp", "gen_random_uuid") for node in walk(root)
    )


def _order(root: Node) -> list[Node] | None:
    """The keys of ORDER BY as places in the select list, by which alone a UNION can be sorted; None when one is not in it."""
    targets = [target["ResTarget"] for target in root["targetList"]]
    if any("A_Star" in field for target in targets for field in target["val"].get("ColumnRef", {}).get("fields", ())):
        return None if root.get("sortClause") else []
    keys = []
    for item in root.get("sortClause", ()):
        node = item["SortBy"]["node"]
        number = _place(node, targets)
        if number is None:
            return None
        keys.append({"SortBy": item["SortBy"] | {"node": {"A_Const": {"ival": {"ival": number}}}}})
    return keys


def _place(node: Node, targets: list[Node]) -> int | None:
    if number := node.get("A_Const", {}).get("ival", {}).get("ival"):
        return int(number)
    fields = node.get("ColumnRef", {}).get("fields", ())
    name = string_of(fields[-1]) if len(fields) == 1 and "A_Star" not in fields[-1] else None
    for number, target in enumerate(targets, 1):
        if (name is not None and target.get("name") == name) or _plain(target["val"]) == _plain(node):
            return number
    return None


def _plain(node: Any) -> Any:
    """A tree without the places of its text."""
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items() if key != "location"}
    return [_plain(item) for item in node] if isinstance(node, list) else node
