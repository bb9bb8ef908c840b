"""Tokens: values that are not known, in a form that a framework carries unharmed from a condition into the parameters of its SQL."""

from __future__ import annotations

import itertools
import re
from typing import Any, cast

from dbwright.model.source import Parameter, ParameterOrigin
from dbwright.source.values import Known, Unknown, Value, origin_of

_numbers = itertools.count(1)
_TOKEN = re.compile("\u2039(\\d+)\\|([a-z]+)(\\??)\u203a")
UNKNOWN_NUMBER = 7_654_321
"""Stands for a number that is not known where a framework insists on a number: a LIMIT, an OFFSET, a year."""


class Token(str):
    """Text that is unique and tells where the value comes from, and with a question mark that it may be None."""

    __slots__ = ("origin",)
    origin: ParameterOrigin

    def __new__(cls, origin: ParameterOrigin, or_none: bool = False) -> Token:
        made = super().__new__(cls, f"\u2039{next(_numbers)}|{origin}{'?' if or_none else ''}\u203a")
        made.origin = origin
        return made

    def __hash__(self) -> int:
        return str.__hash__(self)

    def __deepcopy__(self, memo: object) -> Token:
        return self


def token_for(value: Value) -> Token:
    """The token of a value that is not known."""
    if isinstance(value, Unknown):
        return Token(value.origin, value.or_none)
    return Token(origin_of(value) if not isinstance(value, Known) else "constant")


_ADDRESS = re.compile(" at 0x[0-9a-f]+")


def repeatable(text: str) -> str:
    """What a framework says of the values that it was given, without the numbers of tokens and addresses that differ in each run."""
    return _ADDRESS.sub("", _TOKEN.sub("\u2039\\2\u203a", text))


def known_of(value: Any) -> Any:
    """The text around tokens, where there is some: of a name with a prefix that is not known the rest, else the value as it is."""
    around = _TOKEN.sub("", value) if isinstance(value, str) and not isinstance(value, Token) else ""
    return around or value


def parameter_of(value: Any) -> Parameter:
    """What a parameter of the compiled SQL stands for. Text around a token (``%…%``) is kept as the value."""
    if isinstance(value, str):
        found = _TOKEN.search(value)
        if found is None:
            return Parameter("constant", str(value[:200]))
        around = _TOKEN.sub("", value)
        return Parameter(cast(ParameterOrigin, found[2]), around or None, or_none=bool(found[3]) and not around)
    if isinstance(value, int) and value == UNKNOWN_NUMBER:
        return Parameter("unknown")
    if isinstance(value, bool) or value is None:
        return Parameter("constant", value)
    if isinstance(value, int | float):  # the driver's wrappers of numbers as well
        return Parameter("constant", int(value) if isinstance(value, int) else float(value))
    if isinstance(value, list | tuple):
        inner = [parameter_of(one) for one in value]
        origin: ParameterOrigin = next((one.origin for one in inner if one.origin != "constant"), "constant")
        return Parameter(origin, None if origin != "constant" else [one.value for one in inner][:20])
    inner_value = getattr(value, "obj", None)  # psycopg's wrappers of JSON
    if inner_value is not None:
        return parameter_of(inner_value)
    return (
        Parameter("constant", repeatable(str(value))[:200])
        if not _TOKEN.search(str(value))
        else parameter_of(str(value))
    )


def has_token(value: Any) -> bool:
    return isinstance(value, Token) or (isinstance(value, str) and _TOKEN.search(value) is not None)
