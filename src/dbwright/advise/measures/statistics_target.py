"""A larger sample for a column whose list of frequent values is full, so that frequent values are missing from it, or whose number of
distinct values is guessed too low."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dbwright.advise.evidence import Evidence
from dbwright.advise.misestimates import Misestimate, misestimates, stale
from dbwright.model.advice import Measure
from dbwright.model.quoting import quote_identifier
from dbwright.model.snapshot import Snapshot
from dbwright.model.statistics import ColumnStatistics

DEFAULT_TARGET = 100
LARGEST_TARGET = 10_000
SAMPLED = 300
"""Rows that ANALYZE reads for each unit of the target."""
ROOM = 1.5


@dataclass(frozen=True)
class _Cause:
    column: str
    target: int
    why: str


def measures(evidence: Evidence) -> Iterator[Measure]:
    groups: defaultdict[tuple[int, str], list[tuple[_Cause, Misestimate]]] = defaultdict(list)
    for one in misestimates(evidence):
        if not stale(evidence.snapshot, one.facts) and (cause := _cause(evidence.snapshot, one)):
            groups[one.facts.table.oid, cause.column].append((cause, one))
    yield from (_measure(evidence, found) for found in groups.values())


def _cause(snapshot: Snapshot, one: Misestimate) -> _Cause | None:
    """Of a statement that searches by one column only, by equality."""
    if len(one.predicates) != 1 or one.groups or one.group_expressions:
        return None
    predicate = one.predicates[0]
    name = predicate.column.column
    column, statistics = one.facts.columns.get(name), one.facts.statistics.get(name)
    if predicate.wrapped or predicate.negated or predicate.operator != "=" or column is None or statistics is None:
        return None
    default = snapshot.settings.number("default_statistics_target") or DEFAULT_TARGET
    target = int(column.statistics_target if column.statistics_target is not None else default)
    wanted = min(max(target * 10, 1000), LARGEST_TARGET)
    if wanted <= target or len(statistics.common_values) < target:
        return None
    if one.too_low and predicate.is_constant:
        return _missing_value(one, statistics, name, wanted)
    if not one.too_low and not predicate.is_constant:
        return _too_few_distinct(one, statistics, name, target, wanted)
    return None


def _missing_value(one: Misestimate, statistics: ColumnStatistics, name: str, wanted: int) -> _Cause | None:
    """A value that is not in the full list, but nearly as frequent as what is."""
    least = min(statistics.common_frequencies) * one.facts.assumed_rows
    if one.actual > ROOM * least:
        return None  # so frequent a value would be in the list: it came after the statistics
    return _Cause(
        name,
        wanted,
        f"the list of its {len(statistics.common_values)} frequent values is full (the last has {least:,.0f} rows), and all others"
        " are taken to be alike",
    )


def _too_few_distinct(
    one: Misestimate, statistics: ColumnStatistics, name: str, target: int, wanted: int
) -> _Cause | None:
    """Rare values come out too frequent when the sample showed too few of them."""
    rows = one.facts.assumed_rows
    if statistics.distinct <= 0 or rows < 10 * SAMPLED * target:
        return None
    rest = max(1 - sum(statistics.common_frequencies) - statistics.null_fraction, 0.0) * rows
    others = statistics.distinct - len(statistics.common_values)
    if others <= 0 or one.actual * 10 > rest / others:
        return None
    return _Cause(
        name,
        wanted,
        f"a sample of {SAMPLED * target:,} of {rows:,.0f} rows showed {statistics.distinct:,.0f} distinct values; by the rows of a call"
        f" there are about {rest / max(one.actual, 1):,.0f}",
    )


def _measure(evidence: Evidence, found: Sequence[tuple[_Cause, Misestimate]]) -> Measure:
    cause, first = found[0]
    worst = max((one for _, one in found), key=lambda one: (one.factor, -one.observed.number))
    share = sum({one.observed.number: one.observed.share for _, one in found}.values())
    table = quote_identifier(first.facts.table.schema, first.facts.table.name)
    column = quote_identifier(cause.column)
    return Measure(
        kind="statistics_target",
        title=f"a larger sample for {cause.column} of {first.facts.label}",
        evidence=(
            worst.sentence,
            f"The cause: {cause.why}.",
            f"{evidence.share_text(share)} is planned with such estimates.",
        ),
        statements=tuple(dict.fromkeys(one.observed.number for _, one in found)),
        share=share,
        change=f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS {cause.target};\nANALYZE {table} ({column});",
        price=f"ANALYZE of that table reads {SAMPLED * cause.target:,} rows, and planning looks through up to {cause.target:,} values",
        confidence="medium" if first.too_low else "low",
        proof="EXPLAIN (ANALYZE) the statement before and after. SET STATISTICS -1 takes it back"
        + (
            ""
            if first.too_low
            else "; if n_distinct stays too low, ALTER COLUMN … SET (n_distinct = …) with the true number"
        ),
    )
