"""Figures for people: sizes, counts, shares, times, and the values of a finding's evidence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import PurePath
from typing import Any

from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.plaintext import one_line

LONGEST_LIST = 12
_NAMES = ("id", "ids", "oid", "oids", "pid", "pids", "port", "ports")
"""Last words of keys whose numbers are names: nobody counts them, and they are searched for as they stand."""


def title(snapshot: Snapshot) -> str:
    """What a report is about: the database, or the folder of the project where none was read."""
    folder = PurePath(snapshot.project.root).name if snapshot.project.root else ""
    return snapshot.target.database or folder or snapshot.target.name


def moment(time: datetime) -> str:
    """A time as people write it, with its zone."""
    return f"{time:%Y-%m-%d %H:%M} {time.tzname() or ''}".strip()


def label(key: str) -> str:
    """The name of an evidence value as words."""
    return one_line(key.replace("_", " "))


def value(key: str, content: Any) -> str:
    """An evidence value as words; ``key`` tells what a number counts."""
    if isinstance(content, Mapping):
        parts = [f"{one_line(str(k))}: {value(str(k), v)}" for k, v in list(content.items())[:LONGEST_LIST]]
        return _with_rest(parts, len(content), "; ")
    if isinstance(content, list | tuple | set | frozenset):
        return _with_rest([value(key, part) for part in list(content)[:LONGEST_LIST]], len(content), ", ")
    if isinstance(content, bool) or content is None:
        return {True: "yes", False: "no", None: "–"}[content]
    if isinstance(content, int | float):
        return _number(key, content)
    return moment(content) if isinstance(content, datetime) else one_line(str(content))


def _with_rest(parts: list[str], total: int, separator: str) -> str:
    rest = f" … and {total - len(parts):,} more" if total > len(parts) else ""
    return (separator.join(parts) or "none") + rest


def _number(key: str, number: float) -> str:
    words = key.split("_")
    if "bytes" in words:
        return bytes_text(number)
    if words[-1] in _NAMES:
        return f"{number:.0f}" if isinstance(number, float) else str(number)
    if words[-1] in ("share", "ratio", "fraction") and 0 <= number <= 1:
        return f"{number:.1%}"
    if isinstance(number, int) or float(number).is_integer():
        return f"{int(number):,}"
    return f"{number:,.3g}" if abs(number) < 100 else f"{number:,.0f}"
