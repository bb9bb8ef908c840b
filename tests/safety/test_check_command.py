"""``dbwright migrations check`` as people run it."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cli import Outcome, assert_one_clear_error, dbwright

BEFORE = "CREATE TABLE users (id bigint PRIMARY KEY, email varchar(50), team_id bigint);\n"


def check(folder: Path, *arguments: str) -> Outcome:
    return dbwright("migrations", "check", *arguments, folder=folder)


def document(outcome: Outcome) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(outcome.out)
    return loaded


def test_a_file_with_its_schema(tmp_path: Path) -> None:
    (tmp_path / "before.sql").write_text(BEFORE)
    (tmp_path / "1_index.sql").write_text("-- comment\nCREATE INDEX users_email ON users (email);\n")
    outcome = check(tmp_path, "1_index.sql", "--schema", "before.sql", "--format", "json")
    assert outcome.code == 1, outcome.err
    (migration,) = document(outcome)["migrations"]
    (statement,) = migration["statements"]
    assert statement["blocks"] == {"reads": [], "writes": ["users"], "changed_rows": []}
    assert statement["locks"][0]["mode"] == "SHARE"
    finding = next(f for f in migration["findings"] if f["id"] == "migrations/blocking-index-build")
    assert (finding["severity"], finding["line"], finding["table"], finding["observed"]) == ("error", 2, "users", True)
    assert "CREATE INDEX CONCURRENTLY users_email" in finding["rewrite"]
    assert migration["invented_schema"] == []


def test_a_folder_in_order_and_the_threshold(tmp_path: Path) -> None:
    folder = tmp_path / "sql"
    folder.mkdir()
    (folder / "10_drop.sql").write_text("ALTER TABLE notes DROP COLUMN text;")
    (folder / "9_notes.sql").write_text("CREATE TABLE notes (id bigint PRIMARY KEY, text text);")
    (folder / "9_notes.down.sql").write_text("DROP TABLE notes;")
    outcome = check(tmp_path, "sql", "--format", "json")
    assert [m["name"] for m in document(outcome)["migrations"]] == ["9_notes.sql", "10_drop.sql"]
    assert outcome.code == 1
    assert check(tmp_path, "sql", "--fail-on", "error").code == 0
    assert check(tmp_path, "sql", "--fail-on", "never").code == 0


def test_what_was_made_up_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("ALTER TABLE users ALTER COLUMN name TYPE text;")
    outcome = check(tmp_path, "a.sql")
    assert outcome.code == 1
    assert "migrations/type-change" in outcome.out
    assert "CREATE TABLE users (name integer);" in outcome.out


@pytest.mark.parametrize(
    ("files", "arguments"),
    [
        ({}, ("missing.sql",)),
        ({"a.sql": "SELECT 1"}, ("a.sql", "--schema", "missing.sql")),
        ({"a.sql": b"\xff\xfe\x00"}, ("a.sql",)),
        ({"a.sql": "SELECT 1", "before.json": "{"}, ("a.sql", "--schema", "before.json")),
        ({"a.sql": "SELECT 1", "before.sql": "not sql at all"}, ("a.sql", "--schema", "before.sql")),
        ({"empty/readme.txt": "x"}, ("empty",)),
        ({"empty/module.py": "x = 1\n"}, ("empty",)),
    ],
)
def test_bad_input(files: dict[str, str | bytes], arguments: tuple[str, ...], tmp_path: Path) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert_one_clear_error(check(tmp_path, *arguments))


def test_hostile_sql_stays_inside(tmp_path: Path) -> None:
    """What would leave the database is refused by the server, or not run at all."""
    target = tmp_path / "written"
    (tmp_path / "a.sql").write_text(
        f"COPY (SELECT 1) TO PROGRAM 'touch {target}';\n"
        f"DO $$ BEGIN EXECUTE 'COPY (SELECT 1) TO ''{target}'''; END $$;\n"
        "SELECT pg_read_file('/etc/passwd');\nALTER SYSTEM SET fsync = off;\n"
    )
    outcome = check(tmp_path, "a.sql", "--format", "json")
    assert outcome.code in (0, 1), outcome.err
    assert not target.exists()
    assert all(not s["run"] or s["error"] for s in document(outcome)["migrations"][0]["statements"])


def test_conflicting_heads(tmp_path: Path) -> None:
    folder = tmp_path / "shop" / "migrations"
    folder.mkdir(parents=True)
    for package in (folder, folder.parent):
        (package / "__init__.py").write_text("")
    text = (
        "from django.db import migrations, models\n\nclass Migration(migrations.Migration):\n"
        "    dependencies = [{0}]\n    operations = [{1}]\n"
    )
    make = 'migrations.CreateModel("Note", [("id", models.BigAutoField(primary_key=True))])'
    (folder / "0001_initial.py").write_text(text.format("", make))
    for name in ("a", "b"):
        add = f'migrations.AddField("note", "{name}", models.TextField(null=True))'
        (folder / f"0002_{name}.py").write_text(text.format('("shop", "0001_initial")', add))
    outcome = check(tmp_path, ".", "--format", "json")
    findings = [f["id"] for m in document(outcome)["migrations"] for f in m["findings"] if f["severity"] == "error"]
    assert findings == ["migrations/several-heads"]
    assert outcome.code == 1


def test_rows_of_the_real_database(tmp_path: Path, database: str) -> None:
    """Real row counts soften what is short, and rows that would break a statement are counted."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(BEFORE.encode())
        connection.execute("INSERT INTO users SELECT n, NULL, n FROM generate_series(1, 300) n")
        connection.execute("ANALYZE users")
    (tmp_path / "a.sql").write_text("ALTER TABLE users ALTER COLUMN email SET NOT NULL;")
    (tmp_path / "b.sql").write_text("CREATE INDEX users_email ON users (email);")
    softened = check(tmp_path, "b.sql", "--db", database, "--format", "json")
    assert softened.code == 0, (softened.out, softened.err)
    finding = document(softened)["migrations"][0]["findings"][0]
    assert (finding["id"], finding["severity"]) == ("migrations/blocking-index-build", "info")
    counted = check(tmp_path, "a.sql", "--db", database, "--count", "--format", "json")
    finding = next(f for f in document(counted)["migrations"][0]["findings"] if f["id"] == "migrations/not-null-scan")
    assert (finding["rows_that_break_it"], finding["severity"]) == (300, "error")
    assert counted.code == 1


