"""Queries read from the source are those that SQLAlchemy sends when the same function really runs."""

from pathlib import Path

import pytest
from orm_project import queries, read, same, sent, written

from dbwright.model.source import SourceQuery

MODELS = """\
from sqlalchemy import Column, ForeignKey, String, Table
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

class Base(DeclarativeBase):
    pass

tagging = Table("tagging", Base.metadata, Column("book_id", ForeignKey("book.id"), primary_key=True),
    Column("tag_id", ForeignKey("tag.id"), primary_key=True))

class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    first: Mapped[str]
    last: Mapped[str]
    books: Mapped[list["Book"]] = relationship(back_populates="author")

    @hybrid_property
    def name(self):
        return self.first + " " + self.last

class Tag(Base):
    __tablename__ = "tag"
    id: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(String(20))

class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    pages: Mapped[int | None]
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped["Author"] = relationship(back_populates="books")
    tags: Mapped[list["Tag"]] = relationship(secondary=tagging)
"""
IMPORTS = """\
from sqlalchemy import and_, delete, exists, func, insert, or_, select, text, update
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload, selectinload
from shop.models import Author, Book, Tag

"""
FUNCTIONS = {
    "select with conditions": """\
def act(session: Session, title):
    return session.scalars(select(Book).where(Book.title == title, or_(Book.pages > 100, Book.pages.is_(None)))
        .order_by(Book.title.desc()).limit(10).offset(20)).all()
""",
    "select through a variable and a helper": """\
def base(minimum):
    return select(Book).join(Book.author).where(Book.pages >= minimum)

def act(session: Session, minimum):
    statement = base(minimum)
    statement = statement.where(Author.last.ilike("%x%"))
    return session.execute(statement.options(contains_eager(Book.author))).scalars().all()
""",
    "in, between, like, not": """\
def act(session: Session, title):
    ids = [1, 2, 3]
    return session.scalars(select(Book.id).where(Book.id.in_(ids), ~Book.title.like(f"{title}%"), Book.pages.between(1, 9))).all()
""",
    "aggregates and groups": """\
def act(session: Session, minimum):
    total = func.count(Book.id).label("total")
    return session.execute(select(Author.last, total).join(Author.books).group_by(Author.last).having(total > minimum)).all()
""",
    "count": """\
def act(session: Session, title):
    return session.scalar(select(func.count()).select_from(Book).where(Book.title == title))
""",
    "sub-queries, exists and aliases": """\
def act(session: Session, label):
    other = aliased(Book)
    longest = select(func.max(other.pages)).where(other.author_id == Book.author_id).scalar_subquery()
    tagged = Book.tags.any(Tag.label == label)
    has = exists().where(Author.id == Book.author_id)
    return session.scalars(select(Book).where(Book.pages == longest, tagged, has)).all()
""",
    "common table expression": """\
def act(session: Session, minimum):
    long = select(Book.author_id).where(Book.pages > minimum).cte("long")
    return session.scalars(select(Author).join(long, long.c.author_id == Author.id)).all()
""",
    "loader options": """\
def act(session: Session, title):
    return session.scalars(select(Book).options(joinedload(Book.author), selectinload(Book.tags)).where(Book.title == title)).all()
""",
    "hybrid": """\
def act(session: Session, name):
    return session.scalars(select(Author).where(Author.name == name)).all()
""",
    "legacy query": """\
def act(session: Session, title):
    query = session.query(Book).filter_by(title=title).filter(Book.pages != None)
    query = query.join(Book.author).order_by(Author.last)
    return query.count(), query.first(), query[5:10]
""",
    "legacy get, one and columns": """\
def act(session: Session, key):
    session.get(Book, key)
    session.query(Book.id, Author.last).join(Author).filter(Book.id == key).one_or_none()
    session.query(func.max(Book.pages)).scalar()
""",
    "writes in bulk": """\
def act(session: Session, title):
    session.execute(update(Book).where(Book.title == title).values(pages=Book.pages + 1))
    session.execute(delete(Book).where(Book.pages < 3))
    session.execute(insert(Tag), [{"label": "a"}, {"label": "b"}])
    session.query(Book).filter(Book.id == 3).delete()
    session.query(Book).filter(Book.id == 4).update({"title": title})
""",
    "objects added": """\
def act(session: Session, title):
    session.add(Author(first="a", last=title))
    session.flush()
""",
    "text": """\
def act(session: Session, title):
    session.execute(text("SELECT id FROM book WHERE title = :title"), {"title": title})
""",
    "rows locked": """\
def act(session: Session, key):
    session.execute(select(Book).where(Book.id == key).with_for_update(skip_locked=True)).scalar_one()
""",
    "union": """\
def act(session: Session, title):
    session.execute(select(Book.id).where(Book.title == title).union_all(select(Tag.id))).all()
""",
    "relation touched": """\
def act(session: Session, key):
    book = session.get(Book, key)
    return book.author.last
""",
    "repository": """\
class Books:
    def __init__(self, session: Session):
        self.session = session

    def _all(self):
        return self.session.query(Book)

    def titled(self, title):
        return self._all().filter(Book.title == title).all()

def act(session: Session, title):
    return Books(session).titled(title)
""",
    "compared with an object": """\
def act(session: Session, key):
    author = session.get(Author, key)
    return session.scalars(select(Book).where(Book.author == author)).all()
""",
}


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_what_is_read_is_sent(tmp_path: Path, kind: str) -> None:
    root = written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": IMPORTS + FUNCTIONS[kind]})
    issued = sent(root, "shop.code:act", 7)
    assert issued
    found = queries(root)
    assert same(issued, found)
    assert all(query.table is not None or query.issued_by in ("raw", "prefetch") for query in found)
    assert not [query.unknown for query in found if query.unknown]


