"""One step after the other, so that after any death of anything it can be gone on with, or taken back.

Every look and every act goes through ``record``: what has an entry is answered from it and not done again. Before a step it is recorded
what was there (so that what a dead build left can be told from what was never ours), after it that it was done. What happened between the
two is found out from the catalog, or from the fate of the step's transaction.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import psycopg
from psycopg import errors

from dbwright.apply import watch
from dbwright.apply.plan import Part, Plan, Started, started
from dbwright.apply.session import AnotherRun, Session
from dbwright.errors import DbwrightError
from dbwright.fixes import sql
from dbwright.fixes.steps import Step
from dbwright.model.quoting import quote_literal
from dbwright.model.wording import duration
from dbwright.options import Patience
from dbwright.sqltext import mask_secrets

Entry = dict[str, Any]
Record = Callable[[str, Callable[[], Entry]], Entry]
"""Answers with the entry of that name; without one it calls the function and keeps what it answers."""

GENTLE_LOCK_SECONDS = 10.0
"""How long a statement queues where nobody who reads or writes stands behind it. Longer than the second after which autovacuum makes
way."""
INSTANT_SECONDS = 5.0
"""What is said to be instant and is not done by then is not what it was taken for."""
INTERRUPTIONS = 5
"""How often a step is begun again after its session was ended: somebody may mean it."""
BATCH_SECONDS = 0.05
"""How long the rows of one batch are locked."""
BATCHES_SECONDS = 5.0
"""How long batches go on until their place is recorded."""

_AGAIN = (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure, errors.ObjectInUse)


class Stopped(BaseException):
    """The run stopped between two steps, or in one that will be found out about; it can be gone on with or taken back.

    Not an Exception: the journal must not take it for the outcome of a step or of the run."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


@dataclass
class Door:
    """What a run has to do with the world. ``tell`` shows a line; ``stop`` answers why to stop, or None.

    ``patience.lock`` is how long a statement may stand in the queue for a lock, and with it everybody who comes after it. It is half of the
    second that nobody is to wait for us; the other half is for what the statement then does. ``patience.total`` is how long a lock, an old
    transaction, a replica or a server that restarts is waited for before the run stops."""

    session: Session
    tell: Callable[[str], None]
    stop: Callable[[], str | None] = lambda: None
    patience: Patience = field(default_factory=Patience)
    chance: random.Random = field(default_factory=random.Random)

    def pass_on(self) -> None:
        """Go on, unless somebody wants to stop."""
        if reason := self.stop():
            raise Stopped(reason)


def carry_out(plan: Plan, door: Door, record: Record) -> list[Entry]:
    """Carry out a plan. Answers, for each part, with its state and why: ``done``; ``not done``, or ``taken back``, because a step cannot be
    done; ``left`` with something that cannot be taken back. Raises Stopped."""
    return [_part(number, part, door, record) for number, part in enumerate(plan.parts)]


def _part(number: int, part: Part, door: Door, record: Record) -> Entry:
    entries: dict[str, Entry] = {}

    def noting(name: str, function: Callable[[], Entry]) -> Entry:
        entries[name] = record(name, function)
        return entries[name]

    problems: list[str] = []
    state = "done"
    if part.started:
        problems = _take_back(f"{number}", part.started, door, noting)
        state = "left" if problems else "done"
    for position, step in enumerate(part.steps):
        failed = _step(f"{number}.{position}", step, door, noting)
        if failed is not None:
            door.tell(f"{part.title}: {failed}")
            begun = tuple(started(f"{number}", part.steps, entries))
            left = _take_back(f"{number}", begun, door, noting)
            problems, state = [failed, *left], "left" if left else "taken back" if begun else "not done"
            break
    return noting(
        f"{number} over", lambda: {"finding": part.finding, "title": part.title, "state": state, "problems": problems}
    )


