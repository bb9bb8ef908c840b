"""What users get wrong, and what servers do to them: one clear line, what to do next, exit code 2."""

import json
import os
import pwd
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cli import assert_one_clear_error, dbwright
from dbwright import rules
from dbwright.embedded import EmbeddedServer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder that is no project."""
    return tmp_path


def altered(conninfo: str, **changes: str | None) -> str:
    parts = conninfo_to_dict(conninfo) | changes
    return make_conninfo("", **{key: value for key, value in parts.items() if value is not None})


ON_DATABASES = {rule.id for rule in rules.load_all() if not {"source", "project"} & set(rule.needs)}
"""Rules that need nothing of a project."""


def test_nothing_to_audit(folder: Path) -> None:
    outcome = dbwright("audit", folder=folder)
    assert_one_clear_error(outcome)
    assert "No database and no project" in outcome.err


def test_no_server(folder: Path) -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    outcome = dbwright("audit", "--db", f"postgresql://u:canary@127.0.0.1:{port}/d", folder=folder)
    assert_one_clear_error(outcome)
    assert "Nothing listens" in outcome.err
    assert "canary" not in outcome.err


def test_a_server_that_never_answers(folder: Path) -> None:
    (folder / "app.py").write_text("")
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"postgresql://u:canary@127.0.0.1:{silent.getsockname()[1]}/d"
        outcome = dbwright("audit", "--format", "json", folder=folder, environment={"DATABASE_URL": url})
    assert outcome.code == 0
    report = json.loads(outcome.out)
    assert report["findings"] == []
    assert report["not_checked"]
    of_database = [entry["reason"] for entry in report["not_checked"] if entry["rule"] in ON_DATABASES]
    assert of_database
    assert all("did not answer" in reason and "(named in $DATABASE_URL)" in reason for reason in of_database)
    assert "canary" not in outcome.out + outcome.err


def test_wrong_password(folder: Path, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE wrong LOGIN PASSWORD 'right'")
    outcome = dbwright(
        "audit", "--db", altered(database, user="wrong", password="canary", passfile=None), folder=folder
    )
    assert_one_clear_error(outcome)
    assert "refused the password" in outcome.err
    assert "canary" not in outcome.err


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"dbname": "no_such_database"}, 'database "no_such_database" does not exist'),
        ({"sslmode": "require"}, "does not speak TLS"),
        ({"password": "", "passfile": "/nowhere", "user": "postgres"}, "password"),
    ],
)
def test_connections_that_are_refused(folder: Path, database: str, changes: dict[str, str], text: str) -> None:
    address = altered(database, **changes)
    if "sslmode" in changes:
        # libpq ignores sslmode on a socket; a TCP server that answers "no TLS" stands for one without it.
        with no_tls_server() as port:
            outcome = dbwright("audit", "--db", f"postgresql://u@127.0.0.1:{port}/d?sslmode=require", folder=folder)
    else:
        outcome = dbwright("audit", "--db", address, folder=folder)
    assert_one_clear_error(outcome)
    assert text in outcome.err


class no_tls_server:  # noqa: N801 - reads as a fixture
    """Answers the TLS request with N, as a server without TLS does."""

    def __enter__(self) -> int:
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen()

        def answer() -> None:
            while True:
                try:
                    client, _ = self.socket.accept()
                except OSError:
                    return
                with client:
                    client.recv(8)
                    client.sendall(b"N")

        threading.Thread(target=answer, daemon=True).start()
        return int(self.socket.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def test_an_address_of_another_kind_of_database(folder: Path) -> None:
    outcome = dbwright("audit", "--db", "mysql://root:canary@localhost/shop", folder=folder)
    assert_one_clear_error(outcome)
    assert "canary" not in outcome.err


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b'{"schema_version": 1, "tool_ver', "cut off"),
        (b"[1, 2]", "no snapshot"),
        (b'{"schema_version": 99}', "format 99"),
        (b"\x00\xff\xfe", "cut off or not JSON"),
        (b"[" * 100_000, "no snapshot"),
    ],
)
def test_snapshots_that_are_none(folder: Path, content: bytes, text: str) -> None:
    (folder / "s.json").write_bytes(content)
    outcome = dbwright("audit", "--snapshot", "s.json", folder=folder)
    assert_one_clear_error(outcome)
    assert text in outcome.err


def test_a_snapshot_that_is_not_there(folder: Path) -> None:
    assert_one_clear_error(dbwright("audit", "--snapshot", "absent.json", folder=folder))


def test_a_file_that_is_not_sqlite(folder: Path) -> None:
    (folder / "a.db").write_text("once upon a time there was a database")
    outcome = dbwright("audit", "--db", "a.db", folder=folder)
    assert_one_clear_error(outcome)
    assert "not a SQLite database" in outcome.err


def test_a_sqlite_file_that_is_corrupt(folder: Path) -> None:
    path = folder / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.commit()
    data = bytearray(path.read_bytes())
    data[100:200] = b"\xff" * 100
    path.write_bytes(data)
    outcome = dbwright("audit", "--db", "a.db", folder=folder)
    assert_one_clear_error(outcome)
    assert "damaged" in outcome.err
    assert path.read_bytes() == bytes(data)


def test_a_sqlite_file_that_is_locked(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "a.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.execute("BEGIN EXCLUSIVE")
        outcome = dbwright("audit", "--db", "a.db", folder=folder)
    assert_one_clear_error(outcome)
    assert "locked" in outcome.err


def test_reading_a_wal_file_leaves_nothing_beside_it(folder: Path) -> None:
    path = folder / "data" / "a.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (a)")
    before = path.read_bytes()
    assert dbwright("audit", "--db", str(path), folder=folder).code == 0
    assert [p.name for p in path.parent.iterdir()] == ["a.db"]
    assert path.read_bytes() == before


def test_an_unknown_rule_is_named(folder: Path) -> None:
    outcome = dbwright("explain", "indexes/dupliacte", folder=folder)
    assert_one_clear_error(outcome)
    assert "indexes/duplicate" in outcome.err


@pytest.mark.parametrize(
    ("toml", "text"),
    [
        ('[tool.dbwright]\nignore = [{rule = "indexes/unused"}]', "gives no reason"),
        ('[tool.dbwright]\nfail-on = "sometimes"', "no severity"),
        ("[tool.dbwright]\nfail-on = 3", "must be a string"),
        ("[tool]\ndbwright = 1", "no table"),
        ("[tool.dbwright]\nignore = 5", "must be a list"),
        ('[tool.dbwright.limits."indexes/nope"]\nrows = 1', "no rule 'indexes/nope'"),
        ('[tool.dbwright.limits."foreign-keys/without-index"]\nrow = 1', "no limit 'row'"),
        ("[tool.dbwright]\nfial-on = 1", "no key 'fial-on'"),
        ("[tool.dbwright", "pyproject.toml"),
        ('[tool.dbwright]\nignore = [{rule = "a/b", reason = "r", until = "soon"}]', "no date"),
    ],
)
def test_configuration_that_cannot_be_read(folder: Path, toml: str, text: str) -> None:
    (folder / "pyproject.toml").write_text(toml)
    outcome = dbwright("audit", "--no-db", folder=folder)
    assert_one_clear_error(outcome)
    assert text in outcome.err


def test_a_report_that_cannot_be_written(folder: Path, database: str) -> None:
    outcome = dbwright("audit", "--db", database, "--format", "json", "-o", "/nowhere/at/all.json", folder=folder)
    assert outcome.code == 2
    assert "could not be written" in outcome.err
    assert "Traceback" not in outcome.err


def test_history_that_cannot_be_kept_is_no_failure(folder: Path, database: str) -> None:
    outcome = dbwright(
        "audit", "--db", database, folder=folder, environment={"DBWRIGHT_STORE": "/proc/no/such.sqlite3"}
    )
    assert outcome.code == 0
    assert "History not kept" in outcome.err


@pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="pgbouncer is not installed")
def test_a_pooler_in_transaction_mode(folder: Path, pooler: str) -> None:
    outcome = dbwright("audit", "--db", pooler, "--format", "json", folder=folder)
    assert outcome.code == 0, outcome
    report = json.loads(outcome.out)
    unchecked = [n for n in report["not_checked"] if n["rule"] in ON_DATABASES and not n["partial"]]
    assert not [n for n in unchecked if "pg_stat_statements" not in n["reason"]]


@pytest.fixture
def pooler(server: EmbeddedServer, database: str, tmp_path: Path) -> Iterator[str]:
    """pgbouncer before the test's database; as its own unprivileged account where the tests run as root."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE pooled LOGIN PASSWORD 'pooled' SUPERUSER")
    parts = conninfo_to_dict(database)
    account = "postgres" if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        os.chmod(home, 0o755)
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        Path(home, "users.txt").write_text('"pooled" "pooled"\n')
        Path(home, "pgbouncer.ini").write_text(
            f"[databases]\n{parts['dbname']} = host={parts['host']} port={parts['port']} user=pooled password=pooled\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = plain\nauth_file = {home}/users.txt\n"
            f"pool_mode = transaction\nunix_socket_dir =\n"
        )
        socket_folder = Path(str(parts["host"]))
        if account and not _may_enter(account, socket_folder):
            pytest.skip("the pooler's account may not enter the server's socket directory")
        process = subprocess.Popen(
            ["pgbouncer", "-q", f"{home}/pgbouncer.ini"],
            **_as(account),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            address = f"postgresql://pooled:pooled@127.0.0.1:{port}/{parts['dbname']}"
            for _ in range(50):
                try:
                    psycopg.connect(address).close()
                    break
                except psycopg.OperationalError:
                    time.sleep(0.1)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=10)


def _as(account: str | None) -> dict[str, Any]:
    """Arguments that run a child as an account with its group."""
    if account is None:
        return {}
    entry = pwd.getpwnam(account)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _may_enter(account: str, folder: Path) -> bool:
    return subprocess.run(["test", "-x", str(folder)], **_as(account), check=False).returncode == 0
