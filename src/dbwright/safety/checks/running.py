"""How a migration is run: transactions, time limits, locks held together, statements that fail."""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.wording import listed
from dbwright.safety.judged import Check, Finding, Step, shown
from dbwright.safety.nodes import names, relation, scalar
from dbwright.safety.observed import BLOCKS_READS, BLOCKS_WRITES, spoken
from dbwright.safety.statements import must_run_alone

SYNTAX = Check(
    "syntax-error",
    "error",
    "PostgreSQL's grammar does not know the text; the migration stops there.",
    ("syntax-error",),
)
FAILS = Check(
    "statement-fails",
    "error",
    "The statement fails on a database of the schema that was given, so the migration stops there.",
    ("references-missing-object", "dml-dry-run-fails", "duplicate-column-assignment"),
)
IN_TRANSACTION = Check(
    "concurrently-in-transaction",
    "error",
    "PostgreSQL refuses CONCURRENTLY, VACUUM and their like inside a transaction: the migration stops there.",
    ("concurrently-in-transaction", "statement-not-transactional"),
)
NO_LIMIT = Check(
    "lock-timeout-missing",
    "info",
    (
        "The lock is had in an instant, or not at all while a long transaction uses the table: then the statement "
        "waits, and every query that comes after it waits behind it. With a lock_timeout it gives up, and can be tried "
        "again."
    ),
    ("missing-lock-timeout",),
)
LATE = Check(
    "lock-timeout-late", "info", "The limit is set after the statement that needs it.", ("lock-timeout-set-too-late",)
)
USELESS = Check(
    "lock-timeout-useless",
    "warning",
    "A lock_timeout of nothing, or of longer than people wait for a page, lets the queue grow as if there were none.",
    ("lock-timeout-too-long-or-zero",),
)
NO_STATEMENT_LIMIT = Check(
    "statement-timeout-missing",
    "info",
    "A statement that turns out to take hours holds its lock that long.",
    ("missing-statement-timeout",),
)
WORK = Check(
    "work-under-exclusive-lock",
    "warning",
    (
        "A lock is held to the end of its transaction: what comes after a statement that took ACCESS EXCLUSIVE makes "
        "everybody wait for it, too."
    ),
    ("statement-under-access-exclusive", "index-build-in-exclusive-tx"),
)
MORE = Check(
    "more-under-exclusive-lock",
    "info",
    "A lock is held to the end of its transaction; each further statement makes that longer.",
    ("statement-under-access-exclusive",),
)
SEVERAL_TABLES = Check(
    "several-tables-locked",
    "info",
    "The transaction keeps everybody out of several tables at once; against code that takes them in another order it can deadlock.",
    ("wide-lock-window",),
)
SEVERAL_ALTERS = Check(
    "several-alters",
    "info",
    "Several ALTER TABLE of one table can be one statement, with one lock and at most one rewrite.",
    ("multiple-alter-table",),
)
SCAN = Check(
    "scan-under-lock",
    "error",
    "The statement reads or writes a whole table anew under a lock that keeps others out, as seen on the scratch server.",
    ("rewrite-observed", "predicted-lock-differs", "opaque-operation"),
)

LONGEST_MS = 10_000
"""People leave a page that takes longer (Nielsen's ten seconds): a queue that long is an outage."""
_UNITS = {"us": 0.001, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, "": 1}


def look(step: Step) -> Iterator[Finding]:
    if step.statement.error:
        yield step.finding(SYNTAX, step.statement.error)
        return
    _note_limits(step)
    if step.kind in ("VariableSetStmt", "SelectStmt"):
        yield from _limits(step)
    if step.statement.transaction is not None and must_run_alone(step.kind, step.node):
        yield step.finding(
            IN_TRANSACTION, "It stands inside a transaction, where the server refuses it.", rewrite=_outside(step)
        )
    yield from _window(step)
    yield from _missing_limit(step)


def _outside(step: Step) -> str | None:
    return {
        "django": "atomic = False  # in the Migration class",
        "alembic": "with op.get_context().autocommit_block():\n    …",
    }.get(step.framework, "-- in a file of its own, without BEGIN")


def setting(step: Step) -> tuple[str, str] | None:
    """Name and value that a SET, or set_config, gives."""
    node = step.node
    if step.kind == "VariableSetStmt" and node.get("kind") == "VAR_SET_VALUE":
        return str(node.get("name", "")), str(scalar((node.get("args") or [{}])[0]))
    if step.kind == "VariableSetStmt" and node.get("kind") in ("VAR_SET_DEFAULT", "VAR_RESET"):
        return str(node.get("name", "")), ""
    if step.kind == "SelectStmt":
        for one in node.get("targetList", ()):
            call = one.get("ResTarget", {}).get("val", {}).get("FuncCall", {})
            if names(call.get("funcname"))[-1:] == ["set_config"]:
                arguments = [scalar(a) for a in call.get("args", ())]
                if len(arguments) > 1:
                    return str(arguments[0]), str(arguments[1])
    return None


def milliseconds(text: str) -> float | None:
    """A time as PostgreSQL's settings write it; None for what is none."""
    import re

    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d|)\s*", text)
    return float(match[1]) * _UNITS[match[2]] if match else None


