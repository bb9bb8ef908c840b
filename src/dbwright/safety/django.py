"""Django's migrations as scripts: the SQL that Django's own PostgreSQL schema editor writes for the operations that were read.

The operations are real ones on a real state, made from the files (`source/django/migrations.py`); the schema editor works on an empty
database of the scratch server that holds the schema before, because it looks up names of constraints there. No code of the project is run:
what ``RunPython`` would call is looked at as text (`python_steps`).
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.migrations.state import ModelState

from dbwright.safety.django_state import State
from dbwright.safety.python_steps import steps_of
from dbwright.safety.statements import Opaque, Script, Statement, parsed, runs_alone
from dbwright.source.django import runtime
from dbwright.source.django.migrations import DjangoMigrations, Node, unread_code
from dbwright.source.tokens import Token, has_token

if TYPE_CHECKING:
    from dbwright.safety.scratch import Scratch

ALIAS = "dbwright_scratch"


@dataclass
class Rendered:
    """The schema before the first script, the scripts, and what could not be rendered."""

    before: list[str] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)


def render(migrations: DjangoMigrations, wanted: set[str] | None, scratch: Scratch) -> Rendered:
    """The scripts of the migrations whose labels (``app.name``) are wanted, or of all, in the order in which Django applies them."""
    scratch.prepare(())
    renderer = _Renderer(migrations, scratch)
    try:
        return renderer.run(wanted)
    finally:
        renderer.connection.close()


class _Renderer:
    """Walks the migrations with a state of the models and a database of the same schema."""

    def __init__(self, migrations: DjangoMigrations, scratch: Scratch) -> None:
        runtime.start()
        self.migrations = migrations
        self.connection = _connection(scratch)
        self.rendered = Rendered()
        self.deployed: dict[str, frozenset[str]] | None = None
        """What the models of the code that runs know, where some migrations are applied and the others come with the next release."""
        self.state = _beginning(migrations, self.rendered)

    def run(self, wanted: set[str] | None) -> Rendered:
        before, then = self.migrations.parted(wanted)
        for node in before:
            self._pass_over(node)
        self.deployed = self._known() if wanted is not None else None
        self._make_models()
        for node in then:
            self.rendered.scripts.append(self._script(node))
        return self.rendered

    def _pass_over(self, node: Node) -> None:
        for operation, _ in node.operations:
            if operation is None or "@" in node.label:
                continue
            try:
                operation.state_forwards(node.label, self.state)
            except Exception as error:  # said by the replay that the listing makes
                self.rendered.gaps.append(f"{node.label}.{node.name}: not replayed ({type(error).__name__}: {error})")

    def _make_models(self) -> None:
        """The tables of all models so far."""
        editor = _editor(self.connection)
        with editor:
            for model in self.state.apps.get_models(include_swapped=True):
                if model._meta.managed and not model._meta.proxy and not model._meta.swapped:
                    try:
                        editor.create_model(model)
                    except Exception as error:
                        self.rendered.gaps.append(
                            f"the table of {model._meta.label} was not made: {type(error).__name__}: {error}"
                        )
        self.rendered.before += [sql for sql, _ in editor.written]

    def _known(self) -> dict[str, frozenset[str]]:
        """Columns by table that the models know."""
        found = {}
        for model in self.state.apps.get_models(include_auto_created=True):
            found[model._meta.db_table] = frozenset(field.column for field in model._meta.local_fields)
        return found

    def _script(self, node: Node) -> Script:
        editor = _editor(self.connection)
        models = self.deployed if self.deployed is not None else self._known()
        opaque: list[Opaque] = []
        with editor:
            for operation, line in node.operations:
                editor.line = line, type(operation).__name__ if operation is not None else "?"
                if operation is None:
                    opaque.append(Opaque("operation", line, "it is not read"))
                else:
                    self._forward(operation, node, editor, opaque)
            editor.line = None
        return Script(
            f"{node.label}.{node.name}",
            node.file,
            "django",
            _numbered(editor.written, node.atomic),
            tuple(opaque),
            "one transaction (atomic)"
            if node.atomic
            else "each statement is a transaction of its own (atomic = False)",
            group=node.label,
            models=models,
        )

    def _forward(self, operation: Any, node: Node, editor: Any, opaque: list[Opaque]) -> None:
        """What ``Migration.apply`` does with an operation, except that no Python of the project is called."""
        kinds = {cls.__name__ for cls in type(operation).__mro__}
        if "SeparateDatabaseAndState" in kinds:
            self._separate(operation, node, editor, opaque)
            return
        before = self.state.clone()
        try:
            operation.state_forwards(node.label, self.state)
        except Exception as error:
            opaque.append(Opaque(type(operation).__name__, editor.line[0], f"it cannot be replayed: {error}"))
            return
        self._on_database(operation, kinds, node, editor, opaque, before, self.state)

    def _separate(self, operation: Any, node: Node, editor: Any, opaque: list[Opaque]) -> None:
        inner = self.state.clone()
        for one in operation.database_operations:
            before = inner.clone()
            try:
                one.state_forwards(node.label, inner)
            except Exception as error:
                opaque.append(Opaque(type(one).__name__, editor.line[0], f"it cannot be replayed: {error}"))
                continue
            self._on_database(one, {cls.__name__ for cls in type(one).__mro__}, node, editor, opaque, before, inner)
        try:
            operation.state_forwards(node.label, self.state)
        except Exception as error:
            opaque.append(Opaque("SeparateDatabaseAndState", editor.line[0], f"it cannot be replayed: {error}"))

    def _on_database(
        self, operation: Any, kinds: set[str], node: Node, editor: Any, opaque: list[Opaque], before: Any, after: Any
    ) -> None:
        if "RunPython" in kinds:
            opaque += _python(operation, node, editor.line[0])
        elif "RunSQL" in kinds:
            _sql(operation, editor, opaque)
        else:
            try:
                operation.database_forwards(node.label, editor, before, after)
            except Exception as error:
                opaque.append(Opaque(type(operation).__name__, editor.line[0], f"{type(error).__name__}: {error}"))


def _python(operation: Any, node: Node, line: int) -> Iterator[Opaque]:
    codes = [operation.code, operation.reverse_code] if operation.reverse_code is not None else [operation.code]
    names = ["" if code is unread_code else getattr(code, "__name__", "") for code in codes]
    names = names[:1] + [name for name in names[1:] if name not in ("", "noop", "placeholder")]
    tree = node.module.tree if node.module is not None else None
    yield from steps_of(tree, names, line, reversible=operation.reversible)


def _sql(operation: Any, editor: Any, opaque: list[Opaque]) -> None:
    given = operation.sql if isinstance(operation.sql, list | tuple) else [operation.sql]
    for one in given:
        text = one[0] if isinstance(one, list | tuple) and one else one
        if not isinstance(text, str) or has_token(text):
            opaque.append(Opaque("RunSQL", editor.line[0], "its SQL is put together at run time"))
        elif text.strip():
            for statement in parsed(text):
                editor.execute(statement.sql, None)
    if not operation.reversible:
        opaque.append(Opaque("RunSQL", editor.line[0], "no reverse"))


def _numbered(written: list[tuple[str, tuple[int, str] | None]], atomic: bool) -> tuple[Statement, ...]:
    found: list[Statement] = []
    for number, (sql, origin) in enumerate(written):
        line, operation = origin or (0, "")
        for one in parsed(sql, 1, operation, 0 if atomic else number):
            alone = not atomic and runs_alone(one.kind, one.node)
            found.append(
                Statement(one.sql, line, one.kind, one.node, None if alone else one.transaction, one.error, operation)
            )
    return tuple(found)


# Django's parts, for PostgreSQL ----------------------------------------------------------------------------------------------


def _connection(scratch: Scratch) -> Any:
    from django.db import connections
    from django.db.backends.postgresql.base import DatabaseWrapper

    host, user, password, name = scratch.address()
    settings = connections.databases[runtime.ALIAS] | {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": user,
        "PASSWORD": password,
        "HOST": host,
        "PORT": "5432",
        "OPTIONS": {"connect_timeout": 10},
    }
    connections.databases[ALIAS] = settings
    connection = DatabaseWrapper(settings, ALIAS)
    connections[ALIAS] = connection
    return connection


def _editor(connection: Any) -> Any:
    from django.db.backends.postgresql.schema import DatabaseSchemaEditor

    class Writing(DatabaseSchemaEditor):  # type: ignore[misc]
        """Writes each statement down with the operation that it comes from, and carries it out."""

        def __init__(self) -> None:
            super().__init__(connection, atomic=False)
            self.written: list[tuple[str, tuple[int, str] | None]] = []
            self.line: tuple[int, str] | None = None
            self.origins: dict[int, tuple[int, str] | None] = {}

        def execute(self, sql: Any, params: Any = ()) -> None:
            text = str(sql)
            if params:
                text = connection.ops.compose_sql(text, params)
            elif params is not None:
                text = text.replace("%%", "%")
            origin = self.origins.get(id(sql), self.line)
            self.written.append((text, origin))
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SET lock_timeout = '5s'; SET statement_timeout = '20s'")
                    cursor.cursor.execute(text.encode())
            except Exception:  # noqa: S110  judged when it is run under observation, where its failure is told
                pass

        def effective_default(self, field: Any) -> Any:
            given = super().effective_default(field)
            unknown = given is None or isinstance(given, Token)
            return _stand_in(field) if unknown and field.has_default() and not field.null else given

        def __enter__(self) -> Any:
            super().__enter__()
            self.deferred_sql = _Deferred(self)
            return self

        def __exit__(self, *exception: Any) -> None:
            if exception[0] is None:
                for sql in self.deferred_sql:
                    self.execute(sql, None)
            self.deferred_sql.clear()

    return Writing()


class _Deferred(list[Any]):
    """Statements that are put off to the end of a migration, with the operation that put them off."""

    def __init__(self, editor: Any) -> None:
        super().__init__()
        self.editor = editor

    def append(self, statement: Any) -> None:
        self.editor.origins[id(statement)] = self.editor.line
        super().append(statement)

    def extend(self, statements: Any) -> None:
        for statement in statements:
            self.append(statement)


_VALUES: dict[str, Any] = {
    "BooleanField": False,
    "DateField": datetime.date(2020, 1, 1),
    "DateTimeField": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
    "TimeField": datetime.time(0, 0),
    "DurationField": datetime.timedelta(0),
    "UUIDField": uuid.UUID(int=0),
    "JSONField": "{}",
    "ArrayField": [],
    "BinaryField": b"",
    "GenericIPAddressField": "127.0.0.1",
}


def _stand_in(field: Any) -> Any:
    """A value for a default that is a function of the project's, or not known: Django calls it once, for all old rows."""
    kind = field.get_internal_type()
    if kind in _VALUES:
        return _VALUES[kind]
    return 0 if any(word in kind for word in ("Integer", "Auto", "Float", "Decimal", "ForeignKey", "OneToOne")) else ""


def _beginning(migrations: DjangoMigrations, rendered: Rendered) -> Any:
    """The state before the first migration: the models of others."""
    state = State(migrations.django)
    own = {label for label, _ in migrations.nodes}
    for model in migrations.django.registry.get_models():
        if model._meta.app_label not in own and not getattr(model, "dbwright_stand_in", False):
            try:
                state.add_model(ModelState.from_model(model))
            except Exception as error:
                rendered.gaps.append(f"{model._meta.label} is not known: {type(error).__name__}: {error}")
    return state
