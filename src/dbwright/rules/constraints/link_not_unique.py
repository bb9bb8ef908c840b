"""A table that links two others allows the same link twice.

## Why it matters

Adding a member, a like or a tag twice (a double click, two requests at once) then stores two rows: counts are too high, joins return
duplicates, and ``get()`` for the pair fails.

## When to ignore

When a pair may have several rows on purpose, one for each period or visit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.catalog import Catalog, Constraint, Table
from dbwright.model.change import Change, CreateIndex, IndexKey
from dbwright.model.columns import is_history, own_tables
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.indexing import free_name, is_usable
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("catalog.columns", "catalog.constraints", "catalog.indexes", "statistics.tables")
LIMITS = {
    "rows": 500,
    # Columns beside the key, the two references and when the row was made: more, and it is a thing of its own.
    "other_columns": 2,
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

_LINK = re.compile(
    r"(^|_)(member|membership|follow|follower|favou?rite|like|bookmark|enrol+ment|vote|upvote|wishlist_?item|block|"
    r"tagging|watcher|assignee|collaborator|participant|attendee|starred|star)s?$"
)
_MOMENT = re.compile(
    r"^(created|updated|modified|added|joined|inserted)(_?(at|on|date|by|by_id))?$|^(date_joined|timestamp)$"
)
_PERIOD = re.compile(
    r"(^|_)(start|started|end|ended|from|until|till|valid|period|month|year|date|day|left|removed|deleted)(_|$)"
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(_found(snapshot, limits), "{} link tables may hold the same link twice")


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    catalog = snapshot.catalog
    for table, rows in own_tables(snapshot, limits["rows"]):
        pair = _pair(catalog, table, limits)
        if pair is None or not catalog.primary_key(table) or is_history(table) or _is_kept(catalog, table, pair):
            continue
        first, second = pair
        index = CreateIndex(
            table.schema,
            table.name,
            free_name(catalog, table, (first, second), "uniq"),
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


def _pair(catalog: Catalog, table: Table, limits: Limits) -> tuple[str, str] | None:
    """The two references of a link table, else None."""
    keys = [key for key in catalog.constraints_of(table, "foreign key") if len(key.columns) == 1]
    required = [key for key in keys if _is_required(catalog, table, key)]
    required = [key for key in required if not _MOMENT.search(key.columns[0].lower())]
    if len(required) != 2 or required[0].columns == required[1].columns or not _is_link(catalog, table, required):
        return None
    primary = catalog.primary_key(table)
    known = {name for key in required for name in key.columns} | set(primary.columns if primary else ())
    others = [
        c.name.lower() for c in catalog.columns_of(table) if c.name not in known and not _MOMENT.search(c.name.lower())
    ]
    if len(others) > limits["other_columns"] or any(_PERIOD.search(name) for name in others):
        return None
    return required[0].columns[0], required[1].columns[0]


def _is_required(catalog: Catalog, table: Table, key: Constraint) -> bool:
    column = catalog.column(table, key.columns[0])
    return column is not None and column.not_null


def _is_link(catalog: Catalog, table: Table, keys: list[Constraint]) -> bool:
    """Its name says so: a word for a link, or the names of both tables."""
    name = table.name.lower()
    if _LINK.search(name):
        return True
    targets = [catalog.table_by_oid.get(key.foreign_table_oid or 0) for key in keys]
    stems = [target.name.lower().rsplit("_", 1)[-1].rstrip("s") for target in targets if target]
    return (
        len(stems) == 2
        and stems[0] != stems[1]
        and name.replace("_", "").endswith(
            tuple(a + suffix + b for a, b in (stems, stems[::-1]) for suffix in ("", "s"))
            + tuple(a + suffix + b + "s" for a, b in (stems, stems[::-1]) for suffix in ("", "s"))
        )
    )


def _is_kept(catalog: Catalog, table: Table, pair: tuple[str, str]) -> bool:
    """Some unique or exclusion index covers the pair, or one side of it is unique by itself."""
    primary = catalog.primary_key(table)
    return bool(primary and set(primary.columns) <= set(pair)) or any(
        (index.is_unique or index.is_exclusion)
        and is_usable(index)
        and (set(pair) <= set(index.keys) or set(index.keys) <= set(pair))
        for index in catalog.indexes_of(table)
    )
