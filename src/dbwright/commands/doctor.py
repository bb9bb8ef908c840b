"""Tell what can be checked here, what is missing, and which role would be enough."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from dbwright.options import Source, source_options

if TYPE_CHECKING:
    from dbwright.collect.project import DeclaredDatabase


@click.command("doctor")
@source_options
def command(source: Source) -> int:
    """Tell what can be checked here, what is missing, and which role would be enough.

    Exit code 0 when every rule can look, 3 when some cannot, 2 when no database could be read.
    """
    from dbwright import config, rules
    from dbwright.audit import audit
    from dbwright.collect.project import find_databases
    from dbwright.embedded import find_servers
    from dbwright.model.wording import listed
    from dbwright.plaintext import one_line

    configuration = config.load(source.path.resolve(), os.environ)
    if not source.databases and not source.snapshot:
        for same in _by_database(find_databases(source.path.resolve(), os.environ)):
            found, *others = same
            exists = "" if found.path is None or found.path.is_file() else " (no such file)"
            also = f", also in {listed([one_line(other.source) for other in others])}" if others else ""
            click.echo(
                f"found      {found.engine} database {one_line(found.alias)!r} in {one_line(found.source)}{also}{exists}"
            )
    taken = source.read(configuration)
    report = audit(taken)
    target = taken.target
    reached = bool(taken.collection_seconds)
    if reached:
        click.echo(
            f"read       {one_line(target.name)}, {target.engine} {target.version_text}, in {taken.collection_seconds:.2f} s"
        )
        rights = "superuser" if target.is_superuser else "pg_monitor" if target.can_monitor else "no monitoring rights"
        if target.engine == "postgresql":
            click.echo(f"role       {one_line(target.user)}: {rights}")
    for server in find_servers():
        click.echo(f"server     PostgreSQL {server.version} ({server.origin}) for demo and proofs")
    able = len(report.rules_run)
    click.echo(
        f"rules      {able} of {len(rules.names())} can look; {len(report.not_checked)} could not, or only in part"
    )
    reasons = {(n.reason, n.remedy) for n in report.not_checked} | {(g.reason, g.remedy) for g in taken.gaps}
    for reason, remedy in sorted(reasons):
        click.echo(f"missing    {one_line(reason)}\n           → {one_line(remedy)}")
    if target.engine == "postgresql":
        click.echo("\nA role that is enough, and can change nothing (run as an owner or superuser):\n")
        click.echo(least_privilege(target.database or "your_database"))
    if not reached:
        return 2
    return 3 if report.not_checked else 0


def _by_database(found: list[DeclaredDatabase]) -> list[list[DeclaredDatabase]]:
    """Declarations of one database together, whoever they let in: by host, port and name, or by file."""
    from dbwright.errors import DbwrightError
    from dbwright.postgres import parse_address

    groups: dict[object, list[DeclaredDatabase]] = {}
    for declared in found:
        key: object = declared.address
        if declared.path:
            key = declared.path.resolve()
        elif declared.address:
            try:
                parameters = parse_address(declared.address)
                key = tuple(parameters.get(name) or default for name, default in _SAME)
            except DbwrightError:
                pass
        groups.setdefault(key, []).append(declared)
    return list(groups.values())


_SAME = ("service", ""), ("host", ""), ("hostaddr", ""), ("port", "5432"), ("dbname", "")


def least_privilege(database: str) -> str:
    """SQL for a role that may read what the rules need and nothing else."""
    from dbwright.model.quoting import quote_identifier

    return "\n".join(
        (
            "CREATE ROLE dbwright LOGIN;  -- then \\password dbwright",
            "GRANT pg_monitor TO dbwright;",
            f"GRANT CONNECT ON DATABASE {quote_identifier(database)} TO dbwright;",
            "ALTER ROLE dbwright SET default_transaction_read_only = on;",
            "-- Optional, for which migrations this database has:",
            "-- GRANT SELECT ON django_migrations, alembic_version TO dbwright;",
            "-- Optional, for statistics of columns. It may then read the data; dbwright reads what the planner keeps of it",
            "-- (--no-values leaves them out):",
            "-- GRANT pg_read_all_data TO dbwright;",
        )
    )
