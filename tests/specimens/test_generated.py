"""The generators that the specimens' documents ask for, taken through them: migrated with rows, used, tested, taken back."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from cli import dbwright
from dbwright.embedded import EmbeddedServer
from specimens.test_specimens_run import LAST_LINE, SPECIMENS, Running, described

KEY = "Zm9yIHRlc3RzIG9mIGRid3JpZ2h0IG9ubHksIDMyIEI="
"""A key of Fernet: 32 bytes in base64."""
ASKED: dict[str, tuple[Sequence[str], ...]] = {
    "boltpromo": (
        ("search", "PromoCode", "title=A", "description=B"),  # BP-20
        ("partition", "Event", "--by", "created_at", "--extend-key"),  # BP-23
        ("retention", "Event", "--by", "created_at", "--days", "30", "--anonymise", "client_ip"),  # BP-33
    ),
    "chapters": (
        ("soft-delete", "Announcement"),  # CH-12
        ("audit-trail", "Payment"),  # CH-13
        ("json-columns", "MonthlyReport", "data", "score=integer"),  # CH-06
    ),
    "daylog": (
        ("soft-delete", "JournalEntry"),  # DL-07
        ("row-security", "JournalEntry", "Reminder", "--by", "user_id"),  # DL-08
        ("encrypt-field", "Integration", "access_token"),  # DL-09
        ("audit-trail", "Comment"),  # DL-10
    ),
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path


def copied(name: str, folder: Path, server: EmbeddedServer) -> Running:
    shutil.copytree(SPECIMENS / name, folder / name)
    inner, commands = described(name)
    running = Running(
        name,
        folder / name / inner.relative_to(SPECIMENS / name),
        dict(commands),
        server.create_database(f"generated_{name}"),
        {"FIELD_KEYS": KEY},
    )
    running.run("migrate")
    running.run("load")
    return running


def tables(conninfo: str) -> set[tuple[str, str]]:
    with psycopg.connect(conninfo) as connection:
        return set(
            connection.execute(
                "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' UNION ALL"
                " SELECT attrelid::regclass::text, attname || ' ' || atttypid::regtype FROM pg_attribute JOIN pg_class c"
                " ON c.oid = attrelid WHERE attnum > 0 AND NOT attisdropped AND relnamespace = 'public'::regnamespace AND relkind = 'r'"
            ).fetchall()
        )


def require_no_failure(running: Running) -> None:
    """The specimen's own tests pass, but for those that count statements: middleware that is generated sends some for each request."""
    try:
        running.run("tests")
    except AssertionError as error:
        told = str(error)
        assert "ERROR:" not in told
        assert told.count("FAIL:") == told.count(" queries executed, ") > 0, told


@pytest.mark.parametrize("name", ASKED)
def test_the_application_goes_on(name: str, server: EmbeddedServer, home: Path) -> None:
    running = copied(name, home, server)
    before = tables(running.conninfo)
    backs = []
    for words in ASKED[name]:
        done = dbwright("generate", *words, "--project", str(home / name), "--yes", folder=home)
        assert done.code == 0, done.err
        backs.append(done.err.rpartition("To take it back: ")[2])
    manage = ["python", "manage.py"]
    running.commands["check"] = [[*manage, "makemigrations", "--check", "--dry-run"]]
    assert running.run("check").strip() == "No changes detected"
    running.run("migrate")
    assert tables(running.conninfo) != before
    assert LAST_LINE.search(running.run("workload"))
    require_no_failure(running)
    named = [re.search(r"manage\.py (migrate \w+ \w+)", back) for back in backs]
    running.commands["back"] = [[*manage, *found[1].split()] for found in reversed(named) if found]
    assert running.commands["back"]
    running.run("back")
    assert tables(running.conninfo) == before
    server.drop_database(f"generated_{name}")


def test_histories_are_mended_before_anything_follows_them(server: EmbeddedServer, home: Path) -> None:
    running = copied("analyticbot", home, server)
    project = ("--project", str(home / "analyticbot"))
    refused = dbwright("generate", "audit-trail", "users", *project, "--yes", folder=home)
    assert "migrations/duplicate-revision" in refused.err
    mended = dbwright("fix", "migrations/duplicate-revision", "--no-db", *project, "--yes", folder=home)
    assert mended.code == 0, mended.err
    done = dbwright("generate", "audit-trail", "users", *project, "--yes", folder=home)
    assert done.code == 0, done.err
    running.commands["upgrade"] = [["python", "-m", "alembic", "upgrade", "head"]]
    running.run("upgrade")
    with psycopg.connect(running.conninfo, autocommit=True) as connection:
        connection.execute("UPDATE users SET id = id WHERE false")
        assert connection.execute("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'users'::regclass").fetchone() != (
            0,
        )
    assert LAST_LINE.search(running.run("workload"))
    server.drop_database("generated_analyticbot")
