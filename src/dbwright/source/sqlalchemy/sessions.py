"""Sessions and connections: what they are asked, they issue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy
from sqlalchemy import orm
from sqlalchemy.ext import asyncio as sa_asyncio

from dbwright.model.source import Issued
from dbwright.source.events import Happening
from dbwright.source.issued import IssuedQuery
from dbwright.source.sqlalchemy import results
from dbwright.source.sqlalchemy.engines import EngineValue
from dbwright.source.sqlalchemy.instances import ModelInstance, adoption_of, held, of_row
from dbwright.source.sqlalchemy.models import ModelAdoption
from dbwright.source.sqlalchemy.real import concrete
from dbwright.source.sqlalchemy.results import ResultValue, Run, identity_of, issue, many, shape_of, subject_of
from dbwright.source.sqlalchemy.statements import REQUEST_TEXT, RUN_TIME_TEXT, Statement, is_statement
from dbwright.source.tokens import Token, has_token
from dbwright.source.values import (
    MOST_OF_TURNS,
    Arguments,
    Bound,
    ClassValue,
    FormattedText,
    Items,
    Known,
    Mapping,
    Native,
    Real,
    Union,
    Unknown,
    Value,
    alternatives,
    choices,
    union,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from dbwright.source.interpreter import Frame
    from dbwright.source.sqlalchemy.framework import SQLAlchemy

SYNC = (orm.Session, orm.scoped_session, sqlalchemy.Connection)
ASYNC = (sa_asyncio.AsyncSession, sa_asyncio.async_scoped_session, sa_asyncio.AsyncConnection)
MAKERS = (orm.sessionmaker, sa_asyncio.async_sessionmaker)
ENGINES = (sqlalchemy.Engine, sa_asyncio.AsyncEngine)
MOST_WAITING = 50
"""Changes that a flush is taken to send."""
_SELF = frozenset(
    "begin begin_nested __enter__ __aenter__ connection no_autoflush execution_options registry options "
    "sync_session sync_connection".split()
)
_NOTHING = frozenset(
    "rollback close remove expire expire_all expunge expunge_all invalidate prepare close_all reset "
    "bulk_save_mappings aclose dispose".split()
)


@dataclass(slots=True)
class Waiting:
    """What waits for a flush: the events in which it stands for now, and its event. Of a row that was changed, the columns with the
    branch in which each was."""

    events: list[Any]
    happening: Happening
    row: ModelInstance | None = None
    columns: dict[str, tuple[tuple[int, bool], ...]] = field(default_factory=dict)
    added: ModelInstance | None = None

    def withdrawn(self) -> bool:
        """Takes the event out of where it stands; whether it stood there."""
        for position, one in enumerate(self.events):
            if one is self.happening:
                del self.events[position]
                return True
        return False


class SessionValue(Value):
    """A session or connection of the project. ``is_async``: its results are awaited."""

    __slots__ = ("_pending", "cls", "framework", "is_async", "is_connection", "query_class", "walk")

    def __init__(
        self,
        framework: SQLAlchemy,
        is_async: bool = False,
        cls: ClassValue | None = None,
        query_class: ClassValue | None = None,
        is_connection: bool = False,
    ) -> None:
        self.framework = framework
        self.is_async = is_async
        self.cls = cls
        self.query_class = query_class
        self.is_connection = is_connection
        self._pending: list[Waiting] = []
        self.walk = 0
        """The walk that it waits in: one entry point flushes nothing of another's."""

    def attribute(self, name: str, at: Frame) -> Value:
        if self.cls is not None:
            owner = at.interpreter.find_in_class(self.cls, name)
            if owner is not None:
                return at.interpreter.bind(at.interpreter.own_attribute(owner, name), self, at)
        handler = _METHODS.get(name)
        if handler is not None:
            return Native(name, lambda arguments, frame: handler(self, arguments, frame))
        if name in _SELF:
            return (
                self
                if name in ("no_autoflush", "sync_session", "registry")
                else Native(name, lambda arguments, frame: self)
            )
        if name in _NOTHING:
            return Native(name, lambda arguments, frame: Known(None))
        if name in ("bind", "get_bind", "engine"):
            return EngineValue(self.framework, self.is_async)
        if name == "dialect":
            return EngineValue(self.framework, self.is_async).attribute(name, at)
        return Unknown(f"{name} of a session")

    def call(self, arguments: Arguments, at: Frame) -> Value:
        return self  # a scoped session, a session factory

    def enter(self, at: Frame) -> Value:
        return self

    def key(self) -> object:
        return ("session", self.is_async, id(self.cls.node) if self.cls else None, self.is_connection)

    def truth(self) -> bool | None:
        return True

    def describe(self) -> str:
        return "a session"

    # Units of work ---------------------------------------------------------------------------------------------------------

    def waits(self, record: Any, at: Frame, added: ModelInstance | None = None) -> None:
        """Remember what the next flush sends.

        Until one is seen, it stands where it was asked for, outside of loops: a flush sends many at once.
        """
        self._wait(Waiting(at.summary.events, Happening(record, at.place, ()), added=added), at)

    def _wait(self, waiting: Waiting, at: Frame) -> None:
        waiting.events.append(waiting.happening)
        self._waiting(at).append(waiting)

    def _waiting(self, at: Frame) -> list[Waiting]:
        if self.walk != at.interpreter.entry:
            self.walk, self._pending = at.interpreter.entry, []
        return self._pending

    def flushed(self, at: Frame) -> None:
        """What waited is sent here, as often as the flush is reached. A column that was set in a branch may not be among those of its
        row that are written."""
        pending = self._waiting(at)[-MOST_WAITING:]
        self._pending = []
        for waiting in pending:
            if not waiting.withdrawn():
                continue
            if waiting.added is not None:
                waiting.added.is_new = False
            if waiting.row is None:
                at.happened(waiting.happening.what)
                continue
            optional = [name for name, branch in waiting.columns.items() if not at.interpreter.holds_here(branch)]
            for left_out in choices(optional):
                if names := [name for name in waiting.columns if name not in left_out]:
                    at.happened(self._update(waiting.row, names, at))

    def changed(self, instance: ModelInstance, name: str, at: Frame) -> None:
        """An attribute of a persistent object was set."""
        prop = instance.model.mapper.attrs.get(name)
        if isinstance(prop, orm.RelationshipProperty):
            pairs = prop.local_remote_pairs if prop.direction.name == "MANYTOONE" else []
            keys: list[Any] = [local.key for local, _remote in pairs]
        else:
            keys = [column.key for column in getattr(prop, "columns", ())]
        columns = {key: at.interpreter.branch for key in keys if key in instance.model.mapper.local_table.c}
        if not columns:
            return
        pending = self._waiting(at)
        before = next((one for one in pending if one.row is instance), None)
        if before is not None:
            pending.remove(before)
            before.withdrawn()
            columns = {**columns, **before.columns}
        happening = Happening(self._update(instance, list(columns), at), at.place, ())
        self._wait(Waiting(at.summary.events, happening, instance, columns), at)

    def _update(self, instance: ModelInstance, names: list[str], at: Frame) -> IssuedQuery:
        """The statement that writes changed columns of a row."""
        table = instance.model.mapper.local_table
        where = sqlalchemy.and_(*(column == Token("row") for column in table.primary_key))
        statement = sqlalchemy.update(table).where(where).values({name: Token("unknown") for name in names})
        record, _ = issue(
            self.framework,
            at,
            lambda session: session.connection().execute(statement),
            "update",
            subject=instance.model.real,
            consumer="flush",
            is_async=self.is_async,
            event=False,
        )
        return record


