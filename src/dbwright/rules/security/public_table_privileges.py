"""Tables are open to every role that can connect.

## Why it matters

A grant to PUBLIC holds for all roles, also for those that are made later for a report, a partner or a test.
Revoking a table from one role changes nothing while PUBLIC still has it.

## When to ignore

For reference data that is meant for everybody.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.access import login_roles
from dbwright.model.catalog import Grant, Table
from dbwright.model.change import Change, ChangePrivileges
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("catalog.grants", "catalog.tables", "catalog.roles", "statistics.tables")
LIMITS: dict[str, float] = {"rows": 1_000}
COVERS = ("excessive-privileges-review", "CH-17")

_TABLE = "CREATE TABLE payment (id bigint PRIMARY KEY, amount numeric);"
_ROLE = "CREATE ROLE report LOGIN;"
_LARGE = {"payment": {"rows": 50_000}}
BAD = (
    Sample(_TABLE + _ROLE + "GRANT SELECT ON payment TO PUBLIC;", statistics=_LARGE),
    Sample(_TABLE + _ROLE + "GRANT ALL ON payment TO PUBLIC;"),
)
GOOD = (
    Sample(_TABLE + _ROLE + "GRANT SELECT ON payment TO report;", statistics=_LARGE),
    Sample(_TABLE + _ROLE + "GRANT SELECT ON payment TO PUBLIC;", statistics={"payment": {"rows": 30}}),
    Sample(_TABLE + "GRANT SELECT ON payment TO PUBLIC;", statistics=_LARGE),
    Sample(
        _TABLE + _ROLE + "GRANT SELECT ON payment TO PUBLIC; ALTER TABLE payment ENABLE ROW LEVEL SECURITY;",
        statistics=_LARGE,
    ),
)

_WRITES = frozenset(("INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER"))


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    tables = {table.oid: table for table in snapshot.catalog.user_relations}
    found: list[tuple[Table, Grant]] = []
    writable, rows = [], 0
    for grant in snapshot.catalog.grants:
        table = tables.get(grant.object_oid)
        if grant.grantee != "PUBLIC" or grant.object_kind != "table" or table is None or table.row_security:
            continue
        writes = bool(_WRITES.intersection(grant.privileges))
        if not writes and (table.kind == "view" or snapshot.rows(table) < limits["rows"]):
            continue
        found.append((table, grant))
        rows = max(rows, snapshot.rows(table))
        if writes:
            writable.append(table.name)
    strangers = _strangers(snapshot, {table.owner for table, _ in found})
    if not found or not strangers:
        return
    names = [table.name for table, _ in found]
    yield Finding(
        title=f"{len(found)} tables are open to PUBLIC" if len(found) > 1 else f"{names[0]} is open to PUBLIC",
        message=f"Any role that can connect may read {listed(names)}"
        + (f" and write to {listed(writable)}" if writable else "")
        + f"; {listed(strangers)} can without a grant of their own.",
        objects=tuple(table_ref(table) for table, _ in found[:20]),
        impact=Impact(
            max(rows, limits["rows"] * 10 if writable else 0), "rows", limits["rows"], 10_000_000, estimated=True
        ),
        evidence={
            "privileges": {table.name: list(grant.privileges) for table, grant in found[:50]},
            "roles_without_own_grant": strangers[:20],
        },
        confidence="high" if writable else "medium",
        change=_change(found),
        identity="PUBLIC",
    )


def _strangers(snapshot: Snapshot, owners: set[str]) -> list[str]:
    roles = login_roles(snapshot)
    return sorted(
        r.name for r in roles if not r.is_superuser and r.name not in owners and not owners & set(r.member_of)
    )


def _change(found: list[tuple[Table, Grant]]) -> Change:
    return Change(
        tuple(
            ChangePrivileges(False, grant.privileges, "TABLE", (table.schema, table.name), "PUBLIC")
            for table, grant in found
        ),
        note="Roles that rely on it need a GRANT of their own first.",
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    others = [r for r in login_roles(snapshot) if not r.is_superuser]
    tables = len(snapshot.catalog.user_tables)
    if tables and len(others) > 1:
        yield Strength(
            "No table is open to everybody",
            f"None of {tables} tables with many rows is granted to PUBLIC, on a server of {len(others)} ordinary logins.",
            {"tables": tables, "roles": len(others)},
        )
