"""Logs of a real server, and lines that look like a log's."""

import csv
import io
import json
import shutil
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbwright.model.workload import WorkloadRead
from dbwright.workload.logs import read_logs
from servers import available_majors, start


def csv_line(message: str, detail: str = "", session: str = "s1", database: str = "shop", columns: int = 26) -> str:
    row = [""] * columns
    row[2], row[5], row[13], row[14] = database, session, message, detail
    file = io.StringIO()
    csv.writer(file).writerow(row)
    return file.getvalue()


def read(folder: Path, text: str, name: str = "postgresql.csv", **options: Any) -> WorkloadRead:
    (folder / name).write_text(text)
    return read_logs([folder / name], **options)


def calls(read: WorkloadRead) -> dict[str, tuple[float, float]]:
    return {
        statement.sql: (statement.calls, round(statement.mean_milliseconds or 0.0, 3)) for statement in read.statements
    }


def test_statements_that_differ_in_constants_are_one(tmp_path: Path) -> None:
    lines = [csv_line(f"duration: {n}.500 ms  statement: SELECT * FROM t WHERE a = {n};") for n in range(4)]
    assert calls(read(tmp_path, "".join(lines))) == {"SELECT * FROM t WHERE a = $1": (4.0, 2.0)}


def test_constants_that_most_calls_share_are_kept(tmp_path: Path) -> None:
    texts = ["open", "open", "open", "done"]
    lines = [csv_line(f"duration: 1 ms  statement: SELECT * FROM t WHERE a = '{text}'") for text in texts]
    assert calls(read(tmp_path, "".join(lines))) == {"SELECT * FROM t WHERE a = 'open'": (4.0, 1.0)}


def test_parameters_of_the_extended_protocol(tmp_path: Path) -> None:
    message = "duration: 2.0 ms  execute lookup: SELECT * FROM t WHERE a = $1 AND b = $2"
    lines = [csv_line(message, "parameters: $1 = 'it''s, $2', $2 = NULL")] * 3 + [
        csv_line(message, "Parameters: $1 = 'x', $2 = '5'")
    ]
    (statement,) = read(tmp_path, "".join(lines)).statements
    assert statement.sql == "SELECT * FROM t WHERE a = $1 AND b = $2"
    assert statement.parameters == {1: "it's, $2", 2: None}
    (cut,) = read(tmp_path, csv_line(message, "parameters: $1 = 'x...', $2 = 'y")).statements
    assert cut.parameters == {}


def test_a_duration_on_a_line_of_its_own_belongs_to_the_sessions_statement(tmp_path: Path) -> None:
    lines = [
        csv_line("statement: SELECT a FROM t"),
        csv_line("statement: SELECT b FROM t", session="s2"),
        csv_line("duration: 5 ms"),
        csv_line("duration: 7 ms", session="s2"),
        csv_line("duration: 9 ms"),
    ]
    assert calls(read(tmp_path, "".join(lines))) == {"SELECT a FROM t": (1.0, 5.0), "SELECT b FROM t": (1.0, 7.0)}


def test_plans_of_auto_explain(tmp_path: Path) -> None:
    plan = "duration: 3.0 ms  plan:\nQuery Text: SELECT *\n  FROM t\nSeq Scan on t  (cost=0.00..1.00 rows=1 width=4)\n  Filter: (a = 1)"
    as_json = "duration: 5.0 ms  plan:\n" + json.dumps(
        {"Query Text": "SELECT c FROM u", "Plan": {"Node Type": "Seq Scan"}}
    )
    broken = 'duration: 5.0 ms  plan:\n{"Query Text": "SELECT d'
    found = calls(read(tmp_path, csv_line(plan) + csv_line(as_json) + csv_line(broken)))
    assert found == {"SELECT *\n  FROM t": (1.0, 3.0), "SELECT c FROM u": (1.0, 5.0)}


