"""A password is exchanged in the database and in the files, or nowhere, and is told to nobody."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from cli import assert_one_clear_error, dbwright
from fixes.django_shop import Shop

OLD = "hunter2-weak"
ENV = """\
# the shop
SECRET_KEY=hunter2-weak
DB_PASSWORD="hunter2-weak"
DATABASE_URL=postgres://rotated:hunter2-weak@{host}/shop
OTHER_URL=postgres://somebody:hunter2-weak@elsewhere/shop
export PGPASSWORD=hunter2-weak\r
"""


@pytest.fixture
def database_of(database: str) -> str:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE rotated LOGIN PASSWORD '{OLD}'")
        connection.execute("CREATE ROLE somebody LOGIN PASSWORD 'hunter2-weak'")
    return database


def project(folder: Path, *arguments: str) -> Path:
    (folder / "home").mkdir()
    Shop(folder)
    (folder / ".env").write_bytes(ENV.format(host="127.0.0.1").encode())
    (folder / ".env").chmod(0o640)
    (folder / ".env.example").write_text("DATABASE_URL=postgres://rotated:hunter2-weak@localhost/shop\n")
    done = dbwright("generate", "password-rotation", "rotated", *arguments, "--yes", folder=folder)
    assert done.code == 0, done.err
    assert OLD not in done.out + done.err
    return folder / "database/rotate_rotated.py"


def rotate(script: Path, database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    told = psycopg.conninfo.conninfo_to_dict(database)
    reach = ("--host", str(told["host"]), "--port", str(told["port"]), "--dbname", str(told["dbname"]))
    ended = subprocess.run(
        [sys.executable, str(script), *reach, *arguments], capture_output=True, text=True, check=False
    )
    assert OLD not in ended.stdout + ended.stderr
    return ended


def logs_in(database: str, role: str, password: str) -> bool:
    try:
        psycopg.connect(psycopg.conninfo.make_conninfo(database, user=role, password=password, passfile="")).close()
    except psycopg.OperationalError:
        return False
    return True


def test_it_is_exchanged_everywhere_it_stands_for_the_role(database_of: str, tmp_path: Path) -> None:
    script = project(tmp_path)
    before = (tmp_path / ".env").read_bytes()
    tried = rotate(script, database_of, "--dry-run")
    assert tried.returncode == 0, tried.stderr
    assert ".env: lines 3, 4, 6" in tried.stdout
    assert (tmp_path / ".env").read_bytes() == before
    assert logs_in(database_of, "rotated", OLD)
    done = rotate(script, database_of, "--restart", f"touch {tmp_path / 'restarted'}")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "restarted").exists()
    lines = (tmp_path / ".env").read_bytes().decode().split("\n")
    new = lines[2].removeprefix('DB_PASSWORD="').removesuffix('"')
    assert len(new) == 48
    assert new not in done.stdout + done.stderr
    assert lines[1] == "SECRET_KEY=hunter2-weak"  # somebody else's secret of the same text
    assert lines[3] == f"DATABASE_URL=postgres://rotated:{new}@127.0.0.1/shop"
    assert lines[4] == "OTHER_URL=postgres://somebody:hunter2-weak@elsewhere/shop"
    assert lines[5] == f"export PGPASSWORD={new}\r"
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o640
    assert "hunter2-weak" in (tmp_path / ".env.example").read_text()
    assert logs_in(database_of, "rotated", new)
    assert not logs_in(database_of, "rotated", OLD)
    assert logs_in(database_of, "somebody", OLD)
    assert rotate(script, database_of).returncode == 0
    assert not logs_in(database_of, "rotated", new)


def test_what_fails_leaves_the_old_one(database_of: str, tmp_path: Path) -> None:
    script = project(tmp_path)
    before = (tmp_path / ".env").read_bytes()
    with psycopg.connect(database_of, autocommit=True) as connection:
        connection.execute("ALTER ROLE rotated CONNECTION LIMIT 1")  # no second connection that could prove the new one
        failed = rotate(script, database_of)
        assert failed.returncode == 1
        assert "the old one is in place again" in failed.stderr
        assert (tmp_path / ".env").read_bytes() == before
        assert logs_in(database_of, "rotated", OLD)
        connection.execute("ALTER ROLE rotated CONNECTION LIMIT -1 PASSWORD 'another'")
    failed = rotate(script, database_of)
    assert failed.returncode == 1
    assert "Nothing was changed" in failed.stderr
    assert sorted(path.name for path in tmp_path.glob(".env*")) == [".env", ".env.example"]


def test_a_variable_that_stands_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    Shop(tmp_path)
    for words in ((), ("--variable", "no name"), ("--file", "../../etc/passwd")):
        outcome = dbwright("generate", "password-rotation", "shop", *words, "--yes", folder=tmp_path)
        assert_one_clear_error(outcome)
    assert not (tmp_path / "database").exists()


@pytest.mark.parametrize("written", ["p%40ss!word", "p%40ss%21word", "p@ss!word"])
def test_however_an_address_is_escaped(database: str, tmp_path: Path, written: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE rotated LOGIN PASSWORD 'p@ss!word'")
    script = project(tmp_path)
    (tmp_path / ".env").write_text(f"DATABASE_URL=postgres://rotated:{written}@127.0.0.1/shop\n")
    done = rotate(script, database)
    assert done.returncode == 0, done.stderr
    new = (
        (tmp_path / ".env")
        .read_text()
        .removeprefix("DATABASE_URL=postgres://rotated:")
        .removesuffix("@127.0.0.1/shop\n")
    )
    assert len(new) == 48
    assert logs_in(database, "rotated", new)


def test_what_cannot_be_written_is_not_changed(database_of: str, tmp_path: Path) -> None:
    script = project(tmp_path)
    (tmp_path / ".env").write_text(
        "DATABASE_URL=postgres://rot%61ted:hunter2-we%61k@127.0.0.1:1/shop?password=hunter2-weak&user=rotated\n"
    )
    (tmp_path / "other").write_text((tmp_path / ".env").read_text())
    (tmp_path / ".env").unlink()
    (tmp_path / ".env").symlink_to("other")
    done = rotate(script, database_of)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".env").is_symlink()
    assert not logs_in(database_of, "rotated", OLD)
