"""A count that is only asked whether it is 0, as EXISTS: it ends at the first row."""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.advise.evidence import Evidence, Observed
from dbwright.advise.rewriting import Node, Rewriting, exists, function_name, operator_of, rewrites, walk
from dbwright.model.advice import Measure

_FLIPPED = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_ANY = {(">", 0): True, (">=", 1): True, ("<>", 0): True, ("=", 0): False, ("<", 1): False, ("<=", 0): False}
_NOT_SIMPLE = ("groupClause", "havingClause", "limitCount", "limitOffset", "distinctClause", "larg", "windowClause")


def measures(evidence: Evidence) -> Iterator[Measure]:
    yield from rewrites(evidence, rewriting)


def rewriting(_: Evidence, observed: Observed, root: Node) -> Rewriting | None:
    if not any("count" in select.aggregates for select in observed.query.selects()):
        return None
    changed = False
    for node in list(walk(root)):
        count, wanted = _asked(node)
        link = count.get("SubLink", {}) if count else {}
        if link.get("subLinkType") == "EXPR_SUBLINK" and _counts(link["subselect"]["SelectStmt"]):
            _replace(node, link["subselect"]["SelectStmt"], wanted)
            changed = True
    if _counts_itself(root):
        target = root["targetList"][0]["ResTarget"]
        wanted = _asked(target["val"])[1]
        inner = {key: value for key, value in root.items() if key != "withClause"}
        for key in ("fromClause", "whereClause"):
            root.pop(key, None)
        outer = dict(target)
        root["targetList"] = [{"ResTarget": outer}]
        outer["val"] = {"A_Const": {}}
        _replace(outer["val"], inner, wanted)
        changed = True
    if not changed:
        return None
    return Rewriting(
        "count_as_exists",
        "EXISTS for a count that is compared with 0",
        root,
        "The statement counts all rows to learn whether there is one.",
        "The answer is the same.",
    )


def _asked(node: Node) -> tuple[Node | None, bool]:
    """What is compared with 0 or 1 so that only its being 0 counts, and whether rows are wanted."""
    operator = operator_of(node)
    if operator not in _FLIPPED:
        return None, False
    left, right = node["A_Expr"].get("lexpr", {}), node["A_Expr"].get("rexpr", {})
    for side, other, sense in ((left, right, operator), (right, left, _FLIPPED[operator])):
        number = other.get("A_Const", {}).get("ival")
        if number is not None and (sense, number.get("ival", 0)) in _ANY:
            return side, _ANY[sense, number.get("ival", 0)]
    return None, False


def _counts(select: Node) -> bool:
    """Whether a SELECT gives the number of its rows and nothing else."""
    targets = select.get("targetList", ())
    return len(targets) == 1 and _is_count(targets[0]["ResTarget"]["val"]) and not any(k in select for k in _NOT_SIMPLE)


def _is_count(value: Node) -> bool:
    if function_name(value) != "count" or any(
        key in value["FuncCall"] for key in ("agg_filter", "over", "agg_distinct")
    ):
        return False
    arguments = value["FuncCall"].get("args", ())
    constant = len(arguments) == 1 and "isnull" not in arguments[0].get("A_Const", {"isnull": True})
    return bool(value["FuncCall"].get("agg_star")) or constant


def _counts_itself(root: Node) -> bool:
    targets = root.get("targetList", ())
    if len(targets) != 1 or "fromClause" not in root or any(key in root for key in _NOT_SIMPLE):
        return False
    count, _ = _asked(targets[0]["ResTarget"]["val"])
    return count is not None and _is_count(count)


def _replace(node: Node, select: Node, wanted: bool) -> None:
    """Make a node of a tree EXISTS, or NOT EXISTS."""
    made = exists(select, wanted)
    node.clear()
    node.update(made)