def test_what_counts_for_nothing(tmp_path: Path) -> None:
    lines = [
        csv_line("duration: 1 ms  parse <unnamed>: SELECT a FROM t"),
        csv_line("duration: 1 ms  bind <unnamed>: SELECT a FROM t"),
        csv_line("duration: 1 ms  statement: BEGIN"),
        csv_line("duration: 1 ms  statement: SELECT * FROM pg_stat_activity"),
        csv_line("connection received: host=[local]"),
        csv_line("duration: x ms  statement: SELECT a FROM t"),
        csv_line("duration: 1 ms  statement: SELECT b FROM t", database="other"),
    ]
    found = read(tmp_path, "".join(lines), database="shop")
    assert not found.statements


def test_secrets_in_statements_are_masked(tmp_path: Path) -> None:
    found = read(tmp_path, csv_line("duration: 1 ms  statement: SELECT * FROM t WHERE password = 'hunter2'"))
    assert "hunter2" not in found.statements[0].sql


@pytest.mark.parametrize("columns", [23, 24, 26])
def test_logs_of_every_version(tmp_path: Path, columns: int) -> None:
    assert calls(read(tmp_path, csv_line("duration: 1 ms  statement: SELECT a FROM t", columns=columns)))


def test_lines_of_no_log_are_counted(tmp_path: Path) -> None:
    found = read(tmp_path, "a,b,c\n\n" + csv_line("duration: 1 ms  statement: SELECT a FROM t") + '"never closed')
    assert calls(found) == {"SELECT a FROM t": (1.0, 1.0)}
    assert "2 lines" in found.problems[0].reason
    as_json = '{"message": "duration: 1 ms  statement: SELECT a FROM t", "dbname": "shop"}\n{"message": 5}\n[]\n{"mess'
    found = read(tmp_path, as_json, "postgresql.json")
    assert calls(found) == {"SELECT a FROM t": (1.0, 1.0)}
    assert "2 lines" in found.problems[0].reason


def test_files_that_tell_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    found = read_logs([tmp_path / "empty.csv", tmp_path / "missing.csv", tmp_path])
    assert not found.statements
    assert [problem.origin for problem in found.problems] == ["empty.csv", "missing.csv", tmp_path.name]


def test_a_real_servers_logs(tmp_path: Path) -> None:
    major = available_majors()[-1]
    formats = "csvlog,jsonlog" if major >= 15 else "csvlog"
    settings = {
        "logging_collector": "on",
        "log_destination": formats,
        "log_min_duration_statement": "0",
        "log_directory": "log",
    }
    with start(major, **settings) as server:
        with psycopg.connect(server.conninfo(), autocommit=True) as connection:
            connection.execute("CREATE TABLE seen (id int, name text)")
            for name in ("a", "b", "b", "b"):
                connection.execute("SELECT id FROM seen WHERE name = %s AND id > 5", (name,))
            connection.execute("SELECT 'two\nlines, \"quoted\"' FROM seen", prepare=False)
        for ending in ("csv", "json")[: 1 + (major >= 15)]:
            (path,) = wait_for(server.directory / "data" / "log", ending)
            copy = tmp_path / path.name
            shutil.copy(path, copy)
            found = read_logs([copy])
            by_sql = {statement.sql: statement for statement in found.statements}
            statement = by_sql["SELECT id FROM seen WHERE name = $1 AND id > 5"]
            assert (statement.calls, statement.parameters) == (4.0, {1: "b"})
            assert any("quoted" in sql for sql in by_sql)
            assert not found.problems


def wait_for(folder: Path, ending: str) -> list[Path]:
    """The log once it tells of the last statement: the collector writes it a moment later."""
    for _ in range(100):
        found = sorted(folder.glob(f"*.{ending}"))
        if found and "quoted" in found[0].read_text():
            return found
        time.sleep(0.1)
    raise AssertionError(f"no log in {sorted(folder.iterdir())}")
