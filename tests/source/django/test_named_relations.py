"""Objects that nobody told of, whose related rows are asked for by a name that one model alone has."""

from __future__ import annotations

from pathlib import Path

import pytest
from web_project import queries, written

MORE = """

class Shelf(models.Model):
    owner = models.ForeignKey(Publisher, models.CASCADE, related_name="places")


class Desk(models.Model):
    owner = models.ForeignKey(Author, models.CASCADE, related_name="places")


class Pocket(Author):
    pass
"""


@pytest.mark.parametrize(
    ("call", "tables"),
    [
        ("thing.books.filter(title='x').exists()", {"shop_book"}),
        ("thing.books.get_or_create(title='x')", {"shop_book"}),
        ("list(thing.inner.books.order_by('title'))", {"shop_book"}),
        ("thing.author_set.filter(name='x').count()", {"shop_author"}),
        # Two models have relations of this name.
        ("thing.places.filter(pk=1).exists()", set()),
        # Other things have these methods too.
        ("thing.books.get('x')", set()),
        ("thing.books.update(x=1)", set()),
        ("thing.books.exists()", set()),
        ("thing.pages.filter(title='x')", set()),
        ("books(thing).filter(title='x').exists()", set()),
    ],
)
def test_relations_by_their_names(tmp_path: Path, call: str, tables: set[str]) -> None:
    code = f"def run(thing, books=None):\n    return {call}\n"
    written(tmp_path, {"shop/lists.py": code})
    with (tmp_path / "shop/models.py").open("a") as models:
        models.write(MORE)
    found = queries(tmp_path, "shop/lists.py")
    assert {q.table for q in found} == tables
    assert all(q.sql and ('"author_id"' in q.sql or '"publisher_id"' in q.sql) for q in found)
