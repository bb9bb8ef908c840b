"""A query is sent once for each row of another query.

## Why it matters

Each statement costs a round trip to the server, whatever it fetches: a hundred rows make a hundred and one statements where two would do.
It is quick on ten rows in development and slow on the data of production.

## When to ignore

When the table that is walked over has a few rows and always will. Jobs, commands, the rows of one parent, loops that write each row and
what only some conditions lead to are not told.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dbwright.model.asked import locations, rows_of
from dbwright.model.code_edit import CodeEdit
from dbwright.model.finding import Confidence, Finding, Impact, ObjectRef, Risk
from dbwright.model.grouping import told_once
from dbwright.model.repeated import Repeated, is_handful, is_of_few, is_of_one_parent, may_be_many, repeated
from dbwright.model.repeats import cut
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import Place, SourceQuery
from dbwright.model.wording import counted, listed
from dbwright.rules import Limits

RISK: Risk = "performance"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
# A limit on the outer query or a count written in the source below which nobody notices the statements.
LIMITS: dict[str, float] = {"rows": 20, "limit": 3, "page": 9}
RELATIONS_OF_FEW = 2
"""Relations of a row from which on a list of the rows of one parent is told."""
MOST_RELATIONS = 5
"""Relations of a row beyond which more of them make the finding no worse: only measured rows do."""
COVERS = (
    "n-plus-one-lazy-load",
    "n-plus-one-deferred-field",
    "n-plus-one-single-get",
    "BP-18",
    "AB-19",
    "CH-02",
    "CH-09",
    "WB-08",
)

_HABITS = {
    "admin": "{} lists of the admin send a query a row",
    "few": "{} loops send a query a row, over what may be few rows",
}
"""What a project does in many places is told once: lists of the admin, and loops of which nothing says that their rows are many."""
_MODELS = """\
from django.db import models


class Publisher(models.Model):
    name = models.TextField()
    created = models.DateTimeField(auto_now_add=True)


class Author(models.Model):
    name = models.TextField()
    created = models.DateTimeField(auto_now_add=True)
    publisher = models.ForeignKey(Publisher, models.CASCADE)


class Book(models.Model):
    title = models.TextField()
    created = models.DateTimeField(auto_now_add=True)
    author = models.ForeignKey(Author, models.CASCADE, related_name="books")
"""


def _views(body: str) -> dict[str, str]:
    return {
        "shop/__init__.py": "",
        "shop/models.py": _MODELS,
        "shop/views.py": f"from django.db.models import Count\n\nfrom shop.models import Author, Book, Publisher\n\n\n{body}\n",
    }


def _shelves(rows: str) -> dict[str, str]:
    return {
        "shop/__init__.py": "",
        "shop/models.py": "from django.db import models\n\n\nclass Shelf(models.Model):\n"
        "    created = models.DateTimeField(auto_now_add=True)\n"
        "    parent = models.ForeignKey('self', models.CASCADE, null=True)\n\n"
        "    def path(self):\n        return self.parent.path() + '/' if self.parent else ''\n",
        "shop/views.py": "from shop.models import Shelf\n\n\n"
        f"def paths():\n    return [shelf.path() for shelf in {rows}]\n",
    }


def _page(note: str) -> dict[str, str]:
    """The page of one publisher: its authors, their books, and the notes on these."""
    return {
        **_views("x = 1"),
        "shop/models.py": f"{_MODELS}\n\nclass Note(models.Model):\n    text = models.TextField()\n"
        "    book = models.ForeignKey(Book, models.CASCADE, related_name='notes')\n"
        "    writer = models.ForeignKey(Author, models.CASCADE, related_name='+')\n",
        "shop/pages.py": "from django.shortcuts import render\n\nfrom shop.models import Publisher\n\n\ndef one(request, pk):\n"
        "    return render(request, 'shop/one.html', {'publisher': Publisher.objects.get(pk=pk)})\n",
        "shop/templates/shop/one.html": "{% for author in publisher.author_set.all %}{% for book in author.books.all %}"
        f"{{% for note in book.notes.all %}}{{{{ {note} }}}}{{% endfor %}}{{% endfor %}}{{% endfor %}}\n",
    }


_TABLES = """\
from datetime import datetime