def _take_back(name: str, steps: Sequence[Started], door: Door, record: Record) -> list[str]:
    """Take back what was begun, the last first. Answers with what could not be."""
    problems = []
    for number, entry in reversed(tuple(enumerate(steps))):
        before = {"invalid": list(entry.invalid)}
        if not entry.settled:
            settle = partial(_settle, entry, before, door)
            if not record(f"{name}.settle{number}", settle)["done"]:
                continue
        for position, step in enumerate(entry.step.back):
            failed = _step(f"{name}.back{number}.{position}", step, door, record)
            if failed is not None:
                problems.append(failed)
    return problems


def _settle(entry: Started, before: Mapping[str, Any], door: Door) -> Entry:
    """Find out whether a step that was begun was carried out; what its death left goes. A step of which nothing tells is repeatable, and so
    is its way back: it is taken as done."""

    def settled() -> Entry:
        step = entry.step
        _clean(step, before, door)
        if entry.transaction:
            return {"done": _was_committed(entry.transaction, door)}
        return {"done": step.done is None or door.session.holds(step.done)}

    return _persist(settled, door)


def _step(name: str, step: Step, door: Door, record: Record) -> str | None:
    """Carry out a step, unless it is in effect already. Answers why it cannot be done, or None."""
    door.pass_on()
    before = record(f"{name} before", lambda: _persist(lambda: _look(step, door), door))
    if before["against"]:
        problem, remedy = before["against"]
        return f"{problem}. {remedy}"
    if before["done"]:
        return None
    if step.batch is not None:
        result = _in_batches(name, step, door, record)
    elif step.known_by_transaction:
        result = _exactly_once(name, step, door, record)
    else:
        result = record(f"{name} done", partial(_do, step, before, door))
    return None if result["state"] == "done" else str(result["reason"])


def _look(step: Step, door: Door) -> Entry:
    """What is there before a step: whether it is in effect, what stands against it, and the indexes that are invalid without us."""
    against = next((row for need in step.needs for row in door.session.rows(need)), None)
    done = against is None and step.done is not None and door.session.holds(step.done)
    invalid = [oid for _, oid in door.session.rows(_leftovers(step))] if step.leftover else []
    return {"against": list(against) if against else None, "done": done, "invalid": invalid}


def refusals(parts: Sequence[Part], session: Session) -> list[tuple[Part, str, str]]:
    """What stands against parts of a plan before anything is touched: (part, problem, way on). What an earlier step of the plan makes or
    changes is looked at when its turn comes."""
    touched: set[str] = set()
    found = []
    for part in parts:
        for step in part.steps:
            if step.subject not in touched:
                found += [(part, str(row[0]), str(row[1])) for need in step.needs for row in session.rows(need)]
            touched.add(step.subject)
    return found


def _do(step: Step, before: Mapping[str, Any], door: Door) -> Entry:
    """Carry a step out, however often it takes. Answers ``done`` with how long it took, or ``failed`` with what the server said."""
    began = time.monotonic()

    def attempt() -> Entry:
        _clean(step, before, door)
        if step.done is None or not door.session.holds(step.done):
            watch.wait_for_others(step, door)
            watch.wait_for_replicas(step, door)
            watch.require_room(step, door)
            try:
                _execute(step, door)
            except psycopg.Error as error:
                if _is_worth_another_try(error):
                    raise
                _clean(step, before, door)
                door.pass_on()
                return _failed(error)
        seconds = time.monotonic() - began
        door.tell(f"{duration(seconds)}: {'; '.join(step.statements)}")
        return {"state": "done", "seconds": round(seconds, 3)}

    return _persist(attempt, door)


def _failed(error: psycopg.Error) -> Entry:
    """The server's words, without the values of rows that stand in the detail."""
    return {"state": "failed", "reason": mask_secrets((error.diag.message_primary or str(error)).strip())}


def _is_worth_another_try(error: psycopg.Error) -> bool:
    """Locks that others have, deadlocks, and connections that end; not what a limit of ours ended."""
    if isinstance(error, _AGAIN):
        return True
    state = error.sqlstate or "08"
    return isinstance(error, psycopg.OperationalError) and state[:2] in ("08", "57") and state != "57014"


