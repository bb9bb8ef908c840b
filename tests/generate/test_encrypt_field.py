"""What is encrypted is read as before, by nobody without the key, and comes back."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from cli import assert_one_clear_error, dbwright
from dbwright.embedded import EmbeddedServer
from fixes.django_shop import Shop

MODELS = """\
from django.db import models
from django.db.models import CharField


class Entry(models.Model):
    title = models.CharField(max_length=50)
    token = CharField(
        max_length=40,  # never shown
        default="",
    )
    email = models.EmailField(null=True)
    data = models.JSONField(default=dict)
    code = models.CharField(max_length=20, unique=True)
    mood = models.TextField(db_index=True)
    score = models.IntegerField(default=0)
"""
VIEWS = """\
from django.db.models.functions import Lower

from shop.models import Entry


def titles(request):
    return list(Entry.objects.filter(title__icontains=request.GET["q"]).values_list("email"))


def in_order(request):
    return list(Entry.objects.order_by(Lower("token")))


def moods(request):
    return list(Entry.objects.values_list("data", flat=True).distinct())


def unknown(request):
    return Entry.objects.filter(email__isnull=True).count()
"""
ROWS = """\
INSERT INTO shop_entry (title, token, email, data, code, mood, score)
SELECT 't' || n, 'token ' || n, CASE WHEN n % 2 = 0 THEN n || '@example.org' END, jsonb_build_object('n', n), n, 'm', 0
FROM generate_series(1, 1201) n"""
READ = "from shop.models import Entry; print(sorted(Entry.objects.values_list('pk', 'token', 'email', 'data')))"


def key() -> str:
    made = "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"
    return subprocess.run([sys.executable, "-c", made], capture_output=True, text=True, check=True).stdout.strip()


def project(folder: Path) -> Shop:
    (folder / "home").mkdir()
    return Shop(folder, MODELS)


def test_rows_are_encrypted_rotated_and_decrypted(
    server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, database = project(tmp_path), server.create_database("encrypt_field")
    shop.manage("migrate", database=database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(ROWS)
        before = shop.manage("shell", "-v", "0", "-c", READ, database=database)
        plain = stored(connection)
        backs = []
        for field in ("token", "email", "data"):
            done = dbwright("generate", "encrypt-field", "Entry", field, "--yes", folder=tmp_path)
            assert done.code == 0, done.err
            backs.append(next(line for line in done.err.splitlines() if line.startswith("To take it back: ")))
        assert "max_length=40,  # never shown" in (tmp_path / "shop/models.py").read_text()
        first, second = key(), key()
        monkeypatch.setenv("FIELD_KEYS", first)
        assert "No changes" in shop.manage("makemigrations", "--check", "--dry-run", database=database)
        assert (
            shop.manage("shell", "-v", "0", "-c", READ, database=database) == before
        )  # deployed before it is migrated
        shop.manage("migrate", database=database)
        shop.manage("test", "shop", database=database)
        assert shop.manage("shell", "-v", "0", "-c", READ, database=database) == before
        assert all(
            value is None or value.startswith(("fernet:v1:", '"fernet:v1:'))
            for row in stored(connection)
            for value in row
        )
        monkeypatch.setenv("FIELD_KEYS", f"{second},{first}")
        assert "shop.Entry.email: 600 rows" in shop.manage("rotate_field_keys", database=database)
        monkeypatch.setenv("FIELD_KEYS", second)
        assert shop.manage("shell", "-v", "0", "-c", READ, database=database) == before
        shop.manage("migrate", "shop", "0002", database=database)
        assert stored(connection) == plain
        write = "from shop.models import Entry; Entry.objects.filter(pk=1).update(token='late')"
        shop.manage("shell", "-v", "0", "-c", write, database=database)
        with pytest.raises(AssertionError, match=r"1 rows of .* were written encrypted meanwhile"):
            shop.manage("migrate", *backs[0].split()[7:9], database=database)
        shop.manage("migrate", "shop", "0003", database=database)
        shop.manage("migrate", *backs[0].split()[7:9], database=database)
        assert stored(connection) == [("late", *plain[0][1:]), *plain[1:]]


def stored(connection: psycopg.Connection[tuple[str | None, ...]]) -> list[tuple[str | None, ...]]:
    return connection.execute("SELECT token, email, data::text FROM shop_entry ORDER BY id").fetchall()


def test_what_the_database_compares_stays_plain(tmp_path: Path) -> None:
    project(tmp_path).write({"shop/views.py": VIEWS})
    for field, reason in (
        ("title", "shop/views.py:7"),
        ("token", "shop/views.py:11"),
        ("data", "shop/views.py:15"),
        ("code", "unique"),
        ("mood", "has an index"),
        ("score", "is a IntegerField"),
        ("id", "is a BigAutoField"),
    ):
        outcome = dbwright("generate", "encrypt-field", "Entry", field, "--yes", folder=tmp_path)
        assert_one_clear_error(outcome)
        assert reason in outcome.err
    outcome = dbwright("generate", "encrypt-field", "Entry", "email", "--variable", "my key", "--yes", folder=tmp_path)
    assert_one_clear_error(outcome)
    assert not (tmp_path / "shop/encrypted_fields.py").exists()
