"""What is deleted is seen no more, does not stand in the way of what is new, and comes back."""

from pathlib import Path

import psycopg
import pytest

from cli import assert_one_clear_error, dbwright
from dbwright.embedded import EmbeddedServer
from fixes.django_shop import Shop

MODELS = """\
from django.db import models


class Customer(models.Model):
    email = models.CharField(max_length=200, unique=True)
    region = models.CharField(max_length=20)
    number = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "number"], name="customer_region_number"),
            models.CheckConstraint(condition=models.Q(number__gte=0), name="customer_number_positive"),
        ]


class Order(models.Model):
    customer = models.ForeignKey(Customer, models.CASCADE)


class Profile(models.Model):
    customer = models.OneToOneField(Customer, models.CASCADE)


class Kept(models.Model):
    name = models.CharField(max_length=20)

    def delete(self, *args, **kwargs):
        raise RuntimeError("never")


class Timed(models.Model):
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ["-pk"]


class Note(Timed):
    code = models.CharField(max_length=20, unique=True)


class Managed(models.Model):
    objects = models.Manager()

    class Meta:
        abstract = True


class Log(Managed):
    name = models.CharField(max_length=20)


class Described:
    pass


class Mixed(models.Model, Described):
    name = models.CharField(max_length=20)


class Remark(Note):
    by = models.CharField(max_length=20)
"""
USE = """
from django.db import IntegrityError
from shop.models import Customer, Order
c = Customer.objects.create(email="a", region="x", number=1)
Order.objects.create(customer=c)
print(c.delete(), Customer.objects.count(), Customer.all_objects.count(), Order.objects.get().customer == c)
new = Customer.objects.create(email="a", region="x", number=1)
try:
    Customer.all_objects.filter(pk=c.pk).restore()
    print("restored")
except IntegrityError:
    print("in the way")
print(Customer.objects.all().delete(), Customer.objects.all().delete(), Customer.objects.count())
c.refresh_from_db(from_queryset=Customer.all_objects.all())
c.restore()
print(list(Customer.objects.values_list("pk", flat=True)) == [c.pk])
print(Customer.all_objects.exclude(pk=c.pk).erase()[0], Customer.all_objects.count())
print(c.erase()[0], Order.objects.count())
"""


@pytest.mark.parametrize("on_sqlite", [False, True])
def test_rows_are_marked_and_restored(server: EmbeddedServer, tmp_path: Path, on_sqlite: bool) -> None:
    (tmp_path / "home").mkdir()
    shop = Shop(tmp_path, MODELS)
    where = (
        {"database": None, "sqlite": tmp_path / "db.sqlite3"}
        if on_sqlite
        else {"database": server.create_database("soft_delete")}
    )
    shop.manage("migrate", **where)
    done = dbwright("generate", "soft-delete", "Customer", "--yes", folder=tmp_path)
    assert done.code == 0, done.err
    assert "class Customer(SoftDeleteModel):" in (tmp_path / "shop/models.py").read_text()
    assert "No changes" in shop.manage("makemigrations", "--check", "--dry-run", **where)
    shop.manage("migrate", **where)
    told = shop.manage("shell", "-v", "0", "-c", USE, **where).splitlines()
    assert told == [
        "(1, {'shop.Customer': 1}) 0 1 True",
        "in the way",
        "(1, {'shop.Customer': 1}) (0, {}) 0",
        "True",
        "1 1",
        "2 0",
    ]
    if not on_sqlite:
        with psycopg.connect(str(where["database"])) as connection:
            unique = connection.execute(
                "SELECT indexdef FROM pg_indexes WHERE tablename = 'shop_customer' AND indexdef LIKE '%UNIQUE%'"
            ).fetchall()
            assert sum("WHERE (deleted_at IS NULL)" in row[0] for row in unique) == 2
            assert len(unique) == 3
    shop.manage("migrate", "shop", "0001", **where)


def test_the_base_above_stays_the_first(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    shop, file = Shop(tmp_path, MODELS), tmp_path / "db.sqlite3"
    done = dbwright("generate", "soft-delete", "Note", "--yes", folder=tmp_path)
    assert done.code == 0, done.err
    assert "class Note(Timed, SoftDeleteModel):" in (tmp_path / "shop/models.py").read_text()
    done = dbwright("generate", "soft-delete", "Mixed", "--yes", folder=tmp_path)
    assert done.code == 0, done.err
    assert "class Mixed(SoftDeleteModel, Described):" in (tmp_path / "shop/models.py").read_text()
    shop.manage("makemigrations", "--check", "--dry-run", database=None, sqlite=file)
    shop.manage("migrate", database=None, sqlite=file)
    use = (
        "from shop.models import Note; [Note.objects.create(code=n) for n in 'abc']; Note.objects.get(code='b').delete();"
        "print(list(Note.objects.values_list('code', flat=True)), Note.objects.create(code='b').pk, Note.all_objects.count())"
    )
    assert shop.manage("shell", "-v", "0", "-c", use, database=None, sqlite=file).strip() == "['c', 'a'] 4 4"


def test_models_that_need_more_said_are_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    Shop(tmp_path, MODELS)
    for model, words in (
        ("Profile", "is a OneToOneField"),
        ("Kept", "has a delete() of its own"),
        ("Log", "Managed, which Log goes on from, has objects of its own"),
        ("Remark", "The rows of Remark are part of another model's"),
    ):
        outcome = dbwright("generate", "soft-delete", model, "--yes", folder=tmp_path)
        assert_one_clear_error(outcome)
        assert words in outcome.err
    assert not (tmp_path / "shop/soft_delete.py").exists()
    (tmp_path / "requirements.txt").write_text("django-safedelete==1.4\n")
    outcome = dbwright("generate", "soft-delete", "Customer", "--yes", folder=tmp_path)
    assert "The project requires django-safedelete" in outcome.err
