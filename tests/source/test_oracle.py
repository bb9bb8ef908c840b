"""The stand-alone scripts that ask the frameworks themselves, run on small projects by an interpreter of their own."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ORACLES = Path(__file__).parents[2] / "src/dbwright/source/oracle"
needs_sqlalchemy = pytest.mark.skipif(
    importlib.util.find_spec("sqlalchemy") is None, reason="SQLAlchemy is not installed"
)

MODELS = """
from django.db import models
from django.db.models.functions import Upper

print("a project may print")


class Stamped(models.Model):
    made = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        abstract = True


class Customer(Stamped):
    name = models.CharField(max_length=80, unique=True)


class Order(Stamped):
    code = models.CharField(max_length=20, null=True)
    customer = models.ForeignKey(Customer, models.PROTECT)
    total = models.DecimalField(max_digits=10, decimal_places=2)
    lines = models.PositiveIntegerField(default=0)
    tags = models.ManyToManyField("Tag")

    class Meta:
        unique_together = [("customer", "code")]
        indexes = [
            models.Index(fields=["-made", "code"], name="newest"),
            models.Index(Upper("code").desc(), name="by_upper"),
            models.Index(fields=["code"], name="open", condition=models.Q(total__gt=5), include=["lines"]),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(total__gte=0) | models.Q(code="it's"), name="positive"),
            models.UniqueConstraint(fields=["code"], condition=models.Q(total=0), name="free"),
            models.UniqueConstraint(fields=["made"], name="late", deferrable=models.Deferrable.DEFERRED),
        ]


class Tag(models.Model):
    class Meta:
        managed = False
        db_table = 'other"."tag'


class Cheap(Order):
    class Meta:
        proxy = True


class Gift(Order):
    pass