def _statement(session: SessionValue, value: Value | None, at: Frame) -> Statement | None:
    """The statement among alternatives, or text as before 2.0."""
    for one in alternatives(value) if value is not None else ():
        if isinstance(one, Statement):
            return one
        if isinstance(one, Real) and is_statement(one.object):
            return Statement(session.framework, one.object, at.place)
        if isinstance(one, Real) and isinstance(one.object, sqlalchemy.sql.ClauseElement):
            try:
                return Statement(session.framework, sqlalchemy.select(cast(Any, one.object)), at.place)
            except Exception:
                return None
    return None


def _raw(session: SessionValue, value: Value | None, at: Frame) -> Statement | None:
    """SQL given as a string."""
    if isinstance(value, Known) and isinstance(value.value, str):
        return Statement(
            session.framework, sqlalchemy.text(value.value.replace("\\", "\\\\").replace(":", "\\:")), at.place
        )
    if isinstance(value, FormattedText):
        text = concrete(value, at, session.framework)
        requested = Arguments([value]).origin() == "request"
        partial = (REQUEST_TEXT if requested else RUN_TIME_TEXT) if has_token(text) else None
        return Statement(session.framework, sqlalchemy.text(text.replace(":", "\\:")), at.place, partial)
    return None


def _kind(thing: Any) -> Issued:
    if isinstance(thing, sqlalchemy.sql.dml.Insert):
        return "insert"
    if isinstance(thing, sqlalchemy.sql.dml.Update):
        return "update"
    if isinstance(thing, sqlalchemy.sql.dml.Delete):
        return "delete"
    if isinstance(thing, sqlalchemy.sql.elements.TextClause):
        return "raw"
    if getattr(thing, "_for_update_arg", None) is not None:
        return "lock"
    return results._rows_kind(thing)


