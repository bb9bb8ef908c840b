"""From a workload and a phantom to advice."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dbwright.advise.candidates import Candidate, Candidates, candidates
from dbwright.advise.confidence import Planned, confidence, general_doubts
from dbwright.advise.contradicted import contradicted
from dbwright.advise.costs import NONE, Statement, Workers, is_plain
from dbwright.advise.effort import Efforts, are_cached
from dbwright.advise.measures import beyond_indexes
from dbwright.advise.removals import Workload as RemovalWorkload
from dbwright.advise.removals import removals
from dbwright.advise.selection import Limits, Selection, Selector
from dbwright.advise.sizing import supposed
from dbwright.advise.writing import Writes, only_read, taken_apart
from dbwright.model.advice import Advice, AdvisedIndex, Effect, Rejected
from dbwright.model.change import CreateIndex
from dbwright.model.removal import Removal
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text, counted
from dbwright.model.workload import StatementProblem, WorkloadStatement
from dbwright.phantom import Phantom, PlanFailed, Session, WhatIfIndex
from dbwright.source.placeholders import filled

Progressed = Callable[[str, float], None]
Stop = Callable[[], bool]

MOST_STATEMENTS = 1500
"""Statements that are explored, those that cost most."""
MOST_TABLES = 60
"""Tables that one SELECT may join. PostgreSQL plans 50 in seconds and 100 in half a minute, without an end that it can be told (between
two of its looks for a cancellation)."""
_FEW_TABLES = 20
_LOOKS = 170
"""Plans for a statement that joins more than few tables: the fewer, the longer one takes (by the square)."""
LEAST_GAIN = 0.002
"""Without a budget an index is advised when it saves this share of the workload's cost at least."""
DISK = 0.1
"""An index of this share of the database's bytes has to save as much again, because space, backups and caches cost too."""
DOUBTFUL = 0.75
"""A plan that changes while its cost stays above this share of what it was: estimates err by more. TPC-H's query 18 was promised 0.87 with
one rival's set and ran 1.5 times as long."""
DOUBTFUL_TIME = 0.9
"""The same of the estimated time, which errs by less where the rows are as the planner guesses. One set of indexes promised TPC-H's query 7
a quarter of its cost, and it ran half as long again."""
LATE = 1.1
"""A plan below a LIMIT is told when it would cost so many times as much as before, did the rows that it waits for come last."""
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
    too_wide: Sequence[StatementProblem]
    cut: tuple[str, ...]


def advise(
    phantom: Phantom,
    workload: Sequence[WorkloadStatement],
    limits: Limits,
    progressed: Progressed = lambda _what, _share: None,
    stop: Stop = lambda: False,
    asked: Sequence[CreateIndex] = (),
) -> Advice:
    """The indexes that help the workload most within the limits. Once ``stop`` says so, the best that was found until then. ``asked`` are
    candidates that somebody wants to be looked at."""
    began = time.perf_counter()
    snapshot = phantom.snapshot
    sessions = phantom.sessions(max(1, min(os.cpu_count() or 1, 4)))
    workers = Workers(sessions)
    weighed = _weighed(workload, workers, stop)
    statements, too_wide = _plannable(weighed.statements[:MOST_STATEMENTS])
    progressed("looking for candidates", 0.0)
    found = candidates(statements, snapshot, asked=asked)
    progressed("estimating sizes", 0.05)
    still = only_read(snapshot, statements)
    definitions = [
        replace(c.index, options=("fillfactor=100",))
        if c.index.method == "btree" and (c.index.schema, c.index.table) in still
        else c.index
        for c in found.indexes
    ]
    serves = _serves(found, len(statements))
    relevant = _relevant(found, serves)
    numbers = sorted({*found.asked, *(number for of in relevant.values() for number in of)})
    indexes = dict(zip(numbers, supposed(sessions[0], snapshot, (definitions[n] for n in numbers)), strict=True))
    recorded = any(s.mean_milliseconds is not None for s in statements)
    writes = Writes(snapshot, workload) if recorded else None
    charges = {number: _charge(writes, index) if writes else 0.0 for number, index in indexes.items()}
    selector = Selector(
        workers,
        [Statement(filled(s.sql, s.parameters), s.calls, s.mean_milliseconds, _most_looks(s)) for s in statements],
        indexes,
        relevant,
        serves,
        charges,
        stop,
        Efforts(snapshot) if are_cached(snapshot) else None,
        {table.name: snapshot.rows(table) for table in snapshot.catalog.user_tables}.get,
    )
    selector.explore(lambda share: progressed("planning with candidates", 0.1 + 0.5 * share))
    if least := _least_gain(limits):
        base = sum(map(selector.costs.base, selector.costs.known))
        kept = sum(map(snapshot.total_bytes, snapshot.catalog.user_tables)) * DISK or 1.0
        selector.charges = {n: charge + least * base * (1 + indexes[n].bytes / kept) for n, charge in charges.items()}
    selection = selector.select(limits, lambda share: progressed("choosing", 0.6 + 0.4 * share))
    planned = Planned(
        weighed.share(statements[n] for n in selector.costs.known),
        recorded,
        phantom.server.major,
        snapshot.target.major,
    )
    parts = _Parts(snapshot, statements, found, indexes, charges, planned, too_wide, weighed.cut())
    advice = _advice(parts, selector, selection, limits)
    if not stop():
        progressed("asking what may go", 0.95)
        advice = _with_removals(advice, _removals(parts, selector, selection, writes, stop))
    if not stop():
        progressed("looking beyond indexes", 1.0)
        chosen = [indexes[number] for number in sorted(selection.chosen)]
        advice = replace(advice, measures=beyond_indexes(sessions[0], snapshot, advice.effects, chosen, stop))
    for session in sessions:
        session.close()
    return replace(advice, interrupted=stop(), seconds=time.perf_counter() - began)


