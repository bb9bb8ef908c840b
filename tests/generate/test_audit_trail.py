"""Whoever changes a row is written down with what it was, and the log cannot be changed."""

from pathlib import Path

import psycopg
import pytest

from cli import assert_one_clear_error, dbwright
from dbwright.embedded import EmbeddedServer
from fixes.alembic_shop import Shop as AlembicShop
from fixes.django_shop import Shop

USE = """
from django.http import HttpResponse
from django.test import RequestFactory
from shop.audit import AuditActor, acting_as, history
from shop.models import Customer, Tag
def view(request):
    c = Customer.objects.create(email="a@example.org", name="A")
    Customer.objects.filter(pk=c.pk).update(name="B", email="b@example.org")
    Customer.objects.filter(pk=c.pk).update(name="B")
    return HttpResponse(str(c.pk))
pk = int(AuditActor(view)(RequestFactory().get("/", {"who": "anna"})).content)
c = Customer.objects.get(pk=pk)
with acting_as("bob"):
    Customer.objects.bulk_update([Customer(pk=pk, score=5)], ["score"])
for entry in history(c):
    after = {name: value for name, value in (entry["after"] or {}).items() if name in ("name", "email", "score")}
    print(entry["actor"], entry["action"], entry["before"], after)
"""


def test_changes_are_written_down(server: EmbeddedServer, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    shop, database = Shop(tmp_path), server.create_database("audit_trail")
    shop.manage("migrate", database=database)
    arguments = ("Customer", "labels", "--secret", "email", "--value", 'request.GET["who"]')
    done = dbwright("generate", "audit-trail", *arguments, "--yes", folder=tmp_path)
    assert done.code == 0, done.err
    assert "Put shop.audit.AuditActor into MIDDLEWARE" in done.err
    assert "No changes" in shop.manage("makemigrations", "--check", "--dry-run", database=database)
    shop.manage("migrate", database=database)
    assert shop.manage("shell", "-v", "0", "-c", USE, database=database).splitlines() == [
        "anna insert None {'name': 'A', 'email': '***', 'score': None}",
        "anna update {'name': 'A', 'email': '***'} {'name': 'B', 'email': '***'}",
        "bob update {'score': None} {'score': 5}",
    ]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE audited")
        connection.execute("GRANT ALL ON shop_customer TO audited")
        connection.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON labels TO audited")
        connection.execute("SET ROLE audited")
        connection.execute("DELETE FROM shop_customer")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM audit.log")
        connection.execute("RESET ROLE")
        last = connection.execute(
            "SELECT action, actor, row_key, before ->> 'name', after FROM audit.log ORDER BY id DESC LIMIT 1"
        )
        assert last.fetchone() == ("delete", None, "1", "B", None)
        for statement in ("DELETE FROM audit.log", "UPDATE audit.log SET actor = 'x'"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only added to"):
                connection.execute(statement.encode())
        assert connection.execute(
            "SELECT count(*) FROM audit.log WHERE to_jsonb(log)::text LIKE '%example.org%'"
        ).fetchone() == (0,)
        connection.execute("DROP OWNED BY audited")
        connection.execute("DROP ROLE audited")
    shop.manage("migrate", "shop", "0001", database=database)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'audit'").fetchone() == (0,)


def test_the_same_in_alembics_words(server: EmbeddedServer, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    empty, database = (server.create_database(f"audit_alembic_{n}") for n in ("empty", "used"))
    shop = AlembicShop(tmp_path, empty)
    shop.alembic("upgrade", "head", database=database)
    done = dbwright("generate", "audit-trail", "orders", "--yes", folder=tmp_path)
    assert done.code == 0, done.err
    shop.alembic("upgrade", "head", database=database)
    shop.alembic("check", database=database)
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO customers (email) VALUES ('a')")
        connection.execute("SELECT set_config('app.actor', 'anna', true)")
        connection.execute("INSERT INTO orders (customer_id, status, paid, placed) VALUES (1, 'x', true, now())")
        assert connection.execute("SELECT actor, table_name FROM audit.log").fetchall() == [("anna", "public.orders")]
    shop.alembic("downgrade", "0001", database=database)


def test_tables_that_cannot_be_followed_are_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    Shop(tmp_path)
    outcome = dbwright("generate", "audit-trail", "Customer", "--secret", "password", "--yes", folder=tmp_path)
    assert_one_clear_error(outcome)
    assert "None of the tables has a column password" in outcome.err
    (tmp_path / "requirements.txt").write_text("django-pghistory\n")
    assert "@pghistory.track()" in dbwright("generate", "audit-trail", "Customer", "--yes", folder=tmp_path).err
