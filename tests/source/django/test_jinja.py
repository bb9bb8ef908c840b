"""Jinja2's templates: what they ask for, against the running project."""

from pathlib import Path

import pytest
from web_project import FILES, grows_by, per_row, queries, written

from dbwright.source import read

SETTINGS = FILES["conf/settings.py"].replace(
    "TEMPLATES = [",
    'TEMPLATES = [{"BACKEND": "django.template.backends.jinja2.Jinja2", "APP_DIRS": True, '
    '"OPTIONS": {"environment": "shop.environment.made"}},',
)
ENVIRONMENT = """\
from jinja2 import Environment
from shop.models import Author

def authors():
    return Author.objects.order_by("name")

def made(**options):
    env = Environment(**options)
    env.globals.update({"authors": authors})
    return env
"""
VIEWS = """\
from django.shortcuts import render
from shop.models import Book

def books(request):
    return render(request, "shop/books.html", {"books": Book.objects.all()})
"""
URLS = "from django.urls import path\nfrom shop.views import books\nurlpatterns = [path('books/', books)]\n"
PAGE = "shop/jinja2/shop/books.html"
BASE = "<html>\n{% block body %}{% endblock %}"


def project(root: Path, page: str, **more: str) -> Path:
    files = {
        "conf/settings.py": SETTINGS,
        "shop/environment.py": ENVIRONMENT,
        "shop/views.py": VIEWS,
        "shop/urls.py": URLS,
    }
    others = {f"shop/jinja2/shop/{name}.html": text for name, text in more.items()}
    return written(root, {**files, PAGE: page, "shop/jinja2/shop/base.html": BASE, **others})


@pytest.mark.parametrize(
    ("page", "tables"),
    [
        ("{% for b in books %}\n{{ b.author.name }}\n{% endfor %}", {(2, "shop_author")}),
        (
            "{% for b in books %}\n{{ b['author'].publisher.name|upper }}\n{% endfor %}",
            {(2, "shop_author"), (2, "shop_publisher")},
        ),
        ("{% for b in books %}\n{{ b.tags.count() }}\n{% endfor %}", {(2, "shop_tag")}),
        # Without brackets nothing is called.
        ("{% for b in books %}\n{{ b.tags.count }}\n{% endfor %}", set()),
        (
            "{% macro of(book) %}\n{{ book.author.name }}\n{% endmacro %}\n{% for b in books %}{{ of(b) }}{% endfor %}",
            {(2, "shop_author")},
        ),
        ("{{ books|map(attribute='author.name')|join(', ') }}", {(1, "shop_author")}),
        ("{{ books|map(attribute='title')|join(', ') }}", set()),
        ("{% for a in authors() %}\n{{ a.publisher.name }}\n{% endfor %}", {(2, "shop_publisher")}),
        ("{% for b in books.select_related('author') %}\n{{ b.author.name if b.title else '' }}\n{% endfor %}", set()),
    ],
)
def test_what_a_template_asks_for_each_row(tmp_path: Path, page: str, tables: set[tuple[int, str]]) -> None:
    root = project(tmp_path, page)
    assert per_row(queries(root, PAGE)) == tables
    assert grows_by(root, "/books/") == len(tables)


def test_blocks_includes_and_imports_keep_their_own_lines(tmp_path: Path) -> None:
    page = (
        "{% extends 'shop/base.html' %}\n{% from 'shop/macros.html' import of %}\n{% block body %}\n{{ super() }}\n"
        "{% for b in books %}{% include 'shop/one.html' %}\n{{ of(b) }}{% endfor %}\n{% endblock %}"
    )
    one, macros = "\n{{ b.author.name }}", "{% macro of(book) %}\n\n{{ book.tags.all()|length }}{% endmacro %}"
    root = project(tmp_path, page, one=one, macros=macros)
    assert [(query.issued.line, query.issued_by) for query in queries(root, PAGE)] == [(5, "rows")]
    assert per_row(queries(root, "shop/jinja2/shop/one.html")) == {(2, "shop_author")}
    assert per_row(queries(root, "shop/jinja2/shop/macros.html")) == {(3, "shop_tag")}
    assert grows_by(root, "/books/") == 2


def test_a_template_that_cannot_be_parsed_is_a_problem(tmp_path: Path) -> None:
    found = read(project(tmp_path, "{% for b in %}")).problems
    assert [problem.reason.partition(":")[0] for problem in found if problem.file == PAGE] == ["template not read"]
