"""Repositories and the like: classes whose model is told by their parameters, by their base or by the classes that derive from them."""

from pathlib import Path

import pytest
from orm_project import queries, written
from test_queries import IMPORTS, MODELS

REPOSITORIES = {
    "a type parameter and the constructor's argument": """\
from typing import Generic, TypeVar
from shop.models import Base

Model = TypeVar("Model", bound=Base)

class Repository(Generic[Model]):
    def __init__(self, session: Session, model: type[Model]):
        self.session = session
        self.model = model

    def titled(self, title):
        return self.session.scalars(select(self.model).where(self.model.title == title)).all()

class Books(Repository[Book]):
    def again(self, title):
        return self.titled(title)
""",
    "a type parameter behind another": """\
from typing import Generic, TypeVar

Model = TypeVar("Model")
Schema = TypeVar("Schema")
T = TypeVar("T")

class Reading(Generic[Schema, Model]):
    model: type[Model]

    def __init__(self, session: Session):
        self.session = session

    def titled(self, title):
        return self.session.scalars(select(self.model).where(self.model.title == title)).all()

class Keeping(Reading[int, T]):
    pass

class Books(Keeping[Book]):
    pass
""",
    "an attribute that derived classes set": """\
class Repository:
    model = None

    def __init__(self, session: Session):
        self.session = session

    def titled(self, title):
        return self.session.scalars(select(self.model).where(self.model.title == title)).all()

class Books(Repository):
    model = Book
""",
    "an attribute set for each class that derives": """\
from typing import Generic, TypeVar, get_args
from sqlalchemy.orm import scoped_session, sessionmaker

T = TypeVar("T")
current = scoped_session(sessionmaker())

class Dao(Generic[T]):
    model_cls = None

    def __init_subclass__(cls) -> None:
        cls.model_cls = get_args(cls.__orig_bases__[0])[0]

    @classmethod
    def titled(cls, title):
        return current.query(cls.model_cls).filter(cls.model_cls.title == title).all()

class BookDao(Dao[Book]):
    pass
""",
}


@pytest.mark.parametrize("kind", REPOSITORIES)
def test_the_model_of_a_repository(tmp_path: Path, kind: str) -> None:
    found = queries(written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": IMPORTS + REPOSITORIES[kind]}))
    assert [(query.symbol, query.unknown, query.partial) for query in found] == [("shop.models.Book", None, None)]
    assert "WHERE book.title = " in str(found[0].sql)


def test_each_repository_has_its_own_model(tmp_path: Path) -> None:
    classes = "".join(f"class R{n}(Repository):\n    model = {m}\n\n" for n, m in enumerate(("Author", "Book", "Tag")))
    code = f"""\
class Repository:
    model = None

    def __init__(self, session: Session):
        self.session = session

    def one(self, key):
        return self.session.get(self.model, key)

{classes}
def act(session: Session, key):
    return R2(session).one(key)
"""
    found = queries(written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": IMPORTS + code}))
    assert {query.table for query in found} == {"author", "book", "tag"}
    assert not [query.unknown for query in found if query.unknown]


def test_an_empty_attribute_that_nobody_sets_is_not_guessed(tmp_path: Path) -> None:
    code = """\
class Repository:
    model = None

    def __init__(self, session: Session):
        self.session = session

    def all(self):
        return self.session.execute(select(self.model)).all()
"""
    found = queries(written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": IMPORTS + code}))
    assert all(query.sql is None and query.table is None for query in found)


def test_what_an_object_is_given_later_is_not_taken_for_missing(tmp_path: Path) -> None:
    code = """\
class Search:
    def __init__(self, session: Session):
        self.session = session
        self.title: str | None = None

    def run(self):
        statement = select(Book)
        if self.title:
            statement = statement.where(Book.title == self.title)
        return self.session.scalars(statement).all()
"""
    found = queries(written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": IMPORTS + code}))
    assert [(query.sql or "")[begin:end] for query in found for begin, end in query.optional] == ["book.title = $1"]
