"""Paths of relations: where they go round, and where they lead nowhere."""

from dataclasses import replace

import pytest

from dbwright.model.query import Predicate, Query, QueryColumn, QueryTable
from dbwright.model.repeats import cut, leads
from dbwright.model.source import Place, Source, SourceColumn, SourceQuery, SourceReference, SourceTable

PLACE = Place("shop/models.py", 1)


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("author", "author"),
        ("author__publisher", "author__publisher"),
        ("parent__parent", "parent"),
        ("parent__parent__parent__owner", "parent"),
        ("user__profile__user", "user__profile"),
    ],
)
def test_cut(path: str, short: str) -> None:
    assert cut(path) == short


def table(name: str, *columns: SourceColumn) -> SourceTable:
    key = SourceColumn("id", "id", "bigint", True, primary_key=True)
    return SourceTable(name, None, f"shop.{name}", PLACE, "django", (key, *columns))


def reference(field: str, to: str, primary_key: bool = False) -> SourceColumn:
    return SourceColumn(f"{field}_id", field, "bigint", True, primary_key, references=SourceReference(to, "id"))


def listed(name: str, column: str, relation: str) -> SourceQuery:
    return replace(touched(name, column), issued_by="rows", relation=relation)


def touched(name: str, column: str = "id") -> SourceQuery:
    predicate = Predicate(QueryColumn(name, column, name), "=")
    query = Query("select", (QueryTable(name, None, name, "from"),), (predicate,))
    return SourceQuery("django", "relation", PLACE, PLACE, table=name, query=query)


SOURCE = Source(
    (
        table("book", reference("author", "author")),
        table("author", reference("publisher", "publisher")),
        table("publisher"),
        table("cover", reference("book", "book")),
        SourceTable("novel", None, "shop.novel", PLACE, "django", (reference("book_ptr", "book", primary_key=True),)),
    )
)


@pytest.mark.parametrize(
    ("start", "path", "query", "answer"),
    [
        ("book", "author", touched("author"), True),
        ("book", "author__publisher", touched("publisher"), True),
        ("novel", "author", touched("author"), True),  # of the class above
        ("book", "publisher", touched("publisher"), False),
        ("book", "author__cover", touched("book"), False),
        ("book", "cover", touched("cover", "book_id"), True),  # the other way round: by what name is not told
        ("book", "covers__author", touched("author"), True),
        ("strange", "author", touched("author"), True),
        ("book", "id", touched("book"), True),  # a column left out by only()
        ("author", "books", listed("book", "author_id", "books"), True),
        ("book", "author__books", listed("book", "author_id", "books"), True),
        ("novel", "covers", listed("cover", "book_id", "covers"), True),
        ("publisher", "books", listed("book", "author_id", "books"), False),
    ],
)
def test_leads(start: str, path: str, query: SourceQuery, answer: bool) -> None:
    assert leads(SOURCE, query, start, path) is answer
