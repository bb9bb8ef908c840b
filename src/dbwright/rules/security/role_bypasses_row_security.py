"""A login role is exempt from the row-level security that the database relies on.

## Why it matters

For a role with BYPASSRLS every policy is as if it were not there, silently: a query without its own filter returns the rows of all owners.

## When to ignore

For backups: pg_dump must see all rows.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.access import exposure, login_roles, sessions_by_role
from dbwright.model.change import AlterRole, Change
from dbwright.model.finding import Finding, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import client, with_sessions
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import counted
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("catalog.roles", "catalog.tables")
LIMITS: dict[str, float] = {}
COVERS = ("role-bypasses-rls", "AB-20", "DL-08")

_BACKUP = ("backup", "dump", "repl", "barman", "restore", "migrat", "etl")
_PROTECTED = "CREATE TABLE note (id bigint, owner_id bigint); ALTER TABLE note ENABLE ROW LEVEL SECURITY;"
_ROLE = "CREATE ROLE web LOGIN BYPASSRLS;"
BAD = (Sample(_PROTECTED + _ROLE), Sample(_PROTECTED + _ROLE, edit=with_sessions(client("web"))))
GOOD = (
    Sample(_ROLE + "CREATE TABLE note (id bigint);"),
    Sample(_PROTECTED + "CREATE ROLE nightly_backup LOGIN BYPASSRLS;"),
    Sample(_PROTECTED + "CREATE ROLE staff NOLOGIN BYPASSRLS; CREATE ROLE web LOGIN;"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    protected = sum(1 for table in snapshot.catalog.user_tables if table.row_security)
    if not protected:
        return
    sessions = sessions_by_role(snapshot)
    for role in login_roles(snapshot):
        used = sessions[role.name]
        if not role.bypass_row_security or role.is_superuser:
            continue
        if not used and any(word in role.name.lower() for word in _BACKUP):
            continue
        yield Finding(
            title=f"{role.name} bypasses row-level security",
            message=f"The policies of {counted(protected, 'table')} do not hold for {role.name} (BYPASSRLS), "
            f"which has {counted(used, 'client session')} here now.",
            objects=(ObjectRef("role", role.name),),
            impact=exposure(snapshot),
            evidence={"protected_tables": protected, "sessions": used},
            confidence="high" if used else "low",
            change=Change(
                (AlterRole(role.name, "BYPASSRLS", "NOBYPASSRLS"),),
                note=f"{role.name} sees only the rows that a policy allows from then on.",
            ),
        )
