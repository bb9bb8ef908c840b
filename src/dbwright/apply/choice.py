"""Which findings' changes a run takes, and why it leaves the others."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dbwright.advise.sizing import definition_of
from dbwright.apply import estimates
from dbwright.apply.plan import Left, Part, holds_secret, part_of, part_of_change
from dbwright.errors import DbwrightError
from dbwright.model.change import Change
from dbwright.model.finding import Finding
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import duration


@dataclass(frozen=True, slots=True)
class Priced:
    """A part of a run with what its steps are thought to cost, one by one, and what to know before."""

    part: Part
    costs: tuple[estimates.Cost, ...]
    label: str
    note: str | None = None


def divided(
    findings: Iterable[Finding], snapshot: Snapshot, major: int, most_blocked: float
) -> tuple[list[Priced], list[Left]]:
    """What can be carried out, and what cannot with the reason. ``most_blocked``: seconds for which writers may have to wait."""
    taken: list[Priced] = []
    left: list[Left] = []
    for finding in findings:
        if finding.change is None:
            left.append(Left(finding, finding.next_step or "it is mended in the code, not in the database"))
            continue
        priced = Priced(
            part_of(finding, major),
            estimates.costs(finding.change, snapshot, major),
            f"{finding.severity}, {finding.rule}",
            finding.change.note,
        )
        reason = _against(priced, most_blocked)
        if reason:
            left.append(Left(finding, reason))
        else:
            taken.append(priced)
    return taken, left


class NoAdvice(DbwrightError):
    """The file is not what `dbwright advise --format json` writes."""


def advised(path: Path, snapshot: Snapshot, major: int) -> list[Priced]:
    """The indexes that a file of advice has. Raises NoAdvice."""
    try:
        statements = [str(row["sql"]) for row in json.loads(path.read_text(encoding="utf-8"))["indexes"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoAdvice(
            f"{path} is no advice: {error}", "Write it with `dbwright advise --format json -o FILE`."
        ) from None
    found = []
    for statement in statements:
        index = definition_of(snapshot, statement)
        change = Change((index,))
        part = part_of_change(change, f"Advised: {index.name} on {index.table}", major)
        found.append(Priced(part, estimates.costs(change, snapshot, major), "advice"))
    return found


def _against(priced: Priced, most_blocked: float) -> str | None:
    if holds_secret(priced.part):
        return "a statement holds what looks like a password; the journal keeps none"
    for step, cost in zip(priced.part.steps, priced.costs, strict=True):
        if step.blocks_writes and cost.seconds is not None and cost.seconds > most_blocked:
            relation = step.relations[0] if step.relations else "the table"
            return f"{relation} would be blocked for about {duration(cost.seconds)} (--may-block {cost.seconds + 1:.0f} takes it)"
    return None