def _is_scalar_count(thing: Any) -> bool:
    try:
        columns = [one["expr"] for one in thing.column_descriptions]
    except Exception:
        return False
    return len(columns) == 1 and getattr(getattr(columns[0], "element", columns[0]), "name", None) == "count"


def _parameters(session: SessionValue, value: Value | None, at: Frame) -> Any:
    if value is None:
        return None
    if isinstance(value, Mapping):
        return concrete(value, at, session.framework)
    if isinstance(value, Items):
        rows = [one for one in (*value.items, *([value.rest] if value.rest else [])) if isinstance(one, Mapping)]
        return [concrete(one, at, session.framework) for one in rows[:3]] or None
    return None


def _execute(mode: str) -> Callable[[SessionValue, Arguments, Any], Value]:
    def handler(session: SessionValue, arguments: Arguments, at: Frame) -> Value:
        value = arguments.get(0, "statement")
        if isinstance(value, Union):
            members = [m for m in value.members if isinstance(m, Statement | Real)]
            if len(members) > 1:
                return union(
                    handler(session, Arguments([m, *arguments.positional[1:]], arguments.named), at)
                    for m in members[:MOST_OF_TURNS]
                )
        statement = _statement(session, value, at) or _raw(session, value, at)
        session.flushed(at)
        if statement is None:
            return _unknown_statement(session, value, at)
        return _executed(session, statement, _parameters(session, arguments.get(1, "params"), at), mode, at)

    return handler


def _executed(session: SessionValue, statement: Statement, parameters: Any, mode: str, at: Frame) -> Value:
    thing = statement.object
    partial = statement.partial
    given: Any = parameters
    is_text = isinstance(thing, sqlalchemy.sql.elements.TextClause)
    if is_text:
        named = {name: Token("unknown") for name in thing._bindparams}
        first = parameters[0] if isinstance(parameters, list) and parameters else parameters
        given = {**named, **(first if isinstance(first, dict) else {})}
        given = {key: value for key, value in given.items() if key in named} or None

    def run(real: Session) -> Any:
        if isinstance(thing, orm.Query):
            return real.execute(thing.with_session(real).statement).unique().first()
        result = real.execute(thing, given) if given else real.execute(thing)
        if not getattr(result, "returns_rows", True):  # results of mapped classes have rows always
            return None
        try:
            result = result.unique()
        except Exception:
            return result.first()
        return result.first()

    kind = _kind(thing)
    if kind == "aggregate" and _is_scalar_count(thing) and mode in ("scalar", "execute", "scalars"):
        kind = "count"
    record, real = issue(
        session.framework,
        at,
        run,
        kind,
        made=statement.made,
        subject=subject_of(thing),
        partial=partial,
        consumer=mode,
        is_async=session.is_async,
    )
    if isinstance(real, sqlalchemy.Row):
        real = tuple(real)
    result = ResultValue(
        session.framework,
        thing,
        real,
        record,
        "scalars" if mode in ("scalars", "scalar") else "rows",
        session.is_async,
        session,
    )
    if mode == "scalar":
        return union([result.row, Known(None)])
    return result


