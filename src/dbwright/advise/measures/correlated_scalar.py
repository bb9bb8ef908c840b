"""A sub-select that computes an aggregate for each row of the statement, as one grouped join: once for all rows."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

from dbwright.advise.evidence import Evidence, Observed
from dbwright.advise.rewriting import (
    Node,
    Rewriting,
    Scope,
    column_node,
    common_names,
    conjuncts,
    function_name,
    operation,
    operator_of,
    rewrites,
    scope_of,
    selects,
    set_where,
    walk,
)
from dbwright.model.advice import Measure
from dbwright.model.wording import listed

_EMPTY_IS_NULL = frozenset("sum avg min max stddev variance string_agg array_agg bool_and bool_or every".split())
_ARITHMETIC = frozenset("+-*/")
_COMPARISONS = frozenset(("=", "<", ">", "<=", ">=", "<>"))
_NOT_SIMPLE = frozenset(
    ("groupClause", "havingClause", "limitCount", "limitOffset", "distinctClause", "withClause", "larg", "windowClause")
)


@dataclass(frozen=True)
class _Grouped:
    """A sub-select as a derived table: ``keys`` are pairs of its column's name and what of the outer SELECT it equals. ``zero``: it is
    a count, which is 0 where there is no row."""

    item: Node
    table: str
    alias: str
    value: str
    keys: tuple[tuple[str, Node], ...]
    zero: bool


def measures(evidence: Evidence) -> Iterator[Measure]:
    yield from rewrites(evidence, rewriting)


def rewriting(evidence: Evidence, observed: Observed, root: Node) -> Rewriting | None:
    if not any(inner.correlated and inner.aggregates for inner in observed.query.inner):
        return None
    hidden, told = common_names(root), []
    taken = {table.alias for table in observed.query.tables} | hidden
    for select in selects(root):
        if "lockingClause" in select:
            return None
        outer = scope_of(select, evidence.relations, hidden)
        for link, required in _links(select):
            grouped = _grouped(evidence, link["SubLink"]["subselect"]["SelectStmt"], outer, hidden, taken)
            if grouped is None or (required and grouped.zero) or not _joined(select, outer, grouped, required):
                continue
            taken.add(grouped.alias)
            _name_output(select, link)
            value = column_node(grouped.alias, grouped.value)
            link.clear()
            link.update(_or_zero(value) if grouped.zero else value)
            told.append(grouped.table)
    if not told:
        return None
    tables = listed(dict.fromkeys(told))
    return Rewriting(
        "correlated_scalar",
        f"one grouped join instead of a sub-select on {tables} for each row",
        root,
        f"The sub-select on {tables} is computed anew for each row; grouped, it reads the table once.",
        "The rows are the same: a group that is missing gives NULL, a count 0, as the sub-select does.",
    )


def _links(select: Node) -> Iterator[tuple[Node, bool]]:
    """The scalar sub-selects of a SELECT, each with whether rows without a group drop out anyway: no comparison with NULL holds."""
    for part in conjuncts(select.get("whereClause")):
        if operator_of(part) in _COMPARISONS:
            sides = (part["A_Expr"].get("lexpr", {}), part["A_Expr"].get("rexpr", {}))
            yield from ((side, True) for side in sides if _is_scalar(side))
    if "groupClause" not in select and not any("FuncCall" in node for node in _outside_links(select["targetList"])):
        yield from ((node, False) for node in _outside_links(select["targetList"]) if _is_scalar(node))


def _outside_links(tree: object) -> list[Node]:
    """The nodes of an expression, sub-selects as wholes."""
    found: list[Node] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(reversed(node))
        elif isinstance(node, dict):
            found.append(node)
            if "SubLink" not in node:
                waiting.extend(reversed(node.values()))
    return found


def _is_scalar(node: Node) -> bool:
    link: Node = node.get("SubLink", {})
    return bool(link.get("subLinkType") == "EXPR_SUBLINK")


def _grouped(
    evidence: Evidence, select: Node, outer: Scope, hidden: frozenset[str], taken: set[str]
) -> _Grouped | None:
    """The sub-select grouped by what ties it to the outer SELECT; None when equalities are not all that does."""
    targets = select.get("targetList", ())
    if len(targets) != 1 or _NOT_SIMPLE & select.keys():
        return None
    inner = scope_of(select, evidence.relations, hidden)
    value = targets[0]["ResTarget"]["val"]
    empty = _when_empty(value)
    if not (inner.sources or inner.opaque) or empty is None or inner.owners(value) is None:
        return None
    own: list[Node] = []
    ties: list[tuple[Node, Node]] = []
    for part in conjuncts(select.get("whereClause")):
        if inner.owners(part) is not None:
            own.append(part)
        elif tie := _tie(part, inner, outer):
            ties.append(tie)
        else:
            return None
    if not ties or any(inner.owners(node.get("quals")) is None for node in _joins(select)):
        return None
    table = next((source.table.name for source in inner.sources.values()), min(inner.opaque, default=""))
    alias = f"per_{table}"
    alias = next(name for name in (alias, *(f"{alias}_{n}" for n in range(2, 99))) if name not in taken)
    made = deepcopy(select)
    columns = [f"{alias}_key{number}" for number, _ in enumerate(ties, 1)]
    made["targetList"] = [
        *({"ResTarget": {"name": name, "val": theirs}} for name, (theirs, _) in zip(columns, ties, strict=True)),
        {"ResTarget": {"name": f"{alias}_value", "val": deepcopy(value)}},
    ]
    made["groupClause"] = [deepcopy(theirs) for theirs, _ in ties]
    made.pop("sortClause", None)
    set_where(made, deepcopy(own))
    item = {"RangeSubselect": {"subquery": {"SelectStmt": made}, "alias": {"aliasname": alias}}}
    keys = tuple((name, mine) for name, (_, mine) in zip(columns, ties, strict=True))
    return _Grouped(item, table, alias, f"{alias}_value", keys, empty == "zero")


def _name_output(select: Node, link: Node) -> None:
    """An output that is nothing but a sub-select is called as that calls its own."""
    for target in select["targetList"]:
        output = target["ResTarget"]
        if output["val"] is link and "name" not in output:
            inner = link["SubLink"]["subselect"]["SelectStmt"]["targetList"][0]["ResTarget"]
            if name := inner.get("name") or function_name(inner["val"]):
                output["name"] = name


def _joins(select: Node) -> list[Node]:
    return [node["JoinExpr"] for node in walk(select.get("fromClause", ())) if "JoinExpr" in node]


def _when_empty(value: Node) -> str | None:
    """What an expression of aggregates gives over no rows: ``null`` or ``zero``; None when that is not known."""
    name = function_name(value)
    if name and "over" not in value["FuncCall"]:
        return "zero" if name == "count" else "null" if name in _EMPTY_IS_NULL else None
    if "TypeCast" in value:
        return "null" if _when_empty(value["TypeCast"]["arg"]) == "null" else None
    if operator_of(value) in _ARITHMETIC:
        sides = [value["A_Expr"].get("lexpr", {}), value["A_Expr"].get("rexpr", {})]
        rest = [side for side in sides if "A_Const" not in side]
        return "null" if rest and all(_when_empty(side) == "null" for side in rest) else None
    return None


def _tie(part: Node, inner: Scope, outer: Scope) -> tuple[Node, Node] | None:
    """An equality of a column of the sub-select with what the outer SELECT has: both, in that order."""
    if operator_of(part) != "=":
        return None
    sides = (part["A_Expr"]["lexpr"], part["A_Expr"]["rexpr"])
    for theirs, mine in (sides, sides[::-1]):
        references = [node for node in walk(mine) if "ColumnRef" in node]
        is_column = inner.owner(theirs) is not None or inner.is_opaque(theirs)
        is_outer = bool(outer.owners(mine)) and not any(inner.owner(r) or inner.is_opaque(r) for r in references)
        if (
            is_column
            and is_outer
            and not (inner.opaque and any(len(r["ColumnRef"]["fields"]) == 1 for r in references))
        ):
            return theirs, mine
    return None


def _joined(select: Node, outer: Scope, grouped: _Grouped, required: bool) -> bool:
    """Add the derived table to a FROM clause; False when that would change what the SELECT gives."""
    conditions = [operation("=", column_node(grouped.alias, name), mine) for name, mine in grouped.keys]
    if not _without_bare_star(select, outer):
        return False
    if required:
        select["fromClause"] = [*select["fromClause"], grouped.item]
        set_where(select, [*conjuncts(select.get("whereClause")), *conditions])
        return True
    left, *more = select["fromClause"]
    for item in more:
        left = {"JoinExpr": {"jointype": "JOIN_INNER", "larg": left, "rarg": item}}
    quals = conditions[0] if len(conditions) == 1 else {"BoolExpr": {"boolop": "AND_EXPR", "args": conditions}}
    join = {"jointype": "JOIN_LEFT", "larg": left, "rarg": grouped.item, "quals": quals}
    select["fromClause"] = [{"JoinExpr": join}]
    return True


def _without_bare_star(select: Node, outer: Scope) -> bool:
    """Spell ``*`` as the stars of the tables that there are, so that a further one adds no column; False where that is not the same."""
    targets: list[Node] = []
    for target in select["targetList"]:
        fields = target["ResTarget"]["val"].get("ColumnRef", {}).get("fields", ())
        if len(fields) == 1 and "A_Star" in fields[0]:
            if not outer.complete or any("usingClause" in join or "isNatural" in join for join in _joins(select)):
                return False
            stars = ({"fields": [{"String": {"sval": alias}}, {"A_Star": {}}]} for alias in outer.sources)
            targets += [{"ResTarget": {"val": {"ColumnRef": star}}} for star in stars]
        else:
            targets.append(target)
    select["targetList"] = targets
    return True


def _or_zero(value: Node) -> Node:
    return {"CoalesceExpr": {"args": [value, {"A_Const": {"ival": {"ival": 0}}}]}}