from sqlalchemy import ForeignKey, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    created: Mapped[datetime] = mapped_column(server_default=func.now())


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    created: Mapped[datetime] = mapped_column(server_default=func.now())
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author] = relationship()
"""


def _session(body: str) -> dict[str, str]:
    header = "from sqlalchemy.orm import Session\nfrom sqlalchemy.ext.asyncio import AsyncSession\n"
    return {"app/__init__.py": "", "app/api.py": f"{header}{_TABLES}\n\n{body}\n"}


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
    # Two relations of the same rows are one message, with both to be loaded.
    Sample(
        source=_views(
            "def names():\n    for book in Book.objects.all():\n        print(book.author.name, book.author.publisher.name)"
        )
    ),
    # A column of the admin's list: what it loads by itself leaves out relations that may be null.
    Sample(
        source={
            **_views("x = 1"),
            "shop/admin.py": "from django.contrib import admin\n\nfrom shop.models import Book\n\n\n@admin.register(Book)\n"
            "class BookAdmin(admin.ModelAdmin):\n    list_display = ('title', 'author')\n",
            "shop/models.py": _MODELS.replace("Author, models.CASCADE, rel", "Author, models.CASCADE, null=True, rel"),
        }
    ),
    # A column that was left out is fetched row by row.
    Sample(source=_views("def titles():\n    return [b.title for b in Book.objects.only('author')]")),
    # Rows of rows: the whole path, to the outermost queryset.
    Sample(
        source=_views(
            "def all():\n    for a in Author.objects.prefetch_related('books'):\n"
            "        print([other.name for b in a.books.all() for other in [b.author.publisher]])"
        )
    ),
    # Of one publisher, but two relations of the rows of rows.
    Sample(source=_page("note.writer.name")),
    # What a GraphQL query asks for.
    Sample(
        source={
            **_views("x = 1"),
            "shop/schema.py": "from graphene_django import DjangoObjectType\n\nfrom shop.models import Author\n\n\n"
            "class AuthorType(DjangoObjectType):\n    class Meta:\n        model = Author\n\n"
            "    def resolve_books(self, info):\n        return self.books.all()\n",
        }
    ),
    # A filter of its own asks the related manager anew, whoever fetched the publisher.
    Sample(
        source=_views(
            "def names(publisher: Publisher):\n"
            "    return [b.author.publisher.name for a in publisher.author_set.filter(name='x') for b in a.books.filter(title='y')]"
        )
    ),
    # A tree is one relation, however deep it is.
    Sample(source=_shelves("Shelf.objects.all()")),
    # Methods of one class that ask the same are one message.
    Sample(
        source=_views(
            "class Shop:\n    def new(self):\n        return [b.author.name for b in Book.objects.filter(title='x')]\n\n"
            "    def old(self):\n        return [b.author.name for b in Book.objects.filter(title='y')]"
        )
    ),
    # What fills a mapping by a constant name is asked for in each turn.
    Sample(
        source=_views(
            "def names():\n    for book in Book.objects.all():\n        given = {}\n"
            "        if 'name' not in given:\n            given['name'] = book.author.name\n        print(given)"
        )
    ),
    # One query a key.
    Sample(source=_views("def some(request):\n    return [Book.objects.get(pk=n) for n in request.GET.getlist('n')]")),
    # The latest of each.
    Sample(
        source=_views(
            "def latest():\n    for a in Author.objects.all():\n        print(Book.objects.filter(author=a).order_by('-id').first())"
        )
    ),
    Sample(
        source=_session(
            "def names(session: Session):\n    for book in session.scalars(select(Book)):\n        print(book.author.name)"
        )
    ),
    Sample(
        source=_session(
            "async def books(session: AsyncSession):\n    for author in (await session.scalars(select(Author))).all():\n"
            "        print((await session.scalars(select(Book).where(Book.author_id == author.id))).all())"
        )
    ),
)
GOOD = (
    # The same row in each turn: what is walked over has nothing to do with it.
    Sample(
        source=_session(
            "class Day(Base):\n    __tablename__ = 'day'\n    id: Mapped[int] = mapped_column(primary_key=True)\n"
            "    created: Mapped[datetime] = mapped_column(server_default=func.now())\n\n\n"
            "def names(session: Session, number: int):\n    book = session.scalars(select(Book).where(Book.id == number)).one()\n"
            "    for day in session.scalars(select(Day)):\n        print(day.id, book.author.name)"
        )
    ),
    # The number that was annotated is taken where there is one.
    Sample(
        source={
            **_views(
                "def counts(names):\n    authors = Author.objects.annotate(number=Count('books'))\n"
                "    return [author.counted(names) for author in authors]"
            ),
            "shop/models.py": _MODELS.replace(
                "class Book(",
                "    def counted(self, names):\n        return {\n"
                "            name: getattr(self, name, None) if hasattr(self, name) else self.books.count() for name in names\n"
                "        }\n\n\nclass Book(",
            ),
        }
    ),
    # Jobs that nobody waits for.
    Sample(
        source={
            **_views("x = 1"),
            "shop/tasks.py": "from celery import shared_task\n\nfrom shop.models import Author, Book\n\n\n@shared_task\n"
            "def names():\n    print([book.author.name for book in Book.objects.all()])\n    _publishers()\n\n\n"
            "def _publishers():\n    print([author.publisher.name for author in Author.objects.all()])\n",
        }
    ),
    # A table of a few: no moment tells that rows come by the time, and they belong to nothing.
    Sample(
        source={
            **_views("def sizes():\n    return [list(p.author_set.all()) for p in Publisher.objects.all()]"),
            "shop/models.py": _MODELS.replace("    created = models.DateTimeField(auto_now_add=True)\n", ""),
        }
    ),
    # Each row is written as well: what is read beside is little.
    Sample(
        source=_views(
            "def rename():\n    for book in Book.objects.all():\n        book.title = book.author.name\n        book.save()"
        )
    ),
    # The first that fits is sought.
    Sample(
        source=_views(
            "def seek(name):\n    for book in Book.objects.all():\n        if book.author.name == name:\n            return book"
        )
    ),
    # A method of the row's does it under a condition that the caller may rule out.
    Sample(
        source={
            **_views(
                "class Shown:\n    def one(self, book, full):\n        return book.author.name if full else book.title\n\n"
                "    def all(self, full):\n        return [self.one(book, full) for book in Book.objects.all()]"
            ),
        }
    ),
    # Authors that have no publisher.
    Sample(
        source={
            **_views("def names():\n    return [a.publisher for a in Author.objects.filter(publisher__isnull=True)]"),
            "shop/models.py": _MODELS.replace("Publisher, models.CASCADE)", "Publisher, models.CASCADE, null=True)"),
        }
    ),
    # What was put on the rows before.
    Sample(
        source=_views(
            "def names(found):\n    books = list(Book.objects.all())\n    for book in books:\n"
            "        book.__dict__['author'] = found[book.author_id]\n    return [book.author.name for book in books]"
        )
    ),
    Sample(
        source=_views(
            "from django.db.models import prefetch_related_objects\n\n\ndef names():\n    books = list(Book.objects.all())\n"
            "    prefetch_related_objects(books, 'author')\n    return [book.author.name for book in books]"
        )
    ),
    # The rows of an author know their author, and what was fetched of it.
    Sample(
        source=_views(
            "def names():\n    authors = Author.objects.select_related('publisher').prefetch_related('books')\n"
            "    return [b.author.publisher.name for a in authors for b in a.books.all()]"
        )
    ),
    # The session has the row that is walked over.
    Sample(
        source=_session(
            "def names(session: Session):\n    return [session.get(Book, book.id).id for book in session.scalars(select(Book))]"
        )
    ),
    # The lines of an inline form, and what an editor chooses from.
    Sample(
        source={
            **_views("x = 1"),
            "shop/admin.py": "from django.contrib import admin\n\nfrom shop.models import Author, Book, Publisher\n\n\n"
            "class BookInline(admin.TabularInline):\n    model = Book\n\n\n@admin.register(Author)\n"
            "class AuthorAdmin(admin.ModelAdmin):\n    inlines = [BookInline]\n",
            "shop/models.py": _MODELS.replace(
                'related_name="books")',
                'related_name="books")\n\n    def __str__(self):\n        return self.author.publisher.name',
            ),
        }
    ),
    # Who loads the author under a condition does it where it is needed.
    Sample(
        source=_views(
            "def names(full):\n    books = Book.objects.all()\n    if full:\n        books = books.select_related('author')\n"
            "    return [book.author.name for book in books]"
        )
    ),
    # The rows of one row are a handful.
    Sample(
        source={
            **_views("x = 1"),
            "shop/pages.py": "from django.shortcuts import render\n\nfrom shop.models import Publisher\n\n\ndef one(request, pk):\n"
            "    return render(request, 'shop/one.html', {'publisher': Publisher.objects.get(pk=pk)})\n",
            "shop/templates/shop/one.html": "{% for author in publisher.author_set.all %}"
            "{% for book in author.books.all %}{{ book.title }}{% endfor %}{% endfor %}\n",
        }
    ),
    # One relation of the rows of rows.
    Sample(source=_page("note.text")),
    # What was prefetched is counted and tested without a query.
    Sample(
        source=_views(
            "def counts():\n    return [(a.books.count(), a.books.exists(), a.books.all().count())\n"
            "            for a in Author.objects.prefetch_related('books')]"
        )
    ),
    # Who loads two steps of a tree along knows how deep it is.
    Sample(source=_shelves("Shelf.objects.select_related('parent__parent')")),
    # Django sets the author on each of an author's books.
    Sample(
        source=_views(
            "def names(author: Author):\n    return [b.author.publisher.name for b in author.books.filter(title='x')]"
        )
    ),
    # Whoever fetched the author may have loaded the books with their publishers.
    Sample(
        source={
            "shop/__init__.py": "",
            "shop/models.py": _MODELS.replace(
                "class Book(",
                "    def names(self):\n        return [b.author.name for b in self.books.all()]\n\n\nclass Book(",
            ),
        }
    ),
    Sample(source=_views("def names():\n    return [b.author.name for b in Book.objects.select_related('author')]")),
    Sample(source=_views("def names():\n    return [b.author.name for b in Book.objects.prefetch_related('author')]")),
    Sample(source=_views("def ids():\n    return [b.author_id for b in Book.objects.all()]")),
    Sample(source=_views("def one(pk):\n    return Book.objects.get(pk=pk).author.name")),
    Sample(
        source=_views(
            "def all():\n    for a in Author.objects.prefetch_related('books'):\n        print([b.title for b in a.books.all()])"
        )
    ),
    Sample(source=_views("def counts():\n    return {a.name: a.n for a in Author.objects.annotate(n=Count('books'))}")),
    Sample(source=_views("def some(request):\n    return Book.objects.in_bulk(request.GET.getlist('n'))")),
    Sample(source=_views("def titles():\n    return [b.title for b in Book.objects.only('title')]")),
    # Two rows.
    Sample(source=_views("def names():\n    return [book.author.name for book in Book.objects.order_by('id')[:2]]")),
    # One row by its key, and what is touched on something that stands outside of the loop is fetched once.
    Sample(source=_views("def names(n):\n    return [book.author.name for book in Book.objects.filter(id=n)]")),
    Sample(
        source=_views(
            "def names(book: Book):\n    for author in Author.objects.all():\n        print(author.name, book.author.name)"
        )
    ),
    # The same query each time round is another matter, and one outside the loop is none.
    Sample(
        source=_views(
            "def names():\n    first = Author.objects.first()\n    return [book.title + first.name for book in Book.objects.all()]"
        )
    ),
    # Only when something fails.
    Sample(
        source=_views(
            "def show(f):\n    for book in Book.objects.all():\n        try:\n            f(book.title)\n"
            "        except ValueError:\n            print(book.author.name)"
        )
    ),
    # Once a key, not once a row.
    Sample(
        source=_views(
            "def names():\n    names = {}\n    for book in Book.objects.all():\n        if book.author_id not in names:\n"
            "            names[book.author_id] = book.author.name\n    return names"
        )
    ),
    Sample(
        source=_views(
            "from functools import lru_cache\n\n\n@lru_cache\ndef one(pk):\n    return Book.objects.get(pk=pk)\n\n\n"
            "def names():\n    return [one(a.id).title for a in Author.objects.all()]"
        )
    ),
    # A form's fields, the keys of a constant.
    Sample(source=_views("def chosen(form):\n    return [Book.objects.get(pk=n) for n in form.cleaned_data.values()]")),
    Sample(
        source=_views(
            "FIRST = {'a': 1, 'b': 2}\n\n\ndef first():\n    return [Book.objects.get(pk=FIRST[n]) for n in FIRST]"
        )
    ),
    # Each row is locked by itself.
    Sample(
        source=_views(
            "def lock(request):\n    for n in request.GET.getlist('n'):\n        Book.objects.select_for_update().get(pk=n)"
        )
    ),
    # A few keys written down.
    Sample(source=_views("def three():\n    return [Book.objects.get(pk=n) for n in (1, 2, 3)]")),
    Sample(
        source=_session(
            "def names(session: Session):\n    for book in session.scalars(select(Book).options(selectinload(Book.author))):\n"
            "        print(book.author.name)"
        )
    ),
    # A program that fills a database for trials.
    Sample(
        source={
            **_views("x = 1"),
            "shop/management/commands/load_demo.py": "from shop.models import Book\n\n\ndef fill():\n"
            "    return [book.author.name for book in Book.objects.all()]\n",
        }
    ),
)


@dataclass(frozen=True, slots=True)
class _Group:
    """What one function's rows are asked for, with the lines that make these."""

    file: str
    function: str
    members: Sequence[Repeated]
    made: Sequence[Place]


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[tuple[str, str], dict[tuple[Place, str, tuple[Place, ...]], Repeated]] = defaultdict(dict)
    told: dict[object, tuple[str, str]] = {}
    variants: defaultdict[tuple[str, str], dict[Place, None]] = defaultdict(dict)
    """Where rows that begin at one line are built in several ways, the first way speaks for all."""
    for one in repeated(snapshot, limits):
        mark = (one.query.issued, one.path or one.query.table or "", one.inside)
        own = one.base.place.file.endswith(".py") and not one.base.by_framework  # all that it walks over is one loop
        at = told.setdefault((mark, None if own else one.base.rows_made), (one.where.file, one.where.function))
        groups[at].setdefault(mark, one)
        variants[at][one.where] = None
    alike: defaultdict[tuple[str, str, frozenset[object]], list[_Group]] = defaultdict(list)
    for (file, function), found in groups.items():
        members = sorted(
            _without_rounds(list(found.values())),
            key=lambda one: (len(one.inside), one.sent.file, one.sent.line, _about(one)),
        )
        measured = [rows for one in members if (rows := rows_of(snapshot, one.loop.table)) is not None]
        if not members or (len(measured) == len(members) and max(measured) < limits["rows"]):
            continue
        if _relations(members) < RELATIONS_OF_FEW and all(_is_short_list(snapshot, one) for one in members):
            continue
        group = _Group(file, function, members, list(variants[file, function]))
        asked = frozenset((_about(one), one.base.table) for one in members)
        # one serializer, shown by many lists, is one message
        is_declared = all(one.base.by_framework and one.query.issued_by == "relation" for one in members)
        whose = ("", "") if is_declared else (file, function.rpartition(".")[0] or function)
        alike[*whose, asked].append(group)
    apart: defaultdict[str, list[Finding]] = defaultdict(list)
    for same in alike.values():
        finding = _finding(snapshot, same[0], same[1:], limits)
        in_admin = all(_is_changelist(one) for group in same for one in group.members)
        habit = "admin" if in_admin else "few" if finding.confidence == "low" else ""
        apart[habit].append(finding)
    yield from apart.pop("", [])
    for habit, alike_ones in apart.items():
        yield from told_once(alike_ones, _HABITS[habit], identity=habit)


