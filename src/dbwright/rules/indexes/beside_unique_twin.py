"""A plain index stands beside a unique index on the same columns.

## Why it matters

The unique index (or the primary key) answers every query that the plain one answers, so the plain one only costs: it is written at every
INSERT and takes room in memory.
It comes from `db_index=True` or `index=True` on a column that is unique or the primary key already.

## When to ignore

Never, as long as both indexes have the same operator class; indexes for LIKE (`varchar_pattern_ops`) are not meant and not reported.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Index, Table
from dbwright.model.change import Change
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.index_use import (
    columns_text,
    drop,
    holds_payload,
    index_ref,
    is_free,
    keep_rank,
    leads,
    own_tables,
    size_of,
)
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

ENGINES = ("postgresql", "sqlite")
RISK: Risk = "waste"
NEEDS = ("catalog.indexes", "catalog.constraints", "statistics.indexes")
LIMITS = {
    "bytes": 1024**2,
}
COVERS = ("unique-and-nonunique-twin", "duplicate-index", "BP-03", "AB-17")

_TABLE = "CREATE TABLE account (id bigint PRIMARY KEY, email varchar(200) UNIQUE, tenant_id bigint, slug text);"
_LARGE = {name: {"bytes": 300 * 1024**2} for name in ("plain", "other")}

BAD = (
    Sample(_TABLE + "CREATE INDEX plain ON account (id);", statistics=_LARGE),
    Sample(_TABLE + "CREATE INDEX plain ON account (email DESC);", statistics=_LARGE),
    Sample(
        _TABLE
        + "CREATE UNIQUE INDEX ON account (tenant_id, slug) INCLUDE (email); CREATE INDEX plain ON account (tenant_id, slug);",
        statistics=_LARGE,
    ),
    Sample(
        _TABLE + "CREATE UNIQUE INDEX ON account (slug) WHERE tenant_id IS NULL;"
        "CREATE INDEX plain ON account (slug) WHERE tenant_id IS NULL;",
        statistics=_LARGE,
    ),
    Sample(_TABLE + "CREATE INDEX plain ON account (email);", statistics=_LARGE, engine="sqlite"),
    # Label Studio: each one-to-one reference of six tables is indexed twice. One message.
    Sample(
        "".join(
            _TABLE.replace("account", f"account_{n}") + f"CREATE INDEX plain_{n} ON account_{n} (email);"
            for n in range(4)
        ),
        statistics={f"plain_{n}": {"bytes": 8e6} for n in range(4)},
    ),
)
GOOD = (
    Sample(_TABLE + "CREATE INDEX plain ON account (id);"),
    Sample(_TABLE + "CREATE INDEX plain ON account (email varchar_pattern_ops);", statistics=_LARGE),
    Sample(
        _TABLE + "CREATE UNIQUE INDEX ON account (slug) WHERE tenant_id IS NULL; CREATE INDEX plain ON account (slug);",
        statistics=_LARGE,
    ),
    Sample(_TABLE + "CREATE INDEX plain ON account (id) INCLUDE (email);", statistics=_LARGE),
    Sample(
        _TABLE + "CREATE UNIQUE INDEX ON account (tenant_id, slug); CREATE INDEX plain ON account (slug, tenant_id);",
        statistics=_LARGE,
    ),
    Sample(_TABLE + "CREATE INDEX plain ON account (email COLLATE NOCASE);", statistics=_LARGE, engine="sqlite"),
)


_Found = tuple[Table, Index, Index, int]


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = list(_found(snapshot, limits))
    if len(found) > 1:  # one habit
        yield _together(found, limits)
    else:
        for table, index, twin, size in found:
            yield _finding(table, index, twin, size, limits)


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[_Found]:
    for table, indexes in own_tables(snapshot):
        unique = sorted((i for i in indexes if i.is_unique), key=lambda i: keep_rank(snapshot, table, i))
        for index in indexes if unique else ():
            if index.is_unique or not is_free(snapshot, table, index):
                continue
            size = size_of(snapshot, table, index)
            twin = next((u for u in unique if _is_twin(u, index)), None) if size >= limits["bytes"] else None
            if twin is not None:
                yield table, index, twin, size


def _finding(table: Table, index: Index, twin: Index, size: int, limits: Limits) -> Finding:
    kind = "the primary key" if twin.is_primary else f"the unique index {twin.name}"
    return Finding(
        title=f"{index.name} on {table.name} stands beside a unique index",
        message=f"{index.name} indexes ({columns_text(index)}), which {kind} does already; it takes {bytes_text(size)} and "
        "a write on every insert for nothing.",
        objects=(index_ref(table, index), index_ref(table, twin)),
        impact=Impact(size, "bytes", limits["bytes"], 1024**3),
        evidence={"bytes": size, "unique_index": twin.name, "definition": index.definition},
        change=Change((drop(table, index),)),
    )


def _together(small: list[_Found], limits: Limits) -> Finding:
    small = sorted(small, key=lambda entry: (-entry[3], entry[0].schema, entry[0].name, entry[1].name))
    size = sum(entry[3] for entry in small)
    table, index, twin, _ = small[0]
    return Finding(
        title=f"{len(small)} indexes stand beside a unique index on the same columns",
        message=f"Together they take {bytes_text(size)} and a write each on every insert for nothing: {index.name} of {table.name} "
        f"repeats {twin.name}, and so on.",
        objects=tuple(index_ref(t, i) for t, i, _, _ in small),
        impact=Impact(size, "bytes", limits["bytes"], 1024**3),
        evidence={
            "bytes": size,
            "indexes": [
                {"table": f"{t.schema}.{t.name}", "index": i.name, "unique_index": u.name, "bytes": b}
                for t, i, u, b in small
            ],
        },
        change=Change(
            tuple(drop(t, i) for t, i, _, _ in small),
            note="Django: no db_index=True or models.Index on a field that is unique; SQLAlchemy: no index=True there.",
        ),
        identity="small",
    )


def _is_twin(unique: Index, index: Index) -> bool:
    same = len(unique.keys) == len(index.keys) and unique.predicate == index.predicate
    return same and leads(unique, index) and holds_payload(unique, index)
