"""PgBouncer with what is generated for it: many clients on few connections, timeouts, migrations beside it. It really runs."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from cli import assert_one_clear_error, dbwright
from fixes.alembic_shop import Shop as AlembicShop
from fixes.django_shop import Shop

PROGRAM = shutil.which("pgbouncer") or next(iter(Path("/usr/sbin").glob("pgbouncer")), None)
MANY = """
import threading
from django.db import connection, transaction
from shop.models import Customer
together = threading.Barrier(30)
def work():
    together.wait()
    for _ in range(5):
        with transaction.atomic():
            Customer.objects.create(email="a", name="A")
            list(Customer.objects.all()[:5].iterator())
    connection.close()
threads = [threading.Thread(target=work) for _ in range(30)]
[one.start() for one in threads], [one.join() for one in threads]
print(Customer.objects.count())
"""


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextmanager
def running(configuration: Path, port: int) -> Iterator[None]:
    if PROGRAM is None:
        pytest.skip("PgBouncer is not installed")
    account = ["-u", "postgres"] if os.getuid() == 0 else []
    with (configuration.parent / "log").open("w") as log:
        process = subprocess.Popen([str(PROGRAM), *account, str(configuration)], stdout=log, stderr=log)
    try:
        for _ in range(100):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        else:
            pytest.fail((configuration.parent / "log").read_text())
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def psql(conninfo: str, file: Path) -> subprocess.CompletedProcess[str]:
    words = ["psql", "-X", "-q", "-d", conninfo, "-v", "ON_ERROR_STOP=1", "-f", str(file)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def generated(folder: Path, database: str, port: int) -> str:
    """The database's name."""
    told = psycopg.conninfo.conninfo_to_dict(database)
    name, host = str(told["dbname"]), str(told["host"])
    done = dbwright(
        "generate", "pgbouncer", name, "--role", "bounced_app", "--host", host, "--connections", "30", "--pool", "4",
        "--listen-port", str(port), "--users", str(folder / "users"), "--yes", folder=folder,
    )  # fmt: skip
    assert done.code == 0, done.err
    return name


def test_many_clients_share_few_connections(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    shop, port = Shop(tmp_path), free_port()
    name = generated(tmp_path, database, port)
    shop.manage("migrate", database=database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE bounced_app LOGIN PASSWORD 'one secret'")
        connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO bounced_app")
        connection.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO bounced_app")
        for _ in range(2):
            made = psql(database, tmp_path / "database/pgbouncer.sql")
            assert made.returncode == 0, made.stderr
        connection.execute("ALTER ROLE pgbouncer PASSWORD 'another one'")
        (tmp_path / "users").write_text('"pgbouncer" "another one"\n')
        (tmp_path / "pass").write_text("*:*:*:bounced_app:one secret\n")
        (tmp_path / "pass").chmod(0o600)
        through = f"host=127.0.0.1 port={port} dbname={name} user=bounced_app passfile={tmp_path / 'pass'}"
        with running(tmp_path / "database/pgbouncer.ini", port):
            proven = psql(through, tmp_path / "database/pgbouncer_check.sql")
            assert proven.returncode == 0, proven.stderr
            told = psycopg.conninfo.make_conninfo(database, user="bounced_app", passfile=tmp_path / "pass")
            monkeypatch.setenv("POOLER_HOST", "127.0.0.1")
            assert shop.manage("shell", "-v", "0", "-c", MANY, database=told).strip() == "150"
            used = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'bounced_app'").fetchone()
            assert used is not None
            assert 0 < used[0] <= 9
            assert "No migrations to apply" in shop.manage("migrate", "--database", "direct", database=database)
            with pytest.raises(psycopg.OperationalError, match=r"password|authentication"):
                psycopg.connect(through.replace(f"passfile={tmp_path / 'pass'}", "password=wrong"))
            connection.execute("ALTER ROLE bounced_app RESET lock_timeout")
        with running(tmp_path / "database/pgbouncer.ini", port):
            broken = psql(through, tmp_path / "database/pgbouncer_check.sql")
            assert "lock_timeout is 0 and not 5s" in broken.stderr
        back = psql(database, tmp_path / "database/pgbouncer_back.sql")
        assert back.returncode == 0, back.stderr
        assert connection.execute("SELECT count(*) FROM pg_roles WHERE rolname = 'pgbouncer'").fetchone() == (0,)
    monkeypatch.delenv("POOLER_HOST")
    assert "no issues" in shop.manage("check", database=None)


ASK = """
import asyncio
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine
from shop.pgbouncer import through_pgbouncer
engine = create_engine(**through_pgbouncer({url!r}, pool_size=3))
with engine.connect() as connection:
    print(connection.scalar(text("SHOW statement_timeout")), type(engine.pool).__name__)
async def many():
    engine = create_async_engine(**through_pgbouncer({url!r}.replace("+psycopg", "+asyncpg"), pool_size=3))
    async def one(number):
        async with engine.connect() as connection:
            for turn in range(3):  # each its own transaction, on whichever session is free
                found = await connection.scalar(text("SELECT CAST(:n AS int) + 1"), {{"n": number}})
                await connection.commit()
            return found
    print(sum(await asyncio.gather(*(one(n) for n in range(40)))))
asyncio.run(many())
"""


def test_engines_of_sqlalchemy_go_through_it(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    shop, port = AlembicShop(tmp_path, database), free_port()
    (tmp_path / "shop/db.py").write_text(
        'from sqlalchemy import create_engine\n\nengine = create_engine("postgresql://shop@localhost/shop", pool_size=3)\n'
    )
    name = generated(tmp_path, database, port)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE bounced_app LOGIN PASSWORD 'onesecret'")
        assert psql(database, tmp_path / "database/pgbouncer.sql").returncode == 0
        connection.execute("ALTER ROLE pgbouncer PASSWORD 'another one'")
        (tmp_path / "users").write_text('"pgbouncer" "another one"\n')
        monkeypatch.setenv("POOLER_HOST", "127.0.0.1")
        with running(tmp_path / "database/pgbouncer.ini", port):
            url = f"postgresql+psycopg://bounced_app:onesecret@nowhere/{name}"
            assert shop.python(ASK.format(url=url)).splitlines() == ["30s NullPool", "820"]
        assert psql(database, tmp_path / "database/pgbouncer_back.sql").returncode == 0


def test_a_pool_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    Shop(tmp_path)
    words = ("generate", "pgbouncer", "shop", "--role", "app", "--yes")
    outcome = dbwright(*words, "--connections", "30", folder=tmp_path)
    assert_one_clear_error(outcome)
    assert "leaves 5 of 30 connections" in outcome.err
    assert "may have 12" in outcome.err
    outcome = dbwright(*words, "--folder", "../elsewhere", folder=tmp_path)
    assert_one_clear_error(outcome)
    assert "is no file below the project" in outcome.err
    outcome = dbwright(*words, "--host", "a;b\n[x]", folder=tmp_path)
    assert_one_clear_error(outcome)
    assert not (tmp_path / "database").exists()
