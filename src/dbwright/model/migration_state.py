"""The project's migrations set against what a database has recorded of them and what it really holds. Pure; kept with the snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from dbwright.model.catalog import Catalog, Index, Table
from dbwright.model.drift import differences
from dbwright.model.migrations import AppliedMigration, Drift, MigrationFile, MigrationOperation
from dbwright.model.snapshot import Snapshot, once
from dbwright.model.source import Place, SourceColumn, SourceConstraint, SourceIndex, SourceTable

VERSION_TABLES = frozenset(("django_migrations", "alembic_version"))


@once
def applied(snapshot: Snapshot) -> dict[str, AppliedMigration | None]:
    """The migrations that the database has, by label: with the row that says so, or None for those that another row implies (an ancestor
    of the revision in ``alembic_version``, what a squashed migration stands for, or such a one whose parts are all recorded)."""
    django = {f"{row.group}.{row.name}": row for row in snapshot.applied if row.framework == "django"}
    found: dict[str, AppliedMigration | None] = dict(django)
    for file in snapshot.source.migrations.files:
        if file.framework == "django" and file.replaces:
            if file.label in django:
                found |= dict.fromkeys(label for label in file.replaces if label not in found)
            elif all(label in django for label in file.replaces):
                found[file.label] = None
    rows = {row.name: row for row in snapshot.applied if row.framework == "alembic"}
    for group, files in _histories(snapshot, "alembic").items():
        by_name = {file.name: file for file in files}
        waiting = [name for name in by_name if name in rows]
        while waiting:
            name = waiting.pop()
            label = f"{group}.{name}"
            if name in by_name and label not in found:
                found[label] = rows.get(name)
                waiting += by_name[name].parents
    return found


def _histories(snapshot: Snapshot, framework: str) -> dict[str, list[MigrationFile]]:
    groups: dict[str, list[MigrationFile]] = {}
    for file in snapshot.source.migrations.files:
        if file.framework == framework:
            groups.setdefault(file.group, []).append(file)
    return groups


@once
def pending(snapshot: Snapshot) -> tuple[MigrationFile, ...]:
    """The migrations that the database has not, parents first. A history of Alembic's of which the database has no revision belongs to
    another database, unless the project has only that one; what a squashed migration replaces is not waited for."""
    known = applied(snapshot)
    alembic = _histories(snapshot, "alembic")
    own = {group for group, files in alembic.items() if any(file.label in known for file in files) or len(alembic) == 1}
    replaced = {label for file in snapshot.source.migrations.files for label in file.replaces}
    return tuple(
        file
        for file in snapshot.source.migrations.files
        if file.label not in known and file.label not in replaced and (file.framework == "django" or file.group in own)
    )


@once
def strangers(snapshot: Snapshot) -> tuple[AppliedMigration, ...]:
    """Rows that name a migration which the project does not have, of applications that are its own."""
    files = snapshot.source.migrations.files
    labels = {file.label for file in files} | {label for file in files for label in file.replaces}
    groups = {file.group for file in files if file.framework == "django"}
    revisions = {file.name for file in files if file.framework == "alembic"}
    return tuple(
        row
        for row in snapshot.applied
        if (row.framework == "django" and row.group in groups and f"{row.group}.{row.name}" not in labels)
        or (row.framework == "alembic" and revisions and row.name not in revisions)
    )


@once
def made_by_hand(snapshot: Snapshot) -> tuple[tuple[MigrationFile, tuple[MigrationOperation, ...]], ...]:
    """Migrations that are not recorded though the database has what they make, with the operations that will fail."""
    tables = {table.name: table for table in snapshot.catalog.tables}
    columns = {(column.table_oid, column.name) for column in snapshot.catalog.columns}
    indexes = {index.name for index in snapshot.catalog.indexes}
    constraints = {(constraint.table_oid, constraint.name) for constraint in snapshot.catalog.constraints}

    def is_there(operation: MigrationOperation) -> bool:
        table = tables.get(operation.table or "")
        if operation.effect != "makes" or table is None:
            return False
        match operation.part:
            case "table":
                return True
            case "column":
                return (table.oid, operation.name) in columns
            case "index":
                return operation.name in indexes
            case "constraint":
                return (table.oid, operation.name) in constraints
        return False

    found = []
    dropped: set[tuple[str | None, str | None]] = set()
    for file in pending(snapshot):
        done = tuple(o for o in file.operations if is_there(o) and (o.table, o.name) not in dropped)
        dropped |= {(o.table, o.name) for o in file.operations if o.effect == "drops"}
        if done:
            found.append((file, done))
    return tuple(found)


@once
def database_drift(snapshot: Snapshot) -> tuple[Drift, ...]:
    """Where the database is not what its applied migrations make. Tables that pending migrations touch are passed over, and so are those
    that SQL changes in a way that was not followed, and histories that were not replayed wholly."""
    migrations = snapshot.source.migrations
    if not snapshot.applied or not migrations.replayed:
        return ()
    waiting = {operation.table for file in pending(snapshot) for operation in file.operations}
    if any(
        operation.table is None and operation.risk != "none"
        for file in pending(snapshot)
        for operation in file.operations
    ):
        return ()  # SQL and code may touch any table
    known = {file.group for file in migrations.files if file.label in applied(snapshot)} & migrations.replayed
    made = [
        t
        for t in migrations.tables
        if t.managed and migrations.groups.get(t.name) in known and t.name not in waiting | migrations.unsure
    ]
    there = as_source(snapshot.catalog, {table.name for table in made}, types=snapshot.target.engine == "postgresql")
    plain = [replace(table, schema=None) for table in made]
    groups = migrations.groups
    frameworks = {file.group: file.framework for file in migrations.files}
    return tuple(
        replace(one, group=groups[one.table], framework=frameworks[groups[one.table]])
        for one in differences(plain, there, "migrations", "database")
        if not _is_the_servers(one)
    )


def _is_the_servers(one: Drift) -> bool:
    """A check that stands at a column in the migrations, without a name, and in the database under the server's."""
    return one.kind == "constraint" and not one.columns and (one.name is None or one.name.endswith("_check"))


