"""The specimen wellbeing works on SQLite too, where it lives in production, and its flaws are those of its document.

`test_specimens_run.py` migrates, loads and uses it on PostgreSQL like every other specimen; here stands what only this one has.
"""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from dbwright.embedded import EmbeddedServer

SPECIMEN = Path(__file__).parents[2] / "specimens" / "wellbeing"
NOW = "2025-08-04T12:00:00"

# Tables of the report, each with what its indexes begin with: the database of the document, before anything is repaired.
INDEXES = {
    "core_message": {("id",), ("user_hash",), ("channel_id",), ("channel_id", "external_id")},
    "core_channel": {("id",), ("team_id",)},
    "core_wellbeingaggregate": {("id",), ("team_id",)},
}


@dataclass(frozen=True)
class Site:
    """The specimen on one database."""

    environment: dict[str, str]
    connect: Callable[[], sqlite3.Connection | psycopg.Connection]

    def manage(self, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **self.environment}
        command = [sys.executable, "-W", "error", "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=SPECIMEN / "backend", env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == status, (done.stdout + done.stderr)[-4_000:]
        return done

    def load(self, *options: str) -> None:
        self.manage("load_specimen", "--scale", "0.001", "--now", NOW, *options)

    def rows(self, query: str) -> list[tuple]:
        connection = self.connect()
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def value(self, query: str):
        return self.rows(query)[0][0]


def on_sqlite(path: Path) -> Site:
    return Site({"SQLITE_PATH": str(path)}, lambda: sqlite3.connect(path))


def on_postgresql(conninfo: str) -> Site:
    parts = conninfo_to_dict(conninfo)
    names = {"host": "DB_HOST", "port": "DB_PORT", "dbname": "DB_NAME", "user": "DB_USER", "passfile": "PGPASSFILE"}
    environment = {names[key]: str(value) for key, value in parts.items() if key in names}
    return Site(environment, lambda: psycopg.connect(conninfo))


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = on_sqlite(tmp_path_factory.mktemp("wellbeing") / "db.sqlite3")
    site.manage("migrate", "--verbosity", "0")
    site.load()
    return site


@pytest.fixture(scope="module")
def postgresql(server: EmbeddedServer) -> Iterator[Site]:
    name = "wellbeing_loaded"
    site = on_postgresql(server.create_database(name))
    site.manage("migrate", "--verbosity", "0")
    site.load()
    yield site
    server.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def loaded(request: pytest.FixtureRequest) -> Site:
    """A migrated site with a few rows; tests may not change them."""
    return request.getfixturevalue(request.param)


def test_models_and_migrations_agree(loaded: Site) -> None:
    loaded.manage("makemigrations", "--check", "--dry-run")


def test_production_is_on_sqlite() -> None:
    site = on_sqlite(Path("/data/db.sqlite3"))
    code = "from django.conf import settings; print(settings.DATABASES['default']['ENGINE'])"
    production = Site(site.environment | {"DJANGO_ENV": "production"}, site.connect)
    assert production.manage("shell", "--verbosity", "0", "--command", code).stdout == "django.db.backends.sqlite3\n"


def test_tables_have_the_indexes_of_the_document_and_no_others(postgresql: Site) -> None:
    found: dict[str, list[tuple[str, ...]]] = {}
    for table, definition in postgresql.rows("SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'"):
        match = re.search(r"USING btree \((.*?)\)(?: WHERE .*)?$", definition)
        assert match
        found.setdefault(table, []).append(tuple(match[1].split(", ")))
    for table, expected in INDEXES.items():
        assert set(found[table]) == expected, table
    assert sorted(found["core_messageanalysis"]) == [("id",), ("message_id",), ("message_id",)], "one of them too many"


def test_channels_are_there_twice_with_messages_on_both_sides(loaded: Site) -> None:
    pairs = "SELECT type, external_id FROM core_channel GROUP BY type, external_id HAVING count(*) > 1"
    assert len(loaded.rows(pairs)) >= 2
    written = f"""
        SELECT count(*) FROM core_channel c
        WHERE (type, external_id) IN ({pairs}) AND EXISTS (SELECT 1 FROM core_message m WHERE m.channel_id = c.id)
    """
    assert loaded.value(written) >= 3


def test_the_constraint_cannot_be_made_before_they_are_merged(postgresql: Site) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        postgresql.rows("CREATE UNIQUE INDEX ON core_channel (type, external_id)")


def test_rows_look_like_a_companys(loaded: Site) -> None:
    messages = loaded.value("SELECT count(*) FROM core_message")
    assert 0 < loaded.value("SELECT count(*) FROM core_message WHERE processing_status = 'pending'") < 0.02 * messages
    counts = [count for (count,) in loaded.rows("SELECT count(*) FROM core_message GROUP BY user_hash ORDER BY 1 DESC")]
    assert counts[0] > 0.1 * messages
    stressed = loaded.value("SELECT count(*) FROM core_messageanalysis WHERE stress = 'high'")
    assert 0.01 * messages < stressed < 0.2 * messages
    assert {period for (period,) in loaded.rows("SELECT DISTINCT period_type FROM core_wellbeingaggregate")} == {
        "daily",
        "weekly",
    }


def test_both_engines_get_the_same_rows(sqlite: Site, postgresql: Site) -> None:
    """So that a move from one to the other can be compared row by row."""
    query = "SELECT id, channel_id, content, char_count, processing_status FROM core_message ORDER BY id"
    assert sqlite.rows(query) == postgresql.rows(query)
    hashes = "SELECT replace(CAST(user_hash AS varchar(40)), '-', '') FROM core_message ORDER BY id"
    assert sqlite.rows(hashes) == postgresql.rows(hashes)


def test_the_workload_meets_no_error_on_sqlite(tmp_path: Path) -> None:
    site = on_sqlite(tmp_path / "db.sqlite3")
    site.manage("migrate", "--verbosity", "0")
    site.manage("load_specimen", "--scale", "0.001")
    done = site.manage("run_workload", "--requests", "60", "--seed", "3")
    assert re.fullmatch(r"requests=60 seconds=\d+\.\d\d errors=0\n", done.stdout)
    assert done.stderr == ""
    assert re.fullmatch(r"analyzed=\d+\n", site.manage("analyze_pending").stdout)
    assert re.fullmatch(r"day=\S+ aggregates=\d+ alerts=\d+\n", site.manage("aggregate_wellbeing").stdout)


def test_every_path_is_asked_for(tmp_path: Path) -> None:
    site = on_sqlite(tmp_path / "db.sqlite3")
    site.manage("migrate", "--verbosity", "0")
    site.manage("load_specimen", "--scale", "0.001")
    code = """
import json, random
from django.urls import resolve
from django.test import Client
from core import urls
from core.management.commands.run_workload import Command, Site, Visitors
asked = set()
class Watching(Client):
    def generic(self, method, path, *args, **kwargs):
        asked.add(resolve(path).func.__name__)
        return super().generic(method, path, *args, **kwargs)
visitors = Visitors(Site.look(), random.Random(2), Watching(SERVER_NAME='localhost'), Command.client(staff=True))
visitors.run(60)
assert not visitors.errors, visitors.errors
print(json.dumps(sorted({p.callback.__name__ for p in urls.urlpatterns} - asked)))
"""
    assert json.loads(site.manage("shell", "--verbosity", "0", "--command", code).stdout) == []


def test_queries_grow_with_the_rows_where_they_should_not_and_nowhere_else(postgresql: Site) -> None:
    code = """
import json
from django.db import connection
from django.test.utils import CaptureQueriesContext
from core.management.commands.run_workload import Command
counts = {}
for path, client in (
    *((f"/api/{path}/", Command.client()) for path in (
        "messages/recent", "messages/feed", "analyses/stressful", "channels", "channels/list", "teams", "alerts")),
    *((f"/admin/core/{path}/", Command.client(staff=True)) for path in ("messageanalysis", "channel", "alert", "alertrule")),
):
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    counts[path] = len(queries)
print(json.dumps(counts))
"""
    counts = json.loads(postgresql.manage("shell", "--verbosity", "0", "--command", code).stdout)
    many = {"/api/messages/recent/", "/api/analyses/stressful/", "/api/channels/", "/admin/core/messageanalysis/"}
    for path, count in counts.items():
        assert (count > 40) == (path in many), f"{path}: {count}"
        assert count > 40 or count <= 8, f"{path}: {count}"


def test_loading_needs_empty_tables_or_leave_to_empty_them(tmp_path: Path) -> None:
    site = on_sqlite(tmp_path / "db.sqlite3")
    tables = ("core_channel", "core_message", "core_messageanalysis", "core_wellbeingaggregate", "core_surveyresponse")

    def contents() -> list[list[tuple]]:
        return [site.rows(f"SELECT * FROM {table} ORDER BY id") for table in tables]

    site.manage("migrate", "--verbosity", "0")
    site.load()
    first = contents()
    refused = site.manage("load_specimen", status=1)
    assert refused.stderr == "CommandError: the tables are not empty; --replace empties them first\n"
    site.load("--replace", "--seed", "2")
    assert contents() != first
    site.load("--replace")
    assert contents() == first, "the same seed, scale and moment give the same rows"


def test_the_readme_points_at_the_right_lines() -> None:
    readme = (SPECIMEN / "README.md").read_text()
    references = re.findall(r"`([\w/.-]+):(\d+)` `([^`]+)`", readme)
    assert len(references) > 25
    for path, line, text in references:
        assert text in (SPECIMEN / path).read_text().splitlines()[int(line) - 1], f"{path}:{line} does not hold {text}"
    assert re.findall(r"^\| (WB-\d\d) \|", readme, re.MULTILINE) == [f"WB-{number:02}" for number in range(1, 13)]


def test_the_example_environment_holds_no_secret() -> None:
    example = (SPECIMEN / ".env.example").read_text()
    for name in ("DJANGO_SECRET_KEY", "INGEST_KEY", "DB_PASSWORD"):
        assert re.search(rf"^(# )?{name}=<.*>$", example, re.MULTILINE)
