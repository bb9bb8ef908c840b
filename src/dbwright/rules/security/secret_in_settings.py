"""A secret is kept in a setting of a database or role, where every login can read it.

## Why it matters

ALTER DATABASE … SET and ALTER ROLE … SET store their values in pg_db_role_setting, which every role may read, and dumps of the roles
and the database carry them.

## When to ignore

When the value is no secret in spite of its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.access import exposure
from dbwright.model.finding import Finding, ObjectRef, Risk
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("catalog.databases", "catalog.roles")
LIMITS: dict[str, float] = {}
COVERS = ("AB-13",)

_SECRET = re.compile(
    r"(?:passw|secret|api_?key|private_?key|access_?key|encryption_?key|credential|auth_?token|access_?token)", re.I
)
_HARMLESS = re.compile(r"(?:_name|_id|_ttl|_exp|_expiry|_length|_header|_url|_path|_file|enabled|_algorithm)\Z", re.I)

BAD = (
    Sample(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET app.jwt_secret = ''abcdefgh''', current_database()); END $$;"
    ),
    Sample("CREATE ROLE web LOGIN; ALTER ROLE web SET app.api_key = 'abcdefgh';"),
    Sample(
        "CREATE ROLE web LOGIN; DO $$ BEGIN "
        "EXECUTE format('ALTER ROLE web IN DATABASE %I SET app.api_key = ''abcdefgh''', current_database()); END $$;"
    ),
)
GOOD = (
    Sample("CREATE ROLE web LOGIN; ALTER ROLE web SET password_encryption = 'scram-sha-256';"),
    Sample(
        "CREATE ROLE web LOGIN; ALTER ROLE web SET app.tenant = '7'; ALTER ROLE web SET app.secret_path = '/run/s';"
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    database = next((d for d in snapshot.catalog.databases if d.is_current), None)
    places = [("role", role.name, role.settings) for role in snapshot.catalog.roles]
    if database:
        places.append(("database", database.name, database.settings))
    for kind, owner, settings in places:
        names = [name for name in (text.partition("=")[0] for text in settings) if _is_secret(name)]
        if not names:
            continue
        resets = _resets(kind, owner, names, database.name if database else None)
        elsewhere = " psql's \\drds shows whether other databases have it too." if kind == "role" else ""
        yield Finding(
            title=f"{names[0]} of {kind} {owner} is open to every login",
            message=f"{listed(names)} is stored in the catalog, where each role that can connect may read it.",
            objects=(ObjectRef(kind, owner),),
            impact=exposure(snapshot),
            evidence={"settings": names},
            confidence="medium",
            next_step=f"Replace the secret by a new one that only the application's environment holds, then "
            f"{resets}{elsewhere}",
        )


def _resets(kind: str, owner: str, names: list[str], database: str | None) -> str:
    """Each parameter's RESET; a role's may be set for all databases, for this one or for both, and RESET of none does no harm."""
    places = [f"ALTER {kind.upper()} {quote_identifier(owner)}"]
    if kind == "role" and database:
        places.append(f"{places[0]} IN DATABASE {quote_identifier(database)}")
    parameters = [quote_identifier(*name.split(".")) for name in dict.fromkeys(names)]
    return " ".join(f"{place} RESET {parameter};" for parameter in parameters for place in places)


def _is_secret(name: str) -> bool:
    return "." in name and bool(_SECRET.search(name)) and not _HARMLESS.search(name)
