"""A table that links two others allows the same link twice.

## Why it matters

Adding a member, a like or a tag twice (a double click, two requests at once) then stores two rows: counts are too high, joins return
duplicates, and ``get()`` for the pair fails.

## When to ignore

When a pair may have several rows on purpose, one for each period or visit.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, CreateIndex, IndexKey
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.indexing import free_name
from dbwright.model.links import OTHER_COLUMNS, repeatable_links
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("catalog.columns", "catalog.constraints", "catalog.indexes", "statistics.tables")
LIMITS = {
    "rows": 500,
    "other_columns": OTHER_COLUMNS,
}
COVERS = ("unique-rule-without-index",)

_TABLES = (
    "CREATE TABLE person (id bigint PRIMARY KEY); CREATE TABLE project (id bigint PRIMARY KEY);"
    "CREATE TABLE membership (id bigint PRIMARY KEY, person_id bigint NOT NULL REFERENCES person,"
    " project_id bigint NOT NULL REFERENCES project, role text, created_at timestamptz);"
)
_LARGE = {"membership": {"rows": 80_000}, "visit": {"rows": 80_000}}

BAD = (
    Sample(_TABLES, statistics=_LARGE),
    Sample(_TABLES + "CREATE INDEX ON membership (person_id, project_id);", statistics=_LARGE),
    Sample(_TABLES.replace("membership", "person_project"), statistics={"person_project": {"rows": 80_000}}),
    Sample(_TABLES, statistics=_LARGE, engine="sqlite"),
)
GOOD = (
    Sample(_TABLES),
    Sample(_TABLES + "CREATE UNIQUE INDEX ON membership (project_id, person_id);", statistics=_LARGE),
    # One row for each pair and role, or one active row for each pair.
    Sample(_TABLES + "CREATE UNIQUE INDEX ON membership (person_id, project_id, role);", statistics=_LARGE),
    Sample(
        _TABLES + "CREATE UNIQUE INDEX ON membership (person_id, project_id) WHERE role IS NULL;", statistics=_LARGE
    ),
    # Buildbot: a table without a key is the greater defect, and its key is the pair.
    Sample(_TABLES.replace("(id bigint PRIMARY KEY, person_id", "(person_id"), statistics=_LARGE),
    # Visits repeat.
    Sample(_TABLES.replace("membership", "visit"), statistics=_LARGE),
    # Periods of membership may follow one another.
    Sample(_TABLES.replace("role text", "started_on date, ended_on date"), statistics=_LARGE),
    Sample(
        _TABLES + "CREATE UNIQUE INDEX pair ON membership (project_id, person_id);", statistics=_LARGE, engine="sqlite"
    ),
    # One row for each person.
    Sample(
        _TABLES.replace("id bigint PRIMARY KEY, person_id bigint NOT NULL", "person_id INTEGER PRIMARY KEY"),
        statistics=_LARGE,
        engine="sqlite",
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(_found(snapshot, limits), "{} link tables may hold the same link twice")


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, rows, (first, second) in repeatable_links(snapshot, limits["rows"], limits["other_columns"]):
        index = CreateIndex(
            table.schema,
            table.name,
            free_name(snapshot.catalog, table, (first, second), "uniq"),
            (IndexKey(first), IndexKey(second)),
            unique=True,
            on_partitioned=table.kind == "partitioned table",
        )
        step = (
            f"Count pairs of {first} and {second} in {table.name} that occur more than once, keep one row of "
            "each, then build a unique "
            "index on both and declare it in the model."
        )
        buildable = table.kind == "table"
        yield Finding(
            title=f"{table.name} may link the same {first} and {second} twice"[:79],
            message=f"The table links two others by {first} and {second} and has about {rows:,} rows, but no unique "
            "index on the pair "
            "stops the same link from being written twice.",
            objects=(table_ref(table),),
            impact=Impact(rows, "rows", limits["rows"], 1e8, estimated=True),
            evidence={"rows": rows, "pair": [first, second]},
            confidence="medium",
            change=Change((index,), note=step + " The build fails when there are duplicates.") if buildable else None,
            next_step=None if buildable else step,
        )
