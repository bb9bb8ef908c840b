"""The generated test fails for views that send a query a row, and for no other."""

import subprocess
import sys
from pathlib import Path

from cli import assert_one_clear_error, dbwright
from fixes.django_shop import Shop

MODELS = """\
from django.conf import settings
from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=50, unique=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)


class Book(models.Model):
    title = models.CharField(max_length=50)
    author = models.ForeignKey(Author, models.CASCADE)
"""
VIEWS = """\
from django.contrib.auth import logout
from django.http import HttpResponse, HttpResponseBadRequest

from shop.models import Author, Book


def loaded(request):
    return HttpResponse(", ".join(book.author.name for book in Book.objects.select_related("author")))


def lazily(request):
    return HttpResponse(", ".join(book.author.name for book in Book.objects.all()))


def own(request):
    return HttpResponse(sum(author.book_set.count() for author in Author.objects.filter(owner=request.user)))


def refused(request):
    return HttpResponseBadRequest("no")


def away(request):
    logout(request)
    return HttpResponse("")


def fails(request):
    raise ValueError(Book.objects.count())


def one(request, pk):
    return HttpResponse(Book.objects.get(pk=pk).title)
"""
URLS = """\
from django.urls import include, path, re_path

from shop import views

inner = [path("lazily/", views.lazily), path("own/", views.own)]
urlpatterns = [
    path("away/", views.away), path("", views.loaded), path("deep/", include(inner)), re_path(r"^loaded/$", views.loaded),
    path("no/", views.refused), path("fails/", views.fails), path("book/<int:pk>/", views.one),
]
"""
SETTINGS = """
INSTALLED_APPS += ["django.contrib.auth", "django.contrib.sessions"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware"]
ROOT_URLCONF = "config.urls"
"""


def project(folder: Path) -> None:
    (folder / "home").mkdir()
    (folder / "config").mkdir()
    settings = Shop(folder, MODELS.replace("settings.AUTH_USER_MODEL", "'shop.Author'")).folder / "config/settings.py"
    settings.write_text(settings.read_text() + SETTINGS)
    (folder / "shop/models.py").write_text(MODELS)
    (folder / "shop/migrations/0001_initial.py").unlink()
    (folder / "shop/views.py").write_text(VIEWS)
    (folder / "config/urls.py").write_text(URLS)
    words = [sys.executable, "manage.py", "makemigrations", "shop"]
    subprocess.run(words, cwd=folder, env={"SQLITE": ":memory:", "PATH": ""}, check=True, capture_output=True)


def told_by_test(folder: Path) -> str:
    words = [sys.executable, "manage.py", "test", "shop"]
    return subprocess.run(
        words, cwd=folder, env={"SQLITE": ":memory:", "PATH": ""}, check=False, capture_output=True, text=True
    ).stderr


def test_views_with_a_query_a_row_fail_and_no_others(tmp_path: Path) -> None:
    project(tmp_path)
    done = dbwright("generate", "query-count-tests", "--yes", folder=tmp_path)
    assert done.code == 0, done.err
    failed = told_by_test(tmp_path)
    routes = {line.split("'")[1] for line in failed.splitlines() if line.startswith("FAIL:")}
    assert routes == {"deep/lazily/", "deep/own/"}
    assert "/deep/lazily/: " in failed
    views = tmp_path / "shop/views.py"
    views.write_text(
        views.read_text()
        .replace("Book.objects.all()", "Book.objects.select_related('author')")
        .replace(
            "sum(author.book_set.count() for author in Author.objects.filter(owner=request.user))",
            "Book.objects.count()",
        )
    )
    assert "\nOK\n" in told_by_test(tmp_path)


def test_an_application_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    Shop(tmp_path)
    assert_one_clear_error(dbwright("generate", "query-count-tests", "blog", "--yes", folder=tmp_path))
    outcome = dbwright("generate", "query-count-tests", "--file", "../x.py", "--yes", folder=tmp_path)
    assert_one_clear_error(outcome)
    assert not (tmp_path / "shop/test_query_counts.py").exists()