"""


def ask(script: str, folder: Path, *arguments: str, **environment: str) -> tuple[int, dict[str, Any]]:
    """Exit status and document; standard output must hold nothing else."""
    clean = {k: v for k, v in os.environ.items() if k not in ("DJANGO_SETTINGS_MODULE", "PYTHONPATH")}
    done = subprocess.run(
        [sys.executable, ORACLES / f"{script}_registry.py", *arguments],
        cwd=folder,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    (line,) = done.stdout.splitlines()
    return done.returncode, json.loads(line)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("project")
    (folder / "shop").mkdir()
    (folder / "shop/__init__.py").touch()
    (folder / "shop/models.py").write_text(MODELS)
    (folder / "shop/urls.py").write_text("urlpatterns = []\n")
    engine = "django.db.backends.sqlite3"
    (folder / "settings.py").write_text(
        f"INSTALLED_APPS = ['shop']\nDATABASES = {{'default': {{'ENGINE': '{engine}', 'NAME': ':memory:'}}}}\n"
        "DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'\nROOT_URLCONF = 'shop.urls'\n"
    )
    status, document = ask("django", folder, DJANGO_SETTINGS_MODULE="settings")
    assert status == 0, document
    assert document["gaps"] == []
    return document


def table(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(t for t in document["tables"] if t["name"] == name)


def test_tables_with_their_classes_and_lines(shop: dict[str, Any]) -> None:
    found = {t["name"]: (t["schema"], t["symbol"], t["line"], t["managed"]) for t in shop["tables"]}
    assert found == {
        "shop_customer": (None, "shop.models.Customer", 15, True),
        "shop_order": (None, "shop.models.Order", 19, True),
        "shop_order_tags": (None, "shop.models.Order_tags", 19, True),
        "tag": ("other", "shop.models.Tag", 40, False),
        "shop_gift": (None, "shop.models.Gift", 51, True),
    }
    assert shop["proxies"] == [{"symbol": "shop.models.Cheap", "table": "shop_order"}]


def test_columns_are_those_of_postgresql_though_the_project_runs_on_sqlite(shop: dict[str, Any]) -> None:
    columns = {
        c["name"]: (c["field"], c["type"], c["not_null"], c["identity"]) for c in table(shop, "shop_order")["columns"]
    }
    assert columns == {
        "id": ("id", "bigint", True, "by default"),
        "made": ("made", "timestamp with time zone", True, None),
        "code": ("code", "varchar(20)", False, None),
        "customer_id": ("customer", "bigint", True, None),
        "total": ("total", "numeric(10, 2)", True, None),
        "lines": ("lines", "integer", True, None),
    }
    (reference,) = [c["references"] for c in table(shop, "shop_order")["columns"] if c["references"]]
    assert reference == {
        "schema": None,
        "table": "shop_customer",
        "column": "id",
        "on_delete": "no action",
        "framework_on_delete": "PROTECT",
        "constraint": True,
    }
    (link,) = table(shop, "shop_gift")["columns"]
    assert (link["name"], link["primary_key"], link["references"]["table"]) == ("order_ptr_id", True, "shop_order")


def test_indexes_with_the_ones_that_a_field_brings(shop: dict[str, Any]) -> None:
    rows = table(shop, "shop_order")["indexes"]
    named = {i["name"]: i for i in rows if not i["implicit"]}
    assert set(named) == {"newest", "by_upper", "open", "free"}
    assert (named["newest"]["columns"], named["newest"]["descending"]) == (["made", "code"], [True, False])
    upper = named["by_upper"]
    assert (upper["columns"], upper["descending"], upper["is_expression"]) == (['UPPER("code")'], [True], [True])
    assert (named["open"]["condition"], named["open"]["include"]) == ('"total" > 5', ["lines"])
    assert (named["free"]["unique"], named["free"]["condition"]) == (True, '"total" = 0')
    assert sorted(i["columns"] for i in rows if i["implicit"]) == [["customer_id"], ["made"]]
    (like,) = [i for i in table(shop, "shop_customer")["indexes"] if i["opclasses"]]
    assert (like["columns"], like["opclasses"], like["implicit"]) == (["name"], ["varchar_pattern_ops"], True)


def test_constraints_with_the_ones_that_a_field_brings(shop: dict[str, Any]) -> None:
    found = {
        (c["kind"], tuple(c["columns"]), c["condition"], c["deferrable"])
        for c in table(shop, "shop_order")["constraints"]
    }
    assert found == {
        ("primary key", ("id",), None, None),
        ("foreign key", ("customer_id",), None, "deferred"),
        ("check", ("lines",), '"lines" >= 0', None),
        ("check", (), "(\"total\" >= 0 OR \"code\" = 'it''s')", None),
        ("unique", ("customer_id", "code"), None, None),
        ("unique", ("made",), None, "deferred"),
    }


def test_urls_bring_models_and_when_they_fail_it_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").touch()
    (tmp_path / "settings.py").write_text("INSTALLED_APPS = ['shop']\nROOT_URLCONF = 'shop.urls'\n")
    model = "class Late(models.Model):\n    class Meta:\n        app_label = 'shop'\n"
    (tmp_path / "shop/views.py").write_text(f"from django.db import models\n\n\n{model}")
    (tmp_path / "shop/urls.py").write_text("import shop.views\nurlpatterns = []\n")
    status, document = ask("django", tmp_path, DJANGO_SETTINGS_MODULE="settings")
    assert (status, document["gaps"], [t["symbol"] for t in document["tables"]]) == (0, [], ["shop.views.Late"])
    (tmp_path / "shop/urls.py").write_text("import nothing_of_this_name\n")
    status, document = ask("django", tmp_path, DJANGO_SETTINGS_MODULE="settings")
    assert (status, [g["what"] for g in document["gaps"]], document["tables"]) == (0, ["ROOT_URLCONF"], [])


def test_an_error_is_one_line_without_passwords(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text("print('half way')\nraise ValueError('no postgres://me:hunter2@host/db')\n")
    status, document = ask("django", tmp_path, DJANGO_SETTINGS_MODULE="settings")
    assert status == 2
    assert document == {"error": "ValueError: no postgres://***@host/db"}
    (tmp_path / "settings.py").write_text("raise SystemExit(0)\n")
    status, document = ask("django", tmp_path, DJANGO_SETTINGS_MODULE="settings")
    assert (status, list(document)) == (2, ["error"])


STORE = """
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

