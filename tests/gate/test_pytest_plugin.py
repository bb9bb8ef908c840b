"""pytest --dbwright-plans: the gate inside the test run of a project on SQLite."""

import subprocess
import sys
from pathlib import Path

import pytest
from shop_project import INDEX, Production, write_project

DJANGO = """\
import os

import django
import pytest

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
django.setup()


@pytest.fixture(autouse=True)
def tables():
    from django.core.management import call_command

    call_command("migrate", run_syncdb=True, verbosity=0)
"""
TEST = """\
from django.test import RequestFactory

from shop import views
from shop.models import Order


def test_view():
    assert views.view_0(RequestFactory().get("/", {"email": "a", "pk": "1"})).status_code == 200


def test_by_itself():
    assert not list(Order.objects.filter(number="sent by the test alone"))
"""
SLOW = "list(Order.objects.filter(email=request.GET['email']))"
QUICK = "list(Order.objects.filter(pk=request.GET['pk']))"
SQLALCHEMY = """\
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "shop_order"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]


async def find(session, email):
    return list(await session.scalars(select(Order).where(Order.email == email)))
"""
SQLALCHEMY_TEST = """\
import asyncio

from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

import orders


async def ask():
    engine = create_async_engine("sqlite+aiosqlite://")
    async with engine.begin() as connection:
        await connection.run_sync(orders.Base.metadata.create_all)
    async with AsyncSession(engine) as session:
        assert await orders.find(session, "a") == []
    await engine.dispose()


def test_find():
    asyncio.run(ask())
"""


def run(folder: Path, production: Production, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider", *arguments]
    if "-n" not in arguments:
        command += ["-p", "no:xdist"]
    done = subprocess.run(
        [*command, f"--dbwright-plans={production.file}"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def write_tests(folder: Path) -> None:
    (folder / "conftest.py").write_text(DJANGO)
    (folder / "test_views.py").write_text(TEST)
    (folder / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["one process", "two processes"])
def test_a_statement_of_the_code_fails_the_run(
    tmp_path: Path, production: Production, arguments: tuple[str, ...]
) -> None:
    write_project(tmp_path, SLOW)
    write_tests(tmp_path)
    code, out = run(tmp_path, production, *arguments)
    assert code == 1, out
    assert "2 passed" in out
    assert "shop/views.py:7  view_0 would read 300,000 rows of shop_order" in out
    assert "Seq Scan on shop_order (Filter: ((email)::text = $1))" in out
    assert "CREATE INDEX CONCURRENTLY shop_order_email_idx" in out
    assert "sent in test_views.py::test_view" in out
    assert "sent by the test alone" not in out
    assert "; 1 of the code would read or sort a large table." in out


def test_the_index_of_the_same_change_makes_it_pass(tmp_path: Path, production: Production) -> None:
    write_project(tmp_path, SLOW, meta=INDEX.format("email"))
    write_tests(tmp_path)
    code, out = run(tmp_path, production)
    assert code == 0, out
    assert "; 0 of the code would read or sort a large table." in out


def test_a_quick_statement_passes_and_is_counted(tmp_path: Path, production: Production) -> None:
    write_project(tmp_path, QUICK)
    write_tests(tmp_path)
    code, out = run(tmp_path, production)
    assert code == 0, out
    assert "statements were sent; 0 of the code would read" in out


def test_asyncio_and_sqlalchemy(tmp_path: Path, production: Production) -> None:
    (tmp_path / "orders.py").write_text(SQLALCHEMY)
    (tmp_path / "test_orders.py").write_text(SQLALCHEMY_TEST)
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    code, out = run(tmp_path, production)
    assert code == 1, out
    assert "orders.py:16  find would read 300,000 rows of shop_order" in out


def test_a_snapshot_that_is_none_is_said_before_any_test_runs(tmp_path: Path) -> None:
    write_project(tmp_path, QUICK)
    write_tests(tmp_path)
    file = tmp_path / "production.json"
    file.write_text("{}")
    code, out = run(tmp_path, Production(None, file))  # type: ignore[arg-type]
    assert code == 4, out
    assert "dbwright:" in out
    assert "passed" not in out


def test_without_the_option_nothing_is_watched(tmp_path: Path) -> None:
    write_project(tmp_path, SLOW)
    write_tests(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "production" not in done.stdout