def _is_short_list(snapshot: Snapshot, one: Repeated) -> bool:
    """A list that the framework makes of the rows of one parent, or the rows of a handful."""
    return (one.base.by_framework and is_of_one_parent(snapshot, one)) or is_handful(snapshot, one)


def _without_rounds(members: Sequence[Repeated]) -> Iterator[Repeated]:
    """Of paths in which a relation comes again only the shortest, and that only where the path up to there is not among the others."""
    straight = {one.path for one in members if one.path is None or cut(one.path) == one.path}
    shortest: dict[str, str] = {}
    for path in sorted({one.path for one in members if one.path} - straight, key=lambda path: (len(path), path)):
        deepest = max(Counter(path.split("__")).values())
        if cut(path) not in straight and deepest <= 2:  # what loads two steps of a tree along knows how deep it is
            shortest.setdefault(cut(path), path)
    for one in members:
        if one.path in straight or one.path in shortest.values():
            yield one


def _finding(snapshot: Snapshot, group: _Group, same: Sequence[_Group], limits: Limits) -> Finding:
    """``same``: methods of the same class that ask the same of their rows."""
    file, function, members = group.file, group.function, group.members
    first = members[0]
    rows = max((r for one in members if (r := rows_of(snapshot, one.loop.table)) is not None), default=None)
    abouts = list(dict.fromkeys(map(_about, members)))
    over = list(dict.fromkeys(one.loop.table for one in members if one.loop.table))
    each = f"each row of {listed(over, 2)}" if over else "each turn of the loop"
    statements = f"{first.sent} {_what(first.query)}"
    others = len(abouts) - 1
    more = (
        f", and {counted(others, 'further relation or table', 'further relations or tables')} likewise"
        if others
        else ""
    )
    also = f" The same goes for {listed([one.function for one in same], 4)}." if same else ""
    confidence = _confidence(snapshot, members, rows)
    scale = (10, 1000) if confidence == "low" else (1, 30)
    return Finding(
        title=_shortened(f"One query a row: {listed(abouts, 2)} in {function or file}"),
        message=f"{statements} for {each}{f' (about {rows:,} rows)' if rows else ''}, walked at {first.loop.place}{more}.{also}",
        objects=(ObjectRef("function", function or file, table=first.query.table),),
        impact=Impact(rows, "rows", limits["rows"], 100_000)
        if rows is not None
        else Impact(2 + min(_relations(members), MOST_RELATIONS), "queries a row", *scale, estimated=True),
        evidence={
            "sites": [
                {"query": str(one.sent), "about": _about(one), "rows made at": str(one.where)} for one in members[:30]
            ],
            "sql": first.query.sql,
            "rows": rows if rows is not None else "not measured",
        },
        confidence=confidence,
        edits=tuple(edit for one in (group, *same) for edit in _edits(snapshot, one.members)),
        next_step=_steps(snapshot, members) + _likewise(same),
        identity=f"{file}:{function}",
        locations=locations(
            [*(place for one in (group, *same) for place in one.made), *(p for one in members for p in _lines(one))], 60
        ),
    )


