"""From scripts to judgements: the schema before is made, the statements are run, the checks look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dbwright.model.migrations import GraphProblem
from dbwright.safety import checks, losses
from dbwright.safety.checks import deployment, python, running
from dbwright.safety.code import Code, compare, verdicts
from dbwright.safety.invented import Inventor
from dbwright.safety.judged import Finding, State, Step, note
from dbwright.safety.losses import Loss
from dbwright.safety.nodes import Name, dotted, tables_in
from dbwright.safety.observed import Observation
from dbwright.safety.scratch import Prior, Scratch
from dbwright.safety.statements import OWN_TRANSACTIONS, Script, Statement


@dataclass(frozen=True)
class Before:
    """What there is before the migrations. ``sizes``: rows of the real tables. ``major``: of the server that the migrations are for."""

    statements: tuple[str, ...] = ()
    sizes: Mapping[Name, int] = field(default_factory=dict)
    major: int | None = None
    made_of_code: bool = False
    """The statements were written from models, not taken from a database: what they lack does not show that a statement fails."""

    @property
    def is_given(self) -> bool:
        return bool(self.statements)


@dataclass(frozen=True)
class Judgement:
    """One script: what each statement showed, and what is wrong. ``invented`` is the schema that was made up for it, ``gaps`` what could
    not be looked at."""

    script: Script
    observations: tuple[Observation | None, ...]
    findings: tuple[Finding, ...]
    invented: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    lost: tuple[Loss, ...] = ()
    """What it takes away, counted in the database where that was asked for."""


def judge(
    scripts: Sequence[Script], before: Before, scratch: Scratch, codes: Sequence[Code] = ()
) -> Iterator[Judgement]:
    """Judge scripts that follow each other: each finds the schema that those before it left. ``codes`` are what runs while they do."""
    so_far = list(before.statements)
    stands = False
    for script in scripts:
        judgement = _one(script, replace(before, statements=tuple(so_far)), scratch, codes, stands)
        yield judgement
        so_far += [*judgement.invented, *(s.sql for s in script.statements if not s.error)]
        stands = not any(o is None or o.error for o in judgement.observations)


MOST_ROUNDS = 12
"""Rounds in which what the server missed is made up, one thing a round."""


def _one(script: Script, before: Before, scratch: Scratch, codes: Sequence[Code], stands: bool) -> Judgement:
    """``stands``: the database is the one that the script before left."""
    text = " ".join(statement.sql for statement in script.statements)
    if not stands:
        scratch.prepare(before.statements, fill=False)
    known = scratch.columns(scratch.extend((), fill=False))
    inventor = Inventor(known)
    inventor.read(script.statements)
    again = False
    for _ in range(MOST_ROUNDS):
        invented = inventor.statements()
        everything = (*before.statements, *invented)
        prior = scratch.prepare(everything, text) if again else scratch.extend(invented, text)
        ways = _Ways(scratch, codes, script)
        observations = scratch.run(script.statements, prior)
        compared = ways.compare()
        again = True
        missed = next((o.error for o in observations if o is not None and o.error and o.sqlstate in _MISSING), None)
        if missed is None or not inventor.miss(missed):
            break
    if any(o is not None and o.sqlstate in _BY_ROWS for o in observations):
        prior, observations = _without_rows(script, everything, scratch, prior, observations)
    major = before.major or scratch.major
    state = State(
        script, prior, major, before.sizes,
        frozenset((prior.find(name) or _Named(name)).key for name in inventor.tables),
        script.assumption == OWN_TRANSACTIONS,
    )  # fmt: skip
    findings = [*_of_script(script), *compared]
    for number, (statement, observation) in enumerate(zip(script.statements, observations, strict=True)):
        if number and statement.transaction != script.statements[number - 1].transaction:
            state.end_transaction()
        step = Step(number, statement, observation, state)
        found = [finding for look in checks.looks() for finding in look(step)]
        found += running.scan_under_lock(
            step, any(f.severity == "error" or f.table for f in found if f.check not in _ASIDE)
        )
        if (
            before.is_given
            and not before.made_of_code
            and not inventor.tables
            and not any(f.severity == "error" for f in found)
        ):
            found += running.failed(step)
        findings += _without_echo(found)
        note(step)
    gaps = tuple(_gaps(prior, script, observations))
    lost = losses.forward(script.statements)
    return Judgement(script, tuple(observations), tuple(findings), tuple(invented), gaps, lost)


_ASIDE = frozenset(
    f"migrations/{name}"
    for name in ("lock-timeout-missing", "statement-timeout-missing", "several-alters", "several-tables-locked")
)
_MISSING = frozenset(("42P01", "42703", "42704", "42883", "3F000"))
"""States of errors that say that something does not exist."""
_BY_ROWS = frozenset(("23502", "23503", "23505", "23514", "23P01", "22001", "22003", "22P02", "22007", "22023"))
"""States of errors that made-up rows cause: constraints that they break, values that do not fit."""


@dataclass(frozen=True)
class _Named:
    key: Name


def _without_rows(
    script: Script, statements: Iterable[str], scratch: Scratch, prior: Prior, first: list[Observation | None]
) -> tuple[Prior, list[Observation | None]]:
    """Again on empty tables, where our rows made a statement fail: its locks can be seen then. A NOT NULL column without a default fails
    on any row, so that its failure stays."""
    empty = scratch.prepare(statements, fill=False)
    again = scratch.run(script.statements, empty)
    merged = [
        second
        if one is None or (one.error is not None and one.sqlstate in _BY_ROWS and one.sqlstate != "23502")
        else one
        for one, second in zip(first, again, strict=True)
    ]
    failed = any(one is not None and one.error for one in first)
    return (empty if failed else prior), (again if failed else merged)


def _without_echo(found: list[Finding]) -> list[Finding]:
    """That a statement works under a lock is a hint where more is to be said of it."""
    if not any(finding.severity != "info" and finding.check != running.WORK.id for finding in found):
        return found
    return [replace(f, severity="info") if f.check == running.WORK.id else f for f in found]


class _Ways:
    """What the schema makes of the code's statements before a script and after it."""

    def __init__(self, scratch: Scratch, codes: Sequence[Code], script: Script) -> None:
        self.scratch = scratch
        named = {name for statement in script.statements for _, name in tables_in(statement.node)}
        named |= {name for statement in script.statements for _, name in _dropped(statement)}
        self.sent = [(one, one.about(named)) for one in codes]
        self.before = [verdicts(scratch, sent) for _, sent in self.sent]
        self.required = scratch.required() if self.sent else {}

    def compare(self) -> list[Finding]:
        if not self.sent:
            return []
        after = self.scratch.required()
        new = {name: columns - self.required[name] for name, columns in after.items() if name in self.required}
        new = {name: columns for name, columns in new.items() if columns}
        return [
            finding
            for (one, sent), before in zip(self.sent, self.before, strict=True)
            for finding in compare(one, before, verdicts(self.scratch, sent), new)
        ]


