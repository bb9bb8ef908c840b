"""A Django project with views that send a query a row, and tests of them."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from cli import Outcome, dbwright

MANAGE = """\
import os
import sqlite3
import subprocess
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
execute_from_command_line(sys.argv)
"""
SETTINGS = """\
SECRET_KEY = "test"
INSTALLED_APPS = ["books"]
USE_TZ = True
ROOT_URLCONF = "urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "books.sqlite3"}}
"""
MODELS = """\
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
TESTS = """\
from django.test import TestCase

from books.models import Author, Book, Publisher
from books.views import *


class BookTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        for n in range(ROWS):
            publisher = Publisher.objects.create(name=f"p{n}")
            author = Author.objects.create(name=f"a{n}", publisher=publisher)
            Book.objects.create(title=f"b{n}", author=author)
            Book.objects.create(title=f"n{n}", author=author)

    def test_page(self):
"""
LIST = """\
def page(request):
    books = Book.objects.order_by("title")
    return JsonResponse({"books": [[book.title, book.author.name] for book in books]})
"""


class Library:
    """The project in a folder. ``view`` is the code of the function ``page``, ``test`` what its test does, ``more`` the tests behind it."""

    def __init__(self, folder: Path, view: str, test: str, rows: int = 12, more: str = "") -> None:
        self.folder = folder
        files = {
            "manage.py": MANAGE,
            "settings.py": SETTINGS,
            "urls.py": "from django.urls import path\n\nfrom books import views\n\nurlpatterns = [path('', views.page)]\n",
            "books/__init__.py": "",
            "books/models.py": MODELS,
            "books/views.py": "from django.db.models import Q\nfrom django.http import HttpResponse, JsonResponse\n\n"
            f"from books.models import Author, Book, Publisher\n\n\n{view}",
            "books/tests.py": TESTS.replace("ROWS", str(rows))
            + "".join(f"        {line}\n" for line in test.splitlines())
            + more,
            "home/.keep": "",
        }
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")

    @property
    def view(self) -> str:
        return (self.folder / "books/views.py").read_text(encoding="utf-8").partition("Publisher\n\n\n")[2]

    def fill(self, rows: int) -> None:
        """The database that the settings name, with two books of each author."""
        for command in (["makemigrations", "books", "-v0"], ["migrate", "-v0"]):
            subprocess.run([sys.executable, "manage.py", *command], cwd=self.folder, check=True, capture_output=True)
        now = "2026-01-01"
        with sqlite3.connect(self.folder / "books.sqlite3") as connection:
            for n in range(1, rows + 1):
                connection.execute("insert into books_publisher (name, created) values (?, ?)", (f"p{n}", now))
                author = (f"a{n}", now, n)
                connection.execute("insert into books_author (name, created, publisher_id) values (?, ?, ?)", author)
                for kind in "bn":
                    book = (f"{kind}{n}", now, n)
                    connection.execute("insert into books_book (title, created, author_id) values (?, ?, ?)", book)
        connection.close()

    def titles(self) -> list[str]:
        with sqlite3.connect(self.folder / "books.sqlite3") as connection:
            found = [title for (title,) in connection.execute("select title from books_book order by id")]
        connection.close()
        return found

    def fix(self, *arguments: str) -> Outcome:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return dbwright("fix", "--no-db", *arguments, folder=self.folder, environment={"PATH": path})

    def tried(self, *arguments: str) -> Outcome:
        return self.fix("queries/*", "--yes", "--tests", "python manage.py test", *arguments)