def _relations(members: Sequence[Repeated]) -> int:
    """How many different relations or tables are asked."""
    return len({(one.path or "").rpartition("__")[2] or one.query.table for one in members})


def _lines(one: Repeated) -> Iterator[Place]:
    yield from (one.query.issued, one.query.made, *one.inside)
    if one.rendered is not None:
        yield one.rendered
    for loop in (one.loop, one.base):
        yield from (place for place in (loop.rows_made, *loop.rows_built, loop.asked) if place is not None)


def _confidence(snapshot: Snapshot, members: Sequence[Repeated], rows: int | None) -> Confidence:
    if rows is not None:
        return "high"
    many = [one for one in members if may_be_many(snapshot, one)]
    return "low" if all(is_of_few(snapshot, one) for one in many) else "medium"


def _shortened(title: str) -> str:
    return title if len(title) < 80 else title[:76] + "…"


def _about(one: Repeated) -> str:
    return one.path or one.query.table or "rows"


def _what(query: SourceQuery) -> str:
    verb = {"count": "counts", "aggregate": "sums up", "exists": "asks for", "first": "fetches the first of"}
    name = query.relation or query.table or "rows"
    return f"{verb.get(query.issued_by, 'fetches')} {name}"


def _steps(snapshot: Snapshot, members: Sequence[Repeated]) -> str:
    """What to write, for each line where the rows of one table are asked for."""
    places: defaultdict[tuple[Place, str | None], list[Repeated]] = defaultdict(list)
    for one in members:
        places[one.where, one.base.table].append(one)
    steps = [step for ones in places.values() for step in _steps_at(snapshot, ones)]
    steps = list(dict.fromkeys(steps))
    return " ".join(steps[:5]) + (f" {len(steps) - 5} more likewise." if len(steps) > 5 else "")