def test_conditions_added_on_the_way_are_optional(tmp_path: Path) -> None:
    code = """\
def act(session: Session, title=None, minimum=None):
    statement = select(Book)
    if title:
        statement = statement.where(Book.title == title)
    if minimum:
        statement = statement.where(Book.pages > minimum)
    return session.scalars(statement).all()
"""
    root = written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": IMPORTS + code})
    found = queries(root)
    for arguments in ((None, None), ("x", None), (None, 3), ("x", 3)):
        assert same(sent(root, "shop.code:act", *arguments), found)
    assert [optional_parts(query) for query in found] == [["book.title = $1", "book.pages > $2"]]


def optional_parts(query: SourceQuery) -> list[str]:
    return [(query.sql or "")[begin:end] for begin, end in query.optional]


def test_a_limit_may_not_be_there_and_a_join_gives_another_query(tmp_path: Path) -> None:
    code = """\
def act(session: Session, last=None, most=None):
    statement = select(Book).where(Book.pages > 3)
    if last:
        statement = statement.join(Author).where(Author.last == last)
    if most is not None:
        statement = statement.limit(most)
    return session.scalars(statement).all()
"""
    root = written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": IMPORTS + code})
    found = queries(root)
    for arguments in ((None, None), ("x", None), (None, 3), ("x", 3)):
        assert same(sent(root, "shop.code:act", *arguments), found)
    assert len(found) == 2
    assert all("book.pages > $" not in part for query in found for part in optional_parts(query))


def test_a_condition_that_stands_in_for_true_is_optional(tmp_path: Path) -> None:
    code = """\
def narrowed(title, minimum):
    conditions = []
    if title:
        conditions.append(or_(Book.title == title, Book.title == "all"))
    if minimum:
        conditions.append(Book.pages > minimum)
    if not conditions:
        return true()
    return and_(*conditions)

def act(session: Session, title=None, minimum=None):
    return session.scalars(select(Book).where(Book.id > 0, narrowed(title, minimum))).all()
"""
    imports = IMPORTS + "from sqlalchemy import true\n"
    root = written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": imports + code})
    found = queries(root)
    for arguments in ((None, None), ("x", None), (None, 3), ("x", 3)):
        assert same(sent(root, "shop.code:act", *arguments), found)


def test_a_flush_sends_one_statement_for_all_that_was_changed_of_a_row(tmp_path: Path) -> None:
    code = """\
def act(session: Session, key, title=None):
    book = session.query(Book).filter(Book.id == key).first()
    book.pages = 3
    if title:
        book.title = title
    session.flush()

def other(session: Session, key):
    session.flush()
"""
    root = written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": IMPORTS + code})
    written_there = [q for q in queries(root) if q.issued_by == "update"]
    assert [q.sql for q in written_there] == [
        "UPDATE book SET title=$1, pages=$2 WHERE book.id = $3",
        "UPDATE book SET pages=$1 WHERE book.id = $2",
    ]
    assert {q.issued.line for q in written_there} == {IMPORTS.count("\n") + 6}


