"""From abstract values to real arguments of SQLAlchemy's constructors, and back."""

from __future__ import annotations

import ast
import datetime
import decimal
import enum
import uuid
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy import types as sqltypes
from sqlalchemy.sql import ClauseElement, operators
from sqlalchemy.sql.elements import SQLCoreOperations

from dbwright.source.tokens import Token, token_for
from dbwright.source.values import (
    HOLE,
    Arguments,
    Bound,
    ClassValue,
    FormattedText,
    Function,
    Items,
    Known,
    Library,
    Mapping,
    Native,
    Real,
    Union,
    Unknown,
    Value,
    contents,
    from_plain,
    origin_of,
)

if TYPE_CHECKING:
    from dbwright.source.interpreter import Frame
    from dbwright.source.sqlalchemy.framework import SQLAlchemy

PLAIN = (str, int, float, bool, bytes, type(None), decimal.Decimal, datetime.date, datetime.timedelta, uuid.UUID)

LIBRARY_CLASSES: dict[str, Any] = {
    f"{module.__name__}.{name}": thing
    for module in (datetime, decimal, uuid, enum)
    for name, thing in vars(module).items()
    if isinstance(thing, type)
}
"""Classes of Python's library that annotations and ``Enum`` name."""


def placeholder() -> Token:
    """Stands for a function of the project that gives a default. It is called in place of the project's."""
    return Token("unknown")


def concrete(value: Value, at: Frame, framework: SQLAlchemy) -> Any:
    """The Python object that stands for a value among SQLAlchemy's arguments; a token for what is not known."""
    if isinstance(value, Known):
        return value.value
    if isinstance(value, Real):
        return value.object
    if isinstance(value, Items | Mapping):
        found = contents(value, lambda part: concrete(part, at, framework))
        return _as_set(found) if isinstance(value, Items) and value.kind == "set" else found
    if isinstance(value, Union):
        return concrete(preferred(value), at, framework)
    made = getattr(value, "concrete", None)
    if made is not None:
        return made(at)
    return _of_code(value, framework)


def _of_code(value: Value, framework: SQLAlchemy) -> Any:
    """What stands for a class, a function or a text of the project or a library."""
    if isinstance(value, ClassValue):
        return framework.real_class(value) or framework.stand_in(value)
    if isinstance(value, FormattedText):
        return formatted(value)
    if isinstance(value, Native) and value.name in LIBRARY_CLASSES:
        return LIBRARY_CLASSES[value.name]
    if isinstance(value, Library):
        if value.name.startswith("builtins."):
            return getattr(__import__("builtins"), value.name[9:], Token("unknown"))
        return LIBRARY_CLASSES.get(value.name) or placeholder
    if isinstance(value, Function | Bound | Native):
        return placeholder
    return token_for(value)


def _as_set(items: list[Any]) -> Any:
    try:
        return set(items)
    except TypeError:
        return items


def formatted(value: FormattedText) -> str:
    """The text with a token at each place that is not known."""
    whole = filled(value)
    if whole is not None:
        return whole
    parts = value.text.split(HOLE)
    text = parts[0]
    for part in parts[1:]:
        text += Token(origin_of(value)) + part
    return text


def filled(value: FormattedText) -> str | None:
    """``%`` and ``format`` of constants; None when a part is not known."""
    parts = value.parts
    if isinstance(parts, Known):
        given = parts.value if isinstance(parts.value, tuple) else (parts.value,)
    elif isinstance(parts, Items) and parts.rest is None and all(isinstance(p, Known) for p in parts.items):
        given = tuple(p.value for p in parts.items if isinstance(p, Known))
    else:
        return None
    if HOLE in value.text or not all(isinstance(one, str | int) for one in given):
        return None
    try:
        if "%s" in value.text or "%d" in value.text:
            return value.text % given
        return value.text.format(*given) if "{}" in value.text else value.text
    except (TypeError, ValueError, IndexError):
        return None


def preferred(value: Union) -> Value:
    """One of several alternatives: a real object before a constant, a constant before what is not known, None last."""

    def rank(member: Value) -> int:
        if isinstance(member, Known):
            return 3 if member.value is None else 1
        return 2 if isinstance(member, Unknown) else 0

    best = min(value.members, key=rank)
    several = sum(1 for member in value.members if isinstance(member, Known) and member.value is not None) > 1
    return Unknown("one of several constants") if several and rank(best) == 1 else best


def arguments_of(arguments: Arguments, at: Frame, framework: SQLAlchemy) -> tuple[list[Any], dict[str, Any]]:
    positional = [concrete(value, at, framework) for value in arguments.positional]
    named = {name: concrete(value, at, framework) for name, value in arguments.named.items()}
    return positional, named


def is_element(thing: Any) -> bool:
    """Something that has SQLAlchemy's operators: a column, an attribute of a mapped class, an expression."""
    return isinstance(thing, ClauseElement | SQLCoreOperations | operators.Operators)


def number_parameter(value: Any) -> Any:
    """A LIMIT or OFFSET that is not known, kept as a parameter."""
    if isinstance(value, str):
        return sqlalchemy.bindparam(None, value, type_=sqltypes.Integer(), unique=True)
    return value


def list_parameter(value: Any) -> Any:
    """The right side of IN."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, set | frozenset | dict):
        return list(value)
    return value


def wrapped(thing: Any) -> Value:
    """The abstract value of something that SQLAlchemy gave."""
    if isinstance(thing, PLAIN):
        return Known(thing)
    if isinstance(thing, list | tuple | dict) and type(thing) in (list, tuple, dict):
        if isinstance(thing, dict):
            return Mapping({key: wrapped(item) for key, item in thing.items() if isinstance(key, str)})
        if all(isinstance(one, PLAIN) for one in thing):
            return from_plain(thing)
        return Items([wrapped(one) for one in thing], "tuple" if isinstance(thing, tuple) else "list")
    return Real(thing)


def last_name(node: ast.expr) -> str:
    """``Column`` of ``sa.Column``."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
