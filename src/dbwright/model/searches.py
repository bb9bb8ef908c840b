"""Who searches a table and for what: the queries of the code and the statements that the server recorded, as an index would meet them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from dbwright.model import demand
from dbwright.model.asked import is_admin_list, is_aid, is_batch, is_declared, runs_once
from dbwright.model.demand import Asked, Use
from dbwright.model.query import Query, with_values
from dbwright.model.repeats import in_job
from dbwright.model.shapes import Shape
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import Place, SourceQuery

Offered = frozenset[tuple[str, str]]
"""Columns (with their tables) that a list offers to filter by and whoever asks for it may leave out."""


@dataclass(frozen=True, slots=True)
class Search:
    """A query with those who send it: a line of the code, or a statement that the server recorded.

    ``once``: it runs when somebody types a command; ``partial``: conditions are added at run time that could not be told; ``admin``: a
    list of Django's admin; ``offered``: columns that the list lets its users filter by; ``job``: nobody waits for it (a task, a command);
    ``writes``: the rows found are changed or deleted.
    """

    query: Query
    sites: tuple[str, ...]
    text: str
    calls: int = 0
    milliseconds: float = 0.0
    once: bool = False
    partial: bool = False
    admin: bool = False
    offered: Offered = frozenset()
    job: bool = False
    writes: bool = False


def searches_by_table(snapshot: Snapshot) -> dict[str, list[Search]]:
    """The queries of code and workload by the tables that they touch."""
    by_table: defaultdict[str, list[Search]] = defaultdict(list)
    for search in (*_of_code(snapshot), *_of_workload(snapshot)):
        for name in {table.name for table in search.query.tables}:
            by_table[name].append(search)
    return dict(by_table)


def asked_of(search: Search, shape: Shape, events: bool = False) -> Iterator[Asked]:
    """What a search asks of a table; ``events``: it keeps what happens. Where sizes are not known, what is worth an index only if it is
    asked often is left out."""
    for use in demand.uses_of(search.query, shape):
        if search.partial and not use.equal:
            continue  # conditions that are made at run time may be the ones that narrow
        if shape.rows is None and _is_seldom(search, use, shape, events):
            continue
        yield Asked(use, search.sites, (search.text,), search.calls, search.milliseconds)


def _is_seldom(search: Search, use: Use, shape: Shape, events: bool) -> bool:
    if search.partial and not any(shape.facts(n).reference or shape.facts(n).identifies for n in use.equal):
        return True  # so may they be beside a name
    if search.job and search.writes:
        return True  # what tidies up at night may read the table
    if search.writes and not use.equal and not events:
        return True  # so may what tidies up in passing, where it keeps the table small
    if search.once and not use.tail:
        return True  # a look-up of a command that somebody types; what polls by time may run all day
    offered = {
        name
        for name in use.equal
        if any(table == shape.name and demand.speaks_of(name, column) for table, column in search.offered)
    }
    if search.admin:
        return bool(offered) or not any(shape.facts(name).stamped for name, _ in use.tail)
    return any(not shape.facts(name).reference and not shape.facts(name).identifies for name in offered)


def _of_code(snapshot: Snapshot) -> Iterator[Search]:
    """Migrations run once, and nobody waits for what fills a database for trials."""
    queries = [
        q
        for q in snapshot.source.queries
        if q.query is not None and "migrations/" not in q.issued.file and not is_aid(q.issued)
    ]
    always = _always_compared(queries)
    for query in queries:
        if query.query is None:
            continue
        values = {n: p.value for n, p in enumerate(query.parameters, 1) if p.origin == "constant"}
        fixed = always.get(_list_of(query))
        yield Search(
            with_values(query.query, values),
            (str(query.made),),
            query.sql or "",
            once=runs_once(query),
            partial=bool(query.partial),
            admin=is_admin_list(query),
            offered=_compared(query) - fixed if fixed is not None else frozenset(),
            job=any(in_job(snapshot, place) for place in (query.issued, *query.calls)) and not _polls(query),
            writes=query.issued_by in ("update", "delete"),
        )


def _polls(query: SourceQuery) -> bool:
    """A command that asks again and again for what is due: it may do so all day."""
    return is_batch(query.issued) and any(loop.table is None and loop.count is None for loop in query.loops)


def _of_workload(snapshot: Snapshot) -> Iterator[Search]:
    texts = {row.query_id: row.query for row in snapshot.workload.statements}
    for origin in snapshot.attribution.statements:
        if origin.query is not None:
            sites = tuple(str(place) for place in origin.made or origin.issued)
            yield Search(origin.query, sites, texts.get(origin.query_id, ""), origin.calls, origin.milliseconds)


# Lists that offer filters


def _list_of(query: SourceQuery) -> tuple[Place, Place, str]:
    return query.made, query.issued, query.issued_by


MANY_VARIANTS = 6
"""Sets of columns that one line compares, from which on it is taken for a form of filters."""


def _always_compared(queries: Iterable[SourceQuery]) -> Mapping[tuple[Place, Place, str], Offered]:
    """For each list that a class declares (a viewset, the admin), and each line of so many variants that it must be a form of filters,
    what all its variants compare."""
    variants: defaultdict[tuple[Place, Place, str], set[Offered]] = defaultdict(set)
    declared = set()
    for query in queries:
        variants[_list_of(query)].add(_compared(query))
        if is_declared(query):
            declared.add(_list_of(query))
    return {
        key: frozenset.intersection(*found)
        for key, found in variants.items()
        if key in declared or len(found) >= MANY_VARIANTS
    }


def _compared(query: SourceQuery) -> Offered:
    predicates = query.query.predicates if query.query else ()
    return frozenset((p.column.table, p.column.column) for p in predicates if p.operator in ("=", "in"))
