"""A counter in a parent's row that each write to its children keeps up to date: what that would cost."""

from __future__ import annotations

from dbwright.advise.evidence import Evidence, Observed
from dbwright.advise.keeping import Kept
from dbwright.model.catalog import Table
from dbwright.model.quoting import quote_identifier

LEAST_DAYS = 1 / 24
"""For which writes must have been counted to speak of an hour's."""
_PAGE_WRITE = 2.0
"""Pages that a changed row dirties and logs: its table's and an index's. In ``seq_page_cost``."""


def counter_sentence(evidence: Evidence, observed: Observed, view: Kept, saved: float, little: float) -> list[str]:
    """What a counter in the parent's row would cost, where the aggregate is one of a child's rows for each parent, against what is
    ``saved`` in an hour, of which ``little`` does not count."""
    found = _parent_and_child(evidence, observed, view)
    days = evidence.snapshot.counting_days
    if found is None or not days or days < LEAST_DAYS:
        return []
    parent, child, key = found
    row = evidence.snapshot.statistics.table_by_oid.get(child.oid)
    plan = evidence.plan(
        f"UPDATE {quote_identifier(parent.schema, parent.name)} SET {quote_identifier(key)} = {quote_identifier(key)}"  # noqa: S608 -- only explained
        f" WHERE {quote_identifier(key)} = $1"
    )
    if row is None or plan is None:
        return []
    sums = any(name != "count" for name in observed.query.aggregates)
    writes = (row.inserted + row.deleted + (row.updated if sums else 0)) / days / 24
    each = plan.cost + _PAGE_WRITE * (evidence.snapshot.settings.number("seq_page_cost") or 1.0)
    spent = writes * each
    verdict = "it would pay too, and never be old" if spent < little else "it would eat up what it saves"
    if little <= spent < saved:
        verdict = "it would pay little"
    return [
        f"A counter in {parent.name} instead: {writes:,.1f} writes to {child.name} an hour × {each:,.1f} for the update of its row ="
        f" {spent:,.0f} against {saved:,.0f} saved: {verdict}. Writers for one {parent.name} then wait for each other."
    ]


def _parent_and_child(evidence: Evidence, observed: Observed, view: Kept) -> tuple[Table, Table, str] | None:
    """The table whose key the groups are, and the one that is counted, when a foreign key ties them and nothing else is asked of the
    child: a counter cannot tell which rows were of the last seven days."""
    if len(view.keys) != 1 or view.open_values or view.days is not None or not 1 <= len(observed.tables) <= 2:
        return None
    if any(name not in ("count", "sum") for name in observed.query.aggregates):
        return None
    catalog = evidence.snapshot.catalog
    for child in observed.tables.values():
        for key in catalog.constraints_of(child, "foreign key"):
            parent = catalog.table_by_oid.get(key.foreign_table_oid or 0)
            if parent is None or len(key.columns) != 1 or parent == child:
                continue
            if view.keys[0] not in (key.columns[0], key.foreign_columns[0]):
                continue
            if not all(table in (parent, child) for table in observed.tables.values()):
                continue
            child_aliases = {alias for alias, table in observed.tables.items() if table == child}
            if any(
                p.column.alias in child_aliases and p.value != "column" and p.column.column != key.columns[0]
                for p in observed.query.predicates
            ):
                continue
            return parent, child, key.foreign_columns[0]
    return None
