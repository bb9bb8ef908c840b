"""Alembic's revisions read from their files: the graph from what stands in them, the schema from walking each ``upgrade``.

Where a script asks the database what is there (``inspect``, a helper of the project's own), the schema made so far answers; where it
branches on what nobody can tell, both ways are walked: what exists is not made twice, and what does not exist is not missed when dropped.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import sqlalchemy
from sqlalchemy.sql.elements import conv
from sqlalchemy.util import md5_hex

from dbwright.model.migrations import GraphProblem, MigrationFile, MigrationOperation, Risk
from dbwright.model.source import Place, SourceConstraint, SourceReference, SourceTable
from dbwright.source import ddl
from dbwright.source.interpreter import MOST_STEPS, Framework, OutOfSteps
from dbwright.source.migration_files import alembic_merge, cycle_in, date_of, is_explained, strings_after, text_of
from dbwright.source.modules import Import, Module
from dbwright.source.schema_edits import SchemaEdits, server_name
from dbwright.source.sqlalchemy.real import arguments_of
from dbwright.source.sqlalchemy.tables import Tables
from dbwright.source.tokens import has_token
from dbwright.source.values import (
    Arguments,
    FormattedText,
    Function,
    Items,
    Known,
    Mapping,
    Native,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from dbwright.source.interpreter import Frame, Interpreter
    from dbwright.source.sqlalchemy.framework import SQLAlchemy

LONGEST_NAME = 63
STEPS_OF_A_SCRIPT = 6_000
"""What moves data from table to table is longer; what it does to the schema stands at its beginning or is said to be cut."""
STEPS_OF_A_LINE = 60
"""More for each line of ``upgrade``: a first script may make a hundred tables."""
RISKS: dict[str, Risk] = {
    "create_table": "none",
    "drop_table": "data loss",
    "rename_table": "breaks running code",
    "add_column": "brief lock",
    "drop_column": "data loss",
    "alter_column": "brief lock",
    "create_index": "long lock",
    "drop_index": "brief lock",
    "create_unique_constraint": "long lock",
    "create_foreign_key": "long lock",
    "create_check_constraint": "long lock",
    "create_primary_key": "long lock",
    "create_exclude_constraint": "long lock",
    "drop_constraint": "brief lock",
    "execute": "runs code",
    "bulk_insert": "runs code",
    "create_table_comment": "none",
    "drop_table_comment": "none",
}


@dataclass
class Revision:
    """One script. ``operations`` are those that walking its ``upgrade`` met; without a ``module`` it is no Python of today."""

    file: str
    module: Module | None
    line: int
    revision: str
    parents: tuple[str, ...]
    depends_on: tuple[str, ...]
    group: str
    date: str | None = None
    explained: bool = False
    labelled: bool = False
    operations: list[MigrationOperation] = field(default_factory=list)

    @property
    def place(self) -> Place:
        return Place(self.file, self.line)

    def function(self, name: str) -> ast.FunctionDef | None:
        body = self.module.tree.body if self.module is not None else ()
        return next((n for n in body if isinstance(n, ast.FunctionDef) and n.name == name), None)


_OF_OTHERS = re.compile(r"(sqlite|mysql|mariadb|oracle|mssql)(_|$)")
"""Folders of histories for other databases."""


_BESIDE_OP = re.compile(
    r"(?P<by>\w+)\.execute\(\s*(?:\w+\.)?(?:text\(\s*)?[fr]?[\"']+\s*(?:ALTER|CREATE|DROP)\s+TABLE\s+"
    r"(?:IF\s+(?:NOT\s+)?EXISTS\s+)?(?:ONLY\s+)?(?:\w+\.)?[\"`]?(?P<table>\w+)",
    re.IGNORECASE,
)
"""SQL that a script sends through a session or a connection of its own: what it makes of the table is not followed."""


def _are_tied(some: Sequence[Revision], others: Sequence[Revision]) -> bool:
    """Whether a revision of one folder follows one that only the other has: both are one history."""
    ids = {one.revision for one in some}, {one.revision for one in others}
    return any(
        (ids[0] ^ ids[1]) & theirs & {parent for one in second for parent in one.parents}
        for theirs, second in ((ids[0], others), (ids[1], some))
    )


class Alembic:
    """The part of a framework that gives Alembic's names their meaning. Present while scripts are replayed."""

    def __init__(self, framework: SQLAlchemy) -> None:
        self.framework = framework
        self.interpreter: Interpreter = framework.interpreter
        self.revisions: list[Revision] = []
        self.problems: list[GraphProblem] = []
        self.incomplete: set[str] = set()
        self.group_of: dict[tuple[str | None, str], str] = {}
        """The history that makes a table; known after the replay."""
        self.passed_over: set[str] = set()
        """Histories for other databases beside one for PostgreSQL, and what another history keeps in a folder of its own."""
        self.unmade: set[tuple[str | None, str]] = set()
        """Tables that scripts change and none makes."""
        self.unsure: set[tuple[str | None, str]] = set()
        """Tables of which something could not be replayed, under the name that they had then."""
        self.tables: dict[tuple[str | None, str], SourceTable] = {}
        self.reader = Tables(framework)
        self.current: Revision | None = None
        self._find()

    # The files -------------------------------------------------------------------------------------------------------------

    def _find(self) -> None:
        codebase = self.interpreter.codebase
        for path, file in codebase.files.items():
            if file.role == "tests":
                continue
            module = codebase.module_at(path)
            revision = self._unparsed(path, file.name) if module is None else self._revision(module)
            if revision is not None:
                self.revisions.append(revision)
        self._join_groups()

    def _revision(self, module: Module) -> Revision | None:
        bindings = module.scope.bindings
        if "revision" not in bindings or "down_revision" not in bindings:
            return None
        name = self.interpreter.global_name(module, "revision")
        if not (isinstance(name, Known) and isinstance(name.value, str)):
            return None
        line = next((getattr(b, "lineno", 1) for b in bindings["revision"]), 1)
        text = text_of(module.path)
        return Revision(
            module.file,
            module,
            line,
            name.value,
            self._names(module, "down_revision"),
            self._names(module, "depends_on"),
            module.file.rpartition("/")[0],
            date_of(text, module.path.stem),
            is_explained(text),
            bool(self._names(module, "branch_labels")),
        )

    def _unparsed(self, path: Path, file: str) -> Revision | None:
        """A script that is no Python of today still has its place in the graph; what it does is not known."""
        text = text_of(path)
        name = strings_after(text, "revision")
        parents = strings_after(text, "down_revision")
        if not name or parents is None:
            return None
        group = file.rpartition("/")[0]
        self.incomplete.add(group)
        depends_on, labels = strings_after(text, "depends_on") or (), strings_after(text, "branch_labels")
        return Revision(
            file, None, 1, name[0], parents, depends_on, group, date_of(text, path.stem), labelled=bool(labels)
        )

    def _names(self, module: Module, name: str) -> tuple[str, ...]:
        value = self.interpreter.global_name(module, name)
        values = value.items if isinstance(value, Items) else [value] if value is not None else []
        return tuple(v.value for v in values if isinstance(v, Known) and isinstance(v.value, str) and v.value)

    def _join_groups(self) -> None:
        """Folders whose scripts follow each other are one history."""
        folders = {revision.group for revision in self.revisions}
        where: defaultdict[str, set[str]] = defaultdict(set)
        for revision in self.revisions:
            where[revision.revision].add(revision.group)
        stands_for = {folder: folder for folder in folders}

        def root(folder: str) -> str:
            while stands_for[folder] != folder:
                folder = stands_for[folder]
            return folder

        for revision in self.revisions:
            for parent in revision.parents:
                if where[parent] and revision.group not in where[parent]:
                    one, other = sorted((root(revision.group), root(min(where[parent]))))
                    stands_for[other] = one
        for revision in self.revisions:
            revision.group = root(revision.group)

    # The graph -------------------------------------------------------------------------------------------------------------

    def check_graph(self) -> list[GraphProblem]:
        """Revisions with one id, parents that do not exist, several heads, several beginnings and circles."""
        found: list[GraphProblem] = []
        for group, revisions in self._groups().items():
            by_id: defaultdict[str, list[Revision]] = defaultdict(list)
            for revision in revisions:
                by_id[revision.revision].append(revision)
            for name, same in by_id.items():
                if len(same) > 1:
                    files = ", ".join(r.file.rpartition("/")[2] for r in same)
                    message = f"revision {name} stands in {len(same)} files: {files}; Alembic takes one and passes over the other"
                    places = tuple(r.place for r in same)
                    found.append(GraphProblem("duplicate", "alembic", group, (name,), message, same[-1].place, places))
            for revision in revisions:
                for parent in (*revision.parents, *revision.depends_on):
                    if parent not in by_id and "@" not in parent and not _is_prefix(parent, by_id):
                        message = (
                            f"revision {revision.revision} follows {parent}, which does not exist; no upgrade runs"
                        )
                        names = (revision.revision, parent)
                        found.append(GraphProblem("missing parent", "alembic", group, names, message, revision.place))
            found += self._ends(group, revisions, by_id)
        return found

    def _ends(self, group: str, revisions: list[Revision], by_id: dict[str, list[Revision]]) -> Iterator[GraphProblem]:
        followed = {parent for revision in revisions for parent in (*revision.parents, *revision.depends_on)}
        heads = sorted(name for name in by_id if name not in followed)
        if len(heads) > 1 and not any(revision.labelled for revision in revisions):
            message = f"{len(heads)} heads: {', '.join(heads)}; `alembic upgrade head` refuses to choose"
            places = tuple(by_id[head][0].place for head in heads)
            name, text = alembic_merge(heads)
            change = f"# {group}/{name}_merge.py\n{text}"
            yield GraphProblem("heads", "alembic", group, tuple(heads), message, places[-1], places, change)
        circle = cycle_in(
            {name: [p for r in same for p in (*r.parents, *r.depends_on)] for name, same in by_id.items()}
        )
        if circle:
            message = f"revisions follow each other in a circle: {' → '.join([*circle, circle[0]])}"
            places = tuple(by_id[name][0].place for name in circle)
            yield GraphProblem("cycle", "alembic", group, tuple(circle), message, places[0], places)

    def _groups(self) -> dict[str, list[Revision]]:
        groups: defaultdict[str, list[Revision]] = defaultdict(list)
        for revision in self.revisions:
            groups[revision.group].append(revision)
        return dict(groups)

    def ordered(self, revisions: list[Revision]) -> list[Revision]:
        """Parents before children; of several with one id the first."""
        by_id: dict[str, Revision] = {}
        for revision in revisions:
            by_id.setdefault(revision.revision, revision)
        found: dict[str, Revision] = {}
        for start in sorted(by_id):
            stack = [(start, False)]
            begun: set[str] = set()
            while stack:
                name, is_done = stack.pop()
                if name in found:
                    continue
                if is_done:
                    found[name] = by_id[name]
                elif name not in begun:
                    begun.add(name)
                    stack.append((name, True))
                    parents = (*by_id[name].parents, *by_id[name].depends_on)
                    stack += [(parent, False) for parent in sorted(parents) if parent in by_id]
        return list(found.values())

    # Replaying -------------------------------------------------------------------------------------------------------------

    def replay(self) -> Iterator[SourceTable]:
        """The schema after every history that the models do not exclude (PostgreSQL's of several dialects)."""
        groups = self._groups()
        others = {group for group in groups if any(map(_OF_OTHERS.match, group.split("/")))}
        others |= {
            group
            for group in groups
            if any(group.startswith(f"{around}/") and not _are_tied(groups[group], groups[around]) for around in groups)
        }
        self.passed_over = others if others != groups.keys() else set()
        chosen = {group: revisions for group, revisions in groups.items() if group not in self.passed_over}
        self.interpreter.frameworks = [cast(Framework, AlembicNames(self)), *self.interpreter.frameworks]
        self.interpreter._libraries.clear()
        self.interpreter.walks_again = frozenset(
            module.name for module in self.interpreter.codebase.modules if _imports_alembic(module)
        )
        try:
            for group, revisions in chosen.items():
                self.tables = {}
                for revision in self.ordered(revisions):
                    self._walk(revision)
                self.group_of |= dict.fromkeys(self.tables, group)
                yield from self.tables.values()
                self.current = None
        finally:
            self.interpreter.walks_again = frozenset()
            self.interpreter.frameworks = self.interpreter.frameworks[1:]
            self.interpreter._libraries.clear()

    def _walk(self, revision: Revision) -> None:
        self.current = revision
        node = revision.function("upgrade")
        if node is None or revision.module is None:
            return
        for match in _BESIDE_OP.finditer(text_of(revision.module.path)):
            if match["by"] != "op":
                self.unsure.add((None, match["table"]))
        # What a helper answered for an earlier state of the schema must not be taken for the present one.
        self.interpreter._summaries.clear()
        self.interpreter._contexts.clear()
        lines = (node.end_lineno or node.lineno) - node.lineno
        self.interpreter.steps = max(MOST_STEPS - STEPS_OF_A_SCRIPT - STEPS_OF_A_LINE * lines, 0)
        at = self.interpreter.frame(revision.module)
        try:
            self.interpreter.call_function(Function(node, revision.module), None, Arguments(), at)
        except OutOfSteps:
            self.note(node.lineno, "the script is too long to be followed")
        except Exception as error:  # what one script does must not cost all others; it is said
            self.note(node.lineno, f"the script cannot be replayed: {type(error).__name__}: {error}")

    def issued(self, name: str, positional: list[Any], named: dict[str, Any], line: int) -> None:
        """A function of ``op`` (or the connection's ``execute``) was met, with its arguments under our names. For those who render it."""

    def note(self, line: int, reason: str, table: tuple[str | None, str] | None = None) -> None:
        """What could not be replayed makes its history incomplete, or only the one table that it is about."""
        if self.current is not None:
            if table is None:
                self.incomplete.add(self.current.group)
            else:
                self.unsure.add(table)
            assert self.current.module is not None
            self.framework.problem(self.current.module, line, f"revision {self.current.revision}: {reason}")

    # As a model ------------------------------------------------------------------------------------------------------------

    def files(self) -> Iterator[MigrationFile]:
        """Every revision, parents first, then those that stand for nothing because their id is taken."""
        for group, revisions in self._groups().items():
            ordered = self.ordered(revisions)
            for revision in (*ordered, *(r for r in revisions if r not in ordered)):
                upgrade = revision.function("upgrade")
                operations = list(revision.operations)
                if revision.module is None:
                    operations = [MigrationOperation("?", "a script that is no Python of today", line=1)]
                elif not operations and upgrade is not None and not _does_nothing(upgrade):
                    operations = [
                        MigrationOperation("code", "code of the project's own", None, "runs code", None, upgrade.lineno)
                    ]
                reason = _irreversible(revision)
                if reason is not None and operations:
                    operations[0] = replace(operations[0], irreversible=reason)
                yield MigrationFile(
                    "alembic",
                    group,
                    revision.revision,
                    revision.place,
                    revision.parents,
                    (),
                    tuple(operations),
                    initial=not revision.parents,
                    merge=len(revision.parents) > 1,
                    date=revision.date,
                    explained=revision.explained,
                )


