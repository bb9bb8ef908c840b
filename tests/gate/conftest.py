"""A shop whose production has 300,000 orders, as a snapshot."""

from collections.abc import Iterator

import psycopg
import pytest
from shop_project import PRODUCTION, Production

from dbwright.collect.postgres import collect
from dbwright.embedded import EmbeddedServer
from dbwright.postgres import connect, parse_address
from dbwright.snapshots import encode
from servers import analyze


@pytest.fixture(scope="session")
def production(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    conninfo = server.create_database("gate_shop")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(PRODUCTION)
        analyze(connection)
    parameters = parse_address(conninfo)
    with connect(parameters) as connection:
        snapshot = collect(connection, parameters)
    file = tmp_path_factory.mktemp("production") / "production.json"
    file.write_bytes(encode(snapshot))
    yield Production(snapshot, file)
    server.drop_database("gate_shop")
