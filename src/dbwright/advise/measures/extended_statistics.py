"""Extended statistics for estimates that are far off because columns of one table depend on each other, or because of an expression.

Without them the planner multiplies the shares of conditions as if they were independent, multiplies the numbers of distinct values of
grouped columns, and takes a fixed guess for an expression.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from dbwright.advise.evidence import Evidence
from dbwright.advise.misestimates import Misestimate, has_records, misestimates, stale
from dbwright.advise.tables import TableFacts
from dbwright.model.advice import Measure
from dbwright.model.indexing import index_names
from dbwright.model.query import Predicate
from dbwright.model.query_plan import steps
from dbwright.model.quoting import quote_identifier
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.phantom.dependence import suppose_dependence

_PARAMETER = re.compile(r"\$\d")
EXPRESSIONS_SINCE = 14
"""The major version that has statistics of expressions."""
MOST_COLUMNS = 8
"""Of one statistics object in PostgreSQL (``STATS_MAX_DIMENSIONS``)."""
ROOM = 1.5
"""How far the rows may be above what any one of the conditions leaves: more than that cannot come from their dependence."""
POPULAR = 2.0
"""How far the rows of a call with parameters must be above what the most frequent values would leave if columns were independent."""


@dataclass(frozen=True)
class _Cause:
    """What a statistics object is wanted for."""

    facts: TableFacts
    targets: tuple[str, ...]
    kinds: tuple[str, ...]
    why: str


def measures(evidence: Evidence) -> Iterator[Measure]:
    if evidence.effects and not has_records(evidence):
        yield Measure(
            "extended_statistics",
            "Misestimates",
            (
                "the workload has no recorded row counts (pg_stat_statements has them, and auto_explain's plans with log_analyze).",
            ),
            "not judged",
        )
        return
    longest = evidence.snapshot.settings.number("default_statistics_target") or 100.0
    groups: defaultdict[tuple[int, tuple[str, ...]], list[tuple[_Cause, Misestimate]]] = defaultdict(list)
    for one in misestimates(evidence):
        if reason := stale(evidence.snapshot, one.facts):
            yield Measure(
                "extended_statistics",
                f"Estimates of {one.facts.label}",
                (f"{one.sentence} {reason}.",),
                "not judged",
                (one.observed.number,),
                one.observed.share,
            )
        elif (cause := _cause(one, longest)) and _is_possible(evidence.snapshot, cause):
            groups[cause.facts.table.oid, cause.targets].append((cause, one))
    yield from (_measure(evidence, found) for found in groups.values())


def _cause(one: Misestimate, longest: float) -> _Cause | None:
    facts = one.facts
    if one.groups or one.group_expressions:
        return _of_groups(one)
    wrapped = [p for p in one.predicates if p.wrapped]
    if len(one.predicates) == 1 and wrapped:
        return _of_expression(one, wrapped[0])
    if wrapped or any(p.negated or p.value in ("column", "sub-select", "expression") for p in one.predicates):
        return None
    columns = tuple(sorted({p.column.column for p in one.predicates}, key=list(facts.columns).index))
    if not 2 <= len(columns) <= MOST_COLUMNS or not set(columns) <= facts.statistics.keys():
        return None
    if any(set(index.columns) <= set(columns) and index.is_unique for index in facts.indexes):
        return None
    if all(p.is_constant for p in one.predicates):
        return _of_constants(one, columns, longest)
    return _of_parameters(one, columns)


def _of_groups(one: Misestimate) -> _Cause | None:
    """Fewer groups than the columns' distinct values multiplied; more than the default for an expression."""
    if one.group_expressions:
        if one.groups or len(one.group_expressions) != 1:
            return None
        expression = one.observed.usage.expressions.get(one.group_expressions[0], "")
        why = f"for the groups of {expression} it has no statistics"
        return _Cause(one.facts, (f"({expression})",), (), why) if _is_fixed(expression) else None
    if one.too_low or not 2 <= len(one.groups) <= MOST_COLUMNS or not set(one.groups) <= one.facts.statistics.keys():
        return None
    distinct = prod(one.facts.distinct(name) for name in one.groups)
    columns = tuple(sorted(set(one.groups), key=list(one.facts.columns).index))
    why = f"it takes {listed(columns)} as independent ({distinct:,.0f} combinations, cut to what the rows allow)"
    return _Cause(one.facts, columns, ("ndistinct",), why)


