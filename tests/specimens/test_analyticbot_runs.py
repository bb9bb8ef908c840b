"""The specimen analyticbot works, and its flaws are those of its document.

`test_specimens_run.py` migrates, loads and uses it like every other specimen; here stands what only this one has. The application
runs in processes of its own, because its settings belong to the process.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from dbwright.embedded import EmbeddedServer

SPECIMEN = Path(__file__).parents[2] / "specimens" / "analyticbot"
NOW = "2025-11-25T12:00:00"

# The catalog that a loader must leave as it was.
CATALOG = """
    SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid <> 0
    ORDER BY 1
"""


@dataclass(frozen=True)
class Service:
    """The specimen on one database."""

    conninfo: str
    folder: Path = SPECIMEN

    @property
    def environment(self) -> dict[str, str]:
        parts = conninfo_to_dict(self.conninfo)
        address = f"postgresql://{parts['user']}@/{parts['dbname']}?host={quote(str(parts['host']), safe='')}&port={parts['port']}"
        kept = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
        return {**kept, "DATABASE_URL": address, "PGPASSFILE": str(parts["passfile"])}

    def python(self, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == status, (done.stdout + done.stderr)[-4_000:]
        return done

    def alembic(self, *arguments: str, status: int = 0) -> str:
        """Alembic's own command line, which warns of revisions that are there twice."""
        command = [sys.executable, "-m", "alembic", *arguments]
        environment = self.environment
        environment["DATABASE_URL"] = environment["DATABASE_URL"].replace("postgresql:", "postgresql+asyncpg:")
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == status, (done.stdout + done.stderr)[-4_000:]
        return done.stdout + done.stderr

    def migrate(self) -> None:
        self.python("-m", "analyticbot.migrate")

    def load(self, *options: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        return self.python("-m", "analyticbot.load", "--scale", "0.001", *options, status=status)

    def rows(self, query: str) -> list[tuple]:
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            return connection.execute(query).fetchall()

    def value(self, query: str):
        return self.rows(query)[0][0]


@pytest.fixture(scope="module")
def loaded(server: EmbeddedServer) -> Iterator[Service]:
    """A migrated and loaded service; tests may add to it, not take away."""
    name = "analyticbot_loaded"
    service = Service(server.create_database(name))
    service.migrate()
    service.load()
    yield service
    server.drop_database(name)


@pytest.fixture
def empty(database: str) -> Service:
    return Service(database)


# --- Migrations -------------------------------------------------------------------------------------------------------


def test_the_chain_is_broken_as_the_document_tells(loaded: Service) -> None:
    heads = loaded.alembic("heads")
    assert {"0025b (head)", "0026d (head)", "0031 (head)"} <= set(heads.splitlines())
    assert "Revision 0026 is present more than once" in heads
    assert "Multiple head revisions" in loaded.alembic("upgrade", "head", status=255)


def test_history_cannot_be_told(loaded: Service) -> None:
    assert "overlaps with other requested revisions" in loaded.alembic("history", status=255)


def test_what_is_done_already_cannot_be_applied(loaded: Service) -> None:
    before = loaded.rows(CATALOG)
    assert 'column "is_deleted" of relation "posts" already exists' in loaded.alembic("upgrade", "0026d", status=1)
    assert loaded.rows(CATALOG) == before


def test_what_was_never_applied_makes_a_second_foreign_key_and_then_fails(empty: Service) -> None:
    empty.migrate()
    keys = "SELECT count(*) FROM pg_constraint WHERE conrelid = 'posts'::regclass AND contype = 'f'"
    assert empty.value(keys) == 1
    assert 'relation "mtproto_audit_log" already exists' in empty.alembic("upgrade", "0025b", status=1)
    assert empty.value(keys) == 2


def test_the_repair_of_the_document_leads_to_the_same_schema(loaded: Service, database: str, tmp_path: Path) -> None:
    """Five files archived and 0027 re-parented: history runs clean, and `upgrade head` builds what production has."""
    repaired = Service(database, tmp_path / "analyticbot")
    shutil.copytree(SPECIMEN, repaired.folder)
    versions = repaired.folder / "infra/db/alembic/versions"
    for name in ("0024b_*", "0025b_*", "0026b_*", "0026c_*", "0026d_*"):
        next(versions.glob(name)).unlink()
    wrong = versions / "0027_lateral_join_indexes.py"
    wrong.write_text(wrong.read_text().replace('down_revision = "0026"', 'down_revision = "0025"'))
    assert repaired.alembic("heads") == "0031 (head)\n"
    assert "0025 -> 0027" in repaired.alembic("history")
    repaired.alembic("upgrade", "head")
    assert repaired.rows(CATALOG) == loaded.rows(CATALOG)


def test_the_chain_of_production_can_be_taken_back(empty: Service) -> None:
    empty.migrate()
    before = empty.rows(CATALOG)
    empty.alembic("downgrade", "0027")
    empty.alembic("upgrade", "0031")
    assert empty.rows(CATALOG) == before


# --- The schema -------------------------------------------------------------------------------------------------------


def test_tables_and_indexes_are_as_many_as_in_the_document(loaded: Service) -> None:
    assert loaded.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 39
    assert loaded.value("SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'") == 226
    by_table = dict(loaded.rows("SELECT tablename, count(*) FROM pg_indexes WHERE schemaname = 'public' GROUP BY 1"))
    expected = {"scheduled_posts": 19, "channels": 16, "posts": 12, "users": 9, "deliveries": 9, "post_metrics": 7}
    assert expected.items() <= by_table.items()


def test_every_column_of_the_models_is_in_the_database(loaded: Service) -> None:
    """Indexes differ on purpose: many are made by SQL in migrations and the models do not know them."""
    code = (
        "import json; from analyticbot.models import Base; "
        "print(json.dumps(sorted(f'{t.name}.{c.name} {c.nullable}' for t in Base.metadata.tables.values() for c in t.columns)))"
    )
    declared = json.loads(loaded.python("-c", code).stdout)
    query = """
        SELECT format('%s.%s %s', table_name, column_name, CASE is_nullable WHEN 'YES' THEN 'True' ELSE 'False' END)
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
    """
    assert declared == sorted(column for (column,) in loaded.rows(query))


def test_one_reference_to_channels_restricts_and_the_others_cascade(loaded: Service) -> None:
    query = """
        SELECT confdeltype, array_agg(conrelid::regclass::text) FROM pg_constraint
        WHERE contype = 'f' AND confrelid = 'channels'::regclass GROUP BY 1
    """
    by_rule = dict(loaded.rows(query))
    assert by_rule["r"] == ["scheduled_posts"]
    assert "sent_posts" in by_rule["c"]
    assert len(by_rule["c"]) >= 10


def test_no_index_of_posts_has_channel_and_date_first(loaded: Service) -> None:
    definitions = [text for (text,) in loaded.rows("SELECT indexdef FROM pg_indexes WHERE tablename = 'posts'")]
    assert not [text for text in definitions if re.search(r"\(channel_id, date", text)]
    pending = loaded.rows(
        "SELECT indexdef FROM pg_indexes WHERE tablename = 'scheduled_posts' AND indexdef LIKE '% WHERE %'"
    )
    assert pending == []


def test_the_views_are_stale_and_cannot_be_refreshed_concurrently(loaded: Service) -> None:
    for view, source in (("mv_channel_daily_recent", "channel_daily"), ("mv_post_metrics_recent", "post_metrics")):
        assert loaded.value(f"SELECT count(*) FROM {view}") == 0
        assert loaded.value(f"SELECT count(*) FROM {source}") > 0
        unique = f"SELECT count(*) FROM pg_indexes WHERE tablename = '{view}' AND indexdef LIKE 'CREATE UNIQUE%'"
        assert loaded.value(unique) == 0


def test_columns_of_the_missing_unique_indexes_are_unique(empty: Service) -> None:
    """So that the repair is possible: the views, refreshed, take the unique indexes of the document."""
    empty.migrate()
    empty.load()
    with psycopg.connect(empty.conninfo, autocommit=True) as connection:
        for view, columns in (
            ("mv_channel_daily_recent", "channel_id, metric, day"),
            ("mv_post_metrics_recent", "channel_id, msg_id"),
        ):
            connection.execute(f"REFRESH MATERIALIZED VIEW {view}")
            connection.execute(f"CREATE UNIQUE INDEX ON {view} ({columns})")
            connection.execute(f"REFRESH MATERIALIZED VIEW CONCURRENTLY {view}")
            row = connection.execute(f"SELECT count(*) FROM {view}").fetchone()
            assert row
            assert row[0] > 0


# --- Rows and requests ------------------------------------------------------------------------------------------------


def test_rows_look_like_a_services(loaded: Service) -> None:
    waiting = loaded.value("SELECT avg((status = 'pending')::int)::float FROM scheduled_posts")
    assert 0 < waiting < 0.08
    first, all_of_them = loaded.rows(
        "SELECT max(count), sum(count) FROM (SELECT count(*) FROM posts GROUP BY channel_id) AS by_channel"
    )[0]
    assert first > 0.1 * float(all_of_them)
    assert loaded.value("SELECT max(count) FROM (SELECT count(*) FROM channels GROUP BY user_id) AS by_user") >= 5
    # Otherwise keys drawn by loops of the generator and by the database would meet.
    assert loaded.value("SELECT max(id) FROM scheduled_posts") == loaded.value(
        "SELECT last_value FROM scheduled_posts_id_seq"
    )


def test_every_route_is_asked_for(loaded: Service) -> None:
    code = """
import asyncio, json
from analyticbot.environment import use_async_driver
use_async_driver()
from analyticbot.workload import run
from analyticbot.api.app import app
asked = asyncio.run(run(200, 7, False)).asked
print(json.dumps([sorted(asked), sorted([m.upper(), p] for p, ms in app.openapi()["paths"].items() for m in ms)]))
"""
    asked, routes = json.loads(loaded.python("-c", code).stdout.splitlines()[-1])
    assert len(routes) > 30
    for method, path in routes:
        pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
        assert [1 for m, p in asked if m == method and pattern.fullmatch(p)], f"{method} {path}"


def test_queries_grow_with_the_channels_where_they_should_not_and_nowhere_else(loaded: Service) -> None:
    code = """
import asyncio, json
from analyticbot.environment import use_async_driver
use_async_driver()
import httpx
from sqlalchemy import event
from analyticbot.api.app import app
from analyticbot.bot import handlers
from analyticbot.database import dispose, get_engine
from analyticbot.made_up import FIRST_USER, token_of
async def main():
    asked, counts = [], {}
    event.listen(get_engine().sync_engine, "before_cursor_execute", lambda c, cursor, statement, *rest: asked.append(statement))
    headers = {"Authorization": f"Bearer {token_of(FIRST_USER)}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://x.example", headers=headers) as client:
        channels = (await client.get("/channels")).json()
        for path in ("/channels/dashboard", "/channels/compare", "/channels/digest", "/channels", "/schedule", "/subscriptions"):
            asked.clear()
            assert (await client.get(path)).status_code == 200
            counts[path] = len(asked)
    asked.clear()
    await handlers.last_views(FIRST_USER)
    counts["bot"] = len(asked)
    await dispose()
    print(json.dumps([len(channels), counts]))
asyncio.run(main())
"""
    channels, counts = json.loads(loaded.python("-c", code).stdout)
    assert channels >= 5
    for path, count in counts.items():
        if path in {"/channels/dashboard", "/channels/compare", "bot"}:
            assert count > 5, f"{path}: {count}"
        else:
            # Among them one for the session of the user.
            assert count <= 5, f"{path}: {count}"


def test_a_channel_with_something_scheduled_cannot_be_deleted(loaded: Service) -> None:
    channel = loaded.value("SELECT channel_id FROM scheduled_posts LIMIT 1")
    with pytest.raises(psycopg.IntegrityError, match="scheduled_posts_channel_id_fkey"):
        loaded.rows(f"DELETE FROM channels WHERE id = {channel}")


def test_loading_needs_empty_tables_or_leave_to_empty_them(empty: Service) -> None:
    tables = ("channels", "posts", "post_metrics", "scheduled_posts", "payments")

    def contents() -> list[str]:
        # What the loader wears off afterwards bears the time of the run.
        kept = "to_jsonb(t) - 'updated_at' - 'created_at' - 'last_synced_at'"
        return [
            empty.value(f"SELECT md5(string_agg(v::text, '' ORDER BY v)) FROM (SELECT {kept} AS v FROM {t} t) s")
            for t in tables
        ]

    empty.migrate()
    catalog = empty.rows(CATALOG)
    empty.load("--now", NOW)
    assert empty.rows(CATALOG) == catalog
    first = contents()
    refused = empty.load(status=1)
    assert refused.stderr == "the tables are not empty; --replace empties them first\n"
    empty.load("--replace", "--now", NOW, "--seed", "2")
    assert contents() != first
    empty.load("--replace", "--now", NOW)
    assert contents() == first, "the same seed, scale and moment give the same rows"


def test_the_readme_points_at_the_right_lines() -> None:
    readme = (SPECIMEN / "README.md").read_text()
    references = re.findall(r"`([\w/.]+):(\d+)` `([^`]+)`", readme)
    assert len(references) > 30
    for path, line, text in references:
        assert text in (SPECIMEN / path).read_text().splitlines()[int(line) - 1], f"{path}:{line} does not hold {text}"
    assert re.findall(r"^\| (AB-\d\d) \|", readme, re.MULTILINE) == [f"AB-{number:02}" for number in range(1, 25)]


def test_no_secret_is_a_real_one() -> None:
    """The weak password is the document's; the examples hold placeholders."""
    for file in SPECIMEN.glob(".env*"):
        passwords = re.findall(r"^POSTGRES_PASSWORD=(.*)$", file.read_text(), re.MULTILINE)
        assert (
            passwords == ["change_me"] if file.name == ".env.development" else all(p.startswith("<") for p in passwords)
        )