def _imports_alembic(module: Module) -> bool:
    return any(
        isinstance(binding, Import) and binding.module.partition(".")[0] == "alembic"
        for bindings in module.scope.bindings.values()
        for binding in bindings
    )


def _is_prefix(name: str, known: dict[str, list[Revision]]) -> bool:
    return len(name) >= 4 and any(one.startswith(name) for one in known)


def _does_nothing(node: ast.FunctionDef) -> bool:
    return all(
        isinstance(one, ast.Pass) or (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
        for one in node.body
    )


def _irreversible(revision: Revision) -> str | None:
    upgrade, downgrade = revision.function("upgrade"), revision.function("downgrade")
    if upgrade is None or _does_nothing(upgrade):
        return None
    if downgrade is None:
        return "there is no downgrade"
    if _does_nothing(downgrade):
        return "its downgrade does nothing"
    if any(isinstance(one, ast.Raise) for one in downgrade.body):
        return "its downgrade raises an error"
    return None


class AlembicNames:
    """The names of Alembic, and ``inspect`` of its connection."""

    def __init__(self, alembic: Alembic) -> None:
        self.alembic = alembic

    def library(self, name: str) -> Value | None:
        if name in ("alembic.op", "alembic.context"):
            return Op(self.alembic)
        if name.startswith("alembic.op."):
            return Op(self.alembic).named(name.removeprefix("alembic.op."))
        if name in ("sqlalchemy.inspect", "sqlalchemy.engine.reflection.Inspector.from_engine"):
            return Native(name, self._inspect)
        return None

    def _inspect(self, arguments: Arguments, at: Frame) -> Value:
        return Inspector(self.alembic) if isinstance(arguments.first(), Bind) else Unknown("what inspect tells")

    def adopt(self, cls: Any) -> None:
        return None

    def call_real(self, real: Any, arguments: Arguments, at: Frame) -> Value | None:
        return None

    def real_attribute(self, real: Any, name: str, at: Frame) -> Value | None:
        return None


class Bind(Value):
    """The connection or context of a migration: PostgreSQL's."""

    __slots__ = ("alembic",)

    def __init__(self, alembic: Alembic) -> None:
        self.alembic = alembic

    def attribute(self, name: str, at: Frame) -> Value:
        if name in ("execute", "scalar", "scalars"):
            return Native(name, self._execute)
        if name in ("dialect", "engine", "bind", "connection", "impl"):
            return self
        if name == "name":
            return Known("postgresql")
        if name in ("begin_nested", "begin", "connect"):
            return Native(name, lambda arguments, frame: self)
        if name in ("get_bind", "get_context"):
            return Native(name, lambda arguments, frame: self)
        if name == "is_offline_mode":
            return Native(name, lambda arguments, frame: Known(False))
        return Unknown(f"{name} of the connection")

    def _execute(self, arguments: Arguments, at: Frame) -> Value:
        alembic = self.alembic
        if alembic.current is not None:
            positional, named = arguments_of(arguments, at, alembic.framework)
            line = at.line if at.module is alembic.current.module else alembic.current.line
            alembic.issued("execute", positional, named, line)
        return Unknown("what the connection answers")

    def key(self) -> object:
        return ("bind",)


class Inspector(Value):
    """What is there so far."""

    __slots__ = ("alembic",)

    def __init__(self, alembic: Alembic) -> None:
        self.alembic = alembic

    def attribute(self, name: str, at: Frame) -> Value:
        if name == "default_schema_name":
            return Known("public")
        return Native(name, lambda arguments, frame: self._answer(name, arguments))

    def _answer(self, name: str, arguments: Arguments) -> Value:
        tables = self.alembic.tables
        if name == "get_table_names":
            return Items([Known(table) for _, table in tables])
        first = arguments.first()
        table = next((t for (_, n), t in tables.items() if isinstance(first, Known) and n == first.value), None)
        if name == "has_table":
            return Known(table is not None) if isinstance(first, Known) else Unknown("a truth value")
        if table is None:
            return Items()
        if name == "get_columns":
            return Items([Mapping({"name": Known(c.name), "nullable": Known(not c.not_null)}) for c in table.columns])
        if name == "get_indexes":
            return Items([_told(i.name, i.columns, i.unique) for i in table.indexes])
        kinds = {
            "get_foreign_keys": "foreign key",
            "get_unique_constraints": "unique",
            "get_check_constraints": "check",
        }
        if name in kinds:
            return Items([_constraint_told(table, c) for c in table.constraints if c.kind == kinds[name]])
        if name == "get_pk_constraint":
            key = next((c for c in table.constraints if c.kind == "primary key"), None)
            return _constraint_told(table, key) if key is not None else Mapping({})
        return Unknown(f"what {name} tells")

    def key(self) -> object:
        return ("inspector",)


def _constraint_told(table: SourceTable, constraint: SourceConstraint) -> Mapping:
    """As reflection tells it: what has no name in the script has the server's."""
    told = _told(constraint.name or server_name(table, constraint), constraint.columns, True)
    first = table.column(constraint.columns[0]) if constraint.columns else None
    if constraint.kind == "foreign key" and first is not None and first.references is not None:
        told.items["referred_table"] = Known(first.references.table)
        told.items["referred_columns"] = Items([Known(first.references.column)])
    return told


def _told(name: str | None, columns: tuple[str, ...], unique: bool) -> Mapping:
    names = Items([Known(column) for column in columns])
    return Mapping({"name": Known(name), "column_names": names, "constrained_columns": names, "unique": Known(unique)})


class Op(Value):
    """``op``, or what ``op.batch_alter_table("t")`` enters: then ``table`` comes before each call's arguments."""

    __slots__ = ("alembic", "schema", "table")

    def __init__(self, alembic: Alembic, table: str | None = None, schema: str | None = None) -> None:
        self.alembic = alembic
        self.table = table
        self.schema = schema

    def attribute(self, name: str, at: Frame) -> Value:
        return self.named(name)

    def named(self, name: str) -> Value:
        """A function of ``op``."""
        if name in ("get_bind", "get_context"):
            return Native(name, lambda arguments, frame: Bind(self.alembic))
        if name == "is_offline_mode":
            return Native(name, lambda arguments, frame: Known(False))
        if name == "f":
            return Native(name, lambda arguments, frame: _final_name(arguments.first()))
        if name == "batch_alter_table":
            return Native(name, self._batch)
        return Native(name, lambda arguments, frame: self._called(name, arguments, frame))

    def enter(self, at: Frame) -> Value:
        return self

    def key(self) -> object:
        return ("op", self.table)

    def _batch(self, arguments: Arguments, at: Frame) -> Value:
        table, schema = _text(arguments.get(0, "table_name")), _text(arguments.get(1, "schema"))
        return Op(self.alembic, table or "", schema)

    def _called(self, name: str, arguments: Arguments, at: Frame) -> Value:
        alembic = self.alembic
        if alembic.current is None:
            return Unknown(f"result of {name}")
        positional, named = arguments_of(arguments, at, alembic.framework)
        positional, named = _bound(name, positional, named, self.table)
        if self.schema:
            named.setdefault("schema", self.schema)
        if name == "create_table" and (arguments.extra_positional is not None or arguments.optional):
            made = _if_known(next(iter(positional), None))
            alembic.note(
                at.line, f"some columns of {made} are not known", (named.get("schema"), made) if made else None
            )
        line = at.line if at.module is alembic.current.module else alembic.current.line
        alembic.issued(name, positional, named, line)
        handler: Callable[..., str | None] | None = getattr(Steps(alembic, line), name, None)
        table = None
        if name in ("execute", "bulk_insert"):
            self._executed(name, positional[0] if positional else None, line)
            return Known(None)
        if handler is None:
            what = name
        else:
            what = name.replace("_", " ")
            try:
                table = handler(*positional, **named)
            except Exception as error:
                table = named.get("name")
                key = (named.get("schema"), table) if isinstance(table, str) and not has_token(table) else None
                alembic.note(line, f"{name}: {type(error).__name__}: {error}", key)
        table = _if_known(table)
        risk = RISKS.get(name, "not known")
        if named.get("postgresql_concurrently"):
            risk = "none"
        if name == "alter_column":
            risk = _risk_of_alter(named)
        if name in RISKS or handler is not None:
            effect, part, thing = _effect(name, named, positional)
            words = " ".join(
                filter(
                    None,
                    (what, thing if thing != table else None, f"on {table}" if thing and table != thing else table),
                )
            )
            alembic.current.operations.append(
                MigrationOperation(name, words, table, risk, None, line, effect, part, thing)
            )
        return Known(None)

    def _executed(self, name: str, thing: Any, line: int) -> None:
        """SQL of the script's own: what it does to the schema is carried out, the rest is told."""
        alembic, text = self.alembic, _sql(thing)
        assert alembic.current is not None
        told = alembic.current.operations
        if text is None or name == "bulk_insert":
            what = "rows of the script's own" if name == "bulk_insert" else "SQL put together at run time"
            told.append(MigrationOperation(name, what, None, "runs code", None, line))
            words = getattr(thing, "text", thing)
            if name == "execute" and isinstance(words, str) and ddl.CHANGES_SCHEMA.search(words):
                alembic.note(line, "SQL put together at run time changes the schema")
            return
        edits = SchemaEdits(alembic.tables, Place(alembic.current.file, line, "upgrade"))
        for found in ddl.statements(text, edits):
            what = f"SQL: {found.what}"
            if found.column is None:
                told.append(MigrationOperation(name, what, found.table, found.risk, None, line))
            else:
                made = MigrationOperation(
                    name, what, found.table, found.risk, None, line, "makes", "column", found.column
                )
                told.append(made)
            if not found.is_followed:
                words = " ".join(text.split())[:80]
                alembic.note(line, f"SQL that is not followed: {words}", (None, found.table) if found.table else None)


_PARAMETERS: dict[str, tuple[str, ...]] = {
    "drop_table": ("name",),
    "rename_table": ("old", "new", "schema"),
    "add_column": ("name", "column"),
    "drop_column": ("name", "column"),
    "alter_column": ("name", "column"),
    "create_index": ("index", "name", "columns"),
    "drop_index": ("index", "name"),
    "create_unique_constraint": ("constraint", "name", "columns"),
    "create_check_constraint": ("constraint", "name", "condition"),
    "create_primary_key": ("constraint", "name", "columns"),
    "create_foreign_key": ("constraint", "name", "target", "columns", "target_columns"),
    "drop_constraint": ("constraint", "name", "type_"),
}
_OURS = {
    "table_name": "name",
    "source_table": "name",
    "source": "name",
    "index_name": "index",
    "constraint_name": "constraint",
    "referent_table": "target",
    "referent": "target",
    "local_cols": "columns",
    "remote_cols": "target_columns",
    "column_name": "column",
    "old_table_name": "old",
    "new_table_name": "new",
}


def _bound(
    name: str, positional: list[Any], named: dict[str, Any], table: str | None
) -> tuple[list[Any], dict[str, Any]]:
    """Arguments under our names; ``table`` is that of a batch, whose calls do not name it."""
    parameters = _PARAMETERS.get(name)
    if parameters is None:
        first = named.pop("table_name", None) if name == "create_table" else None
        return ([first, *positional] if first is not None else positional), named
    named = {_OURS.get(key, key): value for key, value in named.items()}
    if table is not None:
        parameters = tuple(one for one in parameters if one != "name")
        named["name"] = table
    return [], {**dict(zip(parameters, positional, strict=False)), **named}


Part = Literal["table", "column", "index", "constraint", ""]
_PARTS: tuple[Part, ...] = ("table", "column", "index", "constraint")


def _effect(
    name: str, named: dict[str, Any], positional: list[Any]
) -> tuple[Literal["makes", "drops", ""], Part, str | None]:
    """Whether a function of ``op`` makes or drops something, what, and its name."""
    verb, _, rest = name.partition("_")
    ends = rest.endswith(("constraint", "_key"))
    part: Part = next((one for one in _PARTS if rest == one or (one == "constraint" and ends)), "")
    if verb not in ("create", "add", "drop") or not part:
        return "", "", None
    thing = named.get("name") or next(iter(positional), None) if part == "table" else named.get(part)
    thing = getattr(thing, "name", thing)
    return "drops" if verb == "drop" else "makes", part, _if_known(thing)


def _if_known(name: Any) -> str | None:
    """A name that is known."""
    return str(name) if isinstance(name, str) and not has_token(name) else None


def _final_name(value: Value | None) -> Value:
    """``op.f(name)``: SQLAlchemy shortens such a name where it is too long, instead of refusing it."""
    text = _text(value)
    return Known(conv(text)) if text is not None else value or Unknown("a name")


def _emitted(name: str | None) -> str | None:
    if isinstance(name, conv) and len(name) > LONGEST_NAME:
        return f"{name[: LONGEST_NAME - 8]}_{md5_hex(name)[-4:]}"
    return str(name) if name is not None else None


def _sql(thing: Any) -> str | None:
    """The text of a statement; None when it is not wholly known."""
    text = getattr(thing, "text", thing)
    return text if isinstance(text, str) and not has_token(text) else None


def _risk_of_alter(named: dict[str, Any]) -> Risk:
    if named.get("new_column_name"):
        return "breaks running code"
    if named.get("type_") is not None:
        return "table rewrite"
    return "long lock" if named.get("nullable") is False else "brief lock"


def _text(value: Value | None) -> str | None:
    if isinstance(value, FormattedText):
        return None
    return value.value if isinstance(value, Known) and isinstance(value.value, str) else None


class Steps:
    """What each function of ``op`` does to the schema made so far; each gives the table's name."""

    def __init__(self, alembic: Alembic, line: int) -> None:
        self.alembic = alembic
        self.line = line

    # Access ----------------------------------------------------------------------------------------------------------------

    @property
    def edits(self) -> SchemaEdits:
        return SchemaEdits(self.alembic.tables, self._place())

    def _get(self, table: str, schema: str | None) -> SourceTable | None:
        """A table that is to be changed; where no script made it, the history begins on a schema that came by other means."""
        found = self.edits.get(table, schema)
        if found is None:
            self.alembic.unmade.add((schema, str(table)))
        return found

    def _place(self) -> Place:
        assert self.alembic.current is not None
        return Place(self.alembic.current.file, self.line, "upgrade")

    def _read(self, table: Any) -> SourceTable:
        read = self.alembic.reader.table(table)
        place = self._place()
        columns = tuple(replace(c, file=place.file, line=c.line or place.line) for c in read.columns)
        return replace(read, place=place, columns=columns, symbol=read.name)

    def _known(self, *names: Any) -> None:
        if any(not isinstance(name, str) or has_token(name) for name in names):
            raise ValueError("a name that is not known")

    # Tables ----------------------------------------------------------------------------------------------------------------

    def create_table(self, name: str, *items: Any, schema: str | None = None, **_options: Any) -> str:
        self._known(name)
        if self.edits.get(name, schema) is None:
            self.edits.put(self._read(self._table(name, schema, items)))
        return name

    def _table(self, name: str, schema: str | None, items: tuple[Any, ...]) -> Any:
        metadata = sqlalchemy.MetaData()
        kept = [copied(one) for one in items if isinstance(one, sqlalchemy.sql.schema.SchemaItem)]
        if len(kept) < len(items):
            self.alembic.note(self.line, f"a column or constraint of {name} is not known", (schema, name))
        return sqlalchemy.Table(name, metadata, *kept, schema=schema)

    def drop_table(self, name: str, schema: str | None = None, **_options: Any) -> str:
        self._known(name)
        self.edits.drop(name, schema)
        return name

    def rename_table(self, old: str, new: str, schema: str | None = None, **_options: Any) -> str:
        self._known(old, new)
        self.edits.rename(old, new, schema)
        return new

    # Columns ---------------------------------------------------------------------------------------------------------------

    def add_column(self, name: str, column: Any = None, *_more: Any, schema: str | None = None, **_options: Any) -> str:
        self._known(name)
        table = self._get(name, schema)
        if not isinstance(column, sqlalchemy.Column):
            raise TypeError("a column that is not known")
        if table is not None and table.column(str(column.name)) is None:
            added = self._read(sqlalchemy.Table(name, sqlalchemy.MetaData(), column._copy(), schema=schema))
            constraints = tuple(c for c in added.constraints if c.kind != "primary key")
            self.edits.put(
                replace(
                    table,
                    columns=(*table.columns, *added.columns),
                    indexes=(*table.indexes, *added.indexes),
                    constraints=(*table.constraints, *constraints),
                )
            )
        return name

    def drop_column(self, name: str, column: str, *_more: Any, schema: str | None = None, **_options: Any) -> str:
        column = column if isinstance(column, str) else str(getattr(column, "name", column))
        self._known(name, column)
        table = self._get(name, schema)
        if table is not None:
            self.edits.drop_column(table, column)
        return name

    def alter_column(
        self,
        name: str,
        column: str,
        nullable: bool | None = None,
        comment: Any = None,
        server_default: Any = False,
        new_column_name: str | None = None,
        type_: Any = None,
        schema: str | None = None,
        **_options: Any,
    ) -> str:
        self._known(name, column)
        table = self._get(name, schema)
        before = table.column(column) if table is not None else None
        if table is None or before is None:
            return name
        after = before
        if isinstance(nullable, bool):
            after = replace(after, not_null=not nullable or before.primary_key)
        if type_ is not None:
            given = type_() if isinstance(type_, type) else type_
            made = sqlalchemy.Column(column, given)
            after = replace(after, type=self.alembic.reader.type_of(made))
        if server_default is not False:
            after = replace(after, has_default=server_default is not None)
        changed = replace(table, columns=tuple(after if c.name == column else c for c in table.columns))
        self.edits.put(changed)
        if new_column_name:
            self._known(new_column_name)
            self.edits.rename_column(changed, column, new_column_name)
        return name

    # Indexes and constraints -----------------------------------------------------------------------------------------------

    def create_index(
        self,
        index: str | None,
        name: str,
        columns: Any,
        schema: str | None = None,
        unique: bool = False,
        **options: Any,
    ) -> str:
        self._known(name)
        table = self._get(name, schema)
        options = {k: v for k, v in options.items() if k.startswith("postgresql_") and k != "postgresql_concurrently"}
        if table is None or any(i.name == index and index for i in table.indexes):
            return name
        made = self._bare(table)
        entries = [made.c[one] if isinstance(one, str) and one in made.c else one for one in columns]
        entries = [entry(made, one) for one in entries]
        entries = [
            made.c[one.name] if isinstance(one, sqlalchemy.Column) and one.name in made.c else one for one in entries
        ]
        given = sqlalchemy.Index(index, *entries, unique=bool(unique), _table=made, **options)
        self.edits.add_index(table, replace(self.alembic.reader.index(made, given), implicit=False))
        return name

    @staticmethod
    def _bare(table: SourceTable) -> Any:
        columns = [sqlalchemy.Column(c.name, sqlalchemy.types.NullType()) for c in table.columns]
        return sqlalchemy.Table(table.name, sqlalchemy.MetaData(), *columns, schema=table.schema)

    def drop_index(self, index: str, name: str | None = None, schema: str | None = None, **_options: Any) -> str | None:
        self._known(index)
        return self.edits.drop_index(index) or (name if isinstance(name, str) else None)

    def _add(
        self, name: str, schema: str | None, constraint: SourceConstraint, reference: SourceReference | None = None
    ) -> str:
        self._known(name)
        table = self._get(name, schema)
        if table is not None:
            self.edits.add_constraint(table, replace(constraint, name=_emitted(constraint.name)), reference)
        return name

    def create_unique_constraint(
        self, constraint: str | None, name: str, columns: Any, schema: str | None = None, **options: Any
    ) -> str:
        self._known(name, *columns)
        deferrable = bool(options.get("deferrable"))
        return self._add(name, schema, SourceConstraint(constraint, "unique", tuple(columns), deferrable=deferrable))

    def create_primary_key(
        self, constraint: str | None, name: str, columns: Any, schema: str | None = None, **_options: Any
    ) -> str:
        self._known(name, *columns)
        return self._add(name, schema, SourceConstraint(constraint, "primary key", tuple(columns)))

    def create_check_constraint(
        self, constraint: str | None, name: str, condition: Any, schema: str | None = None, **_options: Any
    ) -> str:
        text = self.alembic.reader.text(condition)
        return self._add(name, schema, SourceConstraint(constraint, "check", (), text))

    def create_exclude_constraint(self, constraint: str | None, name: str, *_elements: Any, **options: Any) -> str:
        return self._add(name, options.get("schema"), SourceConstraint(constraint, "exclusion"))

    def create_foreign_key(
        self,
        constraint: str | None,
        name: str,
        target: str,
        columns: Any,
        target_columns: Any,
        ondelete: str | None = None,
        source_schema: str | None = None,
        **options: Any,
    ) -> str:
        self._known(name, target, *columns, *target_columns)
        schema = source_schema or options.get("schema")
        deferrable = bool(options.get("deferrable"))
        action = (ondelete or "no action").lower()
        reference = SourceReference(target, target_columns[0], None, action) if len(columns) == 1 else None
        made = SourceConstraint(constraint, "foreign key", tuple(columns), deferrable=deferrable)
        return self._add(name, schema, made, reference)

    def drop_constraint(
        self, constraint: str, name: str, type_: str | None = None, schema: str | None = None, **_options: Any
    ) -> str:
        self._known(name)
        table = self._get(name, schema)
        if table is not None and isinstance(constraint, str):
            self.edits.drop_constraint(table, constraint)
        return name


_COLUMN = re.compile(r'"?([\w$]+)"?(?:\s+(\w+_ops))?(?:\s+(ASC|DESC))?(?:\s+NULLS\s+(?:FIRST|LAST))?\Z', re.IGNORECASE)


def entry(table: Any, given: Any) -> Any:
    """``"created DESC"`` as a column with its order; any other text as an expression."""
    text = getattr(given, "text", None) or (given.name if type(given).__name__ == "ColumnClause" else given)
    if not isinstance(text, str):
        return given
    match = _COLUMN.match(" ".join(text.split()))
    if match is None or match[1] not in table.c or match[2]:
        return sqlalchemy.text(text)
    return table.c[match[1]].desc() if (match[3] or "").upper() == "DESC" else table.c[match[1]]


def copied(item: Any) -> Any:
    """A column of its own; a constraint is used as it is the first time."""
    if isinstance(item, sqlalchemy.Column):
        return item._copy()
    attached = getattr(item, "__dict__", {}).get("parent") is not None
    return item._copy() if attached and hasattr(item, "_copy") else item
