"""Where the planner's estimate is far from what was recorded, and in which conditions or groups of one table that lies.

Recorded are the rows of a call (``pg_stat_statements``) and the rows of each node of a plan that was executed (``auto_explain``); the
estimate is the phantom's, so that of today's statistics.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from dbwright.advise.evidence import Evidence, Observed
from dbwright.advise.tables import TableFacts
from dbwright.model.query import Predicate
from dbwright.model.query_plan import Node, Plan
from dbwright.model.quoting import quote_identifier
from dbwright.model.snapshot import Snapshot
from dbwright.model.statistics import TableStatistics
from dbwright.model.wording import counted
from dbwright.source.sql import CannotTakeApart, take_apart

FAR = 10.0
"""Factor between estimate and record from which another plan is likely; smaller ones are the planner's daily bread."""
LEAST_ROWS = 1000
"""Of the larger of both: below, plans do not differ enough."""
CHANGED = 0.1
"""Share of a table that changed since its statistics were collected from which these, and not their kind, are to blame (auto-analyze's
own threshold)."""


@dataclass(frozen=True)
class Misestimate:
    """Rows of one table that conditions leave (``predicates``), or groups that they fall into (``groups``, and ``group_expressions`` as
    written). ``source`` tells where ``actual`` was recorded."""

    observed: Observed
    facts: TableFacts
    predicates: tuple[Predicate, ...]
    groups: tuple[str, ...]
    group_expressions: tuple[str, ...]
    estimated: float
    actual: float
    source: str

    @cached_property
    def factor(self) -> float:
        low, high = sorted((max(self.estimated, 1.0), max(self.actual, 1.0)))
        return high / low

    @property
    def too_low(self) -> bool:
        return self.estimated < self.actual

    @property
    def sentence(self) -> str:
        what = "groups" if self.groups or self.group_expressions else "rows"
        rows = f"{self.estimated:,.0f} {what}" if self.estimated != 1 else f"1 {what[:-1]}"
        side = "too low" if self.too_low else "too high"
        return (
            f"The planner expects {rows} of {self.facts.label}, {self.source} {self.actual:,.0f}:"
            f" {self.factor:,.0f} times {side}."
        )


def has_records(evidence: Evidence) -> bool:
    """Whether any statement has recorded rows."""
    return any(e.statement.mean_rows is not None or e.statement.executed is not None for e in evidence.effects)


def misestimates(evidence: Evidence) -> Iterator[Misestimate]:
    """The far ones, those of the largest part of the workload first; of one table and its columns in a statement one."""
    for observed in evidence.observed:
        found = list(_of_nodes(evidence, observed)) or [m for m in (_of_statement(evidence, observed),) if m]
        for one in found:
            if one.factor >= FAR and max(one.estimated, one.actual) >= LEAST_ROWS:
                yield one


def stale(snapshot: Snapshot, facts: TableFacts) -> str:
    """Why the table's statistics themselves are to blame; empty when they are not."""
    row: TableStatistics | None = snapshot.statistics.table_by_oid.get(facts.table.oid)
    if not facts.statistics:
        return f"{facts.label} has no statistics: ANALYZE it first"
    if row is not None and row.modified_since_analyze > CHANGED * max(row.estimated_rows, 1):
        return (
            f"{counted(row.modified_since_analyze, 'row')} of {facts.label} ({row.estimated_rows:,}) changed since its statistics were"
            " collected: ANALYZE it first"
        )
    return ""


# The rows of a call


def _of_statement(evidence: Evidence, observed: Observed) -> Misestimate | None:
    """Of a statement on one table; what joins do to its rows is not told apart by one number."""
    actual, query = observed.statement.mean_rows, observed.query
    if actual is None or len(query.tables) != 1 or len(observed.tables) != 1 or query.has_union or query.windows:
        return None
    if any(predicate.clause == "having" for predicate in query.predicates) or query.verb == "insert":
        return None
    plan = evidence.plan_of(observed)
    node = _comparable(plan, actual) if plan else None
    if node is None:
        return None
    facts = evidence.facts(next(iter(observed.tables.values())))
    groups = tuple(column.column for column in query.group_by)
    if query.distinct and not query.distinct_on and not groups:
        groups = tuple(column.column for column in query.columns)
        if "*" in groups or not groups:
            return None
    elif query.distinct_on or (query.aggregates and not (groups or query.group_expressions)):
        return None
    predicates = _narrowing(observed, query.tables[0].alias)
    if (groups or query.group_expressions) and predicates:
        return None  # the rows or the groups: one number does not tell
    return Misestimate(
        observed, facts, predicates, groups, query.group_expressions, float(node["Plan Rows"]), actual, "a call gave"
    )


