"""A Change as statements of its engine; PostgreSQL's are made here, SQLite's in ``fixes/sqlite.py``.

The *online* form builds indexes CONCURRENTLY and validates constraints apart from adding them, so it must run outside a
transaction block, statement by statement; the other form runs inside one.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch

from dbwright.fixes import sqlite
from dbwright.fixes.spelling import number
from dbwright.model import change as c
from dbwright.model.quoting import quote_identifier, quote_literal, shortened

_LISTS = frozenset(
    "shared_preload_libraries session_preload_libraries local_preload_libraries search_path temp_tablespaces "
    "unix_socket_directories".split()
)
_PSEUDO_ROLES = frozenset({"PUBLIC", "CURRENT_USER", "SESSION_USER", "CURRENT_ROLE"})


def forward(change: c.Change, *, online: bool = True) -> tuple[str, ...]:
    """The statements that carry out the change in order, without semicolons."""
    return _statements(change.operations, change.engine, online)


def backward(change: c.Change, *, online: bool = True) -> tuple[str, ...]:
    """The statements that take the change back; none when it need not or cannot be taken back."""
    return _statements(change.reverse(), change.engine, online)


def script(statements: Iterable[str]) -> str:
    """Statements as text for people: each on a line of its own, with its semicolon."""
    return "\n".join(statement + ";" for statement in statements)


def is_possible(change: c.Change) -> bool:
    """Whether its engine has statements for the change and for its reverse."""
    try:
        forward(change)
        backward(change)
    except sqlite.CannotAlter:
        return False
    return True


def _statements(operations: Iterable[c.Operation], engine: c.Engine, online: bool) -> tuple[str, ...]:
    if engine == "sqlite":
        return tuple(statement for operation in operations for statement in sqlite.render(operation))
    return statements(operations, online=online)


def statements(operations: Iterable[c.Operation], *, online: bool) -> tuple[str, ...]:
    """PostgreSQL's statements for operations in order, without semicolons."""
    return tuple(statement for operation in operations for statement in _render(operation, online))


@singledispatch
def _render(operation: c.Operation, online: bool) -> tuple[str, ...]:
    raise TypeError(f"no SQL for {type(operation).__name__} (online={online})")


def index_key(key: c.IndexKey) -> str:
    """A key as it stands in CREATE INDEX."""
    text = quote_identifier(key.column) if key.column is not None else f"({key.expression})"
    if key.opclass:
        text += " " + quote_identifier(key.opclass)
    if key.descending:
        text += " DESC"
    if key.nulls_first is not None and key.nulls_first != key.descending:
        text += " NULLS FIRST" if key.nulls_first else " NULLS LAST"
    return text


@_render.register
def _(operation: c.CreateIndex, online: bool) -> tuple[str, ...]:
    return (create_index(operation, online=online),)


def create_index(operation: c.CreateIndex, *, online: bool) -> str:
    """The statement that builds an index."""
    unique = "UNIQUE " if operation.unique else ""
    concurrently = "CONCURRENTLY " if online and not operation.on_partitioned else ""
    text = (
        f"CREATE {unique}INDEX {concurrently}{quote_identifier(operation.name)}"
        f" ON {quote_identifier(operation.schema, operation.table)}"
    )
    if operation.method != "btree":
        text += f" USING {quote_identifier(operation.method)}"
    text += f" ({', '.join(map(index_key, operation.keys))})"
    if operation.include:
        text += f" INCLUDE ({', '.join(map(quote_identifier, operation.include))})"
    if operation.nulls_not_distinct:
        text += " NULLS NOT DISTINCT"
    if operation.options:
        text += f" WITH ({', '.join(operation.options)})"
    if operation.predicate:
        text += f" WHERE {operation.predicate}"
    return text


def _drop_index(schema: str, name: str, online: bool) -> tuple[str, ...]:
    return (f"DROP INDEX {'CONCURRENTLY ' if online else ''}{quote_identifier(schema, name)}",)


@_render.register
def _(operation: c.DropNewIndex, online: bool) -> tuple[str, ...]:
    created = operation.created
    return _drop_index(created.schema, created.name, online and not created.on_partitioned)


