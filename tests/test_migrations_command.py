"""``dbwright migrations`` and the rules on what a database has recorded, on real databases of Django and Alembic."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cli import assert_one_clear_error, dbwright
from dbwright.model.migration_samples import SIZE, SIZED, shop

INDEX = 'migrations.AddIndex("order", models.Index(fields=["note"], name="order_note"))'
MODELS = SIZED + '\n    class Meta:\n        indexes = [models.Index(fields=["note"], name="order_note")]\n'
FILES = shop(("0002_size", SIZE), ("0003_note", INDEX), models=MODELS)
RECORDS = """
CREATE TABLE django_migrations (
    id bigserial PRIMARY KEY, app varchar(255) NOT NULL, name varchar(255) NOT NULL, applied timestamptz NOT NULL
);
CREATE TABLE shop_order (id serial PRIMARY KEY, note varchar(20) NOT NULL);
INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '0001_initial', '2024-05-01 10:00+00');
"""
SCRIPT = """\
import sqlalchemy as sa
from alembic import op

revision = "{0}"
down_revision = {1}


def upgrade():
    op.{2}


def downgrade():
    pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(database: str, *statements: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]


def listed(folder: Path, *arguments: str) -> dict[str, Any]:
    outcome = dbwright("migrations", "--format", "json", *arguments, folder=folder)
    assert outcome.code == 0, outcome.err
    found: dict[str, Any] = json.loads(outcome.out)
    return found


def found(folder: Path, database: str) -> dict[str, dict[str, Any]]:
    outcome = dbwright(
        "audit", "--db", database, "--format", "json", "--only", "migrations", "--no-history", folder=folder
    )
    assert outcome.code == 0, outcome.err
    report = json.loads(outcome.out)
    assert not [entry for entry in report["not_checked"] if "failed" in entry["reason"]]
    return {finding["rule"]: finding for finding in report["findings"]}


def test_without_a_database(folder: Path) -> None:
    document = listed(folder, "--no-db")
    assert document["database"] is None
    assert [(m["name"], m["applied"], m["risk"], m["reversible"]) for m in document["migrations"]] == [
        ("0001_initial", None, "none", True),
        ("0002_size", None, "brief lock", True),
        ("0003_note", None, "long lock", True),
    ]
    assert document["migrations"][1]["rollback"].startswith(
        "`python manage.py migrate shop 0001_initial`. What has been written"
    )
    assert document["drift"] == []


def test_what_the_database_has(folder: Path, database: str) -> None:
    run(database, RECORDS)
    document = listed(folder, "--db", database)
    assert [(m["name"], m["applied"], (m["applied_at"] or "")[:10]) for m in document["migrations"]] == [
        ("0001_initial", True, "2024-05-01"),
        ("0002_size", False, ""),
        ("0003_note", False, ""),
    ]
    assert [m["name"] for m in listed(folder, "--db", database, "--pending")["migrations"]] == [
        "0002_size",
        "0003_note",
    ]
    text = dbwright("migrations", "--db", database, folder=folder)
    assert "0001_initial  applied 2024-05-01  can be undone" in text.out
    assert "shop/migrations/0002_size.py:7  Add field size to order  [brief lock]" in text.out
    assert "2 migrations not applied" in text.err
    assert list(found(folder, database)) == ["migrations/not-applied"]


def test_made_by_hand_then_recorded(folder: Path, database: str) -> None:
    run(database, RECORDS, "ALTER TABLE shop_order ADD COLUMN size integer")
    findings = found(folder, database)
    assert set(findings) == {"migrations/applied-by-hand", "migrations/not-applied"}
    assert "migrate --fake shop 0002_size" in findings["migrations/applied-by-hand"]["next_step"]
    run(database, "INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '0002_size', now())")
    assert set(found(folder, database)) == {"migrations/not-applied"}


