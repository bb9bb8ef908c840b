"""What is known of an index that looks superfluous, before anything is planned: counters, constraints and code. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain

from dbwright.model.catalog import Index, Table
from dbwright.model.change import CreateIndex
from dbwright.model.index_use import references_through, replicas_seen, table_scans, use_of, window_days
from dbwright.model.indexing import serves_equality
from dbwright.model.removal import Witness
from dbwright.model.snapshot import Snapshot, once
from dbwright.model.source import SourceQuery
from dbwright.model.statistics import IndexStatistics
from dbwright.model.wording import counted, listed

UNUSED_DAYS = 30
"""Days that counters must cover before "never read" means anything: a month holds the monthly jobs."""
_TABLE_SCANS = 1000
"""Scans of the table meanwhile, below which its indexes had no occasion."""
_PLACES = 3


def counters(snapshot: Snapshot, table: Table, index: Index, needed: bool) -> Witness:
    """Scans on every node, and how old the counters are. They object where ``needed``: nothing else speaks for its going, and it was
    read, or not long or not everywhere enough was looked."""
    use = use_of(snapshot, index)
    days = window_days(snapshot)
    confidence, where = replicas_seen(snapshot)
    scans = use.scans if use else 0
    last = f", the last time on {use.last_scan:%Y-%m-%d}" if use and use.last_scan else ""
    read = f"read {counted(scans, 'time')}{last}" if scans else "not read"
    over = (
        f"in {counted(round(days), 'day')}"
        if days >= 1
        else "since the counters began, less than a day ago or nobody knows when"
    )
    nodes = "".join(
        f"; {node.name}: {counted(_scans_on(node.indexes, index), 'scan')}" for node in snapshot.statistics.nodes
    )
    text = f"{read} {over} {where}{nodes}; its table was scanned {counted(table_scans(snapshot, table), 'time')}"
    objects = needed and (
        scans > 0 or days < UNUSED_DAYS or confidence == "low" or table_scans(snapshot, table) < _TABLE_SCANS
    )
    return Witness("counters", text, looked=confidence != "low" and days > 0, objects=objects)


def _scans_on(rows: Iterable[IndexStatistics], index: Index) -> int:
    return sum(row.scans for row in rows if row.oid == index.oid)


def constraints(
    snapshot: Snapshot,
    table: Table,
    index: Index,
    staying: Sequence[Index],
    advised: Sequence[CreateIndex],
    unique_elsewhere: bool,
) -> Witness:
    """What relies on the index beside readers. ``staying`` are the table's other indexes, ``advised`` those to come; ``unique_elsewhere``:
    another one keeps the same values unique."""
    reasons = [
        *_bound(snapshot, table, index, unique_elsewhere),
        *_left_alone(snapshot, table, index, staying, advised),
    ]
    if reasons:
        return Witness("constraints", "; ".join(reasons), objects=True)
    return Witness("constraints", "no constraint, no foreign key, no replica identity and no CLUSTER relies on it")


def _bound(snapshot: Snapshot, table: Table, index: Index, unique_elsewhere: bool) -> Iterator[str]:
    if index.constraint:
        yield f"it is the constraint {index.constraint}"
    if index.is_unique and not unique_elsewhere and not index.constraint:
        yield "it keeps its values unique"
    if index.is_exclusion and not index.constraint:
        yield "it keeps rows from excluding each other"
    for key in references_through(snapshot, table, index):
        child = snapshot.catalog.table_by_oid.get(key.table_oid)
        yield f"the foreign key {key.name} of {child.name if child else 'another table'} refers through it"
    if index.is_replica_identity:
        yield "logical replication tells rows apart by it (REPLICA IDENTITY)"
    if index.is_clustered:
        yield "CLUSTER goes by it"


def _left_alone(
    snapshot: Snapshot, table: Table, index: Index, staying: Sequence[Index], advised: Sequence[CreateIndex]
) -> Iterator[str]:
    """Foreign keys whose look-ups at a DELETE or a change of the parent's key would read the whole table."""
    for key in snapshot.catalog.constraints_of(table, "foreign key"):
        if not serves_equality(index, key.columns):
            continue
        if any(serves_equality(other, key.columns) for other in staying) or any(
            _will_serve(one, key.columns) for one in advised
        ):
            continue
        parent = snapshot.catalog.table_by_oid.get(key.foreign_table_oid or 0)
        yield f"the foreign key {key.name} looks rows up by it when a row of {parent.name if parent else 'its parent'} is deleted"


def _will_serve(index: CreateIndex, columns: tuple[str, ...]) -> bool:
    first = {key.column for key in index.keys[: len(columns)]}
    return index.method == "btree" and index.predicate is None and first == set(columns)


def queries_about(snapshot: Snapshot, table: Table, index: Index) -> tuple[SourceQuery, ...]:
    """Queries of the source that compare, join or order by what leads the index: a column, or any column of an expression."""
    leading = [index.keys[0]] if not index.is_expression[0] else list(index.referenced_columns)
    found = chain.from_iterable(_by_column(snapshot).get((table.name, column), ()) for column in leading)
    return tuple({(query.issued, query.sql): query for query in found}.values())


@once
def _by_column(snapshot: Snapshot) -> dict[tuple[str, str], list[SourceQuery]]:
    found: defaultdict[tuple[str, str], list[SourceQuery]] = defaultdict(list)
    for query in snapshot.source.queries:
        if query.query is not None:
            for place in dict.fromkeys(_asked(query)):
                found[place].append(query)
    return found


def _asked(query: SourceQuery) -> Iterator[tuple[str, str]]:
    assert query.query is not None
    for predicate in query.query.predicates:
        for column in (predicate.column, predicate.other):
            if column is not None:
                yield column.table, column.column
    for select in query.query.selects():
        yield from ((key.column.table, key.column.column) for key in select.order_by if key.column)
        yield from ((column.table, column.column) for column in select.group_by)


def code(snapshot: Snapshot, queries: Sequence[SourceQuery], used_by: Collection[str], unplanned: int = 0) -> Witness:
    """What the source says: ``queries`` about the index's columns, of which so many are ``unplanned``, ``used_by`` the places whose plans
    get materially worse without it."""
    if not snapshot.source.queries:
        gap = next((g for g in snapshot.gaps if g.section in ("source", "project")), None)
        why = gap.reason if gap else "no project was read"
        return Witness("code", f"not looked at, because {why}", looked=False)
    unread = sum(query.sql is None for query in snapshot.source.queries)
    unknown = f"; {counted(unread, 'query', 'queries')} could not be read" if unread else ""
    if used_by:
        places = listed(sorted(used_by), _PLACES)
        return Witness("code", f"{places} would read by it{unknown}", objects=True)
    total = counted(len(snapshot.source.queries), "query", "queries")
    if not queries:
        return Witness("code", f"none of {total} filters, joins or orders by its first column{unknown}")
    places = listed(dict.fromkeys(str(query.issued) for query in queries), _PLACES)
    not_planned = f"; {counted(unplanned, 'of them was', 'of them were')} not planned" if unplanned else ""
    text = f"{places} of {total} ask for its first column, and none is planned worse without it{not_planned}{unknown}"
    return Witness("code", text, looked=not unplanned)
