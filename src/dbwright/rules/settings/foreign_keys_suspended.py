"""Triggers and foreign keys are switched off by default: session_replication_role is not "origin".

## Why it matters

With session_replication_role = replica PostgreSQL fires no ordinary trigger, and foreign keys are enforced by triggers.
Rows that point nowhere get in without an error, and audit or counter triggers do nothing.
It is meant for the one session that loads data which was checked elsewhere.

## When to ignore

For a role that does nothing but load rows of a trusted source.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, Operation, SetRoleParameter
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.server import current_database, is_scoped, set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("settings", "catalog.databases", "catalog.roles")
LIMITS: dict[str, float] = {}
COVERS = ("trigger-disabled",)

_NAME = "session_replication_role"
_FOR_DATABASE = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET {}', current_database()); END $$;"
BAD = (
    Sample(settings={_NAME: "replica"}),
    Sample(_FOR_DATABASE.format(f"{_NAME} = replica")),
)
GOOD = (
    Sample(),
    Sample(_FOR_DATABASE.format(f"{_NAME} = origin")),
    Sample(_FOR_DATABASE.format(f"{_NAME} = local")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if snapshot.settings.text(_NAME) == "replica" and not is_scoped(snapshot, _NAME):
        change = set_parameters(snapshot, {_NAME: "origin"})
        yield _finding("the server", setting_ref(_NAME), change, set_by_hand(snapshot, {_NAME: "origin"}))
    database = current_database(snapshot)
    if database and f"{_NAME}=replica" in database.settings:
        step: Operation = SetRoleParameter(None, database.name, _NAME, "replica", None)
        yield _finding(f"database {database.name}", ObjectRef("database", database.name), Change((step,)), None)
    for role in snapshot.catalog.roles:
        if f"{_NAME}=replica" in role.settings and role.can_login:
            where = f"Look with `\\drds` where it is set for {role.name}, and RESET it there with ALTER ROLE."
            yield _finding(f"role {role.name}", ObjectRef("role", role.name), None, where)


def _finding(where: str, about: ObjectRef, change: Change | None, by_hand: str | None) -> Finding:
    return Finding(
        title=f"Foreign keys and triggers are switched off for {where}"[:79],
        message=f"{_NAME} = replica is the default of {where}: its sessions write rows without foreign keys being checked "
        "and without triggers.",
        objects=(about,),
        impact=Impact.certain(),
        evidence={_NAME: "replica", "set_for": where},
        confidence="medium" if about.kind == "role" else "high",
        change=change,
        next_step=None if change else by_hand,
    )
