"""Where a project's SQLAlchemy models and its Alembic scripts disagree, with the operations that close it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dbwright.model.drift import differences, type_name
from dbwright.model.migrations import Drift
from dbwright.model.source import SourceColumn, SourceConstraint, SourceIndex, SourceTable
from dbwright.source.migration_files import text_of
from dbwright.source.tokens import has_token

if TYPE_CHECKING:
    from dbwright.source.sqlalchemy.alembic import Alembic

_TYPES = {
    "varchar": "String",
    "char": "CHAR",
    "text": "Text",
    "integer": "Integer",
    "bigint": "BigInteger",
    "smallint": "SmallInteger",
    "boolean": "Boolean",
    "double precision": "Double",
    "real": "REAL",
    "numeric": "Numeric",
    "date": "Date",
    "time without time zone": "Time",
    "timestamp without time zone": "DateTime",
    "timestamp with time zone": "DateTime(timezone=True)",
    "interval": "Interval",
    "bytea": "LargeBinary",
    "uuid": "Uuid",
    "json": "JSON",
}


def drift(
    alembic: Alembic, models: Sequence[SourceTable], replayed: Sequence[SourceTable], whole: frozenset[str]
) -> Iterator[Drift]:
    """The differences. Tables that are not wholly known are passed over; those that only the models have are told only where every
    history was replayed wholly, since one that was not may make them, and begins with nothing: where scripts change tables that none of
    them makes, ``create_all`` made the first ones."""
    histories = {revision.group for revision in alembic.revisions} - alembic.passed_over
    made = [table for table in replayed if alembic.group_of.get((table.schema, table.name)) in whole]
    made = [table for table in made if (table.schema, table.name) not in alembic.unsure]
    names = {(table.schema, table.name) for table in made}
    all_told = histories == whole and not alembic.unmade
    known = [table for table in models if all_told or (table.schema, table.name) in names]
    known = [
        table for table in known if (table.schema, table.name) not in alembic.unsure | elsewhere(alembic, replayed)
    ]
    in_scripts = [table for table in known if (table.schema, table.name) in names]
    if len(in_scripts) < len(known) and made_at_start(alembic):
        known = in_scripts
    in_part = {table.name for table in known if (table.place.file, table.place.line) in alembic.framework.unread}
    groups: defaultdict[str, list[Drift]] = defaultdict(list)
    for one in differences(known, made, "models", "migrations"):
        if one.have == "migrations" and one.table in in_part:
            continue  # what a base that could not be read may have
        if any(map(has_token, (one.name, *one.columns))):
            continue  # of what, nobody can tell
        groups[alembic.group_of.get((None, one.table)) or min(histories)].append(one)
    wanted = {table.name: table for table in known}
    before = {table.name: table for table in made}
    for group, found in groups.items():
        text = "\n".join(
            line for one in found for line in _operations(one, wanted.get(one.table), before.get(one.table))
        )
        for one in found:
            yield replace(one, group=group, framework="alembic", change=f"def upgrade():\n{text}" if text else None)


def made_at_start(alembic: Alembic) -> bool:
    """The program itself makes the tables that are not there: scripts only change those of earlier releases."""
    return any(
        module.role == "code" and module.owned and ".create_all(" in text_of(module.path)
        for module in alembic.interpreter.codebase.modules
    )


def elsewhere(alembic: Alembic, replayed: Sequence[SourceTable]) -> set[tuple[str | None, str]]:
    """Tables of a ``MetaData`` of which no script makes any, beside one of which some does: they live in another database."""
    made = {(table.schema, table.name) for table in replayed}
    parts = [{(t.schema, t.name) for t in metadata.tables.values()} for metadata in alembic.framework.metadatas]
    if not any(part & made for part in parts):
        return set()
    return {key for part in parts if not part & made for key in part}


def _operations(one: Drift, model: SourceTable | None, before: SourceTable | None) -> Iterator[str]:
    """The lines of ``upgrade`` that bring what migrations make to what the models say."""
    table = model or before
    if table is None:
        return
    name, schema = repr(table.name), f", schema={table.schema!r}" if table.schema else ""
    adds = one.have == "models"
    if one.kind == "table":
        yield from _created(table) if adds else (f"    op.drop_table({name}{schema})",)
    elif one.kind == "column":
        column = (model if model is not None and (adds or one.differs) else table).column(str(one.name))
        if one.differs and column is not None and before is not None:
            yield f"    op.alter_column({name}, {one.name!r}{_changes(column, before.column(column.name))}{schema})"
        elif adds and column is not None:
            yield f"    op.add_column({name}, {_column(column)}{schema})"
        else:
            yield f"    op.drop_column({name}, {one.name!r}{schema})"
    elif one.kind == "index":
        index = next((i for i in table.indexes if i.name == one.name and i.columns == one.columns), None)
        yield _index(table, index) if adds and index else f"    op.drop_index({one.name!r}, table_name={name}{schema})"
    else:
        constraint = next((c for c in table.constraints if c.name == one.name and c.columns == one.columns), None)
        yield (
            _constraint(table, constraint)
            if adds and constraint
            else f"    op.drop_constraint({one.name!r}, {name}{schema})"
        )


def _created(table: SourceTable) -> Iterator[str]:
    yield "    op.create_table("
    yield f"        {table.name!r},"
    yield from (f"        {_column(column)}," for column in table.columns)
    if table.schema:
        yield f"        schema={table.schema!r},"
    yield "    )"
    yield from (_index(table, index) for index in table.indexes)
    yield from (_constraint(table, c) for c in table.constraints if c.kind in ("unique", "check"))


def _column(column: SourceColumn) -> str:
    parts = [repr(column.name), type_of(column.type)]
    if column.references:
        action = (
            f", ondelete={column.references.database_on_delete.upper()!r}"
            if column.references.database_on_delete
            else ""
        )
        parts.append(f"sa.ForeignKey({f'{column.references.table}.{column.references.column}'!r}{action})")
    parts.append("primary_key=True" if column.primary_key else f"nullable={not column.not_null}")
    return f"sa.Column({', '.join(parts)})"


def _changes(column: SourceColumn, before: SourceColumn | None) -> str:
    found = ""
    if before is None or (column.type and before.type and type_name(column.type) != type_name(before.type)):
        found += f", type_={type_of(column.type)}"
    if before is None or column.not_null != before.not_null:
        found += f", nullable={not column.not_null}"
    return found


def _index(table: SourceTable, index: SourceIndex) -> str:
    pairs = zip(index.columns, index.is_expression or (False,) * len(index.columns), strict=True)
    keys = ", ".join(f"sa.text({name!r})" if expression else repr(name) for name, expression in pairs)
    extra = ", unique=True" if index.unique else ""
    extra += f", postgresql_using={index.method!r}" if index.method != "btree" else ""
    extra += f", postgresql_where=sa.text({index.condition!r})" if index.condition else ""
    extra += f", postgresql_include={list(index.include)!r}" if index.include else ""
    extra += f", schema={table.schema!r}" if table.schema else ""
    return f"    op.create_index({index.name!r}, {table.name!r}, [{keys}]{extra})"


def _constraint(table: SourceTable, constraint: SourceConstraint) -> str:
    schema = f", schema={table.schema!r}" if table.schema else ""
    if constraint.kind == "unique":
        return f"    op.create_unique_constraint({constraint.name!r}, {table.name!r}, {list(constraint.columns)!r}{schema})"
    if constraint.kind == "check":
        return f"    op.create_check_constraint({constraint.name!r}, {table.name!r}, sa.text({constraint.condition!r}){schema})"
    if constraint.kind == "foreign key" and (
        reference := next((c.references for c in table.columns if c.name in constraint.columns), None)
    ):
        target = f"{reference.table!r}, {list(constraint.columns)!r}, [{reference.column!r}]"
        return f"    op.create_foreign_key({constraint.name!r}, {table.name!r}, {target}{schema.replace('schema', 'source_schema')})"
    return f"    # {constraint.kind} constraint {constraint.name} on {table.name}"


def type_of(text: str | None) -> str:
    """A PostgreSQL type as SQLAlchemy writes it; what it has no name for stays as text that says so."""
    if not text:
        return "sa.types.NullType()"
    name = type_name(text)
    base, _, size = name.removesuffix("[]").partition("(")
    found = _TYPES.get(base)
    if found is None:
        return (
            f"postgresql.{base.upper()}()"
            if base in ("jsonb", "inet", "cidr", "hstore", "citext", "tsvector")
            else f"sa.text({text!r})"
        )
    made = found if found.endswith(")") else f"{found}({size.removesuffix(')')})" if size else f"{found}()"
    return f"sa.ARRAY(sa.{made})" if name.endswith("[]") else f"sa.{made}"