@_render.register
def _(operation: c.DropIndex, online: bool) -> tuple[str, ...]:
    return _drop_index(operation.schema, operation.name, online and not operation.on_partitioned)


@_render.register
def _(operation: c.RecreateIndex, online: bool) -> tuple[str, ...]:
    definition = operation.dropped.definition
    if online and not operation.dropped.on_partitioned:
        definition = definition.replace(" INDEX ", " INDEX CONCURRENTLY ", 1)
    return (definition,)


@_render.register
def _(operation: c.Reindex, online: bool) -> tuple[str, ...]:
    return (f"REINDEX INDEX {'CONCURRENTLY ' if online else ''}{quote_identifier(operation.schema, operation.name)}",)


def _alter(
    operation: c.AddConstraint
    | c.DropConstraint
    | c.ValidateConstraint
    | c.SetOnDelete
    | c.AddRangeCheck
    | c.AddUnique
    | c.PromoteToPrimaryKey,
) -> str:
    return f"ALTER TABLE {quote_identifier(operation.schema, operation.table)}"


def _not_valid(definition: str) -> str:
    return definition if definition.endswith("NOT VALID") else definition + " NOT VALID"


@_render.register
def _(operation: c.AddConstraint, online: bool) -> tuple[str, ...]:
    name = quote_identifier(operation.name)
    if operation.validate and online:
        return (
            f"{_alter(operation)} ADD CONSTRAINT {name} {_not_valid(operation.definition)}",
            f"{_alter(operation)} VALIDATE CONSTRAINT {name}",
        )
    return (f"{_alter(operation)} ADD CONSTRAINT {name} {operation.definition}",)


@_render.register
def _(operation: c.DropConstraint, online: bool) -> tuple[str, ...]:
    return (f"{_alter(operation)} DROP CONSTRAINT {quote_identifier(operation.name)}",)


def range_check(operation: c.AddRangeCheck) -> str:
    """The definition of the constraint."""
    column = quote_identifier(operation.column)
    low = None if operation.low is None else f"{column} >= {number(operation.low)}"
    high = None if operation.high is None else f"{column} <= {number(operation.high)}"
    return f"CHECK ({' AND '.join(filter(None, (low, high)))})"


@_render.register
def _(operation: c.AddRangeCheck, online: bool) -> tuple[str, ...]:
    definition = range_check(operation)
    added = c.AddConstraint(operation.schema, operation.table, operation.name, definition, validate=True)
    return _render(added, online)


@_render.register
def _(operation: c.DropRangeCheck, online: bool) -> tuple[str, ...]:
    added = operation.added
    return _render(c.DropConstraint(added.schema, added.table, added.name, ""), online)


@_render.register
def _(operation: c.PromoteToPrimaryKey, online: bool) -> tuple[str, ...]:
    name, index = quote_identifier(operation.name), quote_identifier(operation.index)
    return (f"{_alter(operation)} ADD CONSTRAINT {name} PRIMARY KEY USING INDEX {index}",)


@_render.register
def _(operation: c.ValidateConstraint, online: bool) -> tuple[str, ...]:
    return (f"{_alter(operation)} VALIDATE CONSTRAINT {quote_identifier(operation.name)}",)


@_render.register
def _(operation: c.AddUnique, online: bool) -> tuple[str, ...]:
    alter, name = _alter(operation), quote_identifier(operation.name)
    if not online:
        distinct = " NULLS NOT DISTINCT" if operation.nulls_not_distinct else ""
        columns = ", ".join(map(quote_identifier, operation.columns))
        return (f"{alter} ADD CONSTRAINT {name} UNIQUE{distinct} ({columns})",)
    return (create_index(operation.index, online=True), f"{alter} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}")


@_render.register
def _(operation: c.DropUnique, online: bool) -> tuple[str, ...]:
    added = operation.added
    return _render(c.DropConstraint(added.schema, added.table, added.name, ""), online)


def swapped_name(operation: c.SetOnDelete) -> str:
    """The name that the new foreign key has until the old one is gone."""
    return shortened(operation.name, "_new") + "_new"


