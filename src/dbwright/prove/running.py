"""One statement on one copy, once: timed as the client waits for it, in a transaction that is rolled back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import psycopg
from psycopg import pq, sql

from dbwright.model.query_plan import Plan
from dbwright.plaintext import one_line
from dbwright.source.sql import CannotTakeApart, parse_statements

_RUNNABLE = frozenset(("SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"))
_FLOATS = frozenset((700, 701))
"""float4 and float8: another plan adds them up in another order, which shows in the last digits."""
_DIGITS = ".9g"


class RunFailed(Exception):
    """The server refused the statement; the text says why. ``timed_out``: it was ended at the time limit."""

    def __init__(self, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.timed_out = timed_out


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run gave. ``rows`` are those returned or changed; ``in_order`` and ``as_set`` are hashes of the rows as they came and
    whatever their order."""

    milliseconds: float
    rows: int
    in_order: str = ""
    as_set: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """What EXPLAIN ANALYZE tells: ``shape`` is the plan without figures, ``buffers`` blocks touched, ``wal`` bytes written."""

    shape: tuple[Any, ...]
    indexes: tuple[str, ...]
    buffers: int
    wal: int
    milliseconds: float


class Copy:
    """A connection to one of the two copies."""

    def __init__(self, conninfo: str, limit_seconds: float) -> None:
        self.conninfo = conninfo
        self.limit_seconds = limit_seconds
        self.connection = self._connect()

    def _connect(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(self.conninfo, autocommit=True, prepare_threshold=None)
        for name, value in (("statement_timeout", f"{round(self.limit_seconds * 1000)}"), ("timezone", "UTC")):
            connection.execute(sql.SQL("SELECT set_config({}, {}, false)").format(name, value))
        return connection

    def again(self) -> None:
        """Connect anew, after the server was restarted or settings of the database were changed."""
        self.connection.close()
        self.connection = self._connect()

    def close(self) -> None:
        self.connection.close()

    def command(self, text: str, *, limited: bool = False) -> None:
        """Run a statement of ours, or of the change, outside any transaction and without time limit."""
        if not limited:
            self.connection.execute("SET statement_timeout = 0")
        try:
            self.connection.execute(text.encode())
        finally:
            if not limited and not self.connection.closed:
                self.connection.execute(
                    sql.SQL("SET statement_timeout = {}").format(sql.Literal(round(self.limit_seconds * 1000)))
                )

    def value(self, text: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """The first value that a query of ours gives."""
        row = self.connection.execute(text.encode(), parameters).fetchone()
        return row[0] if row else None

    def run(self, text: str, *, hashed: bool = False) -> Answer:
        """Run it and roll it back. Raises RunFailed."""
        data = text.encode()
        self.connection.execute("BEGIN")
        try:
            began = time.perf_counter()
            cursor = self.connection.execute(data)
            milliseconds = (time.perf_counter() - began) * 1000
            result = cursor.pgresult
            rows = cursor.rowcount
            in_order, as_set = _hashes(result) if hashed and result else ("", "")
            return Answer(milliseconds, max(rows, 0), in_order, as_set)
        except psycopg.Error as error:
            raise _failure(error) from None
        finally:
            if not self.connection.closed:
                self.connection.execute("ROLLBACK")

    def explain(self, text: str) -> Explained:
        """The plan with its blocks, from one run that is rolled back. Raises RunFailed."""
        options = "ANALYZE, BUFFERS, WAL, TIMING OFF, FORMAT JSON"
        self.connection.execute("BEGIN")
        try:
            return _explained(self.connection.execute(f"EXPLAIN ({options}) {text}".encode()))
        except psycopg.Error as error:
            raise _failure(error) from None
        finally:
            if not self.connection.closed:
                self.connection.execute("ROLLBACK")

    def shape(self, text: str) -> tuple[Any, ...]:
        """The plan without running it and without figures. Raises RunFailed."""
        try:
            answer = self.connection.execute(f"EXPLAIN (FORMAT JSON) {text}".encode()).fetchall()[0][0][0]
        except psycopg.Error as error:
            raise _failure(error) from None
        return Plan(answer["Plan"]).shape


def why_not_runnable(text: str) -> str | None:
    """Why a statement is not run at all: only one query or change of rows is."""
    try:
        nodes = parse_statements(text)
    except CannotTakeApart as error:
        return f"is not SQL ({error})"
    if len(nodes) != 1:
        return "is not one statement"
    kind = next(iter(nodes[0]))
    if kind not in _RUNNABLE:
        return f"is a {kind.removesuffix('Stmt').upper()}, which is not run"
    return "makes a table" if "intoClause" in nodes[0][kind] else None


def is_write(text: str) -> bool:
    """Whether it changes rows itself."""
    nodes = parse_statements(text)
    return next(iter(nodes[0])) != "SelectStmt"


def _failure(error: psycopg.Error) -> RunFailed:
    reason = one_line((error.diag.message_primary or str(error)).strip())
    return RunFailed(reason, timed_out=isinstance(error, psycopg.errors.QueryCanceled))


def _hashes(result: pq.abc.PGresult) -> tuple[str, str]:
    """The rows hashed in their order, and as a set in which each counts as often as it is there."""
    ordered, total = blake2b(digest_size=16), 0
    kinds = [result.ftype(n) in _FLOATS for n in range(result.nfields)]
    for row in range(result.ntuples):
        digest = blake2b(digest_size=16)
        for column, is_float in enumerate(kinds):
            value = result.get_value(row, column)
            if value is not None and is_float:
                value = format(float(value), _DIGITS).encode()
            digest.update(b"-" if value is None else len(value).to_bytes(5, "big") + value)
        ordered.update(digest.digest())
        total += int.from_bytes(digest.digest(), "big")
    return ordered.hexdigest(), f"{result.ntuples}:{total % 2**128:x}"


def _explained(cursor: psycopg.Cursor[Any]) -> Explained:
    answer = cursor.fetchall()[0][0][0]
    root = answer["Plan"]
    plan = Plan(root)
    blocks = root.get("Shared Hit Blocks", 0) + root.get("Shared Read Blocks", 0)
    return Explained(
        plan.shape, tuple(sorted(plan.indexes)), blocks, root.get("WAL Bytes", 0), float(answer["Execution Time"])
    )
