"""A table keeps attributes as rows of name and value instead of columns.

## Why it matters

Reading one thing back takes a join or a subquery for each attribute, every value is text whatever it means, no CHECK, NOT NULL or
foreign key can hold for one attribute, and the planner cannot know how often "colour = red" is true.

## When to ignore

When attributes are truly made by users at run time; a jsonb column on the entity is then usually shorter and faster.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.catalog import Column, Table
from dbwright.model.columns import own_tables, referencing_columns, statistics_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.columns", "catalog.constraints", "statistics.tables")
ENGINES = ("postgresql", "sqlite")
LIMITS = {"rows": 50_000, "columns": 7, "names": 500}
COVERS = ("entity-attribute-value",)

_TABLES = (
    "CREATE TABLE product (id bigint PRIMARY KEY);"
    "CREATE TABLE product_attribute (id bigint PRIMARY KEY, product_id bigint REFERENCES product, "
    "name text, value text);"
)
_LARGE = {"product_attribute": {"rows": 5e6}, "product_translation": {"rows": 5e6}, "reading": {"rows": 5e6}}

_ROWS = (
    "INSERT INTO product SELECT generate_series(1, 100);"
    "INSERT INTO product_attribute SELECT n, n % 100 + 1, 'name ' || n % 20, 'x' FROM generate_series(1, 2000) n; ANALYZE;"
)
BAD = (Sample(_TABLES + _ROWS, statistics=_LARGE), Sample(_TABLES, statistics=_LARGE, engine="sqlite"))
GOOD = (
    Sample(_TABLES + _ROWS, statistics={"product_attribute": {"rows": 900}}),
    Sample(_TABLES, statistics={"product_attribute": {"rows": 900}}, engine="sqlite"),
    Sample((_TABLES + _ROWS).replace("product_attribute", "product_translation"), statistics=_LARGE),
    # Measurements of one kind.
    Sample(
        _TABLES.replace("product_attribute", "reading").replace("value text", "value float8, at timestamptz"),
        statistics=_LARGE,
    ),
    # pretix: the properties are rows of their own, which organizers define.
    Sample(
        "CREATE TABLE property (id bigint PRIMARY KEY);"
        + _TABLES.replace("name text", "property_id bigint REFERENCES property"),
        statistics=_LARGE,
    ),
    # MLflow: what users note down about a trace, in words of their own.
    Sample(
        (_TABLES + _ROWS).replace("product_attribute", "product_metadata"),
        statistics={"product_metadata": {"rows": 6e5}},
    ),
    # Buildbot: nothing is known of the names.
    Sample(_TABLES, statistics=_LARGE),
    # Settings of nobody in particular.
    Sample(_TABLES.replace("product_id bigint REFERENCES product, ", ""), statistics=_LARGE),
)

_NAME = re.compile(r"^(attribute|attr|key|name|property|field|meta_key|param|parameter)(_(name|key|id|code))?$")
_VALUE = re.compile(
    r"^(value|val|meta_value|attribute_value|attr_value|value_(text|string|int|number|date|bool)|(text|string)_value)$"
)
_OTHER = re.compile(
    r"translation|setting|preference|config|locali[sz]|i18n|cache|tag|label|header|metric|choice|option|metadata"
)
_TEXT = frozenset({"text", "varchar", "jsonb", "json"})


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(_found(snapshot, limits), "{} tables keep attributes as rows")


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, rows in own_tables(snapshot, limits["rows"]):
        columns = snapshot.catalog.columns_of(table)
        if len(columns) > limits["columns"] or _OTHER.search(table.name.lower()):
            continue
        names = [column for column in columns if _NAME.search(column.name.lower())]
        values = [column for column in columns if _VALUE.search(column.name.lower())]
        references = referencing_columns(snapshot, table)
        if any(column.name in references for column in names):
            continue  # attributes that users define, in a table of their own, cannot be columns
        entities = references - {column.name for column in names}
        if len(names) == 1 and values and entities and any(v.base_type in _TEXT for v in values):
            distinct = _distinct(snapshot, table, names[0], rows)
            if distinct is None and snapshot.target.engine == "postgresql":
                continue  # never analyzed: nothing is known of the names
            if distinct is None or 1 < distinct <= limits["names"]:
                yield _finding(snapshot, table, rows, names[0], values[0], sorted(entities)[0], distinct, limits)


def _distinct(snapshot: Snapshot, table: Table, column: Column, rows: int) -> int | None:
    statistics = statistics_of(snapshot, table, column.name)
    return int(statistics.distinct_values(rows)) if statistics else None


def _finding(
    snapshot: Snapshot,
    table: Table,
    rows: int,
    name: Column,
    value: Column,
    entity: str,
    distinct: int | None,
    limits: Limits,
) -> Finding:
    count = f"an estimated {distinct:,} different attributes" if distinct else "attributes"
    return Finding(
        title=f"{table.name} keeps attributes as rows of {name.name} and {value.name}"[:79],
        message=f"About {rows:,} rows hold {count} as {value.type} by {entity}: each attribute that a query "
        "reads or filters by costs another "
        "join with this table, and none of them can have a rule of its own.",
        objects=(table_ref(table),),
        impact=Impact(rows, "rows", limits["rows"], 1e10, estimated=True),
        evidence={"rows": rows, "entity": entity, "name": name.name, "value": value.name, "distinct_names": distinct},
        confidence="low",
        next_step="Make columns of the attributes that most entities have; put the rest into one JSON column of "
        f"the table that {entity} refers to"
        + (
            " (jsonb_object_agg fills it), with a GIN index where it is searched."
            if snapshot.target.engine == "postgresql"
            else "."
        ),
    )
