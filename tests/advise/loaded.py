"""A database with rows in it, and its snapshot."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import psycopg

from dbwright.collect.postgres import collect
from dbwright.embedded import EmbeddedServer
from dbwright.model.snapshot import Snapshot
from dbwright.postgres import connect, parse_address
from servers import analyze


@dataclass(frozen=True)
class Loaded:
    conninfo: str
    snapshot: Snapshot


@contextmanager
def loaded(server: EmbeddedServer, name: str, script: str, days: int | None = None) -> Iterator[Loaded]:
    """``days`` is for how long the counters are said to have run."""
    conninfo = server.create_database(name)
    with psycopg.connect(conninfo, autocommit=True) as writer:
        for statement in script.strip().rstrip(";").split(";\n"):
            writer.execute(statement.encode())
        analyze(writer)
    parameters = parse_address(conninfo)
    with connect(parameters) as connection:
        snapshot = collect(connection, parameters)
    if days is not None:
        began = snapshot.taken_at - timedelta(days=days)
        snapshot = replace(snapshot, statistics=replace(snapshot.statistics, reset_at=began))
    yield Loaded(conninfo, snapshot)
    server.drop_database(name)
