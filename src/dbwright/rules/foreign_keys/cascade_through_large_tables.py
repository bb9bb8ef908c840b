"""Deleting one row cascades into very many rows of other tables.

## Why it matters

ON DELETE CASCADE runs inside the statement that deletes: all dependent rows are found, locked, deleted and logged in one
transaction that cannot be paused.
With millions of dependent rows that takes minutes to hours, holds locks and back VACUUM all the while, and history that nobody
meant to lose goes with it.

## When to ignore

When rows of the referenced table are never deleted, or only after their dependent rows were removed in batches.
The rule is silent where a table with rows refuses the same DELETE anyway.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dbwright.model.catalog import Constraint, Table
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref, table_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("catalog.constraints", "statistics.tables", "statistics.columns")
LIMITS = {
    "rows_per_delete": 100_000,
    # For the row that has most, by a sample: one slow DELETE now and then is worth telling when it takes minutes.
    "rows_at_most": 5_000_000,
    # Where no row was deleted since the counters began: what only might happen has to be large to be worth telling.
    "rows_never_deleted": 1_000_000,
    "levels": 5,
}
COVERS = ("BP-14",)

_TABLES = """
CREATE TABLE account (id bigint PRIMARY KEY);
INSERT INTO account SELECT g FROM generate_series(1, 20) g;
CREATE TABLE device (id bigint PRIMARY KEY, account_id bigint REFERENCES account {0});
INSERT INTO device SELECT g, g % 20 + 1 FROM generate_series(1, 200) g;
CREATE TABLE reading (id bigint PRIMARY KEY, device_id bigint REFERENCES device {0});
INSERT INTO reading SELECT g, g % 200 + 1 FROM generate_series(1, 4000) g;
ANALYZE;
"""
_INVOICE = "CREATE TABLE invoice (id bigint PRIMARY KEY, account_id bigint REFERENCES account);"
_DELETED = {"account": {"deleted": 3}}

BAD = (
    Sample(_TABLES.format("ON DELETE CASCADE"), statistics=_DELETED | {"reading": {"rows": 1e8}}),
    Sample(_TABLES.format("ON DELETE CASCADE"), statistics={"device": {"rows": 2e8}}),
    # Superset: a link table that was never analyzed has rows, too.
    Sample(
        _TABLES.format("ON DELETE CASCADE").replace("ANALYZE;", "ANALYZE account;"),
        statistics=_DELETED | {"device": {"rows": 2e7}},
    ),
    # One account has most of the devices.
    Sample(
        "CREATE TABLE account (id bigint PRIMARY KEY); INSERT INTO account SELECT generate_series(1, 1000);"
        "CREATE TABLE device (id bigint PRIMARY KEY, account_id bigint REFERENCES account ON DELETE CASCADE);"
        "INSERT INTO device SELECT g, CASE WHEN g <= 180 THEN 7 ELSE g END FROM generate_series(1, 200) g; ANALYZE;",
        statistics={"account": {"deleted": 3}, "device": {"rows": 2e7}},
    ),
    # A table that refuses, and is empty.
    Sample(_TABLES.format("ON DELETE CASCADE") + _INVOICE, statistics=_DELETED | {"reading": {"rows": 1e8}}),
)
GOOD = (
    Sample(_TABLES.format("ON DELETE CASCADE"), statistics=_DELETED),
    Sample(_TABLES.format(""), statistics=_DELETED | {"reading": {"rows": 1e8}}),
    Sample(_TABLES.format("ON DELETE SET NULL"), statistics=_DELETED | {"reading": {"rows": 1e8}}),
    Sample(_TABLES.format("ON DELETE CASCADE"), statistics=_DELETED | {"reading": {"rows": 1e6}}),
    # Prefect: 20 accounts have all the devices, but there are 2,000,000 accounts.
    Sample(
        "CREATE TABLE account (id bigint PRIMARY KEY);"
        "CREATE TABLE device (id bigint PRIMARY KEY, account_id bigint REFERENCES account ON DELETE CASCADE);"
        "INSERT INTO account SELECT generate_series(1, 1000); INSERT INTO device SELECT g, g FROM generate_series(1, 200) g; ANALYZE;",
        statistics={"account": {"rows": 2e9, "deleted": 3}, "device": {"rows": 4e8}},
    ),
    # JupyterHub: each table has another user with most of its rows, and nobody has 1,000,000.
    Sample(
        "CREATE TABLE account (id bigint PRIMARY KEY); INSERT INTO account SELECT generate_series(1, 1000);"
        + "".join(
            f"CREATE TABLE thing_{n} (id bigint PRIMARY KEY, account_id bigint REFERENCES account ON DELETE CASCADE);"
            f"INSERT INTO thing_{n} SELECT g, CASE WHEN g <= 180 THEN {n} ELSE g END FROM generate_series(1, 200) g;"
            for n in range(1, 4)
        )
        + "ANALYZE;",
        statistics={"account": {"deleted": 3}, **{f"thing_{n}": {"rows": 9e5} for n in range(1, 4)}},
    ),
    # Superset: what a user made refuses, so nobody's rows go in one DELETE.
    Sample(
        _TABLES.format("ON DELETE CASCADE") + _INVOICE,
        statistics=_DELETED | {"reading": {"rows": 1e8}, "invoice": {"rows": 400}},
    ),
    # Prefect: documents go with their schema and with its type: the same documents, once.
    Sample(
        _TABLES.format("ON DELETE CASCADE")
        .replace(
            "device_id bigint", "account_id bigint DEFAULT 1 REFERENCES account ON DELETE CASCADE, device_id bigint"
        )
        .replace("INTO reading SELECT g,", "INTO reading SELECT g, g % 20 + 1,"),
        statistics=_DELETED | {"reading": {"rows": 1.2e6}},
    ),
    # Superset: nobody deleted a role in two months.
    Sample(_TABLES.format("ON DELETE CASCADE"), statistics={"device": {"rows": 6e5}}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(
        _found(snapshot, limits),
        "One DELETE may cascade to very many rows in {} tables",
        lambda members: (
            "By the planner's statistics one deleted row takes up to so many others with it, in one transaction: "
            + listed(
                (f"{f.objects[0].label} {max(f.evidence['rows_average'], f.evidence['rows_most']):,}" for f in members),
                4,
            )
            + "."
        ),
    )


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    reach = _Reach(snapshot, int(limits["levels"]))
    for table in snapshot.catalog.user_tables:
        children = {child.oid: child for child, _ in reach.cascades_of(table)}
        if not children or reach.is_refused(table):
            continue
        average, worst = reach.gone(table), reach.worst(table)
        told_below = any(reach.gone(child).rows >= _least(snapshot, child, limits) for child in children.values())
        large = average.rows >= _least(snapshot, table, limits) or worst.rows >= limits["rows_at_most"]
        if large and not told_below:
            yield _finding(snapshot, reach, table, average, worst, limits)


def _least(snapshot: Snapshot, table: Table, limits: Limits) -> float:
    statistics = snapshot.statistics_of(table)
    return limits["rows_per_delete" if statistics and statistics.deleted else "rows_never_deleted"]


_First = Mapping[int, float]
"""Rows that refer to one row by a foreign key, by the key's oid, where more is known of it than the average."""


