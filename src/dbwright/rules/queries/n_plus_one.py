"""A query is sent once for each row of another query.

## Why it matters

Each statement costs a round trip to the server, whatever it fetches: a hundred rows make a hundred and one statements where two would do.
It is quick on ten rows in development and slow on the data of production.

## When to ignore

When the outer query gives one or two rows by its nature, or the loop is a batch job that nobody waits for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from dbwright.model.asked import equal_columns, is_aid, is_batch, locations, rows_of, unique_keys
from dbwright.model.finding import Confidence, Finding, Impact, ObjectRef, Risk
from dbwright.model.grouping import told_once
from dbwright.model.parents import fetched_by_line, scope_of
from dbwright.model.repeats import (
    cut,
    goes_few_times,
    in_job,
    is_alternative,
    is_remembered,
    leads,
    leads_back,
    only_on_failure,
)
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, once
from dbwright.model.source import Place, QueryLoop, SourceQuery
from dbwright.model.wording import counted, listed
from dbwright.rules import Limits

RISK: Risk = "performance"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
# A limit on the outer query or a count written in the source below which nobody notices the statements.
LIMITS: dict[str, float] = {"rows": 20, "limit": 3}
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
        "shop/views.py": f"from django.db.models import Count\n\nfrom shop.models import Author, Book, Publisher\n\n\n{body}\n",
    }


def _shelves(rows: str) -> dict[str, str]:
    return {
        "shop/__init__.py": "",
        "shop/models.py": "from django.db import models\n\n\nclass Shelf(models.Model):\n"
        "    parent = models.ForeignKey('self', models.CASCADE, null=True)\n\n"
        "    def path(self):\n        return self.parent.path() + '/' if self.parent else ''\n",
        "shop/views.py": "from shop.models import Shelf\n\n\n"
        f"def paths():\n    return [shelf.path() for shelf in {rows}]\n",
    }


_TABLES = """\
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author] = relationship()
"""


def _session(body: str) -> dict[str, str]:
    header = "from sqlalchemy.orm import Session\nfrom sqlalchemy.ext.asyncio import AsyncSession\n"
    return {"app/__init__.py": "", "app/shop.py": f"{header}{_TABLES}\n\n{body}\n"}


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
    # A column that was left out is fetched row by row.
    Sample(source=_views("def titles():\n    return [b.title for b in Book.objects.only('author')]")),
    # Rows of rows: the whole path, to the outermost queryset.
    Sample(
        source=_views(
            "def all():\n    for a in Author.objects.prefetch_related('books'):\n"
            "        print([other.name for b in a.books.all() for other in [b.author.publisher]])"
        )
    ),
    # Rows of one row, shown by a template: loaded where that one is fetched.
    Sample(
        source={
            **_views("x = 1"),
            "shop/pages.py": "from django.shortcuts import render\n\nfrom shop.models import Publisher\n\n\ndef one(request, pk):\n"
            "    return render(request, 'shop/one.html', {'publisher': Publisher.objects.get(pk=pk)})\n",
            "shop/templates/shop/one.html": "{% for author in publisher.author_set.all %}"
            "{% for book in author.books.all %}{{ book.title }}{% endfor %}{% endfor %}\n",
        }
    ),
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
    # Jobs that nobody waits for are one message.
    Sample(
        source={
            **_views("x = 1"),
            "shop/tasks.py": "from celery import shared_task\n\nfrom shop.models import Author, Book\n\n\n@shared_task\n"
            "def names():\n    print([book.author.name for book in Book.objects.all()])\n    _publishers()\n\n\n"
            "def _publishers():\n    print([author.publisher.name for author in Author.objects.all()])\n",
        }
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
class _Repeated:
    """A query, the loop that repeats it, the loop whose queryset can load it along, and the path to it from there."""

    query: SourceQuery
    loop: QueryLoop
    base: QueryLoop
    path: str | None
    single: Place | None = None
    """Where the one row was fetched whose relation a serializer or template walks over: it alone can load more along."""

    @property
    def where(self) -> Place:
        """The line that the fix goes to: the last one that builds the rows' query, in the file that walks over them if any stands there."""
        if self.single is not None:
            return self.single
        lines = [place for place in (self.base.rows_made, *self.base.rows_built) if place is not None]
        view = self.rendered.file if self.rendered is not None else ""
        near = [place for place in lines if place.file in (self.base.place.file, view)]
        return (near or lines or [self.base.place])[-1]

    @property
    def rendered(self) -> Place | None:
        """Of a loop in a template the line of the view that has it rendered."""
        in_views = list(takewhile(lambda place: place.file.endswith(".py"), self.query.calls))
        return in_views[-1] if in_views and not self.base.place.file.endswith(".py") else None

    @property
    def sent(self) -> Place:
        """The line to look at: what a framework sends stands where it was built."""
        query = self.query
        by_framework = query.issued == self.loop.place and query.issued_by != "relation"
        return query.made if by_framework else query.issued

    @property
    def is_left_out_column(self) -> bool:
        """A column that ``only`` or ``defer`` left out: the row's key is asked for with that column alone."""
        query = self.query
        columns = {column.column for column in query.query.columns} if query.query else set()
        if query.issued_by != "relation":
            return False
        return query.table == self.base.table and len(columns) == 2 and (self.path or "").rpartition("__")[2] in columns

    @property
    def is_to_many(self) -> bool:
        """Only ``prefetch_related`` loads it: the path leads through lists of rows, or to a table that only the row tells."""
        return self.base is not self.loop or self.single is not None or self.query.table is None


