"""The PostgreSQL servers that tests can have, of every major version found on this machine or fetched for it."""

import time
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from dbwright.embedded import EmbeddedServer, ServerBinaries, find_servers
from dbwright.embedded.binaries import inspect

FETCHED = Path(__file__).parents[1] / ".servers"
STATEMENTS = "pg_stat_statements"


def all_binaries() -> dict[int, ServerBinaries]:
    """One installation a major version: with pg_stat_statements where there is a choice."""
    fetched = [inspect(bin_dir, "fetched") for bin_dir in sorted(FETCHED.glob("*/bin"))]
    found = [*find_servers(), *filter(None, fetched)]
    found.sort(key=lambda server: server.has_library(STATEMENTS))
    return {server.major: server for server in found}


def available_majors() -> list[int]:
    """The major versions a test can be run on, oldest first; `tests/fetch_servers.py` adds some."""
    return sorted(all_binaries())


def start(major: int, **settings: str) -> EmbeddedServer:
    """A server of this major version, recording statements where the build can."""
    binaries = all_binaries()[major]
    if binaries.has_library(STATEMENTS):
        settings.setdefault("shared_preload_libraries", STATEMENTS)
        settings.setdefault(
            f"{STATEMENTS}.max", "50000"
        )  # with 5,000 the tests before drop what a test has just recorded
    return EmbeddedServer.start(binaries=binaries, settings=settings)


def analyze(connection: psycopg.Connection[Any]) -> None:
    """VACUUM ANALYZE, with the counters settled before and after: else rows that were put in before count as put in since."""
    major = connection.info.server_version // 10000
    commands: tuple[LiteralString, ...] = ("VACUUM ANALYZE", "SELECT 1")
    for command in commands:
        if major >= 15:
            connection.execute("SELECT pg_stat_force_next_flush()")
        else:
            time.sleep(1)  # the collector is told twice a second, and writes its file twice a second
            connection.execute("SELECT 1")
        connection.execute(command)
