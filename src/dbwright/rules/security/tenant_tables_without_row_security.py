"""Some tables of a tenant are protected by row-level security, and others with the same owner column are not.

## Why it matters

Isolation is as good as its weakest table: a query that forgets its filter returns other tenants' rows from the tables that were forgotten,
usually the ones added last.

## When to ignore

When the unprotected tables are reached by trusted roles only, or hold nothing of a tenant's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from dbwright.model.access import grants_by_object
from dbwright.model.catalog import Column, Policy, Table
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("catalog.tables", "catalog.columns", "catalog.policies", "catalog.grants", "statistics.tables")
LIMITS: dict[str, float] = {"protected": 2, "rows": 1}
COVERS = ("rls-disabled-on-exposed-table", "AB-20")

_KEY = re.compile(
    r"(?:tenant|org|organi[sz]ation|account|company|customer|workspace|team|owner|user|member|shop|project)_?(?:id|uuid)?\Z",
    re.I,
)


def _table(name: str, protected: bool = True, column: str = "tenant_id") -> str:
    text = f"CREATE TABLE {name} (id bigint PRIMARY KEY, {column} int NOT NULL); GRANT SELECT ON {name} TO web;"
    if protected:
        text += f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;"
        text += f"CREATE POLICY own ON {name} USING ({column} = (SELECT current_setting('app.tenant')::int));"
    return text


_ROLE = "CREATE ROLE web LOGIN;"
BAD = (Sample(_ROLE + _table("invoice") + _table("note") + _table("upload", protected=False)),)
GOOD = (
    Sample(_ROLE + _table("invoice") + _table("note") + _table("upload")),
    Sample(_ROLE + _table("invoice") + _table("upload", protected=False)),
    Sample(_ROLE + _table("invoice") + _table("note") + _table("country", protected=False, column="code")),
    Sample(
        _ROLE
        + _table("invoice")
        + _table("note")
        + _table("upload", protected=False)
        + "REVOKE SELECT ON upload FROM web;"
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    keys, protected = _keys(snapshot, limits)
    if not keys:
        return
    granted = grants_by_object(snapshot)
    readers = {g.grantee for t in protected for g in granted.get(t.oid, ()) if g.grantee != t.owner}
    readers |= {table.owner for table in protected if table.force_row_security}
    found = [
        (table, key)
        for table in snapshot.catalog.user_tables
        if not table.row_security and (key := _key_of(snapshot, table, keys))
        if readers & {g.grantee for g in granted.get(table.oid, ())} or (table.owner in readers)
    ]
    if not found:
        return
    table, key = found[0]
    rows = max(snapshot.rows(table) for table, _ in found)
    names = [table.name for table, _ in found]
    yield Finding(
        title=f"{len(found)} tables with {key} lack row-level security"
        if len(found) > 1
        else f"{names[0]} has {key} but no row-level security",
        message=f"{len(protected)} tables are protected by {listed(sorted(keys))}; the same roles read {listed(names)} without.",
        objects=tuple(table_ref(table) for table, _ in found[:20]),
        impact=Impact(max(rows, limits["rows"]), "rows", limits["rows"], 1_000_000, estimated=True),
        evidence={"protected": [t.name for t in protected[:20]], "unprotected": names[:50], "columns": sorted(keys)},
        confidence="medium",
        next_step=_next_step(table, key, keys[key]),
        identity="unprotected",
    )


def _keys(snapshot: Snapshot, limits: Limits) -> tuple[dict[str, Policy], list[Table]]:
    """Owner columns that the policies of several tables compare, each with one such policy; and those tables."""
    catalog = snapshot.catalog
    protected = [t for t in catalog.user_tables if t.row_security and catalog.policies_of(t)]
    used: Counter[str] = Counter()
    example: dict[str, Policy] = {}
    for table in protected:
        policies = catalog.policies_of(table)
        words = set(re.findall(r"[\w$]+", " ".join(policy.using or "" for policy in policies)))
        for column in catalog.columns_of(table):
            if _is_key(column) and column.name in words:
                used[column.name] += 1
                example.setdefault(column.name, policies[0])
    return {name: example[name] for name, count in used.items() if count >= limits["protected"]}, protected


def _is_key(column: Column) -> bool:
    return bool(_KEY.match(column.name)) and column.base_type in ("int2", "int4", "int8", "uuid", "text", "varchar")


def _key_of(snapshot: Snapshot, table: Table, keys: dict[str, Policy]) -> str | None:
    return next((name for name in sorted(keys) if snapshot.catalog.column(table, name)), None)


def _next_step(table: Table, key: str, policy: Policy) -> str:
    name = quote_identifier(table.schema, table.name)
    using = policy.using or f"{quote_identifier(key)} = …"
    return (
        f"CREATE POLICY {quote_identifier(policy.name)} ON {name} USING ({using}); ALTER TABLE {name} ENABLE ROW LEVEL SECURITY; "
        "(the condition is the one of a protected table: check it), and so for each."
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    keys, protected = _keys(snapshot, limits)
    if keys:
        yield Strength(
            "Row-level security covers all tables of a tenant",
            f"{len(protected)} tables are protected by {listed(sorted(keys))}, and no table with that column was forgotten.",
            {"tables": len(protected), "columns": sorted(keys)},
        )
