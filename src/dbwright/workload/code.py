"""The queries of the project's code, weighted by the calls that the server recorded of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from dbwright.model.attribution import Attribution, StatementOrigin
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import Place, SourceQuery
from dbwright.model.workload import StatementProblem, WorkloadRead, WorkloadStatement

UNSEEN = 1.0
"""Calls of a query that the server has not recorded: once, so that it counts for little beside those that it has."""


@dataclass
class _Weight:
    calls: float = 0.0
    milliseconds: float = 0.0
    queries: list[SourceQuery] = field(default_factory=list)


def read_code(snapshot: Snapshot) -> WorkloadRead:
    """Every different query of the source, the most called first. A recorded statement's calls go to the queries of its lines: to those
    with its fingerprint, else to all of them alike, which is an estimate. What the reader could not write as SQL is a problem."""
    weights: defaultdict[str, _Weight] = defaultdict(_Weight)
    problems: dict[StatementProblem, None] = {}
    for query in snapshot.source.queries:
        if query.sql is None:
            problems[StatementProblem(str(query.issued), query.unknown or "its SQL is not known")] = None
        else:
            weights[query.sql].queries.append(query)
    _spread(snapshot.attribution, weights)
    statements = [_statement(sql, weight) for sql, weight in weights.items()]
    statements.sort(key=lambda s: (-s.calls, s.origin, s.sql))
    return WorkloadRead(tuple(statements), tuple(problems))


def _spread(attribution: Attribution, weights: dict[str, _Weight]) -> None:
    by_place: defaultdict[Place, list[str]] = defaultdict(list)
    by_fingerprint: defaultdict[str, list[str]] = defaultdict(list)
    for sql, weight in weights.items():
        for query in weight.queries:
            by_place[query.issued].append(sql)
            if query.query and query.query.fingerprint:
                by_fingerprint[query.query.fingerprint].append(sql)
    for origin in attribution.statements:
        mine = dict.fromkeys(sql for place in origin.issued for sql in by_place.get(place, ()))
        same = dict.fromkeys(by_fingerprint.get(origin.query.fingerprint, ())) if origin.query else {}
        chosen = [sql for sql in mine if sql in same] or list(same) or list(_alike(mine, weights, origin))
        for sql in chosen:
            weights[sql].calls += origin.calls / len(chosen)
            weights[sql].milliseconds += origin.milliseconds / len(chosen)


def _alike(mine: Iterable[str], weights: dict[str, _Weight], origin: StatementOrigin) -> Iterable[str]:
    """Of the queries of its lines those on the same tables."""
    if origin.query is None:
        return mine
    tables = sorted(table.name for table in origin.query.tables)
    return [
        sql
        for sql in mine
        if any(q.query and sorted(t.name for t in q.query.tables) == tables for q in weights[sql].queries)
    ]


def _statement(sql: str, weight: _Weight) -> WorkloadStatement:
    first = weight.queries[0]
    mean = weight.milliseconds / weight.calls if weight.calls else None
    return WorkloadStatement(sql, weight.calls or UNSEEN, mean, str(first.issued), _known(weight.queries))


def _known(queries: list[SourceQuery]) -> dict[int, object]:
    """Values that are written in the source, the same on every line that sends the text."""
    values = [
        {n: p.value for n, p in enumerate(query.parameters, 1) if p.origin == "constant" and p.value is not None}
        for query in queries
    ]
    return {n: value for n, value in values[0].items() if all(other.get(n) == value for other in values)}
