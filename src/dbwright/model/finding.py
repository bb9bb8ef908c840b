"""A finding: one defect, what it costs, how sure we are, and the change that mends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dbwright.model.change import Change
from dbwright.model.code_edit import CodeEdit

Severity = Literal["critical", "high", "medium", "low", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low", "info")
Confidence = Literal["high", "medium", "low"]
Risk = Literal["outage", "data loss", "security", "integrity", "performance", "operations", "waste", "hygiene"]


@dataclass(frozen=True, slots=True)
class Location:
    """A place in the project. ``file`` is relative to the project's root."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """A database object. ``kind`` is table, index, column, constraint, sequence, view, function, role, setting,
    session, statement, slot, schema, extension, policy, trigger, type, database; ``table`` is set for what belongs to one."""

    kind: str
    name: str
    schema: str | None = None
    table: str | None = None
    columns: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """How people write it: ``schema.table.name`` with the default schema left out."""
        schema = None if self.schema in (None, "public", "main") else self.schema
        parts = (schema, self.table if self.table != self.name else None, self.name)
        return ".".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Impact:
    """What a defect costs, as measured: ``value`` in ``unit`` (rows, bytes, calls, seconds, transactions, share …).

    ``low`` is the value from which it begins to matter, ``high`` the one from which it could not matter more.
    The magnitude is the position of ``value`` between them on a logarithmic scale, 0 to 1. Facts that have no size
    (a setting that is simply wrong) use ``Impact.certain``.
    """

    value: int | float  # a number read back from a file stays what it was
    unit: str
    low: int | float
    high: int | float
    estimated: bool = False

    @staticmethod
    def certain(unit: str = "fact") -> Impact:
        """An impact that is there or not: magnitude 1."""
        return Impact(1, unit, 0, 1)

    @property
    def magnitude(self) -> float:
        """0 to 1; 1 when ``value`` reaches ``high``."""
        if self.value >= self.high:
            return 1.0
        if self.value <= self.low:
            return 0.0
        from math import log

        low = max(self.low, 1e-9)
        return log(max(self.value, low) / low) / log(self.high / low)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule yields. ``rule``, ``risk``, ``severity``, ``points``, ``id`` and ``locations`` are filled in by the audit.

    ``title`` is a headline of a few words that names the object, ``message`` one or two sentences that say what is
    wrong and why it matters here, with the figures; ``evidence`` the figures themselves (JSON values) and how they were
    got; ``next_step`` what to do when there is no ``change``. ``identity`` adds to the fingerprint where the object alone does not tell
    two findings of a rule apart, and stands for the objects where there are several: the members of such a group may change.
    ``code_change``: a change that this database cannot carry out by a statement, but migrations can (SQLite, whose tables they make anew).
    ``edits``: what ``dbwright fix`` may write into the source once the project's tests have shown it to be good.
    """

    title: str
    message: str
    objects: tuple[ObjectRef, ...]
    impact: Impact
    evidence: Mapping[str, Any] = field(default_factory=dict)
    confidence: Confidence = "high"
    change: Change | None = None
    code_change: Change | None = None
    edits: tuple[CodeEdit, ...] = ()
    next_step: str | None = None
    identity: str = ""
    rule: str = ""
    risk: Risk = "hygiene"
    severity: Severity = "info"
    points: float = 0.0
    id: str = ""
    locations: tuple[Location, ...] = ()


@dataclass(frozen=True, slots=True)
class Strength:
    """A good practice that was found, with its evidence. ``rule`` is filled in by the audit."""

    title: str
    message: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    rule: str = ""


@dataclass(frozen=True, slots=True)
class NotChecked:
    """A rule that could not look, or could look only in part, with the GRANT or setting that would let it."""

    rule: str
    reason: str
    remedy: str
    partial: bool = False
