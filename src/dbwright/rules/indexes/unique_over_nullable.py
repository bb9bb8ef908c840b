"""A unique index does not hold for rows where one of its columns is NULL.

## Why it matters

To a unique index two NULLs are different values.
`UNIQUE (parent_id, name)` therefore allows any number of equal names where `parent_id` is NULL, and `UNIQUE (email, deleted_at)`
any number of living rows with the same address: just the rows that it was made for.

## When to ignore

When rows without a value may repeat. The rule speaks where a missing value says something: a tree's roots (a table that refers to
itself), rows that are not deleted (``deleted_at``), what holds for all (no tenant, or no event beside the user that the row belongs
to), what a query looks up by the other columns ``AND parent_id IS NULL``.
It is silent on rows that belong to the missing parent alone and on links: there NULL is more likely a column that should be NOT NULL.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from dbwright.model.attribution import Attribution, StatementOrigin
from dbwright.model.catalog import Index, Table
from dbwright.model.change import Change, CreateIndex
from dbwright.model.columns import referencing_columns, statistics_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.index_use import columns_text, index_keys, index_ref, is_plain, own_tables
from dbwright.model.indexing import free_name
from dbwright.model.query import JoinKind, Predicate, Query, QueryColumn, QueryTable
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, once
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.indexes", "catalog.constraints", "statistics.columns", "statistics.tables")
LIMITS = {
    "rows": 100,
    # More references than this: it is how the project models what has no parent, one question without a ready index.
    "references": 3,
}
COVERS = ("unique-index-nullable-column", "soft-delete-not-indexed", "BP-15")
YIELDS_TO = ("indexes/duplicate", "indexes/unique-implied-by-narrower")

_MARKER = re.compile(r"(soft_)?(deleted|removed|archived|cancelled|canceled)(_at|_on|_time|_date)", re.I)
_TIMES = ("timestamp", "timestamptz", "date")
_OWNERS = re.compile(
    r"(^|_)(tenant|organi[sz]ation|org|account|company|workspace|shop|site|team|customer|community)(_id)?$", re.I
)
"""Whom rows belong to, so that a row of nobody's is everybody's."""

_TABLE = """
CREATE TABLE folder (id integer PRIMARY KEY, parent_id integer REFERENCES folder, name text NOT NULL, email text, deleted_at timestamptz);
INSERT INTO folder SELECT n, CASE WHEN n % 4 <> 1 THEN n - 1 END, 'n' || n, CASE WHEN n % 2 = 0 THEN 'e' || n END,
CASE WHEN n % 5 = 0 THEN now() END FROM generate_series(1, 1000) n; ANALYZE folder;
"""

_EVENTS = (
    "CREATE TABLE person (id bigint PRIMARY KEY); CREATE TABLE event (id bigint PRIMARY KEY);"
    "INSERT INTO person SELECT generate_series(1, 1000); INSERT INTO event SELECT generate_series(1, 1000);"
)
_OF_EVENT = (
    "CREATE TABLE setting (id bigint PRIMARY KEY, event_id bigint REFERENCES event, name text NOT NULL, {0} UNIQUE {1});"
    "INSERT INTO setting (id, event_id, name) SELECT n, CASE WHEN n % 4 > 0 THEN n END, 'n' || n FROM generate_series(1, 1000) n;"
    "ANALYZE setting;"
)


def _asked(join: JoinKind, *compared: str) -> Callable[[Snapshot], Snapshot]:
    """The snapshot with a recorded statement that wants settings of no event, by these columns."""
    null = Predicate(QueryColumn("setting", "event_id", "s"), "is null", "")
    equal = (Predicate(QueryColumn("setting", name, "s"), "=") for name in compared)
    query = Query("select", (QueryTable("setting", None, "s", join),), (null, *equal))
    return lambda snapshot: replace(snapshot, attribution=Attribution((StatementOrigin(1, "", query=query),)))


BAD = (
    # Nautobot: thirteen of them are one question.
    Sample(
        _TABLE
        + "ALTER TABLE folder ADD a integer, ADD b integer, ADD c integer; UPDATE folder SET a = id, b = id, c = id;"
        "ALTER TABLE folder ADD UNIQUE (parent_id, name), ADD UNIQUE (parent_id, a), ADD UNIQUE (parent_id, b), ADD UNIQUE (parent_id, c);"
        "ANALYZE folder;"
    ),
    Sample(_TABLE + "ALTER TABLE folder ADD UNIQUE (parent_id, name);"),
    Sample(_TABLE + "CREATE UNIQUE INDEX ON folder (name, deleted_at);"),
    Sample(
        _TABLE
        + "ALTER TABLE folder ADD UNIQUE (parent_id, name); CREATE UNIQUE INDEX ON folder (name) WHERE deleted_at IS NULL;"
    ),
    # pretix: a user's settings for one event, or for all of them.
    Sample(
        _EVENTS + _OF_EVENT.format("user_id bigint NOT NULL DEFAULT 1 REFERENCES person,", "(user_id, event_id, name)")
    ),
    # Prefect: the code looks for tasks of no flow by name before it writes one.
    Sample(
        _EVENTS + _OF_EVENT.format("", "(event_id, name)"),
        edit=_asked("from", "name"),
    ),
    # What belongs to no tenant is everybody's; where it goes with its tenant, that has to be asked.
    Sample((_EVENTS + _OF_EVENT.format("", "(event_id, name)")).replace("event", "tenant")),
    Sample(
        (_EVENTS + _OF_EVENT.format("", "(event_id, name)"))
        .replace("REFERENCES event", "REFERENCES event ON DELETE CASCADE")
        .replace("event", "tenant")
    ),
)
GOOD = (
    # What an outer join missed is no row of the table.
    Sample(_EVENTS + _OF_EVENT.format("", "(event_id, name)"), edit=_asked("left", "name")),
    # Nautobot: a list of the rows without the reference takes none of them for the only one.
    Sample(_EVENTS + _OF_EVENT.format("", "(event_id, name)"), edit=_asked("from")),
    # Superset: a metric of no table, a tag's link without the tag; Prefect: a task of no flow. They belong to what is missing.
    Sample(_EVENTS + _OF_EVENT.format("", "(event_id, name)")),
    Sample(
        _EVENTS
        + _OF_EVENT.format("", "(event_id, name)").replace("REFERENCES event", "REFERENCES event ON DELETE CASCADE")
    ),
    # pretix: the link of a product, a layout and a channel.
    Sample(
        _EVENTS
        + _OF_EVENT.format(
            "user_id bigint NOT NULL DEFAULT 1 REFERENCES person, other_id bigint NOT NULL DEFAULT 1 REFERENCES person,",
            "(event_id, user_id, other_id)",
        )
    ),
    # Nautobot: the approval of some object; its kind owns nothing.
    Sample(
        (
            _EVENTS
            + _OF_EVENT.format("user_id bigint NOT NULL DEFAULT 1 REFERENCES person,", "(user_id, event_id, name)")
        ).replace("person", "django_content_type")
    ),
    # What is left when its event was deleted.
    Sample(
        _EVENTS
        + _OF_EVENT.format("user_id bigint NOT NULL DEFAULT 1 REFERENCES person,", "(user_id, event_id, name)").replace(
            "REFERENCES event", "REFERENCES event ON DELETE SET NULL"
        )
    ),
    # Nautobot: a port belongs to a device type or to a module type, and each has its own unique index.
    Sample(
        _TABLE
        + "ALTER TABLE folder ADD module_id integer REFERENCES folder; ALTER TABLE folder ADD UNIQUE (parent_id, name);"
        "ALTER TABLE folder ADD UNIQUE (module_id, name); ANALYZE folder;"
    ),
    Sample(_TABLE + "ALTER TABLE folder ADD UNIQUE (name, email);"),
    # Airflow: the runs of a backfill, of which many may not have begun yet.
    Sample(
        _TABLE
        + "ALTER TABLE folder ADD owner_id integer NOT NULL DEFAULT 1 REFERENCES folder, ADD UNIQUE (owner_id, parent_id);"
    ),
    Sample(_TABLE + "ALTER TABLE folder ADD UNIQUE (parent_id);"),
    Sample(
        _TABLE
        + "ALTER TABLE folder ADD UNIQUE (parent_id, name); CREATE UNIQUE INDEX ON folder (name) WHERE parent_id IS NULL;"
    ),
    Sample(_TABLE + "ALTER TABLE folder ADD UNIQUE NULLS NOT DISTINCT (parent_id, name);", minimum_major=15),
    Sample(_TABLE + "CREATE UNIQUE INDEX ON folder (COALESCE(parent_id, 0), name);"),
    Sample(
        _TABLE.replace("n % 4 <> 1", "n > 1") + "ALTER TABLE folder ADD UNIQUE (parent_id, name);",
    ),
    Sample(_TABLE + "ALTER TABLE folder ADD UNIQUE (parent_id, name), ADD UNIQUE (name);"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    holes = list(_holes(snapshot, limits))
    references = [hole for hole in holes if not _MARKER.fullmatch(hole.column)]
    together = len(references) > limits["references"]
    single = [_finding(snapshot, hole, limits) for hole in holes if not (together and hole in references)]
    yield from told_once(single, "{} unique indexes let rows repeat where a column is NULL", identity="few")
    if together:
        yield _together(references, limits)


@dataclass(frozen=True, slots=True)
class _Hole:
    """A unique index that says nothing of the rows where one of its columns is NULL. ``asked``: the missing value may say something, or
    may be a mistake."""

    table: Table
    index: Index
    column: str
    rows: int
    asked: bool


def _holes(snapshot: Snapshot, limits: Limits) -> Iterator[_Hole]:
    for table, indexes in own_tables(snapshot):
        unique = [i for i in indexes if i.is_unique]
        for index in unique:
            if (
                len(index.keys) < 2
                or index.nulls_not_distinct
                or index.predicate is not None
                or any(index.is_expression)
            ):
                continue
            holes = [
                (rows, name) for name in index.keys if (rows := _null_rows(snapshot, table, name)) >= limits["rows"]
            ]
            if len(holes) != 1 or any(_closes(other, index, holes[0][1]) for other in unique):
                continue
            rows, name = holes[0]
            if _leaves_one_parent(snapshot, table, index, name):
                continue
            if any(_is_alternative(snapshot, table, other, index, name) for other in unique):
                continue
            meant = _says_something(snapshot, table, index, name)
            if meant is not None:
                yield _Hole(table, index, name, rows, asked=not meant)


def _says_something(snapshot: Snapshot, table: Table, index: Index, hole: str) -> bool | None:
    """Whether NULL is a statement of its own here (the root of a tree, not deleted, for all): True, False when that has to be asked, None
    when nothing says so."""
    key = next(
        (key for key in snapshot.catalog.constraints_of(table, "foreign key") if key.columns == (hole,)),
        None,
    )
    if key is None or key.foreign_table_oid == table.oid:
        return True
    others = {name for name in index.keys if name != hole}
    if any(others <= equal for equal in _looked_up(snapshot).get((table.name, hole), ())):
        return True
    if key.on_delete == "set null":
        return None  # the row outlived its parent
    references = referencing_columns(snapshot, table)
    required = [name for name in others if (column := snapshot.catalog.column(table, name)) and column.not_null]
    named = any(name not in references for name in required)
    owned = any(name in references and not _is_polymorphic(snapshot, table, name) for name in required)
    if named and owned:
        return True  # it belongs to somebody else, for this event or for all
    if named and _OWNERS.search(hole):
        return key.on_delete != "cascade"
    return None


def _is_polymorphic(snapshot: Snapshot, table: Table, name: str) -> bool:
    """A reference to the kind of thing (Django's content types): it owns nothing."""
    keys = (key for key in snapshot.catalog.constraints_of(table, "foreign key") if key.columns == (name,))
    targets = (snapshot.catalog.table_by_oid.get(key.foreign_table_oid or 0) for key in keys)
    return any(target is not None and target.name.endswith("content_type") for target in targets)


@once
def _looked_up(snapshot: Snapshot) -> dict[tuple[str, str], list[set[str]]]:
    """By column (table, name) the columns that queries of the code, or recorded ones, compare for equality while it is NULL. What an outer
    join missed is no row of the table."""
    queries = [query.query for query in snapshot.source.queries]
    queries += [statement.query for statement in snapshot.attribution.statements]
    found: defaultdict[tuple[str, str], list[set[str]]] = defaultdict(list)
    for query in filter(None, queries):
        kept = {table.alias for table in query.tables if table.join in ("from", "inner")}
        narrowing = [p for p in query.predicates if p.narrows and not p.negated and p.column.alias in kept]
        for null in (p.column for p in narrowing if p.operator == "is null"):
            equal = {p.column.column for p in narrowing if p.operator == "=" and p.column.alias == null.alias}
            found[null.table, null.column].append(equal)
    return found


def _together(holes: list[_Hole], limits: Limits) -> Finding:
    """Many at once are how the project models what has no parent: one question, and no index to build before it is answered."""
    holes = sorted(holes, key=lambda hole: (-hole.rows, hole.table.schema, hole.table.name, hole.index.name))
    first = holes[0]
    names = listed(
        (f"{hole.table.name} ({', '.join(hole.index.keys)}) where {hole.column} is NULL" for hole in holes), 3
    )
    return Finding(
        title=f"{len(holes)} unique indexes let rows repeat where a reference is NULL",
        message=f"NULL equals nothing, so they keep no order among rows without the reference: {names}. {first.table.name} has about "
        f"{first.rows:,} such rows.",
        objects=tuple(index_ref(hole.table, hole.index) for hole in holes),
        impact=Impact(first.rows, "rows", limits["rows"], 10_000_000, estimated=True),
        evidence={
            "indexes": [
                {"table": h.table.name, "index": h.index.name, "column": h.column, "rows_with_null": h.rows}
                for h in holes
            ]
        },
        confidence="low",
        next_step="Ask of each whether such rows may repeat. Where they may not, add a unique index on the other columns (and on the "
        "parent that they have instead) WHERE the reference IS NULL, or declare NULLS NOT DISTINCT (PostgreSQL 15).",
        identity="together",
    )


def _null_rows(snapshot: Snapshot, table: Table, name: str) -> int:
    """Estimated rows with NULL in a column where NULL is a statement of its own: no parent, no variant, not deleted."""
    column = snapshot.catalog.column(table, name)
    if column is None or column.not_null:
        return 0
    refers = any(key.columns == (name,) for key in snapshot.catalog.constraints_of(table, "foreign key"))
    if not refers and not (_MARKER.fullmatch(name) and column.base_type in _TIMES):
        return 0
    statistics = statistics_of(snapshot, table, name)
    return int(statistics.null_fraction * snapshot.rows(table)) if statistics else 0


def _closes(other: Index, index: Index, hole: str) -> bool:
    """Whether another unique index makes the other columns unique, everywhere or where this one is NULL."""
    within = set(other.columns) <= {c for c in index.columns if c != hole}
    text = (other.predicate or "").strip("()").replace('"', "")
    return within and (other.predicate is None or text == f"{hole} IS NULL")


def _leaves_one_parent(snapshot: Snapshot, table: Table, index: Index, hole: str) -> bool:
    """Without the optional reference only the parent is left: a parent may have many rows that refer to nothing yet."""
    rest = tuple(name for name in index.keys if name != hole)
    refers = any(key.columns == rest for key in snapshot.catalog.constraints_of(table, "foreign key"))
    return len(rest) == 1 and refers and not _MARKER.fullmatch(hole)


def _is_alternative(snapshot: Snapshot, table: Table, other: Index, index: Index, hole: str) -> bool:
    """The same rule within another parent: a row belongs to one or to the other, and where this one is NULL that index keeps it."""
    rest = {c for c in index.columns if c != hole}
    parent = set(other.columns) - rest
    if not rest <= set(other.columns) or len(parent) != 1 or parent == {hole} or other.predicate is not None:
        return False
    column = snapshot.catalog.column(table, next(iter(parent)) or "")
    return column is not None and not column.not_null


def _finding(snapshot: Snapshot, hole: _Hole, limits: Limits) -> Finding:
    table, index, column, rows = hole.table, hole.index, hole.column, hole.rows
    rest = tuple(c for c in index.keys if c != column)
    others = ", ".join(rest)
    is_marker = bool(_MARKER.fullmatch(column))
    possible = table.kind != "partitioned table" and is_plain(snapshot, table, index) and not hole.asked
    quoted = ", ".join(map(quote_identifier, rest))
    look = (
        f"SELECT {quoted}, count(*) FROM {quote_identifier(table.schema, table.name)} WHERE {quote_identifier(column)} IS NULL "
        f"GROUP BY {quoted} HAVING count(*) > 1"
    )
    ask = (
        f"Ask what a row without {column} is: if it holds for all, keep ({others}) unique among such rows WHERE {column} IS NULL; if it is "
        f"a mistake, mend those rows and SET NOT NULL. "
    )
    return Finding(
        title=f"{table.name}: rows may repeat where {column} is NULL",
        message=f"{index.name} keeps ({columns_text(index)}) unique only where {column} has a value; for about {rows:,} rows without one "
        f"nothing keeps ({others}) from repeating.",
        objects=(index_ref(table, index),),
        impact=Impact(rows, "rows", limits["rows"], 10_000_000, estimated=True),
        evidence={"rows_with_null": rows, "column": column, "definition": index.definition, "look_for_repeats": look},
        confidence="medium" if is_marker else "low",
        change=Change((_index(snapshot, hole, rest),), note=f"It fails if rows repeat already. Look first: {look};")
        if possible
        else None,
        next_step=None if possible else f"{ask if hole.asked else ''}Look for repeated rows: {look};",
    )


def _index(snapshot: Snapshot, hole: _Hole, rest: tuple[str, ...]) -> CreateIndex:
    return CreateIndex(
        hole.table.schema,
        hole.table.name,
        free_name(snapshot.catalog, hole.table, rest, "uniq"),
        tuple(key for key in index_keys(hole.index) if key.column != hole.column),
        unique=True,
        predicate=f"{quote_identifier(hole.column)} IS NULL",
        on_partitioned=hole.table.kind == "partitioned table",
    )
