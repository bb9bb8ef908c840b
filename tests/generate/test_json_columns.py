"""Keys of a JSON column are columns that the database keeps."""

from pathlib import Path

import psycopg
import pytest

from cli import assert_one_clear_error, dbwright
from dbwright.embedded import EmbeddedServer
from fixes.django_shop import Shop
from generate.test_search import MODELS, project

USE = """
from shop.models import Entry
e = Entry.objects.create(title="new", data={"score": 7, "Mood": "good", "done": True})
print([(o.data_score, o.data_mood, o.data_done) for o in Entry.objects.order_by("-data_score")])
Entry.objects.filter(pk=e.pk).update(data={"score": 1})
print(list(Entry.objects.filter(data_score__lt=5, data_mood=None).values_list("title", flat=True)))
"""
KEYS = ("score=integer", "Mood=text", "done=boolean")


def test_the_database_keeps_them(server: EmbeddedServer, tmp_path: Path) -> None:
    shop, database = project(tmp_path), server.create_database("json_columns")
    shop.manage("migrate", database=database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            """INSERT INTO shop_entry (title, data, count) VALUES ('old', '{"score": "3", "Mood": "bad"}', 0)"""
        )
    done = dbwright("generate", "json-columns", "Entry", "data", *KEYS, "--yes", folder=tmp_path)
    assert done.code == 0, done.err
    assert "No changes" in shop.manage("makemigrations", "--check", "--dry-run", database=database)
    shop.manage("migrate", database=database)
    assert shop.manage("shell", "-v", "0", "-c", USE, database=database).splitlines() == [
        "[(7, 'good', True), (3, 'bad', None)]",
        "['new']",
    ]
    shop.manage("migrate", "shop", "0001", database=database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("""INSERT INTO shop_entry (title, data, count) VALUES ('odd', '{"score": "many"}', 0)""")
    with pytest.raises(AssertionError, match="invalid input syntax for type integer"):
        shop.manage("migrate", database=database)


def test_what_makes_no_column_is_refused(tmp_path: Path) -> None:
    project(tmp_path)
    for arguments, words in (
        (("title", "a=text"), "is varchar(100)"),
        (("data", "a=timestamp"), "makes no column"),
        (("data", "a b=text"), "makes no column"),
        (("data", "score"), "makes no column"),
    ):
        outcome = dbwright("generate", "json-columns", "Entry", *arguments, "--yes", folder=tmp_path)
        assert_one_clear_error(outcome)
        assert words in outcome.err
    (tmp_path / "requirements.txt").write_text("Django>=4.2,<5\n")
    outcome = dbwright("generate", "json-columns", "Entry", "data", "score=integer", "--yes", folder=tmp_path)
    assert "has no GeneratedField" in outcome.err


def test_sqlite_keeps_them_as_well(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    shop, file = Shop(tmp_path, MODELS), tmp_path / "db.sqlite3"
    outcome = dbwright("generate", "json-columns", "Entry", "data", *KEYS, "--yes", folder=tmp_path)
    assert_one_clear_error(outcome)
    assert "done=boolean would always be false" in outcome.err
    done = dbwright("generate", "json-columns", "Entry", "data", *KEYS[:2], "--yes", folder=tmp_path)
    assert done.code == 0, done.err
    shop.manage("migrate", database=None, sqlite=file)
    use = USE.replace(", o.data_done", "")
    assert shop.manage("shell", "-v", "0", "-c", use, database=None, sqlite=file).splitlines() == [
        "[(7, 'good')]",
        "['new']",
    ]