print("a project may print")


class Base(DeclarativeBase):
    metadata = sa.MetaData(naming_convention={"pk": "pk_%(table_name)s", "ix": "ix_%(column_0_label)s"})


tags = sa.Table("item_tags", Base.metadata, sa.Column("item", sa.ForeignKey("item.id", ondelete="CASCADE"), primary_key=True))


class Item(Base):
    __tablename__ = "item"
    __table_args__ = (
        sa.UniqueConstraint("name", "shelf", name="once", deferrable=True, initially="DEFERRED"),
        sa.CheckConstraint("price > 0", name="positive"),
        sa.Index("by_name", sa.text("lower(name)"), postgresql_where=sa.text("price > 10")),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(20))
    kind: Mapped[str | None] = mapped_column("sort", sa.Text, index=True, server_default="x")
    shelf: Mapped[int] = mapped_column(sa.SmallInteger)
    price: Mapped[float] = mapped_column(sa.Numeric(8, 2))
    done: Mapped[bool]
    data: Mapped[dict] = mapped_column(postgresql.JSONB)

    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "item"}


class Box(Item):
    __mapper_args__ = {"polymorphic_identity": "box"}


Index = sa.Index("newest", Item.price.desc(), Item.id)
"""


@needs_sqlalchemy
@pytest.mark.parametrize("argument", ["store", "store:Base", "store:Base.metadata", "store:Base.registry"])
def test_tables_of_sqlalchemy(tmp_path: Path, argument: str) -> None:
    (tmp_path / "store.py").write_text(STORE)
    status, document = ask("sqlalchemy", tmp_path, argument)
    assert (status, document.get("gaps")) == (0, []), document
    assert {t["name"]: (t["symbol"], t["line"]) for t in document["tables"]} == {
        "item": ("store.Item", 16),
        "item_tags": ("store.tags", 13),
    }
    item = table(document, "item")
    columns = {
        c["name"]: (c["field"], c["type"], c["not_null"], c["has_default"], c["identity"]) for c in item["columns"]
    }
    assert columns == {
        "id": ("id", "integer", True, False, "serial"),
        "name": ("name", "varchar(20)", True, False, None),
        "sort": ("kind", "text", False, True, None),
        "shelf": ("shelf", "smallint", True, False, None),
        "price": ("price", "numeric(8, 2)", True, False, None),
        "done": ("done", "boolean", True, False, None),
        "data": ("data", "jsonb", True, False, None),
    }
    assert {
        (i["name"], tuple(i["columns"]), tuple(i["descending"]), i["condition"], i["implicit"]) for i in item["indexes"]
    } == {
        ("by_name", ("lower(name)",), (False,), "price > 10", False),
        ("newest", ("price", "id"), (True, False), None, False),
        ("ix_item_sort", ("sort",), (False,), None, True),
    }
    assert {
        (c["name"], c["kind"], tuple(c["columns"]), c["condition"], c["deferrable"]) for c in item["constraints"]
    } == {
        ("pk_item", "primary key", ("id",), None, None),
        ("once", "unique", ("name", "shelf"), None, "deferred"),
        ("positive", "check", (), "price > 0", None),
    }
    (link,) = table(document, "item_tags")["columns"]
    assert (link["type"], link["identity"], link["references"]["on_delete"]) == ("integer", None, "cascade")


@needs_sqlalchemy
def test_an_import_that_fails_is_an_error_and_with_all_a_gap(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store/__init__.py").touch()
    (tmp_path / "store/broken.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "store/models.py").write_text(STORE)
    status, document = ask("sqlalchemy", tmp_path, "store.broken")
    assert (status, document) == (2, {"error": "ModuleNotFoundError: No module named 'nothing_of_this_name'"})
    status, document = ask("sqlalchemy", tmp_path, "--all", "store")
    assert status == 0
    assert [g["symbol"] for g in document["gaps"]] == ["store.broken"]
    assert [t["name"] for t in document["tables"]] == ["item", "item_tags"]