def _likewise(same: Sequence[_Group]) -> str:
    lines = dict.fromkeys(str(one.where) for group in same for one in group.members)
    return f" Do the same at {listed(list(lines), 6)}." if lines else ""


def _steps_at(snapshot: Snapshot, members: Sequence[Repeated]) -> Iterator[str]:
    base, where = members[0].base, members[0].where
    if left_out := list(dict.fromkeys(one.path or "" for one in members if one.is_left_out_column)):
        yield f"The queryset made at {where} leaves {listed(left_out)} out: name it in .only(…), or take it out of .defer(…)."
        members = [one for one in members if not one.is_left_out_column]
        if not members:
            return
    if base.by_graphql:
        abouts = list(dict.fromkeys(map(_about, members)))
        yield f"Load {listed(abouts, 4)} through a DataLoader each, which fetches for all rows of {where.function} in one query (IN)."
        return
    along = _loadable(members)
    yield from _loaded_along(snapshot, along)
    rest = [one for one in members if one not in along]
    summed = [one for one in rest if one.query.issued_by in ("count", "aggregate", "exists")]
    if summed:
        yield _grouped(summed)
    for one in rest:
        if one not in summed:
            yield _step(snapshot, one)


def _is_django(one: Repeated) -> bool:
    return one.query.framework == "django"


