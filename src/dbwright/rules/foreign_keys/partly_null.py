"""Rows escape a foreign key of several columns because some of its columns are null and others are not.

## Why it matters

By default (MATCH SIMPLE) a foreign key of several columns is not checked for a row in which any of them is null.
Such a row can name a customer that does not exist, and deleting what it names neither stops nor cascades.

## When to ignore

When a half-filled reference means something in the application. An optional reference beside a NOT NULL tenant column is a good design
and is not reported: only one column can be null there, and null means that there is no reference.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.constraints", "catalog.columns", "statistics.tables", "statistics.columns")
LIMITS = {
    "rows": 100,
    # Null shares are measured on a sample of some 30,000 rows; a smaller difference may be chance.
    "share": 0.01,
}
COVERS = ("fk-composite-nullable",)

_TABLES = """
CREATE TABLE product (maker bigint, model bigint, PRIMARY KEY (maker, model));
INSERT INTO product SELECT g, g FROM generate_series(1, 100) g;
CREATE TABLE sale (id bigint PRIMARY KEY, maker bigint{0}, model bigint, FOREIGN KEY (maker, model) REFERENCES product{1});
INSERT INTO sale SELECT g, {2}, {3} FROM generate_series(1, 1000) g;
ANALYZE sale;
"""
_SOME = "CASE WHEN g % 4 = 0 THEN NULL ELSE g % 100 + 1 END"
_LARGE = {"sale": {"rows": 5e5}}

BAD = (
    Sample(_TABLES.format("", "", "g % 100 + 1", _SOME), statistics=_LARGE),
    Sample(_TABLES.format("", "", "NULL", _SOME), statistics=_LARGE),
)
GOOD = (
    Sample(_TABLES.format(" NOT NULL", "", "g % 100 + 1", _SOME), statistics=_LARGE),
    Sample(_TABLES.format("", "", _SOME, _SOME), statistics=_LARGE),
    Sample(_TABLES.format("", " MATCH FULL", _SOME, _SOME), statistics=_LARGE),
    Sample(_TABLES.format("", "", "g % 100 + 1", "g % 100 + 1"), statistics=_LARGE),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    catalog = snapshot.catalog
    for table in catalog.user_tables:
        for key in catalog.constraints_of(table, "foreign key"):
            if len(key.columns) < 2 or key.match_full:
                continue
            shares = {}
            for name in key.columns:
                column, row = catalog.column(table, name), snapshot.statistics.column(table, name)
                if column and row and not column.not_null:
                    shares[name] = row.null_fraction
            rows = snapshot.rows(table)
            escaped = max(shares.values(), default=0) - min(shares.values(), default=0)
            if len(shares) < 2 or rows < limits["rows"] or escaped < limits["share"]:
                continue
            count = round(escaped * rows)
            target = catalog.table_by_oid.get(key.foreign_table_oid or 0)
            names = ", ".join(quote_identifier(name) for name in shares)
            yield Finding(
                title=f"About {count:,} rows of {table.name} escape the foreign key {key.name}",
                message=f"By the null shares of {', '.join(shares)} at least {escaped:.0%} of about {rows:,} rows (an estimate) fill only "
                f"part of the reference to {target.name if target else 'its table'}; such rows are not checked at all.",
                objects=(object_ref("constraint", table, key.name, key.columns),),
                impact=Impact(count, "rows", 1, 1_000_000, estimated=True),
                evidence={"null_shares": {k: round(v, 4) for k, v in shares.items()}, "rows": rows, "escaped": count},
                confidence="medium",
                next_step=f"Count them: SELECT count(*) FROM {quote_identifier(table.schema, table.name)} WHERE num_nulls({names}) "
                f"NOT IN (0, {len(shares)}); mend them, then make the key MATCH FULL or add CHECK (num_nulls({names}) IN (0, "
                f"{len(shares)})).",
            )
