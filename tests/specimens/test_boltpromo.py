"""The specimen boltpromo works: on SQLite and on PostgreSQL, with its skew and with its flaws.

Django runs in processes of its own, because its settings belong to the process.
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

SPECIMEN = Path(__file__).parents[2] / "specimens" / "boltpromo"
BACKEND = SPECIMEN / "backend"
NOW = "2025-10-06T12:00:00"

MODELS = {
    "PromoCode",
    "Store",
    "Category",
    "Banner",
    "Showcase",
    "ShowcaseItem",
    "StaticPage",
    "Partner",
    "SiteAssets",
    "SiteSettings",
    "ContactMessage",
    "Event",
    "DailyAgg",
    "AdminActionLog",
}

# Section 2.1 of the report, by table.
INDEXES = {
    "core_promocode": {
        "core_promoc_is_acti_84a1fe_idx": ["is_active", "expires_at"],
        "core_promoc_store_i_9c4140_idx": ["store_id", "is_active"],
        "core_promoc_is_hot_58531e_idx": ["is_hot", "is_active"],
        "core_promoc_created_374846_idx": ["created_at DESC"],
        "core_promoc_hot_rec_created_idx": ["is_hot", "is_recommended", "created_at DESC"],
        "core_promoc_active_exp_created_idx": ["is_active", "expires_at", "created_at DESC"],
    },
    "core_event": {
        "core_event_event_t_0f2b1b_idx": ["event_type", "created_at"],
        "core_event_promo_i_2937fb_idx": ["promo_id", "event_type"],
        "core_event_store_i_b0fba7_idx": ["store_id", "event_type"],
        "core_event_created_at_eacf2836": ["created_at"],
    },
    "core_dailyagg": {
        "core_dailya_date_6661f8_idx": ["date", "event_type"],
        "core_dailya_promo_date_type_idx": ["promo_id", "date", "event_type"],
    },
}


@dataclass(frozen=True)
class Site:
    """The specimen on one database."""

    environment: dict[str, str]
    connect: Callable[[], sqlite3.Connection | psycopg.Connection]

    def manage(self, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **self.environment}
        command = [sys.executable, "-W", "error", "manage.py", *arguments]
        done = subprocess.run(command, cwd=BACKEND, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def call(self, *commands: str) -> str:
        """Run several commands in one process, which is faster than one each."""
        code = "; ".join(["from django.core.management import call_command", *(f"call_command({c})" for c in commands)])
        return self.manage("shell", "--verbosity", "0", "--command", code).stdout

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
    names = {
        "host": "DB_HOST",
        "port": "DB_PORT",
        "dbname": "DB_NAME",
        "user": "DB_USER",
        "password": "DB_PASSWORD",
        "passfile": "PGPASSFILE",
    }
    values = conninfo_to_dict(conninfo)
    environment = {names[key]: str(value) for key, value in values.items() if key in names}
    return Site(environment, lambda: psycopg.connect(conninfo))


@pytest.fixture(scope="module")
def loaded_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return filled(on_sqlite(tmp_path_factory.mktemp("boltpromo") / "db.sqlite3"))


@pytest.fixture(scope="module")
def loaded_postgresql(server: EmbeddedServer) -> Iterator[Site]:
    name = "boltpromo_loaded"
    yield filled(on_postgresql(server.create_database(name)))
    server.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def loaded(request: pytest.FixtureRequest) -> Site:
    """A migrated site with a few rows; tests may add to it, not take away."""
    return request.getfixturevalue(f"loaded_{request.param}")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    """A site of this test's own on a database without tables."""
    if request.param == "sqlite":
        return on_sqlite(tmp_path / "db.sqlite3")
    return on_postgresql(request.getfixturevalue("database"))


def filled(site: Site) -> Site:
    site.call("'migrate', verbosity=0", "'load_specimen', scale='0.002'")
    return site


def test_all_migrations_apply_and_can_be_taken_back(empty: Site) -> None:
    empty.manage("migrate", "--verbosity", "0")
    applied = empty.rows("SELECT name FROM django_migrations WHERE app = 'core' ORDER BY name")
    assert [name[:4] for (name,) in applied] == [f"{number:04}" for number in range(1, 17)]

    back_and_forth = empty.call("'migrate', 'core', 'zero', verbosity=1", "'migrate', verbosity=1")
    assert back_and_forth.count("Unapplying core.") == back_and_forth.count(" Applying core.") == 16
    assert empty.value("SELECT count(*) FROM django_migrations WHERE app = 'core'") == 16


