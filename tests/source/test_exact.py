"""The models asked of a project's own interpreter: exact, told in one line when it fails, bounded, and without secrets."""

import os
import sys
import textwrap
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from dbwright.commands import queries
from dbwright.source import read
from dbwright.source.exact import NotImported, Question, ask, exact, find_python

PYTHON = Path(sys.executable)
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
DJANGO = {
    "manage.py": 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n',
    "shop/__init__.py": "",
    "shop/settings.py": """\
        SECRET_KEY = "x"
        INSTALLED_APPS = ["shop"]
        DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "never.sqlite3"}}
        ROOT_URLCONF = "shop.urls"
        """,
    "shop/urls.py": "urlpatterns = []\n",
    "shop/models.py": """\
        from django.db import models


        def made(name):
            return type(name, (models.Model,), {"__module__": __name__, "title": models.CharField(max_length=9)})


        Dynamic = made("Dynamic")


        class Order(models.Model):
            code = models.CharField(max_length=20, unique=True, choices=[("a", "A")])
            parent = models.ForeignKey("self", models.CASCADE, null=True)
        """,
}
SQLALCHEMY = {
    "app/__init__.py": "",
    "app/models.py": """\
        from sqlalchemy import Column, ForeignKey, Index, Integer, String
        from sqlalchemy.orm import declarative_base

        Base = declarative_base()


        class Author(Base):
            __tablename__ = "author"
            id = Column(Integer, primary_key=True)


        class Book(Base):
            __tablename__ = "book"
            __table_args__ = (Index("book_title", "title", "author_id"),)
            id = Column(Integer, primary_key=True)
            title = Column(String(80), nullable=False)
            author_id = Column(ForeignKey("author.id"))
        """,
}


def project(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(text))
    return root


def test_django_with_models_that_only_running_it_shows(tmp_path: Path) -> None:
    root = project(tmp_path, DJANGO)
    static = read(root, queries=False)
    source = exact(static, root, PYTHON, ENVIRONMENT)
    assert source.exact
    assert "shop_dynamic" in {table.name for table in source.tables}
    order = source.table_by_name["shop_order"]
    assert order.owned
    assert order.place == static.table_by_name["shop_order"].place
    code, parent = (order.column(name) for name in ("code", "parent_id"))
    assert code is not None
    assert code.unique
    assert code.option("choices") is not None, "what only the class body shows is kept"
    assert parent is not None
    assert parent.references is not None
    assert (parent.references.table, parent.references.on_delete) == ("shop_order", "CASCADE")
    assert not (root / "never.sqlite3").exists()


def test_sqlalchemy_equals_what_was_read(tmp_path: Path) -> None:
    root = project(tmp_path, SQLALCHEMY)
    static = read(root, queries=False)
    source = exact(static, root, PYTHON, ENVIRONMENT)
    told = {t.name: [(c.name, c.type, c.not_null) for c in t.columns] for t in source.tables}
    assert told == {t.name: [(c.name, c.type, c.not_null) for c in t.columns] for t in static.tables}
    assert [index.name for index in source.table_by_name["book"].indexes] == ["book_title"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("import nowhere_to_be_found\n", "ModuleNotFoundError"),
        ("raise SystemExit('not today')\n", "SystemExit"),
        ("raise RuntimeError('postgresql://app:hunter2hunter2@db/shop does not answer')\n", "RuntimeError"),
        ("print('hunter2hunter2')\nimport os\nos._exit(0)\n", "ended without an answer"),
        ("def broken(:\n", "SyntaxError"),
    ],
)
def test_an_import_that_fails_is_one_line_without_secrets(tmp_path: Path, settings: str, told: str) -> None:
    root = project(tmp_path, DJANGO | {"shop/settings.py": settings})
    result = CliRunner().invoke(
        queries.command, [str(root), "--python", str(PYTHON)], env={"DBWRIGHT_CACHE": str(tmp_path / "cache")}
    )
    assert isinstance(result.exception, NotImported)
    assert told in result.exception.message
    assert "\n" not in result.exception.message
    assert "hunter2" not in str(result.exception)
    assert "hunter2" not in result.output


def test_an_import_without_end_is_ended_with_what_it_started(tmp_path: Path) -> None:
    settings = """\
        import pathlib, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
        pathlib.Path("child").write_text(str(child.pid))
        time.sleep(300)
        """
    root = project(tmp_path, DJANGO | {"shop/settings.py": settings})
    began = time.monotonic()
    question = Question("django", root, variables=(("DJANGO_SETTINGS_MODULE", "shop.settings"),))
    with pytest.raises(NotImported, match="did not end within"):
        ask(question, PYTHON, ENVIRONMENT, seconds=8)
    assert time.monotonic() - began < 30
    child = int((root / "child").read_text())
    soon = time.monotonic() + 5  # a process that was killed runs on until the system comes to it
    while is_running(child) and time.monotonic() < soon:
        time.sleep(0.05)
    assert not is_running(child)


def is_running(process: int) -> bool:
    """Whether there is such a process that has not ended, though nobody may have asked how."""
    try:
        state = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def test_what_cannot_be_asked_is_told(tmp_path: Path) -> None:
    root = project(tmp_path, DJANGO)
    source = read(root, queries=False)
    with pytest.raises(NotImported, match="No environment"):
        exact(source, root, None, ENVIRONMENT)
    with pytest.raises(NotImported, match="no interpreter"):
        exact(source, root, root / "manage.py", ENVIRONMENT)
    empty = project(tmp_path / "empty", {"main.py": "print(1)\n"})
    with pytest.raises(NotImported, match="Nothing to import"):
        exact(read(empty, queries=False), empty, PYTHON, ENVIRONMENT)


def test_the_environment_of_the_project_is_found(tmp_path: Path) -> None:
    python = tmp_path / "backend/.venv/bin/python"
    assert find_python(tmp_path) is None
    python.parent.mkdir(parents=True)
    python.symlink_to(PYTHON)
    assert find_python(tmp_path) == python
