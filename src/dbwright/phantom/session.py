"""One planning session: a connection to a phantom with production's settings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import postgast
import psycopg
from psycopg import sql

from dbwright.errors import DbwrightError
from dbwright.model.query_plan import Plan
from dbwright.phantom.clock import as_of
from dbwright.phantom.whatif import WhatIf, WhatIfIndex, reason_of

_PARAMETER = re.compile(r"\$(\d+)")
_TYPED_LITERAL = re.compile(r"\b(interval|date|timestamp|timestamptz|time)\s+(\$\d+)", re.I)
_SEMICOLON = 59
"""The scanner's number for ``;``."""
_COSTS = (
    "seq_page_cost",
    "random_page_cost",
    "cpu_tuple_cost",
    "cpu_index_tuple_cost",
    "cpu_operator_cost",
    "parallel_setup_cost",
    "parallel_tuple_cost",
)
_MULTIPLY = "SELECT set_config(name, (current_setting(name)::float8 * %s)::text, true) FROM unnest(%s::text[]) AS name"
_FINER = 1000.0
_MORE = 0.01
"""By which an entry is made dearer: little enough to leave the plan as it is."""
PLAN_SECONDS = 10.0
"""No statement is planned for longer."""


class PlanFailed(DbwrightError):
    """The statement cannot be planned on what the snapshot tells."""


@lru_cache(maxsize=4096)
def _is_one(statement: str) -> bool:
    """Whether nothing stands behind a semicolon. It would be carried out rather than planned, by a superuser, and texts come from logs."""
    if ";" not in statement:
        return True
    try:
        return all(token.token != _SEMICOLON for token in postgast.scan(statement).tokens)
    except (postgast.PgQueryError, UnicodeError):
        return False


class Session:
    """Plans statements. Not for several threads at once; a phantom gives as many sessions as are wanted."""

    def __init__(self, connection: psycopg.Connection[Any], major: int, data: Path) -> None:
        """For `Phantom.session` only."""
        self.connection = connection
        self.major = major
        self._data = data

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self.connection.close()

    def plan(self, statement: str) -> Plan:
        """The plan that production would choose. Parameters (``$1``) are planned for values that are not known.

        Raises PlanFailed with the server's reason.
        """
        statement = as_of(statement.strip().rstrip(";"))
        if not _is_one(statement):
            raise PlanFailed("It cannot be planned: it is not one statement.", "Give the statements one by one.")
        numbers = sorted({int(number) for number in _PARAMETER.findall(statement)})
        try:
            if not numbers:
                return self._explain(f"EXPLAIN (FORMAT JSON) {statement}")
            statement = _TYPED_LITERAL.sub(r"\2::\1", statement)
            if self.major >= 16:
                return self._explain(f"EXPLAIN (FORMAT JSON, GENERIC_PLAN) {statement}")
            # PREPARE takes no gap, such as a parameter leaves whose value was written out.
            place = {number: position for position, number in enumerate(numbers, 1)}
            statement = _PARAMETER.sub(lambda found: f"${place[int(found[1])]}", statement)
            return self._explain_prepared(statement, len(numbers))
        except psycopg.Error as error:
            raise PlanFailed(
                f"It cannot be planned: {reason_of(error)}.",
                "Check the statement against the schema in the snapshot.",
            ) from None

    def entries(self, statement: str, plan: Plan) -> dict[int, float]:
        """How many entries of its index each node of the plan reads in a run, by the node's number among `Plan.nodes`: EXPLAIN tells only
        the rows that are left of them. It is what the node costs more when an entry does; empty when that changes the plan.

        Raises PlanFailed.
        """
        with self.connection.transaction(force_rollback=True):
            # All costs alike, so that the plan stays and more digits of small differences are told.
            self.connection.execute(_MULTIPLY, (_FINER, list(_COSTS)))
            before = self.plan(statement)
            self.connection.execute(_MULTIPLY, (1 + _MORE, ["cpu_index_tuple_cost"]))
            after = self.plan(statement)
            row = self.connection.execute("SELECT current_setting('cpu_index_tuple_cost')::float8").fetchone()
        if not (row and row[0] and before.shape == after.shape == plan.shape):
            return {}
        more = row[0] * _MORE / (1 + _MORE)
        pairs = zip(before.nodes(), after.nodes(), strict=True)
        return {
            number: (float(dear["Total Cost"]) - float(node["Total Cost"])) / more
            for number, (node, dear) in enumerate(pairs)
            if node["Node Type"] in ("Index Scan", "Index Only Scan", "Bitmap Index Scan")
        }

    def what_if(self, indexes: Sequence[WhatIfIndex]) -> WhatIf:
        """Suppose indexes for the length of a block. One block at a time."""
        return WhatIf(self, self._data, indexes)

    def _explain(self, text: str) -> Plan:
        # As one simple query without parameters: what looks like a placeholder of the driver's is left alone.
        row = self.connection.execute(text.encode()).fetchone()
        answer: list[Mapping[str, Any]] = row[0] if row else []
        return Plan(answer[0]["Plan"])

    def _explain_prepared(self, statement: str, count: int) -> Plan:
        """Before PostgreSQL 16: as a prepared statement whose plan must not depend on its values."""
        values = ", ".join(["NULL"] * count)
        try:
            with self.connection.transaction(force_rollback=True):
                self.connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
                self.connection.execute(f"PREPARE dbwright_statement AS {statement}".encode())
                return self._explain(f"EXPLAIN (FORMAT JSON) EXECUTE dbwright_statement({values})")
        finally:
            self.connection.execute("DEALLOCATE ALL")

    def configure(self, settings: Mapping[str, str]) -> list[str]:
        """Set parameters; answers the names of those that this server does not take."""
        refused = []
        for name, value in settings.items():
            try:
                self.connection.execute(
                    sql.SQL("SELECT set_config({}, {}, false)").format(sql.Literal(name), sql.Literal(value))
                )
            except psycopg.Error:
                refused.append(name)
        return refused
