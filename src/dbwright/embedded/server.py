"""A throw-away PostgreSQL server behind a private socket."""

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from platformdirs import user_cache_path
from psycopg import sql
from psycopg.conninfo import make_conninfo

from dbwright.embedded import private, supervisor
from dbwright.embedded.binaries import CHOSEN, ServerBinaries, choose
from dbwright.embedded.failure import EmbeddedServerError

USER = "postgres"

Settings = Mapping[str, str | int | float]

# Nothing in here outlives its owner, so durability is only a cost.
DEFAULTS: Settings = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    # Files in the data directory: containers have 64 MB of /dev/shm, and a killed server leaves its segments there.
    "dynamic_shared_memory_type": "mmap",
}
_PORT = 5432
_KEPT_FORMAT = 1
"""Raised whenever initdb is called otherwise."""
_LOCALES = ("C.UTF-8", "C")


class EmbeddedServer:
    """A running PostgreSQL server of our own; use it as a context manager, or call `stop`.

    It listens on a socket in a private directory only, asks for a random password, and its data is gone when it stops:
    at the end of the block, at any end of this process, at the latest at the next start after everything was killed.
    It belongs to the process that started it: in forked children it can be used, but `stop` does nothing.
    """

    def __init__(
        self,
        binaries: ServerBinaries,
        directory: Path,
        account: private.Account | None,
        process: subprocess.Popen[bytes],
    ) -> None:
        """For `start` only."""
        self.binaries = binaries
        self.directory = directory
        self._account = account
        self._process = process
        self._owner = os.getpid()
        self._settings: dict[str, str | int | float] = dict(DEFAULTS)
        self._stopped = False

    @classmethod
    def start(
        cls, major: int | None = None, settings: Settings | None = None, *, binaries: ServerBinaries | None = None
    ) -> Self:
        """Start a fresh, empty server: of this major version if possible (see `choose`), or of exactly these binaries.

        `settings` are PostgreSQL's own, such as `{"shared_preload_libraries": "pg_stat_statements"}`.

        Raises `EmbeddedServerError`, also as `NoServerBinaries`, with nothing left behind.
        """
        if sys.platform == "win32":
            raise EmbeddedServerError(
                "The embedded PostgreSQL server is not supported on Windows.", "Run dbwright in WSL or in a container."
            )
        binaries = binaries or choose(major)
        account = private.account_for_server()
        private.clear_leftovers()
        try:
            directory, lock = private.make(account)
            server = cls(binaries, directory, account, _start_supervisor(directory, lock))
            server._create_or_stop(settings or {})
        except OSError as error:
            raise _failure(str(error)) from error
        return server

    @property
    def major(self) -> int:
        """The major version that runs, which is another than asked for when the machine has no such server."""
        return self.binaries.major

    @property
    def version(self) -> str:
        """The full version, such as 18.6."""
        return self.binaries.version

    def conninfo(self, dbname: str = "postgres") -> str:
        """How to connect as the superuser; it names the file with the password, so it may be shown and logged."""
        return make_conninfo(
            host=str(self.directory / "socket"),
            port=_PORT,
            user=USER,
            dbname=dbname,
            passfile=str(self.directory / "passfile"),
        )

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create a database, a copy of `template` if given, and return its conninfo.

        Raises what psycopg raises, such as `psycopg.errors.DuplicateDatabase`.
        """
        command = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template:
            command += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        self._execute(command)
        return self.conninfo(name)

    def drop_database(self, name: str) -> None:
        """Drop a database if it exists, ending the connections to it."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def restart(self, settings: Settings | None = None) -> None:
        """Restart with the data kept and these settings added to the earlier ones.

        Raises `EmbeddedServerError` when it does not come up again; the next restart is with the earlier settings.
        """
        if self._stopped:
            raise _has_stopped()
        earlier = dict(self._settings)
        try:
            self._configure(settings or {})
            self._order("restart")
        except EmbeddedServerError:
            self._settings = earlier
            raise

    def stop(self) -> None:
        """Stop the server and remove everything it had. Calling it again does nothing."""
        if self._stopped or os.getpid() != self._owner:
            return
        self._stopped = True
        pipes = self._process.stdin, self._process.stdout
        with contextlib.suppress(OSError):
            self._send("stop")
        for pipe in pipes:
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()
        if self.directory.exists():
            private.clear(self.directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<EmbeddedServer {self.version} in {self.directory}>"

    def _create_or_stop(self, settings: Settings) -> None:
        try:
            self._create(settings)
        except BaseException:
            self.stop()
            raise

    def _create(self, settings: Settings) -> None:
        account = self._account
        bin_dir = private.usable_programs(self.binaries, account, self.directory)
        kept = _kept(self.binaries, account)
        password = _password_of(kept)
        private.write(self.directory / "passfile", f"*:*:*:{USER}:{password}\n")
        private.write(self.directory / "pwfile", f"{password}\n", owner=account)
        self._configure(settings)
        self._order(
            {
                "initdb": [_initdb(bin_dir, self.directory, locale) for locale in _LOCALES],
                "kept": str(kept),
                "password": password,
                "postgres": _postgres(bin_dir, self.directory),
                "environment": _environment(),
                "account": account and [account.uid, account.gid],
            }
        )
        (self.directory / "pwfile").unlink()

    def _configure(self, settings: Settings) -> None:
        self._settings.update(settings)
        lines = [f"include {_quoted(self.directory / 'data/postgresql.conf')}"]
        lines += [f"{name} = {_quoted(value)}" for name, value in self._settings.items()]
        private.write(self.directory / "postgresql.conf", "\n".join(lines) + "\n", readable_by=self._account)

    def _execute(self, command: sql.Composed) -> None:
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            connection.execute(command)

    def _order(self, order: Any) -> None:
        try:
            self._send(order)
            answer = self._process.stdout.readline() if self._process.stdout else b""
        except (OSError, ValueError):
            answer = b""
        if not answer:
            raise _has_stopped()
        if said := json.loads(answer).get("error"):
            raise _failure(said)

    def _send(self, order: Any) -> None:
        if self._process.stdin:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()


def _start_supervisor(directory: Path, lock: int) -> subprocess.Popen[bytes]:
    # Isolated and without site: it starts in some 15 ms, and nothing of the caller's Python setup can break it.
    command = [sys.executable, "-I", "-S", supervisor.__file__, str(directory), str(os.getpid())]
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock,),
            cwd="/",
            env=_environment(),
            start_new_session=True,
        )
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    finally:
        os.close(lock)


