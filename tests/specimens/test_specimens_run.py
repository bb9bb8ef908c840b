"""Every specimen runs: its migrations, its loader and its workload, on a real PostgreSQL.

A specimen is a folder below ``specimens``. Without a ``specimen.toml`` of its own it is a Django project in ``backend`` with the
commands below; with one, what stands there counts::

    folder = "backend"                                        # where the commands run, below the specimen
    [commands]                                                # "python" is this interpreter
    migrate = [["python", "manage.py", "migrate"]]            # one or more, in order
    load = [["python", "manage.py", "load_specimen"]]         # a few thousand rows, in seconds
    workload = [["python", "manage.py", "run_workload"]]      # a few hundred requests; the last line is requests=.. errors=0
    tests = []                                                # the specimen's own tests, if it has any

Commands find the database in DATABASE_URL and in DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD (and PGPASSFILE).
"""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import expectations
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from dbwright.embedded import EmbeddedServer

SPECIMENS = Path(__file__).parents[2] / "specimens"
NAMES = sorted(path.name for path in SPECIMENS.iterdir() if path.is_dir() and not path.name.startswith((".", "_")))
MANAGE = ["python", "manage.py"]
DEFAULTS = {
    "migrate": [[*MANAGE, "migrate", "--verbosity", "0"]],
    "load": [[*MANAGE, "load_specimen", "--scale", "0.002"]],
    "workload": [[*MANAGE, "run_workload", "--requests", "300", "--seed", "1"]],
    "tests": [],
}
LAST_LINE = re.compile(r"requests=(\d+) seconds=\d+\.\d\d errors=0\n\Z")


@dataclass(frozen=True)
class Running:
    """A specimen on a database of its own."""

    name: str
    folder: Path
    commands: dict[str, list[list[str]]]
    conninfo: str
    further: dict[str, str] = field(default_factory=dict)

    def run(self, step: str) -> str:
        """Run a step's commands; what they printed. Warnings of the specimen's own code are errors."""
        printed = []
        for command in self.commands[step]:
            words = [sys.executable, "-W", "error", *command[1:]] if command[0] == "python" else command
            done = subprocess.run(
                words, cwd=self.folder, env=self.environment(), capture_output=True, text=True, check=False, timeout=300
            )
            assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
            printed.append(done.stdout)
        return "".join(printed)

    def environment(self) -> dict[str, str]:
        parts = {key: str(value) for key, value in conninfo_to_dict(self.conninfo).items() if value is not None}
        names = {
            "host": "DB_HOST",
            "port": "DB_PORT",
            "dbname": "DB_NAME",
            "user": "DB_USER",
            "password": "DB_PASSWORD",
        }
        variables = {variable: parts[key] for key, variable in names.items() if key in parts}
        if "passfile" in parts:
            variables["PGPASSFILE"] = parts["passfile"]
        user = ":".join(quote(parts[key], safe="") for key in ("user", "password") if key in parts)
        query = f"?host={quote(parts['host'], safe='')}&port={parts['port']}"
        variables["DATABASE_URL"] = f"postgresql://{user}@/{parts['dbname']}{query}"
        return {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **variables, **self.further}

    def rows(self, query: str, *parameters: object) -> list[tuple]:
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            return connection.execute(query, parameters).fetchall()


def described(name: str) -> tuple[Path, dict[str, list[list[str]]]]:
    """The folder in which a specimen's commands run, and the commands."""
    description = SPECIMENS / name / "specimen.toml"
    values = tomllib.loads(description.read_text()) if description.exists() else {}
    return SPECIMENS / name / values.get("folder", "backend"), DEFAULTS | values.get("commands", {})


@pytest.fixture(scope="module", params=NAMES)
def specimen(request: pytest.FixtureRequest, server: EmbeddedServer) -> Iterator[Running]:
    """A specimen, migrated and loaded."""
    folder, commands = described(request.param)
    database = f"run_{request.param}"
    running = Running(request.param, folder, commands, server.create_database(database))
    running.run("migrate")
    running.run("load")
    yield running
    server.drop_database(database)


def test_there_are_specimens() -> None:
    assert "boltpromo" in NAMES


def test_the_loader_fills_tables_and_the_planner_knows(specimen: Running) -> None:
    sizes = specimen.rows("SELECT relname, n_live_tup FROM pg_stat_user_tables ORDER BY 2 DESC")
    assert len(sizes) >= 4
    largest, rows = sizes[0]
    assert rows >= 1_000
    # Without statistics of the planner's own the specimen would show the defects of a table that nobody analyzed.
    assert specimen.rows("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", largest)[0][0] >= 1_000


def test_the_workload_meets_no_error_and_a_few_statements_dominate(specimen: Running) -> None:
    have = specimen.rows("SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_stat_statements'")[0][0]
    if have:
        with psycopg.connect(specimen.conninfo, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            connection.execute("SELECT pg_stat_statements_reset()")
    printed = specimen.run("workload")
    done = LAST_LINE.search(printed)
    assert done, printed[-2000:]
    assert int(done[1]) >= 100
    if not have:
        pytest.skip("this build of PostgreSQL has no pg_stat_statements; the workload itself ran")
    calls = [
        count
        for (count,) in specimen.rows(
            """
            SELECT sum(calls)::int FROM pg_stat_statements
            WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query ~* '[[:space:]]FROM[[:space:]]'
            GROUP BY queryid ORDER BY 1 DESC
            """
        )
    ]
    assert len(calls) >= 20
    assert sum(calls[: len(calls) // 10]) > 0.4 * sum(calls)


def test_what_is_expected_of_a_specimen_is_there(specimen: Running) -> None:
    """The files, lines, tables and columns that an expectation names are those of the specimen as it is now."""
    if specimen.name not in expectations.NAMES:
        pytest.skip(f"nothing is written down yet of what an audit of {specimen.name} must find")
    columns: dict[str, set[str]] = {}
    for table, column in specimen.rows(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    ):
        columns.setdefault(table, set()).add(column)
    for entry in expectations.read(specimen.name).entries():
        if "table" in entry:
            assert entry["table"] in columns, entry["key"]
            assert set(entry.get("columns", ())) <= columns[entry["table"]], entry["key"]


@pytest.mark.parametrize("name", [name for name in NAMES if described(name)[1]["tests"]])
def test_the_specimens_own_tests_pass(name: str, database: str) -> None:
    folder, commands = described(name)
    Running(name, folder, commands, database).run("tests")
