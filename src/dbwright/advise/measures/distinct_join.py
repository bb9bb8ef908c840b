"""DISTINCT over a join that only filters, as EXISTS: a row is kept at its first match, instead of multiplied and then made one again."""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.advise.evidence import Evidence, Observed
from dbwright.advise.rewriting import (
    Node,
    Rewriting,
    Scope,
    common_names,
    conjuncts,
    exists,
    rewrites,
    scope_of,
    selects,
    set_where,
)
from dbwright.model.advice import Measure
from dbwright.model.wording import listed
from dbwright.source.expressions import string_of

_NOT_SIMPLE = ("groupClause", "havingClause", "windowClause", "lockingClause", "withClause")


def measures(evidence: Evidence) -> Iterator[Measure]:
    yield from rewrites(evidence, rewriting)


def rewriting(evidence: Evidence, observed: Observed, root: Node) -> Rewriting | None:
    if not any(select.distinct for select in observed.query.selects()):
        return None
    hidden = common_names(root)
    told: list[str] = []
    for select in selects(root):
        if select.get("distinctClause") == [{}] and not any(key in select for key in _NOT_SIMPLE):
            told += _filtered(select, scope_of(select, evidence.relations, hidden))
    if not told:
        return None
    return Rewriting(
        "distinct_join",
        f"EXISTS instead of DISTINCT over a join with {listed(told)}",
        root,
        f"{listed(told)} only filters: joined, it multiplies the rows, which DISTINCT then sorts or hashes to make them one again.",
        "The rows are the same.",
    )


def _filtered(select: Node, scope: Scope) -> list[str]:
    """Make EXISTS of the tables that nothing is shown of, and give their names; none where the joins are not all inner ones."""
    kept = _shown(select, scope)
    flat = _flat(select)
    if kept is None or flat is None or not scope.complete:
        return []
    items, conditions = flat
    moved = [alias for alias in items if alias not in kept]
    owners = [scope.owners(condition) for condition in conditions]
    if not kept or not moved or any(owner is None for owner in owners):
        return []
    known = [(condition, owner) for condition, owner in zip(conditions, owners, strict=True) if owner is not None]
    stay = [condition for condition, owner in known if owner <= kept]
    select["fromClause"] = [items[alias] for alias in items if alias in kept]
    links = [
        _exists([items[a] for a in group], [c for c, owner in known if owner & set(group)])
        for group in _tied(moved, known)
    ]
    set_where(select, [*stay, *links])
    if _is_unique(select, scope, kept):
        select.pop("distinctClause")
    return [scope.sources[alias].table.name for alias in moved]


def _shown(select: Node, scope: Scope) -> frozenset[str] | None:
    """The aliases of what the SELECT gives; None when that is not known."""
    shown: set[str] = set()
    for target in select["targetList"]:
        fields = target["ResTarget"]["val"].get("ColumnRef", {}).get("fields", ())
        if fields and "A_Star" in fields[-1]:
            if len(fields) != 2:
                return None
            owners: set[str] | None = {string_of(fields[0])} & scope.sources.keys()
        else:
            owners = scope.owners(target["ResTarget"]["val"])
        if owners is None:
            return None
        shown |= owners
    return frozenset(shown)


def _flat(select: Node) -> tuple[dict[str, Node], list[Node]] | None:
    """The tables of a FROM clause by alias and all conditions, when nothing but inner joins ties them."""
    items: dict[str, Node] = {}
    conditions = conjuncts(select.get("whereClause"))

    def enter(item: Node) -> bool:
        if "RangeVar" in item:
            alias = item["RangeVar"].get("alias", {}).get("aliasname") or item["RangeVar"]["relname"]
            items[alias] = item
            return True
        join = item.get("JoinExpr")
        if join is None or join.get("jointype", "JOIN_INNER") != "JOIN_INNER":
            return False
        if "usingClause" in join or "isNatural" in join or "alias" in join:
            return False
        conditions.extend(conjuncts(join.get("quals")))
        return enter(join["larg"]) and enter(join["rarg"])

    return (items, conditions) if all(enter(item) for item in select.get("fromClause", ())) else None


def _tied(moved: list[str], known: list[tuple[Node, set[str]]]) -> list[list[str]]:
    """The moved tables in groups that conditions tie together."""
    groups = [{alias} for alias in moved]
    for _, owners in known:
        touched = [group for group in groups if group & owners]
        if len(touched) > 1:
            groups = [group for group in groups if group not in touched] + [set().union(*touched)]
    return [
        [alias for alias in moved if alias in group] for group in sorted(groups, key=lambda g: min(map(moved.index, g)))
    ]


def _exists(items: list[Node], conditions: list[Node]) -> Node:
    inner: Node = {"fromClause": items, "limitOption": "LIMIT_OPTION_DEFAULT", "op": "SETOP_NONE"}
    set_where(inner, conditions)
    return exists(inner)


def _is_unique(select: Node, scope: Scope, kept: frozenset[str]) -> bool:
    """Whether the one table that is left shows a key of its own, so that its rows differ already."""
    if len(kept) != 1:
        return False
    source = scope.sources[next(iter(kept))]
    shown: set[str] = set()
    for target in select["targetList"]:
        value = target["ResTarget"]["val"]
        fields = value.get("ColumnRef", {}).get("fields", ())
        if fields and "A_Star" in fields[-1]:
            return any(index.is_primary for index in scope.relations.catalog.indexes_of(source.table))
        if owner := scope.owner(value):
            shown.add(owner[1].name)
    catalog = scope.relations.catalog
    return any(
        index.is_unique
        and index.is_valid
        and index.predicate is None
        and not any(index.is_expression)
        and set(index.keys) <= shown
        and all((column := catalog.column(source.table, name)) and column.not_null for name in index.keys)
        for index in catalog.indexes_of(source.table)
    )