def _comparable(plan: Plan, actual: float) -> Node | None:
    """The node whose estimate is of the rows that a call gives."""
    node = plan.root
    if node["Node Type"] == "ModifyTable" and not node["Plan Rows"] and node.get("Plans"):
        node = node["Plans"][0]  # the rows that it changes
    if node["Node Type"] == "Limit":
        if actual > float(node["Plan Rows"]) / 2:
            return None  # cut off: how many there are was not counted
        node = node["Plans"][0]
    return node


def _narrowing(observed: Observed, alias: str) -> tuple[Predicate, ...]:
    return tuple(p for p in observed.query.predicates if p.narrows and p.column.alias == alias and not p.row)


# The nodes of an executed plan


def _of_nodes(evidence: Evidence, observed: Observed) -> Iterator[Misestimate]:
    plan = observed.statement.executed
    if plan is None:
        return
    for node, cut in _executed(plan):
        if node.get("Relation Name") and node.get("Alias") in observed.tables:
            found = _of_scan(evidence, observed, node)
        elif node.get("Group Key"):
            found = _of_groups(evidence, observed, node)
        else:
            continue
        if found is not None and (found.too_low or not cut):
            yield found


def _executed(plan: Plan) -> Iterator[tuple[Node, bool]]:
    """The nodes that ran, each with whether something above may have stopped it before its end."""
    waiting: list[tuple[Node, bool]] = [(plan.root, False)]
    while waiting:
        node, cut = waiting.pop()
        if float(node.get("Actual Loops", 0)) > 0:
            yield node, cut
        cut = cut or node["Node Type"] == "Limit" or node.get("Join Type") in ("Semi", "Anti")
        cut = cut or node["Node Type"] == "Merge Join"
        waiting.extend((child, cut) for child in node.get("Plans", ()))


def _of_scan(evidence: Evidence, observed: Observed, node: Node) -> Misestimate | None:
    """A scan with its conditions, planned anew on today's statistics; one that looks for another table's values is left out."""
    alias, table = node["Alias"], observed.tables[node["Alias"]]
    conditions = [node[key] for key in ("Index Cond", "Recheck Cond", "Filter") if node.get(key)]
    predicates = tuple(p for p in _narrowing(observed, alias) if p.value not in ("column", "sub-select"))
    if not conditions or not predicates or table.kind != "table":
        return None
    source = f"{quote_identifier(table.schema, table.name)} AS {quote_identifier(alias)}"
    plan = evidence.plan(f"SELECT 1 FROM {source} WHERE {' AND '.join(f'({c})' for c in conditions)}")  # noqa: S608 -- only explained
    if plan is None:
        return None
    actual = float(node["Actual Rows"])
    if node["Node Type"].startswith("Bitmap") or not node.get("Parallel Aware"):
        estimated = plan.rows
    else:
        actual, estimated = actual * float(node["Actual Loops"]), plan.rows
    facts = evidence.facts(table)
    return Misestimate(observed, facts, predicates, (), (), estimated, actual, "an executed plan had")


def _of_groups(evidence: Evidence, observed: Observed, node: Node) -> Misestimate | None:
    """Groups of one table's columns, without a condition on it."""
    keys = ", ".join(node["Group Key"])
    try:
        read = take_apart(f"SELECT 1 FROM x GROUP BY {keys}").group_by  # noqa: S608 -- only read
    except CannotTakeApart:
        return None
    aliases = Counter(key.split(".")[0].strip('"') if "." in key else "" for key in node["Group Key"])
    alias = next(iter(aliases))
    if not alias and len(observed.tables) == 1:
        alias = next(iter(observed.tables))
    if len(aliases) != 1 or alias not in observed.tables or len(read) != len(node["Group Key"]):
        return None
    if any(p.narrows and p.value != "column" for p in observed.query.predicates) or node.get("Filter"):
        return None
    facts = evidence.facts(observed.tables[alias])
    groups = tuple(column.column for column in read)
    estimated, actual = float(node["Plan Rows"]), float(node["Actual Rows"])
    if node.get("Partial Mode") == "Partial" or not set(groups) <= set(facts.columns):
        return None
    return Misestimate(observed, facts, (), groups, (), estimated, actual, "an executed plan had")
