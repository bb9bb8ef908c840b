"""The commands end to end on a real database, in processes of their own."""

import json
import re
import shlex
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from cli import assert_one_clear_error, dbwright

TABLES = """
CREATE TABLE customer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customer);
INSERT INTO customer (name) SELECT 'c' || g FROM generate_series(1, 100) g;
INSERT INTO orders (customer_id) SELECT 1 + g % 100 FROM generate_series(1, 20000) g;
ANALYZE;
"""
RULE = "foreign-keys/without-index"


@pytest.fixture
def shop(database: str) -> str:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(TABLES)
    return database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path


def test_the_next_command_looks_at_the_same_and_tells_no_password(shop: str, folder: Path) -> None:
    told = psycopg.conninfo.conninfo_to_dict(shop)
    password = Path(str(told["passfile"])).read_text().strip().rpartition(":")[2]
    reach = f"host={quote(str(told['host']), safe='')}&port={told['port']}"
    url = f"postgresql://{told['user']}:{quote(password)}@/{told['dbname']}?{reach}"
    outcome = dbwright("audit", "--db", url, "--only", RULE, "--no-history", folder=folder)
    assert password not in outcome.out + outcome.err
    (line,) = [line for line in outcome.out.splitlines() if line.strip().startswith("do ")]
    (whole,) = [line for line in outcome.out.splitlines() if line.startswith("All of it: ")]
    assert f"dbname={told['dbname']}" in whole
    words = shlex.split(line)[2:]
    assert words[0] == "apply"
    applied = dbwright(*words, "--yes", folder=folder, environment={"PGPASSWORD": password})
    assert applied.code == 0, applied.err
    assert "1 finding of 1 gone" in applied.out + applied.err


def test_help_names_every_verb(folder: Path) -> None:
    outcome = dbwright("--help", folder=folder)
    assert outcome.code == 0
    for verb in ("audit", "baseline", "check", "demo", "doctor", "explain", "snapshot"):
        assert re.search(rf"^  {verb} +\w", outcome.out, re.M)


def test_json_is_all_there_is_on_standard_output(folder: Path, shop: str) -> None:
    outcome = dbwright("audit", "--db", shop, "--format", "json", folder=folder)
    assert outcome.code == 0
    report = json.loads(outcome.out)
    (finding,) = [f for f in report["findings"] if f["rule"] == RULE]
    assert finding["objects"][0]["columns"] == ["customer_id"]
    assert finding["evidence"]["rows"] == 20000
    assert "CREATE INDEX CONCURRENTLY" in finding["change"]["sql"]
    assert "DROP INDEX CONCURRENTLY" in finding["change"]["reverse_sql"]
    assert outcome.err == ""


def test_the_change_does_what_the_finding_asks_for(folder: Path, shop: str) -> None:
    def found() -> list[dict[str, dict[str, str]]]:
        outcome = dbwright("audit", "--db", shop, "--format", "json", "--only", RULE, folder=folder)
        return list(json.loads(outcome.out)["findings"])

    change = found()[0]["change"]
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute(change["sql"])
        assert not found()
        connection.execute(change["reverse_sql"])
    assert [f["state"] for f in found()] == ["regressed"]


def test_nothing_is_written_to_the_database(folder: Path, shop: str) -> None:
    query = "SELECT count(*), sum(xmin::text::bigint) FROM pg_class UNION ALL SELECT count(*), 0 FROM pg_roles"
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute(
            "ALTER TABLE orders SET (autovacuum_enabled = off); ALTER TABLE customer SET (autovacuum_enabled = off)"
        )
        before = connection.execute(query).fetchall()
        for verb in ("audit", "doctor", "snapshot"):
            dbwright(verb, "--db", shop, folder=folder)
        assert connection.execute(query).fetchall() == before
        assert connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dbwright'"
        ).fetchone() == (0,)


def test_exit_codes_of_check(folder: Path, shop: str) -> None:
    only = ("--db", shop, "--only", RULE)
    assert dbwright("check", *only, folder=folder).code == 0
    assert dbwright("check", *only, "--fail-on", "info", folder=folder).code == 1
    assert dbwright("check", *only, "--fail-on", "never", folder=folder).code == 0
    assert dbwright("check", "--db", "host=/nowhere", folder=folder).code == 2
    blind = ("--db", shop, "--only", "workload/slow-statement")
    assert dbwright("check", *blind, folder=folder).code == 0
    assert dbwright("check", *blind, "--strict", folder=folder).code == 3
    assert "fails on high" in dbwright("check", *only, folder=folder).out


