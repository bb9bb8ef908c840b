"""Models whose base stands in a library that is not there to be read: they are models all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbwright.source import read


def tables(folder: Path, files: dict[str, str]) -> dict[str, tuple[str, ...]]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = read(folder)
    return {t.name: tuple(sorted(c.name for c in t.columns)) for t in found.tables if t.owned}


def test_django_models_by_their_fields(tmp_path: Path) -> None:
    models = """\
from django import forms
from django.db import models
from life_cycles import LifecycleModel, Plain
from pydantic import BaseModel

class Base(LifecycleModel):
    key = models.UUIDField(primary_key=True)
    class Meta:
        abstract = True

class Parcel(Base):
    weight = models.IntegerField()

class Choice(Plain):
    field = forms.CharField()

class Helper(Plain):
    model = models.Model

class Message(BaseModel):
    text: str = ""
"""
    files = {"shop/__init__.py": "", "shop/models.py": models, "shop/migrations/__init__.py": ""}
    assert tables(tmp_path, files) == {"shop_parcel": ("key", "weight")}


def test_classes_that_are_mapped_by_their_bodies(tmp_path: Path) -> None:
    models = """\
from sqlalchemy import Column, ForeignKey, Integer, String, Table
from app_builder import Model
from app_builder.mixins import AuditMixin
from other import Thing

class Base(Model):
    __abstract__ = True
    id = Column(Integer, primary_key=True)

class Board(AuditMixin, Base):
    __tablename__ = "boards"
    title = Column(String(50))

class Tile(AuditMixin, Model):
    __tablename__ = "tiles"
    id = Column(Integer, primary_key=True)
    board_id = Column(ForeignKey("boards.id"))

links = Table("links", Model.metadata, Column("tile_id", ForeignKey("tiles.id")), Column("board_id", ForeignKey("boards.id")))

class Row(Thing):
    width = 3
"""
    assert tables(tmp_path, {"boards.py": models}) == {
        "boards": ("id", "title"),
        "tiles": ("board_id", "id"),
        "links": ("board_id", "tile_id"),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("from django.db import models\n\ndef maker(base):\n    return type('Order', (base,), {})\n", ["Django"]),
        ("import sqlalchemy\n\nclass Order:\n    pass\n", ["SQLAlchemy"]),
        ("class Order:\n    pass\n", []),
        ("from django.db import models\n\nclass Order(models.Model):\n    pass\n", []),
    ],
)
def test_a_project_without_models_is_told(tmp_path: Path, text: str, said: list[str]) -> None:
    (tmp_path / "models.py").write_text(text)
    reasons = [p.reason for p in read(tmp_path).problems if "recognised as a model" in p.reason]
    assert reasons == [f"the project imports {name}, but no class of it was recognised as a model" for name in said]


def test_a_package_in_a_package_is_named_in_full_though_it_holds_manage(tmp_path: Path) -> None:
    files = {
        "core/__init__.py": "",
        "core/app/__init__.py": "",
        "core/app/manage.py": "",
        "core/app/apps.py": "from django.apps import AppConfig\nclass App(AppConfig):\n    name = 'core.app'\n    label = 'kernel'\n",
        "core/app/models/__init__.py": "from core.app.models.order import Order\n",
        "core/app/models/order.py": "from django.db import models\nclass Order(models.Model):\n    pass\n",
    }
    assert tables(tmp_path, files) == {"kernel_order": ("id",)}


def test_operator_classes_of_expressions(tmp_path: Path) -> None:
    models = """\
from django.contrib.postgres.indexes import OpClass, SpGistIndex
from django.db import models

class Order(models.Model):
    path = models.TextField()
    class Meta:
        indexes = [SpGistIndex(OpClass("path", name="text_ops"), name="by_path")]
"""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/models.py").write_text(models)
    (table,) = (t for t in read(tmp_path, strict=True).tables if t.owned)
    assert [(i.name, i.columns, i.method, i.opclasses) for i in table.indexes] == [
        ("by_path", ("path",), "spgist", ("text_ops",))
    ]


def test_fields_of_libraries_by_the_end_of_their_names(tmp_path: Path) -> None:
    models = """\
from cluster.fields import ParentalKey
from django.db import models
from keys.models import UUIDField
from money.fields import MoneyField
from trees import TreeForeignKey

class Page(models.Model):
    key = UUIDField(unique=True)
    above = TreeForeignKey("self", models.CASCADE, null=True)

class Part(models.Model):
    page = ParentalKey(Page, on_delete=models.CASCADE, related_name="parts")
    price = MoneyField(max_digits=8)
"""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/models.py").write_text(models)
    found = read(tmp_path, strict=True)
    page, part = found.table_by_name["shop_page"], found.table_by_name["shop_part"]
    assert [(c.name, c.type, c.unique) for c in page.columns][1:] == [
        ("key", "uuid", True),
        ("above_id", "integer", False),
    ]
    assert [(c.name, c.references.table if c.references else None) for c in part.columns][1:] == [
        ("page_id", "shop_page"),
        ("price", None),
    ]
    assert [p.reason for p in found.problems] == ["field Part.price: result of money.fields.MoneyField"]


def test_the_user_model_behind_settings_of_the_projects_own(tmp_path: Path) -> None:
    files = {
        "shop/__init__.py": "",
        "shop/conf.py": "class Settings:\n    def __getattr__(self, name):\n        return lookup(name)\n\nsettings = Settings()\n",
        "shop/models.py": "from django.db import models\nfrom shop.conf import settings\n\n"
        "class Order(models.Model):\n    buyer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)\n",
    }
    assert tables(tmp_path, files) == {"shop_order": ("buyer_id", "id")}


def test_a_column_that_only_an_index_names_comes_from_the_unread_base(tmp_path: Path) -> None:
    models = """\
from sqlalchemy import Column, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase
from database_helpers.models import SoftDeleted

class Base(DeclarativeBase):
    pass

class Disk(SoftDeleted, Base):
    __tablename__ = "disks"
    __table_args__ = (Index("by_name", "name", "deleted"), UniqueConstraint("host", "deleted"), {"mysql_engine": "InnoDB"})
    id = Column(Integer, primary_key=True)
    name = Column(String(9))
    computer = Column("host", String(9))

class Net(Base):
    __tablename__ = "nets"
    __table_args__ = (Index("by_nothing", "nothing"),)
    id = Column(Integer, primary_key=True)
"""
    assert tables(tmp_path, {"disks.py": models}) == {"disks": ("deleted", "host", "id", "name")}
