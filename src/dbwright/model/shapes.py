"""A table as its queries meet it: what decides how well each column narrows a search, and the indexes that are there.

With a database the planner's sample tells; without one the code does, as far as it goes: types, references, choices, and what columns
of such a name are in any project. That is less, and rules say so.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from dbwright.model.catalog import Table
from dbwright.model.columns import statistics_of
from dbwright.model.indexing import is_usable
from dbwright.model.snapshot import Snapshot, once
from dbwright.model.source import SourceColumn, SourceTable

FEW_VALUES = 10
"""A column with no more distinct values does not narrow a search by itself."""
WIDE_BYTES = 200
"""Average bytes of a text from which a B-tree of it is large, and may refuse a row (at 2,704 bytes)."""
MANY_REFER = 5
"""A table that so many others refer to (users, organizations, projects) has many rows of each: its key alone narrows little."""
_WEAK_TARGETS = frozenset(("django_content_type", "django_site"))
_TIMES = ("timestamp", "date", "time")
_LONG = frozenset(("text", "varchar", "bytea", "json", "jsonb"))
_NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double", "interval")
_PROSE = re.compile(r"(^|_)(body|comment|content|description|html|markdown|message|note|notes|prompt|summary|text)$")
_FEW = re.compile(
    r"(^|_)(status|state|kind|type|category|mode|level|role|role_name|severity|priority|visibility|privacy|platform|provider|method|scheme|stage"
    r"|phase|lang|language|locale|currency|country|gender|format|tier|action|direction|backend|engine|region|reason)$"
)
"""Names of columns that hold few values, whatever their type says."""
_KEY = re.compile(r"(^|_)(id|number|no|nr|code|key|pk|uid|serial|hash|token|barcode|isbn)$")
"""Names of numbers that say which row, not how much."""
_WHICH = re.compile(
    r"(^|_)(id|email|e?mail_address|username|user_name|login|slug|key|code|token|uuid|guid|uid|number|sku|barcode|isbn|identifier|reference"
    r"|hash|sha\d*|md5|digest|checksum|fingerprint|path|domain|host|hostname|phone|phone_number|ip|ip_address|serial|version)$"
)
"""Names of columns whose value says which row is meant."""
_SET_UP = re.compile(
    r"(locale|language|country|countrie|currency|currencie|time_?zone|role|permission|status|statuse|type|unit|plugin|feature_?flag"
    r"|template|theme|backend|workflow|category|categorie|settings|setting|config|configuration|sites?|organi[sz]ation)s?$"
)
_OF_PEOPLE = re.compile(r"(user|account|member|customer|profile|person|people|tenant|log|history|event)s?_?\w*$")
_EVENT = re.compile(
    r"^(created|inserted|logged|ingested|occurred|received|recorded|added|submitted)(_?(at|on|date|time))?$"
    r"|^(timestamp|event_?(time|date)|date_?(created|added|joined)|create_dt|create_date)$"
)


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What decides how well a column narrows. ``weak``: few values (a flag, a choice, a reference to a table of few rows); ``reference``:
    a foreign key; ``broad``: to a table that many tables refer to, so that one value has many rows; ``quantity``: a number that says how
    much, not which; ``identifies``: its value says which row is meant (a token, an address, a number of elsewhere); ``grows``: its values
    come in the order of time; ``stamped``: and are filled in by themselves, so that rows are events; ``distinct`` counts values where the
    planner's sample tells; ``wide``: texts that no B-tree should hold."""

    type: str
    weak: bool = False
    reference: bool = False
    grows: bool = False
    stamped: bool = False
    not_null: bool = False
    distinct: float | None = None
    wide: bool = False
    broad: bool = False
    quantity: bool = False
    identifies: bool = False


@dataclass(frozen=True, slots=True)
class KnownIndex:
    """An index that is there, in the database or in the code. ``keys`` are column names and expressions as text."""

    name: str
    keys: tuple[str, ...]
    unique: bool = False
    method: str = "btree"
    descending: tuple[bool, ...] = ()
    predicate: str | None = None