def _of_expression(one: Misestimate, predicate: Predicate) -> _Cause | None:
    """A fixed guess for an expression that no index has statistics of."""
    expression = one.observed.usage.expressions.get(predicate.wrapped, "")
    if not _is_fixed(expression) or predicate.operator not in ("=", "in", "<", "<=", ">", ">=", "between"):
        return None
    if any(
        any(index.is_expression) and predicate.column.column in index.referenced_columns for index in one.facts.indexes
    ):
        return None
    return _Cause(one.facts, (f"({expression})",), (), f"{expression} has no statistics, so a fixed share is guessed")


def _is_fixed(expression: str) -> bool:
    """Whether it is known to the last constant: pg_stat_statements has parameters for them."""
    return bool(expression) and not _PARAMETER.search(expression)


def _of_constants(one: Misestimate, columns: Sequence[str], longest: float) -> _Cause | None:
    """The planner knows each value's share: what is left is how they come together. A list of ``longest`` combinations that does not hold
    them all would speak of those that it lacks, before dependencies do, as of rare ones."""
    facts = one.facts
    shares = [facts.equal_fraction(p.column.column, p.value) for p in one.predicates if p.operator == "="]
    rows = facts.assumed_rows
    if shares and one.actual > ROOM * min(shares) * rows:
        return None
    equal = all(p.operator in ("=", "in", "is") for p in one.predicates)
    if equal and one.too_low:
        whole = max(facts.distinct(name) for name in columns) <= longest
        kinds: tuple[str, ...] = ("dependencies", "mcv") if whole else ("dependencies",)
    else:
        kinds = ("mcv",)
    return _Cause(facts, tuple(columns), kinds, f"it takes the conditions on {listed(columns)} as independent")


def _of_parameters(one: Misestimate, columns: Sequence[str]) -> _Cause | None:
    """Of parameters only an estimate that is too low even for the most frequent values tells of dependence: else callers may simply ask
    for values that many rows have."""
    facts = one.facts
    if not one.too_low or any(
        p.operator not in ("=", "in") or (p.value not in ("parameter",) and not p.is_constant) for p in one.predicates
    ):
        return None
    frequent = [_most_frequent(facts, name) for name in columns]
    if any(p.operator == "in" for p in one.predicates):
        return None  # how many values a list has is not known
    if (
        one.actual <= POPULAR * prod(frequent) * facts.assumed_rows
        or one.actual > ROOM * min(frequent) * facts.assumed_rows
    ):
        return None
    why = (
        f"it takes the conditions on {listed(columns)} as independent, and even their most frequent values would then leave"
        f" {prod(frequent) * facts.assumed_rows:,.0f} rows only"
    )
    return _Cause(facts, tuple(columns), ("dependencies",), why)


def _most_frequent(facts: TableFacts, name: str) -> float:
    statistics = facts.statistics[name]
    return max((*statistics.common_frequencies, facts.equal_fraction(name)))


def _is_possible(snapshot: Snapshot, cause: _Cause) -> bool:
    """Whether the server has that kind, and no statistics of these columns exist: their data cannot be read, so that nothing is said of
    what they do."""
    if not cause.kinds and snapshot.target.major < EXPRESSIONS_SINCE:
        return False
    columns = frozenset(cause.targets)
    for row in snapshot.catalog.extended_statistics:
        if row.table_oid != cause.facts.table.oid:
            continue
        if columns <= frozenset(row.columns) or (not cause.kinds and cause.targets[0].strip("()") in row.definition):
            return False
    return True


