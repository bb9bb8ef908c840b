"""From a workload and a phantom to advice."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dbwright.advise.candidates import Candidate, Candidates, candidates
from dbwright.advise.confidence import Planned, confidence, general_doubts
from dbwright.advise.costs import NONE, Statement, Workers, is_plain
from dbwright.advise.measures import beyond_indexes
from dbwright.advise.removals import Workload as RemovalWorkload
from dbwright.advise.removals import removals
from dbwright.advise.selection import Limits, Selection, Selector
from dbwright.advise.sizing import supposed
from dbwright.advise.writing import write_cost
from dbwright.model.advice import Advice, AdvisedIndex, Effect, Rejected
from dbwright.model.query import Query
from dbwright.model.removal import Removal
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text, counted
from dbwright.model.workload import StatementProblem, WorkloadStatement
from dbwright.phantom import Phantom, WhatIfIndex
from dbwright.source.placeholders import filled
from dbwright.source.sql import CannotTakeApart, take_apart

Progressed = Callable[[str, float], None]
Stop = Callable[[], bool]

MOST_STATEMENTS = 1500
"""Statements that are explored, those that cost most."""
LEAST_GAIN = 0.002
"""Without a budget an index is advised when it saves this share of the workload's cost at least."""
DOUBTFUL = 0.75
"""A plan that changes while its cost stays above this share of what it was: estimates err by more. TPC-H's query 18 was promised 0.87 with
one rival's set and ran 1.5 times as long."""
MOST_REJECTED = 8


@dataclass(frozen=True)
class _Parts:
    """What the advice is made of."""

    snapshot: Snapshot
    statements: tuple[WorkloadStatement, ...]
    found: Candidates
    indexes: Mapping[int, WhatIfIndex]
    charges: Mapping[int, float]
    planned: Planned


def advise(
    phantom: Phantom,
    workload: Sequence[WorkloadStatement],
    limits: Limits,
    progressed: Progressed = lambda _what, _share: None,
    stop: Stop = lambda: False,
) -> Advice:
    """The indexes that help the workload most within the limits. Once ``stop`` says so, the best that was found until then."""
    began = time.perf_counter()
    snapshot = phantom.snapshot
    statements = tuple(sorted(workload, key=lambda s: -_weight([s]))[:MOST_STATEMENTS])
    progressed("looking for candidates", 0.0)
    found = candidates(statements, snapshot)
    sessions = phantom.sessions(max(1, min(os.cpu_count() or 1, 4)))
    progressed("estimating sizes", 0.05)
    still = _unwritten(snapshot, statements)
    definitions = [
        replace(c.index, options=("fillfactor=100",))
        if c.index.method == "btree" and (c.index.schema, c.index.table) in still
        else c.index
        for c in found.indexes
    ]
    indexes = dict(enumerate(supposed(sessions[0], snapshot, definitions)))
    recorded = any(s.mean_milliseconds is not None for s in statements)
    charges = {number: _charge(snapshot, index) if recorded else 0.0 for number, index in indexes.items()}
    serves = _serves(found, len(statements))
    selector = Selector(
        Workers(sessions),
        [Statement(filled(s.sql, s.parameters), s.calls) for s in statements],
        indexes,
        _relevant(found, serves),
        serves,
        charges,
        stop,
    )
    selector.explore(lambda share: progressed("planning with candidates", 0.1 + 0.5 * share))
    if least := _least_gain(limits):
        base = sum(selector.costs.known[n][NONE] * statements[n].calls for n in selector.costs.known)
        selector.charges = {number: charge + least * base for number, charge in charges.items()}
    selection = selector.select(limits, lambda share: progressed("choosing", 0.6 + 0.4 * share))
    share = _weight(statements[n] for n in selector.costs.known) / (_weight(workload) or 1.0)
    planned = Planned(share, recorded, phantom.server.major, snapshot.target.major)
    parts = _Parts(snapshot, statements, found, indexes, charges, planned)
    advice = _advice(parts, workload, selector, selection, limits)
    if not stop():
        progressed("asking what may go", 0.95)
        advice = _with_removals(advice, _removals(parts, selector, selection, recorded, stop))
    if not stop():
        progressed("looking beyond indexes", 1.0)
        chosen = [indexes[number] for number in sorted(selection.chosen)]
        advice = replace(advice, measures=beyond_indexes(sessions[0], snapshot, advice.effects, chosen))
    for session in sessions:
        session.close()
    return replace(advice, interrupted=stop(), seconds=time.perf_counter() - began)