def _repeated(query: SourceQuery, loop: QueryLoop, anew: frozenset[tuple[Place | None, str | None]]) -> _Repeated:
    """``anew``: lines, with the table, that ask a related manager so that nothing loaded along is of use: what lacks is loaded there."""
    path, base = query.relation, loop
    outside = list(query.loops[: len(query.loops) - 1 - query.loops[::-1].index(loop)])
    while path and base.relation and (base.rows_made, base.table) not in anew:
        around = next((one for one in reversed(outside) if one.rows_made and one.rows_made == base.owner), None)
        if around is None:
            break
        path, base = f"{base.relation}__{path}", around
        outside = outside[: outside.index(around)]
    is_built_elsewhere = base.by_framework or not base.place.file.endswith(".py")
    if path and base.relation and base.owner and is_built_elsewhere and (base.rows_made, base.table) not in anew:
        return _Repeated(query, loop, base, f"{base.relation}__{path}", base.owner)
    return _Repeated(query, loop, base, path)


@dataclass(frozen=True, slots=True)
class _Group:
    """What one function's rows are asked for, with the lines that make these."""

    file: str
    function: str
    members: Sequence[_Repeated]
    made: Sequence[Place]


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[tuple[str, str], dict[tuple[Place, str, tuple[Place, ...]], _Repeated]] = defaultdict(dict)
    told: dict[object, tuple[str, str]] = {}
    variants: defaultdict[tuple[str, str], dict[Place, None]] = defaultdict(dict)
    """Where rows that begin at one line are built in several ways, the first way speaks for all."""
    for one in _all_repeated(snapshot, limits):
        mark = (one.query.issued, one.path or one.query.table or "", tuple(_inside(one)))
        at = told.setdefault((mark, one.base.rows_made), (one.where.file, one.where.function))
        groups[at].setdefault(mark, one)
        variants[at][one.where] = None
    alike: defaultdict[tuple[str, str, frozenset[object]], list[_Group]] = defaultdict(list)
    for (file, function), found in groups.items():
        members = sorted(
            _without_rounds(list(found.values())),
            key=lambda one: (_may(snapshot, one), len(list(_inside(one))), one.sent.file, one.sent.line, _about(one)),
        )
        measured = [rows for one in members if (rows := rows_of(snapshot, one.loop.table)) is not None]
        if not members or (len(measured) == len(members) and max(measured) < limits["rows"]):
            continue
        group = _Group(file, function, members, list(variants[file, function]))
        asked = frozenset((_about(one), one.base.table) for one in members)
        alike[file, function.rpartition(".")[0] or function, asked].append(group)
    jobs: list[Finding] = []
    for same in alike.values():
        finding = _finding(snapshot, same[0], same[1:], limits)
        if all(_unattended(snapshot, one) for group in same for one in group.members):
            jobs.append(_unwaited(finding))
        else:
            yield finding
    yield from told_once(jobs, "{} jobs send one query a row", identity="jobs")