def _initdb(bin_dir: Path, directory: Path, locale: str) -> list[str]:
    return [
        str(bin_dir / "initdb"),
        f"--pgdata={directory / 'data'}",
        f"--pwfile={directory / 'pwfile'}",
        f"--username={USER}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        f"--locale={locale}",
        "--no-sync",
    ]


def _kept(binaries: ServerBinaries, account: private.Account | None) -> Path:
    """The folder for the fresh cluster of these programs, so that initdb, half of a start, runs once."""
    program = binaries.bin_dir / "postgres"
    of = (_KEPT_FORMAT, str(program), binaries.version, program.stat().st_mtime_ns, account and account.uid)
    name = hashlib.sha256(repr(of).encode()).hexdigest()[:16]
    return user_cache_path("dbwright", appauthor=False) / "clusters" / name


def _password_of(kept: Path) -> str:
    """The password of the kept cluster, else a new one. It stands in a folder that nobody else may enter, like each server's socket."""
    with contextlib.suppress(OSError, ValueError):
        if password := (kept / "password").read_text(encoding="utf-8"):
            return password
    return secrets.token_urlsafe(24)


def _postgres(bin_dir: Path, directory: Path) -> list[str]:
    # On the command line, where neither the caller's settings nor ALTER SYSTEM can open a door.
    fixed = {
        "config_file": directory / "postgresql.conf",
        "listen_addresses": "",
        "unix_socket_directories": directory / "socket",
        "port": _PORT,
    }
    # -D first: the next start recognises a leftover server by it.
    command = [str(bin_dir / "postgres"), "-D", str(directory / "data")]
    for name, value in fixed.items():
        command += ["-c", f"{name}={value}"]
    return command


def _environment() -> dict[str, str]:
    # The server may run as another account, so it gets none of our secrets, nor PGPORT and its like.
    kept = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    return {"TZ": "UTC"} | {name: os.environ[name] for name in kept if name in os.environ}


def _quoted(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n")
    return f"'{text}'"


def _has_stopped() -> EmbeddedServerError:
    return EmbeddedServerError("The embedded PostgreSQL server has been stopped.", "Start a new one.")


def _failure(said: str) -> EmbeddedServerError:
    remedy = f"Check the settings given, or set {CHOSEN} to the bin folder of another PostgreSQL installation."
    if re.search(r"No space left|[Qq]uota exceeded", said):
        remedy = "Free some space in the temporary folder, or set TMPDIR to another one."
    return EmbeddedServerError(f"The embedded PostgreSQL server does not start: {_reason(said)}.", remedy)


def _reason(said: str) -> str:
    """The most telling line of what PostgreSQL said: about a wrong setting its last words tell less than its first."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["it gave no reason"]
    for sign in (r"invalid value|unrecognized configuration|syntax error", r"FATAL|PANIC", r"error:|could not", ""):
        for line in lines:
            if re.search(sign, line):
                return re.sub(r"^.*?\b(LOG|FATAL|PANIC|error): +", "", line).rstrip(".")
    return lines[-1]
