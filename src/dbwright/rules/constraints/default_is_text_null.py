"""A text column's default is the word NULL (or None, or undefined) instead of no value.

## Why it matters

``DEFAULT 'NULL'`` stores four letters.
``IS NULL`` never finds such a row, users see the word on the page, and the code that wrote the quotes believes the column to be empty.

## When to ignore

When the word is a real value of the list that the column holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.catalog import Column
from dbwright.model.change import Change, SetDefault
from dbwright.model.columns import TEXTS, statistics_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("catalog.columns",)
LIMITS = {"rows": 1}
COVERS = ("default-literal-null-string",)

_TABLE = "CREATE TABLE store (id bigint PRIMARY KEY, subtitle varchar(100) DEFAULT {});"

BAD = (
    Sample(_TABLE.format("'NULL'")),
    Sample(_TABLE.format("'NULL'"), engine="sqlite"),
    Sample(_TABLE.format("'None'"), statistics={"store": {"rows": 50_000}}),
)
GOOD = (
    Sample(_TABLE.format("NULL")),
    Sample(_TABLE.format("NULL"), engine="sqlite"),
    Sample(_TABLE.format("''")),
    # A word of a list.
    Sample(_TABLE.format("'none'")),
    Sample(_TABLE.replace("DEFAULT {}", "NOT NULL DEFAULT 'None'")),
    # JSON's own null.
    Sample("CREATE TABLE store (id bigint PRIMARY KEY, data jsonb DEFAULT 'null');"),
)

_DEFAULT = re.compile(r"'(?P<word>NULL|null|None|undefined)'(::[\w ]+(\(\d+\))?)?")


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    catalog = snapshot.catalog
    for table in catalog.user_tables:
        for column in catalog.columns_of(table):
            word = _word(column)
            if word is None:
                continue
            rows = snapshot.rows(table)
            statistics = statistics_of(snapshot, table, column.name)
            pairs = zip(statistics.common_values, statistics.common_frequencies, strict=False) if statistics else ()
            share = next((frequency for value, frequency in pairs if value == word), 0.0)
            held = f" About {share:.0%} of about {rows:,} rows hold it." if share else ""
            yield Finding(
                title=f"{table.name}.{column.name} defaults to the text '{word}'",
                message=f"Rows inserted without {column.name} get the {len(word)} letters {word}, which IS NULL does not "
                ""
                f"find.{held}",
                objects=(object_ref("column", table, column.name),),
                impact=Impact(max(rows * share, 1), "rows", limits["rows"], 1e7, estimated=True),
                evidence={"default": column.default, "rows": rows, "share_holding_it": round(share, 4)},
                confidence="medium" if word == "None" else "high",
                change=Change(
                    (SetDefault(table.schema, table.name, column.name, column.default, None),),
                    note="Turn the word into NULL in old rows afterwards."
                    + (" The column is NOT NULL: inserts must then give a value." if column.not_null else ""),
                ),
            )


def _word(column: Column) -> str | None:
    match = _DEFAULT.fullmatch(column.default or "") if column.base_type in TEXTS else None
    if match is None or (match["word"] == "None" and column.not_null):
        return None
    return match["word"]
