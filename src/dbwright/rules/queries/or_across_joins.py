"""Conditions on several tables are joined by OR, and DISTINCT removes the rows that the joins repeat.

## Why it matters

No index serves an OR over columns of different tables: every row is joined with all its partners first, then tested, then sorted to drop
the copies.
With two relations to many each row comes once for every pair of partners.
A sub-query for each table (EXISTS, `IN (SELECT …)`), or a UNION of the alternatives, lets every alternative use its own index and repeats
nothing.

## When to ignore

When another condition leaves a few rows before the joins, or the tables stay small.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from dbwright.model.asked import (
    equal_columns,
    holds_key,
    is_aid,
    is_batch,
    locations,
    model_name,
    own_tables,
    rows_of,
    size_of,
    source_table_ref,
    unique_keys,
)
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.query import Predicate, Query
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceQuery, SourceTable
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "performance"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {
    "rows": 5_000,
    # More tables than this and it is a habit of the project: one message.
    "tables": 2,
}
COVERS = ("or-in-where", "distinct-smells")

_MODELS = """\
from django.db import models
from django.db.models import Exists, OuterRef, Q


class Team(models.Model):
    name = models.TextField()


class Project(models.Model):
    title = models.TextField()
    owner = models.ForeignKey("auth.User", models.CASCADE)
    teams = models.ManyToManyField(Team)


class Task(models.Model):
    project = models.ForeignKey(Project, models.CASCADE)
    title = models.TextField()
    worker = models.ForeignKey("auth.User", models.CASCADE)


def view(request):
    q = request.GET["q"]
    return list(Project.objects.{})
"""


def _module(body: str) -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(body)}


_TABLES = """\
from sqlalchemy import ForeignKey, or_, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Project(Base):
    __tablename__ = "project"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    owner_id: Mapped[int]


class Task(Base):
    __tablename__ = "task"
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    worker_id: Mapped[int]


def mine(session: Session, user: int):
    statement = select(Project).{}
    return session.scalars(statement).all()
