"""The migrations of a project as its files tell: their graph, what each does, and where models and migrations disagree.

Django's and Alembic's in the same form. Files are named relative to the project's root, lines count from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dbwright.model.source_table import Place, SourceTable

MigrationFramework = Literal["django", "alembic"]
GraphFault = Literal["heads", "missing parent", "cycle", "duplicate", "unread"]
Risk = Literal[
    "none", "brief lock", "long lock", "table rewrite", "data loss", "breaks running code", "runs code", "not known"
]
"""What an operation does to a database in use, in a word; ``OPERATION_RISKS`` says it in a sentence."""

OPERATION_RISKS: dict[Risk, str] = {
    "none": "nothing in the database changes, or only an object that nobody uses yet",
    "brief lock": "an ACCESS EXCLUSIVE lock for an instant; it waits behind long transactions, and everything waits behind it",
    "long lock": "writes wait while the whole table is read: an index or a constraint is checked under a lock",
    "table rewrite": "the whole table is written anew under an ACCESS EXCLUSIVE lock",
    "data loss": "what the column or table holds is gone and no reverse brings it back",
    "breaks running code": "code that still runs while this is deployed uses the old name",
    "runs code": "Python or SQL of the project's own; how long it takes depends on the rows",
    "not known": "an operation that is not read",
}


@dataclass(frozen=True, slots=True)
class MigrationOperation:
    """One operation. ``kind`` is the framework's name for it, ``what`` it in words; ``irreversible`` says why it cannot be undone."""

    kind: str
    what: str
    table: str | None = None
    risk: Risk = "not known"
    irreversible: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """One migration. ``group`` is the application's label (Django) or the script folder (Alembic); ``parents`` are names within the group
    or ``group.name`` of others. ``merge``: it only brings several heads together."""

    framework: MigrationFramework
    group: str
    name: str
    place: Place
    parents: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    operations: tuple[MigrationOperation, ...] = ()
    initial: bool = False
    atomic: bool = True
    merge: bool = False

    @property
    def label(self) -> str:
        return f"{self.group}.{self.name}"

    @property
    def is_empty(self) -> bool:
        """It does nothing and joins nothing."""
        return not self.operations and not self.merge

    @property
    def irreversible(self) -> str | None:
        """Why it cannot be undone; None when it can."""
        return next((o.irreversible for o in self.operations if o.irreversible), None)


@dataclass(frozen=True, slots=True)
class GraphProblem:
    """A fault of the graph itself; ``names`` are the migrations that it is about."""

    fault: GraphFault
    framework: MigrationFramework
    group: str
    names: tuple[str, ...]
    message: str
    place: Place


@dataclass(frozen=True, slots=True)
class Drift:
    """A difference between two views of the schema. ``have`` knows the thing, ``lack`` does not, or has it otherwise (then ``detail``
    says both). ``change`` closes it where that could be told: text of a migration, or SQL."""

    have: Literal["models", "migrations", "database"]
    lack: Literal["models", "migrations", "database"]
    kind: Literal["table", "column", "index", "constraint"]
    table: str
    name: str | None
    detail: str
    place: Place
    change: str | None = None


@dataclass(frozen=True)
class Migrations:
    """All migrations of a project. ``tables`` is the schema that they make when replayed in order from nothing; ``replayed`` are the groups
    for which that worked wholly."""

    files: tuple[MigrationFile, ...] = ()
    problems: tuple[GraphProblem, ...] = ()
    tables: tuple[SourceTable, ...] = ()
    replayed: frozenset[str] = frozenset()
    drift: tuple[Drift, ...] = ()