def _unknown_statement(session: SessionValue, value: Value | None, at: Frame) -> Value:
    reason = value.describe() if value is not None else "no statement"
    record = IssuedQuery(
        "sqlalchemy",
        "other",
        at.place,
        unknown=f"the statement is not known: {reason}"[:200],
        in_async=session.is_async,
    )
    at.happened(record)
    return Unknown("a result", "row")


def _query(session: SessionValue, arguments: Arguments, at: Frame) -> Value:
    """The legacy Query."""
    framework = session.framework
    framework.build()
    things = []
    choices: list[Value] = list(arguments.positional)
    if arguments.extra_positional is not None:
        choices += [one for one in alternatives(arguments.extra_positional) if not isinstance(one, Unknown)]
    for position, value in enumerate(choices):
        if isinstance(value, Union):
            members = [m for m in value.members if isinstance(m, ClassValue | Real)]
            if 1 < len(members) <= 4:
                return union(
                    _query(session, Arguments([*choices[:position], m, *choices[position + 1 :]]), at) for m in members
                )
        one = concrete(value, at, framework)
        if not isinstance(one, Token | None) and not (
            callable(one)
            and not isinstance(one, type)
            and not hasattr(one, "__clause_element__")
            and not hasattr(one, "_sa_inspect")
            and adoption_of(framework, one) is None
            and not isinstance(one, sqlalchemy.sql.ClauseElement)
        ):
            things.append(one)
    if not things:
        return Unknown("a query of entities that are not known", arguments.origin())
    try:
        query: Any = orm.Query(things if len(things) > 1 else things[0])
    except Exception as error:
        return Unknown(f"query: {type(error).__name__}: {error}"[:200])
    partial = "columns that are not known" if len(things) < len(arguments.positional) else None
    return Statement(framework, query, at.place, partial, session.query_class, session)


def model_query(framework: SQLAlchemy, model: ModelAdoption, at: Frame) -> Value:
    """``Model.query`` of Flask-SQLAlchemy and of ``query_property``."""
    framework.build()
    session = SessionValue(framework)
    return Statement(framework, orm.Query(model.real), at.place, None, framework.kept.get("query class"), session)


def _getting(real: Any, identity: Any, **options: Any) -> Run:
    return lambda session: session.get(real, identity, **options)


def _getting_again(real: Any) -> Run:
    def run(session: Session) -> Any:
        key = real.__table__.primary_key
        return session.get(real, Token("row") if len(key) == 1 else tuple(Token("row") for _ in key))

    return run


def _executing(statement: Any) -> Run:
    return lambda session: session.connection().execute(statement)


def _get(session: SessionValue, arguments: Arguments, at: Frame) -> Value:
    entity = arguments.get(0, "entity")
    key = arguments.get(1, "ident")
    options = arguments.named.get("options")
    framework = session.framework
    for one in alternatives(entity) if entity is not None else ():
        real = concrete(one, at, framework)
        adoption = adoption_of(framework, real) if isinstance(real, type) else None
        if adoption is None:
            continue
        identity = identity_of(concrete(key, at, framework) if key is not None else Token("unknown"))
        loaders = list(concrete(options, at, framework)) if isinstance(options, Items) else []
        loaders = [o for o in loaders if not isinstance(o, Token)]
        lock = "with_for_update" in arguments.named and arguments.named["with_for_update"].truth() is not False
        if not lock and (row := held(key, real)) is not None:
            return row
        record, found = issue(
            framework,
            at,
            _getting(real, identity, options=loaders or None, with_for_update=lock or None),
            "lock" if lock else "get",
            subject=real,
            consumer="get",
            is_async=session.is_async,
        )
        instance = of_row(framework, real, found, record, session.is_async)
        if isinstance(instance, ModelInstance):
            instance.session = session
        return union([instance, Known(None)])
    return Unknown("a row of a model that is not known", "row")


def _add(session: SessionValue, arguments: Arguments, at: Frame) -> Value:
    for value in arguments.positional:
        for one in alternatives(value):
            _add_one(session, one, at)
    return Known(None)


def _add_all(session: SessionValue, arguments: Arguments, at: Frame) -> Value:
    for value in arguments.positional:
        for one in alternatives(value):
            members = (
                [*one.items[:3], *([one.rest] if one.rest else [])] if isinstance(one, Items) else [at.iterate(one)]
            )
            for member in members:
                for choice in alternatives(member):
                    _add_one(session, choice, at)
    return Known(None)