@_render.register
def _(operation: c.SetOnDelete, online: bool) -> tuple[str, ...]:
    alter, name = _alter(operation), quote_identifier(operation.name)
    if not online:
        return (f"{alter} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {operation.new_definition}",)
    temporary = quote_identifier(swapped_name(operation))
    return (
        f"{alter} ADD CONSTRAINT {temporary} {_not_valid(operation.new_definition)}",
        f"{alter} VALIDATE CONSTRAINT {temporary}",
        f"{alter} DROP CONSTRAINT {name}",
        f"{alter} RENAME CONSTRAINT {temporary} TO {name}",
    )


def _alter_column(schema: str, table: str, column: str) -> str:
    return f"ALTER TABLE {quote_identifier(schema, table)} ALTER COLUMN {quote_identifier(column)}"


@_render.register
def _(operation: c.AlterColumnType, online: bool) -> tuple[str, ...]:
    using = f" USING {operation.using}" if operation.using else ""
    if operation.cast and not using:
        using = f" USING {quote_identifier(operation.column)}::{operation.new_type}"
    # A new type throws the column's statistics away, and no autovacuum would notice.
    analyze = f"ANALYZE {quote_identifier(operation.schema, operation.table)} ({quote_identifier(operation.column)})"
    alter = _alter_column(operation.schema, operation.table, operation.column)
    return (f"{alter} TYPE {operation.new_type}{using}", analyze)


def not_null_check(operation: c.SetNotNull) -> str:
    """The name of the constraint that lets SET NOT NULL pass without reading the table."""
    return shortened(operation.column, "_not_null") + "_not_null"


@_render.register
def _(operation: c.SetNotNull, online: bool) -> tuple[str, ...]:
    alter = _alter_column(operation.schema, operation.table, operation.column)
    if not operation.not_null:
        return (f"{alter} DROP NOT NULL",)
    if not online:
        return (f"{alter} SET NOT NULL",)
    # A validated CHECK lets SET NOT NULL skip its scan under the exclusive lock (PostgreSQL 12 and later).
    table = f"ALTER TABLE {quote_identifier(operation.schema, operation.table)}"
    name = quote_identifier(not_null_check(operation))
    return (
        f"{table} ADD CONSTRAINT {name} CHECK ({quote_identifier(operation.column)} IS NOT NULL) NOT VALID",
        f"{table} VALIDATE CONSTRAINT {name}",
        f"{alter} SET NOT NULL",
        f"{table} DROP CONSTRAINT {name}",
    )


@_render.register
def _(operation: c.SetDefault, online: bool) -> tuple[str, ...]:
    alter = _alter_column(operation.schema, operation.table, operation.column)
    return (f"{alter} DROP DEFAULT" if operation.new is None else f"{alter} SET DEFAULT {operation.new}",)


@_render.register
def _(operation: c.AlterColumn, online: bool) -> tuple[str, ...]:
    alter = _alter_column(operation.schema, operation.table, operation.column)
    return (f"{alter} SET {operation.property} {operation.new}",)


@_render.register
def _(operation: c.SetStorageParameter, online: bool) -> tuple[str, ...]:
    what = f"{operation.relation} {quote_identifier(operation.schema, operation.name)}"
    if operation.new is None:
        return (f"ALTER {what} RESET ({operation.parameter})",)
    return (f"ALTER {what} SET ({operation.parameter} = {operation.new})",)


BATCH_ROWS = 5000
"""Rows of a table that are changed in one transaction: some 50 ms of row locks."""


def batch(operation: c.Backfill, after: str | None, rows: int = BATCH_ROWS) -> str:
    """The statement that changes the next rows after a key (a literal of SQL; None: from the first), and answers with the last key as text
    and the number of rows."""
    table, key = quote_identifier(operation.schema, operation.table), quote_identifier(operation.key)
    beyond = "" if after is None else f"{key} > {after} AND "
    return (
        f"WITH batch AS (SELECT {key} AS key FROM {table} WHERE {beyond}({operation.condition}) "
        f"ORDER BY {key} LIMIT {rows} FOR NO KEY UPDATE), "
        f"changed AS (UPDATE {table} SET {operation.assignments} WHERE {key} IN (SELECT key FROM batch) AND ({operation.condition}) "
        f"RETURNING {key} AS key) SELECT (SELECT max(key) FROM batch)::text, (SELECT count(*) FROM changed)"
    )


