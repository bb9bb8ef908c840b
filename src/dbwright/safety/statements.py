"""A migration as a list of statements, each with its line and the transaction that it runs in.

Which transaction that is depends on who runs the file, so it is assumed, and said: a file runs in one transaction, unless it begins and
ends its own, or holds a statement that no transaction may hold (CONCURRENTLY, VACUUM …), or says so by a mark of its tool
(``-- +goose NO TRANSACTION``, ``-- migrate:up transaction:false``). Then each statement outside a BEGIN is a transaction of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from dbwright.safety.nodes import Node, commands, options
from dbwright.source.sql import CannotTakeApart, parse_statements

Framework = Literal["sql", "django", "alembic"]
ONE_TRANSACTION = "the whole file runs in one transaction"
OWN_TRANSACTIONS = "each statement outside a BEGIN is a transaction of its own"


@dataclass(frozen=True, slots=True)
class Statement:
    """``transaction`` numbers the transactions of a script; None: the statement runs outside any. ``error``: what the grammar says of a
    text that is no SQL; then there is no ``node``. ``operation`` is what the framework calls it."""

    sql: str
    line: int
    kind: str = ""
    node: Node = field(default_factory=dict)
    transaction: int | None = 0
    error: str | None = None
    operation: str = ""


@dataclass(frozen=True, slots=True)
class Opaque:
    """A step whose SQL is not known: Python, or SQL put together at run time."""

    what: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Script:
    """One migration. ``assumption`` says how it is run; ``faults`` are those of its transactions: what, at which line."""

    name: str
    file: str
    framework: Framework
    statements: tuple[Statement, ...] = ()
    opaque: tuple[Opaque, ...] = ()
    assumption: str = ""
    faults: tuple[tuple[str, int], ...] = ()
    group: str = ""
    models: Mapping[str, frozenset[str]] | None = None
    """Columns by table that the models knew before it, where there are models: code that runs names no others."""


_META = re.compile(r"^\\[^\n]*$", re.M)
_COPY = re.compile(r"^(COPY\s[^;]*?FROM\s+STDIN[^;]*;)\n.*?^\\\.$", re.M | re.S | re.I)
_DOWN = re.compile(
    r"^--\s*(?:\+goose\s+Down|migrate:down|\+migrate\s+Down|@(?:DOWN|UNDO)\b|rollback\b).*\Z", re.M | re.S | re.I
)
_NO_TRANSACTION = re.compile(
    r"^--\s*(?:\+goose\s+NO\s+TRANSACTION|migrate:up\s.*transaction:\s*false|\+migrate\s+Up\s+notransaction|.*executeInTransaction=false"
    r"|.*runInTransaction:\s*false|atlas:txmode\s+none|no-transaction\b|disable_ddl_transaction)",
    re.M | re.I,
)


def script_of(text: str, file: str, name: str = "") -> Script:
    """The statements of an SQL file. What psql and migration tools add (``\\connect``, rows of COPY, the way down) is left out."""
    cleaned = _DOWN.sub(_blank, _META.sub(_blank, _COPY.sub(lambda m: m[1] + "\n" * m[0].count("\n"), text)))
    told = list(_parsed(cleaned))
    begins = any(_is(one, "TRANS_STMT_BEGIN", "TRANS_STMT_START") for one in told)
    apart = begins or bool(_NO_TRANSACTION.search(text)) or any(must_run_alone(o.kind, o.node) for o in told)
    statements, faults = _in_transactions(told, apart)
    return Script(name or file, file, "sql", statements, (), OWN_TRANSACTIONS if apart else ONE_TRANSACTION, faults)


def parsed(text: str, line: int = 1, operation: str = "", transaction: int | None = 0) -> list[Statement]:
    """The statements of a text, all in one transaction (or in none)."""
    return [
        Statement(one.sql, line + one.line - 1, one.kind, one.node, transaction, one.error, operation)
        for one in _parsed(text)
    ]


def _parsed(text: str) -> Iterator[Statement]:
    import postgast

    text = text.replace("\0", "")
    fault: Statement | None = None
    try:
        parts = postgast.split(text)
    except UnicodeError as error:
        yield Statement("", 1, error=str(error))
        return
    except postgast.PgQueryError as error:
        line = text.encode()[: max(error.cursorpos - 1, 0)].count(b"\n") + 1
        fault = Statement("\n".join(text.splitlines()[line - 1 : line]).strip(), line, error=error.message)
        parts = _by_scanner(text)
    position = 0
    for part in parts:
        start = text.find(part, position)
        position = start + len(part)
        sql = part.strip()
        line = text.count("\n", 0, start + len(part) - len(part.lstrip())) + 1 + _comment_lines(sql)
        try:
            nodes = parse_statements(sql)
        except CannotTakeApart as error:
            fault = None
            yield Statement(sql, line, error=str(error))
            continue
        for node in nodes:
            kind, content = next(iter(node.items()))
            yield Statement(sql, line, kind, content)
    if fault is not None:  # in a part that the scanner takes for nothing
        yield fault


def _by_scanner(text: str) -> list[str]:
    """The parts between semicolons, for a text of which some is no SQL."""
    import postgast

    try:
        parts: list[str] = postgast.split(text, method="scanner")
    except postgast.PgQueryError:
        return []
    return parts


_LEADING = re.compile(r"(?:\s*(?:--[^\n]*(?:\n|\Z)|/\*.*?\*/))*\s*", re.S)


def _comment_lines(sql: str) -> int:
    """Lines of comments before the first word of a statement."""
    match = _LEADING.match(sql)
    return match[0].count("\n") if match else 0


def _blank(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")


def _is(statement: Statement, *kinds: str) -> bool:
    return statement.kind == "TransactionStmt" and statement.node.get("kind") in kinds


def _in_transactions(told: list[Statement], apart: bool) -> tuple[tuple[Statement, ...], tuple[tuple[str, int], ...]]:
    """The statements with the transaction of each; those that begin and end one are taken out."""
    done: list[Statement] = []
    faults: list[tuple[str, int]] = []
    number, opened = 0, 0
    for one in told:
        if _is(one, "TRANS_STMT_BEGIN", "TRANS_STMT_START"):
            if opened:
                faults.append(("nested", one.line))
            number, opened = number + 1, one.line
        elif _is(one, "TRANS_STMT_COMMIT", "TRANS_STMT_ROLLBACK"):
            if not opened:
                faults.append(("not begun", one.line))
            opened = 0
        elif one.kind == "TransactionStmt":
            continue  # savepoints hold no lock of their own
        else:
            if not opened and apart:
                number += 1
            alone = not opened and apart and runs_alone(one.kind, one.node)
            done.append(Statement(one.sql, one.line, one.kind, one.node, None if alone else number, one.error))
    if opened:
        faults.append(("not closed", opened))
    return tuple(done), tuple(faults)


_ALONE = frozenset(("CreatedbStmt", "DropdbStmt", "AlterSystemStmt", "CreateTableSpaceStmt", "DropTableSpaceStmt"))


def runs_alone(kind: str, node: Node) -> bool:
    """Whether a statement outside any transaction block is run as such: those that must be, and new labels, which can be used at once
    then."""
    return kind == "AlterEnumStmt" or must_run_alone(kind, node)


def must_run_alone(kind: str, node: Node) -> bool:
    """Whether the server refuses the statement inside a transaction block."""
    if kind in _ALONE:
        return True
    if kind in ("IndexStmt", "DropStmt"):
        return bool(node.get("concurrent"))
    if kind == "ReindexStmt":
        whole = node.get("kind") in ("REINDEX_OBJECT_DATABASE", "REINDEX_OBJECT_SYSTEM", "REINDEX_OBJECT_SCHEMA")
        return whole or options(node.get("params")).get("concurrently") in (True, "true", "on", 1)
    if kind == "VacuumStmt":
        return bool(node.get("is_vacuumcmd"))
    if kind == "ClusterStmt":
        return "relation" not in node
    return kind == "AlterTableStmt" and any(
        c.get("def", {}).get("PartitionCmd", {}).get("concurrent") for c in commands(node)
    )
