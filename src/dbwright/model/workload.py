"""A workload: statements with how often they run, wherever that is known from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dbwright.model.query_plan import Plan


@dataclass(frozen=True, slots=True)
class WorkloadStatement:
    """A statement of a workload: SQL with literals or with ``$1``. ``calls`` is its weight; ``mean_milliseconds`` and ``mean_rows`` (of a
    call: returned, or changed) are None when nobody measured them. ``origin`` tells people where it is from (``shop/views.py:31``,
    ``q07.sql``, a query id). ``parameters`` are values that its placeholders are known to take, by number from 1. ``executed`` is the plan
    of one call, with the rows that its nodes gave (``Actual Rows``), where auto_explain logged it. ``hours``: in which the calls came.
    """

    sql: str
    calls: float = 1.0
    mean_milliseconds: float | None = None
    origin: str = ""
    parameters: Mapping[int, Any] = field(default_factory=dict)
    mean_rows: float | None = None
    executed: Plan | None = None
    hours: float | None = None


@dataclass(frozen=True, slots=True)
class StatementProblem:
    """A statement, or a source of statements, that could not be used. ``statement`` is its number in the workload, None when it did not
    get that far."""

    origin: str
    reason: str
    statement: int | None = None


@dataclass(frozen=True)
class WorkloadRead:
    """What a source of statements gave."""

    statements: tuple[WorkloadStatement, ...] = ()
    problems: tuple[StatementProblem, ...] = ()
