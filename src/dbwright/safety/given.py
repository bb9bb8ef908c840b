"""The schema that there is before a migration: files of SQL, or a snapshot of a database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from dbwright.model.catalog import Catalog, Table
from dbwright.model.quoting import quote_identifier
from dbwright.model.snapshot import Snapshot
from dbwright.phantom.schema import steps, stored
from dbwright.safety.judge import Before
from dbwright.safety.nodes import Name
from dbwright.safety.sources import NothingToCheck, read_sql
from dbwright.safety.statements import script_of


def before(files: Sequence[Path], snapshot: Snapshot | None, major: int | None) -> Before:
    """What these files and the snapshot give. Raises NothingToCheck for a file of SQL that cannot be read."""
    statements: list[str] = []
    sizes: dict[Name, int] = {}
    if snapshot is not None and snapshot.target.engine == "postgresql":
        statements += of_snapshot(snapshot)
        sizes |= sizes_of(snapshot)
        major = major or (snapshot.target.major if snapshot.catalog.tables else None)
    for file in files:
        if file.suffix == ".json":
            from dbwright import snapshots

            read = snapshots.load(file)
            statements += of_snapshot(read)
            sizes |= sizes_of(read)
            major = major or read.target.major
        else:
            statements += _of_file(file)
    return Before(tuple(statements), sizes, major)


def _of_file(file: Path) -> list[str]:
    script = script_of(read_sql(file), str(file))
    wrong = next((one for one in script.statements if one.error), None)
    if wrong is not None and all(one.error for one in script.statements):
        raise NothingToCheck(
            f"{file} holds no SQL: {wrong.error}.", "Give a dump of the schema (pg_dump --schema-only)."
        )
    return [
        one.sql
        for one in script.statements
        if not one.error and one.kind not in ("CopyStmt", "DropdbStmt", "CreatedbStmt")
    ]


def of_snapshot(snapshot: Snapshot) -> list[str]:
    """The snapshot's schema with what a migration meets and a plan does not: defaults, foreign keys, constraints not validated."""
    catalog = snapshot.catalog
    made = [step.sql for group in steps(catalog) for step in group]
    for table in stored(catalog):
        made += _defaults(catalog, table)
        made += _rules(catalog, table)
    return made


def _defaults(catalog: Catalog, table: Table) -> Iterator[str]:
    for column in catalog.columns_of(table):
        if column.default and "nextval(" not in column.default and not column.generated:
            name = quote_identifier(table.schema, table.name)
            yield f"ALTER TABLE {name} ALTER COLUMN {quote_identifier(column.name)} SET DEFAULT {column.default}"


def _rules(catalog: Catalog, table: Table) -> Iterator[str]:
    """Foreign keys, and the checks that the planner is not told of because they are not validated."""
    for constraint in catalog.constraints_of(table, "foreign key", "check"):
        if constraint.is_inherited or (constraint.kind == "check" and constraint.is_validated):
            continue
        open_ = "" if constraint.is_validated or "NOT VALID" in constraint.definition else " NOT VALID"
        name = quote_identifier(table.schema, table.name)
        yield f"ALTER TABLE {name} ADD CONSTRAINT {quote_identifier(constraint.name)} {constraint.definition}{open_}"


def sizes_of(snapshot: Snapshot) -> dict[Name, int]:
    """Rows of each table, as the server estimates them."""
    return dict(_sizes(snapshot))


def _sizes(snapshot: Snapshot) -> Iterator[tuple[Name, int]]:
    if snapshot.statistics.tables:
        for table in snapshot.catalog.tables:
            yield (table.schema, table.name), snapshot.rows(table)
