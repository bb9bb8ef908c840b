"""A run as data: what is carried out, in which order, and what takes it back. It is what the journal keeps, so nothing secret is in it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from dbwright.fixes.steps import Step, steps
from dbwright.model.change import Change
from dbwright.model.finding import Finding
from dbwright.sqltext import mask_secrets

Kind = Literal["apply", "undo"]


@dataclass(frozen=True, slots=True)
class Started:
    """A step of an earlier run that is to be taken back, with what was seen before it began. Unless it is ``settled``, nobody knows
    whether it was carried out; ``transaction`` is the number of the one whose fate tells it."""

    step: Step
    invalid: tuple[int, ...]
    settled: bool
    transaction: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One change: all of it stays, or none. ``steps`` are carried out in order, ``started`` taken back, the last first."""

    finding: str
    title: str
    steps: tuple[Step, ...] = ()
    started: tuple[Started, ...] = ()


@dataclass(frozen=True, slots=True)
class Via:
    """A project whose framework migrates by itself. ``before`` are the migrations that were applied before the run that is taken back."""

    kind: str
    folder: str
    command: tuple[str, ...]
    before: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does. ``of`` is the run that an undo takes back; with ``via`` the project's framework does it."""

    run: str
    kind: Kind
    database: str
    parts: tuple[Part, ...]
    of: str | None = None
    via: Via | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """A finding whose change is not carried out, and why."""

    finding: Finding
    reason: str


def run_name(now: datetime) -> str:
    """A name that sorts by time and is not had by two runs of one second."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def part_of(finding: Finding, major: int) -> Part:
    """The change of a finding as a part of a run."""
    assert finding.change is not None
    return Part(finding.id, finding.title, steps(finding.change, major))


def part_of_change(change: Change, title: str, major: int) -> Part:
    return Part("", title, steps(change, major))


def holds_secret(part: Part) -> bool:
    """Whether a statement holds what looks like a password or a key, which no journal may keep."""
    statements = (s for step in part.steps for one in (step, *step.back) for s in one.statements)
    return any(mask_secrets(statement) != statement for statement in statements)


def encode(plan: Plan) -> str:
    return msgspec.json.encode(plan).decode()


def decode(text: str) -> Plan:
    return msgspec.json.decode(text, type=Plan)


def undoing(plan: Plan, entries: Mapping[str, Mapping[str, Any]], run: str) -> Plan:
    """The run that takes back what an earlier one did, by its journal's entries."""
    parts = (_undone(number, part, entries) for number, part in reversed(tuple(enumerate(plan.parts))))
    return Plan(run, "undo", plan.database, tuple(part for part in parts if part.started), plan.run)


def _undone(number: int, part: Part, entries: Mapping[str, Mapping[str, Any]]) -> Part:
    if f"{number} over" in entries and entries[f"{number} over"]["state"] in ("taken back", "not done"):
        return Part(part.finding, part.title)
    return Part(part.finding, part.title, started=tuple(started(f"{number}", part.steps, entries)))


def started(name: str, steps_: Sequence[Step], entries: Mapping[str, Mapping[str, Any]]) -> Iterable[Started]:
    """The steps of a part that were begun, as the journal has them."""
    for number, step in enumerate(steps_):
        before = entries.get(f"{name}.{number} before")
        if before is None or before["done"] or before["against"]:
            continue
        result = entries.get(f"{name}.{number} done")
        settled = result is not None and result["state"] == "done"
        transaction = _last_opened(f"{name}.{number}", entries) if step.known_by_transaction else None
        if settled or transaction or not step.known_by_transaction:
            yield Started(step, tuple(before["invalid"]), settled, transaction)


def _last_opened(name: str, entries: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The transaction that a step was last tried in, if it came as far: none is committed before it is recorded."""
    number, last = 0, None
    while opened := entries.get(f"{name} opened {number}"):
        number, last = number + 1, opened.get("transaction")
    return last