def test_what_is_missing_is_made_by_the_change(folder: Path, database: str) -> None:
    rest = "INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '0002_size', now()), ('shop', '0003_note', now())"
    run(database, RECORDS, rest)
    finding = found(folder, database)["migrations/missing-in-database"]
    assert finding["severity"] == "high"
    for statement in finding["change"]["sql"].split(";"):
        if statement.strip():
            run(database, statement)
    assert found(folder, database) == {}
    run(database, "CREATE INDEX by_hand ON shop_order (size)", "ALTER TABLE shop_order ADD COLUMN own text NOT NULL")
    finding = found(folder, database)["migrations/made-outside-migrations"]
    assert finding["severity"] == "medium"
    assert {o["name"] for o in finding["objects"]} == {"by_hand", "own"}


def test_a_record_without_a_file(folder: Path, database: str) -> None:
    run(
        database,
        RECORDS,
        "INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '0009_gone', now()), ('auth', '0001', now())",
    )
    finding = found(folder, database)["migrations/applied-without-file"]
    assert [o["name"] for o in finding["objects"]] == ["shop.0009_gone"]


def test_a_role_that_may_not_read_the_records(folder: Path, database: str) -> None:
    run(database, RECORDS, "CREATE ROLE blind LOGIN PASSWORD 'of-a-test'", "GRANT pg_monitor TO blind")
    user = psycopg.conninfo.make_conninfo(database, user="blind", password="of-a-test")
    document = listed(folder, "--db", user)
    assert document["database"] is None
    outcome = dbwright(
        "audit", "--db", user, "--format", "json", "--only", "migrations/not-applied", "--no-history", folder=folder
    )
    (entry,) = [e for e in json.loads(outcome.out)["not_checked"] if e["rule"] == "migrations/not-applied"]
    assert entry["remedy"] == "GRANT SELECT ON public.django_migrations TO blind;"


def test_sqlite(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "db.sqlite3")) as connection:
        connection.executescript(
            "CREATE TABLE django_migrations (id integer PRIMARY KEY, app varchar(255), name varchar(255), applied datetime);"
            "CREATE TABLE shop_order (id integer NOT NULL PRIMARY KEY AUTOINCREMENT, note varchar(20) NOT NULL);"
            "INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '0001_initial', '2024-05-01 10:00:00.5');"
        )
    assert [m["applied"] for m in listed(folder, "--db", str(folder / "db.sqlite3"))["migrations"]] == [
        True,
        False,
        False,
    ]
    assert set(found(folder, str(folder / "db.sqlite3"))) == {"migrations/not-applied"}


def test_alembic(tmp_path: Path, database: str) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "versions").mkdir()
    steps = [
        ("a1", "None", 'create_table("t", sa.Column("id", sa.Integer(), primary_key=True))'),
        ("b2", '"a1"', 'add_column("t", sa.Column("a", sa.Text()))'),
        ("c3", '"b2"', 'create_index("t_a", "t", ["a"])'),
    ]
    for step in steps:
        (tmp_path / "versions" / f"{step[0]}.py").write_text(SCRIPT.format(*step), encoding="utf-8")
    run(
        database,
        "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)",
        "INSERT INTO alembic_version VALUES ('b2')",
    )
    run(database, "CREATE TABLE t (id serial PRIMARY KEY, a text)")
    document = listed(tmp_path, "--db", database)
    assert [(m["name"], m["applied"]) for m in document["migrations"]] == [("a1", True), ("b2", True), ("c3", False)]
    assert "its downgrade does nothing" in document["migrations"][0]["irreversible_because"]
    assert set(found(tmp_path, database)) == {"migrations/not-applied", "migrations/no-way-back"}
    run(database, "UPDATE alembic_version SET version_num = 'gone'")
    assert found(tmp_path, database)["migrations/applied-without-file"]["severity"] == "medium"


def test_a_folder_without_migrations(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "x.py").write_text("import django\n", encoding="utf-8")
    assert_one_clear_error(dbwright("migrations", "--no-db", folder=tmp_path))
