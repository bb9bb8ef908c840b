"""What steps will take, before they are taken: time and disk, from the sizes in the snapshot.

These are estimates and are shown as such. A table is read at ``READ`` bytes a second and written at ``WRITE``; a concurrent build reads its
table twice; a key is sorted into an index in ``SORT`` seconds a row; a batch of rows costs ``ROW`` seconds a row and as long a pause. The
rates are those of a small machine; a build on a busy one takes longer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from dbwright.fixes.steps import Step, steps
from dbwright.model.change import AlterColumnType, Change, CreateIndex, Operation
from dbwright.model.quoting import quote_identifier
from dbwright.model.snapshot import Snapshot

READ = 200e6
WRITE = 60e6
SORT = 1.2e-6
ROW = 30e-6
METHOD = "from the tables' sizes, at 200 MB/s read and 60 MB/s written"


@dataclass(frozen=True, slots=True)
class Cost:
    """``seconds`` for the step, ``bytes`` of disk that it needs at its end or while it runs; None: nothing is known of its relation."""

    seconds: float | None
    bytes: int | None


_NOTHING = Cost(0.0, 0)
_UNKNOWN = Cost(None, None)


def costs(change: Change, snapshot: Snapshot, major: int) -> tuple[Cost, ...]:
    """The cost of each step of a change, in order."""
    return tuple(
        _cost(step, operation, snapshot)
        for operation in change.operations
        for step in steps(replace(change, operations=(operation,)), major)
    )


def _cost(step: Step, operation: Operation, snapshot: Snapshot) -> Cost:
    if step.work == "instant":
        return _NOTHING
    sizes = _Sizes.of(step, snapshot)
    if sizes is None:
        return _UNKNOWN
    if step.work == "scan":
        return Cost(sizes.heap / READ, 0)
    if step.work == "batches":
        return Cost(2 * sizes.rows * ROW, sizes.heap)
    if step.work == "build":
        built = _index_bytes(operation, snapshot) or sizes.index or round(sizes.rows * 24)
        reads = 2 if step.concurrent else 1
        return Cost(reads * sizes.heap / READ + sizes.rows * SORT + built / WRITE, built)
    indexes = sizes.indexes if isinstance(operation, AlterColumnType) else 0
    return Cost(sizes.heap / READ + (sizes.heap + indexes) / WRITE, sizes.heap + indexes)


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Of the table that a step is about, or of the table of its index: ``index`` are the bytes of that one, ``indexes`` those of all."""

    rows: float
    heap: int
    indexes: int
    index: int = 0

    @staticmethod
    def of(step: Step, snapshot: Snapshot) -> _Sizes | None:
        name = step.relations[0] if step.relations else ""
        found: list[tuple[int, int]] = []
        for index in snapshot.catalog.indexes:
            if quote_identifier(index.schema, index.name) == name:
                row = snapshot.statistics.index_by_oid.get(index.oid)
                found.append((index.table_oid, row.bytes if row else 0))
        for table in snapshot.catalog.tables:
            if quote_identifier(table.schema, table.name) == name or table.oid in {oid for oid, _ in found}:
                leaves = snapshot.catalog.leaves_of(table)
                rows = [size for leaf in leaves if (size := snapshot.statistics.table_by_oid.get(leaf.oid))]
                return _Sizes(
                    sum(row.estimated_rows for row in rows),
                    sum(row.table_bytes for row in rows),
                    sum(row.index_bytes for row in rows),
                    next((size for oid, size in found if oid == table.oid), 0),
                )
        return None


def _index_bytes(operation: Operation, snapshot: Snapshot) -> int | None:
    if not isinstance(operation, CreateIndex):
        return None
    from dbwright.phantom.sizes import index_size

    try:
        return index_size(operation, snapshot.catalog, snapshot.statistics).pages * 8192
    except (KeyError, ValueError):
        return None


def total(found: Iterator[Cost]) -> Cost:
    """All together; what is not known is left out of the sums."""
    all_costs = list(found)
    return Cost(sum(c.seconds or 0.0 for c in all_costs), sum(c.bytes or 0 for c in all_costs))