def _measure(evidence: Evidence, found: Sequence[tuple[_Cause, Misestimate]]) -> Measure:
    cause = found[0][0]
    kinds = sorted({kind for other, _ in found for kind in other.kinds}, key=("ndistinct", "dependencies", "mcv").index)
    worst = max((one for _, one in found), key=lambda one: (one.factor, -one.observed.number))
    numbers = tuple(dict.fromkeys(one.observed.number for _, one in found))
    share = sum({one.observed.number: one.observed.share for _, one in found}.values())
    facts = cause.facts
    table = quote_identifier(facts.table.schema, facts.table.name)
    name = quote_identifier(facts.table.schema, _free_name(evidence.snapshot, cause))
    what = ", ".join(quote_identifier(t) if not t.startswith("(") else t for t in cause.targets)
    of_kinds = f" ({', '.join(kinds)})" if kinds else ""
    by_nodes = any(one.observed.statement.executed is not None for _, one in found)
    changes, keeps = _what_changes(evidence, worst)
    exact = by_nodes or all(p.is_constant for _, one in found for p in one.predicates)
    return Measure(
        kind="extended_statistics",
        title=f"statistics on {listed(cause.targets)} of {facts.label} together"
        if kinds
        else f"statistics on {what} of {facts.label}",
        evidence=(
            worst.sentence,
            f"The cause: {cause.why}.",
            *([changes] if changes else ()),
            f"{evidence.share_text(share)} is planned with such estimates.",
        ),
        statements=numbers,
        share=share,
        change=f"CREATE STATISTICS {name}{of_kinds} ON {what} FROM {table};\nANALYZE {table};",
        price="some kilobytes in the catalog and a longer ANALYZE of that table; nothing on writes or reads",
        confidence="low" if keeps else "high" if exact and kinds else "medium",
        proof="EXPLAIN (ANALYZE) the statement before and after: the estimated rows come near the actual ones."
        " DROP STATISTICS takes it back",
    )


def _what_changes(evidence: Evidence, one: Misestimate) -> tuple[str, bool]:
    """What becomes of the plan when the estimate is right, in a sentence, and whether it stays the same; an empty one where that cannot be
    supposed: of other than two columns, or of groups."""
    facts, predicates = one.facts, sorted(one.predicates, key=lambda p: -one.facts.distinct(p.column.column))
    if len(predicates) != 2 or not one.too_low or any(p.operator != "=" for p in predicates):
        return "", False
    columns = [facts.columns[p.column.column] for p in predicates]
    values = [_values(facts, column.name) for column in columns]
    shares = [facts.equal_fraction(p.column.column, p.value if p.is_constant else None) for p in predicates]
    before = evidence.plan_of(one.observed)
    alone, least = prod(shares), min(shares)
    if before is None or not all(values) or least <= alone:
        return "", False
    degree = min(max((one.actual / facts.assumed_rows - alone) / (least - alone), 0.0), 1.0)
    after = evidence.plan(
        one.observed.statement.sql,
        like=one.observed,
        suppose=lambda session: suppose_dependence(
            session, facts.table, (columns[0], columns[1]), (values[0], values[1]), degree
        ),
    )
    if after is None:
        return "", False
    if after.shape == before.shape:
        return "Planned with the right estimate the statement keeps its plan.", True
    old, new = ([step.title for step in steps(plan)] for plan in (before, after))
    gone, come = [t for t in old if t not in new], [t for t in new if t not in old]
    return (
        f"Planned with the right estimate it becomes another: {listed(come)} instead of {listed(gone)}; expected to cost"
        f" {after.cost:,.0f}, not {before.cost:,.0f}.",
        False,
    )


def _values(facts: TableFacts, name: str) -> tuple[str, ...]:
    statistics = facts.statistics[name]
    return tuple(dict.fromkeys((*statistics.common_values, *statistics.histogram)))


def _free_name(snapshot: Snapshot, cause: _Cause) -> str:
    taken = {row.name for row in snapshot.catalog.extended_statistics}
    columns = tuple(target for target in cause.targets if not target.startswith("(")) or ("expression",)
    return next(name for name in index_names(cause.facts.table, columns, "stats") if name not in taken)
