"""Rows that Pydantic schemas and FastAPI's responses are made of: what their fields take is asked for row by row."""

from pathlib import Path

import pytest
from orm_project import queries, written
from test_queries import IMPORTS, MODELS

SCHEMAS = """\
from fastapi import APIRouter, Depends
from pydantic import BaseModel, TypeAdapter

class AuthorOut(BaseModel):
    first: str

class TagOut(BaseModel):
    label: str

class Plain(BaseModel):
    id: int
    title: str

class BookOut(Plain):
    author: AuthorOut | None

class Shelf(BookOut):
    tags: "list[TagOut]"

class Page(BaseModel):
    items: list[BookOut]
    total: int

class Tree(BaseModel):
    title: str
    tags: list["Tree"]

class Own(BookOut):
    @classmethod
    def model_validate(cls, book):
        return cls(id=book.id)

router = APIRouter()

def books(session: Session):
    return session.scalars(select(Book)).all()

"""
ROUTES = {
    "a response of schemas": (
        "@router.get('/', response_model=list[BookOut])\ndef act(session: Session = Depends()):\n    return books(session)\n",
        {"author"},
    ),
    "an annotated response": (
        "@router.get('/')\ndef act(session: Session = Depends()) -> list[Shelf]:\n    return books(session)\n",
        {"author", "tags"},
    ),
    "an awaited response": (
        "@router.get('/', response_model=list[BookOut])\nasync def act(session: Session = Depends()):\n    return books(session)\n",
        {"author"},
    ),
    "each row by itself": (
        "def act(session: Session):\n    return [BookOut.model_validate(book) for book in session.scalars(select(Book))]\n",
        {"author"},
    ),
    "the older name": (
        "def act(session: Session):\n    return [Shelf.from_orm(book) for book in session.scalars(select(Book))]\n",
        {"author", "tags"},
    ),
    "a page of them": (
        "@router.get('/')\ndef act(session: Session = Depends()):\n    return Page(items=books(session), total=1)\n",
        {"author"},
    ),
    "a page as a dictionary": (
        "@router.get('/', response_model=Page)\ndef act(session: Session = Depends()):\n    return {'items': books(session), 'total': 1}\n",
        {"author"},
    ),
    "a page of something else": (
        "@router.get('/', response_model=Page)\ndef act(session: Session = Depends()):\n    return {'others': books(session)}\n",
        set(),
    ),
    "loaded along": (
        "@router.get('/', response_model=list[BookOut])\ndef act(session: Session = Depends()):\n"
        "    return session.scalars(select(Book).options(selectinload(Book.author))).all()\n",
        set(),
    ),
    "columns alone": (
        "@router.get('/', response_model=list[Plain])\ndef act(session: Session = Depends()):\n    return books(session)\n",
        set(),
    ),
    "no route": (
        "@other.cached(response_model=list[BookOut])\ndef act(session: Session):\n    return books(session)\n",
        set(),
    ),
    "a way of its own": (
        "def act(session: Session):\n    return [Own.model_validate(book) for book in session.scalars(select(Book))]\n",
        set(),
    ),
    "a schema inside itself": (
        "@router.get('/', response_model=list[Tree])\ndef act(session: Session = Depends()):\n    return books(session)\n",
        {"tags"},
    ),
}


@pytest.mark.parametrize("case", ROUTES)
def test_what_a_response_takes_of_each_row(tmp_path: Path, case: str) -> None:
    route, expected = ROUTES[case]
    written(tmp_path, {"shop/models.py": MODELS, "shop/api.py": IMPORTS + SCHEMAS + route})
    touched = {
        query.relation
        for query in queries(tmp_path, "shop/api.py")
        if query.issued_by == "relation" and any(loop.table == "book" for loop in query.loops)
    }
    assert touched == expected


def test_one_row_is_no_loop(tmp_path: Path) -> None:
    route = (
        "@router.get('/{n}', response_model=BookOut)\ndef act(n, session: Session = Depends()):\n"
        "    return session.get(Book, n)\n"
    )
    written(tmp_path, {"shop/models.py": MODELS, "shop/api.py": IMPORTS + SCHEMAS + route})
    found = [query for query in queries(tmp_path, "shop/api.py") if query.issued_by == "relation"]
    assert [(query.relation, query.loops) for query in found] == [("author", ())]
