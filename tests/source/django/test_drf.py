"""Views, serializers and filters of Django REST framework against what the running project issues."""

import subprocess
import sys
from pathlib import Path

import pytest
from web_project import FILES, grows_by, per_row, queries, written

pytest.importorskip("rest_framework")
pytest.importorskip("django_filters")

API = """\
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import filters, serializers, viewsets

from shop.models import Book


class BookSerializer(serializers.ModelSerializer):
    {field}

    class Meta:
        model = Book
        fields = ["title", "author"{name}]

    def get_tagged(self, book):
        return [tag.name for tag in book.tags.all()]


class Books(viewsets.ModelViewSet):
    queryset = {queryset}
    serializer_class = BookSerializer
    filter_backends = [DjangoFilterBackend, filters.SearchFilter]
    filterset_fields = ["title", "author"]
    search_fields = ["title", "author__name"]
"""
URLS = """\
from django.urls import path
from shop.api import Books
urlpatterns = [path("books/", Books.as_view({"get": "list"}))]
"""
NAME = "author_name = serializers.CharField(source='author.name', read_only=True)"
TAGGED = "tagged = serializers.SerializerMethodField()"


@pytest.mark.parametrize(
    ("field", "queryset", "lines"),
    [
        ("label = None", "Book.objects.all()", set()),  # a key alone is not followed
        (NAME, "Book.objects.all()", {(18, "shop_author")}),
        (NAME, "Book.objects.select_related('author')", set()),
        (TAGGED, "Book.objects.all()", {(15, "shop_tag")}),
        (TAGGED, "Book.objects.prefetch_related('tags')", set()),
    ],
)
def test_what_a_serializer_asks_for_each_row(
    tmp_path: Path, field: str, queryset: str, lines: set[tuple[int, str]]
) -> None:
    name = "" if field.startswith("label") else f', "{field.split()[0]}"'
    text = API.format(field=field, name=name, queryset=queryset)
    root = written(tmp_path, {"shop/api.py": text, "shop/urls.py": URLS})
    assert per_row(queries(root, "shop/api.py")) == lines
    assert grows_by(root, "/books/") == len(lines)


def test_each_filter_is_a_query_of_its_own(tmp_path: Path) -> None:
    root = written(
        tmp_path, {"shop/api.py": API.format(field=NAME, name=', "author_name"', queryset="Book.objects.all()")}
    )
    conditions = {
        query.sql.partition(" WHERE ")[2].partition(" ORDER ")[0]
        for query in queries(root, "shop/api.py")
        if query.sql and query.issued_by == "rows" and query.table == "shop_book"
    }
    assert conditions == {
        "",
        '"shop_book"."title" = $1',
        '"shop_book"."author_id" = $1',
        '(UPPER("shop_book"."title"::text) LIKE UPPER($1) OR UPPER("shop_author"."name"::text) LIKE UPPER($2))',
    }


def test_columns_unique_together_are_sought_when_the_serializer_has_all_of_them(tmp_path: Path) -> None:
    """REST framework makes the validator for such groups only."""
    serializer = (
        "from rest_framework import serializers, viewsets\n"
        "from shop.models import Chapter\n"
        "\n"
        "class {0}Serializer(serializers.ModelSerializer):\n"
        "    class Meta:\n"
        "        model = Chapter\n"
        "        fields = [{1}]\n"
        "\n"
        "class {0}(viewsets.ModelViewSet):\n"
        "    queryset = Chapter.objects.all()\n"
        "    serializer_class = {0}Serializer\n"
    )
    root = written(
        tmp_path,
        {
            "shop/models.py": (
                "from django.db import models\n"
                "\n"
                "class Chapter(models.Model):\n"
                "    book = models.IntegerField()\n"
                "    number = models.IntegerField()\n"
                "    title = models.TextField()\n"
                "\n"
                "    class Meta:\n"
                "        unique_together = [('book', 'number')]\n"
            ),
            "shop/whole.py": serializer.format("Whole", "'book', 'number', 'title'"),
            "shop/part.py": serializer.format("Part", "'number', 'title'"),
        },
    )
    sought = {
        file: {
            p.column.column
            for q in queries(root, file)
            if q.issued_by == "exists" and q.query
            for p in q.query.predicates
        }
        for file in ("shop/whole.py", "shop/part.py")
    }
    assert sought == {"shop/whole.py": {"book", "number"}, "shop/part.py": set()}


NESTED = """\
from rest_framework import serializers, viewsets

from shop.models import Author, Book


class PublisherSerializer(serializers.Serializer):
    name = serializers.CharField()


class AuthorSerializer(serializers.ModelSerializer):
    publisher = PublisherSerializer()

    class Meta:
        model = Author
        fields = ["publisher"]


class BookSerializer(serializers.ModelSerializer):
    class Meta:
        model = Book
        fields = ["author"]

    def build_relational_field(self, field_name, relation_info):
        if field_name == {name!r}:
            return AuthorSerializer, {{"read_only": True}}
        return super().build_relational_field(field_name, relation_info)


class Books(viewsets.ModelViewSet):
    queryset = Book.objects.select_related("author")
    serializer_class = BookSerializer
"""


@pytest.mark.parametrize(("name", "grows"), [("author", 1), ("tags", 0)])
def test_a_field_that_the_serializer_builds_itself(tmp_path: Path, name: str, grows: int) -> None:
    root = written(tmp_path, {"shop/api.py": NESTED.format(name=name), "shop/urls.py": URLS})
    found = per_row([query for query in queries(root, "shop/api.py") if query.issued_by == "relation"])
    assert {table for _, table in found} == ({"shop_publisher"} if grows else set())
    assert grows_by(root, "/books/") == grows


