"""Statements as they were written before SQLAlchemy 2.0, which today's refuses: said in its present form.

``select([a, b], where, from_obj=…)``, ``table.update(where, values)``, ``case([(…), …])``, ``query.join("author")``,
``joinedload("author.books")``, conditions and orders that are bare text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy import orm
from sqlalchemy.orm import QueryableAttribute, RelationshipProperty, strategy_options
from sqlalchemy.sql import selectable

from dbwright.source.sqlalchemy.real import concrete
from dbwright.source.tokens import Token
from dbwright.source.values import Arguments, Items, Known, Native, Unknown, Value

if TYPE_CHECKING:
    from dbwright.source.interpreter import Frame
    from dbwright.source.sqlalchemy.framework import SQLAlchemy

_SELECT = ("columns", "whereclause", "from_obj", "distinct", "having", "correlate")
_CLAUSES = {
    "whereclause": "where",
    "from_obj": "select_from",
    "distinct": "distinct",
    "having": "having",
    "group_by": "group_by",
    "order_by": "order_by",
    "limit": "limit",
    "offset": "offset",
    "values": "values",
}
"""Arguments of the old functions and the methods that say the same, in the order in which they are called."""
_OF_FUNCTION: dict[Any, tuple[str, ...]] = {
    sqlalchemy.select: _SELECT,
    sqlalchemy.update: ("table", "whereclause", "values"),
    sqlalchemy.delete: ("table", "whereclause"),
    sqlalchemy.insert: ("table", "values"),
}
_OF_METHOD = {"select": ("whereclause",), "update": _OF_FUNCTION[sqlalchemy.update][1:], "delete": ("whereclause",)}
_OF_METHOD["insert"] = ("values",)
_LOADERS = frozenset(
    "joinedload subqueryload selectinload lazyload immediateload noload raiseload contains_eager defer undefer load_only".split()
)
_LOCKS = {"update": (False, False), "read": (False, True), "update_nowait": (True, False)}
"""What ``with_lockmode`` named, as NOWAIT and FOR SHARE."""


def said(
    framework: SQLAlchemy, thing: Any, arguments: Arguments, at: Frame, today: Callable[[Arguments], Value | None]
) -> Value | None:
    """What a call in an old form gives; None where it has today's. ``today`` makes the call with other arguments."""
    name, owner = getattr(thing, "__name__", ""), getattr(thing, "__self__", None)
    if name == "case":
        return _case(framework, thing, arguments, at)
    if name in _LOADERS and any(_is_name(value) for value in arguments.positional):
        return _loader(framework, name, owner, arguments)
    if thing in _OF_FUNCTION and _is_old(thing, arguments):
        return _statement(today, _OF_FUNCTION[thing], arguments, at, 1)
    if isinstance(owner, selectable.FromClause) and name in _OF_METHOD and (arguments.positional or arguments.named):
        return _statement(today, _OF_METHOD[name], arguments, at, 0)
    return None


def _is_old(function: Any, arguments: Arguments) -> bool:
    if function is sqlalchemy.select:
        return isinstance(arguments.first(), Items) or "columns" in arguments.named
    return len(arguments.positional) > 1 or not arguments.named.keys().isdisjoint(_CLAUSES)


def _statement(
    today: Callable[[Arguments], Value | None], names: Sequence[str], arguments: Arguments, at: Frame, own: int
) -> Value | None:
    """The statement that the function makes of its first ``own`` arguments, with a method called for each of the others."""
    given = dict(zip(names, arguments.positional, strict=False)) | arguments.named
    first = [given[name] for name in names[:own] if name in given]
    if first and isinstance(first[0], Items):
        first = list(first[0].items)
    made = today(Arguments(first))
    for argument, method in _CLAUSES.items():
        value = given.get(argument)
        if made is not None and value is not None and not (isinstance(value, Known) and value.value in (None, False)):
            made = made.attribute(method, at).call(_as_arguments(method, value), at)
    return made


def _as_arguments(method: str, value: Value) -> Arguments:
    if isinstance(value, Known) and value.value is True:
        return Arguments()
    if isinstance(value, Items) and method != "values":
        return Arguments(list(value.items), extra_positional=value.rest)
    return Arguments([value])


def _case(framework: SQLAlchemy, thing: Any, arguments: Arguments, at: Frame) -> Value | None:
    whens = arguments.first() or arguments.named.get("whens")
    if not isinstance(whens, Items) or whens.kind != "list":
        return None
    named = {name: value for name, value in arguments.named.items() if name != "whens"}
    return framework.make(thing, Arguments(list(whens.items), named), at)


# -- Query -------------------------------------------------------------------------------------------------------------


