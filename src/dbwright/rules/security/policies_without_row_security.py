"""A table has policies, but row-level security is switched off for it.

## Why it matters

Policies do nothing until ALTER TABLE … ENABLE ROW LEVEL SECURITY. The table looks protected in every listing while each role reads
and writes all of its rows.

## When to ignore

While policies are being prepared and are to be switched on later.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, Verbatim
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.wording import counted
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("catalog.tables", "catalog.policies", "statistics.tables")
LIMITS: dict[str, float] = {"rows": 1}
COVERS = ("rls-policy-without-rls", "AB-20")

_TABLE = "CREATE TABLE note (id bigint, owner_id int);"
_POLICY = "CREATE POLICY own ON note USING (owner_id = 1);"
_ENABLE = "ALTER TABLE note ENABLE ROW LEVEL SECURITY;"
BAD = (Sample(_TABLE + _POLICY, statistics={"note": {"rows": 1e5}}),)
GOOD = (Sample(_TABLE + _POLICY + _ENABLE), Sample(_TABLE + _ENABLE), Sample(_TABLE))


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table in snapshot.catalog.user_tables:
        policies = snapshot.catalog.policies_of(table)
        if table.row_security or not policies:
            continue
        rows, name = snapshot.rows(table), f"ALTER TABLE {quote_identifier(table.schema, table.name)}"
        yield Finding(
            title=f"Policies of {table.name} are switched off",
            message=f"{table.name} has {counted(len(policies), 'policy', 'policies')} and about {rows:,} rows, "
            "but row-level security is not enabled, so that no policy is looked at.",
            objects=(table_ref(table),),
            impact=Impact(max(rows, limits["rows"]), "rows", limits["rows"], 1_000_000, estimated=True),
            evidence={"policies": [policy.name for policy in policies], "rows": rows},
            confidence="medium",
            change=Change(
                (Verbatim(f"{name} ENABLE ROW LEVEL SECURITY", f"{name} DISABLE ROW LEVEL SECURITY"),),
                note="Roles other than the owner see only what a policy allows from then on: try it as the application's role first.",
            ),
        )