def _add_one(session: SessionValue, value: Value, at: Frame) -> None:
    if not isinstance(value, ModelInstance) or not value.is_new or value.session is session:
        return
    value.session = session
    record, _ = issue(
        session.framework,
        at,
        lambda real: real.connection().execute(
            sqlalchemy.insert(value.model.mapper.local_table)
            .values(**insert_values(value, at))
            .returning(*value.model.mapper.local_table.primary_key)
        ),
        "insert",
        subject=value.model.real,
        consumer="add",
        is_async=session.is_async,
        event=False,
    )
    session.waits(record, at, value)


def insert_values(instance: ModelInstance, at: Frame) -> dict[str, Any]:
    """The columns that a flush of a new object writes."""
    mapper = instance.model.mapper
    table = mapper.local_table
    values: dict[str, Any] = {}
    for column in table.columns:
        try:
            key = mapper.get_property_by_column(column).key
        except Exception:
            key = column.key
        if key in instance.attributes:
            found = concrete(instance.attributes[key], at, instance.framework)
            values[column.key] = found if isinstance(found, str | int | float | bool | None) else Token("unknown")
        elif (
            column.server_default is None
            and column.default is None
            and column is not table._autoincrement_column
            and column.computed is None
        ):
            values[column.key] = Token("unknown") if column.foreign_keys else None
        elif column is table._autoincrement_column and column.foreign_keys:
            values[column.key] = Token("row")
    return values


def _merge(session: SessionValue, arguments: Arguments, at: Frame) -> Value:
    value = arguments.first()
    if isinstance(value, ModelInstance):
        keys = value.model.mapper.primary_key if value.model.mapper is not None else ()
        key: list[Value] = [Unknown("its key") for _ in keys]
        _get(session, Arguments([value.cls, Items(key, "tuple") if len(key) > 1 else Unknown("its key")]), at)
        value.session = session
        return value
    return value or Unknown("merged")


def _delete(session: SessionValue, arguments: Arguments, at: Frame) -> Value:
    for value in alternatives(arguments.positional[0]) if arguments.positional else ():
        if isinstance(value, ModelInstance) and value.model.mapper is not None:
            for relation in value.model.mapper.relationships:
                if relation.cascade.delete and not relation.passive_deletes:  # its rows are loaded, to go along
                    value.attribute(relation.key, at)
            table = value.model.mapper.local_table
            where = sqlalchemy.and_(*(column == Token("row") for column in table.primary_key))
            statement = sqlalchemy.delete(table).where(where)
            record, _ = issue(
                session.framework,
                at,
                _executing(statement),
                "delete",
                subject=value.model.real,
                consumer="delete",
                is_async=session.is_async,
                event=False,
            )
            session.waits(record, at)
    return Known(None)


def _refresh(session: SessionValue, arguments: Arguments, at: Frame) -> Value:
    session.flushed(at)
    for value in alternatives(arguments.positional[0]) if arguments.positional else ():
        if isinstance(value, ModelInstance) and value.model.mapper is not None:
            real = value.model.real
            _record, found = issue(
                session.framework,
                at,
                _getting_again(real),
                "get",
                subject=real,
                consumer="refresh",
                is_async=session.is_async,
            )
            if value.is_new:
                value.is_new = False
                value.real = found
    return Known(None)


def _flush(session: SessionValue, arguments: Arguments, at: Frame) -> Value:
    session.flushed(at)
    return Known(None)


def _bulk(kind: Issued) -> Callable[[SessionValue, Arguments, Any], Value]:
    def handler(session: SessionValue, arguments: Arguments, at: Frame) -> Value:
        session.flushed(at)
        framework = session.framework
        first, rows = arguments.get(0, "mapper"), arguments.get(1, "mappings")
        real = concrete(first, at, framework) if first is not None else None
        if isinstance(first, Items):  # bulk_save_objects
            members = [m for one in (*first.items, first.rest) if one is not None for m in alternatives(one)]
            instance = next((m for m in members if isinstance(m, ModelInstance)), None)
            if instance is None:
                return Known(None)
            real, values = instance.model.real, insert_values(instance, at)
        else:
            given = _parameters(session, rows, at)
            values = given[0] if isinstance(given, list) and given else {}
        mapper = sqlalchemy.inspect(real, raiseerr=False) if isinstance(real, type) else None
        if mapper is None:
            return Known(None)
        table = mapper.local_table
        known = {key: value for key, value in values.items() if key in table.c}
        statement: Any = sqlalchemy.insert(table).values(**known) if known else sqlalchemy.insert(table)
        if kind == "update":
            statement = sqlalchemy.update(table).where(*(c == Token("row") for c in table.primary_key)).values(**known)
        issue(
            framework,
            at,
            lambda s: s.connection().execute(statement),
            kind,
            subject=real,
            partial=None if known else "columns that are not known",
            consumer="bulk",
            is_async=session.is_async,
        )
        return Known(None)

    return handler