def _least_gain(limits: Limits) -> float:
    if limits.gain is not None:
        return limits.gain
    return LEAST_GAIN if limits.bytes is None and limits.count is None else 0.0


@dataclass(frozen=True)
class _Weighed:
    """The workload, the heaviest statement first. ``weights`` are of ``what``: time that was recorded, else calls, or the planner's cost
    of all calls where there are more statements than are looked at."""

    statements: Sequence[WorkloadStatement]
    weights: Mapping[int, float]
    what: str

    def share(self, some: Iterable[WorkloadStatement]) -> float:
        """What these make up of the whole."""
        total = sum(self.weights.values())
        return sum(self.weights[id(statement)] for statement in some) / total if total else 1.0

    def cut(self) -> tuple[str, ...]:
        """What is said of the statements that are not looked at."""
        all_, most = len(self.statements), self.statements[:MOST_STATEMENTS]
        if len(most) == all_:
            return ()
        return (
            f"the {len(most):,} heaviest of {all_:,} statements were looked at: {self.share(most):.1%} of the {self.what}",
        )


def _weighed(workload: Sequence[WorkloadStatement], workers: Workers, stop: Stop) -> _Weighed:
    """Which statements matter most; where nobody measured and there are too many, by what the planner takes them to cost."""
    if any(statement.mean_milliseconds is not None for statement in workload):
        weights, what = [s.calls * (s.mean_milliseconds or 1.0) for s in workload], "time"
    elif len(workload) <= MOST_STATEMENTS:
        weights, what = [s.calls for s in workload], "calls"
    else:
        costs = workers.each(lambda session, number: _cost(session, workload[number], stop), range(len(workload)))
        weights, what = [s.calls * cost for s, cost in zip(workload, costs, strict=True)], "estimated cost"
    order = sorted(range(len(workload)), key=lambda number: -weights[number])
    return _Weighed([workload[n] for n in order], {id(s): w for s, w in zip(workload, weights, strict=True)}, what)


def _cost(session: Session, statement: WorkloadStatement, stop: Stop) -> float:
    """Of one call; 0 where it is not to be told."""
    if stop() or _joined(statement) > MOST_TABLES:
        return 0.0
    try:
        return session.plan(filled(statement.sql, statement.parameters)).cost
    except PlanFailed:
        return 0.0


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


def _plannable(statements: Sequence[WorkloadStatement]) -> tuple[tuple[WorkloadStatement, ...], list[StatementProblem]]:
    """The statements that are planned in bounded time, and the others."""
    fit, problems = [], []
    for statement in statements:
        joined = _joined(statement)
        if joined > MOST_TABLES:
            reason = f"joins {joined} tables; PostgreSQL itself plans more than {MOST_TABLES} for too long to try indexes on it"
            problems.append(StatementProblem(statement.origin, reason))
        else:
            fit.append(statement)
    return tuple(fit), problems


def _joined(statement: WorkloadStatement) -> int:
    """Tables that are joined in one SELECT of it, at most."""
    query = taken_apart(statement.sql)
    return max(Counter(table.select for table in query.tables).values(), default=0) if query else 0


def _most_looks(statement: WorkloadStatement) -> int | None:
    joined = _joined(statement)
    return None if joined <= _FEW_TABLES else round(_LOOKS * (_FEW_TABLES / joined) ** 2)


