"""Long texts or documents are fetched with every row, and only short columns are read.

## Why it matters

A long value is kept out of line, in pieces: to send it PostgreSQL fetches the pieces one by one and unpacks them.
The rows of a list then cost a hundred times what its titles would, on the server, on the wire and in the memory of the process.

## When to ignore

When the long columns are short in practice, or the rows are few.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dbwright.model.asked import (
    equal_columns,
    holds_key,
    is_aid,
    is_batch,
    is_told,
    locations,
    model_name,
    own_tables,
    rows_of,
    size_of,
    source_table_ref,
    table_named,
)
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import with_rows
from dbwright.model.shapes import shape_of_source
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn, SourceFact, SourceQuery, SourceTable
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "performance"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {
    "rows": 200,
    # Bytes of a row with what is kept out of line, from which on it counts where sizes were measured. A page of the table holds eight
    # such rows.
    "row_bytes": 1_000,
    # More tables than this and it is a habit of the project: one message.
    "tables": 2,
}
COVERS = ("orm-fat-select", "select-star", "CH-09", "WB-08")

_MODELS = """\
from django.db import models


class Article(models.Model):
    title = models.CharField(max_length=80)
    slug = models.SlugField(unique=True)
    is_public = models.BooleanField(default=True)
    body = models.TextField()
    extra = models.JSONField(default=dict)
    author = models.ForeignKey("auth.User", models.CASCADE)

    @property
    def teaser(self):
        return self.body[:80]


class Tag(models.Model):
    word = models.TextField()
    color = models.TextField()


def view(request):
    articles = Article.objects.filter(is_public=True)
    {}
"""


def _module(body: str) -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(body)}


_TABLES = """\
from sqlalchemy import JSON, LargeBinary, Text, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, load_only, mapped_column


class Base(DeclarativeBase):
    pass


class Article(Base):
    __tablename__ = "article"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    body: Mapped[str] = mapped_column(Text)
    scan: Mapped[bytes] = mapped_column(LargeBinary)


def titles(session: Session):
    {}
