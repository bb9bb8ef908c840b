"""What could be kept of a statement that aggregates: its groups for all values of its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from math import prod

from dbwright.advise.evidence import Evidence, Observed
from dbwright.advise.rewriting import (
    Node,
    Scope,
    Source,
    common_names,
    conjuncts,
    function_name,
    operator_of,
    scope_of,
    select_of,
    set_where,
    walk,
)
from dbwright.advise.tables import TableFacts
from dbwright.source.expressions import string_of

_ADDITIVE = frozenset(("count", "sum", "min", "max"))
_AGGREGATES = _ADDITIVE | frozenset(("avg", "array_agg", "string_agg", "bool_or", "bool_and", "stddev", "variance"))
_TIMES = frozenset(("timestamptz", "timestamp", "date"))
_RANGES = frozenset(("<", "<=", ">", ">="))
_NOT_SIMPLE = ("withClause", "larg", "distinctClause", "windowClause", "lockingClause")
_LISTED = 5
"""Values that a list is taken to have."""


@dataclass(frozen=True)
class Kept:
    """What would be kept. ``keys`` name its columns, ``searched`` is the share of its rows that a call asks for. ``whole``
    is the same without times by day, of which there are ``days`` (None: it has none). ``open_values`` are the
    parameters that stand inside what is added up, so that they must be the same on every call."""

    select: Node
    whole: Node
    keys: tuple[str, ...]
    days: float | None
    searched: float
    open_values: tuple[int, ...]


def kept(evidence: Evidence, observed: Observed) -> Kept | None:
    """The aggregates of a statement for all values of its parameters; None where that cannot be kept."""
    if observed.query.verb != "select" or not observed.query.aggregates:
        return None
    root = select_of(observed.statement.sql)
    if root is None or any(key in root for key in _NOT_SIMPLE) or "fromClause" not in root:
        return None
    scope = scope_of(root, evidence.relations, common_names(root))
    if not scope.complete or any("SubLink" in node for node in walk(root)):
        return None
    keys = _reduced(_group_keys(root), scope)
    lifted = _lifted(evidence, root, scope)
    values = [t["ResTarget"] for t in root["targetList"] if _aggregates(t["ResTarget"]["val"])]
    if lifted is None or not values:
        return None
    if lifted.keys and not all(_is_additive(value["val"]) for value in values):
        return None
    named = _named(keys + [node for node in lifted.keys if node not in keys])
    made: Node = {
        "targetList": [{"ResTarget": {"name": name, "val": node}} for name, node in named]
        + [{"ResTarget": {"name": v.get("name") or f"value_{n}", "val": v["val"]}} for n, v in enumerate(values, 1)],
        "fromClause": root["fromClause"],
        "groupClause": [node for _, node in named],
        "limitOption": "LIMIT_OPTION_DEFAULT",
        "op": "SETOP_NONE",
    }
    set_where(made, lifted.rest)
    made = deepcopy(made)
    if any(_parameters(part) for part in conjuncts(made.get("whereClause"))):
        return None
    by_day = [lifted.keys[place] for place in lifted.days]
    whole = deepcopy(made) | {"groupClause": [deepcopy(node) for _, node in named if node not in by_day]}
    whole["targetList"] = made["targetList"][len(named) :]
    days = prod(lifted.days.values()) if by_day else None
    return Kept(made, whole, tuple(name for name, _ in named), days, lifted.share, _parameters(made))


def _group_keys(root: Node) -> list[Node]:
    """The keys of GROUP BY as expressions."""
    targets = [target["ResTarget"] for target in root["targetList"]]
    keys = []
    for key in root.get("groupClause", ()):
        number = key.get("A_Const", {}).get("ival", {}).get("ival", 0)
        keys.append(targets[number - 1]["val"] if 0 < number <= len(targets) else key)
    return [_bare(key) for key in keys]


def _bare(node: Node) -> Node:
    """A tree without the places of its text, so that equal expressions are equal."""
    if isinstance(node, dict):
        return {key: _bare(value) for key, value in node.items() if key != "location"}
    return [_bare(item) for item in node] if isinstance(node, list) else node


def _reduced(keys: list[Node], scope: Scope) -> list[Node]:
    """Without the columns that a primary key among them decides: frameworks group by all that they show."""
    owners = [scope.owner(key) for key in keys]
    decided: dict[str, tuple[str, ...]] = {}
    for source in scope.sources.values():
        primary = scope.relations.catalog.primary_key(source.table)
        names = {owner[1].name for owner in owners if owner and owner[0].alias == source.alias}
        if primary and set(primary.columns) <= names:
            decided[source.alias] = primary.columns
    return [
        key
        for key, owner in zip(keys, owners, strict=True)
        if owner is None or owner[0].alias not in decided or owner[1].name in decided[owner[0].alias]
    ]


@dataclass
class _Lifted:
    """Conditions with parameters as keys: columns compared for equality themselves, times by day. ``rest`` are the conditions that stay,
    ``share`` the part of the rows that a call asks for, ``days`` how many there are of each time."""

    keys: list[Node] = field(default_factory=list)
    rest: list[Node] = field(default_factory=list)
    share: float = 1.0
    days: dict[int, float] = field(default_factory=dict)


def _lifted(evidence: Evidence, root: Node, scope: Scope) -> _Lifted | None:
    """None where a condition with a parameter cannot become a key."""
    lifted = _Lifted()
    for part in conjuncts(root.get("whereClause")):
        if not _parameters(part):
            lifted.rest.append(part)
            continue
        expression = part.get("A_Expr", {})
        column, kind, operator = expression.get("lexpr", {}), expression.get("kind"), operator_of(part)
        owner = scope.owner(column)
        if any("ColumnRef" in node for node in walk(expression.get("rexpr", {}))):
            return None
        if owner and (operator == "=" or kind in ("AEXPR_IN", "AEXPR_OP_ANY")):
            lifted.keys.append(_bare(column))
            fraction = evidence.facts(owner[0].table).equal_fraction(owner[1].name)
            lifted.share *= min(fraction * (1 if operator == "=" else _LISTED), 1.0)
        elif (day := _day(column, scope)) and (operator in _RANGES or kind == "AEXPR_BETWEEN"):
            key, source, name = day
            if key not in lifted.keys:
                lifted.days[len(lifted.keys)] = _days(evidence.facts(source.table), name)
                lifted.keys.append(key)
                lifted.share /= 3
        else:
            return None
    return lifted


def _days(facts: TableFacts, name: str) -> float:
    """From the first to the last day of a column by its histogram."""
    statistics = facts.statistics.get(name)
    try:
        first, last = (datetime.fromisoformat(statistics.histogram[n]) for n in (0, -1)) if statistics else (None, None)
    except (IndexError, ValueError):
        first = last = None
    if first is None or last is None:
        return facts.distinct(name)
    return (last - first).total_seconds() / 86400 + 1


def _day(node: Node, scope: Scope) -> tuple[Node, Source, str] | None:
    """The day of a time, where it is compared, and its column."""
    inner = node
    if "TypeCast" in node and string_of(node["TypeCast"]["typeName"]["names"][-1]) == "date":
        inner = node["TypeCast"]["arg"]
    if function_name(inner) == "timezone" and inner is not node:
        inner = inner["FuncCall"]["args"][-1]
    owner = scope.owner(inner)
    if owner is None or owner[1].base_type not in _TIMES:
        return None
    source, column = owner
    if inner is not node or column.base_type == "date":
        return _bare(node), source, column.name
    type_name = {"names": [{"String": {"sval": "date"}}], "typemod": -1}
    return {"TypeCast": {"arg": _bare(node), "typeName": type_name}}, source, column.name


def _parameters(tree: Node) -> tuple[int, ...]:
    numbers = (node["ParamRef"].get("number", 0) for node in walk(tree) if "ParamRef" in node)
    return tuple(sorted(set(numbers)))


def _aggregates(value: Node) -> list[Node]:
    return [node for node in walk(value) if function_name(node) in _AGGREGATES]


def _is_additive(value: Node) -> bool:
    """Whether parts of it can be added up to the whole."""
    return function_name(value) in _ADDITIVE and "agg_distinct" not in value["FuncCall"]


def _named(keys: Sequence[Node]) -> list[tuple[str, Node]]:
    named: list[tuple[str, Node]] = []
    for key in keys:
        fields = next((node["ColumnRef"]["fields"] for node in walk(key) if "ColumnRef" in node), ())
        name = string_of(fields[-1]) if fields and "A_Star" not in fields[-1] else "key"
        if "ColumnRef" not in key:
            name += "_day" if "TypeCast" in key else "_key"
        taken = {other for other, _ in named}
        if name in taken:
            name = next(f"{name}_{n}" for n in range(2, 99) if f"{name}_{n}" not in taken)
        named.append((name, key))
    return named
