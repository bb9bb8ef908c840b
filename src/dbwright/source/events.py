"""What happens while a function of the project is walked: queries issued, functions called, and under which loops.

Events are kept per function and set of argument values, so that a function called from many places is walked once; ``unroll`` puts them
together again from an entry point.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dbwright.source.values import Identity

DEEPEST_CHAIN = 14
CONDITION = 8
"""What a condition that is not known weighs."""
ROW_TEST = 3
"""What one weighs that asks nothing but the columns of the row whose method it stands in: whoever calls the method, some rows pass it. Two
of them are no doubt yet."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the project, and the function that it stands in."""

    file: str
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class Asked(Place):
    """The line of the project, or its class, that a stub does something for."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop around an event, in the project's own code or (``by_framework``) in a stub. ``rows`` is what the framework keeps of the
    query whose rows it walks over (a tuple: of one of several; None when it walks over something else); ``count`` how often it runs
    where that is written in the source. ``place`` is None in a stub."""

    place: Place | None
    rows: Any = None
    count: int | None = None
    by_framework: bool = False
    is_unrolled: bool = False
    """Whether its body is walked once for each element."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that a framework wants remembered: ``what`` is its own record (a query issued, a relation touched)."""

    what: Any
    place: Place | None
    loops: tuple[Loop, ...]
    conditions: int = 0
    """The weight of the conditions that are not known in which it stands, within the innermost of the loops, else within the function."""


@dataclass(frozen=True, slots=True)
class Called:
    """A call of a function of the project or of a stub."""

    summary: Summary
    place: Place | None
    loops: tuple[Loop, ...]
    conditions: int = 0
    """As of what happens."""


@dataclass(slots=True)
class Summary:
    """A function walked with one set of argument values: what happened in it."""

    name: str
    events: list[Happening | Called] = field(default_factory=list)
    finished: bool = False
    result: Any = None
    asked_again: bool = False
    sited: bool = False
    """Whether the walk asked for the line of the project that the stub is called from, and so holds for that line only."""
    number: int = field(default_factory=itertools.count().__next__)
    """Tells it from all others, also from those that are gone: an address in memory is given again."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A happening as reached from an entry point: the place nearest to it in the project, all loops around it from the outside in, the
    calls that lead to it, and the conditions that are not known between the innermost loop and it: ``guards`` in the body of the
    loop, ``conditions`` in what that calls."""

    what: Any
    place: Place
    loops: tuple[Loop, ...]
    calls: tuple[Place, ...]
    guards: int = 0
    conditions: int = 0


def _at(loop: Loop, place: Place) -> Loop:
    """A loop of a stub stands at the line that calls the stub."""
    return loop if loop.place is not None else Loop(place, loop.rows, loop.count, by_framework=True)


def _whose(loop: Loop) -> object:
    return tuple(map(Identity, loop.rows)) if isinstance(loop.rows, tuple) else Identity(loop.rows)


def unroll(entry: Summary, place: Place, seen: set[object]) -> Iterator[Reached]:
    """Everything that happens below an entry. ``place`` stands in for what happens in stubs that the entry calls. What was reached under
    the same loops before (``seen``, shared by the caller between entries) is passed over."""
    yield from _unroll(entry, place, (), (), seen)


def _unroll(
    summary: Summary,
    place: Place,
    loops: tuple[Loop, ...],
    calls: tuple[Place, ...],
    seen: set[object],
    guards: int = 0,
    conditions: int = 0,
) -> Iterator[Reached]:
    mark = (summary.number, place, tuple((loop.place, _whose(loop)) for loop in loops))
    if mark in seen or len(calls) > DEEPEST_CHAIN:
        return
    seen.add(mark)
    for event in summary.events:
        at = event.place or place
        around = loops + tuple(_at(loop, place) for loop in event.loops)
        under = (event.conditions, 0) if event.loops else (guards, conditions + event.conditions)
        if isinstance(event, Happening):
            yield Reached(event.what, at, around, calls, *(weight // CONDITION for weight in under))
        else:
            yield from _unroll(event.summary, at, around, (*calls, at), seen, *under)
