"""The statements that a running Django or SQLAlchemy application sends, written down with their parameters, lines and calls.

``capture("statements.jsonl")`` as a context manager, or ``python -m dbwright.capture -o FILE SCRIPT …`` around a script. What an
application on SQLite sends is written down as PostgreSQL's SQL: the frameworks render it a second time. ``dbwright advise --captured``
reads the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dbwright.capture.calls import Calls

__all__ = ["Calls", "capture", "watching"]


@contextmanager
def watching(calls: Calls) -> Iterator[None]:
    """Write down into ``calls`` what Django and SQLAlchemy send meanwhile, those of them that are installed."""
    from contextlib import ExitStack
    from importlib.util import find_spec

    with ExitStack() as stack:
        if find_spec("django"):
            from dbwright.capture import django

            stack.enter_context(django.watching(calls))
        if find_spec("sqlalchemy"):
            from dbwright.capture import sqlalchemy

            stack.enter_context(sqlalchemy.watching(calls))
        yield


@contextmanager
def capture(path: Path | str, *, root: Path | str = ".") -> Iterator[Calls]:
    """Write down what is sent meanwhile, with lines below ``root``, and write it to the file at the end, readable by its owner alone:
    parameters may be personal. Those of columns whose names tell of a secret are never kept."""
    calls = Calls(Path(root).resolve())
    try:
        with watching(calls):
            yield calls
    finally:
        calls.write(Path(path))
