"""``dbwright fix --tests`` on a FastAPI project with SQLAlchemy, whose tests are pytest's."""

import os
import sys
from pathlib import Path

import pytest

from cli import Outcome, dbwright

MODELS = """\
from datetime import datetime

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "authors"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    created: Mapped[datetime] = mapped_column(server_default=func.now())
    books: Mapped[list["Book"]] = relationship(back_populates="author")


class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    created: Mapped[datetime] = mapped_column(server_default=func.now())
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
    author: Mapped[Author] = relationship(back_populates="books")
"""
API = """\
from fastapi import FastAPI
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from books.models import Author, Base, Book

engine = create_engine("sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool)
app = FastAPI()


@app.get("/books")
def list_books():
    with Session(engine) as session:
        books = session.scalars(
            select(Book)
            .where(Book.title != "")
            .order_by(Book.title)  # as people seek them
        ).all()
        return [[book.title, book.author.name] for book in books]


@app.get("/authors")
def list_authors():
    with Session(engine) as session:
        return {author.name: [book.title for book in author.books] for author in session.query(Author).order_by(Author.id)}
"""
TESTS = """\
import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from books.api import app, engine
from books.models import Author, Base, Book


@pytest.fixture(autouse=True)
def rows():
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(Author(name=f"a{n}", books=[Book(title=f"b{n}"), Book(title=f"c{n}")]) for n in range(9))
        session.commit()
    yield
    Base.metadata.drop_all(engine)


def test_books():
    assert len(TestClient(app).get("/books").json()) == 18


@pytest.mark.parametrize("again", (0, 1))
def test_authors(again):
    assert TestClient(app).get("/authors").status_code == 200
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "pyproject.toml": "[project]\nname = 'books'\n\n[tool.pytest.ini_options]\npythonpath = ['.']\n",
        "books/__init__.py": "",
        "books/models.py": MODELS,
        "books/api.py": API,
        "tests/test_api.py": TESTS,
        "home/.keep": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def fix(project: Path, *arguments: str) -> Outcome:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return dbwright("fix", "--no-db", "queries/*", *arguments, folder=project, environment={"PATH": path})


def test_relationships_are_loaded_along(project: Path) -> None:
    done = fix(project, "--yes", "--tests", "auto")
    assert done.code == 0, done.err
    written = (project / "books/api.py").read_text(encoding="utf-8")
    after = API.replace("Session\nfrom sqlalchemy.pool", "Session, selectinload\nfrom sqlalchemy.pool")
    after = after.replace("seek them\n", "seek them\n            .options(selectinload(Book.author))\n")
    after = after.replace("order_by(Author.id)", "order_by(Author.id).options(selectinload(Author.books))")
    assert written == after
    assert "tests/test_api.py::test_authors[0]:" in done.err
    assert "tests/test_api.py::test_books:" in done.err
    assert "2 findings gone" in done.err


def test_what_the_tests_do_not_come_to_is_advice(project: Path) -> None:
    done = fix(project, "--yes", "--tests", "python -m pytest tests/test_api.py::test_books")
    assert done.code == 0, done.err
    written = (project / "books/api.py").read_text(encoding="utf-8")
    assert "selectinload(Book.author)" in written
    assert "selectinload(Author.books)" not in written
    assert "no test comes to it" in done.err
