"""The two databases that are compared: equal copies on one server, gone afterwards."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from dbwright.embedded import EmbeddedServer, choose
from dbwright.errors import DbwrightError
from dbwright.model.wording import bytes_text, counted
from dbwright.postgres import address_name, connect, parse_address
from dbwright.prove.running import Copy

ROLE = "dbwright_prover"
"""Owns the copies on a server of our own and can do nothing else there: definitions and statements come from files."""
SETTINGS = {"max_wal_size": "2GB", "checkpoint_timeout": "30min", "autovacuum": "off", "maintenance_work_mem": "128MB"}
COLD_BUFFERS = "16MB"
_SPARE = 1.3
"""Room for indexes that are built and for what is written, beside the bytes of the data."""

_EXTENSION = re.compile(r'CREATE EXTENSION (?:IF NOT EXISTS )?"?([\w-]+)')
_COMMAND = re.compile(r"\\(?![.N\\bfnrtv]|restrict|unrestrict)")
"""A command of psql, which may run programs; what rows begin with is left alone."""


class CannotCopy(DbwrightError):
    """There is no throw-away copy to be had."""


class NoRoom(DbwrightError):
    """The disk is too small for two copies."""


class Restartable(Protocol):
    """A server that may be restarted."""

    def restart(self, settings: Mapping[str, str | int | float] | None = None) -> None:
        """Restart with these settings added to the earlier ones."""

    def conninfo(self, dbname: str = ...) -> str:
        """How to connect as the superuser."""


@dataclass
class Copies:
    """Two equal databases. ``server`` is our own one, None when they stand on a server that was given, which is never restarted."""

    before: str
    after: str
    server: Restartable | None
    data: str
    notes: tuple[str, ...] = ()

    @property
    def superuser(self) -> str | None:
        """The database after the change as the superuser of our own server."""
        name = str(psycopg.conninfo.conninfo_to_dict(self.after)["dbname"])
        return self.server.conninfo(name) if self.server else None


SECONDS_TO_END = 3
"""How long sessions that are ending are waited for."""


def _other_sessions(connection: psycopg.Connection[Any]) -> int:
    """Clients in the same database, once those that are ending are gone. Vacuum's own workers give way by themselves."""
    deadline = time.monotonic() + SECONDS_TO_END
    while True:
        connection.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees what it saw first
        (count,) = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        ).fetchone() or (0,)
        if not count or time.monotonic() > deadline:
            return int(count)
        time.sleep(0.1)


@contextmanager
def of_database(address: str) -> Iterator[Copies]:
    """Two copies of a database beside it, by CREATE DATABASE … TEMPLATE, so that it stays as it is.

    Raises CannotCopy with the GRANT that is missing or the sessions that are in the way, NoRoom when the disk is too small.
    """
    parameters = parse_address(address)
    with connect(parameters) as connection:
        name = connection.info.dbname
        row = connection.execute(
            "SELECT rolsuper OR rolcreatedb, rolsuper, current_user, pg_database_size(current_database()),"
            " current_setting('data_directory', true), (SELECT d.datdba = r.oid OR rolsuper OR d.datistemplate"
            " FROM pg_database d WHERE d.datname = current_database()) FROM pg_roles r WHERE rolname = current_user"
        ).fetchone()
        if row is None:
            raise CannotCopy(f"{address_name(parameters)} does not tell who this is.", "Give another user.")
        may_create, _, user, size, folder, owns = row
        if not may_create:
            raise CannotCopy(
                f"{user} may not create databases, so {name} cannot be copied.", f'ALTER ROLE "{user}" CREATEDB;'
            )
        if not owns:
            raise CannotCopy(f"{user} does not own {name}, so it cannot be copied.", f"Connect as the owner of {name}.")
        others = _other_sessions(connection)
        _require_room(2 * size, Path(folder) if folder else None)
    if others:
        raise CannotCopy(
            f"{counted(others, 'session')} use {name}; PostgreSQL copies a database that nobody uses.",
            "End them, or give a restored backup with --dump.",
        )
    maintenance = make_conninfo("", **(parameters | {"dbname": "postgres" if name != "postgres" else "template1"}))
    token = secrets.token_hex(4)
    before, after = f"dbwright_prove_{token}_before", f"dbwright_prove_{token}_after"
    made: list[str] = []
    try:
        _create(maintenance, before, name)
        made.append(before)
        address_of = {copy: make_conninfo("", **(parameters | {"dbname": copy})) for copy in (before, after)}
        _settle(address_of[before], analyze=False)
        _create(maintenance, after, before)
        made.append(after)
        yield Copies(address_of[before], address_of[after], None, f"a copy of {address_name(parameters)}")
    finally:
        if made:
            _drop(maintenance, *made)