def test_what_one_function_changes_is_not_flushed_by_another(tmp_path: Path) -> None:
    code = """\
from sqlalchemy.orm import sessionmaker
make = sessionmaker()

def add():
    session = make()
    session.add(Tag(label="x"))

def later():
    session = make()
    session.flush()
"""
    root = written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": IMPORTS + code})
    assert [q.issued.function for q in queries(root)] == ["add"]


def test_a_row_that_was_added_and_flushed_is_changed_by_an_update(tmp_path: Path) -> None:
    code = """\
def act(session: Session):
    tag = Tag(label="x")
    session.add(tag)
    session.flush()
    tag.label = "y"
    session.flush()
"""
    root = written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": IMPORTS + code})
    assert [q.issued_by for q in queries(root)] == ["insert", "update"]


LOOPS = {
    "a relation of each row": (
        "for book in session.scalars(select(Book)):\n        print(book.author.last)",
        {"author"},
    ),
    "a relation loaded before": (
        "for book in session.scalars(select(Book).options(joinedload(Book.author))):\n        print(book.author.last)",
        set(),
    ),
    "a relation loaded by a second query": (
        "for author in session.scalars(select(Author).options(selectinload(Author.books))):\n        len(author.books)",
        set(),
    ),
    "the wrong relation loaded": (
        "for book in session.scalars(select(Book).options(selectinload(Book.tags))):\n        print(book.author.last)",
        {"author"},
    ),
    "columns only": ("for book in session.scalars(select(Book)):\n        print(book.title, book.author_id)", set()),
    "a relation of one row": ("book = session.scalars(select(Book)).first()\n    print(book.author.last)", set()),
    "a query for each row": (
        "for book in session.query(Book).all():\n        session.get(Author, book.author_id)",
        {"author"},
    ),
    "a query for each of a written list": ("for key in (1, 2):\n        session.get(Author, key)", set()),
    "two levels": (
        "for author in session.query(Author):\n        for book in author.books:\n            book.tags",
        {"book", "tag"},
    ),
    "in a comprehension": ("return [book.author.last for book in session.query(Book)]", {"author"}),
}


