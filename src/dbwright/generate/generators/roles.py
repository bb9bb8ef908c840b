"""Three database roles with no more than each needs: for migrations, for the application, for readers

A script that makes them and hands over what is there, with default privileges for what migrations will make; one that proves it by trying
what each role may and may not; one that takes it back. They are scripts and no migration, because roles belong to the whole server and the
role that migrates must not be able to make roles.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dbwright.generate import templates
from dbwright.generate.generated import Generated, Option, Refused
from dbwright.generate.workspace import Workspace
from dbwright.model.quoting import quote_identifier

LIBRARIES = """\
pgbedrock and Terraform's provider keep the roles of many servers as configuration; for one application's three a script does."""
OPTIONS = (
    Option("prefix", "What the roles' names begin with.", required=True, is_argument=True),
    Option("database", "The database's name, for the comments.", default="DATABASE"),
    Option("folder", "Where the scripts go.", default="database"),
)
MOST_TRIED = 50
"""Tables that the proof tries; the grants are the same for all."""


def generate(workspace: Workspace, given: Mapping[str, Any]) -> Generated:
    """Raises Refused for a project without tables."""
    prefix, folder = given["prefix"], given["folder"].strip("/")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,50}", prefix):
        raise Refused(f"{prefix} is no beginning of a role's name.", "Take lower case letters, digits and underscores.")
    tables = [one for one in workspace.project.tables if one.owned and one.managed and one.framework != "sql"]
    if not tables:
        raise Refused("There are no models here.", "Give the project's folder with --project.")
    schemas = sorted({table.schema or "public" for table in tables})
    django = any(table.framework == "django" for table in tables)
    values = {
        "database": given["database"],
        "prefix": prefix,
        **{name: f"{prefix}_{name}" for name in ("migrate", "app", "read")},
        "schemas": schemas,
        "schema": schemas[0],
        "history": "public.django_migrations" if django else "public.alembic_version",
        "tables": [quote_identifier(table.schema or "public", table.name) for table in tables[:MOST_TRIED]],
    }
    for name, template in (("roles", "roles"), ("roles_check", "check"), ("roles_back", "back")):
        workspace.add(f"{folder}/{name}.sql", templates.text(f"roles/{template}.sql", **values))
    run = "psql -v ON_ERROR_STOP=1 -f"
    notes = [
        "Run it in a quiet minute: it takes an instant's strong lock on each table to change its owner.",
        f"Then migrations connect as {prefix}_migrate, the application as {prefix}_app; set their passwords with \\password.",
    ]
    steps = [f"{run} {folder}/roles.sql", f"{run} {folder}/roles_check.sql"]
    return workspace.generated(steps, f"{run} {folder}/roles_back.sql", notes)