def _loadable(members: Sequence[Repeated]) -> list[Repeated]:
    """What the rows' own query can load. Numbers only where the same rows are prefetched for another's sake: then they take no query."""
    along = [one for one in members if one.query.issued_by == "relation" or (one.query.whole and _is_django(one))]
    numbers = [one for one in along if one.query.issued_by in ("count", "exists")]
    if all(one.path in {other.path for other in along if other not in numbers} for one in numbers):
        return along
    return [one for one in along if one not in numbers]


def _paths(members: Sequence[Repeated]) -> dict[str, Repeated]:
    """The paths to load; one that another goes on from comes with it."""
    touched = {one.path or "": one for one in members}
    return {path: touched[path] for path in touched if not any(other.startswith(path + "__") for other in touched)}


def _is_to_many(snapshot: Snapshot, one: Repeated) -> bool:
    """Also what goes on from the rows that another relation gives: its first steps are no references of the row's own."""
    table = snapshot.source.table_by_name.get(one.base.table or "")
    steps = (one.path or "").split("__")[:-1]
    while steps and table is not None and not one.is_to_many:
        step = steps.pop(0)
        column = next((c for c in table.columns if c.field == step and c.references is not None), None)
        if column is None or column.references is None:
            return True
        table = snapshot.source.table_by_name.get(column.references.table)
    return one.is_to_many


