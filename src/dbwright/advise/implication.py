"""Whether one condition of a partial index holds wherever another does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dbwright.model.query import NO_COLUMN, Predicate
from dbwright.source.sql import CannotTakeApart, take_apart

_STRICT = frozenset(("=", "<", "<=", ">", ">=", "<>", "in", "like", "ilike", "between"))
"""Operators that no NULL fulfils."""
_NULLS = ("is null", "is not null")


def implies(narrow: str | None, wide: str | None) -> bool:
    """Whether every row that fulfils ``narrow`` fulfils ``wide``, as far as is certain; None: no condition. By the rules that the planner
    goes by too: parts of an AND, comparisons with constants, lists, what is not null."""
    if wide is None or narrow == wide:
        return True
    if narrow is None:
        return False
    given, wanted = _parts(narrow), _parts(wide)
    return bool(wanted) and all(any(_follows(one, part) for one in given) for part in wanted)


def _parts(condition: str) -> Sequence[Predicate]:
    """The comparisons that all hold; none when there is anything else in it."""
    try:
        found = take_apart(f"SELECT 1 FROM t WHERE {condition}").predicates  # noqa: S608 -- is parsed, never sent
    except CannotTakeApart:
        return ()
    whole = all(
        p.narrows and not p.depth and (p.value or p.operator in _NULLS) and p.column != NO_COLUMN for p in found
    )
    return found if whole else ()


def _follows(given: Predicate, wanted: Predicate) -> bool:
    """Whether ``wanted`` holds where ``given`` does."""
    if _bare(given) == _bare(wanted):
        return wanted.is_constant or wanted.operator in _NULLS
    if given.negated or wanted.negated or (given.column, given.wrapped) != (wanted.column, wanted.wrapped):
        return False
    if wanted.operator == "is not null":
        return given.operator in _STRICT
    if not (given.is_constant and wanted.is_constant):
        return False
    values = _values(given)
    return (bool(values) and all(_holds(value, wanted) for value in values)) or _is_within(given, wanted)


def _bare(predicate: Predicate) -> Predicate:
    return replace(predicate, select=0, branch=0, parameter=0)


def _values(predicate: Predicate) -> Sequence[str]:
    """The values that the column can have."""
    if predicate.operator == "=":
        return (predicate.value,)
    return _list(predicate.value) if predicate.operator == "in" else ()


def _list(text: str) -> Sequence[str]:
    """The parts of ``('a', 'b')``; none when a text in it holds a comma."""
    parts = [part.strip() for part in text.removeprefix("(").removesuffix(")").split(",")]
    return parts if all(part.count("'") in (0, 2) for part in parts) else ()


def _holds(value: str, wanted: Predicate) -> bool:
    if wanted.operator == "=":
        return value == wanted.value
    if wanted.operator == "in":
        return value in _list(wanted.value)
    number, limit = _number(value), _number(wanted.value)
    if wanted.operator == "<>":
        texts = value[:1] == wanted.value[:1] == "'"
        return value != wanted.value and (texts or (number is not None and limit is not None and number != limit))
    if number is None or limit is None:
        return False
    answers = {"<": number < limit, "<=": number <= limit, ">": number > limit, ">=": number >= limit}
    return answers.get(wanted.operator, False)


def _is_within(given: Predicate, wanted: Predicate) -> bool:
    """``> 5`` is within ``> 3`` and ``>= 5``."""
    one, other = _number(given.value), _number(wanted.value)
    if one is None or other is None or given.operator[:1] not in "<>" or wanted.operator[:1] != given.operator[:1]:
        return False
    if "<>" in (given.operator, wanted.operator):
        return False
    beyond = one > other if given.operator[0] == ">" else one < other
    return beyond or (one == other and (given.operator == wanted.operator or wanted.operator.endswith("=")))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
