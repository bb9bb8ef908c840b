"""`dbwright apply` and `dbwright undo` as a person runs them."""

import json
import re
import sqlite3

import psycopg
import pytest
from click.testing import CliRunner

from dbwright.apply import commanded, journal
from dbwright.cli import dbwright
from dbwright.errors import DbwrightError
from dbwright.options import Source
from standby import standby_of

SHOP = """
CREATE TABLE customer (id int PRIMARY KEY, email text);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customer(id), total numeric);
CREATE INDEX total_1 ON orders (total);
CREATE INDEX total_2 ON orders (total);
INSERT INTO customer SELECT i, 'c' || i FROM generate_series(1, 500) i;
INSERT INTO orders SELECT i, 1 + i % 500, i FROM generate_series(1, 20000) i;
"""
MISSING, TWICE = "foreign-keys/without-index", "indexes/duplicate"


@pytest.fixture
def shop(database, store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(SHOP.encode())
        connection.execute("VACUUM ANALYZE")
    return database


def run(*arguments, **options):
    result = CliRunner().invoke(dbwright, list(arguments), catch_exceptions=True, standalone_mode=False, **options)
    if isinstance(result.exception, DbwrightError):
        return 2, str(result.exception), result.stderr
    if result.exception:
        raise result.exception
    return result.return_value, result.stdout, result.stderr


def indexes(conninfo):
    with psycopg.connect(conninfo) as connection:
        return [
            name
            for (name,) in connection.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'orders' ORDER BY 1")
        ]


def test_shown_applied_found_resolved_and_taken_back(shop, store):
    code, plan, _ = run("apply", "--db", shop, MISSING, TWICE, "--dry-run")
    assert code == 0
    assert "CREATE INDEX CONCURRENTLY orders_customer_id_idx ON public.orders (customer_id);" in plan
    assert "SHARE UPDATE EXCLUSIVE on public.orders: nobody waits; about" in plan
    assert "estimates" in plan
    assert re.search(r"Disk needed: about \d+ kB; .* are free\.", plan)
    assert indexes(shop) == ["orders_pkey", "total_1", "total_2"]
    code, _, told = run("apply", "--db", shop, MISSING, TWICE, "--yes")
    assert code == 0, told
    assert "The audit anew: 2 findings of 2 gone." in told
    assert indexes(shop) == ["orders_customer_id_idx", "orders_pkey", "total_1"]
    code, plan, told = run("undo", "--db", shop, "--yes")
    assert code == 0, told
    assert "DROP INDEX CONCURRENTLY public.orders_customer_id_idx;" in plan
    assert indexes(shop) == ["orders_pkey", "total_1", "total_2"]
    code, listed, _ = run("undo", "--db", shop, "--list")
    assert [line.split()[1:3] for line in listed.splitlines()] == [["undo", "done"], ["apply", "taken"]]
    assert run("undo", "--db", shop, "--yes")[0] == 2


def test_nothing_is_done_unless_somebody_agreed(shop):
    code, said, _ = run("apply", "--db", shop, MISSING)
    assert (code, said.splitlines()[-1]) == (2, "Give --yes.")
    assert "customer_id" not in str(indexes(shop))


def test_what_is_named_must_be_found(shop):
    code, said, _ = run("apply", "--db", shop, "indexes/no-such-rule", "--yes")
    assert code == 2
    assert "finds nothing that is called 'indexes/no-such-rule'" in said


def test_a_change_that_fits_no_longer_is_refused_with_the_way_on(shop, monkeypatch):
    """Between the audit and the run somebody else took the name."""
    audit = commanded._audit

    def audited(*arguments):
        report = audit(*arguments)
        with psycopg.connect(shop, autocommit=True) as connection:
            connection.execute("CREATE VIEW orders_customer_id_idx AS SELECT 1")
        return report

    monkeypatch.setattr(commanded, "_audit", audited)
    code, said, _ = run("apply", "--db", shop, MISSING, "--yes")
    assert code == 2
    assert "Nothing was changed." in said
    assert "orders_customer_id_idx is taken by something that is no index" in said
    assert len(said.splitlines()) == 2


def test_a_change_that_blocks_for_long_is_left_with_the_reason(shop):
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute("ALTER TABLE orders SET UNLOGGED")
        connection.execute("ANALYZE")
    code, plan, told = run("apply", "--db", shop, "storage/unlogged-table", "--dry-run", "--may-block", "0")
    assert code == 0, told
    assert "public.orders would be blocked for about 0." in plan
    code, plan, _ = run("apply", "--db", shop, "storage/unlogged-table", "--dry-run", "--may-block", "1")
    assert "ACCESS EXCLUSIVE on public.orders: readers and writers wait for about" in plan


def test_the_journal_keeps_no_address_and_no_password(shop, store):
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute("CREATE ROLE apply_tester LOGIN SUPERUSER PASSWORD 'hunter2-canary'")
    address = psycopg.conninfo.make_conninfo(shop, user="apply_tester", password="hunter2-canary", passfile="")
    assert run("apply", "--db", address, MISSING, "--yes")[0] == 0
    for path in store.parent.iterdir():
        assert b"hunter2" not in path.read_bytes()
        assert b"passfile" not in path.read_bytes()
    (journal,) = store.parent.glob("*-runs-*.sqlite3")
    assert journal.stat().st_mode & 0o77 == 0
    with sqlite3.connect(journal) as connection:
        # Plain JSON: what is read from it is no code.
        kinds = {kind for (kind,) in connection.execute("SELECT serialization FROM operation_outputs")}
        steps = [json.loads(text) for (text,) in connection.execute("SELECT output FROM operation_outputs")]
    connection.close()
    assert kinds == {"portable_json"}
    assert steps
    assert run("undo", "--db", address, "--yes")[0] == 0


def test_a_standby_is_refused(shop, server):
    with standby_of(server) as standby:
        database = psycopg.conninfo.conninfo_to_dict(shop)["dbname"]
        code, said, _ = run("apply", "--db", standby.conninfo(database), "--yes")
    assert code == 2
    assert "is a standby, which takes no changes" in said


def test_a_sqlite_file_is_refused(tmp_path, store):
    path = tmp_path / "db.sqlite3"
    sqlite3.connect(path).close()
    code, said, _ = run("apply", "--db", str(path), "--yes")
    assert code == 2
    assert "only PostgreSQL is changed" in said


def test_a_run_can_be_told_to_stop_only_while_there_is_one(shop):
    code, _, told = run("apply", "--db", shop, "--stop")
    assert code == 0
    assert "No run changes" in told


def test_advised_indexes_are_built_and_taken_back(shop, tmp_path):
    advice = tmp_path / "advice.json"
    statement = "CREATE INDEX CONCURRENTLY orders_total_customer_idx ON public.orders (total, customer_id)"
    advice.write_text(json.dumps({"indexes": [{"sql": statement}]}))
    code, plan, told = run("apply", "--db", shop, "--advice", str(advice), "--yes")
    assert code == 0, told
    assert statement in plan
    assert "orders_total_customer_idx" in indexes(shop)
    assert run("undo", "--db", shop, "--yes")[0] == 0
    assert "orders_total_customer_idx" not in indexes(shop)
    advice.write_text("[]")
    code, said, _ = run("apply", "--db", shop, "--advice", str(advice), "--yes")
    assert code == 2
    assert "is no advice" in said


def test_the_name_of_the_database_is_asked_for(shop, monkeypatch):
    monkeypatch.setattr("dbwright.apply.commanded._is_person_there", lambda: True)
    name = psycopg.conninfo.conninfo_to_dict(shop)["dbname"]
    code, said, _ = run("apply", "--db", shop, TWICE, input="yes\n")
    assert code == 2
    assert said.startswith("Nothing was changed.")
    assert "total_2" in indexes(shop)
    code, _, told = run("apply", "--db", shop, TWICE, input=f"{name}\n")
    assert code == 0, told
    assert "total_2" not in indexes(shop)


def test_a_journal_that_cannot_be_used_is_told_and_nothing_is_changed(shop, store):
    identity = run("apply", "--db", shop, "--stop") and next(store.parent.glob("*.lock"))
    identity.with_suffix(".sqlite3").write_bytes(b"no database at all" * 100)
    code, said, _ = run("apply", "--db", shop, TWICE, "--yes")
    assert code == 2
    assert "cannot be used" in said
    assert "total_2" in indexes(shop)


def test_a_run_that_was_stopped_is_gone_on_with_or_taken_back(shop, store, monkeypatch):
    target = commanded.target(Source(store.parent, (shop,), None, False, False, False, None))
    left = journal.stop_file(target.journal)

    def stopping(line):
        if "CREATE INDEX" in line:
            left.touch()

    for way in ("apply", "undo"):
        with monkeypatch.context() as patched:
            patched.setattr(commanded, "note", stopping)
            code, said, _ = run("apply", "--db", shop, MISSING, TWICE, "--yes")
        assert code == 2
        assert "Stopped by --stop. Run 2" in said
        assert not left.exists()
        assert "is unfinished" in run("apply", "--db", shop, "--dry-run")[2]
        assert indexes(shop) == ["orders_customer_id_idx", "orders_pkey", "total_1", "total_2"]
        code, _, said = run(way, "--db", shop, "--yes")
        assert code == 0, said
        if way == "apply":
            assert indexes(shop) == ["orders_customer_id_idx", "orders_pkey", "total_1"]
            assert run("undo", "--db", shop, "--yes")[0] == 0
        assert indexes(shop) == ["orders_pkey", "total_1", "total_2"]


def test_a_process_that_died_before_its_journal_was_made_began_nothing(shop, store):
    run("apply", "--db", shop, "--stop")
    next(store.parent.glob("*.lock")).with_suffix(".sqlite3").touch()
    assert run("undo", "--db", shop, "--list")[:2] == (0, "")
    code, _, told = run("apply", "--db", shop, TWICE, "--yes")
    assert code == 0, told
