"""See it work: a real application on a private PostgreSQL, loaded, used and audited in a minute."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from dbwright.errors import DbwrightError

SCALE = "0.2"
REQUESTS = "300"


class DemoFailed(DbwrightError):
    """The demo's application did not run."""


@click.command("demo")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    default=Path("dbwright-demo.html"),
    show_default=True,
    help="Where the HTML report goes.",
)
def command(output: Path) -> int:
    """See it work: a real application on a private PostgreSQL, loaded, used and audited in a minute.

    Starts a server of its own that nobody else can reach, and removes it afterwards. Needs `pip install 'dbwright[demo]'`.
    """
    from dbwright.acquire import Request, acquire
    from dbwright.audit import audit
    from dbwright.embedded import EmbeddedServer
    from dbwright.options import note, show

    _require_application()
    root = _specimen()
    # As a production server would be set; our own servers are throw-away and skip what keeps data safe.
    settings = {
        "shared_preload_libraries": "pg_stat_statements",
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
    }
    began = time.monotonic()
    with _step("Starting a private PostgreSQL"):
        server = EmbeddedServer.start(settings=settings)
    with server:
        address = server.create_database("boltpromo")
        environment = _environment(address)
        with _step("Migrating boltpromo, a Django application with 14 models"):
            _install_statements(address)
            _manage(root, environment, "migrate", "--verbosity", "0")
        with _step("Loading rows with realistic skew"):
            _manage(root, environment, "load_specimen", "--scale", SCALE)
        with _step(f"Driving its views with {REQUESTS} requests"):
            _manage(root, environment, "run_workload", "--requests", REQUESTS, "--seed", "1")
        with _step("Reading and auditing the database"):
            report = audit(acquire(Request(root, (address,)), os.environ))
    click.echo(err=True)
    show(report, "text", None)
    show(report, "html", output)
    note(f"All of it in {time.monotonic() - began:.0f} s. Now in your own project: dbwright audit")
    return 0


def _require_application() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("django", "rest_framework", "django_filters") if find_spec(name) is None]
    if missing:
        raise DemoFailed(f"The demo needs {', '.join(missing)}.", "pip install 'dbwright[demo]'")


def _specimen() -> Path:
    """The application: beside the package when installed, in the repository when developed."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "specimens" / "boltpromo", package.parent.parent / "specimens" / "boltpromo"):
        if (folder / "backend" / "manage.py").is_file():
            return folder
    raise DemoFailed("The demo's application is not in this installation.", "Install dbwright again.")


def _environment(address: str) -> Mapping[str, str]:
    from psycopg.conninfo import conninfo_to_dict

    parts = conninfo_to_dict(address)
    names = {"DB_HOST": "host", "DB_PORT": "port", "DB_NAME": "dbname", "DB_USER": "user", "PGPASSFILE": "passfile"}
    ours = {key: str(parts[part]) for key, part in names.items() if parts.get(part) is not None}
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("DJANGO_", "DB_", "PG"))}
    return kept | ours | {"PYTHONDONTWRITEBYTECODE": "1"}


def _install_statements(address: str) -> None:
    """pg_stat_statements, where this build of the server has it: without it the demo shows less, not nothing."""
    import psycopg

    with psycopg.connect(address, autocommit=True) as connection:
        known = connection.execute("SELECT FROM pg_available_extensions WHERE name = 'pg_stat_statements'").fetchone()
        if known is not None:
            connection.execute("CREATE EXTENSION pg_stat_statements")


def _manage(root: Path, environment: Mapping[str, str], *arguments: str) -> None:
    outcome = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=root / "backend",
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if outcome.returncode:
        last = (outcome.stderr.strip() or outcome.stdout.strip() or "no message").splitlines()[-1]
        raise DemoFailed(f"manage.py {arguments[0]} failed: {last}", "Report it with `dbwright --version`.")


@contextmanager
def _step(what: str) -> Iterator[None]:
    began = time.monotonic()
    click.echo(f"{what} … ", nl=False, err=True)
    yield
    click.echo(f"{time.monotonic() - began:.1f} s", err=True)