def test_a_snapshot_gives_the_same_findings_as_the_database(folder: Path, shop: str) -> None:
    assert dbwright("snapshot", "--db", shop, "-o", "s.json", folder=folder).code == 0
    assert (folder / "s.json").stat().st_mode & 0o077 == 0
    saved = json.loads(dbwright("audit", "--snapshot", "s.json", "--format", "json", folder=folder).out)
    assert RULE in [f["rule"] for f in saved["findings"]]
    again = json.loads(dbwright("audit", "--snapshot", "s.json", "--format", "json", folder=folder).out)
    assert again["findings"] == [f | {"state": "new"} for f in saved["findings"]]


def test_the_baseline_lets_only_new_findings_fail_and_shrinks(folder: Path, shop: str) -> None:
    check = ("check", "--db", shop, "--only", RULE, "--fail-on", "info")
    assert dbwright("baseline", "--db", shop, folder=folder).code == 0
    baseline = folder / ".dbwright-baseline.json"
    known = json.loads(baseline.read_text())["findings"]
    assert any(line.startswith(RULE) for line in known.values())
    assert dbwright(*check, folder=folder).code == 0
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute("CREATE INDEX mended ON orders (customer_id)")
        outcome = dbwright(*check, folder=folder)
        assert outcome.code == 0
        assert "is shorter now" in outcome.err
        left = json.loads(baseline.read_text())["findings"]
        assert left == {id_: line for id_, line in known.items() if not line.startswith(RULE)}
        connection.execute("DROP INDEX mended")
    assert dbwright(*check, folder=folder).code == 1


def test_a_baseline_named_in_the_environment_is_relative_to_the_working_directory(folder: Path, shop: str) -> None:
    (folder / "project").mkdir()
    assert dbwright("baseline", "project", "--db", shop, "-o", "accepted.json", folder=folder).code == 0
    (folder / "project" / "pyproject.toml").write_text('[tool.dbwright]\nbaseline = "configured.json"\n')
    check = ("check", "project", "--db", shop, "--fail-on", "info")
    assert dbwright(*check, folder=folder, environment={"DBWRIGHT_BASELINE": "accepted.json"}).code == 0
    assert_one_clear_error(dbwright(*check, folder=folder))  # the configured one is looked for beside its file
    (folder / "accepted.json").rename(folder / "project" / "configured.json")
    assert dbwright(*check, folder=folder).code == 0
    assert_one_clear_error(dbwright(*check, folder=folder, environment={"DBWRIGHT_BASELINE": "configured.json"}))
    (folder / "project" / "pyproject.toml").unlink()  # no file is needed for what the environment says
    outside = dbwright(*check, folder=folder, environment={"DBWRIGHT_BASELINE": "project/configured.json"})
    assert outside.code == 0


@pytest.mark.parametrize("marker", ["manage.py", "pyproject.toml", "alembic.ini", ".git", ".env"])
def test_in_a_subfolder_the_project_above_is_read(folder: Path, marker: str) -> None:
    deep = folder / "project" / "app" / "migrations"
    deep.mkdir(parents=True)
    with closing(sqlite3.connect(folder / "project" / "deep.db")) as connection:
        connection.execute("CREATE TABLE t (id integer PRIMARY KEY)")
    (folder / "project" / ".env.local").write_text("DATABASE_URL=sqlite:///deep.db\n")
    (folder / "project" / marker).mkdir() if marker == ".git" else (folder / "project" / marker).touch()
    home = {"HOME": str(folder / "home")}
    outcome = dbwright("doctor", folder=deep, environment=home)
    assert "deep.db" in outcome.out
    assert f"{folder / 'project'}" in outcome.err
    # A folder that was named is taken as it is, and a project of its own is not passed over.
    assert "deep.db" not in dbwright("doctor", ".", folder=deep, environment=home).out
    (deep / "pyproject.toml").touch()
    own = dbwright("doctor", folder=deep, environment=home)
    assert "deep.db" not in own.out + own.err


def test_no_project_is_looked_for_in_the_home_folder(folder: Path) -> None:
    work = folder / "home" / "notes"
    work.mkdir(parents=True)
    (folder / "home" / ".git").mkdir()
    (folder / "home" / ".env").write_text("DATABASE_URL=sqlite:///deep.db\n")
    environment = {"HOME": str(folder / "home")}
    outcome = dbwright("doctor", folder=work, environment=environment)
    assert "deep.db" not in outcome.out + outcome.err