def _persist(attempt: Callable[[], Entry], door: Door) -> Entry:
    """Try until it goes through: locks that are not to be had, deadlocks, a lost connection, a server that restarts. Raises Stopped when it
    never does, or when it fails in a way that waiting does not mend."""
    until = time.monotonic() + door.patience.total
    tries = interruptions = 0
    while True:
        door.pass_on()
        try:
            entry = attempt()
        except (psycopg.Error, DbwrightError) as error:
            tries += 1
            lost = not isinstance(error, _AGAIN)
            if lost:
                door.session.close()
                interruptions += isinstance(error, psycopg.Error)
            hopeless = isinstance(error, AnotherRun) or (
                isinstance(error, psycopg.Error) and not _is_worth_another_try(error)
            )
            if hopeless or time.monotonic() > until or interruptions > INTERRUPTIONS:
                raise Stopped(*_words(error)) from error
            if tries in (1, 10):
                door.tell(f"{_words(error)[0]} Trying again.")
            time.sleep(door.chance.uniform(0.5, 1.5) * min(0.1 * 2 ** min(tries, 6), 5.0))
        else:
            return entry | ({"tries": tries + 1} if tries else {})


def _words(error: Exception) -> tuple[str, str]:
    if isinstance(error, DbwrightError):
        return error.message, error.remedy
    if isinstance(error, errors.LockNotAvailable):
        return "Others hold the lock.", "Run it again when they are done."
    text = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return f"{mask_secrets(text or str(error)).strip().capitalize()}.", "Run it again when that is mended."


def _execute(step: Step, door: Door) -> None:
    connection = door.session.connection
    lock = door.patience.lock if step.blocks_writes else GENTLE_LOCK_SECONDS
    statement = INSTANT_SECONDS + lock if step.work == "instant" and not step.concurrent else 0.0
    if not step.transactional:
        # A concurrent build waits for the transactions of others by their locks: a limit would only leave an invalid index.
        with door.session.limits(0.0 if step.concurrent else lock, statement):
            for text in step.statements:
                connection.execute(text.encode())
        return
    with connection.transaction():
        connection.execute("SELECT set_config('statement_timeout', %s, true)", (_milliseconds(statement),))
        if step.blocks_writes and watch.autovacuum_works_on(step, connection):
            # It makes way after a second for whom it keeps waiting; nobody else waits behind this lock meanwhile.
            _limit_lock(connection, GENTLE_LOCK_SECONDS)
            connection.execute(f"LOCK TABLE {step.relations[0]} IN SHARE UPDATE EXCLUSIVE MODE".encode())
        _limit_lock(connection, lock)
        for text in step.statements:
            connection.execute(text.encode())


def _limit_lock(connection: psycopg.Connection[Any], seconds: float) -> None:
    connection.execute("SELECT set_config('lock_timeout', %s, true)", (_milliseconds(seconds),))


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


def _leftovers(step: Step) -> str:
    """The invalid indexes that a concurrent build of this step's index can leave: (quoted name, oid)."""
    if step.leftover is None:
        return "SELECT NULL, NULL WHERE false"
    name = quote_literal(step.leftover.index)
    stem = "regexp_replace(x.relname, '_cc(new|old)[0-9]*$', '')"
    return (
        "SELECT format('%I.%I', n.nspname, x.relname), x.oid::int8 FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid "
        f"JOIN pg_namespace n ON n.oid = x.relnamespace WHERE NOT i.indisvalid AND n.nspname = {quote_literal(step.leftover.schema)} "
        f"AND x.relkind = 'i' AND (x.relname = {name} OR x.relname <> {stem} AND starts_with({name}, {stem}) "
        f"AND length({stem}) >= least(length({name}), 50))"
    )


def _clean(step: Step, before: Mapping[str, Any], door: Door) -> None:
    """Drop the invalid indexes that this step left, and no others: those that were there before it are not its."""
    if step.leftover is None:
        return
    for name, oid in door.session.rows(_leftovers(step)):
        if oid not in before["invalid"]:
            door.tell(f"Dropping {name}, which an interrupted build left.")
            watch.wait_for_others(step, door)
            with door.session.limits(0.0, 0.0):
                door.session.connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}".encode())