def test_models_and_migrations_agree(loaded: Site) -> None:
    loaded.manage("makemigrations", "--check", "--dry-run")


def test_the_models_are_the_fourteen_of_the_report(loaded_sqlite: Site) -> None:
    code = (
        "import json; from django.apps import apps; "
        "print(json.dumps({m.__name__: m._meta.db_table for m in apps.get_app_config('core').get_models()}))"
    )
    tables = json.loads(loaded_sqlite.manage("shell", "--verbosity", "0", "--command", code).stdout)
    assert tables == {name: f"core_{name.lower()}" for name in MODELS}


def test_the_indexes_on_postgresql_are_those_of_the_report(loaded_postgresql: Site) -> None:
    found: dict[str, dict[str, list[str]]] = {}
    query = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    for table, name, definition in loaded_postgresql.rows(query):
        columns = re.search(r"USING btree \((.*)\)$", definition)
        assert columns
        found.setdefault(table, {})[name] = columns[1].split(", ")

    for table, expected in INDEXES.items():
        assert expected.items() <= found[table].items()
    # The flaws: nothing but keys.
    assert set(found["core_contactmessage"]) == {"core_contactmessage_pkey"}
    assert sorted(found["core_store"].values()) == [["id"], ["slug"], ["slug varchar_pattern_ops"]]
    assert sorted(found["core_category"].values()) == [["id"], ["slug"], ["slug varchar_pattern_ops"]]


def test_the_indexes_on_sqlite_are_those_of_the_report(loaded_sqlite: Site) -> None:
    names = {name for (name,) in loaded_sqlite.rows("SELECT name FROM sqlite_master WHERE type = 'index'")}
    assert {name for indexes in INDEXES.values() for name in indexes} <= names
    assert {"sqlite_autoindex_core_store_1", "sqlite_autoindex_core_category_1"} <= names


def test_no_check_constraint_is_declared(loaded_postgresql: Site) -> None:
    """What is left are those that Django makes for its positive integers."""
    query = """
        SELECT DISTINCT pg_get_constraintdef(oid) FROM pg_constraint
        WHERE contype = 'c' AND conrelid::regclass::text LIKE 'core%'
    """
    checks = {check for (check,) in loaded_postgresql.rows(query)}
    assert "CHECK ((discount_value >= 0))" in checks
    assert all(re.fullmatch(r'CHECK \(\("?\w+"? >= 0\)\)', check) for check in checks), checks


def test_few_promo_codes_get_most_events(loaded: Site) -> None:
    counts = [
        count
        for (count,) in loaded.rows(
            "SELECT count(*) FROM core_event WHERE promo_id IS NOT NULL GROUP BY promo_id ORDER BY 1 DESC"
        )
    ]
    top = loaded.value("SELECT count(*) FROM core_promocode") // 100
    assert top
    assert sum(counts[:top]) > 0.2 * sum(counts)


def test_rows_look_like_a_sites(loaded: Site) -> None:
    events = loaded.value("SELECT count(*) FROM core_event")
    unique = loaded.value("SELECT count(*) FROM core_event WHERE is_unique")
    assert 0.07 < unique / events < 0.13
    spam = loaded.value("SELECT count(*) FROM core_contactmessage WHERE is_spam")
    assert spam > loaded.value("SELECT count(*) FROM core_contactmessage WHERE NOT is_spam")
    for table in ("core_dailyagg", "core_adminactionlog", "core_promocode_categories", "core_showcaseitem"):
        assert loaded.value(f"SELECT count(*) FROM {table}")
    # Without rows of the last week there would be nothing to order by popularity.
    last_week = "SELECT count(*) FROM core_dailyagg WHERE event_type IN ('click', 'copy') AND date > "
    newest = "(SELECT max(date) FROM core_dailyagg)"
    on_sqlite = "SQLITE_PATH" in loaded.environment
    assert loaded.value(last_week + (f"date({newest}, '-7 days')" if on_sqlite else f"{newest} - 7"))


