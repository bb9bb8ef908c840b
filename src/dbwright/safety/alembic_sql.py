"""The SQL that Alembic sends to PostgreSQL for a function of ``op``, written by SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import AddConstraint, CreateColumn, CreateIndex, CreateTable, DropTable

from dbwright.model.quoting import quote_identifier
from dbwright.source.sqlalchemy.alembic import copied, entry
from dbwright.source.tokens import has_token

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


class NotKnown(Exception):
    """A part of the statement is made at run time."""


def render(name: str, positional: list[Any], named: dict[str, Any]) -> list[str]:
    """The statements of a call, whose arguments have our names (`source.sqlalchemy.alembic`). Raises NotKnown, or what SQLAlchemy raises,
    where a part is not known; a function that sends nothing gives none."""
    writer = _WRITERS.get(name)
    if writer is None:
        return []
    if any(_is_unknown(one) for one in (*positional, *named.values())):
        raise NotKnown
    return list(writer(*positional, **named))


def _is_unknown(value: Any) -> bool:
    return isinstance(value, str | list | tuple) and has_token(value)


def _compiled(thing: Any, **options: Any) -> str:
    return str(thing.compile(dialect=_DIALECT, **options)).strip()


def _shown(name: str, schema: str | None) -> str:
    return quote_identifier(*(part for part in (schema, name) if part))


def _table(name: str, schema: str | None, *items: Any) -> Any:
    """A table of these items, with stand-ins for the tables that its foreign keys name."""
    metadata = sqlalchemy.MetaData()
    made = sqlalchemy.Table(name, metadata, *map(copied, items), schema=schema)
    for constraint in list(made.foreign_key_constraints):
        for key in constraint.elements:
            target, _, column = key._get_colspec().rpartition(".")
            of, _, bare = target.rpartition(".")
            known = metadata.tables.get(target)
            if known is None:
                sqlalchemy.Table(bare, metadata, sqlalchemy.Column(column, sqlalchemy.Integer), schema=of or None)
            elif column not in known.c:
                known.append_column(sqlalchemy.Column(column, sqlalchemy.Integer))
    return made


def _create_table(name: str, *items: Any, schema: str | None = None, **_options: Any) -> Iterator[str]:
    made = _table(name, schema, *(one for one in items if isinstance(one, sqlalchemy.sql.schema.SchemaItem)))
    yield _compiled(CreateTable(made))
    for index in sorted(made.indexes, key=lambda one: str(one.name)):
        yield _compiled(CreateIndex(index))


def _drop_table(name: str, schema: str | None = None, **_options: Any) -> Iterator[str]:
    yield _compiled(DropTable(_table(name, schema)))


def _rename_table(old: str, new: str, schema: str | None = None, **_options: Any) -> Iterator[str]:
    yield f"ALTER TABLE {_shown(old, schema)} RENAME TO {quote_identifier(new)}"


def _add_column(name: str, column: Any, *_more: Any, schema: str | None = None, **options: Any) -> Iterator[str]:
    made = _table(name, schema, column)
    (own,) = made.columns
    guard = "IF NOT EXISTS " if options.get("if_not_exists") else ""
    yield f"ALTER TABLE {_shown(name, schema)} ADD COLUMN {guard}{_compiled(CreateColumn(own))}"
    for constraint in made.constraints:
        if not isinstance(constraint, sqlalchemy.PrimaryKeyConstraint):
            yield _compiled(AddConstraint(constraint))
    for index in made.indexes:
        yield _compiled(CreateIndex(index))


def _drop_column(name: str, column: Any, *_more: Any, schema: str | None = None, **_options: Any) -> Iterator[str]:
    bare = column if isinstance(column, str) else str(column.name)
    yield f"ALTER TABLE {_shown(name, schema)} DROP COLUMN {quote_identifier(bare)}"


def _alter_column(
    name: str,
    column: str,
    nullable: bool | None = None,
    comment: Any = False,
    server_default: Any = False,
    new_column_name: str | None = None,
    type_: Any = None,
    schema: str | None = None,
    **options: Any,
) -> Iterator[str]:
    del comment
    table = f"ALTER TABLE {_shown(name, schema)}"
    altered = f"{table} ALTER COLUMN {quote_identifier(column)}"
    if nullable is not None:
        yield f"{altered} {'DROP' if nullable else 'SET'} NOT NULL"
    if server_default is not False:
        yield f"{altered} {_default(server_default)}"
    if type_ is not None:
        using = f" USING {options['postgresql_using']}" if options.get("postgresql_using") else ""
        given = type_() if isinstance(type_, type) else type_
        yield f"{altered} TYPE {given.compile(dialect=_DIALECT)}{using}"
    if new_column_name:
        yield f"{table} RENAME {quote_identifier(column)} TO {quote_identifier(new_column_name)}"


def _default(given: Any) -> str:
    if given is None:
        return "DROP DEFAULT"
    column = sqlalchemy.Column("x", sqlalchemy.Text(), server_default=given)
    sqlalchemy.Table("t", sqlalchemy.MetaData(), column)
    written = _compiled(CreateColumn(column))
    return f"SET {written[written.index('DEFAULT') :].removesuffix(' NOT NULL')}"


def _create_index(
    index: str | None, name: str, columns: Any, schema: str | None = None, unique: bool = False, **options: Any
) -> Iterator[str]:
    guard = bool(options.pop("if_not_exists", False))
    kept = {key: value for key, value in options.items() if key.startswith("postgresql_")}
    named = [one for one in columns if isinstance(one, str)]
    words = {word for one in named for word in one.split()[:1]} | {
        str(one.name) for one in columns if hasattr(one, "name")
    }
    words |= {str(one) for one in kept.get("postgresql_include") or ()}
    made = sqlalchemy.Table(
        name,
        sqlalchemy.MetaData(),
        *(sqlalchemy.Column(word, sqlalchemy.types.NullType()) for word in sorted(words)),
        schema=schema,
    )
    entries = [entry(made, made.c[one] if isinstance(one, str) and one in made.c else one) for one in columns]
    entries = [
        made.c[one.name] if isinstance(one, sqlalchemy.Column) and one.name in made.c else one for one in entries
    ]
    where = kept.get("postgresql_where")
    if isinstance(where, str):
        kept["postgresql_where"] = sqlalchemy.text(where)
    given = sqlalchemy.Index(index, *entries, unique=bool(unique), _table=made, **kept)
    yield _compiled(CreateIndex(given, if_not_exists=guard), compile_kwargs={"literal_binds": True})


def _drop_index(index: str, name: str | None = None, schema: str | None = None, **options: Any) -> Iterator[str]:
    del name
    concurrently = "CONCURRENTLY " if options.get("postgresql_concurrently") else ""
    guard = "IF EXISTS " if options.get("if_exists") else ""
    yield f"DROP INDEX {concurrently}{guard}{_shown(index, schema)}"


def _with(name: str, schema: str | None, columns: Any, constraint: Any) -> str:
    made = _table(
        name, schema, *(sqlalchemy.Column(one, sqlalchemy.Integer) for one in dict.fromkeys(columns)), constraint
    )
    kind = type(constraint)
    (own,) = (
        one
        for one in made.constraints
        if isinstance(one, kind) and not (kind is sqlalchemy.CheckConstraint and one._type_bound)
    )
    return _compiled(AddConstraint(own))


def _create_unique_constraint(
    constraint: str | None, name: str, columns: Any, schema: str | None = None, **options: Any
) -> Iterator[str]:
    given = sqlalchemy.UniqueConstraint(*columns, name=constraint, **_deferring(options))
    yield _with(name, schema, columns, given)


def _create_primary_key(
    constraint: str | None, name: str, columns: Any, schema: str | None = None, **_options: Any
) -> Iterator[str]:
    shown = f" CONSTRAINT {quote_identifier(constraint)}" if constraint else ""
    yield f"ALTER TABLE {_shown(name, schema)} ADD{shown} PRIMARY KEY ({', '.join(map(quote_identifier, columns))})"


def _create_check_constraint(
    constraint: str | None, name: str, condition: Any, schema: str | None = None, **options: Any
) -> Iterator[str]:
    text = condition if isinstance(condition, str) else _compiled(condition, compile_kwargs={"literal_binds": True})
    shown = f" CONSTRAINT {quote_identifier(constraint)}" if constraint else ""
    open_ = " NOT VALID" if options.get("postgresql_not_valid") else ""
    yield f"ALTER TABLE {_shown(name, schema)} ADD{shown} CHECK ({text}){open_}"


def _create_foreign_key(
    constraint: str | None,
    name: str,
    target: str,
    columns: Any,
    target_columns: Any,
    ondelete: str | None = None,
    source_schema: str | None = None,
    referent_schema: str | None = None,
    **options: Any,
) -> Iterator[str]:
    schema = source_schema or options.get("schema")
    own, others = (", ".join(map(quote_identifier, one)) for one in (columns, target_columns))
    shown = f" CONSTRAINT {quote_identifier(constraint)}" if constraint else ""
    rule = f"FOREIGN KEY ({own}) REFERENCES {_shown(target, referent_schema)} ({others})"
    rule += f" ON DELETE {ondelete}" if ondelete else ""
    rule += f" ON UPDATE {options['onupdate']}" if options.get("onupdate") else ""
    rule += " DEFERRABLE" if options.get("deferrable") else ""
    rule += f" INITIALLY {options['initially']}" if options.get("initially") else ""
    rule += " NOT VALID" if options.get("postgresql_not_valid") else ""
    yield f"ALTER TABLE {_shown(name, schema)} ADD{shown} {rule}"


def _create_exclude_constraint(constraint: str | None, name: str, *elements: Any, **options: Any) -> Iterator[str]:
    parts = ", ".join(f"{one[0] if isinstance(one[0], str) else _compiled(one[0])} WITH {one[1]}" for one in elements)
    where = f" WHERE ({options['where']})" if options.get("where") is not None else ""
    shown = f" CONSTRAINT {quote_identifier(constraint)}" if constraint else ""
    yield f"ALTER TABLE {_shown(name, options.get('schema'))} ADD{shown} EXCLUDE USING {options.get('using', 'gist')} ({parts}){where}"


def _drop_constraint(
    constraint: str, name: str, type_: str | None = None, schema: str | None = None, **_options: Any
) -> Iterator[str]:
    del type_
    yield f"ALTER TABLE {_shown(name, schema)} DROP CONSTRAINT {quote_identifier(constraint)}"


def _deferring(options: dict[str, Any]) -> dict[str, Any]:
    return {key: options[key] for key in ("deferrable", "initially") if options.get(key) is not None}


def _execute(statement: Any = None, *_more: Any, **_options: Any) -> Iterator[str]:
    if isinstance(statement, str):
        yield statement
    elif hasattr(statement, "text"):
        if has_token(statement.text):
            raise NotKnown
        yield str(statement.text)
    elif statement is not None:
        text = _compiled(statement)
        if has_token(text):
            raise NotKnown
        yield _without_parameters(text)


def _without_parameters(text: str) -> str:
    """Named parameters as NULL: what they hold is known at run time only, and no lock depends on it."""
    import re

    return re.sub(r"%\(\w+\)s(?:::\w+)?", "NULL", text)


_WRITERS: dict[str, Callable[..., Iterator[str]]] = {
    "create_table": _create_table,
    "drop_table": _drop_table,
    "rename_table": _rename_table,
    "add_column": _add_column,
    "drop_column": _drop_column,
    "alter_column": _alter_column,
    "create_index": _create_index,
    "drop_index": _drop_index,
    "create_unique_constraint": _create_unique_constraint,
    "create_primary_key": _create_primary_key,
    "create_check_constraint": _create_check_constraint,
    "create_foreign_key": _create_foreign_key,
    "create_exclude_constraint": _create_exclude_constraint,
    "drop_constraint": _drop_constraint,
    "execute": _execute,
}