def _least_gain(limits: Limits) -> float:
    if limits.gain is not None:
        return limits.gain
    return LEAST_GAIN if limits.bytes is None and limits.count is None else 0.0


def _weight(statements: Iterable[WorkloadStatement]) -> float:
    """Milliseconds, or calls where nobody measured."""
    return sum(s.calls * (s.mean_milliseconds or 1.0) for s in statements)


def _cut(workload: Sequence[WorkloadStatement], statements: Sequence[WorkloadStatement]) -> tuple[str, ...]:
    """What is said of the statements that are left out."""
    if len(statements) == len(workload):
        return ()
    share = _weight(statements) / (_weight(workload) or 1.0)
    what = "time" if any(s.mean_milliseconds is not None for s in workload) else "calls"
    return (
        f"the {len(statements):,} heaviest of {len(workload):,} statements were looked at: {share:.1%} of the {what}",
    )


def _not_looked_at(selector: Selector) -> tuple[str, ...]:
    if not selector.skipped:
        return ()
    total = counted(len(selector.statements), "statement")
    return (f"it was interrupted before {len(selector.skipped):,} of {total} were looked at",)


def _left_out(found: Candidates) -> tuple[str, ...]:
    return (f"{counted(found.left_out, 'candidate')} that promise least were not looked at",) if found.left_out else ()


def _relevant(found: Candidates, serves: Mapping[int, frozenset[int]]) -> dict[int, list[int]]:
    """For each statement the candidates that are worth a look, and all plain ones of one column that it may use: what several
    statements share is seldom the best for any one of them."""
    plain = frozenset(position for position, candidate in enumerate(found.indexes) if is_plain(candidate.index, 1))
    return {number: sorted(of & plain | set(found.looks.get(number, ()))) for number, of in serves.items()}


def _serves(found: Candidates, count: int) -> dict[int, frozenset[int]]:
    serves: dict[int, set[int]] = {number: set() for number in range(count)}
    for position, candidate in enumerate(found.indexes):
        for number in candidate.serves:
            serves[number].add(position)
    return {number: frozenset(positions) for number, positions in serves.items()}


def _unwritten(snapshot: Snapshot, statements: Sequence[WorkloadStatement]) -> set[tuple[str, str]]:
    """Tables that were filled once and are only read: no statement writes to them, and the counters know of no update, no delete, and of no
    more inserts than there are rows. Their indexes need no room for later entries."""
    written: set[str] = set()
    for statement in statements:
        query = _taken_apart(statement.sql)
        if query is None:
            continue
        if query.verb in ("insert", "update", "delete"):
            written |= {table.name for table in query.tables}
    still = set()
    for table in snapshot.catalog.tables:
        row = snapshot.statistics.table_by_oid.get(table.oid)
        if row is None or table.name in written or row.updated or row.deleted:
            continue
        if row.inserted <= max(row.rows, row.live_rows) * 1.01:
            still.add((table.schema, table.name))
    return still


def _taken_apart(text: str) -> Query | None:
    try:
        return take_apart(text)
    except CannotTakeApart:
        return None


def _charge(snapshot: Snapshot, index: WhatIfIndex) -> float:
    """What the recorded writes would cost more."""
    table = snapshot.catalog.table_by_name[index.definition.schema, index.definition.table]
    return write_cost(snapshot, table, index.rows, index.bytes, index.height)


def _removals(
    parts: _Parts, selector: Selector, selection: Selection, recorded: bool, stop: Stop
) -> tuple[Removal, ...]:
    """What may go once the choice is in place."""
    numbers = sorted(selector.costs.known)
    workload = RemovalWorkload(
        [parts.statements[n] for n in numbers],
        [[parts.indexes[one] for one in sorted(selection.chosen & selector.serves[n])] for n in numbers],
        sum(selector.costs.of(n, selection.chosen) * parts.statements[n].calls for n in numbers),
        recorded,
    )
    advised = [parts.indexes[n].definition for n in sorted(selection.chosen)]
    return removals(parts.snapshot, selector.workers, workload, advised, stop)


def _with_removals(advice: Advice, gone: tuple[Removal, ...]) -> Advice:
    answered = [(removal.answered_by, removal.drop.name) for removal in gone if removal.goes]
    indexes = tuple(
        replace(row, replaces=tuple(old for by, old in answered if by == row.index.name)) for row in advice.indexes
    )
    return replace(advice, indexes=indexes, removals=gone)


