"""A table that is written to becomes partitioned: nothing is lost on the way there, nor on the way back."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from random import Random

import psycopg
import pytest

from cli import assert_one_clear_error, dbwright
from dbwright.embedded import EmbeddedServer
from fixes.alembic_shop import Shop as AlembicShop
from fixes.django_shop import Shop

MODELS = """\
from django.db import models


class Customer(models.Model):
    name = models.TextField()


class Event(models.Model):
    customer = models.ForeignKey(Customer, models.CASCADE)
    kind = models.CharField(max_length=20, db_index=True)
    data = models.JSONField(default=dict)
    created = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["kind", "-created"], name="event_kind_created")]
"""
ROWS = """\
INSERT INTO shop_customer (name) SELECT 'c' || n FROM generate_series(1, 20) n;
INSERT INTO shop_event (customer_id, kind, data, created)
SELECT 1 + n % 20, 'kind' || n % 7, jsonb_build_object('n', n), now() - n * interval '40 minutes' FROM generate_series(1, 10000) n"""
HASH = "SELECT count(*), sum(hashtextextended(e::text, 0)::numeric) FROM {} e"


def generate(shop: Shop, *arguments: str) -> None:
    (shop.folder / "home").mkdir(exist_ok=True)
    done = dbwright("generate", *arguments, "--yes", folder=shop.folder)
    assert done.code == 0, done.err


@contextmanager
def writers(conninfo: str, count: int = 2) -> Iterator[list[int]]:
    """Connections that insert, update and delete all the while; yields how many transactions each has done. None may fail."""
    stop, failures, done = threading.Event(), [], [0] * count

    def write(number: int) -> None:
        random = Random(number)
        levels = (psycopg.IsolationLevel.READ_COMMITTED, psycopg.IsolationLevel.REPEATABLE_READ)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.isolation_level = levels[number % 2]
            while not stop.is_set():
                try:
                    with connection.transaction():
                        _write(connection, random)
                except psycopg.errors.SerializationFailure:
                    continue  # what REPEATABLE READ asks of its users
                except psycopg.Error as error:
                    failures.append(error)
                    return
                done[number] += 1
                stop.wait(0.002)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures, failures


def _write(connection: psycopg.Connection, random: Random) -> None:
    """Changes of the rows that were there first, and of rows of its own: what somebody else has written is left alone."""
    days = random.randrange(-20, 400)
    (own,) = connection.execute(
        "INSERT INTO shop_event (customer_id, kind, data, created) VALUES (1, 'new', '{}', now() - %s * interval '1 day') RETURNING id",
        (days,),
    ).fetchone()  # type: ignore[misc]
    one, other, third = sorted((*random.sample(range(1, 10_001), 2), random.choice((own, random.randrange(1, 10_001)))))
    connection.execute("UPDATE shop_event SET kind = 'changed' WHERE id = %s", (one,))
    connection.execute("UPDATE shop_event SET created = created - interval '45 days' WHERE id = %s", (other,))
    connection.execute("DELETE FROM shop_event WHERE id = %s", (third,))


def hashes(conninfo: str, *tables: str) -> list[tuple[int, int]]:
    with psycopg.connect(conninfo) as connection:
        return [connection.execute(HASH.format(table).encode()).fetchone() for table in tables]  # type: ignore[misc]


@pytest.mark.parametrize("major", [15, 18])
def test_nothing_is_lost_under_writers_there_and_back(servers, tmp_path: Path, major: int) -> None:
    server: EmbeddedServer = servers(major)
    shop, database = Shop(tmp_path, MODELS), server.create_database(f"partition_{major}")
    shop.manage("migrate", database=database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(ROWS)
    generate(shop, "partition", "Event", "--by", "created", "--extend-key", "--batch", "500")
    assert "No changes" in shop.manage("makemigrations", "--check", "--dry-run", database=database)
    with writers(database) as done:
        shop.manage("migrate", database=database)
        after = list(done)
        while min(now - then for now, then in zip(done, after, strict=True)) < 20:
            threading.Event().wait(0.05)
    now, before = hashes(database, "shop_event", "shop_event_before.shop_event")
    assert now == before
    assert now[0] > 9000
    with psycopg.connect(database) as connection:
        (kind,) = connection.execute("SELECT relkind FROM pg_class WHERE oid = 'shop_event'::regclass").fetchone()
        assert kind == "p"
        indexes = connection.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'shop_event' AND schemaname = 'public'"
        )
        assert len(indexes.fetchall()) == 5
        plan = connection.execute(
            "EXPLAIN SELECT * FROM shop_event WHERE created >= date_trunc('month', now())"
        ).fetchall()
        assert sum("Scan" in row[0] and " on shop_event_" in row[0] for row in plan) <= 11
        (stray,) = connection.execute("SELECT count(*) FROM shop_event_partitions.shop_event_default").fetchone()
        assert stray < now[0] / 100
    assert shop.manage("shell", "-c", CREATE, database=database).strip().endswith("True")
    with writers(database):
        shop.manage("migrate", "shop", "0001", database=database)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT relkind FROM pg_class WHERE oid = 'shop_event'::regclass").fetchone() == (
            "r",
        )
        assert connection.execute("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'shop%'").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM shop_event WHERE kind = 'by-the-model'").fetchone() == (1,)
    assert shop.manage("shell", "-c", CREATE, database=database).strip().endswith("True")


CREATE = (
    "from django.utils import timezone; from shop.models import Event;"
    "e = Event.objects.create(customer_id=1, kind='by-the-model', created=timezone.now()); print(Event.objects.get(pk=e.pk) == e)"
)


def test_months_are_made_ahead_and_old_ones_detached_and_the_old_table_goes(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    shop, database = Shop(tmp_path, MODELS), server.create_database("partition_kept")
    shop.manage("migrate", database=database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(ROWS)
        connection.execute("ALTER TABLE shop_event SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.01)")
    generate(shop, "partition", "Event", "--by", "created", "--extend-key", "--ahead", "1")
    shop.manage("migrate", "shop", "0002", database=database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CALL shop_event_partitions.copy_rows(3000)")
        with pytest.raises(psycopg.errors.RaiseException, match="not all rows are copied and compared"):
            connection.execute("SELECT shop_event_partitions.swap()")
        connection.execute("UPDATE shop_event_partitions.shop_event SET kind = 'wrong' WHERE id = 4000")
        with pytest.raises(psycopg.errors.RaiseException, match="batch 2 differs"):
            connection.execute("CALL shop_event_partitions.check_rows()")
        connection.execute("TRUNCATE shop_event_partitions.shop_event, shop_event_partitions.batches")
        connection.execute("CALL shop_event_partitions.copy_rows(3000)")
        connection.execute(
            "DELETE FROM shop_event_partitions.batches WHERE number = (SELECT max(number) FROM shop_event_partitions.batches)"
        )
    shop.manage("migrate", database=database)
    assert len(set(hashes(database, "shop_event", "shop_event_before.shop_event"))) == 1
    generate(shop, "partition", "Event", "--by", "created", "--finish")
    shop.manage("migrate", database=database)
    assert "3 made" in shop.manage("shop_event_partitions", "--ahead", "4", database=database)
    assert "0 made" in shop.manage("shop_event_partitions", "--ahead", "4", database=database)
    with psycopg.connect(database) as connection:
        options = connection.execute(
            "SELECT DISTINCT reloptions FROM pg_class WHERE relispartition AND relkind = 'r'"
        ).fetchall()
    assert options == [(["fillfactor=90", "autovacuum_vacuum_scale_factor=0.01"],)]
    count = hashes(database, "shop_event")[0][0]
    told = shop.manage(
        "shop_event_partitions", "--detach-before", str(date.today() - timedelta(120)), database=database
    ).splitlines()[1:]
    assert told
    assert all(line.startswith("shop_event_partitions.shop_event_2") for line in told)
    apart = sum(number for number, _ in hashes(database, *(line.split()[0] for line in told)))
    assert apart > 0
    assert hashes(database, "shop_event")[0][0] + apart == count
    assert "No changes" in shop.manage("makemigrations", "--check", "--dry-run", database=database)


def test_what_partitions_cannot_keep_is_refused_before_anything_is_written(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    models = (
        MODELS
        + """

