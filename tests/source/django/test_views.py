"""Generic views and their templates: what the reader finds against what the running project issues."""

from pathlib import Path

import pytest
from web_project import grows_by, per_row, queries, written

VIEWS = """\
from django.shortcuts import get_object_or_404, render
from django.views.generic import ListView

from shop.models import Author, Book


class Books(ListView):
    {queryset}
    template_name = "shop/books.html"
"""
URLS = """\
from django.urls import path
from shop.views import Books
urlpatterns = [path("books/", Books.as_view())]
"""
TEMPLATE = """\
{% load i18n %}
{% for book in object_list %}
  {{ book.title }}
  {{ book.author.publisher.name }}
{% endfor %}
"""
PAGE = "shop/templates/shop/books.html"


@pytest.mark.parametrize(
    ("queryset", "tables"),
    [
        ("model = Book", {(4, "shop_author"), (4, "shop_publisher")}),
        ("queryset = Book.objects.select_related('author')", {(4, "shop_publisher")}),
        ("queryset = Book.objects.select_related('author__publisher')", set()),
        ("queryset = Book.objects.prefetch_related('author__publisher')", set()),
        ("queryset = Book.objects.values('title')", set()),
    ],
)
def test_a_template_that_walks_relations(tmp_path: Path, queryset: str, tables: set[tuple[int, str]]) -> None:
    root = written(tmp_path, {"shop/views.py": VIEWS.format(queryset=queryset), "shop/urls.py": URLS, PAGE: TEMPLATE})
    found = queries(root, PAGE)
    assert any(query.issued.line == 2 and query.issued_by == "rows" for query in found)
    assert all(query.made.file == "shop/views.py" for query in found if query.relation)
    assert {(line, table) for line, table in per_row(found)} == tables
    assert grows_by(root, "/books/") == len(tables)


def test_a_page_is_a_count_and_a_slice(tmp_path: Path) -> None:
    root = written(
        tmp_path,
        {
            "shop/views.py": VIEWS.format(queryset="model = Book\n    paginate_by = 20"),
            PAGE: "{{ object_list|length }}",
        },
    )
    assert [query.issued_by for query in queries(root, "shop/views.py")] == ["count"]
    first, later = (query.sql or "" for query in queries(root, PAGE))
    assert first.endswith("LIMIT 20")  # Django writes no OFFSET for the first page
    assert " LIMIT 20 OFFSET " in later


def test_a_list_that_may_be_paged_is_in_the_context_under_its_name(tmp_path: Path) -> None:
    view = VIEWS.format(
        queryset="model = Book\n    context_object_name = 'books'\n\n"
        "    def get_paginate_by(self, queryset):\n        return self.request.GET.get('size') or self.paginate_by\n\n"
        "    def get_context_data(self, **kwargs):\n        context = super().get_context_data(**kwargs)\n"
        "        for book in context['books']:\n            book.author.name\n        return context\n"
    )
    root = written(tmp_path, {"shop/views.py": view, PAGE: ""})
    assert per_row(queries(root, "shop/views.py")) == {(17, "shop_author")}


def test_a_shortcut_is_issued_where_it_is_called(tmp_path: Path) -> None:
    view = (
        "\n"
        "\n"
        "def one(request, pk):\n"
        "    author = get_object_or_404(Author, pk=pk)\n"
        "    return render(request, 'shop/one.html', {'author': author})\n"
    )
    root = written(
        tmp_path,
        {
            "shop/views.py": VIEWS.format(queryset="model = Book") + view,
            "shop/templates/shop/one.html": "{% with n=author.books.count %}\n{{ n }}{% endwith %}",
        },
    )
    assert [(q.issued.line, q.issued_by) for q in queries(root, "shop/views.py") if q.issued.function == "one"] == [
        (13, "get")
    ]
    assert [(q.issued.line, q.issued_by) for q in queries(root, "shop/templates/shop/one.html")] == [(1, "count")]