def _edits(snapshot: Snapshot, members: Sequence[Repeated]) -> Iterator[CodeEdit]:
    """The steps that are calls added to the query of the rows, where a line of the project makes it."""
    places: defaultdict[tuple[Place, str | None], list[Repeated]] = defaultdict(list)
    for one in members:
        if not (one.is_left_out_column or one.base.by_graphql or one.is_made_by_framework):
            rows = one.base.owner_table if one.single is not None else one.base.table
            places[_built_at(one), rows].append(one)
    for (place, name), ones in places.items():
        table = snapshot.source.table_by_name.get(name or "")
        paths = _paths(_loadable(ones))
        if table is None or "" in paths:
            continue
        if not _is_django(ones[0]):
            if names := tuple(path for path in paths if "__" not in path):
                yield CodeEdit(place, "selectinload", names, table.symbol)
            continue
        if joined := tuple(path for path, one in paths.items() if not _is_to_many(snapshot, one)):
            yield CodeEdit(place, "select_related", joined, table.symbol)
        if apart := tuple(path for path, one in paths.items() if _is_to_many(snapshot, one)):
            yield CodeEdit(place, "prefetch_related", apart, table.symbol)


def _built_at(one: Repeated) -> Place:
    """Where the function that the fix goes to first makes the rows' query: what it builds on further carries along what is loaded."""
    where, made = one.where, one.base.rows_made
    if one.single is None and made is not None and (made.file, made.function) == (where.file, where.function):
        return made
    return where