def test_the_listing_is_still_there(tmp_path: Path) -> None:
    assert_one_clear_error(dbwright("migrations", "--no-db", folder=tmp_path))
    help_ = dbwright("migrations", "--help", folder=tmp_path)
    assert "check" in help_.out
    assert "list" in help_.out


SHOP = """\
CREATE TABLE users (id bigint PRIMARY KEY, email varchar(50), amount bigint, price numeric(10, 2), note text);
CREATE TABLE old (id bigint);
INSERT INTO users SELECT n, 'x' || repeat('y', n % 40), n::bigint * 100000, n * 10.5, CASE WHEN n % 2 = 0 THEN 'n' END
FROM generate_series(1, 30000) n;
INSERT INTO old SELECT generate_series(1, 7);
ANALYZE;
"""
UNFIT = """\
ALTER TABLE users ALTER COLUMN email TYPE varchar(20);
ALTER TABLE users ALTER COLUMN amount TYPE integer USING amount::integer;
ALTER TABLE users ALTER COLUMN price TYPE numeric(7, 2);
ALTER TABLE users ALTER COLUMN note TYPE varchar(10) USING left(note, 10);
"""
LOST = """\
CREATE TABLE fresh (id bigint);
DROP TABLE fresh;
CREATE TABLE kept (id bigint);
ALTER TABLE kept ADD COLUMN more int;
ALTER TABLE users ADD COLUMN nick text;
ALTER TABLE users DROP COLUMN note;
DROP TABLE old;
"""


def test_what_does_not_fit_is_counted_what_is_lost_and_the_disk(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in SHOP.split(";\n")[:-1]:
            connection.execute(statement)
    (tmp_path / "1_unfit.sql").write_text(UNFIT)
    outcome = check(tmp_path, "1_unfit.sql", "--db", database, "--count", "--format", "json")
    assert outcome.code == 1, outcome.err
    (migration,) = document(outcome)["migrations"]
    found = {f["column"]: f for f in migration["findings"] if "type-change" in f["id"]}
    with psycopg.connect(database) as connection:
        truth = connection.execute(
            "SELECT count(*) FILTER (WHERE length(email) > 20), count(*) FILTER (WHERE amount > 2147483647),"
            " count(*) FILTER (WHERE round(price, 2) >= 100000) FROM users"
        ).fetchone()
    assert truth is not None
    assert truth == tuple(found[column]["rows_that_break_it"] for column in ("email", "amount", "price"))
    assert found["note"]["rows_that_break_it"] is None  # what is computed always fits
    assert found["amount"]["disk_bytes_estimated"] > 30_000 * 40
    cut = "ALTER TABLE users ALTER COLUMN email TYPE varchar(20) USING email::varchar(20);"
    (tmp_path / "3_cut.sql").write_text(cut)  # an explicit cast cuts off where the other fails
    outcome = check(tmp_path, "3_cut.sql", "--db", database, "--count", "--format", "json")
    (migration,) = document(outcome)["migrations"]
    assert [f["rows_that_break_it"] for f in migration["findings"] if f["column"] == "email"] == [None]
    assert [(one["what"], one["count"]) for one in migration["loses"]] == [("users.email beyond varchar(20)", truth[0])]
    (tmp_path / "2_lost.sql").write_text(LOST)
    outcome = check(tmp_path, "2_lost.sql", "--db", database, "--count", "--format", "json")
    (migration,) = document(outcome)["migrations"]
    assert [(one["what"], one["count"]) for one in migration["loses"]] == [("users.note", 15_000), ("old", 7)]
    assert [one["what"] for one in migration["way_back_loses"]] == ["kept", "users.nick"]
    text = check(tmp_path, "2_lost.sql", "--db", database, "--count").out
    assert "Lost for good: users.note (15,000 values) and old (7 rows)." in text