def _all_repeated(snapshot: Snapshot, limits: Limits) -> Iterator[_Repeated]:
    """The queries that are sent once a row and that it may be worth to send once."""
    few = _few(snapshot, limits)
    alone = frozenset(q.made for q in snapshot.source.queries if q.issued_by in ("get", "first") and q.rows_loops)
    anew, by_framework = _asked_anew(snapshot), _looked_up_by_framework(snapshot)
    for query in snapshot.source.queries:
        loop = _loop(snapshot, query, alone)
        if (
            loop is None
            or is_aid(query.issued)
            or "migrations/" in query.issued.file
            or (loop.rows_made or loop.place) in few
            or (loop.table is None and query.issued in by_framework)
            or leads_back(snapshot, query, loop)
        ):
            continue
        one = _repeated(query, loop, anew)
        if one.base.of_unknown_row and (one.base.by_framework or (one.base.rows_made, one.base.table) not in anew):
            continue  # whoever fetched that row may have loaded these along
        if one.where.line <= 1:  # no line of the project makes these rows
            continue
        if _is_sent(snapshot, one) and (
            not query.relation or leads(snapshot.source, query, one.base.table, _from_base(one))
        ):
            yield one


def _asked_anew(snapshot: Snapshot) -> frozenset[tuple[Place | None, str | None]]:
    return frozenset(
        (q.made, q.table)
        for q in snapshot.source.queries
        if q.framework == "django" and q.issued_by == "rows" and q.relation and q.query and q.made.file.endswith(".py")
        if not _is_whole(snapshot, q)
    )


def _looked_up_by_framework(snapshot: Snapshot) -> frozenset[Place]:
    """Lines that get rows of several tables: what a form or serializer looks up for its fields cannot be fetched before."""
    tables: defaultdict[Place, set[str | None]] = defaultdict(set)
    for query in snapshot.source.queries:
        if query.issued_by == "get" and query.loops:
            tables[query.issued].add(query.table)
    return frozenset(place for place, names in tables.items() if len(names) > 1)


def _is_sent(snapshot: Snapshot, one: _Repeated) -> bool:
    """Each turn of the loop comes to it, and not only when something fails or to fill a mapping."""
    loop = one.loop.place
    inside = [place for place in (one.query.issued, *_inside(one)) if place != loop or one.query.issued == loop]
    return not only_on_failure(snapshot, inside) and not is_remembered(snapshot, inside, loop)


def _unattended(snapshot: Snapshot, one: _Repeated) -> bool:
    """A job walks over the rows, or fetches them."""
    return any(in_job(snapshot, place) for place in (one.where, one.base.place, one.loop.place))


def _may(snapshot: Snapshot, one: _Repeated) -> bool:
    """Which class's method the loop calls, and so whether it comes to this query, is not told."""
    return is_alternative(snapshot, list(_inside(one))[:-1])


def _without_rounds(members: Sequence[_Repeated]) -> Iterator[_Repeated]:
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


def _unwaited(finding: Finding) -> Finding:
    """The same as told of a job: measured by its rows where these are known, else by nothing."""
    measured = finding.impact.unit == "rows"
    impact = finding.impact if measured else Impact(1, "queries a row", 1, 30, estimated=True)
    return replace(finding, confidence="low", impact=impact)


def _finding(snapshot: Snapshot, group: _Group, same: Sequence[_Group], limits: Limits) -> Finding:
    """``same``: methods of the same class that ask the same of their rows."""
    file, function, members = group.file, group.function, group.members
    first = members[0]
    rows = max((r for one in members if (r := rows_of(snapshot, one.loop.table)) is not None), default=None)
    abouts = list(dict.fromkeys(map(_about, members)))
    over = list(dict.fromkeys(one.loop.table for one in members if one.loop.table))
    each = f"each row of {listed(over, 2)}" if over else "each turn of the loop"
    statements = f"{first.sent} {_what(first.query)}"
    others = len({(one.sent, _about(one)) for one in members}) - 1
    more = f", and {counted(others, 'further query', 'further queries')} likewise" if others else ""
    also = f" The same goes for {listed([one.function for one in same], 4)}." if same else ""
    of_one = all(_of_one_parent(snapshot, one) for one in members)
    scale = (3, 300) if of_one else (1, 30)
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
        confidence="low" if of_one and rows is None else _confidence(snapshot, members, rows),
        next_step=_steps(snapshot, members),
        identity=f"{file}:{function}",
        locations=locations(
            [*(place for one in (group, *same) for place in one.made), *(p for one in members for p in _lines(one))], 60
        ),
    )