class Receipt(models.Model):
    event = models.ForeignKey(Event, models.CASCADE)
    number = models.CharField(max_length=20, unique=True)
    at = models.DateTimeField(null=True)
    day = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "at"], name="receipt_event_at")]
"""
    )
    (tmp_path / "home").mkdir()
    shop = Shop(tmp_path, models)

    def refused(*arguments: str) -> str:
        outcome = dbwright("generate", "partition", *arguments, folder=tmp_path)
        assert_one_clear_error(outcome)
        return outcome.err

    assert "foreign key shop_receipt.event_id points at it" in refused(
        "Event", "--by", "created", "--extend-key", "--yes"
    )
    told = refused("Receipt", "--by", "day", "--yes")
    assert "number is unique by itself" in told
    assert "receipt_event_at is unique without day" in told
    assert "--extend-key makes it (id, day)" in told
    assert "at may be NULL" in refused("Receipt", "--by", "at", "--yes")
    assert "number is varchar(20)" in refused("Receipt", "--by", "number", "--yes")
    assert "has no column tomorrow. \n  It has id," in refused("Receipt", "--by", "tomorrow", "--yes").replace(
        ".\n", ". \n"
    )
    assert "no table of the project" in refused("Nothing", "--by", "day", "--yes")
    assert "Nobody is here to agree" in refused("Event", "--by", "created")
    assert not list((shop.folder / "shop/migrations").glob("0002*"))


def test_what_only_the_database_has_is_refused_there(server: EmbeddedServer, tmp_path: Path) -> None:
    shop, database = Shop(tmp_path, MODELS), server.create_database("partition_refused")
    shop.manage("migrate", database=database)
    generate(shop, "partition", "Event", "--by", "created", "--extend-key")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE VIEW kinds AS SELECT kind FROM shop_event")
    with pytest.raises(AssertionError, match="cannot become partitioned: view kinds reads it"):
        shop.manage("migrate", database=database)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'shop%'").fetchone() == (0,)


def test_the_same_in_alembics_words(server: EmbeddedServer, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    empty, database = (server.create_database(f"partition_alembic_{n}") for n in ("empty", "used"))
    shop = AlembicShop(tmp_path, empty)
    shop.alembic("upgrade", "head", database=database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO customers (email) VALUES ('a@example.org')")
        connection.execute(
            "INSERT INTO orders (customer_id, status, paid, placed) SELECT 1, 'new 100%', true,"
            " '2026-01-01'::timestamp + n * interval '1 hour'"
            " FROM generate_series(1, 3000) n"
        )
    done = dbwright("generate", "partition", "orders", "--by", "placed", "--extend-key", "--yes", folder=tmp_path)
    assert done.code == 0, done.err
    assert "Next: alembic upgrade head" in done.err
    shop.alembic("upgrade", "head", database=database)
    shop.alembic("check", database=database)
    assert len(set(hashes(database, "orders", "orders_before.orders"))) == 1
    back = next(line for line in done.err.splitlines() if line.startswith("To take it back: alembic "))
    shop.alembic(*back.split()[-2:], database=database)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT relkind FROM pg_class WHERE oid = 'orders'::regclass").fetchone() == ("r",)
        assert connection.execute("SELECT nextval(pg_get_serial_sequence('orders', 'id'))").fetchone() == (3001,)
