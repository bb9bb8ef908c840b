"""The migrations of a project as its files tell: their graph, what each does, and where models and migrations disagree.

Django's and Alembic's in the same form. Files are named relative to the project's root, lines count from 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
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

RISK_ORDER: tuple[Risk, ...] = (
    "none",
    "brief lock",
    "not known",
    "long lock",
    "runs code",
    "breaks running code",
    "table rewrite",
    "data loss",
)
"""The mildest first."""


@dataclass(frozen=True, slots=True)
class MigrationOperation:
    """One operation. ``kind`` is the framework's name for it, ``what`` it in words; ``irreversible`` says why it cannot be undone.
    ``effect``: it makes or drops the ``part`` of the schema called ``name`` on ``table``."""

    kind: str
    what: str
    table: str | None = None
    risk: Risk = "not known"
    irreversible: str | None = None
    line: int = 0
    effect: Literal["makes", "drops", ""] = ""
    part: Literal["table", "column", "index", "constraint", ""] = ""
    name: str | None = None


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """One migration. ``group`` is the application's label (Django) or the script folder (Alembic); ``parents`` are names within the group
    or ``group.name`` of others. ``merge``: it only brings several heads together. ``date`` is the one written in the file or its name
    (``2024-05-31``); ``explained``: a comment or docstring of its own says why it does nothing."""

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
    date: str | None = None
    explained: bool = False

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

    @property
    def loses_data(self) -> tuple[MigrationOperation, ...]:
        """Operations whose reverse makes the column or table again, but empty."""
        return tuple(o for o in self.operations if o.risk == "data loss")

    @property
    def risk(self) -> Risk:
        """The worst of its operations."""
        return max((o.risk for o in self.operations), key=RISK_ORDER.index, default="none")


@dataclass(frozen=True, slots=True)
class GraphProblem:
    """A fault of the graph itself; ``names`` are the migrations that it is about, ``places`` their files where there are several.
    ``change`` is the text that closes it: a merge migration, or the lines to write."""

    fault: GraphFault
    framework: MigrationFramework
    group: str
    names: tuple[str, ...]
    message: str
    place: Place
    places: tuple[Place, ...] = ()
    change: str | None = None


@dataclass(frozen=True, slots=True)
class AppliedMigration:
    """A row of ``django_migrations`` or ``alembic_version`` in a database: ``group`` is the application's label, empty for Alembic, whose
    row names the last revision only. ``schema`` is where the table lies."""

    framework: MigrationFramework
    group: str
    name: str
    applied_at: datetime | None = None
    schema: str = ""


@dataclass(frozen=True, slots=True)
class Drift:
    """A difference between two views of the schema. ``have`` knows the thing, ``lack`` does not, or has it otherwise (then it
    ``differs`` and ``detail`` says both). ``columns`` are those of an index or constraint. ``group`` is the history that it belongs to;
    ``change`` closes it where that could be told: text of a migration, the same for all of a history."""

    have: Literal["models", "migrations", "database"]
    lack: Literal["models", "migrations", "database"]
    kind: Literal["table", "column", "index", "constraint"]
    table: str
    name: str | None
    detail: str
    place: Place
    change: str | None = None
    columns: tuple[str, ...] = ()
    differs: bool = False
    group: str = ""
    framework: MigrationFramework = "django"


@dataclass(frozen=True)
class Migrations:
    """All migrations of a project. ``tables`` is the schema that they make when replayed in order from nothing, ``groups`` the history
    of each by its name; ``replayed`` are the groups for which that worked wholly. ``unsure`` names tables that some migration changes
    in the database in a way that was not followed."""

    files: tuple[MigrationFile, ...] = ()
    problems: tuple[GraphProblem, ...] = ()
    tables: tuple[SourceTable, ...] = ()
    replayed: frozenset[str] = frozenset()
    drift: tuple[Drift, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    unsure: frozenset[str] = frozenset()
