"""What Python does with objects and classes while a view makes its queryset: attributes set in branches, metaclasses, ``__new__``, methods
given from outside, a template named by a default, rows in chunks, and what some libraries add to it."""

from pathlib import Path

import pytest
from web_project import per_row, queries, written

VIEWS = """\
from rest_framework import serializers, viewsets
from shop.models import Author, Book


class BookSerializer(serializers.ModelSerializer):
    name = serializers.CharField(source="author.name")

    class Meta:
        model = Book
        fields = ["name"]


class Books(viewsets.ReadOnlyModelViewSet):
    queryset = Book.objects.all()
    serializer_class = BookSerializer

"""


@pytest.mark.parametrize(
    ("body", "tables"),
    [
        # each branch begins with what was there before
        ("if root:\n    self.queryset = Book.objects.none()\nelse:\n    return self.queryset", {"shop_author"}),
        ("if root:\n    self.queryset = unknown(root)\nreturn self.queryset", {"shop_author"}),
        (
            "try:\n    self.queryset = self.queryset.filter(title=root)\nexcept KeyError:\n    self.queryset = Book.objects.none()\n"
            "return self.queryset",
            {"shop_author"},
        ),
        # what all of them set is known afterwards
        (
            "if root:\n    self.queryset = Book.objects.select_related('author')\nelse:\n"
            "    self.queryset = Book.objects.filter(title='x').select_related('author')\nreturn self.queryset",
            set(),
        ),
        (
            "if root:\n    self.queryset = Book.objects.none()\n    return self.queryset\nreturn self.queryset",
            {"shop_author"},
        ),
    ],
)
def test_a_branch_leaves_the_attributes_of_another_alone(tmp_path: Path, body: str, tables: set[str]) -> None:
    lines = ["root = self.request.GET.get('root')", *body.split("\n")]
    method = "    def get_queryset(self):\n" + "".join(f"        {line}\n" for line in lines)
    root = written(tmp_path, {"shop/api.py": VIEWS + method})
    assert {table for _, table in per_row(queries(root, "shop/api.py"))} == tables


CHOSEN = """\
from django.db import models


def chosen(cls):
    return cls.usual


class ByItsMetaclass(type):
    def __getattr__(cls, name):
        return getattr(chosen(cls), name)


class Chosen(metaclass=ByItsMetaclass):
    usual = None

    def __new__(cls, *arguments):
        return chosen(cls)(*arguments)


class UsualShelves(models.QuerySet):
    def open(self):
        return self.filter(closed=False)


class Shelves(Chosen):
    usual = UsualShelves


class UsualNames:
    def of(self, shelves):
        return [shelf.room.name for shelf in shelves]


class Names(Chosen):
    usual = UsualNames


class Plain:
    def __new__(cls):
        return super().__new__(cls)

    def of(self, shelves):
        return [shelf.room.name for shelf in shelves]


class Room(models.Model):
    name = models.TextField()


class Shelf(models.Model):
    room = models.ForeignKey(Room, models.CASCADE)
    closed = models.BooleanField()
    objects = Shelves.as_manager()
"""


@pytest.mark.parametrize("made", ["Names()", "Plain()"])
def test_a_class_stands_for_another_by_its_metaclass_and_by_new(tmp_path: Path, made: str) -> None:
    view = (
        f"from shop.shelves import Names, Plain, Shelf\n\n\ndef names():\n    return {made}.of(Shelf.objects.open())\n"
    )
    root = written(tmp_path, {"shop/shelves.py": CHOSEN, "shop/code.py": view})
    found = [query for query in queries(root, "shop/shelves.py") if query.table == "shop_room" and query.rows_loops]
    assert [
        (q.issued.function.partition(".")[0], q.loops[0].rows_made.line) for q in found if q.loops[0].rows_made
    ] == [("UsualNames" if made == "Names()" else "Plain", 5)]


def test_a_method_given_from_outside_is_the_class_s_own(tmp_path: Path) -> None:
    given = (
        "from django.db import models\nfrom shop.models import Book\n\n\n"
        "class Hat(models.Model):\n    size = models.IntegerField()\n\n\n"
        "def writer(self):\n    return self.author.name\n\n\n"
        "@property\ndef publisher(self):\n    return self.author.publisher.name\n\n\n"
        'Book.add_to_class("writer", writer)\nBook.add_to_class("publisher", publisher)\n\n\n'
        "def writers():\n    return [book.writer() for book in Book.objects.all()]\n\n\n"
        "def publishers():\n    return [book.publisher for book in Book.objects.select_related('author')]\n"
    )
    root = written(tmp_path, {"shop/given.py": given})
    assert {table for _, table in per_row(queries(root, "shop/given.py"))} == {"shop_author", "shop_publisher"}