def _in_batches(name: str, step: Step, door: Door, record: Record) -> Entry:
    """Go through the table; every few seconds the place is recorded."""
    place: Entry = {"after": None, "rows": sql.BATCH_ROWS // 10, "changed": 0}
    number = 0
    while not place.get("end"):
        door.pass_on()
        go_on = partial(_some_batches, step, place, door)
        place = record(f"{name} batches {number}", partial(_persist, go_on, door))
        if place.get("state") == "failed":
            return place
        number += 1
    return record(f"{name} done", lambda: {"state": "done", "changed": place["changed"]})


def _some_batches(step: Step, place: Mapping[str, Any], door: Door) -> Entry:
    assert step.batch is not None
    after, rows, changed = place["after"], place["rows"], place["changed"]
    until = time.monotonic() + BATCHES_SECONDS
    while True:
        watch.wait_for_replicas(step, door)
        watch.require_room(step, door)
        connection = door.session.connection
        began = time.monotonic()
        with connection.transaction():
            _limit_lock(connection, GENTLE_LOCK_SECONDS)
            try:
                cursor = connection.execute(sql.batch(step.batch, after, rows).encode())
            except psycopg.Error as error:
                if _is_worth_another_try(error):
                    raise
                return _failed(error)
            last, count = cursor.fetchone() or (None, 0)
        if last is None:
            door.tell(f"{changed:,} rows of {step.relations[0]} filled.")
            return {"after": after, "rows": rows, "changed": changed, "end": True}
        after, changed = quote_literal(last), changed + count
        seconds = time.monotonic() - began
        rows = max(100, min(round(rows * BATCH_SECONDS / max(seconds, 0.001)), 4 * rows, 20000))
        if time.monotonic() > until or door.stop():
            return {"after": after, "rows": rows, "changed": changed}
        time.sleep(min(seconds, 1.0))  # as long again for the others


def _exactly_once(name: str, step: Step, door: Door, record: Record) -> Entry:
    """A transaction whose number is recorded before it is committed: its fate then tells whether it was, whatever died."""
    number = 0
    while True:
        opened = record(f"{name} opened {number}", partial(_persist, partial(_open, step, door), door))
        if opened.get("state") == "failed":
            return record(f"{name} done", partial(dict, opened))
        committed = record(f"{name} committed {number}", partial(_commit, opened, door))
        if committed["committed"]:
            door.tell(f"done: {'; '.join(step.statements)}")
            return record(f"{name} done", lambda: {"state": "done"})
        number += 1


def _open(step: Step, door: Door) -> Entry:
    watch.wait_for_others(step, door)
    connection = door.session.connection
    connection.execute("BEGIN")
    try:
        _limit_lock(connection, door.patience.lock if step.blocks_writes else GENTLE_LOCK_SECONDS)
        for text in step.statements:
            connection.execute(text.encode())
        row = connection.execute("SELECT pg_catalog.pg_current_xact_id()::text, pg_catalog.pg_backend_pid()").fetchone()
    except psycopg.Error as error:
        if not connection.closed:
            connection.execute("ROLLBACK")
        if _is_worth_another_try(error):
            raise
        return _failed(error)
    assert row is not None
    # The number must survive a crash of the server before it is relied on: else another transaction may be given it.
    door.session.flush()
    return {"transaction": row[0], "pid": row[1]}


def _commit(opened: Mapping[str, Any], door: Door) -> Entry:
    def fate() -> Entry:
        connection = door.session.connection
        if (
            connection.info.backend_pid == opened["pid"]
            and connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        ):
            connection.execute("COMMIT")
            return {"committed": True}
        return {"committed": _was_committed(opened["transaction"], door)}

    return _persist(fate, door)


def _was_committed(transaction: str, door: Door) -> bool:
    (row,) = door.session.rows(f"SELECT pg_xact_status({quote_literal(transaction)}::xid8)")
    return bool(row[0] == "committed")
