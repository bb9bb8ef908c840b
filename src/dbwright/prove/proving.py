"""From two equal copies to a Proof: look, change one, measure both in turn, take the change back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg

from dbwright.errors import DbwrightError
from dbwright.model.proved import Applied, Proof, ProvedStatement, Skipped, WriteCost
from dbwright.model.quoting import quote_identifier
from dbwright.model.snapshot import Snapshot
from dbwright.model.workload import StatementProblem, WorkloadStatement
from dbwright.plaintext import one_line
from dbwright.prove import machine, measuring, reversing, writes
from dbwright.prove.changes import Proposal
from dbwright.prove.copies import Copies, NoRoom, open_both
from dbwright.prove.draws import Called, CannotDraw, Draws, draws_of
from dbwright.prove.measuring import Case, Effort, Progress
from dbwright.prove.running import Copy, why_not_runnable
from dbwright.source.sql import parse_statements
from dbwright.sqltext import mask_secrets

_SETTINGS = (
    "shared_buffers", "work_mem", "effective_cache_size", "random_page_cost", "max_parallel_workers_per_gather", "jit",
    "fsync", "full_page_writes", "synchronous_commit", "autovacuum",
)  # fmt: skip
COLD = (
    "the server restarted with shared_buffers = {buffers} before each of {rounds} rounds, then each statement once, in an order by lot;"
    " the cache of the operating system is not dropped"
)


class ChangeDoesNotFit(DbwrightError):
    """The change cannot be carried out on the copy."""


class ServerGone(DbwrightError):
    """The server went away while it was measured."""


class NothingRuns(DbwrightError):
    """No statement of the workload can be run on the copy."""


@dataclass(frozen=True)
class Workload:
    """What is run: statements with what they were called with, and those that could not be read. ``rewritten``: texts by origin that take
    the place of others after the change."""

    statements: tuple[WorkloadStatement, ...]
    called: Called = field(default_factory=dict)
    problems: tuple[StatementProblem, ...] = ()
    rewritten: Mapping[str, str] = field(default_factory=dict)


def prove(
    copies: Copies,
    proposal: Proposal,
    workload: Workload,
    *,
    effort: Effort,
    seed: int,
    progressed: Progress,
    interrupted: Callable[[], bool],
    like: Snapshot | None = None,
) -> Proof:
    """Measure what the change does to the workload. ``like`` is the snapshot of the original, for what is known around it.

    Raises ChangeDoesNotFit and NothingRuns. After an interruption the Proof holds what was measured until then.
    """
    began, load = time.monotonic(), machine.load()
    pair = open_both(copies, effort.limit_seconds)
    try:
        settings = _settings(pair[0])
        read = reversing.snapshot_of(copies.superuser or copies.after, like)
        cases, skipped = _cases(workload, proposal, read, pair[0], effort, seed)
        skipped += measuring.look_first(cases, pair, effort, _part(progressed, "Looking at", 0.0, 0.2), interrupted)
        cases = [case for case in cases if case.error is None]
        if not cases:
            raise NothingRuns(
                f"No statement of the workload runs on the copy ({skipped[0].what}: {skipped[0].reason})."
                if skipped
                else "The workload holds no statement.",
                "Give statements of this database, with --sql-dir, --captured or a snapshot with recorded ones.",
            )
        noise = measuring.noise_of(cases)
        earlier = reversing.catalog_of(pair[1])
        looked_at = copies.superuser or copies.after
        found_before = reversing.present(proposal.findings, looked_at, like) if proposal.findings else set()
        size_before = _size(pair[1])
        applied = _apply(proposal, pair)
        size_after = _size(pair[1])
        found_after = reversing.present(proposal.findings, looked_at, like) if proposal.findings else None
        told = _part(progressed, "Running", 0.2, 0.8)
        for number, case in enumerate(cases):
            if interrupted():
                break
            told(case.statement.origin, number / len(cases))
            measuring.measure(case, pair, effort)
            measuring.confirm(case, pair, effort, noise or 0.0)
        cold = ""
        if effort.cold and copies.server is not None and not interrupted():
            progressed("cold", 0.8)
            cold = _run_cold(cases, copies, pair, seed, interrupted)
        # Last, because rows that are rolled back stay in the files.
        written = _writes(proposal, read, workload, pair, effort, noise or 0.0, skipped) if not interrupted() else ()
        progressed("taking back", 0.95)
        reversal = reversing.take_back(proposal, pair, earlier, cases)
        undone = proposal.findings and reversal.catalog_same is not None
        found_back = reversing.present(proposal.findings, looked_at, like) if undone else None
        statements = [measuring.result(case, noise or 0.0) for case in cases if case.warm[0] or any(case.errors)]
        return Proof(
            proposal.title,
            datetime.now(UTC).isoformat(timespec="seconds"),
            copies.data,
            read.target.version_text,
            settings,
            machine.machine(load),
            seed,
            effort.repeats,
            effort.draws,
            tuple(sorted(statements, key=_weight)),
            written,
            applied,
            size_before,
            size_after,
            reversing.returned(proposal.findings, found_before, found_after, found_back),
            reversal,
            noise,
            cold,
            round(time.monotonic() - began, 1),
            tuple(skipped),
            (*copies.notes, *proposal.notes, *_said(copies, effort)),
            interrupted(),
        )
    except psycopg.OperationalError as error:
        raise ServerGone(
            f"The server ended the connection: {one_line(str(error))[:200]}.", "See its log, then run it again."
        ) from None
    finally:
        for copy in pair:
            copy.close()


def _part(progressed: Progress, what: str, begin: float, end: float) -> Progress:
    return lambda step, share: progressed(f"{what} {step}", begin + (end - begin) * share)


def _weight(row: ProvedStatement) -> tuple[float, str]:
    """The statements that take the most time before come first."""
    return (-row.calls * (row.before.warm.median if row.before.warm else 0.0), row.origin)


def _cases(
    workload: Workload, proposal: Proposal, read: Snapshot, copy: Copy, effort: Effort, seed: int
) -> tuple[list[Case], list[Skipped]]:
    cases: list[Case] = []
    skipped = [Skipped(problem.origin, problem.reason) for problem in workload.problems]
    rewritten = {**proposal.rewritten, **workload.rewritten}
    if unknown := sorted(rewritten.keys() - {statement.origin for statement in workload.statements}):
        skipped += [
            Skipped(name, "is written otherwise, but the workload has no statement of that name") for name in unknown
        ]
    names = Counter(statement.origin for statement in workload.statements)
    for statement in workload.statements:
        if reason := why_not_runnable(statement.sql):
            skipped.append(Skipped(statement.origin, reason))
            continue
        try:
            drawn = draws_of(statement, workload.called, read, copy.connection, effort.draws, seed)
            cases.append(Case(statement, drawn, _otherwise(statement, drawn, rewritten, names[statement.origin])))
        except CannotDraw as error:
            skipped.append(Skipped(statement.origin, str(error)))
    return cases, skipped


def _otherwise(statement: WorkloadStatement, drawn: Draws, rewritten: Mapping[str, str], alike: int) -> Draws | None:
    """The statement's other text with the same values. Raises CannotDraw when it is not known which of several it replaces."""
    text = rewritten.get(statement.origin)
    if text is None:
        return None
    if alike > 1:
        raise CannotDraw(f"is written otherwise, but {alike} statements have that name")
    other = drawn.otherwise(text)
    if reason := why_not_runnable(other.texts[0]):
        raise CannotDraw(f"its other text {reason}")
    return other