@_render.register
def _(operation: c.Backfill, online: bool) -> tuple[str, ...]:
    """Online a block that commits each batch, so that rows are locked for moments only."""
    if not online:
        table = quote_identifier(operation.schema, operation.table)
        return (f"UPDATE {table} SET {operation.assignments} WHERE {operation.condition}",)
    body = (
        "DECLARE last text; BEGIN LOOP "
        f"{batch(operation, None)} INTO last; EXIT WHEN last IS NULL; COMMIT; END LOOP; END"
    )
    return (f"DO {quote_literal(body)}",)


def _parameter_value(name: str, value: str) -> str:
    if name in _LISTS:
        return ", ".join(quote_literal(part.strip().strip('"')) for part in value.split(",") if part.strip()) or "''"
    return quote_literal(value)


@_render.register
def _(operation: c.SetServerParameter, online: bool) -> tuple[str, ...]:
    name = quote_identifier(*operation.name.split("."))
    # An empty list would be written as '""', a library or path of no name, with which the server does not start again.
    if operation.new is None or (operation.name in _LISTS and not operation.new.strip()):
        statement = f"ALTER SYSTEM RESET {name}"
    else:
        statement = f"ALTER SYSTEM SET {name} = {_parameter_value(operation.name, operation.new)}"
    return (statement,) if operation.restart else (statement, "SELECT pg_reload_conf()")


@_render.register
def _(operation: c.SetRoleParameter, online: bool) -> tuple[str, ...]:
    what = (
        f"ROLE {_role(operation.role)}" if operation.role else f"DATABASE {quote_identifier(operation.database or '')}"
    )
    if operation.role and operation.database:
        what += f" IN DATABASE {quote_identifier(operation.database)}"
    name = quote_identifier(*operation.name.split("."))
    if operation.new is None:
        return (f"ALTER {what} RESET {name}",)
    return (f"ALTER {what} SET {name} = {_parameter_value(operation.name, operation.new)}",)


def _role(name: str) -> str:
    return name if name in _PSEUDO_ROLES else quote_identifier(name)


@_render.register
def _(operation: c.AlterRole, online: bool) -> tuple[str, ...]:
    return (f"ALTER ROLE {_role(operation.role)} {operation.new}",)


@_render.register
def _(operation: c.ChangePrivileges, online: bool) -> tuple[str, ...]:
    name = operation.signature or quote_identifier(*operation.name)
    privileges = ", ".join(operation.privileges)
    if operation.grant:
        return (f"GRANT {privileges} ON {operation.on} {name} TO {_role(operation.grantee)}",)
    return (f"REVOKE {privileges} ON {operation.on} {name} FROM {_role(operation.grantee)}",)


@_render.register
def _(operation: c.CreateExtension, online: bool) -> tuple[str, ...]:
    return (f"CREATE EXTENSION {quote_identifier(operation.name)}",)


@_render.register
def _(operation: c.UpdateExtension, online: bool) -> tuple[str, ...]:
    return (f"ALTER EXTENSION {quote_identifier(operation.name)} UPDATE TO {quote_literal(operation.new)}",)


@_render.register
def _(operation: c.RefreshCollationVersion, online: bool) -> tuple[str, ...]:
    return (f"ALTER DATABASE {quote_identifier(operation.database)} REFRESH COLLATION VERSION",)


@_render.register
def _(operation: c.DropExtension, online: bool) -> tuple[str, ...]:
    return (f"DROP EXTENSION {quote_identifier(operation.name)}",)


@_render.register
def _(operation: c.Maintain, online: bool) -> tuple[str, ...]:
    command = "ANALYZE" if not operation.vacuum else "VACUUM (ANALYZE)" if operation.analyze else "VACUUM"
    if operation.name is None:
        return (command,)
    return (f"{command} {quote_identifier(*filter(None, (operation.schema, operation.name)))}",)


@_render.register
def _(operation: c.Verbatim, online: bool) -> tuple[str, ...]:
    return (operation.sql,)