def _of_one_parent(snapshot: Snapshot, one: _Repeated) -> bool:
    """The rows walked over are those of one order, one article, one event: a handful as a rule."""
    table = snapshot.source.table_by_name.get(one.base.table or "")
    if table is None or one.base.rows_made is None:
        return False
    fetched = fetched_by_line(snapshot).get((one.base.rows_made, table.name), ())
    made = [q.query for q in fetched if q.issued_by == "rows" and q.query is not None]
    return bool(made) and all(scope_of(snapshot, query, table) in ("row", "parent") for query in made)


def _relations(members: Sequence[_Repeated]) -> int:
    """How many different relations or tables are asked."""
    return len({(one.path or "").rpartition("__")[2] or one.query.table for one in members})


def _lines(one: _Repeated) -> Iterator[Place]:
    yield from (one.query.issued, one.query.made, *_inside(one))
    if one.rendered is not None:
        yield one.rendered
    for loop in (one.loop, one.base):
        yield from (place for place in (loop.rows_made, *loop.rows_built) if place is not None)


def _inside(one: _Repeated) -> Iterator[Place]:
    """The lines that lead from the loop to the query, and the loop's own."""
    loop, calls = one.loop.place, one.query.calls
    from_loop = [
        n
        for n, place in enumerate(calls)
        if (place.file, place.function) == (loop.file, loop.function) and place.line >= loop.line
    ]
    yield from calls[from_loop[-1] :] if from_loop else ()
    yield loop


def _confidence(snapshot: Snapshot, members: Sequence[_Repeated], rows: int | None) -> Confidence:
    written = _written(snapshot)
    if all(one.loop.table is None or one.loop.place in written or _may(snapshot, one) for one in members):
        return "low"
    return "high" if rows is not None else "medium"


@once
def _written(snapshot: Snapshot) -> frozenset[Place]:
    """The loops whose every turn writes, by which what it reads beside is cheap."""
    return frozenset(
        query.loops[-1].place
        for query in snapshot.source.queries
        if query.issued_by in ("insert", "update", "delete")
        and query.loops
        and (query.issued.file, query.issued.function) == (query.loops[-1].place.file, query.loops[-1].place.function)
    )


def _shortened(title: str) -> str:
    return title if len(title) < 80 else title[:76] + "…"


def _few(snapshot: Snapshot, limits: Limits) -> frozenset[Place]:
    """The lines that make querysets of one row or a few."""
    found: defaultdict[Place, list[bool]] = defaultdict(list)
    for query in snapshot.source.queries:
        if query.issued_by == "rows" and query.query:
            limit = _limit(query)
            found[query.made].append((limit is not None and limit <= limits["limit"]) or _is_one_row(snapshot, query))
    return frozenset(made for made, answers in found.items() if all(answers))


def _is_one_row(snapshot: Snapshot, query: SourceQuery) -> bool:
    table = snapshot.source.table_by_name.get(query.table or "")
    predicates = query.query.predicates if query.query else ()
    if table is None or any(p.operator == "in" for p in predicates):
        return False
    equal = equal_columns(query, table.name)
    return any(key <= equal for key in unique_keys(table))


def _row_loop(query: SourceQuery, alone: frozenset[Place]) -> QueryLoop | None:
    """The loop over the rows that the query takes something from."""
    loops = query.rows_loops
    if not loops:
        return None
    if query.relation is not None and query.framework == "django":
        if query.owner in alone:
            return loops[-1]
        return next((loop for loop in reversed(loops) if loop.rows_made == query.owner), None)
    by_row = query.issued_by == "relation" or any(parameter.origin == "row" for parameter in query.parameters)
    return loops[-1] if by_row else None


