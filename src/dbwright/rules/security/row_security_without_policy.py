"""Row-level security is on for tables that have no policy, so roles with a grant see nothing.

## Why it matters

Without a policy everything is refused to everybody but the owner, silently: queries return no rows and no error.
Grants on such a table promise what it does not give.

## When to ignore

When it was done on purpose to close the table; then the grants are not needed either.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.access import grants_by_object, is_platform_role
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("catalog.tables", "catalog.policies", "catalog.grants", "catalog.roles")
LIMITS: dict[str, float] = {"tables": 1}
COVERS = ("rls-without-policy", "AB-20")

_TABLE = "CREATE ROLE web LOGIN; CREATE TABLE note (id bigint, owner_id int);"
_ENABLE = "ALTER TABLE note ENABLE ROW LEVEL SECURITY;"
_GRANT = "GRANT SELECT ON note TO web;"
BAD = (Sample(_TABLE + _ENABLE + _GRANT),)
GOOD = (
    Sample(_TABLE + _ENABLE),
    Sample(_TABLE + _GRANT),
    Sample(_TABLE + _ENABLE + _GRANT + "CREATE POLICY own ON note USING (owner_id = 1);"),
    Sample(_TABLE + _ENABLE + _GRANT + "ALTER ROLE web BYPASSRLS;"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    granted = grants_by_object(snapshot)
    exempt = {r.name for r in snapshot.catalog.roles if r.is_superuser or r.bypass_row_security}
    found = []
    for table in snapshot.catalog.user_tables:
        if not table.row_security or snapshot.catalog.policies_of(table):
            continue
        grantees = {g.grantee for g in granted.get(table.oid, ())} - exempt - {table.owner}
        if kept := sorted(name for name in grantees if not is_platform_role(snapshot, name)):
            found.append((table, kept))
    if not found:
        return
    table, who = found[0]
    name = quote_identifier(table.schema, table.name)
    yield Finding(
        title=f"{len(found)} tables have row-level security but no policy"
        if len(found) > 1
        else f"{table.name} has row-level security but no policy",
        message=f"{listed(sorted({n for _, names in found for n in names}))} may use {listed([t.name for t, _ in found])} by grant, "
        "but without a policy no row is ever shown.",
        objects=tuple(table_ref(t) for t, _ in found[:20]),
        impact=Impact(len(found), "tables", limits["tables"], 100),
        evidence={"tables": {t.name: names for t, names in found[:50]}},
        confidence="medium",
        next_step=f"CREATE POLICY … ON {name} USING (the rows that {who[0]} may see); "
        f"or, if it shall stay closed, REVOKE ALL ON {name} FROM {who[0] if who[0] == 'PUBLIC' else quote_identifier(who[0])};",
        identity="no policy",
    )