@pytest.mark.parametrize(("default", "rows"), [('"shop/all.html"', True), ("None", False), ('"all"', False)])
def test_a_view_shows_the_template_that_it_names_by_default(tmp_path: Path, default: str, rows: bool) -> None:
    view = (
        "from django.shortcuts import render\nfrom shop.models import Book\n\n\n"
        f"def listed(request, template_name={default}):\n"
        '    return render(request, template_name, {"books": Book.objects.all()})\n'
    )
    shown = "{% for book in books %}{{ book.author.name }}{% endfor %}\n"
    root = written(tmp_path, {"shop/code.py": view, "shop/templates/shop/all.html": shown})
    assert per_row(queries(root, "shop/templates/shop/all.html")) == ({(1, "shop_author")} if rows else set())


BASES = """\
from shop.models import Book


class Base:
    def rows(self, queryset):
        return queryset


class Usual(Base):
    def rows(self, queryset):
        return super().rows(queryset).filter(title="x")


class Special(Usual):
    def rows(self, queryset):
        return Usual.rows(self, queryset)


def names():
    return [book.author.name for book in Special().rows(Book.objects.all())]
"""


def test_a_method_called_on_its_class_has_its_object(tmp_path: Path) -> None:
    root = written(tmp_path, {"shop/code.py": BASES})
    assert {table for _, table in per_row(queries(root, "shop/code.py"))} == {"shop_author"}


@pytest.mark.parametrize(
    "chunks",
    [
        "from itertools import zip_longest\n\n\ndef pairs(rows):\n    one = [iter(rows)] * 2\n"
        "    return (filter(None, pair) for pair in zip_longest(*one))\n",
        "from itertools import batched\n\n\ndef pairs(rows):\n    return batched(rows, 2)\n",
        "from more_itertools import chunked\n\n\ndef pairs(rows):\n    return chunked(rows, 2)\n",
    ],
)
def test_rows_in_chunks_are_rows(tmp_path: Path, chunks: str) -> None:
    walked = (
        "from shop.chunks import pairs\nfrom shop.models import Book\n\n\ndef names():\n"
        "    return [book.author.name for pair in pairs(Book.objects.all()) for book in pair]\n"
    )
    root = written(tmp_path, {"shop/chunks.py": chunks, "shop/code.py": walked})
    assert {table for _, table in per_row(queries(root, "shop/code.py"))} == {"shop_author"}


SHOWN = """\
import serpy
from shop.models import Book


class AuthorShown(serpy.Serializer):
    name = serpy.StrField()
    house = serpy.MethodField("get_publisher")

    def get_publisher(self, author):
        return author.publisher.name


class BookShown(serpy.Serializer):
    title = serpy.StrField()
    key = serpy.IntField(attr="author_id")
    author = AuthorShown()


def listed():
    return BookShown(Book.objects.{}, many=True).data


def one():
    return BookShown(Book.objects.get(title="x")).data
"""


@pytest.mark.parametrize(
    ("rows", "tables"),
    [
        ("all()", {"shop_author", "shop_publisher"}),
        ("select_related('author')", {"shop_publisher"}),
        ("select_related('author__publisher')", set()),
    ],
)
def test_a_serializer_of_serpy_shows_its_fields(tmp_path: Path, rows: str, tables: set[str]) -> None:
    root = written(tmp_path, {"shop/code.py": SHOWN.replace("{}", rows)})
    assert {table for _, table in per_row(queries(root, "shop/code.py"))} == tables


def test_a_queryset_of_classes_below_keeps_its_rows(tmp_path: Path) -> None:
    model = (
        "from django.db import models\nfrom model_utils.managers import InheritanceManager\n\n\n"
        "class Room(models.Model):\n    name = models.TextField()\n\n\n"
        "class Shelf(models.Model):\n    room = models.ForeignKey(Room, models.CASCADE)\n    objects = InheritanceManager()\n\n\n"
        "def rooms():\n    return [shelf.room.name for shelf in Shelf.objects.filter(room=1).select_subclasses()]\n"
    )
    root = written(tmp_path, {"shop/shelves.py": model})
    assert {table for _, table in per_row(queries(root, "shop/shelves.py"))} == {"shop_room"}
