"""Rows are seen by those they belong to: held by the database, proven as another role."""

from pathlib import Path

import psycopg
import pytest

from cli import assert_one_clear_error, dbwright
from dbwright.embedded import EmbeddedServer
from fixes.alembic_shop import Shop as AlembicShop
from fixes.django_shop import Shop

MODELS = """\
from django.db import models


class Account(models.Model):
    name = models.TextField()


class Entry(models.Model):
    account = models.ForeignKey(Account, models.CASCADE)
    title = models.CharField(max_length=50, unique=True)
    mood = models.CharField(max_length=10, choices=[("good", "Good"), ("bad", "Bad")])
    data = models.JSONField(default=dict)
    written = models.DateTimeField(auto_now_add=True)


class Reminder(models.Model):
    id = models.UUIDField(primary_key=True)
    account_id = models.BigIntegerField()
    text = models.TextField(blank=True)
"""
AS_ROLE = """\
if os.environ.get("AS_ROLE"):
    DATABASES["default"]["OPTIONS"] = {"assume_role": os.environ["AS_ROLE"]}
"""
ASK = """
from django.http import HttpResponse
from django.test import RequestFactory
from shop.models import Entry
from shop.row_security import RowSecurity
def view(request):
    if request.GET["account"] == "9":
        Entry.objects.create(account_id=9, title="lost", mood="good")
        return HttpResponse("failed", status=500)
    return HttpResponse(",".join(Entry.objects.values_list("title", flat=True)))
ask = lambda account: RowSecurity(view)(RequestFactory().get("/", {"account": account})).content.decode()
print("told", ask(1), ask(2), ask(9), ask(9), Entry.objects.count())
"""


def project(folder: Path) -> Shop:
    (folder / "home").mkdir()
    shop = Shop(folder, MODELS)
    settings = folder / "config/settings.py"
    settings.write_text(
        settings.read_text()
        + 'MIDDLEWARE = [\n    "django.middleware.common.CommonMiddleware",\n]\nALLOWED_HOSTS = ["*"]\n'
        + AS_ROLE
    )
    return shop


def test_everybody_sees_the_own_rows_only(
    server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, database = project(tmp_path), server.create_database("row_security")
    shop.manage("migrate", database=database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO shop_account (name) SELECT 'a' || n FROM generate_series(1, 9) n")
        connection.execute(
            "INSERT INTO shop_entry (account_id, title, mood, data, written)"
            " VALUES (1, 'mine', 'good', '{}', now()), (2, 'yours', 'bad', '{}', now())"
        )
    arguments = ("Entry", "Reminder", "--by", "account_id", "--value", 'request.GET["account"]')
    done = dbwright("generate", "row-security", *arguments, "--yes", folder=tmp_path)
    assert done.code == 0, done.err
    assert '    "shop.row_security.RowSecurity",\n]' in (tmp_path / "config/settings.py").read_text()
    assert '_idx")' in (tmp_path / "shop/models.py").read_text()
    assert "No changes" in shop.manage("makemigrations", "--check", "--dry-run", database=database)
    shop.manage("migrate", database=database)
    shop.manage("test", "shop", database=database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE application")
        connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO application")
        connection.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO application")
        connection.execute("ALTER TABLE shop_entry OWNER TO application")
    monkeypatch.setenv("AS_ROLE", "application")
    told = shop.manage("shell", "-c", ASK, database=database)
    assert told.strip().endswith("told mine yours failed failed 0")
    back = next(line for line in done.err.splitlines() if line.startswith("To take it back: ")).split()
    monkeypatch.delenv("AS_ROLE")
    shop.manage(*back[-3:], database=database)
    monkeypatch.setenv("AS_ROLE", "application")
    assert "told mine,yours" in shop.manage("shell", "-c", ASK, database=database)
    with psycopg.connect(database, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM pg_policy").fetchone() == (0,)
        connection.execute("DROP OWNED BY application CASCADE")
        connection.execute("DROP ROLE application")


def test_sessions_of_sqlalchemy_tell_for_whom(server: EmbeddedServer, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    empty, database = (server.create_database(f"row_security_alembic_{n}") for n in ("empty", "used"))
    shop = AlembicShop(tmp_path, empty)
    shop.alembic("upgrade", "head", database=database)
    done = dbwright("generate", "row-security", "orders", "--by", "customer_id", "--yes", folder=tmp_path)
    assert done.code == 0, done.err
    shop.alembic("upgrade", "head", database=database)
    shop.alembic("check", database=database)
    assert (tmp_path / "shop/row_security.py").exists()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO customers (email) VALUES ('a'), ('b')")
        connection.execute(
            "INSERT INTO orders (customer_id, status, paid, placed) VALUES (1, 'x', true, now()), (2, 'y', true, now())"
        )
        connection.execute("CREATE ROLE row_reader")
        connection.execute("GRANT SELECT ON orders TO row_reader")
    url = shop.url(database) + "&options=-c%20role%3Drow_reader"
    lines = shop.python(
        "from sqlalchemy import create_engine, select\n"
        "from sqlalchemy.orm import Session\n"
        "from shop.models import Order\n"
        "from shop.row_security import acting_for\n"
        f"engine = create_engine({url!r})\n"
        "for who in ('', 1, 2):\n"
        "    acting_for.set(who)\n"
        "    with Session(engine) as session:\n"
        "        print([order.status for order in session.scalars(select(Order))])\n"
    )
    assert lines.split("\n")[:3] == ["[]", "['x']", "['y']"]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP OWNED BY row_reader")
        connection.execute("DROP ROLE row_reader")


def test_what_policies_cannot_compare_is_refused(tmp_path: Path) -> None:
    project(tmp_path)
    outcome = dbwright("generate", "row-security", "Entry", "--by", "data", "--yes", folder=tmp_path)
    assert_one_clear_error(outcome)
    assert "shop_entry.data is jsonb" in outcome.err
    outcome = dbwright(
        "generate", "row-security", "Entry", "--by", "account_id", "--setting", "x y", "--yes", folder=tmp_path
    )
    assert_one_clear_error(outcome)
    assert not (tmp_path / "shop/row_security.py").exists()
