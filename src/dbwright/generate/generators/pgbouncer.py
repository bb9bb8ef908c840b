"""PgBouncer before the database: its configuration, what it needs there, and an application that can do with it

A configuration in transaction mode whose pool fits the server's connections; a script with the role that PgBouncer logs in as, a function
that gives it the secrets of others, and the timeouts that sessions can no longer ask for; one that proves it through the pooler, one that
takes it back. Django gets a second alias beside the pool, SQLAlchemy a function for its engines: both only where the environment names
PgBouncer, so development and tests go on without.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dbwright.generate import templates
from dbwright.generate.generated import Generated, Option, Refused
from dbwright.generate.workspace import Workspace

LIBRARIES = """\
The pool of Django 5.1 and SQLAlchemy's are one for each process; PgBouncer is one for all of them, and keeps clients waiting instead of
failing."""
OPTIONS = (
    Option("database", "The database's name.", required=True, is_argument=True),
    Option("role", "The role that the application logs in as.", required=True),
    Option("host", "Where the server is, seen from PgBouncer.", default="127.0.0.1"),
    Option("port", "The server's port.", default=5432),
    Option("connections", "The server's max_connections.", default=100),
    Option("pool", "Connections that clients share.", default=20),
    Option("clients", "Clients that may be connected.", default=1000),
    Option("listen", "The address that PgBouncer listens on.", default="127.0.0.1"),
    Option("listen_port", "Its port.", default=6432),
    Option("users", "Where PgBouncer's own password stands.", default="/etc/pgbouncer/userlist.txt"),
    Option("folder", "Where the scripts go.", default="database"),
    Option("settings", "Django's settings file, where there are several."),
)
LEAST_KEPT = 13
"""Connections that the pool leaves: ``superuser_reserved_connections`` (3 by default), and ten for migrations, monitoring, psql."""
RESERVE = 5
_TIMEOUTS = {"statement": "30s", "lock": "5s", "idle": "60s"}
_ROUND = 'POOLER_HOST= PGOPTIONS="-c statement_timeout=0"'
_PLAIN = re.compile(r"[\w./:-]+")
"""What stands in the configuration without quotes."""


def generate(workspace: Workspace, given: Mapping[str, Any]) -> Generated:
    """Raises Refused for a pool that the server has no connections for."""
    for name in ("database", "role", "host", "listen", "users"):
        if not _PLAIN.fullmatch(given[name]):
            raise Refused(f"{name}: {given[name]!r} cannot stand in PgBouncer's configuration.", "Take plain names.")
    kept = given["connections"] - given["pool"] - RESERVE
    if kept < LEAST_KEPT:
        raise Refused(
            f"A pool of {given['pool']} and {RESERVE} in reserve leaves {kept} of {given['connections']} connections.",
            f"Leave {LEAST_KEPT}: the pool may have {given['connections'] - RESERVE - LEAST_KEPT}, or max_connections has to be raised.",
        )
    folder = given["folder"].strip("/")
    values = {**given, **_TIMEOUTS, "reserve": RESERVE, "kept": kept}
    workspace.add(f"{folder}/pgbouncer.ini", templates.text("pgbouncer/pgbouncer.ini", **values))
    for name, template in (("pgbouncer", "roles"), ("pgbouncer_check", "check"), ("pgbouncer_back", "back")):
        workspace.add(f"{folder}/{name}.sql", templates.text(f"pgbouncer/{template}.sql", **values))
    notes = _code(workspace, given)
    notes.append(
        "What lives in a session ends with its transaction: LISTEN, session advisory locks, temporary tables, SET without LOCAL."
    )
    psql = "psql -v ON_ERROR_STOP=1"
    through = f"{psql} -h {given['listen']} -p {given['listen_port']} -U {given['role']} -d {given['database']}"
    return workspace.generated(
        [
            f"{psql} -d {given['database']} -f {folder}/pgbouncer.sql",
            f"pgbouncer {folder}/pgbouncer.ini",
            f"{through} -f {folder}/pgbouncer_check.sql",
        ],
        f"leave POOLER_HOST out, stop PgBouncer, {psql} -d {given['database']} -f {folder}/pgbouncer_back.sql",
        notes,
    )


def _code(workspace: Workspace, given: Mapping[str, Any]) -> list[str]:
    """The application's side; what is to be known of it."""
    accesses = workspace.project.surroundings.accesses
    values = {"listen_port": given["listen_port"]}
    notes = ["Without POOLER_HOST in the environment nothing changes."]
    if any(one.framework == "django" for one in accesses):
        settings = workspace.settings_file(given["settings"])
        workspace.add_to_settings(settings, templates.text("pgbouncer/settings.py.txt", **values))
        notes.append(f"Deploy with: {_ROUND} python manage.py migrate, so that no build is cut off by the timeouts.")
        return notes
    made = next((one for one in accesses if one.framework == "sqlalchemy"), None)
    if made is None:
        raise Refused(
            "Neither DATABASES nor create_engine was found here.", "Give the project's folder with --project."
        )
    folder = made.place.file.rpartition("/")[0]
    workspace.add(f"{folder}/pgbouncer.py".lstrip("/"), templates.text("pgbouncer/engine.py.txt", **values))
    notes.append(f"Deploy with: {_ROUND} alembic upgrade head, so that no build is cut off by the timeouts.")
    notes.append(f"At {made.place}: give the engine **through_pgbouncer(url, …) in the place of its arguments.")
    return notes