def _loop(snapshot: Snapshot, query: SourceQuery, alone: frozenset[Place]) -> QueryLoop | None:
    """The loop that makes the query one of many: over another query's rows, or over keys of which each is looked up by itself."""
    if not query.loops or query.issued_by in ("insert", "update", "delete", "prefetch", "lock", "other"):
        return None
    if query.consumer in ("get_or_create", "update_or_create", "save", "refresh_from_db"):
        return None
    if query.query is not None and query.query.locking:  # one row after the other is locked on purpose
        return None
    if query.rows_loops:
        return _row_loop(query, alone)
    loop = query.loops[-1]
    if loop.count is not None or loop.by_framework or query.issued_by == "raw" or goes_few_times(snapshot, loop.place):
        return None
    table = snapshot.source.table_by_name.get(query.table or "")
    same_function = loop.place.file == query.issued.file and loop.place.function == query.issued.function
    if table is None or not same_function or is_batch(query.issued):
        return None
    varies = any(parameter.origin in ("row", "request", "unknown", "argument") for parameter in query.parameters)
    equal = equal_columns(query, table.name)
    if query.issued_by in ("get", "first") and varies and any(key <= equal for key in unique_keys(table)):
        return loop
    by_row = any(parameter.origin == "row" for parameter in query.parameters)
    return loop if query.issued_by in ("count", "aggregate") and by_row else None


def _limit(query: SourceQuery) -> float | None:
    if query.query is None or query.query.limit != "constant" or query.sql is None:
        return None
    words = query.sql.upper().rsplit("LIMIT ", 1)[-1].split()
    return float(words[0]) if words and words[0].isdigit() else None


def _about(one: _Repeated) -> str:
    return one.path or one.query.table or "rows"


def _what(query: SourceQuery) -> str:
    verb = {"count": "counts", "aggregate": "sums up", "exists": "asks for", "first": "fetches the first of"}
    name = query.relation or query.table or "rows"
    return f"{verb.get(query.issued_by, 'fetches')} {name}"


def _steps(snapshot: Snapshot, members: Sequence[_Repeated]) -> str:
    """What to write, for each line where a queryset is made."""
    places: defaultdict[Place, list[_Repeated]] = defaultdict(list)
    for one in members:
        places[one.where].append(one)
    steps = [step for where, ones in places.items() for step in _steps_at(snapshot, where, ones)]
    return " ".join(dict.fromkeys(steps[:5])) + (f" {len(steps) - 5} more likewise." if len(steps) > 5 else "")


def _steps_at(snapshot: Snapshot, where: Place, members: Sequence[_Repeated]) -> Iterator[str]:
    if left_out := list(dict.fromkeys(one.path or "" for one in members if one.is_left_out_column)):
        yield f"The queryset made at {where} leaves {listed(left_out)} out: name it in .only(…), or take it out of .defer(…)."
        members = [one for one in members if not one.is_left_out_column]
        if not members:
            return
    if members[0].base.by_graphql:
        abouts = list(dict.fromkeys(map(_about, members)))
        yield f"Load {listed(abouts, 4)} through a DataLoader each, which fetches for all rows of {where.function} in one query (IN)."
        return
    touched = {
        one.path or "": one
        for one in members
        if one.query.issued_by == "relation" and leads(snapshot.source, one.query, one.base.table, _from_base(one))
    }
    yield from _loaded_along(where, touched, members[0].query.framework == "django")
    for one in members:
        if one.query.issued_by != "relation":
            yield _step(snapshot, one, where)


def _from_base(one: _Repeated) -> str:
    """The path without what leads from the one row to those of the loop."""
    return (one.path or "").removeprefix(f"{one.base.relation}__") if one.single is not None else one.path or ""


def _loaded_along(where: Place, touched: Mapping[str, _Repeated], django: bool) -> Iterator[str]:
    """The paths that the rows' own query can load."""
    paths = [path for path in touched if not any(other.startswith(path + "__") for other in touched)]
    if paths and not django:
        names = ", ".join(f"selectinload({path})" for path in paths)
        yield f"Load {listed(paths)} with the statement made at {where}: .options({names})."
    for method in ("select_related", "prefetch_related") if django else ():
        wanted = [f'"{p}"' for p in paths if touched[p].is_to_many is (method == "prefetch_related")]
        if wanted:
            yield f"Add .{method}({', '.join(wanted)}) to the queryset made at {where}."