def test_the_planner_knows_the_rows(loaded_postgresql: Site) -> None:
    estimate = loaded_postgresql.value("SELECT reltuples FROM pg_class WHERE oid = 'core_event'::regclass")
    assert estimate == pytest.approx(2_000, rel=0.05)


def test_the_workload_meets_no_error(loaded: Site) -> None:
    messages = "SELECT count(*) FROM core_contactmessage"
    before = loaded.value(messages)
    done = loaded.manage("run_workload", "--requests", "60", "--seed", "3")
    assert re.fullmatch(r"requests=60 seconds=\d+\.\d\d errors=0\n", done.stdout)
    assert done.stderr == ""
    assert loaded.value(messages) > before


def test_the_aggregation_repeats_a_day_without_doubling_it(loaded: Site) -> None:
    day = str(loaded.value("SELECT min(date) FROM core_dailyagg WHERE date > (SELECT min(date) FROM core_dailyagg)"))
    total = f"SELECT sum(count), sum(unique_count), count(*) FROM core_dailyagg WHERE date = '{day}'"
    before = loaded.rows(total)
    loaded.manage("aggregate_events", "--day", day)
    assert loaded.rows(total) == before


def test_loading_needs_empty_tables_or_leave_to_empty_them(empty: Site) -> None:
    tables = ("core_store", "core_promocode", "core_event", "core_dailyagg", "core_contactmessage")

    def contents() -> list[list[tuple]]:
        return [empty.rows(f"SELECT * FROM {table} ORDER BY id") for table in tables]

    options = f"scale='0.001', now='{NOW}'"
    empty.call("'migrate', verbosity=0", f"'load_specimen', {options}")
    first = contents()
    refused = empty.manage("load_specimen", status=1)
    assert refused.stderr == "CommandError: the tables are not empty; --replace empties them first\n"

    empty.call(f"'load_specimen', {options}, seed=2, replace=True")
    assert contents() != first
    empty.call(f"'load_specimen', {options}, replace=True")
    assert contents() == first, "the same seed, scale and moment give the same rows"


def test_loading_leaves_indexes_and_constraints_as_they_were(database: str) -> None:
    site = on_postgresql(database)
    catalog = """
        SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL
        SELECT contype::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid <> 0
        ORDER BY 1, 2, 3
    """
    site.manage("migrate", "--verbosity", "0")
    before = site.rows(catalog)
    site.manage("load_specimen", "--scale", "0.001")
    assert site.rows(catalog) == before


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--scale", "large", "--scale is a number or one of small, not 'large'"),
        ("--now", "yesterday", "--now is a date and time like 2025-10-06T12:00, not 'yesterday'"),
    ],
)
def test_wrong_options_are_answered_in_one_line(tmp_path: Path, option: str, value: str, message: str) -> None:
    refused = on_sqlite(tmp_path / "db.sqlite3").manage("load_specimen", option, value, status=1)
    assert refused.stderr == f"CommandError: {message}\n"


def test_the_workload_wants_rows_first(tmp_path: Path) -> None:
    site = on_sqlite(tmp_path / "db.sqlite3")
    site.manage("migrate", "--verbosity", "0")
    refused = site.manage("run_workload", status=1)
    assert refused.stderr == "CommandError: there is nothing to look at; run load_specimen first\n"


def test_the_readme_points_at_the_right_lines() -> None:
    readme = (SPECIMEN / "README.md").read_text()
    references = re.findall(r"`([\w/]+\.py):(\d+)` `([^`]+)`", readme)
    assert len(references) > 50
    for path, line, text in references:
        assert text in (BACKEND / path).read_text().splitlines()[int(line) - 1], f"{path}:{line} does not hold {text}"
    assert re.findall(r"^\| (BP-\d\d) \|", readme, re.MULTILINE) == [f"BP-{number:02}" for number in range(1, 41)]


def test_the_example_environment_holds_no_secret() -> None:
    variables = dict(
        line.split("=", 1) for line in (SPECIMEN / ".env.example").read_text().splitlines() if re.match(r"[A-Z]", line)
    )
    for name in ("DB_PASSWORD", "DJANGO_SECRET_KEY"):
        assert re.fullmatch(r"<.*>", variables[name])