def method_of(query: orm.Query[Any], name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of a ``Query`` that takes the old arguments as well."""
    if name in ("join", "outerjoin"):
        return lambda *targets, **named: _joined(query, name, targets, named)
    if name in ("filter", "where", "having"):
        return lambda *given, **named: method(*map(_as_text, given), **named)
    if name in ("order_by", "group_by"):
        return lambda *given: method(*(one if _is_plain_name(one) else _as_text(one) for one in given))
    return method


def lock(query: orm.Query[Any], mode: str) -> orm.Query[Any]:
    """``with_lockmode(mode)``. Raises KeyError for a mode that there was not."""
    nowait, read = _LOCKS[mode]
    return query.with_for_update(nowait=nowait, read=read)


def _as_text(thing: Any) -> Any:
    return sqlalchemy.text(thing) if isinstance(thing, str) and not isinstance(thing, Token) else thing


def _is_plain_name(thing: Any) -> bool:
    return isinstance(thing, str) and thing.isidentifier()


def _joined(query: orm.Query[Any], name: str, targets: Sequence[Any], named: dict[str, Any]) -> orm.Query[Any]:
    """Joins along a path of targets: names of relationships and pairs with the condition of a join are steps of their own."""
    if not _is_path(targets):
        found: orm.Query[Any] = getattr(query, name)(*targets, **named)
        return found
    entity = entity_of(query)
    for target in targets:
        step = target if isinstance(target, tuple) else (_attribute(entity, target),)
        query = getattr(query, name)(*step, **{key: one for key, one in named.items() if key in ("isouter", "full")})
        entity = _end_of(step[0])
    return query


def _is_path(targets: Sequence[Any]) -> bool:
    if any(isinstance(one, tuple | str) for one in targets):
        return all(isinstance(one, tuple | str) or _is_relation(one) for one in targets)
    return len(targets) > 1 and all(map(_is_relation, targets))


def _is_relation(thing: Any) -> bool:
    return isinstance(thing, QueryableAttribute) and isinstance(getattr(thing, "property", None), RelationshipProperty)


def _attribute(entity: Any, key: Any) -> Any:
    return getattr(entity, key) if isinstance(key, str) else key


def _end_of(target: Any) -> Any:
    return target.property.mapper.class_ if _is_relation(target) else target


def entity_of(statement: Any) -> Any:
    """The first entity of a statement, at which paths of names begin; None where it has none."""
    described = getattr(statement, "column_descriptions", None) or [{}]
    return described[0].get("entity")


# -- Loader options ----------------------------------------------------------------------------------------------------


def _is_name(value: Value) -> bool:
    return isinstance(value, Known) and isinstance(value.value, str) and value.value != "*"


def _loader(framework: SQLAlchemy, name: str, owner: Any, arguments: Arguments) -> Value | None:
    begun = owner if isinstance(owner, strategy_options._AbstractLoad) else None
    return NamedLoader(framework, begun, ((name, arguments),))


class NamedLoader(Value):
    """Loader options along names, which mean something only for the entity of a statement. ``begun`` is an option that they go on from."""

    __slots__ = ("begun", "framework", "steps")

    def __init__(self, framework: SQLAlchemy, begun: Any, steps: tuple[tuple[str, Arguments], ...]) -> None:
        self.framework = framework
        self.begun = begun
        self.steps = steps

    def attribute(self, name: str, at: Frame) -> Value:
        if name not in _LOADERS:
            return Unknown(f"{name} of loader options")
        return Native(name, lambda given, _at: NamedLoader(self.framework, self.begun, (*self.steps, (name, given))))

    def option(self, entity: Any, at: Frame) -> Any:
        """The option for the rows of this entity; a token where it has no such attributes."""
        made, last = self.begun, _last_entity(self.begun) or entity
        for name, arguments in self.steps:
            named = {key: concrete(value, at, self.framework) for key, value in arguments.named.items()}
            for keys in _steps(name, [concrete(value, at, self.framework) for value in arguments.positional]):
                try:
                    attributes = [_attribute(last, key) for key in keys]
                    made = getattr(made if made is not None else orm, name)(*attributes, **named)
                    last = _end_of(attributes[0])
                except (AttributeError, TypeError, sqlalchemy.exc.ArgumentError):
                    return Token("unknown")
        return made

    def key(self) -> object:
        return (id(self.begun), tuple((name, arguments.key()) for name, arguments in self.steps))

    def describe(self) -> str:
        return "loader options by name"


def _steps(name: str, keys: Sequence[Any]) -> Iterator[list[Any]]:
    """``"author.books"`` and ``"author", "books"`` are two steps; what is loaded only is one of several columns."""
    if name == "load_only":
        yield list(keys)
        return
    for key in keys:
        for part in key.split(".") if isinstance(key, str) else [key]:
            yield [part]


def _last_entity(option: Any) -> Any:
    """The class at the end of an option's path."""
    path: Any = option.context[-1].path if getattr(option, "context", ()) else ()
    relations = [one for one in path if isinstance(one, RelationshipProperty)]
    return relations[-1].mapper.class_ if relations else None
