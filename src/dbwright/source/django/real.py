"""From abstract values to real arguments of Django's constructors, and back."""

from __future__ import annotations

import datetime
import decimal
import enum
from functools import cache
from typing import TYPE_CHECKING, Any

from dbwright.source.tokens import Token, token_for
from dbwright.source.values import (
    IN_VALUES,
    Arguments,
    Bound,
    ClassValue,
    Function,
    Identity,
    Items,
    Known,
    Mapping,
    Native,
    Real,
    Union,
    Unknown,
    Value,
    contents,
)

if TYPE_CHECKING:
    from dbwright.source.interpreter import Frame

TEXT_ONLY = frozenset(("verbose_name", "help_text", "error_messages", "verbose_name_plural", "db_comment"))
"""Options of a field that nobody but people read: an unknown one is left out."""


def placeholder(*_arguments: Any, **_options: Any) -> None:
    """Stands for a function of the project that Django only keeps: a default, a validator, an ``upload_to``. It is never called."""


BUILT_IN = {one.__name__: one for one in (bool, dict, float, int, list, set, str, tuple)}
"""What Django keeps as it is: it is called only where rows are made, and then harmless."""


@cache
def placeholder_of(module: str, name: str) -> Any:
    """A placeholder that tells which function of which module it stands for, so that a migration can name it."""

    def stand_in(*_arguments: Any, **_options: Any) -> None:
        return None

    if all(part.isidentifier() for part in name.split(".")):
        stand_in.__module__, stand_in.__name__, stand_in.__qualname__ = module, name.rpartition(".")[2], name
    else:
        stand_in.__name__ = stand_in.__qualname__ = "placeholder"
    return stand_in


def concrete(value: Value, at: Frame) -> Any:
    """The Python object that stands for a value among a framework's arguments; a token for what is not known."""
    if isinstance(value, Known):
        return value.value
    if isinstance(value, Real):
        return value.object
    if isinstance(value, Items | Mapping):
        return contents(value, lambda part: concrete(part, at))
    if isinstance(value, Function):
        within = f"{value.owner.name}." if value.owner is not None else "" if value.closure is None else "<locals>."
        return placeholder_of(value.module.name, within + value.name)
    if isinstance(value, Native):
        return BUILT_IN.get(value.name, placeholder)
    if isinstance(value, Bound):
        return placeholder
    if isinstance(value, Union):
        return _made_of_one(value, at)
    made = getattr(value, "concrete", None)
    if made is not None:
        return made(at)
    if isinstance(value, ClassValue):
        adoption = at.interpreter.adoption(value)
        label = getattr(adoption, "label", None)
        if label is not None:
            return label
        return placeholder
    return token_for(value)


MOST_COMPARED = 40


def exact(value: Value | None) -> object:
    """A key that is equal only for values of which ``concrete`` makes objects with the same effect on a query. Raises NotExact where that
    cannot be told."""
    if isinstance(value, Known):
        if type(value.value) in (str, int, bool, float, type(None)):
            return (type(value.value), value.value)
        raise NotExact
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Items | Mapping) and len(value.items) <= MOST_COMPARED:
        with IN_VALUES as too_deep:
            if too_deep:
                raise NotExact
            if isinstance(value, Mapping):
                return tuple((name, exact(item)) for name, item in value.items.items())
            return (value.kind, *map(exact, value.items), None if value.rest is None else exact(value.rest))
    if isinstance(value, Real):
        return Identity(value.object)
    told = getattr(value, "exact", None)
    if told is None:
        raise NotExact
    return told()


class NotExact(Exception):
    """Two values cannot be told to be the same."""


def exact_arguments(arguments: Arguments) -> object:
    """The key of all arguments of a call, or None where they cannot be compared."""
    try:
        return (
            tuple(map(exact, arguments.positional)),
            tuple((name, exact(value)) for name, value in arguments.named.items()),
            arguments.extra_positional is None and arguments.extra_named is None,
        )
    except NotExact:
        return None


def _made_of_one(value: Union, at: Frame) -> Any:
    """The object that stands for one of several alternatives; where None is another, its token says so, or its key's."""
    made = concrete(_preferred(value), at)
    if any(isinstance(member, Known) and member.value is None for member in value.members):
        options = getattr(made, "_meta", None)
        if isinstance(made, Token):
            return Token(made.origin, or_none=True)
        if options is not None and isinstance(key := made.__dict__.get(options.pk.attname), Token):
            made.__dict__[options.pk.attname] = Token(key.origin, or_none=True)
    return made


def _preferred(value: Union) -> Value:
    """One of several alternatives: a real object before a constant, a constant before what is not known, None last."""

    def rank(member: Value) -> int:
        if isinstance(member, Known):
            return 3 if member.value is None else 1
        return 2 if isinstance(member, Unknown) else 0

    best = min(value.members, key=rank)
    several = sum(1 for member in value.members if isinstance(member, Known) and member.value is not None) > 1
    return Unknown("one of several constants", "unknown") if several and rank(best) == 1 else best


def arguments_of(arguments: Arguments, at: Frame) -> tuple[list[Any], dict[str, Any]]:
    positional = [concrete(value, at) for value in arguments.positional]
    named = {
        name: concrete(value, at)
        for name, value in arguments.named.items()
        if not (name in TEXT_ONLY and not isinstance(value, Known))
    }
    return positional, named


def plain_option(value: Any) -> Any:
    """An option of a field as plain data for rules, which can be kept; None for what is not."""
    if isinstance(value, Token):
        return None
    if isinstance(value, enum.Enum):
        return plain_option(value.value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str | int | float):  # of classes of their own as well
        return str(value) if isinstance(value, str) else int(value) if isinstance(value, int) else float(value)
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, datetime.date | datetime.timedelta):
        return str(value)
    if isinstance(value, list | tuple):
        return [plain_option(item) for item in value][:200]
    return None