@pytest.mark.parametrize("kind", LOOPS)
def test_queries_for_each_row(tmp_path: Path, kind: str) -> None:
    body, tables = LOOPS[kind]
    code = IMPORTS + f"def act(session: Session):\n    {body}\n"
    found = queries(written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": code}))
    assert {query.table for query in found if query.rows_loops} == tables


def test_an_insert_in_a_loop_is_sent_where_it_is_flushed(tmp_path: Path) -> None:
    code = (
        IMPORTS
        + """\
def once(session: Session, names):
    for name in names:
        session.add(Tag(label=name))
    session.commit()

def each(session: Session, names):
    for name in names:
        session.add(Tag(label=name))
        session.commit()
"""
    )
    found = queries(written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": code}))
    assert [(q.issued.function, bool(q.loops)) for q in found if q.issued_by == "insert"] == [
        ("once", False),
        ("each", True),
    ]


SESSIONS = {
    "a dependency of a route": """\
from typing import Annotated
from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

engine = create_async_engine("postgresql+asyncpg://x")
maker = async_sessionmaker(engine)

async def get_session():
    async with maker() as session:
        yield session

SessionDep = Annotated[AsyncSession, Depends(get_session)]

async def act(session: SessionDep, title: str):
    return (await session.execute(select(Book).where(Book.title == title))).scalars().all()
""",
    "a factory's context": """\
from sqlalchemy.orm import sessionmaker
maker = sessionmaker()

def act(title):
    with maker() as session, session.begin():
        return session.scalars(select(Book).where(Book.title == title)).all()
""",
    "a session that nobody declares": """\
def act(db, title):
    return db.scalars(select(Book).where(Book.title == title)).all()
""",
    "a scoped session": """\
from sqlalchemy.orm import scoped_session, sessionmaker
Current = scoped_session(sessionmaker())

def act(title):
    return Current.scalars(select(Book).where(Book.title == title)).all()
""",
    "an abstract repository": """\
from abc import ABC, abstractmethod

class Repository(ABC):
    @abstractmethod
    def titled(self, title): ...

class SqlRepository(Repository):
    def __init__(self, session: Session):
        self.session = session

    def titled(self, title):
        return self.session.scalars(select(Book).where(Book.title == title)).all()

def act(books: Repository, title):
    return books.titled(title)
""",
}


@pytest.mark.parametrize("kind", SESSIONS)
def test_ways_to_come_by_a_session(tmp_path: Path, kind: str) -> None:
    found = queries(written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": IMPORTS + SESSIONS[kind]}))
    assert {q.sql for q in found} == {
        "SELECT book.id, book.title, book.pages, book.author_id FROM book WHERE book.title = $1"
    }
    assert all(query.in_async is ("route" in kind) for query in found)


def test_a_relation_touched_in_async_code_is_marked(tmp_path: Path) -> None:
    code = (
        IMPORTS
        + """\
from sqlalchemy.ext.asyncio import AsyncSession

async def act(session: AsyncSession):
    for book in (await session.scalars(select(Book))).all():
        print(book.author.last)
"""
    )
    found = queries(written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": code}))
    (touch,) = [query for query in found if query.issued_by == "relation"]
    assert touch.in_async
    assert touch.relation == "author"


def test_text_from_the_request_is_told_from_text_of_the_source(tmp_path: Path) -> None:
    code = (
        IMPORTS
        + """\
def bad(session: Session, request):
    session.execute(text(f"SELECT * FROM book WHERE title = '{request.args['t']}'"))

def good(session: Session, request):
    session.execute(text("SELECT * FROM book WHERE title = :t"), {"t": request.args["t"]})
"""
    )
    found = queries(written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": code}))
    assert {query.issued.function: query.request_text for query in found} == {"bad": True, "good": False}


def test_what_only_looks_like_a_session_issues_nothing(tmp_path: Path) -> None:
    code = (
        IMPORTS
        + """\
def act(client, cache, items):
    client.execute("run")
    cache.get("book", 3)
    items.add(4)
    client.query("books")
    return client.scalars(items)
"""
    )
    root = written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": code})
    assert not read(root).queries


def test_conditions_collected_in_a_list_are_optional(tmp_path: Path) -> None:
    code = """\
def act(session: Session, title=None, minimum=None):
    conditions = [Book.id > 0]
    if title:
        conditions.append(Book.title == title)
    if minimum:
        conditions.append(Book.pages > minimum)
    return session.scalars(select(Book).where(and_(*conditions))).all()
"""
    root = written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": IMPORTS + code})
    found = queries(root)
    for arguments in ((None, None), ("x", None), (None, 3), ("x", 3)):
        assert same(sent(root, "shop.code:act", *arguments), found)
    assert [optional_parts(query) for query in found] == [["book.title = $2", "book.pages > $3"]]


def test_an_order_chosen_by_an_enumeration_gives_each(tmp_path: Path) -> None:
    code = """\
import enum

class Sort(enum.Enum):
    TITLE = "title"
    PAGES = "pages"

    def order(self):
        return {"title": [Book.title], "pages": [Book.pages.desc()]}[self.value]

def act(session: Session, sort: Sort):
    return session.scalars(select(Book).order_by(*sort.order())).all()
"""
    found = queries(written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": IMPORTS + code}))
    assert sorted((query.sql or "").partition("ORDER BY ")[2] for query in found) == ["book.pages DESC", "book.title"]


def test_conditions_collected_in_a_dictionary_give_the_queries_with_each(tmp_path: Path) -> None:
    code = """\
def chosen(title, pages, **more):
    found = {}
    if title:
        found["title"] = title
    if pages:
        found["pages"] = pages
    return {**found, **more}

def act(session: Session, title=None, pages=None):
    return session.query(Book).filter_by(**chosen(title, pages, author_id=3)).all()
"""
    root = written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": IMPORTS + code})
    found = queries(root)
    for arguments in ((None, None), ("x", None), (None, 3), ("x", 3)):
        assert same(sent(root, "shop.code:act", *arguments), found)
    assert len(found) == 4


def test_a_condition_that_only_some_models_can_have_is_left_out_for_the_others(tmp_path: Path) -> None:
    code = """\
def act(session: Session, model: str, title=None):
    model = {"book": Book, "tag": Tag}[model]
    conditions = {}
    if title:
        conditions["title"] = title
    return session.query(model).filter_by(**conditions).all()
"""
    found = queries(written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": IMPORTS + code}))
    assert {(query.table, "WHERE" in str(query.sql)) for query in found} == {
        ("book", True),
        ("book", False),
        ("tag", False),
    }
    assert not [query.partial for query in found if query.partial]


def test_a_helper_walked_for_many_models_gives_each_its_own(tmp_path: Path) -> None:
    names = "abcdefghij"
    models = "".join(
        f'class M{n}(Base):\n    __tablename__ = "{n}"\n    id: Mapped[int] = mapped_column(primary_key=True)\n\n'
        for n in names
    )
    code = "def of(model):\n    return select(model.id)\n\n" + "".join(
        f"def act_{n}(session: Session):\n    return session.execute(of(M{n})).all()\n\n" for n in names
    )
    imports = f"from shop.models import {', '.join(f'M{n}' for n in names)}\n"
    found = queries(
        written(tmp_path, {"shop/models.py": MODELS + "\n" + models, "shop/code.py": IMPORTS + imports + code})
    )
    assert {query.issued.function: query.table for query in found} == {f"act_{n}": n for n in names}


@pytest.mark.parametrize(("bases", "seen"), [("db.Model, Mixin", "book"), ("Mixin, db.Model", None)])
def test_a_mixin_gives_query_where_it_stands_before_the_base(tmp_path: Path, bases: str, seen: str | None) -> None:
    models = f"""\
from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()

class Mixin:
    @classmethod
    def query(cls):
        return "a shelf"

class Book({bases}):
    id = db.Column(db.Integer, primary_key=True)
"""
    code = "from shop.models import Book\n\ndef run():\n    return Book.query.filter_by(id=3).all()\n"
    written(tmp_path, {"shop/models.py": models, "shop/code.py": code})
    assert [query.table for query in queries(tmp_path)] == ([seen] if seen else [])


def test_values_that_hold_themselves(tmp_path: Path) -> None:
    code = """\
from sqlalchemy import select
from shop.models import Author

def run(session):
    given = {"first": "a"}
    given["again"] = given
    rows = [given]
    rows.append(rows)
    session.execute(select(Author).filter_by(**given))
    session.execute(select(Author).where(Author.first.in_(rows)))
    return session.scalars(select(Author).where(Author.first == given)).all()
"""
    found = read(written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": code}))
    assert {query.table for query in found.queries} == {"author"}
    assert not [problem for problem in found.problems if "Recursion" in problem.reason]


def found_by(tmp_path: Path, code: str) -> list[SourceQuery]:
    return queries(written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": IMPORTS + code}))


def test_what_the_project_does_for_other_databases_is_not_read(tmp_path: Path) -> None:
    code = """\
from sqlalchemy import create_engine

engine = create_engine("sqlite://")

def same(dialect):
    return {"mysql": lambda a, b: text(f"BINARY {a.key} = 'x'"), "postgresql": lambda a, b: a == b}[dialect]

def act(session: Session, title):
    if session.bind.dialect.name == "sqlite":
        session.execute(select(Author))
    compare = same(engine.dialect.name)
    return session.scalars(select(Book).where(compare(Book.title, title))).all()
"""
    (query,) = found_by(tmp_path, code)
    assert (query.sql or "").endswith("WHERE book.title = $1")


def test_conditions_and_orders_of_a_loop_may_not_be_there(tmp_path: Path) -> None:
    code = """\
import operator

def act(session: Session, filters, orders):
    conditions, by = [], []
    for one in filters:
        conditions.append(operator.eq(Book.title, one))
    for one in orders:
        by.append(Book.pages.desc())
    by.append(Book.id)
    return session.scalars(select(Book).where(*conditions).order_by(*by)).all()
"""
    found = found_by(tmp_path, code)
    assert {query.sql[begin:end] for query in found for begin, end in query.optional} == {"book.title = $1"}
    orders = {(query.sql or "").partition("ORDER BY ")[2] for query in found}
    assert orders == {"book.id", "book.pages DESC, book.id"}


def test_what_a_loop_over_written_elements_adds_is_there(tmp_path: Path) -> None:
    code = """\
def act(session: Session):
    by = []
    for column, down in [(Book.pages, True), (Book.id, False)]:
        by.append(column.desc() if down else column)
    return session.scalars(select(Book).order_by(*by)).all()
"""
    (query,) = found_by(tmp_path, code)
    assert (query.sql or "").endswith("ORDER BY book.pages DESC, book.id")


def test_joins_of_a_list_are_made_once_each_or_not(tmp_path: Path) -> None:
    code = """\
from functools import reduce

def act(session: Session, wanted):
    joins = []
    if wanted:
        joins.append(Book.author)
    stepwise = select(Book.id)
    for one in joins:
        stepwise = stepwise.join(one)
    session.execute(stepwise)
    session.execute(reduce(lambda statement, one: statement.join(one), joins, select(Book.title)))
"""
    joined = [((query.sql or "").split()[1], (query.sql or "").count("JOIN")) for query in found_by(tmp_path, code)]
    assert sorted(joined) == [("book.id", 0), ("book.id", 1), ("book.title", 0), ("book.title", 1)]


def test_columns_of_a_table_are_selected(tmp_path: Path) -> None:
    code = """\
COLUMNS = tuple(Book.__table__.columns)

def act(session: Session, key):
    return session.query(Book).with_entities(*COLUMNS).filter(Book.id == key).one_or_none()
"""
    (query,) = found_by(tmp_path, code)
    assert (query.sql or "").count("book.") == 5
    assert query.table == "book"


def test_an_update_by_columns_and_one_of_unknown_columns(tmp_path: Path) -> None:
    code = """\
def act(session: Session, key):
    session.query(Book).filter(Book.id == key).update({Book.title: "x"}, synchronize_session=False)

def unknown(session: Session, values):
    session.query(Book).update(values)
"""
    known, unknown = found_by(tmp_path, code)
    assert known.sql == "UPDATE book SET title=$1 WHERE book.id = $2"
    assert (unknown.table, unknown.sql, unknown.unknown) == ("book", None, "the columns that it writes are not known")


def test_what_an_upsert_writes_may_not_be_known(tmp_path: Path) -> None:
    code = """\
from sqlalchemy.dialects.postgresql import insert as upsert

def act(session: Session, values, key):
    session.execute(upsert(Author).values(first="a").on_conflict_do_update(index_elements=["first"], set_=values))
    session.execute(upsert(Author).values(first="a").on_conflict_do_nothing(index_elements=[key]))
"""
    update, nothing = found_by(tmp_path, code)
    assert "ON CONFLICT (first) DO UPDATE SET last = excluded.last" in (update.sql or "")
    assert update.partial == "columns that are not known"
    assert "ON CONFLICT (id) DO NOTHING" in (nothing.sql or "")
    assert nothing.partial == "the key of ON CONFLICT is not known"


def test_a_function_of_the_project_is_written_as_it_says(tmp_path: Path) -> None:
    functions = """\
import operator
from sqlalchemy import DateTime, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

class seconds_between(GenericFunction):
    type = DateTime()
    inherit_cache = True

@compiles(seconds_between, "postgresql")
def for_postgresql(element, compiler, **options):
    moments = list(element.clauses)
    if len(moments) == 1:
        moments = [func.now(), *moments]
    return compiler.process(func.extract("epoch", operator.sub(*moments)), **options)
"""
    code = "def act(session: Session):\n    return session.execute(select(Book.id).where(func.seconds_between(Book.pages) > 5))\n"
    files = {"shop/models.py": MODELS, "shop/functions.py": functions, "shop/code.py": IMPORTS + code}
    (query,) = queries(written(tmp_path, files))
    assert "now() - book.pages" in (query.sql or "")


def test_what_goes_along_with_a_row_is_loaded_before_it_is_deleted(tmp_path: Path) -> None:
    models = MODELS.replace(
        'relationship(back_populates="author")', 'relationship(back_populates="author", cascade="all, delete-orphan")'
    )
    code = "def act(session: Session, key):\n    session.delete(session.get(Author, key))\n    session.commit()\n"
    found = queries(written(tmp_path, {"shop/models.py": models, "shop/code.py": IMPORTS + code}))
    assert [(query.issued_by, query.table) for query in found] == [
        ("get", "author"),
        ("relation", "book"),
        ("delete", "author"),
    ]