"""


def _session(body: str) -> dict[str, str]:
    return {"app/__init__.py": "", "app/articles.py": _TABLES.format(body)}


BAD = (
    Sample(source=_module("return [a.title for a in articles]")),
    Sample(source=_module("return {a.pk: a.title for a in Article.objects.order_by('title')}")),
    Sample(
        source=_module("for article in articles.order_by('slug'):\n        print(article.title, article.author_id)")
    ),
    Sample(source=_module("for article in articles.iterator():\n        print(article.title)")),
    Sample(source=_module("return [a.title for a in articles]"), edit=with_rows(row_bytes=6_000, shop_article=90_000)),
    Sample(source=_session("return [a.title for a in session.scalars(select(Article))]")),
    Sample(source=_session("articles = session.query(Article).all()\n    return [a.title for a in articles]")),
)
GOOD = (
    Sample(source=_module("return [a.title for a in articles.only('title')]")),
    Sample(source=_module("return [a.title for a in articles.defer('body', 'extra')]")),
    Sample(source=_module("return list(articles.values_list('title', flat=True))")),
    # All is read, here or elsewhere.
    Sample(source=_module("return [(a.title, a.body, a.extra) for a in articles]")),
    Sample(source=_module("return [show(a) for a in articles if a.title]")),
    Sample(source=_module("titles = [a.title for a in articles]\n    return titles, articles")),
    Sample(source=_module("for a in articles:\n        print(a.title, a)")),
    # A property reads what it likes.
    Sample(source=_module("return [(a.title, a.teaser) for a in articles]")),
    # Written back.
    Sample(source=_module("for a in articles:\n        a.title = a.title.strip()\n        a.save()")),
    # A few rows, one row, those of one author, short texts, a table known to be small, rows known to be.
    Sample(source=_module("return [a.title for a in articles.filter(author=request.user)]")),
    Sample(source=_module("return [a.title for a in articles]"), edit=with_rows(shop_article=90_000)),
    Sample(source=_module("return [a.title for a in articles[:5]]")),
    Sample(source=_module("return [a.title for a in articles.filter(slug='a')]")),
    Sample(source=_module("return [t.word for t in Tag.objects.all()]")),
    Sample(source=_module("return [a.title for a in articles]"), edit=with_rows(shop_article=20)),
    Sample(
        source=_session("return [a.title for a in session.scalars(select(Article).options(load_only(Article.title)))]")
    ),
    Sample(source=_session("return [a.title for a in session.execute(select(Article.id, Article.title))]")),
    Sample(source=_session("return [(a.title, a.body, a.scan) for a in session.scalars(select(Article))]")),
)

_DOCUMENTS = re.compile(r"(jsonb?|bytea|xml|tsvector|hstore)\b")
_LONG = re.compile(
    r"(^|_)(body|content|contents|text|html|markdown|raw|payload|document|article|logs?|output|transcript|rendered|snapshot)(_|$)"
)


@dataclass(frozen=True, slots=True)
class _Fetch:
    """A query, the attributes of its rows that are read, and the wide columns that are not."""

    query: SourceQuery
    read: tuple[str, ...]
    wide: tuple[SourceColumn, ...]


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    own = {table.name: table for table in own_tables(snapshot)}
    facts = {
        (fact.place.file, line): fact
        for fact in snapshot.source.facts
        if fact.kind == "columns read"
        for line in range(fact.place.line, max(fact.place.line, fact.end_line) + 1)
    }
    groups: defaultdict[str, list[_Fetch]] = defaultdict(list)
    for query in _alone_on_their_lines(snapshot):
        fact, table = facts.get((query.issued.file, query.issued.line)), own.get(query.table or "")
        if fact is None or table is None or not _are_many(snapshot, query, table, limits):
            continue
        fetch = _fetch(query, table, fact)
        if fetch is not None:
            groups[table.name].append(fetch)
    found = [_finding(snapshot, own[name], fetches, limits) for name, fetches in groups.items()]
    yield from told_once(found, "Wide columns of {} tables are fetched and not read", singly=limits["tables"])


def _alone_on_their_lines(snapshot: Snapshot) -> Iterator[SourceQuery]:
    """Queries for rows on whose line no other table is asked for rows: of these it is told which attributes are whose."""
    by_line: defaultdict[tuple[str, int], list[SourceQuery]] = defaultdict(list)
    for query in snapshot.source.queries:
        if query.issued_by == "rows" and not is_aid(query.issued) and not is_batch(query.issued):
            by_line[query.issued.file, query.issued.line].append(query)
    for queries in by_line.values():
        if len({query.table for query in queries}) == 1:
            yield queries[0]


def _are_many(snapshot: Snapshot, query: SourceQuery, table: SourceTable, limits: Limits) -> bool:
    """Neither one row nor those that belong to one row of another table or that a user looks for; many wide ones, where sizes were
    measured."""
    taken = query.query
    if taken is None or taken.limit or taken.group_by or taken.distinct or query.relation is not None:
        return False
    if any(
        p.narrows and p.operator in ("=", "in") and p.value != "column" and not is_told(query, p)
        for p in taken.predicates
    ):
        return False
    if holds_key(table, equal_columns(query, table.name)):
        return False
    rows, measured = rows_of(snapshot, table.name), table_named(snapshot, table.name)
    if rows is None and shape_of_source(snapshot, table).is_set_up:
        return False
    sizes = snapshot.statistics_of(measured) if measured is not None else None
    if rows is None or sizes is None:
        return True
    return rows >= limits["rows"] and sizes.table_bytes >= rows * limits["row_bytes"]


def _fetch(query: SourceQuery, table: SourceTable, fact: SourceFact) -> _Fetch | None:
    """None when something else than columns is read of the rows, or nothing wide is fetched besides."""
    by_attribute = {name: column for column in table.columns for name in (column.field, column.name)}
    by_attribute |= {"pk": next((c for c in table.columns if c.primary_key), table.columns[0])}
    read = tuple(fact.name.split(","))
    if not all(name in by_attribute for name in read):
        return None
    used = {by_attribute[name].name for name in read}
    fetched = {c.column for c in query.query.columns if c.table == table.name} if query.query else set()
    wide = tuple(c for c in table.columns if c.name in fetched - used and _is_wide(c))
    return _Fetch(query, read, wide) if wide and not any(_is_wide(by_attribute[name]) for name in read) else None


def _is_wide(column: SourceColumn) -> bool:
    """Made for long values, by its type, or by its type and name."""
    kind = (column.type or "").lower()
    return bool(_DOCUMENTS.match(kind)) or (kind == "text" and bool(_LONG.search(column.name)))


def _finding(snapshot: Snapshot, table: SourceTable, fetches: Sequence[_Fetch], limits: Limits) -> Finding:
    first = fetches[0]
    rows = rows_of(snapshot, table.name)
    wide = [column.name for column in first.wide]
    places = list(dict.fromkeys(fetch.query.issued for fetch in fetches))
    return Finding(
        title=f"{model_name(table)}: {listed(wide, 2)} fetched and not read"[:79],
        message=f"{places[0]} fetches {listed(wide)} of every row that it finds in {table.name} "
        f"({size_of(snapshot, table.name)}) and reads {listed(first.read)} alone.",
        objects=(source_table_ref(table),),
        impact=Impact(rows, "rows", limits["rows"], 1_000_000)
        if rows is not None
        else Impact(len(places), "places", 10, 100, estimated=True),
        evidence={
            "places": [
                {"at": str(f.query.issued), "read": list(f.read), "not read": [c.name for c in f.wide]}
                for f in fetches[:20]
            ]
        },
        confidence="medium" if rows is not None else "low",
        next_step=_step(first, table),
        identity=table.name,
        locations=locations([p for fetch in fetches for p in (fetch.query.issued, fetch.query.made)]),
    )


def _step(fetch: _Fetch, table: SourceTable) -> str:
    if fetch.query.framework == "django":
        names = ", ".join(repr(name) for name in fetch.read)
        return f"Add .only({names}) to the queryset at {fetch.query.made}, or take the values alone: .values_list({names})."
    names = ", ".join(f"{model_name(table)}.{name}" for name in fetch.read)
    return f"Add .options(load_only({names})) to the statement at {fetch.query.made}, or select these columns alone."