def _dropped(statement: Statement) -> Iterator[Name]:
    if statement.kind == "DropStmt":
        yield from (dotted(one) for one in statement.node.get("objects", ()))


def _of_script(script: Script) -> Iterator[Finding]:
    for what, line in script.faults:
        check = deployment.OF_TRANSACTIONS[what]
        yield Finding(check.id, check.severity, f"line {line}: transaction {what}", check.why, line)
    yield from python.of_script(script)


def _gaps(prior: Prior, script: Script, observations: Sequence[Observation | None]) -> Iterator[str]:
    for (_, name), reason in prior.empty.items():
        yield f"{name} has no rows on the scratch server: {reason}"
    for text, reason in prior.refused:
        yield f"not part of the schema before: {' '.join(text.split())[:80]} ({reason})"
    for statement, observation in zip(script.statements, observations, strict=True):
        if statement.error is None and observation is None:
            yield f"line {statement.line}: not run, judged by its text"
        elif observation is not None and observation.error is not None:
            yield f"line {statement.line}: failed on the scratch server, judged by its text ({observation.error})"


def text_of(statement: Statement) -> str:
    """A statement in a line."""
    return " ".join(statement.sql.split())


def of_graph(problem: GraphProblem) -> Judgement:
    """A fault of the history itself."""
    check = deployment.OF_GRAPH.get(problem.fault, deployment.PARENT)
    place = problem.place
    finding = Finding(check.id, check.severity, problem.message, check.why, place.line, rewrite=problem.change)
    return Judgement(Script(problem.group, place.file, problem.framework, group=problem.group), (), (finding,))
