"""What could be kept of a statement that aggregates: its groups for all values of its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    text_of,
    walk,
)
from dbwright.advise.tables import TableFacts
from dbwright.model.catalog import Table
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
    """What would be kept, as SQL. ``keys`` name its columns; ``shown`` are the tables that a call joins it with, because the view has their
    key. ``searched`` is the share of its rows that a call asks for. ``whole`` is the same without times by day, of which there are ``days``
    (None: it has none). ``open_values`` are the parameters that stand in it, so that they must be the same on every call."""

    sql: str
    whole: str
    keys: tuple[str, ...]
    shown: tuple[Table, ...]
    days: float | None
    searched: float
    open_values: tuple[int, ...]


def kept(evidence: Evidence, observed: Observed) -> Iterator[Kept]:
    """The groups of a statement for all values of its parameters, with times by day, and then with times that are the same on every call;
    nothing where they cannot be kept."""
    if observed.query.verb != "select" or not observed.query.aggregates:
        return
    for by_day in (True, False):
        root = select_of(observed.statement.sql)
        if root is None or any(key in root for key in _NOT_SIMPLE) or "fromClause" not in root:
            return
        scope = scope_of(root, evidence.relations, common_names(root))
        if not scope.complete or any("SubLink" in node for node in walk(root)):
            return
        view = _view(evidence, root, scope, by_day=by_day)
        if view is not None:
            yield view
        if view is None or view.days is None:
            return


def _view(evidence: Evidence, root: Node, scope: Scope, *, by_day: bool) -> Kept | None:
    grouped = _group_keys(root)
    decided = _decided(root, grouped, scope)[1]
    keys = _reduced(root, grouped, scope)
    lifted = _lifted(evidence, root, scope, decided, by_day=by_day)
    values = [t["ResTarget"] for t in root["targetList"] if _aggregates(t["ResTarget"]["val"])]
    if lifted is None or not values:
        return None
    if lifted.keys and not all(_is_additive(value["val"]) for value in values):
        return None
    named = _named(keys + [node for node in lifted.keys if node not in keys])
    if not named and all(function_name(value["val"]) == "count" for value in values):
        return None  # how many rows there are: an estimate or a cache does for that
    whole: Node = {
        "targetList": [
            {"ResTarget": {"name": v.get("name") or f"value_{n}", "val": v["val"]}} for n, v in enumerate(values, 1)
        ],
        "fromClause": root["fromClause"],
        "groupClause": [node for _, node in named if node not in lifted.days],
        "limitOption": "LIMIT_OPTION_DEFAULT",
        "op": "SETOP_NONE",
    }
    set_where(whole, lifted.rest)
    made = whole | {
        "targetList": [*({"ResTarget": {"name": name, "val": node}} for name, node in named), *whole["targetList"]],
        "groupClause": [node for _, node in named],
    }
    texts = text_of(made), text_of(whole)
    if texts[0] is None or texts[1] is None:
        return None
    return Kept(
        sql=texts[0],
        whole=texts[1],
        keys=tuple(name for name, _ in named),
        shown=tuple(scope.sources[alias].table for alias in sorted(decided)),
        days=prod(lifted.spans) if lifted.days else None,
        searched=lifted.share,
        open_values=_parameters(made),
    )


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


_Known = set[tuple[str, str]]
"""Columns, by alias and name."""


def _decided(root: Node, keys: list[Node], scope: Scope) -> tuple[_Known, frozenset[str]]:
    """Columns of which each group has one value, and the aliases of tables of which it has one row: the group has its primary key, or what
    equals it. What an outer join leaves NULL decides nothing."""
    owners = [owner for key in keys if (owner := scope.owner(key))]
    known = {(source.alias, column.name) for source, column in owners}
    decided: set[str] = set()
    primaries = {
        source.alias: {(source.alias, name) for name in primary.columns}
        for source in scope.sources.values()
        if (primary := scope.relations.catalog.primary_key(source.table))
    }
    pairs = list(_equal(root, scope))
    before = -1
    while before < len(known) + len(decided):
        before = len(known) + len(decided)
        known |= {one for one, other in pairs if other in known or other[0] in decided}
        decided |= {alias for alias, primary in primaries.items() if primary <= known}
    return known, frozenset(decided)


def _equal(root: Node, scope: Scope) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """Columns that equal another, of tables that no outer join leaves NULL."""
    for condition in _conditions(root):
        if operator_of(condition) == "=":
            left, right = scope.owner(condition["A_Expr"]["lexpr"]), scope.owner(condition["A_Expr"]["rexpr"])
            for one, other in ((left, right), (right, left)):
                if one and other and not (one[0].optional or other[0].optional):
                    yield (one[0].alias, one[1].name), (other[0].alias, other[1].name)


def _conditions(root: Node) -> list[Node]:
    """All that must hold of every row: WHERE, and the conditions of joins."""
    joins = (node["JoinExpr"] for node in walk(root["fromClause"]) if "JoinExpr" in node)
    return [*conjuncts(root.get("whereClause")), *(part for join in joins for part in conjuncts(join.get("quals")))]


def _reduced(root: Node, keys: list[Node], scope: Scope) -> list[Node]:
    """Without what the others decide: frameworks group by all that they show."""
    kept = list(keys)
    for key in reversed(keys):
        others = [other for other in kept if other is not key]
        known, decided = _decided(root, others, scope)
        owner, owners = scope.owner(key), scope.owners(key)
        if (owner and (owner[0].alias, owner[1].name) in known) or (owners and owners <= decided):
            kept = others
    return kept


@dataclass
class _Lifted:
    """Conditions with parameters as keys: columns compared for equality themselves, times by day (``days``, and how many there are of each:
    ``spans``). ``rest`` are the conditions that stay, ``share`` the part of the rows that a call asks for."""

    keys: list[Node] = field(default_factory=list)
    rest: list[Node] = field(default_factory=list)
    share: float = 1.0
    days: list[Node] = field(default_factory=list)
    spans: list[float] = field(default_factory=list)


def _lifted(evidence: Evidence, root: Node, scope: Scope, decided: frozenset[str], *, by_day: bool) -> _Lifted | None:
    """None where a condition with a parameter cannot become a key. What is asked of the tables that the groups' keys decide is asked when
    the view is read."""
    lifted = _Lifted()
    for part in conjuncts(root.get("whereClause")):
        expression = part.get("A_Expr", {})
        column, kind, operator = expression.get("lexpr", {}), expression.get("kind"), operator_of(part)
        owner, owners = scope.owner(column), scope.owners(part)
        equal = owner is not None and (operator == "=" or kind in ("AEXPR_IN", "AEXPR_OP_ANY"))
        if equal and owner and _parameters(part):
            fraction = evidence.facts(owner[0].table).equal_fraction(owner[1].name)
            lifted.share *= min(fraction * (1 if operator == "=" else _LISTED), 1.0)
        if owners and owners <= decided:
            continue
        if not _parameters(part):
            lifted.rest.append(part)
        elif any("ColumnRef" in node for node in walk(expression.get("rexpr", {}))):
            return None
        elif equal:
            lifted.keys.append(_bare(column))
        elif (day := _day(column, scope)) and (operator in _RANGES or kind == "AEXPR_BETWEEN"):
            if not by_day:
                lifted.rest.append(part)
            elif day[0] not in lifted.keys:
                lifted.keys.append(day[0])
                lifted.days.append(day[0])
                lifted.spans.append(_days(evidence.facts(day[1].table), day[2]))
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