BY_ACTION = """\
from rest_framework import serializers, viewsets

from shop.models import Book


class BookSerializer(serializers.Serializer):
    author = serializers.CharField(source="author.name")


class Books(viewsets.ModelViewSet):
    serializer_class = BookSerializer

    def get_queryset(self):
        if self.action == "list":
            author = self.request.GET.get("author")
            if author:
                return Book.objects.filter(author=author)
            return Book.objects.filter(title="a")
        queryset = Book.objects.select_related("author")
        if self.action == "retrieve":
            queryset = queryset.filter(title="b")
        if self.action == "update":
            queryset = queryset.filter(title="c")
        if self.action == "destroy":
            queryset = queryset.filter(title="d")
        if self.action == "first":
            queryset = queryset.filter(title="e")
        if self.action == "second":
            queryset = queryset.filter(title="f")
        return queryset.filter(tags__name="f")
"""


def test_a_list_is_made_of_the_querysets_for_lists_each_by_itself(tmp_path: Path) -> None:
    """However many other actions the same method was walked for before."""
    root = written(tmp_path, {"shop/api.py": BY_ACTION, "shop/urls.py": URLS})
    touched = {
        (query.loops[-1].rows_made.line, query.relation)
        for query in queries(root, "shop/api.py")
        if query.issued_by == "relation" and query.loops and query.loops[-1].rows_made
    }
    assert touched == {(17, "author"), (18, "author")}


EXPANDED = """\
from rest_framework import serializers, viewsets

from shop.models import Author, Book


class BookSerializer(serializers.ModelSerializer):
    class Meta:
        model = Book
        fields = ["title", "author"]

    def to_representation(self, book):
        shown = super().to_representation(book)
        shown["author"] = Author.objects.get(id=shown["author"]).name
        return shown


class Books(viewsets.ModelViewSet):
    queryset = Book.objects.all()
    serializer_class = BookSerializer
"""


def test_what_was_serialized_comes_from_the_row(tmp_path: Path) -> None:
    root = written(tmp_path, {"shop/api.py": EXPANDED, "shop/urls.py": URLS})
    gets = [
        q for q in queries(root, "shop/api.py") if q.issued_by == "get" and q.table == "shop_author" and q.rows_loops
    ]
    assert gets
    assert all(parameter.origin == "row" for query in gets for parameter in query.parameters)
    assert grows_by(root, "/books/") == 1


def test_settings_that_include_others(tmp_path: Path) -> None:
    """As django-split-settings runs them; a page of the REST framework is made of what they say."""
    view = (
        "from rest_framework import generics, serializers\n"
        "from shop.models import Book\n\n\n"
        "class BookSerializer(serializers.Serializer):\n"
        "    author = serializers.CharField(source='author.name')\n\n\n"
        "class Books(generics.GenericAPIView):\n"
        "    queryset = Book.objects.all()\n"
        "    serializer_class = BookSerializer\n\n"
        "    def get(self, request):\n"
        "        shown = self.get_serializer()\n"
        "        return [shown.to_representation(book) for book in self.paginate_queryset(self.get_queryset())]\n"
    )
    included = (
        "from split_settings.tools import include, optional\n"
        "include('parts/*.py', optional('local.py'))\nINSTALLED_APPS = ['rest_framework', 'shop']\n"
    )
    paged = "REST_FRAMEWORK = {'DEFAULT_PAGINATION_CLASS': 'rest_framework.pagination.LimitOffsetPagination', 'PAGE_SIZE': 9}\n"
    root = written(tmp_path, {"shop/api.py": view, "conf/settings.py": included, "conf/parts/api.py": paged})
    assert {table for _, table in per_row(queries(root, "shop/api.py"))} == {"shop_author"}
    (root / "conf/parts/api.py").write_text("")
    assert per_row(queries(root, "shop/api.py")) == set()


def test_all_fields_are_those_that_the_framework_means_by_it(tmp_path: Path) -> None:
    """Not a generic relation, nor what leads here from another model; the framework itself says so."""
    models = FILES["shop/models.py"].replace(
        "from django.db import models\n",
        "from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation\nfrom django.db import models\n",
    )
    models = models.replace("    tags = models", '    notes = GenericRelation("shop.Note")\n    tags = models')
    models += (
        "\n\nclass Note(models.Model):\n"
        '    content_type = models.ForeignKey("contenttypes.ContentType", models.CASCADE)\n'
        "    object_id = models.PositiveIntegerField()\n"
        '    about = GenericForeignKey("content_type", "object_id")\n'
    )
    api = (
        "from rest_framework import serializers, viewsets\n"
        "from shop.models import Author, Book\n\n\n"
        "class BookSerializer(serializers.ModelSerializer):\n"
        "    class Meta:\n"
        "        model = Book\n"
        '        fields = "__all__"\n\n\n'
        "class Books(viewsets.ModelViewSet):\n"
        "    queryset = Book.objects.all()\n"
        "    serializer_class = BookSerializer\n"
    )
    root = written(tmp_path, {"shop/models.py": models, "shop/api.py": api})
    tables = {table.name for query in queries(root, "shop/api.py") if query.query for table in query.query.tables}
    assert {"shop_book", "shop_tag", "shop_book_tags"} <= tables
    assert "shop_note" in tables  # which goes with a book that is deleted
    assert {q.issued_by for q in queries(root, "shop/api.py") if "shop_note" in (q.sql or "")} == {"delete"}
    script = (
        "import os, django\n"
        'os.environ["DJANGO_SETTINGS_MODULE"] = "conf.settings"\n'
        "django.setup()\n"
        "from shop.api import BookSerializer\n"
        "print(*BookSerializer().fields)\n"
    )
    told = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["id", "title", "author", "tags"]
