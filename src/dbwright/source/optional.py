"""Marks around the conditions of a statement that may not be there: written as comments while a framework compiles it, then taken out."""

from __future__ import annotations

import re

BEGIN, END = "/*?*/", "/*!*/"
_MARK = re.compile(r"/\*[?!]\*/")


def unmarked(sql: str) -> str:
    """The text without marks."""
    return _MARK.sub("", sql) if BEGIN in sql else sql


def spans(sql: str) -> tuple[tuple[int, int], ...]:
    """Where in the text without marks the marked conditions stand, the outer before the inner ones."""
    if BEGIN not in sql:
        return ()
    found: list[tuple[int, int]] = []
    opened: list[int] = []
    taken = 0
    for mark in _MARK.finditer(sql):
        position = mark.start() - taken
        taken += len(mark[0])
        if mark[0] == BEGIN:
            opened.append(position)
        elif opened:
            found.append((opened.pop(), position))
    return tuple(sorted(found, key=lambda one: (one[0], -one[1])))