@dataclass(frozen=True, slots=True)
class _Gone:
    """Rows that go with one row, by the table that they are in."""

    by_table: Mapping[int, float]

    @property
    def rows(self) -> float:
        return sum(self.by_table.values())


class _Reach:
    """How many rows a cascade deletes, from the planner's statistics. What two ways lead to counts once, by the wider of them: both find
    the same rows more often than not."""

    def __init__(self, snapshot: Snapshot, levels: int) -> None:
        self.snapshot, self.levels = snapshot, levels
        self.known: dict[int, _Gone] = {}

    def cascades_of(self, table: Table) -> Iterator[tuple[Table, Constraint]]:
        for key in self.snapshot.catalog.references_to(table):
            child = self.snapshot.catalog.table_by_oid.get(key.table_oid)
            if key.on_delete == "cascade" and child and child.oid != table.oid and not child.is_partition:
                yield child, key

    def is_refused(self, table: Table) -> bool:
        """Whether rows of another table stop the DELETE: those of any busy row. What is checked at the end of the transaction is the
        framework's own cascade."""
        return any(
            key.on_delete in ("restrict", "no action")
            and not key.is_deferred
            and key.table_oid != table.oid
            and (child := self.snapshot.catalog.table_by_oid.get(key.table_oid)) is not None
            and self.snapshot.rows(child) > 0
            for key in self.snapshot.catalog.references_to(table)
        )

    def gone(self, table: Table) -> _Gone:
        """What goes with a row of the table on average. Each table is worked out once."""
        if table.oid not in self.known:
            self.known[table.oid] = self._spread(table, {})
        return self.known[table.oid]

    def worst(self, table: Table) -> _Gone:
        """What goes with the row that has most, by the values that the samples of the children name. What a child's sample does not name is
        taken for the average: the busiest customer of one table need not be that of another."""
        named: defaultdict[str, dict[int, float]] = defaultdict(dict)
        for child, key in self.cascades_of(table):
            column = self.snapshot.statistics.column(child, key.columns[0]) if len(key.columns) == 1 else None
            if column is not None:
                rows, each = self.snapshot.rows(child), self.rows_by(child, key)
                for value, share in zip(column.common_values, column.common_frequencies, strict=False):
                    if rows * share > each:
                        named[value][key.oid] = rows * share
        busiest = sorted(named.values(), key=lambda first: -sum(first.values()))[:_CANDIDATES]
        return max(
            (self._spread(table, first) for first in busiest), key=lambda gone: gone.rows, default=self.gone(table)
        )

    def _spread(self, table: Table, first: _First) -> _Gone:
        most: dict[int, float] = {}
        todo: list[tuple[Table, float, int]] = [(table, 1.0, 1)]
        while todo:
            parent, rows, level = todo.pop()
            for child, key in self.cascades_of(parent):
                each = self.rows_by(child, key)
                fall = first.get(key.oid, each) if level == 1 else rows * each
                fall = min(fall, self.snapshot.rows(child))
                if child.oid != table.oid and fall > most.get(child.oid, 0) * _WIDER:
                    most[child.oid] = fall
                    if level < self.levels:
                        todo.append((child, fall, level + 1))
        return _Gone(most)

    def rows_by(self, child: Table, key: Constraint) -> float:
        """Rows of the child for one referenced row, on average over all of these: most may have no child at all. Of columns that were never
        analyzed only the referenced rows are known."""
        rows = self.snapshot.rows(child)
        known = [row for name in key.columns if (row := self.snapshot.statistics.column(child, name))]
        referenced = self.snapshot.catalog.table_by_oid.get(key.foreign_table_oid or 0)
        among = self.snapshot.rows(referenced) if referenced else 0
        if not known:
            return rows / max(among, 1)
        best = max(known, key=lambda row: row.distinct_values(rows))
        return rows * (1 - best.null_fraction) / max(best.distinct_values(rows), among, 1)


