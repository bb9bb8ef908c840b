"""Old rows move to the archive or lose what is personal, and nothing is lost on the way."""

from pathlib import Path

import psycopg

from cli import assert_one_clear_error, dbwright
from dbwright.embedded import EmbeddedServer
from fixes.django_shop import Shop

MODELS = """\
from django.db import models


class Visit(models.Model):
    ip = models.GenericIPAddressField(null=True)
    agent = models.TextField()
    email = models.EmailField(null=True)
    code = models.CharField(max_length=20, unique=True)
    at = models.DateTimeField()


class Page(models.Model):
    visit = models.ForeignKey(Visit, models.CASCADE)
    at = models.DateTimeField()
"""
ROWS = """\
INSERT INTO shop_visit (ip, agent, email, code, at)
SELECT CASE n % 3 WHEN 0 THEN NULL WHEN 1 THEN '203.0.113.77'::inet ELSE '2001:db8:1:2::77' END, 'agent ' || n, n || '@example.org', n,
    now() - n * interval '1 day' FROM generate_series(1, 200) n;
INSERT INTO shop_page (visit_id, at) SELECT id, at FROM shop_visit"""


def project(server: EmbeddedServer, folder: Path, name: str) -> tuple[Shop, str]:
    (folder / "home").mkdir()
    shop, database = Shop(folder, MODELS), server.create_database(name)
    shop.manage("migrate", database=database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(ROWS)
    return shop, database


def test_old_rows_are_made_anonymous(server: EmbeddedServer, tmp_path: Path) -> None:
    shop, database = project(server, tmp_path, "retention_anonymous")
    columns = [word for name in ("ip", "agent", "email") for word in ("--anonymise", name)]
    done = dbwright("generate", "retention", "Visit", "--by", "at", *columns, "--batch", "7", "--yes", folder=tmp_path)
    assert done.code == 0, done.err
    assert "No changes" in shop.manage("makemigrations", "--check", "--dry-run", database=database)
    shop.manage("migrate", database=database)
    assert "111 rows to make anonymous" in shop.manage("anonymise_shop_visit", "--dry-run", database=database)
    assert "111 rows made anonymous" in shop.manage("anonymise_shop_visit", database=database)
    assert "0 rows made anonymous" in shop.manage("anonymise_shop_visit", database=database)
    with psycopg.connect(database) as connection:
        old = connection.execute(
            "SELECT DISTINCT ip::text, agent, email FROM shop_visit WHERE at < now() - interval '90 days'"
        ).fetchall()
        assert set(old) == {(None, "", None), ("203.0.113.0/32", "", None), ("2001:db8:1::/128", "", None)}
        new = connection.execute("SELECT count(*) FROM shop_visit WHERE agent <> '' AND email IS NOT NULL").fetchone()
        assert new == (89,)
    read = (
        "from shop.models import Visit;"
        "print(sorted(set(Visit.objects.filter(agent='', ip__isnull=False).values_list('ip', flat=True))))"
    )
    assert "['2001:db8:1::', '203.0.113.0']" in shop.manage("shell", "-c", read, database=database)


def test_old_rows_move_to_the_archive(server: EmbeddedServer, tmp_path: Path) -> None:
    shop, database = project(server, tmp_path, "retention_archive")
    done = dbwright(
        "generate",
        "retention",
        "Page",
        "--by",
        "at",
        "--days",
        "30",
        "--archive",
        "--batch",
        "50",
        "--yes",
        folder=tmp_path,
    )
    assert done.code == 0, done.err
    shop.manage("migrate", database=database)
    shop.manage("migrate", "shop", "0001", database=database)
    shop.manage("migrate", database=database)
    with psycopg.connect(database) as writer:
        writer.execute("UPDATE shop_page SET at = at WHERE id = 200")  # a row in use is left for the next time
        assert "170 rows moved" in shop.manage("archive_shop_page", database=database)
    assert "1 rows moved" in shop.manage("archive_shop_page", database=database)
    with psycopg.connect(database) as connection:
        assert connection.execute(
            "SELECT count(*), max(at) < now() - interval '30 days' FROM archive.shop_page"
        ).fetchone() == (171, True)
        both = "SELECT count(DISTINCT id), count(*) FROM (SELECT id FROM shop_page UNION ALL SELECT id FROM archive.shop_page) p"
        assert connection.execute(both.encode()).fetchone() == (200, 200)


def test_what_cannot_be_moved_or_emptied_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    Shop(tmp_path, MODELS)
    for arguments, words in (
        (("--archive",), "shop_page.visit_id points at shop_visit"),
        (("--anonymise", "code"), "tells rows apart"),
        (("--anonymise", "at"), "must not be NULL"),
        ((), "either moved or made anonymous"),
    ):
        outcome = dbwright("generate", "retention", "Visit", "--by", "at", *arguments, "--yes", folder=tmp_path)
        assert_one_clear_error(outcome)
        assert words in outcome.err
