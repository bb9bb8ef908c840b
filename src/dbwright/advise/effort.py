"""What a plan takes of the processor once its pages are cached: an estimate of its time beside the planner's cost. Pure.

The planner's cost counts a page as read from storage, though mostly it is in memory, and all comparing, adding and hashing alike.
What each piece of work takes was fitted to 81 runs of TPC-H's queries at scale factor 1 under five sets of indexes, with the rows that
really came. To calibrate the planner's own five units by runs is known (Wu et al., "Predicting query execution time: are optimizer
cost models really unusable?", ICDE 2013). With the planner's guesses of rows it errs as these do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import log2

from dbwright.model.catalog import Table
from dbwright.model.change import CreateIndex
from dbwright.model.query_plan import Node, Plan, Step, steps
from dbwright.model.snapshot import Snapshot

# Microseconds.
_PAGE = 0.4
"""Of a table that is read from end to end, pinned and looked through."""
_ROW = 0.04
_DESCENT = 1.7
"""From an index's root to a leaf."""
_NEXT_DESCENT = 1.0
"""The same near where it last was, because what is sought comes in order."""
_ENTRY = 0.07
_FETCH = 1.1
"""A row by its place, in a page that no row just before it was in."""
_NEXT_FETCH = 0.45
"""A row by its place, next to the one before."""
_BITMAP_FETCH = 0.35
"""A row of those that were put in the table's order before."""
_HASHED = 0.28
"""A row put into the hash table of a join."""
_PROBED = 0.07
_COMPARED = 0.045
"""Two rows of a sort."""
_GROUPED = 0.24
"""A row found in the hash table of an aggregate."""
_GROUPED_AMONG_MANY = 0.56
"""The same where the table is larger than the processor's caches."""
_IN_ORDER = 0.03
"""A row of an aggregate whose rows come in order of their groups, and of what passes rows on."""
_CONDITION = 0.014
_OPERATOR = 0.028
"""Of an aggregate: the planner's count of them, ``cpu_operator_cost`` each."""

_MANY_GROUPS = 20_000
_INDEXED = frozenset(("Index Scan", "Index Only Scan", "Bitmap Index Scan"))
_IN_THE_ORDER_OF_THE_FIRST = frozenset(("Hash Join", "Nested Loop", "Limit", "Materialize"))
_SOUGHT = re.compile(r'= ("[^"]+"|\w+)\.("[^"]+"|\w+)')
_SORTS = frozenset(("Sort", "Incremental Sort"))