def _run_sync(session: SessionValue, arguments: Arguments, at: Frame) -> Value:
    if not arguments.positional:
        return Unknown("run_sync of nothing")
    function, *rest = arguments.positional
    plain = SessionValue(session.framework, False, is_connection=session.is_connection)
    return at.call(function, Arguments([plain, *rest], arguments.named))


def _get_one(session: SessionValue, arguments: Arguments, at: Frame) -> Value:
    found = _get(session, arguments, at)
    return next((one for one in alternatives(found) if not isinstance(one, Known)), found)


_METHODS: dict[str, Callable[[SessionValue, Arguments, Any], Value]] = {
    "execute": _execute("execute"),
    "exec": _execute("exec"),
    "exec_driver_sql": _execute("execute"),
    "scalars": _execute("scalars"),
    "scalar": _execute("scalar"),
    "stream": _execute("execute"),
    "stream_scalars": _execute("scalars"),
    "query": _query,
    "get": _get,
    "get_one": _get_one,
    "add": _add,
    "add_all": _add_all,
    "merge": _merge,
    "delete": _delete,
    "refresh": _refresh,
    "flush": _flush,
    "commit": _flush,
    "bulk_insert_mappings": _bulk("insert"),
    "bulk_save_objects": _bulk("insert"),
    "bulk_update_mappings": _bulk("update"),
    "run_sync": _run_sync,
}


def unknown_call(framework: SQLAlchemy, name: str, arguments: Arguments, at: Frame) -> Value | None:
    """A method of something unknown that is a session's, told by its arguments."""
    first = arguments.first()
    if first is None or name not in _METHODS:
        return None
    members = alternatives(first)
    if name in ("execute", "scalars", "scalar", "stream", "stream_scalars", "exec"):
        fits = any(isinstance(one, Statement) for one in members)
    elif name == "query":
        fits = any(_is_entity(framework, one) for value in arguments.positional for one in alternatives(value))
    elif name in ("get", "get_one", "bulk_insert_mappings", "bulk_update_mappings"):
        fits = (
            any(isinstance(one, ClassValue) and _is_entity(framework, one) for one in members)
            and len(list(arguments.every())) > 1
        )
    elif name in ("add", "merge", "refresh", "delete"):
        fits = any(isinstance(one, ModelInstance) for one in members)
    else:
        fits = name == "add_all" and isinstance(first, Items)
    if not fits:
        return None
    session = SessionValue(framework, framework.is_async)
    return _METHODS[name](session, arguments, at)


def _is_entity(framework: SQLAlchemy, value: Value) -> bool:
    if isinstance(value, ClassValue):
        adoption = framework.interpreter.adoption(value)
        return isinstance(adoption, ModelAdoption) or hasattr(adoption, "mapper")
    return isinstance(value, Real) and isinstance(
        value.object, orm.InstrumentedAttribute | sqlalchemy.sql.ClauseElement
    )


class SessionMaker(Value):
    """``sessionmaker()``: calling it gives a session."""

    __slots__ = ("session",)

    def __init__(self, session: SessionValue) -> None:
        self.session = session

    def call(self, arguments: Arguments, at: Frame) -> Value:
        old = self.session
        return SessionValue(old.framework, old.is_async, old.cls, old.query_class)

    def attribute(self, name: str, at: Frame) -> Value:
        if name in ("begin",):
            return Native(name, lambda arguments, frame: self.call(arguments, frame))
        if name == "configure":
            return Native(name, lambda arguments, frame: Known(None))
        return self.session.attribute(name, at)

    def key(self) -> object:
        return ("sessionmaker", self.session.key())


