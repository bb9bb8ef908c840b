"""The same reference is a number in one table and text in another.

## Why it matters

Comparing the two fails, or needs a cast that keeps the index on one side from being used; no foreign key can be declared, so nothing
stops references to rows that are not there.

## When to ignore

When the column of the same name means something else: another system's id.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from dbwright.model.catalog import Column, Table
from dbwright.model.columns import NUMBERS, TEXTS, own_tables, referencing_columns, share_matching, statistics_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("catalog.columns", "catalog.constraints", "statistics.tables")
LIMITS = {"rows": 1_000}
COVERS = ("same-name-different-type",)

_TABLES = (
    "CREATE TABLE person (id bigint PRIMARY KEY);"
    "CREATE TABLE orders (id bigint PRIMARY KEY, person_id bigint REFERENCES person);"
    "CREATE TABLE visit (id bigint PRIMARY KEY, person_id {});"
)
_LARGE = {"visit": {"rows": 2_000_000}, "orders": {"rows": 50_000}}

BAD = (
    Sample(_TABLES.format("uuid"), statistics=_LARGE),
    Sample(
        _TABLES.format("text") + "INSERT INTO visit SELECT n, n::text FROM generate_series(1, 500) n; ANALYZE visit;",
        statistics=_LARGE,
    ),
    Sample(_TABLES.format("text"), statistics=_LARGE, engine="sqlite"),
)
GOOD = (
    Sample(_TABLES.format("text"), statistics={"visit": {"rows": 30}}),
    Sample(_TABLES.format("int"), statistics=_LARGE),
    # Nothing says that either refers to a table.
    Sample(_TABLES.format("text").replace(" REFERENCES person", ""), statistics=_LARGE),
    # Nautobot: vpn_vpn.vpn_id is the name that a VPN has outside.
    Sample(
        _TABLES.format("text").replace("CREATE TABLE visit", "CREATE TABLE app_person"),
        statistics={"app_person": {"rows": 2e6}},
    ),
    # Never analyzed.
    Sample(_TABLES.format("text"), statistics=_LARGE),
    # Airflow, Pulp: who signed in elsewhere, in words.
    Sample(
        _TABLES.format("text")
        + "INSERT INTO visit SELECT n, 'user-' || n FROM generate_series(1, 500) n; ANALYZE visit;",
        statistics=_LARGE,
    ),
    # Indico: what rows were called before they were moved.
    Sample(
        _TABLES.format("text").replace("visit", "legacy_visit_id_map"),
        statistics={"legacy_visit_id_map": {"rows": 2e6}},
    ),
    # Another system's identifiers.
    Sample(_TABLES.format("text").replace("person_id", "external_id"), statistics=_LARGE),
    Sample(_TABLES.format("int"), statistics=_LARGE, engine="sqlite"),
)

_FOREIGN = re.compile(
    r"external|remote|foreign|object_id|session|message|request|trace|client_id|transaction|device|"
    r"token|version|source|target|content|parent"
)

_ELSEWHERE = re.compile(r"legacy|(^|_)(id_)?(map|mapping)$|external|foreign|mirror|sync")
"""Tables that hold the identifiers of another system, or those of before a migration."""


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(_found(snapshot, limits), "{} columns have another type than the keys of their name")


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    references: defaultdict[tuple[str, str], list[tuple[Table, Column]]] = defaultdict(list)
    loose: defaultdict[tuple[str, str], list[tuple[int, Table, Column]]] = defaultdict(list)
    for table, rows in own_tables(snapshot, 0):
        if _ELSEWHERE.search(table.name.lower()):
            continue
        keys = referencing_columns(snapshot, table)
        primary = snapshot.catalog.primary_key(table)
        for column in snapshot.catalog.columns_of(table):
            if not column.name.endswith("_id") or _FOREIGN.search(column.name):
                continue
            if column.name in keys:
                references[table.schema, column.name].append((table, column))
            elif table.name.endswith(column.name.removesuffix("_id")):
                continue  # what the table itself calls its rows by (the id of a VPN) refers to nothing
            elif rows >= limits["rows"] and not (primary and column.name in primary.columns):
                loose[table.schema, column.name].append((rows, table, column))
    for (schema, name), entries in sorted(loose.items()):
        declared = references.get((schema, name), [])
        families = {_family(column) for _, column in declared}
        if len(families) == 1 and None not in families:
            odd = [
                entry
                for entry in entries
                if _family(entry[2]) not in (*families, None) and _may_hold(snapshot, *entry[1:], *families)
            ]
            if odd:
                yield _finding(name, declared, odd, limits)


_LIKE: dict[str | None, re.Pattern[str]] = {
    "number": re.compile(r"-?\d+"),
    "uuid": re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.I),
}


def _may_hold(snapshot: Snapshot, table: Table, column: Column, family: str | None) -> bool:
    """Whether texts in it can be keys of the other type, by the planner's sample; SQLite has none, and nothing speaks against it there."""
    pattern = _LIKE.get(family)
    if pattern is None or _family(column) != "text":
        return True
    statistics = statistics_of(snapshot, table, column.name)
    values = statistics.common_values + statistics.histogram if statistics else ()
    return share_matching(values, pattern) == 1 if values else snapshot.target.engine == "sqlite"


def _family(column: Column) -> str | None:
    """Types that can be compared with each other; None for what is no identifier."""
    if column.base_type in NUMBERS:
        return "number"
    if column.base_type in TEXTS:
        return "text"
    return "uuid" if column.base_type == "uuid" else None


def _finding(
    name: str, declared: list[tuple[Table, Column]], odd: list[tuple[int, Table, Column]], limits: Limits
) -> Finding:
    odd = sorted(odd, key=lambda entry: (-entry[0], entry[1].name))
    rows, table, column = odd[0]
    reference, model = declared[0]
    where = listed((f"{t.name} ({c.type})" for _, t, c in odd), 3)
    return Finding(
        title=f"{name} is {column.type} in {table.name} but {model.type} in {reference.name}"[:79],
        message=f"{name} is a foreign key of type {model.type} in {listed((t.name for t, _ in declared), 3)}, "
        f"yet another type in {where}: "
        f"about {rows:,} rows cannot be joined without a cast, and nothing checks that what they point at exists.",
        objects=tuple(object_ref("column", t, c.name) for _, t, c in odd),
        impact=Impact(rows, "rows", limits["rows"], 1e9, estimated=True),
        evidence={
            "foreign_keys": {t.name: c.type for t, c in declared[:20]},
            "of_another_type": {t.name: c.type for _, t, c in odd[:20]},
            "rows": rows,
        },
        confidence="low",
        next_step=f"If {table.name}.{name} means the same, change it to {model.type} and add the foreign key; if "
        "not, give it another name.",
    )
