"""What was measured of a change on a throw-away copy: before and after, with the interval of each figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["faster", "slower", "inside noise", "no interval", "failed"]
"""``faster`` and ``slower``: the intervals of before and after do not overlap, and the difference is larger than that of two equal copies.
``no interval``: too few runs for one, so nothing is claimed. ``failed``: one side answered with an error."""
Answers = Literal["same", "same rows, ties cut otherwise", "other order", "differ", "not comparable", "not compared"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A median with its interval of at least 95 %. ``runs`` is how many lie behind it. ``open``: runs were ended at the time limit, so that
    the true figures are at least these."""

    median: float
    low: float
    high: float
    runs: int
    open: bool = False

    def overlaps(self, other: Interval) -> bool:
        """Whether a value lies in both."""
        return self.low <= other.high and other.low <= self.high


@dataclass(frozen=True, slots=True)
class Side:
    """A statement on one of the two copies: milliseconds of a call as the client waits for it, blocks of 8 KiB that a call touched, rows
    that it returned or changed, all of them means over the draws of its parameters. ``indexes`` are those that its plans used."""

    warm: Interval | None
    cold: Interval | None = None
    buffers: float | None = None
    rows: float | None = None
    indexes: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ProvedStatement:
    """A class of queries: one statement with the draws of its parameters. ``control`` is by what share the two copies differed for it
    before anything was changed, None when that was not measured; ``drawn`` tells where the parameters are from."""

    origin: str
    sql: str
    calls: float
    draws: int
    drawn: str
    before: Side
    after: Side
    verdict: Verdict
    answers: Answers
    plan_changed: bool
    control: float | None = None
    rewritten: bool = False

    @property
    def ratio(self) -> float | None:
        """The median after as a share of the one before."""
        if self.before.warm is None or self.after.warm is None or not self.before.warm.median:
            return None
        return self.after.warm.median / self.before.warm.median

    @property
    def at_least(self) -> float | None:
        """By how many times it became faster (or slower, below 1), from the ends of the intervals that speak against it."""
        before, after = self.before.warm, self.after.warm
        if before is None or after is None or self.verdict not in ("faster", "slower"):
            return None
        return before.low / after.high if self.verdict == "faster" else before.high / after.low


@dataclass(frozen=True, slots=True)
class WriteCost:
    """What writing rows of a table costs: microseconds and bytes of WAL for each row, and the share of updates that touched no index (HOT).
    ``what`` tells what was written."""

    table: str
    what: str
    rows: int
    before: Interval
    after: Interval
    wal_before: float
    wal_after: float
    verdict: Verdict
    hot_before: float | None = None
    hot_after: float | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """A statement of the change, run once: seconds, and by how many bytes the database grew (negative: shrank)."""

    sql: str
    seconds: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Returned:
    """A finding that the change mends: whether it was found on the copy before, after, and after taking it back (None: not looked)."""

    id: str
    title: str
    before: bool
    after: bool | None
    back: bool | None

    @property
    def as_told(self) -> bool:
        """Found, then gone, then found again."""
        return self.before and self.after is False and self.back is True


@dataclass(frozen=True, slots=True)
class Reversal:
    """After taking the change back: whether the catalog is as it was, and which statements have another plan than before.
    ``problem``: why it was not, or not wholly, taken back."""

    catalog_same: bool | None
    plans_compared: int = 0
    plans_other: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured. ``load`` is the mean number of running processes of the last minute, before and after."""

    processor: str
    cores: int
    memory: int
    system: str
    load_before: float
    load_after: float


@dataclass(frozen=True, slots=True)
class Skipped:
    """A statement, or something else, that was not measured, and why."""

    what: str
    reason: str


@dataclass(frozen=True)
class Proof:
    """All that was measured. ``data`` tells what the copy was made of, ``cold`` what cold means here (empty: not measured);
    ``noise`` is the median share by which two equal copies differed over all statements."""

    title: str
    taken_at: str
    data: str
    server: str
    settings: tuple[tuple[str, str], ...]
    machine: Machine
    seed: int
    repeats: int
    draws: int
    statements: tuple[ProvedStatement, ...]
    writes: tuple[WriteCost, ...]
    applied: tuple[Applied, ...]
    bytes_before: int
    bytes_after: int
    findings: tuple[Returned, ...]
    reversal: Reversal | None
    noise: float | None
    cold: str
    seconds: float
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    interrupted: bool = False

    def having(self, verdict: Verdict) -> tuple[ProvedStatement, ...]:
        """The statements with this verdict."""
        return tuple(row for row in self.statements if row.verdict == verdict)

    @property
    def differing(self) -> tuple[ProvedStatement, ...]:
        """Statements whose answers after the change are others."""
        return tuple(row for row in self.statements if row.answers in ("differ", "other order"))

    def total(self, side: Literal["before", "after"]) -> Interval | None:
        """Milliseconds of the whole workload, each statement by its calls, of those that were measured on both sides."""
        rows = [row for row in self.statements if row.before.warm and row.after.warm]
        parts = [(row.calls, row.before.warm if side == "before" else row.after.warm) for row in rows]
        known = [(calls, warm) for calls, warm in parts if warm]
        if not known:
            return None
        return Interval(
            sum(calls * warm.median for calls, warm in known),
            sum(calls * warm.low for calls, warm in known),
            sum(calls * warm.high for calls, warm in known),
            min(warm.runs for _, warm in known),
            any(warm.open for _, warm in known),
        )
