"""Reads go to the replica, writes and what follows them to the primary. The replica is the same server under a second alias here."""

from pathlib import Path

import psycopg
import pytest

from cli import assert_one_clear_error, dbwright
from dbwright.embedded import EmbeddedServer
from fixes.django_shop import Shop

USE = """
from django.db import connections, transaction
from django.http import HttpResponse
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from config import replica_router
from shop.models import Customer
def where(work):
    with CaptureQueriesContext(connections["default"]) as one, CaptureQueriesContext(connections["replica"]) as other:
        work()
    return len(one), len(other)
print(where(lambda: Customer.objects.count()))
with transaction.atomic():
    print(where(lambda: Customer.objects.count()))
c = []
print(where(lambda: c.append(Customer.objects.create(email="a", name="A"))), where(lambda: Customer.objects.get()))
replica_router._until.set(0.0)
read = Customer.objects.get()
print(read._state.db, c[0]._state.db, where(read.save))
replica_router._until.set(0.0)
ask = replica_router.PinAfterWrite(lambda request: HttpResponse(str(where(lambda: Customer.objects.count()))))
write = replica_router.PinAfterWrite(lambda request: (Customer.objects.create(email="b", name="B"), HttpResponse(""))[1])
request = RequestFactory().get("/")
print(ask(request).content, "reads_from_primary" in write(request).cookies, ask(request).content)
request.COOKIES["reads_from_primary"] = "1"
answer = ask(request)
print(answer.content, dict(answer.cookies))
"""


def test_reads_go_to_the_replica_until_something_is_written(
    server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    shop, database = Shop(tmp_path), server.create_database("replica_router")
    done = dbwright("generate", "replica-router", "shop", "--yes", folder=tmp_path)
    assert done.code == 0, done.err
    shop.manage("migrate", database=database)
    shop.manage("check", database=None)
    monkeypatch.setenv("REPLICA_HOST", str(psycopg.conninfo.conninfo_to_dict(database)["host"]))
    shop.manage("migrate", "--database", "replica", database=database)
    assert shop.manage("shell", "-v", "0", "-c", USE, database=database).splitlines() == [
        "(0, 1)",
        "(1, 0)",
        "(1, 0) (1, 0)",
        "replica default (1, 0)",
        "b'(0, 1)' True b'(0, 1)'",
        "b'(1, 0)' {}",
    ]


def test_what_is_not_clear_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    Shop(tmp_path)
    outcome = dbwright("generate", "replica-router", "analytics", "--yes", folder=tmp_path)
    assert_one_clear_error(outcome)
    assert "analytics is no application" in outcome.err
    (tmp_path / "config/settings_live.py").write_text("DATABASES = {}\n")
    outcome = dbwright("generate", "replica-router", "--yes", folder=tmp_path)
    assert_one_clear_error(outcome)
    assert "config/settings.py, config/settings_live.py" in outcome.err