"""


def _session(body: str) -> dict[str, str]:
    return {"app/__init__.py": "", "app/shop.py": _TABLES.format(body)}


_JOIN = "join(Task, Task.project_id == Project.id, isouter=True)"

BAD = (
    Sample(source=_module("filter(Q(title__icontains=q) | Q(task__title__icontains=q)).distinct()")),
    Sample(source=_module("filter(Q(owner=request.user) | Q(task__worker=request.user)).distinct().order_by('title')")),
    Sample(source=_module("filter(Q(teams=7) | Q(task__worker=request.user)).distinct()")),
    Sample(source=_session(f"{_JOIN}.where(or_(Project.owner_id == user, Task.worker_id == user)).distinct()")),
)
GOOD = (
    # Nothing repeats what it finds, and each alternative has its index.
    Sample(
        source=_module(
            "filter(Q(owner=request.user) | Q(Exists(Task.objects.filter(project=OuterRef('pk'), worker=1))))"
        )
    ),
    Sample(source=_module("filter(Q(owner=request.user) | Q(id__in=Task.objects.values('project'))).distinct()")),
    # Alternatives in one table.
    Sample(source=_module("filter(Q(title__icontains=q) | Q(owner=request.user)).distinct()")),
    Sample(source=_module("filter(Q(task__title=q) | Q(task__worker=request.user)).distinct()")),
    # A key to one row repeats nothing.
    Sample(source=_module("filter(Q(title=q) | Q(owner__username=q)).distinct()")),
    # Both must hold: the second finds among the rows of the first.
    Sample(source=_module("filter(title=q, task__worker=request.user).distinct()")),
    # One row, and rows of one owner.
    Sample(source=_module("filter(Q(title=q) | Q(task__title=q), pk=7).distinct()")),
    Sample(source=_module("filter(Q(title=q) | Q(task__title=q), owner=request.user).distinct()")),
    Sample(source=_module("filter(teams=7).filter(Q(title=q) | Q(task__title=q)).distinct()")),
    Sample(source=_session(f"{_JOIN}.where(Project.owner_id == user, Task.worker_id == user).distinct()")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    own = {table.name: table for table in own_tables(snapshot)}
    groups: defaultdict[str, list[tuple[SourceQuery, tuple[str, ...]]]] = defaultdict(list)
    for query in snapshot.source.queries:
        table = own.get(query.table or "")
        if table is None or query.query is None or is_aid(query.issued) or is_batch(query.issued):
            continue
        rows = rows_of(snapshot, table.name)
        if _is_narrow(snapshot, query) or (rows is not None and rows < limits["rows"]):
            continue
        if columns := _alternatives(query.query, snapshot.source.table_by_name):
            groups[table.name].append((query, columns))
    found = [_finding(snapshot, own[name], members, limits) for name, members in groups.items()]
    yield from told_once(found, "{} tables are searched with OR across joins and DISTINCT", singly=limits["tables"])


def _is_narrow(snapshot: Snapshot, query: SourceQuery) -> bool:
    """A key or a reference, of any of the tables, leaves a few rows before the others are joined."""
    for name in {table.name for table in query.query.tables} if query.query else ():
        table = snapshot.source.table_by_name.get(name)
        if table is not None:
            keys = {column.name for column in table.columns if column.references or column.unique or column.primary_key}
            equal = equal_columns(query, name)
            if equal & keys or holds_key(table, equal):
                return True
    return False


def _alternatives(query: Query, tables: dict[str, SourceTable]) -> tuple[str, ...]:
    """The columns of an OR over several tables, one of them joined to many, in a SELECT that is DISTINCT; else nothing."""
    for select in query.selects():
        if not select.distinct:
            continue
        many = _to_many(query, select.number, tables)
        groups: defaultdict[int, list[Predicate]] = defaultdict(list)
        for predicate in query.predicates:
            if predicate.alternative and predicate.select == select.number and predicate.clause == "where":
                groups[predicate.alternative].append(predicate)
        for members in groups.values():
            aliases: defaultdict[int, set[str]] = defaultdict(set)
            for predicate in members:
                aliases[predicate.branch].add(predicate.column.alias)
            apart = any(not (one & other) for one in aliases.values() for other in aliases.values())
            if apart and many & {alias for found in aliases.values() for alias in found}:
                named = (f"{p.column.table}.{p.column.column}" for p in members if p.column.table)
                return tuple(dict.fromkeys(named))
    return ()


def _to_many(query: Query, select: int, tables: dict[str, SourceTable]) -> frozenset[str]:
    """The tables joined by a column of theirs that several rows may share."""
    order = {table.alias: n for n, table in enumerate(query.tables) if table.select == select}
    found = set()
    for predicate in query.predicates:
        if predicate.clause != "on" or predicate.other is None or predicate.operator != "=":
            continue
        ends = [end for end in (predicate.column, predicate.other) if end.alias in order]
        if len(ends) == 2:
            joined = max(ends, key=lambda end: order[end.alias])
            table = tables.get(joined.table)
            if table is not None and frozenset((joined.column,)) not in unique_keys(table):
                found.add(joined.alias)
    return frozenset(found)


def _finding(
    snapshot: Snapshot, table: SourceTable, members: Sequence[tuple[SourceQuery, tuple[str, ...]]], limits: Limits
) -> Finding:
    first, columns = members[0]
    rows = rows_of(snapshot, table.name)
    places = list(dict.fromkeys(query.issued for query, _ in members))
    return Finding(
        title=f"{model_name(table)} searched with OR across joins and DISTINCT"[:79],
        message=f"{first.issued} looks {table.name} ({size_of(snapshot, table.name)}) up by {listed(columns)}, joined by OR, and drops "
        "with DISTINCT what the joins repeat: all rows are joined before any condition can be tested.",
        objects=(source_table_ref(table),),
        impact=Impact(rows, "rows", limits["rows"], 1e7)
        if rows is not None
        else Impact(len(places), "places", 10, 100, estimated=True),
        evidence={"places": [str(place) for place in places[:20]], "columns": list(columns), "sql": first.sql},
        confidence="medium" if rows is not None else "low",
        next_step=_step(first, columns),
        identity=table.name,
        locations=locations([p for query, _ in members for p in (query.made, query.issued)]),
    )


def _step(query: SourceQuery, columns: Sequence[str]) -> str:
    inner = next((c.partition(".")[0] for c in columns if c.partition(".")[0] != query.table), "the other table")
    if query.framework == "django":
        return (
            f"At {query.made} ask for {inner} by Q(Exists(…filter(…=OuterRef('pk')))) instead of a path through the relation, or "
            "write one queryset for each alternative and put them together with union(); distinct() can then go."
        )
    return (
        f"At {query.made} replace the join to {inner} by its own exists() ({inner} … .any(…) of the relationship) in the or_(), or write "
        "union() of one select for each alternative; distinct() can then go."
    )