def test_doctor_lists_a_database_once(folder: Path) -> None:
    url = "postgresql://{}@localhost:1{}/shop?connect_timeout=2"
    (folder / ".env").write_text(f"DATABASE_URL={url.format('me', '')}\nPOSTGRES_URL={url.format('you:canary', '')}\n")
    (folder / ".env.local").write_text(f"SQLALCHEMY_URL={url.format('me', '').replace('1/shop', '1/other')}\n")
    found = [line for line in dbwright("doctor", folder=folder).out.splitlines() if line.startswith("found")]
    assert len(found) == 2
    assert ".env:1" in found[0]
    assert "also in .env:2" in found[0]
    assert ".env.local:1" in found[1]
    assert "canary" not in "".join(found)


def test_the_database_is_found_in_the_project(folder: Path, shop: str) -> None:
    (folder / ".env").write_text(f'DATABASE_URL="{shop}"\n')
    outcome = dbwright("audit", "--format", "json", "--only", RULE, folder=folder)
    assert [f["rule"] for f in json.loads(outcome.out)["findings"]] == [RULE]


def test_ignores_need_no_flag(folder: Path, shop: str) -> None:
    until = date.today() + timedelta(days=30)
    (folder / "pyproject.toml").write_text(
        f'[tool.dbwright]\ndatabase = "{shop}"\nonly = ["foreign-keys/*"]\n'
        f'ignore = [{{rule = "{RULE}", object = "orders.*", reason = "append only", until = {until}}},'
        ' {rule = "types/money", reason = "never used"}]\n'
    )
    report = json.loads(dbwright("audit", "--format", "json", folder=folder).out)
    assert not report["findings"]
    assert [held["reason"] for held in report["ignored"]] == ["append only"]
    assert [ignore["rule"] for ignore in report["unused_ignores"]] == ["types/money"]


def test_limits_can_be_configured(folder: Path, shop: str) -> None:
    (folder / "pyproject.toml").write_text(f'[tool.dbwright.limits."{RULE}"]\nrows = 50000\n')
    report = json.loads(dbwright("audit", "--db", shop, "--only", RULE, "--format", "json", folder=folder).out)
    assert not report["findings"]


def test_doctor_names_what_is_missing_and_the_role_that_is_enough(folder: Path, shop: str) -> None:
    outcome = dbwright("doctor", "--db", shop, folder=folder)
    assert outcome.code == 3
    assert "pg_stat_statements is not installed" in outcome.out
    assert "GRANT pg_monitor TO dbwright;" in outcome.out


def test_explain_prints_the_page_of_a_rule(folder: Path) -> None:
    outcome = dbwright("explain", RULE, folder=folder)
    assert outcome.code == 0
    assert outcome.out.startswith(f"# {RULE}\n")
    assert "## When to ignore" in outcome.out


def test_terminal_output_is_plain_where_nobody_looks(folder: Path, shop: str) -> None:
    outcome = dbwright("audit", "--db", shop, folder=folder)
    assert "\x1b" not in outcome.out + outcome.err
    assert f"dbwright explain {RULE}" in outcome.out


SECRETS = """
ALTER SYSTEM SET primary_conninfo = 'host=h password=canary-conninfo';
CREATE ROLE leaky LOGIN PASSWORD 'canary-role';
CREATE TABLE account (api_token text, note text);
COMMENT ON TABLE account IS 'see postgresql://u:canary-comment@h/d';
INSERT INTO account SELECT 'canary-token', 'n' FROM generate_series(1, 1000);
ANALYZE account;
CREATE FUNCTION leak() RETURNS int LANGUAGE sql SECURITY DEFINER AS $$ SELECT 1 /* password = 'canary-function' */ $$;
"""