def _step(snapshot: Snapshot, one: _Repeated, where: Place) -> str:
    query, path = one.query, one.path
    django = query.framework == "django"
    if one.loop.table is None:
        if query.issued_by in ("get", "first"):
            by_key = django and query.symbol and _is_by_key(snapshot, query)
            bulk = f"{query.symbol}.objects.in_bulk(keys)" if by_key else "one query with IN (…)"
            return f"Fetch all rows before the loop at {one.loop.place} with {bulk} and look each up in it."
        return f"Ask once before the loop at {one.loop.place}, grouped by the key ({query.issued})."
    if query.issued_by in ("count", "aggregate", "exists") and django:
        made = {"count": "Count", "exists": "Exists", "aggregate": "Sum"}[query.issued_by]
        of = f'"{path}", filter=…' if path and query.issued_by != "exists" else "…"
        left = (
            " (in a Subquery where that queryset filters by the relation: it counts only what the filter left)"
            if path
            else ""
        )
        return f"Annotate the queryset made at {where} with {made}({of}){left} instead of the query at {query.issued}."
    if path and query.issued_by == "rows" and django:
        if _is_whole(snapshot, query):
            return f'Add .prefetch_related("{path}") to the queryset made at {where}.'
        how = f'Prefetch("{path}", queryset=…, to_attr=…)'
        return f"Add .prefetch_related({how}) to the queryset made at {where}, and read that attribute at {query.made}."
    if query.issued_by == "first" and django:
        return f"Annotate the queryset made at {where} with a Subquery for what {query.issued} reads of {query.table}."
    if query.issued_by == "get" and django and query.symbol and _is_by_key(snapshot, query):
        bulk = f"{query.symbol}.objects.in_bulk(keys)"
        return f"Fetch what {query.made} gets before the loop at {one.loop.place} with {bulk} and look each up in it."
    return f"Fetch the rows of {query.table or 'the inner query'} for all rows at once before the loop at {one.loop.place} (one IN query)."


def _is_by_key(snapshot: Snapshot, query: SourceQuery) -> bool:
    """One primary key is looked up, and nothing else asked."""
    table = snapshot.source.table_by_name.get(query.table or "")
    predicates = query.query.predicates if query.query is not None else ()
    keys = [p for p in predicates if table and (column := table.column(p.column.column)) and column.primary_key]
    return len(keys) == len(predicates) == 1


def _is_whole(snapshot: Snapshot, query: SourceQuery) -> bool:
    """All rows of a relation as ``prefetch_related`` keeps them: a related manager that is asked with an order or a filter of its own
    sends its query again."""
    table = snapshot.source.table_by_name.get(query.table or "")
    taken = query.query
    if taken is None or taken.limit or taken.distinct or taken.aggregates:
        return False
    if any(column.table not in (query.table, "") for column in taken.columns):  # it loads related rows along
        return False
    in_its_order = table is None or bool(taken.order_by) == bool(table.ordering)
    return in_its_order and len(_conditions(query) - _of_managers(snapshot).get(query.table, frozenset())) <= 1


@once
def _of_managers(snapshot: Snapshot) -> dict[str | None, frozenset[object]]:
    """By table the conditions that every line which asks a related manager for its rows sends, where several do: the managers' own."""
    asked: defaultdict[str | None, dict[Place, frozenset[object]]] = defaultdict(dict)
    for query in snapshot.source.queries:
        if query.issued_by == "rows" and query.relation and query.query:
            conditions = _conditions(query)
            asked[query.table][query.made] = conditions & asked[query.table].get(query.made, conditions)
    return {table: frozenset.intersection(*lines.values()) for table, lines in asked.items() if len(lines) > 1}


def _conditions(query: SourceQuery) -> frozenset[object]:
    predicates = query.query.predicates if query.query is not None else ()
    return frozenset(
        (p.column, p.operator, p.value, p.negated, p.alternative) for p in predicates if p.clause == "where"
    )