def _apply(proposal: Proposal, pair: tuple[Copy, Copy]) -> tuple[Applied, ...]:
    """Carry the change out on the copy after. Raises ChangeDoesNotFit, NoRoom."""
    done = []
    before = _size(pair[1])
    for statement in proposal.forward:
        began = time.perf_counter()
        try:
            pair[1].command(statement)
        except psycopg.errors.DiskFull:
            raise NoRoom("The disk is full: what the change builds did not fit.", "Free some space.") from None
        except psycopg.Error as error:
            said = one_line((error.diag.message_primary or str(error)).strip())
            raise ChangeDoesNotFit(
                f"The change does not fit this database: {said} (in {one_line(mask_secrets(statement))[:120]}).",
                "Take a new snapshot, or correct the change.",
            ) from None
        now = _size(pair[1])
        done.append(Applied(mask_secrets(statement), round(time.perf_counter() - began, 3), now - before))
        before = now
    pair[1].again()
    for schema, name in proposal.tables if _wants_statistics(proposal.forward) else ():
        table = quote_identifier(schema, name)
        for copy in pair:
            if copy.value("SELECT to_regclass(%(name)s) IS NOT NULL", {"name": table}):
                copy.command(f"ANALYZE {table}")
    return tuple(done)


def _wants_statistics(forward: Sequence[str]) -> bool:
    """Whether something of it is known to the planner only once it was analysed: then both copies are, for equal luck."""
    if any("STATISTICS" in statement.upper() for statement in forward):
        return True
    nodes = [node for statement in forward for node in parse_statements(statement)]
    keys = [key for node in nodes for key in node.get("IndexStmt", {}).get("indexParams", ())]
    return any("expr" in key["IndexElem"] for key in keys)


def _writes(
    proposal: Proposal,
    read: Snapshot,
    workload: Workload,
    pair: tuple[Copy, Copy],
    effort: Effort,
    noise: float,
    skipped: list[Skipped],
) -> tuple[WriteCost, ...]:
    found = []
    for cost in writes.costs(proposal.tables, read, workload.statements, pair, effort.repeats, noise):
        if isinstance(cost, WriteCost):
            found.append(cost)
        else:
            skipped.append(Skipped(*cost))
    return tuple(found)


def _run_cold(
    cases: Sequence[Case], copies: Copies, pair: tuple[Copy, Copy], seed: int, interrupted: Callable[[], bool]
) -> str:
    from dbwright.prove.copies import COLD_BUFFERS

    server = copies.server
    if server is None:
        return ""
    server.restart({"shared_buffers": COLD_BUFFERS})
    measuring.measure_cold(cases, copies, pair, seed, interrupted)
    for copy in pair:
        copy.again()
    return COLD.format(buffers=COLD_BUFFERS, rounds=measuring.COLD_ROUNDS)


def _size(copy: Copy) -> int:
    return int(copy.value("SELECT pg_database_size(current_database())"))


def _settings(copy: Copy) -> tuple[tuple[str, str], ...]:
    return tuple((name, str(copy.value("SELECT current_setting(%(name)s)", {"name": name}))) for name in _SETTINGS)


def _said(copies: Copies, effort: Effort) -> list[str]:
    if effort.cold and copies.server is None:
        return ["Cold runs need a server of dbwright's own, which it may restart: give --dump or a snapshot for them."]
    return []
