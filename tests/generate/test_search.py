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
    told = shop.manage("shell", "-v", "0", "-c", USE, database=database).splitlines()
    assert told == ["['Mountain', 'Sea', 'A day']", "['Sea', 'A day']", "['Mountain', 'Sea'] 0"]
    with psycopg.connect(database) as connection:
        connection.execute("SET enable_seqscan = off")
        plan = connection.execute(
            "EXPLAIN SELECT * FROM shop_entry WHERE search @@ websearch_to_tsquery('english', 'x')"
        ).fetchall()
        assert any("shop_entry_search_idx" in row[0] for row in plan)
    shop.manage("migrate", "shop", "0001", database=database)


def test_what_has_no_words_is_refused(tmp_path: Path) -> None:
    project(tmp_path)
    for columns, words in (
        (("count=A",), "is integer"),
        (("title",), "has no weight"),
        (("tilte=A",), "has no column"),
    ):
        outcome = dbwright("generate", "search", "Entry", *columns, "--yes", folder=tmp_path)
        assert_one_clear_error(outcome)
        assert words in outcome.err
    (tmp_path / "requirements.txt").write_text("Django>=4.2,<5\n")
    assert "has no GeneratedField" in dbwright("generate", "search", "Entry", "title=A", "--yes", folder=tmp_path).err
