"""Statements written before SQLAlchemy 2.0 are read as what is sent for their present form."""

from pathlib import Path

import pytest
from orm_project import queries, read, same, sent, written
from test_queries import IMPORTS, MODELS

HEAD = (
    IMPORTS + "from sqlalchemy import case\nfrom sqlalchemy.orm import subqueryload\n"
    "book, author = Book.__table__, Author.__table__\n"
)
PAIRS = {
    "where, from and order as arguments": (
        "session.execute(select([book.c.id, author.c.last], book.c.pages > 3, from_obj=book.join(author), "
        "order_by=book.c.id, limit=3)).all()",
        "session.execute(select(book.c.id, author.c.last).select_from(book.join(author))"
        ".where(book.c.pages > 3).order_by(book.c.id).limit(3)).all()",
    ),
    "a list of one from": (
        "session.execute(select([func.count()], from_obj=[book.outerjoin(author)]).where(book.c.pages == 1)).all()",
        "session.execute(select(func.count()).select_from(book.outerjoin(author)).where(book.c.pages == 1)).all()",
    ),
    "groups and what they have": (
        "session.execute(select(columns=[book.c.id], whereclause=book.c.pages == 3, "
        "distinct=True, group_by=[book.c.id], having=func.count() > 2)).all()",
        "session.execute(select(book.c.id).where(book.c.pages == 3)"
        ".distinct().group_by(book.c.id).having(func.count() > 2)).all()",
    ),
    "select() of a table": (
        "session.execute(book.select(book.c.id == 3)).all()",
        "session.execute(book.select().where(book.c.id == 3)).all()",
    ),
    "update() of a table": (
        'session.execute(book.update(book.c.id == 3, values={"title": "x"}))',
        'session.execute(book.update().where(book.c.id == 3).values(title="x"))',
    ),
    "delete": (
        "session.execute(delete(book, book.c.id == 3))",
        "session.execute(delete(book).where(book.c.id == 3))",
    ),
    "cases in a list": (
        "session.execute(select([book.c.id]).where(case([(book.c.id == 3, 1)], else_=2) == 1)).all()",
        "session.execute(select(book.c.id).where(case((book.c.id == 3, 1), else_=2) == 1)).all()",
    ),
    "a join by name": (
        'session.query(Book).join("author").filter(Author.last == "x").all()',
        'session.query(Book).join(Book.author).filter(Author.last == "x").all()',
    ),
    "a path of joins": (
        'session.query(Book).outerjoin("author", "books").all()',
        "session.query(Book).outerjoin(Book.author).outerjoin(Author.books).all()",
    ),
    "a join in brackets": (
        "session.query(Book).join((Author, Author.id == Book.author_id)).all()",
        "session.query(Book).join(Author, Author.id == Book.author_id).all()",
    ),
    "what is loaded along, by name": (
        'session.query(Book).options(joinedload("author.books")).all()',
        "session.query(Book).options(joinedload(Book.author).joinedload(Author.books)).all()",
    ),
    "a name behind an attribute": (
        'session.query(Book).options(joinedload(Book.author).joinedload("books")).all()',
        "session.query(Book).options(joinedload(Book.author).joinedload(Author.books)).all()",
    ),
    "a lock": (
        'session.query(Book).with_lockmode("update").all()',
        "session.query(Book).with_for_update().all()",
    ),
    "bare text": (
        'session.query(Book).filter("pages > 3").order_by("title desc").all()',
        'session.query(Book).filter(text("pages > 3")).order_by(text("title desc")).all()',
    ),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_the_old_form_is_read_as_the_new_one(tmp_path: Path, kind: str) -> None:
    old, new = PAIRS[kind]
    code = f"{HEAD}\ndef old(session: Session):\n    return {old}\n\ndef new(session: Session):\n    return {new}\n"
    root = written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": code})
    issued = sent(root, "shop.code:new")
    found = [query for query in queries(root) if query.issued.function == "old"]
    assert issued
    assert same(issued, found)
    assert not [query for query in found if query.unknown or query.partial]


def test_rows_that_were_loaded_along_by_name_are_not_asked_for_again(tmp_path: Path) -> None:
    code = HEAD + (
        "def along(session: Session):\n"
        '    return [book.author.last for book in session.query(Book).options(joinedload("author"))]\n\n'
        "def apart(session: Session):\n"
        '    return [book.author.last for book in session.query(Book).options(joinedload("tags"))]\n'
    )
    root = written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": code})
    assert {q.issued.function for q in queries(root) if q.issued_by == "relation"} == {"apart"}


@pytest.mark.parametrize("name", ["writer", "author.nothing", "title.author"])
def test_a_name_that_no_relation_has_leaves_the_statement_partial(tmp_path: Path, name: str) -> None:
    code = f'{HEAD}\ndef act(session: Session):\n    return session.query(Book).options(joinedload("{name}")).all()\n'
    root = written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": code})
    (found,) = [query for query in read(root).queries if query.issued.function == "act"]
    assert found.partial
    assert "JOIN" not in (found.sql or "")


def test_a_join_by_a_name_that_is_not_known_is_told(tmp_path: Path) -> None:
    code = f"{HEAD}\ndef act(session: Session, name):\n    return session.query(Book).join(name).all()\n"
    root = written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": code})
    (found,) = [query for query in queries(root) if query.issued.function == "act"]
    assert found.partial
