"""Rows that come in pairs, are sorted or become text: each of them is still a row of its query."""

from pathlib import Path

import pytest
from web_project import queries, written

MODELS = """\
from django.db import models


class Author(models.Model):
    name = models.TextField()


class Book(models.Model):
    title = models.TextField()
    author = models.ForeignKey(Author, models.CASCADE)

    def __str__(self):
        return f"{self.title} of {self.author.name}"
"""
WAYS = {
    "numbered": "    for n, book in enumerate(Book.objects.all()):\n        print(n, book.author)",
    "by key": "    found = {book.pk: book for book in Book.objects.all()}\n    for key, book in found.items():\n        print(book.author)",
    "sorted": "    return sorted(Book.objects.all(), key=lambda book: book.author.name)",
    "sorted in place": "    books = list(Book.objects.all())\n    books.sort(key=lambda book: book.author.name)",
    "grouped": "    return groupby(Book.objects.all(), lambda book: book.author.name)",
    "the longest": "    return max(Book.objects.all(), key=lambda book: book.author.name)",
    "as text": "    return [str(book) for book in Book.objects.all()]",
    "in text": "    return ', '.join(f'{book}!' for book in Book.objects.all())",
    "printed": "    for book in Book.objects.all():\n        print(book)",
}
NONE = {
    "sorted by a column": "    return sorted(Book.objects.all(), key=lambda book: book.author_id)",
    "loaded": "    for n, book in enumerate(Book.objects.select_related('author')):\n        print(n, book)",
    "one": "    print(Book.objects.get(pk=1))",
    "a part of it as text": "    return [str(book.title) for book in Book.objects.all()]",
}


@pytest.mark.parametrize("way", [*WAYS, *NONE])
def test_a_relation_is_touched_for_each_row(tmp_path: Path, way: str) -> None:
    code = f"from itertools import groupby\n\nfrom shop.models import Book\n\n\ndef act():\n{ {**WAYS, **NONE}[way] }\n"
    root = written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": code})
    found = [*queries(root, "shop/code.py"), *queries(root, "shop/models.py")]
    loops = [q.loops[-1].table for q in found if q.issued_by == "relation" and q.rows_loops]
    assert set(loops) == ({"shop_book"} if way in WAYS else set())
