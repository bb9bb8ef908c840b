"""From a folder to a ``Source``."""

from __future__ import annotations

import ast
import gc
import os
import sys
import threading
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from dbwright.model.migrations import Migrations
from dbwright.model.query import Query
from dbwright.model.source import Framework as FrameworkName
from dbwright.model.source import Place, QueryLoop, Source, SourceProblem, SourceQuery, SourceTable
from dbwright.source import events, facts, forked, kept
from dbwright.source.files import find_environment
from dbwright.source.interpreter import Framework, Interpreter
from dbwright.source.issued import IssuedQuery
from dbwright.source.migrations import read_migrations
from dbwright.source.modules import Codebase, Module, Problem
from dbwright.source.optional import spans, unmarked
from dbwright.source.placeholders import numbered
from dbwright.source.sql import CannotTakeApart, take_apart
from dbwright.source.tokens import repeatable
from dbwright.source.walk import Walker

Result = TypeVar("Result")
DEEPEST_NESTING = 8_000
_SPELLED = {"django": "Django", "sqlalchemy": "SQLAlchemy"}
STACK_BYTES = 512 * 2**20
"""Address space, not memory: only what is used of it is taken."""


class Reading:
    """A project being read. Kept by those who want more of it than the Source (migrations, benchmarks)."""

    def __init__(self, root: Path, environment: Path | None = None, strict: bool = False) -> None:
        self.codebase = Codebase(root.resolve(), environment or find_environment(root))
        with without_collector():
            self.names = frameworks_used(self.codebase)
        self.interpreter = Interpreter(self.codebase, self._frameworks)
        self.strict = strict
        self.faults: list[Problem] = []

    def _frameworks(self, interpreter: Interpreter) -> Sequence[Framework]:
        found: list[Framework] = []
        if "django" in self.names:
            from dbwright.source.django.framework import Django

            found.append(Django(interpreter))
        if "sqlalchemy" in self.names:
            from dbwright.source.sqlalchemy.framework import SQLAlchemy

            found.append(SQLAlchemy(interpreter))
        return found

    def source(self, queries: bool = True) -> Source:
        """Everything that the source tells."""
        return on_deep_stack(lambda: self._source(queries))

    def _source(self, queries: bool) -> Source:
        tables = tuple(self.tables())
        if self.names and not any(table.owned for table in tables):
            used = " and ".join(_SPELLED[name] for name in sorted(self.names))
            self.faults.append(
                Problem("", 0, f"the project imports {used}, but no class of it was recognised as a model")
            )
        parts = self._parts(tables, queries)
        found = tuple(unlike(query for part in parts for query in part.queries))
        modules = [module for module in self.codebase.modules if module.role != "tests"]
        return Source(
            tables=tables,
            queries=found,
            problems=tuple(dict.fromkeys(problem for part in (self._told(), *parts) for problem in part.problems)),
            facts=tuple(fact for part in parts for fact in part.facts),
            files=len(modules),
            lines=sum(map(lines_of, modules)),
            migrations=next((part.migrations for part in parts if part.migrations != Migrations()), Migrations()),
            sites=len({query.issued for query in found}),
            sites_with_table=len({query.issued for query in found if query.table}),
            sites_with_sql=len({query.issued for query in found if query.sql}),
        )

    def _parts(self, tables: tuple[SourceTable, ...], queries: bool) -> list[Source]:
        """What is told once the models are known. A large project is read by several processes, and is shared out among them in the same
        way on every machine: what a function is walked with depends on who called it before."""
        groups = shared_out(self.code()) if queries and self.names else []
        tasks: list[tuple[str, Callable[[], Source]]] = [
            (f"{group[0].file} to {group[-1].file}", partial(self._walked, group, tables)) for group in groups
        ]
        tasks.append(("facts", lambda: Source(facts=tuple(facts.read(self.codebase)) if self.names else ())))
        tasks.append(("migrations", lambda: Source(migrations=self.migrations(tables))))
        if len(groups) < 2 or not forked.CAN_FORK:
            return [self._with_problems(work) for _, work in tasks]
        encoded = [partial(self._encoded, work) for _, work in tasks]
        ended = forked.results(encoded, usable_processors())
        return [
            kept.decode(one) if isinstance(one, bytes) else Source(problems=(SourceProblem("", 0, f"{name}: {one}"),))
            for (name, _), one in zip(tasks, ended, strict=True)
        ]

    def _encoded(self, work: Callable[[], Source]) -> bytes:
        return kept.encode(self._with_problems(work))

    def code(self) -> list[Module]:
        """The files whose functions are walked."""
        return [module for module in self.codebase.modules if module.role == "code"]

    def _walked(self, modules: Sequence[Module], tables: tuple[SourceTable, ...]) -> Source:
        walker = Walker(self.interpreter, self.strict)
        schema = {table.name: [column.name for column in table.columns] for table in tables}
        found = tuple(unlike(self.queries(walker, modules, schema)))
        return Source(queries=found, problems=as_problems(walker.problems))

    def _with_problems(self, work: Callable[[], Source]) -> Source:
        """What some work tells, with all that could not be read until then."""
        done = work()
        return replace(done, problems=(*done.problems, *self._told().problems))

    def _told(self) -> Source:
        problems = [*self.faults, *self.codebase.problems]
        for framework in self.interpreter.frameworks:
            problems += getattr(framework, "problems", [])
        return Source(problems=as_problems(problems))

    def migrations(self, tables: Sequence[SourceTable]) -> Migrations:
        """The migrations with their graph and their drift from the tables of the models."""
        try:
            return read_migrations(self.interpreter, tables)
        except Exception as error:  # as below
            if self.strict:
                raise
            self.faults.append(
                Problem("", 0, f"migrations: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
            )
            return Migrations()

    def tables(self) -> Iterator[SourceTable]:
        """The tables of all frameworks."""
        for framework in self.interpreter.frameworks:
            try:
                framework.build()
                yield from framework.tables()
            except (
                Exception
            ) as error:  # what one project does to its models must not cost the user all other answers; it is said
                if self.strict:
                    raise
                name = type(framework).__name__
                self.faults.append(
                    Problem("", 0, f"{name} models: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
                )

    def queries(self, walker: Walker, modules: Sequence[Module], schema: dict[str, list[str]]) -> Iterator[SourceQuery]:
        """The queries of these files, as often as they are reached."""
        parsed: dict[str, Query | str] = {}
        names = FunctionNames(self.codebase)
        for reached in walker.happenings(modules):
            if isinstance(reached.what, IssuedQuery):
                yield as_query(reached, parsed, schema, names)


def unlike(queries: Iterable[SourceQuery]) -> Iterator[SourceQuery]:
    """Each query once for each line that issues it, each line that builds it and each loop around it, with all files that lead to it."""
    found: dict[object, SourceQuery] = {}
    entries: defaultdict[object, dict[str, None]] = defaultdict(dict)
    for query in queries:
        mark = (query.issued, query.made, query.sql or query.unknown, query.loops, query.relation)
        found.setdefault(mark, query)
        entries[mark].update(dict.fromkeys(query.entries))
    for known, query in found.items():
        files = tuple(entries[known])
        yield query if query.entries == files else replace(query, entries=files)


def as_problems(problems: Iterable[Problem]) -> tuple[SourceProblem, ...]:
    """What could not be read, as the model keeps it."""
    return tuple(SourceProblem(p.file, p.line, repeatable(p.reason)) for p in problems)


LINES_OF_A_GROUP = 15_000
"""Lines that one process walks before a second one pays: making a copy and giving back what was found takes a tenth of a second, what
both walk of the same functions a third of the time."""
MOST_GROUPS = 8


def shared_out(modules: Sequence[Module]) -> list[list[Module]]:
    """The files in groups of about the same size, neighbours together."""
    lines = [lines_of(module) for module in modules]
    number = max(1, min(MOST_GROUPS, sum(lines) // LINES_OF_A_GROUP))
    groups: list[list[Module]] = [[] for _ in range(number)]
    before = 0
    for module, count in zip(modules, lines, strict=True):
        groups[min(number - 1, before * number // max(1, sum(lines)))].append(module)
        before += count
    return [group for group in groups if group]


def usable_processors() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def frameworks_used(codebase: Codebase) -> frozenset[FrameworkName]:
    """The frameworks that some module of the project imports."""
    found: set[FrameworkName] = set()
    for module in codebase.modules:
        for bindings in module.scope.bindings.values():
            for binding in bindings:
                name = getattr(binding, "module", None)
                if isinstance(name, str):
                    root = name.partition(".")[0]
                    if root == "django":
                        found.add("django")
                    elif root in ("sqlalchemy", "sqlmodel", "flask_sqlalchemy", "alembic"):
                        found.add("sqlalchemy")
    return frozenset(found)


class FunctionNames:
    """Places of the walk, which know a function by its bare name, with the classes and functions around it."""

    def __init__(self, codebase: Codebase) -> None:
        self.codebase = codebase
        self._paths = {file.name: path for path, file in codebase.files.items()}
        self._names: dict[str, dict[int, str]] = {}
        self._places: dict[events.Place, Place] = {}

    def place(self, place: events.Place) -> Place:
        """The same for the same line: hundreds of thousands are asked for."""
        found = self._places.get(place)
        if found is None:
            found = self._places[place] = self._named(place)
        return found

    def _named(self, place: events.Place) -> Place:
        if place.file not in self._names:
            path = self._paths.get(place.file)
            module = self.codebase.module_at(path) if path is not None else None
            self._names[place.file] = dict(_functions(module.tree.body)) if module is not None else {}
        return Place(place.file, place.line, self._names[place.file].get(place.line, place.function))


def _functions(body: Sequence[ast.stmt], outer: str = "") -> Iterator[tuple[int, str]]:
    """Each line of each function with the function's name; of inner ones last."""
    for statement in body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{outer}.{statement.name}" if outer else statement.name
            first = min([statement.lineno, *(decorator.lineno for decorator in statement.decorator_list)])
            yield from ((line, name) for line in range(first, (statement.end_lineno or first) + 1))
            yield from _functions(statement.body, name)
        else:
            for block in ("body", "orelse", "finalbody"):
                yield from _functions(getattr(statement, block, None) or (), outer)


def as_query(
    reached: events.Reached, parsed: dict[str, Query | str], schema: dict[str, list[str]], names: FunctionNames
) -> SourceQuery:
    """A happening as the model keeps it."""
    what: IssuedQuery = reached.what
    query: Query | None = None
    unknown = what.unknown
    if what.sql is not None:
        if what.sql not in parsed:
            try:
                parsed[what.sql] = take_apart(unmarked(what.sql), schema)
            except CannotTakeApart as error:
                parsed[what.sql] = str(error)
        outcome = parsed[what.sql]
        if isinstance(outcome, str):
            unknown = outcome
        else:
            query = outcome
    issued = names.place(reached.place)
    text = numbered(what.sql)[0] if what.sql is not None else None
    return SourceQuery(
        framework=what.framework,
        issued_by=what.issued_by,
        made=names.place(what.made) if what.made is not None else issued,
        issued=issued,
        symbol=what.symbol,
        table=what.table,
        sql=unmarked(text) if text is not None else None,
        optional=spans(text) if text is not None else (),
        query=query,
        parameters=what.parameters,
        unknown=repeatable(unknown) if unknown is not None else None,
        partial=repeatable(what.partial) if what.partial is not None else None,
        relation=what.relation,
        owner=names.place(what.owner) if what.owner is not None else None,
        owner_table=getattr(what.owner, "table", None),
        whole=what.whole,
        guards=reached.guards,
        conditions=reached.conditions,
        loops=tuple(_loops(reached, names)),
        calls=tuple(map(names.place, reached.calls)),
        entries=(reached.calls[0].file if reached.calls else reached.place.file,),
        in_async=what.in_async,
        in_transaction=what.in_transaction,
        request_text=what.request_text,
        consumer=what.consumer,
    )


def _loops(reached: events.Reached, names: FunctionNames) -> Iterator[QueryLoop]:
    """The loops around a happening. Of one that walks over the rows of one query or another the query is told that the happening, or a
    loop inside, takes its row from; where nothing is taken, the first."""
    wanted = {reached.what.owner} - {None}
    chosen = []
    for loop in reversed(reached.loops):
        several = loop.rows if isinstance(loop.rows, tuple) else (loop.rows,)
        rows = next((one for one in several if getattr(one, "origin", None) in wanted), several[0])
        if (owner := getattr(rows, "owner", None)) is not None:
            wanted.add(owner)
        chosen.append((loop, rows))
    for loop, rows in reversed(chosen):
        yield _loop(loop, rows, reached.place, names)


def _loop(loop: events.Loop, rows: Any, at: events.Place, names: FunctionNames) -> QueryLoop:
    made = getattr(rows, "made", None)
    owner = getattr(rows, "owner", None)
    return QueryLoop(
        place=names.place(loop.place or at),
        table=getattr(rows, "table", None),
        rows_made=names.place(made) if made is not None else None,
        count=loop.count,
        rows_built=tuple(map(names.place, getattr(rows, "built", ()))),
        relation=getattr(rows, "relation", None) if owner is not None else None,
        owner=names.place(owner) if owner is not None else None,
        owner_table=getattr(owner, "table", None),
        of_choices=getattr(rows, "consumer", "") == "choices",
        asked=names.place(asked) if (asked := getattr(rows, "asked", None)) is not None else None,
        made_by_framework=isinstance(made, events.Asked),
        by_graphql=getattr(rows, "consumer", "") == "graphql",
        by_framework=loop.by_framework,
        of_unknown_row=owner is None and getattr(rows, "relation", None) is not None,
    )


def lines_of(module: Module) -> int:
    """The lines of a file up to its last statement."""
    return (module.tree.body[-1].end_lineno or 0) if module.tree.body else 0


@contextmanager
def without_collector() -> Iterator[None]:
    """Trees and walks make millions of objects that stay: the collector of cycles would look at them over and over and find nothing."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def on_deep_stack(function: Callable[[], Result]) -> Result:
    """The result of a function that calls itself deeply: run on a thread with a large stack."""
    outcome: list[Result | BaseException] = []

    def run() -> None:
        try:
            with warnings.catch_warnings(
                action="ignore"
            ):  # what frameworks say of the project's models is no message of ours
                outcome.append(function())
        except BaseException as error:
            outcome.append(error)

    limit, stack = sys.getrecursionlimit(), threading.stack_size(STACK_BYTES)
    sys.setrecursionlimit(max(limit, DEEPEST_NESTING))
    try:
        with without_collector():
            thread = threading.Thread(target=run, name="dbwright-source")
            thread.start()
            thread.join()
    finally:
        threading.stack_size(stack)
        sys.setrecursionlimit(limit)
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]