_CANDIDATES = 3
"""Values looked into: those that most rows name directly."""
_WIDER = 1.0001
"""A way is followed again only where it leads to more rows, so that cycles of cascades end."""


def _finding(snapshot: Snapshot, reach: _Reach, table: Table, average: _Gone, worst: _Gone, limits: Limits) -> Finding:
    tables = snapshot.catalog.table_by_oid
    direct = list(reach.cascades_of(table))
    statistics = snapshot.statistics_of(table)
    deletes = statistics.deleted if statistics else 0
    more = worst if worst.rows > 1.2 * average.rows else average
    parts = sorted(
        ((rows, tables[oid]) for oid, rows in more.by_table.items()), key=lambda part: (-part[0], part[1].name)
    )
    mostly = listed((f"{part.name} {rows:,.0f}" for rows, part in parts if rows >= 0.01 * more.rows), 3)
    most = f", and perhaps {more.rows:,.0f} for the row with most" if more is not average else ""
    return Finding(
        title=f"One DELETE on {table.name} may cascade to {more.rows:,.0f} rows",
        message=f"By the planner's statistics a deleted row of {table.name} takes about {average.rows:,.0f} others with it{most} "
        f"({mostly}), in one transaction; {deletes:,} rows of {table.name} were deleted since the counters began.",
        objects=(table_ref(table), *(object_ref("constraint", c, k.name, k.columns) for c, k in direct[:19])),
        impact=Impact(more.rows, "rows", limits["rows_per_delete"], 100_000_000, estimated=True),
        evidence={
            "rows_average": round(average.rows),
            "rows_most": round(more.rows),
            "rows_by_table": {part.name: round(rows) for rows, part in parts[:20]},
            "cascades": {f"{c.name}.{k.name}": round(reach.rows_by(c, k)) for c, k in direct},
            "deletes": deletes,
        },
        confidence="medium" if deletes else "low",
        next_step="Before deleting a row with many, delete the dependent rows in batches of some 10,000, each its own transaction: those "
        f"of {quote_identifier(parts[0][1].schema, parts[0][1].name)} first, then upwards table by table, and the row itself last. Where "
        "rows are history that has to stay, change the action to RESTRICT or SET NULL.",
    )
