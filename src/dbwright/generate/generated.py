"""What generators are asked with and what they answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from dbwright.errors import DbwrightError
from dbwright.fixes.drafts import FileText


class Refused(DbwrightError):
    """A generator cannot leave something that works; the message says why and the remedy what to do."""


def require_variable(name: str) -> None:
    """Raises Refused for what is no name of an environment variable as settings spell them."""
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        raise Refused(f"{name} is no name of a variable.", "Take capital letters and underscores.")


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a generator; ``is_argument``: it is given without its name. A default of False makes a switch, an integer a count;
    ``several``: it may be given more than once."""

    name: str
    help: str
    default: Any = None
    required: bool = False
    several: bool = False
    is_argument: bool = False


@dataclass(frozen=True, slots=True)
class Generated:
    """The files to write, the commands that follow, and how to take it back. ``notes``: what stays to be known or done by hand."""

    files: tuple[FileText, ...]
    steps: tuple[str, ...]
    back: str
    notes: tuple[str, ...] = ()