class Efforts:
    """Of plans on one snapshot's tables."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        catalog = snapshot.catalog
        self._tables = {table.name: table for table in reversed(catalog.user_tables)}
        self._columns: dict[str, tuple[Table, str | None]] = {
            index.name: (catalog.table_by_oid[index.table_oid], index.columns[0] if index.columns else None)
            for index in catalog.indexes
        }
        self._operator = snapshot.settings.number("cpu_operator_cost") or 0.0025

    def of(self, plan: Plan, entries: Mapping[int, float], supposed: Callable[[str], CreateIndex | None]) -> float:
        """Microseconds. ``entries`` are those of its index that a node reads in one run, by the node's number among `Plan.nodes`, where it
        is more than the rows that it gives; ``supposed`` tells which supposed index a name stands for."""
        drivers = _drivers(plan)
        total = 0.0
        for number, step in enumerate(steps(plan)):
            if step.node["Node Type"] in _INDEXED:
                total += self._indexed(step, entries.get(number), drivers.get(number), supposed)
            else:
                total += self._other(step)
        return total

    def _indexed(
        self,
        step: Step,
        entries: float | None,
        driver: Node | None,
        supposed: Callable[[str], CreateIndex | None],
    ) -> float:
        """Of reading an index, and the rows that it leads to; ``driver`` is read in its own order to look each of its rows up here."""
        node = step.node
        runs = step.times * step.fraction
        read = step.rows if entries is None else max(entries * runs, step.rows)
        in_order = self._order_of_lookups(node, driver)
        total = runs * _between(_DESCENT, _NEXT_DESCENT, in_order) + read * (_ENTRY + _conditions(node))
        if node["Node Type"] == "Index Scan":
            in_place = self._order(*self._led_by(node["Index Name"], supposed))
            first = min(runs, read)
            total += first * _between(_FETCH, _NEXT_FETCH, in_place * in_order)
            total += (read - first) * _between(_FETCH, _NEXT_FETCH, in_place)
        return total

    def _other(self, step: Step) -> float:
        node, kind = step.node, step.node["Node Type"]
        runs = step.times * step.fraction
        if kind in ("Seq Scan", "Sample Scan"):
            table = self._tables.get(node["Relation Name"])
            statistics = self._snapshot.statistics_of(table) if table else None
            rows = self._snapshot.rows(table) if table else node["Plan Rows"]
            pages = statistics.pages if statistics else 0
            return runs * (pages * _PAGE + rows * (_ROW + _conditions(node)))
        if kind == "Bitmap Heap Scan":
            read = float(node["Plans"][0]["Plan Rows"]) * runs * step.processes
            return read * (_BITMAP_FETCH + _conditions(node))
        below = [float(child["Plan Rows"]) * runs * step.processes for child in node.get("Plans", ())]
        given = below[0] if below else step.rows
        if kind == "Hash":
            return given * _HASHED
        if kind == "Hash Join":
            return given * _PROBED
        if kind in _SORTS:
            return given * log2(max(given, 2.0)) * _COMPARED
        if kind in ("Aggregate", "WindowAgg"):
            return self._aggregate(step, given)
        if kind in ("Nested Loop", "Limit", "Append", "Merge Append", "Gather", "Gather Merge"):
            return 0.0
        return sum(below) * _IN_ORDER if below else step.rows * _ROW

    def _aggregate(self, step: Step, given: float) -> float:
        if step.node.get("Strategy") in ("Hashed", "Mixed"):
            each = _GROUPED_AMONG_MANY if step.rows > _MANY_GROUPS else _GROUPED
        else:
            each = _IN_ORDER
        return given * each + step.own / self._operator * _OPERATOR

    def _led_by(self, name: str, supposed: Callable[[str], CreateIndex | None]) -> tuple[Table | None, str | None]:
        """The table of an index and its first column."""
        index = supposed(name)
        if index is not None:
            return self._snapshot.catalog.table_by_name[index.schema, index.table], index.keys[0].column
        return self._columns.get(name, (None, None))

    def _order(self, table: Table | None, column: str | None) -> float:
        """How far a table's rows lie in the order of a column: 0 to 1."""
        statistics = self._snapshot.statistics.column(table, column) if table and column else None
        return (statistics.correlation or 0.0) ** 2 if statistics else 0.0

    def _order_of_lookups(self, node: Node, driver: Node | None) -> float:
        found = _SOUGHT.search(str(node.get("Index Cond", "")))
        if driver is None or found is None or found[1].strip('"') != driver.get("Alias"):
            return 0.0
        return self._order(self._tables.get(driver["Relation Name"]), found[2].strip('"'))


def _drivers(plan: Plan) -> dict[int, Node]:
    """By the number of a node that is read again for each row of a table: the table's scan."""
    drivers: dict[int, Node] = {}
    number = -1

    def visit(node: Node, driver: Node | None) -> None:
        nonlocal number
        number += 1
        if driver is not None:
            drivers[number] = driver
        children = node.get("Plans", ())
        for position, child in enumerate(children):
            if node["Node Type"] == "Nested Loop" and position == 1:
                visit(child, _read_in_order(children[0]))
            else:
                visit(child, driver if node["Node Type"] == "Memoize" else None)

    visit(plan.root, None)
    return drivers


def _read_in_order(node: Node) -> Node | None:
    """The table whose rows come from a node in their own order."""
    while node.get("Plans"):
        if node["Node Type"] not in _IN_THE_ORDER_OF_THE_FIRST:
            return None
        node = node["Plans"][0]
    return node if node["Node Type"] == "Seq Scan" else None


def _between(far: float, near: float, share: float) -> float:
    return far + (near - far) * share


def _conditions(node: Node) -> float:
    text = str(node.get("Filter", ""))
    return (1 + text.count(" AND ") + text.count(" OR ")) * _CONDITION if text else 0.0


def are_cached(snapshot: Snapshot) -> bool:
    """Whether the planner is told that all tables and indexes are in memory, which is when time is the processor's."""
    cache = snapshot.settings.bytes("effective_cache_size")
    return cache is not None and sum(map(snapshot.total_bytes, snapshot.catalog.user_tables)) <= cache
