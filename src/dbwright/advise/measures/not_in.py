"""``x NOT IN (SELECT …)`` as NOT EXISTS: a NOT IN is no join to the planner. Once the sub-select's rows do not fit into a hash table of
``work_mem``, it looks through them for each row."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

from dbwright.advise.evidence import Evidence, Observed
from dbwright.advise.rewriting import (
    Node,
    Rewriting,
    Scope,
    column_node,
    common_names,
    conjuncts,
    exists,
    operation,
    rewrites,
    scope_of,
    selects,
    set_where,
)
from dbwright.model.advice import Measure


def measures(evidence: Evidence) -> Iterator[Measure]:
    yield from rewrites(evidence, rewriting)


def rewriting(evidence: Evidence, observed: Observed, root: Node) -> Rewriting | None:
    if not observed.query.has_sub_select:
        return None
    hidden, told = common_names(root), []
    for select in selects(root):
        outer = scope_of(select, evidence.relations, hidden)
        parts = conjuncts(select.get("whereClause"))
        for place, part in enumerate(parts):
            if made := _not_exists(evidence, part, outer, hidden):
                parts[place], column = made
                told.append(column)
        set_where(select, parts)
    if not told:
        return None
    return Rewriting(
        "not_in",
        f"NOT EXISTS for NOT IN on {told[0]}",
        root,
        "NOT IN with a sub-select is no join to the planner: it keeps all the sub-select's rows in a hash table, or, where they do not fit"
        " into work_mem, reads them again for each row.",
        "The rows are the same: both columns are NOT NULL.",
    )


def _not_exists(evidence: Evidence, part: Node, outer: Scope, hidden: frozenset[str]) -> tuple[Node, str] | None:
    """The condition as NOT EXISTS, with the column compared; only where no NULL can make a difference."""
    negated = part.get("BoolExpr", {})
    link = negated["args"][0].get("SubLink", {}) if negated.get("boolop") == "NOT_EXPR" else {}
    if link.get("subLinkType") != "ANY_SUBLINK" or "operName" in link:
        return None
    inner_select = deepcopy(link["subselect"]["SelectStmt"])
    if any(
        key in inner_select
        for key in ("groupClause", "limitCount", "limitOffset", "withClause", "larg", "havingClause")
    ):
        return None
    inner = scope_of(inner_select, evidence.relations, hidden)
    targets = inner_select.get("targetList", ())
    mine = outer.owner(link["testexpr"])
    theirs = inner.owner(targets[0]["ResTarget"]["val"]) if len(targets) == 1 else None
    if mine is None or theirs is None or not (mine[1].not_null and theirs[1].not_null):
        return None
    if mine[0].optional or theirs[0].optional or (inner.sources.keys() | inner.opaque) & outer.sources.keys():
        return None
    condition = operation("=", targets[0]["ResTarget"]["val"], column_node(mine[0].alias, mine[1].name))
    set_where(inner_select, [*conjuncts(inner_select.get("whereClause")), condition])
    inner_select.pop("distinctClause", None)
    return exists(inner_select, False), f"{mine[0].table.name}.{mine[1].name}"
