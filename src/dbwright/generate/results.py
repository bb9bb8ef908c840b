"""What a statement returns, asked of a private server that holds the project's tables without rows."""

from __future__ import annotations

import psycopg
from psycopg import sql

from dbwright.embedded import EmbeddedServer
from dbwright.fixes.project import Project
from dbwright.generate.generated import Refused
from dbwright.phantom.schema import steps
from dbwright.source.catalog import catalog_of


def columns(project: Project, statement: str) -> list[tuple[str, str]]:
    """Name and type of each column. Raises Refused for a statement that the project's tables do not answer."""
    catalog = catalog_of(project.reading.source(queries=False))
    with EmbeddedServer.start() as server, psycopg.connect(server.conninfo(), autocommit=True) as connection:
        for group in steps(catalog):
            for step in group:
                try:
                    connection.execute(step.sql.encode())
                except psycopg.Error:
                    continue  # then the statement asks in vain for what it needs of this, and says so
        try:
            connection.execute(b"CREATE VIEW asked AS " + statement.encode())
        except psycopg.Error as error:
            told = " ".join(str(error).split())
            raise Refused(f"The statement cannot be run on the project's tables: {told}.", "Mend it first.") from None
        found = connection.execute(
            sql.SQL(
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
                " WHERE attrelid = 'asked'::regclass AND attnum > 0 ORDER BY attnum"
            )
        )
        return [(str(name), str(type_)) for name, type_ in found.fetchall()]