@pytest.mark.parametrize("format_", ["text", "json", "markdown", "html", "sarif", "github"])
def test_secrets_reach_no_output(folder: Path, database: str, format_: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in SECRETS.strip().split(";\n"):
            connection.execute(statement)
        connection.execute("SELECT pg_reload_conf()")
        try:
            (folder / ".env").write_text("SECRET_KEY=canary-env\nDB_PASSWORD=canary-dotenv\n")
            outcome = dbwright("audit", "--db", database, "--format", format_, folder=folder)
            taken = dbwright("snapshot", "--db", database, "-o", "-", folder=folder)
        finally:
            connection.execute("ALTER SYSTEM RESET primary_conninfo")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("DROP FUNCTION leak()")
    assert outcome.code == 0, outcome.err
    assert "canary" not in outcome.out + outcome.err + taken.out + taken.err


def test_a_github_run_gets_annotations_and_a_summary_page(folder: Path, shop: str) -> None:
    environment = {"GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    outcome = dbwright(
        "check",
        "--db",
        shop,
        "--only",
        RULE,
        "--format",
        "github",
        "--fail-on",
        "never",
        folder=folder,
        environment=environment,
    )
    assert outcome.code == 0
    assert "orders" in outcome.out
    assert outcome.out.startswith("::")
    assert "orders" in (folder / "summary.md").read_text()


@pytest.mark.parametrize("verb", ["check", "baseline", "snapshot"])
def test_what_was_named_and_not_reached_is_never_green(folder: Path, verb: str) -> None:
    (folder / "app.py").write_text("")
    environment = {"DATABASE_URL": "postgresql://u:canary@127.0.0.1:1/d"}
    outcome = dbwright(verb, folder=folder, environment=environment)
    assert outcome.code == 2, outcome
    assert "Nothing listens" in outcome.err
    assert "canary" not in outcome.out + outcome.err
    assert not list(folder.glob("*.json"))


def test_no_other_database_takes_the_place_of_the_one_named(folder: Path) -> None:
    (folder / "manage.py").write_text('os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")')
    (folder / "shop").mkdir()
    settings = "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'db.sqlite3'}}"
    (folder / "shop" / "settings.py").write_text(settings)
    with closing(sqlite3.connect(folder / "shop" / "db.sqlite3")) as connection:
        connection.execute("CREATE TABLE t (a)")
    alone = dbwright("audit", "--format", "json", folder=folder)
    assert json.loads(alone.out)["target"]["engine"] == "sqlite"
    named = dbwright(
        "audit", "--format", "json", folder=folder, environment={"DATABASE_URL": "postgresql://u@127.0.0.1:1/d"}
    )
    report = json.loads(named.out)
    assert (report["target"]["engine"], report["findings"]) == ("postgresql", [])
    assert report["scores"]["overall"]["value"] is None


def test_a_second_choice_of_the_same_settings_is_read_and_told(folder: Path) -> None:
    (folder / "manage.py").write_text('os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")')
    (folder / "shop").mkdir()
    (folder / "shop" / "settings.py").write_text(
        "if production():\n"
        "    DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'x', 'HOST': '127.0.0.1', 'PORT': '1'}}\n"
        "else:\n    DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'db.sqlite3'}}\n"
    )
    with closing(sqlite3.connect(folder / "shop" / "db.sqlite3")) as connection:
        connection.execute("CREATE TABLE t (a)")
    outcome = dbwright("audit", folder=folder)
    assert outcome.code == 0
    assert "db.sqlite3 was read instead" in outcome.out


def test_a_baseline_of_another_database_is_not_shortened(folder: Path, shop: str) -> None:
    assert dbwright("baseline", "--db", shop, folder=folder).code == 0
    baseline = folder / ".dbwright-baseline.json"
    before = baseline.read_text()
    with closing(sqlite3.connect(folder / "other.sqlite3")) as connection:
        connection.execute("CREATE TABLE t (a)")
    assert dbwright("audit", "--db", "other.sqlite3", folder=folder).code == 0
    assert baseline.read_text() == before


def test_a_report_goes_into_a_device_instead_of_replacing_it(folder: Path, shop: str) -> None:
    outcome = dbwright("audit", "--db", shop, "--format", "json", "-o", "/dev/null", folder=folder)
    assert outcome.code == 0
    assert not Path("/dev/null").is_file()


SHOP = """\
from django.db import models


class Customer(models.Model):
    email = models.CharField(max_length=200)


def of(email):
    return list(Customer.objects.filter(email=email))
"""
SHOP_SETTINGS = """\
import os

INSTALLED_APPS = ["shop"]
if os.environ.get("DB_HOST"):
    DATABASES = {{"default": {{"ENGINE": "django.db.backends.{engine}", "NAME": "shop", "HOST": os.environ["DB_HOST"]}}}}
else:
    DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}}}
"""


@pytest.mark.parametrize(("engine", "told"), [("postgresql", True), ("mysql", False)])
def test_code_beside_a_file_of_development_is_judged_for_the_postgresql_of_production(
    tmp_path: Path, engine: str, told: bool
) -> None:
    (tmp_path / "shop").mkdir()
    for name, text in {
        "shop/__init__.py": "",
        "shop/models.py": SHOP,
        "settings.py": SHOP_SETTINGS.format(engine=engine),
    }.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "manage.py").write_text('import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")\n')
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as connection:
        connection.execute("CREATE TABLE shop_customer (id integer PRIMARY KEY, email varchar(200) NOT NULL)")
        connection.execute("INSERT INTO shop_customer (email) VALUES ('a'), ('b')")
        connection.commit()
    arguments = ("audit", "--only", "queries/missing-index")
    found = json.loads(dbwright(*arguments, "--format", "json", folder=tmp_path).out)["findings"]
    assert [f["change"]["sql"] for f in found] == [
        "CREATE INDEX shop_customer_email_idx ON shop_customer (email);"
    ] * told
    assert ("code judged for PostgreSQL" in dbwright(*arguments, folder=tmp_path).out) is told