def _advice(
    parts: _Parts, workload: Sequence[WorkloadStatement], selector: Selector, selection: Selection, limits: Limits
) -> Advice:
    chosen = sorted(selection.chosen, key=lambda n: (-_alone(selector, selection, n), n))
    place = {number: position for position, number in enumerate(chosen)}
    effects = []
    for number in sorted(selector.costs.known):
        known = selector.costs.known[number]
        after, used = min(
            ((cost, sorted(one)) for one, cost in known.items() if one <= selection.chosen),
            key=lambda item: (item[0], item[1]),
        )
        before = known[NONE]
        effects.append(
            Effect(
                parts.statements[number],
                before,
                after,
                tuple(sorted(place[n] for n in used)),
                doubtful=bool(used) and after > before * DOUBTFUL,
            )
        )
    problems = (
        *parts.found.problems,
        *(StatementProblem(parts.statements[n].origin, why, n) for n, why in selector.costs.failed.items()),
    )
    return Advice(
        indexes=tuple(_advised(parts, selector, selection, n, effects, place[n]) for n in chosen),
        effects=tuple(effects),
        before=sum(e.before * e.statement.calls for e in effects),
        after=sum(e.after * e.statement.calls for e in effects),
        gap=selection.gap,
        candidates=len(parts.indexes),
        looks=selection.looks,
        seconds=0.0,
        budget=limits.bytes,
        rejected=tuple(_rejected(parts, selector, selection)),
        problems=problems,
        doubts=general_doubts(parts.planned),
        notes=(
            *_not_looked_at(selector),
            *_cut(workload, parts.statements),
            *_left_out(parts.found),
            *parts.found.notes,
        ),
    )


def _alone(selector: Selector, selection: Selection, number: int) -> float:
    """What the workload would lose with everything chosen but this."""
    rest = selection.chosen - {number}
    return sum(
        (selector.costs.of(n, rest) - selector.costs.of(n, selection.chosen)) * selector.statements[n].weight
        for n in selector.costs.known
    )


def _advised(
    parts: _Parts,
    selector: Selector,
    selection: Selection,
    number: int,
    effects: Sequence[Effect],
    place: int,
) -> AdvisedIndex:
    candidate, index = parts.found.indexes[number], parts.indexes[number]
    reason = candidate.reason
    served = tuple(position for position, effect in enumerate(effects) if place in effect.used)
    table = parts.snapshot.catalog.table_by_name[index.definition.schema, index.definition.table]
    sure, doubts = confidence(parts.snapshot, table, [effects[position] for position in served], parts.planned)
    if index.definition.options:
        reason += "; its table is only read, so its pages are filled (fillfactor 100)"
    return AdvisedIndex(
        index=index.definition,
        bytes=index.bytes,
        rows=index.rows,
        gain=_alone(selector, selection, number),
        write_cost=parts.charges[number],
        kinds=candidate.kinds,
        reason=reason,
        statements=served,
        confidence=sure,
        doubts=doubts,
    )


def _rejected(parts: _Parts, selector: Selector, selection: Selection) -> list[Rejected]:
    """The most promising plain candidates that were not chosen, and what exists already."""
    rejected: list[Rejected] = []
    for number, candidate in enumerate(parts.found.indexes):
        if len(rejected) == MOST_REJECTED:
            break
        if number not in selection.chosen and is_plain(candidate.index, 2):
            rejected.append(
                Rejected(candidate.index, parts.indexes[number].bytes, _why_not(parts, selector, selection, number))
            )
    return [*rejected, *(Rejected(index, None, f"{by} gives it already") for index, by in parts.found.served)]


def _why_not(parts: _Parts, selector: Selector, selection: Selection, number: int) -> str:
    candidate: Candidate = parts.found.indexes[number]
    with_it = selection.chosen | {number}
    alone = more = 0.0
    helped = 0
    for n in candidate.serves:
        if n not in selector.costs.known:
            continue
        weight = selector.statements[n].weight
        gain = (selector.costs.known[n][NONE] - selector.costs.of(n, {number})) * weight
        alone += gain
        helped += gain > 0
        more += (selector.costs.of(n, selection.chosen) - selector.costs.of(n, with_it)) * weight
    if not helped:
        return "no plan that was looked at uses it by itself"
    share = alone / selection.before if selection.before else 0.0
    if more <= alone * 0.05:
        return f"alone it would save {share:.1%} ({counted(helped, 'statement')}), which what is advised saves already"
    return (
        f"beside what is advised it would save {more / selection.before:.1%} more, too little for its"
        f" {bytes_text(parts.indexes[number].bytes)}"
    )
