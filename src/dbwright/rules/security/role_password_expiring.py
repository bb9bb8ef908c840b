"""A role's password runs out soon, or has while sessions still live.

## Why it matters

After VALID UNTIL the server refuses the password. Sessions that exist go on, so nothing is noticed until the pool opens the next
one: then the application cannot connect.

## When to ignore

For an account that is meant to end then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from dbwright.model.access import login_roles, sessions_by_role
from dbwright.model.catalog import Role
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.quoting import quote_identifier, quote_literal
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import Edit, both, client, with_sessions
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import counted
from dbwright.rules import Limits

RISK: Risk = "outage"
NEEDS = ("catalog.roles", "activity.sessions")
LIMITS: dict[str, float] = {"days": 30}
COVERS = ("password-expiring",)

_ROLE = "CREATE ROLE web LOGIN PASSWORD 'x' VALID UNTIL '2999-01-01';"


def _ends_in(days: float) -> Edit:
    def edit(snapshot: Snapshot) -> Snapshot:
        text = str(snapshot.taken_at + timedelta(days=days))
        roles = tuple(replace(r, valid_until=text) if r.name == "web" else r for r in snapshot.catalog.roles)
        return replace(snapshot, catalog=replace(snapshot.catalog, roles=roles))

    return edit


BAD = (
    Sample(_ROLE, edit=both(_ends_in(3), with_sessions(client("web")))),
    Sample(_ROLE, edit=_ends_in(20)),
    Sample(_ROLE, edit=both(_ends_in(-2), with_sessions(client("web")))),
)
GOOD = (
    Sample(_ROLE, edit=with_sessions(client("web"))),
    Sample(_ROLE, edit=_ends_in(-90)),
    Sample("CREATE ROLE web LOGIN VALID UNTIL 'infinity';", edit=with_sessions(client("web"))),
    Sample("CREATE ROLE web NOLOGIN PASSWORD 'x';", edit=_ends_in(3)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    sessions = sessions_by_role(snapshot)
    for role in login_roles(snapshot):
        end = _end(role)
        if end is None or role.has_password is False:
            continue
        days = (end - snapshot.taken_at).total_seconds() / 86400
        used = sessions[role.name]
        if days > limits["days"] or (days < 0 and not used):
            continue
        when = f"ends in {counted(round(days), 'day')}" if days >= 0 else f"ended {counted(round(-days), 'day')} ago"
        name = quote_identifier(role.name)
        later = quote_literal((snapshot.taken_at + timedelta(days=365)).date().isoformat())
        yield Finding(
            title=f"The password of {role.name} {when}",
            message=f"It is valid until {end.date()}; {counted(used, 'client session')} of it now cannot be replaced after that.",
            objects=(ObjectRef("role", role.name),),
            impact=Impact(limits["days"] / max(days, 1), "urgency", 1, limits["days"]),
            evidence={"valid_until": role.valid_until, "days": round(days, 1), "sessions": used},
            confidence="high" if used else "low",
            next_step=f"\\password {name} in psql, ALTER ROLE {name} VALID UNTIL {later}; then change the application's address.",
        )


def _end(role: Role) -> datetime | None:
    try:
        end = datetime.fromisoformat(role.valid_until or "")
    except ValueError:  # none, infinity, or beyond the years that Python knows
        return None
    return end if end.tzinfo else end.replace(tzinfo=UTC)
