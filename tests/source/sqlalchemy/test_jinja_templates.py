"""Templates that Flask, Starlette and Pyramid render: what they show of each row."""

from pathlib import Path

import pytest
from orm_project import read, written
from test_queries import IMPORTS, MODELS

LIST = (
    "{% extends 'base.html' %}{% block body %}{% for book in books %}{{ book.author.first }}{% endfor %}{% endblock %}"
)
FLASK = "from flask import render_template\n\ndef act(session: Session):\n    {}\n"
STARLETTE = (
    "from fastapi.templating import Jinja2Templates\n\npages = Jinja2Templates(directory='templates')\n\n"
    "def act(request, session: Session):\n    {}\n"
)
PYRAMID = "@view_config(route_name='books', renderer='{}')\ndef act(request, session: Session):\n    return {}\n"
PAGED = "from paginate_sqlalchemy import SqlalchemyOrmPage\n\n" + PYRAMID.format(
    "list.html", "{{'books': SqlalchemyOrmPage({}, page=2, items_per_page=25)}}"
)
BOOKS = "session.scalars(select(Book)).all()"
LOADED = "session.scalars(select(Book).options(joinedload(Book.author))).all()"
PAGES = {
    "flask": (FLASK.format(f"return render_template('list.html', books={BOOKS})"), True),
    "flask, the first that is there": (
        FLASK.format(f"return render_template(['x.html', 'list.html'], books={BOOKS})"),
        True,
    ),
    "flask, loaded": (FLASK.format(f"return render_template('list.html', books={LOADED})"), False),
    "flask, under another name": (FLASK.format(f"return render_template('list.html', rows={BOOKS})"), False),
    "flask, not there": (FLASK.format(f"return render_template('other.html', books={BOOKS})"), False),
    "starlette": (
        STARLETTE.format(f"return pages.TemplateResponse('list.html', {{'request': request, 'books': {BOOKS}}})"),
        True,
    ),
    "starlette, the request first": (
        STARLETTE.format(f"return pages.TemplateResponse(request, 'list.html', {{'books': {BOOKS}}})"),
        True,
    ),
    "starlette, by name": (
        STARLETTE.format(
            f"return pages.TemplateResponse(request=request, name='list.html', context={{'books': {BOOKS}}})"
        ),
        True,
    ),
    "pyramid": (PYRAMID.format("list.html", f"{{'books': {BOOKS}}}"), True),
    "pyramid, of a package": (PYRAMID.format("shop:templates/list.html", f"{{'books': {BOOKS}}}"), True),
    "pyramid, a page": (PAGED.format("session.query(Book)"), True),
    "pyramid, a page with all": (PAGED.format("session.query(Book).options(joinedload(Book.author))"), False),
    "pyramid, as JSON": (PYRAMID.format("json", f"{{'books': {BOOKS}}}"), False),
}


@pytest.mark.parametrize("page", PAGES)
def test_a_template_touches_relations_of_the_rows_it_shows(tmp_path: Path, page: str) -> None:
    code, touches = PAGES[page]
    base = "{% block body %}{% endblock %}"
    files = {"shop/templates/list.html": LIST, "shop/templates/base.html": base}
    written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": IMPORTS + code, **files})
    found = [
        (query.relation, query.loops[-1].table)
        for query in read(tmp_path).queries
        if query.issued.file == "shop/templates/list.html" and query.loops
    ]
    assert found == ([("author", "book")] if touches else [])


def test_a_template_that_cannot_be_parsed_is_said(tmp_path: Path) -> None:
    code = FLASK.format(f"return render_template('list.html', books={BOOKS})")
    files = {"shop/templates/list.html": "{% for book in %}"}
    written(tmp_path, {"shop/models.py": MODELS, "shop/code.py": IMPORTS + code, **files})
    source = read(tmp_path)
    assert any(problem.file == "shop/templates/list.html" for problem in source.problems)
    assert any(query.table == "book" for query in source.queries)


def test_a_dynamic_relation_is_asked_for_by_the_key_of_the_row(tmp_path: Path) -> None:
    models = MODELS + "    sequels: Mapped[list['Sequel']] = relationship(lazy='dynamic')\n\nclass Sequel(Base):\n"
    models += "    __tablename__ = 'sequel'\n    id: Mapped[int] = mapped_column(primary_key=True)\n"
    models += "    book_id: Mapped[int] = mapped_column(ForeignKey('book.id'))\n"
    code = "def act(session: Session):\n    return [book.sequels.count() for book in session.scalars(select(Book))]\n"
    written(tmp_path, {"shop/models.py": models, "shop/code.py": IMPORTS + code})
    [count] = [query for query in read(tmp_path).queries if query.issued_by == "count"]
    assert [parameter.origin for parameter in count.parameters] == ["row"]
