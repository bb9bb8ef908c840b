"""Operations as SQLite statements. SQLite alters little in place: for the rest there is `CannotAlter`."""

from __future__ import annotations

from functools import singledispatch

from dbwright.model import change as c
from dbwright.model.quoting import quote_identifier


class CannotAlter(Exception):
    """SQLite has no statement for this operation; the table would have to be rebuilt."""


@singledispatch
def render(operation: c.Operation) -> tuple[str, ...]:
    """The statements of one operation, without semicolons. Raises CannotAlter where there are none."""
    raise CannotAlter(type(operation).__name__)


def _index_key(key: c.IndexKey) -> str:
    # Operator classes and the place of NULLs are PostgreSQL's; SQLite has neither in an index.
    text = quote_identifier(key.column) if key.column is not None else f"({key.expression})"
    return text + " DESC" if key.descending else text


@render.register
def _(operation: c.CreateIndex) -> tuple[str, ...]:
    if operation.method != "btree" or operation.include or operation.nulls_not_distinct or operation.options:
        raise CannotAlter(f"an index with {operation.method}, INCLUDE, NULLS NOT DISTINCT or options")
    unique = "UNIQUE " if operation.unique else ""
    predicate = f" WHERE {operation.predicate}" if operation.predicate else ""
    keys = ", ".join(map(_index_key, operation.keys))
    name, table = quote_identifier(operation.name), quote_identifier(operation.table)
    return (f"CREATE {unique}INDEX {name} ON {table} ({keys}){predicate}",)


@render.register
def _(operation: c.DropNewIndex) -> tuple[str, ...]:
    return (f"DROP INDEX {quote_identifier(operation.created.name)}",)


@render.register
def _(operation: c.DropIndex) -> tuple[str, ...]:
    if not operation.definition:
        raise CannotAlter("an index that belongs to a constraint")
    return (f"DROP INDEX {quote_identifier(operation.name)}",)


@render.register
def _(operation: c.RecreateIndex) -> tuple[str, ...]:
    return (operation.dropped.definition,)


@render.register
def _(operation: c.Reindex) -> tuple[str, ...]:
    return (f"REINDEX {quote_identifier(operation.name)}",)


@render.register
def _(operation: c.Maintain) -> tuple[str, ...]:
    """VACUUM knows whole files only, so it is not used for one table."""
    if operation.vacuum and operation.name is not None:
        raise CannotAlter("VACUUM of one table")
    table = "" if operation.name is None else f" {quote_identifier(operation.name)}"
    return (*(("VACUUM",) if operation.vacuum else ()), *((f"ANALYZE{table}",) if operation.analyze else ()))


@render.register
def _(operation: c.Verbatim) -> tuple[str, ...]:
    return (operation.sql,)
