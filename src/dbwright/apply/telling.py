"""A run in words: what will be done, what was done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dbwright.apply import estimates
from dbwright.apply.choice import Priced
from dbwright.apply.plan import Left, Plan
from dbwright.fixes.steps import LOCKS, Step
from dbwright.model.wording import bytes_text, counted, duration


def plan_lines(
    database: str, priced: Sequence[Priced], left: Sequence[Left], free: int | None, sees_replicas: bool
) -> Iterator[str]:
    """The plan, for a person who decides on it."""
    steps = sum(len(one.part.steps) for one in priced)
    yield f"{counted(len(priced), 'change')} to {database}, {counted(steps, 'step')}. Times and sizes are estimates, {estimates.METHOD}."
    for number, one in enumerate(priced, 1):
        yield ""
        yield f"{number}. {one.part.title} [{', '.join(filter(None, (one.label, one.part.finding)))}]"
        if one.note:
            yield f"   {one.note}"
        for step, cost in zip(one.part.steps, one.costs, strict=True):
            yield from (f"   {statement};" for statement in step.statements)
            yield f"      {_lock(step, cost)}{_cost(cost)}"
        if not any(step.back for step in one.part.steps):
            yield "      cannot be taken back, or needs no taking back"
    yield from left_lines(left)
    yield ""
    needed = estimates.total(cost for one in priced for cost in one.costs).bytes or 0
    known = "how much is free cannot be seen from here" if free is None else f"{bytes_text(free)} are free"
    yield f"Disk needed: about {bytes_text(needed)}; {known}."
    if not sees_replicas:
        yield "How far replicas are behind cannot be seen, so they are not waited for (GRANT pg_monitor to this role lets it be seen)."


def left_lines(left: Sequence[Left]) -> Iterator[str]:
    if left:
        yield ""
        yield "Not taken:"
        yield from (f"   {one.finding.title}: {one.reason}" for one in left)


def undo_lines(plan: Plan) -> Iterator[str]:
    """What takes a run back."""
    yield f"Run {plan.of} on {plan.database} is taken back:"
    if plan.via:
        yield f"   {plan.via.kind} goes back to the migrations that were applied before: {', '.join(plan.via.before[-3:]) or 'none'}"
    for part in plan.parts:
        yield f"   {part.title}"
        back = [s for entry in reversed(part.started) for step in entry.step.back for s in step.statements]
        yield from (f"      {statement};" for statement in back)
        if not back:
            yield "      stays: it cannot be taken back, or needs no taking back"


def _lock(step: Step, cost: estimates.Cost) -> str:
    if step.lock == "none":
        return "locks no table"
    where = f" on {', '.join(step.relations)}" if step.relations else ""
    who = "nobody waits"
    if step.lock == LOCKS[-1]:
        who = "readers and writers wait"
    elif step.blocks_writes:
        who = "writers wait"
    if step.blocks_writes:
        who += " for a moment" if not cost.seconds else f" for about {duration(cost.seconds)}"
    return f"{step.lock}{where}: {who}"


def _cost(cost: estimates.Cost) -> str:
    if cost.seconds is None:
        return "; how long is not known"
    text = f"; about {duration(max(cost.seconds, 0.1))}" if cost.seconds else ""
    return text + (f", {bytes_text(cost.bytes)}" if cost.bytes else "")
