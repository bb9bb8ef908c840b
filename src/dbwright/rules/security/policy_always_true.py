"""A policy lets every role change every row.

## Why it matters

Permissive policies are joined by OR: one whose condition is just true makes all others of that command meaningless.
Row-level security is then on, but protects nothing against writes.

## When to ignore

When only trusted roles have the privilege to write to the table; name them in the policy instead of PUBLIC.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.access import grants_by_object
from dbwright.model.catalog import Grant, Policy, Table
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("catalog.tables", "catalog.policies", "catalog.grants", "statistics.tables")
LIMITS: dict[str, float] = {"rows": 1}
COVERS = ("rls-policy-always-true",)

_EVERYBODY = frozenset(("PUBLIC", "anon", "authenticated"))
_NEEDED = {"update": {"UPDATE"}, "delete": {"DELETE"}, "all": {"UPDATE", "DELETE"}}

_TABLE = (
    "CREATE ROLE web LOGIN; CREATE TABLE note (id bigint, owner_id int); ALTER TABLE note ENABLE ROW LEVEL SECURITY;"
    "GRANT SELECT, INSERT, UPDATE, DELETE ON note TO web;"
)
BAD = (
    Sample(_TABLE + "CREATE POLICY everything ON note USING (true);"),
    Sample(_TABLE + "CREATE POLICY own ON note USING (owner_id = 1); CREATE POLICY d ON note FOR DELETE USING (true);"),
)
GOOD = (
    Sample(_TABLE + "CREATE POLICY everyone_reads ON note FOR SELECT USING (true);"),
    Sample(_TABLE + "CREATE POLICY anyone_writes_in ON note FOR INSERT WITH CHECK (true);"),
    Sample(_TABLE + "CREATE POLICY admin ON note TO CURRENT_USER USING (true);"),
    Sample(
        _TABLE + "CREATE POLICY base ON note USING (true);"
        "CREATE POLICY own ON note AS RESTRICTIVE USING (owner_id = 1);"
    ),
    Sample(
        _TABLE.replace("GRANT SELECT, INSERT, UPDATE, DELETE", "GRANT SELECT") + "CREATE POLICY p ON note USING (true);"
    ),
    Sample(_TABLE.replace("ENABLE ROW", "DISABLE ROW") + "CREATE POLICY everything ON note USING (true);"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    granted = grants_by_object(snapshot)
    for table in snapshot.catalog.user_tables:
        policies = snapshot.catalog.policies_of(table)
        if not table.row_security or any(not policy.permissive for policy in policies):
            continue
        for policy in policies:
            writers = _writers(table, policy, granted.get(table.oid, ()))
            if policy.using == "true" and _EVERYBODY.intersection(policy.roles) and writers:
                yield _finding(snapshot, limits, table, policy, writers)


def _writers(table: Table, policy: Policy, grants: tuple[Grant, ...]) -> list[str]:
    needed = _NEEDED.get(policy.command, set())
    return sorted({g.grantee for g in grants if needed.intersection(g.privileges)} - {table.owner})


def _finding(snapshot: Snapshot, limits: Limits, table: Table, policy: Policy, writers: list[str]) -> Finding:
    rows = snapshot.rows(table)
    name = f"{quote_identifier(policy.name)} ON {quote_identifier(table.schema, table.name)}"
    return Finding(
        title=f"Policy {policy.name} on {table.name} allows every row",
        message=f"Its condition is true for {', '.join(policy.roles)} ({policy.command}), so that "
        f"{', '.join(writers[:3])} can change any row (about {rows:,}) whatever the other policies say.",
        objects=(object_ref("policy", table, policy.name),),
        impact=Impact(max(rows, limits["rows"]), "rows", limits["rows"], 1_000_000, estimated=True),
        evidence={"command": policy.command, "roles": list(policy.roles), "writers": writers[:20], "rows": rows},
        confidence="medium",
        next_step=f"ALTER POLICY {name} USING (the condition that tells whose row it is); "
        f"or, for trusted roles, ALTER POLICY {name} TO them;",
    )