def _create(maintenance: str, name: str, template: str) -> None:
    try:
        with psycopg.connect(maintenance, autocommit=True) as connection:
            command = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            if connection.info.server_version >= 150000:
                # The default writes every page to the WAL too, which is quicker for small databases only.
                command += sql.SQL(" STRATEGY file_copy")
            connection.execute(command)
    except psycopg.errors.DiskFull:
        raise NoRoom(
            "The disk is full: the copies did not fit.", "Free some space, or give a smaller backup."
        ) from None
    except psycopg.Error as error:
        said = (error.diag.message_primary or str(error)).strip()
        raise CannotCopy(
            f"{template} could not be copied: {said}.", "End other sessions on it, then try again."
        ) from None


def _drop(maintenance: str, *names: str) -> None:
    with psycopg.connect(maintenance, autocommit=True) as connection:
        for name in names:
            # Sessions of ours that were broken off may still end their statement.
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
                (name,),
            )
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _settle(conninfo: str, *, analyze: bool) -> None:
    """Map what is visible and, where nothing else gave statistics, read them; before the second copy is made, so that both are equal."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)" if analyze else "VACUUM")
        connection.execute("CHECKPOINT" if _may_checkpoint(connection) else "SELECT 1")


def _may_checkpoint(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    return bool(row and row[0])


def _require_room(needed: float, folder: Path | None) -> None:
    """Raises NoRoom when the disk of a folder of this machine has less than it will take."""
    needed *= _SPARE
    while folder and not folder.exists():
        folder = folder.parent if folder != folder.parent else None
    if folder is None:
        return
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise NoRoom(
            f"The two copies take about {bytes_text(needed)}, and {bytes_text(free)} are free.",
            "Free some space, set TMPDIR to a larger disk, or make less: --fraction 0.1.",
        )


@contextmanager
def own_server(major: int | None, needed: float) -> Iterator[tuple[EmbeddedServer, str]]:
    """A server of our own with a role that owns the copies, and its password. Raises EmbeddedServerError, NoRoom."""
    binaries = choose(major)
    _require_room(needed, Path(tempfile.gettempdir()))
    with EmbeddedServer.start(major, SETTINGS | {"shared_buffers": "256MB"}, binaries=binaries) as server:
        password = secrets.token_urlsafe(24)
        with psycopg.connect(server.conninfo(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(ROLE), sql.Literal(password))
            )
        yield server, password


def new_database(server: EmbeddedServer, password: str, name: str, template: str | None = None) -> str:
    """A database that ``ROLE`` owns, as that role."""
    server.create_database(name, template or "template0")
    with psycopg.connect(server.conninfo(name), autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(name), sql.Identifier(ROLE)))
        if template is None:
            connection.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(sql.Identifier(ROLE)))
    return make_conninfo(server.conninfo(name), user=ROLE, password=password, passfile=os.devnull)


def doubled(server: EmbeddedServer, password: str, before: str, data: str, notes: tuple[str, ...]) -> Copies:
    """The filled database ``before`` and a second one like it."""
    conninfo = make_conninfo(server.conninfo("before"), user=ROLE, password=password, passfile=os.devnull)
    _settle(server.conninfo("before"), analyze=True)
    after = new_database(server, password, "after", before)
    return Copies(conninfo, after, server, data, notes)


@contextmanager
def of_dump(path: Path, major: int | None) -> Iterator[Copies]:
    """Two copies of what a backup holds, restored by pg_restore (its own formats) or psql (SQL). Raises CannotCopy, NoRoom."""
    if not path.exists():
        raise CannotCopy(f"There is no backup {path}.", "Give what pg_dump wrote.")
    binaries = choose(major)
    size = sum(p.stat().st_size for p in path.rglob("*")) if path.is_dir() else path.stat().st_size
    own = path.is_dir() or path.open("rb").read(5) == b"PGDMP" or path.suffix == ".tar"
    # A compressed backup grows by about five when it is restored with its indexes, one of plain SQL by less.
    with own_server(major, size * (10 if own else 4)) as (server, password):
        conninfo = new_database(server, password, "before")
        program = _program("pg_restore" if own else "psql", binaries.bin_dir)
        _create_extensions(server, path, program, own)
        failed = _restored(program, conninfo, path, own)
        with psycopg.connect(conninfo) as connection:
            count = connection.execute(
                "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE relkind IN ('r', 'p') AND nspname NOT IN ('pg_catalog', 'information_schema')"
            ).fetchone()
        if not count or not count[0]:
            reason = failed[0] if failed else "it holds no table"
            raise CannotCopy(f"{path.name} could not be restored: {reason}.", "Give what pg_dump wrote.")
        notes = (f"{counted(len(failed), 'step')} of the restore failed, first: {failed[0]}",) if failed else ()
        yield doubled(server, password, "before", f"the backup {path.name}, restored", notes)


def _program(name: str, bin_dir: Path) -> str:
    place = bin_dir / name
    found = str(place) if place.exists() else shutil.which(name)
    if found is None:
        raise CannotCopy(f"There is no {name} on this machine.", "Install PostgreSQL's client programs.")
    return found


def _create_extensions(server: EmbeddedServer, path: Path, program: str, own: bool) -> None:
    """Extensions are the superuser's to make; the rest is restored without such rights."""
    if own:
        listed = subprocess.run([program, "--list", str(path)], capture_output=True, text=True, check=False).stdout
        names = re.findall(r"^\d+; \d+ \d+ EXTENSION - (\S+)", listed, re.M)
    else:
        names = []
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                if made := _EXTENSION.match(line):
                    names.append(made[1])
                if _COMMAND.match(line):
                    raise CannotCopy(
                        f"{path.name} holds commands for psql ({line.strip()[:40]}), which are not run.",
                        "Give what pg_dump wrote, without --create.",
                    )
    with psycopg.connect(server.conninfo("before"), autocommit=True) as connection:
        for name in names:
            with suppress(psycopg.Error):  # the restore itself tells what is missing
                connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name)))


def _restored(program: str, conninfo: str, path: Path, own: bool) -> list[str]:
    """What the restore said that failed."""
    parameters = psycopg.conninfo.conninfo_to_dict(conninfo)
    password = str(parameters.pop("password"))
    address = make_conninfo("", **parameters)
    if own:
        command = [program, "--no-owner", "--no-privileges", "--no-comments", f"--dbname={address}", str(path)]
    else:
        command = [program, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=0", f"--dbname={address}", f"--file={path}"]
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=kept | {"PGPASSWORD": password, "LC_ALL": "C"}
    )
    said = [line for line in done.stderr.splitlines() if re.search(r"\berror\b|FATAL", line, re.I)]
    errors = [re.sub(r"^.*?(?:error|ERROR|FATAL): +", "", line) for line in said]
    return [text for text in errors if not re.search(r"role .* does not exist|must be owner|already exists", text)]


def open_both(copies: Copies, limit_seconds: float) -> tuple[Copy, Copy]:
    """A connection to each."""
    return Copy(copies.before, limit_seconds), Copy(copies.after, limit_seconds)
