"""What rules about the server share: the size and the traffic of the database, changes of parameters, the application's roles."""

from __future__ import annotations

from collections.abc import Mapping

from dbwright.model.access import application_sessions, login_roles
from dbwright.model.catalog import Database
from dbwright.model.change import Change, SetRoleParameter, SetServerParameter
from dbwright.model.finding import ObjectRef
from dbwright.model.snapshot import Snapshot
from dbwright.model.statistics import DatabaseStatistics

BLOCK = 8192
_FIXED_SOURCES = frozenset({"command line", "override", "environment variable"})
_SCOPED_SOURCES = frozenset({"database", "user", "database user"})


def current_database(snapshot: Snapshot) -> Database | None:
    """The database that was read, or None when the list of databases could not be."""
    return next((d for d in snapshot.catalog.databases if d.is_current), None)


def database_bytes(snapshot: Snapshot) -> int:
    """Size of the database: the server's figure, else the sum of its tables."""
    database = current_database(snapshot)
    if database and database.bytes:
        return database.bytes
    return sum(row.total_bytes for row in snapshot.statistics.tables)


def counters(snapshot: Snapshot) -> DatabaseStatistics | None:
    """Counters of the database that was read."""
    return next((d for d in snapshot.statistics.databases if d.name == snapshot.target.database), None)


def setting_ref(name: str) -> ObjectRef:
    return ObjectRef("setting", name)


def set_parameters(snapshot: Snapshot, values: Mapping[str, str], note: str | None = None) -> Change | None:
    """The change that sets server parameters. None when one of them cannot be set by ALTER SYSTEM with effect: fixed at the command
    line, overridden for the database or the role, or unknown."""
    steps: list[SetServerParameter] = []
    for name, new in values.items():
        setting = snapshot.settings.get(name)
        if setting is None or setting.source in _FIXED_SOURCES | _SCOPED_SOURCES:
            return None
        in_main_file = setting.source_file is not None and not setting.source_file.endswith("postgresql.auto.conf")
        old = None if setting.source == "default" or in_main_file else setting.value
        steps.append(SetServerParameter(name, old, new, restart=setting.context == "postmaster"))
    return Change(tuple(steps), note)


def set_by_hand(snapshot: Snapshot, values: Mapping[str, str]) -> str:
    """The step in words, for where ``set_parameters`` gives none."""
    parts = []
    for name, new in values.items():
        setting = snapshot.settings.get(name)
        where = f" ({setting.source})" if setting and setting.source != "default" else ""
        parts.append(f"{name} = {new}{where}")
    return f"Set {', '.join(parts)} where the value comes from, then reload or restart the server."


def is_scoped(snapshot: Snapshot, name: str) -> bool:
    """Whether the value read is that of the database or of the audit's role rather than the server's."""
    setting = snapshot.settings.get(name)
    return setting is not None and setting.source in _SCOPED_SOURCES


def memory_hint(snapshot: Snapshot) -> tuple[float, bool]:
    """Bytes of memory that the settings speak of, and whether somebody sized them. A server does not tell its memory through SQL;
    effective_cache_size is commonly three quarters of it and shared_buffers a quarter (PostgreSQL's documentation)."""
    cache = snapshot.settings.bytes("effective_cache_size") or 0
    buffers = snapshot.settings.bytes("shared_buffers") or 0
    setting = snapshot.settings.get("effective_cache_size")
    sized = buffers > 128 * 1024**2 or (setting is not None and setting.source != "default")
    return max(cache / 0.75, buffers / 0.25), sized


def application_roles(snapshot: Snapshot) -> tuple[str, ...]:
    """Roles that applications use, as far as it shows: those that own the users' tables or have a session that is no known
    tool's, may log in, and do no monitoring."""
    used = {table.owner for table in snapshot.catalog.user_tables}
    used |= {session.user for session in application_sessions(snapshot) if session.user}
    return tuple(sorted(r.name for r in login_roles(snapshot) if r.name in used and "pg_monitor" not in r.member_of))


def _own_value(settings: tuple[str, ...], name: str) -> str | None:
    found = [text.split("=", 1)[1] for text in settings if text.startswith(name + "=")]
    return found[-1] if found else None


def _is_limit(value: str | None) -> bool:
    return value is not None and any(digit in value for digit in "123456789")


def roles_without_limit(snapshot: Snapshot, name: str) -> tuple[str, ...]:
    """Roles of applications for which a time limit (``statement_timeout`` …) is set nowhere: not for the server, the database or
    the role. A role with an explicit 0 has been decided about and is left out."""
    database, setting = current_database(snapshot), snapshot.settings.get(name)
    audit_role = next((r for r in snapshot.catalog.roles if r.is_current), None)
    if setting is None or (database and _is_limit(_own_value(database.settings, name))):
        return ()
    server_known = audit_role is None or _own_value(audit_role.settings, name) is None
    if server_known and _is_limit(setting.value):
        return ()
    own = {role.name: _own_value(role.settings, name) for role in snapshot.catalog.roles}
    return tuple(role for role in application_roles(snapshot) if own.get(role) is None)


def limit_roles(snapshot: Snapshot, roles: tuple[str, ...], name: str, value: str, note: str) -> Change:
    """The change that sets a time limit for roles in this database."""
    database = snapshot.target.database
    return Change(tuple(SetRoleParameter(role, database, name, None, value) for role in roles), note)


def why_no_replica(snapshot: Snapshot, system_identifier: str | None, database: str, in_recovery: bool) -> str | None:
    """Why the counters of this server must not be added to the snapshot's; None when they may."""
    own = snapshot.replication.recovery
    if own is None or system_identifier is None or system_identifier != own.system_identifier:
        return "its system identifier differs, or is not known"
    if database != snapshot.target.database:
        return "it is another database"
    if not (in_recovery or own.in_recovery):
        return "it is not in recovery"
    return None
