"""Change lists of the admin against what the running project issues."""

from pathlib import Path

import pytest
from web_project import grows_by, per_row, queries, written

ADMIN = """\
from django.contrib import admin

from shop.models import Book


@admin.register(Book)
class BookAdmin(admin.ModelAdmin):
    {options}

    def publisher(self, book):
        return book.author.publisher.name
"""
URLS = """\
from django.contrib import admin
from django.urls import path
urlpatterns = [path("admin/", admin.site.urls)]
"""


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ('list_display = ("title",)', set()),
        ('list_display = ("title", "author")', set()),  # Django joins what its own columns show
        ('list_display = ("title", "publisher")', {(11, "shop_author"), (11, "shop_publisher")}),
        ('list_display = ("title", "publisher")\n    list_select_related = ("author__publisher",)', set()),
        ('list_display = ("title", "publisher")\n    list_select_related = True', set()),
    ],
)
def test_columns_of_a_change_list(tmp_path: Path, options: str, lines: set[tuple[int, str]]) -> None:
    root = written(tmp_path, {"shop/admin.py": ADMIN.format(options=options), "shop/urls.py": URLS})
    assert per_row(queries(root, "shop/admin.py")) == lines
    assert grows_by(root, "/admin/shop/book/") == len(lines)


def test_counts_pages_and_searches(tmp_path: Path) -> None:
    options = 'list_per_page = 30\n    search_fields = ("^title", "author__name")'
    root = written(tmp_path, {"shop/admin.py": ADMIN.format(options=options)})
    found = queries(root, "shop/admin.py")
    texts = [query.sql or "" for query in found]
    assert any("COUNT(*)" in text and "WHERE" not in text for text in texts)
    assert any('ORDER BY "shop_book"."title" ASC, "shop_book"."id" DESC LIMIT 30' in text for text in texts)
    assert any('UPPER("shop_author"."name"::text) LIKE UPPER' in text for text in texts)
