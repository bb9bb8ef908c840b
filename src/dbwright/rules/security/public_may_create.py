"""Every role may create objects in a schema that others use.

## Why it matters

A name without its schema is looked up along search_path, and a function whose argument types fit better wins. So any login can plant a
function or operator in the schema that another role, even a superuser, then runs with its own rights (CVE-2018-1058).
New databases of PostgreSQL 15 no longer allow it; upgraded ones keep the old grant.

## When to ignore

When every login role of the server is trusted with the rights of every other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from dbwright.model.access import grants_by_object, login_roles
from dbwright.model.catalog import VENDOR_SCHEMAS, Schema
from dbwright.model.change import Change, ChangePrivileges
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("catalog.schemas", "catalog.roles", "catalog.grants", "catalog.tables")
LIMITS: dict[str, float] = {"roles": 1}
COVERS = ("public-schema-writable",)

_OPEN = "GRANT CREATE ON SCHEMA public TO PUBLIC;"
_CLOSED = "REVOKE CREATE ON SCHEMA public FROM PUBLIC;"
_TWO = "CREATE ROLE web LOGIN; CREATE ROLE report LOGIN;"
_OWNED = "CREATE TABLE orders (id bigint); ALTER TABLE orders OWNER TO web;"
BAD = (Sample(_OPEN + _TWO), Sample(_OPEN + _TWO + _OWNED))
GOOD = (
    Sample(_OPEN),
    Sample(_OPEN + "CREATE ROLE web LOGIN;" + _OWNED),
    Sample(_CLOSED + _TWO + "CREATE SCHEMA own; GRANT USAGE ON SCHEMA own TO PUBLIC;"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    logins = {r.name for r in login_roles(snapshot) if not r.is_superuser}
    superusers = {r.name for r in snapshot.catalog.roles if r.is_superuser}
    creators: defaultdict[str, set[str]] = defaultdict(set)
    for table in snapshot.catalog.user_relations:
        creators[table.schema].add(table.owner)
    granted = grants_by_object(snapshot)
    for schema in snapshot.catalog.schemas:
        if not schema.public_create or schema.extension or schema.name in VENDOR_SCHEMAS:
            continue
        makers = creators[schema.name] - superusers - {schema.owner}
        strangers = sorted(logins - makers - {schema.owner})
        if len(strangers) < limits["roles"]:
            continue
        yield Finding(
            title=f"Any role may create objects in schema {schema.name}",
            message=f"{listed(strangers)} can plant functions in {schema.name} that other roles run with their own rights, "
            "because CREATE is granted to PUBLIC.",
            objects=(ObjectRef("schema", schema.name),),
            impact=Impact(len(strangers), "roles", limits["roles"], 50),
            evidence={"roles_without_objects_there": strangers[:20], "roles_with_objects_there": sorted(makers)},
            confidence="high" if len(strangers) > 1 else "medium",
            change=_change(
                schema, makers, {g.grantee for g in granted.get(schema.oid, ()) if "CREATE" in g.privileges}
            ),
        )


def _change(schema: Schema, makers: set[str], able: set[str]) -> Change:
    kept = [ChangePrivileges(True, ("CREATE",), "SCHEMA", (schema.name,), role) for role in sorted(makers - able)]
    return Change(
        (*kept, ChangePrivileges(False, ("CREATE",), "SCHEMA", (schema.name,), "PUBLIC")),
        note="Roles that own objects in the schema keep CREATE; any other that runs migrations needs a GRANT of its own.",
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    public = next((s for s in snapshot.catalog.schemas if s.name == "public"), None)
    if public and not public.public_create and len(login_roles(snapshot)) > 1:
        yield Strength(
            "Schema public is closed to strangers",
            "Only roles with a GRANT may create objects in schema public.",
            {"schema": "public", "owner": public.owner},
        )
