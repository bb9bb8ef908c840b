"""One habit, one message: several findings of a rule that ask for the same kind of change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

from dbwright.model.change import Change, Operation
from dbwright.model.finding import Confidence, Finding, Location, ObjectRef
from dbwright.model.wording import listed

_MOST_LOCATIONS = 200
_SURE: dict[Confidence, int] = {"high": 2, "medium": 1, "low": 0}


def told_once(
    found: Iterable[Finding],
    title: str,
    message: Callable[[Sequence[Finding]], str] | None = None,
    *,
    singly: float = 1,
    identity: str = "together",
) -> Iterator[Finding]:
    """The findings as they are while there are at most ``singly``; else one message about all of them, the worst first.

    ``title`` has ``{}`` for their number; without ``message`` the worst one's is said, and for what else it holds. The message names
    every object and line, keeps every figure (``each`` in the evidence), carries all changes and edits, and costs what the worst one costs.
    What has no change of its own is to be seen to by hand; its next step says how.
    """
    members = sorted(found, key=lambda f: (-f.impact.magnitude, -f.impact.value, -_SURE[f.confidence], f.title))
    if len(members) <= max(singly, 1):
        yield from members
        return
    worst = members[0]
    yield Finding(
        title=title.format(len(members)),
        message=message(members) if message else _and_others(members),
        objects=_all(f.objects for f in members),
        impact=worst.impact,
        evidence={"count": len(members), "each": [_figures(f) for f in members]},
        confidence=worst.confidence,
        change=_change(members),
        edits=tuple(dict.fromkeys(edit for f in members for edit in f.edits)),
        next_step=_next_step(members),
        identity=identity,
        locations=_in_turn([f.locations for f in members])[:_MOST_LOCATIONS],
    )


def _and_others(members: Sequence[Finding]) -> str:
    others = dict.fromkeys(f.objects[0].label for f in members[1:] if f.objects)
    return f"{members[0].title}. {members[0].message} The same goes for {listed(others)}."


def _figures(finding: Finding) -> dict[str, Any]:
    by_hand = {} if finding.change or not finding.next_step else {"next_step": finding.next_step}
    return {"title": finding.title, **finding.evidence, **by_hand}


def _all(groups: Iterable[tuple[ObjectRef, ...]]) -> tuple[ObjectRef, ...]:
    return tuple(dict.fromkeys(ref for group in groups for ref in group))


def _in_turn(places: Sequence[tuple[Location, ...]]) -> tuple[Location, ...]:
    """The first of each, then the second of each, and so on: what a limit cuts off is the detail of the longest."""
    return tuple(dict.fromkeys(at for turn in zip_longest(*places) for at in turn if at is not None))


def _change(members: Sequence[Finding]) -> Change | None:
    changes = [f.change for f in members if f.change]
    operations: dict[Operation, None] = dict.fromkeys(step for change in changes for step in change.operations)
    notes = dict.fromkeys(change.note for change in changes if change.note)
    return Change(tuple(operations), next(iter(notes), None)) if operations else None


def _next_step(members: Sequence[Finding]) -> str | None:
    by_hand = [f for f in members if f.change is None and f.next_step]
    if not by_hand:
        return None
    if len(by_hand) == len(members):
        begins = {(f.next_step or "").split()[0] for f in by_hand}
        others = "the same for the others" if len(begins) == 1 else "the others, each by its own step in the evidence"
        return f"{by_hand[0].next_step} Then {others}."
    return f"{by_hand[0].title}: {by_hand[0].next_step}"
