"""A costly statement is kept as a materialized view, read by a model and refreshed while it is read."""

from pathlib import Path

import psycopg
import pytest

from cli import assert_one_clear_error, dbwright
from dbwright.embedded import EmbeddedServer
from fixes.alembic_shop import Shop as AlembicShop
from fixes.django_shop import Shop

STATEMENT = """\
-- what customers spent
SELECT c.id AS customer_id, c.name, count(o.id) AS orders, sum(o.amount) AS amount, avg(o.amount) AS mean, max(o.created) AS last
FROM shop_customer c LEFT JOIN shop_order o ON o.customer_id = c.id AND o.status LIKE 'n%'
GROUP BY c.id;
"""
READ = (
    "from shop.models import SpentByCustomer as S;"
    "print('told', [(s.pk, s.name, s.orders, s.amount) for s in S.objects.order_by('customer_id')])"
)
VIEWS = """\
from django.db.models import Count

from shop.models import Order


def totals():
    return list(Order.objects.values("status").annotate(n=Count("id")).order_by("status"))


def of(customer):
    return list(Order.objects.filter(customer=customer).values("status").annotate(n=Count("id")))
"""


def test_django_reads_and_refreshes_it(server: EmbeddedServer, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    shop, database = Shop(tmp_path), server.create_database("materialized_view")
    (tmp_path / "spent.sql").write_text(STATEMENT)
    done = dbwright(
        "generate",
        "materialized-view",
        "spent_by_customer",
        "--statement",
        "spent.sql",
        "--key",
        "customer_id",
        "--yes",
        folder=tmp_path,
    )
    assert done.code == 0, done.err
    assert "customer_id = models.BigIntegerField(primary_key=True)" in (tmp_path / "shop/models.py").read_text()
    assert "No changes" in shop.manage("makemigrations", "--check", "--dry-run", database=database)
    shop.manage("migrate", database=database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO shop_customer (email, name, visits) VALUES ('a', 'A', 0), ('b', 'B', 0)")
        connection.execute(
            "INSERT INTO shop_order (customer_id, status, paid, amount, created)"
            " SELECT 1, 'new', true, n, now() FROM generate_series(1, 4) n"
        )
    assert "told []" in shop.manage("shell", "-c", READ, database=database)
    with psycopg.connect(database) as reader:
        reader.execute("SELECT * FROM spent_by_customer")  # whose transaction stays open
        assert "spent_by_customer refreshed" in shop.manage("refresh_spent_by_customer", database=database)
    told = shop.manage("shell", "-c", READ, database=database)
    assert "told [(1, 'A', 4, 10), (2, 'B', 0, None)]" in told
    with psycopg.connect(database) as other:
        other.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY spent_by_customer")
        with pytest.raises(AssertionError, match="is being refreshed already"):
            shop.manage("refresh_spent_by_customer", database=database)
    shop.manage("migrate", "shop", "0001", database=database)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM pg_matviews").fetchone() == (0,)


def test_sqlalchemy_reads_and_refreshes_it(server: EmbeddedServer, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    empty, database = (server.create_database(f"materialized_alembic_{n}") for n in ("empty", "used"))
    shop = AlembicShop(tmp_path, empty)
    (tmp_path / "by.sql").write_text("SELECT status, count(*) AS n FROM orders GROUP BY status")
    done = dbwright(
        "generate",
        "materialized-view",
        "by_status",
        "--statement",
        "by.sql",
        "--key",
        "status",
        "--yes",
        folder=tmp_path,
    )
    assert done.code == 0, done.err
    shop.alembic("upgrade", "head", database=database)
    shop.alembic("check", database=database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO customers (email) VALUES ('a')")
        connection.execute("INSERT INTO orders (customer_id, status, paid, placed) VALUES (1, 'x', true, now())")
    told = shop.python(
        "from sqlalchemy import create_engine, select\n"
        "from shop.by_status import by_status, refresh\n"
        f"engine = create_engine({shop.url(database)!r})\n"
        "with engine.begin() as connection:\n"
        "    refresh(connection)\n"
        "    print(connection.execute(select(by_status)).all())\n"
    )
    assert told.strip() == "[('x', 1)]"
    shop.alembic("downgrade", "0001", database=database)


def test_what_makes_no_view_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    Shop(tmp_path)
    (tmp_path / "shop/reports.py").write_text(VIEWS)
    (tmp_path / "two.sql").write_text("SELECT 1; SELECT 2")
    (tmp_path / "none.sql").write_text("SELECT nothing FROM shop_order")

    def refused(*arguments: str) -> str:
        outcome = dbwright(
            "generate", "materialized-view", "v", "--key", "status", *arguments, "--yes", folder=tmp_path
        )
        assert_one_clear_error(outcome)
        return outcome.err

    assert "not one SELECT" in refused("--statement", "two.sql")
    assert 'column "nothing" does not exist' in refused("--statement", "none.sql")
    assert "takes parameters" in refused("--query", "shop/reports.py:11")
    assert "No query is known" in refused("--query", "shop/reports.py:1")
    assert "either --statement FILE or --query" in refused()
    shown = dbwright(
        "generate",
        "materialized-view",
        "v",
        "--key",
        "status",
        "--query",
        "shop/reports.py:7",
        "--dry-run",
        folder=tmp_path,
    )
    assert shown.code == 0, shown.err
    assert "GROUP BY" in shown.out
    assert not list((tmp_path / "shop/migrations").glob("0002*"))
