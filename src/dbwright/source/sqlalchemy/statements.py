"""Statements under construction: ``select()`` and its kin and the legacy ``Query``, as real objects with the place where they were made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbwright.source.sqlalchemy.real import concrete, is_element, wrapped
from dbwright.source.values import Arguments, Known, Real, Union, Unknown, Value, alternatives, union

if TYPE_CHECKING:
    from dbwright.source.interpreter import Frame
    from dbwright.source.sqlalchemy.framework import SQLAlchemy


def called(framework: SQLAlchemy, thing: Any, arguments: Arguments, at: Frame) -> Value | None:
    return framework.make(thing, arguments, at)


def attribute_of_real(framework: SQLAlchemy, thing: Any, name: str, at: Frame) -> Value | None:
    try:
        return wrapped(getattr(thing, name))
    except Exception as error:
        return Unknown(f"{name}: {type(error).__name__}")


def operate(framework: SQLAlchemy, name: str, left: Value, right: Value | None, at: Frame) -> Value | None:
    if not name:
        return None
    if isinstance(left, Real) and is_element(left.object):
        others = [] if right is None else [concrete(right, at, framework)]
        return _operated(left.object, name, others)
    if isinstance(right, Real) and is_element(right.object):
        swapped = {"__lt__": "__gt__", "__gt__": "__lt__", "__le__": "__ge__", "__ge__": "__le__"}
        reflected = swapped.get(name) or (name if name in ("__eq__", "__ne__") else name.replace("__", "__r", 1))
        return _operated(right.object, reflected, [concrete(left, at, framework)])
    return None


def _operated(thing: Any, name: str, others: list[Any]) -> Value | None:
    method = getattr(thing, name, None)
    if method is None:
        return None
    try:
        result = method(*others)
    except Exception as error:
        return Unknown(f"{type(error).__name__}: {error}"[:200])
    return None if result is NotImplemented else wrapped(result)


def item_of_real(framework: SQLAlchemy, thing: Any, key: Value, at: Frame) -> Value | None:
    """``table.c["name"]``, ``column["key"]``."""
    try:
        return wrapped(thing[concrete(key, at, framework)])
    except Exception as error:
        return Unknown(f"item: {type(error).__name__}")
