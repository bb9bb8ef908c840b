"""Every role may call a function that changes data with its owner's rights.

## Why it matters

PostgreSQL grants EXECUTE on each new function to PUBLIC. For a SECURITY DEFINER function that means that any login, also a read-only
one, does what the function does with the rights of its owner.

## When to ignore

When the function is the intended door and checks by itself who calls it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.access import login_roles, signature
from dbwright.model.catalog import VENDOR_SCHEMAS, Function
from dbwright.model.change import Change, ChangePrivileges
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import counted, listed
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("catalog.functions", "catalog.roles")
LIMITS: dict[str, float] = {}
COVERS = ("definer-function-callable",)

_CHANGES = re.compile(r"\b(insert\s+into|update|delete\s+from|truncate|execute|grant|alter|drop|create)\b", re.I)
_CHECKS = re.compile(r"\b(session_user|current_setting|has_\w+_privilege|pg_has_role|auth\.(uid|jwt|role))\b", re.I)

_TABLE = "CREATE ROLE report LOGIN; CREATE TABLE orders (id bigint);"
_FUNCTION = (
    "CREATE FUNCTION remove_order(which bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER "
    "SET search_path = public, pg_temp AS $$ BEGIN DELETE FROM orders WHERE id = which; END $$;"
)
BAD = (
    Sample(_TABLE + _FUNCTION),
    Sample(_TABLE + _FUNCTION.replace("FUNCTION", "PROCEDURE").replace("RETURNS void", "")),
)
GOOD = (
    Sample(_TABLE + _FUNCTION + "REVOKE EXECUTE ON FUNCTION remove_order FROM PUBLIC;"),
    Sample(_TABLE + _FUNCTION.replace("DELETE FROM orders WHERE id = which", "PERFORM 1")),
    Sample(_TABLE + _FUNCTION.replace("id = which", "id = which AND session_user = 'boss'")),
    Sample(_TABLE.replace("CREATE ROLE report LOGIN;", "") + _FUNCTION),
    Sample(
        _TABLE + _FUNCTION.replace("which bigint", "").replace("RETURNS void", "RETURNS trigger").replace("which", "1")
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    logins = [r.name for r in login_roles(snapshot) if not r.is_superuser]
    found = [f for f in snapshot.catalog.functions if _is_open(f) and any(name != f.owner for name in logins)]
    if not found:
        return
    names = [signature(function) for function in found]
    powerful = sum(f.owner_is_superuser for f in found)
    yield Finding(
        title=f"{len(found)} functions let every role change data as their owner"
        if len(found) > 1
        else f"{found[0].name[:40]}() lets every role change data as its owner",
        message=f"{listed(names)} may be called by {counted(len(logins), 'ordinary login')} and work with the owner's rights"
        + (f", {powerful} of them a superuser's." if powerful else "."),
        objects=tuple(ObjectRef("function", f.name, f.schema, columns=(f.arguments,)) for f in found[:20]),
        impact=Impact(3 if powerful else 1.2, "owner's power", 1, 10),
        evidence={"functions": names[:50], "roles": logins[:20]},
        confidence="medium",
        change=Change(
            tuple(_close(function) for function in found),
            note="First GRANT EXECUTE to the roles that call them: only the owner and superusers may from then on.",
        ),
        identity="EXECUTE",
    )


def _is_open(function: Function) -> bool:
    source = function.source or ""
    return (
        function.security_definer
        and function.public_execute
        and not function.returns_trigger
        and function.schema not in VENDOR_SCHEMAS
        and bool(_CHANGES.search(source))
        and not _CHECKS.search(source)
    )


def _close(function: Function) -> ChangePrivileges:
    text = f"{quote_identifier(function.schema, function.name)}({function.arguments})"
    return ChangePrivileges(False, ("EXECUTE",), "ROUTINE", (function.schema, function.name), "PUBLIC", text)
