"""The number of a column's different values set by hand, where a unique index tells that the guess from the sample is too low."""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.advise.contradicted import Contradicted, contradicted
from dbwright.advise.evidence import Evidence, Observed
from dbwright.model.advice import Measure
from dbwright.model.quoting import quote_identifier


def measures(evidence: Evidence) -> Iterator[Measure]:
    for one in contradicted(evidence.snapshot):
        asking = [observed for observed in evidence.observed if _asks(observed, one)]
        if asking:
            yield _measure(evidence, one, asking)


def _asks(observed: Observed, one: Contradicted) -> bool:
    """Whether the statement compares or groups by the column, so that its number of values is looked at."""
    aliases = {alias for alias, table in observed.tables.items() if table.oid == one.table.oid}
    compared = (side for p in observed.query.predicates for side in (p.column, p.other) if side is not None)
    grouped = (column for select in observed.query.selects() for column in select.group_by)
    return any(column.alias in aliases and column.column == one.column for column in (*compared, *grouped))


def _measure(evidence: Evidence, one: Contradicted, asking: list[Observed]) -> Measure:
    table = quote_identifier(one.table.schema, one.table.name)
    share = sum(observed.share for observed in asking)
    return Measure(
        kind="distinct_values",
        title=f"the number of values of {one.column} of {one.table.schema}.{one.table.name}",
        evidence=(
            f"The statistics tell {one.told:,.0f} different values among {one.rows:,.0f} rows, {one.rows / one.told:,.0f} rows each; by the"
            f" unique index {one.index} there are at least {one.least:,.0f}, so {one.rows / one.least:,.0f} rows each at most.",
            f"{evidence.share_text(share)} is planned with that.",
        ),
        statements=tuple(sorted(observed.number for observed in asking)),
        share=share,
        change=f"ALTER TABLE {table} ALTER COLUMN {quote_identifier(one.column)} SET (n_distinct = {-one.least / one.rows:.3f});\n"
        f"ANALYZE {table} ({quote_identifier(one.column)});",
        price="it stays until it is reset, also when the data change",
        confidence="medium",
        proof="EXPLAIN (ANALYZE) the statements before and after: rows that a join gives are nearer to what it is told. RESET (n_distinct)"
        " and ANALYZE take it back",
    )