def _note_limits(step: Step) -> None:
    told = setting(step)
    if told is not None and told[0] in ("lock_timeout", "statement_timeout"):
        if step.node.get("is_local"):
            step.state.local_limits.setdefault(told[0], getattr(step.state, told[0]))
        setattr(step.state, told[0], told[1] or None)


def _limits(step: Step) -> Iterator[Finding]:
    told = setting(step)
    if told is None or told[0] != "lock_timeout" or not told[1]:
        return
    limit = milliseconds(told[1])
    if limit is not None and not 0 < limit <= LONGEST_MS:
        yield step.finding(USELESS, f"lock_timeout = {told[1]}" + (" means no limit." if limit == 0 else " is long."))
    if step.state.exclusive:
        table, line = next(iter(step.state.exclusive.items()))
        yield step.finding(LATE, f"{shown(table)} is locked since line {line} already.")


def _missing_limit(step: Step) -> Iterator[Finding]:
    ran, state = step.ran, step.state
    if ran is None or state.told_limit:
        return
    strong = [
        lock
        for lock in ran.locks
        if lock.kind in ("table", "materialized view") and lock.mode in BLOCKS_WRITES and not lock.earlier
    ]
    if not strong or milliseconds(state.lock_timeout or "0"):
        return
    state.told_limit = True
    lock = max(strong, key=lambda one: one.mode in BLOCKS_READS)
    seen = (
        " On the scratch server a SELECT waited behind it while it waited for a report."
        if lock.relation in ran.queued
        else ""
    )
    yield step.finding(
        NO_LIMIT, f"{spoken(lock.mode)} on {shown(lock.relation)} is asked for without a lock_timeout.{seen}", lock.relation, observed=True,
        rewrite=_limit(step),
    )  # fmt: skip
    if not milliseconds(state.statement_timeout or "0"):
        yield step.finding(
            NO_STATEMENT_LIMIT,
            f"Nothing ends the statement on {shown(lock.relation)} when it takes long.",
            lock.relation,
        )


def _limit(step: Step) -> str:
    if step.framework == "django":
        return (
            'In settings, for the role that migrates: DATABASES[…]["OPTIONS"] = {"options": "-c lock_timeout=2000"};'
            " run migrate again when it gives up."
        )
    if step.framework == "alembic":
        return "In env.py, before context.run_migrations(): connection.execute(text(\"SET lock_timeout = '2s'\"))"
    return "SET lock_timeout = '2s';"


def _window(step: Step) -> Iterator[Finding]:
    """What the transaction holds already, and what the statement adds to it."""
    ran, state = step.ran, step.state
    if ran is None or step.statement.transaction is None:
        return
    held = dict(state.exclusive)
    taken = step.takes("AccessExclusiveLock")
    slow = ran.scanned | ran.rewritten
    if held and step.kind not in (
        "VariableSetStmt",
        "UpdateStmt",
        "DeleteStmt",
        "InsertStmt",
        "MergeStmt",
        "SelectStmt",
    ):
        table, line = next(iter(held.items()))
        if any(not _is_short(step, name) for name in slow):
            yield step.finding(
                WORK,
                f"{listed(sorted(map(shown, slow)))} is read or written whole while {shown(table)} is locked against everybody"
                f" since line {line}.",
                table, observed=True,
            )  # fmt: skip
        else:
            yield step.finding(
                MORE,
                f"It runs while {shown(table)} is locked against everybody since line {line}.",
                table,
                observed=True,
            )
    if (taken - held.keys()) and held:
        both = sorted({*held, *taken})
        yield step.finding(
            SEVERAL_TABLES, f"{listed(map(shown, both))} are locked against everybody at once.", observed=True
        )
    if step.kind == "AlterTableStmt":
        name = step.key(relation(step.node["relation"]))
        before = state.altered_in.get((name, step.statement.transaction))
        if before is not None and step.exists(relation(step.node["relation"])):
            yield step.finding(SEVERAL_ALTERS, f"{shown(name)} is altered at line {before} already.", name)
        state.altered_in.setdefault((name, step.statement.transaction), step.statement.line)


def _is_short(step: Step, name: tuple[str | None, str]) -> bool:
    count = step.state.sizes.get(name)
    return count is not None and count <= 10_000


def scan_under_lock(step: Step, told: bool) -> Iterator[Finding]:
    """What was seen and no check spoke of: ``told`` says whether some did."""
    ran = step.ran
    if ran is None or told:
        return
    for name in sorted(ran.scanned | ran.rewritten):
        mode = ran.mode(name)
        if mode in BLOCKS_WRITES and any(lock.relation == name and not lock.earlier for lock in ran.locks):
            verb = "written anew" if name in ran.rewritten else "read whole"
            yield step.slow(SCAN, f"{shown(name)} is {verb} under {spoken(mode or '')}.", name)


def failed(step: Step) -> Iterator[Finding]:
    """A statement that the scratch server refused."""
    observation = step.observation
    if observation is None or observation.error is None or observation.sqlstate == "25001":
        return
    yield step.finding(FAILS, f"It fails: {observation.error}.", observed=True)
