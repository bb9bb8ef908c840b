"""Templates: inheritance, includes, tags of the project, and what cannot be parsed."""

from pathlib import Path

from web_project import per_row, queries, written

from dbwright.source import read

VIEW = (
    "from django.shortcuts import render\n"
    "from shop.models import Book\n"
    "\n"
    "def books(request):\n"
    "    return render(request, 'shop/books.html', {'books': Book.objects.all()})\n"
)


def test_blocks_and_includes_keep_their_own_lines_and_the_loop_around(tmp_path: Path) -> None:
    root = written(
        tmp_path,
        {
            "shop/views.py": VIEW,
            "shop/templates/base.html": "<html>\n{% block body %}{% endblock %}",
            "shop/templates/shop/books.html": (
                "{% extends 'base.html' %}\n"
                "{% block body %}\n"
                "{% for b in books %}\n"
                "{% include 'shop/one.html' with book=b %}\n"
                "{% endfor %}\n"
                "{% endblock %}"
            ),
            "shop/templates/shop/one.html": "\n\n{{ book.author.name|upper }} {{ book.title }}",
        },
    )
    assert [(q.issued.line, q.issued_by) for q in queries(root, "shop/templates/shop/books.html")] == [(3, "rows")]
    assert per_row(queries(root, "shop/templates/shop/one.html")) == {(3, "shop_author")}
    assert {type(query.issued.function) for query in read(root).queries} == {str}, (
        "a kept reading holds plain text only"
    )


def test_tags_of_the_project_are_called_and_others_read_their_arguments_only(tmp_path: Path) -> None:
    root = written(
        tmp_path,
        {
            "shop/views.py": VIEW,
            "shop/templatetags/__init__.py": "",
            "shop/templatetags/shop_tags.py": (
                "from django import template\n"
                "register = template.Library()\n"
                "\n"
                "@register.simple_tag\n"
                "def tags_of(book):\n"
                "    return book.tags.count()\n"
            ),
            "shop/templates/shop/books.html": (
                "{% load shop_tags other %}\n{% other a=books %}{% for book in books %}{% tags_of book %}{% endfor %}"
            ),
        },
    )
    found = queries(root, "shop/templatetags/shop_tags.py")
    assert [(q.issued.line, q.issued_by, [loop.table for loop in q.loops]) for q in found if q.loops] == [
        (6, "count", ["shop_book"])
    ]


def test_a_template_that_cannot_be_parsed_is_a_problem(tmp_path: Path) -> None:
    root = written(tmp_path, {"shop/views.py": VIEW, "shop/templates/shop/books.html": "{% for book in books %}"})
    problems = read(root, strict=True).problems
    assert next(p.reason for p in problems if p.file.endswith("books.html")).startswith(
        "template not read: TemplateSyntaxError"
    )
