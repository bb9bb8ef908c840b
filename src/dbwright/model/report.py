"""The Report: what an audit says, and all that a renderer needs to show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from dbwright.model.finding import Finding, NotChecked, Strength
from dbwright.model.snapshot import Snapshot

REPORT_VERSION = "1.0"
"""Version of the JSON contract: the first number changes when something is taken away or means something else."""

State = Literal["new", "unchanged", "regressed", "resolved"]


@dataclass(frozen=True, slots=True)
class Life:
    """The life of one finding across audits of a target. ``regressed``: it had been resolved and is back."""

    state: State
    first_seen: datetime
    last_seen: datetime
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ResolvedFinding:
    """A finding of an earlier audit that is gone."""

    id: str
    rule: str
    title: str
    life: Life


@dataclass(frozen=True, slots=True)
class Ignore:
    """An accepted finding, as configured. ``rule`` and ``object`` may hold ``*``; ``until`` ends it."""

    rule: str
    reason: str
    object: str = "*"
    until: str | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class IgnoredFinding:
    """A finding that an ignore or the baseline holds back."""

    finding: Finding
    reason: str


@dataclass(frozen=True, slots=True)
class Score:
    """The score of an area (a rule group) or of all, 0 to 100; None when nothing of it could be checked.

    ``losses`` gives for each rule that found something the share of the score that it cost, 0 to 1.
    """

    area: str
    value: int | None
    rules_checked: int
    rules_not_checked: int
    losses: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """The outcome of an audit. ``findings`` are ordered by points, the worst first; ``scores`` hold the overall one first;
    ``rules_run`` are the rules that looked, in full or in part; ``hints`` are findings that are not listed unless asked for; ``given`` the
    words by which a command looks at the same project and database."""

    snapshot: Snapshot
    findings: tuple[Finding, ...]
    strengths: tuple[Strength, ...] = ()
    not_checked: tuple[NotChecked, ...] = ()
    ignored: tuple[IgnoredFinding, ...] = ()
    unused_ignores: tuple[Ignore, ...] = ()
    expired_ignores: tuple[Ignore, ...] = ()
    scores: tuple[Score, ...] = ()
    lives: Mapping[str, Life] = field(default_factory=dict)
    resolved: tuple[ResolvedFinding, ...] = ()
    rules_run: tuple[str, ...] = ()
    audit_seconds: float = 0.0
    hints: tuple[Finding, ...] = ()
    given: tuple[str, ...] = ()

    @property
    def overall(self) -> Score | None:
        return self.scores[0] if self.scores else None


def without_hints(report: Report) -> Report:
    """The report with what is only ``info`` set aside: what costs nothing that was measured is asked for, not met."""
    told = tuple(finding for finding in report.findings if finding.severity != "info")
    return replace(report, findings=told, hints=tuple(f for f in report.findings if f.severity == "info"))
