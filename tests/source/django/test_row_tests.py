"""Conditions on the way from a loop to a query: those that only ask the row itself are no doubt yet, all others are counted."""

from pathlib import Path

import pytest
from web_project import FILES, queries, written

METHOD = """
    def shown(self, full=True, user=None):
        {}
"""
CALL = "from shop.models import Book\n\n\ndef names(full, user):\n    return [book.shown(full, user) for book in Book.objects.all()]\n"


@pytest.mark.parametrize(
    ("body", "counted"),
    [
        ("return self.author.name", 0),
        ("return self.author.name if self.title == 'x' else ''", 0),
        ("if not self.title:\n            return ''\n        return self.author.name", 0),
        ("return '' if self.pk is None or self.author.name else 'x'", 0),
        (
            "if self.title and self.pk:\n            if self.author_id is not None:\n                return self.author.name",
            0,
        ),
        ("author = self.author\n        return author.publisher.name if author else ''", 0),
        # a third is a doubt
        (
            "if self.title:\n            if self.pk:\n                if self.title != 'x':\n                    return self.author.name",
            1,
        ),
        # what the caller says, who asks, what is put on some rows only
        ("return self.author.name if full else ''", 1),
        ("return self.author.name if user else ''", 1),
        ("return self.author.name if user.is_staff else ''", 1),
        ("return self.author.name if self.unfolded else ''", 1),
        ("return self.author.name if self.title == full else ''", 1),
        ("return self.author.name if self.tags.exists() else ''", 1),
    ],
)
def test_what_a_row_is_asked_in_its_own_method(tmp_path: Path, body: str, counted: int) -> None:
    models = FILES["shop/models.py"].rstrip("\n") + "\n" + METHOD.format(body)
    root = written(tmp_path, {"shop/models.py": models, "shop/code.py": CALL})
    found = [q for q in queries(root, "shop/models.py") if q.rows_loops and q.issued_by == "relation" and q.calls]
    assert {query.conditions for query in found} == {counted}


def test_in_a_loop_of_the_function_s_own_each_condition_counts(tmp_path: Path) -> None:
    walked = (
        "from shop.models import Book\n\n\ndef names():\n    for book in Book.objects.all():\n"
        "        if book.title:\n            print(book.author.name)\n"
    )
    found = [q for q in queries(written(tmp_path, {"shop/code.py": walked}), "shop/code.py") if q.rows_loops]
    assert [(query.guards, query.conditions) for query in found] == [(1, 0)]
