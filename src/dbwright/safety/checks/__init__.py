"""What is judged of a statement, a module for each part of the language. The folder is the list.

A module holds ``Check`` objects and a function ``look(step)`` that yields findings.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache

from dbwright.safety.judged import Check, Finding, Step

Look = Callable[[Step], Iterator[Finding]]


@cache
def looks() -> tuple[Look, ...]:
    """The function of each module."""
    return tuple(module.look for module in _modules() if hasattr(module, "look"))


@cache
def checks() -> dict[str, Check]:
    """Every check by its id."""
    found = [value for module in _modules() for value in vars(module).values() if isinstance(value, Check)]
    return {check.id: check for check in sorted(found, key=lambda check: check.id)}


def _modules() -> list[object]:
    return [
        importlib.import_module(f"{__name__}.{module.name}")
        for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name)
    ]
