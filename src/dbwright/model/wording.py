"""Figures and names in sentences, said the same way everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable


def bytes_text(number: float) -> str:
    """Bytes as PostgreSQL's ``pg_size_pretty`` counts them, in powers of 1,024: ``3.4 GB``, ``120 MB``."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(number) < 1024:
            return f"{number:,.0f} {unit}" if unit in ("bytes", "kB") or number >= 100 else f"{number:,.1f} {unit}"
        number /= 1024
    return f"{number:,.1f} TB"


def duration(seconds: float) -> str:
    """``40 s``, ``12 minutes``, ``3.5 hours``, ``12 days``."""
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 86400:,.0f} days"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """``1 session``, ``2,300 sessions``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


_ONE = re.compile(
    r"(?<![\w.,$%-])1 (row|inde|table|column|scan|statement|call|session|value|day|read|transaction|constraint|sequence|page|block"
    r"|connection|partition|function|role|schema|key|finding|quer|entr|second|minute|hour|write|group|file)(s|xes|ies)\b"
)
_SINGULAR = {"s": "", "xes": "x", "ies": "y"}


def in_singular(text: str) -> str:
    """A sentence made for any number, with ``1 rows`` told as ``1 row``."""
    return _ONE.sub(lambda m: f"1 {m[1]}{_SINGULAR[m[2]]}", text)


def listed(names: Iterable[str], most: int = 4) -> str:
    """Some names for a sentence: ``a``, ``a and b``, ``a, b, c, d and 7 more``."""
    every = list(names)
    shown, left = every[:most], len(every) - most
    if left > 0:
        return ", ".join(shown) + f" and {left} more"
    return " and ".join(part for part in (", ".join(shown[:-1]), *shown[-1:]) if part)
