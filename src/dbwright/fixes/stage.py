"""What renderers for frameworks give: operations of a migration in stages, and edits of models."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, Literal, TypeVar

from dbwright.model import change as c

Edit = TypeVar("Edit")
Kind = Literal["brief", "validates", "resumable", "alone", "outside"]
"""How operations share a migration. ``brief``: a strong lock for an instant, in one transaction with others of the kind. ``validates``: old
rows are read under a lock that stops neither reads nor writes, with others of the kind. ``resumable``: outside of any transaction with
others of the kind; what a run did that failed later is passed over by the next. ``alone``: a transaction of its own.
``outside``: one statement outside of any transaction, which can simply be run again when it failed."""


class NotForCode(Exception):
    """A change that the framework's migrations have no place for; the message says why, and what does it instead."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Operations that stand in one migration: ``operations`` and, for Alembic, ``reverse`` are Python. ``title`` names the file."""

    title: str
    operations: tuple[str, ...]
    kind: Kind = "brief"
    imports: frozenset[str] = frozenset()
    reverse: tuple[str, ...] = ()


def shared_out(changes: Sequence[Sequence[Stage]]) -> list[list[Stage]]:
    """The stages of several changes in as few migrations as is safe, each change's in order."""
    found: list[list[Stage]] = []
    for stages in changes:
        earliest = 0
        for stage in stages:
            together = stage.kind not in ("alone", "outside")
            place = next(
                (n for n in range(earliest, len(found)) if together and found[n][0].kind == stage.kind), len(found)
            )
            if place == len(found):
                found.append([])
            found[place].append(stage)
            earliest = place
    return found


@dataclass(frozen=True, slots=True)
class Rendered(Generic[Edit]):
    """An operation in the words of a framework: its stages in order, and what changes in the models."""

    stages: tuple[Stage, ...]
    edits: tuple[Edit, ...] = ()


def for_the_server(operation: c.Operation, table: str) -> str:
    """Why migrations have no place for an operation."""
    what = re.sub(r"(?<!^)(?=[A-Z])", " ", type(operation).__name__).lower()
    return f"{what} ({table}) concerns the server and not the application's schema; `dbwright apply` does it"


def unique_constraint(index: c.CreateIndex) -> c.CreateIndex | c.AddUnique:
    """A unique index on plain columns as the constraint that models make of it; any other index as it is."""
    columns = tuple(key.column for key in index.keys if key.column is not None and key == c.IndexKey(key.column))
    plain = replace(index, name="", keys=(), nulls_not_distinct=False)
    if len(columns) < len(index.keys) or plain != c.CreateIndex(index.schema, index.table, "", (), unique=True):
        return index
    return c.AddUnique(index.schema, index.table, index.name, columns, index.nulls_not_distinct)


def docstring(reasons: Sequence[str]) -> str:
    """The findings that a migration mends as the text at its head."""
    lines = [" ".join(reason.replace('"""', "'''").replace("\\", "/").split()) for reason in dict.fromkeys(reasons)]
    ended = [line if line.endswith((".", "!", "?")) else f"{line}." for line in lines] or ["Written by dbwright."]
    return ended[0] if len(ended) == 1 else "\n".join([*ended, ""])
