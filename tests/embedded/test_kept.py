"""The cluster that is kept of the first initdb: later starts take a copy; what is wrong with it costs time only."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dbwright.embedded import EmbeddedServer


@pytest.fixture
def clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of kept clusters, this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "dbwright" / "clusters"


def identifier() -> int:
    """What initdb gives each cluster anew."""
    with EmbeddedServer.start() as server, psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE mine")
        row = connection.execute("SELECT system_identifier FROM pg_control_system()").fetchone()
        assert row is not None
        return int(row[0])


def test_the_second_start_is_on_a_copy_and_what_was_made_is_not_in_it(clusters: Path) -> None:
    assert identifier() == identifier()  # CREATE DATABASE would fail if it were the first one's own
    (kept,) = clusters.iterdir()
    assert kept.stat().st_mode & 0o077 == 0
    assert (kept / "password").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("broken", ["PG_VERSION", "global/pg_control", "global/pg_filenode.map"])
def test_a_broken_one_is_made_anew(clusters: Path, broken: str) -> None:
    first = identifier()
    (kept,) = clusters.iterdir()
    (kept / "data" / broken).write_bytes(b"nonsense")
    second = identifier()
    assert second != first
    assert identifier() == second


@pytest.mark.parametrize("password", [b"", b"\xff\xfe", b"another"])
def test_a_lost_password_is_made_anew(clusters: Path, password: bytes) -> None:
    first = identifier()
    (kept,) = clusters.iterdir()
    (kept / "password").write_bytes(password)
    second = identifier()
    assert second != first
    assert identifier() == second


def test_one_of_another_password_is_not_taken(clusters: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = identifier()
    monkeypatch.setattr("dbwright.embedded.server._password_of", lambda _: "another")
    assert identifier() != first
    monkeypatch.undo()


def test_where_nothing_can_be_kept_each_start_is_new(clusters: Path) -> None:
    clusters.parent.mkdir(parents=True)
    clusters.write_text("a file in the way")
    assert identifier() != identifier()