def _loaded_along(snapshot: Snapshot, members: Sequence[Repeated]) -> Iterator[str]:
    """The paths that the rows' own query can load."""
    touched = _paths(members)
    paths = list(touched)
    if not paths:
        return
    where, base = members[0].where, members[0].base
    if not _is_django(members[0]):
        table = snapshot.source.table_by_name.get(base.table or "")
        model = f"{table.symbol.rpartition('.')[2]}." if table is not None else ""
        names = ", ".join(f"selectinload({model}{path})" for path in paths)
        yield f"Load {listed(paths)} with the statement made at {where}: .options({names})."
        return
    at = _asked_for_at(members[0])
    joined = [f'"{path}"' for path in paths if not _is_to_many(snapshot, touched[path])]
    apart = [f'"{path}"' for path in paths if _is_to_many(snapshot, touched[path])]
    if joined and _is_changelist(members[0]):
        yield (
            f"Give {where.function.partition('.')[0]} ({where}) list_select_related = ({', '.join(joined)}, …), with the other relations "
            "that list_display shows: naming some takes the place of those that the list loads by itself."
        )
    elif joined:
        yield f"Add .select_related({', '.join(joined)}) to {at}."
    if apart:
        yield f"Add .prefetch_related({', '.join(apart)}) to {at}."


def _is_changelist(one: Repeated) -> bool:
    """The list of an admin's own rows, which no line of the project makes."""
    return one.is_made_by_framework and one.base.by_framework and "Admin" in one.where.function.partition(".")[0]


def _asked_for_at(one: Repeated) -> str:
    """The queryset that the advice is for, in words."""
    if one.single is not None:
        return f"the query for the one row at {one.where}"
    if one.is_made_by_framework:
        return f"the queryset that {one.where.function} gets from its framework ({one.where}), in get_queryset()"
    return f"the queryset made at {one.where}"


def _step(snapshot: Snapshot, one: Repeated) -> str:
    query, path, django = one.query, one.path, _is_django(one)
    before = f"before the loop at {one.loop.place}" if one.is_in_own_loop else f"for all rows of {_asked_for_at(one)}"
    if query.issued_by == "get" or (one.loop.table is None and query.issued_by == "first"):
        by_key = django and query.symbol and _is_by_key(snapshot, query)
        bulk = f"{query.symbol}.objects.in_bulk(keys)" if by_key else "one query with IN (…)"
        return f"Fetch what {query.made} gets {before} with {bulk} and look each up in it."
    if path and query.issued_by == "rows" and django and not _depends_on_more(query):
        how = f'Prefetch("{path}", queryset=…, to_attr=…)'
        return f"Add .prefetch_related({how}) to {_asked_for_at(one)}, and read that attribute at {query.made}."
    together = "for all rows at once " if one.is_in_own_loop else ""
    return f"Fetch the rows of {query.table or 'the inner query'} {together}{before} in one query (IN)."


def _grouped(members: Sequence[Repeated]) -> str:
    """Numbers, sums and answers for all rows at once."""
    at = listed([str(place) for place in dict.fromkeys(one.query.issued for one in members)])
    tables = listed([name for name in dict.fromkeys(one.query.table or "" for one in members) if name])
    how = ".values(key).annotate(…)" if _is_django(members[0]) else "GROUP BY"
    return f"Ask {tables} once for all rows of {_asked_for_at(members[0])}, grouped by their key ({how}), instead of row by row at {at}."


def _depends_on_more(query: SourceQuery) -> bool:
    """More than the row's own key comes from rows: no one queryset serves all of them."""
    return sum(parameter.origin == "row" for parameter in query.parameters) > 1


def _is_by_key(snapshot: Snapshot, query: SourceQuery) -> bool:
    """One primary key is looked up, and nothing else asked."""
    table = snapshot.source.table_by_name.get(query.table or "")
    predicates = query.query.predicates if query.query is not None else ()
    keys = [p for p in predicates if table and (column := table.column(p.column.column)) and column.primary_key]
    return len(keys) == len(predicates) == 1