@dataclass(frozen=True)
class Shape:
    """A table with what serves its queries. ``rows`` is None when no database tells."""

    name: str
    schema: str | None
    columns: Mapping[str, ColumnFacts]
    indexes: tuple[KnownIndex, ...]
    rows: int | None = None

    def facts(self, key: str) -> ColumnFacts:
        """What is known of a key of an index; of an expression nothing."""
        return self.columns.get(key, _NOTHING_KNOWN)

    @property
    def is_list_of_values(self) -> bool:
        """Units, languages, muscles: it refers to nothing and keeps no moments, or is named so, so that it hardly grows."""
        return self.is_set_up or not any(facts.reference or facts.grows for facts in self.columns.values())

    @property
    def is_set_up(self) -> bool:
        """By its name what those who run the site write once: languages, roles, types, templates, settings that are nobody's own. What
        belongs to users, or to whatever else much refers to, they do not write."""
        by_name = bool(_SET_UP.search(self.name)) and not _OF_PEOPLE.search(self.name)
        return by_name and not any(facts.broad and facts.not_null for facts in self.columns.values())


_NOTHING_KNOWN = ColumnFacts("")


def shape_of_table(snapshot: Snapshot, table: Table) -> Shape:
    """A table of the database with its sizes."""
    catalog, rows = snapshot.catalog, snapshot.rows(table)
    columns: dict[str, ColumnFacts] = {}
    references = {name for key in catalog.constraints_of(table, "foreign key") for name in key.columns}
    for column in catalog.columns_of(table):
        statistics = statistics_of(snapshot, table, column.name)
        distinct = statistics.distinct_values(rows) if statistics else None
        columns[column.name] = ColumnFacts(
            column.type,
            weak=column.base_type == "bool"
            or column.type_kind == "enum"
            or (distinct is not None and 0 < distinct <= FEW_VALUES),
            reference=column.name in references,
            grows=column.type.startswith(_TIMES),
            not_null=column.not_null,
            distinct=distinct or None,
            wide=column.base_type in _LONG and statistics is not None and statistics.average_width > WIDE_BYTES,
        )
    indexes = tuple(
        KnownIndex(i.name, i.keys, i.is_unique, i.access_method, i.descending, i.predicate)
        for i in catalog.indexes_of(table)
        if is_usable(i)
    )
    return Shape(table.name, table.schema, columns, indexes, rows)


def shape_of_source(snapshot: Snapshot, table: SourceTable) -> Shape:
    """A table as the code defines it; its size is not known."""
    broad = _much_referred(snapshot)
    columns = {column.name: _facts(column, broad) for column in table.columns}
    indexes = [
        KnownIndex(i.name or "", i.columns, i.unique, i.method, i.descending, i.condition) for i in table.indexes
    ]
    indexes += [
        KnownIndex(c.name or "", c.columns, unique=True, predicate=c.condition)
        for c in table.constraints
        if c.kind in ("primary key", "unique")
    ]
    indexes += [KnownIndex("", (c.name,), unique=True) for c in table.columns if c.primary_key or c.unique]
    return Shape(table.name, table.schema, columns, tuple(indexes))


def _facts(column: SourceColumn, broad: frozenset[str]) -> ColumnFacts:
    kind, reference = column.type or "", column.references
    grows = kind.startswith(_TIMES)
    filled = column.has_default or bool(column.option("auto_now") or column.option("auto_now_add"))
    return ColumnFacts(
        kind,
        weak=kind == "boolean"
        or column.field_class == "Enum"
        or bool(column.option("choices"))
        or (reference is not None and reference.table in _WEAK_TARGETS)
        or (
            reference is None and not column.unique and kind != "uuid" and not grows and bool(_FEW.search(column.name))
        ),
        reference=reference is not None,
        broad=reference is not None and reference.table in broad,
        quantity=reference is None and kind.startswith(_NUMBERS) and not _KEY.search(column.name),
        identifies=reference is None and (kind == "uuid" or bool(_WHICH.search(column.name))),
        grows=grows,
        stamped=grows and (filled or bool(_EVENT.search(column.name))),
        not_null=column.not_null,
        wide=kind == "text" and bool(_PROSE.search(column.name)),
    )


@once
def _much_referred(snapshot: Snapshot) -> frozenset[str]:
    referring: defaultdict[str, set[str]] = defaultdict(set)
    for table in snapshot.source.tables:
        for column in table.columns:
            if column.references is not None:
                referring[column.references.table].add(table.name)
    return frozenset(name for name, tables in referring.items() if len(tables) >= MANY_REFER)