def call(framework: SQLAlchemy, thing: Any, arguments: Arguments, at: Frame) -> Value | None:
    """Constructing sessions, factories and engines."""
    if not isinstance(thing, type):
        return None
    if thing in SYNC:
        first = arguments.first()
        if isinstance(first, SessionMaker):
            return first.session
        return SessionValue(framework, False)
    if thing in ASYNC:
        first = arguments.first()
        if isinstance(first, SessionMaker):
            return first.session
        return SessionValue(framework, True)
    if thing in MAKERS:
        cls = arguments.named.get("class_")
        is_async = thing is sa_asyncio.async_sessionmaker or (isinstance(cls, Real) and cls.object in ASYNC)
        own = cls if isinstance(cls, ClassValue) else None
        if own is not None:
            adoption = framework.interpreter.adoption(own)
            is_async = is_async or bool(getattr(adoption, "is_async", False))
        query_cls = arguments.named.get("query_cls")
        return SessionMaker(
            SessionValue(framework, is_async, own, query_cls if isinstance(query_cls, ClassValue) else None)
        )
    if thing in ENGINES:
        return EngineValue(framework, thing is sa_asyncio.AsyncEngine)
    if thing is orm.Query:
        return _query(SessionValue(framework), Arguments(_entities(arguments)), at)
    return None


def _entities(arguments: Arguments) -> list[Value]:
    first = arguments.first()
    if isinstance(first, Items):
        return list(first.items)
    return [first] if first is not None else []


def typed(framework: SQLAlchemy, value: Value, parameters: Any, at: Frame) -> Value | None:
    """An instance of a class of SQLAlchemy's that an annotation names."""
    if not isinstance(value, Real) or not isinstance(value.object, type):
        return None
    thing = value.object
    if thing in SYNC or thing in ASYNC:
        return SessionValue(
            framework, thing in ASYNC, is_connection=thing in (sqlalchemy.Connection, sa_asyncio.AsyncConnection)
        )
    if thing in MAKERS:
        is_async = thing is sa_asyncio.async_sessionmaker
        given = parameters[0] if parameters else None
        if isinstance(given, Real) and given.object in ASYNC:
            is_async = True
        return SessionMaker(SessionValue(framework, is_async))
    if thing in ENGINES:
        return EngineValue(framework, thing is sa_asyncio.AsyncEngine)
    if thing is orm.Query or (isinstance(thing, type) and issubclass(thing, sqlalchemy.Select)):
        for one in parameters or ():
            inner = one.items[0] if isinstance(one, Items) and one.items else one
            if isinstance(inner, ClassValue) and _is_entity(framework, inner):
                framework.build()
                real = framework.real_class(inner)
                made: Any = orm.Query(real) if thing is orm.Query else sqlalchemy.select(real)
                return Statement(framework, made, at.place, "conditions of the caller")
    return None


class SessionAdoption:
    """A class of the project that is a session."""

    label = None

    def __init__(self, framework: SQLAlchemy, cls: ClassValue, base: type) -> None:
        self.framework = framework
        self.cls = cls
        self.is_async = issubclass(base, sa_asyncio.AsyncSession)

    def class_attribute(self, name: str, at: Frame) -> Value | None:
        return None

    def instantiate(self, arguments: Arguments, at: Frame) -> Value:
        return SessionValue(self.framework, self.is_async, self.cls)

    def typed(self, at: Frame) -> Value:
        return SessionValue(self.framework, self.is_async, self.cls)


class QueryAdoption:
    """A class of the project that refines the legacy Query."""

    label = None

    def __init__(self, framework: SQLAlchemy, cls: ClassValue) -> None:
        self.framework = framework
        self.cls = cls
        framework.kept.setdefault("query class", cls)

    def class_attribute(self, name: str, at: Frame) -> Value | None:
        return None

    def instantiate(self, arguments: Arguments, at: Frame) -> Value:
        return _query(SessionValue(self.framework, False, None, self.cls), Arguments(_entities(arguments)), at)

    def typed(self, at: Frame) -> Value:
        return Unknown(f"a {self.cls.name}")


__all__ = ["Bound", "SessionValue", "many", "shape_of", "unknown_call"]
