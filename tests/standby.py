"""A physical standby of an embedded server: copied with pg_basebackup, in a private directory of its own."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from dbwright.embedded import EmbeddedServer, private
from dbwright.embedded.server import USER, _environment, _postgres
from servers import all_binaries


def standby_majors() -> list[int]:
    """The major versions whose installation has what makes a standby."""
    return sorted(major for major, found in all_binaries().items() if (found.bin_dir / "pg_basebackup").exists())


@contextmanager
def standby_of(primary: EmbeddedServer, name: str = "standby") -> Iterator[Standby]:
    account = private.account_for_server()
    directory, lock = private.make(account)
    process = None
    try:
        subprocess.run(
            [
                str(primary.binaries.bin_dir / "pg_basebackup"),
                f"--dbname={primary.conninfo()}",
                f"--pgdata={directory / 'data'}",
                "--checkpoint=fast",
                "--no-sync",
                "--wal-method=stream",
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
        (directory / "data/standby.signal").touch()
        if account:
            private._hand_over(directory / "data", account)
        private.write(directory / "postgresql.conf", _configuration(primary, directory, name), readable_by=account)
        bin_dir = private.usable_programs(primary.binaries, account, directory)
        who = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
        with (directory / "log").open("ab") as log:
            process = subprocess.Popen(
                _postgres(bin_dir, directory),
                cwd=directory,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **who,  # type: ignore[call-overload]
            )
        standby = Standby(primary, directory)
        standby.catch_up()
        yield standby
    finally:
        if process:
            process.terminate()
            process.wait(timeout=30)
        os.close(lock)
        private.clear(directory)


class Standby:
    """A running standby."""

    def __init__(self, primary: EmbeddedServer, directory: Path) -> None:
        self.primary = primary
        self.directory = directory

    def conninfo(self, dbname: str = "postgres") -> str:
        return make_conninfo(self.primary.conninfo(dbname), host=str(self.directory / "socket"))

    def catch_up(self) -> None:
        """Wait until all that the primary has written so far can be read here."""
        with psycopg.connect(self.primary.conninfo(), autocommit=True) as connection:
            # Without synchronous commits nothing else sends the last of it at once.
            connection.execute("CHECKPOINT")
            row = connection.execute("SELECT pg_current_wal_flush_lsn()").fetchone()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with psycopg.connect(self.conninfo(), autocommit=True) as connection:
                    replayed = connection.execute("SELECT pg_last_wal_replay_lsn() >= %s", row).fetchone()
                if replayed and replayed[0]:
                    return
            except psycopg.OperationalError:
                pass
            time.sleep(0.1)
        raise AssertionError((self.directory / "log").read_text())


def _configuration(primary: EmbeddedServer, directory: Path, name: str) -> str:
    password = (primary.directory / "passfile").read_text().strip().rsplit(":", 1)[1]
    address = make_conninfo(
        host=str(primary.directory / "socket"), port=5432, user=USER, password=password, application_name=name
    )
    settings = primary._settings | {"primary_conninfo": address.replace("'", "''"), "hot_standby": "on"}
    lines = [f"include '{directory / 'data/postgresql.conf'}'"]
    return "\n".join([*lines, *(f"{key} = '{value}'" for key, value in settings.items())]) + "\n"
