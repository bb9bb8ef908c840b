"""A query is sent once for each row of another query.

## Why it matters

Each statement costs a round trip to the server, whatever it fetches: a hundred rows make a hundred and one statements where two would do.
It is quick on ten rows in development and slow on the data of production.

## When to ignore

When the outer query gives one or two rows by its nature, or the loop is a batch job that nobody waits for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Location, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import QueryLoop, SourceQuery
from dbwright.rules import Limits

RISK: Risk = "performance"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {"rows": 20}
COVERS = ("n-plus-one", "BP-18", "AB-19", "CH-02", "WB-08")

_MODELS = """\
from django.db import models


class Publisher(models.Model):
    name = models.TextField()


class Author(models.Model):
    name = models.TextField()
    publisher = models.ForeignKey(Publisher, models.CASCADE)


class Book(models.Model):
    title = models.TextField()
    author = models.ForeignKey(Author, models.CASCADE, related_name="books")
"""


def _views(body: str) -> dict[str, str]:
    return {
        "shop/__init__.py": "",
        "shop/models.py": _MODELS,
        "shop/views.py": f"from shop.models import Author, Book\n\n\n{body}\n",
    }


BAD = (
    Sample(source=_views("def names():\n    return [book.author.name for book in Book.objects.all()]")),
    Sample(
        source=_views(
            "def names():\n    for book in Book.objects.select_related('author'):\n        print(book.author.publisher.name)"
        )
    ),
    Sample(source=_views("def counts():\n    return {a.name: a.books.count() for a in Author.objects.all()}")),
    Sample(
        source=_views(
            "def owners(books):\n    for book in Book.objects.all():\n        show(book)\n\n\ndef show(book):\n    print(book.author.name)"
        )
    ),
)
GOOD = (
    Sample(source=_views("def names():\n    return [b.author.name for b in Book.objects.select_related('author')]")),
    Sample(source=_views("def names():\n    return [b.author.name for b in Book.objects.prefetch_related('author')]")),
    Sample(source=_views("def ids():\n    return [b.author_id for b in Book.objects.all()]")),
    Sample(source=_views("def one(pk):\n    return Book.objects.get(pk=pk).author.name")),
    Sample(
        source=_views(
            "def all():\n    for a in Author.objects.prefetch_related('books'):\n        print([b.title for b in a.books.all()])"
        )
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[tuple[str, str, str], list[SourceQuery]] = defaultdict(list)
    for query in snapshot.source.queries:
        if _repeats(query):
            groups[query.issued.file, query.issued.function, query.relation or query.table or ""].append(query)
    for (file, function, about), queries in groups.items():
        query = queries[0]
        loop = query.rows_loops[-1]
        rows = _rows(snapshot, loop)
        if rows is not None and rows < limits["rows"]:
            continue
        yield Finding(
            title=f"One query a row: {about} in {function or file}",
            message=f"{query.issued} {_what(query)} for each row of {loop.table}"
            f"{f' ({rows:,} rows)' if rows else ''}, which is walked at {loop.place}.",
            objects=(ObjectRef("function", function or file, table=query.table),),
            impact=Impact(rows, "rows", limits["rows"], 100_000)
            if rows is not None
            else Impact(3, "queries a row", 1, 10, estimated=True),
            evidence={
                "sql": query.sql,
                "loop": str(loop.place),
                "rows made at": str(loop.rows_made or loop.place),
                "sites": len(queries),
            },
            confidence="high" if rows is not None else "medium",
            next_step=_remedy(query, loop),
            identity=f"{file}:{function}:{about}",
            locations=(
                Location(query.issued.file, query.issued.line),
                *([Location(loop.rows_made.file, loop.rows_made.line)] if loop.rows_made else []),
            ),
        )


def _repeats(query: SourceQuery) -> bool:
    """Sent under another query's rows with a value that comes from the row, and only reading."""
    if not query.rows_loops or query.issued_by in ("insert", "update", "delete", "prefetch", "lock"):
        return False
    return query.issued_by == "relation" or any(parameter.origin == "row" for parameter in query.parameters)


def _rows(snapshot: Snapshot, loop: QueryLoop) -> int | None:
    table = next((t for t in snapshot.catalog.user_tables if t.name == loop.table), None)
    return snapshot.rows(table) if table is not None and snapshot.statistics_of(table) is not None else None


def _what(query: SourceQuery) -> str:
    return f"fetches {query.relation}" if query.relation else f"queries {query.table}"


def _remedy(query: SourceQuery, loop: QueryLoop) -> str:
    where = loop.rows_made or loop.place
    if query.relation and query.framework == "django":
        return f'Add .select_related("{query.relation}") to the queryset made at {where}.'
    if query.relation:
        return f"Load {query.relation} with the query made at {where}: .options(selectinload(…))."
    return f"Fetch the rows of {query.table} for all rows at once before the loop at {loop.place}, or annotate the query made at {where}."
