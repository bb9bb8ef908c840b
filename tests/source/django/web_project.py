"""A small shop that the tests of views, templates, the admin and the REST framework write down, read, and run."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.reader.compare import compare

from dbwright.model.source import SourceQuery
from dbwright.source import read

FILES = {
    "manage.py": 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "conf.settings")\n',
    "conf/__init__.py": "",
    "conf/settings.py": """\
SECRET_KEY = "test"
DEBUG = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop.urls"
USE_TZ = True
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
    "django.contrib.messages", "rest_framework", "django_filters", "shop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {"context_processors": [
    "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
]}}]
""",
    "shop/__init__.py": "",
    "shop/models.py": """\
from django.db import models


class Publisher(models.Model):
    name = models.CharField(max_length=100)


class Author(models.Model):
    name = models.CharField(max_length=100)
    publisher = models.ForeignKey(Publisher, models.CASCADE)


class Tag(models.Model):
    name = models.CharField(max_length=100)


class Book(models.Model):
    title = models.CharField(max_length=100)
    author = models.ForeignKey(Author, models.CASCADE, related_name="books")
    tags = models.ManyToManyField(Tag)

    class Meta:
        ordering = ["title"]
""",
    "shop/urls.py": "urlpatterns = []\n",
}

TRUTH = """\
import json, os, sys
sys.path.insert(0, os.getcwd())
os.environ["DJANGO_SETTINGS_MODULE"] = "conf.settings"
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.contrib.auth.models import User
from shop.models import Author, Book, Publisher, Tag

call_command("migrate", run_syncdb=True, verbosity=0)
client = Client()
client.force_login(User.objects.create_superuser("root", "root@example.com", "x"))

def counted():
    with CaptureQueriesContext(connection, ) as captured:
        assert client.get(sys.argv[1]).status_code == 200
    return len(captured)

def book():
    author = Author.objects.create(name="a", publisher=Publisher.objects.create(name="p"))
    Book.objects.create(title="b", author=author).tags.add(Tag.objects.create(name="t"))

book()
counted()
one = counted()
for _ in range(4):
    book()
print(json.dumps([one, counted()]))
"""


def written(root: Path, files: dict[str, str]) -> Path:
    """The shop with these files of a test."""
    for name, text in {**FILES, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def queries(root: Path, file: str) -> list[SourceQuery]:
    """What the reader finds issued in a file."""
    return [query for query in read(root, strict=True).queries if query.issued.file == file]


def per_row(found: list[SourceQuery]) -> set[tuple[int, str | None]]:
    """The line and table of what is issued for each row of another query."""
    return {
        (query.issued.line, query.query.tables[0].name if query.query else None)
        for query in found
        if any(loop.table for loop in query.loops)
    }


def grows_by(root: Path, url: str) -> float:
    """Queries that each further row costs when the project itself answers a request: five rows against one."""
    script = root / "truth.py"
    script.write_text(TRUTH)
    run = subprocess.run([sys.executable, str(script), url], cwd=root, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    one, five = json.loads(run.stdout)
    return (five - one) / 4


ISSUED = """\
import json, os, sys
sys.path.insert(0, os.getcwd())
os.environ["DJANGO_SETTINGS_MODULE"] = "conf.settings"
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from shop import code
from shop.models import Author, Book, Publisher, Tag

call_command("migrate", run_syncdb=True, verbosity=0)
author = Author.objects.create(name="a", publisher=Publisher.objects.create(name="p"))
Book.objects.create(title="b", author=author).tags.add(Tag.objects.create(name="t"))
found = []

def wrapper(execute, sql, params, many, context):
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename != code.__file__:
        frame = frame.f_back
    if not sql.startswith(("SAVEPOINT", "RELEASE", "BEGIN")):
        found.append((frame.f_lineno, sql))
    return execute(sql, params, many, context)

with connection.execute_wrapper(wrapper):
    code.run()
print(json.dumps(found))
"""


def differences(root: Path) -> list[tuple[int, str]]:
    """The statements that ``run`` of ``shop/code.py`` really issues, with their lines, and that the reader does not find there."""
    script = root / "issued.py"
    script.write_text(ISSUED)
    run = subprocess.run([sys.executable, str(script)], cwd=root, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    read_as = [(query.issued.line, query.sql) for query in queries(root, "shop/code.py") if query.sql]
    issued = json.loads(run.stdout)
    assert issued
    return [
        (line, sql) for line, sql in issued if not any(at == line and compare(sql, text).equal for at, text in read_as)
    ]
