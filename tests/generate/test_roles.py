"""Each role does what it needs and is refused what it does not, tried on a project's own database."""

import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

from cli import assert_one_clear_error, dbwright
from dbwright.embedded import EmbeddedServer
from fixes.django_shop import Shop


def psql(conninfo: str, file: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("psql")
    if program is None:
        pytest.skip("psql is not installed")
    return subprocess.run(
        [program, "-X", "-q", "-d", conninfo, "-v", "ON_ERROR_STOP=1", "-f", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_roles_are_made_proven_and_taken_back(server: EmbeddedServer, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    shop, database = Shop(tmp_path), server.create_database("roles")
    shop.manage("migrate", database=database)
    done = dbwright("generate", "roles", "shop", "--yes", folder=tmp_path)
    assert done.code == 0, done.err
    for _ in range(2):
        made = psql(database, tmp_path / "database/roles.sql")
        assert made.returncode == 0, made.stderr
    proven = psql(database, tmp_path / "database/roles_check.sql")
    assert proven.returncode == 0, proven.stderr
    with psycopg.connect(database, autocommit=True) as connection:
        owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert owners == [("shop_migrate",)]
        assert connection.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'tried%'").fetchone() == (0,)
        connection.execute("SET ROLE shop_app")
        connection.execute("INSERT INTO shop_customer (email, name, visits) VALUES ('a', 'A', 0)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM django_migrations")
        connection.execute("RESET ROLE")
        connection.execute("GRANT DELETE ON shop_customer TO shop_read")
    broken = psql(database, tmp_path / "database/roles_check.sql")
    assert broken.returncode != 0
    assert "shop_read may: DELETE FROM public.shop_customer" in broken.stderr
    back = psql(database, tmp_path / "database/roles_back.sql")
    assert back.returncode == 0, back.stderr
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'shop%'").fetchone() == (0,)
    shop.manage("migrate", database=database)


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    Shop(tmp_path)
    outcome = dbwright("generate", "roles", "Shop'; --", "--yes", folder=tmp_path)
    assert_one_clear_error(outcome)
    assert not (tmp_path / "database").exists()
