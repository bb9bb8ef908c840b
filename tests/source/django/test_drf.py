"""Views, serializers and filters of Django REST framework against what the running project issues."""

from pathlib import Path

import pytest
from web_project import grows_by, per_row, queries, written

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
