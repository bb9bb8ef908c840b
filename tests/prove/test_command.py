"""`dbwright prove`: what it says and leaves behind, with good and with bad input."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from cli import Outcome, assert_one_clear_error, dbwright
from dbwright.embedded import EmbeddedServer, NoServerBinaries, binaries
from dbwright.model.snapshot import Snapshot
from dbwright.prove import filler
from dbwright.snapshots import encode

QUICK = ("--repeats", "6", "--draws", "1", "--seconds", "0.2", "--no-cold")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with a change and a workload."""
    (tmp_path / "change.sql").write_text("CREATE INDEX orders_address ON orders (address);")
    queries = tmp_path / "queries"
    queries.mkdir()
    (queries / "by_address.sql").write_text("SELECT count(*) FROM orders WHERE address = '10.0.7.7';")
    (queries / "by_key.sql").write_text("SELECT * FROM orders WHERE id = $1;")
    return tmp_path


def run(work: Path, *arguments: str) -> Outcome:
    return dbwright("prove", *arguments, folder=work)


def databases(server: EmbeddedServer) -> int:
    with psycopg.connect(server.conninfo()) as connection:
        row = connection.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'dbwright_prove%'").fetchone()
    return row[0] if row else 0


def test_on_a_given_database_with_a_record_that_is_measured_again(
    server: EmbeddedServer, shop: str, work: Path
) -> None:
    address = f"{shop} application_name=secret-name"
    given = ("--on", address, "--yes", "--sql", "change.sql", "--sql-dir", "queries", *QUICK)
    first = run(work, *given, "--record", "p.json")
    assert first.code == 0, first.err
    assert "statements" in first.out
    kept = json.loads((work / "p.json").read_text())
    assert kept["inputs"]["files"]["sql"][0]["file"] == "change.sql"
    assert len(kept["inputs"]["files"]["sql_dir"][0]["digest"]) == 64
    assert "passfile" not in (work / "p.json").read_text()
    assert "dbwright prove --again p.json --on ADDRESS" in (work / "p.md").read_text()
    again = run(work, "--again", "p.json", "--on", address, "--yes")
    assert again.code == 0, again.err
    assert "of 2 verdicts are as in the record" in again.err
    (work / "change.sql").write_text("CREATE INDEX orders_note ON orders (note);")
    changed = run(work, "--again", "p.json", "--on", address, "--yes")
    assert changed.code == 2
    assert "not as it was" in changed.err
    assert not databases(server)


def test_from_statistics_alone_with_cold_runs(snapshot: Snapshot, work: Path) -> None:
    (work / "shop.json").write_bytes(encode(snapshot))
    given = ("--snapshot", "shop.json", "--sql", "change.sql", "--sql-dir", "queries", *QUICK[:-1])
    done = run(work, *given, "--format", "json", "-o", "p.json")
    assert done.code == 0, done.err
    proof = json.loads((work / "p.json").read_text())["proof"]
    assert proof["data"].startswith("a database made from the statistics")
    assert proof["cold"]
    assert all(row["before"]["cold"]["runs"] == 6 for row in proof["statements"])
    assert proof["reversal"]["catalog_same"]


def test_on_a_restored_backup(server: EmbeddedServer, shop: str, work: Path) -> None:
    pg_dump = next(
        (
            b.bin_dir / "pg_dump"
            for b in binaries.find_servers()
            if (b.bin_dir / "pg_dump").exists() and b.major >= server.major
        ),
        None,
    )
    if pg_dump is None:
        pytest.skip("no pg_dump of that version")
    subprocess.run([pg_dump, "--format=custom", f"--file={work}/shop.dump", f"--dbname={shop}"], check=True)
    subprocess.run([pg_dump, f"--file={work}/shop.sql", f"--dbname={shop}"], check=True)
    for backup in ("shop.dump", "shop.sql"):
        done = run(work, "--dump", backup, "--sql", "change.sql", "--sql-dir", "queries", *QUICK)
        assert done.code == 0, done.err
        assert f"the backup {backup}, restored" in done.out
    (work / "evil.sql").write_text("CREATE TABLE orders (id int);\n\\! touch was-run\n")
    evil = run(work, "--dump", "evil.sql", "--sql", "change.sql", "--sql-dir", "queries", *QUICK)
    assert evil.code == 2
    assert "commands for psql" in evil.err
    assert not (work / "was-run").exists()


def test_answers_that_differ_fail_the_command(shop: str, work: Path) -> None:
    (work / "other").mkdir()
    (work / "other" / "by_address.sql").write_text("SELECT count(*) + 1 FROM orders WHERE address = '10.0.7.7'")
    done = run(work, "--on", shop, "--yes", "--rewritten", "other", "--sql-dir", "queries", *QUICK)
    assert done.code == 1
    assert "1 statement answer otherwise than before" in done.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--sql", "change.sql", "--sql-dir", "queries"), "Say so with --yes"),
        (("--yes", "--sql", "change.sql", "--sql-dir", "nowhere"), "no .sql files"),
        (("--yes", "--sql", "change.sql"), "no workload"),
        (("--yes", "--sql", "nowhere.sql", "--sql-dir", "queries"), "nowhere.sql"),
        (("--yes", "no-such-finding", "--sql-dir", "queries"), "no finding 'no-such-finding'"),
        (("--yes", "--advice", "change.sql", "--sql-dir", "queries"), "is no advice"),
        (("--yes", "--sql", "change.sql", "--sql-dir", "queries", "--dump", "x"), "two places"),
        (("--yes", "--again", "change.sql"), "no record of a proof"),
        (("--yes", "--sql", "unfit.sql", "--sql-dir", "queries"), "does not fit"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    server: EmbeddedServer, shop: str, work: Path, arguments: tuple[str, ...], told: str
) -> None:
    (work / "unfit.sql").write_text("CREATE INDEX ON nowhere (a)")
    done = run(work, "--on", shop, *arguments, *QUICK)
    assert_one_clear_error(done)
    assert told in done.err
    assert not databases(server)


def test_without_a_server_program(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "find_servers", list)
    with pytest.raises(NoServerBinaries), filler.of_statistics(snapshot, 1, 1, lambda _step, _share: None):
        pass


def test_ctrl_c_shows_what_was_measured_and_leaves_nothing(server: EmbeddedServer, shop: str, work: Path) -> None:
    for number in range(40):
        (work / "queries" / f"slow{number}.sql").write_text(
            f"SELECT {number}, count(*) FROM orders, generate_series(1, 8) AS g WHERE note LIKE '%' || g || 'zz%'"
        )
    command = [
        sys.executable,
        "-m",
        "dbwright",
        "prove",
        "--on",
        shop,
        "--yes",
        "--sql",
        "change.sql",
        "--sql-dir",
        "queries",
    ]
    process = subprocess.Popen(
        [*command, "--seconds", "60"],
        cwd=work,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ,
    )
    deadline = time.monotonic() + 30
    while not databases(server) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 130
    assert "Interrupted" in output
    assert not databases(server)