def as_source(catalog: Catalog, names: Iterable[str], *, types: bool) -> Iterator[SourceTable]:
    """Tables of the catalog as the source has them. Without ``types`` these are not known: SQLite's are another engine's."""
    wanted = set(names)
    for table in catalog.tables:
        if table.name in wanted and table.kind in ("table", "partitioned table") and not table.is_partition:
            yield _table(catalog, table, types)


def _table(catalog: Catalog, table: Table, types: bool) -> SourceTable:
    constraints = catalog.constraints_of(table)
    primary = next((c.columns for c in constraints if c.kind == "primary key"), ())
    columns = tuple(
        SourceColumn(
            column.name,
            column.name,
            column.type if types and column.type_kind == "base" else None,
            column.not_null,
            column.name in primary,
            has_default=column.default is not None,
        )
        for column in catalog.columns_of(table)
    )
    kept = tuple(
        SourceConstraint(
            c.name, c.kind, c.columns if c.kind != "check" else (), c.definition if c.kind == "check" else None
        )
        for c in constraints
        if c.kind != "not null" and c.kind != "trigger"
    )
    indexes = tuple(_index(i) for i in catalog.indexes_of(table) if not i.constraint and not i.is_primary)
    return SourceTable(table.name, None, table.name, Place("", 0), "sql", columns, indexes, kept)


def _index(index: Index) -> SourceIndex:
    classes = tuple(
        "" if default else name for name, default in zip(index.opclasses, index.default_opclass, strict=False)
    )
    return SourceIndex(
        index.name,
        index.keys,
        index.is_unique,
        index.access_method,
        index.descending,
        index.is_expression,
        classes,
        index.include,
        index.predicate,
    )
