"""Servers and databases for every test that wants them; each xdist worker has its own."""

import contextlib
import itertools
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator

import psycopg
import pytest
from psycopg import sql

from dbwright.embedded import EmbeddedServer
from servers import available_majors, start

_numbers = itertools.count()


def pytest_configure(config: pytest.Config) -> None:
    """Readings of source are kept for this run alone, shared by its workers: those that another state of dbwright kept would answer
    for this one."""
    if not hasattr(config, "workerinput"):
        kept = tempfile.TemporaryDirectory(prefix="dbwright-test-cache-")
        os.environ["XDG_CACHE_HOME"] = kept.name
        config.add_cleanup(kept.cleanup)


def roles(server: EmbeddedServer) -> set[str]:
    with psycopg.connect(server.conninfo()) as connection:
        return {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}


def drop_roles(server: EmbeddedServer, names: Iterable[str]) -> None:
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        for name in names:
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[int], EmbeddedServer]]:
    """The server of a major version, started when first asked for."""
    started: dict[int, EmbeddedServer] = {}
    with contextlib.ExitStack() as stack:

        def server_of(major: int) -> EmbeddedServer:
            if major not in started:
                started[major] = stack.enter_context(start(major))
            return started[major]

        yield server_of


@pytest.fixture(scope="session")
def server(servers: Callable[[int], EmbeddedServer]) -> EmbeddedServer:
    """A server of the newest major version here, with pg_stat_statements loaded when the build has it."""
    return servers(available_majors()[-1])


@pytest.fixture
def database(server: EmbeddedServer) -> Iterator[str]:
    """The conninfo of an empty database of this test's own. Roles that the test makes go with it: others would see them."""
    name = f"test_{next(_numbers)}"
    before = roles(server)
    yield server.create_database(name)
    server.drop_database(name)
    drop_roles(server, roles(server) - before)
