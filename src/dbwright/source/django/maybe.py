"""Conditions of a queryset that may not be there: their SQL, and that of the tables that are joined for them alone, is written between
marks."""

from __future__ import annotations

from functools import cache
from typing import Any

from dbwright.source.optional import BEGIN, END


def possibly(qs: Any, conditions: dict[str, Any]) -> Any:
    """A queryset narrowed by conditions each of which may be left out."""
    narrowed = qs.filter(**conditions)
    where = narrowed.query.where
    for position in range(len(qs.query.where.children), len(where.children)):
        where.children[position] = _marked(where.children[position])
    for alias, joined in narrowed.query.alias_map.items():
        if alias not in qs.query.alias_map and joined.parent_alias is not None:
            joined.__class__ = _maybe_joined(joined.__class__)
    return narrowed


def _marked(node: Any) -> Any:
    if hasattr(node, "children"):
        for position, child in enumerate(node.children):
            node.children[position] = _marked(child)
        return node
    node.__class__ = _maybe(node.__class__)
    return node


@cache
def _maybe(lookup: Any) -> Any:
    """A lookup that writes itself between marks."""

    def as_sql(self: Any, compiler: Any, connection: Any, *more: Any, **options: Any) -> tuple[str, Any]:
        sql, parameters = lookup.as_sql(self, compiler, connection, *more, **options)
        return f"{BEGIN}{sql}{END}", parameters

    return type(f"Maybe{lookup.__name__}", (lookup,), {"as_sql": as_sql, "__module__": __name__})


@cache
def _maybe_joined(join: Any) -> Any:
    """A join that writes itself between marks as long as nothing else of the query needs it."""

    def as_sql(self: Any, compiler: Any, connection: Any) -> tuple[str, Any]:
        sql, parameters = join.as_sql(self, compiler, connection)
        alone = compiler.query.alias_refcount[self.table_alias] == 1
        return (f"{BEGIN}{sql}{END}" if alone else sql), parameters

    def identity(self: Any) -> Any:
        """As of the plain join: conditions that come later go over the same one."""
        return (join, *join.identity.fget(self)[1:])

    attributes = {"as_sql": as_sql, "identity": property(identity), "__module__": __name__}
    return type(f"Maybe{join.__name__}", (join,), attributes)
