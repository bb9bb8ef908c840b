"""Words are found by weight, and the database keeps them whatever writes."""

from pathlib import Path
from textwrap import dedent

import psycopg

from cli import assert_one_clear_error, dbwright
from dbwright.embedded import EmbeddedServer
from fixes.django_shop import Shop

MODELS = """\
from django.db import models


class Entry(models.Model):
    title = models.CharField(max_length=100)
    body = models.TextField(blank=True, null=True)
    data = models.JSONField(default=dict)
    count = models.IntegerField(default=0)

    def __str__(self):
        return self.title
"""
USE = """
from shop.models import Entry
from shop.search import search
Entry.objects.bulk_create([Entry(title="A day", body="mountains and running"), Entry(title="Mountain", body=None)])
Entry.objects.create(title="Sea", data={"text": "ran"})
Entry.objects.filter(title="Sea").update(body="no mountains")
print([str(e) for e in search(Entry.objects.all(), "mountain")])
print([str(e) for e in search(Entry.objects.all(), '"mountains and running" or sea')])
print(sorted(str(e) for e in search(Entry.objects.all(), "mountain -running")), search(Entry.objects.all(), "'; (").count())
"""
PLAN = """
from django.db import connection
connection.cursor().execute("SET enable_seqscan = off")
print(search(Entry.objects.filter(count=0), "mountain").explain())
"""


def project(folder: Path) -> Shop:
    """A project that runs on PostgreSQL everywhere."""
    (folder / "home").mkdir()
    shop = Shop(folder, MODELS)
    settings = folder / "config/settings.py"
    before, _, rest = settings.read_text().partition('if os.environ.get("SQLITE"):\n')
    _, _, postgresql = rest.partition("else:\n")
    settings.write_text(before + dedent(postgresql))
    return shop


def test_words_are_found_by_weight(server: EmbeddedServer, tmp_path: Path) -> None:
    shop, database = project(tmp_path), server.create_database("search")
    shop.manage("migrate", database=database)
    done = dbwright("generate", "search", "Entry", "title=A", "body=B", "data=C", "--yes", folder=tmp_path)
    assert done.code == 0, done.err
    assert "No changes" in shop.manage("makemigrations", "--check", "--dry-run", database=database)
    shop.manage("migrate", database=database)
    told = shop.manage("shell", "-v", "0", "-c", USE + PLAN, database=database).splitlines()
    assert told[:3] == ["['Mountain', 'Sea', 'A day']", "['Sea', 'A day']", "['Mountain', 'Sea'] 0"]
    assert any("Bitmap Index Scan on shop_entry_words_idx" in line for line in told[3:]), told
    shop.manage("migrate", "shop", "0001", database=database)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT to_regclass('shop_entry_words_idx')").fetchone() == (None,)


def test_a_project_on_sqlite_searches_there_as_well(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    shop, file = Shop(tmp_path, MODELS), tmp_path / "db.sqlite3"
    done = dbwright("generate", "search", "Entry", "title=A", "body=B", "data=C", "--yes", folder=tmp_path)
    assert done.code == 0, done.err
    shop.manage("migrate", database=None, sqlite=file)
    told = shop.manage("shell", "-v", "0", "-c", USE, database=None, sqlite=file).splitlines()
    assert told[0] == "['Sea', 'Mountain', 'A day']"


def test_what_has_no_words_is_refused(tmp_path: Path) -> None:
    project(tmp_path)
    for columns, words in (
        (("count=A",), "is integer"),
        (("title",), "has no weight"),
        (("tilte=A",), "has no column"),
        (("title=A", "--language", "x'y"), "is no name of a configuration"),
    ):
        outcome = dbwright("generate", "search", "Entry", *columns, "--yes", folder=tmp_path)
        assert_one_clear_error(outcome)
        assert words in outcome.err