def _charge(writes: Writes, index: WhatIfIndex) -> float:
    """What the recorded writes would cost more."""
    table = writes.snapshot.catalog.table_by_name[index.definition.schema, index.definition.table]
    return writes.cost(table, index.rows, index.bytes, index.height)


def _removals(
    parts: _Parts, selector: Selector, selection: Selection, writes: Writes | None, stop: Stop
) -> tuple[Removal, ...]:
    """What may go once the choice is in place."""
    numbers = sorted(selector.costs.known)
    workload = RemovalWorkload(
        [parts.statements[n] for n in numbers],
        [[parts.indexes[one] for one in sorted(selection.chosen & selector.serves[n])] for n in numbers],
        sum(selector.costs.plan(n, selection.chosen)[0].cost * parts.statements[n].calls for n in numbers),
        writes,
    )
    advised = [parts.indexes[n].definition for n in sorted(selection.chosen)]
    return removals(parts.snapshot, selector.workers, workload, advised, stop)


def _with_removals(advice: Advice, gone: tuple[Removal, ...]) -> Advice:
    answered = [(removal.answered_by, removal.drop.name) for removal in gone if removal.goes]
    indexes = tuple(
        replace(row, replaces=tuple(old for by, old in answered if by == row.index.name)) for row in advice.indexes
    )
    return replace(advice, indexes=indexes, removals=gone)


def _advice(parts: _Parts, selector: Selector, selection: Selection, limits: Limits) -> Advice:
    chosen = sorted(selection.chosen, key=lambda n: (-_alone(selector, selection, n), n))
    place = {number: position for position, number in enumerate(chosen)}
    effects = []
    factors = {(one.table.oid, one.column): one.factor for one in contradicted(parts.snapshot)}
    for number in sorted(selector.costs.known):
        before = selector.costs.known[number][NONE]
        after, used = selector.costs.plan(number, selection.chosen)
        time = after.effort / before.effort if selector.efforts and before.effort else None
        last = after.cost + after.exposed
        off = max((factors.get(column, 0.0) for column in parts.found.joins.get(number, ())), default=0.0)
        effects.append(
            Effect(
                parts.statements[number],
                before.cost,
                after.cost,
                tuple(sorted(place[n] for n in used)),
                bool(used) and _is_doubtful(after.cost / before.cost if before.cost else 1.0, time or 0.0, off),
                selector.weights[number],
                time,
                last if used and last > (before.cost + before.exposed) * LATE else None,
            )
        )
    problems = (
        *parts.too_wide,
        *parts.found.problems,
        *(StatementProblem(parts.statements[n].origin, why, n) for n, why in selector.costs.failed.items()),
    )
    return Advice(
        indexes=tuple(_advised(parts, selector, selection, n, effects, place[n]) for n in chosen),
        effects=tuple(effects),
        before=sum(e.before * e.weight for e in effects),
        after=sum(e.after * e.weight for e in effects),
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
            *parts.cut,
            *_left_out(parts.found),
            *(() if parts.snapshot.was_read else ("which indexes may go was not asked, because no database was read",)),
            *parts.found.notes,
        ),
    )


def _is_doubtful(cost: float, time: float, off: float) -> bool:
    """By what becomes of a statement's cost and time. ``off``: the rows of a join of it are known to be told so many times too high, so
    what it does now takes less than is thought."""
    return cost > DOUBTFUL or time > DOUBTFUL_TIME or max(cost, time) * off > 1


def _alone(selector: Selector, selection: Selection, number: int) -> float:
    """What the workload would lose with everything chosen but this."""
    rest = selection.chosen - {number}
    return sum(selector.costs.of(n, rest) - selector.costs.of(n, selection.chosen) for n in selector.costs.known)


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
    asked = parts.found.asked
    for number in dict.fromkeys((*asked, *range(len(parts.found.indexes)))):
        candidate = parts.found.indexes[number]
        if len(rejected) >= MOST_REJECTED + len(asked):
            break
        if number not in parts.indexes or number in selection.chosen:
            continue
        if number in asked or is_plain(candidate.index, 2):
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
        gain = selector.costs.base(n) - selector.costs.of(n, {number})
        alone += gain
        helped += gain > 0
        more += selector.costs.of(n, selection.chosen) - selector.costs.of(n, with_it)
    if not helped:
        return "no plan that was looked at uses it by itself"
    share = alone / selection.before if selection.before else 0.0
    if more <= alone * 0.05:
        return f"alone it would save {share:.1%} ({counted(helped, 'statement')}), which what is advised saves already"
    return (
        f"beside what is advised it would save {more / selection.before:.1%} more, too little for its"
        f" {bytes_text(parts.indexes[number].bytes)}"
    )
