"""Two views of a schema compared: tables, columns, indexes and constraints that only one has, or that both have differently."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from dbwright.model.migrations import Drift
from dbwright.model.source_table import Place, SourceColumn, SourceTable

View = Literal["models", "migrations", "database"]
_SAME_TYPE = {
    "character varying": "varchar",
    "timestamp": "timestamp without time zone",
    "datetime": "timestamp without time zone",
    "time": "time without time zone",
    "timestamptz": "timestamp with time zone",
    "float": "double precision",
    "float8": "double precision",
    "int": "integer",
    "int4": "integer",
    "int8": "bigint",
    "int2": "smallint",
    "serial": "integer",
    "bigserial": "bigint",
    "smallserial": "smallint",
    "bool": "boolean",
    "decimal": "numeric",
    "character": "char",
    "bpchar": "char",
}


def differences(left: Iterable[SourceTable], right: Iterable[SourceTable], have: View, lack: View) -> Iterator[Drift]:
    """What ``left`` has and ``right`` has not, what only ``right`` has, and what differs. Where a type or an expression is not known on a
    side, it is taken to be equal."""
    here = {(table.schema, table.name): table for table in left}
    there = {(table.schema, table.name): table for table in right}
    for key, table in here.items():
        other = there.get(key)
        if other is None:
            yield _one(have, lack, "table", table, table.name, f"{table.name} is in the {have} only", table.place)
        else:
            yield from _columns(table, other, have, lack)
            yield from _indexes(table, other, have, lack)
    for key, table in there.items():
        if key not in here:
            yield _one(lack, have, "table", table, table.name, f"{table.name} is in the {lack} only", table.place)


def _one(
    have: View,
    lack: View,
    kind: Literal["table", "column", "index", "constraint"],
    table: SourceTable,
    name: str | None,
    detail: str,
    place: Place,
    columns: tuple[str, ...] = (),
    differs: bool = False,
) -> Drift:
    return Drift(have, lack, kind, table.name, name, detail, place, columns=columns, differs=differs)


def _place(table: SourceTable, column: SourceColumn | None) -> Place:
    if column is not None and column.file and column.line:
        return Place(column.file, column.line, table.place.function)
    return table.place


def _columns(table: SourceTable, other: SourceTable, have: View, lack: View) -> Iterator[Drift]:
    there = {column.name: column for column in other.columns}
    for column in table.columns:
        found = there.pop(column.name, None)
        place = _place(table, column)
        if found is None:
            detail = f"column {table.name}.{column.name} is in the {have} only"
            yield _one(have, lack, "column", table, column.name, detail, place)
            continue
        changed = list(_changes(column, found))
        if changed:
            detail = "; ".join(f"{what}: {one} in the {have}, {two} in the {lack}" for what, one, two in changed)
            detail = f"{table.name}.{column.name}: {detail}"
            yield _one(have, lack, "column", table, column.name, detail, place, differs=True)
    for name, column in there.items():
        detail = f"column {table.name}.{name} is in the {lack} only"
        yield _one(
            lack, have, "column", table, name, detail, _place(other, column) if other.place.line else table.place
        )


def _changes(column: SourceColumn, other: SourceColumn) -> Iterator[tuple[str, str, str]]:
    if _differ(column.type, other.type):
        yield "type", str(column.type), str(other.type)
    if column.not_null != other.not_null:
        yield "NULL", "no" if column.not_null else "yes", "no" if other.not_null else "yes"


_BUILT_IN = frozenset(
    (
        *"smallint integer bigint numeric real boolean varchar char text bytea date interval uuid json jsonb inet cidr macaddr xml".split(),
        *(
            "double precision",
            "timestamp without time zone",
            "timestamp with time zone",
            "time without time zone",
            "time with time zone",
        ),
    )
)


def _differ(one: str | None, other: str | None) -> bool:
    """Two types that are not the same. How a type of the project's own is called on either side says nothing."""
    names = [type_name(text) for text in (one, other) if text]
    return len(set(names)) == 2 and all(re.sub(r"\(.*?\)|\[\]", "", name) in _BUILT_IN for name in names)


def _indexes(table: SourceTable, other: SourceTable, have: View, lack: View) -> Iterator[Drift]:
    """Indexes and unique constraints, compared by what they cover: a name may be the server's."""
    here, there = dict(_covers(table)), dict(_covers(other))
    for views, one, two in (((have, lack), here, there), ((lack, have), there, here)):
        names = {name for _, name, _, _ in two.values() if name}
        for cover, (kind, name, columns, words) in one.items():
            if cover not in two and name not in names:
                detail = f"{words} is in the {views[0]} only"
                yield _one(views[0], views[1], kind, table, name, detail, table.place, columns)


Cover = tuple[Literal["index", "constraint"], str | None, tuple[str, ...], str]
"""An index or a constraint: what it is, its name, its columns, and all of that in words."""


def _covers(table: SourceTable) -> Iterator[tuple[tuple[object, ...], Cover]]:
    for index in table.indexes:
        if any(index.is_expression) or index.condition is not None:
            cover: tuple[object, ...] = ("index by name", index.name, index.unique)
        else:
            classes = index.opclasses if any(index.opclasses) else ()
            cover = ("index", index.columns, index.unique, index.method, classes, index.include)
        unique = "unique index" if index.unique else "index"
        words = f"{unique} {index.name or ''} on {table.name} ({', '.join(index.columns)})".replace("  ", " ")
        yield cover, ("index", index.name, index.columns, words)
    for constraint in table.constraints:
        if constraint.kind == "unique":
            cover = ("unique", constraint.columns)
        elif constraint.kind == "foreign key":
            cover = ("foreign key", constraint.columns)
        elif constraint.kind == "check" and constraint.name and constraint.condition:
            cover = ("check", re.sub(r"[\s()\"]|::[a-z ]+", "", constraint.condition.lower()))
        elif constraint.kind in ("check", "exclusion") and constraint.name:
            cover = (constraint.kind, constraint.name)
        else:
            continue
        words = f"{constraint.kind} constraint on {table.name} ({', '.join(constraint.columns) or constraint.name})"
        yield cover, ("constraint", constraint.name, constraint.columns, words)


def type_name(text: str) -> str:
    """One spelling for a type."""
    text = re.sub(r"\s*([(),\[\]])\s*", r"\1", " ".join(text.lower().replace('"', "").split()))
    match = re.fullmatch(r"([a-z_0-9 .]+?)(\(.*?\))?( with(?:out)? time zone)?((?:\[\])*)", text)
    if match is None:
        return text
    name, length, zone, arrays = (part or "" for part in match.groups())
    if name in ("float", "int", "integer", "smallint", "bigint", "text") and length:
        length = ""  # a precision that PostgreSQL has not, or that makes no difference
    return _SAME_TYPE.get(name + zone, name + zone) + length + arrays
