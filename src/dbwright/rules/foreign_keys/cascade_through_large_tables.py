"""Deleting one row cascades into very many rows of other tables.

## Why it matters

ON DELETE CASCADE runs inside the statement that deletes: all dependent rows are found, locked, deleted and logged in one
transaction that cannot be paused.
With millions of dependent rows that takes minutes to hours, holds locks and back VACUUM all the while, and history that nobody
meant to lose goes with it.

## When to ignore

When rows of the referenced table are never deleted, or only after their dependent rows were removed in batches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

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
    # For the row that has most: one slow DELETE now and then is worth telling when it takes long.
    "rows_at_most": 1_000_000,
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
_DELETED = {"account": {"deleted": 3}}

BAD = (
    Sample(_TABLES.format("ON DELETE CASCADE"), statistics=_DELETED | {"reading": {"rows": 1e8}}),
    Sample(_TABLES.format("ON DELETE CASCADE"), statistics={"device": {"rows": 2e8}}),
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
        direct = [(child, key, reach.rows_by(child, key)) for child, key in reach.cascades_of(table)]
        if not direct:
            continue
        there_are = reach.rows_in_reach(table)
        average = min(sum(each * (1 + reach.below(child)) for child, _, (each, _) in direct), there_are)
        worst = min(reach.worst(direct, average), there_are)
        told_below = any(reach.below(child) >= _least(snapshot, child, limits) for child, _, _ in direct)
        large = average >= _least(snapshot, table, limits) or worst >= limits["rows_at_most"]
        if not large or told_below:
            continue
        yield _finding(snapshot, table, direct, average, worst, limits)


def _least(snapshot: Snapshot, table: Table, limits: Limits) -> float:
    statistics = snapshot.statistics_of(table)
    return limits["rows_per_delete" if statistics and statistics.deleted else "rows_never_deleted"]


class _Reach:
    """How many rows a cascade deletes, from the planner's statistics. Each table is worked out once."""

    def __init__(self, snapshot: Snapshot, levels: int) -> None:
        self.snapshot, self.levels = snapshot, levels
        self.known: dict[int, float] = {}

    def cascades_of(self, table: Table) -> Iterator[tuple[Table, Constraint]]:
        for key in self.snapshot.catalog.references_to(table):
            child = self.snapshot.catalog.table_by_oid.get(key.table_oid)
            if key.on_delete == "cascade" and child and child.oid != table.oid and not child.is_partition:
                yield child, key

    def rows_in_reach(self, table: Table) -> int:
        """Rows of all tables that a cascade can come to: more than there are cannot go, whatever the products say."""
        seen: dict[int, Table] = {}
        todo = [table]
        while todo:
            for child, _ in self.cascades_of(todo.pop()):
                if child.oid not in seen:
                    seen[child.oid] = child
                    todo.append(child)
        return sum(self.snapshot.rows(child) for child in seen.values())

    def rows_by(self, child: Table, key: Constraint) -> tuple[float, float]:
        """Rows of the child for one referenced row: on average, and for the one that has most."""
        rows = self.snapshot.rows(child)
        known = [row for name in key.columns if (row := self.snapshot.statistics.column(child, name))]
        if not known or not rows:
            return 0.0, 0.0
        best = max(known, key=lambda row: row.distinct_values(rows))
        referenced = self.snapshot.catalog.table_by_oid.get(key.foreign_table_oid or 0)
        # Most referenced rows may have no child at all: the average is over all of them, not over those that have some.
        among = max(best.distinct_values(rows), self.snapshot.rows(referenced) if referenced else 0, 1)
        each = rows * (1 - best.null_fraction) / among
        most = rows * max(best.common_frequencies, default=0.0)
        return each, max(each, most if len(known) == 1 else 0.0)

    def worst(self, direct: list[tuple[Table, Constraint, tuple[float, float]]], average: float) -> float:
        """Rows that go with the referenced row that has most, by the values that the samples of the children name. What a child's
        sample does not name is taken for the average: the busiest customer of one table need not be that of another."""
        more: defaultdict[str, float] = defaultdict(float)
        for child, key, (each, most) in direct:
            column = self.snapshot.statistics.column(child, key.columns[0]) if len(key.columns) == 1 else None
            if column is None or most <= each:
                continue
            rows, weight = self.snapshot.rows(child), 1 + self.below(child)
            for value, share in zip(column.common_values, column.common_frequencies, strict=False):
                more[value] += max(rows * share - each, 0) * weight
        return average + max(more.values(), default=0.0)

    def below(self, table: Table, level: int = 1) -> float:
        """Rows that one deleted row of the table takes with it, on average."""
        if table.oid in self.known:
            return self.known[table.oid]
        if level > self.levels:
            return 0.0
        self.known[table.oid] = 0.0  # a cycle of cascades counts once
        self.known[table.oid] = sum(
            self.rows_by(child, key)[0] * (1 + self.below(child, level + 1)) for child, key in self.cascades_of(table)
        )
        return self.known[table.oid]


def _finding(
    snapshot: Snapshot,
    table: Table,
    direct: list[tuple[Table, Constraint, tuple[float, float]]],
    average: float,
    worst: float,
    limits: Limits,
) -> Finding:
    child, key, _ = max(direct, key=lambda entry: entry[2][1])
    statistics = snapshot.statistics_of(table)
    deletes = statistics.deleted if statistics else 0
    columns = ", ".join(quote_identifier(name) for name in key.columns)
    most = f", and perhaps {worst:,.0f} for the row with most" if worst > 1.2 * average else ""
    return Finding(
        title=f"One DELETE on {table.name} may cascade to {max(average, worst):,.0f} rows",
        message=f"By the planner's statistics a deleted row of {table.name} takes about {average:,.0f} others with it{most}, in one "
        f"transaction; {deletes:,} rows of {table.name} were deleted since the counters began.",
        objects=(table_ref(table), *(object_ref("constraint", c, k.name, k.columns) for c, k, _ in direct[:19])),
        impact=Impact(max(average, worst), "rows", limits["rows_per_delete"], 100_000_000, estimated=True),
        evidence={
            "rows_average": round(average),
            "rows_most": round(worst),
            "cascades": {f"{c.name}.{k.name}": round(each) for c, k, (each, _) in direct},
            "deletes": deletes,
        },
        confidence="medium" if deletes else "low",
        next_step=f"Delete the dependent rows first, in batches of some 10,000, each its own transaction (DELETE FROM "
        f"{quote_identifier(child.schema, child.name)} WHERE ctid IN (SELECT ctid FROM ... WHERE {columns} = $1 LIMIT 10000)), and the row "
        "itself last; where the rows are history that has to stay, change the action to RESTRICT or SET NULL.",
    )
